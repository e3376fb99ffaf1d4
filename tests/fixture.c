/* fixture.c: see fixture.h. */
#include "tests/fixture.h"

#include "core/error.h"
#include "core/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

const bso_fixture bso_fixture_plain = {.network = "16C3-16C3-AP2-16C3-GAP-FC",
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

const char bso_fixture_residual[] = "8C3s2-AP2-8R3-16R3s2-24R3-24R3-GAP-FC";

static double normal(uint64_t seed, uint32_t stream, uint64_t index)
{
    return bso_random_normal(seed, BSO_RANDOM_TEST, stream, index);
}

void *bso_fixture_zeros(size_t count, size_t size)
{
    void *block = calloc(count ? count : 1, size);
    assert_non_null(block);
    return block;
}

/* ---- building */

void bso_fixture_set(bso_settings *s, const char *key, const char *value)
{
    if (bso_settings_set(s, key, value)) fail_msg("%s", bso_error());
}

static void set_number(bso_settings *s, const char *key, double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.17g", value);
    bso_fixture_set(s, key, text);
}

bso_settings bso_fixture_settings(const bso_fixture *c)
{
    bso_settings s;
    bso_settings_default(&s);
    bso_fixture_set(&s, "network", c->network);
    bso_fixture_set(&s, "optimizer", c->optimizer);
    bso_fixture_set(&s, "gradient", c->gradient);
    bso_fixture_set(&s, "update", c->update ? c->update : "auto");
    bso_fixture_set(&s, "neuron", c->sign ? "sign" : "lif");
    if (c->error_bits) set_number(&s, "error_bits", c->error_bits);
    set_number(&s, "batch", c->batch);
    set_number(&s, "steps", c->steps);
    bso_fixture_set(&s, "surrogate", c->rectangular ? "rectangular" : "sigmoid");
    bso_fixture_set(&s, "detach_reset", c->detach_reset ? "on" : "off");
    set_number(&s, "leak", c->leak);
    set_number(&s, "threshold", c->threshold);
    set_number(&s, "loss_mse", c->loss_mse);
    return s;
}

bso_network *bso_fixture_build(const bso_fixture *c, bso_settings *s, bool training)
{
    bso_network *net;
    if (bso_settings_check(s)) fail_msg("%s", bso_error());
    if (bso_network_create(&net, s, c->channels, c->height, c->width, c->frames, c->classes, training) ||
        (training && bso_network_attach(net, s, 100))) {
        fail_msg("%s", bso_error());
    }
    return net;
}

void bso_fixture_enliven(bso_network *net, uint64_t seed)
{
    bso_param *params;
    int count = bso_network_params(net, &params);
    for (int i = 0; i < count; i++) {
        bso_param *p = &params[i];
        bool output = i >= count - 2;
        for (size_t k = 0; (p->vector || output) && k < bso_param_count(p); k++) {
            bool scale = p->vector && strstr(p->name, ".weight");
            p->real[k] = (float)((scale ? 1.0 : 0.2) + (output ? 0.5 : 0.3) * normal(seed, (uint32_t)i, k));
        }
    }
}

void bso_fixture_batch(const bso_fixture *c, uint64_t seed, float *x, int *y)
{
    size_t count = (size_t)(c->frames * c->channels * c->batch * c->height * c->width);
    for (size_t i = 0; i < count; i++) x[i] = (float)normal(seed, 1000, i);
    for (int b = 0; b < c->batch; b++) {
        y[b] = (int)bso_random_below(seed, BSO_RANDOM_TEST, 1001, (uint64_t)b, (uint64_t)c->classes);
    }
}

/* ---- what a training step did, as its observer saw it */

static void on_step(void *user, int t, double loss, const float *output, int n)
{
    bso_fixture_record *r = user;
    size_t count = (size_t)(r->classes * n);
    memcpy(r->output + (size_t)t * count, output, count * sizeof *output);
    r->loss[t] = loss;
}

static void on_gradient(void *user, const bso_learner *l, size_t first, size_t n, const float *g)
{
    bso_fixture_record *r = user;
    size_t at = (size_t)l->t * bso_param_count(l->param) + first;
    memcpy(r->gradient[l->param->ordinal] + at, g, n * sizeof *g);
    for (size_t i = 0; i < n; i++) r->seen[l->param->ordinal][at + i]++;
}

static void on_step_done(void *user, int t)
{
    bso_fixture_record *r = user;
    (void)t;
    r->steps_done++;
}

bso_fixture_record bso_fixture_record_create(const bso_fixture *c, const bso_network *net)
{
    bso_param *params;
    int count = bso_network_params(net, &params);
    assert_true(count <= BSO_FIXTURE_PARAMS);
    bso_fixture_record r = {.net = net, .classes = c->classes, .steps = c->steps};
    for (int i = 0; i < count; i++) {
        r.gradient[i] = bso_fixture_zeros((size_t)c->steps * bso_param_count(&params[i]), sizeof(float));
        r.seen[i] = bso_fixture_zeros((size_t)c->steps * bso_param_count(&params[i]), 1);
    }
    r.output = bso_fixture_zeros((size_t)(c->steps * c->classes * c->batch), sizeof(float));
    r.loss = bso_fixture_zeros((size_t)c->steps, sizeof(double));
    return r;
}

void bso_fixture_record_free(bso_fixture_record *r)
{
    for (int i = 0; i < BSO_FIXTURE_PARAMS; i++) {
        free(r->gradient[i]);
        free(r->seen[i]);
    }
    free(r->output);
    free(r->loss);
}

bso_observer bso_fixture_observer(bso_fixture_record *r)
{
    return (bso_observer){.user = r, .step = on_step, .gradient = on_gradient, .step_done = on_step_done};
}
