/* kernels.h: the inner loops, one table for each instruction set, picked at run time.
 *
 * core/kernels/reference.c holds plain loops that say what each kernel computes; core/kernels/loops.c is
 * written so that a compiler can vectorise it and is compiled once for each instruction set. All paths give
 * the same bits: integers where sums are counts, fixed lanes where sums are floats, no contraction. A faster
 * kernel for one instruction set replaces one entry of its table. BSO_KERNELS=reference|portable|avx2|avx512
 * in the environment forces a path; BSO_KERNELS=sgemm is the best one without product kernels, what a
 * framework on float matrices would do, to compare with: its products differ by rounding.
 */
#ifndef BSO_KERNELS_H
#define BSO_KERNELS_H

#include "core/product_kernels.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    BSO_SURROGATE_SIGMOID,
    BSO_SURROGATE_RECTANGULAR, /* of width and height 1 */
    BSO_SURROGATE_CLIP         /* 1 where |x| <= 1: the clipped straight-through estimator of sign neurons */
} bso_surrogate;

enum { BSO_LANES = 16 }; /* running sums of a reduction: element i goes to sum i % 16 */
typedef double bso_lanes[BSO_LANES];

/* What a reduction comes to. */
static inline double bso_lanes_sum(const bso_lanes lanes)
{
    double sum = 0;
    for (int i = 0; i < BSO_LANES; i++) sum += lanes[i];
    return sum;
}

typedef struct {
    const char *name;
    /* The products of one-bit weights with spikes and errors; NULL: every product is im2col and sgemm. */
    const bso_product_kernels *products;

    /* Spikes times one-bit weights. patches: [words][stride] bit k % 64 of patches[k / 64][p] is input k of
     * pixel p, zero from K on; weights: [outputs][words]; ones: [pixels] number of set bits of each patch.
     * out[o * out_stride + p] += factor * (2 * popcount(patch_p & w_o) - ones[p]); p < pixels. Exact in
     * int32. */
    void (*bits_multiply)(int32_t *out, size_t out_stride, const uint64_t *patches, size_t stride,
                          size_t pixels, const uint64_t *weights, size_t outputs, size_t words,
                          const int32_t *ones, int32_t factor);

    /* count[p] += number of set bits of words[p], p < n. */
    void (*bits_count)(int32_t *count, const uint64_t *words, size_t n);

    /* words[p] = low[p] | high[p] << 32, p < n. Returns how many bits are set. */
    int64_t (*bits_join)(uint64_t *words, const uint32_t *low, const uint32_t *high, size_t n);
    /* Sums of 2x2 windows of one map of spikes: out[b][y * width + x], planes `plane` words apart, are bits b
     * of in[2y][2x] + in[2y][2x+1] + in[2y+1][2x] + in[2y+1][2x+1] for each of the 64 channels; in has rows
     * of in_width words. */
    void (*bits_pool)(uint64_t *out, size_t plane, const uint64_t *in, size_t in_width, size_t height,
                      size_t width);

    /* Means of height x width windows of 2x2 of one map; rows of y and x are y_width and x_width apart. */
    void (*average)(float *y, size_t y_width, const float *x, size_t x_width, size_t height, size_t width);
    /* Its transpose: every x of a window gets a quarter of its y. */
    void (*spread)(float *x, size_t x_width, const float *y, size_t y_width, size_t height, size_t width);

    /* Batch norm of one channel. sums: [2] sum and sum of squares of x about `shift`, in double. */
    void (*norm_sums)(double sums[2], const float *x, size_t n, float shift);
    /* y = x * scale + offset */
    void (*norm_apply)(float *y, const float *x, size_t n, float scale, float offset);
    /* Sums of dy and of dy * (x - mean), added to what is in the lanes. */
    void (*norm_backward_sums)(bso_lanes sums[2], const float *dy, const float *x, size_t n, float mean);
    /* dx = a * dy + b * (x - mean) + c; dx may be dy */
    void (*norm_backward)(float *dx, const float *dy, const float *x, size_t n, float mean, float a, float b,
                          float c);

    /* Neurons of one channel. Batch norm, leaky integrate and fire, reset by subtraction: u = leak *
     * (u_previous - threshold * (u_previous >= threshold)) + (y * scale + offset); bits[p] |= (u >=
     * threshold) << bit, bit < 32. u may be u_previous; u_previous NULL: the first step, u = y * scale +
     * offset. */
    void (*lif)(float *u, uint32_t *bits, const float *u_previous, const float *y, size_t n, float scale,
                float offset, float leak, float threshold, int bit);
    /* du = ds * surrogate'(u - threshold); du may be ds. */
    void (*surrogate)(float *du, const float *ds, const float *u, size_t n, float threshold,
                      bso_surrogate kind);
    /* BPTT: du[t] = ds * surrogate' + leak * du_next * (1 - reset * threshold * surrogate'); reset is 0 or 1;
     * du may be ds or du_next. */
    void (*surrogate_through_time)(float *du, const float *ds, const float *du_next, const float *u, size_t n,
                                   float leak, float threshold, float reset, bso_surrogate kind);
    /* s = 1 where u >= threshold, else `silent`: the spikes as floats, and what a trace starts with */
    void (*spikes)(float *s, const float *u, size_t n, float threshold, float silent);
    /* trace = mu * trace + (u >= threshold) */
    void (*trace)(float *trace, const float *u, size_t n, float mu, float threshold);
    /* The same with mu = r(u) / r(u_previous), r(u) = u - reset * (u >= threshold), clamped to [-leak, leak];
     * leak where |r(u_previous)| < 1e-6. */
    void (*trace_ratio)(float *trace, const float *u, const float *u_previous, size_t n, float leak,
                        float threshold, float reset);

    /* Updates of one-bit weights (core/momentum.c). Are all of x finite? */
    bool (*finite)(const float *x, size_t n);
    /* m = keep * m + take * g */
    void (*moving_average)(float *m, const float *g, size_t n, float keep, float take);
    /* g: [blocks][length], length a multiple of 4; sums[b][i % 4] += g[b][i]^2 in double, i ascending. */
    void (*sum_squares)(double *sums, const float *g, size_t blocks, size_t length);
    /* Of `rows` rows m[k]: above[i] |= (m[k][i] > limit) << (bit + k), below[i] |= (m[k][i] < -limit) << (bit
     * + k), i < n. m: [rows][stride]; bit + rows <= 32; limit is not negative. */
    void (*beyond)(uint32_t *above, uint32_t *below, const float *m, size_t stride, int rows, size_t n,
                   int bit, float limit);
    /* Momentum in 8 or 16 bits: x[i] = codes[i] * scale. codes: int8_t or int16_t. */
    void (*codes_read)(float *x, const void *codes, int bits, float scale, size_t n);
    /* codes[i] = x[i] / scale, rounded at random (words[i]) to one of the integers beside it so that the mean
     * is exact. Returns the scale, with which the largest |x| has the largest code; at least 2^-126; 0 where
     * all x are 0; infinity, and codes of 0, where one is not finite. */
    float (*codes_write)(void *codes, int bits, const float *x, const uint32_t *words, size_t n);

    /* words[i] = word i % 4 of bso_random(seed, purpose, a, b + i / 4), i < n (core/random.h). */
    void (*random_words)(uint32_t *words, size_t n, uint64_t seed, uint32_t purpose, uint32_t a, uint64_t b);
} bso_kernels;

/* The table in use. */
extern const bso_kernels *bso_kernel;

/* Pick the table: BSO_KERNELS, or the best this CPU runs. Returns 0 or BSO_ERROR (unknown name, or not
 * runnable here). */
int bso_kernels_pick(void);

/* The same by name; NULL: the best. */
int bso_kernels_use(const char *name);

/* All tables this CPU can run, for tests: NULL-terminated. */
const bso_kernels *const *bso_kernels_available(void);

#endif
