/* test_datasets.c: the formats, on hand-made files whose content is known, on damaged ones, and on the real
 * Fashion-MNIST where it is installed. The loader has its own file.
 */
#include "core/dataset.h"
#include "core/error.h"
#include "core/memory.h"
#include "tests/dataset_files.h"

#include <hdf5.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static size_t get(const char *name, uint8_t *bytes, size_t most)
{
    FILE *f = fopen(bso_files_at(name), "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, most, f);
    fclose(f);
    return n;
}

static int open_set(bso_dataset *d, const char *name, const char *data_dir)
{
    bso_settings s;
    bso_settings_default(&s);
    assert_int_equal(bso_settings_set(&s, "dataset", name) || bso_settings_set(&s, "data_dir", data_dir), 0);
    return bso_dataset_open(d, &s);
}

/* Opening must fail with one line that names the file, and hold nothing afterwards. */
static void refused(const char *name, const char *data_dir, const char *named, const char *reason)
{
    bso_dataset d;
    assert_int_equal(open_set(&d, name, data_dir), BSO_ERROR);
    if (!strstr(bso_error(), named) || !strstr(bso_error(), reason) || strchr(bso_error(), '\n'))
        fail_msg("'%s' should say '%s' and '%s'", bso_error(), named, reason);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
    assert_null(d.private);
}

/* ---- IDX ---- */

enum { TRAIN = 23, TEST = 11, ROWS = 3, COLUMNS = 5 };

static uint8_t pixel(int salt, size_t i, size_t p)
{
    return (uint8_t)(31 * i + 7 * p + 101 * (size_t)salt);
}

static size_t header(uint8_t *out, int rank, const uint32_t *dims)
{
    uint32_t word[4] = {0x800u + (uint32_t)rank, dims[0], rank > 1 ? dims[1] : 0, rank > 2 ? dims[2] : 0};
    for (int i = 0; i <= rank; i++)
        for (int b = 0; b < 4; b++) out[4 * i + b] = (uint8_t)(word[i] >> (24 - 8 * b));
    return 4 * ((size_t)rank + 1);
}

static void put_images(const char *name, int salt, uint32_t count, uint32_t rows, uint32_t columns)
{
    uint8_t bytes[4096];
    size_t n = header(bytes, 3, (uint32_t[]){count, rows, columns}), plane = rows * columns;
    for (size_t i = 0; i < count * plane; i++) bytes[n++] = pixel(salt, i / plane, i % plane);
    bso_files_put(name, bytes, n);
}

static void put_labels(const char *name, uint32_t count, uint8_t last)
{
    uint8_t bytes[256];
    size_t n = header(bytes, 1, &count);
    for (uint32_t i = 0; i < count; i++) bytes[n++] = (uint8_t)(i + 1 == count ? last : i % 10);
    bso_files_put(name, bytes, n);
}

static void put_idx(const char *folder, const char *ending)
{
    char name[128];
    snprintf(name, sizeof name, "%strain-images-idx3-ubyte%s", folder, ending);
    put_images(name, 0, TRAIN, ROWS, COLUMNS);
    snprintf(name, sizeof name, "%strain-labels-idx1-ubyte%s", folder, ending);
    put_labels(name, TRAIN, 9);
    snprintf(name, sizeof name, "%st10k-images-idx3-ubyte%s", folder, ending);
    put_images(name, 1, TEST, ROWS, COLUMNS);
    snprintf(name, sizeof name, "%st10k-labels-idx1-ubyte%s", folder, ending);
    put_labels(name, TEST, 9);
}

static void check_idx(const char *name, const char *data_dir, const char *shown)
{
    bso_dataset d;
    if (open_set(&d, name, data_dir)) fail_msg("%s", bso_error());
    assert_string_equal(d.name, shown);
    assert_int_equal(d.classes, 10);
    assert_int_equal(d.frames * d.channels, 1);
    assert_int_equal(d.height, ROWS);
    assert_int_equal(d.width, COLUMNS);
    assert_int_equal(d.train_count, TRAIN);
    assert_int_equal(d.test_count, TEST);
    for (int salt = 0; salt < 2; salt++) {
        bso_split split = salt ? BSO_SPLIT_TEST : BSO_SPLIT_TRAIN;
        size_t count = salt ? TEST : TRAIN;
        for (size_t i = 0; i < count; i++) {
            float x[ROWS * COLUMNS];
            assert_int_equal(d.fetch(&d, split, i, NULL, x), 0);
            for (size_t p = 0; p < ROWS * COLUMNS; p++)
                assert_true(x[p] == (float)pixel(salt, i, p) / 255.0f);
            assert_int_equal(d.label(&d, split, i), i + 1 == count ? 9 : i % 10);
        }
    }
    bso_dataset_close(&d);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static void test_idx(void **state)
{
    (void)state;
    put_idx("", "");
    check_idx("mnist", bso_files_root, "MNIST");
    check_idx("kmnist", bso_files_root, "KMNIST");
    check_idx("fashion-mnist", bso_files_root, "Fashion-MNIST");
    refused("mnist", "", "data_dir", "MNIST");
    setenv("BSO_DATA_DIR", bso_files_root, 1);
    check_idx("mnist", "", "MNIST");
    refused("mnist", "/nowhere", "/nowhere", "set data_dir"); /* the key comes before the environment */
    unsetenv("BSO_DATA_DIR");

    assert_int_equal(mkdir(bso_files_at("fashion-mnist"), 0777), 0);
    assert_int_equal(mkdir(bso_files_at("kmnist"), 0777), 0);
    put_idx("kmnist/", ".gz");
    assert_int_equal(remove(bso_files_at("train-images-idx3-ubyte")), 0);
    check_idx("kmnist", bso_files_root, "KMNIST");
    refused("mnist", bso_files_root, bso_files_root, "train-images-idx3-ubyte");
    refused("fashion-mnist", bso_files_root, "fashion-mnist",
            "install dataset-fashion-mnist or set data_dir");
}

static void test_idx_damaged(void **state)
{
    (void)state;
    for (int compressed = 0; compressed < 2; compressed++) {
        const char *ending = compressed ? ".gz" : "";
        char images[64], labels[64], train[64];
        snprintf(train, sizeof train, "train-images-idx3-ubyte%s", ending);
        snprintf(images, sizeof images, "t10k-images-idx3-ubyte%s", ending);
        snprintf(labels, sizeof labels, "t10k-labels-idx1-ubyte%s", ending);
        put_idx("", ending);
        check_idx("mnist", bso_files_root, "MNIST");

        uint8_t bytes[4096] = {0};
        uint32_t dims[3] = {TEST, ROWS, COLUMNS};
        size_t head = header(bytes, 3, dims), full = head + TEST * ROWS * COLUMNS;
        bso_files_put(images, bytes, full - 1);
        refused("mnist", bso_files_root, images, "truncated");
        bso_files_put(images, bytes, full + 1);
        refused("mnist", bso_files_root, images, "goes on");
        bso_files_put(images, bytes, 7);
        refused("mnist", bso_files_root, images, "ends too early");
        bso_files_put(images, bytes, 0);
        refused("mnist", bso_files_root, images, "ends too early");
        bytes[3] = 1;
        bso_files_put(images, bytes, full);
        refused("mnist", bso_files_root, images, "magic");
        header(bytes, 3, (uint32_t[]){0x7fffffff, 4096, 4096}); /* 2^55 bytes, which must not be asked for */
        bso_files_put(images, bytes, full);
        refused("mnist", bso_files_root, images, "truncated");
        header(bytes, 3, (uint32_t[]){0xffffffff, 0xffffffff, 0xffffffff});
        bso_files_put(images, bytes, full);
        refused("mnist", bso_files_root, images, "dimension 1");
        header(bytes, 3, (uint32_t[]){TEST, 0, COLUMNS});
        bso_files_put(images, bytes, full);
        refused("mnist", bso_files_root, images, "dimension 2");
        put_images(images, 1, TEST, COLUMNS, ROWS);
        refused("mnist", bso_files_root, images, "5 x 3");
        put_images(images, 1, TEST - 1, ROWS, COLUMNS);
        refused("mnist", bso_files_root, labels, "11 labels for the 10 images");
        put_images(images, 1, TEST, ROWS, COLUMNS);

        put_labels(labels, TEST, 10);
        refused("mnist", bso_files_root, labels, "label 10 of item 10");
        assert_int_equal(remove(bso_files_at(labels)), 0);
        refused("mnist", bso_files_root, "t10k-labels-idx1-ubyte", "no such file");
        assert_int_equal(mkdir(bso_files_at(labels), 0777), 0);
        refused("mnist", bso_files_root, labels, "not a regular file");
        assert_int_equal(rmdir(bso_files_at(labels)), 0);
        put_labels(labels, TEST, 9);

        /* Half a gzip stream; and whatever byte of it is wrong, it is refused or makes no difference. */
        size_t n = get(images, bytes, sizeof bytes);
        FILE *f = fopen(bso_files_at(images), "wb");
        fwrite(bytes, 1, n / 2, f);
        fclose(f);
        refused("mnist", bso_files_root, images, compressed ? "cannot be read to its end" : "truncated");
        for (size_t i = 0; i < n && compressed; i++) {
            bytes[i] ^= 0x55;
            f = fopen(bso_files_at(images), "wb");
            fwrite(bytes, 1, n, f);
            fclose(f);
            bytes[i] ^= 0x55;
            bso_dataset d;
            bool opened = open_set(&d, "mnist", bso_files_root) == 0;
            bso_dataset_close(&d);
            if (opened) check_idx("mnist", bso_files_root, "MNIST");
        }
        const char *const all[] = {train, images, labels,
                                   compressed ? "train-labels-idx1-ubyte.gz" : "train-labels-idx1-ubyte"};
        for (int i = 0; i < 4; i++) assert_int_equal(remove(bso_files_at(all[i])), 0);
    }
}

/* ---- CIFAR ---- */

enum { PIXELS = 3 * 32 * 32, RECORDS = 4 };

static void put_records(const char *name, int labels, int salt, size_t extra, uint8_t last)
{
    static uint8_t bytes[(RECORDS + 1) * (PIXELS + 2)];
    size_t n = 0;
    for (size_t i = 0; i < RECORDS; i++) {
        if (labels == 2) bytes[n++] = (uint8_t)i;
        bytes[n++] = (uint8_t)(i + 1 == RECORDS ? last : i + (size_t)salt);
        for (size_t p = 0; p < PIXELS; p++) bytes[n++] = pixel(salt, i, p);
    }
    bso_files_put(name, bytes, n + extra);
}

static void check_cifar(const char *name, const char *data_dir, int parts, int classes, uint8_t last)
{
    bso_dataset d;
    if (open_set(&d, name, data_dir)) fail_msg("%s", bso_error());
    assert_int_equal(d.classes, classes);
    assert_int_equal(d.channels, 3);
    assert_int_equal(d.height, 32);
    assert_int_equal(d.width, 32);
    assert_int_equal(d.train_count, parts * RECORDS);
    assert_int_equal(d.test_count, RECORDS);
    float *x = malloc(PIXELS * sizeof *x);
    for (int i = 0; i < (parts + 1) * RECORDS; i++) {
        int part = i / RECORDS, salt = part + 1;
        size_t record = (size_t)i % RECORDS, index = part < parts ? (size_t)i : record;
        bso_split split = part < parts ? BSO_SPLIT_TRAIN : BSO_SPLIT_TEST;
        assert_int_equal(d.fetch(&d, split, index, NULL, x), 0);
        for (size_t p = 0; p < PIXELS; p++) assert_true(x[p] == (float)pixel(salt, record, p) / 255.0f);
        assert_int_equal(d.label(&d, split, index), record + 1 == RECORDS ? last : record + (size_t)salt);
    }
    free(x);
    bso_dataset_close(&d);
}

static void test_cifar(void **state)
{
    (void)state;
    refused("cifar10", "", "data_dir", "cifar-10-batches-bin");
    refused("cifar10", bso_files_root, bso_files_root, "set data_dir");
    assert_int_equal(mkdir(bso_files_at("cifar-10-batches-bin"), 0777), 0);
    assert_int_equal(mkdir(bso_files_at("cifar-100-binary"), 0777), 0);
    char name[64];
    for (int part = 1; part <= 5; part++) {
        snprintf(name, sizeof name, "cifar-10-batches-bin/data_batch_%d.bin", part);
        put_records(name, 1, part, 0, 9);
    }
    refused("cifar10", bso_files_root, "test_batch.bin", "No such file");
    put_records("cifar-10-batches-bin/test_batch.bin", 1, 6, 0, 9);
    check_cifar("cifar10", bso_files_root, 5, 10, 9);
    char folder[128];
    snprintf(folder, sizeof folder, "%s", bso_files_at("cifar-10-batches-bin"));
    check_cifar("cifar10", folder, 5, 10, 9);

    put_records("cifar-10-batches-bin/data_batch_3.bin", 1, 3, 1, 9);
    refused("cifar10", bso_files_root, "data_batch_3.bin", "3073");
    put_records("cifar-10-batches-bin/data_batch_3.bin", 1, 3, 3073, 9);
    refused("cifar10", bso_files_root, "data_batch_3.bin", "5 records");
    put_records("cifar-10-batches-bin/data_batch_3.bin", 1, 3, 0, 10);
    refused("cifar10", bso_files_root, "data_batch_3.bin", "label 10 of record 3");
    bso_files_put("cifar-10-batches-bin/data_batch_3.bin", (const uint8_t *)"", 0);
    refused("cifar10", bso_files_root, "data_batch_3.bin", "0 bytes");

    put_records("cifar-100-binary/train.bin", 2, 1, 0, 99);
    put_records("cifar-100-binary/test.bin", 2, 2, 0, 99);
    check_cifar("cifar100", bso_files_root, 1, 100, 99);
    put_records("cifar-100-binary/test.bin", 2, 2, 0, 100);
    refused("cifar100", bso_files_root, "test.bin", "label 100 of record 3");
    put_records("cifar-100-binary/test.bin", 1, 2, 0, 9);
    refused("cifar100", bso_files_root, "test.bin", "3074");
}

/* ---- HDF5 ---- */

static char *own(void)
{
    static char name[280];
    snprintf(name, sizeof name, "hdf5:%s", bso_files_at("own.h5"));
    return name;
}

/* own.h5 with 3 + 2 samples of 2 x 3 x 2 x 2 (frames, channels, height, width), values 0.5 * i - 7. */
static void put_frames(int classes)
{
    float x[5 * 24];
    for (int i = 0; i < 5 * 24; i++) x[i] = 0.5f * (float)i - 7;
    bso_files_put_hdf5((int[]){3, 2}, (int[]){2, 3, 2, 2}, x, (int[]){0, 1, 3, 2, 0}, classes);
}

static void test_hdf5(void **state)
{
    (void)state;
    for (int classes = 0; classes <= 7; classes += 7) {
        put_frames(classes);
        bso_dataset d;
        if (open_set(&d, own(), "")) fail_msg("%s", bso_error());
        assert_string_equal(d.name, "own.h5");
        assert_int_equal(d.classes, classes ? 7 : 4);
        assert_int_equal(d.frames, 2);
        assert_int_equal(d.channels, 3);
        assert_int_equal(d.train_count, 3);
        assert_int_equal(d.test_count, 2);
        assert_int_equal(d.label(&d, BSO_SPLIT_TRAIN, 2), 3);
        assert_int_equal(d.label(&d, BSO_SPLIT_TEST, 0), 2);
        float x[24];
        assert_int_equal(d.fetch(&d, BSO_SPLIT_TEST, 1, NULL, x), 0);
        for (int p = 0; p < 24; p++) assert_true(x[p] == 0.5f * (float)(4 * 24 + p) - 7);
        bso_dataset_close(&d);
    }
    assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static void test_hdf5_damaged(void **state)
{
    (void)state;
    static const hsize_t five[] = {2, 2, 3, 2, 2}, other[] = {2, 2, 3, 2, 1}, more[] = {4, 2, 3, 2, 2},
                         none[] = {0, 2, 3, 2, 2}, absurd[] = {2000000000, 2, 3, 2, 2},
                         wide[] = {2, 2, 3, 2, 5000};
    static const int y[] = {0, 1, 2, 3}, high[] = {0, 4}, low[] = {-1, 0};
    static const float good[96] = {0}, bad[48] = {[47] = NAN};
    const struct {
        const char *name;
        hid_t stored;
        int rank;
        const hsize_t *dims;
        const void *data;
        const char *reason;
    } cases[] = {
        {"test/x", H5T_IEEE_F32LE, 4, five, good, "do not have the shape"},
        {"test/x", H5T_IEEE_F32LE, 3, five, good, "test/x has 3 axes"},
        {"test/x", H5T_IEEE_F32LE, 5, other, good, "do not have the shape"},
        {"test/x", H5T_IEEE_F32LE, 5, more, good, "4 samples, test/y 2 labels"},
        {"test/x", H5T_IEEE_F32LE, 5, none, NULL, "axis 0 of test/x is 0"},
        {"test/x", H5T_IEEE_F32LE, 5, absurd, NULL, "test/x announces"},
        {"test/x", H5T_IEEE_F32LE, 5, wide, NULL, "axis 4 of test/x is 5000"},
        {"test/x", H5T_IEEE_F32LE, 5, five, NULL, "test/x announces"},
        {"test/x", H5T_IEEE_F64LE, 5, five, bad, "not finite in sample 1"},
        {"test/x", H5T_C_S1, 5, five, NULL, "does not hold numbers"},
        {"train/y", H5T_STD_I32LE, 1, more, y, "3 samples, train/y 4 labels"},
        {"train/y", H5T_STD_I32LE, 2, five, y, "train/y has 2 axes"},
        {"train/y", H5T_IEEE_F32LE, 1, (hsize_t[]){3}, y, "does not hold integers"},
        {"test/y", H5T_STD_I32LE, 1, five, high, "label 4 of sample 1 in test/y"},
        {"test/y", H5T_STD_I32LE, 1, five, low, "label -1 of sample 0 in test/y"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_frames(4);
        hid_t file = H5Fopen(bso_files_at("own.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
        bool label = strchr(cases[i].name, 'y') != NULL;
        assert_true(H5Ldelete(file, cases[i].name, H5P_DEFAULT) >= 0);
        bso_files_put_array(file, cases[i].name, cases[i].stored, label ? H5T_NATIVE_INT : H5T_NATIVE_FLOAT,
                            cases[i].rank, cases[i].dims, cases[i].data);
        assert_true(H5Fclose(file) >= 0);
        refused(own(), "", bso_files_at("own.h5"), cases[i].reason);
        assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
    }
    /* A header that says its data are elsewhere, 50 GB of them. */
    put_frames(4);
    hid_t outside = H5Fopen(bso_files_at("own.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(H5Ldelete(outside, "test/x", H5P_DEFAULT) >= 0);
    const hsize_t huge[] = {500000000, 2, 3, 2, 2};
    hid_t list = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(5, huge, NULL);
    assert_true(H5Pset_external(list, "/dev/zero", 0, H5F_UNLIMITED) >= 0);
    hid_t array = H5Dcreate2(outside, "test/x", H5T_IEEE_F32LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    assert_true(array >= 0 && H5Dclose(array) >= 0 && H5Sclose(space) >= 0 && H5Pclose(list) >= 0);
    assert_true(H5Fclose(outside) >= 0);
    refused(own(), "", bso_files_at("own.h5"), "test/x announces");
    put_frames(1);
    refused(own(), "", bso_files_at("own.h5"), "classes");
    put_frames(3);
    refused(own(), "", bso_files_at("own.h5"), "label 3 of sample 2 in train/y is outside 0 to 2");
    bso_files_put_hdf5((int[]){1, 1}, (int[]){0, 1, 1, 1}, good, (int[]){0, 0}, 0);
    refused(own(), "", bso_files_at("own.h5"), "every label is 0");
    put_frames(4);
    hid_t file = H5Fopen(bso_files_at("own.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    H5Ldelete(file, "test/y", H5P_DEFAULT);
    H5Fclose(file);
    refused(own(), "", bso_files_at("own.h5"), "no dataset test/y");
    assert_int_equal(truncate(bso_files_at("own.h5"), 700), 0);
    refused(own(), "", bso_files_at("own.h5"), "not an HDF5 file");
    bso_files_put("own.h5", (const uint8_t *)"no", 2);
    refused(own(), "", bso_files_at("own.h5"), "not an HDF5 file");
    assert_int_equal(remove(bso_files_at("own.h5")), 0);
    refused(own(), "", bso_files_at("own.h5"), "No such file");
    assert_int_equal(mkdir(bso_files_at("own.h5"), 0777), 0);
    refused(own(), "", bso_files_at("own.h5"), "not a regular file");
}

/* A key that chooses among samples is refused where a data set leaves no such choice. */
static void test_keys(void **state)
{
    (void)state;
    static const char *const wrong[][3] = {{"mnist", "image_size", "16"},
                                           {"cifar10", "subset_classes", "2"},
                                           {"cifar100", "subset_per_class", "5"},
                                           {"kmnist", "speech_classes", "12"},
                                           {"imagenet", "event_slices", "duration"},
                                           {"n-mnist", "test_split", "last"},
                                           {"speech-commands-v1", "event_slices", "duration"},
                                           {"hdf5:x.h5", "image_size", "16"},
                                           {"stand-in:mnist", "image_size", "16"}};
    put_idx("", "");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        bso_settings s;
        bso_dataset d;
        bso_settings_default(&s);
        assert_int_equal(bso_settings_set(&s, "dataset", wrong[i][0]), 0);
        assert_int_equal(bso_settings_set(&s, "data_dir", bso_files_root), 0);
        assert_int_equal(bso_settings_set(&s, "cache", bso_files_at("cache")), 0);
        assert_int_equal(bso_settings_set(&s, wrong[i][1], wrong[i][2]), 0);
        assert_int_equal(bso_dataset_open(&d, &s), BSO_ERROR);
        bool named = strstr(bso_error(), wrong[i][1]) && strstr(bso_error(), "no such choice");
        /* The stand-in itself needs the real Fashion-MNIST first. */
        if (!named && !strstr(bso_error(), "Fashion-MNIST")) fail_msg("%s: %s", wrong[i][0], bso_error());
    }
}

static void test_registry(void **state)
{
    (void)state;
    refused("fashion", "", "'fashion'", "cifar10, cifar100, ");
    refused("mnist:x", "", "'mnist:x'", "there are");
    refused("hdf5", "", "'hdf5'", "there are");
    refused("hdf5:", "", "hdf5:", "needs a name");
    bso_mem_plan(true);
    refused("mnist", bso_files_root, "mnist", "plan mode");
    bso_mem_plan(false);
    for (const bso_dataset_format *const *f = bso_dataset_formats; *f; f++)
        assert_null(strchr((*f)->summary, '\n'));
}

/* The package's files: known counts, first labels, and the mean of all training pixels (0.2860). */
static void test_fashion_mnist(void **state)
{
    (void)state;
    struct stat status;
    if (stat("/usr/share/datasets/fashion-mnist", &status)) {
        print_message("dataset-fashion-mnist is not installed: not tested\n");
        skip();
    }
    bso_dataset d;
    if (open_set(&d, "fashion-mnist", "")) fail_msg("%s", bso_error());
    assert_string_equal(d.name, "Fashion-MNIST");
    assert_int_equal(d.train_count, 60000);
    assert_int_equal(d.test_count, 10000);
    assert_int_equal(d.classes, 10);
    assert_int_equal(d.height, 28);
    assert_int_equal(d.width, 28);
    static const int first[] = {9, 0, 0, 3, 0}, first_test[] = {9, 2, 1, 1, 6};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(d.label(&d, BSO_SPLIT_TRAIN, i), first[i]);
        assert_int_equal(d.label(&d, BSO_SPLIT_TEST, i), first_test[i]);
    }
    double sum = 0;
    int per_class[10] = {0};
    for (size_t i = 0; i < d.train_count; i++) {
        float x[28 * 28];
        assert_int_equal(d.fetch(&d, BSO_SPLIT_TRAIN, i, NULL, x), 0);
        for (int p = 0; p < 28 * 28; p++) sum += x[p];
        per_class[d.label(&d, BSO_SPLIT_TRAIN, i)]++;
    }
    assert_true(fabs(sum / 60000 / 784 - 0.2860) < 1e-4);
    for (int c = 0; c < 10; c++) assert_int_equal(per_class[c], 6000);
    bso_dataset_close(&d);
    setenv("BSO_DATA_DIR", bso_files_root, 1); /* meant for other data sets: the package is still found */
    assert_int_equal(open_set(&d, "fashion-mnist", ""), 0);
    bso_dataset_close(&d);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_idx, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_idx_damaged, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_cifar, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_hdf5, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_hdf5_damaged, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_keys, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_registry, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_fashion_mnist, bso_files_setup, bso_files_teardown),
    };
    return cmocka_run_group_tests_name("datasets", tests, NULL, NULL);
}
