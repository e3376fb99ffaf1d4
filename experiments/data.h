/* data.h: the parts of `bso data`, one function each. */
#ifndef BSO_DATA_H
#define BSO_DATA_H

#include "core/dataset.h"

#include <stdbool.h>

/* What the command line says. */
typedef struct {
    bso_settings settings;
    const char *name, *folder; /* of the data set; where to make it */
    const char *out;           /* of the picture; NULL: NAME.png */
    bool test;                 /* show the test split */
    int samples;               /* shown of each class; 0: as many as fit */
    int per_class;             /* made; 0: the stand-in's own number */
    int seed;
    bool help;
} bso_data_options;

/* Each returns 0, or BSO_ERROR, or 1 where it has printed itself what is wrong. */
int bso_data_check(const bso_data_options *o);
int bso_data_show(const bso_data_options *o);

#endif
