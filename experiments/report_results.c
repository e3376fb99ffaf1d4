/* report_results.c: the chapters of the trainings: what was run, the comparison, memory, plots. See report.h.
 */
#include "experiments/report.h"

#include "experiments/program.h"
#include "experiments/text.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- What was run ---- */

static void print_section(bso_page *page, const bso_table *table, int first)
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
    if (least == most) {
        bso_page_item(page, "%s: %d trainings, %d cells (method and T), %d seed%s each", title, runs, rows,
                      most, most == 1 ? "" : "s");
    } else {
        bso_page_item(page, "%s: %d trainings, %d cells (method and T), %d to %d seeds", title, runs, rows,
                      least, most);
    }
}

void bso_report_what(bso_page *page, const bso_report *report)
{
    const bso_table *table = report->evidence.runs;
    if (table->run_count == 0) {
        bso_page_paragraph(page, "No training is among these results.");
        return;
    }
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
    for (int i = 0; i < table->row_count; i++) {
        if (i == 0 || table->rows[i].section != table->rows[i - 1].section) print_section(page, table, i);
    }
    bso_page_item(page, "First training started %s, last one ended %s; the trainings took %s together.",
                  first, last, sum);
    bso_page_items_end(page);
}

/* ---- Comparison ---- */

void bso_report_comparison(bso_page *page, const bso_report *report)
{
    enum { FIRST = 4, MOST = 32 };
    const bso_table *table = report->comparison;
    const int columns = bso_table_columns();
    const char *titles[MOST] = {"method", "T", "gradient", "weights"};
    char text[4 * BSO_TEXT], files[BSO_TEXT];
    for (int c = 0; c < columns; c++) {
        titles[FIRST + c] = bso_table_column(c);
    }
    for (int i = 0; i < table->row_count; i++) {
        const bso_row *row = &table->rows[i];
        if (i == 0 || row->section != table->rows[i - 1].section) {
            if (i) bso_page_table_end(page);
            bso_section_title(row, text, sizeof text);
            bso_section_files(table, i, bso_section_end(table, i), files, sizeof files);
            bso_text_add(text, sizeof text, ". %s", files);
            bso_page_table(page, text, FIRST + columns, titles, FIRST);
        }
        bso_page_cell(page, "%s", row->method);
        bso_page_cell(page, "%lld", (long long)row->runs[0]->settings.steps);
        bso_page_cell(page, "%s", row->runs[0]->settings.gradient);
        bso_page_cell(page, "%s", bso_weights_name(row->weights));
        for (int c = 0; c < columns; c++) {
            bso_table_cell(row, c, text, sizeof text);
            bso_page_cell(page, "%s", text);
        }
    }
    if (table->row_count) bso_page_table_end(page);
    bso_page_paragraph(page, "%s",
                       table->row_count ? bso_table_note : "No training of the comparison is here.");
}

/* ---- Memory ---- */

void bso_report_memory_of_runs(bso_page *page, const bso_report *report)
{
    const bso_table *table = report->comparison;
    const char *titles[3 + BSO_MEM_CATEGORIES] = {"data", "method", "T"};
    if (table->row_count == 0) return;
    for (int c = 0; c < BSO_MEM_CATEGORIES; c++) {
        titles[3 + c] = bso_mem_name((bso_mem_category)c);
    }
    bso_page_table(
        page, "Trainings: MB (10^6 bytes) by category at the moment the total was largest, mean over seeds",
        3 + BSO_MEM_CATEGORIES, titles, 2);
    for (int i = 0; i < table->row_count; i++) {
        const bso_row *row = &table->rows[i];
        bso_page_cell(page, "%s", row->dataset);
        bso_page_cell(page, "%s", row->method);
        bso_page_cell(page, "%lld", (long long)row->runs[0]->settings.steps);
        for (int c = 0; c < BSO_MEM_CATEGORIES; c++) {
            const bso_summary s = bso_summarize(row, bso_memory_bytes, c);
            if (s.n > 0) {
                bso_page_cell(page, "%.3f", s.mean / 1e6);
            } else {
                bso_page_cell(page, "–");
            }
        }
    }
    bso_page_table_end(page);
    double least = INFINITY, most = 0;
    for (int i = 0; i < table->run_count; i++) {
        const bso_run *run = &table->runs[i];
        if (run->rss_peak <= run->rss_start || run->memory_total_peak == 0) continue;
        double ratio = (double)(run->rss_peak - run->rss_start) / (double)run->memory_total_peak;
        least = fmin(least, ratio);
        most = fmax(most, ratio);
    }
    if (most > 0) {
        bso_page_paragraph(
            page,
            "The resident set grew by %.2f to %.2f times the accounted peak (samples included) in these "
            "trainings.",
            least, most);
    }
}

/* ---- Plots ---- */

const bso_report_plot bso_report_plots[BSO_REPORT_PLOTS] = {
    {"accuracy_epoch", "Test accuracy against epoch", "accuracy_epoch"},
    {"accuracy_steps", "Test accuracy against the number of time steps", "accuracy_steps"},
    {"accuracy_memory", "Test accuracy against training memory", "comparison"},
    {"flip_rate_epoch", "Flips per update and weight against epoch", "flip_rate_epoch"},
    {"memory", "Training memory by category", "memory"},
    {"memory_steps", "Training memory against the number of time steps", "memory_steps"},
    {"fig3", "How alike the gradients of different time steps are", "fig3_distance"},
    {"fig5", "Accuracy of BSO and T-BSO against the number of time steps, beside the paper's", "fig5"},
    {"table3", "Accuracy and flips against gamma", "table3"},
    {"table3_v", "T-BSO's second moment over training", "table3_v"},
    {"flips", "Flips over training", "flips_curve"},
    {"flips_back", "Flips back", "flips_back"},
    {"regret", "Average regret against rounds, under each reading of the theorem", "regret"},
    {"regret_bounds", "Regret and its bounds against rounds, under reading A", "regret"},
};

bool bso_report_picture(bso_page *page, const bso_report *report, const char *name)
{
    char link[128], id[64];
    int p = 0;
    while (p < BSO_REPORT_PLOTS && strcmp(bso_report_plots[p].name, name) != 0) p++;
    if (p == BSO_REPORT_PLOTS || !bso_page_plot(report->directory, name, link, sizeof link)) return false;
    if (report->shown[p]) {
        snprintf(id, sizeof id, "plot-%s", name);
        bso_page_see(page, id, "See the plot above: %s.", bso_report_plots[p].title);
        return true;
    }
    report->shown[p] = bso_page_picture(page, name, bso_report_plots[p].title);
    return report->shown[p];
}

void bso_report_plots_left(bso_page *page, const bso_report *report)
{
    int drawn = 0, before = 0;
    for (int p = 0; p < BSO_REPORT_PLOTS; p++) before += report->shown[p];
    if (before) bso_page_paragraph(page, "Plots that show a claim are with that claim; any others are here.");
    for (int p = 0; p < BSO_REPORT_PLOTS; p++) {
        if (report->shown[p]) continue;
        char link[128];
        if (!bso_page_plot(report->directory, bso_report_plots[p].name, link, sizeof link)) continue;
        bso_page_heading(page, "%s", bso_report_plots[p].title);
        drawn += bso_report_picture(page, report, bso_report_plots[p].name);
    }
    if (!drawn && !before) {
        bso_page_paragraph(
            page,
            "No plots were drawn; \"plots/draw.sh DIR\" draws them from the tables of \"bso table DIR\".");
    }
}
