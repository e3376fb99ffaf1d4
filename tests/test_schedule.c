/* test_schedule.c: schedules at their edges, against values worked out by hand. */
#include "core/error.h"
#include "core/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const double tolerance = 1e-15;

static void assert_near(double value, double expected, double allowed)
{
    if (!(fabs(value - expected) <= allowed))
        fail_msg("%.17g is not %.17g within %g", value, expected, allowed);
}

static double at(bso_schedule_kind kind, double factor, int stages, uint64_t total, uint64_t k)
{
    const bso_schedule s = {kind, factor, stages, total};
    return bso_schedule_value(&s, 8.0, k);
}

static void constant_never_changes(void **state)
{
    (void)state;
    assert_true(at(BSO_SCHEDULE_CONSTANT, 0.1, 4, 10, 0) == 8.0);
    assert_true(at(BSO_SCHEDULE_CONSTANT, 0.1, 4, 10, UINT64_MAX) == 8.0);
}

static void step_changes_at_stage_boundaries(void **state)
{
    (void)state;
    /* floor(4 k / 10) is 0 0 0 1 1 2 2 2 3 3; then the last stage stays. */
    const double values[] = {8, 8, 8, 4, 4, 2, 2, 2, 1, 1, 1, 1};
    for (uint64_t k = 0; k < sizeof values / sizeof values[0]; k++)
        assert_true(at(BSO_SCHEDULE_STEP, 0.5, 4, 10, k) == values[k]);
    assert_near(at(BSO_SCHEDULE_STEP, 0.1, 4, 10, 9), 8e-3, tolerance);
    assert_true(at(BSO_SCHEDULE_STEP, 0.5, 4, 10, UINT64_MAX) == 1);
    assert_true(at(BSO_SCHEDULE_STEP, 0.5, 1, 10, 9) == 8);
    assert_true(at(BSO_SCHEDULE_STEP, 1, 4, 10, 9) == 8);
    assert_true(at(BSO_SCHEDULE_STEP, 0.5, 4, 1, 0) == 8);
    /* More stages than updates: some are skipped. */
    assert_true(at(BSO_SCHEDULE_STEP, 0.5, 4, 2, 1) == 2);
}

static void step_is_exact_for_long_trainings(void **state)
{
    (void)state;
    const uint64_t totals[] = {9, 1000, 156400, 3000001, UINT64_C(1) << 40};
    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++) {
        for (uint64_t stages = 1; stages <= 8; stages++) {
            for (uint64_t stage = 1; stage < stages; stage++) {
                /* The first update of a stage is the smallest k with k * stages >= stage * total. */
                const uint64_t first = (totals[i] * stage + stages - 1) / stages;
                const double value = at(BSO_SCHEDULE_STEP, 0.5, (int)stages, totals[i], first);
                assert_true(value == 8 / (double)(UINT64_C(1) << stage));
                assert_true(at(BSO_SCHEDULE_STEP, 0.5, (int)stages, totals[i], first - 1) == 2 * value);
            }
        }
    }
}

static void cosine_goes_from_base_towards_zero(void **state)
{
    (void)state;
    assert_true(at(BSO_SCHEDULE_COSINE, 0, 1, 4, 0) == 8);
    assert_near(at(BSO_SCHEDULE_COSINE, 0, 1, 4, 2), 4, 4 * tolerance);
    const double last = at(BSO_SCHEDULE_COSINE, 0, 1, 4, 3);
    assert_near(last, 4 * (1 - 0.70710678118654752440), 8 * tolerance);
    assert_true(at(BSO_SCHEDULE_COSINE, 0, 1, 4, 4) == last);
    assert_true(at(BSO_SCHEDULE_COSINE, 0, 1, 4, UINT64_MAX) == last);
    assert_true(at(BSO_SCHEDULE_COSINE, 0, 1, 1, 0) == 8);
}

static void inverse_powers_know_no_end(void **state)
{
    (void)state;
    assert_true(at(BSO_SCHEDULE_INVERSE_SQRT, 0, 1, 1, 0) == 8);
    assert_true(at(BSO_SCHEDULE_INVERSE_SQRT, 0, 1, 1, 15) == 2);
    assert_true(at(BSO_SCHEDULE_INVERSE_FOURTH, 0, 1, 1, 0) == 8);
    assert_true(at(BSO_SCHEDULE_INVERSE_FOURTH, 0, 1, 1, 15) == 4);
    assert_true(at(BSO_SCHEDULE_INVERSE_FOURTH, 0, 1, 1, 255) == 2);
}

static void names_and_kinds_agree(void **state)
{
    (void)state;
    const char *const names[] = {"constant", "step", "cosine", "inverse_sqrt", "inverse_fourth"};
    for (int i = 0; i <= BSO_SCHEDULE_INVERSE_FOURTH; i++) {
        bso_schedule_kind kind;
        assert_string_equal(bso_schedule_name((bso_schedule_kind)i), names[i]);
        assert_int_equal(bso_schedule_parse(names[i], &kind), 0);
        assert_int_equal(kind, i);
    }
    bso_schedule_kind kind = BSO_SCHEDULE_COSINE;
    assert_int_equal(bso_schedule_parse("", &kind), BSO_ERROR);
    assert_int_equal(bso_schedule_parse("Step", &kind), BSO_ERROR);
    assert_int_equal(kind, BSO_SCHEDULE_COSINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_never_changes),
        cmocka_unit_test(step_changes_at_stage_boundaries),
        cmocka_unit_test(step_is_exact_for_long_trainings),
        cmocka_unit_test(cosine_goes_from_base_towards_zero),
        cmocka_unit_test(inverse_powers_know_no_end),
        cmocka_unit_test(names_and_kinds_agree),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
