/* settings_check.c: keys that must agree with each other: rule, estimator, neuron, widths in bits, what is
 * measured. Ranges of single keys are settings.c's. */
#include "core/settings_check.h"

#include "core/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is(const char *word, const char *value)
{
    return strcmp(word, value) == 0;
}

/* Rules that cannot keep their momentum in few bits are refused with the names of those that can. */
static int check_momentum_bits(const bso_settings *s, const bso_optimizer *rule)
{
    if (s->momentum_bits == 32 || rule->few_bits) return 0;
    char names[256] = "";
    for (int i = 0; bso_optimizers[i]; i++) {
        const size_t used = strlen(names);
        if (bso_optimizers[i]->few_bits)
            snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", bso_optimizers[i]->name);
    }
    return bso_fail("momentum_bits=%" PRId64
                    ": optimizer %s has no momentum in few bits; set momentum_bits=32 or choose one of %s",
                    s->momentum_bits, rule->name, names);
}

/* Errors in 8 bits meet one-bit weights, and spikes or traces of them on a grid of levels from 0 up. */
static int check_error_bits(const bso_settings *s, const bso_optimizer *rule, const bso_gradient *gradient)
{
    if (s->error_bits == 32) return 0;
    if (rule->representation == BSO_REP_FLOAT) {
        return bso_fail(
            "error_bits=8: optimizer %s has float weights, and 8-bit errors are for one-bit ones; "
            "set error_bits=32",
            rule->name);
    }
    if (gradient->needs_previous) {
        return bso_fail(
            "error_bits=8: the traces of gradient=%s do not lie on a grid of 8 bits; set error_bits=32 "
            "or choose ottt, sltt or bptt",
            gradient->name);
    }
    if (is(s->neuron, "sign"))
        return bso_fail("error_bits=8: sign neurons put out -1, which is no level; set error_bits=32");
    return 0;
}

/* Each word of `measure` is known, and a trace, which is made from the same place, is not wanted as well. */
static int check_measure(const bso_settings *s)
{
    if (is(s->measure, "none")) return 0;
    for (const char *at = s->measure;; at++) {
        const size_t length = strcspn(at, "+");
        if (!(length == 5 && memcmp(at, "flips", 5) == 0) && !(length == 6 && memcmp(at, "cosine", 6) == 0)) {
            return bso_fail("measure: '%s' is not none, nor flips or cosine joined by '+', at '%.*s'",
                            s->measure, (int)length, at);
        }
        at += length;
        if (!*at) break;
    }
    if (!*s->trace) return 0;
    return bso_fail("measure=%s: not together with trace; set measure=none", s->measure);
}

/* What is made of a whole batch at once, and of no sum over its samples, does not go together with shards. */
static int check_shards(const bso_settings *s)
{
    if (s->shards == 1) return 0;
    if (s->batch % s->shards) {
        return bso_fail("shards=%" PRId64 ": batch=%" PRId64
                        " is no multiple of it; choose one that divides it",
                        s->shards, s->batch);
    }
    if (s->error_bits != 32) {
        return bso_fail("shards=%" PRId64 ": not together with error_bits=%" PRId64
                        ", whose scales are those of a whole batch; set error_bits=32",
                        s->shards, s->error_bits);
    }
    if (bso_settings_has(s->measure, "cosine")) {
        return bso_fail("shards=%" PRId64
                        ": not together with measure=cosine, which looks at the gradients of "
                        "whole batches; take cosine out",
                        s->shards);
    }
    if (*s->trace) {
        return bso_fail("shards=%" PRId64
                        ": not together with trace, which is of whole batches; set shards=1",
                        s->shards);
    }
    return 0;
}

/* Sign neurons have neither time nor traces of spikes. */
static int check_sign(const bso_settings *s, const bso_gradient *gradient)
{
    if (s->steps != 1) {
        return bso_fail("steps=%" PRId64 ": neuron=sign is a network without time; set steps=1", s->steps);
    }
    if (gradient->trace) {
        return bso_fail("gradient=%s: it traces spikes over time, which neuron=sign has none of; set "
                        "gradient=bptt or sltt",
                        gradient->name);
    }
    return 0;
}

int bso_settings_agree(const bso_settings *s, const bso_optimizer *rule, const bso_gradient *gradient)
{
    if (gradient->through_time && is(s->update, "realtime")) {
        return bso_fail("update=realtime: gradient %s is known only after the last time step; "
                        "set update=accumulated or auto",
                        gradient->name);
    }
    if (is(s->neuron, "sign") && check_sign(s, gradient)) return BSO_ERROR;
    if (check_momentum_bits(s, rule) || check_error_bits(s, rule, gradient) || check_measure(s)) {
        return BSO_ERROR;
    }
    return check_shards(s);
}
