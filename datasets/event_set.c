/* event_set.c: see event_set.h. */
#include "datasets/event_set.h"

#include "core/cache.h"
#include "core/error.h"
#include "core/image.h"
#include "core/memory.h"

#include <string.h>

enum { VERSION = 2 /* of what is made of a recording */, CLASSES = 10 };

static const bso_split splits[2] = {BSO_SPLIT_TRAIN, BSO_SPLIT_TEST};

int bso_event_set_list(bso_event_set *set, int i, const bso_settings *s, const char *folder,
                       const char *const *endings)
{
    bso_listing *l = &set->listing[i];
    size_t classes = s->subset_classes ? (size_t)s->subset_classes : CLASSES;
    if (classes < 2) return bso_fail("subset_classes=1: there is nothing to tell apart; take at least 2");
    if (bso_listing_open(l, folder, endings, (size_t)s->subset_classes, (size_t)s->subset_per_class))
        return BSO_ERROR;
    if (l->classes == classes) return 0;
    return bso_fail("%s: %zu class folders, not %zu; fetch what is missing, or set subset_classes", folder,
                    l->classes, classes);
}

int bso_event_set_room(bso_event_set *set, bso_split split, size_t count)
{
    set->files[split] = bso_alloc(BSO_MEM_DATASET, count, sizeof **set->files, "the list of recordings");
    set->labels[split] = bso_alloc(BSO_MEM_DATASET, count, sizeof **set->labels, "the list of recordings");
    return set->files[split] && set->labels[split] ? 0 : BSO_ERROR;
}

void bso_event_set_free(bso_event_set *set)
{
    for (int i = 0; i < 2; i++) {
        bso_listing_close(&set->listing[i]);
        bso_free(set->files[splits[i]]);
        bso_free(set->labels[splits[i]]);
        set->files[splits[i]] = NULL;
        set->labels[splits[i]] = NULL;
    }
}

static int make_frames(void *user, bso_split split, size_t index, float *out)
{
    const bso_event_set *set = user;
    char path[BSO_PATH];
    bso_events e;
    if (bso_listing_path(set->of[split], set->files[split][index], path) ||
        bso_events_read(&e, path, set->parse, (size_t)set->steps))
        return BSO_ERROR;
    size_t planes = 2 * (size_t)set->steps, plane = (size_t)set->side * (size_t)set->side;
    float *frames = out;
    if (set->size != set->side) frames = bso_alloc(BSO_MEM_DATASET, planes * plane, sizeof *frames, "frames");
    int rc = frames ? 0 : BSO_ERROR;
    if (!rc) bso_events_slice(&e, set->by_duration, set->steps, set->side, frames);
    bso_events_free(&e);
    if (frames == out || rc) return rc;
    size_t resized = (size_t)set->size * (size_t)set->size;
    for (size_t k = 0; k < planes; k++) {
        bso_resize_bilinear(frames + k * plane, set->side, set->side, out + k * resized, set->size,
                            set->size);
    }
    bso_free(frames);
    return 0;
}

static int make_key(bso_cache_key *k, const bso_settings *s, const bso_event_set *set)
{
    bso_cache_key_start(k, set->name, VERSION);
    bso_cache_key_integer(k, "steps", set->steps);
    bso_cache_key_integer(k, "image_size", set->size);
    bso_cache_key_text(k, "event_slices", s->event_slices);
    for (int i = 0; i < 2; i++) {
        bso_split split = splits[i];
        bso_cache_key_integer(k, "recordings", (int64_t)set->count[split]);
        for (size_t f = 0; f < set->count[split]; f++) {
            char path[BSO_PATH];
            if (bso_listing_path(set->of[split], set->files[split][f], path) || bso_cache_key_file(k, path))
                return BSO_ERROR;
        }
    }
    return 0;
}

static int open_set(bso_dataset *d, const bso_settings *s, bso_event_set *set)
{
    set->steps = (int)s->steps;
    set->size = s->image_size ? (int)s->image_size : set->image_side;
    set->by_duration = strcmp(s->event_slices, "duration") == 0;
    d->frames = set->steps;
    d->channels = 2;
    d->height = d->width = set->size;
    d->train_count = set->count[BSO_SPLIT_TRAIN];
    d->test_count = set->count[BSO_SPLIT_TEST];
    d->sorted = true;
    d->classes = (int)set->listing[0].classes;
    if (bso_listing_name_classes(&set->listing[0], d)) return BSO_ERROR;
    bso_cache_key key;
    if (make_key(&key, s, set)) return BSO_ERROR;
    const int32_t *const labels[BSO_SPLITS] = {
        [BSO_SPLIT_TRAIN] = set->labels[BSO_SPLIT_TRAIN], [BSO_SPLIT_TEST] = set->labels[BSO_SPLIT_TEST]};
    return bso_cache_open(d, s, &key, labels, make_frames, set);
}

int bso_event_set_open(bso_dataset *d, const bso_settings *s, bso_event_set *set)
{
    int rc = open_set(d, s, set);
    bso_event_set_free(set);
    return rc;
}
