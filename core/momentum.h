/* momentum.h: the momentum of a rule on bits, in scalars or in codes of 8 or 16 bits, and the flips that it
 * decides.
 *
 * A rule that keeps its momentum by these functions works with either; it says so with .few_bits = true, or
 * momentum_bits=8 and 16 are refused. The momentum is the first part of its state.
 *
 * In codes (param->momentum_bits 8 or 16), BSO_MOMENTUM_BLOCK weights in the order of their index share a
 * scale: m = code * scale. Every update rounds the new momentum at random to one of the two codes beside it
 * so that its mean is exact: an average with a rate of 1e-3 and less moves by less than a code most of the
 * time, and rounding to nearest would lose all of that. The scale of a block gives the largest of its new
 * momenta the largest code. The rule compares and shows the momentum that the codes stand for. The numbers
 * behind the rounding are a function of seed, parameter, update and weight, so that any tiling and any number
 * of threads give the same bits (docs/methods.md, 7).
 */
#ifndef BSO_MOMENTUM_H
#define BSO_MOMENTUM_H

#include "core/optimizer.h"

/* Bytes of the momentum as the first part of a state, up to where doubles can follow. */
size_t bso_momentum_bytes(const bso_param *p);

/* For a rule's tile: m <- (1 - rate) m + rate g; 1 - rate is computed in double and rounded once. */
void bso_momentum_update(bso_learner *l, size_t first, size_t n, const bso_scalar *gradient, double rate);

/* m[0 .. n-1] <- the momentum of weights first .. first+n-1. A rule's `momentum`, also where the state begins
 * with scalars that it keeps in another way. */
void bso_momentum_read(const bso_learner *l, size_t first, size_t n, bso_scalar *m);

/* For a rule's end: flip every weight with w * M > threshold (ties do not flip). Returns the number of flips.
 * Uses the threads of an OpenMP parallel loop. */
uint64_t bso_momentum_flip(bso_learner *l, double threshold);

/* The same, and M <- 0 where a weight flips. */
uint64_t bso_momentum_flip_and_reset(bso_learner *l, double threshold);

#endif
