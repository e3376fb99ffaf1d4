/* bso_reset.c: BSO that forgets the momentum of a weight when it flips the weight.
 *
 *     m <- beta m + (1 - beta) g
 *     where w m > gamma: w <- -w, m <- 0
 *
 * A weight that has just flipped has to earn its next flip from nothing, where under BSO its momentum still
 * holds it in place.
 *
 * Source: a variant in the code that the authors of BSO published (ICML 2025, arXiv 2511.12502), not in their
 * paper; docs/methods.md, 7.
 */
#include "core/flip_step.h"

static void end(bso_learner *l)
{
    l->flips = bso_momentum_flip_and_reset(l, l->hyper[FLIP_GAMMA]);
}

const bso_optimizer bso_optimizer_bso_reset = {
    .name = "bso_reset",
    .summary = "BSO whose momentum is set to 0 where a weight flips",
    .source = "a variant in the published code of BSO, ICML 2025 (arXiv 2511.12502)",
    .representation = BSO_REP_BITS,
    .hypers = flip_hypers,
    .state_bytes = flip_state_bytes,
    .tile = flip_tile,
    .end = end,
    .momentum = bso_momentum_read,
    .threshold = flip_threshold,
    .few_bits = true,
};
