/* test_imagenet.c: photographs made by hand, read as ImageNet: sizes, kinds of files, the middle and random
 * parts against closed forms, subsets, and batches made by worker threads. What is broken in every format is
 * in test_hostile.c; here is what only photographs can be.
 */
#include "core/dataset.h"
#include "core/error.h"
#include "core/image.h"
#include "core/memory.h"
#include "datasets/photo.h"
#include "tests/dataset_files.h"
#include "tests/photo_files.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { SIDE = 16, PLANE = SIDE * SIDE };

/* Red grows downwards and green to the right, by so much a pixel. */
static double down, across;

static void slope(int y, int x, uint8_t rgb[3])
{
    rgb[0] = (uint8_t)(20 + down * (y + 0.5) + 0.5);
    rgb[1] = (uint8_t)(20 + across * (x + 0.5) + 0.5);
    rgb[2] = 90;
}

static void flat(int y, int x, uint8_t rgb[3])
{
    (void)y, (void)x;
    rgb[0] = 200;
    rgb[1] = 100;
    rgb[2] = 40;
}

static void make_folders(const char *classes)
{
    static const char *const splits[] = {"imagenet/train", "imagenet/val"};
    mkdir(bso_files_at("imagenet"), 0777);
    for (int i = 0; i < 2; i++) {
        mkdir(bso_files_at(splits[i]), 0777);
        for (const char *c = classes; *c; c++) {
            char name[64];
            snprintf(name, sizeof name, "%s/%c", splits[i], *c);
            mkdir(bso_files_at(name), 0777);
        }
    }
}

static bso_settings settings(void)
{
    bso_settings s;
    bso_settings_default(&s);
    snprintf(s.dataset, sizeof s.dataset, "imagenet");
    snprintf(s.data_dir, sizeof s.data_dir, "%s", bso_files_root);
    s.image_size = SIDE;
    return s;
}

static void open_set(bso_dataset *d)
{
    bso_settings s = settings();
    if (bso_dataset_open(d, &s)) fail_msg("%s", bso_error());
}

static void fetch(const bso_dataset *d, bso_split split, size_t i, float *x)
{
    if (d->fetch(d, split, i, NULL, x)) fail_msg("%s", bso_error());
}

/* ---- kinds and sizes ---- */

static void test_kinds(void **state)
{
    (void)state;
    make_folders("ab");
    bso_photo_put("imagenet/train/a/1.JPEG", BSO_PHOTO_RGB, 40, 60, flat);
    bso_photo_put("imagenet/train/a/2.jpg", BSO_PHOTO_GREY, 60, 40, flat);
    bso_photo_put("imagenet/train/b/3.jpeg", BSO_PHOTO_CMYK, 50, 50, flat);
    bso_photo_put("imagenet/train/b/4.JPEG", BSO_PHOTO_PNG, 16, 300, flat); /* by another name */
    bso_photo_put("imagenet/val/a/1.JPEG", BSO_PHOTO_RGB, 1, 1, flat);
    bso_photo_put("imagenet/val/b/1.JPEG", BSO_PHOTO_RGB, 7, 3, flat);
    bso_dataset d;
    open_set(&d);
    assert_string_equal(d.name, "ImageNet");
    assert_int_equal(d.classes, 2);
    assert_string_equal(d.class_names[1], "b");
    assert_int_equal(d.train_count, 4);
    assert_int_equal(d.test_count, 2);
    assert_true(d.streams && d.views && d.sorted && d.stated && d.pictures);
    assert_true(d.mean[0] == 0.485f && d.deviation[2] == 0.225f);
    for (size_t i = 0; i < 6; i++) {
        bso_split split = i < 4 ? BSO_SPLIT_TRAIN : BSO_SPLIT_TEST;
        size_t index = i < 4 ? i : i - 4;
        float x[3 * PLANE];
        assert_int_equal(d.label(&d, split, index), i < 4 ? i / 2 : index);
        fetch(&d, split, index, x);
        const double rgb[3] = {200, i == 1 ? 200 : 100, i == 1 ? 200 : 40};
        for (size_t p = 0; p < 3 * PLANE; p++) assert_true(fabs(255.0 * (double)x[p] - rgb[p / PLANE]) <= 2);
    }
    bso_dataset_close(&d);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

/* ---- the middle ---- */

/* A slope stays a slope under resizing and cutting: its value at the centre of an output pixel is known. */
static void test_middle(void **state)
{
    (void)state;
    static const int sizes[][2] = {{128, 128}, {64, 192}, {200, 90}, {37, 53}, {18, 18}, {300, 256}};
    make_folders("a");
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        int height = sizes[k][0], width = sizes[k][1], shorter = height < width ? height : width;
        down = 200.0 / height;
        across = 200.0 / width;
        bso_photo_put("imagenet/train/a/1.jpg", BSO_PHOTO_PNG, height, width, slope);
        bso_photo_put("imagenet/val/a/1.jpg", BSO_PHOTO_RGB, height, width, slope);
        bso_dataset d;
        open_set(&d);
        for (int test = 0; test < 2; test++) {
            float x[3 * PLANE];
            fetch(&d, test ? BSO_SPLIT_TEST : BSO_SPLIT_TRAIN, 0, x);
            /* The shorter side becomes round(16 * 256 / 224) = 18, of which the middle 16 are seen. */
            double step = shorter / 18.0, top = (height - 16 * step) / 2, left = (width - 16 * step) / 2;
            for (int p = 0; p < PLANE; p++) {
                double y = top + (p / SIDE + 0.5) * step, z = left + (p % SIDE + 0.5) * step;
                /* A byte is rounded in the file, and JPEG adds its own. */
                double near = test ? 3.5 : 1.5;
                assert_true(fabs(255.0 * (double)x[p] - (20 + down * y)) < near);
                assert_true(fabs(255.0 * (double)x[PLANE + p] - (20 + across * z)) < near);
                assert_true(fabs(255.0 * (double)x[2 * PLANE + p] - 90) < near);
            }
        }
        bso_dataset_close(&d);
    }
}

/* ---- random parts ---- */

static void test_random_crop(void **state)
{
    (void)state;
    static const int sizes[][2] = {{300, 400}, {224, 224}, {500, 60}, {3, 2}, {1, 1}, {1, 1000}};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        int height = sizes[k][0], width = sizes[k][1];
        double areas = 0, least = 2, most = 0, tops = 0;
        enum { LOOKS = 4000 };
        for (uint32_t i = 0; i < LOOKS; i++) {
            bso_box b = bso_random_crop(&(bso_view){3, i % 7, i}, height, width);
            assert_true(b.height >= 1 && b.width >= 1 && b.top >= 0 && b.left >= 0);
            assert_true(b.top + b.height <= height && b.left + b.width <= width);
            assert_true(b.top == floor(b.top) && b.left == floor(b.left));
            double area = b.height * b.width / ((double)height * width);
            areas += area / LOOKS;
            least = fmin(least, area);
            most = fmax(most, area);
            tops += b.top / LOOKS;
            if (k >= 2) continue;
            /* Whole pixels: the shape is off by at most one of each. */
            assert_true((b.width + 1) / (b.height - 1) > 3.0 / 4 && (b.width - 1) / (b.height + 1) < 4.0 / 3);
            bso_box same = bso_random_crop(&(bso_view){3, i % 7, i}, height, width);
            assert_memory_equal(&b, &same, sizeof b);
        }
        if (k >= 2) continue;
        /* Uniform between 0.08 and 1, but for large parts that do not fit. */
        assert_true(least < 0.09 && most > 0.9);
        assert_true(areas > 0.4 && areas < 0.5);
        assert_true(fabs(tops - height * 0.15) < height * 0.06);
    }
    /* No part of that shape lies in a long strip: its middle. */
    bso_box strip = bso_random_crop(&(bso_view){1, 1, 1}, 60, 50000);
    assert_true(strip.height == 60 && strip.width == 80 && strip.top == 0 && strip.left == (50000 - 80) / 2);
    strip = bso_random_crop(&(bso_view){1, 1, 1}, 50000, 60);
    assert_true(strip.width == 60 && strip.height == 80 && strip.left == 0 && strip.top == (50000 - 80) / 2);
}

/* What training sees of a slope is what the drawn part says. */
static void test_views(void **state)
{
    (void)state;
    make_folders("a");
    int height = 150, width = 110;
    down = 200.0 / height;
    across = 200.0 / width;
    bso_photo_put("imagenet/train/a/1.jpg", BSO_PHOTO_RGB, height, width, slope);
    bso_photo_put("imagenet/val/a/1.jpg", BSO_PHOTO_RGB, height, width, slope);
    bso_dataset d;
    open_set(&d);
    for (uint32_t epoch = 0; epoch < 50; epoch++) {
        bso_view view = {9, epoch, 0};
        bso_box b = bso_random_crop(&view, height, width);
        float x[3 * PLANE];
        assert_int_equal(d.fetch(&d, BSO_SPLIT_TRAIN, 0, &view, x), 0);
        for (int p = 0; p < PLANE; p++) {
            double y = b.top + (p / SIDE + 0.5) * b.height / SIDE,
                   z = b.left + (p % SIDE + 0.5) * b.width / SIDE;
            /* At the border of the picture the filter has nothing beyond it to see. */
            double near = 4 + 0.5 * fmax(down * b.height, across * b.width) / SIDE;
            assert_true(fabs(255.0 * (double)x[p] - (20 + down * y)) < near);
            assert_true(fabs(255.0 * (double)x[PLANE + p] - (20 + across * z)) < near);
        }
    }
    bso_dataset_close(&d);
}

/* ---- folders ---- */

static int shade;

static void numbered(int y, int x, uint8_t rgb[3])
{
    (void)y, (void)x;
    rgb[0] = rgb[1] = rgb[2] = (uint8_t)shade;
}

/* Three classes; 6 photographs of each for training, 2 for validation, each of its own grey. */
static void put_many(void)
{
    make_folders("abc");
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < 8; i++) {
            char name[64];
            snprintf(name, sizeof name, "imagenet/%s/%c/%d.jpeg", i < 6 ? "train" : "val", 'a' + c, i);
            shade = 10 * (8 * c + i);
            bso_photo_put(name, BSO_PHOTO_RGB, 20 + i, 30 - c, numbered);
        }
    }
}

static void refused(const bso_settings *s, const char *named, const char *reason)
{
    bso_dataset d;
    int rc = bso_dataset_open(&d, s);
    float x[3 * PLANE];
    for (size_t i = 0; rc == 0 && i < d.train_count; i++) rc = d.fetch(&d, BSO_SPLIT_TRAIN, i, NULL, x);
    assert_int_equal(rc, BSO_ERROR);
    bso_dataset_close(&d);
    if (!strstr(bso_error(), named) || !strstr(bso_error(), reason))
        fail_msg("'%s' should say '%s' and '%s'", bso_error(), named, reason);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static void test_subsets(void **state)
{
    (void)state;
    put_many();
    bso_settings s = settings();
    s.subset_classes = 2;
    s.subset_per_class = 5;
    bso_dataset d;
    assert_int_equal(bso_dataset_open(&d, &s), 0);
    assert_int_equal(d.classes, 2);
    assert_int_equal(d.train_count, 10);
    assert_int_equal(d.test_count, 4);
    float x[3 * PLANE];
    fetch(&d, BSO_SPLIT_TRAIN, 6, x); /* the second of class b */
    assert_true(fabs(255.0 * (double)x[0] - 90) < 2);
    bso_dataset_close(&d);
    s.image_size = 0;
    assert_int_equal(bso_dataset_open(&d, &s), 0);
    assert_int_equal(d.height, 224);
    bso_dataset_close(&d);

    s = settings();
    char away[256];
    snprintf(away, sizeof away, "%s", bso_files_at("away"));
    assert_int_equal(rename(bso_files_at("imagenet/val/c"), away), 0);
    refused(&s, "imagenet/val", "no class folder c");
}

static void test_refused(void **state)
{
    (void)state;
    put_many();
    bso_settings s = settings();
    uint8_t bytes[1 << 16];
    size_t n = bso_photo_make(bytes, sizeof bytes, BSO_PHOTO_RGB, 30, 30, flat), head = 0;
    static const char file[] = "imagenet/train/b/3.jpeg";
    bso_files_put(file, (const uint8_t *)"GIF89a", 6);
    refused(&s, "b/3.jpeg", "neither a JPEG nor a PNG");
    bso_files_put(file, bytes, n - 1);
    refused(&s, "b/3.jpeg", "remature end");
    bso_files_put(file, bytes, n / 2);
    refused(&s, "b/3.jpeg", "JPEG:");
    /* The start of frame announces height and width. */
    while (!(bytes[head] == 0xff && bytes[head + 1] == 0xc0)) head++;
    uint8_t large[1 << 16];
    memcpy(large, bytes, n);
    memset(large + head + 5, 0xff, 4);
    bso_files_put(file, large, n);
    refused(&s, "b/3.jpeg", "pixels");
    memset(large + head + 5, 0x3f, 4); /* 16191 a side, but too many in all */
    bso_files_put(file, large, n);
    refused(&s, "b/3.jpeg", "67108864 in all");
    size_t m = bso_photo_make(bytes, sizeof bytes, BSO_PHOTO_PNG, 30, 30, slope);
    bso_files_put(file, bytes, m - 20);
    refused(&s, "b/3.jpeg", "PNG:");
    bso_files_put(file, bytes, 0);
    refused(&s, "b/3.jpeg", "neither a JPEG");
}

/* Stray bytes between the parts of a file are common in published sets, and do no harm. */
static void test_stray_bytes(void **state)
{
    (void)state;
    put_many();
    uint8_t bytes[1 << 16];
    size_t n = bso_photo_make(bytes, sizeof bytes, BSO_PHOTO_RGB, 30, 30, flat);
    memcpy(bytes + n, "\x11\x22\xff\xd9", 4);
    memcpy(bytes + n - 2, "\x33\x44", 2);
    bso_files_put("imagenet/train/a/0.jpeg", bytes, n + 4);
    bso_dataset d;
    open_set(&d);
    float x[3 * PLANE];
    fetch(&d, BSO_SPLIT_TRAIN, 0, x);
    assert_true(fabs(255.0 * (double)x[0] - 200) < 2);
    bso_dataset_close(&d);
}

/* What is left of a picture that libjpeg-turbo would show with no more than a word of warning. */
static void test_damaged(void **state)
{
    (void)state;
    put_many();
    bso_settings s = settings();
    static const char file[] = "imagenet/train/b/3.jpeg";
    static uint8_t bytes[1 << 16], many[1 << 20];
    /* A part from elsewhere: the numbers of its restart markers do not follow each other. */
    setenv("TJ_RESTART", "1", 1);
    size_t n = bso_photo_make(bytes, sizeof bytes, BSO_PHOTO_RGB, 30, 30, flat), at = 0;
    unsetenv("TJ_RESTART");
    while (!(bytes[at] == 0xff && bytes[at + 1] == 0xd0)) at++;
    bytes[at + 1] = 0xd5;
    bso_files_put(file, bytes, n);
    refused(&s, "b/3.jpeg", "instead of RST");
    /* Only the first warning is told: one without harm must not hide that the file ends too early. */
    n = bso_photo_make(bytes, sizeof bytes, BSO_PHOTO_RGB, 30, 30, slope);
    memmove(bytes + 4, bytes + 2, n - 2);
    memcpy(bytes + 2, "\x33\x44", 2);
    bso_files_put(file, bytes, n + 2 - 40);
    refused(&s, "b/3.jpeg", "ends too early");
    /* A scan costs few bytes and as much work as the picture has pixels. */
    setenv("TJ_PROGRESSIVE", "1", 1);
    n = bso_photo_make(bytes, sizeof bytes, BSO_PHOTO_RGB, 30, 30, slope);
    unsetenv("TJ_PROGRESSIVE");
    size_t last = n - 2, used = n - 2;
    while (!(bytes[last] == 0xff && bytes[last + 1] == 0xda)) last--;
    memcpy(many, bytes, used);
    for (int i = 0; i < 600; i++, used += n - 2 - last) {
        assert_true(used + n - last <= sizeof many);
        memcpy(many + used, bytes + last, n - 2 - last);
    }
    memcpy(many + used, "\xff\xd9", 2);
    bso_files_put(file, many, used + 2);
    refused(&s, "b/3.jpeg", "500 scans");
}

/* ---- batches ---- */

static void run_epochs(const bso_settings *s, float *x_all, int *y_all, size_t *used)
{
    bso_loader l;
    if (bso_loader_open(&l, s)) fail_msg("%s", bso_error());
    *used = 0;
    for (uint32_t epoch = 0; epoch < 2; epoch++) {
        for (int split = 0; split < BSO_SPLITS; split++) {
            if (!l.count[split]) continue;
            assert_int_equal(bso_loader_start(&l, (bso_split)split, epoch, 0, l.count[split], 4), 0);
            for (size_t done = 0; done < l.count[split];) {
                const float *x;
                const int *y;
                size_t n;
                if (bso_loader_next(&l, &x, &y, &n)) fail_msg("%s", bso_error());
                memcpy(x_all + *used * 3 * PLANE, x, n * 3 * PLANE * sizeof *x);
                memcpy(y_all + *used, y, n * sizeof *y);
                *used += n;
                done += n;
            }
        }
    }
    bso_loader_close(&l);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static void test_workers(void **state)
{
    (void)state;
    static float x[2][2 * 24 * 3 * PLANE];
    static int y[2][2 * 24];
    size_t used, again;
    put_many();
    bso_settings s = settings();
    snprintf(s.augment, sizeof s.augment, "resizedcrop+flip+autoaugment+cutout");
    s.validation = 0.25;
    s.workers = 0;
    run_epochs(&s, x[0], y[0], &used);
    assert_int_equal(used, 2 * 24);
    for (s.workers = -1; s.workers < 4; s.workers += 2) {
        run_epochs(&s, x[1], y[1], &again);
        assert_int_equal(again, used);
        assert_memory_equal(x[0], x[1], sizeof x[0]);
        assert_memory_equal(y[0], y[1], sizeof y[0]);
    }
    /* The mixed order: the first eight of eighteen are not all of one class. */
    int first = 0;
    for (int i = 0; i < 8; i++) first += y[0][i] == y[0][0];
    assert_true(first < 8);
    /* A photograph that goes bad during training stops it with its name. */
    bso_files_put("imagenet/train/b/3.jpeg", (const uint8_t *)"x", 1);
    for (s.workers = 0; s.workers < 3; s.workers++) {
        bso_loader l;
        assert_int_equal(bso_loader_open(&l, &s), 0);
        assert_int_equal(bso_loader_start(&l, BSO_SPLIT_TRAIN, 0, 0, l.count[BSO_SPLIT_TRAIN], 1), 0);
        int failed = 0;
        for (size_t i = 0; i < l.count[BSO_SPLIT_TRAIN]; i++) {
            const float *bx;
            const int *by;
            size_t n;
            int rc = bso_loader_next(&l, &bx, &by, &n);
            if (rc) assert_non_null(strstr(bso_error(), "b/3.jpeg"));
            failed += rc != 0;
        }
        assert_in_range(failed, 0, 1); /* it may be among those for validation */
        assert_int_equal(bso_loader_start(&l, BSO_SPLIT_VALIDATION, 0, 0, l.count[BSO_SPLIT_VALIDATION], 1),
                         0);
        for (size_t i = 0; i < l.count[BSO_SPLIT_VALIDATION]; i++) {
            const float *bx;
            const int *by;
            size_t n;
            failed += bso_loader_next(&l, &bx, &by, &n) != 0;
        }
        assert_int_equal(failed, 1);
        bso_loader_close(&l);
    }
}

/* Normalised by the stated mean and deviation, not by what these few photographs would give. */
static void test_normalised(void **state)
{
    (void)state;
    static const double mean[3] = {0.485, 0.456, 0.406}, deviation[3] = {0.229, 0.224, 0.225};
    put_many();
    bso_settings s = settings();
    for (int on = 0; on < 2; on++) {
        s.normalize = on;
        bso_loader l;
        assert_int_equal(bso_loader_open(&l, &s), 0);
        float x[3 * PLANE], raw[3 * PLANE];
        int y;
        uint32_t index;
        for (size_t i = 0; i < l.count[BSO_SPLIT_TEST]; i++) {
            assert_int_equal(bso_loader_batch(&l, BSO_SPLIT_TEST, 0, i, 1, x, &y, &index), 0);
            assert_int_equal(bso_loader_index(&l, BSO_SPLIT_TEST, i), index);
            fetch(&l.data, BSO_SPLIT_TEST, index, raw);
            assert_int_equal(y, l.data.label(&l.data, BSO_SPLIT_TEST, index));
            for (int p = 0; p < 3 * PLANE; p++) {
                double expected =
                    on ? ((double)raw[p] - mean[p / PLANE]) / deviation[p / PLANE] : (double)raw[p];
                assert_true(fabs((double)x[p] - expected) < 1e-5);
            }
        }
        bso_loader_close(&l);
    }
}

/* Class by class in the files, mixed in use: each sample once, the same way at each opening, another way by
 * another split_seed, whatever the seed. */
static void test_mixed(void **state)
{
    (void)state;
    put_many();
    bso_settings s = settings();
    uint32_t order[3][18];
    for (int k = 0; k < 3; k++) {
        s.seed = (uint64_t)k + 1;
        s.split_seed = k < 2 ? 1 : 2;
        s.shuffle = false;
        bso_loader l;
        bool seen[18] = {false};
        assert_int_equal(bso_loader_open(&l, &s), 0);
        for (size_t i = 0; i < 18; i++) {
            order[k][i] = (uint32_t)bso_loader_index(&l, BSO_SPLIT_TRAIN, i);
            assert_false(seen[order[k][i]]);
            seen[order[k][i]] = true;
        }
        bso_loader_close(&l);
    }
    assert_memory_equal(order[0], order[1], sizeof order[0]);
    assert_memory_not_equal(order[0], order[2], sizeof order[0]);
}

static void test_no_memory(void **state)
{
    (void)state;
    put_many();
    bso_settings s = settings();
    s.subset_classes = 2;
    s.subset_per_class = 1;
    for (size_t n = 1, fine = 0; !fine; n++) {
        bso_dataset d;
        float x[3 * PLANE];
        bso_mem_fail_after(n);
        fine = bso_dataset_open(&d, &s) == 0 && d.fetch(&d, BSO_SPLIT_TRAIN, 1, NULL, x) == 0;
        bso_mem_fail_after(0);
        bso_dataset_close(&d);
        assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bso_files_setup, bso_files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_kinds),   TEST(test_middle),     TEST(test_random_crop), TEST(test_views),
        TEST(test_subsets), TEST(test_refused),    TEST(test_stray_bytes), TEST(test_damaged),
        TEST(test_workers), TEST(test_normalised), TEST(test_mixed),       TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
