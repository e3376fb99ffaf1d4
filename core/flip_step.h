/* flip_step.h: what the flip rules with one momentum and one threshold share: bso, and in baselines/
 * bso_reset and bop. Not part of the library's surface.
 *
 *     m <- (1 - rate) m + rate g
 *     flip every w with w m > threshold
 *
 * The keys of rate and threshold are those of BSO's paper in every rule: `one_minus_beta1` and `gamma`.
 */
#ifndef BSO_FLIP_STEP_H
#define BSO_FLIP_STEP_H

#include "core/momentum.h"

enum { FLIP_GAMMA, FLIP_ONE_MINUS_BETA1 };

/* Of bso and bso_reset; bop has its own. */
static const bso_hyper flip_hypers[] = {
    [FLIP_GAMMA] = {"gamma", 5e-7, 0, 1e6, 1e-8, 1e-4, BSO_FOLLOWS_FLIP,
                    "flip threshold: w flips where w * momentum exceeds it"},
    [FLIP_ONE_MINUS_BETA1] = {"one_minus_beta1", 1e-3, 1e-12, 1, 1e-3, 1e-1, BSO_FOLLOWS_FLIP,
                              "share of the new gradient in the momentum"},
    {0},
};

/* State: m. */
static inline size_t flip_state_bytes(const bso_param *p, int time_entries)
{
    (void)time_entries;
    return bso_momentum_bytes(p);
}

static inline void flip_tile(bso_learner *l, size_t first, size_t n, const bso_scalar *gradient)
{
    bso_momentum_update(l, first, n, gradient, l->hyper[FLIP_ONE_MINUS_BETA1]);
}

static inline void flip_end(bso_learner *l)
{
    l->flips = bso_momentum_flip(l, l->hyper[FLIP_GAMMA]);
}

static inline double flip_threshold(const bso_learner *l, int t)
{
    (void)t;
    return l->hyper[FLIP_GAMMA];
}

#endif
