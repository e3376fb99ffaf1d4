/* small_training.h: a data set that a test makes in a moment, and settings that train on it. */
#ifndef BSO_TESTS_SMALL_TRAINING_H
#define BSO_TESTS_SMALL_TRAINING_H

#include "core/trainer.h"

enum { BSO_SMALL_TRAIN = 40, BSO_SMALL_TEST = 10, BSO_SMALL_SIDE = 6, BSO_SMALL_CLASSES = 3 };

/* Write noisy images of three classes, as own.h5 in the folder of dataset_files.h: 40, a fifth of them for
 * validation, and 10. Returns settings of three epochs of four batches each. */
bso_settings bso_small_training(void);

/* Set a key, train; either fails the test where it fails. */
void bso_small_set(bso_settings *s, const char *key, const char *value);
void bso_small_train(const bso_settings *s, bso_run *run, const bso_train_options *o);

/* For `progress` of a training's options, which is called after the first batch of a process: stop there. */
void bso_small_stop(const bso_progress *p, void *user);

/* Fail the test unless two runs agree, to the last bit, in what they learnt and logged: not in times and
 * bytes. */
void bso_small_same(const bso_run *a, const bso_run *b);

#endif
