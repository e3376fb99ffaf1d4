/* bits.c: packing and unpacking around the kernels: pooling of counts, patches, expansion. See bits.h. */
#include "core/bits.h"

#include "core/kernels.h"

#include <stdbool.h>
#include <string.h>

size_t bso_signal_words(const bso_signal *s, int samples)
{
    return (size_t)s->planes * (size_t)s->words * (size_t)samples * (size_t)s->height * (size_t)s->width;
}

enum { MAX_PLANES = 32 };

/* sum[0..planes-1] += value[0..value_planes-1], 64 counts side by side: a ripple-carry adder on bit planes.
 * The sum must have room. */
static inline void add_planes(uint64_t *sum, int planes, const uint64_t *value, size_t value_stride,
                              int value_planes)
{
    uint64_t carry = 0;
    for (int b = 0; b < planes; b++) {
        uint64_t x = b < value_planes ? value[(size_t)b * value_stride] : 0;
        if (b >= value_planes && !carry) break;
        uint64_t old = sum[b], half = old ^ x;
        sum[b] = half ^ carry;
        carry = (old & x) | (half & carry);
    }
}

/* One map: counts of any number of planes, windows of any size. */
static void pool_map(uint64_t *out, size_t to_plane, const uint64_t *in, size_t from_plane,
                     const bso_signal *from, const bso_signal *to, int window_h, int window_w)
{
    for (int y = 0; y < to->height; y++) {
        for (int x = 0; x < to->width; x++) {
            uint64_t sum[MAX_PLANES] = {0};
            for (int dy = 0; dy < window_h; dy++) {
                const uint64_t *row =
                    in + (size_t)(y * window_h + dy) * (size_t)from->width + (size_t)x * (size_t)window_w;
                for (int dx = 0; dx < window_w; dx++) {
                    add_planes(sum, to->planes, row + dx, from_plane, from->planes);
                }
            }
            for (int b = 0; b < to->planes; b++) {
                out[(size_t)b * to_plane + (size_t)y * (size_t)to->width + (size_t)x] = sum[b];
            }
        }
    }
}

void bso_bits_pool(const bso_signal *from, const bso_signal *to, int n, int window_h, int window_w)
{
    size_t from_area = (size_t)from->height * (size_t)from->width,
           to_area = (size_t)to->height * (size_t)to->width;
    size_t from_plane = (size_t)from->words * (size_t)n * from_area;
    size_t to_plane = (size_t)to->words * (size_t)n * to_area;
    bool small = window_h == 2 && window_w == 2 && from->planes == 1;
#pragma omp parallel for collapse(2) schedule(static)
    for (int word = 0; word < from->words; word++) {
        for (int sample = 0; sample < n; sample++) {
            size_t map = (size_t)word * (size_t)n + (size_t)sample;
            const uint64_t *in = from->bits + map * from_area;
            uint64_t *out = to->bits + map * to_area;
            if (small) {
                bso_kernel->bits_pool(out, to_plane, in, (size_t)from->width, (size_t)to->height,
                                      (size_t)to->width);
            } else {
                pool_map(out, to_plane, in, from_plane, from, to, window_h, window_w);
            }
        }
    }
}

/* The part of an output row that a kernel column reaches: x in [begin, end) reads input x * stride + shift.
 */
typedef struct {
    int begin, end, shift;
} span;

static inline span reach(int kernel, int pad, int stride, int in, int out)
{
    int shift = kernel - pad;
    int begin = shift < 0 ? (-shift + stride - 1) / stride : 0;
    int end = shift < in ? (in - 1 - shift) / stride + 1 : 0;
    end = end < out ? end : out;
    return (span){begin, end > begin ? end : begin, shift};
}

static span reach_row(const bso_window *w, int kernel_row)
{
    return reach(kernel_row, w->pad, w->stride, w->in_h, w->out_h);
}

static span reach_column(const bso_window *w, int kernel_column)
{
    return reach(kernel_column, w->pad, w->stride, w->in_w, w->out_w);
}

/* A row of patches: to[x] and, where the channels straddle two words, spill[x] get the input's word. Inline,
 * so that stride 1 is compiled as such. */
static inline void patch_row(uint64_t *to, uint64_t *spill, const uint64_t *in, span columns, int stride,
                             int shift)
{
    for (int x = columns.begin; x < columns.end; x++) to[x] |= in[x * stride + columns.shift] << shift;
    if (!spill) return;
    for (int x = columns.begin; x < columns.end; x++) {
        spill[x] |= in[x * stride + columns.shift] >> (64 - shift);
    }
}

/* `used` ones at bit `shift` where the kernel's row and column meet the map. */
static void patch_ones(uint64_t *to, uint64_t *spill, const bso_window *window, span rows, span columns,
                       int count, int shift, int used)
{
    uint64_t ones = ~(uint64_t)0 >> (64 - used);
    size_t out_area = (size_t)window->out_h * (size_t)window->out_w;
    for (int sample = 0; sample < count; sample++) {
        for (int y = rows.begin; y < rows.end; y++) {
            size_t at = (size_t)sample * out_area + (size_t)(y * window->out_w);
            for (int x = columns.begin; x < columns.end; x++) {
                to[at + (size_t)x] |= ones << shift;
                if (spill) spill[at + (size_t)x] |= ones >> (64 - shift);
            }
        }
    }
}

void bso_bits_patches(const bso_signal *s, const bso_window *window, int n, int first, int count, int plane,
                      uint64_t *patches, size_t stride, int32_t *ones)
{
    size_t in_area = (size_t)window->in_h * (size_t)window->in_w;
    size_t out_area = (size_t)window->out_h * (size_t)window->out_w, pixels = (size_t)count * out_area;
    size_t words = ((size_t)bso_window_inputs(window) + 63) / 64;
    for (size_t w = 0; w < words; w++) memset(patches + w * stride, 0, pixels * sizeof *patches);
    for (int ky = 0; ky < window->kernel_h; ky++) {
        span rows = reach_row(window, ky);
        for (int kx = 0; kx < window->kernel_w; kx++) {
            span columns = reach_column(window, kx);
            for (int word = 0; word < s->words; word++) {
                size_t bit =
                    (size_t)(ky * window->kernel_w + kx) * (size_t)window->channels + 64 * (size_t)word;
                size_t low = bit / 64;
                int shift = (int)(bit % 64),
                    used = window->channels - 64 * word < 64 ? window->channels - 64 * word : 64;
                uint64_t *to = patches + low * stride, *spill = shift + used > 64 ? to + stride : NULL;
                if (plane < 0) {
                    patch_ones(to, spill, window, rows, columns, count, shift, used);
                    continue;
                }
                const uint64_t *from =
                    s->bits + ((size_t)(plane * s->words + word) * (size_t)n + (size_t)first) * in_area;
                for (int sample = 0; sample < count; sample++) {
                    for (int y = rows.begin; y < rows.end; y++) {
                        int in_y = y * window->stride + rows.shift;
                        const uint64_t *in = from + (size_t)sample * in_area + (size_t)(in_y * window->in_w);
                        size_t at = (size_t)sample * out_area + (size_t)(y * window->out_w);
                        uint64_t *spill_row = spill ? spill + at : NULL;
                        if (window->stride == 1) {
                            patch_row(to + at, spill_row, in, columns, 1, shift);
                        } else {
                            patch_row(to + at, spill_row, in, columns, window->stride, shift);
                        }
                    }
                }
            }
        }
    }
    memset(ones, 0, pixels * sizeof *ones);
    for (size_t w = 0; w < words; w++) bso_kernel->bits_count(ones, patches + w * stride, pixels);
}

void bso_bits_expand(const bso_signal *s, int n, float *value)
{
    size_t pixels = (size_t)n * (size_t)s->height * (size_t)s->width;
#pragma omp parallel for schedule(static)
    for (int c = 0; c < s->channels; c++) {
        float *out = value + (size_t)c * pixels;
        const uint64_t *in = s->bits + (size_t)(c / 64) * pixels;
        size_t plane = (size_t)s->words * pixels;
        int bit = c % 64;
        int step = s->bipolar ? 2 : 1, origin = s->bipolar ? -(int)s->largest : 0;
        if (s->planes == 1) {
            for (size_t p = 0; p < pixels; p++)
                out[p] = (float)((int)(in[p] >> bit & 1) * step + origin) * s->scale;
            continue;
        }
        for (size_t p = 0; p < pixels; p++) {
            int count = 0;
            for (int b = 0; b < s->planes; b++) count |= (int)(in[(size_t)b * plane + p] >> bit & 1) << b;
            out[p] = (float)(count * step + origin) * s->scale;
        }
    }
}

void bso_bits_expand_weights(const uint64_t *weights, int outputs, int words, int k0, int k1, float *tile)
{
    enum { BLOCK = 256 };
    for (int o0 = 0; o0 < outputs; o0 += BLOCK) {
        int block = outputs - o0 < BLOCK ? outputs - o0 : BLOCK;
        uint64_t word[BLOCK];
        int loaded = -1;
        for (int k = k0; k < k1; k++) {
            if (k / 64 != loaded) {
                loaded = k / 64;
                for (int o = 0; o < block; o++)
                    word[o] = weights[(size_t)(o0 + o) * (size_t)words + (size_t)loaded];
            }
            float *row = tile + (size_t)(k - k0) * (size_t)outputs + o0;
            for (int o = 0; o < block; o++) row[o] = (float)((int)(word[o] >> (k % 64) & 1) * 2 - 1);
        }
    }
}

/* Input k of a window: kernel row, kernel column, channel. */
typedef struct {
    span rows, columns;
    int channel;
} tap;

static tap tap_of(const bso_window *w, int k)
{
    int position = k / w->channels;
    return (tap){reach_row(w, position / w->kernel_w), reach_column(w, position % w->kernel_w),
                 k % w->channels};
}

/* One row of the patch matrix, all its samples. Inline, so that stride 1 is compiled as such. */
static inline void gather_tap(float *row, const float *map, const bso_window *window, tap t, int count,
                              int stride)
{
    size_t in_area = (size_t)window->in_h * (size_t)window->in_w;
    size_t out_area = (size_t)window->out_h * (size_t)window->out_w;
    int first_in = t.columns.begin * stride + t.columns.shift, length = t.columns.end - t.columns.begin;
    for (int sample = 0; sample < count; sample++) {
        for (int y = t.rows.begin; y < t.rows.end; y++) {
            int in_y = y * stride + t.rows.shift;
            const float *in = map + (size_t)sample * in_area + (size_t)(in_y * window->in_w + first_in);
            float *out = row + (size_t)sample * out_area + (size_t)(y * window->out_w + t.columns.begin);
            for (int x = 0; x < length; x++) out[x] = in[x * stride];
        }
    }
}

/* The transpose for pixels p0 <= p < p1, whose values are row[0], ... */
static inline void scatter_tap(float *map, const float *row, const bso_window *window, tap t, size_t p0,
                               size_t p1, int stride)
{
    size_t in_area = (size_t)window->in_h * (size_t)window->in_w, width = (size_t)window->out_w;
    size_t line = p0 / width;
    int y = (int)(line % (size_t)window->out_h);
    float *sample = map + line / (size_t)window->out_h * in_area;
    for (size_t begin = line * width; begin < p1; begin += width) {
        if (y >= t.rows.begin && y < t.rows.end) {
            float *out = sample + (size_t)((y * stride + t.rows.shift) * window->in_w);
            const ptrdiff_t at = (ptrdiff_t)begin - (ptrdiff_t)p0; /* of x = 0 */
            int x = begin < p0 ? (int)(p0 - begin) : 0,
                last = p1 - begin < width ? (int)(p1 - begin) : window->out_w;
            x = x > t.columns.begin ? x : t.columns.begin;
            last = last < t.columns.end ? last : t.columns.end;
            for (; x < last; x++) out[x * stride + t.columns.shift] += row[at + x];
        }
        if (++y == window->out_h) {
            y = 0;
            sample += in_area;
        }
    }
}

void bso_im2col(const float *x, const bso_window *window, int n, int first, int count, int k0, int k1,
                float *columns, size_t stride)
{
    size_t in_area = (size_t)window->in_h * (size_t)window->in_w;
    size_t out_area = (size_t)window->out_h * (size_t)window->out_w;
    for (int k = k0; k < k1; k++) {
        tap t = tap_of(window, k);
        float *row = columns + (size_t)(k - k0) * stride;
        const float *map = x + ((size_t)t.channel * (size_t)n + (size_t)first) * in_area;
        bool padded = t.rows.begin > 0 || t.rows.end < window->out_h || t.columns.begin > 0 ||
                      t.columns.end < window->out_w;
        if (padded) memset(row, 0, (size_t)count * out_area * sizeof *row);
        if (window->stride == 1) {
            gather_tap(row, map, window, t, count, 1);
        } else {
            gather_tap(row, map, window, t, count, window->stride);
        }
    }
}

void bso_col2im_add(float *x, const bso_window *window, int n, int first, size_t p0, size_t p1, int k0,
                    int k1, const float *columns, size_t stride)
{
    size_t in_area = (size_t)window->in_h * (size_t)window->in_w;
    for (int k = k0; k < k1; k++) {
        tap t = tap_of(window, k);
        const float *row = columns + (size_t)(k - k0) * stride;
        float *map = x + ((size_t)t.channel * (size_t)n + (size_t)first) * in_area;
        if (window->stride == 1) {
            scatter_tap(map, row, window, t, p0, p1, 1);
        } else {
            scatter_tap(map, row, window, t, p0, p1, window->stride);
        }
    }
}
