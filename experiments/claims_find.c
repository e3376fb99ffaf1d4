/* claims_find.c: finding the evidence for a claim among the results: sections by how near they are to the
 * paper's protocol, rows by rule, gradient and T, numbers by seed. See claims_rules.h.
 */
#include "experiments/claims_rules.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Sections ---- */

/* The paper's protocol (spec: batch 128, 400 epochs in 8 stages; ImageNet batch 64, 100 epochs, or 30 after
 * those). */
enum { EPOCHS = 400, STAGES = 8, BATCH = 128, IMAGENET_EPOCHS = 100, FINE_EPOCHS = 30, IMAGENET_BATCH = 64 };

static bool papers_network(const char *paper, const bso_settings *s)
{
    return strcmp(s->network, paper && strcmp(paper, "ImageNet") == 0 ? "resnet18" : "vgg11") == 0;
}

static bool papers_protocol(const char *paper, const bso_settings *s)
{
    if (!paper || !papers_network(paper, s) || s->train_samples || s->test_samples || s->subset_classes ||
        s->subset_per_class || s->image_size) {
        return false;
    }
    /* Speech Commands has an official split for validation, any other set gives up training samples. */
    if (s->validation > 0 && strcmp(paper, "GSC") != 0) return false;
    if (strcmp(paper, "ImageNet") == 0) {
        return s->batch == IMAGENET_BATCH &&
               (s->steps == 1 ? s->epochs >= IMAGENET_EPOCHS : *s->init && s->epochs >= FINE_EPOCHS);
    }
    return s->batch == BATCH && s->epochs >= EPOCHS && strcmp(s->schedule, "step") == 0 &&
           s->schedule_stages == STAGES;
}

static int kind(const bso_claim_section *s)
{
    return s->protocol ? 0 : s->paper ? 1 : !s->stand_in ? 2 : 3;
}

static double samples_seen(const bso_run *run)
{
    return (double)run->settings.epochs * (double)run->samples[0];
}

static int by_nearness(const void *a, const void *b)
{
    const bso_claim_section *x = a, *y = b;
    const double p = samples_seen(x->run), q = samples_seen(y->run);
    int order = kind(x) - kind(y);
    if (!order) {
        order = papers_network(y->paper, &y->run->settings) - papers_network(x->paper, &x->run->settings);
    }
    if (!order) order = (p < q) - (p > q);
    return order ? order : x->section - y->section;
}

/* A run of the section that begins at row `first` that is no control with a constant schedule, if it has one.
 */
static const bso_run *ordinary(const bso_table *table, int first)
{
    for (int i = first; i < table->row_count && table->rows[i].section == table->rows[first].section; i++) {
        if (strcmp(table->rows[i].runs[0]->settings.schedule, "constant") != 0) return table->rows[i].runs[0];
    }
    return table->rows[first].runs[0];
}

int bso_claim_sections(const bso_table *table, bso_claim_section section[BSO_CLAIM_SECTIONS])
{
    int count = 0;
    for (int i = 0; i < table->row_count && count < BSO_CLAIM_SECTIONS; i++) {
        const bso_row *row = &table->rows[i];
        if (i > 0 && row->section == table->rows[i - 1].section) continue;
        const bso_run *run = ordinary(table, i);
        bso_claim_section *s = &section[count++];
        *s = (bso_claim_section){.section = row->section, .run = run};
        s->paper = bso_reported_dataset(run->dataset_name);
        s->stand_in = strncmp(run->settings.dataset, "stand-in:", strlen("stand-in:")) == 0;
        s->protocol = papers_protocol(s->paper, &run->settings);
    }
    qsort(section, (size_t)count, sizeof *section, by_nearness);
    return count;
}

int bso_claim_rank(const bso_claim_section *s, int place, int seeds)
{
    return place + (seeds < BSO_CLAIM_SEEDS ? BSO_CLAIM_SECTIONS : 0) +
           (s->stand_in ? 2 * BSO_CLAIM_SECTIONS : 0);
}

void bso_claim_what(const bso_claim_section *s, char *text, size_t size)
{
    const bso_row row = {.runs = (const bso_run **)&s->run};
    bso_section_title(&row, text, size);
}

/* ---- Rows ---- */

bool bso_claim_is(const bso_run *run, const char *optimizer, const char *gradient, int64_t steps)
{
    const bso_settings *s = &run->settings;
    return strcmp(s->optimizer, optimizer) == 0 && (!gradient || strcmp(s->gradient, gradient) == 0) &&
           (steps == 0 || s->steps == steps) && strcmp(s->neuron, "lif") == 0 &&
           strcmp(s->behaviour, "paper") == 0 && s->momentum_bits == 32 && s->error_bits == 32;
}

/* Was a row made for nothing but a search over hyperparameters (Tables 3 and 4)? */
static bool of_search(const bso_row *row)
{
    for (int i = 0; i < row->run_count; i++) {
        const char *parts = row->runs[i]->settings.parts;
        if (strcmp(parts, "table3") != 0 && strcmp(parts, "table4") != 0 &&
            strcmp(parts, "table3+table4") != 0 && strcmp(parts, "table4+table3") != 0) {
            return false;
        }
    }
    return true;
}

static bool stands_for(const bso_row *row, int section, const char *optimizer, const char *gradient,
                       int64_t steps)
{
    return row->section == section && bso_claim_is(row->runs[0], optimizer, gradient, steps) &&
           !of_search(row);
}

/* How far a row is from having been made for the main comparison. */
static int foreignness(const bso_row *row)
{
    int least = 2;
    if (strcmp(row->runs[0]->settings.schedule, "constant") == 0) return 3; /* a control */
    for (int i = 0; i < row->run_count; i++) {
        const char *parts = row->runs[i]->settings.parts;
        if (bso_settings_has(parts, "table2") || bso_settings_has(parts, "fig5")) return 0;
        if (!*parts) least = 1;
    }
    return least;
}

const bso_row *bso_claim_row(const bso_table *table, int section, const char *optimizer, const char *gradient,
                             int64_t steps)
{
    const bso_row *best = NULL;
    for (int i = 0; i < table->row_count; i++) {
        const bso_row *row = &table->rows[i];
        if (!stands_for(row, section, optimizer, gradient, steps)) continue;
        int order = best ? foreignness(best) - foreignness(row) : 1;
        if (!order) order = row->run_count - best->run_count;
        if (order > 0) best = row;
    }
    return best;
}

static int by_number(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int bso_claim_steps(const bso_table *table, int section, const char *optimizer, const char *gradient,
                    int64_t steps[BSO_CLAIM_PARTS])
{
    int count = 0;
    for (int i = 0; i < table->row_count && count < BSO_CLAIM_PARTS; i++) {
        const bso_row *row = &table->rows[i];
        if (!stands_for(row, section, optimizer, gradient, 0)) continue;
        int j = 0;
        while (j < count && steps[j] != row->runs[0]->settings.steps) j++;
        if (j == count) steps[count++] = row->runs[0]->settings.steps;
    }
    qsort(steps, (size_t)count, sizeof *steps, by_number);
    return count;
}

/* ---- Numbers ---- */

enum { SEEDS_MAX = 256 }; /* of one row; more are not looked at */

static int seeds_of(const bso_row *row)
{
    return row->run_count < SEEDS_MAX ? row->run_count : SEEDS_MAX;
}

bso_sample bso_claim_sample(const bso_row *row, bso_run_value value, int argument)
{
    double x[SEEDS_MAX];
    const int count = seeds_of(row);
    for (int i = 0; i < count; i++) x[i] = *row->runs[i]->stopped ? NAN : value(row->runs[i], argument);
    return bso_sample_of(x, count);
}

int bso_claim_lost(const bso_row *row)
{
    int lost = 0;
    for (int i = 0; i < row->run_count; i++) lost += *row->runs[i]->stopped != '\0';
    return lost;
}

bso_sample bso_claim_difference(const bso_row *a, const bso_row *b, bso_run_value value, int argument)
{
    double x[SEEDS_MAX], y[SEEDS_MAX];
    const int count = seeds_of(a);
    for (int i = 0; i < count; i++) {
        const bso_run *run = a->runs[i], *other = NULL;
        for (int k = 0; k < b->run_count && !other; k++) {
            if (b->runs[k]->settings.seed == run->settings.seed) other = b->runs[k];
        }
        x[i] = *run->stopped ? NAN : value(run, argument);
        y[i] = !other || *other->stopped ? NAN : value(other, argument);
    }
    return bso_paired_test(x, y, count).difference;
}
