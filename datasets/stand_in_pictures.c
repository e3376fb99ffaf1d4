/* stand_in_pictures.c: stand-ins for CIFAR-10, CIFAR-100, MNIST and KMNIST: Fashion-MNIST in their files.
 *
 * In colour, a garment of one hue lies on ground of another, anywhere on it; for CIFAR-100 the garment's hue
 * is part of the class. In grey, pictures are mirrored (MNIST) or upside down (KMNIST), so that nobody takes
 * one for Fashion-MNIST itself.
 */
#include "core/error.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/stand_in.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { GARMENTS = 10, HUES = 10, SIDE = BSO_FASHION_SIDE, COLOUR_SIDE = 32 };

/* The pictures of Fashion-MNIST, of one garment after the other. */
typedef struct {
    bso_dataset fashion;
    bso_split split;
    size_t next[GARMENTS]; /* where to go on looking */
} wardrobe;

static int take(wardrobe *w, int garment, float *picture)
{
    size_t count = w->split == BSO_SPLIT_TEST ? w->fashion.test_count : w->fashion.train_count;
    for (size_t i = w->next[garment]; i < count; i++) {
        if (w->fashion.label(&w->fashion, w->split, i) != garment) continue;
        w->next[garment] = i + 1;
        return w->fashion.fetch(&w->fashion, w->split, i, NULL, picture);
    }
    return bso_fail("per_class: Fashion-MNIST has no more pictures of class %d; ask for fewer", garment);
}

static size_t test_share(int per_class)
{
    return per_class / 6 > 0 ? (size_t)per_class / 6 : 1; /* as MNIST and CIFAR-10 */
}

static size_t train_share(int per_class)
{
    size_t test = test_share(per_class);
    return (size_t)per_class > test ? (size_t)per_class - test : 1;
}

/* ---- CIFAR ---- */

/* One of the hues as red, green and blue in 0 to 1. */
static void colour(double hue, double value, double rgb[3])
{
    for (int k = 0; k < 3; k++) {
        double h = hue * 6 - 2 * k, x = fabs(h - 6 * floor(h / 6 + 0.5)); /* away from this primary */
        rgb[k] = value * fmin(1, fmax(0.15, 2 - x));
    }
}

/* planes[3][32][32]: a garment of hue number `hue`. b: where its random numbers begin, 8 of them. */
static void paint(const float *garment, int hue, uint64_t seed, uint64_t b, uint8_t *planes)
{
    double u[8], front[3], ground[3];
    for (uint64_t i = 0; i < 8; i++) u[i] = bso_random_uniform(seed, BSO_RANDOM_MAKE, 0, 8 * b + i);
    int top = (int)(u[0] * (COLOUR_SIDE - SIDE + 1)), left = (int)(u[1] * (COLOUR_SIDE - SIDE + 1));
    colour((hue + 0.6 * u[2]) / HUES, 0.7 + 0.3 * u[3], front);
    /* The ground's hue is at least a quarter of the circle away. */
    colour((hue + 0.5) / HUES + 0.25 + 0.5 * u[4], 0.25 + 0.35 * u[5], ground);
    for (int k = 0; k < 3; k++) {
        for (int y = 0; y < COLOUR_SIDE; y++) {
            for (int x = 0; x < COLOUR_SIDE; x++) {
                int gy = y - top, gx = x - left;
                bool on = gy >= 0 && gy < SIDE && gx >= 0 && gx < SIDE;
                double cover = on ? (double)garment[gy * SIDE + gx] : 0;
                double slope = 1 + 0.4 * ((u[6] - 0.5) * y + (u[7] - 0.5) * x) / COLOUR_SIDE;
                double value = cover * front[k] + (1 - cover) * ground[k] * slope;
                planes[(k * COLOUR_SIDE + y) * COLOUR_SIDE + x] = (uint8_t)(255 * fmin(1, value) + 0.5);
            }
        }
    }
}

/* A file of CIFAR's: count records, classes in turn. hundred: CIFAR-100. */
static int write_cifar(wardrobe *w, const char *folder, const char *name, size_t count, bool hundred,
                       uint64_t seed, uint64_t *painted)
{
    char path[BSO_PATH];
    float garment[SIDE * SIDE];
    size_t labels = hundred ? 2 : 1, record = labels + 3 * COLOUR_SIDE * COLOUR_SIDE;
    if (bso_stand_in_path(path, folder, name, false)) return BSO_ERROR;
    uint8_t *bytes = bso_alloc(BSO_MEM_DATASET, count, record, "pictures");
    if (!bytes) return BSO_ERROR;
    int rc = 0;
    for (size_t i = 0; i < count && !rc; i++) {
        uint8_t *at = bytes + i * record;
        int kind = (int)(i % GARMENTS), hue = (int)(i / GARMENTS % HUES);
        uint64_t number = (*painted)++;
        if (!hundred) hue = (int)bso_random_below(seed, BSO_RANDOM_MAKE, 1, number, HUES);
        at[0] = (uint8_t)(hundred ? 2 * kind + hue / (HUES / 2) : kind);
        if (hundred) at[1] = (uint8_t)(HUES * kind + hue);
        rc = take(w, kind, garment);
        if (!rc) paint(garment, hue, seed, number, at + labels);
    }
    if (!rc) rc = bso_stand_in_write(path, bytes, count * record);
    bso_free(bytes);
    return rc;
}

static int make_cifar(const char *folder, int per_class, bool hundred, uint64_t seed)
{
    static const char *const ten[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                      "data_batch_4.bin", "data_batch_5.bin", NULL};
    static const char *const one[] = {"train.bin", NULL};
    const char *const *files = hundred ? one : ten;
    size_t parts = hundred ? 1 : 5, classes = hundred ? GARMENTS * HUES : GARMENTS;
    size_t each = (train_share(per_class) + parts - 1) / parts * classes;
    wardrobe w = {.split = BSO_SPLIT_TRAIN};
    if (bso_stand_in_source(&w.fashion)) return BSO_ERROR;
    uint64_t painted = 0;
    int rc = 0;
    for (; *files && !rc; files++) rc = write_cifar(&w, folder, *files, each, hundred, seed, &painted);
    w.split = BSO_SPLIT_TEST;
    memset(w.next, 0, sizeof w.next);
    const char *test = hundred ? "test.bin" : "test_batch.bin";
    if (!rc) rc = write_cifar(&w, folder, test, test_share(per_class) * classes, hundred, seed, &painted);
    bso_dataset_close(&w.fashion);
    return rc;
}

static int make_cifar10(const char *folder, int per_class, uint64_t seed)
{
    return make_cifar(folder, per_class, false, seed);
}

static int make_cifar100(const char *folder, int per_class, uint64_t seed)
{
    return make_cifar(folder, per_class, true, seed);
}

/* ---- IDX ---- */

static size_t put_header(uint8_t *out, int rank, size_t count)
{
    const uint32_t words[4] = {0x800u + (uint32_t)rank, (uint32_t)count, SIDE, SIDE};
    size_t n = 4 * ((size_t)rank + 1);
    for (size_t i = 0; i < n; i++) out[i] = (uint8_t)(words[i / 4] >> (24 - 8 * (i % 4)));
    return n;
}

/* Images and labels of one split. mirror: left and right, else top and bottom are exchanged. */
static int write_idx(wardrobe *w, const char *folder, const char *split, size_t count, bool mirror)
{
    char image_name[64], label_name[64], path[BSO_PATH];
    snprintf(image_name, sizeof image_name, "%s-images-idx3-ubyte", split);
    snprintf(label_name, sizeof label_name, "%s-labels-idx1-ubyte", split);
    uint8_t *images = bso_alloc(BSO_MEM_DATASET, 16 + count * SIDE * SIDE, 1, "pictures");
    uint8_t *labels = bso_alloc(BSO_MEM_DATASET, 8 + count, 1, "labels");
    int rc = images && labels ? 0 : BSO_ERROR;
    size_t image_bytes = rc ? 0 : put_header(images, 3, count),
           label_bytes = rc ? 0 : put_header(labels, 1, count);
    for (size_t i = 0; i < count && !rc; i++) {
        float picture[SIDE * SIDE];
        int kind = (int)(i % GARMENTS);
        rc = take(w, kind, picture);
        labels[label_bytes++] = (uint8_t)kind;
        for (int p = 0; p < SIDE * SIDE && !rc; p++) {
            int y = p / SIDE, x = p % SIDE;
            int from = mirror ? y * SIDE + (SIDE - 1 - x) : (SIDE - 1 - y) * SIDE + x;
            images[image_bytes++] = (uint8_t)(255 * picture[from] + 0.5f);
        }
    }
    if (!rc) rc = bso_stand_in_path(path, folder, image_name, false);
    if (!rc) rc = bso_stand_in_write(path, images, image_bytes);
    if (!rc) rc = bso_stand_in_path(path, folder, label_name, false);
    if (!rc) rc = bso_stand_in_write(path, labels, label_bytes);
    bso_free(images);
    bso_free(labels);
    return rc;
}

static int make_idx(const char *folder, int per_class, bool mirror)
{
    wardrobe w = {.split = BSO_SPLIT_TRAIN};
    if (bso_stand_in_source(&w.fashion)) return BSO_ERROR;
    int rc = write_idx(&w, folder, "train", train_share(per_class) * GARMENTS, mirror);
    w.split = BSO_SPLIT_TEST;
    memset(w.next, 0, sizeof w.next);
    if (!rc) rc = write_idx(&w, folder, "t10k", test_share(per_class) * GARMENTS, mirror);
    bso_dataset_close(&w.fashion);
    return rc;
}

static int make_mnist(const char *folder, int per_class, uint64_t seed)
{
    (void)seed;
    return make_idx(folder, per_class, true);
}

static int make_kmnist(const char *folder, int per_class, uint64_t seed)
{
    (void)seed;
    return make_idx(folder, per_class, false);
}

const bso_stand_in bso_stand_in_cifar10 = {
    .dataset = "cifar10",
    .shown = "stand-in for CIFAR-10 (Fashion-MNIST in colour)",
    .summary = "pictures of Fashion-MNIST, of any hue on ground of another; classes are the garments",
    .version = 1,
    .per_class = 600,
    .make = make_cifar10,
};

const bso_stand_in bso_stand_in_cifar100 = {
    .dataset = "cifar100",
    .shown = "stand-in for CIFAR-100 (Fashion-MNIST in colour)",
    .summary = "pictures of Fashion-MNIST in colour; classes are garments of a hue",
    .version = 1,
    .per_class = 60,
    .make = make_cifar100,
};

const bso_stand_in bso_stand_in_mnist = {
    .dataset = "mnist",
    .shown = "stand-in for MNIST (mirrored Fashion-MNIST)",
    .summary = "pictures of Fashion-MNIST, left and right exchanged",
    .version = 1,
    .per_class = 600,
    .make = make_mnist,
};

const bso_stand_in bso_stand_in_kmnist = {
    .dataset = "kmnist",
    .shown = "stand-in for KMNIST (Fashion-MNIST upside down)",
    .summary = "pictures of Fashion-MNIST, top and bottom exchanged",
    .version = 1,
    .per_class = 600,
    .make = make_kmnist,
};
