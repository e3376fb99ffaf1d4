/* memory_cost.h: what training a network holds in memory, by category and layer: planned by the code that
 * trains, without allocating, and measured in a process that really trains. `bso memory` tabulates it; see
 * memory_results.h.
 *
 * It counts what training needs. Measuring (initial signs for C2I, logs, traces) and samples other than the
 * batch come on top in a real training, under categories of their own.
 */
#ifndef BSO_MEMORY_COST_H
#define BSO_MEMORY_COST_H

#include "core/memory.h"
#include "core/network.h"

#include <stdbool.h>

/* A sample, and the number of classes. */
typedef struct {
    int channels, height, width, classes;
} bso_cost_shape;

/* A layer's share; the last in the list, named "shared", is what all layers use together. Batch norm is a
 * layer of its own here. */
typedef struct {
    char name[BSO_MEM_OWNER_NAME]; /* "conv2", "bn2", "lif2", "pool1" */
    size_t main_weights;           /* trained by the rule */
    size_t bytes[BSO_MEM_CATEGORIES];
} bso_cost_layer;

enum { BSO_COST_LAYERS = 512 };

typedef struct {
    size_t bytes[BSO_MEM_CATEGORIES];
    int layers;
    bso_cost_layer *layer; /* of the caller's, room for BSO_COST_LAYERS */
    /* of the weights that the rule trains: how many, in how many layers, and the bytes of storing them (bits,
     * latent or float) and of the rule's state */
    size_t main_weights, weight_bytes, state_bytes;
    int main_layers;
    size_t neurons; /* per sample */
    size_t one_bit_weights, float_weights;
    double model_bytes, model_bytes_float;
} bso_cost;

/* Bytes of training: all but the samples, measuring (log) and descriptions (control). */
size_t bso_cost_training(const size_t bytes[BSO_MEM_CATEGORIES]);

/* Plan a training by checked settings, one batch of samples included. Threads: those that OpenMP would use
 * now. Returns 0 or BSO_ERROR. */
int bso_cost_plan(const bso_settings *s, const bso_cost_shape *shape, bso_cost *cost);

typedef struct {
    size_t bytes[BSO_MEM_CATEGORIES]; /* the most of each; descriptions (control) as they are at the end */
    size_t resident;                  /* growth of the peak resident set since the libraries had started */
    double seconds;
} bso_cost_measured;

/* Train two batches of random samples, from T = 3 on one, in a process of its own, with that many threads,
 * and measure. The caller must not have used OpenMP's threads: a forked process cannot. observer: of the
 * training, in the child; NULL: none. Returns 0, BSO_ERROR or BSO_INTERRUPTED. */
int bso_cost_measure(const bso_settings *s, const bso_cost_shape *shape, int threads,
                     const bso_observer *observer, bso_cost_measured *measured);

/* Is the resident set's growth what the accounting says, within 5 % + 16 MiB? */
bool bso_cost_explained(size_t resident, const size_t bytes[BSO_MEM_CATEGORIES]);

#endif
