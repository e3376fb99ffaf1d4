/* compare_write.c: methods side by side, as tables for people and numbers for plots. See compare.h. */
#include "experiments/compare.h"

#include "core/error.h"
#include "core/file.h"
#include "experiments/config.h"
#include "experiments/statistics.h"
#include "experiments/table.h"
#include "experiments/tune.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const bso_protocol *protocol;
    const bso_contender *c;
    int count;
    const char *directory;
    const char *part; /* "trials" or "budget", for print_tuning */
    int *tuning;      /* lines of it that were found */
    const bso_table *table;
    void (*print)(FILE *out, const bso_table *table);
    bso_paired paired[BSO_COMPARE_METHODS]; /* of each method with the first one */
    double adjusted[BSO_COMPARE_METHODS];   /* their p-values, after Holm */
} comparison;

/* ---- numbers as text ---- */

static void put(FILE *out, double x, int decimals)
{
    if (isnan(x)) {
        fprintf(out, "–");
    } else {
        fprintf(out, "%.*f", decimals, x);
    }
}

static void put_p(FILE *out, double p)
{
    if (isnan(p)) {
        fprintf(out, "–");
    } else if (p < 1e-4) {
        fprintf(out, "< 0.0001");
    } else {
        fprintf(out, "%.4f", p);
    }
}

static void put_interval(FILE *out, bso_sample s)
{
    if (isnan(s.half)) {
        fprintf(out, "–");
    } else {
        fprintf(out, "%.2f to %.2f", s.mean - s.half, s.mean + s.half);
    }
}

/* "5.4 (4 of 5)": mean over those that reached the target. */
static void put_target(FILE *out, const double *x, int seeds, int decimals)
{
    bso_sample s = bso_sample_of(x, seeds);
    put(out, s.mean, decimals);
    if (s.n < seeds) fprintf(out, " (%d of %d)", s.n, seeds);
}

static const char *verdict(const bso_paired *p, double adjusted)
{
    if (isnan(adjusted)) return "–";
    if (adjusted >= 0.05) return "not distinguishable";
    return p->difference.mean > 0 ? "better" : "worse";
}

static void put_method(FILE *out, const bso_contender *c)
{
    fprintf(out, "| ");
    bso_markdown_text(out, c->label);
}

/* ---- Markdown ---- */

static void print_methods(FILE *out, const comparison *k)
{
    const bso_protocol *p = k->protocol;
    fprintf(out, "| method | T | gradient | weights | test accuracy (%%) | 95 %% interval |");
    if (!isnan(p->target)) fprintf(out, " epochs to %g %% | seconds to %g %% |", p->target, p->target);
    fprintf(out, " training memory (MB) | bytes per one-bit weight | images/s |\n|---|--:|---|---|--:|--:|");
    if (!isnan(p->target)) fprintf(out, "--:|--:|");
    fprintf(out, "--:|--:|--:|\n");
    for (int i = 0; i < k->count; i++) {
        const bso_contender *c = &k->c[i];
        const bso_sample s = bso_sample_of(c->accuracy, p->seeds);
        put_method(out, c);
        fprintf(out, " | %lld | %s | %s | ", (long long)c->settings.steps, c->settings.gradient,
                bso_weights_name(bso_optimizer_find(c->settings.optimizer)->representation));
        put(out, s.mean, 2);
        if (!isnan(s.sd)) fprintf(out, " ± %.2f", s.sd);
        fprintf(out, " (%d seed%s) | ", s.n, s.n == 1 ? "" : "s");
        put_interval(out, s);
        if (!isnan(p->target)) {
            fprintf(out, " | ");
            put_target(out, c->target_epochs, p->seeds, 1);
            fprintf(out, " | ");
            put_target(out, c->target_seconds, p->seeds, 1);
        }
        fprintf(out, " | ");
        put(out, c->memory_mb, 2);
        fprintf(out, " | ");
        put(out, c->bytes_per_weight, 3);
        fprintf(out, " | ");
        put(out, c->images_per_second, 0);
        fprintf(out, " |\n");
    }
    for (int i = 0; i < k->count; i++) {
        if (!k->c[i].diverged) continue;
        fprintf(out, "\n%s: %d of %d trainings did not reach their end; the numbers are of the others.\n",
                k->c[i].label, k->c[i].diverged, p->seeds);
    }
}

static void print_paired(FILE *out, const comparison *k)
{
    fprintf(out, "| method | difference (points) | 95 %% interval | t | p | p, Holm | at 5 %% |\n"
                 "|---|--:|--:|--:|--:|--:|---|\n");
    for (int i = 1; i < k->count; i++) {
        const bso_paired *r = &k->paired[i];
        put_method(out, &k->c[i]);
        fprintf(out, " | ");
        if (isnan(r->difference.mean)) {
            fprintf(out, "–");
        } else {
            fprintf(out, "%+.2f", r->difference.mean);
        }
        fprintf(out, " | ");
        put_interval(out, r->difference);
        fprintf(out, " | ");
        put(out, r->t, 2);
        fprintf(out, " | ");
        put_p(out, r->p);
        fprintf(out, " | ");
        put_p(out, k->adjusted[i]);
        fprintf(out, " | %s |\n", verdict(r, k->adjusted[i]));
    }
}

static void print_both(FILE *out, const comparison *k)
{
    print_methods(out, k);
    fprintf(out, "\nCompared with %s, seed by seed:\n\n", k->c[0].label);
    print_paired(out, k);
    if (k->protocol->seeds < 5) {
        fprintf(out, "\nFewer than 5 seeds: too few to call methods alike.\n");
    }
}

/* Pictures that plots/draw.sh has drawn, or will draw, from the tables. */
static const struct {
    const char *name, *title;
    bool of_tuning;
} plots[] = {
    {"accuracy_epoch", "Test accuracy against epoch", false},
    {"accuracy_memory", "Test accuracy against training memory", false},
    {"budget", "What a smaller budget of tuning would have found", true},
    {"sensitivity", "Sensitivity to each hyperparameter", true},
};

static void print_page(FILE *out, const void *argument)
{
    const comparison *k = argument;
    const bso_protocol *p = k->protocol;
    fprintf(out, "# Comparison: ");
    for (int i = 0; i < k->count; i++) fprintf(out, "%s%s", i ? ", " : "", k->c[i].label);
    fprintf(out, "\n\n%s, network %s; %d seeds.\n\n## Methods\n\n", p->title, k->c[0].settings.network,
            p->seeds);
    print_both(out, k);
    fprintf(out, "\n## How to read this\n\n"
                 "Test accuracy is that of the last epoch, mean ± standard deviation over seeds, never the "
                 "best epoch's. The "
                 "interval of the mean is\nStudent's, over seeds: it says how well the mean is known, not "
                 "how far single "
                 "trainings scatter. The second table subtracts the first method's\naccuracy from each other "
                 "one's seed by "
                 "seed: equal seeds mean the same order of samples and the same initial full-precision "
                 "weights, so\nthat what "
                 "they share drops out. p is of the paired t test, two-sided; with several comparisons look "
                 "at the column after "
                 "Holm. Settings were\ntuned with the same number of trials for every method (tuned.conf), "
                 "but for those "
                 "marked (defaults).\n");
    if (!isnan(p->target)) {
        fprintf(out,
                "Epochs and seconds to %g %%: until validation accuracy, which selects nothing here, first "
                "reached it; "
                "training alone, without evaluation.\n",
                p->target);
    }
    fprintf(out, "Training memory is the accounted peak without the samples; bytes per one-bit weight: bit, "
                 "latent weight and "
                 "optimizer state.\n\n## Plots\n\n");
    for (size_t i = 0; i < sizeof plots / sizeof *plots; i++) {
        if (plots[i].of_tuning && !*k->tuning) continue;
        fprintf(out, "### %s\n\n![%s](plots/%s.svg)\n\n", plots[i].title, plots[i].title, plots[i].name);
    }
    if (!*k->tuning) fprintf(out, "The trials of tuning are not here; `bso tune` makes them.\n\n");
    fprintf(out, "Where a picture is missing, `plots/draw.sh %s` draws it.\n\n## Settings\n\n", k->directory);
    for (int i = 0; i < k->count; i++) {
        char value[BSO_TEXT];
        const bso_settings *s = &k->c[i].settings;
        fprintf(out, "- %s: `optimizer=%s`, `gradient=%s`, `update=%s`, `lr=", k->c[i].label, s->optimizer,
                s->gradient, s->update);
        bso_settings_get(s, "lr", value, sizeof value);
        fprintf(out, "%s`", value);
        for (const bso_hyper *h = bso_optimizer_find(s->optimizer)->hypers; h->name; h++) {
            if (bso_settings_get(s, h->name, value, sizeof value) == 0)
                fprintf(out, ", `%s=%s`", h->name, value);
        }
        fprintf(out, "\n");
    }
}

/* ---- CSV ---- */

static void print_csv(FILE *out, const void *argument)
{
    const comparison *k = argument;
    int seeds = k->protocol->seeds;
    fprintf(out,
            "method,label,T,gradient,weights,seeds,diverged,test_accuracy_percent,test_accuracy_percent_sd,"
            "test_accuracy_percent_half_width,target_percent,target_reached,target_epochs,target_seconds,"
            "training_memory_MB,bytes_per_one_bit_weight,images_per_second\n");
    for (int i = 0; i < k->count; i++) {
        const bso_contender *c = &k->c[i];
        const bso_sample s = bso_sample_of(c->accuracy, seeds), e = bso_sample_of(c->target_epochs, seeds);
        const double numbers[] = {s.mean,
                                  s.sd,
                                  s.half,
                                  k->protocol->target,
                                  e.n,
                                  e.mean,
                                  bso_sample_of(c->target_seconds, seeds).mean,
                                  c->memory_mb,
                                  c->bytes_per_weight,
                                  c->images_per_second};
        fprintf(out, "%s,", c->method->name);
        bso_csv_text(out, c->label);
        fprintf(out, ",%lld,%s,%s,%d,%d", (long long)c->settings.steps, c->settings.gradient,
                bso_weights_name(bso_optimizer_find(c->settings.optimizer)->representation), s.n,
                c->diverged);
        for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
            fputc(',', out);
            bso_csv_number(out, numbers[n]);
        }
        fputc('\n', out);
    }
}

static void print_paired_csv(FILE *out, const void *argument)
{
    const comparison *k = argument;
    fprintf(out, "method,compared_with,seeds,difference_percent,half_width,t,p,p_holm\n");
    for (int i = 1; i < k->count; i++) {
        const bso_paired *r = &k->paired[i];
        const double numbers[] = {r->difference.mean, r->difference.half, r->t, r->p, k->adjusted[i]};
        fprintf(out, "%s,%s,%d", k->c[i].method->name, k->c[0].method->name, r->difference.n);
        for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) {
            fputc(',', out);
            bso_csv_number(out, numbers[n]);
        }
        fputc('\n', out);
    }
}

/* ---- what tuning knows of these methods ---- */

/* The lines of a table of `bso tune` that are of this method. Returns how many. */
static int copy_lines(FILE *out, const char *path, const char *method)
{
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    char *line = NULL;
    size_t size = 0, length = strlen(method);
    int copied = 0;
    for (int i = 0; getline(&line, &size, f) > 0; i++) {
        bool mine = i > 0 && strncmp(line, method, length) == 0 && line[length] == ',';
        if (mine) fputs(line, out);
        copied += mine;
    }
    free(line);
    fclose(f);
    return copied;
}

/* What was found here, else what the repository keeps. */
static void print_tuning(FILE *out, const void *argument)
{
    const comparison *k = argument;
    char here[128], kept[4096], name[128];
    snprintf(here, sizeof here, "results/tune/tables/%s.csv", k->part);
    snprintf(name, sizeof name, "../results/reference/tune/tables/%s.csv", k->part);
    bso_config_path(name, kept, sizeof kept);
    fprintf(out, "%s\n", strcmp(k->part, "trials") == 0 ? BSO_TRIALS_HEAD : BSO_BUDGET_HEAD);
    for (int i = 0; i < k->count; i++) {
        int found = copy_lines(out, here, k->c[i].method->name);
        if (!found) found = copy_lines(out, kept, k->c[i].method->name);
        *k->tuning += found;
    }
}

static void print_series(FILE *out, const void *argument)
{
    const comparison *k = argument;
    k->print(out, k->table);
}

/* ---- files ---- */

static int write_tables(comparison *k, const char *tables)
{
    static const struct {
        const char *name;
        void (*print)(FILE *out, const bso_table *table);
    } series[] = {
        {"comparison.csv", bso_table_csv},
        {"accuracy_epoch.csv", bso_series_accuracy_epoch},
        {"flip_rate_epoch.csv", bso_series_flip_rate_epoch},
        {"memory.csv", bso_series_memory},
    };
    for (size_t i = 0; i < sizeof series / sizeof *series; i++) {
        k->print = series[i].print;
        if (bso_print_file(tables, series[i].name, print_series, k)) return BSO_ERROR;
    }
    k->part = "trials";
    if (bso_print_file(tables, "trials.csv", print_tuning, k)) return BSO_ERROR;
    k->part = "budget";
    if (bso_print_file(tables, "budget.csv", print_tuning, k)) return BSO_ERROR;
    return bso_print_file(tables, "compare.csv", print_csv, k) ||
                   bso_print_file(tables, "paired.csv", print_paired_csv, k)
               ? BSO_ERROR
               : 0;
}

int bso_compare_write(const char *directory, const bso_protocol *protocol, const bso_contender *c, int count,
                      const char *const *names, int name_count)
{
    char tables[4096];
    if (snprintf(tables, sizeof tables, "%s/tables", directory) >= (int)sizeof tables) {
        return bso_fail("%.60s...: the directory's name is too long", directory);
    }
    int tuning = 0;
    comparison k = {.tuning = &tuning, .protocol = protocol, .c = c, .count = count, .directory = directory};
    double p[BSO_COMPARE_METHODS];
    for (int i = 1; i < count; i++) {
        k.paired[i] = bso_paired_test(c[i].accuracy, c[0].accuracy, protocol->seeds);
        p[i] = k.paired[i].p;
    }
    bso_holm(p + 1, count - 1, k.adjusted + 1);
    bso_table table;
    int status = bso_table_load_some(&table, directory, names, name_count);
    k.table = &table;
    if (!status) status = bso_file_directory(tables);
    if (!status) status = write_tables(&k, tables);
    if (!status) status = bso_print_file(directory, "compare.md", print_page, &k);
    bso_table_free(&table);
    if (status) return status;
    printf("\n");
    print_both(stdout, &k);
    printf("\ntables  %s\npage    %s/compare.md; `plots/draw.sh %s` draws its pictures\n", tables, directory,
           directory);
    return 0;
}
