/* schedule.h: values that change with the update index. Pure functions; no state. */
#ifndef BSO_SCHEDULE_H
#define BSO_SCHEDULE_H

#include <stdint.h>

typedef enum {
    BSO_SCHEDULE_CONSTANT,
    BSO_SCHEDULE_STEP,          /* base * factor^floor(k * stages / total) */
    BSO_SCHEDULE_COSINE,        /* base * (1 + cos(pi k / total)) / 2 (Loshchilov and Hutter 2017) */
    BSO_SCHEDULE_INVERSE_SQRT,  /* base / sqrt(k + 1) */
    BSO_SCHEDULE_INVERSE_FOURTH /* base * (k + 1)^(-1/4) */
} bso_schedule_kind;

typedef struct {
    bso_schedule_kind kind;
    double factor;  /* step: what each stage multiplies by, in (0, 1] */
    int stages;     /* step: equal stages over the whole training, at least 1 */
    uint64_t total; /* updates in the whole training, at least 1 */
} bso_schedule;

/* The name as written in settings ("constant", "step", "cosine", "inverse_sqrt", "inverse_fourth"), and back.
 * bso_schedule_parse returns 0, or BSO_ERROR without a message where the name is unknown. */
const char *bso_schedule_name(bso_schedule_kind kind);
int bso_schedule_parse(const char *name, bso_schedule_kind *kind);

/* The value at update k (0-based). From k = total on, step and cosine stay at the last update's value; the
 * inverse powers know no total and go on. */
double bso_schedule_value(const bso_schedule *s, double base, uint64_t k);

#endif
