/* events.c: see events.h. */
#include "datasets/events.h"

#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"

#include <stdio.h>
#include <string.h>

/* The longest recordings of the data sets have some 5 MB. */
static const size_t file_most = (size_t)256 << 20;

int bso_events_reserve(bso_events *e, size_t more)
{
    if (more <= e->room - e->count) return 0;
    size_t room = e->count + more + e->room / 2;
    bso_event *grown = bso_alloc(BSO_MEM_DATASET, room, sizeof *grown, "events");
    if (!grown) return BSO_ERROR;
    if (e->at) memcpy(grown, e->at, e->count * sizeof *grown);
    bso_free(e->at);
    e->at = grown;
    e->room = room;
    return 0;
}

void bso_events_free(bso_events *e)
{
    bso_free(e->at);
    *e = (bso_events){0};
}

static uint32_t big_endian(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* ---- AEDAT 2.0 ---- */

static const char aedat_mark[] = "#!AER-DAT", aedat_version[] = "2.0";

static int check_version(const uint8_t *bytes, size_t count, const char *path)
{
    size_t mark = sizeof aedat_mark - 1, length = 0;
    if (count < mark || memcmp(bytes, aedat_mark, mark) != 0)
        return bso_fail("%s: not an AEDAT file (it does not start with %s%s)", path, aedat_mark,
                        aedat_version);
    const char *version = (const char *)bytes + mark;
    while (mark + length < count && length < 8 && strchr(".0123456789", version[length]) && version[length])
        length++;
    if (length == sizeof aedat_version - 1 && memcmp(version, aedat_version, length) == 0) return 0;
    return bso_fail("%s: an AEDAT file of version '%.*s'; only %s is read", path, (int)length, version,
                    aedat_version);
}

/* Move `at`, which is 0, to where the events begin: addresses are below 2^16, so that none starts with '#'.
 */
static int skip_header(const uint8_t *bytes, size_t count, const char *path, size_t *at)
{
    if (check_version(bytes, count, path)) return BSO_ERROR;
    while (*at < count && bytes[*at] == '#') {
        const uint8_t *end = memchr(bytes + *at, '\n', count - *at);
        if (!end) return bso_fail("%s: truncated: its header has no end; fetch it again", path);
        *at = (size_t)(end - bytes) + 1;
    }
    return 0;
}

int bso_events_aedat(bso_events *e, const uint8_t *bytes, size_t count, const char *path)
{
    size_t at = 0;
    if (skip_header(bytes, count, path, &at)) return BSO_ERROR;
    if ((count - at) % 8) return bso_fail("%s: truncated: it ends within an event; fetch it again", path);
    if (bso_events_reserve(e, (count - at) / 8)) return BSO_ERROR;
    for (; at < count; at += 8) {
        uint32_t address = big_endian(bytes + at);
        if (address >> 16)
            return bso_fail("%s: address 0x%08x at byte %zu is not of a DVS128; the file is damaged", path,
                            address, at);
        if (address >> 15) continue;
        e->at[e->count++] = (bso_event){.t = big_endian(bytes + at + 4),
                                        .x = (uint8_t)(127 - (address >> 8 & 127)),
                                        .y = (uint8_t)(127 - (address >> 1 & 127)),
                                        .polarity = (uint8_t)(1 - (address & 1))};
    }
    return 0;
}

size_t bso_events_write_aedat(const bso_events *e, uint8_t *bytes)
{
    size_t n =
        (size_t)sprintf((char *)bytes, "%s%s\r\n# stand-in, not a recording\r\n", aedat_mark, aedat_version);
    for (size_t i = 0; i < e->count; i++) {
        const bso_event *v = &e->at[i];
        uint32_t address = (127u - v->x) << 8 | (127u - v->y) << 1 | (uint32_t)(1 - v->polarity);
        const uint32_t words[2] = {address, v->t};
        for (int k = 0; k < 8; k++) bytes[n++] = (uint8_t)(words[k / 4] >> (24 - 8 * (k % 4)));
    }
    return n;
}

/* ---- N-MNIST ---- */

enum { OVERFLOW_ROW = 240, OVERFLOW_TIME = 1 << 13 };

int bso_events_n_mnist(bso_events *e, const uint8_t *bytes, size_t count, const char *path)
{
    if (count % 5) return bso_fail("%s: truncated: it ends within an event; fetch it again", path);
    if (bso_events_reserve(e, count / 5)) return BSO_ERROR;
    uint32_t later = 0;
    for (size_t at = 0; at < count; at += 5) {
        const uint8_t *b = bytes + at;
        if (b[1] == OVERFLOW_ROW) {
            later += OVERFLOW_TIME;
            continue;
        }
        if (b[0] >= BSO_N_MNIST_SIDE || b[1] >= BSO_N_MNIST_SIDE)
            return bso_fail("%s: event %zu is at (%d, %d), outside %d x %d; the file is damaged", path,
                            at / 5, b[0], b[1], BSO_N_MNIST_SIDE, BSO_N_MNIST_SIDE);
        uint32_t t = ((uint32_t)b[2] & 127) << 16 | (uint32_t)b[3] << 8 | b[4];
        e->at[e->count++] =
            (bso_event){.t = t + later, .x = b[0], .y = b[1], .polarity = (uint8_t)(b[2] >> 7)};
    }
    return 0;
}

size_t bso_events_write_n_mnist(const bso_events *e, uint8_t *bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < e->count; i++) {
        const bso_event *v = &e->at[i];
        bytes[n++] = v->x;
        bytes[n++] = v->y;
        bytes[n++] = (uint8_t)(v->polarity << 7 | (v->t >> 16 & 127));
        bytes[n++] = (uint8_t)(v->t >> 8);
        bytes[n++] = (uint8_t)v->t;
    }
    return n;
}

/* ---- files ---- */

int bso_events_read(bso_events *e, const char *path, bso_events_parser *parse, size_t least)
{
    uint8_t *bytes;
    size_t count;
    *e = (bso_events){0};
    if (bso_file_read(path, file_most, BSO_MEM_DATASET, &bytes, &count)) return BSO_ERROR;
    int rc = parse(e, bytes, count, path);
    bso_free(bytes);
    if (!rc && e->count == 0) rc = bso_fail("%s: no events in it", path);
    if (!rc && e->count < least)
        rc = bso_fail("%s: too few events (%zu) for %zu frames", path, e->count, least);
    if (rc) bso_events_free(e);
    return rc;
}

int bso_events_check(const char *path, bso_events_parser *parse)
{
    bso_events e;
    if (bso_events_read(&e, path, parse, 1)) return BSO_ERROR;
    bso_events_free(&e);
    return 0;
}

/* ---- frames ---- */

static void add(const bso_event *v, int side, float *frame)
{
    size_t row = (size_t)v->polarity * (size_t)side + v->y;
    frame[row * (size_t)side + v->x] += 1;
}

/* Microseconds from the first event of the file, which need not be the earliest. */
static int64_t since_first(const bso_events *e, size_t i)
{
    return (int32_t)(e->at[i].t - e->at[0].t);
}

void bso_events_slice(const bso_events *e, bool by_duration, int steps, int side, float *frames)
{
    size_t frame = 2 * (size_t)side * (size_t)side;
    memset(frames, 0, (size_t)steps * frame * sizeof *frames);
    int64_t earliest = 0, latest = 0;
    for (size_t i = 0; by_duration && i < e->count; i++) {
        int64_t t = since_first(e, i);
        if (t < earliest) earliest = t;
        if (t > latest) latest = t;
    }
    size_t step = 0;
    for (size_t i = 0; i < e->count; i++) {
        if (by_duration) {
            step = (size_t)((since_first(e, i) - earliest) * steps / (latest - earliest + 1));
        } else {
            while (i >= (step + 1) * e->count / (size_t)steps) step++;
        }
        add(&e->at[i], side, frames + step * frame);
    }
}
