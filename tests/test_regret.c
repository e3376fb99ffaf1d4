/* test_regret.c: the regret engine: rules in double precision against rounds computed by hand and against a
 * second implementation, the bounds by hand, and the bound that holds on thousands of made-up convex
 * problems.
 */
#include "tests/rules.h"

#include "core/error.h"
#include "core/regret.h"
#include "core/regret_player.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

static bso_player *player_of(const char *rule, int d)
{
    bso_player *p;
    assert_int_equal(bso_player_new(&p, rule, d), 0);
    return p;
}

static void set(bso_player *p, const char *name, double value)
{
    assert_true(bso_player_hyper(p, name) >= 0);
    bso_player_set(p, bso_player_hyper(p, name), value);
}

/* A round of a player with its bounds. */
static void round_of(bso_player *p, bso_bounds *b, double gamma, double rate, double eps,
                     const double *gradient)
{
    double before[16], last[16];
    const size_t bytes = (size_t)b->d * sizeof(double);
    set(p, "gamma", gamma);
    set(p, "one_minus_beta1", rate);
    memcpy(before, bso_player_weights(p), bytes);
    memcpy(last, bso_player_momentum(p), bytes);
    assert_int_equal(bso_player_step(p, gradient), 0);
    bso_bounds_round(b, &(bso_bound_round){.before = before,
                                           .after = bso_player_weights(p),
                                           .gradient = gradient,
                                           .momentum = bso_player_momentum(p),
                                           .last_momentum = last,
                                           .gamma = gamma,
                                           .rate = rate,
                                           .threshold = bso_player_threshold(p),
                                           .scale = sqrt(bso_player_second_moment(p) + eps)});
}

static void assert_pair(const double *x, double first, double second)
{
    assert_true(x[0] == first && x[1] == second);
}

/* ---- By hand ---- */

static void test_bso_by_hand(void **state)
{
    (void)state;
    bso_player *p = player_of("bso", 2);
    bso_bounds b;
    bso_bounds_start(&b, 2);
    assert_pair(bso_player_weights(p), 1, 1);
    round_of(p, &b, 0.25, 0.5, 0, (const double[]){1, -1});
    assert_pair(bso_player_momentum(p), 0.5, -0.5);
    assert_pair(bso_player_weights(p), -1, 1);
    round_of(p, &b, 0.25, 0.5, 0, (const double[]){1, 1});
    assert_pair(bso_player_momentum(p), 0.75, 0.25); /* w M = 0.25 is a tie: no flip */
    assert_pair(bso_player_weights(p), -1, 1);
    round_of(p, &b, 0.25, 0.5, 0, (const double[]){-3, 1});
    assert_pair(bso_player_momentum(p), -1.125, 0.625);
    assert_pair(bso_player_weights(p), 1, -1);

    assert_true(b.applies);
    assert_true(b.terms[BSO_TERM_COMPARATOR] == 1 + 1 + 1.75);
    assert_true(b.terms[BSO_TERM_FLIPPED] == 0.5 + 0 + 1.75);
    assert_true(b.terms[BSO_TERM_KEPT] == 0.25 + 0.5 + 0);
    assert_true(b.terms[BSO_TERM_MOVE] == 2 * 0.5);
    assert_true(b.terms[BSO_TERM_DRIFT] == 0);
    assert_true(b.terms[BSO_TERM_LAST] == 2 * 1.75);
    assert_true(bso_bounds_value(&b, BSO_BOUND_CORRECTED) == 11.25);
    assert_true(bso_bounds_value(&b, BSO_BOUND_PRINTED) == 2 * 0.75 + 2 * (0.5 + 0.75 + 1.125));
    assert_true(bso_bounds_value(&b, BSO_BOUND_DIMENSION) == 12.5);
    assert_true(isnan(bso_bounds_value(&b, BSO_BOUND_GRADIENT)));
    bso_player_free(p);
}

static void test_tbso_by_hand(void **state)
{
    (void)state;
    bso_player *p = player_of("tbso", 2);
    bso_bounds b;
    bso_bounds_start(&b, 2);
    set(p, "eps", 0.25);
    set(p, "one_minus_beta2", 0.25);
    round_of(p, &b, 0.5, 0.5, 0.25, (const double[]){3, 1}); /* mean square 5 */
    assert_true(bso_player_second_moment(p) == 1.25);
    assert_true(bso_player_threshold(p) == 0.5 * sqrt(1.5));
    assert_pair(bso_player_momentum(p), 1.5, 0.5);
    assert_pair(bso_player_weights(p), -1, 1); /* 0.5 is below 0.612 */
    round_of(p, &b, 0.25, 0.5, 0.25, (const double[]){1, 1});
    assert_true(bso_player_second_moment(p) == 1.1875);
    assert_pair(bso_player_momentum(p), 1.25, 0.75);
    assert_pair(bso_player_weights(p), -1, -1); /* above 0.25 sqrt(1.4375) = 0.2997 */

    assert_near(bso_bounds_value(&b, BSO_BOUND_PRINTED),
                2 * 0.75 + 2 * (1.5 / sqrt(1.5) + 1.25 / sqrt(1.4375)), 1e-14);
    assert_near(bso_bounds_value(&b, BSO_BOUND_GRADIENT), 2 * 3 * bso_bounds_value(&b, BSO_BOUND_PRINTED),
                1e-12);
    assert_near(b.terms[BSO_TERM_KEPT], 0.5 + 0.25 * sqrt(1.4375), 1e-15);
    assert_near(b.terms[BSO_TERM_FLIPPED], 1.5 + 0.75, 0);
    bso_player_free(p);
}

/* A rate that falls: the terms that move with it. a = 0, 1, 3; M stays 1. */
static void test_falling_rate(void **state)
{
    (void)state;
    bso_player *p = player_of("bso", 1);
    bso_bounds b;
    bso_bounds_start(&b, 1);
    for (int k = 0; k < 3; k++) round_of(p, &b, 10, 1.0 / (1 << k), 0, (const double[]){1});
    assert_true(b.terms[BSO_TERM_COMPARATOR] == 3 && b.terms[BSO_TERM_KEPT] == 3);
    assert_true(b.terms[BSO_TERM_FLIPPED] == 0 && b.terms[BSO_TERM_MOVE] == 0);
    assert_true(b.terms[BSO_TERM_DRIFT] == 2 * (1 + 2) && b.terms[BSO_TERM_LAST] == 2 * 3);
    bso_player_free(p);
}

static void test_schedules(void **state)
{
    (void)state;
    double gamma, rate;
    bso_regret_schedule s = {BSO_READING_A, 0.1, 3, 0};
    bso_regret_schedule_at(&s, 1, &gamma, &rate);
    assert_true(gamma == 0.1 && rate == 1);
    bso_regret_schedule_at(&s, 16, &gamma, &rate);
    assert_true(gamma == 0.1 / 4 && rate == 0.75);
    s.reading = BSO_READING_A_FOURTH;
    bso_regret_schedule_at(&s, 16, &gamma, &rate);
    assert_true(gamma == 0.1 / 2 && rate == 0.75);
    s = (bso_regret_schedule){BSO_READING_B, 0.1, 0.5, 0};
    bso_regret_schedule_at(&s, 16, &gamma, &rate);
    assert_true(gamma == 0.1 / 4 && rate == 1 - 0.5 / 4);
    s.reading = BSO_READING_C;
    bso_regret_schedule_at(&s, 16, &gamma, &rate);
    assert_true(gamma == 0.1 && rate == 0.5);
}

static void test_checkpoints(void **state)
{
    (void)state;
    uint64_t k[BSO_CHECKPOINTS_MAX];
    int n = bso_regret_checkpoints(1000, k), decade = 0;
    assert_true(k[0] == 1 && k[n - 1] == 1000);
    for (int i = 1; i < n; i++) assert_true(k[i] > k[i - 1]);
    for (int i = 0; i < n; i++) decade += k[i] > 100;
    assert_int_equal(decade, BSO_CHECKPOINTS_DECADE);
    n = bso_regret_checkpoints(7, k);
    assert_true(k[n - 1] == 7);
    n = bso_regret_checkpoints(1, k);
    assert_true(n == 1 && k[0] == 1);
    assert_true(bso_regret_checkpoints(BSO_ROUNDS_MAX, k) <= BSO_CHECKPOINTS_MAX);
}

/* ---- Alternating signs in one dimension, exactly ---- */

/* Constants under which the momentum is the gradient. */
static void test_alternating_constants(void **state)
{
    (void)state;
    bso_regret_run run;
    uint64_t k[BSO_CHECKPOINTS_MAX];
    const int n = bso_regret_checkpoints(1000, k);
    /* A flip in every round, and always too late: k is lost, the best sign loses -1 or 0. */
    bso_regret_case c = {BSO_FAMILY_ALTERNATING, 1, 1000, "bso", {BSO_READING_C, 0.25, 1, 0}};
    assert_int_equal(bso_regret_play(&c, 1, &run), 0);
    for (int i = 0; i < n; i++) {
        assert_true(run.curves[BSO_CURVE_REGRET][i] == (double)(k[i] + k[i] % 2));
        assert_true(run.curves[BSO_CURVE_FLIPS][i] == (double)k[i]);
        assert_true(run.curves[BSO_CURVE_BOUND + BSO_BOUND_PRINTED][i] == 2.5 * (double)k[i]);
        assert_true(run.curves[BSO_CURVE_BOUND + BSO_BOUND_CORRECTED][i] == 2 * (double)k[i]);
    }
    assert_true(run.bounds[BSO_BOUND_CORRECTED].violations == 0);
    assert_true(run.bounds[BSO_BOUND_CORRECTED].ratio == 1); /* in round 1 */
    assert_true(run.bounds[BSO_BOUND_PRINTED].ratio == 0.8);
    /* No flip: +1 loses 1, 0, 1, 0, ... in all. */
    c.schedule.gamma = 2;
    assert_int_equal(bso_regret_play(&c, 1, &run), 0);
    for (int i = 0; i < n; i++) assert_true(run.curves[BSO_CURVE_REGRET][i] == (double)(2 * (k[i] % 2)));
    /* The printed bound fails from the first round where thresholds and momentum are next to nothing. */
    c.schedule = (bso_regret_schedule){BSO_READING_C, 0x1p-10, 0x1p-10, 0};
    c.rounds = 1;
    assert_int_equal(bso_regret_play(&c, 1, &run), 0);
    const bso_bound_record *printed = &run.bounds[BSO_BOUND_PRINTED];
    assert_true(printed->violations == 1 && printed->first == 1 && printed->last == 1);
    assert_true(printed->ratio == 2 / (4 * 0x1p-10));
    assert_true(run.bounds[BSO_BOUND_CORRECTED].ratio == 1);
}

/* Every reading against a loop of a few lines. */
static void test_one_dimension(void **state)
{
    (void)state;
    static const bso_regret_schedule schedules[] = {{BSO_READING_A, 0.1, 1, 1e-8},
                                                    {BSO_READING_A_FOURTH, 0.1, 1, 1e-8},
                                                    {BSO_READING_B, 0.1, 0.9, 1e-8},
                                                    {BSO_READING_C, 0.01, 0.01, 1e-8}};
    enum { ROUNDS = 2500 };
    for (int trial = 0; trial < 4 * 4 * 2; trial++) {
        const bso_family family = (bso_family)(trial % 4);
        const bool tbso = trial / 16;
        const bso_regret_case c = {family, 1, ROUNDS, tbso ? "tbso" : "bso", schedules[trial / 4 % 4]};
        bso_regret_run run;
        uint64_t at[BSO_CHECKPOINTS_MAX];
        bso_regret_checkpoints(ROUNDS, at);
        assert_int_equal(bso_regret_play(&c, 1, &run), 0);
        double w = 1, m = 0, v = 0, lost = 0, sum = 0;
        int next = 0;
        for (int k = 1; k <= ROUNDS; k++) {
            double gamma, rate;
            bso_regret_schedule_at(&c.schedule, (uint64_t)k, &gamma, &rate);
            const double g = family == BSO_FAMILY_ALTERNATING        ? (k % 2 ? 1 : -1)
                             : family == BSO_FAMILY_ALTERNATING_LONG ? ((k - 1) / 500 % 2 ? -1 : 1)
                                                                     : w;
            lost += g * w;
            sum += g;
            m = (1 - rate) * m + rate * g;
            v = (1 - rate) * v + rate * (g * g);
            if (w * m > gamma * (tbso ? sqrt(v + 1e-8) : 1)) w = -w;
            if ((uint64_t)k != at[next]) continue;
            assert_true(run.curves[BSO_CURVE_REGRET][next++] == lost + fabs(sum));
        }
        assert_true(run.applies);
        assert_true(run.bounds[BSO_BOUND_CORRECTED].violations == 0);
        if (family <= BSO_FAMILY_REPLAY) assert_true(lost == ROUNDS); /* the adversary never errs */
    }
}

/* Hedge's regret on any sequence in one dimension is O(sqrt k); here 2 sqrt(k ln 2) + 2 is far from reached.
 */
static void test_hedge(void **state)
{
    (void)state;
    for (int f = 0; f <= BSO_FAMILY_ALTERNATING_LONG; f++) {
        const bso_regret_case c = {(bso_family)f, 1, 10000, "bso", {BSO_READING_A, 0.1, 1, 1e-8}};
        bso_regret_run run;
        uint64_t k[BSO_CHECKPOINTS_MAX];
        const int n = bso_regret_checkpoints(c.rounds, k);
        assert_int_equal(bso_regret_play(&c, 1, &run), 0);
        for (int i = 0; i < n; i++) {
            assert_true(run.curves[BSO_CURVE_HEDGE][i] <= 2 * sqrt((double)k[i] * log(2)) + 2);
        }
    }
}

/* ---- The bound that holds ---- */

enum { MOST_ROUNDS = 25, MOST_D = 5, TRIALS = 4000, KINDS = 5 };

typedef struct {
    int kind;
    double x[MOST_D], y;
} loss;

/* Convex losses of five kinds: linear, absolute, square, logistic, and a maximum of |w_i - y|. */
static double value_of(const loss *f, int d, const double *w, double *gradient)
{
    double h = 0, slope = 1, value;
    int worst = 0;
    for (int i = 0; i < d; i++) h += f->x[i] * w[i];
    for (int i = 1; i < d; i++) worst = fabs(w[i] - f->y) > fabs(w[worst] - f->y) ? i : worst;
    switch (f->kind) {
    case 0:
        value = h;
        break;
    case 1:
        value = fabs(h - f->y);
        slope = h > f->y ? 1 : -1;
        break;
    case 2:
        value = (h - f->y) * (h - f->y) / 2;
        slope = h - f->y;
        break;
    case 3:
        value = log1p(exp(-h));
        slope = -1 / (1 + exp(h));
        break;
    default:
        value = fabs(w[worst] - f->y);
    }
    for (int i = 0; gradient && i < d; i++) {
        gradient[i] = f->kind < 4 ? slope * f->x[i] : i != worst ? 0 : w[i] > f->y ? 1 : -1;
    }
    return value;
}

typedef struct {
    uint32_t trial;
    uint64_t used;
} draws;

static double uniform(draws *r)
{
    return bso_random_uniform(11, BSO_RANDOM_TEST, r->trial, r->used++);
}

/* A share of the new gradient: any, near 1, tiny, or of a schedule. */
static double draw_rate(draws *r, int manner, int k)
{
    switch (manner) {
    case 0:
        return 1 - uniform(r);
    case 1:
        return fmin(1, 1 / sqrt(k));
    case 2:
        return 1 - 0.9 / sqrt(k);
    case 3:
        return 0.02;
    case 4:
        return pow(10, -3 * uniform(r));
    default:
        return 1;
    }
}

static void draw_loss(draws *r, loss *f, int manner, int d, const double *w)
{
    f->kind = (int)(uniform(r) * KINDS);
    f->y = 4 * uniform(r) - 2;
    for (int i = 0; i < d; i++) f->x[i] = 4 * uniform(r) - 2;
    if (manner == 1) {
        f->kind = 0; /* against the current signs */
        for (int i = 0; i < d; i++) f->x[i] = w[i] * fabs(f->x[i]);
    } else if (manner == 2) {
        f->kind = 0; /* always the same way */
        for (int i = 0; i < d; i++) f->x[i] = 1;
    } else if (manner == 3) {
        f->kind = 0; /* rarely anything */
        for (int i = 0; i < d; i++) f->x[i] *= uniform(r) < 0.2;
    }
}

/* The largest regret over comparators of the box: vertices, and points inside. */
static double regret_of(draws *r, const loss *f, int rounds, int d, double lost)
{
    double worst = -INFINITY;
    for (int c = 0; c < (1 << d) + 8; c++) {
        double u[MOST_D], total = 0;
        for (int i = 0; i < d; i++) u[i] = c >= 1 << d ? 2 * uniform(r) - 1 : c >> i & 1 ? 1 : -1;
        for (int k = 0; k < rounds; k++) total += value_of(&f[k], d, u, NULL);
        worst = fmax(worst, lost - total);
    }
    return worst;
}

/* One made-up problem; returns for which terms (bit t) the bound is too small without them in some round. */
static unsigned play_trial(uint32_t trial, bso_player *const players[2][MOST_D + 1])
{
    draws r = {trial, 0};
    loss f[MOST_ROUNDS];
    bso_bounds b;
    const int d = 1 + (int)(uniform(&r) * MOST_D), rounds = 1 + (int)(uniform(&r) * MOST_ROUNDS);
    const int rates = (int)(uniform(&r) * 6), losses = (int)(uniform(&r) * 6);
    const bool tbso = uniform(&r) < 0.5;
    const double size = uniform(&r) < 0.3 ? 0 : pow(10, 3 * uniform(&r) - 2); /* of thresholds */
    bso_player *p = players[tbso][d];
    double start[MOST_D], lost = 0;
    unsigned needed = 0;
    for (int i = 0; i < d; i++) start[i] = uniform(&r) < 0.5 ? -1 : 1;
    bso_player_restart(p, start);
    if (tbso) set(p, "eps", 1e-8);
    bso_bounds_start(&b, d);
    for (int k = 1; k <= rounds; k++) {
        double gradient[MOST_D];
        const double rate = draw_rate(&r, rates, k), gamma = size * uniform(&r);
        draw_loss(&r, &f[k - 1], losses, d, bso_player_weights(p));
        lost += value_of(&f[k - 1], d, bso_player_weights(p), gradient);
        if (tbso) set(p, "one_minus_beta2", draw_rate(&r, 0, k));
        round_of(p, &b, gamma, rate, 1e-8, gradient);
        const double regret = regret_of(&r, f, k, d, lost);
        const double bound = bso_bounds_value(&b, BSO_BOUND_CORRECTED);
        assert_true(b.applies);
        if (!(regret <= bound + 1e-9 * (1 + bound))) {
            fail_msg("trial %u, d = %d, round %d: regret %.17g, bound %.17g", trial, d, k, regret, bound);
        }
        for (int t = 0; t < BSO_TERMS; t++) {
            if (regret > bound - b.terms[t] + 1e-6 * (1 + bound)) needed |= 1U << t;
        }
    }
    return needed;
}

/* Never violated; and no term can be left out: for each there are problems where the bound without it fails.
 */
static void test_bound_holds(void **state)
{
    (void)state;
    bso_player *players[2][MOST_D + 1];
    int needed[BSO_TERMS] = {0};
    for (int d = 1; d <= MOST_D; d++) {
        players[0][d] = player_of("bso", d);
        players[1][d] = player_of("tbso", d);
    }
    for (uint32_t trial = 0; trial < TRIALS; trial++) {
        const unsigned terms = play_trial(trial, players);
        for (int t = 0; t < BSO_TERMS; t++) needed[t] += terms >> t & 1;
    }
    for (int t = 0; t < BSO_TERMS; t++) {
        print_message("without \"%s\" the bound fails in %d of %d problems\n",
                      bso_bound_term_name((bso_bound_term)t), needed[t], TRIALS);
        assert_true(needed[t] > 0);
    }
    for (int d = 1; d <= MOST_D; d++) {
        bso_player_free(players[0][d]);
        bso_player_free(players[1][d]);
    }
}

/* On the problems of the experiment, too, with every rule; where a rule is not as assumed it is found out. */
static void test_families(void **state)
{
    (void)state;
    for (int f = 0; f < BSO_FAMILIES; f++) {
        for (int i = 0; bso_player_rule(i); i++) {
            const char *rule = bso_player_rule(i);
            const bool as_assumed = strcmp(rule, "bop2") && strcmp(rule, "bso_reset");
            const bso_regret_case c = {
                (bso_family)f, bso_families[f].one ? 1 : 8, 1000, rule, {BSO_READING_A, 0.1, 1, 1e-8}};
            bso_regret_run run;
            assert_int_equal(bso_regret_play(&c, 3, &run), 0);
            if (strcmp(rule, "bso") == 0 || strcmp(rule, "tbso") == 0) assert_true(run.applies);
            if (!as_assumed) assert_false(run.applies);
            assert_true(run.bounds[BSO_BOUND_CORRECTED].violations == 0);
        }
    }
}

/* ---- Problems ---- */

/* The regret of w* against the best vertex is never negative, and the box's minimum is not above a vertex's.
 */
static void test_box(void **state)
{
    (void)state;
    for (int f = BSO_FAMILY_LEAST_SQUARES; f <= BSO_FAMILY_LOGISTIC; f++) {
        bso_problem p;
        const uint64_t rounds[] = {5, 300};
        double gap[2], error[2], gradient[2], lost = 0;
        double x[300][2], y[300];
        assert_int_equal(bso_problem_init(&p, (bso_family)f, 2, 5), 0);
        assert_int_equal(bso_problem_box((bso_family)f, 2, 5, rounds, 2, gap, error), 0);
        for (int k = 0; k < 300; k++) {
            lost += bso_problem_round(&p, (uint64_t)k + 1, p.teacher, gradient);
            for (int i = 0; i < 2; i++) x[k][i] = p.x[i] / sqrt(2);
            const double h = x[k][0] * p.teacher[0] + x[k][1] * p.teacher[1], slope = gradient[0] / x[k][0];
            y[k] = f == BSO_FAMILY_LOGISTIC ? (slope < 0 ? 1 : -1) : h - slope;
            assert_near(gradient[1], slope * x[k][1], 1e-15);
            if (k != 4 && k != 299) continue;
            double least = INFINITY;
            for (int i = 0; i <= 400; i++) {
                for (int j = 0; j <= 400; j++) {
                    double sum = 0;
                    for (int n = 0; n <= k; n++) {
                        const double at = x[n][0] * (i / 200.0 - 1) + x[n][1] * (j / 200.0 - 1);
                        sum += f == BSO_FAMILY_LOGISTIC ? log1p(exp(-2 * y[n] * at))
                                                        : (at - y[n]) * (at - y[n]) / 2;
                    }
                    least = fmin(least, sum);
                }
            }
            const double found = lost - gap[k == 299];
            assert_true(error[k == 299] >= 0 && error[k == 299] < 1e-3);
            assert_true(found <= least + 1e-9 && found >= least - error[k == 299] - 0.01 * (k + 1) / 300);
            assert_true(lost >= p.best - 1e-12 && found <= p.best + 1e-9);
        }
        bso_problem_free(&p);
    }
}

static void test_draws(void **state)
{
    (void)state;
    double w[64], g[64], sums[2] = {0};
    for (int drift = 0; drift < 2; drift++) {
        bso_problem p;
        assert_int_equal(bso_problem_init(&p, drift ? BSO_FAMILY_LINEAR_DRIFT : BSO_FAMILY_LINEAR, 64, 1), 0);
        bso_problem_start(&p, w);
        for (int k = 1; k <= 2000; k++) {
            bso_problem_round(&p, (uint64_t)k, w, g);
            for (int i = 0; i < 64; i++) {
                assert_true(fabs(g[i]) == 1);
                sums[drift] += g[i] / 2000 / 64;
            }
        }
        bso_problem_free(&p);
    }
    assert_near(sums[0], 0, 0.012); /* 4 standard errors */
    assert_near(sums[1], 0.2, 0.012);
}

/* ---- Both copies of a rule, any number of threads ---- */

/* Whole gradients, shares of 1/2: 16 rounds are exact in floats. */
static void test_copies_agree(void **state)
{
    (void)state;
    static const char *const rules[] = {"bso", "tbso", "bop", "bso_reset"};
    enum { D = 70, ROUNDS = 16 };
    for (int r = 0; r < 4; r++) {
        const bso_optimizer *rule = find(rules[r]);
        bso_param param = make_param(BSO_REP_BITS, 1, D);
        bso_learner l;
        double base[BSO_HYPER_MAX] = {0}, w[D], g[D];
        float narrow[D];
        uint64_t flips = 0;
        defaults(rule, base);
        set_hyper(rule, base, "gamma", 0.75);
        set_hyper(rule, base, "one_minus_beta1", 0.5);
        init(&l, rule, &param, 1, base);
        bso_player *p = player_of(rules[r], D);
        for (int i = 0; i < D; i++) w[i] = bso_param_value(&param, (size_t)i);
        bso_player_restart(p, w);
        set(p, "gamma", 0.75);
        set(p, "one_minus_beta1", 0.5);
        for (int k = 0; k < ROUNDS; k++) {
            for (int i = 0; i < D; i++) {
                g[i] = (double)bso_random_below(3, BSO_RANDOM_TEST, (uint32_t)k, (uint64_t)i, 7) - 3;
                narrow[i] = (float)g[i];
            }
            update(&l, 0, narrow);
            assert_int_equal(bso_player_step(p, g), 0);
            for (int i = 0; i < D; i++) {
                assert_true(bso_player_weights(p)[i] == bso_param_value(&param, (size_t)i));
                assert_true(bso_player_momentum(p)[i] == momentum_at(&l, (size_t)i));
            }
            flips += l.flips;
        }
        assert_true(flips > D);
        bso_learner_free(&l);
        free_param(&param);
        bso_player_free(p);
    }
}

/* What a float cannot hold, the player does. */
static void test_double(void **state)
{
    (void)state;
    bso_player *p = player_of("bso", 1);
    set(p, "gamma", 1);
    set(p, "one_minus_beta1", 1);
    assert_int_equal(bso_player_step(p, (const double[]){1 + 0x1p-50}), 0);
    assert_true(bso_player_weights(p)[0] == -1);
    assert_true(bso_player_momentum(p)[0] == 1 + 0x1p-50);
    bso_player_free(p);
}

static void test_threads(void **state)
{
    (void)state;
    enum { GAMES = 8 };
    static bso_regret_run runs[2][GAMES];
    const int most = omp_get_max_threads();
    for (int way = 0; way < 2; way++) {
        omp_set_num_threads(way ? 4 : 1);
        int failed = 0;
#pragma omp parallel for schedule(dynamic) reduction(+ : failed)
        for (int i = 0; i < GAMES; i++) {
            const bso_regret_case c = {(bso_family)(BSO_FAMILY_LINEAR + i % 4),
                                       i < 4 ? 8 : 64,
                                       700,
                                       i % 2 ? "tbso" : "bso",
                                       {BSO_READING_A, 0.1, 1, 1e-8}};
            failed += bso_regret_play(&c, 2, &runs[way][i]) != 0;
        }
        assert_int_equal(failed, 0);
    }
    omp_set_num_threads(most);
    for (int i = 0; i < GAMES; i++) {
        assert_memory_equal(runs[0][i].curves, runs[1][i].curves, sizeof runs[0][i].curves);
        for (int b = 0; b < BSO_BOUNDS; b++) {
            assert_true(runs[0][i].bounds[b].violations == runs[1][i].bounds[b].violations &&
                        runs[0][i].bounds[b].ratio == runs[1][i].bounds[b].ratio);
        }
    }
}

static void test_refused(void **state)
{
    (void)state;
    bso_player *p;
    bso_regret_run run;
    assert_int_equal(bso_player_new(&p, "adam", 3), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "bso, bso_reset, tbso"));
    assert_null(p);
    assert_int_equal(bso_player_new(&p, "bso", 0), BSO_ERROR);
    const bso_regret_case c = {BSO_FAMILY_ADVERSARY, 2, 10, "bso", {BSO_READING_A, 0.1, 1, 1e-8}};
    assert_int_equal(bso_regret_play(&c, 1, &run), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "adversary"));
}

/* A round that is not what the bounds are about ends them. */
static void test_not_as_assumed(void **state)
{
    (void)state;
    const double plus[] = {1}, minus[] = {-1}, one[] = {1}, half[] = {0.5}, zero[] = {0};
    bso_bound_round good = {plus, minus, one, half, zero, 0.1, 0.5, 0.1, NAN};
    for (int wrong = 0; wrong < 5; wrong++) {
        bso_bounds b;
        bso_bound_round r = good;
        if (wrong == 1) r.after = plus;     /* a flip left out */
        if (wrong == 2) r.momentum = one;   /* another momentum */
        if (wrong == 3) r.threshold = NAN;  /* none told */
        if (wrong == 4) r.threshold = -0.1; /* the derivation needs thr >= 0 */
        bso_bounds_start(&b, 1);
        bso_bounds_round(&b, &r);
        assert_int_equal(b.applies, wrong == 0);
        assert_int_equal(isnan(bso_bounds_value(&b, BSO_BOUND_CORRECTED)), wrong != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bso_by_hand),
        cmocka_unit_test(test_tbso_by_hand),
        cmocka_unit_test(test_falling_rate),
        cmocka_unit_test(test_schedules),
        cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_alternating_constants),
        cmocka_unit_test(test_one_dimension),
        cmocka_unit_test(test_hedge),
        cmocka_unit_test(test_bound_holds),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_box),
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_copies_agree),
        cmocka_unit_test(test_double),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_not_as_assumed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
