/* event_set.h: what data sets of event recordings share: which files there are, and frames of them by way of
 * the cache. */
#ifndef BSO_EVENT_SET_H
#define BSO_EVENT_SET_H

#include "core/dataset.h"
#include "core/folder.h"
#include "datasets/events.h"

/* Filled by a data set, given back by bso_event_set_open. */
typedef struct {
    const char *name; /* of the cache's files */
    bso_events_parser *parse;
    int side;                          /* of the sensor */
    int image_side;                    /* of frames unless image_size says otherwise */
    bso_listing listing[2];            /* the folders read */
    const bso_listing *of[BSO_SPLITS]; /* where the files of TRAIN and TEST are */
    uint32_t *files[BSO_SPLITS];       /* their numbers there */
    int32_t *labels[BSO_SPLITS];       /* their classes */
    size_t count[BSO_SPLITS];
    /* for making frames */
    int steps, size;
    bool by_duration;
} bso_event_set;

/* List a folder of class folders into set->listing[i]: ten of them, or the first subset_classes, at least
 * two. Returns 0, or BSO_ERROR naming the folder. */
int bso_event_set_list(bso_event_set *set, int i, const bso_settings *s, const char *folder,
                       const char *const *endings);

/* Room for the numbers and labels of `count` files of a split. Returns 0 or BSO_ERROR. */
int bso_event_set_room(bso_event_set *set, bso_split split, size_t count);

/* Hold frames of all recordings: d->name is set; T = s->steps frames of two channels. Frees the
 * set in every case. Returns 0 or BSO_ERROR. */
int bso_event_set_open(bso_dataset *d, const bso_settings *s, bso_event_set *set);
void bso_event_set_free(bso_event_set *set);

#endif
