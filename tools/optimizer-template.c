/* @NAME@.c: say here what this rule is, in one sentence.
 *
 *     m <- (1 - rate) m + rate g                  g: gradient of the weights in this update
 *     flip every w with w m > gamma rms(m)        rms(m): root of the mean of m^2 over this layer's weights
 *
 * As made from tools/optimizer-template.c it is a complete rule: it flips the one-bit weights whose momentum
 * stands out from that of their layer, whatever the size of the gradients. Change what you need and write
 * down where your rule comes from. The interface is core/optimizer.h; core/bso.c is the shortest rule on
 * bits, baselines/sgd_ste.c the shortest on latent weights, baselines/sgd.c on floats.
 *
 * Source: your paper, or "this file".
 */
#include "core/momentum.h"

#include <math.h>

/* Hyperparameters, in this order in l->hyper. Their names are keys: they can be set with `--set gamma=0.5`
 * and in sweep files, so use a name that other rules use where it means the same (see `build/bso list`). */
enum { GAMMA, ONE_MINUS_BETA1 };

/* For each: name; default; what is allowed, from and to; what `bso tune` searches, from and to (equal: it is
 * not tuned); the schedule it follows; what it means. BSO_FOLLOWS_FLIP is for momentum rates and thresholds
 * that fall during training, BSO_FOLLOWS_LR for learning rates, BSO_FOLLOWS_NOTHING for constants. At most
 * BSO_HYPER_MAX. */
static const bso_hyper hypers[] = {
    [GAMMA] = {"gamma", 1, 0, 1e6, 0.1, 10, BSO_FOLLOWS_NOTHING,
               "flip threshold in units of the momentum's root mean square"},
    [ONE_MINUS_BETA1] = {"one_minus_beta1", 1e-2, 1e-12, 1, 1e-3, 1e-1, BSO_FOLLOWS_FLIP,
                         "share of the new gradient in the momentum"},
    {0}, /* the end of the list */
};

/* How many bytes the rule keeps for a parameter. They start as zeros, and whatever an update leaves for the
 * next one is in them: no static variables, or a training could not go on from a file. `time_entries` is T
 * where every time step is an update, else 1. Here: m, one scalar per weight, then one threshold for each
 * time entry. */
static size_t state_bytes(const bso_param *p, int time_entries)
{
    return bso_scalars_bytes(p) + (size_t)time_entries * sizeof(double);
}

static bso_scalar *momenta(const bso_learner *l)
{
    return l->state;
}

static double *thresholds(const bso_learner *l)
{
    return (double *)(void *)((char *)l->state + bso_scalars_bytes(l->param));
}

/* An update is begin (left out here: nothing to prepare), then tile for some weights at a time, then end.
 *
 * tile: the gradient of weights first .. first + n - 1, for the index of a weight see bso_param. It may run
 * on several threads at once for different weights, so it touches only what belongs to these weights; sums
 * over the layer go through bso_sum_squares. One-bit weights must not change yet. */
static void tile(bso_learner *l, size_t first, size_t n, const bso_scalar *gradient)
{
    bso_scalar *m = momenta(l) + first;
    bso_moving_average(m, gradient, n, l->hyper[ONE_MINUS_BETA1]);
    bso_sum_squares(l, first, n, m);
    /* That m stays finite is checked for you, since `momentum` below shows it. Call bso_expect_finite for
     * whatever else you keep for each weight and could overflow. */
}

/* end: all weights have been seen; flip. It says in l->flips how many signs changed. l->t is the time entry
 * of this update, l->update the number of updates before it. */
static void end(bso_learner *l)
{
    thresholds(l)[l->t] = l->hyper[GAMMA] * sqrt(bso_mean_square(l));
    l->flips = bso_flip_above(l->param, momenta(l), thresholds(l)[l->t]);
}

/* Views for logs and traces; leave them out where the rule has no such thing. The momentum's is
 * bso_momentum_read, since the state begins with it; second_moment and threshold are a number for each time
 * entry. */
static double threshold(const bso_learner *l, int t)
{
    return thresholds(l)[t];
}

/* The build finds the rule by this line. `representation` says what the rule works on:
 *
 * BSO_REP_BITS: one bit a weight, in l->param->bits, and nothing else. As here.
 *
 * BSO_REP_LATENT: a float behind each bit, in l->param->real, whose sign is the bit. tile changes the floats,
 * end makes the bits their signs. Include "baselines/straight_through.h": straight_through() is the gradient
 * of the float, straight_through_end the whole end. See baselines/sgd_step.h and sgd_ste.c.
 *
 * BSO_REP_FLOAT: floats in l->param->real and no bits. tile changes them; end is left out. See sgd.c. */
const bso_optimizer bso_optimizer_@NAME@ = {
    .name = "@NAME@",
    .summary = "flips one-bit weights where w * momentum > gamma * its root mean square in the layer",
    .source = "this file",
    .representation = BSO_REP_BITS,
    .hypers = hypers,
    .state_bytes = state_bytes,
    .tile = tile,
    .end = end,
    .momentum = bso_momentum_read,
    .threshold = threshold,
};
