/* result_format.h: what writing and reading of result files share. docs/formats.md is its description for
 * people. */
#ifndef BSO_RESULT_FORMAT_H
#define BSO_RESULT_FORMAT_H

#include "core/result.h"

#include <hdf5.h>

#define BSO_RESULT_FORMAT "bso-result"
enum { BSO_RESULT_VERSION = 5 };

/* A number of bso_epoch_log, one data set of /epochs. The rule's hyperparameters follow under their own
 * names. */
typedef struct {
    const char *name;
    size_t offset;
    bool share; /* in [0, 1] where it is not NaN */
} bso_epoch_field;

extern const bso_epoch_field bso_epoch_fields[]; /* ends with a NULL name */

/* The arrays of one log: data sets of /layers/NAME. */
typedef enum {
    BSO_BY_EPOCH,    /* [epochs] */
    BSO_BY_ENTRY,    /* [epochs][time_entries] */
    BSO_BY_STEPS,    /* [epochs][T][T] */
    BSO_BY_FLIP_BIN, /* [flip_bins] */
    BSO_BY_FLIP_GAP  /* [BSO_FLIP_GAPS] */
} bso_array_shape;

enum { BSO_WEIGHT_ARRAYS = 8 };
typedef struct {
    const char *name;
    size_t offset; /* of the pointer in bso_weight_log */
    bso_array_shape shape;
    bool optional; /* not there, and NULL, unless `measure` asked for it */
} bso_weight_array;

/* The shape of such an array in a run. Returns the rank. */
int bso_weight_array_dims(const bso_run *run, bso_array_shape shape, hsize_t dims[3]);

extern const bso_weight_array bso_weight_arrays[BSO_WEIGHT_ARRAYS];

#endif
