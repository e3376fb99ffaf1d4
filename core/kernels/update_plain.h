/* update_plain.h: what the kernels of an update compute, one element after the other, over bso_scalar.
 * reference.c makes them its entries; the copy of the rules in double precision, for which there are no
 * kernels, runs them (core/scalars.h).
 */
#ifndef BSO_KERNELS_UPDATE_PLAIN_H
#define BSO_KERNELS_UPDATE_PLAIN_H

#include "core/optimizer.h"

/* x - x is 0 for finite x and NaN for the others, so no combination of values can hide one. */
static inline bool plain_finite(const bso_scalar *x, size_t n)
{
    unsigned bad = 0;
    for (size_t i = 0; i < n; i++) bad |= x[i] - x[i] != 0;
    return !bad;
}

static inline void plain_moving_average(bso_scalar *m, const bso_scalar *g, size_t n, bso_scalar keep,
                                        bso_scalar take)
{
    for (size_t i = 0; i < n; i++) m[i] = keep * m[i] + take * g[i];
}

static inline void plain_sum_squares(double *sums, const bso_scalar *g, size_t blocks, size_t length)
{
    for (size_t b = 0; b < blocks; b++, g += length, sums += BSO_PARTIAL) {
        for (size_t i = 0; i < length; i++) sums[i % BSO_PARTIAL] += (double)g[i] * (double)g[i];
    }
}

static inline void plain_beyond(uint32_t *above, uint32_t *below, const bso_scalar *m, size_t stride,
                                int rows, size_t n, int bit, bso_scalar limit)
{
    for (int k = 0; k < rows; k++, m += stride) {
        const uint32_t mask = UINT32_C(1) << (bit + k);
        for (size_t i = 0; i < n; i++) {
            above[i] |= m[i] > limit ? mask : 0;
            below[i] |= m[i] < -limit ? mask : 0;
        }
    }
}

#endif
