/* table.h: the results of a sweep read back, grouped over seeds, and written as tables. Shared by `bso table`
 * and `bso report`.
 *
 * Every number comes from the result files. Accuracy is that of the last epoch. MB are 10^6 bytes.
 */
#ifndef BSO_TABLE_H
#define BSO_TABLE_H

#include "core/result.h"
#include "experiments/failed.h"

#include <stdio.h>

/* Over the runs that reached their end and where the number is there: n of them; sd with n - 1, NaN where n
 * < 2. */
typedef struct {
    double mean, sd;
    int n;
} bso_summary;

/* Runs that agree in everything but the seed. */
typedef struct {
    const bso_run **runs;
    int run_count;
    int diverged;               /* runs that did not reach their end: no summary counts them */
    char method[3 * BSO_WORD];  /* the label, and what tells it from its like */
    char dataset[2 * BSO_TEXT]; /* for plots: short, and different for every section */
    uint64_t hash;              /* of the settings, the seed left out */
    int section;                /* rows of one data set, network and length of training are a section */
    bso_representation weights;
} bso_row;

typedef struct {
    char **paths; /* of the runs */
    bso_run *runs;
    int run_count;
    int unreadable;        /* files that could not be read; each was named on standard error */
    bso_failure *failures; /* cells that have no result because their trainings failed */
    int failure_count;
    bso_row *rows; /* by section, kind of weights, method, T */
    int row_count;
    bool borrowed; /* runs and paths are another table's */
} bso_table;

/* Read DIR/runs/<all>.h5. The rows are those of the comparison: trainings that are for no part of the paper,
 * or for Table 2; there may be none. Returns 0, or BSO_ERROR when there is no result at all. Free it in both
 * cases. */
int bso_table_load(bso_table *table, const char *directory);
/* The same of those files in DIR/runs whose names are given. */
int bso_table_load_some(bso_table *table, const char *directory, const char *const *names, int count);
void bso_table_free(bso_table *table);

/* Rows of those runs of a table that are wanted (NULL: of all). The runs stay the table's, which must outlive
 * them. shown: keys, joined by spaces, that whoever prints the rows shows in columns of their own, so that
 * they need not stand behind a name. Returns 0 or BSO_ERROR; free it in both cases. */
typedef bool (*bso_run_wanted)(const bso_run *run, const void *argument);
int bso_table_select(bso_table *selected, const bso_table *table, bso_run_wanted wanted, const void *argument,
                     const char *shown);

/* "Fashion-MNIST, network 16C3-…-FC, 8 epochs of 12000 samples, batch 128" */
void bso_section_title(const bso_row *row, char *text, size_t size);

/* "Made from 4 result files, the oldest started 2026-02-01T00:00:00Z, the newest ended
 * 2026-02-03T01:00:00Z.": of the rows `first` to `last` - 1. */
void bso_section_files(const bso_table *table, int first, int last, char *text, size_t size);

/* The rows of a section: from `first` up to the result, which is not among them. */
int bso_section_end(const bso_table *table, int first);

/* Summary of a number over a row's runs that reached their end, NaN where a run has none. argument: handed on
 * to `value`. */
typedef double (*bso_run_value)(const bso_run *run, int argument);
bso_summary bso_summarize(const bso_row *row, bso_run_value value, int argument);
double bso_test_percent(const bso_run *run, int epoch); /* epoch: 0-based, -1 the last */
double bso_flip_rate(const bso_run *run, int epoch);
double bso_memory_bytes(const bso_run *run, int category); /* at the peak of the total */
double bso_training_mb(const bso_run *run, int unused);    /* peak of the total, without the samples */
/* What training keeps for each one-bit weight: the bit, the latent weight behind it, the rule's state. */
double bso_bytes_per_weight(const bso_run *run, int unused);
double bso_images_per_second(const bso_run *run, int unused); /* mean over epochs */
const char *bso_weights_name(bso_representation weights);     /* "one-bit", "latent", "float" */

/* The comparison's columns of numbers: how many, their titles, and a row's text. */
int bso_table_columns(void);
const char *bso_table_column(int column);
void bso_table_cell(const bso_row *row, int column, char *text, size_t size);
/* What stands below it. */
extern const char bso_table_note[];

/* Print all rows, a table for each section. */
void bso_table_markdown(FILE *out, const bso_table *table);
void bso_table_latex(FILE *out, const bso_table *table);
void bso_table_csv(FILE *out, const bso_table *table);

/* Numbers for plots, one line each: dataset,network,method,T,...,mean,sd,n (docs/formats.md). */
void bso_series_accuracy_epoch(FILE *out, const bso_table *table);
void bso_series_flip_rate_epoch(FILE *out, const bso_table *table);
void bso_series_accuracy_steps(FILE *out, const bso_table *table);
void bso_series_memory(FILE *out, const bso_table *table);

/* Text with Markdown's marks escaped, and LaTeX's. */
void bso_markdown_text(FILE *out, const char *text);
void bso_latex_text(FILE *out, const char *text);

/* A CSV field, quoted where it must be (RFC 4180). */
void bso_csv_text(FILE *out, const char *text);

/* "dataset,network,method,T," of a row, under the columns of that name. */
void bso_csv_row(FILE *out, const bso_row *row);

/* A CSV number, NaN where there is none. */
void bso_csv_number(FILE *out, double x);

/* Make a text file by printing it: `print` into memory, then atomically to directory/name; what killed
 * writers of that name left there is removed. argument: handed on. Returns 0 or BSO_ERROR. */
int bso_print_file(const char *directory, const char *name, void (*print)(FILE *out, const void *argument),
                   const void *argument);

/* Take away directory/name, whose results are gone, if it is there. Returns 0 or BSO_ERROR. */
int bso_remove_file(const char *directory, const char *name);

#endif
