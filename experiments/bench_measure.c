/* bench_measure.c: how a measurement is made: planned, shown, timed in turns with its reference. See bench.h.
 */
#include "experiments/bench.h"

#include "core/kernels.h"

#include <math.h>
#include <stdio.h>

int bso_bench_pass(bso_bench *b, bso_bench_part part, const char *what, double macs)
{
    if (b->planning) {
        b->work += macs;
        return BSO_BENCH_PLANNED;
    }
    if (bso_stop_requested) return BSO_INTERRUPTED;
    char line[BSO_BENCH_TEXT + 96], left[32];
    const double passed = bso_clock() - b->begun;
    bso_duration_text(b->worked > 0 ? passed / b->worked * (b->work - b->worked) : NAN, left, sizeof left);
    snprintf(line, sizeof line, "%.0f %%, %s left: %s: %s", 100 * b->worked / b->work, left,
             bso_bench_part_name(part), what);
    bso_status_show(&b->view, false, line);
    b->worked += macs;
    return 0;
}

bso_bench_entry *bso_bench_add(bso_bench *b, bso_bench_part part, const char *what, const char *of)
{
    if (b->file.entries == BSO_BENCH_ENTRIES) {
        bso_fail("bench: more than %d measurements; use --only", BSO_BENCH_ENTRIES);
        return NULL;
    }
    bso_bench_entry *e = &b->file.entry[b->file.entries++];
    *e = (bso_bench_entry){.part = part};
    snprintf(e->what, sizeof e->what, "%s", what);
    snprintf(e->of, sizeof e->of, "%s", of);
    snprintf(e->path, sizeof e->path, "%s", bso_kernel->name);
    return e;
}

/* Of this thread, others' turns on the core left out. */
static double thread_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double seconds_of(bso_bench_run run, void *scene, int calls)
{
    const double begun = thread_seconds();
    for (int i = 0; i < calls; i++) run(scene);
    return fmax(thread_seconds() - begun, 1e-9);
}

/* Calls that make a sample, by the time of one: the first, which brings pages and clocks up, or the second
 * where the first was short. */
static int calls_for(const bso_bench *b, bso_bench_run run, void *scene)
{
    double seconds = seconds_of(run, scene, 1);
    if (seconds < b->least) seconds = seconds_of(run, scene, 1);
    const double calls = ceil(b->least / seconds);
    return calls < 1 ? 1 : calls > 1e6 ? 1000000 : (int)calls;
}

void bso_bench_measure(const bso_bench *b, bso_bench_entry *e, bso_bench_run run, bso_bench_run reference,
                       void *scene)
{
    const int calls = calls_for(b, run, scene);
    const int reference_calls = reference ? calls_for(b, reference, scene) : 0;
    e->work *= calls;
    e->bytes *= calls;
    for (e->samples = 0; e->samples < b->samples && !bso_stop_requested; e->samples++) {
        e->seconds[e->samples] = seconds_of(run, scene, calls);
        e->reference[e->samples] =
            reference ? seconds_of(reference, scene, reference_calls) * calls / reference_calls : NAN;
    }
}
