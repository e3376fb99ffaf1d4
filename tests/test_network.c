/* test_network.c: the float and packed network against the double-precision reference: outputs, losses,
 * gradients, running statistics, spike counts. What must hold bit for bit is in test_network_exact.c.
 */
#include "core/error.h"
#include "core/kernels.h"
#include "core/network.h"
#include "core/random.h"
#include "tests/fixture.h"
#include "tests/reference.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const double tolerance = 1e-4;    /* of the largest magnitude in a tensor */
static const double clear_margin = 2e-5; /* potentials nearer to a jump than this may fire on one side only */

/* One thread: waiting for a second costs more than these networks do, and test_network_exact.c shows that
 * it changes no bit. */
static int start(void **state)
{
    (void)state;
    omp_set_num_threads(1);
    return bso_kernels_pick();
}

/* ---- the same thing in the reference */

static bso_reference *reference_of(const bso_fixture *c)
{
    bool online = strcmp(c->gradient, "bptt") != 0;
    int resets = strcmp(c->gradient, "ndot") == 0 ? 1 : strcmp(c->gradient, "ndot_ref") == 0 ? 2 : 0;
    bso_reference_options options = {.rectangular = c->rectangular,
                                     .detach_reset = c->detach_reset,
                                     .online = online,
                                     .mu = strcmp(c->gradient, "ottt") == 0 ? c->leak : 0.0,
                                     .ndot_resets = resets,
                                     .sign = c->sign,
                                     .leak = c->leak,
                                     .threshold = c->sign ? 0.0 : c->threshold,
                                     .loss_mse = c->loss_mse,
                                     .steps = c->steps};
    return bso_reference_create(c->network, c->channels, c->height, c->width, c->classes, c->batch, &options);
}

/* Position in the reference's O,I,H,W of weight (k, o), k = (ky * KW + kx) * I + i. */
static size_t reference_index(const bso_param *p, int k, int o)
{
    int position = k / p->inputs, i = k % p->inputs, ky = position / p->kernel_w, kx = position % p->kernel_w;
    return (size_t)(((o * p->inputs + i) * p->kernel_h + ky) * p->kernel_w + kx);
}

static void copy_weights(const bso_network *net, bso_reference *ref)
{
    bso_param *params;
    int count = bso_network_params(net, &params);
    assert_int_equal(count, ref->params);
    for (int i = 0; i < count; i++) {
        const bso_param *p = &params[i];
        assert_int_equal(bso_param_count(p), ref->param[i].count);
        assert_int_equal(p->cols, ref->param[i].outputs);
        assert_int_equal(p->ordinal, i);
        for (int k = 0; k < p->rows; k++) {
            for (int o = 0; o < p->cols; o++) {
                float w = bso_param_value(p, (size_t)k * (size_t)p->cols + (size_t)o);
                if (p->bits) assert_true(w == 1.0f || w == -1.0f);
                ref->param[i].value[reference_index(p, k, o)] = (double)w;
            }
        }
    }
}

/* [frames][c][n][pixel] to [frames][n][c][pixel] */
static void copy_batch(const bso_fixture *c, const float *from, double *to)
{
    int area = c->height * c->width;
    for (int f = 0; f < c->frames; f++)
        for (int b = 0; b < c->batch; b++)
            for (int i = 0; i < c->channels; i++)
                for (int p = 0; p < area; p++)
                    to[((f * c->batch + b) * c->channels + i) * area + p] =
                        (double)from[((f * c->channels + i) * c->batch + b) * area + p];
}

/* ---- comparing */

static void check_close(const bso_fixture *c, const char *what, int t, double got, double expected,
                        double scale)
{
    if (fabs(got - expected) <= tolerance * scale) return;
    fail_msg("%s %s %s %s %s T=%d leak %.2f batch %d: %s at t=%d is %.9g, must be %.9g (largest %.3g)",
             c->network, c->optimizer, c->gradient, c->update ? c->update : "",
             c->sign          ? "sign"
             : c->rectangular ? "rectangular"
                              : "sigmoid",
             c->steps, c->leak, c->batch, what, t, got, expected, scale);
}

static double largest(const double *x, size_t n)
{
    double m = 0.0;
    for (size_t i = 0; i < n; i++) m = fmax(m, fabs(x[i]));
    return m;
}

static bool accumulated(const bso_fixture *c)
{
    return strcmp(c->gradient, "bptt") == 0 || (c->update && strcmp(c->update, "accumulated") == 0);
}

/* Gradients: one for each step in real time, else their sum. A bias before batch norm has none; what
 * rounding leaves of it is measured by its layer's weights. */
static void check_gradients(const bso_fixture *c, const bso_fixture_record *r, const bso_reference *ref)
{
    bso_param *params;
    int count = bso_network_params(r->net, &params), entries = accumulated(c) ? 1 : c->steps;
    for (int i = 0; i < count; i++) {
        const bso_param *p = &params[i];
        size_t n = bso_param_count(p);
        for (int t = 0; t < entries; t++) {
            double *expected = bso_fixture_zeros(n, sizeof *expected);
            for (size_t j = 0; j < n; j++) {
                expected[j] = accumulated(c) ? bso_reference_gradient_sum(ref, i, j)
                                             : ref->param[i].gradient[(size_t)t * n + j];
            }
            double scale = largest(expected, n);
            if (ref->param[i].before_norm)
                scale = largest(ref->param[i - 1].gradient, (size_t)c->steps * ref->param[i - 1].count);
            for (int k = 0; k < p->rows; k++) {
                for (int o = 0; o < p->cols; o++) {
                    size_t at = (size_t)t * n + (size_t)k * (size_t)p->cols + (size_t)o;
                    assert_int_equal(r->seen[i][at], 1);
                    check_close(c, p->name, t, (double)r->gradient[i][at], expected[reference_index(p, k, o)],
                                scale);
                }
            }
            free(expected);
        }
    }
}

static void check_outputs(const bso_fixture *c, const float *got, const double *expected, int t)
{
    double scale = largest(expected, (size_t)(c->batch * c->classes));
    for (int b = 0; b < c->batch; b++) {
        for (int k = 0; k < c->classes; k++) {
            check_close(c, "output", t, (double)got[k * c->batch + b], expected[b * c->classes + k], scale);
        }
    }
}

static int correct_of(const bso_fixture *c, const double *sum, const int *y)
{
    int correct = 0;
    for (int b = 0; b < c->batch; b++) {
        int best = 0;
        for (int k = 1; k < c->classes; k++) {
            if (sum[b * c->classes + k] > sum[b * c->classes + best]) best = k;
        }
        correct += best == y[b];
    }
    return correct;
}

/* Loss, number of correct predictions and outputs summed over time of the last batch on both sides. */
static void check_result(const bso_fixture *c, const bso_network *net, const bso_batch_result *result,
                         const bso_reference *ref, double loss, const int *y)
{
    size_t outputs = (size_t)(c->batch * c->classes);
    double *sum = bso_fixture_zeros(outputs, sizeof *sum);
    for (size_t i = 0; i < outputs * (size_t)c->steps; i++) sum[i % outputs] += ref->output[i];
    check_close(c, "loss of the batch", 0, result->loss, loss, loss);
    check_outputs(c, bso_network_output(net), sum, 0);
    assert_int_equal(result->correct, correct_of(c, sum, y));
    free(sum);
}

static void check_state(const bso_fixture *c, const bso_network *net, const bso_reference *ref)
{
    bso_buffer *buffers;
    bso_neuron_counts *counts;
    assert_int_equal(bso_network_buffers(net, &buffers), 2 * ref->norms);
    assert_int_equal(bso_network_neurons(net, &counts), ref->neurons);
    for (int i = 0; i < ref->norms; i++) {
        for (int k = 0; k < 2; k++) {
            const bso_buffer *b = &buffers[2 * i + k];
            const double *expected = k ? ref->norm[i].running_var : ref->norm[i].running_mean;
            double scale = largest(expected, b->count);
            assert_non_null(strstr(b->name, k ? ".running_var" : ".running_mean"));
            assert_int_equal(b->count, ref->norm[i].channels);
            for (size_t j = 0; j < b->count; j++)
                check_close(c, b->name, 0, (double)b->data[j], expected[j], scale);
        }
    }
    for (int i = 0; i < ref->neurons; i++) {
        assert_true(counts[i].samples == c->batch);
        for (int t = 0; t < c->steps; t++) assert_true(counts[i].spikes[t] == ref->spikes[i * c->steps + t]);
    }
}

/* No rule changes anything: learning rates 0, a threshold no momentum reaches. */
static void freeze(bso_settings *s)
{
    const char *optimizer = s->optimizer;
    bso_fixture_set(s, "lr", "0");
    bso_fixture_set(s, "schedule", "constant");
    if (strcmp(optimizer, "bso") == 0 || strcmp(optimizer, "tbso") == 0) bso_fixture_set(s, "gamma", "1e6");
    if (strcmp(optimizer, "adam_ste") == 0) bso_fixture_set(s, "weight_lr", "0");
}

/* A neuron whose current is always the threshold: nothing is left of its potential after the spike, and what
 * NDOT divides is 0/0. */
static void hold_at_threshold(bso_network *net, double threshold)
{
    bso_param *params;
    int count = bso_network_params(net, &params);
    for (int i = 0; i < count; i++) {
        if (strcmp(params[i].name, "bn1.weight") == 0) params[i].real[0] = 0;
        if (strcmp(params[i].name, "bn1.bias") == 0) params[i].real[0] = (float)threshold;
    }
}

/* One frozen training batch and one evaluation on both sides. Returns false where the data come too near
 * to a threshold, a kink of the surrogate or a jump of NDOT's ratio for float and double to agree. */
static bool compare(const bso_fixture *c, bool held, uint64_t seed)
{
    bso_settings s = bso_fixture_settings(c);
    freeze(&s);
    bso_network *net = bso_fixture_build(c, &s, true);
    bso_network_init(net, seed);
    bso_fixture_enliven(net, seed);
    if (held) hold_at_threshold(net, c->threshold);
    bso_reference *ref = reference_of(c);
    copy_weights(net, ref);
    size_t pixels = (size_t)(c->frames * c->batch * c->channels * c->height * c->width);
    float *x = bso_fixture_zeros(pixels, sizeof *x);
    double *x_reference = bso_fixture_zeros(pixels, sizeof *x_reference);
    int *y = bso_fixture_zeros((size_t)c->batch, sizeof *y);
    bso_fixture_batch(c, seed, x, y);
    copy_batch(c, x, x_reference);
    uint64_t hash = 0;
    double loss = bso_reference_forward(ref, x_reference, c->frames, y, c->batch);
    bool usable = ref->margin > clear_margin;
    if (usable) {
        bso_fixture_record r = bso_fixture_record_create(c, net);
        bso_observer observer = bso_fixture_observer(&r);
        bso_batch_result result;
        bso_reference_backward(ref, y, c->batch);
        if (bso_network_train(net, x, y, c->batch, &observer, &result)) fail_msg("%s", bso_error());
        for (int t = 0; t < c->steps; t++) {
            check_outputs(c, r.output + t * c->batch * c->classes, ref->output + t * c->batch * c->classes,
                          t);
            check_close(c, "loss", t, r.loss[t], ref->loss[t], ref->loss[t]);
        }
        assert_int_equal(r.steps_done, ref->options.online ? c->steps : 1);
        check_gradients(c, &r, ref);
        check_result(c, net, &result, ref, loss, y);
        check_state(c, net, ref);
        hash = bso_network_hash(net);
        bso_fixture_record_free(&r);

        ref->options.evaluate = true;
        loss = bso_reference_forward(ref, x_reference, c->frames, y, c->batch);
        usable = ref->margin > clear_margin;
        bso_network_evaluate(net, x, y, c->batch, &result);
        if (usable) check_result(c, net, &result, ref, loss, y);
        assert_true(hash == bso_network_hash(net)); /* looking changes nothing */
    }
    free(x);
    free(x_reference);
    free(y);
    bso_reference_free(ref);
    bso_network_free(net);
    return usable;
}

typedef struct {
    const char *network;
    int channels, height, width;
    bool lone; /* may be tried with one sample: maps are large enough for batch norm to leave a gradient;
                  else a few samples more are needed for that */
} shape;

/* A rule for each representation of the weights. */
static const char *const optimizers[] = {"bso", "adam_ste", "sgd"};

static const struct {
    const char *gradient, *update;
    bool detach_reset;
} estimators[] = {
    {"bptt", "accumulated", true},     {"bptt", "accumulated", false}, {"ottt", "realtime", true},
    {"ottt", "accumulated", true},     {"sltt", "realtime", true},     {"sltt", "accumulated", true},
    {"ndot", "realtime", true},        {"ndot", "accumulated", true},  {"ndot_ref", "realtime", true},
    {"ndot_ref", "accumulated", true},
};
enum { ESTIMATORS = sizeof estimators / sizeof estimators[0] };

/* The first data of a hundred that can be compared; how many that took. */
static int compare_first_usable(const bso_fixture *c, bool held, uint64_t seed)
{
    int tried = 1;
    for (; !compare(c, held, 100 * seed + (uint64_t)tried); tried++) assert_true(tried < 100);
    return tried;
}

/* Every estimator, update and representation on a network; the other options are drawn. */
static void compare_all(const shape *n, int variants)
{
    int turn = 0, tried = 0;
    for (int o = 0; o < 3; o++) {
        for (int e = 0; e < ESTIMATORS; e++) {
            for (int v = 0; v < variants; v++, turn++) {
                bso_random4 r =
                    bso_random((uint64_t)(n->height * 100 + n->width), BSO_RANDOM_TEST, (uint32_t)turn, 0);
                bso_fixture c = {
                    .network = n->network,
                    .optimizer = optimizers[o],
                    .gradient = estimators[e].gradient,
                    .update = estimators[e].update,
                    .channels = n->channels,
                    .height = n->height,
                    .width = n->width,
                    .classes = 3,
                    .batch = n->lone && r.word[0] % 5 == 1 ? 1 : (n->lone ? 3 : 6) + (int)(r.word[0] % 2),
                    .steps = 1 + (int)(r.word[1] % 4),
                    .rectangular = v % 2 == 1,
                    .detach_reset = estimators[e].detach_reset,
                    .leak = r.word[2] % 2 ? 0.25 : 0.5,
                    .threshold = r.word[2] % 5 == 4 ? 0.75 : 1.0,
                    .loss_mse = r.word[3] % 7 == 6 ? 0.0 : 0.05,
                };
                c.frames = r.word[3] % 5 == 3 ? c.steps : 1;
                tried += compare_first_usable(&c, false, (uint64_t)turn);
            }
        }
    }
    print_message("%-24s %dx%dx%d: %d comparisons, %d draws of data\n", n->network, n->channels, n->height,
                  n->width, turn, tried);
}

static void test_convolutions(void **state)
{
    (void)state;
    compare_all(&(shape){"3C3-AP2-5C3-GAP-FC", 2, 7, 7, true}, 4);
    compare_all(&(shape){"4C3-7C3-AP2-9C3-AP2-FC", 1, 5, 6, true}, 2);
    compare_all(&(shape){"4C3-5C5-AP2-AP2-6C3-FC", 2, 9, 8, true}, 2);
    compare_all(&(shape){"3C1-4C1-FC", 3, 4, 3, true}, 2);
}

static void test_linear_layers(void **state)
{
    (void)state;
    compare_all(&(shape){"6C3-AP2-11FC-FC", 2, 5, 6, false}, 2);
    compare_all(&(shape){"5FC-6FC-FC", 1, 3, 4, false}, 2);
    compare_all(&(shape){"FC", 2, 3, 3, true}, 2);
}

static void test_strides(void **state)
{
    (void)state;
    compare_all(&(shape){"3C3s2-5C3s2-GAP-FC", 2, 9, 8, true}, 2);
    compare_all(&(shape){"4C7s2-AP2-5C1s2-3C3-FC", 1, 17, 14, true}, 2);
    compare_all(&(shape){"4C1s3-5C7s3-FC", 3, 14, 11, true}, 2);
}

/* Identity, stride, change of channels alone; kernels of 1, 3 and 7; odd maps; pooling between and behind. */
static void test_residual_units(void **state)
{
    (void)state;
    compare_all(&(shape){"4C3-4R3-GAP-FC", 2, 6, 5, true}, 3);
    compare_all(&(shape){"4C7s2-AP2-4R3-6R3s2-6R1-GAP-FC", 2, 15, 12, true}, 3);
    compare_all(&(shape){"3C3-3R7-5R3-5R1s2-AP2-4C3-FC", 1, 9, 7, true}, 3);
    compare_all(&(shape){"3C3-4C3-4R3s2-AP2-5R3-FC", 2, 8, 7, true}, 2);
}

/* More than a word of channels, more than a tile of inputs. */
static void test_wide_layers(void **state)
{
    (void)state;
    static const char *const networks[] = {"66C3-AP2-70C3-GAP-FC", "66C3-66R3-70R3s2-70R3-GAP-FC"};
    bso_fixture c = {.channels = 2,
                     .height = 4,
                     .width = 4,
                     .classes = 3,
                     .batch = 2,
                     .steps = 2,
                     .frames = 1,
                     .detach_reset = true,
                     .leak = 0.5,
                     .threshold = 1.0,
                     .loss_mse = 0.05};
    for (int i = 0; i < 6 * ESTIMATORS; i++) {
        c.network = networks[i / ESTIMATORS / 3];
        c.optimizer = optimizers[i / ESTIMATORS % 3];
        c.gradient = estimators[i % ESTIMATORS].gradient;
        c.update = estimators[i % ESTIMATORS].update;
        compare_first_usable(&c, false, 0);
    }
}

/* More than a group of samples: 9x9 maps come in groups of 6. Enough samples for units on single pixels. */
static void test_large_batch(void **state)
{
    (void)state;
    static const char *const networks[] = {"3C3-4C3-AP2-3C3-GAP-FC",
                                           "3C3-4R3-4R3s2-AP2-6R3s2-GAP-6R1-7FC-FC"};
    bso_fixture c = {.optimizer = "bso",
                     .channels = 1,
                     .height = 9,
                     .width = 9,
                     .classes = 4,
                     .batch = 14,
                     .steps = 2,
                     .frames = 1,
                     .leak = 0.5,
                     .threshold = 1.0,
                     .loss_mse = 0.05};
    for (int i = 0; i < 2 * ESTIMATORS; i++) {
        c.network = networks[i / ESTIMATORS];
        c.gradient = estimators[i % ESTIMATORS].gradient;
        c.update = estimators[i % ESTIMATORS].update;
        compare_first_usable(&c, false, 0);
    }
}

/* NDOT where it divides 0 by 0; the other data keep clear of small denominators. */
static void test_ndot_guard(void **state)
{
    (void)state;
    bso_fixture c = {.network = "4C3-5C3-AP2-FC",
                     .channels = 1,
                     .height = 5,
                     .width = 6,
                     .classes = 3,
                     .batch = 3,
                     .steps = 4,
                     .leak = 0.25,
                     .loss_mse = 0.05};
    for (int i = 0; i < 3 * ESTIMATORS; i++) {
        c.optimizer = optimizers[i / ESTIMATORS];
        c.gradient = estimators[i % ESTIMATORS].gradient;
        c.update = estimators[i % ESTIMATORS].update;
        c.threshold = i % 2 ? 0.75 : 1.0;
        c.frames = i % 3 ? 1 : c.steps;
        compare_first_usable(&c, true, 0);
    }
}

/* ---- sign neurons */

static void compare_sign(const shape *n, int batch)
{
    static const struct {
        const char *gradient, *update;
    } ways[] = {{"bptt", "accumulated"}, {"sltt", "realtime"}, {"sltt", "accumulated"}};
    int tried = 0;
    for (int i = 0; i < 9; i++) {
        bso_fixture c = {
            .network = n->network,
            .optimizer = optimizers[i / 3],
            .gradient = ways[i % 3].gradient,
            .update = ways[i % 3].update,
            .channels = n->channels,
            .height = n->height,
            .width = n->width,
            .classes = 3,
            .batch = n->lone && i % 4 == 1 ? 1 : batch,
            .steps = 1,
            .frames = 1,
            .rectangular = i % 2 == 1, /* neither of these acts on sign neurons */
            .detach_reset = i % 2 == 0,
            .sign = true,
            .leak = 0.5,
            .threshold = 1.0 + i,
            .loss_mse = i == 7 ? 0.0 : 0.05,
        };
        tried += compare_first_usable(&c, false, (uint64_t)i);
    }
    print_message("%-24s %dx%dx%d sign: %d draws of data\n", n->network, n->channels, n->height, n->width,
                  tried);
}

/* Zero padding is neither -1 nor +1; windows that AP2 leaves out on odd sizes; counts pooled twice and by
 * GAP; hidden linear layers; numbers of channels around a word. */
static void test_sign_neurons(void **state)
{
    (void)state;
    compare_sign(&(shape){"3C3-16C3-AP2-16C3-GAP-FC", 2, 7, 7, true}, 3);
    compare_sign(&(shape){"16C3-3C5-AP2-AP2-65C3-FC", 2, 9, 8, false}, 2);
    compare_sign(&(shape){"65C3-AP2-16C3-GAP-FC", 1, 5, 5, false}, 2);
    compare_sign(&(shape){"3C3-130C3-AP2-3C3-FC", 1, 3, 5, false}, 2);
    compare_sign(&(shape){"130C3-AP2-65FC-3FC-FC", 1, 3, 5, false}, 6);
    compare_sign(&(shape){"16FC-130FC-65FC-FC", 1, 3, 4, false}, 7);
    compare_sign(&(shape){"3C1-4C1-GAP-5FC-FC", 3, 4, 3, false}, 6);
    compare_sign(&(shape){"4C3s2-4R3-6R3s2-9R1-GAP-FC", 2, 9, 8, true}, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolutions), cmocka_unit_test(test_linear_layers),
        cmocka_unit_test(test_strides),      cmocka_unit_test(test_residual_units),
        cmocka_unit_test(test_wide_layers),  cmocka_unit_test(test_large_batch),
        cmocka_unit_test(test_ndot_guard),   cmocka_unit_test(test_sign_neurons),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
