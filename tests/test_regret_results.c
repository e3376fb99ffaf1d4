/* test_regret_results.c: files of `bso regret`, written and read back, damaged ones refused; exponents and
 * verdicts on made-up curves; the tables come from the files and nothing else.
 */
#include "core/error.h"
#include "core/memory.h"
#include "core/result.h"
#include "experiments/regret.h"
#include "tests/result_files.h"

#include <hdf5.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], results[96], file[128], copy[128], box_file[128], tables[96];

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/bso-test-regret-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(results, sizeof results, "%s/regret", folder);
    snprintf(tables, sizeof tables, "%s/tables", folder);
    snprintf(file, sizeof file, "%s/one.h5", results);
    snprintf(copy, sizeof copy, "%s/two.h5", results);
    snprintf(box_file, sizeof box_file, "%s/box-one.h5", results);
    return mkdir(results, 0777);
}

static int teardown(void **state)
{
    (void)state;
    char command[256];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void clean(void)
{
    unlink(file);
    unlink(copy);
    unlink(box_file);
}

/* Seeds 1, 2, ...: R = s k^exponent, printed bound 2 k^0.5, the other bounds twice each the one before. */
static void make(bso_regret_result *r, int seeds, double exponent)
{
    *r = (bso_regret_result){.family = BSO_FAMILY_LEAST_SQUARES,
                             .d = 64,
                             .rounds = 1000,
                             .rule = "tbso",
                             .schedule = {BSO_READING_C, 0.01, 0.02, 1e-8},
                             .tuned = true,
                             .tuning = "by hand",
                             .applies = true,
                             .seeds = seeds,
                             .started = "2026-01-02T03:04:05Z",
                             .ended = "2026-01-02T03:05:05Z"};
    r->checkpoints = bso_regret_checkpoints(r->rounds, r->k);
    assert_int_equal(bso_regret_result_alloc(r), 0);
    for (int s = 0; s < seeds; s++) {
        r->seed[s] = (uint64_t)s + 1;
        for (int i = 0; i < r->checkpoints; i++) {
            const double k = (double)r->k[i];
            for (int c = 0; c < BSO_CURVES; c++) {
                const double x = c == BSO_CURVE_REGRET  ? (s + 1) * pow(k, exponent)
                                 : c <= BSO_BOUNDS      ? pow(2, c) * sqrt(k)
                                 : c == BSO_CURVE_HEDGE ? NAN
                                                        : c + k;
                r->curves[(c * seeds + s) * r->checkpoints + i] = x;
            }
        }
        for (int b = 0; b < BSO_BOUNDS; b++) r->bounds[b * seeds + s].ratio = 0.5 + s;
    }
}

static void violate(bso_regret_result *r, bso_bound bound, int seed, uint64_t first, uint64_t last)
{
    r->bounds[(int)bound * r->seeds + seed] = (bso_bound_record){2, first, last, 3};
}

static void write_one(void)
{
    bso_regret_result r;
    make(&r, 3, 0.5);
    violate(&r, BSO_BOUND_PRINTED, 1, 4, 900);
    assert_int_equal(bso_regret_write(file, &r, "bso regret"), 0);
    bso_regret_result_free(&r);
}

static void test_round_trip(void **state)
{
    (void)state;
    bso_regret_result a, b;
    make(&a, 3, 0.5);
    violate(&a, BSO_BOUND_PRINTED, 1, 4, 900);
    assert_int_equal(bso_regret_write(file, &a, "bso regret --out x"), 0);
    assert_int_equal(bso_regret_read(file, &b), 0);
    assert_true(b.family == a.family && b.d == a.d && b.rounds == a.rounds && b.seeds == 3);
    assert_string_equal(b.rule, "tbso");
    assert_string_equal(b.tuning, "by hand");
    assert_string_equal(b.started, a.started);
    assert_string_equal(b.ended, a.ended);
    assert_true(*b.commit);
    assert_true(b.tuned && b.applies && b.schedule.reading == BSO_READING_C && b.schedule.gamma == 0.01 &&
                b.schedule.rate == 0.02 && b.schedule.eps == 1e-8);
    for (int i = 0; i < BSO_CURVES * 3 * a.checkpoints; i++) {
        assert_true(a.curves[i] == b.curves[i] || (isnan(a.curves[i]) && isnan(b.curves[i])));
    }
    for (int i = 0; i < BSO_BOUNDS * 3; i++) {
        assert_true(a.bounds[i].violations == b.bounds[i].violations &&
                    a.bounds[i].first == b.bounds[i].first && a.bounds[i].last == b.bounds[i].last &&
                    a.bounds[i].ratio == b.bounds[i].ratio);
    }
    bso_regret_result_free(&a);
    bso_regret_result_free(&b);
    clean();
}

static void refused(const char *path, const char *reason)
{
    const size_t held = bso_mem_current(BSO_MEM_CATEGORIES);
    bso_regret_result r;
    assert_int_equal(bso_regret_read(path, &r), BSO_ERROR);
    assert_non_null(strstr(bso_error(), path));
    assert_null(strchr(bso_error(), '\n'));
    if (!strstr(bso_error(), reason)) fail_msg("expected '%s' in: %s", reason, bso_error());
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), held);
}

static char *bytes_of(const char *path, long *length)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *length = ftell(f);
    rewind(f);
    char *bytes = malloc((size_t)*length);
    assert_int_equal(fread(bytes, 1, (size_t)*length, f), *length);
    fclose(f);
    return bytes;
}

static void write_bytes(const char *path, const char *bytes, long length)
{
    FILE *f = fopen(path, "wb");
    assert_int_equal(fwrite(bytes, 1, (size_t)length, f), length);
    fclose(f);
}

static void test_damaged(void **state)
{
    (void)state;
    long length;
    write_one();
    char *bytes = bytes_of(file, &length);
    for (int part = 0; part < 20; part++) {
        write_bytes(copy, bytes, length * part / 20);
        refused(copy, "");
    }
    for (long at = 5; at < length - 36; at += length / 40) {
        bytes[at] = (char)(bytes[at] ^ 0x55);
        write_bytes(copy, bytes, length);
        refused(copy, "checksum");
        bytes[at] = (char)(bytes[at] ^ 0x55);
    }
    free(bytes);
    clean();
}

static hid_t edit(void)
{
    write_one();
    const hid_t f = H5Fopen(file, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(f >= 0);
    return f;
}

static void test_missing(void **state)
{
    (void)state;
    static const char *const objects[] = {
        "/problem",       "/setting",      "/seeds",  "/curves/k",
        "/curves/regret", "/curves/flips", "/bounds", "/bounds/corrected/last",
        "/provenance"};
    static const char *const attributes[][2] = {
        {"/", "format"},        {"/problem", "family"},  {"/problem", "d"},
        {"/setting", "rule"},   {"/setting", "reading"}, {"/setting", "gamma"},
        {"/setting", "rounds"}, {"/bounds", "applies"},  {"/provenance", "ended"}};
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        const hid_t f = edit();
        assert_true(H5Ldelete(f, objects[i], H5P_DEFAULT) >= 0);
        H5Fclose(f);
        refused(file, "");
    }
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        const hid_t f = edit();
        assert_true(H5Adelete_by_name(f, attributes[i][0], attributes[i][1], H5P_DEFAULT) >= 0);
        H5Fclose(f);
        refused(file, i == 0 ? "is not a bso-regret file" : attributes[i][1]);
    }
    clean();
}

static void set_attribute(const char *object, const char *name, hid_t type, const void *value,
                          const char *reason)
{
    const hid_t f = edit();
    H5Adelete_by_name(f, object, name, H5P_DEFAULT);
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t a = H5Acreate_by_name(f, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(a >= 0 && H5Awrite(a, type, value) >= 0);
    H5Aclose(a);
    H5Sclose(space);
    H5Fclose(f);
    refused(file, reason);
}

static void set_number(const char *path, int index, double value, const char *reason)
{
    const hid_t f = edit(), data = H5Dopen2(f, path, H5P_DEFAULT), space = H5Dget_space(data);
    hsize_t dims[2];
    const int rank = H5Sget_simple_extent_dims(space, dims, NULL);
    double x[1024];
    assert_true(H5Dread(data, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0 && rank > 0);
    x[index] = value;
    assert_true(H5Dwrite(data, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0);
    H5Sclose(space);
    H5Dclose(data);
    H5Fclose(f);
    refused(file, reason);
}

static void test_wrong_values(void **state)
{
    (void)state;
    const int64_t none = 0, vast = (int64_t)1 << 40;
    const double nan = NAN;
    hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, 8);
    set_attribute("/problem", "family", text, "magic..", "no such family");
    set_attribute("/setting", "reading", text, "Z......", "no such reading");
    set_attribute("/problem", "d", H5T_NATIVE_INT64, &none, "d");
    set_attribute("/problem", "d", H5T_NATIVE_INT64, &vast, "d");
    set_attribute("/setting", "rounds", H5T_NATIVE_INT64, &none, "rounds");
    set_attribute("/setting", "rounds", H5T_NATIVE_INT64, &vast, "rounds");
    set_attribute("/setting", "gamma", H5T_NATIVE_DOUBLE, &nan, "not finite");
    H5Tclose(text);
    set_number("/seeds", 1, 1, "ascending");
    set_number("/curves/k", 3, 77, "ascending");
    set_number("/curves/k", 0, 0, "checkpoints");
    set_number("/curves/regret", 5, NAN, "not finite");
    set_number("/curves/flips", 5, INFINITY, "not finite");
    set_number("/bounds/printed/violations", 1, 0.5, "rounds");
    set_number("/bounds/printed/last", 1, 1001, "rounds");
    set_number("/bounds/printed/last", 1, 3, "fit together");
    set_number("/bounds/printed/first", 1, 0, "fit together");
    set_number("/bounds/printed/violations", 1, 900, "fit together");
    set_number("/bounds/printed/ratio", 1, -1, "fit together");
    clean();
}

/* ---- What they say ---- */

static void test_growth(void **state)
{
    (void)state;
    enum { POINTS = 37 };
    double curves[2 * POINTS];
    uint64_t k[BSO_CHECKPOINTS_MAX];
    const int n = bso_regret_checkpoints(1000, k);
    assert_true(n <= POINTS);
    for (int i = 0; i < n; i++) {
        /* The first two decades are another law: they must not count. */
        curves[i] = k[i] < 100 ? 1e6 : 3 * pow((double)k[i], 0.5);
        curves[n + i] = k[i] < 100 ? -5 : 0.1 * pow((double)k[i], 0.7);
    }
    bso_growth g = bso_growth_of(curves, 1, k, n);
    assert_true(fabs(g.exponent - 0.5) < 1e-12 && g.error < 1e-12 && g.n == 1);
    g = bso_growth_of(curves, 2, k, n);
    assert_true(fabs(g.exponent - 0.6) < 1e-12 && g.n == 2);
    assert_true(fabs(g.error - 0.1) < 1e-12);             /* sd 0.2 / sqrt 2, over sqrt 2 */
    assert_true(fabs(g.half - 12.7062 * g.error) < 1e-4); /* Student's t for one degree of freedom */
    /* One seed not positive: the mean curve stands in; none positive: no exponent. */
    for (int i = 0; i < n; i++) curves[n + i] = -pow((double)k[i], 0.5);
    g = bso_growth_of(curves, 2, k, n);
    assert_true(fabs(g.exponent - 0.5) < 1e-12 && g.n == 1);
    g = bso_growth_of(curves + n, 1, k, n);
    assert_true(isnan(g.exponent) && g.n == 0);
    /* The standard error of a slope from residuals, by hand: k = 1, 10^(1/2), 10 would be; here log k = 0,
     * 1, 2. */
    const uint64_t three[] = {10, 32, 100};
    const double values[] = {exp(0), exp(1.2), exp(1.8)};
    const double x[] = {log(10), log(32), log(100)}, middle = (x[0] + x[1] + x[2]) / 3;
    double sxx = 0, sxy = 0, rest = 0;
    for (int i = 0; i < 3; i++) {
        sxx += (x[i] - middle) * (x[i] - middle);
        sxy += (x[i] - middle) * log(values[i]);
    }
    for (int i = 0; i < 3; i++) {
        const double off = log(values[i]) - 1 - sxy / sxx * (x[i] - middle);
        rest += off * off;
    }
    g = bso_growth_of(values, 1, three, 3);
    assert_true(fabs(g.exponent - sxy / sxx) < 1e-12 && fabs(g.error - sqrt(rest / sxx)) < 1e-12);
}

static void test_verdicts(void **state)
{
    (void)state;
    bso_regret_result r;
    bso_regret_summary s;
    char text[256];
    make(&r, 3, 0.5);
    bso_regret_summarize(&r, &s);
    assert_true(s.claimed == 0.75 && s.bounds == BSO_VERDICT_HOLDS && s.growth == BSO_GROWTH_WITHIN &&
                s.average == BSO_GROWTH_WITHIN && s.held[BSO_BOUND_PRINTED].ratio == 2.5);
    violate(&r, BSO_BOUND_PRINTED, 1, 4, 900);
    violate(&r, BSO_BOUND_PRINTED, 2, 7, 12);
    bso_regret_summarize(&r, &s);
    assert_true(s.bounds == BSO_VERDICT_HOLDS_WITH_D && s.violated_seeds[BSO_BOUND_PRINTED] == 2);
    assert_true(s.held[BSO_BOUND_PRINTED].first == 4 && s.held[BSO_BOUND_PRINTED].last == 900 &&
                s.held[BSO_BOUND_PRINTED].violations == 4);
    violate(&r, BSO_BOUND_DIMENSION, 0, 1, 2);
    bso_regret_summarize(&r, &s);
    assert_int_equal(s.bounds, BSO_VERDICT_HOLDS_WITH_DG);
    violate(&r, BSO_BOUND_GRADIENT, 0, 1, 2);
    bso_regret_summarize(&r, &s);
    assert_int_equal(s.bounds, BSO_VERDICT_FAILS);
    r.applies = false;
    bso_regret_summarize(&r, &s);
    assert_int_equal(s.bounds, BSO_VERDICT_NO_BOUND);
    bso_regret_result_free(&r);

    make(&r, 3, 0.9);
    bso_regret_summarize(&r, &s);
    assert_true(s.growth == BSO_GROWTH_ABOVE && s.average == BSO_GROWTH_WITHIN);
    bso_regret_result_free(&r);
    make(&r, 3, 1);
    bso_regret_summarize(&r, &s);
    bso_regret_verdict(&s, text, sizeof text);
    assert_string_equal(text, "holds as printed; grows faster than claimed; average does not vanish");
    for (int i = 0; i < 3 * r.checkpoints; i++) r.curves[i] = -1;
    bso_regret_summarize(&r, &s);
    assert_true(s.growth == BSO_GROWTH_NO_REGRET && s.average == BSO_GROWTH_NO_REGRET);
    bso_regret_result_free(&r);
}

/* ---- Tables ---- */

static char *text_of(const char *name)
{
    char path[192];
    long length;
    snprintf(path, sizeof path, "%s/%s", tables, name);
    char *bytes = bytes_of(path, &length), *text = malloc((size_t)length + 1);
    memcpy(text, bytes, (size_t)length);
    text[length] = 0;
    free(bytes);
    return text;
}

static void test_tables(void **state)
{
    (void)state;
    double gap[6] = {1, 2, 3, 4, 5, 6}, error[6] = {0};
    double both[12];
    memcpy(both, gap, sizeof gap);
    memcpy(both + 6, error, sizeof error);
    bso_regret_box b = {.family = BSO_FAMILY_LEAST_SQUARES,
                        .d = 64,
                        .seeds = 3,
                        .n = 2,
                        .seed = {1, 2, 3},
                        .k = {100, 1000},
                        .gap = both,
                        .error = both + 6};
    write_one();
    assert_int_equal(bso_regret_box_write(box_file, &b), 0);
    assert_int_equal(bso_regret_tables(folder), 0);
    char *text = text_of("regret.csv");
    /* R(100) = 10, 20, 30; the box loses 1, 3, 5 less. */
    assert_non_null(strstr(text, "\nleast_squares,64,tbso,C tuned,100,regret,20,10,3\n"));
    assert_non_null(strstr(text, "\nleast_squares,64,tbso,C tuned,100,regret_box,23,12,3\n"));
    assert_non_null(strstr(text, "\nleast_squares,64,tbso,C tuned,100,bound_printed,20,0,3\n"));
    assert_null(strstr(text, "hedge"));
    free(text);
    text = text_of("regret_summary.md");
    assert_non_null(strstr(text, "2026-01-02T03:04:05Z to 2026-01-02T03:05:05Z"));
    assert_non_null(strstr(text, "C tuned | 0.01, 0.02 |"));
    assert_non_null(strstr(text, "3 (k = 4 to 900; 1 of 3 seeds)"));
    free(text);
    text = text_of("regret_summary.csv");
    assert_non_null(strstr(text, "holds times d; grows no faster than claimed"));
    free(text);

    /* Another program's texts do not move the columns. */
    bso_regret_result other;
    make(&other, 1, 0.5);
    snprintf(other.rule, sizeof other.rule, "a,b");
    assert_int_equal(bso_regret_write(copy, &other, NULL), 0);
    bso_regret_result_free(&other);
    assert_int_equal(bso_regret_tables(folder), 0);
    text = text_of("regret.csv");
    assert_non_null(strstr(text, "\nleast_squares,64,\"a,b\",C tuned,"));
    free(text);

    /* What is damaged is left out; without the files the numbers are gone. */
    long length;
    char *bytes = bytes_of(file, &length);
    write_bytes(copy, bytes, length / 2);
    free(bytes);
    bso_regret_set set;
    assert_int_equal(bso_regret_load(&set, folder), 0);
    assert_true(set.count == 1 && set.box_count == 1 && set.unreadable == 1);
    bso_regret_free(&set);
    assert_int_equal(bso_regret_tables(folder), 1);
    clean();
    assert_int_equal(bso_regret_tables(folder), 0);
    text = text_of("regret.csv");
    assert_string_equal(text, "family,d,rule,reading,k,quantity,mean,sd,n\n");
    free(text);
    assert_int_equal(rmdir(results), 0);
    assert_int_equal(bso_regret_tables(folder), 0);
    char table[128];
    snprintf(table, sizeof table, "%s/regret.csv", tables);
    assert_int_equal(access(table, F_OK), -1);
    assert_int_equal(mkdir(results, 0777), 0);
    /* Nowhere: nothing, and no folder. */
    char elsewhere[128];
    snprintf(elsewhere, sizeof elsewhere, "%s/no-such-folder", folder);
    assert_int_equal(bso_regret_tables(elsewhere), 0);
    assert_int_equal(access(elsewhere, F_OK), -1);
}

/* The proxy of a training: the sum of its batches' losses minus k times the lowest epoch mean. */
static void test_trainings(void **state)
{
    (void)state;
    char path[128], line[128];
    bso_run run;
    bso_results_make(&run, 3);
    double lowest = INFINITY, sum = 0;
    for (int e = 0; e < 3; e++) lowest = fmin(lowest, run.epochs[e].train_loss);
    for (int k = 0; k < 4; k++) sum += run.batch_loss[k];
    snprintf(path, sizeof path, "%s/runs", folder);
    assert_int_equal(mkdir(path, 0777), 0);
    snprintf(path, sizeof path, "%s/runs/a.h5", folder);
    assert_int_equal(bso_result_write(path, &run, NULL), 0);
    assert_int_equal(bso_regret_tables(folder), 0);
    char *text = text_of("regret_training.csv");
    snprintf(line, sizeof line, ",%lld,4,%.9g,NaN,", (long long)run.settings.steps, sum - 4 * lowest);
    assert_non_null(strstr(text, line));
    free(text);

    /* A training that diverged counts nowhere: not by where it ended, either. */
    run.settings.seed++;
    run.epochs_done = 2;
    run.batches = 2;
    bso_results_diverge(&run);
    snprintf(path, sizeof path, "%s/runs/b.h5", folder);
    assert_int_equal(bso_result_write(path, &run, NULL), 0);
    assert_int_equal(bso_regret_tables(folder), 0);
    text = text_of("regret_training.csv");
    assert_non_null(strstr(text, line));
    free(text);
    bso_run_free(&run);

    /* Nothing that can be read: no such table, and no failure of regret's. */
    unlink(path);
    snprintf(path, sizeof path, "%s/runs/a.h5", folder);
    write_bytes(path, "text", 4);
    assert_int_equal(bso_regret_tables(folder), 0);
    snprintf(path, sizeof path, "%s/regret_training.csv", tables);
    assert_int_equal(access(path, F_OK), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_missing),    cmocka_unit_test(test_wrong_values),
        cmocka_unit_test(test_growth),     cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_tables),     cmocka_unit_test(test_trainings),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
