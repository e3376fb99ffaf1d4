/* measure.h: what the key `measure` asks to be looked at while a network trains: how alike the gradients of
 * different time steps are, and when weights flip back. It changes nothing in the training.
 *
 * Cosines: in the first BSO_COSINE_BATCHES batches of each epoch the gradients that the time steps give to
 * each parameter of the rule under test are kept, and compared when the batch is over. With updates at every
 * time step weights flip between the steps, as in any training by this method. Costs T floats a weight.
 *
 * Flips: costs an update index of 32 bits and a bit for each one-bit weight. All of it is memory of the
 * category `log`.
 */
#ifndef BSO_MEASURE_H
#define BSO_MEASURE_H

#include "core/checkpoint_file.h"
#include "core/trainer.h"

enum { BSO_COSINE_BATCHES = 4 };

typedef struct bso_measure bso_measure;

/* Start, for a network with its learners attached, whose weight logs are in the run, in the network's order.
 * The logs' arrays are made here. updates: of each parameter, in the whole training. Where the settings ask
 * for nothing, *m is NULL. Returns 0 or BSO_ERROR. */
int bso_measure_open(bso_measure **m, bso_network *net, bso_run *run, uint64_t updates);
/* What to hand to bso_network_train for batch b of an epoch, from 0. m may be NULL: nothing. */
const bso_observer *bso_measure_batch(bso_measure *m, size_t b);
/* The epoch is over: its cosines are in the logs. */
void bso_measure_epoch(bso_measure *m, int epoch);
/* The flips so far are put into the logs, as often as it is called. */
void bso_measure_flips(bso_measure *m);
/* Its state between two batches, for a checkpoint. */
void bso_measure_exchange(bso_measure *m, bso_checkpoint_file *f);
void bso_measure_close(bso_measure *m);

#endif
