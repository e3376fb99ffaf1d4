/* stages.h: where the time of a training step goes: seconds for each layer and stage, for `bso bench`.
 *
 * A network has no clock unless it is asked for one, and then looks at the time once after each piece of a
 * batch: what has passed since the last look belongs to that piece, so that nothing is left out or counted
 * twice. Wall clock of the thread that runs the batch; only the rules' updates, which threads do while they
 * make the weight gradient, are summed over threads and counted as an equal share of them.
 */
#ifndef BSO_STAGES_H
#define BSO_STAGES_H

#include "core/clock.h"
#include "core/network.h"

typedef enum {
    BSO_STAGE_PRODUCTS,         /* synapses forward: inputs times weights */
    BSO_STAGE_NEURONS,          /* batch norm, membrane, trace, packing */
    BSO_STAGE_POOLING,          /* forward */
    BSO_STAGE_LOSS,             /* and its gradient */
    BSO_STAGE_NEURONS_BACKWARD, /* surrogate and batch norm backward */
    BSO_STAGE_POOLING_BACKWARD,
    BSO_STAGE_ERRORS, /* error signals rounded to 8 bits */
    BSO_STAGE_DATA_GRADIENT,
    BSO_STAGE_WEIGHT_GRADIENT, /* with what stands for the input in it (traces), and biases */
    BSO_STAGE_UPDATE,          /* the update rule */
    BSO_STAGE_OTHER,           /* between layers and at both ends of a batch */
    BSO_STAGES
} bso_stage;

/* "forward products", "neurons", ... */
const char *bso_stage_name(bso_stage stage);

typedef struct {
    int layers;
    double (*seconds)[BSO_STAGES]; /* [layers + 1]; the last row: what is no layer's */
    double last;                   /* when the clock was looked at */
    double updating;               /* seconds of all threads since */
} bso_stage_clock;

/* From now on batches are timed, from nothing. Returns 0 or BSO_ERROR. */
int bso_network_time_stages(bso_network *net);
/* What was timed; NULL where nothing is. The name of layer i, i = layers: "". */
const bso_stage_clock *bso_network_stages(const bso_network *net);
const char *bso_network_layer_name(const bso_network *net, int i);

void bso_stage_clock_free(bso_stage_clock *clock);

/* For the network; all do nothing where there is no clock. A batch begins; what has passed since the last
 * look was that stage of that layer; a thread begins and ends a piece of an update. */
static inline void bso_stage_begin(bso_stage_clock *clock)
{
    if (!clock) return;
    clock->last = bso_clock();
    clock->updating = 0;
}

void bso_stage_add(bso_stage_clock *clock, int layer, bso_stage stage);
static inline void bso_stage_end(bso_stage_clock *clock, int layer, bso_stage stage)
{
    if (clock) bso_stage_add(clock, layer, stage);
}

static inline double bso_stage_update_begin(const bso_stage_clock *clock)
{
    return clock ? bso_clock() : 0;
}

static inline void bso_stage_update_end(bso_stage_clock *clock, double begun)
{
    if (!clock) return;
    double seconds = bso_clock() - begun;
#pragma omp atomic
    clock->updating += seconds;
}

#endif
