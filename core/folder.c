/* folder.c: listing folders of class folders. See folder.h. */
#define _GNU_SOURCE
#include "core/folder.h"

#include "core/error.h"
#include "core/memory.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <zlib.h>

enum { CLASSES_MAX = 65536 };

/* Room for `more` elements behind `used`; doubling, since nobody knows how many files there are. */
static int reserve(void **block, size_t *room, size_t used, size_t more, size_t size)
{
    if (more <= *room - used) return 0;
    size_t wanted = *room + *room / 2 + more + 1024;
    void *grown = bso_alloc(BSO_MEM_DATASET, wanted, size, "the list of files");
    if (!grown) return BSO_ERROR;
    if (*block) memcpy(grown, *block, used * size);
    bso_free(*block);
    *block = grown;
    *room = wanted;
    return 0;
}

static int add_name(bso_listing *l, const char *name)
{
    size_t length = strlen(name) + 1;
    void *names = l->names, *at = l->at;
    int rc = reserve(&names, &l->names_room, l->names_used, length, 1);
    if (!rc) rc = reserve(&at, &l->at_room, l->at_used, 1, sizeof *l->at);
    l->names = names;
    l->at = at;
    if (rc) return rc;
    memcpy(l->names + l->names_used, name, length);
    l->at[l->at_used++] = l->names_used;
    l->names_used += length;
    return 0;
}

static int by_name(const void *a, const void *b, void *names)
{
    return strcmp((const char *)names + *(const uint64_t *)a, (const char *)names + *(const uint64_t *)b);
}

/* Put the names from number `from` on in order and forget those beyond `most` (0: none). */
static void sort_names(bso_listing *l, size_t from, size_t most)
{
    size_t n = l->at_used - from;
    if (n) qsort_r(l->at + from, n, sizeof *l->at, by_name, l->names);
    if (most && n > most) l->at_used = from + most;
}

static bool ends_in(const char *name, const char *const *endings)
{
    size_t length = strlen(name);
    for (; *endings; endings++) {
        size_t n = strlen(*endings);
        if (length > n && strcasecmp(name + length - n, *endings) == 0) return true;
    }
    return false;
}

/* Add the class folders of root, or the files of a class folder (endings set). */
static int add_entries(bso_listing *l, const char *folder, const char *const *endings)
{
    DIR *d = opendir(folder);
    if (!d) return bso_fail("%s: %s", folder, strerror(errno));
    int rc = 0;
    for (struct dirent *e; !rc && (errno = 0, e = readdir(d));) {
        if (*e->d_name == '.' || *e->d_name == '_') continue;
        if (endings && !ends_in(e->d_name, endings)) continue;
        /* Most file systems tell the kind at once; a call for each of a million files would take a minute. */
        bool wanted = e->d_type == (endings ? DT_REG : DT_DIR);
        struct stat status;
        if (!wanted && fstatat(dirfd(d), e->d_name, &status, 0)) {
            rc = bso_fail("%s/%s: %s", folder, e->d_name, strerror(errno));
        } else if (!wanted) {
            wanted = endings ? S_ISREG(status.st_mode) : S_ISDIR(status.st_mode);
            if (endings && !wanted) rc = bso_fail("%s/%s: not a regular file", folder, e->d_name);
        }
        if (!rc && wanted) rc = add_name(l, e->d_name);
    }
    if (!rc && errno) rc = bso_fail("%s: %s", folder, strerror(errno));
    closedir(d);
    return rc;
}

static int list(bso_listing *l, const char *const *endings, size_t classes_max, size_t per_class)
{
    if (add_entries(l, l->root, NULL)) return BSO_ERROR;
    sort_names(l, 0, classes_max);
    l->classes = l->at_used;
    if (l->classes == 0) return bso_fail("%s: no class folders in it", l->root);
    if (l->classes > CLASSES_MAX)
        return bso_fail("%s: %zu class folders, more than the %d supported", l->root, l->classes,
                        CLASSES_MAX);
    void *first = NULL;
    if (reserve(&first, &l->first_room, 0, l->classes + 1, sizeof *l->first)) return BSO_ERROR;
    l->first = first;
    for (size_t c = 0; c < l->classes; c++) {
        char folder[BSO_PATH];
        if (bso_file_path(folder, l->root, bso_listing_class(l, c))) return BSO_ERROR;
        size_t from = l->at_used;
        if (add_entries(l, folder, endings)) return BSO_ERROR;
        if (l->at_used == from) return bso_fail("%s: no %s files in it", folder, *endings);
        sort_names(l, from, per_class);
        l->first[c + 1] = l->at_used - l->classes;
        if (l->first[c + 1] > INT32_MAX) return bso_fail("%s: more files than can be counted", l->root);
    }
    l->count = l->first[l->classes];
    return 0;
}

int bso_listing_open(bso_listing *l, const char *root, const char *const *endings, size_t classes_max,
                     size_t per_class)
{
    memset(l, 0, sizeof *l);
    int n = snprintf(l->root, sizeof l->root, "%s", root);
    if (n < 0 || (size_t)n >= sizeof l->root) return bso_fail("%.60s...: the path is too long", root);
    int rc = list(l, endings, classes_max, per_class);
    if (rc) bso_listing_close(l);
    return rc;
}

void bso_listing_close(bso_listing *l)
{
    bso_free(l->names);
    bso_free(l->at);
    bso_free(l->first);
    memset(l, 0, sizeof *l);
}

const char *bso_listing_class(const bso_listing *l, size_t c)
{
    return l->names + l->at[c];
}

size_t bso_listing_first(const bso_listing *l, size_t c)
{
    return l->first[c];
}

size_t bso_listing_class_of(const bso_listing *l, size_t file)
{
    size_t low = 0, high = l->classes; /* first[low] <= file < first[high] */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (l->first[middle] <= file) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

const char *bso_listing_file(const bso_listing *l, size_t file)
{
    return l->names + l->at[l->classes + file];
}

int bso_listing_path(const bso_listing *l, size_t file, char *path)
{
    int n = snprintf(path, BSO_PATH, "%s/%s/%s", l->root, bso_listing_class(l, bso_listing_class_of(l, file)),
                     bso_listing_file(l, file));
    if (n < 0 || n >= BSO_PATH) return bso_fail("%s: the path of a file in it is too long", l->root);
    return 0;
}

uint32_t bso_listing_checksum(const bso_listing *l, uint32_t crc)
{
    uLong sum = crc32_z(crc, (const Bytef *)l->names, l->names_used);
    sum = crc32_z(sum, (const Bytef *)l->first, (l->classes + 1) * sizeof *l->first);
    return (uint32_t)sum;
}

int bso_listing_name_classes(const bso_listing *l, bso_dataset *d)
{
    const char **names = bso_alloc(BSO_MEM_DATASET, l->classes, sizeof *names, "the names of classes");
    if (!names) return BSO_ERROR;
    for (size_t c = 0; c < l->classes; c++) names[c] = bso_listing_class(l, c);
    int rc = bso_dataset_name_classes(d, names);
    bso_free(names);
    return rc;
}

int bso_listing_same_classes(const bso_listing *a, const bso_listing *b)
{
    for (size_t c = 0; c < a->classes || c < b->classes; c++) {
        int order = c >= a->classes   ? 1
                    : c >= b->classes ? -1
                                      : strcmp(bso_listing_class(a, c), bso_listing_class(b, c));
        if (order < 0)
            return bso_fail("%s: no class folder %s, which %s has", b->root, bso_listing_class(a, c),
                            a->root);
        if (order > 0)
            return bso_fail("%s: no class folder %s, which %s has", a->root, bso_listing_class(b, c),
                            b->root);
    }
    return 0;
}
