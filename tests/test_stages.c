/* test_stages.c: the stage clock counts all of a batch's time once, gives each stage to the layers that have
 * it, and changes no training. No time is asserted but that parts are within their whole.
 */
#include "core/error.h"
#include "core/stages.h"
#include "tests/fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

typedef struct {
    bso_network *net;
    float *x;
    int *y;
    int batch;
} trainee;

static trainee make_bits(const char *network, const char *gradient, const char *error_bits)
{
    bso_fixture c = bso_fixture_plain;
    c.network = network;
    c.optimizer = "bso";
    c.gradient = gradient;
    c.steps = 2;
    bso_settings s = bso_fixture_settings(&c);
    bso_fixture_set(&s, "error_bits", error_bits);
    trainee t = {.net = bso_fixture_build(&c, &s, true), .batch = c.batch};
    bso_network_init(t.net, 5);
    bso_fixture_enliven(t.net, 5);
    const size_t pixels = (size_t)c.channels * (size_t)c.height * (size_t)c.width;
    t.x = bso_fixture_zeros(pixels * (size_t)c.batch, sizeof *t.x);
    t.y = bso_fixture_zeros((size_t)c.batch, sizeof *t.y);
    bso_fixture_batch(&c, 3, t.x, t.y);
    return t;
}

static trainee make(const char *network, const char *gradient)
{
    return make_bits(network, gradient, "32");
}

static void unmake(trainee *t)
{
    bso_network_free(t->net);
    free(t->x);
    free(t->y);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static void train(trainee *t)
{
    bso_batch_result result;
    if (bso_network_train(t->net, t->x, t->y, t->batch, NULL, &result)) fail_msg("%s", bso_error());
}

static double stage_sum(const bso_stage_clock *c, bso_stage stage)
{
    double sum = 0;
    for (int i = 0; i <= c->layers; i++) sum += c->seconds[i][stage];
    return sum;
}

static double total(const bso_stage_clock *c)
{
    double sum = 0;
    for (int stage = 0; stage < BSO_STAGES; stage++) sum += stage_sum(c, (bso_stage)stage);
    return sum;
}

static int layer_of(const trainee *t, const char *name)
{
    const bso_stage_clock *c = bso_network_stages(t->net);
    for (int i = 0; i < c->layers; i++) {
        if (strcmp(bso_network_layer_name(t->net, i), name) == 0) return i;
    }
    fail_msg("no layer %s", name);
    return -1;
}

/* Every stage of a training has taken some time, no more than the whole. */
static void check_training(const char *network, const char *gradient, const char *error_bits)
{
    trainee t = make_bits(network, gradient, error_bits);
    assert_null(bso_network_stages(t.net));
    assert_int_equal(bso_network_time_stages(t.net), 0);
    const bso_stage_clock *c = bso_network_stages(t.net);
    assert_true(total(c) == 0);
    const double begun = bso_clock();
    train(&t);
    assert_true(total(c) <= bso_clock() - begun + 1e-6);
    for (int stage = 0; stage < BSO_STAGES; stage++) {
        const bool there = stage != BSO_STAGE_ERRORS || strcmp(error_bits, "8") == 0;
        if ((stage_sum(c, (bso_stage)stage) > 0) != there)
            fail_msg("%s: time for: %s", gradient, bso_stage_name((bso_stage)stage));
    }
    unmake(&t);
}

static void all_time_is_counted_once(void **state)
{
    (void)state;
    check_training("4C3-AP2-6C3-GAP-FC", "ottt", "32");
    check_training("4C3-AP2-6C3-GAP-FC", "ottt", "8");
    check_training("4C3-AP2-6C3-GAP-FC", "bptt", "32");
    check_training(bso_fixture_residual, "ottt", "32");
}

static void stages_are_of_their_layers(void **state)
{
    (void)state;
    trainee t = make("4C3-AP2-6C3-GAP-FC", "ottt");
    assert_int_equal(bso_network_time_stages(t.net), 0);
    train(&t);
    const bso_stage_clock *c = bso_network_stages(t.net);
    const double *first = c->seconds[layer_of(&t, "conv1")], *second = c->seconds[layer_of(&t, "conv2")],
                 *neurons = c->seconds[layer_of(&t, "lif1")], *pool = c->seconds[layer_of(&t, "pool1")];
    assert_true(second[BSO_STAGE_PRODUCTS] > 0 && second[BSO_STAGE_DATA_GRADIENT] > 0 &&
                second[BSO_STAGE_WEIGHT_GRADIENT] > 0 && second[BSO_STAGE_UPDATE] > 0);
    assert_true(second[BSO_STAGE_NEURONS] == 0 && second[BSO_STAGE_LOSS] == 0);
    assert_true(first[BSO_STAGE_WEIGHT_GRADIENT] > 0);
    assert_true(neurons[BSO_STAGE_NEURONS] > 0 && neurons[BSO_STAGE_NEURONS_BACKWARD] > 0);
    assert_true(neurons[BSO_STAGE_UPDATE] > 0); /* of batch norm */
    assert_true(neurons[BSO_STAGE_PRODUCTS] == 0 && neurons[BSO_STAGE_WEIGHT_GRADIENT] == 0);
    assert_true(pool[BSO_STAGE_POOLING] > 0 && pool[BSO_STAGE_POOLING_BACKWARD] > 0);
    assert_true(c->seconds[c->layers][BSO_STAGE_LOSS] > 0);
    /* Once more, from nothing; evaluation goes forward only. */
    assert_int_equal(bso_network_time_stages(t.net), 0);
    c = bso_network_stages(t.net);
    bso_batch_result result;
    bso_network_evaluate(t.net, t.x, t.y, t.batch, &result);
    assert_true(stage_sum(c, BSO_STAGE_PRODUCTS) > 0 && stage_sum(c, BSO_STAGE_LOSS) > 0);
    assert_true(stage_sum(c, BSO_STAGE_WEIGHT_GRADIENT) == 0 && stage_sum(c, BSO_STAGE_UPDATE) == 0);
    unmake(&t);
}

static void timing_changes_no_training(void **state)
{
    (void)state;
    uint64_t hash[2];
    for (int i = 0; i < 2; i++) {
        trainee t = make(bso_fixture_residual, "ottt");
        if (i) assert_int_equal(bso_network_time_stages(t.net), 0);
        for (int k = 0; k < 3; k++) train(&t);
        hash[i] = bso_network_hash(t.net);
        unmake(&t);
    }
    assert_true(hash[0] == hash[1]);
}

static void no_memory_is_an_error(void **state)
{
    (void)state;
    trainee t = make("4C3-AP2-6C3-GAP-FC", "ottt");
    for (size_t n = 1; n <= 2; n++) {
        bso_mem_fail_after(n);
        assert_int_equal(bso_network_time_stages(t.net), BSO_ERROR);
        assert_null(bso_network_stages(t.net));
    }
    bso_mem_fail_after(0);
    train(&t);
    unmake(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_time_is_counted_once),
        cmocka_unit_test(stages_are_of_their_layers),
        cmocka_unit_test(timing_changes_no_training),
        cmocka_unit_test(no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
