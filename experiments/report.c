/* report.c: `bso report DIR`: DIR/report.md and DIR/report.html, which show the verdicts on the paper's
 * claims, tables, plots and provenance of a folder of results together. The order of chapters is here;
 * chapters are in report_*.c.
 *
 * Every number comes from result files (and the paper's own figures from reported.csv); what is missing is
 * said to be missing. It draws no plots: plots/draw.sh does.
 */
#include "experiments/report.h"

#include "core/file.h"
#include "experiments/program.h"

#include <string.h>

static const char help[] =
    "usage: bso report DIR\n"
    "  reads DIR/runs, DIR/regret and DIR/memory (*.h5) and writes DIR/report.md and DIR/report.html: a\n"
    "  verdict on each of the paper's claims, tables, plots and where they came from; and the verdicts as\n"
    "  DIR/tables/claims.csv\n";

static const struct {
    const char *id, *title;
    void (*print)(bso_page *page, const bso_report *report);
} chapters[] = {
    {"claims", "The paper's claims", bso_report_claims},
    {"what", "What was run", bso_report_what},
    {"parts", "The paper's tables and figures", bso_report_parts},
    {"comparison", "Comparison", bso_report_comparison},
    {"memory", "Memory", bso_report_memory},
    {"regret", "Regret", bso_report_regret},
    {"plots", "Plots", bso_report_plots_left},
    {"missing", "What is not here", bso_report_missing},
    {"words", "Words", bso_report_words},
    {"provenance", "Provenance", bso_report_provenance},
};
enum { CHAPTERS = sizeof chapters / sizeof *chapters };

/* The last part of DIR, the sweep's name. */
static void sweep_name(const char *directory, char *name, size_t size)
{
    size_t end = strlen(directory);
    while (end > 1 && directory[end - 1] == '/') end--;
    size_t begin = end;
    while (begin > 0 && directory[begin - 1] != '/') begin--;
    snprintf(name, size, "%.*s", (int)(end - begin), directory + begin);
}

static void print(FILE *out, const bso_page_form *form, const bso_report *report)
{
    char name[256], title[300];
    bso_page page;
    sweep_name(report->directory, name, sizeof name);
    snprintf(title, sizeof title, "Results: %s", name);
    memset(report->shown, 0, BSO_REPORT_PLOTS * sizeof *report->shown);
    bso_page_begin(&page, out, form, report->directory, title);
    bso_page_paragraph(
        &page,
        "Training binary spiking networks: flips of one-bit weights against latent weights and full "
        "precision. The claims are those of \"BSO: Binary Spiking Online Optimization Algorithm\" (ICML "
        "2025, arXiv 2511.12502).");
    for (int i = 0; i < CHAPTERS; i++) bso_page_contents(&page, chapters[i].id, chapters[i].title);
    bso_page_contents(&page, NULL, NULL);
    for (int i = 0; i < CHAPTERS; i++) {
        bso_page_section(&page, chapters[i].id, chapters[i].title);
        chapters[i].print(&page, report);
        bso_page_section_end(&page);
    }
    bso_page_end(&page);
}

static void print_markdown(FILE *out, const void *report)
{
    print(out, &bso_page_markdown, report);
}

static void print_html(FILE *out, const void *report)
{
    print(out, &bso_page_html, report);
}

/* Trainings may be missing where there is something else. */
static int load(const char *directory, bso_table *runs, bso_regret_set *regret, bso_memory_results *memory,
                bso_reported *reported)
{
    const bool without = !bso_file_there(directory, "runs") &&
                         (bso_file_there(directory, "regret") || bso_file_there(directory, "memory"));
    if (!without && bso_table_load(runs, directory)) return BSO_ERROR;
    return bso_regret_load(regret, directory) || bso_memory_load(memory, directory) ||
                   bso_reported_read(reported, NULL)
               ? BSO_ERROR
               : 0;
}

/* The verdicts for other programs: DIR/tables/claims.csv. */
static int write_claims(const char *directory, const bso_report *report)
{
    char tables[BSO_PATH];
    if (bso_file_path(tables, directory, "tables") || bso_file_directory(tables)) return BSO_ERROR;
    return bso_print_file(tables, "claims.csv", bso_report_claims_csv, report);
}

int bso_command_report(int argc, char **argv)
{
    const char *directory;
    int code = bso_one_directory(argc, argv, help, &directory);
    if (code || !directory) return code;
    bso_table runs = {0}, all = {0};
    bso_regret_set regret = {0};
    bso_memory_results memory = {0};
    bso_reported reported = {0};
    bso_judgement judgement[BSO_CLAIMS] = {{0}};
    bool shown[BSO_REPORT_PLOTS];
    bso_report_origin *origin = NULL;
    bso_report report = {directory, {&all, &regret, &memory, &reported}, &runs, judgement, NULL, shown};
    int status = load(directory, &runs, &regret, &memory, &reported);
    if (!status && runs.run_count) status = bso_table_select(&all, &runs, NULL, NULL, NULL);
    if (!status) status = bso_report_read_origin(&origin, &all);
    report.origin = origin;
    if (!status) status = bso_claims_judge(&report.evidence, judgement);
    if (!status) status = bso_print_file(directory, "report.md", print_markdown, &report);
    if (!status) status = bso_print_file(directory, "report.html", print_html, &report);
    if (!status) status = write_claims(directory, &report);
    if (!status) {
        printf("%s/report.md\n%s/report.html\n", directory, directory);
        status = runs.unreadable || regret.unreadable || memory.unreadable ? 1 : 0;
    }
    bso_free(origin);
    bso_claims_free(judgement);
    bso_table_free(&all);
    bso_table_free(&runs);
    bso_regret_free(&regret);
    bso_memory_results_free(&memory);
    bso_reported_free(&reported);
    return status;
}
