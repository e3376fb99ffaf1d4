/* bits.h: packed activations. A layer's output at one time step is a map of small counts: 0/1 for spikes,
 * 0..4 after 2x2 pooling.
 *
 * A count is stored in bit planes (plane b holds bit b of every count), 64 channels to a word:
 *     bits[(b * words + c / 64) * pixels + p], bit c % 64;  p = (sample * height + y) * width + x
 * Bits of channels that do not exist are zero. The value it stands for is count * scale; where the
 * signal is bipolar (sign neurons: -1 and +1) it is (2 * count - largest) * scale. sum(value * w) over
 * one-bit weights is a sum of popcounts, exact whatever the order.
 */
#ifndef BSO_BITS_H
#define BSO_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int channels, height, width;
    int planes;       /* bits of the largest count */
    int words;        /* channels / 64, rounded up */
    uint32_t largest; /* largest count */
    bool bipolar;     /* sign neurons: a count of c of `largest` +1s, the others are -1 */
    float scale;      /* value = count * scale; bipolar: (2 * count - largest) * scale */
    uint64_t
        *bits; /* [planes][words][samples * height * width]; NULL where a signal is float only (images) */
} bso_signal;

/* Words of a signal of that many samples. */
size_t bso_signal_words(const bso_signal *s, int samples);

/* Where a synapse looks: a kernel of kernel_h x kernel_w, moved by `stride`, zero padding; out = (in + 2 pad
 * - kernel) / stride + 1. */
typedef struct {
    int channels, in_h, in_w;
    int kernel_h, kernel_w, pad, stride;
    int out_h, out_w;
} bso_window;

/* Number of inputs of one output, K = kernel_h * kernel_w * channels, ordered kernel row, kernel column,
 * channel. */
static inline int bso_window_inputs(const bso_window *w)
{
    return w->kernel_h * w->kernel_w * w->channels;
}

/* Sum pooling of counts. `to` describes the result (its scale says by what it is divided) and has kernel 2x2
 * stride 2 (odd sizes floored) or the whole map; n samples. Parallel over samples. */
void bso_bits_pool(const bso_signal *from, const bso_signal *to, int n, int window_h, int window_w);

/* One-bit patches of plane `plane` for samples first .. first+count-1 of n: patches[word][stride], bit k % 64
 * of word k / 64 is input k, pixel = (sample - first) * out_h * out_w + y * out_w + x. Zero beyond K.
 * ones[pixel]: set bits of the patch. plane -1: a map of ones, which tells the inputs inside the map from
 * padding. */
void bso_bits_patches(const bso_signal *s, const bso_window *window, int n, int first, int count, int plane,
                      uint64_t *patches, size_t stride, int32_t *ones);

/* value[channel][n * height * width], the values that the counts stand for. Parallel over channels. */
void bso_bits_expand(const bso_signal *s, int n, float *value);

/* Rows k0 .. k1-1 of one-bit weights [outputs][words] as +1 and -1: tile[k - k0][outputs]. */
void bso_bits_expand_weights(const uint64_t *weights, int outputs, int words, int k0, int k1, float *tile);

/* Rows k0 .. k1-1 of the patch matrix of a float map x[channel][n][in_h][in_w] for samples first ..
 * first+count-1: columns[k - k0][pixel], `stride` floats between rows. */
void bso_im2col(const float *x, const bso_window *window, int n, int first, int count, int k0, int k1,
                float *columns, size_t stride);

/* The transpose: x[...] += columns[k - k0][p - p0] for output pixels p0 <= p < p1, counted from sample
 * `first` on. */
void bso_col2im_add(float *x, const bso_window *window, int n, int first, size_t p0, size_t p1, int k0,
                    int k1, const float *columns, size_t stride);

#endif
