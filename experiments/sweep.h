/* sweep.h: carrying out a list of cells: what is finished is kept, the rest is estimated and trained. Shared
 * by `bso sweep`, `bso tune` and `bso compare`. */
#ifndef BSO_SWEEP_H
#define BSO_SWEEP_H

#include "experiments/sweep_file.h"

typedef struct {
    const char *file; /* where the cells come from, for messages */
    const char
        *only; /* only cells for this part, or whose label is this, or whose name contains it; NULL: all */
    int jobs, threads;      /* cells at once and threads of each; 0: as the machine has cores */
    const char *checkpoint; /* minutes between checkpoints, as `bso run` takes them; NULL: as usual */
    bool retry_failed;      /* try again what failed in an earlier sweep */
    bool no_wait;           /* leave what other processes are training to them */
    bool no_estimate;       /* begin without measuring how long it will take */
    bool prepare;           /* make what cells need, say how many are left, train nothing */
    bool dry;               /* list and estimate, train nothing */
    bool alone;             /* the folder is this sweep's alone: results of other cells are told of */
    char directory[2048], runs[2100]; /* DIR and DIR/runs */
} bso_sweep_options;

/* Set directory and runs. Returns 0, or BSO_ERROR where the name is empty or too long. */
int bso_sweep_folder(bso_sweep_options *o, const char *directory);

/* Train the cells that have no result in o->runs. Returns 0; 1 where a cell failed or diverged, now or in an
 * earlier sweep (each was named on standard error); BSO_ERROR or BSO_INTERRUPTED. */
int bso_sweep_run(const bso_sweep_options *o, const bso_sweep *sweep);

#endif
