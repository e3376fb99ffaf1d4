/* test_methods.c: methods by name, tuned settings, protocols, and what tuning draws: files good and hostile,
 * what wins over what, and that a draw depends on nothing but names.
 */
#include "core/error.h"
#include "experiments/method.h"
#include "experiments/protocol.h"
#include "experiments/sweep_file.h"
#include "experiments/tune.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/bso-test-methods-XXXXXX";
static char methods_path[64], tuned_path[64], other_path[64];

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void use_repository(void)
{
    assert_int_equal(setenv("BSO_EXPERIMENTS", "experiments", 1), 0);
}

static void use_folder(const char *methods, const char *tuned)
{
    assert_int_equal(setenv("BSO_EXPERIMENTS", folder, 1), 0);
    write_text(methods_path, methods);
    unlink(tuned_path);
    if (tuned) write_text(tuned_path, tuned);
}

static void assert_setting(const bso_settings *s, const char *key, const char *expected)
{
    char text[BSO_TEXT];
    if (bso_settings_get(s, key, text, sizeof text)) fail_msg("%s", bso_error());
    assert_string_equal(text, expected);
}

/* ---- the repository's own files ---- */

static void the_repository_is_in_order(void **state)
{
    (void)state;
    use_repository();
    bso_methods m;
    if (bso_methods_read(&m, NULL)) fail_msg("%s", bso_error());
    for (int i = 0; i < m.count; i++) {
        bso_settings s;
        bso_settings_default(&s);
        if (bso_method_apply(&m.method[i], true, &s) || bso_settings_check(&s)) fail_msg("%s", bso_error());
        assert_string_equal(s.label, m.method[i].label);
    }
    for (int i = 0; bso_optimizers[i]; i++) {
        const bso_method *found = bso_method_find(&m, bso_optimizers[i]->name);
        if (!found) fail_msg("%s", bso_error());
    }
    bso_methods_free(&m);
    static const char *const sweeps[] = {"smoke", "quick", "full", "paper", "choices", "long"},
                             *const protocols[] = {"tune", "compare"};
    char path[64];
    for (size_t i = 0; i < sizeof sweeps / sizeof *sweeps; i++) {
        bso_sweep sweep;
        snprintf(path, sizeof path, "experiments/%s.conf", sweeps[i]);
        if (bso_sweep_read(&sweep, path)) fail_msg("%s", bso_error());
        assert_string_equal(sweep.name, sweeps[i]);
        bso_sweep_free(&sweep);
    }
    for (size_t i = 0; i < 2; i++) {
        bso_protocol p;
        snprintf(path, sizeof path, "experiments/%s.conf", protocols[i]);
        if (bso_protocol_read(&p, path)) fail_msg("%s", bso_error());
        assert_string_equal(p.name, protocols[i]);
        assert_int_equal(p.common.steps, 2);
    }
}

/* ---- names ---- */

static void names_and_rules(void **state)
{
    (void)state;
    use_folder(
        "methods = ( { name = \"mine\"; label = \"Mine\"; optimizer = \"bso\"; gradient = \"sltt\"; },\n"
        "            { name = \"also\"; optimizer = \"bso\"; update = \"accumulated\"; } );\n",
        NULL);
    bso_methods m;
    if (bso_methods_read(&m, NULL)) fail_msg("%s", bso_error());
    assert_string_equal(bso_method_find(&m, "mine")->label, "Mine");
    assert_string_equal(bso_method_find(&m, "also")->label, "also");
    /* A rule's name: the first method that uses it, or a method of its own. */
    assert_ptr_equal(bso_method_find(&m, "bso"), bso_method_find(&m, "mine"));
    assert_string_equal(bso_method_find(&m, "tbso")->name, "tbso");
    assert_null(bso_method_find(&m, "nobody"));
    assert_non_null(strstr(bso_error(), "method=nobody: no such method; choose one of mine, also, "));
    bso_methods_free(&m);
}

static void what_wins(void **state)
{
    (void)state;
    use_folder(
        "methods = ( { name = \"mine\"; label = \"Mine\"; optimizer = \"bso\"; gradient = \"sltt\"; } );\n",
        "tuned = ( { method = \"mine\"; trials = 3; validation = 70.5; lr = 4.0; gamma = 2e-6; },\n"
        "          { method = \"gone\"; lr = 1.0; } );\n");
    write_text(other_path, "name = \"x\"; common = { lr = 9.0; gradient = \"ottt\"; batch = 7; optimizer = "
                           "\"sgd\"; label = \"no\"; };\n"
                           "cells = ( { method = \"mine\"; }, { lr = 5.0; method = \"mine\"; gamma = 1e-7; "
                           "label = \"my own\"; },\n"
                           "          { method = [\"mine\", \"tbso\"]; steps = [1, 2]; } );\n");
    bso_sweep sweep;
    if (bso_sweep_read(&sweep, other_path)) fail_msg("%s", bso_error());
    assert_int_equal(sweep.count, 5);
    assert_int_equal(sweep.repeated, 1); /* steps = 2 is the default */
    const bso_settings *s = &sweep.cells[0].settings;
    assert_setting(s, "batch", "7");
    assert_setting(s, "optimizer", "bso");
    assert_setting(s, "gradient", "sltt");
    assert_setting(s, "lr", "4");
    assert_setting(s, "gamma", "2e-06");
    assert_setting(s, "label", "Mine");
    s = &sweep.cells[1].settings;
    assert_setting(s, "lr", "5");
    assert_setting(s, "gamma", "1e-07");
    assert_setting(s, "gradient", "sltt");
    assert_setting(s, "label", "my own");
    assert_setting(&sweep.cells[2].settings, "steps", "1");
    assert_setting(&sweep.cells[4].settings, "optimizer", "tbso");
    assert_setting(&sweep.cells[4].settings, "lr", "9"); /* not tuned: the common one stays */
    bso_sweep_free(&sweep);
    write_text(other_path, "name = \"x\";\ncells = ( { method = \"nobody\"; } );\n");
    assert_int_equal(bso_sweep_read(&sweep, other_path), BSO_ERROR);
    assert_non_null(strstr(bso_error(), ":2: method=nobody: no such method"));
}

/* ---- hostile files: one line that names the place ---- */

/* line 0: no line is told */
static void assert_refused(int status, const char *path, int line, const char *word)
{
    char start[128];
    assert_int_equal(status, BSO_ERROR);
    assert_null(strchr(bso_error(), '\n'));
    snprintf(start, sizeof start, line ? "%s:%d: " : "%s: ", path, line);
    if (strncmp(bso_error(), start, strlen(start)) != 0 || !strstr(bso_error(), word)) {
        fail_msg("\"%s\" does not start with \"%s\" and name \"%s\"", bso_error(), start, word);
    }
}

static void refuse_methods(const char *text, int line, const char *word)
{
    bso_methods m;
    use_folder(text, NULL);
    assert_refused(bso_methods_read(&m, NULL), methods_path, line, word);
    assert_null(m.method);
}

static void hostile_methods(void **state)
{
    (void)state;
    refuse_methods("", 0, "methods");
    refuse_methods("methods = 3;", 0, "methods");
    refuse_methods("methods = (\n { name = \"a\"; optimizer = \"bso\"; }", 2, "syntax");
    refuse_methods("methods = ();\nextra = 1;", 2, "extra");
    refuse_methods("methods = (\n 5 );", 2, "group");
    refuse_methods("methods = (\n { optimizer = \"bso\"; } );", 2, "name=");
    refuse_methods("methods = (\n { name = \"A b\"; optimizer = \"bso\"; } );", 2, "name=A b");
    refuse_methods("methods = (\n { name = 7; optimizer = \"bso\"; } );", 2, "name");
    refuse_methods(
        "methods = ( { name = \"a\"; optimizer = \"bso\"; },\n { name = \"a\"; optimizer = \"bso\"; } );", 2,
        "name=a");
    refuse_methods("methods = (\n { name = \"a\"; optimizer = \"nope\"; } );", 2, "optimizer=nope");
    refuse_methods("methods = (\n { name = \"a\"; optimiser = \"bso\"; } );", 2, "optimiser");
    refuse_methods("methods = (\n { name = \"a\"; optimizer = \"bso\"; steps = 0; } );", 2, "steps");
    refuse_methods("methods = (\n { name = \"a\"; optimizer = \"bso\"; steps = [1, 2]; } );", 2, "steps");
    refuse_methods("methods = (\n { name = \"a\"; gradient = \"bptt\"; update = \"realtime\"; } );", 2,
                   "update=realtime");
    refuse_methods("methods = (\n { name = \"a\"; weight_lr = 1.0; optimizer = \"bso\"; } );", 2,
                   "weight_lr");
    char text[6000] = "methods = (\n { name = \"a\"; optimizer = \"";
    memset(text + strlen(text), 'x', 4000);
    strcat(text, "\"; } );");
    refuse_methods(text, 2, "optimizer");
    bso_methods m;
    use_folder("methods = ();", NULL);
    assert_int_equal(truncate(methods_path, ((off_t)1 << 20) + 1), 0);
    assert_refused(bso_methods_read(&m, NULL), methods_path, 0, "1 MiB");
    unlink(methods_path);
    assert_refused(bso_methods_read(&m, NULL), methods_path, 0, "No such file");
    use_folder("methods = ();", NULL);
    assert_refused(bso_methods_read(&m, "/tmp"), "/tmp", 0, "text file");
}

static void refuse_tuned(const char *text, int line, const char *word)
{
    bso_methods m;
    use_folder("methods = ();", text);
    assert_refused(bso_methods_read(&m, NULL), tuned_path, line, word);
}

static void hostile_tuned(void **state)
{
    (void)state;
    refuse_tuned("tuned = 1;", 0, "tuned");
    refuse_tuned("tuned = (\n 1 );", 2, "group");
    refuse_tuned("tuned = (\n { method = 1; lr = 1.0; } );", 2, "method");
    refuse_tuned("tuned = (\n { method = \"bso\"; lr = -1.0; } );", 2, "lr=-1");
    refuse_tuned("tuned = (\n { method = \"bso\"; lr = \"fast\"; } );", 2, "lr=fast");
    refuse_tuned("tuned = (\n { method = \"bso\"; weight_lr = 1.0; } );", 2, "weight_lr");
    refuse_tuned("tuned = (\n { method = \"bso\"; gamma = 1e99; } );", 2, "gamma");
    refuse_tuned("tuned = (\n { method = \"bso\"; nothing = 1; } );", 2, "nothing");
}

static void refuse_protocol(const char *text, int line, const char *word)
{
    bso_protocol p;
    write_text(other_path, text);
    assert_refused(bso_protocol_read(&p, other_path), other_path, line, word);
}

static void hostile_protocols(void **state)
{
    (void)state;
    refuse_protocol("", 0, "name");
    refuse_protocol("name = \"a/b\";", 0, "name");
    refuse_protocol("name = \"a\"; seeds = [1];", 0, "common");
    refuse_protocol("name = \"a\"; common = {};", 0, "seeds");
    refuse_protocol("name = \"a\"; common = {};\nseeds = [];", 2, "seeds");
    refuse_protocol("name = \"a\"; common = {};\nseeds = 1;", 2, "seeds");
    refuse_protocol("name = \"a\"; common = {};\nseeds = [1, 2, 1];", 2, "twice");
    refuse_protocol("name = \"a\"; common = {};\nseeds = [-1];", 2, "seed=-1");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {\n stepz = 2; };", 2, "stepz");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {\n steps = [1, 2]; };", 2, "steps");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {};\ntrials = 0;", 2, "trials");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {};\ntrials = 1.5;", 2, "trials");
    refuse_protocol("name = \"a\"; seeds = [7]; common = {}; trials = 2; trial_seed = 7;", 0, "fresh");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {}; ranges = {\n lr = [3.0, 1.0]; };", 2, "lr");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {}; ranges = {\n lr = [0.0, 1.0]; };", 2, "lr");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {}; ranges = {\n lr = [1.0, 9999999.0]; };", 2,
                    "lr");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {}; ranges = {\n lr = 2.0; };", 2, "lr");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {};\ntarget = 100;", 2, "target");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {};\nseedz = [1];", 2, "seedz");
    bso_protocol p;
    write_text(other_path, "name = \"a\"; seeds = [4, 5]; common = { steps = 3; }; target = 50;");
    if (bso_protocol_read(&p, other_path)) fail_msg("%s", bso_error());
    assert_true(p.seeds == 2 && p.seed[1] == 5 && p.common.steps == 3 && p.target == 50 && p.trials == 0);
}

/* ---- draws ---- */

static bso_candidate candidate(const bso_method *method)
{
    bso_candidate c = {.method = method, .ranges = 2};
    c.range[0] = (bso_range){"lr", 0.1, 10};
    c.range[1] = (bso_range){"gamma", 1e-8, 1e-4};
    return c;
}

static double drawn(const bso_candidate *c, const bso_protocol *p, int trial, const char *key)
{
    bso_settings s;
    char text[64];
    if (bso_tune_trial(c, p, trial, &s)) fail_msg("%s", bso_error());
    assert_true(s.seed == p->trial_seed);
    assert_int_equal(bso_settings_get(&s, key, text, sizeof text), 0);
    return strtod(text, NULL);
}

static void draws_depend_on_names_alone(void **state)
{
    (void)state;
    use_repository();
    bso_methods m;
    bso_protocol p = {.trials = 16, .trial_seed = 101};
    bso_settings_default(&p.common);
    if (bso_methods_read(&m, NULL)) fail_msg("%s", bso_error());
    const bso_candidate c = candidate(bso_method_find(&m, "bso"));
    bso_candidate turned = c, reset = candidate(bso_method_find(&m, "bso_reset"));
    turned.range[0] = c.range[1];
    turned.range[1] = c.range[0];
    enum { TRIALS = 400 };
    double log_sum = 0, log_squares = 0;
    int same_lr = 0, same_method = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        const double lr = drawn(&c, &p, trial, "lr"), gamma = drawn(&c, &p, trial, "gamma");
        assert_true(lr >= 0.1 && lr <= 10 && gamma >= 1e-8 && gamma <= 1e-4);
        assert_true(lr == drawn(&turned, &p, trial, "lr") && gamma == drawn(&turned, &p, trial, "gamma"));
        same_lr += trial && lr == drawn(&c, &p, trial - 1, "lr");
        same_method += lr == drawn(&reset, &p, trial, "lr");
        log_sum += log10(gamma);
        log_squares += pow(log10(gamma) + 6, 2);
        char text[32];
        snprintf(text, sizeof text, "%.3g", lr); /* three digits, so that files hold exactly what was drawn */
        assert_true(strtod(text, NULL) == lr);
    }
    assert_true(same_lr < TRIALS / 20 && same_method < TRIALS / 20);
    /* Uniform in the logarithm over four decades: mean -6, variance 4/3; six standard errors. */
    assert_true(fabs(log_sum / TRIALS + 6) < 6 * sqrt(4.0 / 3 / TRIALS));
    assert_true(fabs(log_squares / TRIALS - 4.0 / 3) < 6 * sqrt(64.0 / 45 / TRIALS));
    p.trial_seed = 102;
    assert_true(drawn(&c, &p, 0, "lr") !=
                drawn(&turned, &(bso_protocol){.trial_seed = 101, .common = p.common}, 0, "lr"));
    bso_methods_free(&m);
}

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) return -1;
    snprintf(methods_path, sizeof methods_path, "%s/methods.conf", folder);
    snprintf(tuned_path, sizeof tuned_path, "%s/tuned.conf", folder);
    snprintf(other_path, sizeof other_path, "%s/other.conf", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(methods_path);
    unlink(tuned_path);
    unlink(other_path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_repository_is_in_order),
        cmocka_unit_test(names_and_rules),
        cmocka_unit_test(what_wins),
        cmocka_unit_test(hostile_methods),
        cmocka_unit_test(hostile_tuned),
        cmocka_unit_test(hostile_protocols),
        cmocka_unit_test(draws_depend_on_names_alone),
    };
    return cmocka_run_group_tests_name("methods", tests, make_folder, remove_folder);
}
