/* operations.h: what inference costs, in the terms of NeuroBench (Yik et al. 2025): footprint apart (see
 * bso_network_model_bytes), synaptic operations, dense and effective, and how many activations and
 * connections are 0; and an estimate of energy.
 *
 * A synaptic operation is one input through one connection at one time step. Dense operations are all of
 * them, inputs of 0 included; padding has no connection. Effective ones are those whose input and weight are
 * not 0. Where every input of a synapse is 0, 1 or -1 an operation is an accumulate, else a
 * multiply-accumulate, as NeuroBench counts: sums of spikes after pooling are many-valued. With one-bit
 * weights even these need no multiplication, which the estimate of energy takes into account.
 *
 * It measures no energy: that is an estimate from one table for one technology. Memory traffic, membrane
 * updates and batch norm are left out.
 */
#ifndef BSO_OPERATIONS_H
#define BSO_OPERATIONS_H

#include <stdbool.h>

/* One synapse, for one sample, all time steps together. */
typedef struct {
    char name[32]; /* "conv2" */
    double dense, effective;
    bool binary_input; /* 0, 1 or -1 */
    bool one_bit;      /* weights, latent ones too: inference needs only their signs */
} bso_synapse_operations;

/* Joules of a 32-bit floating-point addition and multiplication in 45 nm at 0.9 V: 0.9 and 3.7 pJ (Horowitz
 * 2014, "Computing's energy problem", figure 1.1.9). */
#define BSO_JOULES_ADD      0.9e-12
#define BSO_JOULES_MULTIPLY 3.7e-12

/* Sums over n synapses. */
typedef struct {
    double dense;
    double accumulates, multiply_accumulates; /* effective ones: with inputs 0, 1, -1; with others */
    double multiplications;                   /* of the latter, those whose weight has more than one bit */
    double joules; /* (effective) * BSO_JOULES_ADD + multiplications * BSO_JOULES_MULTIPLY */
} bso_operations_sum;

bso_operations_sum bso_operations_total(const bso_synapse_operations *operations, int n);

#endif
