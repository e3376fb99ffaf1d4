/* hdf5_util.c: writing HDF5 files in memory, reading them with suspicion. See hdf5_util.h. */
#include "core/hdf5_util.h"

#include "core/error.h"
#include "core/file.h"
#include "core/isolate.h"
#include "core/memory.h"
#include "core/seal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

/* HDF5 would print a stack of its own functions for every failure; ours say what a person can do. */
static void silence(void)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

/* ---- The file in memory: the core driver's buffer, taken from the accounted allocator ---- */

static void *image_resize(void *block, size_t size, H5FD_file_image_op_t op, void *user)
{
    (void)op;
    bso_h5_writer *w = user;
    if (block && size <= w->capacity) return block;
    /* Doubling: the driver asks for a little more with every write. */
    size_t capacity = size / 2 < w->capacity ? 2 * w->capacity : size;
    void *grown = bso_alloc(BSO_MEM_LOG, capacity, 1, "an HDF5 file");
    if (!grown) return NULL;
    if (block) memcpy(grown, block, w->capacity);
    bso_free(block);
    w->capacity = capacity;
    return grown;
}

static void *image_alloc(size_t size, H5FD_file_image_op_t op, void *user)
{
    return image_resize(NULL, size, op, user);
}

static void *image_copy(void *to, const void *from, size_t size, H5FD_file_image_op_t op, void *user)
{
    (void)op;
    (void)user;
    return memcpy(to, from, size);
}

static herr_t image_free(void *block, H5FD_file_image_op_t op, void *user)
{
    (void)op;
    (void)user;
    bso_free(block);
    return 0;
}

static void *user_same(void *user)
{
    return user;
}

static herr_t user_keep(void *user)
{
    (void)user;
    return 0;
}

int bso_h5_create(bso_h5_writer *w, const char *path, const char *format, int version)
{
    silence();
    *w = (bso_h5_writer){.path = path, .file = H5I_INVALID_HID};
    H5FD_file_image_callbacks_t callbacks = {
        .image_malloc = image_alloc,
        .image_memcpy = image_copy,
        .image_realloc = image_resize,
        .image_free = image_free,
        .udata_copy = user_same,
        .udata_free = user_keep,
        .udata = w,
    };
    const size_t increment = 64 * 1024;
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access >= 0 && H5Pset_fapl_core(access, increment, false) >= 0 &&
        H5Pset_file_image_callbacks(access, &callbacks) >= 0 &&
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0) {
        w->file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    }
    if (access >= 0) H5Pclose(access);
    if (w->file < 0) return bso_fail("%s: HDF5 could not start the file in memory", path);
    bso_h5_put_text(w, "/", "format", format);
    bso_h5_put_integer(w, "/", "format_version", version);
    return 0;
}

void bso_h5_discard(bso_h5_writer *w)
{
    if (w->file >= 0) H5Fclose(w->file);
    w->file = H5I_INVALID_HID;
}

int bso_h5_finish(bso_h5_writer *w)
{
    char *image = NULL;
    ssize_t size = -1;
    if (!w->failed && H5Fflush(w->file, H5F_SCOPE_LOCAL) >= 0) size = H5Fget_file_image(w->file, NULL, 0);
    const size_t length = size > 0 ? (size_t)size : 0;
    if (length > 0) image = bso_alloc(BSO_MEM_LOG, length + BSO_SEAL + 1, 1, "an HDF5 file");
    bool whole = image && H5Fget_file_image(w->file, image, length) == size;
    bso_h5_discard(w);
    int status = 0;
    if (w->failed) {
        status = bso_fail("%s: HDF5 could not take %s", w->path, w->what);
    } else if (length > 0 && !image) {
        status = BSO_ERROR; /* bso_alloc has said why */
    } else if (!whole) {
        status = bso_fail("%s: HDF5 could not finish the file in memory", w->path);
    } else {
        bso_seal_text(image + length, (uint32_t)crc32_z(0, (const unsigned char *)image, length), length);
        status = bso_file_write(w->path, image, length + BSO_SEAL);
    }
    bso_free(image);
    return status;
}

void bso_h5_check(bso_h5_writer *w, bool ok, const char *what)
{
    if (ok || w->failed) return;
    w->failed = true;
    snprintf(w->what, sizeof w->what, "%s", what);
}

void bso_h5_group(bso_h5_writer *w, const char *path)
{
    if (w->failed) return;
    hid_t order = H5Pcreate(H5P_GROUP_CREATE);
    hid_t group = H5I_INVALID_HID;
    if (order >= 0 && H5Pset_link_creation_order(order, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >= 0) {
        group = H5Gcreate2(w->file, path, H5P_DEFAULT, order, H5P_DEFAULT);
    }
    if (order >= 0) H5Pclose(order);
    bso_h5_check(w, group >= 0 && H5Gclose(group) >= 0, path);
}

static void put_attribute(bso_h5_writer *w, const char *object, const char *name, hid_t type,
                          const void *value)
{
    if (w->failed) return;
    hid_t space = H5Screate(H5S_SCALAR), attribute = H5I_INVALID_HID;
    if (space >= 0) {
        attribute =
            H5Acreate_by_name(w->file, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        H5Sclose(space);
    }
    bool ok = attribute >= 0 && H5Awrite(attribute, type, value) >= 0;
    if (attribute >= 0) ok = H5Aclose(attribute) >= 0 && ok;
    bso_h5_check(w, ok, name);
}

void bso_h5_put_text(bso_h5_writer *w, const char *object, const char *name, const char *text)
{
    if (w->failed) return;
    hid_t type = H5Tcopy(H5T_C_S1);
    bool ok = type >= 0 && H5Tset_size(type, strlen(text) + 1) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0;
    bso_h5_check(w, ok, name);
    put_attribute(w, object, name, type, text);
    if (type >= 0) H5Tclose(type);
}

void bso_h5_put_number(bso_h5_writer *w, const char *object, const char *name, double value)
{
    put_attribute(w, object, name, H5T_NATIVE_DOUBLE, &value);
}

void bso_h5_put_integer(bso_h5_writer *w, const char *object, const char *name, int64_t value)
{
    put_attribute(w, object, name, H5T_NATIVE_INT64, &value);
}

void bso_h5_put_unsigned(bso_h5_writer *w, const char *object, const char *name, uint64_t value)
{
    put_attribute(w, object, name, H5T_NATIVE_UINT64, &value);
}

hid_t bso_h5_open_array(bso_h5_writer *w, const char *path, hid_t type, int rank, const hsize_t *dims)
{
    if (w->failed) return H5I_INVALID_HID;
    hid_t space = H5Screate_simple(rank, dims, NULL), data = H5I_INVALID_HID;
    if (space >= 0) {
        data = H5Dcreate2(w->file, path, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        H5Sclose(space);
    }
    bso_h5_check(w, data >= 0, path);
    return data;
}

void bso_h5_put_array(bso_h5_writer *w, const char *path, hid_t type, int rank, const hsize_t *dims,
                      const void *data)
{
    hid_t array = bso_h5_open_array(w, path, type, rank, dims);
    if (array < 0) return;
    bso_h5_check(w, H5Dwrite(array, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0, path);
    bso_h5_check(w, H5Dclose(array) >= 0, path);
}

/* ---- Reading ---- */

int bso_h5_rehearse(const char *path, int (*read)(void *user), void *user)
{
    struct stat there;
    bool sealed = stat(path, &there) == 0 && S_ISREG(there.st_mode) && bso_seal_check(path, true) == 0;
    return sealed ? 0 : bso_isolate_try(path, read, user);
}

int bso_h5_open(bso_h5_reader *r, const char *path)
{
    silence();
    *r = (bso_h5_reader){.path = path, .file = H5I_INVALID_HID};
    struct stat there;
    if (stat(path, &there)) return bso_fail("%s: cannot be read: %s", path, strerror(errno));
    if (!S_ISREG(there.st_mode)) return bso_fail("%s: is not a file", path);
    /* Another program's file has no seal, nor has one that was edited since. */
    if (bso_seal_check(path, false)) return BSO_ERROR;
    if (H5Fis_hdf5(path) <= 0) return bso_fail("%s: is not an HDF5 file", path);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access >= 0 && H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0) {
        r->file = H5Fopen(path, H5F_ACC_RDONLY, access);
    }
    if (access >= 0) H5Pclose(access);
    if (r->file < 0) return bso_fail("%s: HDF5 cannot open it: truncated or damaged", path);
    r->bytes = (hsize_t)there.st_size;
    return 0;
}

void bso_h5_close(bso_h5_reader *r)
{
    if (r->file >= 0) H5Fclose(r->file);
    r->file = H5I_INVALID_HID;
}

void bso_h5_format(const bso_h5_reader *r, char *format, size_t size, int *version)
{
    int64_t number = 0;
    if (bso_h5_get_text(r, "/", "format", format, size)) *format = '\0';
    if (bso_h5_get_integer(r, "/", "format_version", 1, INT32_MAX, &number)) number = 0;
    *version = (int)number;
}

int bso_h5_require(const bso_h5_reader *r, const char *format, int version)
{
    char found[64];
    int found_version;
    bso_h5_format(r, found, sizeof found, &found_version);
    if (strcmp(found, format) != 0) {
        return bso_fail("%s: is not a %s file%s%s", r->path, format, *found ? " but says it is " : "", found);
    }
    if (found_version != version) {
        return bso_fail("%s: %s version %d; this program reads version %d", r->path, format, found_version,
                        version);
    }
    return 0;
}

bool bso_h5_has(const bso_h5_reader *r, const char *path)
{
    return H5Lexists(r->file, path, H5P_DEFAULT) > 0;
}

bool bso_h5_has_attribute(const bso_h5_reader *r, const char *object, const char *name)
{
    return H5Aexists_by_name(r->file, object, name, H5P_DEFAULT) > 0;
}

/* Open an attribute that holds one value of the class. Returns its id, or negative with bso_fail. */
static hid_t open_attribute(const bso_h5_reader *r, const char *object, const char *name, H5T_class_t class,
                            hid_t *type)
{
    *type = H5I_INVALID_HID;
    hid_t attribute = H5Aopen_by_name(r->file, object, name, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0) {
        bso_fail("%s: %s: attribute %s is missing", r->path, object, name);
        return H5I_INVALID_HID;
    }
    hid_t space = H5Aget_space(attribute);
    bool one = space >= 0 && H5Sget_simple_extent_npoints(space) == 1;
    if (space >= 0) H5Sclose(space);
    *type = H5Aget_type(attribute);
    if (one && *type >= 0 && H5Tget_class(*type) == class) return attribute;
    if (*type >= 0) H5Tclose(*type);
    H5Aclose(attribute);
    bso_fail("%s: %s: attribute %s is not %s", r->path, object, name,
             class == H5T_STRING    ? "one text"
             : class == H5T_INTEGER ? "one whole number"
                                    : "one real number");
    return H5I_INVALID_HID;
}

static int read_attribute(const bso_h5_reader *r, const char *object, const char *name, H5T_class_t class,
                          hid_t as, void *value)
{
    hid_t type, attribute = open_attribute(r, object, name, class, &type);
    if (attribute < 0) return BSO_ERROR;
    bool ok = H5Aread(attribute, as, value) >= 0;
    H5Tclose(type);
    H5Aclose(attribute);
    return ok ? 0 : bso_fail("%s: %s: attribute %s cannot be read", r->path, object, name);
}

static bool has_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 127) return true;
    }
    return false;
}

int bso_h5_get_text(const bso_h5_reader *r, const char *object, const char *name, char *text, size_t size)
{
    hid_t type, attribute = open_attribute(r, object, name, H5T_STRING, &type);
    if (attribute < 0) return BSO_ERROR;
    *text = '\0';
    int status = 0;
    hid_t memory = H5I_INVALID_HID;
    if (H5Tis_variable_str(type) != 0 || H5Tget_size(type) > size) {
        status = bso_fail("%s: %s: attribute %s is not a text of fixed length below %zu", r->path, object,
                          name, size);
    } else if ((memory = H5Tcopy(H5T_C_S1)) < 0 || H5Tset_size(memory, size) < 0 ||
               H5Tset_cset(memory, H5Tget_cset(type)) < 0 || H5Aread(attribute, memory, text) < 0) {
        status = bso_fail("%s: %s: attribute %s cannot be read", r->path, object, name);
    } else {
        text[size - 1] = '\0';
        if (has_control(text)) {
            status = bso_fail("%s: %s: attribute %s holds control characters", r->path, object, name);
        }
    }
    if (memory >= 0) H5Tclose(memory);
    H5Tclose(type);
    H5Aclose(attribute);
    return status;
}

int bso_h5_get_number(const bso_h5_reader *r, const char *object, const char *name, double *value)
{
    return read_attribute(r, object, name, H5T_FLOAT, H5T_NATIVE_DOUBLE, value);
}

int bso_h5_get_integer(const bso_h5_reader *r, const char *object, const char *name, int64_t min, int64_t max,
                       int64_t *value)
{
    if (read_attribute(r, object, name, H5T_INTEGER, H5T_NATIVE_INT64, value)) return BSO_ERROR;
    if (*value >= min && *value <= max) return 0;
    return bso_fail("%s: %s: attribute %s is %" PRId64 ", not in %" PRId64 " to %" PRId64, r->path, object,
                    name, *value, min, max);
}

int bso_h5_get_unsigned(const bso_h5_reader *r, const char *object, const char *name, uint64_t *value)
{
    return read_attribute(r, object, name, H5T_INTEGER, H5T_NATIVE_UINT64, value);
}

/* Open a data set of numbers. Returns its id, or negative with bso_fail. */
static hid_t open_array(const bso_h5_reader *r, const char *path, int *rank, hsize_t *dims)
{
    if (!bso_h5_has(r, path)) {
        bso_fail("%s: data set %s is missing", r->path, path);
        return H5I_INVALID_HID;
    }
    hid_t array = H5Dopen2(r->file, path, H5P_DEFAULT);
    if (array < 0) {
        bso_fail("%s: %s cannot be opened as a data set", r->path, path);
        return H5I_INVALID_HID;
    }
    hid_t type = H5Dget_type(array), space = H5Dget_space(array);
    H5T_class_t class = type >= 0 ? H5Tget_class(type) : H5T_NO_CLASS;
    bool numbers = class == H5T_FLOAT || class == H5T_INTEGER;
    *rank = space >= 0 && H5Sis_simple(space) > 0 ? H5Sget_simple_extent_ndims(space) : -1;
    bool fits = *rank >= 0 && *rank <= BSO_H5_RANK && H5Sget_simple_extent_dims(space, dims, NULL) == *rank;
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    if (numbers && fits) return array;
    H5Dclose(array);
    bso_fail("%s: %s: %s", r->path, path, numbers ? "has too many axes" : "does not hold numbers");
    return H5I_INVALID_HID;
}

int bso_h5_shape(const bso_h5_reader *r, const char *path, int *rank, hsize_t dims[BSO_H5_RANK])
{
    hid_t array = open_array(r, path, rank, dims);
    if (array < 0) return BSO_ERROR;
    H5Dclose(array);
    return 0;
}

static void shape_text(char *text, size_t size, int rank, const hsize_t *dims)
{
    size_t used = (size_t)snprintf(text, size, "(");
    for (int i = 0; i < rank && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%" PRIuHSIZE, i ? "," : "", dims[i]);
    }
    if (used < size) snprintf(text + used, size - used, ")");
}

static hid_t open_expected(const bso_h5_reader *r, const char *path, int rank, const hsize_t *dims)
{
    int found;
    hsize_t shape[BSO_H5_RANK];
    hid_t array = open_array(r, path, &found, shape);
    if (array < 0) return array;
    bool same = found == rank;
    for (int i = 0; same && i < rank; i++) same = shape[i] == dims[i];
    if (same) return array;
    H5Dclose(array);
    char is[128], should[128];
    shape_text(is, sizeof is, found, shape);
    shape_text(should, sizeof should, rank, dims);
    bso_fail("%s: %s: its shape is %s, not %s", r->path, path, is, should);
    return H5I_INVALID_HID;
}

int bso_h5_expect(const bso_h5_reader *r, const char *path, int rank, const hsize_t *dims)
{
    hid_t array = open_expected(r, path, rank, dims);
    if (array < 0) return BSO_ERROR;
    H5Dclose(array);
    return 0;
}

int bso_h5_get_doubles(const bso_h5_reader *r, const char *path, int rank, const hsize_t *dims, double *data)
{
    hid_t array = open_expected(r, path, rank, dims);
    if (array < 0) return BSO_ERROR;
    bool ok = H5Dread(array, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
    H5Dclose(array);
    return ok ? 0 : bso_fail("%s: %s cannot be read: truncated or damaged", r->path, path);
}

int bso_h5_count(const bso_h5_reader *r, const char *group, size_t max, size_t *count)
{
    H5G_info_t info;
    if (H5Gget_info_by_name(r->file, group, &info, H5P_DEFAULT) < 0) {
        return bso_fail("%s: group %s is missing", r->path, group);
    }
    if (info.nlinks > max) return bso_fail("%s: group %s has more than %zu members", r->path, group, max);
    *count = (size_t)info.nlinks;
    return 0;
}

int bso_h5_name(const bso_h5_reader *r, const char *group, size_t index, char *name, size_t size)
{
    ssize_t length =
        H5Lget_name_by_idx(r->file, group, H5_INDEX_CRT_ORDER, H5_ITER_INC, index, name, size, H5P_DEFAULT);
    if (length < 0) { /* a group of another program, which keeps no order */
        length =
            H5Lget_name_by_idx(r->file, group, H5_INDEX_NAME, H5_ITER_INC, index, name, size, H5P_DEFAULT);
    }
    if (length <= 0 || (size_t)length >= size || has_control(name)) {
        return bso_fail("%s: group %s: member %zu has a name that is missing, too long or not text", r->path,
                        group, index);
    }
    return 0;
}
