/* test_loader.c: splits, statistics, shuffling and augmentation, against direct computations in plain loops.
 */
#include "core/dataset.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/random.h"
#include "tests/dataset_files.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum {
    TRAIN = 30,
    TEST = 7,
    FRAMES = 2,
    CHANNELS = 3,
    HEIGHT = 12,
    WIDTH = 10,
    PLANE = HEIGHT * WIDTH,
    SAMPLE = FRAMES * CHANNELS * PLANE
};

static float values[(TRAIN + TEST) * SAMPLE];
static int labels[TRAIN + TEST];

/* Random frames in which every channel has its own mean and spread; channel 2 is constant. */
static int put_random(void **state)
{
    if (bso_files_setup(state)) return -1;
    for (size_t i = 0; i < (TRAIN + TEST) * SAMPLE; i++) {
        size_t channel = i / PLANE % CHANNELS;
        double u = bso_random_uniform(1, BSO_RANDOM_TEST, 0, i);
        values[i] = channel == 2 ? 0.1f : (float)(0.3 * (double)channel + (1 - 0.5 * (double)channel) * u);
    }
    for (int i = 0; i < TRAIN + TEST; i++) labels[i] = i % 10;
    bso_files_put_hdf5((int[]){TRAIN, TEST}, (int[]){FRAMES, CHANNELS, HEIGHT, WIDTH}, values, labels, 10);
    omp_set_num_threads(2);
    return 0;
}

static bso_settings plain(void)
{
    static bso_settings s;
    bso_settings_default(&s);
    s.normalize = s.shuffle = false;
    snprintf(s.dataset, sizeof s.dataset, "hdf5:%s", bso_files_at("own.h5"));
    snprintf(s.augment, sizeof s.augment, "none");
    s.seed = 5;
    return s;
}

static void open_loader(bso_loader *l, const bso_settings *s)
{
    if (bso_loader_open(l, s)) fail_msg("%s", bso_error());
}

static void test_splits(void **state)
{
    (void)state;
    bso_settings s = plain();
    bso_loader l;
    float *x = malloc(TRAIN * SAMPLE * sizeof *x);
    int y[TRAIN];
    uint32_t index[TRAIN];

    s.validation = 0.25; /* floor(7.5) */
    open_loader(&l, &s);
    assert_int_equal(l.count[BSO_SPLIT_TRAIN], 23);
    assert_int_equal(l.count[BSO_SPLIT_VALIDATION], 7);
    assert_int_equal(l.count[BSO_SPLIT_TEST], TEST);
    for (int split = 0; split < BSO_SPLITS; split++) {
        size_t n = l.count[split], first = split == BSO_SPLIT_VALIDATION ? 23 : 0;
        size_t stored = split == BSO_SPLIT_TEST ? TRAIN : first;
        bso_loader_batch(&l, (bso_split)split, 3, 0, n, x, y, index);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(index[i], first + i);
            assert_int_equal(y[i], labels[stored + i]);
            for (size_t k = 0; k < FRAMES * CHANNELS; k++) { /* channel-major, as stored */
                assert_memory_equal(x + (k * n + i) * PLANE,
                                    values + ((stored + i) * FRAMES * CHANNELS + k) * PLANE,
                                    PLANE * sizeof *x);
            }
        }
    }
    bso_loader_close(&l);

    s.train_samples = 23;
    s.test_samples = 2;
    open_loader(&l, &s);
    assert_int_equal(l.count[BSO_SPLIT_TRAIN], 23);
    assert_int_equal(l.count[BSO_SPLIT_TEST], 2);
    bso_loader_close(&l);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
    free(x);
}

static void refused(const bso_settings *s, const char *key, const char *reason)
{
    bso_loader l;
    assert_int_equal(bso_loader_open(&l, s), BSO_ERROR);
    if (!strstr(bso_error(), key) || !strstr(bso_error(), reason))
        fail_msg("'%s' should say '%s' and '%s'", bso_error(), key, reason);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static void test_refused(void **state)
{
    (void)state;
    bso_settings s = plain();
    s.validation = 0.25;
    s.train_samples = 24;
    refused(&s, "train_samples", "24 asked for, but own.h5 leaves 23 (30 in the training set, 7");
    s.train_samples = 0;
    s.test_samples = 8;
    refused(&s, "test_samples", "8 asked for, but the test set of own.h5 has 7");
    s.test_samples = 0;
    s.validation = 1;
    refused(&s, "validation", "fraction");
    s.validation = 0;
    static const char *const wrong[] = {"", "crop+", "+crop", "cro", "none+crop", "crop,flip", "crop+zoom"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(s.augment, sizeof s.augment, "%s", wrong[i]);
        refused(&s, "augment", "autoaugment or cutout");
    }
    snprintf(s.augment, sizeof s.augment, "none");

    /* Memory that runs out at any point. */
    bso_loader l;
    int failures = 0;
    for (bool opened = false; !opened;) {
        bso_mem_fail_after((size_t)failures + 1);
        opened = bso_loader_open(&l, &s) == 0;
        bso_mem_fail_after(0);
        if (opened) break;
        assert_non_null(strstr(bso_error(), "memory"));
        assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
        failures++;
    }
    bso_loader_close(&l);
    assert_in_range(failures, 7, 20);

    static float deep[2 * 17];
    bso_files_put_hdf5((int[]){1, 1}, (int[]){0, 17, 1, 1}, deep, (int[]){0, 1}, 0);
    refused(&s, "17 channels", "16");
}

static void test_statistics(void **state)
{
    (void)state;
    bso_settings s = plain();
    s.normalize = true;
    s.validation = 0.2;
    s.train_samples = 19;
    double sum[CHANNELS] = {0}, square[CHANNELS] = {0}, count = 19 * FRAMES * PLANE;
    for (size_t i = 0; i < 19 * SAMPLE; i++) {
        sum[i / PLANE % CHANNELS] += values[i];
        square[i / PLANE % CHANNELS] += (double)values[i] * values[i];
    }
    float mean[CHANNELS], deviation[CHANNELS];
    for (int threads = 1; threads <= 3; threads++) {
        omp_set_num_threads(threads);
        bso_loader l;
        open_loader(&l, &s);
        for (int c = 0; c < CHANNELS; c++) {
            double m = sum[c] / count;
            assert_true(fabs(l.mean[c] - m) < 1e-6);
            assert_true(fabs(l.deviation[c] - (c == 2 ? 1 : sqrt(square[c] / count - m * m))) < 1e-6);
        }
        if (threads == 1) {
            memcpy(mean, l.mean, sizeof mean);
            memcpy(deviation, l.deviation, sizeof deviation);
        }
        assert_memory_equal(l.mean, mean, sizeof mean); /* the same bits */
        assert_memory_equal(l.deviation, deviation, sizeof deviation);
        bso_loader_close(&l);
    }
    s.normalize = false;
    bso_loader l;
    open_loader(&l, &s);
    for (int c = 0; c < CHANNELS; c++) assert_true(l.mean[c] == 0 && l.deviation[c] == 1);
    bso_loader_close(&l);
}

/* The epoch's order of the training split. */
static void order_of(bso_loader *l, uint32_t epoch, uint32_t order[TRAIN])
{
    float *x = malloc(TRAIN * SAMPLE * sizeof *x);
    int y[TRAIN];
    bso_loader_batch(l, BSO_SPLIT_TRAIN, epoch, 0, TRAIN, x, y, order);
    for (int i = 0; i < TRAIN; i++) assert_int_equal(y[i], labels[order[i]]);
    free(x);
}

static void test_shuffle(void **state)
{
    (void)state;
    bso_settings s = plain();
    s.shuffle = true;
    bso_loader l;
    open_loader(&l, &s);
    enum { EPOCHS = 200 };
    static uint32_t order[EPOCHS][TRAIN], again[TRAIN];
    int first[TRAIN] = {0};
    for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
        bool seen[TRAIN] = {false};
        order_of(&l, epoch, order[epoch]);
        for (int i = 0; i < TRAIN; i++) {
            assert_in_range(order[epoch][i], 0, TRAIN - 1);
            assert_false(seen[order[epoch][i]]);
            seen[order[epoch][i]] = true;
        }
        first[order[epoch][0]]++;
        if (epoch) assert_memory_not_equal(order[epoch], order[epoch - 1], sizeof *order);
    }
    for (int i = 0; i < TRAIN; i++) assert_in_range(first[i], 1, 20); /* 6.7 expected, each */
    order_of(&l, 3, again);
    assert_memory_equal(again, order[3], sizeof again);
    order_of(&l, 0, again);
    assert_memory_equal(again, order[0], sizeof again);
    bso_loader_close(&l);
    s.seed++;
    open_loader(&l, &s);
    order_of(&l, 0, again);
    assert_memory_not_equal(again, order[0], sizeof again);
    bso_loader_close(&l);
    s.shuffle = false;
    open_loader(&l, &s);
    order_of(&l, 1, again);
    for (uint32_t i = 0; i < TRAIN; i++) assert_int_equal(again[i], i);
    bso_loader_close(&l);
}

static int draw(uint64_t seed, uint32_t epoch, uint64_t index, uint64_t number, uint64_t n)
{
    return (int)bso_random_below(seed, BSO_RANDOM_AUGMENT, epoch, index * BSO_VIEW_DRAWS + number, n);
}

/* The formulas in their textbook form: pad the normalised image by 4, cut out a window, mirror it, zero a
 * square, after normalisation or (black) before it. */
static void expected_plane(float out[HEIGHT][WIDTH], const float *in, float mean, float deviation, bool black,
                           uint64_t seed, uint32_t epoch, uint64_t index)
{
    float padded[HEIGHT + 8][WIDTH + 8] = {{0}};
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) padded[y + 4][x + 4] = (in[y * WIDTH + x] - mean) / deviation;
    int top = draw(seed, epoch, index, 0, 9), left = draw(seed, epoch, index, 1, 9);
    bool mirror = draw(seed, epoch, index, 2, 2);
    int cy = draw(seed, epoch, index, 3, HEIGHT), cx = draw(seed, epoch, index, 4, WIDTH);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            bool hole = y >= cy - 3 && y < cy + 3 && x >= cx - 3 && x < cx + 3; /* side 6 = 12 / 2 */
            float cut = black ? (0 - mean) / deviation : 0;
            out[y][x] = hole ? cut : padded[top + y][left + (mirror ? WIDTH - 1 - x : x)];
        }
    }
}

static void check_augmentation(const char *behaviour)
{
    bso_settings s = plain();
    snprintf(s.behaviour, sizeof s.behaviour, "%s", behaviour);
    snprintf(s.augment, sizeof s.augment, "cutout+crop+flip");
    s.shuffle = s.normalize = true;
    s.validation = 0.2;
    bso_loader l;
    open_loader(&l, &s);
    enum { N = 24 };
    assert_int_equal(l.count[BSO_SPLIT_TRAIN], N);
    float *x = malloc(N * SAMPLE * sizeof *x);
    int y[N];
    uint32_t index[N];
    for (uint32_t epoch = 0; epoch < 20; epoch++) {
        bso_loader_batch(&l, BSO_SPLIT_TRAIN, epoch, 0, N, x, y, index);
        for (size_t i = 0; i < N; i++) {
            for (size_t k = 0; k < FRAMES * CHANNELS; k++) {
                float plane[HEIGHT][WIDTH];
                expected_plane(plane, values + (index[i] * FRAMES * CHANNELS + k) * PLANE,
                               l.mean[k % CHANNELS], l.deviation[k % CHANNELS],
                               strcmp(behaviour, "reference") == 0, s.seed, epoch, index[i]);
                const float *got = x + (k * N + i) * PLANE;
                for (int p = 0; p < PLANE; p++) assert_true(got[p] == plane[p / WIDTH][p % WIDTH]);
            }
        }
    }
    /* The other splits are left alone. */
    bso_loader_batch(&l, BSO_SPLIT_VALIDATION, 1, 0, 6, x, y, NULL);
    for (int p = 0; p < PLANE; p++)
        assert_true(x[p] == (values[N * SAMPLE + p] - l.mean[0]) / l.deviation[0]);
    bso_loader_close(&l);
    free(x);
}

static void test_augmentation(void **state)
{
    (void)state;
    check_augmentation("paper");
    check_augmentation("reference");
}

/* The reference code cuts out before it normalises: the hole is what a black pixel becomes, in the very
 * place where the paper's is 0, the mean colour. */
static void test_black_cutout(void **state)
{
    (void)state;
    bso_settings s = plain();
    snprintf(s.augment, sizeof s.augment, "cutout");
    s.normalize = true;
    bso_loader paper, reference;
    open_loader(&paper, &s);
    snprintf(s.behaviour, sizeof s.behaviour, "reference");
    open_loader(&reference, &s);
    static float x[TRAIN * SAMPLE], black[TRAIN * SAMPLE];
    int y[TRAIN], holes = 0;
    bso_loader_batch(&paper, BSO_SPLIT_TRAIN, 2, 0, TRAIN, x, y, NULL);
    bso_loader_batch(&reference, BSO_SPLIT_TRAIN, 2, 0, TRAIN, black, y, NULL);
    for (size_t i = 0; i < TRAIN * SAMPLE; i++) {
        if (x[i] == black[i]) continue;
        size_t channel = i / PLANE / TRAIN % CHANNELS;
        float back = black[i] * paper.deviation[channel] + paper.mean[channel];
        assert_true(x[i] == 0 && fabsf(back) < 1e-6f);
        holes++;
    }
    /* The side is 6, less at the border. */
    assert_in_range(holes, TRAIN * FRAMES * CHANNELS * 9, TRAIN * FRAMES * CHANNELS * 36);
    bso_loader_close(&paper);
    bso_loader_close(&reference);
}

/* What the words do, one at a time: a lit pixel moves by at most 4; half of the images are mirrored; the
 * square has side 16 on a 32 x 32 image and is cut at the border. */
static void test_augmentation_one_by_one(void **state)
{
    (void)state;
    enum { SIDE = 32, ALL = SIDE * SIDE, EPOCHS = 2000 };
    static float dot[2 * ALL], x[ALL];
    dot[16 * SIDE + 7] = dot[ALL + 16 * SIDE + 7] = 1;
    bso_files_put_hdf5((int[]){1, 1}, (int[]){0, 1, SIDE, SIDE}, dot, (int[]){0, 1}, 0);
    bso_settings s = plain();
    bso_loader l;
    int y;

    snprintf(s.augment, sizeof s.augment, "crop");
    open_loader(&l, &s);
    static int moved[9][9];
    int places = 0;
    for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
        bso_loader_batch(&l, BSO_SPLIT_TRAIN, epoch, 0, 1, x, &y, NULL);
        int lit = 0;
        for (int p = 0; p < ALL; p++) {
            if (x[p] == 0) continue;
            int dy = p / SIDE - 16, dx = p % SIDE - 7;
            assert_true(dy >= -4 && dy <= 4 && dx >= -4 && dx <= 4);
            places += moved[dy + 4][dx + 4]++ == 0;
            lit++;
        }
        assert_int_equal(lit, 1);
    }
    assert_int_equal(places, 81);
    bso_loader_close(&l);

    snprintf(s.augment, sizeof s.augment, "flip");
    open_loader(&l, &s);
    int mirrored = 0;
    for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
        bso_loader_batch(&l, BSO_SPLIT_TRAIN, epoch, 0, 1, x, &y, NULL);
        bool mirror = x[16 * SIDE + SIDE - 1 - 7] == 1;
        assert_true(mirror || x[16 * SIDE + 7] == 1);
        mirrored += mirror;
    }
    assert_in_range(mirrored, EPOCHS / 2 - 100, EPOCHS / 2 + 100); /* sd 22 */
    bso_loader_close(&l);

    for (int p = 0; p < 2 * ALL; p++) dot[p] = 1;
    bso_files_put_hdf5((int[]){1, 1}, (int[]){0, 1, SIDE, SIDE}, dot, (int[]){0, 1}, 0);
    snprintf(s.augment, sizeof s.augment, "cutout");
    open_loader(&l, &s);
    int least = ALL, most = 0;
    for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
        bso_loader_batch(&l, BSO_SPLIT_TRAIN, epoch, 0, 1, x, &y, NULL);
        int zeros = 0, top = SIDE, bottom = -1, left = SIDE, right = -1;
        for (int p = 0; p < ALL; p++) {
            if (x[p] != 0) continue;
            zeros++;
            if (p / SIDE < top) top = p / SIDE;
            if (p / SIDE > bottom) bottom = p / SIDE;
            if (p % SIDE < left) left = p % SIDE;
            if (p % SIDE > right) right = p % SIDE;
        }
        assert_int_equal(zeros, (bottom - top + 1) * (right - left + 1)); /* one rectangle */
        if (zeros < least) least = zeros;
        if (zeros > most) most = zeros;
    }
    assert_int_equal(most, 16 * 16);
    assert_in_range(least, 8 * 8, 8 * 8 + 40); /* the centre in a corner */
    bso_loader_close(&l);
}

static void test_same_numbers(void **state)
{
    (void)state;
    bso_settings s = plain();
    snprintf(s.augment, sizeof s.augment, "crop+flip+cutout");
    s.shuffle = s.normalize = true;
    float *all = malloc(TRAIN * SAMPLE * sizeof *all), *x = malloc(TRAIN * SAMPLE * sizeof *x);
    int all_y[TRAIN], y[TRAIN];
    bso_loader l;
    omp_set_num_threads(1);
    open_loader(&l, &s);
    bso_loader_batch(&l, BSO_SPLIT_TRAIN, 9, 0, TRAIN, all, all_y, NULL);
    bso_loader_close(&l);
    static const size_t sizes[] = {1, 2, 7, TRAIN};
    for (int threads = 1; threads <= 3; threads++) {
        omp_set_num_threads(threads);
        open_loader(&l, &s);
        omp_set_num_threads(4); /* more than there is scratch for: not used */
        for (size_t k = 0; k < 4; k++) {
            for (size_t first = 0; first < TRAIN; first += sizes[k]) {
                size_t n = TRAIN - first < sizes[k] ? TRAIN - first : sizes[k];
                bso_loader_batch(&l, BSO_SPLIT_TRAIN, 9, first, n, x, y, NULL);
                for (size_t i = 0; i < n; i++) {
                    assert_int_equal(y[i], all_y[first + i]);
                    for (size_t c = 0; c < FRAMES * CHANNELS; c++) {
                        assert_memory_equal(x + (c * n + i) * PLANE, all + (c * TRAIN + first + i) * PLANE,
                                            PLANE * sizeof *x);
                    }
                }
            }
        }
        bso_loader_close(&l);
    }
    free(all);
    free(x);
}

/* Mean and deviation of the whole training set, as published for Fashion-MNIST: 0.2860 and 0.3530. */
static void test_fashion_mnist(void **state)
{
    (void)state;
    struct stat status;
    if (stat("/usr/share/datasets/fashion-mnist", &status)) {
        print_message("dataset-fashion-mnist is not installed: not tested\n");
        skip();
    }
    bso_settings s = plain();
    snprintf(s.dataset, sizeof s.dataset, "fashion-mnist");
    s.normalize = true;
    bso_loader l;
    open_loader(&l, &s);
    assert_true(fabs(l.mean[0] - 0.2860) < 1e-4);
    assert_true(fabs(l.deviation[0] - 0.3530) < 1e-4);
    bso_loader_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_splits, put_random, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_refused, put_random, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_statistics, put_random, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_shuffle, put_random, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_augmentation, put_random, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_black_cutout, put_random, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_augmentation_one_by_one, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_same_numbers, put_random, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_fashion_mnist, put_random, bso_files_teardown),
    };
    return cmocka_run_group_tests_name("loader", tests, NULL, NULL);
}
