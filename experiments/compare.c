/* compare.c: `bso compare`: from names of methods to a comparison: tunes what is not tuned, trains what is
 * not trained, reads the results back. What they say is compare_write.c's part.
 */
#include "experiments/compare.h"

#include "core/memory.h"
#include "experiments/config.h"
#include "experiments/program.h"
#include "experiments/sweep.h"
#include "experiments/table.h"
#include "experiments/tune.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: bso compare METHOD METHOD... [--out DIR] [--protocol FILE.conf] [--seeds N] [--target PERCENT]\n"
    "                   [--trials N] [--untuned] [--jobs N] [--threads M] [--dry-run]\n\n"
    "  METHOD         a method or optimizer (bso list); the others are compared with the first one\n"
    "  --out DIR      where trainings and tables go (default: results/NAME, NAME from the protocol)\n"
    "  --protocol F   what is trained (default: experiments/compare.conf)\n"
    "  --seeds N      the first N seeds of the protocol (default: all)\n"
    "  --target P     tell when validation accuracy reached P percent (default: the protocol's)\n"
    "  --trials N     for methods that are not tuned yet: settings to try (default: "
    "experiments/tune.conf's)\n"
    "  --untuned      train methods that are not tuned with their defaults instead of tuning them\n"
    "  --jobs N, --threads M, --dry-run: as for bso sweep\n\n"
    "example: bso compare foo tbso adam_ste\n";

typedef struct {
    const char *out, *protocol, *target;
    int seeds, trials, named;
    const char *names[BSO_COMPARE_METHODS];
    bso_sweep_options sweep;
    bool untuned, asked;
} options;

static int parse(int argc, char **argv, options *o)
{
    *o = (options){.sweep.retry_failed = true};
    for (int i = 1; i < argc; i++) {
        const char *jobs = NULL, *threads = NULL, *trials = NULL, *seeds = NULL;
        int code = bso_option(argc, argv, &i, "--out", &o->out);
        if (code == 0) code = bso_option(argc, argv, &i, "--protocol", &o->protocol);
        if (code == 0) code = bso_option(argc, argv, &i, "--target", &o->target);
        if (code == 0) code = bso_option(argc, argv, &i, "--seeds", &seeds);
        if (code == 0) code = bso_option(argc, argv, &i, "--trials", &trials);
        if (code == 0) code = bso_option(argc, argv, &i, "--jobs", &jobs);
        if (code == 0) code = bso_option(argc, argv, &i, "--threads", &threads);
        if (code == 0) code = bso_flag(argv[i], "--untuned", &o->untuned);
        if (code == 0) code = bso_flag(argv[i], "--dry-run", &o->sweep.dry);
        if (code == 0) code = bso_flag(argv[i], "--help", &o->asked);
        if (code == 0) code = bso_flag(argv[i], "-h", &o->asked);
        if (code == 1 && seeds) code = bso_option_number("--seeds", seeds, 1, BSO_SEEDS_MAX, &o->seeds);
        if (code == 1 && trials) code = bso_option_number("--trials", trials, 1, 10000, &o->trials);
        if (code == 1 && jobs) code = bso_option_number("--jobs", jobs, 1, 256, &o->sweep.jobs);
        if (code == 1 && threads) code = bso_option_number("--threads", threads, 1, 1024, &o->sweep.threads);
        if (code < 0) return code;
        if (code == 1 || jobs || threads || trials || seeds) continue;
        if (argv[i][0] == '-') return bso_usage("%s: unknown option", argv[i]);
        if (o->named == BSO_COMPARE_METHODS) return bso_usage("more than %d methods", BSO_COMPARE_METHODS);
        for (int j = 0; j < o->named; j++) {
            if (strcmp(o->names[j], argv[i]) == 0) return bso_usage("%s: named twice", argv[i]);
        }
        o->names[o->named++] = argv[i];
    }
    return o->named >= 2 || o->asked ? 0 : bso_usage("name at least two methods; `bso list` shows them");
}

/* The protocol with what the command line changes of it. */
static int read_protocol(const options *o, const char *path, bso_protocol *p)
{
    if (bso_protocol_read(p, path)) return BSO_ERROR;
    if (o->seeds > p->seeds) {
        return bso_usage("--seeds %d: %s has %d seeds; add some there", o->seeds, path, p->seeds);
    }
    if (o->seeds) p->seeds = o->seeds;
    if (o->target) {
        char *end;
        p->target = strtod(o->target, &end);
        if (end == o->target || *end || !(p->target > 0 && p->target < 100)) {
            return bso_usage("--target %s: it takes an accuracy in percent, between 0 and 100", o->target);
        }
    }
    return 0;
}

/* Tune the named methods that nothing is known about. Afterwards the list is read again. */
static int tune_missing(const options *o, bso_methods *methods)
{
    const char *missing[BSO_COMPARE_METHODS];
    int count = 0;
    for (int i = 0; i < o->named; i++) {
        const bso_method *m = bso_method_find(methods, o->names[i]);
        if (!m) return BSO_ERROR;
        if (!m->tuned_pairs) missing[count++] = o->names[i];
    }
    if (!count || o->untuned) return 0;
    char path[4096];
    bso_config_path("tune.conf", path, sizeof path);
    bso_protocol protocol;
    if (bso_protocol_read(&protocol, path)) return BSO_ERROR;
    if (o->trials) protocol.trials = o->trials;
    bso_sweep_options sweep = o->sweep;
    sweep.file = path;
    char folder[] = BSO_TUNED_HERE;
    *strrchr(folder, '/') = '\0';
    printf("not tuned yet:");
    for (int i = 0; i < count; i++) printf(" %s", missing[i]);
    printf("; %d trials for each, into %s\n", protocol.trials, folder);
    if (bso_sweep_folder(&sweep, folder)) return BSO_ERROR;
    int code = bso_tune_methods(&sweep, &protocol, missing, count);
    if (code || sweep.dry) return code;
    printf("\n");
    bso_methods_free(methods);
    return bso_methods_read(methods, NULL);
}

static int make_contender(const bso_method *method, const bso_protocol *p, bso_contender *c)
{
    *c = (bso_contender){.method = method, .settings = p->common};
    c->settings.seed = p->seed[0];
    if (bso_method_apply(method, true, &c->settings) || bso_settings_check(&c->settings)) return BSO_ERROR;
    snprintf(c->label, sizeof c->label, "%s%s", method->label, method->tuned_pairs ? "" : " (defaults)");
    snprintf(c->settings.label, sizeof c->settings.label, "%.*s", BSO_WORD - 1, c->label);
    return 0;
}

static int train(const options *o, const bso_protocol *p, const bso_contender *c,
                 bso_sweep_options *sweep_options)
{
    bso_sweep sweep = {.count = 0};
    snprintf(sweep.name, sizeof sweep.name, "%s", p->name);
    snprintf(sweep.title, sizeof sweep.title, "%s", p->title);
    if (bso_sweep_room(&sweep, (size_t)o->named * (size_t)p->seeds)) return BSO_ERROR;
    for (int s = 0; s < p->seeds; s++) {
        for (int i = 0; i < o->named; i++) {
            bso_settings settings = c[i].settings;
            settings.seed = p->seed[s];
            bso_sweep_add(&sweep, &settings, false);
        }
    }
    int code = bso_sweep_run(sweep_options, &sweep);
    bso_sweep_free(&sweep);
    return code;
}

/* ---- results ---- */

static void read_target(const bso_run *run, double target, double *epochs, double *seconds)
{
    double sum = 0;
    *epochs = *seconds = NAN;
    for (int e = 0; e < run->epochs_done; e++) {
        sum += run->epochs[e].seconds;
        if (!(100 * run->epochs[e].validation_accuracy >= target)) continue;
        *epochs = e + 1;
        *seconds = sum;
        return;
    }
}

/* Results of all seeds, and the names of the files. Returns 0 or BSO_ERROR. */
static int read_results(const bso_sweep_options *o, const bso_protocol *p, bso_contender *c,
                        char (*names)[512])
{
    bso_settings s = c->settings;
    int there = 0;
    for (int i = 0; i < p->seeds; i++) {
        char path[sizeof o->runs + 520];
        bso_run run;
        s.seed = p->seed[i];
        bso_result_name(&s, names[i], sizeof names[i]);
        snprintf(path, sizeof path, "%s/%s", o->runs, names[i]);
        c->accuracy[i] = c->target_epochs[i] = c->target_seconds[i] = NAN;
        if (bso_result_find(path, &s, &run)) {
            fprintf(stderr, "bso: %s, seed %llu: no result; left out\n", c->label,
                    (unsigned long long)s.seed);
            continue;
        }
        if (*run.stopped) {
            c->diverged++;
            bso_run_free(&run);
            continue;
        }
        c->accuracy[i] = bso_test_percent(&run, -1);
        read_target(&run, p->target, &c->target_epochs[i], &c->target_seconds[i]);
        c->memory_mb += bso_training_mb(&run, 0);
        c->bytes_per_weight += bso_bytes_per_weight(&run, 0);
        c->images_per_second += bso_images_per_second(&run, 0);
        there++;
        bso_run_free(&run);
    }
    c->memory_mb /= there;
    c->bytes_per_weight /= there;
    c->images_per_second /= there;
    return there + c->diverged ? 0
                               : bso_fail("%s: none of its trainings has a result in %s", c->label, o->runs);
}

static int compare(const options *o, const bso_protocol *p, const bso_methods *methods,
                   bso_sweep_options *sweep)
{
    bso_contender *c = bso_alloc(BSO_MEM_CONTROL, (size_t)o->named, sizeof *c, "the methods");
    size_t files = (size_t)o->named * (size_t)p->seeds;
    char(*names)[512] = bso_alloc(BSO_MEM_CONTROL, files, sizeof *names, "names of results");
    const char **list = bso_alloc(BSO_MEM_CONTROL, files, sizeof *list, "names of results");
    int code = c && names && list ? 0 : BSO_ERROR;
    for (int i = 0; !code && i < o->named; i++) {
        const bso_method *method = bso_method_find(methods, o->names[i]);
        code = method ? make_contender(method, p, &c[i]) : BSO_ERROR;
        for (int j = 0; !code && j < i; j++) {
            if (bso_settings_hash(&c[j].settings) == bso_settings_hash(&c[i].settings)) {
                code = bso_fail("%s and %s are the same method: their settings are equal", o->names[j],
                                o->names[i]);
            }
        }
    }
    int failed = 0;
    if (!code) code = train(o, p, c, sweep);
    if (code > 0) failed = code, code = 0;
    for (int i = 0; !code && !sweep->dry && i < o->named; i++) {
        code = read_results(sweep, p, &c[i], names + (size_t)i * (size_t)p->seeds);
    }
    for (size_t i = 0; names && list && i < files; i++) list[i] = names[i];
    if (!code && !sweep->dry) {
        code = bso_compare_write(sweep->directory, p, c, o->named, list, (int)files);
    }
    bso_free(c);
    bso_free(names);
    bso_free(list);
    return code ? code : failed;
}

int bso_command_compare(int argc, char **argv)
{
    options o;
    int code = parse(argc, argv, &o);
    if (code) return code;
    if (o.asked) {
        fputs(help, stdout);
        return 0;
    }
    char path[4096], usual[BSO_WORD + 16];
    bso_config_path("compare.conf", path, sizeof path);
    bso_sweep_options sweep = o.sweep;
    sweep.file = o.protocol ? o.protocol : path;
    bso_protocol protocol;
    code = read_protocol(&o, sweep.file, &protocol);
    if (code) return code;
    snprintf(usual, sizeof usual, "results/%s", protocol.name);
    if (bso_sweep_folder(&sweep, o.out ? o.out : usual)) return BSO_ERROR;
    bso_methods methods;
    if (bso_methods_read(&methods, NULL)) return BSO_ERROR;
    code = tune_missing(&o, &methods);
    if (!code) code = compare(&o, &protocol, &methods, &sweep);
    bso_methods_free(&methods);
    return code;
}
