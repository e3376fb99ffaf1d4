/* random.c: see random.h. */
#include "core/random.h"

#include "core/kernels.h"

#include <math.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <Random123/philox.h>
#pragma GCC diagnostic pop

bso_random4 bso_random(uint64_t seed, bso_random_purpose purpose, uint32_t a, uint64_t b)
{
    philox4x32_ctr_t counter = {{(uint32_t)b, (uint32_t)(b >> 32), a, (uint32_t)purpose}};
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t r = philox4x32(counter, key);
    return (bso_random4){{r.v[0], r.v[1], r.v[2], r.v[3]}};
}

void bso_random_words(uint32_t *words, size_t n, uint64_t seed, bso_random_purpose purpose, uint32_t a,
                      uint64_t b)
{
    bso_kernel->random_words(words, n, seed, (uint32_t)purpose, a, b);
}

static uint64_t joined(uint32_t low, uint32_t high)
{
    return (uint64_t)high << 32 | low;
}

static double unit(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}

double bso_random_uniform(uint64_t seed, bso_random_purpose purpose, uint32_t a, uint64_t b)
{
    bso_random4 r = bso_random(seed, purpose, a, b);
    return unit(joined(r.word[0], r.word[1]));
}

double bso_random_normal(uint64_t seed, bso_random_purpose purpose, uint32_t a, uint64_t b)
{
    bso_random4 r = bso_random(seed, purpose, a, b);
    double u = 1.0 - unit(joined(r.word[0], r.word[1])); /* in (0, 1], so that the logarithm is finite */
    double angle = 6.283185307179586476925 * unit(joined(r.word[2], r.word[3]));
    return sqrt(-2.0 * log(u)) * cos(angle);
}

uint64_t bso_random_below(uint64_t seed, bso_random_purpose purpose, uint32_t a, uint64_t b, uint64_t n)
{
    bso_random4 r = bso_random(seed, purpose, a, b);
    return (uint64_t)(((unsigned __int128)joined(r.word[0], r.word[1]) * n) >> 64);
}

void bso_random_mix(uint32_t *items, size_t n, uint64_t seed, bso_random_purpose purpose, uint32_t a)
{
    for (size_t i = n; i-- > 1;) {
        size_t k = (size_t)bso_random_below(seed, purpose, a, i, i + 1);
        uint32_t kept = items[i];
        items[i] = items[k];
        items[k] = kept;
    }
}
