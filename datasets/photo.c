/* photo.c: see photo.h. */
#define _GNU_SOURCE
#include "datasets/photo.h"

#include "core/error.h"
#include "core/memory.h"

#include <png.h>
#include <string.h>
#include <turbojpeg.h>

enum { CHANNELS = 3, INKS = 4 };

void bso_photo_free(bso_photo *p)
{
    if (p->decoder) tjDestroy(p->decoder);
    bso_free(p->pixels);
    *p = (bso_photo){0};
}

static bool is_png(const uint8_t *bytes, size_t count)
{
    return count >= 8 && png_sig_cmp(bytes, 0, 8) == 0;
}

static int make_room(bso_photo *p, size_t bytes)
{
    return bso_mem_room(&p->pixels, &p->room, bytes, BSO_MEM_DATASET, "a photograph");
}

static int check_size(int64_t height, int64_t width, const char *path)
{
    if (height < 1 || width < 1 || height > BSO_PHOTO_SIDE_MAX || width > BSO_PHOTO_SIDE_MAX ||
        height * width > BSO_PHOTO_PIXELS_MAX)
        return bso_fail("%s: %lld x %lld pixels, outside 1 to %d a side and %d in all", path,
                        (long long)width, (long long)height, BSO_PHOTO_SIDE_MAX, BSO_PHOTO_PIXELS_MAX);
    return 0;
}

static void set_picture(bso_photo *p, int height, int width, double scale)
{
    p->scale = scale;
    p->picture = (bso_picture){.pixels = p->pixels,
                               .height = height,
                               .width = width,
                               .channels = CHANNELS,
                               .stride = (size_t)width * CHANNELS};
}

/* ---- PNG ---- */

static int png_begin(png_image *image, const uint8_t *bytes, size_t count, const char *path)
{
    *image = (png_image){.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_memory(image, bytes, count))
        return bso_fail("%s: PNG: %s; fetch it again", path, image->message);
    if (check_size(image->height, image->width, path) == 0) return 0;
    png_image_free(image);
    return BSO_ERROR;
}

static int decode_png(bso_photo *p, const uint8_t *bytes, size_t count, const char *path)
{
    /* libpng is content with the last pixel. */
    static const char end[] = "IEND\xae\x42\x60\x82";
    if (!memmem(bytes, count, end, sizeof end - 1))
        return bso_fail("%s: PNG: truncated; fetch it again", path);
    png_image image;
    if (png_begin(&image, bytes, count, path)) return BSO_ERROR;
    image.format = PNG_FORMAT_RGB;
    if (make_room(p, PNG_IMAGE_SIZE(image))) {
        png_image_free(&image);
        return BSO_ERROR;
    }
    const png_color black = {0, 0, 0};
    if (!png_image_finish_read(&image, &black, p->pixels, 0, NULL))
        return bso_fail("%s: PNG: %s; fetch it again", path, image.message);
    set_picture(p, (int)image.height, (int)image.width, 1);
    return 0;
}

/* ---- JPEG ---- */

static int fail_jpeg(const bso_photo *p, const char *path)
{
    return bso_fail("%s: JPEG: %s; fetch it again", path, tjGetErrorStr2(p->decoder));
}

static int jpeg_head(bso_photo *p, const uint8_t *bytes, size_t count, const char *path, int *height,
                     int *width, int *colours)
{
    int sampling;
    if (count < 2 || bytes[0] != 0xff || bytes[1] != 0xd8)
        return bso_fail("%s: neither a JPEG nor a PNG file", path);
    if (!p->decoder) p->decoder = tjInitDecompress();
    if (!p->decoder) return bso_fail("%s: no memory for a JPEG decoder", path);
    /* A warning leaves them as they are where the file ends before it has told them. */
    *height = *width = 0;
    if (tjDecompressHeader3(p->decoder, bytes, count, width, height, &sampling, colours) &&
        (tjGetErrorCode(p->decoder) == TJERR_FATAL || *height < 1 || *width < 1))
        return fail_jpeg(p, path);
    return check_size(*height, *width, path);
}

/* Published photographs have stray bytes between their parts, which do no harm; of what is a picture no more
 * there is no end of ways either. */
static bool harmless(const char *warning)
{
    return !strcasestr(warning, "premature end") && !strcasestr(warning, "bad huffman") &&
           !strcasestr(warning, "instead of RST") && !strcasestr(warning, "bad arithmetic");
}

/* Whether an end of image follows the last start of a scan. Of several warnings only the first is told. */
static bool ended(const uint8_t *bytes, size_t count)
{
    const uint8_t *at = bytes, *scan = bytes, *end = bytes + count;
    while ((at = memmem(at, (size_t)(end - at), "\xff\xda", 2))) scan = at += 2;
    return memmem(scan, (size_t)(end - scan), "\xff\xd9", 2);
}

/* Adobe's inverted inks to light, in place: what is printed there multiplies. */
static void inks_to_light(uint8_t *pixels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *in = pixels + INKS * i;
        unsigned black = in[3];
        uint8_t light[CHANNELS];
        for (int k = 0; k < CHANNELS; k++) light[k] = (uint8_t)((in[k] * black + 127) / 255);
        memcpy(pixels + CHANNELS * i, light, CHANNELS);
    }
}

static int decode_jpeg(bso_photo *p, const uint8_t *bytes, size_t count, const char *path, int eighths)
{
    int height, width, colours;
    if (jpeg_head(p, bytes, count, path, &height, &width, &colours)) return BSO_ERROR;
    const tjscalingfactor factor = {eighths, 8};
    height = TJSCALED(height, factor);
    width = TJSCALED(width, factor);
    bool inks = colours == TJCS_CMYK || colours == TJCS_YCCK;
    size_t pixels = (size_t)height * (size_t)width;
    if (make_room(p, pixels * (inks ? INKS : CHANNELS))) return BSO_ERROR;
    /* A scan of a progressive file may be a few bytes, and yet goes over the whole picture. */
    if (tjDecompress2(p->decoder, bytes, count, p->pixels, width, 0, height, inks ? TJPF_CMYK : TJPF_RGB,
                      TJFLAG_LIMITSCANS)) {
        bool warned = tjGetErrorCode(p->decoder) == TJERR_WARNING;
        if (!warned || !harmless(tjGetErrorStr2(p->decoder))) return fail_jpeg(p, path);
        if (!ended(bytes, count)) return bso_fail("%s: JPEG: it ends too early; fetch it again", path);
    }
    if (inks) inks_to_light(p->pixels, pixels);
    set_picture(p, height, width, eighths / 8.0);
    return 0;
}

/* ---- either ---- */

int bso_photo_size(bso_photo *p, const uint8_t *bytes, size_t count, const char *path, int *height,
                   int *width)
{
    int colours;
    if (!is_png(bytes, count)) return jpeg_head(p, bytes, count, path, height, width, &colours);
    png_image image;
    if (png_begin(&image, bytes, count, path)) return BSO_ERROR;
    *height = (int)image.height;
    *width = (int)image.width;
    png_image_free(&image);
    return 0;
}

int bso_photo_decode(bso_photo *p, const uint8_t *bytes, size_t count, const char *path, int eighths)
{
    if (is_png(bytes, count)) return decode_png(p, bytes, count, path);
    return decode_jpeg(p, bytes, count, path, eighths);
}
