/* bench_parts.h: what the parts of `bso bench` share in measuring: names of peaks, networks that are trained
 * side by side. */
#ifndef BSO_BENCH_PARTS_H
#define BSO_BENCH_PARTS_H

#include "core/network.h"
#include "experiments/bench.h"

/* Peaks by name. Look-ups: loaded from the innermost cache and added, of rows of a table that holds the sums
 * of four inputs, so that one counts for four multiply-adds. Bits counted: and, count, add. Bytes copied:
 * read and written ones. */
#define BSO_PEAK_MULTIPLY_ADD  "float32 multiply-adds"
#define BSO_PEAK_BYTES         "byte multiply-adds"
#define BSO_PEAK_LOOK_UP       "float32 look-ups"
#define BSO_PEAK_LOOK_UP_SHORT "int16 look-ups"
#define BSO_PEAK_LOOK_UP_BYTES "byte look-ups"
#define BSO_PEAK_COUNT         "bits counted"
#define BSO_PEAK_COPY          "bytes copied"

/* A network and its samples. */
typedef struct {
    const char *layers;
    int channels, height, width;
} bso_bench_network;

/* Those that are measured: the usual ones, or the one asked for. Returns how many; all last as long as b. */
enum { BSO_BENCH_NETWORKS = 2, BSO_BENCH_CLASSES = 10 };
int bso_bench_networks(const bso_bench *b, bso_bench_network networks[BSO_BENCH_NETWORKS]);

/* What a training is: settings beside those of T-BSO, as KEY=VALUE or NULL, and the name of the kernels. */
typedef struct {
    int batch, steps, threads;
    const char *setting, *kernels;
} bso_bench_way;

/* A network in training, with one batch of made-up samples. */
typedef struct {
    bso_bench_way way;
    bso_network *net;
    float *x;
    int *y;
    double macs;  /* multiply-adds of all synapses for a batch, forward and backward */
    size_t bytes; /* held by training: all but measuring and descriptions */
    int batches;  /* that make one sample of a measurement */
    int evaluated;
} bso_bench_trainee;

/* Build it, or only plan it: then its memory must not be touched. Returns 0 or BSO_ERROR; to be freed in both
 * cases. */
int bso_bench_trainee_make(bso_bench_trainee *t, const bso_bench_network *network, const bso_bench_way *way,
                           bool plan);
void bso_bench_trainee_free(bso_bench_trainee *t);
/* What a sample of training costs in time, as multiply-adds of sgemm on one thread: at least what b->least
 * allows for. */
double bso_bench_cost(const bso_bench *b, const bso_bench_trainee *t);
/* Train a batch unmeasured, and find how many batches make a sample. Returns 0 or BSO_ERROR. */
int bso_bench_warm_up(const bso_bench *b, bso_bench_trainee *t);
/* Seconds of t->batches batches of training, or t->evaluated of evaluation; *status as of a training. */
double bso_bench_train(bso_bench_trainee *t, int *status);
double bso_bench_evaluate(bso_bench_trainee *t, int *status);

/* "vgg11, 3 x 32 x 32, T = 2, batch 128" */
void bso_bench_network_text(const bso_bench_network *network, int steps, int batch, char *text, size_t size);

#endif
