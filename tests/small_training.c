/* small_training.c: see small_training.h. */
#include "tests/small_training.h"

#include "core/error.h"
#include "core/random.h"
#include "tests/dataset_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { TRAIN = BSO_SMALL_TRAIN, TEST = BSO_SMALL_TEST, SIDE = BSO_SMALL_SIDE, CLASSES = BSO_SMALL_CLASSES };

bso_settings bso_small_training(void)
{
    static float x[(TRAIN + TEST) * SIDE * SIDE];
    static int y[TRAIN + TEST];
    for (int i = 0; i < TRAIN + TEST; i++) {
        y[i] = i % CLASSES;
        for (int p = 0; p < SIDE * SIDE; p++) {
            x[i * SIDE * SIDE + p] =
                (float)(p % CLASSES == y[i]) +
                0.1f * (float)bso_random_normal(1, BSO_RANDOM_TEST, (uint32_t)i, (uint64_t)p);
        }
    }
    bso_files_put_hdf5((int[]){TRAIN, TEST}, (int[]){0, 1, SIDE, SIDE}, x, y, CLASSES);
    bso_settings s;
    bso_settings_default(&s);
    char own[128];
    snprintf(own, sizeof own, "hdf5:%s", bso_files_at("own.h5"));
    const char *const set[][2] = {{"dataset", own},      {"network", "4C3-6C3-GAP-FC"},
                                  {"batch", "8"},        {"epochs", "3"},
                                  {"validation", "0.2"}, {"one_minus_beta1", "0.1"}};
    for (size_t i = 0; i < sizeof set / sizeof set[0]; i++)
        assert_int_equal(bso_settings_set(&s, set[i][0], set[i][1]), 0);
    return s;
}

static void same_doubles(const double *a, const double *b, size_t n)
{
    assert_true(!a == !b);
    if (a) assert_memory_equal(a, b, n * sizeof *a);
}

static void same_epoch(const bso_epoch_log *a, const bso_epoch_log *b)
{
    const double *const of_a[] = {
        &a->train_loss, &a->train_accuracy, &a->validation_loss, &a->validation_accuracy,
        &a->test_loss,  &a->test_accuracy,  &a->flip_rate,       &a->c2i,
        &a->lr};
    const double *const of_b[] = {
        &b->train_loss, &b->train_accuracy, &b->validation_loss, &b->validation_accuracy,
        &b->test_loss,  &b->test_accuracy,  &b->flip_rate,       &b->c2i,
        &b->lr};
    for (size_t i = 0; i < sizeof of_a / sizeof *of_a; i++) same_doubles(of_a[i], of_b[i], 1);
    same_doubles(a->hyper, b->hyper, BSO_HYPER_MAX);
}

static void same_layers(const bso_run *a, const bso_run *b)
{
    const size_t epochs = (size_t)a->epochs_done, entries = epochs * (size_t)a->time_entries,
                 T = (size_t)a->settings.steps;
    assert_int_equal(a->weight_logs, b->weight_logs);
    for (int i = 0; i < a->weight_logs; i++) {
        const bso_weight_log *x = &a->weights[i], *y = &b->weights[i];
        same_doubles(x->flips, y->flips, epochs);
        same_doubles(x->flip_rate, y->flip_rate, epochs);
        same_doubles(x->c2i, y->c2i, epochs);
        same_doubles(x->v, y->v, entries);
        same_doubles(x->threshold, y->threshold, entries);
        same_doubles(x->cosine, y->cosine, epochs * T * T);
        same_doubles(x->flip_curve, y->flip_curve, (size_t)a->flip_bins);
        same_doubles(x->flip_gaps, y->flip_gaps, BSO_FLIP_GAPS);
    }
    assert_int_equal(a->neuron_logs, b->neuron_logs);
    for (int i = 0; i < a->neuron_logs; i++)
        same_doubles(a->neurons[i].firing_rate, b->neurons[i].firing_rate, epochs * T);
}

void bso_small_set(bso_settings *s, const char *key, const char *value)
{
    if (bso_settings_set(s, key, value)) fail_msg("%s", bso_error());
}

void bso_small_train(const bso_settings *s, bso_run *run, const bso_train_options *o)
{
    if (bso_train(s, run, o)) fail_msg("%s", bso_error());
}

void bso_small_stop(const bso_progress *p, void *user)
{
    (void)p;
    (void)user;
    bso_stop_requested = 1;
}

void bso_small_same(const bso_run *a, const bso_run *b)
{
    assert_true(a->weights_hash == b->weights_hash);
    assert_int_equal(a->epochs_done, b->epochs_done);
    assert_int_equal(a->updates, b->updates);
    assert_int_equal(a->batches, b->batches);
    same_doubles(a->batch_loss, b->batch_loss, a->batches);
    for (int e = 0; e < a->epochs_done; e++) same_epoch(&a->epochs[e], &b->epochs[e]);
    same_epoch(&a->final, &b->final);
    same_layers(a, b);
    assert_int_equal(a->operation_logs, b->operation_logs);
    for (int i = 0; i < a->operation_logs; i++)
        assert_true(a->operations[i].effective == b->operations[i].effective);
    assert_string_equal(a->stopped, b->stopped);
}
