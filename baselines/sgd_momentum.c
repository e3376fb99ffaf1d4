/* sgd_momentum.c: gradient descent with momentum on full-precision weights; the formula is in sgd_step.h. */
#include "baselines/sgd_step.h"

static const bso_hyper hypers[] = {SGD_HYPER_WEIGHT_LR(1e-2, 1e2), SGD_HYPER_MOMENTUM, {0}};

static void tile(bso_learner *l, size_t first, size_t n, const float *gradient)
{
    sgd_step(l, first, n, gradient, false, true);
}

const bso_optimizer bso_optimizer_sgd_momentum = {
    .name = "sgd_momentum",
    .summary = "gradient descent with momentum (heavy ball) on float weights",
    .source = "Polyak 1964",
    .representation = BSO_REP_FLOAT,
    .hypers = hypers,
    .state_bytes = sgd_momentum_state_bytes,
    .tile = tile,
    .momentum = bso_momentum_read,
};
