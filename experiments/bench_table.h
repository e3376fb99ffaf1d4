/* bench_table.h: what the CSV tables of `bso bench` and its page both say. */
#ifndef BSO_BENCH_TABLE_H
#define BSO_BENCH_TABLE_H

#include "experiments/bench.h"

/* A kernel's median rate over the peak that it names; NaN where that was not measured. */
double bso_bench_share_of_peak(const bso_bench_file *f, const bso_bench_entry *e);

/* A product over all one-bit layers of a network. */
typedef struct {
    const char *kernel, *network;
    int shapes;
    double rate;  /* multiply-adds per second of an image's, all layers together */
    double ratio; /* mean of the layers' ratios to sgemm, weighted by their multiply-adds */
    double total; /* sgemm's time for all layers over the kernel's */
} bso_bench_mean;

/* Of the product whose first entry is the i-th; false where that is none, or not the first. */
bool bso_bench_overall(const bso_bench_file *f, int i, bso_bench_mean *mean);

/* Seconds for an image of the network and variant of `like`: of its layer, its stage, or all. */
double bso_bench_stage_seconds(const bso_bench_file *f, const bso_bench_entry *like, bool layer, bool stage);

/* Is the i-th entry the first of its part, network and variant, and of the same `of`, `detail`? */
bool bso_bench_is_first(const bso_bench_file *f, int i, bool of, bool detail);

/* Images per second as a power of what varies, over all samples of all points of an axis. */
typedef struct {
    double exponent, error; /* its standard error */
    int points;
} bso_bench_slope;
bso_bench_slope bso_bench_slope_of(const bso_bench_file *f, const bso_bench_entry *like);

#endif
