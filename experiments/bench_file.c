/* bench_file.c: the files of `bso bench`, written and read back, which may be anything. See bench.h; the
 * format is in docs/formats.md.
 *
 * A part is a group of columns. Columns of text are attributes with a semicolon between entries: a group or
 * string object for each entry would take more room than its numbers.
 */
#include "experiments/bench.h"

#include "core/error.h"
#include "core/kernels.h"
#include "core/memory.h"
#include "core/record.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FORMAT "bso-bench"
enum { VERSION = 1, COLUMN = 60000 }; /* HDF5 refuses attributes of 64 KiB */

typedef struct {
    const char *name;
    size_t offset;
} column;

static const column texts[] = {{"what", offsetof(bso_bench_entry, what)},
                               {"of", offsetof(bso_bench_entry, of)},
                               {"variant", offsetof(bso_bench_entry, variant)},
                               {"detail", offsetof(bso_bench_entry, detail)},
                               {"path", offsetof(bso_bench_entry, path)},
                               {"unit", offsetof(bso_bench_entry, unit)},
                               {NULL, 0}};
static const column numbers[] = {{"work", offsetof(bso_bench_entry, work)},
                                 {"bytes", offsetof(bso_bench_entry, bytes)},
                                 {"x", offsetof(bso_bench_entry, x)},
                                 {NULL, 0}};
static const column samples[] = {{"seconds", offsetof(bso_bench_entry, seconds)},
                                 {"reference_seconds", offsetof(bso_bench_entry, reference)},
                                 {NULL, 0}};

static char *text_of(const bso_bench_entry *e, size_t offset)
{
    return (char *)(uintptr_t)e + offset;
}

static double *number_of(const bso_bench_entry *e, size_t offset)
{
    return (double *)(void *)((char *)(uintptr_t)e + offset);
}

/* ---- life ---- */

int bso_bench_room(bso_bench_file *file)
{
    file->entries = 0;
    file->entry = bso_alloc(BSO_MEM_LOG, BSO_BENCH_ENTRIES, sizeof *file->entry, "measurements");
    return file->entry ? 0 : BSO_ERROR;
}

void bso_bench_free(bso_bench_file *file)
{
    bso_free(file->entry);
    *file = (bso_bench_file){.entries = 0};
}

/* ---- writing ---- */

/* The entries of a part are together, or there are none: their number, and the first. */
static int part_of(const bso_bench_file *f, bso_bench_part part, const bso_bench_entry **entries, int room)
{
    int n = 0;
    for (int i = 0; i < f->entries && n < room; i++) {
        if (f->entry[i].part == part) entries[n++] = &f->entry[i];
    }
    return n;
}

static void put_text(bso_h5_writer *w, const char *group, const column *c, const bso_bench_entry *const *e,
                     int n, char *room)
{
    size_t used = 0;
    *room = '\0';
    for (int i = 0; i < n; i++) {
        const char *text = text_of(e[i], c->offset);
        if (used + strlen(text) + 2 > COLUMN || strchr(text, ';')) {
            bso_h5_check(w, false, c->name);
            return;
        }
        used += (size_t)sprintf(room + used, "%s%s", i ? ";" : "", text);
    }
    bso_h5_put_text(w, group, c->name, room);
}

/* scratch: for COLUMN characters, or all samples of all entries. */
static void put_part(bso_h5_writer *w, const bso_bench_file *f, bso_bench_part part, void *scratch)
{
    const bso_bench_entry *e[BSO_BENCH_ENTRIES];
    const int n = part_of(f, part, e, BSO_BENCH_ENTRIES);
    char group[32], path[64];
    double *values = scratch;
    int most = 1;
    for (int i = 0; i < n; i++) most = e[i]->samples > most ? e[i]->samples : most;
    const hsize_t dims[2] = {(hsize_t)n, (hsize_t)most};
    snprintf(group, sizeof group, "/%s", bso_bench_part_name(part));
    bso_h5_group(w, group);
    for (const column *c = texts; c->name; c++) put_text(w, group, c, e, n, scratch);
    for (const column *c = numbers; c->name; c++) {
        for (int i = 0; i < n; i++) values[i] = *number_of(e[i], c->offset);
        snprintf(path, sizeof path, "%s/%s", group, c->name);
        bso_h5_put_array(w, path, H5T_NATIVE_DOUBLE, 1, dims, values);
    }
    for (const column *c = samples; c->name; c++) {
        for (int i = 0; i < n; i++) {
            for (int k = 0; k < most; k++)
                values[i * most + k] = k < e[i]->samples ? number_of(e[i], c->offset)[k] : NAN;
        }
        snprintf(path, sizeof path, "%s/%s", group, c->name);
        bso_h5_put_array(w, path, H5T_NATIVE_DOUBLE, 2, dims, values);
    }
}

static void *scratch_room(void)
{
    const size_t all = (size_t)BSO_BENCH_ENTRIES * BSO_BENCH_SAMPLES * sizeof(double);
    return bso_alloc(BSO_MEM_LOG, all > COLUMN ? all : COLUMN, 1, "measurements");
}

int bso_bench_write(const char *path, const bso_bench_file *file, const char *command)
{
    bso_h5_writer w;
    void *scratch = scratch_room();
    if (!scratch) return BSO_ERROR;
    int status = bso_h5_create(&w, path, FORMAT, VERSION);
    if (!status) {
        bso_run run = {.threads = file->threads};
        memcpy(run.started, file->started, sizeof run.started);
        memcpy(run.ended, file->ended, sizeof run.ended);
        memcpy(run.kernel_path, file->kernel_path, sizeof run.kernel_path);
        bso_h5_group(&w, "/config");
        bso_h5_put_integer(&w, "/config", "quick", file->quick);
        bso_record_provenance(&w, &run, command);
        for (int part = 0; part < BSO_BENCH_PARTS; part++) put_part(&w, file, (bso_bench_part)part, scratch);
        status = bso_h5_finish(&w);
    }
    bso_free(scratch);
    return status;
}

/* ---- reading ---- */

static int get_text(const bso_h5_reader *r, const char *group, const column *c, bso_bench_entry *e, int n,
                    char *room)
{
    if (bso_h5_get_text(r, group, c->name, room, COLUMN)) return BSO_ERROR;
    const char *at = room;
    for (int i = 0; i < n; i++) {
        const size_t length = strcspn(at, ";");
        if (length >= BSO_BENCH_TEXT || (at[length] == ';') != (i < n - 1))
            return bso_fail("%s: %s: %s: not %d texts of less than %d bytes", r->path, group, c->name, n,
                            BSO_BENCH_TEXT);
        memcpy(text_of(&e[i], c->offset), at, length);
        at += length + 1;
    }
    return n || !*room ? 0 : bso_fail("%s: %s: %s: there are no entries", r->path, group, c->name);
}

static int check_entry(const bso_h5_reader *r, const char *group, const bso_bench_entry *e)
{
    bool right = e->work > 0 && isfinite(e->work) && e->bytes >= 0 && isfinite(e->bytes) && e->x >= 0 &&
                 isfinite(e->x) && e->samples > 0;
    for (int i = 0; i < e->samples; i++) {
        right = right && e->seconds[i] > 0 && isfinite(e->seconds[i]) &&
                (isnan(e->reference[i]) || (e->reference[i] > 0 && isfinite(e->reference[i])));
    }
    return right ? 0 : bso_fail("%s: %s: '%s' makes no sense", r->path, group, e->what);
}

static int get_samples(const bso_h5_reader *r, const char *group, bso_bench_entry *e, int n, double *values)
{
    char path[64];
    int rank;
    hsize_t dims[BSO_H5_RANK];
    snprintf(path, sizeof path, "%s/seconds", group);
    if (bso_h5_shape(r, path, &rank, dims)) return BSO_ERROR;
    if (rank != 2 || dims[0] != (hsize_t)n || dims[1] < 1 || dims[1] > BSO_BENCH_SAMPLES)
        return bso_fail("%s: %s: not %d times 1 to %d numbers", r->path, path, n, BSO_BENCH_SAMPLES);
    const int most = (int)dims[1];
    for (const column *c = samples; c->name; c++) {
        snprintf(path, sizeof path, "%s/%s", group, c->name);
        if (bso_h5_get_doubles(r, path, 2, dims, values)) return BSO_ERROR;
        for (int i = 0; i < n; i++) {
            memcpy(number_of(&e[i], c->offset), values + i * most, (size_t)most * sizeof *values);
        }
    }
    for (int i = 0; i < n; i++) {
        while (e[i].samples < most && !isnan(e[i].seconds[e[i].samples])) e[i].samples++;
    }
    return 0;
}

static int get_part(const bso_h5_reader *r, bso_bench_part part, bso_bench_file *f, void *scratch)
{
    char group[32], path[64];
    int rank;
    hsize_t dims[BSO_H5_RANK];
    double *values = scratch;
    snprintf(group, sizeof group, "/%s", bso_bench_part_name(part));
    snprintf(path, sizeof path, "%s/work", group);
    if (bso_h5_shape(r, path, &rank, dims)) return BSO_ERROR;
    if (rank != 1 || dims[0] > (hsize_t)(BSO_BENCH_ENTRIES - f->entries))
        return bso_fail("%s: %s: more than %d numbers", r->path, path, BSO_BENCH_ENTRIES);
    const int n = (int)dims[0];
    bso_bench_entry *e = f->entry + f->entries;
    for (int i = 0; i < n; i++) e[i].part = part;
    for (const column *c = texts; c->name; c++) {
        if (get_text(r, group, c, e, n, scratch)) return BSO_ERROR;
    }
    for (const column *c = numbers; c->name; c++) {
        snprintf(path, sizeof path, "%s/%s", group, c->name);
        if (bso_h5_get_doubles(r, path, 1, dims, values)) return BSO_ERROR;
        for (int i = 0; i < n; i++) *number_of(&e[i], c->offset) = values[i];
    }
    if (get_samples(r, group, e, n, values)) return BSO_ERROR;
    for (int i = 0; i < n; i++) {
        if (check_entry(r, group, &e[i])) return BSO_ERROR;
    }
    f->entries += n;
    return 0;
}

static int get_all(const bso_h5_reader *r, bso_bench_file *f, void *scratch)
{
    int64_t quick, threads;
    if (bso_h5_get_integer(r, "/config", "quick", 0, 1, &quick) ||
        bso_h5_get_integer(r, "/provenance", "threads", 1, 1 << 20, &threads) ||
        bso_h5_get_text(r, "/provenance", "started", f->started, sizeof f->started) ||
        bso_h5_get_text(r, "/provenance", "ended", f->ended, sizeof f->ended) ||
        bso_h5_get_text(r, "/provenance", "commit", f->commit, sizeof f->commit) ||
        bso_h5_get_text(r, "/provenance", "cpu", f->cpu, sizeof f->cpu) ||
        bso_h5_get_text(r, "/provenance", "kernel_path", f->kernel_path, sizeof f->kernel_path))
        return BSO_ERROR;
    f->quick = quick;
    f->threads = (int)threads;
    for (int part = 0; part < BSO_BENCH_PARTS; part++) {
        if (get_part(r, (bso_bench_part)part, f, scratch)) return BSO_ERROR;
    }
    return 0;
}

static void name_after(const char *path, char name[BSO_BENCH_TEXT])
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t length = strlen(base);
    if (length > 3 && strcmp(base + length - 3, ".h5") == 0) length -= 3;
    snprintf(name, BSO_BENCH_TEXT, "%.*s", (int)length, base);
}

static int read_file(const char *path, bso_bench_file *f)
{
    bso_h5_reader r;
    *f = (bso_bench_file){.entries = 0};
    if (bso_h5_open(&r, path)) return BSO_ERROR;
    void *scratch = NULL;
    int status = bso_h5_require(&r, FORMAT, VERSION) || bso_bench_room(f) || !(scratch = scratch_room())
                     ? BSO_ERROR
                     : get_all(&r, f, scratch);
    bso_free(scratch);
    bso_h5_close(&r);
    if (status) bso_bench_free(f);
    name_after(path, f->name);
    return status;
}

static int rehearse(void *user)
{
    bso_bench_file file;
    const int status = read_file(user, &file);
    bso_bench_free(&file);
    return status;
}

int bso_bench_read(const char *path, bso_bench_file *file)
{
    char name[BSO_TEXT * 4];
    snprintf(name, sizeof name, "%s", path);
    *file = (bso_bench_file){.entries = 0};
    return bso_h5_rehearse(path, rehearse, name) ? BSO_ERROR : read_file(path, file);
}
