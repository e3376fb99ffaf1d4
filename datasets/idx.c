/* idx.c: the MNIST family in IDX files, plain or compressed by gzip (LeCun, Cortes and Burges 1998).
 *
 * An image file is the big-endian words 0x00000803, count, height, width and one byte per pixel; a label file
 * is 0x00000801, count and one byte per label. It is not a reader of every IDX file: only bytes, only these
 * two shapes.
 */
#include "core/dataset.h"
#include "core/error.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum { STEP = 1 << 16, SIDE_MAX = 4096, CLASSES = 10 };

struct source {
    const char *shown, *folder, *package, *advice;
};

struct idx {
    char path[BSO_PATH];
    gzFile file; /* zlib reads plain files as they are */
    uint32_t dims[3];
    size_t bytes; /* after the header */
};

static int fail_read(const struct idx *x)
{
    int code;
    const char *text = gzerror(x->file, &code);
    /* zlib puts the path in front, where it has more to say than a code. */
    size_t length = strlen(x->path);
    if (strncmp(text, x->path, length) == 0 && strncmp(text + length, ": ", 2) == 0) text += length + 2;
    return bso_fail("%s: cannot be read to its end (%s); fetch it again", x->path,
                    code == Z_OK ? "it ends too early" : text);
}

/* Exactly n bytes. */
static int take(struct idx *x, uint8_t *out, size_t n)
{
    for (size_t done = 0; done < n;) {
        unsigned step = (unsigned)(n - done < STEP ? n - done : STEP);
        int got = gzread(x->file, out + done, step);
        if (got <= 0) return fail_read(x);
        done += (size_t)got;
    }
    return 0;
}

/* Header of rank words after the magic; a file that is short of one is named so. */
static int take_header(struct idx *x, int rank)
{
    uint8_t head[16];
    if (take(x, head, 4 * ((size_t)rank + 1))) return BSO_ERROR;
    uint32_t word[4];
    for (int i = 0; i <= rank; i++) {
        const uint8_t *b = head + 4 * i;
        word[i] = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    }
    uint32_t magic = 0x00000800u + (uint32_t)rank;
    if (word[0] != magic)
        return bso_fail("%s: not an IDX file of bytes with %d dimension%s (magic 0x%08x, not 0x%08x)",
                        x->path, rank, rank > 1 ? "s" : "", word[0], magic);
    x->bytes = 1;
    for (int i = 0; i < rank; i++) {
        uint32_t most = i == 0 ? INT32_MAX : SIDE_MAX;
        x->dims[i] = word[i + 1];
        if (x->dims[i] < 1 || x->dims[i] > most)
            return bso_fail("%s: dimension %d is %u, outside 1 to %u", x->path, i + 1, x->dims[i], most);
        x->bytes *= x->dims[i]; /* below 2^31 * 2^24 */
    }
    return 0;
}

/* Open, and compare what the header announces with what is really there, read in steps, before anything of
 * that size is allocated. Leaves the file just behind its header. */
static int open_file(struct idx *x, const char *folder, const char *name, int rank)
{
    struct stat status;
    x->file = NULL;
    for (int compressed = 0; compressed < 2; compressed++) {
        int n = snprintf(x->path, sizeof x->path, "%s/%s%s", folder, name, compressed ? ".gz" : "");
        if (n < 0 || (size_t)n >= sizeof x->path) return bso_fail("%s: the path is too long", folder);
        if (stat(x->path, &status) == 0) break;
        if (compressed) return bso_fail("%s/%s: no such file, nor with .gz", folder, name);
    }
    if (!S_ISREG(status.st_mode)) return bso_fail("%s: not a regular file", x->path);
    x->file = gzopen(x->path, "rb");
    if (!x->file) return bso_fail("%s: cannot be opened; check its permissions", x->path);
    gzbuffer(x->file, STEP);
    if (take_header(x, rank)) return BSO_ERROR;

    uint8_t step[STEP];
    size_t there = 0;
    int got;
    while ((got = gzread(x->file, step, STEP)) > 0 && there <= x->bytes) there += (size_t)got;
    if (there > x->bytes)
        return bso_fail("%s: goes on after the %zu bytes that its header announces", x->path, x->bytes);
    int code;
    gzerror(x->file, &code);
    if (got < 0 || code != Z_OK) return fail_read(x);
    if (there < x->bytes)
        return bso_fail("%s: truncated: %zu bytes of the %zu that its header announces; fetch it again",
                        x->path, there, x->bytes);
    if (gzrewind(x->file)) return fail_read(x);
    return take_header(x, rank);
}

static void close_file(struct idx *x)
{
    if (x->file) gzclose(x->file);
    x->file = NULL;
}

static int take_labels(struct idx *x, int32_t *labels, size_t count)
{
    uint8_t step[STEP];
    for (size_t done = 0; done < count;) {
        size_t n = count - done < STEP ? count - done : STEP;
        if (take(x, step, n)) return BSO_ERROR;
        for (size_t i = 0; i < n; i++) {
            if (step[i] >= CLASSES)
                return bso_fail("%s: label %d of item %zu is outside 0 to %d", x->path, step[i], done + i,
                                CLASSES - 1);
            labels[done + i] = step[i];
        }
        done += n;
    }
    return 0;
}

/* Check the four opened files against each other and read them. */
static int read_files(bso_dataset *d, struct idx images[2], struct idx labels[2])
{
    for (int i = 0; i < 2; i++) {
        if (labels[i].dims[0] != images[i].dims[0])
            return bso_fail("%s: %u labels for the %u images of %s", labels[i].path, labels[i].dims[0],
                            images[i].dims[0], images[i].path);
        if (images[i].dims[1] != images[0].dims[1] || images[i].dims[2] != images[0].dims[2])
            return bso_fail("%s: images are %u x %u, in %s %u x %u", images[i].path, images[i].dims[1],
                            images[i].dims[2], images[0].path, images[0].dims[1], images[0].dims[2]);
    }
    d->classes = CLASSES;
    d->channels = d->frames = 1;
    d->height = (int)images[0].dims[1];
    d->width = (int)images[0].dims[2];
    d->train_count = images[0].dims[0];
    d->test_count = images[1].dims[0];
    bso_samples *held = bso_dataset_hold(d, 1);
    if (!held) return BSO_ERROR;
    static const bso_split splits[2] = {BSO_SPLIT_TRAIN, BSO_SPLIT_TEST};
    for (int i = 0; i < 2; i++) {
        if (take(&images[i], held->pixels[splits[i]], images[i].bytes)) return BSO_ERROR;
        if (take_labels(&labels[i], held->labels[splits[i]], labels[i].bytes)) return BSO_ERROR;
    }
    return 0;
}

static int find(char *folder, const struct source *source, const char *data_dir)
{
    static const char *const any[] = {"train-images-idx3-ubyte", "train-images-idx3-ubyte.gz", NULL};
    return bso_dataset_folder(folder, data_dir, source->folder, any, source->package, source->advice);
}

static int open_idx(bso_dataset *d, const struct source *source, const char *data_dir)
{
    static const char *const image_names[2] = {"train-images-idx3-ubyte", "t10k-images-idx3-ubyte"};
    static const char *const label_names[2] = {"train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"};
    char folder[BSO_PATH];
    if (find(folder, source, data_dir)) return BSO_ERROR;
    bso_dataset_call(d, source->shown, folder);
    struct idx images[2] = {{.file = NULL}}, labels[2] = {{.file = NULL}};
    int rc = 0;
    for (int i = 0; i < 2 && !rc; i++) {
        rc = open_file(&images[i], folder, image_names[i], 3);
        if (!rc) rc = open_file(&labels[i], folder, label_names[i], 1);
    }
    if (!rc) rc = read_files(d, images, labels);
    for (int i = 0; i < 2; i++) {
        close_file(&images[i]);
        close_file(&labels[i]);
    }
    return rc;
}

static const struct source fashion_mnist = {"Fashion-MNIST", "fashion-mnist",
                                            "/usr/share/datasets/fashion-mnist",
                                            "install dataset-fashion-mnist or set data_dir"};
static const struct source mnist = {"MNIST", "mnist", NULL,
                                    "fetch them (datasets/fetch.sh mnist) and set data_dir to the folder of "
                                    "the MNIST files, or try dataset=stand-in:mnist"};
static const struct source kmnist = {
    "KMNIST", "kmnist", NULL,
    "fetch them (datasets/fetch.sh kmnist) and set data_dir to the folder of "
    "the KMNIST files, or try dataset=stand-in:kmnist"};

static int find_fashion_mnist(char *folder, const bso_settings *s)
{
    return find(folder, &fashion_mnist, s->data_dir);
}

static int find_mnist(char *folder, const bso_settings *s)
{
    return find(folder, &mnist, s->data_dir);
}

static int find_kmnist(char *folder, const bso_settings *s)
{
    return find(folder, &kmnist, s->data_dir);
}

static int open_fashion_mnist(bso_dataset *d, const char *argument, const bso_settings *s)
{
    (void)argument;
    static const char *const names[] = {"T-shirt", "trouser", "pullover", "dress", "coat",
                                        "sandal",  "shirt",   "sneaker",  "bag",   "boot"};
    return open_idx(d, &fashion_mnist, s->data_dir) ? BSO_ERROR : bso_dataset_name_classes(d, names);
}

static int open_mnist(bso_dataset *d, const char *argument, const bso_settings *s)
{
    (void)argument;
    return open_idx(d, &mnist, s->data_dir);
}

static int open_kmnist(bso_dataset *d, const char *argument, const bso_settings *s)
{
    (void)argument;
    return open_idx(d, &kmnist, s->data_dir);
}

const bso_dataset_format bso_dataset_fashion_mnist = {
    .name = "fashion-mnist",
    .summary = "28x28 grey clothes, 10 classes (Xiao et al. 2017); Debian package dataset-fashion-mnist, or "
               "IDX files in data_dir",
    .open = open_fashion_mnist,
    .find = find_fashion_mnist,
};

const bso_dataset_format bso_dataset_mnist = {
    .name = "mnist",
    .summary = "28x28 grey digits, 10 classes (LeCun et al. 1998); IDX files in data_dir",
    .open = open_mnist,
    .find = find_mnist,
};

const bso_dataset_format bso_dataset_kmnist = {
    .name = "kmnist",
    .summary = "28x28 grey cursive kana, 10 classes (Clanuwat et al. 2018); IDX files in data_dir",
    .open = open_kmnist,
    .find = find_kmnist,
};
