/* sgd_momentum_ste.c: gradient descent with momentum on latent weights; the formula is in sgd_step.h. Where a
 * latent weight's gradient is cut off its momentum fades but still moves it.
 */
#include "baselines/sgd_step.h"

static const bso_hyper hypers[] = {SGD_HYPER_WEIGHT_LR(1e-1, 3e2), SGD_HYPER_MOMENTUM, {0}};

static void tile(bso_learner *l, size_t first, size_t n, const float *gradient)
{
    sgd_step(l, first, n, gradient, true, true);
}

const bso_optimizer bso_optimizer_sgd_momentum_ste = {
    .name = "sgd_momentum_ste",
    .summary = "gradient descent with momentum (heavy ball) on float latent weights, whose signs are used; "
               "straight-through gradient",
    .source = "Polyak 1964; Hubara et al., NeurIPS 2016 (straight-through estimator)",
    .representation = BSO_REP_LATENT,
    .hypers = hypers,
    .state_bytes = sgd_momentum_state_bytes,
    .tile = tile,
    .end = straight_through_end,
    .momentum = bso_momentum_read,
};
