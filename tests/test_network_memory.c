/* test_network_memory.c: what networks cost, to the byte: the categories of training memory with T, by
 * planning, and the sizes of the named networks as models.
 */
#include "core/error.h"
#include "core/network.h"
#include "tests/fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const char *const optimizers[] = {"bso", "tbso", "adam_ste", "sgd"};
enum { OPTIMIZERS = sizeof optimizers / sizeof optimizers[0] };

/* ---- memory, measured by planning */

/* Bytes of each category that a configuration asks for, and of the total; how many numbers are trained. */
typedef struct {
    size_t bytes[BSO_MEM_CATEGORIES], total, trained;
} cost;

static cost plan_of(const bso_fixture *c)
{
    bso_settings s = bso_fixture_settings(c);
    cost result = {.total = 0};
    bso_mem_plan(true);
    bso_network *net = bso_fixture_build(c, &s, true);
    bso_param *params;
    int count = bso_network_params(net, &params);
    for (int i = 0; i < count; i++) result.trained += bso_param_count(&params[i]);
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

static cost plan_network(const char *network, const char *optimizer, const char *gradient, int steps)
{
    bso_fixture c = bso_fixture_plain;
    c.network = network;
    c.optimizer = optimizer;
    c.gradient = gradient;
    c.steps = steps;
    return plan_of(&c);
}

static cost plan(const char *optimizer, const char *gradient, int steps)
{
    return plan_network(bso_fixture_plain.network, optimizer, gradient, steps);
}

/* `more` holds what `less` holds and, in these two categories, so many bytes besides. */
static void check_more(const cost *more, const cost *less, bso_mem_category a, size_t bytes_a,
                       bso_mem_category b, size_t bytes_b)
{
    for (int i = 0; i < BSO_MEM_CATEGORIES; i++) {
        size_t extra = (i == (int)a ? bytes_a : 0) + (i == (int)b ? bytes_b : 0);
        if (more->bytes[i] != less->bytes[i] + extra)
            fail_msg("%s: %zu bytes, must be %zu + %zu", bso_mem_name((bso_mem_category)i), more->bytes[i],
                     less->bytes[i], extra);
    }
}

enum {
    MAIN_LAYERS = 2,
    MAIN_WEIGHTS = MAIN_LAYERS * 16 * 9 * 16,
    MAIN_WORDS = MAIN_LAYERS * 16 * 3,
    NEURONS = (2 * 12 * 12 + 6 * 6) * 16 * 7, /* of a batch */
    NORMS = 3 * 16
}; /* of bso_fixture_plain */

static const char *const online[] = {"ottt", "sltt", "ndot", "ndot_ref"};
static const size_t potentials = NEURONS * sizeof(float);

static size_t second_moments(const char *optimizer, size_t entries)
{
    return strcmp(optimizer, "tbso") == 0 ? entries * MAIN_LAYERS * sizeof(double) : 0;
}

/* NDOT alone looks at the potentials of the step before, where there is one. */
static size_t previous_potentials(const char *gradient)
{
    return strncmp(gradient, "ndot", 4) == 0 ? potentials : 0;
}

static void test_memory_online(void **state)
{
    (void)state;
    for (int o = 0; o < OPTIMIZERS; o++) {
        for (int g = 0; g < 4; g++) {
            cost one = plan(optimizers[o], online[g], 1), two = plan(optimizers[o], online[g], 2),
                 many = plan(optimizers[o], online[g], 35);
            check_more(&two, &one, BSO_MEM_OPTIMIZER, second_moments(optimizers[o], 1), BSO_MEM_NEURON_STATE,
                       previous_potentials(online[g]));
            check_more(&many, &two, BSO_MEM_OPTIMIZER, second_moments(optimizers[o], 33),
                       BSO_MEM_NEURON_STATE, 0);
            assert_int_equal(one.bytes[BSO_MEM_NEURON_STATE], potentials);
            assert_int_equal(one.bytes[BSO_MEM_TRACES], strcmp(online[g], "sltt") == 0 ? 0 : potentials);
            assert_int_equal(many.bytes[BSO_MEM_GRADIENTS], 0);
        }
    }
    cost bso = plan("bso", "ottt", 4), tbso = plan("tbso", "ottt", 4);
    assert_int_equal(bso.bytes[BSO_MEM_WEIGHTS_BITS], MAIN_WORDS * sizeof(uint64_t));
    assert_int_equal(bso.bytes[BSO_MEM_WEIGHTS_LATENT], 0);
    assert_int_equal(bso.bytes[BSO_MEM_GRADIENTS], 0);
    assert_int_equal(bso.bytes[BSO_MEM_OPTIMIZER], MAIN_WEIGHTS * sizeof(float));
    assert_int_equal(tbso.total - bso.total, 4 * MAIN_LAYERS * sizeof(double));
}

/* Updates of a whole batch hold one gradient of everything that is trained, whatever T; T-BSO then has one v.
 */
static void test_memory_accumulated(void **state)
{
    (void)state;
    for (int o = 0; o < OPTIMIZERS; o++) {
        for (int g = 0; g < 4; g++) {
            for (int steps = 1; steps <= 9; steps += 4) {
                bso_fixture c = bso_fixture_plain;
                c.optimizer = optimizers[o];
                c.gradient = online[g];
                c.steps = steps;
                cost realtime = plan_of(&c);
                c.update = "accumulated";
                cost accumulated = plan_of(&c);
                realtime.bytes[BSO_MEM_OPTIMIZER] -= second_moments(c.optimizer, (size_t)steps - 1);
                check_more(&accumulated, &realtime, BSO_MEM_GRADIENTS, accumulated.trained * sizeof(float),
                           BSO_MEM_OPTIMIZER, 0);
            }
        }
    }
}

/* A step of BPTT keeps the norms' inputs and statistics, the potentials and the outputs. */
static void test_memory_through_time(void **state)
{
    (void)state;
    size_t step = (2 * NEURONS + 2 * NORMS + (size_t)(bso_fixture_plain.classes * bso_fixture_plain.batch)) *
                  sizeof(float);
    for (int o = 0; o < OPTIMIZERS; o++) {
        cost one = plan(optimizers[o], "bptt", 1), two = plan(optimizers[o], "bptt", 2),
             ten = plan(optimizers[o], "bptt", 10);
        check_more(&two, &one, BSO_MEM_ACTIVATIONS, step, BSO_MEM_OPTIMIZER, 0);
        check_more(&ten, &one, BSO_MEM_ACTIVATIONS, 9 * step, BSO_MEM_OPTIMIZER, 0);
        assert_int_equal(one.bytes[BSO_MEM_GRADIENTS], potentials + one.trained * sizeof(float));
        assert_int_equal(one.bytes[BSO_MEM_TRACES], 0);
    }
}

/* Sign neurons cost what spiking ones cost at T = 1. */
static void test_memory_sign(void **state)
{
    (void)state;
    for (int o = 0; o < 2 * OPTIMIZERS; o++) {
        bso_fixture c = bso_fixture_plain;
        c.optimizer = optimizers[o / 2];
        c.gradient = o % 2 ? "bptt" : "sltt";
        c.steps = 1;
        cost spiking = plan_of(&c);
        c.sign = true;
        cost sign = plan_of(&c);
        check_more(&sign, &spiking, BSO_MEM_TRACES, 0, BSO_MEM_GRADIENTS, 0);
    }
}

/* A residual network, too, needs nothing more for more steps online, but T-BSO's v. */
static void test_memory_residual_online(void **state)
{
    (void)state;
    enum { UNITS = 4 };
    const char *network = bso_fixture_residual;
    size_t state_bytes = (2 * 8 * 3 * 3 + 16 * 2 * 2 + 2 * 24 * 2 * 2) * 7 * sizeof(float);
    for (int o = 0; o < OPTIMIZERS; o++) {
        for (int g = 0; g < 4; g++) {
            cost two = plan_network(network, optimizers[o], online[g], 2);
            cost many = plan_network(network, optimizers[o], online[g], 35);
            check_more(&many, &two, BSO_MEM_OPTIMIZER,
                       second_moments(optimizers[o], 33) / MAIN_LAYERS * UNITS, BSO_MEM_NEURON_STATE, 0);
            cost one = plan_network(network, optimizers[o], online[g], 1);
            assert_int_equal(one.bytes[BSO_MEM_NEURON_STATE], state_bytes);
            assert_int_equal(one.bytes[BSO_MEM_TRACES], strcmp(online[g], "sltt") == 0 ? 0 : state_bytes);
            assert_int_equal(one.bytes[BSO_MEM_GRADIENTS], 0);
        }
    }
}

/* And through time what backward needs of a step: of each synapse its output, of neurons their potential, of
 * shortcut convolutions their input, of batch norm mean and deviation. */
static void test_memory_residual_through_time(void **state)
{
    (void)state;
    enum { FULL = 8 * 12 * 12, HALF = 16 * 6 * 6, WIDE = 24 * 6 * 6 };
    static const char network[] = "8C3-8R3-8R3-16R3s2-24R3-GAP-FC";
    size_t synapses = 3 * FULL + 2 * HALF + 2 * WIDE + 5; /* conv1-3; down4, conv4; down5, conv5; fc */
    size_t neurons = 3 * FULL + HALF + WIDE;
    size_t inputs = 8 * 6 * 6 + HALF; /* the pooled x3 of down4; x4 of down5 */
    size_t statistics = 2 * (8 + 8 + 8 + 16 + 16 + 24 + 24);
    size_t step = ((synapses + neurons + inputs) * 7 + statistics) * sizeof(float);
    for (int o = 0; o < OPTIMIZERS; o++) {
        cost one = plan_network(network, optimizers[o], "bptt", 1);
        cost ten = plan_network(network, optimizers[o], "bptt", 10);
        check_more(&ten, &one, BSO_MEM_ACTIVATIONS, 9 * step, BSO_MEM_OPTIMIZER, 0);
        assert_int_equal(one.bytes[BSO_MEM_GRADIENTS], (neurons * 7 + one.trained) * sizeof(float));
    }
}

/* ---- sizes of the named networks, layer by layer */

typedef struct {
    const char *name;
    size_t weights; /* without the bias */
    int outputs;
    bool one_bit;
} layer_size;

static const layer_size vgg11[] = {
    {"conv1", 1728, 64, false},    {"conv2", 73728, 128, true},   {"conv3", 294912, 256, true},
    {"conv4", 589824, 256, true},  {"conv5", 1179648, 512, true}, {"conv6", 2359296, 512, true},
    {"conv7", 2359296, 512, true}, {"conv8", 2359296, 512, true}, {NULL, 512, 0, false},
};

static const layer_size resnet18[] = {
    {"conv1", 9408, 64, false},     {"conv2", 36864, 64, true},     {"conv3", 36864, 64, true},
    {"conv4", 36864, 64, true},     {"conv5", 36864, 64, true},     {"down6", 8192, 128, false},
    {"conv6", 73728, 128, true},    {"conv7", 147456, 128, true},   {"conv8", 147456, 128, true},
    {"conv9", 147456, 128, true},   {"down10", 32768, 256, false},  {"conv10", 294912, 256, true},
    {"conv11", 589824, 256, true},  {"conv12", 589824, 256, true},  {"conv13", 589824, 256, true},
    {"down14", 131072, 512, false}, {"conv14", 1179648, 512, true}, {"conv15", 2359296, 512, true},
    {"conv16", 2359296, 512, true}, {"conv17", 2359296, 512, true}, {NULL, 512, 0, false},
};

/* The next parameter has this name and size; returns its bytes in the model. */
static double take(const bso_param **p, const char *layer, const char *suffix, size_t count, bool one_bit)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%s", layer, suffix);
    assert_string_equal((*p)->name, name);
    assert_int_equal(bso_param_count(*p), count);
    assert_int_equal((*p)->representation, one_bit ? BSO_REP_BITS : BSO_REP_FLOAT);
    assert_int_equal((*p)->main, one_bit);
    (*p)++;
    return one_bit ? (double)count / 8 : 4 * (double)count;
}

typedef struct {
    const char *network;
    const layer_size *layers;
    int side, classes;
    size_t one_bit, bytes, statistics;           /* statistics: bytes of the running ones */
    const char *binary, *with_statistics, *full; /* MB of 10^6 bytes */
} model_size;

static void check_megabytes(double bytes, const char *expected)
{
    char text[32];
    snprintf(text, sizeof text, "%.2f", bytes / 1e6);
    assert_string_equal(text, expected);
}

static void check_model_size(const model_size *m)
{
    bso_fixture c = bso_fixture_plain;
    c.network = m->network;
    c.channels = 3;
    c.height = c.width = m->side;
    c.classes = m->classes;
    c.batch = 64;
    bso_settings s = bso_fixture_settings(&c);
    bso_mem_plan(true);
    bso_network *net = bso_fixture_build(&c, &s, true);
    bso_param *params;
    bso_buffer *buffers;
    const bso_param *p;
    int count = bso_network_params(net, &params), buffer_count = bso_network_buffers(net, &buffers);
    double bytes = 0;
    size_t one_bit = 0, statistics = 0;
    p = params;
    for (const layer_size *l = m->layers; l->name; l++) {
        char norm[64];
        const char *number = l->name + strcspn(l->name, "0123456789");
        snprintf(norm, sizeof norm, "%s%s", strncmp(l->name, "down", 4) == 0 ? "dbn" : "bn", number);
        bytes += take(&p, l->name, "weight", l->weights, l->one_bit);
        if (l == m->layers) bytes += take(&p, l->name, "bias", (size_t)l->outputs, false);
        bytes += take(&p, norm, "weight", (size_t)l->outputs, false);
        bytes += take(&p, norm, "bias", (size_t)l->outputs, false);
        if (l->one_bit) one_bit += l->weights;
    }
    bytes += take(&p, "fc", "weight", 512 * (size_t)m->classes, false);
    bytes += take(&p, "fc", "bias", (size_t)m->classes, false);
    assert_int_equal(p - params, count);
    for (int i = 0; i < buffer_count; i++) statistics += buffers[i].count * sizeof *buffers[i].data;
    assert_int_equal(one_bit, m->one_bit);
    assert_int_equal(statistics, m->statistics);
    assert_true(bytes == (double)m->bytes && bytes == bso_network_model_bytes(net, false));
    check_megabytes(bytes, m->binary);
    check_megabytes(bytes + (double)statistics, m->with_statistics);
    check_megabytes(bso_network_model_bytes(net, true), m->full);
    bso_network_free(net);
    bso_mem_plan(false);
}

/* The sizes the paper reports for CIFAR; for ImageNet it says 4.22. */
static void test_model_size(void **state)
{
    (void)state;
    static const model_size sizes[] = {
        {"vgg11", vgg11, 32, 10, 9216000, 1201704, 22016, "1.20", "1.22", "36.91"},
        {"vgg11", vgg11, 32, 100, 9216000, 1386384, 22016, "1.39", "1.41", "37.10"},
        {"resnet18", resnet18, 224, 1000, 10985472, 4189600, 38400, "4.19", "4.23", "46.76"},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) check_model_size(&sizes[i]);
    for (const bso_named_network *n = bso_named_networks; n->name; n++) {
        const char *number = strcmp(n->name, "vgg11") == 0 ? "9,216,000" : "10,985,472";
        assert_non_null(strstr(n->summary, number));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_online),
        cmocka_unit_test(test_memory_accumulated),
        cmocka_unit_test(test_memory_through_time),
        cmocka_unit_test(test_memory_sign),
        cmocka_unit_test(test_memory_residual_online),
        cmocka_unit_test(test_memory_residual_through_time),
        cmocka_unit_test(test_model_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
