/* test_optimizer.c: does the frame around the update rules hold: binding, schedules, memory, what is reported
 * when numbers are not finite? Whether a rule computes the right thing is asked in test_rules.c, whether
 * every registered rule keeps to the frame in test_conformance.c.
 */
#include "tests/rules.h"

#include "core/error.h"
#include "core/memory.h"

#include <float.h>
#include <string.h>

/* Values under which every rule moves weights and signs within a few updates. */
static void lively(const bso_optimizer *rule, double base[BSO_HYPER_MAX])
{
    defaults(rule, base);
    if (bso_hyper_index(rule, "gamma") >= 0) set_hyper(rule, base, "gamma", 0.05);
    if (bso_hyper_index(rule, "weight_lr") >= 0) set_hyper(rule, base, "weight_lr", 0.5);
    if (bso_hyper_index(rule, "one_minus_beta1") >= 0) set_hyper(rule, base, "one_minus_beta1", 0.25);
    if (bso_hyper_index(rule, "one_minus_beta2") >= 0) set_hyper(rule, base, "one_minus_beta2", 0.3);
}

/* ---- What rules cost ---- */

static void state_is_as_large_as_the_methods_claim(void **state)
{
    (void)state;
    const bso_param p = {.rows = 144, .cols = 32, .words = 3};
    const size_t n = 144 * 32;
    assert_int_equal(find("bso")->state_bytes(&p, 4), 4 * n);
    assert_int_equal(find("tbso")->state_bytes(&p, 4), 4 * n + 4 * sizeof(double));
    assert_int_equal(find("adam")->state_bytes(&p, 4), 8 * n);
    assert_int_equal(find("adam_ste")->state_bytes(&p, 4), 8 * n);
    assert_int_equal(find("sgd")->state_bytes(&p, 4), 0);
    assert_int_equal(find("sgd_ste")->state_bytes(&p, 4), 0);
    assert_int_equal(find("bop")->state_bytes(&p, 4), 4 * n);
    assert_int_equal(find("bso_reset")->state_bytes(&p, 4), 4 * n);
    assert_int_equal(find("bop2")->state_bytes(&p, 4), 8 * n);
    assert_int_equal(find("adamw_ste")->state_bytes(&p, 4), 8 * n);
    assert_int_equal(find("sgd_momentum_ste")->state_bytes(&p, 4), 4 * n);
}

/* ---- Numbers that are not finite ---- */

static void large_gradients_are_finite(void **state)
{
    (void)state;
    const bso_optimizer *rule = find("tbso");
    double base[BSO_HYPER_MAX];
    defaults(rule, base);
    bso_param p = make_param(BSO_REP_BITS, 10, 10);
    float g[100];
    for (int i = 0; i < 100; i++) g[i] = i % 3 ? FLT_MAX : -FLT_MAX;
    bso_learner l;
    init(&l, rule, &p, 1, base);
    update(&l, 0, g);
    assert_true(isfinite(rule->second_moment(&l, 0)));
    bso_learner_free(&l);
    free_param(&p);
}

/* One update with a gradient that is 0.1 but at one weight; `says` begins the message after the name. */
static void refuse_gradient(const bso_optimizer *rule, const double *base, float at_seven, const char *says)
{
    float g[40];
    for (int i = 0; i < 40; i++) g[i] = i == 7 ? at_seven : 0.1F;
    bso_param p = make_param(rule->representation, 20, 2);
    if (p.real) p.real[7] = 0.5F; /* within reach of the straight-through gradient */
    if (p.bits && p.real) bso_param_sign(&p);
    const uint64_t bits[2] = {p.bits ? p.bits[0] : 0, p.bits ? p.bits[1] : 0};
    bso_learner l;
    init(&l, rule, &p, 3, base);
    bso_learner_begin(&l, 1);
    bso_learner_tile(&l, 0, 5, g);
    bso_learner_tile(&l, 5, 35, g + 5);
    assert_int_equal(bso_learner_end(&l), BSO_DIVERGED);
    assert_memory_equal(bso_error(), "conv2.weight: ", 14);
    assert_memory_equal(bso_error() + 14, says, strlen(says));
    assert_non_null(strstr(bso_error(), " is not finite at update 1, time step 2 of 3; "));
    for (int o = 0; p.bits && o < 2; o++) assert_true(p.bits[o] == bits[o]);
    assert_int_equal(l.flips, 0);
    assert_int_equal(l.update, 0);
    bso_learner_free(&l);
    free_param(&p);
}

static void what_is_not_finite_is_named(void **state)
{
    (void)state;
    /* Squares beyond FLT_MAX begin at 1.8e19. */
    static const struct {
        const char *rule;
        float gradient;
        const char *says;
    } cases[] = {
        {"adam", 1e20F, "second moment"}, {"adamw_ste", -1e20F, "second moment"},
        {"bop2", 1e20F, "second moment"}, {"bop2", NAN, "gradient"},
        {"sgd_ste", FLT_MAX, "weight"},   {"sgd", -FLT_MAX, "weight"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const bso_optimizer *rule = find(cases[i].rule);
        double base[BSO_HYPER_MAX];
        lively(rule, base);
        if (rule->hypers[0].follows == BSO_FOLLOWS_LR) base[0] = 100;
        refuse_gradient(rule, base, cases[i].gradient, cases[i].says);
    }
}

/* Rules made for the test: one number of each kind goes wrong where the gradient is above 1. */
static size_t one_scalar_per_weight(const bso_param *p, int time_entries)
{
    (void)time_entries;
    return bso_param_count(p) * sizeof(float);
}

static void spoil_momentum(bso_learner *l, size_t first, size_t n, const float *gradient)
{
    for (size_t i = 0; i < n; i++) ((float *)l->state)[first + i] = gradient[i] > 1 ? INFINITY : 0;
}

static void report_other_state(bso_learner *l, size_t first, size_t n, const float *gradient)
{
    spoil_momentum(l, first, n, gradient);
    bso_expect_finite(l, BSO_OTHER_STATE, (float *)l->state + first, n);
}

static void flip_all(bso_learner *l)
{
    for (int o = 0; o < l->param->cols; o++) l->param->bits[o] ^= 1;
}

static double sum_of_state(const bso_learner *l, int t)
{
    (void)t;
    return (double)((const float *)l->state)[7];
}

static void one_mechanism_reports_them_all(void **state)
{
    (void)state;
    const bso_hyper none = {0};
    bso_optimizer rule = {.name = "spoiled",
                          .representation = BSO_REP_BITS,
                          .hypers = &none,
                          .state_bytes = one_scalar_per_weight,
                          .tile = report_other_state,
                          .end = flip_all};
    refuse_gradient(&rule, NULL, 2, "state");
    rule.tile = spoil_momentum;
    rule.momentum = bso_momentum_read;
    refuse_gradient(&rule, NULL, 2, "momentum");
    /* Two at once: the one nearer to the cause. */
    rule.tile = report_other_state;
    refuse_gradient(&rule, NULL, 2, "momentum");
    refuse_gradient(&rule, NULL, INFINITY, "gradient");
    /* v of a whole layer is known only in end, which decides about its own bits. */
    rule.tile = spoil_momentum;
    rule.momentum = NULL;
    rule.end = NULL;
    rule.second_moment = sum_of_state;
    refuse_gradient(&rule, NULL, 2, "second moment");
}

/* ---- The frame ---- */

static void sign_of_zero_is_positive(void **state)
{
    (void)state;
    bso_param p = make_param(BSO_REP_LATENT, 5, 1);
    memcpy(p.real, (const float[]){0, -0.0F, 1, -1, -1e-30F}, 5 * sizeof(float));
    memset(p.bits, 0, sizeof(uint64_t));
    assert_int_equal(bso_param_sign(&p), 3);
    assert_int_equal(p.bits[0], 7);
    assert_int_equal(bso_param_sign(&p), 0);
    free_param(&p);
}

static void rules_are_found_by_name(void **state)
{
    (void)state;
    for (const bso_optimizer *const *o = bso_optimizers; *o; o++)
        assert_ptr_equal(bso_optimizer_find((*o)->name), *o);
    assert_null(bso_optimizer_find("tbzo"));
    assert_non_null(strstr(bso_error(), "tbzo"));
    assert_non_null(strstr(bso_error(), "adam_ste"));
    assert_int_equal(bso_hyper_index(find("tbso"), "eps"), 3);
    assert_int_equal(bso_hyper_index(find("tbso"), "no_such_key"), -1);
}

static void schedules_reach_the_hyperparameters(void **state)
{
    (void)state;
    const bso_optimizer *rule = find("tbso");
    const bso_schedule step = {BSO_SCHEDULE_STEP, 0.5, 2, 2};
    const double base[] = {8, 0.5, 0.25, 1, 0};
    bso_param p = make_param(BSO_REP_BITS, 2, 2);
    bso_learner l;
    assert_int_equal(bso_learner_init(&l, rule, &p, 1, base, &step, &constant, NULL), 0);
    const float g[4] = {0};
    update(&l, 0, g);
    assert_memory_equal(l.hyper, base, sizeof base);
    assert_true(rule->threshold(&l, 0) == 8);
    update(&l, 0, g);
    const double second[] = {4, 0.25, 0.25, 1, 0};
    assert_memory_equal(l.hyper, second, sizeof second);
    bso_learner_free(&l);
    free_param(&p);
}

static void init_refuses_what_cannot_work(void **state)
{
    (void)state;
    bso_param p = make_param(BSO_REP_FLOAT, 3, 3);
    double base[BSO_HYPER_MAX];
    const bso_optimizer *rule = find("bso");
    defaults(rule, base);
    bso_learner l;
    assert_int_equal(bso_learner_init(&l, rule, &p, 1, base, &constant, &constant, NULL), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "conv2.weight: optimizer bso works on one-bit weights"));
    rule = find("adam");
    defaults(rule, base);
    const size_t before = bso_mem_current(BSO_MEM_CATEGORIES);
    for (size_t n = 1; n <= 2; n++) {
        bso_mem_fail_after(n);
        assert_int_equal(bso_learner_init(&l, rule, &p, 1, base, &constant, &constant, NULL), BSO_ERROR);
        assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), before);
    }
    bso_mem_fail_after(0);
    free_param(&p);
}

static void planning_touches_nothing(void **state)
{
    (void)state;
    bso_param p = {.name = "huge.weight", .representation = BSO_REP_BITS, .rows = 1 << 20, .cols = 1 << 18};
    const bso_optimizer *rule = find("tbso");
    double base[BSO_HYPER_MAX];
    defaults(rule, base);
    const size_t before = bso_mem_current(BSO_MEM_OPTIMIZER);
    bso_mem_plan(true);
    bso_learner l;
    init(&l, rule, &p, 6, base);
    bso_mem_plan(false);
    assert_int_equal(bso_mem_current(BSO_MEM_OPTIMIZER) - before, ((size_t)1 << 40) + 48);
    bso_learner_free(&l);
}

static void partial_sums_can_be_shared(void **state)
{
    (void)state;
    const bso_optimizer *rule = find("tbso");
    double base[BSO_HYPER_MAX];
    lively(rule, base);
    bso_param small = make_param(BSO_REP_BITS, 3, 5), large = make_param(BSO_REP_BITS, 65, 40);
    double *partial = allocate(bso_partial_bytes(&large), 1);
    bso_learner a, b;
    assert_int_equal(bso_learner_init(&a, rule, &large, 1, base, &constant, &constant, partial), 0);
    assert_int_equal(bso_learner_init(&b, rule, &small, 1, base, &constant, &constant, partial), 0);
    float *g = make_gradient(65 * 40, 400);
    update(&a, 0, g);
    update(&b, 0, g);
    double sum = 0;
    for (int i = 0; i < 15; i++) sum += (double)g[i] * (double)g[i];
    assert_near(rule->second_moment(&b, 0), 0.3 * sum / 15, 1e-15);
    bso_learner_free(&a);
    bso_learner_free(&b);
    free(partial);
    free(g);
    free_param(&small);
    free_param(&large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(state_is_as_large_as_the_methods_claim),
        cmocka_unit_test(large_gradients_are_finite),
        cmocka_unit_test(what_is_not_finite_is_named),
        cmocka_unit_test(one_mechanism_reports_them_all),
        cmocka_unit_test(sign_of_zero_is_positive),
        cmocka_unit_test(rules_are_found_by_name),
        cmocka_unit_test(schedules_reach_the_hyperparameters),
        cmocka_unit_test(init_refuses_what_cannot_work),
        cmocka_unit_test(planning_touches_nothing),
        cmocka_unit_test(partial_sums_can_be_shared),
    };
    return cmocka_run_group_tests_name("optimizer", tests, NULL, NULL);
}
