/* bench_page.c: a file of `bso bench` as tables for reading, and beside an earlier one. See bench.h. */
#include "experiments/bench_table.h"
#include "experiments/markup.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 12, CELL = 2 * BSO_BENCH_TEXT };

/* A row being filled. */
typedef struct {
    int count;
    char cell[COLUMNS][CELL];
} row;

static void add_text(row *r, const char *text)
{
    snprintf(r->cell[r->count++], CELL, "%s", text);
}

/* Three digits that count, or more before the point; a dash where there is no number. */
static void add_number(row *r, double x)
{
    char *cell = r->cell[r->count++];
    if (isnan(x)) {
        snprintf(cell, CELL, "–");
    } else {
        const int decimals = x >= 100 ? 0 : x >= 10 ? 1 : x >= 1 ? 2 : x >= 0.1 ? 3 : 4;
        snprintf(cell, CELL, "%.*f", decimals, x);
    }
}

static void add_percent(row *r, double share)
{
    char *cell = r->cell[r->count++];
    if (isnan(share)) {
        snprintf(cell, CELL, "–");
    } else {
        snprintf(cell, CELL, "%.1f", 100 * share);
    }
}

static void put(const bso_markup *m, row *r)
{
    const char *cells[COLUMNS];
    for (int i = 0; i < r->count; i++) cells[i] = r->cell[i];
    bso_markup_row(m, cells);
    r->count = 0;
}

static int count(const bso_bench_file *f, bso_bench_part part, const char *unit)
{
    int n = 0;
    for (int i = 0; i < f->entries; i++)
        n += f->entry[i].part == part && (!unit || strcmp(f->entry[i].unit, unit) == 0);
    return n;
}

static void print_peaks(bso_markup *m, const bso_bench_file *f)
{
    static const char *const titles[] = {"peak of one thread", "unit", "10^9/s, best", "median", NULL};
    row r = {.count = 0};
    if (!count(f, BSO_BENCH_PEAKS, NULL)) return;
    bso_markup_begin(m, "What the machine can do at most, measured", titles, 2);
    for (int i = 0; i < f->entries; i++) {
        const bso_bench_entry *e = &f->entry[i];
        if (e->part != BSO_BENCH_PEAKS) continue;
        add_text(&r, e->what);
        add_text(&r, e->unit);
        add_number(&r, bso_bench_rate_of(e).best / 1e9);
        add_number(&r, bso_bench_rate_of(e).median / 1e9);
        put(m, &r);
    }
    bso_markup_end(m);
}

static void print_products(bso_markup *m, const bso_bench_file *f)
{
    static const char *const titles[] = {"product",    "shape",         "path",  "GMAC/s, median",  "best",
                                         "spread (%)", "sgemm, median", "ratio", "of the peak (%)", "peak",
                                         NULL};
    row r = {.count = 0};
    if (!count(f, BSO_BENCH_KERNELS, "MAC")) return;
    bso_markup_begin(m, "Products of one-bit layers on one thread, in turns with sgemm of the same shape",
                     titles, 3);
    for (int i = 0; i < f->entries; i++) {
        const bso_bench_entry *e = &f->entry[i];
        if (e->part != BSO_BENCH_KERNELS || strcmp(e->unit, "MAC") != 0) continue;
        const bso_bench_rate rate = bso_bench_rate_of(e);
        add_text(&r, e->what);
        add_text(&r, e->of);
        add_text(&r, e->path);
        add_number(&r, rate.median / 1e9);
        add_number(&r, rate.best / 1e9);
        add_percent(&r, rate.spread);
        add_number(&r, bso_bench_reference_rate(e).median / 1e9);
        add_number(&r, bso_bench_ratio(e));
        add_percent(&r, bso_bench_share_of_peak(f, e));
        add_text(&r, e->detail);
        put(m, &r);
    }
    bso_markup_end(m);
}

static void print_overall(bso_markup *m, const bso_bench_file *f)
{
    static const char *const titles[] = {
        "network",         "product", "shapes", "GMAC/s", "ratio to sgemm, mean weighted by work",
        "ratio of totals", NULL};
    row r = {.count = 0};
    bso_bench_mean mean;
    if (!count(f, BSO_BENCH_KERNELS, "MAC")) return;
    bso_markup_begin(m, "The same over all one-bit layers of a network", titles, 2);
    for (int i = 0; i < f->entries; i++) {
        if (!bso_bench_overall(f, i, &mean)) continue;
        add_text(&r, mean.network);
        add_text(&r, mean.kernel);
        snprintf(r.cell[r.count++], CELL, "%d", mean.shapes);
        add_number(&r, mean.rate / 1e9);
        add_number(&r, mean.ratio);
        add_number(&r, mean.total);
        put(m, &r);
    }
    bso_markup_end(m);
}

static void print_elementwise(bso_markup *m, const bso_bench_file *f)
{
    static const char *const titles[] = {"kernel",
                                         "map",
                                         "path",
                                         "ns per neuron",
                                         "spread (%)",
                                         "copying a float, ns",
                                         "bytes moved, share of copying's (%)",
                                         NULL};
    row r = {.count = 0};
    if (!count(f, BSO_BENCH_KERNELS, "neuron")) return;
    bso_markup_begin(m, "Elementwise kernels on one thread, in turns with copying a map of floats", titles,
                     3);
    for (int i = 0; i < f->entries; i++) {
        const bso_bench_entry *e = &f->entry[i];
        if (e->part != BSO_BENCH_KERNELS || strcmp(e->unit, "neuron") != 0) continue;
        const bso_bench_rate rate = bso_bench_rate_of(e);
        add_text(&r, e->what);
        add_text(&r, e->of);
        add_text(&r, e->path);
        add_number(&r, 1e9 / rate.median);
        add_percent(&r, rate.spread);
        add_number(&r, 1e9 / bso_bench_reference_rate(e).median);
        add_percent(&r, bso_bench_share_of_peak(f, e));
        put(m, &r);
    }
    bso_markup_end(m);
}

static void print_steps(bso_markup *m, const bso_bench_file *f)
{
    static const char *const titles[] = {"network",
                                         "variant",
                                         "training, images/s",
                                         "spread (%)",
                                         "ratio to sgemm",
                                         "evaluation, images/s",
                                         "ratio to sgemm",
                                         "evaluation / training",
                                         "memory of training (MB)",
                                         NULL};
    row r = {.count = 0};
    if (!count(f, BSO_BENCH_STEPS, NULL)) return;
    bso_markup_begin(m, "Whole steps of T-BSO with OTTT on made-up images, medians", titles, 2);
    for (int i = 0; i < f->entries; i++) {
        const bso_bench_entry *e = &f->entry[i];
        if (e->part != BSO_BENCH_STEPS || strcmp(e->detail, "training") != 0) continue;
        const bso_bench_entry *looked = bso_bench_find(f, e->part, e->what, e->variant, "evaluation");
        const bso_bench_rate rate = bso_bench_rate_of(e);
        const double evaluation = looked ? bso_bench_rate_of(looked).median : NAN;
        add_text(&r, e->what);
        add_text(&r, e->variant);
        add_number(&r, rate.median);
        add_percent(&r, rate.spread);
        add_number(&r, bso_bench_ratio(e));
        add_number(&r, evaluation);
        add_number(&r, looked ? bso_bench_ratio(looked) : NAN);
        add_number(&r, evaluation / rate.median);
        add_number(&r, e->bytes / 1e6);
        put(m, &r);
    }
    bso_markup_end(m);
}

/* ---- where the time goes: rows are stages or layers, columns the variants of one network ---- */

enum { VARIANTS_MAX = (COLUMNS - 1) / 2 };

/* Variants that were timed of the network of `like`. Returns how many. */
static int list_variants(const bso_bench_file *f, const bso_bench_entry *like,
                         const bso_bench_entry *variants[VARIANTS_MAX])
{
    int n = 0;
    for (int i = 0; i < f->entries && n < VARIANTS_MAX; i++) {
        const bso_bench_entry *e = &f->entry[i];
        if (e->part == BSO_BENCH_LAYERS && strcmp(e->what, like->what) == 0 &&
            bso_bench_is_first(f, i, false, false))
            variants[n++] = e;
    }
    return n;
}

/* Seconds for an image of the layer or stage of `like` in another variant. */
static double seconds_in(const bso_bench_file *f, const bso_bench_entry *variant, const bso_bench_entry *like,
                         bool by_stage)
{
    bso_bench_entry wanted = *variant;
    memcpy(wanted.of, like->of, sizeof wanted.of);
    memcpy(wanted.detail, like->detail, sizeof wanted.detail);
    return bso_bench_stage_seconds(f, &wanted, !by_stage, by_stage);
}

static void print_network_times(bso_markup *m, const bso_bench_file *f, const bso_bench_entry *first,
                                bool by_stage)
{
    const bso_bench_entry *variants[VARIANTS_MAX];
    const int n = list_variants(f, first, variants);
    char text[2 * VARIANTS_MAX][CELL], caption[CELL];
    const char *titles[2 * VARIANTS_MAX + 2] = {by_stage ? "stage" : "layer"};
    row r = {.count = 0};
    for (int v = 0; v < n; v++) {
        snprintf(text[2 * v], CELL, "%s, ms for an image", variants[v]->variant);
        titles[1 + 2 * v] = text[2 * v];
        titles[2 + 2 * v] = "share (%)";
    }
    titles[1 + 2 * n] = NULL;
    snprintf(caption, sizeof caption, "Where the time of a training step goes, %s: %s",
             by_stage ? "by stage" : "by layer", first->what);
    bso_markup_begin(m, caption, titles, 1);
    for (int i = 0; i < f->entries; i++) {
        const bso_bench_entry *e = &f->entry[i];
        if (e->part != BSO_BENCH_LAYERS || strcmp(e->what, first->what) != 0 ||
            strcmp(e->variant, first->variant) != 0 || !bso_bench_is_first(f, i, !by_stage, by_stage))
            continue;
        add_text(&r, by_stage ? e->detail : *e->of ? e->of : "(none)");
        for (int v = 0; v < n; v++) {
            const double seconds = seconds_in(f, variants[v], e, by_stage);
            add_number(&r, 1e3 * seconds);
            add_percent(&r, seconds / bso_bench_stage_seconds(f, variants[v], false, false));
        }
        put(m, &r);
    }
    bso_markup_end(m);
}

static void print_times(bso_markup *m, const bso_bench_file *f)
{
    const char *last = "";
    for (int i = 0; i < f->entries; i++) {
        const bso_bench_entry *e = &f->entry[i];
        if (e->part != BSO_BENCH_LAYERS || strcmp(e->what, last) == 0) continue;
        last = e->what;
        print_network_times(m, f, e, true);
        print_network_times(m, f, e, false);
    }
}

/* All of an axis in one cell: "1: 500, 2: 950". */
static void add_points(row *r, const bso_bench_file *f, const bso_bench_entry *like)
{
    char *cell = r->cell[r->count++];
    size_t used = 0;
    *cell = '\0';
    for (int i = 0; i < f->entries && used < CELL; i++) {
        const bso_bench_entry *e = &f->entry[i];
        if (e->part != BSO_BENCH_SCALING || strcmp(e->what, like->what) != 0 || strcmp(e->of, like->of) != 0)
            continue;
        used += (size_t)snprintf(cell + used, CELL - used, "%s%g: %.4g", used ? ", " : "", e->x,
                                 bso_bench_rate_of(e).median);
    }
}

static void print_scaling(bso_markup *m, const bso_bench_file *f)
{
    static const char *const titles[] = {"network", "what varies", "images/s at each", "log-log slope", NULL};
    row r = {.count = 0};
    if (!count(f, BSO_BENCH_SCALING, NULL)) return;
    bso_markup_begin(m, "Training steps against threads, batch, T and width; else T = 2", titles, 3);
    for (int i = 0; i < f->entries; i++) {
        const bso_bench_entry *e = &f->entry[i];
        if (e->part != BSO_BENCH_SCALING || !bso_bench_is_first(f, i, true, false)) continue;
        const bso_bench_slope slope = bso_bench_slope_of(f, e);
        add_text(&r, e->what);
        add_text(&r, e->of);
        add_points(&r, f, e);
        if (isnan(slope.exponent)) {
            add_text(&r, "–");
        } else {
            snprintf(r.cell[r.count++], CELL, "%.2f ± %.2f", slope.exponent, slope.error);
        }
        put(m, &r);
    }
    bso_markup_end(m);
}

static void print_head(bso_markup *m, const bso_bench_file *f)
{
    char line[1024];
    bso_markup_heading(m, f->name);
    snprintf(
        line, sizeof line,
        "%s, %d thread%s where not one, kernels: %s. Commit %s, %s to %s.%s Rates are of the median sample, "
        "best is the fastest one, spread the middle half of the samples over their median.",
        f->cpu, f->threads, f->threads == 1 ? "" : "s", f->kernel_path, f->commit, f->started, f->ended,
        f->quick ? " Quick: few and short samples." : "");
    bso_markup_paragraph(m, line);
}

void bso_bench_print(FILE *out, const bso_bench_file *file)
{
    bso_markup m = {.out = out};
    print_head(&m, file);
    print_peaks(&m, file);
    print_products(&m, file);
    print_overall(&m, file);
    print_elementwise(&m, file);
    print_steps(&m, file);
    print_times(&m, file);
    print_scaling(&m, file);
}

/* ---- beside an earlier one ---- */

/* "vgg11, ..., float32, training" */
static void add_name(row *r, const bso_bench_entry *e)
{
    char *cell = r->cell[r->count++];
    const char *const parts[] = {e->what, e->of, e->variant, e->detail};
    size_t used = 0;
    *cell = '\0';
    for (int i = 0; i < 4 && used < CELL; i++) {
        /* A kernel's network and peak add nothing. */
        if (!*parts[i] || (e->part == BSO_BENCH_KERNELS && i > 1)) continue;
        used += (size_t)snprintf(cell + used, CELL - used, "%s%s", used ? ", " : "", parts[i]);
    }
    if (e->part == BSO_BENCH_SCALING && used < CELL) snprintf(cell + used, CELL - used, " = %g", e->x);
}

void bso_bench_print_baseline(FILE *out, const bso_bench_file *file, const bso_bench_file *baseline)
{
    static const char *const titles[] = {"part", "what", "before", "now", "unit", "now / before", NULL};
    bso_markup m = {.out = out};
    row r = {.count = 0};
    char line[1024];
    snprintf(line, sizeof line, "Beside %s: %s, %d thread%s, kernels: %s, commit %s, %s", baseline->name,
             baseline->cpu, baseline->threads, baseline->threads == 1 ? "" : "s", baseline->kernel_path,
             baseline->commit, baseline->started);
    bso_markup_begin(&m, line, titles, 2);
    for (int i = 0; i < file->entries; i++) {
        const bso_bench_entry *e = &file->entry[i], *old = bso_bench_same(baseline, e);
        if (!old) continue;
        const double now = bso_bench_rate_of(e).median, before = bso_bench_rate_of(old).median;
        const double unit = e->part == BSO_BENCH_PEAKS || e->part == BSO_BENCH_KERNELS ? 1e9 : 1;
        add_text(&r, bso_bench_part_name(e->part));
        add_name(&r, e);
        add_number(&r, before / unit);
        add_number(&r, now / unit);
        snprintf(r.cell[r.count++], CELL, "%s%ss/s", unit > 1 ? "10^9 " : "", e->unit);
        add_number(&r, now / before);
        put(&m, &r);
    }
    bso_markup_end(&m);
}
