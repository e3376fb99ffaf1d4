/* report_theory.c: the chapters of what takes no trainings: memory as it was planned and measured, sizes of
 * models, regret; and the paper's tables and figures. See report.h.
 */
#include "experiments/part_tables.h"
#include "experiments/report.h"
#include "experiments/text.h"

#include "core/error.h"

#include <math.h>
#include <string.h>

void bso_report_parts(bso_page *page, const bso_report *report)
{
    if (bso_part_pages(page, report->evidence.runs, report->evidence.reported)) {
        bso_page_paragraph(page, "Something could not be shown: %s.", bso_error());
    }
}

/* ---- Memory ---- */

static double gb(const bso_memory_point *p)
{
    return (double)bso_cost_training(p->bytes) / 1e9;
}

/* Methods by network and batch: each file with points for T = 1, 2, ... */
static void print_methods(bso_page *page, const bso_memory_results *memory)
{
    static const char *const titles[] = {"method",
                                         "network",
                                         "batch",
                                         "bytes per weight (bit, latent, rule's state)",
                                         "gradient kept, bytes per weight",
                                         "GB at least T",
                                         "GB at most T",
                                         "factor",
                                         "bytes per time step"};
    bso_page_table(page,
                   "Training memory against T, planned by the code that trains: all but the samples, what "
                   "measuring needs, and descriptions of layers",
                   9, titles, 3);
    for (int i = 0; i < memory->count; i++) {
        const bso_memory_file *f = &memory->file[i];
        if (strcmp(f->kind, "steps") != 0 || f->points == 0) continue;
        const bso_memory_point *first = &f->point[0], *last = &f->point[f->points - 1];
        bso_page_cell(page, "%s", f->label);
        bso_page_cell(page, "%s, %d classes", f->network, f->shape.classes);
        bso_page_cell(page, "%d", f->batch);
        bso_page_cell(page, "%.3f", bso_memory_bytes_per_weight(f));
        bso_page_cell(page, "%.3f", bso_memory_gradient_per_weight(f));
        bso_page_cell(page, "%.3f (T = %zu)", gb(first), first->steps);
        bso_page_cell(page, "%.3f (T = %zu)", gb(last), last->steps);
        bso_page_cell(page, "%.2f", gb(last) / gb(first));
        bso_page_cell(page, "%.0f", bso_memory_growth(f));
    }
    bso_page_table_end(page);
}

static void print_models(bso_page *page, const bso_memory_results *memory, const bso_reported *reported)
{
    static const char *const titles[] = {"data",          "network", "classes",   "one-bit weights",
                                         "float weights", "MB",      "MB, paper", "MB in float32"};
    bso_page_table(page, "Sizes of models as stored, counted; MB are 10^6 bytes", 8, titles, 2);
    for (int i = 0; i < memory->count; i++) {
        for (int m = 0; m < memory->file[i].models; m++) {
            const bso_memory_model *model = &memory->file[i].model[m];
            const bso_reported_fact *fact =
                bso_reported_find(reported, NULL, model->dataset, "T-BSO", 0, NULL, "size_MB");
            bso_page_cell(page, "%s", model->dataset);
            bso_page_cell(page, "%s", model->network);
            bso_page_cell(page, "%d", model->shape.classes);
            bso_page_cell(page, "%zu", model->one_bit_weights);
            bso_page_cell(page, "%zu", model->float_weights);
            bso_page_cell(page, "%.2f", model->bytes / 1e6);
            if (fact) {
                bso_page_cell(page, "%.2f", fact->value);
            } else {
                bso_page_cell(page, "–");
            }
            bso_page_cell(page, "%.2f", model->float_bytes / 1e6);
        }
    }
    bso_page_table_end(page);
}

static bool has_kind(const bso_memory_results *memory, bool models)
{
    for (int i = 0; i < memory->count; i++) {
        if (models ? memory->file[i].models > 0 : strcmp(memory->file[i].kind, "steps") == 0) return true;
    }
    return false;
}

void bso_report_memory(bso_page *page, const bso_report *report)
{
    const bso_memory_results *memory = report->evidence.memory;
    if (has_kind(memory, false)) print_methods(page, memory);
    if (has_kind(memory, true)) print_models(page, memory, report->evidence.reported);
    if (!memory->count)
        bso_page_paragraph(page, "No memory results are here: \"bso memory --out DIR\" makes them.");
    bso_report_memory_of_runs(page, report);
}

/* ---- Regret ---- */

static void put_growth(bso_page *page, const bso_growth *g)
{
    if (isnan(g->exponent)) {
        bso_page_cell(page, "–");
    } else if (isnan(g->half)) {
        bso_page_cell(page, "%.2f", g->exponent);
    } else {
        bso_page_cell(page, "%.2f ± %.2f", g->exponent, g->half);
    }
}

/* The largest R / bound, and the round in which the bound was first exceeded. */
static void put_held(bso_page *page, const bso_regret_result *r, const bso_bound_record *held, int bound)
{
    if (isnan(bso_regret_at(r, BSO_CURVE_BOUND + bound, 0, r->checkpoints - 1))) {
        bso_page_cell(page, "–");
    } else if (held->violations) {
        bso_page_cell(page, "%.3g (exceeded from k = %llu)", held->ratio, (unsigned long long)held->first);
    } else {
        bso_page_cell(page, "%.3g", held->ratio);
    }
}

static void print_result(bso_page *page, const bso_regret_result *r)
{
    bso_regret_summary s;
    char reading[64], verdict[256];
    bso_regret_summarize(r, &s);
    bso_regret_reading(r, reading, sizeof reading);
    bso_regret_verdict(&s, verdict, sizeof verdict);
    bso_page_cell(page, "%s", bso_families[r->family].title);
    bso_page_cell(page, "%s", r->rule);
    bso_page_cell(page, "%s", reading);
    bso_page_cell(page, "%s", verdict);
    bso_page_cell(page, "%d", r->d);
    bso_page_cell(page, "%llu", (unsigned long long)r->rounds);
    bso_page_cell(page, "%d", r->seeds);
    put_growth(page, &s.regret);
    put_held(page, r, &s.held[BSO_BOUND_PRINTED], BSO_BOUND_PRINTED);
    put_held(page, r, &s.held[BSO_BOUND_DIMENSION], BSO_BOUND_DIMENSION);
    put_held(page, r, &s.held[BSO_BOUND_CORRECTED], BSO_BOUND_CORRECTED);
}

void bso_report_regret(bso_page *page, const bso_report *report)
{
    static const char *const titles[] = {"problem",
                                         "rule",
                                         "reading",
                                         "verdict",
                                         "d",
                                         "rounds",
                                         "seeds",
                                         "exponent of R",
                                         "R / printed bound",
                                         "R / d times it",
                                         "R / bound that holds"};
    const bso_regret_set *regret = report->evidence.regret;
    if (!regret->count) {
        bso_page_paragraph(page, "No regret results are here: \"bso regret --out DIR\" makes them.");
        return;
    }
    bso_page_paragraph(
        page,
        "Regret R(k) is what the rule lost in k rounds more than the best fixed weights. Exponents are "
        "slopes of log R against log k over the last decade of rounds, ± half the 95 %% interval; R / "
        "bound is the largest over all rounds and seeds. Readings: what decays in the theorem, which the "
        "paper does not say.");
    for (int reading = 0; reading < BSO_READINGS; reading++) {
        bso_page_item(page, "%s: %s", bso_reading_name((bso_reading)reading),
                      bso_reading_formula((bso_reading)reading));
    }
    bso_page_items_end(page);
    bso_page_fold(page, "All problems, rules and readings");
    bso_page_table(page, "Regret and its bounds", 11, titles, 4);
    for (int i = 0; i < regret->count; i++) print_result(page, &regret->results[i]);
    bso_page_table_end(page);
    bso_page_fold_end(page);
}
