/* data_check.c: `bso data check`: every file of a data set, one by one, then the set as a whole. */
#define _GNU_SOURCE
#include "experiments/data.h"

#include "core/error.h"
#include "core/memory.h"
#include "core/notice.h"
#include "core/stand_in.h"
#include "experiments/program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { DEPTH_MAX = 4, STEP = 1 << 16 };

typedef struct {
    const bso_dataset_format *format;
    size_t files, problems;
} checker;

/* One file of a folder. */
typedef struct {
    const char *name;
    uint64_t bytes;
    uint32_t crc;
    bool sample; /* one of many alike */
} entry;

static bool is_sample(const checker *c, const char *name)
{
    size_t length = strlen(name);
    for (const char *const *e = c->format->endings; e && *e; e++) {
        size_t n = strlen(*e);
        if (length > n && strcasecmp(name + length - n, *e) == 0) return true;
    }
    return false;
}

/* Its length and CRC-32. */
static int read_through(const char *path, entry *e)
{
    uint8_t step[STEP];
    int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) return bso_fail("%s: %s", path, strerror(errno));
    uLong crc = 0;
    ssize_t n;
    while ((n = read(file, step, sizeof step)) > 0) {
        crc = crc32_z(crc, step, (size_t)n);
        e->bytes += (uint64_t)n;
    }
    int cause = errno;
    close(file);
    e->crc = (uint32_t)crc;
    return n < 0 ? bso_fail("%s: cannot be read: %s", path, strerror(cause)) : 0;
}

static void tell(checker *c)
{
#pragma omp critical(bso_data_check)
    {
        c->problems++;
        printf("  PROBLEM: %s\n", bso_error());
    }
}

static void check_files(checker *c, const char *folder, entry *entries, size_t n)
{
#pragma omp parallel for schedule(dynamic)
    for (size_t i = 0; i < n; i++) {
        char path[BSO_PATH];
        if (bso_stop_requested) continue;
        int length = snprintf(path, sizeof path, "%s/%s", folder, entries[i].name);
        int rc = length < 0 || (size_t)length >= sizeof path ? bso_fail("%s: the path is too long", folder)
                                                             : read_through(path, &entries[i]);
        if (!rc && entries[i].sample) rc = c->format->check_file(path);
        if (rc) tell(c);
    }
}

/* A line for each file; one for all samples of a folder together. A file's name may hold anything. */
static void print_files(const char *shown, const entry *entries, size_t n)
{
    char line[BSO_PATH];
    size_t samples = 0;
    uint64_t bytes = 0;
    uLong crc = 0;
    for (size_t i = 0; i < n; i++) {
        if (entries[i].sample) {
            samples++;
            bytes += entries[i].bytes;
            crc = crc32_z(crc, (const Bytef *)&entries[i].crc, sizeof entries[i].crc);
            continue;
        }
        snprintf(line, sizeof line, "%s%s%s", shown, *shown ? "/" : "", entries[i].name);
        bso_one_line(line);
        printf("  %-40s %14" PRIu64 " bytes  crc32 %08" PRIx32 "\n", line, entries[i].bytes, entries[i].crc);
    }
    if (!samples) return;
    snprintf(line, sizeof line, "%s", shown);
    bso_one_line(line);
    printf("  %-40s %14" PRIu64 " bytes  crc32 %08lx  %zu files\n", line, bytes, crc, samples);
}

static int check_folder(checker *c, const char *folder, const char *shown, int depth);

/* What an entry is: a folder is gone into, a file put into `entries`. */
static int sort_entry(checker *c, const char *folder, const char *shown, const char *name, int depth,
                      entry *entries, size_t *n)
{
    char path[BSO_PATH], below[BSO_PATH];
    struct stat status;
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path || stat(path, &status)) {
        bso_fail("%s/%s: %s", folder, name, length < (int)sizeof path ? strerror(errno) : "too long a path");
        tell(c);
        return 0;
    }
    if (S_ISDIR(status.st_mode)) {
        snprintf(below, sizeof below, "%s%s%s", shown, *shown ? "/" : "", name);
        return check_folder(c, path, below, depth + 1);
    }
    if (S_ISREG(status.st_mode)) {
        entries[(*n)++] = (entry){.name = name, .sample = is_sample(c, name)};
        return 0;
    }
    bso_fail("%s: not a regular file", path);
    tell(c);
    return 0;
}

static int check_folder(checker *c, const char *folder, const char *shown, int depth)
{
    if (depth > DEPTH_MAX) return bso_fail("%s: folders in folders in folders; is this a loop?", folder);
    struct dirent **names;
    int found = scandir(folder, &names, NULL, alphasort);
    if (found < 0) {
        bso_fail("%s: %s", folder, strerror(errno));
        tell(c);
        return 0;
    }
    entry *entries = bso_alloc(BSO_MEM_DATASET, (size_t)found, sizeof *entries, "the list of files");
    int rc = entries ? 0 : BSO_ERROR;
    size_t n = 0;
    for (int i = 0; i < found && !rc; i++) {
        if (*names[i]->d_name == '.') continue;
        rc = sort_entry(c, folder, shown, names[i]->d_name, depth, entries, &n);
    }
    if (!rc) {
        check_files(c, folder, entries, n);
        print_files(shown, entries, n);
        c->files += n;
    }
    bso_free(entries);
    for (int i = 0; i < found; i++) free(names[i]);
    free(names);
    return rc ? rc : bso_stop_requested ? BSO_INTERRUPTED : 0;
}

static int count_classes(const bso_dataset *d)
{
    size_t *counts = bso_alloc(BSO_MEM_DATASET, 2 * (size_t)d->classes, sizeof *counts, "counts of classes");
    if (!counts) return BSO_ERROR;
    for (size_t i = 0; i < d->train_count; i++) counts[2 * d->label(d, BSO_SPLIT_TRAIN, i)]++;
    for (size_t i = 0; i < d->test_count; i++) counts[2 * d->label(d, BSO_SPLIT_TEST, i) + 1]++;
    printf("  class                       training      test\n");
    for (int c = 0; c < d->classes; c++) {
        char name[64];
        snprintf(name, sizeof name, "%d %s", c, d->class_names ? d->class_names[c] : "");
        bso_one_line(name);
        printf("  %-24s %11zu %9zu\n", name, counts[2 * c], counts[2 * c + 1]);
    }
    bso_free(counts);
    return 0;
}

/* Samples that are decoded when they are asked for have not been decoded by opening the set; check_file has.
 */
static int check_set(const bso_data_options *o)
{
    bso_dataset d;
    if (bso_dataset_open(&d, &o->settings)) return BSO_ERROR;
    printf("%s: %zu training and %zu test samples, %d classes, %d frame%s of %d x %d x %d\n", d.name,
           d.train_count, d.test_count, d.classes, d.frames, d.frames == 1 ? "" : "s", d.channels, d.height,
           d.width);
    if (d.checksum) printf("  crc32 of samples and labels in memory %08" PRIx32 "\n", d.checksum);
    int rc = count_classes(&d);
    bso_dataset_close(&d);
    return rc;
}

int bso_data_check(const bso_data_options *o)
{
    checker c = {.format = bso_dataset_format_find(o->settings.dataset)};
    if (!c.format) return BSO_ERROR;
    bso_settings s = o->settings;
    char folder[BSO_PATH];
    if (strncmp(s.dataset, "stand-in:", strlen("stand-in:")) == 0) {
        const bso_stand_in *stand_in = bso_stand_in_find(s.dataset + strlen("stand-in:"));
        if (!stand_in || bso_stand_in_folder(folder, stand_in, &s)) return BSO_ERROR;
        c.format = bso_dataset_format_find(stand_in->dataset);
    } else if (c.format->find && c.format->find(folder, &s)) {
        return BSO_ERROR;
    }
    if (c.format->find) {
        printf("%s\n", folder);
        int rc = check_folder(&c, folder, "", 0);
        if (rc) return rc;
        printf("%zu file%s, %zu problem%s\n", c.files, c.files == 1 ? "" : "s", c.problems,
               c.problems == 1 ? "" : "s");
    }
    if (c.problems) return 1;
    return check_set(o);
}
