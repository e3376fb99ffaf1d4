/* products.c: the kernels of product_kernels.h in a form that compilers vectorise, compiled once for each
 * instruction set (BSO_ISA names it).
 *
 * Registers. A lookup keeps one row of sums, or as many short rows as fill eight accumulators, in registers
 * while it goes through up to eight groups of tables; the position in a table is two scalar operations for
 * each row of lanes, so the loop is bound by the two loads a cycle that today's machines do. With 256-byte
 * rows the tables of eight groups are 32 KiB; the sums stream through.
 */
#include "core/kernels/products.h"

#include <string.h>

#if defined __AVX512F__
enum { VECTOR = 64 };
#elif defined __AVX2__
enum { VECTOR = 32 };
#else
enum { VECTOR = 16 };
#endif

typedef float vector_f32 __attribute__((vector_size(VECTOR), may_alias));
typedef int16_t vector_i16 __attribute__((vector_size(VECTOR), may_alias));
typedef uint8_t vector_u8 __attribute__((vector_size(VECTOR), may_alias));

#define INLINE static inline __attribute__((always_inline))

/* ---- lookups ---- */

/* `many` rows at once, of `row` bytes; both are constants where this is inlined. */
#define DEFINE_LOOKUP(name, scalar, vector)                                                                  \
    INLINE void name##_some(scalar *sums, size_t stride, const char *tables, int groups,                     \
                            bso_patterns patterns, int row, int many)                                        \
    {                                                                                                        \
        enum { MOST = BSO_ROW / VECTOR < 8 ? 8 : BSO_ROW / VECTOR };                                         \
        vector sum[MOST];                                                                                    \
        uint64_t bits[MOST];                                                                                 \
        const int vectors = row / VECTOR;                                                                    \
        for (int r = 0; r < many; r++) {                                                                     \
            const vector *from = (const vector *)(sums + (size_t)r * stride);                                \
            bits[r] = patterns.bits[(size_t)r * patterns.stride] >> patterns.shift;                          \
            for (int i = 0; i < vectors; i++) sum[r * vectors + i] = from[i];                                \
        }                                                                                                    \
        for (int g = 0; g < groups; g++, tables += BSO_PATTERNS * row) {                                     \
            for (int r = 0; r < many; r++) {                                                                 \
                const vector *x = (const vector *)(tables + (bits[r] & 15) * (uint64_t)row);                 \
                bits[r] >>= 4;                                                                               \
                for (int i = 0; i < vectors; i++) sum[r * vectors + i] += x[i];                              \
            }                                                                                                \
        }                                                                                                    \
        for (int r = 0; r < many; r++) {                                                                     \
            vector *to = (vector *)(sums + (size_t)r * stride);                                              \
            for (int i = 0; i < vectors; i++) to[i] = sum[r * vectors + i];                                  \
        }                                                                                                    \
    }                                                                                                        \
    INLINE void name##_rows(scalar *sums, size_t stride, size_t rows, const scalar *tables, int groups,      \
                            bso_patterns patterns, int row)                                                  \
    {                                                                                                        \
        const int vectors = row / VECTOR, many = vectors >= 8 ? 1 : 8 / vectors;                             \
        const char *bytes = (const char *)tables;                                                            \
        size_t r = 0;                                                                                        \
        for (; r + (size_t)many <= rows; r += (size_t)many) {                                                \
            name##_some(sums + r * stride, stride, bytes, groups, patterns, row, many);                      \
            patterns.bits += (size_t)many * patterns.stride;                                                 \
        }                                                                                                    \
        for (; r < rows; r++) {                                                                              \
            name##_some(sums + r * stride, stride, bytes, groups, patterns, row, 1);                         \
            patterns.bits += patterns.stride;                                                                \
        }                                                                                                    \
    }                                                                                                        \
    static void name(scalar *sums, size_t stride, size_t rows, int row, const scalar *tables, int groups,    \
                     bso_patterns patterns)                                                                  \
    {                                                                                                        \
        if (row == 256) {                                                                                    \
            name##_rows(sums, stride, rows, tables, groups, patterns, 256);                                  \
        } else if (row == 128) {                                                                             \
            name##_rows(sums, stride, rows, tables, groups, patterns, 128);                                  \
        } else {                                                                                             \
            name##_rows(sums, stride, rows, tables, groups, patterns, 64);                                   \
        }                                                                                                    \
    }

DEFINE_LOOKUP(lookup_u8, uint8_t, vector_u8)
DEFINE_LOOKUP(lookup_i16, int16_t, vector_i16)
DEFINE_LOOKUP(lookup_f32, float, vector_f32)

/* ---- tables ---- */

/* The 16 sums of four inputs, each a vector; stored `row` bytes apart. one[j] is input j where its bit is 1,
 * none[j] where it is 0. */
#define DEFINE_SIXTEEN(name, vector)                                                                         \
    INLINE void name(char *table, int row, const vector one[4], const vector none[4])                        \
    {                                                                                                        \
        vector low[4], high[4];                                                                              \
        for (int p = 0; p < 4; p++) {                                                                        \
            low[p] = (p & 1 ? one[0] : none[0]) + (p & 2 ? one[1] : none[1]);                                \
            high[p] = (p & 1 ? one[2] : none[2]) + (p & 2 ? one[3] : none[3]);                               \
        }                                                                                                    \
        for (int p = 0; p < BSO_PATTERNS; p++) *(vector *)(table + p * row) = low[p % 4] + high[p / 4];      \
    }

DEFINE_SIXTEEN(sixteen_u8, vector_u8)
DEFINE_SIXTEEN(sixteen_i16, vector_i16)
DEFINE_SIXTEEN(sixteen_f32, vector_f32)

/* bytes[b][p] = byte b of the 32 bits from `shift` on of words[p]. In two steps, which vectorise. */
static void split_bytes(uint8_t bytes[4][BSO_ROW], const uint64_t *words, int lanes, int shift)
{
    uint32_t half[BSO_ROW];
    for (int p = 0; p < lanes; p++) half[p] = (uint32_t)(words[p] >> shift);
    for (int b = 0; b < 4; b++) {
        for (int p = 0; p < lanes; p++) bytes[b][p] = (uint8_t)(half[p] >> 8 * b);
    }
}

/* At most eight groups: 32 bits. */
static void tables_half(uint8_t *tables, int row, const uint64_t *words, size_t plane_stride, int planes,
                        int shift, int groups)
{
    enum { PLANES = 6 }; /* counts of up to 63: four of them fit a byte */
    uint8_t bytes[PLANES][4][BSO_ROW] __attribute__((aligned(64)));
    for (int b = 0; b < planes; b++) split_bytes(bytes[b], words + (size_t)b * plane_stride, row, shift);
    for (int g = 0; g < groups; g++) {
        char *table = (char *)tables + (size_t)g * BSO_PATTERNS * (size_t)row;
        for (int at = 0; at < row; at += VECTOR) {
            vector_u8 input[4] = {0}, none[4] = {0};
            for (int b = 0; b < planes; b++) {
                vector_u8 four = *(const vector_u8 *)(bytes[b][g / 2] + at) >> (uint8_t)(4 * (g % 2));
                for (int j = 0; j < 4; j++) input[j] += (four >> (uint8_t)j & 1) << (uint8_t)b;
            }
            sixteen_u8(table + at, row, input, none);
        }
    }
}

static void tables_u8(uint8_t *tables, int row, const uint64_t *words, size_t plane_stride, int planes,
                      int shift, int groups)
{
    enum { HALF = 8 };
    for (int g = 0; g < groups; g += HALF) {
        tables_half(tables + g * BSO_PATTERNS * row, row, words, plane_stride, planes, shift + 4 * g,
                    groups - g < HALF ? groups - g : HALF);
    }
}

typedef float unaligned_f32 __attribute__((vector_size(VECTOR), aligned(4), may_alias));

static void tables_f32(float *tables, int row, const float *x, size_t stride, int inputs, int lanes,
                       bool is_signed)
{
    const bool whole = (size_t)lanes * sizeof(float) == (size_t)row;
    float padded[4][BSO_ROW / sizeof(float)];
    for (int i = 0; i < inputs; i += 4, tables += BSO_PATTERNS * (size_t)row / sizeof(float)) {
        const float *from = x + (size_t)i * stride;
        size_t step = stride;
        if (!whole || inputs - i < 4) {
            memset(padded, 0, sizeof padded);
            for (int j = 0; j < 4 && i + j < inputs; j++)
                memcpy(padded[j], from + (size_t)j * stride, (size_t)lanes * sizeof(float));
            from = padded[0];
            step = sizeof padded[0] / sizeof(float);
        }
        for (int at = 0; at < row; at += VECTOR) {
            vector_f32 input[4], none[4];
            for (int j = 0; j < 4; j++) {
                input[j] = *(const unaligned_f32 *)(from + (size_t)j * step + (size_t)at / sizeof(float));
                none[j] = is_signed ? -input[j] : (vector_f32){0};
            }
            sixteen_f32((char *)tables + at, row, input, none);
        }
    }
}

/* The rest of the kernels for errors in 8 bits. */
#include "core/kernels/products_i8.h"

/* ---- ends of the forward product ---- */

static void widen_u8(uint16_t *wide, uint8_t *narrow, size_t n)
{
    for (size_t i = 0; i < n; i++) wide[i] = (uint16_t)(wide[i] + narrow[i]);
    memset(narrow, 0, n);
}

static void finish_forward(float *y, const uint16_t *sums, const int32_t *ones, size_t n, float scale)
{
    for (size_t p = 0; p < n; p++) y[p] = (float)(2 * (int32_t)sums[p] - ones[p]) * scale;
}

static void add_inside(float *to, const float *x, const uint8_t *inside, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        union {
            float value;
            uint32_t bits;
        } kept = {.value = x[i]};
        kept.bits &= (uint32_t)(int8_t)inside[i];
        to[i] += kept.value;
    }
}

/* ---- sparse ---- */

/* One row: its sums stay in registers while its set bits are walked. */
INLINE void gather_row(float *sums, int row, const float *d, const uint64_t *bits, size_t words,
                       const float *x, ptrdiff_t at)
{
    enum { MOST = BSO_ROW / VECTOR };
    const int vectors = row / VECTOR;
    vector_f32 sum[MOST];
    for (int i = 0; i < vectors; i++) sum[i] = ((const vector_f32 *)sums)[i];
    for (size_t w = 0; w < words; w++) {
        for (uint64_t left = bits[w]; left; left &= left - 1) {
            const size_t p = 64 * w + (size_t)__builtin_ctzll(left);
            const vector_f32 *errors = (const vector_f32 *)((const char *)d + p * (size_t)row);
            if (x) {
                const float v = x[at + (ptrdiff_t)p];
                for (int i = 0; i < vectors; i++) sum[i] += v * errors[i];
            } else {
                for (int i = 0; i < vectors; i++) sum[i] += errors[i];
            }
        }
    }
    for (int i = 0; i < vectors; i++) ((vector_f32 *)sums)[i] = sum[i];
}

INLINE void gather_rows(float *sums, size_t stride, size_t rows, int row, const float *d,
                        const uint64_t *bits, size_t bit_stride, size_t words, const float *x,
                        const ptrdiff_t *at, size_t offset)
{
    for (size_t r = 0; r < rows; r++) {
        float *sum = sums + r * stride;
        const uint64_t *row_bits = bits + r * bit_stride;
        if (x) {
            gather_row(sum, row, d, row_bits, words, x, at[r] + (ptrdiff_t)offset);
        } else {
            gather_row(sum, row, d, row_bits, words, NULL, 0);
        }
    }
}

static void gather_f32(float *sums, size_t stride, size_t rows, int row, const float *d, const uint64_t *bits,
                       size_t bit_stride, size_t words, const float *x, const ptrdiff_t *at, size_t offset)
{
    if (row == 256) {
        gather_rows(sums, stride, rows, 256, d, bits, bit_stride, words, x, at, offset);
    } else if (row == 128) {
        gather_rows(sums, stride, rows, 128, d, bits, bit_stride, words, x, at, offset);
    } else {
        gather_rows(sums, stride, rows, 64, d, bits, bit_stride, words, x, at, offset);
    }
}

static void pack_nonzero(uint64_t *bits, const float *x, size_t n, size_t count[2])
{
    for (size_t p = 0; p < n; p += 64) {
        const size_t here = n - p < 64 ? n - p : 64;
        uint8_t nonzero[64] = {0};
        uint32_t ones = 0;
        for (size_t i = 0; i < here; i++) {
            nonzero[i] = x[p + i] != 0.0f;
            ones += x[p + i] == 1.0f;
        }
        uint64_t word = 0;
        for (int b = 0; b < 8; b++) {
            /* Eight bytes of 0 or 1 to eight bits: the multiplication moves byte i's bit to 56 + i. */
            uint64_t eight = 0;
            for (int i = 0; i < 8; i++) eight |= (uint64_t)nonzero[8 * b + i] << 8 * i;
            word |= (eight * 0x0102040810204080ULL >> 56) << 8 * b;
        }
        bits[p / 64] = word;
        count[0] += (size_t)__builtin_popcountll(word);
        count[1] += ones;
    }
}

typedef float four_f32 __attribute__((vector_size(16), aligned(4), may_alias));

/* Four rows of four, in two steps: pairs of rows side by side, then pairs of pairs. */
INLINE void transpose_four(float *to, size_t to_stride, const float *from, size_t stride)
{
    four_f32 row[4];
    for (int i = 0; i < 4; i++) row[i] = *(const four_f32 *)(from + (size_t)i * stride);
    const four_f32 a = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5);
    const four_f32 b = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
    const four_f32 c = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7);
    const four_f32 d = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
    *(four_f32 *)to = __builtin_shufflevector(a, b, 0, 1, 4, 5);
    *(four_f32 *)(to + to_stride) = __builtin_shufflevector(a, b, 2, 3, 6, 7);
    *(four_f32 *)(to + 2 * to_stride) = __builtin_shufflevector(c, d, 0, 1, 4, 5);
    *(four_f32 *)(to + 3 * to_stride) = __builtin_shufflevector(c, d, 2, 3, 6, 7);
}

static void transpose_f32(float *to, size_t to_stride, const float *from, size_t stride, size_t rows,
                          size_t columns)
{
    const size_t whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;
    /* Along a row first: rows are often a power of two apart, and would push each other out of the cache. */
    for (size_t i = 0; i < whole_rows; i += 4) {
        for (size_t j = 0; j < whole_columns; j += 4)
            transpose_four(to + j * to_stride + i, to_stride, from + i * stride + j, stride);
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = i < whole_rows ? whole_columns : 0; j < columns; j++)
            to[j * to_stride + i] = from[i * stride + j];
    }
}

const bso_product_kernels JOIN(bso_products_, BSO_ISA) = {
    /* With AVX-512 a short row is two registers, too few for the instructions around them. */
    .row = VECTOR == 64 ? 256 : 128,
    .groups = VECTOR == 64 ? 8 : 16,
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
