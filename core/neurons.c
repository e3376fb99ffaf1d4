/* neurons.c: batch norm followed by leaky integrate-and-fire neurons, as one layer, since the norm's output
 * lives only inside the membrane update: I[t] = norm(y[t]), u[t] = leak (u[t-1] - V_th s[t-1]) + I[t], s[t] =
 * u[t] >= V_th (docs/method.md, 1).
 *
 * Statistics are those of the current time step's batch in training, the running ones in evaluation. Spikes
 * leave packed; the estimator's trace, where it has one, is kept beside.
 */
#include "core/layer.h"

#include "core/error.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

enum {
    CHUNK = 2048
}; /* pixels done at a time, so that a chunk of 64 channels' words and one channel's floats stay in cache */

static const double norm_eps = 1e-5, norm_momentum = 0.1;

typedef struct {
    bso_param *scale, *offset;              /* batch norm's gamma and beta */
    float *running_mean, *running_variance; /* [channels] */
    float *mean, *inverse; /* [slots][channels] mean and 1 / sqrt(variance + eps) of each kept step */
    int slots;             /* time steps kept for backward */
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

/* Mean and inverse deviation of each channel at this step; running statistics follow (momentum 0.1, unbiased
 * variance). */
static void statistics(bso_layer *l, const bso_pass *pass, const float *y, float *mean, float *inverse)
{
    neurons *own = l->own;
    size_t m = (size_t)pass->n * area(l);
#pragma omp parallel for schedule(static)
    for (int c = 0; c < l->out.channels; c++) {
        double sums[2];
        float shift = y[(size_t)c * m];
        bso_kernel->norm_sums(sums, y + (size_t)c * m, m, shift);
        double away = sums[0] / (double)m, variance = sums[1] / (double)m - away * away;
        variance = variance > 0 ? variance : 0;
        double average = (double)shift + away,
               unbiased = m > 1 ? variance * (double)m / (double)(m - 1) : variance;
        mean[c] = (float)average;
        inverse[c] = (float)(1 / sqrt(variance + norm_eps));
        own->running_mean[c] =
            (float)((1 - norm_momentum) * (double)own->running_mean[c] + norm_momentum * average);
        own->running_variance[c] =
            (float)((1 - norm_momentum) * (double)own->running_variance[c] + norm_momentum * unbiased);
    }
}

static void forward(bso_layer *l, const bso_pass *pass)
{
    neurons *own = l->own;
    const bso_network *net = pass->net;
    const float *y = bso_synapse_output(l->below, pass->t);
    size_t m = (size_t)pass->n * area(l);
    int channels = l->out.channels, slot = pass->t % own->slots;
    float *mean = own->mean + (size_t)slot * (size_t)channels,
          *inverse = own->inverse + (size_t)slot * (size_t)channels;
    if (pass->training) {
        statistics(l, pass, y, mean, inverse);
    } else {
        for (int c = 0; c < channels; c++) {
            mean[c] = own->running_mean[c];
            inverse[c] = (float)(1 / sqrt((double)own->running_variance[c] + norm_eps));
        }
    }
    float *u = potential(own, pass->t);
    const float *before = pass->t ? potential(own, pass->t - 1) : NULL;
    int64_t spikes = 0;
    int64_t chunks = (int64_t)((m + CHUNK - 1) / CHUNK);
#pragma omp parallel for collapse(2) schedule(static) reduction(+ : spikes)
    for (int word = 0; word < l->out.words; word++) {
        for (int64_t chunk = 0; chunk < chunks; chunk++) {
            size_t p0 = (size_t)chunk * CHUNK, count = m - p0 < CHUNK ? m - p0 : CHUNK;
            uint64_t *bits = l->out.bits + (size_t)word * m + p0;
            float current[CHUNK];
            memset(bits, 0, count * sizeof *bits);
            for (int c = 64 * word; c < channels && c < 64 * (word + 1); c++) {
                size_t at = (size_t)c * m + p0;
                float scale = own->scale->real[c] * inverse[c];
                bso_kernel->norm_apply(current, y + at, count, scale, own->offset->real[c] - mean[c] * scale);
                /* The trace may need u before it is overwritten; only estimators that say so keep two slots.
                 */
                bso_kernel->lif(u + at, before ? before + at : NULL, current, count, net->leak,
                                net->threshold);
                if (own->trace && pass->training) {
                    net->estimator->trace(own->trace + at, u + at, before ? before + at : NULL, count,
                                          net->leak, net->threshold);
                }
                bso_kernel->bits_pack(bits, u + at, count, c - 64 * word, net->threshold);
            }
            if (!pass->training) continue;
            int32_t ones[CHUNK] = {0};
            bso_kernel->bits_count(ones, bits, count);
            for (size_t p = 0; p < count; p++) spikes += ones[p];
        }
    }
    if (pass->training) {
        own->counts->spikes[pass->t] += (double)spikes;
        if (pass->t == 0) own->counts->samples += pass->n;
    }
}

/* In: dL/ds. Out: dL/dy, through the surrogate and batch norm, in place. */
static int backward(bso_layer *l, const bso_pass *pass, bool wants_input)
{
    (void)wants_input; /* the synapse below always needs it for its weights */
    neurons *own = l->own;
    bso_network *net = pass->net;
    const float *y = bso_synapse_output(l->below, pass->t), *u = potential(own, pass->t);
    size_t m = (size_t)pass->n * area(l);
    int channels = l->out.channels, slot = pass->t % own->slots;
    const float *mean = own->mean + (size_t)slot * (size_t)channels,
                *inverse = own->inverse + (size_t)slot * (size_t)channels;
    float *d = net->gradient[0], *scale_gradient = bso_scratch(net, 0),
          *offset_gradient = scale_gradient + channels;
    bool last = pass->t == net->steps - 1;
#pragma omp parallel for schedule(static)
    for (int c = 0; c < channels; c++) {
        float *dy = d + (size_t)c * m, *du = dy;
        const float *uc = u + (size_t)c * m, *yc = y + (size_t)c * m;
        if (own->carry) {
            du = own->carry + (size_t)c * m;
            if (last) memset(du, 0, m * sizeof *du);
            bso_kernel->surrogate_through_time(du, dy, du, uc, m, net->leak, net->threshold,
                                               net->detach_reset ? 0.0f : 1.0f, net->surrogate);
        } else {
            bso_kernel->surrogate(du, dy, uc, m, net->threshold, net->surrogate);
        }
        double sums[2], inv = (double)inverse[c], gamma = (double)own->scale->real[c];
        bso_kernel->norm_backward_sums(sums, du, yc, m, mean[c]);
        scale_gradient[c] = (float)(sums[1] * inv);
        offset_gradient[c] = (float)sums[0];
        bso_kernel->norm_backward(dy, du, yc, m, mean[c], (float)(gamma * inv),
                                  (float)(-gamma * inv * inv * inv * sums[1] / (double)m),
                                  (float)(-gamma * inv * sums[0] / (double)m));
    }
    bso_update_open(pass, own->scale);
    bso_update_tile(pass, own->scale, 0, (size_t)channels, scale_gradient);
    int status = bso_update_close(pass, own->scale);
    if (status) return status;
    bso_update_open(pass, own->offset);
    bso_update_tile(pass, own->offset, 0, (size_t)channels, offset_gradient);
    return bso_update_close(pass, own->offset);
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
        for (size_t i = (size_t)c * m; i < (size_t)(c + 1) * m; i++) s[i] = u[i] >= threshold ? 1.0f : silent;
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
    bso_free(own->mean);
    bso_free(own->inverse);
    bso_free(own->trace);
    bso_free(own->carry);
    bso_free(own);
}

static const bso_layer_kind neurons_kind = {forward, backward, operand, operand_need, neurons_free};

int bso_neurons_create(bso_layer *l, bso_network *net, bso_layer *below, int ordinal)
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
    size_t batch = (size_t)net->batch;
    own->scale = bso_network_add_param(net, norm, "weight", BSO_REP_FLOAT, 1, 1, 1, channels, true, false);
    own->offset = bso_network_add_param(net, norm, "bias", BSO_REP_FLOAT, 1, 1, 1, channels, true, false);
    own->counts = bso_network_add_neurons(net, l->name, l->out_size);
    if (!own->scale || !own->offset || !own->counts ||
        bso_network_add_buffer(net, norm, "running_mean", (size_t)channels, 0, &own->running_mean) ||
        bso_network_add_buffer(net, norm, "running_var", (size_t)channels, 1, &own->running_variance)) {
        return BSO_ERROR;
    }
    own->scale->initial = 1;
    own->slots = bso_network_slots(net);
    own->u_slots = own->slots > 1                                                      ? own->slots
                   : net->training && net->estimator->needs_previous && net->steps > 1 ? 2
                                                                                       : 1;
    own->mean = bso_alloc(BSO_MEM_ACTIVATIONS, (size_t)own->slots * (size_t)channels, sizeof(float), norm);
    own->inverse = bso_alloc(BSO_MEM_ACTIVATIONS, (size_t)own->slots * (size_t)channels, sizeof(float), norm);
    own->u = bso_alloc(BSO_MEM_CONTROL, (size_t)own->u_slots, sizeof *own->u, "time slots");
    l->out.bits =
        bso_alloc(BSO_MEM_ACTIVATIONS, bso_signal_words(&l->out, net->batch), sizeof(uint64_t), l->name);
    if (!own->mean || !own->inverse || !own->u || !l->out.bits) return BSO_ERROR;
    for (int i = 0; i < own->u_slots; i++) {
        /* One potential is the neurons' state; what BPTT keeps of earlier steps is kept for backward. */
        bso_mem_category category = i == 0 || own->slots == 1 ? BSO_MEM_NEURON_STATE : BSO_MEM_ACTIVATIONS;
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
    bso_network_want_scratch(net, 2 * (size_t)channels * sizeof(float));
    return 0;
}
