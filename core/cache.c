/* cache.c: samples made once and kept. See cache.h.
 *
 * A cache file is FOLDER/NAME-HASH.h5 with train/x and test/x, float32, and the hash as an attribute, and
 * a seal (seal.h) behind it; labels and shapes come from the sources each time.
 */
#include "core/cache.h"

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/many.h"
#include "core/memory.h"
#include "core/notice.h"
#include "core/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CACHE_VERSION = 1 };

static const bso_split splits[2] = {BSO_SPLIT_TRAIN, BSO_SPLIT_TEST};
static const char *const arrays[2] = {"train/x", "test/x"};

/* ---- the key ---- */

static void key_part(bso_cache_key *k, const void *bytes, size_t n)
{
    /* With its length, so that two parts never read like two others. */
    uint64_t length = n;
    k->hash = bso_hash(k->hash, &length, sizeof length);
    k->hash = bso_hash(k->hash, bytes, n);
}

void bso_cache_key_start(bso_cache_key *k, const char *name, int version)
{
    k->hash = bso_hash_start;
    snprintf(k->name, sizeof k->name, "%s", name);
    bso_cache_key_text(k, "name", name);
    bso_cache_key_integer(k, "cache", CACHE_VERSION);
    bso_cache_key_integer(k, "version", version);
}

int bso_cache_key_file(bso_cache_key *k, const char *path)
{
    struct stat status;
    if (stat(path, &status)) return bso_fail("%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode)) return bso_fail("%s: not a regular file", path);
    key_part(k, path, strlen(path));
    const int64_t numbers[] = {status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
    key_part(k, numbers, sizeof numbers);
    return 0;
}

void bso_cache_key_text(bso_cache_key *k, const char *key, const char *value)
{
    key_part(k, key, strlen(key));
    key_part(k, value, strlen(value));
}

void bso_cache_key_integer(bso_cache_key *k, const char *key, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    bso_cache_key_text(k, key, text);
}

/* ---- the folder ---- */

static bool is_set(const char *text)
{
    return text && *text;
}

int bso_cache_folder(char *folder, const bso_settings *s)
{
    const char *own = getenv("BSO_CACHE_DIR"), *general = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    *folder = '\0';
    if (strcmp(s->cache, "off") == 0) return 0;
    int n;
    if (is_set(s->cache)) {
        n = snprintf(folder, BSO_PATH, "%s", s->cache);
    } else if (is_set(own)) {
        n = snprintf(folder, BSO_PATH, "%s", own);
    } else if (is_set(general)) {
        n = snprintf(folder, BSO_PATH, "%s/bso", general);
    } else if (is_set(home)) {
        n = snprintf(folder, BSO_PATH, "%s/.cache/bso", home);
    } else {
        return bso_fail("cache: no usual place for it, HOME is not set; set cache to a folder, or to off");
    }
    if (n < 0 || n >= BSO_PATH) return bso_fail("cache: the folder's name is too long");
    return bso_file_directories(folder);
}

int bso_cache_lock(const char *folder, const char *name)
{
    char lock[BSO_WORD * 3], path[BSO_PATH];
    snprintf(lock, sizeof lock, "%s.lock", name);
    if (bso_file_path(path, folder, lock)) return BSO_ERROR;
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0) return bso_fail("%s: %s", path, strerror(errno));
    while (flock(file, LOCK_EX)) {
        if (errno == EINTR) continue;
        bso_fail("%s: cannot be locked: %s", path, strerror(errno));
        close(file);
        return BSO_ERROR;
    }
    return file;
}

/* ---- the file ---- */

static size_t count_of(const bso_dataset *d, int i)
{
    return i ? d->test_count : d->train_count;
}

static void shape_of(const bso_dataset *d, int i, hsize_t dims[5])
{
    const hsize_t shape[5] = {count_of(d, i), (hsize_t)d->frames, (hsize_t)d->channels, (hsize_t)d->height,
                              (hsize_t)d->width};
    memcpy(dims, shape, sizeof shape);
}

/* Close what is open; HDF5 has one function for each kind but this one for all. */
static void drop(hid_t id)
{
    if (id >= 0) H5Idec_ref(id);
}

static bool read_array(hid_t file, const bso_dataset *d, int i, float *x)
{
    if (count_of(d, i) == 0) return true;
    hsize_t expected[5], found[5] = {0};
    shape_of(d, i, expected);
    hid_t array = H5Dopen2(file, arrays[i], H5P_DEFAULT), space = H5Dget_space(array);
    bool ok = array >= 0 && H5Sget_simple_extent_ndims(space) == 5 &&
              H5Sget_simple_extent_dims(space, found, NULL) >= 0 &&
              memcmp(found, expected, sizeof found) == 0 &&
              H5Dread(array, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0;
    size_t n = count_of(d, i) * bso_dataset_values(d);
    for (size_t k = 0; ok && k < n; k++) ok = isfinite(x[k]);
    drop(space);
    drop(array);
    return ok;
}

/* Whether the file is there and its samples are now held. */
static bool read_cache(const char *path, uint64_t hash, const bso_dataset *d, bso_samples *held)
{
    struct stat status;
    if (stat(path, &status) || !S_ISREG(status.st_mode) || bso_seal_check(path, true)) return false;
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0) return false;
    uint64_t found = 0;
    hid_t attribute = H5Aopen(file, "key", H5P_DEFAULT);
    bool ok = attribute >= 0 && H5Aread(attribute, H5T_NATIVE_UINT64, &found) >= 0 && found == hash;
    drop(attribute);
    for (int i = 0; ok && i < 2; i++) ok = read_array(file, d, i, held->pixels[splits[i]]);
    drop(file);
    return ok;
}

static bool write_array(hid_t file, const bso_dataset *d, int i, const float *x)
{
    if (count_of(d, i) == 0) return true;
    hsize_t dims[5], chunk[5];
    shape_of(d, i, dims);
    memcpy(chunk, dims, sizeof chunk);
    chunk[0] = 1;
    hid_t space = H5Screate_simple(5, dims, NULL), list = H5Pcreate(H5P_DATASET_CREATE),
          links = H5Pcreate(H5P_LINK_CREATE);
    bool ok = space >= 0 && list >= 0 && links >= 0 && H5Pset_create_intermediate_group(links, 1) >= 0 &&
              H5Pset_chunk(list, 5, chunk) >= 0 && H5Pset_shuffle(list) >= 0 && H5Pset_deflate(list, 1) >= 0;
    hid_t array = ok ? H5Dcreate2(file, arrays[i], H5T_IEEE_F32LE, space, links, list, H5P_DEFAULT) : -1;
    ok = array >= 0 && H5Dwrite(array, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0;
    drop(array);
    drop(links);
    drop(list);
    drop(space);
    return ok;
}

static bool write_file(const char *path, uint64_t hash, const bso_dataset *d, const bso_samples *held)
{
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    if (file < 0) return false;
    hid_t space = H5Screate(H5S_SCALAR),
          attribute = H5Acreate2(file, "key", H5T_STD_U64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    bool ok = attribute >= 0 && H5Awrite(attribute, H5T_NATIVE_UINT64, &hash) >= 0;
    drop(attribute);
    drop(space);
    for (int i = 0; ok && i < 2; i++) ok = write_array(file, d, i, held->pixels[splits[i]]);
    return H5Fclose(file) >= 0 && ok;
}

/* Written beside, synced, renamed. What cannot be written is only a pity. */
static void write_cache(const char *path, uint64_t hash, const bso_dataset *d, const bso_samples *held)
{
    char beside[BSO_PATH];
    if (bso_file_beside(path, beside)) return;
    if (write_file(beside, hash, d, held) && bso_seal_put(beside) == 0 && rename(beside, path) == 0) return;
    unlink(beside);
    char what[BSO_PATH + 64];
    snprintf(what, sizeof what, "%s: cannot be written; the samples will be made again each time", path);
    bso_notice_warning(what);
}

/* ---- making ---- */

/* What make_one is told. */
struct making {
    const bso_dataset *d;
    bso_samples *held;
    int (*make)(void *user, bso_split split, size_t index, float *out);
    void *user;
};

static int make_one(void *user, size_t i, int thread)
{
    (void)thread;
    const struct making *m = user;
    bool test = i >= m->d->train_count;
    bso_split split = test ? BSO_SPLIT_TEST : BSO_SPLIT_TRAIN;
    size_t index = test ? i - m->d->train_count : i;
    return m->make(m->user, split, index, (float *)m->held->pixels[split] + index * bso_dataset_values(m->d));
}

static int make_all(const bso_dataset *d, bso_samples *held,
                    int (*make)(void *user, bso_split split, size_t index, float *out), void *user)
{
    char what[96];
    struct making m = {d, held, make, user};
    snprintf(what, sizeof what, "preparing %s", d->name);
    return bso_for_each(what, d->train_count + d->test_count, make_one, &m);
}

static int open_locked(bso_dataset *d, const char *folder, const bso_cache_key *k, bso_samples *held,
                       int (*make)(void *user, bso_split split, size_t index, float *out), void *user)
{
    char name[128], path[BSO_PATH];
    snprintf(name, sizeof name, "%s-%016" PRIx64 ".h5", k->name, k->hash);
    if (bso_file_path(path, folder, name)) return BSO_ERROR;
    if (read_cache(path, k->hash, d, held)) return 0;
    int lock = bso_cache_lock(folder, name);
    if (lock < 0) return make_all(d, held, make, user);
    bso_file_remove_leftovers(folder, name, true); /* with the lock held nobody is writing it */
    int rc = 0;
    if (!read_cache(path, k->hash, d, held)) {
        rc = make_all(d, held, make, user);
        if (!rc) write_cache(path, k->hash, d, held);
    }
    close(lock);
    return rc;
}

int bso_cache_open(bso_dataset *d, const bso_settings *s, const bso_cache_key *k,
                   const int32_t *const labels[BSO_SPLITS],
                   int (*make)(void *user, bso_split split, size_t index, float *out), void *user)
{
    char folder[BSO_PATH];
    if (bso_cache_folder(folder, s)) return BSO_ERROR;
    bso_samples *held = bso_dataset_hold(d, sizeof(float));
    if (!held) return BSO_ERROR;
    for (int i = 0; i < 2; i++) {
        if (count_of(d, i))
            memcpy(held->labels[splits[i]], labels[splits[i]], count_of(d, i) * sizeof(int32_t));
    }
    if (!*folder) return make_all(d, held, make, user);
    /* HDF5 prints its own stack of errors unless told not to. */
    H5E_auto2_t print;
    void *print_to;
    H5Eget_auto2(H5E_DEFAULT, &print, &print_to);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    int rc = open_locked(d, folder, k, held, make, user);
    H5Eset_auto2(H5E_DEFAULT, print, print_to);
    return rc;
}
