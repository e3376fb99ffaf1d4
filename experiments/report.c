/* report.c: `bso report DIR`: DIR/report.md, which shows tables, plots and provenance of a sweep together.
 *
 * Every number comes from the result files; what is missing is said to be missing. It draws no plots.
 */
#include "experiments/program.h"
#include "experiments/table.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: bso report DIR\n"
    "  reads DIR/runs/*.h5 and writes DIR/report.md, which shows tables and plots together\n";

struct report {
    const bso_table *table;
    const char *directory;
};

/* The last part of DIR, the sweep's name. */
static void sweep_name(const char *directory, char *name, size_t size)
{
    size_t end = strlen(directory);
    while (end > 1 && directory[end - 1] == '/') end--;
    size_t begin = end;
    while (begin > 0 && directory[begin - 1] != '/') begin--;
    snprintf(name, size, "%.*s", (int)(end - begin), directory + begin);
}

/* ---- What was run ---- */

static void print_section(FILE *out, const bso_table *table, int first)
{
    char title[4 * BSO_TEXT];
    const bso_row *row = &table->rows[first];
    int rows = 0, runs = 0, least = row->run_count, most = row->run_count;
    for (int i = first; i < table->row_count && table->rows[i].section == row->section; i++, rows++) {
        const int count = table->rows[i].run_count;
        runs += count;
        least = count < least ? count : least;
        most = count > most ? count : most;
    }
    bso_section_title(row, title, sizeof title);
    fprintf(out, "- %s: %d trainings, %d cells (method and T), ", title, runs, rows);
    if (least == most) {
        fprintf(out, "%d seed%s each\n", most, most == 1 ? "" : "s");
    } else {
        fprintf(out, "%d to %d seeds\n", least, most);
    }
}

static void print_what(FILE *out, const bso_table *table)
{
    const char *first = table->runs[0].started, *last = table->runs[0].ended;
    double seconds = 0;
    for (int i = 0; i < table->run_count; i++) {
        const bso_run *run = &table->runs[i];
        seconds += run->seconds;
        if (strcmp(run->started, first) < 0) first = run->started;
        if (strcmp(run->ended, last) > 0) last = run->ended;
    }
    char sum[64];
    bso_duration_text(seconds, sum, sizeof sum);
    fprintf(out, "## What was run\n\n");
    for (int i = 0; i < table->row_count; i++) {
        if (i == 0 || table->rows[i].section != table->rows[i - 1].section) print_section(out, table, i);
    }
    fprintf(out, "- First training started %s, last one ended %s; the trainings took %s together.\n\n", first,
            last, sum);
}

/* ---- Plots ---- */

static const struct {
    const char *name, *title;
} plots[] = {
    {"accuracy_epoch", "Test accuracy against epoch"},
    {"accuracy_steps", "Test accuracy against the number of time steps"},
    {"accuracy_memory", "Test accuracy against training memory"},
    {"flip_rate_epoch", "Flips per update and weight against epoch"},
    {"memory", "Training memory by category"},
};
enum { PLOTS = sizeof plots / sizeof *plots };

/* "plots/NAME.svg", or .png; NULL where neither was drawn. */
static const char *plot_file(const char *directory, const char *name, char *link, size_t size)
{
    static const char *const endings[] = {"svg", "png"};
    char path[8192];
    for (int i = 0; i < 2; i++) {
        snprintf(link, size, "plots/%s.%s", name, endings[i]);
        snprintf(path, sizeof path, "%s/%s", directory, link);
        if (access(path, R_OK) == 0) return link;
    }
    return NULL;
}

static void print_plots(FILE *out, const char *directory)
{
    char link[128];
    fprintf(out, "## Plots\n\n");
    int drawn = 0;
    for (int i = 0; i < PLOTS; i++) {
        if (!plot_file(directory, plots[i].name, link, sizeof link)) continue;
        fprintf(out, "### %s\n\n![%s](%s)\n\n", plots[i].title, plots[i].title, link);
        drawn++;
    }
    if (!drawn) fprintf(out, "No plots were drawn; `plots/draw.sh DIR` draws them from `tables/*.csv`.\n\n");
}

/* ---- Memory ---- */

static void print_memory(FILE *out, const bso_table *table)
{
    fprintf(out, "## Training memory by category\n\nMB (10^6 bytes) at the moment the total was largest, "
                 "mean over seeds.\n\n"
                 "| data | method | T |");
    for (int c = 0; c < BSO_MEM_CATEGORIES; c++) fprintf(out, " %s |", bso_mem_name((bso_mem_category)c));
    fprintf(out, "\n|---|---|--:|");
    for (int c = 0; c < BSO_MEM_CATEGORIES; c++) fprintf(out, "--:|");
    fputc('\n', out);
    for (int i = 0; i < table->row_count; i++) {
        const bso_row *row = &table->rows[i];
        fprintf(out, "| ");
        bso_markdown_text(out, row->dataset);
        fprintf(out, " | ");
        bso_markdown_text(out, row->method);
        fprintf(out, " | %lld |", (long long)row->runs[0]->settings.steps);
        for (int c = 0; c < BSO_MEM_CATEGORIES; c++) {
            const bso_summary s = bso_summarize(row, bso_memory_bytes, c);
            if (s.n > 0) {
                fprintf(out, " %.3f |", s.mean / 1e6);
            } else {
                fprintf(out, " – |");
            }
        }
        fputc('\n', out);
    }
    double least = INFINITY, most = 0;
    for (int i = 0; i < table->run_count; i++) {
        const bso_run *run = &table->runs[i];
        if (run->rss_peak <= run->rss_start || run->memory_total_peak == 0) continue;
        double ratio = (double)(run->rss_peak - run->rss_start) / (double)run->memory_total_peak;
        least = fmin(least, ratio);
        most = fmax(most, ratio);
    }
    if (most > 0) {
        fprintf(out,
                "\nThe resident set grew by %.2f to %.2f times the accounted peak (samples included) in "
                "these trainings.\n",
                least, most);
    }
    fputc('\n', out);
}

/* ---- Provenance ---- */

/* The different values of one attribute, each with the number of trainings that have it. */
static void print_values(FILE *out, const bso_table *table, const char *name)
{
    enum { VALUES = 16, SIZE = 1024 };
    char value[SIZE], seen[VALUES][SIZE];
    int counts[VALUES], found = 0;
    for (int i = 0; i < table->run_count; i++) {
        if (bso_result_provenance(table->paths[i], name, value, sizeof value) || !*value) continue;
        int v = 0;
        while (v < found && strcmp(seen[v], value) != 0) v++;
        if (v == VALUES) continue;
        if (v == found) {
            memcpy(seen[v], value, sizeof value);
            counts[found++] = 0;
        }
        counts[v]++;
    }
    fprintf(out, "| %s | ", name);
    for (int v = 0; v < found; v++) {
        if (v) fprintf(out, "<br>");
        bso_markdown_text(out, seen[v]);
        if (found > 1) fprintf(out, " (%d trainings)", counts[v]);
    }
    fprintf(out, "%s |\n", found ? "" : "not recorded");
}

static void print_provenance(FILE *out, const bso_table *table)
{
    static const char *const names[] = {"cpu",   "cpus",     "system", "threads", "kernel_path", "commit",
                                        "dirty", "compiler", "flags",  "hdf5",    "openblas",    "zlib"};
    fprintf(out, "## Provenance\n\n| | |\n|---|---|\n");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) print_values(out, table, names[i]);
    fputc('\n', out);
}

/* ---- What is not there ---- */

static int most_seeds(const bso_table *table, int section)
{
    int most = 0;
    for (int i = 0; i < table->row_count; i++) {
        const bso_row *row = &table->rows[i];
        if (row->section == section && row->run_count > most) most = row->run_count;
    }
    return most;
}

/* Each training that diverged, and why. Returns whether there are any. */
static bool print_diverged(FILE *out, const bso_table *table)
{
    bool any = false;
    for (int i = 0; i < table->row_count; i++) {
        const bso_row *row = &table->rows[i];
        for (int r = 0; r < row->run_count; r++) {
            const bso_run *run = row->runs[r];
            if (!*run->stopped) continue;
            any = true;
            fprintf(out, "- ");
            bso_markdown_text(out, row->method);
            fprintf(out, " at T = %" PRId64 ", seed %" PRIu64 " diverged: ", run->settings.steps,
                    run->settings.seed);
            bso_markdown_text(out, run->stopped);
            fprintf(out, ".\n");
        }
    }
    return any;
}

static void print_missing(FILE *out, const struct report *report)
{
    const bso_table *table = report->table;
    char link[128];
    fprintf(out, "## What is not here\n\n");
    bool any = print_diverged(out, table);
    if (table->unreadable) {
        any = true;
        fprintf(out, "- %d file%s in `runs/` could not be read and %s left out.\n", table->unreadable,
                table->unreadable == 1 ? "" : "s", table->unreadable == 1 ? "is" : "are");
    }
    for (int i = 0; i < table->row_count; i++) {
        const bso_row *row = &table->rows[i];
        const int most = most_seeds(table, row->section);
        if (row->run_count == most) continue;
        any = true;
        fprintf(out, "- ");
        bso_markdown_text(out, row->method);
        fprintf(out, " at T = %lld: %d of %d seeds.\n", (long long)row->runs[0]->settings.steps,
                row->run_count, most);
    }
    for (int i = 0; i < PLOTS; i++) {
        if (plot_file(report->directory, plots[i].name, link, sizeof link)) continue;
        any = true;
        fprintf(out, "- The plot %s was not drawn.\n", plots[i].name);
    }
    for (int i = 0; i < table->row_count; i++) {
        if (table->rows[i].diverged == table->rows[i].run_count) continue;
        if (bso_summarize(&table->rows[i], bso_test_percent, -1).n > 0) continue;
        any = true;
        fprintf(out, "- ");
        bso_markdown_text(out, table->rows[i].method);
        fprintf(out, " at T = %lld: no test accuracy was measured.\n",
                (long long)table->rows[i].runs[0]->settings.steps);
    }
    if (!any)
        fprintf(out, "Nothing is missing: every file was read, every cell has all its seeds and reached its "
                     "end, every "
                     "plot is there.\n");
}

static void print_report(FILE *out, const void *argument)
{
    const struct report *report = argument;
    char name[256];
    sweep_name(report->directory, name, sizeof name);
    fprintf(out, "# Results: ");
    bso_markdown_text(out, name);
    fprintf(out, "\n\nTraining binary spiking networks: flips of one-bit weights against latent weights and "
                 "full precision.\n\n");
    print_what(out, report->table);
    fprintf(out, "## Comparison\n\n");
    bso_table_markdown(out, report->table);
    fputc('\n', out);
    print_plots(out, report->directory);
    print_memory(out, report->table);
    print_provenance(out, report->table);
    print_missing(out, report);
}

int bso_command_report(int argc, char **argv)
{
    const char *directory;
    int code = bso_one_directory(argc, argv, help, &directory);
    if (code || !directory) return code;
    bso_table table;
    int status = bso_table_load(&table, directory);
    const struct report report = {&table, directory};
    if (!status) status = bso_print_file(directory, "report.md", print_report, &report);
    if (!status) {
        printf("%s/report.md\n", directory);
        status = table.unreadable ? 1 : 0;
    }
    bso_table_free(&table);
    return status;
}
