/* ottt.c: online training through time (Xiao et al., NeurIPS 2022): the trace decays by the leak, a[t] = leak
 * a[t-1] + s[t]. */
#include "core/gradient.h"
#include "core/kernels.h"

static void trace(float *a, const float *u, const float *u_previous, size_t n, float leak, float threshold)
{
    if (u_previous) {
        bso_kernel->trace(a, u, n, leak, threshold);
    } else {
        bso_kernel->spikes(a, u, n, threshold, 0);
    }
}

const bso_gradient bso_gradient_ottt = {
    .name = "ottt",
    .summary = "online: loss of each step through space, presynaptic trace decaying by the leak",
    .source = "Xiao et al., Online Training Through Time for Spiking Neural Networks, NeurIPS 2022",
    .trace = trace,
};
