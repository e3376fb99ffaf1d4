/* sgd_ste.c: plain gradient descent on latent weights, the cheapest of the latent-weight rules: it keeps
 * nothing but the float weight itself.
 */
#include "baselines/sgd_step.h"

static const bso_hyper hypers[] = {SGD_HYPER_WEIGHT_LR(1e-1, 1e3), {0}};

static void tile(bso_learner *l, size_t first, size_t n, const float *gradient)
{
    sgd_step(l, first, n, gradient, true, false);
}

const bso_optimizer bso_optimizer_sgd_ste = {
    .name = "sgd_ste",
    .summary =
        "plain gradient descent on float latent weights, whose signs are used; straight-through gradient",
    .source = "Robbins and Monro 1951; Hubara et al., NeurIPS 2016 (straight-through estimator)",
    .representation = BSO_REP_LATENT,
    .hypers = hypers,
    .state_bytes = sgd_state_bytes,
    .tile = tile,
    .end = straight_through_end,
};
