/* stand_in_imagenet.c: a stand-in for ImageNet: Fashion-MNIST as photographs of many sizes, a garment
 * somewhere on patterned ground, in JPEG files.
 */
#include "core/error.h"
#include "core/image.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/stand_in.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <turbojpeg.h>

enum { CLASSES = 10, SIDE_LEAST = 100, SIDE_MOST = 300, DRAWS = 32, QUALITY = 90 };

/* Room for one thread's work. */
typedef struct {
    float garment[SIDE_MOST * SIDE_MOST];
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

static void paint(workplace *w, const float *picture, const double u[DRAWS], int *height, int *width)
{
    *height = SIDE_LEAST + (int)(u[0] * (SIDE_MOST - SIDE_LEAST));
    *width = SIDE_LEAST + (int)(u[1] * (SIDE_MOST - SIDE_LEAST));
    int shorter = *height < *width ? *height : *width, side = (int)(shorter * (0.7 + 0.25 * u[2]));
    int top = (int)(u[3] * (*height - side)), left = (int)(u[4] * (*width - side));
    bso_resize_bilinear(picture, BSO_FASHION_SIDE, BSO_FASHION_SIDE, w->garment, side, side);
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

static int make_one(void *place, const float *picture, size_t number, const char *path, const void *seed)
{
    workplace *w = place;
    double u[DRAWS];
    int height, width;
    for (int k = 0; k < DRAWS; k++) u[k] = draw(*(const uint64_t *)seed, (uint32_t)number, k);
    paint(w, picture, u, &height, &width);
    unsigned long bytes = w->jpeg_room;
    if (!w->encoder) w->encoder = tjInitCompress();
    if (!w->encoder || tjCompress2(w->encoder, w->rgb, width, 0, height, TJPF_RGB, &w->jpeg, &bytes,
                                   TJSAMP_420, QUALITY, TJFLAG_ACCURATEDCT))
        return bso_fail("%s: JPEG: it cannot be made", path);
    if (bytes > w->jpeg_room) w->jpeg_room = bytes;
    return bso_stand_in_write(path, w->jpeg, bytes);
}

static void clear(void *place)
{
    workplace *w = place;
    if (w->encoder) tjDestroy(w->encoder);
    tjFree(w->jpeg);
}

static int make_imagenet(const char *folder, int per_class, uint64_t seed)
{
    bso_dataset fashion;
    if (bso_stand_in_source(&fashion)) return BSO_ERROR;
    int test = per_class / 6 > 0 ? per_class / 6 : 1, train = per_class - test > 0 ? per_class - test : 1;
    bso_stand_in_job *jobs = bso_stand_in_plan(&fashion, folder, bso_stand_in_garments, "stand-in_%05d.JPEG",
                                               "train", train, "val", test);
    int rc =
        jobs ? bso_stand_in_do("photographs of a stand-in for imagenet", &fashion, jobs,
                               (size_t)(train + test) * CLASSES, sizeof(workplace), make_one, clear, &seed)
             : BSO_ERROR;
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
