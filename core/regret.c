/* regret.c: see regret.h. */
#include "core/regret.h"

#include "core/error.h"
#include "core/memory.h"
#include "core/regret_player.h"
#include "core/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *bso_reading_name(bso_reading reading)
{
    static const char *const names[] = {
        [BSO_READING_A] = "A", [BSO_READING_A_FOURTH] = "A4", [BSO_READING_B] = "B", [BSO_READING_C] = "C"};
    return names[reading];
}

const char *bso_reading_formula(bso_reading reading)
{
    static const char *const formulas[] = {[BSO_READING_A] = "c_k = min(1, c/sqrt k), gamma_k = gamma/sqrt k",
                                           [BSO_READING_A_FOURTH] =
                                               "c_k = min(1, c/sqrt k), gamma_k = gamma k^(-1/4)",
                                           [BSO_READING_B] = "c_k = 1 - c/sqrt k, gamma_k = gamma/sqrt k",
                                           [BSO_READING_C] = "c_k = c, gamma_k = gamma"};
    return formulas[reading];
}

void bso_regret_schedule_at(const bso_regret_schedule *s, uint64_t k, double *gamma, double *rate)
{
    const double root = sqrt((double)k);
    *gamma = s->gamma / root;
    *rate = fmin(1, s->rate / root);
    switch (s->reading) {
    case BSO_READING_A:
    case BSO_READINGS:
        break;
    case BSO_READING_A_FOURTH:
        *gamma = s->gamma / sqrt(root);
        break;
    case BSO_READING_B:
        *rate = 1 - s->rate / root;
        break;
    case BSO_READING_C:
        *gamma = s->gamma;
        *rate = s->rate;
        break;
    }
}

void bso_curve_name(int curve, char *name, size_t size)
{
    if (curve == BSO_CURVE_REGRET) {
        snprintf(name, size, "regret");
    } else if (curve < BSO_CURVE_TERM) {
        snprintf(name, size, "bound_%s", bso_bound_name((bso_bound)(curve - BSO_CURVE_BOUND)));
    } else if (curve < BSO_CURVE_FLIPS) {
        snprintf(name, size, "term_%s", bso_bound_term_name((bso_bound_term)(curve - BSO_CURVE_TERM)));
    } else {
        snprintf(name, size, "%s", curve == BSO_CURVE_FLIPS ? "flips" : "hedge");
    }
}

int bso_regret_checkpoints(uint64_t rounds, uint64_t k[BSO_CHECKPOINTS_MAX])
{
    int n = 0;
    for (int i = 0; i < BSO_CHECKPOINTS_MAX - 1; i++) {
        const uint64_t at = (uint64_t)llround(pow(10, (double)i / BSO_CHECKPOINTS_DECADE));
        if (at > rounds) break;
        if (n == 0 || at > k[n - 1]) k[n++] = at;
    }
    if (k[n - 1] < rounds) k[n++] = rounds;
    return n;
}

/* ---- Randomised Hedge on one sign (Freund and Schapire 1997), its rate sqrt(2 ln 2 / k) in round k ---- */

typedef struct {
    double sum; /* of the gradients so far: the loss of +1, minus that of -1 */
    double lost;
} hedge;

static void hedge_round(hedge *h, uint64_t k, double gradient, bool adaptive)
{
    const double mean = -tanh(sqrt(2 * log(2) / (double)k) * h->sum); /* of the sign it draws */
    if (adaptive) gradient = mean < 0 ? -1 : 1;
    h->lost += gradient * mean;
    h->sum += gradient;
}

/* ---- Playing ---- */

enum { GAMMA, RATE1, RATE2, EPS, HYPERS };

typedef struct {
    const bso_regret_case *c;
    bso_player *player;
    int hyper[HYPERS]; /* where the rule has them */
    bso_problem problem;
    double *gradient, *before, *last; /* [d]: w_k, M_{k-1} */
    double *replay;                   /* [rounds], or NULL */
    double lost;
    uint64_t flips;
    hedge hedge;
} game;

static void game_free(game *g)
{
    bso_player_free(g->player);
    bso_problem_free(&g->problem);
    bso_free(g->gradient);
    bso_free(g->replay);
}

static int game_init(game *g, const bso_regret_case *c, uint64_t seed)
{
    static const char *const names[HYPERS] = {"gamma", "one_minus_beta1", "one_minus_beta2", "eps"};
    const size_t d = (size_t)c->d;
    *g = (game){.c = c};
    if (c->rounds < 1 || c->rounds > BSO_ROUNDS_MAX || c->d < 1 ||
        (bso_families[c->family].one && c->d != 1)) {
        return bso_fail("regret: %s with d = %d and %llu rounds: d = 1 unless the family is random, 1 to %d "
                        "rounds",
                        bso_families[c->family].name, c->d, (unsigned long long)c->rounds, BSO_ROUNDS_MAX);
    }
    if (bso_player_new(&g->player, c->rule, c->d)) return BSO_ERROR;
    if (bso_problem_init(&g->problem, c->family, c->d, seed)) return BSO_ERROR;
    g->gradient = bso_alloc(BSO_MEM_WORKSPACE, 3 * d, sizeof *g->gradient, "a regret game");
    if (!g->gradient) return BSO_ERROR;
    g->before = g->gradient + d;
    g->last = g->before + d;
    for (int h = 0; h < HYPERS; h++) g->hyper[h] = bso_player_hyper(g->player, names[h]);
    bso_player_set(g->player, g->hyper[EPS], c->schedule.eps);
    bso_problem_start(&g->problem, g->before);
    bso_player_restart(g->player, g->before);
    return 0;
}

/* One round up to the flips; before and last are filled for the bounds. */
static int game_round(game *g, uint64_t k, double *gamma, double *rate)
{
    const size_t bytes = (size_t)g->c->d * sizeof *g->before;
    const double *momentum = bso_player_momentum(g->player);
    if (bso_stop_requested) return bso_fail("regret: stopped");
    bso_regret_schedule_at(&g->c->schedule, k, gamma, rate);
    bso_player_set(g->player, g->hyper[GAMMA], *gamma);
    bso_player_set(g->player, g->hyper[RATE1], *rate);
    bso_player_set(g->player, g->hyper[RATE2], *rate);
    memcpy(g->before, bso_player_weights(g->player), bytes);
    if (momentum) memcpy(g->last, momentum, bytes);
    g->lost += bso_problem_round(&g->problem, k, g->before, g->gradient);
    return bso_player_step(g->player, g->gradient);
}

/* The sequence that the adversary gives the same rule with the same schedule. */
static int record_replay(game *g)
{
    bso_regret_case c = *g->c;
    c.family = BSO_FAMILY_ADVERSARY;
    game first;
    g->replay = bso_alloc(BSO_MEM_WORKSPACE, c.rounds, sizeof *g->replay, "a sequence to replay");
    if (!g->replay) return BSO_ERROR;
    int status = game_init(&first, &c, g->problem.seed);
    for (uint64_t k = 1; !status && k <= c.rounds; k++) {
        double gamma, rate;
        status = game_round(&first, k, &gamma, &rate);
        g->replay[k - 1] = first.gradient[0];
    }
    game_free(&first);
    g->problem.replay = g->replay;
    return status;
}

static int game_start(game *g, const bso_regret_case *c, uint64_t seed)
{
    if (game_init(g, c, seed)) return BSO_ERROR;
    return c->family == BSO_FAMILY_REPLAY ? record_replay(g) : 0;
}

static void look_at_bounds(game *g, bso_bounds *bounds, double gamma, double rate)
{
    const double *momentum = bso_player_momentum(g->player);
    if (!momentum || g->hyper[GAMMA] < 0 || g->hyper[RATE1] < 0) {
        bounds->applies = false;
        return;
    }
    const bso_bound_round round = {
        .before = g->before,
        .after = bso_player_weights(g->player),
        .gradient = g->gradient,
        .momentum = momentum,
        .last_momentum = g->last,
        .gamma = gamma,
        .rate = rate,
        .threshold = bso_player_threshold(g->player),
        .scale = sqrt(bso_player_second_moment(g->player) + g->c->schedule.eps),
    };
    bso_bounds_round(bounds, &round);
}

static void keep_curves(const game *g, const bso_bounds *bounds, const double value[BSO_BOUNDS],
                        double regret, int at, bso_regret_run *run)
{
    run->curves[BSO_CURVE_REGRET][at] = regret;
    for (int b = 0; b < BSO_BOUNDS; b++) run->curves[BSO_CURVE_BOUND + b][at] = value[b];
    for (int t = 0; t < BSO_TERMS; t++) {
        run->curves[BSO_CURVE_TERM + t][at] = bounds->applies ? bounds->terms[t] : NAN;
    }
    run->curves[BSO_CURVE_FLIPS][at] = (double)g->flips;
    run->curves[BSO_CURVE_HEDGE][at] =
        bso_families[g->c->family].one ? g->hedge.lost + fabs(g->hedge.sum) : NAN;
}

static void count_flips(game *g)
{
    const double *after = bso_player_weights(g->player);
    for (int i = 0; i < g->c->d; i++) g->flips += after[i] != g->before[i];
}

static int play(game *g, const uint64_t *checkpoints, bso_regret_run *run)
{
    bso_bounds bounds;
    int at = 0;
    bso_bounds_start(&bounds, g->c->d);
    for (uint64_t k = 1; k <= g->c->rounds; k++) {
        double gamma, rate, value[BSO_BOUNDS];
        int status = game_round(g, k, &gamma, &rate);
        if (status) return status;
        look_at_bounds(g, &bounds, gamma, rate);
        count_flips(g);
        if (bso_families[g->c->family].one) {
            hedge_round(&g->hedge, k, g->gradient[0], g->c->family == BSO_FAMILY_ADVERSARY);
        }
        /* Rounding errors of sums grow with what is added up: generous for K up to 10^5 and more. */
        const double regret = g->lost - g->problem.best;
        for (int b = 0; b < BSO_BOUNDS; b++) {
            value[b] = bso_bounds_value(&bounds, (bso_bound)b);
            bso_bound_check(&run->bounds[b], k, regret, value[b],
                            1e-12 * (g->problem.volume + fabs(value[b])));
        }
        if (k == checkpoints[at]) keep_curves(g, &bounds, value, regret, at++, run);
    }
    run->applies = bounds.applies;
    return 0;
}

int bso_regret_play(const bso_regret_case *c, uint64_t seed, bso_regret_run *run)
{
    uint64_t checkpoints[BSO_CHECKPOINTS_MAX];
    game g;
    memset(run, 0, sizeof *run);
    int status = game_start(&g, c, seed);
    if (!status) {
        bso_regret_checkpoints(c->rounds, checkpoints);
        status = play(&g, checkpoints, run);
    }
    game_free(&g);
    return status;
}

int bso_regret_final(const bso_regret_case *c, uint64_t seed, double *regret)
{
    game g;
    int status = game_start(&g, c, seed);
    for (uint64_t k = 1; !status && k <= c->rounds; k++) {
        double gamma, rate;
        status = game_round(&g, k, &gamma, &rate);
    }
    *regret = g.lost - g.problem.best;
    game_free(&g);
    return status;
}
