/* test_store.c: parameter files and traces: exact bits there and back, the layout of other frameworks,
 * nothing changed when a file is refused, and what a trace records against what the network did.
 */
#include "core/store.h"

#include "core/error.h"
#include "core/trainer.h"

#include <hdf5.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { CHANNELS = 2, SIDE_H = 6, SIDE_W = 5, CLASSES = 3, BATCH = 4 };

static char folder[] = "/tmp/bso-store-XXXXXX";
static char file[64];

static bso_network *make_of(const char *network, const char *optimizer, const char *gradient,
                            const char *update, uint64_t seed, bso_settings *s)
{
    bso_network *net;
    bso_settings_default(s);
    assert_int_equal(bso_settings_set(s, "network", network), 0);
    assert_int_equal(bso_settings_set(s, "optimizer", optimizer), 0);
    assert_int_equal(bso_settings_set(s, "gradient", gradient), 0);
    assert_int_equal(bso_settings_set(s, "update", update), 0);
    assert_int_equal(bso_settings_set(s, "batch", "4"), 0);
    assert_int_equal(bso_settings_set(s, "steps", "2"), 0);
    assert_int_equal(bso_settings_check(s), 0);
    assert_int_equal(bso_network_create(&net, s, CHANNELS, SIDE_H, SIDE_W, 1, CLASSES, true), 0);
    bso_network_init(net, seed);
    assert_int_equal(bso_network_attach(net, s, 100), 0);
    return net;
}

static bso_network *make(const char *optimizer, const char *gradient, const char *update, uint64_t seed,
                         bso_settings *s)
{
    return make_of("3C3-AP2-4C3-5FC-FC", optimizer, gradient, update, seed, s);
}

static void make_batch(int batch, float x[CHANNELS * BATCH * SIDE_H * SIDE_W], int y[BATCH])
{
    for (int i = 0; i < CHANNELS * BATCH * SIDE_H * SIDE_W; i++) x[i] = sinf((float)(i * 7 + batch * 13));
    for (int i = 0; i < BATCH; i++) y[i] = (i + batch) % CLASSES;
}

static void train_a_little(bso_network *net)
{
    float x[CHANNELS * BATCH * SIDE_H * SIDE_W];
    int y[BATCH];
    bso_batch_result result;
    for (int b = 0; b < 3; b++) {
        make_batch(b, x, y);
        assert_int_equal(bso_network_train(net, x, y, BATCH, NULL, &result), 0);
    }
}

static bso_param *param_of(const bso_network *net, const char *name)
{
    bso_param *params;
    const int count = bso_network_params(net, &params);
    for (int i = 0; i < count; i++) {
        if (strcmp(params[i].name, name) == 0) return &params[i];
    }
    fail_msg("no parameter %s", name);
    return NULL;
}

/* A data set of the file, as it is stored. */
static float *read_floats(hid_t f, const char *path, int rank, const hsize_t *dims)
{
    hsize_t shape[H5S_MAX_RANK];
    hid_t data = H5Dopen2(f, path, H5P_DEFAULT);
    assert_true(data >= 0);
    hid_t space = H5Dget_space(data);
    assert_int_equal(H5Sget_simple_extent_dims(space, shape, NULL), rank);
    size_t count = 1;
    for (int i = 0; i < rank; i++) {
        assert_int_equal(shape[i], dims[i]);
        count *= (size_t)dims[i];
    }
    float *x = malloc(count * sizeof *x);
    assert_true(H5Dread(data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0);
    H5Sclose(space);
    H5Dclose(data);
    return x;
}

static double read_number(hid_t f, const char *object, const char *name)
{
    double x;
    hid_t a = H5Aopen_by_name(f, object, name, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(a >= 0);
    assert_true(H5Aread(a, H5T_NATIVE_DOUBLE, &x) >= 0);
    H5Aclose(a);
    return x;
}

static bool exists(hid_t f, const char *path)
{
    return H5Lexists(f, path, H5P_DEFAULT) > 0;
}

/* ---- Parameters ---- */

static void test_round_trip(void **state)
{
    (void)state;
    static const char *const rules[] = {"tbso", "adam_ste", "sgd"};
    for (int r = 0; r < 3; r++) {
        bso_settings s;
        bso_network *net = make(rules[r], "ottt", "auto", 1, &s),
                    *other = make(rules[r], "ottt", "auto", 2, &s);
        train_a_little(net);
        /* What conversions could lose: the smallest number, and minus zero. */
        param_of(net, "fc.bias")->real[0] = 1e-45F;
        param_of(net, "fc.bias")->real[1] = -0.0F;
        const uint64_t hash = bso_network_hash(net);
        assert_true(bso_network_hash(other) != hash);
        assert_int_equal(bso_store_save(net, file), 0);
        assert_true(bso_network_hash(net) == hash);
        assert_int_equal(bso_store_load(other, file), 0);
        assert_true(bso_network_hash(other) == hash);
        bso_network_free(net);
        bso_network_free(other);
    }
}

/* Latent weights may be loaded from signs; their bits follow. */
static void test_signs_into_latent(void **state)
{
    (void)state;
    bso_settings s;
    bso_network *bits = make("bso", "ottt", "auto", 1, &s), *latent = make("sgd_ste", "ottt", "auto", 2, &s);
    assert_int_equal(bso_store_save(bits, file), 0);
    assert_int_equal(bso_store_load(latent, file), 0);
    const bso_param *p = param_of(bits, "conv2.weight"), *q = param_of(latent, "conv2.weight");
    for (size_t i = 0; i < bso_param_count(p); i++) {
        assert_true(q->real[i] == bso_param_value(p, i));
        assert_true(bso_param_value(q, i) == bso_param_value(p, i));
    }
    bso_network_free(bits);
    bso_network_free(latent);
}

/* O,I,H,W for convolutions; O,(I*H*W) for linear layers over a map; C for vectors. */
static void test_layout(void **state)
{
    (void)state;
    bso_settings s;
    bso_network *net = make("tbso", "ottt", "auto", 3, &s);
    assert_int_equal(bso_store_save(net, file), 0);
    hid_t f = H5Fopen(file, H5F_ACC_RDONLY, H5P_DEFAULT);
    const bso_param *p = param_of(net, "conv2.weight");
    float *x = read_floats(f, "conv2.weight", 4, (const hsize_t[]){4, 3, 3, 3});
    for (int o = 0; o < 4; o++) {
        for (int i = 0; i < 3; i++) {
            for (int ky = 0; ky < 3; ky++) {
                for (int kx = 0; kx < 3; kx++) {
                    const int k = (ky * 3 + kx) * 3 + i;
                    assert_true(x[((o * 3 + i) * 3 + ky) * 3 + kx] ==
                                bso_param_value(p, (size_t)(k * 4 + o)));
                }
            }
        }
    }
    free(x);
    /* 4 channels of 3 x 2 pixels after pooling. */
    p = param_of(net, "fc3.weight");
    x = read_floats(f, "fc3.weight", 2, (const hsize_t[]){5, 24});
    for (int o = 0; o < 5; o++) {
        for (int i = 0; i < 4; i++) {
            for (int row = 0; row < 3; row++) {
                for (int col = 0; col < 2; col++) {
                    const int k = (row * 2 + col) * 4 + i;
                    assert_true(x[o * 24 + (i * 3 + row) * 2 + col] ==
                                bso_param_value(p, (size_t)(k * 5 + o)));
                }
            }
        }
    }
    free(x);
    free(read_floats(f, "bn2.running_var", 1, (const hsize_t[]){4}));
    p = param_of(net, "fc.bias");
    x = read_floats(f, "fc.bias", 1, (const hsize_t[]){CLASSES});
    assert_memory_equal(x, p->real, CLASSES * sizeof *x);
    free(x);
    H5Fclose(f);
    bso_network_free(net);
}

static void put_data(const char *path, hid_t type, int rank, const hsize_t *dims, const void *values,
                     hid_t memory)
{
    hid_t f = H5Fopen(file, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(f >= 0);
    H5Ldelete(f, path, H5P_DEFAULT);
    hid_t space = H5Screate_simple(rank, dims, NULL);
    hid_t data = H5Dcreate2(f, path, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(data >= 0);
    if (values) assert_true(H5Dwrite(data, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(data);
    H5Sclose(space);
    H5Fclose(f);
}

static void refused(bso_network *net, const char *reason)
{
    const uint64_t hash = bso_network_hash(net);
    const size_t held = bso_mem_current(BSO_MEM_CATEGORIES);
    assert_int_equal(bso_store_load(net, file), BSO_ERROR);
    assert_non_null(strstr(bso_error(), file));
    if (!strstr(bso_error(), reason)) fail_msg("expected '%s' in: %s", reason, bso_error());
    assert_true(bso_network_hash(net) == hash);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), held);
}

/* Every file comes from another network, so that anything loaded by mistake shows. */
static void test_refusals(void **state)
{
    (void)state;
    bso_settings s;
    bso_network *net = make("tbso", "ottt", "auto", 1, &s), *other = make("tbso", "ottt", "auto", 2, &s);
    float ones[108];
    for (int i = 0; i < 108; i++) ones[i] = i % 2 ? 1 : -1;
    const hsize_t conv[4] = {4, 3, 3, 3}, turned[4] = {3, 4, 3, 3}, flat[2] = {4, 27}, three[1] = {3};

    unlink(file);
    refused(net, "No such file");
    FILE *text = fopen(file, "w");
    fputs("text", text);
    fclose(text);
    refused(net, "not an HDF5 file");

    assert_int_equal(bso_store_save(other, file), 0);
    put_data("conv2.weight", H5T_NATIVE_FLOAT, 4, turned, NULL, 0);
    refused(net, "conv2.weight");
    put_data("conv2.weight", H5T_NATIVE_FLOAT, 2, flat, ones, H5T_NATIVE_FLOAT);
    refused(net, "shape");
    put_data("conv2.weight", H5T_C_S1, 4, conv, NULL, 0);
    refused(net, "does not hold numbers");
    ones[107] = 0.5F;
    put_data("conv2.weight", H5T_NATIVE_FLOAT, 4, conv, ones, H5T_NATIVE_FLOAT);
    refused(net, "-1 or +1");
    ones[107] = 0;
    put_data("conv2.weight", H5T_NATIVE_FLOAT, 4, conv, ones, H5T_NATIVE_FLOAT);
    refused(net, "-1 or +1");
    ones[107] = NAN;
    put_data("conv2.weight", H5T_NATIVE_FLOAT, 4, conv, ones, H5T_NATIVE_FLOAT);
    refused(net, "not finite");

    assert_int_equal(bso_store_save(other, file), 0);
    const double vast[3] = {1, 1e300, 1};
    put_data("fc.bias", H5T_NATIVE_DOUBLE, 1, three, vast, H5T_NATIVE_DOUBLE);
    refused(net, "fc.bias");
    const float negative[3] = {1, -1, 1};
    assert_int_equal(bso_store_save(other, file), 0);
    put_data("bn1.running_var", H5T_NATIVE_FLOAT, 1, three, negative, H5T_NATIVE_FLOAT);
    refused(net, "variance");
    put_data("bn1.running_var", H5T_NATIVE_FLOAT, 4, conv, ones, H5T_NATIVE_FLOAT);
    refused(net, "bn1.running_var");

    assert_int_equal(bso_store_save(other, file), 0);
    hid_t f = H5Fopen(file, H5F_ACC_RDWR, H5P_DEFAULT);
    H5Ldelete(f, "fc.bias", H5P_DEFAULT);
    H5Fclose(f);
    refused(net, "fc.bias is missing");

    assert_int_equal(bso_store_save(other, file), 0);
    assert_int_equal(truncate(file, 3000), 0);
    refused(net, "");
    bso_network_free(net);
    bso_network_free(other);
}

/* What another framework writes: integers for signs, doubles, and no running statistics. */
static void test_foreign_types(void **state)
{
    (void)state;
    bso_settings s;
    bso_network *net = make("tbso", "ottt", "auto", 1, &s), *other = make("tbso", "ottt", "auto", 2, &s);
    train_a_little(net);
    int signs[108];
    for (int i = 0; i < 108; i++) signs[i] = i % 3 ? 1 : -1;
    const double bias[3] = {0.5, -0.25, 3};
    assert_int_equal(bso_store_save(other, file), 0);
    put_data("conv2.weight", H5T_NATIVE_INT8, 4, (const hsize_t[]){4, 3, 3, 3}, signs, H5T_NATIVE_INT);
    put_data("fc.bias", H5T_NATIVE_DOUBLE, 1, (const hsize_t[]){3}, bias, H5T_NATIVE_DOUBLE);
    hid_t f = H5Fopen(file, H5F_ACC_RDWR, H5P_DEFAULT);
    H5Ldelete(f, "bn1.running_mean", H5P_DEFAULT);
    H5Fclose(f);
    bso_buffer *buffers;
    assert_true(bso_network_buffers(net, &buffers) > 0);
    assert_string_equal(buffers[0].name, "bn1.running_mean");
    const float mean = buffers[0].data[0];
    assert_true(mean != 0);
    assert_int_equal(bso_store_load(net, file), 0);
    assert_true(buffers[0].data[0] == mean);
    assert_true(param_of(net, "fc.bias")->real[2] == 3);
    /* (o, i, ky, kx) = (1, 0, 0, 0) and (0, 0, 0, 1) */
    assert_true(bso_param_value(param_of(net, "conv2.weight"), 1) == (27 % 3 ? 1 : -1));
    assert_true(bso_param_value(param_of(net, "conv2.weight"), 3 * 4) == 1);
    bso_network_free(net);
    bso_network_free(other);
}

static void test_cannot_save(void **state)
{
    (void)state;
    bso_settings s;
    bso_network *net = make("tbso", "ottt", "auto", 1, &s);
    assert_int_equal(bso_store_save(net, "/tmp/bso-no-such-folder/p.h5"), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "/tmp/bso-no-such-folder/p.h5"));
    bso_trace *trace;
    assert_int_equal(bso_trace_open(&trace, "/tmp/bso-no-such-folder/t.h5", net, &s, 1), BSO_ERROR);
    assert_null(trace);
    bso_network_free(net);
}

/* ---- Traces ---- */

/* Train two batches with a trace of `updates`, and keep conv2's weights before each batch. */
static void record(bso_network *net, const bso_settings *s, int updates, float before[2][108])
{
    float x[CHANNELS * BATCH * SIDE_H * SIDE_W];
    int y[BATCH];
    bso_batch_result result;
    bso_trace *trace;
    const size_t held = bso_mem_current(BSO_MEM_CATEGORIES);
    assert_int_equal(bso_trace_open(&trace, file, net, s, updates), 0);
    const bso_param *p = param_of(net, "conv2.weight");
    for (int b = 0; b < 2; b++) {
        for (size_t i = 0; i < 108; i++) before[b][i] = bso_param_value(p, i);
        make_batch(b, x, y);
        assert_int_equal(bso_network_train(net, x, y, BATCH, bso_trace_observer(trace), &result), 0);
    }
    assert_null(bso_trace_observer(trace));
    assert_int_equal(bso_trace_close(trace, true), 0);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), held);
}

/* Momentum, v, threshold and flips follow from the gradients that are recorded (T-BSO, docs/methods.md, 4).
 */
static void test_trace_realtime(void **state)
{
    (void)state;
    static const hsize_t shape[4] = {4, 3, 3, 3};
    bso_settings s;
    bso_network *net = make("tbso", "ottt", "realtime", 5, &s);
    float before[2][108];
    record(net, &s, 3, before);
    hid_t f = H5Fopen(file, H5F_ACC_RDONLY, H5P_DEFAULT);
    double momentum[108] = {0}, v[2] = {0}, flips = 0;
    float *last = NULL;
    for (int k = 0; k < 3; k++) {
        char group[64], path[96];
        snprintf(group, sizeof group, "/updates/%06d", k);
        assert_true(read_number(f, group, "t") == k % 2);
        assert_true(read_number(f, group, "batch") == k / 2);
        snprintf(path, sizeof path, "%s/bn1.running_var", group);
        free(read_floats(f, path, 1, (const hsize_t[]){3}));
        snprintf(group, sizeof group, "/updates/%06d/conv2.weight", k);
        snprintf(path, sizeof path, "%s/gradient", group);
        float *g = read_floats(f, path, 4, shape);
        snprintf(path, sizeof path, "%s/momentum", group);
        float *m = read_floats(f, path, 4, shape);
        snprintf(path, sizeof path, "%s/flips", group);
        float *mask = read_floats(f, path, 4, shape);
        snprintf(path, sizeof path, "%s/weight", group);
        float *w = read_floats(f, path, 4, shape);
        const double rate = read_number(f, group, "one_minus_beta1"),
                     rate2 = read_number(f, group, "one_minus_beta2");
        const double gamma = read_number(f, group, "gamma"), threshold = read_number(f, group, "threshold");
        double squares = 0;
        for (int j = 0; j < 108; j++) squares += (double)g[j] * (double)g[j] / 108;
        assert_true(squares > 0);
        v[k % 2] = (1 - rate2) * v[k % 2] + rate2 * squares;
        assert_true(fabs(read_number(f, group, "v") - v[k % 2]) <= 1e-6 * v[k % 2]);
        assert_true(fabs(threshold - gamma * sqrt(v[k % 2] + 1e-20)) <= 1e-6 * threshold);
        for (int j = 0; j < 108; j++) {
            momentum[j] = (1 - rate) * momentum[j] + rate * (double)g[j];
            assert_true(fabs((double)m[j] - momentum[j]) <= 1e-6 * fabs(momentum[j]) + 1e-12);
            /* File order is o, i, ky, kx. */
            const int o = j / 27, i = j / 9 % 3, position = j % 9;
            const float was = k == 0 ? before[0][(position * 3 + i) * 4 + o] : last[j];
            assert_true(mask[j] == ((double)was * (double)m[j] > threshold ? 1 : 0));
            assert_true(w[j] == (mask[j] > 0 ? -was : was));
            if (k == 2) assert_true(was == before[1][(position * 3 + i) * 4 + o]);
            flips += (double)mask[j];
        }
        free(last);
        last = w;
        free(g);
        free(m);
        free(mask);
    }
    free(last);
    assert_true(flips > 0);
    assert_false(exists(f, "/updates/000003"));
    assert_false(exists(f, "/updates/000000/fc.weight/flips"));
    free(read_floats(f, "/batches/000000/output", 3, (const hsize_t[]){2, BATCH, CLASSES}));
    free(read_floats(f, "/batches/000001/output", 3, (const hsize_t[]){1, BATCH, CLASSES}));
    H5Fclose(f);
    bso_network_free(net);
}

/* One update per batch; outputs give the losses; x and y are those handed in, samples first. */
static void test_trace_through_time(void **state)
{
    (void)state;
    bso_settings s;
    bso_network *net = make("adam_ste", "bptt", "auto", 6, &s);
    float before[2][108], x[CHANNELS * BATCH * SIDE_H * SIDE_W];
    int y[BATCH];
    record(net, &s, 2, before);
    hid_t f = H5Fopen(file, H5F_ACC_RDONLY, H5P_DEFAULT);
    for (int b = 0; b < 2; b++) {
        char path[64];
        make_batch(b, x, y);
        snprintf(path, sizeof path, "/batches/%06d/x", b);
        float *images = read_floats(f, path, 4, (const hsize_t[]){BATCH, CHANNELS, SIDE_H, SIDE_W});
        for (int n = 0; n < BATCH; n++) {
            for (int c = 0; c < CHANNELS; c++) {
                assert_memory_equal(images + (n * CHANNELS + c) * SIDE_H * SIDE_W,
                                    x + (c * BATCH + n) * SIDE_H * SIDE_W, SIDE_H * SIDE_W * sizeof *x);
            }
        }
        snprintf(path, sizeof path, "/batches/%06d/y", b);
        float *labels = read_floats(f, path, 1, (const hsize_t[]){BATCH});
        snprintf(path, sizeof path, "/batches/%06d/output", b);
        float *out = read_floats(f, path, 3, (const hsize_t[]){2, BATCH, CLASSES});
        snprintf(path, sizeof path, "/batches/%06d/loss", b);
        float *losses = read_floats(f, path, 1, (const hsize_t[]){2});
        for (int t = 0; t < 2; t++) {
            double loss = 0;
            for (int n = 0; n < BATCH; n++) {
                const float *o = out + (t * BATCH + n) * CLASSES;
                double sum = 0, mse = 0;
                for (int c = 0; c < CLASSES; c++) {
                    const double target = c == y[n] ? 1 : 0;
                    sum += exp((double)o[c]);
                    mse += ((double)o[c] - target) * ((double)o[c] - target) / CLASSES;
                }
                assert_true(labels[n] == (float)y[n]);
                loss += (0.95 * (log(sum) - (double)o[y[n]]) + 0.05 * mse) / (2 * BATCH);
            }
            assert_true(fabs((double)losses[t] - loss) < 1e-6);
        }
        snprintf(path, sizeof path, "/updates/%06d", b);
        assert_true(read_number(f, path, "batch") == b);
        assert_true(fabs(read_number(f, path, "loss") - (double)(losses[0] + losses[1])) < 1e-6);
        free(images);
        free(labels);
        free(out);
        free(losses);
    }
    /* What is recorded last is what the network now holds. */
    const bso_param *p = param_of(net, "conv2.weight");
    float *w = read_floats(f, "/updates/000001/conv2.weight/weight", 4, (const hsize_t[]){4, 3, 3, 3});
    for (int j = 0; j < 108; j++) assert_true(w[j] == p->real[(j % 9 * 3 + j / 9 % 3) * 4 + j / 27]);
    free(w);
    assert_true(exists(f, "/config"));
    assert_false(exists(f, "/updates/000002"));
    H5Fclose(f);
    bso_network_free(net);
}

static int clean(void **state)
{
    (void)state;
    unlink(file);
    return 0;
}

/* Shortcuts are parameters and statistics like all others: saved, loaded, traced. */
static void test_residual(void **state)
{
    (void)state;
    static const char network[] = "3C3-4R3-5R3s2-GAP-FC";
    bso_settings s;
    bso_network *net = make_of(network, "tbso", "ottt", "realtime", 1, &s),
                *other = make_of(network, "tbso", "ottt", "realtime", 2, &s);
    train_a_little(net);
    const uint64_t hash = bso_network_hash(net);
    assert_int_equal(bso_store_save(net, file), 0);
    assert_int_equal(bso_store_load(other, file), 0);
    assert_true(bso_network_hash(other) == hash);
    hid_t f = H5Fopen(file, H5F_ACC_RDONLY, H5P_DEFAULT);
    float *w = read_floats(f, "down3.weight", 4, (const hsize_t[]){5, 4, 1, 1});
    const bso_param *p = param_of(net, "down3.weight");
    for (int j = 0; j < 20; j++) assert_true(w[j] == p->real[j % 4 * 5 + j / 4]);
    free(w);
    free(read_floats(f, "dbn3.weight", 1, (const hsize_t[]){5}));
    free(read_floats(f, "dbn3.running_var", 1, (const hsize_t[]){5}));
    H5Fclose(f);

    float before[2][108];
    record(net, &s, 4, before);
    f = H5Fopen(file, H5F_ACC_RDONLY, H5P_DEFAULT);
    w = read_floats(f, "/updates/000003/down3.weight/weight", 4, (const hsize_t[]){5, 4, 1, 1});
    float *g = read_floats(f, "/updates/000003/down3.weight/gradient", 4, (const hsize_t[]){5, 4, 1, 1});
    for (int j = 0; j < 20; j++) {
        assert_true(w[j] == p->real[j % 4 * 5 + j / 4]);
        assert_true(g[j] != 0);
    }
    free(w);
    free(g);
    free(read_floats(f, "/updates/000003/dbn3.running_mean", 1, (const hsize_t[]){5}));
    H5Fclose(f);
    bso_network_free(net);
    bso_network_free(other);
}

int main(void)
{
    if (!mkdtemp(folder) || bso_start(2)) return 1;
    snprintf(file, sizeof file, "%s/file.h5", folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_round_trip, clean),
        cmocka_unit_test_teardown(test_signs_into_latent, clean),
        cmocka_unit_test_teardown(test_layout, clean),
        cmocka_unit_test_teardown(test_refusals, clean),
        cmocka_unit_test_teardown(test_foreign_types, clean),
        cmocka_unit_test_teardown(test_cannot_save, clean),
        cmocka_unit_test_teardown(test_trace_realtime, clean),
        cmocka_unit_test_teardown(test_trace_through_time, clean),
        cmocka_unit_test_teardown(test_residual, clean),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
