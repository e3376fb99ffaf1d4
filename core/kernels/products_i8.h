/* products_i8.h: the kernels for errors in 8 bits. Included by products.c, once for each instruction set.
 *
 * Sums are integers, so every path is exact. The dense product has the instruction that multiplies unsigned
 * by signed bytes where there is one: VNNI adds four products to 32 bits; without it AVX2 adds two to 16,
 * which must not overflow.
 */
#ifndef BSO_KERNELS_PRODUCTS_I8_H
#define BSO_KERNELS_PRODUCTS_I8_H

#include "core/kernels/products.h"

#include <string.h>

#ifdef __AVX2__
#include <immintrin.h>
#endif

static void tables_i16(int16_t *tables, int row, const int8_t *x, size_t stride, int inputs, int lanes,
                       bool is_signed)
{
    const int all = row / (int)sizeof(int16_t);
    int16_t input[4][BSO_ROW / sizeof(int16_t)] __attribute__((aligned(64)));
    for (int i = 0; i < inputs; i += 4, tables += BSO_PATTERNS * all) {
        if (lanes < all || inputs - i < 4) memset(input, 0, sizeof input);
        for (int j = 0; j < 4 && i + j < inputs; j++) {
            for (int p = 0; p < lanes; p++) input[j][p] = x[(size_t)(i + j) * stride + (size_t)p];
        }
        for (int at = 0; at < row; at += VECTOR) {
            vector_i16 one[4], none[4];
            for (int j = 0; j < 4; j++) {
                one[j] = *(const vector_i16 *)((const char *)input[j] + at);
                none[j] = is_signed ? -one[j] : (vector_i16){0};
            }
            sixteen_i16((char *)tables + at, row, one, none);
        }
    }
}

static void widen_i16(int32_t *wide, int16_t *narrow, size_t n)
{
    for (size_t i = 0; i < n; i++) wide[i] += narrow[i];
    memset(narrow, 0, n * sizeof *narrow);
}

static void add_inside_i16(float *to, const int16_t *x, const uint8_t *inside, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] += (float)(x[i] & (int8_t)inside[i]);
}

static void copy_inside_u8(uint8_t *to, const uint8_t *x, const uint8_t *inside, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] = x[i] & inside[i];
}

/* sum[lane] += four products of unsigned and signed bytes. exact16: sums of two fit 16 bits. */
typedef int32_t vector_i32 __attribute__((vector_size(VECTOR), may_alias));

INLINE void multiply_four(vector_i32 *sum, vector_i32 levels, vector_i32 errors, bool fit)
{
#if defined __AVX512VNNI__
    (void)fit;
    /* Spelt out: gcc 12 moves accumulators around the intrinsic in blocked loops. */
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*sum) : "v"(levels), "v"(errors));
#elif defined __AVX2__
    if (fit) {
        const __m256i pairs = _mm256_maddubs_epi16((__m256i)levels, (__m256i)errors);
        *sum += (vector_i32)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    } else {
        /* Even and odd bytes apart, widened to 16 bits. */
        const __m256i even = _mm256_and_si256((__m256i)levels, _mm256_set1_epi16(255));
        const __m256i odd = _mm256_srli_epi16((__m256i)levels, 8);
        const __m256i first = _mm256_srai_epi16(_mm256_slli_epi16((__m256i)errors, 8), 8);
        const __m256i second = _mm256_srai_epi16((__m256i)errors, 8);
        *sum += (vector_i32)_mm256_add_epi32(_mm256_madd_epi16(even, first), _mm256_madd_epi16(odd, second));
    }
#else
    (void)fit;
    for (int j = 0; j < 4; j++) *sum += (levels >> 8 * j & 255) * (errors << (24 - 8 * j) >> 24);
#endif
}

/* `many` rows by two vectors of outputs: sums stay in registers over the whole block. */
INLINE void dense_some(int32_t *sums, size_t stride, const uint8_t *levels, size_t level_stride,
                       const int8_t *errors, size_t error_stride, size_t fours, int many, bool fit)
{
    enum { MOST = 4, WIDE = 2, LANES = VECTOR / 4 };
    vector_i32 sum[MOST][WIDE];
    for (int r = 0; r < many; r++) {
        for (int i = 0; i < WIDE; i++)
            sum[r][i] = *(const vector_i32 *)(sums + (size_t)r * stride + (size_t)(i * LANES));
    }
    for (size_t q = 0; q < fours; q++) {
        const vector_i32 *e = (const vector_i32 *)(const void *)(errors + q * error_stride);
        for (int r = 0; r < many; r++) {
            int32_t four;
            memcpy(&four, levels + (size_t)r * level_stride + 4 * q, sizeof four);
            const vector_i32 spread = (vector_i32){0} + four;
            for (int i = 0; i < WIDE; i++) multiply_four(&sum[r][i], spread, e[i], fit);
        }
    }
    for (int r = 0; r < many; r++) {
        for (int i = 0; i < WIDE; i++)
            *(vector_i32 *)(sums + (size_t)r * stride + (size_t)(i * LANES)) = sum[r][i];
    }
}

static void dense_i8(int32_t *sums, size_t stride, size_t rows, size_t lanes, const uint8_t *levels,
                     size_t level_stride, const int8_t *errors, size_t error_stride, size_t fours,
                     int largest)
{
    enum { MANY = 4, LANES = 2 * VECTOR / 4 };
    const bool fit = largest <= 128;
    for (size_t o = 0; o < lanes; o += LANES) {
        size_t r = 0;
        for (; r + MANY <= rows; r += MANY) {
            int32_t *sum = sums + r * stride + o;
            const uint8_t *level = levels + r * level_stride;
            if (fit) {
                dense_some(sum, stride, level, level_stride, errors + 4 * o, error_stride, fours, MANY, true);
            } else {
                dense_some(sum, stride, level, level_stride, errors + 4 * o, error_stride, fours, MANY,
                           false);
            }
        }
        for (; r < rows; r++) {
            dense_some(sums + r * stride + o, stride, levels + r * level_stride, level_stride, errors + 4 * o,
                       error_stride, fours, 1, fit);
        }
    }
}

static float largest_magnitude(const float *x, size_t n)
{
    /* Magnitudes are ordered as their bit patterns are; those that are not finite come last. */
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        union {
            float value;
            uint32_t bits;
        } u = {.value = x[i]};
        u.bits &= 0x7fffffff;
        largest = u.bits > largest ? u.bits : largest;
    }
    union {
        uint32_t bits;
        float value;
    } result = {.bits = largest};
    return result.value;
}

static void round_i8(int8_t *codes, const float *x, size_t n, float inverse, const uint32_t *random)
{
    uint8_t dither[4 * BSO_ROUND_WORDS];
    for (size_t i = 0; i < n; i += sizeof dither, random += BSO_ROUND_WORDS) {
        const size_t here = n - i < sizeof dither ? n - i : sizeof dither;
        for (size_t j = 0; j < (here + 3) / 4; j++) {
            for (int b = 0; b < 4; b++) dither[4 * j + (size_t)b] = (uint8_t)(random[j] >> 8 * b);
        }
        for (size_t j = 0; j < here; j++) {
            /* Moved up by 128, so that cutting off rounds down. */
            const float up = ((float)dither[j] + 0.5f) * (1.0f / 256) + 128.0f;
            codes[i + j] = (int8_t)((int32_t)(x[i + j] * inverse + up) - 128);
        }
    }
}

static bool pack_levels(uint8_t *levels, const float *x, size_t n, float scale)
{
    uint32_t wrong = 0;
    for (size_t i = 0; i < n; i++) {
        const int32_t level = (int32_t)(x[i] * scale + 0.5f);
        levels[i] = (uint8_t)level;
        wrong |= (uint32_t)level > 255;
    }
    return !wrong;
}

#endif
