/* test_memory_cost.c: what a plan says a training needs is what a training takes, to the byte and layer by
 * layer, for every method, and no buffer escapes the accounting.
 *
 * Trainings are in forked processes, so nothing here may start OpenMP's threads until the last test.
 */
#include "core/error.h"
#include "core/hdf5_util.h"
#include "core/isolate.h"
#include "core/trainer.h"
#include "experiments/memory_cost.h"
#include "experiments/method.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char small[] = "6C3-AP2-70C3-AP2-9C3-GAP-FC", residual[] = "8C3-8R3-16R3s2-24R3-AP2-24C3-GAP-FC";
static const bso_cost_shape shape = {2, 13, 13, 5};
enum { THREADS = 2, BATCH = 3 };

static bso_methods methods;
static bso_cost_layer layers[2][BSO_COST_LAYERS];

/* Settings of a method; false where it does not take that T (a method without time). */
static bool settings_of(const bso_method *method, const char *network, int batch, int steps, bso_settings *s)
{
    char text[16];
    bso_settings_default(s);
    assert_int_equal(bso_settings_set(s, "network", network), 0);
    snprintf(text, sizeof text, "%d", batch);
    assert_int_equal(bso_settings_set(s, "batch", text), 0);
    assert_int_equal(bso_method_apply(method, false, s), 0);
    if (bso_method_value(method, "steps") && steps != 1) return false;
    snprintf(text, sizeof text, "%d", steps);
    assert_int_equal(bso_settings_set(s, "steps", text), 0);
    if (bso_settings_check(s)) fail_msg("%s", bso_error());
    return true;
}

static bso_cost plan(const bso_settings *s, const bso_cost_shape *of, int where)
{
    bso_cost cost = {.layer = layers[where]};
    omp_set_num_threads(THREADS);
    if (bso_cost_plan(s, of, &cost)) fail_msg("%s", bso_error());
    return cost;
}

static bso_cost plan_named(const char *method, const char *network, int batch, int steps, int where)
{
    bso_settings s;
    const bso_method *found = bso_method_find(&methods, method);
    assert_non_null(found);
    assert_true(settings_of(found, network, batch, steps, &s));
    return plan(&s, &shape, where);
}

static void check_equal(const bso_settings *s)
{
    bso_cost planned = plan(s, &shape, 0);
    bso_cost_measured measured;
    if (bso_cost_measure(s, &shape, THREADS, NULL, &measured)) fail_msg("%s: %s", s->label, bso_error());
    for (int c = 0; c < BSO_MEM_CATEGORIES; c++) {
        if (measured.bytes[c] != planned.bytes[c])
            fail_msg("%s, T = %d: %s: %zu bytes measured, %zu planned", s->label, (int)s->steps,
                     bso_mem_name((bso_mem_category)c), measured.bytes[c], planned.bytes[c]);
    }
    assert_true(bso_cost_training(measured.bytes) > 0);
    assert_int_equal(measured.bytes[BSO_MEM_LOG] + measured.bytes[BSO_MEM_DATASET], 0);
}

/* Every method, and with it every rule. */
static void plans_are_what_training_takes(void **state)
{
    (void)state;
    for (int m = 0; m < methods.count; m++) {
        for (int steps = 1; steps <= 8; steps++) {
            bso_settings s;
            if (!settings_of(&methods.method[m], small, BATCH, steps, &s)) continue;
            check_equal(&s);
            if (steps == 1 || steps == 3) {
                settings_of(&methods.method[m], residual, BATCH, steps, &s);
                check_equal(&s);
            }
        }
    }
}

static void layers_add_up(void **state)
{
    (void)state;
    for (int m = 0; m < methods.count; m++) {
        for (int i = 0; i < 2; i++) {
            bso_settings s;
            settings_of(&methods.method[m], i ? residual : small, BATCH, 1, &s);
            bso_cost cost = plan(&s, &shape, 0);
            size_t main_weights = 0;
            for (int c = 0; c < BSO_MEM_CATEGORIES; c++) {
                size_t sum = 0;
                for (int l = 0; l < cost.layers; l++) sum += cost.layer[l].bytes[c];
                assert_int_equal(sum, cost.bytes[c]);
            }
            for (int l = 0; l < cost.layers; l++) main_weights += cost.layer[l].main_weights;
            assert_int_equal(main_weights, cost.main_weights);
            assert_string_equal(cost.layer[cost.layers - 1].name, "shared");
            assert_int_equal(cost.main_layers, i ? 4 : 2);
        }
    }
}

static const bso_cost_layer *layer(const bso_cost *cost, const char *name)
{
    for (int l = 0; l < cost->layers; l++) {
        if (strcmp(cost->layer[l].name, name) == 0) return &cost->layer[l];
    }
    fail_msg("no layer %s", name);
    return NULL;
}

/* By hand: conv2 has 6 x 9 inputs in one word for each of 70 outputs, on maps of 6 x 6. */
static void layers_hold_what_is_theirs(void **state)
{
    (void)state;
    enum { WEIGHTS = 6 * 9 * 70, MAP = 70 * 6 * 6 * BATCH, T = 4 };
    bso_cost cost = plan_named("tbso", small, BATCH, T, 0);
    const bso_cost_layer *conv = layer(&cost, "conv2"), *norm = layer(&cost, "bn2"),
                         *lif = layer(&cost, "lif2"), *pool = layer(&cost, "pool2");
    assert_int_equal(conv->main_weights, WEIGHTS);
    assert_int_equal(conv->bytes[BSO_MEM_WEIGHTS_BITS], 70 * 8);
    assert_int_equal(conv->bytes[BSO_MEM_OPTIMIZER], WEIGHTS * 4 + T * 8);
    assert_int_equal(conv->bytes[BSO_MEM_ACTIVATIONS], MAP * 4);
    assert_int_equal(norm->bytes[BSO_MEM_WEIGHTS_FLOAT], 4 * 70 * 4);
    assert_int_equal(norm->bytes[BSO_MEM_ACTIVATIONS], 2 * 70 * 4);
    assert_int_equal(lif->bytes[BSO_MEM_NEURON_STATE], MAP * 4);
    assert_int_equal(lif->bytes[BSO_MEM_TRACES], MAP * 4);
    assert_int_equal(lif->bytes[BSO_MEM_ACTIVATIONS], 2 * 6 * 6 * BATCH * 8);
    assert_int_equal(lif->bytes[BSO_MEM_CONTROL], T * 8 + 8); /* spike counts, and where its potential is */
    assert_int_equal(pool->bytes[BSO_MEM_ACTIVATIONS], 3 * 2 * 3 * 3 * BATCH * 8);
    cost = plan_named("adam_ste", small, BATCH, T, 0);
    conv = layer(&cost, "conv2");
    assert_int_equal(conv->bytes[BSO_MEM_GRADIENTS], WEIGHTS * 4);
    assert_int_equal(conv->bytes[BSO_MEM_WEIGHTS_LATENT], WEIGHTS * 4);
    assert_int_equal(conv->bytes[BSO_MEM_ACTIVATIONS], MAP * 4 * T);
    assert_int_equal(cost.weight_bytes + cost.state_bytes, cost.bytes[BSO_MEM_WEIGHTS_BITS] +
                                                               cost.bytes[BSO_MEM_WEIGHTS_LATENT] +
                                                               cost.bytes[BSO_MEM_OPTIMIZER]);
}

/* Claims 1 and 3: BSO's training does not grow with T, T-BSO's by one double for each layer of the rule's. */
static void online_flips_do_not_grow(void **state)
{
    (void)state;
    bso_cost one = plan_named("bso", small, BATCH, 1, 0);
    for (int steps = 1; steps <= 35; steps++) {
        bso_cost bso = plan_named("bso", small, BATCH, steps, 0),
                 tbso = plan_named("tbso", small, BATCH, steps, 1);
        size_t scalars = (size_t)(steps * tbso.main_layers) * sizeof(double);
        assert_int_equal(bso_cost_training(bso.bytes), bso_cost_training(one.bytes));
        assert_int_equal(bso_cost_training(tbso.bytes), bso_cost_training(bso.bytes) + scalars);
        assert_int_equal(tbso.bytes[BSO_MEM_OPTIMIZER], bso.bytes[BSO_MEM_OPTIMIZER] + scalars);
        /* What does grow is no part of training: a count of spikes for each of three layers of neurons. */
        assert_int_equal(bso.bytes[BSO_MEM_CONTROL] - one.bytes[BSO_MEM_CONTROL], (steps - 1) * 3 * 8);
        assert_int_equal(tbso.bytes[BSO_MEM_CONTROL], bso.bytes[BSO_MEM_CONTROL]);
    }
}

/* ---- nothing escapes ---- */

/* Large enough for one kind of buffers to be more than the slack: what there is for each weight, or for each
 * neuron. */
static const struct {
    const char *network;
    bso_cost_shape shape;
    int batch;
} large[] = {
    {"32C3-AP2-256C3-AP2-512C3-1024C3-GAP-FC", {3, 16, 16, 10}, 2},
    {"64C3-128C3-AP2-128C3-AP2-GAP-FC", {3, 32, 32, 10}, 48},
};

/* A buffer that nobody counted, as large as the slack that there is, three times over. */
static void leak(void *user, const float *x, const int *y, int n)
{
    (void)user;
    (void)x;
    (void)y;
    (void)n;
    enum { BYTES = 48 << 20 };
    static char *volatile kept;
    kept = malloc(BYTES);
    if (kept) memset(kept, 1, BYTES);
}

static void no_buffer_escapes(void **state)
{
    (void)state;
    if (bso_isolate_sanitized) skip();
    static const char *const names[] = {"tbso", "adam_ste", "ottt"};
    for (int i = 0; i < 6; i++) {
        int m = i / 2, n = i % 2;
        bso_settings s;
        bso_cost_measured measured;
        assert_true(
            settings_of(bso_method_find(&methods, names[m]), large[n].network, large[n].batch, 1, &s));
        assert_int_equal(bso_cost_measure(&s, &large[n].shape, THREADS, NULL, &measured), 0);
        print_message("%s: resident %.1f MB, accounted %.1f MB\n", names[m], (double)measured.resident / 1e6,
                      (double)bso_cost_training(measured.bytes) / 1e6);
        assert_true(bso_cost_explained(measured.resident, measured.bytes));
    }
    bso_settings s;
    bso_cost_measured measured;
    const bso_observer observer = {.batch = leak};
    settings_of(bso_method_find(&methods, "tbso"), large[0].network, large[0].batch, 1, &s);
    assert_int_equal(bso_cost_measure(&s, &large[0].shape, THREADS, &observer, &measured), 0);
    assert_false(bso_cost_explained(measured.resident, measured.bytes));
}

static void failures_come_back(void **state)
{
    (void)state;
    bso_settings s;
    bso_cost_measured measured;
    settings_of(bso_method_find(&methods, "bso"), "4C3-AP2-AP2-AP2-AP2-8C3-GAP-FC", BATCH, 1, &s);
    assert_int_equal(bso_cost_measure(&s, &shape, THREADS, NULL, &measured), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "too small for AP2"));
    bso_cost cost = {.layer = layers[0]};
    assert_int_equal(bso_cost_plan(&s, &shape, &cost), BSO_ERROR);
    assert_false(bso_mem_planning());
}

/* ---- a whole training ---- */

static char folder[] = "/tmp/bso-cost-XXXXXX";

static void make_data(char path[128])
{
    enum { N = 12 };
    static const hsize_t x_dims[] = {N, 2, 13, 13}, y_dims[] = {N};
    static float x[N * 2 * 13 * 13];
    static int64_t y[N];
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) x[i] = (float)(i % 17) - 8;
    for (int i = 0; i < N; i++) y[i] = i % 5;
    assert_non_null(mkdtemp(folder));
    snprintf(path, 128, "%s/data.h5", folder);
    bso_h5_writer w;
    assert_int_equal(bso_h5_create(&w, path, "data", 1), 0);
    for (int i = 0; i < 2; i++) {
        bso_h5_group(&w, i ? "/test" : "/train");
        bso_h5_put_array(&w, i ? "/test/x" : "/train/x", H5T_NATIVE_FLOAT, 4, x_dims, x);
        bso_h5_put_array(&w, i ? "/test/y" : "/train/y", H5T_NATIVE_INT64, 1, y_dims, y);
    }
    assert_int_equal(bso_h5_finish(&w), 0);
}

/* What the program's training accounts for, samples, measuring and the loader's scratch apart, is the plan.
 * Last: it starts threads. */
static void a_training_takes_it_too(void **state)
{
    (void)state;
    char path[128], dataset[160];
    make_data(path);
    snprintf(dataset, sizeof dataset, "hdf5:%s", path);
    static const char *const names[] = {"tbso", "sgd_ste"};
    for (int m = 0; m < 2; m++) {
        bso_settings s;
        bso_run run;
        settings_of(bso_method_find(&methods, names[m]), small, BATCH, 3, &s);
        bso_cost cost = plan(&s, &shape, 0);
        assert_int_equal(bso_settings_set(&s, "dataset", dataset), 0);
        assert_int_equal(bso_settings_set(&s, "epochs", "1"), 0);
        assert_int_equal(bso_settings_set(&s, "validation", "0"), 0);
        assert_int_equal(bso_settings_set(&s, "threads", "2"), 0);
        if (bso_train(&s, &run, NULL)) fail_msg("%s", bso_error());
        cost.bytes[BSO_MEM_WORKSPACE] += THREADS * ((2 * 13 * 13 * sizeof(float) + 63) / 64 * 64);
        for (int c = 0; c < BSO_MEM_CATEGORIES; c++) {
            bool apart = c == BSO_MEM_DATASET || c == BSO_MEM_LOG || c == BSO_MEM_CONTROL;
            if (!apart && run.memory_peak[c] != cost.bytes[c])
                fail_msg("%s: %s: %zu bytes in training, %zu planned", names[m],
                         bso_mem_name((bso_mem_category)c), run.memory_peak[c], cost.bytes[c]);
        }
        bso_run_free(&run);
    }
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    /* The repository's methods, wherever the tests were built; what tuning found does not matter. */
    setenv("BSO_EXPERIMENTS", "experiments", 1);
    if (bso_methods_read(&methods, "/nonexistent")) {
        fprintf(stderr, "%s\n", bso_error());
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_buffer_escapes),
        cmocka_unit_test(plans_are_what_training_takes),
        cmocka_unit_test(layers_add_up),
        cmocka_unit_test(layers_hold_what_is_theirs),
        cmocka_unit_test(online_flips_do_not_grow),
        cmocka_unit_test(failures_come_back),
        cmocka_unit_test(a_training_takes_it_too),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bso_methods_free(&methods);
    return failed;
}
