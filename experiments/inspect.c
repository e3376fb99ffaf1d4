/* inspect.c: `bso inspect FILE`: what is in a result, parameter, trace or checkpoint file, for people. */
#include "experiments/program.h"

#include "core/hdf5_util.h"
#include "core/result.h"
#include "core/training.h"
#include "experiments/verify.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    SHOW_CONFIG = 1,
    SHOW_EPOCHS = 2,
    SHOW_LAYERS = 4,
    SHOW_MEMORY = 8,
    SHOW_OPERATIONS = 16,
    SHOW_ALL = 31
};
enum { MEMBERS_MAX = 1 << 20, DEPTH_MAX = 8 };

static const char help[] =
    "usage: bso inspect FILE.h5 [--config] [--epochs] [--layers] [--memory] [--operations]\n"
    "       bso inspect FILE.h5.checkpoint\n"
    "       bso inspect --verify DIR\n\n"
    "What is in a result file, all of it or the named parts; of a parameter or trace file, a listing; of a\n"
    "checkpoint, what it is of and how far it is.\n"
    "  --verify DIR   read every result, checkpoint and other HDF5 file under DIR and compare it with its "
    "checksum;\n"
    "                 exit status 1: something is damaged, and named\n";

/* ---- Results ---- */

/* What the first rank of a training in shards sent for each batch, and how long that took. */
static void show_communication(const bso_run *run)
{
    const double batches = run->batches ? (double)run->batches : 1;
    if (!*run->ranks) return;
    printf("  shards       %" PRId64 ", ranks are %s; each batch a rank sends %.0f bytes in %.0f exchanges, "
           "which take %.3g ms, %.1f %% of the training\n",
           run->settings.shards, *run->ranks == 't' ? "threads" : "processes (MPI)",
           run->traffic.bytes / batches, run->traffic.calls / batches, 1e3 * run->traffic.seconds / batches,
           run->seconds > 0 ? 100 * run->traffic.seconds / run->seconds : 0);
}

static void show_summary(const char *path, const bso_run *run)
{
    static const char *const provenance[] = {"commit",      "dirty",     "compiler",      "flags",
                                             "cpu",         "system",    "threads",       "hdf5",
                                             "kernel_path", "continued", "kernel_change", "command"};
    enum { LINES = sizeof provenance / sizeof *provenance };
    const bso_settings *s = &run->settings;
    static char text[LINES][4096];
    char took[64];
    bso_duration_text(run->seconds, took, sizeof took);
    printf("%s: result of one training\n", path);
    if (*run->stopped) printf("  diverged     %s\n", run->stopped);
    printf("  method       %s, gradient %s, update %s\n", s->optimizer, s->gradient, s->update);
    printf("  data         %s: %zu training, %zu validation, %zu test samples\n", run->dataset_name,
           run->samples[0], run->samples[1], run->samples[2]);
    printf("  network      %s, T = %" PRId64 "\n", s->network, s->steps);
    printf("  weights      %zu one-bit, %zu float, hash %016" PRIx64 "\n", run->one_bit_weights,
           run->float_weights, run->weights_hash);
    printf("  model        %.2f MB (%.2f MB in float32)\n", run->model_bytes / 1e6,
           run->model_bytes_float / 1e6);
    if (run->epochs_done > 0) {
        const bso_epoch_log *last = &run->epochs[run->epochs_done - 1];
        printf("  last epoch   %d: test accuracy %.2f %%, validation %.2f %%, training loss %.4f\n",
               run->epochs_done, 100 * last->test_accuracy, 100 * last->validation_accuracy,
               last->train_loss);
    }
    printf("  training     %" PRIu64 " updates in %s, %s to %s\n", run->updates, took, run->started,
           run->ended);
    show_communication(run);
    (void)bso_result_provenance(path, provenance, LINES, *text, sizeof *text); /* what is missing is empty */
    for (int i = 0; i < LINES; i++) {
        if (*text[i]) printf("  %-12s %s\n", provenance[i], text[i]);
    }
}

static void show_config(const bso_settings *s)
{
    char text[BSO_TEXT];
    printf("\nsettings\n");
    for (const bso_key *k = bso_keys; k->name; k++) {
        bso_settings_get(s, k->name, text, sizeof text);
        printf("  %-20s %s\n", k->name, text);
    }
    const bso_optimizer *rule = bso_optimizer_find(s->optimizer);
    for (const bso_hyper *h = rule->hypers; h->name; h++) {
        bso_settings_get(s, h->name, text, sizeof text);
        printf("  %-20s %s\n", h->name, text);
    }
}

static void show_epochs(const bso_run *run)
{
    const bso_optimizer *rule = bso_optimizer_find(run->settings.optimizer);
    printf("\nepochs (accuracies in %%, flip rate per update and weight, C2I: share of weights unlike their "
           "start; waited: share of training's time for samples)\n");
    printf("%6s %10s %7s %7s %7s %10s %7s %9s %8s %9s", "epoch", "loss", "train", "valid.", "test",
           "flip rate", "C2I", "images/s", "waited", "lr");
    for (const bso_hyper *h = rule->hypers; h->name; h++) printf(" %16s", h->name);
    printf("\n");
    for (int i = 0; i < run->epochs_done; i++) {
        const bso_epoch_log *e = &run->epochs[i];
        printf("%6d %10.5f %7.2f %7.2f %7.2f %10.3g %7.4f %9.1f %6.2f %% %9.3g", i + 1, e->train_loss,
               100 * e->train_accuracy, 100 * e->validation_accuracy, 100 * e->test_accuracy, e->flip_rate,
               e->c2i, e->images_per_second, 100 * e->waiting_seconds / e->seconds, e->lr);
        for (int h = 0; rule->hypers[h].name; h++) printf(" %16.4g", e->hyper[h]);
        printf("\n");
    }
}

/* The last epoch's numbers of every layer. */
static void show_layers(const bso_run *run)
{
    const int last = run->epochs_done - 1;
    printf("\nlayers, last epoch\n");
    printf("%-18s %12s %12s %10s %8s %12s %12s\n", "weights", "count", "flips", "flip rate", "C2I", "v[T]",
           "threshold[T]");
    for (int i = 0; last >= 0 && i < run->weight_logs; i++) {
        const bso_weight_log *w = &run->weights[i];
        const size_t entry = (size_t)(last + 1) * (size_t)run->time_entries - 1;
        printf("%-18s %12zu %12.0f %10.3g %8.4f %12.4g %12.4g\n", w->name, w->weights, w->flips[last],
               w->flip_rate[last], w->c2i[last], w->v[entry], w->threshold[entry]);
    }
    printf("%-18s %12s  firing rate at t = 1, 2, ...\n", "neurons", "per sample");
    for (int i = 0; last >= 0 && i < run->neuron_logs; i++) {
        const bso_neuron_log *n = &run->neurons[i];
        const size_t steps = (size_t)run->settings.steps;
        printf("%-18s %12zu ", n->name, n->neurons);
        for (size_t t = 0; t < steps; t++) printf(" %.4f", n->firing_rate[(size_t)last * steps + t]);
        printf("\n");
    }
}

static void show_operations(const bso_run *run)
{
    printf("\noperations of inference, for one sample of the test set (NeuroBench's terms)\n");
    if (run->operation_logs == 0) {
        printf("not counted: no test sample, or the training diverged\n");
        return;
    }
    printf("%-10s %14s %14s  %s\n", "synapse", "dense", "effective", "which are");
    for (int i = 0; i < run->operation_logs; i++) {
        const bso_synapse_operations *o = &run->operations[i];
        printf("%-10s %14.0f %14.0f  %s, %s weights\n", o->name, o->dense, o->effective,
               o->binary_input ? "accumulates" : "multiply-accumulates", o->one_bit ? "one-bit" : "float");
    }
    const bso_operations_sum sum = bso_operations_total(run->operations, run->operation_logs);
    printf("%-10s %14.0f %14.0f  %.0f accumulates, %.0f multiply-accumulates; about %.3g uJ at 45 nm\n",
           "all", sum.dense, sum.accumulates + sum.multiply_accumulates, sum.accumulates,
           sum.multiply_accumulates, 1e6 * sum.joules);
    printf("zeros: %.2f %% of activations, %.2f %% of connections\n", 100 * run->activation_sparsity,
           100 * run->connection_sparsity);
}

static void show_memory(const bso_run *run)
{
    const double weights = (double)run->one_bit_weights;
    printf("\nmemory (MB of 10^6 bytes; at peak: when the total was largest)\n");
    printf("%-16s %12s %12s %12s %26s\n", "category", "at peak", "own peak", "at the end",
           "bytes per one-bit weight");
    for (int c = 0; c < BSO_MEM_CATEGORIES; c++) {
        const double at_peak = (double)run->memory_at_peak[c];
        printf("%-16s %12.3f %12.3f %12.3f", bso_mem_name((bso_mem_category)c), at_peak / 1e6,
               (double)run->memory_peak[c] / 1e6, (double)run->memory_current[c] / 1e6);
        if (weights > 0) printf(" %26.3f", at_peak / weights);
        printf("\n");
    }
    printf("%-16s %12.3f\n", "total", (double)run->memory_total_peak / 1e6);
    printf("resident set: %.3f MB at the start, %.3f MB at its peak\n", (double)run->rss_start / 1e6,
           (double)run->rss_peak / 1e6);
}

static int inspect_result(const char *path, int what)
{
    bso_run run;
    if (bso_result_read(path, &run)) return BSO_ERROR;
    if (what == SHOW_ALL) show_summary(path, &run);
    if (what & SHOW_CONFIG) show_config(&run.settings);
    if (what & SHOW_EPOCHS) show_epochs(&run);
    if (what & SHOW_LAYERS) show_layers(&run);
    if (what & SHOW_MEMORY) show_memory(&run);
    if (what & SHOW_OPERATIONS) show_operations(&run);
    bso_run_free(&run);
    return 0;
}

/* ---- Other files: a listing ---- */

static void show_array(const bso_h5_reader *r, const char *path, int depth)
{
    int rank;
    hsize_t dims[BSO_H5_RANK];
    const char *name = strrchr(path, '/') + 1;
    printf("%*s%-*s", 2 * depth, "", 30 - 2 * depth, name);
    if (bso_h5_shape(r, path, &rank, dims)) {
        printf(" (not an array of numbers)\n");
        return;
    }
    for (int i = 0; i < rank; i++) printf("%s%" PRIuHSIZE, i ? " x " : " ", dims[i]);
    printf("\n");
}

/* Depth is bounded: a damaged file can hold a group that holds itself. */
static int show_group(const bso_h5_reader *r, const char *group, int depth)
{
    size_t count;
    if (bso_h5_count(r, group, MEMBERS_MAX, &count)) return BSO_ERROR;
    for (size_t i = 0; i < count; i++) {
        char name[256], path[1024];
        size_t members;
        if (bso_h5_name(r, group, i, name, sizeof name)) return BSO_ERROR;
        if (snprintf(path, sizeof path, "%s%s%s", group, strcmp(group, "/") == 0 ? "" : "/", name) >=
            (int)sizeof path) {
            return bso_fail("%s: %s: names nested too deep", r->path, group);
        }
        if (bso_h5_count(r, path, MEMBERS_MAX, &members)) { /* not a group */
            show_array(r, path, depth);
        } else {
            printf("%*s%s/\n", 2 * depth, "", name);
            if (depth < DEPTH_MAX && show_group(r, path, depth + 1)) return BSO_ERROR;
        }
    }
    return 0;
}

static int inspect_listing(const bso_h5_reader *r, const char *kind)
{
    printf("%s: %s\n", r->path, kind);
    return show_group(r, "/", 1);
}

/* ---- Checkpoints ---- */

static int inspect_checkpoint(const char *path)
{
    static char identity[BSO_CHECKPOINT_IDENTITY + 1];
    bso_position at;
    bso_checkpoint_file f;
    if (bso_checkpoint_open(&f, path)) return BSO_ERROR;
    bso_checkpoint_block(&f, "identity", identity, BSO_CHECKPOINT_IDENTITY);
    bso_checkpoint_block(&f, "position", &at, sizeof at);
    const bool read = !f.failed;
    f.failed = true; /* there is more in it, which is not looked at */
    bso_checkpoint_close(&f, NULL);
    if (!read) return BSO_ERROR;
    printf("%s: checkpoint of a training\n", path);
    printf("  epochs done  %" PRIu64 "\n  then         %" PRIu64 " batches%s\n", at.epoch, at.batch,
           at.logged ? ", all of the epoch; evaluation is next" : "");
    for (char *rest = NULL, *line = strtok_r(identity, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest)) {
        bso_one_line(line);
        const int key = (int)strcspn(line, "=");
        printf("  %-20.*s %s\n", key, line, line[key] ? line + key + 1 : "");
    }
    return 0;
}

struct question {
    const char *path;
    int what;
};

static int not_a_result(const char *path)
{
    return bso_fail(
        "%s: is not a bso-result file; --config, --epochs, --layers, --memory and --operations are for those",
        path);
}

static int inspect(const char *path, int what)
{
    bso_h5_reader r;
    char format[64];
    int version;
    if (bso_h5_open(&r, path)) return BSO_ERROR;
    bso_h5_format(&r, format, sizeof format, &version);
    int status;
    if (strcmp(format, "bso-result") == 0) {
        status = inspect_result(path, what);
    } else if (what != SHOW_ALL) {
        status = not_a_result(path);
    } else if (strcmp(format, "bso-parameters") == 0) {
        status = inspect_listing(&r, "parameters of a network");
    } else if (strcmp(format, "bso-trace") == 0) {
        status = inspect_listing(&r, "trace of a training's first updates");
    } else {
        status =
            bso_fail("%s: is an HDF5 file, but not a result, parameter or trace file of this program", path);
    }
    bso_h5_close(&r);
    return status;
}

static int rehearse(void *user)
{
    const struct question *q = user;
    return inspect(q->path, q->what);
}

int bso_command_inspect(int argc, char **argv)
{
    static const struct {
        const char *name;
        int what;
    } options[] = {{"--config", SHOW_CONFIG},
                   {"--epochs", SHOW_EPOCHS},
                   {"--layers", SHOW_LAYERS},
                   {"--memory", SHOW_MEMORY},
                   {"--operations", SHOW_OPERATIONS}};
    const char *path = NULL, *folder = NULL;
    int what = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(help, stdout);
            return 0;
        }
        bool given = false;
        for (size_t o = 0; o < sizeof options / sizeof *options; o++) {
            if (strcmp(argv[i], options[o].name) == 0) {
                what |= options[o].what;
                given = true;
            }
        }
        if (!given) {
            const int code = bso_option(argc, argv, &i, "--verify", &folder);
            if (code < 0) return code;
            given = code == 1;
        }
        if (given) continue;
        if (argv[i][0] == '-') return bso_usage("no such option: %s", argv[i]);
        if (path) return bso_usage("one file, not also %s", argv[i]);
        path = argv[i];
    }
    if (folder && (path || what)) return bso_usage("--verify goes without a file and its parts");
    if (folder) return bso_verify_tree(folder);
    if (!path) return bso_usage("the file is missing");
    if (bso_checkpoint_is(path)) return what ? not_a_result(path) : inspect_checkpoint(path);
    struct question q = {path, what ? what : SHOW_ALL};
    return bso_h5_rehearse(path, rehearse, &q) ? BSO_ERROR : inspect(path, q.what);
}
