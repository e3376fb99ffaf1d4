/* statistics.c: see statistics.h. */
#include "experiments/statistics.h"

#include <math.h>

double bso_student_within(double t, int dof)
{
    const double pi = 3.14159265358979323846, angle = atan(t / sqrt((double)dof));
    const double c = cos(angle), s = sin(angle);
    double sum = 0, term = dof % 2 ? c : 1;
    /* Odd: cos + 2/3 cos^3 + 2 4/(3 5) cos^5 + ...; even: 1 + 1/2 cos^2 + 1 3/(2 4) cos^4 + ...; up to
     * cos^(dof - 2). */
    for (int power = dof % 2; power <= dof - 2; power += 2) {
        sum += term;
        term *= c * c * (power + 1) / (power + 2);
    }
    return fmin(1, dof % 2 ? 2 / pi * (angle + s * sum) : s * sum); /* rounding may step over 1 */
}

double bso_student_bound(double share, int dof)
{
    double low = 0, high = 1;
    while (bso_student_within(high, dof) < share && high < 1e300) high *= 2;
    for (int i = 0; i < 200; i++) {
        double middle = low + (high - low) / 2;
        *(bso_student_within(middle, dof) < share ? &low : &high) = middle;
    }
    return high;
}

bso_sample bso_sample_of(const double *x, int n)
{
    bso_sample s = {.n = 0, .mean = 0, .sd = NAN, .half = NAN};
    double squares = 0;
    for (int i = 0; i < n; i++) {
        if (isnan(x[i])) continue;
        s.mean += x[i];
        s.n++;
    }
    s.mean = s.n ? s.mean / s.n : NAN;
    if (s.n < 2) return s;
    for (int i = 0; i < n; i++) {
        if (!isnan(x[i])) squares += (x[i] - s.mean) * (x[i] - s.mean);
    }
    s.sd = sqrt(squares / (s.n - 1));
    s.half = bso_student_bound(0.95, s.n - 1) * s.sd / sqrt((double)s.n);
    return s;
}

bso_paired bso_paired_test(const double *x, const double *y, int n)
{
    bso_paired r = {.t = NAN, .p = NAN};
    double squares = 0, largest = 0;
    r.difference = (bso_sample){.n = 0, .mean = 0, .sd = NAN, .half = NAN};
    bso_sample *d = &r.difference;
    for (int i = 0; i < n; i++) {
        if (isnan(x[i] - y[i])) continue;
        d->mean += x[i] - y[i];
        largest = fmax(largest, fmax(fabs(x[i]), fabs(y[i])));
        d->n++;
    }
    d->mean = d->n ? d->mean / d->n : NAN;
    if (d->n < 2) return r;
    for (int i = 0; i < n; i++) {
        double away = x[i] - y[i] - d->mean;
        if (!isnan(away)) squares += away * away;
    }
    d->sd = sqrt(squares / (d->n - 1));
    /* Equal differences of decimal fractions are not quite equal: without this, t would be 1e15. */
    if (d->sd < 1e-12 * largest) d->sd = 0;
    double error = d->sd / sqrt((double)d->n);
    d->half = bso_student_bound(0.95, d->n - 1) * error;
    if (error == 0) return r;
    r.t = d->mean / error;
    r.p = 1 - bso_student_within(fabs(r.t), d->n - 1);
    return r;
}

void bso_holm(const double *p, int n, double *adjusted)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        adjusted[i] = NAN;
        count += !isnan(p[i]);
    }
    double largest = 0;
    for (int rank = 0; rank < count; rank++) {
        int least = -1;
        for (int i = 0; i < n; i++) {
            if (isnan(p[i]) || !isnan(adjusted[i])) continue;
            if (least < 0 || p[i] < p[least]) least = i;
        }
        largest = fmax(largest, fmin(1, p[least] * (count - rank)));
        adjusted[least] = largest;
    }
}

bso_power bso_power_of(const double *x, const double *y, int n)
{
    const bso_power none = {NAN, NAN};
    double sx = 0, sy = 0, sxx = 0, sxy = 0, rest = 0;
    for (int i = 0; i < n; i++) {
        if (!(x[i] > 0 && y[i] > 0)) return none;
        sx += log(x[i]);
        sy += log(y[i]);
    }
    if (n < 3) return none;
    for (int i = 0; i < n; i++) {
        const double dx = log(x[i]) - sx / n, dy = log(y[i]) - sy / n;
        sxx += dx * dx;
        sxy += dx * dy;
    }
    /* Points of one x differ from their mean by rounding alone. */
    if (!(sxx > 1e-20 * n)) return none;
    const double slope = sxy / sxx;
    for (int i = 0; i < n; i++) {
        const double off = log(y[i]) - sy / n - slope * (log(x[i]) - sx / n);
        rest += off * off;
    }
    return (bso_power){slope, sqrt(rest / (n - 2) / sxx)};
}
