/* claims_accuracy.c: the claims about accuracy: T-BSO against BSO, against T, against latent weights and full
 * precision, and on the other data sets (4, 5, 12, 13, 15 to 17). See claims_rules.h.
 */
#include "experiments/claims_rules.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The paper's own comparisons start at T = 2. */
enum { STEPS_MIN = 2 };

/* Points below the paper's figure that still reach it. */
static const double figure_margin = 0.5;

static const char online[] = "ottt"; /* the gradient of BSO and T-BSO in the paper */

/* A finding of several comparisons within a section. list: what came out. */
static void weigh_section(bso_judgement *j, const bso_claim_section *s, int place,
                          const bso_claim_part *parts, int count, const char *outcome)
{
    int seeds = 0;
    for (int i = 0; i < count; i++) seeds = parts[i].sample.n > seeds ? parts[i].sample.n : seeds;
    bso_claim_finding *f = bso_claim_found(j, bso_claim_rank(s, place, seeds), BSO_CLAIM_UNTESTED);
    if (!f) return;
    f->protocol = s->protocol;
    bso_claim_what(s, f->what, sizeof f->what);
    bso_text_add(f->what, sizeof f->what, "; %d seed%s", seeds, seeds == 1 ? "" : "s");
    snprintf(f->outcome, sizeof f->outcome, "%s", outcome);
    f->verdict = bso_claim_weigh(parts, count, s->protocol, f->why, sizeof f->why);
    if (seeds == 0) f->rank = -1;
}

static void add_part(bso_claim_part *parts, int *count, char *outcome, size_t size, const char *name,
                     bso_sample sample, double border, int lost)
{
    if (*count == BSO_CLAIM_PARTS) return;
    bso_claim_part *p = &parts[(*count)++];
    *p = (bso_claim_part){.sample = sample, .border = border, .lost = lost};
    snprintf(p->name, sizeof p->name, "%s", name);
    char interval[128];
    bso_claim_interval(interval, sizeof interval, sample, 2, true);
    bso_text_add(outcome, size, "%s%s: %s", BSO_SEMICOLON(outcome), name, interval);
}

/* "94.32, 94.86 and 94.70 %" of a method on a data set, at T = 2, 4, 6. */
static void add_figures(const bso_evidence *e, char *text, size_t size, const char *method,
                        const char *dataset)
{
    bso_text_add(text, size, "%s%s on %s", BSO_SEMICOLON(text), method, dataset);
    for (int steps = STEPS_MIN; steps <= 6; steps += 2) {
        const double x = bso_claim_figure(e, "2", dataset, method, steps, NULL, "accuracy");
        if (!isnan(x)) bso_text_add(text, size, "%s%.2f %%", steps == STEPS_MIN ? " " : ", ", x);
    }
    bso_text_add(text, size, " at T = 2, 4, 6");
}

/* ---- 4: T-BSO against BSO ---- */

/* Is there a T at which the paper's Table 2 has both rules on that data set, and we have not? 0: none. */
static int missing_steps(const bso_evidence *e, const bso_claim_section *s)
{
    enum { MOST = 64 };
    for (int T = STEPS_MIN; T <= MOST; T++) {
        if (isnan(bso_claim_figure(e, "2", s->paper, "BSO", T, NULL, "accuracy")) ||
            isnan(bso_claim_figure(e, "2", s->paper, "T-BSO", T, NULL, "accuracy"))) {
            continue;
        }
        if (!bso_claim_row(e->runs, s->section, "bso", online, T) ||
            !bso_claim_row(e->runs, s->section, "tbso", online, T)) {
            return T;
        }
    }
    return 0;
}

/* "At every T" does not hold before each T of the paper has been run. */
static void need_every_steps(const bso_evidence *e, bso_judgement *j, const bso_claim_section *s)
{
    bso_claim_finding *f = &j->finding[j->findings - 1];
    const int T = f->verdict == BSO_CLAIM_HOLDS ? missing_steps(e, s) : 0;
    if (!T) return;
    f->verdict = BSO_CLAIM_INCONCLUSIVE;
    bso_text_add(f->why, sizeof f->why, "%sthe paper's T = %d was not run", BSO_SEMICOLON(f->why), T);
}

void bso_claim_better_than_bso(const bso_evidence *e, bso_judgement *j)
{
    add_figures(e, j->paper, sizeof j->paper, "T-BSO", "CIFAR-10");
    add_figures(e, j->paper, sizeof j->paper, "BSO", "CIFAR-10");
    add_figures(e, j->paper, sizeof j->paper, "T-BSO", "CIFAR-100");
    add_figures(e, j->paper, sizeof j->paper, "BSO", "CIFAR-100");
    bso_claim_section sections[BSO_CLAIM_SECTIONS];
    const int count = bso_claim_sections(e->runs, sections);
    for (int i = 0; i < count; i++) {
        bso_claim_part parts[BSO_CLAIM_PARTS];
        int64_t steps[BSO_CLAIM_PARTS];
        char outcome[3072] = "";
        int found = 0;
        const int times = bso_claim_steps(e->runs, sections[i].section, "tbso", online, steps);
        for (int t = 0; t < times; t++) {
            const bso_row *ours = bso_claim_row(e->runs, sections[i].section, "tbso", online, steps[t]);
            const bso_row *theirs = bso_claim_row(e->runs, sections[i].section, "bso", online, steps[t]);
            if (!theirs || steps[t] < STEPS_MIN) continue;
            char name[64];
            snprintf(name, sizeof name, "T = %lld", (long long)steps[t]);
            add_part(parts, &found, outcome, sizeof outcome, name,
                     bso_claim_difference(ours, theirs, bso_test_percent, -1), 0,
                     bso_claim_lost(ours) + bso_claim_lost(theirs));
        }
        char text[3200];
        snprintf(text, sizeof text, "T-BSO - BSO in points, %s", outcome);
        if (!found) continue;
        weigh_section(j, &sections[i], i, parts, found, text);
        need_every_steps(e, j, &sections[i]);
    }
    snprintf(j->why, sizeof j->why, "no data set has both rules at the same T of at least %d", STEPS_MIN);
}

/* ---- 5: accuracy against T ---- */

enum { SEEDS_MAX = 256 };

/* The slope of accuracy against log2 T for each seed that has every T. */
static bso_sample slopes(const bso_row *const *row, const int64_t *steps, int count)
{
    double slope[SEEDS_MAX];
    int seeds = 0;
    double middle = 0;
    for (int t = 0; t < count; t++) middle += log2((double)steps[t]) / count;
    for (int r = 0; r < row[0]->run_count && seeds < SEEDS_MAX; r++) {
        double above = 0, below = 0;
        for (int t = 0; t < count; t++) {
            double y = NAN;
            for (int k = 0; k < row[t]->run_count; k++) {
                const bso_run *run = row[t]->runs[k];
                if (run->settings.seed == row[0]->runs[r]->settings.seed && !*run->stopped) {
                    y = bso_test_percent(run, -1);
                }
            }
            const double x = log2((double)steps[t]) - middle;
            above += x * y;
            below += x * x;
        }
        slope[seeds++] = above / below;
    }
    return bso_sample_of(slope, seeds);
}

/* The rows of a rule at T of at least 2, and these T. Returns how many. */
static int rows_by_steps(const bso_table *table, int section, const char *optimizer, const bso_row **rows,
                         int64_t *steps)
{
    int64_t all[BSO_CLAIM_PARTS];
    const int count = bso_claim_steps(table, section, optimizer, online, all);
    int found = 0;
    for (int t = 0; t < count; t++) {
        if (all[t] < STEPS_MIN) continue;
        rows[found] = bso_claim_row(table, section, optimizer, online, all[t]);
        steps[found++] = all[t];
    }
    return found;
}

static const bso_row *at(const bso_row *const *rows, const int64_t *steps, int count, int64_t T)
{
    for (int t = 0; t < count; t++) {
        if (steps[t] == T) return rows[t];
    }
    return NULL;
}

/* The peak at T = 4: above T = 2 and above T = 6. */
static void add_peak(bso_claim_part *parts, int *count, char *outcome, size_t size, const char *rule,
                     const bso_row *const *rows, const int64_t *steps, int times)
{
    static const int64_t others[] = {2, 6};
    const bso_row *peak = at(rows, steps, times, 4);
    for (int i = 0; peak && i < 2; i++) {
        const bso_row *other = at(rows, steps, times, others[i]);
        char name[96];
        snprintf(name, sizeof name, "%s, T = 4 less T = %d", rule, (int)others[i]);
        if (other) {
            add_part(parts, count, outcome, size, name,
                     bso_claim_difference(peak, other, bso_test_percent, -1), 0,
                     bso_claim_lost(peak) + bso_claim_lost(other));
        }
    }
}

static void add_slope(bso_claim_part *parts, int *count, char *outcome, size_t size, const char *rule,
                      const bso_row *const *rows, const int64_t *steps, int times)
{
    char name[96] = "";
    if (times < 2) return;
    snprintf(name, sizeof name, "%s, points for each doubling of T from %d to %d", rule, (int)steps[0],
             (int)steps[times - 1]);
    int lost = 0;
    for (int t = 0; t < times; t++) lost += bso_claim_lost(rows[t]);
    add_part(parts, count, outcome, size, name, slopes(rows, steps, times), 0, lost);
    for (int t = 0; t < times; t++) {
        const bso_sample s = bso_claim_sample(rows[t], bso_test_percent, -1);
        bso_text_add(outcome, size, "%s%.2f %% at T = %d", t ? ", " : " [", s.mean, (int)steps[t]);
    }
    bso_text_add(outcome, size, "]");
}

void bso_claim_rises(const bso_evidence *e, bso_judgement *j)
{
    static const struct {
        const char *optimizer, *name;
    } rules[] = {{"tbso", "T-BSO"}, {"bso", "BSO"}};
    add_figures(e, j->paper, sizeof j->paper, "T-BSO", "CIFAR-100");
    bso_text_add(j->paper, sizeof j->paper, ", up to %.2f %% at T = 12",
                 bso_claim_figure(e, "fig5", "CIFAR-100", "T-BSO", 12, NULL, "accuracy"));
    add_figures(e, j->paper, sizeof j->paper, "T-BSO", "CIFAR-10");
    bso_claim_section sections[BSO_CLAIM_SECTIONS];
    const int count = bso_claim_sections(e->runs, sections);
    for (int i = 0; i < count; i++) {
        const bool peaks = sections[i].paper && strcmp(sections[i].paper, "CIFAR-10") == 0;
        bso_claim_part parts[BSO_CLAIM_PARTS];
        char outcome[3072] = "";
        int found = 0;
        for (size_t r = 0; r < sizeof rules / sizeof *rules; r++) {
            const bso_row *rows[BSO_CLAIM_PARTS];
            int64_t steps[BSO_CLAIM_PARTS];
            const int times = rows_by_steps(e->runs, sections[i].section, rules[r].optimizer, rows, steps);
            if (peaks) {
                add_peak(parts, &found, outcome, sizeof outcome, rules[r].name, rows, steps, times);
            } else {
                add_slope(parts, &found, outcome, sizeof outcome, rules[r].name, rows, steps, times);
            }
        }
        if (found) weigh_section(j, &sections[i], i, parts, found, outcome);
    }
    snprintf(j->why, sizeof j->why, "no data set has BSO or T-BSO at two T of at least %d", STEPS_MIN);
}

/* ---- 12: latent weights ---- */

/* What the paper's own table says of its rule and a rival at its best T each. */
static void report_rival(const bso_evidence *e, bso_judgement *j, const char *dataset, const char *rival)
{
    double theirs = NAN, best[2] = {NAN, NAN};
    static const char *const rules[] = {"BSO", "T-BSO"};
    for (int i = 0; i < e->reported->count; i++) {
        const bso_reported_fact *f = &e->reported->fact[i];
        if (strcmp(f->table, "2") != 0 || strcmp(f->dataset, dataset) != 0 ||
            strcmp(f->metric, "accuracy") != 0) {
            continue;
        }
        if (strcmp(f->method, rival) == 0) theirs = f->value;
        for (int r = 0; r < 2; r++) {
            if (strcmp(f->method, rules[r]) == 0 && !(f->value <= best[r])) best[r] = f->value;
        }
    }
    if (isnan(theirs)) return;
    bso_claim_finding *f = bso_claim_found(j, -1, BSO_CLAIM_REPORTED);
    if (!f) return;
    snprintf(f->what, sizeof f->what, "The paper's own figures on %s against %s (%.2f %%), best T of each",
             dataset, rival, theirs);
    for (int r = 0; r < 2; r++) {
        if (isnan(best[r])) continue;
        bso_text_add(f->outcome, sizeof f->outcome, "%s%s %.2f %% is %s (%+.2f)", BSO_COMMA(f->outcome),
                     rules[r], best[r], best[r] > theirs ? "above" : "not above", best[r] - theirs);
        if (!(best[r] > theirs)) {
            bso_text_add(f->why, sizeof f->why, "%sfor %s the paper's own table says the opposite",
                         BSO_SEMICOLON(f->why), rules[r]);
        }
    }
}

static bool latent_rival(const bso_row *row)
{
    return row->weights == BSO_REP_LATENT && strcmp(row->runs[0]->settings.neuron, "lif") == 0 &&
           strcmp(row->runs[0]->settings.behaviour, "paper") == 0;
}

/* Every latent-weight method of a section against one rule, at every T that both have. */
static void add_rivals(const bso_table *table, int section, const char *optimizer, const char *rule,
                       bso_claim_part *parts, int *count, char *outcome, size_t size)
{
    for (int i = 0; i < table->row_count; i++) {
        const bso_row *row = &table->rows[i];
        if (row->section != section || !latent_rival(row)) continue;
        const bso_settings *s = &row->runs[0]->settings;
        const bso_row *ours = bso_claim_row(table, section, optimizer, online, s->steps);
        /* Of several rows of one rival, the one that stands for it. */
        if (!ours || row != bso_claim_row(table, section, s->optimizer, s->gradient, s->steps)) continue;
        char name[160];
        snprintf(name, sizeof name, "%s - %.100s, T = %d", rule, row->method, (int)s->steps);
        add_part(parts, count, outcome, size, name, bso_claim_difference(ours, row, bso_test_percent, -1), 0,
                 bso_claim_lost(ours) + bso_claim_lost(row));
    }
}

void bso_claim_beats_latent(const bso_evidence *e, bso_judgement *j)
{
    static const char *const sets[] = {"CIFAR-10", "CIFAR-100", "DVS-CIFAR10"};
    bso_claim_section sections[BSO_CLAIM_SECTIONS];
    const int count = bso_claim_sections(e->runs, sections);
    for (int i = 0; i < 3; i++) {
        const double theirs = bso_claim_figure(e, "2", sets[i], "Q-SNN", 0, NULL, "accuracy");
        const double older = bso_claim_figure(e, "2", sets[i], "CBP", 0, NULL, "accuracy");
        bso_text_add(j->paper, sizeof j->paper, "%s%s: Q-SNN %.2f %%, CBP %.2f %%", BSO_SEMICOLON(j->paper),
                     sets[i], theirs, older);
        const int steps = i < 2 ? 6 : 10;
        static const char *const rules[] = {"BSO", "T-BSO"};
        for (int r = 0; r < 2; r++) {
            bso_text_add(j->paper, sizeof j->paper, ", %s %.2f %%", rules[r],
                         bso_claim_figure(e, "2", sets[i], rules[r], steps, NULL, "accuracy"));
        }
        report_rival(e, j, sets[i], "Q-SNN");
        report_rival(e, j, sets[i], "CBP");
    }
    for (int i = 0; i < count; i++) {
        bso_claim_part parts[BSO_CLAIM_PARTS];
        char outcome[3072] = "";
        int found = 0;
        add_rivals(e->runs, sections[i].section, "bso", "BSO", parts, &found, outcome, sizeof outcome);
        add_rivals(e->runs, sections[i].section, "tbso", "T-BSO", parts, &found, outcome, sizeof outcome);
        if (found) weigh_section(j, &sections[i], i, parts, found, outcome);
    }
    j->verdict = BSO_CLAIM_REPORTED;
    snprintf(j->why, sizeof j->why, "no latent-weight method was trained beside BSO or T-BSO at the same T");
}

/* ---- 13: full precision ---- */

static double distance(const bso_evidence *e, const char *dataset)
{
    return bso_claim_figure(e, "2", dataset, "NDOT", 6, NULL, "accuracy") -
           bso_claim_figure(e, "2", dataset, "T-BSO", 6, NULL, "accuracy");
}

/* "ndot" decides; the other online gradients are told of. */
static void against_full_precision(const bso_evidence *e, bso_judgement *j, const bso_claim_section *s,
                                   int place, const char *gradient, const char *name, bool decides)
{
    bso_claim_part parts[BSO_CLAIM_PARTS];
    int64_t steps[BSO_CLAIM_PARTS];
    char outcome[3072] = "", text[3200];
    int found = 0;
    const double border =
        -distance(e, s->paper && strcmp(s->paper, "CIFAR-10") == 0 ? "CIFAR-10" : "CIFAR-100");
    const int times = bso_claim_steps(e->runs, s->section, "tbso", online, steps);
    for (int t = 0; t < times; t++) {
        const bso_row *ours = bso_claim_row(e->runs, s->section, "tbso", online, steps[t]);
        const bso_row *theirs = bso_claim_row(e->runs, s->section, "sgd_momentum", gradient, steps[t]);
        char part[64];
        snprintf(part, sizeof part, "T = %d", (int)steps[t]);
        if (theirs) {
            add_part(parts, &found, outcome, sizeof outcome, part,
                     bso_claim_difference(ours, theirs, bso_test_percent, -1), border,
                     bso_claim_lost(ours) + bso_claim_lost(theirs));
        }
    }
    if (!found) return;
    snprintf(text, sizeof text, "T-BSO - %s in points (margin %.2f), %s", name, border, outcome);
    weigh_section(j, s, place, parts, found, text);
    if (!decides) j->finding[j->findings - 1].rank = -1;
}

void bso_claim_near_full_precision(const bso_evidence *e, bso_judgement *j)
{
    bso_claim_section sections[BSO_CLAIM_SECTIONS];
    const int count = bso_claim_sections(e->runs, sections);
    snprintf(j->paper, sizeof j->paper,
             "At T = 6 T-BSO is %.2f points below NDOT on CIFAR-10 and %.2f on CIFAR-100",
             distance(e, "CIFAR-10"), distance(e, "CIFAR-100"));
    for (int i = 0; i < count; i++) {
        against_full_precision(e, j, &sections[i], i, "ndot", "NDOT", true);
        against_full_precision(e, j, &sections[i], i, online, "OTTT", false);
    }
    snprintf(j->why, sizeof j->why, "no data set has T-BSO and NDOT at the same T");
}

/* ---- 15 to 17: figures on other data sets ---- */

/* T-BSO on one of the paper's data sets at some T: under the protocol against the figures, else told of. */
static void reaches(const bso_evidence *e, bso_judgement *j, const char *table, const char *dataset,
                    const int *T, int times)
{
    bso_claim_section sections[BSO_CLAIM_SECTIONS];
    const int count = bso_claim_sections(e->runs, sections);
    for (int i = 0; i < count; i++) {
        const bso_claim_section *s = &sections[i];
        if (!s->paper || strcmp(s->paper, dataset) != 0) continue;
        bso_claim_part parts[BSO_CLAIM_PARTS];
        char outcome[3072] = "";
        int found = 0;
        for (int t = 0; t < times; t++) {
            const double figure = bso_claim_figure(e, table, dataset, "T-BSO", T[t], NULL, "accuracy");
            const bso_row *row = bso_claim_row(e->runs, s->section, "tbso", NULL, T[t]);
            if (!row) continue;
            bso_claim_part *part = &parts[found++];
            *part = (bso_claim_part){.sample = bso_claim_sample(row, bso_test_percent, -1),
                                     .border = figure - figure_margin,
                                     .lost = bso_claim_lost(row)};
            char interval[128];
            bso_claim_interval(interval, sizeof interval, part->sample, 2, false);
            snprintf(part->name, sizeof part->name, "T = %d", T[t]);
            bso_text_add(outcome, sizeof outcome, "%s%s: %s %%; the paper: %.2f %%", BSO_SEMICOLON(outcome),
                         part->name, interval, figure);
        }
        if (!found) continue;
        weigh_section(j, s, i, parts, found, outcome);
        if (s->protocol && found == times) continue;
        bso_claim_finding *f = &j->finding[j->findings - 1];
        f->verdict = BSO_CLAIM_UNTESTED;
        f->rank = -1;
        snprintf(f->why, sizeof f->why,
                 s->protocol ? "not at every T of the claim" : "not the paper's protocol");
    }
    snprintf(j->why, sizeof j->why, "no training of T-BSO on %s under the paper's protocol is here", dataset);
}

/* The paper's figures of its rule and of others that are not run here. */
static void report_others(const bso_evidence *e, bso_judgement *j, const char *table, const char *dataset,
                          int T, const char *const *others, int count)
{
    const double ours = bso_claim_figure(e, table, dataset, "T-BSO", T, NULL, "accuracy");
    bso_text_add(j->paper, sizeof j->paper, "%sT-BSO %.2f %% at T = %d", BSO_SEMICOLON(j->paper), ours, T);
    for (int i = 0; i < count; i++) {
        const double theirs = bso_claim_figure(e, table, dataset, others[i], 0, NULL, "accuracy");
        bso_text_add(j->paper, sizeof j->paper, ", %s %.2f %%", others[i], theirs);
        bso_claim_finding *f = bso_claim_found(j, -1, BSO_CLAIM_REPORTED);
        if (!f) continue;
        snprintf(f->what, sizeof f->what, "The paper's own figures, %s is not run here", others[i]);
        snprintf(f->outcome, sizeof f->outcome, "T-BSO %.2f %%, %s %.2f %% (%+.2f)", ours, others[i], theirs,
                 ours - theirs);
    }
}

/* The paper does not say which of the two test splits in use it had. Where they disagree, nothing is settled.
 */
static void splits_agree(bso_judgement *j)
{
    bool come_out[BSO_CLAIM_VERDICTS] = {false};
    for (int i = 0; i < j->findings; i++) come_out[j->finding[i].verdict] = true;
    if (!come_out[BSO_CLAIM_HOLDS] || !come_out[BSO_CLAIM_FAILS]) return;
    for (int i = 0; i < j->findings; i++) {
        bso_claim_finding *f = &j->finding[i];
        if (f->verdict != BSO_CLAIM_HOLDS && f->verdict != BSO_CLAIM_FAILS) continue;
        bso_text_add(f->why, sizeof f->why, "%s%s on this test split and not on the other",
                     BSO_SEMICOLON(f->why), f->verdict == BSO_CLAIM_HOLDS ? "reached" : "missed");
        f->verdict = BSO_CLAIM_INCONCLUSIVE;
    }
}

void bso_claim_dvs(const bso_evidence *e, bso_judgement *j)
{
    static const char *const others[] = {"Q-SNN"};
    report_others(e, j, "2", "DVS-CIFAR10", 10, others, 1);
    static const int T[] = {10};
    reaches(e, j, "2", "DVS-CIFAR10", T, 1);
    splits_agree(j);
}

void bso_claim_imagenet(const bso_evidence *e, bso_judgement *j)
{
    static const char *const others[] = {"CBP"};
    report_others(e, j, "2", "ImageNet", 4, others, 1);
    report_others(e, j, "2", "ImageNet", 6, NULL, 0);
    static const int T[] = {4, 6};
    reaches(e, j, "2", "ImageNet", T, 2);
}

void bso_claim_speech(const bso_evidence *e, bso_judgement *j)
{
    static const char *const others[] = {"ATIF", "STS-T"};
    report_others(e, j, "5", "GSC", 4, others, 2);
    bso_text_add(j->paper, sizeof j->paper, "; %.2f MB",
                 bso_claim_figure(e, "5", "GSC", "T-BSO", 4, NULL, "size_MB"));
    bso_claim_speech_size(e, j);
    static const int T[] = {4};
    reaches(e, j, "5", "GSC", T, 1);
}
