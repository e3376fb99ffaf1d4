/* test_network_exact.c: what must hold without any tolerance: the same bits whatever the estimator at T = 1,
 * the number of threads and the kernel path; failing allocations; names; what it refuses. What a network
 * costs in memory is in test_network_memory.c.
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
#include <string.h>
#include <stdlib.h>
#include <cmocka.h>

/* ---- bit for bit */

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

static const char *const optimizers[] = {"bso", "tbso", "adam_ste", "sgd"};
enum { OPTIMIZERS = sizeof optimizers / sizeof optimizers[0] };

/* All of them but those that trace spikes, where there are none. */
static int gradients_for(bool sign, const char *names[8])
{
    int n = 0;
    for (int i = 0; bso_gradients[i]; i++) {
        assert_true(n < 8);
        if (!sign || !bso_gradients[i]->trace) names[n++] = bso_gradients[i]->name;
    }
    assert_int_equal(n, sign ? 2 : 5);
    return n;
}

static void test_one_step(void **state)
{
    (void)state;
    for (int o = 0; o < 4 * OPTIMIZERS; o++) {
        bso_fixture c = bso_fixture_plain;
        c.optimizer = optimizers[o / 4];
        c.sign = o % 2 == 1;
        if (o / 2 % 2) c.network = bso_fixture_residual;
        c.steps = 1;
        bso_fixture_record first[8];
        uint64_t hash[8];
        const char *names[8];
        int n = gradients_for(c.sign, names);
        for (int i = 0; i < n; i++) {
            c.gradient = names[i];
            hash[i] = train(&c, 3, 2, &first[i]);
        }
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
    static const char *const networks[] = {"16C3-16C3-AP2-16C3-GAP-FC", "6C3-AP2-140FC-11FC-FC",
                                           bso_fixture_residual};
    static const char *const rules[] = {"tbso", "adam_ste", "adam"};
    static const int batches[] = {1, 7};
    for (int i = 0; i < 36; i++) {
        bso_fixture c = bso_fixture_plain;
        c.network = networks[i % 3];
        c.optimizer = rules[i / 3 % 3];
        c.batch = batches[i / 9 % 2];
        c.sign = i / 18 == 1;
        c.steps = c.sign ? 1 : 3;
        const char *names[8];
        int n = gradients_for(c.sign, names);
        for (int j = 0; j < n; j++) {
            c.gradient = names[j];
            c.update = strcmp(names[j], "bptt") != 0 && i % 3 == 0 ? "accumulated" : NULL;
            omp_set_num_threads(1);
            uint64_t one = train(&c, 5, 2, NULL);
            omp_set_num_threads(2);
            uint64_t two = train(&c, 5, 2, NULL);
            if (one != two)
                fail_msg("%s %s %s%s batch %d: 1 and 2 threads differ", c.network, c.optimizer, c.gradient,
                         c.sign ? " sign" : "", c.batch);
            assert_true(i || one != train(&c, 6, 2, NULL));
        }
    }
    omp_set_num_threads(1);
}

/* The same bits on every path; of the first number of threads, then of the second. */
static void check_paths(const bso_fixture *c)
{
    const bso_kernels *kept = bso_kernel;
    uint64_t hash = 0;
    for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
        bso_kernel = *k;
        omp_set_num_threads(k == bso_kernels_available() ? 1 : 2);
        uint64_t now = train(c, 7, 2, NULL);
        if (hash && now != hash)
            fail_msg("%s %s, %s: other bits than reference", c->network, c->gradient, (*k)->name);
        hash = now;
    }
    bso_kernel = kept;
    omp_set_num_threads(1);
}

static void test_kernel_paths(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) { /* sigmoid, rectangular, sign; without and with residual units */
        bso_fixture c = bso_fixture_plain;
        c.rectangular = i % 3 == 1;
        c.sign = i % 3 == 2;
        if (i / 3) c.network = bso_fixture_residual;
        c.steps = c.sign ? 1 : 3;
        const char *names[8];
        int n = gradients_for(c.sign, names);
        for (int j = 0; j < n; j++) {
            c.gradient = names[j];
            check_paths(&c);
        }
    }
}

/* Errors in 8 bits: the same bits on every path and number of threads, with levels that are exact and with
 * those that are rounded (leak 0.6), latent weights, pooled and residual; not those of float32. */
static void test_error_bits(void **state)
{
    (void)state;
    static const char *const networks[] = {"16C3-16C3-AP2-70C3-33C3-GAP-FC", bso_fixture_residual};
    static const char *const rules[] = {"tbso", "adam_ste"}, *const gradients[] = {"ottt", "sltt", "bptt"};
    for (int i = 0; i < 12; i++) {
        bso_fixture c = bso_fixture_plain;
        c.network = networks[i % 2];
        c.optimizer = rules[i / 2 % 2];
        c.gradient = gradients[i / 4];
        c.steps = 3;
        c.batch = 5;
        if (i % 3 == 2) c.leak = 0.6;
        const uint64_t floats = train(&c, 7, 2, NULL);
        c.error_bits = 8;
        check_paths(&c);
        assert_true(train(&c, 7, 2, NULL) != floats);
        assert_true(train(&c, 7, 2, NULL) == train(&c, 7, 2, NULL));
    }
}

/* How far the gradients of a batch are from those of im2col and sgemm, at most, over the largest of a
 * parameter. */
static double off_sgemm(const bso_fixture *c)
{
    bso_fixture_record fast, plain;
    bso_settings s = bso_fixture_settings(c);
    bso_network *net = bso_fixture_build(c, &s, true);
    bso_param *params;
    const int count = bso_network_params(net, &params);
    train(c, 7, 1, &fast);
    assert_int_equal(bso_kernels_use("sgemm"), 0);
    train(c, 7, 1, &plain);
    assert_int_equal(bso_kernels_use(NULL), 0);
    double worst = 0;
    for (int i = 0; i < count; i++) {
        double largest = 0, off = 0;
        for (size_t j = 0; j < (size_t)c->steps * bso_param_count(&params[i]); j++) {
            largest = fmax(largest, fabs((double)plain.gradient[i][j]));
            off = fmax(off, fabs((double)plain.gradient[i][j] - (double)fast.gradient[i][j]));
        }
        worst = fmax(worst, off / fmax(largest, 1e-3)); /* biases before a batch norm have none */
    }
    bso_fixture_record_free(&fast);
    bso_fixture_record_free(&plain);
    bso_network_free(net);
    return worst;
}

/* Weights stay for the batch, so that a flip of a weight whose momentum is at the threshold does not part
 * them. */
static void test_sgemm(void **state)
{
    (void)state;
    static const char *const gradients[] = {"ottt", "sltt", "ndot", "bptt"};
    for (int i = 0; i < 8; i++) {
        bso_fixture c = bso_fixture_plain;
        if (i / 4) c.network = bso_fixture_residual;
        c.gradient = gradients[i % 4];
        c.update = "accumulated";
        c.steps = 3;
        const double off = off_sgemm(&c);
        if (!(off < 1e-4)) fail_msg("%s, %s: %g off sgemm's", c.network, c.gradient, off);
        if (i == 0) assert_true(off > 0); /* they are two ways of adding up */
    }
}

/* A gradient that is not finite stops training with a message and leaves one-bit weights alone. */
static void test_not_finite(void **state)
{
    (void)state;
    bso_settings s = bso_fixture_settings(&bso_fixture_plain);
    bso_network *net = bso_fixture_build(&bso_fixture_plain, &s, true);
    bso_network_init(net, 1);
    float *x = bso_fixture_zeros((size_t)(bso_fixture_plain.batch * bso_fixture_plain.channels *
                                          bso_fixture_plain.height * bso_fixture_plain.width),
                                 sizeof *x);
    int *y = bso_fixture_zeros((size_t)bso_fixture_plain.batch, sizeof *y);
    bso_batch_result result;
    bso_fixture_batch(&bso_fixture_plain, 1, x, y);
    x[17] = NAN;
    assert_int_equal(bso_network_train(net, x, y, bso_fixture_plain.batch, NULL, &result), BSO_DIVERGED);
    assert_non_null(strstr(bso_error(), "not finite"));

    bso_fixture_batch(&bso_fixture_plain, 1, x, y);
    bso_network_init(net, 1);
    uint64_t before = bso_network_hash(net);
    bso_param *params;
    int count = bso_network_params(net, &params);
    params[count - 1].real[0] = INFINITY;
    assert_int_equal(bso_network_train(net, x, y, bso_fixture_plain.batch, NULL, &result), BSO_DIVERGED);
    assert_non_null(strstr(bso_error(), "loss"));
    bso_network_init(net, 1);
    assert_true(bso_network_hash(net) == before);
    free(x);
    free(y);
    bso_network_free(net);
}

/* Whichever allocation fails: an error, and everything given back. */
static void test_allocation_failures(void **state)
{
    (void)state;
    size_t before = bso_mem_current(BSO_MEM_CATEGORIES);
    const char *names[8];
    int gradients = gradients_for(false, names);
    for (int g = 0; g < 2 * gradients; g++) {
        bso_fixture c = bso_fixture_plain;
        c.gradient = names[g / 2];
        if (g % 2) c.network = bso_fixture_residual;
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

static void check_names(const char *network, const char *const *expected, size_t names,
                        const char *const *main_names)
{
    bso_fixture c = bso_fixture_plain;
    c.network = network;
    bso_settings s = bso_fixture_settings(&c);
    bso_network *net = bso_fixture_build(&c, &s, true);
    bso_param *params;
    assert_int_equal(bso_network_params(net, &params), names);
    for (size_t i = 0; i < names; i++) {
        bool main = strcmp(params[i].name, main_names[0]) == 0 || strcmp(params[i].name, main_names[1]) == 0;
        assert_string_equal(params[i].name, expected[i]);
        assert_int_equal(params[i].main, main);
        assert_int_equal(params[i].representation, main ? BSO_REP_BITS : BSO_REP_FLOAT);
    }
    bso_network_free(net);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const plain_names[] = {"conv1.weight", "conv1.bias", "bn1.weight", "bn1.bias",
                                              "conv2.weight", "bn2.weight", "bn2.bias",   "fc3.weight",
                                              "bn3.weight",   "bn3.bias",   "fc.weight",  "fc.bias"};
    static const char *const residual_names[] = {"conv1.weight", "conv1.bias", "bn1.weight",   "bn1.bias",
                                                 "conv2.weight", "bn2.weight", "bn2.bias",     "down3.weight",
                                                 "dbn3.weight",  "dbn3.bias",  "conv3.weight", "bn3.weight",
                                                 "bn3.bias",     "fc.weight",  "fc.bias"};
    check_names("4C3-5C3-AP2-6FC-FC", plain_names, sizeof plain_names / sizeof plain_names[0],
                (const char *const[]){"conv2.weight", "fc3.weight"});
    check_names("4C3-4R3-5R3s2-FC", residual_names, sizeof residual_names / sizeof residual_names[0],
                (const char *const[]){"conv2.weight", "conv3.weight"});
}

/* Neurons bear the number of the layer whose current they get, whoever wants their spikes. */
static void test_neuron_names(void **state)
{
    (void)state;
    static const char *const expected[] = {"lif1", "lif2", "lif3", "lif4", "lif5"};
    bso_fixture c = bso_fixture_plain;
    c.network = "4C3-4C3-AP2-4R3-5R3s2-6C3-FC";
    bso_settings s = bso_fixture_settings(&c);
    bso_network *net = bso_fixture_build(&c, &s, true);
    bso_neuron_counts *counts;
    static const size_t neurons[] = {4 * 144, 4 * 36, 4 * 36, 5 * 9, 6 * 9};
    assert_int_equal(bso_network_neurons(net, &counts), 5);
    for (int i = 0; i < 5; i++) {
        assert_string_equal(counts[i].name, expected[i]);
        assert_int_equal(counts[i].neurons, neurons[i]);
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
        "3R3-FC",
        "3C3-3R2-FC",
        "3C3-3R3s3-FC",
        "3C3-3R3s-FC",
        "3C3-3R3s0-FC",
        "3C3-3R-FC",
        "3C3-R3-FC",
        "3C3s-FC",
        "3C3s0-FC",
        "3C3s16-FC",
        "3C3s2s2-FC",
        "3C3S2-FC",
        "3C3s2x-FC",
        "3FCs2-FC",
        "3C3-3R3",
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
    bso_settings s = bso_fixture_settings(&bso_fixture_plain);
    assert_int_equal(bso_settings_check(&s), 0);
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        snprintf(s.network, sizeof s.network, "%s", strings[i]);
        check_refused(&s, 8, 8, 1, "network=");
    }
    s.network[0] = '\0';
    check_refused(&s, 8, 8, 1, "network=");
    snprintf(s.network, sizeof s.network, "3C3-convolution_with_64_channels-FC");
    check_refused(&s, 8, 8, 1, "use tokens such as");
    snprintf(s.network, sizeof s.network, "3C3-000000000000000000000000003C3-FC");
    check_refused(&s, 8, 8, 1, "use tokens such as");
    snprintf(s.network, sizeof s.network, "3R3-FC");
    check_refused(&s, 8, 8, 1, "residual unit");
    snprintf(s.network, sizeof s.network, "3C3-3R3s3-FC");
    check_refused(&s, 8, 8, 1, "stride 1 or 2");
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
    /* 100 counts of spikes up to 2^24 stay below 2^31; sums over signs pass through three times as much. */
    snprintf(s.network, sizeof s.network, "100C1-GAP-4FC-FC");
    bso_network *net = NULL;
    assert_int_equal(bso_network_create(&net, &s, 1, 4096, 4096, 1, 10, true), 0);
    bso_network_free(net);
    snprintf(s.neuron, sizeof s.neuron, "sign");
    s.steps = 1;
    check_refused(&s, 4096, 4096, 1, "do not fit");
    snprintf(s.neuron, sizeof s.neuron, "lif");
    s.steps = bso_fixture_plain.steps;
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
        cmocka_unit_test(test_one_step),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_kernel_paths),
        cmocka_unit_test(test_error_bits),
        cmocka_unit_test(test_sgemm),
        cmocka_unit_test(test_not_finite),

        cmocka_unit_test(test_allocation_failures),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_neuron_names),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
