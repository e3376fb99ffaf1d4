/* test_hostile.c: every data set's files broken in the same ways. Each broken folder is refused with one line
 * that names the file and what is wrong, or, where what was broken may be so, opens; nothing crashes, hangs
 * or stays behind. What is in the files is in small_sets.c: a new format is an entry there, and nothing here.
 */
#include "tests/dataset_files.h"
#include "tests/open_files.h"
#include "tests/small_sets.h"

#include "core/dataset.h"
#include "core/error.h"
#include "core/memory.h"

#include <errno.h>
#include <hdf5.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

enum { FILE_MAX = 1 << 20, LONG = 1 << 10, NOBODY = 65534, SECONDS = 300 };

static const bso_small_set *set; /* the one that is being broken */

/* ---- what must hold ---- */

static int decode(const bso_dataset *d, bso_split split, size_t count)
{
    size_t values = (size_t)d->frames * (size_t)d->channels * (size_t)d->height * (size_t)d->width;
    float *x = malloc(values * sizeof *x);
    assert_non_null(x);
    int rc = 0;
    for (size_t i = 0; i < count && !rc; i++) {
        int label = d->label(d, split, i);
        assert_in_range(label, 0, d->classes - 1);
        rc = d->fetch(d, split, i, NULL, x);
        for (size_t k = 0; k < values && !rc; k++) assert_true(isfinite(x[k]));
    }
    free(x);
    return rc;
}

/* Open and decode everything. Returns whether that went well; asserts that nothing is left and that a refusal
 * is one line. */
static bool opens(void)
{
    static const char unset[] = "nothing was said";
    bso_settings s = bso_small_settings(set);
    bso_dataset d;
    size_t before = bso_open_files();
    bso_fail("%s", unset);
    bool fine = bso_dataset_open(&d, &s) == 0 && decode(&d, BSO_SPLIT_TRAIN, d.train_count) == 0 &&
                decode(&d, BSO_SPLIT_TEST, d.test_count) == 0;
    bso_dataset_close(&d);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
    assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
    assert_int_equal(bso_open_files(), before);
    if (!fine) {
        assert_string_not_equal(bso_error(), unset);
        for (const char *c = bso_error(); *c; c++) {
            if ((unsigned char)*c < ' ' || *c == 127) fail_msg("not one line: %s", bso_error());
        }
    }
    return fine;
}

/* what: in which way the folder is broken. file: what the message must name, with .gz or without; reason: a
 * word of it, or "". */
static void refused(const char *what, const char *file, const char *reason)
{
    char named[256];
    snprintf(named, sizeof named, "%s", file);
    char *ending = strstr(named, ".gz");
    if (ending) *ending = '\0';
    if (opens()) fail_msg("%s: %s opened with %s", set->name, named, what);
    if (!strstr(bso_error(), named) || !strstr(bso_error(), reason))
        fail_msg("%s: %s: '%s' should name '%s' and say '%s'", set->name, what, bso_error(), named, reason);
}

static void opens_or_refused(const char *what, const char *named)
{
    /* A file that contradicts another one: either of them may be the one that is named. */
    if (!opens() && !strstr(bso_error(), bso_files_root))
        fail_msg("%s: %s of %s: '%s' names no file", set->name, what, named, bso_error());
}

static void must_open(const char *what)
{
    if (!opens()) fail_msg("%s: %s: %s", set->name, what, bso_error());
}

/* ---- files ---- */

static uint8_t original[FILE_MAX];

static size_t get(const char *name)
{
    FILE *f = fopen(bso_files_at(name), "rb");
    assert_non_null(f);
    size_t n = fread(original, 1, sizeof original, f);
    assert_true(n < sizeof original);
    fclose(f);
    return n;
}

/* As they are, whatever the name. */
static void put(const char *name, const uint8_t *bytes, size_t n)
{
    FILE *f = fopen(bso_files_at(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static const char *base(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

/* ---- ways of breaking one file, which is put back afterwards ---- */

static void cut(const char *name)
{
    const size_t n = get(name), lengths[] = {0, 1, n / 2, n - 1};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char what[64];
        snprintf(what, sizeof what, "%zu of %zu bytes", lengths[i], n);
        put(name, original, lengths[i]);
        if (set->cut_may_open && lengths[i] > 1) {
            opens_or_refused(what, name);
        } else {
            refused(what, base(name), "");
        }
    }
    put(name, original, n);
}

static void flip(const char *name)
{
    static const uint8_t masks[] = {0xff, 0x80, 0x01};
    const size_t n = get(name), most = set->header < n ? set->header : n;
    /* Of long files about LONG bytes, each in one way, or it takes minutes. */
    const size_t step = 1 + most / LONG, ways = step > 1 ? 1 : sizeof masks;
    for (size_t i = 0; i < most; i += step) {
        for (size_t w = 0; w < ways; w++) {
            const uint8_t mask = masks[(i + w) % sizeof masks];
            char what[64];
            snprintf(what, sizeof what, "byte %zu changed by %02x", i, mask);
            original[i] ^= mask;
            put(name, original, n);
            original[i] ^= mask;
            opens_or_refused(what, name);
        }
    }
    put(name, original, n);
}

/* What stands in the place of the file, from another file to something that would never end. */
static void replace(const char *name)
{
    const size_t n = get(name);
    char path[256];
    snprintf(path, sizeof path, "%s", bso_files_at(name));

    assert_int_equal(unlink(path), 0);
    if (set->listed) {
        opens_or_refused("no file", name);
    } else {
        refused("no file", base(name), "");
    }
    assert_int_equal(mkdir(path, 0777), 0);
    refused("a folder in its place", base(name), "");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0666), 0);
    refused("a pipe in its place", base(name), "");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/dev/zero", path), 0);
    refused("an endless device in its place", base(name), "");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(base(name), path), 0);
    refused("a link to itself", base(name), "");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("nowhere", path), 0);
    refused("a link to nowhere", base(name), "");
    assert_int_equal(unlink(path), 0);

    put(name, original, n);
    must_open("put back");
    assert_int_equal(chmod(path, 0), 0);
    if (getuid() == 0) assert_int_equal(seteuid(NOBODY), 0); /* root may read everything */
    refused("a file without permissions", base(name), "");
    if (getuid() == 0) assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(path, 0644), 0);
}

/* ---- tests: every set ---- */

static void begin(const bso_small_set *s)
{
    set = s;
    assert_int_equal(bso_files_setup(NULL), 0);
    assert_int_equal(chmod(bso_files_root, 0755), 0);
    set->write();
    must_open("as written");
}

static void end(void)
{
    must_open("put back");
    assert_int_equal(bso_files_teardown(NULL), 0);
}

static void each_file(void (*breaking)(const char *name))
{
    for (const bso_small_set *s = bso_small_sets; s->name; s++) {
        begin(s);
        for (const char *const *f = s->files; *f; f++) breaking(*f);
        end();
    }
}

static void test_cut(void **state)
{
    (void)state;
    each_file(cut);
}

static void test_flipped(void **state)
{
    (void)state;
    each_file(flip);
}

static void test_replaced(void **state)
{
    (void)state;
    each_file(replace);
}

/* What is behind the name of a compressed file. */
static size_t unpack(const char *name, uint8_t *bytes)
{
    gzFile f = gzopen(bso_files_at(name), "rb");
    assert_non_null(f);
    int n = gzread(f, bytes, FILE_MAX);
    assert_true(n >= 0 && gzclose(f) == Z_OK);
    return (size_t)n;
}

static void test_edited(void **state)
{
    (void)state;
    static uint8_t bytes[FILE_MAX];
    for (const bso_small_set *s = bso_small_sets; s->name; s++) {
        begin(s);
        for (const bso_small_edit *e = s->edits; e && e->file; e++) {
            const size_t n = get(e->file), unpacked = unpack(e->file, bytes);
            assert_true(e->at + e->count <= unpacked);
            memcpy(bytes + e->at, e->bytes, e->count);
            bso_files_put(e->file, bytes, unpacked);
            refused("other bytes", base(e->file), e->reason);
            put(e->file, original, n);
        }
        end();
    }
}

/* ---- tests: folders ---- */

/* The folder is moved away and data_dir, or the file that a set asks for, is what stands in its place. */
static void test_folders(void **state)
{
    (void)state;
    for (const bso_small_set *s = bso_small_sets; s->name; s++) {
        begin(s);
        char root[sizeof bso_files_root], away[128];
        snprintf(root, sizeof root, "%s", bso_files_root);
        snprintf(away, sizeof away, "%s-away", root);
        assert_int_equal(rename(root, away), 0);
        refused("no folder", root, "");
        assert_int_equal(mkdir(root, 0755), 0);
        refused("an empty folder", root, "");
        assert_int_equal(rmdir(root), 0);
        FILE *f = fopen(root, "w");
        assert_true(f && fclose(f) == 0);
        refused("a file in the folder's place", root, "");
        assert_int_equal(unlink(root), 0);
        assert_int_equal(symlink(base(root), root), 0);
        refused("a link to itself in the folder's place", root, "");
        assert_int_equal(unlink(root), 0);
        assert_int_equal(rename(away, root), 0);

        /* Names that a shell, a message or a C string might trip over. */
        static const char *const names[] = {"/tmp/bso with spaces", "/tmp/bso\nof two lines",
                                            "/tmp/bso '\"$(x)%s%n\\", "/tmp/bso \xff\xfe\x01"};
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            snprintf(bso_files_root, sizeof bso_files_root, "%s-%d", names[i], (int)getpid());
            assert_int_equal(rename(root, bso_files_root), 0);
            must_open(bso_files_root);
            assert_int_equal(truncate(bso_files_at(s->files[0]), 1), 0);
            refused(bso_files_root, base(s->files[0]), "");
            s->write();
            assert_int_equal(rename(bso_files_root, root), 0);
        }
        snprintf(bso_files_root, sizeof bso_files_root, "%s", root);
        end();
    }
}

/* Every registered format has an entry, and a mark in the folder is read with the same suspicion. */
static void test_complete(void **state)
{
    (void)state;
    for (const bso_dataset_format *const *f = bso_dataset_formats; *f; f++) {
        const bso_small_set *s = bso_small_sets;
        while (s->name && strcmp(s->dataset, (*f)->name) != 0) s++;
        if (!s->name && strcmp((*f)->name, "stand-in:") != 0)
            fail_msg("tests/small_sets.c has no entry for %s", (*f)->name);
    }
}

static void test_mark(void **state)
{
    (void)state;
    begin(bso_small_find("idx"));
    bso_settings s = bso_small_settings(set);
    bso_dataset d;
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"an imitation\nsecond line\n", "an imitation"},
        {"", "stand-in without a name"},
        {"a\x01"
         "b\x7f",
         "a?b?"},
        {"0123456789012345678901234567890123456789012345678901234567890123456789",
         "012345678901234567890123456789012345678901234567890123456789012"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put("mnist/STAND-IN", (const uint8_t *)cases[i].text, strlen(cases[i].text));
        assert_int_equal(bso_dataset_open(&d, &s), 0);
        assert_string_equal(d.name, cases[i].shown);
        bso_dataset_close(&d);
    }
    assert_int_equal(unlink(bso_files_at("mnist/STAND-IN")), 0);
    assert_int_equal(mkfifo(bso_files_at("mnist/STAND-IN"), 0666), 0);
    assert_int_equal(bso_dataset_open(&d, &s), 0);
    assert_string_equal(d.name, "stand-in without a name");
    bso_dataset_close(&d);
    end();
}

int main(void)
{
    alarm(SECONDS); /* what hangs is killed */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_complete), cmocka_unit_test(test_cut),      cmocka_unit_test(test_flipped),
        cmocka_unit_test(test_edited),   cmocka_unit_test(test_replaced), cmocka_unit_test(test_folders),
        cmocka_unit_test(test_mark),
    };
    return cmocka_run_group_tests_name("hostile files", tests, NULL, NULL);
}
