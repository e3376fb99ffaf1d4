/* bench_numbers.c: what measurements say: rates, spreads, ratios, which are of the same thing. See bench.h.
 */
#include "experiments/bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *bso_bench_part_name(bso_bench_part part)
{
    static const char *const names[BSO_BENCH_PARTS] = {[BSO_BENCH_PEAKS] = "peaks",
                                                       [BSO_BENCH_KERNELS] = "kernels",
                                                       [BSO_BENCH_LAYERS] = "layers",
                                                       [BSO_BENCH_STEPS] = "steps",
                                                       [BSO_BENCH_SCALING] = "scaling"};
    return names[part];
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Between the two nearest of n sorted numbers (Hyndman and Fan 1996, type 7). */
static double quantile(const double *sorted, int n, double share)
{
    const double at = share * (n - 1);
    const int below = (int)at;
    return below + 1 < n ? sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]) : sorted[n - 1];
}

/* Those of n numbers that are there, sorted. Returns how many. */
static int sort(const double *x, int n, double *sorted)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        if (!isnan(x[i])) sorted[count++] = x[i];
    }
    qsort(sorted, (size_t)count, sizeof *sorted, ascending);
    return count;
}

static bso_bench_rate rate(double work, const double *seconds, int samples)
{
    double sorted[BSO_BENCH_SAMPLES];
    const int n = sort(seconds, samples, sorted);
    if (n == 0) return (bso_bench_rate){NAN, NAN, NAN};
    const double median = quantile(sorted, n, 0.5);
    return (bso_bench_rate){work / sorted[0], work / median,
                            (quantile(sorted, n, 0.75) - quantile(sorted, n, 0.25)) / median};
}

bso_bench_rate bso_bench_rate_of(const bso_bench_entry *e)
{
    return rate(e->work, e->seconds, e->samples);
}

bso_bench_rate bso_bench_reference_rate(const bso_bench_entry *e)
{
    return rate(e->work, e->reference, e->samples);
}

double bso_bench_ratio(const bso_bench_entry *e)
{
    double ratios[BSO_BENCH_SAMPLES], sorted[BSO_BENCH_SAMPLES];
    for (int i = 0; i < e->samples; i++) ratios[i] = e->reference[i] / e->seconds[i];
    const int n = sort(ratios, e->samples, sorted);
    return n ? quantile(sorted, n, 0.5) : NAN;
}

static bool is(const char *text, const char *wanted)
{
    return !wanted || strcmp(text, wanted) == 0;
}

const bso_bench_entry *bso_bench_find(const bso_bench_file *file, bso_bench_part part, const char *what,
                                      const char *variant, const char *detail)
{
    for (int i = 0; i < file->entries; i++) {
        const bso_bench_entry *e = &file->entry[i];
        if (e->part == part && is(e->what, what) && is(e->variant, variant) && is(e->detail, detail))
            return e;
    }
    return NULL;
}

const bso_bench_entry *bso_bench_same(const bso_bench_file *file, const bso_bench_entry *entry)
{
    for (int i = 0; i < file->entries; i++) {
        const bso_bench_entry *e = &file->entry[i];
        if (e->part == entry->part && e->x == entry->x && is(e->what, entry->what) && is(e->of, entry->of) &&
            is(e->variant, entry->variant) && is(e->detail, entry->detail) && is(e->unit, entry->unit))
            return e;
    }
    return NULL;
}
