/* loops.c: the kernels in a form that compilers vectorise, compiled once for each instruction set (BSO_ISA
 * names it).
 *
 * Sums run in BSO_LANES = 16 double lanes held as a vector type, so their order does not depend on the width
 * of the machine. With AVX-512 VPOPCNTDQ the spike product has a version of its own; without it, it is the
 * compiler's popcount, one word at a time.
 */
#include "core/kernels/products.h"
#include "core/kernels/philox.h"
#include "core/kernels/scalar.h"
#include "core/kernels/update.h"

#include <string.h>

#ifdef __AVX512VPOPCNTDQ__
#include <immintrin.h>
#endif

#define TEXT2(a) #a
#define TEXT(a)  TEXT2(a)

typedef float lanes_float __attribute__((vector_size(BSO_LANES * sizeof(float))));
typedef double lanes_double __attribute__((vector_size(BSO_LANES * sizeof(double))));

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

static void bits_pack(uint64_t *words, const float *u, size_t n, int bit, float threshold)
{
    uint64_t mask = (uint64_t)1 << bit;
#pragma omp simd
    for (size_t i = 0; i < n; i++) words[i] |= u[i] >= threshold ? mask : 0;
}

static void add_lanes(double sums[2], const lanes_double *first, const lanes_double *second)
{
    sums[0] = sums[1] = 0;
    for (int lane = 0; lane < BSO_LANES; lane++) {
        sums[0] += (*first)[lane];
        sums[1] += (*second)[lane];
    }
}

/* Through a pointer: vectors wider than the machine's have no settled way of being returned. */
static inline void load(lanes_double *wide, const float *x)
{
    lanes_float v;
    memcpy(&v, x, sizeof v);
    *wide = __builtin_convertvector(v, lanes_double);
}

static void norm_sums(double sums[2], const float *x, size_t n, float shift)
{
    lanes_double first = {0}, second = {0};
    size_t i = 0;
    for (; i + BSO_LANES <= n; i += BSO_LANES) {
        lanes_double d;
        load(&d, x + i);
        d -= (double)shift;
        first += d;
        second += d * d;
    }
    for (int lane = 0; i < n; i++, lane++) {
        double d = (double)x[i] - (double)shift;
        first[lane] += d;
        second[lane] += d * d;
    }
    add_lanes(sums, &first, &second);
}

static void norm_apply(float *y, const float *x, size_t n, float scale, float offset)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) y[i] = x[i] * scale + offset;
}

static void norm_backward_sums(double sums[2], const float *dy, const float *x, size_t n, float mean)
{
    lanes_double first = {0}, second = {0};
    size_t i = 0;
    for (; i + BSO_LANES <= n; i += BSO_LANES) {
        lanes_double d, away;
        load(&d, dy + i);
        load(&away, x + i);
        first += d;
        second += d * (away - (double)mean);
    }
    for (int lane = 0; i < n; i++, lane++) {
        first[lane] += (double)dy[i];
        second[lane] += (double)dy[i] * ((double)x[i] - (double)mean);
    }
    add_lanes(sums, &first, &second);
}

static void norm_backward(float *dx, const float *dy, const float *x, size_t n, float mean, float a, float b,
                          float c)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) dx[i] = a * dy[i] + (b * (x[i] - mean) + c);
}

static void lif(float *u, const float *u_previous, const float *current, size_t n, float leak,
                float threshold)
{
    if (!u_previous) {
        memcpy(u, current, n * sizeof *u);
        return;
    }
#pragma omp simd
    for (size_t i = 0; i < n; i++) u[i] = scalar_lif(u_previous[i], current[i], leak, threshold);
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
    .bits_pack = bits_pack,
    .norm_sums = norm_sums,
    .norm_apply = norm_apply,
    .norm_backward_sums = norm_backward_sums,
    .norm_backward = norm_backward,
    .lif = lif,
    .surrogate = surrogate,
    .surrogate_through_time = surrogate_through_time,
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
