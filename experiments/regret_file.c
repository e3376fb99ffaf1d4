/* regret_file.c: files of `bso regret`. See regret.h; the format is in docs/formats.md. */
#include "experiments/regret.h"

#include "core/error.h"
#include "core/hdf5_util.h"
#include "core/memory.h"
#include "core/record.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define RESULT_FORMAT "bso-regret"
#define BOX_FORMAT    "bso-regret-box"
enum { VERSION = 1, DIMENSIONS_MAX = 1 << 20 };

int bso_regret_result_alloc(bso_regret_result *r)
{
    const size_t seeds = (size_t)r->seeds;
    r->curves =
        bso_alloc(BSO_MEM_LOG, BSO_CURVES * seeds * (size_t)r->checkpoints, sizeof *r->curves, "regret");
    r->bounds = bso_alloc(BSO_MEM_LOG, BSO_BOUNDS * seeds, sizeof *r->bounds, "regret");
    if (r->curves && r->bounds) return 0;
    bso_regret_result_free(r);
    return BSO_ERROR;
}

void bso_regret_result_free(bso_regret_result *r)
{
    bso_free(r->curves);
    bso_free(r->bounds);
    r->curves = NULL;
    r->bounds = NULL;
}

double bso_regret_at(const bso_regret_result *r, int curve, int seed, int checkpoint)
{
    return r->curves[((size_t)curve * (size_t)r->seeds + (size_t)seed) * (size_t)r->checkpoints +
                     (size_t)checkpoint];
}

void bso_regret_reading(const bso_regret_result *r, char *text, size_t size)
{
    snprintf(text, size, "%s%s", bso_reading_name(r->schedule.reading), r->tuned ? " tuned" : "");
}

void bso_regret_setting(const bso_regret_result *r, char *text, size_t size)
{
    snprintf(text, size, "%s; gamma = %g, c = %g", bso_reading_formula(r->schedule.reading),
             r->schedule.gamma, r->schedule.rate);
}

/* ---- Bounds as arrays: counts are exact in doubles ---- */

enum { VIOLATIONS, FIRST, LAST, RATIO, FIELDS };
static const char *const field_names[FIELDS] = {"violations", "first", "last", "ratio"};

static double get_field(const bso_bound_record *record, int field)
{
    switch (field) {
    case VIOLATIONS:
        return (double)record->violations;
    case FIRST:
        return (double)record->first;
    case LAST:
        return (double)record->last;
    default:
        return record->ratio;
    }
}

static void set_field(bso_bound_record *record, int field, double value)
{
    switch (field) {
    case VIOLATIONS:
        record->violations = (uint64_t)value;
        break;
    case FIRST:
        record->first = (uint64_t)value;
        break;
    case LAST:
        record->last = (uint64_t)value;
        break;
    default:
        record->ratio = value;
    }
}

/* ---- Writing ---- */

static void put_seeds(bso_h5_writer *w, const uint64_t *seed, int seeds)
{
    bso_h5_put_array(w, "/seeds", H5T_NATIVE_UINT64, 1, (const hsize_t[]){(hsize_t)seeds}, seed);
}

static void put_problem(bso_h5_writer *w, bso_family family, int d)
{
    bso_h5_group(w, "/problem");
    bso_h5_put_text(w, "/problem", "family", bso_families[family].name);
    bso_h5_put_text(w, "/problem", "title", bso_families[family].title);
    bso_h5_put_text(w, "/problem", "comparator", bso_families[family].comparator);
    bso_h5_put_integer(w, "/problem", "d", d);
}

static void put_setting(bso_h5_writer *w, const bso_regret_result *r)
{
    const char *group = "/setting";
    bso_h5_group(w, group);
    bso_h5_put_text(w, group, "rule", r->rule);
    bso_h5_put_text(w, group, "reading", bso_reading_name(r->schedule.reading));
    bso_h5_put_text(w, group, "formula", bso_reading_formula(r->schedule.reading));
    bso_h5_put_number(w, group, "gamma", r->schedule.gamma);
    bso_h5_put_number(w, group, "rate", r->schedule.rate);
    bso_h5_put_number(w, group, "eps", r->schedule.eps);
    bso_h5_put_integer(w, group, "tuned", r->tuned);
    bso_h5_put_text(w, group, "tuning", r->tuning);
    bso_h5_put_unsigned(w, group, "rounds", r->rounds);
}

static void put_curves(bso_h5_writer *w, const bso_regret_result *r)
{
    const hsize_t dims[2] = {(hsize_t)r->seeds, (hsize_t)r->checkpoints};
    bso_h5_group(w, "/curves");
    bso_h5_put_array(w, "/curves/k", H5T_NATIVE_UINT64, 1, &dims[1], r->k);
    for (int c = 0; c < BSO_CURVES; c++) {
        char name[64], path[128];
        bso_curve_name(c, name, sizeof name);
        snprintf(path, sizeof path, "/curves/%s", name);
        bso_h5_put_array(w, path, H5T_NATIVE_DOUBLE, 2, dims, r->curves + (size_t)c * dims[0] * dims[1]);
    }
}

static void put_bounds(bso_h5_writer *w, const bso_regret_result *r)
{
    double column[BSO_REGRET_SEEDS_MAX];
    bso_h5_group(w, "/bounds");
    bso_h5_put_integer(w, "/bounds", "applies", r->applies);
    for (int b = 0; b < BSO_BOUNDS; b++) {
        char group[64], path[128];
        snprintf(group, sizeof group, "/bounds/%s", bso_bound_name((bso_bound)b));
        bso_h5_group(w, group);
        for (int f = 0; f < FIELDS; f++) {
            for (int s = 0; s < r->seeds; s++) column[s] = get_field(&r->bounds[b * r->seeds + s], f);
            snprintf(path, sizeof path, "%s/%s", group, field_names[f]);
            bso_h5_put_array(w, path, H5T_NATIVE_DOUBLE, 1, (const hsize_t[]){(hsize_t)r->seeds}, column);
        }
    }
}

/* The provenance of trainings, with what there is of it here. */
static int put_provenance(bso_h5_writer *w, const bso_regret_result *r, const char *command)
{
    bso_run *run = bso_alloc(BSO_MEM_LOG, 1, sizeof *run, "regret");
    if (!run) return BSO_ERROR;
    run->settings.seed = r->seed[0];
    run->threads = 1; /* what a game takes; games side by side do not change it */
    snprintf(run->kernel_path, sizeof run->kernel_path, "double");
    snprintf(run->started, sizeof run->started, "%s", r->started);
    snprintf(run->ended, sizeof run->ended, "%s", r->ended);
    bso_record_provenance(w, run, command);
    bso_free(run);
    return 0;
}

int bso_regret_write(const char *path, const bso_regret_result *r, const char *command)
{
    bso_h5_writer w;
    if (bso_h5_create(&w, path, RESULT_FORMAT, VERSION)) return BSO_ERROR;
    if (put_provenance(&w, r, command)) {
        bso_h5_discard(&w);
        return BSO_ERROR;
    }
    put_problem(&w, r->family, r->d);
    put_setting(&w, r);
    put_seeds(&w, r->seed, r->seeds);
    put_curves(&w, r);
    put_bounds(&w, r);
    return bso_h5_finish(&w);
}

int bso_regret_box_write(const char *path, const bso_regret_box *b)
{
    const hsize_t dims[2] = {(hsize_t)b->seeds, (hsize_t)b->n};
    bso_h5_writer w;
    if (bso_h5_create(&w, path, BOX_FORMAT, VERSION)) return BSO_ERROR;
    put_problem(&w, b->family, b->d);
    put_seeds(&w, b->seed, b->seeds);
    bso_h5_put_array(&w, "/k", H5T_NATIVE_UINT64, 1, &dims[1], b->k);
    bso_h5_put_array(&w, "/gap", H5T_NATIVE_DOUBLE, 2, dims, b->gap);
    bso_h5_put_array(&w, "/error", H5T_NATIVE_DOUBLE, 2, dims, b->error);
    return bso_h5_finish(&w);
}

/* ---- Reading ---- */

static int get_problem(const bso_h5_reader *r, bso_family *family, int *d)
{
    char name[64];
    int64_t dimensions;
    if (bso_h5_get_text(r, "/problem", "family", name, sizeof name) ||
        bso_h5_get_integer(r, "/problem", "d", 1, DIMENSIONS_MAX, &dimensions)) {
        return BSO_ERROR;
    }
    *d = (int)dimensions;
    for (int f = 0; f < BSO_FAMILIES; f++) {
        if (strcmp(name, bso_families[f].name) != 0) continue;
        *family = (bso_family)f;
        return 0;
    }
    return bso_fail("%s: /problem: family=%s: no such family", r->path, name);
}

static bool is_whole(double x, double min, double max)
{
    return x >= min && x <= max && x == floor(x);
}

/* Ascending whole numbers, in an array whose length is yet unknown; `most` of them at most. */
static int get_ascending(const bso_h5_reader *r, const char *path, int most, uint64_t *x, int *n)
{
    int rank;
    hsize_t dims[BSO_H5_RANK];
    double values[BSO_REGRET_SEEDS_MAX];
    if (bso_h5_shape(r, path, &rank, dims)) return BSO_ERROR;
    if (rank != 1 || dims[0] < 1 || dims[0] > (hsize_t)most) {
        return bso_fail("%s: %s is not a list of 1 to %d numbers", r->path, path, most);
    }
    if (bso_h5_get_doubles(r, path, 1, dims, values)) return BSO_ERROR;
    *n = (int)dims[0];
    for (int i = 0; i < *n; i++) {
        if (!is_whole(values[i], 0, 0x1p53) || (i && values[i] <= values[i - 1])) {
            return bso_fail("%s: %s is not a list of ascending whole numbers", r->path, path);
        }
        x[i] = (uint64_t)values[i];
    }
    return 0;
}

static int get_reading(const bso_h5_reader *r, bso_reading *reading)
{
    char name[16];
    if (bso_h5_get_text(r, "/setting", "reading", name, sizeof name)) return BSO_ERROR;
    for (int i = 0; i < BSO_READINGS; i++) {
        if (strcmp(name, bso_reading_name((bso_reading)i)) != 0) continue;
        *reading = (bso_reading)i;
        return 0;
    }
    return bso_fail("%s: /setting: reading=%s: no such reading", r->path, name);
}

static int get_setting(const bso_h5_reader *r, bso_regret_result *result)
{
    const char *group = "/setting";
    bso_regret_schedule *s = &result->schedule;
    int64_t tuned;
    if (bso_h5_get_text(r, group, "rule", result->rule, sizeof result->rule) || get_reading(r, &s->reading) ||
        bso_h5_get_number(r, group, "gamma", &s->gamma) || bso_h5_get_number(r, group, "rate", &s->rate) ||
        bso_h5_get_number(r, group, "eps", &s->eps) || bso_h5_get_integer(r, group, "tuned", 0, 1, &tuned) ||
        bso_h5_get_text(r, group, "tuning", result->tuning, sizeof result->tuning) ||
        bso_h5_get_unsigned(r, group, "rounds", &result->rounds)) {
        return BSO_ERROR;
    }
    result->tuned = tuned;
    if (result->rounds < 1 || result->rounds > BSO_ROUNDS_MAX) {
        return bso_fail("%s: /setting: rounds is not in 1 to %d", r->path, BSO_ROUNDS_MAX);
    }
    if (!isfinite(s->gamma) || !isfinite(s->rate) || !isfinite(s->eps)) {
        return bso_fail("%s: /setting: gamma, rate or eps is not finite", r->path);
    }
    return 0;
}

static int get_checkpoints(const bso_h5_reader *r, bso_regret_result *result)
{
    uint64_t expected[BSO_CHECKPOINTS_MAX];
    const int n = bso_regret_checkpoints(result->rounds, expected);
    if (get_ascending(r, "/curves/k", BSO_CHECKPOINTS_MAX, result->k, &result->checkpoints)) return BSO_ERROR;
    if (result->checkpoints == n && memcmp(result->k, expected, (size_t)n * sizeof *expected) == 0) return 0;
    return bso_fail("%s: /curves/k is not the checkpoints of %llu rounds", r->path,
                    (unsigned long long)result->rounds);
}

static int get_curves(const bso_h5_reader *r, bso_regret_result *result)
{
    const hsize_t dims[2] = {(hsize_t)result->seeds, (hsize_t)result->checkpoints};
    for (int c = 0; c < BSO_CURVES; c++) {
        char name[64], path[128];
        double *curve = result->curves + (size_t)c * dims[0] * dims[1];
        bso_curve_name(c, name, sizeof name);
        snprintf(path, sizeof path, "/curves/%s", name);
        if (bso_h5_get_doubles(r, path, 2, dims, curve)) return BSO_ERROR;
        for (size_t i = 0; i < dims[0] * dims[1]; i++) {
            if (isinf(curve[i]) || (c == BSO_CURVE_REGRET && isnan(curve[i]))) {
                return bso_fail("%s: %s holds a number that is not finite", r->path, path);
            }
        }
    }
    return 0;
}

static int check_record(const bso_h5_reader *r, const char *group, const bso_regret_result *result,
                        const bso_bound_record *b)
{
    const bool any = b->violations > 0;
    if (b->last <= result->rounds && b->first <= b->last && any == (b->first > 0) &&
        (!any || b->violations <= b->last - b->first + 1) && b->ratio >= 0) {
        return 0;
    }
    return bso_fail("%s: %s: its violations, first, last and ratio do not fit together", r->path, group);
}

static int get_bounds(const bso_h5_reader *r, bso_regret_result *result)
{
    double column[BSO_REGRET_SEEDS_MAX];
    int64_t applies;
    if (bso_h5_get_integer(r, "/bounds", "applies", 0, 1, &applies)) return BSO_ERROR;
    result->applies = applies;
    for (int b = 0; b < BSO_BOUNDS; b++) {
        char group[64], path[128];
        snprintf(group, sizeof group, "/bounds/%s", bso_bound_name((bso_bound)b));
        bso_bound_record *records = result->bounds + b * result->seeds;
        for (int f = 0; f < FIELDS; f++) {
            snprintf(path, sizeof path, "%s/%s", group, field_names[f]);
            if (bso_h5_get_doubles(r, path, 1, (const hsize_t[]){(hsize_t)result->seeds}, column))
                return BSO_ERROR;
            for (int s = 0; s < result->seeds; s++) {
                if (f != RATIO && !is_whole(column[s], 0, (double)result->rounds)) {
                    return bso_fail("%s: %s holds what is not a round or a number of rounds", r->path, path);
                }
                set_field(&records[s], f, column[s]);
            }
        }
        for (int s = 0; s < result->seeds; s++) {
            if (check_record(r, group, result, &records[s])) return BSO_ERROR;
        }
    }
    return 0;
}

static int get_provenance(const bso_h5_reader *r, bso_regret_result *result)
{
    return bso_h5_get_text(r, "/provenance", "started", result->started, sizeof result->started) ||
                   bso_h5_get_text(r, "/provenance", "ended", result->ended, sizeof result->ended) ||
                   bso_h5_get_text(r, "/provenance", "commit", result->commit, sizeof result->commit)
               ? BSO_ERROR
               : 0;
}

static int read_result(const char *path, bso_regret_result *result)
{
    bso_h5_reader r;
    memset(result, 0, sizeof *result);
    if (bso_h5_open(&r, path)) return BSO_ERROR;
    int status = bso_h5_require(&r, RESULT_FORMAT, VERSION);
    if (!status) status = get_problem(&r, &result->family, &result->d);
    if (!status) status = get_setting(&r, result);
    if (!status) status = get_ascending(&r, "/seeds", BSO_REGRET_SEEDS_MAX, result->seed, &result->seeds);
    if (!status) status = get_checkpoints(&r, result);
    if (!status) status = bso_regret_result_alloc(result);
    if (!status) status = get_curves(&r, result);
    if (!status) status = get_bounds(&r, result);
    if (!status) status = get_provenance(&r, result);
    bso_h5_close(&r);
    if (status) bso_regret_result_free(result);
    return status;
}

static int read_box(const char *path, bso_regret_box *b)
{
    bso_h5_reader r;
    memset(b, 0, sizeof *b);
    if (bso_h5_open(&r, path)) return BSO_ERROR;
    int status = bso_h5_require(&r, BOX_FORMAT, VERSION);
    if (!status) status = get_problem(&r, &b->family, &b->d);
    if (!status) status = get_ascending(&r, "/seeds", BSO_REGRET_SEEDS_MAX, b->seed, &b->seeds);
    if (!status) status = get_ascending(&r, "/k", BSO_BOX_MAX, b->k, &b->n);
    if (!status) {
        const hsize_t dims[2] = {(hsize_t)b->seeds, (hsize_t)b->n};
        b->gap = bso_alloc(BSO_MEM_LOG, 2 * dims[0] * dims[1], sizeof *b->gap, "regret");
        status = b->gap ? 0 : BSO_ERROR;
        if (!status) b->error = b->gap + dims[0] * dims[1];
        if (!status) status = bso_h5_get_doubles(&r, "/gap", 2, dims, b->gap);
        if (!status) status = bso_h5_get_doubles(&r, "/error", 2, dims, b->error);
        for (size_t i = 0; !status && i < 2 * dims[0] * dims[1]; i++) {
            if (!isfinite(b->gap[i])) status = bso_fail("%s: a gap or error is not finite", path);
        }
    }
    bso_h5_close(&r);
    if (status) bso_free(b->gap);
    return status;
}

static int rehearse_result(void *path)
{
    bso_regret_result r;
    return read_result(path, &r);
}

static int rehearse_box(void *path)
{
    bso_regret_box b;
    return read_box(path, &b);
}

int bso_regret_read(const char *path, bso_regret_result *r)
{
    memset(r, 0, sizeof *r);
    return bso_h5_rehearse(path, rehearse_result, (void *)(uintptr_t)path) ? BSO_ERROR : read_result(path, r);
}

int bso_regret_box_read(const char *path, bso_regret_box *b)
{
    memset(b, 0, sizeof *b);
    return bso_h5_rehearse(path, rehearse_box, (void *)(uintptr_t)path) ? BSO_ERROR : read_box(path, b);
}
