/* regret_box.c: the least that fixed weights in the box [-1,1]^d could have lost on a planted teacher's
 * rounds. See bso_problem_box in regret_problem.h.
 *
 * Inputs are signs, so a round's input is d bits. Products with all inputs go through tables: what each byte
 * of an input contributes is looked up, not added up (Arlazarov et al. 1970); the way back, sums over rounds,
 * first adds up by byte.
 */
#include "core/error.h"
#include "core/memory.h"
#include "core/regret_teacher.h"
#include "core/trainer.h"

#include <math.h>
#include <string.h>

enum { BYTE = 256, ITERATIONS = 500 };

typedef struct {
    bso_family family;
    int d, bytes;                        /* bytes of an input */
    uint64_t rounds;                     /* in use */
    uint8_t *x;                          /* [rounds][bytes], bit i % 8 of byte i / 8: sign of entry i */
    double *y, *slope;                   /* [rounds] */
    double *table;                       /* [bytes][256] */
    double *w, *best, *ahead, *gradient; /* [d] */
} box;

static void box_free(box *b)
{
    bso_free(b->x);
    bso_free(b->y);
    bso_free(b->slope);
    bso_free(b->table);
    bso_free(b->w);
}

static int box_init(box *b, bso_family family, int d, uint64_t seed, uint64_t rounds)
{
    const size_t n = (size_t)d, bytes = (n + 7) / 8;
    const char *what = "a box's minimum";
    *b = (box){.family = family, .d = d, .bytes = (int)bytes};
    b->x = bso_alloc(BSO_MEM_WORKSPACE, rounds, bytes, what);
    b->y = bso_alloc(BSO_MEM_WORKSPACE, rounds, sizeof *b->y, what);
    b->slope = bso_alloc(BSO_MEM_WORKSPACE, rounds, sizeof *b->slope, what);
    b->table = bso_alloc(BSO_MEM_WORKSPACE, bytes * BYTE, sizeof *b->table, what);
    b->w = bso_alloc(BSO_MEM_WORKSPACE, 4 * n, sizeof *b->w, what);
    if (!b->x || !b->y || !b->slope || !b->table || !b->w) return -1;
    b->best = b->w + n;
    b->ahead = b->best + n;
    b->gradient = b->ahead + n;
    bso_regret_signs(seed, family, d, BSO_DRAW_TEACHER, 0, 0.5, b->best);
    for (uint64_t k = 0; k < rounds; k++) {
        bso_regret_signs(seed, family, d, BSO_DRAW_DATA, k + 1, 0.5, b->w);
        for (size_t i = 0; i < n; i++) b->x[k * bytes + i / 8] |= (uint8_t)((b->w[i] > 0) << i % 8);
        b->y[k] = bso_teacher_label(family, d, seed, k + 1, bso_signs_product(b->w, b->best, d) / sqrt(d));
    }
    return 0;
}

/* Loss of the rounds in use at w, and its gradient. */
static double loss_at(box *b, const double *w)
{
    const size_t bytes = (size_t)b->bytes;
    const double unit = 1 / sqrt(b->d);
    double loss = 0;
    memset(b->table, 0, bytes * BYTE * sizeof *b->table);
    for (int i = 0; i < b->d; i++) {
        double *t = b->table + (size_t)(i / 8) * BYTE;
        for (int v = 0; v < BYTE; v++) t[v] += v >> i % 8 & 1 ? w[i] : -w[i];
    }
    for (uint64_t k = 0; k < b->rounds; k++) {
        double h = 0;
        for (size_t j = 0; j < bytes; j++) h += b->table[j * BYTE + b->x[k * bytes + j]];
        h *= unit;
        b->slope[k] = bso_teacher_slope(b->family, h, b->y[k]) * unit;
        loss += bso_teacher_loss(b->family, h, b->y[k]);
    }
    memset(b->table, 0, bytes * BYTE * sizeof *b->table);
    for (uint64_t k = 0; k < b->rounds; k++) {
        for (size_t j = 0; j < bytes; j++) b->table[j * BYTE + b->x[k * bytes + j]] += b->slope[k];
    }
    for (int i = 0; i < b->d; i++) {
        const double *t = b->table + (size_t)(i / 8) * BYTE;
        b->gradient[i] = 0;
        for (int v = 0; v < BYTE; v++) b->gradient[i] += v >> i % 8 & 1 ? t[v] : -t[v];
    }
    return loss;
}

/* No point u of the box loses less than this: f(u) >= f(w) + <f'(w), u - w> for convex f. */
static double lower_bound(const box *b, const double *w, double loss)
{
    double slack = 0;
    for (int i = 0; i < b->d; i++) slack += b->gradient[i] * w[i] + fabs(b->gradient[i]);
    return loss - slack;
}

/* Accelerated projected gradient descent (Beck and Teboulle 2009) from the point b->best on, begun anew where
 * the loss rises (O'Donoghue and Candes 2015). Returns the least loss found; *error: how far it may be from
 * the least there is. */
static double descend(box *b, double *error)
{
    /* Independent inputs curve by rounds / d; doubled where a step lowers the loss less than that promises.
     */
    double curvature = (double)b->rounds / b->d, momentum = 1, loss = loss_at(b, b->best), least = loss;
    double lowest = lower_bound(b, b->best, loss);
    memcpy(b->ahead, b->best, (size_t)b->d * sizeof *b->ahead);
    for (int i = 0; i < ITERATIONS && least - lowest > 1e-7 * least && !bso_stop_requested; i++) {
        double promised = loss_at(b, b->ahead), distance = 0;
        for (int j = 0; j < b->d; j++) {
            b->w[j] = fmax(-1, fmin(1, b->ahead[j] - b->gradient[j] / curvature));
            const double step = b->w[j] - b->ahead[j];
            promised += b->gradient[j] * step;
            distance += step * step;
        }
        const double found = loss_at(b, b->w);
        lowest = fmax(lowest, lower_bound(b, b->w, found));
        least = fmin(least, found);
        if (found > promised + curvature / 2 * distance + 1e-12 * found) {
            curvature *= 2;
            continue;
        }
        const double next = found > loss ? 1 : (1 + sqrt(1 + 4 * momentum * momentum)) / 2;
        const double push = found > loss ? 0 : (momentum - 1) / next;
        for (int j = 0; j < b->d; j++) {
            b->ahead[j] = b->w[j] + push * (b->w[j] - b->best[j]);
            b->best[j] = b->w[j];
        }
        momentum = next;
        loss = found;
    }
    *error = least - lowest;
    return least;
}

int bso_problem_box(bso_family family, int d, uint64_t seed, const uint64_t *rounds, int n, double *gap,
                    double *error)
{
    box b;
    int status = box_init(&b, family, d, seed, rounds[n - 1]);
    for (int i = 0; !status && i < n; i++) {
        b.rounds = rounds[i];
        bso_regret_signs(seed, family, d, BSO_DRAW_TEACHER, 0, 0.5, b.best);
        const double at_teacher = loss_at(&b, b.best);
        gap[i] = at_teacher - descend(&b, &error[i]);
        if (bso_stop_requested) status = bso_fail("regret: stopped");
    }
    box_free(&b);
    return status;
}
