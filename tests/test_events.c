/* test_events.c: files of events, frames made of them, and the data sets CIFAR10-DVS and N-MNIST, on bytes
 * made by hand and folders of them, good and broken. The sensor's model and the stand-ins have their own
 * file.
 */
#include "datasets/events.h"

#include "core/dataset.h"
#include "core/error.h"
#include "core/memory.h"
#include "tests/dataset_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- parsers ---- */

/* A string's bytes without the 0 at its end. */
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static void check_event(const bso_events *e, size_t i, uint32_t t, int x, int y, int polarity)
{
    assert_true(i < e->count);
    assert_int_equal(e->at[i].t, t);
    assert_int_equal(e->at[i].x, x);
    assert_int_equal(e->at[i].y, y);
    assert_int_equal(e->at[i].polarity, polarity);
}

static void test_aedat(void **state)
{
    (void)state;
    bso_events e = {0};
    int rc = bso_events_aedat(&e,
                              BYTES("#!AER-DAT2.0\r\n# This is a raw AE data file - do not edit\r\n#\n"
                                    "\x00\x00\x00\x00\x00\x00\x00\x05"   /* all bits 0 */
                                    "\x00\x00\x7f\xff\x00\x01\x02\x03"   /* all bits of a pixel 1 */
                                    "\x00\x00\x80\x0a\x00\x01\x02\x04"   /* from outside the pixels */
                                    "\x00\x00\x00\x03\xff\xff\xff\xff"   /* bit 1: one row up, darker */
                                    "\x00\x00\x01\x00\x00\x00\x00\x00"   /* bit 8: one column to the left */
                                    "\x00\x00\x23\x24\x23\x23\x0a\x23"), /* that looks like a header */
                              "f");
    if (rc) fail_msg("%s", bso_error());
    assert_int_equal(e.count, 5);
    check_event(&e, 0, 5, 127, 127, 1);
    check_event(&e, 1, 0x010203, 0, 0, 0);
    check_event(&e, 2, 0xffffffff, 127, 126, 0);
    check_event(&e, 3, 0, 126, 127, 1);
    check_event(&e, 4, 0x23230a23, 127 - 0x23, 127 - 0x12, 1);
    bso_events_free(&e);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static void test_n_mnist(void **state)
{
    (void)state;
    bso_events e = {0};
    int rc = bso_events_n_mnist(&e,
                                BYTES("\x00\x21\x80\x00\x01" /* brighter, at once */
                                      "\x21\x00\x7f\xff\xff" /* darker, as late as can be */
                                      "\x05\xf0\x00\x00\x00" /* later by 2^13 */
                                      "\x01\x02\x81\x02\x03"
                                      "\xff\xf0\xff\xff\xff" /* and again */
                                      "\x03\x04\x00\x00\x00"),
                                "f");
    if (rc) fail_msg("%s", bso_error());
    assert_int_equal(e.count, 4);
    check_event(&e, 0, 1, 0, 33, 1);
    check_event(&e, 1, 8388607, 33, 0, 0);
    check_event(&e, 2, 0x010203 + 8192, 1, 2, 1);
    check_event(&e, 3, 16384, 3, 4, 0);
    bso_events_free(&e);
}

static void test_damaged(void **state)
{
    (void)state;
    const struct {
        bso_events_parser *parse;
        const uint8_t *bytes;
        size_t count;
        const char *reason;
    } cases[] = {
        {bso_events_aedat, BYTES(""), "not an AEDAT file"},
        {bso_events_aedat, BYTES("#"), "not an AEDAT file"},
        {bso_events_aedat, BYTES("\x00\x00\x00\x00\x00\x00\x00\x05"), "not an AEDAT file"},
        {bso_events_aedat, BYTES("#!AER-DAT"), "version ''"},
        {bso_events_aedat, BYTES("#!AER-DAT\n2.0\n"), "version ''"},
        {bso_events_aedat, BYTES("#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n"), "version '3.1'"},
        {bso_events_aedat, BYTES("#!AER-DAT4.0\r\n"), "version '4.0'"},
        {bso_events_aedat, BYTES("#!AER-DAT2.01\n"), "version '2.01'"},
        {bso_events_aedat, BYTES("#!AER-DAT2.0000000000000000000\n"), "version '2.000000'"},
        {bso_events_aedat, BYTES("#!AER-DAT2\n"), "version '2'"},
        {bso_events_aedat, BYTES("#!AER-DAT2.0"), "header has no end"},
        {bso_events_aedat, BYTES("#!AER-DAT2.0\n# a\n#"), "header has no end"},
        {bso_events_aedat, BYTES("#!AER-DAT2.0\n\0"), "within an event"},
        {bso_events_aedat, BYTES("#!AER-DAT2.0\n\0\0\0\0\0\0\0"), "within an event"},
        {bso_events_aedat, BYTES("#!AER-DAT2.0\n\0\0\0\0\0\0\0\1\1"), "within an event"},
        {bso_events_aedat, BYTES("#!AER-DAT2.0\n\0\1\0\0\0\0\0\0"), "0x00010000 at byte 13"},
        {bso_events_aedat, BYTES("#!AER-DAT2.0\n\x80\0\0\0\0\0\0\0"), "0x80000000 at byte 13"},
        {bso_events_n_mnist, BYTES("\0"), "within an event"},
        {bso_events_n_mnist, BYTES("\0\0\0\0\0\0"), "within an event"},
        {bso_events_n_mnist, BYTES("\x00\x00\x00\x00\x00\x22\x00\x00\x00\x00"), "event 1 is at (34, 0)"},
        {bso_events_n_mnist, BYTES("\x00\x22\x00\x00\x00"), "event 0 is at (0, 34)"},
        {bso_events_n_mnist, BYTES("\x00\xff\x00\x00\x00"), "event 0 is at (0, 255)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        /* In a block of its own, so that a sanitizer sees a byte read too many. */
        uint8_t *bytes = malloc(cases[i].count + !cases[i].count);
        memcpy(bytes, cases[i].bytes, cases[i].count);
        bso_events e = {0};
        assert_int_equal(cases[i].parse(&e, bytes, cases[i].count, "a file"), BSO_ERROR);
        if (!strstr(bso_error(), cases[i].reason) || strncmp(bso_error(), "a file: ", 8) != 0)
            fail_msg("case %zu: '%s' should say '%s'", i, bso_error(), cases[i].reason);
        bso_events_free(&e);
        free(bytes);
    }
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

/* A header of a million lines, and one line of a million characters: both end. */
static void test_long_header(void **state)
{
    (void)state;
    static const char mark[] = "#!AER-DAT2.0\n";
    size_t n = (size_t)1 << 21, used = sizeof mark - 1;
    uint8_t *bytes = malloc(n);
    memcpy(bytes, mark, used);
    for (size_t i = used; i < n; i++) bytes[i] = (i - used) % 2 ? '\n' : '#';
    bso_events e = {0};
    assert_int_equal(bso_events_aedat(&e, bytes, n - 1, "f"), 0);
    assert_int_equal(e.count, 0);
    memset(bytes + used, '#', n - used);
    assert_int_equal(bso_events_aedat(&e, bytes, n, "f"), BSO_ERROR);
    bso_events_free(&e);
    free(bytes);
}

/* Every pixel and polarity, written and read. */
static void test_round_trip(void **state)
{
    (void)state;
    const struct {
        bso_events_parser *parse;
        size_t (*write)(const bso_events *e, uint8_t *bytes);
        int side;
    } formats[] = {{bso_events_aedat, bso_events_write_aedat, BSO_AEDAT_SIDE},
                   {bso_events_n_mnist, bso_events_write_n_mnist, BSO_N_MNIST_SIDE}};
    for (int f = 0; f < 2; f++) {
        bso_events e = {0}, back = {0};
        size_t n = 2 * (size_t)formats[f].side * (size_t)formats[f].side;
        assert_int_equal(bso_events_reserve(&e, n), 0);
        for (size_t i = 0; i < n; i++)
            e.at[i] = (bso_event){.t = (uint32_t)(251 * i),
                                  .x = (uint8_t)(i / 2 % (size_t)formats[f].side),
                                  .y = (uint8_t)(i / 2 / (size_t)formats[f].side),
                                  .polarity = (uint8_t)(i % 2)};
        e.count = n;
        uint8_t *bytes = malloc(64 + 8 * n);
        assert_int_equal(formats[f].parse(&back, bytes, formats[f].write(&e, bytes), "f"), 0);
        assert_int_equal(back.count, n);
        for (size_t i = 0; i < n; i++)
            check_event(&back, i, e.at[i].t, e.at[i].x, e.at[i].y, e.at[i].polarity);
        free(bytes);
        bso_events_free(&e);
        bso_events_free(&back);
    }
}

/* ---- slices ---- */

/* Where an event belongs, found by trying every slice. */
static int slice_of(const bso_events *e, size_t i, bool by_duration, int steps, uint32_t start, uint64_t span)
{
    int found = -1, hits = 0;
    for (int s = 0; s < steps; s++) {
        bool in;
        if (by_duration) {
            uint64_t since = (uint32_t)(e->at[i].t - start);
            in = since * (uint64_t)steps >= (uint64_t)s * span &&
                 since * (uint64_t)steps < ((uint64_t)s + 1) * span;
        } else {
            in = i >= (size_t)s * e->count / (size_t)steps && i < ((size_t)s + 1) * e->count / (size_t)steps;
        }
        if (in) found = s, hits++;
    }
    assert_int_equal(hits, 1);
    return found;
}

static void check_slices(const bso_events *e, bool by_duration, int steps, uint32_t start, uint64_t span)
{
    enum { SIDE = 5, FRAME = 2 * SIDE * SIDE };
    float *frames = malloc((size_t)steps * FRAME * sizeof *frames), total = 0;
    float *expected = calloc((size_t)steps * FRAME, sizeof *expected);
    memset(frames, 0x55, (size_t)steps * FRAME * sizeof *frames);
    for (size_t i = 0; i < e->count; i++) {
        const bso_event *v = &e->at[i];
        expected[((slice_of(e, i, by_duration, steps, start, span) * 2 + v->polarity) * SIDE + v->y) * SIDE +
                 v->x] += 1;
    }
    bso_events_slice(e, by_duration, steps, SIDE, frames);
    for (int k = 0; k < steps * FRAME; k++) {
        assert_true(frames[k] == expected[k]);
        total += frames[k];
    }
    assert_true(total == (float)e->count);
    for (int s = 0; s < steps && !by_duration; s++) {
        float sum = 0;
        for (int k = 0; k < FRAME; k++) sum += frames[s * FRAME + k];
        assert_true(sum == (float)(e->count / (size_t)steps) || sum == (float)(e->count / (size_t)steps + 1));
    }
    free(frames);
    free(expected);
}

static void test_slices(void **state)
{
    (void)state;
    static const int steps[] = {1, 2, 3, 7, 10, 64};
    static const size_t counts[] = {0, 1, 2, 9, 10, 11, 101};
    static const uint32_t starts[] = {0, 1000, 0xffffff00}; /* the last: times wrap in between */
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
        for (int a = 0; a < 3; a++) {
            for (int order = 0; order < 2; order++) {
                bso_events e = {0};
                assert_int_equal(bso_events_reserve(&e, counts[k] + 1), 0);
                e.count = counts[k];
                uint32_t late = 0;
                for (size_t i = 0; i < e.count; i++) {
                    /* In steps of 0 to 12 µs; or in an order that goes to and fro. */
                    size_t place = order ? (i * 37 + 5) % e.count : i;
                    uint32_t since = (uint32_t)(place * 13 / 2);
                    if (since > late) late = since;
                    e.at[i] = (bso_event){.t = starts[a] + since,
                                          .x = (uint8_t)(i % 5),
                                          .y = (uint8_t)(i * 3 / 2 % 5),
                                          .polarity = i % 3 == 0};
                }
                for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
                    check_slices(&e, false, steps[s], 0, 0);
                    check_slices(&e, true, steps[s], starts[a], (uint64_t)late + 1);
                }
                bso_events_free(&e);
            }
        }
    }
}

/* Ten events at once and two long after. */
static void test_slices_by_hand(void **state)
{
    (void)state;
    bso_events e = {0};
    assert_int_equal(bso_events_reserve(&e, 12), 0);
    e.count = 12;
    for (size_t i = 0; i < 12; i++) e.at[i] = (bso_event){.t = i < 10 ? 7 : 99 + 7, .polarity = 1};
    float frames[5 * 2];
    bso_events_slice(&e, false, 5, 1, frames);
    static const float by_count[] = {0, 2, 0, 2, 0, 3, 0, 2, 0, 3}; /* 0 2 4 7 9 12 */
    assert_memory_equal(frames, by_count, sizeof frames);
    bso_events_slice(&e, true, 5, 1, frames);
    static const float by_duration[] = {0, 10, 0, 0, 0, 0, 0, 0, 0, 2};
    assert_memory_equal(frames, by_duration, sizeof frames);
    bso_events_free(&e);
}

/* ---- folders ---- */

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

/* What can be wrong in a folder; recordings that are wrong are small_sets.c's and the parsers' above. */
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
        cmocka_unit_test(test_aedat),
        cmocka_unit_test(test_n_mnist),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_long_header),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_slices_by_hand),
        cmocka_unit_test_setup_teardown(test_splits, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_subsets, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_resized, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_n_mnist_folder, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_folder_damaged, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_memory_is_out, bso_files_setup, bso_files_teardown),
    };
    return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
