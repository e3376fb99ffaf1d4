/* optimizer.c: what every update rule shares: binding to a parameter, the checks around an update, and the
 * loops over packed weights. The rules themselves are files of their own.
 *
 * Nothing here depends on the number of threads: flips are decided weight by weight, and sums run over fixed
 * blocks.
 */
#include "core/optimizer.h"

#include "core/error.h"
#include "core/memory.h"
#include "core/scalars.h"

#include <assert.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

static const char *const representation_names[] = {
    [BSO_REP_BITS] = "one-bit",
    [BSO_REP_LATENT] = "latent",
    [BSO_REP_FLOAT] = "float",
};

const bso_optimizer *bso_optimizer_find(const char *name)
{
    char list[1024] = "";
    size_t used = 0;
    for (const bso_optimizer *const *o = bso_optimizers; *o; o++) {
        if (strcmp(name, (*o)->name) == 0) return *o;
        int n = snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", (*o)->name);
        if (n > 0 && (size_t)n < sizeof list - used) used += (size_t)n;
    }
    bso_fail("optimizer=%s: no such optimizer; choose one of %s", name, list);
    return NULL;
}

int bso_hyper_index(const bso_optimizer *rule, const char *name)
{
    for (int i = 0; rule->hypers[i].name; i++) {
        if (strcmp(rule->hypers[i].name, name) == 0) return i;
    }
    return -1;
}

/* ---- Packed weights ---- */

float bso_param_value(const bso_param *p, size_t index)
{
    if (!p->bits) return p->real[index];
    const size_t k = index / (size_t)p->cols, o = index % (size_t)p->cols;
    return p->bits[o * (size_t)p->words + k / 64] >> k % 64 & 1 ? 1.0F : -1.0F;
}

/* Weights are walked in strips of STRIP columns by HALF rows: the masks of a strip stay in L1 and have the
 * width of a float, which is what makes the inner loops vectors. */
enum { STRIP = 256, HALF = 32 };

/* A piece of a [rows][stride] matrix: `rows` rows from row `k` on, `cols` columns from column `o` on. */
typedef struct {
    size_t k, rows, o, cols, stride;
} piece;

/* masks[o] bit k <- x[k][o] >= 0, positions counted within the piece. */
static void pack_positive(uint32_t *masks, const float *x, piece at)
{
    memset(masks, 0, at.cols * sizeof *masks);
    for (size_t k = 0; k < at.rows; k++) {
        const uint32_t bit = UINT32_C(1) << k;
        const float *row = x + (at.k + k) * at.stride + at.o;
        for (size_t o = 0; o < at.cols; o++) masks[o] |= row[o] >= 0 ? bit : 0;
    }
}

static size_t at_most(size_t n, size_t limit)
{
    return n < limit ? n : limit;
}

uint64_t bso_param_sign(bso_param *p)
{
    const size_t rows = (size_t)p->rows, cols = (size_t)p->cols, words = (size_t)p->words;
    uint64_t changed = 0;
#pragma omp parallel for schedule(static) reduction(+ : changed)
    for (size_t word = 0; word < (rows + 63) / 64; word++) {
        uint32_t positive[2][STRIP];
        const size_t k = word * 64, low = at_most(rows - k, HALF), high = at_most(rows - k - low, HALF);
        for (size_t o = 0; o < cols; o += STRIP) {
            const size_t width = at_most(cols - o, STRIP);
            pack_positive(positive[0], p->real, (piece){k, low, o, width, cols});
            pack_positive(positive[1], p->real, (piece){k + low, high, o, width, cols});
            for (size_t i = 0; i < width; i++) {
                uint64_t *w = p->bits + (o + i) * words + word;
                const uint64_t signs = positive[0][i] | (uint64_t)positive[1][i] << HALF;
                changed += (uint64_t)__builtin_popcountll(*w ^ signs);
                *w = signs;
            }
        }
    }
    return changed;
}

/* ---- Arithmetic for rules ---- */

void bso_moving_average(bso_scalar *m, const bso_scalar *gradient, size_t n, double rate)
{
    const bso_scalar keep = (bso_scalar)(1 - rate), take = (bso_scalar)rate;
    scalars_moving_average(m, gradient, n, keep, take);
}

static size_t partial_count(const bso_param *p)
{
    return (bso_param_count(p) + BSO_TILE_ALIGN - 1) / BSO_TILE_ALIGN * BSO_PARTIAL;
}

/* Gradients of the first weights of a block of codes, of which a thread has the others still to come. */
typedef struct {
    size_t used;
    bso_scalar gradient[BSO_MOMENTUM_BLOCK];
} pending;

/* One for each thread, behind the sums. */
static pending *pending_of(const bso_learner *l, int thread)
{
    return (pending *)(void *)(l->partial + partial_count(l->param)) + thread;
}

size_t bso_partial_bytes(const bso_param *param)
{
    const size_t threads = bso_few_bits(param) ? (size_t)omp_get_max_threads() : 0;
    return partial_count(param) * sizeof(double) + threads * sizeof(pending);
}

void bso_sum_squares(bso_learner *l, size_t first, size_t n, const bso_scalar *gradient)
{
    const bso_scalar *g = gradient;
    for (size_t last = first + n; first < last;) {
        const size_t within = first % BSO_TILE_ALIGN, whole = (last - first) / BSO_TILE_ALIGN;
        double *sums = l->partial + first / BSO_TILE_ALIGN * BSO_PARTIAL;
        size_t done = whole * BSO_TILE_ALIGN;
        if (within == 0 && whole) {
            scalars_sum_squares(sums, g, whole, BSO_TILE_ALIGN);
        } else {
            done = at_most(last - first, BSO_TILE_ALIGN - within);
            for (size_t i = 0; i < done; i++) {
                sums[(within + i) % BSO_PARTIAL] += (double)g[i] * (double)g[i];
            }
        }
        first += done, g += done;
    }
}

double bso_mean_square(const bso_learner *l)
{
    const size_t count = partial_count(l->param);
    double sum = 0;
    for (size_t i = 0; i < count; i += BSO_PARTIAL) {
        const double *s = l->partial + i;
        sum += (s[0] + s[1]) + (s[2] + s[3]);
    }
    return sum / (double)bso_param_count(l->param);
}

/* ---- A rule bound to a parameter ---- */

static void apply_schedules(bso_learner *l)
{
    for (int i = 0; l->rule->hypers[i].name; i++) {
        double value = l->base[i];
        switch (l->rule->hypers[i].follows) {
        case BSO_FOLLOWS_NOTHING:
            break;
        case BSO_FOLLOWS_FLIP:
            value = bso_schedule_value(&l->flip_schedule, value, l->update);
            break;
        case BSO_FOLLOWS_LR:
            value = bso_schedule_value(&l->lr_schedule, value, l->update);
            break;
        }
        l->hyper[i] = value;
    }
}

int bso_learner_init(bso_learner *l, const bso_optimizer *rule, bso_param *param, int time_entries,
                     const double *base, const bso_schedule *flip_schedule, const bso_schedule *lr_schedule,
                     double *partial)
{
    *l = (bso_learner){.rule = rule,
                       .param = param,
                       .time_entries = time_entries,
                       .flip_schedule = *flip_schedule,
                       .lr_schedule = *lr_schedule};
    if (rule->representation != param->representation) {
        return bso_fail("%s: optimizer %s works on %s weights, these are %s; choose another optimizer",
                        param->name, rule->name, representation_names[rule->representation],
                        representation_names[param->representation]);
    }
    if (bso_few_bits(param) && !rule->few_bits) {
        return bso_fail("momentum_bits=%d: optimizer %s keeps no momentum in few bits; set momentum_bits=32",
                        param->momentum_bits, rule->name);
    }
    l->threads = omp_get_max_threads();
    /* Below this no rule's size can wrap: none keeps 64 bytes a weight. */
    if (bso_param_count(param) > SIZE_MAX / 64) {
        return bso_fail("%s: %d x %d weights are more than can be addressed; use a smaller layer",
                        param->name, param->rows, param->cols);
    }
    for (int i = 0; rule->hypers[i].name; i++) l->base[i] = base[i];
    apply_schedules(l);
    const char *before = bso_mem_owner(param->name);
    l->state = bso_alloc(BSO_MEM_OPTIMIZER, rule->state_bytes(param, time_entries), 1, param->name);
    bso_mem_owner(before);
    if (!l->state) return BSO_ERROR;
    l->partial = partial;
    if (!partial) {
        l->partial = bso_alloc(BSO_MEM_WORKSPACE, bso_partial_bytes(param), 1, "sums of squares");
        if (!l->partial) {
            bso_learner_free(l);
            return BSO_ERROR;
        }
        l->owns_partial = true;
    }
    return 0;
}

void bso_learner_free(bso_learner *l)
{
    bso_free(l->state);
    if (l->owns_partial) bso_free(l->partial);
    *l = (bso_learner){0};
}

void bso_learner_begin(bso_learner *l, int t)
{
    assert(t >= 0 && t < l->time_entries);
    l->t = t;
    l->flips = 0;
    l->nonfinite = 0;
    memset(l->partial, 0, partial_count(l->param) * sizeof(double));
    for (int i = 0; bso_few_bits(l->param) && i < l->threads; i++) pending_of(l, i)->used = 0;
    apply_schedules(l);
    if (l->rule->begin) l->rule->begin(l);
}

static void report_nonfinite(bso_learner *l, bso_quantity quantity)
{
#pragma omp atomic
    l->nonfinite |= 1U << quantity;
}

void bso_expect_finite(bso_learner *l, bso_quantity quantity, const bso_scalar *x, size_t n)
{
    if (!scalars_finite(x, n)) report_nonfinite(l, quantity);
}

/* Float weights are float whatever bso_scalar is. */
static void expect_finite_weights(bso_learner *l, const float *w, size_t n)
{
    if (!bso_kernel->finite(w, n)) report_nonfinite(l, BSO_WEIGHT);
}

enum { PIECE = 4 * BSO_TILE_ALIGN, SEEN = 512 };

/* The momentum, in pieces that stay where they are read to. */
static void expect_finite_momentum(bso_learner *l, size_t first, size_t n)
{
    for (size_t i = 0; i < n; i += SEEN) {
        bso_scalar m[SEEN];
        const size_t size = at_most(n - i, SEEN);
        l->rule->momentum(l, first + i, size, m);
        bso_expect_finite(l, BSO_MOMENTUM, m, size);
    }
}

/* Everything that is done with a piece of a tile, while it is in the nearest cache. */
static void hand_over_piece(bso_learner *l, size_t first, size_t n, const bso_scalar *gradient)
{
    if (!scalars_finite(gradient, n)) {
        report_nonfinite(l, BSO_GRADIENT);
        return;
    }
    l->rule->tile(l, first, n, gradient);
    if (l->rule->momentum) expect_finite_momentum(l, first, n);
    if (l->param->real) expect_finite_weights(l, l->param->real + first, n);
}

static void hand_over(bso_learner *l, size_t first, size_t n, const bso_scalar *gradient)
{
    while (n) {
        const size_t size = at_most(n, PIECE - first % PIECE);
        hand_over_piece(l, first, size, gradient);
        first += size, n -= size, gradient += size;
    }
}

/* Whole blocks are handed over as they are; what is left at a tile's end waits for the thread's next tile. */
static void hand_over_blocks(bso_learner *l, size_t first, size_t n, const bso_scalar *gradient)
{
    const size_t count = bso_param_count(l->param);
    while (n) {
        const size_t within = first % BSO_MOMENTUM_BLOCK;
        size_t size = first + n == count ? n : n / BSO_MOMENTUM_BLOCK * BSO_MOMENTUM_BLOCK;
        if (within == 0 && size) {
            hand_over(l, first, size, gradient);
        } else {
            const int thread = omp_get_thread_num();
            assert(thread < l->threads);
            pending *wait = pending_of(l, thread);
            assert(wait->used == within);
            size = at_most(n, BSO_MOMENTUM_BLOCK - within);
            memcpy(wait->gradient + within, gradient, size * sizeof *gradient);
            wait->used += size;
            if (wait->used == BSO_MOMENTUM_BLOCK || first + size == count) {
                hand_over(l, first - within, wait->used, wait->gradient);
                wait->used = 0;
            }
        }
        first += size, n -= size, gradient += size;
    }
}

void bso_learner_tile(bso_learner *l, size_t first, size_t n, const bso_scalar *gradient)
{
    assert(first <= bso_param_count(l->param) && n <= bso_param_count(l->param) - first);
    if (bso_few_bits(l->param)) {
        hand_over_blocks(l, first, n, gradient);
    } else {
        hand_over(l, first, n, gradient);
    }
}

static int fail_nonfinite(const bso_learner *l)
{
    static const struct {
        const char *what, *remedy;
    } text[] = {
        [BSO_GRADIENT] = {"gradient", "lower lr or check the data's range"},
        [BSO_MOMENTUM] = {"momentum", "gradients are too large for it; lower lr or check the data's range"},
        [BSO_SECOND_MOMENT] = {"second moment",
                               "squared gradients are too large for it; lower lr or check the data's range"},
        [BSO_WEIGHT] = {"weight", "lower weight_lr or lr"},
        [BSO_OTHER_STATE] = {"state", "lower lr or check the data's range"},
    };
    const int quantity = __builtin_ctz(l->nonfinite);
    bso_fail("%s: %s is not finite at update %llu, time step %d of %d; %s", l->param->name,
             text[quantity].what, (unsigned long long)l->update + 1, l->t + 1, l->time_entries,
             text[quantity].remedy);
    return BSO_DIVERGED;
}

int bso_learner_end(bso_learner *l)
{
    if (l->nonfinite) return fail_nonfinite(l);
    if (l->rule->end) l->rule->end(l);
    if (l->rule->second_moment && !isfinite(l->rule->second_moment(l, l->t))) {
        report_nonfinite(l, BSO_SECOND_MOMENT);
    }
    if (l->nonfinite) return fail_nonfinite(l);
    l->all_flips += l->flips;
    l->update++;
    return 0;
}
