/* bso.c: BSO, the flip rule without latent weights and without time.
 *
 *     M <- beta M + (1 - beta) G                 G: gradient of the weights at this time step
 *     flip every w with w M > gamma
 *
 * Source: BSO: Binary Spiking Online Optimization Algorithm, ICML 2025 (arXiv 2511.12502). The variant that
 * clears the momentum of a flipped weight is another rule, not this one.
 */
#include "core/optimizer.h"

enum { GAMMA, ONE_MINUS_BETA1 };

static const bso_hyper hypers[] = {
    [GAMMA] = {"gamma", 5e-7, 0, 1e6, 1e-9, 1e-3, BSO_FOLLOWS_FLIP,
               "flip threshold: w flips where w * momentum exceeds it"},
    [ONE_MINUS_BETA1] = {"one_minus_beta1", 1e-3, 1e-12, 1, 1e-4, 1e-1, BSO_FOLLOWS_FLIP,
                         "share of the new gradient in the momentum"},
    {0},
};

static size_t state_bytes(const bso_param *p, int time_entries)
{
    (void)time_entries;
    return bso_param_count(p) * sizeof(bso_scalar);
}

static void tile(bso_learner *l, size_t first, size_t n, const bso_scalar *gradient)
{
    bso_moving_average((bso_scalar *)l->state + first, gradient, n, l->hyper[ONE_MINUS_BETA1]);
}

static void end(bso_learner *l)
{
    l->flips = bso_flip_above(l->param, l->state, l->hyper[GAMMA]);
}

static const bso_scalar *momentum(const bso_learner *l)
{
    return l->state;
}

static double threshold(const bso_learner *l, int t)
{
    (void)t;
    return l->hyper[GAMMA];
}

const bso_optimizer bso_optimizer_bso = {
    .name = "bso",
    .summary = "flips one-bit weights where w * momentum > gamma; no latent weights",
    .source = "BSO: Binary Spiking Online Optimization Algorithm, ICML 2025 (arXiv 2511.12502)",
    .representation = BSO_REP_BITS,
    .hypers = hypers,
    .state_bytes = state_bytes,
    .tile = tile,
    .end = end,
    .momentum = momentum,
    .threshold = threshold,
};
