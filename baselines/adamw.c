/* adamw.c: Adam with decoupled weight decay on full-precision weights; the formula is in adam_step.h. Not for
 * one-bit ones: see adamw_ste.c.
 */
#include "baselines/adam_step.h"

static void tile(bso_learner *l, size_t first, size_t n, const float *gradient)
{
    adam_step(l, first, n, gradient, false, l->hyper[ADAM_WEIGHT_DECAY]);
}

const bso_optimizer bso_optimizer_adamw = {
    .name = "adamw",
    .summary = "Adam with decoupled weight decay on float weights",
    .source = "Loshchilov and Hutter, ICLR 2019",
    .representation = BSO_REP_FLOAT,
    .hypers = adamw_hypers,
    .state_bytes = adam_state_bytes,
    .tile = tile,
    .momentum = bso_momentum_read,
};
