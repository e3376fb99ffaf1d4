/* regret_problem.c: see regret_problem.h. The box's minimum is in regret_box.c. */
#include "core/regret_problem.h"

#include "core/memory.h"
#include "core/random.h"
#include "core/regret_teacher.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { ROUNDS_ONE = 10000, ROUNDS = 100000, LONG_HALF = 500 };

const bso_family_info bso_families[BSO_FAMILIES] = {
    [BSO_FAMILY_ADVERSARY] = {"adversary", "adaptive adversary, f_k(w) = w_k w", "best fixed sign", true,
                              ROUNDS_ONE},
    [BSO_FAMILY_REPLAY] = {"replay", "the adversary's sequence, fixed beforehand", "best fixed sign", true,
                           ROUNDS_ONE},
    [BSO_FAMILY_ALTERNATING] = {"alternating", "alternating signs, period 2", "best fixed sign", true,
                                ROUNDS_ONE},
    [BSO_FAMILY_ALTERNATING_LONG] = {"alternating_long", "alternating signs, period 1000", "best fixed sign",
                                     true, ROUNDS_ONE},
    [BSO_FAMILY_LINEAR] = {"linear", "stochastic linear, mean 0", "best fixed signs", false, ROUNDS},
    [BSO_FAMILY_LINEAR_DRIFT] = {"linear_drift", "stochastic linear, mean 0.2", "best fixed signs", false,
                                 ROUNDS},
    [BSO_FAMILY_LEAST_SQUARES] = {"least_squares", "planted teacher, least squares",
                                  "best vertex for d = 8, else the teacher", false, ROUNDS},
    [BSO_FAMILY_LOGISTIC] = {"logistic", "planted teacher, logistic",
                             "best vertex for d = 8, else the teacher", false, ROUNDS},
};

int bso_problem_init(bso_problem *p, bso_family family, int d, uint64_t seed)
{
    const size_t n = (size_t)d;
    *p = (bso_problem){.family = family, .d = d, .seed = seed};
    p->sum = bso_alloc(BSO_MEM_WORKSPACE, n, sizeof *p->sum, "a regret problem");
    p->x = bso_alloc(BSO_MEM_WORKSPACE, n, sizeof *p->x, "a regret problem");
    p->teacher = bso_alloc(BSO_MEM_WORKSPACE, n, sizeof *p->teacher, "a regret problem");
    const bool teacher = family == BSO_FAMILY_LEAST_SQUARES || family == BSO_FAMILY_LOGISTIC;
    const bool vertices = teacher && d <= BSO_VERTICES_D;
    if (vertices) {
        p->vertices =
            bso_alloc(BSO_MEM_WORKSPACE, (size_t)1 << d, sizeof *p->vertices, "a regret problem's vertices");
    }
    if (!p->sum || !p->x || !p->teacher || (vertices && !p->vertices)) {
        bso_problem_free(p);
        return -1;
    }
    bso_regret_signs(seed, family, d, BSO_DRAW_TEACHER, 0, 0.5, p->teacher);
    return 0;
}

void bso_problem_free(bso_problem *p)
{
    bso_free(p->sum);
    bso_free(p->x);
    bso_free(p->teacher);
    bso_free(p->vertices);
    *p = (bso_problem){0};
}

void bso_problem_start(const bso_problem *p, double *w)
{
    if (bso_families[p->family].one) {
        for (int i = 0; i < p->d; i++) w[i] = 1;
    } else {
        bso_regret_signs(p->seed, p->family, p->d, BSO_DRAW_START, 0, 0.5, w);
    }
}

/* ---- Random numbers ---- */

void bso_regret_signs(uint64_t seed, bso_family family, int d, bso_draw what, uint64_t k, double plus,
                      double *signs)
{
    const uint32_t stream = (uint32_t)what | (uint32_t)family << 4 | (uint32_t)d << 8;
    const uint32_t limit = (uint32_t)(plus * 0x1p32);
    const int each = plus == 0.5 ? 32 : 1; /* signs from a word: fair ones take a bit */
    for (int i = 0; i < d; i += 4 * each) {
        const bso_random4 r =
            bso_random(seed, BSO_RANDOM_REGRET, stream, k << 16 | (uint64_t)(i / (4 * each)));
        for (int word = 0; word < 4; word++) {
            const uint32_t bits = r.word[word];
            double *out = signs + i + word * each;
            const int left = d - i - word * each, n = left < each ? left : each;
            for (int j = 0; j < n; j++) {
                out[j] = 2 * (double)(int)(each == 32 ? bits >> j & 1 : bits < limit) - 1;
            }
        }
    }
}

/* ---- Teachers ---- */

double bso_teacher_loss(bso_family family, double h, double y)
{
    if (family == BSO_FAMILY_LEAST_SQUARES) return (h - y) * (h - y) / 2;
    const double z = -2 * y * h; /* log(1 + exp(z)) without overflow */
    return (z > 0 ? z : 0) + log1p(exp(-fabs(z)));
}

double bso_teacher_slope(bso_family family, double h, double y)
{
    if (family == BSO_FAMILY_LEAST_SQUARES) return h - y;
    return -2 * y / (1 + exp(2 * y * h));
}

double bso_teacher_label(bso_family family, int d, uint64_t seed, uint64_t k, double h)
{
    const uint32_t stream = BSO_DRAW_NOISE | (uint32_t)family << 4 | (uint32_t)d << 8;
    if (family == BSO_FAMILY_LOGISTIC) {
        return bso_random_uniform(seed, BSO_RANDOM_REGRET, stream, k) < 1 / (1 + exp(-2 * h)) ? 1 : -1;
    }
    const double noise = bso_random_normal(seed, BSO_RANDOM_REGRET, stream, k);
    return h + 0.5 * fmax(-3, fmin(3, noise));
}

double bso_signs_product(const double *a, const double *b, int d)
{
    double sums[4] = {0}; /* whole numbers: exact in any order */
    int i = 0;
    for (; i + 4 <= d; i += 4) {
        for (int j = 0; j < 4; j++) sums[j] += a[i + j] * b[i + j];
    }
    for (; i < d; i++) sums[0] += a[i] * b[i];
    return sums[0] + sums[1] + sums[2] + sums[3];
}

/* Every vertex loses what belongs to its number of agreements with x. Returns the least lost so far. */
static double lose_at_vertices(bso_problem *p, double y)
{
    double loss[BSO_VERTICES_D + 1], least = INFINITY;
    unsigned signs = 0;
    for (int i = 0; i < p->d; i++) signs |= p->x[i] > 0 ? 1U << i : 0;
    for (int differing = 0; differing <= p->d; differing++) {
        loss[differing] = bso_teacher_loss(p->family, (p->d - 2 * differing) / sqrt(p->d), y);
    }
    for (unsigned v = 0; v < 1U << p->d; v++) {
        const double lost = p->vertices[v] += loss[__builtin_popcount(v ^ signs)];
        least = lost < least ? lost : least;
    }
    return least;
}

static double teacher_round(bso_problem *p, uint64_t k, const double *w, double *gradient)
{
    const double unit = 1 / sqrt(p->d);
    bso_regret_signs(p->seed, p->family, p->d, BSO_DRAW_DATA, k, 0.5, p->x);
    const double h_teacher = bso_signs_product(p->x, p->teacher, p->d) * unit;
    const double h = bso_signs_product(p->x, w, p->d) * unit;
    const double y = bso_teacher_label(p->family, p->d, p->seed, k, h_teacher);
    const double slope = bso_teacher_slope(p->family, h, y) * unit;
    for (int i = 0; i < p->d; i++) gradient[i] = slope * p->x[i];
    const double lost = bso_teacher_loss(p->family, h, y);
    const double comparator = bso_teacher_loss(p->family, h_teacher, y);
    p->volume += lost + comparator;
    p->best = p->vertices ? lose_at_vertices(p, y) : p->best + comparator;
    return lost;
}

/* ---- Linear losses ---- */

static void linear_gradient(bso_problem *p, uint64_t k, const double *w, double *gradient)
{
    switch (p->family) {
    case BSO_FAMILY_ADVERSARY:
        gradient[0] = w[0];
        return;
    case BSO_FAMILY_REPLAY:
        gradient[0] = p->replay[k - 1];
        return;
    case BSO_FAMILY_ALTERNATING:
        gradient[0] = k % 2 ? 1 : -1;
        return;
    case BSO_FAMILY_ALTERNATING_LONG:
        gradient[0] = (k - 1) / LONG_HALF % 2 ? -1 : 1;
        return;
    default:
        bso_regret_signs(p->seed, p->family, p->d, BSO_DRAW_DATA, k,
                         p->family == BSO_FAMILY_LINEAR_DRIFT ? 0.6 : 0.5, gradient);
    }
}

static double linear_round(bso_problem *p, uint64_t k, const double *w, double *gradient)
{
    double best[4] = {0}; /* whole numbers, too */
    linear_gradient(p, k, w, gradient);
    for (int i = 0; i < p->d; i++) p->sum[i] += gradient[i];
    for (int i = 0; i < p->d; i++) best[i % 4] += fabs(p->sum[i]);
    p->best = -(best[0] + best[1] + best[2] + best[3]);
    p->volume += p->d;
    return bso_signs_product(gradient, w, p->d);
}

double bso_problem_round(bso_problem *p, uint64_t k, const double *w, double *gradient)
{
    switch (p->family) {
    case BSO_FAMILY_LEAST_SQUARES:
    case BSO_FAMILY_LOGISTIC:
        return teacher_round(p, k, w, gradient);
    default:
        return linear_round(p, k, w, gradient);
    }
}
