/* run.c: `bso run`: one training from the command line, its progress, and its result file. */
#include "experiments/method.h"
#include "experiments/program.h"

#include "core/file.h"
#include "core/lock.h"
#include "core/notice.h"
#include "core/result.h"
#include "core/shards.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: bso run [--method NAME] [--set KEY=VALUE]... [--out FILE.h5] [--checkpoint MINUTES] [--quiet]\n\n"
    "  --method NAME    the settings of a method, with what tuning found for it; `bso list` shows the "
    "methods\n"
    "  --set KEY=VALUE  a setting; `bso list` shows every key with its default; later ones win\n"
    "  --out FILE.h5    write the result there; without it no result file is written. A training that\n"
    "                   diverges is a result, too: the file says so, and the exit status is 1\n"
    "  --checkpoint M   minutes between two checkpoints (default: 10), which are written at each epoch's end "
    "and\n"
    "                   when the training is stopped, too: FILE.h5.checkpoint, and the one before. The same\n"
    "                   command goes on from there, to the same bits; `off`: none\n"
    "  --or-restart     where the checkpoint is of another program, network or data set, begin anew\n"
    "  --allow-kernel-change\n"
    "                   go on with other kernels or on another type of CPU than the checkpoint's: the bits\n"
    "                   may differ, and the result says so\n"
    "  --unless-done    nothing to do where FILE.h5 is a result of the same settings\n"
    "  --quiet          no progress, only warnings and the summary\n\n"
    "example: bso run --method tbso --set steps=2 --set train_samples=12000 --out run.h5\n";

typedef struct {
    bso_settings settings;
    const char *out;
    bso_checkpoints checkpoints; /* its path is checkpoint_path, or NULL */
    char checkpoint_path[BSO_PATH], lock_path[BSO_PATH];
    bool unless_done, quiet, help;
} options;

static int set_method(bso_settings *s, const char *name)
{
    bso_methods m;
    if (bso_methods_read(&m, NULL)) return BSO_ERROR;
    const bso_method *method = bso_method_find(&m, name);
    int code = method ? bso_method_apply(method, true, s) : BSO_ERROR;
    bso_methods_free(&m);
    return code;
}

int bso_checkpoint_minutes(const char *text, double *minutes)
{
    char *end;
    *minutes = -1;
    if (strcmp(text, "off") == 0) return 0;
    *minutes = strtod(text, &end);
    if (*text && !*end && *minutes >= 0 && *minutes <= 1e6) return 0;
    return bso_usage("--checkpoint %s: it takes a number of minutes, or off", text);
}

/* The minutes of --checkpoint (NULL: the default), and the files beside the result. */
static int set_checkpoints(options *o, const char *minutes)
{
    if (!o->out) return 0;
    if (bso_file_with(o->checkpoint_path, o->out, ".checkpoint") ||
        bso_file_with(o->lock_path, o->out, BSO_RUN_LOCK))
        return bso_fail_context("--out");
    double given = 10;
    if (minutes && bso_checkpoint_minutes(minutes, &given)) return BSO_USAGE;
    o->checkpoints.path = given < 0 ? NULL : o->checkpoint_path;
    o->checkpoints.seconds = 60 * given;
    return 0;
}

static int parse(int argc, char **argv, options *o)
{
    *o = (options){0};
    const char *minutes = NULL;
    bso_settings_default(&o->settings);
    for (int i = 1; i < argc; i++) {
        const char *pair = NULL, *method = NULL;
        int code = bso_option(argc, argv, &i, "--set", &pair);
        if (code == 0) code = bso_option(argc, argv, &i, "--method", &method);
        if (code == 0) code = bso_option(argc, argv, &i, "--out", &o->out);
        if (code == 0) code = bso_option(argc, argv, &i, "--checkpoint", &minutes);
        if (code == 0) code = bso_flag(argv[i], "--or-restart", &o->checkpoints.or_restart);
        if (code == 0) code = bso_flag(argv[i], "--allow-kernel-change", &o->checkpoints.allow_kernel_change);
        if (code == 0) code = bso_flag(argv[i], "--unless-done", &o->unless_done);
        if (code == 0) code = bso_flag(argv[i], "--quiet", &o->quiet);
        if (code == 0) code = bso_flag(argv[i], "--help", &o->help);
        if (code == 0) code = bso_flag(argv[i], "-h", &o->help);
        if (code == 0) code = bso_usage("%s: unknown argument", argv[i]);
        if (code == 1 && pair) code = bso_set_pair(&o->settings, pair);
        if (code == 1 && method) code = set_method(&o->settings, method);
        if (code < 0) return code;
    }
    return set_checkpoints(o, minutes);
}

/* The folder of a file that may not be there yet, and its name in that folder. Returns 0, or -1. */
static int locate(const char *path, char folder[PATH_MAX], const char **name)
{
    char text[PATH_MAX];
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    if (slash) {
        snprintf(text, sizeof text, "%.*s", (int)(slash - path + 1), path);
    } else {
        snprintf(text, sizeof text, ".");
    }
    return realpath(text, folder) ? 0 : -1;
}

/* Would writing both leave one file? Neither has to be there; their folders are. */
static bool same_file(const char *a, const char *b)
{
    char folder_a[PATH_MAX], folder_b[PATH_MAX];
    const char *name_a, *name_b;
    if (locate(a, folder_a, &name_a) || locate(b, folder_b, &name_b)) return strcmp(a, b) == 0;
    return strcmp(name_a, name_b) == 0 && strcmp(folder_a, folder_b) == 0;
}

/* Everything that is to be written, before hours are spent on it. */
static int check_outputs(const options *o)
{
    const char *const keys[] = {"--out", "save", "trace"};
    const char *const paths[] = {o->out ? o->out : "", o->settings.save, o->settings.trace};
    if (o->out && !*o->out) return bso_fail("--out: it takes a file name");
    for (int i = 0; i < 3; i++) {
        if (*paths[i] && bso_file_probe(paths[i])) return bso_fail_context("%s", keys[i]);
        for (int j = 0; j < i; j++) {
            if (*paths[i] && *paths[j] && same_file(paths[i], paths[j])) {
                return bso_fail("%s and %s: both name %s; give each its own file", keys[j], keys[i],
                                paths[i]);
            }
        }
    }
    return 0;
}

static void bytes_text(double bytes, char *text, size_t size)
{
    if (bytes < 1e5) {
        snprintf(text, size, "%.1f kB", bytes / 1e3);
    } else {
        snprintf(text, size, "%.2f MB", bytes / 1e6);
    }
}

static void print_summary(const bso_run *run)
{
    char model[32], memory[32], duration[32];
    double accuracy = run->final.test_accuracy;
    bytes_text(run->model_bytes, model, sizeof model);
    bytes_text((double)(run->memory_total_peak - run->memory_at_peak[BSO_MEM_DATASET]), memory,
               sizeof memory);
    bso_duration_text(run->seconds, duration, sizeof duration);
    if (isnan(accuracy)) {
        printf("no test accuracy");
    } else {
        printf("test accuracy %.2f %%", 100 * accuracy);
    }
    printf(", model %s, training memory %s, %s\n", model, memory, duration);
}

/* Warnings only. */
static void show_warnings(const char *what, size_t done, size_t total)
{
    if (total == 0) bso_notice_show(what, done, total);
}

/* ---- one of several processes ---- */

/* The first rank is the one that reads, writes and talks. Before it trains it tells the others whether there
 * is something to do at all; what goes wrong before is told at the end. Returns 0 or what went wrong. */
static int tell_others(bool done)
{
    unsigned flags = done;
    return bso_shards_agree(bso_shards_world(), 0, &flags);
}

/* What the others do. */
static int follow(const options *o)
{
    unsigned done = 0;
    const int told = bso_shards_agree(bso_shards_world(), 0, &done);
    if (told || done) return told;
    bso_run run;
    bso_notice = NULL;
    const bso_train_options how = {.checkpoints = o->checkpoints};
    const int code = bso_train(&o->settings, &run, &how);
    bso_run_free(&run);
    return code;
}

/* All ranks stop together, but only some got the signal. */
static void share_signal(bso_shards *world)
{
    uint64_t terminated = bso_stop_signal == SIGTERM;
    bso_shards_sum_counts(world, &terminated, 1);
    bso_stop_signal = terminated ? SIGTERM : SIGINT;
}

/* ---- the command ---- */

/* Train, write the result, say what came out. */
static int train(const options *o, int argc, char **argv)
{
    const int told = tell_others(false);
    if (told) return told;
    bso_status status;
    bso_status_init(&status, 10);
    if (o->quiet) bso_notice = show_warnings;
    bso_run run;
    const bso_train_options how = {
        .checkpoints = o->checkpoints, .progress = o->quiet ? NULL : bso_progress_show, .user = &status};
    int code = bso_train(&o->settings, &run, &how);
    bso_status_clear(&status);
    if (o->out && (code == 0 || code == BSO_DIVERGED)) {
        char *command = bso_command_line(argc, argv);
        if (bso_result_write(o->out, &run, command)) {
            code = BSO_ERROR;
        } else {
            bso_checkpoints_remove(o->checkpoint_path);
        }
        bso_free(command);
    }
    if (code == 0) print_summary(&run);
    if (code == 0 || code == BSO_DIVERGED) {
        if (!o->quiet && o->out) printf("result: %s\n", o->out);
        if (!o->quiet && !o->out) printf("no result file written; --out FILE.h5 writes one\n");
    }
    if (code == BSO_INTERRUPTED && how.checkpoints.path && !o->quiet && run.batches > 0)
        printf("the same command goes on from %s\n", how.checkpoints.path);
    bso_run_free(&run);
    return code;
}

/* What a process left that was killed while it wrote: nobody is writing while the lock is held. */
static void remove_leftovers(const options *o)
{
    char folder[PATH_MAX];
    const char *name;
    if (locate(o->out, folder, &name)) return;
    bso_file_remove_leftovers(folder, name, true);
    if (locate(o->checkpoint_path, folder, &name)) return;
    bso_file_remove_leftovers(folder, name, true);
}

/* With the result file for this process alone. */
static int run_locked(const options *o, int argc, char **argv)
{
    remove_leftovers(o);
    bso_run run;
    const int there = o->unless_done ? bso_result_find(o->out, &o->settings, &run) : 1;
    if (there < 0) return there;
    if (there > 0) return train(o, argc, argv);
    int code = tell_others(true);
    if (!code && *run.stopped) code = BSO_DIVERGED;
    if (code == BSO_DIVERGED) bso_fail("%s", run.stopped);
    if (!code) {
        printf("finished before: ");
        print_summary(&run);
    }
    bso_run_free(&run);
    return code;
}

static int run_command(int argc, char **argv)
{
    options o;
    const bool first = bso_shards_rank(bso_shards_world()) == 0;
    int code = parse(argc, argv, &o);
    if (code) return code;
    if (o.help) {
        if (first) fputs(help, stdout);
        return 0;
    }
    if (bso_settings_check(&o.settings)) return BSO_ERROR;
    if (!first) return follow(&o);
    if (check_outputs(&o)) return BSO_ERROR;
    if (!o.out) return train(&o, argc, argv);
    int lock;
    code = bso_lock_take(o.lock_path, &lock);
    if (code < 0) return code;
    if (code > 0) {
        fprintf(stderr, "bso: %s: another process is training this now; wait for it\n", o.out);
        return BSO_EXIT_BUSY;
    }
    code = run_locked(&o, argc, argv);
    bso_lock_release(o.lock_path, lock);
    return code;
}

int bso_command_run(int argc, char **argv)
{
    bso_shards *world = bso_shards_world();
    const int code = run_command(argc, argv);
    if (!world || world->agreed) return code;
    if (code == BSO_INTERRUPTED) share_signal(world);
    return bso_shards_agree(world, code, NULL);
}
