/* ndot.c: neuronal-dynamics based online training (Jiang et al., ICML 2024): the trace decays by what the
 * neuron's own potential did, a[t] = mu[t] a[t-1] + s[t], for each neuron
 *
 *     mu[t] = (u[t] - V_th s[t]) / (u[t-1] - V_th s[t-1]),  clamped to [-leak, leak]
 *
 * and leak where the denominator is within 1e-6 of 0.
 *
 * `ndot` takes u before the reset, as the formula says. `ndot_ref` is what the reference code of BSO (and
 * what its T-BSO trains with) computes: its potentials are already reset, so V_th s is subtracted twice.
 */
#include "core/gradient.h"
#include "core/kernels.h"

static void decay(float *a, const float *u, const float *u_previous, size_t n, float leak, float threshold,
                  float reset)
{
    if (u_previous) {
        bso_kernel->trace_ratio(a, u, u_previous, n, leak, threshold, reset);
        return;
    }
    bso_kernel->spikes(a, u, n, threshold, 0);
}

static void trace(float *a, const float *u, const float *u_previous, size_t n, float leak, float threshold)
{
    decay(a, u, u_previous, n, leak, threshold, threshold);
}

static void trace_ref(float *a, const float *u, const float *u_previous, size_t n, float leak,
                      float threshold)
{
    decay(a, u, u_previous, n, leak, threshold, 2 * threshold);
}

const bso_gradient bso_gradient_ndot = {
    .name = "ndot",
    .summary = "online: as ottt, but each neuron's trace decays by the ratio of its successive potentials",
    .source = "Jiang et al., NDOT: Neuronal Dynamics-based Online Training for Spiking Neural Networks, ICML "
              "2024",
    .trace = trace,
    .needs_previous = true,
};

const bso_gradient bso_gradient_ndot_ref = {
    .name = "ndot_ref",
    .summary = "ndot as BSO's reference code computes it: the reset is subtracted twice",
    .source = "reference code of BSO (ICML 2025)",
    .trace = trace_ref,
    .needs_previous = true,
};
