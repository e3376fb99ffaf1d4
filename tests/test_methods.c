/* test_methods.c: methods by name, tuned settings, protocols, and what tuning draws: files good and hostile,
 * what wins over what, and that a draw depends on nothing but names.
 */
#include "core/error.h"
#include "experiments/config.h"
#include "experiments/method.h"
#include "experiments/protocol.h"
#include "experiments/sweep_file.h"
#include "experiments/tune.h"

#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[] = "/tmp/bso-test-methods-XXXXXX";
static char methods_path[64], tuned_path[64], other_path[64];
static char
    repository[PATH_MAX]; /* its experiments/; tests run in the folder above, where nothing is tuned */

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void use_repository(void)
{
    assert_int_equal(setenv("BSO_EXPERIMENTS", repository, 1), 0);
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

static void its_methods_are_in_order(void **state)
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
}

static void read_sweep(const char *path, const char *name)
{
    bso_sweep sweep;
    if (bso_sweep_read(&sweep, path)) fail_msg("%s", bso_error());
    assert_string_equal(sweep.name, name);
    bso_sweep_free(&sweep);
}

static void read_protocol(const char *path, const char *name)
{
    bso_protocol p;
    if (bso_protocol_read(&p, path)) fail_msg("%s", bso_error());
    assert_string_equal(p.name, name);
    assert_true(p.common.validation > 0); /* the target and tuning look at it */
}

/* Every other file is a sweep or a protocol, and has its own name. */
static void its_sweeps_and_protocols_are_in_order(void **state)
{
    (void)state;
    use_repository();
    DIR *d = opendir(repository);
    assert_non_null(d);
    int files = 0;
    for (struct dirent *e; (e = readdir(d));) {
        char path[PATH_MAX + 300], name[256];
        size_t length = strlen(e->d_name);
        if (length < 5 || strcmp(e->d_name + length - 5, ".conf") != 0) continue;
        snprintf(name, sizeof name, "%.*s", (int)length - 5, e->d_name);
        snprintf(path, sizeof path, "%s/%s", repository, e->d_name);
        if (strcmp(name, "methods") == 0 || strcmp(name, "tuned") == 0) continue;
        bool protocol = strcmp(name, "tune") == 0 || strcmp(name, "compare") == 0;
        (protocol ? read_protocol : read_sweep)(path, name);
        files++;
    }
    closedir(d);
    assert_true(files >= 6);
}

/* ---- where files are ---- */

static void the_folder_of_files(void **state)
{
    (void)state;
    char path[PATH_MAX], program[PATH_MAX];
    assert_int_equal(setenv("BSO_EXPERIMENTS", "/some/where", 1), 0);
    bso_config_path("x.conf", path, sizeof path);
    assert_string_equal(path, "/some/where/x.conf");
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    assert_true(length > 0);
    program[length] = '\0';
    strrchr(program, '/')[0] = '\0';
    strcat(program, "/../experiments/no such file");
    for (int empty = 0; empty < 2; empty++) {
        assert_int_equal(empty ? setenv("BSO_EXPERIMENTS", "", 1) : unsetenv("BSO_EXPERIMENTS"), 0);
        bso_config_path("no such file", path, sizeof path);
        assert_string_equal(path, program);
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
    assert_string_equal(bso_method_value(bso_method_find(&m, "mine"), "gradient"), "sltt");
    assert_null(bso_method_value(bso_method_find(&m, "mine"), "update"));
    for (int i = 0; i < m.count; i++) assert_non_null(bso_method_value(&m.method[i], "optimizer"));
    bso_methods_free(&m);
}

static void assert_tuned_lr(const bso_methods *m, const char *name, const char *expected)
{
    bso_settings s;
    bso_settings_default(&s);
    assert_int_equal(bso_method_apply(bso_method_find(m, name), true, &s), 0);
    assert_setting(&s, "lr", expected);
}

/* The repository's file first, then what was tuned here; a file that is named is the only one. */
static void where_tuned_settings_are_from(void **state)
{
    (void)state;
    use_folder("methods = ();", "tuned = ( { method = \"bso\"; lr = 2.0; } );");
    write_text(other_path, "tuned = ( { method = \"bso\"; lr = 3.0; }, { method = \"tbso\"; lr = 4.0; } );");
    assert_true(mkdir("results", 0777) == 0 && mkdir("results/tune", 0777) == 0);
    assert_int_equal(rename(other_path, BSO_TUNED_HERE), 0);
    bso_methods m;
    if (bso_methods_read(&m, NULL)) fail_msg("%s", bso_error());
    assert_string_equal(m.tuned_path, tuned_path);
    assert_tuned_lr(&m, "bso", "2");
    assert_tuned_lr(&m, "tbso", "4");
    assert_tuned_lr(&m, "bop", "0.1");
    bso_methods_free(&m);
    if (bso_methods_read(&m, BSO_TUNED_HERE)) fail_msg("%s", bso_error());
    assert_tuned_lr(&m, "bso", "3");
    bso_methods_free(&m);
    if (bso_methods_read(&m, "missing.conf")) fail_msg("%s", bso_error());
    assert_tuned_lr(&m, "bso", "0.1");
    bso_methods_free(&m);
    write_text(BSO_TUNED_HERE, "tuned = (");
    assert_int_equal(bso_methods_read(&m, NULL), BSO_ERROR);
    assert_non_null(strstr(bso_error(), BSO_TUNED_HERE ":1: "));
    assert_true(unlink(BSO_TUNED_HERE) == 0 && rmdir("results/tune") == 0 && rmdir("results") == 0);
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
    refuse_methods("methods = (\n { name = \"a\"; gradient = \"bptt\"; } );", 2, "names no optimizer");
    refuse_methods(
        "methods = (\n { name = \"a\"; optimizer = \"bso\"; gradient = \"bptt\"; update = \"realtime\"; } );",
        2, "update=realtime");
    refuse_methods("methods = ( { name = \"a\"; optimizer = \"bso\"; },\n { name = \"b\"; label = \"a\"; "
                   "optimizer = \"bop\"; } );",
                   2, "label=a: another");
    refuse_methods("methods = (\n { name = \"a\"; label = \"a\\nb\"; optimizer = \"bso\"; } );", 2,
                   "label: ");
    refuse_methods("methods = (\n { name = \"a\"; optimizer = \"bso\"; optimizer = \"bop\"; } );", 2,
                   "duplicate");
    refuse_methods("methods = (\n { name = \"a\"; optimizer = \"bso\"; lr = 1e999; } );", 2, "lr=");
    refuse_methods("methods = (\n { name = \"a\"; optimizer = \"bso\"; steps = 1e30; } );", 2, "steps=");
    refuse_methods("methods = (\n { name = \"a\"; optimizer = \"bso\"; steps = 4294967298; } );", 2,
                   "write 4294967298L");
    refuse_methods("methods = (\n { name = \"a\"; optimizer = \"bso\"; steps = 18446744073709551618; } );", 2,
                   "64 bits");
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
    refuse_methods("methods = ();\n@include \"/tmp\"\n", 2, "include");
    use_folder("methods = ();", NULL);
    FILE *f = fopen(methods_path, "a");
    assert_true(f && fputc(0, f) == 0 && fclose(f) == 0);
    assert_refused(bso_methods_read(&m, NULL), methods_path, 0, "text file");
}

/* Which numbers libconfig keeps as they are, and what only looks like one. */
static void whole_numbers(void **state)
{
    (void)state;
    bso_protocol p;
    write_text(other_path, "name = \"a @ 4294967298 \\\" 4294967298\"; # 4294967298 @\n"
                           "title = \"\\\\\"; // \" 4294967298\n"
                           "/* 4294967298\n@include \"x\" */ trials = 0x10;\n"
                           "seeds = [2147483647L, 4294967298L, 0x100000003L, 9223372036854775807L, 3L];\n"
                           "trial_seed = \"18446744073709551615\"; target = 4.294967298e1;\n"
                           "common = { leak = 0.4294967298; lr = 1e-2; threshold = 42949672.98E-2; };\n");
    if (bso_protocol_read(&p, other_path)) fail_msg("%s", bso_error());
    assert_true(p.seeds == 5 && p.seed[0] == 2147483647 && p.seed[1] == 4294967298 &&
                p.seed[2] == 0x100000003 && p.seed[3] == INT64_MAX && p.seed[4] == 3);
    assert_true(p.trials == 16 && p.trial_seed == UINT64_MAX && fabs(p.target - 42.94967298) < 1e-12);
    assert_setting(&p.common, "leak", "0.4294967298");
    assert_setting(&p.common, "lr", "0.01");
    assert_setting(&p.common, "threshold", "429496.7298");
    static const char *const beyond[] = {"2147483648",  "-2147483649",          "+4294967298",
                                         "0x80000000",  "9223372036854775808L", "0x10000000000000000L",
                                         "-4294967297", "00000000004294967298"};
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
        char text[128];
        snprintf(text, sizeof text, "name = \"a\"; /*\n*/ common = {};\nseeds = [1, %s];", beyond[i]);
        write_text(other_path, text);
        assert_refused(bso_protocol_read(&p, other_path), other_path, 3, beyond[i]);
    }
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
    refuse_tuned("tuned = (\n { lr = 1.0; } );", 2, "method=: ");
    refuse_tuned("tuned = ( { method = \"bso\"; lr = 1.0; },\n { method = \"bso\"; lr = 2.0; } );", 2,
                 "method=bso: ");
    refuse_tuned("tuned = (\n { method = \"bso\"; optimizer = \"bop\"; } );", 2, "optimizer: method bso");
    refuse_tuned("tuned = (\n { method = \"bso\"; label = \"mine\"; } );", 2, "label: method bso");
    refuse_tuned("tuned = (\n { method = \"bso\"; lr = [1.0, 2.0]; } );", 2, "lr: ");
    refuse_tuned("tuned = ();\nmethods = ();", 2, "methods");
    refuse_tuned("tuned = ( { method = \"bso\"; lr = 1.0;\n", 2, "");
    refuse_tuned("tuned = (\n { method = \"bso\"; lr = -1.0; } );", 2, "lr=-1");
    refuse_tuned("tuned = (\n { method = \"bso\"; lr = \"fast\"; } );", 2, "lr=fast");
    refuse_tuned("tuned = (\n { method = \"bso\"; weight_lr = 1.0; } );", 2, "weight_lr");
    refuse_tuned("tuned = (\n { method = \"bso\"; gamma = 1e99; } );", 2, "gamma");
    refuse_tuned("tuned = (\n { method = \"bso\"; nothing = 1; } );", 2, "nothing");
    /* What was tuned here must not stop everything when a rule changes. */
    bso_methods m;
    use_folder("methods = ();", NULL);
    write_text(other_path, "tuned = ( { method = \"bso\"; old = 1.0; }, { method = \"tbso\"; lr = 2.0; } );");
    assert_int_equal(bso_methods_read(&m, other_path), 0);
    assert_int_equal(bso_method_find(&m, "bso")->tuned_pairs, 0);
    assert_int_equal(bso_method_find(&m, "tbso")->tuned_pairs, 1);
    bso_methods_free(&m);
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
    refuse_protocol("name = \"a\"; common = {};\nseeds = [1.5];", 2, "seed=1.5");
    refuse_protocol("name = \"a\"; common = {};\nseeds = [\"one\"];", 2, "seed=one");
    refuse_protocol("name = \"a\"; common = {};\nseeds = ([1]);", 2, "seed: ");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {\n stepz = 2; };", 2, "stepz");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {\n steps = [1, 2]; };", 2, "steps");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {};\ntrials = 0;", 2, "trials");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {};\ntrials = 1.5;", 2, "trials");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {};\ntrials = 10001;", 2, "trials");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {};\ntrials = 4294967298;", 2, "write 4294967298L");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {};\ntrials = 4294967298L;", 2, "trials");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {};\ntrial_seed = -3;", 2, "seed=-3");
    refuse_protocol("name = \"a\"; seeds = [1, 101]; common = {};", 0, "trial_seed where that is not given");
    refuse_protocol("name = \"a\"; seeds = [7]; common = {}; trials = 2; trial_seed = 7;", 0, "fresh");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {}; ranges = {\n lr = [3.0, 1.0]; };", 2, "lr");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {}; ranges = {\n lr = [0.0, 1.0]; };", 2, "lr");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {}; ranges = {\n lr = [1.0, 9999999.0]; };", 2,
                    "lr");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {}; ranges = {\n lr = 2.0; };", 2, "lr");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {}; ranges = {\n lr = [1.0]; };", 2, "lr");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {}; ranges = {\n lr = (\"a\", \"b\"); };", 2,
                    "lr=a");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {}; ranges = {\n steps = [1, 4]; };", 2,
                    "ranges: steps");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {}; ranges = {\n gamma = [0.1, 0.4]; };", 2,
                    "ranges: gamma");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {}; ranges = {\n label = [1.0, 2.0]; };", 2,
                    "ranges: label");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {};\ntarget = 100;", 2, "target");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {};\ntarget = \"80\";", 2, "target");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {", 1, "");
    refuse_protocol("name = \"a\"; seeds = [1]; common = {};\nseedz = [1];", 2, "seedz");
    bso_protocol p;
    write_text(other_path, "name = \"a\"; seeds = [4, 5]; common = { steps = 3; }; target = 50;");
    if (bso_protocol_read(&p, other_path)) fail_msg("%s", bso_error());
    assert_true(p.seeds == 2 && p.seed[1] == 5 && p.common.steps == 3 && p.target == 50 && p.trials == 0);
    assert_refused(bso_protocol_read(&p, "/tmp"), "/tmp", 0, "text file");
    assert_refused(bso_protocol_read(&p, "missing.conf"), "missing.conf", 0, "No such file");
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

static bool is_drawn(const bso_candidate *c, const char *key)
{
    for (int i = 0; i < c->ranges; i++) {
        if (strcmp(c->range[i].key, key) == 0) return true;
    }
    return false;
}

static void what_a_method_fixes_is_not_drawn(void **state)
{
    (void)state;
    use_folder("methods = ( { name = \"free\"; optimizer = \"bso\"; },\n"
               "            { name = \"fixed\"; optimizer = \"bso\"; lr = 0.7; gamma = 3e-7; } );\n",
               NULL);
    bso_methods m;
    if (bso_methods_read(&m, NULL)) fail_msg("%s", bso_error());
    bso_protocol p = {.trial_seed = 101, .ranges = 1, .range = {{"lr", 1.0, 30.0}}};
    bso_settings_default(&p.common);
    bso_candidate all = {.method = bso_method_find(&m, "free")},
                  some = {.method = bso_method_find(&m, "fixed")};
    assert_int_equal(bso_tune_ranges(&all, &p), 0);
    assert_int_equal(bso_tune_ranges(&some, &p), 0);
    assert_true(is_drawn(&all, "lr") && is_drawn(&all, "gamma"));
    assert_true(!is_drawn(&some, "lr") && !is_drawn(&some, "gamma"));
    assert_int_equal(all.ranges, some.ranges + 2);
    const bso_optimizer *rule = bso_optimizer_find("bso");
    int tunable = 0;
    for (const bso_hyper *h = rule->hypers; h->name; h++) {
        tunable += h->low < h->high;
        assert_int_equal(is_drawn(&all, h->name), h->low < h->high);
    }
    assert_int_equal(all.ranges, tunable + 1);
    for (int trial = 0; trial < 5; trial++) {
        assert_true(drawn(&some, &p, trial, "lr") == 0.7 && drawn(&some, &p, trial, "gamma") == 3e-7);
    }
    bso_methods_free(&m);
}

/* Three digits round; the ends of a narrow range hold nevertheless. */
static void draws_stay_in_a_narrow_range(void **state)
{
    (void)state;
    use_repository();
    bso_methods m;
    bso_protocol p = {.trial_seed = 101};
    bso_settings_default(&p.common);
    if (bso_methods_read(&m, NULL)) fail_msg("%s", bso_error());
    bso_candidate c = {.method = bso_method_find(&m, "bso"), .ranges = 1, .range = {{"lr", 1.2346, 1.2389}}};
    for (int trial = 0; trial < 50; trial++) {
        const double lr = drawn(&c, &p, trial, "lr");
        assert_true(lr >= 1.2346 && lr <= 1.2389);
    }
    bso_methods_free(&m);
}

/* ---- what tuning writes ---- */

/* tuned.conf stands for exactly the settings of the best trial, and has no entry of a method of which no
 * trial reached its end. */
static void tuned_settings_are_those_of_the_best_trial(void **state)
{
    (void)state;
    static const char *const files[] = {"tables/trials.csv", "tables/budget.csv", "tables/tuned.csv",
                                        "tuned.conf", "tune.md"};
    use_folder("methods = ();", NULL);
    bso_methods m;
    if (bso_methods_read(&m, NULL)) fail_msg("%s", bso_error());
    bso_protocol p = {
        .name = "tune", .title = "a test", .trials = 3, .trial_seed = 101, .seeds = 1, .seed = {1}};
    bso_settings_default(&p.common);
    double found[] = {40, 60, NAN}, nothing[] = {NAN, NAN, NAN};
    bso_candidate c[2] = {
        {.method = bso_method_find(&m, "bop"), .trials = 3, .best = -1, .validation = nothing, .mean = NAN},
        {.method = bso_method_find(&m, "bso"),
         .trials = 3,
         .best = 1,
         .validation = found,
         .mean = 59,
         .seeds = 1}};
    for (int i = 0; i < 2; i++) {
        c[i].sd = NAN;
        assert_int_equal(bso_tune_ranges(&c[i], &p), 0);
    }
    assert_int_equal(mkdir("out", 0777), 0);
    if (bso_tune_write("out", &p, c, 2)) fail_msg("%s", bso_error());
    bso_methods back;
    if (bso_methods_read(&back, "out/tuned.conf")) fail_msg("%s", bso_error());
    bso_settings best, tuned = p.common;
    if (bso_tune_trial(&c[1], &p, 1, &best)) fail_msg("%s", bso_error());
    tuned.seed = best.seed;
    if (bso_method_apply(bso_method_find(&back, "bso"), true, &tuned) || bso_settings_check(&tuned)) {
        fail_msg("%s", bso_error());
    }
    assert_true(bso_settings_hash(&tuned) == bso_settings_hash(&best));
    assert_int_equal(bso_method_find(&back, "bso")->tuned_pairs, c[1].ranges);
    assert_int_equal(bso_method_find(&back, "bop")->tuned_pairs, 0);
    bso_methods_free(&back);
    bso_methods_free(&m);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[64];
        snprintf(path, sizeof path, "out/%s", files[i]);
        assert_int_equal(unlink(path), 0);
    }
    assert_true(rmdir("out/tables") == 0 && rmdir("out") == 0);
}

static void tuning_needs_a_validation_split(void **state)
{
    (void)state;
    use_repository();
    bso_protocol p = {.trials = 1, .seeds = 1};
    bso_settings_default(&p.common);
    bso_sweep_options o = {.file = "my.conf", .dry = true};
    assert_refused(bso_tune_methods(&o, &p, NULL, 0), "my.conf", 0, "validation");
}

static int make_folder(void **state)
{
    (void)state;
    if (!realpath("experiments", repository) || !mkdtemp(folder) || chdir(folder)) return -1;
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
    return chdir("/") || rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_methods_are_in_order),
        cmocka_unit_test(its_sweeps_and_protocols_are_in_order),
        cmocka_unit_test(the_folder_of_files),
        cmocka_unit_test(names_and_rules),
        cmocka_unit_test(where_tuned_settings_are_from),
        cmocka_unit_test(what_wins),
        cmocka_unit_test(hostile_methods),
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(hostile_tuned),
        cmocka_unit_test(hostile_protocols),
        cmocka_unit_test(draws_depend_on_names_alone),
        cmocka_unit_test(what_a_method_fixes_is_not_drawn),
        cmocka_unit_test(draws_stay_in_a_narrow_range),
        cmocka_unit_test(tuned_settings_are_those_of_the_best_trial),
        cmocka_unit_test(tuning_needs_a_validation_split),
    };
    return cmocka_run_group_tests_name("methods", tests, make_folder, remove_folder);
}
