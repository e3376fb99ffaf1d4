/* bptt.c: back-propagation through time: every step is kept, the gradient is exact up to the surrogate. */
#include "core/gradient.h"

const bso_gradient bso_gradient_bptt = {
    .name = "bptt",
    .summary = "exact surrogate gradient through time; memory grows with the number of steps",
    .source = "Werbos 1990; surrogate gradients: Neftci et al. 2019",
    .through_time = true,
};
