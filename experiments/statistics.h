/* statistics.h: what may be said of a few seeds: intervals of a mean, paired differences, and p-values
 * corrected for looking more than once. */
#ifndef BSO_STATISTICS_H
#define BSO_STATISTICS_H

/* P(|T| <= t) of Student's distribution with `dof` degrees of freedom, t >= 0, dof >= 1 (Abramowitz and
 * Stegun 1964, 26.7.3 and 26.7.4: finite sums for whole degrees of freedom). */
double bso_student_within(double t, int dof);

/* The t with P(|T| <= t) = share, 0 <= share < 1. */
double bso_student_bound(double share, int dof);

/* n values, NaN left out. */
typedef struct {
    int n;
    double mean, sd,
        half; /* sd with n - 1; half the width of the 95 % interval of the mean; NaN where n < 2 */
} bso_sample;

bso_sample bso_sample_of(const double *x, int n);

/* The differences x[i] - y[i] where both are there. */
typedef struct {
    bso_sample difference;
    double t, p; /* paired t statistic (Student 1908) and two-sided p; NaN where n < 2, or where all are equal
                    (to rounding) */
} bso_paired;

bso_paired bso_paired_test(const double *x, const double *y, int n);

/* p-values for n comparisons held against one level (Holm 1979); NaN stays NaN and does not count. */
void bso_holm(const double *p, int n, double *adjusted);

/* The exponent b of y = a x^b: least squares of log y on log x over n points. error: its standard error. Both
 * are NaN where there are fewer than 3 points, one is not positive, or all have the same x. */
typedef struct {
    double exponent, error;
} bso_power;

bso_power bso_power_of(const double *x, const double *y, int n);

#endif
