/* memory_cost.c: see memory_cost.h. */
#define _GNU_SOURCE
#include "experiments/memory_cost.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/random.h"
#include "core/trainer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MESSAGE = 1024 };

/* A network, and a batch as the loader makes it. */
typedef struct {
    bso_network *net;
    float *x;
    int *y;
} trainee;

static int build(const bso_settings *s, const bso_cost_shape *shape, trainee *t)
{
    size_t values = (size_t)shape->channels * (size_t)shape->height * (size_t)shape->width;
    *t = (trainee){.net = NULL};
    if (bso_train_network(&t->net, s, shape->channels, shape->height, shape->width, 1, shape->classes,
                          (uint64_t)s->steps))
        return BSO_ERROR;
    t->x = bso_alloc(BSO_MEM_WORKSPACE, values * (size_t)s->batch, sizeof *t->x, "batch");
    t->y = bso_alloc(BSO_MEM_WORKSPACE, (size_t)s->batch, sizeof *t->y, "batch labels");
    return t->x && t->y ? 0 : BSO_ERROR;
}

static void demolish(trainee *t)
{
    bso_network_free(t->net);
    bso_free(t->x);
    bso_free(t->y);
}

static void held(size_t bytes[BSO_MEM_CATEGORIES], size_t (*count)(bso_mem_category))
{
    for (int c = 0; c < BSO_MEM_CATEGORIES; c++) bytes[c] = count((bso_mem_category)c);
}

static void take_away(size_t bytes[BSO_MEM_CATEGORIES], const size_t before[BSO_MEM_CATEGORIES])
{
    for (int c = 0; c < BSO_MEM_CATEGORIES; c++) bytes[c] -= before[c];
}

size_t bso_cost_training(const size_t bytes[BSO_MEM_CATEGORIES])
{
    size_t sum = 0;
    for (int c = 0; c < BSO_MEM_CATEGORIES; c++) {
        if (c != BSO_MEM_DATASET && c != BSO_MEM_LOG && c != BSO_MEM_CONTROL) sum += bytes[c];
    }
    return sum;
}

/* ---- planning ---- */

static bso_cost_layer *layer_of(bso_cost *cost, const char *param)
{
    size_t length = strcspn(param, ".");
    for (int i = 0; i < cost->layers; i++) {
        const char *name = cost->layer[i].name;
        if (strncmp(name, param, length) == 0 && !name[length]) return &cost->layer[i];
    }
    return NULL;
}

/* Owners that hold something, in the order in which they were first asked for; what is nobody's comes last.
 * The caller holds no network, so that what was there before is nobody's. */
static int list_layers(bso_cost *cost, const size_t before[BSO_MEM_CATEGORIES])
{
    cost->layers = 0;
    for (int o = 1; o <= bso_mem_owners(); o++) {
        int owner = o == bso_mem_owners() ? 0 : o;
        bso_cost_layer layer = {.main_weights = 0};
        size_t all = 0;
        for (int c = 0; c < BSO_MEM_CATEGORIES; c++) {
            layer.bytes[c] = bso_mem_owned(owner, (bso_mem_category)c) - (owner ? 0 : before[c]);
            all += layer.bytes[c];
        }
        if (owner && !all) continue;
        if (cost->layers == BSO_COST_LAYERS) return bso_fail("network: more than %d layers", BSO_COST_LAYERS);
        snprintf(layer.name, sizeof layer.name, "%s", owner ? bso_mem_owner_name(owner) : "shared");
        cost->layer[cost->layers++] = layer;
    }
    return 0;
}

static void count_weights(bso_cost *cost, const bso_network *net)
{
    bso_param *params;
    bso_neuron_counts *neurons;
    int count = bso_network_params(net, &params);
    for (int i = 0; i < count; i++) {
        const bso_param *p = &params[i];
        size_t weights = bso_param_count(p);
        *(p->bits ? &cost->one_bit_weights : &cost->float_weights) += weights;
        bso_cost_layer *layer = layer_of(cost, p->name);
        if (!p->main || !layer) continue;
        layer->main_weights += weights;
        cost->main_weights += weights;
        cost->main_layers++;
        /* A layer of the rule's has no other parameter. */
        cost->weight_bytes += layer->bytes[BSO_MEM_WEIGHTS_BITS] + layer->bytes[BSO_MEM_WEIGHTS_LATENT] +
                              layer->bytes[BSO_MEM_WEIGHTS_FLOAT];
        cost->state_bytes += layer->bytes[BSO_MEM_OPTIMIZER];
    }
    count = bso_network_neurons(net, &neurons);
    for (int i = 0; i < count; i++) cost->neurons += neurons[i].neurons;
    cost->model_bytes = bso_network_model_bytes(net, false);
    cost->model_bytes_float = bso_network_model_bytes(net, true);
}

int bso_cost_plan(const bso_settings *s, const bso_cost_shape *shape, bso_cost *cost)
{
    size_t before[BSO_MEM_CATEGORIES];
    bso_cost_layer *layer = cost->layer;
    trainee t;
    *cost = (bso_cost){.layer = layer};
    held(before, bso_mem_current);
    bso_mem_plan(true);
    int status = build(s, shape, &t);
    if (!status) {
        held(cost->bytes, bso_mem_current);
        take_away(cost->bytes, before);
        status = list_layers(cost, before);
    }
    if (!status) count_weights(cost, t.net);
    demolish(&t);
    bso_mem_plan(false);
    return status;
}

/* ---- measuring ---- */

typedef struct {
    int status;
    bso_cost_measured measured;
    char message[MESSAGE];
} answer;

static int train(const bso_settings *s, const bso_cost_shape *shape, const bso_observer *observer, trainee *t)
{
    if (build(s, shape, t)) return BSO_ERROR;
    size_t values = (size_t)shape->channels * (size_t)shape->height * (size_t)shape->width * (size_t)s->batch;
    /* A second batch must find all it needs; after several time steps of one that is certain. */
    int batches = s->steps <= 2 ? 2 : 1;
    for (int b = 0; b < batches; b++) {
        bso_batch_result result;
        for (size_t i = 0; i < values; i++)
            t->x[i] = (float)bso_random_normal(s->seed, BSO_RANDOM_TEST, (uint32_t)b, i);
        for (int i = 0; i < (int)s->batch; i++) t->y[i] = i % shape->classes;
        if (bso_network_train(t->net, t->x, t->y, (int)s->batch, observer, &result)) return BSO_ERROR;
    }
    return 0;
}

static void measure(const bso_settings *s, const bso_cost_shape *shape, int threads,
                    const bso_observer *observer, answer *a)
{
    size_t before[BSO_MEM_CATEGORIES];
    trainee t = {.net = NULL};
    a->status = bso_start(threads);
    if (!a->status) {
        held(before, bso_mem_current);
        bso_mem_reset_peak();
        size_t resident = bso_rss_current();
        double begun = bso_clock();
        a->status = train(s, shape, observer, &t);
        a->measured.resident = bso_rss_peak() - resident;
        held(a->measured.bytes, bso_mem_peak);
        /* Descriptions that are needed to build only, and freed then, are not counted. */
        a->measured.bytes[BSO_MEM_CONTROL] = bso_mem_current(BSO_MEM_CONTROL);
        take_away(a->measured.bytes, before);
        a->measured.seconds = bso_clock() - begun;
    }
    if (a->status) snprintf(a->message, sizeof a->message, "%s", bso_error());
}

static _Noreturn void be_child(const bso_settings *s, const bso_cost_shape *shape, int threads,
                               const bso_observer *observer, int out)
{
    static const int signals[] = {SIGINT, SIGTERM};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    answer a = {.status = 0};
    measure(s, shape, threads, observer, &a);
    /* Shorter than what a pipe holds: written in one piece. */
    _exit(write(out, &a, sizeof a) == (ssize_t)sizeof a ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Wait for what the child says, or for the user to stop it. Returns the bytes that came. */
static size_t listen_to(pid_t child, int in, answer *a)
{
    size_t got = 0;
    struct pollfd wait = {.fd = in, .events = POLLIN};
    while (got < sizeof *a) {
        if (bso_stop_requested) kill(child, SIGKILL);
        int ready = poll(&wait, 1, 100);
        if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
        ssize_t n = ready < 0 ? -1 : read(in, (char *)a + got, sizeof *a - got);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        got += (size_t)n;
    }
    return got;
}

int bso_cost_measure(const bso_settings *s, const bso_cost_shape *shape, int threads,
                     const bso_observer *observer, bso_cost_measured *measured)
{
    int ends[2], status = 0;
    if (pipe2(ends, O_CLOEXEC))
        return bso_fail("memory: no pipe to a process that trains: %s", strerror(errno));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) be_child(s, shape, threads, observer, ends[1]);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return bso_fail("memory: no process to train in: %s", strerror(errno));
    }
    answer a;
    size_t got = listen_to(child, ends[0], &a);
    close(ends[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (bso_stop_requested) return BSO_INTERRUPTED;
    if (got < sizeof a) {
        return bso_fail(
            "memory: the process that trained %s with batch=%lld, steps=%lld ended before it was done%s",
            s->network, (long long)s->batch, (long long)s->steps,
            WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? "; out of memory?" : "");
    }
    if (a.status) return bso_fail("%s", a.message);
    *measured = a.measured;
    return 0;
}

bool bso_cost_explained(size_t resident, const size_t bytes[BSO_MEM_CATEGORIES])
{
    double accounted = 0, grown = (double)resident;
    for (int c = 0; c < BSO_MEM_CATEGORIES; c++) accounted += (double)bytes[c];
    double slack = 0.05 * accounted + 16 * 1024 * 1024;
    return grown < accounted + slack && grown > accounted - slack;
}
