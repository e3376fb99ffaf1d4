/* scalar.h: one element of each kernel, shared by every path, so that all give the same bits. Internal to
 * core/kernels. */
#ifndef BSO_KERNELS_SCALAR_H
#define BSO_KERNELS_SCALAR_H

#include "core/kernels.h"

typedef union {
    int32_t bits;
    float value;
} scalar_word;

/* exp(-|x|), relative error below 2e-7 for |x| <= 87; from there on it stays at exp(-87), 1.6e-38. Cephes'
 * scheme (Moshier 1989):
 * -|x| = n ln 2 + r and a polynomial in r. The limit is taken on the integer image of |x|, which is ordered
 * as |x| is: compilers split a loop in two at a floating-point limit and then do not vectorise it. */
static inline float scalar_exp_negative(float x)
{
    scalar_word magnitude = {.value = x}, limit = {.value = 87.0f};
    magnitude.bits &= 0x7fffffff;
    magnitude.bits = magnitude.bits < limit.bits ? magnitude.bits : limit.bits;
    float minus = -magnitude.value;
    int32_t n = (int32_t)(minus * 1.44269504088896341f - 0.5f);
    float r = minus - (float)n * 0.693359375f;
    r = r + (float)n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    scalar_word power = {.bits = (n + 127) * (1 << 23)};
    return p * power.value;
}

/* alpha sig(alpha x) (1 - sig(alpha x)), alpha = 4 (docs/methods.md, 1); even in x. */
static inline float scalar_surrogate_sigmoid(float x)
{
    float e = scalar_exp_negative(4.0f * x);
    float d = 1.0f + e;
    return 4.0f * e / (d * d);
}

static inline float scalar_surrogate_rectangular(float x)
{
    return x <= 0.5f && x >= -0.5f ? 1.0f : 0.0f;
}

static inline float scalar_surrogate_clip(float x)
{
    return x <= 1.0f && x >= -1.0f ? 1.0f : 0.0f;
}

/* What a neuron carries from a step to the next, over what it carried into this one. Within rounding of 0 the
 * quotient says nothing, hence the guard. */
static inline float scalar_ratio(float u, float u_previous, float leak, float threshold, float reset)
{
    float now = u - (u >= threshold ? reset : 0.0f);
    float before = u_previous - (u_previous >= threshold ? reset : 0.0f);
    float mu = now / before;
    mu = mu > leak ? leak : mu;
    mu = mu < -leak ? -leak : mu;
    return before < 1e-6f && before > -1e-6f ? leak : mu;
}

/* ---- Momentum in few bits (core/momentum.h): code * scale, |code| <= 2^(bits - 1) - 1 */

/* |x| as an integer; its order is that of |x|, with what is not finite at the end. */
static inline uint32_t scalar_magnitude(float x)
{
    const scalar_word word = {.value = x};
    return (uint32_t)word.bits & UINT32_C(0x7fffffff);
}

/* The scale of a block whose largest magnitude that is: it gets the largest code. At least 2^-126, so that
 * its inverse is a float; 0 for a block of zeros, infinity where something is not finite. */
static inline float scalar_code_scale(uint32_t largest, int bits)
{
    const scalar_word x = {.bits = (int32_t)largest};
    if (!largest) return 0;
    if (x.bits >= 0x7f800000) return __builtin_inff();
    const float scale = x.value / (float)((1 << (bits - 1)) - 1);
    return scale > 0x1p-126f ? scale : 0x1p-126f;
}

/* x / scale rounded to one of the two integers beside it, the upper with the probability of x's distance from
 * the lower (to 2^-31). */
static inline int32_t scalar_code(float x, float inverse, uint32_t word, int32_t most)
{
    const scalar_word magnitude = {.bits = (int32_t)scalar_magnitude(x)};
    const float size = magnitude.value * inverse;
    int32_t code = (int32_t)size;
    const int32_t chance = (int32_t)((size - (float)code) * 0x1p31f);
    code += (int32_t)(word >> 1) < chance ? 1 : 0;
    code = code < most ? code : most; /* the largest may exceed it by a rounding */
    return x < 0 ? -code : code;
}

static inline float scalar_lif(float u_previous, float current, float leak, float threshold)
{
    float reset = u_previous >= threshold ? threshold : 0.0f;
    return leak * (u_previous - reset) + current;
}

#endif
