/* test_statistics.c: Student's distribution against published tables and numeric integration, intervals, the
 * paired test and Holm's correction against worked examples, and the expected best of k trials against all
 * draws.
 */
#include "experiments/statistics.h"
#include "experiments/tune.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void near(double value, double expected, double allowed)
{
    if (!(fabs(value - expected) <= allowed))
        fail_msg("%.12g is not %.12g within %g", value, expected, allowed);
}

/* Two-sided bounds as printed in tables (Fisher and Yates). */
static void bounds_are_those_of_the_tables(void **state)
{
    (void)state;
    static const struct {
        int dof;
        double at95, at99;
    } table[] = {{1, 12.706, 63.657}, {2, 4.303, 9.925},  {3, 3.182, 5.841},  {4, 2.776, 4.604},
                 {5, 2.571, 4.032},   {10, 2.228, 3.169}, {30, 2.042, 2.750}, {100, 1.984, 2.626}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        near(bso_student_bound(0.95, table[i].dof), table[i].at95, 6e-4);
        near(bso_student_bound(0.99, table[i].dof), table[i].at99, 6e-4);
    }
}

/* The density integrated by Simpson's rule. */
static double integrated(double t, int dof)
{
    enum { PIECES = 20000 };
    double scale = exp(lgamma((dof + 1) / 2.0) - lgamma(dof / 2.0)) / sqrt(dof * 3.14159265358979323846),
           sum = 0;
    for (int i = 0; i <= PIECES; i++) {
        double x = t * i / PIECES, weight = i == 0 || i == PIECES ? 1 : i % 2 ? 4 : 2;
        sum += weight * pow(1 + x * x / dof, -(dof + 1) / 2.0);
    }
    return 2 * scale * sum * t / PIECES / 3;
}

static void distribution_is_the_integral_of_the_density(void **state)
{
    (void)state;
    static const double at[] = {0, 0.01, 0.5, 1, 2.5, 7};
    for (int dof = 1; dof <= 41; dof += 3) {
        for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
            near(bso_student_within(at[i], dof), integrated(at[i], dof), 1e-9);
        }
        near(bso_student_within(bso_student_bound(0.3, dof), dof), 0.3, 1e-12);
    }
    assert_true(bso_student_bound(0, 3) < 1e-50);
}

/* No negative p, and no loss of monotony, however far out. */
static void distribution_ends_at_one(void **state)
{
    (void)state;
    for (int dof = 1; dof <= 63; dof++) {
        double before = 0;
        for (double t = 1; t < 1e18; t *= 10) {
            double within = bso_student_within(t, dof);
            assert_true(within <= 1 && within >= before - 1e-15);
            before = within;
        }
        near(bso_student_within(1e300, dof), 1, 1e-15);
    }
}

static void samples(void **state)
{
    (void)state;
    const double x[] = {2, NAN, 4, 4, 4, 5, 5, 7, 9, NAN};
    bso_sample s = bso_sample_of(x, 10);
    assert_int_equal(s.n, 8);
    near(s.mean, 5, 0);
    near(s.sd, sqrt(32.0 / 7), 1e-15);
    near(s.half, 2.364624 * sqrt(32.0 / 7) / sqrt(8), 1e-6);
    s = bso_sample_of(x, 2);
    assert_int_equal(s.n, 1);
    assert_true(s.mean == 2 && isnan(s.sd) && isnan(s.half));
    s = bso_sample_of(x + 1, 1);
    assert_true(s.n == 0 && isnan(s.mean) && isnan(s.sd) && isnan(s.half));
    const double equal[] = {3, 3, 3};
    s = bso_sample_of(equal, 3);
    assert_true(s.mean == 3 && s.sd == 0 && s.half == 0);
}

/* Differences 1, 2, 3, 6: mean 3, sd sqrt(14/3), t = 3 / (sqrt(14/3) / 2), and p of t at 3 degrees of freedom
 * by the closed form. */
static void paired(void **state)
{
    (void)state;
    const double x[] = {11, 22, 33, NAN, 46, 50}, y[] = {10, 20, 30, 1, 40, NAN};
    bso_paired r = bso_paired_test(x, y, 6);
    assert_int_equal(r.difference.n, 4);
    near(r.difference.mean, 3, 0);
    near(r.difference.sd, sqrt(14.0 / 3), 1e-15);
    near(r.t, 6 / sqrt(14.0 / 3), 1e-14);
    near(r.p, 1 - integrated(r.t, 3), 1e-9);
    near(r.difference.half, 3.182446 * sqrt(14.0 / 3) / 2, 1e-5);
    bso_paired other = bso_paired_test(y, x, 6);
    assert_true(other.t == -r.t && other.p == r.p);
    r = bso_paired_test(x, y, 1);
    assert_true(r.difference.n == 1 && r.difference.mean == 1 && isnan(r.t) && isnan(r.p));
    const double shifted[] = {1, 2, 3}, base[] = {0, 1, 2};
    r = bso_paired_test(shifted, base, 3); /* no spread: no test */
    assert_true(r.difference.mean == 1 && r.difference.sd == 0 && isnan(r.t) && isnan(r.p));
    /* Equal but for rounding: 82.31 - 82.21 and 81.11 - 81.01 differ in the last bits. */
    const double percent[] = {82.31, 81.11, 79.53}, less[] = {82.21, 81.01, 79.43};
    assert_true(percent[0] - less[0] != percent[1] - less[1]);
    r = bso_paired_test(percent, less, 3);
    assert_true(r.difference.sd == 0 && r.difference.half == 0 && isnan(r.t) && isnan(r.p));
    near(r.difference.mean, 0.1, 1e-12);
    /* One test sample of a million is no rounding. */
    const double nearly[] = {82.31, 81.1101, 79.53};
    r = bso_paired_test(nearly, less, 3);
    assert_true(r.difference.sd > 0 && r.t > 0 && r.p >= 0 && r.p < 1e-5);
    r = bso_paired_test(nearly, nearly, 3);
    assert_true(r.difference.mean == 0 && r.difference.sd == 0 && isnan(r.p));
}

/* Student's own data (1908, hours of sleep gained by ten patients with two drugs): t = 4.0621, p = 0.002833,
 * 95 % interval 0.70 to 2.46, as every textbook and R's `sleep` have it. */
static void students_sleep(void **state)
{
    (void)state;
    const double first[] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0},
                 second[] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
    bso_paired r = bso_paired_test(second, first, 10);
    near(r.difference.mean, 1.58, 1e-12);
    near(r.t, 4.0621, 5e-5);
    near(r.p, 0.002833, 5e-7);
    near(r.difference.mean - r.difference.half, 0.7001142, 5e-7);
    near(r.difference.mean + r.difference.half, 2.4598858, 5e-7);
}

static void holm(void **state)
{
    (void)state;
    double a[6];
    const double p[] = {0.01, NAN, 0.04, 0.03, 0.005, 0.9}, expected[] = {0.04, NAN, 0.09, 0.09, 0.025, 0.9};
    bso_holm(p, 6, a);
    for (int i = 0; i < 6; i++) {
        if (isnan(expected[i])) {
            assert_true(isnan(a[i]));
        } else {
            near(a[i], expected[i], 1e-15);
        }
    }
    const double ties[] = {0.5, 0.5, 0.5};
    bso_holm(ties, 3, a);
    for (int i = 0; i < 3; i++) assert_true(a[i] == 1);
    const double one[] = {0.02};
    bso_holm(one, 1, a);
    near(a[0], 0.02, 0);
    bso_holm(one, 0, a);
    const double none[] = {NAN, NAN};
    bso_holm(none, 2, a);
    assert_true(isnan(a[0]) && isnan(a[1]));
    /* Two equal ones among others, and 0: as R's p.adjust(c(0.02, 0, 0.02, 0.6), "holm"). */
    const double some[] = {0.02, 0, 0.02, 0.6}, some_expected[] = {0.06, 0, 0.06, 0.6};
    bso_holm(some, 4, a);
    for (int i = 0; i < 4; i++) near(a[i], some_expected[i], 1e-15);
}

/* All n^k draws with replacement, one after the other. */
static void brute(const double *x, int n, int k, double *mean, double *sd)
{
    int draws = 1;
    double sum = 0, squares = 0;
    for (int i = 0; i < k; i++) draws *= n;
    for (int draw = 0; draw < draws; draw++) {
        double best = 0;
        for (int i = 0, rest = draw; i < k; i++, rest /= n) {
            if (!isnan(x[rest % n])) best = fmax(best, x[rest % n]);
        }
        sum += best;
        squares += best * best;
    }
    *mean = sum / draws;
    *sd = sqrt(fmax(0, squares / draws - *mean * *mean));
}

static void best_of_k_is_the_mean_over_all_draws(void **state)
{
    (void)state;
    const double x[] = {61.5, 70, NAN, 70, 12, 55.25, NAN};
    for (int n = 1; n <= 7; n++) {
        for (int k = 1; k <= 5; k++) {
            double mean, sd, expected, expected_sd;
            bso_best_of(x, n, k, &mean, &sd);
            brute(x, n, k, &expected, &expected_sd);
            near(mean, expected, 1e-10);
            near(sd, expected_sd, 1e-5);
        }
    }
    double mean, sd;
    bso_best_of(x + 2, 1, 3, &mean, &sd); /* a trial that did not reach its end is worth nothing */
    assert_true(mean == 0 && sd == 0);
}

static void powers_are_found(void **state)
{
    (void)state;
    double x[12], y[12];
    for (int i = 0; i < 12; i++) {
        x[i] = pow(2, i % 4);
        y[i] = 3 * pow(x[i], -0.5);
    }
    bso_power p = bso_power_of(x, y, 12);
    near(p.exponent, -0.5, 1e-12);
    near(p.error, 0, 1e-12);
    /* log x = 0, 1, 2 and log y = 0, 2, 1: slope 1/2, residuals -1/2, 1, -1/2. */
    const double e = exp(1), u[] = {1, e, e * e}, v[] = {1, e * e, e};
    p = bso_power_of(u, v, 3);
    near(p.exponent, 0.5, 1e-12);
    near(p.error, sqrt(1.5 / 1 / 2), 1e-12);
    assert_true(isnan(bso_power_of(x, y, 2).exponent) && isnan(bso_power_of(x, y, 0).error));
    y[1] = 0;
    assert_true(isnan(bso_power_of(x, y, 3).exponent));
    const double same[] = {7, 7, 7, 7};
    assert_true(isnan(bso_power_of(same, x, 4).exponent) && isnan(bso_power_of(same, x, 4).error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_are_those_of_the_tables),
        cmocka_unit_test(distribution_is_the_integral_of_the_density),
        cmocka_unit_test(distribution_ends_at_one),
        cmocka_unit_test(samples),
        cmocka_unit_test(paired),
        cmocka_unit_test(students_sleep),
        cmocka_unit_test(holm),
        cmocka_unit_test(best_of_k_is_the_mean_over_all_draws),
        cmocka_unit_test(powers_are_found),
    };
    return cmocka_run_group_tests_name("statistics", tests, NULL, NULL);
}
