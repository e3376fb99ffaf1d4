/* trainer.c: epochs, evaluation and the numbers a run reports. See trainer.h. */
#define _GNU_SOURCE
#include "core/trainer.h"

#include "core/clock.h"
#include "core/dataset.h"
#include "core/error.h"
#include "core/kernels.h"
#include "core/measure.h"
#include "core/store.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

volatile sig_atomic_t bso_stop_requested;

/* The resident set when the libraries had started, before anything of ours was allocated. */
static size_t rss_at_start;

/* What a training holds while it runs. */
typedef struct {
    bso_run *run;
    const bso_settings *s;
    bso_loader loader;
    bso_network *net;
    bso_trace *trace;
    bso_measure *measure;
    bso_param *params;
    bso_learner *learners;
    int param_count;
    uint64_t **initial;     /* [main parameters] signs at the start, for C2I */
    uint64_t *flips_before; /* [main parameters] flips up to this epoch */
    size_t batches;         /* of an epoch */
    void (*progress)(const bso_progress *, void *);
    void *user;
    double begun, shown;
} training;

/* Gradients far from the data underflow; denormals would slow the surrogate several times. In threads that
 * already run, too. */
static void flush_to_zero(void)
{
#ifdef __SSE2__
    _mm_setcsr(_mm_getcsr() | 0x8040);
#pragma omp parallel
    _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
}

int bso_start(int threads)
{
    static bool started;
    static int default_threads;
    if (!default_threads) default_threads = omp_get_max_threads();
    omp_set_dynamic(0); /* a team of one thread would let OpenBLAS split a product, which changes its bits */
    omp_set_num_threads(threads > 0 ? threads : default_threads);
    flush_to_zero();
    if (bso_kernels_pick()) return BSO_ERROR;
    if (started) return 0;
    if (openblas_get_parallel() == OPENBLAS_THREAD) {
        return bso_fail("OpenBLAS: the pthread build was loaded; install libopenblas-openmp-dev and rebuild");
    }
    /* OpenBLAS takes its buffers at the first call of each thread: before the resident set is read. */
    float *warm =
        bso_alloc(BSO_MEM_WORKSPACE, (size_t)omp_get_max_threads(), 3 * 128 * 128 * sizeof(float), "start");
    if (!warm) return BSO_ERROR;
#pragma omp parallel
    {
        float *mine = warm + (size_t)omp_get_thread_num() * 3 * 128 * 128;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, 128, 128, 128, 1, mine, 128, mine + 128 * 128,
                    128, 0, mine + 2 * 128 * 128, 128);
    }
    bso_free(warm);
    bso_mem_reset_peak();
    rss_at_start = bso_rss_current();
    started = true;
    return 0;
}

/* ---- logs ---- */

static int main_params(const training *tr)
{
    int count = 0;
    for (int i = 0; i < tr->param_count; i++) count += tr->params[i].main;
    return count;
}

/* The i-th parameter trained by the rule under test. */
static int main_param(const training *tr, int i)
{
    for (int p = 0; p < tr->param_count; p++) {
        if (tr->params[p].main && i-- == 0) return p;
    }
    return -1;
}

/* Flips of the i-th one in this epoch so far. */
static double epoch_flips(const training *tr, int i)
{
    return (double)(tr->learners[main_param(tr, i)].all_flips - tr->flips_before[i]);
}

static int log_open(training *tr)
{
    bso_run *run = tr->run;
    size_t epochs = (size_t)tr->s->epochs, steps = (size_t)tr->s->steps;
    bso_neuron_counts *counts;
    run->weight_logs = main_params(tr);
    run->neuron_logs = bso_network_neurons(tr->net, &counts);
    run->epochs = bso_alloc(BSO_MEM_LOG, epochs, sizeof *run->epochs, "epoch log");
    run->weights = bso_alloc(BSO_MEM_LOG, (size_t)run->weight_logs, sizeof *run->weights, "layer log");
    run->neurons = bso_alloc(BSO_MEM_LOG, (size_t)run->neuron_logs, sizeof *run->neurons, "neuron log");
    run->batch_loss = bso_alloc(BSO_MEM_LOG, epochs * tr->batches, sizeof *run->batch_loss, "loss log");
    tr->initial = bso_alloc(BSO_MEM_LOG, (size_t)run->weight_logs, sizeof *tr->initial, "initial signs");
    tr->flips_before =
        bso_alloc(BSO_MEM_LOG, (size_t)run->weight_logs, sizeof *tr->flips_before, "flip counts");
    if (!run->epochs || !run->weights || !run->neurons || !run->batch_loss || !tr->initial ||
        !tr->flips_before)
        return BSO_ERROR;
    size_t entries = (size_t)run->time_entries;
    for (int i = 0; i < run->weight_logs; i++) {
        const bso_param *p = &tr->params[main_param(tr, i)];
        bso_weight_log *w = &run->weights[i];
        snprintf(w->name, sizeof w->name, "%s", p->name);
        w->weights = bso_param_count(p);
        w->flips = bso_alloc(BSO_MEM_LOG, epochs, sizeof(double), "layer log");
        w->flip_rate = bso_alloc(BSO_MEM_LOG, epochs, sizeof(double), "layer log");
        w->c2i = bso_alloc(BSO_MEM_LOG, epochs, sizeof(double), "layer log");
        w->v = bso_alloc(BSO_MEM_LOG, epochs * entries, sizeof(double), "layer log");
        w->threshold = bso_alloc(BSO_MEM_LOG, epochs * entries, sizeof(double), "layer log");
        if (!w->flips || !w->flip_rate || !w->c2i || !w->v || !w->threshold) return BSO_ERROR;
        if (!p->bits) continue;
        size_t words = (size_t)p->cols * (size_t)p->words;
        tr->initial[i] = bso_alloc(BSO_MEM_LOG, words, sizeof(uint64_t), "initial signs");
        if (!tr->initial[i]) return BSO_ERROR;
        memcpy(tr->initial[i], p->bits, words * sizeof(uint64_t));
    }
    for (int i = 0; i < run->neuron_logs; i++) {
        bso_neuron_log *l = &run->neurons[i];
        memcpy(l->name, counts[i].name, sizeof l->name);
        l->neurons = counts[i].neurons;
        l->firing_rate = bso_alloc(BSO_MEM_LOG, epochs * steps, sizeof(double), "neuron log");
        if (!l->firing_rate) return BSO_ERROR;
    }
    return 0;
}

static double changed_from_initial(const bso_param *p, const uint64_t *initial)
{
    uint64_t changed = 0;
    size_t words = (size_t)p->cols * (size_t)p->words;
    for (size_t i = 0; i < words; i++) changed += (uint64_t)__builtin_popcountll(p->bits[i] ^ initial[i]);
    return (double)changed / (double)bso_param_count(p);
}

/* Flips per update and one-bit weight in this epoch, after so many batches. */
static double flip_rate_so_far(const training *tr, size_t batches)
{
    double flips = 0, weights = 0;
    for (int i = 0; i < tr->run->weight_logs; i++) {
        if (!tr->initial[i]) continue;
        flips += epoch_flips(tr, i);
        weights += (double)tr->run->weights[i].weights;
    }
    return weights > 0 ? flips / (weights * (double)batches * tr->run->time_entries) : NAN;
}

/* Layer by layer, and the means over one-bit weights that the epoch log holds. */
static void log_layers(training *tr, int epoch, bso_epoch_log *e)
{
    bso_run *run = tr->run;
    double updates = (double)tr->batches * run->time_entries, changed = 0, weights = 0;
    for (int i = 0; i < run->weight_logs; i++) {
        bso_weight_log *w = &run->weights[i];
        int index = main_param(tr, i);
        const bso_learner *l = &tr->learners[index];
        const bso_param *p = &tr->params[index];
        bool one_bit = p->bits != NULL;
        w->flips[epoch] = one_bit ? epoch_flips(tr, i) : NAN;
        w->flip_rate[epoch] = one_bit ? epoch_flips(tr, i) / ((double)w->weights * updates) : NAN;
        w->c2i[epoch] = one_bit ? changed_from_initial(p, tr->initial[i]) : NAN;
        for (int t = 0; t < run->time_entries; t++) {
            int at = epoch * run->time_entries + t;
            w->v[at] = l->rule->second_moment ? l->rule->second_moment(l, t) : NAN;
            w->threshold[at] = l->rule->threshold ? l->rule->threshold(l, t) : NAN;
        }
        if (!one_bit) continue;
        changed += w->c2i[epoch] * (double)w->weights;
        weights += (double)w->weights;
    }
    e->flip_rate = flip_rate_so_far(tr, tr->batches);
    e->c2i = weights > 0 ? changed / weights : NAN;
    bso_neuron_counts *counts;
    bso_network_neurons(tr->net, &counts);
    int steps = (int)tr->s->steps;
    for (int i = 0; i < run->neuron_logs; i++) {
        for (int t = 0; t < steps; t++) {
            run->neurons[i].firing_rate[epoch * steps + t] =
                counts[i].spikes[t] / (counts[i].samples * (double)counts[i].neurons);
        }
    }
}

/* ---- epochs ---- */

static void show(training *tr, int epoch, size_t batch, double loss, double accuracy, double flip_rate,
                 double epoch_begun, bool end)
{
    double t = bso_clock();
    if (!tr->progress || (!end && t - tr->shown < 0.2)) return;
    tr->shown = t;
    double epoch_seconds = t - epoch_begun, done = (double)epoch + (double)batch / (double)tr->batches;
    double per_epoch = (t - tr->begun) / (done > 0 ? done : 1);
    bso_progress p = {
        .run = tr->run,
        .epoch = epoch + 1,
        .epochs = (int)tr->s->epochs,
        .batch = batch,
        .batches = tr->batches,
        .loss = loss,
        .accuracy = accuracy,
        .flip_rate = flip_rate,
        .images_per_second = epoch_seconds > 0 ? (double)batch * (double)tr->s->batch / epoch_seconds : 0,
        .seconds_left = per_epoch * ((double)tr->s->epochs - done),
        .epoch_end = end,
    };
    if (end) p.images_per_second = tr->run->epochs[epoch].images_per_second;
    tr->progress(&p, tr->user);
}

static int train_epoch(training *tr, int epoch, bso_epoch_log *e)
{
    bso_run *run = tr->run;
    int batch = (int)tr->s->batch;
    double begun = bso_clock(), waited = tr->loader.waited, loss = 0, correct = 0;
    for (int i = 0; i < run->weight_logs; i++)
        tr->flips_before[i] = tr->learners[main_param(tr, i)].all_flips;
    bso_network_reset_counts(tr->net);
    if (bso_loader_start(&tr->loader, BSO_SPLIT_TRAIN, (uint32_t)epoch, tr->batches * (size_t)batch,
                         (size_t)batch))
        return BSO_ERROR;
    for (size_t b = 0; b < tr->batches; b++) {
        if (bso_stop_requested) return BSO_INTERRUPTED;
        const bso_observer *observer =
            tr->trace ? bso_trace_observer(tr->trace) : bso_measure_batch(tr->measure, b);
        bso_batch_result result;
        const float *x;
        const int *y;
        size_t n;
        int status = bso_loader_next(&tr->loader, &x, &y, &n);
        if (!status) status = bso_network_train(tr->net, x, y, batch, observer, &result);
        if (status) {
            bso_fail_context("epoch %d, batch %zu", epoch + 1, b + 1);
            return status;
        }
        run->batch_loss[run->batches++] = result.loss;
        run->updates += (uint64_t)run->time_entries;
        loss += result.loss;
        correct += result.correct;
        double done = (double)(b + 1);
        show(tr, epoch, b + 1, loss / done, correct / (done * batch), flip_rate_so_far(tr, b + 1), begun,
             false);
    }
    e->train_loss = loss / (double)tr->batches;
    e->train_accuracy = correct / (double)(tr->batches * (size_t)batch);
    e->seconds = bso_clock() - begun;
    e->waiting_seconds = tr->loader.waited - waited;
    e->images_per_second = (double)tr->batches * batch / e->seconds;
    return 0;
}

static int evaluate(training *tr, bso_split split, double *loss, double *accuracy)
{
    size_t count = tr->loader.count[split], batch = (size_t)tr->s->batch;
    double total = 0, correct = 0;
    if (bso_loader_start(&tr->loader, split, 0, count, batch)) return BSO_ERROR;
    for (size_t first = 0; first < count; first += batch) {
        if (bso_stop_requested) return BSO_INTERRUPTED;
        const float *x;
        const int *y;
        size_t n;
        bso_batch_result result;
        if (bso_loader_next(&tr->loader, &x, &y, &n)) return BSO_ERROR;
        bso_network_evaluate(tr->net, x, y, (int)n, &result);
        total += result.loss * (double)n;
        correct += result.correct;
    }
    *loss = count && isfinite(total) ? total / (double)count : NAN; /* files hold no infinities */
    *accuracy = count ? correct / (double)count : NAN;
    return 0;
}

/* Batch norm's running statistics from the epoch's first batches, as training sees them. */
static int estimate_norm(training *tr, int epoch)
{
    size_t batch = (size_t)tr->s->batch, wanted = (size_t)tr->s->norm_batches;
    if (wanted > tr->batches) wanted = tr->batches;
    if (wanted && bso_loader_start(&tr->loader, BSO_SPLIT_TRAIN, (uint32_t)epoch, wanted * batch, batch))
        return BSO_ERROR;
    for (size_t b = 0; b < wanted; b++) {
        if (bso_stop_requested) return BSO_INTERRUPTED;
        const float *x;
        const int *y;
        size_t n;
        if (bso_loader_next(&tr->loader, &x, &y, &n)) return BSO_ERROR;
        bso_network_estimate_norm(tr->net, x, (int)n, b);
    }
    return 0;
}

/* What inference costs, as it was counted. */
static int log_operations(training *tr)
{
    bso_run *run = tr->run;
    const bso_synapse_operations *operations = NULL;
    const int count =
        bso_network_operations(tr->net, &operations, &run->activation_sparsity, &run->connection_sparsity);
    run->operations = bso_alloc(BSO_MEM_LOG, (size_t)count, sizeof *run->operations, "operation counts");
    if (!run->operations) return BSO_ERROR;
    for (int i = 0; i < count; i++) run->operations[i] = operations[i];
    run->operation_logs = count;
    return 0;
}

static int evaluate_both(training *tr, int epoch, bso_epoch_log *e)
{
    double begun = bso_clock();
    int status = estimate_norm(tr, epoch);
    if (!status) status = evaluate(tr, BSO_SPLIT_VALIDATION, &e->validation_loss, &e->validation_accuracy);
    /* Operations are counted while the test set sees the network as it is in the end. */
    const bool last = epoch + 1 >= tr->s->epochs;
    if (!status && last) status = bso_network_count_operations(tr->net);
    if (!status) status = evaluate(tr, BSO_SPLIT_TEST, &e->test_loss, &e->test_accuracy);
    if (!status && last) status = log_operations(tr);
    e->evaluation_seconds = bso_clock() - begun;
    return status;
}

static int run_epoch(training *tr, int epoch)
{
    bso_epoch_log *e = &tr->run->epochs[epoch];
    double begun = bso_clock();
    int status = train_epoch(tr, epoch, e);
    if (status) return status;
    log_layers(tr, epoch, e);
    bso_measure_epoch(tr->measure, epoch);
    for (int i = 0; i < tr->param_count; i++) {
        const bso_learner *l = &tr->learners[i];
        /* Hyperparameters of the rule, and lr, as they were in the last update. */
        if (tr->params[i].main) memcpy(e->hyper, l->hyper, sizeof e->hyper);
        if (!tr->params[i].main) e->lr = l->hyper[bso_hyper_index(l->rule, "weight_lr")];
    }
    status = evaluate_both(tr, epoch, e);
    if (status) return status;
    tr->run->epochs_done = epoch + 1;
    tr->run->final = *e;
    show(tr, epoch, tr->batches, e->train_loss, e->train_accuracy, e->flip_rate, begun, true);
    return 0;
}

/* ---- a whole training ---- */

int bso_train_network(bso_network **net, const bso_settings *s, int channels, int height, int width,
                      int frames, int classes, uint64_t total_updates)
{
    if (bso_network_create(net, s, channels, height, width, frames, classes, true)) return BSO_ERROR;
    if (!bso_mem_planning()) {
        bso_network_init(*net, s->seed);
        if (s->init[0] && bso_store_load(*net, s->init)) return BSO_ERROR;
    }
    return bso_network_attach(*net, s, total_updates);
}

static int prepare(training *tr)
{
    const bso_settings *s = tr->s;
    bso_run *run = tr->run;
    if (bso_loader_open(&tr->loader, s)) return BSO_ERROR;
    /* What making samples or a stand-in took for a while is not what training takes. */
    bso_mem_reset_peak();
    const bso_dataset *d = &tr->loader.data;
    memcpy(run->dataset_name, d->name, sizeof run->dataset_name);
    run->data_checksum = d->checksum;
    for (int i = 0; i < 3; i++) run->samples[i] = tr->loader.count[i];
    tr->batches = tr->loader.count[BSO_SPLIT_TRAIN] / (size_t)s->batch;
    if ((s->epochs > 0 || s->norm_batches > 0) && tr->batches == 0) {
        return bso_fail("batch=%lld: larger than the %zu training samples in use", (long long)s->batch,
                        tr->loader.count[BSO_SPLIT_TRAIN]);
    }
    uint64_t entries = strcmp(s->update, "realtime") == 0 ? (uint64_t)s->steps : 1;
    run->time_entries = (int)entries;
    if (bso_train_network(&tr->net, s, d->channels, d->height, d->width, d->frames, d->classes,
                          (uint64_t)s->epochs * tr->batches * entries))
        return BSO_ERROR;
    if (bso_loader_start(&tr->loader, BSO_SPLIT_TEST, 0, 0, (size_t)s->batch)) return BSO_ERROR; /* room */
    tr->param_count = bso_network_params(tr->net, &tr->params);
    if (main_params(tr) == 0) {
        return bso_fail("network=%s: has no weights for optimizer %s: first and last layer are full "
                        "precision; add a layer between",
                        s->network, s->optimizer);
    }
    bso_network_learners(tr->net, &tr->learners);
    for (int i = 0; i < tr->param_count; i++) {
        const bso_param *p = &tr->params[i];
        *(p->bits ? &run->one_bit_weights : &run->float_weights) += bso_param_count(p);
    }
    run->model_bytes = bso_network_model_bytes(tr->net, false);
    run->model_bytes_float = bso_network_model_bytes(tr->net, true);
    if (log_open(tr)) return BSO_ERROR;
    if (bso_measure_open(&tr->measure, tr->net, run, (uint64_t)s->epochs * tr->batches * entries))
        return BSO_ERROR;
    if (s->trace[0] && bso_trace_open(&tr->trace, s->trace, tr->net, s, s->trace_updates)) return BSO_ERROR;
    return 0;
}

static void finish(training *tr)
{
    bso_run *run = tr->run;
    bso_measure_flips(tr->measure);
    run->weights_hash = bso_network_hash(tr->net);
    for (int i = 0; i < BSO_MEM_CATEGORIES; i++) {
        run->memory_current[i] = bso_mem_current((bso_mem_category)i);
        run->memory_peak[i] = bso_mem_peak((bso_mem_category)i);
        run->memory_at_peak[i] = bso_mem_at_peak((bso_mem_category)i);
    }
    run->memory_total_peak = bso_mem_peak(BSO_MEM_CATEGORIES);
    run->rss_start = rss_at_start;
    run->rss_peak = bso_rss_peak();
    run->seconds = bso_clock() - tr->begun;
    bso_clock_stamp(run->ended);
}

/* The training did not reach its end: nothing stands for what it would have reached there. */
static void mark_diverged(bso_run *run)
{
    snprintf(run->stopped, sizeof run->stopped, "%s", bso_error());
    bso_epoch_log *e = &run->final;
    e->train_loss = e->train_accuracy = e->validation_loss = e->validation_accuracy = NAN;
    e->test_loss = e->test_accuracy = NAN;
}

static void release(training *tr)
{
    for (int i = 0; tr->initial && i < tr->run->weight_logs; i++) bso_free(tr->initial[i]);
    bso_free(tr->initial);
    bso_free(tr->flips_before);
    bso_measure_close(tr->measure);
    bso_network_free(tr->net);
    bso_loader_close(&tr->loader);
}

int bso_train(const bso_settings *s, bso_run *run, void (*progress)(const bso_progress *p, void *user),
              void *user)
{
    memset(run, 0, sizeof *run);
    run->settings = *s;
    if (bso_settings_check(&run->settings) || bso_start((int)s->threads)) return BSO_ERROR;
    training tr = {.run = run, .s = &run->settings, .progress = progress, .user = user, .begun = bso_clock()};
    bso_clock_stamp(run->started);
    run->threads = omp_get_max_threads();
    snprintf(run->kernel_path, sizeof run->kernel_path, "%s", bso_kernel->name);
    int status = prepare(&tr);
    tr.begun = bso_clock();
    if (!status && tr.s->epochs == 0) status = evaluate_both(&tr, 0, &run->final);
    for (int epoch = 0; !status && epoch < (int)tr.s->epochs; epoch++) status = run_epoch(&tr, epoch);
    if (status == BSO_DIVERGED) mark_diverged(run);
    if (!status || status == BSO_DIVERGED) finish(&tr);
    if (!status && tr.s->save[0]) status = bso_store_save(tr.net, tr.s->save);
    if (tr.trace) {
        /* A run that failed keeps its own message, and leaves no file. */
        int closed = bso_trace_close(tr.trace, status == 0);
        if (!status) status = closed;
    }
    release(&tr);
    return status;
}

void bso_run_free(bso_run *run)
{
    for (int i = 0; run->weights && i < run->weight_logs; i++) {
        bso_weight_log *w = &run->weights[i];
        bso_free(w->flips);
        bso_free(w->flip_rate);
        bso_free(w->c2i);
        bso_free(w->v);
        bso_free(w->threshold);
        bso_free(w->cosine);
        bso_free(w->flip_curve);
        bso_free(w->flip_gaps);
    }
    for (int i = 0; run->neurons && i < run->neuron_logs; i++) bso_free(run->neurons[i].firing_rate);
    bso_free(run->weights);
    bso_free(run->neurons);
    bso_free(run->epochs);
    bso_free(run->operations);
    bso_free(run->batch_loss);
    memset(run, 0, sizeof *run);
}
