/* test_dvs.c: the model of an event sensor against scenes whose events are known, and the stand-ins made with
 * it.
 */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/memory.h"
#include "core/stand_in.h"
#include "datasets/dvs.h"
#include "tests/dataset_files.h"

#include <ftw.h>
#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include <cmocka.h>

/* ---- the model ---- */

enum { SIDE = 3, PIXELS = SIDE * SIDE };

/* A sensor before an even scene, dark. */
static bso_dvs start(const bso_dvs_settings *s)
{
    float scene[PIXELS] = {0};
    bso_dvs v;
    assert_int_equal(bso_dvs_open(&v, s, scene), 0);
    return v;
}

/* The scene has that brightness, everywhere, at a time in microseconds. */
static void see(bso_dvs *v, float brightness, double time, bso_events *e)
{
    float scene[PIXELS];
    for (int i = 0; i < PIXELS; i++) scene[i] = brightness;
    assert_int_equal(bso_dvs_see(v, scene, time, e), 0);
}

/* Every pixel must have told of these times and polarities, `count` of them, and of no others. */
static void check(const bso_events *e, size_t count, const uint32_t *times, const int *polarity)
{
    assert_int_equal(e->count, count * PIXELS);
    for (size_t k = 0; k < count; k++) {
        for (size_t i = 0; i < PIXELS; i++) {
            const bso_event *v = &e->at[k * PIXELS + i];
            assert_int_equal(v->t, times[k]);
            assert_int_equal(v->polarity, polarity[k]);
            assert_int_equal(v->y * SIDE + v->x, i);
        }
    }
}

/* Brightness rises evenly by 2 in a second, then falls by 1.125: events whenever it has moved by 0.25, which
 * floating point holds exactly. The moments it is looked at make no difference. */
static void test_ramp(void **state)
{
    (void)state;
    const bso_dvs_settings s = {.side = SIDE, .threshold = 0.25};
    static const uint32_t times[] = {125000, 250000,  375000,  500000,  625000,  750000,
                                     875000, 1000000, 1250000, 1500000, 1750000, 2000000};
    static const int polarity[] = {1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0};
    static const int moments[] = {1, 2, 5, 8, 64};
    for (size_t m = 0; m < sizeof moments / sizeof *moments; m++) {
        bso_dvs v = start(&s);
        bso_events e = {0};
        for (int k = 1; k <= moments[m]; k++) {
            double share = (double)k / moments[m];
            see(&v, (float)(2 * share), 1e6 * share, &e);
        }
        for (int k = 1; k <= moments[m]; k++) {
            double share = (double)k / moments[m];
            see(&v, (float)(2 - 1.125 * share), 1e6 * (1 + 1.125 * share), &e);
        }
        /* Times are cut to microseconds; those of moments that are no binary fractions may be one early. */
        assert_int_equal(e.count, 12 * PIXELS);
        for (size_t i = 0; i < e.count; i++) {
            assert_in_range(times[i / PIXELS] - e.at[i].t, 0, 1);
            e.at[i].t = times[i / PIXELS];
        }
        check(&e, 12, times, polarity);
        bso_events_free(&e);
        bso_dvs_close(&v);
    }
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

/* To and fro by less than the threshold, and a scene that stands still: nothing. */
static void test_no_motion(void **state)
{
    (void)state;
    const bso_dvs_settings s = {.side = SIDE, .threshold = 0.25, .mismatch = 0.03, .refractory = 10};
    bso_dvs v = start(&s);
    bso_events e = {0};
    for (int k = 1; k <= 100; k++) see(&v, 0, 1000 * k, &e);
    for (int k = 1; k <= 100; k++) see(&v, k % 2 ? 0.1f : -0.1f, 1e5 + 1000 * k, &e);
    assert_int_equal(e.count, 0);
    bso_events_free(&e);
    bso_dvs_close(&v);
}

/* Turning back costs a whole threshold from where the last event was, not from the turning point. */
static void test_reversal(void **state)
{
    (void)state;
    const bso_dvs_settings s = {.side = SIDE, .threshold = 0.25};
    bso_dvs v = start(&s);
    bso_events e = {0};
    see(&v, 0.375f, 375, &e);
    see(&v, 0.0625f, 375 + 312.5, &e);
    see(&v, -0.0625f, 375 + 437.5, &e);
    check(&e, 2, (uint32_t[]){250, 750}, (int[]){1, 0});
    bso_events_free(&e);
    bso_dvs_close(&v);
}

/* Silent for 200 ms after each event: of the crossings every 125 ms every second one is told. */
static void test_refractory(void **state)
{
    (void)state;
    const bso_dvs_settings s = {.side = SIDE, .threshold = 0.25, .refractory = 200e3};
    bso_dvs v = start(&s);
    bso_events e = {0};
    see(&v, 2, 1e6, &e);
    check(&e, 4, (uint32_t[]){125000, 375000, 625000, 875000}, (int[]){1, 1, 1, 1});
    bso_events_free(&e);
    bso_dvs_close(&v);
}

/* Noise comes at its rate, everywhere, in order; thresholds differ from pixel to pixel by their deviation,
 * the same in every recording. */
static void test_noise(void **state)
{
    (void)state;
    bso_dvs_settings s = {.side = SIDE, .threshold = 0.25, .noise = 100, .seed = 5};
    bso_dvs v = start(&s);
    bso_events e = {0};
    for (int k = 1; k <= 1000; k++) see(&v, 0, 1e4 * k, &e);
    /* 10 s of 9 pixels: 9,000 expected, spread by less than that of a Poisson number. */
    assert_in_range(e.count, 9000 - 300, 9000 + 300);
    int at[PIXELS] = {0}, brighter = 0;
    for (size_t i = 0; i < e.count; i++) {
        at[e.at[i].y * SIDE + e.at[i].x]++;
        brighter += e.at[i].polarity;
        assert_true(i == 0 || e.at[i].t >= e.at[i - 1].t);
    }
    assert_true(e.at[e.count - 1].t <= 10000000);
    for (int i = 0; i < PIXELS; i++) assert_in_range(at[i], 1000 - 150, 1000 + 150);
    assert_in_range(brighter, 4500 - 300, 4500 + 300);
    bso_events_free(&e);
    bso_dvs_close(&v);

    enum { WIDE = 100 };
    static float scene[WIDE * WIDE];
    s = (bso_dvs_settings){.side = WIDE, .threshold = 0.25, .mismatch = 0.03, .seed = 5};
    bso_dvs other;
    assert_int_equal(bso_dvs_open(&v, &s, scene), 0);
    s.recording = 7;
    assert_int_equal(bso_dvs_open(&other, &s, scene), 0);
    assert_memory_equal(v.limit, other.limit, sizeof scene);
    double sum = 0, squares = 0;
    for (int i = 0; i < WIDE * WIDE; i++) {
        double share = v.limit[i] / 0.25 - 1;
        sum += share;
        squares += share * share;
    }
    assert_true(fabs(sum / (WIDE * WIDE)) < 0.002);
    assert_true(fabs(sqrt(squares / (WIDE * WIDE)) - 0.03) < 0.002);
    bso_dvs_close(&v);
    bso_dvs_close(&other);
}

/* ---- stand-ins ---- */

static bool have_fashion_mnist(void)
{
    struct stat status;
    if (stat("/usr/share/datasets/fashion-mnist", &status) == 0) return true;
    print_message("dataset-fashion-mnist is not installed: not tested\n");
    return false;
}

static uint64_t sum_of_files;
static size_t files;

/* Names below the folder and bytes, in whatever order files come. */
static int add_file(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)place;
    if (kind != FTW_F) return 0;
    uint64_t hash = 1469598103934665603u;
    for (const char *c = path + strlen(bso_files_root) + 2; *c; c++)
        hash = (hash ^ (uint8_t)*c) * 1099511628211u;
    FILE *f = fopen(path, "rb");
    if (!f) return -1;
    for (int c; (c = getc(f)) != EOF;) hash = (hash ^ (uint8_t)c) * 1099511628211u;
    fclose(f);
    sum_of_files += hash;
    files++;
    return 0;
}

/* A number for the content of a folder whose name is one letter. */
static uint64_t content(const char *folder)
{
    sum_of_files = 0;
    files = 0;
    assert_int_equal(nftw(bso_files_at(folder), add_file, 8, FTW_PHYS), 0);
    return sum_of_files;
}

static void make(const char *dataset, const char *folder, int per_class, uint64_t seed, int threads)
{
    const bso_stand_in *stand_in = bso_stand_in_find(dataset);
    assert_non_null(stand_in);
    int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    if (bso_stand_in_make(stand_in, bso_files_at(folder), per_class, seed)) fail_msg("%s", bso_error());
    omp_set_num_threads(before);
}

/* What a process that was killed has left, under the number that this one has now. */
static void leave_behind(const char *folder)
{
    char beside[BSO_PATH], inside[BSO_PATH];
    assert_int_equal(bso_file_beside(folder, beside), 0);
    assert_int_equal(mkdir(bso_files_at(beside), 0777), 0);
    assert_int_equal(bso_file_path(inside, beside, "old"), 0);
    bso_files_put(inside, (const uint8_t *)"x", 1);
}

/* The same seed gives the same bytes on any number of threads, another one others. */
static void test_same_bytes(void **state)
{
    (void)state;
    if (!have_fashion_mnist()) skip();
    static const char *const sets[] = {"cifar10-dvs", "n-mnist"};
    for (int i = 0; i < 2; i++) {
        const char *names = i ? "def" : "abc";
        const char one[] = {names[0], 0}, same[] = {names[1], 0}, other[] = {names[2], 0};
        make(sets[i], one, 1, 1, 1);
        leave_behind(same);
        make(sets[i], same, 1, 1, 3);
        make(sets[i], other, 1, 2, 2);
        uint64_t first = content(one);
        assert_int_equal(files, i ? 21 : 11); /* and the mark */
        assert_true(content(same) == first);
        assert_true(content(other) != first);
    }
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static void open_made(bso_dataset *d, const char *dataset, const char *folder)
{
    bso_settings s;
    bso_settings_default(&s);
    assert_int_equal(bso_settings_set(&s, "dataset", dataset) ||
                         bso_settings_set(&s, "data_dir", bso_files_at(folder)) ||
                         bso_settings_set(&s, "cache", "off") || bso_settings_set(&s, "steps", "3"),
                     0);
    if (bso_dataset_open(d, &s)) fail_msg("%s", bso_error());
}

/* Share of the test samples that are nearest to the mean of their own class's training samples. */
static double nearest_mean(const bso_dataset *d)
{
    size_t n = (size_t)d->frames * 2 * (size_t)d->height * (size_t)d->width;
    float *x = malloc(n * sizeof *x), *mean = calloc(10 * n, sizeof *mean);
    int count[10] = {0};
    for (size_t i = 0; i < d->train_count; i++) {
        int c = d->label(d, BSO_SPLIT_TRAIN, i);
        assert_int_equal(d->fetch(d, BSO_SPLIT_TRAIN, i, NULL, x), 0);
        for (size_t k = 0; k < n; k++) mean[(size_t)c * n + k] += x[k];
        count[c]++;
    }
    size_t right = 0;
    for (size_t i = 0; i < d->test_count; i++) {
        assert_int_equal(d->fetch(d, BSO_SPLIT_TEST, i, NULL, x), 0);
        int best = -1;
        double least = INFINITY;
        for (int c = 0; c < 10; c++) {
            double distance = 0;
            for (size_t k = 0; k < n; k++) {
                double apart = x[k] - mean[(size_t)c * n + k] / (float)count[c];
                distance += apart * apart;
            }
            if (distance < least) least = distance, best = c;
        }
        right += best == d->label(d, BSO_SPLIT_TEST, i);
    }
    free(x);
    free(mean);
    return (double)right / (double)d->test_count;
}

/* They read as what they stand for, bear their own name, and what they show can be told apart. */
static void test_stand_ins(void **state)
{
    (void)state;
    if (!have_fashion_mnist()) skip();
    bso_dataset d;
    make("cifar10-dvs", "a", 10, 1, 2);
    open_made(&d, "cifar10-dvs", "a");
    assert_true(d.stand_in);
    assert_string_equal(d.name, "stand-in for CIFAR10-DVS (moving Fashion-MNIST), random split");
    assert_int_equal(d.train_count, 90);
    assert_int_equal(d.test_count, 10);
    assert_int_equal(d.height, 48);
    double right = nearest_mean(&d);
    print_message("cifar10-dvs: %.0f %%\n", 100 * right);
    assert_true(right >= 0.4);
    bso_dataset_close(&d);
    make("n-mnist", "b", 20, 1, 2);
    open_made(&d, "n-mnist", "b");
    assert_true(d.stand_in);
    assert_string_equal(d.name, "stand-in for N-MNIST (moving Fashion-MNIST)");
    assert_int_equal(d.train_count, 160);
    assert_int_equal(d.test_count, 40);
    assert_int_equal(d.height, 34);
    right = nearest_mean(&d);
    print_message("n-mnist: %.0f %%\n", 100 * right);
    assert_true(right >= 0.4);
    bso_dataset_close(&d);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ramp),
        cmocka_unit_test(test_no_motion),
        cmocka_unit_test(test_reversal),
        cmocka_unit_test(test_refractory),
        cmocka_unit_test(test_noise),
        cmocka_unit_test_setup_teardown(test_same_bytes, bso_files_setup, bso_files_teardown),
        cmocka_unit_test_setup_teardown(test_stand_ins, bso_files_setup, bso_files_teardown),
    };
    return cmocka_run_group_tests_name("dvs", tests, NULL, NULL);
}
