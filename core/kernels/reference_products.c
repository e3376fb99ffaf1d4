/* reference_products.c: what each kernel of product_kernels.h computes, in plain C, one element after the
 * other. The other paths are tested against it.
 */
#include "core/kernels/products.h"

#include <math.h>
#include <string.h>

static int bit(const uint64_t *words, int at)
{
    return (int)(*words >> at & 1);
}

static void tables_u8(uint8_t *tables, int row, const uint64_t *words, size_t plane_stride, int planes,
                      int shift, int groups)
{
    for (int g = 0; g < groups; g++) {
        for (int pattern = 0; pattern < BSO_PATTERNS; pattern++) {
            for (int p = 0; p < row; p++) {
                int sum = 0;
                for (int j = 0; j < 4; j++) {
                    for (int b = 0; b < planes && pattern >> j & 1; b++)
                        sum += bit(words + (size_t)b * plane_stride + p, shift + 4 * g + j) << b;
                }
                tables[(g * BSO_PATTERNS + pattern) * row + p] = (uint8_t)sum;
            }
        }
    }
}

/* Input `at`, taken, or what stands for it where the pattern's bit is 0. */
static float input_f32(const float *x, size_t stride, int at, int inputs, bool taken, bool is_signed)
{
    const float value = at < inputs ? x[(size_t)at * stride] : 0.0f;
    return taken ? value : is_signed ? -value : 0.0f;
}

static void tables_f32(float *tables, int row, const float *x, size_t stride, int inputs, int lanes,
                       bool is_signed)
{
    const int all = row / (int)sizeof(float), groups = (inputs + 3) / 4;
    for (int g = 0; g < groups; g++) {
        for (int pattern = 0; pattern < BSO_PATTERNS; pattern++) {
            float *table = tables + (g * BSO_PATTERNS + pattern) * all;
            for (int p = 0; p < all; p++) {
                float four[4];
                for (int j = 0; j < 4; j++) {
                    four[j] = input_f32(x + p, stride, 4 * g + j, p < lanes ? inputs : 0, pattern >> j & 1,
                                        is_signed);
                }
                table[p] = (four[0] + four[1]) + (four[2] + four[3]);
            }
        }
    }
}

static uint64_t pattern_of(bso_patterns patterns, size_t r, int g)
{
    return patterns.bits[r * patterns.stride] >> (patterns.shift + 4 * g) & 15;
}

static void lookup_u8(uint8_t *sums, size_t stride, size_t rows, int row, const uint8_t *tables, int groups,
                      bso_patterns patterns)
{
    const size_t lanes = (size_t)row;
    for (size_t r = 0; r < rows; r++) {
        for (int g = 0; g < groups; g++) {
            const uint8_t *x = tables + ((size_t)g * BSO_PATTERNS + pattern_of(patterns, r, g)) * lanes;
            for (size_t p = 0; p < lanes; p++) sums[r * stride + p] = (uint8_t)(sums[r * stride + p] + x[p]);
        }
    }
}

static void lookup_f32(float *sums, size_t stride, size_t rows, int row, const float *tables, int groups,
                       bso_patterns patterns)
{
    const size_t lanes = (size_t)row / sizeof(float);
    for (size_t r = 0; r < rows; r++) {
        for (int g = 0; g < groups; g++) {
            const float *x = tables + ((size_t)g * BSO_PATTERNS + pattern_of(patterns, r, g)) * lanes;
            for (size_t p = 0; p < lanes; p++) sums[r * stride + p] += x[p];
        }
    }
}

static void widen_u8(uint16_t *wide, uint8_t *narrow, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        wide[i] = (uint16_t)(wide[i] + narrow[i]);
        narrow[i] = 0;
    }
}

static void finish_forward(float *y, const uint16_t *sums, const int32_t *ones, size_t n, float scale)
{
    for (size_t p = 0; p < n; p++) y[p] = (float)(2 * (int32_t)sums[p] - ones[p]) * scale;
}

static void add_inside(float *to, const float *x, const uint8_t *inside, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] += inside[i] ? x[i] : 0.0f;
}

static void gather_f32(float *sums, size_t stride, size_t rows, int row, const float *d, const uint64_t *bits,
                       size_t bit_stride, size_t words, const float *x, const ptrdiff_t *at, size_t offset)
{
    const size_t lanes = (size_t)row / sizeof(float);
    for (size_t r = 0; r < rows; r++) {
        for (size_t p = 0; p < 64 * words; p++) {
            if (!bit(bits + r * bit_stride + p / 64, (int)(p % 64))) continue;
            const float v = x ? x[at[r] + (ptrdiff_t)(offset + p)] : 1.0f;
            for (size_t i = 0; i < lanes; i++) sums[r * stride + i] += v * d[p * lanes + i];
        }
    }
}

static void pack_nonzero(uint64_t *bits, const float *x, size_t n, size_t count[2])
{
    memset(bits, 0, (n + 63) / 64 * sizeof *bits);
    for (size_t p = 0; p < n; p++) {
        bits[p / 64] |= (uint64_t)(x[p] != 0.0f) << p % 64;
        count[0] += x[p] != 0.0f;
        count[1] += x[p] == 1.0f;
    }
}

static void transpose_f32(float *to, size_t to_stride, const float *from, size_t stride, size_t rows,
                          size_t columns)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) to[j * to_stride + i] = from[i * stride + j];
    }
}

/* ---- errors in 8 bits ---- */

static void tables_i16(int16_t *tables, int row, const int8_t *x, size_t stride, int inputs, int lanes,
                       bool is_signed)
{
    const int all = row / (int)sizeof(int16_t), groups = (inputs + 3) / 4;
    for (int g = 0; g < groups; g++) {
        for (int pattern = 0; pattern < BSO_PATTERNS; pattern++) {
            for (int p = 0; p < all; p++) {
                int sum = 0;
                for (int j = 0; j < 4 && p < lanes && 4 * g + j < inputs; j++) {
                    const int value = x[(size_t)(4 * g + j) * stride + (size_t)p];
                    sum += pattern >> j & 1 ? value : is_signed ? -value : 0;
                }
                tables[(g * BSO_PATTERNS + pattern) * all + p] = (int16_t)sum;
            }
        }
    }
}

static void lookup_i16(int16_t *sums, size_t stride, size_t rows, int row, const int16_t *tables, int groups,
                       bso_patterns patterns)
{
    const size_t lanes = (size_t)row / sizeof(int16_t);
    for (size_t r = 0; r < rows; r++) {
        for (int g = 0; g < groups; g++) {
            const int16_t *x = tables + ((size_t)g * BSO_PATTERNS + pattern_of(patterns, r, g)) * lanes;
            for (size_t p = 0; p < lanes; p++) sums[r * stride + p] = (int16_t)(sums[r * stride + p] + x[p]);
        }
    }
}

static void widen_i16(int32_t *wide, int16_t *narrow, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        wide[i] += narrow[i];
        narrow[i] = 0;
    }
}

static void add_inside_i16(float *to, const int16_t *x, const uint8_t *inside, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] += inside[i] ? (float)x[i] : 0.0f;
}

static void copy_inside_u8(uint8_t *to, const uint8_t *x, const uint8_t *inside, size_t n)
{
    for (size_t i = 0; i < n; i++) to[i] = inside[i] ? x[i] : 0;
}

static void dense_i8(int32_t *sums, size_t stride, size_t rows, size_t lanes, const uint8_t *levels,
                     size_t level_stride, const int8_t *errors, size_t error_stride, size_t fours,
                     int largest)
{
    (void)largest;
    for (size_t r = 0; r < rows; r++) {
        for (size_t o = 0; o < lanes; o++) {
            for (size_t p = 0; p < 4 * fours; p++) {
                sums[r * stride + o] +=
                    levels[r * level_stride + p] * errors[p / 4 * error_stride + 4 * o + p % 4];
            }
        }
    }
}

static float largest_magnitude(const float *x, size_t n)
{
    float largest = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i])) return NAN;
        if (fabsf(x[i]) > largest) largest = fabsf(x[i]);
    }
    return largest;
}

static void round_i8(int8_t *codes, const float *x, size_t n, float inverse, const uint32_t *random)
{
    for (size_t i = 0; i < n; i++) {
        const float dither = ((float)(random[i / 4] >> 8 * (i % 4) & 255) + 0.5f) * (1.0f / 256);
        codes[i] = (int8_t)((int32_t)(x[i] * inverse + (dither + 128.0f)) - 128);
    }
}

static bool pack_levels(uint8_t *levels, const float *x, size_t n, float scale)
{
    bool right = true;
    for (size_t i = 0; i < n; i++) {
        const int32_t level = (int32_t)(x[i] * scale + 0.5f);
        levels[i] = (uint8_t)level;
        right = right && level >= 0 && level <= 255;
    }
    return right;
}

const bso_product_kernels bso_products_reference = {
    .row = 64,
    .groups = 2, /* other ones than the fast paths: no result may depend on it */
    .tables_u8 = tables_u8,
    .tables_f32 = tables_f32,
    .lookup_u8 = lookup_u8,
    .lookup_f32 = lookup_f32,
    .widen_u8 = widen_u8,
    .finish_forward = finish_forward,
    .add_inside = add_inside,
    .gather_f32 = gather_f32,
    .pack_nonzero = pack_nonzero,
    .transpose_f32 = transpose_f32,
    .tables_i16 = tables_i16,
    .lookup_i16 = lookup_i16,
    .widen_i16 = widen_i16,
    .add_inside_i16 = add_inside_i16,
    .copy_inside_u8 = copy_inside_u8,
    .dense_i8 = dense_i8,
    .largest_magnitude = largest_magnitude,
    .round_i8 = round_i8,
    .pack_levels = pack_levels,
};
