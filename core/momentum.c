/* momentum.c: see momentum.h; and the walk over packed weights that flips them, for momenta in scalars as
 * well.
 *
 * Nothing here depends on the number of threads: flips are decided weight by weight, and a block of codes is
 * written by one thread.
 */
#include "core/momentum.h"

#include "core/random.h"
#include "core/scalars.h"

#include <assert.h>
#include <string.h>
#include <tgmath.h>

static size_t at_most(size_t n, size_t limit)
{
    return n < limit ? n : limit;
}

/* ---- Codes ---- */

/* In codes the state begins with a scale for each block; the codes follow. */

static size_t blocks_of(const bso_param *p)
{
    return (bso_param_count(p) + BSO_MOMENTUM_BLOCK - 1) / BSO_MOMENTUM_BLOCK;
}

size_t bso_momentum_bytes(const bso_param *p)
{
    if (!bso_few_bits(p)) return bso_scalars_bytes(p);
    const size_t bytes = blocks_of(p) * sizeof(float) + bso_param_count(p) * (size_t)p->momentum_bits / 8;
    return (bytes + sizeof(double) - 1) / sizeof(double) * sizeof(double);
}

#ifdef BSO_SCALAR_IS_FLOAT

static float *scales_of(const bso_learner *l)
{
    return l->state;
}

static void *codes_of(const bso_learner *l, size_t first)
{
    char *codes = (char *)l->state + blocks_of(l->param) * sizeof(float);
    return codes + first * (size_t)l->param->momentum_bits / 8;
}

static void read_codes(const bso_learner *l, size_t first, size_t n, float *m)
{
    while (n) {
        const size_t block = first / BSO_MOMENTUM_BLOCK;
        const size_t piece = at_most(n, (block + 1) * BSO_MOMENTUM_BLOCK - first);
        bso_kernel->codes_read(m, codes_of(l, first), l->param->momentum_bits, scales_of(l)[block], piece);
        first += piece, n -= piece, m += piece;
    }
}

/* Whole blocks, as bso_learner_tile sees to. */
static void update_codes(bso_learner *l, size_t first, size_t n, const float *g, float keep, float take)
{
    const bso_param *p = l->param;
    const uint64_t counters = (bso_param_count(p) + 3) / 4;
    assert(first % BSO_MOMENTUM_BLOCK == 0);
    for (size_t i = 0; i < n; i += BSO_MOMENTUM_BLOCK) {
        float m[BSO_MOMENTUM_BLOCK];
        uint32_t words[BSO_MOMENTUM_BLOCK];
        const size_t at = first + i, piece = at_most(n - i, BSO_MOMENTUM_BLOCK);
        float *scale = &scales_of(l)[at / BSO_MOMENTUM_BLOCK];
        void *codes = codes_of(l, at);
        bso_kernel->codes_read(m, codes, p->momentum_bits, *scale, piece);
        bso_kernel->moving_average(m, g + i, piece, keep, take);
        bso_random_words(words, piece, p->seed, BSO_RANDOM_MOMENTUM, (uint32_t)p->ordinal,
                         l->update * counters + at / 4);
        *scale = bso_kernel->codes_write(codes, p->momentum_bits, m, words, piece);
    }
}

static void clear_code(bso_learner *l, size_t index)
{
    memset(codes_of(l, index), 0, (size_t)l->param->momentum_bits / 8);
}

#else

/* Never called: momentum in double precision is in scalars (bso_few_bits). */
static void read_codes(const bso_learner *l, size_t first, size_t n, bso_scalar *m)
{
    (void)l, (void)first, (void)n, (void)m;
}

static void update_codes(bso_learner *l, size_t first, size_t n, const bso_scalar *g, bso_scalar keep,
                         bso_scalar take)
{
    (void)l, (void)first, (void)n, (void)g, (void)keep, (void)take;
}

static void clear_code(bso_learner *l, size_t index)
{
    (void)l, (void)index;
}

#endif

void bso_momentum_update(bso_learner *l, size_t first, size_t n, const bso_scalar *gradient, double rate)
{
    const bso_scalar keep = (bso_scalar)(1 - rate), take = (bso_scalar)rate;
    if (bso_few_bits(l->param)) {
        update_codes(l, first, n, gradient, keep, take);
    } else {
        scalars_moving_average((bso_scalar *)l->state + first, gradient, n, keep, take);
    }
}

void bso_momentum_read(const bso_learner *l, size_t first, size_t n, bso_scalar *m)
{
    if (bso_few_bits(l->param)) {
        read_codes(l, first, n, m);
    } else {
        memcpy(m, (const bso_scalar *)l->state + first, n * sizeof *m);
    }
}

/* ---- Flips ---- */

/* Weights are walked in strips of STRIP columns by HALF rows, the masks of which stay in L1 and have the
 * width of a float, which is what makes the inner loops vectors; FEW rows at a time where they have to be
 * made first.
 */
enum { STRIP = 256, HALF = 32, FEW = 4 };

/* A piece of a [rows][cols] matrix: `rows` rows from row `k` on, `width` columns from column `o` on. */
typedef struct {
    size_t k, rows, o, width, cols;
} piece;

/* What w * M is compared with, and what M is: */
typedef struct {
    const bso_learner *codes;        /* the learner's momentum in codes, or */
    const bso_scalar *momentum;      /* scalars, or */
    const bso_scalar *second_moment; /* with v, M / (sqrt(v) + eps) */
    bso_scalar eps, limit;
    bso_learner *reset_codes; /* where flips set M to 0: one of these */
    bso_scalar *reset;
} flip_test;

static bool is_made(const flip_test *test)
{
    return test->codes || test->second_moment;
}

/* made: [n], M of weights `first` .. */
static void make_row(const flip_test *test, size_t first, size_t n, bso_scalar *made)
{
    if (test->codes) {
        read_codes(test->codes, first, n, made);
        return;
    }
    const bso_scalar *m = test->momentum + first, *v = test->second_moment + first;
    for (size_t i = 0; i < n; i++) made[i] = m[i] / (sqrt(v[i]) + test->eps);
}

/* above[o] bit k <- M[k][o] > limit, below[o] bit k <- M[k][o] < -limit, positions counted within the piece.
 */
static void pack_beyond(uint32_t *above, uint32_t *below, const flip_test *test, piece at)
{
    memset(above, 0, at.width * sizeof *above);
    memset(below, 0, at.width * sizeof *below);
    if (!is_made(test)) {
        scalars_beyond(above, below, test->momentum + at.k * at.cols + at.o, at.cols, (int)at.rows, at.width,
                       0, test->limit);
        return;
    }
    for (size_t k = 0; k < at.rows; k += FEW) {
        bso_scalar made[FEW][STRIP];
        const size_t rows = at_most(at.rows - k, FEW);
        for (size_t i = 0; i < rows; i++) make_row(test, (at.k + k + i) * at.cols + at.o, at.width, made[i]);
        scalars_beyond(above, below, made[0], STRIP, (int)rows, at.width, (int)k, test->limit);
    }
}

/* The largest scalar not above x: m > x exactly where m > that, for every scalar m. */
static bso_scalar round_down(double x)
{
    const bso_scalar nearest = (bso_scalar)x;
    return (double)nearest > x ? nextafter(nearest, (bso_scalar)-INFINITY) : nearest;
}

/* M[k0 + k][o] <- 0 for each bit k of `flip`. */
static void clear_flipped(const flip_test *test, uint64_t flip, size_t k0, size_t o, size_t cols)
{
    for (; flip; flip &= flip - 1) {
        const size_t index = (k0 + (size_t)__builtin_ctzll(flip)) * cols + o;
        if (test->reset) test->reset[index] = 0;
        if (test->reset_codes) clear_code(test->reset_codes, index);
    }
}

static uint64_t flip_where(bso_param *p, const flip_test *test)
{
    const size_t rows = (size_t)p->rows, cols = (size_t)p->cols, words = (size_t)p->words;
    uint64_t flips = 0;
    /* A thread owns whole words, word k / 64 of every output channel, and the momentum behind them. */
#pragma omp parallel for schedule(static) reduction(+ : flips)
    for (size_t word = 0; word < (rows + 63) / 64; word++) {
        uint32_t above[2][STRIP], below[2][STRIP];
        const size_t k = word * 64, low = at_most(rows - k, HALF), high = at_most(rows - k - low, HALF);
        for (size_t o = 0; o < cols; o += STRIP) {
            const size_t width = at_most(cols - o, STRIP);
            pack_beyond(above[0], below[0], test, (piece){k, low, o, width, cols});
            pack_beyond(above[1], below[1], test, (piece){k + low, high, o, width, cols});
            for (size_t i = 0; i < width; i++) {
                uint64_t *w = p->bits + (o + i) * words + word;
                const uint64_t a = above[0][i] | (uint64_t)above[1][i] << HALF;
                const uint64_t b = below[0][i] | (uint64_t)below[1][i] << HALF;
                const uint64_t flip = (*w & a) | (~*w & b);
                flips += (uint64_t)__builtin_popcountll(flip);
                *w ^= flip;
                clear_flipped(test, flip, k, o + i, cols);
            }
        }
    }
    return flips;
}

uint64_t bso_momentum_flip(bso_learner *l, double threshold)
{
    if (!bso_few_bits(l->param)) return bso_flip_above(l->param, l->state, threshold);
    return flip_where(l->param, &(flip_test){.codes = l, .limit = round_down(threshold)});
}

uint64_t bso_momentum_flip_and_reset(bso_learner *l, double threshold)
{
    flip_test test = {.limit = round_down(threshold)};
    if (bso_few_bits(l->param)) {
        test.codes = test.reset_codes = l;
    } else {
        test.momentum = test.reset = l->state;
    }
    return flip_where(l->param, &test);
}

uint64_t bso_flip_above(bso_param *p, const bso_scalar *momentum, double threshold)
{
    return flip_where(p, &(flip_test){.momentum = momentum, .limit = round_down(threshold)});
}

uint64_t bso_flip_above_scaled(bso_param *p, const bso_scalar *momentum, const bso_scalar *second_moment,
                               double eps, double threshold)
{
    return flip_where(p, &(flip_test){.momentum = momentum,
                                      .second_moment = second_moment,
                                      .eps = (bso_scalar)eps,
                                      .limit = round_down(threshold)});
}
