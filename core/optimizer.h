/* optimizer.h: what an update rule is, and the parameter it works on.
 *
 * A rule is one file that defines one `const bso_optimizer bso_optimizer_NAME`; the Makefile finds it by that
 * line and puts it into the registry. It sees a parameter (shape, representation, weights) and gradients; it
 * knows nothing of layers, data or time beyond the index t.
 *
 * An update of one parameter is begin, then tile once or more, then end:
 *
 * - begin, once: scheduled hyperparameters are ready in l->hyper.
 * - tile: the gradient of weights first .. first+n-1. Tiles cover every weight exactly once. They may come
 * from several threads at once; then what a thread hands over, in ascending order, begins and ends at
 * multiples of BSO_TILE_ALIGN. Any partition gives the same bits. The framework hands tiles on in pieces that
 * stay in the nearest cache, so that a rule may go over one several times: all passes of an update read and
 * write memory once. Where the momentum is kept in codes (core/momentum.h) pieces are whole blocks of them.
 * - end, once: one-bit weights change only here.
 *
 * Numbers that are not finite end the training: bso_learner_end returns BSO_DIVERGED and says what is not
 * finite where. There is one way to report them, bso_expect_finite. The framework calls it for what it can
 * see: the gradient before tile (a bad piece never reaches the rule), the momentum and float weights after
 * tile, and second_moment(l, t) after end. A rule calls it, in tile, for what only the rule can see, such as
 * a second moment for each weight. Once reported in tile, end is dropped and no bit of that parameter
 * changes. Momentum and float weights have moved by then: the training is over.
 */
#ifndef BSO_OPTIMIZER_H
#define BSO_OPTIMIZER_H

#include "core/schedule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The type of gradients, momentum and their arithmetic: float. optimizer.c and every rule on bits are
 * compiled with -DBSO_SCALAR=double as well, for the regret experiment (core/regret_player.h). */
#ifndef BSO_SCALAR
#define BSO_SCALAR          float
#define BSO_SCALAR_IS_FLOAT 1
#endif
typedef BSO_SCALAR bso_scalar;

/* How a parameter's weights are stored. */
typedef enum {
    BSO_REP_BITS,   /* one bit a weight, nothing else */
    BSO_REP_LATENT, /* float latent weight, and its sign as a bit, which the forward pass uses */
    BSO_REP_FLOAT   /* float */
} bso_representation;

/* One trained tensor. Weights of a synapse form a matrix of `rows` (fan-in, K) x `cols` (output channels, O);
 * weight (k, o) has index k * cols + o, k running over kernel row, kernel column, input channel (the order H,
 * W, I, O). One-bit storage is the transpose, packed: bit k % 64 of word bits[o * words + k / 64], set for
 * +1; the bits from `rows` on are zero. */
typedef struct {
    char name[32]; /* "conv2.weight" */
    bso_representation representation;
    int ordinal;       /* position in the network's list, the key of its random numbers, with */
    uint64_t seed;     /* that of the training */
    int momentum_bits; /* how its rule keeps the momentum: in codes of 8 or 16 bits (core/momentum.h), else in
                          scalars */
    int rows, cols;    /* K, O; a vector has rows = 1 */
    int kernel_h, kernel_w,
        inputs;       /* rows = kernel_h * kernel_w * inputs; 1, 1, rows for a vector or a matrix */
    int words;        /* 64-bit words for each output channel */
    bool vector;      /* bias or batch norm: written as one axis, not as O,I,H,W */
    bool convolution; /* written as O,I,H,W; else, unless a vector, as O,I */
    double initial; /* a vector's initial value; a matrix's initial standard deviation, one-bit signs apart */
    bool of_batch;  /* its gradient comes as that of the whole batch, also where ranks have a shard of it */
    bool main;      /* trained by the method under test; else full precision, by SGD */
    uint64_t *bits; /* [cols][words]; NULL for BSO_REP_FLOAT */
    float *real;    /* [rows][cols]; NULL for BSO_REP_BITS */
} bso_param;

/* Number of weights. */
static inline size_t bso_param_count(const bso_param *p)
{
    return (size_t)p->rows * (size_t)p->cols;
}

/* Number of words of its bits. */
static inline size_t bso_param_words(const bso_param *p)
{
    return (size_t)p->cols * (size_t)p->words;
}

enum { BSO_MOMENTUM_BLOCK = 64 }; /* weights that share a scale */

/* Is the momentum kept in codes? Never in the copy in double precision. */
static inline bool bso_few_bits(const bso_param *p)
{
#ifdef BSO_SCALAR_IS_FLOAT
    return p->momentum_bits == 8 || p->momentum_bits == 16;
#else
    (void)p;
    return false;
#endif
}

/* Bytes of one scalar per weight as the first part of a state, up to where doubles can follow. */
static inline size_t bso_scalars_bytes(const bso_param *p)
{
    const size_t bytes = bso_param_count(p) * sizeof(bso_scalar);
    return (bytes + sizeof(double) - 1) / sizeof(double) * sizeof(double);
}

/* The weight's value in the forward pass, +1 or -1 for one-bit ones. A convenience for tests, logs and files.
 */
float bso_param_value(const bso_param *p, size_t index);

/* bits <- sign(real), sign(0) = +1. For BSO_REP_LATENT after its latent weights changed. Returns the number
 * of bits that changed. */
uint64_t bso_param_sign(bso_param *p);

enum { BSO_TILE_ALIGN = 1024, BSO_HYPER_MAX = 12 };

typedef enum {
    BSO_FOLLOWS_NOTHING, /* constant */
    BSO_FOLLOWS_FLIP,    /* the settings' `schedule`: thresholds and momentum rates of flip rules */
    BSO_FOLLOWS_LR       /* the settings' `lr_schedule`: learning rates */
} bso_follows;

typedef struct {
    const char
        *name;      /* the key in settings, sweep files and /config: gamma, one_minus_beta1, weight_lr, ... */
    double initial; /* default */
    double min, max;  /* allowed range, inclusive */
    double low, high; /* log-uniform tuning range; equal: not tuned */
    bso_follows follows;
    const char *meaning;
} bso_hyper;

typedef struct bso_learner bso_learner;

/* What can stop being finite; where several do in one update, the first in this order is reported. */
typedef enum {
    BSO_GRADIENT,
    BSO_MOMENTUM,
    BSO_SECOND_MOMENT,
    BSO_WEIGHT,
    BSO_OTHER_STATE /* anything else that a rule keeps */
} bso_quantity;

typedef struct bso_optimizer {
    const char *name, *summary, *source;
    bso_representation representation;
    const bso_hyper *hypers; /* ends with a NULL name; l->hyper has the same order */
    /* Bytes of state for a parameter when v has `time_entries` entries. Starts as zeros. Everything that
     * survives an update is in it. */
    size_t (*state_bytes)(const bso_param *p, int time_entries);
    void (*begin)(bso_learner *l); /* may be NULL */
    void (*tile)(bso_learner *l, size_t first, size_t n, const bso_scalar *gradient);
    void (*end)(bso_learner *l); /* may be NULL; sets l->flips */
    /* Views for logs, traces and the check for finite numbers; NULL where the rule has no such thing. */
    /* m[0 .. n-1] <- the momentum of weights first .. first+n-1: bso_momentum_read where the state begins
     * with it. */
    void (*momentum)(const bso_learner *l, size_t first, size_t n, bso_scalar *m);
    double (*second_moment)(const bso_learner *l, int t); /* v[t] */
    double (*threshold)(const bso_learner *l, int t);     /* what w * M is compared with */
    bool few_bits; /* keeps the momentum by core/momentum.h, so that momentum_bits can be 8 or 16 */
} bso_optimizer;

/* A rule bound to a parameter. Rules read the fields above the line and may write `flips`. */
struct bso_learner {
    const bso_optimizer *rule;
    bso_param *param;
    void *state;                 /* state_bytes, zero at the start */
    int time_entries;            /* T for real-time updates, 1 for accumulated ones */
    int t;                       /* time entry of this update, 0-based */
    uint64_t update;             /* updates begun before this one: k, 0-based, over all time entries */
    double hyper[BSO_HYPER_MAX]; /* values of this update, schedules applied */
    double *partial;             /* BSO_PARTIAL doubles for each BSO_TILE_ALIGN weights, zero at begin (see
                                    bso_sum_squares); then the framework's own */
    uint64_t flips;              /* weights whose sign changed in this update */
    uint64_t all_flips;          /* the same, of all updates so far */
    /* ---- the framework's own */
    double base[BSO_HYPER_MAX];
    bso_schedule flip_schedule, lr_schedule;
    unsigned nonfinite; /* of this update: bit q is set where a bso_quantity q was not finite */
    bool owns_partial;
    int threads; /* that may hand over pieces of a block of codes */
};

enum { BSO_PARTIAL = 4 };

/* Every registered rule, NULL at the end. Generated. */
extern const bso_optimizer *const bso_optimizers[];

/* The rule of that name, or NULL with bso_fail listing the names. */
const bso_optimizer *bso_optimizer_find(const char *name);

/* Position of a hyperparameter in rule->hypers, or -1. */
int bso_hyper_index(const bso_optimizer *rule, const char *name);

/* Bind a rule to a parameter. base[]: values in the order of rule->hypers. `partial` is scratch shared by all
 * learners of a network (they update one after the other) of bso_partial_bytes() of the largest; NULL lets
 * the learner own one. With momentum in codes, both are for the threads of a parallel loop as it is now.
 * Returns 0, or BSO_ERROR when memory is out, or the representation or momentum_bits do not match. */
int bso_learner_init(bso_learner *l, const bso_optimizer *rule, bso_param *param, int time_entries,
                     const double *base, const bso_schedule *flip_schedule, const bso_schedule *lr_schedule,
                     double *partial);
void bso_learner_free(bso_learner *l); /* the state; `partial` only where the learner owns it */
size_t bso_partial_bytes(const bso_param *param);

/* One update at time entry t (0-based). Between begin and end the gradient is handed over in tiles. */
void bso_learner_begin(bso_learner *l, int t);
void bso_learner_tile(bso_learner *l, size_t first, size_t n, const bso_scalar *gradient);
/* Returns 0, or BSO_DIVERGED naming the parameter, the update, t and what was not finite; unless that is
 * second_moment(l, t), no bit changed. */
int bso_learner_end(bso_learner *l);

/* For rules: report n numbers that must be finite, from tile (any thread), begin or end. */
void bso_expect_finite(bso_learner *l, bso_quantity quantity, const bso_scalar *x, size_t n);

/* For rules: m <- (1 - rate) m + rate g over n elements; 1 - rate is computed in double and rounded once. */
void bso_moving_average(bso_scalar *m, const bso_scalar *gradient, size_t n, double rate);

/* For rules: add the squares of a tile into l->partial, and their mean at end. Each block of BSO_TILE_ALIGN
 * weights has BSO_PARTIAL running sums (weight i goes to sum i % BSO_PARTIAL), added up in a fixed order: the
 * same bits for any tiling whose tiles come in ascending order within a block. */
void bso_sum_squares(bso_learner *l, size_t first, size_t n, const bso_scalar *gradient);
double bso_mean_square(const bso_learner *l);

/* For rules on bits: flip every weight with w * M > threshold (ties do not flip). Returns the number of
 * flips. Uses the threads of an OpenMP parallel loop. momentum: [rows][cols]. */
uint64_t bso_flip_above(bso_param *p, const bso_scalar *momentum, double threshold);

/* The same with M / (sqrt(v) + eps) in place of M. second_moment: v, [rows][cols], not negative; eps > 0. */
uint64_t bso_flip_above_scaled(bso_param *p, const bso_scalar *momentum, const bso_scalar *second_moment,
                               double eps, double threshold);

#endif
