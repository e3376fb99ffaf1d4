/* n_mnist.c: N-MNIST (Orchard, Jayawant, Cohen and Thakor 2015): MNIST's digits before a moving sensor.
 *
 * Train/0 .. Train/9 and Test/0 .. Test/9 hold the recordings, a file *.bin each; events.h reads them.
 */
#include "core/error.h"
#include "core/stand_in.h"
#include "datasets/event_set.h"

#include <stdio.h>

static const char *const endings[] = {".bin", NULL};

static int list_split(bso_event_set *set, const bso_settings *s, const char *folder, int test)
{
    char path[BSO_PATH];
    if (bso_file_path(path, folder, test ? "Test" : "Train")) return BSO_ERROR;
    const bso_listing *l = &set->listing[test];
    if (bso_event_set_list(set, test, s, path, endings)) return BSO_ERROR;
    bso_split split = test ? BSO_SPLIT_TEST : BSO_SPLIT_TRAIN;
    if (bso_event_set_room(set, split, l->count)) return BSO_ERROR;
    set->of[split] = l;
    set->count[split] = l->count;
    for (size_t i = 0; i < l->count; i++) {
        set->files[split][i] = (uint32_t)i;
        set->labels[split][i] = (int32_t)bso_listing_class_of(l, i);
    }
    return 0;
}

static int find_n_mnist(char *folder, const bso_settings *s)
{
    static const char *const any[] = {"Train", NULL};
    return bso_dataset_folder(
        folder, s->data_dir, "n-mnist", any, NULL,
        "fetch it (datasets/fetch.sh n-mnist) and set data_dir (or BSO_DATA_DIR) to the "
        "folder that holds n-mnist, or try dataset=stand-in:n-mnist");
}

static int check_file(const char *path)
{
    return bso_events_check(path, bso_events_n_mnist);
}

static int open_n_mnist(bso_dataset *d, const char *argument, const bso_settings *s)
{
    (void)argument;
    char folder[BSO_PATH];
    if (find_n_mnist(folder, s)) return BSO_ERROR;
    bso_dataset_call(d, "N-MNIST", folder);
    bso_event_set set = {.name = "n-mnist",
                         .parse = bso_events_n_mnist,
                         .side = BSO_N_MNIST_SIDE,
                         .image_side = BSO_N_MNIST_SIDE};
    if (list_split(&set, s, folder, 0) || list_split(&set, s, folder, 1) ||
        bso_listing_same_classes(&set.listing[0], &set.listing[1])) {
        bso_event_set_free(&set);
        return BSO_ERROR;
    }
    return bso_event_set_open(d, s, &set);
}

static const char *const keys[] = {"image_size", "subset_classes", "subset_per_class", "event_slices", NULL};

const bso_dataset_format bso_dataset_n_mnist = {
    .name = "n-mnist",
    .keys = keys,
    .summary = "34x34 events of moving digits, 10 classes (Orchard et al. 2015); n-mnist in data_dir",
    .open = open_n_mnist,
    .find = find_n_mnist,
    .endings = endings,
    .check_file = check_file,
};
