/* cifar10_dvs.c: CIFAR10-DVS (Li, Liu, Ji, Li and Shi 2017): CIFAR-10 pictures moved before a DVS128.
 *
 * One folder a class with a thousand AEDAT 2.0 files each; events.h reads them. There is no official test
 * set: papers use a random tenth of each class, or the last one, and differ by points because of it. Which it
 * was is part of the data set's name here.
 */
#include "core/error.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/stand_in.h"
#include "datasets/event_set.h"

#include <stdio.h>
#include <string.h>

static const char *const endings[] = {".aedat", NULL};

/* Mark the test files of a class of n: a tenth, at least one. */
static void choose_test(const bso_settings *s, size_t class, size_t n, uint32_t *order, bool *test)
{
    size_t tested = n / 10 > 0 ? n / 10 : 1;
    for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    if (strcmp(s->test_split, "random") == 0)
        bso_random_mix(order, n, s->split_seed, BSO_RANDOM_SPLIT, (uint32_t) class);
    for (size_t i = n - tested; i < n; i++) test[order[i]] = true;
}

static int split_files(bso_event_set *set, const bso_settings *s, uint32_t *order, bool *test)
{
    const bso_listing *l = &set->listing[0];
    for (size_t c = 0; c < l->classes; c++) {
        size_t first = bso_listing_first(l, c), n = bso_listing_first(l, c + 1) - first;
        if (n < 2)
            return bso_fail("%s/%s: one recording cannot be split into training and test", l->root,
                            bso_listing_class(l, c));
        choose_test(s, c, n, order, test + first);
    }
    for (size_t i = 0; i < l->count; i++) set->count[test[i] ? BSO_SPLIT_TEST : BSO_SPLIT_TRAIN]++;
    size_t filled[BSO_SPLITS] = {0};
    for (int split = 0; split < BSO_SPLITS; split++) {
        if (set->count[split] && bso_event_set_room(set, (bso_split)split, set->count[split]))
            return BSO_ERROR;
        set->of[split] = l;
    }
    for (size_t i = 0; i < l->count; i++) {
        bso_split split = test[i] ? BSO_SPLIT_TEST : BSO_SPLIT_TRAIN;
        set->files[split][filled[split]] = (uint32_t)i;
        set->labels[split][filled[split]++] = (int32_t)bso_listing_class_of(l, i);
    }
    return 0;
}

static int list_files(bso_event_set *set, const bso_settings *s, const char *folder)
{
    const bso_listing *l = &set->listing[0];
    if (bso_event_set_list(set, 0, s, folder, endings)) return BSO_ERROR;
    uint32_t *order = bso_alloc(BSO_MEM_DATASET, l->count, sizeof *order, "the split");
    bool *test = bso_alloc(BSO_MEM_DATASET, l->count, sizeof *test, "the split");
    int rc = order && test ? split_files(set, s, order, test) : BSO_ERROR;
    bso_free(order);
    bso_free(test);
    return rc;
}

static int find_cifar10_dvs(char *folder, const bso_settings *s)
{
    static const char *const any[] = {"airplane", BSO_STAND_IN_MARK, NULL};
    return bso_dataset_folder(
        folder, s->data_dir, "cifar10-dvs", any, NULL,
        "fetch it (datasets/fetch.sh cifar10-dvs) and set data_dir (or BSO_DATA_DIR) to "
        "the folder that holds cifar10-dvs, or try dataset=stand-in:cifar10-dvs");
}

static int check_file(const char *path)
{
    return bso_events_check(path, bso_events_aedat);
}

static int open_cifar10_dvs(bso_dataset *d, const char *argument, const bso_settings *s)
{
    (void)argument;
    char folder[BSO_PATH];
    if (find_cifar10_dvs(folder, s)) return BSO_ERROR;
    bso_dataset_call(d, "CIFAR10-DVS", folder);
    size_t used = strlen(d->name);
    snprintf(d->name + used, sizeof d->name - used, ", %s split", s->test_split);
    bso_event_set set = {
        .name = "cifar10-dvs", .parse = bso_events_aedat, .side = BSO_AEDAT_SIDE, .image_side = 48};
    if (list_files(&set, s, folder)) {
        bso_event_set_free(&set);
        return BSO_ERROR;
    }
    return bso_event_set_open(d, s, &set);
}

static const char *const keys[] = {"image_size",   "subset_classes", "subset_per_class",
                                   "event_slices", "test_split",     NULL};

const bso_dataset_format bso_dataset_cifar10_dvs = {
    .name = "cifar10-dvs",
    .keys = keys,
    .summary = "128x128 events of moving pictures, as 48x48 frames, 10 classes (Li et al. 2017); cifar10-dvs "
               "in data_dir",
    .open = open_cifar10_dvs,
    .find = find_cifar10_dvs,
    .endings = endings,
    .check_file = check_file,
};
