/* cache.h: samples whose making takes long, made once and kept in HDF5 files.
 *
 * A file's name holds a hash of everything the samples depend on: the source files with their sizes and
 * times, the settings, the version of the code that makes them. Something else is another file; none is ever
 * changed. It is not for samples that are decoded as they are needed, nor shared between machines.
 */
#ifndef BSO_CACHE_H
#define BSO_CACHE_H

#include "core/dataset.h"

#include <stdint.h>

typedef struct {
    uint64_t hash;
    char name[64];
} bso_cache_key;

/* name: the file's, without hash: "cifar10-dvs". version: raised whenever the same sources and settings give
 * other samples. */
void bso_cache_key_start(bso_cache_key *k, const char *name, int version);
/* A source file: its path, size and time of modification. Returns 0, or BSO_ERROR where it is no regular
 * file. */
int bso_cache_key_file(bso_cache_key *k, const char *path);
/* A setting the samples depend on. */
void bso_cache_key_text(bso_cache_key *k, const char *key, const char *value);
void bso_cache_key_integer(bso_cache_key *k, const char *key, int64_t value);

/* Hold the samples of d, whose name, shape, classes and counts are set, in memory: from the cache, or, where
 * there is no such file or it is damaged, by `make`, and then kept in the cache. One process makes them;
 * others wait for it. labels: [count] of TRAIN and TEST. make: one sample into out[frames][channels][height]
 * [width]; called from several threads, once for each; returns 0 or BSO_ERROR. Returns 0 or BSO_ERROR, then
 * nothing new is in the cache. A cache that cannot be written is told of (notice.h) and done without. */
int bso_cache_open(bso_dataset *d, const bso_settings *s, const bso_cache_key *k,
                   const int32_t *const labels[BSO_SPLITS],
                   int (*make)(void *user, bso_split split, size_t index, float *out), void *user);

/* The cache's folder by the settings, made where it is missing: cache, else BSO_CACHE_DIR, else
 * XDG_CACHE_HOME/bso, else HOME/.cache/bso. folder: [BSO_PATH], "" where cache=off. Returns 0 or BSO_ERROR.
 */
int bso_cache_folder(char *folder, const bso_settings *s);

/* Wait for the lock of that name in a folder and take it. Returns its descriptor, to be closed, or BSO_ERROR.
 * It goes with the process. */
int bso_cache_lock(const char *folder, const char *name);

#endif
