/* store.h: parameters and traces as HDF5 files, to carry a network to and from another framework and to
 * compare two implementations number by number. docs/formats.md describes both. Files are written under a
 * temporary name and renamed.
 */
#ifndef BSO_STORE_H
#define BSO_STORE_H

#include "core/network.h"

/* All parameters and running statistics as float32 datasets under their names; conv weights O,I,H,W, linear
 * weights O,I, vectors C. One-bit weights are written as -1 and +1; latent ones as the latent values. Returns
 * 0 or BSO_ERROR. */
int bso_store_save(const bso_network *net, const char *path);

/* Read what bso_store_save writes. Every parameter must be there with its shape and finite values, one-bit
 * ones exactly -1 or +1; running statistics may be missing (then they stay). Nothing is changed unless all is
 * well. Returns 0 or BSO_ERROR naming file and dataset. */
int bso_store_load(bso_network *net, const char *path);

/* The trace of the first `updates` updates: one for each time step, or for each batch where gradients are
 * accumulated or go through time. */
typedef struct bso_trace bso_trace;
int bso_trace_open(bso_trace **trace, const char *path, const bso_network *net, const bso_settings *s,
                   int64_t updates);
/* Observer to hand to bso_network_train; NULL once `updates` are recorded. */
const bso_observer *bso_trace_observer(bso_trace *trace);
/* Write, rename, free. Returns 0 or BSO_ERROR. */
int bso_trace_close(bso_trace *trace, bool keep);

#endif
