/* memory_results.h: the files of `bso memory`, DIR/memory/<any>.h5 (docs/formats.md), written and read back,
 * and the tables made of them. Every number in a table comes from these files. Bytes are bytes; MB are 10^6
 * of them, GB 10^9.
 */
#ifndef BSO_MEMORY_RESULTS_H
#define BSO_MEMORY_RESULTS_H

#include "core/settings.h"
#include "experiments/memory_cost.h"

#include <stdio.h>

/* One planned training. */
typedef struct {
    size_t steps, batch;
    size_t width, depth; /* of the network: channels of its first layer, layers of the rule's; 0 where there
                         is but one network */
    size_t main_weights, main_layers, neurons; /* weights and layers of the rule's; neurons of a sample */
    size_t weight_bytes, state_bytes;          /* storing those weights, and the rule's state for them */
    size_t bytes[BSO_MEM_CATEGORIES];
} bso_memory_point;

/* One that was really trained. */
typedef struct {
    size_t steps;
    size_t bytes[BSO_MEM_CATEGORIES]; /* as in bso_cost_measured */
    size_t resident;                  /* growth of the peak resident set */
} bso_memory_measurement;

typedef struct {
    char name[BSO_MEM_OWNER_NAME];
    size_t main_weights;
    size_t (*bytes)[BSO_MEM_CATEGORIES]; /* [points] */
} bso_memory_layer;

/* A model as it is stored (docs/methods.md, 5). */
typedef struct {
    char name[64];    /* of the group in the file: "vgg11-cifar10" */
    char dataset[32]; /* as the paper calls it */
    char network[BSO_TEXT];
    bso_cost_shape shape;
    size_t one_bit_weights, float_weights;
    double bytes, float_bytes; /* with one-bit weights, and were they float32 */
} bso_memory_model;

/* A file has points of one method: of one network at T = 1, 2, ..., with layers and measurements ("steps"),
 * or of many networks, batches and T ("scaling"). Or it has models. */
typedef struct {
    char kind[16];
    char method[BSO_WORD], label[BSO_WORD]; /* "tbso", "T-BSO" */
    char optimizer[BSO_WORD], gradient[BSO_WORD], update[BSO_WORD];
    char network[BSO_TEXT]; /* "scaling": "" */
    bso_cost_shape shape;
    int batch; /* "scaling": 0 */
    int threads;
    int points, layers, measurements, models;
    bso_memory_point *point;
    bso_memory_layer *layer; /* the last: what all share */
    bso_memory_measurement *measurement;
    bso_memory_model *model;
    char started[32], ended[32], commit[64];
} bso_memory_file;

typedef struct {
    bso_memory_file *file; /* by kind, network, batch (the largest first), Table 1's order of methods */
    int count;
    int unreadable; /* files that were left out; each was named on standard error */
} bso_memory_results;

/* Room for what a file holds. layers, points, ... are the numbers of them. Returns 0 or BSO_ERROR. */
int bso_memory_file_room(bso_memory_file *file, int points, int layers, int measurements, int models);
void bso_memory_file_free(bso_memory_file *file);

/* Write it. command: how the program was started, or NULL. Returns 0 or BSO_ERROR. */
int bso_memory_write(const char *path, const bso_memory_file *file, const char *command);
/* Read it; what is in it is checked, the layers' sums too. Returns 0, or BSO_ERROR naming the file; then it
 * is empty. */
int bso_memory_read(const char *path, bso_memory_file *file);

/* Read DIR/memory/<all>.h5; none is no error. Returns 0 or BSO_ERROR. Free it in both cases. */
int bso_memory_load(bso_memory_results *results, const char *directory);
void bso_memory_results_free(bso_memory_results *results);

/* The file of a method's points at a batch, of the first network that has some, or NULL. */
const bso_memory_file *bso_memory_steps(const bso_memory_results *results, const char *method, int batch);
/* Its point at T, or NULL; its measurement at T, or NULL. */
const bso_memory_point *bso_memory_at(const bso_memory_file *file, int steps);
const bso_memory_measurement *bso_memory_measured(const bso_memory_file *file, int steps);

/* Bytes that one more time step takes, on average from the first to the last T; of training, and of a
 * category. NaN where there is but one T. */
double bso_memory_growth(const bso_memory_file *file);
double bso_memory_category_growth(const bso_memory_file *file, bso_mem_category category);

/* What training keeps for each weight of the rule's: its bit, float or latent, and the rule's state, at T
 * = 1. The gradient that is kept until an update, where one is. */
double bso_memory_bytes_per_weight(const bso_memory_file *file);
double bso_memory_gradient_per_weight(const bso_memory_file *file);

/* Table 1: which of its formulas a method's is. */
typedef enum { BSO_MEMORY_BPTT, BSO_MEMORY_OTTT, BSO_MEMORY_BSO, BSO_MEMORY_TBSO } bso_memory_class;
bso_memory_class bso_memory_class_of(const bso_memory_file *file);

/* The constants of Table 1's formulas, with n^2 L the number of the rule's weights, n L neurons times
 * samples, L the rule's layers: storing weights takes weight * n^2 L; everything else state * n^2 L + neuron
 * * n L + growth + fixed, where growth is step_neuron * n L T for BPTT, step_layer * L T for T-BSO, and
 * nothing else. Constants of growth by least squares over the slopes over T, the others over what is left,
 * each relative to what is to be met. NaN where the formula has no such term. */
typedef struct {
    double weight, state, neuron, step_neuron, step_layer, fixed;
    double weight_error, error; /* largest relative error of storing weights, and of all training bytes */
    int points;
} bso_memory_fit;

/* Fit a "scaling" file. Returns 0, or BSO_ERROR where it has too few points. */
int bso_memory_fit_of(const bso_memory_file *file, bso_memory_fit *fit);

/* Write the tables of DIR/memory into DIR/tables (memory_steps.csv, memory_layers.csv, table1.csv, .md and
 * .tex, model_size.csv). Where DIR/memory has nothing,
 * there are none, nor those of before. Returns 0; 1 where a file could not be
 * read; BSO_ERROR. */
int bso_memory_tables(const char *directory);

#endif
