/* rules.h: parameters, gradients and updates for the tests of update rules. Included by them alone. */
#ifndef BSO_TESTS_RULES_H
#define BSO_TESTS_RULES_H

#include "core/momentum.h"
#include "core/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static const bso_schedule constant = {BSO_SCHEDULE_CONSTANT, 1, 1, 1};

/* Shapes around the 64 of a word, the 256 of a strip and the 1024 of a block. */
static const struct {
    int rows, cols;
} shapes[] = {{1, 1}, {3, 5}, {65, 7}, {144, 32}, {130, 33}, {64, 257}, {32, 300}, {31, 33}};

enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static inline double normal(uint32_t stream, uint64_t index)
{
    return bso_random_normal(7, BSO_RANDOM_TEST, stream, index);
}

static inline void assert_near(double value, double expected, double allowed)
{
    if (!(fabs(value - expected) <= allowed))
        fail_msg("%.17g is not %.17g within %g", value, expected, allowed);
}

static inline void *allocate(size_t count, size_t size)
{
    void *block = calloc(count, size);
    assert_non_null(block);
    return block;
}

/* Latent and float weights normal, one-bit weights their signs. */
static inline bso_param make_param(bso_representation representation, int rows, int cols)
{
    bso_param p = {.name = "conv2.weight",
                   .representation = representation,
                   .rows = rows,
                   .cols = cols,
                   .kernel_h = 1,
                   .kernel_w = 1,
                   .inputs = rows,
                   .words = (rows + 63) / 64,
                   .main = true};
    const size_t count = bso_param_count(&p);
    p.real = allocate(count, sizeof(float));
    for (size_t i = 0; i < count; i++) p.real[i] = (float)normal(1, i);
    if (representation != BSO_REP_FLOAT) {
        p.bits = allocate((size_t)cols * (size_t)p.words, sizeof(uint64_t));
        bso_param_sign(&p);
    }
    if (representation == BSO_REP_BITS) {
        free(p.real);
        p.real = NULL;
    }
    return p;
}

static inline void free_param(bso_param *p)
{
    free(p->bits);
    free(p->real);
}

static inline float *make_gradient(size_t count, uint32_t stream)
{
    float *g = allocate(count, sizeof *g);
    for (size_t i = 0; i < count; i++) g[i] = (float)(0.1 * normal(stream, i));
    return g;
}

static inline const bso_optimizer *find(const char *name)
{
    const bso_optimizer *rule = bso_optimizer_find(name);
    assert_non_null(rule);
    return rule;
}

static inline void defaults(const bso_optimizer *rule, double base[BSO_HYPER_MAX])
{
    for (int i = 0; rule->hypers[i].name; i++) base[i] = rule->hypers[i].initial;
}

static inline void set_hyper(const bso_optimizer *rule, double base[BSO_HYPER_MAX], const char *name,
                             double value)
{
    const int i = bso_hyper_index(rule, name);
    assert_true(i >= 0);
    base[i] = value;
}

static inline void init(bso_learner *l, const bso_optimizer *rule, bso_param *p, int steps,
                        const double *base)
{
    assert_int_equal(bso_learner_init(l, rule, p, steps, base, &constant, &constant, NULL), 0);
}

static inline void update(bso_learner *l, int t, const float *gradient)
{
    bso_learner_begin(l, t);
    bso_learner_tile(l, 0, bso_param_count(l->param), gradient);
    assert_int_equal(bso_learner_end(l), 0);
}

static inline bso_scalar momentum_at(const bso_learner *l, size_t index)
{
    bso_scalar m;
    l->rule->momentum(l, index, 1, &m);
    return m;
}

static inline void assert_padding_is_zero(const bso_param *p)
{
    if (!p->bits || p->rows % 64 == 0) return;
    for (int o = 0; o < p->cols; o++) assert_true(p->bits[o * p->words + p->words - 1] >> p->rows % 64 == 0);
}

#endif
