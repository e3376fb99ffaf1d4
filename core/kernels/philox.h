/* philox.h: Philox 4x32-10 (Salmon et al. 2011) for many counters at once; the numbers are those of
 * bso_random, which takes them from Random123 one block at a time. Included by loops.c, once for each
 * instruction set.
 *
 * The generator multiplies 32 bits by 32 bits to 64. A vector of 64-bit lanes holds one word of as many
 * counters, and what is above a word's 32 bits is never looked at: a product is its low word as it is, and
 * its high word shifted down. Two vectors of counters go side by side, since each round waits for the one
 * before.
 */
#ifndef BSO_KERNELS_PHILOX_H
#define BSO_KERNELS_PHILOX_H

#include "core/kernels/isa.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <immintrin.h>
#endif

enum { PHILOX_LANES = VECTOR / (int)sizeof(uint64_t) };
#if defined __AVX512F__
#define PHILOX_EVEN 0, 8, 2, 10, 4, 12, 6, 14
#define PHILOX_ODD  1, 9, 3, 11, 5, 13, 7, 15
#elif defined __AVX2__
#define PHILOX_EVEN 0, 4, 2, 6
#define PHILOX_ODD  1, 5, 3, 7
#else
#define PHILOX_EVEN 0, 2
#define PHILOX_ODD  1, 3
#endif

enum { PHILOX_SIDE_BY_SIDE = 2, PHILOX_BLOCKS = PHILOX_LANES * PHILOX_SIDE_BY_SIDE };

typedef uint64_t philox_vector __attribute__((vector_size(8 * PHILOX_LANES)));

/* Low 32 bits times low 32 bits, in each lane. gcc does not find the instruction by itself. */
#if defined __AVX512F__
#define PHILOX_MULTIPLY(x, y) ((philox_vector)_mm512_mul_epu32((__m512i)(x), (__m512i)(y)))
#elif defined __AVX2__
#define PHILOX_MULTIPLY(x, y) ((philox_vector)_mm256_mul_epu32((__m256i)(x), (__m256i)(y)))
#elif defined __SSE2__
#define PHILOX_MULTIPLY(x, y) ((philox_vector)_mm_mul_epu32((__m128i)(x), (__m128i)(y)))
#else
#define PHILOX_MULTIPLY(x, y) (((x)&UINT32_MAX) * ((y)&UINT32_MAX))
#endif

/* words [4 * PHILOX_BLOCKS] */
static inline void philox_blocks(uint32_t *words, uint64_t seed, uint32_t purpose, uint32_t a, uint64_t b)
{
    const philox_vector zero = {0}, first = zero + UINT32_C(0xD2511F53), second = zero + UINT32_C(0xCD9E8D57);
    philox_vector x[4][PHILOX_SIDE_BY_SIDE], lane = {0};
    /* In this order of lanes the words come out in theirs: even lanes are the first half. */
    for (int i = 0; i < PHILOX_LANES; i++) lane[i] = (uint64_t)(i / 2 + i % 2 * PHILOX_LANES / 2);
    for (int side = 0; side < PHILOX_SIDE_BY_SIDE; side++) {
        const philox_vector counter = lane + (b + (uint64_t)(side * PHILOX_LANES));
        x[0][side] = counter;
        x[1][side] = counter >> 32;
        x[2][side] = zero + a;
        x[3][side] = zero + purpose;
    }
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    for (int round = 0; round < 10; round++) {
        for (int side = 0; side < PHILOX_SIDE_BY_SIDE; side++) {
            const philox_vector p = PHILOX_MULTIPLY(x[0][side], first);
            const philox_vector q = PHILOX_MULTIPLY(x[2][side], second);
            x[0][side] = q >> 32 ^ x[1][side] ^ key[0];
            x[1][side] = q;
            x[2][side] = p >> 32 ^ x[3][side] ^ key[1];
            x[3][side] = p;
        }
        key[0] += UINT32_C(0x9E3779B9);
        key[1] += UINT32_C(0xBB67AE85);
    }
    for (int side = 0; side < PHILOX_SIDE_BY_SIDE; side++) {
        const philox_vector s = (x[0][side] & UINT32_MAX) | x[1][side] << 32;
        const philox_vector t = (x[2][side] & UINT32_MAX) | x[3][side] << 32;
        const philox_vector low = __builtin_shufflevector(s, t, PHILOX_EVEN);
        const philox_vector high = __builtin_shufflevector(s, t, PHILOX_ODD);
        memcpy(words, &low, sizeof low);
        memcpy(words + 2 * PHILOX_LANES, &high, sizeof high);
        words += 4 * PHILOX_LANES;
    }
}

static void random_words(uint32_t *words, size_t n, uint64_t seed, uint32_t purpose, uint32_t a, uint64_t b)
{
    enum { WORDS = 4 * PHILOX_BLOCKS };
    for (; n >= WORDS; n -= WORDS, words += WORDS, b += PHILOX_BLOCKS) {
        philox_blocks(words, seed, purpose, a, b);
    }
    if (!n) return;
    uint32_t rest[WORDS];
    philox_blocks(rest, seed, purpose, a, b);
    memcpy(words, rest, n * sizeof *words);
}

#endif
