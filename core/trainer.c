/* trainer.c: a training from its start to its end: batches, epochs, evaluation. See trainer.h. */
#define _GNU_SOURCE
#include "core/training.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/kernels.h"

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

/* What holds for the calling thread and its team, and not for others that call OpenMP. */
static void start_team(int threads)
{
    omp_set_dynamic(0); /* a team of one thread would let OpenBLAS split a product, which changes its bits */
    omp_set_num_threads(threads);
    flush_to_zero();
}

int bso_start(int threads)
{
    static bool started;
    static int default_threads;
    if (!default_threads) default_threads = omp_get_max_threads();
    start_team(threads > 0 ? threads : default_threads);
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

/* ---- epochs ---- */

static void show(bso_training *tr, int epoch, size_t batch, double loss, double accuracy, double flip_rate,
                 bool end)
{
    const double t = bso_clock();
    if (!tr->progress || (!end && t - tr->shown < 0.2)) return;
    tr->shown = t;
    const double done = (double)epoch + (double)batch / (double)tr->batches, seconds = tr->at.seconds;
    const double per_epoch = done > tr->from ? (t - tr->begun) / (done - tr->from) : NAN;
    bso_progress p = {
        .run = tr->run,
        .epoch = epoch + 1,
        .epochs = (int)tr->s->epochs,
        .batch = batch,
        .batches = tr->batches,
        .loss = loss,
        .accuracy = accuracy,
        .flip_rate = flip_rate,
        .images_per_second = seconds > 0 ? (double)batch * (double)tr->s->batch / seconds : 0,
        .seconds_left = per_epoch * ((double)tr->s->epochs - done),
        .epoch_end = end,
    };
    if (end) p.images_per_second = tr->run->epochs[epoch].images_per_second;
    tr->progress(&p, tr->user);
}

/* The next samples of the sequence that was started, and what all ranks have to know before they use them:
 * whether each has its samples, wants to stop, finds a checkpoint due. */
enum { STOP = 1, CHECKPOINT = 2 };
typedef struct {
    const float *x;
    const int *y;
    size_t n;
    unsigned wanted;
} samples;

static int next_samples(bso_training *tr, samples *next)
{
    next->wanted = bso_stop_requested ? STOP : 0;
    int status = bso_loader_next(&tr->loader, &next->x, &next->y, &next->n);
    /* Clocks differ: the first rank's is the one that counts. */
    if (bso_shards_rank(tr->shards) == 0 && bso_training_checkpoint_due(tr)) next->wanted |= CHECKPOINT;
    return bso_shards_agree(tr->shards, status, &next->wanted);
}

static int start_samples(bso_training *tr, bso_split split, int epoch, size_t first, size_t end)
{
    return bso_shards_agree(
        tr->shards, bso_loader_start(&tr->loader, split, (uint32_t)epoch, first, end, (size_t)tr->s->batch),
        NULL);
}

static int train_batch(bso_training *tr, size_t b, const samples *now)
{
    const bso_observer *observer =
        tr->trace ? bso_trace_observer(tr->trace) : bso_measure_batch(tr->measure, b);
    bso_run *run = tr->run;
    bso_batch_result result;
    const bso_traffic before = bso_shards_traffic(tr->shards);
    int status = bso_network_train(tr->net, now->x, now->y, (int)now->n, observer, &result);
    if (tr->shards && tr->shards->lost) return bso_shards_agree(tr->shards, BSO_ERROR, NULL);
    if (status) {
        bso_fail_context("epoch %d, batch %zu", (int)tr->at.epoch + 1, b + 1);
        return status;
    }
    const bso_traffic after = bso_shards_traffic(tr->shards);
    run->traffic.bytes += after.bytes - before.bytes;
    run->traffic.calls += after.calls - before.calls;
    run->traffic.seconds += after.seconds - before.seconds;
    run->batch_loss[run->batches++] = result.loss;
    run->updates += (uint64_t)run->time_entries;
    tr->at.loss += result.loss;
    tr->at.correct += result.correct;
    tr->at.batch = b + 1;
    return 0;
}

/* The epoch's batches, those before tr->at.batch apart. */
static int train_epoch(bso_training *tr, int epoch, bso_epoch_log *e)
{
    bso_run *run = tr->run;
    bso_position *at = &tr->at;
    const size_t batch = (size_t)tr->s->batch;
    if (at->batch == 0) {
        for (int i = 0; i < run->weight_logs; i++)
            tr->flips_before[i] = tr->learners[bso_training_logged(tr, i)].all_flips;
        bso_network_reset_counts(tr->net);
    }
    const double begun = bso_clock() - at->seconds, waited = tr->loader.waited - at->waited;
    if (start_samples(tr, BSO_SPLIT_TRAIN, epoch, at->batch * batch, tr->batches * batch)) return BSO_ERROR;
    for (size_t b = at->batch; b < tr->batches; b++) {
        samples now;
        int status = next_samples(tr, &now);
        if (status) return bso_fail_context("epoch %d, batch %zu", (int)at->epoch + 1, b + 1);
        if (now.wanted && bso_training_checkpoint(tr)) return BSO_ERROR;
        if (now.wanted & STOP) return BSO_INTERRUPTED;
        status = train_batch(tr, b, &now);
        if (status) return status;
        at->seconds = bso_clock() - begun;
        at->waited = tr->loader.waited - waited;
        const double done = (double)(b + 1);
        show(tr, epoch, b + 1, at->loss / done, at->correct / (done * (double)batch),
             bso_training_flip_rate(tr, b + 1), false);
    }
    e->train_loss = at->loss / (double)tr->batches;
    e->train_accuracy = at->correct / (double)(tr->batches * batch);
    e->seconds = at->seconds;
    e->waiting_seconds = at->waited;
    e->images_per_second = (double)tr->batches * (double)batch / at->seconds;
    return 0;
}

static int evaluate(bso_training *tr, bso_split split, double *loss, double *accuracy)
{
    size_t count = tr->loader.count[split], batch = (size_t)tr->s->batch;
    double sums[2] = {0}; /* loss, correct */
    if (start_samples(tr, split, 0, 0, count)) return BSO_ERROR;
    for (size_t first = 0; first < count; first += batch) {
        samples now;
        bso_batch_result result;
        if (next_samples(tr, &now)) return BSO_ERROR;
        if (now.wanted & STOP) return BSO_INTERRUPTED;
        if (now.n == 0) continue; /* other ranks have the rest */
        bso_network_evaluate(tr->net, now.x, now.y, (int)now.n, &result);
        sums[0] += result.loss * (double)now.n;
        sums[1] += result.correct;
    }
    bso_shards_sum_doubles(tr->shards, sums, 2);
    *loss = count && isfinite(sums[0]) ? sums[0] / (double)count : NAN; /* files hold no infinities */
    *accuracy = count ? sums[1] / (double)count : NAN;
    return 0;
}

/* Batch norm's running statistics from the epoch's first batches, as training sees them. */
static int estimate_norm(bso_training *tr, int epoch)
{
    size_t batch = (size_t)tr->s->batch, wanted = (size_t)tr->s->norm_batches;
    if (wanted > tr->batches) wanted = tr->batches;
    if (wanted && start_samples(tr, BSO_SPLIT_TRAIN, epoch, 0, wanted * batch)) return BSO_ERROR;
    for (size_t b = 0; b < wanted; b++) {
        samples now;
        if (next_samples(tr, &now)) return BSO_ERROR;
        if (now.wanted & STOP) return BSO_INTERRUPTED;
        bso_network_estimate_norm(tr->net, now.x, (int)now.n, b);
    }
    return 0;
}

static int evaluate_both(bso_training *tr, int epoch, bso_epoch_log *e)
{
    double begun = bso_clock();
    int status = estimate_norm(tr, epoch);
    if (!status) status = evaluate(tr, BSO_SPLIT_VALIDATION, &e->validation_loss, &e->validation_accuracy);
    /* Operations are counted while the test set sees the network as it is in the end. */
    const bool last = epoch + 1 >= tr->s->epochs;
    if (!status && last) status = bso_shards_agree(tr->shards, bso_network_count_operations(tr->net), NULL);
    if (!status) status = evaluate(tr, BSO_SPLIT_TEST, &e->test_loss, &e->test_accuracy);
    if (!status && last) status = bso_shards_agree(tr->shards, bso_training_log_operations(tr), NULL);
    e->evaluation_seconds = bso_clock() - begun;
    return status;
}

/* Write down what the epoch's training came to. */
static void log_epoch(bso_training *tr, int epoch, bso_epoch_log *e)
{
    bso_training_log_layers(tr, epoch, e);
    bso_measure_epoch(tr->measure, epoch);
    for (int i = 0; i < tr->param_count; i++) {
        const bso_learner *l = &tr->learners[i];
        /* Hyperparameters of the rule, and lr, as they were in the last update. */
        if (tr->params[i].main) memcpy(e->hyper, l->hyper, sizeof e->hyper);
        if (!tr->params[i].main) e->lr = l->hyper[bso_hyper_index(l->rule, "weight_lr")];
    }
    tr->at.logged = 1;
}

/* From wherever in the epoch the training stands to its end. A checkpoint is written before the evaluation,
 * which is worked out again where it is the last thing that a process did. */
static int run_epoch(bso_training *tr, int epoch)
{
    bso_epoch_log *e = &tr->run->epochs[epoch];
    if (!tr->at.logged) {
        int status = train_epoch(tr, epoch, e);
        if (!status) status = bso_training_gather(tr);
        if (status) return status;
        log_epoch(tr, epoch, e);
        if (bso_training_checkpoint(tr)) return BSO_ERROR;
    }
    int status = evaluate_both(tr, epoch, e);
    if (status) return status;
    tr->run->epochs_done = epoch + 1;
    tr->run->final = *e;
    tr->at = (bso_position){.epoch = (uint64_t)epoch + 1};
    show(tr, epoch, tr->batches, e->train_loss, e->train_accuracy, e->flip_rate, true);
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

/* lender: whose data set is used, or NULL. */
static int prepare(bso_training *tr, int rank, const bso_loader *lender)
{
    const bso_settings *s = tr->s;
    bso_run *run = tr->run;
    if (bso_loader_open_shard(&tr->loader, s, rank, lender)) return BSO_ERROR;
    /* What making samples or a stand-in took for a while is not what training takes. */
    if (!lender) bso_mem_reset_peak();
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
    if (bso_loader_start(&tr->loader, BSO_SPLIT_TEST, 0, 0, 0, (size_t)s->batch)) return BSO_ERROR; /* room */
    tr->param_count = bso_network_params(tr->net, &tr->params);
    if (bso_training_logs(tr) == 0) {
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
    if (bso_training_log_open(tr)) return BSO_ERROR;
    if (bso_measure_open(&tr->measure, tr->net, run, (uint64_t)s->epochs * tr->batches * entries))
        return BSO_ERROR;
    if (s->trace[0] && bso_trace_open(&tr->trace, s->trace, tr->net, s, s->trace_updates)) return BSO_ERROR;
    return 0;
}

static void finish(bso_training *tr)
{
    bso_run *run = tr->run;
    bso_measure_flips(tr->measure);
    run->weights_hash = bso_network_hash(tr->net);
    bso_training_log_memory(run);
    run->rss_start = rss_at_start;
    run->seconds = tr->earlier + bso_clock() - tr->begun;
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

static void release(bso_training *tr)
{
    for (int i = 0; tr->initial && i < tr->run->weight_logs; i++) bso_free(tr->initial[i]);
    bso_free(tr->initial);
    bso_free(tr->flips_before);
    bso_measure_close(tr->measure);
    bso_network_free(tr->net);
    bso_loader_close(&tr->loader);
}

/* Everything that a rank, or the only one, needs of its own. tr: run is set, with settings that are checked;
 * whatever comes of it, it is to be released. lender: the loader whose data set is used by ranks that share a
 * process with it; or NULL. Returns 0 or BSO_ERROR. */
static int begin(bso_training *tr, int rank, const bso_train_options *o, const bso_loader *lender)
{
    bso_run *run = tr->run;
    tr->s = &run->settings;
    tr->progress = o->progress;
    tr->user = o->user;
    /* A trace is of the first updates, and is not carried on. */
    if (o->checkpoints.path && !*run->settings.trace) tr->checkpoints = &o->checkpoints;
    bso_clock_stamp(run->started);
    snprintf(run->kernel_path, sizeof run->kernel_path, "%s", bso_kernel->name);
    run->threads = omp_get_max_threads();
    return prepare(tr, rank, lender);
}

/* All the rest, as one of a group, or alone. */
static int train(bso_training *tr)
{
    bso_run *run = tr->run;
    bso_shards *shards = tr->shards;
    if (shards) snprintf(run->ranks, sizeof run->ranks, "%s", shards->transport->name);
    bso_network_join(tr->net, shards);
    int status = bso_training_continue(tr);
    tr->begun = tr->checkpointed = bso_clock();
    tr->from = (double)tr->at.epoch + (tr->at.batch ? (double)tr->at.batch / (double)tr->batches : 0);
    if (!status && tr->s->epochs == 0) status = evaluate_both(tr, 0, &run->final);
    for (int epoch = (int)tr->at.epoch; !status && epoch < (int)tr->s->epochs; epoch++)
        status = run_epoch(tr, epoch);
    if (status == BSO_DIVERGED) mark_diverged(run);
    if (!status || status == BSO_DIVERGED) finish(tr);
    if (!status && tr->s->save[0]) {
        const bool first = bso_shards_rank(shards) == 0;
        status = bso_shards_agree(shards, first ? bso_store_save(tr->net, tr->s->save) : 0, NULL);
    }
    if (tr->trace) {
        /* A run that failed keeps its own message, and leaves no file. */
        int closed = bso_trace_close(tr->trace, status == 0);
        if (!status) status = closed;
    }
    return status;
}

/* The only rank in this process, one of several or of one. */
static int train_alone(bso_run *run, const bso_train_options *o, bso_shards *world)
{
    bso_training tr = {.run = run, .shards = world};
    const int rank = bso_shards_rank(world);
    /* What is made once, a stand-in or decoded samples, the first process makes, and the others find. */
    int status = rank == 0 ? begin(&tr, rank, o, NULL) : 0;
    status = bso_shards_agree(world, status, NULL);
    if (!status) {
        if (rank > 0) status = begin(&tr, rank, o, NULL);
        status = bso_shards_agree(world, status, NULL);
    }
    if (!status) status = bso_training_compare(&tr);
    if (!status) status = train(&tr);
    release(&tr);
    return status;
}

/* ---- several ranks in one process ---- */

typedef struct {
    bso_training training;
    bso_run run; /* of all but rank 0, whose run is the caller's */
} member;

typedef struct {
    member *members;
    int size;
    int threads;              /* of each rank */
    bso_train_options others; /* of all but rank 0 */
} team;

static int train_member(void *user, bso_shards *g)
{
    const team *all = user;
    bso_training *tr = &all->members[g->rank].training;
    start_team(all->threads);
    tr->shards = g;
    return train(tr);
}

/* All of them before the first has a thread: files are read by one at a time, and some in a child process,
 * which is not made while other threads are at work. */
static int begin_all(const team *all, bso_run *run, const bso_train_options *o)
{
    const member *first = &all->members[0];
    int status = 0;
    for (int rank = 0; !status && rank < all->size; rank++) {
        member *m = &all->members[rank];
        m->run.settings = run->settings;
        m->training.run = rank ? &m->run : run;
        status = begin(&m->training, rank, rank ? &all->others : o, rank ? &first->training.loader : NULL);
    }
    return status;
}

/* Every rank in a thread of its own, with its share of the OpenMP threads. */
static int train_shards(bso_run *run, const bso_train_options *o)
{
    const int size = (int)run->settings.shards, most = omp_get_max_threads();
    team all = {.size = size, .threads = most > size ? most / size : 1, .others.checkpoints = o->checkpoints};
    all.members = bso_alloc(BSO_MEM_CONTROL, (size_t)size, sizeof *all.members, "shards");
    if (!all.members) return BSO_ERROR;
    /* Else the first products of all ranks would set it at once. A product is never split (synapse.c). It
     * sets OpenMP's threads, too. */
    openblas_set_num_threads(1);
    start_team(all.threads);
    int status = begin_all(&all, run, o);
    if (!status) status = bso_shards_run(size, train_member, &all);
    for (int rank = size - 1; rank >= 0; rank--) { /* the lender last */
        release(&all.members[rank].training);
        bso_run_free(&all.members[rank].run);
    }
    bso_free(all.members);
    return status;
}

/* Are the settings fit to be trained, by as many processes as there are? */
static int check(bso_settings *s, const bso_shards *world)
{
    if (bso_settings_check(s) || bso_start((int)s->threads)) return BSO_ERROR;
    if (!world && s->shards > 1 && bso_shards_expected()) {
        return bso_fail("shards=%lld: this is one of several processes, but of a program without MPI; "
                        "start build/bso-mpi (make mpi)",
                        (long long)s->shards);
    }
    if (world && world->size != s->shards) {
        return bso_fail(
            "shards=%lld: %d processes were started together, and each is one shard; set shards=%d",
            (long long)s->shards, world->size, world->size);
    }
    return 0;
}

int bso_train(const bso_settings *s, bso_run *run, const bso_train_options *options)
{
    static const bso_train_options none;
    const bso_train_options *o = options ? options : &none;
    bso_shards *world = bso_shards_world();
    memset(run, 0, sizeof *run);
    run->settings = *s;
    const int status = bso_shards_agree(world, check(&run->settings, world), NULL);
    if (status) return status;
    return !world && s->shards > 1 ? train_shards(run, o) : train_alone(run, o, world);
}
