/* scalar.h: one element of each kernel, shared by every path, so that all give the same bits. Internal to
 * core/kernels. */
#ifndef BSO_KERNELS_SCALAR_H
#define BSO_KERNELS_SCALAR_H

#include "core/kernels.h"

typedef union {
    uint32_t bits;
    float value;
} scalar_word;

/* 2^-t, 0 <= t <= 125: -t = f - n, |f| <= 1/2, and a polynomial for 2^f, of degree 5 and least relative
 * error, 7.5e-8 (by Remez' exchange), in pairs, which is a shorter way from t to the result than one term
 * after the other. Added to 1.5 * 2^23, t is rounded to the integer n in the last bits; from there n goes
 * into the exponent.
 */
static inline float scalar_power_of_half(float t)
{
    const float integers = 12582912.0f;
    scalar_word n = {.value = t + integers};
    float f = (n.value - integers) - t, square = f * f;
    float low = 1.00000012f + 6.93146944e-1f * f, middle = 2.40221202e-1f + 5.55071309e-2f * f;
    float high = 9.67554096e-3f + 1.32764725e-3f * f;
    scalar_word power = {.value = low + square * (middle + square * high)};
    power.bits -= n.bits << 23;
    return power.value;
}

/* alpha sig(alpha x) (1 - sig(alpha x)), alpha = 4 (docs/methods.md, 1); even in x: 4 e / (1 + e)^2, e =
 * exp(-4 |x|). Relative error below 5e-7 (1 + |x|), the second part from the rounding of t. From |x| = 21.7
 * on it stays at 1e-37, so that nothing is denormal. That limit is taken on the integer image of t, which is
 * ordered as t is: compilers split a loop in two at a floating-point limit and then do not vectorise it. */
static inline float scalar_surrogate_sigmoid(float x)
{
    scalar_word t = {.value = x * 5.77078016f /* 4 / ln 2 */};
    const scalar_word limit = {.value = 125.0f};
    t.bits &= 0x7fffffff;
    t.bits = t.bits < limit.bits ? t.bits : limit.bits;
    float e = scalar_power_of_half(t.value), d = 1.0f + e;
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
