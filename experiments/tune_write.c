/* tune_write.c: what tuning found, as settings for later trainings, as a table for people, and as numbers for
 * plots. See tune.h. */
#include "experiments/tune.h"

#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "experiments/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const bso_protocol *protocol;
    const bso_candidate *c;
    int count;
} found;

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void bso_best_of(const double *x, int n, int k, double *mean, double *sd)
{
    double *sorted = bso_alloc(BSO_MEM_LOG, (size_t)n, sizeof *sorted, "trials");
    *mean = *sd = NAN;
    if (!sorted) return;
    for (int i = 0; i < n; i++) sorted[i] = isnan(x[i]) ? 0 : x[i];
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++) {
        double p = pow((i + 1.0) / n, k) - pow((double)i / n, k);
        sum += p * sorted[i];
    }
    for (int i = 0; i < n; i++) {
        double p = pow((i + 1.0) / n, k) - pow((double)i / n, k);
        squares += p * (sorted[i] - sum) * (sorted[i] - sum);
    }
    *mean = sum;
    *sd = sqrt(squares);
    bso_free(sorted);
}

/* The highest validation accuracy of all trials; NaN: none reached its end. */
static double best_validation(const bso_candidate *c)
{
    return c->best < 0 ? NAN : c->validation[c->best];
}

/* The value of a key in a candidate's trial, as text; NaN where there is no such trial. */
static void value_text(const found *f, const bso_candidate *c, int trial, const char *key, char *text,
                       size_t size)
{
    bso_settings s;
    snprintf(text, size, "NaN");
    if (trial >= 0 && bso_tune_trial(c, f->protocol, trial, &s) == 0) bso_settings_get(&s, key, text, size);
}

static void print_settings(FILE *out, const void *argument)
{
    const found *f = argument;
    char value[64];
    fprintf(out,
            "# Written by `bso tune`; protocol: experiments/%s.conf (%s).\n"
            "# Each method: the best of its trials by validation accuracy (percent, seed %llu).\n"
            "protocol = \"%s\";\ntuned = (",
            f->protocol->name, f->protocol->title, (unsigned long long)f->protocol->trial_seed,
            f->protocol->title);
    for (int i = 0, written = 0; i < f->count; i++) {
        const bso_candidate *c = &f->c[i];
        if (c->best < 0) continue;
        fprintf(out, "%s\n    { method = \"%s\"; trials = %d; validation = %.2f;", written++ ? "," : "",
                c->method->name, c->trials, best_validation(c));
        for (int r = 0; r < c->ranges; r++) {
            value_text(f, c, c->best, c->range[r].key, value, sizeof value);
            fprintf(out, " %s = %s%s;", c->range[r].key, value, strpbrk(value, ".e") ? "" : ".0");
        }
        fprintf(out, " }");
    }
    fprintf(out, "\n);\n");
}

static void print_trials(FILE *out, const void *argument)
{
    const found *f = argument;
    char value[64];
    fprintf(out, "%s\n", BSO_TRIALS_HEAD);
    for (int i = 0; i < f->count; i++) {
        const bso_candidate *c = &f->c[i];
        for (int trial = 0; trial < c->trials; trial++) {
            for (int r = 0; r < c->ranges; r++) {
                value_text(f, c, trial, c->range[r].key, value, sizeof value);
                fprintf(out, "%s,", c->method->name);
                bso_csv_text(out, c->method->label);
                fprintf(out, ",%d,%s,%s,", trial + 1, c->range[r].key, value);
                bso_csv_number(out, c->validation[trial]);
                fputc('\n', out);
            }
        }
    }
}

static void print_budget(FILE *out, const void *argument)
{
    const found *f = argument;
    fprintf(out, "%s\n", BSO_BUDGET_HEAD);
    for (int i = 0; i < f->count; i++) {
        const bso_candidate *c = &f->c[i];
        for (int k = 1; k <= c->trials; k++) {
            double mean, sd;
            bso_best_of(c->validation, c->trials, k, &mean, &sd);
            fprintf(out, "%s,", c->method->name);
            bso_csv_text(out, c->method->label);
            fprintf(out, ",%d,", k);
            bso_csv_number(out, mean);
            fputc(',', out);
            bso_csv_number(out, sd);
            fputc('\n', out);
        }
    }
}

static void print_tuned(FILE *out, const void *argument)
{
    const found *f = argument;
    char value[64];
    fprintf(out, "method,label,trials,best_validation_percent,validation_percent,validation_percent_sd,seeds,"
                 "settings\n");
    for (int i = 0; i < f->count; i++) {
        const bso_candidate *c = &f->c[i];
        fprintf(out, "%s,", c->method->name);
        bso_csv_text(out, c->method->label);
        fprintf(out, ",%d,", c->trials);
        bso_csv_number(out, best_validation(c));
        fputc(',', out);
        bso_csv_number(out, c->mean);
        fputc(',', out);
        bso_csv_number(out, c->sd);
        fprintf(out, ",%d,", c->seeds);
        for (int r = 0; r < c->ranges; r++) {
            value_text(f, c, c->best, c->range[r].key, value, sizeof value);
            fprintf(out, "%s%s=%s", r ? " " : "", c->range[r].key, value);
        }
        fputc('\n', out);
    }
}

static void put_percent(FILE *out, double x)
{
    if (isnan(x)) {
        fprintf(out, " – |");
    } else {
        fprintf(out, " %.2f |", x);
    }
}

/* "75.20 ± 0.31 (3 seeds)" */
static void print_seeds(FILE *out, const bso_protocol *protocol, const bso_candidate *c)
{
    if (c->best < 0) {
        fprintf(out, "– (no trial reached its end)");
        return;
    }
    if (isnan(c->mean)) {
        fprintf(out, "–");
    } else {
        fprintf(out, "%.2f", c->mean);
        if (!isnan(c->sd)) fprintf(out, " ± %.2f", c->sd);
    }
    fprintf(out, " (%d seed%s", c->seeds, c->seeds == 1 ? "" : "s");
    if (c->seeds < protocol->seeds) {
        fprintf(out, "; %d of %d did not reach their end", protocol->seeds - c->seeds, protocol->seeds);
    }
    fprintf(out, ")");
}

/* After how many trials a smaller budget is shown. */
static const int budgets[] = {1, 4, 8, 16};
enum { BUDGETS = sizeof budgets / sizeof *budgets };

static void print_table(FILE *out, const void *argument)
{
    const found *f = argument;
    char value[64];
    fprintf(out, "| method | best setting | validation (%%), fresh seeds | best trial (%%) |");
    for (int b = 0; b < BUDGETS; b++) fprintf(out, " expected after %d |", budgets[b]);
    fprintf(out, "\n|---|---|--:|--:|");
    for (int b = 0; b < BUDGETS; b++) fprintf(out, "--:|");
    fputc('\n', out);
    for (int i = 0; i < f->count; i++) {
        const bso_candidate *c = &f->c[i];
        fprintf(out, "| ");
        bso_markdown_text(out, c->method->label);
        fprintf(out, " (`%s`) | ", c->method->name);
        if (c->best < 0) fprintf(out, "–");
        for (int r = 0; c->best >= 0 && r < c->ranges; r++) {
            value_text(f, c, c->best, c->range[r].key, value, sizeof value);
            fprintf(out, "%s`%s=%s`", r ? " " : "", c->range[r].key, value);
        }
        fprintf(out, " | ");
        print_seeds(out, f->protocol, c);
        fprintf(out, " |");
        put_percent(out, best_validation(c));
        for (int b = 0; b < BUDGETS; b++) {
            double mean, sd;
            bso_best_of(c->validation, c->trials, budgets[b], &mean, &sd);
            put_percent(out, budgets[b] <= c->trials ? mean : NAN);
        }
        fputc('\n', out);
    }
}

static void print_page(FILE *out, const void *argument)
{
    const found *f = argument;
    fprintf(
        out,
        "# Tuning: %s\n\n"
        "Every method: %d trials of random search over its own ranges (log-uniform; `bso list`) and the rate "
        "of the "
        "full-precision parameters,\njudged by validation accuracy after the last epoch with seed %llu; then "
        "the best "
        "setting with fresh seeds. The best trial's own accuracy is\nthe highest of %d noisy numbers: the "
        "fresh seeds are "
        "what to compare. `expected after k`: what a budget of k trials would have found, on\naverage.\n\n",
        f->protocol->title, f->protocol->trials, (unsigned long long)f->protocol->trial_seed,
        f->protocol->trials);
    print_table(out, argument);
    fprintf(out, "\n![Expected best validation accuracy against trials](plots/budget.svg)\n\n"
                 "![Validation accuracy against each value drawn](plots/sensitivity.svg)\n");
}

int bso_tune_write(const char *directory, const bso_protocol *protocol, const bso_candidate *c, int count)
{
    const found f = {protocol, c, count};
    char tables[4096];
    if (snprintf(tables, sizeof tables, "%s/tables", directory) >= (int)sizeof tables) {
        return bso_fail("%.60s...: the directory's name is too long", directory);
    }
    if (bso_file_directory(tables) || bso_print_file(tables, "trials.csv", print_trials, &f) ||
        bso_print_file(tables, "budget.csv", print_budget, &f) ||
        bso_print_file(tables, "tuned.csv", print_tuned, &f) ||
        bso_print_file(directory, "tuned.conf", print_settings, &f) ||
        bso_print_file(directory, "tune.md", print_page, &f)) {
        return BSO_ERROR;
    }
    printf("\n");
    print_table(stdout, &f);
    printf("\nsettings  %s/tuned.conf\ntable     %s/tune.md\n", directory, directory);
    return 0;
}
