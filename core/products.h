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

/* What a synapse's products share. */
typedef struct {
    bso_window window;
    int outputs;
    int group; /* samples done together: a function of the shape alone, so that lanes are well filled and what
                  is kept for a group stays in cache */
    bool moved;   /* patches are the input itself, moved: stride 1, a map as large as the input's */
    size_t lanes; /* pixels of a group, rounded up to GATHER_PIXELS */
    uint8_t
        *inside; /* where moved, [taps][lanes]: all bits where the tap of an output pixel lies in the map */
    uint64_t *inside_bits; /* the same in bits: [taps][lanes / 64] */
} bso_product;

/* Returns 0 or BSO_ERROR when memory is out. */
int bso_product_create(bso_product *product, const bso_window *window, int outputs, int batch);
void bso_product_free(bso_product *product);

/* ---- forward ---- */

/* Can the input's counts be summed in bytes and 16 bits? Spikes and pooled spikes of up to 14,000 inputs. */
bool bso_product_forward_fits(const bso_product *product, const bso_signal *in);

/* y[o][(first + i) * area + p] = scale * sum over k of count[k of the patch at p] * w[o][k], for samples
 * first .. first+count-1 of n. in: packed counts, not bipolar; weights: [outputs][words]; y: [outputs][n *
 * area]. scratch: bso_product_forward_scratch bytes, aligned to 64. */
void bso_product_forward(const bso_product *product, float *y, const bso_signal *in, int n, int first,
                         int count, const uint64_t *weights, void *scratch);
size_t bso_product_forward_scratch(const bso_product *product, const bso_signal *in);

/* ---- data gradient ---- */

/* dx = W^T zeta for samples first .. first+count-1 of n. zeta: [outputs][n * area of the output]; dx:
 * [channels][n * area of the input]. */
void bso_product_data(const bso_product *product, float *dx, const float *zeta, int n, int first, int count,
                      const uint64_t *weights, void *scratch);
size_t bso_product_data_scratch(const bso_product *product); /* with errors in 8 bits, too */

/* ---- weight gradient ---- */

/* How the weight gradient is worked out; chosen by the share of active inputs, which is the same on every
 * machine. */
typedef enum {
    BSO_OPERAND_SGEMM,  /* by im2col and sgemm: patches are not the input moved */
    BSO_OPERAND_LOOKUP, /* spikes, many */
    BSO_OPERAND_GATHER  /* few active inputs, or values */
} bso_operand_kind;

/* What stands for the input in the weight gradient, and where it is not 0. */
typedef struct {
    const float *x; /* [channels][n * area] */
    uint64_t *bits; /* [channels][bso_operand_words]: bit 64 + p of a channel's row is x[p] != 0 */
    bool ones;      /* every x is 0 or 1 */
    double active;  /* share of x that is not 0 */
    bso_operand_kind kind;
    uint8_t *levels; /* for errors in 8 bits and values other than 0 and 1: [channels][n * area] */
    float grid;      /* level = x * grid */
    int largest;     /* of the levels */
} bso_operand;

/* Words of a channel's row of bits: there is a word of zeros before and behind. */
size_t bso_operand_words(const bso_product *product, int n);

/* Look at x, the operand of n samples: fills bits and the rest. Parallel over channels. */
void bso_operand_look(bso_operand *operand, const bso_product *product, const float *x, int n);

/* A piece of a layer's weight gradient: inputs k0 <= k < k1, all outputs, over samples first .. last-1 of n,
 * whole groups but for the last sample's. */
typedef struct {
    int n, first, last, k0, k1;
} bso_part;

/* gradient[k - k0][o] = sum over the samples and their pixels of x[input k of the patch] * zeta[o]. Not for
 * operands that go by sgemm. */
void bso_product_weight(const bso_product *product, float *gradient, const bso_operand *operand,
                        const float *zeta, bso_part part, void *scratch);
size_t bso_product_weight_scratch(const bso_product *product, int rows);

/* ---- errors in 8 bits (products_i8.c) ---- */

/* A layer's error signals, rounded at random to 8 bits. Twice, for the two products sum over different
 * things: the data gradient over channels, so that a scale must hold for all of a sample's; the weight
 * gradient over samples and pixels, so that every channel has its own. */
typedef struct {
    int8_t *by_sample;    /* [outputs][n * area] */
    float *sample_scale;  /* [n]: error = code * scale */
    int8_t *by_channel;   /* in blocks of 32 outputs, four pixels of a group side by side */
    float *channel_scale; /* [outputs] */
} bso_errors;

/* What the random numbers behind the rounding depend on. */
typedef struct {
    uint64_t seed, step; /* step: counts time steps of all updates */
    uint32_t layer;
} bso_rounding;

/* Can the products of a synapse take errors in 8 bits? */
bool bso_errors_fit(const bso_product *product);

/* Bytes of by_sample and by_channel for a batch. */
size_t bso_errors_sample_bytes(const bso_product *product, int batch);
size_t bso_errors_channel_bytes(const bso_product *product, int batch);

/* Round zeta, [outputs][n * area]; wants_input: the data gradient will be wanted. A scale is NaN or infinite
 * where an error is not finite; its codes are then 0. Parallel over channels. */
void bso_errors_round(bso_errors *errors, const bso_product *product, const float *zeta, int n,
                      bso_rounding rounding, bool wants_input);

/* Values as levels for bso_product_weight_i8, where there are others than 0 and 1. Returns 0, or BSO_ERROR
 * where one is no level. Parallel over channels. */
int bso_operand_levels(bso_operand *operand, const bso_product *product, int n);

/* As bso_product_data and bso_product_weight, from rounded errors; sums are exact. */
void bso_product_data_i8(const bso_product *product, float *dx, const bso_errors *errors, int n, int first,
                         int count, const uint64_t *weights, void *scratch);
void bso_product_weight_i8(const bso_product *product, float *gradient, const bso_operand *operand,
                           const bso_errors *errors, bso_part part, void *scratch);
size_t bso_product_weight_i8_scratch(const bso_product *product, int rows);

#endif
