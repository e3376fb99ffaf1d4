/* dataset.c: the registry of data set formats, and what formats share: finding their folder and holding
 * samples in memory. See dataset.h. Splitting, normalising and augmenting are in core/loader.c.
 */
#include "core/dataset.h"

#include "core/error.h"
#include "core/memory.h"
#include "core/stand_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

/* ---- samples in memory ---- */

size_t bso_dataset_values(const bso_dataset *d)
{
    return (size_t)d->frames * (size_t)d->channels * (size_t)d->height * (size_t)d->width;
}

static int fetch_bytes(const bso_dataset *d, bso_split split, size_t index, const bso_view *view, float *out)
{
    (void)view;
    const bso_samples *held = d->private;
    size_t n = bso_dataset_values(d);
    const uint8_t *in = (const uint8_t *)held->pixels[split] + index * n;
    for (size_t i = 0; i < n; i++) out[i] = (float)in[i] / 255.0f;
    return 0;
}

static int fetch_floats(const bso_dataset *d, bso_split split, size_t index, const bso_view *view, float *out)
{
    (void)view;
    const bso_samples *held = d->private;
    size_t n = bso_dataset_values(d);
    memcpy(out, (const float *)held->pixels[split] + index * n, n * sizeof *out);
    return 0;
}

static int held_label(const bso_dataset *d, bso_split split, size_t index)
{
    const bso_samples *held = d->private;
    return held->labels[split][index];
}

static void release(bso_dataset *d)
{
    bso_samples *held = d->private;
    for (int split = 0; split < BSO_SPLITS; split++) {
        bso_free(held->pixels[split]);
        bso_free(held->labels[split]);
    }
    bso_free(held);
}

bso_samples *bso_dataset_hold(bso_dataset *d, size_t element)
{
    size_t bytes = element,
           counts[BSO_SPLITS] = {[BSO_SPLIT_TRAIN] = d->train_count, [BSO_SPLIT_TEST] = d->test_count};
    const int dims[] = {d->frames, d->channels, d->height, d->width};
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
        if (__builtin_mul_overflow(bytes, (size_t)dims[i], &bytes)) {
            bso_fail("dataset: a sample of %d x %d x %d x %d values is more than can be addressed", dims[0],
                     dims[1], dims[2], dims[3]);
            return NULL;
        }
    }
    bso_samples *held = bso_alloc(BSO_MEM_DATASET, 1, sizeof *held, "the data set");
    if (!held) return NULL;
    d->private = held;
    d->fetch = element == 1 ? fetch_bytes : fetch_floats;
    d->pictures = element == 1;
    d->label = held_label;
    d->close = release;
    for (int split = 0; split < BSO_SPLITS; split++) {
        if (!counts[split]) continue;
        held->pixels[split] = bso_alloc(BSO_MEM_DATASET, counts[split], bytes, "the data set's samples");
        if (!held->pixels[split]) return NULL;
        held->labels[split] =
            bso_alloc(BSO_MEM_DATASET, counts[split], sizeof **held->labels, "the data set's labels");
        if (!held->labels[split]) return NULL;
    }
    return held;
}

/* What was trained on, in four bytes, for the result file. */
static uint32_t checksum(const bso_dataset *d)
{
    if (d->close != release) return d->checksum;
    const bso_samples *held = d->private;
    size_t bytes = bso_dataset_values(d) * (d->fetch == fetch_bytes ? sizeof(uint8_t) : sizeof(float));
    size_t counts[BSO_SPLITS] = {[BSO_SPLIT_TRAIN] = d->train_count, [BSO_SPLIT_TEST] = d->test_count};
    uLong crc = 0;
    for (int split = 0; split < BSO_SPLITS; split++) {
        if (!held->pixels[split]) continue;
        crc = crc32_z(crc, held->pixels[split], counts[split] * bytes);
        crc = crc32_z(crc, (const Bytef *)held->labels[split], counts[split] * sizeof **held->labels);
    }
    return (uint32_t)crc;
}

/* ---- opening ---- */

static bool is_called(const bso_dataset_format *f, const char *name)
{
    return f->argument ? strncmp(name, f->name, strlen(f->name)) == 0 : strcmp(name, f->name) == 0;
}

const bso_dataset_format *bso_dataset_format_find(const char *name)
{
    char known[512] = "";
    size_t used = 0;
    for (const bso_dataset_format *const *f = bso_dataset_formats; *f; f++) {
        if (is_called(*f, name)) return *f;
        int n = snprintf(known + used, sizeof known - used, "%s%s%s", used ? ", " : "", (*f)->name,
                         (*f)->argument ? (*f)->argument : "");
        if (n > 0 && (size_t)n < sizeof known - used) used += (size_t)n;
    }
    bso_fail("dataset: no data set is called '%s'; there are %s", name, known);
    return NULL;
}

static bool looks_at(const bso_dataset_format *f, const char *key)
{
    for (const char *const *k = f->keys; k && *k; k++) {
        if (strcmp(*k, key) == 0) return true;
    }
    return false;
}

/* Whoever sets a key expects it to change something. */
static int check_keys(const bso_dataset_format *f, const bso_settings *s)
{
    static const char *const choices[] = {"image_size",   "subset_classes", "subset_per_class",
                                          "event_slices", "test_split",     "speech_classes"};
    bso_settings plain;
    bso_settings_default(&plain);
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        char set[BSO_TEXT], usual[BSO_TEXT];
        if (bso_settings_get(s, choices[i], set, sizeof set) ||
            bso_settings_get(&plain, choices[i], usual, sizeof usual))
            return BSO_ERROR;
        if (strcmp(set, usual) != 0 && !looks_at(f, choices[i]))
            return bso_fail("%s=%s: data set %s leaves no such choice; take the key away", choices[i], set,
                            s->dataset);
    }
    return 0;
}

int bso_dataset_open(bso_dataset *d, const bso_settings *s)
{
    memset(d, 0, sizeof *d);
    /* Planned memory must not be touched, and a data set's shape is known only by reading it. */
    if (bso_mem_planning())
        return bso_fail("dataset: %s must be opened before plan mode is switched on", s->dataset);
    const bso_dataset_format *f = bso_dataset_format_find(s->dataset);
    if (!f) return BSO_ERROR;
    const char *argument = f->argument ? s->dataset + strlen(f->name) : "";
    if (f->argument && !*argument)
        return bso_fail("dataset: %s needs a name after the colon, as in %s%s", f->name, f->name,
                        f->argument);
    if (check_keys(f, s)) return BSO_ERROR;
    int rc = f->open(d, argument, s);
    if (rc) {
        bso_dataset_close(d);
    } else {
        d->checksum = checksum(d);
    }
    return rc;
}

void bso_dataset_close(bso_dataset *d)
{
    if (d->close) d->close(d);
    bso_free(d->class_names);
    memset(d, 0, sizeof *d);
}

int bso_dataset_name_classes(bso_dataset *d, const char *const *names)
{
    size_t classes = (size_t)d->classes, bytes = classes * sizeof *names;
    for (size_t c = 0; c < classes; c++) bytes += strlen(names[c]) + 1;
    /* Pointers, and behind them what they point to. */
    d->class_names = bso_alloc(BSO_MEM_DATASET, bytes, 1, "the names of classes");
    if (!d->class_names) return BSO_ERROR;
    char *at = (char *)(d->class_names + classes);
    for (size_t c = 0; c < classes; c++) {
        size_t length = strlen(names[c]) + 1;
        d->class_names[c] = memcpy(at, names[c], length);
        at += length;
    }
    return 0;
}

void bso_dataset_call(bso_dataset *d, const char *shown, const char *folder)
{
    snprintf(d->name, sizeof d->name, "%s", shown);
    char path[BSO_PATH], line[sizeof d->name];
    int n = snprintf(path, sizeof path, "%s/" BSO_STAND_IN_MARK, folder);
    struct stat status;
    if (n < 0 || (size_t)n >= sizeof path || lstat(path, &status)) return;
    d->stand_in = true;
    /* A mark that says nothing, or cannot be read, is a mark all the same. Opening a pipe would wait. */
    FILE *mark = stat(path, &status) == 0 && S_ISREG(status.st_mode) ? fopen(path, "r") : NULL;
    if (!mark || !fgets(line, sizeof line, mark)) *line = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    bso_one_line(line);
    snprintf(d->name, sizeof d->name, "%s", *line ? line : "stand-in without a name");
    if (mark) fclose(mark);
}

/* ---- where the files are ---- */

static bool holds_any(const char *folder, const char *const *files)
{
    for (; *files; files++) {
        char path[BSO_PATH];
        struct stat status;
        int n = snprintf(path, sizeof path, "%s/%s", folder, *files);
        if (n >= 0 && (size_t)n < sizeof path && stat(path, &status) == 0) return true;
    }
    return false;
}

int bso_dataset_folder(char *folder, const char *data_dir, const char *subfolder, const char *const *files,
                       const char *package, const char *advice)
{
    const char *root = data_dir, *system = NULL;
    if (!*data_dir) {
        root = getenv("BSO_DATA_DIR");
        if (root && !*root) root = NULL;
        system = package;
    }
    const char *candidates[][2] = {{root, ""}, {root, subfolder}, {system, ""}};
    char looked[1024] = "";
    size_t used = 0;
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
        const char *in = candidates[i][0], *below = candidates[i][1];
        if (!in) continue;
        int n = snprintf(folder, BSO_PATH, "%s%s%s", in, *below ? "/" : "", below);
        if (n >= 0 && n < BSO_PATH && holds_any(folder, files)) return 0;
        n = snprintf(looked + used, sizeof looked - used, "%s%s", used ? ", nor in " : "", folder);
        if (n >= 0 && (size_t)n < sizeof looked - used) used += (size_t)n;
    }
    if (!used) return bso_fail("dataset: no folder given to look for %s in; %s", *files, advice);
    return bso_fail("dataset: no %s in %s; %s", *files, looked, advice);
}
