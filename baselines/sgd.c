/* sgd.c: plain gradient descent on full-precision weights, without momentum or weight decay. It also trains
 * what is full precision under every method: first and last synapse, convolutions in shortcuts, batch norm.
 */
#include "baselines/sgd_step.h"

static const bso_hyper hypers[] = {SGD_HYPER_WEIGHT_LR(1e-1, 1e2), {0}};

static void tile(bso_learner *l, size_t first, size_t n, const float *gradient)
{
    sgd_step(l, first, n, gradient, false, false);
}

const bso_optimizer bso_optimizer_sgd = {
    .name = "sgd",
    .summary = "plain gradient descent on float weights; trains what is full precision under every method",
    .source = "Robbins and Monro 1951",
    .representation = BSO_REP_FLOAT,
    .hypers = hypers,
    .state_bytes = sgd_state_bytes,
    .tile = tile,
};
