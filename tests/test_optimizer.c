/* test_optimizer.c: does the frame around the update rules hold, and does every registered rule keep to it:
 * tiles, threads, non-finite gradients, state size, padding? Whether a rule computes the right thing is
 * asked in test_rules.c.
 */
#include "tests/rules.h"

#include "core/error.h"
#include "core/memory.h"

#include <float.h>
#include <omp.h>
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

/* ---- Every registered rule ---- */

typedef struct {
    bso_param p;
    bso_learner l;
} trained;

/* Three updates over two time steps; tile 0 stands for one tile. More than one thread: aligned tiles, last
 * ones first. */
static trained *train(const bso_optimizer *rule, int rows, int cols, size_t tile, int threads)
{
    trained *r = allocate(1, sizeof *r);
    double base[BSO_HYPER_MAX];
    lively(rule, base);
    r->p = make_param(rule->representation, rows, cols);
    init(&r->l, rule, &r->p, 2, base);
    const size_t count = bso_param_count(&r->p);
    const size_t size = tile ? tile : count, tiles = (count + size - 1) / size;
    omp_set_num_threads(threads);
    for (int k = 0; k < 3; k++) {
        float *g = make_gradient(count, (uint32_t)(200 + k));
        bso_learner_begin(&r->l, k % 2);
#pragma omp parallel for schedule(dynamic, 1) if (threads > 1)
        for (size_t i = 0; i < tiles; i++) {
            const size_t first = (threads > 1 ? tiles - 1 - i : i) * size;
            bso_learner_tile(&r->l, first, count - first < size ? count - first : size, g + first);
        }
        assert_int_equal(bso_learner_end(&r->l), 0);
        free(g);
    }
    return r;
}

static void free_trained(trained *r)
{
    bso_learner_free(&r->l);
    free_param(&r->p);
    free(r);
}

static void assert_same_bits(const trained *a, const trained *b)
{
    const size_t count = bso_param_count(&a->p);
    assert_memory_equal(a->l.state, b->l.state, a->l.rule->state_bytes(&a->p, a->l.time_entries));
    if (a->p.bits) assert_memory_equal(a->p.bits, b->p.bits, (size_t)a->p.cols * (size_t)a->p.words * 8);
    if (a->p.real) assert_memory_equal(a->p.real, b->p.real, count * sizeof(float));
    assert_int_equal(a->l.flips, b->l.flips);
}

static void any_tiling_gives_the_same_bits(void **state)
{
    (void)state;
    static const size_t tiles[] = {1, 7, 1000, BSO_TILE_ALIGN, 3 * BSO_TILE_ALIGN};
    for (const bso_optimizer *const *rule = bso_optimizers; *rule; rule++) {
        for (int s = 0; s < SHAPES; s++) {
            const int rows = shapes[s].rows, cols = shapes[s].cols;
            trained *whole = train(*rule, rows, cols, 0, 1);
            for (size_t i = 0; i < sizeof tiles / sizeof tiles[0]; i++) {
                for (int threads = 1; threads <= (tiles[i] % BSO_TILE_ALIGN ? 1 : 2); threads++) {
                    trained *parts = train(*rule, rows, cols, tiles[i], threads);
                    assert_same_bits(parts, whole);
                    free_trained(parts);
                }
            }
            free_trained(whole);
        }
    }
}

static void state_and_weights_stay_in_order(void **state)
{
    (void)state;
    for (const bso_optimizer *const *rule = bso_optimizers; *rule; rule++) {
        for (int s = 0; s < SHAPES; s++) {
            const size_t before = bso_mem_current(BSO_MEM_OPTIMIZER);
            trained *r = train(*rule, shapes[s].rows, shapes[s].cols, 0, 2);
            assert_int_equal(bso_mem_current(BSO_MEM_OPTIMIZER) - before, (*rule)->state_bytes(&r->p, 2));
            assert_padding_is_zero(&r->p);
            const size_t count = bso_param_count(&r->p);
            for (size_t i = 0; i < count; i++) {
                const float w = bso_param_value(&r->p, i);
                assert_true(r->p.bits ? fabsf(w) == 1 : isfinite(w));
                if (r->p.bits && r->p.real) assert_true(w == (r->p.real[i] >= 0 ? 1 : -1));
            }
            free_trained(r);
            assert_int_equal(bso_mem_current(BSO_MEM_OPTIMIZER), before);
        }
    }
}

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
}

static void check_non_finite(const bso_optimizer *rule, const size_t *at, const float *values, int n)
{
    double base[BSO_HYPER_MAX];
    lively(rule, base);
    bso_param p = make_param(rule->representation, 65, 20);
    const size_t count = bso_param_count(&p), bytes = (size_t)p.cols * (size_t)p.words * 8;
    bso_learner l;
    init(&l, rule, &p, 4, base);
    float *g = make_gradient(count, 300);
    update(&l, 0, g);
    uint64_t *bits = allocate(bytes, 1);
    if (p.bits) memcpy(bits, p.bits, bytes);
    for (int i = 0; i < n; i++) g[at[i]] = values[i];
    bso_learner_begin(&l, 1);
    for (size_t first = 0; first < count; first += 100)
        bso_learner_tile(&l, first, count - first < 100 ? count - first : 100, g + first);
    assert_int_equal(bso_learner_end(&l), BSO_DIVERGED);
    const char *expected = "conv2.weight: gradient is not finite at update 2, time step 2 of 4; ";
    assert_memory_equal(bso_error(), expected, strlen(expected));
    if (p.bits) assert_memory_equal(bits, p.bits, bytes);
    assert_int_equal(l.flips, 0);
    assert_int_equal(l.update, 1);
    /* Nothing non-finite reached the rule: the next update works. */
    for (int i = 0; i < n; i++) g[at[i]] = FLT_MIN;
    update(&l, 1, g);
    for (size_t i = 0; rule->momentum && i < count; i++) assert_true(isfinite(rule->momentum(&l)[i]));
    for (size_t i = 0; p.real && i < count; i++) assert_true(isfinite(p.real[i]));
    free(bits);
    free(g);
    bso_learner_free(&l);
    free_param(&p);
}

static void non_finite_gradients_change_no_bit(void **state)
{
    (void)state;
    const float values[] = {NAN, -NAN, INFINITY, -INFINITY};
    const size_t positions[] = {0, 1, 99, 100, 650, 1298, 1299};
    for (const bso_optimizer *const *rule = bso_optimizers; *rule; rule++) {
        for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
            for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++)
                check_non_finite(*rule, positions + i, values + v, 1);
        }
        check_non_finite(*rule, (const size_t[]){5, 6}, (const float[]){INFINITY, -INFINITY}, 2);
    }
}

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

static void registry_is_sound(void **state)
{
    (void)state;
    for (const bso_optimizer *const *o = bso_optimizers; *o; o++) {
        const bso_optimizer *rule = *o;
        assert_ptr_equal(bso_optimizer_find(rule->name), rule);
        assert_true(*rule->summary && *rule->source);
        for (int i = 0; rule->hypers[i].name; i++) {
            const bso_hyper *h = rule->hypers + i;
            assert_true(i < BSO_HYPER_MAX && *h->meaning);
            assert_int_equal(bso_hyper_index(rule, h->name), i);
            assert_true(h->min <= h->initial && h->initial <= h->max);
            assert_true(h->low == h->high || (0 < h->low && h->low < h->high));
            assert_true(h->low == h->high || (h->min <= h->low && h->high <= h->max));
        }
        assert_int_equal(bso_hyper_index(rule, "no_such_key"), -1);
    }
    assert_null(bso_optimizer_find("tbzo"));
    assert_non_null(strstr(bso_error(), "tbzo"));
    assert_non_null(strstr(bso_error(), "adam_ste"));
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
        cmocka_unit_test(any_tiling_gives_the_same_bits),
        cmocka_unit_test(state_and_weights_stay_in_order),
        cmocka_unit_test(state_is_as_large_as_the_methods_claim),
        cmocka_unit_test(non_finite_gradients_change_no_bit),
        cmocka_unit_test(large_gradients_are_finite),
        cmocka_unit_test(sign_of_zero_is_positive),
        cmocka_unit_test(registry_is_sound),
        cmocka_unit_test(schedules_reach_the_hyperparameters),
        cmocka_unit_test(init_refuses_what_cannot_work),
        cmocka_unit_test(planning_touches_nothing),
        cmocka_unit_test(partial_sums_can_be_shared),
    };
    return cmocka_run_group_tests_name("optimizer", tests, NULL, NULL);
}
