/* image.c: see image.h.
 *
 * Every output is a sum in a fixed order, so the numbers depend on nothing but the arguments.
 */
#include "core/image.h"

#include <math.h>
#include <string.h>

/* ---- plain bilinear ---- */

struct between {
    int low, high; /* neighbours */
    float share;   /* of the higher one */
};

static struct between locate(int at, int in_size, int size)
{
    double centre = ((double)at + 0.5) * (double)in_size / (double)size - 0.5;
    if (centre < 0) centre = 0;
    int low = (int)centre;
    if (low > in_size - 1) low = in_size - 1;
    int high = low + 1 < in_size ? low + 1 : low;
    return (struct between){low, high, (float)(centre - (double)low)};
}

void bso_resize_bilinear(const float *in, int in_height, int in_width, float *out, int height, int width)
{
    for (int y = 0; y < height; y++) {
        struct between v = locate(y, in_height, height);
        const float *upper = in + (size_t)v.low * (size_t)in_width;
        const float *lower = in + (size_t)v.high * (size_t)in_width;
        for (int x = 0; x < width; x++) {
            struct between h = locate(x, in_width, width);
            float above = (1 - h.share) * upper[h.low] + h.share * upper[h.high];
            float below = (1 - h.share) * lower[h.low] + h.share * lower[h.high];
            *out++ = (1 - v.share) * above + v.share * below;
        }
    }
}

/* ---- antialiased ---- */

/* Input pixels that one output sees. */
struct span {
    int first, count;
};

/* How output pixels of one axis see their input. */
struct filter {
    double start, step; /* output i is centred on start + (i + 0.5) * step */
    double reach;       /* half the triangle's base, in input pixels */
    int size;           /* of the input */
};

static struct filter make_filter(double start, double length, int in_size, int size)
{
    double step = length / (double)size;
    return (struct filter){start, step, step > 1 ? step : 1, in_size};
}

/* Weights for one output are never more than this; a triangle's base covers no more pixel centres. */
static size_t taps_max(const struct filter *f)
{
    return 2 * (size_t)ceil(f->reach) + 1;
}

/* Height of the triangle over input pixel k. */
static double triangle(const struct filter *f, double centre, int k)
{
    double height = 1 - fabs((double)k + 0.5 - centre) / f->reach;
    return height > 0 ? height : 0;
}

/* The input pixels that output i sees, and their weights, which add up to 1. */
static struct span weigh(const struct filter *f, int i, float *weights)
{
    double centre = f->start + ((double)i + 0.5) * f->step;
    double low = floor(centre - f->reach + 0.5), high = floor(centre + f->reach + 0.5);
    int first = low > 0 ? (int)low : 0, end = high < f->size ? (int)high : f->size;
    /* Where rounding has moved a centre beyond the picture's edge. */
    if (first > f->size - 1) first = f->size - 1;
    if (end < first + 1) end = first + 1;
    double sum = 0;
    for (int k = first; k < end; k++) sum += triangle(f, centre, k);
    for (int k = first; k < end; k++)
        weights[k - first] = (float)(sum > 0 ? triangle(f, centre, k) / sum : 1.0 / (end - first));
    return (struct span){first, end - first};
}

/* The columns that any output can see: the others need not be added up. */
static void visible(const struct filter *f, int size, int *first, int *end)
{
    double low = floor(f->start + 0.5 * f->step - f->reach);
    double high = ceil(f->start + ((double)size - 0.5) * f->step + f->reach) + 1;
    *first = low > 0 ? (int)low : 0;
    *end = high < f->size ? (int)high : f->size;
    if (*first > f->size - 1) *first = f->size - 1;
    if (*end < *first + 1) *end = *first + 1;
}

/* What the scratch is cut into. */
struct scratch {
    struct span *spans; /* of each output column */
    float *weights;     /* [width][taps] */
    float *row_weights; /* of one output row */
    float *row;         /* of the picture, added up along columns */
};

static size_t columns_bytes(size_t taps, int width)
{
    return (size_t)width * (sizeof(struct span) + taps * sizeof(float));
}

size_t bso_resize_smooth_scratch(const bso_picture *in, const bso_box *box, int width)
{
    struct filter across = make_filter(box->left, box->width, in->width, width);
    size_t row = (size_t)in->height + (size_t)in->width * (size_t)in->channels;
    return columns_bytes(taps_max(&across), width) + row * sizeof(float);
}

static struct scratch cut(void *memory, const bso_picture *in, size_t taps, int width)
{
    struct scratch s = {.spans = memory};
    s.weights = (float *)(void *)((char *)memory + (size_t)width * sizeof *s.spans);
    s.row_weights = (float *)(void *)((char *)memory + columns_bytes(taps, width));
    s.row = s.row_weights + in->height;
    return s;
}

/* row[] = the weighted sum of `count` input rows; n values. */
static void add_rows(const uint8_t *in, size_t stride, const float *weights, int count, float *row, size_t n)
{
    memset(row, 0, n * sizeof *row);
    for (int k = 0; k < count; k++, in += stride) {
        float weight = weights[k];
        for (size_t i = 0; i < n; i++) row[i] += weight * (float)in[i];
    }
}

void bso_resize_smooth(const bso_picture *in, const bso_box *box, float *out, int height, int width,
                       void *scratch)
{
    struct filter down = make_filter(box->top, box->height, in->height, height);
    struct filter across = make_filter(box->left, box->width, in->width, width);
    size_t channels = (size_t)in->channels, taps = taps_max(&across), plane = (size_t)height * (size_t)width;
    struct scratch s = cut(scratch, in, taps, width);
    for (int x = 0; x < width; x++) s.spans[x] = weigh(&across, x, s.weights + (size_t)x * taps);
    int left, right;
    visible(&across, width, &left, &right);
    size_t from = (size_t)left * channels, n = (size_t)(right - left) * channels;
    for (int y = 0; y < height; y++) {
        struct span rows = weigh(&down, y, s.row_weights);
        add_rows(in->pixels + (size_t)rows.first * in->stride + from, in->stride, s.row_weights, rows.count,
                 s.row + from, n);
        for (int x = 0; x < width; x++) {
            const float *weight = s.weights + (size_t)x * taps;
            const float *source = s.row + (size_t)s.spans[x].first * channels;
            for (size_t c = 0; c < channels; c++) {
                float sum = 0;
                for (int k = 0; k < s.spans[x].count; k++)
                    sum += weight[k] * source[(size_t)k * channels + c];
                out[c * plane + (size_t)y * (size_t)width + (size_t)x] = sum / 255;
            }
        }
    }
}

/* ---- parts ---- */

bso_box bso_random_crop(const bso_view *view, int height, int width)
{
    const double least = log(3.0 / 4.0), most = log(4.0 / 3.0), unit = 0x1p-32;
    for (int t = 0; t < 10; t++) {
        bso_random4 r = bso_view_block(view, BSO_DRAW_RESIZED_CROP + t);
        double area = (double)height * (double)width * (0.08 + 0.92 * r.word[0] * unit);
        double aspect = exp(least + (most - least) * r.word[1] * unit);
        double w = round(sqrt(area * aspect)), h = round(sqrt(area / aspect));
        if (w < 1 || h < 1 || w > width || h > height) continue;
        return (bso_box){.top = floor(r.word[2] * unit * (height - h + 1)),
                         .left = floor(r.word[3] * unit * (width - w + 1)),
                         .height = h,
                         .width = w};
    }
    double h = height, w = width;
    if (w < h * 3 / 4) h = fmax(1, round(w * 4 / 3));
    if (w > h * 4 / 3) w = fmax(1, round(h * 4 / 3));
    return (bso_box){.top = floor((height - h) / 2), .left = floor((width - w) / 2), .height = h, .width = w};
}
