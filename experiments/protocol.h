/* protocol.h: how methods are tuned and compared: one file (libconfig) of settings that are the same for all.
 *
 *     name = "tune";                         where results go: results/NAME
 *     title = "Fashion-MNIST, T = 2";        for people
 *     common = { steps = 2; epochs = 5; };   settings of every training; a method's own come on top
 *     seeds = [1, 2, 3];                     of the trainings that are reported
 *     trials = 20; trial_seed = 101;         tuning: settings drawn for each method, and their seed (101)
 *     ranges = { lr = [0.3, 30.0]; };        tuning: log-uniform ranges of settings of every method
 *     target = 80.0;                         comparing: the accuracy whose cost is told, in percent
 */
#ifndef BSO_PROTOCOL_H
#define BSO_PROTOCOL_H

#include "core/settings.h"

enum { BSO_SEEDS_MAX = 64, BSO_RANGES_MAX = 8 };

typedef struct {
    char key[BSO_WORD];
    double low, high;
} bso_range;

typedef struct {
    char name[BSO_WORD], title[256];
    bso_settings common; /* not checked: the method is missing */
    int seeds, trials, ranges;
    uint64_t seed[BSO_SEEDS_MAX], trial_seed;
    bso_range range[BSO_RANGES_MAX];
    double target; /* percent; NaN: none */
} bso_protocol;

/* Read and check. Returns 0, or BSO_ERROR naming file, line and key. */
int bso_protocol_read(bso_protocol *p, const char *path);

#endif
