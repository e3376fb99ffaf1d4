/* test_trainer.c: whole trainings on a small data set made here: what a run reports, and what is left behind
 * when it does not come to its end.
 */
#include "core/dataset.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/store.h"
#include "core/trainer.h"
#include "tests/dataset_files.h"
#include "tests/small_training.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEST = BSO_SMALL_TEST, SIDE = BSO_SMALL_SIDE, CLASSES = BSO_SMALL_CLASSES };

static void set_path(bso_settings *s, const char *key, const char *file)
{
    assert_int_equal(bso_settings_set(s, key, bso_files_at(file)), 0);
}

static void a_run_reports_what_it_did(void **state)
{
    (void)state;
    bso_settings s = bso_small_training();
    bso_run run;
    assert_int_equal(bso_train(&s, &run, NULL), 0);
    assert_int_equal(run.epochs_done, 3);
    assert_int_equal(run.samples[0], 32);
    assert_int_equal(run.samples[1], 8);
    assert_int_equal(run.samples[2], TEST);
    assert_int_equal(run.batches, 3 * 4);
    assert_int_equal(run.updates, 3 * 4 * 2);
    assert_int_equal(run.one_bit_weights, 4 * 9 * 6);
    assert_true(run.data_checksum != 0);
    assert_true(run.final.test_accuracy == run.epochs[2].test_accuracy);
    double flips = 0, updates = 4.0 * 2 * 4 * 9 * 6;
    for (int e = 0; e < 3; e++) {
        assert_true(run.epochs[e].c2i >= 0 && run.epochs[e].c2i <= 1);
        assert_true(fabs(run.epochs[e].flip_rate - run.weights[0].flips[e] / updates) < 1e-15);
        flips += run.weights[0].flips[e];
    }
    assert_true(flips > 0);
    /* The cosine ends near 0; the last update is one short of it. */
    assert_true(run.epochs[2].lr < 0.1 * s.lr && run.epochs[2].lr > 0);
    bso_run_free(&run);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static void parameters_go_out_and_in(void **state)
{
    (void)state;
    bso_settings s = bso_small_training();
    set_path(&s, "save", "net.h5");
    bso_run run, again;
    assert_int_equal(bso_train(&s, &run, NULL), 0);
    s.save[0] = '\0';
    set_path(&s, "init", "net.h5");
    assert_int_equal(bso_settings_set(&s, "epochs", "0"), 0);
    assert_int_equal(bso_settings_set(&s, "seed", "9"), 0);
    assert_int_equal(bso_train(&s, &again, NULL), 0);
    assert_int_equal(again.epochs_done, 0);
    assert_true(again.weights_hash == run.weights_hash);
    assert_true(again.final.test_accuracy == run.final.test_accuracy);
    assert_true(again.final.validation_loss == run.final.validation_loss);
    bso_run_free(&run);
    bso_run_free(&again);
}

/* Stopped: no files, no memory. */
static void nothing_half_written_is_left(void **state)
{
    (void)state;
    bso_settings s = bso_small_training();
    set_path(&s, "save", "net.h5");
    set_path(&s, "trace", "trace.h5");
    bso_run run;
    bso_stop_requested = 1;
    assert_int_equal(bso_train(&s, &run, NULL), BSO_INTERRUPTED);
    bso_stop_requested = 0;
    bso_run_free(&run);
    assert_int_not_equal(access(bso_files_at("net.h5"), F_OK), 0);
    assert_int_not_equal(access(bso_files_at("trace.h5"), F_OK), 0);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

/* A rate that makes the outputs overflow: a message, no parameters, no trace, and what was measured up to
 * there. */
static void divergence_is_a_result(void **state)
{
    (void)state;
    bso_settings s = bso_small_training();
    set_path(&s, "save", "net.h5");
    set_path(&s, "trace", "trace.h5");
    assert_int_equal(bso_settings_set(&s, "lr", "1000"), 0);
    assert_int_equal(bso_settings_set(&s, "loss_mse", "1"), 0);
    assert_int_equal(bso_settings_set(&s, "epochs", "50"), 0);
    bso_run run;
    assert_int_equal(bso_train(&s, &run, NULL), BSO_DIVERGED);
    assert_string_equal(run.stopped, bso_error());
    char place[64];
    snprintf(place, sizeof place, "epoch %d, batch %zu: ", run.epochs_done + 1, run.batches % 4 + 1);
    assert_memory_equal(run.stopped, place, strlen(place));
    assert_non_null(strstr(run.stopped, "not finite at"));
    assert_true(run.epochs_done == (int)(run.batches / 4) && run.epochs_done > 0 && run.batches < 50 * 4);
    assert_int_equal(run.updates, run.batches * 2);
    for (size_t b = 0; b < run.batches; b++) assert_true(isfinite(run.batch_loss[b]));
    assert_true(isnan(run.final.test_accuracy) && isnan(run.final.validation_accuracy));
    for (int e = 0; e < run.epochs_done; e++) assert_false(isnan(run.epochs[e].test_accuracy));
    assert_true(run.memory_total_peak > 0 && run.seconds > 0 && *run.ended);
    bso_run_free(&run);
    assert_int_not_equal(access(bso_files_at("net.h5"), F_OK), 0);
    assert_int_not_equal(access(bso_files_at("trace.h5"), F_OK), 0);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

/* A network of the small data set with the parameters of net.h5. */
static bso_network *saved_network(const bso_settings *s)
{
    bso_network *net;
    bso_settings checked = *s;
    assert_int_equal(bso_settings_check(&checked), 0);
    assert_int_equal(bso_network_create(&net, &checked, 1, SIDE, SIDE, 1, CLASSES, false), 0);
    bso_network_init(net, 1);
    assert_int_equal(bso_store_load(net, bso_files_at("net.h5")), 0);
    return net;
}

/* Running statistics as the trainer makes them with norm_batches, from the batches of the last epoch. */
static void estimate_again(const bso_settings *s, bso_network *net)
{
    bso_loader loader;
    float x[8 * SIDE * SIDE];
    int y[8];
    assert_int_equal(bso_loader_open(&loader, s), 0);
    for (size_t b = 0; b < 3; b++) {
        bso_loader_batch(&loader, BSO_SPLIT_TRAIN, 2, 8 * b, 8, x, y, NULL);
        bso_network_estimate_norm(net, x, 8, b);
    }
    bso_loader_close(&loader);
}

/* Estimated statistics change what is evaluated, not a bit of what is trained. */
static void norm_batches_leave_training_alone(void **state)
{
    (void)state;
    static const char *const wanted[] = {"0", "3", "4", "1000"}; /* of four in an epoch */
    bso_settings s = bso_small_training();
    set_path(&s, "save", "net.h5");
    assert_int_equal(bso_settings_set(&s, "augment", "crop+flip"), 0);
    bso_run run[4];
    bso_network *net[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(bso_settings_set(&s, "norm_batches", wanted[i]), 0);
        assert_int_equal(bso_train(&s, &run[i], NULL), 0);
        net[i] = saved_network(&s);
        assert_true(run[i].weights_hash == bso_network_hash(net[i]));
        assert_memory_equal(run[i].batch_loss, run[0].batch_loss, run[0].batches * sizeof(double));
        assert_memory_equal(run[i].weights[0].flips, run[0].weights[0].flips, 3 * sizeof(double));
        assert_memory_equal(run[i].neurons[1].firing_rate, run[0].neurons[1].firing_rate,
                            (size_t)(3 * s.steps) * sizeof(double));
        bso_param *params[2];
        int count = bso_network_params(net[0], &params[0]);
        assert_int_equal(bso_network_params(net[i], &params[1]), count);
        for (int p = 0; p < count; p++) {
            for (size_t j = 0; j < bso_param_count(&params[0][p]); j++)
                assert_true(bso_param_value(&params[0][p], j) == bso_param_value(&params[1][p], j));
        }
    }
    assert_true(run[1].final.validation_loss != run[0].final.validation_loss);
    assert_true(run[1].weights_hash != run[0].weights_hash && run[2].weights_hash != run[1].weights_hash);
    assert_true(run[3].weights_hash == run[2].weights_hash); /* there are no more than four */
    estimate_again(&s, net[0]);
    assert_true(bso_network_hash(net[0]) == run[1].weights_hash);
    for (int i = 0; i < 4; i++) {
        bso_network_free(net[i]);
        bso_run_free(&run[i]);
    }
}

static void refused(const bso_settings *s, const char *reason)
{
    bso_run run;
    assert_int_equal(bso_train(s, &run, NULL), BSO_ERROR);
    if (!strstr(bso_error(), reason)) fail_msg("'%s' should say '%s'", bso_error(), reason);
    bso_run_free(&run);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static void what_cannot_be_trained_is_refused(void **state)
{
    (void)state;
    bso_settings s = bso_small_training();
    assert_int_equal(bso_settings_set(&s, "network", "4C3-GAP-FC"), 0);
    refused(&s, "no weights for optimizer tbso");
    s = bso_small_training();
    assert_int_equal(bso_settings_set(&s, "batch", "33"), 0);
    refused(&s, "batch=33");
    assert_int_equal(bso_settings_set(&s, "epochs", "0"), 0);
    assert_int_equal(bso_settings_set(&s, "norm_batches", "1"), 0);
    refused(&s, "batch=33");
    s = bso_small_training();
    assert_int_equal(bso_settings_set(&s, "network", "4C3-AP2-6C3-AP2-6C3-FC"), 0);
    assert_int_equal(bso_settings_set(&s, "train_samples", "1000"), 0);
    refused(&s, "train_samples");
    s = bso_small_training();
    set_path(&s, "init", "own.h5");
    refused(&s, "own.h5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_reports_what_it_did, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(parameters_go_out_and_in, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(nothing_half_written_is_left, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(norm_batches_leave_training_alone, bso_files_setup,
                                        bso_files_teardown),
        cmocka_unit_test_setup_teardown(divergence_is_a_result, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_trained_is_refused, bso_files_setup,
                                        bso_files_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
