/* fixture.h: small networks and batches for tests, and a record of what a training step handed to its
 * observer. */
#ifndef BSO_FIXTURE_H
#define BSO_FIXTURE_H

#include "core/network.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *network, *optimizer, *gradient;
    int channels, height, width, classes, batch, steps, frames;
    bool rectangular, detach_reset;
    bool sign;          /* sign neurons; steps is 1 */
    const char *update; /* realtime or accumulated; NULL: as the gradient needs */
    int error_bits;     /* 8, or 0 for 32 */
    double leak, threshold, loss_mse;
} bso_fixture;

/* A small network without and a string of one with residual units: identity, with a stride, with other
 * channels alone, after pooling of a current. */
extern const bso_fixture bso_fixture_plain;
extern const char bso_fixture_residual[];

/* Zeroed memory for tests; never NULL. */
void *bso_fixture_zeros(size_t count, size_t size);

/* The settings of a configuration, not yet checked; bso_fixture_set changes one and fails the test where
 * it is refused. */
bso_settings bso_fixture_settings(const bso_fixture *c);
void bso_fixture_set(bso_settings *s, const char *key, const char *value);

/* Check the settings and build from them, with rules attached where it is for training. Fails the test on
 * any error. */
bso_network *bso_fixture_build(const bso_fixture *c, bso_settings *s, bool training);

/* Move biases, batch norm and the last layer away from their initial values, so that neurons fire and
 * gradients matter. */
void bso_fixture_enliven(bso_network *net, uint64_t seed);

/* Random images, standard normal, as [frames][channel][sample][pixel], and labels [sample]. */
void bso_fixture_batch(const bso_fixture *c, uint64_t seed, float *x, int *y);

enum { BSO_FIXTURE_PARAMS = 32 };

typedef struct {
    const bso_network *net;
    int classes, steps;
    float *gradient[BSO_FIXTURE_PARAMS];     /* [steps][count], in the order of the weights */
    unsigned char *seen[BSO_FIXTURE_PARAMS]; /* times each of them was handed over */
    float *output;                           /* [steps][classes][n] */
    double *loss;                            /* [steps] */
    int steps_done;
} bso_fixture_record;

/* Room for one batch of the network. The observer writes into the record, which must stay where it is. */
bso_fixture_record bso_fixture_record_create(const bso_fixture *c, const bso_network *net);
void bso_fixture_record_free(bso_fixture_record *r);
bso_observer bso_fixture_observer(bso_fixture_record *r);

#endif
