/* adam.c: Adam on full-precision weights. Not for one-bit ones: see adam_ste.c. */
#include "baselines/adam_step.h"

static void tile(bso_learner *l, size_t first, size_t n, const float *gradient)
{
    adam_step(l, first, n, gradient, false, 0);
}

const bso_optimizer bso_optimizer_adam = {
    .name = "adam",
    .summary = "Adam on float weights",
    .source = "Kingma and Ba, ICLR 2015",
    .representation = BSO_REP_FLOAT,
    .hypers = adam_hypers,
    .state_bytes = adam_state_bytes,
    .tile = tile,
    .momentum = bso_momentum_read,
};
