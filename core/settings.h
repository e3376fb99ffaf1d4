/* settings.h: every setting of a training, by the one name it has everywhere: `--set key=value`, sweep files,
 * /config of result files, docs.
 *
 * Hyperparameters of a rule (gamma, one_minus_beta1, weight_lr, ...) are declared by the rule's file; here
 * they are only kept by name, and checked against the chosen rule by bso_settings_check.
 */
#ifndef BSO_SETTINGS_H
#define BSO_SETTINGS_H

#include "core/optimizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BSO_TEXT = 1024, BSO_WORD = 64 };

typedef struct {
    /* what is trained on what, by what */
    char dataset[BSO_TEXT], data_dir[BSO_TEXT], network[BSO_TEXT];
    char optimizer[BSO_WORD], gradient[BSO_WORD]; /* gradient=auto: what neuron and behaviour call for */
    char update[BSO_WORD]; /* realtime (at every time step), accumulated (once per batch), auto: as the
                              gradient needs */
    int64_t steps, epochs, batch;
    int64_t shards; /* parts of a batch that are worked on apart and then added up, in this order */
    int64_t train_samples, test_samples; /* 0: all */
    double validation;
    bool shuffle, normalize;
    char augment[BSO_WORD]; /* none, or crop, resizedcrop, flip, autoaugment, cutout joined by + */
    /* how samples are made of files that leave a choice */
    int64_t image_size;                       /* 0: the data set's own */
    int64_t subset_classes, subset_per_class; /* of class folders; 0: all */
    char event_slices[BSO_WORD];              /* count, duration */
    char test_split[BSO_WORD];                /* random, last: of sets without a split of their own */
    uint64_t split_seed;
    char speech_classes[BSO_WORD]; /* all, 12 */
    int64_t norm_batches;          /* 0: none */
    char measure[BSO_WORD];        /* none, or flips, cosine joined by + */
    uint64_t seed;
    /* neuron and loss */
    char neuron[BSO_WORD];    /* lif; sign: the binary activations -1 and +1 of non-spiking networks, T = 1 */
    char behaviour[BSO_WORD]; /* where paper and reference code differ (docs/methods.md): paper, reference */
    double leak, threshold, loss_mse;
    char surrogate[BSO_WORD];
    bool detach_reset;
    int64_t error_bits;    /* 32, 8: of the error signals that one-bit layers work with */
    int64_t momentum_bits; /* 32, 16, 8: of the momentum of a rule on bits */
    /* schedules; lr is the learning rate of the full-precision parameters, trained by SGD under every method
     */
    double lr;
    char lr_schedule[BSO_WORD], schedule[BSO_WORD];
    double schedule_factor;
    int64_t schedule_stages;
    /* not part of the experiment's identity, init excepted */
    char label[BSO_WORD]; /* the method's name in tables; "" makes one of optimizer and gradient */
    char parts[BSO_TEXT]; /* the tables and figures that the training is for, joined by + */
    char init[BSO_TEXT], save[BSO_TEXT], trace[BSO_TEXT];
    int64_t trace_updates, threads;
    char cache[BSO_TEXT]; /* folder of preprocessed samples and stand-ins; "": the usual one; off */
    int64_t workers, queue;
    /* hyperparameters given by name */
    int hypers_set;
    struct {
        char name[BSO_WORD];
        double value;
    } hyper[BSO_HYPER_MAX];
} bso_settings;

typedef enum {
    BSO_KEY_TEXT,
    BSO_KEY_WORD,
    BSO_KEY_INTEGER,
    BSO_KEY_SEED,
    BSO_KEY_NUMBER,
    BSO_KEY_SWITCH
} bso_key_type;

/* Is a key part of the experiment's identity: does it change the result, so that it is in the cell's hash?
 * One that came when results had been written without it may be missing in files, and is no part of the hash
 * at its default, which those results were trained with. */
typedef enum { BSO_IDENTITY_NOT = false, BSO_IDENTITY = true, BSO_IDENTITY_LATER } bso_key_identity;

typedef struct {
    const char *name;
    bso_key_type type;
    size_t offset;       /* into bso_settings */
    const char *initial; /* default, as text */
    double min, max;     /* numbers: inclusive range */
    const char *choices; /* words and integers: "a|b|c", or NULL */
    bso_key_identity identity;
    const char *meaning;
} bso_key;

/* The table of keys, ends with a NULL name. */
extern const bso_key bso_keys[];

/* All defaults. */
void bso_settings_default(bso_settings *s);

/* Set one key from text. Unknown key (the nearest name is suggested), not a number, out of range, not a
 * choice: BSO_ERROR. */
int bso_settings_set(bso_settings *s, const char *key, const char *value);

/* The value of a key as text, as it would be set; for hyperparameters the effective value (default where not
 * set). Returns 0, or BSO_ERROR for an unknown key. */
int bso_settings_get(const bso_settings *s, const char *key, char *text, size_t size);

/* The gradient estimator's name, what `auto` stands for in place of that word; also before
 * bso_settings_check. */
const char *bso_settings_gradient(const bso_settings *s);

/* Is the word in a list joined by '+', as in augment, measure and parts? */
bool bso_settings_has(const char *list, const char *word);

/* The method's name: the label, or "optimizer (gradient)" where it is empty. */
void bso_settings_label(const bso_settings *s, char *text, size_t size);

/* Check what depends on several keys: the rule exists, hyperparameters belong to it, gradient, update, neuron
 * and T go together. Puts what they stand for in place of the words `auto`. Returns 0 or BSO_ERROR. */
int bso_settings_check(bso_settings *s);

/* Values of the rule's hyperparameters in its order: set ones, else defaults (some depend on `behaviour`).
 * weight_lr defaults to lr where its default is 0. */
void bso_settings_hypers(const bso_settings *s, const bso_optimizer *rule, double values[BSO_HYPER_MAX]);

/* 64-bit FNV-1a over "key=value\n" of every identity key and effective hyperparameter, in table order. The
 * data directory is not part of it. */
uint64_t bso_settings_hash(const bso_settings *s);

#endif
