/* test_claims_theory.c: verdicts on the paper's claims about memory, the size of models and regret, from
 * evidence made by hand: every claim both ways. Claims about trainings: test_claims.c.
 */
#include "tests/evidence.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- Memory ---- */

/* A method's bytes at T = 1 .. last: fixed + growth T; of each weight so many bits and latent bytes. */
static bso_memory_file *planned(const char *method, const char *optimizer, int last, double fixed,
                                double growth, size_t latent, size_t state)
{
    bso_memory_file *f = &bso_made.files[bso_made.memory.count++];
    const size_t weights = 9216000;
    assert_int_equal(bso_memory_file_room(f, last, 0, 0, 0), 0);
    snprintf(f->kind, sizeof f->kind, "steps");
    snprintf(f->method, sizeof f->method, "%s", method);
    snprintf(f->label, sizeof f->label, "%s", method);
    snprintf(f->optimizer, sizeof f->optimizer, "%s", optimizer);
    snprintf(f->network, sizeof f->network, "vgg11");
    f->batch = 128;
    for (int t = 1; t <= last; t++) {
        bso_memory_point *p = &f->point[t - 1];
        p->steps = (size_t)t;
        p->batch = 128;
        p->main_weights = weights;
        p->main_layers = 7;
        p->weight_bytes = weights / 8 + latent * weights;
        p->state_bytes = state * weights;
        p->bytes[BSO_MEM_WEIGHTS_BITS] = weights / 8;
        p->bytes[BSO_MEM_WEIGHTS_LATENT] = latent * weights;
        p->bytes[BSO_MEM_OPTIMIZER] = state * weights;
        p->bytes[BSO_MEM_ACTIVATIONS] = (size_t)(fixed + growth * t);
        p->bytes[BSO_MEM_DATASET] = (size_t)(1e9 * t); /* does not count */
    }
    return f;
}

static void memory_against_steps(void **state)
{
    (void)state;
    bso_memory_file *bso = planned("bso", "bso", 35, 1e9, 0, 0, 4);
    planned("tbso", "tbso", 35, 1e9, 7 * 8, 0, 4);
    bso_made_expect(1, BSO_CLAIM_UNTESTED, "bso memory");
    bso_made_expect(3, BSO_CLAIM_HOLDS, "");
    assert_non_null(strstr(bso_made.judgement[2].decided->outcome,
                           "8 bytes for each layer and time step, and 0 besides"));
    planned("adam_ste", "adam_ste", 35, 0.4e9, 1.2e9, 4, 8);
    bso_made_expect(1, BSO_CLAIM_CORRECTED, "times, not 20.3 times");
    /* 20.3 times: 0.112 GB of weights and state, 0.4 fixed. */
    for (int t = 1; t <= 35; t++)
        bso_made.files[2].point[t - 1].bytes[BSO_MEM_ACTIVATIONS] = (size_t)(0.6e9 * t + 0.3e9);
    bso_made_expect(1, BSO_CLAIM_HOLDS, "");
    bso->point[34].bytes[BSO_MEM_ACTIVATIONS] += (size_t)0.1e9;
    bso_made_expect(1, BSO_CLAIM_FAILS, "bso grows with T");
    bso_made_expect(3, BSO_CLAIM_FAILS, "L × T");
    snprintf(bso->network, sizeof bso->network, "16C3-GAP-FC");
    bso_made_expect(1, BSO_CLAIM_NOT_SEEN, "");
}

static void scalars_and_more(void **state)
{
    (void)state;
    planned("bso", "bso", 8, 1e9, 0, 0, 4);
    planned("tbso", "tbso", 8, 1e9 + 64, 7 * 8, 0, 4);
    bso_made_expect(3, BSO_CLAIM_CORRECTED, "64 bytes");
    for (int t = 1; t <= 8; t++) bso_made.files[1].point[t - 1].bytes[BSO_MEM_ACTIVATIONS] += (size_t)(7 * t);
    bso_made_expect(3, BSO_CLAIM_FAILS, "");
}

static void latent_storage(void **state)
{
    (void)state;
    planned("tbso", "tbso", 2, 1e9, 56, 0, 4);
    planned("adam_ste", "adam_ste", 2, 1e9, 1e9, 4, 8);
    bso_made_expect(2, BSO_CLAIM_HOLDS, "");
    assert_non_null(strstr(bso_made.judgement[1].decided->outcome, "32.00 times"));
    planned("sgd_ste", "sgd_ste", 2, 1e9, 1e9, 4, 0);
    bso_made_expect(2, BSO_CLAIM_CORRECTED,
                    "keeps 4.125 bytes for each weight, the leanest latent-weight method 4.125");
    for (int t = 0; t < 2; t++) bso_made.files[0].point[t].bytes[BSO_MEM_WEIGHTS_BITS] *= 2;
    bso_made_expect(2, BSO_CLAIM_FAILS, "");
}

static void models(void **state)
{
    (void)state;
    bso_memory_file *f = &bso_made.files[bso_made.memory.count++];
    assert_int_equal(bso_memory_file_room(f, 0, 0, 0, 4), 0);
    const struct {
        const char *dataset;
        double bytes, floats;
    } sizes[] = {{"CIFAR-10", 1.1996e6, 36.9078e6},
                 {"CIFAR-100", 1.3857e6, 37.0939e6},
                 {"ImageNet", 4.22e6, 87.19e6},
                 {"GSC", 1.2561e6, 37e6}};
    for (int i = 0; i < 4; i++) {
        bso_memory_model *m = &f->model[i];
        snprintf(m->dataset, sizeof m->dataset, "%s", sizes[i].dataset);
        m->bytes = sizes[i].bytes;
        m->float_bytes = sizes[i].floats;
    }
    bso_made_expect(14, BSO_CLAIM_HOLDS, "");
    assert_int_equal(bso_made_judge(17)->verdict, BSO_CLAIM_UNTESTED);
    bool said = false;
    for (int i = 0; i < bso_made.judgement[16].findings; i++) {
        said = said || (bso_made.judgement[16].finding[i].verdict == BSO_CLAIM_HOLDS &&
                        strstr(bso_made.judgement[16].finding[i].outcome, "1.26 MB"));
    }
    assert_true(said);
    f->model[2].bytes = 4.19e6;
    f->model[2].float_bytes = 46.76e6;
    bso_made_expect(14, BSO_CLAIM_CORRECTED, "ImageNet: 4.19 MB, not 4.22; ImageNet: 11.2 times smaller");
    f->model[2].bytes = 5e6;
    bso_made_expect(14, BSO_CLAIM_FAILS, "");
}

/* ---- Regret ---- */

/* R(k) = k^exponent, below or above its bounds. */
static bso_regret_result *played(const char *rule, bso_family family, bso_reading reading, int seeds,
                                 double exponent)
{
    bso_regret_result *r = &bso_made.results[bso_made.regret.count++];
    *r = (bso_regret_result){.family = family, .d = 8, .rounds = 100000, .seeds = seeds, .applies = true};
    if (bso_families[family].one) r->d = 1;
    snprintf(r->rule, sizeof r->rule, "%s", rule);
    r->schedule = (bso_regret_schedule){.reading = reading, .gamma = 0.1, .rate = 0.5, .eps = 1e-8};
    r->checkpoints = bso_regret_checkpoints(r->rounds, r->k);
    assert_int_equal(bso_regret_result_alloc(r), 0);
    for (int s = 0; s < seeds; s++) {
        r->seed[s] = (uint64_t)s + 1;
        for (int c = 0; c < BSO_CURVES; c++) {
            for (int i = 0; i < r->checkpoints; i++) {
                const double k = (double)r->k[i];
                const bool scaled = c == BSO_CURVE_BOUND + BSO_BOUND_GRADIENT; /* of T-BSO alone */
                r->curves[(c * seeds + s) * r->checkpoints + i] =
                    c == BSO_CURVE_REGRET                 ? pow(k, exponent + 0.0001 * s)
                    : scaled && strcmp(rule, "tbso") != 0 ? NAN
                                                          : 10 * k;
            }
        }
        for (int b = 0; b < BSO_BOUNDS; b++) r->bounds[b * seeds + s] = (bso_bound_record){.ratio = 0.5};
    }
    return r;
}

/* Every family but these, so that none is missing. */
static void play_the_others(const char *rule, unsigned without, double exponent)
{
    for (int f = 0; f < BSO_FAMILIES; f++) {
        if (!(without >> f & 1)) {
            played(rule, (bso_family)f, BSO_READING_A, bso_families[f].one ? 1 : 5, exponent);
        }
    }
}

static void violate(bso_regret_result *r, bso_bound bound)
{
    r->bounds[bound * r->seeds] = (bso_bound_record){.violations = 3, .first = 7, .last = 9, .ratio = 1.5};
}

static void regret_of_bso(void **state)
{
    (void)state;
    played("bso", BSO_FAMILY_LINEAR, BSO_READING_C, 5, 1);
    bso_made_expect(9, BSO_CLAIM_UNTESTED, "reading A");
    bso_regret_result *r = played("bso", BSO_FAMILY_LINEAR, BSO_READING_A, 5, 0.4);
    bso_made_expect(9, BSO_CLAIM_INCONCLUSIVE, "7 of 8 families of problems were not played");
    play_the_others("bso", 1u << BSO_FAMILY_LINEAR, 0.4);
    bso_made_expect(9, BSO_CLAIM_HOLDS, "");
    bso_made_expect(10, BSO_CLAIM_UNTESTED, "");
    bso_made_expect(11, BSO_CLAIM_INCONCLUSIVE, "8 of 8 families of problems were not played");
    play_the_others("tbso", 0, 0.6);
    bso_made_expect(11, BSO_CLAIM_HOLDS, "");
    violate(r, BSO_BOUND_PRINTED);
    bso_made_expect(9, BSO_CLAIM_CORRECTED, "the printed bound is exceeded in 1 of 8, first in round 7");
    violate(r, BSO_BOUND_DIMENSION);
    bso_made_expect(9, BSO_CLAIM_FAILS, "even with its factors");
}

static void regret_that_grows_too_fast(void **state)
{
    (void)state;
    played("bso", BSO_FAMILY_LINEAR, BSO_READING_A, 4, 0.9);
    bso_made_expect(9, BSO_CLAIM_INCONCLUSIVE, "or of fewer than 5 seeds");
    bso_made_expect(11, BSO_CLAIM_INCONCLUSIVE, "or of fewer than 5 seeds");
    played("bso", BSO_FAMILY_LEAST_SQUARES, BSO_READING_A, 5, 0.9);
    bso_made_expect(9, BSO_CLAIM_FAILS, bso_families[BSO_FAMILY_LEAST_SQUARES].title);
    played("tbso", BSO_FAMILY_LEAST_SQUARES, BSO_READING_A, 5, 0.7);
    play_the_others("tbso", 1u << BSO_FAMILY_LEAST_SQUARES, 0.7);
    bso_made_expect(10, BSO_CLAIM_HOLDS, "");
    /* One problem without a rate is enough for nothing to be settled. */
    bso_made_expect(11, BSO_CLAIM_INCONCLUSIVE,
                    "1 of 10 too short for a rate of growth, or of fewer than 5 seeds");
    /* Too few rounds tell no rate. */
    bso_made.results[1].rounds = 9999;
    bso_made_expect(9, BSO_CLAIM_INCONCLUSIVE, "too short");
    bso_made.results[1].rounds = 100000;
    /* One sequence without chance needs no seeds. */
    played("tbso", BSO_FAMILY_ADVERSARY, BSO_READING_A, 1, 1);
    bso_made_expect(10, BSO_CLAIM_FAILS, bso_families[BSO_FAMILY_ADVERSARY].title);
    bso_made_expect(11, BSO_CLAIM_FAILS, bso_families[BSO_FAMILY_ADVERSARY].title);
}

/* 32 random problems: one whose interval lies a little above by itself may be there by chance. */
static void many_rates(void **state)
{
    (void)state;
    bso_regret_result *r = played("bso", BSO_FAMILY_LINEAR, BSO_READING_A, 5, 0.4);
    for (int s = 0; s < 5; s++) {
        for (int i = 0; i < r->checkpoints; i++) {
            r->curves[(BSO_CURVE_REGRET * 5 + s) * r->checkpoints + i] =
                pow((double)r->k[i], 0.51 + 0.002 * s);
        }
    }
    const bso_growth g = bso_regret_growth(r, BSO_CURVE_REGRET);
    assert_true(g.exponent - g.half > 0.5);
    assert_true(g.exponent - bso_student_bound(1 - 0.05 / 100, 4) * g.error < 0.5);
    bso_made_expect(9, BSO_CLAIM_FAILS, "faster");
    for (int i = 1; i < BSO_MADE_RESULTS; i++) played("bso", BSO_FAMILY_LOGISTIC, BSO_READING_A, 5, 0.4);
    bso_made_expect(9, BSO_CLAIM_INCONCLUSIVE, "1 of 100");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BSO_CLAIM_TEST(memory_against_steps), BSO_CLAIM_TEST(scalars_and_more),
        BSO_CLAIM_TEST(latent_storage),       BSO_CLAIM_TEST(models),
        BSO_CLAIM_TEST(regret_of_bso),        BSO_CLAIM_TEST(regret_that_grows_too_fast),
        BSO_CLAIM_TEST(many_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
