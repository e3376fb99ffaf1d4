/* test_network_exact.c: what must hold without any tolerance: the same bits whatever the estimator at T = 1,
 * the number of threads and the kernel path; what a network costs in memory; what it refuses.
 */
#include "core/error.h"
#include "core/kernels.h"
#include "core/network.h"
#include "tests/fixture.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- bit for bit */

static const bso_fixture plain = {.network = "16C3-16C3-AP2-16C3-GAP-FC",
                                  .optimizer = "tbso",
                                  .gradient = "ottt",
                                  .channels = 2,
                                  .height = 12,
                                  .width = 12,
                                  .classes = 5,
                                  .batch = 7,
                                  .steps = 2,
                                  .frames = 1,
                                  .detach_reset = true,
                                  .leak = 0.5,
                                  .threshold = 1.0,
                                  .loss_mse = 0.05};

/* Train a few random batches; returns the hash. first: the gradients of the first batch, may be NULL. */
static uint64_t train(const bso_fixture *c, uint64_t seed, int batches, bso_fixture_record *first)
{
    bso_settings s = bso_fixture_settings(c);
    bso_network *net = bso_fixture_build(c, &s, true);
    bso_network_init(net, seed);
    bso_fixture_enliven(net, seed);
    uint64_t before = bso_network_hash(net);
    float *x =
        bso_fixture_zeros((size_t)(c->frames * c->batch * c->channels * c->height * c->width), sizeof *x);
    int *y = bso_fixture_zeros((size_t)c->batch, sizeof *y);
    if (first) *first = bso_fixture_record_create(c, net);
    bso_observer observer = {0};
    if (first) observer = bso_fixture_observer(first);
    for (int i = 0; i < batches; i++) {
        bso_batch_result result;
        bso_fixture_batch(c, seed + 1000 * (uint64_t)i, x, y);
        if (bso_network_train(net, x, y, c->batch, first && !i ? &observer : NULL, &result))
            fail_msg("%s", bso_error());
    }
    uint64_t hash = bso_network_hash(net);
    assert_true(hash != before);
    free(x);
    free(y);
    if (first) first->net = NULL;
    bso_network_free(net);
    return hash;
}

static void test_one_step(void **state)
{
    (void)state;
    static const char *const optimizers[] = {"bso", "tbso", "adam_ste", "sgd"};
    for (int o = 0; o < 4; o++) {
        bso_fixture c = plain;
        c.optimizer = optimizers[o];
        c.steps = 1;
        bso_fixture_record first[8];
        uint64_t hash[8];
        int n = 0;
        for (; bso_gradients[n]; n++) {
            assert_true(n < 8);
            c.gradient = bso_gradients[n]->name;
            hash[n] = train(&c, 3, 2, &first[n]);
        }
        assert_true(n >= 2);
        for (int i = 1; i < n; i++) {
            assert_true(hash[i] == hash[0]);
            bso_settings s = bso_fixture_settings(&c);
            bso_network *net = bso_fixture_build(&c, &s, true);
            bso_param *params;
            int count = bso_network_params(net, &params);
            for (int p = 0; p < count; p++) {
                assert_memory_equal(first[i].gradient[p], first[0].gradient[p],
                                    bso_param_count(&params[p]) * sizeof(float));
            }
            bso_network_free(net);
        }
        for (int i = 0; i < n; i++) bso_fixture_record_free(&first[i]);
    }
}

static void test_threads(void **state)
{
    (void)state;
    static const char *const networks[] = {"16C3-16C3-AP2-16C3-GAP-FC", "6C3-AP2-140FC-11FC-FC"};
    static const char *const optimizers[] = {"tbso", "adam_ste"};
    static const int batches[] = {1, 7};
    for (int i = 0; i < 16; i++) {
        bso_fixture c = plain;
        c.network = networks[i % 2];
        c.optimizer = optimizers[i / 2 % 2];
        c.batch = batches[i / 4 % 2];
        c.gradient = i / 8 ? "bptt" : "ottt";
        omp_set_num_threads(1);
        uint64_t one = train(&c, 5, 2, NULL);
        omp_set_num_threads(2);
        uint64_t two = train(&c, 5, 2, NULL);
        if (one != two)
            fail_msg("%s %s %s batch %d: 1 and 2 threads differ", c.network, c.optimizer, c.gradient,
                     c.batch);
        assert_true(i || one != train(&c, 6, 2, NULL));
    }
    omp_set_num_threads(1);
}

static void test_kernel_paths(void **state)
{
    (void)state;
    const bso_kernels *kept = bso_kernel;
    for (int rectangular = 0; rectangular < 2; rectangular++) {
        for (int online = 0; online < 2; online++) {
            bso_fixture c = plain;
            c.rectangular = rectangular == 1;
            c.gradient = online ? "ottt" : "bptt";
            uint64_t hash = 0;
            for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
                bso_kernel = *k;
                uint64_t now = train(&c, 7, 2, NULL);
                if (hash && now != hash) fail_msg("%s: other bits than reference", (*k)->name);
                hash = now;
            }
        }
    }
    bso_kernel = kept;
}

/* A gradient that is not finite stops training with a message and leaves one-bit weights alone. */
static void test_not_finite(void **state)
{
    (void)state;
    bso_settings s = bso_fixture_settings(&plain);
    bso_network *net = bso_fixture_build(&plain, &s, true);
    bso_network_init(net, 1);
    float *x =
        bso_fixture_zeros((size_t)(plain.batch * plain.channels * plain.height * plain.width), sizeof *x);
    int *y = bso_fixture_zeros((size_t)plain.batch, sizeof *y);
    bso_batch_result result;
    bso_fixture_batch(&plain, 1, x, y);
    x[17] = NAN;
    assert_int_equal(bso_network_train(net, x, y, plain.batch, NULL, &result), BSO_DIVERGED);
    assert_non_null(strstr(bso_error(), "not finite"));

    bso_fixture_batch(&plain, 1, x, y);
    bso_network_init(net, 1);
    uint64_t before = bso_network_hash(net);
    bso_param *params;
    int count = bso_network_params(net, &params);
    params[count - 1].real[0] = INFINITY;
    assert_int_equal(bso_network_train(net, x, y, plain.batch, NULL, &result), BSO_DIVERGED);
    assert_non_null(strstr(bso_error(), "loss"));
    bso_network_init(net, 1);
    assert_true(bso_network_hash(net) == before);
    free(x);
    free(y);
    bso_network_free(net);
}

/* ---- memory, measured by planning */

/* Bytes of each category that a configuration asks for, and of the total. */
typedef struct {
    size_t bytes[BSO_MEM_CATEGORIES], total;
} cost;

static cost plan(const char *optimizer, const char *gradient, int steps)
{
    bso_fixture c = plain;
    c.optimizer = optimizer;
    c.gradient = gradient;
    c.steps = steps;
    bso_settings s = bso_fixture_settings(&c);
    cost result = {.total = 0};
    bso_mem_plan(true);
    bso_network *net = bso_fixture_build(&c, &s, true);
    for (int i = 0; i < BSO_MEM_CATEGORIES; i++) {
        if (i == BSO_MEM_CONTROL) continue; /* descriptions, not tensors */
        result.bytes[i] = bso_mem_current((bso_mem_category)i);
        result.total += result.bytes[i];
    }
    bso_network_free(net);
    bso_mem_plan(false);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
    return result;
}

enum {
    MAIN_LAYERS = 2,
    MAIN_WEIGHTS = MAIN_LAYERS * 16 * 9 * 16,
    MAIN_WORDS = MAIN_LAYERS * 16 * 3
}; /* of `plain` */

static void test_memory_online(void **state)
{
    (void)state;
    static const char *const optimizers[] = {"bso", "tbso", "adam_ste", "sgd"};
    for (int o = 0; o < 4; o++) {
        cost one = plan(optimizers[o], "ottt", 1), many = plan(optimizers[o], "ottt", 35);
        size_t scalars = strcmp(optimizers[o], "tbso") == 0 ? 34 * MAIN_LAYERS * sizeof(double) : 0;
        for (int i = 0; i < BSO_MEM_CATEGORIES; i++) {
            assert_int_equal(many.bytes[i], one.bytes[i] + (i == BSO_MEM_OPTIMIZER ? scalars : 0));
        }
    }
    cost bso = plan("bso", "ottt", 4), tbso = plan("tbso", "ottt", 4);
    assert_int_equal(bso.bytes[BSO_MEM_WEIGHTS_BITS], MAIN_WORDS * sizeof(uint64_t));
    assert_int_equal(bso.bytes[BSO_MEM_WEIGHTS_LATENT], 0);
    assert_int_equal(bso.bytes[BSO_MEM_GRADIENTS], 0);
    assert_int_equal(bso.bytes[BSO_MEM_OPTIMIZER], MAIN_WEIGHTS * sizeof(float));
    assert_int_equal(tbso.total - bso.total, 4 * MAIN_LAYERS * sizeof(double));
}

static void test_memory_through_time(void **state)
{
    (void)state;
    static const char *const optimizers[] = {"bso", "tbso", "adam_ste", "sgd"};
    for (int o = 0; o < 4; o++) {
        cost two = plan(optimizers[o], "bptt", 2), three = plan(optimizers[o], "bptt", 3),
             ten = plan(optimizers[o], "bptt", 10);
        size_t step = three.bytes[BSO_MEM_ACTIVATIONS] - two.bytes[BSO_MEM_ACTIVATIONS];
        size_t neurons = (2 * 12 * 12 + 6 * 6) * 16 * (size_t)plain.batch;
        assert_true(step >= 2 * neurons * sizeof(float)); /* the norm's input and the potential */
        assert_int_equal(ten.bytes[BSO_MEM_ACTIVATIONS], two.bytes[BSO_MEM_ACTIVATIONS] + 8 * step);
        assert_int_equal(ten.total, two.total + 8 * step);
    }
}

/* The sizes the paper reports for its network, in MB of 10^6 bytes. */
static void check_model_size(int classes, const char *binary, const char *full)
{
    bso_fixture c = plain;
    c.network = "vgg11";
    c.channels = 3;
    c.height = c.width = 32;
    c.classes = classes;
    c.batch = 128;
    bso_settings s = bso_fixture_settings(&c);
    bso_mem_plan(true);
    bso_network *net = bso_fixture_build(&c, &s, true);
    bso_param *params;
    size_t weights = 0;
    int count = bso_network_params(net, &params);
    for (int i = 0; i < count; i++) {
        assert_int_equal(params[i].main, params[i].representation == BSO_REP_BITS);
        if (params[i].main) weights += bso_param_count(&params[i]);
    }
    assert_int_equal(weights, 9216000);
    char text[32];
    snprintf(text, sizeof text, "%.2f", bso_network_model_bytes(net, false) / 1e6);
    assert_string_equal(text, binary);
    snprintf(text, sizeof text, "%.2f", bso_network_model_bytes(net, true) / 1e6);
    assert_string_equal(text, full);
    bso_network_free(net);
    bso_mem_plan(false);
}

static void test_model_size(void **state)
{
    (void)state;
    check_model_size(10, "1.20", "36.91");
    check_model_size(100, "1.39", "37.10");
}

/* Whichever allocation fails: an error, and everything given back. */
static void test_allocation_failures(void **state)
{
    (void)state;
    size_t before = bso_mem_current(BSO_MEM_CATEGORIES);
    static const char *const gradients[] = {"ottt", "bptt"};
    for (int g = 0; g < 2; g++) {
        bso_fixture c = plain;
        c.gradient = gradients[g];
        bso_settings s = bso_fixture_settings(&c);
        assert_int_equal(bso_settings_check(&s), 0);
        bool done = false;
        for (size_t n = 1; !done; n++) {
            bso_network *net = NULL;
            bso_mem_fail_after(n);
            int status =
                bso_network_create(&net, &s, c.channels, c.height, c.width, c.frames, c.classes, true);
            assert_true((status == 0) == (net != NULL));
            if (!status) status = bso_network_attach(net, &s, 10);
            done = status == 0;
            if (!done) {
                assert_int_equal(status, BSO_ERROR);
                assert_non_null(strstr(bso_error(), "injected"));
            }
            bso_mem_fail_after(0);
            bso_network_free(net);
            assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), before);
            assert_true(n < 1000);
        }
    }
}

/* ---- names and refusals */

static void test_names(void **state)
{
    (void)state;
    static const char *const expected[] = {"conv1.weight", "conv1.bias", "bn1.weight", "bn1.bias",
                                           "conv2.weight", "bn2.weight", "bn2.bias",   "fc3.weight",
                                           "bn3.weight",   "bn3.bias",   "fc.weight",  "fc.bias"};
    bso_fixture c = plain;
    c.network = "4C3-5C3-AP2-6FC-FC";
    bso_settings s = bso_fixture_settings(&c);
    bso_network *net = bso_fixture_build(&c, &s, true);
    bso_param *params;
    assert_int_equal(bso_network_params(net, &params), sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        bool main = strcmp(params[i].name, "conv2.weight") == 0 || strcmp(params[i].name, "fc3.weight") == 0;
        assert_string_equal(params[i].name, expected[i]);
        assert_int_equal(params[i].main, main);
        assert_int_equal(params[i].representation, main ? BSO_REP_BITS : BSO_REP_FLOAT);
    }
    bso_network_free(net);
}

/* One line that names the key; nothing left behind. */
static void check_refused(const bso_settings *s, int height, int width, int frames, const char *part)
{
    size_t before = bso_mem_current(BSO_MEM_CATEGORIES);
    bso_network *net = NULL;
    int status = bso_network_create(&net, s, 1, height, width, frames, 10, true);
    if (status != BSO_ERROR || net) fail_msg("network=%s was not refused", s->network);
    if (!strstr(bso_error(), part) || strchr(bso_error(), '\n'))
        fail_msg("network=%s: message is \"%s\"", s->network, bso_error());
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), before);
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const strings[] = {
        "-",
        "FC-FC",
        "3C3",
        "3C3-GAP",
        "3C2-FC",
        "C3-FC",
        "3C-FC",
        "0C3-FC",
        "3C0-FC",
        "3C3--FC",
        "3C3-AP3-FC",
        "3C3-FC-",
        "-3C3-FC",
        "AP2-FC",
        "GAP-FC",
        "3C3-FC-GAP",
        "3c3-FC",
        "99999999C3-FC",
        "3C1001-FC",
        "3C3 -FC",
        "resnet-18",
        "3C3-0FC-FC",
        "3C3-FC-FC",
        "3C3x-FC",
        "3C3-GAP-AP2-FC",
        "3C3,FC",
        "2147483649C3-FC",
        "-3C3-FC",
        "+3C3-FC",
        "3C3-AP2AP2-FC",
        "4294967299C3-FC",
        "18446744073709551619C3-FC",
    };
    bso_settings s = bso_fixture_settings(&plain);
    assert_int_equal(bso_settings_check(&s), 0);
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        snprintf(s.network, sizeof s.network, "%s", strings[i]);
        check_refused(&s, 8, 8, 1, "network=");
    }
    s.network[0] = '\0';
    check_refused(&s, 8, 8, 1, "network=");
    snprintf(s.network, sizeof s.network, "3C3-AP2-AP2-AP2-AP2-FC");
    check_refused(&s, 8, 8, 1, "AP2");
    check_refused(&s, 17, 15, 1, "AP2");
    snprintf(s.network, sizeof s.network, "3C3-FC");
    check_refused(&s, 8, 8, 5, "steps");
    const int64_t batch = s.batch;
    s.batch = 65536;
    check_refused(&s, 300, 300, 1, "batch=65536");
    s.batch = 1;
    snprintf(s.network, sizeof s.network, "128C1-GAP-4FC-FC");
    bso_mem_plan(true); /* the maps before the sum would be gigabytes */
    check_refused(&s, 4096, 4096, 1, "do not fit");
    bso_mem_plan(false);
    s.batch = batch;
    memset(s.network, '3', sizeof s.network - 1);
    s.network[sizeof s.network - 1] = '\0';
    check_refused(&s, 8, 8, 1, "network=");
    for (size_t i = 0; i + 3 < sizeof s.network; i += 3) memcpy(s.network + i, "FC-", 4);
    check_refused(&s, 8, 8, 1, "network=");
}

/* One thread, but for test_threads: waiting for each other costs more than these networks do. */
static int start(void **state)
{
    (void)state;
    omp_set_num_threads(1);
    return bso_kernels_pick();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_step),      cmocka_unit_test(test_threads),
        cmocka_unit_test(test_kernel_paths),  cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_memory_online), cmocka_unit_test(test_memory_through_time),
        cmocka_unit_test(test_model_size),    cmocka_unit_test(test_allocation_failures),
        cmocka_unit_test(test_names),         cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
