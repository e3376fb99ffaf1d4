/* test_result.c: result files: written and read back whole, never half-written. What is refused of damaged
 * ones is in test_result_damaged.c. */
#include "tests/result_files.h"

#include "core/error.h"

#include <hdf5.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const folder = bso_results_folder, *const file = bso_results_file;

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
    same_numbers(&a->final.test_accuracy, &b->final.test_accuracy, 1);
    same_numbers(&a->final.validation_accuracy, &b->final.validation_accuracy, 1);
    assert_string_equal(a->stopped, b->stopped);
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
        assert_int_equal(v->cosine == NULL, w->cosine == NULL);
        assert_int_equal(v->flip_gaps == NULL, w->flip_gaps == NULL);
        if (v->cosine) same_numbers(v->cosine, w->cosine, epochs * 4);
        if (v->flip_curve) same_numbers(v->flip_curve, w->flip_curve, (size_t)a->flip_bins);
        if (v->flip_gaps) same_numbers(v->flip_gaps, w->flip_gaps, BSO_FLIP_GAPS);
    }
    assert_int_equal(a->flip_bins, b->flip_bins);
    assert_int_equal(a->operation_logs, b->operation_logs);
    for (int i = 0; i < a->operation_logs; i++) {
        const bso_synapse_operations *o = &a->operations[i], *p = &b->operations[i];
        assert_string_equal(o->name, p->name);
        same_numbers(&o->dense, &p->dense, 2);
        assert_int_equal(o->binary_input, p->binary_input);
        assert_int_equal(o->one_bit, p->one_bit);
    }
    same_numbers(&a->activation_sparsity, &b->activation_sparsity, 2);
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
    assert_int_equal(a->continued, b->continued);
    assert_string_equal(a->kernel_change, b->kernel_change);
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

/* ---- Tests ---- */

static void test_round_trip(void **state)
{
    (void)state;
    for (int epochs = 0; epochs <= 3; epochs += 3) {
        bso_run run, back;
        bso_results_make(&run, epochs);
        assert_int_equal(bso_result_write(file, &run, "bso run --set 'label=µ'"), 0);
        assert_int_equal(bso_result_read(file, &back), 0);
        same_runs(&run, &back);
        bso_run_free(&back);
        bso_run_free(&run);
    }
    static const char *const names[] = {"command", "threads", "nothing", "kernel_path"};
    char text[256], all[4][64];
    assert_int_equal(bso_result_provenance(file, &names[0], 1, text, sizeof text), 0);
    assert_string_equal(text, "bso run --set 'label=µ'");
    assert_int_equal(bso_result_provenance(file, &names[1], 1, text, sizeof text), 0);
    assert_string_equal(text, "2");
    assert_int_equal(bso_result_provenance(file, &names[2], 1, text, sizeof text), BSO_ERROR);
    assert_string_equal(text, "");
    /* Several at once: one that is missing takes nothing from the others. */
    assert_int_equal(bso_result_provenance(file, names, 4, *all, sizeof *all), BSO_ERROR);
    assert_string_equal(all[0], "bso run --set 'label=µ'");
    assert_string_equal(all[1], "2");
    assert_string_equal(all[2], "");
    assert_string_equal(all[3], "portable");
}

/* A training that diverged is a result, with or without a finished epoch. */
static void test_diverged(void **state)
{
    (void)state;
    for (int epochs = 0; epochs <= 2; epochs += 2) {
        bso_run run, back;
        char stopped[BSO_STOPPED] = "left over";
        bso_results_make(&run, epochs);
        bso_results_diverge(&run);
        assert_int_equal(bso_result_matches(file, &run.settings, stopped), 1);
        assert_string_equal(stopped, "");
        assert_int_equal(bso_result_write(file, &run, NULL), 0);
        assert_int_equal(bso_result_read(file, &back), 0);
        same_runs(&run, &back);
        assert_int_equal(bso_result_matches(file, &run.settings, stopped), 0);
        assert_string_equal(stopped, run.stopped);
        assert_int_equal(bso_settings_set(&run.settings, "gamma", "4e-7"), 0);
        assert_int_equal(bso_result_matches(file, &run.settings, stopped), 1);
        assert_string_equal(stopped, "");
        bso_run_free(&back);
        bso_run_free(&run);
        bso_results_clean(NULL);
    }
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
    bso_results_make(&run, 3);
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
    bso_results_make(&run, 1);
    assert_int_equal(bso_result_matches(file, &run.settings, NULL), 1);
    assert_int_equal(bso_result_write(file, &run, NULL), 0);
    assert_int_equal(bso_result_matches(file, &run.settings, NULL), 0);
    bso_settings_set(&run.settings, "label", "another name for the same");
    assert_int_equal(bso_result_matches(file, &run.settings, NULL), 0);
    bso_settings_set(&run.settings, "gamma", "4e-7");
    assert_int_equal(bso_result_matches(file, &run.settings, NULL), 1);
    assert_int_equal(truncate(file, 1000), 0);
    assert_int_equal(bso_result_matches(file, &run.settings, NULL), BSO_ERROR);
    bso_run_free(&run);
}

static void test_name(void **state)
{
    (void)state;
    bso_settings s;
    char name[256], other[256], hash[32];
    bso_settings_default(&s);
    assert_int_equal(bso_settings_check(&s), 0);
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

static void test_cannot_write(void **state)
{
    (void)state;
    bso_run run;
    bso_results_make(&run, 3);
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
    bso_results_make(&run, 3);
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
    bso_results_make(&run, 3);
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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_round_trip, bso_results_clean),
        cmocka_unit_test_teardown(test_diverged, bso_results_clean),
        cmocka_unit_test_teardown(test_regret, bso_results_clean),
        cmocka_unit_test_teardown(test_matches, bso_results_clean),
        cmocka_unit_test(test_name),
        cmocka_unit_test_teardown(test_cannot_write, bso_results_clean),
        cmocka_unit_test_teardown(test_full, bso_results_clean),
        cmocka_unit_test_teardown(test_out_of_memory, bso_results_clean),
    };
    return cmocka_run_group_tests(tests, bso_results_setup, bso_results_teardown);
}
