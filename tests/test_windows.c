/* test_windows.c: the kernels of 2x2 pooling in every table this CPU runs: sums of spikes in bit planes,
 * means and their transpose, against one window after the other; every table the same, nothing written
 * beside.
 */
#include "core/kernels.h"
#include "core/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
    MAP_LONGEST = 40,
    MOST = 6 * (MAP_LONGEST + 1) /* elements of the largest map */
};

static const float guard = 12345.0f;

static uint64_t word(size_t i)
{
    return bso_random_below(17, BSO_RANDOM_TEST, 0, i, UINT64_MAX);
}

static float number(uint32_t which, size_t i)
{
    return (float)bso_random_normal(11, BSO_RANDOM_TEST, which, i);
}

/* Widths around the blocks of the fast paths, the last column and row left out or not. */
static void each_map(void (*check_map)(const bso_kernels *k, size_t height, size_t width, size_t odd))
{
    for (size_t height = 0; height <= 3; height++) {
        for (size_t width = 0; width <= MAP_LONGEST / 2; width++) {
            for (size_t odd = 0; odd < 2; odd++) {
                for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
                    check_map(*k, height, width, odd);
                }
            }
        }
    }
}

static void check_bits_pool(const bso_kernels *k, size_t height, size_t width, size_t odd)
{
    enum { GAP = 5 };
    size_t in_width = 2 * width + odd, plane = height * width + GAP;
    uint64_t in[MOST], out[3 * (3 * MAP_LONGEST / 2 + GAP)];
    for (size_t i = 0; i < 2 * height * in_width; i++) in[i] = i % 11 == 10 ? UINT64_MAX : word(i);
    for (size_t i = 0; i < 3 * plane; i++) out[i] = 99;
    k->bits_pool(out, plane, in, in_width, height, width);
    for (size_t p = 0; p < plane; p++) {
        if (p >= height * width) {
            for (size_t b = 0; b < 3; b++) assert_true(out[b * plane + p] == 99);
            continue;
        }
        const uint64_t *corner = in + p / width * 2 * in_width + p % width * 2;
        for (int bit = 0; bit < 64; bit++) {
            uint64_t count = 0, got = 0;
            for (size_t i = 0; i < 4; i++) count += corner[i / 2 * in_width + i % 2] >> bit & 1;
            for (size_t b = 0; b < 3; b++) got |= (out[b * plane + p] >> bit & 1) << b;
            if (got != count)
                fail_msg("%s bits_pool: %zu x %zu: %d, must be %d", k->name, height, width, (int)got,
                         (int)count);
        }
    }
}

static void test_bits_pool(void **state)
{
    (void)state;
    each_map(check_bits_pool);
}

/* y has `odd` columns more than there are windows, as where pooling covers a cut column. */
static void check_average(const bso_kernels *k, size_t height, size_t width, size_t odd)
{
    size_t x_width = 2 * width + odd, y_width = width + odd;
    float high[MOST], low[MOST], y[MOST], x[MOST];
    for (size_t i = 0; i < MOST; i++) {
        high[i] = number(0, i);
        low[i] = number(1, i);
        y[i] = x[i] = guard;
    }
    k->average(y, y_width, low, x_width, height, width);
    k->spread(x, x_width, high, y_width, height, width);
    for (size_t i = 0; i < MOST; i++) {
        size_t row = y_width ? i / y_width : 0, column = y_width ? i % y_width : 0;
        const float *corner = low + 2 * row * x_width + 2 * column;
        float expected = guard;
        if (row < height && column < width)
            expected = (((corner[0] + corner[1]) + corner[x_width]) + corner[x_width + 1]) / 4;
        assert_true(y[i] == expected);
        row = x_width ? i / x_width : 0;
        column = x_width ? i % x_width : 0;
        expected = row < 2 * height && column < 2 * width ? high[row / 2 * y_width + column / 2] / 4 : guard;
        assert_true(x[i] == expected);
    }
}

static void test_average_and_spread(void **state)
{
    (void)state;
    each_map(check_average);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits_pool),
        cmocka_unit_test(test_average_and_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
