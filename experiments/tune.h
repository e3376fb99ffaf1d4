/* tune.h: what tuning found: shared by `bso tune` and `bso compare`. */
#ifndef BSO_TUNE_H
#define BSO_TUNE_H

#include "experiments/method.h"
#include "experiments/protocol.h"
#include "experiments/sweep.h"

#include <stdbool.h>

enum { BSO_TUNE_METHODS = 256, BSO_TUNE_KEYS = BSO_RANGES_MAX + BSO_HYPER_MAX };

/* A method on its way through tuning. */
typedef struct {
    const bso_method *method;
    bool asked, complete; /* to be trained now; all its trainings are there */
    int ranges;
    bso_range range[BSO_TUNE_KEYS]; /* what is drawn: log-uniform */
    int trials, best;   /* the trial with the highest validation accuracy; -1: none reached its end */
    double *validation; /* [trials] percent; NaN: it did not reach its end */
    double mean, sd;    /* of the best trial's validation accuracy over fresh seeds; NaN: none */
    int seeds;          /* that reached their end */
} bso_candidate;

/* Tune the named methods (0: all) by a protocol: train what is missing in o->directory, then write what was
 * found there and print it. What is there of other methods stays in the files. Returns 0, BSO_ERROR or
 * BSO_INTERRUPTED; with o->dry nothing is written. */
int bso_tune_methods(bso_sweep_options *o, const bso_protocol *protocol, const char *const *names, int count);

/* Fill ranges and range: the protocol's, then those that the method's rule declares, but for what the method
 * fixes. Returns 0 or BSO_ERROR. */
int bso_tune_ranges(bso_candidate *c, const bso_protocol *protocol);

/* The settings of a trial (0-based), checked; seed: the protocol's trial_seed. Returns 0 or BSO_ERROR. */
int bso_tune_trial(const bso_candidate *c, const bso_protocol *protocol, int trial, bso_settings *s);

/* Mean and standard deviation of the best of k trials drawn with replacement from n: what a budget of k would
 * have found, on average (the bootstrap of Sivaprasad et al. 2020, whose expectation is a sum over the order
 * statistics: x_(i) is the best with probability (i/n)^k - ((i-1)/n)^k). NaN counts as 0 %. k >= 1. */
void bso_best_of(const double *x, int n, int k, double *mean, double *sd);

#define BSO_TRIALS_HEAD "method,label,trial,key,value,validation_percent"
#define BSO_BUDGET_HEAD "method,label,trials,mean,sd"
/* Write directory/tuned.conf, tune.md and tables/{trials,budget,tuned}.csv (docs/formats.md), and print the
 * table. Returns 0 or BSO_ERROR. */
int bso_tune_write(const char *directory, const bso_protocol *protocol, const bso_candidate *c, int count);

#endif
