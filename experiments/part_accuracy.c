/* part_accuracy.c: Tables 2 to 5 and Figure 5: accuracies beside the paper's. See part_tables.h.
 *
 * A difference is only taken where the data set is the paper's: elsewhere the paper's figure is shown with
 * its data set's name, so that the reader sees what ours would be compared with.
 */
#include "experiments/markup.h"
#include "experiments/part_tables.h"

#include <math.h>
#include <string.h>

enum { CELL = 224, CELLS = 16, CAPTION = 16384 };

/* What a part shows besides accuracies. */
typedef enum { PLAIN, SIZES, FLIPS } extras;

static extras extras_of(const bso_part *part)
{
    if (strcmp(part->name, "table2") == 0 || strcmp(part->name, "table5") == 0) return SIZES;
    return part->columns ? FLIPS : PLAIN;
}

/* ---- The paper's figures of a row ---- */

typedef struct {
    const bso_reported_fact *accuracy, *size; /* NULL: none */
    bool own;                                 /* of the row's own data set */
} figures;

static bool reports_dataset(const bso_part_runs *runs, const char *dataset)
{
    bool reports = false;
    for (int i = 0; i < runs->reported->count; i++) {
        const bso_reported_fact *f = &runs->reported->fact[i];
        reports =
            reports || (strcmp(f->table, runs->part->reported) == 0 && strcmp(f->dataset, dataset) == 0);
    }
    return reports;
}

/* "gamma=1e-07", "1-beta1=0.001;1-beta2=1e-05", or "": as the paper's settings are written. */
static void setting_text(const bso_part *part, const bso_row *row, char *text, size_t size)
{
    char key[BSO_WORD], value[64];
    *text = '\0';
    for (int c = 0; bso_part_column(part, c, key); c++) {
        const size_t used = strlen(text);
        const bool rate = strncmp(key, "one_minus_", strlen("one_minus_")) == 0;
        if (bso_settings_get(&row->runs[0]->settings, key, value, sizeof value)) return;
        snprintf(text + used, size - used, "%s%s%s=%s", used ? ";" : "", rate ? "1-" : "",
                 rate ? key + strlen("one_minus_") : key, value);
    }
}

static figures figures_of(const bso_part_runs *runs, const bso_row *row)
{
    const bso_run *run = row->runs[0];
    const char *method = bso_reported_method(&run->settings),
               *dataset = bso_reported_dataset(run->dataset_name);
    char setting[256];
    figures f = {.own = dataset && reports_dataset(runs, dataset)};
    if (!method) return f;
    if (!f.own) dataset = runs->part->dataset;
    setting_text(runs->part, row, setting, sizeof setting);
    const int steps = (int)run->settings.steps;
    f.accuracy =
        bso_reported_find(runs->reported, runs->part->reported, dataset, method, steps, setting, "accuracy");
    f.size =
        bso_reported_find(runs->reported, runs->part->reported, dataset, method, steps, setting, "size_MB");
    return f;
}

static double model_mb(const bso_run *run, int unused)
{
    (void)unused;
    return run->model_bytes / 1e6;
}

/* Over the training: epochs have equally many updates. */
static double mean_flip_rate(const bso_run *run, int unused)
{
    (void)unused;
    double sum = 0;
    for (int e = 0; e < run->epochs_done; e++) sum += run->epochs[e].flip_rate;
    return run->epochs_done ? sum / run->epochs_done : NAN;
}

static double c2i_percent(const bso_run *run, int unused)
{
    (void)unused;
    return 100 * run->final.c2i;
}

/* ---- Markdown and LaTeX ---- */

typedef struct {
    char text[CELLS][CELL];
    const char *at[CELLS + 1];
    int count;
} line;

static char *next_cell(line *l)
{
    l->at[l->count] = l->text[l->count];
    l->at[l->count + 1] = NULL;
    return l->text[l->count++];
}

static void put_title(line *l, const char *text)
{
    snprintf(next_cell(l), CELL, "%s", text);
}

/* A figure of the paper, with its data set where that is not the row's. */
static void put_figure(line *l, const bso_reported_fact *fact, bool own)
{
    char *text = next_cell(l);
    if (!fact) {
        snprintf(text, CELL, "–");
    } else {
        snprintf(text, CELL, "%s%s%.2f", own ? "" : fact->dataset, own ? "" : ": ", fact->value);
    }
}

/* Ours minus the paper's. */
static void put_difference(line *l, bso_sample ours, const figures *paper)
{
    char *text = next_cell(l);
    if (!paper->accuracy || !paper->own || ours.n == 0) {
        snprintf(text, CELL, "–");
    } else if (ours.n == 1) {
        snprintf(text, CELL, "%+.2f", ours.mean - paper->accuracy->value);
    } else {
        snprintf(text, CELL, "%+.2f ± %.2f", ours.mean - paper->accuracy->value, ours.half);
    }
}

static void put_small(line *l, bso_sample s, const char *format)
{
    char *text = next_cell(l);
    if (s.n == 0) {
        snprintf(text, CELL, "–");
    } else {
        snprintf(text, CELL, format, s.mean);
    }
}

static void make_titles(line *l, const bso_part *part)
{
    char key[BSO_WORD];
    *l = (line){.count = 0};
    put_title(l, "method");
    put_title(l, "weights");
    put_title(l, "T");
    for (int c = 0; bso_part_column(part, c, key); c++) put_title(l, key);
    put_title(l, "accuracy here (%)");
    put_title(l, "seeds");
    put_title(l, "paper (%)");
    put_title(l, "here - paper");
    if (extras_of(part) == SIZES) {
        put_title(l, "model here (MB)");
        put_title(l, "paper (MB)");
    } else if (extras_of(part) == FLIPS) {
        put_title(l, "flips per update and weight");
        put_title(l, "in the last epoch");
        put_title(l, "C2I at the end (%)");
    }
}

static void make_line(line *l, const bso_part_runs *runs, const bso_row *row)
{
    const bso_settings *s = &row->runs[0]->settings;
    const bso_sample ours = bso_part_sample(row, bso_test_percent, -1);
    const figures paper = figures_of(runs, row);
    char key[BSO_WORD];
    *l = (line){.count = 0};
    put_title(l, row->method);
    put_title(l, bso_weights_name(row->weights));
    snprintf(next_cell(l), CELL, "%lld", (long long)s->steps);
    for (int c = 0; bso_part_column(runs->part, c, key); c++) bso_settings_get(s, key, next_cell(l), CELL);
    bso_part_sample_text(ours, 2, next_cell(l), CELL);
    char *seeds = next_cell(l);
    snprintf(seeds, CELL, "%d", row->run_count - row->diverged);
    if (row->diverged)
        snprintf(seeds, CELL, "%d, %d more diverged", row->run_count - row->diverged, row->diverged);
    put_figure(l, paper.accuracy, paper.own);
    put_difference(l, ours, &paper);
    if (extras_of(runs->part) == SIZES) {
        put_small(l, bso_part_sample(row, model_mb, 0), "%.3g");
        put_figure(l, paper.size, paper.own);
    } else if (extras_of(runs->part) == FLIPS) {
        put_small(l, bso_part_sample(row, mean_flip_rate, 0), "%.2e");
        put_small(l, bso_part_sample(row, bso_flip_rate, -1), "%.2e");
        put_small(l, bso_part_sample(row, c2i_percent, 0), "%.2f");
    }
}

/* Is the fact the figure beside a row? */
static bool has_row(const bso_part_runs *runs, const bso_reported_fact *fact)
{
    for (int i = 0; i < runs->table.row_count; i++) {
        const figures f = figures_of(runs, &runs->table.rows[i]);
        if (f.own && (f.accuracy == fact || f.size == fact)) return true;
    }
    return false;
}

/* The size that belongs to an accuracy. */
static const bso_reported_fact *size_of(const bso_part_runs *runs, const bso_reported_fact *f)
{
    return bso_reported_find(runs->reported, f->table, f->dataset, f->method, f->first_steps, "", "size_MB");
}

static void make_rest_line(line *l, const bso_part_runs *runs, const bso_reported_fact *f)
{
    const bso_reported_fact *size = size_of(runs, f);
    *l = (line){.count = 0};
    put_title(l, f->dataset);
    put_title(l, f->method);
    put_title(l, f->architecture);
    put_title(l, f->setting);
    put_title(l, f->binary ? "one-bit" : "float");
    put_title(l, bso_reported_runs_here(f->method) ? "not run" : "method not in this suite");
    snprintf(next_cell(l), CELL, "%d", f->first_steps);
    snprintf(next_cell(l), CELL, "%.2f", f->value);
    put_figure(l, size, true);
}

/* What the paper reports and no row stands beside. */
static void print_rest(bso_markup *m, const bso_part_runs *runs)
{
    static const char *const titles[] = {"data", "method", "network",   "setting",    "weights",
                                         "here", "T",      "paper (%)", "paper (MB)", NULL};
    bool any = false;
    line l;
    for (int i = 0; i < runs->reported->count; i++) {
        const bso_reported_fact *f = &runs->reported->fact[i];
        if (strcmp(f->table, runs->part->reported) != 0 || strcmp(f->metric, "accuracy") != 0 ||
            has_row(runs, f))
            continue;
        if (!any)
            bso_markup_begin(
                m,
                "What else the paper reports here, with nothing of ours on the same data beside it:", titles,
                6);
        any = true;
        make_rest_line(&l, runs, f);
        bso_markup_row(m, l.at);
    }
    if (any) bso_markup_end(m);
}

void bso_part_accuracy_page(bso_markup *m, const bso_part_runs *runs)
{
    const bso_table *table = &runs->table;
    line titles, l;
    char caption[CAPTION];
    bso_markup_heading(m, runs->part->title);
    if (table->row_count == 0) {
        bso_part_not_run(m, runs->part);
        if (!m->page) fputc('\n', m->out);
    } else {
        bso_markup_paragraph(
            m,
            "Accuracy here: test set, last epoch, mean ± standard deviation over seeds [95 % interval of the "
            "mean, Student's t]. Beside it what the paper reports, of another data set where that is named; "
            "a difference (± half the interval) only on the same data.");
    }
    make_titles(&titles, runs->part);
    for (int first = 0, last; first < table->row_count; first = last) {
        last = bso_section_end(table, first);
        bso_part_caption_text(runs, first, last, caption, sizeof caption);
        bso_markup_begin(m, caption, titles.at, 2);
        for (int i = first; i < last; i++) {
            make_line(&l, runs, &table->rows[i]);
            bso_markup_row(m, l.at);
        }
        bso_markup_end(m);
    }
    print_rest(m, runs);
}

void bso_part_accuracy_markdown(FILE *out, const void *argument)
{
    bso_markup m = {.out = out};
    bso_part_accuracy_page(&m, argument);
}

void bso_part_accuracy_latex(FILE *out, const void *argument)
{
    bso_markup m = {.out = out, .latex = true};
    bso_part_accuracy_page(&m, argument);
}

/* ---- CSV ---- */

static void csv_numbers(FILE *out, const double *x, int n)
{
    for (int i = 0; i < n; i++) {
        fputc(',', out);
        bso_csv_number(out, x[i]);
    }
}

static void csv_row(FILE *out, const bso_part_runs *runs, const bso_row *row)
{
    const bso_settings *s = &row->runs[0]->settings;
    const bso_sample ours = bso_part_sample(row, bso_test_percent, -1);
    const figures paper = figures_of(runs, row);
    char key[BSO_WORD], value[BSO_TEXT];
    fputs("here,", out);
    bso_csv_row(out, row);
    for (int c = 0; bso_part_column(runs->part, c, key); c++) {
        if (bso_settings_get(s, key, value, sizeof value)) snprintf(value, sizeof value, "NaN");
        fprintf(out, "%s,", value);
    }
    bso_csv_number(out, ours.mean);
    fputc(',', out);
    bso_csv_number(out, ours.sd);
    fprintf(out, ",%d,", ours.n);
    bso_csv_number(out, ours.half);
    fprintf(out, ",%d,", row->diverged);
    if (paper.accuracy) bso_csv_text(out, paper.accuracy->dataset);
    const bool same = paper.accuracy && paper.own;
    const double x[] = {paper.accuracy ? paper.accuracy->value : NAN,
                        same ? ours.mean - paper.accuracy->value : NAN,
                        same ? ours.half : NAN,
                        bso_part_sample(row, model_mb, 0).mean,
                        paper.size ? paper.size->value : NAN,
                        bso_part_sample(row, mean_flip_rate, 0).mean,
                        bso_part_sample(row, mean_flip_rate, 0).sd,
                        bso_part_sample(row, bso_flip_rate, -1).mean,
                        bso_part_sample(row, c2i_percent, 0).mean};
    csv_numbers(out, x, sizeof x / sizeof *x);
    fputc('\n', out);
}

/* The value of a column's key in a fact's setting, as text. */
static void csv_setting(FILE *out, const bso_part *part, const bso_reported_fact *f)
{
    char key[BSO_WORD];
    for (int c = 0; bso_part_column(part, c, key); c++) {
        const bool rate = strncmp(key, "one_minus_", strlen("one_minus_")) == 0;
        const char *at = strstr(f->setting, rate ? key + strlen("one_minus_") : key);
        at = at ? strchr(at, '=') : NULL;
        fprintf(out, "%.*s,", at ? (int)strcspn(at + 1, ";") : 3, at ? at + 1 : "NaN");
    }
}

/* Every accuracy that the paper reports in this part: for plots, and so that a table is whole by itself. */
static void csv_fact(FILE *out, const bso_part_runs *runs, const bso_reported_fact *f)
{
    const bso_reported_fact *size = size_of(runs, f);
    fprintf(out, "paper,%s,%s,%s,%d,", f->dataset, f->architecture, f->method, f->first_steps);
    csv_setting(out, runs->part, f);
    fprintf(out, "%.9g,NaN,0,NaN,0,%s,%.9g,NaN,NaN,NaN,", f->value, f->dataset, f->value);
    bso_csv_number(out, size ? size->value : NAN);
    fputs(",NaN,NaN,NaN,NaN\n", out);
}

void bso_part_accuracy_csv(FILE *out, const void *argument)
{
    const bso_part_runs *runs = argument;
    char key[BSO_WORD];
    fputs("source,dataset,network,method,T,", out);
    for (int c = 0; bso_part_column(runs->part, c, key); c++) fprintf(out, "%s,", key);
    fputs("mean,sd,n,half_width,diverged,paper_dataset,paper_percent,difference,difference_half_width,model_"
          "MB,paper_MB,"
          "flip_rate,flip_rate_sd,last_flip_rate,c2i_percent\n",
          out);
    for (int i = 0; i < runs->table.row_count; i++) csv_row(out, runs, &runs->table.rows[i]);
    /* Without any of ours the file has no rows, and no plot is drawn of it. */
    for (int i = 0; runs->table.row_count && i < runs->reported->count; i++) {
        const bso_reported_fact *f = &runs->reported->fact[i];
        if (strcmp(f->table, runs->part->reported) == 0 && strcmp(f->metric, "accuracy") == 0)
            csv_fact(out, runs, f);
    }
}
