/* loops.c: the kernels in a form that compilers vectorise, compiled once for each instruction set (BSO_ISA
 * names it).
 *
 * Sums run in BSO_LANES = 16 double lanes held as vectors of the machine's width, so their order does not
 * depend on it. With AVX-512 VPOPCNTDQ the spike product has a version of its own; without it, it is the
 * compiler's popcount, one word at a time.
 */
#include "core/kernels/products.h"
#include "core/kernels/philox.h"
#include "core/kernels/scalar.h"
#include "core/kernels/update.h"

#include <string.h>

#ifdef __AVX2__
#include <immintrin.h>
#endif

#define TEXT2(a) #a
#define TEXT(a)  TEXT2(a)

/* The lanes of a sum in vectors of this machine's width: gcc keeps wider ones in memory. */
#if defined __AVX512F__
enum { WIDTH = 8 };
#elif defined __AVX2__
enum { WIDTH = 4 };
#else
enum { WIDTH = 2 };
#endif
enum { PARTS = BSO_LANES / WIDTH };
typedef float part_float __attribute__((vector_size(WIDTH * sizeof(float))));
typedef double part __attribute__((vector_size(WIDTH * sizeof(double))));

/* Through a pointer: vectors wider than the machine's have no settled way of being returned. gcc builds the
 * conversion of halves where it is left to itself. */
static inline void load(part *wide, const float *x)
{
#if defined __AVX512F__
    *wide = (part)_mm512_cvtps_pd(_mm256_loadu_ps(x));
#elif defined __AVX2__
    *wide = (part)_mm256_cvtps_pd(_mm_loadu_ps(x));
#else
    part_float v;
    memcpy(&v, x, sizeof v);
    *wide = __builtin_convertvector(v, part);
#endif
}

#ifdef __AVX512VPOPCNTDQ__
/* 32 pixels (four vectors) by 4 outputs: 16 accumulators and 4 patch vectors fill the 32 registers. The
 * weight word is broadcast, lanes are pixels, so nothing is summed across lanes; popcounts of up to K inputs
 * are far from overflowing 64 bits. */
static void multiply_block(int32_t *out, size_t out_stride, const uint64_t *patches, size_t stride,
                           const uint64_t *weights, size_t words, int outputs, const int32_t *ones,
                           int32_t factor)
{
    __m512i sum[4][4];
    for (int o = 0; o < 4; o++) {
        for (int v = 0; v < 4; v++) sum[o][v] = _mm512_setzero_si512();
    }
    const uint64_t *row[4];
    for (int o = 0; o < 4; o++) row[o] = weights + (size_t)(o < outputs ? o : 0) * words;
    for (size_t w = 0; w < words; w++) {
        __m512i x[4];
        for (int v = 0; v < 4; v++) x[v] = _mm512_loadu_si512(patches + w * stride + 8 * v);
        for (int o = 0; o < 4; o++) {
            __m512i weight = _mm512_set1_epi64((long long)row[o][w]);
            for (int v = 0; v < 4; v++) {
                sum[o][v] = _mm512_add_epi64(sum[o][v], _mm512_popcnt_epi64(_mm512_and_si512(x[v], weight)));
            }
        }
    }
    for (int o = 0; o < outputs; o++) {
        for (int v = 0; v < 4; v++) {
            __m256i common = _mm512_cvtepi64_epi32(sum[o][v]);
            __m256i all = _mm256_loadu_si256((const __m256i *)(const void *)(ones + 8 * v));
            __m256i value = _mm256_sub_epi32(_mm256_add_epi32(common, common), all);
            __m256i *target = (__m256i *)(void *)(out + (size_t)o * out_stride + 8 * v);
            value = _mm256_mullo_epi32(value, _mm256_set1_epi32(factor));
            _mm256_storeu_si256(target, _mm256_add_epi32(_mm256_loadu_si256(target), value));
        }
    }
}
#endif

static void bits_multiply(int32_t *out, size_t out_stride, const uint64_t *patches, size_t stride,
                          size_t pixels, const uint64_t *weights, size_t outputs, size_t words,
                          const int32_t *ones, int32_t factor)
{
    size_t done = 0;
#ifdef __AVX512VPOPCNTDQ__
    for (; done + 32 <= pixels; done += 32) {
        for (size_t o = 0; o < outputs; o += 4) {
            int block = outputs - o < 4 ? (int)(outputs - o) : 4;
            multiply_block(out + o * out_stride + done, out_stride, patches + done, stride,
                           weights + o * words, words, block, ones + done, factor);
        }
    }
#endif
    for (size_t o = 0; o < outputs; o++) {
        for (size_t p = done; p < pixels; p++) {
            uint64_t common = 0;
            for (size_t w = 0; w < words; w++) {
                common += (uint64_t)__builtin_popcountll(patches[w * stride + p] & weights[o * words + w]);
            }
            out[o * out_stride + p] += factor * (2 * (int32_t)common - ones[p]);
        }
    }
}

static void bits_count(int32_t *count, const uint64_t *words, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) count[i] += (int32_t)__builtin_popcountll(words[i]);
}

static int64_t bits_join(uint64_t *words, const uint32_t *low, const uint32_t *high, size_t n)
{
    int64_t set = 0;
    for (size_t i = 0; i < n; i++) words[i] = low[i] | (uint64_t)high[i] << 32;
    for (size_t i = 0; i < n; i++) set += __builtin_popcountll(words[i]);
    return set;
}

/* ---- 2x2 windows ----
 * Rows are short, and the remainder of a vector loop would be most of the work: a row is done in blocks of 8
 * or 4 columns, the last of which overlaps the one before. */
#define IN_BLOCKS_OF(size, width, block)                                                                     \
    for (size_t done = 0; done < (width); done += (size)) {                                                  \
        size_t x = done + (size) <= (width) ? done : (width) - (size);                                       \
        block(x, size);                                                                                      \
    }
#define IN_BLOCKS(width, block)                                                                              \
    if ((width) >= 8) {                                                                                      \
        IN_BLOCKS_OF(8, width, block)                                                                        \
    } else if ((width) >= 4) {                                                                               \
        IN_BLOCKS_OF(4, width, block)                                                                        \
    } else {                                                                                                 \
        block(0, width);                                                                                     \
    }

/* Half adders. A pair with a carry leaves no sum, so that the carries of all three never meet. */
static inline void pool_block(uint64_t *out, size_t plane, const uint64_t *top, const uint64_t *bottom,
                              size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        uint64_t a = top[2 * i], b = top[2 * i + 1], c = bottom[2 * i], d = bottom[2 * i + 1];
        uint64_t above = a ^ b, below = c ^ d, two_above = a & b, two_below = c & d;
        out[i] = above ^ below;
        out[plane + i] = two_above ^ two_below ^ (above & below);
        out[2 * plane + i] = two_above & two_below;
    }
}

static void bits_pool(uint64_t *out, size_t plane, const uint64_t *in, size_t in_width, size_t height,
                      size_t width)
{
    for (size_t y = 0; y < height; y++) {
        const uint64_t *top = in + 2 * y * in_width, *bottom = top + in_width;
        uint64_t *row = out + y * width;
#define BLOCK(x, n) pool_block(row + (x), plane, top + 2 * (x), bottom + 2 * (x), n)
        IN_BLOCKS(width, BLOCK)
#undef BLOCK
    }
}

static inline void average_block(float *y, const float *top, const float *bottom, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        y[i] = (top[2 * i] + top[2 * i + 1] + bottom[2 * i] + bottom[2 * i + 1]) * 0.25f;
    }
}

static void average(float *y_map, size_t y_width, const float *x_map, size_t x_width, size_t height,
                    size_t width)
{
    for (size_t i = 0; i < height; i++) {
        const float *top = x_map + 2 * i * x_width, *bottom = top + x_width;
        float *row = y_map + i * y_width;
#define BLOCK(x, n) average_block(row + (x), top + 2 * (x), bottom + 2 * (x), n)
        IN_BLOCKS(width, BLOCK)
#undef BLOCK
    }
}

static inline void spread_block(float *top, float *bottom, const float *y, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float share = 0.25f * y[i];
        top[2 * i] = share;
        top[2 * i + 1] = share;
        bottom[2 * i] = share;
        bottom[2 * i + 1] = share;
    }
}

static void spread(float *x_map, size_t x_width, const float *y_map, size_t y_width, size_t height,
                   size_t width)
{
    for (size_t i = 0; i < height; i++) {
        float *top = x_map + 2 * i * x_width, *bottom = top + x_width;
        const float *row = y_map + i * y_width;
#define BLOCK(x, n) spread_block(top + 2 * (x), bottom + 2 * (x), row + (x), n)
        IN_BLOCKS(width, BLOCK)
#undef BLOCK
    }
}

/* ---- batch norm ---- */

static void norm_sums(double sums[2], const float *x, size_t n, float shift)
{
    part first[PARTS] = {{0}}, second[PARTS] = {{0}};
    size_t i = 0;
    for (; i + BSO_LANES <= n; i += BSO_LANES) {
#pragma GCC unroll 8
        for (int k = 0; k < PARTS; k++) {
            part d;
            load(&d, x + i + k * WIDTH);
            d -= (double)shift;
            first[k] += d;
            second[k] += d * d;
        }
    }
    bso_lanes lanes[2];
    memcpy(lanes[0], first, sizeof lanes[0]);
    memcpy(lanes[1], second, sizeof lanes[1]);
    for (int lane = 0; i < n; i++, lane++) {
        double d = (double)x[i] - (double)shift;
        lanes[0][lane] += d;
        lanes[1][lane] += d * d;
    }
    sums[0] = bso_lanes_sum(lanes[0]);
    sums[1] = bso_lanes_sum(lanes[1]);
}

static void norm_apply(float *y, const float *x, size_t n, float scale, float offset)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] = x[i] * scale + offset;
}

static void norm_backward_sums(bso_lanes sums[2], const float *dy, const float *x, size_t n, float mean)
{
    part first[PARTS], second[PARTS];
    memcpy(first, sums[0], sizeof first);
    memcpy(second, sums[1], sizeof second);
    size_t i = 0;
    for (; i + BSO_LANES <= n; i += BSO_LANES) {
#pragma GCC unroll 8
        for (int k = 0; k < PARTS; k++) {
            part d, away;
            load(&d, dy + i + k * WIDTH);
            load(&away, x + i + k * WIDTH);
            first[k] += d;
            second[k] += d * (away - (double)mean);
        }
    }
    memcpy(sums[0], first, sizeof first);
    memcpy(sums[1], second, sizeof second);
    for (int lane = 0; i < n; i++, lane++) {
        sums[0][lane] += (double)dy[i];
        sums[1][lane] += (double)dy[i] * ((double)x[i] - (double)mean);
    }
}

static void norm_backward(float *dx, const float *dy, const float *x, size_t n, float mean, float a, float b,
                          float c)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) dx[i] = a * dy[i] + (b * (x[i] - mean) + c);
}

/* ---- neurons ----
 * Spikes are gathered in words as wide as the floats they come from: no lane changes its size. */

static void lif(float *u, uint32_t *bits, const float *u_previous, const float *y, size_t n, float scale,
                float offset, float leak, float threshold, int bit)
{
    uint32_t mask = (uint32_t)1 << bit;
    if (!u_previous) {
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            u[i] = y[i] * scale + offset;
            bits[i] |= u[i] >= threshold ? mask : 0;
        }
        return;
    }
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        u[i] = scalar_lif(u_previous[i], y[i] * scale + offset, leak, threshold);
        bits[i] |= u[i] >= threshold ? mask : 0;
    }
}

/* A loop for each kind: a choice inside it would keep it from becoming vectors. */
#define SURROGATE(derivative)                                                                                \
    _Pragma("omp simd") for (size_t i = 0; i < n; i++) du[i] = ds[i] * derivative(u[i] - threshold)

static void surrogate(float *du, const float *ds, const float *u, size_t n, float threshold,
                      bso_surrogate kind)
{
    switch (kind) {
    case BSO_SURROGATE_SIGMOID:
        SURROGATE(scalar_surrogate_sigmoid);
        break;
    case BSO_SURROGATE_RECTANGULAR:
        SURROGATE(scalar_surrogate_rectangular);
        break;
    case BSO_SURROGATE_CLIP:
        SURROGATE(scalar_surrogate_clip);
        break;
    }
}

#define SURROGATE_THROUGH_TIME(derivative)                                                                   \
    _Pragma("omp simd") for (size_t i = 0; i < n; i++)                                                       \
    {                                                                                                        \
        float d = derivative(u[i] - threshold);                                                              \
        du[i] = ds[i] * d + leak * du_next[i] * (1.0f - reset * threshold * d);                              \
    }

static void surrogate_through_time(float *du, const float *ds, const float *du_next, const float *u, size_t n,
                                   float leak, float threshold, float reset, bso_surrogate kind)
{
    switch (kind) {
    case BSO_SURROGATE_SIGMOID:
        SURROGATE_THROUGH_TIME(scalar_surrogate_sigmoid);
        break;
    case BSO_SURROGATE_RECTANGULAR:
        SURROGATE_THROUGH_TIME(scalar_surrogate_rectangular);
        break;
    case BSO_SURROGATE_CLIP:
        SURROGATE_THROUGH_TIME(scalar_surrogate_clip);
        break;
    }
}

static void spikes(float *s, const float *u, size_t n, float threshold, float silent)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) s[i] = u[i] >= threshold ? 1.0f : silent;
}

static void trace(float *a, const float *u, size_t n, float mu, float threshold)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) a[i] = mu * a[i] + (u[i] >= threshold ? 1.0f : 0.0f);
}

static void trace_ratio(float *a, const float *u, const float *u_previous, size_t n, float leak,
                        float threshold, float reset)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float mu = scalar_ratio(u[i], u_previous[i], leak, threshold, reset);
        a[i] = mu * a[i] + (u[i] >= threshold ? 1.0f : 0.0f);
    }
}

const bso_kernels JOIN(bso_kernels_, BSO_ISA) = {
    .name = TEXT(BSO_ISA),
    .products = &JOIN(bso_products_, BSO_ISA),
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
    .finite = finite_floats,
    .moving_average = moving_average,
    .sum_squares = sum_squares,
    .beyond = beyond,
    .codes_read = codes_read,
    .codes_write = codes_write,
    .random_words = random_words,
};
