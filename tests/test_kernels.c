/* test_kernels.c: every table of kernels this CPU runs, against plain double-precision formulas written here,
 * and against each other bit for bit. Odd lengths, no access past the end, results in place of an argument
 * where the header allows it.
 */
#include "core/error.h"
#include "core/kernels.h"
#include "core/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { LONGEST = 1000, GUARD = 32, ROOM = LONGEST + GUARD };

static const size_t lengths[] = {0, 1, 7, 16, 17, 31, 33, 100, LONGEST};
enum { LENGTHS = sizeof lengths / sizeof lengths[0] };

static const float guard = 12345.0f;

/* Inputs: `a`, `b` standard normal; `u` potentials around the threshold, some exactly on it, some far
 * away. */
static float a[ROOM], b[ROOM], u[ROOM];
static const float threshold = 1.0f, leak = 0.5f;

static int fill_inputs(void **state)
{
    (void)state;
    static const float special[] = {1.0f,  0.5f, 1.5f,  0.99999994f, 1.0000001f,
                                    -0.0f, 0.0f, 60.0f, -60.0f,      1e-20f};
    for (uint64_t i = 0; i < ROOM; i++) {
        a[i] = (float)bso_random_normal(11, BSO_RANDOM_TEST, 0, i);
        b[i] = (float)bso_random_normal(11, BSO_RANDOM_TEST, 1, i);
        u[i] = 1.0f + (float)bso_random_normal(11, BSO_RANDOM_TEST, 2, i);
        if (i % 5 == 3) u[i] = special[i / 5 % (sizeof special / sizeof special[0])];
    }
    return bso_kernels_pick(); /* what BSO_KERNELS asks for must be among the tables */
}

static uint64_t some_word(uint32_t which, size_t i)
{
    return bso_random_below(17, BSO_RANDOM_TEST, which, i, UINT64_MAX);
}

static void clear(float *x, const float *initial, size_t n)
{
    for (size_t i = 0; i < ROOM; i++) x[i] = initial && i < n ? initial[i] : guard;
}

/* n results within relative or absolute `tolerance` of `expected`, the guard untouched, and the same bits
 * as `first`, which the first table fills in. */
static void check(const bso_kernels *k, const char *what, const float *got, const double *expected, size_t n,
                  float *first, double tolerance)
{
    for (size_t i = 0; i < n; i++) {
        double off = fabs((double)got[i] - expected[i]) / fmax(1.0, fabs(expected[i]));
        if (!(off <= tolerance))
            fail_msg("%s %s[%zu of %zu]: %.9g, must be %.9g", k->name, what, i, n, (double)got[i],
                     expected[i]);
    }
    for (size_t i = n; i < ROOM; i++) assert_true(got[i] == guard);
    if (k == bso_kernels_available()[0]) memcpy(first, got, n * sizeof *got);
    if (n && memcmp(first, got, n * sizeof *got))
        fail_msg("%s %s: other bits than the first table's", k->name, what);
}

static double spike(double potential)
{
    return potential >= (double)threshold ? 1.0 : 0.0;
}

static double slope(double x, bso_surrogate kind)
{
    if (kind == BSO_SURROGATE_RECTANGULAR) return fabs(x) <= 0.5 ? 1.0 : 0.0;
    if (kind == BSO_SURROGATE_CLIP) return fabs(x) <= 1.0 ? 1.0 : 0.0;
    double e = exp(-4.0 * fabs(x));
    return 4.0 * e / ((1.0 + e) * (1.0 + e));
}

/* ---- element by element */

/* A step from `previous` (NULL: the first) through batch norm; the spikes of this channel are added to those
 * of others. */
static void check_lif(const float *previous, size_t n, int bit)
{
    const float scale = 1.7f, offset = -0.3f;
    double expected[ROOM];
    float got[ROOM], first[ROOM];
    uint32_t spikes[ROOM];
    for (size_t i = 0; i < n; i++) {
        double before = previous ? (double)previous[i] : 0.0;
        expected[i] = (double)leak * (before - (double)threshold * spike(before)) +
                      (double)a[i] * (double)scale + (double)offset;
    }
    for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
        for (int in_place = 0; in_place < (previous ? 2 : 1); in_place++) {
            for (size_t i = 0; i < ROOM; i++) {
                spikes[i] = (uint32_t)bso_random_below(13, BSO_RANDOM_TEST, (uint32_t)bit, i, UINT32_MAX) &
                            ~((uint32_t)1 << bit);
            }
            clear(got, in_place ? previous : NULL, n);
            (*k)->lif(got, spikes, in_place ? got : previous, a, n, scale, offset, leak, threshold, bit);
            check(*k, "lif", got, expected, n, first, 1e-6);
            for (size_t i = 0; i < ROOM; i++) {
                uint32_t others =
                    (uint32_t)bso_random_below(13, BSO_RANDOM_TEST, (uint32_t)bit, i, UINT32_MAX) &
                    ~((uint32_t)1 << bit);
                assert_true(spikes[i] == (others | (uint32_t)(i < n && got[i] >= threshold) << bit));
            }
        }
    }
}

static void test_lif(void **state)
{
    (void)state;
    for (int l = 0; l < LENGTHS; l++) {
        for (int bit = 0; bit < 32; bit += bit == 1 ? 29 : 1) {
            check_lif(NULL, lengths[l], bit);
            check_lif(u, lengths[l], bit);
        }
    }
}

/* As sign neurons use it: +1 from 0 on, either zero included; and what the norm does not touch. */
static void test_lif_at_zero(void **state)
{
    (void)state;
    static const float at[] = {0.0f, 1e-45f, -1e-45f, 1.0f, -1.0f, INFINITY, NAN};
    static const uint32_t set[] = {1, 1, 0, 1, 0, 1, 0};
    float x[70], got[70];
    uint32_t spikes[70];
    for (int i = 0; i < 70; i++) x[i] = at[i % 7];
    for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
        memset(spikes, 0, sizeof spikes);
        (*k)->lif(got, spikes, NULL, x, 70, 1.0f, 0.0f, 0.5f, 0.0f, 31);
        for (int i = 0; i < 70; i++) {
            assert_true(spikes[i] == set[i % 7] << 31);
            assert_true(isnan(x[i]) ? isnan(got[i]) : got[i] == x[i]);
        }
        /* -0 carried over, and a potential that is left at 0 */
        memset(spikes, 0, sizeof spikes);
        for (int i = 0; i < 70; i++) got[i] = i % 2 ? -0.0f : 0.0f;
        float zero[70] = {0};
        (*k)->lif(got, spikes, got, zero, 70, 1.0f, -0.0f, 1.0f, 0.0f, 0);
        for (int i = 0; i < 70; i++) assert_true(got[i] == 0.0f && spikes[i] == 1);
    }
}

static void test_trace(void **state)
{
    (void)state;
    for (int l = 0; l < LENGTHS; l++) {
        size_t n = lengths[l];
        double expected[ROOM];
        float got[ROOM], first[ROOM];
        for (size_t i = 0; i < n; i++) expected[i] = (double)leak * (double)a[i] + spike((double)u[i]);
        for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
            clear(got, a, n);
            (*k)->trace(got, u, n, leak, threshold);
            check(*k, "trace", got, expected, n, first, 1e-6);
        }
        for (size_t i = 0; i < n; i++) expected[i] = spike((double)u[i]) * 1.25 - 0.25;
        for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
            clear(got, NULL, n);
            (*k)->spikes(got, u, n, threshold, -0.25f);
            check(*k, "spikes", got, expected, n, first, 0.0);
        }
    }
}

/* NDOT's decay. The subtractions round once, the quotient once more. */
static double decay(double potential, double previous, double most, double reset)
{
    double now = potential - reset * spike(potential), before = previous - reset * spike(previous);
    if (fabs(before) < (double)1e-6f) return most;
    return fmin(fmax(now / before, -most), most);
}

static void check_trace_ratio(float most, float reset)
{
    /* The step before: another order of the same potentials, so that all specials meet others. */
    float previous[ROOM];
    for (size_t i = 0; i < ROOM; i++) previous[i] = u[(i * 7 + 3) % ROOM];
    for (int l = 0; l < LENGTHS; l++) {
        size_t n = lengths[l];
        double expected[ROOM];
        float got[ROOM], first[ROOM];
        for (size_t i = 0; i < n; i++) {
            double mu = decay((double)u[i], (double)previous[i], (double)most, (double)reset);
            expected[i] = mu * (double)a[i] + spike((double)u[i]);
        }
        for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
            clear(got, a, n);
            (*k)->trace_ratio(got, u, previous, n, most, threshold, reset);
            check(*k, "trace_ratio", got, expected, n, first, 1e-6);
        }
    }
}

static void test_trace_ratio(void **state)
{
    (void)state;
    static const float leaks[] = {0.5f, 0.25f, 1.0f, 0.0f};
    for (int i = 0; i < 4; i++) {
        check_trace_ratio(leaks[i], threshold);
        check_trace_ratio(leaks[i], 2 * threshold);
    }
}

/* Where the quotient says nothing, and where it meets the clamp; each pair in every place of a vector. */
static void test_trace_ratio_special(void **state)
{
    (void)state;
    static const struct {
        float u, previous, mu; /* leak 0.5, threshold 1, reset 1 */
    } pairs[] = {
        {0.25f, 0.5f, 0.5f},       {-0.25f, 0.5f, -0.5f},
        {0.25f, -0.5f, -0.5f},     {0.24999999f, 0.5f, 0.49999998f},
        {0.25000003f, 0.5f, 0.5f}, {-0.25000003f, 0.5f, -0.5f},
        {1.25f, 1.5f, 0.5f}, /* both fire */
        {1.125f, 1.5f, 0.25f},     {1.125f, -0.5f, -0.25f},
        {1.0f, 0.5f, 0.0f}, /* exactly at the threshold: nothing is left */
        {0.99999994f, 0.5f, 0.5f}, {0.0f, 0.5f, 0.0f},
        {0.0f, 0.0f, 0.5f}, /* 0/0 */
        {-0.0f, -0.0f, 0.5f},      {1.0f, 1.0f, 0.5f},
        {-3.0f, 0.0f, 0.5f}, /* x/0, of either sign */
        {3.0f, 0.0f, 0.5f},        {3.0f, -0.0f, 0.5f},
        {-0.3f, 1.0f, 0.5f},       {-0.3f, 1.0000001f, 0.5f}, /* 1.2e-7 is left of it */
        {-0.3f, 9.9e-7f, 0.5f},                               /* nearer to 0 than the guard */
        {-0.3f, -9.9e-7f, 0.5f},   {0.3f, -9.9e-7f, 0.5f},
        {-0.3f, 1e-6f, -0.5f}, /* just not */
        {0.3f, -1e-6f, -0.5f},     {-0.3f, -1e-6f, 0.5f},
        {-0.3f, 1e-40f, 0.5f}, /* denormal */
        {-0.3f, -1e-45f, 0.5f},    {1e-40f, 0.5f, 2e-40f},
        {-1e-40f, 0.5f, -2e-40f},  {3e38f, 1e-5f, 0.5f}, /* the quotient overflows */
        {-3e38f, 1e-5f, -0.5f},    {60.0f, -60.0f, -0.5f},
    };
    enum { PAIRS = sizeof pairs / sizeof pairs[0] };
    float now[ROOM], before[ROOM], got[ROOM];
    for (size_t i = 0; i < ROOM; i++) {
        now[i] = pairs[i % PAIRS].u;
        before[i] = pairs[i % PAIRS].previous;
    }
    for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
        for (size_t i = 0; i < ROOM; i++) got[i] = 1.0f;
        (*k)->trace_ratio(got, now, before, ROOM, 0.5f, 1.0f, 1.0f);
        for (size_t i = 0; i < ROOM; i++) {
            float expected = pairs[i % PAIRS].mu + (now[i] >= 1.0f ? 1.0f : 0.0f);
            if (!(fabsf(got[i] - expected) <= 1e-7f * fabsf(expected) + 3e-45f))
                fail_msg("%s: %.9g after %.9g: trace %.9g, must be %.9g", (*k)->name, (double)now[i],
                         (double)before[i], (double)got[i], (double)expected);
        }
        /* What is not a number stays none, so that it is noticed. */
        got[0] = got[1] = 1.0f;
        (*k)->trace_ratio(got, (float[]){NAN, 0.5f}, (float[]){0.5f, NAN}, 2, 0.5f, 1.0f, 1.0f);
        assert_true(isnan(got[0]) && isnan(got[1]));
    }
}

static void check_surrogate(bso_surrogate kind)
{
    for (int l = 0; l < LENGTHS; l++) {
        size_t n = lengths[l];
        double expected[ROOM];
        float got[ROOM], first[ROOM];
        for (size_t i = 0; i < n; i++)
            expected[i] = (double)a[i] * slope((double)u[i] - (double)threshold, kind);
        for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
            clear(got, NULL, n);
            (*k)->surrogate(got, a, u, n, threshold, kind);
            check(*k, "surrogate", got, expected, n, first, 1e-6);
            clear(got, a, n);
            (*k)->surrogate(got, got, u, n, threshold, kind);
            check(*k, "surrogate in place", got, expected, n, first, 1e-6);
        }
        for (int reset = 0; reset < 2; reset++) {
            for (size_t i = 0; i < n; i++) {
                double d = slope((double)u[i] - (double)threshold, kind);
                expected[i] =
                    (double)a[i] * d + (double)leak * (double)b[i] * (1.0 - reset * (double)threshold * d);
            }
            for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
                clear(got, NULL, n);
                (*k)->surrogate_through_time(got, a, b, u, n, leak, threshold, (float)reset, kind);
                check(*k, "surrogate_through_time", got, expected, n, first, 1e-6);
                clear(got, a, n);
                (*k)->surrogate_through_time(got, got, b, u, n, leak, threshold, (float)reset, kind);
                check(*k, "surrogate_through_time in place of ds", got, expected, n, first, 1e-6);
                clear(got, b, n);
                (*k)->surrogate_through_time(got, a, got, u, n, leak, threshold, (float)reset, kind);
                check(*k, "surrogate_through_time in place of du_next", got, expected, n, first, 1e-6);
            }
        }
    }
}

static void test_surrogate_sigmoid(void **state)
{
    (void)state;
    check_surrogate(BSO_SURROGATE_SIGMOID);
}

static void test_surrogate_rectangular(void **state)
{
    (void)state;
    check_surrogate(BSO_SURROGATE_RECTANGULAR);
}

static void test_surrogate_clip(void **state)
{
    (void)state;
    check_surrogate(BSO_SURROGATE_CLIP);
    /* As sign neurons use it, around 0, and at its edges. */
    static const float at[] = {1.0f,     -1.0f, 1.0000001f, -1.0000001f, 0.99999994f, -0.99999994f,
                               0.0f,     -0.0f, 1e-45f,     -1e-45f,     60.0f,       -60.0f,
                               INFINITY, NAN,   -INFINITY,  0.5f};
    static const float inside[] = {1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1};
    enum { N = sizeof at / sizeof at[0] };
    float ds[N], zero[N] = {0}, got[N];
    for (int i = 0; i < N; i++) ds[i] = 3.0f + (float)i;
    for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
        (*k)->surrogate(got, ds, at, N, 0.0f, BSO_SURROGATE_CLIP);
        for (int i = 0; i < N; i++) assert_true(got[i] == ds[i] * inside[i]);
        (*k)->surrogate_through_time(got, ds, zero, at, N, 0.5f, 0.0f, 1.0f, BSO_SURROGATE_CLIP);
        for (int i = 0; i < N; i++) assert_true(got[i] == ds[i] * inside[i]);
    }
}

/* The sigmoid's slope has a relative error, too, as long as it is not vanishing: gradients of far-away
 * neurons count. */
static void test_surrogate_tail(void **state)
{
    (void)state;
    float one[ROOM], potential[ROOM], got[ROOM];
    for (size_t i = 0; i < ROOM; i++) {
        one[i] = 1.0f;
        potential[i] = -18.0f + 38.0f * (float)i / ROOM;
    }
    for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
        (*k)->surrogate(got, one, potential, ROOM, threshold, BSO_SURROGATE_SIGMOID);
        for (size_t i = 0; i < ROOM; i++) {
            /* Of u - threshold as it is rounded; its product with 4 / ln 2 is rounded, too. */
            double x = (double)(potential[i] - threshold), expected = slope(x, BSO_SURROGATE_SIGMOID);
            assert_true(fabs((double)got[i] - expected) <= 5e-7 * (1 + fabs(x)) * expected);
        }
    }
}

static void test_norm_apply(void **state)
{
    (void)state;
    for (int l = 0; l < LENGTHS; l++) {
        size_t n = lengths[l];
        double expected[ROOM];
        float got[ROOM], first[ROOM];
        for (size_t i = 0; i < n; i++) expected[i] = (double)a[i] * (double)1.7f + (double)-0.3f;
        for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
            clear(got, NULL, n);
            (*k)->norm_apply(got, a, n, 1.7f, -0.3f);
            check(*k, "norm_apply", got, expected, n, first, 1e-6);
        }
    }
}

static void test_norm_backward(void **state)
{
    (void)state;
    const float mean = 0.2f, ca = 1.3f, cb = -0.7f, cc = 0.05f;
    for (int l = 0; l < LENGTHS; l++) {
        size_t n = lengths[l];
        double expected[ROOM];
        float got[ROOM], first[ROOM];
        for (size_t i = 0; i < n; i++) {
            expected[i] = (double)ca * (double)a[i] + (double)cb * ((double)b[i] - (double)mean) + (double)cc;
        }
        for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
            clear(got, NULL, n);
            (*k)->norm_backward(got, a, b, n, mean, ca, cb, cc);
            check(*k, "norm_backward", got, expected, n, first, 1e-6);
            clear(got, a, n);
            (*k)->norm_backward(got, got, b, n, mean, ca, cb, cc);
            check(*k, "norm_backward in place", got, expected, n, first, 1e-6);
        }
    }
}

/* ---- sums */

static void check_sums(const bso_kernels *k, const char *what, const double got[2], const double expected[2],
                       const double size[2], double first[2])
{
    for (int i = 0; i < 2; i++) {
        if (!(fabs(got[i] - expected[i]) <= 1e-13 * size[i])) {
            fail_msg("%s %s[%d]: %.17g, must be %.17g", k->name, what, i, got[i], expected[i]);
        }
    }
    if (k == bso_kernels_available()[0]) memcpy(first, got, 2 * sizeof *first);
    if (memcmp(first, got, 2 * sizeof *first))
        fail_msg("%s %s: other bits than the first table's", k->name, what);
}

static void test_norm_sums(void **state)
{
    (void)state;
    for (int l = 0; l < LENGTHS; l++) {
        size_t n = lengths[l];
        const float shift = 0.37f;
        double forward[2] = {0}, forward_size[2] = {0}, backward[2] = {0}, backward_size[2] = {0};
        double got[2], first[2], first_backward[2];
        for (size_t i = 0; i < n; i++) {
            double d = (double)a[i] - (double)shift, g = (double)b[i];
            forward[0] += d;
            forward[1] += d * d;
            backward[0] += g;
            backward[1] += g * d;
            forward_size[0] += fabs(d);
            backward_size[0] += fabs(g);
            backward_size[1] += fabs(g * d);
        }
        forward_size[1] = forward[1];
        for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
            got[0] = got[1] = 99.0;
            (*k)->norm_sums(got, a, n, shift);
            check_sums(*k, "norm_sums", got, forward, forward_size, first);
            /* In one piece, and in two: the same. */
            for (int pieces = 1; pieces <= 2; pieces++) {
                size_t split = pieces == 1 ? 0 : n / 2 / BSO_LANES * BSO_LANES;
                bso_lanes lanes[2] = {{0}};
                (*k)->norm_backward_sums(lanes, b, a, split, shift);
                (*k)->norm_backward_sums(lanes, b + split, a + split, n - split, shift);
                for (int i = 0; i < 2; i++) got[i] = bso_lanes_sum(lanes[i]);
                check_sums(*k, "norm_backward_sums", got, backward, backward_size, first_backward);
                if (pieces == 2) assert_memory_equal(got, first_backward, sizeof got);
            }
        }
    }
}

/* A mean far from 0 must not eat the variance: the shift is there for that. */
static void test_norm_sums_far(void **state)
{
    (void)state;
    float x[LONGEST];
    double mean = 0.0, var = 0.0;
    for (size_t i = 0; i < LONGEST; i++) mean += (double)(x[i] = 1e4f + a[i]) / LONGEST;
    for (size_t i = 0; i < LONGEST; i++) var += ((double)x[i] - mean) * ((double)x[i] - mean) / LONGEST;
    for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
        double sums[2];
        (*k)->norm_sums(sums, x, LONGEST, x[0]);
        double first = sums[0] / LONGEST, got = sums[1] / LONGEST - first * first;
        assert_true(fabs(got - var) <= 1e-10 * var);
    }
}

/* ---- bits */

static void test_bits_join(void **state)
{
    (void)state;
    for (int l = 0; l < LENGTHS; l++) {
        size_t n = lengths[l];
        uint32_t halves[2][ROOM];
        uint64_t expected[ROOM], got[ROOM];
        int64_t set = 0;
        for (size_t i = 0; i < ROOM; i++) {
            expected[i] = i % 7 == 6 ? UINT64_MAX : i % 7 == 5 ? 0 : some_word(0, i);
            halves[0][i] = (uint32_t)expected[i];
            halves[1][i] = (uint32_t)(expected[i] >> 32);
            if (i >= n) expected[i] = 99;
            for (int bit = 0; i < n && bit < 64; bit++) set += (int64_t)(expected[i] >> bit & 1);
        }
        for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
            for (size_t i = 0; i < ROOM; i++) got[i] = 99;
            assert_true((*k)->bits_join(got, halves[0], halves[1], n) == set);
            assert_memory_equal(got, expected, sizeof got);
        }
    }
}

static bool bit_of(const uint64_t *words, size_t stride, size_t k)
{
    return words[k / 64 * stride] >> (k % 64) & 1;
}

/* The product of every pixel's inputs (0 or 1) with every output's weights (-1 or +1), added `factor`
 * times to what is there. */
static void check_multiply(size_t pixels, size_t outputs, size_t inputs, int32_t factor)
{
    size_t words = (inputs + 63) / 64, stride = pixels + 5, out_stride = pixels + 3;
    uint64_t *patches = calloc(words * stride, sizeof *patches),
             *weights = calloc(words * outputs, sizeof *weights);
    int32_t *ones = calloc(stride, sizeof *ones);
    int32_t *expected = calloc(outputs * out_stride, sizeof *expected),
            *got = calloc(outputs * out_stride, sizeof *got);
    assert_true(patches && weights && ones && expected && got);
    uint64_t last = inputs % 64 ? ((uint64_t)1 << (inputs % 64)) - 1 : UINT64_MAX;
    for (size_t w = 0; w < words; w++) {
        uint64_t mask = w + 1 == words ? last : UINT64_MAX;
        for (size_t p = 0; p < pixels; p++) {
            uint64_t x = bso_random_below(17, BSO_RANDOM_TEST, (uint32_t)w, p, UINT64_MAX) & mask;
            patches[w * stride + p] = p % 7 == 6 ? mask : p % 7 == 5 ? 0 : x;
            ones[p] += __builtin_popcountll(patches[w * stride + p]);
        }
        for (size_t o = 0; o < outputs; o++) {
            uint64_t x = bso_random_below(19, BSO_RANDOM_TEST, (uint32_t)w, o, UINT64_MAX) & mask;
            weights[o * words + w] = o % 5 == 4 ? mask : o % 5 == 3 ? 0 : x;
        }
    }
    for (size_t o = 0; o < outputs; o++) {
        for (size_t p = 0; p < out_stride; p++) {
            int32_t sum = 0;
            for (size_t k = 0; p < pixels && k < inputs; k++) {
                if (bit_of(&patches[p], stride, k)) sum += bit_of(&weights[o * words], 1, k) ? 1 : -1;
            }
            expected[o * out_stride + p] = 1000 * (int32_t)o - (int32_t)p + factor * sum;
        }
    }
    for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
        for (size_t i = 0; i < outputs * out_stride; i++) {
            got[i] = 1000 * (int32_t)(i / out_stride) - (int32_t)(i % out_stride);
        }
        (*k)->bits_multiply(got, out_stride, patches, stride, pixels, weights, outputs, words, ones, factor);
        if (memcmp(expected, got, outputs * out_stride * sizeof *got)) {
            fail_msg("%s bits_multiply: %zu pixels, %zu outputs, %zu inputs, factor %d", (*k)->name, pixels,
                     outputs, inputs, (int)factor);
        }
    }
    free(patches);
    free(weights);
    free(ones);
    free(expected);
    free(got);
}

static void test_bits_multiply(void **state)
{
    (void)state;
    static const size_t outputs[] = {1, 2, 3, 4, 5, 8, 66}, inputs[] = {1, 63, 64, 65, 300};
    for (int l = 0; l < LENGTHS; l++) {
        for (size_t o = 0; o < sizeof outputs / sizeof outputs[0]; o++) {
            for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
                if (lengths[l] * outputs[o] * inputs[i] > 2000000) continue;
                check_multiply(lengths[l], outputs[o], inputs[i], (int32_t)1 << (i % 4));
                check_multiply(lengths[l], outputs[o], inputs[i], l % 2 ? -1 : -16);
            }
        }
    }
    check_multiply(64, 3, 9 * 512, 1);
    check_multiply(37, 2, 9 * 512, 4);
}

static void test_tables(void **state)
{
    (void)state;
    const bso_kernels *const *k = bso_kernels_available();
    assert_string_equal(k[0]->name, "reference");
    assert_string_equal(k[1]->name, "portable");
    bool found = false;
    for (; *k; k++) {
        setenv("BSO_KERNELS", (*k)->name, 1);
        assert_int_equal(bso_kernels_pick(), 0);
        assert_true(bso_kernel == *k);
    }
    setenv("BSO_KERNELS", "abacus", 1);
    assert_int_equal(bso_kernels_pick(), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "abacus"));
    unsetenv("BSO_KERNELS");
    assert_int_equal(bso_kernels_pick(), 0);
    for (k = bso_kernels_available(); *k; k++) found |= bso_kernel == *k && !k[1];
    assert_true(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_lif),
        cmocka_unit_test(test_lif_at_zero),
        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_surrogate_sigmoid),
        cmocka_unit_test(test_trace_ratio),
        cmocka_unit_test(test_trace_ratio_special),
        cmocka_unit_test(test_surrogate_rectangular),
        cmocka_unit_test(test_surrogate_clip),
        cmocka_unit_test(test_surrogate_tail),
        cmocka_unit_test(test_norm_apply),
        cmocka_unit_test(test_norm_backward),
        cmocka_unit_test(test_norm_sums),
        cmocka_unit_test(test_norm_sums_far),
        cmocka_unit_test(test_bits_join),
        cmocka_unit_test(test_bits_multiply),
    };
    return cmocka_run_group_tests(tests, fill_inputs, NULL);
}
