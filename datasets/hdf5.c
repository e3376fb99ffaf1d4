/* hdf5.c: bring-your-own data: `hdf5:FILE`, one HDF5 file with train/x, train/y, test/x and test/y.
 *
 * x is (N, C, H, W), or (N, T, C, H, W) for event frames, of any integer or floating-point type, taken as
 * float as it is stored; y is (N) integers from 0. The number of classes is the root's integer attribute
 * "classes", else the largest label plus one. It is not the reader of result files or checkpoints.
 *
 * The file may come from anywhere, and the HDF5 library crashes on some: it is read in a process of its own,
 * which sends shapes, labels and values (core/isolate.h). What they must be is checked on this side.
 */
#include "core/dataset.h"
#include "core/error.h"
#include "core/isolate.h"
#include "core/memory.h"

#include <errno.h>
#include <hdf5.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { SIDE_MAX = 4096, CLASSES_MAX = 65536, RANK_MAX = 5, EXPANSION_MAX = 1100, STEP = 16 << 20 };

static const char *const x_names[2] = {"train/x", "test/x"}, *const y_names[2] = {"train/y", "test/y"};

/* One dataset of the file, opened and its header checked. */
struct table {
    hid_t dataset;
    int rank;
    hsize_t dims[RANK_MAX];
};

/* Close what is open; HDF5 has one function for each kind but this one for all. */
static void drop(hid_t id)
{
    if (id >= 0) H5Idec_ref(id);
}

/* Whether the type is a number, and an integer where it must be. */
static bool is_number(hid_t type, bool integer)
{
    H5T_class_t class = H5Tget_class(type);
    return class == H5T_INTEGER || (class == H5T_FLOAT && !integer);
}

/* A header may announce any size, and that it is stored, while the file (of `length` bytes) holds nothing of
 * it: external storage, forged extents. Compression (deflate) shrinks to at most 1/1032. */
static int check_stored(const char *path, hsize_t length, const char *name, hid_t dataset, size_t bytes)
{
    hid_t list = H5Dget_create_plist(dataset);
    bool packed = list >= 0 && H5Pget_nfilters(list) > 0;
    drop(list);
    hsize_t announced = H5Dget_storage_size(dataset), stored = announced < length ? announced : length;
    if (stored < bytes && (!packed || stored < bytes / EXPANSION_MAX))
        return bso_fail("%s: %s announces %zu bytes, but the file holds %llu of them", path, name, bytes,
                        (unsigned long long)stored);
    return 0;
}

/* Open a dataset of numbers whose rank is one of the two. */
static int open_table(struct table *t, hid_t file, const char *path, hsize_t length, const char *name,
                      bool integer, int rank, int other_rank)
{
    t->dataset = H5Dopen2(file, name, H5P_DEFAULT);
    if (t->dataset < 0) return bso_fail("%s: has no dataset %s", path, name);
    hid_t space = H5Dget_space(t->dataset), type = H5Dget_type(t->dataset);
    t->rank = H5Sget_simple_extent_ndims(space);
    bool rank_fits = t->rank == rank || t->rank == other_rank;
    if (rank_fits) H5Sget_simple_extent_dims(space, t->dims, NULL);
    bool type_fits = is_number(type, integer);
    size_t bytes = H5Tget_size(type);
    drop(type);
    drop(space);
    if (!rank_fits && integer) return bso_fail("%s: %s has %d axes, not 1 (N)", path, name, t->rank);
    if (!rank_fits)
        return bso_fail("%s: %s has %d axes, not 4 (N, C, H, W) or 5 (N, T, C, H, W)", path, name, t->rank);
    if (!type_fits) return bso_fail("%s: %s does not hold %s", path, name, integer ? "integers" : "numbers");
    for (int i = 0; i < t->rank; i++) {
        hsize_t most = i == 0 ? INT32_MAX : SIDE_MAX;
        if (t->dims[i] < 1 || t->dims[i] > most)
            return bso_fail("%s: axis %d of %s is %llu long, outside 1 to %llu", path, i, name,
                            (unsigned long long)t->dims[i], (unsigned long long)most);
        if (__builtin_mul_overflow(bytes, (size_t)t->dims[i], &bytes))
            return bso_fail("%s: %s is larger than can be addressed", path, name);
    }
    return check_stored(path, length, name, t->dataset, bytes);
}

/* What is sent first. */
struct shapes {
    int64_t classes; /* the attribute, or 0 */
    int rank;
    hsize_t counts[2], sample[RANK_MAX - 1]; /* behind the first axis, which is N */
};

/* The root's attribute "classes": its value, or 0 where there is none. */
static int read_classes(hid_t file, const char *path, int64_t *classes)
{
    *classes = 0;
    if (H5Aexists(file, "classes") <= 0) return 0;
    hid_t attribute = H5Aopen(file, "classes", H5P_DEFAULT);
    hid_t space = H5Aget_space(attribute), type = H5Aget_type(attribute);
    bool fits = is_number(type, true) && H5Sget_simple_extent_npoints(space) == 1 &&
                H5Aread(attribute, H5T_NATIVE_INT64, classes) >= 0;
    drop(type);
    drop(space);
    drop(attribute);
    if (!fits || *classes < 2 || *classes > CLASSES_MAX)
        return bso_fail("%s: attribute classes must be one integer from 2 to %d", path, CLASSES_MAX);
    return 0;
}

/* ---- the process that reads ---- */

/* Take the shape from train/x and compare test/x with it. */
static int check_shapes(struct shapes *found, const struct table x[2], const struct table y[2],
                        const char *path)
{
    static const char *const splits[2] = {"train", "test"};
    for (int i = 0; i < 2; i++) {
        if (x[i].dims[0] != y[i].dims[0])
            return bso_fail("%s: %s/x has %llu samples, %s/y %llu labels", path, splits[i],
                            (unsigned long long)x[i].dims[0], splits[i], (unsigned long long)y[i].dims[0]);
        found->counts[i] = x[i].dims[0];
    }
    found->rank = x[0].rank;
    memcpy(found->sample, x[0].dims + 1, sizeof(hsize_t) * (size_t)(x[0].rank - 1));
    if (x[1].rank != x[0].rank ||
        memcmp(x[1].dims + 1, found->sample, sizeof(hsize_t) * (size_t)(x[0].rank - 1)))
        return bso_fail("%s: samples of test/x do not have the shape of those of train/x", path);
    return 0;
}

/* How many rows (samples) to read at once: about 16 MiB, whole chunks, so that none is unpacked twice. */
static hsize_t rows_at_once(const struct table *t, size_t row_bytes)
{
    hsize_t chunk[RANK_MAX] = {1}, rows = STEP / row_bytes + 1;
    hid_t list = H5Dget_create_plist(t->dataset);
    if (list >= 0 && H5Pget_layout(list) == H5D_CHUNKED && H5Pget_chunk(list, t->rank, chunk) != t->rank)
        chunk[0] = 1;
    drop(list);
    if (chunk[0] > 1 && chunk[0] < t->dims[0]) rows = (rows + chunk[0] - 1) / chunk[0] * chunk[0];
    return chunk[0] < t->dims[0] && rows < t->dims[0] ? rows : t->dims[0];
}

static int send_rows(const bso_isolate *c, const struct table *t, hid_t type, hsize_t first, hsize_t rows,
                     void *buffer, size_t row_bytes)
{
    hsize_t start[RANK_MAX] = {first}, count[RANK_MAX];
    memcpy(count, t->dims, sizeof count);
    count[0] = rows;
    hid_t all = H5Dget_space(t->dataset), part = H5Screate_simple(t->rank, count, NULL);
    int ok = all >= 0 && part >= 0 &&
             H5Sselect_hyperslab(all, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
             H5Dread(t->dataset, type, part, all, H5P_DEFAULT, buffer) >= 0;
    drop(part);
    drop(all);
    return ok && !bso_isolate_send(c, buffer, (size_t)rows * row_bytes) ? 0 : BSO_ERROR;
}

/* All of a dataset, converted to a native type of `element` bytes. */
static int send_table(const bso_isolate *c, const struct table *t, hid_t type, size_t element,
                      const char *name)
{
    size_t row_bytes = element;
    for (int i = 1; i < t->rank; i++) row_bytes *= (size_t)t->dims[i]; /* checked in open_table */
    const hsize_t step = rows_at_once(t, row_bytes);
    void *buffer = bso_alloc(BSO_MEM_DATASET, (size_t)step, row_bytes, "samples being read");
    if (!buffer) return BSO_ERROR;
    int rc = 0;
    for (hsize_t first = 0; first < t->dims[0] && !rc; first += step) {
        hsize_t left = t->dims[0] - first;
        if (send_rows(c, t, type, first, left < step ? left : step, buffer, row_bytes))
            rc = bso_fail("%s: %s cannot be read; the file is damaged or its compression is unknown here",
                          c->path, name);
    }
    bso_free(buffer);
    return rc;
}

static int send_file(const bso_isolate *c, void *user)
{
    const hsize_t length = *(const hsize_t *)user;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* its own stack of errors; ours is the one line */
    hid_t file = H5Fopen(c->path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0) return bso_fail("%s: not an HDF5 file, truncated, or not readable", c->path);
    struct table x[2], y[2];
    struct shapes found = {0};
    for (int i = 0; i < 2; i++) {
        if (open_table(&x[i], file, c->path, length, x_names[i], false, 4, 5)) return BSO_ERROR;
        if (open_table(&y[i], file, c->path, length, y_names[i], true, 1, 1)) return BSO_ERROR;
    }
    if (check_shapes(&found, x, y, c->path) || read_classes(file, c->path, &found.classes) ||
        bso_isolate_send(c, &found, sizeof found))
        return BSO_ERROR;
    for (int i = 0; i < 2; i++) {
        if (send_table(c, &y[i], H5T_NATIVE_INT64, sizeof(int64_t), y_names[i])) return BSO_ERROR;
        if (send_table(c, &x[i], H5T_NATIVE_FLOAT, sizeof(float), x_names[i])) return BSO_ERROR;
    }
    return 0; /* the process ends, and what is open with it */
}

/* ---- this side ---- */

static int take_shapes(bso_dataset *d, bso_isolate *c, int64_t *classes)
{
    struct shapes found;
    if (bso_isolate_receive(c, &found, sizeof found)) return BSO_ERROR;
    bool fits = found.rank == 4 || found.rank == 5;
    for (int i = 0; fits && i < found.rank - 1; i++)
        fits = found.sample[i] >= 1 && found.sample[i] <= SIDE_MAX;
    for (int i = 0; i < 2; i++) fits = fits && found.counts[i] >= 1 && found.counts[i] <= INT32_MAX;
    if (!fits || found.classes < 0 || found.classes > CLASSES_MAX)
        return bso_fail("%s: damaged: its shapes cannot be made out", c->path);
    const hsize_t *shape = found.sample + found.rank - 4;
    d->frames = found.rank == 5 ? (int)found.sample[0] : 1;
    d->channels = (int)shape[0];
    d->height = (int)shape[1];
    d->width = (int)shape[2];
    d->train_count = (size_t)found.counts[0];
    d->test_count = (size_t)found.counts[1];
    *classes = found.classes;
    return 0;
}

/* The samples of one split, all finite. */
static int take_pixels(const bso_dataset *d, bso_isolate *c, const char *name, size_t count, float *pixels)
{
    size_t sample = bso_dataset_values(d);
    if (bso_isolate_receive(c, pixels, count * sample * sizeof *pixels)) return BSO_ERROR;
    for (size_t i = 0; i < count * sample; i++) {
        if (!isfinite(pixels[i]))
            return bso_fail("%s: %s has a value that is not finite in sample %zu", c->path, name, i / sample);
    }
    return 0;
}

/* The labels of one split; the largest is raised to what is found. */
static int take_labels(bso_isolate *c, const char *name, size_t count, int64_t limit, int32_t *labels,
                       int *largest)
{
    int64_t wide[1024];
    for (size_t first = 0; first < count;) {
        size_t n = count - first < 1024 ? count - first : 1024;
        if (bso_isolate_receive(c, wide, n * sizeof *wide)) return BSO_ERROR;
        for (size_t i = 0; i < n; i++) {
            if (wide[i] < 0 || wide[i] >= limit)
                return bso_fail("%s: label %lld of sample %zu in %s is outside 0 to %lld", c->path,
                                (long long)wide[i], first + i, name, (long long)limit - 1);
            labels[first + i] = (int32_t)wide[i];
            if (labels[first + i] > *largest) *largest = labels[first + i];
        }
        first += n;
    }
    return 0;
}

static int take_file(bso_dataset *d, bso_isolate *c)
{
    static const bso_split splits[2] = {BSO_SPLIT_TRAIN, BSO_SPLIT_TEST};
    int64_t classes = 0;
    if (take_shapes(d, c, &classes)) return BSO_ERROR;
    bso_samples *held = bso_dataset_hold(d, sizeof(float));
    if (!held) return BSO_ERROR;
    const size_t counts[2] = {d->train_count, d->test_count};
    int largest = 0;
    for (int i = 0; i < 2; i++) {
        if (take_labels(c, y_names[i], counts[i], classes ? classes : CLASSES_MAX, held->labels[splits[i]],
                        &largest) ||
            take_pixels(d, c, x_names[i], counts[i], held->pixels[splits[i]]))
            return BSO_ERROR;
    }
    d->classes = classes ? (int)classes : largest + 1;
    if (d->classes < 2) return bso_fail("%s: every label is 0; at least two classes are needed", c->path);
    return 0;
}

static int open_hdf5(bso_dataset *d, const char *argument, const bso_settings *s)
{
    (void)s;
    const char *path = argument;
    struct stat status;
    if (stat(path, &status)) return bso_fail("%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode)) return bso_fail("%s: not a regular file", path);
    const char *slash = strrchr(path, '/');
    snprintf(d->name, sizeof d->name, "%s", slash ? slash + 1 : path);
    bso_one_line(d->name);
    hsize_t length = (hsize_t)status.st_size;
    bso_isolate c;
    if (bso_isolate_start(&c, path, send_file, &length)) return BSO_ERROR;
    return bso_isolate_end(&c, take_file(d, &c));
}

const bso_dataset_format bso_dataset_hdf5 = {
    .name = "hdf5:",
    .argument = "FILE",
    .summary = "your own images or event frames: an HDF5 file with train/x (N,C,H,W or N,T,C,H,W), train/y, "
               "test/x, test/y",
    .open = open_hdf5,
};
