/* prefetch.h: worker threads that make batches ahead of the one who uses them, in a bounded queue.
 *
 * It knows nothing of what a sample is. Which batches there are and in which order is fixed beforehand, and a
 * sample does not depend on who makes it, so that the batches are the same with any number of workers.
 */
#ifndef BSO_PREFETCH_H
#define BSO_PREFETCH_H

#include "core/dataset.h"

typedef struct bso_prefetch bso_prefetch;

/* Which samples a batch is made of: first .. first+n-1. */
typedef struct {
    bso_split split;
    uint32_t epoch;
    size_t first, n;
} bso_range;

/* Make sample i of a batch of r->n, into its places in x and y. Called by several threads at once; worker: 0
 * to workers-1. Returns 0 or BSO_ERROR. */
typedef int bso_make_sample(void *user, const bso_range *r, size_t i, int worker, float *x, int *y);

/* Start the threads. A batch is up to `batch` samples of `sample` floats; `queue` are made ahead. Returns 0
 * or BSO_ERROR. */
int bso_prefetch_open(bso_prefetch **p, int workers, size_t queue, size_t batch, size_t sample,
                      bso_make_sample *make, void *user);
/* Stop them and free everything; NULL is allowed. */
void bso_prefetch_close(bso_prefetch *p);

/* Wait until no worker is busy, forget what was made, so that what `make` reads may change. */
void bso_prefetch_stop(bso_prefetch *p);
/* Begin the samples r->first .. r->first+r->n-1: `batch` of every `step` of them, the first ones. */
void bso_prefetch_start(bso_prefetch *p, const bso_range *r, size_t batch, size_t step);
/* The next batch, good until the next call. Waits for it. Returns 0, or BSO_ERROR with what the worker said.
 * There must be one. */
int bso_prefetch_next(bso_prefetch *p, const float **x, const int **y, size_t *n);

#endif
