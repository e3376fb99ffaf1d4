/* product_parts.h: what products.c and products_i8.c share. Internal to them. */
#ifndef BSO_PRODUCT_PARTS_H
#define BSO_PRODUCT_PARTS_H

#include "core/products.h"

#include "core/kernels.h"

enum {
    DATA_ROWS = 512,  /* inputs whose data gradients are worked out together */
    BLOCK_PIXELS = 64 /* pixels whose errors the weight gradient takes at a time */
};

static inline size_t area_of(const bso_window *w)
{
    return (size_t)w->out_h * (size_t)w->out_w;
}

static inline int at_most(int n, int limit)
{
    return n < limit ? n : limit;
}

static inline size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static inline size_t words_of(const bso_window *w)
{
    return ((size_t)bso_window_inputs(w) + 63) / 64;
}

/* How far a patch's input is from its output, in pixels, where patches are the input moved. */
static inline ptrdiff_t tap_shift(const bso_window *window, int tap)
{
    return (ptrdiff_t)(tap / window->kernel_w - window->pad) * window->in_w + tap % window->kernel_w -
           window->pad;
}

/* Inputs whose tables are made together. */
static inline int table_inputs(void)
{
    return 4 * bso_kernel->products->groups;
}

/* The row for what is left to do, of lanes of `size` bytes: its bytes. At most `longest`, a power of two, and
 * not much longer than what is left. */
static inline int row_for(size_t left, size_t size, int longest)
{
    for (int shorter = longest / 2; shorter >= 64; shorter /= 2) {
        if (2 * left * size > 3 * (size_t)shorter) return 2 * shorter;
    }
    return 64;
}

/* The same for look-ups. */
static inline int lookup_row(size_t left, size_t size)
{
    return row_for(left, size, bso_kernel->products->row);
}

/* Pieces of a scratch block, each aligned to 64 bytes. */
static inline void *piece(char **at, size_t bytes)
{
    void *here = *at;
    *at += round_up(bytes, 64);
    return here;
}

/* Where a tap's sums for pixels p0 .. p0+lanes-1 of a group of `pixels` go: lanes begin <= i < end, lane i to
 * pixel `at` + i. What would leave the group is outside the map. */
typedef struct {
    ptrdiff_t at;
    size_t begin, end;
} bso_reach;

static inline bso_reach reach_of(const bso_window *window, int tap, size_t pixels, size_t p0, size_t lanes)
{
    const ptrdiff_t at = (ptrdiff_t)p0 + tap_shift(window, tap), room = (ptrdiff_t)pixels - at;
    const size_t end = room < 0 ? 0 : room < (ptrdiff_t)lanes ? (size_t)room : lanes;
    return (bso_reach){at, at < 0 ? (size_t)-at : 0, end};
}

/* patterns[k - k0][o / 64] bit o % 64 = weights[o][k / 64] bit k % 64. k0 is a multiple of 64. */
void bso_transpose_weights(uint64_t *patterns, const uint64_t *weights, int outputs, size_t words, int k0,
                           int k1);

/* patterns[(k - k0) * stride + p / 64] bit p % 64: input k of the group's pixel p is active, k0 <= k < k1,
 * over the group of so many pixels that begins at pixel `from` of the batch. */
void bso_lay_patterns(uint64_t *patterns, size_t stride, const bso_product *product,
                      const bso_operand *operand, int n, size_t from, size_t pixels, int k0, int k1);

#endif
