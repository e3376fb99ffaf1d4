/* regret.h: a rule plays a problem: what it lost against the best fixed weights, and how the bounds on that
 * held in every round.
 *
 * Regret R(k) is the sum over rounds 1..k of f(w) minus the least that fixed weights would have lost in them
 * (regret_problem.h: which those are). Rules play in double precision (regret_player.h).
 */
#ifndef BSO_REGRET_H
#define BSO_REGRET_H

#include "core/regret_bound.h"
#include "core/regret_problem.h"

#include <stddef.h>

/* What Theorem 4.1 (BSO, ICML 2025) lets decay; it does not say which. c_k is the share of the new gradient
 * in the momentum, and of the new squares in T-BSO's v. Constants: gamma_0 and c below. */
typedef enum {
    BSO_READING_A,        /* c_k = min(1, c / sqrt k), gamma_k = gamma_0 / sqrt k */
    BSO_READING_A_FOURTH, /* the same c_k, gamma_k = gamma_0 k^(-1/4) */
    BSO_READING_B,        /* c_k = 1 - c / sqrt k, gamma_k = gamma_0 / sqrt k; c < 1 */
    BSO_READING_C,        /* c_k = c, gamma_k = gamma_0 */
    BSO_READINGS
} bso_reading;

/* "A", "A4", "B", "C", and the formulas. */
const char *bso_reading_name(bso_reading reading);
const char *bso_reading_formula(bso_reading reading);

typedef struct {
    bso_reading reading;
    double gamma, rate; /* gamma_0; c */
    double eps;         /* beside v */
} bso_regret_schedule;

/* gamma_k and c_k, k = 1, 2, ... */
void bso_regret_schedule_at(const bso_regret_schedule *s, uint64_t k, double *gamma, double *rate);

typedef struct {
    bso_family family;
    int d;
    uint64_t rounds;
    const char *rule;
    bso_regret_schedule schedule; /* for hyperparameters gamma, one_minus_beta1, one_minus_beta2 and eps; what
                                     a rule calls otherwise keeps its default */
} bso_regret_case;

/* What is kept at each checkpoint. */
enum {
    BSO_CURVE_REGRET,
    BSO_CURVE_BOUND,                               /* BSO_BOUNDS of them */
    BSO_CURVE_TERM = BSO_CURVE_BOUND + BSO_BOUNDS, /* BSO_TERMS of them, those of the bound that holds */
    BSO_CURVE_FLIPS = BSO_CURVE_TERM + BSO_TERMS,  /* flips so far, of all weights */
    BSO_CURVE_HEDGE, /* in one dimension: expected regret of randomised Hedge on the same losses; its own
                        adversary (which knows its odds, not its draws) where the family is adaptive; else NaN
                      */
    BSO_CURVES
};

/* "regret", "bound_printed", "term_move", "flips", "hedge", ... into name. */
void bso_curve_name(int curve, char *name, size_t size);

enum { BSO_CHECKPOINTS_DECADE = 12, BSO_CHECKPOINTS_MAX = 12 * 9 + 2, BSO_ROUNDS_MAX = 1000000000 };

/* Rounds 10^(i / 12) up to `rounds`, rounded, each once, and `rounds` itself. Returns how many. */
int bso_regret_checkpoints(uint64_t rounds, uint64_t k[BSO_CHECKPOINTS_MAX]);

typedef struct {
    double curves[BSO_CURVES][BSO_CHECKPOINTS_MAX];
    bso_bound_record bounds[BSO_BOUNDS];
    bool applies; /* the bounds' assumptions held in every round; else they are NaN from then on */
} bso_regret_run;

/* Play it. A function of its arguments alone. Returns 0, or BSO_ERROR (also when the program is asked to
 * stop: a game of many rounds takes long) or BSO_DIVERGED. */
int bso_regret_play(const bso_regret_case *c, uint64_t seed, bso_regret_run *run);

/* The regret at the end alone, without bounds: for tuning. */
int bso_regret_final(const bso_regret_case *c, uint64_t seed, double *regret);

#endif
