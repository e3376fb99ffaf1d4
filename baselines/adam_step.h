/* adam_step.h: Adam with decoupled weight decay, shared by adam, adamw (float weights), adam_ste, adamw_ste
 * (latent weights). Not part of the library's surface.
 *
 *     m <- beta1 m + (1 - beta1) g,         v <- beta2 v + (1 - beta2) g^2
 *     mhat = m / (1 - beta1^k),             vhat = v / (1 - beta2^k),             k = 1, 2, ...
 *     w <- (1 - lr weight_decay) w - lr mhat / (sqrt(vhat) + eps)
 *
 * Adam is weight_decay = 0. The decay is not part of g: neither m nor v sees it, and where a latent weight's
 * gradient is cut off it still decays. Loshchilov and Hutter multiply the decay by their schedule alone;
 * here, as in PyTorch, it is multiplied by the whole learning rate.
 *
 * Sources: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015; Loshchilov and Hutter,
 * "Decoupled Weight Decay Regularization", ICLR 2019.
 */
#ifndef BSO_ADAM_STEP_H
#define BSO_ADAM_STEP_H

#include "baselines/straight_through.h"
#include "core/momentum.h"

enum { ADAM_WEIGHT_LR, ADAM_ONE_MINUS_BETA1, ADAM_ONE_MINUS_BETA2, ADAM_EPS, ADAM_WEIGHT_DECAY };

/* The hyperparameters that all four have. */
#define ADAM_HYPERS                                                                                          \
    [ADAM_WEIGHT_LR] = {"weight_lr", 1e-3, 0, 1e3, 1e-4, 1, BSO_FOLLOWS_LR, "learning rate"},                \
    [ADAM_ONE_MINUS_BETA1] = {"one_minus_beta1",                                                             \
                              0.1,                                                                           \
                              1e-12,                                                                         \
                              1,                                                                             \
                              1e-2,                                                                          \
                              1,                                                                             \
                              BSO_FOLLOWS_NOTHING,                                                           \
                              "share of the new gradient in the first moment"},                              \
    [ADAM_ONE_MINUS_BETA2] = {"one_minus_beta2",                                                             \
                              1e-3,                                                                          \
                              1e-12,                                                                         \
                              1,                                                                             \
                              0,                                                                             \
                              0,                                                                             \
                              BSO_FOLLOWS_NOTHING,                                                           \
                              "share of the new squared gradient in the second moment"},                     \
    [ADAM_EPS] = {                                                                                           \
        "eps", 1e-8, 1e-30, 1, 0, 0, BSO_FOLLOWS_NOTHING, "added to the root of the second moment"}

static const bso_hyper adam_hypers[] = {ADAM_HYPERS, {0}};

static const bso_hyper adamw_hypers[] = {
    ADAM_HYPERS,
    [ADAM_WEIGHT_DECAY] = {"weight_decay", 1e-2, 0, 1, 1e-4, 1e-1, BSO_FOLLOWS_NOTHING,
                           "decay of the weights, times the learning rate, at each update"},
    {0},
};

/* State: m, then v, each one float per weight. */
static size_t adam_state_bytes(const bso_param *p, int time_entries)
{
    (void)time_entries;
    return 2 * bso_param_count(p) * sizeof(float);
}

/* 1 - (1 - rate)^k without cancellation; 1 for rate = 1. */
static inline double adam_bias(double rate, double k)
{
    return -expm1(k * log1p(-rate));
}

/* through_sign: the gradient is that of sign(w). A constant at each call, so that each rule gets a loop of
 * its own. */
static inline void adam_step(bso_learner *l, size_t first, size_t n, const float *gradient, bool through_sign,
                             double weight_decay)
{
    const double rate1 = l->hyper[ADAM_ONE_MINUS_BETA1], rate2 = l->hyper[ADAM_ONE_MINUS_BETA2];
    const double k = (double)l->update + 1;
    const float lr = (float)(l->hyper[ADAM_WEIGHT_LR] / adam_bias(rate1, k));
    const float kept = (float)(1 - l->hyper[ADAM_WEIGHT_LR] * weight_decay);
    const float root_scale = (float)(1 / sqrt(adam_bias(rate2, k)));
    const float keep1 = (float)(1 - rate1), take1 = (float)rate1;
    const float keep2 = (float)(1 - rate2), take2 = (float)rate2;
    const float eps = (float)l->hyper[ADAM_EPS];
    float *w = l->param->real + first;
    float *m = (float *)l->state + first, *v = m + bso_param_count(l->param);
    for (size_t i = 0; i < n; i++) {
        const float g = through_sign ? straight_through(w[i], gradient[i]) : gradient[i];
        m[i] = keep1 * m[i] + take1 * g;
        v[i] = keep2 * v[i] + take2 * (g * g);
        w[i] = kept * w[i] - lr * m[i] / (sqrtf(v[i]) * root_scale + eps);
    }
    bso_expect_finite(l, BSO_SECOND_MOMENT, v, n);
}

#endif
