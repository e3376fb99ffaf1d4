/* result.c: writing result files, and their names. Reading is in result_read.c. See result.h. */
#include "core/result.h"

#include "core/error.h"
#include "core/record.h"
#include "core/result_format.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define AT(field) offsetof(bso_epoch_log, field)
const bso_epoch_field bso_epoch_fields[] = {
    {"train_loss", AT(train_loss), false},
    {"train_accuracy", AT(train_accuracy), true},
    {"validation_loss", AT(validation_loss), false},
    {"validation_accuracy", AT(validation_accuracy), true},
    {"test_loss", AT(test_loss), false},
    {"test_accuracy", AT(test_accuracy), true},
    {"flip_rate", AT(flip_rate), true},
    {"c2i", AT(c2i), true},
    {"seconds", AT(seconds), false},
    {"images_per_second", AT(images_per_second), false},
    {"evaluation_seconds", AT(evaluation_seconds), false},
    {"waiting_seconds", AT(waiting_seconds), false},
    {"lr", AT(lr), false},
    {NULL, 0, false},
};
#undef AT

const bso_weight_array bso_weight_arrays[BSO_WEIGHT_ARRAYS] = {
    {"flips", offsetof(bso_weight_log, flips), BSO_BY_EPOCH, false},
    {"flip_rate", offsetof(bso_weight_log, flip_rate), BSO_BY_EPOCH, false},
    {"c2i", offsetof(bso_weight_log, c2i), BSO_BY_EPOCH, false},
    {"v", offsetof(bso_weight_log, v), BSO_BY_ENTRY, false},
    {"threshold", offsetof(bso_weight_log, threshold), BSO_BY_ENTRY, false},
    {"cosine", offsetof(bso_weight_log, cosine), BSO_BY_STEPS, true},
    {"flip_curve", offsetof(bso_weight_log, flip_curve), BSO_BY_FLIP_BIN, true},
    {"flip_gaps", offsetof(bso_weight_log, flip_gaps), BSO_BY_FLIP_GAP, true},
};

int bso_weight_array_dims(const bso_run *run, bso_array_shape shape, hsize_t dims[3])
{
    const hsize_t steps = (hsize_t)run->settings.steps;
    dims[0] = (hsize_t)run->epochs_done;
    switch (shape) {
    case BSO_BY_EPOCH:
        return 1;
    case BSO_BY_ENTRY:
        dims[1] = (hsize_t)run->time_entries;
        return 2;
    case BSO_BY_STEPS:
        dims[1] = dims[2] = steps;
        return 3;
    case BSO_BY_FLIP_BIN:
        dims[0] = (hsize_t)run->flip_bins;
        return 1;
    case BSO_BY_FLIP_GAP:
        dims[0] = BSO_FLIP_GAPS;
        return 1;
    }
    return 0;
}

static void put_doubles(bso_h5_writer *w, const char *group, const char *name, int rank, const hsize_t *dims,
                        const double *data)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", group, name);
    bso_h5_put_array(w, path, H5T_NATIVE_DOUBLE, rank, dims, data);
}

static void put_data(bso_h5_writer *w, const bso_run *run)
{
    bso_h5_group(w, "/data");
    bso_h5_put_text(w, "/data", "name", run->dataset_name);
    bso_h5_put_unsigned(w, "/data", "crc32", run->data_checksum);
    bso_h5_put_unsigned(w, "/data", "train_samples", run->samples[0]);
    bso_h5_put_unsigned(w, "/data", "validation_samples", run->samples[1]);
    bso_h5_put_unsigned(w, "/data", "test_samples", run->samples[2]);
}

/* column: [epochs] scratch. */
static void put_epochs(bso_h5_writer *w, const bso_run *run, double *column)
{
    const hsize_t dims[1] = {(hsize_t)run->epochs_done};
    bso_h5_group(w, "/epochs");
    for (const bso_epoch_field *f = bso_epoch_fields; f->name; f++) {
        for (int e = 0; e < run->epochs_done; e++) {
            column[e] = *(const double *)((const char *)&run->epochs[e] + f->offset);
        }
        put_doubles(w, "/epochs", f->name, 1, dims, column);
    }
    const bso_optimizer *rule = bso_optimizer_find(run->settings.optimizer);
    for (int h = 0; rule && rule->hypers[h].name; h++) {
        for (int e = 0; e < run->epochs_done; e++) column[e] = run->epochs[e].hyper[h];
        put_doubles(w, "/epochs", rule->hypers[h].name, 1, dims, column);
    }
}

static void put_layers(bso_h5_writer *w, const bso_run *run)
{
    const hsize_t by_step[2] = {(hsize_t)run->epochs_done, (hsize_t)run->settings.steps};
    char group[64];
    bso_h5_group(w, "/layers");
    bso_h5_put_integer(w, "/layers", "time_entries", run->time_entries);
    bso_h5_put_integer(w, "/layers", "flip_bins", run->flip_bins);
    for (int i = 0; i < run->weight_logs; i++) {
        const bso_weight_log *log = &run->weights[i];
        snprintf(group, sizeof group, "/layers/%s", log->name);
        bso_h5_group(w, group);
        bso_h5_put_text(w, group, "kind", "weights");
        bso_h5_put_unsigned(w, group, "count", log->weights);
        for (int a = 0; a < BSO_WEIGHT_ARRAYS; a++) {
            const bso_weight_array *array = &bso_weight_arrays[a];
            const double *data = *(double *const *)(const void *)((const char *)log + array->offset);
            hsize_t dims[3];
            const int rank = bso_weight_array_dims(run, array->shape, dims);
            if (data || !array->optional) put_doubles(w, group, array->name, rank, dims, data);
        }
    }
    for (int i = 0; i < run->neuron_logs; i++) {
        const bso_neuron_log *log = &run->neurons[i];
        snprintf(group, sizeof group, "/layers/%s", log->name);
        bso_h5_group(w, group);
        bso_h5_put_text(w, group, "kind", "neurons");
        bso_h5_put_unsigned(w, group, "count", log->neurons);
        put_doubles(w, group, "firing_rate", 2, by_step, log->firing_rate);
    }
}

static void put_operations(bso_h5_writer *w, const bso_run *run)
{
    bso_h5_group(w, "/operations");
    bso_h5_put_number(w, "/operations", "activation_sparsity", run->activation_sparsity);
    bso_h5_put_number(w, "/operations", "connection_sparsity", run->connection_sparsity);
    for (int i = 0; i < run->operation_logs; i++) {
        const bso_synapse_operations *o = &run->operations[i];
        char group[64];
        snprintf(group, sizeof group, "/operations/%s", o->name);
        bso_h5_group(w, group);
        bso_h5_put_number(w, group, "dense", o->dense);
        bso_h5_put_number(w, group, "effective", o->effective);
        bso_h5_put_integer(w, group, "binary_input", o->binary_input);
        bso_h5_put_integer(w, group, "one_bit", o->one_bit);
    }
}

static void put_memory(bso_h5_writer *w, const bso_run *run)
{
    bso_h5_group(w, "/memory");
    bso_h5_put_unsigned(w, "/memory", "total_peak", run->memory_total_peak);
    bso_h5_put_unsigned(w, "/memory", "rss_start", run->rss_start);
    bso_h5_put_unsigned(w, "/memory", "rss_peak", run->rss_peak);
    for (int c = 0; c < BSO_MEM_CATEGORIES; c++) {
        char group[64];
        snprintf(group, sizeof group, "/memory/%s", bso_mem_name((bso_mem_category)c));
        bso_h5_group(w, group);
        bso_h5_put_unsigned(w, group, "current", run->memory_current[c]);
        bso_h5_put_unsigned(w, group, "peak", run->memory_peak[c]);
        bso_h5_put_unsigned(w, group, "at_peak", run->memory_at_peak[c]);
    }
}

/* A proxy: the loss is not convex, so the comparator, the lowest epoch mean of the training loss, stands in
 * for min over fixed w of sum f_k(w). series: [batches] scratch. */
static void put_regret(bso_h5_writer *w, const bso_run *run, double *series)
{
    const hsize_t dims[1] = {run->batches};
    double comparator = NAN;
    for (int e = 0; e < run->epochs_done; e++) comparator = fmin(comparator, run->epochs[e].train_loss);
    bso_h5_group(w, "/regret");
    bso_h5_put_number(w, "/regret", "comparator", comparator);
    bso_h5_put_text(w, "/regret", "comparator_is",
                    "lowest epoch mean of the training loss; a proxy, because the loss is not convex");
    put_doubles(w, "/regret", "batch_loss", 1, dims, run->batch_loss);
    double sum = 0;
    for (size_t k = 0; k < run->batches; k++) series[k] = sum += run->batch_loss[k];
    put_doubles(w, "/regret", "cumulative", 1, dims, series);
    for (size_t k = 0; k < run->batches; k++) series[k] -= (double)(k + 1) * comparator;
    put_doubles(w, "/regret", "proxy", 1, dims, series);
}

static void put_final(bso_h5_writer *w, const bso_run *run)
{
    char hash[17];
    snprintf(hash, sizeof hash, "%016" PRIx64, run->weights_hash);
    bso_h5_group(w, "/final");
    bso_h5_put_number(w, "/final", "test_accuracy", run->final.test_accuracy);
    bso_h5_put_number(w, "/final", "validation_accuracy", run->final.validation_accuracy);
    bso_h5_put_number(w, "/final", "model_bytes", run->model_bytes);
    bso_h5_put_number(w, "/final", "model_bytes_float", run->model_bytes_float);
    bso_h5_put_unsigned(w, "/final", "one_bit_weights", run->one_bit_weights);
    bso_h5_put_unsigned(w, "/final", "float_weights", run->float_weights);
    bso_h5_put_text(w, "/final", "weights_hash", hash);
    bso_h5_put_unsigned(w, "/final", "updates", run->updates);
    bso_h5_put_number(w, "/final", "seconds", run->seconds);
    bso_h5_put_integer(w, "/final", "complete", !*run->stopped);
    bso_h5_put_text(w, "/final", "stopped", run->stopped);
}

/* Of trainings in shards only. */
static void put_communication(bso_h5_writer *w, const bso_run *run)
{
    if (!*run->ranks) return;
    bso_h5_group(w, "/communication");
    bso_h5_put_text(w, "/communication", "ranks", run->ranks);
    bso_h5_put_number(w, "/communication", "bytes", run->traffic.bytes);
    bso_h5_put_number(w, "/communication", "calls", run->traffic.calls);
    bso_h5_put_number(w, "/communication", "seconds", run->traffic.seconds);
}

int bso_result_write(const char *path, const bso_run *run, const char *command)
{
    const size_t epochs = (size_t)run->epochs_done, length = run->batches > epochs ? run->batches : epochs;
    double *scratch = bso_alloc(BSO_MEM_LOG, length, sizeof *scratch, "a result file");
    if (!scratch) return BSO_ERROR;
    bso_h5_writer w;
    int status = bso_h5_create(&w, path, BSO_RESULT_FORMAT, BSO_RESULT_VERSION);
    if (!status) {
        bso_record_settings(&w, &run->settings);
        bso_record_provenance(&w, run, command);
        put_data(&w, run);
        put_epochs(&w, run, scratch);
        put_layers(&w, run);
        put_operations(&w, run);
        put_memory(&w, run);
        put_communication(&w, run);
        put_regret(&w, run, scratch);
        put_final(&w, run);
        status = bso_h5_finish(&w);
    }
    bso_free(scratch);
    return status;
}

int bso_result_find(const char *path, const bso_settings *s, bso_run *run)
{
    struct stat there;
    memset(run, 0, sizeof *run);
    if (stat(path, &there) && errno == ENOENT) return 1;
    if (bso_result_read(path, run)) return BSO_ERROR;
    if (bso_settings_hash(&run->settings) == bso_settings_hash(s)) return 0;
    bso_run_free(run);
    return 1;
}

int bso_result_matches(const char *path, const bso_settings *s, char stopped[BSO_STOPPED])
{
    bso_run run;
    const int code = bso_result_find(path, s, &run);
    if (stopped) snprintf(stopped, BSO_STOPPED, "%s", code == 0 ? run.stopped : "");
    bso_run_free(&run);
    return code;
}

/* The part of a data set's value that tells it apart, as a file name can hold it: of a file its name without
 * folder and ending. */
static void dataset_word(const char *dataset, char *word, size_t size)
{
    const char *colon = strchr(dataset, ':'), *slash = strrchr(dataset, '/');
    size_t used = 0;
    if (colon) {
        used = (size_t)(colon - dataset) < size / 2 ? (size_t)(colon - dataset) : size / 2;
        memcpy(word, dataset, used);
        word[used++] = '-';
    }
    const char *from = slash ? slash + 1 : colon ? colon + 1 : dataset;
    const char *dot = strrchr(from, '.');
    size_t length = dot && dot > from ? (size_t)(dot - from) : strlen(from);
    for (size_t i = 0; i < length && used + 1 < size; i++) word[used++] = from[i];
    word[used] = '\0';
    for (char *c = word; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr("_-.", *c)) *c = '-';
    }
}

void bso_result_name(const bso_settings *s, char *name, size_t size)
{
    char data[48];
    dataset_word(s->dataset, data, sizeof data);
    snprintf(name, size, "%s-%s-%s-T%" PRId64 "-seed%" PRIu64 "-%016" PRIx64 ".h5", s->optimizer,
             bso_settings_gradient(s), data, s->steps, s->seed, bso_settings_hash(s));
}
