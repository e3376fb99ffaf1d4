/* test_soak.c: short trainings back to back in one process, with checkpoints, stops and result files:
 * accounted memory, resident set and open files stay where they are. For BSO_SOAK_SECONDS, else 10 s.
 */
#include "core/clock.h"
#include "core/error.h"
#include "core/isolate.h"
#include "core/memory.h"
#include "core/result.h"
#include "tests/dataset_files.h"
#include "tests/open_files.h"
#include "tests/small_training.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* The k-th training: other rules and options in turn; stopped once, gone on with, written, read back. */
static void one(const bso_settings *base, int k)
{
    static const char *const turns[][2] = {{"measure", "flips+cosine"},    {"optimizer", "adam_ste"},
                                           {"gradient", "bptt"},           {"workers", "2"},
                                           {"momentum_bits", "8"},         {"error_bits", "8"},
                                           {"network", "4C3-6R3s2-GAP-FC"}};
    bso_settings s = *base;
    const size_t turn = (size_t)k % (sizeof turns / sizeof *turns);
    if (turn == 1) s.hypers_set = 0;
    bso_small_set(&s, turns[turn][0], turns[turn][1]);
    char checkpoint[128], result[128];
    snprintf(checkpoint, sizeof checkpoint, "%s", bso_files_at("run.h5.checkpoint"));
    snprintf(result, sizeof result, "%s", bso_files_at("run.h5"));
    bso_train_options o = {.checkpoints = {.path = checkpoint}, .progress = bso_small_stop};
    bso_run run;
    assert_int_equal(bso_train(&s, &run, &o), BSO_INTERRUPTED);
    bso_run_free(&run);
    bso_stop_requested = 0;
    o.progress = NULL;
    if (bso_train(&s, &run, &o) || bso_result_write(result, &run, NULL)) fail_msg("%s", bso_error());
    assert_int_equal(run.continued, 1);
    bso_run_free(&run);
    bso_checkpoints_remove(checkpoint);
    if (bso_result_read(result, &run)) fail_msg("%s", bso_error());
    bso_run_free(&run);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static void nothing_grows(void **state)
{
    (void)state;
    enum { WARM = 21, SLACK = 8 << 20 }; /* allocators settle at first */
    const char *text = getenv("BSO_SOAK_SECONDS");
    const double seconds = text ? atof(text) : 10, begun = bso_clock();
    const bso_settings base = bso_small_training();
    size_t resident = 0, files = 0;
    int k = 0;
    for (; k <= WARM || bso_clock() - begun < seconds; k++) {
        one(&base, k);
        if (k == WARM) {
            resident = bso_rss_current();
            files = bso_open_files();
        }
        if (k <= WARM) continue;
        assert_int_equal(bso_open_files(), files);
        if (!bso_isolate_sanitized && bso_rss_current() > resident + SLACK) /* it keeps what was freed */
            fail_msg("after %d trainings the resident set has grown from %zu to %zu bytes", k, resident,
                     bso_rss_current());
    }
    print_message("%d trainings, resident set %.1f MB then %.1f MB, %zu open files\n", k,
                  (double)resident / 1e6, (double)bso_rss_current() / 1e6, files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_grows)};
    return cmocka_run_group_tests(tests, bso_files_setup, bso_files_teardown);
}
