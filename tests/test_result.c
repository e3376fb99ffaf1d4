/* test_result.c: result files: written and read back whole, refused when anything is wrong with them, never
 * half-written. */
#include "core/result.h"

#include "core/error.h"
#include "core/record.h"
#include "core/result_format.h"

#include <hdf5.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/bso-result-XXXXXX";
static char file[64], copy[64];

/* ---- A run made by hand ---- */

static double *numbers(size_t n, double first)
{
    double *x = bso_alloc(BSO_MEM_LOG, n, sizeof *x, "test");
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) x[i] = (first + (double)i) / 1000;
    return x;
}

static void make_run(bso_run *run, int epochs)
{
    memset(run, 0, sizeof *run);
    bso_settings_default(&run->settings);
    assert_int_equal(bso_settings_set(&run->settings, "gamma", "3e-7"), 0);
    assert_int_equal(bso_settings_set(&run->settings, "label", "T-BSO µ"), 0);
    assert_int_equal(bso_settings_set(&run->settings, "leak", "0.30000000000000004"), 0);
    assert_int_equal(bso_settings_set(&run->settings, "shuffle", "off"), 0);
    assert_int_equal(bso_settings_set(&run->settings, "seed", "18446744073709551615"), 0);
    assert_int_equal(bso_settings_check(&run->settings), 0);
    snprintf(run->dataset_name, sizeof run->dataset_name, "Made by hand");
    run->data_checksum = 0xfedcba98u;
    for (int i = 0; i < 3; i++) run->samples[i] = 100 + (size_t)i;
    const size_t count = (size_t)epochs;
    run->epochs_done = epochs;
    run->time_entries = 2;
    run->epochs = bso_alloc(BSO_MEM_LOG, count, sizeof *run->epochs, "test");
    for (int e = 0; e < epochs; e++) {
        double *fields = (double *)(void *)&run->epochs[e];
        for (size_t f = 0; f < sizeof *run->epochs / sizeof(double); f++)
            fields[f] = (double)(e + 1) / (double)(f + 7);
        run->epochs[e].validation_loss = run->epochs[e].validation_accuracy = NAN;
    }
    if (epochs > 0) run->final = run->epochs[epochs - 1];
    if (epochs == 0) run->final.test_accuracy = 0.1; /* evaluated as initialised */
    run->weight_logs = 2;
    run->neuron_logs = 1;
    run->weights = bso_alloc(BSO_MEM_LOG, 2, sizeof *run->weights, "test");
    run->neurons = bso_alloc(BSO_MEM_LOG, 1, sizeof *run->neurons, "test");
    for (int i = 0; i < 2; i++) {
        bso_weight_log *w = &run->weights[i];
        /* Their order is not that of the alphabet. */
        snprintf(w->name, sizeof w->name, "conv%d.weight", 10 - i);
        w->weights = 1000 + (size_t)i;
        w->flips = numbers(count, 1 + i);
        w->flip_rate = numbers(count, 2 + i);
        w->c2i = numbers(count, 3 + i);
        w->v = numbers(count * 2, 4 + i);
        w->threshold = numbers(count * 2, 5 + i);
        for (size_t e = 0; e < count * 2; e++) w->v[e] = NAN;
    }
    snprintf(run->neurons[0].name, sizeof run->neurons[0].name, "lif1");
    run->neurons[0].neurons = 77;
    run->neurons[0].firing_rate = numbers(count * 2, 9);
    run->updates = 12;
    run->batches = 3 * count;
    run->batch_loss = numbers(run->batches, 20);
    run->model_bytes = 1200123;
    run->model_bytes_float = 36910456;
    run->one_bit_weights = 9216000;
    run->float_weights = 12345;
    run->weights_hash = UINT64_C(0xfedcba9876543210);
    for (int c = 0; c < BSO_MEM_CATEGORIES; c++) {
        run->memory_current[c] = 10 + (size_t)c;
        run->memory_peak[c] = 100 + (size_t)c;
        run->memory_at_peak[c] = 50 + (size_t)c;
    }
    run->memory_total_peak = (size_t)5 << 32;
    run->rss_start = 11;
    run->rss_peak = 22;
    snprintf(run->started, sizeof run->started, "2026-01-02T03:04:05Z");
    snprintf(run->ended, sizeof run->ended, "2026-01-02T03:05:05Z");
    run->seconds = 60.25;
    run->threads = 2;
    snprintf(run->kernel_path, sizeof run->kernel_path, "portable");
}

static void same_numbers(const double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++) assert_true(a[i] == b[i] || (isnan(a[i]) && isnan(b[i])));
}

static void same_runs(const bso_run *a, const bso_run *b)
{
    const size_t epochs = (size_t)a->epochs_done;
    char x[BSO_TEXT], y[BSO_TEXT];
    for (const bso_key *k = bso_keys; k->name; k++) {
        assert_int_equal(bso_settings_get(&a->settings, k->name, x, sizeof x), 0);
        assert_int_equal(bso_settings_get(&b->settings, k->name, y, sizeof y), 0);
        assert_string_equal(x, y);
    }
    assert_true(bso_settings_hash(&a->settings) == bso_settings_hash(&b->settings));
    assert_string_equal(a->dataset_name, b->dataset_name);
    assert_int_equal(a->data_checksum, b->data_checksum);
    assert_memory_equal(a->samples, b->samples, sizeof a->samples);
    assert_int_equal(a->epochs_done, b->epochs_done);
    assert_int_equal(a->time_entries, b->time_entries);
    for (size_t e = 0; e < epochs; e++) {
        const size_t used = offsetof(bso_epoch_log, hyper) / sizeof(double) + 4; /* the rule has four */
        same_numbers((const double *)(const void *)&a->epochs[e], (const double *)(const void *)&b->epochs[e],
                     used);
    }
    assert_true(a->final.test_accuracy == b->final.test_accuracy);
    assert_int_equal(a->weight_logs, b->weight_logs);
    assert_int_equal(a->neuron_logs, b->neuron_logs);
    for (int i = 0; i < a->weight_logs; i++) {
        const bso_weight_log *v = &a->weights[i], *w = &b->weights[i];
        assert_string_equal(v->name, w->name);
        assert_int_equal(v->weights, w->weights);
        same_numbers(v->flips, w->flips, epochs);
        same_numbers(v->flip_rate, w->flip_rate, epochs);
        same_numbers(v->c2i, w->c2i, epochs);
        same_numbers(v->v, w->v, epochs * 2);
        same_numbers(v->threshold, w->threshold, epochs * 2);
    }
    assert_string_equal(a->neurons[0].name, b->neurons[0].name);
    assert_int_equal(a->neurons[0].neurons, b->neurons[0].neurons);
    same_numbers(a->neurons[0].firing_rate, b->neurons[0].firing_rate, epochs * 2);
    assert_int_equal(a->updates, b->updates);
    assert_int_equal(a->batches, b->batches);
    same_numbers(a->batch_loss, b->batch_loss, a->batches);
    same_numbers(&a->model_bytes, &b->model_bytes, 2);
    assert_int_equal(a->one_bit_weights, b->one_bit_weights);
    assert_int_equal(a->float_weights, b->float_weights);
    assert_true(a->weights_hash == b->weights_hash);
    assert_memory_equal(a->memory_current, b->memory_current, sizeof a->memory_current);
    assert_memory_equal(a->memory_peak, b->memory_peak, sizeof a->memory_peak);
    assert_memory_equal(a->memory_at_peak, b->memory_at_peak, sizeof a->memory_at_peak);
    assert_int_equal(a->memory_total_peak, b->memory_total_peak);
    assert_int_equal(a->rss_start, b->rss_start);
    assert_int_equal(a->rss_peak, b->rss_peak);
    assert_string_equal(a->started, b->started);
    assert_string_equal(a->ended, b->ended);
    assert_true(a->seconds == b->seconds);
    assert_int_equal(a->threads, b->threads);
    assert_string_equal(a->kernel_path, b->kernel_path);
}

/* ---- Help for what follows ---- */

static void write_one(const char *path)
{
    bso_run run;
    make_run(&run, 3);
    assert_int_equal(bso_result_write(path, &run, "bso run"), 0);
    bso_run_free(&run);
}

/* Reading fails, names the file and leaves nothing allocated. */
static void refused(const char *path, const char *reason)
{
    const size_t held = bso_mem_current(BSO_MEM_CATEGORIES);
    bso_run run;
    assert_int_equal(bso_result_read(path, &run), BSO_ERROR);
    assert_non_null(strstr(bso_error(), path));
    assert_null(strchr(bso_error(), '\n'));
    if (!strstr(bso_error(), reason)) fail_msg("expected '%s' in: %s", reason, bso_error());
    assert_null(run.epochs);
    assert_null(run.weights);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), held);
}

static int files_in_folder(void)
{
    char command[128], text[32];
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", folder);
    FILE *p = popen(command, "r");
    assert_non_null(p);
    assert_non_null(fgets(text, sizeof text, p));
    pclose(p);
    return atoi(text);
}

static int clean(void **state)
{
    (void)state;
    unlink(file);
    unlink(copy);
    return 0;
}

/* ---- Tests ---- */

static void test_round_trip(void **state)
{
    (void)state;
    for (int epochs = 0; epochs <= 3; epochs += 3) {
        bso_run run, back;
        make_run(&run, epochs);
        assert_int_equal(bso_result_write(file, &run, "bso run --set 'label=µ'"), 0);
        assert_int_equal(bso_result_read(file, &back), 0);
        same_runs(&run, &back);
        bso_run_free(&back);
        bso_run_free(&run);
    }
    char text[256];
    assert_int_equal(bso_result_provenance(file, "command", text, sizeof text), 0);
    assert_string_equal(text, "bso run --set 'label=µ'");
    assert_int_equal(bso_result_provenance(file, "threads", text, sizeof text), 0);
    assert_string_equal(text, "2");
    assert_int_equal(bso_result_provenance(file, "nothing", text, sizeof text), BSO_ERROR);
    assert_string_equal(text, "");
}

static double one_double(hid_t f, const char *path, size_t index)
{
    double x[16];
    hid_t data = H5Dopen2(f, path, H5P_DEFAULT);
    assert_true(data >= 0);
    assert_true(H5Dread(data, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0);
    H5Dclose(data);
    return x[index];
}

/* The proxy: cumulative - k * (lowest epoch mean of the training loss). */
static void test_regret(void **state)
{
    (void)state;
    bso_run run;
    make_run(&run, 3);
    run.epochs[0].train_loss = 0.5;
    run.epochs[1].train_loss = 0.25;
    run.epochs[2].train_loss = 0.75;
    for (int k = 0; k < 9; k++) run.batch_loss[k] = k + 1;
    assert_int_equal(bso_result_write(file, &run, NULL), 0);
    hid_t f = H5Fopen(file, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(f >= 0);
    assert_true(one_double(f, "/regret/cumulative", 3) == 10);
    assert_true(one_double(f, "/regret/proxy", 3) == 10 - 4 * 0.25);
    assert_true(one_double(f, "/regret/proxy", 8) == 45 - 9 * 0.25);
    assert_true(one_double(f, "/epochs/gamma", 1) == run.epochs[1].hyper[0]);
    H5Fclose(f);
    bso_run_free(&run);
}

static void test_matches(void **state)
{
    (void)state;
    bso_run run;
    make_run(&run, 1);
    assert_int_equal(bso_result_matches(file, &run.settings), 1);
    assert_int_equal(bso_result_write(file, &run, NULL), 0);
    assert_int_equal(bso_result_matches(file, &run.settings), 0);
    bso_settings_set(&run.settings, "label", "another name for the same");
    assert_int_equal(bso_result_matches(file, &run.settings), 0);
    bso_settings_set(&run.settings, "gamma", "4e-7");
    assert_int_equal(bso_result_matches(file, &run.settings), 1);
    assert_int_equal(truncate(file, 1000), 0);
    assert_int_equal(bso_result_matches(file, &run.settings), BSO_ERROR);
    bso_run_free(&run);
}

static void test_name(void **state)
{
    (void)state;
    bso_settings s;
    char name[256], other[256], hash[32];
    bso_settings_default(&s);
    bso_result_name(&s, name, sizeof name);
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)bso_settings_hash(&s));
    assert_int_equal(strncmp(name, "tbso-ottt-fashion-mnist-T2-seed1-", 33), 0);
    assert_int_equal(strncmp(name + 33, hash, 16), 0);
    assert_string_equal(name + 49, ".h5");
    bso_settings_set(&s, "lr", "0.2");
    bso_result_name(&s, other, sizeof other);
    assert_string_not_equal(name, other);
    bso_settings_set(&s, "dataset", "hdf5:/some/where/my data!.h5");
    bso_result_name(&s, name, sizeof name);
    assert_int_equal(strncmp(name, "tbso-ottt-hdf5-my-data--T2-seed1-", 33), 0);
    assert_null(strchr(name, '/'));
}

static void test_truncated(void **state)
{
    (void)state;
    write_one(file);
    struct stat there;
    assert_int_equal(stat(file, &there), 0);
    FILE *f = fopen(file, "rb");
    char *bytes = malloc((size_t)there.st_size);
    assert_int_equal(fread(bytes, 1, (size_t)there.st_size, f), there.st_size);
    fclose(f);
    for (int part = 0; part < 60; part++) {
        f = fopen(copy, "wb");
        fwrite(bytes, 1, (size_t)(there.st_size * part / 60), f);
        fclose(f);
        refused(copy, part == 0 ? "not an HDF5 file" : "");
    }
    free(bytes);
}

static void test_not_a_result(void **state)
{
    (void)state;
    refused("/tmp/bso-no-such-folder/file.h5", "No such file");
    refused(folder, "is not a file");
    FILE *f = fopen(file, "wb");
    fputs("this is text, not numbers", f);
    fclose(f);
    refused(file, "not an HDF5 file");
    hid_t foreign = H5Fcreate(copy, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(H5Gcreate2(foreign, "/epochs", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(foreign);
    refused(copy, "is not a bso-result file");
}

static void edit_begin(hid_t *f)
{
    write_one(file);
    *f = H5Fopen(file, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(*f >= 0);
}

static void replace_data(const char *path, hid_t type, int rank, const hsize_t *dims)
{
    hid_t f;
    edit_begin(&f);
    H5Ldelete(f, path, H5P_DEFAULT);
    hid_t space = H5Screate_simple(rank, dims, NULL);
    hid_t data = H5Dcreate2(f, path, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(data >= 0);
    H5Dclose(data);
    H5Sclose(space);
    H5Fclose(f);
}

static void replace_attribute(const char *object, const char *name, hid_t type, const void *value)
{
    hid_t f;
    edit_begin(&f);
    H5Adelete_by_name(f, object, name, H5P_DEFAULT);
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t a = H5Acreate_by_name(f, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(a >= 0);
    assert_true(H5Awrite(a, type, value) >= 0);
    H5Aclose(a);
    H5Sclose(space);
    H5Fclose(f);
}

static void test_missing_parts(void **state)
{
    (void)state;
    static const char *const objects[] = {"/config",
                                          "/data",
                                          "/epochs",
                                          "/layers",
                                          "/memory",
                                          "/regret",
                                          "/final",
                                          "/provenance",
                                          "/epochs/c2i",
                                          "/epochs/gamma",
                                          "/layers/lif1/firing_rate",
                                          "/layers/conv9.weight/v",
                                          "/memory/traces",
                                          "/regret/batch_loss"};
    static const struct {
        const char *object, *name;
    } attributes[] = {{"/", "format_version"},   {"/config", "steps"},        {"/config", "gamma"},
                      {"/config", "label"},      {"/layers", "time_entries"}, {"/layers/lif1", "kind"},
                      {"/final", "complete"},    {"/final", "weights_hash"},  {"/memory/log", "peak"},
                      {"/provenance", "started"}};
    hid_t f;
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        edit_begin(&f);
        assert_true(H5Ldelete(f, objects[i], H5P_DEFAULT) >= 0);
        H5Fclose(f);
        refused(file, "");
    }
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        edit_begin(&f);
        assert_true(H5Adelete_by_name(f, attributes[i].object, attributes[i].name, H5P_DEFAULT) >= 0);
        H5Fclose(f);
        refused(file, i == 0 ? "version" : attributes[i].name);
    }
}

static void test_wrong_values(void **state)
{
    (void)state;
    const int64_t minus = -5, two = 2, huge = 70000;
    const double nan = NAN, half = 0.5;
    replace_attribute("/", "format_version", H5T_NATIVE_INT64, &two);
    refused(file, "version 2");
    replace_attribute("/config", "steps", H5T_NATIVE_INT64, &minus);
    refused(file, "steps=-5");
    replace_attribute("/config", "steps", H5T_NATIVE_DOUBLE, &half);
    refused(file, "attribute steps is not one whole number");
    replace_attribute("/config", "leak", H5T_NATIVE_DOUBLE, &nan);
    refused(file, "leak=");
    replace_attribute("/config", "optimizer", H5T_NATIVE_INT64, &two);
    refused(file, "attribute optimizer is not one text");
    replace_attribute("/layers", "time_entries", H5T_NATIVE_INT64, &huge);
    refused(file, "time_entries");
    replace_attribute("/final", "test_accuracy", H5T_NATIVE_DOUBLE, &half);
    refused(file, "not that of the last epoch");
    replace_attribute("/final", "model_bytes", H5T_NATIVE_DOUBLE, &nan);
    refused(file, "model_bytes");
    replace_attribute("/final", "complete", H5T_NATIVE_INT64, &minus);
    refused(file, "complete");
    hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, 17);
    replace_attribute("/final", "weights_hash", text, "not-hex-not-hex-");
    refused(file, "weights_hash");
    replace_attribute("/data", "name", text, "two\nlines here..");
    refused(file, "control characters");
    H5Tset_size(text, H5T_VARIABLE);
    const char *word = "tbso";
    replace_attribute("/config", "optimizer", text, &word);
    refused(file, "fixed length");
    H5Tclose(text);
}

static void test_wrong_shapes(void **state)
{
    (void)state;
    const hsize_t one[2] = {3, 1}, four[1] = {4}, none[1] = {0}, six[6] = {1, 1, 1, 1, 1, 1};
    const hsize_t vast[1] = {(hsize_t)1 << 40};
    replace_data("/epochs/train_loss", H5T_NATIVE_DOUBLE, 1, four);
    refused(file, "shape");
    replace_data("/epochs/train_loss", H5T_NATIVE_DOUBLE, 2, one);
    refused(file, "axes");
    replace_data("/epochs/train_loss", H5T_NATIVE_DOUBLE, 6, six);
    refused(file, "too many axes");
    replace_data("/epochs/test_loss", H5T_C_S1, 1, (const hsize_t[]){3});
    refused(file, "does not hold numbers");
    replace_data("/epochs/gamma", H5T_NATIVE_DOUBLE, 1, none);
    refused(file, "/epochs/gamma");
    replace_data("/layers/conv9.weight/v", H5T_NATIVE_DOUBLE, 2, one);
    refused(file, "/layers/conv9.weight/v");
    /* Sizes that no file of this length can hold must not be allocated. */
    replace_data("/epochs/train_loss", H5T_NATIVE_DOUBLE, 1, vast);
    refused(file, "larger than the file");
    replace_data("/regret/batch_loss", H5T_NATIVE_DOUBLE, 1, vast);
    refused(file, "larger than the file");
    hid_t f;
    edit_begin(&f);
    H5Ldelete(f, "/epochs/lr", H5P_DEFAULT);
    H5Gclose(H5Gcreate2(f, "/epochs/lr", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(f);
    refused(file, "/epochs/lr");
}

static void test_infinite(void **state)
{
    (void)state;
    bso_run run;
    make_run(&run, 3);
    run.epochs[1].train_loss = INFINITY;
    assert_int_equal(bso_result_write(file, &run, NULL), 0);
    refused(file, "infinite");
    run.epochs[1].train_loss = 1;
    run.epochs[1].test_accuracy = 1.5;
    assert_int_equal(bso_result_write(file, &run, NULL), 0);
    refused(file, "not in 0 to 1");
    bso_run_free(&run);
}

/* Single bytes damaged all over the file: refused. In the checksum's own mark: as if there were none. */
static void test_damaged(void **state)
{
    (void)state;
    write_one(file);
    struct stat there;
    assert_int_equal(stat(file, &there), 0);
    char *bytes = malloc((size_t)there.st_size);
    FILE *f = fopen(file, "rb");
    assert_int_equal(fread(bytes, 1, (size_t)there.st_size, f), there.st_size);
    fclose(f);
    for (long at = 0; at < there.st_size; at += at < there.st_size - 64 ? 97 : 1) {
        bytes[at] = (char)(bytes[at] ^ 0x55);
        f = fopen(copy, "wb");
        fwrite(bytes, 1, (size_t)there.st_size, f);
        fclose(f);
        bytes[at] = (char)(bytes[at] ^ 0x55);
        const long mark = at - (there.st_size - 36);
        if (mark < 0 || mark >= 10) {
            refused(copy, "checksum");
        } else {
            bso_run run;
            assert_int_equal(bso_result_read(copy, &run), 0);
            bso_run_free(&run);
        }
    }
    free(bytes);
}

static void test_cannot_write(void **state)
{
    (void)state;
    bso_run run;
    make_run(&run, 3);
    assert_int_equal(bso_result_write("/tmp/bso-no-such-folder/file.h5", &run, NULL), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "/tmp/bso-no-such-folder/file.h5"));
    assert_non_null(strstr(bso_error(), "No such file"));
    assert_int_equal(bso_result_write(folder, &run, NULL), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "not a regular file"));
    assert_int_equal(bso_result_write("", &run, NULL), BSO_ERROR);
    assert_int_equal(files_in_folder(), 0);
    bso_run_free(&run);
}

/* A file system that is full half-way: the old file stays, nothing is left beside it, and the library is
 * usable again. */
static void test_full(void **state)
{
    (void)state;
    bso_run run, back;
    make_run(&run, 3);
    assert_int_equal(bso_result_write(file, &run, NULL), 0);
    run.seconds = 99;
    struct rlimit old, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 4096;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int status = bso_result_write(file, &run, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, BSO_ERROR);
    assert_non_null(strstr(bso_error(), "cannot be written"));
    assert_int_equal(files_in_folder(), 1);
    assert_int_equal(bso_result_read(file, &back), 0);
    assert_true(back.seconds == 60.25);
    bso_run_free(&back);
    assert_int_equal(bso_result_write(file, &run, NULL), 0);
    assert_int_equal(bso_result_read(file, &back), 0);
    assert_true(back.seconds == 99);
    bso_run_free(&back);
    bso_run_free(&run);
}

/* Memory that runs out at any allocation: an error, no file, no leak. */
static void test_out_of_memory(void **state)
{
    (void)state;
    bso_run run, back;
    make_run(&run, 3);
    const size_t held = bso_mem_current(BSO_MEM_CATEGORIES);
    int failures = 0;
    for (size_t n = 1;; n++, failures++) {
        assert_true(n < 10000);
        bso_mem_fail_after(n);
        int status = bso_result_write(file, &run, NULL);
        bso_mem_fail_after(0);
        assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), held);
        if (status == 0) break;
        assert_int_equal(files_in_folder(), 0);
    }
    assert_true(failures >= 3);
    for (size_t n = 1;; n++) {
        assert_true(n < 10000);
        bso_mem_fail_after(n);
        int status = bso_result_read(file, &back);
        bso_mem_fail_after(0);
        if (status == 0) break;
        assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), held);
    }
    bso_run_free(&back);
    bso_run_free(&run);
}

int main(void)
{
    if (!mkdtemp(folder)) return 1;
    snprintf(file, sizeof file, "%s/result.h5", folder);
    snprintf(copy, sizeof copy, "%s/copy.h5", folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_round_trip, clean),
        cmocka_unit_test_teardown(test_regret, clean),
        cmocka_unit_test_teardown(test_matches, clean),
        cmocka_unit_test(test_name),
        cmocka_unit_test_teardown(test_truncated, clean),
        cmocka_unit_test_teardown(test_not_a_result, clean),
        cmocka_unit_test_teardown(test_missing_parts, clean),
        cmocka_unit_test_teardown(test_wrong_values, clean),
        cmocka_unit_test_teardown(test_wrong_shapes, clean),
        cmocka_unit_test_teardown(test_infinite, clean),
        cmocka_unit_test_teardown(test_damaged, clean),
        cmocka_unit_test_teardown(test_cannot_write, clean),
        cmocka_unit_test_teardown(test_full, clean),
        cmocka_unit_test_teardown(test_out_of_memory, clean),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
