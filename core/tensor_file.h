/* tensor_file.h: how a parameter is laid out in files: as other frameworks have it.
 *
 * Convolutions O,I,H,W; linear layers O,I, over a map O,(I*H*W) flattened in that order; vectors C. In memory
 * weight (k, o) has index k * cols + o, k = (ky * kernel_w + kx) * inputs + i (core/optimizer.h).
 */
#ifndef BSO_TENSOR_FILE_H
#define BSO_TENSOR_FILE_H

#include "core/hdf5_util.h"
#include "core/optimizer.h"

/* The shape in the file; returns the rank: 1, 2 or 4. */
int bso_tensor_shape(const bso_param *p, hsize_t dims[4]);

/* A file holds a parameter as runs: one for each output (a vector is one run). Element j of run o is which
 * weight? */
size_t bso_tensor_runs(const bso_param *p);
size_t bso_tensor_run_length(const bso_param *p);
size_t bso_tensor_index(const bso_param *p, size_t run, size_t j);

/* What is written for a weight. */
typedef float (*bso_tensor_value)(const void *user, size_t index);

/* Write one value for each weight as a data set of a native type: H5T_NATIVE_FLOAT, or H5T_NATIVE_INT8 for
 * masks. */
void bso_tensor_put(bso_h5_writer *w, const char *path, const bso_param *p, hid_t type,
                    bso_tensor_value value, const void *user);

/* Read run by run. take: receives each run's values, [run_length]; returns 0 or BSO_ERROR. Shape and class
 * are checked first, and every value must be finite. Returns 0 or BSO_ERROR. */
int bso_tensor_get(const bso_h5_reader *r, const char *path, const bso_param *p,
                   int (*take)(void *user, size_t run, const float *values), void *user);

#endif
