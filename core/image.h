/* image.h: resizing of pictures and frames. It decodes nothing and allocates nothing. */
#ifndef BSO_IMAGE_H
#define BSO_IMAGE_H

#include "core/view.h"

#include <stddef.h>
#include <stdint.h>

/* One plane in[in_height][in_width] brought to out[height][width] by plain bilinear interpolation: pixel
 * centres at half-integers, coordinates clamped at the edge, no antialiasing when shrinking. It is what
 * tensor interpolation of other frameworks computes ("bilinear", corners not aligned). Sizes are at least 1.
 */
void bso_resize_bilinear(const float *in, int in_height, int in_width, float *out, int height, int width);

/* A decoded picture: pixels[y * stride + x * channels + channel]; part of one, where pixels points into it.
 */
typedef struct {
    const uint8_t *pixels;
    int height, width, channels;
    size_t stride; /* bytes from row to row */
} bso_picture;

/* A rectangle of a picture in pixels, which need not be whole: from (top, left) to (top + height, left +
 * width). */
typedef struct {
    double top, left, height, width;
} bso_box;

/* Bring the part `box` of a picture to height x width with a triangle filter that widens as the picture
 * shrinks, so that no source pixel is passed over (the "bilinear" of photograph libraries; separable,
 * without their rounding to bytes in between). out: [channels][height][width], 0 to 1. The box lies in the
 * picture; near its border the filter also sees pixels of the picture outside it. Sizes are at least 1.
 * scratch: as many bytes as bso_resize_smooth_scratch says for the same arguments,
 * aligned to 4. */
void bso_resize_smooth(const bso_picture *in, const bso_box *box, float *out, int height, int width,
                       void *scratch);
size_t bso_resize_smooth_scratch(const bso_picture *in, const bso_box *box, int width);

/* The part of a picture that one look of training sees (Szegedy et al. 2015): of 8 to 100 % of its area and,
 * evenly in the logarithm, 3:4 to 4:3, whole pixels, anywhere. Ten tries are made to find one that lies in
 * the picture; then it is the largest central part whose shape is within those bounds. */
bso_box bso_random_crop(const bso_view *view, int height, int width);

#endif
