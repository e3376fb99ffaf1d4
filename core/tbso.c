/* tbso.c: T-BSO, BSO with a threshold that follows the gradient's second moment at each time step.
 *
 *     M    <- beta1 M + (1 - beta1) G               G: gradient of the weights at time step t
 *     v[t] <- beta2 v[t] + (1 - beta2) mean(G^2)    one scalar per parameter and time step
 *     flip every w with w M > gamma (sqrt(v[t] + eps) + eps_outside)
 *
 * Source: BSO: Binary Spiking Online Optimization Algorithm, ICML 2025 (arXiv 2511.12502). As in the paper
 * eps is inside the root and eps_outside is 0; the authors' code divides M by sqrt(v[t]) + 1e-10 instead,
 * which is eps = 0 and eps_outside = 1e-10.
 */
#include "core/momentum.h"

#include <math.h>

enum { GAMMA, ONE_MINUS_BETA1, ONE_MINUS_BETA2, EPS, EPS_OUTSIDE };

/* With the default beta2, v[t] has seen only a part of a short training: sqrt(v[t]) is about sqrt(k / 1e5) of
 * the gradients' root mean square after k updates, and the momentum of noise is sqrt((1 - beta1) / 2) of it.
 * Below 1e-3 gamma does not matter, above 3 next to nothing flips. */
static const bso_hyper hypers[] = {
    [GAMMA] = {"gamma", 5e-7, 0, 1e6, 1e-6, 1e-1, BSO_FOLLOWS_FLIP,
               "flip threshold in units of the gradient's root mean square"},
    [ONE_MINUS_BETA1] = {"one_minus_beta1", 1e-3, 1e-12, 1, 1e-3, 1e-1, BSO_FOLLOWS_FLIP,
                         "share of the new gradient in the momentum"},
    [ONE_MINUS_BETA2] = {"one_minus_beta2", 1e-5, 1e-12, 1, 0, 0, BSO_FOLLOWS_NOTHING,
                         "share of the new mean square in v[t]"},
    [EPS] = {"eps", 1e-20, 0, 1, 0, 0, BSO_FOLLOWS_NOTHING, "added to v[t] under the root"},
    [EPS_OUTSIDE] = {"eps_outside", 0, 0, 1, 0, 0, BSO_FOLLOWS_NOTHING, "added to the root"},
    {0},
};

/* State: M, then v, one double per time entry. */
static size_t state_bytes(const bso_param *p, int time_entries)
{
    return bso_momentum_bytes(p) + (size_t)time_entries * sizeof(double);
}

static double *second_moments(const bso_learner *l)
{
    return (double *)(void *)((char *)l->state + bso_momentum_bytes(l->param));
}

static double second_moment(const bso_learner *l, int t)
{
    return second_moments(l)[t];
}

static double threshold(const bso_learner *l, int t)
{
    return l->hyper[GAMMA] * (sqrt(second_moment(l, t) + l->hyper[EPS]) + l->hyper[EPS_OUTSIDE]);
}

static void tile(bso_learner *l, size_t first, size_t n, const bso_scalar *gradient)
{
    bso_momentum_update(l, first, n, gradient, l->hyper[ONE_MINUS_BETA1]);
    bso_sum_squares(l, first, n, gradient);
}

static void end(bso_learner *l)
{
    const double rate = l->hyper[ONE_MINUS_BETA2];
    double *v = second_moments(l) + l->t;
    *v = (1 - rate) * *v + rate * bso_mean_square(l);
    l->flips = bso_momentum_flip(l, threshold(l, l->t));
}

const bso_optimizer bso_optimizer_tbso = {
    .name = "tbso",
    .summary = "BSO with a threshold for each time step, scaled by the gradient's second moment there",
    .source = "BSO: Binary Spiking Online Optimization Algorithm, ICML 2025 (arXiv 2511.12502)",
    .representation = BSO_REP_BITS,
    .hypers = hypers,
    .state_bytes = state_bytes,
    .tile = tile,
    .end = end,
    .momentum = bso_momentum_read,
    .second_moment = second_moment,
    .threshold = threshold,
    .few_bits = true,
};
