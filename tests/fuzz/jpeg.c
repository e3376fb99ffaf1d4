/* jpeg.c: fuzzes the decoder of photographs: whole, and as small as it can be. */
#include "tests/fuzz/fuzz.h"

#include "datasets/photo.h"
#include "tests/small_sets.h"

#include <stdio.h>

static void decode(bso_photo *photo, const uint8_t *data, size_t size, int eighths)
{
    int height, width;
    if (bso_photo_size(photo, data, size, bso_files_at("photo.jpg"), &height, &width)) {
        bso_fuzz_refused();
        return;
    }
    /* Pictures of many megapixels take their time and teach nothing. */
    if ((int64_t)height * width > 1 << 20) return;
    if (bso_photo_decode(photo, data, size, bso_files_at("photo.jpg"), eighths)) {
        bso_fuzz_refused();
        return;
    }
    const bso_picture *p = &photo->picture;
    bso_fuzz_check(p->height >= 1 && p->height <= height && p->width >= 1 && p->width <= width,
                   "it has another size");
    uint64_t sum = 0;
    for (size_t i = 0; i < (size_t)p->height * p->stride; i++) sum += p->pixels[i];
    bso_fuzz_check(sum <= 255 * (uint64_t)p->height * p->stride, "it cannot be");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int eighths[] = {8, 1, 5};
    bso_fuzz_begin();
    bso_photo photo = {0};
    for (int i = 0; i < 3; i++) decode(&photo, data, size, eighths[i]);
    bso_photo_free(&photo);
    bso_fuzz_end();
    return 0;
}

void bso_fuzz_seeds(void)
{
    const bso_small_set *set = bso_small_find("jpeg");
    set->write();
    for (int i = 0; set->files[i]; i++) {
        char name[32];
        snprintf(name, sizeof name, "seed-%d", i);
        bso_fuzz_seed_file(name, -1, set->files[i]);
    }
}
