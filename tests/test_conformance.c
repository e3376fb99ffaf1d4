/* test_conformance.c: does every registered rule keep to what core/optimizer.h promises? A rule that was
 * added is asked the same questions without a line being changed here. Whether a rule computes what its
 * authors meant is not asked: that needs a second implementation, see test_rules.c.
 *
 * Each question is a test of its own for each rule; its name says which failed: "tbso: any tiling". Rules
 * that can keep their momentum in few bits are asked again with 16 and 8: "tbso, momentum_bits=8: any
 * tiling".
 */
#include "tests/fixture.h"
#include "tests/rules.h"

#include "core/error.h"
#include "core/memory.h"
#include "core/settings.h"

#include <float.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

/* Of the question being asked. */
static int momentum_bits;

/* ---- Settings of a rule one knows nothing about ---- */

/* The middle of the tuning ranges, the default where there is none. */
static void middle(const bso_optimizer *rule, double base[BSO_HYPER_MAX])
{
    for (int i = 0; rule->hypers[i].name; i++) {
        const bso_hyper *h = &rule->hypers[i];
        base[i] = h->low < h->high ? sqrt(h->low * h->high) : h->initial;
        /* What the settings do with a learning rate of 0 (bso_settings_hypers). */
        if (base[i] == 0 && strcmp(h->name, "weight_lr") == 0) base[i] = 0.1;
    }
}

/* A point of the tuning ranges, log-uniform. */
static void drawn(const bso_optimizer *rule, uint32_t draw, double base[BSO_HYPER_MAX])
{
    middle(rule, base);
    for (int i = 0; rule->hypers[i].name; i++) {
        const bso_hyper *h = &rule->hypers[i];
        const double u = bso_random_uniform(1, BSO_RANDOM_TEST, draw, (uint64_t)i);
        if (h->low < h->high) base[i] = h->low * pow(h->high / h->low, u);
    }
}

/* ---- What holds after every update that succeeded ---- */

/* State is a block of bytes: floats, doubles, or both. These are the words of infinities and of NaN as the
 * machine makes it, of a float or the upper half of a double; that an honest number has one is a matter of
 * 2^-29. Codes may have any pattern: of them the scales in front are looked at. */
static void assert_state_is_finite(const bso_learner *l)
{
    static const uint32_t floats[] = {0x7f800000, 0x7fc00000}, doubles[] = {0x7ff00000, 0x7ff80000};
    const size_t blocks = (bso_param_count(l->param) + BSO_MOMENTUM_BLOCK - 1) / BSO_MOMENTUM_BLOCK;
    const size_t bytes =
        bso_few_bits(l->param) ? blocks * sizeof(float) : l->rule->state_bytes(l->param, l->time_entries);
    for (size_t i = 0; i + sizeof(uint32_t) <= bytes; i += sizeof(uint32_t)) {
        uint32_t word;
        memcpy(&word, (const char *)l->state + i, sizeof word);
        word &= 0x7fffffff;
        for (int j = 0; j < 2; j++) assert_true(word != floats[j] && word != doubles[j]);
    }
}

static void assert_sound(const bso_learner *l)
{
    const bso_param *p = l->param;
    assert_padding_is_zero(p);
    assert_state_is_finite(l);
    for (size_t i = 0; i < bso_param_count(p); i++) {
        const float w = bso_param_value(p, i);
        assert_true(p->bits ? fabsf(w) == 1 : isfinite(w));
        if (p->bits && p->real) assert_true(isfinite(p->real[i]) && w == (p->real[i] >= 0 ? 1 : -1));
        if (l->rule->momentum) assert_true(isfinite(momentum_at(l, i)));
    }
    for (int t = 0; l->rule->second_moment && t < l->time_entries; t++)
        assert_true(isfinite(l->rule->second_moment(l, t)) && l->rule->second_moment(l, t) >= 0);
}

static size_t bytes_of_bits(const bso_param *p)
{
    return (size_t)p->cols * (size_t)p->words * sizeof(uint64_t);
}

static void assert_same_bits(const bso_learner *a, const bso_learner *b)
{
    const bso_param *p = a->param, *q = b->param;
    assert_memory_equal(a->state, b->state, a->rule->state_bytes(p, a->time_entries));
    if (p->bits) assert_memory_equal(p->bits, q->bits, bytes_of_bits(p));
    if (p->real) assert_memory_equal(p->real, q->real, bso_param_count(p) * sizeof(float));
    assert_int_equal(a->flips, b->flips);
    assert_int_equal(a->all_flips, b->all_flips);
    assert_int_equal(a->update, b->update);
}

/* ---- A parameter under training ---- */

typedef struct {
    bso_param p;
    bso_learner l;
} trained;

static const bso_schedule falling = {BSO_SCHEDULE_STEP, 0.5, 3, 6};

static trained *start(const bso_optimizer *rule, int rows, int cols, int time_entries, const double *base)
{
    trained *r = allocate(1, sizeof *r);
    r->p = make_param(rule->representation, rows, cols);
    r->p.momentum_bits = momentum_bits;
    assert_int_equal(bso_learner_init(&r->l, rule, &r->p, time_entries, base, &falling, &falling, NULL), 0);
    return r;
}

static void stop(trained *r)
{
    bso_learner_free(&r->l);
    free_param(&r->p);
    free(r);
}

/* Updates first .. last - 1 over the time entries in turn, in tiles of `tile` weights (0: one tile). With
 * more than one thread the last tiles come first. */
static void advance(trained *r, int first, int last, size_t tile, int threads)
{
    const size_t count = bso_param_count(&r->p);
    const size_t size = tile ? tile : count, tiles = (count + size - 1) / size;
    omp_set_num_threads(threads);
    for (int k = first; k < last; k++) {
        float *g = make_gradient(count, (uint32_t)(200 + k));
        bso_learner_begin(&r->l, k % r->l.time_entries);
#pragma omp parallel for schedule(dynamic, 1) if (threads > 1)
        for (size_t i = 0; i < tiles; i++) {
            const size_t at = (threads > 1 ? tiles - 1 - i : i) * size;
            bso_learner_tile(&r->l, at, count - at < size ? count - at : size, g + at);
        }
        if (bso_learner_end(&r->l)) fail_msg("%s", bso_error());
        assert_sound(&r->l);
        free(g);
    }
    omp_set_num_threads(1);
}

/* ---- Questions ---- */

typedef struct {
    const bso_optimizer *rule;
    int momentum_bits;
} asked;

static const bso_optimizer *rule_of(void **state)
{
    const asked *a = *state;
    momentum_bits = a->momentum_bits;
    return a->rule;
}

static bool is_name(const char *name)
{
    const size_t length = strlen(name);
    return *name >= 'a' && *name <= 'z' && length < BSO_WORD &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

static void declaration_is_complete(void **state)
{
    const bso_optimizer *rule = rule_of(state);
    assert_true(is_name(rule->name));
    assert_ptr_equal(bso_optimizer_find(rule->name), rule);
    assert_true(rule->summary && *rule->summary);
    assert_true(rule->source && *rule->source);
    assert_true(rule->hypers && rule->state_bytes && rule->tile);
    for (int i = 0; rule->hypers[i].name; i++) {
        const bso_hyper *h = &rule->hypers[i];
        assert_true(i < BSO_HYPER_MAX);
        assert_true(is_name(h->name));
        assert_int_equal(bso_hyper_index(rule, h->name), i);
        for (const bso_key *k = bso_keys; k->name; k++) assert_string_not_equal(h->name, k->name);
        assert_true(h->meaning && *h->meaning);
        assert_true(isfinite(h->min) && isfinite(h->max));
        assert_true(h->min <= h->initial && h->initial <= h->max);
        if (h->low == h->high) continue;
        assert_true(0 < h->low && h->low < h->high);
        assert_true(h->min <= h->low && h->high <= h->max);
    }
}

static int check_hyper(const bso_optimizer *rule, const char *name, double value, bso_settings *s)
{
    char text[40];
    snprintf(text, sizeof text, "%.17g", value);
    bso_settings_default(s);
    bso_fixture_set(s, "optimizer", rule->name);
    return bso_settings_set(s, name, text) || bso_settings_check(s) ? BSO_ERROR : 0;
}

static void ranges_are_kept_by_the_settings(void **state)
{
    const bso_optimizer *rule = rule_of(state);
    bso_settings s;
    for (int i = 0; rule->hypers[i].name; i++) {
        const bso_hyper *h = &rule->hypers[i];
        const bool tuned = h->low < h->high;
        const double inside[] = {h->min, h->max, h->initial, tuned ? h->low : h->min,
                                 tuned ? h->high : h->max};
        for (int j = 0; j < 5; j++) {
            double values[BSO_HYPER_MAX];
            if (check_hyper(rule, h->name, inside[j], &s)) fail_msg("%s", bso_error());
            bso_settings_hypers(&s, rule, values);
            const bool from_lr = inside[j] == 0 && h->initial == 0 && strcmp(h->name, "weight_lr") == 0;
            assert_true(values[i] == (from_lr ? s.lr : inside[j]));
        }
        const double outside[] = {h->min - 0.01 * fabs(h->min) - 1e-9, h->max + 0.01 * fabs(h->max) + 1e-9};
        for (int j = 0; j < 2; j++) {
            assert_int_equal(check_hyper(rule, h->name, outside[j], &s), BSO_ERROR);
            assert_non_null(strstr(bso_error(), h->name));
        }
    }
}

static void state_is_as_large_as_declared(void **state)
{
    const bso_optimizer *rule = rule_of(state);
    double base[BSO_HYPER_MAX];
    middle(rule, base);
    for (int s = 0; s < SHAPES; s++) {
        const size_t before = bso_mem_current(BSO_MEM_OPTIMIZER);
        trained *r = start(rule, shapes[s].rows, shapes[s].cols, 3, base);
        assert_int_equal(bso_mem_current(BSO_MEM_OPTIMIZER) - before, rule->state_bytes(&r->p, 3));
        stop(r);
        assert_int_equal(bso_mem_current(BSO_MEM_OPTIMIZER), before);
    }
}

static void any_tiling_and_threads_give_the_same_bits(void **state)
{
    static const size_t tiles[] = {0, 1, 7, 1000, BSO_TILE_ALIGN, 3 * BSO_TILE_ALIGN};
    const bso_optimizer *rule = rule_of(state);
    double base[BSO_HYPER_MAX];
    middle(rule, base);
    for (int s = 0; s < SHAPES; s++) {
        const int rows = shapes[s].rows, cols = shapes[s].cols;
        trained *whole = start(rule, rows, cols, 2, base);
        advance(whole, 0, 3, 0, 1);
        for (size_t i = 0; i < sizeof tiles / sizeof tiles[0]; i++) {
            for (int threads = 1; threads <= (tiles[i] % BSO_TILE_ALIGN ? 1 : 3); threads++) {
                trained *parts = start(rule, rows, cols, 2, base);
                advance(parts, 0, 3, tiles[i], threads);
                assert_same_bits(&parts->l, &whole->l);
                stop(parts);
            }
        }
        stop(whole);
    }
}

/* Save and load: weights, state and the numbers of updates and flips are all there is to a training. */
static void state_is_all_that_survives(void **state)
{
    const bso_optimizer *rule = rule_of(state);
    for (uint32_t draw = 0; draw < 3; draw++) {
        double base[BSO_HYPER_MAX];
        drawn(rule, draw, base);
        trained *r = start(rule, 130, 33, 3, base);
        advance(r, 0, 4, 0, 1);
        trained *copy = start(rule, 130, 33, 3, base);
        memcpy(copy->l.state, r->l.state, rule->state_bytes(&r->p, 3));
        if (r->p.bits) memcpy(copy->p.bits, r->p.bits, bytes_of_bits(&r->p));
        if (r->p.real) memcpy(copy->p.real, r->p.real, bso_param_count(&r->p) * sizeof(float));
        copy->l.update = r->l.update;
        copy->l.all_flips = r->l.all_flips;
        advance(r, 4, 8, 0, 1);
        advance(copy, 4, 8, 0, 1);
        assert_same_bits(&copy->l, &r->l);
        stop(copy);
        stop(r);
    }
}

static void flips_are_counted(void **state)
{
    const bso_optimizer *rule = rule_of(state);
    double base[BSO_HYPER_MAX];
    middle(rule, base);
    trained *r = start(rule, 130, 33, 2, base);
    const size_t count = bso_param_count(&r->p);
    float *before = allocate(count, sizeof *before);
    uint64_t total = 0;
    bool moved = false;
    for (int k = 0; k < 6; k++) {
        for (size_t i = 0; i < count; i++) before[i] = bso_param_value(&r->p, i);
        advance(r, k, k + 1, 0, 1);
        uint64_t changed = 0;
        for (size_t i = 0; i < count; i++) changed += bso_param_value(&r->p, i) != before[i];
        moved = moved || changed > 0;
        total += changed;
        assert_int_equal(r->l.flips, r->p.bits ? changed : 0);
    }
    assert_true(moved);
    assert_int_equal(r->l.all_flips, r->p.bits ? total : 0);
    free(before);
    stop(r);
}

static void refuse_non_finite(const bso_optimizer *rule, const size_t *at, const float *values, int n)
{
    double base[BSO_HYPER_MAX];
    middle(rule, base);
    trained *r = start(rule, 65, 20, 4, base);
    const size_t count = bso_param_count(&r->p);
    float *g = make_gradient(count, 300);
    update(&r->l, 0, g);
    uint64_t *bits = allocate(bytes_of_bits(&r->p), 1);
    if (r->p.bits) memcpy(bits, r->p.bits, bytes_of_bits(&r->p));
    for (int i = 0; i < n; i++) g[at[i]] = values[i];
    bso_learner_begin(&r->l, 1);
    for (size_t first = 0; first < count; first += 100)
        bso_learner_tile(&r->l, first, count - first < 100 ? count - first : 100, g + first);
    assert_int_equal(bso_learner_end(&r->l), BSO_DIVERGED);
    const char *expected = "conv2.weight: gradient is not finite at update 2, time step 2 of 4; ";
    assert_memory_equal(bso_error(), expected, strlen(expected));
    if (r->p.bits) assert_memory_equal(bits, r->p.bits, bytes_of_bits(&r->p));
    assert_int_equal(r->l.flips, 0);
    assert_int_equal(r->l.update, 1);
    /* Nothing non-finite reached the rule: the next update works. */
    for (int i = 0; i < n; i++) g[at[i]] = FLT_MIN;
    update(&r->l, 1, g);
    assert_sound(&r->l);
    free(bits);
    free(g);
    stop(r);
}

static void non_finite_gradients_change_no_bit(void **state)
{
    const float values[] = {NAN, -NAN, INFINITY, -INFINITY};
    const size_t positions[] = {0, 1, 99, 100, 650, 1298, 1299};
    const bso_optimizer *rule = rule_of(state);
    for (size_t v = 0; v < sizeof values / sizeof values[0]; v++) {
        for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++)
            refuse_non_finite(rule, positions + i, values + v, 1);
    }
    refuse_non_finite(rule, (const size_t[]){5, 6}, (const float[]){INFINITY, -INFINITY}, 2);
}

/* Six updates with gradients of about one size, signs mixed: each succeeds and leaves sound numbers, or says
 * where they are not. Returns the updates that succeeded. */
static int survive(const bso_optimizer *rule, const double *base, float size)
{
    trained *r = start(rule, 70, 30, 2, base);
    const size_t count = bso_param_count(&r->p);
    float *g = allocate(count, sizeof *g);
    uint64_t *bits = allocate(bytes_of_bits(&r->p), 1);
    int done = 0;
    for (int failed = 0; done < 6 && !failed; done += !failed) {
        for (size_t i = 0; i < count; i++) {
            const double x = normal((uint32_t)(600 + done), i);
            /* Of the largest: all of them, so that sums of them would overflow. */
            g[i] = size == FLT_MAX ? (x < 0 ? -size : size) : (float)(x * (double)size);
        }
        if (r->p.bits) memcpy(bits, r->p.bits, bytes_of_bits(&r->p));
        bso_learner_begin(&r->l, done % 2);
        bso_learner_tile(&r->l, 0, count, g);
        failed = bso_learner_end(&r->l);
        if (!failed) {
            assert_sound(&r->l);
            continue;
        }
        assert_int_equal(failed, BSO_DIVERGED);
        assert_memory_equal(bso_error(), "conv2.weight: ", strlen("conv2.weight: "));
        assert_non_null(strstr(bso_error(), "is not finite at update"));
        assert_int_equal(r->l.update, done);
        /* Where v is one number for all weights, it is known only after they may have flipped. */
        if (r->p.bits && !rule->second_moment) assert_memory_equal(bits, r->p.bits, bytes_of_bits(&r->p));
    }
    free(bits);
    free(g);
    stop(r);
    return done;
}

static void gradients_of_any_size_are_survived(void **state)
{
    static const float sizes[] = {0, FLT_TRUE_MIN, FLT_MIN, 1e-30F, 1e-20F, 1e-6F, 1, 1e18F, 1e30F, FLT_MAX};
    const bso_optimizer *rule = rule_of(state);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        double base[BSO_HYPER_MAX];
        middle(rule, base);
        const int done = survive(rule, base, sizes[i]);
        if (sizes[i] <= 1 && done < 6) fail_msg("gradients of size %g: %s", (double)sizes[i], bso_error());
    }
}

static void hyperparameters_work_at_their_ends(void **state)
{
    static const float sizes[] = {0, FLT_TRUE_MIN, 1e-20F, 1e-4F, 1, FLT_MAX};
    const bso_optimizer *rule = rule_of(state);
    for (int i = 0; rule->hypers[i].name; i++) {
        const bso_hyper *h = &rule->hypers[i];
        const double ends[] = {h->min, h->max, h->low, h->high};
        for (int j = 0; j < (h->low < h->high ? 4 : 2); j++) {
            double base[BSO_HYPER_MAX];
            middle(rule, base);
            base[i] = ends[j];
            for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
                const int done = survive(rule, base, sizes[k]);
                if (sizes[k] <= 1e-4F && done < 6) fail_msg("%s = %g: %s", h->name, ends[j], bso_error());
            }
        }
    }
}

/* Mean of (w - target)^2 over weights that should become random signs; the gradient has noise of half the
 * size of what it is to say. */
static double loss_after(const bso_optimizer *rule, const double *base, int updates, double *start_loss)
{
    enum { ROWS = 15, COLS = 13, COUNT = ROWS * COLS };
    bso_param p = make_param(rule->representation, ROWS, COLS);
    p.momentum_bits = momentum_bits;
    bso_learner l;
    float g[COUNT];
    double loss = 0;
    /* Latent weights start within reach of the straight-through gradient, which ends at 1. */
    for (size_t i = 0; p.real && i < COUNT; i++) p.real[i] *= 0.1F;
    init(&l, rule, &p, 1, base);
    for (int k = 0; k <= updates; k++) {
        loss = 0;
        for (size_t i = 0; i < COUNT; i++) {
            const double away = (double)bso_param_value(&p, i) - (normal(700, i) < 0 ? -1 : 1);
            loss += away * away / COUNT;
            g[i] = (float)((2 * away + normal((uint32_t)(701 + k), i)) / COUNT);
        }
        if (k == 0) *start_loss = loss;
        if (k == updates) break;
        bso_learner_begin(&l, 0);
        bso_learner_tile(&l, 0, COUNT, g);
        if (bso_learner_end(&l)) loss = INFINITY;
        if (isinf(loss)) break;
    }
    bso_learner_free(&l);
    free_param(&p);
    return loss;
}

static void a_convex_loss_falls(void **state)
{
    enum { DRAWS = 12, UPDATES = 200 };
    const bso_optimizer *rule = rule_of(state);
    double best = INFINITY, start_loss = 0;
    for (uint32_t draw = 0; draw <= DRAWS; draw++) {
        double base[BSO_HYPER_MAX];
        if (draw < DRAWS) {
            drawn(rule, 100 + draw, base);
        } else {
            middle(rule, base);
        }
        best = fmin(best, loss_after(rule, base, UPDATES, &start_loss));
    }
    if (!(best < 0.5 * start_loss)) fail_msg("the loss went from %g to %g at best", start_loss, best);
}

/* ---- In a network ---- */

static uint64_t train_network(const bso_fixture *c, bso_settings s, int threads)
{
    enum { BATCHES = 3 };
    omp_set_num_threads(threads);
    bso_network *net = bso_fixture_build(c, &s, true);
    bso_network_init(net, 11);
    bso_fixture_enliven(net, 11);
    const uint64_t before = bso_network_hash(net);
    float *x = allocate((size_t)(c->batch * c->channels * c->height * c->width), sizeof *x);
    int *y = allocate((size_t)c->batch, sizeof *y);
    for (uint64_t i = 0; i < BATCHES; i++) {
        bso_batch_result result;
        bso_fixture_batch(c, 1000 + i, x, y);
        if (bso_network_train(net, x, y, c->batch, NULL, &result)) fail_msg("%s", bso_error());
        assert_true(isfinite(result.loss));
    }
    bso_learner *learners;
    const int count = bso_network_learners(net, &learners);
    for (int i = 0; i < count; i++) assert_sound(&learners[i]);
    const uint64_t hash = bso_network_hash(net);
    assert_true(hash != before);
    free(x);
    free(y);
    bso_network_free(net);
    omp_set_num_threads(1);
    return hash;
}

/* Every estimator, at every time step and accumulated: refused with a reason, or the same bits on 1 and 2
 * threads. */
static void networks_train(void **state)
{
    static const char *const updates[] = {"realtime", "accumulated"};
    const bso_optimizer *rule = rule_of(state);
    double base[BSO_HYPER_MAX];
    middle(rule, base);
    int trainings = 0;
    for (int i = 0; bso_gradients[i]; i++) {
        for (int j = 0; j < 2; j++) {
            const bso_fixture c = {.network = "6C3-AP2-8C3-8C3-GAP-12FC-FC",
                                   .optimizer = rule->name,
                                   .gradient = bso_gradients[i]->name,
                                   .channels = 2,
                                   .height = 6,
                                   .width = 5,
                                   .classes = 4,
                                   .batch = 5,
                                   .steps = 3,
                                   .frames = 1,
                                   .detach_reset = true,
                                   .leak = 0.5,
                                   .threshold = 1,
                                   .loss_mse = 0.05};
            bso_settings s = bso_fixture_settings(&c);
            char bits[8];
            snprintf(bits, sizeof bits, "%d", momentum_bits);
            bso_fixture_set(&s, "momentum_bits", bits);
            bso_fixture_set(&s, "update", updates[j]);
            for (int k = 0; rule->hypers[k].name; k++) {
                char text[40];
                snprintf(text, sizeof text, "%.17g", base[k]);
                bso_fixture_set(&s, rule->hypers[k].name, text);
            }
            bso_settings checked = s;
            if (bso_settings_check(&checked)) {
                assert_true(*bso_error());
                continue;
            }
            trainings++;
            assert_true(train_network(&c, s, 1) == train_network(&c, s, 2));
        }
    }
    assert_true(trainings > 0);
}

/* ---- Every question to every rule ---- */

static const struct {
    const char *name;
    CMUnitTestFunction ask;
} questions[] = {
    {"the declaration is complete", declaration_is_complete},
    {"ranges are kept by the settings", ranges_are_kept_by_the_settings},
    {"the state is as large as declared", state_is_as_large_as_declared},
    {"any tiling and any threads give the same bits", any_tiling_and_threads_give_the_same_bits},
    {"the state is all that survives an update", state_is_all_that_survives},
    {"flips are counted", flips_are_counted},
    {"gradients that are not finite change no bit", non_finite_gradients_change_no_bit},
    {"gradients of any size are survived", gradients_of_any_size_are_survived},
    {"hyperparameters work at both ends", hyperparameters_work_at_their_ends},
    {"a convex loss falls", a_convex_loss_falls},
    {"networks train, the same on 1 and 2 threads", networks_train},
};

enum { QUESTIONS = sizeof questions / sizeof questions[0], TESTS_MAX = 2048, NAME = 128 };

/* test_conformance [NAME]: every rule, or that one. */
int main(int argc, char **argv)
{
    if (argc > 1 && !bso_optimizer_find(argv[1])) {
        fprintf(stderr, "%s\n", bso_error());
        return 1;
    }
    /* cmocka passes over entries without a name. */
    static struct CMUnitTest tests[TESTS_MAX];
    static char names[TESTS_MAX][NAME];
    static asked cases[TESTS_MAX];
    size_t n = 0;
    for (const bso_optimizer *const *rule = bso_optimizers; *rule; rule++) {
        if (argc > 1 && strcmp((*rule)->name, argv[1]) != 0) continue;
        for (int bits = 32; bits >= ((*rule)->few_bits ? 8 : 32); bits /= 2) {
            for (int i = 0; i < QUESTIONS; i++, n++) {
                if (n == TESTS_MAX) {
                    fprintf(stderr, "test_conformance.c: more than %d tests; raise TESTS_MAX\n", TESTS_MAX);
                    return 1;
                }
                cases[n] = (asked){*rule, bits};
                if (bits == 32) {
                    snprintf(names[n], NAME, "%s: %s", (*rule)->name, questions[i].name);
                } else {
                    snprintf(names[n], NAME, "%s, momentum_bits=%d: %s", (*rule)->name, bits,
                             questions[i].name);
                }
                tests[n] = (struct CMUnitTest){
                    .name = names[n], .test_func = questions[i].ask, .initial_state = &cases[n]};
            }
        }
    }
    return cmocka_run_group_tests_name("conformance", tests, NULL, NULL);
}
