/* regret_problem.h: the problems of the regret experiment: sequences of convex losses f_k on [-1,1]^d, and
 * what the best fixed weights would have lost.
 *
 * A problem is a function of (family, d, seed): the same for every rule and setting, unless it answers the
 * learner (adversary).
 */
#ifndef BSO_REGRET_PROBLEM_H
#define BSO_REGRET_PROBLEM_H

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    /* d = 1, f_k(w) = g_k w, learners start at +1: */
    BSO_FAMILY_ADVERSARY,        /* g_k = w_k: always against the current sign */
    BSO_FAMILY_REPLAY,           /* the sequence that the adversary gave this learner, fixed beforehand */
    BSO_FAMILY_ALTERNATING,      /* +1, -1, +1, ... */
    BSO_FAMILY_ALTERNATING_LONG, /* 500 times +1, 500 times -1, ... */
    /* any d, learners start at random: */
    BSO_FAMILY_LINEAR,        /* f_k(w) = <g_k, w>, entries +1 and -1 with mean 0 */
    BSO_FAMILY_LINEAR_DRIFT,  /* with mean 0.2 */
    BSO_FAMILY_LEAST_SQUARES, /* x entries +-1/sqrt(d), w* random signs, y = <x, w*> + 0.5 clip(N(0,1), +-3),
                                 f_k(w) = (<x, w> - y)^2 / 2 */
    BSO_FAMILY_LOGISTIC, /* the same x; P(y = +1) = sigmoid(2 <x, w*>), y = +-1, f_k(w) = log(1 + exp(-2 y <x,
                            w>)) */
    BSO_FAMILIES
} bso_family;

typedef struct {
    const char *name, *title, *comparator; /* the last: what R is measured against, for captions */
    bool one;                              /* a sequence in one dimension, without chance */
    uint64_t rounds;                       /* K of the whole experiment */
} bso_family_info;

extern const bso_family_info bso_families[BSO_FAMILIES];

enum { BSO_VERTICES_D = 8 }; /* up to this d a teacher's comparator is the best of all 2^d vertices */

typedef struct {
    bso_family family;
    int d;
    uint64_t seed;
    const double *replay; /* [rounds], the caller's */
    double *sum, *x;      /* [d]: of the linear losses' gradients; the input's signs */
    double *teacher;      /* [d] */
    double *vertices;     /* [2^d] what each vertex has lost, or NULL */
    double best;          /* what the comparator has lost */
    double volume;        /* sum of absolute values behind regret, the measure of rounding */
} bso_problem;

/* Returns 0, or BSO_ERROR when memory is out. */
int bso_problem_init(bso_problem *p, bso_family family, int d, uint64_t seed);
void bso_problem_free(bso_problem *p);

/* w_1 [d]. */
void bso_problem_start(const bso_problem *p, double *w);

/* Round k = 1, 2, ... in this order: returns f_k(w), and its gradient [d]. Afterwards p->best is min over
 * fixed w of f_1 + ... + f_k: over all of them where the losses are linear or d <= BSO_VERTICES_D, else
 * (teachers) of w* alone. */
double bso_problem_round(bso_problem *p, uint64_t k, const double *w, double *gradient);

/* What w* (of a teacher) loses in rounds 1..k more than the best point of the box [-1,1]^d does, for each k
 * of `rounds` [n], ascending. The loss at the box's minimum is found by projected gradient descent, and
 * error[i] is how far below it could still be, certified by convexity. Returns 0 or BSO_ERROR, when
 * the program is asked to stop, too. */
int bso_problem_box(bso_family family, int d, uint64_t seed, const uint64_t *rounds, int n, double *gap,
                    double *error);

#endif
