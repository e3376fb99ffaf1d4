/* neurons.c: leaky integrate-and-fire neurons: u[t] = leak (u[t-1] - V_th s[t-1]) + I[t], s[t] = u[t] >= V_th
 * (docs/methods.md, 1), with the batch norm before them, I[t] = norm(y[t]), as one layer, since the norm's
 * output lives only inside the membrane update; or fed by a current that is there (current.c).
 *
 * Spikes leave packed; the estimator's trace, where it has one, is kept beside.
 */
#include "core/norm.h"

#include "core/error.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

enum {
    FORWARD_PIECE =
        2048, /* pixels done at a time: one channel's floats and 64 channels' spikes stay in cache */
    BACKWARD_PIECE = 1024 /* the same, of one channel; part of the order of batch norm's sums */
};

typedef struct {
    bool normed;
    bso_norm norm; /* where normed */
    int u_slots;
    float **u;    /* [u_slots] membrane potential before the reset: [channel][n * area] */
    float *trace; /* presynaptic trace or NULL */
    float *carry; /* BPTT: dL/du of the step after, or NULL */
    bso_neuron_counts *counts;
} neurons;

static size_t area(const bso_layer *l)
{
    return (size_t)l->out.height * (size_t)l->out.width;
}

static float *potential(const neurons *own, int t)
{
    return own->u[t % own->u_slots];
}

/* Pixels of a piece of the forward pass, so that all threads get as many. No number depends on it: spikes are
 * counted, all else is element by element. */
static size_t forward_piece(size_t m, int words)
{
    size_t threads = (size_t)omp_get_max_threads(), all = m * (size_t)words, most = threads * FORWARD_PIECE;
    size_t pieces = threads * ((all + most - 1) / most),
           of_word = (pieces + (size_t)words - 1) / (size_t)words;
    return ((m + of_word - 1) / of_word + BSO_LANES - 1) / BSO_LANES * BSO_LANES;
}

/* Up to 64 channels, those of one word, and pixels first .. first + count - 1 of m. Returns the spikes. */
static int64_t advance(bso_layer *l, const bso_pass *pass, int word, size_t first, size_t count, size_t m)
{
    neurons *own = l->own;
    const bso_network *net = pass->net;
    const float *y = bso_layer_map(l->below, pass->t);
    /* The trace may need u before it is overwritten; only estimators that say so keep two slots. */
    float *u = potential(own, pass->t), *before = pass->t ? potential(own, pass->t - 1) : NULL;
    uint32_t spikes[2][FORWARD_PIECE];
    for (int half = 0; half < 2; half++) memset(spikes[half], 0, count * sizeof spikes[half][0]);
    for (int c = 64 * word; c < l->out.channels && c < 64 * (word + 1); c++) {
        size_t at = (size_t)c * m + first;
        bso_norm_line line = own->normed ? bso_norm_of(&own->norm, pass, c) : (bso_norm_line){1, 0};
        bso_kernel->lif(u + at, spikes[c / 32 % 2], before ? before + at : NULL, y + at, count, line.scale,
                        line.offset, net->leak, net->threshold, c % 32);
        if (own->trace && pass->training) {
            net->estimator->trace(own->trace + at, u + at, before ? before + at : NULL, count, net->leak,
                                  net->threshold);
        }
    }
    return bso_kernel->bits_join(l->out.bits + (size_t)word * m + first, spikes[0], spikes[1], count);
}

static void forward(bso_layer *l, const bso_pass *pass)
{
    neurons *own = l->own;
    size_t m = (size_t)pass->n * area(l), piece = forward_piece(m, l->out.words);
    if (own->normed) bso_norm_prepare(&own->norm, pass, bso_layer_map(l->below, pass->t), m);
    int64_t spikes = 0;
#pragma omp parallel for collapse(2) schedule(static) reduction(+ : spikes)
    for (int word = 0; word < l->out.words; word++) {
        for (size_t first = 0; first < m; first += piece) {
            spikes += advance(l, pass, word, first, m - first < piece ? m - first : piece, m);
        }
    }
    if (pass->training) {
        own->counts->spikes[pass->t] += (double)spikes;
        if (pass->t == 0) own->counts->samples += pass->n;
    }
}

/* Pixels of a piece of the backward pass; of whole maps, where `pool` above has left its gradient to be
 * spread. */
static size_t backward_piece(const bso_layer *l, const bso_layer *pool)
{
    size_t maps = BACKWARD_PIECE / area(l);
    return !pool ? BACKWARD_PIECE : maps > 1 ? maps * area(l) : area(l);
}

/* dL/du of a channel: over dL/ds or, through time, in the carry. */
static float *membrane_gradient(const bso_layer *l, const bso_pass *pass, int c)
{
    const neurons *own = l->own;
    float *maps = own->carry ? own->carry : pass->net->gradient[0];
    return maps + (size_t)c * (size_t)pass->n * area(l);
}

/* One channel of dL/du from dL/ds, piece by piece, so that the surrogate's result is still in cache when
 * batch norm adds it up. pooled: the gradient of what is above `pool`. */
static void backward_membrane(bso_layer *l, const bso_pass *pass, int c, const bso_layer *pool,
                              const float *pooled, double norm_sums[2])
{
    neurons *own = l->own;
    bso_network *net = pass->net;
    size_t m = (size_t)pass->n * area(l), at = (size_t)c * m, piece = backward_piece(l, pool);
    const float *y = bso_layer_map(l->below, pass->t) + at, *u = potential(own, pass->t) + at;
    float *dy = net->gradient[0] + at, *du = membrane_gradient(l, pass, c);
    bso_lanes sums[2] = {{0}};
    for (size_t p = 0; p < m; p += piece) {
        size_t count = m - p < piece ? m - p : piece;
        if (pool) bso_pool_spread(pool, (at + p) / area(l), count / area(l), net->gradient[0], pooled);
        if (own->carry) {
            if (pass->t == net->steps - 1) memset(du + p, 0, count * sizeof *du);
            bso_kernel->surrogate_through_time(du + p, dy + p, du + p, u + p, count, net->leak,
                                               net->threshold, net->detach_reset ? 0.0f : 1.0f,
                                               net->surrogate);
        } else {
            bso_kernel->surrogate(du + p, dy + p, u + p, count, net->threshold, net->surrogate);
        }
        if (own->normed) bso_norm_backward_sums(&own->norm, pass, c, sums, du + p, y + p, count);
    }
    for (int i = 0; i < 2; i++) norm_sums[i] = bso_lanes_sum(sums[i]);
}

/* Then dL/dy. */
static void backward_current(bso_layer *l, const bso_pass *pass, int c, const double norm_sums[2],
                             float *norm_gradients)
{
    neurons *own = l->own;
    size_t m = (size_t)pass->n * area(l), at = (size_t)c * m;
    const float *y = bso_layer_map(l->below, pass->t) + at, *du = membrane_gradient(l, pass, c);
    float *dy = pass->net->gradient[0] + at;
    if (own->normed) {
        bso_norm_backward(&own->norm, pass, c, norm_sums, dy, du, y, m, norm_gradients);
    } else if (du != dy) {
        memcpy(dy, du, m * sizeof *dy);
    }
}

/* In: dL/ds, or that of pooled s where pooling has left it so. Out: dL/dy, through the surrogate and batch
 * norm where there is one, in place. */
static int backward(bso_layer *l, const bso_pass *pass, bool wants_input)
{
    (void)wants_input; /* a synapse below, if not the next layer, always needs it for its weights */
    neurons *own = l->own;
    bso_network *net = pass->net;
    const bso_layer *pool = net->unspread;
    float *pooled = net->gradient[0], *norm_gradients = bso_scratch(net, 0);
    if (pool) {
        net->gradient[0] = net->gradient[1];
        net->gradient[1] = pooled;
        net->unspread = NULL;
    }
    /* Sums over all ranks need every channel first. */
    double *all = own->normed && net->shards ? net->channel_sums : NULL;
#pragma omp parallel for schedule(static)
    for (int c = 0; c < l->out.channels; c++) {
        double sums[2];
        backward_membrane(l, pass, c, pool, pooled, all ? all + 2 * c : sums);
        if (!all) backward_current(l, pass, c, sums, norm_gradients);
    }
    if (all) {
        bso_shards_sum_doubles(net->shards, all, 2 * (size_t)l->out.channels);
#pragma omp parallel for schedule(static)
        for (int c = 0; c < l->out.channels; c++) backward_current(l, pass, c, all + 2 * c, norm_gradients);
    }
    return own->normed ? bso_norm_update(&own->norm, pass, norm_gradients) : 0;
}

/* The trace, or the spikes of this step as floats. */
static const float *operand(bso_layer *l, const bso_pass *pass, int which)
{
    neurons *own = l->own;
    if (own->trace) return own->trace;
    float *s = pass->net->operand[which], threshold = pass->net->threshold;
    float silent = l->out.bipolar ? -1.0f : 0.0f;
    const float *u = potential(own, pass->t);
    size_t m = (size_t)pass->n * area(l);
#pragma omp parallel for schedule(static)
    for (int c = 0; c < l->out.channels; c++) {
        bso_kernel->spikes(s + (size_t)c * m, u + (size_t)c * m, m, threshold, silent);
    }
    return s;
}

static void operand_need(const bso_layer *l, int which, size_t need[2])
{
    const neurons *own = l->own;
    if (!own->trace && need[which] < l->out_size) need[which] = l->out_size;
}

static void neurons_free(bso_layer *l)
{
    neurons *own = l->own;
    bso_free(l->out.bits);
    if (!own) return;
    for (int i = 0; own->u && i < own->u_slots; i++) bso_free(own->u[i]);
    bso_free(own->u);
    bso_norm_free(&own->norm);
    bso_free(own->trace);
    bso_free(own->carry);
    bso_free(own);
}

static const bso_layer_kind neurons_kind = {
    .forward = forward,
    .backward = backward,
    .operand = operand,
    .operand_need = operand_need,
    .free = neurons_free,
    .forward_stage = BSO_STAGE_NEURONS,
    .backward_stage = BSO_STAGE_NEURONS_BACKWARD,
};

bool bso_layer_is_neurons(const bso_layer *l)
{
    return l->kind == &neurons_kind;
}

/* What lasts from step to step, and what backward needs. */
static int allocate(bso_layer *l, bso_network *net)
{
    neurons *own = l->own;
    size_t batch = (size_t)net->batch;
    own->counts = bso_network_add_neurons(net, l->name, l->out_size);
    if (!own->counts) return BSO_ERROR;
    int slots = bso_network_slots(net);
    own->u_slots = slots > 1                                                           ? slots
                   : net->training && net->estimator->needs_previous && net->steps > 1 ? 2
                                                                                       : 1;
    own->u = bso_alloc(BSO_MEM_CONTROL, (size_t)own->u_slots, sizeof *own->u, "time slots");
    l->out.bits =
        bso_alloc(BSO_MEM_ACTIVATIONS, bso_signal_words(&l->out, net->batch), sizeof(uint64_t), l->name);
    if (!own->u || !l->out.bits) return BSO_ERROR;
    for (int i = 0; i < own->u_slots; i++) {
        /* One potential is the neurons' state; what BPTT keeps of earlier steps is kept for backward. */
        bso_mem_category category = i == 0 || slots == 1 ? BSO_MEM_NEURON_STATE : BSO_MEM_ACTIVATIONS;
        own->u[i] = bso_alloc(category, l->out_size * batch, sizeof(float), l->name);
        if (!own->u[i]) return BSO_ERROR;
    }
    if (net->training && !net->estimator->through_time && net->estimator->trace) {
        own->trace = bso_alloc(BSO_MEM_TRACES, l->out_size * batch, sizeof(float), l->name);
        if (!own->trace) return BSO_ERROR;
    }
    if (net->training && net->estimator->through_time) {
        own->carry = bso_alloc(BSO_MEM_GRADIENTS, l->out_size * batch, sizeof(float), l->name);
        if (!own->carry) return BSO_ERROR;
    }
    return 0;
}

int bso_neurons_create(bso_layer *l, bso_network *net, bso_layer *below, int ordinal, bool normed)
{
    neurons *own = bso_alloc(BSO_MEM_CONTROL, 1, sizeof *own, "a layer of neurons");
    if (!own) return BSO_ERROR;
    *l = (bso_layer){.kind = &neurons_kind, .below = below, .own = own};
    snprintf(l->name, sizeof l->name, "lif%d", ordinal);
    char norm[32];
    snprintf(norm, sizeof norm, "bn%d", ordinal);
    int channels = below->out.channels;
    l->out = (bso_signal){
        .channels = channels,
        .height = below->out.height,
        .width = below->out.width,
        .planes = 1,
        .words = (channels + 63) / 64,
        .largest = 1,
        .bipolar = net->sign_neurons,
        .scale = 1,
    };
    l->out_size = below->out_size;
    own->normed = normed;
    if (normed && bso_norm_create(&own->norm, net, norm, channels)) return BSO_ERROR;
    const char *before = bso_mem_owner(l->name);
    int status = allocate(l, net);
    bso_mem_owner(before);
    return status;
}
