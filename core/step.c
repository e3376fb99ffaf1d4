/* step.c: what happens in a batch: forward through time, loss, backward, updates. See network.h. */
#include "core/layer.h"

#include "core/error.h"

#include <math.h>
#include <omp.h>
#include <string.h>

/* ---- updates ---- */

void bso_update_open(const bso_pass *pass, bso_param *p)
{
    bso_network *net = pass->net;
    if (!net->accumulated && !net->shards) bso_learner_begin(&net->learners[p->ordinal], pass->t);
}

static void give_tile(const bso_pass *pass, bso_learner *learner, size_t first, size_t n,
                      const float *gradient)
{
    if (pass->observer && pass->observer->gradient)
        pass->observer->gradient(pass->observer->user, learner, first, n, gradient);
    double begun = bso_stage_update_begin(pass->net->stages);
    bso_learner_tile(learner, first, n, gradient);
    bso_stage_update_end(pass->net->stages, begun);
}

void bso_update_tile(const bso_pass *pass, bso_param *p, size_t first, size_t n, const float *gradient)
{
    bso_network *net = pass->net;
    if (pass->observer && pass->observer->step_gradient)
        pass->observer->step_gradient(pass->observer->user, p, pass->t, first, n, gradient);
    if (!net->accumulated && net->shards) {
        memcpy(net->collected + first, gradient, n * sizeof *gradient);
        return;
    }
    if (!net->accumulated) {
        give_tile(pass, &net->learners[p->ordinal], first, n, gradient);
        return;
    }
    /* The first step to arrive is copied, so that with T = 1 the sum has the very bits of the step. */
    float *sum = net->accumulated_gradient[p->ordinal] + first;
    if (pass->t == (net->estimator->through_time ? net->steps - 1 : 0)) {
        memcpy(sum, gradient, n * sizeof *sum);
    } else {
        for (size_t i = 0; i < n; i++) sum[i] += gradient[i];
    }
}

static int give_end(const bso_pass *pass, bso_learner *learner)
{
    int status = bso_learner_end(learner);
    if (!status && pass->observer && pass->observer->updated)
        pass->observer->updated(pass->observer->user, learner);
    return status;
}

/* An update by a gradient that is there as a whole; of a shard it becomes that of the batch first. */
static int give_whole(const bso_pass *pass, bso_param *p, float *gradient, int entry)
{
    enum { TILE = 16 * BSO_TILE_ALIGN };
    bso_learner *learner = &pass->net->learners[p->ordinal];
    const size_t count = bso_param_count(p);
    if (!p->of_batch) bso_shards_sum(pass->net->shards, gradient, count);
    bso_learner_begin(learner, entry);
#pragma omp parallel for schedule(static)
    for (size_t first = 0; first < count; first += TILE) {
        give_tile(pass, learner, first, count - first < TILE ? count - first : TILE, gradient + first);
    }
    return give_end(pass, learner);
}

int bso_update_close(const bso_pass *pass, bso_param *p)
{
    bso_network *net = pass->net;
    if (net->accumulated) return 0;
    if (net->shards) return give_whole(pass, p, net->collected, pass->t);
    return give_end(pass, &net->learners[p->ordinal]);
}

int bso_update_flush(const bso_pass *pass)
{
    bso_network *net = pass->net;
    for (int i = 0; i < net->param_count; i++) {
        int status = give_whole(pass, &net->params[i], net->accumulated_gradient[i], 0);
        if (status) return status;
    }
    bso_stage_end(net->stages, net->layers, BSO_STAGE_UPDATE);
    return 0;
}

/* ---- loss ---- */

/* log sum_c exp(output[c]) of a sample. */
static double log_partition(const float *output, int classes, int n, int sample)
{
    double largest = (double)output[sample], total = 0;
    for (int c = 1; c < classes; c++) largest = fmax(largest, (double)output[c * n + sample]);
    for (int c = 0; c < classes; c++) total += exp((double)output[c * n + sample] - largest);
    return log(total) + largest;
}

/* L[t] = ((1 - a) CE + a MSE) / T, CE a mean over the batch, MSE over batch and classes (docs/methods.md, 3).
 * Serial: a batch of outputs is small. */
int bso_loss_step(const bso_pass *pass, const float *output, const int *y, float *gradient, double *loss)
{
    const bso_network *net = pass->net;
    int n = pass->n, classes = net->classes;
    /* In training the mean is over the batch, of which this may be a shard. */
    double samples = pass->training ? (double)bso_pass_samples(pass) : n;
    double a = net->loss_mse, ce = 0, mse = 0, share = 1.0 / ((double)net->steps * samples);
    for (int sample = 0; sample < n; sample++) {
        ce += log_partition(output, classes, n, sample) - (double)output[y[sample] * n + sample];
        for (int c = 0; c < classes; c++) {
            double away = (double)output[c * n + sample] - (c == y[sample] ? 1 : 0);
            mse += away * away;
        }
    }
    double step = share * ((1 - a) * ce + a * mse / classes);
    if (pass->training) bso_shards_sum_doubles(net->shards, &step, 1);
    *loss += step;
    for (int i = 0; i < classes * n; i++) net->logits[i] = pass->t ? net->logits[i] + output[i] : output[i];
    if (pass->observer && pass->observer->step)
        pass->observer->step(pass->observer->user, pass->t, step, output, n);
    if (!isfinite(step)) {
        bso_fail("fc: the loss is not finite at time step %d of %d; lower lr, or check the data", pass->t + 1,
                 net->steps);
        return BSO_DIVERGED;
    }
    for (int sample = 0; gradient && sample < n; sample++) {
        double partition = log_partition(output, classes, n, sample);
        for (int c = 0; c < classes; c++) {
            double o = (double)output[c * n + sample], target = c == y[sample] ? 1 : 0;
            gradient[c * n + sample] =
                (float)(share * ((1 - a) * (exp(o - partition) - target) + a * 2 * (o - target) / classes));
        }
    }
    bso_stage_end(net->stages, net->layers, BSO_STAGE_LOSS);
    return 0;
}

/* ---- batch ---- */

/* Scratch was made for the threads there were when the network was built. */
static void keep_threads(const bso_network *net)
{
    if (omp_get_max_threads() > net->threads) omp_set_num_threads(net->threads);
}

static const double norm_momentum = 0.1; /* of batch norm's running statistics in training */

static bso_pass pass_at(bso_network *net, const float *x, int n, int t, bool training,
                        const bso_observer *observer)
{
    size_t frame = (size_t)net->channels * (size_t)n * (size_t)net->height * (size_t)net->width;
    return (bso_pass){.net = net,
                      .n = n,
                      .t = t,
                      .training = training,
                      .norm_rate = training ? norm_momentum : 0,
                      .x = net->frames > 1 ? x + (size_t)t * frame : x,
                      .observer = observer};
}

static float *forward(const bso_pass *pass)
{
    bso_network *net = pass->net;
    bso_stage_end(net->stages, net->layers, BSO_STAGE_OTHER);
    for (int i = 0; i < net->layers; i++) {
        if (net->counter && !pass->training) bso_counter_see(net->counter, i, pass);
        net->layer[i].kind->forward(&net->layer[i], pass);
        bso_stage_end(net->stages, i, net->layer[i].kind->forward_stage);
    }
    return bso_layer_map(&net->layer[net->layers - 1], pass->t);
}

/* A branch of a residual unit is done: its gradient changes places with what is waiting, or both are summed.
 */
static void end_branch(const bso_pass *pass, const bso_layer *l)
{
    bso_network *net = pass->net;
    float *gradient = net->gradient[0], *waiting = net->waiting;
    if (l->branch == BSO_BRANCH_SWAP) {
        net->gradient[0] = waiting;
        net->waiting = gradient;
    } else if (l->branch == BSO_BRANCH_ADD) {
        int64_t count = (int64_t)l->below->out_size * pass->n;
#pragma omp parallel for schedule(static)
        for (int64_t i = 0; i < count; i++) gradient[i] += waiting[i];
    }
}

static int backward(const bso_pass *pass)
{
    bso_network *net = pass->net;
    for (int i = net->layers - 1; i >= 0; i--) {
        bso_layer *l = &net->layer[i];
        int status = l->kind->backward(l, pass, i > 0);
        if (status) return status;
        end_branch(pass, l);
        bso_stage_end(net->stages, i, l->kind->backward_stage);
    }
    return 0;
}

static int correct_predictions(const bso_network *net, const int *y, int n)
{
    int correct = 0;
    for (int sample = 0; sample < n; sample++) {
        int best = 0;
        for (int c = 1; c < net->classes; c++) {
            if (net->logits[c * n + sample] > net->logits[best * n + sample]) best = c;
        }
        correct += best == y[sample];
    }
    return correct;
}

/* Online: every step is learnt from as it happens. */
static int train_online(bso_network *net, const float *x, const int *y, int n, const bso_observer *observer,
                        double *loss)
{
    for (int t = 0; t < net->steps; t++) {
        bso_pass pass = pass_at(net, x, n, t, true, observer);
        const float *output = forward(&pass);
        int status = bso_loss_step(&pass, output, y, net->gradient[0], loss);
        if (!status) status = backward(&pass);
        if (!status && net->accumulated && t == net->steps - 1) status = bso_update_flush(&pass);
        if (status) return status;
        if (observer && observer->step_done) observer->step_done(observer->user, t);
    }
    return 0;
}

/* Back-propagation through time: all steps forward, then all steps backward, then one update. */
static int train_through_time(bso_network *net, const float *x, const int *y, int n,
                              const bso_observer *observer, double *loss)
{
    size_t outputs = (size_t)net->classes * (size_t)n;
    bso_layer *last = &net->layer[net->layers - 1];
    for (int t = 0; t < net->steps; t++) {
        bso_pass pass = pass_at(net, x, n, t, true, observer);
        float *output = forward(&pass);
        int status = bso_loss_step(&pass, output, y, output, loss);
        if (status) return status;
    }
    for (int t = net->steps - 1; t >= 0; t--) {
        bso_pass pass = pass_at(net, x, n, t, true, observer);
        memcpy(net->gradient[0], bso_layer_map(last, t), outputs * sizeof(float));
        int status = backward(&pass);
        if (!status && t == 0) status = bso_update_flush(&pass);
        if (status) return status;
    }
    if (observer && observer->step_done) observer->step_done(observer->user, net->steps - 1);
    return 0;
}

int bso_network_train(bso_network *net, const float *x, const int *y, int n, const bso_observer *observer,
                      bso_batch_result *result)
{
    *result = (bso_batch_result){0};
    keep_threads(net);
    bso_stage_begin(net->stages);
    if (observer && observer->batch) observer->batch(observer->user, x, y, n);
    int status = net->estimator->through_time ? train_through_time(net, x, y, n, observer, &result->loss)
                                              : train_online(net, x, y, n, observer, &result->loss);
    uint64_t correct = status ? 0 : (uint64_t)correct_predictions(net, y, n);
    if (!status) bso_shards_sum_counts(net->shards, &correct, 1);
    result->correct = (int)correct;
    bso_stage_end(net->stages, net->layers, BSO_STAGE_OTHER);
    return status;
}

void bso_network_evaluate(bso_network *net, const float *x, const int *y, int n, bso_batch_result *result)
{
    *result = (bso_batch_result){0};
    keep_threads(net);
    bso_stage_begin(net->stages);
    for (int t = 0; t < net->steps; t++) {
        bso_pass pass = pass_at(net, x, n, t, false, NULL);
        /* A loss that is not finite is reported as such, not refused: the network is only looked at. */
        (void)bso_loss_step(&pass, forward(&pass), y, NULL, &result->loss);
    }
    result->correct = correct_predictions(net, y, n);
}

void bso_network_estimate_norm(bso_network *net, const float *x, int n, size_t batch)
{
    keep_threads(net);
    bso_stage_begin(net->stages);
    for (int t = 0; t < net->steps; t++) {
        bso_pass pass = pass_at(net, x, n, t, false, NULL);
        /* A cumulative average: the k-th statistic, from 0, moves it by 1 / (k + 1). */
        pass.norm_rate = 1 / ((double)batch * net->steps + t + 1);
        forward(&pass);
    }
}
