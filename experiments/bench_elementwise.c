/* bench_elementwise.c: the elementwise kernels beside copying a map of floats, on one thread: of a map that
 * stays in cache, and of one that does not. See bench.h. */
#include "experiments/bench_parts.h"

#include "core/error.h"
#include "core/kernels.h"
#include "core/random.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

enum { MAPS = 4, FROM_MEMORY = 1 << 23 }; /* neurons of a map that no cache holds */

typedef struct {
    size_t n; /* neurons */
    float *map[MAPS];
    uint32_t *spikes; /* [n] */
} scene;

static void norm_sums(void *user)
{
    scene *s = user;
    double sums[2];
    bso_kernel->norm_sums(sums, s->map[0], s->n, 0);
}

static void norm_apply(void *user)
{
    scene *s = user;
    bso_kernel->norm_apply(s->map[2], s->map[0], s->n, 0.5f, 0.25f);
}

static void norm_backward_sums(void *user)
{
    scene *s = user;
    bso_lanes sums[2] = {{0}};
    bso_kernel->norm_backward_sums(sums, s->map[0], s->map[1], s->n, 0.25f);
}

static void norm_backward(void *user)
{
    scene *s = user;
    bso_kernel->norm_backward(s->map[2], s->map[0], s->map[1], s->n, 0.1f, 0.5f, 0.25f, 0.1f);
}

static void lif(void *user)
{
    scene *s = user;
    bso_kernel->lif(s->map[2], s->spikes, s->map[0], s->map[1], s->n, 0.5f, 0.25f, 0.5f, 1, 5);
}

static void trace(void *user)
{
    scene *s = user;
    bso_kernel->trace(s->map[3], s->map[0], s->n, 0.5f, 1);
}

static void surrogate(void *user)
{
    scene *s = user;
    bso_kernel->surrogate(s->map[2], s->map[0], s->map[1], s->n, 1, BSO_SURROGATE_SIGMOID);
}

static void moving_average(void *user)
{
    scene *s = user;
    bso_kernel->moving_average(s->map[3], s->map[0], s->n, 0.9f, 0.1f);
}

static void copy(void *user)
{
    scene *s = user;
    memcpy(s->map[2], s->map[0], s->n * sizeof *s->map[0]);
}

/* bytes: read and written for each neuron. */
static const struct {
    const char *name;
    bso_bench_run run;
    double bytes;
} kernels[] = {{"norm_sums", norm_sums, 4},
               {"norm_apply", norm_apply, 8},
               {"norm_backward_sums", norm_backward_sums, 8},
               {"norm_backward", norm_backward, 12},
               {"lif", lif, 20},
               {"trace", trace, 12},
               {"surrogate", surrogate, 12},
               {"moving_average", moving_average, 12}};
enum { KERNELS = sizeof kernels / sizeof *kernels };

static int make(scene *s)
{
    static const char what[] = "maps of neurons";
    s->spikes = bso_alloc(BSO_MEM_WORKSPACE, s->n, sizeof *s->spikes, what);
    if (!s->spikes) return BSO_ERROR;
    for (int i = 0; i < MAPS; i++) {
        s->map[i] = bso_alloc(BSO_MEM_WORKSPACE, s->n, sizeof *s->map[i], what);
        if (!s->map[i]) return BSO_ERROR;
#pragma omp parallel for schedule(static)
        for (size_t k = 0; k < s->n; k++)
            s->map[i][k] = (float)bso_random_normal(3, BSO_RANDOM_TEST, (uint32_t)i, k);
    }
    return 0;
}

static void unmake(scene *s)
{
    for (int i = 0; i < MAPS; i++) bso_free(s->map[i]);
    bso_free(s->spikes);
}

static int measure(bso_bench *b, scene *s, const char *of)
{
    omp_set_num_threads(1);
    for (int i = 0; i < KERNELS; i++) {
        bso_bench_entry *e = bso_bench_add(b, BSO_BENCH_KERNELS, kernels[i].name, of);
        if (!e) return BSO_ERROR;
        if (s->n >= FROM_MEMORY) snprintf(e->detail, sizeof e->detail, "%s", BSO_PEAK_COPY);
        snprintf(e->unit, sizeof e->unit, "neuron");
        e->work = (double)s->n;
        e->bytes = kernels[i].bytes * (double)s->n;
        bso_bench_measure(b, e, kernels[i].run, copy, s);
    }
    omp_set_num_threads(b->threads);
    return 0;
}

int bso_bench_elementwise(bso_bench *b)
{
    const struct {
        const char *of;
        size_t n;
    } maps[] = {{"4,096 neurons, in cache", 4096},
                {b->quick ? "1,048,576 neurons" : "8,388,608 neurons", b->quick ? 1 << 20 : FROM_MEMORY}};
    int status = 0;
    for (size_t i = 0; status >= 0 && i < sizeof maps / sizeof *maps; i++) {
        scene s = {.n = maps[i].n};
        status = bso_bench_pass(b, BSO_BENCH_KERNELS, "elementwise",
                                2 * b->least * 3e10 * KERNELS * (b->samples + 2));
        if (status) continue;
        status = make(&s);
        if (!status) status = measure(b, &s, maps[i].of);
        unmake(&s);
    }
    return status < 0 ? status : 0;
}
