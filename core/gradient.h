/* gradient.h: gradient estimators. What is kept from time step to time step, and how the presynaptic trace is
 * formed.
 *
 * One file defines one `const bso_gradient bso_gradient_NAME`; the Makefile finds it by that line.
 */
#ifndef BSO_GRADIENT_H
#define BSO_GRADIENT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *name, *summary, *source;
    bool through_time; /* keeps every time step and runs backward through them once per batch (BPTT) */
    /* Online estimators with memory: trace[i] <- mu * trace[i] + s[i], s[i] = (u[i] >= threshold), for i < n.
     * u: membrane potential before the reset at this step; u_previous: at the step before (NULL at the first,
     * where the trace starts at zero and the new value is s). NULL: no trace, the spikes themselves are used.
     */
    void (*trace)(float *trace, const float *u, const float *u_previous, size_t n, float leak,
                  float threshold);
    bool needs_previous; /* u_previous must be kept for it */
} bso_gradient;

/* Every registered estimator, NULL at the end. Generated. */
extern const bso_gradient *const bso_gradients[];

/* The estimator of that name, or NULL with bso_fail listing the names. */
const bso_gradient *bso_gradient_find(const char *name);

#endif
