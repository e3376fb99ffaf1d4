/* test_cache.c: samples kept in files: made once, the same when read back, made again when anything they
 * depend on changes or the file is damaged; two processes; and listing folders of class folders.
 */
#define _GNU_SOURCE
#include "core/cache.h"
#include "core/error.h"
#include "core/folder.h"
#include "core/memory.h"
#include "core/notice.h"
#include "tests/dataset_files.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

#include <cmocka.h>

enum { TRAIN = 40, TEST = 9, FRAMES = 2, SIDE = 5, VALUES = FRAMES * 2 * SIDE * SIDE };

static atomic_size_t made;
static size_t broken = SIZE_MAX;

static float value(bso_split split, size_t index, size_t v)
{
    return (float)(1000 * index + v) + (split == BSO_SPLIT_TEST ? 0.5f : 0.0f);
}

static int make(void *user, bso_split split, size_t index, float *out)
{
    (void)user;
    atomic_fetch_add(&made, 1);
    if (split == BSO_SPLIT_TRAIN && index == broken) return bso_fail("sample %zu is broken", index);
    for (size_t v = 0; v < VALUES; v++) out[v] = value(split, index, v);
    return 0;
}

static bso_settings settings_of(const char *cache)
{
    bso_settings s;
    bso_settings_default(&s);
    assert_int_equal(bso_settings_set(&s, "cache", cache), 0);
    return s;
}

static int open_cached(bso_dataset *d, const char *cache, const bso_cache_key *k)
{
    static int32_t train[TRAIN], test[TEST];
    for (int i = 0; i < TRAIN; i++) train[i] = i % 3;
    for (int i = 0; i < TEST; i++) test[i] = (i + 1) % 3;
    const int32_t *const labels[BSO_SPLITS] = {[BSO_SPLIT_TRAIN] = train, [BSO_SPLIT_TEST] = test};
    *d = (bso_dataset){.name = "made by hand",
                       .classes = 3,
                       .channels = 2,
                       .frames = FRAMES,
                       .height = SIDE,
                       .width = SIDE,
                       .train_count = TRAIN,
                       .test_count = TEST};
    bso_settings s = settings_of(cache);
    made = 0;
    return bso_cache_open(d, &s, k, labels, make, NULL);
}

static void check_samples(bso_dataset *d)
{
    float x[VALUES];
    for (size_t i = 0; i < TRAIN + TEST; i++) {
        bso_split split = i < TRAIN ? BSO_SPLIT_TRAIN : BSO_SPLIT_TEST;
        size_t index = i < TRAIN ? i : i - TRAIN;
        assert_int_equal(d->fetch(d, split, index, NULL, x), 0);
        for (size_t v = 0; v < VALUES; v++) assert_true(x[v] == value(split, index, v));
        assert_int_equal(d->label(d, split, index), (index + (split == BSO_SPLIT_TEST)) % 3);
    }
    bso_dataset_close(d);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static bso_cache_key key_of(int version, const char *value_text)
{
    bso_cache_key k;
    bso_cache_key_start(&k, "hand", version);
    assert_int_equal(bso_cache_key_file(&k, bso_files_at("source")), 0);
    bso_cache_key_text(&k, "setting", value_text);
    return k;
}

/* Files whose names end so. */
static int count_files(const char *ending)
{
    int n = 0;
    DIR *d = opendir(bso_files_at("cache"));
    for (struct dirent *e; d && (e = readdir(d));) {
        size_t length = strlen(e->d_name), m = strlen(ending);
        n += length >= m && strcmp(e->d_name + length - m, ending) == 0;
    }
    if (d) closedir(d);
    return n;
}

static char *cache_folder(void)
{
    static char path[256];
    snprintf(path, sizeof path, "%s", bso_files_at("cache"));
    return path;
}

static void the_file(char path[512])
{
    DIR *d = opendir(cache_folder());
    for (struct dirent *e; (e = readdir(d));) {
        size_t length = strlen(e->d_name);
        if (length > 3 && strcmp(e->d_name + length - 3, ".h5") == 0)
            snprintf(path, 512, "%s/%s", cache_folder(), e->d_name);
    }
    closedir(d);
}

static void test_made_once(void **state)
{
    (void)state;
    bso_files_put("source", (const uint8_t *)"abc", 3);
    bso_dataset d;
    bso_cache_key k = key_of(1, "a");
    for (int time = 0; time < 3; time++) {
        assert_int_equal(open_cached(&d, cache_folder(), &k), 0);
        assert_int_equal(made, time ? 0 : TRAIN + TEST);
        check_samples(&d);
    }
    assert_int_equal(count_files(".h5"), 1);
    /* Anything else is something else. */
    struct stat status;
    assert_int_equal(stat(bso_files_at("source"), &status), 0);
    for (int change = 0; change < 4; change++) {
        if (change == 2) bso_files_put("source", (const uint8_t *)"abcd", 4);
        if (change == 3) {
            struct utimbuf later = {status.st_mtime + 10, status.st_mtime + 10};
            assert_int_equal(utime(bso_files_at("source"), &later), 0);
        }
        k = key_of(change == 0 ? 2 : 1, change == 1 ? "b" : "a");
        assert_int_equal(open_cached(&d, cache_folder(), &k), 0);
        assert_int_equal(made, TRAIN + TEST);
        check_samples(&d);
        assert_int_equal(count_files(".h5"), 2 + change);
    }
    assert_int_equal(count_files(".tmp"), 0);
}

static void test_parts_of_keys(void **state)
{
    (void)state;
    bso_cache_key a, b;
    bso_cache_key_start(&a, "hand", 1);
    bso_cache_key_start(&b, "hand", 1);
    assert_true(a.hash == b.hash);
    bso_cache_key_text(&a, "ab", "c");
    bso_cache_key_text(&b, "a", "bc");
    assert_true(a.hash != b.hash);
    assert_int_equal(bso_cache_key_file(&a, bso_files_root), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "not a regular file"));
    assert_int_equal(bso_cache_key_file(&a, bso_files_at("absent")), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "absent"));
}

static void test_damaged(void **state)
{
    (void)state;
    bso_files_put("source", (const uint8_t *)"abc", 3);
    bso_dataset d;
    bso_cache_key k = key_of(1, "a");
    assert_int_equal(open_cached(&d, cache_folder(), &k), 0);
    bso_dataset_close(&d);
    char path[512];
    the_file(path);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    const off_t cuts[] = {0, 1, status.st_size / 2, status.st_size - 1};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(truncate(path, cuts[i]), 0);
        assert_int_equal(open_cached(&d, cache_folder(), &k), 0);
        assert_int_equal(made, TRAIN + TEST);
        check_samples(&d);
        assert_int_equal(open_cached(&d, cache_folder(), &k), 0);
        assert_int_equal(made, 0);
        check_samples(&d);
    }
    /* A flipped byte is found by a checksum, or it was in what is not read: the samples are right in any
     * case. */
    for (off_t at = 100; at < status.st_size; at += 131) {
        FILE *f = fopen(path, "r+b");
        assert_int_equal(fseek(f, at, SEEK_SET), 0);
        int byte = getc(f);
        assert_int_equal(fseek(f, at, SEEK_SET), 0);
        putc(byte ^ 0x55, f);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(open_cached(&d, cache_folder(), &k), 0);
        check_samples(&d);
    }
}

static void test_failing_sample(void **state)
{
    (void)state;
    bso_files_put("source", (const uint8_t *)"abc", 3);
    bso_dataset d;
    bso_cache_key k = key_of(1, "a");
    broken = 17;
    assert_int_equal(open_cached(&d, cache_folder(), &k), BSO_ERROR);
    assert_string_equal(bso_error(), "sample 17 is broken");
    bso_dataset_close(&d);
    broken = SIZE_MAX;
    assert_int_equal(count_files(".h5"), 0);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static size_t warnings;

static void count_warnings(const char *what, size_t done, size_t total)
{
    assert_true(done <= total);
    warnings += total == 0 && strstr(what, "cannot be written");
}

static void test_without(void **state)
{
    (void)state;
    bso_files_put("source", (const uint8_t *)"abc", 3);
    bso_dataset d;
    bso_cache_key k = key_of(1, "a");
    assert_int_equal(open_cached(&d, "off", &k), 0);
    assert_int_equal(made, TRAIN + TEST);
    check_samples(&d);
    /* A file where the folder should be. */
    assert_int_equal(open_cached(&d, bso_files_at("source"), &k), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "source"));
    bso_dataset_close(&d);
    /* A place where the file cannot be put: the samples are there all the same, and it is told of. */
    char path[512];
    assert_int_equal(open_cached(&d, cache_folder(), &k), 0);
    bso_dataset_close(&d);
    the_file(path);
    assert_int_equal(remove(path), 0);
    assert_int_equal(mkdir(path, 0777), 0);
    bso_notice = count_warnings;
    warnings = 0;
    assert_int_equal(open_cached(&d, cache_folder(), &k), 0);
    bso_notice = NULL;
    assert_int_equal(warnings, 1);
    check_samples(&d);
    assert_int_equal(count_files(".tmp"), 0);
}

static void test_usual_place(void **state)
{
    (void)state;
    char folder[BSO_PATH], expected[512];
    bso_settings s = settings_of("");
    setenv("HOME", bso_files_root, 1);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("BSO_CACHE_DIR");
    snprintf(expected, sizeof expected, "%s/.cache/bso", bso_files_root);
    assert_int_equal(bso_cache_folder(folder, &s), 0);
    assert_string_equal(folder, expected);
    setenv("XDG_CACHE_HOME", bso_files_at("xdg"), 1);
    snprintf(expected, sizeof expected, "%s/xdg/bso", bso_files_root);
    assert_int_equal(bso_cache_folder(folder, &s), 0);
    assert_string_equal(folder, expected);
    setenv("BSO_CACHE_DIR", bso_files_at("own"), 1);
    assert_int_equal(bso_cache_folder(folder, &s), 0);
    assert_string_equal(folder, bso_files_at("own"));
    unsetenv("BSO_CACHE_DIR");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    assert_int_equal(bso_cache_folder(folder, &s), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "cache"));
}

/* Several processes at once: one makes the samples, all get them. */
static void test_processes(void **state)
{
    (void)state;
    bso_files_put("source", (const uint8_t *)"abc", 3);
    bso_cache_key k = key_of(1, "a");
    pid_t children[4];
    for (int c = 0; c < 4; c++) {
        children[c] = fork();
        if (children[c] == 0) {
            bso_dataset d;
            if (open_cached(&d, cache_folder(), &k)) _exit(100);
            float x[VALUES];
            d.fetch(&d, BSO_SPLIT_TEST, 8, NULL, x);
            _exit(x[3] != value(BSO_SPLIT_TEST, 8, 3) ? 101 : made ? 1 : 0);
        }
    }
    int makers = 0;
    for (int c = 0; c < 4; c++) {
        int status;
        assert_int_equal(waitpid(children[c], &status, 0), children[c]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
        makers += WEXITSTATUS(status);
    }
    assert_int_equal(makers, 1);
    assert_int_equal(count_files(".h5"), 1);
}

/* ---- folders ---- */

static const char *const jpegs[] = {".jpg", ".jpeg", NULL};

static void put_tree(void)
{
    static const char *const folders[] = {"t", "t/b class", "t/a\nclass", "t/.hidden", "t/_other", "t/c"};
    static const char *const files[] = {"t/b class/2.jpg",    "t/b class/10.JPEG", "t/b class/.x.jpg",
                                        "t/b class/note.txt", "t/a\nclass/1.jpeg", "t/c/z.jpg",
                                        "t/c/y.jpg",          "t/c/x.jpg",         "t/readme.jpg"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_int_equal(mkdir(bso_files_at(folders[i]), 0777), 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        bso_files_put(files[i], (const uint8_t *)"x", 1);
}

static void test_listing(void **state)
{
    (void)state;
    put_tree();
    bso_listing l;
    if (bso_listing_open(&l, bso_files_at("t"), jpegs, 0, 0)) fail_msg("%s", bso_error());
    static const char *const classes[] = {"a\nclass", "b class", "c"};
    static const char *const files[] = {"1.jpeg", "10.JPEG", "2.jpg", "x.jpg", "y.jpg", "z.jpg"};
    static const size_t of[] = {0, 1, 1, 2, 2, 2};
    assert_int_equal(l.classes, 3);
    assert_int_equal(l.count, 6);
    for (size_t c = 0; c < 3; c++) assert_string_equal(bso_listing_class(&l, c), classes[c]);
    for (size_t i = 0; i < 6; i++) {
        char path[BSO_PATH], expected[512];
        assert_string_equal(bso_listing_file(&l, i), files[i]);
        assert_int_equal(bso_listing_class_of(&l, i), of[i]);
        assert_int_equal(bso_listing_path(&l, i, path), 0);
        snprintf(expected, sizeof expected, "%s/%s/%s", bso_files_at("t"), classes[of[i]], files[i]);
        assert_string_equal(path, expected);
    }
    assert_int_equal(bso_listing_first(&l, 3), 6);
    bso_listing_close(&l);

    assert_int_equal(bso_listing_open(&l, bso_files_at("t"), jpegs, 2, 1), 0);
    assert_int_equal(l.classes, 2);
    assert_int_equal(l.count, 2);
    assert_string_equal(bso_listing_file(&l, 1), "10.JPEG");
    bso_listing other;
    assert_int_equal(bso_listing_open(&other, bso_files_at("t"), jpegs, 0, 1), 0);
    assert_int_equal(bso_listing_same_classes(&l, &l), 0);
    assert_int_equal(bso_listing_same_classes(&l, &other), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "no class folder c"));
    assert_int_equal(bso_listing_same_classes(&other, &l), BSO_ERROR);
    bso_listing_close(&other);
    bso_listing_close(&l);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static void listing_refused(const char *root, const char *named, const char *reason)
{
    bso_listing l;
    assert_int_equal(bso_listing_open(&l, root, jpegs, 0, 0), BSO_ERROR);
    if (!strstr(bso_error(), named) || !strstr(bso_error(), reason) || strchr(bso_error(), '\n'))
        fail_msg("'%s' should say '%s' and '%s'", bso_error(), named, reason);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static void test_listing_refused(void **state)
{
    (void)state;
    char root[256];
    snprintf(root, sizeof root, "%s", bso_files_at("t"));
    listing_refused(root, "/t", "No such file");
    assert_int_equal(mkdir(root, 0777), 0);
    listing_refused(root, "/t", "no class folders");
    assert_int_equal(mkdir(bso_files_at("t/a"), 0777), 0);
    listing_refused(root, "/t/a", "no .jpg files");
    assert_int_equal(symlink("loop.jpg", bso_files_at("t/a/loop.jpg")), 0);
    listing_refused(root, "loop.jpg", "symbolic links");
    assert_int_equal(remove(bso_files_at("t/a/loop.jpg")), 0);
    assert_int_equal(symlink("/nowhere", bso_files_at("t/a/gone\n.jpg")), 0);
    listing_refused(root, "gone?.jpg", "No such file");
    assert_int_equal(remove(bso_files_at("t/a/gone\n.jpg")), 0);
    assert_int_equal(mkfifo(bso_files_at("t/a/pipe.jpg"), 0666), 0);
    listing_refused(root, "pipe.jpg", "not a regular file");
    assert_int_equal(remove(bso_files_at("t/a/pipe.jpg")), 0);
    bso_files_put("t/a/1.jpg", (const uint8_t *)"x", 1);
    assert_int_equal(symlink("b", bso_files_at("t/b")), 0);
    listing_refused(root, "/t/b", "symbolic links");
    assert_int_equal(remove(bso_files_at("t/b")), 0);
    assert_int_equal(symlink(".", bso_files_at("t/b")),
                     0); /* a class of classes: no files, no endless walk */
    listing_refused(root, "/t/b", "no .jpg files");
    /* Every allocation that fails is an error and leaves nothing. */
    assert_int_equal(remove(bso_files_at("t/b")), 0);
    bso_listing l;
    for (size_t n = 1;; n++) {
        bso_mem_fail_after(n);
        int rc = bso_listing_open(&l, root, jpegs, 0, 0);
        bso_mem_fail_after(0);
        if (rc == 0) break;
        assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
    }
    bso_listing_close(&l);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bso_files_setup, bso_files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_processes), /* before OpenMP has threads, which a child would not have */
        TEST(test_made_once), TEST(test_parts_of_keys), TEST(test_damaged), TEST(test_failing_sample),
        TEST(test_without),   TEST(test_usual_place),   TEST(test_listing), TEST(test_listing_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
