/* checkpoint.c: the state of a training, to disk and back. See trainer.h and training.h.
 *
 * What belongs to the state is listed once, in `exchange`, for writing and reading. What it is the state of,
 * the identity, goes in front of it as text, a line for each thing that has to be the same.
 */
#include "core/checkpoint_file.h"
#include "core/training.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/kernels.h"
#include "core/notice.h"
#include "core/record.h"
#include "core/seal.h"

#include <cblas.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { IDENTITY = BSO_CHECKPOINT_IDENTITY };

static const char before[] = ".previous";

void bso_checkpoints_remove(const char *path)
{
    char previous[BSO_PATH];
    unlink(path);
    if (bso_file_with(previous, path, before) == 0) unlink(previous);
}

/* ---- identity ---- */

__attribute__((format(printf, 2, 3))) static void add_line(char *text, const char *format, ...)
{
    const size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + used, IDENTITY - used, format, args);
    va_end(args);
}

/* Lines of what may change where the user says so. */
static const char *const elsewhere[] = {"kernels=", "cpu=", "openblas="};

/* "name=value\n" for everything that must be the same. IDENTITY holds any settings: 3 texts of 1 KiB, short
 * words and numbers. */
static int describe(const bso_training *tr, char text[IDENTITY])
{
    const bso_run *run = tr->run;
    static uint32_t program; /* read once */
    char value[BSO_TEXT];
    if (!program && bso_seal_sum("/proc/self/exe", &program)) return BSO_ERROR;
    memset(text, 0, IDENTITY);
    add_line(text, "program=%s, CRC-32 %08" PRIx32 "\n", bso_record_commit(), program);
    for (const bso_key *k = bso_keys; k->name; k++) {
        if (!k->identity || bso_settings_get(tr->s, k->name, value, sizeof value)) continue;
        add_line(text, "%s=%s\n", k->name, value);
    }
    const bso_optimizer *rule = bso_optimizer_find(tr->s->optimizer);
    for (int i = 0; rule && rule->hypers[i].name; i++) {
        if (bso_settings_get(tr->s, rule->hypers[i].name, value, sizeof value)) continue;
        add_line(text, "%s=%s\n", rule->hypers[i].name, value);
    }
    const bso_dataset *d = &tr->loader.data;
    add_line(text, "data=%s, CRC-32 %08" PRIx32 ", %d x %d x %d x %d, %zu + %zu + %zu samples\n",
             run->dataset_name, run->data_checksum, d->frames, d->channels, d->height, d->width,
             run->samples[0], run->samples[1], run->samples[2]);
    add_line(text, "kernels=%s\n", bso_kernel->name);
    bso_record_cpu(value, sizeof value);
    add_line(text, "cpu=%s\n", value);
    add_line(text, "openblas=%s\n", openblas_get_config());
    return 0;
}

static const char *next_line(const char *line)
{
    line += strcspn(line, "\n");
    return *line ? line + 1 : line;
}

/* The line of a text that begins with the first `length` characters of `line`; NULL where there is none. */
static const char *same_key(const char *text, const char *line, size_t length)
{
    for (; *text; text = next_line(text)) {
        if (strncmp(text, line, length) == 0) return text;
    }
    return NULL;
}

/* A difference between two identities: a line of each. */
typedef struct {
    char there[BSO_TEXT + BSO_WORD], here[BSO_TEXT + BSO_WORD];
    bool elsewhere;
} difference;

/* The first difference that counts: those of kernels and CPU come after all others. */
static bool differ(const char *there, const char *here, difference *d)
{
    bool found = false;
    for (const char *line = here; *line; line = next_line(line)) {
        const size_t length = strcspn(line, "\n"), key = strcspn(line, "=") + 1;
        const char *other = same_key(there, line, key);
        const size_t other_length = other ? strcspn(other, "\n") : 0;
        if (other && other_length == length && memcmp(line, other, length) == 0) continue;
        bool may_change = false;
        for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
            may_change = may_change || strncmp(line, elsewhere[i], strlen(elsewhere[i])) == 0;
        if (found && (may_change || !d->elsewhere)) continue;
        snprintf(d->here, sizeof d->here, "%.*s", (int)length, line);
        snprintf(d->there, sizeof d->there, "%.*s", (int)other_length, other ? other : "");
        d->elsewhere = may_change;
        found = true;
    }
    return found;
}

int bso_training_compare(const bso_training *tr)
{
    if (!tr->shards) return 0;
    char mine[IDENTITY], first[IDENTITY];
    difference d;
    int status = describe(tr, mine);
    memcpy(first, mine, sizeof first);
    bso_shards_broadcast(tr->shards, first, sizeof first);
    if (!status && differ(first, mine, &d)) {
        status = bso_fail("%s, but shard 1 has %s; all processes of a training must have the same", d.here,
                          d.there);
    }
    if (bso_shards_agree(tr->shards, status, NULL)) return BSO_ERROR;
    const uint64_t files = (uint64_t)(tr->checkpoints != NULL) << 1 | (*tr->s->save != 0);
    return bso_shards_same(tr->shards, files, "--out, --checkpoint or save") ||
                   bso_shards_same(tr->shards, bso_network_hash(tr->net), "the initial weights")
               ? BSO_ERROR
               : 0;
}

/* ---- state ---- */

static void exchange_network(bso_checkpoint_file *f, bso_network *net, size_t steps)
{
    bso_param *params;
    bso_learner *learners;
    bso_buffer *buffers;
    bso_neuron_counts *neurons;
    const int param_count = bso_network_params(net, &params),
              buffer_count = bso_network_buffers(net, &buffers),
              neuron_count = bso_network_neurons(net, &neurons);
    bso_network_learners(net, &learners);
    for (int i = 0; i < param_count; i++) {
        const bso_param *p = &params[i];
        bso_learner *l = &learners[i];
        if (p->bits) bso_checkpoint_block(f, p->name, p->bits, bso_param_words(p) * sizeof *p->bits);
        if (p->real) bso_checkpoint_block(f, p->name, p->real, bso_param_count(p) * sizeof *p->real);
        bso_checkpoint_block(f, "optimizer state", l->state, l->rule->state_bytes(p, l->time_entries));
        bso_checkpoint_block(f, "updates", &l->update, sizeof l->update);
        bso_checkpoint_block(f, "flips", &l->all_flips, sizeof l->all_flips);
        bso_checkpoint_block(f, "hyperparameters", l->hyper,
                             sizeof l->hyper); /* of the last update: logged */
    }
    for (int i = 0; i < buffer_count; i++)
        bso_checkpoint_block(f, buffers[i].name, buffers[i].data, buffers[i].count * sizeof(float));
    for (int i = 0; i < neuron_count; i++) {
        bso_checkpoint_block(f, neurons[i].name, neurons[i].spikes, steps * sizeof(double));
        bso_checkpoint_block(f, "samples", &neurons[i].samples, sizeof(double));
    }
}

static void exchange_logs(bso_checkpoint_file *f, bso_training *tr)
{
    bso_run *run = tr->run;
    const size_t epochs = (size_t)tr->s->epochs, entries = epochs * (size_t)run->time_entries,
                 steps = epochs * (size_t)tr->s->steps;
    bso_checkpoint_block(f, "epochs", run->epochs, epochs * sizeof *run->epochs);
    for (int i = 0; i < run->weight_logs; i++) {
        bso_weight_log *w = &run->weights[i];
        const bso_param *p = &tr->params[bso_training_logged(tr, i)];
        bso_checkpoint_block(f, "flips", w->flips, epochs * sizeof(double));
        bso_checkpoint_block(f, "flip_rate", w->flip_rate, epochs * sizeof(double));
        bso_checkpoint_block(f, "c2i", w->c2i, epochs * sizeof(double));
        bso_checkpoint_block(f, "v", w->v, entries * sizeof(double));
        bso_checkpoint_block(f, "threshold", w->threshold, entries * sizeof(double));
        if (tr->initial[i])
            bso_checkpoint_block(f, "initial signs", tr->initial[i], bso_param_words(p) * sizeof(uint64_t));
    }
    bso_checkpoint_block(f, "flips before", tr->flips_before, (size_t)run->weight_logs * sizeof(uint64_t));
    for (int i = 0; i < run->neuron_logs; i++)
        bso_checkpoint_block(f, "firing_rate", run->neurons[i].firing_rate, steps * sizeof(double));
    bso_checkpoint_block(f, "batches", &run->batches, sizeof run->batches);
    if (!f->failed && run->batches > epochs * tr->batches)
        f->failed = bso_fail("%s: has more batches than the training", f->path) != 0;
    if (f->failed) return;
    bso_checkpoint_block(f, "batch_loss", run->batch_loss, run->batches * sizeof(double));
    bso_checkpoint_block(f, "updates", &run->updates, sizeof run->updates);
    bso_checkpoint_block(f, "epochs done", &run->epochs_done, sizeof run->epochs_done);
    bso_checkpoint_block(f, "memory_peak", run->memory_peak, sizeof run->memory_peak);
    bso_checkpoint_block(f, "memory_at_peak", run->memory_at_peak, sizeof run->memory_at_peak);
    bso_checkpoint_block(f, "memory_total_peak", &run->memory_total_peak, sizeof run->memory_total_peak);
    bso_checkpoint_block(f, "rss_peak", &run->rss_peak, sizeof run->rss_peak);
    bso_checkpoint_block(f, "traffic", &run->traffic, sizeof run->traffic);
    bso_checkpoint_block(f, "started", run->started, sizeof run->started);
    bso_checkpoint_block(f, "continued", &run->continued, sizeof run->continued);
    bso_checkpoint_block(f, "kernel_change", run->kernel_change, sizeof run->kernel_change);
}

/* The whole state, to the file or from it. */
static void exchange(bso_checkpoint_file *f, bso_training *tr)
{
    bso_checkpoint_block(f, "position", &tr->at, sizeof tr->at);
    bso_checkpoint_block(f, "seconds", &tr->earlier, sizeof tr->earlier);
    exchange_network(f, tr->net, (size_t)tr->s->steps);
    exchange_logs(f, tr);
    bso_measure_exchange(tr->measure, f);
}

/* ---- writing ---- */

static int write_checkpoint(bso_training *tr)
{
    char previous[BSO_PATH], identity[IDENTITY];
    bso_checkpoint_file f;
    if (bso_file_with(previous, tr->checkpoints->path, before) || describe(tr, identity) ||
        bso_checkpoint_create(&f, tr->checkpoints->path))
        return BSO_ERROR;
    /* Seconds in the file are those of all processes up to now. */
    const double earlier = tr->earlier;
    tr->earlier += bso_clock() - tr->begun;
    bso_training_log_memory(tr->run);
    bso_checkpoint_block(&f, "identity", identity, sizeof identity);
    exchange(&f, tr);
    tr->earlier = earlier;
    tr->checkpointed = bso_clock();
    return bso_checkpoint_close(&f, previous);
}

int bso_training_checkpoint(bso_training *tr)
{
    if (!tr->checkpoints) return 0;
    if (bso_training_gather(tr)) return BSO_ERROR;
    const int status = bso_shards_rank(tr->shards) == 0 ? write_checkpoint(tr) : 0;
    return bso_shards_agree(tr->shards, status, NULL);
}

bool bso_training_checkpoint_due(const bso_training *tr)
{
    return tr->checkpoints && bso_clock() - tr->checkpointed >= tr->checkpoints->seconds;
}

/* ---- reading ---- */

enum { NOTHING = 1, DAMAGED = 2 };

/* Open a checkpoint up to its identity. Returns 0, NOTHING, or DAMAGED with bso_fail. */
static int open_checkpoint(bso_checkpoint_file *f, const char *path, char identity[IDENTITY])
{
    if (access(path, F_OK)) return NOTHING;
    if (bso_checkpoint_open(f, path)) return DAMAGED;
    bso_checkpoint_block(f, "identity", identity, IDENTITY);
    identity[IDENTITY - 1] = '\0';
    if (!f->failed) return 0;
    bso_checkpoint_close(f, NULL);
    return DAMAGED;
}

/* The newest checkpoint that is whole. Returns 0, or NOTHING after warnings where there is none. */
static int open_newest(bso_checkpoint_file *f, const char *path, const char *previous, char *identity)
{
    char text[2048 + 64];
    int status = open_checkpoint(f, path, identity);
    if (!status) return 0;
    if (status == DAMAGED) {
        snprintf(text, sizeof text, "%s; trying the one before it", bso_error());
        bso_notice_warning(text);
    }
    const bool damaged = status == DAMAGED;
    status = open_checkpoint(f, previous, identity);
    if (!status) return 0;
    if (status == DAMAGED) bso_notice_warning(bso_error());
    if (damaged || status == DAMAGED) bso_notice_warning("no checkpoint is whole; training begins anew");
    return NOTHING;
}

/* Is the checkpoint of this training? Returns 0, NOTHING where it is to be passed over, or BSO_ERROR. */
static int check_identity(const bso_training *tr, const bso_checkpoint_file *f, const char *there,
                          bool *other_kernels)
{
    char here[IDENTITY];
    difference d;
    if (describe(tr, here)) return BSO_ERROR;
    *other_kernels = false;
    if (!differ(there, here, &d)) return 0;
    *other_kernels = d.elsewhere;
    if (d.elsewhere && tr->checkpoints->allow_kernel_change) return 0;
    bso_fail("%s: is of another %s: '%s' there, '%s' here; %s", f->path,
             d.elsewhere ? "machine, and going on could give other bits" : "training", d.there, d.here,
             d.elsewhere ? "--allow-kernel-change goes on all the same, and marks the result"
                         : "remove it, or begin anew with --or-restart");
    if (!tr->checkpoints->or_restart) return BSO_ERROR;
    bso_notice_warning(bso_error());
    bso_notice_warning("training begins anew");
    return NOTHING;
}

static void note_kernel_change(bso_training *tr, const char *there)
{
    const char *line = same_key(there, "kernels=", strlen("kernels="));
    const char *used = line ? line + strlen("kernels=") : "unknown";
    snprintf(tr->run->kernel_change, sizeof tr->run->kernel_change,
             "%.*s to %s at epoch %" PRIu64 ", batch %" PRIu64, (int)strcspn(used, "\n"), used,
             bso_kernel->name, tr->at.epoch + 1, tr->at.batch + 1);
}

static void tell(const bso_training *tr)
{
    char text[256];
    snprintf(text, sizeof text,
             "going on from a checkpoint: epoch %" PRIu64 " of %" PRId64 ", batch %" PRIu64 " of %zu%s",
             tr->at.epoch + 1, tr->s->epochs, tr->at.logged ? tr->at.batch : tr->at.batch + 1, tr->batches,
             *tr->run->kernel_change ? "; kernels have changed" : "");
    bso_notice_warning(text);
}

/* *found <- 1 where there is one and it was read. Returns 0 or BSO_ERROR. */
static int read_checkpoint(bso_training *tr, unsigned *found)
{
    bso_checkpoint_file f;
    char previous[BSO_PATH], identity[IDENTITY];
    bool other_kernels;
    if (bso_file_with(previous, tr->checkpoints->path, before)) return BSO_ERROR;
    if (open_newest(&f, tr->checkpoints->path, previous, identity)) return 0;
    int status = check_identity(tr, &f, identity, &other_kernels);
    if (status) {
        f.failed = true;
        bso_checkpoint_close(&f, NULL);
        return status == NOTHING ? 0 : BSO_ERROR;
    }
    exchange(&f, tr);
    if (bso_checkpoint_close(&f, NULL)) return BSO_ERROR;
    tr->run->continued++;
    if (other_kernels) note_kernel_change(tr, identity);
    *found = 1;
    return 0;
}

int bso_training_continue(bso_training *tr)
{
    if (!tr->checkpoints) return 0;
    const bool first = bso_shards_rank(tr->shards) == 0;
    unsigned found = 0;
    const int status = bso_shards_agree(tr->shards, first ? read_checkpoint(tr, &found) : 0, &found);
    if (status || !found) return status;
    if (tr->shards) {
        bso_checkpoint_file others = {.shards = tr->shards};
        exchange(&others, tr);
        /* What was counted before is the first rank's. */
        if (!first) bso_network_reset_counts(tr->net);
    }
    if (tr->run->epochs_done > 0) tr->run->final = tr->run->epochs[tr->run->epochs_done - 1];
    if (first) tell(tr);
    return 0;
}
