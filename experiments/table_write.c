/* table_write.c: the comparison as Markdown, LaTeX and CSV. See table.h; numbers for plots are in
 * table_series.c. */
#include "experiments/table.h"

#include "core/error.h"
#include "core/file.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Training memory as the tables group it. The groups and the samples make up the total. */
enum { WEIGHTS, OPTIMIZER, GRADIENTS, ACTIVATIONS, STATE_TRACES, WORKSPACE, OTHER, GROUPS };
static const struct {
    int count;
    bso_mem_category categories[3];
} groups[GROUPS] = {
    [WEIGHTS] = {3, {BSO_MEM_WEIGHTS_BITS, BSO_MEM_WEIGHTS_LATENT, BSO_MEM_WEIGHTS_FLOAT}},
    [OPTIMIZER] = {1, {BSO_MEM_OPTIMIZER}},
    [GRADIENTS] = {1, {BSO_MEM_GRADIENTS}},
    [ACTIVATIONS] = {1, {BSO_MEM_ACTIVATIONS}},
    [STATE_TRACES] = {2, {BSO_MEM_NEURON_STATE, BSO_MEM_TRACES}},
    [WORKSPACE] = {1, {BSO_MEM_WORKSPACE}},
    [OTHER] = {2, {BSO_MEM_LOG, BSO_MEM_CONTROL}},
};

static double group_mb(const bso_run *run, int g)
{
    double bytes = 0;
    for (int i = 0; i < groups[g].count; i++) bytes += bso_memory_bytes(run, (int)groups[g].categories[i]);
    return bytes / 1e6;
}

double bso_training_mb(const bso_run *run, int unused)
{
    (void)unused;
    return ((double)run->memory_total_peak - bso_memory_bytes(run, BSO_MEM_DATASET)) / 1e6;
}

static double validation_percent(const bso_run *run, int unused)
{
    (void)unused;
    return 100 * run->final.validation_accuracy;
}

static double model_mb(const bso_run *run, int unused)
{
    (void)unused;
    return run->model_bytes / 1e6;
}

double bso_bytes_per_weight(const bso_run *run, int unused)
{
    (void)unused;
    if (run->one_bit_weights == 0) return NAN;
    double bytes = bso_memory_bytes(run, BSO_MEM_WEIGHTS_BITS) +
                   bso_memory_bytes(run, BSO_MEM_WEIGHTS_LATENT) + bso_memory_bytes(run, BSO_MEM_OPTIMIZER);
    return bytes / (double)run->one_bit_weights;
}

double bso_images_per_second(const bso_run *run, int unused)
{
    (void)unused;
    double sum = 0;
    for (int e = 0; e < run->epochs_done; e++) sum += run->epochs[e].images_per_second;
    return run->epochs_done > 0 ? sum / run->epochs_done : NAN;
}

/* The share of training's time that it waited for samples. */
static double waiting_percent(const bso_run *run, int unused)
{
    (void)unused;
    double waited = 0, seconds = 0;
    for (int e = 0; e < run->epochs_done; e++) {
        waited += run->epochs[e].waiting_seconds;
        seconds += run->epochs[e].seconds;
    }
    return seconds > 0 ? 100 * waited / seconds : NAN;
}

/* Columns of numbers. Those with a spread are printed as mean ± sd (seeds). */
static const struct {
    const char *title, *csv;
    bso_run_value value;
    int argument, decimals;
    bool spread;
} columns[] = {
    {"test accuracy (%)", "test_accuracy_percent", bso_test_percent, -1, 2, true},
    {"validation (%)", "validation_accuracy_percent", validation_percent, 0, 2, false},
    {"model (MB)", "model_MB", model_mb, 0, 2, false},
    {"training memory (MB)", "training_memory_MB", bso_training_mb, 0, 2, false},
    {"weights (MB)", "weights_MB", group_mb, WEIGHTS, 2, false},
    {"optimizer (MB)", "optimizer_MB", group_mb, OPTIMIZER, 2, false},
    {"gradients (MB)", "gradients_MB", group_mb, GRADIENTS, 2, false},
    {"activations (MB)", "activations_MB", group_mb, ACTIVATIONS, 2, false},
    {"state, traces (MB)", "state_traces_MB", group_mb, STATE_TRACES, 2, false},
    {"workspace (MB)", "workspace_MB", group_mb, WORKSPACE, 2, false},
    {"other (MB)", "other_MB", group_mb, OTHER, 2, false},
    {"bytes per one-bit weight", "bytes_per_one_bit_weight", bso_bytes_per_weight, 0, 3, false},
    {"images/s", "images_per_second", bso_images_per_second, 0, 0, false},
    {"waiting for samples (%)", "waiting_percent", waiting_percent, 0, 2, false},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

const char *bso_weights_name(bso_representation weights)
{
    static const char *const names[] = {
        [BSO_REP_BITS] = "one-bit", [BSO_REP_LATENT] = "latent", [BSO_REP_FLOAT] = "float"};
    return names[weights];
}

int bso_table_columns(void)
{
    return COLUMNS;
}

const char *bso_table_column(int column)
{
    return columns[column].title;
}

void bso_table_cell(const bso_row *row, int c, char *text, size_t size)
{
    const bso_summary s = bso_summarize(row, columns[c].value, columns[c].argument);
    const int d = columns[c].decimals;
    char lost[64] = "";
    if (row->diverged) {
        snprintf(lost, sizeof lost, "%d of %d seed%s diverged", row->diverged, row->run_count,
                 row->run_count == 1 ? "" : "s");
    }
    if (s.n == 0 && columns[c].spread && row->diverged) {
        snprintf(text, size, "– (%s)", lost);
    } else if (s.n == 0) {
        snprintf(text, size, "–");
    } else if (d == 2 && !columns[c].spread && s.mean > 0 && s.mean < 0.095) {
        /* Two decimals would leave nothing of a small network's numbers. */
        snprintf(text, size, "%.2g", s.mean);
    } else if (!columns[c].spread) {
        snprintf(text, size, "%.*f", d, s.mean);
    } else if (s.n == 1) {
        snprintf(text, size, "%.*f (1 seed%s%s)", d, s.mean, *lost ? "; " : "", lost);
    } else {
        snprintf(text, size, "%.*f ± %.*f (%d seeds%s%s)", d, s.mean, d, s.sd, s.n, *lost ? "; " : "", lost);
    }
}

const char bso_table_note[] =
    "Test accuracy is that of the last epoch, mean ± standard deviation over seeds, without those that "
    "diverged. MB are 10^6 bytes. Training\n"
    "memory is the accounted peak without the samples, then by category at that moment; \"other\" is what "
    "measuring\n"
    "and bookkeeping need. Bytes per one-bit weight: bit, latent weight and optimizer state.";

/* ---- Markdown ---- */

void bso_markdown_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("|*_`<[&\\", *text)) fputc('\\', out);
        fputc(*text, out);
    }
}

static void markdown_head(FILE *out)
{
    fprintf(out, "| method | T | gradient | weights |");
    for (int c = 0; c < COLUMNS; c++) fprintf(out, " %s |", columns[c].title);
    fprintf(out, "\n|---|--:|---|---|");
    for (int c = 0; c < COLUMNS; c++) fprintf(out, "--:|");
    fputc('\n', out);
}

void bso_table_markdown(FILE *out, const bso_table *table)
{
    char text[4 * BSO_TEXT];
    if (table->row_count == 0) {
        fprintf(out, "No training of the comparison is here.\n");
        return;
    }
    for (int i = 0; i < table->row_count; i++) {
        const bso_row *row = &table->rows[i];
        const bso_settings *s = &row->runs[0]->settings;
        if (i == 0 || row->section != table->rows[i - 1].section) {
            bso_section_title(row, text, sizeof text);
            fprintf(out, "%s**", i ? "\n" : "");
            bso_markdown_text(out, text);
            bso_section_files(table, i, bso_section_end(table, i), text, sizeof text);
            fprintf(out, "**\n%s\n\n", text);
            markdown_head(out);
        }
        fprintf(out, "| ");
        bso_markdown_text(out, row->method);
        fprintf(out, " | %lld | ", (long long)s->steps);
        bso_markdown_text(out, s->gradient);
        fprintf(out, " | %s |", bso_weights_name(row->weights));
        for (int c = 0; c < COLUMNS; c++) {
            bso_table_cell(row, c, text, sizeof text);
            fprintf(out, " %s |", text);
        }
        fputc('\n', out);
    }
    fprintf(out, "\n%s\n", bso_table_note);
    for (int i = 0; i < table->failure_count; i++) {
        fprintf(out, "%sLeft out, because its training failed: ", i ? "" : "\n");
        bso_markdown_text(out, table->failures[i].name);
        fprintf(out, " (");
        bso_markdown_text(out, table->failures[i].message);
        fprintf(out, ").\n");
    }
}

/* ---- LaTeX ---- */

void bso_latex_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("&%$#_{}", *text)) {
            fprintf(out, "\\%c", *text);
        } else if (*text == '\\') {
            fprintf(out, "\\textbackslash{}");
        } else if (*text == '~' || *text == '^') {
            fprintf(out, "\\%c{}", *text);
        } else if (strchr("<>|", *text)) { /* other characters in LaTeX's own encoding of fonts */
            fprintf(out, "$%s$", *text == '|' ? "\\mid" : (char[2]){*text, 0});
        } else if (strncmp(text, "±", strlen("±")) == 0) {
            fprintf(out, "$\\pm$");
            text += strlen("±") - 1;
        } else if (strncmp(text, "–", strlen("–")) == 0) {
            fprintf(out, "--");
            text += strlen("–") - 1;
        } else {
            fputc(*text, out);
        }
    }
}

static void latex_head(FILE *out)
{
    fprintf(out, "\\begin{tabular}{lrll");
    for (int c = 0; c < COLUMNS; c++) fputc('r', out);
    fprintf(out, "}\n\\hline\nmethod & $T$ & gradient & weights");
    for (int c = 0; c < COLUMNS; c++) {
        fprintf(out, " & ");
        bso_latex_text(out, columns[c].title);
    }
    fprintf(out, " \\\\\n\\hline\n");
}

void bso_table_latex(FILE *out, const bso_table *table)
{
    char text[4 * BSO_TEXT];
    for (int i = 0; i < table->row_count; i++) {
        const bso_row *row = &table->rows[i];
        const bso_settings *s = &row->runs[0]->settings;
        if (i == 0 || row->section != table->rows[i - 1].section) {
            bso_section_title(row, text, sizeof text);
            fprintf(out, "%s%% ", i ? "\\hline\n\\end{tabular}\n\n" : "");
            fprintf(out, "%s\n", text);
            latex_head(out);
        }
        bso_latex_text(out, row->method);
        fprintf(out, " & %lld & ", (long long)s->steps);
        bso_latex_text(out, s->gradient);
        fprintf(out, " & %s", bso_weights_name(row->weights));
        for (int c = 0; c < COLUMNS; c++) {
            bso_table_cell(row, c, text, sizeof text);
            fprintf(out, " & ");
            bso_latex_text(out, text);
        }
        fprintf(out, " \\\\\n");
    }
    if (table->row_count > 0) fprintf(out, "\\hline\n\\end{tabular}\n");
}

/* ---- CSV ---- */

void bso_csv_text(FILE *out, const char *text)
{
    if (!strpbrk(text, ",\"\n\r")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"') fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

void bso_csv_row(FILE *out, const bso_row *row)
{
    const bso_settings *s = &row->runs[0]->settings;
    bso_csv_text(out, row->dataset);
    fputc(',', out);
    bso_csv_text(out, s->network);
    fputc(',', out);
    bso_csv_text(out, row->method);
    fprintf(out, ",%lld,", (long long)s->steps);
}

/* printf would write nan or -nan. */
void bso_csv_number(FILE *out, double x)
{
    if (isnan(x)) {
        fputs("NaN", out);
    } else {
        fprintf(out, "%.9g", x);
    }
}

void bso_table_csv(FILE *out, const bso_table *table)
{
    fprintf(out, "dataset,network,method,T,gradient,weights,seeds,diverged");
    for (int c = 0; c < COLUMNS; c++) {
        fprintf(out, ",%s", columns[c].csv);
        if (columns[c].spread) fprintf(out, ",%s_sd", columns[c].csv);
    }
    fputc('\n', out);
    for (int i = 0; i < table->row_count; i++) {
        const bso_row *row = &table->rows[i];
        bso_csv_row(out, row);
        bso_csv_text(out, row->runs[0]->settings.gradient);
        fprintf(out, ",%s,%d,%d", bso_weights_name(row->weights), row->run_count - row->diverged,
                row->diverged);
        for (int c = 0; c < COLUMNS; c++) {
            const bso_summary sum = bso_summarize(row, columns[c].value, columns[c].argument);
            fputc(',', out);
            bso_csv_number(out, sum.mean);
            if (!columns[c].spread) continue;
            fputc(',', out);
            bso_csv_number(out, sum.sd);
        }
        fputc('\n', out);
    }
}

/* ---- Files ---- */

int bso_print_file(const char *directory, const char *name, void (*print)(FILE *out, const void *argument),
                   const void *argument)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path) {
        return bso_fail("%.60s...: the directory's name is too long", directory);
    }
    bso_file_remove_leftovers(directory, name, false);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) return bso_fail("%s: %s", path, strerror(errno));
    print(out, argument);
    bool ok = !ferror(out);
    ok = fclose(out) == 0 && ok;
    int status = ok ? bso_file_write(path, text, size) : bso_fail("%s: out of memory while making it", path);
    free(text);
    return status;
}

int bso_remove_file(const char *directory, const char *name)
{
    char path[BSO_PATH];
    if (bso_file_path(path, directory, name)) return BSO_ERROR;
    if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR) return 0;
    return bso_fail("%s: %s", path, strerror(errno));
}
