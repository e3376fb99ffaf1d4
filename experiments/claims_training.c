/* claims_training.c: the claims about what training is like: insensitive to gamma and to the betas, gradients
 * that differ between time steps, flips that die out (6, 7, 8, 18). See claims_rules.h.
 */
#include "experiments/claims_rules.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char online[] = "ottt";

/* Neighbouring time steps are alike where the cosine between their gradients is above this: 26 degrees. */
static const double alike = 0.9;

/* Flips have died out where their rate in the last epoch is below this share of the first epoch's: what one
 * stage of the paper's schedule leaves of gamma and 1 - beta1. */
static const double died_out = 0.1;

enum { LEAST_SETTINGS = 3, SETTINGS_MAX = 24 };

static void told(bso_judgement *j, const bso_claim_section *s, int place, int seeds, bso_claim_finding **f)
{
    *f = bso_claim_found(j, seeds ? bso_claim_rank(s, place, seeds) : -1, BSO_CLAIM_UNTESTED);
    if (!*f) return;
    (*f)->protocol = s->protocol;
    bso_claim_what(s, (*f)->what, sizeof(*f)->what);
}

/* ---- 6 and 7: insensitive to hyperparameters ---- */

/* The trainings that differ in some hyperparameters alone. */
typedef struct {
    const bso_row *row[SETTINGS_MAX];
    int count;
} family;

static double hyper(const bso_row *row, const char *key)
{
    char text[BSO_TEXT];
    double x;
    if (bso_settings_get(&row->runs[0]->settings, key, text, sizeof text)) return NAN;
    return sscanf(text, "%lf", &x) == 1 ? x : NAN;
}

/* Ranges of hyperparameters, as the paper's tables have them. */
typedef struct {
    const char *key, *name;
    double least, most;
} range;

/* Rounding of decimal fractions must not put a setting outside its range. */
static bool inside(const bso_row *row, const range *ranges, int count)
{
    for (int i = 0; i < count; i++) {
        const double x = hyper(row, ranges[i].key);
        if (!(x >= ranges[i].least * (1 - 1e-9) && x <= ranges[i].most * (1 + 1e-9))) return false;
    }
    return true;
}

/* Do two rows agree in everything but the seed and those hyperparameters? */
static bool alike_but(const bso_row *a, const bso_row *b, const range *ranges, int count)
{
    bso_settings x = a->runs[0]->settings;
    const bso_settings *y = &b->runs[0]->settings;
    x.seed = y->seed;
    for (int i = 0; i < count; i++) {
        char text[BSO_TEXT];
        if (bso_settings_get(y, ranges[i].key, text, sizeof text) ||
            bso_settings_set(&x, ranges[i].key, text))
            return false;
    }
    return bso_settings_hash(&x) == bso_settings_hash(y);
}

/* All rows that belong with row `first`, which is the first of them in the table; none if it is not. */
static void gather(const bso_table *table, int first, const range *ranges, int count, bool only_inside,
                   family *f)
{
    f->count = 0;
    for (int i = 0; i < table->row_count && f->count < SETTINGS_MAX; i++) {
        const bso_row *row = &table->rows[i];
        if (row->section != table->rows[first].section || !bso_claim_is(row->runs[0], "tbso", online, 0))
            continue;
        if (!alike_but(row, &table->rows[first], ranges, count)) continue;
        if (i < first) {
            f->count = 0;
            return;
        }
        if (!only_inside || inside(row, ranges, count)) f->row[f->count++] = row;
    }
}

static double flip_rate_last(const bso_run *run, int unused)
{
    (void)unused;
    return run->final.flip_rate;
}

/* "1-beta1 0.001, 1-beta2 1e-05" */
static void name_setting(char *text, size_t size, const bso_row *row, const range *ranges, int count)
{
    for (int k = 0; k < count; k++) {
        bso_text_add(text, size, "%s%s %.3g", k ? ", " : "", ranges[k].name, hyper(row, ranges[k].key));
    }
}

/* Means of each setting: "gamma 1e-07: 76.20 %, flips 1.2e-05". */
static void list_settings(char *text, size_t size, const family *f, const range *ranges, int count)
{
    for (int i = 0; i < f->count; i++) {
        bso_text_add(text, size, "%s", BSO_SEMICOLON(text));
        name_setting(text, size, f->row[i], ranges, count);
        bso_text_add(text, size, ": %.2f %%, FF ratio at the end %.2g",
                     bso_claim_sample(f->row[i], bso_test_percent, -1).mean,
                     bso_claim_sample(f->row[i], flip_rate_last, 0).mean);
    }
}

/* Do the settings reach from end to end of every range? */
static bool spans(const family *f, const range *ranges, int count)
{
    for (int k = 0; k < count; k++) {
        double least = INFINITY, most = -INFINITY;
        for (int i = 0; i < f->count; i++) {
            least = fmin(least, hyper(f->row[i], ranges[k].key));
            most = fmax(most, hyper(f->row[i], ranges[k].key));
        }
        if (least > ranges[k].least * (1 + 1e-9) || most < ranges[k].most * (1 - 1e-9)) return false;
    }
    return true;
}

/* Did equal seeds end with the same weights, to the last bit? */
static bool same_weights(const bso_row *a, const bso_row *b)
{
    int common = 0;
    for (int i = 0; i < a->run_count; i++) {
        for (int k = 0; k < b->run_count; k++) {
            const bso_run *x = a->runs[i], *y = b->runs[k];
            if (x->settings.seed != y->settings.seed) continue;
            if (x->weights_hash != y->weights_hash) return false;
            common++;
        }
    }
    return common > 0;
}

/* The most settings among which no seed's weights differ; 1 where all differ. */
static int settings_alike(const family *f)
{
    int most = 0;
    for (int a = 0; a < f->count; a++) {
        int count = 0;
        for (int b = 0; b < f->count; b++) count += same_weights(f->row[a], f->row[b]);
        most = count > most ? count : most;
    }
    return most;
}

/* All pairs within the margin: each is two comparisons, one for each side. */
static void weigh_pairs(bso_judgement *j, const bso_claim_section *s, int place, const family *f,
                        const range *ranges, int count, double margin)
{
    bso_claim_part parts[SETTINGS_MAX * (SETTINGS_MAX - 1)];
    int found = 0, seeds = 0;
    double widest = 0, least = INFINITY, most = -INFINITY;
    bso_sample apart = {.n = 0};
    for (int a = 0; a < f->count; a++) {
        const double mean = bso_claim_sample(f->row[a], bso_test_percent, -1).mean;
        least = fmin(least, mean);
        most = fmax(most, mean);
        for (int b = 0; b < a; b++) {
            bso_sample d = bso_claim_difference(f->row[a], f->row[b], bso_test_percent, -1);
            seeds = d.n > seeds ? d.n : seeds;
            if (d.n && fabs(d.mean) >= widest) {
                widest = fabs(d.mean);
                apart = d;
            }
            for (int side = 0; side < 2; side++) {
                bso_claim_part *p = &parts[found++];
                *p = (bso_claim_part){.sample = d,
                                      .border = -margin,
                                      .lost = bso_claim_lost(f->row[a]) + bso_claim_lost(f->row[b])};
                name_setting(p->name, sizeof p->name, f->row[a], ranges, count);
                bso_text_add(p->name, sizeof p->name, " against ");
                name_setting(p->name, sizeof p->name, f->row[b], ranges, count);
                d.mean = -d.mean;
            }
        }
    }
    bso_claim_finding *finding;
    told(j, s, place, seeds, &finding);
    if (!finding) return;
    const bso_settings *settings = &f->row[0]->runs[0]->settings;
    bso_text_add(finding->what, sizeof finding->what, ", T = %d; %d settings, %d seed%s",
                 (int)settings->steps, f->count, seeds, seeds == 1 ? "" : "s");
    char interval[128];
    bso_claim_interval(interval, sizeof interval, apart, 2, true);
    snprintf(finding->outcome, sizeof finding->outcome,
             "means of %.2f to %.2f %%; largest difference %s points; margin %.2f: ", least, most, interval,
             margin);
    char listed[2048] = "";
    list_settings(listed, sizeof listed, f, ranges, count);
    bso_text_add(finding->outcome, sizeof finding->outcome, "%s", listed);
    finding->verdict = bso_claim_weigh(parts, found, s->protocol, finding->why, sizeof finding->why);
    const int same = settings_alike(f);
    if (same > 1) {
        bso_text_add(finding->why, sizeof finding->why,
                     "%s%d of the %d settings end with the same weights, to the last bit",
                     BSO_SEMICOLON(finding->why), same, f->count);
    }
    if (finding->verdict == BSO_CLAIM_HOLDS && !spans(f, ranges, count)) {
        finding->verdict = BSO_CLAIM_INCONCLUSIVE;
        bso_text_add(finding->why, sizeof finding->why, "%sthe ends of the range were not run",
                     BSO_SEMICOLON(finding->why));
    }
}

/* What is outside the paper's range, without a verdict. */
static void tell_beyond(bso_judgement *j, const bso_claim_section *s, const family *all, const range *ranges,
                        int count)
{
    family beyond = {.count = 0};
    for (int i = 0; i < all->count; i++) {
        if (!inside(all->row[i], ranges, count)) beyond.row[beyond.count++] = all->row[i];
    }
    if (!beyond.count) return;
    bso_claim_finding *f = bso_claim_found(j, -1, BSO_CLAIM_UNTESTED);
    if (!f) return;
    bso_claim_what(s, f->what, sizeof f->what);
    bso_text_add(f->what, sizeof f->what, ", T = %d; outside the range of the claim",
                 (int)beyond.row[0]->runs[0]->settings.steps);
    list_settings(f->outcome, sizeof f->outcome, &beyond, ranges, count);
    snprintf(f->why, sizeof f->why, "the paper claims nothing there");
}

static void insensitive(const bso_evidence *e, bso_judgement *j, const range *ranges, int count,
                        double margin)
{
    bso_claim_section sections[BSO_CLAIM_SECTIONS];
    const int number = bso_claim_sections(e->runs, sections);
    for (int i = 0; i < number; i++) {
        for (int r = 0; r < e->runs->row_count; r++) {
            const bso_row *row = &e->runs->rows[r];
            if (row->section != sections[i].section || !bso_claim_is(row->runs[0], "tbso", online, 0))
                continue;
            family all, within;
            gather(e->runs, r, ranges, count, false, &all);
            gather(e->runs, r, ranges, count, true, &within);
            if (within.count >= LEAST_SETTINGS) {
                weigh_pairs(j, &sections[i], i, &within, ranges, count, margin);
                tell_beyond(j, &sections[i], &all, ranges, count);
            }
        }
    }
    snprintf(j->why, sizeof j->why, "no data set has T-BSO at %d or more such settings, all else equal",
             LEAST_SETTINGS);
}

/* Least and most of a table of the paper. */
static void reported_range(const bso_evidence *e, const char *table, double *least, double *most)
{
    *least = INFINITY;
    *most = -INFINITY;
    for (int i = 0; i < e->reported->count; i++) {
        const bso_reported_fact *f = &e->reported->fact[i];
        if (strcmp(f->table, table) != 0 || strcmp(f->metric, "accuracy") != 0) continue;
        *least = fmin(*least, f->value);
        *most = fmax(*most, f->value);
    }
}

void bso_claim_gamma(const bso_evidence *e, bso_judgement *j)
{
    static const range ranges[] = {{"gamma", "gamma", 5e-8, 5e-5}};
    double least, most;
    reported_range(e, "3", &least, &most);
    snprintf(j->paper, sizeof j->paper,
             "On CIFAR-100 at T = 2 accuracy is %.2f to %.2f %% for gamma from 5e-8 to 5e-5", least, most);
    insensitive(e, j, ranges, 1, most - least);
}

void bso_claim_beta(const bso_evidence *e, bso_judgement *j)
{
    static const range ranges[] = {{"one_minus_beta1", "1-beta1", 1.5e-4, 1e-3},
                                   {"one_minus_beta2", "1-beta2", 1.5e-6, 1.5e-5}};
    double least, most;
    reported_range(e, "4", &least, &most);
    snprintf(j->paper, sizeof j->paper,
             "On CIFAR-100 at T = 2 accuracy is %.2f to %.2f %% over the grid of Table 4", least, most);
    insensitive(e, j, ranges, 2, most - least);
}

/* ---- 8: gradients of different time steps ---- */

/* Mean cosine over the layers and the pairs of time steps `apart`, in the last epoch; 0 apart: first and
 * last. */
static double cosine(const bso_run *run, int apart)
{
    const int T = (int)run->settings.steps, e = run->epochs_done - 1;
    if (apart == 0) apart = T - 1;
    double sum = 0;
    int count = 0;
    for (int w = 0; e >= 0 && w < run->weight_logs; w++) {
        if (!run->weights[w].cosine) continue;
        for (int t = 0; t + apart < T; t++) {
            const double x =
                run->weights[w].cosine[((size_t)e * (size_t)T + (size_t)t) * (size_t)T + (size_t)(t + apart)];
            if (isnan(x)) continue;
            sum += x;
            count++;
        }
    }
    return count ? sum / count : NAN;
}

static double unlike(const bso_run *run, int unused)
{
    (void)unused;
    return -cosine(run, 1);
}

static double fall(const bso_run *run, int unused)
{
    (void)unused;
    return cosine(run, 1) - cosine(run, 0);
}

static double first_and_last(const bso_run *run, int unused)
{
    (void)unused;
    return cosine(run, 0);
}

static bool control(const bso_row *row)
{
    return strcmp(row->runs[0]->settings.schedule, "constant") == 0;
}

/* The row with cosines at the largest T of at least 3: below, no distances differ. One with a constant
 * schedule is the last choice. */
static const bso_row *measured_cosine(const bso_table *table, int section, const char *optimizer)
{
    const bso_row *best = NULL;
    for (int i = 0; i < table->row_count; i++) {
        const bso_row *row = &table->rows[i];
        if (row->section != section || !bso_claim_is(row->runs[0], optimizer, NULL, 0)) continue;
        if (row->runs[0]->settings.steps < 3 || bso_claim_sample(row, unlike, 0).n == 0) continue;
        if (!best || row->runs[0]->settings.steps > best->runs[0]->settings.steps ||
            (row->runs[0]->settings.steps == best->runs[0]->settings.steps && control(best) &&
             !control(row))) {
            best = row;
        }
    }
    return best;
}

void bso_claim_cosine(const bso_evidence *e, bso_judgement *j)
{
    snprintf(
        j->paper, sizeof j->paper,
        "The similarity of gradients at different time steps falls with their distance in time (Figure 3)");
    bso_claim_section sections[BSO_CLAIM_SECTIONS];
    const int count = bso_claim_sections(e->runs, sections);
    for (int i = 0; i < count; i++) {
        const bso_row *row = measured_cosine(e->runs, sections[i].section, "tbso");
        if (!row) row = measured_cosine(e->runs, sections[i].section, "bso");
        if (!row) continue;
        const bso_claim_part parts[] = {
            {.name = "neighbouring steps",
             .sample = bso_claim_sample(row, unlike, 0),
             .border = -alike,
             .lost = bso_claim_lost(row)},
            {.name = "fall with distance", .sample = bso_claim_sample(row, fall, 0), .border = 0}};
        bso_claim_finding *f;
        told(j, &sections[i], i, parts[0].sample.n, &f);
        if (!f) return;
        bso_text_add(f->what, sizeof f->what, "; %s, T = %d, %d seed%s", row->method,
                     (int)row->runs[0]->settings.steps, parts[0].sample.n, parts[0].sample.n == 1 ? "" : "s");
        bso_sample near = parts[0].sample;
        near.mean = -near.mean;
        char text[3][128];
        bso_claim_interval(text[0], sizeof text[0], near, 3, false);
        bso_claim_interval(text[1], sizeof text[1], bso_claim_sample(row, first_and_last, 0), 3, false);
        bso_claim_interval(text[2], sizeof text[2], parts[1].sample, 3, true);
        snprintf(f->outcome, sizeof f->outcome,
                 "cosine %s between neighbouring time steps, %s between the first and the last; fall %s",
                 text[0], text[1], text[2]);
        f->verdict = bso_claim_weigh(parts, 2, sections[i].protocol, f->why, sizeof f->why);
    }
    snprintf(j->why, sizeof j->why,
             "no training of BSO or T-BSO at T of at least 3 measured it (measure=cosine)");
}

/* ---- 18: flips ---- */

static double flips_left(const bso_run *run, int unused)
{
    (void)unused;
    if (run->epochs_done < 2 || !(run->epochs[0].flip_rate > 0)) return NAN;
    return run->epochs[run->epochs_done - 1].flip_rate / run->epochs[0].flip_rate;
}

static double minus_flips_left(const bso_run *run, int unused)
{
    return -flips_left(run, unused);
}

static double changed(const bso_run *run, int unused)
{
    (void)unused;
    return 100 * run->final.c2i;
}

/* What becomes of flips without the schedule that shrinks gamma and 1 - beta1, without a verdict. Returns
 * whether the whole interval of some rule is above what counts as died out. */
static bool tell_constant(const bso_evidence *e, bso_judgement *j, const bso_claim_section *s)
{
    bso_claim_finding *f = NULL;
    bool goes_on = false;
    for (int i = 0; i < e->runs->row_count; i++) {
        const bso_row *row = &e->runs->rows[i];
        const bso_settings *settings = &row->runs[0]->settings;
        const bso_sample left = bso_claim_sample(row, flips_left, 0);
        if (row->section != s->section || strcmp(settings->schedule, "constant") != 0 || !left.n) continue;
        if (!bso_claim_is(row->runs[0], "bso", online, 0) && !bso_claim_is(row->runs[0], "tbso", online, 0))
            continue;
        if (!f) f = bso_claim_found(j, -1, BSO_CLAIM_UNTESTED);
        if (!f) return false;
        goes_on = goes_on || (left.n >= BSO_CLAIM_SEEDS && left.mean - left.half > died_out);
        char interval[128];
        bso_claim_interval(interval, sizeof interval, left, 4, false);
        bso_text_add(f->outcome, sizeof f->outcome, "%s%s, T = %d: %s", BSO_SEMICOLON(f->outcome),
                     row->method, (int)settings->steps, interval);
    }
    if (!f) return false;
    bso_claim_what(s, f->what, sizeof f->what);
    bso_text_add(f->what, sizeof f->what, "; gamma and 1-beta1 constant (schedule=constant)");
    snprintf(f->why, sizeof f->why,
             "the paper's schedule multiplies both by 0.1 at each stage, and so makes flips rarer by itself");
    return goes_on;
}

void bso_claim_stable(const bso_evidence *e, bso_judgement *j)
{
    static const char *const rules[][2] = {{"bso", "BSO"}, {"tbso", "T-BSO"}};
    snprintf(j->paper, sizeof j->paper,
             "Both rules are stable: the share of weights flipped per update (FF ratio) falls over "
             "training, as the authors answered in review; no figures");
    bso_claim_section sections[BSO_CLAIM_SECTIONS];
    const int count = bso_claim_sections(e->runs, sections);
    for (int i = 0; i < count; i++) {
        bso_claim_part parts[BSO_CLAIM_PARTS];
        int found = 0, seeds = 0;
        char outcome[3072] = "";
        for (int r = 0; r < 2; r++) {
            int64_t steps[BSO_CLAIM_PARTS];
            const int times = bso_claim_steps(e->runs, sections[i].section, rules[r][0], online, steps);
            for (int t = 0; t < times && found < BSO_CLAIM_PARTS; t++) {
                const bso_row *row =
                    bso_claim_row(e->runs, sections[i].section, rules[r][0], online, steps[t]);
                const bso_sample left = bso_claim_sample(row, flips_left, 0);
                if (!left.n) continue;
                bso_claim_part *p = &parts[found++];
                *p = (bso_claim_part){.sample = bso_claim_sample(row, minus_flips_left, 0),
                                      .border = -died_out,
                                      .lost = bso_claim_lost(row)};
                snprintf(p->name, sizeof p->name, "%s, T = %d", rules[r][1], (int)steps[t]);
                seeds = left.n > seeds ? left.n : seeds;
                char interval[128];
                bso_claim_interval(interval, sizeof interval, left, 4, false);
                bso_text_add(
                    outcome, sizeof outcome, "%s%s: %s (%.1f %% of weights differ from their initial sign)",
                    BSO_SEMICOLON(outcome), p->name, interval, bso_claim_sample(row, changed, 0).mean);
            }
        }
        if (!found) continue;
        bso_claim_finding *f;
        told(j, &sections[i], i, seeds, &f);
        if (!f) return;
        bso_text_add(f->what, sizeof f->what, "; %d seed%s", seeds, seeds == 1 ? "" : "s");
        snprintf(f->outcome, sizeof f->outcome, "FF ratio of the last epoch over the first epoch's: %.3000s",
                 outcome);
        f->verdict = bso_claim_weigh(parts, found, sections[i].protocol, f->why, sizeof f->why);
    }
    const int verdicts = j->findings;
    bool goes_on = false;
    for (int i = 0; i < count; i++) goes_on = tell_constant(e, j, &sections[i]) || goes_on;
    for (int i = 0; goes_on && i < verdicts; i++) {
        bso_claim_finding *f = &j->finding[i];
        bso_text_add(f->why, sizeof f->why,
                     "%swith gamma and 1-beta1 constant flips go on: it is the schedule that stops them",
                     BSO_SEMICOLON(f->why));
    }
    snprintf(j->why, sizeof j->why, "no training of BSO or T-BSO has two epochs with flips");
}
