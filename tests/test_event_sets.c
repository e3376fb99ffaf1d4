/* test_event_sets.c: CIFAR10-DVS and N-MNIST, on small folders made by hand, good and broken: splits,
 * subsets, resized frames. Their files themselves are test_events.c's.
 */
#include "core/dataset.h"
#include "core/error.h"
#include "core/memory.h"
#include "datasets/events.h"
#include "tests/dataset_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const classes[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                      "dog",      "frog",       "horse", "ship", "truck"};

enum { CLASSES = 10, EACH = 23, EVENTS = 5 };

/* A recording of `count` events, brighter, in one place. Returns its bytes' number. */
static size_t recording(uint8_t *bytes, int x, int y, int count, bool aedat)
{
    bso_event at[64];
    bso_events e = {.at = at, .count = (size_t)count};
    for (int i = 0; i < count; i++)
        at[i] = (bso_event){.t = (uint32_t)i, .x = (uint8_t)x, .y = (uint8_t)y, .polarity = 1};
    return aedat ? bso_events_write_aedat(&e, bytes) : bso_events_write_n_mnist(&e, bytes);
}

static void put_recording(const char *name, int x, int y, int count, bool aedat)
{
    uint8_t bytes[64 + 8 * 64];
    bso_files_put(name, bytes, recording(bytes, x, y, count, aedat));
}

/* Recording i of class c has its events at (i, c). Numbers are written so that their order is that of names.
 */
static void put_cifar10_dvs(int each)
{
    char name[128];
    mkdir(bso_files_at("cifar10-dvs"), 0777);
    for (int c = 0; c < CLASSES; c++) {
        snprintf(name, sizeof name, "cifar10-dvs/%s", classes[c]);
        mkdir(bso_files_at(name), 0777);
        for (int i = 0; i < each; i++) {
            snprintf(name, sizeof name, "cifar10-dvs/%s/cifar10_%s_%03d.aedat", classes[c], classes[c], i);
            put_recording(name, i, c, EVENTS, true);
        }
    }
}

static void put_n_mnist(void)
{
    char name[128];
    mkdir(bso_files_at("n-mnist"), 0777);
    for (int test = 0; test < 2; test++) {
        snprintf(name, sizeof name, "n-mnist/%s", test ? "Test" : "Train");
        mkdir(bso_files_at(name), 0777);
        for (int c = 0; c < CLASSES; c++) {
            snprintf(name, sizeof name, "n-mnist/%s/%d", test ? "Test" : "Train", c);
            mkdir(bso_files_at(name), 0777);
            for (int i = 0; i < 3 - test; i++) {
                snprintf(name, sizeof name, "n-mnist/%s/%d/%05d.bin", test ? "Test" : "Train", c, i);
                put_recording(name, 10 * test + i, c, EVENTS, false);
            }
        }
    }
}

/* keys: pairs, NULL at the end. */
static int open_set(bso_dataset *d, const char *name, const char *const *keys)
{
    bso_settings s;
    bso_settings_default(&s);
    int rc = bso_settings_set(&s, "dataset", name) || bso_settings_set(&s, "data_dir", bso_files_root) ||
             bso_settings_set(&s, "cache", "off");
    for (; *keys && !rc; keys += 2) rc = bso_settings_set(&s, keys[0], keys[1]);
    assert_int_equal(rc, 0);
    return bso_dataset_open(d, &s);
}

#define KEYS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void refused(const char *name, const char *const *keys, const char *named, const char *reason)
{
    bso_dataset d;
    assert_int_equal(open_set(&d, name, keys), BSO_ERROR);
    if (!strstr(bso_error(), named) || !strstr(bso_error(), reason) || strchr(bso_error(), '\n'))
        fail_msg("'%s' should say '%s' and '%s'", bso_error(), named, reason);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

/* The column of the one pixel in a sample with events, all of which are in it; its row is the label. */
static int place(const bso_dataset *d, bso_split split, size_t index)
{
    size_t plane = (size_t)d->height * (size_t)d->width, frame = 2 * plane;
    float *x = malloc((size_t)d->frames * frame * sizeof *x), sum = 0;
    assert_int_equal(d->fetch(d, split, index, NULL, x), 0);
    int column = -1;
    for (size_t k = 0; k < (size_t)d->frames * frame; k++) {
        if (x[k] == 0) continue;
        sum += x[k];
        assert_int_equal(k % frame / plane, 1);
        assert_int_equal(k % plane / (size_t)d->width, d->label(d, split, index));
        assert_true(column < 0 || column == (int)(k % (size_t)d->width));
        column = (int)(k % (size_t)d->width);
    }
    assert_true(sum == EVENTS);
    free(x);
    return column;
}

enum { TESTED = EACH / 10 };

/* Which recordings are for testing; every one must be in one split. */
static void read_split(const char *kind, const char *seed, bool test[CLASSES][EACH])
{
    bso_dataset d;
    if (open_set(&d, "cifar10-dvs",
                 KEYS("image_size", "128", "steps", "3", "test_split", kind, "split_seed", seed)))
        fail_msg("%s", bso_error());
    char name[64];
    snprintf(name, sizeof name, "CIFAR10-DVS, %s split", kind);
    assert_string_equal(d.name, name);
    assert_int_equal(d.classes, CLASSES);
    assert_int_equal(d.frames, 3);
    assert_int_equal(d.channels, 2);
    assert_int_equal(d.height, 128);
    assert_int_equal(d.width, 128);
    assert_int_equal(d.train_count, CLASSES * (EACH - TESTED));
    assert_int_equal(d.test_count, CLASSES * TESTED);
    for (int c = 0; c < CLASSES; c++) assert_string_equal(d.class_names[c], classes[c]);
    int seen[CLASSES][EACH] = {0}, tested[CLASSES] = {0};
    memset(test, 0, CLASSES * EACH * sizeof **test);
    for (size_t i = 0; i < d.train_count; i++)
        seen[d.label(&d, BSO_SPLIT_TRAIN, i)][place(&d, BSO_SPLIT_TRAIN, i)]++;
    for (size_t i = 0; i < d.test_count; i++) {
        int label = d.label(&d, BSO_SPLIT_TEST, i), file = place(&d, BSO_SPLIT_TEST, i);
        seen[label][file]++;
        tested[label]++;
        test[label][file] = true;
    }
    for (int c = 0; c < CLASSES; c++) {
        assert_int_equal(tested[c], TESTED);
        for (int i = 0; i < EACH; i++) assert_int_equal(seen[c][i], 1);
    }
    bso_dataset_close(&d);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static void test_splits(void **state)
{
    (void)state;
    put_cifar10_dvs(EACH);
    bool last[CLASSES][EACH], first[CLASSES][EACH], again[CLASSES][EACH], other[CLASSES][EACH];
    read_split("last", "1", last);
    for (int c = 0; c < CLASSES; c++)
        for (int i = 0; i < EACH; i++) assert_int_equal(last[c][i], i >= EACH - TESTED);
    read_split("random", "1", first);
    read_split("random", "1", again);
    read_split("random", "2", other);
    assert_memory_equal(first, again, sizeof first);
    assert_memory_not_equal(first, other, sizeof first);
    assert_memory_not_equal(first, last, sizeof first);
    bool differ = false;
    for (int c = 1; c < CLASSES; c++) differ = differ || memcmp(first[0], first[c], sizeof first[0]) != 0;
    assert_true(differ); /* classes are drawn one by one */
}

static void test_subsets(void **state)
{
    (void)state;
    put_cifar10_dvs(4);
    bso_dataset d;
    if (open_set(
            &d, "cifar10-dvs",
            KEYS("subset_classes", "3", "subset_per_class", "2", "test_split", "last", "image_size", "128")))
        fail_msg("%s", bso_error());
    assert_int_equal(d.classes, 3);
    assert_int_equal(d.train_count, 3);
    assert_int_equal(d.test_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(place(&d, BSO_SPLIT_TRAIN, i), 0);
        assert_int_equal(place(&d, BSO_SPLIT_TEST, i), 1);
    }
    bso_dataset_close(&d);
    refused("cifar10-dvs", KEYS("subset_per_class", "1"), "airplane", "one recording cannot be split");
    refused("cifar10-dvs", KEYS("subset_classes", "11"), "cifar10-dvs", "10 class folders, not 11");
    refused("cifar10-dvs", KEYS("subset_classes", "1"), "subset_classes=1", "at least 2");
}

/* 48 pixels of 128: the middle of pixel 1 is halfway between input pixels 3 and 4; that of pixel 0 is 5/6 of
 * the way from input pixel 0 to 1. 64: each output is the mean of 2 x 2. */
static void test_resized(void **state)
{
    (void)state;
    put_cifar10_dvs(2);
    uint8_t bytes[64 + 8 * 64];
    bso_event at[] = {{.x = 3, .y = 4, .polarity = 1},
                      {.x = 3, .y = 4, .polarity = 1},
                      {.x = 4, .y = 4, .polarity = 1},
                      {.x = 1, .y = 0, .polarity = 0}};
    bso_events e = {.at = at, .count = 4};
    bso_files_put("cifar10-dvs/airplane/cifar10_airplane_001.aedat", bytes,
                  bso_events_write_aedat(&e, bytes));
    bso_dataset d;
    static float x[2 * 64 * 64];
    assert_int_equal(open_set(&d, "cifar10-dvs", KEYS("steps", "1", "test_split", "last")), 0);
    assert_int_equal(d.height, 48);
    assert_int_equal(d.width, 48);
    assert_int_equal(d.fetch(&d, BSO_SPLIT_TEST, 0, NULL, x), 0);
    for (int k = 0; k < 2 * 48 * 48; k++) {
        /* Row 0 is 1/6 of the way from input row 0 (the middle at 5/6), where column 0 sees input 1 by 5/6.
         */
        float expected = k == 48 * 48 + 48 + 1 ? 0.75f : k == 0 ? 5.0f / 36 : 0;
        assert_float_equal(x[k], expected, 1e-6);
    }
    bso_dataset_close(&d);
    assert_int_equal(
        open_set(&d, "cifar10-dvs", KEYS("steps", "1", "test_split", "last", "image_size", "64")), 0);
    assert_int_equal(d.fetch(&d, BSO_SPLIT_TEST, 0, NULL, x), 0);
    for (int k = 0; k < 2 * 64 * 64; k++) {
        int plane = 64 * 64;
        float expected = k == plane + 2 * 64 + 1   ? 0.5f
                         : k == plane + 2 * 64 + 2 ? 0.25f
                         : k == 0                  ? 0.25f
                                                   : 0;
        assert_true(x[k] == expected);
    }
    bso_dataset_close(&d);
}

static void test_n_mnist_folder(void **state)
{
    (void)state;
    refused("n-mnist", KEYS("steps", "1"), "n-mnist", "fetch.sh n-mnist");
    put_n_mnist();
    bso_dataset d;
    if (open_set(&d, "n-mnist", KEYS("steps", "2", "event_slices", "duration"))) fail_msg("%s", bso_error());
    assert_string_equal(d.name, "N-MNIST");
    assert_int_equal(d.classes, 10);
    assert_int_equal(d.frames, 2);
    assert_int_equal(d.height, 34);
    assert_int_equal(d.width, 34);
    assert_int_equal(d.train_count, 30);
    assert_int_equal(d.test_count, 20);
    for (size_t i = 0; i < 30; i++) {
        assert_int_equal(d.label(&d, BSO_SPLIT_TRAIN, i), i / 3);
        assert_int_equal(place(&d, BSO_SPLIT_TRAIN, i), i % 3);
    }
    for (size_t i = 0; i < 20; i++) assert_int_equal(place(&d, BSO_SPLIT_TEST, i), 10 + i % 2);
    bso_dataset_close(&d);

    char apart[128], other[128];
    snprintf(apart, sizeof apart, "%s", bso_files_at("apart"));
    snprintf(other, sizeof other, "%s", bso_files_at("n-mnist/Test/x"));
    assert_int_equal(rename(bso_files_at("n-mnist/Test/9"), apart), 0);
    refused("n-mnist", KEYS("steps", "2"), "n-mnist/Test", "9 class folders, not 10");
    assert_int_equal(rename(apart, other), 0);
    refused("n-mnist", KEYS("steps", "2"), "n-mnist/Test", "no class folder 9");
}

/* What can be wrong in a folder; recordings that are wrong are small_sets.c's and test_events.c's. */
static void test_folder_damaged(void **state)
{
    (void)state;
    static const char set[] = "cifar10-dvs", folder[] = "cifar10-dvs/bird",
                      file[] = "cifar10-dvs/bird/cifar10_bird_001.aedat";
    const char *const *keys = KEYS("steps", "5", "image_size", "8");
    refused(set, keys, set, "fetch.sh cifar10-dvs");
    assert_int_equal(mkdir(bso_files_at(set), 0777), 0);
    refused(set, keys, set, "fetch.sh cifar10-dvs");
    put_cifar10_dvs(2);
    bso_dataset d;
    assert_int_equal(open_set(&d, set, keys), 0);
    bso_dataset_close(&d);
    refused(set, KEYS("steps", "6"), "cifar10_", "too few events (5) for 6 frames");
    put_recording(file, 0, 0, 0, true);
    refused(set, keys, file, "no events");
    assert_int_equal(truncate(bso_files_at(file), 12), 0);
    refused(set, keys, file, "header has no end");
    assert_int_equal(remove(bso_files_at(file)), 0);
    assert_int_equal(mkfifo(bso_files_at(file), 0777), 0);
    refused(set, keys, file, "not a regular file");
    assert_int_equal(remove(bso_files_at(file)), 0);
    assert_int_equal(mkdir(bso_files_at(file), 0777), 0);
    refused(set, keys, file, "not a regular file");
    assert_int_equal(rmdir(bso_files_at(file)), 0);
    assert_int_equal(symlink("cifar10_bird_001.aedat", bso_files_at(file)), 0);
    refused(set, keys, file, "Too many levels of symbolic links");
    assert_int_equal(remove(bso_files_at(file)), 0);
    refused(set, keys, folder, "one recording cannot be split");
    assert_int_equal(remove(bso_files_at("cifar10-dvs/bird/cifar10_bird_000.aedat")), 0);
    refused(set, keys, folder, "no .aedat files");
    assert_int_equal(rmdir(bso_files_at(folder)), 0);
    refused(set, keys, set, "9 class folders, not 10");
    assert_int_equal(symlink("bird", bso_files_at(folder)), 0);
    refused(set, keys, folder, "Too many levels of symbolic links");
    assert_int_equal(remove(bso_files_at(folder)), 0);

    /* Names are anything. */
    assert_int_equal(mkdir(bso_files_at("cifar10-dvs/a \"bird\"\n"), 0777), 0);
    put_recording("cifar10-dvs/a \"bird\"\n/1 2\n\x1b.AEDAT", 3, 0, EVENTS, true);
    put_recording("cifar10-dvs/a \"bird\"\n/'.aedat", 4, 0, EVENTS, true);
    assert_int_equal(open_set(&d, set, keys), 0);
    assert_string_equal(d.class_names[0], "a \"bird\"\n");
    bso_dataset_close(&d);
    put_recording("cifar10-dvs/a \"bird\"\n/'.aedat", 4, 0, 0, true);
    refused(set, keys, "a \"bird\"?/'.aedat", "no events");
}

/* Whatever allocation fails, it is said, and nothing is left. */
static void test_memory_is_out(void **state)
{
    (void)state;
    put_n_mnist();
    size_t n = 1;
    for (bool opened = false; !opened && n < 2000; n++) {
        bso_dataset d;
        bso_mem_fail_after(n);
        opened = open_set(&d, "n-mnist", KEYS("steps", "1", "image_size", "8")) == 0;
        bso_mem_fail_after(0);
        if (!opened && !strstr(bso_error(), "memory")) fail_msg("%s", bso_error());
        bso_dataset_close(&d);
        assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
    }
    assert_true(n > 100 && n < 2000); /* three for each of 50 recordings, and the lists */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_splits, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_subsets, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_resized, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_n_mnist_folder, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_folder_damaged, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_memory_is_out, bso_files_setup, bso_files_teardown),
    };
    return cmocka_run_group_tests_name("event sets", tests, NULL, NULL);
}
