/* part_tables.h: the tables and figures of the paper (part.h), written from the trainings that are for them
 * into DIR/tables, each with the paper's figures beside ours. A part without trainings is written, too: it
 * says that it was not run, and what runs it. Every number of ours comes from the result files.
 */
#ifndef BSO_PART_TABLES_H
#define BSO_PART_TABLES_H

#include "experiments/markup.h"
#include "experiments/part.h"
#include "experiments/reported.h"
#include "experiments/statistics.h"
#include "experiments/table.h"

/* One part with the rows that are for it, which are by section, kind of weights, method, T and the part's
 * columns. */
typedef struct {
    const bso_part *part;
    const bso_reported *reported;
    bso_table table;
} bso_part_runs;

/* Write the files of all parts, or of the one named `only` (NULL: all), into the folder `tables`. Returns 0
 * or BSO_ERROR. */
int bso_part_tables(const bso_table *table, const char *tables, const char *only);

/* All parts as chapters' parts of a report. Returns 0 or BSO_ERROR. */
int bso_part_pages(bso_page *page, const bso_table *table, const bso_reported *reported);

/* For the writers of single parts (part_*.c). */

/* A run of a row that reached its end, if there is one: it has all that its like have. */
const bso_run *bso_part_whole_run(const bso_row *row);
/* What a part without trainings says in its page. */
void bso_part_not_run(const bso_markup *m, const bso_part *part);
/* The caption of a section as text, cut where there is no room for it. */
void bso_part_caption_text(const bso_part_runs *runs, int first, int last, char *text, size_t size);
/* "76.65 ± 2.13 [74.00, 79.30]": mean, sd and 95 % interval, as far as there are seeds for them; "–" without
 * any. */
void bso_part_sample_text(bso_sample s, int decimals, char *text, size_t size);
/* "0.812 ± 0.013", or without the deviation, or "–". */
void bso_part_short_text(bso_sample s, int decimals, char *text, size_t size);
/* A number over the runs of a row that reached their end; the second one asks for it with more than an int.
 */
bso_sample bso_part_sample(const bso_row *row, bso_run_value value, int argument);
bso_sample bso_part_sample_at(const bso_row *row, double (*value)(const bso_run *run, const void *argument),
                              const void *argument);
/* "mean,sd,n" and the end of the line. */
void bso_part_csv_sample(FILE *out, bso_sample s);
/* Epochs that are shown, 0-based, ascending: the first, the last, and at most three between. Returns how
 * many. */
enum { BSO_PART_EPOCHS = 5 };
int bso_part_epochs(const bso_row *row, int epochs[BSO_PART_EPOCHS]);

/* Tables 2 to 5 and Figure 5 (part_accuracy.c), as Markdown, LaTeX and CSV; argument: bso_part_runs. */
void bso_part_accuracy_markdown(FILE *out, const void *argument);
void bso_part_accuracy_latex(FILE *out, const void *argument);
void bso_part_accuracy_page(bso_markup *m, const bso_part_runs *runs);
void bso_part_accuracy_csv(FILE *out, const void *argument);
/* v[t] and the threshold over training, beside Table 3 (part_moments.c). */
void bso_part_moments_csv(FILE *out, const void *argument);
/* Figure 3 (part_cosine.c): its page, every pair of time steps, and means by distance in time. */
void bso_part_cosine_markdown(FILE *out, const void *argument);
void bso_part_cosine_page(bso_markup *m, const bso_part_runs *runs);
void bso_part_cosine_csv(FILE *out, const void *argument);
void bso_part_distance_csv(FILE *out, const void *argument);
/* Flips (part_flips.c): the page; by epoch; over the training; back within so many updates; firing rates. */
void bso_part_flips_markdown(FILE *out, const void *argument);
void bso_part_flips_page(bso_markup *m, const bso_part_runs *runs);
void bso_part_flips_csv(FILE *out, const void *argument);
void bso_part_flip_curve_csv(FILE *out, const void *argument);
void bso_part_flip_back_csv(FILE *out, const void *argument);
void bso_part_firing_csv(FILE *out, const void *argument);
/* Inference (part_inference.c). */
void bso_part_inference_markdown(FILE *out, const void *argument);
void bso_part_inference_latex(FILE *out, const void *argument);
void bso_part_inference_page(bso_markup *m, const bso_part_runs *runs);
void bso_part_inference_csv(FILE *out, const void *argument);

#endif
