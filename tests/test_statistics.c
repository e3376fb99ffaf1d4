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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_are_those_of_the_tables),
        cmocka_unit_test(distribution_is_the_integral_of_the_density),
        cmocka_unit_test(samples),
        cmocka_unit_test(paired),
        cmocka_unit_test(holm),
        cmocka_unit_test(best_of_k_is_the_mean_over_all_draws),
    };
    return cmocka_run_group_tests_name("statistics", tests, NULL, NULL);
}
