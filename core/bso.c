/* bso.c: BSO, the flip rule without latent weights and without time.
 *
 *     M <- beta M + (1 - beta) G                 G: gradient of the weights at this time step
 *     flip every w with w M > gamma
 *
 * Source: BSO: Binary Spiking Online Optimization Algorithm, ICML 2025 (arXiv 2511.12502). The variant that
 * clears the momentum of a flipped weight is another rule, bso_reset.
 */
#include "core/flip_step.h"

const bso_optimizer bso_optimizer_bso = {
    .name = "bso",
    .summary = "flips one-bit weights where w * momentum > gamma; no latent weights",
    .source = "BSO: Binary Spiking Online Optimization Algorithm, ICML 2025 (arXiv 2511.12502)",
    .representation = BSO_REP_BITS,
    .hypers = flip_hypers,
    .state_bytes = flip_state_bytes,
    .tile = flip_tile,
    .end = flip_end,
    .momentum = bso_momentum_read,
    .threshold = flip_threshold,
    .few_bits = true,
};
