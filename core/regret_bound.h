/* regret_bound.h: bounds on the regret of a learner that flips signs, kept up round after round.
 * docs/regret.md derives the one that holds and says why the printed ones are none.
 *
 * A round k = 1, 2, ...: the learner plays w_k in {-1,+1}^d, sees g_k, a subgradient at w_k of a convex loss,
 * forms M_k = (1 - c_k) M_{k-1} + c_k g_k and flips the coordinates F_k with w_k M_k > thr_k >= 0.
 */
#ifndef BSO_REGRET_BOUND_H
#define BSO_REGRET_BOUND_H

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    BSO_BOUND_PRINTED, /* 2 sum gamma_k + 2 sum |M_k / s_k|_inf, as in Theorem 4.1 (BSO, ICML 2025); s_k is 1
                          or, for a rule with a second moment, sqrt(v_k + eps) */
    BSO_BOUND_DIMENSION, /* d times that */
    BSO_BOUND_GRADIENT,  /* d G times that, G the largest |g|_inf so far; NaN for a rule without a second
                            moment, whose printed bound scales with the loss as it is */
    BSO_BOUND_CORRECTED, /* the one that holds: the sum of the terms below */
    BSO_BOUNDS
} bso_bound;

/* The terms of the bound that holds; a_k = (1 - c_k) / c_k. */
typedef enum {
    BSO_TERM_COMPARATOR, /* sum_k |M_k|_1 */
    BSO_TERM_FLIPPED,    /* sum_k sum_{i in F_k} |M_ki| */
    BSO_TERM_KEPT,       /* sum_k sum_{i not in F_k} min(thr_k, |M_ki|) */
    BSO_TERM_MOVE,       /* 2 sum_{k<K} a_{k+1} sum_{i in F_k} |M_ki| */
    BSO_TERM_DRIFT,      /* 2 sum_{k<K} |a_{k+1} - a_k| |M_k|_1 */
    BSO_TERM_LAST,       /* 2 a_K |M_K|_1 */
    BSO_TERMS
} bso_bound_term;

/* "printed", "printed_d", ...; "comparator", "flipped", ... */
const char *bso_bound_name(bso_bound bound);
const char *bso_bound_term_name(bso_bound_term term);

/* What a learner did in one round. */
typedef struct {
    const double *before, *after;           /* w_k and w_{k+1} [d] */
    const double *gradient;                 /* g_k [d] */
    const double *momentum, *last_momentum; /* M_k and M_{k-1} [d] */
    double gamma, rate, threshold;          /* gamma_k; c_k in (0, 1]; thr_k */
    double scale;                           /* s_k; NaN: the rule has no second moment */
} bso_bound_round;

typedef struct {
    int d;
    bool applies; /* until a round that is not as described above: not that momentum, not those flips */
    bool scaled;  /* the rule has a second moment */
    double terms[BSO_TERMS];
    double sum_gamma, sum_largest, gradient; /* G */
    /* of the round before: */
    double a, norm, moved;
} bso_bounds;

void bso_bounds_start(bso_bounds *b, int d);
void bso_bounds_round(bso_bounds *b, const bso_bound_round *r);

/* The value of a bound after the rounds so far; NaN where it does not apply. */
double bso_bounds_value(const bso_bounds *b, bso_bound bound);

/* How a bound held over the rounds looked at. */
typedef struct {
    uint64_t violations, first, last; /* rounds with R > bound; the first and last of them, 0: none */
    double ratio;                     /* the largest R / bound; 0 where R was never positive */
} bso_bound_record;

/* Look at round k. rounding: how much of R - bound may be rounding. A bound that is NaN is left out. */
void bso_bound_check(bso_bound_record *record, uint64_t k, double regret, double bound, double rounding);

#endif
