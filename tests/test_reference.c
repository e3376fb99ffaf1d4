/* test_reference.c: is the reference network right? Its gradients through time against central finite
 * differences in smooth mode, its online gradients against closed forms written out. No code of core/ but
 * random numbers.
 */
#include "core/random.h"
#include "tests/reference.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { CLASSES = 3, BATCH = 5, PIXELS_MAX = 2 * 8 * 8, STEPS_MAX = 4 };

/* The tolerance is relative to the tensor's largest gradient, or to 0.001 where all are smaller. */
static const double step_width = 1e-5, tolerance = 1e-6;

static double normal(uint64_t seed, uint32_t stream, uint64_t index)
{
    return bso_random_normal(seed, BSO_RANDOM_TEST, stream, index);
}

/* Weights that make neurons fire now and then, and batch norm scales and shifts away from 1 and 0. */
static void randomise(bso_reference *r, uint64_t seed)
{
    for (int i = 0; i < r->params; i++) {
        bso_reference_param *p = &r->param[i];
        bool scale = p->count > 0 && p->value[0] == 1.0;
        for (size_t k = 0; k < p->count; k++)
            p->value[k] = (scale ? 1.0 : 0.1) + 0.4 * normal(seed, (uint32_t)i, k);
    }
}

static void fill_batch(double *x, size_t count, int *y, int n, uint64_t seed)
{
    for (size_t i = 0; i < count; i++) x[i] = normal(seed, 1000, i);
    for (int b = 0; b < n; b++)
        y[b] = (int)bso_random_below(seed, BSO_RANDOM_TEST, 1001, (uint64_t)b, CLASSES);
}

/* ---- finite differences */

struct difference_case {
    const char *layers;
    int channels, height, width, steps, frames;
    enum { SIGMOID, RECTANGULAR, SIGN } neurons;
    double loss_mse, leak, threshold;
};

static const char *const neuron_names[] = {"sigmoid", "rectangular", "sign"};

static double difference(bso_reference *r, double *value, const double *x, int frames, const int *y)
{
    double kept = *value;
    *value = kept + step_width;
    double above = bso_reference_forward(r, x, frames, y, BATCH);
    *value = kept - step_width;
    double below = bso_reference_forward(r, x, frames, y, BATCH);
    *value = kept;
    return (above - below) / (2.0 * step_width);
}

static void check_differences(const struct difference_case *c)
{
    bso_reference_options options = {.smooth = true,
                                     .rectangular = c->neurons == RECTANGULAR,
                                     .sign = c->neurons == SIGN,
                                     .leak = c->leak,
                                     .threshold = c->threshold,
                                     .loss_mse = c->loss_mse,
                                     .steps = c->steps};
    double x[STEPS_MAX * BATCH * PIXELS_MAX];
    int y[BATCH];
    size_t pixels = (size_t)(c->channels * c->height * c->width);
    assert_true(pixels <= PIXELS_MAX && c->frames <= STEPS_MAX);
    bso_reference *r =
        bso_reference_create(c->layers, c->channels, c->height, c->width, CLASSES, BATCH, &options);

    /* The windows' integrals have kinks: take the first data that stays clear of them. */
    uint64_t seed = 1;
    for (;; seed++) {
        assert_true(seed < 100);
        randomise(r, seed);
        fill_batch(x, (size_t)c->frames * BATCH * pixels, y, BATCH, seed);
        bso_reference_forward(r, x, c->frames, y, BATCH);
        if (r->margin > 5e-4) break;
    }
    bso_reference_backward(r, y, BATCH);

    double worst = 0.0, largest = 0.0;
    for (int i = 0; i < r->params; i++) {
        double off = 0.0, size = 0.0;
        for (size_t k = 0; k < r->param[i].count; k++) {
            double gradient = bso_reference_gradient_sum(r, i, k);
            off = fmax(off, fabs(gradient - difference(r, &r->param[i].value[k], x, c->frames, y)));
            size = fmax(size, fabs(gradient));
        }
        assert_true(r->param[i].before_norm ? size < 1e-12 : size > 1e-4);
        worst = fmax(worst, off / fmax(size, 1e-3));
        largest = fmax(largest, size);
    }
    print_message("%-20s %dx%dx%d T=%d %-11s mse %.2f: largest gradient %.3f, worst difference %.1e\n",
                  c->layers, c->channels, c->height, c->width, c->steps, neuron_names[c->neurons],
                  c->loss_mse, largest, worst);
    assert_true(worst < tolerance);
    bso_reference_free(r);
}

static void test_differences(void **state)
{
    (void)state;
    static const struct difference_case cases[] = {
        {"FC", 2, 3, 4, 1, 1, SIGMOID, 0.05, 0.5, 1.0},
        {"FC", 2, 3, 4, 3, 3, SIGMOID, 0.0, 0.5, 1.0},
        {"3C1-FC", 2, 4, 4, 1, 1, SIGMOID, 0.05, 0.5, 1.0},
        {"3C3-GAP-FC", 2, 5, 4, 2, 1, SIGMOID, 0.05, 0.5, 1.0},
        {"3C3-AP2-2C5-GAP-FC", 1, 7, 5, 3, 1, SIGMOID, 0.05, 0.5, 1.0},
        {"3C3-2C1-AP2-FC", 1, 5, 6, 3, 3, SIGMOID, 0.0, 0.25, 0.7},
        {"2C5-AP2-4FC-FC", 1, 5, 5, 2, 1, SIGMOID, 0.05, 0.5, 1.0},
        {"4FC-FC", 2, 3, 3, 3, 1, SIGMOID, 0.05, 0.8, 0.5},
        {"2C3-AP2-AP2-3C3-FC", 1, 8, 7, 2, 2, SIGMOID, 0.05, 0.5, 1.0},
        {"3C3-GAP-FC", 2, 5, 4, 2, 1, RECTANGULAR, 0.05, 0.5, 1.0},
        {"3C3-AP2-2C3-GAP-FC", 1, 5, 5, 3, 1, RECTANGULAR, 0.0, 0.5, 1.0},
        {"3C1-AP2-3FC-FC", 2, 4, 5, 3, 3, RECTANGULAR, 0.05, 0.25, 0.7},
        {"3C1-FC", 2, 4, 4, 1, 1, SIGN, 0.05, 0.5, 0.0},
        {"3C3-GAP-FC", 2, 5, 4, 1, 1, SIGN, 0.05, 0.5, 0.0},
        {"3C3-AP2-2C5-GAP-FC", 1, 7, 5, 1, 1, SIGN, 0.0, 0.5, 0.0},
        {"2C5-AP2-4FC-FC", 1, 5, 5, 1, 1, SIGN, 0.05, 0.5, 0.0},
        {"4FC-5FC-FC", 2, 3, 3, 1, 1, SIGN, 0.05, 0.5, 0.0},
        {"2C3-AP2-AP2-3C3-FC", 1, 8, 7, 1, 1, SIGN, 0.05, 0.5, 0.0},
        {"3C3s2-2C3s2-GAP-FC", 2, 7, 6, 2, 1, SIGMOID, 0.05, 0.5, 1.0},
        {"3C7s2-2C1s3-FC", 1, 8, 7, 2, 2, SIGMOID, 0.05, 0.5, 1.0},
        {"2C7s3-2C3-FC", 1, 8, 8, 3, 1, SIGMOID, 0.0, 0.5, 0.8},
        {"3C3-3R3-GAP-FC", 1, 5, 4, 3, 1, SIGMOID, 0.05, 0.5, 1.0},
        {"3C3-AP2-3R3-3R1-FC", 1, 7, 6, 2, 2, SIGMOID, 0.05, 0.25, 0.7},
        {"2C3-3R3-FC", 1, 4, 5, 2, 1, SIGMOID, 0.05, 0.5, 1.0},
        {"2C3s2-2R3-3R3s2-3R7-GAP-FC", 1, 8, 8, 3, 1, SIGMOID, 0.05, 0.5, 1.0},
        {"2C3-3R1s2-AP2-2R3s2-2C3-FC", 1, 7, 5, 2, 1, SIGMOID, 0.05, 0.5, 1.0},
        {"3FC-3R1-2R1-4FC-FC", 1, 3, 3, 3, 1, SIGMOID, 0.05, 0.8, 0.5},
        {"2C3-2R3-3R3s2-GAP-FC", 1, 5, 5, 3, 1, RECTANGULAR, 0.05, 0.5, 1.0},
        {"3C3s2-2R3-3R3s2-GAP-FC", 1, 7, 6, 1, 1, SIGN, 0.05, 0.5, 0.0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) check_differences(&cases[i]);
}

/* ---- closed forms, each sum written out */

/* dL[t]/do of one sample's outputs: softmax minus one-hot and the squared error's share. */
static void output_gradient(const double *o, int y, int n, double mse, int steps, double *zeta)
{
    double sum = 0.0;
    for (int c = 0; c < CLASSES; c++) sum += exp(o[c]);
    for (int c = 0; c < CLASSES; c++) {
        double target = c == y ? 1.0 : 0.0;
        zeta[c] =
            ((1.0 - mse) * (exp(o[c]) / sum - target) / n + mse * 2.0 * (o[c] - target) / (n * CLASSES)) /
            steps;
    }
}

/* One linear layer on frames: sum over t of zeta[t] image[t]^T whatever mu is: the image replaces the
 * trace. */
static void test_closed_form_linear(void **state)
{
    (void)state;
    enum { STEPS = 3, PIXELS = 12 };
    bso_reference_options options = {
        .online = true, .mu = 0.5, .leak = 0.5, .threshold = 1.0, .loss_mse = 0.05, .steps = STEPS};
    bso_reference *r = bso_reference_create("FC", 2, 2, 3, CLASSES, BATCH, &options);
    double x[STEPS * BATCH * PIXELS];
    int y[BATCH];
    randomise(r, 3);
    fill_batch(x, sizeof x / sizeof x[0], y, BATCH, 3);
    bso_reference_forward(r, x, STEPS, y, BATCH);
    bso_reference_backward(r, y, BATCH);

    double weight[CLASSES][PIXELS] = {{0}}, bias[CLASSES] = {0};
    for (int t = 0; t < STEPS; t++) {
        for (int b = 0; b < BATCH; b++) {
            const double *image = &x[(t * BATCH + b) * PIXELS];
            double o[CLASSES], zeta[CLASSES];
            for (int c = 0; c < CLASSES; c++) {
                o[c] = r->param[1].value[c];
                for (int i = 0; i < PIXELS; i++) o[c] += r->param[0].value[c * PIXELS + i] * image[i];
            }
            output_gradient(o, y[b], BATCH, options.loss_mse, STEPS, zeta);
            for (int c = 0; c < CLASSES; c++) {
                bias[c] += zeta[c];
                for (int i = 0; i < PIXELS; i++) weight[c][i] += zeta[c] * image[i];
            }
        }
    }
    for (int c = 0; c < CLASSES; c++) {
        assert_true(fabs(bso_reference_gradient_sum(r, 1, (size_t)c) - bias[c]) < 1e-12);
        for (int i = 0; i < PIXELS; i++) {
            double g = bso_reference_gradient_sum(r, 0, (size_t)(c * PIXELS + i));
            assert_true(fabs(g - weight[c][i]) < 1e-12);
        }
    }
    bso_reference_free(r);
}

/* NDOT's mu[t]; tells of which kind it was: 0 between the clamps, 1 at the leak, 2 at minus the leak. */
static double ratio(double now, double before, double leak, int *kind)
{
    assert_true(fabs(before) > 1e-3); /* what happens nearer to 0 is test_ndot_guard's */
    double mu = now / before;
    *kind = mu >= leak ? 1 : mu <= -leak ? 2 : 0;
    return *kind == 0 ? mu : *kind == 1 ? leak : -leak;
}

/* One 1x1 filter on one channel, one neuron layer, one output layer: each formula fits in a line. There are
 * M currents w x + b, one for each pixel of the batch; ahat[t] = sum over j <= t of s[j] times the product of
 * mu[j+1] .. mu[t], all of them `mu` or, with resets, NDOT's. */
static void check_closed_form_neuron(double mu, int resets)
{
    enum { STEPS = 4, SIDE = 3, PIXELS = SIDE * SIDE, M = BATCH * PIXELS };
    const double leak = 0.5, threshold = 1.0, mse = 0.05;
    bso_reference_options options = {.online = true,
                                     .mu = mu,
                                     .ndot_resets = resets,
                                     .leak = leak,
                                     .threshold = threshold,
                                     .loss_mse = mse,
                                     .steps = STEPS};
    bso_reference *r = bso_reference_create("1C1-FC", 1, SIDE, SIDE, CLASSES, BATCH, &options);
    double x[STEPS * M];
    int y[BATCH];
    randomise(r, 5);
    fill_batch(x, STEPS * M, y, BATCH, 5);
    const double *w = r->param[0].value, *scale = r->param[2].value, *shift = r->param[3].value;
    const double *fc = r->param[4].value, *fc_bias = r->param[5].value;
    bso_reference_forward(r, x, STEPS, y, BATCH);
    bso_reference_backward(r, y, BATCH);

    double u[STEPS][M], s[STEPS][M], kept[STEPS][M];
    int kinds[3] = {0};
    double dw = 0.0, dscale = 0.0, dshift = 0.0, dfc[CLASSES][PIXELS] = {{0}}, spikes = 0.0;
    for (int t = 0; t < STEPS; t++) {
        const double *frame = &x[t * M];
        double mean = 0.0, var = 0.0, xhat[M], zeta[BATCH][CLASSES], dnorm[M], sum = 0.0, sum_xhat = 0.0;
        for (int i = 0; i < M; i++) mean += frame[i] / M;
        for (int i = 0; i < M; i++) var += (frame[i] - mean) * (frame[i] - mean) / M;
        double deviation = sqrt(w[0] * w[0] * var + 1e-5);
        for (int i = 0; i < M; i++) xhat[i] = w[0] * (frame[i] - mean) / deviation;
        for (int i = 0; i < M; i++) {
            u[t][i] =
                scale[0] * xhat[i] + shift[0] + (t ? leak * (u[t - 1][i] - threshold * s[t - 1][i]) : 0.0);
            s[t][i] = u[t][i] >= threshold ? 1.0 : 0.0;
            spikes += s[t][i];
            kept[t][i] = mu;
            if (!resets || !t) continue;
            double less = resets * threshold;
            int kind;
            kept[t][i] = ratio(u[t][i] - less * s[t][i], u[t - 1][i] - less * s[t - 1][i], leak, &kind);
            kinds[kind]++;
        }
        for (int b = 0; b < BATCH; b++) {
            double o[CLASSES];
            for (int c = 0; c < CLASSES; c++) {
                o[c] = fc_bias[c];
                for (int i = 0; i < PIXELS; i++) o[c] += fc[c * PIXELS + i] * s[t][b * PIXELS + i];
            }
            output_gradient(o, y[b], BATCH, mse, STEPS, zeta[b]);
            for (int i = 0; i < PIXELS; i++) {
                double ahat = 0.0, ds = 0.0;
                for (int j = 0; j <= t; j++) {
                    double left = s[j][b * PIXELS + i];
                    for (int k = j + 1; k <= t; k++) left *= kept[k][b * PIXELS + i];
                    ahat += left;
                }
                for (int c = 0; c < CLASSES; c++) {
                    dfc[c][i] += zeta[b][c] * ahat;
                    ds += zeta[b][c] * fc[c * PIXELS + i];
                }
                double e = exp(-4.0 * (u[t][b * PIXELS + i] - threshold));
                dnorm[b * PIXELS + i] = ds * 4.0 * e / ((1.0 + e) * (1.0 + e));
            }
        }
        for (int i = 0; i < M; i++) {
            sum += dnorm[i];
            sum_xhat += dnorm[i] * xhat[i];
        }
        dshift += sum;
        dscale += sum_xhat;
        for (int i = 0; i < M; i++)
            dw += scale[0] / deviation * (dnorm[i] - sum / M - xhat[i] * sum_xhat / M) * frame[i];
    }
    assert_true(spikes > 3.0 && spikes < STEPS * M - 3.0);
    for (int k = 0; k < 3; k++) assert_true(!resets || kinds[k] > 3);
    assert_true(fabs(bso_reference_gradient_sum(r, 0, 0) - dw) < 1e-12);
    assert_true(fabs(bso_reference_gradient_sum(r, 1, 0)) < 1e-12);
    assert_true(fabs(bso_reference_gradient_sum(r, 2, 0) - dscale) < 1e-12);
    assert_true(fabs(bso_reference_gradient_sum(r, 3, 0) - dshift) < 1e-12);
    for (int c = 0; c < CLASSES; c++)
        for (int i = 0; i < PIXELS; i++)
            assert_true(fabs(bso_reference_gradient_sum(r, 4, (size_t)(c * PIXELS + i)) - dfc[c][i]) < 1e-12);
    bso_reference_free(r);
}

static void test_closed_form_ottt(void **state)
{
    (void)state;
    check_closed_form_neuron(0.5, 0);
}

static void test_closed_form_sltt(void **state)
{
    (void)state;
    check_closed_form_neuron(0.0, 0);
}

static void test_closed_form_ndot(void **state)
{
    (void)state;
    check_closed_form_neuron(0.0, 1);
    check_closed_form_neuron(0.0, 2);
}

/* A current that always is the threshold: nothing is left after the spike, 0/0 stands for the leak, and the
 * trace is OTTT's. With the reset subtracted twice the ratio is 1, and the clamp makes it the leak, too. */
static void test_ndot_guard(void **state)
{
    (void)state;
    enum { STEPS = 4, SIDE = 2 };
    double x[BATCH * SIDE * SIDE], ottt[CLASSES * SIDE * SIDE];
    int y[BATCH];
    for (int resets = 0; resets < 3; resets++) {
        bso_reference_options options = {.online = true,
                                         .mu = 0.25,
                                         .ndot_resets = resets,
                                         .leak = 0.25,
                                         .threshold = 0.75,
                                         .loss_mse = 0.05,
                                         .steps = STEPS};
        bso_reference *r = bso_reference_create("1C1-FC", 1, SIDE, SIDE, CLASSES, BATCH, &options);
        randomise(r, 11);
        fill_batch(x, sizeof x / sizeof x[0], y, BATCH, 11);
        r->param[2].value[0] = 0.0;
        r->param[3].value[0] = 0.75;
        bso_reference_forward(r, x, 1, y, BATCH);
        bso_reference_backward(r, y, BATCH);
        assert_true(r->spikes[STEPS - 1] == BATCH * SIDE * SIDE);
        for (size_t i = 0; i < sizeof ottt / sizeof ottt[0]; i++) {
            double g = r->param[4].gradient[(STEPS - 1) * r->param[4].count + i];
            if (resets) assert_true(g == ottt[i]);
            assert_true(g != 0.0);
            ottt[i] = g;
        }
        bso_reference_free(r);
    }
}

/* With one time step nothing is left to differ. */
static void test_one_step(void **state)
{
    (void)state;
    double x[BATCH * 25], kept[512];
    int y[BATCH];
    for (int online = 0; online < 2; online++) {
        bso_reference_options options = {
            .online = online == 1, .mu = 0.5, .leak = 0.5, .threshold = 1.0, .loss_mse = 0.05, .steps = 1};
        bso_reference *r = bso_reference_create("3C3-AP2-2C3-FC", 1, 5, 5, CLASSES, BATCH, &options);
        randomise(r, 7);
        fill_batch(x, sizeof x / sizeof x[0], y, BATCH, 7);
        bso_reference_forward(r, x, 1, y, BATCH);
        bso_reference_backward(r, y, BATCH);
        size_t used = 0;
        for (int i = 0; i < r->params; i++) {
            assert_true(used + r->param[i].count <= 512);
            for (size_t k = 0; k < r->param[i].count; k++, used++) {
                if (online) assert_true(kept[used] == r->param[i].gradient[k]);
                kept[used] = r->param[i].gradient[k];
            }
        }
        bso_reference_free(r);
    }
}

/* Running statistics after T steps of the same batch: mean' = (1 - 0.9^T) mean, variance unbiased. */
static void test_running_statistics(void **state)
{
    (void)state;
    enum { STEPS = 3, M = BATCH * 4 };
    bso_reference_options options = {.leak = 0.5, .threshold = 1.0, .steps = STEPS};
    bso_reference *r = bso_reference_create("1C1-FC", 1, 2, 2, CLASSES, BATCH, &options);
    double x[M], mean = 0.0, var = 0.0;
    int y[BATCH];
    randomise(r, 9);
    fill_batch(x, M, y, BATCH, 9);
    bso_reference_forward(r, x, 1, y, BATCH);
    double w = r->param[0].value[0], b = r->param[1].value[0], kept = pow(0.9, STEPS);
    for (int i = 0; i < M; i++) mean += (w * x[i] + b) / M;
    for (int i = 0; i < M; i++) var += (w * x[i] + b - mean) * (w * x[i] + b - mean) / (M - 1);
    assert_true(fabs(r->norm[0].running_mean[0] - (1.0 - kept) * mean) < 1e-12);
    assert_true(fabs(r->norm[0].running_var[0] - (kept + (1.0 - kept) * var)) < 1e-12);
    bso_reference_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences),      cmocka_unit_test(test_closed_form_linear),
        cmocka_unit_test(test_closed_form_ottt), cmocka_unit_test(test_closed_form_sltt),
        cmocka_unit_test(test_closed_form_ndot), cmocka_unit_test(test_ndot_guard),
        cmocka_unit_test(test_one_step),         cmocka_unit_test(test_running_statistics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
