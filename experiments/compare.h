/* compare.h: methods side by side. Shared by compare.c, which trains, and compare_write.c, which tells. */
#ifndef BSO_COMPARE_H
#define BSO_COMPARE_H

#include "core/result.h"
#include "experiments/method.h"
#include "experiments/protocol.h"

#include <stdbool.h>

enum { BSO_COMPARE_METHODS = 32 };

/* One method with its trainings. Arrays: [seeds of the protocol]; NaN where there is no result. */
typedef struct {
    const bso_method *method;
    char label[2 * BSO_WORD];
    bso_settings settings;          /* checked; the seed is the first one's */
    double accuracy[BSO_SEEDS_MAX]; /* test, last epoch, percent */
    double
        target_epochs[BSO_SEEDS_MAX]; /* first epoch whose validation accuracy reached the target, from 1 */
    double target_seconds[BSO_SEEDS_MAX];                  /* of training up to the end of that epoch */
    double memory_mb, bytes_per_weight, images_per_second; /* means over the seeds that are there */
    int diverged;                                          /* seeds whose training did not reach its end */
} bso_contender;

/* Write DIR/compare.md and DIR/tables/ (docs/formats.md), and print the comparison. names: of the result
 * files. Returns 0 or BSO_ERROR. */
int bso_compare_write(const char *directory, const bso_protocol *protocol, const bso_contender *c, int count,
                      const char *const *names, int name_count);

#endif
