/* trainer.h: one training from settings to numbers. It writes no file but checkpoints and those of `save` and
 * `trace`. */
#ifndef BSO_TRAINER_H
#define BSO_TRAINER_H

#include "core/memory.h"
#include "core/network.h"
#include "core/operations.h"
#include "core/settings.h"
#include "core/shards.h"

#include <signal.h>

/* One epoch. Accuracies are fractions; NaN where there is nothing to measure. */
typedef struct {
    double train_loss, train_accuracy; /* running, over the epoch's batches */
    double validation_loss, validation_accuracy, test_loss, test_accuracy; /* at the epoch's end */
    double flip_rate;       /* flips per update and weight, mean over the epoch's updates (FF ratio) */
    double c2i;             /* share of one-bit weights that differ from their initial sign */
    double seconds;         /* training only */
    double waiting_seconds; /* of these, for samples to be decoded, augmented and put into batches */
    double images_per_second;
    double evaluation_seconds;   /* batch norm's estimation (norm_batches) included */
    double lr;                   /* of the full-precision parameters, at the epoch's last update */
    double hyper[BSO_HYPER_MAX]; /* of the rule, likewise, in the rule's order */
} bso_epoch_log;

enum { BSO_FLIP_GAPS = 32, BSO_FLIP_BINS = 512 };

/* One parameter trained by the rule under test. What `measure` asks for is NULL where it was not asked for,
 * or where the weights are not one bit each (flips). */
typedef struct {
    char name[32];
    size_t weights;
    double *flips;     /* [epochs] flips in the epoch */
    double *flip_rate; /* [epochs] per update and weight */
    double *c2i;       /* [epochs] */
    double *v;         /* [epochs][time_entries] at the epoch's end, NaN where the rule has none */
    double *threshold; /* [epochs][time_entries] likewise */
    /* measure=cosine: [epochs][T][T] cosine similarity between this parameter's gradients of time steps t and
     * t', mean over the epoch's first batches (core/measure.h); NaN where one was zero. */
    double *cosine;
    /* measure=flips: flips per weight and update, mean over each of flip_bins equal parts of the training. */
    double *flip_curve;
    /* measure=flips: flips of weights that had flipped before, by the number of updates since: [0] 1 update
     * ago, [g] more than 2^(g-1) and at most 2^g. The other flips were their weight's first. */
    double *flip_gaps;
} bso_weight_log;

typedef struct {
    char name[32];
    size_t neurons;
    double *firing_rate; /* [epochs][T] spikes per neuron, training batches */
} bso_neuron_log;

enum { BSO_STOPPED = 512 };

/* Everything a training measured. Owned by the caller, freed with bso_run_free. */
typedef struct {
    bso_settings settings; /* as checked: auto resolved */
    char dataset_name[64];
    uint32_t data_checksum; /* CRC-32 of the samples and labels, 0 if unknown */
    size_t samples[3];      /* train, validation, test in use */
    int epochs_done, time_entries;
    bso_epoch_log *epochs;
    /* The last epoch's, never the best one's; with epochs=0 the network as initialised; accuracies and losses
     * are NaN where the training diverged. */
    bso_epoch_log final;
    char stopped[BSO_STOPPED]; /* what was not finite, and where, in a training that diverged; else "" */
    int weight_logs, neuron_logs;
    bso_weight_log *weights;
    bso_neuron_log *neurons;
    int flip_bins; /* parts of flip_curve: BSO_FLIP_BINS or, of a short training, its updates */
    /* What inference costs for a sample of the test set, by the weights at the end (core/operations.h);
     * operation_logs is 0 where there was no test sample, or the training diverged. */
    int operation_logs;
    bso_synapse_operations *operations;
    double activation_sparsity; /* share of neuron outputs that are 0, over samples and time steps */
    double connection_sparsity; /* share of weights that are 0 */
    uint64_t updates;           /* per parameter, done */
    double *batch_loss;         /* [batches done] */
    size_t batches;
    double model_bytes, model_bytes_float;
    size_t one_bit_weights, float_weights; /* counts */
    uint64_t weights_hash;
    size_t memory_current[BSO_MEM_CATEGORIES], memory_peak[BSO_MEM_CATEGORIES],
        memory_at_peak[BSO_MEM_CATEGORIES];
    size_t memory_total_peak;
    size_t rss_start, rss_peak;  /* after library start, and at the end */
    char started[32], ended[32]; /* ISO 8601, UTC */
    double seconds;
    int threads;
    char kernel_path[16];
    char ranks[16];          /* what the shards are worked on by: "threads" or "mpi"; "" of one shard */
    bso_traffic traffic;     /* of rank 0, in training batches */
    int continued;           /* times that it went on from a checkpoint */
    char kernel_change[128]; /* "avx2 to portable at epoch 3, batch 17", the last time it went on elsewhere */
} bso_run;

/* Where a training stands; called about every 0.2 s and at each epoch's end. */
typedef struct {
    const bso_run *run;
    int epoch, epochs;     /* 1-based */
    size_t batch, batches; /* of this epoch */
    double loss, accuracy; /* running means of this epoch */
    double flip_rate, images_per_second, seconds_left;
    bool epoch_end;
} bso_progress;

/* Where the state of a training is kept, so that it can go on in another process with the same bits as if it
 * had never stopped. */
typedef struct {
    const char *path;         /* NULL: nowhere. The one before is kept under PATH.previous */
    double seconds;           /* between two, besides those at each epoch's end and where it is stopped */
    bool allow_kernel_change; /* go on with other kernels or another CPU, which is noted in the run */
    bool or_restart; /* where there is one of another program, network or data set: begin anew, with a
                        warning, rather than fail */
} bso_checkpoints;

/* What a training is, beside its settings. All zero: nothing of it. */
typedef struct {
    bso_checkpoints checkpoints; /* not together with the key `trace`: none are made then */
    void (*progress)(const bso_progress *p, void *user);
    void *user;
} bso_train_options;

/* Set by the program's signal handler: training stops at the next batch boundary with BSO_INTERRUPTED. */
extern volatile sig_atomic_t bso_stop_requested;

/* Start the libraries (flush-to-zero, OpenBLAS's buffers and threading checked, kernel path picked) once per
 * process; threads > 0 sets the number of OpenMP threads. Returns 0 or BSO_ERROR. */
int bso_start(int threads);

/* The network that a training of those settings trains: built, initialised (or read from `init`), its rules
 * bound; in plan mode no weight is touched. Sizes as in bso_network_create. total_updates: of a parameter.
 * Returns 0 or BSO_ERROR; *net is to be freed in both cases. */
int bso_train_network(bso_network **net, const bso_settings *s, int channels, int height, int width,
                      int frames, int classes, uint64_t total_updates);

/* Train; options: NULL for none. Returns 0, BSO_ERROR, BSO_INTERRUPTED or BSO_DIVERGED; run is valid (and to
 * be freed) in every case. BSO_DIVERGED: run->stopped says why, and the run holds what was measured up to
 * there, the epochs that were finished and the losses of all batches; `save` and `trace` are not written. */
int bso_train(const bso_settings *s, bso_run *run, const bso_train_options *options);
/* Remove the checkpoints of a training that needs them no longer, and what was left of writing them. */
void bso_checkpoints_remove(const char *path);
void bso_run_free(bso_run *run);

#endif
