/* sgd.c: plain gradient descent on full-precision weights, without momentum or weight decay. It also trains
 * the first and the last synapse and batch norm under every method.
 */
#include "baselines/sgd_step.h"

static const bso_hyper hypers[] = {SGD_HYPER_WEIGHT_LR(1e-1, 1e2), {0}};

static void tile(bso_learner *l, size_t first, size_t n, const float *gradient)
{
    sgd_step(l, first, n, gradient, false, false);
}

const bso_optimizer bso_optimizer_sgd = {
    .name = "sgd",
    .summary =
        "plain gradient descent on float weights; trains first conv, last FC, batch norm under every method",
    .source = "Robbins and Monro 1951",
    .representation = BSO_REP_FLOAT,
    .hypers = hypers,
    .state_bytes = sgd_state_bytes,
    .tile = tile,
};
