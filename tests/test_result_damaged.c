/* test_result_damaged.c: result files that are damaged, foreign or contradict themselves: each is refused
 * with one line that names the file and what is wrong. */
#include "tests/result_files.h"

#include "core/result_format.h"
#include "core/error.h"

#include <hdf5.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static const char *const folder = bso_results_folder, *const file = bso_results_file,
                         *const copy = bso_results_copy;

static void write_one(const char *path)
{
    bso_run run;
    bso_results_make(&run, 3);
    assert_int_equal(bso_result_write(path, &run, "bso run"), 0);
    bso_run_free(&run);
}

/* Reading fails, names the file and leaves nothing allocated. */
static void refused(const char *path, const char *reason)
{
    const size_t held = bso_mem_current(BSO_MEM_CATEGORIES);
    bso_run run;
    assert_int_equal(bso_result_read(path, &run), BSO_ERROR);
    assert_non_null(strstr(bso_error(), path));
    assert_null(strchr(bso_error(), '\n'));
    if (!strstr(bso_error(), reason)) fail_msg("expected '%s' in: %s", reason, bso_error());
    assert_null(run.epochs);
    assert_null(run.weights);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), held);
}

static void test_truncated(void **state)
{
    (void)state;
    write_one(file);
    struct stat there;
    assert_int_equal(stat(file, &there), 0);
    FILE *f = fopen(file, "rb");
    char *bytes = malloc((size_t)there.st_size);
    assert_int_equal(fread(bytes, 1, (size_t)there.st_size, f), there.st_size);
    fclose(f);
    for (int part = 0; part < 60; part++) {
        f = fopen(copy, "wb");
        fwrite(bytes, 1, (size_t)(there.st_size * part / 60), f);
        fclose(f);
        refused(copy, part == 0 ? "not an HDF5 file" : "");
    }
    free(bytes);
}

static void test_not_a_result(void **state)
{
    (void)state;
    refused("/tmp/bso-no-such-folder/file.h5", "No such file");
    refused(folder, "is not a file");
    FILE *f = fopen(file, "wb");
    fputs("this is text, not numbers", f);
    fclose(f);
    refused(file, "not an HDF5 file");
    hid_t foreign = H5Fcreate(copy, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(H5Gcreate2(foreign, "/epochs", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(foreign);
    refused(copy, "is not a bso-result file");
}

static void edit_begin(hid_t *f)
{
    write_one(file);
    *f = H5Fopen(file, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(*f >= 0);
}

static void replace_data(const char *path, hid_t type, int rank, const hsize_t *dims)
{
    hid_t f;
    edit_begin(&f);
    H5Ldelete(f, path, H5P_DEFAULT);
    hid_t space = H5Screate_simple(rank, dims, NULL);
    hid_t data = H5Dcreate2(f, path, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(data >= 0);
    H5Dclose(data);
    H5Sclose(space);
    H5Fclose(f);
}

static void replace_attribute(const char *object, const char *name, hid_t type, const void *value)
{
    hid_t f;
    edit_begin(&f);
    H5Adelete_by_name(f, object, name, H5P_DEFAULT);
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t a = H5Acreate_by_name(f, object, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(a >= 0);
    assert_true(H5Awrite(a, type, value) >= 0);
    H5Aclose(a);
    H5Sclose(space);
    H5Fclose(f);
}

static void test_missing_parts(void **state)
{
    (void)state;
    static const char *const objects[] = {"/config",
                                          "/data",
                                          "/epochs",
                                          "/layers",
                                          "/memory",
                                          "/regret",
                                          "/final",
                                          "/provenance",
                                          "/epochs/c2i",
                                          "/epochs/gamma",
                                          "/layers/lif1/firing_rate",
                                          "/layers/conv9.weight/v",
                                          "/memory/traces",
                                          "/regret/batch_loss"};
    static const struct {
        const char *object, *name;
    } attributes[] = {{"/", "format_version"}, {"/config", "steps"},        {"/config", "gamma"},
                      {"/config", "label"},    {"/layers", "time_entries"}, {"/layers/lif1", "kind"},
                      {"/final", "complete"},  {"/final", "stopped"},       {"/final", "weights_hash"},
                      {"/memory/log", "peak"}, {"/provenance", "started"}};
    hid_t f;
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        edit_begin(&f);
        assert_true(H5Ldelete(f, objects[i], H5P_DEFAULT) >= 0);
        H5Fclose(f);
        refused(file, "");
    }
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        edit_begin(&f);
        assert_true(H5Adelete_by_name(f, attributes[i].object, attributes[i].name, H5P_DEFAULT) >= 0);
        H5Fclose(f);
        refused(file, i == 0 ? "version" : attributes[i].name);
    }
}

static void test_wrong_values(void **state)
{
    (void)state;
    const int64_t minus = -5, two = 2, other = BSO_RESULT_VERSION + 1, huge = 70000;
    const double nan = NAN, half = 0.5;
    replace_attribute("/", "format_version", H5T_NATIVE_INT64, &other);
    char version[32];
    snprintf(version, sizeof version, "version %d", BSO_RESULT_VERSION + 1);
    refused(file, version);
    replace_attribute("/config", "steps", H5T_NATIVE_INT64, &minus);
    refused(file, "steps=-5");
    replace_attribute("/config", "steps", H5T_NATIVE_DOUBLE, &half);
    refused(file, "attribute steps is not one whole number");
    replace_attribute("/config", "leak", H5T_NATIVE_DOUBLE, &nan);
    refused(file, "leak=");
    replace_attribute("/config", "optimizer", H5T_NATIVE_INT64, &two);
    refused(file, "attribute optimizer is not one text");
    replace_attribute("/layers", "time_entries", H5T_NATIVE_INT64, &huge);
    refused(file, "time_entries");
    replace_attribute("/layers", "flip_bins", H5T_NATIVE_INT64, &huge);
    refused(file, "flip_bins");
    replace_attribute("/operations/conv9", "effective", H5T_NATIVE_DOUBLE, &nan);
    refused(file, "/operations/conv9");
    const double more = 70001;
    replace_attribute("/operations/conv9", "effective", H5T_NATIVE_DOUBLE, &more);
    refused(file, "70001 effective of 70000 operations");
    replace_attribute("/operations/conv9", "one_bit", H5T_NATIVE_INT64, &two);
    refused(file, "one_bit");
    replace_attribute("/operations", "activation_sparsity", H5T_NATIVE_DOUBLE, &more);
    refused(file, "not in 0 to 1");
    replace_attribute("/final", "test_accuracy", H5T_NATIVE_DOUBLE, &half);
    refused(file, "not that of the last epoch");
    replace_attribute("/final", "validation_accuracy", H5T_NATIVE_DOUBLE, &half);
    refused(file, "not that of the last epoch");
    replace_attribute("/final", "model_bytes", H5T_NATIVE_DOUBLE, &nan);
    refused(file, "model_bytes");
    replace_attribute("/final", "complete", H5T_NATIVE_INT64, &minus);
    refused(file, "complete");
    hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, 17);
    replace_attribute("/final", "weights_hash", text, "not-hex-not-hex-");
    refused(file, "weights_hash");
    replace_attribute("/data", "name", text, "two\nlines here..");
    refused(file, "control characters");
    H5Tset_size(text, H5T_VARIABLE);
    const char *word = "tbso";
    replace_attribute("/config", "optimizer", text, &word);
    refused(file, "fixed length");
    H5Tclose(text);
}

/* How the training ended is said three times: by complete, by stopped and by the epochs. */
static void test_contradictions(void **state)
{
    (void)state;
    const int64_t no = 0, four = 4;
    const double half = 0.5;
    bso_run run;
    hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, 17);
    replace_attribute("/final", "complete", H5T_NATIVE_INT64, &no);
    refused(file, "complete is 0, but stopped is");
    replace_attribute("/final", "stopped", text, "a made-up reason.");
    refused(file, "complete is 1, but stopped is");
    replace_attribute("/final", "stopped", text, "two\nlines here..");
    refused(file, "control characters");
    H5Tset_size(text, BSO_STOPPED);
    char long_text[BSO_STOPPED];
    memset(long_text, 'x', sizeof long_text);
    replace_attribute("/final", "stopped", text, long_text);
    refused(file, "stopped");
    H5Tclose(text);
    replace_attribute("/config", "epochs", H5T_NATIVE_INT64, &four);
    refused(file, "complete is 1, with 3 of 4 epochs");

    bso_results_make(&run, 3);
    bso_results_diverge(&run);
    run.settings.epochs = 3;
    assert_int_equal(bso_result_write(file, &run, NULL), 0);
    refused(file, "complete is 0, with 3 of 3 epochs");
    run.settings.epochs = 4;
    run.final.test_accuracy = half;
    assert_int_equal(bso_result_write(file, &run, NULL), 0);
    refused(file, "accuracy of a training that diverged");
    bso_run_free(&run);

    bso_results_make(&run, 0);
    run.final.validation_accuracy = 1.5;
    assert_int_equal(bso_result_write(file, &run, NULL), 0);
    refused(file, "not in 0 to 1");
    bso_run_free(&run);
}

static void test_wrong_shapes(void **state)
{
    (void)state;
    const hsize_t one[2] = {3, 1}, four[1] = {4}, none[1] = {0}, six[6] = {1, 1, 1, 1, 1, 1};
    const hsize_t vast[1] = {(hsize_t)1 << 40};
    replace_data("/epochs/train_loss", H5T_NATIVE_DOUBLE, 1, four);
    refused(file, "shape");
    replace_data("/epochs/train_loss", H5T_NATIVE_DOUBLE, 2, one);
    refused(file, "axes");
    replace_data("/epochs/train_loss", H5T_NATIVE_DOUBLE, 6, six);
    refused(file, "too many axes");
    replace_data("/epochs/test_loss", H5T_C_S1, 1, (const hsize_t[]){3});
    refused(file, "does not hold numbers");
    replace_data("/epochs/gamma", H5T_NATIVE_DOUBLE, 1, none);
    refused(file, "/epochs/gamma");
    replace_data("/layers/conv9.weight/v", H5T_NATIVE_DOUBLE, 2, one);
    refused(file, "/layers/conv9.weight/v");
    replace_data("/layers/conv10.weight/cosine", H5T_NATIVE_DOUBLE, 3, (const hsize_t[]){3, 2, 3});
    refused(file, "/layers/conv10.weight/cosine");
    replace_data("/layers/conv10.weight/flip_curve", H5T_NATIVE_DOUBLE, 1, four);
    refused(file, "/layers/conv10.weight/flip_curve");
    replace_data("/layers/conv10.weight/flip_gaps", H5T_NATIVE_DOUBLE, 1, four);
    refused(file, "/layers/conv10.weight/flip_gaps");
    /* Sizes that no file of this length can hold must not be allocated. */
    replace_data("/epochs/train_loss", H5T_NATIVE_DOUBLE, 1, vast);
    refused(file, "larger than the file");
    replace_data("/regret/batch_loss", H5T_NATIVE_DOUBLE, 1, vast);
    refused(file, "larger than the file");
    hid_t f;
    edit_begin(&f);
    H5Ldelete(f, "/epochs/lr", H5P_DEFAULT);
    H5Gclose(H5Gcreate2(f, "/epochs/lr", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(f);
    refused(file, "/epochs/lr");
}

static void test_infinite(void **state)
{
    (void)state;
    bso_run run;
    bso_results_make(&run, 3);
    run.epochs[1].train_loss = INFINITY;
    assert_int_equal(bso_result_write(file, &run, NULL), 0);
    refused(file, "infinite");
    run.epochs[1].train_loss = 1;
    run.epochs[1].test_accuracy = 1.5;
    assert_int_equal(bso_result_write(file, &run, NULL), 0);
    refused(file, "not in 0 to 1");
    bso_run_free(&run);
}

/* Single bytes damaged all over the file: refused. In the checksum's own mark: as if there were none. */
static void test_damaged(void **state)
{
    (void)state;
    write_one(file);
    struct stat there;
    assert_int_equal(stat(file, &there), 0);
    char *bytes = malloc((size_t)there.st_size);
    FILE *f = fopen(file, "rb");
    assert_int_equal(fread(bytes, 1, (size_t)there.st_size, f), there.st_size);
    fclose(f);
    for (long at = 0; at < there.st_size; at += at < there.st_size - 64 ? 97 : 1) {
        bytes[at] = (char)(bytes[at] ^ 0x55);
        f = fopen(copy, "wb");
        fwrite(bytes, 1, (size_t)there.st_size, f);
        fclose(f);
        bytes[at] = (char)(bytes[at] ^ 0x55);
        const long mark = at - (there.st_size - 36);
        if (mark < 0 || mark >= 10) {
            refused(copy, "checksum");
        } else {
            bso_run run;
            assert_int_equal(bso_result_read(copy, &run), 0);
            bso_run_free(&run);
        }
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_truncated, bso_results_clean),
        cmocka_unit_test_teardown(test_not_a_result, bso_results_clean),
        cmocka_unit_test_teardown(test_missing_parts, bso_results_clean),
        cmocka_unit_test_teardown(test_wrong_values, bso_results_clean),
        cmocka_unit_test_teardown(test_contradictions, bso_results_clean),
        cmocka_unit_test_teardown(test_wrong_shapes, bso_results_clean),
        cmocka_unit_test_teardown(test_infinite, bso_results_clean),
        cmocka_unit_test_teardown(test_damaged, bso_results_clean),
    };
    return cmocka_run_group_tests(tests, bso_results_setup, bso_results_teardown);
}
