/* test_rules.c: are the update rules the formulas they claim to be?
 *
 * Each is compared with a scalar re-implementation, weight by weight: flip rules bit for bit, the others
 * within rounding; Adam and gradient descent also with steps worked out by hand. What every rule must keep
 * to, whatever it computes, is asked in test_conformance.c.
 */
#include "tests/rules.h"

#include <float.h>
#include <string.h>

static void set_bit(bso_param *p, int k, int o, bool positive)
{
    uint64_t *word = p->bits + o * p->words + k / 64, mask = UINT64_C(1) << k % 64;
    *word = positive ? *word | mask : *word & ~mask;
}

/* ---- Flip rules against the formulas ---- */

typedef enum { NO_V, V_PER_TIME_STEP, V_PER_WEIGHT } v_kind;

typedef struct {
    const char *name;
    double gamma;
    bool gamma_decays, reset;
    v_kind v;
    double c2, eps, eps_outside;
} flip_case;

typedef struct {
    double *w, v[3]; /* v of T-BSO, one for each time step */
    float *m, *vs;   /* vs: v of Bop2ndOrder */
} flip_state;

/* One weight at a time, in the letters of the papers. Returns the flips. */
static uint64_t scalar_update(const flip_case *c, flip_state *s, const float *g, size_t count, int t,
                              double gamma, double c1)
{
    uint64_t flips = 0;
    double threshold = gamma;
    if (c->v == V_PER_TIME_STEP) {
        double sum = 0;
        for (size_t i = 0; i < count; i++) sum += pow(g[i], 2);
        s->v[t] = (1 - c->c2) * s->v[t] + c->c2 * (sum / (double)count);
        threshold = gamma * (sqrt(s->v[t] + c->eps) + c->eps_outside);
    }
    for (size_t i = 0; i < count; i++) {
        const float kept = (float)(1 - c1) * s->m[i], added = (float)c1 * g[i];
        s->m[i] = kept + added;
        float compared = s->m[i];
        if (c->v == V_PER_WEIGHT) {
            const float square = g[i] * g[i];
            const float kept_v = (float)(1 - c->c2) * s->vs[i], added_v = (float)c->c2 * square;
            s->vs[i] = kept_v + added_v;
            compared = s->m[i] / (sqrtf(s->vs[i]) + (float)c->eps);
        }
        if (s->w[i] * compared > threshold) {
            s->w[i] = -s->w[i];
            if (c->reset) s->m[i] = 0;
            flips++;
        }
    }
    return flips;
}

static void assert_second_moment(const flip_case *c, const bso_learner *l, const flip_state *s, double gamma)
{
    const bso_optimizer *rule = l->rule;
    const size_t count = bso_param_count(l->param);
    if (c->v == V_PER_WEIGHT) assert_memory_equal((float *)l->state + count, s->vs, count * sizeof(float));
    for (int i = 0; c->v == V_PER_TIME_STEP && i < l->time_entries; i++) {
        /* The library sums squares in another order. */
        const double threshold = gamma * (sqrt(s->v[i] + c->eps) + c->eps_outside);
        assert_near(rule->second_moment(l, i), s->v[i], 1e-13 * s->v[i]);
        assert_near(rule->threshold(l, i), threshold, 1e-13 * threshold);
    }
    if (c->v == NO_V) assert_true(rule->threshold(l, l->t) == gamma);
}

static void compare_with_formula(const flip_case *c)
{
    enum { STEPS = 3, ROUNDS = 4, STAGES = 4 };
    const bso_optimizer *rule = find(c->name);
    const bso_schedule step = {BSO_SCHEDULE_STEP, 0.5, STAGES, STEPS * ROUNDS};
    /* At c1 = 0.33 the order of rounding and subtracting shows in the momentum. */
    const double c1 = 0.33;
    double base[BSO_HYPER_MAX];
    defaults(rule, base);
    set_hyper(rule, base, "gamma", c->gamma);
    set_hyper(rule, base, "one_minus_beta1", c1);
    if (c->v != NO_V) set_hyper(rule, base, "one_minus_beta2", c->c2);
    if (c->v != NO_V) set_hyper(rule, base, "eps", c->eps);
    if (c->v == V_PER_TIME_STEP) set_hyper(rule, base, "eps_outside", c->eps_outside);
    for (int n = 0; n < SHAPES; n++) {
        bso_param p = make_param(BSO_REP_BITS, shapes[n].rows, shapes[n].cols);
        const size_t count = bso_param_count(&p);
        flip_state s = {.w = allocate(count, sizeof *s.w),
                        .m = allocate(count, sizeof *s.m),
                        .vs = allocate(count, sizeof *s.vs)};
        for (size_t i = 0; i < count; i++) s.w[i] = bso_param_value(&p, i);
        bso_learner l;
        assert_int_equal(bso_learner_init(&l, rule, &p, STEPS, base, &step, &constant, NULL), 0);
        float *m = allocate(count, sizeof *m);
        uint64_t total = 0;
        for (int k = 0; k < STEPS * ROUNDS; k++) {
            const int t = k % STEPS;
            float *g = make_gradient(count, (uint32_t)(100 + k));
            const double scale = pow(0.5, k * STAGES / (STEPS * ROUNDS));
            const double gamma = c->gamma * (c->gamma_decays ? scale : 1);
            update(&l, t, g);
            const uint64_t flips = scalar_update(c, &s, g, count, t, gamma, c1 * scale);
            assert_int_equal(l.flips, flips);
            rule->momentum(&l, 0, count, m);
            assert_memory_equal(m, s.m, count * sizeof *s.m);
            for (size_t i = 0; i < count; i++) assert_true(bso_param_value(&p, i) == s.w[i]);
            assert_second_moment(c, &l, &s, gamma);
            total += flips;
            free(g);
        }
        assert_int_equal(l.update, STEPS * ROUNDS);
        assert_int_equal(l.all_flips, total);
        assert_padding_is_zero(&p);
        /* Neither all nor nothing, or the comparison shows little. */
        if (count > 100) assert_in_range(total, count / 20, count * STEPS * ROUNDS / 2);
        bso_learner_free(&l);
        free_param(&p);
        free(m);
        free(s.w);
        free(s.m);
        free(s.vs);
    }
}

static void bso_is_its_formula(void **state)
{
    (void)state;
    compare_with_formula(&(flip_case){.name = "bso", .gamma = 0.02, .gamma_decays = true});
    compare_with_formula(&(flip_case){.name = "bso", .gamma = 0, .gamma_decays = true});
}

static void bso_reset_is_its_formula(void **state)
{
    (void)state;
    compare_with_formula(
        &(flip_case){.name = "bso_reset", .gamma = 0.02, .gamma_decays = true, .reset = true});
    compare_with_formula(&(flip_case){.name = "bso_reset", .gamma = 0, .gamma_decays = true, .reset = true});
}

static void bop_is_its_formula(void **state)
{
    (void)state;
    compare_with_formula(&(flip_case){.name = "bop", .gamma = 0.02});
    compare_with_formula(&(flip_case){.name = "bop", .gamma = 0});
}

static void bop2_is_its_formula(void **state)
{
    (void)state;
    compare_with_formula(
        &(flip_case){.name = "bop2", .gamma = 0.3, .v = V_PER_WEIGHT, .c2 = 0.11, .eps = 1e-10});
    compare_with_formula(
        &(flip_case){.name = "bop2", .gamma = 0.2, .v = V_PER_WEIGHT, .c2 = 0.11, .eps = 0.05});
    compare_with_formula(
        &(flip_case){.name = "bop2", .gamma = 0, .v = V_PER_WEIGHT, .c2 = 0.11, .eps = 1e-10});
}

static void tbso_is_its_formula(void **state)
{
    (void)state;
    flip_case c = {
        .name = "tbso", .gamma = 0.4, .gamma_decays = true, .v = V_PER_TIME_STEP, .c2 = 0.1, .eps = 1e-20};
    compare_with_formula(&c);
    c.gamma = 0;
    compare_with_formula(&c);
    /* As in the authors' code, but with a number that shows. */
    c.gamma = 0.4, c.eps = 0, c.eps_outside = 0.01;
    compare_with_formula(&c);
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

/* ---- Rules on float and latent weights against the formulas ---- */

typedef struct {
    const char *name;
    bool adam, through_sign;
    double lr, momentum, weight_decay;
} descent_case;

/* The next weight, in double; m and v are the reference's own. */
static double scalar_descent(const descent_case *c, double w, double g, double *m, double *v, double lr,
                             int k)
{
    if (c->through_sign && fabs(w) > 1) g = 0;
    if (!c->adam) {
        *m = c->momentum * *m + g;
        return w - lr * *m;
    }
    *m = 0.8 * *m + 0.2 * g;
    *v = 0.95 * *v + 0.05 * g * g;
    const double mhat = *m / (1 - pow(0.8, k)), vhat = *v / (1 - pow(0.95, k));
    return w - lr * c->weight_decay * w - lr * mhat / (sqrt(vhat) + 1e-3);
}

static void compare_descent(const descent_case *c)
{
    enum { ROUNDS = 8 };
    const bso_optimizer *rule = find(c->name);
    const bso_schedule step = {BSO_SCHEDULE_STEP, 0.5, 2, ROUNDS};
    double base[BSO_HYPER_MAX];
    defaults(rule, base);
    set_hyper(rule, base, "weight_lr", c->lr);
    if (c->momentum != 0) set_hyper(rule, base, "momentum", c->momentum);
    if (c->weight_decay != 0) set_hyper(rule, base, "weight_decay", c->weight_decay);
    if (c->adam) {
        set_hyper(rule, base, "one_minus_beta1", 0.2);
        set_hyper(rule, base, "one_minus_beta2", 0.05);
        set_hyper(rule, base, "eps", 1e-3);
    }
    for (int n = 0; n < SHAPES; n++) {
        bso_param p = make_param(rule->representation, shapes[n].rows, shapes[n].cols);
        const size_t count = bso_param_count(&p);
        double *m = allocate(count, sizeof *m), *v = allocate(count, sizeof *v);
        double *expected = allocate(count, sizeof *expected);
        bso_learner l;
        assert_int_equal(bso_learner_init(&l, rule, &p, 1, base, &constant, &step, NULL), 0);
        for (int k = 1; k <= ROUNDS; k++) {
            float *g = make_gradient(count, (uint32_t)(500 + k));
            const double lr = c->lr * (k > ROUNDS / 2 ? 0.5 : 1);
            /* Each from the weight that is there: whether |w| <= 1 must not hang on a rounding. */
            for (size_t i = 0; i < count; i++)
                expected[i] = scalar_descent(c, p.real[i], g[i], m + i, v + i, lr, k);
            update(&l, 0, g);
            for (size_t i = 0; i < count; i++) {
                assert_near(p.real[i], expected[i], 1e-6);
                if (rule->momentum) assert_near(momentum_at(&l, i), m[i], 1e-6);
                if (p.bits) assert_true(bso_param_value(&p, i) == (p.real[i] < 0 ? -1 : 1));
            }
            free(g);
        }
        bso_learner_free(&l);
        free_param(&p);
        free(m);
        free(v);
        free(expected);
    }
}

static void descent_is_its_formula(void **state)
{
    (void)state;
    static const descent_case cases[] = {
        {.name = "sgd", .lr = 0.5},
        {.name = "sgd_ste", .lr = 0.5, .through_sign = true},
        {.name = "sgd_momentum", .lr = 0.3, .momentum = 0.75},
        {.name = "sgd_momentum_ste", .lr = 0.3, .momentum = 0.75, .through_sign = true},
        {.name = "adam", .lr = 0.05, .adam = true},
        {.name = "adam_ste", .lr = 0.05, .adam = true, .through_sign = true},
        {.name = "adamw", .lr = 0.05, .adam = true, .weight_decay = 0.4},
        {.name = "adamw_ste", .lr = 0.05, .adam = true, .weight_decay = 0.4, .through_sign = true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) compare_descent(&cases[i]);
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
        assert_near(momentum_at(&l, 0), 0.0201, 1e-8);
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
        cmocka_unit_test(bso_reset_is_its_formula),
        cmocka_unit_test(bop_is_its_formula),
        cmocka_unit_test(bop2_is_its_formula),
        cmocka_unit_test(tbso_is_its_formula),
        cmocka_unit_test(ties_do_not_flip),
        cmocka_unit_test(second_moment_is_per_layer_and_time_step),
        cmocka_unit_test(descent_is_its_formula),
        cmocka_unit_test(adam_follows_kingma_and_ba),
        cmocka_unit_test(adam_adds_eps_to_the_corrected_root),
        cmocka_unit_test(sgd_follows_its_schedule),
        cmocka_unit_test(straight_through_is_clipped),
    };
    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
