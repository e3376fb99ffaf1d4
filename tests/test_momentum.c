/* test_momentum.c: momentum in 8 and 16 bits: each rule against a scalar re-implementation, number by number;
 * the rounding's mean; how far a training in few bits goes from the one in floats. What holds for every
 * tiling and number of threads is asked in test_conformance.c, the kernels alone in test_update_kernels.c.
 */
#include "tests/fixture.h"
#include "tests/rules.h"

#include "core/error.h"
#include "core/memory.h"
#include "core/settings.h"

#include <omp.h>
#include <string.h>

static const char *const rules[] = {"bso", "tbso", "bso_reset", "bop"};
enum { RULES = sizeof rules / sizeof rules[0], SEED = 77, ORDINAL = 5 };

static bso_param few(int bits, int rows, int cols)
{
    bso_param p = make_param(BSO_REP_BITS, rows, cols);
    p.momentum_bits = bits;
    p.seed = SEED;
    p.ordinal = ORDINAL;
    return p;
}

/* ---- Against the formulas ---- */

/* The new momentum of a block [n] of weights `first` .., as core/momentum.h has it. */
static void scalar_block(float *m, const float *g, size_t first, size_t n, size_t count, int bits,
                         uint64_t update, double rate)
{
    const float most = bits == 8 ? 127 : 32767;
    float largest = 0;
    for (size_t i = 0; i < n; i++) {
        const float kept = (float)(1 - rate) * m[i], added = (float)rate * g[i];
        m[i] = kept + added;
        largest = fmaxf(largest, fabsf(m[i]));
    }
    const float scale = largest / most, inverse = 1 / scale;
    for (size_t i = 0; i < n; i++) {
        const uint64_t index = first + i, counter = update * ((count + 3) / 4) + index / 4;
        const uint32_t word = bso_random(SEED, BSO_RANDOM_MOMENTUM, ORDINAL, counter).word[index % 4];
        const float exact = fabsf(m[i]) * inverse, low = floorf(exact);
        const double chance = floor((double)(exact - low) * 2147483648.0);
        const float code = fminf(low + (word >> 1 < chance ? 1.0F : 0.0F), most);
        m[i] = copysignf(code, m[i]) * scale;
    }
}

static void compare_with_formula(const char *name, int bits, int rows, int cols)
{
    enum { STEPS = 2, UPDATES = 7 };
    const bso_optimizer *rule = find(name);
    const double gamma = strcmp(name, "tbso") == 0 ? 0.4 : 0.02, rate = 0.33, rate2 = 0.1;
    double base[BSO_HYPER_MAX], v[STEPS] = {0};
    defaults(rule, base);
    set_hyper(rule, base, "gamma", gamma);
    set_hyper(rule, base, "one_minus_beta1", rate);
    if (rule->second_moment) set_hyper(rule, base, "one_minus_beta2", rate2);
    bso_param p = few(bits, rows, cols);
    const size_t count = bso_param_count(&p);
    float *m = allocate(count, sizeof *m), *w = allocate(count, sizeof *w),
          *shown = allocate(count, sizeof *m);
    for (size_t i = 0; i < count; i++) w[i] = bso_param_value(&p, i);
    bso_learner l;
    init(&l, rule, &p, STEPS, base);
    for (int k = 0; k < UPDATES; k++) {
        float *g = make_gradient(count, (uint32_t)(100 + k));
        double square = 0, threshold = gamma;
        uint64_t flips = 0;
        update(&l, k % STEPS, g);
        for (size_t i = 0; i < count; i++) square += (double)g[i] * (double)g[i] / (double)count;
        v[k % STEPS] = (1 - rate2) * v[k % STEPS] + rate2 * square;
        if (rule->second_moment) threshold = gamma * sqrt(v[k % STEPS]);
        for (size_t i = 0; i < count; i += BSO_MOMENTUM_BLOCK) {
            const size_t n = count - i < BSO_MOMENTUM_BLOCK ? count - i : BSO_MOMENTUM_BLOCK;
            scalar_block(m + i, g + i, i, n, count, bits, (uint64_t)k, rate);
        }
        for (size_t i = 0; i < count; i++) {
            if ((double)w[i] * (double)m[i] <= threshold) continue;
            w[i] = -w[i];
            if (strcmp(name, "bso_reset") == 0) m[i] = 0;
            flips++;
        }
        rule->momentum(&l, 0, count, shown);
        for (size_t i = 0; i < count; i++) assert_true(shown[i] == m[i] && bso_param_value(&p, i) == w[i]);
        assert_int_equal(l.flips, flips);
        free(g);
    }
    assert_padding_is_zero(&p);
    if (count > 100) assert_in_range(l.all_flips, count / 20, count * UPDATES / 2);
    bso_learner_free(&l);
    free_param(&p);
    free(m);
    free(w);
    free(shown);
}

static void rules_are_their_formulas(void **state)
{
    (void)state;
    for (int r = 0; r < RULES; r++) {
        for (int bits = 8; bits <= 16; bits += 8) {
            for (int n = 0; n < SHAPES; n++)
                compare_with_formula(rules[r], bits, shapes[n].rows, shapes[n].cols);
        }
    }
}

/* A few weights: momentum with rate 1 is the gradient. Weights on whole codes, beside and between them. */
static void by_hand(void **state)
{
    (void)state;
    const bso_optimizer *rule = find("bso");
    double base[BSO_HYPER_MAX];
    defaults(rule, base);
    set_hyper(rule, base, "gamma", 2);
    set_hyper(rule, base, "one_minus_beta1", 1);
    bso_param p = few(8, 5, 1);
    p.bits[0] = 0x1f;
    bso_learner l;
    init(&l, rule, &p, 1, base);
    update(&l, 0, (const float[]){127, 2, 3, -60, 2.5F});
    const float expected[] = {127, 2, 3, -60};
    for (size_t i = 0; i < 4; i++) assert_true(momentum_at(&l, i) == expected[i]);
    /* What is compared is what is kept: 2 does not flip, 3 does. */
    assert_true(momentum_at(&l, 4) == 2 || momentum_at(&l, 4) == 3);
    assert_int_equal(p.bits[0], momentum_at(&l, 4) == 3 ? 0x0a : 0x1a);
    update(&l, 0, (const float[]){0, 0, 0, 0, 0});
    for (size_t i = 0; i < 5; i++) assert_true(momentum_at(&l, i) == 0);
    bso_learner_free(&l);
    free_param(&p);
}

/* ---- The mean ---- */

/* One weight of a block is large and sets its scale, the others are told the same gradient again and again.
 * At a rate of 1e-3 an update moves them by a 40th of a code: rounded to nearest they would stay where they
 * are. */
static void small_steps_are_not_lost(void **state)
{
    (void)state;
    enum { BLOCKS = 64, COUNT = BLOCKS * BSO_MOMENTUM_BLOCK, SMALL = COUNT - BLOCKS, UPDATES = 500 };
    const bso_optimizer *rule = find("bso");
    const double rate = 1e-3, g = 0.2;
    double base[BSO_HYPER_MAX], code = 1.0 / 127;
    defaults(rule, base);
    set_hyper(rule, base, "gamma", 1e6);
    set_hyper(rule, base, "one_minus_beta1", 1);
    bso_param p = few(8, COUNT, 1);
    bso_learner l;
    init(&l, rule, &p, 1, base);
    float *gradient = allocate(COUNT, sizeof *gradient);
    for (size_t i = 0; i < COUNT; i += BSO_MOMENTUM_BLOCK) gradient[i] = 1;
    update(&l, 0, gradient);
    l.base[bso_hyper_index(rule, "one_minus_beta1")] = rate;
    for (size_t i = 0; i < COUNT; i++) gradient[i] = i % BSO_MOMENTUM_BLOCK ? (float)g : 1.0F;
    for (int k = 0; k < UPDATES; k++) update(&l, 0, gradient);
    const double expected = g * (1 - pow(1 - rate, UPDATES));
    double sum = 0, squares = 0;
    for (size_t i = 0; i < COUNT; i++) {
        const double m = (double)momentum_at(&l, i);
        if (i % BSO_MOMENTUM_BLOCK == 0) continue;
        sum += m;
        squares += (m - expected) * (m - expected);
    }
    /* Each update adds at most the variance of a coin, a quarter of a code squared. */
    const double deviation = sqrt(squares / SMALL), most = 0.5 * code * sqrt(UPDATES);
    assert_true(deviation < most);
    assert_near(sum / SMALL, expected, 5 * deviation / sqrt(SMALL));
    assert_true(5 * deviation / sqrt(SMALL) < expected / 20);
    bso_learner_free(&l);
    free_param(&p);
    free(gradient);
}

/* Over seeds the mean of one update's momentum is the float one. */
static void rounding_has_no_bias(void **state)
{
    (void)state;
    enum { ROWS = 10, COLS = 9, COUNT = ROWS * COLS, SEEDS = 4000 };
    const bso_optimizer *rule = find("tbso");
    double base[BSO_HYPER_MAX];
    defaults(rule, base);
    set_hyper(rule, base, "one_minus_beta1", 0.3);
    for (int bits = 8; bits <= 16; bits += 8) {
        double sum[COUNT] = {0};
        float *g = make_gradient(COUNT, 900), largest[2] = {0};
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            bso_param p = few(bits, ROWS, COLS);
            p.seed = seed;
            bso_learner l;
            init(&l, rule, &p, 1, base);
            update(&l, 0, g);
            for (size_t i = 0; i < COUNT; i++) sum[i] += (double)momentum_at(&l, i);
            bso_learner_free(&l);
            free_param(&p);
        }
        for (int i = 0; i < COUNT; i++)
            largest[i / BSO_MOMENTUM_BLOCK] = fmaxf(largest[i / BSO_MOMENTUM_BLOCK], fabsf(0.3F * g[i]));
        for (int i = 0; i < COUNT; i++) {
            const double code = (double)largest[i / BSO_MOMENTUM_BLOCK] / (bits == 8 ? 127 : 32767);
            assert_near(sum[i] / SEEDS, 0.3 * (double)g[i],
                        5 * 0.5 * code / sqrt(SEEDS) + 1e-6 * (double)largest[0]);
        }
        free(g);
    }
}

/* ---- Beside floats ---- */

/* Root mean square of the momentum's difference to that in floats, over that of the momentum, after updates
 * with gradients that are noise on a constant. */
static double distance(int bits, double rate, int updates)
{
    enum { ROWS = 64, COLS = 40, COUNT = ROWS * COLS };
    const bso_optimizer *rule = find("bso");
    double base[BSO_HYPER_MAX], difference = 0, size = 0;
    defaults(rule, base);
    set_hyper(rule, base, "one_minus_beta1", rate);
    bso_param p = few(bits, ROWS, COLS), q = few(32, ROWS, COLS);
    bso_learner l, exact;
    init(&l, rule, &p, 1, base);
    init(&exact, rule, &q, 1, base);
    float *mean = make_gradient(COUNT, 40);
    for (int k = 0; k < updates; k++) {
        float *g = make_gradient(COUNT, (uint32_t)(1000 + k));
        for (size_t i = 0; i < COUNT; i++) g[i] += 0.1F * mean[i];
        update(&l, 0, g);
        update(&exact, 0, g);
        free(g);
    }
    for (size_t i = 0; i < COUNT; i++) {
        const double m = (double)momentum_at(&exact, i), away = (double)momentum_at(&l, i) - m;
        difference += away * away;
        size += m * m;
    }
    bso_learner_free(&l);
    bso_learner_free(&exact);
    free_param(&p);
    free_param(&q);
    free(mean);
    return sqrt(difference / size);
}

static void momentum_stays_near_that_in_floats(void **state)
{
    (void)state;
    static const double rates[] = {1, 0.1, 0.01};
    /* A code is 1 / 127 of the largest of 64, some 2.5 times the size; variances add up over 1 / (2 rate)
     * updates. */
    for (int i = 0; i < 3; i++) {
        const double code = 2.5 / 127, coins = sqrt(1 / (6 * (1 - (1 - rates[i]) * (1 - rates[i]))));
        const double of8 = distance(8, rates[i], 200), of16 = distance(16, rates[i], 200);
        print_message("rate %g: 8 bits %.2g, expected %.2g; 16 bits %.2g\n", rates[i], of8, code * coins,
                      of16);
        assert_true(of8 > 0 && of8 < 2 * code * coins);
        assert_true(of16 > 0 && of16 < 2 * code * coins * 127 / 32767);
        assert_true(distance(32, rates[i], 200) == 0);
    }
}

static double last_loss(const char *bits)
{
    enum { BATCHES = 30 };
    bso_fixture c = bso_fixture_plain;
    c.network = "6C3-AP2-8C3-8C3-GAP-FC";
    c.height = c.width = 6;
    c.classes = 3;
    c.batch = 32;
    bso_settings s = bso_fixture_settings(&c);
    bso_fixture_set(&s, "momentum_bits", bits);
    bso_fixture_set(&s, "one_minus_beta1", "0.05");
    bso_fixture_set(&s, "lr", "1");
    bso_network *net = bso_fixture_build(&c, &s, true);
    bso_network_init(net, 11);
    float *x = allocate((size_t)(c.batch * c.channels * c.height * c.width), sizeof *x);
    int *y = allocate((size_t)c.batch, sizeof *y);
    double loss = 0;
    for (int i = 0; i < BATCHES; i++) {
        bso_batch_result result;
        bso_fixture_batch(&c, 1, x, y);
        if (bso_network_train(net, x, y, c.batch, NULL, &result)) fail_msg("%s", bso_error());
        loss = result.loss;
    }
    bso_network_free(net);
    free(x);
    free(y);
    return loss;
}

/* One batch learnt by heart. */
static void a_training_ends_near_that_in_floats(void **state)
{
    (void)state;
    const double whole = last_loss("32"), half = last_loss("16"), quarter = last_loss("8");
    print_message("loss of a batch after 30 updates: 32 bits %.4f, 16 bits %.4f, 8 bits %.4f\n", whole, half,
                  quarter);
    assert_true(whole < 0.8 * log(3));
    assert_near(half, whole, 0.1 * whole);
    assert_near(quarter, whole, 0.2 * whole);
}

/* ---- The frame ---- */

static void state_is_a_half_and_a_quarter(void **state)
{
    (void)state;
    bso_param p = {.representation = BSO_REP_BITS, .rows = 128, .cols = 8};
    const size_t n = 1024, scales = n / BSO_MOMENTUM_BLOCK * sizeof(float);
    for (int r = 0; r < RULES; r++) {
        const bso_optimizer *rule = find(rules[r]);
        const size_t v = rule->second_moment ? 3 * sizeof(double) : 0;
        assert_true(rule->few_bits);
        p.momentum_bits = 32;
        assert_int_equal(rule->state_bytes(&p, 3), 4 * n + v);
        p.momentum_bits = 16;
        assert_int_equal(rule->state_bytes(&p, 3), 2 * n + scales + v);
        p.momentum_bits = 8;
        assert_int_equal(rule->state_bytes(&p, 3), n + scales + v);
    }
    /* With one weight there is a scale and a code, up to where doubles can follow. */
    p.rows = p.cols = 1;
    assert_int_equal(find("tbso")->state_bytes(&p, 1), 16);
}

static int check(const char *optimizer, const char *bits, bso_settings *s)
{
    bso_settings_default(s);
    return bso_settings_set(s, "optimizer", optimizer) || bso_settings_set(s, "momentum_bits", bits) ||
                   bso_settings_check(s)
               ? BSO_ERROR
               : 0;
}

static void settings_take_what_works(void **state)
{
    (void)state;
    static const char *const wrong[] = {"0", "1", "7", "9", "24", "64", "-8", "8.0", "", "|", "32|16"};
    bso_settings s, whole;
    assert_int_equal(check("tbso", "32", &whole), 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(check("tbso", wrong[i], &s), BSO_ERROR);
        assert_non_null(strstr(bso_error(), "momentum_bits="));
    }
    for (int i = 0; bso_optimizers[i]; i++) {
        const char *name = bso_optimizers[i]->name;
        assert_int_equal(check(name, "32", &s), 0);
        assert_int_equal(check(name, "8", &s), bso_optimizers[i]->few_bits ? 0 : BSO_ERROR);
    }
    assert_int_equal(check("adam", "16", &s), BSO_ERROR);
    assert_string_equal(bso_error(), "momentum_bits=16: optimizer adam has no momentum in few bits; set "
                                     "momentum_bits=32 or choose one of bop, bso, bso_reset, tbso");
    assert_int_equal(check("tbso", "16", &s), 0);
    assert_int_equal(s.momentum_bits, 16);
    assert_true(bso_settings_hash(&s) != bso_settings_hash(&whole));
}

static void rules_without_are_refused(void **state)
{
    (void)state;
    const bso_optimizer *rule = find("bop2");
    double base[BSO_HYPER_MAX];
    defaults(rule, base);
    bso_param p = few(8, 3, 3);
    bso_learner l;
    assert_int_equal(bso_learner_init(&l, rule, &p, 1, base, &constant, &constant, NULL), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "momentum_bits=8: optimizer bop2"));
    free_param(&p);
}

int main(void)
{
    omp_set_num_threads(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_their_formulas),
        cmocka_unit_test(by_hand),
        cmocka_unit_test(small_steps_are_not_lost),
        cmocka_unit_test(rounding_has_no_bias),
        cmocka_unit_test(momentum_stays_near_that_in_floats),
        cmocka_unit_test(a_training_ends_near_that_in_floats),
        cmocka_unit_test(state_is_a_half_and_a_quarter),
        cmocka_unit_test(settings_take_what_works),
        cmocka_unit_test(rules_without_are_refused),
    };
    return cmocka_run_group_tests_name("momentum", tests, NULL, NULL);
}
