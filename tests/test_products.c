/* test_products.c: the three products of one-bit synapses, on every kernel path: against sums written out
 * here, on random shapes with odd sizes, and against the reference's bits.
 */
#include "core/error.h"
#include "core/kernels.h"
#include "core/memory.h"
#include "core/products.h"
#include "core/random.h"

#include "tests/fixture.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- random inputs ---- */

static uint64_t drawn;

static int draw(int low, int high) /* inclusive */
{
    return low + (int)bso_random_below(23, BSO_RANDOM_TEST, 0, drawn++, (uint64_t)(high - low + 1));
}

static bool chance(double p)
{
    return bso_random_uniform(23, BSO_RANDOM_TEST, 1, drawn++) < p;
}

static float normal(void)
{
    return (float)bso_random_normal(23, BSO_RANDOM_TEST, 2, drawn++);
}

/* ---- a synapse and what goes through it ---- */

typedef struct {
    bso_window window;
    int outputs, samples;
    int largest;   /* of the counts */
    double active; /* share of inputs that are */
    bool trace;    /* the operand has values other than 0 and 1 */
} shape;

typedef struct {
    shape s;
    int inputs;
    size_t in_area, area, words; /* words: of an output's weights */
    uint64_t *weights;
    bso_signal signal;
    int *count;  /* [channels][samples * in_area] */
    float *x;    /* the same, as operand */
    float *zeta; /* [outputs][samples * area] */
    void *scratch;
} rig;

static rig set_up(const shape *s)
{
    const bso_window *w = &s->window;
    rig r = {.s = *s, .inputs = bso_window_inputs(w)};
    r.in_area = (size_t)w->in_h * (size_t)w->in_w;
    r.area = (size_t)w->out_h * (size_t)w->out_w;
    r.words = ((size_t)r.inputs + 63) / 64;
    r.weights = bso_fixture_zeros((size_t)s->outputs * r.words, sizeof *r.weights);
    for (int o = 0; o < s->outputs; o++) {
        for (int k = 0; k < r.inputs; k++) {
            if (chance(0.5)) r.weights[(size_t)o * r.words + (size_t)k / 64] |= (uint64_t)1 << k % 64;
        }
    }
    r.signal = (bso_signal){.channels = w->channels,
                            .height = w->in_h,
                            .width = w->in_w,
                            .planes = 64 - __builtin_clzll((uint64_t)s->largest),
                            .words = (w->channels + 63) / 64,
                            .largest = (uint32_t)s->largest,
                            .scale = 1.0f / (float)s->largest};
    r.signal.bits = bso_fixture_zeros(bso_signal_words(&r.signal, s->samples), sizeof *r.signal.bits);
    const size_t pixels = (size_t)s->samples * r.in_area, values = (size_t)w->channels * pixels;
    r.count = bso_fixture_zeros(values, sizeof *r.count);
    r.x = bso_fixture_zeros(values, sizeof *r.x);
    for (size_t i = 0; i < values; i++) {
        const size_t c = i / pixels, p = i % pixels;
        if (!chance(s->active)) continue;
        r.count[i] = s->active == 1 ? s->largest : draw(1, s->largest);
        r.x[i] = s->trace ? 0.25f * (float)draw(1, 7) : 1;
        for (int b = 0; b < r.signal.planes; b++) {
            r.signal.bits[((size_t)(b * r.signal.words) + c / 64) * pixels + p] |=
                (uint64_t)(r.count[i] >> b & 1) << c % 64;
        }
    }
    const size_t errors = (size_t)s->outputs * (size_t)s->samples * r.area;
    r.zeta = bso_fixture_zeros(errors, sizeof *r.zeta);
    for (size_t i = 0; i < errors; i++) r.zeta[i] = normal();
    return r;
}

static void tear_down(rig *r)
{
    free(r->weights);
    free(r->signal.bits);
    free(r->count);
    free(r->x);
    free(r->zeta);
}

/* Where input k of output pixel p (of all samples) is among a channel's pixels; false outside the map. */
static bool place(const rig *r, int k, size_t p, int *channel, size_t *at)
{
    const bso_window *w = &r->s.window;
    const int tap = k / w->channels,
              y = (int)(p % r->area) / w->out_w * w->stride + tap / w->kernel_w - w->pad,
              x = (int)(p % r->area) % w->out_w * w->stride + tap % w->kernel_w - w->pad;
    *channel = k % w->channels;
    if (y < 0 || y >= w->in_h || x < 0 || x >= w->in_w) return false;
    *at = p / r->area * r->in_area + (size_t)(y * w->in_w + x);
    return true;
}

static int sign(const rig *r, int o, int k)
{
    return r->weights[(size_t)o * r->words + (size_t)k / 64] >> k % 64 & 1 ? 1 : -1;
}

static shape random_shape(int i)
{
    static const double shares[] = {0, 0.05, 0.15, 0.3, 0.6, 1};
    shape s;
    const int kernel = 2 * draw(0, 2) + 1, stride = i % 5 == 4 ? 2 : 1;
    bso_window *w = &s.window;
    *w = (bso_window){.channels = i % 7 == 0 ? 1 : draw(1, 140),
                      .in_h = i % 6 == 0 ? 1 : draw(1, 11),
                      .in_w = i % 6 == 0 ? 1 : draw(1, 11),
                      .kernel_h = kernel,
                      .kernel_w = kernel,
                      .pad = kernel / 2,
                      .stride = stride};
    w->out_h = (w->in_h + 2 * w->pad - kernel) / stride + 1;
    w->out_w = (w->in_w + 2 * w->pad - kernel) / stride + 1;
    s.outputs = i % 8 == 0 ? 1 : draw(1, 150);
    s.samples = draw(1, 14);
    s.largest = (int[]){1, 1, 4, 16, 63}[draw(0, 4)];
    s.active = shares[i % 6];
    s.trace = chance(0.5);
    return s;
}

static void describe(const rig *r, const char *what, const char *path, char *text, size_t size)
{
    const shape *s = &r->s;
    const bso_window *w = &s->window;
    snprintf(text, size,
             "%s on %s, %d x %d x %d > %d, kernel %d stride %d, %d samples, counts to %d, %g active", what,
             path, w->channels, w->in_h, w->in_w, s->outputs, w->kernel_h, w->stride, s->samples, s->largest,
             s->active);
}

/* Every number within `tolerance` of what it must be, and the reference's bits (first). */
static void check(const rig *r, const char *what, const bso_kernels *k, const float *got,
                  const double *expected, size_t n, double tolerance, float *first)
{
    char text[256];
    describe(r, what, k->name, text, sizeof text);
    for (size_t i = 0; i < n; i++) {
        if (!(fabs((double)got[i] - expected[i]) <= tolerance))
            fail_msg("%s: [%zu] is %.9g, must be %.9g", text, i, (double)got[i], expected[i]);
    }
    if (k == bso_kernels_available()[0]) memcpy(first, got, n * sizeof *got);
    if (memcmp(first, got, n * sizeof *got)) fail_msg("%s: other bits than the reference's", text);
}

typedef void (*runner)(const rig *r, const bso_product *product, float *result);

/* Run it on every path. A result that is left from before is overwritten. */
static void on_every_path(const rig *r, const char *what, runner run, const double *expected, size_t n,
                          double tolerance)
{
    const bso_kernels *kept = bso_kernel;
    float *got = bso_fixture_zeros(n + 1, sizeof *got), *first = bso_fixture_zeros(n + 1, sizeof *first);
    for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
        bso_kernel = *k;
        bso_product product;
        assert_int_equal(bso_product_create(&product, &r->s.window, r->s.outputs, r->s.samples), 0);
        for (size_t i = 0; i <= n; i++) got[i] = 77;
        run(r, &product, got);
        bso_product_free(&product);
        assert_true(got[n] == 77);
        check(r, what, *k, got, expected, n, tolerance, first);
    }
    free(got);
    free(first);
    bso_kernel = kept;
}

static void *scratch_of(size_t bytes)
{
    void *scratch = bso_alloc(BSO_MEM_WORKSPACE, bytes, 1, "scratch");
    assert_non_null(scratch);
    return scratch;
}

/* Groups of a batch, the last one short. */
#define EACH_GROUP(product, samples, first, count)                                                           \
    for (int first = 0, count;                                                                               \
         first < (samples) &&                                                                                \
         (count = (samples)-first < (product)->group ? (samples)-first : (product)->group, true);            \
         first += (product)->group)

/* ---- forward ---- */

static void run_forward(const rig *r, const bso_product *product, float *y)
{
    void *scratch = scratch_of(bso_product_forward_scratch(product, &r->signal));
    EACH_GROUP(product, r->s.samples, first, count)
    {
        bso_product_forward(product, y, &r->signal, r->s.samples, first, count, r->weights, scratch);
    }
    bso_free(scratch);
}

static void check_forward(const rig *r)
{
    const size_t pixels = (size_t)r->s.samples * r->area, all = (size_t)r->s.samples * r->in_area;
    double *expected = bso_fixture_zeros((size_t)r->s.outputs * pixels, sizeof *expected);
    for (int o = 0; o < r->s.outputs; o++) {
        for (size_t p = 0; p < pixels; p++) {
            int sum = 0, channel;
            size_t at;
            for (int k = 0; k < r->inputs; k++) {
                if (place(r, k, p, &channel, &at))
                    sum += sign(r, o, k) * r->count[(size_t)channel * all + at];
            }
            expected[(size_t)o * pixels + p] = (double)((float)sum * r->signal.scale);
        }
    }
    on_every_path(r, "forward", run_forward, expected, (size_t)r->s.outputs * pixels, 0);
    free(expected);
}

/* ---- data gradient ---- */

static void run_data(const rig *r, const bso_product *product, float *dx)
{
    void *scratch = scratch_of(bso_product_data_scratch(product));
    EACH_GROUP(product, r->s.samples, first, count)
    {
        bso_product_data(product, dx, r->zeta, r->s.samples, first, count, r->weights, scratch);
    }
    bso_free(scratch);
}

static bso_errors rounded(const rig *r, const bso_product *product)
{
    bso_errors e = {.by_sample = scratch_of(bso_errors_sample_bytes(product, r->s.samples)),
                    .sample_scale = scratch_of((size_t)r->s.samples * sizeof(float)),
                    .by_channel = scratch_of(bso_errors_channel_bytes(product, r->s.samples)),
                    .channel_scale = scratch_of((size_t)r->s.outputs * sizeof(float))};
    bso_errors_round(&e, product, r->zeta, r->s.samples, (bso_rounding){5, 3, 2}, true);
    return e;
}

static void free_errors(bso_errors *e)
{
    bso_free(e->by_sample);
    bso_free(e->sample_scale);
    bso_free(e->by_channel);
    bso_free(e->channel_scale);
}

static void run_data_i8(const rig *r, const bso_product *product, float *dx)
{
    bso_errors e = rounded(r, product);
    void *scratch = scratch_of(bso_product_data_scratch(product));
    EACH_GROUP(product, r->s.samples, first, count)
    {
        bso_product_data_i8(product, dx, &e, r->s.samples, first, count, r->weights, scratch);
    }
    bso_free(scratch);
    free_errors(&e);
}

/* zeta: the errors as the product sees them. */
static double *expected_data(const rig *r, const float *zeta)
{
    const size_t pixels = (size_t)r->s.samples * r->area, all = (size_t)r->s.samples * r->in_area;
    double *expected = bso_fixture_zeros((size_t)r->s.window.channels * all, sizeof *expected);
    for (int k = 0; k < r->inputs; k++) {
        for (size_t p = 0; p < pixels; p++) {
            int channel;
            size_t at;
            if (!place(r, k, p, &channel, &at)) continue;
            for (int o = 0; o < r->s.outputs; o++)
                expected[(size_t)channel * all + at] += sign(r, o, k) * (double)zeta[(size_t)o * pixels + p];
        }
    }
    return expected;
}

static void check_data(const rig *r)
{
    double *expected = expected_data(r, r->zeta);
    on_every_path(r, "data gradient", run_data, expected,
                  (size_t)r->s.window.channels * (size_t)r->s.samples * r->in_area,
                  1e-6 * (double)r->s.outputs * r->s.window.kernel_h * r->s.window.kernel_w + 1e-6);
    free(expected);
}

/* ---- weight gradient ---- */

static void run_weight(const rig *r, const bso_product *product, float *gradient, bso_operand_kind kind)
{
    bso_operand operand = {.bits = scratch_of((size_t)r->s.window.channels *
                                              bso_operand_words(product, r->s.samples) * sizeof(uint64_t))};
    bso_operand_look(&operand, product, r->x, r->s.samples);
    operand.kind = kind;
    /* In two pieces. */
    const int cut = r->inputs / 3;
    void *scratch = scratch_of(bso_product_weight_scratch(product, r->inputs));
    const int n = r->s.samples;
    if (cut) bso_product_weight(product, gradient, &operand, r->zeta, (bso_part){n, 0, n, 0, cut}, scratch);
    bso_product_weight(product, gradient + (size_t)cut * (size_t)r->s.outputs, &operand, r->zeta,
                       (bso_part){n, 0, n, cut, r->inputs}, scratch);
    bso_free(operand.bits);
    bso_free(scratch);
}

static void run_weight_lookup(const rig *r, const bso_product *product, float *gradient)
{
    run_weight(r, product, gradient, BSO_OPERAND_LOOKUP);
}

static void run_weight_gather(const rig *r, const bso_product *product, float *gradient)
{
    run_weight(r, product, gradient, BSO_OPERAND_GATHER);
}

static void run_weight_i8(const rig *r, const bso_product *product, float *gradient)
{
    bso_operand operand = {.bits = scratch_of((size_t)r->s.window.channels *
                                              bso_operand_words(product, r->s.samples) * sizeof(uint64_t)),
                           .levels =
                               scratch_of((size_t)r->s.window.channels * (size_t)r->s.samples * r->in_area),
                           /* Beyond and below what two levels' products fit 16 bits. */
                           .grid = r->s.outputs % 2 ? 4 : 128,
                           .largest = r->s.outputs % 2 ? 7 : 224};
    bso_operand_look(&operand, product, r->x, r->s.samples);
    if (!operand.ones) assert_int_equal(bso_operand_levels(&operand, product, r->s.samples), 0);
    bso_errors e = rounded(r, product);
    void *scratch = scratch_of(bso_product_weight_i8_scratch(product, r->inputs));
    bso_product_weight_i8(product, gradient, &operand, &e,
                          (bso_part){r->s.samples, 0, r->s.samples, 0, r->inputs}, scratch);
    free_errors(&e);
    bso_free(operand.bits);
    bso_free(operand.levels);
    bso_free(scratch);
}

static double *expected_weight(const rig *r, const float *zeta)
{
    const size_t pixels = (size_t)r->s.samples * r->area, all = (size_t)r->s.samples * r->in_area;
    double *expected = bso_fixture_zeros((size_t)r->inputs * (size_t)r->s.outputs, sizeof *expected);
    for (int k = 0; k < r->inputs; k++) {
        for (size_t p = 0; p < pixels; p++) {
            int channel;
            size_t at;
            if (!place(r, k, p, &channel, &at)) continue;
            const double x = (double)r->x[(size_t)channel * all + at];
            for (int o = 0; x != 0 && o < r->s.outputs; o++)
                expected[(size_t)k * (size_t)r->s.outputs + (size_t)o] +=
                    x * (double)zeta[(size_t)o * pixels + p];
        }
    }
    return expected;
}

static void check_weight(const rig *r)
{
    const size_t n = (size_t)r->inputs * (size_t)r->s.outputs;
    const double tolerance = 1e-5 * sqrt((double)r->s.samples * (double)r->area) + 1e-6;
    double *expected = expected_weight(r, r->zeta);
    on_every_path(r, "weight gradient, gathered", run_weight_gather, expected, n, tolerance);
    if (!r->s.trace)
        on_every_path(r, "weight gradient, looked up", run_weight_lookup, expected, n, tolerance);
    free(expected);
}

/* ---- 8 bits ---- */

/* The errors that codes stand for: per sample, or per channel. */
static float *errors_of(const rig *r, const bso_errors *e, const bso_product *product, bool by_sample)
{
    const size_t pixels = (size_t)r->s.samples * r->area;
    float *zeta = bso_fixture_zeros((size_t)r->s.outputs * pixels, sizeof *zeta);
    for (int o = 0; o < r->s.outputs; o++) {
        for (size_t p = 0; p < pixels; p++) {
            const int sample = (int)(p / r->area), group = sample / product->group;
            const size_t in_group = p - (size_t)(group * product->group) * r->area;
            const size_t blocks = ((size_t)r->s.outputs + 31) / 32;
            const int8_t *four = e->by_channel +
                                 ((size_t)group * blocks + (size_t)o / 32) * product->lanes * 32 +
                                 in_group / 4 * 128 + (size_t)(o % 32 * 4) + in_group % 4;
            zeta[(size_t)o * pixels + p] =
                by_sample ? (float)e->by_sample[(size_t)o * pixels + p] * e->sample_scale[sample]
                          : (float)*four * e->channel_scale[o];
        }
    }
    return zeta;
}

/* Each is one of the two codes beside it. */
static void check_rounding(const rig *r, const bso_errors *e, const float *zeta, bool by_sample)
{
    const size_t pixels = (size_t)r->s.samples * r->area;
    for (size_t i = 0; i < (size_t)r->s.outputs * pixels; i++) {
        const float scale = by_sample ? e->sample_scale[i % pixels / r->area] : e->channel_scale[i / pixels];
        assert_true(fabsf(zeta[i] - r->zeta[i]) <= scale * 1.00001f);
    }
}

static void check_i8(const rig *r)
{
    bso_product product;
    assert_int_equal(bso_product_create(&product, &r->s.window, r->s.outputs, r->s.samples), 0);
    bso_errors e = rounded(r, &product);
    float *by_sample = errors_of(r, &e, &product, true), *by_channel = errors_of(r, &e, &product, false);
    check_rounding(r, &e, by_sample, true);
    check_rounding(r, &e, by_channel, false);
    double *data = expected_data(r, by_sample), *weight = expected_weight(r, by_channel);
    on_every_path(r, "data gradient of 8-bit errors", run_data_i8, data,
                  (size_t)r->s.window.channels * (size_t)r->s.samples * r->in_area, 1e-4);
    on_every_path(r, "weight gradient of 8-bit errors", run_weight_i8, weight,
                  (size_t)r->inputs * (size_t)r->s.outputs, 1e-3);
    free(data);
    free(weight);
    free(by_sample);
    free(by_channel);
    free_errors(&e);
    bso_product_free(&product);
}

static void test_random_shapes(void **state)
{
    (void)state;
    const char *fewer = getenv("BSO_TEST_SHAPES"); /* where everything is slow: an emulated CPU */
    const int shapes = fewer ? atoi(fewer) : 60;
    for (int i = 0; i < shapes; i++) {
        shape s = random_shape(i);
        rig r = set_up(&s);
        bso_product product;
        assert_int_equal(bso_product_create(&product, &s.window, s.outputs, s.samples), 0);
        if (bso_product_forward_fits(&product, &r.signal)) check_forward(&r);
        check_data(&r);
        if (product.moved) check_weight(&r);
        assert_int_equal(bso_errors_fit(&product), product.moved);
        if (product.moved) check_i8(&r);
        bso_product_free(&product);
        tear_down(&r);
    }
}

/* As large as sums get: every input at its largest count, every weight +1. */
static void test_saturated(void **state)
{
    (void)state;
    static const int largest[] = {1, 4, 63}, channels[] = {512, 400, 20};
    for (int i = 0; i < 3; i++) {
        shape s = {.window = {.channels = channels[i],
                              .in_h = 4,
                              .in_w = 5,
                              .kernel_h = 3,
                              .kernel_w = 3,
                              .pad = 1,
                              .stride = 1,
                              .out_h = 4,
                              .out_w = 5},
                   .outputs = 70,
                   .samples = 2,
                   .largest = largest[i],
                   .active = 1,
                   .trace = i == 1};
        rig r = set_up(&s);
        for (int o = 0; o < s.outputs; o++) {
            for (int k = 0; k < r.inputs; k++)
                r.weights[(size_t)o * r.words + (size_t)k / 64] |= (uint64_t)1 << k % 64;
        }
        for (size_t p = 0; p < (size_t)s.outputs * 40; p++) r.zeta[p] = p % 40 == 7 ? -3 : 3;
        check_forward(&r);
        check_data(&r);
        check_weight(&r);
        check_i8(&r);
        tear_down(&r);
    }
}

/* Rounding is right in the mean: over many draws, the mean code is the error. */
static void test_rounding_is_unbiased(void **state)
{
    (void)state;
    enum { DRAWS = 4000 };
    const bso_window window = {.channels = 1,
                               .in_h = 1,
                               .in_w = 8,
                               .kernel_h = 1,
                               .kernel_w = 1,
                               .stride = 1,
                               .out_h = 1,
                               .out_w = 8};
    const float zeta[8] = {127, 0.5f, -0.25f, 3.9f, -126.1f, 1e-3f, 0, 42};
    bso_product product;
    assert_int_equal(bso_product_create(&product, &window, 1, 1), 0);
    int8_t sample[64], channel[2048];
    float sample_scale, channel_scale;
    bso_errors e = {sample, &sample_scale, channel, &channel_scale};
    assert_true(bso_errors_channel_bytes(&product, 1) <= sizeof channel);
    double sum[2][8] = {{0}};
    for (uint64_t step = 0; step < DRAWS; step++) {
        bso_errors_round(&e, &product, zeta, 1, (bso_rounding){1, step, 0}, true);
        assert_true(sample_scale == 1 && channel_scale == 1);
        for (int i = 0; i < 8; i++) {
            sum[0][i] += sample[i];
            sum[1][i] += channel[i / 4 * 128 + i % 4];
        }
    }
    for (int i = 0; i < 8; i++) {
        /* Standard deviation of the mean at most 1/2 / sqrt(4000) = 0.008; the dither's grid adds 1/512. */
        assert_true(fabs(sum[0][i] / DRAWS - (double)zeta[i]) < 0.04);
        assert_true(fabs(sum[1][i] / DRAWS - (double)zeta[i]) < 0.04);
    }
    bso_product_free(&product);
}

/* What is not finite comes out as such; nothing is converted that no integer can hold. */
static void test_not_finite(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY, -INFINITY};
    const bso_kernels *kept = bso_kernel;
    for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
        bso_kernel = *k;
        for (int i = 0; i < 3; i++) {
            shape s = random_shape(1);
            rig r = set_up(&s);
            bso_product product;
            assert_int_equal(bso_product_create(&product, &s.window, s.outputs, s.samples), 0);
            r.zeta[0] = bad[i];
            bso_errors e = rounded(&r, &product);
            assert_false(isfinite(e.sample_scale[0]));
            assert_false(isfinite(e.channel_scale[0]));
            free_errors(&e);
            bso_product_free(&product);
            tear_down(&r);
        }
    }
    bso_kernel = kept;
}

static int pick(void **state)
{
    (void)state;
    omp_set_num_threads(2);
    return bso_kernels_pick();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_shapes),
        cmocka_unit_test(test_saturated),
        cmocka_unit_test(test_rounding_is_unbiased),
        cmocka_unit_test(test_not_finite),
    };
    return cmocka_run_group_tests(tests, pick, NULL);
}
