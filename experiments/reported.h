/* reported.h: the figures that the paper reports (experiments/reported.csv), read and looked up, so that ours
 * can stand beside them. The file holds facts as printed; nothing here is a result of this suite.
 */
#ifndef BSO_REPORTED_H
#define BSO_REPORTED_H

#include "core/settings.h"

#include <stdbool.h>

typedef struct {
    char table[16];   /* "2", "3", ..., "fig4", "fig5" */
    char dataset[32]; /* the paper's name: "CIFAR-10", "DVS-CIFAR10", "GSC" */
    char method[32];  /* "BSO", "T-BSO", "FP-SNN", "Q-SNN", ... */
    char architecture[32];
    bool online, binary;
    int first_steps, last_steps; /* T: one number, or a range; 0: not stated, the figure is for every T */
    char setting[64];            /* "gamma=5e-8", "1-beta1=1e-3;1-beta2=1e-5", or "" */
    char metric[32];             /* "accuracy" (percent), "size_MB", "memory_GB" */
    double value;
} bso_reported_fact;

typedef struct {
    bso_reported_fact *fact;
    int count;
} bso_reported;

/* Read the file: path, or (NULL) experiments/reported.csv beside the program (bso_config_path). Returns 0, or
 * BSO_ERROR naming file and line; there is then nothing to free. */
int bso_reported_read(bso_reported *reported, const char *path);
void bso_reported_free(bso_reported *reported);

/* The first fact of a table, data set, method and metric at T = steps; table and dataset NULL: any; steps 0:
 * any. A fact without T fits every one. setting: pairs as in the file, which agree if their numbers do (5e-7
 * is 0.0000005); NULL: any. Returns NULL where the paper has none. */
const bso_reported_fact *bso_reported_find(const bso_reported *reported, const char *table,
                                           const char *dataset, const char *method, int steps,
                                           const char *setting, const char *metric);

/* The paper's name of a data set by the name under which results show it ("CIFAR10-DVS, random split":
 * "DVS-CIFAR10"); NULL: the paper does not use it. A stand-in is none of the paper's. */
const char *bso_reported_dataset(const char *shown);

/* The paper's name of the method that settings make: by rule, gradient and neuron ("T-BSO", "NDOT"); NULL: it
 * is none of those that the paper reports. */
const char *bso_reported_method(const bso_settings *settings);

#endif
