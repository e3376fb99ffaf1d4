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

static inline float scalar_lif(float u_previous, float current, float leak, float threshold)
{
    float reset = u_previous >= threshold ? threshold : 0.0f;
    return leak * (u_previous - reset) + current;
}

#endif
