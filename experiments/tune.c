/* tune.c: `bso tune`: the same budget for every method. Random search over the ranges that rules declare, on
 * the validation split, then the best setting with fresh seeds.
 *
 * Random search and not a cleverer one, because its trials are independent: the same ones tell what a smaller
 * budget would have found (Bergstra and Bengio 2012; Sivaprasad et al., Optimizer Benchmarking Needs to
 * Account for Hyperparameter Tuning, ICML 2020). What it found is printed and written by tune_write.c.
 */
#include "experiments/tune.h"

#include "core/file.h"
#include "core/hash.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/result.h"
#include "experiments/config.h"
#include "experiments/program.h"
#include "experiments/sweep.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: bso tune [METHOD]... [--trials N] [--out DIR] [--protocol FILE.conf] [--jobs N] [--threads M]\n"
    "                [--dry-run]\n\n"
    "  METHOD         a method or optimizer (bso list); none: all of them\n"
    "  --trials N     settings tried for each method (default: the protocol's)\n"
    "  --out DIR      where trainings and tables go (default: results/NAME, NAME from the protocol)\n"
    "  --protocol F   what is trained (default: experiments/tune.conf)\n"
    "  --jobs N, --threads M, --dry-run: as for bso sweep\n\n"
    "Writes DIR/tuned.conf, which bso compare and sweeps look at for methods that experiments/tuned.conf "
    "does not\n"
    "have, and DIR/tune.md. Finished trainings are kept; more trials later go on from there.\n";

typedef struct {
    const char *out, *protocol;
    int trials, named;
    const char *names[BSO_TUNE_METHODS];
    bso_sweep_options sweep;
    bool asked;
} options;

static int parse(int argc, char **argv, options *o)
{
    *o = (options){.sweep.retry_failed = true};
    for (int i = 1; i < argc; i++) {
        const char *jobs = NULL, *threads = NULL, *trials = NULL;
        int code = bso_option(argc, argv, &i, "--out", &o->out);
        if (code == 0) code = bso_option(argc, argv, &i, "--protocol", &o->protocol);
        if (code == 0) code = bso_option(argc, argv, &i, "--trials", &trials);
        if (code == 0) code = bso_option(argc, argv, &i, "--jobs", &jobs);
        if (code == 0) code = bso_option(argc, argv, &i, "--threads", &threads);
        if (code == 0) code = bso_flag(argv[i], "--dry-run", &o->sweep.dry);
        if (code == 0) code = bso_flag(argv[i], "--help", &o->asked);
        if (code == 0) code = bso_flag(argv[i], "-h", &o->asked);
        if (code == 1 && trials) code = bso_option_number("--trials", trials, 1, 10000, &o->trials);
        if (code == 1 && jobs) code = bso_option_number("--jobs", jobs, 1, 256, &o->sweep.jobs);
        if (code == 1 && threads) code = bso_option_number("--threads", threads, 1, 1024, &o->sweep.threads);
        if (code < 0) return code;
        if (code == 1 || jobs || threads || trials) continue;
        if (argv[i][0] == '-') return bso_usage("%s: unknown option", argv[i]);
        if (o->named == BSO_TUNE_METHODS) return bso_usage("more than %d methods", BSO_TUNE_METHODS);
        o->names[o->named++] = argv[i];
    }
    return 0;
}

/* ---- what is drawn ---- */

static void add_range(bso_candidate *c, const char *key, double low, double high)
{
    if (!(low < high) || bso_method_value(c->method, key) || c->ranges == BSO_TUNE_KEYS) return;
    bso_range *r = &c->range[c->ranges++];
    snprintf(r->key, sizeof r->key, "%s", key);
    r->low = low;
    r->high = high;
}

int bso_tune_ranges(bso_candidate *c, const bso_protocol *protocol)
{
    const bso_optimizer *rule = bso_optimizer_find(bso_method_value(c->method, "optimizer"));
    if (!rule) return BSO_ERROR;
    c->ranges = 0;
    for (int i = 0; i < protocol->ranges; i++) {
        add_range(c, protocol->range[i].key, protocol->range[i].low, protocol->range[i].high);
    }
    for (const bso_hyper *h = rule->hypers; h->name; h++) add_range(c, h->name, h->low, h->high);
    return 0;
}

/* The value of a trial, of three digits. It depends on names only, so that more trials, more methods or
 * another order change none that were there. */
static void draw(const bso_candidate *c, const bso_range *r, uint64_t seed, int trial, char *text,
                 size_t size)
{
    uint64_t name = bso_hash(bso_hash_start, c->method->name, strlen(c->method->name) + 1);
    uint64_t stream = bso_hash(name, r->key, strlen(r->key));
    double u = bso_random_uniform(seed, BSO_RANDOM_TUNE, (uint32_t)(stream ^ stream >> 32), (uint64_t)trial);
    snprintf(text, size, "%.3g", r->low * pow(r->high / r->low, u));
    /* A bound of more digits: rounding must not step over it. */
    double x = strtod(text, NULL);
    if (x < r->low || x > r->high) snprintf(text, size, "%.17g", x < r->low ? r->low : r->high);
}

int bso_tune_trial(const bso_candidate *c, const bso_protocol *protocol, int trial, bso_settings *s)
{
    char text[32];
    *s = protocol->common;
    s->seed = protocol->trial_seed;
    if (bso_method_apply(c->method, false, s)) return BSO_ERROR;
    for (int i = 0; i < c->ranges; i++) {
        draw(c, &c->range[i], protocol->trial_seed, trial, text, sizeof text);
        if (bso_settings_set(s, c->range[i].key, text)) return BSO_ERROR;
    }
    return bso_settings_check(s);
}

/* ---- training ---- */

typedef struct {
    const bso_protocol *protocol;
    bso_sweep_options *sweep;
    bso_candidate *candidates;
    int count;
} tuning;

/* Validation accuracy of the last epoch in percent. A training that did not reach its end, or is not there,
 * is worth nothing: NaN. */
static double validation_of(const tuning *t, const bso_settings *s, bool *there)
{
    char name[512], path[4096];
    bso_run run;
    bso_result_name(s, name, sizeof name);
    snprintf(path, sizeof path, "%s/%s", t->sweep->runs, name);
    *there = bso_result_matches(path, s, NULL) == 0;
    if (!*there || bso_result_read(path, &run)) return NAN;
    double accuracy = 100 * run.final.validation_accuracy;
    bso_run_free(&run);
    return accuracy;
}

/* The trials of a candidate, or with `best` its best one on the seeds to report, into cells. */
static int add_cells(const tuning *t, const bso_candidate *c, bool best, bso_sweep *sweep)
{
    int n = best ? t->protocol->seeds : t->protocol->trials;
    for (int i = 0; i < n; i++) {
        bso_settings s;
        if (bso_tune_trial(c, t->protocol, best ? c->best : i, &s)) return BSO_ERROR;
        if (best) s.seed = t->protocol->seed[i];
        bso_sweep_add(sweep, &s, false);
    }
    return 0;
}

/* Train what is missing of the candidates that were asked for. Failing trials are a result; 1 says there were
 * some. */
static int train(const tuning *t, bool best)
{
    bso_sweep sweep = {.count = 0};
    snprintf(sweep.name, sizeof sweep.name, "%s", t->protocol->name);
    snprintf(sweep.title, sizeof sweep.title, "%s, %.200s", best ? "the best settings" : "trials",
             t->protocol->title);
    size_t each = (size_t)(best ? t->protocol->seeds : t->protocol->trials);
    if (bso_sweep_room(&sweep, each * (size_t)t->count)) return BSO_ERROR;
    int code = 0;
    for (int i = 0; !code && i < t->count; i++) {
        const bso_candidate *c = &t->candidates[i];
        if (c->asked && !(best && c->best < 0)) code = add_cells(t, c, best, &sweep);
    }
    if (!code && sweep.count) code = bso_sweep_run(t->sweep, &sweep);
    bso_sweep_free(&sweep);
    return code < 0 ? code : 0;
}

/* The trials' results, and the best one: the first of those that are equal. */
static int read_trials(const tuning *t, bso_candidate *c)
{
    bso_settings s;
    c->trials = t->protocol->trials;
    c->best = -1;
    c->complete = true;
    c->validation = bso_alloc(BSO_MEM_LOG, (size_t)c->trials, sizeof *c->validation, "trials");
    if (!c->validation) return BSO_ERROR;
    for (int i = 0; i < c->trials; i++) {
        bool there;
        if (bso_tune_trial(c, t->protocol, i, &s)) return BSO_ERROR;
        c->validation[i] = validation_of(t, &s, &there);
        c->complete = c->complete && there;
        if (isnan(c->validation[i])) continue;
        if (c->best < 0 || c->validation[i] > c->validation[c->best]) c->best = i;
    }
    return 0;
}

static int read_seeds(const tuning *t, bso_candidate *c)
{
    bso_settings s;
    double x[BSO_SEEDS_MAX], squares = 0;
    c->mean = c->sd = NAN;
    if (c->best < 0) return 0;
    for (int i = 0; i < t->protocol->seeds; i++) {
        bool there;
        if (bso_tune_trial(c, t->protocol, c->best, &s)) return BSO_ERROR;
        s.seed = t->protocol->seed[i];
        double accuracy = validation_of(t, &s, &there);
        c->complete = c->complete && there;
        if (!isnan(accuracy)) x[c->seeds++] = accuracy;
    }
    if (!c->seeds) return 0;
    c->mean = 0;
    for (int i = 0; i < c->seeds; i++) c->mean += x[i] / c->seeds;
    for (int i = 0; i < c->seeds; i++) squares += (x[i] - c->mean) * (x[i] - c->mean);
    if (c->seeds > 1) c->sd = sqrt(squares / (c->seeds - 1));
    return 0;
}

/* ---- the whole ---- */

/* Those that were asked for, then those that DIR/tuned.conf has: its trainings are still there. */
static int choose(const bso_methods *methods, const char *const *names, int named, tuning *t)
{
    for (int i = 0; i < named; i++) {
        if (!bso_method_find(methods, names[i])) return BSO_ERROR;
    }
    for (int i = 0; i < methods->count && t->count < BSO_TUNE_METHODS; i++) {
        const bso_method *method = &methods->method[i];
        bool asked = named == 0;
        for (int j = 0; j < named; j++) asked = asked || bso_method_find(methods, names[j]) == method;
        if (!asked && !method->tuned_pairs) continue;
        bso_candidate *c = &t->candidates[t->count++];
        *c = (bso_candidate){.method = method, .asked = asked};
        if (bso_tune_ranges(c, t->protocol)) return BSO_ERROR;
    }
    return 0;
}

static int carry_out(tuning *t)
{
    if (train(t, false)) return bso_stop_requested ? BSO_INTERRUPTED : BSO_ERROR;
    if (t->sweep->dry) return 0;
    for (int i = 0; i < t->count; i++) {
        if (read_trials(t, &t->candidates[i])) return BSO_ERROR;
    }
    if (train(t, true)) return bso_stop_requested ? BSO_INTERRUPTED : BSO_ERROR;
    for (int i = 0; i < t->count; i++) {
        if (read_seeds(t, &t->candidates[i])) return BSO_ERROR;
    }
    int kept = 0;
    for (int i = 0; i < t->count; i++) {
        const bso_candidate *c = &t->candidates[i];
        if (c->asked && c->best < 0) {
            printf("%s: none of its trials reached its end; it stays without tuned settings\n",
                   c->method->name);
        }
        if (c->asked || c->complete) {
            t->candidates[kept++] = *c;
        } else {
            printf("%s: not all of its trainings are in %s any more; it is left out\n", c->method->name,
                   t->sweep->runs);
            bso_free(c->validation);
        }
    }
    t->count = kept;
    return bso_tune_write(t->sweep->directory, t->protocol, t->candidates, t->count);
}

int bso_tune_methods(bso_sweep_options *o, const bso_protocol *protocol, const char *const *names, int count)
{
    if (!(protocol->common.validation > 0)) {
        return bso_fail("%s: validation: none; tuning needs a share of the training set, common = { "
                        "validation = 0.05; ... };",
                        o->file);
    }
    char kept[sizeof o->directory + 16];
    snprintf(kept, sizeof kept, "%s/tuned.conf", o->directory);
    bso_methods methods;
    if (bso_methods_read(&methods, kept)) return BSO_ERROR;
    tuning t = {.protocol = protocol, .sweep = o};
    t.candidates = bso_alloc(BSO_MEM_CONTROL, BSO_TUNE_METHODS, sizeof *t.candidates, "the candidates");
    int code = t.candidates ? choose(&methods, names, count, &t) : BSO_ERROR;
    if (!code) code = carry_out(&t);
    for (int i = 0; t.candidates && i < t.count; i++) bso_free(t.candidates[i].validation);
    bso_free(t.candidates);
    bso_methods_free(&methods);
    return code;
}

int bso_command_tune(int argc, char **argv)
{
    options o;
    int code = parse(argc, argv, &o);
    if (code) return code;
    if (o.asked) {
        fputs(help, stdout);
        return 0;
    }
    char path[4096];
    bso_config_path("tune.conf", path, sizeof path);
    bso_protocol protocol;
    o.sweep.file = o.protocol ? o.protocol : path;
    if (bso_protocol_read(&protocol, o.sweep.file)) return BSO_ERROR;
    if (o.trials) protocol.trials = o.trials;
    if (!protocol.trials) return bso_fail("%s: trials: not there; add trials = 20;", o.sweep.file);
    char usual[BSO_WORD + 16];
    snprintf(usual, sizeof usual, "results/%s", protocol.name);
    if (bso_sweep_folder(&o.sweep, o.out ? o.out : usual)) return BSO_ERROR;
    return bso_tune_methods(&o.sweep, &protocol, o.names, o.named);
}
