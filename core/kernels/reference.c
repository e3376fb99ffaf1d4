/* reference.c: what each kernel computes, in plain C, one element after the other. The other paths are tested
 * against it.
 *
 * Not meant to be fast; BSO_KERNELS=reference runs a whole training on it.
 */
#include "core/kernels/products.h"
#include "core/kernels/scalar.h"
#include "core/kernels/update_plain.h"

#include "core/random.h"

#include <math.h>

static void bits_multiply(int32_t *out, size_t out_stride, const uint64_t *patches, size_t stride,
                          size_t pixels, const uint64_t *weights, size_t outputs, size_t words,
                          const int32_t *ones, int32_t factor)
{
    for (size_t o = 0; o < outputs; o++) {
        for (size_t p = 0; p < pixels; p++) {
            int32_t common = 0;
            for (size_t w = 0; w < words; w++) {
                common += __builtin_popcountll(patches[w * stride + p] & weights[o * words + w]);
            }
            out[o * out_stride + p] += factor * (2 * common - ones[p]);
        }
    }
}

static void bits_count(int32_t *count, const uint64_t *words, size_t n)
{
    for (size_t i = 0; i < n; i++) count[i] += (int32_t)__builtin_popcountll(words[i]);
}

static int64_t bits_join(uint64_t *words, const uint32_t *low, const uint32_t *high, size_t n)
{
    int64_t set = 0;
    for (size_t i = 0; i < n; i++) {
        words[i] = low[i] | (uint64_t)high[i] << 32;
        set += __builtin_popcountll(words[i]);
    }
    return set;
}

static void bits_pool(uint64_t *out, size_t plane, const uint64_t *in, size_t in_width, size_t height,
                      size_t width)
{
    for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x++) {
            const uint64_t *corner = in + 2 * y * in_width + 2 * x;
            uint64_t planes[3] = {0};
            for (int bit = 0; bit < 64; bit++) {
                uint64_t count = (corner[0] >> bit & 1) + (corner[1] >> bit & 1) +
                                 (corner[in_width] >> bit & 1) + (corner[in_width + 1] >> bit & 1);
                for (int b = 0; b < 3; b++) planes[b] |= (count >> b & 1) << bit;
            }
            for (size_t b = 0; b < 3; b++) out[b * plane + y * width + x] = planes[b];
        }
    }
}

static void average(float *y, size_t y_width, const float *x, size_t x_width, size_t height, size_t width)
{
    for (size_t i = 0; i < height; i++) {
        for (size_t j = 0; j < width; j++) {
            const float *corner = x + 2 * i * x_width + 2 * j;
            y[i * y_width + j] = (corner[0] + corner[1] + corner[x_width] + corner[x_width + 1]) * 0.25f;
        }
    }
}

static void spread(float *x, size_t x_width, const float *y, size_t y_width, size_t height, size_t width)
{
    for (size_t i = 0; i < 2 * height; i++) {
        for (size_t j = 0; j < 2 * width; j++) x[i * x_width + j] = 0.25f * y[i / 2 * y_width + j / 2];
    }
}

static void norm_sums(double sums[2], const float *x, size_t n, float shift)
{
    bso_lanes first = {0}, second = {0};
    for (size_t i = 0; i < n; i++) {
        double d = (double)x[i] - (double)shift;
        first[i % BSO_LANES] += d;
        second[i % BSO_LANES] += d * d;
    }
    sums[0] = bso_lanes_sum(first);
    sums[1] = bso_lanes_sum(second);
}

static void norm_apply(float *y, const float *x, size_t n, float scale, float offset)
{
    for (size_t i = 0; i < n; i++) y[i] = x[i] * scale + offset;
}

static void norm_backward_sums(bso_lanes sums[2], const float *dy, const float *x, size_t n, float mean)
{
    for (size_t i = 0; i < n; i++) {
        sums[0][i % BSO_LANES] += (double)dy[i];
        sums[1][i % BSO_LANES] += (double)dy[i] * ((double)x[i] - (double)mean);
    }
}

static void norm_backward(float *dx, const float *dy, const float *x, size_t n, float mean, float a, float b,
                          float c)
{
    for (size_t i = 0; i < n; i++) dx[i] = a * dy[i] + (b * (x[i] - mean) + c);
}

static void lif(float *u, uint32_t *bits, const float *u_previous, const float *y, size_t n, float scale,
                float offset, float leak, float threshold, int bit)
{
    for (size_t i = 0; i < n; i++) {
        float current = y[i] * scale + offset;
        u[i] = u_previous ? scalar_lif(u_previous[i], current, leak, threshold) : current;
        bits[i] |= (uint32_t)(u[i] >= threshold) << bit;
    }
}

static float derivative(float x, bso_surrogate kind)
{
    return kind == BSO_SURROGATE_SIGMOID       ? scalar_surrogate_sigmoid(x)
           : kind == BSO_SURROGATE_RECTANGULAR ? scalar_surrogate_rectangular(x)
                                               : scalar_surrogate_clip(x);
}

static void surrogate(float *du, const float *ds, const float *u, size_t n, float threshold,
                      bso_surrogate kind)
{
    for (size_t i = 0; i < n; i++) du[i] = ds[i] * derivative(u[i] - threshold, kind);
}

static void surrogate_through_time(float *du, const float *ds, const float *du_next, const float *u, size_t n,
                                   float leak, float threshold, float reset, bso_surrogate kind)
{
    for (size_t i = 0; i < n; i++) {
        float d = derivative(u[i] - threshold, kind);
        du[i] = ds[i] * d + leak * du_next[i] * (1.0f - reset * threshold * d);
    }
}

static void spikes(float *s, const float *u, size_t n, float threshold, float silent)
{
    for (size_t i = 0; i < n; i++) s[i] = u[i] >= threshold ? 1.0f : silent;
}

static void trace(float *a, const float *u, size_t n, float mu, float threshold)
{
    for (size_t i = 0; i < n; i++) a[i] = mu * a[i] + (u[i] >= threshold ? 1.0f : 0.0f);
}

static void trace_ratio(float *a, const float *u, const float *u_previous, size_t n, float leak,
                        float threshold, float reset)
{
    for (size_t i = 0; i < n; i++) {
        float mu = scalar_ratio(u[i], u_previous[i], leak, threshold, reset);
        a[i] = mu * a[i] + (u[i] >= threshold ? 1.0f : 0.0f);
    }
}

static void codes_read(float *x, const void *codes, int bits, float scale, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const int code = bits == 16 ? ((const int16_t *)codes)[i] : ((const int8_t *)codes)[i];
        x[i] = (float)code * scale;
    }
}

static float codes_write(void *codes, int bits, const float *x, const uint32_t *words, size_t n)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        if (scalar_magnitude(x[i]) > largest) largest = scalar_magnitude(x[i]);
    }
    const float scale = scalar_code_scale(largest, bits);
    for (size_t i = 0; i < n; i++) {
        const bool none = scale == 0 || !isfinite(scale);
        if (bits == 16) {
            ((int16_t *)codes)[i] = (int16_t)(none ? 0 : scalar_code(x[i], 1 / scale, words[i], INT16_MAX));
        } else {
            ((int8_t *)codes)[i] = (int8_t)(none ? 0 : scalar_code(x[i], 1 / scale, words[i], INT8_MAX));
        }
    }
    return scale;
}

static void random_words(uint32_t *words, size_t n, uint64_t seed, uint32_t purpose, uint32_t a, uint64_t b)
{
    for (size_t i = 0; i < n; i++) {
        words[i] = bso_random(seed, (bso_random_purpose)purpose, a, b + i / 4).word[i % 4];
    }
}

const bso_kernels bso_kernels_reference = {
    .name = "reference",
    .products = &bso_products_reference,
    .bits_multiply = bits_multiply,
    .bits_count = bits_count,
    .bits_join = bits_join,
    .bits_pool = bits_pool,
    .average = average,
    .spread = spread,
    .norm_sums = norm_sums,
    .norm_apply = norm_apply,
    .norm_backward_sums = norm_backward_sums,
    .norm_backward = norm_backward,
    .lif = lif,
    .surrogate = surrogate,
    .surrogate_through_time = surrogate_through_time,
    .spikes = spikes,
    .trace = trace,
    .trace_ratio = trace_ratio,
    .finite = plain_finite,
    .moving_average = plain_moving_average,
    .sum_squares = plain_sum_squares,
    .beyond = plain_beyond,
    .codes_read = codes_read,
    .codes_write = codes_write,
    .random_words = random_words,
};
