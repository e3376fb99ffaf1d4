/* result_read.c: reading result files, which may be anything. See result.h; writing is in result.c.
 *
 * Every size comes from the file and is bounded by the file's length before memory is asked for: data sets
 * are stored plain, so a data set larger than its file is a lie.
 */
#include "core/result.h"

#include "core/error.h"
#include "core/record.h"
#include "core/result_format.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS_MAX = 4096 };

/* Room for count x per doubles that the file can hold. */
static double *room(const bso_h5_reader *r, const char *what, uint64_t count, uint64_t per)
{
    uint64_t n;
    if (__builtin_mul_overflow(count, per, &n) || n > r->bytes / sizeof(double)) {
        bso_fail("%s: %s: larger than the file itself", r->path, what);
        return NULL;
    }
    return bso_alloc(BSO_MEM_LOG, n, sizeof(double), "a result file");
}

static int check_values(const bso_h5_reader *r, const char *path, const double *x, size_t n, bool share)
{
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i])) continue;
        if (isinf(x[i])) return bso_fail("%s: %s: value %zu is infinite", r->path, path, i);
        if (share && !(x[i] >= 0 && x[i] <= 1)) {
            return bso_fail("%s: %s: value %zu is %g, not in 0 to 1", r->path, path, i, x[i]);
        }
    }
    return 0;
}

/* A whole data set of known shape, newly allocated. */
static int get_array(const bso_h5_reader *r, const char *group, const char *name, int rank,
                     const hsize_t *dims, double **data)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", group, name);
    hsize_t per = 1;
    for (int i = 1; i < rank; i++) per *= dims[i]; /* at most the square of the largest T */
    *data = room(r, path, dims[0], per);
    if (!*data || bso_h5_get_doubles(r, path, rank, dims, *data)) return BSO_ERROR;
    return check_values(r, path, *data, dims[0] * per, false);
}

/* The length of a one-dimensional data set. */
static int get_length(const bso_h5_reader *r, const char *path, hsize_t *length)
{
    int rank;
    hsize_t dims[BSO_H5_RANK];
    *length = 0;
    if (bso_h5_shape(r, path, &rank, dims)) return BSO_ERROR;
    if (rank != 1) return bso_fail("%s: %s has %d axes, not 1", r->path, path, rank);
    *length = dims[0];
    return 0;
}

static int get_size(const bso_h5_reader *r, const char *object, const char *name, size_t *value)
{
    uint64_t x;
    if (bso_h5_get_unsigned(r, object, name, &x)) return BSO_ERROR;
    *value = x;
    return 0;
}

/* Optional: 0 is "unknown". */
static int get_checksum(const bso_h5_reader *r, bso_run *run)
{
    uint64_t value;
    if (!bso_h5_has_attribute(r, "/data", "crc32")) return 0;
    if (bso_h5_get_unsigned(r, "/data", "crc32", &value)) return BSO_ERROR;
    if (value > UINT32_MAX) return bso_fail("%s: /data: crc32 is larger than 32 bits", r->path);
    run->data_checksum = (uint32_t)value;
    return 0;
}

static int get_data(const bso_h5_reader *r, bso_run *run)
{
    return bso_h5_get_text(r, "/data", "name", run->dataset_name, sizeof run->dataset_name) ||
                   get_checksum(r, run) || get_size(r, "/data", "train_samples", &run->samples[0]) ||
                   get_size(r, "/data", "validation_samples", &run->samples[1]) ||
                   get_size(r, "/data", "test_samples", &run->samples[2])
               ? BSO_ERROR
               : 0;
}

static int get_column(const bso_h5_reader *r, bso_run *run, const char *name, size_t offset, bool share,
                      double *column)
{
    char path[128];
    const hsize_t dims[1] = {(hsize_t)run->epochs_done};
    snprintf(path, sizeof path, "/epochs/%s", name);
    if (bso_h5_get_doubles(r, path, 1, dims, column)) return BSO_ERROR;
    if (check_values(r, path, column, dims[0], share)) return BSO_ERROR;
    for (int e = 0; e < run->epochs_done; e++) *(double *)((char *)&run->epochs[e] + offset) = column[e];
    return 0;
}

static int get_epochs(const bso_h5_reader *r, bso_run *run)
{
    hsize_t epochs;
    if (get_length(r, "/epochs/train_loss", &epochs)) return BSO_ERROR;
    double *column = room(r, "/epochs", epochs, 1);
    if (!column) return BSO_ERROR;
    run->epochs = bso_alloc(BSO_MEM_LOG, epochs, sizeof *run->epochs, "a result file");
    int status = run->epochs ? 0 : BSO_ERROR;
    if (!status && epochs > INT32_MAX) status = bso_fail("%s: /epochs: too many epochs", r->path);
    if (!status) run->epochs_done = (int)epochs;
    for (const bso_epoch_field *f = bso_epoch_fields; !status && f->name; f++) {
        status = get_column(r, run, f->name, f->offset, f->share, column);
    }
    const bso_optimizer *rule = bso_optimizer_find(run->settings.optimizer);
    for (int h = 0; !status && rule->hypers[h].name; h++) {
        size_t offset = offsetof(bso_epoch_log, hyper) + (size_t)h * sizeof(double);
        status = get_column(r, run, rule->hypers[h].name, offset, false, column);
    }
    bso_free(column);
    return status;
}

static int get_weights(const bso_h5_reader *r, const bso_run *run, const char *group, bso_weight_log *log)
{
    char path[128];
    if (get_size(r, group, "count", &log->weights)) return BSO_ERROR;
    for (int a = 0; a < BSO_WEIGHT_ARRAYS; a++) {
        const bso_weight_array *array = &bso_weight_arrays[a];
        double **data = (double **)(void *)((char *)log + array->offset);
        hsize_t dims[3];
        const int rank = bso_weight_array_dims(run, array->shape, dims);
        snprintf(path, sizeof path, "%s/%s", group, array->name);
        if (array->optional && !bso_h5_has(r, path)) continue;
        if (get_array(r, group, array->name, rank, dims, data)) return BSO_ERROR;
    }
    return 0;
}

static int get_neurons(const bso_h5_reader *r, const bso_run *run, const char *group, bso_neuron_log *log)
{
    const hsize_t dims[2] = {(hsize_t)run->epochs_done, (hsize_t)run->settings.steps};
    if (get_size(r, group, "count", &log->neurons)) return BSO_ERROR;
    return get_array(r, group, "firing_rate", 2, dims, &log->firing_rate);
}

/* The name of layer i, its path, and whether it is weights. */
static int get_layer(const bso_h5_reader *r, size_t i, char name[32], char group[64], bool *weights)
{
    char kind[16];
    if (bso_h5_name(r, "/layers", i, name, 32)) return BSO_ERROR;
    snprintf(group, 64, "/layers/%s", name);
    if (bso_h5_get_text(r, group, "kind", kind, sizeof kind)) return BSO_ERROR;
    *weights = strcmp(kind, "weights") == 0;
    if (*weights || strcmp(kind, "neurons") == 0) return 0;
    return bso_fail("%s: %s: kind is %s, not weights or neurons", r->path, group, kind);
}

static int get_layers(const bso_h5_reader *r, bso_run *run)
{
    int64_t entries, bins;
    size_t count;
    char name[32], group[64];
    bool weights;
    if (bso_h5_get_integer(r, "/layers", "time_entries", 1, run->settings.steps, &entries) ||
        bso_h5_get_integer(r, "/layers", "flip_bins", 0, BSO_FLIP_BINS, &bins) ||
        bso_h5_count(r, "/layers", LAYERS_MAX, &count)) {
        return BSO_ERROR;
    }
    run->time_entries = (int)entries;
    run->flip_bins = (int)bins;
    run->weights = bso_alloc(BSO_MEM_LOG, count, sizeof *run->weights, "a result file");
    run->neurons = bso_alloc(BSO_MEM_LOG, count, sizeof *run->neurons, "a result file");
    if (!run->weights || !run->neurons) return BSO_ERROR;
    for (size_t i = 0; i < count; i++) {
        if (get_layer(r, i, name, group, &weights)) return BSO_ERROR;
        if (weights) {
            bso_weight_log *log = &run->weights[run->weight_logs++];
            memcpy(log->name, name, sizeof log->name);
            if (get_weights(r, run, group, log)) return BSO_ERROR;
        } else {
            bso_neuron_log *log = &run->neurons[run->neuron_logs++];
            memcpy(log->name, name, sizeof log->name);
            if (get_neurons(r, run, group, log)) return BSO_ERROR;
        }
    }
    return 0;
}

static int get_share(const bso_h5_reader *r, const char *object, const char *name, double *value)
{
    if (bso_h5_get_number(r, object, name, value)) return BSO_ERROR;
    return check_values(r, object, value, 1, true);
}

static int get_operation(const bso_h5_reader *r, const char *group, bso_synapse_operations *o)
{
    int64_t binary_input, one_bit;
    if (bso_h5_get_number(r, group, "dense", &o->dense) ||
        bso_h5_get_number(r, group, "effective", &o->effective) ||
        bso_h5_get_integer(r, group, "binary_input", 0, 1, &binary_input) ||
        bso_h5_get_integer(r, group, "one_bit", 0, 1, &one_bit)) {
        return BSO_ERROR;
    }
    o->binary_input = binary_input;
    o->one_bit = one_bit;
    /* Rounding of a product apart, no more can be effective than there are. */
    if (isfinite(o->dense) && o->effective >= 0 && o->effective <= o->dense * (1 + 1e-9)) return 0;
    return bso_fail("%s: %s: %g effective of %g operations", r->path, group, o->effective, o->dense);
}

static int get_operations(const bso_h5_reader *r, bso_run *run)
{
    size_t count;
    char group[64];
    if (get_share(r, "/operations", "activation_sparsity", &run->activation_sparsity) ||
        get_share(r, "/operations", "connection_sparsity", &run->connection_sparsity) ||
        bso_h5_count(r, "/operations", LAYERS_MAX, &count)) {
        return BSO_ERROR;
    }
    run->operations = bso_alloc(BSO_MEM_LOG, count, sizeof *run->operations, "a result file");
    if (!run->operations) return BSO_ERROR;
    for (size_t i = 0; i < count; i++) {
        bso_synapse_operations *o = &run->operations[run->operation_logs++];
        if (bso_h5_name(r, "/operations", i, o->name, sizeof o->name)) return BSO_ERROR;
        snprintf(group, sizeof group, "/operations/%s", o->name);
        if (get_operation(r, group, o)) return BSO_ERROR;
    }
    return 0;
}

static int get_memory(const bso_h5_reader *r, bso_run *run)
{
    if (get_size(r, "/memory", "total_peak", &run->memory_total_peak) ||
        get_size(r, "/memory", "rss_start", &run->rss_start) ||
        get_size(r, "/memory", "rss_peak", &run->rss_peak)) {
        return BSO_ERROR;
    }
    for (int c = 0; c < BSO_MEM_CATEGORIES; c++) {
        char group[64];
        snprintf(group, sizeof group, "/memory/%s", bso_mem_name((bso_mem_category)c));
        if (get_size(r, group, "current", &run->memory_current[c]) ||
            get_size(r, group, "peak", &run->memory_peak[c]) ||
            get_size(r, group, "at_peak", &run->memory_at_peak[c])) {
            return BSO_ERROR;
        }
    }
    return 0;
}

static int get_regret(const bso_h5_reader *r, bso_run *run)
{
    hsize_t dims[1];
    if (get_length(r, "/regret/batch_loss", &dims[0])) return BSO_ERROR;
    if (get_array(r, "/regret", "batch_loss", 1, dims, &run->batch_loss)) return BSO_ERROR;
    run->batches = dims[0];
    return 0;
}

/* A finite number that is not negative. */
static int get_amount_of(const bso_h5_reader *r, const char *group, const char *name, double *value)
{
    if (bso_h5_get_number(r, group, name, value)) return BSO_ERROR;
    if (isfinite(*value) && *value >= 0) return 0;
    return bso_fail("%s: %s: %s is %g, not an amount", r->path, group, name, *value);
}

static int get_amount(const bso_h5_reader *r, const char *name, double *value)
{
    return get_amount_of(r, "/final", name, value);
}

/* Optional: only of trainings in shards. */
static int get_communication(const bso_h5_reader *r, bso_run *run)
{
    static const char group[] = "/communication";
    if (!bso_h5_has(r, group)) return 0;
    return bso_h5_get_text(r, group, "ranks", run->ranks, sizeof run->ranks) ||
                   get_amount_of(r, group, "bytes", &run->traffic.bytes) ||
                   get_amount_of(r, group, "calls", &run->traffic.calls) ||
                   get_amount_of(r, group, "seconds", &run->traffic.seconds)
               ? BSO_ERROR
               : 0;
}

static bool same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

/* How the training ended. One that reached its end has all its epochs, one that diverged has not. */
static int get_end(const bso_h5_reader *r, bso_run *run)
{
    int64_t complete;
    if (bso_h5_get_integer(r, "/final", "complete", 0, 1, &complete) ||
        bso_h5_get_text(r, "/final", "stopped", run->stopped, sizeof run->stopped)) {
        return BSO_ERROR;
    }
    if (complete == (*run->stopped != '\0')) {
        return bso_fail("%s: /final: complete is %d, but stopped is \"%.64s\"", r->path, (int)complete,
                        run->stopped);
    }
    const bool all = run->epochs_done == run->settings.epochs;
    if (complete ? all : run->epochs_done < run->settings.epochs) return 0;
    return bso_fail("%s: /final: complete is %d, with %d of %" PRId64 " epochs", r->path, (int)complete,
                    run->epochs_done, run->settings.epochs);
}

/* The accuracies at the end. */
static int get_accuracies(const bso_h5_reader *r, bso_run *run)
{
    double test, validation;
    if (bso_h5_get_number(r, "/final", "test_accuracy", &test) ||
        bso_h5_get_number(r, "/final", "validation_accuracy", &validation)) {
        return BSO_ERROR;
    }
    if (run->epochs_done > 0 && !*run->stopped) {
        run->final = run->epochs[run->epochs_done - 1];
        if (same(test, run->final.test_accuracy) && same(validation, run->final.validation_accuracy))
            return 0;
        return bso_fail("%s: /final: an accuracy is not that of the last epoch", r->path);
    }
    if (*run->stopped && !(isnan(test) && isnan(validation))) {
        return bso_fail("%s: /final: an accuracy of a training that diverged", r->path);
    }
    run->final.test_accuracy = test;
    run->final.validation_accuracy = validation;
    return check_values(r, "/final", (const double[]){test, validation}, 2, true);
}

static int get_final(const bso_h5_reader *r, bso_run *run)
{
    char hash[17], *end;
    if (get_end(r, run) || get_amount(r, "model_bytes", &run->model_bytes) ||
        get_amount(r, "model_bytes_float", &run->model_bytes_float) ||
        get_amount(r, "seconds", &run->seconds) ||
        get_size(r, "/final", "one_bit_weights", &run->one_bit_weights) ||
        get_size(r, "/final", "float_weights", &run->float_weights) ||
        bso_h5_get_unsigned(r, "/final", "updates", &run->updates) ||
        bso_h5_get_text(r, "/final", "weights_hash", hash, sizeof hash)) {
        return BSO_ERROR;
    }
    run->weights_hash = strtoull(hash, &end, 16);
    if (strlen(hash) != 16 || *end) return bso_fail("%s: /final: weights_hash is not 16 hex digits", r->path);
    return get_accuracies(r, run);
}

/* Results of before there were checkpoints do not say so. */
static int get_continuing(const bso_h5_reader *r, bso_run *run)
{
    int64_t continued = 0;
    if (bso_h5_has_attribute(r, "/provenance", "continued") &&
        bso_h5_get_integer(r, "/provenance", "continued", 0, INT32_MAX, &continued))
        return BSO_ERROR;
    run->continued = (int)continued;
    if (!bso_h5_has_attribute(r, "/provenance", "kernel_change")) return 0;
    return bso_h5_get_text(r, "/provenance", "kernel_change", run->kernel_change, sizeof run->kernel_change);
}

static int get_provenance(const bso_h5_reader *r, bso_run *run)
{
    int64_t threads;
    if (bso_h5_get_text(r, "/provenance", "started", run->started, sizeof run->started) ||
        bso_h5_get_text(r, "/provenance", "ended", run->ended, sizeof run->ended) ||
        bso_h5_get_text(r, "/provenance", "kernel_path", run->kernel_path, sizeof run->kernel_path) ||
        bso_h5_get_integer(r, "/provenance", "threads", 0, INT32_MAX, &threads)) {
        return BSO_ERROR;
    }
    run->threads = (int)threads;
    return get_continuing(r, run);
}

static int read_result(const char *path, bso_run *run)
{
    memset(run, 0, sizeof *run);
    bso_h5_reader r;
    if (bso_h5_open(&r, path)) return BSO_ERROR;
    int status = bso_h5_require(&r, BSO_RESULT_FORMAT, BSO_RESULT_VERSION);
    if (!status) status = bso_record_settings_read(&r, &run->settings);
    if (!status) status = get_data(&r, run);
    if (!status) status = get_epochs(&r, run);
    if (!status) status = get_layers(&r, run);
    if (!status) status = get_operations(&r, run);
    if (!status) status = get_memory(&r, run);
    if (!status) status = get_communication(&r, run);
    if (!status) status = get_regret(&r, run);
    if (!status) status = get_final(&r, run);
    if (!status) status = get_provenance(&r, run);
    bso_h5_close(&r);
    if (status) bso_run_free(run);
    return status;
}

/* What is to be read of a file: all of a run, or attributes as text. */
struct question {
    const char *path;
    const char *const *attributes;
    int count;
    char *text; /* [count][size] */
    size_t size;
};

static int rehearse_result(void *user)
{
    const struct question *q = user;
    bso_run run;
    return read_result(q->path, &run);
}

int bso_result_read(const char *path, bso_run *run)
{
    struct question q = {.path = path};
    memset(run, 0, sizeof *run);
    return bso_h5_rehearse(path, rehearse_result, &q) ? BSO_ERROR : read_result(path, run);
}

static int read_attribute(const bso_h5_reader *r, const char *name, char *text, size_t size)
{
    int64_t number;
    if (bso_h5_get_text(r, "/provenance", name, text, size) == 0) return 0;
    *text = '\0';
    if (bso_h5_get_integer(r, "/provenance", name, INT64_MIN, INT64_MAX, &number)) return BSO_ERROR;
    snprintf(text, size, "%" PRId64, number);
    return 0;
}

static int read_provenance(const struct question *q)
{
    bso_h5_reader r;
    int status = 0;
    if (bso_h5_open(&r, q->path)) return BSO_ERROR;
    for (int i = 0; i < q->count; i++) {
        if (read_attribute(&r, q->attributes[i], q->text + (size_t)i * q->size, q->size)) status = BSO_ERROR;
    }
    bso_h5_close(&r);
    return status;
}

/* Whether this ends well is what is asked; what cannot be read is for the reading that follows to say. */
static int rehearse_provenance(void *user)
{
    (void)read_provenance(user);
    return 0;
}

int bso_result_provenance(const char *path, const char *const *names, int count, char *text, size_t size)
{
    struct question q = {path, names, count, text, size};
    for (int i = 0; i < count; i++) text[(size_t)i * size] = '\0';
    return bso_h5_rehearse(path, rehearse_provenance, &q) ? BSO_ERROR : read_provenance(&q);
}
