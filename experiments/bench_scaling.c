/* bench_scaling.c: training steps of T-BSO with OTTT against threads, batch, T and width. The points of an
 * axis are measured in turns, so that a clock that changes does not look like a slope. See bench.h. */
#include "experiments/bench_parts.h"

#include "core/error.h"
#include "core/kernels.h"
#include "experiments/text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 12 };

typedef struct {
    const char *name;
    int points;
    double x[POINTS];
} axis;

/* A point of an axis, in training. */
typedef struct {
    char layers[BSO_TEXT];
    bso_bench_trainee trainee;
    bso_bench_entry *entry;
} point;

/* From 1 or more, each `factor` times the last, up to the most, which is there in any case. */
static axis powers_axis(const char *name, int least, int factor, int most)
{
    axis a = {name, 0, {0}};
    for (int n = least; n < most && a.points < POINTS - 1; n *= factor) a.x[a.points++] = n;
    a.x[a.points++] = most;
    return a;
}

/* A network's layers with all channels times `factor`: the numbers that tokens begin with. */
static void widen(const char *layers, double factor, char *wide, size_t size)
{
    for (const bso_named_network *n = bso_named_networks; n->name; n++) {
        if (strcmp(n->name, layers) == 0) layers = n->layers;
    }
    *wide = '\0';
    for (bool start = true; *layers; start = layers[-1] == '-') {
        if (start && isdigit((unsigned char)*layers)) {
            char *end;
            const double channels = fmax(1, round(factor * (double)strtol(layers, &end, 10)));
            bso_text_add(wide, size, "%.0f", channels);
            layers = end;
        }
        bso_text_add(wide, size, "%c", *layers++);
    }
}

/* Smaller than that of steps: there are many points. */
static int usual_batch(const bso_bench *b)
{
    return b->batch < 8 ? b->batch : (b->batch + 7) / 8;
}

static int make(bso_bench *b, const bso_bench_network *network, const axis *a, double x, point *p)
{
    const int batch = usual_batch(b);
    bso_bench_network varied = *network;
    bso_bench_way way = {.batch = batch, .steps = 2, .threads = b->threads, .kernels = b->file.kernel_path};
    if (strcmp(a->name, "threads") == 0) way.threads = (int)x;
    if (strcmp(a->name, "batch") == 0) way.batch = (int)x;
    if (strcmp(a->name, "T") == 0) way.steps = (int)x;
    if (strcmp(a->name, "width") == 0) {
        widen(network->layers, x, p->layers, sizeof p->layers);
        varied.layers = p->layers;
    }
    return bso_bench_trainee_make(&p->trainee, &varied, &way, b->planning);
}

static int add(bso_bench *b, const bso_bench_network *network, const axis *a, double x, point *p)
{
    char what[BSO_BENCH_TEXT];
    bso_bench_network_text(network, 0, 0, what, sizeof what);
    p->entry = bso_bench_add(b, BSO_BENCH_SCALING, what, a->name);
    if (!p->entry) return BSO_ERROR;
    bso_bench_entry *e = p->entry;
    snprintf(e->variant, sizeof e->variant, "float32");
    snprintf(e->detail, sizeof e->detail, "training");
    snprintf(e->unit, sizeof e->unit, "image");
    e->x = x;
    e->work = (double)p->trainee.batches * p->trainee.way.batch;
    e->samples = b->rounds;
    for (int i = 0; i < e->samples; i++) e->reference[i] = NAN;
    return 0;
}

static int warm_up(bso_bench *b, const bso_bench_network *network, const axis *a, double x, point *p)
{
    int status = bso_bench_pass(b, BSO_BENCH_SCALING, a->name, bso_bench_cost(b, &p->trainee) * 4 / 3);
    if (!status) status = bso_bench_warm_up(b, &p->trainee);
    return status ? status : add(b, network, a, x, p);
}

static int measure(bso_bench *b, const axis *a, point *p)
{
    int status = 0;
    for (int i = 0; status >= 0 && i < b->rounds; i++) {
        for (int k = 0; status >= 0 && k < a->points; k++) {
            status = bso_bench_pass(b, BSO_BENCH_SCALING, a->name, bso_bench_cost(b, &p[k].trainee));
            if (!status) p[k].entry->seconds[i] = bso_bench_train(&p[k].trainee, &status);
        }
    }
    return status;
}

static int measure_axis(bso_bench *b, const bso_bench_network *network, const axis *a)
{
    point p[POINTS] = {{.layers = ""}};
    int status = 0;
    for (int k = 0; status >= 0 && k < a->points; k++) {
        status = make(b, network, a, a->x[k], &p[k]);
        if (!status) status = warm_up(b, network, a, a->x[k], &p[k]);
    }
    if (status >= 0) status = measure(b, a, p);
    for (int k = 0; k < a->points; k++) bso_bench_trainee_free(&p[k].trainee);
    return status;
}

int bso_bench_scaling(bso_bench *b)
{
    bso_bench_network networks[BSO_BENCH_NETWORKS];
    const int n = bso_bench_networks(b, networks), batch = usual_batch(b);
    const axis axes[] = {powers_axis("threads", 1, 2, b->threads),
                         powers_axis("batch", batch < 4 ? 1 : batch / 4, 4, 4 * batch),
                         {"T", 3, {1, 2, 4}},
                         {"width", 3, {0.5, 1, 2}}};
    int status = 0;
    for (int i = 0; i < n; i++) {
        for (size_t k = 0; status >= 0 && k < sizeof axes / sizeof *axes; k++)
            status = measure_axis(b, &networks[i], &axes[k]);
    }
    return status < 0 ? status : 0;
}
