/* training.h: a training while it runs, for the files that make one up: trainer.c (epochs and evaluation),
 * training_log.c (what is written down), checkpoint.c (its state on disk). Nobody else looks in.
 */
#ifndef BSO_TRAINING_H
#define BSO_TRAINING_H

#include "core/dataset.h"
#include "core/measure.h"
#include "core/store.h"
#include "core/trainer.h"

/* Where it stands, at the boundary of two batches. */
typedef struct {
    uint64_t epoch, batch;  /* done: epochs, and batches of this one */
    uint64_t logged;        /* 1: this epoch's training is over and written down; evaluation comes next */
    double loss, correct;   /* sums over this epoch's batches */
    double seconds, waited; /* that they took, in this process and in those before */
} bso_position;

typedef struct {
    bso_run *run;
    const bso_settings *s;
    bso_shards *shards; /* NULL: one rank has the whole batch */
    bso_loader loader;
    bso_network *net;
    bso_trace *trace;
    bso_measure *measure;
    bso_param *params;
    bso_learner *learners;
    int param_count;
    uint64_t **initial;     /* [main parameters] signs at the start, for C2I */
    uint64_t *flips_before; /* [main parameters] flips up to this epoch */
    size_t batches;         /* of an epoch */
    bso_position at;
    const bso_checkpoints *checkpoints; /* NULL: none are made */
    double checkpointed;                /* when the last one was written */
    double earlier;                     /* seconds of the processes before */
    double from;                        /* epochs done when this process began */
    void (*progress)(const bso_progress *, void *);
    void *user;
    double begun, shown;
} bso_training;

/* ---- training_log.c ---- */

/* How many parameters the rule under test trains, and the i-th of them. */
int bso_training_logs(const bso_training *tr);
int bso_training_logged(const bso_training *tr, int i);
/* Room for all logs. Returns 0 or BSO_ERROR. */
int bso_training_log_open(bso_training *tr);
/* Flips per update and one-bit weight in this epoch, after so many batches; NaN where no weight is one bit.
 */
double bso_training_flip_rate(const bso_training *tr, size_t batches);
/* An epoch's training is over: layer by layer, and the means over one-bit weights that the epoch log holds.
 */
void bso_training_log_layers(bso_training *tr, int epoch, bso_epoch_log *e);
/* What inference costs, as it was counted. Returns 0 or BSO_ERROR. */
int bso_training_log_operations(bso_training *tr);

/* What has been held so far, at most, into the run. */
void bso_training_log_memory(bso_run *run);

/* Have on rank 0 what was counted on all ranks, and see to it that their weights agree. Returns 0 or
 * BSO_ERROR.
 */
int bso_training_gather(bso_training *tr);

/* ---- checkpoint.c ---- */

/* Do all processes of a group train the same, by the same program, on the same kind of machine? Returns 0, or
 * BSO_ERROR with the first difference. */
int bso_training_compare(const bso_training *tr);
/* Go on from the checkpoint, where there is one; else nothing changes. Of several ranks the first one reads
 * it. Returns 0 or BSO_ERROR. */
int bso_training_continue(bso_training *tr);
/* Write the state of the training, which of several ranks the first one does; without checkpoints, nothing.
 * Returns 0 or BSO_ERROR. */
int bso_training_checkpoint(bso_training *tr);
/* Has the time for it come? */
bool bso_training_checkpoint_due(const bso_training *tr);

#endif
