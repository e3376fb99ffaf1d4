/* autoaugment.h: the AutoAugment policy found on CIFAR-10 (Cubuk, Zoph, Mane, Vasudevan and Le 2019, table 7
 * of arXiv 1805.09501): one of 25 pairs of operations is drawn for each look at a picture, and each
 * operation of the pair is applied with its own probability.
 *
 * Pictures are bytes, [channels][height][width] with 1 or 3 channels, of any size. What operations compute
 * is what the Python Imaging Library computes, which the paper's experiments used, to the byte, but for one
 * pixel in a hundred of slanted geometry, where the nearest is a matter of rounding; ranges and signs are
 * torchvision's. Shearing, translation and rotation take the nearest pixel and fill with 128, the grey of the
 * common PyTorch reimplementation for CIFAR-10. docs/methods.md has the table.
 */
#ifndef BSO_AUTOAUGMENT_H
#define BSO_AUTOAUGMENT_H

#include "core/dataset.h"

#include <stdint.h>

/* Levels run from 0 to 9; sign is -1 or +1 and counts for the operations that the paper calls signed. */
typedef enum {
    BSO_AUGMENT_SHEAR_X,       /* by 0.3 level / 9 of the height, around the corner; signed */
    BSO_AUGMENT_SHEAR_Y,       /* likewise of the width */
    BSO_AUGMENT_TRANSLATE_X,   /* by 150/331 level / 9 of the width, whole pixels towards 0; signed */
    BSO_AUGMENT_TRANSLATE_Y,   /* likewise of the height */
    BSO_AUGMENT_ROTATE,        /* by 30 level / 9 degrees, around the centre; signed */
    BSO_AUGMENT_COLOR,         /* away from grey by the factor 1 + 0.1 level; signed, as the next three */
    BSO_AUGMENT_CONTRAST,      /* away from the mean grey */
    BSO_AUGMENT_SHARPNESS,     /* away from the smoothed picture */
    BSO_AUGMENT_BRIGHTNESS,    /* away from black */
    BSO_AUGMENT_POSTERIZE,     /* keep the 8 - round(4 level / 9) upper bits */
    BSO_AUGMENT_SOLARIZE,      /* invert what is not below 255 - 255 level / 9 */
    BSO_AUGMENT_AUTO_CONTRAST, /* stretch each channel from 0 to 255; no level, as the next two */
    BSO_AUGMENT_EQUALIZE,      /* flatten each channel's histogram */
    BSO_AUGMENT_INVERT,
    BSO_AUGMENT_OPERATIONS
} bso_augment_operation;

typedef struct {
    bso_augment_operation operation;
    int level, sign;
} bso_augment_step;

/* Apply one operation. scratch: as large as the picture. */
void bso_augment_apply(const bso_augment_step *step, uint8_t *pixels, int channels, int height, int width,
                       uint8_t *scratch);

/* The operations that one look at a picture calls for; returns how many (0 to 2). */
int bso_autoaugment_draw(const bso_view *view, bso_augment_step steps[2]);

/* Draw and apply. scratch: as large as the picture. */
void bso_autoaugment(uint8_t *pixels, int channels, int height, int width, uint8_t *scratch,
                     const bso_view *view);

#endif
