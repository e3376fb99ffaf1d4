/* hdf5.c: bring-your-own data: `hdf5:FILE`, one HDF5 file with train/x, train/y, test/x and test/y.
 *
 * x is (N, C, H, W), or (N, T, C, H, W) for event frames, of any integer or floating-point type, taken as
 * float as it is stored; y is (N) integers from 0. The number of classes is the root's integer attribute
 * "classes", else the largest label plus one. It is not the reader of result files or checkpoints.
 */
#include "core/dataset.h"
#include "core/error.h"
#include "core/memory.h"

#include <errno.h>
#include <hdf5.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { SIDE_MAX = 4096, CLASSES_MAX = 65536, RANK_MAX = 5, EXPANSION_MAX = 1100 };

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

/* Open a dataset of numbers whose rank is one of the two. t->dataset is to be dropped in every case. */
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

/* The samples of one split, all finite. */
static int read_pixels(const bso_dataset *d, const struct table *t, const char *path, const char *name,
                       float *pixels)
{
    if (H5Dread(t->dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, pixels) < 0)
        return bso_fail("%s: %s cannot be read; the file is damaged or its compression is unknown here", path,
                        name);
    size_t sample = (size_t)d->frames * (size_t)d->channels * (size_t)d->height * (size_t)d->width;
    size_t count = (size_t)t->dims[0];
    for (size_t i = 0; i < count * sample; i++) {
        if (!isfinite(pixels[i]))
            return bso_fail("%s: %s has a value that is not finite in sample %zu", path, name, i / sample);
    }
    return 0;
}

/* The labels of one split; the largest is raised to what is found. */
static int read_labels(const struct table *t, const char *path, const char *name, int64_t limit,
                       int32_t *labels, int *largest)
{
    size_t count = (size_t)t->dims[0];
    int64_t *wide = bso_alloc(BSO_MEM_DATASET, count, sizeof *wide, "labels being read");
    if (!wide) return BSO_ERROR;
    int rc = 0;
    if (H5Dread(t->dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, wide) < 0)
        rc = bso_fail("%s: %s cannot be read; the file is damaged or its compression is unknown here", path,
                      name);
    for (size_t i = 0; i < count && !rc; i++) {
        if (wide[i] < 0 || wide[i] >= limit) {
            rc = bso_fail("%s: label %lld of sample %zu in %s is outside 0 to %lld", path, (long long)wide[i],
                          i, name, (long long)limit - 1);
            break;
        }
        labels[i] = (int32_t)wide[i];
        if (labels[i] > *largest) *largest = labels[i];
    }
    bso_free(wide);
    return rc;
}

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

/* Take the shape from train/x and compare test/x with it. */
static int check_shapes(bso_dataset *d, const struct table x[2], const struct table y[2], const char *path)
{
    static const char *const splits[2] = {"train", "test"};
    for (int i = 0; i < 2; i++) {
        if (x[i].dims[0] != y[i].dims[0])
            return bso_fail("%s: %s/x has %llu samples, %s/y %llu labels", path, splits[i],
                            (unsigned long long)x[i].dims[0], splits[i], (unsigned long long)y[i].dims[0]);
    }
    if (x[1].rank != x[0].rank ||
        memcmp(x[1].dims + 1, x[0].dims + 1, sizeof(hsize_t) * (size_t)(x[0].rank - 1)))
        return bso_fail("%s: samples of test/x do not have the shape of those of train/x", path);
    const hsize_t *shape = x[0].dims + x[0].rank - 3;
    d->frames = x[0].rank == 5 ? (int)x[0].dims[1] : 1;
    d->channels = (int)shape[0];
    d->height = (int)shape[1];
    d->width = (int)shape[2];
    d->train_count = (size_t)x[0].dims[0];
    d->test_count = (size_t)x[1].dims[0];
    return 0;
}

static int read_file(bso_dataset *d, hid_t file, const char *path, hsize_t length, struct table x[2],
                     struct table y[2])
{
    static const char *const x_names[2] = {"train/x", "test/x"}, *const y_names[2] = {"train/y", "test/y"};
    static const bso_split splits[2] = {BSO_SPLIT_TRAIN, BSO_SPLIT_TEST};
    int64_t classes;
    for (int i = 0; i < 2; i++) {
        if (open_table(&x[i], file, path, length, x_names[i], false, 4, 5)) return BSO_ERROR;
        if (open_table(&y[i], file, path, length, y_names[i], true, 1, 1)) return BSO_ERROR;
    }
    if (check_shapes(d, x, y, path) || read_classes(file, path, &classes)) return BSO_ERROR;
    bso_samples *held = bso_dataset_hold(d, sizeof(float));
    if (!held) return BSO_ERROR;
    int64_t limit = classes ? classes : CLASSES_MAX;
    int largest = 0;
    for (int i = 0; i < 2; i++) {
        if (read_labels(&y[i], path, y_names[i], limit, held->labels[splits[i]], &largest)) return BSO_ERROR;
        if (read_pixels(d, &x[i], path, x_names[i], held->pixels[splits[i]])) return BSO_ERROR;
    }
    d->classes = classes ? (int)classes : largest + 1;
    if (d->classes < 2) return bso_fail("%s: every label is 0; at least two classes are needed", path);
    return 0;
}

static int open_path(bso_dataset *d, const char *path)
{
    struct stat status;
    if (stat(path, &status)) return bso_fail("%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode)) return bso_fail("%s: not a regular file", path);
    const char *slash = strrchr(path, '/');
    snprintf(d->name, sizeof d->name, "%s", slash ? slash + 1 : path);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0) return bso_fail("%s: not an HDF5 file, truncated, or not readable", path);
    struct table x[2] = {{.dataset = -1}, {.dataset = -1}}, y[2] = {{.dataset = -1}, {.dataset = -1}};
    int rc = read_file(d, file, path, (hsize_t)status.st_size, x, y);
    for (int i = 0; i < 2; i++) {
        drop(x[i].dataset);
        drop(y[i].dataset);
    }
    drop(file);
    return rc;
}

static int open_hdf5(bso_dataset *d, const char *argument, const bso_settings *s)
{
    (void)s;
    /* HDF5 prints its own stack of errors unless told not to; ours is the one line. */
    H5E_auto2_t print;
    void *print_to;
    H5Eget_auto2(H5E_DEFAULT, &print, &print_to);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    int rc = open_path(d, argument);
    H5Eset_auto2(H5E_DEFAULT, print, print_to);
    return rc;
}

const bso_dataset_format bso_dataset_hdf5 = {
    .name = "hdf5:",
    .argument = "FILE",
    .summary = "your own images or event frames: an HDF5 file with train/x (N,C,H,W or N,T,C,H,W), train/y, "
               "test/x, test/y",
    .open = open_hdf5,
};
