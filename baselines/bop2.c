/* bop2.c: Bop with a second moment (Bop2ndOrder), biased version: no correction of the moments' start at 0.
 *
 *     m <- (1 - rate) m + rate g,     v <- (1 - sigma) v + sigma g^2         one m and one v per weight
 *     flip every w with w m / (sqrt(v) + eps) > threshold
 *
 * Names: the threshold is the key `gamma`, the rate `one_minus_beta1` and sigma `one_minus_beta2`, as in
 * every flip rule here; the paper calls them tau, gamma and sigma. As in bop.c the threshold is constant and
 * the rate decays. Costs 8 bytes a weight, twice what Bop and BSO cost; T-BSO's v is one number for a whole
 * layer.
 *
 * Source: Suarez-Ramirez et al., "A Bop and Beyond: A Second Order Optimizer for Binarized Neural Networks",
 * CVPR workshops 2021 (arXiv 2104.05124).
 */
#include "core/momentum.h"

enum { GAMMA, ONE_MINUS_BETA1, ONE_MINUS_BETA2, EPS };

/* m / sqrt(v) is a number without unit, about sqrt(rate / 2) for gradients that are noise. */
static const bso_hyper hypers[] = {
    [GAMMA] = {"gamma", 1e-6, 0, 1e6, 1e-4, 1, BSO_FOLLOWS_NOTHING,
               "flip threshold (the paper's tau) in units of the weight's own root mean square gradient"},
    [ONE_MINUS_BETA1] = {"one_minus_beta1", 1e-7, 1e-12, 1, 1e-3, 1e-1, BSO_FOLLOWS_FLIP,
                         "adaptivity rate (the paper's gamma): share of the new gradient"},
    [ONE_MINUS_BETA2] = {"one_minus_beta2", 1e-3, 1e-12, 1, 0, 0, BSO_FOLLOWS_NOTHING,
                         "share of the new squared gradient in v (the paper's sigma)"},
    [EPS] = {"eps", 1e-10, 1e-30, 1, 0, 0, BSO_FOLLOWS_NOTHING, "added to the root of v"},
    {0},
};

/* State: m, then v, each one scalar per weight. */
static size_t state_bytes(const bso_param *p, int time_entries)
{
    (void)time_entries;
    return 2 * bso_param_count(p) * sizeof(bso_scalar);
}

static bso_scalar *second_moments(const bso_learner *l)
{
    return (bso_scalar *)l->state + bso_param_count(l->param);
}

static void tile(bso_learner *l, size_t first, size_t n, const bso_scalar *gradient)
{
    const double rate = l->hyper[ONE_MINUS_BETA2];
    const bso_scalar keep = (bso_scalar)(1 - rate), take = (bso_scalar)rate;
    bso_scalar *v = second_moments(l) + first;
    bso_moving_average((bso_scalar *)l->state + first, gradient, n, l->hyper[ONE_MINUS_BETA1]);
    for (size_t i = 0; i < n; i++) v[i] = keep * v[i] + take * (gradient[i] * gradient[i]);
    bso_expect_finite(l, BSO_SECOND_MOMENT, v, n);
}

static void end(bso_learner *l)
{
    l->flips = bso_flip_above_scaled(l->param, l->state, second_moments(l), l->hyper[EPS], l->hyper[GAMMA]);
}

const bso_optimizer bso_optimizer_bop2 = {
    .name = "bop2",
    .summary = "Bop with the momentum divided by the root of each weight's second moment",
    .source = "Suarez-Ramirez et al., A Bop and Beyond, CVPR workshops 2021 (arXiv 2104.05124)",
    .representation = BSO_REP_BITS,
    .hypers = hypers,
    .state_bytes = state_bytes,
    .tile = tile,
    .end = end,
    .momentum = bso_momentum_read,
};
