/* test_measure.c: cosines between time steps, flips and flips back, and C2I on cases made by hand; that
 * measuring changes no training; and the numbers of operations against a direct count of connections.
 */
#include "core/dataset.h"
#include "core/error.h"
#include "core/layer.h"
#include "core/measure.h"
#include "tests/fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- made by hand */

/* A network in training, a run with a log for each of its one-bit parameters, and what looks at it. */
typedef struct {
    bso_network *net;
    bso_run run;
    bso_measure *measure;
    bso_param *params;
    int count;
} bench;

static void bench_open(bench *b, const char *measure, int steps, int64_t epochs, uint64_t updates)
{
    bso_fixture c = bso_fixture_plain;
    bso_settings s;
    memset(b, 0, sizeof *b);
    c.optimizer = "tbso";
    c.gradient = "ottt";
    c.steps = steps;
    s = bso_fixture_settings(&c);
    bso_fixture_set(&s, "measure", measure);
    b->net = bso_fixture_build(&c, &s, true);
    b->count = bso_network_params(b->net, &b->params);
    b->run.settings = s;
    b->run.settings.epochs = epochs;
    b->run.epochs_done = (int)epochs;
    for (int i = 0; i < b->count; i++) b->run.weight_logs += b->params[i].main;
    assert_true(b->run.weight_logs >= 2);
    b->run.weights = bso_alloc(BSO_MEM_LOG, (size_t)b->run.weight_logs, sizeof *b->run.weights, "test");
    for (int i = 0, w = 0; i < b->count; i++) {
        if (b->params[i].main) b->run.weights[w++].weights = bso_param_count(&b->params[i]);
    }
    assert_int_equal(bso_measure_open(&b->measure, b->net, &b->run, updates), 0);
    assert_non_null(b->measure);
}

static void bench_close(bench *b)
{
    bso_measure_close(b->measure);
    bso_network_free(b->net);
    bso_run_free(&b->run);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static bso_param *first_main(bench *b)
{
    for (int i = 0; i < b->count; i++) {
        if (b->params[i].main) return &b->params[i];
    }
    return NULL;
}

/* Hand over a gradient with x at weight 0 and y at the last weight, in two tiles, for each main parameter. */
static void give(bench *b, const bso_observer *o, int t, float x, float y)
{
    for (int i = 0; i < b->count; i++) {
        const bso_param *p = &b->params[i];
        const size_t n = bso_param_count(p), half = n / 3 + 1;
        float *g = bso_fixture_zeros(n, sizeof *g);
        g[0] = x;
        g[n - 1] = y;
        o->step_gradient(o->user, p, t, half, n - half, g + half);
        o->step_gradient(o->user, p, t, 0, half, g);
        free(g);
    }
    o->step_done(o->user, t);
}

static void close_to(double a, double b)
{
    if (!(fabs(a - b) < 1e-12)) fail_msg("%.17g is not %.17g", a, b);
}

static void cosines_by_hand(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "cosine", 3, 2, 100);
    const bso_observer *o = bso_measure_batch(b.measure, 0);
    give(&b, o, 0, 1, 0);
    give(&b, o, 1, 0, 2);
    give(&b, o, 2, 3, 4);
    bso_measure_epoch(b.measure, 0);
    for (int w = 0; w < b.run.weight_logs; w++) {
        const double *c = b.run.weights[w].cosine;
        const double expected[9] = {1, 0, 0.6, 0, 1, 0.8, 0.6, 0.8, 1};
        for (int i = 0; i < 9; i++) close_to(c[i], expected[i]);
        assert_null(b.run.weights[w].flip_curve);
        assert_null(b.run.weights[w].flip_gaps);
    }
    /* The mean of two batches; a batch beyond the first few does not count; a gradient of zeros has no
     * direction. */
    give(&b, bso_measure_batch(b.measure, 0), 0, 1, 0);
    give(&b, o, 1, -5, 0);
    give(&b, o, 2, 0, 0);
    give(&b, bso_measure_batch(b.measure, BSO_COSINE_BATCHES - 1), 0, 1, 0);
    give(&b, o, 1, 0, 1);
    give(&b, o, 2, 0, 0);
    give(&b, bso_measure_batch(b.measure, BSO_COSINE_BATCHES), 0, 1, 0);
    give(&b, o, 1, 1, 0);
    give(&b, o, 2, 1, 1);
    bso_measure_epoch(b.measure, 1);
    const double *c = b.run.weights[0].cosine + 9;
    close_to(c[1], -0.5);
    close_to(c[3], -0.5);
    close_to(c[0], 1);
    assert_true(isnan(c[2]) && isnan(c[5]) && isnan(c[6]) && isnan(c[7]) && isnan(c[8]));
    bench_close(&b);
}

/* Weight k of output 0 flips. */
static void flip(bso_param *p, int k)
{
    p->bits[k / 64] ^= UINT64_C(1) << (k % 64);
}

/* Update number k, from 1, is over. */
static void update(bench *b, bso_param *p, uint64_t k, uint64_t flips)
{
    const bso_observer *o = bso_measure_batch(b->measure, 0);
    bso_learner l = {.param = p, .update = k, .flips = flips};
    o->updated(o->user, &l);
}

static void flips_by_hand(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "flips", 2, 1, 10);
    assert_int_equal(b.run.flip_bins, 10);
    bso_param *p = first_main(&b);
    const int last = p->rows - 1;
    for (uint64_t k = 1; k <= 10; k++) {
        uint64_t flips = 0;
        /* Weight 0 flips at 2, 3, 5 and 10: gaps of 1, 2 and 5. The last one at 1 and 9: a gap of 8. Weight 1
         * flips once. */
        if (k == 2 || k == 3 || k == 5 || k == 10) flip(p, 0), flips++;
        if (k == 1 || k == 9) flip(p, last), flips++;
        if (k == 3) flip(p, 1), flips++;
        update(&b, p, k, flips);
    }
    bso_measure_flips(b.measure);
    const bso_weight_log *w = &b.run.weights[0];
    const double gaps[BSO_FLIP_GAPS] = {[0] = 1, [1] = 1, [3] = 2};
    for (int g = 0; g < BSO_FLIP_GAPS; g++) close_to(w->flip_gaps[g], gaps[g]);
    const double flips[10] = {1, 1, 2, 0, 1, 0, 0, 0, 1, 1};
    for (int k = 0; k < 10; k++) close_to(w->flip_curve[k], flips[k] / (double)bso_param_count(p));
    assert_null(w->cosine);
    /* Nothing was said of the second parameter. */
    close_to(b.run.weights[1].flip_curve[0], 0);
    bench_close(&b);
}

/* More updates than parts: 1,300 into 512 of two or three; the parts' means add up to the flips. */
static void parts_of_a_long_training(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, "flips", 2, 1, 1300);
    assert_int_equal(b.run.flip_bins, BSO_FLIP_BINS);
    bso_param *p = first_main(&b);
    for (uint64_t k = 1; k <= 1300; k++) update(&b, p, k, k);
    bso_measure_flips(b.measure);
    const double weights = (double)bso_param_count(p);
    /* Part 0 holds updates 0, 1, 2 of 1,300 (2 * 512 / 1300 < 1), part 511 the last two. */
    close_to(b.run.weights[0].flip_curve[0] * weights, (1 + 2 + 3) / 3.0);
    close_to(b.run.weights[0].flip_curve[511] * weights, (1299 + 1300) / 2.0);
    bench_close(&b);
}

/* ---- in a training */

static bso_settings small_training(const char *optimizer, const char *gradient)
{
    static const char *const pairs[][2] = {{"network", "4C3-AP2-6C3-AP2-70C3-GAP-FC"},
                                           {"train_samples", "96"},
                                           {"test_samples", "40"},
                                           {"epochs", "2"},
                                           {"batch", "16"},
                                           {"steps", "3"},
                                           {"gamma", "1e-7"},
                                           {"one_minus_beta1", "0.1"}};
    bso_settings s;
    bso_settings_default(&s);
    bso_fixture_set(&s, "optimizer", optimizer);
    bso_fixture_set(&s, "gradient", gradient);
    const bso_optimizer *rule = bso_optimizer_find(optimizer);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        if (i < 6 || bso_hyper_index(rule, pairs[i][0]) >= 0) bso_fixture_set(&s, pairs[i][0], pairs[i][1]);
    }
    return s;
}

static void check_measured(const bso_run *run)
{
    const int T = (int)run->settings.steps;
    for (int i = 0; i < run->weight_logs; i++) {
        const bso_weight_log *w = &run->weights[i];
        double flips = 0, curve = 0, back = 0;
        for (int e = 0; e < run->epochs_done; e++) flips += w->flips[e];
        for (int k = 0; k < run->flip_bins; k++) curve += w->flip_curve[k];
        for (int g = 0; g < BSO_FLIP_GAPS; g++) back += w->flip_gaps[g];
        assert_true(run->flip_bins > 0 && run->updates % (uint64_t)run->flip_bins == 0);
        const double per_part = (double)run->updates / run->flip_bins;
        assert_true(fabs(curve * (double)w->weights * per_part - flips) < 1e-6 * (flips + 1));
        assert_true(flips > 0 && back <= flips);
        /* Weights that differ from their start flipped an odd number of times: at least once. */
        assert_true(w->c2i[run->epochs_done - 1] * (double)w->weights <= flips - back + 1e-6);
        for (int c = 0; c < run->epochs_done * T * T; c++) {
            const double x = w->cosine[c];
            assert_true(x >= -1 && x <= 1);
            if (c % (T * T) % (T + 1) == 0) close_to(x, 1);
        }
    }
}

static void measuring_changes_nothing(void **state)
{
    (void)state;
    static const char *const ways[][2] = {{"tbso", "ottt"}, {"bop", "bptt"}, {"adam_ste", "ottt"}};
    for (int i = 0; i < 3; i++) {
        bso_settings s = small_training(ways[i][0], ways[i][1]);
        bso_run plain, measured;
        assert_int_equal(bso_train(&s, &plain, NULL), 0);
        bso_fixture_set(&s, "measure", "cosine+flips");
        assert_int_equal(bso_train(&s, &measured, NULL), 0);
        assert_true(plain.weights_hash == measured.weights_hash);
        assert_null(plain.weights[0].cosine);
        assert_null(plain.weights[0].flip_curve);
        check_measured(&measured);
        bso_run_free(&plain);
        bso_run_free(&measured);
    }
}

static void same_on_any_number_of_threads(void **state)
{
    (void)state;
    bso_run run[2];
    for (int i = 0; i < 2; i++) {
        bso_settings s = small_training("tbso", "ottt");
        s.threads = 1 + 2 * i;
        bso_fixture_set(&s, "measure", "flips+cosine");
        assert_int_equal(bso_train(&s, &run[i], NULL), 0);
    }
    const size_t cosines = 2 * 9 * sizeof(double);
    for (int w = 0; w < run[0].weight_logs; w++) {
        const bso_weight_log *a = &run[0].weights[w], *b = &run[1].weights[w];
        assert_memory_equal(a->cosine, b->cosine, cosines);
        assert_memory_equal(a->flip_gaps, b->flip_gaps, BSO_FLIP_GAPS * sizeof(double));
        assert_memory_equal(a->flip_curve, b->flip_curve, (size_t)run[0].flip_bins * sizeof(double));
    }
    assert_int_equal(run[0].operation_logs, run[1].operation_logs);
    for (int i = 0; i < run[0].operation_logs; i++) {
        assert_true(run[0].operations[i].effective == run[1].operations[i].effective);
    }
    for (int i = 0; i < 2; i++) bso_run_free(&run[i]);
}

/* What time steps give adds up to what the rule gets, through time as online. */
typedef struct {
    float *sum[BSO_FIXTURE_PARAMS], *whole[BSO_FIXTURE_PARAMS];
} sums;

static void add_step(void *user, const bso_param *p, int t, size_t first, size_t n, const float *g)
{
    sums *s = user;
    (void)t;
    for (size_t i = 0; i < n; i++) s->sum[p->ordinal][first + i] += g[i];
}

static void keep_whole(void *user, const bso_learner *l, size_t first, size_t n, const float *g)
{
    sums *s = user;
    memcpy(s->whole[l->param->ordinal] + first, g, n * sizeof *g);
}

static void steps_add_up(void **state)
{
    (void)state;
    bso_fixture c = bso_fixture_plain;
    c.optimizer = "bso";
    c.gradient = "bptt";
    c.steps = 3;
    bso_settings s = bso_fixture_settings(&c);
    bso_network *net = bso_fixture_build(&c, &s, true);
    bso_network_init(net, 5);
    bso_fixture_enliven(net, 5);
    bso_param *params;
    const int count = bso_network_params(net, &params);
    sums kept = {{0}, {0}};
    for (int i = 0; i < count; i++) {
        kept.sum[i] = bso_fixture_zeros(bso_param_count(&params[i]), sizeof(float));
        kept.whole[i] = bso_fixture_zeros(bso_param_count(&params[i]), sizeof(float));
    }
    const size_t pixels = (size_t)c.channels * (size_t)c.height * (size_t)c.width;
    float *x = bso_fixture_zeros(pixels * (size_t)c.batch * (size_t)(c.frames ? c.frames : 1), sizeof *x);
    int *y = bso_fixture_zeros((size_t)c.batch, sizeof *y);
    bso_fixture_batch(&c, 3, x, y);
    const bso_observer observer = {.user = &kept, .step_gradient = add_step, .gradient = keep_whole};
    bso_batch_result result;
    assert_int_equal(bso_network_train(net, x, y, c.batch, &observer, &result), 0);
    for (int i = 0; i < count; i++) {
        double size = 0;
        for (size_t j = 0; j < bso_param_count(&params[i]); j++) {
            size += fabs((double)kept.whole[i][j]);
            assert_true(fabs((double)kept.whole[i][j] - (double)kept.sum[i][j]) <=
                        1e-5 * (1e-6 + fabs((double)kept.whole[i][j])));
        }
        /* A bias before batch norm has no gradient. */
        assert_true(size > 0 || params[i].vector);
        free(kept.sum[i]);
        free(kept.whole[i]);
    }
    free(x);
    free(y);
    bso_network_free(net);
}

/* ---- operations */

/* Connections of a synapse, and those of them with an input that is not 0, one by one. value:
 * [channel][n][h][w]. */
static void count_directly(const bso_window *w, int outputs, int n, const float *value, double *dense,
                           double *effective)
{
    *dense = *effective = 0;
    for (int sample = 0; sample < n; sample++) {
        for (int oy = 0; oy < w->out_h; oy++) {
            for (int ox = 0; ox < w->out_w; ox++) {
                for (int k = 0; k < w->kernel_h * w->kernel_w * w->channels; k++) {
                    const int channel = k % w->channels, kx = k / w->channels % w->kernel_w;
                    const int ky = k / w->channels / w->kernel_w;
                    const int y = oy * w->stride + ky - w->pad, x = ox * w->stride + kx - w->pad;
                    if (y < 0 || y >= w->in_h || x < 0 || x >= w->in_w) continue;
                    *dense += outputs;
                    if (value[((channel * n + sample) * w->in_h + y) * w->in_w + x] != 0)
                        *effective += outputs;
                }
            }
        }
    }
    *dense /= n;
    *effective /= n;
}

/* Check every synapse of a network at T = 1 after one evaluated batch. Returns how many were looked at. */
static int check_operations(const bso_fixture *c)
{
    bso_settings s = bso_fixture_settings(c);
    bso_network *net = bso_fixture_build(c, &s, true);
    bso_network_init(net, 11);
    bso_fixture_enliven(net, 11);
    const size_t pixels = (size_t)c->channels * (size_t)c->height * (size_t)c->width * (size_t)c->batch;
    float *x = bso_fixture_zeros(pixels, sizeof *x);
    int *y = bso_fixture_zeros((size_t)c->batch, sizeof *y);
    bso_fixture_batch(c, 7, x, y);
    for (size_t i = 0; i < pixels; i += 3) x[i] = 0;
    const bso_synapse_operations *found;
    double sparsity, zeros;
    bso_batch_result result;
    bso_network_evaluate(net, x, y, c->batch, &result);
    assert_int_equal(bso_network_operations(net, &found, &sparsity, &zeros), 0);
    assert_int_equal(bso_network_count_operations(net), 0);
    assert_int_equal(bso_network_operations(net, &found, &sparsity, &zeros), 0);
    bso_network_evaluate(net, x, y, c->batch, &result);
    const int count = bso_network_operations(net, &found, &sparsity, &zeros);
    int seen = 0;
    double outputs = 0, silent = 0;
    for (int i = 0; i < net->layers; i++) {
        const bso_layer *l = &net->layer[i], *below = l->below;
        bso_window window;
        int channels;
        const bso_param *weight;
        if (bso_layer_is_neurons(l)) {
            const size_t n = l->out_size * (size_t)c->batch;
            float *v = bso_fixture_zeros(n, sizeof *v);
            bso_bits_expand(&l->out, c->batch, v);
            for (size_t j = 0; j < n; j++) silent += v[j] == 0;
            outputs += (double)n;
            free(v);
        }
        if (!bso_synapse_look(l, &window, &channels, &weight)) continue;
        const bso_synapse_operations *o = &found[seen++];
        const size_t inputs = (below ? below->out_size : pixels / (size_t)c->batch) * (size_t)c->batch;
        float *value = bso_fixture_zeros(inputs, sizeof *value);
        if (below && below->out.bits) {
            bso_bits_expand(&below->out, c->batch, value);
        } else {
            memcpy(value, below ? bso_layer_map(below, 0) : x, inputs * sizeof *value);
        }
        double dense, effective;
        count_directly(&window, channels, c->batch, value, &dense, &effective);
        assert_string_equal(o->name, l->name);
        close_to(o->dense, dense);
        if (fabs(o->effective - effective) > 1e-9)
            fail_msg("%s in %s: %g, not %g", l->name, c->network, o->effective, effective);
        assert_int_equal(o->one_bit, weight->bits != NULL);
        assert_int_equal(o->binary_input, below && bso_layer_is_neurons(below));
        free(value);
    }
    assert_int_equal(seen, count);
    close_to(sparsity, silent / outputs);
    close_to(zeros, 0);
    /* The same batch again, and once more: per sample nothing changes. */
    const double before = found[count - 1].effective;
    bso_network_evaluate(net, x, y, c->batch, &result);
    assert_int_equal(bso_network_operations(net, &found, &sparsity, &zeros), count);
    close_to(found[count - 1].effective, before);
    free(x);
    free(y);
    bso_network_free(net);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
    return seen;
}

static void operations_one_by_one(void **state)
{
    (void)state;
    bso_fixture c = bso_fixture_plain;
    c.steps = 1;
    c.optimizer = "bso";
    c.gradient = "sltt";
    c.network = "5C3-AP2-66C5-7C3-10FC-FC";
    assert_int_equal(check_operations(&c), 5);
    c.network = bso_fixture_residual;
    c.height = c.width = 12;
    assert_true(check_operations(&c) > 5);
    c.network = "5C3-7C3-GAP-FC";
    c.sign = true;
    c.gradient = "bptt";
    assert_int_equal(check_operations(&c), 3);
    c.network = "5C3-AP2-70C3-AP2-3C3-GAP-FC";
    assert_int_equal(check_operations(&c), 4);
}

static void sums_and_energy(void **state)
{
    (void)state;
    const bso_synapse_operations o[3] = {{"conv1", 1000, 900, false, false},
                                         {"conv2", 5000, 400, true, true},
                                         {"conv3", 2000, 100, false, true}};
    const bso_operations_sum sum = bso_operations_total(o, 3);
    close_to(sum.dense, 8000);
    close_to(sum.accumulates, 400);
    close_to(sum.multiply_accumulates, 1000);
    close_to(sum.multiplications, 900);
    assert_true(fabs(sum.joules - (1400 * 0.9e-12 + 900 * 3.7e-12)) < 1e-20);
}

/* Weights that are 0 do nothing. */
static void zero_weights_are_seen(void **state)
{
    (void)state;
    bso_fixture c = bso_fixture_plain;
    c.steps = 1;
    c.optimizer = "sgd";
    c.gradient = "sltt";
    c.network = "5C3-7C3-GAP-FC";
    bso_settings s = bso_fixture_settings(&c);
    bso_network *net = bso_fixture_build(&c, &s, true);
    bso_network_init(net, 2);
    bso_param *params;
    const int n = bso_network_params(net, &params);
    double zeros = 0, all = 0;
    for (int i = 0; i < n; i++) {
        if (params[i].vector) continue;
        const size_t count = bso_param_count(&params[i]);
        for (size_t j = 0; j < count; j += 2) params[i].real[j] = 0, zeros++;
        all += (double)count;
    }
    const size_t pixels = (size_t)c.channels * (size_t)c.height * (size_t)c.width * (size_t)c.batch;
    float *x = bso_fixture_zeros(pixels, sizeof *x);
    int *y = bso_fixture_zeros((size_t)c.batch, sizeof *y);
    for (size_t i = 0; i < pixels; i++) x[i] = 1;
    assert_int_equal(bso_network_count_operations(net), 0);
    bso_batch_result result;
    bso_network_evaluate(net, x, y, c.batch, &result);
    const bso_synapse_operations *found;
    double activations, connections;
    assert_int_equal(bso_network_operations(net, &found, &activations, &connections), 3);
    close_to(connections, zeros / all);
    const size_t first = bso_param_count(&params[0]);
    assert_true(fabs(found[0].effective / found[0].dense - (double)(first / 2) / (double)first) < 1e-12);
    free(x);
    free(y);
    bso_network_free(net);
}

static void what_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "flip", "flips+", "+cosine", "none+flips", "flips,cosine"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        bso_settings s;
        bso_settings_default(&s);
        bso_fixture_set(&s, "measure", wrong[i]);
        assert_int_equal(bso_settings_check(&s), BSO_ERROR);
        assert_non_null(strstr(bso_error(), "measure"));
    }
    bso_settings s;
    bso_settings_default(&s);
    bso_fixture_set(&s, "measure", "cosine+flips");
    assert_int_equal(bso_settings_check(&s), 0);
    bso_fixture_set(&s, "trace", "/tmp/trace.h5");
    assert_int_equal(bso_settings_check(&s), BSO_ERROR);
    assert_true(bso_settings_has("table2+fig5", "fig5") && bso_settings_has("table2+fig5", "table2"));
    assert_false(bso_settings_has("table2+fig5", "fig") || bso_settings_has("table2", "table22"));
    assert_false(bso_settings_has("", "fig5"));
}

/* The longest gap of so many updates is 2^31 - 1, of the last part; one more has no part. */
static void too_many_updates(void **state)
{
    (void)state;
    bench b;
    bso_measure *m;
    bench_open(&b, "flips", 1, 1, UINT64_C(1) << 31);
    assert_int_equal(bso_measure_open(&m, b.net, &b.run, (UINT64_C(1) << 31) + 1), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "fewer epochs"));
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cosines_by_hand),
        cmocka_unit_test(flips_by_hand),
        cmocka_unit_test(parts_of_a_long_training),
        cmocka_unit_test(too_many_updates),
        cmocka_unit_test(measuring_changes_nothing),
        cmocka_unit_test(same_on_any_number_of_threads),
        cmocka_unit_test(steps_add_up),
        cmocka_unit_test(operations_one_by_one),
        cmocka_unit_test(sums_and_energy),
        cmocka_unit_test(zero_weights_are_seen),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
