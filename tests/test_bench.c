/* test_bench.c: files of `bso bench` come back as they were or are refused; rates, ratios, shares and slopes
 * are those of samples made by hand; tables come from the files alone. Nothing is timed.
 */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/file.h"
#include "core/hdf5_util.h"
#include "core/memory.h"
#include "experiments/bench_table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/bso-bench-XXXXXX", path[96];

static int make_folder(void **state)
{
    char bench[64];
    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(bench, sizeof bench, "%s/bench", folder);
    snprintf(path, sizeof path, "%s/one.h5", bench);
    return mkdir(bench, 0777);
}

static int remove_folder(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

static void near(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-12 * fabs(expected))) fail_msg("%.17g is not %.17g", value, expected);
}

/* An entry whose samples take the given seconds, ended by 0, and twice as long in the reference. */
static bso_bench_entry *add(bso_bench_file *f, bso_bench_part part, const char *what, const char *of,
                            const char *variant, const char *detail, const double *seconds)
{
    bso_bench_entry *e = &f->entry[f->entries++];
    *e = (bso_bench_entry){.part = part, .work = 120, .bytes = 60};
    snprintf(e->what, sizeof e->what, "%s", what);
    snprintf(e->of, sizeof e->of, "%s", of);
    snprintf(e->variant, sizeof e->variant, "%s", variant);
    snprintf(e->detail, sizeof e->detail, "%s", detail);
    snprintf(e->path, sizeof e->path, "portable");
    snprintf(e->unit, sizeof e->unit, "MAC");
    for (; seconds[e->samples] > 0; e->samples++) {
        e->seconds[e->samples] = seconds[e->samples];
        e->reference[e->samples] = 2 * seconds[e->samples];
    }
    return e;
}

static const double one[] = {1, 0}, two[] = {2, 0}, five[] = {4, 1, 3, 2, 8, 0};

/* Something of every part; another number of samples for each. */
static bso_bench_file make_file(void)
{
    bso_bench_file f = {.threads = 3, .quick = true};
    snprintf(f.kernel_path, sizeof f.kernel_path, "portable");
    snprintf(f.started, sizeof f.started, "2026-01-02T03:04:05Z");
    snprintf(f.ended, sizeof f.ended, "2026-01-02T03:04:06Z");
    assert_int_equal(bso_bench_room(&f), 0);
    bso_bench_entry *e;
    add(&f, BSO_BENCH_PEAKS, "bits counted", "", "", "", two);
    e = add(&f, BSO_BENCH_PEAKS, "bytes copied", "", "", "", one);
    snprintf(e->unit, sizeof e->unit, "byte");
    add(&f, BSO_BENCH_KERNELS, "forward", "1>2@3", "net", "bits counted", five)->x = 30;
    e = add(&f, BSO_BENCH_KERNELS, "forward", "2>4@3, pooled", "net", "bits counted", one);
    e->x = 10;
    e->reference[0] = 10;
    e = add(&f, BSO_BENCH_KERNELS, "lif", "a map", "", "bytes copied", two);
    snprintf(e->unit, sizeof e->unit, "neuron");
    add(&f, BSO_BENCH_KERNELS, "lif", "a map in cache", "", "", two)->reference[0] = NAN;
    add(&f, BSO_BENCH_LAYERS, "net", "conv1", "float32", "forward products", one);
    add(&f, BSO_BENCH_LAYERS, "net", "conv2", "float32", "forward products", two);
    add(&f, BSO_BENCH_LAYERS, "net", "conv2", "float32", "update", one);
    add(&f, BSO_BENCH_LAYERS, "net", "conv2", "sgemm", "forward products", one);
    add(&f, BSO_BENCH_STEPS, "net", "", "float32", "training", five);
    add(&f, BSO_BENCH_STEPS, "net", "", "float32", "evaluation", one);
    for (int n = 1; n <= 4; n *= 2) {
        const double seconds[] = {1.0 / n, 1.0 / n, 0}; /* n times as fast */
        add(&f, BSO_BENCH_SCALING, "net", "threads", "float32", "training", seconds)->x = n;
    }
    return f;
}

static void check_entry(const bso_bench_entry *a, const bso_bench_entry *b)
{
    assert_int_equal(a->part, b->part);
    assert_string_equal(a->what, b->what);
    assert_string_equal(a->of, b->of);
    assert_string_equal(a->variant, b->variant);
    assert_string_equal(a->detail, b->detail);
    assert_string_equal(a->path, b->path);
    assert_string_equal(a->unit, b->unit);
    assert_true(a->work == b->work && a->bytes == b->bytes && a->x == b->x);
    assert_int_equal(a->samples, b->samples);
    for (int i = 0; i < a->samples; i++) {
        assert_true(a->seconds[i] == b->seconds[i]);
        assert_true(a->reference[i] == b->reference[i] || (isnan(a->reference[i]) && isnan(b->reference[i])));
    }
}

static void files_come_back(void **state)
{
    (void)state;
    bso_bench_file f = make_file(), back;
    assert_int_equal(bso_bench_write(path, &f, "bso bench"), 0);
    if (bso_bench_read(path, &back)) fail_msg("%s", bso_error());
    assert_string_equal(back.name, "one");
    assert_true(back.quick);
    assert_int_equal(back.threads, 3);
    assert_string_equal(back.kernel_path, "portable");
    assert_string_equal(back.started, f.started);
    assert_string_equal(back.ended, f.ended);
    assert_true(*back.commit && *back.cpu);
    assert_int_equal(back.entries, f.entries);
    for (int i = 0; i < f.entries; i++) {
        check_entry(&back.entry[i], &f.entry[i]);
        assert_ptr_equal(bso_bench_same(&back, &f.entry[i]), &back.entry[i]);
    }
    bso_bench_free(&back);
    /* Nothing of anything is a file, too. */
    f.entries = 0;
    assert_int_equal(bso_bench_write(path, &f, NULL), 0);
    if (bso_bench_read(path, &back)) fail_msg("%s", bso_error());
    assert_int_equal(back.entries, 0);
    bso_bench_free(&back);
    bso_bench_free(&f);
    assert_int_equal(bso_mem_current(BSO_MEM_LOG), 0);
}

/* As it is, with one thing changed. */
static void refuse(bso_bench_file *f, const char *word)
{
    bso_bench_file back;
    assert_int_equal(bso_bench_write(path, f, "bso bench"), 0);
    assert_int_equal(bso_bench_read(path, &back), BSO_ERROR);
    if (!strstr(bso_error(), word) || !strstr(bso_error(), path)) fail_msg("%s", bso_error());
    assert_null(back.entry);
    bso_bench_free(f);
    *f = make_file();
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    bso_bench_file f = make_file(), back;
    f.entry[3].work = 0;
    refuse(&f, "'forward' makes no sense");
    f.entry[0].work = INFINITY;
    refuse(&f, "makes no sense");
    f.entry[2].seconds[1] = -1;
    refuse(&f, "makes no sense");
    f.entry[2].seconds[0] = NAN;
    refuse(&f, "makes no sense");
    f.entry[2].reference[2] = INFINITY;
    refuse(&f, "makes no sense");
    f.entry[4].bytes = NAN;
    refuse(&f, "makes no sense");
    f.entry[7].x = -2;
    refuse(&f, "makes no sense");
    f.threads = 0;
    refuse(&f, "threads");
    /* What cannot be told apart in the file is not written. */
    snprintf(f.entry[1].of, sizeof f.entry[1].of, "a;b");
    assert_int_equal(bso_bench_write(path, &f, NULL), BSO_ERROR);
    bso_bench_free(&f);
    f = make_file();
    assert_int_equal(bso_bench_write(path, &f, NULL), 0);
    assert_int_equal(truncate(path, 2000), 0);
    assert_int_equal(bso_bench_read(path, &back), BSO_ERROR);
    bso_bench_free(&f);
    assert_int_equal(bso_mem_current(BSO_MEM_LOG), 0);
}

/* A file that this program would not write: what the writer makes of `groups`, and of /peaks. */
static void foreign(const char *what, hsize_t rows, hsize_t samples, const char *word)
{
    static const char *const texts[] = {"what", "of", "variant", "detail", "path", "unit"};
    static const char *const numbers[] = {"work", "bytes", "x"};
    bso_h5_writer w;
    bso_bench_file back;
    double *ones = calloc(4 * rows * samples + 1, sizeof *ones);
    for (size_t i = 0; i < rows * samples; i++) ones[i] = 1;
    assert_int_equal(bso_h5_create(&w, path, "bso-bench", 1), 0);
    bso_h5_group(&w, "/config");
    bso_h5_put_integer(&w, "/config", "quick", 0);
    bso_h5_group(&w, "/provenance");
    bso_h5_put_integer(&w, "/provenance", "threads", 1);
    static const char *const origin[] = {"started", "ended", "commit", "cpu", "kernel_path"};
    for (int i = 0; i < 5; i++) bso_h5_put_text(&w, "/provenance", origin[i], "x");
    for (int part = 0; part < BSO_BENCH_PARTS; part++) {
        char group[32], at[64];
        const hsize_t n = part == 0 ? rows : 0, dims[2] = {n, samples};
        snprintf(group, sizeof group, "/%s", bso_bench_part_name((bso_bench_part)part));
        bso_h5_group(&w, group);
        for (int i = 0; i < 6; i++) bso_h5_put_text(&w, group, texts[i], part == 0 ? what : "");
        for (int i = 0; i < 3; i++) {
            snprintf(at, sizeof at, "%s/%s", group, numbers[i]);
            bso_h5_put_array(&w, at, H5T_NATIVE_DOUBLE, 1, dims, ones);
        }
        snprintf(at, sizeof at, "%s/seconds", group);
        bso_h5_put_array(&w, at, H5T_NATIVE_DOUBLE, 2, dims, ones);
        snprintf(at, sizeof at, "%s/reference_seconds", group);
        bso_h5_put_array(&w, at, H5T_NATIVE_DOUBLE, 2, dims, ones);
    }
    assert_int_equal(bso_h5_finish(&w), 0);
    free(ones);
    const int status = bso_bench_read(path, &back);
    if (!word) {
        if (status) fail_msg("%s", bso_error());
        assert_int_equal(back.entries, (int)rows);
        bso_bench_free(&back);
        return;
    }
    assert_int_equal(status, BSO_ERROR);
    if (!strstr(bso_error(), word)) fail_msg("%s", bso_error());
}

static void foreign_files_are_bounded(void **state)
{
    (void)state;
    char text[2 * BSO_BENCH_TEXT];
    foreign("a;b", 2, 3, NULL);
    foreign("a", 2, 3, "not 2 texts");
    foreign("a;b;c", 2, 3, "not 2 texts");
    foreign("a", 0, 1, "no entries");
    foreign("a;b", 2, BSO_BENCH_SAMPLES + 1, "not 2 times");
    foreign("", BSO_BENCH_ENTRIES + 1, 1, "more than");
    memset(text, 'x', sizeof text);
    text[BSO_BENCH_TEXT] = '\0';
    foreign(text, 1, 1, "not 1 texts");
    text[BSO_BENCH_TEXT - 1] = '\0';
    foreign(text, 1, 1, NULL);
}

static void numbers_are_those_of_the_samples(void **state)
{
    (void)state;
    bso_bench_file f = make_file();
    /* Seconds 1, 2, 3, 4, 8: quartiles 2 and 4. */
    bso_bench_rate r = bso_bench_rate_of(&f.entry[2]);
    near(r.best, 120);
    near(r.median, 40);
    near(r.spread, 2.0 / 3);
    r = bso_bench_reference_rate(&f.entry[2]);
    near(r.best, 60);
    near(bso_bench_ratio(&f.entry[2]), 2);
    assert_true(isnan(bso_bench_ratio(&f.entry[5])) && isnan(bso_bench_reference_rate(&f.entry[5]).median));
    /* 40 of 60 bits; 60 MAC with 60 bytes for 120 of them, of 120 bytes. */
    near(bso_bench_share_of_peak(&f, &f.entry[2]), 2.0 / 3);
    near(bso_bench_share_of_peak(&f, &f.entry[4]), 60.0 * 60 / 120 / 120);
    assert_true(isnan(bso_bench_share_of_peak(&f, &f.entry[5])));
    /* Ratios 2 and 10, of work 30 and 10; times 30/40 + 10/120 and twice, 10 times that. */
    bso_bench_mean mean;
    assert_true(bso_bench_overall(&f, 2, &mean));
    assert_int_equal(mean.shapes, 2);
    near(mean.ratio, (2 * 30 + 10 * 10) / 40.0);
    near(mean.total, (2 * 0.75 + 10 / 12.0) / (0.75 + 1 / 12.0));
    near(mean.rate, 40 / (0.75 + 1 / 12.0));
    assert_false(bso_bench_overall(&f, 3, &mean)); /* not the first */
    assert_false(bso_bench_overall(&f, 4, &mean)); /* no product */
    near(bso_bench_stage_seconds(&f, &f.entry[6], false, false), 4 / 120.0);
    near(bso_bench_stage_seconds(&f, &f.entry[6], false, true), 3 / 120.0);
    near(bso_bench_stage_seconds(&f, &f.entry[7], true, false), 3 / 120.0);
    near(bso_bench_stage_seconds(&f, &f.entry[7], true, true), 2 / 120.0);
    const bso_bench_slope slope = bso_bench_slope_of(&f, &f.entry[f.entries - 1]);
    assert_int_equal(slope.points, 3);
    near(slope.exponent, 1);
    assert_true(slope.error < 1e-12);
    bso_bench_free(&f);
}

static bool table_has(const char *name, const char *word)
{
    char file[128];
    uint8_t *text;
    size_t size;
    snprintf(file, sizeof file, "%s/tables/%s", folder, name);
    if (bso_file_read(file, 1 << 20, BSO_MEM_LOG, &text, &size)) fail_msg("%s", bso_error());
    const bool has = memmem(text, size, word, strlen(word)) != NULL;
    bso_free(text);
    return has;
}

static void tables_come_from_the_files(void **state)
{
    (void)state;
    char other[96], command[160];
    bso_bench_file f = make_file();
    snprintf(other, sizeof other, "%s/bench/other.h5", folder);
    assert_int_equal(bso_bench_write(path, &f, NULL), 0);
    f.entries = 2;
    assert_int_equal(bso_bench_write(other, &f, NULL), 0);
    bso_bench_free(&f);
    assert_int_equal(bso_bench_tables(folder), 0);
    assert_true(table_has("bench_kernels.csv", ",forward,1>2@3,net,portable,MAC,4e-08,1.2e-07,66.6666667,"));
    assert_true(table_has("bench_kernels.csv", ",bits counted,66.6666667\n"));
    assert_true(table_has("bench_peaks.csv", "other,"));
    assert_true(table_has("bench_products.csv", ",net,forward,2,"));
    assert_true(table_has("bench_steps.csv", ",3,net,float32,portable,40,120,66.6666667,2,120,"));
    assert_true(table_has("bench_stages.csv", ",net,float32,forward products,25,75\n"));
    assert_true(table_has("bench_layers.csv", ",net,float32,conv2,update,8.33333333,25\n"));
    assert_true(table_has("bench_slopes.csv", ",net,threads,3,1,"));
    assert_true(table_has("bench_roofline.csv", ",peak,bits counted,,MAC,NaN,6e-08\n"));
    assert_true(table_has("bench.md", "# one"));
    assert_true(table_has("bench.md", "# other"));
    /* One that is damaged is named and left out; without any there are no tables. */
    assert_int_equal(truncate(other, 3000), 0);
    assert_int_equal(bso_bench_tables(folder), 1);
    assert_false(table_has("bench_peaks.csv", "other,"));
    snprintf(command, sizeof command, "rm '%s'/bench/*", folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(bso_bench_tables(folder), 0);
    assert_false(bso_file_there(folder, "tables/bench.md"));
    assert_int_equal(bso_mem_current(BSO_MEM_LOG), 0);
}

static void a_baseline_is_compared_thing_by_thing(void **state)
{
    (void)state;
    bso_bench_file now = make_file(), before = make_file();
    char *text = NULL;
    size_t size = 0;
    before.entry[2].work /= 2;
    before.entries--; /* threads = 4 is new */
    FILE *out = open_memstream(&text, &size);
    bso_bench_print_baseline(out, &now, &before);
    fclose(out);
    assert_non_null(strstr(text, "| kernels | forward, 1>2@3 |"));
    assert_non_null(strstr(text, "10^9 MACs/s | 2.00 |"));
    assert_non_null(strstr(text, "threads, float32, training = 2"));
    assert_null(strstr(text, "threads, float32, training = 4"));
    free(text);
    bso_bench_free(&now);
    bso_bench_free(&before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_come_back, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(nonsense_is_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(foreign_files_are_bounded, make_folder, remove_folder),
        cmocka_unit_test(numbers_are_those_of_the_samples),
        cmocka_unit_test_setup_teardown(tables_come_from_the_files, make_folder, remove_folder),
        cmocka_unit_test(a_baseline_is_compared_thing_by_thing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
