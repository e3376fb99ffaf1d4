/* stand_in.c: finding and making stand-ins; what each is made of is its own file's in datasets/. See
 * stand_in.h. */
#define _GNU_SOURCE
#include "core/stand_in.h"

#include "core/cache.h"
#include "core/error.h"
#include "core/file.h"
#include "core/many.h"
#include "core/memory.h"

#include <errno.h>
#include <ftw.h>
#include <omp.h>
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
    if (bso_file_path(path, folder, name)) return BSO_ERROR;
    return make ? bso_file_directory(path) : 0;
}

/* The part of a plan for one split. */
static int plan_split(bso_stand_in_job *jobs, const bso_dataset *fashion, bso_split split, const char *folder,
                      const char *between, const char *const names[10], const char *pattern, int per_class)
{
    size_t count = split == BSO_SPLIT_TEST ? fashion->test_count : fashion->train_count;
    char above[BSO_PATH], class[BSO_PATH], name[96];
    if (bso_stand_in_path(above, folder, between ? between : ".", between)) return BSO_ERROR;
    for (int c = 0; c < 10; c++) {
        if (bso_stand_in_path(class, above, names[c], true)) return BSO_ERROR;
        int found = 0;
        for (size_t i = 0; i < count && found < per_class; i++) {
            if (fashion->label(fashion, split, i) != c) continue;
            jobs->split = split;
            jobs->index = i;
            snprintf(name, sizeof name, pattern, found++);
            if (bso_stand_in_path(jobs->path, class, name, false)) return BSO_ERROR;
            jobs++;
        }
        if (found < per_class)
            return bso_fail("per_class: Fashion-MNIST has only %d pictures of class %d there; ask for fewer",
                            found, c);
    }
    return 0;
}

bso_stand_in_job *bso_stand_in_plan(const bso_dataset *fashion, const char *folder,
                                    const char *const names[10], const char *pattern,
                                    const char *train_folder, int train, const char *test_folder, int test)
{
    size_t n = 10 * ((size_t)train + (size_t)test);
    bso_stand_in_job *jobs = bso_alloc(BSO_MEM_DATASET, n, sizeof *jobs, "the files of a stand-in");
    if (!jobs) return NULL;
    int rc = plan_split(jobs, fashion, BSO_SPLIT_TRAIN, folder, train_folder, names, pattern, train);
    if (!rc && test) {
        rc = plan_split(jobs + 10 * (size_t)train, fashion, BSO_SPLIT_TEST, folder, test_folder, names,
                        pattern, test);
    }
    if (rc == 0) return jobs;
    bso_free(jobs);
    return NULL;
}

const char *const bso_stand_in_garments[10] = {"0-t-shirt", "1-trouser", "2-pullover", "3-dress", "4-coat",
                                               "5-sandal",  "6-shirt",   "7-sneaker",  "8-bag",   "9-boot"};

/* What do_job is told. */
struct workshop {
    const bso_dataset *fashion;
    const bso_stand_in_job *jobs;
    bso_stand_in_make_one *make;
    const void *recipe;
    size_t place_size;
    void **places; /* of each thread; made when it begins */
};

static int do_job(void *user, size_t i, int thread)
{
    const struct workshop *w = user;
    const bso_stand_in_job *j = &w->jobs[i];
    void **place = &w->places[thread];
    float picture[BSO_FASHION_SIDE * BSO_FASHION_SIDE];
    if (!*place) *place = bso_alloc(BSO_MEM_DATASET, 1, w->place_size, "room to make a stand-in");
    if (!*place || w->fashion->fetch(w->fashion, j->split, j->index, NULL, picture)) return BSO_ERROR;
    return w->make(*place, picture, i, j->path, w->recipe);
}

int bso_stand_in_do(const char *what, const bso_dataset *fashion, const bso_stand_in_job *jobs, size_t n,
                    size_t place_size, bso_stand_in_make_one *make, void (*clear)(void *place),
                    const void *recipe)
{
    size_t threads = (size_t)omp_get_max_threads();
    struct workshop w = {
        fashion, jobs,       make,
        recipe,  place_size, bso_alloc(BSO_MEM_DATASET, threads, sizeof(void *), "room to make a stand-in")};
    if (!w.places) return BSO_ERROR;
    int rc = bso_for_each(what, n, do_job, &w);
    for (size_t t = 0; t < threads; t++) {
        if (w.places[t]) clear(w.places[t]);
        bso_free(w.places[t]);
    }
    bso_free(w.places);
    return rc;
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
    if (bso_file_beside(folder, beside)) return BSO_ERROR;
    /* Somebody's files are never replaced; an empty folder is. */
    if (rmdir(folder) && errno != ENOENT)
        return bso_fail("%s: %s; choose a folder that is not there", folder, strerror(errno));
    remove_tree(beside); /* left by a process of this number that was killed */
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
