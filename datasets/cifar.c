/* cifar.c: CIFAR-10 and CIFAR-100 in their official binary layout (Krizhevsky 2009).
 *
 * A record is one label byte (CIFAR-10) or a coarse and a fine one (CIFAR-100, where the fine one is used),
 * then the red, green and blue planes of 32 x 32 bytes. Files may hold fewer records than the official 10,000
 * or 50,000, so that a cut-down copy can be tried; the parts of CIFAR-10's training set must then be equally
 * long.
 */
#include "core/dataset.h"
#include "core/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { SIDE = 32, CHANNELS = 3, PIXELS = CHANNELS * SIDE * SIDE, PARTS_MAX = 5 };

struct layout {
    const char *shown, *folder, *advice;
    int label_bytes, label_max[2];
    const char *train[PARTS_MAX + 1], *test; /* file names; train ends with NULL */
};

/* Number of records by the file's length. */
static int count_records(const char *path, const struct layout *layout, size_t *count)
{
    struct stat status;
    if (stat(path, &status)) return bso_fail("%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode)) return bso_fail("%s: not a regular file", path);
    size_t record = (size_t)layout->label_bytes + PIXELS, bytes = (size_t)status.st_size;
    if (bytes == 0 || bytes % record)
        return bso_fail("%s: %zu bytes are not a number of %s records of %zu bytes; fetch it again", path,
                        bytes, layout->shown, record);
    *count = bytes / record;
    return 0;
}

static int read_records(const char *path, const struct layout *layout, size_t count, uint8_t *pixels,
                        int32_t *labels)
{
    FILE *file = fopen(path, "rb");
    if (!file) return bso_fail("%s: %s", path, strerror(errno));
    int rc = 0;
    size_t label_bytes = (size_t)layout->label_bytes;
    for (size_t i = 0; i < count && !rc; i++) {
        uint8_t label[2];
        if (fread(label, 1, label_bytes, file) != label_bytes ||
            fread(pixels + i * PIXELS, 1, PIXELS, file) != PIXELS) {
            rc = bso_fail("%s: cannot be read to its end", path);
            break;
        }
        for (size_t k = 0; k < label_bytes && !rc; k++) {
            if (label[k] > layout->label_max[k])
                rc = bso_fail("%s: label %d of record %zu is outside 0 to %d", path, label[k], i,
                              layout->label_max[k]);
        }
        labels[i] = label[label_bytes - 1];
    }
    fclose(file);
    return rc;
}

static int find(char *folder, const struct layout *layout, const char *data_dir)
{
    const char *any[] = {layout->train[0], layout->test, NULL};
    return bso_dataset_folder(folder, data_dir, layout->folder, any, NULL, layout->advice);
}

static int open_cifar(bso_dataset *d, const struct layout *layout, const char *data_dir)
{
    char folder[BSO_PATH], path[BSO_PATH], first[BSO_PATH];
    if (find(folder, layout, data_dir)) return BSO_ERROR;
    bso_dataset_call(d, layout->shown, folder);
    d->classes = layout->label_max[layout->label_bytes - 1] + 1;
    d->frames = 1;
    d->channels = CHANNELS;
    d->height = d->width = SIDE;

    size_t each = 0, parts = 0;
    for (; layout->train[parts]; parts++) {
        size_t count = 0;
        if (bso_file_path(path, folder, layout->train[parts]) || count_records(path, layout, &count))
            return BSO_ERROR;
        if (parts == 0) {
            each = count;
            memcpy(first, path, sizeof first);
        }
        if (count != each)
            return bso_fail("%s: %zu records, where %s has %zu; fetch the shorter one again", path, count,
                            first, each);
    }
    d->train_count = parts * each;
    if (bso_file_path(path, folder, layout->test) || count_records(path, layout, &d->test_count))
        return BSO_ERROR;
    if (d->train_count > INT32_MAX || d->test_count > INT32_MAX)
        return bso_fail("%s: too many records", folder);

    bso_samples *held = bso_dataset_hold(d, 1);
    if (!held) return BSO_ERROR;
    for (size_t part = 0; part < parts; part++) {
        uint8_t *pixels = (uint8_t *)held->pixels[BSO_SPLIT_TRAIN] + part * each * PIXELS;
        int32_t *labels = held->labels[BSO_SPLIT_TRAIN] + part * each;
        if (bso_file_path(path, folder, layout->train[part]) ||
            read_records(path, layout, each, pixels, labels))
            return BSO_ERROR;
    }
    if (bso_file_path(path, folder, layout->test)) return BSO_ERROR;
    return read_records(path, layout, d->test_count, held->pixels[BSO_SPLIT_TEST],
                        held->labels[BSO_SPLIT_TEST]);
}

static const struct layout cifar10 = {
    .shown = "CIFAR-10",
    .folder = "cifar-10-batches-bin",
    .advice =
        "fetch it (datasets/fetch.sh cifar10) and set data_dir (or BSO_DATA_DIR) to the folder that holds "
        "cifar-10-batches-bin, or try dataset=stand-in:cifar10",
    .label_bytes = 1,
    .label_max = {9},
    .train = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
              "data_batch_5.bin"},
    .test = "test_batch.bin",
};

static const struct layout cifar100 = {
    .shown = "CIFAR-100",
    .folder = "cifar-100-binary",
    .advice = "fetch it (datasets/fetch.sh cifar100) and set data_dir (or BSO_DATA_DIR) to the folder that "
              "holds cifar-100-binary, or try dataset=stand-in:cifar100",
    .label_bytes = 2,
    .label_max = {19, 99},
    .train = {"train.bin"},
    .test = "test.bin",
};

static int find_cifar10(char *folder, const bso_settings *s)
{
    return find(folder, &cifar10, s->data_dir);
}

static int find_cifar100(char *folder, const bso_settings *s)
{
    return find(folder, &cifar100, s->data_dir);
}

static int open_cifar10(bso_dataset *d, const char *argument, const bso_settings *s)
{
    (void)argument;
    static const char *const names[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                        "dog",      "frog",       "horse", "ship", "truck"};
    if (open_cifar(d, &cifar10, s->data_dir)) return BSO_ERROR;
    return d->stand_in ? 0 : bso_dataset_name_classes(d, names);
}

static int open_cifar100(bso_dataset *d, const char *argument, const bso_settings *s)
{
    (void)argument;
    return open_cifar(d, &cifar100, s->data_dir);
}

const bso_dataset_format bso_dataset_cifar10 = {
    .name = "cifar10",
    .summary = "32x32 colour pictures, 10 classes (Krizhevsky 2009); cifar-10-batches-bin in data_dir",
    .open = open_cifar10,
    .find = find_cifar10,
};

const bso_dataset_format bso_dataset_cifar100 = {
    .name = "cifar100",
    .summary = "32x32 colour pictures, 100 classes (Krizhevsky 2009); cifar-100-binary in data_dir",
    .open = open_cifar100,
    .find = find_cifar100,
};
