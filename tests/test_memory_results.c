/* test_memory_results.c: files of `bso memory` come back as they were or are refused, fits find the constants
 * they were made with, and tables come from the files alone.
 */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/file.h"
#include "experiments/memory_results.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/bso-memory-XXXXXX", memory[64], path[96];

static int make_folder(void **state)
{
    (void)state;
    setenv("BSO_EXPERIMENTS", "experiments", 1);
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(memory, sizeof memory, "%s/memory", folder);
    snprintf(path, sizeof path, "%s/one.h5", memory);
    return mkdir(memory, 0777);
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

static void text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

enum { POINTS = 4, LAYERS = 3 };

/* A file of T-BSO at T = 1 to 4 whose numbers are all different; the second layer is the rule's. */
static bso_memory_file make_file(void)
{
    bso_memory_file f = {.shape = {3, 32, 32, 10}, .batch = 128, .threads = 2};
    text(f.kind, sizeof f.kind, "steps");
    text(f.method, sizeof f.method, "tbso");
    text(f.label, sizeof f.label, "T-BSO");
    text(f.optimizer, sizeof f.optimizer, "tbso");
    text(f.gradient, sizeof f.gradient, "ottt");
    text(f.update, sizeof f.update, "realtime");
    text(f.network, sizeof f.network, "vgg11");
    text(f.started, sizeof f.started, "2026-01-02T03:04:05Z");
    text(f.ended, sizeof f.ended, "2026-01-02T03:04:06Z");
    assert_int_equal(bso_memory_file_room(&f, POINTS, LAYERS, 1, 1), 0);
    for (int l = 0; l < LAYERS; l++) {
        snprintf(f.layer[l].name, sizeof f.layer[l].name, "layer%d", l);
        f.layer[l].main_weights = l == 1 ? 1000 : 0;
    }
    for (int i = 0; i < POINTS; i++) {
        bso_memory_point *p = &f.point[i];
        *p = (bso_memory_point){.steps = (size_t)i + 1,
                                .batch = 128,
                                .main_weights = 1000,
                                .main_layers = 1,
                                .neurons = 50,
                                .weight_bytes = 125,
                                .state_bytes = 4000 + 8 * ((size_t)i + 1)};
        for (int c = 0; c < BSO_MEM_CATEGORIES; c++) {
            for (int l = 0; l < LAYERS; l++) {
                size_t bytes =
                    (size_t)(100000 * l + 1000 * c) + (c == BSO_MEM_OPTIMIZER && l == 1 ? 8 * (size_t)i : 0);
                f.layer[l].bytes[i][c] = bytes;
                p->bytes[c] += bytes;
            }
        }
    }
    f.measurement[0].steps = 2;
    f.measurement[0].resident = 12345678;
    memcpy(f.measurement[0].bytes, f.point[1].bytes, sizeof f.point[1].bytes);
    f.model[0] = (bso_memory_model){.name = "a-model",
                                    .dataset = "CIFAR-10",
                                    .network = "vgg11",
                                    .shape = {3, 32, 32, 10},
                                    .one_bit_weights = 800,
                                    .float_weights = 100,
                                    .bytes = 500,
                                    .float_bytes = 3600};
    return f;
}

static void files_come_back(void **state)
{
    (void)state;
    bso_memory_file f = make_file(), back;
    assert_int_equal(bso_memory_write(path, &f, "bso memory"), 0);
    if (bso_memory_read(path, &back)) fail_msg("%s", bso_error());
    assert_string_equal(back.label, "T-BSO");
    assert_string_equal(back.network, "vgg11");
    assert_string_equal(back.ended, f.ended);
    assert_true(*back.commit);
    assert_memory_equal(&back.shape, &f.shape, sizeof f.shape);
    assert_int_equal(back.points, POINTS);
    assert_memory_equal(back.point, f.point, POINTS * sizeof *f.point);
    assert_int_equal(back.layers, LAYERS);
    for (int l = 0; l < LAYERS; l++) {
        assert_string_equal(back.layer[l].name, f.layer[l].name);
        assert_int_equal(back.layer[l].main_weights, f.layer[l].main_weights);
        assert_memory_equal(back.layer[l].bytes, f.layer[l].bytes, POINTS * sizeof *f.layer[l].bytes);
    }
    assert_int_equal(back.measurements, 1);
    assert_memory_equal(back.measurement, f.measurement, sizeof *f.measurement);
    assert_int_equal(back.models, 1);
    assert_string_equal(back.model[0].name, "a-model");
    assert_true(back.model[0].bytes == 500 && back.model[0].float_bytes == 3600);
    /* What is asked of it. */
    assert_int_equal(bso_memory_at(&back, 3)->steps, 3);
    assert_null(bso_memory_at(&back, 5));
    assert_int_equal(bso_memory_measured(&back, 2)->resident, 12345678);
    assert_null(bso_memory_measured(&back, 1));
    assert_true(bso_memory_growth(&back) == 8);
    assert_true(bso_memory_category_growth(&back, BSO_MEM_OPTIMIZER) == 8);
    assert_true(bso_memory_category_growth(&back, BSO_MEM_CONTROL) == 0);
    assert_true(fabs(bso_memory_bytes_per_weight(&back) - 4.133) < 1e-12);
    assert_true(bso_memory_gradient_per_weight(&back) == 100 + BSO_MEM_GRADIENTS);
    assert_int_equal(bso_memory_class_of(&back), BSO_MEMORY_TBSO);
    bso_memory_file_free(&back);
    bso_memory_file_free(&f);
}

static void refuse(const bso_memory_file *f, const char *word)
{
    bso_memory_file back;
    assert_int_equal(bso_memory_write(path, f, NULL), 0);
    assert_int_equal(bso_memory_read(path, &back), BSO_ERROR);
    if (!strstr(bso_error(), word) || !strstr(bso_error(), path)) fail_msg("%s", bso_error());
    assert_null(back.point);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    bso_memory_file f = make_file();
    f.layer[2].bytes[1][BSO_MEM_OPTIMIZER]++;
    refuse(&f, "optimizer at T = 2");
    f.layer[2].bytes[1][BSO_MEM_OPTIMIZER]--;
    f.point[0].steps = 0;
    refuse(&f, "makes no sense");
    f.point[0].steps = 1;
    f.point[3].main_weights = 0;
    refuse(&f, "makes no sense");
    f.point[3].main_weights = 1000;
    f.point[3].neurons = SIZE_MAX / 2;
    refuse(&f, "no number of bytes");
    f.point[3].neurons = 50;
    text(f.optimizer, sizeof f.optimizer, "nothing");
    refuse(&f, "no such optimizer");
    text(f.optimizer, sizeof f.optimizer, "tbso");
    f.model[0].bytes = NAN;
    refuse(&f, "a-model");
    f.model[0].bytes = 500;
    bso_memory_file back;
    assert_int_equal(bso_memory_write(path, &f, NULL), 0);
    assert_int_equal(bso_memory_read(path, &back), 0);
    bso_memory_file_free(&back);
    bso_memory_file_free(&f);
}

/* Cut short, or a byte changed, anywhere. */
static void damaged_files_are_refused(void **state)
{
    (void)state;
    bso_memory_file f = make_file(), back;
    uint8_t *bytes;
    size_t size;
    assert_int_equal(bso_memory_write(path, &f, NULL), 0);
    assert_int_equal(bso_file_read(path, 1 << 24, BSO_MEM_LOG, &bytes, &size), 0);
    /* Behind is the seal; a file without one is another program's. */
    for (size_t at = 0; at < size - 64; at += size / 40) {
        bytes[at] ^= 0x10;
        assert_int_equal(bso_file_write(path, bytes, size), 0);
        assert_int_equal(bso_memory_read(path, &back), BSO_ERROR);
        bytes[at] ^= 0x10;
        assert_int_equal(bso_file_write(path, bytes, at), 0);
        assert_int_equal(bso_memory_read(path, &back), BSO_ERROR);
    }
    bso_free(bytes);
    bso_memory_file_free(&f);
}

/* ---- fits */

enum { NETWORKS = 4, SIZES = 3, TIMES = 3, ALL = NETWORKS * SIZES * TIMES };

/* Points that the formula of a class makes with these constants. */
static bso_memory_file make_scaling(const char *optimizer, const char *gradient, bso_memory_fit k)
{
    static const size_t weights[] = {8000, 32000, 64000, 128000}, neurons[] = {900, 1700, 3000, 3300},
                        count[] = {3, 3, 4, 6}, batches[] = {1, 8, 64}, times[] = {1, 2, 8};
    bso_memory_file f = {.shape = {3, 32, 32, 10}, .threads = 2};
    text(f.kind, sizeof f.kind, "scaling");
    text(f.method, sizeof f.method, "some");
    text(f.optimizer, sizeof f.optimizer, optimizer);
    text(f.gradient, sizeof f.gradient, gradient);
    assert_int_equal(bso_memory_file_room(&f, ALL, 0, 0, 0), 0);
    for (int i = 0; i < ALL; i++) {
        int n = i / (SIZES * TIMES), b = i / TIMES % SIZES, t = i % TIMES;
        double w = (double)weights[n], u = (double)(neurons[n] * batches[b]), l = (double)count[n];
        bso_memory_point *p = &f.point[i];
        *p = (bso_memory_point){.steps = times[t],
                                .batch = batches[b],
                                .width = (size_t)n + 1,
                                .depth = count[n],
                                .main_weights = weights[n],
                                .main_layers = count[n],
                                .neurons = neurons[n],
                                .weight_bytes = (size_t)(k.weight * w)};
        p->bytes[BSO_MEM_WEIGHTS_BITS] = p->weight_bytes;
        p->bytes[BSO_MEM_WORKSPACE] = (size_t)(k.state * w + k.neuron * u + k.fixed +
                                               (k.step_neuron * u + k.step_layer * l) * (double)times[t]);
        p->bytes[BSO_MEM_CONTROL] = 1000 + 17 * times[t]; /* no part of training */
    }
    return f;
}

static void check_near(double x, double expected)
{
    if (!(fabs(x - expected) <= 1e-7 * (1 + fabs(expected)))) fail_msg("%.12g, not %.12g", x, expected);
}

static void fits_find_their_constants(void **state)
{
    (void)state;
    static const struct {
        const char *optimizer, *gradient;
        bso_memory_fit k;
    } cases[] = {
        {"adam_ste", "bptt", {.weight = 4.125, .state = 12, .neuron = 8, .step_neuron = 8, .fixed = 5000}},
        {"sgd", "ottt", {.weight = 4, .state = 4, .neuron = 16, .fixed = 12000}},
        {"bso", "ottt", {.weight = 0.125, .state = 4, .neuron = 12, .fixed = 0}},
        {"tbso", "ottt", {.weight = 0.125, .state = 4, .neuron = 12, .step_layer = 8, .fixed = 70}},
    };
    for (int i = 0; i < 4; i++) {
        bso_memory_fit k = cases[i].k, fit;
        bso_memory_file f = make_scaling(cases[i].optimizer, cases[i].gradient, k);
        if (bso_memory_fit_of(&f, &fit)) fail_msg("%s", bso_error());
        check_near(fit.weight, k.weight);
        check_near(fit.state, k.state);
        check_near(fit.neuron, k.neuron);
        check_near(fit.fixed, k.fixed);
        assert_int_equal(isnan(fit.step_neuron), i != 0);
        assert_int_equal(isnan(fit.step_layer), i != 3);
        if (i == 0) check_near(fit.step_neuron, 8);
        if (i == 3) check_near(fit.step_layer, 8);
        assert_true(fit.error < 1e-9 && fit.weight_error < 1e-9);
        /* A formula that has not the term that it needs shows it. */
        text(f.optimizer, sizeof f.optimizer, "bso");
        text(f.gradient, sizeof f.gradient, "ottt");
        assert_int_equal(bso_memory_fit_of(&f, &fit), 0);
        if (i == 0) assert_true(fit.error > 0.1);
        f.points = 2 * TIMES * SIZES / 3; /* two batches of one network */
        assert_int_equal(bso_memory_fit_of(&f, &fit), BSO_ERROR);
        f.points = ALL;
        bso_memory_file_free(&f);
    }
}

/* ---- tables */

static bool table_has(const char *name, const char *words)
{
    char file[160];
    uint8_t *bytes;
    size_t size;
    snprintf(file, sizeof file, "%s/tables/%s", folder, name);
    if (access(file, F_OK) || bso_file_read(file, 1 << 20, BSO_MEM_LOG, &bytes, &size)) return false;
    bool found = memmem(bytes, size, words, strlen(words)) != NULL;
    bso_free(bytes);
    return found;
}

static void tables_come_from_the_files(void **state)
{
    (void)state;
    bso_memory_file f = make_file();
    assert_int_equal(bso_memory_tables(folder), 0);
    assert_false(table_has("memory_steps.csv", "network"));
    assert_int_equal(bso_memory_write(path, &f, NULL), 0);
    assert_int_equal(bso_memory_tables(folder), 0);
    /* Training at T = 1: (3 * 1000 c + 300000) over nine categories c = 0..8. At T = 2 measured as planned;
     * the paper's figure. */
    assert_true(table_has("memory_steps.csv", "\nvgg11,10,tbso,T-BSO,128,1,2.808,NaN,NaN,3100,NaN,"));
    assert_true(
        table_has("memory_steps.csv", "\nvgg11,10,tbso,T-BSO,128,2,2.808008,2.808008,12.345678,3100,1,"));
    assert_true(table_has("memory_layers.csv", "\nvgg11,10,tbso,T-BSO,128,4,layer1,1000,"));
    assert_true(table_has("table1.csv", "\nvgg11,10,tbso,T-BSO,128,n²L/32,n²L + LT + nL,NaN,"));
    assert_true(table_has("table1.md", "| T-BSO | n²L/32 |"));
    assert_true(table_has("table1.md", f.ended));
    assert_true(table_has("table1.tex", "n$^2$L/32"));
    assert_true(table_has("model_size.csv",
                          "\na-model,CIFAR-10,vgg11,3,32,32,10,800,100,0.0005,0.0036,7.2,1.2,36.91"));
    /* A measurement that differs is shown as such. */
    f.measurement[0].bytes[BSO_MEM_TRACES]++;
    assert_int_equal(bso_memory_write(path, &f, NULL), 0);
    assert_int_equal(bso_memory_tables(folder), 0);
    assert_true(table_has("memory_steps.csv", ",2.808009,12.345678,3100,0,"));
    /* Another network is not what the paper reports on. */
    text(f.network, sizeof f.network, "4C3-FC");
    assert_int_equal(bso_memory_write(path, &f, NULL), 0);
    assert_int_equal(bso_memory_tables(folder), 0);
    assert_true(table_has("memory_steps.csv", "\n4C3-FC,10,tbso,T-BSO,128,1,2.808,NaN,NaN,NaN,NaN,"));
    /* A damaged file is told of, and its numbers are gone. */
    assert_int_equal(truncate(path, 3000), 0);
    assert_int_equal(bso_memory_tables(folder), 1);
    assert_false(table_has("memory_steps.csv", "network"));
    assert_false(table_has("table1.md", "T-BSO"));
    bso_memory_file_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_come_back, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(damaged_files_are_refused, make_folder, remove_folder),
        cmocka_unit_test(fits_find_their_constants),
        cmocka_unit_test_setup_teardown(tables_come_from_the_files, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
