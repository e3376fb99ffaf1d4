/* products.h: the three products of a one-bit synapse: forward, data gradient, weight gradient, each on one
 * thread over a group of samples or a range of weights. Who calls them in parallel is synapse.c; inner loops
 * are in product_kernels.h.
 *
 * Inputs are never copied as floats: forward works on packed patches, the data gradient on the packed
 * weights, the weight gradient on which inputs are active.
 *
 * Everything here needs bso_kernel->products. The same bits on every kernel path; sums of floats run in an
 * order that depends on the shapes only, another one than im2col and sgemm would take.
 */
#ifndef BSO_PRODUCTS_H
#define BSO_PRODUCTS_H

#include "core/bits.h"

/* Samples that are done together: a function of the shape alone, so that lanes are well filled and what is
 * kept for a group stays in cache. */
int bso_product_group(const bso_window *window, int batch);

/* ---- forward ---- */

/* Can the input's counts be summed in bytes and 16 bits? Spikes and pooled spikes of up to 14,000 inputs. */
bool bso_product_forward_fits(const bso_signal *in, const bso_window *window);

/* y[o][(first + i) * area + p] = scale * sum over k of count[k of the patch at p] * w[o][k], for samples
 * first .. first+count-1 of n. in: packed counts, not bipolar; weights: [outputs][words]; y: [outputs][n *
 * area]. scratch: bso_product_forward_scratch bytes, aligned to 64. */
void bso_product_forward(float *y, const bso_signal *in, const bso_window *window, int n, int first,
                         int count, const uint64_t *weights, int outputs, void *scratch);
size_t bso_product_forward_scratch(const bso_signal *in, const bso_window *window, int batch, int outputs);

/* ---- data gradient ---- */

/* dx = W^T zeta for samples first .. first+count-1 of n. zeta: [outputs][n * area of the output]; dx:
 * [channels][n * area of the input]. */
void bso_product_data(float *dx, const float *zeta, const bso_window *window, int n, int first, int count,
                      const uint64_t *weights, int outputs, void *scratch);
size_t bso_product_data_scratch(int outputs);

/* ---- weight gradient ---- */

/* How the weight gradient is worked out; chosen by the share of active inputs, which is the same on every
 * machine. */
typedef enum {
    BSO_OPERAND_DENSE,  /* im2col and sgemm: most inputs are active and have many values, or the window has a
                           stride or no padding to speak of */
    BSO_OPERAND_LOOKUP, /* spikes, many */
    BSO_OPERAND_GATHER  /* few active inputs, of any value */
} bso_operand_kind;

/* What stands for the input in the weight gradient, and where it is not 0. */
typedef struct {
    const float *x; /* [channels][n * area] */
    uint64_t *bits; /* [channels][bso_operand_words]: bit 64 + p of a channel's row is x[p] != 0 */
    bool ones;      /* every x is 0 or 1 */
    double active;  /* share of x that is not 0 */
    bso_operand_kind kind;
} bso_operand;

/* Words of a channel's row of bits: there is a word of zeros before and behind. */
size_t bso_operand_words(const bso_window *window, int batch);

/* Look at x: fills bits and the rest. Parallel over channels. */
void bso_operand_look(bso_operand *operand, const float *x, const bso_window *window, int n);

/* gradient[k - k0][o] = sum over samples and pixels of x[input k of the patch] * zeta[o], k0 <= k < k1, all
 * outputs. Not for dense operands. */
void bso_product_weight(float *gradient, const bso_operand *operand, const float *zeta,
                        const bso_window *window, int n, int group, int k0, int k1, int outputs,
                        void *scratch);
size_t bso_product_weight_scratch(const bso_window *window, int batch, int rows);

#endif
