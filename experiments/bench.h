/* bench.h: how fast this program is on this machine: what `bso bench` measures, its files
 * (DIR/bench/NAME.h5, docs/formats.md) and the tables made of them. Every number in a table comes from these
 * files.
 *
 * It measures and compares, and judges nothing: no test depends on a time.
 */
#ifndef BSO_BENCH_H
#define BSO_BENCH_H

#include "experiments/program.h"

#include <stdbool.h>
#include <stdio.h>

typedef enum {
    BSO_BENCH_PEAKS,   /* what the machine can do at most, on one thread */
    BSO_BENCH_KERNELS, /* inner loops beside a reference, on one thread */
    BSO_BENCH_LAYERS,  /* where the time of a training step goes, layer by layer and stage by stage */
    BSO_BENCH_STEPS,   /* whole training steps, and evaluation */
    BSO_BENCH_SCALING, /* training steps against threads, batch, T and width */
    BSO_BENCH_PARTS
} bso_bench_part;

/* "peaks", "kernels", ...: groups of the file, and the values of --only. */
const char *bso_bench_part_name(bso_bench_part part);

enum { BSO_BENCH_TEXT = 128, BSO_BENCH_SAMPLES = 32, BSO_BENCH_ENTRIES = 2048 };

/* One thing that was measured several times. What its texts stand for:
 *
 *            what      of              variant            detail       unit, of `work`
 *  peaks     its name                                                  MAC, add, byte
 *  kernels   its name  shape         network that has it  its peak     MAC, neuron
 *  layers    network   layer or ""     as in steps        stage        image
 *  steps     network                   "float32", "sgemm" training or  image
 *                                      or a setting       evaluation
 *  scaling   network   what varies     float32            training     image
 */
typedef struct {
    bso_bench_part part;
    char what[BSO_BENCH_TEXT], of[BSO_BENCH_TEXT], variant[BSO_BENCH_TEXT], detail[BSO_BENCH_TEXT];
    char path[BSO_BENCH_TEXT]; /* of the kernels in use: "avx2" */
    char unit[BSO_BENCH_TEXT];
    double work;  /* units of one sample */
    double bytes; /* kernels: read and written in one sample, each byte counted once a call; steps: the most
                     that training held, samples apart; else 0 */
    double x;     /* kernels: multiply-adds of an image in that network's layers of the shape; scaling: the
                     number that varies; else 0 */
    /* Each sample: seconds of the work, and of the reference doing as much right after it; NaN where there is
     * none. Kernels: sgemm of the same shape, or copying; steps: the same network by sgemm alone. */
    int samples;
    double seconds[BSO_BENCH_SAMPLES], reference[BSO_BENCH_SAMPLES];
} bso_bench_entry;

typedef struct {
    char name[BSO_BENCH_TEXT]; /* the file's, without ".h5" */
    bool quick;
    int threads;
    int entries;
    bso_bench_entry *entry; /* room for BSO_BENCH_ENTRIES */
    char started[32], ended[32], commit[64], cpu[256], kernel_path[16];
} bso_bench_file;

/* ---- files (bench_file.c) ---- */

/* Room for entries, of which there are none yet. Returns 0 or BSO_ERROR. */
int bso_bench_room(bso_bench_file *file);
void bso_bench_free(bso_bench_file *file);
/* Write it. command: how the program was started, or NULL. Returns 0 or BSO_ERROR. */
int bso_bench_write(const char *path, const bso_bench_file *file, const char *command);
/* Read it; what is in it is checked. Returns 0, or BSO_ERROR naming the file; then it is empty. */
int bso_bench_read(const char *path, bso_bench_file *file);

/* ---- what entries say (bench_numbers.c) ---- */

/* Units per second: of the fastest sample, and of the median one. spread: from the lower to the upper
 * quartile of the samples' seconds, over their median. All NaN where nothing was measured. */
typedef struct {
    double best, median, spread;
} bso_bench_rate;
bso_bench_rate bso_bench_rate_of(const bso_bench_entry *entry);
bso_bench_rate bso_bench_reference_rate(const bso_bench_entry *entry);
/* How many times faster than the reference: the median over samples, each beside its own reference; NaN. */
double bso_bench_ratio(const bso_bench_entry *entry);
/* The first entry with these texts (NULL: any), or NULL. */
const bso_bench_entry *bso_bench_find(const bso_bench_file *file, bso_bench_part part, const char *what,
                                      const char *variant, const char *detail);
/* The entry of the same thing in another file, or NULL. */
const bso_bench_entry *bso_bench_same(const bso_bench_file *file, const bso_bench_entry *entry);

/* ---- tables (bench_table.c, bench_page.c) ---- */

/* Write the tables of DIR/bench/<all>.h5 into DIR/tables (bench_*.csv, bench.md). Where there is no such
 * file, there are none, nor those of before. Returns 0; 1 where a file could not be read; BSO_ERROR. */
int bso_bench_tables(const char *directory);
/* Print a file's tables as Markdown. */
void bso_bench_print(FILE *out, const bso_bench_file *file);
/* Print how a file compares with an earlier one, as Markdown. */
void bso_bench_print_baseline(FILE *out, const bso_bench_file *file, const bso_bench_file *baseline);

/* ---- measuring (bench_measure.c) ---- */

/* What is asked for, what came out, and how far it is. */
typedef struct {
    bool quick;
    int threads, batch;
    int samples, rounds; /* of a kernel; of networks, which are measured in turns */
    double least;        /* seconds of a sample */
    const char *network; /* instead of the usual ones; NULL: these */
    bool part[BSO_BENCH_PARTS];
    bso_bench_file file;
    /* The first of two passes only adds up the work, in multiply-adds. */
    bool planning;
    double work, worked, begun;
    bso_status view;
} bso_bench;

/* Before a piece of work that costs about that many multiply-adds: shows how far it is. Returns 0: do it;
 * BSO_BENCH_PLANNED: pass it over; BSO_ERROR or BSO_INTERRUPTED. */
enum { BSO_BENCH_PLANNED = 1 };
int bso_bench_pass(bso_bench *b, bso_bench_part part, const char *what, double macs);
/* A new entry with these texts and the name of the kernels in use, all samples to come; NULL: no more room.
 */
bso_bench_entry *bso_bench_add(bso_bench *b, bso_bench_part part, const char *what, const char *of);

/* Time run(scene) and, in turns with it, reference(scene), which may be NULL, by the clock of this thread,
 * which does all of it: once unmeasured, then as often as makes b->least seconds for each sample. The entry's
 * work and bytes are those of one call on entry, of a sample on return. */
typedef void (*bso_bench_run)(void *scene);
void bso_bench_measure(const bso_bench *b, bso_bench_entry *e, bso_bench_run run, bso_bench_run reference,
                       void *scene);

/* Each measures its parts, or plans them. Returns 0, BSO_ERROR or BSO_INTERRUPTED. */
int bso_bench_peaks(bso_bench *b);
int bso_bench_kernels(bso_bench *b);
int bso_bench_elementwise(bso_bench *b);
int bso_bench_steps(bso_bench *b); /* and layers */
int bso_bench_scaling(bso_bench *b);

#endif
