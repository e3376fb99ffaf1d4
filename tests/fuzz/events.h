/* events.h: what the targets of event files share: read the input from memory, look at every event, make
 * frames of them, write them down and read them again.
 */
#ifndef BSO_TESTS_FUZZ_EVENTS_H
#define BSO_TESTS_FUZZ_EVENTS_H

#include "tests/fuzz/fuzz.h"

#include "datasets/events.h"
#include "tests/dataset_files.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *file; /* for messages */
    bso_events_parser *parse;
    size_t (*write)(const bso_events *e, uint8_t *bytes);
    int side;
    uint32_t latest; /* the latest time that can be written */
} bso_fuzz_format;

/* Every event must be in one frame. */
static inline void bso_fuzz_slices(const bso_fuzz_format *f, const bso_events *e)
{
    enum { STEPS = 3 };
    static float frames[STEPS * 2 * BSO_AEDAT_SIDE * BSO_AEDAT_SIDE];
    size_t values = (size_t)STEPS * 2 * (size_t)f->side * (size_t)f->side;
    for (int by_duration = 0; by_duration < 2; by_duration++) {
        double sum = 0;
        bso_events_slice(e, by_duration, STEPS, f->side, frames);
        for (size_t k = 0; k < values; k++) sum += frames[k];
        bso_fuzz_check(sum == (double)e->count, "frames do not hold every event once");
    }
}

static inline void bso_fuzz_round_trip(const bso_fuzz_format *f, const bso_events *e)
{
    uint8_t *bytes = malloc(64 + 8 * e->count);
    bso_events back = {0};
    bso_fuzz_check(bytes, "memory is out");
    bso_fuzz_check(f->parse(&back, bytes, f->write(e, bytes), f->file) == 0 && back.count == e->count,
                   "what was written cannot be read");
    for (size_t i = 0; i < e->count; i++) {
        const bso_event *a = &e->at[i], *b = &back.at[i];
        bso_fuzz_check(a->t == b->t && a->x == b->x && a->y == b->y && a->polarity == b->polarity,
                       "an event is another one when it has been written and read");
    }
    bso_events_free(&back);
    free(bytes);
}

static inline void bso_fuzz_events(const bso_fuzz_format *f, const uint8_t *data, size_t size)
{
    bso_events e = {0};
    bso_fuzz_begin();
    if (f->parse(&e, data, size, bso_files_at(f->file))) {
        bso_fuzz_refused();
    } else {
        bool early = true;
        for (size_t i = 0; i < e.count; i++) {
            bso_fuzz_check(e.at[i].x < f->side && e.at[i].y < f->side && e.at[i].polarity < 2,
                           "an event is outside the sensor");
            early = early && e.at[i].t <= f->latest;
        }
        bso_fuzz_slices(f, &e);
        if (early) bso_fuzz_round_trip(f, &e);
    }
    bso_events_free(&e);
    bso_fuzz_end();
}

#endif
