/* photo_files.h: photographs made by hand, for the tests of ImageNet's format. */
#ifndef BSO_TESTS_PHOTO_FILES_H
#define BSO_TESTS_PHOTO_FILES_H

#include <stddef.h>
#include <stdint.h>

typedef enum { BSO_PHOTO_RGB, BSO_PHOTO_GREY, BSO_PHOTO_CMYK, BSO_PHOTO_PNG } bso_photo_kind;

/* A picture of that size as the bytes of a file; each pixel's red, green and blue are what colour(y, x, rgb)
 * says, for grey the red. JPEG in the best quality, colours not subsampled. Returns the number of bytes,
 * below room. */
size_t bso_photo_make(uint8_t *bytes, size_t room, bso_photo_kind kind, int height, int width,
                      void (*colour)(int y, int x, uint8_t rgb[3]));

/* The same as a file below bso_files_root (dataset_files.h). */
void bso_photo_put(const char *name, bso_photo_kind kind, int height, int width,
                   void (*colour)(int y, int x, uint8_t rgb[3]));

#endif
