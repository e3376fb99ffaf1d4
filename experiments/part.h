/* part.h: the parts of the paper that are reproduced: which tables and figures there are, what each shows,
 * and which trainings are for it (the key `parts`). How they are written is part_tables.h's.
 */
#ifndef BSO_PART_H
#define BSO_PART_H

#include "core/settings.h"

#include <stdbool.h>

typedef struct {
    const char *name;     /* "table2", as in the key `parts` and for --only */
    const char *title;    /* what it shows */
    const char *reported; /* its name in experiments/reported.csv, or NULL: the paper has no figures of it */
    const char *dataset;  /* the paper's data set, whose figures stand beside results on another one */
    const char *varies;   /* the keys that it is about, joined by spaces: no scaling down if they differ */
    const char *columns;  /* those among them that have columns of their own, or NULL */
} bso_part;

/* The parts that are made of trainings; ends with a NULL name. Table 1, Figure 4 and the regret plots are
 * made by `bso memory` and `bso regret`. */
extern const bso_part bso_parts[];

/* The part of that name, or NULL. */
const bso_part *bso_part_find(const char *name);

/* Is each of the names joined by '+' a part? Returns 0, or BSO_ERROR naming one that is not. */
int bso_part_check(const char *parts);

/* The key of column c of a part's `columns`, 0 for the first. Returns false where there is none. */
bool bso_part_column(const bso_part *part, int c, char key[BSO_WORD]);

/* Add those names of `more` that are not there yet; one that has no room is left out. */
void bso_part_add(char parts[BSO_TEXT], const char *more);

#endif
