/* adamw_ste.c: Adam with decoupled weight decay on latent weights; the formula is in adam_step.h. The decay
 * pulls latent weights towards 0, where their signs change more easily, and back into [-1, 1], outside of
 * which the straight-through gradient is cut off.
 */
#include "baselines/adam_step.h"

static void tile(bso_learner *l, size_t first, size_t n, const float *gradient)
{
    adam_step(l, first, n, gradient, true, l->hyper[ADAM_WEIGHT_DECAY]);
}

const bso_optimizer bso_optimizer_adamw_ste = {
    .name = "adamw_ste",
    .summary = "Adam with decoupled weight decay on float latent weights, whose signs are used; "
               "straight-through gradient",
    .source = "Loshchilov and Hutter, ICLR 2019; Hubara et al., NeurIPS 2016 (straight-through estimator)",
    .representation = BSO_REP_LATENT,
    .hypers = adamw_hypers,
    .state_bytes = adam_state_bytes,
    .tile = tile,
    .end = straight_through_end,
    .momentum = bso_momentum_read,
};
