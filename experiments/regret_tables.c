/* regret_tables.c: tables of `bso regret`'s results, for plots and for people. See regret.h. */
#include "experiments/regret.h"

#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "experiments/statistics.h"
#include "experiments/table.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

static const bso_regret_set *as_set(const void *argument)
{
    return argument;
}

/* ---- Curves ---- */

static void put_key(FILE *out, const bso_regret_result *r)
{
    char reading[32];
    bso_regret_reading(r, reading, sizeof reading);
    fprintf(out, "%s,%d,", bso_families[r->family].name, r->d);
    bso_csv_text(out, r->rule);
    fprintf(out, ",%s,", reading);
}

/* A line, unless there is no value. Six digits: curves are for plots. */
static void put_point(FILE *out, const bso_regret_result *r, uint64_t k, const char *quantity,
                      const double *x)
{
    const bso_sample s = bso_sample_of(x, r->seeds);
    if (s.n == 0) return;
    put_key(out, r);
    fprintf(out, "%llu,%s,%.6g,", (unsigned long long)k, quantity, s.mean);
    if (isnan(s.sd)) {
        fprintf(out, "NaN,%d\n", s.n);
    } else {
        fprintf(out, "%.6g,%d\n", s.sd, s.n);
    }
}

/* The terms of the bound that holds are told once a decade, and at the end. */
static bool is_told(const bso_regret_result *r, int curve, int checkpoint)
{
    if (curve < BSO_CURVE_TERM || curve >= BSO_CURVE_TERM + BSO_TERMS) return true;
    uint64_t k = r->k[checkpoint];
    while (k % 10 == 0) k /= 10;
    return k == 1 || checkpoint == r->checkpoints - 1;
}

/* Regret against the best point of the box, at the rounds where that is known, for the seeds that both have.
 */
static void put_box(FILE *out, const bso_regret_result *r, const bso_regret_box *b)
{
    double x[BSO_REGRET_SEEDS_MAX];
    for (int i = 0; i < r->checkpoints; i++) {
        for (int j = 0; j < b->n; j++) {
            if (b->k[j] != r->k[i]) continue;
            for (int s = 0; s < r->seeds; s++) {
                x[s] = NAN;
                for (int t = 0; t < b->seeds; t++) {
                    if (b->seed[t] == r->seed[s]) {
                        x[s] = bso_regret_at(r, BSO_CURVE_REGRET, s, i) + b->gap[t * b->n + j];
                    }
                }
            }
            put_point(out, r, r->k[i], "regret_box", x);
        }
    }
}

static void print_curves(FILE *out, const void *argument)
{
    const bso_regret_set *set = as_set(argument);
    double x[BSO_REGRET_SEEDS_MAX];
    fprintf(out, "family,d,rule,reading,k,quantity,mean,sd,n\n");
    for (int n = 0; n < set->count; n++) {
        const bso_regret_result *r = &set->results[n];
        for (int c = 0; c < BSO_CURVES; c++) {
            char name[64];
            bso_curve_name(c, name, sizeof name);
            for (int i = 0; i < r->checkpoints; i++) {
                if (!is_told(r, c, i)) continue;
                for (int s = 0; s < r->seeds; s++) x[s] = bso_regret_at(r, c, s, i);
                put_point(out, r, r->k[i], name, x);
            }
        }
        for (int b = 0; b < set->box_count; b++) {
            if (set->boxes[b].family == r->family && set->boxes[b].d == r->d) put_box(out, r, &set->boxes[b]);
        }
    }
}

/* ---- One line for each result ---- */

static void print_summary(FILE *out, const void *argument)
{
    const bso_regret_set *set = as_set(argument);
    fprintf(out, "family,d,rule,reading,setting,rounds,seeds,regret_exponent,regret_exponent_se,"
                 "regret_exponent_half95,claimed_exponent,regret_end");
    for (int b = 0; b < BSO_BOUNDS; b++) {
        const char *name = bso_bound_name((bso_bound)b);
        fprintf(out,
                ",%s_exponent,%s_exponent_se,%s_max_ratio,%s_violated_seeds,%s_violations,%s_first,%s_last",
                name, name, name, name, name, name, name);
    }
    fprintf(out, ",bound_verdict,verdict,ended,commit\n");
    for (int n = 0; n < set->count; n++) {
        const bso_regret_result *r = &set->results[n];
        bso_regret_summary s;
        char setting[256], verdict[256];
        double end = 0;
        bso_regret_summarize(r, &s);
        bso_regret_setting(r, setting, sizeof setting);
        bso_regret_verdict(&s, verdict, sizeof verdict);
        for (int i = 0; i < r->seeds; i++) {
            end += bso_regret_at(r, BSO_CURVE_REGRET, i, r->checkpoints - 1) / r->seeds;
        }
        put_key(out, r);
        bso_csv_text(out, setting);
        fprintf(out, ",%llu,%d,", (unsigned long long)r->rounds, r->seeds);
        const double numbers[] = {s.regret.exponent, s.regret.error, s.regret.half, s.claimed, end};
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
            if (i) fputc(',', out);
            bso_csv_number(out, numbers[i]);
        }
        for (int b = 0; b < BSO_BOUNDS; b++) {
            const bso_bound_record *held = &s.held[b];
            fputc(',', out);
            bso_csv_number(out, s.bound[b].exponent);
            fputc(',', out);
            bso_csv_number(out, s.bound[b].error);
            fputc(',', out);
            bso_csv_number(out, isnan(s.bound[b].exponent) && !r->applies ? NAN : held->ratio);
            fprintf(out, ",%d,%llu,%llu,%llu", s.violated_seeds[b], (unsigned long long)held->violations,
                    (unsigned long long)held->first, (unsigned long long)held->last);
        }
        fprintf(out, ",%s,", bso_bound_verdict_text(s.bounds));
        bso_csv_text(out, verdict);
        fputc(',', out);
        bso_csv_text(out, r->ended);
        fputc(',', out);
        bso_csv_text(out, r->commit);
        fputc('\n', out);
    }
}

/* ---- The page ---- */

static void put_exponent(FILE *out, const bso_growth *g)
{
    if (isnan(g->exponent)) {
        fprintf(out, " – |");
    } else if (isnan(g->error)) {
        fprintf(out, " %.2f |", g->exponent);
    } else {
        fprintf(out, " %.2f ± %.2f |", g->exponent, g->error);
    }
}

/* "1.37 (k = 2 to 100000; 10 of 10 seeds)": the largest R / bound, and where the bound was violated. */
static void put_held(FILE *out, const bso_regret_result *r, const bso_regret_summary *s, int b)
{
    const bso_bound_record *held = &s->held[b];
    if (isnan(bso_regret_at(r, BSO_CURVE_BOUND + b, 0, r->checkpoints - 1))) {
        fprintf(out, " – |");
        return;
    }
    fprintf(out, " %.3g", held->ratio);
    if (held->violations) {
        fprintf(out, " (k = %llu to %llu", (unsigned long long)held->first, (unsigned long long)held->last);
        if (r->seeds > 1) fprintf(out, "; %d of %d seeds", s->violated_seeds[b], r->seeds);
        fputc(')', out);
    }
    fprintf(out, " |");
}

static void put_family(FILE *out, const bso_regret_set *set, bso_family family)
{
    const bso_family_info *info = &bso_families[family];
    bool begun = false;
    for (int n = 0; n < set->count; n++) {
        const bso_regret_result *r = &set->results[n];
        char reading[32], verdict[256];
        bso_regret_summary s;
        if (r->family != family) continue;
        if (!begun) {
            fprintf(
                out,
                "\n## %s\n\n`%s`; regret against the %s.\n\n"
                "| d | rule | reading | gamma, c | K | R(K) | exponent of R | of the printed bound | of the "
                "corrected bound | R / printed | R / printed d | R / printed d G | R / corrected | verdict "
                "|\n"
                "|--:|---|---|---|--:|--:|--:|--:|--:|---|---|---|---|---|\n",
                info->title, info->name, info->comparator);
            begun = true;
        }
        bso_regret_summarize(r, &s);
        bso_regret_reading(r, reading, sizeof reading);
        bso_regret_verdict(&s, verdict, sizeof verdict);
        double end[BSO_REGRET_SEEDS_MAX];
        for (int i = 0; i < r->seeds; i++) end[i] = bso_regret_at(r, BSO_CURVE_REGRET, i, r->checkpoints - 1);
        const bso_sample sample = bso_sample_of(end, r->seeds);
        fprintf(out, "| %d | %s | %s | %g, %g | %llu | %.4g", r->d, r->rule, reading, r->schedule.gamma,
                r->schedule.rate, (unsigned long long)r->rounds, sample.mean);
        if (!isnan(sample.sd)) fprintf(out, " ± %.2g", sample.sd);
        fprintf(out, " |");
        put_exponent(out, &s.regret);
        put_exponent(out, &s.bound[BSO_BOUND_PRINTED]);
        put_exponent(out, &s.bound[BSO_BOUND_CORRECTED]);
        for (int b = 0; b < BSO_BOUNDS; b++) put_held(out, r, &s, b);
        fprintf(out, " %s |\n", verdict);
    }
}

/* Of a rule and reading, over problems (family and d): for how many what came out. */
typedef struct {
    int problems, bounds[BSO_VERDICT_NO_BOUND + 1];
    int printed_late, d_late; /* violated in the last round, too: not a matter of the start */
    int corrected, faster, stays;
} tally;

static bool same_reading(const bso_regret_result *a, const bso_regret_result *b)
{
    return strcmp(a->rule, b->rule) == 0 && a->tuned == b->tuned &&
           a->schedule.reading == b->schedule.reading;
}

static void count_one(tally *t, const bso_regret_result *r)
{
    bso_regret_summary s;
    bso_regret_summarize(r, &s);
    t->problems++;
    t->bounds[s.bounds]++;
    t->printed_late += s.held[BSO_BOUND_PRINTED].last == r->rounds;
    t->d_late += s.held[BSO_BOUND_DIMENSION].last == r->rounds;
    t->corrected += s.violated_seeds[BSO_BOUND_CORRECTED] > 0;
    t->faster += s.growth == BSO_GROWTH_ABOVE;
    t->stays += s.average == BSO_GROWTH_ABOVE;
}

static void put_overview(FILE *out, const bso_regret_set *set)
{
    fprintf(out,
            "| rule | reading | problems | printed bound holds | holds times d | holds times d G | none of "
            "these | "
            "printed bound still violated at K | times d still violated at K | corrected bound violated | R "
            "grows faster than claimed | average regret does not vanish |\n"
            "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for (int n = 0; n < set->count; n++) {
        const bso_regret_result *first = &set->results[n];
        char reading[32];
        tally t = {0};
        bool seen = false;
        for (int m = 0; m < n; m++) seen |= same_reading(&set->results[m], first);
        if (seen) continue;
        for (int m = n; m < set->count; m++) {
            if (same_reading(&set->results[m], first)) count_one(&t, &set->results[m]);
        }
        bso_regret_reading(first, reading, sizeof reading);
        fprintf(out, "| %s | %s | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n", first->rule, reading,
                t.problems, t.bounds[BSO_VERDICT_HOLDS], t.bounds[BSO_VERDICT_HOLDS_WITH_D],
                t.bounds[BSO_VERDICT_HOLDS_WITH_DG], t.bounds[BSO_VERDICT_FAILS], t.printed_late, t.d_late,
                t.corrected, t.faster, t.stays);
    }
}

static void put_dates(FILE *out, const bso_regret_set *set)
{
    const char *from = set->results[0].started, *to = set->results[0].ended;
    for (int n = 1; n < set->count; n++) {
        if (strcmp(set->results[n].started, from) < 0) from = set->results[n].started;
        if (strcmp(set->results[n].ended, to) > 0) to = set->results[n].ended;
    }
    fprintf(out, "%d results, made from %s to %s by commit", set->count, from, to);
    for (int n = 0, commits = 0; n < set->count; n++) {
        bool seen = false;
        for (int m = 0; m < n; m++) seen |= strcmp(set->results[m].commit, set->results[n].commit) == 0;
        if (!seen) fprintf(out, "%s %s", commits++ ? "," : "", set->results[n].commit);
    }
    fprintf(out, ".\n");
}

static void put_box_errors(FILE *out, const bso_regret_set *set)
{
    double largest = 0, error = 0;
    if (!set->box_count) return;
    for (int b = 0; b < set->box_count; b++) {
        for (int i = 0; i < set->boxes[b].seeds * set->boxes[b].n; i++) {
            largest = fmax(largest, set->boxes[b].gap[i]);
            error = fmax(error, set->boxes[b].error[i]);
        }
    }
    fprintf(
        out,
        "\nThe best point of the box [-1,1]^d loses up to %.3g less than the teacher in all rounds together "
        "(found to within %.1g); `regret.csv` has regret against it as `regret_box`.\n",
        largest, error);
}

static void print_page(FILE *out, const void *argument)
{
    const bso_regret_set *set = as_set(argument);
    fprintf(out, "# Regret against theory\n\n");
    if (!set->count) {
        fprintf(out, "No results.\n");
        return;
    }
    put_dates(out, set);
    fprintf(
        out,
        "\nTheorem 4.1 claims exponents of at most 1/2 (BSO) and 3/4 (T-BSO), and the printed bound. What "
        "decays how is a reading, because the paper does not say (docs/regret.md):\n\n");
    for (int i = 0; i < BSO_READINGS; i++) {
        fprintf(out, "- %s: %s\n", bso_reading_name((bso_reading)i), bso_reading_formula((bso_reading)i));
    }
    fprintf(
        out,
        "\n`tuned`: gamma and c searched for on other seeds, for each family, d and rule. Exponents: slope "
        "of "
        "log R against log k over the last decade of rounds, ± standard error over seeds (one curve: of the "
        "regression); – where R is not positive there.\nR / bound: the largest ratio over all rounds "
        "and seeds; in brackets the first and last round that violated the bound. G: largest |g|_inf.\n\n"
        "## Over all problems\n\n");
    put_overview(out, set);
    put_box_errors(out, set);
    for (int f = 0; f < BSO_FAMILIES; f++) put_family(out, set, (bso_family)f);
}

/* ---- Trainings ---- */

/* The proxy of regret that every training's file holds, at checkpoints of its batches: against the lowest
 * epoch mean of its own training loss. No bound applies: the loss is not convex. */
static double proxy_at(const bso_run *run, uint64_t k)
{
    double comparator = NAN, sum = 0;
    for (int e = 0; e < run->epochs_done; e++) comparator = fmin(comparator, run->epochs[e].train_loss);
    for (uint64_t i = 0; i < k; i++) sum += run->batch_loss[i];
    return sum - (double)k * comparator;
}

static void put_training(FILE *out, const bso_row *row)
{
    uint64_t batches = UINT64_MAX, k[BSO_CHECKPOINTS_MAX];
    int used = 0;
    const int most = row->run_count < BSO_REGRET_SEEDS_MAX ? row->run_count : BSO_REGRET_SEEDS_MAX;
    for (int i = 0; i < row->run_count; i++) {
        if (!*row->runs[i]->stopped && row->runs[i]->batches < batches) batches = row->runs[i]->batches;
    }
    if (batches < 1 || batches > BSO_ROUNDS_MAX) return;
    const int n = bso_regret_checkpoints(batches, k);
    double *curves = bso_alloc(BSO_MEM_LOG, (size_t)most * (size_t)n, sizeof *curves, "regret");
    if (!curves) return;
    for (int s = 0; s < most; s++) {
        if (*row->runs[s]->stopped) continue; /* diverged: counts nowhere */
        for (int i = 0; i < n; i++) curves[used * n + i] = proxy_at(row->runs[s], k[i]);
        used++;
    }
    const bso_growth g = bso_growth_of(curves, used, k, n);
    for (int i = 0; used && i < n; i++) {
        double x[BSO_REGRET_SEEDS_MAX];
        for (int s = 0; s < used; s++) x[s] = curves[s * n + i];
        const bso_sample sample = bso_sample_of(x, used);
        const double numbers[] = {sample.mean, sample.sd, g.exponent, g.error};
        bso_csv_row(out, row);
        fprintf(out, "%llu,", (unsigned long long)k[i]);
        for (int j = 0; j < 4; j++) {
            bso_csv_number(out, numbers[j]);
            fputc(',', out);
        }
        fprintf(out, "%d,%s\n", used, row->runs[0]->ended);
    }
    bso_free(curves);
}

static void print_trainings(FILE *out, const void *argument)
{
    const bso_table *table = argument;
    fprintf(out, "dataset,network,method,T,k,mean,sd,exponent,exponent_se,n,ended\n");
    for (int i = 0; i < table->row_count; i++) put_training(out, &table->rows[i]);
}

/* Tables whose results are gone. */
static int remove_all(const char *tables)
{
    static const char *const names[] = {"regret.csv", "regret_summary.csv", "regret_summary.md",
                                        "regret_training.csv"};
    int status = 0;
    for (size_t i = 0; !status && i < sizeof names / sizeof *names; i++) {
        status = bso_remove_file(tables, names[i]);
    }
    return status;
}

static int write_trainings(const char *directory, const char *tables)
{
    bso_table table;
    int status = bso_table_load(&table, directory);
    if (!status) {
        status = bso_print_file(tables, "regret_training.csv", print_trainings, &table);
    } else if (!table.run_count) { /* none, or none that can be read: regret does not depend on them */
        status = bso_remove_file(tables, "regret_training.csv");
    }
    bso_table_free(&table);
    return status;
}

int bso_regret_tables(const char *directory)
{
    char folder[BSO_PATH], tables[BSO_PATH];
    struct stat there;
    bso_regret_set set;
    if (bso_file_path(folder, directory, "regret") || bso_file_path(tables, directory, "tables"))
        return BSO_ERROR;
    if (stat(folder, &there) && errno == ENOENT) return remove_all(tables);
    int status = bso_regret_load(&set, directory);
    if (!status) status = bso_file_directory(tables);
    if (!status) status = bso_print_file(tables, "regret.csv", print_curves, &set);
    if (!status) status = bso_print_file(tables, "regret_summary.csv", print_summary, &set);
    if (!status) status = bso_print_file(tables, "regret_summary.md", print_page, &set);
    const bool unreadable = set.unreadable > 0;
    bso_regret_free(&set);
    if (!status) status = write_trainings(directory, tables);
    return status ? status : unreadable;
}
