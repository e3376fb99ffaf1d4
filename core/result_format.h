/* result_format.h: what writing and reading of result files share. docs/formats.md is its description for
 * people. */
#ifndef BSO_RESULT_FORMAT_H
#define BSO_RESULT_FORMAT_H

#include "core/result.h"

#define BSO_RESULT_FORMAT "bso-result"
enum { BSO_RESULT_VERSION = 3 };

/* A number of bso_epoch_log, one data set of /epochs. The rule's hyperparameters follow under their own
 * names. */
typedef struct {
    const char *name;
    size_t offset;
    bool share; /* in [0, 1] where it is not NaN */
} bso_epoch_field;

extern const bso_epoch_field bso_epoch_fields[]; /* ends with a NULL name */

/* The arrays of one log: data sets of /layers/NAME. */
enum { BSO_WEIGHT_ARRAYS = 5 };
typedef struct {
    const char *name;
    size_t offset;     /* of the pointer in bso_weight_log */
    bool at_each_time; /* [epochs][time_entries], else [epochs] */
} bso_weight_array;

extern const bso_weight_array bso_weight_arrays[BSO_WEIGHT_ARRAYS];

#endif
