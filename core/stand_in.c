/* stand_in.c: finding and making stand-ins; what each is made of is its own file's in datasets/. See
 * stand_in.h. */
#define _GNU_SOURCE
#include "core/stand_in.h"

#include "core/cache.h"
#include "core/error.h"
#include "core/file.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const bso_stand_in *bso_stand_in_find(const char *dataset)
{
    char known[512] = "";
    size_t used = 0;
    for (const bso_stand_in *const *s = bso_stand_ins; *s; s++) {
        if (strcmp((*s)->dataset, dataset) == 0) return *s;
        int n = snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", (*s)->dataset);
        if (n > 0 && (size_t)n < sizeof known - used) used += (size_t)n;
    }
    bso_fail("dataset: there is no stand-in for '%s'; there are some for %s", dataset, used ? known : "none");
    return NULL;
}

int bso_stand_in_path(char *path, const char *folder, const char *name, bool make)
{
    int n = snprintf(path, BSO_PATH, "%s/%s", folder, name);
    if (n < 0 || n >= BSO_PATH) return bso_fail("%s: the path of a file in it is too long", folder);
    return make ? bso_file_directory(path) : 0;
}

int bso_stand_in_write(const char *path, const void *bytes, size_t count)
{
    FILE *file = fopen(path, "wb");
    if (!file) return bso_fail("%s: cannot be written: %s", path, strerror(errno));
    bool ok = fwrite(bytes, 1, count, file) == count;
    int cause = errno;
    if (fclose(file) && ok) {
        ok = false;
        cause = errno;
    }
    return ok ? 0 : bso_fail("%s: cannot be written: %s", path, strerror(cause));
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

static void remove_tree(const char *folder)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int write_mark(const char *folder, const bso_stand_in *stand_in)
{
    char path[BSO_PATH], text[1024];
    int n = snprintf(text, sizeof text, "%s\n%s\nMade by `bso data make`; these are not the files of %s.\n",
                     stand_in->shown, stand_in->summary, stand_in->dataset);
    if (bso_stand_in_path(path, folder, BSO_STAND_IN_MARK, false)) return BSO_ERROR;
    return bso_file_write(path, text, (size_t)n);
}

int bso_stand_in_make(const bso_stand_in *stand_in, const char *folder, int per_class, uint64_t seed)
{
    char beside[BSO_PATH];
    int n = snprintf(beside, sizeof beside, "%s.tmp.%ld", folder, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof beside) return bso_fail("%.60s...: the path is too long", folder);
    /* Somebody's files are never replaced; an empty folder is. */
    if (rmdir(folder) && errno != ENOENT)
        return bso_fail("%s: %s; choose a folder that is not there", folder, strerror(errno));
    if (bso_file_directory(beside)) return BSO_ERROR;
    int rc = stand_in->make(beside, per_class > 0 ? per_class : stand_in->per_class, seed);
    if (!rc) rc = write_mark(beside, stand_in);
    if (!rc && rename(beside, folder)) rc = bso_fail("%s: cannot be made: %s", folder, strerror(errno));
    if (rc) remove_tree(beside);
    return rc;
}

int bso_stand_in_folder(char *folder, const bso_stand_in *stand_in, const bso_settings *s)
{
    char cache[BSO_PATH], all[BSO_PATH], name[BSO_WORD];
    snprintf(name, sizeof name, "%s-%d", stand_in->dataset, stand_in->version);
    if (bso_cache_folder(cache, s)) return BSO_ERROR;
    if (!*cache)
        return bso_fail("dataset: a stand-in is kept in the cache, and cache=off; set it to a folder");
    if (bso_stand_in_path(all, cache, "stand-ins", true) || bso_stand_in_path(folder, all, name, false))
        return BSO_ERROR;
    struct stat status;
    if (stat(folder, &status) == 0) return 0;
    int lock = bso_cache_lock(all, name);
    if (lock < 0) return BSO_ERROR;
    int rc = 0;
    if (stat(folder, &status)) rc = bso_stand_in_make(stand_in, folder, 0, 1);
    close(lock);
    return rc;
}

int bso_stand_in_source(bso_dataset *fashion)
{
    bso_settings s;
    bso_settings_default(&s);
    if (bso_settings_set(&s, "dataset", "fashion-mnist")) return BSO_ERROR;
    if (bso_dataset_open(fashion, &s)) return bso_fail_context("a stand-in is made of Fashion-MNIST");
    if (fashion->height == BSO_FASHION_SIDE && fashion->width == BSO_FASHION_SIDE) return 0;
    bso_fail("a stand-in is made of Fashion-MNIST, whose pictures are %d x %d, not %d x %d", BSO_FASHION_SIDE,
             BSO_FASHION_SIDE, fashion->height, fashion->width);
    bso_dataset_close(fashion);
    return BSO_ERROR;
}
