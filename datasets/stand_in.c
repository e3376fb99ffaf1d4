/* stand_in.c: `stand-in:NAME`: the data set NAME's loader on a folder of imitations. See core/stand_in.h. */
#include "core/stand_in.h"

#include "core/error.h"

#include <stdio.h>
#include <string.h>

static int open_stand_in(bso_dataset *d, const char *argument, const bso_settings *s)
{
    const bso_stand_in *stand_in = bso_stand_in_find(argument);
    if (!stand_in) return BSO_ERROR;
    char folder[BSO_PATH];
    if (bso_stand_in_folder(folder, stand_in, s)) return BSO_ERROR;
    bso_settings real = *s;
    if (strlen(folder) >= sizeof real.data_dir) return bso_fail("%s: the path is too long", folder);
    snprintf(real.data_dir, sizeof real.data_dir, "%s", folder);
    snprintf(real.dataset, sizeof real.dataset, "%s", stand_in->dataset);
    if (bso_dataset_open(d, &real)) return BSO_ERROR;
    d->stand_in = true;
    /* The mark may have been lost; the name must not be. */
    if (strncmp(d->name, stand_in->shown, strlen(stand_in->shown)) != 0)
        snprintf(d->name, sizeof d->name, "%s", stand_in->shown);
    return 0;
}

static const char *const keys[] = {
    "image_size", "subset_classes", "subset_per_class", "event_slices", "test_split", "speech_classes", NULL};

const bso_dataset_format bso_dataset_stand_in = {
    .name = "stand-in:",
    .keys = keys,
    .argument = "NAME",
    .summary =
        "a small imitation in the files of another data set, made when first used; see `bso data list`",
    .open = open_stand_in,
};
