/* bench_networks.c: networks that `bso bench` trains, on made-up samples. See bench_parts.h. */
#include "experiments/bench_parts.h"

#include "core/error.h"
#include "core/kernels.h"
#include "core/layer.h"
#include "core/random.h"
#include "experiments/memory_cost.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

int bso_bench_networks(const bso_bench *b, bso_bench_network networks[BSO_BENCH_NETWORKS])
{
    static const bso_bench_network usual[BSO_BENCH_NETWORKS] = {{"vgg11", 3, 32, 32},
                                                                {"16C3-AP2-32C3-AP2-64C3-GAP-FC", 1, 28, 28}};
    if (b->network) {
        networks[0] = (bso_bench_network){b->network, 3, 32, 32};
        return 1;
    }
    memcpy(networks, usual, sizeof usual);
    return BSO_BENCH_NETWORKS;
}

void bso_bench_network_text(const bso_bench_network *network, int steps, int batch, char *text, size_t size)
{
    int used = snprintf(text, size, "%s, %d x %d x %d", network->layers, network->channels, network->height,
                        network->width);
    if (steps && used > 0 && (size_t)used < size)
        snprintf(text + used, size - (size_t)used, ", T = %d, batch %d", steps, batch);
}

static int settings_of(const bso_bench_network *network, const bso_bench_way *way, bso_settings *s)
{
    char number[2][16];
    snprintf(number[0], sizeof number[0], "%d", way->batch);
    snprintf(number[1], sizeof number[1], "%d", way->steps);
    bso_settings_default(s);
    return bso_settings_set(s, "network", network->layers) || bso_settings_set(s, "optimizer", "tbso") ||
                   bso_settings_set(s, "gradient", "ottt") || bso_settings_set(s, "batch", number[0]) ||
                   bso_settings_set(s, "steps", number[1]) ||
                   (way->setting && bso_set_pair(s, way->setting)) || bso_settings_check(s)
               ? BSO_ERROR
               : 0;
}

/* Each connection of each synapse is passed three times: forward, data gradient, weight gradient. */
static double macs_of(const bso_network *net, int batch)
{
    double macs = 0;
    for (int i = 0; i < net->layers; i++) {
        bso_window window;
        int outputs;
        const bso_param *weight;
        if (bso_synapse_look(&net->layer[i], &window, &outputs, &weight))
            macs += (double)bso_window_inputs(&window) * outputs * window.out_h * window.out_w;
    }
    return 3 * macs * batch * net->steps;
}

/* Standard normal images, labels in turns. */
static int make_samples(bso_bench_trainee *t, const bso_bench_network *network)
{
    const size_t n = (size_t)t->way.batch,
                 values = n * (size_t)network->channels * (size_t)network->height * (size_t)network->width;
    t->x = bso_alloc(BSO_MEM_WORKSPACE, values, sizeof *t->x, "batch");
    t->y = bso_alloc(BSO_MEM_WORKSPACE, n, sizeof *t->y, "batch labels");
    if (!t->x || !t->y) return BSO_ERROR;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < values; i++) t->x[i] = (float)bso_random_normal(1, BSO_RANDOM_TEST, 0, i);
    for (size_t i = 0; i < n; i++) t->y[i] = (int)(i % BSO_BENCH_CLASSES);
    return 0;
}

static size_t held(void)
{
    size_t bytes[BSO_MEM_CATEGORIES];
    for (int c = 0; c < BSO_MEM_CATEGORIES; c++) bytes[c] = bso_mem_current((bso_mem_category)c);
    return bso_cost_training(bytes);
}

static int make(bso_bench_trainee *t, const bso_bench_network *network, const bso_settings *s)
{
    /* Schedules: as if there were many updates to come. */
    const uint64_t updates = 1000000;
    const size_t before = held();
    omp_set_num_threads(t->way.threads);
    if (bso_train_network(&t->net, s, network->channels, network->height, network->width, 1,
                          BSO_BENCH_CLASSES, updates))
        return BSO_ERROR;
    t->macs = macs_of(t->net, t->way.batch);
    if (!bso_mem_planning() && make_samples(t, network)) return BSO_ERROR;
    t->bytes = held() - before;
    return 0;
}

int bso_bench_trainee_make(bso_bench_trainee *t, const bso_bench_network *network, const bso_bench_way *way,
                           bool plan)
{
    bso_settings s;
    *t = (bso_bench_trainee){.way = *way};
    if (settings_of(network, way, &s) || bso_kernels_use(way->kernels)) return BSO_ERROR;
    bso_mem_plan(plan);
    const int status = make(t, network, &s);
    bso_mem_plan(false);
    return status;
}

void bso_bench_trainee_free(bso_bench_trainee *t)
{
    bso_network_free(t->net);
    bso_free(t->x);
    bso_free(t->y);
    t->net = NULL;
    t->x = NULL;
    t->y = NULL;
}

/* Networks take longer to settle than kernels. */
static double least_of(const bso_bench *b)
{
    return 4 * b->least;
}

double bso_bench_cost(const bso_bench *b, const bso_bench_trainee *t)
{
    /* All threads, and one-bit layers are faster than sgemm. */
    return fmax(t->macs / (1.5 * t->way.threads), least_of(b) * 3e10);
}

double bso_bench_train(bso_bench_trainee *t, int *status)
{
    bso_batch_result result;
    *status = bso_kernels_use(t->way.kernels);
    omp_set_num_threads(t->way.threads);
    const double begun = bso_clock();
    for (int i = 0; !*status && i < t->batches; i++) {
        *status = bso_stop_requested ? BSO_INTERRUPTED
                                     : bso_network_train(t->net, t->x, t->y, t->way.batch, NULL, &result);
    }
    return bso_clock() - begun;
}

double bso_bench_evaluate(bso_bench_trainee *t, int *status)
{
    bso_batch_result result;
    *status = bso_kernels_use(t->way.kernels);
    omp_set_num_threads(t->way.threads);
    const double begun = bso_clock();
    for (int i = 0; !*status && i < t->evaluated; i++) {
        if (bso_stop_requested) *status = BSO_INTERRUPTED;
        bso_network_evaluate(t->net, t->x, t->y, t->way.batch, &result);
    }
    return bso_clock() - begun;
}

static int batches_for(double least, double seconds)
{
    const double batches = ceil(least / fmax(seconds, 1e-6));
    return batches < 1 ? 1 : batches > 1e4 ? 10000 : (int)batches;
}

int bso_bench_warm_up(const bso_bench *b, bso_bench_trainee *t)
{
    const double least = least_of(b);
    int status;
    t->batches = t->evaluated = 1;
    double seconds = bso_bench_train(t, &status);
    if (status) return status;
    if (seconds < least) seconds = bso_bench_train(t, &status);
    if (status) return status;
    t->batches = batches_for(least, seconds);
    t->evaluated = batches_for(least, seconds / 4); /* about: most of a step is backward */
    return status;
}
