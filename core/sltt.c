/* sltt.c: spatial learning through time (Meng et al., ICCV 2023): only the gradient through space is kept,
 * the spikes themselves stand for the presynaptic trace. The cheapest of the online estimators. */
#include "core/gradient.h"

const bso_gradient bso_gradient_sltt = {
    .name = "sltt",
    .summary = "online: loss of each step through space, no presynaptic trace",
    .source = "Meng et al., Towards Memory- and Time-Efficient Backpropagation for Training Spiking Neural "
              "Networks, ICCV 2023",
};
