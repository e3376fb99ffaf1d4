/* test_autoaugment.c: each operation of AutoAugment on pictures whose outcome is known, and the policy: which
 * pairs are drawn how often. The operations were also compared with Pillow 9.4, picture by picture: all but
 * the two kinds of geometry that take slanted lines are the same bytes.
 */
#include "core/autoaugment.h"
#include "core/random.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { H = 11, W = 13, N = H * W };

static uint8_t pixels[3 * N], before[3 * N], scratch[3 * N];

/* A picture without symmetry. */
static void fill(void)
{
    for (size_t i = 0; i < 3 * N; i++) before[i] = (uint8_t)bso_random(7, BSO_RANDOM_TEST, 0, i).word[0];
    memcpy(pixels, before, sizeof pixels);
}

static void apply(bso_augment_operation operation, int level, int sign, int channels)
{
    bso_augment_apply(&(bso_augment_step){operation, level, sign}, pixels, channels, H, W, scratch);
}

static uint8_t at(const uint8_t *p, int channel, int y, int x)
{
    bool inside = y >= 0 && y < H && x >= 0 && x < W;
    return inside ? p[channel * N + y * W + x] : 128;
}

/* Level 0 changes nothing, by operations that have one; inverting twice neither. */
static void test_identity(void **state)
{
    (void)state;
    static const bso_augment_operation operations[] = {
        BSO_AUGMENT_SHEAR_X,    BSO_AUGMENT_SHEAR_Y,  BSO_AUGMENT_TRANSLATE_X, BSO_AUGMENT_TRANSLATE_Y,
        BSO_AUGMENT_ROTATE,     BSO_AUGMENT_COLOR,    BSO_AUGMENT_CONTRAST,    BSO_AUGMENT_SHARPNESS,
        BSO_AUGMENT_BRIGHTNESS, BSO_AUGMENT_POSTERIZE};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        fill();
        apply(operations[i], 0, i % 2 ? 1 : -1, 3);
        assert_memory_equal(pixels, before, sizeof pixels);
    }
    fill();
    apply(BSO_AUGMENT_INVERT, 0, 1, 3);
    for (size_t i = 0; i < 3 * N; i++) assert_int_equal(pixels[i], 255 - before[i]);
    apply(BSO_AUGMENT_INVERT, 0, 1, 3);
    assert_memory_equal(pixels, before, sizeof pixels);
}

/* Pixel (y, x) comes from the nearest to where the formula of the header says. */
static void test_geometry(void **state)
{
    (void)state;
    for (int level = 1; level < 10; level++) {
        for (int sign = -1; sign < 2; sign += 2) {
            double share = sign * level / 9.0;
            for (int kind = 0; kind < 5; kind++) {
                static const bso_augment_operation operations[] = {
                    BSO_AUGMENT_SHEAR_X, BSO_AUGMENT_SHEAR_Y, BSO_AUGMENT_TRANSLATE_X,
                    BSO_AUGMENT_TRANSLATE_Y, BSO_AUGMENT_ROTATE};
                fill();
                apply(operations[kind], level, sign, 3);
                double angle = 30 * share * acos(-1) / 180;
                for (int p = 0; p < N; p++) {
                    double y = p / W + 0.5, x = p % W + 0.5, from_y = y, from_x = x;
                    if (kind == 0) from_x = x + 0.3 * share * y;
                    if (kind == 1) from_y = y + 0.3 * share * x;
                    if (kind == 2) from_x = x - trunc(150.0 / 331 * W * share);
                    if (kind == 3) from_y = y - trunc(150.0 / 331 * H * share);
                    if (kind == 4) {
                        from_x = W / 2.0 + cos(angle) * (x - W / 2.0) - sin(angle) * (y - H / 2.0);
                        from_y = H / 2.0 + sin(angle) * (x - W / 2.0) + cos(angle) * (y - H / 2.0);
                    }
                    /* On the border between two pixels either is the nearest. */
                    if (fabs(from_x - round(from_x)) < 1e-9 || fabs(from_y - round(from_y)) < 1e-9) continue;
                    for (int c = 0; c < 3; c++)
                        assert_int_equal(at(pixels, c, p / W, p % W),
                                         at(before, c, (int)floor(from_y), (int)floor(from_x)));
                }
            }
        }
    }
}

static uint8_t clip(double x)
{
    return x <= 0 ? 0 : x >= 255 ? 255 : (uint8_t)x;
}

static int grey_of(int p)
{
    return (int)(0.299 * before[p] + 0.587 * before[N + p] + 0.114 * before[2 * N + p] + 0.5);
}

static void near(int got, double expected)
{
    assert_true(abs(got - (int)clip(expected)) <= 1); /* rounding of what is mixed */
}

static void test_mixing(void **state)
{
    (void)state;
    for (int level = 1; level < 10; level++) {
        for (int sign = -1; sign < 2; sign += 2) {
            double factor = 1 + 0.1 * sign * level, mean = 0;
            fill();
            for (int p = 0; p < N; p++) mean += (double)grey_of(p) / N;
            apply(BSO_AUGMENT_BRIGHTNESS, level, sign, 3);
            for (size_t i = 0; i < 3 * N; i++) near(pixels[i], factor * before[i]);
            fill();
            apply(BSO_AUGMENT_CONTRAST, level, sign, 3);
            for (size_t i = 0; i < 3 * N; i++) near(pixels[i], mean + factor * (before[i] - mean));
            fill();
            apply(BSO_AUGMENT_COLOR, level, sign, 3);
            for (size_t i = 0; i < 3 * N; i++) {
                double grey = grey_of((int)(i % N));
                near(pixels[i], grey + factor * (before[i] - grey));
            }
            fill();
            apply(BSO_AUGMENT_SHARPNESS, level, sign, 3);
            for (int p = 0; p < 3 * N; p++) {
                int y = p % N / W, x = p % N % W;
                bool inside = y > 0 && y < H - 1 && x > 0 && x < W - 1;
                double sum = 4.0 * before[p];
                for (int k = 0; inside && k < 9; k++) sum += before[p + (k / 3 - 1) * W + k % 3 - 1];
                double smooth = inside ? round(sum / 13) : before[p];
                near(pixels[p], smooth + factor * (before[p] - smooth));
            }
        }
    }
    /* Grey pictures have no colour to take away. */
    fill();
    apply(BSO_AUGMENT_COLOR, 9, 1, 1);
    assert_memory_equal(pixels, before, sizeof pixels);
    /* Equal pixels stay equal under everything but brightness. */
    memset(pixels, 77, sizeof pixels);
    apply(BSO_AUGMENT_SHARPNESS, 9, 1, 3);
    apply(BSO_AUGMENT_CONTRAST, 9, 1, 3);
    apply(BSO_AUGMENT_COLOR, 9, -1, 3);
    for (size_t i = 0; i < 3 * N; i++) assert_int_equal(pixels[i], 77);
}

static void test_tables(void **state)
{
    (void)state;
    static const int bits[10] = {8, 8, 7, 7, 6, 6, 5, 5, 4, 4};
    for (int level = 0; level < 10; level++) {
        fill();
        apply(BSO_AUGMENT_POSTERIZE, level, 1, 3);
        int step = 1 << (8 - bits[level]);
        for (size_t i = 0; i < 3 * N; i++) assert_int_equal(pixels[i], before[i] / step * step);
        fill();
        apply(BSO_AUGMENT_SOLARIZE, level, 1, 3);
        for (size_t i = 0; i < 3 * N; i++) {
            bool above = before[i] >= 255 - 255.0 * level / 9;
            assert_int_equal(pixels[i], above ? 255 - before[i] : before[i]);
        }
    }
    /* Each channel by itself is stretched from 0 to 255. */
    for (size_t i = 0; i < 3 * N; i++) pixels[i] = (uint8_t)(50 * (i / N) + 20 + i % 51);
    apply(BSO_AUGMENT_AUTO_CONTRAST, 0, 1, 3);
    for (size_t i = 0; i < 3 * N; i++) {
        assert_true(fabs(pixels[i] - 255.0 * (double)(i % 51) / 50) <= 1);
    }
    memset(pixels, 9, sizeof pixels);
    apply(BSO_AUGMENT_AUTO_CONTRAST, 0, 1, 3);
    for (size_t i = 0; i < 3 * N; i++) assert_int_equal(pixels[i], 9);
}

/* Values in equal numbers are spread evenly, whatever they were. */
static void test_equalize(void **state)
{
    (void)state;
    enum { SIDE = 64 };
    static uint8_t large[SIDE * SIDE], work[SIDE * SIDE];
    for (size_t i = 0; i < sizeof large; i++) large[i] = (uint8_t)(100 + i % 8);
    bso_augment_apply(&(bso_augment_step){BSO_AUGMENT_EQUALIZE, 0, 1}, large, 1, SIDE, SIDE, work);
    for (size_t i = 0; i < sizeof large; i++) {
        /* All but the last value's 512 pixels are shared out to 255 steps of 14; rounded to the nearest. */
        size_t expected = (7 + 512 * (i % 8)) / 14;
        assert_int_equal(large[i], expected > 255 ? 255 : expected);
    }
    for (size_t i = 0; i < sizeof large; i++) large[i] = 33;
    bso_augment_apply(&(bso_augment_step){BSO_AUGMENT_EQUALIZE, 0, 1}, large, 1, SIDE, SIDE, work);
    for (size_t i = 0; i < sizeof large; i++) assert_int_equal(large[i], 33);
}

/* ---- the policy ---- */

/* How often an operation is done in a look, summed over the table: probability / 25 for each place. */
static void test_policy(void **state)
{
    (void)state;
    enum { LOOKS = 100000 };
    /* In tenths, from the paper's table 7, in the order of the enumeration. */
    static const int tenths[BSO_AUGMENT_OPERATIONS] = {
        0,                                 /* ShearX */
        5 + 2,                             /* ShearY */
        3 + 5,                             /* TranslateX */
        7 + 4 + 9 + 7 + 7,                 /* TranslateY */
        7,                                 /* Rotate */
        4 + 7 + 2 + 9 + 7,                 /* Color */
        2 + 6,                             /* Contrast */
        8 + 9 + 3 + 6 + 2,                 /* Sharpness */
        6 + 7 + 9 + 1,                     /* Brightness */
        3,                                 /* Posterize */
        5 + 2 + 4 + 8,                     /* Solarize */
        5 + 4 + 6 + 8 + 9 + 9 + 9,         /* AutoContrast */
        9 + 6 + 5 + 3 + 2 + 2 + 6 + 6 + 8, /* Equalize */
        1 + 0 + 1,                         /* Invert */
    };
    double done[BSO_AUGMENT_OPERATIONS] = {0}, negative = 0, all = 0, levels = 0;
    for (uint32_t i = 0; i < LOOKS; i++) {
        bso_view view = {5, i % 11, i};
        bso_augment_step steps[2], again[2];
        int n = bso_autoaugment_draw(&view, steps);
        assert_in_range(n, 0, 2);
        assert_int_equal(bso_autoaugment_draw(&view, again), n);
        for (int k = 0; k < n; k++) {
            assert_int_equal(steps[k].operation, again[k].operation);
            assert_in_range(steps[k].level, 0, 9);
            assert_true(steps[k].sign == 1 || steps[k].sign == -1);
            done[steps[k].operation]++;
            negative += steps[k].sign < 0;
            levels += steps[k].operation == BSO_AUGMENT_ROTATE ? steps[k].level == 2 : 0;
            all++;
        }
    }
    for (int o = 0; o < BSO_AUGMENT_OPERATIONS; o++) {
        double expected = LOOKS * tenths[o] / 250.0;
        assert_true(fabs(done[o] - expected) <= 5 * sqrt(expected));
    }
    assert_true(fabs(negative - all / 2) < 5 * sqrt(all / 4));
    assert_true(levels == done[BSO_AUGMENT_ROTATE]);
}

/* Drawing and applying is what the two do one after the other; grey and colour, any size. */
static void test_whole(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 300; i++) {
        bso_view view = {1, 2, i};
        bso_augment_step steps[2];
        uint8_t expected[3 * N];
        int channels = i % 2 ? 1 : 3;
        fill();
        int n = bso_autoaugment_draw(&view, steps);
        for (int k = 0; k < n; k++) bso_augment_apply(&steps[k], pixels, channels, H, W, scratch);
        memcpy(expected, pixels, sizeof expected);
        fill();
        bso_autoaugment(pixels, channels, H, W, scratch, &view);
        assert_memory_equal(pixels, expected, sizeof expected);
        uint8_t one[3] = {1, 2, 3}, room[3]; /* a picture of one pixel */
        bso_autoaugment(one, channels, 1, 1, room, &view);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity), cmocka_unit_test(test_geometry), cmocka_unit_test(test_mixing),
        cmocka_unit_test(test_tables),   cmocka_unit_test(test_equalize), cmocka_unit_test(test_policy),
        cmocka_unit_test(test_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
