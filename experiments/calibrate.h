/* calibrate.h: how long a training will take here, from a few batches of it. An estimate for people; no
 * result depends on it. */
#ifndef BSO_CALIBRATE_H
#define BSO_CALIBRATE_H

#include "core/settings.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    double open;             /* seconds to start and to open the data */
    double batch, sample;    /* seconds for a training batch; for a sample evaluated */
    size_t batches, samples; /* training batches and samples evaluated in an epoch */
    bool known;              /* measured; else problem says why not */
    char problem[512];
} bso_cost;

/* Do two settings cost the same, up to epochs, seed and hyperparameters? */
bool bso_cost_same(const bso_settings *a, const bso_settings *b);

/* Seconds for a whole training; NaN where the cost is not known. */
double bso_cost_seconds(const bso_cost *cost, const bso_settings *s);

/* Open the data set of each of the n settings, and close it again. problem[i] is "" where all is well. In a
 * child process, so that nothing of it stays. Returns 0, BSO_ERROR or BSO_INTERRUPTED. */
int bso_check_data(const bso_settings *const *settings, size_t n, char (*problem)[512]);

/* Measure each of the n settings for about a second on `workers` processes of `threads` threads. Their
 * problems (a network that cannot be built, a data set that cannot be opened) go into costs[i], not into the
 * code. Returns 0, BSO_ERROR or BSO_INTERRUPTED. */
int bso_calibrate(const bso_settings *const *settings, size_t n, int workers, int threads, bso_cost *costs);

#endif
