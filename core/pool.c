/* pool.c: average pooling, 2x2 or of the whole map. Odd sizes are floored, but for the shortcuts of residual
 * units, whose windows cover the whole map as the convolution beside them does.
 *
 * Of spikes: forward adds counts in bit planes; the division is the signal's scale. The synapse above applies
 * the same average to the trace (docs/methods.md, 2: a linear op between neuron and synapse acts on s forward
 * and on the trace for the gradient). Of a current: floats are averaged.
 */
#include "core/layer.h"

#include "core/error.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    int window_h, window_w;
} pool;

/* The whole map as one window. Partial sums, side by side, for one sum would wait for each addition. */
static float mean_of(const float *x, size_t n)
{
    enum { SUMS = 8 };
    float sums[SUMS] = {0}, sum = 0;
    size_t i = 0;
    for (; i + SUMS <= n; i += SUMS) {
        for (size_t k = 0; k < SUMS; k++) sums[k] += x[i + k];
    }
    for (; i < n; i++) sum += x[i];
    for (size_t k = 0; k < SUMS; k++) sum += sums[k];
    return sum / (float)n;
}

static void fill(float *x, size_t n, float value)
{
    for (size_t i = 0; i < n; i++) x[i] = value;
}

static int at_most(int n, int limit)
{
    return n < limit ? n : limit;
}

/* What is left of a window that the map's end cuts short. */
typedef struct {
    int rows, columns;
    size_t corner; /* in the map below */
    float share;
} cut;

static bool cut_short(const bso_layer *l, int oy, int ox, cut *window)
{
    const pool *own = l->own;
    const bso_signal *in = &l->below->out;
    int y = oy * own->window_h, x = ox * own->window_w;
    int rows = at_most(own->window_h, in->height - y), columns = at_most(own->window_w, in->width - x);
    *window = (cut){rows, columns, (size_t)(y * in->width + x), 1.0f / (float)(rows * columns)};
    return rows < own->window_h || columns < own->window_w;
}

static void average_cut(float *y, const float *x, const bso_layer *l)
{
    cut window;
    for (int oy = 0; oy < l->out.height; oy++) {
        for (int ox = 0; ox < l->out.width; ox++) {
            if (!cut_short(l, oy, ox, &window)) continue;
            float sum = 0;
            for (int i = 0; i < window.rows; i++) {
                const float *row = x + window.corner + (size_t)(i * l->below->out.width);
                for (int j = 0; j < window.columns; j++) sum += row[j];
            }
            y[oy * l->out.width + ox] = sum * window.share;
        }
    }
}

static void spread_cut(float *dx, const float *dy, const bso_layer *l)
{
    cut window;
    for (int oy = 0; oy < l->out.height; oy++) {
        for (int ox = 0; ox < l->out.width; ox++) {
            if (!cut_short(l, oy, ox, &window)) continue;
            for (int i = 0; i < window.rows; i++) {
                float *row = dx + window.corner + (size_t)(i * l->below->out.width);
                for (int j = 0; j < window.columns; j++) row[j] = window.share * dy[oy * l->out.width + ox];
            }
        }
    }
}

static bool is_whole(const bso_layer *l)
{
    const pool *own = l->own;
    return own->window_h == l->below->out.height && own->window_w == l->below->out.width;
}

static bool has_cut(const bso_layer *l)
{
    cut window;
    return cut_short(l, l->out.height - 1, l->out.width - 1, &window);
}

static void average_maps(const bso_layer *l, int n, const float *x, float *y)
{
    const bso_signal *in = &l->below->out, *out = &l->out;
    size_t in_area = (size_t)in->height * (size_t)in->width,
           out_area = (size_t)out->height * (size_t)out->width;
    bool cuts = has_cut(l), whole = is_whole(l);
#pragma omp parallel for collapse(2) schedule(static)
    for (int c = 0; c < in->channels; c++) {
        for (int sample = 0; sample < n; sample++) {
            size_t map = (size_t)c * (size_t)n + (size_t)sample;
            float *to = y + map * out_area;
            const float *from = x + map * in_area;
            if (whole) {
                *to = mean_of(from, in_area);
            } else {
                bso_kernel->average(to, (size_t)out->width, from, (size_t)in->width, (size_t)in->height / 2,
                                    (size_t)in->width / 2);
            }
            if (cuts) average_cut(to, from, l);
        }
    }
}

static void forward(bso_layer *l, const bso_pass *pass)
{
    const pool *own = l->own;
    if (l->out.bits) {
        bso_bits_pool(&l->below->out, &l->out, pass->n, own->window_h, own->window_w);
    } else {
        average_maps(l, pass->n, bso_layer_map(l->below, pass->t), bso_layer_map(l, pass->t));
    }
}

void bso_pool_spread(const bso_layer *l, size_t first, size_t maps, float *dx, const float *dy)
{
    const pool *own = l->own;
    const bso_signal *in = &l->below->out, *out = &l->out;
    size_t in_area = (size_t)in->height * (size_t)in->width,
           out_area = (size_t)out->height * (size_t)out->width;
    bool covered = out->height * own->window_h >= in->height && out->width * own->window_w >= in->width;
    bool cuts = has_cut(l), whole = is_whole(l);
    for (size_t map = first; map < first + maps; map++) {
        float *to = dx + map * in_area;
        const float *from = dy + map * out_area;
        if (!covered) memset(to, 0, in_area * sizeof *to);
        if (whole) {
            fill(to, in_area, *from / (float)in_area);
        } else {
            bso_kernel->spread(to, (size_t)in->width, from, (size_t)out->width, (size_t)in->height / 2,
                               (size_t)in->width / 2);
        }
        if (cuts) spread_cut(to, from, l);
    }
}

/* Neurons below spread it themselves, a piece at a time, instead of reading it from memory. */
static int backward(bso_layer *l, const bso_pass *pass, bool wants_input)
{
    (void)wants_input; /* pooling is never the first layer */
    bso_network *net = pass->net;
    if (bso_layer_is_neurons(l->below)) {
        net->unspread = l;
        return 0;
    }
    float *dy = net->gradient[0], *dx = net->gradient[1];
    int64_t maps = (int64_t)l->below->out.channels * pass->n;
#pragma omp parallel for schedule(static)
    for (int64_t map = 0; map < maps; map++) bso_pool_spread(l, (size_t)map, 1, dx, dy);
    net->gradient[0] = dx;
    net->gradient[1] = dy;
    return 0;
}

static const float *operand(bso_layer *l, const bso_pass *pass, int which)
{
    const float *x = l->below->kind->operand(l->below, pass, 1 - which);
    average_maps(l, pass->n, x, pass->net->operand[which]);
    return pass->net->operand[which];
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

static const bso_layer_kind pool_kind = {
    .forward = forward,
    .backward = backward,
    .operand = operand,
    .operand_need = operand_need,
    .free = pool_free,
    .forward_stage = BSO_STAGE_POOLING,
    .backward_stage = BSO_STAGE_POOLING_BACKWARD,
};

int bso_pool_create(bso_layer *l, bso_network *net, bso_layer *below, const char *name, int window_h,
                    int window_w, bool cover)
{
    const bso_signal *in = &below->out;
    pool *own = bso_alloc(BSO_MEM_CONTROL, 1, sizeof *own, "a pooling layer");
    if (!own) return BSO_ERROR;
    *own = (pool){window_h, window_w};
    *l = (bso_layer){.kind = &pool_kind, .below = below, .holder = l, .own = own};
    snprintf(l->name, sizeof l->name, "%s", name);
    bso_signal *out = &l->out;
    *out = (bso_signal){
        .channels = in->channels,
        .height = (in->height + (cover ? window_h - 1 : 0)) / window_h,
        .width = (in->width + (cover ? window_w - 1 : 0)) / window_w,
    };
    l->out_size = (size_t)out->channels * (size_t)out->height * (size_t)out->width;
    if (!in->bits) return bso_layer_keep_maps(l, net, 1);
    uint64_t largest = (uint64_t)in->largest * (uint64_t)(window_h * window_w);
    if (largest > (1u << 24))
        return bso_fail("network: %s pools too much: sums reach %llu", name, (unsigned long long)largest);
    out->planes = 64 - __builtin_clzll(largest);
    out->words = in->words;
    out->largest = (uint32_t)largest;
    out->bipolar = in->bipolar;
    out->scale = in->scale / (float)(window_h * window_w);
    const char *before = bso_mem_owner(l->name);
    out->bits = bso_alloc(BSO_MEM_ACTIVATIONS, bso_signal_words(out, net->batch), sizeof *out->bits, l->name);
    bso_mem_owner(before);
    return out->bits ? 0 : BSO_ERROR;
}
