/* test_image.c: resizing against closed forms and against slow direct sums. */
#include "core/image.h"
#include "core/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const int sizes[][2] = {{1, 1}, {1, 2}, {2, 1},  {3, 1},  {1, 7},   {5, 3},   {3, 5},  {7, 7},
                               {4, 8}, {8, 4}, {16, 3}, {13, 5}, {40, 11}, {11, 40}, {31, 1}, {48, 17}};
enum { SIZES = sizeof sizes / sizeof *sizes, MOST = 48 };

static double noise(size_t i)
{
    return bso_random_uniform(3, BSO_RANDOM_TEST, 1, i);
}

/* ---- plain bilinear ---- */

/* The value at a place between pixel centres, where the outermost pixels go on for ever. */
static double between(const float *in, int height, int width, double y, double x)
{
    double sum = 0;
    for (int r = -1; r <= height; r++) {
        for (int c = -1; c <= width; c++) {
            double up = 1 - fabs(y - (r + 0.5)), across = 1 - fabs(x - (c + 0.5));
            if (up <= 0 || across <= 0) continue;
            int row = r < 0 ? 0 : r >= height ? height - 1 : r;
            int column = c < 0 ? 0 : c >= width ? width - 1 : c;
            sum += up * across * (double)in[row * width + column];
        }
    }
    return sum;
}

static void test_bilinear(void **state)
{
    (void)state;
    static float in[MOST * MOST], out[MOST * MOST];
    for (int i = 0; i < SIZES; i++) {
        for (int k = 0; k < SIZES; k++) {
            int h = sizes[i][0], w = sizes[i][1], height = sizes[k][0], width = sizes[k][1];
            for (int p = 0; p < h * w; p++) in[p] = (float)noise((size_t)(i * MOST * MOST + p)) - 0.5f;
            out[height * width] = 77;
            bso_resize_bilinear(in, h, w, out, height, width);
            assert_true(out[height * width] == 77);
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++) {
                    double expected = between(in, h, w, (y + 0.5) * h / height, (x + 0.5) * w / width);
                    assert_true(fabs((double)out[y * width + x] - expected) < 1e-6);
                }
            }
        }
    }
}

static void test_bilinear_closed(void **state)
{
    (void)state;
    /* The same size is the same picture, to the bit. */
    float in[35], out[64];
    for (int p = 0; p < 35; p++) in[p] = (float)noise((size_t)p);
    bso_resize_bilinear(in, 5, 7, out, 5, 7);
    assert_memory_equal(in, out, sizeof in);
    /* Two pixels become four: the quarters between them. */
    bso_resize_bilinear((float[]){0, 1}, 1, 2, out, 1, 4);
    assert_true(out[0] == 0 && out[1] == 0.25f && out[2] == 0.75f && out[3] == 1);
    /* Halving takes the mean of each pair; a third takes the middle: no antialiasing. */
    bso_resize_bilinear((float[]){1, 3, 10, 20}, 4, 1, out, 2, 1);
    assert_true(out[0] == 2 && out[1] == 15);
    bso_resize_bilinear((float[]){9, 1, 9, 9, 4, 9}, 1, 6, out, 1, 2);
    assert_true(out[0] == 1 && out[1] == 4);
    /* One pixel fills everything. */
    bso_resize_bilinear((float[]){0.3f}, 1, 1, out, 3, 5);
    for (int p = 0; p < 15; p++) assert_true(fabsf(out[p] - 0.3f) < 1e-7f);
}

/* ---- antialiased ---- */

/* A triangle of half-base max(1, step) around each output's centre, over the pixels there are. */
static double filtered(const bso_picture *in, const bso_box *box, int height, int width, int y, int x,
                       int channel)
{
    double down = box->height / height, across = box->width / width;
    double v = box->top + (y + 0.5) * down, h = box->left + (x + 0.5) * across, sum = 0, total = 0;
    for (int r = 0; r < in->height; r++) {
        for (int c = 0; c < in->width; c++) {
            double a = 1 - fabs(r + 0.5 - v) / fmax(down, 1), b = 1 - fabs(c + 0.5 - h) / fmax(across, 1);
            if (a <= 0 || b <= 0) continue;
            sum += a * b * in->pixels[(size_t)r * in->stride + (size_t)(c * in->channels + channel)];
            total += a * b;
        }
    }
    return sum / total / 255;
}

static float *smooth(const bso_picture *in, const bso_box *box, int height, int width)
{
    size_t bytes = bso_resize_smooth_scratch(in, box, width);
    size_t values = (size_t)in->channels * (size_t)height * (size_t)width;
    void *scratch = malloc(bytes); /* so that a step beyond its end is seen by the sanitizers */
    float *out = malloc(values * sizeof *out);
    assert_true(scratch && out);
    memset(scratch, 0xff, bytes);
    bso_resize_smooth(in, box, out, height, width, scratch);
    free(scratch);
    return out;
}

static void test_smooth(void **state)
{
    (void)state;
    static uint8_t pixels[MOST * (MOST * 3 + 5)];
    for (size_t p = 0; p < sizeof pixels; p++) pixels[p] = (uint8_t)(256 * noise(p));
    for (int i = 0; i < SIZES; i++) {
        for (int k = 0; k < SIZES; k++) {
            int channels = (i + k) % 2 ? 3 : 1, height = sizes[k][0], width = sizes[k][1];
            bso_picture in = {pixels, sizes[i][0], sizes[i][1], channels,
                              (size_t)(sizes[i][1] * channels + 5 * (k % 2))};
            for (int part = 0; part < 2; part++) {
                bso_box box = {0, 0, in.height, in.width};
                if (part)
                    box = (bso_box){0.13 * in.height, 0.31 * in.width, 0.7 * in.height, 0.69 * in.width};
                float *out = smooth(&in, &box, height, width);
                for (int p = 0; p < channels * height * width; p++) {
                    int y = p / width % height, x = p % width, channel = p / width / height;
                    double expected = filtered(&in, &box, height, width, y, x, channel);
                    assert_true(fabs((double)out[p] - expected) < 1e-6);
                }
                free(out);
            }
        }
    }
}

static void test_smooth_closed(void **state)
{
    (void)state;
    uint8_t ramp[40][40][3];
    for (int y = 0; y < 40; y++) {
        for (int x = 0; x < 40; x++) {
            ramp[y][x][0] = (uint8_t)(6 * x);
            ramp[y][x][1] = (uint8_t)(6 * y);
            ramp[y][x][2] = 77;
        }
    }
    bso_picture in = {&ramp[0][0][0], 40, 40, 3, 120};
    bso_box box = {0, 0, 40, 40};
    float *out = smooth(&in, &box, 40, 40);
    for (int p = 0; p < 4800; p++)
        assert_true(fabsf(out[p] - (float)ramp[p / 40 % 40][p % 40][p / 1600] / 255) < 1e-7f);
    free(out);
    /* Inside, a ramp stays the ramp whatever the scale: the filter is symmetric. */
    for (int size = 5; size <= 160; size *= 2) {
        out = smooth(&in, &box, size, size);
        for (int y = 0; y < size; y++) {
            for (int x = 0; x < size; x++) {
                double v = (y + 0.5) * 40 / size - 0.5, h = (x + 0.5) * 40 / size - 0.5;
                double reach = fmax(1, 40.0 / size);
                bool inside = v >= reach && v <= 39 - reach && h >= reach && h <= 39 - reach;
                const float *at = out + y * size + x;
                assert_true(fabsf(at[2 * size * size] * 255 - 77) < 1e-4f);
                if (!inside) continue;
                assert_true(fabs((double)at[0] * 255 - 6 * h) < 1e-3);
                assert_true(fabs((double)at[size * size] * 255 - 6 * v) < 1e-3);
            }
        }
        free(out);
    }
    /* Three times smaller: weights 1/9, 2/9, 3/9, 2/9, 1/9 around the middle; at the edge without the outer
     * one. */
    uint8_t line[9] = {10, 0, 200, 30, 50, 90, 110, 5, 240};
    in = (bso_picture){line, 1, 9, 1, 9};
    box = (bso_box){0, 0, 1, 9};
    out = smooth(&in, &box, 1, 3);
    assert_true(fabsf(out[0] * 255 - (2 * 10 + 3 * 0 + 2 * 200 + 30) / 8.0f) < 1e-4f);
    assert_true(fabsf(out[1] * 255 - (200 + 2 * 30 + 3 * 50 + 2 * 90 + 110) / 9.0f) < 1e-4f);
    assert_true(fabsf(out[2] * 255 - (90 + 2 * 110 + 3 * 5 + 2 * 240) / 8.0f) < 1e-4f);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bilinear),
        cmocka_unit_test(test_bilinear_closed),
        cmocka_unit_test(test_smooth),
        cmocka_unit_test(test_smooth_closed),
    };
    return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
