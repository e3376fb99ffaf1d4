/* report_origin.c: the chapters about the page itself: where its numbers came from, what is not there, what
 * words mean. See report.h. */
#include "experiments/report.h"

#include "core/error.h"
#include "core/file.h"
#include "experiments/text.h"

#include <inttypes.h>
#include <string.h>

/* ---- Provenance ---- */

enum { COMMIT = 5 };
static const char *const attributes[BSO_REPORT_ATTRIBUTES] = {
    "cpu",   "cpus",     "system", "threads", "kernel_path", [COMMIT] = "commit",
    "dirty", "compiler", "flags",  "hdf5",    "openblas",    "zlib"};

int bso_report_read_origin(bso_report_origin **origin, const bso_table *table)
{
    bso_report_origin *all = *origin =
        bso_alloc(BSO_MEM_LOG, (size_t)table->run_count, sizeof *all, "where results came from");
    if (!all) return BSO_ERROR;
    for (int i = 0; i < table->run_count; i++) {
        /* What cannot be read stays empty. */
        (void)bso_result_provenance(table->paths[i], attributes, BSO_REPORT_ATTRIBUTES, *all[i].value,
                                    sizeof *all[i].value);
    }
    return 0;
}

/* The different values of one attribute, each with the number of trainings that have it. */
static void print_values(bso_page *page, const bso_report *report, int attribute)
{
    enum { VALUES = 16 };
    const char *seen[VALUES];
    char all[BSO_PAGE_TEXT] = "";
    int counts[VALUES], found = 0;
    for (int i = 0; i < report->evidence.runs->run_count; i++) {
        const char *value = report->origin[i].value[attribute];
        if (!*value) continue;
        int v = 0;
        while (v < found && strcmp(seen[v], value) != 0) v++;
        if (v == VALUES) continue;
        if (v == found) {
            seen[v] = value;
            counts[found++] = 0;
        }
        counts[v]++;
    }
    for (int v = 0; v < found; v++) {
        bso_text_add(all, sizeof all, "%s%s", v ? "\n" : "", seen[v]);
        if (found > 1) bso_text_add(all, sizeof all, " (%d trainings)", counts[v]);
    }
    bso_page_cell(page, "%s", attributes[attribute]);
    bso_page_cell(page, "%s", found ? all : "not recorded");
}

/* Files of one kind: how many, the dates of the oldest and newest, the commits that made them. */
typedef struct {
    int count;
    const char *first, *last;
    char commits[512];
} files;

static void add_file(files *f, const char *started, const char *ended, const char *commit)
{
    if (f->count == 0 || strcmp(started, f->first) < 0) f->first = started;
    if (f->count == 0 || strcmp(ended, f->last) > 0) f->last = ended;
    f->count++;
    if (!*commit || strstr(f->commits, commit)) return;
    bso_text_add(f->commits, sizeof f->commits, "%s%s", *f->commits ? "\n" : "", commit);
}

static void print_files(bso_page *page, const char *kind, const files *f)
{
    if (!f->count) return;
    bso_page_cell(page, "%s", kind);
    bso_page_cell(page, "%d", f->count);
    bso_page_cell(page, "%s", f->first);
    bso_page_cell(page, "%s", f->last);
    bso_page_cell(page, "%s", *f->commits ? f->commits : "not recorded");
}

static void print_dates(bso_page *page, const bso_report *report)
{
    const bso_evidence *e = &report->evidence;
    static const char *const titles[] = {"files", "number", "oldest started", "newest ended", "commits"};
    files runs = {0}, regret = {0}, memory = {0};
    for (int i = 0; i < e->runs->run_count; i++) {
        const bso_run *run = &e->runs->runs[i];
        add_file(&runs, run->started, run->ended, report->origin[i].value[COMMIT]);
    }
    for (int i = 0; i < e->regret->count; i++) {
        add_file(&regret, e->regret->results[i].started, e->regret->results[i].ended,
                 e->regret->results[i].commit);
    }
    for (int i = 0; i < e->memory->count; i++) {
        add_file(&memory, e->memory->file[i].started, e->memory->file[i].ended, e->memory->file[i].commit);
    }
    bso_page_table(page, "The files that everything here is made of; times are UTC", 5, titles, 5);
    print_files(page, "trainings (runs)", &runs);
    print_files(page, "regret", &regret);
    print_files(page, "memory", &memory);
    bso_page_table_end(page);
}

void bso_report_provenance(bso_page *page, const bso_report *report)
{
    static const char *const titles[] = {"of the trainings", "value"};
    print_dates(page, report);
    if (!report->evidence.runs->run_count) return;
    bso_page_table(page, "Machine, program and libraries", 2, titles, 2);
    for (int i = 0; i < BSO_REPORT_ATTRIBUTES; i++) print_values(page, report, i);
    bso_page_table_end(page);
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
static bool print_diverged(bso_page *page, const bso_table *table)
{
    bool any = false;
    for (int i = 0; i < table->row_count; i++) {
        const bso_row *row = &table->rows[i];
        for (int r = 0; r < row->run_count; r++) {
            const bso_run *run = row->runs[r];
            if (!*run->stopped) continue;
            any = true;
            bso_page_item(page, "%s at T = %" PRId64 ", seed %" PRIu64 " diverged: %s.", row->method,
                          run->settings.steps, run->settings.seed, run->stopped);
        }
    }
    return any;
}

/* Each training that went on with other kernels than it began with. */
static bool print_kernel_changes(bso_page *page, const bso_table *table)
{
    bool any = false;
    for (int i = 0; i < table->run_count; i++) {
        const bso_run *run = &table->runs[i];
        if (!*run->kernel_change) continue;
        any = true;
        bso_page_item(page, "%s went on with other kernels, which may give other bits: %s.", table->paths[i],
                      run->kernel_change);
    }
    return any;
}

static bool print_unreadable(bso_page *page, const char *folder, int count)
{
    if (!count) return false;
    bso_page_item(page, "%d file%s in %s/ could not be read and %s left out.", count, count == 1 ? "" : "s",
                  folder, count == 1 ? "is" : "are");
    return true;
}

static bool print_failed(bso_page *page, const bso_table *table)
{
    for (int i = 0; i < table->failure_count; i++) {
        bso_page_item(page, "The training of %s failed: %s.", table->failures[i].name,
                      table->failures[i].message);
    }
    return table->failure_count > 0;
}

static bool print_seeds(bso_page *page, const bso_table *table)
{
    bool any = false;
    for (int i = 0; i < table->row_count; i++) {
        const bso_row *row = &table->rows[i];
        const int most = most_seeds(table, row->section);
        if (row->run_count == most) continue;
        any = true;
        bso_page_item(page, "%s at T = %lld: %d of %d seeds.", row->method,
                      (long long)row->runs[0]->settings.steps, row->run_count, most);
    }
    for (int i = 0; i < table->row_count; i++) {
        const bso_row *row = &table->rows[i];
        if (row->diverged == row->run_count || bso_summarize(row, bso_test_percent, -1).n > 0) continue;
        any = true;
        bso_page_item(page, "%s at T = %lld: no test accuracy was measured.", row->method,
                      (long long)row->runs[0]->settings.steps);
    }
    return any;
}

static bool print_plots(bso_page *page, const char *directory)
{
    bool any = false;
    char link[128], name[256];
    for (int p = 0; p < BSO_REPORT_PLOTS; p++) {
        if (bso_page_plot(directory, bso_report_plots[p].name, link, sizeof link)) continue;
        snprintf(name, sizeof name, "tables/%s.csv", bso_report_plots[p].table);
        if (!bso_file_there(directory, name)) continue;
        any = true;
        bso_page_item(page, "The plot %s was not drawn.", bso_report_plots[p].name);
    }
    return any;
}

void bso_report_missing(bso_page *page, const bso_report *report)
{
    const bso_evidence *e = &report->evidence;
    bool any = print_diverged(page, e->runs);
    any = print_kernel_changes(page, e->runs) || any;
    any = print_unreadable(page, "runs", report->comparison->unreadable) || any;
    any = print_unreadable(page, "regret", e->regret->unreadable) || any;
    any = print_unreadable(page, "memory", e->memory->unreadable) || any;
    any = print_failed(page, report->comparison) || any;
    any = print_seeds(page, report->comparison) || any;
    any = print_plots(page, report->directory) || any;
    if (!e->runs->run_count) {
        any = true;
        bso_page_item(page, "Trainings: \"bso sweep FILE.conf --out DIR\" makes them.");
    }
    if (!e->regret->count) {
        any = true;
        bso_page_item(page, "Regret: \"bso regret --out DIR\" makes it.");
    }
    if (!e->memory->count) {
        any = true;
        bso_page_item(page, "Memory: \"bso memory --out DIR\" makes it.");
    }
    if (any) {
        bso_page_items_end(page);
    } else {
        bso_page_paragraph(
            page,
            "Nothing is missing: every file was read, every cell has all its seeds and reached its end, "
            "every plot is there.");
    }
}

/* ---- Words ---- */

void bso_report_words(bso_page *page, const bso_report *report)
{
    (void)report;
    static const char *const words[] = {
        "T: time steps for which a sample is shown.",
        "BSO, T-BSO: the paper's rules, which flip one-bit weights by their momentum against a threshold "
        "gamma; T-BSO scales the threshold by a second moment for each layer and time step.",
        "Latent weights, STE: a float behind each one-bit weight, trained by a straight-through gradient "
        "(SGD or Adam).",
        "bptt, ottt, ndot, sltt: how gradients are found: back-propagation through time, or online, one "
        "time step at a time, by the rules of those names.",
        "BPTT-STE: latent weights by back-propagation through time; online STE: latent weights by the "
        "online gradient of OTTT.",
        "Bop, Bop2: earlier rules that flip without latent weights. FP-SNN, OTTT, NDOT, SLTT: "
        "full-precision weights.",
        "FF ratio: flips per update and weight. C2I: share of weights whose sign is not the initial one.",
        "Stand-in: a small imitation, in the same file format, of data that are not at hand; it says "
        "nothing about those data.",
        "Training memory: the bytes that training allocates, counted, without the samples.",
        "Regret: what online learning lost more than the best fixed weights would have.",
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) bso_page_item(page, "%s", words[i]);
    bso_page_items_end(page);
}
