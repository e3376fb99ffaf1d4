/* test_allocations.c: the N-th allocation fails, for all N of a short training that writes checkpoints and
 * its result: an error that says so, nothing leaked, nothing crashed (under AddressSanitizer, too), and
 * afterwards the training comes to what it would have come to.
 */
#include "core/error.h"
#include "core/memory.h"
#include "core/result.h"
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

static char checkpoint[128], result[128];

/* Train and write, as `bso run` does. */
static int train_and_write(const bso_settings *s, bso_run *run)
{
    const bso_train_options o = {.checkpoints = {.path = checkpoint}}; /* one at every batch */
    const int status = bso_train(s, run, &o);
    return status ? status : bso_result_write(result, run, "a test");
}

/* Every allocation in turn; `every`: only each so-manieth. */
static void fail_each(const bso_settings *s, size_t every)
{
    bso_run whole, run;
    bso_small_train(s, &whole, NULL);
    const uint64_t hash = whole.weights_hash;
    bso_run_free(&whole);
    size_t failed = 0;
    for (size_t n = 1;; n += every) {
        unlink(result);
        bso_mem_fail_after(n);
        const int status = train_and_write(s, &run);
        bso_mem_fail_after(0);
        const uint64_t found = run.weights_hash;
        bso_run_free(&run);
        assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
        if (!status) {
            assert_true(found == hash);
            break;
        }
        failed++;
        assert_int_equal(status, BSO_ERROR);
        assert_int_not_equal(access(result, F_OK), 0);
        /* From whatever checkpoint there is. */
        if (n % 16 == 1) {
            if (train_and_write(s, &run)) fail_msg("after allocation %zu: %s", n, bso_error());
            assert_true(run.weights_hash == hash);
            bso_run_free(&run);
            bso_checkpoints_remove(checkpoint);
        }
    }
    bso_checkpoints_remove(checkpoint);
    print_message("%zu allocations that fail\n", failed);
    assert_true(failed > 20);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    bso_settings s = bso_small_training();
    const size_t every = getenv("BSO_TEST_SHORT") ? 5 : 1;
    snprintf(checkpoint, sizeof checkpoint, "%s", bso_files_at("run.h5.checkpoint"));
    snprintf(result, sizeof result, "%s", bso_files_at("run.h5"));
    bso_small_set(&s, "epochs", "1");
    bso_small_set(&s, "measure", "flips+cosine");
    fail_each(&s, every);
    s = bso_small_training();
    s.hypers_set = 0;
    bso_small_set(&s, "epochs", "1");
    bso_small_set(&s, "optimizer", "adam_ste");
    bso_small_set(&s, "gradient", "bptt");
    bso_small_set(&s, "network", "4C3-6R3s2-GAP-FC");
    bso_small_set(&s, "save", bso_files_at("net.h5"));
    fail_each(&s, every);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation_may_fail)};
    return cmocka_run_group_tests(tests, bso_files_setup, bso_files_teardown);
}
