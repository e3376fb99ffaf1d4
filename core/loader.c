/* loader.c: a data set as training sees it: splits, normalisation, augmentation, shuffling, batches. See
 * dataset.h.
 *
 * Everything random is a function of (seed, purpose, epoch, sample), so a batch depends neither on the
 * batches before it nor on the number of threads. It is not a prefetcher: a batch is made when it is asked
 * for.
 */
#include "core/dataset.h"

#include "core/error.h"
#include "core/memory.h"
#include "core/random.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

enum {
    PARTS = 64, /* of the statistics: fixed, so that sums do not depend on the number of threads */
    PAD = 4,    /* of the random crop */
    HOLE = 16   /* side of the cutout, for 32 x 32 images (DeVries and Taylor 2017) */
};

/* Draws of one sample and epoch; key: sample index * 8 + draw. */
enum { DRAW_CROP_Y, DRAW_CROP_X, DRAW_FLIP, DRAW_CUTOUT_Y, DRAW_CUTOUT_X, DRAWS = 8 };

/* What happens to one image, all of its channels and frames alike. */
struct augmentation {
    int dy, dx; /* the pixel at (y, x) comes from (y + dy, x + dx), before the flip */
    bool flip;
    /* The hole: rows top .. bottom-1, columns left .. right-1, after the flip. */
    int top, bottom, left, right;
};

/* ---- opening ---- */

static int parse_augment(bso_loader *l, const char *augment)
{
    if (strcmp(augment, "none") == 0) return 0;
    for (const char *word = augment;;) {
        size_t length = strcspn(word, "+");
        bool *on = NULL;
        if (length == 4 && strncmp(word, "crop", length) == 0) on = &l->crop;
        if (length == 4 && strncmp(word, "flip", length) == 0) on = &l->flip;
        if (length == 6 && strncmp(word, "cutout", length) == 0) on = &l->cutout;
        if (!on)
            return bso_fail("augment: '%s' is not none, nor crop, flip or cutout joined by +: '%.*s'",
                            augment, (int)length, word);
        *on = true;
        if (!word[length]) return 0;
        word += length + 1;
    }
}

static int make_splits(bso_loader *l, const bso_settings *s)
{
    const bso_dataset *d = &l->data;
    if (!(s->validation >= 0 && s->validation < 1))
        return bso_fail("validation: %g is not a fraction from 0 to below 1", s->validation);
    size_t validation = (size_t)floor(s->validation * (double)d->train_count);
    size_t rest = d->train_count - validation;
    if (s->train_samples < 0 || (uint64_t)s->train_samples > rest)
        return bso_fail(
            "train_samples: %lld asked for, but %s leaves %zu (%zu in the training set, %zu of them "
            "for validation)",
            (long long)s->train_samples, d->name, rest, d->train_count, validation);
    if (s->test_samples < 0 || (uint64_t)s->test_samples > d->test_count)
        return bso_fail("test_samples: %lld asked for, but the test set of %s has %zu",
                        (long long)s->test_samples, d->name, d->test_count);
    l->validation_first = rest;
    l->count[BSO_SPLIT_TRAIN] = s->train_samples ? (size_t)s->train_samples : rest;
    l->count[BSO_SPLIT_VALIDATION] = validation;
    l->count[BSO_SPLIT_TEST] = s->test_samples ? (size_t)s->test_samples : d->test_count;
    if (!l->count[BSO_SPLIT_TRAIN] || !l->count[BSO_SPLIT_TEST])
        return bso_fail("dataset: %s leaves no %s samples", d->name,
                        l->count[BSO_SPLIT_TRAIN] ? "test" : "training");
    return 0;
}

/* Threads to use: never more than there is scratch for. */
static int team(const bso_loader *l)
{
    int most = omp_get_max_threads();
    return most < l->threads ? most : l->threads;
}

/* Per channel, over the training samples in use, the mean of x (about = 0, power = 1) or of (x - about)^2
 * (power = 2). */
static void channel_means(const bso_loader *l, const double *about, int power, double *means)
{
    const bso_dataset *d = &l->data;
    size_t plane = (size_t)d->height * (size_t)d->width, count = l->count[BSO_SPLIT_TRAIN];
    double sums[PARTS][BSO_CHANNELS_MAX] = {{0}};
#pragma omp parallel for schedule(static) num_threads(team(l))
    for (int part = 0; part < PARTS; part++) {
        float *sample = l->scratch + (size_t)omp_get_thread_num() * l->scratch_stride;
        size_t last = count * ((size_t)part + 1) / PARTS;
        for (size_t i = count * (size_t)part / PARTS; i < last; i++) {
            d->fetch(d, BSO_SPLIT_TRAIN, i, sample);
            for (int k = 0; k < d->frames * d->channels; k++) {
                const float *pixels = sample + (size_t)k * plane;
                int channel = k % d->channels;
                double sum = 0, centre = about[channel];
                for (size_t p = 0; p < plane; p++) {
                    double x = pixels[p] - centre;
                    sum += power == 2 ? x * x : x;
                }
                sums[part][channel] += sum;
            }
        }
    }
    for (int channel = 0; channel < d->channels; channel++) {
        double sum = 0;
        for (int part = 0; part < PARTS; part++) sum += sums[part][channel];
        means[channel] = sum / ((double)count * (double)d->frames * (double)plane);
    }
}

static void measure(bso_loader *l)
{
    double zero[BSO_CHANNELS_MAX] = {0}, mean[BSO_CHANNELS_MAX], variance[BSO_CHANNELS_MAX];
    channel_means(l, zero, 1, mean);
    channel_means(l, mean, 2, variance);
    for (int channel = 0; channel < l->data.channels; channel++) {
        double deviation = sqrt(variance[channel]);
        /* A spread that float cannot resolve is rounding, not signal: the channel is constant. */
        bool constant = deviation <= FLT_EPSILON * fabs(mean[channel]) || deviation < FLT_MIN;
        l->mean[channel] = (float)mean[channel];
        l->deviation[channel] = constant ? 1 : (float)deviation;
    }
}

/* Fisher and Yates, from the last position down. */
static void make_order(bso_loader *l, uint32_t epoch)
{
    size_t n = l->count[BSO_SPLIT_TRAIN];
    for (size_t i = 0; i < n; i++) l->order[i] = (uint32_t)i;
    l->order_epoch = epoch;
    if (!l->shuffle) return;
    for (size_t i = n - 1; i > 0; i--) {
        size_t k = (size_t)bso_random_below(l->seed, BSO_RANDOM_SHUFFLE, epoch, i, i + 1);
        uint32_t kept = l->order[i];
        l->order[i] = l->order[k];
        l->order[k] = kept;
    }
}

static int prepare(bso_loader *l, const bso_settings *s)
{
    const bso_dataset *d = &l->data;
    if (d->channels > BSO_CHANNELS_MAX)
        return bso_fail("dataset: %s has %d channels, more than the %d supported", d->name, d->channels,
                        BSO_CHANNELS_MAX);
    if (make_splits(l, s)) return BSO_ERROR;
    size_t sample = (size_t)d->frames * (size_t)d->channels * (size_t)d->height * (size_t)d->width;
    l->threads = omp_get_max_threads();
    l->scratch_stride = (sample + 15) / 16 * 16; /* threads share no cache line */
    size_t bytes;
    if (__builtin_mul_overflow(l->scratch_stride, sizeof *l->scratch, &bytes))
        return bso_fail("dataset: a sample of %s is more than can be addressed", d->name);
    l->scratch = bso_alloc(BSO_MEM_WORKSPACE, (size_t)l->threads, bytes, "decoded samples");
    if (!l->scratch) return BSO_ERROR;
    l->order =
        bso_alloc(BSO_MEM_DATASET, l->count[BSO_SPLIT_TRAIN], sizeof *l->order, "the order of samples");
    if (!l->order) return BSO_ERROR;
    make_order(l, 0);
    for (int channel = 0; channel < BSO_CHANNELS_MAX; channel++) l->deviation[channel] = 1;
    if (s->normalize) measure(l);
    return 0;
}

int bso_loader_open(bso_loader *l, const bso_settings *s)
{
    memset(l, 0, sizeof *l);
    l->shuffle = s->shuffle;
    l->seed = s->seed;
    l->cutout_black = strcmp(s->behaviour, "reference") == 0;
    if (parse_augment(l, s->augment)) return BSO_ERROR;
    if (bso_dataset_open(&l->data, s->dataset, s->data_dir)) return BSO_ERROR;
    int rc = prepare(l, s);
    if (rc) bso_loader_close(l);
    return rc;
}

void bso_loader_close(bso_loader *l)
{
    bso_dataset_close(&l->data);
    bso_free(l->scratch);
    bso_free(l->order);
    memset(l, 0, sizeof *l);
}

/* ---- batches ---- */

static int draw_below(const bso_loader *l, uint32_t epoch, size_t index, int draw, int n)
{
    uint64_t b = (uint64_t)index * DRAWS + (uint64_t)draw;
    return (int)bso_random_below(l->seed, BSO_RANDOM_AUGMENT, epoch, b, (uint64_t)n);
}

static struct augmentation draw_augmentation(const bso_loader *l, uint32_t epoch, size_t index)
{
    struct augmentation a = {0};
    int height = l->data.height, width = l->data.width;
    if (l->crop) {
        a.dy = draw_below(l, epoch, index, DRAW_CROP_Y, 2 * PAD + 1) - PAD;
        a.dx = draw_below(l, epoch, index, DRAW_CROP_X, 2 * PAD + 1) - PAD;
    }
    if (l->flip) a.flip = draw_below(l, epoch, index, DRAW_FLIP, 2) == 1;
    if (l->cutout) {
        int side = height / 2 < HOLE ? height / 2 : HOLE;
        int top = draw_below(l, epoch, index, DRAW_CUTOUT_Y, height) - side / 2;
        int left = draw_below(l, epoch, index, DRAW_CUTOUT_X, width) - side / 2;
        a.top = top > 0 ? top : 0;
        a.left = left > 0 ? left : 0;
        a.bottom = top + side < height ? top + side : height;
        a.right = left + side < width ? left + side : width;
    }
    return a;
}

/* One channel of one frame: in [height][width], out likewise, (in - mean) / deviation moved as drawn. What
 * comes from outside the image is 0 after normalisation: the mean colour. hole: the value cut out, likewise.
 */
static void place(float *out, const float *in, int height, int width, float mean, float deviation, float hole,
                  const struct augmentation *a)
{
    int from = a->dx < 0 ? -a->dx : 0, to = a->dx > 0 ? width - a->dx : width;
    for (int y = 0; y < height; y++, out += width) {
        int source = y + a->dy;
        bool outside = source < 0 || source >= height || from >= to;
        const float *row = outside ? NULL : in + (size_t)source * (size_t)width;
        if (outside || a->dx) memset(out, 0, (size_t)width * sizeof *out);
        if (outside) {
            /* nothing of the image */
        } else if (a->flip) {
            for (int x = from; x < to; x++) out[width - 1 - x] = (row[x + a->dx] - mean) / deviation;
        } else {
            for (int x = from; x < to; x++) out[x] = (row[x + a->dx] - mean) / deviation;
        }
        for (int x = a->left; y >= a->top && y < a->bottom && x < a->right; x++) out[x] = hole;
    }
}

void bso_loader_batch(bso_loader *l, bso_split split, uint32_t epoch, size_t first, size_t n, float *x,
                      int *y, uint32_t *index)
{
    const bso_dataset *d = &l->data;
    assert(first <= l->count[split] && n <= l->count[split] - first);
    bool training = split == BSO_SPLIT_TRAIN;
    bso_split stored = split == BSO_SPLIT_TEST ? BSO_SPLIT_TEST : BSO_SPLIT_TRAIN;
    size_t plane = (size_t)d->height * (size_t)d->width;
    if (training && l->order_epoch != epoch) make_order(l, epoch);
#pragma omp parallel for schedule(static) num_threads(team(l)) if (n > 1)
    for (size_t i = 0; i < n; i++) {
        size_t at = first + i;
        if (training) at = l->order[at];
        if (split == BSO_SPLIT_VALIDATION) at += l->validation_first;
        float *sample = l->scratch + (size_t)omp_get_thread_num() * l->scratch_stride;
        d->fetch(d, stored, at, sample);
        struct augmentation a = {0};
        if (training) a = draw_augmentation(l, epoch, at);
        for (size_t k = 0; k < (size_t)d->frames * (size_t)d->channels; k++) {
            size_t channel = k % (size_t)d->channels;
            float mean = l->mean[channel], deviation = l->deviation[channel];
            place(x + (k * n + i) * plane, sample + k * plane, d->height, d->width, mean, deviation,
                  l->cutout_black ? (0 - mean) / deviation : 0, &a);
        }
        y[i] = d->label(d, stored, at);
        if (index) index[i] = (uint32_t)at;
    }
}
