/* kernels.h: the inner loops, one table for each instruction set, picked at run time.
 *
 * core/kernels/reference.c holds plain loops that say what each kernel computes; core/kernels/loops.c is
 * written so that a compiler can vectorise it and is compiled once for each instruction set. All paths give
 * the same bits: integers where sums are counts, fixed lanes where sums are floats, no contraction. A faster
 * kernel for one instruction set replaces one entry of its table. BSO_KERNELS=reference|portable|avx2|avx512
 * in the environment forces a path.
 */
#ifndef BSO_KERNELS_H
#define BSO_KERNELS_H

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
     * (u_previous - threshold * (u_previous >= threshold)) + (y * scale + offset); spikes[p] |= (u >=
     * threshold) << bit, bit < 32. u may be u_previous; u_previous NULL: the first step, u = y * scale +
     * offset. */
    void (*lif)(float *u, uint32_t *spikes, const float *u_previous, const float *y, size_t n, float scale,
                float offset, float leak, float threshold, int bit);
    /* du = ds * surrogate'(u - threshold); du may be ds. */
    void (*surrogate)(float *du, const float *ds, const float *u, size_t n, float threshold,
                      bso_surrogate kind);
    /* BPTT: du[t] = ds * surrogate' + leak * du_next * (1 - reset * threshold * surrogate'); reset is 0 or 1;
     * du may be ds or du_next. */
    void (*surrogate_through_time)(float *du, const float *ds, const float *du_next, const float *u, size_t n,
                                   float leak, float threshold, float reset, bso_surrogate kind);
    /* trace = (u >= threshold), which is how it starts */
    void (*trace_first)(float *trace, const float *u, size_t n, float threshold);
    /* trace = mu * trace + (u >= threshold) */
    void (*trace)(float *trace, const float *u, size_t n, float mu, float threshold);
    /* The same with mu = r(u) / r(u_previous), r(u) = u - reset * (u >= threshold), clamped to [-leak, leak];
     * leak where |r(u_previous)| < 1e-6. */
    void (*trace_ratio)(float *trace, const float *u, const float *u_previous, size_t n, float leak,
                        float threshold, float reset);
} bso_kernels;

/* The table in use. */
extern const bso_kernels *bso_kernel;

/* Pick the table: BSO_KERNELS, or the best this CPU runs. Returns 0 or BSO_ERROR (unknown name, or not
 * runnable here). */
int bso_kernels_pick(void);

/* All tables this CPU can run, for tests: NULL-terminated. */
const bso_kernels *const *bso_kernels_available(void);

#endif
