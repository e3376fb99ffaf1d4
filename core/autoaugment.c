/* autoaugment.c: see autoaugment.h. */
#include "core/autoaugment.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { FILL = 128, PAIRS = 25 };

struct image {
    uint8_t *pixels, *scratch;
    int channels, height, width;
};

static size_t plane_of(const struct image *im)
{
    return (size_t)im->height * (size_t)im->width;
}

static size_t bytes_of(const struct image *im)
{
    return plane_of(im) * (size_t)im->channels;
}

/* Whether a place lies in the picture. */
static bool inside(const struct image *im, double y, double x)
{
    return y >= 0 && x >= 0 && y < (double)im->height && x < (double)im->width;
}

/* ---- geometry ---- */

/* Output pixel centres (x, y) come from (xx x + xy y + x0, yx x + yy y + y0). */
struct affine {
    double xx, xy, x0, yx, yy, y0;
};

static void transform(struct image *im, const struct affine *a)
{
    size_t plane = plane_of(im);
    for (int y = 0; y < im->height; y++) {
        for (int x = 0; x < im->width; x++) {
            double h = (double)x + 0.5, v = (double)y + 0.5;
            double from_x = a->xx * h + a->xy * v + a->x0, from_y = a->yx * h + a->yy * v + a->y0;
            bool seen = inside(im, from_y, from_x);
            size_t to = (size_t)y * (size_t)im->width + (size_t)x, from = 0;
            if (seen) from = (size_t)from_y * (size_t)im->width + (size_t)from_x;
            for (size_t c = 0; c < (size_t)im->channels; c++)
                im->scratch[c * plane + to] = seen ? im->pixels[c * plane + from] : FILL;
        }
    }
    memcpy(im->pixels, im->scratch, bytes_of(im));
}

/* Counter-clockwise for positive angles, as one sees the picture. */
static void rotate(struct image *im, double degrees)
{
    double angle = degrees * 3.14159265358979323846 / 180, cosine = cos(angle), sine = sin(angle);
    double middle_x = (double)im->width / 2, middle_y = (double)im->height / 2;
    struct affine a = {.xx = cosine, .xy = -sine, .yx = sine, .yy = cosine};
    a.x0 = middle_x - a.xx * middle_x - a.xy * middle_y;
    a.y0 = middle_y - a.yx * middle_x - a.yy * middle_y;
    transform(im, &a);
}

/* ---- mixing with a duller picture ---- */

/* dull + factor (vivid - dull), cut off to a byte. */
static uint8_t mix(uint8_t dull, uint8_t vivid, float factor)
{
    float value = (float)dull + factor * (float)(vivid - dull);
    return value <= 0 ? 0 : value >= 255 ? 255 : (uint8_t)value;
}

/* Luma of ITU-R 601 in 16 bits of fraction, rounded. */
static uint8_t grey(const struct image *im, size_t p)
{
    size_t plane = plane_of(im);
    if (im->channels == 1) return im->pixels[p];
    uint32_t r = im->pixels[p], g = im->pixels[plane + p], b = im->pixels[2 * plane + p];
    return (uint8_t)((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16);
}

static void color(struct image *im, float factor)
{
    size_t plane = plane_of(im);
    if (im->channels == 1) return;
    for (size_t p = 0; p < plane; p++) {
        uint8_t dull = grey(im, p);
        for (size_t c = 0; c < 3; c++)
            im->pixels[c * plane + p] = mix(dull, im->pixels[c * plane + p], factor);
    }
}

static void mix_all(struct image *im, uint8_t dull, float factor)
{
    for (size_t i = 0; i < bytes_of(im); i++) im->pixels[i] = mix(dull, im->pixels[i], factor);
}

static void contrast(struct image *im, float factor)
{
    size_t plane = plane_of(im);
    uint64_t sum = 0;
    for (size_t p = 0; p < plane; p++) sum += grey(im, p);
    mix_all(im, (uint8_t)((double)sum / (double)plane + 0.5), factor);
}

/* Neighbours count 1 and the pixel 5 in the smoothed picture; the border is as it was. */
static void sharpness(struct image *im, float factor)
{
    int height = im->height, width = im->width;
    memcpy(im->scratch, im->pixels, bytes_of(im));
    for (size_t c = 0; c < (size_t)im->channels; c++) {
        const uint8_t *in = im->scratch + c * plane_of(im);
        uint8_t *out = im->pixels + c * plane_of(im);
        for (int y = 1; y < height - 1; y++) {
            for (int x = 1; x < width - 1; x++) {
                ptrdiff_t at = (ptrdiff_t)y * width + x;
                int sum = 4 * in[at];
                for (int dy = -1; dy <= 1; dy++)
                    for (int dx = -1; dx <= 1; dx++) sum += in[at + (ptrdiff_t)dy * width + dx];
                out[at] = mix((uint8_t)((2 * sum + 13) / 26), in[at], factor);
            }
        }
    }
}

/* ---- tables of 256 values ---- */

static void look_up(uint8_t *pixels, size_t n, const uint8_t table[256])
{
    for (size_t i = 0; i < n; i++) pixels[i] = table[pixels[i]];
}

static void posterize(struct image *im, int level)
{
    unsigned mask = 0xffu << (int)rint(4.0 * level / 9);
    for (size_t i = 0; i < bytes_of(im); i++) im->pixels[i] &= (uint8_t)mask;
}

static void solarize(struct image *im, int level)
{
    for (size_t i = 0; i < bytes_of(im); i++)
        if (9 * im->pixels[i] >= 255 * (9 - level)) im->pixels[i] = (uint8_t)~im->pixels[i];
}

static void invert(struct image *im)
{
    for (size_t i = 0; i < bytes_of(im); i++) im->pixels[i] = (uint8_t)~im->pixels[i];
}

static void count_values(const uint8_t *pixels, size_t n, size_t counts[256])
{
    memset(counts, 0, 256 * sizeof *counts);
    for (size_t i = 0; i < n; i++) counts[pixels[i]]++;
}

static void auto_contrast(uint8_t *pixels, size_t n)
{
    size_t counts[256];
    count_values(pixels, n, counts);
    int low = 0, high = 255;
    while (!counts[low] && low < 255) low++;
    while (!counts[high] && high > 0) high--;
    if (high <= low) return;
    double scale = 255.0 / (high - low), offset = -low * scale;
    uint8_t table[256];
    for (int i = 0; i < 256; i++) {
        double value = i * scale + offset;
        table[i] = value <= 0 ? 0 : value >= 255 ? 255 : (uint8_t)value;
    }
    look_up(pixels, n, table);
}

/* Every output value shall stand for the same number of pixels, `step`; left as it is where a picture is too
 * small or too plain for that. */
static void equalize(uint8_t *pixels, size_t n)
{
    size_t counts[256];
    count_values(pixels, n, counts);
    int last = 255;
    while (!counts[last] && last > 0) last--;
    size_t step = (n - counts[last]) / 255, below = step / 2;
    if (!step) return;
    uint8_t table[256];
    for (int i = 0; i < 256; i++) {
        size_t value = below / step;
        table[i] = value > 255 ? 255 : (uint8_t)value;
        below += counts[i];
    }
    look_up(pixels, n, table);
}

static void each_channel(struct image *im, void (*operation)(uint8_t *pixels, size_t n))
{
    for (size_t c = 0; c < (size_t)im->channels; c++) operation(im->pixels + c * plane_of(im), plane_of(im));
}

/* ---- one operation ---- */

void bso_augment_apply(const bso_augment_step *step, uint8_t *pixels, int channels, int height, int width,
                       uint8_t *scratch)
{
    assert(channels == 1 || channels == 3);
    struct image im = {pixels, scratch, channels, height, width};
    double share = step->sign * step->level / 9.0; /* of the operation's range */
    float factor = (float)(1 + 0.9 * share);
    struct affine a = {.xx = 1, .yy = 1};
    switch (step->operation) {
    case BSO_AUGMENT_SHEAR_X:
        a.xy = 0.3 * share;
        transform(&im, &a);
        break;
    case BSO_AUGMENT_SHEAR_Y:
        a.yx = 0.3 * share;
        transform(&im, &a);
        break;
    case BSO_AUGMENT_TRANSLATE_X:
        a.x0 = -trunc(150.0 / 331.0 * width * share);
        transform(&im, &a);
        break;
    case BSO_AUGMENT_TRANSLATE_Y:
        a.y0 = -trunc(150.0 / 331.0 * height * share);
        transform(&im, &a);
        break;
    case BSO_AUGMENT_ROTATE:
        rotate(&im, 30 * share);
        break;
    case BSO_AUGMENT_COLOR:
        color(&im, factor);
        break;
    case BSO_AUGMENT_CONTRAST:
        contrast(&im, factor);
        break;
    case BSO_AUGMENT_SHARPNESS:
        sharpness(&im, factor);
        break;
    case BSO_AUGMENT_BRIGHTNESS:
        mix_all(&im, 0, factor);
        break;
    case BSO_AUGMENT_POSTERIZE:
        posterize(&im, step->level);
        break;
    case BSO_AUGMENT_SOLARIZE:
        solarize(&im, step->level);
        break;
    case BSO_AUGMENT_AUTO_CONTRAST:
        each_channel(&im, auto_contrast);
        break;
    case BSO_AUGMENT_EQUALIZE:
        each_channel(&im, equalize);
        break;
    case BSO_AUGMENT_INVERT:
        invert(&im);
        break;
    default:
        assert(!"an operation");
    }
}

/* ---- the policy ---- */

struct choice {
    bso_augment_operation operation;
    int tenths; /* probability */
    int level;
};

/* Table 7 of the paper, sub-policies 0 to 24. Operations without a level have 0. */
static const struct choice policy[PAIRS][2] = {
    {{BSO_AUGMENT_INVERT, 1, 0}, {BSO_AUGMENT_CONTRAST, 2, 6}},
    {{BSO_AUGMENT_ROTATE, 7, 2}, {BSO_AUGMENT_TRANSLATE_X, 3, 9}},
    {{BSO_AUGMENT_SHARPNESS, 8, 1}, {BSO_AUGMENT_SHARPNESS, 9, 3}},
    {{BSO_AUGMENT_SHEAR_Y, 5, 8}, {BSO_AUGMENT_TRANSLATE_Y, 7, 9}},
    {{BSO_AUGMENT_AUTO_CONTRAST, 5, 0}, {BSO_AUGMENT_EQUALIZE, 9, 0}},
    {{BSO_AUGMENT_SHEAR_Y, 2, 7}, {BSO_AUGMENT_POSTERIZE, 3, 7}},
    {{BSO_AUGMENT_COLOR, 4, 3}, {BSO_AUGMENT_BRIGHTNESS, 6, 7}},
    {{BSO_AUGMENT_SHARPNESS, 3, 9}, {BSO_AUGMENT_BRIGHTNESS, 7, 9}},
    {{BSO_AUGMENT_EQUALIZE, 6, 0}, {BSO_AUGMENT_EQUALIZE, 5, 0}},
    {{BSO_AUGMENT_CONTRAST, 6, 7}, {BSO_AUGMENT_SHARPNESS, 6, 5}},
    {{BSO_AUGMENT_COLOR, 7, 7}, {BSO_AUGMENT_TRANSLATE_X, 5, 8}},
    {{BSO_AUGMENT_EQUALIZE, 3, 0}, {BSO_AUGMENT_AUTO_CONTRAST, 4, 0}},
    {{BSO_AUGMENT_TRANSLATE_Y, 4, 3}, {BSO_AUGMENT_SHARPNESS, 2, 6}},
    {{BSO_AUGMENT_BRIGHTNESS, 9, 6}, {BSO_AUGMENT_COLOR, 2, 8}},
    {{BSO_AUGMENT_SOLARIZE, 5, 2}, {BSO_AUGMENT_INVERT, 0, 0}},
    {{BSO_AUGMENT_EQUALIZE, 2, 0}, {BSO_AUGMENT_AUTO_CONTRAST, 6, 0}},
    {{BSO_AUGMENT_EQUALIZE, 2, 0}, {BSO_AUGMENT_EQUALIZE, 6, 0}},
    {{BSO_AUGMENT_COLOR, 9, 9}, {BSO_AUGMENT_EQUALIZE, 6, 0}},
    {{BSO_AUGMENT_AUTO_CONTRAST, 8, 0}, {BSO_AUGMENT_SOLARIZE, 2, 8}},
    {{BSO_AUGMENT_BRIGHTNESS, 1, 3}, {BSO_AUGMENT_COLOR, 7, 0}},
    {{BSO_AUGMENT_SOLARIZE, 4, 5}, {BSO_AUGMENT_AUTO_CONTRAST, 9, 0}},
    {{BSO_AUGMENT_TRANSLATE_Y, 9, 9}, {BSO_AUGMENT_TRANSLATE_Y, 7, 9}},
    {{BSO_AUGMENT_AUTO_CONTRAST, 9, 0}, {BSO_AUGMENT_SOLARIZE, 8, 3}},
    {{BSO_AUGMENT_EQUALIZE, 8, 0}, {BSO_AUGMENT_INVERT, 1, 0}},
    {{BSO_AUGMENT_TRANSLATE_Y, 7, 9}, {BSO_AUGMENT_AUTO_CONTRAST, 9, 0}},
};

int bso_autoaugment_draw(const bso_view *view, bso_augment_step steps[2])
{
    const struct choice *pair = policy[bso_view_below(view, BSO_DRAW_PAIR, PAIRS)];
    int count = 0;
    for (int i = 0; i < 2; i++) {
        bool applied = bso_view_below(view, BSO_DRAW_APPLY + i, 10) < (uint64_t)pair[i].tenths;
        bool negative = bso_view_below(view, BSO_DRAW_SIGN + i, 2) == 0;
        if (applied) steps[count++] = (bso_augment_step){pair[i].operation, pair[i].level, negative ? -1 : 1};
    }
    return count;
}

void bso_autoaugment(uint8_t *pixels, int channels, int height, int width, uint8_t *scratch,
                     const bso_view *view)
{
    bso_augment_step steps[2];
    int count = bso_autoaugment_draw(view, steps);
    for (int i = 0; i < count; i++) bso_augment_apply(&steps[i], pixels, channels, height, width, scratch);
}
