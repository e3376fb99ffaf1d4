/* current.c: batch norm without neurons: the current x = norm(y) + shortcut that goes from residual unit to
 * residual unit (docs/methods.md, 5), a float map that no neuron made.
 *
 * With a shortcut it is the join of a residual unit: it adds its current to the shortcut's map in place, for
 * nobody but the neurons, which have read it by then, wants that map afterwards. A whole chain of units so
 * has one map.
 */
#include "core/norm.h"

#include "core/error.h"

#include <stdio.h>
#include <string.h>

enum { CHUNK = 2048 }; /* pixels done at a time, so that they stay in cache */

typedef struct {
    bso_norm norm;
    bool joins; /* adds to the map that is there */
} current;

static size_t pixels(const bso_layer *l, const bso_pass *pass)
{
    return (size_t)pass->n * (size_t)l->out.height * (size_t)l->out.width;
}

static void forward(bso_layer *l, const bso_pass *pass)
{
    const current *own = l->own;
    const float *y = bso_layer_map(l->below, pass->t);
    float *x = bso_layer_map(l, pass->t);
    size_t m = pixels(l, pass);
    bso_norm_prepare(&own->norm, pass, y, m);
#pragma omp parallel for schedule(static)
    for (int c = 0; c < l->out.channels; c++) {
        bso_norm_line line = bso_norm_of(&own->norm, pass, c);
        for (size_t p = 0; p < m; p += CHUNK) {
            size_t at = (size_t)c * m + p, count = m - p < CHUNK ? m - p : CHUNK;
            float added[CHUNK];
            float *to = own->joins ? added : x + at;
            bso_kernel->norm_apply(to, y + at, count, line.scale, line.offset);
            for (size_t i = 0; own->joins && i < count; i++) x[at + i] += added[i];
        }
    }
}

/* In: dL/dx. Out: dL/dy; a join leaves dL/dx waiting for the shortcut. */
static int backward(bso_layer *l, const bso_pass *pass, bool wants_input)
{
    (void)wants_input; /* the synapse below always needs it for its weights */
    const current *own = l->own;
    bso_network *net = pass->net;
    const float *y = bso_layer_map(l->below, pass->t);
    float *dx = net->gradient[0], *dy = own->joins ? net->gradient[1] : dx, *gradients = bso_scratch(net, 0);
    size_t m = pixels(l, pass);
    /* Sums over all ranks need every channel first. */
    double *all = net->shards ? net->channel_sums : NULL;
#pragma omp parallel for schedule(static)
    for (int c = 0; c < l->out.channels; c++) {
        size_t at = (size_t)c * m;
        bso_lanes lanes[2] = {{0}};
        bso_norm_backward_sums(&own->norm, pass, c, lanes, dx + at, y + at, m);
        double own_sums[2], *sums = all ? all + 2 * c : own_sums;
        for (int i = 0; i < 2; i++) sums[i] = bso_lanes_sum(lanes[i]);
        if (!all) bso_norm_backward(&own->norm, pass, c, sums, dy + at, dx + at, y + at, m, gradients);
    }
    if (all) {
        bso_shards_sum_doubles(net->shards, all, 2 * (size_t)l->out.channels);
#pragma omp parallel for schedule(static)
        for (int c = 0; c < l->out.channels; c++) {
            size_t at = (size_t)c * m;
            bso_norm_backward(&own->norm, pass, c, all + 2 * c, dy + at, dx + at, y + at, m, gradients);
        }
    }
    if (own->joins) {
        net->gradient[0] = dy;
        net->gradient[1] = net->waiting;
        net->waiting = dx;
    }
    return bso_norm_update(&own->norm, pass, gradients);
}

static void current_free(bso_layer *l)
{
    current *own = l->own;
    if (own) bso_norm_free(&own->norm);
    bso_free(own);
}

static const bso_layer_kind current_kind = {
    .forward = forward,
    .backward = backward,
    .free = current_free,
    .forward_stage = BSO_STAGE_NEURONS,
    .backward_stage = BSO_STAGE_NEURONS_BACKWARD,
};

int bso_current_create(bso_layer *l, bso_network *net, bso_layer *below, bso_layer *shortcut,
                       const char *name)
{
    current *own = bso_alloc(BSO_MEM_CONTROL, 1, sizeof *own, "a batch norm");
    if (!own) return BSO_ERROR;
    own->joins = shortcut != NULL;
    *l = (bso_layer){.kind = &current_kind, .below = below, .out = below->out, .out_size = below->out_size};
    l->own = own;
    snprintf(l->name, sizeof l->name, "%s", name);
    if (bso_norm_create(&own->norm, net, name, l->out.channels)) return BSO_ERROR;
    l->holder = shortcut ? shortcut->holder : l;
    return shortcut ? 0 : bso_layer_keep_maps(l, net, 1);
}
