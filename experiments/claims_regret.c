/* claims_regret.c: the claims of Theorem 4.1: how regret grows and whether it stays below the printed bound
 * (9 to 11). See claims_rules.h; growth and bounds are judged for each problem by experiments/regret.h.
 *
 * The theorem is about every sequence of convex losses: one family of problems that breaks it is enough.
 */
#include "experiments/claims_rules.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Fewer rounds tell no rate of growth: beginnings are not yet like K to any power. */
enum { ROUNDS_MIN = 10000 };

/* What decides is reading A, with both coefficients decaying as Algorithm 1 is written; see docs/regret.md.
 */
static bool decides(const bso_regret_result *r)
{
    return r->schedule.reading == BSO_READING_A;
}

/* Over some results of one rule: how they came out. */
typedef struct {
    int count;          /* results */
    int violated;       /* printed bound not kept; a correction by d or d G may do */
    int beyond;         /* not even with these */
    int above, unclear; /* growth of regret */
    int not_vanishing, average_unclear;
    int few;         /* too few rounds, or of random problems too few seeds, for a growth rate */
    uint64_t rounds; /* most of one */
    int seeds;       /* likewise */
    double ratio;    /* largest R over the printed bound */
    uint64_t first;  /* round at which it was first not kept */
    unsigned played; /* bit i: family i was, by BSO; bit i + BSO_FAMILIES: by T-BSO */
    char where[256]; /* families whose growth is above what is claimed, or whose average does not vanish */
} tally;

/* "0.31", "4.55", "1350" */
static const char *times(double x, char text[32])
{
    snprintf(text, 32, x < 100 ? "%.3g" : "%.0f", x);
    return text;
}

static void add_family(char *text, size_t size, const bso_regret_result *r)
{
    if (!strstr(text, bso_families[r->family].title)) {
        bso_text_add(text, size, "%s%s", BSO_SEMICOLON(text), bso_families[r->family].title);
    }
}

/* Exponents from here on are those of regret in proportion to the rounds. */
static const double linear = 0.99;

/* Judge a rate of growth. A curve without chance as experiments/regret.h does. Of random problems there are
 * many, of which some would seem to grow too fast by chance: the interval that must lie above is widened for
 * looking at `looks` (Bonferroni). */
static bso_growth_verdict judge_rate(const bso_regret_result *r, bso_growth_verdict plain,
                                     const bso_growth *g, double claimed, int looks)
{
    if (bso_families[r->family].one || plain == BSO_GROWTH_WITHIN || plain == BSO_GROWTH_NO_REGRET)
        return plain;
    if (g->n < BSO_CLAIM_SEEDS)
        return BSO_GROWTH_UNCLEAR; /* not of seeds: regret was not positive in all of them */
    const double wide = bso_student_bound(1 - 0.05 / looks, g->n - 1) * g->error;
    return g->exponent - wide > claimed ? BSO_GROWTH_ABOVE : BSO_GROWTH_UNCLEAR;
}

/* looks: how many results are judged together. */
static void count(tally *t, const bso_regret_result *r, bool average, int looks)
{
    bso_regret_summary s;
    bso_regret_summarize(r, &s);
    t->count++;
    t->played |= 1u << ((int)r->family + (strcmp(r->rule, "tbso") == 0 ? BSO_FAMILIES : 0));
    t->rounds = r->rounds > t->rounds ? r->rounds : t->rounds;
    t->seeds = r->seeds > t->seeds ? r->seeds : t->seeds;
    const bso_bound_record *held = &s.held[BSO_BOUND_PRINTED];
    t->violated += s.bounds != BSO_VERDICT_HOLDS && s.bounds != BSO_VERDICT_NO_BOUND;
    t->beyond += s.bounds == BSO_VERDICT_FAILS;
    t->ratio = fmax(t->ratio, held->ratio);
    if (held->first && (!t->first || held->first < t->first)) t->first = held->first;
    if (r->rounds < ROUNDS_MIN || (!bso_families[r->family].one && r->seeds < BSO_CLAIM_SEEDS)) {
        t->few++;
        return;
    }
    const bso_growth_verdict growth = judge_rate(r, s.growth, &s.regret, s.claimed, looks);
    const bso_growth_verdict mean = judge_rate(r, s.average, &s.regret, linear, looks);
    t->above += growth == BSO_GROWTH_ABOVE;
    t->unclear += growth == BSO_GROWTH_UNCLEAR;
    t->not_vanishing += mean == BSO_GROWTH_ABOVE;
    t->average_unclear += mean == BSO_GROWTH_UNCLEAR;
    if ((average ? mean : growth) == BSO_GROWTH_ABOVE) add_family(t->where, sizeof t->where, r);
}

/* The results of a rule under a reading. */
static int looks_of(const bso_evidence *e, const char *rule, bso_reading reading)
{
    int looks = 0;
    for (int i = 0; i < e->regret->count; i++) {
        const bso_regret_result *r = &e->regret->results[i];
        looks += r->schedule.reading == reading && strcmp(r->rule, rule) == 0;
    }
    return looks;
}

static bso_claim_verdict verdict_of(const tally *t, char *why, size_t size)
{
    *why = '\0';
    if (t->above) bso_text_add(why, size, "regret grows faster than claimed: %s", t->where);
    if (t->beyond) {
        bso_text_add(why, size, "%sin %d the bound is exceeded even with its factors of d and G",
                     BSO_SEMICOLON(why), t->beyond);
    }
    if (t->violated) {
        bso_text_add(why, size, "%sthe printed bound is exceeded in %d of %d, first in round %llu",
                     BSO_SEMICOLON(why), t->violated, t->count, (unsigned long long)t->first);
    }
    if (t->above || t->beyond) return BSO_CLAIM_FAILS;
    if (t->few) {
        bso_text_add(why, size, "%s%d of %d too short for a rate of growth, or of fewer than %d seeds",
                     BSO_SEMICOLON(why), t->few, t->count, BSO_CLAIM_SEEDS);
        return BSO_CLAIM_INCONCLUSIVE;
    }
    if (t->unclear) {
        bso_text_add(why, size, "%sthe interval of the exponent holds the one claimed in %d of %d",
                     BSO_SEMICOLON(why), t->unclear, t->count);
        return BSO_CLAIM_INCONCLUSIVE;
    }
    return t->violated ? BSO_CLAIM_CORRECTED : BSO_CLAIM_HOLDS;
}

static bso_claim_verdict verdict_of_average(const tally *t, char *why, size_t size)
{
    *why = '\0';
    if (t->not_vanishing) {
        bso_text_add(why, size, "it does not: %s", t->where);
        return BSO_CLAIM_FAILS;
    }
    if (t->few) {
        bso_text_add(why, size, "%d of %d too short for a rate of growth, or of fewer than %d seeds", t->few,
                     t->count, BSO_CLAIM_SEEDS);
        return BSO_CLAIM_INCONCLUSIVE;
    }
    if (t->average_unclear) {
        bso_text_add(why, size, "unclear in %d of %d", t->average_unclear, t->count);
        return BSO_CLAIM_INCONCLUSIVE;
    }
    return BSO_CLAIM_HOLDS;
}

/* The theorem is about every sequence: where families of problems were not played, nothing holds yet. rule:
 * NULL for both. */
static void need_all_families(const tally *t, const char *rule, bso_claim_finding *f)
{
    int missing = 0;
    for (int i = 0; i < BSO_FAMILIES; i++) {
        const bool bso = t->played >> i & 1, tbso = t->played >> (i + BSO_FAMILIES) & 1;
        missing += !(rule ? bso || tbso : bso && tbso);
    }
    if (!missing || (f->verdict != BSO_CLAIM_HOLDS && f->verdict != BSO_CLAIM_CORRECTED)) return;
    bso_text_add(f->why, sizeof f->why, "%s%d of %d families of problems were not played",
                 BSO_SEMICOLON(f->why), missing, (int)BSO_FAMILIES);
    f->verdict = BSO_CLAIM_INCONCLUSIVE;
}

/* One result in few words: "d = 8, A: R grows as K^0.51 ± 0.02, at most 0.31 of the printed bound". */
static void add_result(char *text, size_t size, const bso_regret_result *r, bool average)
{
    bso_regret_summary s;
    char reading[64];
    bso_regret_summarize(r, &s);
    bso_regret_reading(r, reading, sizeof reading);
    bso_text_add(text, size, "%sd = %d, %s: ", BSO_SEMICOLON(text), r->d, reading);
    if (s.growth == BSO_GROWTH_NO_REGRET) {
        bso_text_add(text, size, "no regret at the end");
    } else if (isnan(s.regret.exponent)) {
        bso_text_add(text, size, "R is not positive throughout the last decade");
    } else {
        bso_text_add(text, size, "R ~ K^%.2f", s.regret.exponent);
        if (!isnan(s.regret.half)) bso_text_add(text, size, " ± %.2f", s.regret.half);
    }
    if (average || s.bounds == BSO_VERDICT_NO_BOUND) return;
    bso_text_add(text, size, ", at most %s times the printed bound",
                 times(s.held[BSO_BOUND_PRINTED].ratio, (char[32]){0}));
}

typedef bso_claim_verdict judge_tally(const tally *t, char *why, size_t size);

/* A finding for each family under the deciding reading. rule: NULL for BSO's and T-BSO's both. */
static void tell_families(const bso_evidence *e, bso_judgement *j, const char *rule, bool average,
                          judge_tally *judge)
{
    for (int family = 0; family < BSO_FAMILIES; family++) {
        tally t = {0};
        char outcome[3072] = "";
        const bso_regret_result *one = NULL;
        for (int i = 0; i < e->regret->count; i++) {
            const bso_regret_result *r = &e->regret->results[i];
            if ((int)r->family != family || strcmp(r->rule, rule) != 0 || !decides(r)) continue;
            count(&t, r, average, looks_of(e, rule, BSO_READING_A));
            add_result(outcome, sizeof outcome, r, average);
            one = r;
        }
        if (!one) continue;
        bso_claim_finding *f = bso_claim_found(j, -1, BSO_CLAIM_UNTESTED);
        if (!f) return;
        snprintf(f->what, sizeof f->what, "%s%s, %llu rounds, %d seed%s",
                 average ? (strcmp(rule, "bso") == 0 ? "BSO, " : "T-BSO, ") : "", bso_families[family].title,
                 (unsigned long long)one->rounds, one->seeds, one->seeds == 1 ? "" : "s");
        snprintf(f->outcome, sizeof f->outcome, "%s", outcome);
        f->verdict = judge(&t, f->why, sizeof f->why);
    }
}

/* The other readings, told of in a line each. */
static void tell_readings(const bso_evidence *e, bso_judgement *j, const char *rule)
{
    for (int reading = 0; reading < BSO_READINGS; reading++) {
        tally t = {0};
        for (int i = 0; i < e->regret->count; i++) {
            const bso_regret_result *r = &e->regret->results[i];
            if ((int)r->schedule.reading != reading || strcmp(r->rule, rule) != 0 || decides(r)) continue;
            count(&t, r, false, looks_of(e, rule, (bso_reading)reading));
        }
        if (!t.count) continue;
        bso_claim_finding *f = bso_claim_found(j, -1, BSO_CLAIM_UNTESTED);
        if (!f) return;
        snprintf(f->what, sizeof f->what, "Reading %s (%s), all problems",
                 bso_reading_name((bso_reading)reading), bso_reading_formula((bso_reading)reading));
        snprintf(f->outcome, sizeof f->outcome,
                 "%d problems and settings, regret at most %s times the printed bound", t.count,
                 times(t.ratio, (char[32]){0}));
        f->verdict = verdict_of(&t, f->why, sizeof f->why);
    }
}

static void tally_rule(const bso_evidence *e, const char *rule, bool average, tally *t)
{
    for (int i = 0; i < e->regret->count; i++) {
        const bso_regret_result *r = &e->regret->results[i];
        if (strcmp(r->rule, rule) == 0 && decides(r)) count(t, r, average, looks_of(e, rule, BSO_READING_A));
    }
}

static void no_regret(bso_judgement *j)
{
    snprintf(j->why, sizeof j->why, "no regret results under reading A are here; \"bso regret\" makes them");
}

static void judge_rule(const bso_evidence *e, bso_judgement *j, const char *rule)
{
    tally t = {0};
    tally_rule(e, rule, false, &t);
    if (!t.count) {
        no_regret(j);
        return;
    }
    bso_claim_finding *f = bso_claim_found(j, 0, BSO_CLAIM_UNTESTED);
    snprintf(f->what, sizeof f->what, "All problems under reading A (%s); up to %llu rounds and %d seed%s",
             bso_reading_formula(BSO_READING_A), (unsigned long long)t.rounds, t.seeds,
             t.seeds == 1 ? "" : "s");
    snprintf(f->outcome, sizeof f->outcome,
             "%d problems and settings: regret grows faster than claimed in %d, exceeds the printed bound "
             "in %d; it is at most %s times that bound",
             t.count, t.above, t.violated, times(t.ratio, (char[32]){0}));
    f->verdict = verdict_of(&t, f->why, sizeof f->why);
    need_all_families(&t, rule, f);
    tell_families(e, j, rule, false, verdict_of);
    tell_readings(e, j, rule);
}

void bso_claim_regret_bso(const bso_evidence *e, bso_judgement *j)
{
    snprintf(
        j->paper, sizeof j->paper,
        "For convex losses with bounded gradients, R(K) ≤ 2 Σ γ_k + 2 Σ |M_k|_∞, of order √K (Theorem 4.1)");
    judge_rule(e, j, "bso");
}

void bso_claim_regret_tbso(const bso_evidence *e, bso_judgement *j)
{
    snprintf(j->paper, sizeof j->paper,
             "For convex losses with bounded gradients, R(K) ≤ 2 Σ γ_k + 2 Σ |M_k/√(v_k + ε)|_∞, of order "
             "K^(3/4) (Theorem 4.1)");
    judge_rule(e, j, "tbso");
}

void bso_claim_regret_average(const bso_evidence *e, bso_judgement *j)
{
    static const char *const rules[] = {"bso", "tbso"};
    snprintf(j->paper, sizeof j->paper,
             "R(K)/K goes to 0, as 1/√K for BSO and as K^(-1/4) for T-BSO: both learn as well as the best "
             "fixed weights");
    tally t = {0};
    for (int r = 0; r < 2; r++) tally_rule(e, rules[r], true, &t);
    if (!t.count) {
        no_regret(j);
        return;
    }
    bso_claim_finding *f = bso_claim_found(j, 0, BSO_CLAIM_UNTESTED);
    snprintf(f->what, sizeof f->what,
             "All problems under reading A (%s), both rules; up to %llu rounds and %d seed%s",
             bso_reading_formula(BSO_READING_A), (unsigned long long)t.rounds, t.seeds,
             t.seeds == 1 ? "" : "s");
    snprintf(f->outcome, sizeof f->outcome, "%d problems and settings: average regret does not vanish in %d",
             t.count, t.not_vanishing);
    f->verdict = verdict_of_average(&t, f->why, sizeof f->why);
    need_all_families(&t, NULL, f);
    for (int r = 0; r < 2; r++) tell_families(e, j, rules[r], true, verdict_of_average);
}
