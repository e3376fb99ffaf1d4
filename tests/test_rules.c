/* test_rules.c: are the update rules the formulas they claim to be?
 *
 * BSO and T-BSO are compared with a scalar re-implementation, weight by weight, flips equal; Adam and
 * gradient descent with steps worked out by hand.
 */
#include "tests/rules.h"

#include <float.h>
#include <string.h>

static void set_bit(bso_param *p, int k, int o, bool positive)
{
    uint64_t *word = p->bits + o * p->words + k / 64, mask = UINT64_C(1) << k % 64;
    *word = positive ? *word | mask : *word & ~mask;
}

/* ---- BSO and T-BSO against the formulas ---- */

/* One weight at a time, in the letters of the paper; v is NULL for BSO. Returns the flips. */
static uint64_t scalar_update(double *w, float *m, double *v, const float *g, size_t count, double gamma,
                              double c1, double c2, double eps)
{
    uint64_t flips = 0;
    double threshold = gamma;
    if (v) {
        double sum = 0;
        for (size_t i = 0; i < count; i++) sum += pow(g[i], 2);
        *v = (1 - c2) * *v + c2 * (sum / (double)count);
        threshold = gamma * sqrt(*v + eps);
    }
    for (size_t i = 0; i < count; i++) {
        const float kept = (float)(1 - c1) * m[i], added = (float)c1 * g[i];
        m[i] = kept + added;
        if (w[i] * m[i] > threshold) {
            w[i] = -w[i];
            flips++;
        }
    }
    return flips;
}

static void compare_with_formulas(const char *name, double gamma)
{
    enum { STEPS = 3, ROUNDS = 4, STAGES = 4 };
    const bso_optimizer *rule = find(name);
    const bso_schedule step = {BSO_SCHEDULE_STEP, 0.5, STAGES, STEPS * ROUNDS};
    /* At c1 = 0.33 the order of rounding and subtracting shows in the momentum. */
    const double c1 = 0.33, c2 = 0.1, eps = 1e-20;
    double base[BSO_HYPER_MAX];
    defaults(rule, base);
    set_hyper(rule, base, "gamma", gamma);
    set_hyper(rule, base, "one_minus_beta1", c1);
    if (rule->second_moment) set_hyper(rule, base, "one_minus_beta2", c2);
    for (int s = 0; s < SHAPES; s++) {
        bso_param p = make_param(BSO_REP_BITS, shapes[s].rows, shapes[s].cols);
        const size_t count = bso_param_count(&p);
        double *w = allocate(count, sizeof *w), v[STEPS] = {0};
        float *m = allocate(count, sizeof *m);
        for (size_t i = 0; i < count; i++) w[i] = bso_param_value(&p, i);
        bso_learner l;
        assert_int_equal(bso_learner_init(&l, rule, &p, STEPS, base, &step, &constant, NULL), 0);
        uint64_t total = 0;
        for (int k = 0; k < STEPS * ROUNDS; k++) {
            const int t = k % STEPS;
            float *g = make_gradient(count, (uint32_t)(100 + k));
            const double scale = pow(0.5, k * STAGES / (STEPS * ROUNDS));
            update(&l, t, g);
            const uint64_t flips = scalar_update(w, m, rule->second_moment ? v + t : NULL, g, count,
                                                 gamma * scale, c1 * scale, c2, eps);
            assert_int_equal(l.flips, flips);
            assert_memory_equal(rule->momentum(&l), m, count * sizeof *m);
            for (size_t i = 0; i < count; i++) assert_true(bso_param_value(&p, i) == w[i]);
            for (int i = 0; rule->second_moment && i < STEPS; i++) {
                /* The library sums squares in another order. */
                assert_true(fabs(rule->second_moment(&l, i) - v[i]) <= 1e-13 * v[i]);
                assert_true(fabs(rule->threshold(&l, i) - gamma * scale * sqrt(v[i] + eps)) <=
                            1e-13 * gamma * sqrt(v[i] + eps));
            }
            total += flips;
            free(g);
        }
        assert_int_equal(l.update, STEPS * ROUNDS);
        assert_padding_is_zero(&p);
        /* Neither all nor nothing, or the comparison shows little. */
        if (count > 100) assert_in_range(total, count / 20, count * STEPS * ROUNDS / 2);
        bso_learner_free(&l);
        free_param(&p);
        free(w);
        free(m);
    }
}

static void bso_is_its_formula(void **state)
{
    (void)state;
    compare_with_formulas("bso", 0.02);
    compare_with_formulas("bso", 0);
}

static void tbso_is_its_formula(void **state)
{
    (void)state;
    compare_with_formulas("tbso", 0.4);
    compare_with_formulas("tbso", 0);
}

/* beta1 = 0 makes the momentum the gradient, so that it can be put on the threshold and beside it. */
static void flips_of(const char *name, double gamma, const float *gradient, int count, const bool *expected)
{
    const bso_optimizer *rule = find(name);
    double base[BSO_HYPER_MAX];
    defaults(rule, base);
    set_hyper(rule, base, "gamma", gamma);
    set_hyper(rule, base, "one_minus_beta1", 1);
    if (rule->second_moment) set_hyper(rule, base, "one_minus_beta2", 1);
    if (rule->second_moment) set_hyper(rule, base, "eps", 0);
    for (int sign = -1; sign <= 1; sign += 2) {
        bso_param p = make_param(BSO_REP_BITS, count, 1);
        float *g = allocate((size_t)count, sizeof *g);
        for (int i = 0; i < count; i++) {
            set_bit(&p, i, 0, sign > 0);
            g[i] = (float)sign * gradient[i];
        }
        bso_learner l;
        init(&l, rule, &p, 1, base);
        update(&l, 0, g);
        for (int i = 0; i < count; i++) {
            const float value = (float)(expected[i] ? -sign : sign);
            assert_true(bso_param_value(&p, (size_t)i) == value);
        }
        bso_learner_free(&l);
        free_param(&p);
        free(g);
    }
}

static void ties_do_not_flip(void **state)
{
    (void)state;
    const float on[] = {0.25F, 0.25000003F, 0.24999999F, -0.25F, -0.25000003F, 0, FLT_MAX};
    flips_of("bso", 0.25, on, 7, (const bool[]){false, true, false, false, false, false, true});
    const float zero[] = {0, -0.0F, 1e-30F, -1e-30F};
    flips_of("bso", 0, zero, 4, (const bool[]){false, false, true, false});
    /* A threshold between two floats: 0.1f lies above 0.1, 0.7f below 0.7. */
    flips_of("bso", 0.1, (const float[]){0.1F}, 1, (const bool[]){true});
    flips_of("bso", 0.7, (const float[]){0.7F}, 1, (const bool[]){false});
    /* v = mean of 1/4 = 1/4 exactly: threshold gamma / 2. */
    const float half[] = {0.5F, -0.5F, 0.5F, 0.5F, -0.5F};
    flips_of("tbso", 1, half, 5, (const bool[]){false, false, false, false, false});
    flips_of("tbso", 0.99999999, half, 5, (const bool[]){true, false, true, true, false});
    flips_of("tbso", 1.00000001, half, 5, (const bool[]){false, false, false, false, false});
    /* No gradient at all and eps = 0: threshold 0, and nothing exceeds it. */
    flips_of("tbso", 1, zero, 2, (const bool[]){false, false});
}

static void second_moment_is_per_layer_and_time_step(void **state)
{
    (void)state;
    const bso_optimizer *rule = find("tbso");
    double base[BSO_HYPER_MAX];
    defaults(rule, base);
    set_hyper(rule, base, "one_minus_beta2", 0.25);
    const float one[] = {1, 1, 1}, two[] = {2, 2, 2};
    bso_param p = make_param(BSO_REP_BITS, 3, 1), q = make_param(BSO_REP_BITS, 3, 1);
    bso_learner l, other;
    init(&l, rule, &p, 3, base);
    init(&other, rule, &q, 3, base);
    update(&l, 1, one);
    update(&l, 2, two);
    update(&l, 1, one);
    assert_true(rule->second_moment(&l, 0) == 0);
    assert_true(rule->second_moment(&l, 1) == 0.75 * 0.25 + 0.25);
    assert_true(rule->second_moment(&l, 2) == 0.25 * 4);
    for (int t = 0; t < 3; t++) assert_true(rule->second_moment(&other, t) == 0);
    bso_learner_free(&l);
    bso_learner_free(&other);
    free_param(&p);
    free_param(&q);
}

/* ---- Adam and gradient descent by hand ---- */

static void adam_follows_kingma_and_ba(void **state)
{
    (void)state;
    const bso_optimizer *rules[] = {find("adam"), find("adam_ste")};
    for (int i = 0; i < 2; i++) {
        double base[BSO_HYPER_MAX];
        defaults(rules[i], base);
        bso_param p = make_param(rules[i]->representation, 1, 1);
        p.real[0] = 0.5F;
        bso_learner l;
        init(&l, rules[i], &p, 1, base);
        double w = 0.5 - 1e-3; /* the first step is lr sign(g) */
        update(&l, 0, (const float[]){0.1F});
        assert_near(p.real[0], w, 1e-7);
        w += 1e-3 * (0.011 / 0.19) /
             sqrt(4.999e-5 / 0.001999); /* m = 0.9 * 0.01 - 0.02, v = 0.999e-5 + 4e-5 */
        update(&l, 0, (const float[]){-0.2F});
        assert_near(p.real[0], w, 1e-7);
        w -= 1e-3 * (0.0201 / 0.271) / sqrt((0.999 * 4.999e-5 + 9e-5) / 0.002997001);
        update(&l, 0, (const float[]){0.3F});
        assert_near(p.real[0], w, 1e-7);
        assert_near(rules[i]->momentum(&l)[0], 0.0201, 1e-8);
        bso_learner_free(&l);
        free_param(&p);
    }
}

static void adam_adds_eps_to_the_corrected_root(void **state)
{
    (void)state;
    const bso_optimizer *rule = find("adam");
    bso_param p = make_param(BSO_REP_FLOAT, 1, 1);
    p.real[0] = 0;
    bso_learner l;
    init(&l, rule, &p, 1, (const double[]){0.5, 0.1, 1e-3, 0.25});
    update(&l, 0, (const float[]){0.75F});
    assert_near(p.real[0], -0.5 * 0.75 / (0.75 + 0.25), 1e-6);
    bso_learner_free(&l);
    free_param(&p);
}

static void sgd_follows_its_schedule(void **state)
{
    (void)state;
    const bso_optimizer *rule = find("sgd");
    const bso_schedule cosine = {BSO_SCHEDULE_COSINE, 0, 1, 2};
    bso_param p = make_param(BSO_REP_FLOAT, 1, 2);
    p.real[0] = 2, p.real[1] = -3;
    bso_learner l;
    assert_int_equal(bso_learner_init(&l, rule, &p, 1, (const double[]){0.5}, &constant, &cosine, NULL), 0);
    const float expected[][2] = {
        {1.5F, -4}, {1.25F, -4.5F}, {1, -5}}; /* lr 0.5, 0.25, and 0.25 beyond the end */
    for (int k = 0; k < 3; k++) {
        update(&l, 0, (const float[]){1, 2});
        for (int i = 0; i < 2; i++) assert_near(p.real[i], expected[k][i], 1e-6);
    }
    assert_int_equal(l.flips, 0);
    bso_learner_free(&l);
    free_param(&p);
}

static void straight_through_is_clipped(void **state)
{
    (void)state;
    const float before[] = {0.5F, 1, -1, 1.0000001F, -1.5F, 0, 0.25F, -0.125F};
    const float after[] = {0.25F, 0.75F, -1.25F, 1.0000001F, -1.5F, -0.25F, 0, -0.375F};
    const bso_optimizer *rule = find("sgd_ste");
    bso_param p = make_param(BSO_REP_LATENT, 8, 1);
    memcpy(p.real, before, sizeof before);
    bso_param_sign(&p);
    bso_learner l;
    init(&l, rule, &p, 1, (const double[]){0.25});
    update(&l, 0, (const float[]){1, 1, 1, 1, 1, 1, 1, 1});
    assert_memory_equal(p.real, after, sizeof after);
    assert_int_equal(l.flips, 1); /* 0 counts as +1 before and after */
    for (size_t i = 0; i < 8; i++) assert_true(bso_param_value(&p, i) == (after[i] < 0 ? -1 : 1));
    bso_learner_free(&l);

    /* Outside the clip Adam sees a gradient of 0: from rest it does not move. */
    const bso_optimizer *adam = find("adam_ste");
    double base[BSO_HYPER_MAX];
    defaults(adam, base);
    memcpy(p.real, before, sizeof before);
    bso_param_sign(&p);
    init(&l, adam, &p, 1, base);
    update(&l, 0, (const float[]){1, 1, 1, 1, 1, 1, 1, 1});
    for (size_t i = 0; i < 8; i++) {
        const double move = fabsf(before[i]) <= 1 ? 1e-3 : 0;
        assert_near(before[i] - p.real[i], move, 2e-7);
    }
    bso_learner_free(&l);
    free_param(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bso_is_its_formula),
        cmocka_unit_test(tbso_is_its_formula),
        cmocka_unit_test(ties_do_not_flip),
        cmocka_unit_test(second_moment_is_per_layer_and_time_step),
        cmocka_unit_test(adam_follows_kingma_and_ba),
        cmocka_unit_test(adam_adds_eps_to_the_corrected_root),
        cmocka_unit_test(sgd_follows_its_schedule),
        cmocka_unit_test(straight_through_is_clipped),
    };
    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
