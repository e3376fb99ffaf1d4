/* measure.c: see measure.h. */
#include "core/measure.h"

#include "core/error.h"

#include <math.h>
#include <string.h>

/* One parameter of the rule under test. */
typedef struct {
    const bso_param *param;
    bso_weight_log *log;
    float *gradient;  /* [T][weights] of this batch */
    double *sum;      /* [T][T] cosines of this epoch */
    int *terms;       /* [T][T] batches in the sum */
    uint64_t *before; /* the bits before this update */
    uint32_t *last;   /* [words of bits][64]: the update of the last flip, from 1; 0: never */
    uint64_t gaps[BSO_FLIP_GAPS];
    uint64_t *curve; /* [flip_bins] flips */
} watched;

struct bso_measure {
    bso_run *run;
    bso_observer observer;
    int steps, watches;
    watched *watch;
    watched **of; /* [parameters]: NULL where it is not watched */
    uint64_t updates;
    bool compare, comparing; /* cosines at all; in this batch */
};

/* ---- cosines ---- */

static void keep_gradient(void *user, const bso_param *p, int t, size_t first, size_t n,
                          const float *gradient)
{
    bso_measure *m = user;
    const watched *w = m->of[p->ordinal];
    if (w && m->comparing)
        memcpy(w->gradient + (size_t)t * bso_param_count(p) + first, gradient, n * sizeof *gradient);
}

static double dot(const float *x, const float *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)y[i];
    return sum;
}

/* Each pair of time steps is one thread's, in a fixed order. */
static void compare(bso_measure *m, watched *w)
{
    const int T = m->steps;
    const size_t n = bso_param_count(w->param);
#pragma omp parallel for schedule(dynamic)
    for (int pair = 0; pair < T * T; pair++) {
        const int s = pair / T, t = pair % T;
        if (s > t) continue;
        const float *x = w->gradient + (size_t)s * n, *y = w->gradient + (size_t)t * n;
        const double scale = sqrt(dot(x, x, n)) * sqrt(dot(y, y, n));
        const double cosine = s == t ? 1 : dot(x, y, n) / scale;
        if (!(scale > 0)) continue;
        w->sum[s * T + t] += cosine;
        w->terms[s * T + t]++;
    }
}

static void step_done(void *user, int t)
{
    bso_measure *m = user;
    if (!m->comparing || t < m->steps - 1) return;
    for (int i = 0; i < m->watches; i++) compare(m, &m->watch[i]);
}

void bso_measure_epoch(bso_measure *m, int epoch)
{
    if (!m || !m->compare) return;
    const int T = m->steps;
    for (int i = 0; i < m->watches; i++) {
        watched *w = &m->watch[i];
        double *cosine = w->log->cosine + (size_t)epoch * (size_t)(T * T);
        for (int s = 0; s < T; s++) {
            for (int t = s; t < T; t++) {
                const int terms = w->terms[s * T + t];
                /* Rounding may leave a little more than 1. */
                const double mean = terms ? w->sum[s * T + t] / terms : NAN;
                cosine[s * T + t] = cosine[t * T + s] = mean > 1 ? 1 : mean < -1 ? -1 : mean;
            }
        }
        memset(w->sum, 0, (size_t)(T * T) * sizeof *w->sum);
        memset(w->terms, 0, (size_t)(T * T) * sizeof *w->terms);
    }
}

/* ---- flips ---- */

/* Which part of gaps a gap belongs to: the g with 2^(g-1) < gap <= 2^g. */
static int gap_part(uint32_t gap)
{
    return gap < 2 ? 0 : 32 - __builtin_clz(gap - 1);
}

static void updated(void *user, const bso_learner *l)
{
    bso_measure *m = user;
    watched *w = m->of[l->param->ordinal];
    if (!w || !w->before) return;
    const uint64_t update = l->update; /* this one, from 1 */
    const size_t words = bso_param_words(l->param);
    uint64_t gaps[BSO_FLIP_GAPS] = {0};
    w->curve[(update - 1) * (uint64_t)m->run->flip_bins / m->updates] += l->flips;
#pragma omp parallel for schedule(static) reduction(+ : gaps[:BSO_FLIP_GAPS])
    for (size_t i = 0; i < words; i++) {
        uint64_t flipped = w->before[i] ^ l->param->bits[i];
        w->before[i] = l->param->bits[i];
        for (; flipped; flipped &= flipped - 1) {
            uint32_t *last = &w->last[i * 64 + (size_t)__builtin_ctzll(flipped)];
            if (*last) gaps[gap_part((uint32_t)update - *last)]++;
            *last = (uint32_t)update;
        }
    }
    for (int g = 0; g < BSO_FLIP_GAPS; g++) w->gaps[g] += gaps[g];
}

void bso_measure_flips(bso_measure *m)
{
    for (int i = 0; m && i < m->watches; i++) {
        const watched *w = &m->watch[i];
        if (!w->before) continue;
        const uint64_t bins = (uint64_t)m->run->flip_bins;
        for (uint64_t b = 0; b < bins; b++) {
            /* Update u, from 0, is in part u * bins / updates, rounded down. */
            const uint64_t first = (b * m->updates + bins - 1) / bins,
                           end = ((b + 1) * m->updates + bins - 1) / bins;
            w->log->flip_curve[b] = (double)w->curve[b] / ((double)w->log->weights * (double)(end - first));
        }
        for (int g = 0; g < BSO_FLIP_GAPS; g++) w->log->flip_gaps[g] = (double)w->gaps[g];
    }
}

/* ---- life ---- */

static void *room(size_t count, size_t size)
{
    return bso_alloc(BSO_MEM_LOG, count, size, "what measure asks for");
}

static int watch_cosines(bso_measure *m, watched *w)
{
    const size_t T = (size_t)m->steps;
    size_t values;
    if (__builtin_mul_overflow(T, bso_param_count(w->param), &values))
        return bso_fail("measure=cosine: too many weights");
    w->gradient = room(values, sizeof *w->gradient);
    w->sum = room(T * T, sizeof *w->sum);
    w->terms = room(T * T, sizeof *w->terms);
    w->log->cosine = room((size_t)m->run->settings.epochs * T * T, sizeof(double));
    return w->gradient && w->sum && w->terms && w->log->cosine ? 0 : BSO_ERROR;
}

static int watch_flips(bso_measure *m, watched *w)
{
    const size_t words = bso_param_words(w->param);
    w->before = room(words, sizeof *w->before);
    w->last = room(words, 64 * sizeof *w->last);
    w->curve = room((size_t)m->run->flip_bins, sizeof *w->curve);
    w->log->flip_curve = room((size_t)m->run->flip_bins, sizeof(double));
    w->log->flip_gaps = room(BSO_FLIP_GAPS, sizeof(double));
    if (!w->before || !w->last || !w->curve || !w->log->flip_curve || !w->log->flip_gaps) return BSO_ERROR;
    memcpy(w->before, w->param->bits, words * sizeof *w->before);
    return 0;
}

static int watch_all(bso_measure *m, bso_network *net, bool flips)
{
    bso_param *params;
    const int count = bso_network_params(net, &params);
    m->watch = room((size_t)m->run->weight_logs, sizeof *m->watch);
    m->of = room((size_t)count, sizeof(watched *));
    if (!m->watch || !m->of) return BSO_ERROR;
    for (int i = 0; i < count; i++) {
        if (!params[i].main) continue;
        watched *w = &m->watch[m->watches];
        *w = (watched){.param = &params[i], .log = &m->run->weights[m->watches++]};
        m->of[i] = w;
        if (m->compare && watch_cosines(m, w)) return BSO_ERROR;
        if (flips && params[i].bits && watch_flips(m, w)) return BSO_ERROR;
    }
    return 0;
}

int bso_measure_open(bso_measure **out, bso_network *net, bso_run *run, uint64_t updates)
{
    const bso_settings *s = &run->settings;
    const bool flips = bso_settings_has(s->measure, "flips"), cosine = bso_settings_has(s->measure, "cosine");
    *out = NULL;
    run->flip_bins = (int)(updates < BSO_FLIP_BINS ? updates : BSO_FLIP_BINS);
    if ((!flips && !cosine) || updates == 0) return 0;
    if (updates > UINT64_C(1) << (BSO_FLIP_GAPS - 1)) /* the longest gap is of the last part */
        return bso_fail("measure=%s: more updates than 2^%d; train fewer epochs", s->measure,
                        BSO_FLIP_GAPS - 1);
    bso_measure *m = *out = room(1, sizeof *m);
    if (!m) return BSO_ERROR;
    *m = (bso_measure){.run = run, .steps = (int)s->steps, .updates = updates, .compare = cosine};
    m->observer =
        (bso_observer){.user = m, .step_gradient = keep_gradient, .updated = updated, .step_done = step_done};
    return watch_all(m, net, flips);
}

const bso_observer *bso_measure_batch(bso_measure *m, size_t b)
{
    if (!m) return NULL;
    m->comparing = m->compare && b < BSO_COSINE_BATCHES;
    return &m->observer;
}

void bso_measure_exchange(bso_measure *m, bso_checkpoint_file *f)
{
    for (int i = 0; m && i < m->watches; i++) {
        watched *w = &m->watch[i];
        const size_t pairs = (size_t)m->steps * (size_t)m->steps;
        if (m->compare) {
            bso_checkpoint_block(f, "cosine sums", w->sum, pairs * sizeof *w->sum);
            bso_checkpoint_block(f, "cosine terms", w->terms, pairs * sizeof *w->terms);
            bso_checkpoint_block(f, "cosine", w->log->cosine,
                                 (size_t)m->run->settings.epochs * pairs * sizeof(double));
        }
        if (!w->before) continue;
        bso_checkpoint_block(f, "signs before", w->before, bso_param_words(w->param) * sizeof *w->before);
        bso_checkpoint_block(f, "last flips", w->last, bso_param_words(w->param) * 64 * sizeof *w->last);
        bso_checkpoint_block(f, "flip gaps", w->gaps, sizeof w->gaps);
        bso_checkpoint_block(f, "flip curve", w->curve, (size_t)m->run->flip_bins * sizeof *w->curve);
    }
}

void bso_measure_close(bso_measure *m)
{
    if (!m) return;
    for (int i = 0; m->watch && i < m->watches; i++) {
        watched *w = &m->watch[i];
        bso_free(w->gradient);
        bso_free(w->sum);
        bso_free(w->terms);
        bso_free(w->before);
        bso_free(w->last);
        bso_free(w->curve);
    }
    bso_free(m->watch);
    bso_free(m->of);
    bso_free(m);
}
