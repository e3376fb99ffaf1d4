/* view.h: one look of training at a sample, and the random numbers its augmentation is drawn from. */
#ifndef BSO_VIEW_H
#define BSO_VIEW_H

#include "core/random.h"

#include <stddef.h>
#include <stdint.h>

/* The same look gives the same numbers, whoever draws them and when. */
typedef struct {
    uint64_t seed;
    uint32_t epoch;
    size_t index; /* of the sample */
} bso_view;

/* What each number of a look is for. */
enum {
    BSO_DRAW_CROP_Y,
    BSO_DRAW_CROP_X,
    BSO_DRAW_FLIP,
    BSO_DRAW_CUTOUT_Y,
    BSO_DRAW_CUTOUT_X,
    BSO_DRAW_RESIZED_CROP = 16, /* a block for each of ten tries */
    BSO_DRAW_PAIR = 48,         /* AutoAugment: which pair; per operation whether and which way */
    BSO_DRAW_APPLY = 49,
    BSO_DRAW_SIGN = 51,
    BSO_VIEW_DRAWS = 64
};

/* A whole number in 0..n-1, n >= 1. */
static inline uint64_t bso_view_below(const bso_view *view, int draw, uint64_t n)
{
    uint64_t b = (uint64_t)view->index * BSO_VIEW_DRAWS + (uint64_t)draw;
    return bso_random_below(view->seed, BSO_RANDOM_AUGMENT, view->epoch, b, n);
}

/* Four 32-bit words at once. */
static inline bso_random4 bso_view_block(const bso_view *view, int draw)
{
    uint64_t b = (uint64_t)view->index * BSO_VIEW_DRAWS + (uint64_t)draw;
    return bso_random(view->seed, BSO_RANDOM_AUGMENT, view->epoch, b);
}

/* A uniform double in [0, 1). */
static inline double bso_view_uniform(const bso_view *view, int draw)
{
    uint64_t b = (uint64_t)view->index * BSO_VIEW_DRAWS + (uint64_t)draw;
    return bso_random_uniform(view->seed, BSO_RANDOM_AUGMENT, view->epoch, b);
}

#endif
