/* straight_through.h: what the latent-weight rules share. Not part of the library's surface.
 *
 * A float latent weight stands behind each bit; the forward pass uses its sign, and the gradient passes
 * straight through the sign where |w| <= 1 (Bengio et al. 2013; Hubara et al. 2016, "Binarized Neural
 * Networks").
 */
#ifndef BSO_STRAIGHT_THROUGH_H
#define BSO_STRAIGHT_THROUGH_H

#include "core/optimizer.h"

#include <math.h>

/* Gradient of the latent weight, from the gradient of its sign. */
static inline float straight_through(float w, float gradient)
{
    return fabsf(w) <= 1 ? gradient : 0;
}

/* The `end` of every latent rule: the bits follow the latent weights. */
static inline void straight_through_end(bso_learner *l)
{
    l->flips = bso_param_sign(l->param);
}

#endif
