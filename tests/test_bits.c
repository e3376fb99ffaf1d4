/* test_bits.c: packed activations and one-bit weights against plain loops over the values they stand for.
 * Everything here is exact: no tolerance anywhere. Odd maps, channels around the word size, counts of pooled
 * spikes, parts of a batch.
 */
#include "core/bits.h"
#include "core/kernels.h"
#include "core/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { SAMPLES = 3 };

static void *zeros(size_t count, size_t size)
{
    void *block = calloc(count ? count : 1, size);
    assert_non_null(block);
    return block;
}

/* ---- a signal and the counts it stands for */

typedef struct {
    bso_signal signal;
    uint32_t *count; /* [channel][sample][y][x] */
} map;

static size_t map_pixels(const map *m)
{
    return (size_t)(SAMPLES * m->signal.height * m->signal.width);
}

static map map_create(int channels, int height, int width, uint32_t largest, bool bipolar, float scale)
{
    map m = {.signal = {.channels = channels,
                        .height = height,
                        .width = width,
                        .planes = 32 - __builtin_clz(largest),
                        .words = (channels + 63) / 64,
                        .largest = largest,
                        .bipolar = bipolar,
                        .scale = scale}};
    size_t pixels = map_pixels(&m);
    size_t words = (size_t)m.signal.planes * (size_t)m.signal.words * pixels;
    assert_true(bso_signal_words(&m.signal, SAMPLES) == words);
    m.signal.bits = zeros(words, sizeof *m.signal.bits);
    m.count = zeros((size_t)channels * pixels, sizeof *m.count);
    return m;
}

/* Random counts; a map that is all zero and one that is all `largest` are among the channels. */
static map map_random(int channels, int height, int width, uint32_t largest, bool bipolar, float scale)
{
    map m = map_create(channels, height, width, largest, bipolar, scale);
    size_t pixels = map_pixels(&m);
    for (int c = 0; c < channels; c++) {
        for (size_t p = 0; p < pixels; p++) {
            uint64_t any = bso_random_below(3, BSO_RANDOM_TEST, (uint32_t)c, p, (uint64_t)largest + 1);
            uint32_t count = c % 16 == 14 ? 0 : c % 16 == 15 ? largest : (uint32_t)any;
            m.count[(size_t)c * pixels + p] = count;
            for (int b = 0; b < m.signal.planes; b++) {
                uint64_t bit = (uint64_t)(count >> b & 1) << (c % 64);
                m.signal.bits[(size_t)(b * m.signal.words + c / 64) * pixels + p] |= bit;
            }
        }
    }
    return m;
}

static void map_free(map *m)
{
    free(m->signal.bits);
    free(m->count);
}

/* The count at a place, 0 outside the map: zero padding. */
static uint32_t count_at(const map *m, int c, int sample, int y, int x)
{
    const bso_signal *s = &m->signal;
    if (y < 0 || y >= s->height || x < 0 || x >= s->width) return 0;
    return m
        ->count[(((size_t)c * SAMPLES + (size_t)sample) * (size_t)s->height + (size_t)y) * (size_t)s->width +
                (size_t)x];
}

/* The value at a place; zero padding is 0, for bipolar signals too. */
static float value_at(const map *m, int c, int sample, int y, int x)
{
    const bso_signal *s = &m->signal;
    if (y < 0 || y >= s->height || x < 0 || x >= s->width) return 0;
    int count = (int)count_at(m, c, sample, y, x);
    return (float)(s->bipolar ? 2 * count - (int)s->largest : count) * s->scale;
}

/* How often a kernel, moved by `stride`, finds its middle inside the map. */
static int moves(int size, int stride)
{
    int count = 0;
    for (int middle = 0; middle < size; middle += stride) count++;
    return count;
}

/* kernel 0: linear, the whole map. */
static bso_window window_over(const bso_signal *s, int kernel, int stride)
{
    return (bso_window){.channels = s->channels,
                        .in_h = s->height,
                        .in_w = s->width,
                        .kernel_h = kernel ? kernel : s->height,
                        .kernel_w = kernel ? kernel : s->width,
                        .pad = kernel / 2,
                        .stride = stride,
                        .out_h = kernel ? moves(s->height, stride) : 1,
                        .out_w = kernel ? moves(s->width, stride) : 1};
}

/* Where input k of output pixel p (counted over the samples from 0) lies. */
typedef struct {
    int channel, sample, y, x;
} place;

static place place_of(const bso_window *w, int k, int p)
{
    int position = k / w->channels, area = w->out_h * w->out_w;
    return (place){k % w->channels, p / area,
                   p % area / w->out_w * w->stride + position / w->kernel_w - w->pad,
                   p % w->out_w * w->stride + position % w->kernel_w - w->pad};
}

/* ---- one-bit weights */

static uint64_t *random_weights(int outputs, int inputs)
{
    int words = (inputs + 63) / 64;
    uint64_t *weights = zeros((size_t)outputs * (size_t)words, sizeof *weights);
    for (int o = 0; o < outputs; o++) {
        for (int k = 0; k < inputs; k++) {
            uint64_t bit = o == 1   ? 0
                           : o == 2 ? 1
                                    : bso_random_below(5, BSO_RANDOM_TEST, (uint32_t)o, (uint64_t)k, 2);
            weights[o * words + k / 64] |= bit << (k % 64);
        }
    }
    return weights;
}

static int weight_sign(const uint64_t *weights, int words, int o, int k)
{
    return weights[o * words + k / 64] >> (k % 64) & 1 ? 1 : -1;
}

/* ---- the packed forward pass */

/* Samples first .. first+count-1 by patches and popcounts, as a synapse does it, against sums of value *
 * weight in float. */
static void check_group(const map *m, const bso_window *window, const uint64_t *weights, int outputs,
                        const float *expected, int first, int count)
{
    int area = window->out_h * window->out_w, inputs = bso_window_inputs(window), words = (inputs + 63) / 64;
    size_t pixels = (size_t)(count * area), stride = pixels + 3;
    uint64_t *patches = zeros((size_t)words * stride, sizeof *patches);
    int32_t *ones = zeros(stride, sizeof *ones), *sum = zeros((size_t)outputs * stride, sizeof *sum);
    for (size_t i = 0; i < (size_t)words * stride; i++)
        patches[i] = 0x5555555555555555u; /* as scratch may hold */
    for (int plane = m->signal.bipolar ? -1 : 0; plane < m->signal.planes; plane++) {
        int32_t times = plane < 0 ? -(int32_t)m->signal.largest : (int32_t)1 << (plane + m->signal.bipolar);
        bso_bits_patches(&m->signal, window, SAMPLES, first, count, plane, patches, stride, ones);
        bso_kernel->bits_multiply(sum, stride, patches, stride, pixels, weights, (size_t)outputs,
                                  (size_t)words, ones, times);
    }
    for (int o = 0; o < outputs; o++) {
        for (size_t p = 0; p < pixels; p++) {
            float got = (float)sum[(size_t)o * stride + p] * m->signal.scale;
            float right = expected[(size_t)(o * SAMPLES * area + first * area) + p];
            if (got != right) {
                fail_msg("%d channels %dx%d, kernel %dx%d stride %d, %d outputs, counts to %u: output %d "
                         "pixel %zu is "
                         "%g, must be %g",
                         window->channels, window->in_h, window->in_w, window->kernel_h, window->kernel_w,
                         window->stride, outputs, (unsigned)m->signal.largest, o, p, (double)got,
                         (double)right);
            }
        }
    }
    free(patches);
    free(ones);
    free(sum);
}

static void check_strided(int channels, int height, int width, int kernel, int stride, int outputs,
                          uint32_t largest, bool bipolar)
{
    map m = map_random(channels, height, width, largest, bipolar, 1.0f / (float)largest);
    bso_window window = window_over(&m.signal, kernel, stride);
    int area = window.out_h * window.out_w, inputs = bso_window_inputs(&window), words = (inputs + 63) / 64;
    uint64_t *weights = random_weights(outputs, inputs);
    float *expected = zeros((size_t)(outputs * SAMPLES * area), sizeof *expected);
    for (int p = 0; p < SAMPLES * area; p++) {
        for (int k = 0; k < inputs; k++) {
            place at = place_of(&window, k, p);
            float value = value_at(&m, at.channel, at.sample, at.y, at.x);
            if (value == 0.0f) continue;
            for (int o = 0; o < outputs; o++) {
                expected[o * SAMPLES * area + p] += value * (float)weight_sign(weights, words, o, k);
            }
        }
    }
    check_group(&m, &window, weights, outputs, expected, 0, SAMPLES);
    check_group(&m, &window, weights, outputs, expected, 1, 1);
    if (outputs > 1) check_group(&m, &window, weights, 1, expected, SAMPLES - 1, 1);
    free(weights);
    free(expected);
    map_free(&m);
}

static void check_forward(int channels, int height, int width, int kernel, int outputs, uint32_t largest)
{
    check_strided(channels, height, width, kernel, 1, outputs, largest, false);
    check_strided(channels, height, width, kernel, 1, outputs, largest, true);
}

static const int channel_counts[] = {1, 3, 31, 32, 63, 64, 65, 127, 130};
enum { CHANNEL_COUNTS = sizeof channel_counts / sizeof channel_counts[0] };

static void test_convolution(void **state)
{
    (void)state;
    for (int height = 1; height <= 9; height += 2) {
        for (int width = 1; width <= 7; width += 2) {
            for (int i = 0; i < CHANNEL_COUNTS; i++) {
                int channels = channel_counts[i];
                check_forward(channels, height, width, 3, channels == 65 ? 66 : channels == 3 ? 64 : 5, 1);
                check_forward(channels, height, width, 1, 5, 1);
            }
            check_forward(33, height, width, 5, 5, 1);
            check_forward(7, height, width, 9, 5, 1);
        }
    }
    check_forward(65, 4, 6, 3, 5, 1);
    check_forward(64, 2, 2, 7, 5, 1);
}

static void test_strided_convolution(void **state)
{
    (void)state;
    static const int kernels[] = {1, 3, 7};
    for (int height = 1; height <= 9; height++) {
        for (int width = 1; width <= 8; width++) {
            for (int k = 0; k < 3; k++) {
                int channels = channel_counts[(height + 3 * width + k) % CHANNEL_COUNTS];
                for (int stride = 2; stride <= 4; stride++) {
                    check_strided(channels, height, width, kernels[k], stride, 5, stride == 3 ? 4 : 1,
                                  (height + stride) % 2 == 1);
                }
            }
        }
    }
    check_strided(65, 3, 3, 3, 15, 5, 1, true);
}

/* Counts of 2x2 pooled spikes, and of those pooled again. The scales are powers of two, so float sums are
 * exact, too. */
static void test_pooled_input(void **state)
{
    (void)state;
    for (int i = 0; i < CHANNEL_COUNTS; i++) {
        check_forward(channel_counts[i], 3, 5, 3, 5, 4);
        check_forward(channel_counts[i], 5, 3, 3, 5, 16);
        check_forward(channel_counts[i], 1, 1, 3, 5, 4);
    }
}

static void test_linear(void **state)
{
    (void)state;
    for (int i = 0; i < CHANNEL_COUNTS; i++) {
        check_forward(channel_counts[i], 1, 1, 0, 66, 1);
        check_forward(channel_counts[i], 3, 5, 0, 64, 1);
        check_forward(channel_counts[i], 7, 2, 0, 5, 4);
        check_forward(channel_counts[i], 3, 3, 0, 5, 16);
    }
}

/* The patches of plane -1: ones inside the map, whatever the signal holds. */
static void check_ones(int channels, int height, int width, int kernel, int step, int first, int count)
{
    map m = map_random(channels, height, width, 4, true, 0.25f);
    bso_window window = window_over(&m.signal, kernel, step);
    int area = window.out_h * window.out_w, inputs = bso_window_inputs(&window), words = (inputs + 63) / 64;
    size_t pixels = (size_t)(count * area), stride = pixels + 3;
    uint64_t *patches = zeros((size_t)words * stride, sizeof *patches);
    int32_t *ones = zeros(stride, sizeof *ones);
    for (size_t i = 0; i < (size_t)words * stride; i++) patches[i] = 0xaaaaaaaaaaaaaaaau;
    bso_bits_patches(&m.signal, &window, SAMPLES, first, count, -1, patches, stride, ones);
    for (size_t p = 0; p < pixels; p++) {
        int32_t sum = 0;
        for (int k = 0; k < 64 * words; k++) {
            place at = place_of(&window, k, (int)p);
            bool inside = k < inputs && at.y >= 0 && at.y < height && at.x >= 0 && at.x < width;
            assert_int_equal(patches[(size_t)(k / 64) * stride + p] >> (k % 64) & 1, inside);
            sum += inside;
        }
        assert_int_equal(ones[p], sum);
    }
    for (size_t p = pixels; p < stride; p++) assert_true(patches[p] == 0xaaaaaaaaaaaaaaaau && ones[p] == 0);
    free(patches);
    free(ones);
    map_free(&m);
}

static void test_map_of_ones(void **state)
{
    (void)state;
    for (int i = 0; i < CHANNEL_COUNTS; i++) {
        check_ones(channel_counts[i], 5, 3, 3, 1, 0, SAMPLES);
        check_ones(channel_counts[i], 2, 7, 5, 1, 1, 2);
        check_ones(channel_counts[i], 3, 4, 1, 1, 2, 1);
        check_ones(channel_counts[i], 3, 4, 0, 1, 0, SAMPLES);
        check_ones(channel_counts[i], 1, 1, 9, 1, 0, SAMPLES);
        check_ones(channel_counts[i], 6, 5, 3, 2, 0, SAMPLES);
        check_ones(channel_counts[i], 7, 8, 7, 3, 1, 2);
    }
}

/* ---- pooling */

static void check_pool(int channels, int height, int width, uint32_t largest, int window_h, int window_w)
{
    map from = map_random(channels, height, width, largest, false, 1.0f);
    uint32_t most = largest * (uint32_t)(window_h * window_w);
    map to = map_create(channels, height / window_h, width / window_w, most, false, 1.0f);
    size_t pixels = map_pixels(&to), words = bso_signal_words(&to.signal, SAMPLES);
    memset(to.signal.bits, 0x5a, words * sizeof *to.signal.bits);
    bso_bits_pool(&from.signal, &to.signal, SAMPLES, window_h, window_w);
    for (int c = 0; c < 64 * to.signal.words; c++) {
        for (size_t p = 0; p < pixels; p++) {
            uint32_t got = 0, sum = 0;
            for (int b = 0; b < to.signal.planes; b++) {
                uint64_t word = to.signal.bits[(size_t)(b * to.signal.words + c / 64) * pixels + p];
                got |= (uint32_t)(word >> (c % 64) & 1) << b;
            }
            int area = to.signal.height * to.signal.width, sample = (int)p / area;
            int y = (int)p % area / to.signal.width * window_h, x = (int)p % to.signal.width * window_w;
            for (int dy = 0; c < channels && dy < window_h; dy++) {
                for (int dx = 0; dx < window_w; dx++) sum += count_at(&from, c, sample, y + dy, x + dx);
            }
            assert_int_equal(got, sum);
        }
    }
    map_free(&from);
    map_free(&to);
}

static void test_pool(void **state)
{
    (void)state;
    for (int i = 0; i < CHANNEL_COUNTS; i++) {
        check_pool(channel_counts[i], 9, 7, 1, 2, 2);
        check_pool(channel_counts[i], 5, 6, 4, 2, 2);
        check_pool(channel_counts[i], 2, 2, 16, 2, 2);
        check_pool(channel_counts[i], 7, 9, 1, 7, 9);
        check_pool(channel_counts[i], 3, 5, 4, 3, 5);
        check_pool(channel_counts[i], 1, 1, 1, 1, 1);
    }
    check_pool(65, 32, 31, 1, 32, 31);
}

/* ---- expansion */

static void check_expand(int channels, uint32_t largest, float scale)
{
    for (int bipolar = 0; bipolar < 2; bipolar++) {
        map m = map_random(channels, 5, 3, largest, bipolar == 1, scale);
        size_t pixels = map_pixels(&m), count = (size_t)channels * pixels;
        float *value = zeros(count, sizeof *value);
        bso_bits_expand(&m.signal, SAMPLES, value);
        for (size_t i = 0; i < count; i++) {
            int c = (int)(i / pixels), p = (int)(i % pixels);
            assert_true(value[i] == value_at(&m, c, p / 15, p % 15 / 3, p % 3));
        }
        free(value);
        map_free(&m);
    }
}

static void test_expand(void **state)
{
    (void)state;
    for (int i = 0; i < CHANNEL_COUNTS; i++) {
        check_expand(channel_counts[i], 1, 1.0f);
        check_expand(channel_counts[i], 4, 0.25f);
        check_expand(channel_counts[i], 49, 1.0f / 49.0f);
    }
}

static void check_expand_weights(int outputs, int inputs, int k0, int k1)
{
    int words = (inputs + 63) / 64;
    uint64_t *weights = random_weights(outputs, inputs);
    size_t count = (size_t)((k1 - k0) * outputs);
    float *tile = zeros(count + 1, sizeof *tile);
    tile[count] = 7.0f;
    bso_bits_expand_weights(weights, outputs, words, k0, k1, tile);
    for (int k = k0; k < k1; k++) {
        for (int o = 0; o < outputs; o++) {
            assert_true(tile[(k - k0) * outputs + o] == (float)weight_sign(weights, words, o, k));
        }
    }
    assert_true(tile[count] == 7.0f);
    free(weights);
    free(tile);
}

static void test_expand_weights(void **state)
{
    (void)state;
    static const int outputs[] = {1, 5, 64, 66, 255, 256, 257, 600};
    for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
        check_expand_weights(outputs[i], 200, 0, 200);
        check_expand_weights(outputs[i], 200, 37, 129);
        check_expand_weights(outputs[i], 65, 64, 65);
        check_expand_weights(outputs[i], 65, 64, 64);
    }
}

/* ---- patches of float maps */

static void check_strided_columns(int channels, int height, int width, int kernel, int step, int first,
                                  int count, int k0, int k1)
{
    bso_signal shape = {.channels = channels, .height = height, .width = width};
    bso_window window = window_over(&shape, kernel, step);
    int area = window.out_h * window.out_w, pixels = count * area;
    assert_true(k1 <= bso_window_inputs(&window));
    size_t size = (size_t)(channels * SAMPLES * height * width), stride = (size_t)pixels + 2;
    float *x = zeros(size, sizeof *x), *columns = zeros((size_t)(k1 - k0) * stride, sizeof *columns);
    float *back = zeros(size, sizeof *back), *expected = zeros(size, sizeof *expected);
    for (size_t i = 0; i < size; i++) {
        x[i] = (float)(1 + bso_random_below(7, BSO_RANDOM_TEST, 0, i, 100));
        back[i] = expected[i] = 0.5f;
    }
    for (size_t i = 0; i < (size_t)(k1 - k0) * stride; i++) columns[i] = -1.0f;

    bso_im2col(x, &window, SAMPLES, first, count, k0, k1, columns, stride);
    for (int k = k0; k < k1; k++) {
        const float *row = columns + (size_t)(k - k0) * stride;
        for (int p = 0; p < pixels; p++) {
            place at = place_of(&window, k, first * area + p);
            bool inside = at.y >= 0 && at.y < height && at.x >= 0 && at.x < width;
            int i = ((at.channel * SAMPLES + at.sample) * height + at.y) * width + at.x;
            assert_true(row[p] == (inside ? x[i] : 0.0f));
            if (inside) expected[i] += row[p];
        }
        assert_true(row[pixels] == -1.0f && row[pixels + 1] == -1.0f);
    }
    /* In three pieces, cut anywhere. */
    size_t cut[] = {0, (size_t)pixels / 3, (size_t)pixels / 2 + 1, (size_t)pixels};
    for (int i = 0; i < 3; i++) {
        if (cut[i] < cut[i + 1])
            bso_col2im_add(back, &window, SAMPLES, first, cut[i], cut[i + 1], k0, k1, columns + cut[i],
                           stride);
    }
    assert_memory_equal(back, expected, size * sizeof *back);
    free(x);
    free(columns);
    free(back);
    free(expected);
}

static void check_columns(int channels, int height, int width, int kernel, int first, int count, int k0,
                          int k1)
{
    check_strided_columns(channels, height, width, kernel, 1, first, count, k0, k1);
}

static void test_columns(void **state)
{
    (void)state;
    for (int height = 1; height <= 9; height += 2) {
        for (int width = 1; width <= 7; width++) {
            check_columns(3, height, width, 3, 0, SAMPLES, 0, 27);
            check_columns(3, height, width, 3, 1, 1, 4, 23);
            check_columns(2, height, width, 1, 0, 2, 0, 2);
            check_columns(2, height, width, 9, 2, 1, 3, 162);
            check_columns(2, height, width, 0, 0, SAMPLES, 0, 2 * height * width);
        }
    }
}

static void test_strided_columns(void **state)
{
    (void)state;
    for (int height = 1; height <= 9; height++) {
        for (int width = 1; width <= 8; width++) {
            for (int stride = 2; stride <= 4; stride++) {
                check_strided_columns(3, height, width, 3, stride, 0, SAMPLES, 0, 27);
                check_strided_columns(3, height, width, 3, stride, 1, 1, 4, 23);
                check_strided_columns(2, height, width, 1, stride, 0, 2, 0, 2);
                check_strided_columns(2, height, width, 7, stride, 2, 1, 3, 98);
            }
        }
    }
}

static int pick_kernels(void **state)
{
    (void)state;
    return bso_kernels_pick();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolution),
        cmocka_unit_test(test_pooled_input),
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_map_of_ones),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_expand),
        cmocka_unit_test(test_expand_weights),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_strided_convolution),
        cmocka_unit_test(test_strided_columns),
    };
    return cmocka_run_group_tests(tests, pick_kernels, NULL);
}
