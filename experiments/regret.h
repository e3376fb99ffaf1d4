/* regret.h: results of `bso regret`: their files, read back, and what they say: growth exponents, how bounds
 * held, verdicts by stated rules, tables. Shared by `bso regret`, `bso table` and the report.
 *
 * The rules behind the verdicts are docs/regret.md, "Verdicts".
 */
#ifndef BSO_REGRET_RESULTS_H
#define BSO_REGRET_RESULTS_H

#include "core/regret.h"

#include <stdio.h>

enum { BSO_REGRET_SEEDS_MAX = 1000, BSO_REGRET_NAME = 64, BSO_BOX_MAX = 9 };

/* One (family, d, rule, reading), all seeds: a file. */
typedef struct {
    bso_family family;
    int d;
    uint64_t rounds;
    char rule[BSO_REGRET_NAME];
    bso_regret_schedule schedule;
    bool tuned;       /* gamma and rate were searched for, else as stated */
    char tuning[128]; /* by what search; "" where not tuned */
    bool applies;     /* the bounds' assumptions held throughout, for every seed */
    int seeds;
    uint64_t seed[BSO_REGRET_SEEDS_MAX];
    int checkpoints;
    uint64_t k[BSO_CHECKPOINTS_MAX];
    double *curves;                          /* [BSO_CURVES][seeds][checkpoints] */
    bso_bound_record *bounds;                /* [BSO_BOUNDS][seeds] */
    char started[32], ended[32], commit[64]; /* provenance */
} bso_regret_result;

/* What w* loses more than the best point of the box, for one (family, d): a file of its own. */
typedef struct {
    bso_family family;
    int d, seeds, n;
    uint64_t seed[BSO_REGRET_SEEDS_MAX];
    uint64_t k[BSO_BOX_MAX];
    double *gap, *error; /* [seeds][n]; one block, which gap begins */
} bso_regret_box;

/* "A", "C tuned", ... */
void bso_regret_reading(const bso_regret_result *r, char *text, size_t size);
/* "c_k = min(1, c/sqrt k), gamma_k = gamma/sqrt k; gamma = 0.1, c = 1" */
void bso_regret_setting(const bso_regret_result *r, char *text, size_t size);

double bso_regret_at(const bso_regret_result *r, int curve, int seed, int checkpoint);

/* ---- Files (docs/formats.md) ---- */

/* Room for the curves and bounds of r->seeds and r->checkpoints. Returns 0 or BSO_ERROR. */
int bso_regret_result_alloc(bso_regret_result *r);
void bso_regret_result_free(bso_regret_result *r);
/* Write: returns 0 or BSO_ERROR. command: how the program was started, or NULL. */
int bso_regret_write(const char *path, const bso_regret_result *r, const char *command);
/* Read with suspicion: returns 0, or BSO_ERROR naming the file; free the result in the first case alone. */
int bso_regret_read(const char *path, bso_regret_result *r);
int bso_regret_box_write(const char *path, const bso_regret_box *b);
int bso_regret_box_read(const char *path, bso_regret_box *b);

/* ---- All results of a folder ---- */

typedef struct {
    bso_regret_result *results; /* by family, d, rule, reading */
    int count;
    bso_regret_box *boxes;
    int box_count;
    int unreadable; /* files that could not be read; each was named on standard error */
} bso_regret_set;

/* Read DIR/regret/<all>.h5. Nothing there: an empty set. Returns 0 or BSO_ERROR; free it in both cases. */
int bso_regret_load(bso_regret_set *set, const char *directory);
void bso_regret_free(bso_regret_set *set);

/* ---- What they say ---- */

/* Slope of log(curve) against log k over the last decade of rounds. */
typedef struct {
    double exponent, error,
        half; /* standard error over seeds (one curve: of the regression's residuals); half the
                 width of the 95 % interval. NaN: the curve is not positive there */
    int n;    /* slopes behind it: seeds; 1: that of one seed or of the mean curve */
} bso_growth;

bso_growth bso_regret_growth(const bso_regret_result *r, int curve);
/* The same of a curve [n][checkpoints]. */
bso_growth bso_growth_of(const double *curves, int seeds, const uint64_t *k, int checkpoints);

typedef enum {
    BSO_VERDICT_HOLDS,         /* the printed bound, in every round of every seed */
    BSO_VERDICT_HOLDS_WITH_D,  /* not that, but d times it */
    BSO_VERDICT_HOLDS_WITH_DG, /* not these, but d G times it */
    BSO_VERDICT_FAILS,         /* none of them */
    BSO_VERDICT_NO_BOUND       /* the rule is not one that the bounds are about */
} bso_bound_verdict;

typedef enum {
    BSO_GROWTH_WITHIN,   /* the 95 % interval of the exponent lies at or below what is claimed */
    BSO_GROWTH_UNCLEAR,  /* the interval holds it */
    BSO_GROWTH_ABOVE,    /* the interval lies above it */
    BSO_GROWTH_NO_REGRET /* mean regret at the end is not positive: nothing to bound */
} bso_growth_verdict;

typedef struct {
    bso_growth regret, bound[BSO_BOUNDS];
    bso_bound_record
        held[BSO_BOUNDS]; /* over all seeds: all violations, the first, the last, the largest ratio */
    int violated_seeds[BSO_BOUNDS];
    double claimed; /* exponent: 1/2; 3/4 for a rule with a second moment */
    bso_bound_verdict bounds;
    bso_growth_verdict growth;  /* against claimed */
    bso_growth_verdict average; /* of R(k)/k. WITHIN: it vanishes, the interval of R's exponent ends below
                                   0.99; ABOVE: it does not, the exponent is 0.99 or more */
} bso_regret_summary;

void bso_regret_summarize(const bso_regret_result *r, bso_regret_summary *s);
const char *bso_bound_verdict_text(bso_bound_verdict verdict);
/* "holds times d; grows faster than claimed; average vanishes" */
void bso_regret_verdict(const bso_regret_summary *s, char *text, size_t size);

/* ---- Tables ---- */

/* DIR/tables/regret.csv, regret_summary.csv, regret_summary.md, and of the trainings in DIR/runs
 * regret_training.csv. Where there is no DIR/regret, there are none, nor those of before. Returns 0; 1 where
 * a file could not be read; BSO_ERROR. */
int bso_regret_tables(const char *directory);

#endif
