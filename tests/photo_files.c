/* photo_files.c: see photo_files.h. */
#include "tests/photo_files.h"

#include "tests/dataset_files.h"

#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include <cmocka.h>

static size_t make_png(uint8_t *bytes, size_t room, int height, int width, const uint8_t *rgb)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .height = (png_uint_32)height,
                       .width = (png_uint_32)width,
                       .format = PNG_FORMAT_RGB};
    png_alloc_size_t size = room;
    assert_true(png_image_write_to_memory(&image, bytes, &size, 0, rgb, 0, NULL));
    return size;
}

size_t bso_photo_make(uint8_t *bytes, size_t room, bso_photo_kind kind, int height, int width,
                      void (*colour)(int y, int x, uint8_t rgb[3]))
{
    static const int channels[] = {3, 1, 4, 3}, formats[] = {TJPF_RGB, TJPF_GRAY, TJPF_CMYK},
                     sampling[] = {TJSAMP_444, TJSAMP_GRAY, TJSAMP_444};
    size_t pixels = (size_t)height * (size_t)width;
    uint8_t *picture = malloc(4 * pixels);
    assert_non_null(picture);
    for (size_t p = 0; p < pixels; p++) {
        uint8_t rgb[4] = {0, 0, 0, 255}; /* CMYK as Adobe writes it: full light of the black ink */
        colour((int)(p / (size_t)width), (int)(p % (size_t)width), rgb);
        memcpy(picture + (size_t)channels[kind] * p, rgb, (size_t)channels[kind]);
    }
    if (kind == BSO_PHOTO_PNG) {
        size_t size = make_png(bytes, room, height, width, picture);
        free(picture);
        return size;
    }
    tjhandle encoder = tjInitCompress();
    unsigned char *jpeg = NULL;
    unsigned long size = 0;
    assert_int_equal(tjCompress2(encoder, picture, width, 0, height, formats[kind], &jpeg, &size,
                                 sampling[kind], 100, TJFLAG_ACCURATEDCT),
                     0);
    assert_true(size <= room);
    memcpy(bytes, jpeg, size);
    tjFree(jpeg);
    tjDestroy(encoder);
    free(picture);
    return size;
}

void bso_photo_put(const char *name, bso_photo_kind kind, int height, int width,
                   void (*colour)(int y, int x, uint8_t rgb[3]))
{
    enum { ROOM = 1 << 20 };
    uint8_t *bytes = malloc(ROOM);
    assert_non_null(bytes);
    bso_files_put(name, bytes, bso_photo_make(bytes, ROOM, kind, height, width, colour));
    free(bytes);
}
