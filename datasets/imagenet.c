/* imagenet.c: ImageNet (ILSVRC 2012; Russakovsky et al. 2015), or any photographs in the same folders.
 *
 * train/CLASS and val/CLASS hold JPEG files. They are decoded whenever they are needed, by whoever asks: the
 * set is far larger than memory. Evaluation sees the middle of a picture: its shorter side is brought to
 * 256/224 of the side wanted, then the central square is cut out; both at once here, by one resizing.
 */
#include "core/error.h"
#include "core/file.h"
#include "core/folder.h"
#include "core/image.h"
#include "core/memory.h"
#include "datasets/photo.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { CHANNELS = 3, IMAGE_SIDE = 224 };

static const size_t file_most = (size_t)64 << 20;
static const char *const endings[] = {".jpeg", ".jpg", NULL};

/* What one thread works with; kept for the next one. */
typedef struct desk {
    bso_photo photo;
    void *scratch;
    size_t room;
    struct desk *next;
} desk;

struct photographs {
    bso_listing listing[2]; /* train, val */
    int side;
    pthread_mutex_t lock;
    desk *free; /* desks that nobody is at */
};

static desk *sit_down(struct photographs *p)
{
    pthread_mutex_lock(&p->lock);
    desk *d = p->free;
    if (d) p->free = d->next;
    pthread_mutex_unlock(&p->lock);
    return d ? d : bso_alloc(BSO_MEM_DATASET, 1, sizeof *d, "a photograph");
}

static void get_up(struct photographs *p, desk *d)
{
    pthread_mutex_lock(&p->lock);
    d->next = p->free;
    p->free = d;
    pthread_mutex_unlock(&p->lock);
}

/* The square in the middle that evaluation sees. */
static bso_box middle(int height, int width, int side)
{
    double shorter = height < width ? height : width, resized = round(side * 256.0 / 224.0);
    double seen = shorter * side / resized;
    return (bso_box){(height - seen) / 2, (width - seen) / 2, seen, seen};
}

/* The least eighths in which a part of a picture still has so many pixels a side. */
static int eighths_for(const bso_box *box, int side)
{
    double shorter = box->height < box->width ? box->height : box->width;
    for (int e = 1; e < 8; e++) {
        if (shorter * e / 8 >= side) return e;
    }
    return 8;
}

static int decode(desk *d, int side, const uint8_t *bytes, size_t count, const char *path,
                  const bso_view *view, float *out)
{
    int height, width;
    if (bso_photo_size(&d->photo, bytes, count, path, &height, &width)) return BSO_ERROR;
    bso_box box = view ? bso_random_crop(view, height, width) : middle(height, width, side);
    if (bso_photo_decode(&d->photo, bytes, count, path, eighths_for(&box, side))) return BSO_ERROR;
    /* The same part of what was decoded smaller. */
    const bso_picture *picture = &d->photo.picture;
    double scale = d->photo.scale;
    box = (bso_box){box.top * scale, box.left * scale, box.height * scale, box.width * scale};
    size_t scratch = bso_resize_smooth_scratch(picture, &box, side);
    if (bso_mem_room(&d->scratch, &d->room, scratch, BSO_MEM_DATASET, "a photograph")) return BSO_ERROR;
    bso_resize_smooth(picture, &box, out, side, side, d->scratch);
    return 0;
}

static const bso_listing *listing_of(const struct photographs *p, bso_split split)
{
    return &p->listing[split == BSO_SPLIT_TEST];
}

static int fetch(const bso_dataset *d, bso_split split, size_t index, const bso_view *view, float *out)
{
    struct photographs *p = d->private;
    char path[BSO_PATH];
    uint8_t *bytes;
    size_t count;
    if (bso_listing_path(listing_of(p, split), index, path) ||
        bso_file_read(path, file_most, BSO_MEM_DATASET, &bytes, &count))
        return BSO_ERROR;
    desk *at = sit_down(p);
    int rc = at ? decode(at, p->side, bytes, count, path, view, out) : BSO_ERROR;
    if (at) get_up(p, at);
    bso_free(bytes);
    return rc;
}

static int label(const bso_dataset *d, bso_split split, size_t index)
{
    return (int)bso_listing_class_of(listing_of(d->private, split), index);
}

static void close_set(bso_dataset *d)
{
    struct photographs *p = d->private;
    while (p->free) {
        desk *at = p->free;
        p->free = at->next;
        bso_photo_free(&at->photo);
        bso_free(at->scratch);
        bso_free(at);
    }
    for (int i = 0; i < 2; i++) bso_listing_close(&p->listing[i]);
    pthread_mutex_destroy(&p->lock);
    bso_free(p);
}

static int list_files(struct photographs *p, const bso_settings *s, const char *folder)
{
    for (int i = 0; i < 2; i++) {
        char path[BSO_PATH];
        if (bso_file_path(path, folder, i ? "val" : "train")) return BSO_ERROR;
        if (bso_listing_open(&p->listing[i], path, endings, (size_t)s->subset_classes,
                             (size_t)s->subset_per_class))
            return BSO_ERROR;
    }
    return bso_listing_same_classes(&p->listing[0], &p->listing[1]);
}

static int find_imagenet(char *folder, const bso_settings *s)
{
    static const char *const any[] = {"train", NULL};
    return bso_dataset_folder(
        folder, s->data_dir, "imagenet", any, NULL,
        "unpack it (datasets/fetch.sh imagenet says how) and set data_dir (or BSO_DATA_DIR) "
        "to the folder that holds imagenet, or try dataset=stand-in:imagenet");
}

static int open_imagenet(bso_dataset *d, const char *argument, const bso_settings *s)
{
    (void)argument;
    static const float mean[CHANNELS] = {0.485f, 0.456f, 0.406f},
                       deviation[CHANNELS] = {0.229f, 0.224f, 0.225f};
    char folder[BSO_PATH];
    if (find_imagenet(folder, s)) return BSO_ERROR;
    bso_dataset_call(d, "ImageNet", folder);
    struct photographs *p = bso_alloc(BSO_MEM_DATASET, 1, sizeof *p, "the list of photographs");
    if (!p) return BSO_ERROR;
    pthread_mutex_init(&p->lock, NULL);
    d->private = p;
    d->fetch = fetch;
    d->label = label;
    d->close = close_set;
    if (list_files(p, s, folder)) return BSO_ERROR;
    p->side = s->image_size ? (int)s->image_size : IMAGE_SIDE;
    d->classes = (int)p->listing[0].classes;
    d->channels = CHANNELS;
    d->frames = 1;
    d->height = d->width = p->side;
    d->train_count = p->listing[0].count;
    d->test_count = p->listing[1].count;
    d->streams = d->sorted = d->views = d->pictures = d->stated = true;
    memcpy(d->mean, mean, sizeof mean);
    memcpy(d->deviation, deviation, sizeof deviation);
    for (int i = 0; i < 2; i++) d->checksum = bso_listing_checksum(&p->listing[i], d->checksum);
    return bso_listing_name_classes(&p->listing[0], d);
}

static int check_file(const char *path)
{
    bso_photo photo = {0};
    uint8_t *bytes;
    size_t count;
    int height, width;
    if (bso_file_read(path, file_most, BSO_MEM_DATASET, &bytes, &count)) return BSO_ERROR;
    int rc = bso_photo_size(&photo, bytes, count, path, &height, &width);
    if (!rc) rc = bso_photo_decode(&photo, bytes, count, path, 8);
    bso_photo_free(&photo);
    bso_free(bytes);
    return rc;
}

static const char *const keys[] = {"image_size", "subset_classes", "subset_per_class", NULL};

const bso_dataset_format bso_dataset_imagenet = {
    .name = "imagenet",
    .keys = keys,
    .summary = "photographs, as 224x224 pictures, 1000 classes (Russakovsky et al. 2015), or any in such "
               "folders; imagenet in data_dir",
    .open = open_imagenet,
    .find = find_imagenet,
    .endings = endings,
    .check_file = check_file,
};
