/* test_part.c: the tables and figures of the paper, from result files made by hand: the paper's figure, the
 * difference, the caption; parts without trainings; and no number without its files. */
#include "experiments/part_tables.h"
#include "experiments/program.h"

#include "tests/result_files.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

static int files; /* made so far: runs/0.h5, ... */

static void set(bso_run *run, const char *key, const char *value)
{
    if (bso_settings_set(&run->settings, key, value)) fail_msg("%s", bso_error());
}

/* A run of T-BSO with default settings, for a part. */
static void make(bso_run *run, const char *dataset, const char *parts, int epochs, int seed, double accuracy)
{
    char text[32];
    bso_results_make(run, epochs);
    bso_settings_default(&run->settings);
    run->settings.epochs = epochs;
    snprintf(run->dataset_name, sizeof run->dataset_name, "%s", dataset);
    snprintf(text, sizeof text, "%d", seed);
    set(run, "seed", text);
    set(run, "label", "T-BSO");
    set(run, "parts", parts);
    for (int e = 0; e < epochs; e++) {
        bso_epoch_log *epoch = &run->epochs[e];
        epoch->test_accuracy = epoch->train_accuracy = accuracy;
        epoch->flip_rate = epoch->c2i = 0.5;
    }
    run->final = run->epochs[epochs - 1];
    snprintf(run->started, sizeof run->started, "2026-02-0%dT00:00:00Z", seed);
    snprintf(run->ended, sizeof run->ended, "2026-02-0%dT01:00:00Z", seed);
}

/* The settings that spec and reference code agree on. */
static void as_in_the_paper(bso_run *run)
{
    set(run, "network", "vgg11");
    set(run, "augment", "crop+flip+cutout");
    set(run, "schedule_stages", "8");
    set(run, "gamma", "0.0000005");
    set(run, "one_minus_beta1", "1e-3");
    set(run, "one_minus_beta2", "1e-5");
}

static void keep(bso_run *run)
{
    char path[128];
    assert_int_equal(bso_settings_check(&run->settings), 0);
    snprintf(path, sizeof path, "%s/runs/%d.h5", bso_results_folder, files++);
    if (bso_result_write(path, run, NULL)) fail_msg("%s", bso_error());
    bso_run_free(run);
}

/* `bso table` of the folder, its output out of the way. */
static int table_command(void)
{
    char *argv[] = {"table", bso_results_folder, NULL};
    fflush(stdout);
    const int out = dup(1), err = dup(2);
    assert_non_null(freopen("/dev/null", "w", stdout));
    assert_non_null(freopen("/dev/null", "w", stderr));
    const int code = bso_command_table(2, argv);
    fflush(stdout);
    dup2(out, 1);
    dup2(err, 2);
    close(out);
    close(err);
    return code;
}

/* How often a table has the text. */
static int times(const char *name, const char *what)
{
    char path[128];
    static char text[1 << 20];
    snprintf(path, sizeof path, "%s/tables/%s", bso_results_folder, name);
    FILE *f = fopen(path, "r");
    if (!f) fail_msg("%s is not there", path);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    int n = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what)) n++;
    return n;
}

#define HAS(name, what)                                                                                      \
    do {                                                                                                     \
        if (times(name, what) != 1) fail_msg("%s: not one \"%s\"", name, what);                              \
    } while (0)

static void beside_the_paper(void **state)
{
    (void)state;
    for (int seed = 1; seed <= 3; seed++) {
        bso_run run;
        make(&run, "CIFAR-100", "table3+table4+fig5", 400, seed, 0.72 + 0.01 * seed);
        as_in_the_paper(&run);
        keep(&run);
    }
    assert_int_equal(table_command(), 0);
    /* 73, 74, 75: sd 1, and t with 2 degrees of freedom is 4.3027. */
    HAS("table3.md",
        "| T-BSO | one-bit | 2 | 5e-07 | 74.00 ± 1.00 \\[71.52, 76.48] | 3 | 73.40 | +0.60 ± 2.48 |");
    HAS("table3.md",
        "3 seeds. Made from 3 result files, the oldest started 2026-02-01T00:00:00Z, the newest ended "
        "2026-02-03T01:00:00Z. This is the paper's protocol.");
    HAS("table3.md", "| CIFAR-100 | T-BSO | VGG-11 | gamma=5e-8 | one-bit | not run | 2 | 73.75 |");
    assert_int_equal(times("table3.md", "| gamma=5e-7 |"), 0); /* it has its row */
    HAS("table3.csv", "here,CIFAR-100,vgg11,T-BSO,2,5e-07,74,1,3,2.48413");
    HAS("table3.csv", "0,CIFAR-100,73.4,0.6,2.48413");
    assert_int_equal(times("table3.csv", "\npaper,CIFAR-100,"), 8);
    HAS("table3.tex",
        "T-BSO & one-bit & 2 & 5e-07 & 74.00 $\\pm$ 1.00 [71.52, 76.48] & 3 & 73.40 & +0.60 $\\pm$ 2.48 &");
    HAS("fig5.md", "| 74.00 ± 1.00 \\[71.52, 76.48] | 3 | 73.40 | +0.60 ± 2.48 |");
    HAS("table4.md", "| 2 | 0.001 | 1e-05 | 74.00 ± 1.00 \\[71.52, 76.48] | 3 | 73.40 | +0.60 ± 2.48 |");
    HAS("table4.csv", "paper,CIFAR-100,VGG-11,T-BSO,2,1.5e-4,1.5e-6,73.22,");
    /* None is for Table 2, so none is in the comparison. */
    assert_int_equal(times("comparison.csv", "T-BSO"), 0);
    HAS("table2.md", "Not run. `./run_all.sh --profile quick --only table2`");
}

/* Fewer training samples, or another size, is not the paper's protocol either. */
static void of_less_data(void **state)
{
    (void)state;
    bso_run run;
    make(&run, "CIFAR-100", "table3", 400, 1, 0.7);
    as_in_the_paper(&run);
    set(&run, "validation", "0.1");
    set(&run, "image_size", "16");
    keep(&run);
    assert_int_equal(table_command(), 0);
    HAS("table3.md",
        "This is scaled down, or otherwise unlike the paper: validation 0.1 instead of 0; image\\_size 16 "
        "instead of the data set's own.");
}

static void labels_are_text(void **state)
{
    (void)state;
    bso_run run;
    make(&run, "CIFAR-100", "table3", 3, 1, 0.7);
    set(&run, "label", "<b>&amp;|_");
    keep(&run);
    assert_int_equal(table_command(), 0);
    HAS("table3.md", "| \\<b>\\&amp;\\|\\_ |");
    HAS("table3.tex", "$<$b$>$\\&amp;$\\mid$\\_ &");
}

static void of_another_data_set(void **state)
{
    (void)state;
    bso_run run;
    for (int i = 0; i < 2; i++) {
        make(&run, "Fashion-MNIST", "table3", 3, 1 + i, 0.8);
        as_in_the_paper(&run);
        set(&run, "gamma", i ? "1.0" : "5e-7");
        set(&run, "train_samples", "2000");
        set(&run, "lr", "2.5");
        keep(&run);
    }
    assert_int_equal(table_command(), 0);
    HAS("table3.md", "This is scaled down, or otherwise unlike the paper: data Fashion-MNIST instead of "
                     "CIFAR-100; epochs 3 "
                     "instead of 400; train\\_samples 2000 instead of all; lr 2.5 instead of 0.1.");
    HAS("table3.md", "| 5e-07 | 80.00 | 1 | CIFAR-100: 73.40 | – |");
    HAS("table3.md", "| 1 | 80.00 | 1 | – | – |");
    /* In the order of the numbers. */
    HAS("table3.csv", "2,5e-07,80,NaN,1,NaN,0,CIFAR-100,73.4,NaN,NaN");
}

static void a_diverged_seed_is_told(void **state)
{
    (void)state;
    bso_run run;
    make(&run, "CIFAR-10", "table2", 3, 1, 0.9);
    keep(&run);
    make(&run, "CIFAR-10", "table2", 3, 2, 0.1);
    bso_results_diverge(&run);
    run.settings.epochs = 3;
    run.epochs_done = 2;
    keep(&run);
    assert_int_equal(table_command(), 0);
    HAS("table2.md", "| T-BSO | one-bit | 2 | 90.00 | 1, 1 more diverged | 94.32 | -4.32 | 1.2 | 1.20 |");
    HAS("comparison.csv", "T-BSO");
}

static void similarity_by_distance(void **state)
{
    (void)state;
    /* t and u from 1 to 3: the pairs that are one apart have 0.5 and 0.1, those two apart -0.25. */
    static const double cosine[9] = {1, 0.5, -0.25, 0.5, 1, 0.1, -0.25, 0.1, 1};
    bso_run run;
    make(&run, "Fashion-MNIST", "fig3", 1, 1, 0.8);
    set(&run, "steps", "3");
    run.time_entries = 3;
    for (int i = 0; i < 2; i++) {
        double **arrays[] = {&run.weights[i].v, &run.weights[i].threshold};
        for (int a = 0; a < 2; a++) {
            bso_free(*arrays[a]);
            *arrays[a] = bso_alloc(BSO_MEM_LOG, 3, sizeof(double), "test");
        }
    }
    bso_free(run.neurons[0].firing_rate);
    run.neurons[0].firing_rate = bso_alloc(BSO_MEM_LOG, 3, sizeof(double), "test");
    bso_free(run.weights[0].cosine);
    run.weights[0].cosine = bso_alloc(BSO_MEM_LOG, 9, sizeof(double), "test");
    memcpy(run.weights[0].cosine, cosine, sizeof cosine);
    keep(&run);
    assert_int_equal(table_command(), 0);
    HAS("fig3_distance.csv", ",T-BSO,3,conv10.weight,1,1,0.3,NaN,1\n");
    HAS("fig3_distance.csv", ",T-BSO,3,conv10.weight,1,2,-0.25,NaN,1\n");
    assert_int_equal(times("fig3_distance.csv", "\n"), 3);
    HAS("fig3.csv", ",1,2,3,0.1,NaN,1\n");
    assert_int_equal(times("fig3.csv", "\n"), 10);
    HAS("fig3.md", "| T-BSO | conv10.weight | 3 | 1 | 0.300 | -0.250 |");
    HAS("fig3.md", "| T-BSO | conv9.weight | 3 | 1 | – | – |"); /* not measured */
}

static void flips_and_inference(void **state)
{
    (void)state;
    bso_run run;
    make(&run, "Fashion-MNIST", "flips+inference", 2, 1, 0.8);
    run.weights[0].flips[0] = 7;
    run.weights[0].flips[1] = 3;
    for (int g = 0; g < BSO_FLIP_GAPS; g++) run.weights[0].flip_gaps[g] = g == 0 ? 2 : g == 3 ? 1 : 0;
    run.weights[0].flip_rate[0] = 0.125;
    run.weights[0].flip_rate[1] = 0.03125;
    run.weights[0].c2i[1] = 0.25;
    keep(&run);
    assert_int_equal(table_command(), 0);
    HAS("flips.md", "| T-BSO | conv10.weight | 2 | 1.25e-01 | 3.12e-02 | 25.00 | 20.00 | 30.00 | 30.00 |");
    HAS("flips.csv", ",conv10.weight,2,0.03125,NaN,0.25,NaN,1\n");
    HAS("flips_back.csv", ",conv10.weight,4,0.2,NaN,1\n");
    HAS("flips_back.csv", ",conv10.weight,8,0.3,NaN,1\n");
    /* 12 updates in 6 bins: the first one's middle is update 1. */
    HAS("flips_curve.csv", ",conv10.weight,1,0.04,NaN,1\n");
    HAS("firing.csv", ",lif1,2,2,0.012,NaN,1\n");
    /* 3999.5 multiply-accumulates by float weights and 123.25 accumulates: 4122.75 x 0.9 pJ + 3999.5 x 3.7
     * pJ. */
    HAS("inference.csv", ",74000,NaN,123.25,NaN,3999.5,NaN,3999.5,NaN,0.018508625,NaN\n");
    HAS("inference.md", "| 6.25 | 87.50 | 0.074 | 0.000 | 0.004 | 0.004 | 0.0185 |");
    HAS("inference.md", "0.9 pJ for each effective operation's addition and 3.7 pJ");
}

static void no_number_without_its_file(void **state)
{
    (void)state;
    bso_run run;
    make(&run, "Fashion-MNIST", "table4+table2", 2, 1, 0.8125);
    keep(&run);
    assert_int_equal(table_command(), 0);
    HAS("table4.md", "81.25");
    HAS("comparison.md", "81.25");
    char path[128];
    snprintf(path, sizeof path, "%s/runs/0.h5", bso_results_folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(table_command(), BSO_ERROR);
    static const char *const names[] = {"table4.md",      "table4.csv",        "table4.tex",
                                        "table2.md",      "comparison.md",     "comparison.csv",
                                        "comparison.tex", "accuracy_epoch.csv"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) assert_int_equal(times(names[i], "81.25"), 0);
    HAS("table4.md", "Not run.");
    assert_int_equal(times("table4.csv", "\n"), 1);
}

static int make_folder(void **state)
{
    char path[128];
    setenv("BSO_EXPERIMENTS", "experiments", 1); /* tests are run in the root of the repository */
    if (bso_results_setup(state)) return -1;
    snprintf(path, sizeof path, "%s/runs", bso_results_folder);
    return mkdir(path, 0777);
}

static int empty_folder(void **state)
{
    char command[128];
    (void)state;
    files = 0;
    snprintf(command, sizeof command, "rm -rf %s/runs/*.h5 %s/tables", bso_results_folder,
             bso_results_folder);
    return system(command);
}

static int remove_folder(void **state)
{
    char path[128];
    snprintf(path, sizeof path, "%s/runs", bso_results_folder);
    return rmdir(path) || bso_results_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(beside_the_paper, empty_folder),
        cmocka_unit_test_teardown(of_less_data, empty_folder),
        cmocka_unit_test_teardown(labels_are_text, empty_folder),
        cmocka_unit_test_teardown(of_another_data_set, empty_folder),
        cmocka_unit_test_teardown(a_diverged_seed_is_told, empty_folder),
        cmocka_unit_test_teardown(similarity_by_distance, empty_folder),
        cmocka_unit_test_teardown(flips_and_inference, empty_folder),
        cmocka_unit_test_teardown(no_number_without_its_file, empty_folder),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
