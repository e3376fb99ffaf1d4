/* bop.c: Bop, the first optimizer of binary networks without latent weights.
 *
 *     m <- (1 - rate) m + rate g
 *     flip every w with w m > threshold
 *
 * Names: the threshold is the key `gamma` and the rate is `one_minus_beta1`, as in every flip rule here. The
 * paper calls the threshold tau, and the rate (the adaptivity rate) gamma.
 *
 * With equal settings the formula is BSO's. What tells the two apart is when they update and what decays: Bop
 * was made for one update a batch (`update=accumulated`) and BSO for one at each time step, and as in its
 * paper Bop's threshold is constant and its rate alone decays, where BSO's decay both.
 *
 * Source: Helwegen et al., "Latent Weights Do Not Exist: Rethinking Binarized Neural Network Optimization",
 * NeurIPS 2019.
 */
#include "core/flip_step.h"

static const bso_hyper hypers[] = {
    [FLIP_GAMMA] = {"gamma", 1e-8, 0, 1e6, 1e-8, 1e-4, BSO_FOLLOWS_NOTHING,
                    "flip threshold (the paper's tau): w flips where w * momentum exceeds it"},
    [FLIP_ONE_MINUS_BETA1] = {"one_minus_beta1", 1e-4, 1e-12, 1, 1e-3, 1e-1, BSO_FOLLOWS_FLIP,
                              "adaptivity rate (the paper's gamma): share of the new gradient"},
    {0},
};

const bso_optimizer bso_optimizer_bop = {
    .name = "bop",
    .summary = "Bop: BSO's formula with a threshold that does not decay",
    .source = "Helwegen et al., Latent Weights Do Not Exist, NeurIPS 2019",
    .representation = BSO_REP_BITS,
    .hypers = hypers,
    .state_bytes = flip_state_bytes,
    .tile = flip_tile,
    .end = flip_end,
    .momentum = bso_momentum_read,
    .threshold = flip_threshold,
    .few_bits = true,
};
