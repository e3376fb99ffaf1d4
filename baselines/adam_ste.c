/* adam_ste.c: Adam on latent weights, the usual way to train a binary network: the gradient of the sign
 * moves the float weight behind it. Costs 12 bytes a weight where BSO costs 4.
 */
#include "baselines/adam_step.h"

static void tile(bso_learner *l, size_t first, size_t n, const float *gradient)
{
    adam_step(l, first, n, gradient, true, 0);
}

const bso_optimizer bso_optimizer_adam_ste = {
    .name = "adam_ste",
    .summary = "Adam on float latent weights, whose signs are used; straight-through gradient",
    .source = "Kingma and Ba, ICLR 2015; Hubara et al., NeurIPS 2016 (straight-through estimator)",
    .representation = BSO_REP_LATENT,
    .hypers = adam_hypers,
    .state_bytes = adam_state_bytes,
    .tile = tile,
    .end = straight_through_end,
    .momentum = bso_momentum_read,
};
