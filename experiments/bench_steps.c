/* bench_steps.c: whole training steps and evaluation of T-BSO with OTTT, in turns with the same network by
 * sgemm alone; and where the time of a step goes. See bench.h. */
#include "experiments/bench_parts.h"

#include "core/error.h"
#include "core/stages.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { T = 2 };

static const struct {
    const char *name, *setting, *kernels;
} variants[] = {
    {"float32", NULL, NULL},
    {"sgemm", NULL, "sgemm"},
    {"8-bit errors", "error_bits=8", NULL},
    {"float32, momentum in 16 bits", "momentum_bits=16", NULL},
    {"float32, momentum in 8 bits", "momentum_bits=8", NULL},
};
/* Momentum changes one stage, and little: stages are timed of those before. */
enum { VARIANTS = sizeof variants / sizeof *variants, SGEMM = 1, TIMED = 3, ROWS = 2 };
static const char *const details[ROWS] = {"training", "evaluation"};

typedef struct {
    bso_bench_trainee trainee[VARIANTS];
    bso_bench_entry *entry[VARIANTS][ROWS];
    char what[BSO_BENCH_TEXT];
} group;

static int make(bso_bench *b, const bso_bench_network *network, group *g)
{
    bso_bench_network_text(network, T, b->batch, g->what, sizeof g->what);
    for (int v = 0; v < VARIANTS; v++) {
        const bso_bench_way way = {.batch = b->batch,
                                   .steps = T,
                                   .threads = b->threads,
                                   .setting = variants[v].setting,
                                   .kernels =
                                       variants[v].kernels ? variants[v].kernels : b->file.kernel_path};
        if (bso_bench_trainee_make(&g->trainee[v], network, &way, b->planning)) return BSO_ERROR;
    }
    return 0;
}

static void unmake(group *g)
{
    for (int v = 0; v < VARIANTS; v++) bso_bench_trainee_free(&g->trainee[v]);
}

static bso_bench_entry *add(bso_bench *b, bso_bench_part part, const group *g, int v, const char *of,
                            const char *detail)
{
    bso_bench_entry *e = bso_bench_add(b, part, g->what, of);
    if (!e) return NULL;
    snprintf(e->variant, sizeof e->variant, "%s", variants[v].name);
    snprintf(e->detail, sizeof e->detail, "%s", detail);
    if (variants[v].kernels) snprintf(e->path, sizeof e->path, "%s", variants[v].kernels);
    snprintf(e->unit, sizeof e->unit, "image");
    return e;
}

/* ---- whole steps ---- */

static int add_rows(bso_bench *b, group *g, int v)
{
    const bso_bench_trainee *t = &g->trainee[v];
    const double batches[ROWS] = {t->batches, t->evaluated};
    for (int row = 0; row < ROWS; row++) {
        bso_bench_entry *e = add(b, BSO_BENCH_STEPS, g, v, "", details[row]);
        if (!e) return BSO_ERROR;
        e->work = batches[row] * t->way.batch;
        e->bytes = row ? 0 : (double)t->bytes;
        e->samples = b->rounds;
        g->entry[v][row] = e;
    }
    return 0;
}

/* Reference times are of the same number of images. */
static void refer(group *g, int v)
{
    for (int row = 0; row < ROWS; row++) {
        bso_bench_entry *e = g->entry[v][row];
        const bso_bench_entry *sgemm = g->entry[SGEMM][row];
        for (int i = 0; i < e->samples; i++)
            e->reference[i] = v == SGEMM ? NAN : sgemm->seconds[i] * e->work / sgemm->work;
    }
}

static int measure_sample(bso_bench *b, group *g, int v, int i)
{
    bso_bench_trainee *t = &g->trainee[v];
    int status = bso_bench_pass(b, BSO_BENCH_STEPS, g->what, bso_bench_cost(b, t) * 4 / 3);
    if (status) return status;
    const double training = bso_bench_train(t, &status),
                 evaluation = status ? 0 : bso_bench_evaluate(t, &status);
    if (status) return status;
    g->entry[v][0]->seconds[i] = training;
    g->entry[v][1]->seconds[i] = evaluation;
    return 0;
}

static int measure_steps(bso_bench *b, group *g)
{
    int status = 0;
    for (int v = 0; !b->planning && v < VARIANTS; v++) {
        if (add_rows(b, g, v)) return BSO_ERROR;
    }
    for (int i = 0; status >= 0 && i < b->rounds; i++) {
        for (int v = 0; status >= 0 && v < VARIANTS; v++) status = measure_sample(b, g, v, i);
    }
    for (int v = 0; !status && v < VARIANTS; v++) refer(g, v);
    return status;
}

/* ---- where the time goes ---- */

static int add_stages(bso_bench *b, const group *g, int v)
{
    const bso_bench_trainee *t = &g->trainee[v];
    const bso_stage_clock *clock = bso_network_stages(t->net);
    for (int layer = 0; layer <= clock->layers; layer++) {
        for (int stage = 0; stage < BSO_STAGES; stage++) {
            const double seconds = clock->seconds[layer][stage];
            if (!(seconds > 0)) continue;
            bso_bench_entry *e = add(b, BSO_BENCH_LAYERS, g, v, bso_network_layer_name(t->net, layer),
                                     bso_stage_name((bso_stage)stage));
            if (!e) return BSO_ERROR;
            e->work = (double)t->batches * t->way.batch;
            e->samples = 1;
            e->seconds[0] = seconds;
            e->reference[0] = NAN;
        }
    }
    return 0;
}

static int measure_stages(bso_bench *b, group *g)
{
    int status = 0;
    for (int v = 0; status >= 0 && v < TIMED; v++) {
        bso_bench_trainee *t = &g->trainee[v];
        status = bso_bench_pass(b, BSO_BENCH_LAYERS, g->what, bso_bench_cost(b, t));
        if (status) continue;
        status = bso_network_time_stages(t->net);
        if (!status) bso_bench_train(t, &status);
        if (!status) status = add_stages(b, g, v);
    }
    return status;
}

/* ---- all of it ---- */

static int measure(bso_bench *b, group *g)
{
    int status = 0;
    for (int v = 0; status >= 0 && v < VARIANTS; v++) {
        status = bso_bench_pass(b, b->part[BSO_BENCH_STEPS] ? BSO_BENCH_STEPS : BSO_BENCH_LAYERS, g->what,
                                bso_bench_cost(b, &g->trainee[v]) * 4 / 3);
        if (!status) status = bso_bench_warm_up(b, &g->trainee[v]);
    }
    if (status >= 0 && b->part[BSO_BENCH_STEPS]) status = measure_steps(b, g);
    if (status >= 0 && b->part[BSO_BENCH_LAYERS]) status = measure_stages(b, g);
    return status;
}

int bso_bench_steps(bso_bench *b)
{
    bso_bench_network networks[BSO_BENCH_NETWORKS];
    const int n = bso_bench_networks(b, networks);
    int status = 0;
    for (int i = 0; status >= 0 && i < n; i++) {
        group g = {.what = ""};
        status = make(b, &networks[i], &g);
        if (!status) status = measure(b, &g);
        unmake(&g);
    }
    return status < 0 ? status : 0;
}
