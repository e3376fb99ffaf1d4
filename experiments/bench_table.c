/* bench_table.c: the files of DIR/bench as CSV tables, and their page. See bench.h. */
#include "experiments/bench_table.h"

#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "experiments/statistics.h"
#include "experiments/table.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what several tables say ---- */

double bso_bench_share_of_peak(const bso_bench_file *f, const bso_bench_entry *e)
{
    const bso_bench_entry *peak = bso_bench_find(f, BSO_BENCH_PEAKS, e->detail, NULL, NULL);
    if (!peak) return NAN;
    /* Where copying is the peak it is bytes that count. */
    const double units = strcmp(peak->unit, "byte") == 0 ? e->bytes / e->work : 1;
    return bso_bench_rate_of(e).median * units / bso_bench_rate_of(peak).best;
}

bool bso_bench_overall(const bso_bench_file *f, int i, bso_bench_mean *mean)
{
    const bso_bench_entry *first = &f->entry[i];
    *mean = (bso_bench_mean){.kernel = first->what, .network = first->variant};
    if (first->part != BSO_BENCH_KERNELS || !*first->variant) return false;
    double work = 0, seconds = 0, reference = 0;
    for (int k = 0; k < f->entries; k++) {
        const bso_bench_entry *e = &f->entry[k];
        if (e->part != BSO_BENCH_KERNELS || strcmp(e->what, first->what) != 0 ||
            strcmp(e->variant, first->variant) != 0)
            continue;
        if (k < i) return false;
        mean->shapes++;
        mean->ratio += e->x * bso_bench_ratio(e);
        work += e->x;
        seconds += e->x / bso_bench_rate_of(e).median;
        reference += e->x / bso_bench_reference_rate(e).median;
    }
    mean->ratio /= work;
    mean->total = reference / seconds;
    mean->rate = work / seconds;
    return true;
}

double bso_bench_stage_seconds(const bso_bench_file *f, const bso_bench_entry *like, bool layer, bool stage)
{
    double sum = 0;
    for (int i = 0; i < f->entries; i++) {
        const bso_bench_entry *e = &f->entry[i];
        if (e->part == BSO_BENCH_LAYERS && strcmp(e->what, like->what) == 0 &&
            strcmp(e->variant, like->variant) == 0 && (!layer || strcmp(e->of, like->of) == 0) &&
            (!stage || strcmp(e->detail, like->detail) == 0))
            sum += e->seconds[0] / e->work;
    }
    return sum;
}

bool bso_bench_is_first(const bso_bench_file *f, int i, bool of, bool detail)
{
    const bso_bench_entry *e = &f->entry[i];
    for (int k = 0; k < i; k++) {
        const bso_bench_entry *g = &f->entry[k];
        if (g->part == e->part && strcmp(g->what, e->what) == 0 && strcmp(g->variant, e->variant) == 0 &&
            (!of || strcmp(g->of, e->of) == 0) && (!detail || strcmp(g->detail, e->detail) == 0))
            return false;
    }
    return true;
}

bso_bench_slope bso_bench_slope_of(const bso_bench_file *f, const bso_bench_entry *like)
{
    enum { MOST = 512 };
    double x[MOST], y[MOST];
    int n = 0;
    bso_bench_slope slope = {.points = 0};
    for (int i = 0; i < f->entries; i++) {
        const bso_bench_entry *e = &f->entry[i];
        if (e->part != BSO_BENCH_SCALING || strcmp(e->what, like->what) != 0 || strcmp(e->of, like->of) != 0)
            continue;
        slope.points++;
        for (int k = 0; k < e->samples && n < MOST; k++, n++) {
            x[n] = e->x;
            y[n] = e->work / e->seconds[k];
        }
    }
    const bso_power power = bso_power_of(x, y, n);
    slope.exponent = power.exponent;
    slope.error = power.error;
    return slope;
}

/* ---- CSV ---- */

static void number(FILE *out, double x)
{
    fputc(',', out);
    bso_csv_number(out, x);
}

static void text(FILE *out, const char *x)
{
    fputc(',', out);
    bso_csv_text(out, x);
}

static void rate_columns(FILE *out, bso_bench_rate r, double unit)
{
    number(out, r.median / unit);
    number(out, r.best / unit);
    number(out, 100 * r.spread);
}

static void head(FILE *out, const bso_bench_file *f)
{
    bso_csv_text(out, f->name);
    text(out, f->cpu);
}

static void peak_row(FILE *out, const bso_bench_file *f, int i)
{
    const bso_bench_entry *e = &f->entry[i];
    head(out, f);
    text(out, e->what);
    text(out, e->unit);
    rate_columns(out, bso_bench_rate_of(e), 1e9);
    fputc('\n', out);
}

static void kernel_row(FILE *out, const bso_bench_file *f, int i)
{
    const bso_bench_entry *e = &f->entry[i];
    const bso_bench_rate rate = bso_bench_rate_of(e);
    head(out, f);
    text(out, e->what);
    text(out, e->of);
    text(out, e->variant);
    text(out, e->path);
    text(out, e->unit);
    rate_columns(out, rate, 1e9);
    rate_columns(out, bso_bench_reference_rate(e), 1e9);
    number(out, bso_bench_ratio(e));
    number(out, 1e9 / rate.median);
    number(out, e->work / e->bytes);
    text(out, e->detail);
    number(out, 100 * bso_bench_share_of_peak(f, e));
    fputc('\n', out);
}

static void product_row(FILE *out, const bso_bench_file *f, int i)
{
    bso_bench_mean mean;
    if (!bso_bench_overall(f, i, &mean)) return;
    head(out, f);
    text(out, mean.network);
    text(out, mean.kernel);
    fprintf(out, ",%d", mean.shapes);
    number(out, mean.rate / 1e9);
    number(out, mean.ratio);
    number(out, mean.total);
    fputc('\n', out);
}

static void layer_row(FILE *out, const bso_bench_file *f, int i)
{
    const bso_bench_entry *e = &f->entry[i];
    const double seconds = e->seconds[0] / e->work;
    head(out, f);
    text(out, e->what);
    text(out, e->variant);
    text(out, e->of);
    text(out, e->detail);
    number(out, 1e3 * seconds);
    number(out, 100 * seconds / bso_bench_stage_seconds(f, e, false, false));
    fputc('\n', out);
}

static void stage_row(FILE *out, const bso_bench_file *f, int i)
{
    const bso_bench_entry *e = &f->entry[i];
    if (!bso_bench_is_first(f, i, false, true)) return;
    const double seconds = bso_bench_stage_seconds(f, e, false, true);
    head(out, f);
    text(out, e->what);
    text(out, e->variant);
    text(out, e->detail);
    number(out, 1e3 * seconds);
    number(out, 100 * seconds / bso_bench_stage_seconds(f, e, false, false));
    fputc('\n', out);
}

static void step_row(FILE *out, const bso_bench_file *f, int i)
{
    const bso_bench_entry *e = &f->entry[i];
    const bso_bench_entry *evaluation = bso_bench_find(f, BSO_BENCH_STEPS, e->what, e->variant, "evaluation");
    if (strcmp(e->detail, "training") != 0 || !evaluation) return;
    const bso_bench_rate rate = bso_bench_rate_of(e), looked = bso_bench_rate_of(evaluation);
    head(out, f);
    fprintf(out, ",%d", f->threads);
    text(out, e->what);
    text(out, e->variant);
    text(out, e->path);
    rate_columns(out, rate, 1);
    number(out, bso_bench_ratio(e));
    rate_columns(out, looked, 1);
    number(out, bso_bench_ratio(evaluation));
    number(out, looked.median / rate.median);
    number(out, e->bytes / 1e6);
    fputc('\n', out);
}

static void scaling_row(FILE *out, const bso_bench_file *f, int i)
{
    const bso_bench_entry *e = &f->entry[i];
    head(out, f);
    text(out, e->what);
    text(out, e->of);
    number(out, e->x);
    rate_columns(out, bso_bench_rate_of(e), 1);
    fputc('\n', out);
}

static void slope_row(FILE *out, const bso_bench_file *f, int i)
{
    const bso_bench_entry *e = &f->entry[i];
    if (!bso_bench_is_first(f, i, true, false)) return;
    const bso_bench_slope slope = bso_bench_slope_of(f, e);
    head(out, f);
    text(out, e->what);
    text(out, e->of);
    fprintf(out, ",%d", slope.points);
    number(out, slope.exponent);
    number(out, slope.error);
    fputc('\n', out);
}

/* What stays in cache and is no product has no place in the picture, and peaks alone make none. */
static bool in_picture(const bso_bench_file *f, const bso_bench_entry *e)
{
    if (e->part == BSO_BENCH_KERNELS) return *e->variant || *e->detail;
    bool any = false;
    for (int i = 0; i < f->entries && e->part == BSO_BENCH_PEAKS; i++)
        any = any || (f->entry[i].part == BSO_BENCH_KERNELS && in_picture(f, &f->entry[i]));
    return any;
}

/* For the picture: what each kernel reaches, at how much work for each byte, below the machine's peaks. */
static void roofline_row(FILE *out, const bso_bench_file *f, int i)
{
    const bso_bench_entry *e = &f->entry[i];
    const bool peak = e->part == BSO_BENCH_PEAKS;
    if (!in_picture(f, e)) return;
    const bso_bench_rate rate = bso_bench_rate_of(e);
    head(out, f);
    text(out, peak ? "peak" : "kernel");
    text(out, e->what);
    text(out, e->of);
    text(out, e->unit);
    number(out, peak ? NAN : e->work / e->bytes);
    number(out, (peak ? rate.best : rate.median) / 1e9);
    fputc('\n', out);
}

#define RATE(of) "median_" of ",best_" of ",spread_percent"
static const struct csv {
    const char *name;
    bso_bench_part part; /* BSO_BENCH_PARTS: of several */
    const char *columns; /* after "bench,cpu," */
    void (*row)(FILE *out, const bso_bench_file *f, int i);
} files[] = {
    {"bench_peaks.csv", BSO_BENCH_PEAKS, "peak,unit," RATE("G_per_s"), peak_row},
    {"bench_kernels.csv", BSO_BENCH_KERNELS,
     "kernel,shape,network,path,unit," RATE("G_per_s") ",reference_median_G_per_s,reference_best_G_per_s,"
                                                       "reference_spread_percent,ratio,ns_per_unit,units_"
                                                       "per_byte,peak,share_of_peak_percent",
     kernel_row},
    {"bench_roofline.csv", BSO_BENCH_PARTS, "kind,name,shape,unit,units_per_byte,G_per_s", roofline_row},
    {"bench_products.csv", BSO_BENCH_KERNELS, "network,kernel,shapes,G_per_s,mean_ratio,ratio_of_totals",
     product_row},
    {"bench_layers.csv", BSO_BENCH_LAYERS, "network,variant,layer,stage,ms_per_image,share_percent",
     layer_row},
    {"bench_stages.csv", BSO_BENCH_LAYERS, "network,variant,stage,ms_per_image,share_percent", stage_row},
    {"bench_steps.csv", BSO_BENCH_STEPS,
     "threads,network,variant,path," RATE(
         "training_per_s") ",ratio_to_sgemm,median_evaluation_per_s,best_evaluation_per_s,evaluation_spread_"
                           "percent,evaluation_ratio_to_sgemm,evaluation_per_training,memory_MB",
     step_row},
    {"bench_scaling.csv", BSO_BENCH_SCALING, "network,axis,x," RATE("images_per_s"), scaling_row},
    {"bench_slopes.csv", BSO_BENCH_SCALING, "network,axis,points,slope,slope_se", slope_row},
};
enum { FILES = sizeof files / sizeof *files };
static const char page[] = "bench.md";

typedef struct {
    bso_bench_file *file;
    int count, unreadable;
    const struct csv *csv;
} results;

static void print_csv(FILE *out, const void *argument)
{
    const results *r = argument;
    fprintf(out, "bench,cpu,%s\n", r->csv->columns);
    for (int k = 0; k < r->count; k++) {
        const bso_bench_file *f = &r->file[k];
        for (int i = 0; i < f->entries; i++) {
            if (r->csv->part == BSO_BENCH_PARTS || f->entry[i].part == r->csv->part) r->csv->row(out, f, i);
        }
    }
}

static void print_page(FILE *out, const void *argument)
{
    const results *r = argument;
    for (int k = 0; k < r->count; k++) bso_bench_print(out, &r->file[k]);
}

/* ---- a folder ---- */

static int read_files(results *r, const char *folder, struct dirent **names, int count)
{
    r->file = bso_alloc(BSO_MEM_LOG, (size_t)count, sizeof *r->file, "the results");
    if (!r->file) return BSO_ERROR;
    for (int i = 0; i < count; i++) {
        char path[BSO_PATH];
        if (bso_file_path(path, folder, names[i]->d_name)) return BSO_ERROR;
        if (bso_bench_read(path, &r->file[r->count]) == 0) {
            r->count++;
            continue;
        }
        fprintf(stderr, "bso: %s; left out\n", bso_error());
        r->unreadable++;
    }
    return 0;
}

static int load(results *r, const char *directory)
{
    char folder[BSO_PATH];
    struct dirent **names;
    *r = (results){.count = 0};
    if (bso_file_path(folder, directory, "bench")) return BSO_ERROR;
    const int count = bso_file_list(folder, ".h5", &names);
    if (count < 0) return errno == ENOENT ? 0 : bso_fail("%s: %s", folder, strerror(errno));
    const int status = read_files(r, folder, names, count);
    for (int i = 0; i < count; i++) free(names[i]);
    free(names);
    return status;
}

static int write_all(results *r, const char *tables)
{
    if (bso_file_directory(tables)) return BSO_ERROR;
    for (int i = 0; i < FILES; i++) {
        r->csv = &files[i];
        if (bso_print_file(tables, files[i].name, print_csv, r)) return BSO_ERROR;
    }
    return bso_print_file(tables, page, print_page, r);
}

static int remove_all(const char *tables)
{
    for (int i = 0; i < FILES; i++) {
        if (bso_remove_file(tables, files[i].name)) return BSO_ERROR;
    }
    return bso_remove_file(tables, page);
}

int bso_bench_tables(const char *directory)
{
    char tables[BSO_PATH];
    results r;
    if (bso_file_path(tables, directory, "tables")) return BSO_ERROR;
    int status = load(&r, directory);
    if (!status) status = r.count ? write_all(&r, tables) : remove_all(tables);
    if (!status && r.unreadable) status = 1;
    for (int k = 0; r.file && k < r.count; k++) bso_bench_free(&r.file[k]);
    bso_free(r.file);
    return status;
}
