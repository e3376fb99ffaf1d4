/* test_update_kernels.c: the kernels of an update of one-bit weights, on every table this CPU runs: against
 * plain formulas written here and against each other bit for bit, at odd lengths, with no access past the
 * end.
 */
#include "core/kernels.h"
#include "core/random.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { LONGEST = 1000, GUARD = 64, ROOM = LONGEST + GUARD };

static const size_t lengths[] = {0, 1, 3, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 100, 257, LONGEST};
enum { LENGTHS = sizeof lengths / sizeof lengths[0] };

static float x[ROOM], y[ROOM];
static uint32_t words[ROOM];

static int fill_inputs(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < ROOM; i++) {
        x[i] = (float)bso_random_normal(21, BSO_RANDOM_TEST, 0, i);
        y[i] = (float)bso_random_normal(21, BSO_RANDOM_TEST, 1, i);
        words[i] = bso_random(21, BSO_RANDOM_TEST, 2, i).word[0];
    }
    return 0;
}

/* n floats on the heap, so that a sanitizer sees what is read or written beyond. */
static float *copy_of(const float *from, size_t n)
{
    float *to = malloc(n * sizeof *to + 1);
    assert_non_null(to);
    memcpy(to, from, n * sizeof *to);
    return to;
}

static void test_finite(void **state)
{
    (void)state;
    static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY},
                       good[] = {FLT_MAX, -FLT_MAX, FLT_TRUE_MIN, -0.0F};
    for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
        for (int l = 0; l < LENGTHS; l++) {
            float *z = copy_of(x, lengths[l]);
            assert_true((*k)->finite(z, lengths[l]));
            for (size_t i = 0; i < lengths[l]; i += 1 + lengths[l] / 70) {
                for (int j = 0; j < 4; j++) {
                    z[i] = bad[j];
                    assert_false((*k)->finite(z, lengths[l]));
                    z[i] = good[j];
                    assert_true((*k)->finite(z, lengths[l]));
                }
            }
            free(z);
        }
    }
}

static void test_moving_average(void **state)
{
    (void)state;
    const float keep = (float)(1 - 0.33), take = (float)0.33;
    for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
        for (int l = 0; l < LENGTHS; l++) {
            float *m = copy_of(x, lengths[l]), *g = copy_of(y, lengths[l]);
            (*k)->moving_average(m, g, lengths[l], keep, take);
            for (size_t i = 0; i < lengths[l]; i++) {
                const float kept = keep * x[i], added = take * y[i];
                assert_true(m[i] == kept + added);
            }
            free(m);
            free(g);
        }
    }
}

static void test_sum_squares(void **state)
{
    (void)state;
    enum { BLOCKS = 11 };
    static const size_t sizes[] = {4, 8, 20, 64};
    for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
        for (size_t c = 0; c < sizeof sizes / sizeof *sizes * (BLOCKS + 1); c++) {
            const size_t length = sizes[c / (BLOCKS + 1)], blocks = c % (BLOCKS + 1);
            double expected[BLOCKS][4], sums[BLOCKS][4];
            float *g = copy_of(x, blocks * length);
            for (size_t b = 0; b < BLOCKS; b++) {
                for (size_t j = 0; j < 4; j++) expected[b][j] = sums[b][j] = (double)(b + j);
            }
            for (size_t i = 0; i < blocks * length; i++)
                expected[i / length][i % length % 4] += (double)g[i] * (double)g[i];
            (*k)->sum_squares(sums[0], g, blocks, length);
            assert_memory_equal(sums, expected, sizeof sums);
            free(g);
        }
    }
}

static void test_beyond(void **state)
{
    (void)state;
    const float limits[] = {0, 0.5F, x[5], x[6] < 0 ? -x[6] : x[6]};
    for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
        for (int rows = 0; rows <= 32; rows++) {
            const size_t n = lengths[rows % LENGTHS] % 30 + 1, stride = n + (size_t)rows % 3;
            const int bit = rows % 5 <= 32 - rows ? rows % 5 : 0;
            const float limit = limits[rows % 4];
            const size_t size = rows ? (size_t)(rows - 1) * stride + n : 0;
            float *m = copy_of(x, size);
            for (size_t i = 0; i < size; i += 3) m[i] = i % 2 ? limit : -limit; /* ties */
            uint32_t above[32], below[32];
            for (size_t i = 0; i < 32; i++) above[i] = below[i] = UINT32_C(0x80000001);
            (*k)->beyond(above, below, m, stride, rows, n, bit, limit);
            for (size_t i = 0; i < 32; i++) {
                uint32_t a = UINT32_C(0x80000001), b = a;
                for (int r = 0; r < rows && i < n; r++) {
                    const float value = m[(size_t)r * stride + i];
                    a |= (uint32_t)(value > limit) << (bit + r);
                    b |= (uint32_t)(value < -limit) << (bit + r);
                }
                assert_true(above[i] == a && below[i] == b);
            }
            free(m);
        }
    }
}

/* ---- Codes ---- */

static int code_at(const void *codes, int bits, size_t i)
{
    return bits == 16 ? ((const int16_t *)codes)[i] : ((const int8_t *)codes)[i];
}

/* Each code is one of the two integers beside x / scale, and which one is decided by the word. */
static void check_codes(const bso_kernels *k, int bits, const float *z, size_t n, char *first)
{
    const int most = bits == 16 ? 32767 : 127;
    const size_t bytes = n * (size_t)bits / 8;
    char *codes = malloc(bytes + 1);
    float largest = 0, *back = malloc(n * sizeof *back + 1);
    for (size_t i = 0; i < n; i++) largest = fmaxf(largest, fabsf(z[i]));
    codes[bytes] = 99;
    const float scale = k->codes_write(codes, bits, z, words, n);
    k->codes_read(back, codes, bits, scale, n);
    assert_true(scale == (largest == 0 ? 0 : fmaxf(largest / (float)most, 0x1p-126F)));
    assert_int_equal(codes[bytes], 99);
    for (size_t i = 0; i < n; i++) {
        const int code = code_at(codes, bits, i);
        assert_true(back[i] == (float)code * scale);
        const double exact = scale > 0 ? fabs((double)z[i]) / (double)scale : 0, low = floor(exact);
        const double up = exact - low, chance = (double)words[i] / 4294967296.0, rounding = exact * 0x1p-22;
        assert_true(abs(code) <= most && (code == 0 || (code < 0) == (z[i] < 0)));
        if (fabs(chance - up) > rounding + 0x1p-29 && up > rounding && 1 - up > rounding)
            assert_true(abs(code) == (int)low + (chance < up));
        assert_true(fabs(abs(code) - exact) < 1 + rounding);
    }
    if (k == bso_kernels_available()[0]) memcpy(first, codes, bytes);
    assert_memory_equal(codes, first, bytes);
    free(codes);
    free(back);
}

static void test_codes(void **state)
{
    (void)state;
    static const float sizes[] = {1, 0, 1e-30F, 1e-38F, 1e-43F, 1e30F, 0x1p125F};
    for (int bits = 8; bits <= 16; bits += 8) {
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            for (int l = 0; l < LENGTHS; l++) {
                char first[2 * LONGEST];
                float *z = copy_of(x, lengths[l]);
                for (size_t i = 0; i < lengths[l]; i++) z[i] *= sizes[s];
                for (const bso_kernels *const *k = bso_kernels_available(); *k; k++)
                    check_codes(*k, bits, z, lengths[l], first);
                free(z);
            }
        }
    }
}

/* The largest has the largest code, whatever is drawn; whole codes stay; halves go up for half of the words.
 */
static void test_codes_by_hand(void **state)
{
    (void)state;
    static const float z[] = {127, -127, 0, -0.0F, 5, -6, 2.5F, 2.5F, -2.5F, -2.5F, 0.25F, 0.25F, -126.75F};
    static const uint32_t w[] = {0,          UINT32_MAX, 0,          0,          0,
                                 UINT32_MAX, 0x7fffffff, 0x80000000, 0x7fffffff, 0x80000000,
                                 0x3fffffff, 0x40000000, 0};
    static const int8_t expected[] = {127, -127, 0, 0, 5, -6, 3, 2, -3, -2, 1, 0, -127};
    enum { N = sizeof expected };
    for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
        int8_t codes[N];
        assert_true((*k)->codes_write(codes, 8, z, w, N) == 1);
        assert_memory_equal(codes, expected, N);
        int16_t wide[1];
        assert_true((*k)->codes_write(wide, 16, (const float[]){-3.5F}, w, 1) == 3.5F / 32767);
        assert_int_equal(wide[0], -32767);
    }
}

static void test_codes_of_what_is_not_finite(void **state)
{
    (void)state;
    static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
    for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
        for (int j = 0; j < 8; j++) {
            float z[40], back[40];
            int16_t codes[40];
            memcpy(z, x, sizeof z);
            z[j * 5] = bad[j % 4];
            const float scale = (*k)->codes_write(codes, j < 4 ? 8 : 16, z, words, 40);
            assert_true(isinf(scale));
            (*k)->codes_read(back, codes, j < 4 ? 8 : 16, scale, 40);
            for (int i = 0; i < 40; i++) assert_false(isfinite(back[i]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finite),
        cmocka_unit_test(test_moving_average),
        cmocka_unit_test(test_sum_squares),
        cmocka_unit_test(test_beyond),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_codes_by_hand),
        cmocka_unit_test(test_codes_of_what_is_not_finite),
    };
    return cmocka_run_group_tests(tests, fill_inputs, NULL);
}
