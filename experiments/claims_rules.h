/* claims_rules.h: what the files of the claims share: finding evidence, and judging intervals. Everybody else
 * uses claims.h.
 */
#ifndef BSO_CLAIMS_RULES_H
#define BSO_CLAIMS_RULES_H

#include "experiments/claims.h"
#include "experiments/statistics.h"
#include "experiments/text.h"

/* ---- Findings ---- */

/* A new finding, empty; NULL and counted where there is no room. */
bso_claim_finding *bso_claim_found(bso_judgement *j, int rank, bso_claim_verdict verdict);

/* The paper's figure, NaN where it reports none; see bso_reported_find. setting: NULL for any. */
double bso_claim_figure(const bso_evidence *e, const char *table, const char *dataset, const char *method,
                        int steps, const char *setting, const char *metric);

/* "+1.20 (0.85 to 1.55)"; "1.20 (1 seed)" where there is no interval; sign: a + before positive ones. */
void bso_claim_interval(char *text, size_t size, bso_sample s, int decimals, bool sign);

/* ---- Judging ---- */

/* One comparison: the claim says that the mean is above the border. */
typedef struct {
    char name[160]; /* "T = 2" */
    bso_sample sample;
    double border;
    int lost; /* seeds with a training behind it that diverged; `sample` is without them */
} bso_claim_part;

enum { BSO_CLAIM_PARTS = 64 };

/* The verdict of several comparisons which must all come out as claimed. Of those with BSO_CLAIM_SEEDS seeds
 * or more: it is supported where every 95 % interval lies above its border; contradicted where one lies
 * below, the interval widened for looking at several (Bonferroni), since of many one is below by chance; else
 * it is inconclusive. What is left out of the intervals supports nothing: it is inconclusive, too, where any
 * training diverged, where the mean of a comparison with fewer seeds is on the other side, and under the
 * protocol where there is such a comparison at all. protocol: is it the paper's? Else a direction is all that
 * can be seen. why[size]: set.
 */
bso_claim_verdict bso_claim_weigh(const bso_claim_part *parts, int count, bool protocol, char *why,
                                  size_t size);

/* ---- Evidence ---- */

/* Rows of one data set, network and length of training. */
typedef struct {
    int section;
    const bso_run *run; /* one of its runs */
    const char *paper;  /* the paper's name of its data set, NULL: not one of the paper's */
    bool stand_in;      /* of data that are not at hand */
    bool protocol;      /* the paper's data, network, samples, epochs and batch */
} bso_claim_section;

enum { BSO_CLAIM_SECTIONS = 64 };

/* The sections of a table, the nearest to the paper's protocol first: its protocol; its data sets; other real
 * data; stand-ins; among these its networks, then the longest training (samples seen), then the table's
 * order. */
int bso_claim_sections(const bso_table *table, bso_claim_section section[BSO_CLAIM_SECTIONS]);

/* A finding's rank: stand-ins last, sections with too few seeds behind others, else as near as `place` says.
 */
int bso_claim_rank(const bso_claim_section *s, int place, int seeds);

/* Rules under their paper's conditions: the neuron LIF, behaviour as in the paper. gradient: NULL for any. T:
 * 0 for any. */
bool bso_claim_is(const bso_run *run, const char *optimizer, const char *gradient, int64_t steps);

/* The row of a section that stands for a rule and gradient at T in a comparison: one made for the main
 * comparison (parts table2, fig5) before one made for nothing in particular before one of
 * something else; then more seeds; then the table's order. NULL: there is none; one of a search over
 * hyperparameters (Tables 3 and 4) stands for nothing but itself. */
const bso_row *bso_claim_row(const bso_table *table, int section, const char *optimizer, const char *gradient,
                             int64_t steps);

/* The T at which a section has such a row, ascending. */
int bso_claim_steps(const bso_table *table, int section, const char *optimizer, const char *gradient,
                    int64_t steps[BSO_CLAIM_PARTS]);

/* A number over a row's seeds, and the difference a - b over the seeds that both have. Diverged runs do not
 * count. */
bso_sample bso_claim_sample(const bso_row *row, bso_run_value value, int argument);
bso_sample bso_claim_difference(const bso_row *a, const bso_row *b, bso_run_value value, int argument);

/* How many trainings of a row diverged. */
int bso_claim_lost(const bso_row *row);

/* What was run: the section, and what is behind it. */
void bso_claim_what(const bso_claim_section *s, char *text, size_t size);

/* ---- The claims ---- */

typedef void bso_claim_judge(const bso_evidence *e, bso_judgement *j);
bso_claim_judge bso_claim_memory_flat, bso_claim_no_latent, bso_claim_scalars, bso_claim_model_size;
bso_claim_judge bso_claim_speech_size; /* a part of the claim about Speech Commands */
bso_claim_judge bso_claim_better_than_bso, bso_claim_rises, bso_claim_beats_latent,
    bso_claim_near_full_precision, bso_claim_dvs, bso_claim_imagenet, bso_claim_speech;
bso_claim_judge bso_claim_gamma, bso_claim_beta, bso_claim_cosine, bso_claim_stable;
bso_claim_judge bso_claim_regret_bso, bso_claim_regret_tbso, bso_claim_regret_average;

#endif
