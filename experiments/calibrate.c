/* calibrate.c: see calibrate.h.
 *
 * Measurements run in child processes: as many at once as trainings will, so that they share the machine
 * alike; and the sweep itself never starts the threads and libraries of a training, which could not be forked
 * from afterwards.
 */
#include "experiments/calibrate.h"

#include "core/dataset.h"
#include "core/memory.h"
#include "core/network.h"
#include "experiments/program.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS_MAX = 256 };

static const double budget = 0.4; /* seconds for each measurement */

/* What the children share with the sweep. */
typedef struct {
    const bso_settings *const *settings;
    size_t n;
    int workers, threads;
    bso_cost *costs; /* [n], in shared memory */
} task;

bool bso_cost_same(const bso_settings *a, const bso_settings *b)
{
    static const char *const keys[] = {
        "dataset", "data_dir",  "network",       "optimizer",      "gradient",         "update",
        "steps",   "batch",     "train_samples", "test_samples",   "validation",       "normalize",
        "augment", "surrogate", "image_size",    "subset_classes", "subset_per_class", "speech_classes",
        "workers",
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char x[BSO_TEXT], y[BSO_TEXT];
        bso_settings_get(a, keys[i], x, sizeof x);
        bso_settings_get(b, keys[i], y, sizeof y);
        if (strcmp(x, y) != 0) return false;
    }
    return true;
}

double bso_cost_seconds(const bso_cost *cost, const bso_settings *s)
{
    if (!cost->known) return NAN;
    double norm_batches = fmin((double)s->norm_batches, (double)cost->batches);
    double forward = (double)cost->samples + norm_batches * (double)s->batch;
    double epoch = (double)cost->batches * cost->batch + forward * cost->sample;
    return cost->open + (double)s->epochs * epoch;
}

/* Time batches of n samples on a network made for them. Returns 0 or BSO_ERROR. */
static int time_batches(const bso_settings *s, bso_loader *loader, int64_t n, double *train, double *evaluate)
{
    bso_settings sized = *s;
    sized.batch = n;
    sized.shards = 1;
    const bso_dataset *d = &loader->data;
    bso_network *net = NULL;
    if (bso_network_create(&net, &sized, d->channels, d->height, d->width, d->frames, d->classes, true)) {
        return BSO_ERROR;
    }
    bso_network_init(net, s->seed);
    size_t pixels = bso_dataset_values(d);
    float *x = bso_alloc(BSO_MEM_WORKSPACE, (size_t)n * pixels, sizeof *x, "a batch");
    int *y = bso_alloc(BSO_MEM_WORKSPACE, (size_t)n, sizeof *y, "a batch's labels");
    int code = x && y ? bso_network_attach(net, &sized, 1000) : BSO_ERROR;
    bso_batch_result result;
    for (int phase = 0; code == 0 && phase < 2; phase++) {
        /* The first batch touches memory for the first time; it counts only where it has used up the time. */
        double start = bso_clock(), warm = 0;
        int done = 0;
        do {
            code = bso_loader_batch(loader, BSO_SPLIT_TRAIN, 0, 0, (size_t)n, x, y, NULL);
            if (code) break;
            if (phase == 0) {
                code = bso_network_train(net, x, y, (int)n, NULL, &result);
            } else {
                bso_network_evaluate(net, x, y, (int)n, &result);
            }
            if (done++ == 0) warm = bso_clock() - start;
        } while (code == 0 && bso_clock() - start < budget / (1 + phase) && done < 100);
        /* Time is all that is asked for: a training that diverges takes as long as another. */
        if (code == BSO_DIVERGED) code = 0;
        double all = bso_clock() - start;
        *(phase == 0 ? train : evaluate) = done > 1 ? (all - warm) / (done - 1) : warm;
    }
    bso_free(x);
    bso_free(y);
    bso_network_free(net);
    return code;
}

static int measure(const bso_settings *s, bso_cost *cost)
{
    double start = bso_clock(), train = 0, evaluate = 0;
    bso_loader loader;
    if (bso_loader_open(&loader, s)) return BSO_ERROR;
    int64_t available = (int64_t)loader.count[BSO_SPLIT_TRAIN],
            full = s->batch < available ? s->batch : available;
    cost->open = bso_clock() - start + 0.1;
    cost->batches = loader.count[BSO_SPLIT_TRAIN] / (size_t)s->batch;
    cost->samples = loader.count[BSO_SPLIT_VALIDATION] + loader.count[BSO_SPLIT_TEST];
    /* From two samples up to what fits the time: a big network's whole batch can take a minute. */
    int64_t n = full < 2 ? full : 2;
    int code = n > 0 ? time_batches(s, &loader, n, &train, &evaluate) : 0;
    if (code == 0 && n > 0 && n < full) {
        double fits = (double)n * budget / (train + 1e-9);
        int64_t larger = fits < (double)full ? (int64_t)fits : full;
        if (larger > n) {
            n = larger;
            code = time_batches(s, &loader, n, &train, &evaluate);
        }
    }
    bso_loader_close(&loader);
    if (n > 0) {
        cost->batch = train * (double)s->batch / (double)n;
        cost->sample = evaluate / (double)n;
    }
    return code;
}

static void measure_share(task *t, int worker)
{
    for (size_t i = (size_t)worker; i < t->n; i += (size_t)t->workers) {
        bso_cost *cost = &t->costs[i];
        int code = bso_start(t->threads);
        if (code == 0) code = measure(t->settings[i], cost);
        if (code) snprintf(cost->problem, sizeof cost->problem, "%s", bso_error());
        cost->known = code == 0;
    }
}

static void open_share(task *t, int worker)
{
    for (size_t i = (size_t)worker; i < t->n; i += (size_t)t->workers) {
        const bso_settings *s = t->settings[i];
        bso_dataset data;
        if (bso_dataset_open(&data, s)) {
            snprintf(t->costs[i].problem, sizeof t->costs[i].problem, "%s", bso_error());
        } else {
            bso_dataset_close(&data);
            t->costs[i].known = true;
        }
    }
}

/* Wait for a child; when the program is asked to stop, end it: it holds nothing worth keeping. */
static void wait_for(pid_t child)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    bool killed = false;
    int status;
    pid_t got;
    while ((got = waitpid(child, &status, WNOHANG)) == 0 || (got < 0 && errno == EINTR)) {
        if (bso_stop_requested && !killed) kill(child, SIGKILL);
        killed = bso_stop_requested;
        nanosleep(&pause, NULL);
    }
}

/* Run work(t, 0..workers-1) in child processes; t->costs is replaced by shared memory meanwhile and filled at
 * the end. */
static int in_children(task *t, void (*work)(task *t, int worker))
{
    bso_cost *costs = t->costs;
    size_t bytes = t->n * sizeof *costs;
    t->costs = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (t->costs == MAP_FAILED) return bso_fail("calibration: no shared memory: %s", strerror(errno));
    for (size_t i = 0; i < t->n; i++) {
        snprintf(t->costs[i].problem, sizeof t->costs[i].problem, "it ended unexpectedly; out of memory?");
    }
    pid_t children[WORKERS_MAX], sweep = getpid();
    int cause = 0;
    fflush(NULL);
    for (int w = 0; w < t->workers; w++) {
        children[w] = fork();
        if (children[w] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != sweep) _exit(1);
            setpgid(0, 0); /* the terminal's Ctrl-C is for the sweep, which ends its children */
            work(t, w);
            _exit(0);
        }
        if (children[w] < 0) cause = errno;
    }
    int code = 0;
    for (int w = 0; w < t->workers; w++) {
        if (children[w] > 0) {
            wait_for(children[w]);
        } else {
            code = bso_fail("calibration: cannot start a process: %s", strerror(cause));
        }
    }
    memcpy(costs, t->costs, bytes);
    munmap(t->costs, bytes);
    for (size_t i = 0; i < t->n; i++) {
        if (costs[i].known) costs[i].problem[0] = '\0';
    }
    return bso_stop_requested ? BSO_INTERRUPTED : code;
}

int bso_check_data(const bso_settings *const *settings, size_t n, char (*problem)[512])
{
    bso_cost *costs = bso_alloc(BSO_MEM_CONTROL, n, sizeof *costs, "the checks of data sets");
    if (!costs) return BSO_ERROR;
    task t = {.settings = settings, .n = n, .workers = 1, .threads = 1, .costs = costs};
    int code = n ? in_children(&t, open_share) : 0;
    for (size_t i = 0; i < n; i++) memcpy(problem[i], costs[i].problem, sizeof problem[i]);
    bso_free(costs);
    return code;
}

int bso_calibrate(const bso_settings *const *settings, size_t n, int workers, int threads, bso_cost *costs)
{
    if (n == 0) return 0;
    if (workers > WORKERS_MAX) workers = WORKERS_MAX;
    if ((size_t)workers > n) workers = (int)n;
    task t = {.settings = settings, .n = n, .workers = workers, .threads = threads, .costs = costs};
    return in_children(&t, measure_share);
}
