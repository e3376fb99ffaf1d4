/* test_shards.c: several ranks with a shard of each batch each: what they exchange, that their gradients are
 * those of the whole batch, and that trainings come out the same on any number of threads, stopped or not.
 *
 * The ranks are threads here; tests/mpi.sh holds processes to the same bits.
 */
#include "core/error.h"
#include "core/layer.h"
#include "core/dataset.h"
#include "core/gradient.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/result.h"
#include "core/shards.h"
#include "tests/dataset_files.h"
#include "tests/small_training.h"

#include <math.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- what is exchanged ---- */

enum { MOST = 5, LENGTH = 5000 };

static float number(int rank, size_t i)
{
    return (float)bso_random_normal(3, BSO_RANDOM_TEST, (uint32_t)rank, i);
}

/* cmocka's checks are for the main thread: a rank tells by its status. */
static int sums(void *user, bso_shards *g)
{
    const size_t n = *(const size_t *)user;
    static float x[MOST][LENGTH];
    static double y[MOST][LENGTH];
    static uint64_t count[MOST][LENGTH];
    for (size_t i = 0; i < n; i++) {
        x[g->rank][i] = number(g->rank, i);
        y[g->rank][i] = (double)number(g->rank, i);
        count[g->rank][i] = i + (uint64_t)g->rank;
    }
    bso_shards_sum(g, x[g->rank], n);
    bso_shards_sum_doubles(g, y[g->rank], n);
    bso_shards_sum_counts(g, count[g->rank], n);
    int wrong = g->lost;
    for (size_t i = 0; i < n; i++) {
        float single = number(0, i);
        double twice = (double)number(0, i);
        for (int rank = 1; rank < g->size; rank++) {
            single += number(rank, i);
            twice += (double)number(rank, i);
        }
        wrong |= single != x[g->rank][i] || twice != y[g->rank][i];
        wrong |= count[g->rank][i] != (uint64_t)g->size * i + (uint64_t)(g->size * (g->size - 1) / 2);
    }
    /* Whatever slice a rank has: what all send is what a sum by slices takes. */
    double sent = bso_shards_sum_bytes(g, n);
    bso_shards_sum_doubles(g, &sent, 1);
    wrong |= sent != 2.0 * (g->size - 1) * (double)n * sizeof(float);
    char text[20000];
    memset(text, g->rank ? 'x' : 'a', sizeof text);
    bso_shards_broadcast(g, text, sizeof text);
    for (size_t i = 0; i < sizeof text; i++) wrong |= text[i] != 'a';
    return bso_shards_agree(g, wrong ? bso_fail("wrong sums") : 0, NULL);
}

static void sums_are_in_order(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 3, 1000, LENGTH};
    for (int size = 1; size <= MOST; size++) {
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            size_t n = lengths[i];
            if (bso_shards_run(size, sums, &n)) fail_msg("%d ranks, %zu numbers: %s", size, n, bso_error());
        }
    }
}

static int votes(void *user, bso_shards *g)
{
    const int failing = *(const int *)user;
    unsigned flags = 1U << g->rank;
    if (bso_shards_agree(g, 0, &flags) || flags != 15) return bso_fail("flags");
    if (bso_shards_same(g, 7, "sevens")) return bso_fail("sevens");
    int status = 0;
    if (failing == 9) status = bso_shards_same(g, g->rank == 3 ? 1 : 2, "the weights");
    if (g->rank == failing) status = bso_fail("disk full");
    return bso_shards_agree(g, status, NULL);
}

static void what_one_rank_says_all_know(void **state)
{
    (void)state;
    int failing = 2;
    assert_int_equal(bso_shards_run(4, votes, &failing), BSO_ERROR);
    assert_string_equal(bso_error(), "shard 3 of 4: disk full");
    failing = 0;
    assert_int_equal(bso_shards_run(4, votes, &failing), BSO_ERROR);
    assert_string_equal(bso_error(), "disk full");
    failing = 9;
    assert_int_equal(bso_shards_run(4, votes, &failing), BSO_ERROR);
    assert_string_equal(bso_error(), "shards=4: the weights of shard 4 and of shard 1 differ");
    failing = -1;
    assert_int_equal(bso_shards_run(4, votes, &failing), 0);
}

static int leaving(void *user, bso_shards *g)
{
    (void)user;
    float x[8] = {0};
    if (g->rank == 1) return bso_fail("memory is out");
    bso_shards_sum(g, x, 8);
    return bso_shards_agree(g, 0, NULL);
}

static void nobody_waits_for_a_rank_that_left(void **state)
{
    (void)state;
    for (int size = 2; size <= MOST; size++) assert_int_equal(bso_shards_run(size, leaving, NULL), BSO_ERROR);
}

/* ---- one batch ---- */

enum { BATCH = 12, SIDE = 8, CHANNELS = 2, CLASSES = 4, STEPS = 3, WEIGHTS = 4096, PARAMS = 32 };

/* Gradients as rules get them, of the first update of each parameter. */
typedef struct {
    bso_settings settings;
    float gradient[PARAMS][WEIGHTS], running[WEIGHTS];
    size_t count[PARAMS];
    double loss;
    int correct, params;
} batch;

static float image(int sample, int channel, int pixel)
{
    return (float)bso_random_normal(5, BSO_RANDOM_TEST, (uint32_t)(channel * BATCH + sample),
                                    (uint64_t)pixel) +
           (float)(pixel % CLASSES == sample % CLASSES);
}

static void keep(void *user, const bso_learner *l, size_t first, size_t n, const float *g)
{
    batch *b = user;
    if (l->update == 0) memcpy(b->gradient[l->param->ordinal] + first, g, n * sizeof *g);
}

static int train_one(void *user, bso_shards *g)
{
    batch *b = user;
    const int size = bso_shards_size(g), n = BATCH / size, first = n * bso_shards_rank(g);
    bso_network *net;
    omp_set_num_threads(2);
    int status = bso_train_network(&net, &b->settings, CHANNELS, SIDE, SIDE, 1, CLASSES, 10);
    static float x[MOST + 1][CHANNELS * BATCH * SIDE * SIDE];
    int y[BATCH];
    float *mine = x[g ? g->rank : MOST];
    for (int c = 0; c < CHANNELS; c++) {
        for (int i = 0; i < n; i++) {
            y[i] = (first + i) % CLASSES;
            for (int p = 0; p < SIDE * SIDE; p++)
                mine[(c * n + i) * SIDE * SIDE + p] = image(first + i, c, p);
        }
    }
    const bso_observer observer = {.user = b, .gradient = keep};
    bso_batch_result result = {0};
    const bool tells = bso_shards_rank(g) == 0;
    if (!status) bso_network_join(net, g);
    if (!status) status = bso_network_train(net, mine, y, n, tells ? &observer : NULL, &result);
    if (!status && tells) {
        bso_param *params;
        bso_buffer *buffers;
        b->params = bso_network_params(net, &params);
        for (int i = 0; i < b->params; i++) b->count[i] = bso_param_count(&params[i]);
        float *running = b->running;
        const int count = bso_network_buffers(net, &buffers);
        for (int i = 0; i < count; running += buffers[i++].count)
            memcpy(running, buffers[i].data, buffers[i].count * sizeof *running);
        b->loss = result.loss;
        b->correct = result.correct;
    }
    bso_network_free(net);
    return bso_shards_agree(g, status, NULL);
}

/* scale: below it numbers are rounding, such as the gradient of a bias before batch norm. */
static void near_to(const char *what, const float *a, const float *b, size_t n, double scale)
{
    double largest = scale, away = 0;
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, fabs((double)a[i]));
        away = fmax(away, fabs((double)a[i] - (double)b[i]));
    }
    if (!(away <= 1e-5 * largest)) fail_msg("%s: away by %g of %g", what, away, largest);
}

/* A first update sees the same gradients, rounding apart, however the batch is cut. */
static void gradients_are_those_of_the_batch(void **state)
{
    (void)state;
    static const char *const networks[] = {"6C3-8C3-AP2-8C3-GAP-FC", "6C3-8R3s2-8R3-8R3-GAP-FC",
                                           "4C3-AP2-20FC-16FC-FC"};
    static const char *const rules[][3] = {{"tbso", "ottt", "realtime"},    {"tbso", "ottt", "accumulated"},
                                           {"tbso", "bptt", "accumulated"}, {"adam_ste", "sltt", "realtime"},
                                           {"sgd", "ndot", "accumulated"},  {"adam", "bptt", "accumulated"}};
    static batch whole, cut;
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        for (size_t k = 0; k < sizeof rules / sizeof *rules; k++) {
            bso_settings s;
            bso_settings_default(&s);
            bso_small_set(&s, "network", networks[i]);
            bso_small_set(&s, "optimizer", rules[k][0]);
            bso_small_set(&s, "gradient", rules[k][1]);
            bso_small_set(&s, "update", rules[k][2]);
            bso_small_set(&s, "batch", "12");
            bso_small_set(&s, "steps", "3");
            if (bso_settings_check(&s)) fail_msg("%s", bso_error());
            memset(&whole, 0, sizeof whole);
            whole.settings = s;
            assert_int_equal(train_one(&whole, NULL), 0);
            for (int size = 2; size <= 4; size++) {
                memset(&cut, 0, sizeof cut);
                cut.settings = s;
                cut.settings.shards = size;
                if (bso_shards_run(size, train_one, &cut)) fail_msg("%s", bso_error());
                assert_true(fabs(cut.loss - whole.loss) <= 1e-6 * whole.loss);
                assert_int_equal(cut.correct, whole.correct);
                assert_int_equal(cut.params, whole.params);
                for (int p = 0; p < whole.params; p++)
                    near_to(networks[i], whole.gradient[p], cut.gradient[p], whole.count[p], 1e-4);
                near_to("running statistics", whole.running, cut.running, WEIGHTS, 1);
            }
        }
    }
}

/* ---- trainings ---- */

static char checkpoint[128];

static bso_train_options options(void)
{
    snprintf(checkpoint, sizeof checkpoint, "%s", bso_files_at("run.checkpoint"));
    bso_checkpoints_remove(checkpoint);
    return (bso_train_options){.checkpoints = {.path = checkpoint, .seconds = 1e9}};
}

/* Stopped after every batch and gone on with, on other numbers of threads, or not at all: the same. */
static void the_same_in_every_way(const bso_settings *s)
{
    bso_run whole, parts;
    const bso_train_options o = options();
    bso_small_train(s, &whole, NULL);
    if (s->threads) assert_int_equal(whole.threads, s->threads > s->shards ? s->threads / s->shards : 1);
    bso_train_options stopping = o;
    stopping.progress = bso_small_stop;
    bso_settings other = *s;
    int stops = 0, status;
    for (;; stops++) {
        other.threads = 1 + 2 * (stops % 4);
        status = bso_train(&other, &parts, &stopping);
        bso_stop_requested = 0;
        if (status != BSO_INTERRUPTED) break;
        bso_run_free(&parts);
    }
    if (status) fail_msg("%s", bso_error());
    assert_true(stops >= 3);
    assert_int_equal(parts.continued, stops);
    bso_small_same(&whole, &parts);
    bso_run_free(&whole);
    bso_run_free(&parts);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static void every_rule_and_estimator(void **state)
{
    (void)state;
    for (int i = 0; bso_optimizers[i]; i++) {
        for (int g = 0; bso_gradients[g]; g++) {
            if (getenv("BSO_TEST_SHORT") && (i + g) % 4) continue;
            bso_settings s = bso_small_training(), checked;
            s.hypers_set = 0; /* they are T-BSO's */
            bso_small_set(&s, "epochs", "2");
            bso_small_set(&s, "shards", (i + g) % 2 ? "2" : "4");
            bso_small_set(&s, "threads", "5");
            bso_small_set(&s, "optimizer", bso_optimizers[i]->name);
            bso_small_set(&s, "gradient", bso_gradients[g]->name);
            checked = s;
            if (bso_settings_check(&checked) == 0) the_same_in_every_way(&s);
        }
    }
}

static void every_option(void **state)
{
    (void)state;
    static const char *const sets[][4] = {{"momentum_bits", "8"},
                                          {"momentum_bits", "16", "shards", "8"},
                                          {"norm_batches", "3"},
                                          {"measure", "flips"},
                                          {"update", "accumulated"},
                                          {"augment", "crop+flip"},
                                          {"workers", "2"},
                                          {"network", "4C3-6R3s2-GAP-FC"},
                                          {"neuron", "sign", "steps", "1"},
                                          {"behaviour", "reference", "validation", "0"}};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        bso_settings s = bso_small_training();
        bso_small_set(&s, "shards", "4");
        bso_small_set(&s, "threads", "9");
        for (int k = 0; k < 4 && sets[i][k]; k += 2) bso_small_set(&s, sets[i][k], sets[i][k + 1]);
        the_same_in_every_way(&s);
    }
}

/* A checkpoint gathers what the ranks have counted: no number of them changes what is counted. */
static void checkpoints_change_nothing(void **state)
{
    (void)state;
    bso_settings s = bso_small_training();
    bso_small_set(&s, "shards", "4");
    bso_run whole, watched;
    bso_train_options o = options();
    o.checkpoints.seconds = 0; /* at every batch */
    bso_small_train(&s, &whole, NULL);
    bso_small_train(&s, &watched, &o);
    bso_small_same(&whole, &watched);
    bso_run_free(&whole);
    bso_run_free(&watched);
}

/* Logs that are no sums in an order of their own: against one shard they are the same, or nearly. */
static void logs_are_those_of_all_ranks(void **state)
{
    (void)state;
    bso_settings s = bso_small_training();
    bso_small_set(&s, "epochs", "1");
    bso_small_set(&s, "gradient", "bptt");
    bso_small_set(&s, "lr", "0");
    bso_small_set(&s, "gamma",
                  "1e6"); /* nothing is learnt: only batch norm's statistics are rounded differently */
    bso_run whole, cut;
    bso_small_train(&s, &whole, NULL);
    bso_small_set(&s, "shards", "4");
    bso_small_train(&s, &cut, NULL);
    assert_int_equal(whole.batches, cut.batches);
    for (size_t b = 0; b < whole.batches; b++)
        assert_true(fabs(whole.batch_loss[b] - cut.batch_loss[b]) <= 1e-6 * whole.batch_loss[b]);
    assert_true(whole.final.train_accuracy == cut.final.train_accuracy);
    assert_true(whole.final.test_accuracy == cut.final.test_accuracy);
    assert_true(whole.final.validation_accuracy == cut.final.validation_accuracy);
    assert_true(fabs(whole.final.test_loss - cut.final.test_loss) <= 1e-6 * whole.final.test_loss);
    for (int i = 0; i < whole.neuron_logs; i++) {
        for (int64_t t = 0; t < s.steps; t++)
            assert_true(fabs(whole.neurons[i].firing_rate[t] - cut.neurons[i].firing_rate[t]) <= 1e-3);
    }
    assert_int_equal(whole.operation_logs, cut.operation_logs);
    for (int i = 0; i < whole.operation_logs; i++) {
        const double effective = whole.operations[i].effective;
        assert_true(fabs(effective - cut.operations[i].effective) <= 1e-3 * effective);
    }
    bso_run_free(&whole);
    bso_run_free(&cut);
}

/* What was exchanged is in the result; a file of one shard has nothing of it. */
static void results_tell_what_was_exchanged(void **state)
{
    (void)state;
    bso_settings s = bso_small_training();
    bso_small_set(&s, "epochs", "1");
    for (int shards = 1; shards <= 4; shards += 3) {
        bso_run run, read;
        const char *path = bso_files_at("run.h5");
        s.shards = shards;
        bso_small_train(&s, &run, NULL);
        if (bso_result_write(path, &run, NULL) || bso_result_read(path, &read)) fail_msg("%s", bso_error());
        assert_int_equal(read.settings.shards, shards);
        assert_string_equal(read.ranks, shards > 1 ? "threads" : "");
        assert_true((read.traffic.bytes > 0) == (shards > 1));
        assert_memory_equal(&read.traffic, &run.traffic, sizeof run.traffic);
        /* T = 2: the loss, two batch norms there and back, five other parameters; and the predictions. */
        assert_true(read.traffic.calls == (shards > 1 ? (double)run.batches * (2 * (1 + 4 + 5) + 1) : 0));
        bso_run_free(&run);
        bso_run_free(&read);
    }
}

static void one_that_diverges_is_a_result(void **state)
{
    (void)state;
    bso_settings s = bso_small_training();
    bso_small_set(&s, "lr", "1000");
    bso_small_set(&s, "loss_mse", "1");
    bso_small_set(&s, "epochs", "50");
    bso_small_set(&s, "shards", "4");
    bso_run run;
    assert_int_equal(bso_train(&s, &run, NULL), BSO_DIVERGED);
    assert_true(*run.stopped && run.batches > 0);
    bso_run_free(&run);
}

static void no_rank_waits_when_memory_is_out(void **state)
{
    (void)state;
    bso_settings s = bso_small_training();
    bso_small_set(&s, "shards", "4");
    bso_small_set(&s, "epochs", "1");
    const int step = getenv("BSO_TEST_SHORT") ? 97 : 13;
    size_t n = 1;
    for (int status = BSO_ERROR; status; n += (size_t)step) {
        bso_run run;
        bso_mem_fail_after(n);
        status = bso_train(&s, &run, NULL);
        bso_mem_fail_after(0);
        bso_run_free(&run);
        assert_true(status == 0 || status == BSO_ERROR);
        assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
    }
    assert_true(n > 200);
}

/* ---- samples ---- */

/* The shards of a sequence of batches, one after the other, are the batches. */
static void shards_are_parts_of_batches(void **state)
{
    (void)state;
    bso_settings s = bso_small_training();
    bso_small_set(&s, "augment", "crop");
    for (int workers = 0; workers <= 2; workers += 2) {
        s.workers = workers;
        s.shards = 1;
        bso_loader whole, part[4];
        assert_int_equal(bso_loader_open(&whole, &s), 0);
        s.shards = 4;
        for (int i = 0; i < 4; i++)
            assert_int_equal(bso_loader_open_shard(&part[i], &s, i, i ? &part[0] : NULL), 0);
        for (int split = 0; split < BSO_SPLITS; split++) {
            const size_t count = whole.count[split];
            const float *x, *mine;
            const int *y, *labels;
            size_t n, own;
            assert_int_equal(bso_loader_start(&whole, (bso_split)split, 1, 0, count, 8), 0);
            for (int i = 0; i < 4; i++)
                assert_int_equal(bso_loader_start(&part[i], (bso_split)split, 1, 0, count, 8), 0);
            for (size_t first = 0; first < count; first += 8) {
                assert_int_equal(bso_loader_next(&whole, &x, &y, &n), 0);
                size_t at = 0;
                for (int i = 0; i < 4; i++, at += own) {
                    assert_int_equal(bso_loader_next(&part[i], &mine, &labels, &own), 0);
                    if (own == 0) continue;
                    assert_int_equal(at, i * 2);
                    const size_t pixels = BSO_SMALL_SIDE * BSO_SMALL_SIDE;
                    assert_memory_equal(mine, x + at * pixels, own * pixels * sizeof *x);
                    assert_memory_equal(labels, y + at, own * sizeof *y);
                }
                assert_int_equal(at, n);
            }
        }
        bso_loader_close(&whole);
        for (int i = 3; i >= 0; i--) bso_loader_close(&part[i]);
    }
}

/* ---- settings ---- */

static void what_does_not_go_together_is_refused(void **state)
{
    (void)state;
    static const char *const sets[][3] = {{"batch", "10", "no multiple"},
                                          {"error_bits", "8", "error_bits=32"},
                                          {"measure", "flips+cosine", "cosine"},
                                          {"trace", "t.h5", "trace"}};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        bso_settings s;
        bso_settings_default(&s);
        bso_small_set(&s, sets[i][0], sets[i][1]);
        assert_int_equal(bso_settings_check(&s), 0);
        bso_small_set(&s, "shards", "4");
        assert_int_equal(bso_settings_check(&s), BSO_ERROR);
        assert_non_null(strstr(bso_error(), sets[i][2]));
        assert_non_null(strstr(bso_error(), "shards=4"));
    }
}

/* Results from before there was the key keep their names. */
static void one_shard_is_no_part_of_the_hash(void **state)
{
    (void)state;
    bso_settings s;
    bso_settings_default(&s);
    assert_true(bso_settings_hash(&s) == UINT64_C(0xf1f6fe128ae09363));
    bso_small_set(&s, "shards", "2");
    assert_true(bso_settings_hash(&s) != UINT64_C(0xf1f6fe128ae09363));
}

int main(void)
{
    if (bso_start(0)) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_in_order),
        cmocka_unit_test(what_one_rank_says_all_know),
        cmocka_unit_test(nobody_waits_for_a_rank_that_left),
        cmocka_unit_test(gradients_are_those_of_the_batch),
        cmocka_unit_test(every_rule_and_estimator),
        cmocka_unit_test(every_option),
        cmocka_unit_test(checkpoints_change_nothing),
        cmocka_unit_test(logs_are_those_of_all_ranks),
        cmocka_unit_test(results_tell_what_was_exchanged),
        cmocka_unit_test(one_that_diverges_is_a_result),
        cmocka_unit_test(no_rank_waits_when_memory_is_out),
        cmocka_unit_test(shards_are_parts_of_batches),
        cmocka_unit_test(what_does_not_go_together_is_refused),
        cmocka_unit_test(one_shard_is_no_part_of_the_hash),
    };
    return cmocka_run_group_tests(tests, bso_files_setup, bso_files_teardown);
}
