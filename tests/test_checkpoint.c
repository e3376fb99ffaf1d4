/* test_checkpoint.c: a training that was stopped goes on to the same bits, for every rule and estimator; a
 * checkpoint that is damaged, or of something else, is told of.
 */
#include "core/error.h"
#include "core/gradient.h"
#include "core/kernels.h"
#include "core/memory.h"
#include "core/notice.h"
#include "tests/dataset_files.h"
#include "tests/small_training.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char checkpoint[128], previous[160];

/* Where the tests' checkpoints are; none at first. */
static bso_train_options options(void)
{
    snprintf(checkpoint, sizeof checkpoint, "%s", bso_files_at("run.checkpoint"));
    snprintf(previous, sizeof previous, "%s.previous", checkpoint);
    bso_checkpoints_remove(checkpoint);
    return (bso_train_options){.checkpoints = {.path = checkpoint, .seconds = 1e9}};
}

/* Train, stopping at every boundary of two batches. Returns the status that ended it, and how often it
 * stopped. */
static int train_in_steps(const bso_settings *s, bso_run *run, const bso_train_options *o, int *stops)
{
    bso_train_options stopping = *o;
    stopping.progress = bso_small_stop;
    for (*stops = 0;; ++*stops) {
        assert_true(*stops < 1000);
        const int status = bso_train(s, run, &stopping);
        bso_stop_requested = 0;
        if (status != BSO_INTERRUPTED) return status;
        bso_run_free(run);
        assert_int_equal(access(checkpoint, F_OK), 0);
    }
}

/* The same, stopped everywhere or not at all. */
static void stopping_changes_nothing(const bso_settings *s)
{
    bso_run whole, again, parts;
    int stops;
    const bso_train_options o = options();
    const int status = bso_train(s, &whole, NULL);
    bso_train(s, &again, NULL); /* its memory: the logs of the first are there while it and the third run */
    const bso_run counted = again;
    bso_run_free(&again);
    assert_int_equal(train_in_steps(s, &parts, &o, &stops), status);
    assert_true(stops >= 5 || status);
    assert_int_equal(parts.continued, stops);
    bso_small_same(&whole, &parts);
    assert_memory_equal(counted.memory_peak, parts.memory_peak, sizeof counted.memory_peak);
    assert_memory_equal(counted.memory_at_peak, parts.memory_at_peak, sizeof counted.memory_at_peak);
    assert_int_equal(counted.memory_total_peak, parts.memory_total_peak);
    bso_run_free(&whole);
    bso_run_free(&parts);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static bso_settings any_rule(const char *rule, const char *gradient)
{
    bso_settings s = bso_small_training();
    s.hypers_set = 0; /* they are T-BSO's */
    bso_small_set(&s, "epochs", "2");
    bso_small_set(&s, "batch", "16");
    bso_small_set(&s, "optimizer", rule);
    bso_small_set(&s, "gradient", gradient);
    return s;
}

static void every_rule_and_estimator_goes_on(void **state)
{
    (void)state;
    for (int i = 0; bso_optimizers[i]; i++) {
        for (int g = 0; bso_gradients[g]; g++) {
            if (getenv("BSO_TEST_SHORT") && (i + g) % 4) continue;
            const bso_settings s = any_rule(bso_optimizers[i]->name, bso_gradients[g]->name);
            bso_settings checked = s;
            if (bso_settings_check(&checked) == 0) stopping_changes_nothing(&s);
        }
    }
}

static void options_go_on(void **state)
{
    (void)state;
    static const char *const sets[][4] = {{"momentum_bits", "8"},
                                          {"momentum_bits", "16", "optimizer", "bso"},
                                          {"error_bits", "8"},
                                          {"norm_batches", "3"},
                                          {"measure", "flips+cosine"},
                                          {"update", "accumulated"},
                                          {"augment", "crop+flip"},
                                          {"workers", "2"},
                                          {"network", "4C3-6R3s2-GAP-FC"},
                                          {"schedule", "inverse_sqrt"},
                                          {"neuron", "sign", "steps", "1"},
                                          {"steps", "5"},
                                          {"behaviour", "reference"}};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        bso_settings s = bso_small_training();
        for (int k = 0; k < 4 && sets[i][k]; k += 2) {
            if (strcmp(sets[i][k], "optimizer") == 0) s.hypers_set = 0;
            bso_small_set(&s, sets[i][k], sets[i][k + 1]);
        }
        stopping_changes_nothing(&s);
    }
}

static void a_training_that_diverges_does_so_again(void **state)
{
    (void)state;
    bso_settings s = bso_small_training();
    bso_small_set(&s, "lr", "1000");
    bso_small_set(&s, "loss_mse", "1");
    bso_small_set(&s, "epochs", "50");
    bso_run whole, parts;
    int stops;
    const bso_train_options o = options();
    assert_int_equal(bso_train(&s, &whole, NULL), BSO_DIVERGED);
    assert_int_equal(train_in_steps(&s, &parts, &o, &stops), BSO_DIVERGED);
    bso_small_same(&whole, &parts);
    bso_run_free(&whole);
    bso_run_free(&parts);
}

/* ---- files ---- */

static int warnings;
static char warned[8192];

static void keep_warning(const char *what, size_t done, size_t total)
{
    (void)done;
    if (total) return;
    warnings++;
    const size_t used = strlen(warned);
    snprintf(warned + used, sizeof warned - used, "%s\n", what);
}

static void listen(void)
{
    bso_notice = keep_warning;
    warnings = 0;
    *warned = '\0';
}

static void heard(const char *words)
{
    if (!strstr(warned, words)) fail_msg("'%s' should say '%s'", warned, words);
}

static size_t read_bytes(const char *path, unsigned char *bytes, size_t room)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    const size_t n = fread(bytes, 1, room, f);
    fclose(f);
    assert_true(n > 0 && n < room);
    return n;
}

static void write_bytes(const char *path, const unsigned char *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

enum { ROOM = 1 << 20 };
static unsigned char newest[ROOM], older[ROOM], broken[ROOM];

/* Stop after so many batches: two checkpoints, the newest of so many batches. Returns their lengths. */
static void leave_two(const bso_settings *s, const bso_train_options *o, int batches, size_t n[2])
{
    bso_train_options stopping = *o;
    stopping.progress = bso_small_stop;
    for (int b = 0; b < batches; b++) {
        bso_run run;
        assert_int_equal(bso_train(s, &run, &stopping), BSO_INTERRUPTED);
        bso_stop_requested = 0;
        bso_run_free(&run);
    }
    n[0] = read_bytes(checkpoint, newest, sizeof newest);
    n[1] = read_bytes(previous, older, sizeof older);
}

/* Whatever is wrong with the newest, training goes on from the one before to the same end. */
static void a_damaged_one_falls_back(void **state)
{
    (void)state;
    const bso_settings s = bso_small_training();
    const bso_train_options o = options();
    bso_run whole, run;
    size_t n[2];
    bso_small_train(&s, &whole, NULL);
    leave_two(&s, &o, 6, n);
    for (int i = 0; i < 96; i += getenv("BSO_TEST_SHORT") ? 5 : 1) {
        /* Bits flipped all over, then lengths from none to all but one byte, then more than all. */
        const size_t at = (n[0] - 1) * (size_t)(i % 48) / 47;
        memcpy(broken, newest, n[0]);
        broken[at] ^= (unsigned char)(1 << i % 8);
        if (i < 48) write_bytes(checkpoint, broken, n[0]);
        if (i >= 48) write_bytes(checkpoint, newest, at);
        if (i == 95) write_bytes(checkpoint, broken, n[0] + 1);
        write_bytes(previous, older, n[1]);
        listen();
        bso_small_train(&s, &run, &o);
        heard("trying the one before it");
        heard("going on from a checkpoint: epoch 2 of 3, batch 1 of 4");
        bso_small_same(&whole, &run);
        assert_int_equal(run.continued, 5);
        bso_run_free(&run);
    }
    bso_run_free(&whole);
    bso_notice = NULL;
}

/* Training ends as ever, after a warning of these words, having gone on so many times. */
static void ends_as_ever(const bso_settings *s, const bso_train_options *o, const char *words, int continued)
{
    bso_run whole, run;
    bso_small_train(s, &whole, NULL);
    listen();
    bso_small_train(s, &run, o);
    bso_notice = NULL;
    heard(words);
    bso_small_same(&whole, &run);
    assert_int_equal(run.continued, continued);
    bso_run_free(&run);
    bso_run_free(&whole);
}

static void without_a_whole_one_training_begins_anew(void **state)
{
    (void)state;
    const bso_settings s = bso_small_training();
    const bso_train_options o = options();
    size_t n[2];
    leave_two(&s, &o, 2, n);
    write_bytes(checkpoint, newest, n[0] / 2);
    write_bytes(previous, older, n[1] / 2);
    ends_as_ever(&s, &o, "training begins anew", 0);
}

/* As when it was killed between the two renamings: nothing is wrong. */
static void the_previous_one_alone_will_do(void **state)
{
    (void)state;
    const bso_settings s = bso_small_training();
    const bso_train_options o = options();
    size_t n[2];
    leave_two(&s, &o, 5, n);
    unlink(checkpoint);
    ends_as_ever(&s, &o, "going on from a checkpoint: epoch 1 of 3, batch 4 of 4",
                 4); /* evaluation is next */
    assert_int_equal(warnings, 1);
}

/* A checkpoint of other settings or data is refused with the difference, and stays as it is. */
static void one_of_another_training_is_refused(void **state)
{
    (void)state;
    static const char *const other[][3] = {
        {"steps", "3", "'steps=2' there, 'steps=3' here"},
        {"network", "4C3-8C3-GAP-FC", "there, 'network=4C3-8C3-GAP-FC' here"},
        {"one_minus_beta1", "0.2", "'one_minus_beta1=0.1' there"},
        {"train_samples", "24", "'train_samples=0' there"},
        {"seed", "7", "'seed=1' there"}};
    const bso_settings s = bso_small_training();
    bso_train_options o = options();
    bso_run run;
    size_t n[2];
    leave_two(&s, &o, 3, n);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        bso_settings changed = s;
        bso_small_set(&changed, other[i][0], other[i][1]);
        assert_int_equal(bso_train(&changed, &run, &o), BSO_ERROR);
        if (!strstr(bso_error(), other[i][2])) fail_msg("'%s' should say %s", bso_error(), other[i][2]);
        assert_non_null(strstr(bso_error(), checkpoint));
        bso_run_free(&run);
        assert_int_equal(read_bytes(checkpoint, broken, sizeof broken), n[0]);
        assert_memory_equal(broken, newest, n[0]);
    }
    /* The same settings on data that have changed since. */
    float x[50 * 36] = {0};
    int y[50] = {0, 1, 2};
    bso_files_put_hdf5((int[]){40, 10}, (int[]){0, 1, 6, 6}, x, y, 3);
    assert_int_equal(bso_train(&s, &run, &o), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "'data="));
    bso_run_free(&run);
    /* Unless it is asked to begin anew. */
    (void)bso_small_training();
    bso_settings changed = s;
    bso_small_set(&changed, "seed", "7");
    o.checkpoints.or_restart = true;
    ends_as_ever(&changed, &o, "training begins anew", 0);
}

/* Other kernels: only where it is asked for, and then the run says so. */
static void other_kernels_are_asked_for(void **state)
{
    (void)state;
    const bso_settings s = bso_small_training();
    bso_train_options o = options();
    bso_run whole, run;
    size_t n[2];
    bso_small_train(&s, &whole, NULL);
    leave_two(&s, &o, 5, n);
    const bool portable = strcmp(whole.kernel_path, "portable") == 0;
    setenv("BSO_KERNELS", portable ? "reference" : "portable", 1);
    assert_int_equal(bso_train(&s, &run, &o), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "'kernels="));
    assert_non_null(strstr(bso_error(), "--allow-kernel-change"));
    bso_run_free(&run);
    o.checkpoints.allow_kernel_change = true;
    bso_small_train(&s, &run, &o);
    char words[64];
    snprintf(words, sizeof words, "%s to %s at epoch 2, batch 1", whole.kernel_path, run.kernel_path);
    assert_string_equal(run.kernel_change, words);
    bso_small_same(&whole, &run); /* all paths but sgemm give the same bits */
    bso_run_free(&run);
    bso_run_free(&whole);
    unsetenv("BSO_KERNELS");
}

/* Only settings that change the result count: where and how fast it goes on does not. */
static void threads_and_labels_may_change(void **state)
{
    (void)state;
    bso_settings s = bso_small_training();
    const bso_train_options o = options();
    bso_run whole, run;
    size_t n[2];
    bso_small_train(&s, &whole, NULL);
    leave_two(&s, &o, 5, n);
    bso_small_set(&s, "threads", "1");
    bso_small_set(&s, "label", "another name");
    bso_small_train(&s, &run, &o);
    assert_true(run.weights_hash == whole.weights_hash);
    bso_run_free(&run);
    bso_run_free(&whole);
    assert_int_equal(bso_start(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_and_estimator_goes_on),
        cmocka_unit_test(options_go_on),
        cmocka_unit_test(a_training_that_diverges_does_so_again),
        cmocka_unit_test(a_damaged_one_falls_back),
        cmocka_unit_test(without_a_whole_one_training_begins_anew),
        cmocka_unit_test(the_previous_one_alone_will_do),
        cmocka_unit_test(one_of_another_training_is_refused),
        cmocka_unit_test(other_kernels_are_asked_for),
        cmocka_unit_test(threads_and_labels_may_change),
    };
    return cmocka_run_group_tests(tests, bso_files_setup, bso_files_teardown);
}
