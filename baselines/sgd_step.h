/* sgd_step.h: gradient descent, shared by sgd, sgd_momentum (float weights), sgd_ste, sgd_momentum_ste
 * (latent weights). Not part of the library's surface.
 *
 *     sgd               w <- w - lr g
 *     sgd_momentum      m <- momentum m + g,     w <- w - lr m
 *
 * The second is the heavy ball in PyTorch's form: m is a sum, not a mean, so that a steady gradient moves w
 * by lr / (1 - momentum) times itself.
 *
 * Sources: Robbins and Monro 1951; Polyak, "Some methods of speeding up the convergence of iteration
 * methods", 1964.
 */
#ifndef BSO_SGD_STEP_H
#define BSO_SGD_STEP_H

#include "baselines/straight_through.h"
#include "core/momentum.h"

enum { SGD_WEIGHT_LR, SGD_MOMENTUM };

/* A hyperparameter; the tuning range depends on the kind of weights and on momentum. */
#define SGD_HYPER_WEIGHT_LR(low, high)                                                                       \
    [SGD_WEIGHT_LR] = {"weight_lr", 0, 0, 1e3, low, high, BSO_FOLLOWS_LR, "learning rate; 0 takes that of lr"}
#define SGD_HYPER_MOMENTUM                                                                                   \
    [SGD_MOMENTUM] = {                                                                                       \
        "momentum", 0.9, 0, 0.9999, 0.5, 0.99, BSO_FOLLOWS_NOTHING, "what the sum of gradients keeps"}

/* Plain descent has nothing that survives an update. */
static inline size_t sgd_state_bytes(const bso_param *p, int time_entries)
{
    (void)p, (void)time_entries;
    return 0;
}

/* State: m, one float per weight. */
static inline size_t sgd_momentum_state_bytes(const bso_param *p, int time_entries)
{
    (void)time_entries;
    return bso_param_count(p) * sizeof(float);
}

/* through_sign: the gradient is that of sign(w). with_momentum: the learner's state is m. Constants at each
 * call, so that each rule gets a loop of its own. */
static inline void sgd_step(bso_learner *l, size_t first, size_t n, const float *gradient, bool through_sign,
                            bool with_momentum)
{
    const float lr = (float)l->hyper[SGD_WEIGHT_LR];
    const float keep = with_momentum ? (float)l->hyper[SGD_MOMENTUM] : 0;
    float *w = l->param->real + first;
    float *m = with_momentum ? (float *)l->state + first : NULL;
    for (size_t i = 0; i < n; i++) {
        float step = through_sign ? straight_through(w[i], gradient[i]) : gradient[i];
        if (with_momentum) step = m[i] = keep * m[i] + step;
        w[i] -= lr * step;
    }
}

#endif
