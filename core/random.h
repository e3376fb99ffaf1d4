/* random.h: counter-based random numbers (Random123's Philox 4x32-10; Salmon et al. 2011).
 *
 * There is no generator state: a number is a function of (seed, purpose, a, b), so any thread can draw any
 * number in any order and a run can be repeated from its log alone.
 */
#ifndef BSO_RANDOM_H
#define BSO_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* What a number is used for. Values are written into nothing, but changing one changes every result. */
typedef enum {
    BSO_RANDOM_INIT = 1,    /* a = parameter ordinal, b = weight index */
    BSO_RANDOM_SHUFFLE = 2, /* a = epoch, b = position */
    BSO_RANDOM_AUGMENT = 3, /* a = epoch, b = sample index, then draw number */
    BSO_RANDOM_TEST = 4,    /* for tests and generators */
    BSO_RANDOM_TUNE = 5,    /* a = method and key, b = trial */
    BSO_RANDOM_SPLIT = 6,   /* which samples make the test set: a = class, b = position */
    BSO_RANDOM_MAKE = 7,    /* stand-ins; a and b are their makers' */
    BSO_RANDOM_REGRET =
        8, /* problems of core/regret_problem.c: a = what, family and d, b = round and position */
    BSO_RANDOM_MOMENTUM = 9, /* rounding of core/momentum.c: a = parameter ordinal, b = update and weight */
    BSO_RANDOM_ERRORS = 10 /* rounding of core/products_i8.c: a = layer and scale, b = time step and error */
} bso_random_purpose;

/* Four independent 32-bit words. */
typedef struct {
    uint32_t word[4];
} bso_random4;

bso_random4 bso_random(uint64_t seed, bso_random_purpose purpose, uint32_t a, uint64_t b);

/* Many at once, several times as fast: words[i] = word i % 4 of bso_random(seed, purpose, a, b + i / 4), i <
 * n.
 */
void bso_random_words(uint32_t *words, size_t n, uint64_t seed, bso_random_purpose purpose, uint32_t a,
                      uint64_t b);

/* A uniform double in [0, 1), from 53 bits; word 0 and 1 of the block. */
double bso_random_uniform(uint64_t seed, bso_random_purpose purpose, uint32_t a, uint64_t b);

/* A standard normal double (Box and Muller 1958), from one block. */
double bso_random_normal(uint64_t seed, bso_random_purpose purpose, uint32_t a, uint64_t b);

/* An integer in 0..n-1 (n >= 1), by multiplication; the bias is below n / 2^64. */
uint64_t bso_random_below(uint64_t seed, bso_random_purpose purpose, uint32_t a, uint64_t b, uint64_t n);

/* Bring n items into a random order (Fisher and Yates, from the last position down): number b = position. */
void bso_random_mix(uint32_t *items, size_t n, uint64_t seed, bso_random_purpose purpose, uint32_t a);

#endif
