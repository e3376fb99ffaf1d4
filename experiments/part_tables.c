/* part_tables.c: see part_tables.h. Which files a part has, and what their writers share. */
#include "experiments/part_tables.h"

#include "core/error.h"
#include "experiments/part_caption.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *part, *name;
    void (*print)(FILE *out, const void *argument);
} files[] = {
    {"table2", "table2.md", bso_part_accuracy_markdown},
    {"table2", "table2.tex", bso_part_accuracy_latex},
    {"table2", "table2.csv", bso_part_accuracy_csv},
    {"table3", "table3.md", bso_part_accuracy_markdown},
    {"table3", "table3.tex", bso_part_accuracy_latex},
    {"table3", "table3.csv", bso_part_accuracy_csv},
    {"table3", "table3_v.csv", bso_part_moments_csv},
    {"table4", "table4.md", bso_part_accuracy_markdown},
    {"table4", "table4.tex", bso_part_accuracy_latex},
    {"table4", "table4.csv", bso_part_accuracy_csv},
    {"table5", "table5.md", bso_part_accuracy_markdown},
    {"table5", "table5.tex", bso_part_accuracy_latex},
    {"table5", "table5.csv", bso_part_accuracy_csv},
    {"fig3", "fig3.md", bso_part_cosine_markdown},
    {"fig3", "fig3.csv", bso_part_cosine_csv},
    {"fig3", "fig3_distance.csv", bso_part_distance_csv},
    {"fig5", "fig5.md", bso_part_accuracy_markdown},
    {"fig5", "fig5.tex", bso_part_accuracy_latex},
    {"fig5", "fig5.csv", bso_part_accuracy_csv},
    {"flips", "flips.md", bso_part_flips_markdown},
    {"flips", "flips.csv", bso_part_flips_csv},
    {"flips", "flips_curve.csv", bso_part_flip_curve_csv},
    {"flips", "flips_back.csv", bso_part_flip_back_csv},
    {"flips", "firing.csv", bso_part_firing_csv},
    {"inference", "inference.md", bso_part_inference_markdown},
    {"inference", "inference.tex", bso_part_inference_latex},
    {"inference", "inference.csv", bso_part_inference_csv},
};

/* ---- What the writers share ---- */

const bso_run *bso_part_whole_run(const bso_row *row)
{
    for (int r = 0; r < row->run_count; r++) {
        if (!*row->runs[r]->stopped) return row->runs[r];
    }
    return row->runs[0];
}

void bso_part_not_run(const bso_markup *m, const bso_part *part)
{
    if (m->page) {
        bso_page_paragraph(
            m->page,
            "Not run. ./run_all.sh --profile quick --only %s trains what it takes, scaled down; --profile "
            "paper has the paper's settings.",
            part->name);
        return;
    }
    const char *mark = m->latex ? "" : "`";
    fprintf(m->out,
            "%sNot run. %s./run_all.sh --profile quick --only %s%s trains what it takes, scaled down; "
            "%s--profile paper%s has the paper's settings.\n",
            m->latex ? "% " : "", mark, part->name, mark, mark, mark);
}

void bso_part_caption_text(const bso_part_runs *runs, int first, int last, char *text, size_t size)
{
    *text = '\0';
    FILE *out = fmemopen(text, size, "w");
    if (!out) return;
    bso_part_caption(out, runs->part, runs->reported, &runs->table, first, last);
    fclose(out);
    text[size - 1] = '\0';
}

void bso_part_sample_text(bso_sample s, int decimals, char *text, size_t size)
{
    if (s.n == 0) {
        snprintf(text, size, "–");
    } else if (s.n == 1) {
        snprintf(text, size, "%.*f", decimals, s.mean);
    } else {
        snprintf(text, size, "%.*f ± %.*f [%.*f, %.*f]", decimals, s.mean, decimals, s.sd, decimals,
                 s.mean - s.half, decimals, s.mean + s.half);
    }
}

void bso_part_short_text(bso_sample s, int decimals, char *text, size_t size)
{
    if (s.n == 0) {
        snprintf(text, size, "–");
    } else if (s.n == 1) {
        snprintf(text, size, "%.*f", decimals, s.mean);
    } else {
        snprintf(text, size, "%.*f ± %.*f", decimals, s.mean, decimals, s.sd);
    }
}

enum { SEEDS_MAX = 1024 };

bso_sample bso_part_sample_at(const bso_row *row, double (*value)(const bso_run *run, const void *argument),
                              const void *argument)
{
    double x[SEEDS_MAX];
    int n = 0;
    for (int r = 0; r < row->run_count && n < SEEDS_MAX; r++) {
        if (!*row->runs[r]->stopped) x[n++] = value(row->runs[r], argument);
    }
    return bso_sample_of(x, n);
}

struct question {
    bso_run_value value;
    int argument;
};

static double answer(const bso_run *run, const void *argument)
{
    const struct question *q = argument;
    return q->value(run, q->argument);
}

bso_sample bso_part_sample(const bso_row *row, bso_run_value value, int argument)
{
    const struct question q = {value, argument};
    return bso_part_sample_at(row, answer, &q);
}

void bso_part_csv_sample(FILE *out, bso_sample s)
{
    bso_csv_number(out, s.mean);
    fputc(',', out);
    bso_csv_number(out, s.sd);
    fprintf(out, ",%d\n", s.n);
}

int bso_part_epochs(const bso_row *row, int epochs[BSO_PART_EPOCHS])
{
    const int last = (int)row->runs[0]->settings.epochs - 1;
    int count = 0;
    for (int quarter = 0; quarter <= 4 && last >= 0; quarter++) {
        const int epoch = last * quarter / 4;
        if (count == 0 || epochs[count - 1] != epoch) epochs[count++] = epoch;
    }
    return count;
}

/* ---- Writing ---- */

static bool is_for(const bso_run *run, const void *argument)
{
    return bso_settings_has(run->settings.parts, ((const bso_part *)argument)->name);
}

/* The number in column c of a part, 0 for the first; NaN: the row has none, or the part no such column. */
static double column_of(const bso_part *part, const bso_row *row, int c)
{
    char key[BSO_WORD], text[BSO_TEXT];
    return bso_part_column(part, c, key) &&
                   bso_settings_get(&row->runs[0]->settings, key, text, sizeof text) == 0
               ? strtod(text, NULL)
               : NAN;
}

static int compare(double a, double b)
{
    return (a > b) - (a < b);
}

/* The part that is being sorted: qsort hands nothing on. */
static const bso_part *sorted;

static int by_columns(const void *a, const void *b)
{
    const bso_row *x = a, *y = b;
    int order = compare(x->section, y->section);
    if (!order) order = compare(x->weights, y->weights);
    if (!order) order = strcmp(x->method, y->method);
    if (!order) order = compare((double)x->runs[0]->settings.steps, (double)y->runs[0]->settings.steps);
    for (int c = 0; !order && c < 2; c++) order = compare(column_of(sorted, x, c), column_of(sorted, y, c));
    return order;
}

static int select_part(bso_part_runs *runs, const bso_table *table)
{
    const int status = bso_table_select(&runs->table, table, is_for, runs->part, runs->part->columns);
    sorted = runs->part;
    if (runs->table.row_count) {
        qsort(runs->table.rows, (size_t)runs->table.row_count, sizeof *runs->table.rows, by_columns);
    }
    return status;
}

static int write_part(const bso_table *table, const bso_reported *reported, const bso_part *part,
                      const char *tables)
{
    bso_part_runs runs = {.part = part, .reported = reported};
    int status = select_part(&runs, table);
    for (size_t i = 0; !status && i < sizeof files / sizeof *files; i++) {
        if (strcmp(files[i].part, part->name) == 0)
            status = bso_print_file(tables, files[i].name, files[i].print, &runs);
    }
    bso_table_free(&runs.table);
    return status;
}

int bso_part_tables(const bso_table *table, const char *tables, const char *only)
{
    bso_reported reported;
    if (bso_reported_read(&reported, NULL)) return BSO_ERROR;
    int status = 0;
    for (const bso_part *part = bso_parts; !status && part->name; part++) {
        if (!only || strcmp(only, part->name) == 0) status = write_part(table, &reported, part, tables);
    }
    bso_reported_free(&reported);
    return status;
}

int bso_part_pages(bso_page *page, const bso_table *table, const bso_reported *reported)
{
    static const struct {
        const char *part;
        void (*print)(bso_markup *m, const bso_part_runs *runs);
    } pages[] = {{"table2", bso_part_accuracy_page}, {"table3", bso_part_accuracy_page},
                 {"table4", bso_part_accuracy_page}, {"table5", bso_part_accuracy_page},
                 {"fig3", bso_part_cosine_page},     {"fig5", bso_part_accuracy_page},
                 {"flips", bso_part_flips_page},     {"inference", bso_part_inference_page}};
    int status = 0;
    for (size_t i = 0; !status && i < sizeof pages / sizeof *pages; i++) {
        bso_part_runs runs = {.part = bso_part_find(pages[i].part), .reported = reported};
        bso_markup m = {.page = page};
        status = select_part(&runs, table);
        if (!status) pages[i].print(&m, &runs);
        bso_table_free(&runs.table);
    }
    return status;
}
