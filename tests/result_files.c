/* result_files.c: see result_files.h. */
#include "tests/result_files.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

char bso_results_folder[] = "/tmp/bso-result-XXXXXX";
char bso_results_file[64], bso_results_copy[64];

int bso_results_setup(void **state)
{
    (void)state;
    if (!mkdtemp(bso_results_folder)) return -1;
    snprintf(bso_results_file, sizeof bso_results_file, "%s/result.h5", bso_results_folder);
    snprintf(bso_results_copy, sizeof bso_results_copy, "%s/copy.h5", bso_results_folder);
    return 0;
}

int bso_results_teardown(void **state)
{
    (void)state;
    return rmdir(bso_results_folder);
}

int bso_results_clean(void **state)
{
    (void)state;
    unlink(bso_results_file);
    unlink(bso_results_copy);
    return 0;
}

static double *numbers(size_t n, double first)
{
    double *x = bso_alloc(BSO_MEM_LOG, n, sizeof *x, "test");
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) x[i] = (first + (double)i) / 1000;
    return x;
}

void bso_results_make(bso_run *run, int epochs)
{
    memset(run, 0, sizeof *run);
    bso_settings_default(&run->settings);
    assert_int_equal(bso_settings_set(&run->settings, "gamma", "3e-7"), 0);
    assert_int_equal(bso_settings_set(&run->settings, "label", "T-BSO µ"), 0);
    assert_int_equal(bso_settings_set(&run->settings, "leak", "0.30000000000000004"), 0);
    assert_int_equal(bso_settings_set(&run->settings, "shuffle", "off"), 0);
    assert_int_equal(bso_settings_set(&run->settings, "seed", "18446744073709551615"), 0);
    run->settings.epochs = epochs;
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
    /* Only the first one has what `measure` asks for. */
    run->flip_bins = 6;
    run->weights[0].cosine = numbers(count * 4, 30);
    run->weights[0].flip_curve = numbers(6, 40);
    run->weights[0].flip_gaps = numbers(BSO_FLIP_GAPS, 50);
    run->operation_logs = 2;
    run->operations = bso_alloc(BSO_MEM_LOG, 2, sizeof *run->operations, "test");
    run->operations[0] = (bso_synapse_operations){"conv10", 4000, 3999.5, false, false};
    run->operations[1] = (bso_synapse_operations){"conv9", 70000, 123.25, true, true};
    run->activation_sparsity = 0.875;
    run->connection_sparsity = 0.0625;
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
    run->continued = 3;
    snprintf(run->kernel_change, sizeof run->kernel_change, "avx2 to portable at epoch 2, batch 7");
}

void bso_results_diverge(bso_run *run)
{
    run->settings.epochs = run->epochs_done + 1;
    run->final.test_accuracy = run->final.validation_accuracy = NAN;
    snprintf(run->stopped, sizeof run->stopped, "epoch %d, batch 2: fc: the loss is not finite",
             run->epochs_done + 1);
}
