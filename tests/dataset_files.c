/* dataset_files.c: see dataset_files.h. */
#define _GNU_SOURCE
#include "tests/dataset_files.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

char bso_files_root[64];

const char *bso_files_at(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", bso_files_root, name);
    return path;
}

int bso_files_setup(void **state)
{
    (void)state;
    snprintf(bso_files_root, sizeof bso_files_root, "/tmp/bso-datasets-XXXXXX");
    unsetenv("BSO_DATA_DIR");
    return mkdtemp(bso_files_root) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

int bso_files_teardown(void **state)
{
    (void)state;
    return nftw(bso_files_root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void bso_files_put(const char *name, const uint8_t *bytes, size_t n)
{
    size_t length = strlen(name);
    if (length > 3 && strcmp(name + length - 3, ".gz") == 0) {
        gzFile f = gzopen(bso_files_at(name), "wb");
        assert_non_null(f);
        assert_int_equal(gzwrite(f, bytes, (unsigned)n), n);
        assert_int_equal(gzclose(f), Z_OK);
        return;
    }
    FILE *f = fopen(bso_files_at(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

void bso_files_put_array(hid_t file, const char *name, hid_t stored, hid_t type, int rank,
                         const hsize_t *dims, const void *data)
{
    hid_t space = H5Screate_simple(rank, dims, NULL), links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    hid_t dataset = H5Dcreate2(file, name, stored, space, links, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(dataset >= 0);
    if (data) assert_true(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    H5Dclose(dataset);
    H5Pclose(links);
    H5Sclose(space);
}

void bso_files_put_hdf5(const int counts[2], const int shape[4], const float *x, const int *y, int classes)
{
    hid_t file = H5Fcreate(bso_files_at("own.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    size_t sample =
        (size_t)(shape[0] ? shape[0] : 1) * (size_t)shape[1] * (size_t)shape[2] * (size_t)shape[3];
    int skip = shape[0] ? 0 : 1;
    for (int i = 0; i < 2; i++) {
        hsize_t dims[5] = {(hsize_t)counts[i]};
        for (int k = skip; k < 4; k++) dims[1 + k - skip] = (hsize_t)shape[k];
        size_t before = i ? (size_t)counts[0] : 0;
        bso_files_put_array(file, i ? "test/x" : "train/x", H5T_IEEE_F32BE, H5T_NATIVE_FLOAT, 5 - skip, dims,
                            x + before * sample);
        bso_files_put_array(file, i ? "test/y" : "train/y", H5T_STD_U8LE, H5T_NATIVE_INT, 1, dims,
                            y + before);
    }
    if (classes) {
        hid_t space = H5Screate(H5S_SCALAR);
        hid_t attribute = H5Acreate2(file, "classes", H5T_STD_I32LE, space, H5P_DEFAULT, H5P_DEFAULT);
        H5Awrite(attribute, H5T_NATIVE_INT, &classes);
        H5Aclose(attribute);
        H5Sclose(space);
    }
    assert_true(H5Fclose(file) >= 0);
}
