/* test_memory.c: the allocator's counters, and that they tell the truth: no hidden float copy of one-bit
 * weights, and a resident set that the accounting explains.
 *
 * malloc and its kin and mmap are defined here, in the executable, so that every library's calls come
 * through: each block is noted with its size. Not possible under AddressSanitizer, which has them itself;
 * those tests are skipped there.
 */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/memory.h"
#include "core/network.h"
#include "core/random.h"
#include "core/trainer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__)
#define INTERPOSED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define INTERPOSED 0
#endif
#endif
#ifndef INTERPOSED
#define INTERPOSED 1
#endif

/* ---- every block of the process ---- */

enum { MAX_BLOCKS = 1 << 16 };
static size_t block_sizes[MAX_BLOCKS];
static atomic_int blocks;
static atomic_bool watching;

#if INTERPOSED
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static void note(size_t size)
{
    if (!atomic_load(&watching)) return;
    int at = atomic_fetch_add(&blocks, 1);
    if (at < MAX_BLOCKS) block_sizes[at] = size;
}

void *malloc(size_t size)
{
    note(size);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    note(count * size);
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    note(size);
    return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    note(size);
    return __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size)
{
    note(size);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    note(size);
    *block = __libc_memalign(alignment, size);
    return *block ? 0 : ENOMEM;
}

void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset)
{
    note(size);
    return (void *)syscall(SYS_mmap, address, size, protection, flags, file, offset);
}
#endif

/* Blocks of at least `from` and less than `to` bytes since watching began. */
static int blocks_between(size_t from, size_t to)
{
    int found = 0, all = atomic_load(&blocks);
    assert_true(all < MAX_BLOCKS);
    for (int i = 0; i < all; i++) found += block_sizes[i] >= from && block_sizes[i] < to;
    return found;
}

/* ---- a training on random data ---- */

static bso_settings settings_of(const char *network, const char *optimizer, const char *gradient, int steps,
                                int batch)
{
    bso_settings s;
    bso_settings_default(&s);
    char text[32];
    assert_int_equal(bso_settings_set(&s, "network", network), 0);
    assert_int_equal(bso_settings_set(&s, "optimizer", optimizer), 0);
    assert_int_equal(bso_settings_set(&s, "gradient", gradient), 0);
    snprintf(text, sizeof text, "%d", steps);
    assert_int_equal(bso_settings_set(&s, "steps", text), 0);
    snprintf(text, sizeof text, "%d", batch);
    assert_int_equal(bso_settings_set(&s, "batch", text), 0);
    assert_int_equal(bso_settings_check(&s), 0);
    return s;
}

/* Two batches of training and one of evaluation on noise. The caller frees. */
static bso_network *trained(const bso_settings *s, int channels, int size)
{
    bso_network *net;
    assert_int_equal(bso_network_create(&net, s, channels, size, size, 1, 10, true), 0);
    bso_network_init(net, 1);
    assert_int_equal(bso_network_attach(net, s, 100), 0);
    size_t values = (size_t)channels * (size_t)size * (size_t)size * (size_t)s->batch;
    float *x = bso_alloc(BSO_MEM_WORKSPACE, values, sizeof *x, "x");
    int *y = bso_alloc(BSO_MEM_WORKSPACE, (size_t)s->batch, sizeof *y, "y");
    for (size_t i = 0; i < values; i++) x[i] = (float)bso_random_normal(1, BSO_RANDOM_TEST, 0, i);
    for (int i = 0; i < s->batch; i++) y[i] = i % 10;
    bso_batch_result result;
    for (int i = 0; i < 2; i++)
        assert_int_equal(bso_network_train(net, x, y, (int)s->batch, NULL, &result), 0);
    bso_network_evaluate(net, x, y, (int)s->batch, &result);
    bso_free(x);
    bso_free(y);
    return net;
}

/* ---- tests ---- */

static void counters_follow_blocks(void **state)
{
    (void)state;
    size_t before = bso_mem_current(BSO_MEM_TRACES), total = bso_mem_current(BSO_MEM_CATEGORIES);
    bso_mem_reset_peak();
    char *a = bso_alloc(BSO_MEM_TRACES, 3, 1000, "a"), *b = bso_alloc(BSO_MEM_LOG, 1, 50, "b");
    assert_int_equal(bso_mem_current(BSO_MEM_TRACES), before + 3000);
    assert_int_equal((uintptr_t)a % 64, 0);
    for (int i = 0; i < 3000; i++) assert_int_equal(a[i], 0);
    bso_free(a);
    bso_free(b);
    bso_free(NULL);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), total);
    assert_int_equal(bso_mem_peak(BSO_MEM_CATEGORIES), total + 3050);
    size_t sum = 0;
    for (int i = 0; i < BSO_MEM_CATEGORIES; i++) sum += bso_mem_at_peak((bso_mem_category)i);
    assert_int_equal(sum, total + 3050);
}

static size_t owned_by(const char *name, bso_mem_category category)
{
    for (int i = 0; i < bso_mem_owners(); i++) {
        if (strcmp(bso_mem_owner_name(i), name) == 0) return bso_mem_owned(i, category);
    }
    return 0;
}

/* Blocks stay with whom they were asked for, whoever frees them; a name counts up to its first dot. */
static void owners_hold_blocks(void **state)
{
    (void)state;
    size_t nobody = owned_by("", BSO_MEM_TRACES), total = bso_mem_current(BSO_MEM_TRACES);
    const char *before = bso_mem_owner("conv2");
    assert_string_equal(before, "");
    void *a = bso_alloc(BSO_MEM_TRACES, 1, 100, "a"), *b = bso_alloc(BSO_MEM_LOG, 1, 7, "b");
    assert_string_equal(bso_mem_owner("conv2.weight"), "conv2");
    void *c = bso_alloc(BSO_MEM_TRACES, 1, 1000, "c");
    assert_string_equal(bso_mem_owner("conv"), "conv2");
    void *d = bso_alloc(BSO_MEM_TRACES, 1, 20, "d");
    assert_string_equal(bso_mem_owner(before), "conv");
    void *e = bso_alloc(BSO_MEM_TRACES, 1, 5, "e");
    assert_int_equal(owned_by("conv2", BSO_MEM_TRACES), 1100);
    assert_int_equal(owned_by("conv2", BSO_MEM_LOG), 7);
    assert_int_equal(owned_by("conv", BSO_MEM_TRACES), 20);
    assert_int_equal(owned_by("", BSO_MEM_TRACES), nobody + 5);
    assert_int_equal(bso_mem_current(BSO_MEM_TRACES), total + 1125);
    bso_free(a);
    bso_free(b);
    assert_int_equal(owned_by("conv2", BSO_MEM_TRACES), 1000);
    bso_free(c);
    bso_free(d);
    bso_free(e);
    assert_int_equal(owned_by("conv2", BSO_MEM_TRACES) + owned_by("conv", BSO_MEM_TRACES), 0);
    assert_int_equal(bso_mem_current(BSO_MEM_TRACES), total);
    /* A name too long is cut, one too many is nobody's. */
    bso_mem_owner("a name that is far longer than any layer's can be");
    assert_string_equal(bso_mem_owner(NULL), "a name that is far longer than ");
    for (int i = 0; i < BSO_MEM_OWNERS + 10; i++) {
        char name[32];
        snprintf(name, sizeof name, "owner%d", i);
        bso_mem_owner(name);
    }
    assert_int_equal(bso_mem_owners(), BSO_MEM_OWNERS);
    assert_string_equal(bso_mem_owner(NULL), "");
}

static void absurd_sizes_are_refused(void **state)
{
    (void)state;
    assert_null(bso_alloc(BSO_MEM_LOG, SIZE_MAX / 2, 3, "overflow"));
    assert_non_null(strstr(bso_error(), "overflow"));
    assert_null(bso_alloc(BSO_MEM_LOG, SIZE_MAX - 10, 1, "top"));
    bso_mem_fail_after(2);
    void *first = bso_alloc(BSO_MEM_LOG, 1, 1, "first");
    assert_non_null(first);
    assert_null(bso_alloc(BSO_MEM_LOG, 1, 1, "second"));
    bso_free(first);
}

/* A plan counts what a training takes, to the byte, and touches nothing. */
static void plan_equals_training(void **state)
{
    (void)state;
    static const char *const methods[][2] = {
        {"bso", "ottt"}, {"tbso", "ottt"}, {"adam_ste", "bptt"}, {"sgd_ste", "ottt"}, {"sgd", "bptt"}};
    for (size_t m = 0; m < sizeof methods / sizeof methods[0]; m++) {
        for (int steps = 1; steps <= 3; steps++) {
            bso_settings s =
                settings_of("6C3-AP2-70C3-AP2-9C3-GAP-FC", methods[m][0], methods[m][1], steps, 5);
            size_t measured[BSO_MEM_CATEGORIES];
            bso_network *net;
            for (int planned = 0; planned < 2; planned++) {
                bso_mem_plan(planned);
                assert_int_equal(bso_network_create(&net, &s, 2, 13, 13, 1, 10, true), 0);
                assert_int_equal(bso_network_attach(net, &s, 10), 0);
                for (int i = 0; i < BSO_MEM_CATEGORIES; i++) {
                    size_t bytes = bso_mem_current((bso_mem_category)i);
                    if (planned) assert_int_equal(bytes, measured[i]);
                    measured[i] = bytes;
                }
                bso_network_free(net);
                bso_mem_plan(false);
            }
        }
    }
}

static int float_copies(const char *optimizer, size_t weights, size_t *largest)
{
    bso_settings s = settings_of("16C3-AP2-128C3-192C3-AP2-320C3-GAP-FC", optimizer, "ottt", 3, 4);
    atomic_store(&blocks, 0);
    atomic_store(&watching, true);
    bso_network *net = trained(&s, 1, 8);
    atomic_store(&watching, false);
    bso_network_free(net);
    *largest = (size_t)blocks_between(4 * weights, SIZE_MAX);
    return blocks_between(4 * weights, 4 * weights + 4 * weights / 10);
}

/* One block of 4 bytes a weight: the momentum. Adam-STE shows that the count can be otherwise. */
static void one_bit_layers_have_no_float_copy(void **state)
{
    (void)state;
    if (!INTERPOSED) skip();
    static const size_t layers[] = {(size_t)16 * 9 * 128, (size_t)128 * 9 * 192, (size_t)192 * 9 * 320};
    for (int i = 0; i < 3; i++) {
        size_t above;
        assert_int_equal(float_copies("bso", layers[i], &above), 1);
        if (i == 2) assert_int_equal(above, 1); /* nor a larger block that could hold one */
        assert_int_equal(float_copies("tbso", layers[i], &above), 1);
        if (i == 2) assert_int_equal(above, 1);
    }
    size_t above;
    float_copies("adam_ste", layers[2], &above);
    assert_true(above >= 2);
}

static void forget_peak_rss(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (!f) return;
    fputs("5\n", f);
    fclose(f);
}

/* Peak resident set above the start within 5 % + 16 MiB of the accounting: no buffer escapes it. */
static void resident_set_is_explained(void **state)
{
    (void)state;
    if (!INTERPOSED) skip();
    static const char *const methods[][2] = {{"tbso", "ottt"}, {"bso", "ottt"}, {"adam_ste", "bptt"}};
    for (int m = 0; m < 3; m++) {
        bso_settings s =
            settings_of("32C3-AP2-128C3-AP2-512C3-512C3-GAP-FC", methods[m][0], methods[m][1], 4, 32);
        forget_peak_rss();
        bso_mem_reset_peak();
        double before = (double)bso_rss_current();
        bso_network_free(trained(&s, 3, 24));
        double resident = (double)bso_rss_peak() - before,
               accounted = (double)bso_mem_peak(BSO_MEM_CATEGORIES);
        print_message("%s: resident %.1f MB, accounted %.1f MB\n", methods[m][0], resident / 1e6,
                      accounted / 1e6);
        assert_true(accounted > 40e6);
        assert_true(resident < 1.05 * accounted + 16 * 1024 * 1024);
        assert_true(resident > 0.95 * accounted - 16 * 1024 * 1024);
    }
}

int main(void)
{
    if (bso_start(2)) {
        fprintf(stderr, "%s\n", bso_error());
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resident_set_is_explained), cmocka_unit_test(one_bit_layers_have_no_float_copy),
        cmocka_unit_test(counters_follow_blocks),    cmocka_unit_test(absurd_sizes_are_refused),
        cmocka_unit_test(plan_equals_training),      cmocka_unit_test(owners_hold_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
