/* test_events.c: files of events and frames made of them, on bytes made by hand. Data sets of such files, and
 * the sensor's model, have files of their own.
 */
#include "datasets/events.h"

#include "core/error.h"
#include "core/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aedat),          cmocka_unit_test(test_n_mnist),
        cmocka_unit_test(test_damaged),        cmocka_unit_test(test_long_header),
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_slices),
        cmocka_unit_test(test_slices_by_hand),
    };
    return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
