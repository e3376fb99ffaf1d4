/* dataset.h: a source of labelled samples, and the batches made of it.
 *
 * A format is one file in datasets/ that defines `const bso_dataset_format bso_dataset_NAME`; the Makefile
 * finds it by that line. It knows raw decoding only. Splitting, normalising, augmenting, shuffling are the
 * loader's, here.
 */
#ifndef BSO_DATASET_H
#define BSO_DATASET_H

#include "core/file.h"
#include "core/settings.h"
#include "core/view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BSO_CHANNELS_MAX = 16 };

typedef enum { BSO_SPLIT_TRAIN, BSO_SPLIT_VALIDATION, BSO_SPLIT_TEST, BSO_SPLITS } bso_split;

/* An opened data set. The file's own split is train and test; `private` belongs to the format. */
typedef struct bso_dataset {
    char name[64]; /* as it may be shown: "Fashion-MNIST" */
    bool stand_in; /* an imitation, called so */
    int classes, channels, height, width;
    int frames; /* 1 for static images; T for event frames */
    size_t train_count, test_count;
    size_t validation_count;  /* so many of the training samples, the last, are the official validation split;
                                 0: there is none */
    const char **class_names; /* [classes]; NULL: classes have numbers only. bso_dataset_name_classes */
    uint32_t checksum; /* CRC-32 of all samples and labels as held in memory; where they are not held, of
                          their files' names */
    bool streams;      /* samples are decoded from their files whenever they are asked for */
    bool sorted;       /* samples come class by class: the loader takes them in a fixed, mixed order */
    bool pictures;     /* values are pixels in [0, 1] */
    bool views;        /* fetch can make a resized crop */
    bool stated;       /* normalise by this mean and deviation, the data set's stated ones; else measured */
    float mean[BSO_CHANNELS_MAX], deviation[BSO_CHANNELS_MAX];
    /* One sample, decoded: out[frames][channels][height][width], pixel values scaled to [0, 1] where the
     * format stores bytes, as stored where it stores floats. split is TRAIN or TEST of the file. view: NULL
     * for the sample as evaluation sees it, else a random-resized crop. Thread-safe. Returns 0 or BSO_ERROR.
     */
    int (*fetch)(const struct bso_dataset *d, bso_split split, size_t index, const bso_view *view,
                 float *out);
    int (*label)(const struct bso_dataset *d, bso_split split, size_t index);
    void (*close)(struct bso_dataset *d);
    void *private;
} bso_dataset;

typedef struct {
    const char *name; /* the key's value: "fashion-mnist"; ends with ':' where something follows: "hdf5:" */
    const char *argument; /* what follows, in a word: "FILE"; NULL: nothing */
    const char *summary;  /* one line for `bso list`, with where the files come from */
    /* Open and check everything: magic, sizes against the file's length, labels in range. Samples are kept in
     * memory under BSO_MEM_DATASET, unless d->streams. argument: what follows the colon, or "". s: data_dir
     * and the keys that choose what samples are made of the files. Returns 0 or BSO_ERROR with the file
     * named. */
    int (*open)(bso_dataset *d, const char *argument, const bso_settings *s);
    /* Find the folder of its files (bso_dataset_folder). folder: [BSO_PATH]. Returns 0, or BSO_ERROR saying
     * where it was looked for and what to do. NULL where the argument says it. */
    int (*find)(char *folder, const bso_settings *s);
    /* Which of the keys that choose what samples are made of the files it looks at (image_size,
     * subset_classes, subset_per_class, event_slices, test_split, speech_classes); NULL at the end; NULL:
     * none. Another one that is set is an error, not passed over. */
    const char *const *keys;
    /* Where a sample is a file: how the names of such files end (NULL at the end), and whether one of them
     * can be read: 0, or BSO_ERROR naming it. Thread-safe. */
    const char *const *endings;
    int (*check_file)(const char *path);
} bso_dataset_format;

/* Every registered format, NULL at the end. Generated. */
extern const bso_dataset_format *const bso_dataset_formats[];

/* The format of a data set's name. NULL with bso_fail naming those that there are. */
const bso_dataset_format *bso_dataset_format_find(const char *name);

/* Open the data set of the settings ("fashion-mnist", "hdf5:FILE", "stand-in:cifar10"). Returns 0 or
 * BSO_ERROR. */
int bso_dataset_open(bso_dataset *d, const bso_settings *s);
void bso_dataset_close(bso_dataset *d);

/* Values of one sample: frames x channels x height x width. */
size_t bso_dataset_values(const bso_dataset *d);

/* For formats: the samples of both splits, held in memory, BSO_SPLIT_TRAIN and BSO_SPLIT_TEST in use. */
typedef struct {
    void *pixels[BSO_SPLITS];    /* [count][frames][channels][height][width] of bytes or floats */
    int32_t *labels[BSO_SPLITS]; /* [count] */
} bso_samples;

/* For formats: make room for the samples of d, whose shape and counts are set. element: 1 for bytes,
 * sizeof(float) for floats. Sets fetch, label, close and private; from then on bso_dataset_close gives
 * everything back, after errors, too. Returns the arrays to fill, or NULL with bso_fail. */
bso_samples *bso_dataset_hold(bso_dataset *d, size_t element);

/* For formats: name the classes, whose number is set: names[classes], copied. Returns 0 or BSO_ERROR. */
int bso_dataset_name_classes(bso_dataset *d, const char *const *names);

/* For formats: set the name: `shown`, unless there is a file STAND-IN in the folder. Then the name is that
 * file's first line: an imitation never bears the name of what it imitates. */
void bso_dataset_call(bso_dataset *d, const char *shown, const char *folder);

/* For formats: find the folder that holds one of `files` (NULL at the end): data_dir or its subfolder. Where
 * data_dir is "": the same of the environment's BSO_DATA_DIR, then `package` (a folder, or NULL). folder:
 * [BSO_PATH]. Returns 0, or BSO_ERROR saying where it was looked for and then `advice`. */
int bso_dataset_folder(char *folder, const char *data_dir, const char *subfolder, const char *const *files,
                       const char *package, const char *advice);

struct bso_prefetch;

/* A data set seen through the settings. The validation split is the official one where there is one, else the
 * last `validation` fraction of the training set; training uses the first train_samples (0: all) of what
 * remains, tests the first test_samples (0: all). Sets that come class by class are brought into a mixed
 * order first, which depends on split_seed alone. */
typedef struct {
    bso_dataset data;
    size_t count[BSO_SPLITS]; /* samples of each split in use */
    size_t validation_first;  /* position of the first validation sample in the training set */
    /* Per channel: the stated ones, or those of the training samples in use; 0 and 1 if off. */
    float mean[BSO_CHANNELS_MAX], deviation[BSO_CHANNELS_MAX];
    bool shuffle, crop, resized_crop, flip, autoaugment, cutout;
    bool black; /* what comes from nowhere is 0 before normalisation (behaviour=reference), not after: the
                   hole of cutout, and with autoaugment the rim of crop */
    uint64_t seed;
    double waited; /* seconds that bso_loader_next has taken so far: training waited for samples */
    int threads;   /* OpenMP threads that there is scratch for; the workers' comes behind */
    int workers;
    size_t queue;
    char *scratch; /* a decoded sample, and room for augmentation, for each thread */
    size_t scratch_stride;
    uint32_t *mixed[BSO_SPLITS]; /* TRAIN and TEST: index in the file of each position; NULL: the same */
    uint32_t *order;             /* positions of the training split in the current epoch */
    uint32_t order_epoch;
    int shard, shards; /* which part of each batch of a sequence is made, of how many */
    bool borrowed;     /* data belongs to another loader */
    /* The sequence that bso_loader_start began. */
    bso_split split;
    uint32_t epoch;
    size_t next, end, batch;
    size_t room; /* samples in x */
    float *x;
    int *y;
    struct bso_prefetch *ahead; /* NULL where batches are made when they are asked for */
} bso_loader;

/* Open the data set of the settings and find the statistics. Returns 0 or BSO_ERROR (no samples left,
 * unknown augmentation, more than 16 channels, ...). */
int bso_loader_open(bso_loader *l, const bso_settings *s);
void bso_loader_close(bso_loader *l);
/* The same for one rank of several that have a shard of each batch each. lender: an open loader of the same
 * settings, which must stay open, whose data set is used; NULL: one of its own is opened. */
int bso_loader_open_shard(bso_loader *l, const bso_settings *s, int shard, const bso_loader *lender);

/* The index in the file of a position in a split; of training in the order of the last epoch asked for. */
size_t bso_loader_index(const bso_loader *l, bso_split split, size_t position);

/* Samples first .. first+n-1 of a split, in the epoch's order for training (augmented) and in a fixed order
 * otherwise. x: [frames][channels][n][height][width], channel-major, normalised.  y: [n]. index: [n], in the
 * file's split, may be NULL. The same (seed, epoch, sample) gives the same numbers whatever the batch size
 * and number of threads. Returns 0, or BSO_ERROR where a sample cannot be decoded. */
int bso_loader_batch(bso_loader *l, bso_split split, uint32_t epoch, size_t first, size_t n, float *x, int *y,
                     uint32_t *index);

/* The same batch after batch: samples first .. end-1 of a split, `batch` at a time, the last one maybe
 * shorter. Workers, where there are some, make the next `queue` batches meanwhile. A sequence may be left
 * before its end. Allocates at the first call, and where `batch` has grown. Returns 0 or BSO_ERROR. */
int bso_loader_start(bso_loader *l, bso_split split, uint32_t epoch, size_t first, size_t end, size_t batch);
/* The next batch: x and y as above, good until the next call; n samples. Of a shard: of the next batch those
 * that are this shard's; of a last one that is shorter there may be none (n = 0). Returns 0 or BSO_ERROR. */
int bso_loader_next(bso_loader *l, const float **x, const int **y, size_t *n);

#endif
