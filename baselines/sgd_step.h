/* sgd_step.h: plain gradient descent, shared by sgd (float weights) and sgd_ste (latent weights). Not part
 * of the library's surface.
 *
 *     w <- w - lr g
 */
#ifndef BSO_SGD_STEP_H
#define BSO_SGD_STEP_H

#include "baselines/straight_through.h"

enum { SGD_WEIGHT_LR };

static const bso_hyper sgd_hypers[] = {
    [SGD_WEIGHT_LR] = {"weight_lr", 0, 0, 1e3, 1e-3, 10, BSO_FOLLOWS_LR, "learning rate; 0 takes that of lr"},
    {0},
};

/* Neither momentum nor anything else that survives an update. */
static size_t sgd_state_bytes(const bso_param *p, int time_entries)
{
    (void)p, (void)time_entries;
    return 0;
}

/* through_sign: the gradient is that of sign(w). A constant at each call, so that each rule gets a loop of
 * its own. */
static inline void sgd_step(bso_learner *l, size_t first, size_t n, const float *gradient, bool through_sign)
{
    const float lr = (float)l->hyper[SGD_WEIGHT_LR];
    float *w = l->param->real + first;
    for (size_t i = 0; i < n; i++) {
        const float g = through_sign ? straight_through(w[i], gradient[i]) : gradient[i];
        w[i] -= lr * g;
    }
}

#endif
