/* reference.h: the spiking network in plain double-precision loops, for tests to compare the real one with.
 *
 * Real-valued weights, every time step kept, the formulas written out one after the other, maps as
 * [n][c][h][w]. No code is shared with core/. In smooth mode the neuron's output is the surrogate's integral
 * instead of the step: back-propagation through time is then the exact gradient, and finite differences can
 * check it.
 */
#ifndef BSO_REFERENCE_H
#define BSO_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    bool smooth;       /* s = integral of the surrogate, else s = (u >= threshold) */
    bool rectangular;  /* surrogate: window of width and height 1, else sigmoid with alpha = 4 */
    bool detach_reset; /* through time only: no gradient through the reset */
    bool online;       /* gradients of L[t] in space only, else through time */
    double mu;         /* online: decay of the presynaptic trace; the leak for OTTT, 0 for SLTT */
    int ndot_resets;   /* online, not 0: NDOT's decay in place of mu, a neuron's u - resets * V_th s over that
                          of the step before; 1 in the paper, 2 in the code of BSO's authors */
    bool sign;         /* sign neurons: a = +1 where u >= 0, else -1, da/du = 1 where |u| <= 1; with steps 1
                          and threshold 0 */
    bool evaluate;     /* batch norm by running statistics, which then stay as they are; forward only */
    double leak, threshold, loss_mse;
    int steps;
} bso_reference_options;

/* A trained tensor. Weights are O,I,H,W: a linear layer is a convolution whose kernel is the whole map. */
typedef struct {
    int outputs, inputs, kernel_h, kernel_w; /* a vector: its length, 1, 1, 1 */
    size_t count;
    bool before_norm; /* a bias that the batch norm behind it takes away again: its gradient is 0 */
    double *value;    /* [count] */
    double *gradient; /* [steps][count]: dL[t]/dvalue; through time: what step t adds to dL/dvalue */
} bso_reference_param;

typedef struct {
    int channels;
    double *running_mean, *running_var; /* [channels] */
} bso_reference_norm;

enum { BSO_REFERENCE_OPS = 64 };

struct bso_reference_op;

typedef struct {
    bso_reference_options options; /* may be changed between runs, steps excepted */
    int capacity, classes, params, norms, neurons /* layers of them */, ops;
    bso_reference_param
        param[BSO_REFERENCE_OPS]; /* synapse weight, bias, batch norm weight, bias; in order */
    bso_reference_norm norm[BSO_REFERENCE_OPS];
    double *loss;   /* [steps] */
    double *spikes; /* [neurons][steps], of each layer of neurons in the last forward; sign: the +1s */
    double *output; /* [steps][n][classes] */
    double margin;  /* least distance of the last forward's potentials to a jump or kink of what was used;
                       channels whose norm has weight 0 are exact and do not count */
    struct bso_reference_op *op;
} bso_reference;

/* Build from a network string (core/network.h) for batches of up to `capacity` images of channels x height
 * x width. Weights start at 0, batch norm at 1 and 0, running statistics at 0 and 1. A bad string ends the
 * program. */
bso_reference *bso_reference_create(const char *layers, int channels, int height, int width, int classes,
                                    int capacity, const bso_reference_options *options);
void bso_reference_free(bso_reference *r);

/* All time steps forward. x: [frames][n][channels][height][width], frames 1 or steps; y: [n]. Returns sum
 * of L[t]. Running statistics move at every step, unless options.evaluate is set. */
double bso_reference_forward(bso_reference *r, const double *x, int frames, const int *y, int n);

/* Gradients of the last forward (same y and n) into param[].gradient, overwriting them. */
void bso_reference_backward(bso_reference *r, const int *y, int n);

/* Sum of gradient[t][index] over t. */
double bso_reference_gradient_sum(const bso_reference *r, int param, size_t index);

#endif
