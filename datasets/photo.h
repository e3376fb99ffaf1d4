/* photo.h: photographs in files, decoded to red, green and blue: JPEG by libjpeg-turbo, PNG by libpng.
 *
 * It decodes untrusted bytes; cutting and resizing are image.h's.
 */
#ifndef BSO_PHOTO_H
#define BSO_PHOTO_H

#include "core/image.h"

#include <stddef.h>
#include <stdint.h>

enum { BSO_PHOTO_SIDE_MAX = 16384, BSO_PHOTO_PIXELS_MAX = 64 << 20 };

/* One decoder and its buffers, for one photograph at a time. Zeroed before the first use. */
typedef struct {
    void *decoder;
    void *pixels; /* bytes */
    size_t room;
    bso_picture picture; /* of the last one decoded: three channels, in pixels */
    double scale;        /* its pixels for one of the photograph's */
} bso_photo;

void bso_photo_free(bso_photo *p);

/* Height and width as the file's head announces them; path for messages. Returns 0, or BSO_ERROR: neither
 * JPEG nor PNG, damaged, more than 16,384 pixels a side or 64 million in all. */
int bso_photo_size(bso_photo *p, const uint8_t *bytes, size_t count, const char *path, int *height,
                   int *width);

/* Decode it, after bso_photo_size, to at least `eighths` (1 to 8) eighths of its height and width: what is to
 * be made smaller anyway is decoded smaller, which takes less time. p->picture is then good until
 * the next call; p->scale is from eighths / 8 to 1, and the last pixel of a row or column may stand for less
 * than one of that scale. Grey becomes equal red, green and blue; CMYK is taken
 * as Adobe writes it, inverted; what is transparent is black. Returns 0, or BSO_ERROR where the file ends too
 * early or its data are damaged. */
int bso_photo_decode(bso_photo *p, const uint8_t *bytes, size_t count, const char *path, int eighths);

#endif
