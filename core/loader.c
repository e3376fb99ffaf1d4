/* loader.c: a data set as training sees it: splits, normalisation, augmentation, shuffling, batches. See
 * dataset.h.
 *
 * Everything random is a function of (seed, purpose, epoch, sample), so a batch depends neither on the
 * batches before it nor on the number of threads. Making batches ahead is prefetch.c's.
 */
#include "core/dataset.h"

#include "core/autoaugment.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/prefetch.h"
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
    HOLE = 16,  /* side of the cutout, for 32 x 32 images (DeVries and Taylor 2017) */
    PROBLEM = 2048
};

/* What happens to one image, all of its channels and frames alike. */
struct augmentation {
    int dy, dx; /* the pixel at (y, x) comes from (y + dy, x + dx), before the flip */
    bool flip;
    /* The hole: rows top .. bottom-1, columns left .. right-1, after the flip. */
    int top, bottom, left, right;
};

/* The decoded sample in a thread's scratch. */
static float *sample_of(const bso_loader *l, int thread)
{
    return (float *)(void *)(l->scratch + (size_t)thread * l->scratch_stride);
}

/* Take over what went wrong in a thread: the first of several. */
static void keep_problem(char problem[PROBLEM])
{
#pragma omp critical(bso_loader_problem)
    if (!*problem) snprintf(problem, PROBLEM, "%s", bso_error());
}

/* ---- opening ---- */

static int parse_augment(bso_loader *l, const char *augment)
{
    const struct {
        const char *word;
        bool *on;
    } words[] = {{"crop", &l->crop},
                 {"resizedcrop", &l->resized_crop},
                 {"flip", &l->flip},
                 {"autoaugment", &l->autoaugment},
                 {"cutout", &l->cutout}};
    if (strcmp(augment, "none") == 0) return 0;
    for (const char *word = augment;;) {
        size_t length = strcspn(word, "+"), i = 0, n = sizeof words / sizeof *words;
        while (i < n && (strlen(words[i].word) != length || strncmp(word, words[i].word, length) != 0)) i++;
        if (i == n)
            return bso_fail("augment: '%s' is not none, nor crop, resizedcrop, flip, autoaugment or cutout "
                            "joined by +: '%.*s'",
                            augment, (int)length, word);
        *words[i].on = true;
        if (!word[length]) return 0;
        word += length + 1;
    }
}

/* What the data set must be for the augmentation that is asked for. */
static int check_augment(const bso_loader *l)
{
    const bso_dataset *d = &l->data;
    if (l->resized_crop && !d->views)
        return bso_fail("augment: resizedcrop is for photographs, and %s has none; use crop", d->name);
    if (l->resized_crop && l->crop)
        return bso_fail("augment: crop and resizedcrop are two ways to do the same; choose one");
    bool coloured = d->pictures && d->frames == 1 && (d->channels == 1 || d->channels == 3);
    if (l->autoaugment && !coloured)
        return bso_fail("augment: autoaugment is for grey or colour pictures, which %s has not", d->name);
    return 0;
}

static int make_splits(bso_loader *l, const bso_settings *s)
{
    const bso_dataset *d = &l->data;
    if (!(s->validation >= 0 && s->validation < 1))
        return bso_fail("validation: %g is not a fraction from 0 to below 1", s->validation);
    size_t validation = (size_t)floor(s->validation * (double)d->train_count);
    if (s->validation > 0 && d->validation_count) validation = d->validation_count;
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

/* The index in the file of a position in a split. */
static size_t stored(const bso_loader *l, bso_split split, size_t position)
{
    const uint32_t *mixed = l->mixed[split];
    return mixed ? mixed[position] : position;
}

/* Per channel, over the training samples in use, the mean of x (about = 0, power = 1) or of (x - about)^2
 * (power = 2). */
static int channel_means(bso_loader *l, const double *about, int power, double *means)
{
    const bso_dataset *d = &l->data;
    size_t plane = (size_t)d->height * (size_t)d->width, count = l->count[BSO_SPLIT_TRAIN];
    double sums[PARTS][BSO_CHANNELS_MAX] = {{0}};
    char problem[PROBLEM] = "";
#pragma omp parallel for schedule(static) num_threads(team(l))
    for (int part = 0; part < PARTS; part++) {
        float *sample = sample_of(l, omp_get_thread_num());
        size_t last = count * ((size_t)part + 1) / PARTS;
        for (size_t i = count * (size_t)part / PARTS; i < last; i++) {
            if (d->fetch(d, BSO_SPLIT_TRAIN, stored(l, BSO_SPLIT_TRAIN, i), NULL, sample)) {
                keep_problem(problem);
                break;
            }
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
    return *problem ? bso_fail("%s", problem) : 0;
}

static int measure(bso_loader *l)
{
    double zero[BSO_CHANNELS_MAX] = {0}, mean[BSO_CHANNELS_MAX], variance[BSO_CHANNELS_MAX];
    if (channel_means(l, zero, 1, mean) || channel_means(l, mean, 2, variance)) return BSO_ERROR;
    for (int channel = 0; channel < l->data.channels; channel++) {
        double deviation = sqrt(variance[channel]);
        /* A spread that float cannot resolve is rounding, not signal: the channel is constant. */
        bool constant = deviation <= FLT_EPSILON * fabs(mean[channel]) || deviation < FLT_MIN;
        l->mean[channel] = (float)mean[channel];
        l->deviation[channel] = constant ? 1 : (float)deviation;
    }
    return 0;
}

/* What normalisation subtracts and divides by. */
static int find_statistics(bso_loader *l, bool normalize)
{
    for (int channel = 0; channel < BSO_CHANNELS_MAX; channel++) l->deviation[channel] = 1;
    if (!normalize) return 0;
    if (!l->data.stated) return measure(l);
    memcpy(l->mean, l->data.mean, sizeof l->mean);
    memcpy(l->deviation, l->data.deviation, (size_t)l->data.channels * sizeof *l->deviation);
    return 0;
}

/* The order in which the samples of a set that comes class by class are taken: the first so many of them are
 * then a fair sample. The official validation samples stay the last. */
static int mix_classes(bso_loader *l, uint64_t split_seed)
{
    const bso_dataset *d = &l->data;
    if (!d->sorted) return 0;
    for (int test = 0; test < 2; test++) {
        bso_split split = test ? BSO_SPLIT_TEST : BSO_SPLIT_TRAIN;
        size_t n = test ? d->test_count : d->train_count, last = test ? 0 : d->validation_count;
        uint32_t *mixed = bso_alloc(BSO_MEM_DATASET, n, sizeof *mixed, "the order of samples");
        if (!mixed) return BSO_ERROR;
        l->mixed[split] = mixed;
        for (size_t i = 0; i < n; i++) mixed[i] = (uint32_t)i;
        uint32_t a = UINT32_MAX - (uint32_t)split; /* no class has such a number */
        bso_random_mix(mixed, n - last, split_seed, BSO_RANDOM_SPLIT, a);
        bso_random_mix(mixed + (n - last), last, split_seed, BSO_RANDOM_SPLIT, a - BSO_SPLITS);
    }
    return 0;
}

static void make_order(bso_loader *l, uint32_t epoch)
{
    size_t n = l->count[BSO_SPLIT_TRAIN];
    for (size_t i = 0; i < n; i++) l->order[i] = (uint32_t)i;
    l->order_epoch = epoch;
    if (l->shuffle) bso_random_mix(l->order, n, l->seed, BSO_RANDOM_SHUFFLE, epoch);
}

/* For each thread a decoded sample; for AutoAugment, behind it, two pictures in bytes. */
static int make_scratch(bso_loader *l)
{
    const bso_dataset *d = &l->data;
    size_t n = bso_dataset_values(d), bytes;
    if (__builtin_mul_overflow(n, sizeof(float) + 2, &bytes) || bytes > SIZE_MAX - 128)
        return bso_fail("dataset: a sample of %s is more than can be addressed", d->name);
    if (!l->autoaugment) bytes = n * sizeof(float);
    l->scratch_stride = (bytes + 63) / 64 * 64; /* threads share no cache line */
    size_t threads = (size_t)l->threads + (size_t)l->workers;
    l->scratch = bso_alloc(BSO_MEM_WORKSPACE, threads, l->scratch_stride, "decoded samples");
    return l->scratch ? 0 : BSO_ERROR;
}

static int prepare(bso_loader *l, const bso_settings *s)
{
    const bso_dataset *d = &l->data;
    if (d->channels > BSO_CHANNELS_MAX)
        return bso_fail("dataset: %s has %d channels, more than the %d supported", d->name, d->channels,
                        BSO_CHANNELS_MAX);
    if (check_augment(l) || make_splits(l, s) || mix_classes(l, s->split_seed)) return BSO_ERROR;
    l->threads = omp_get_max_threads();
    l->workers = s->workers >= 0 ? (int)s->workers : d->streams ? l->threads : 0;
    l->queue = (size_t)s->queue;
    if (make_scratch(l)) return BSO_ERROR;
    l->order =
        bso_alloc(BSO_MEM_DATASET, l->count[BSO_SPLIT_TRAIN], sizeof *l->order, "the order of samples");
    if (!l->order) return BSO_ERROR;
    make_order(l, 0);
    return l->borrowed ? 0 : find_statistics(l, s->normalize);
}

static void borrow(bso_loader *l, const bso_loader *lender)
{
    l->borrowed = true;
    l->data = lender->data;
    memcpy(l->mean, lender->mean, sizeof l->mean);
    memcpy(l->deviation, lender->deviation, sizeof l->deviation);
}

int bso_loader_open(bso_loader *l, const bso_settings *s)
{
    bso_settings whole = *s;
    whole.shards = 1;
    return bso_loader_open_shard(l, &whole, 0, NULL);
}

int bso_loader_open_shard(bso_loader *l, const bso_settings *s, int shard, const bso_loader *lender)
{
    memset(l, 0, sizeof *l);
    l->shard = shard;
    l->shards = (int)s->shards;
    l->shuffle = s->shuffle;
    l->seed = s->seed;
    l->black = strcmp(s->behaviour, "reference") == 0;
    if (parse_augment(l, s->augment)) return BSO_ERROR;
    if (lender) borrow(l, lender);
    if (!lender && bso_dataset_open(&l->data, s)) return BSO_ERROR;
    int rc = prepare(l, s);
    if (rc) bso_loader_close(l);
    return rc;
}

void bso_loader_close(bso_loader *l)
{
    bso_prefetch_close(l->ahead);
    if (!l->borrowed) bso_dataset_close(&l->data);
    bso_free(l->scratch);
    bso_free(l->order);
    for (int split = 0; split < BSO_SPLITS; split++) bso_free(l->mixed[split]);
    bso_free(l->x);
    bso_free(l->y);
    memset(l, 0, sizeof *l);
}

/* ---- batches ---- */

static struct augmentation draw_augmentation(const bso_loader *l, const bso_view *view)
{
    struct augmentation a = {0};
    int height = l->data.height, width = l->data.width;
    if (l->crop) {
        a.dy = (int)bso_view_below(view, BSO_DRAW_CROP_Y, 2 * PAD + 1) - PAD;
        a.dx = (int)bso_view_below(view, BSO_DRAW_CROP_X, 2 * PAD + 1) - PAD;
    }
    if (l->flip) a.flip = bso_view_below(view, BSO_DRAW_FLIP, 2) == 1;
    if (l->cutout) {
        int side = height / 2 < HOLE ? height / 2 : HOLE;
        int top = (int)bso_view_below(view, BSO_DRAW_CUTOUT_Y, (uint64_t)height) - side / 2;
        int left = (int)bso_view_below(view, BSO_DRAW_CUTOUT_X, (uint64_t)width) - side / 2;
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

/* Crop, flip and AutoAugment on the bytes of a picture, which is what AutoAugment's operations are defined
 * on. What comes from outside is the mean colour. */
static void augment_bytes(const bso_loader *l, float *sample, const struct augmentation *a,
                          const bso_view *view)
{
    const bso_dataset *d = &l->data;
    size_t plane = (size_t)d->height * (size_t)d->width, values = bso_dataset_values(d);
    uint8_t *pixels = (uint8_t *)(sample + values), *scratch = pixels + values;
    for (int channel = 0; channel < d->channels; channel++) {
        const float *in = sample + (size_t)channel * plane;
        uint8_t *out = pixels + (size_t)channel * plane;
        float outside = l->black ? 0 : l->mean[channel];
        for (int y = 0; y < d->height; y++) {
            for (int x = 0; x < d->width; x++) {
                int from_y = y + a->dy, from_x = (a->flip ? d->width - 1 - x : x) + a->dx;
                bool inside = from_y >= 0 && from_y < d->height && from_x >= 0 && from_x < d->width;
                float value = inside ? in[from_y * d->width + from_x] : outside;
                out[y * d->width + x] = (uint8_t)(255 * value + 0.5f);
            }
        }
    }
    bso_autoaugment(pixels, d->channels, d->height, d->width, scratch, view);
    for (size_t i = 0; i < values; i++) sample[i] = (float)pixels[i] / 255.0f;
}

size_t bso_loader_index(const bso_loader *l, bso_split split, size_t position)
{
    if (split == BSO_SPLIT_TRAIN) position = l->order[position];
    if (split == BSO_SPLIT_VALIDATION) position += l->validation_first;
    return stored(l, split == BSO_SPLIT_TEST ? BSO_SPLIT_TEST : BSO_SPLIT_TRAIN, position);
}

/* Sample i of a batch, into its places in x and y; thread: whose scratch to use. */
static int make_sample(const bso_loader *l, const bso_range *r, size_t i, int thread, float *x, int *y,
                       uint32_t *index)
{
    const bso_dataset *d = &l->data;
    bool training = r->split == BSO_SPLIT_TRAIN;
    bso_split in = r->split == BSO_SPLIT_TEST ? BSO_SPLIT_TEST : BSO_SPLIT_TRAIN;
    size_t at = bso_loader_index(l, r->split, r->first + i), plane = (size_t)d->height * (size_t)d->width;
    float *sample = sample_of(l, thread);
    const bso_view view = {l->seed, r->epoch, at};
    if (d->fetch(d, in, at, training && l->resized_crop ? &view : NULL, sample)) return BSO_ERROR;
    struct augmentation a = {0};
    if (training) a = draw_augmentation(l, &view);
    if (training && l->autoaugment) {
        augment_bytes(l, sample, &a, &view);
        a.dy = a.dx = 0;
        a.flip = false;
    }
    for (size_t k = 0; k < (size_t)d->frames * (size_t)d->channels; k++) {
        size_t channel = k % (size_t)d->channels;
        float mean = l->mean[channel], deviation = l->deviation[channel];
        place(x + (k * r->n + i) * plane, sample + k * plane, d->height, d->width, mean, deviation,
              l->black ? (0 - mean) / deviation : 0, &a);
    }
    y[i] = d->label(d, in, at);
    if (index) index[i] = (uint32_t)at;
    return 0;
}

static int make_ahead(void *user, const bso_range *r, size_t i, int worker, float *x, int *y)
{
    const bso_loader *l = user;
    return make_sample(l, r, i, l->threads + worker, x, y, NULL);
}

int bso_loader_batch(bso_loader *l, bso_split split, uint32_t epoch, size_t first, size_t n, float *x, int *y,
                     uint32_t *index)
{
    assert(first <= l->count[split] && n <= l->count[split] - first);
    if (split == BSO_SPLIT_TRAIN && l->order_epoch != epoch) {
        if (l->ahead) bso_prefetch_stop(l->ahead);
        make_order(l, epoch);
    }
    const bso_range range = {split, epoch, first, n};
    char problem[PROBLEM] = "";
#pragma omp parallel for schedule(static) num_threads(team(l)) if (n > 1)
    for (size_t i = 0; i < n; i++) {
        if (make_sample(l, &range, i, omp_get_thread_num(), x, y, index)) keep_problem(problem);
    }
    return *problem ? bso_fail("%s", problem) : 0;
}

/* ---- one batch after the other ---- */

static int make_room(bso_loader *l, size_t batch)
{
    if (batch <= l->room) return 0;
    size_t sample = bso_dataset_values(&l->data), values;
    bso_prefetch_close(l->ahead);
    l->ahead = NULL;
    bso_free(l->x);
    bso_free(l->y);
    l->x = NULL;
    l->y = NULL;
    l->room = 0;
    if (l->workers > 0) {
        if (bso_prefetch_open(&l->ahead, l->workers, l->queue, batch, sample, make_ahead, l))
            return BSO_ERROR;
    } else {
        if (__builtin_mul_overflow(sample, batch, &values))
            return bso_fail("batch=%zu: more than can be addressed", batch);
        l->x = bso_alloc(BSO_MEM_WORKSPACE, values, sizeof *l->x, "batch");
        l->y = bso_alloc(BSO_MEM_WORKSPACE, batch, sizeof *l->y, "batch labels");
        if (!l->x || !l->y) return BSO_ERROR;
    }
    l->room = batch;
    return 0;
}

/* Samples of a whole batch that are this shard's. */
static size_t part_of(const bso_loader *l, size_t batch)
{
    return batch / (size_t)l->shards;
}

/* How far behind a batch's first sample this shard's first one is. */
static size_t before_shard(const bso_loader *l)
{
    return part_of(l, l->batch) * (size_t)l->shard;
}

int bso_loader_start(bso_loader *l, bso_split split, uint32_t epoch, size_t first, size_t end, size_t batch)
{
    assert(first <= end && end <= l->count[split] && batch > 0);
    if (l->ahead) bso_prefetch_stop(l->ahead);
    if (make_room(l, part_of(l, batch))) return BSO_ERROR;
    if (split == BSO_SPLIT_TRAIN && l->order_epoch != epoch) make_order(l, epoch);
    l->split = split;
    l->epoch = epoch;
    l->next = first;
    l->end = end;
    l->batch = batch;
    const size_t before = before_shard(l);
    if (l->ahead && before < end - first)
        bso_prefetch_start(l->ahead, &(bso_range){split, epoch, first + before, end - first - before},
                           part_of(l, batch), batch);
    return 0;
}

int bso_loader_next(bso_loader *l, const float **x, const int **y, size_t *n)
{
    assert(l->next < l->end);
    double begun = bso_clock();
    const size_t left = l->end - l->next, before = before_shard(l), part = part_of(l, l->batch);
    int rc = 0;
    if (before >= left) {
        *n = 0;
    } else if (l->ahead) {
        rc = bso_prefetch_next(l->ahead, x, y, n);
    } else {
        *n = left - before < part ? left - before : part;
        rc = bso_loader_batch(l, l->split, l->epoch, l->next + before, *n, l->x, l->y, NULL);
        *x = l->x;
        *y = l->y;
    }
    l->next += left < l->batch ? left : l->batch;
    l->waited += bso_clock() - begun;
    return rc;
}
