/* operations.c: counting what inference would do. See operations.h.
 *
 * Inputs that are not 0 are counted, each times the number of outputs it is connected to: kernels lose
 * connections at a map's border. Sums are of integers, so they do not depend on the number of threads.
 */
#include "core/operations.h"

#include "core/error.h"
#include "core/layer.h"

#include <stdio.h>
#include <string.h>

bso_operations_sum bso_operations_total(const bso_synapse_operations *operations, int n)
{
    bso_operations_sum sum = {0};
    for (int i = 0; i < n; i++) {
        const bso_synapse_operations *o = &operations[i];
        sum.dense += o->dense;
        *(o->binary_input ? &sum.accumulates : &sum.multiply_accumulates) += o->effective;
        if (!o->binary_input && !o->one_bit) sum.multiplications += o->effective;
    }
    sum.joules = (sum.accumulates + sum.multiply_accumulates) * BSO_JOULES_ADD +
                 sum.multiplications * BSO_JOULES_MULTIPLY;
    return sum;
}

/* A synapse of the network. */
typedef struct {
    const bso_param *weight;
    bso_window window;
    int outputs;
    int *rows, *columns;   /* [in_h], [in_w]: kernel positions that a pixel of that row, column is under */
    uint64_t used;         /* sum over inputs that were not 0 of the output positions each goes to */
    double dense_per_step; /* for one sample */
} counted;

struct bso_counter {
    int layers, synapses;
    int *synapse; /* [layers]: its place in `of`, or -1 */
    counted *of;
    bso_synapse_operations *operations;
    uint64_t samples;        /* times time steps */
    uint64_t outputs, zeros; /* of neurons */
};

/* How many output positions of one axis an input position is part of. */
static void count_cover(int *cover, int in, int out, int kernel, int pad, int stride)
{
    memset(cover, 0, (size_t)in * sizeof *cover);
    for (int o = 0; o < out; o++) {
        for (int k = 0; k < kernel; k++) {
            const int i = o * stride + k - pad;
            if (i >= 0 && i < in) cover[i]++;
        }
    }
}

static double total(const int *cover, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += cover[i];
    return sum;
}

static int add_synapse(bso_counter *c, const bso_layer *l, counted *s)
{
    const bso_window *w = &s->window;
    bso_synapse_operations *o = &c->operations[c->synapses++];
    s->rows = bso_alloc(BSO_MEM_LOG, (size_t)w->in_h, sizeof *s->rows, "operation counts");
    s->columns = bso_alloc(BSO_MEM_LOG, (size_t)w->in_w, sizeof *s->columns, "operation counts");
    if (!s->rows || !s->columns) return BSO_ERROR;
    count_cover(s->rows, w->in_h, w->out_h, w->kernel_h, w->pad, w->stride);
    count_cover(s->columns, w->in_w, w->out_w, w->kernel_w, w->pad, w->stride);
    s->dense_per_step = total(s->rows, w->in_h) * total(s->columns, w->in_w) * w->channels * s->outputs;
    snprintf(o->name, sizeof o->name, "%s", l->name);
    o->binary_input = l->below && l->below->out.bits && l->below->out.largest == 1;
    o->one_bit = s->weight->bits != NULL;
    return 0;
}

int bso_network_count_operations(bso_network *net)
{
    bso_counter_free(net->counter);
    net->counter = NULL;
    bso_counter *c = bso_alloc(BSO_MEM_LOG, 1, sizeof *c, "operation counts");
    if (!c) return BSO_ERROR;
    const size_t layers = (size_t)net->layers;
    c->layers = net->layers;
    c->synapse = bso_alloc(BSO_MEM_LOG, layers, sizeof *c->synapse, "operation counts");
    c->of = bso_alloc(BSO_MEM_LOG, layers, sizeof *c->of, "operation counts");
    c->operations = bso_alloc(BSO_MEM_LOG, layers, sizeof *c->operations, "operation counts");
    int status = c->synapse && c->of && c->operations ? 0 : BSO_ERROR;
    for (int i = 0; !status && i < net->layers; i++) {
        counted *s = &c->of[c->synapses];
        c->synapse[i] = -1;
        if (!bso_synapse_look(&net->layer[i], &s->window, &s->outputs, &s->weight)) continue;
        c->synapse[i] = c->synapses;
        status = add_synapse(c, &net->layer[i], s);
    }
    if (status) {
        bso_counter_free(c);
    } else {
        net->counter = c;
    }
    return status;
}

void bso_counter_free(bso_counter *c)
{
    if (!c) return;
    for (int i = 0; c->of && i < c->synapses; i++) {
        bso_free(c->of[i].rows);
        bso_free(c->of[i].columns);
    }
    bso_free(c->synapse);
    bso_free(c->of);
    bso_free(c->operations);
    bso_free(c);
}

/* Channels whose value is not 0, of pixel p. A sum of signs is 0 where half of them are +1. */
static uint64_t present(const bso_signal *s, size_t p, size_t pixels)
{
    const uint32_t zero = s->bipolar ? s->largest / 2 : 0;
    if (s->bipolar && s->largest % 2) return (uint64_t)s->channels;
    uint64_t others = 0;
    for (int w = 0; w < s->words; w++) {
        uint64_t other = 0;
        for (int b = 0; b < s->planes; b++) {
            const uint64_t bits = s->bits[((size_t)b * (size_t)s->words + (size_t)w) * pixels + p];
            other |= bits ^ (zero >> b & 1 ? ~UINT64_C(0) : 0);
        }
        /* Beyond the last channel there are counts of 0. */
        const int channels = s->channels - 64 * w;
        if (channels < 64) other &= (UINT64_C(1) << channels) - 1;
        others += (uint64_t)__builtin_popcountll(other);
    }
    return others;
}

static uint64_t used_of_signal(const counted *s, const bso_signal *in, int n)
{
    const int64_t rows = (int64_t)n * in->height;
    const size_t pixels = (size_t)rows * (size_t)in->width;
    uint64_t used = 0;
#pragma omp parallel for schedule(static) reduction(+ : used)
    for (int64_t r = 0; r < rows; r++) {
        const uint64_t below = (uint64_t)s->rows[r % in->height];
        for (int x = 0; x < in->width; x++) {
            used += below * (uint64_t)s->columns[x] *
                    present(in, (size_t)r * (size_t)in->width + (size_t)x, pixels);
        }
    }
    return used;
}

/* x[channel][n][in_h][in_w] */
static uint64_t used_of_floats(const counted *s, const float *x, int n)
{
    const int64_t rows = (int64_t)s->window.channels * n * s->window.in_h;
    const int width = s->window.in_w;
    uint64_t used = 0;
#pragma omp parallel for schedule(static) reduction(+ : used)
    for (int64_t r = 0; r < rows; r++) {
        uint64_t row = 0;
        for (int i = 0; i < width; i++) row += x[r * width + i] != 0 ? (uint64_t)s->columns[i] : 0;
        used += row * (uint64_t)s->rows[r % s->window.in_h];
    }
    return used;
}

static void see_neurons(bso_counter *c, const bso_layer *l, int n)
{
    const bso_signal *out = &l->out;
    const size_t pixels = (size_t)n * (size_t)out->height * (size_t)out->width;
    uint64_t ones = 0;
#pragma omp parallel for schedule(static) reduction(+ : ones)
    for (size_t p = 0; p < pixels; p++) ones += present(out, p, pixels);
    c->outputs += (uint64_t)out->channels * pixels;
    c->zeros += (uint64_t)out->channels * pixels - ones;
}

void bso_counter_see(bso_counter *c, int i, const bso_pass *pass)
{
    const bso_layer *l = &pass->net->layer[i], *below = l->below;
    if (i == 0) c->samples += (uint64_t)pass->n;
    if (i > 0 && bso_layer_is_neurons(&pass->net->layer[i - 1]))
        see_neurons(c, &pass->net->layer[i - 1], pass->n);
    if (c->synapse[i] < 0) return;
    counted *s = &c->of[c->synapse[i]];
    s->used += below && below->out.bits ? used_of_signal(s, &below->out, pass->n)
                                        : used_of_floats(s, bso_synapse_float_input(l, pass), pass->n);
}

void bso_counter_gather(bso_counter *c, bso_shards *shards)
{
    uint64_t *const totals[] = {&c->samples, &c->outputs, &c->zeros};
    for (int i = 0; i < 3; i++) bso_shards_sum_counts(shards, totals[i], 1);
    for (int i = 0; i < c->synapses; i++) bso_shards_sum_counts(shards, &c->of[i].used, 1);
    if (bso_shards_rank(shards) == 0) return;
    for (int i = 0; i < 3; i++) *totals[i] = 0;
    for (int i = 0; i < c->synapses; i++) c->of[i].used = 0;
}

static uint64_t zero_weights(const bso_param *p)
{
    uint64_t zeros = 0;
    for (size_t i = 0; !p->bits && i < bso_param_count(p); i++) zeros += p->real[i] == 0;
    return zeros;
}

int bso_network_operations(const bso_network *net, const bso_synapse_operations **operations,
                           double *activation_sparsity, double *connection_sparsity)
{
    bso_counter *c = net->counter;
    if (!c || c->samples == 0) return 0;
    double zeros = 0, weights = 0;
    for (int i = 0; i < c->synapses; i++) {
        const counted *s = &c->of[i];
        bso_synapse_operations *o = &c->operations[i];
        const double count = (double)bso_param_count(s->weight), none = (double)zero_weights(s->weight);
        o->dense = s->dense_per_step * net->steps;
        /* Weights that are exactly 0 are rare, so which of them meet which inputs is not followed. */
        o->effective = (double)s->used * s->outputs * (1 - none / count) / (double)c->samples * net->steps;
        zeros += none;
        weights += count;
    }
    *operations = c->operations;
    *activation_sparsity = (double)c->zeros / (double)c->outputs;
    *connection_sparsity = zeros / weights;
    return c->synapses;
}
