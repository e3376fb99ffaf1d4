/* dvs.c: see dvs.h. */
#include "datasets/dvs.h"

#include "core/error.h"
#include "core/memory.h"
#include "core/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int bso_dvs_open(bso_dvs *v, const bso_dvs_settings *s, const float *brightness)
{
    size_t n = (size_t)s->side * (size_t)s->side;
    *v = (bso_dvs){.s = *s};
    v->now = bso_alloc(BSO_MEM_DATASET, n, sizeof *v->now, "a sensor");
    v->from = bso_alloc(BSO_MEM_DATASET, n, sizeof *v->from, "a sensor");
    v->limit = bso_alloc(BSO_MEM_DATASET, n, sizeof *v->limit, "a sensor");
    v->silent = bso_alloc(BSO_MEM_DATASET, n, sizeof *v->silent, "a sensor");
    if (!v->now || !v->from || !v->limit || !v->silent) return BSO_ERROR;
    memcpy(v->now, brightness, n * sizeof *v->now);
    memcpy(v->from, brightness, n * sizeof *v->from);
    for (size_t i = 0; i < n; i++) {
        /* The same sensor took all recordings: pixels differ, recordings do not. */
        double spread = s->mismatch > 0 ? bso_random_normal(s->seed, BSO_RANDOM_MAKE, UINT32_MAX, i) : 0;
        v->limit[i] = (float)(s->threshold * fmax(0.5, 1 + s->mismatch * spread));
    }
    return 0;
}

void bso_dvs_close(bso_dvs *v)
{
    bso_free(v->now);
    bso_free(v->from);
    bso_free(v->limit);
    bso_free(v->silent);
    *v = (bso_dvs){0};
}

/* Threshold crossings of a pixel on its way to `to`. */
static int cross(bso_dvs *v, size_t pixel, float to, double time, bso_events *e)
{
    float start = v->now[pixel], step = to > start ? v->limit[pixel] : -v->limit[pixel];
    while (fabsf(to - v->from[pixel]) >= v->limit[pixel] && (to - v->from[pixel]) * step > 0) {
        v->from[pixel] += step;
        double share = (v->from[pixel] - start) / (to - start);
        double t = v->time + fmin(fmax(share, 0), 1) * (time - v->time);
        if (t < v->silent[pixel]) continue; /* seen, not told */
        if (bso_events_reserve(e, 1)) return BSO_ERROR;
        v->silent[pixel] = t + v->s.refractory;
        e->at[e->count++] = (bso_event){.t = (uint32_t)t,
                                        .x = (uint8_t)(pixel % (size_t)v->s.side),
                                        .y = (uint8_t)(pixel / (size_t)v->s.side),
                                        .polarity = step > 0};
    }
    return 0;
}

static int add_noise(bso_dvs *v, double time, bso_events *e)
{
    double pixels = (double)v->s.side * (double)v->s.side;
    double expected = v->s.noise * 1e-6 * (time - v->time) * pixels;
    if (!(expected > 0)) return 0;
    /* A whole number of that mean; how it is spread around it does not matter here. */
    double u = bso_random_uniform(v->s.seed, BSO_RANDOM_MAKE, v->s.recording, v->noises++);
    size_t n = (size_t)(expected + u);
    if (bso_events_reserve(e, n)) return BSO_ERROR;
    for (size_t i = 0; i < n; i++) {
        bso_random4 r = bso_random(v->s.seed, BSO_RANDOM_MAKE, v->s.recording, v->noises++);
        double share = r.word[0] * 0x1p-32;
        e->at[e->count++] = (bso_event){.t = (uint32_t)(v->time + share * (time - v->time)),
                                        .x = (uint8_t)(((uint64_t)r.word[1] * (uint64_t)v->s.side) >> 32),
                                        .y = (uint8_t)(((uint64_t)r.word[2] * (uint64_t)v->s.side) >> 32),
                                        .polarity = r.word[3] & 1};
    }
    return 0;
}

/* By time; at the same time by place, so that the order is one. */
static int by_time(const void *a, const void *b)
{
    const bso_event *p = a, *q = b;
    if (p->t != q->t) return p->t < q->t ? -1 : 1;
    if (p->y != q->y) return p->y < q->y ? -1 : 1;
    if (p->x != q->x) return p->x < q->x ? -1 : 1;
    return (int)p->polarity - (int)q->polarity;
}

int bso_dvs_see(bso_dvs *v, const float *brightness, double time, bso_events *e)
{
    size_t n = (size_t)v->s.side * (size_t)v->s.side, first = e->count;
    int rc = 0;
    for (size_t i = 0; i < n && !rc; i++) {
        if (brightness[i] != v->now[i]) rc = cross(v, i, brightness[i], time, e);
    }
    if (!rc) rc = add_noise(v, time, e);
    if (rc) return rc;
    if (e->count > first) qsort(e->at + first, e->count - first, sizeof *e->at, by_time);
    memcpy(v->now, brightness, n * sizeof *v->now);
    v->time = time;
    return 0;
}
