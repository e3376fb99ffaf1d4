/* pool.c: average pooling, 2x2 (odd sizes floored) or of the whole map.
 *
 * Forward adds counts in bit planes; the division is the signal's scale. The synapse above applies the same
 * average to the trace (docs/method.md, 2: a linear op between neuron and synapse acts on s forward and on
 * the trace for the gradient).
 */
#include "core/layer.h"

#include "core/error.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    int window_h, window_w;
} pool;

static void forward(bso_layer *l, const bso_pass *pass)
{
    pool *own = l->own;
    bso_bits_pool(&l->below->out, &l->out, pass->n, own->window_h, own->window_w);
}

/* One map. Inline, so that the 2x2 case is compiled with a constant window. */
static inline void spread(float *dx, const float *dy, int width, int out_height, int out_width, int window_h,
                          int window_w)
{
    float share = 1.0f / (float)(window_h * window_w);
    for (int y = 0; y < out_height * window_h; y++) {
        float *to = dx + (size_t)(y * width);
        const float *from = dy + (size_t)(y / window_h * out_width);
        for (int x = 0; x < out_width; x++) {
            for (int i = 0; i < window_w; i++) to[x * window_w + i] = share * from[x];
        }
    }
}

static inline void average(float *y, const float *x, int width, int out_height, int out_width, int window_h,
                           int window_w)
{
    float share = 1.0f / (float)(window_h * window_w);
    for (int oy = 0; oy < out_height; oy++) {
        for (int ox = 0; ox < out_width; ox++) {
            const float *corner = x + (size_t)(oy * window_h * width + ox * window_w);
            float sum = 0;
            for (int i = 0; i < window_h; i++) {
                for (int j = 0; j < window_w; j++) sum += corner[i * width + j];
            }
            y[oy * out_width + ox] = sum * share;
        }
    }
}

/* Each input of a window gets the window's share; inputs that flooring leaves out get 0. */
static int backward(bso_layer *l, const bso_pass *pass, bool wants_input)
{
    (void)wants_input; /* pooling is never the first layer */
    pool *own = l->own;
    const bso_signal *in = &l->below->out, *out = &l->out;
    float *dy = pass->net->gradient[0], *dx = pass->net->gradient[1];
    size_t in_area = (size_t)in->height * (size_t)in->width,
           out_area = (size_t)out->height * (size_t)out->width;
    bool covered = out->height * own->window_h == in->height && out->width * own->window_w == in->width;
#pragma omp parallel for schedule(static)
    for (int c = 0; c < in->channels; c++) {
        for (int sample = 0; sample < pass->n; sample++) {
            size_t map = (size_t)c * (size_t)pass->n + (size_t)sample;
            float *to = dx + map * in_area;
            const float *from = dy + map * out_area;
            if (!covered) memset(to, 0, in_area * sizeof *to);
            if (own->window_h == 2 && own->window_w == 2) {
                spread(to, from, in->width, out->height, out->width, 2, 2);
            } else {
                spread(to, from, in->width, out->height, out->width, own->window_h, own->window_w);
            }
        }
    }
    pass->net->gradient[0] = dx;
    pass->net->gradient[1] = dy;
    return 0;
}

static const float *operand(bso_layer *l, const bso_pass *pass, int which)
{
    pool *own = l->own;
    const bso_signal *in = &l->below->out, *out = &l->out;
    const float *x = l->below->kind->operand(l->below, pass, 1 - which);
    float *y = pass->net->operand[which];
    size_t in_area = (size_t)in->height * (size_t)in->width,
           out_area = (size_t)out->height * (size_t)out->width;
#pragma omp parallel for schedule(static)
    for (int c = 0; c < in->channels; c++) {
        for (int sample = 0; sample < pass->n; sample++) {
            size_t map = (size_t)c * (size_t)pass->n + (size_t)sample;
            float *to = y + map * out_area;
            const float *from = x + map * in_area;
            if (own->window_h == 2 && own->window_w == 2) {
                average(to, from, in->width, out->height, out->width, 2, 2);
            } else {
                average(to, from, in->width, out->height, out->width, own->window_h, own->window_w);
            }
        }
    }
    return y;
}

static void operand_need(const bso_layer *l, int which, size_t need[2])
{
    if (need[which] < l->out_size) need[which] = l->out_size;
    l->below->kind->operand_need(l->below, 1 - which, need);
}

static void pool_free(bso_layer *l)
{
    bso_free(l->out.bits);
    bso_free(l->own);
}

static const bso_layer_kind pool_kind = {forward, backward, operand, operand_need, pool_free};

int bso_pool_create(bso_layer *l, bso_network *net, bso_layer *below, const char *name, int window_h,
                    int window_w)
{
    const bso_signal *in = &below->out;
    pool *own = bso_alloc(BSO_MEM_CONTROL, 1, sizeof *own, "a pooling layer");
    if (!own) return BSO_ERROR;
    *own = (pool){window_h, window_w};
    *l = (bso_layer){.kind = &pool_kind, .below = below, .own = own};
    snprintf(l->name, sizeof l->name, "%s", name);
    bso_signal *out = &l->out;
    uint64_t largest = (uint64_t)in->largest * (uint64_t)(window_h * window_w);
    if (largest > (1u << 24))
        return bso_fail("network: %s pools too much: sums reach %llu", name, (unsigned long long)largest);
    *out = (bso_signal){
        .channels = in->channels,
        .height = in->height / window_h,
        .width = in->width / window_w,
        .planes = 64 - __builtin_clzll(largest),
        .words = in->words,
        .largest = (uint32_t)largest,
        .bipolar = in->bipolar,
        .scale = in->scale / (float)(window_h * window_w),
    };
    l->out_size = (size_t)out->channels * (size_t)out->height * (size_t)out->width;
    out->bits = bso_alloc(BSO_MEM_ACTIVATIONS, bso_signal_words(out, net->batch), sizeof *out->bits, l->name);
    return out->bits ? 0 : BSO_ERROR;
}
