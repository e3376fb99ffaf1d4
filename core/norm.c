/* norm.c: batch norm: statistics, gradients, parameters. See norm.h; who passes over the maps are neurons.c
 * and current.c. */
#include "core/norm.h"

#include "core/error.h"

#include <math.h>

static const double norm_eps = 1e-5;

static size_t slot_of(const bso_norm *norm, const bso_pass *pass)
{
    return (size_t)(pass->t % norm->slots) * (size_t)norm->channels;
}

/* One channel's statistics from sums over m pixels of y - shift and of its square. take: what the running
 * ones take of these. */
static void follow(const bso_norm *norm, int c, double take, const double sums[2], float shift, size_t m,
                   float *mean, float *inverse)
{
    const double keep = 1 - take;
    double away = sums[0] / (double)m, variance = sums[1] / (double)m - away * away;
    variance = variance > 0 ? variance : 0;
    double average = (double)shift + away,
           unbiased = m > 1 ? variance * (double)m / (double)(m - 1) : variance;
    mean[c] = (float)average;
    inverse[c] = (float)(1 / sqrt(variance + norm_eps));
    norm->running_mean[c] = (float)(keep * (double)norm->running_mean[c] + take * average);
    norm->running_variance[c] = (float)(keep * (double)norm->running_variance[c] + take * unbiased);
}

static void statistics(const bso_norm *norm, double take, const float *y, size_t m, float *mean,
                       float *inverse)
{
#pragma omp parallel for schedule(static)
    for (int c = 0; c < norm->channels; c++) {
        double sums[2];
        float shift = y[(size_t)c * m];
        bso_kernel->norm_sums(sums, y + (size_t)c * m, m, shift);
        follow(norm, c, take, sums, shift, m, mean, inverse);
    }
}

/* The same of a batch in shards, all of m pixels. The shift is one that all ranks have. */
static void statistics_of_all(const bso_norm *norm, const bso_pass *pass, const float *y, size_t m,
                              float *mean, float *inverse)
{
    const bso_network *net = pass->net;
    double *sums = net->channel_sums;
#pragma omp parallel for schedule(static)
    for (int c = 0; c < norm->channels; c++)
        bso_kernel->norm_sums(sums + 2 * c, y + (size_t)c * m, m, norm->running_mean[c]);
    bso_shards_sum_doubles(net->shards, sums, 2 * (size_t)norm->channels);
    m *= (size_t)net->shards->size;
    for (int c = 0; c < norm->channels; c++)
        follow(norm, c, pass->norm_rate, sums + 2 * c, norm->running_mean[c], m, mean, inverse);
}

void bso_norm_prepare(const bso_norm *norm, const bso_pass *pass, const float *y, size_t m)
{
    float *mean = norm->mean + slot_of(norm, pass), *inverse = norm->inverse + slot_of(norm, pass);
    if (pass->norm_rate > 0 && pass->net->shards) {
        statistics_of_all(norm, pass, y, m, mean, inverse);
        return;
    }
    if (pass->norm_rate > 0) {
        statistics(norm, pass->norm_rate, y, m, mean, inverse);
        return;
    }
    for (int c = 0; c < norm->channels; c++) {
        mean[c] = norm->running_mean[c];
        inverse[c] = (float)(1 / sqrt((double)norm->running_variance[c] + norm_eps));
    }
}

bso_norm_line bso_norm_of(const bso_norm *norm, const bso_pass *pass, int channel)
{
    size_t at = slot_of(norm, pass) + (size_t)channel;
    float scale = norm->scale->real[channel] * norm->inverse[at];
    return (bso_norm_line){scale, norm->offset->real[channel] - norm->mean[at] * scale};
}

void bso_norm_backward_sums(const bso_norm *norm, const bso_pass *pass, int channel, bso_lanes sums[2],
                            const float *d, const float *y, size_t n)
{
    bso_kernel->norm_backward_sums(sums, d, y, n, norm->mean[slot_of(norm, pass) + (size_t)channel]);
}

void bso_norm_backward(const bso_norm *norm, const bso_pass *pass, int channel, const double sums[2],
                       float *dy, const float *d, const float *y, size_t m, float *gradients)
{
    size_t at = slot_of(norm, pass) + (size_t)channel, all = m * (size_t)bso_shards_size(pass->net->shards);
    double inv = (double)norm->inverse[at], gamma = (double)norm->scale->real[channel];
    double sum = sums[0], product = sums[1];
    gradients[channel] = (float)(product * inv);
    gradients[norm->channels + channel] = (float)sum;
    bso_kernel->norm_backward(dy, d, y, m, norm->mean[at], (float)(gamma * inv),
                              (float)(-gamma * inv * inv * inv * product / (double)all),
                              (float)(-gamma * inv * sum / (double)all));
}

int bso_norm_update(const bso_norm *norm, const bso_pass *pass, const float *gradients)
{
    bso_param *params[2] = {norm->scale, norm->offset};
    for (int i = 0; i < 2; i++) {
        bso_update_open(pass, params[i]);
        bso_update_tile(pass, params[i], 0, (size_t)norm->channels, gradients + i * norm->channels);
        int status = bso_update_close(pass, params[i]);
        if (status) return status;
    }
    return 0;
}

int bso_norm_create(bso_norm *norm, bso_network *net, const char *name, int channels)
{
    *norm = (bso_norm){.channels = channels, .slots = bso_network_slots(net)};
    norm->scale = bso_network_add_param(net, name, "weight", BSO_REP_FLOAT, 1, 1, 1, channels, true, false);
    norm->offset = bso_network_add_param(net, name, "bias", BSO_REP_FLOAT, 1, 1, 1, channels, true, false);
    if (!norm->scale || !norm->offset ||
        bso_network_add_buffer(net, name, "running_mean", (size_t)channels, 0, &norm->running_mean) ||
        bso_network_add_buffer(net, name, "running_var", (size_t)channels, 1, &norm->running_variance)) {
        return BSO_ERROR;
    }
    norm->scale->initial = 1;
    norm->scale->of_batch = norm->offset->of_batch = true; /* made of sums that are */
    size_t kept = (size_t)norm->slots * (size_t)channels;
    const char *before = bso_mem_owner(name);
    norm->mean = bso_alloc(BSO_MEM_ACTIVATIONS, kept, sizeof *norm->mean, name);
    norm->inverse = bso_alloc(BSO_MEM_ACTIVATIONS, kept, sizeof *norm->inverse, name);
    bso_mem_owner(before);
    if (!norm->mean || !norm->inverse) return BSO_ERROR;
    bso_network_want_scratch(net, 2 * (size_t)channels * sizeof(float));
    return 0;
}

void bso_norm_free(bso_norm *norm)
{
    bso_free(norm->mean);
    bso_free(norm->inverse);
}
