/* test_prefetch.c: batches made ahead by worker threads: all of them, in order, whole, whoever made them;
 * what goes wrong in a worker reaches the one who waits; and the loader's batches do not depend on workers.
 */
#include "core/error.h"
#include "core/memory.h"
#include "core/prefetch.h"
#include "tests/dataset_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { VALUES = 3 };

/* What the made-up samples are made by. */
typedef struct {
    size_t fails; /* the position that fails; none: SIZE_MAX */
    size_t slow;  /* the position that takes long */
    atomic_size_t made;
} maker;

static int make(void *user, const bso_range *r, size_t i, int worker, float *x, int *y)
{
    (void)worker;
    maker *m = user;
    size_t at = r->first + i;
    if (at == m->slow) nanosleep(&(struct timespec){.tv_nsec = 30 * 1000 * 1000}, NULL);
    if (at == m->fails) return bso_fail("sample %zu is broken", at);
    for (size_t v = 0; v < VALUES; v++) x[i * VALUES + v] = (float)(100 * at + 10 * r->epoch + v);
    y[i] = (int)at;
    atomic_fetch_add(&m->made, 1);
    return 0;
}

static void check_sequence(bso_prefetch *p, uint32_t epoch, size_t first, size_t count, size_t batch)
{
    const bso_range r = {BSO_SPLIT_TRAIN, epoch, first, count};
    bso_prefetch_start(p, &r, batch, batch);
    for (size_t at = first; at < first + count;) {
        const float *x;
        const int *y;
        size_t n;
        assert_int_equal(bso_prefetch_next(p, &x, &y, &n), 0);
        assert_int_equal(n, first + count - at < batch ? first + count - at : batch);
        for (size_t i = 0; i < n; i++, at++) {
            assert_int_equal(y[i], at);
            for (size_t v = 0; v < VALUES; v++)
                assert_true(x[i * VALUES + v] == (float)(100 * at + 10 * epoch + v));
        }
    }
}

static void test_all_in_order(void **state)
{
    (void)state;
    for (int workers = 1; workers <= 5; workers += 2) {
        for (size_t queue = 1; queue <= 4; queue += 3) {
            for (size_t batch = 1; batch <= 16; batch = 3 * batch + 1) {
                maker m = {SIZE_MAX, 7, 0};
                bso_prefetch *p;
                assert_int_equal(bso_prefetch_open(&p, workers, queue, 16, VALUES, make, &m), 0);
                check_sequence(p, 1, 0, 50, batch);
                assert_int_equal(m.made, 50); /* each once */
                bso_prefetch_stop(p);
                check_sequence(p, 2, 5, 33, batch);
                bso_prefetch_close(p);
                assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
            }
        }
    }
}

/* Never more than the queue and the batch in use, however long the sequence is. */
static void test_bounded(void **state)
{
    (void)state;
    maker m = {SIZE_MAX, SIZE_MAX, 0};
    bso_prefetch *p;
    assert_int_equal(bso_prefetch_open(&p, 2, 3, 8, VALUES, make, &m), 0);
    bso_prefetch_start(p, &(bso_range){BSO_SPLIT_TRAIN, 0, 0, 8000}, 8, 8);
    const float *x;
    const int *y;
    size_t n;
    assert_int_equal(bso_prefetch_next(p, &x, &y, &n), 0);
    nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
    assert_int_equal(m.made, 8 * 4);
    for (size_t i = 0; i < n; i++) assert_int_equal(y[i], i); /* still what was handed out */
    bso_prefetch_stop(p);                                     /* left before its end */
    check_sequence(p, 1, 0, 20, 8);
    bso_prefetch_close(p);
    bso_prefetch_close(NULL);
}

static void test_failure(void **state)
{
    (void)state;
    maker m = {21, SIZE_MAX, 0};
    bso_prefetch *p;
    assert_int_equal(bso_prefetch_open(&p, 3, 2, 8, VALUES, make, &m), 0);
    bso_prefetch_start(p, &(bso_range){BSO_SPLIT_TRAIN, 0, 0, 40}, 8, 8);
    for (int batch = 0; batch < 5; batch++) {
        const float *x;
        const int *y;
        size_t n;
        bso_fail("%s", "");
        int rc = bso_prefetch_next(p, &x, &y, &n);
        assert_int_equal(rc, batch == 2 ? BSO_ERROR : 0);
        assert_string_equal(bso_error(), batch == 2 ? "sample 21 is broken" : "");
    }
    bso_prefetch_close(p);
}

static void test_no_memory(void **state)
{
    (void)state;
    maker m = {SIZE_MAX, SIZE_MAX, 0};
    size_t n = 0;
    for (bool opened = false; !opened; n++) {
        bso_prefetch *p;
        bso_mem_fail_after(n + 1);
        opened = bso_prefetch_open(&p, 2, 2, 8, VALUES, make, &m) == 0;
        bso_mem_fail_after(0);
        if (opened) bso_prefetch_close(p);
        assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
    }
    assert_int_equal(n, 3 + 2 * 3 + 1);
}

/* ---- the loader ---- */

enum { TRAIN = 37, TEST = 9, SIDE = 6, PIXELS = SIDE * SIDE };

static void run_epochs(const bso_settings *s, float *x_all, int *y_all)
{
    bso_loader l;
    if (bso_loader_open(&l, s)) fail_msg("%s", bso_error());
    size_t at = 0;
    for (uint32_t epoch = 0; epoch < 2; epoch++) {
        for (int split = 0; split < BSO_SPLITS; split++) {
            size_t count = l.count[split];
            assert_int_equal(bso_loader_start(&l, (bso_split)split, epoch, 0, count, 5), 0);
            for (size_t done = 0; done < count;) {
                const float *x;
                const int *y;
                size_t n;
                if (bso_loader_next(&l, &x, &y, &n)) fail_msg("%s", bso_error());
                memcpy(x_all + at * PIXELS, x, n * PIXELS * sizeof *x);
                memcpy(y_all + at, y, n * sizeof *y);
                at += n;
                done += n;
            }
        }
    }
    assert_int_equal(at, 2 * (TRAIN + TEST));
    assert_true(l.waited > 0);
    bso_loader_close(&l);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static void test_loader(void **state)
{
    (void)state;
    static float values[(TRAIN + TEST) * PIXELS], x[2][2 * (TRAIN + TEST) * PIXELS];
    static int labels[TRAIN + TEST], y[2][2 * (TRAIN + TEST)];
    for (size_t i = 0; i < (TRAIN + TEST) * PIXELS; i++) values[i] = (float)(i * 2654435761u % 1000) / 1000;
    for (int i = 0; i < TRAIN + TEST; i++) labels[i] = i % 4;
    bso_files_put_hdf5((int[]){TRAIN, TEST}, (int[]){0, 1, SIDE, SIDE}, values, labels, 4);
    bso_settings s;
    bso_settings_default(&s);
    snprintf(s.dataset, sizeof s.dataset, "hdf5:%s", bso_files_at("own.h5"));
    snprintf(s.augment, sizeof s.augment, "crop+flip+cutout");
    s.validation = 0.2;
    s.workers = 0;
    run_epochs(&s, x[0], y[0]);
    for (s.workers = 1; s.workers < 5; s.workers++) {
        run_epochs(&s, x[1], y[1]);
        assert_memory_equal(x[0], x[1], sizeof x[0]);
        assert_memory_equal(y[0], y[1], sizeof y[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_in_order),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_failure),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test_setup_teardown(test_loader, bso_files_setup, bso_files_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
