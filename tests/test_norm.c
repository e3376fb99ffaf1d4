/* test_norm.c: batch norm's running statistics made anew of batches (bso_network_estimate_norm): the right
 * numbers, the same bits on any number of threads, and nothing else changed. The statistics of a single step
 * are checked in test_network.c, what the trainer does with all this in test_trainer.c.
 */
#include "core/error.h"
#include "core/kernels.h"
#include "core/network.h"
#include "tests/fixture.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { BATCHES = 3, BUFFERS = 16 };

static int start(void **state)
{
    (void)state;
    omp_set_num_threads(1);
    return bso_kernels_pick();
}

static bso_network *make(const bso_fixture *c)
{
    bso_settings s = bso_fixture_settings(c);
    /* No rule changes anything. */
    bso_fixture_set(&s, "lr", "0");
    bso_fixture_set(&s, "gamma", "1e6");
    bso_fixture_set(&s, "schedule", "constant");
    bso_network *net = bso_fixture_build(c, &s, true);
    bso_network_init(net, 3);
    bso_fixture_enliven(net, 3);
    return net;
}

/* Batches of two sizes, the last one a sample short. */
static int samples_of(const bso_fixture *c, int batch)
{
    return batch == BATCHES - 1 ? c->batch - 1 : c->batch;
}

static float *images(const bso_fixture *c, int batch, int *y)
{
    bso_fixture sized = *c;
    sized.batch = samples_of(c, batch);
    float *x =
        bso_fixture_zeros((size_t)(c->frames * c->channels * c->batch * c->height * c->width), sizeof *x);
    bso_fixture_batch(&sized, 50 + (uint64_t)batch, x, y);
    return x;
}

static void estimate(const bso_fixture *c, bso_network *net)
{
    int *y = bso_fixture_zeros((size_t)c->batch, sizeof *y);
    for (int i = 0; i < BATCHES; i++) {
        float *x = images(c, i, y);
        bso_network_estimate_norm(net, x, samples_of(c, i), (size_t)i);
        free(x);
    }
    free(y);
}

/* What training's running statistics say of each step: r[k+1] = 0.9 r[k] + 0.1 x, taken apart in double. */
typedef struct {
    bso_buffer *buffers;
    int count, steps;
    double *before[BUFFERS], *sum[BUFFERS];
} average;

static void after_step(void *user, int t)
{
    (void)t;
    average *a = user;
    a->steps++;
    for (int b = 0; b < a->count; b++) {
        for (size_t i = 0; i < a->buffers[b].count; i++) {
            const double now = (double)a->buffers[b].data[i];
            a->sum[b][i] += (now - 0.9 * a->before[b][i]) / 0.1;
            a->before[b][i] = now;
        }
    }
}

static void compare_with_average(const bso_fixture *c)
{
    bso_network *net = make(c), *other = make(c);
    average a = {.count = bso_network_buffers(net, &a.buffers)};
    assert_in_range(a.count, 4, BUFFERS);
    for (int b = 0; b < a.count; b++) {
        a.before[b] = bso_fixture_zeros(a.buffers[b].count, sizeof(double));
        a.sum[b] = bso_fixture_zeros(a.buffers[b].count, sizeof(double));
        for (size_t i = 0; i < a.buffers[b].count; i++) a.before[b][i] = (double)a.buffers[b].data[i];
    }
    const bso_observer observer = {.user = &a, .step_done = after_step};
    int *y = bso_fixture_zeros((size_t)c->batch, sizeof *y);
    for (int i = 0; i < BATCHES; i++) {
        bso_batch_result result;
        float *x = images(c, i, y);
        if (bso_network_train(net, x, y, samples_of(c, i), &observer, &result)) fail_msg("%s", bso_error());
        free(x);
    }
    assert_int_equal(a.steps, BATCHES * c->steps);
    bso_buffer *got;
    bso_network_buffers(other, &got);
    for (int again = 0; again < 2; again++) { /* what was there before does not matter */
        estimate(c, other);
        for (int b = 0; b < a.count; b++) {
            double largest = 0;
            for (size_t i = 0; i < got[b].count; i++) largest = fmax(largest, fabs(a.sum[b][i] / a.steps));
            assert_true(largest > 0.01);
            for (size_t i = 0; i < got[b].count; i++) {
                const double expected = a.sum[b][i] / a.steps;
                if (fabs((double)got[b].data[i] - expected) > 1e-5 * largest) {
                    fail_msg("%s T=%d: %s[%zu] is %.9g, must be %.9g", c->network, c->steps, got[b].name, i,
                             (double)got[b].data[i], expected);
                }
            }
        }
    }
    for (int b = 0; b < a.count; b++) {
        free(a.before[b]);
        free(a.sum[b]);
    }
    free(y);
    bso_network_free(net);
    bso_network_free(other);
}

static void test_average(void **state)
{
    (void)state;
    static const char *const networks[] = {"5C3-AP2-7C3-GAP-FC", "4C3-6C3-AP2-11FC-FC",
                                           "8C3-8R3-12R3s2-GAP-FC"};
    static const int steps[] = {1, 2, 5};
    for (int n = 0; n < 3; n++) {
        for (int i = 0; i < 3; i++) {
            bso_fixture c = bso_fixture_plain;
            c.network = networks[n];
            c.steps = steps[i];
            c.frames = i == 1 ? c.steps : 1;
            compare_with_average(&c);
        }
    }
}

/* Of a network in training, under every estimator: weights, rules' state and counts stay, and so does all
 * that training does next. */
static void test_nothing_else(void **state)
{
    (void)state;
    for (int g = 0; bso_gradients[g]; g++) {
        bso_fixture c = bso_fixture_plain;
        c.gradient = bso_gradients[g]->name;
        bso_network *nets[2];
        bso_param *params[2];
        bso_learner *learners[2];
        bso_neuron_counts *neurons[2];
        bso_batch_result result[2];
        int *y = bso_fixture_zeros((size_t)c.batch, sizeof *y), count = 0, layers = 0;
        for (int k = 0; k < 2; k++) {
            bso_settings s = bso_fixture_settings(&c);
            nets[k] = bso_fixture_build(&c, &s, true);
            bso_network_init(nets[k], 3);
            bso_fixture_enliven(nets[k], 3);
            for (int i = 0; i < BATCHES; i++) {
                float *x = images(&c, i, y);
                if (bso_network_train(nets[k], x, y, samples_of(&c, i), NULL, &result[k]))
                    fail_msg("%s", bso_error());
                free(x);
                if (k) estimate(&c, nets[k]);
            }
            count = bso_network_params(nets[k], &params[k]);
            bso_network_learners(nets[k], &learners[k]);
            layers = bso_network_neurons(nets[k], &neurons[k]);
        }
        assert_true(result[0].loss == result[1].loss);
        for (int i = 0; i < count; i++) {
            for (size_t j = 0; j < bso_param_count(&params[0][i]); j++)
                assert_true(bso_param_value(&params[0][i], j) == bso_param_value(&params[1][i], j));
            assert_int_equal(learners[0][i].update, learners[1][i].update);
            assert_memory_equal(learners[0][i].state, learners[1][i].state,
                                learners[0][i].rule->state_bytes(&params[0][i], learners[0][i].time_entries));
        }
        for (int i = 0; i < layers; i++) {
            assert_true(neurons[0][i].samples == neurons[1][i].samples);
            for (int t = 0; t < c.steps; t++) assert_true(neurons[0][i].spikes[t] == neurons[1][i].spikes[t]);
        }
        assert_true(bso_network_hash(nets[0]) != bso_network_hash(nets[1])); /* running statistics */
        free(y);
        bso_network_free(nets[0]);
        bso_network_free(nets[1]);
    }
}

static void test_threads(void **state)
{
    (void)state;
    uint64_t hash[3];
    for (int threads = 1; threads <= 3; threads++) {
        omp_set_num_threads(threads);
        bso_network *net = make(&bso_fixture_plain);
        estimate(&bso_fixture_plain, net);
        hash[threads - 1] = bso_network_hash(net);
        bso_network_free(net);
    }
    omp_set_num_threads(1);
    assert_true(hash[0] == hash[1] && hash[0] == hash[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_average),
        cmocka_unit_test(test_nothing_else),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
