/* dataset.h: a source of labelled samples, and the batches made of it.
 *
 * A format is one file in datasets/ that defines `const bso_dataset_format bso_dataset_NAME`; the Makefile
 * finds it by that line. It knows raw decoding only. Splitting, normalising, augmenting, shuffling are the
 * loader's, here.
 */
#ifndef BSO_DATASET_H
#define BSO_DATASET_H

#include "core/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BSO_CHANNELS_MAX = 16 };

typedef enum { BSO_SPLIT_TRAIN, BSO_SPLIT_VALIDATION, BSO_SPLIT_TEST, BSO_SPLITS } bso_split;

/* An opened data set. The file's own split is train and test; `private` belongs to the format. */
typedef struct bso_dataset {
    char name[64]; /* as it may be shown: "Fashion-MNIST" */
    int classes, channels, height, width;
    int frames; /* 1 for static images; T for event frames */
    size_t train_count, test_count;
    uint32_t checksum; /* CRC-32 of all samples and labels as held in memory; 0 where they are not held */
    /* One sample, decoded: out[frames][channels][height][width], pixel values scaled to [0, 1] where the
     * format stores bytes, as stored where it stores floats. split is TRAIN or TEST of the file. Thread-safe.
     */
    void (*fetch)(const struct bso_dataset *d, bso_split split, size_t index, float *out);
    int (*label)(const struct bso_dataset *d, bso_split split, size_t index);
    void (*close)(struct bso_dataset *d);
    void *private;
} bso_dataset;

typedef struct {
    const char *name;    /* the key's value: "fashion-mnist"; ends with ':' where a file follows: "hdf5:" */
    const char *summary; /* one line for `bso list`, with where the files come from */
    /* Open and check everything: magic, sizes against the file's length, labels in range. Samples are kept in
     * memory under BSO_MEM_DATASET. argument: what follows the colon, or "". Returns 0 or BSO_ERROR with the
     * file named. */
    int (*open)(bso_dataset *d, const char *argument, const char *data_dir);
} bso_dataset_format;

/* Every registered format, NULL at the end. Generated. */
extern const bso_dataset_format *const bso_dataset_formats[];

/* Open a data set by the value of its key ("fashion-mnist", "hdf5:FILE"). Returns 0 or BSO_ERROR. */
int bso_dataset_open(bso_dataset *d, const char *name, const char *data_dir);
void bso_dataset_close(bso_dataset *d);

/* For formats: the samples of both splits, held in memory, BSO_SPLIT_TRAIN and BSO_SPLIT_TEST in use. */
typedef struct {
    void *pixels[BSO_SPLITS];    /* [count][frames][channels][height][width] of bytes or floats */
    int32_t *labels[BSO_SPLITS]; /* [count] */
} bso_samples;

/* For formats: make room for the samples of d, whose shape and counts are set. element: 1 for bytes,
 * sizeof(float) for floats. Sets fetch, label, close and private; from then on bso_dataset_close gives
 * everything back, after errors, too. Returns the arrays to fill, or NULL with bso_fail. */
bso_samples *bso_dataset_hold(bso_dataset *d, size_t element);

/* For formats: find the folder that holds one of `files` (NULL at the end): data_dir or its subfolder. Where
 * data_dir is
 * "": the same of the environment's BSO_DATA_DIR, then `package` (a folder, or NULL). folder: [BSO_PATH].
 * Returns 0, or BSO_ERROR saying where it was looked for and then `advice`. */
enum { BSO_PATH = 4096 };
int bso_dataset_folder(char *folder, const char *data_dir, const char *subfolder, const char *const *files,
                       const char *package, const char *advice);

/* A data set seen through the settings: the validation split is the last `validation` fraction of the
 * training set, training uses the first train_samples (0 = all) of what remains, tests the first test_samples
 * (0 = all). */
typedef struct {
    bso_dataset data;
    size_t count[BSO_SPLITS]; /* samples of each split in use */
    size_t validation_first;  /* index of the first validation sample in the file's training set */
    float mean[16],
        deviation[16]; /* per channel, over the training samples in use, in [0, 1] units; 0 and 1 if off */
    bool shuffle, crop, flip, cutout;
    bool cutout_black; /* the hole is 0 before normalisation (behaviour=reference), not after */
    uint64_t seed;
    int threads;    /* that there is scratch for */
    float *scratch; /* one decoded sample per thread */
    size_t scratch_stride;
    uint32_t *order; /* of the training split in the current epoch */
    uint32_t order_epoch;
} bso_loader;

/* Open the data set of the settings and compute the statistics. Returns 0 or BSO_ERROR (no samples left,
 * unknown augmentation, more than 16 channels, ...). */
int bso_loader_open(bso_loader *l, const bso_settings *s);
void bso_loader_close(bso_loader *l);

/* Samples first .. first+n-1 of a split, in the epoch's order for training (augmented) and in file order
 * otherwise. x: [frames][channels][n][height][width], channel-major, normalised.  y: [n]. index: [n],
 * position in the file's split, may be NULL. The same (seed, epoch, sample) gives the same numbers whatever
 * the batch size and number of threads. */
void bso_loader_batch(bso_loader *l, bso_split split, uint32_t epoch, size_t first, size_t n, float *x,
                      int *y, uint32_t *index);

#endif
