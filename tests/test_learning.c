/* test_learning.c: every registered optimizer learns, with its default hyperparameters and every gradient
 * estimator it can be combined with: horizontal against vertical stripes under noise, to over 95 % on samples
 * it has not seen.
 */
#include "core/error.h"
#include "core/network.h"
#include "core/random.h"
#include "core/trainer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE = 8, BATCH = 32, BATCHES = 100, TEST_BATCHES = 16 };

/* Sample i: stripes of either direction at a random phase, plus noise of the stripes' own size. */
static void stripes(float *x, int *y, uint64_t first)
{
    for (uint64_t i = 0; i < BATCH; i++) {
        uint64_t sample = first + i;
        bso_random4 draw = bso_random(7, BSO_RANDOM_TEST, 1, sample);
        int vertical = draw.word[0] & 1, phase = draw.word[1] & 3;
        y[i] = vertical;
        for (int p = 0; p < SIZE * SIZE; p++) {
            int along = vertical ? p % SIZE : p / SIZE;
            float stripe = (along + phase) & 2 ? 1.0f : -1.0f;
            x[i * SIZE * SIZE + (uint64_t)p] =
                stripe + (float)bso_random_normal(7, BSO_RANDOM_TEST, 2, sample * SIZE * SIZE + (uint64_t)p);
        }
    }
}

static double accuracy_after_training(const char *optimizer, const char *gradient)
{
    bso_settings s;
    bso_settings_default(&s);
    const char *const set[][2] = {{"network", "8C3-16C3-AP2-16C3-GAP-FC"},
                                  {"optimizer", optimizer},
                                  {"gradient", gradient},
                                  {"steps", "2"},
                                  {"batch", "32"},
                                  {"lr", "1"}};
    for (size_t i = 0; i < sizeof set / sizeof set[0]; i++)
        assert_int_equal(bso_settings_set(&s, set[i][0], set[i][1]), 0);
    assert_int_equal(bso_settings_check(&s), 0);
    bso_network *net;
    assert_int_equal(bso_network_create(&net, &s, 1, SIZE, SIZE, 1, 2, true), 0);
    bso_network_init(net, 3);
    uint64_t entries = strcmp(s.update, "realtime") == 0 ? 2 : 1;
    assert_int_equal(bso_network_attach(net, &s, BATCHES * entries), 0);
    static float x[BATCH * SIZE * SIZE];
    static int y[BATCH];
    bso_batch_result result;
    for (uint64_t b = 0; b < BATCHES; b++) {
        stripes(x, y, b * BATCH);
        if (bso_network_train(net, x, y, BATCH, NULL, &result)) fail_msg("%s", bso_error());
    }
    int correct = 0;
    for (uint64_t b = 0; b < TEST_BATCHES; b++) {
        stripes(x, y, 1000000 + b * BATCH);
        bso_network_evaluate(net, x, y, BATCH, &result);
        correct += result.correct;
    }
    bso_network_free(net);
    return (double)correct / (TEST_BATCHES * BATCH);
}

static void every_optimizer_learns_stripes(void **state)
{
    (void)state;
    if (getenv("BSO_TEST_SHORT")) skip(); /* what is learnt depends on no sanitizer */
    for (int o = 0; bso_optimizers[o]; o++) {
        for (int g = 0; bso_gradients[g]; g++) {
            double accuracy = accuracy_after_training(bso_optimizers[o]->name, bso_gradients[g]->name);
            print_message("%-10s %-6s %.1f %%\n", bso_optimizers[o]->name, bso_gradients[g]->name,
                          100 * accuracy);
            assert_true(accuracy > 0.95);
        }
    }
}

int main(void)
{
    if (bso_start(1)) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_optimizer_learns_stripes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
