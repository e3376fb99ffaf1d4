/* update.h: the kernels of an update of one-bit weights. Included by loops.c, once for each instruction set.
 *
 * All are bound by memory once their operands come from there; core/optimizer.c therefore runs them one after
 * the other over pieces that stay in the nearest cache. The exception is the sum of squares, whose four lanes
 * for each block wait for their own additions: four blocks go side by side.
 */
#ifndef BSO_KERNELS_UPDATE_H
#define BSO_KERNELS_UPDATE_H

#include "core/kernels/scalar.h"

static bool finite_floats(const float *x, size_t n)
{
    uint32_t bad = 0;
#pragma omp simd reduction(| : bad)
    for (size_t i = 0; i < n; i++) bad |= x[i] - x[i] != 0 ? 1 : 0;
    return !bad;
}

static void moving_average(float *m, const float *g, size_t n, float keep, float take)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) m[i] = keep * m[i] + take * g[i];
}

enum { SQUARE_LANES = 4, SQUARE_BLOCKS = 4 };

typedef float square_float __attribute__((vector_size(SQUARE_LANES * sizeof(float))));
typedef double square_double __attribute__((vector_size(SQUARE_LANES * sizeof(double))));

/* sums [blocks][SQUARE_LANES], g [blocks][length]; `blocks` is a constant where this is called. */
static inline void add_squares(double *sums, const float *g, int blocks, size_t length)
{
    square_double sum[SQUARE_BLOCKS];
    for (int b = 0; b < blocks; b++) memcpy(&sum[b], sums + b * SQUARE_LANES, sizeof sum[b]);
    for (size_t i = 0; i + SQUARE_LANES <= length; i += SQUARE_LANES) {
        for (int b = 0; b < blocks; b++) {
            square_float narrow;
            memcpy(&narrow, g + (size_t)b * length + i, sizeof narrow);
            const square_double x = __builtin_convertvector(narrow, square_double);
            sum[b] += x * x;
        }
    }
    for (int b = 0; b < blocks; b++) memcpy(sums + b * SQUARE_LANES, &sum[b], sizeof sum[b]);
}

static void sum_squares(double *sums, const float *g, size_t blocks, size_t length)
{
    for (; blocks >= SQUARE_BLOCKS; blocks -= SQUARE_BLOCKS) {
        add_squares(sums, g, SQUARE_BLOCKS, length);
        sums += SQUARE_BLOCKS * SQUARE_LANES;
        g += SQUARE_BLOCKS * length;
    }
    for (; blocks; blocks--, sums += SQUARE_LANES, g += length) add_squares(sums, g, 1, length);
}

/* Four rows at a time: masks are read and written once for them. */
static void beyond(uint32_t *above, uint32_t *below, const float *m, size_t stride, int rows, size_t n,
                   int bit, float limit)
{
    const float least = -limit;
    for (; rows >= 4; rows -= 4, bit += 4, m += 4 * stride) {
        const float *p = m, *q = p + stride, *r = q + stride, *s = r + stride;
        const uint32_t mask = UINT32_C(1) << bit;
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            above[i] |= (p[i] > limit ? mask : 0) | (q[i] > limit ? mask << 1 : 0) |
                        (r[i] > limit ? mask << 2 : 0) | (s[i] > limit ? mask << 3 : 0);
            below[i] |= (p[i] < least ? mask : 0) | (q[i] < least ? mask << 1 : 0) |
                        (r[i] < least ? mask << 2 : 0) | (s[i] < least ? mask << 3 : 0);
        }
    }
    for (; rows; rows--, bit++, m += stride) {
        const uint32_t mask = UINT32_C(1) << bit;
#pragma omp simd
        for (size_t i = 0; i < n; i++) {
            above[i] |= m[i] > limit ? mask : 0;
            below[i] |= m[i] < least ? mask : 0;
        }
    }
}

static void codes_read(float *x, const void *codes, int bits, float scale, size_t n)
{
    if (bits == 16) {
        const int16_t *q = codes;
#pragma omp simd
        for (size_t i = 0; i < n; i++) x[i] = (float)q[i] * scale;
    } else {
        const int8_t *q = codes;
#pragma omp simd
        for (size_t i = 0; i < n; i++) x[i] = (float)q[i] * scale;
    }
}

static float codes_write(void *codes, int bits, const float *x, const uint32_t *words, size_t n)
{
    uint32_t largest = 0;
#pragma omp simd reduction(max : largest)
    for (size_t i = 0; i < n; i++) {
        const uint32_t magnitude = scalar_magnitude(x[i]);
        largest = magnitude > largest ? magnitude : largest;
    }
    const float scale = scalar_code_scale(largest, bits);
    if (scale == 0 || scale - scale != 0) {
        memset(codes, 0, n * (size_t)bits / 8);
        return scale;
    }
    const float inverse = 1 / scale;
    if (bits == 16) {
        int16_t *q = codes;
#pragma omp simd
        for (size_t i = 0; i < n; i++) q[i] = (int16_t)scalar_code(x[i], inverse, words[i], INT16_MAX);
    } else {
        int8_t *q = codes;
#pragma omp simd
        for (size_t i = 0; i < n; i++) q[i] = (int8_t)scalar_code(x[i], inverse, words[i], INT8_MAX);
    }
    return scale;
}

#endif
