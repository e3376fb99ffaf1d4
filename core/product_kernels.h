/* product_kernels.h: the inner loops of a one-bit synapse's three products, one table for each instruction
 * set, part of the table of kernels.h. core/products.c puts them together.
 *
 * All three products are sums over inputs that one-bit weights, or spikes, select or sign. They take four
 * inputs at a time (Arlazarov et al. 1970, "the method of the four Russians"): the 16 sums that four bits can
 * make of four inputs are worked out once for a row of lanes, and every row of the result then looks one of
 * them up and adds it: one load-and-add for four multiply-adds, on every lane of a vector, with no multiply
 * and no shuffle, so that plain C reaches the machine's load bandwidth on any instruction set.
 *
 *     sum[r][lane] += table[g][4 bits of pattern r][lane]      for every group g of four inputs
 *
 * | product         | rows r  | inputs in fours  | lanes   | type of a lane    | 0 in the pattern means |
 * |-----------------|---------|------------------|---------|-------------------|------------------------|
 * | forward         | outputs | inputs k         | pixels  | uint8, counts     | nothing                |
 * | data gradient   | inputs  | outputs          | pixels  | float, or int16   | minus                  |
 * | weight gradient | inputs  | pixels           | outputs | float, or int16   | nothing                |
 *
 * A row is 256, 128 or 64 bytes of lanes. Tables that are looked up together fill a level-1 cache of 32 KiB:
 * eight groups of long rows, or sixteen of 128 bytes, which costs more instructions and saves passes over the
 * sums; each table of kernels says what suits it. Integers are exact; floats are added group by group in the
 * order given and a group's four as (x0 + x1) + (x2 + x3): every path gives the reference's bits.
 *
 * Pointers to lanes and tables are aligned to 64 bytes; so are their strides.
 */
#ifndef BSO_PRODUCT_KERNELS_H
#define BSO_PRODUCT_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BSO_ROUND_WORDS = 64,  /* random words that round_i8 takes at a time, for four values each */
    BSO_ROW = 256,         /* bytes of the longest row of lanes */
    BSO_GROUPS = 16,       /* groups of four inputs that are looked up together, at most */
    BSO_PATTERNS = 16,     /* of four bits */
    BSO_TABLES = 32 * 1024 /* bytes of tables */
};

/* Which row of a table, group by group: group g's four bits are those from shift + 4 g on of
 * bits[r * stride]. */
typedef struct {
    const uint64_t *bits;
    size_t stride; /* in words, from row to row of the result */
    int shift;
} bso_patterns;

typedef struct {
    /* Bytes of a row, and groups of four inputs, to take at a time where there are as many: groups is a power
     * of two, so that those of a table lie in one word. */
    int row, groups;

    /* Tables of counts: lane p of input 4 g + j is sum over planes b of bit shift + 4 g + j of
     * words[b * plane_stride + p], times 2^b. words: [row] in each plane. A group's sum must fit a byte. */
    void (*tables_u8)(uint8_t *tables, int row, const uint64_t *words, size_t plane_stride, int planes,
                      int shift, int groups);
    /* Tables of values: lane p of input i is x[i * stride + p] for i < inputs and p < lanes, else 0. A 0 in
     * the pattern takes the input away where is_signed, and leaves it out where not. */
    void (*tables_f32)(float *tables, int row, const float *x, size_t stride, int inputs, int lanes,
                       bool is_signed);

    void (*tables_i16)(int16_t *tables, int row, const int8_t *x, size_t stride, int inputs, int lanes,
                       bool is_signed);

    /* sums[r * stride + lane] += table, r < rows. stride in elements. Sums must fit the type. */
    void (*lookup_u8)(uint8_t *sums, size_t stride, size_t rows, int row, const uint8_t *tables, int groups,
                      bso_patterns patterns);
    void (*lookup_f32)(float *sums, size_t stride, size_t rows, int row, const float *tables, int groups,
                       bso_patterns patterns);

    void (*lookup_i16)(int16_t *sums, size_t stride, size_t rows, int row, const int16_t *tables, int groups,
                       bso_patterns patterns);

    /* wide[i] += narrow[i]; narrow[i] = 0 */
    void (*widen_u8)(uint16_t *wide, uint8_t *narrow, size_t n);
    void (*widen_i16)(int32_t *wide, int16_t *narrow, size_t n);
    /* The forward product's end: y[p] = (2 * sums[p] - ones[p]) * scale */
    void (*finish_forward)(float *y, const uint16_t *sums, const int32_t *ones, size_t n, float scale);

    /* The data gradient's end: to[i] += inside[i] ? x[i] : 0; inside[i] is all bits or none. */
    void (*add_inside)(float *to, const float *x, const uint8_t *inside, size_t n);
    void (*add_inside_i16)(float *to, const int16_t *x, const uint8_t *inside, size_t n);

    /* Sparse weight gradient: for every row r, sums[r * stride + lane] += v * d[p * (row / 4) + lane], p
     * running upwards over the set bits of bits[r * bit_stride], `words` words; v = 1 where x is NULL, else
     * x[at[r] + offset + p]. */
    void (*gather_f32)(float *sums, size_t stride, size_t rows, int row, const float *d, const uint64_t *bits,
                       size_t bit_stride, size_t words, const float *x, const ptrdiff_t *at, size_t offset);

    /* bit p % 64 of bits[p / 64] = x[p] != 0, p < n, zero up to a whole word. Adds to count[0] the bits set,
     * to count[1] how many of those x are 1. */
    void (*pack_nonzero)(uint64_t *bits, const float *x, size_t n, size_t count[2]);
    /* to[j * to_stride + i] = from[i * stride + j], i < rows, j < columns */
    void (*transpose_f32)(float *to, size_t to_stride, const float *from, size_t stride, size_t rows,
                          size_t columns);

    /* ---- errors in 8 bits ---- */

    /* to[i] = inside[i] ? x[i] : 0 */
    void (*copy_inside_u8)(uint8_t *to, const uint8_t *x, const uint8_t *inside, size_t n);

    /* Dense weight gradient: sums[r * stride + o] += sum over q < fours and j < 4 of levels[r * level_stride
     * + 4 q + j] * errors[q * error_stride + 4 o + j], o < lanes, a multiple of 32. largest: of the levels.
     */
    void (*dense_i8)(int32_t *sums, size_t stride, size_t rows, size_t lanes, const uint8_t *levels,
                     size_t level_stride, const int8_t *errors, size_t error_stride, size_t fours,
                     int largest);
    /* The largest |x[i]|; infinite or NaN where one is not finite; 0 for n = 0. */
    float (*largest_magnitude)(const float *x, size_t n);
    /* codes[i] = floor(x[i] * inverse + (byte i % 4 of random[i / 4] + 1/2) / 256): rounded at random, to the
     * value above as often as x is nearer to it. |x[i] * inverse| <= 127. random: BSO_ROUND_WORDS words for
     * each 4 * BSO_ROUND_WORDS values or part of them. */
    void (*round_i8)(int8_t *codes, const float *x, size_t n, float inverse, const uint32_t *random);
    /* levels[i] = x[i] * scale, rounded to nearest; false where one is not within 0 .. 255. |x[i] * scale| <
     * 2^30. */
    bool (*pack_levels)(uint8_t *levels, const float *x, size_t n, float scale);
} bso_product_kernels;

#endif
