/* stand_in_imagenet.c: a stand-in for ImageNet: Fashion-MNIST as photographs of many sizes, a garment
 * somewhere on patterned ground, in JPEG files.
 */
#include "core/error.h"
#include "core/image.h"
#include "core/memory.h"
#include "core/notice.h"
#include "core/random.h"
#include "core/stand_in.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <turbojpeg.h>

enum { CLASSES = 10, SIDE_LEAST = 100, SIDE_MOST = 300, DRAWS = 32, QUALITY = 90 };

typedef struct {
    bso_split split;
    size_t index; /* in Fashion-MNIST */
    char path[BSO_PATH];
} job;

/* Room for one thread's work. */
typedef struct {
    float picture[BSO_FASHION_SIDE * BSO_FASHION_SIDE], garment[SIDE_MOST * SIDE_MOST];
    uint8_t rgb[SIDE_MOST * SIDE_MOST * 3];
    tjhandle encoder;
    unsigned char *jpeg; /* turbojpeg's own memory */
    unsigned long jpeg_room;
} workplace;

/* The random numbers of a photograph, in 0 to 1. */
static double draw(uint64_t seed, uint32_t photograph, int number)
{
    return bso_random_uniform(seed, BSO_RANDOM_MAKE, photograph, (uint64_t)number);
}

/* Two waves over the ground, between two shades. */
static double pattern(const double u[DRAWS], int x, int y)
{
    double first = sin(0.02 * (1 + 8 * u[6]) * x + 0.02 * (1 + 8 * u[7]) * y + 6 * u[8]);
    double second = sin(0.15 * (u[9] - 0.5) * x + 0.15 * (u[10] - 0.5) * y + 6 * u[11]);
    return 0.5 + 0.25 * first + 0.25 * second;
}

static void paint(workplace *w, const double u[DRAWS], int *height, int *width)
{
    *height = SIDE_LEAST + (int)(u[0] * (SIDE_MOST - SIDE_LEAST));
    *width = SIDE_LEAST + (int)(u[1] * (SIDE_MOST - SIDE_LEAST));
    int shorter = *height < *width ? *height : *width, side = (int)(shorter * (0.7 + 0.25 * u[2]));
    int top = (int)(u[3] * (*height - side)), left = (int)(u[4] * (*width - side));
    bso_resize_bilinear(w->picture, BSO_FASHION_SIDE, BSO_FASHION_SIDE, w->garment, side, side);
    for (int y = 0; y < *height; y++) {
        for (int x = 0; x < *width; x++) {
            bool on = y >= top && y < top + side && x >= left && x < left + side;
            double value = on ? (double)w->garment[(y - top) * side + x - left] : 0;
            double cover = fmin(1, 2.5 * value), shade = pattern(u, x, y);
            for (int k = 0; k < 3; k++) {
                double ground = shade * (0.15 + 0.45 * u[12 + k]) + (1 - shade) * (0.15 + 0.45 * u[15 + k]);
                double front = (0.25 + 0.75 * value) * (0.45 + 0.55 * u[18 + k]);
                double mixed = cover * front + (1 - cover) * ground;
                w->rgb[(y * *width + x) * 3 + k] = (uint8_t)(255 * fmin(1, mixed) + 0.5);
            }
        }
    }
}

static int do_job(workplace *w, const bso_dataset *fashion, const job *j, uint64_t seed, uint32_t photograph)
{
    double u[DRAWS];
    int height, width;
    unsigned long bytes = w->jpeg_room;
    for (int i = 0; i < DRAWS; i++) u[i] = draw(seed, photograph, i);
    if (fashion->fetch(fashion, j->split, j->index, NULL, w->picture)) return BSO_ERROR;
    paint(w, u, &height, &width);
    if (!w->encoder) w->encoder = tjInitCompress();
    if (!w->encoder || tjCompress2(w->encoder, w->rgb, width, 0, height, TJPF_RGB, &w->jpeg, &bytes,
                                   TJSAMP_420, QUALITY, TJFLAG_ACCURATEDCT))
        return bso_fail("%s: JPEG: it cannot be made", j->path);
    if (bytes > w->jpeg_room) w->jpeg_room = bytes;
    return bso_stand_in_write(j->path, w->jpeg, bytes);
}

static int do_jobs(const bso_dataset *fashion, const job *jobs, size_t n, uint64_t seed)
{
    char problem[2048] = "";
    bool failed = false;
    size_t done = 0;
#pragma omp parallel
    {
        workplace *w = bso_alloc(BSO_MEM_DATASET, 1, sizeof *w, "a photograph");
#pragma omp for schedule(dynamic)
        for (size_t i = 0; i < n; i++) {
            bool stop;
            size_t so_far;
#pragma omp atomic read
            stop = failed;
            if (stop) continue;
            if (!w || do_job(w, fashion, &jobs[i], seed, (uint32_t)i)) {
#pragma omp critical(bso_stand_in_problem)
                snprintf(problem, sizeof problem, "%s", bso_error());
#pragma omp atomic write
                failed = true;
            }
#pragma omp atomic capture
            so_far = ++done;
            bso_notice_progress("photographs of a stand-in for imagenet", so_far, n);
        }
        if (w && w->encoder) tjDestroy(w->encoder);
        if (w) tjFree(w->jpeg);
        bso_free(w);
    }
    return failed ? bso_fail("%s", problem) : 0;
}

/* Folders and paths: of each class the first so many pictures of a split of Fashion-MNIST. */
static int plan(const char *folder, const bso_dataset *fashion, bso_split split, int per_class, job *jobs)
{
    static const char *const names[CLASSES] = {"0-t-shirt", "1-trouser", "2-pullover", "3-dress", "4-coat",
                                               "5-sandal",  "6-shirt",   "7-sneaker",  "8-bag",   "9-boot"};
    bool test = split == BSO_SPLIT_TEST;
    size_t count = test ? fashion->test_count : fashion->train_count, used = 0;
    char above[BSO_PATH], class[BSO_PATH], name[64];
    if (bso_stand_in_path(above, folder, test ? "val" : "train", true)) return BSO_ERROR;
    for (int c = 0; c < CLASSES; c++) {
        if (bso_stand_in_path(class, above, names[c], true)) return BSO_ERROR;
        int found = 0;
        for (size_t i = 0; i < count && found < per_class; i++) {
            if (fashion->label(fashion, split, i) != c) continue;
            job *j = &jobs[used++];
            j->split = split;
            j->index = i;
            snprintf(name, sizeof name, "stand-in_%05d.JPEG", found++);
            if (bso_stand_in_path(j->path, class, name, false)) return BSO_ERROR;
        }
        if (found < per_class)
            return bso_fail("per_class: Fashion-MNIST has no more pictures of class %d; ask for fewer", c);
    }
    return 0;
}

static int make_imagenet(const char *folder, int per_class, uint64_t seed)
{
    bso_dataset fashion;
    if (bso_stand_in_source(&fashion)) return BSO_ERROR;
    int test = per_class / 6 > 0 ? per_class / 6 : 1, train = per_class - test > 0 ? per_class - test : 1;
    size_t n = (size_t)(train + test) * CLASSES;
    job *jobs = bso_alloc(BSO_MEM_DATASET, n, sizeof *jobs, "photographs");
    int rc = jobs ? plan(folder, &fashion, BSO_SPLIT_TRAIN, train, jobs) : BSO_ERROR;
    if (!rc) rc = plan(folder, &fashion, BSO_SPLIT_TEST, test, jobs + (size_t)train * CLASSES);
    if (!rc) rc = do_jobs(&fashion, jobs, n, seed);
    bso_free(jobs);
    bso_dataset_close(&fashion);
    return rc;
}

const bso_stand_in bso_stand_in_imagenet = {
    .dataset = "imagenet",
    .shown = "stand-in for ImageNet (Fashion-MNIST photographs)",
    .summary =
        "pictures of Fashion-MNIST as JPEG photographs of 100 to 300 pixels a side on patterned ground",
    .version = 1,
    .per_class = 120,
    .make = make_imagenet,
};
