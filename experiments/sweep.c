/* sweep.c: `bso sweep`: the command around sweep_run.c: its arguments, its file, its folder. */
#include "experiments/sweep.h"
#include "experiments/program.h"

#include <stdio.h>

static const char help[] =
    "usage: bso sweep FILE.conf [--out DIR] [--jobs N] [--threads M] [--only TEXT] [--dry-run]\n"
    "                           [--checkpoint MINUTES] [--retry-failed] [--no-wait] [--no-estimate] "
    "[--prepare]\n\n"
    "  --out DIR      results go to DIR/runs (default: results/NAME, NAME from the file)\n"
    "  --jobs N       cells trained at once (default: one for each core)\n"
    "  --threads M    threads of each (default: cores divided by jobs)\n"
    "  --only TEXT    only cells for the part TEXT of the paper (table2, fig5, ...), or whose label is TEXT "
    "or whose name "
    "contains it\n"
    "  --dry-run      list the cells and the estimated time, train nothing\n"
    "  --checkpoint M minutes between two checkpoints of a training (default: 10); off: none\n"
    "  --retry-failed train cells again that failed in an earlier sweep\n"
    "  --no-wait      leave cells that another process is training to it, and do not wait for them\n"
    "  --no-estimate  begin at once, without measuring how long it will take\n"
    "  --prepare      train nothing: make the folder, open every data set (stand-ins are made), forget "
    "failures\n"
    "                 with --retry-failed, and say how many cells are left; with --dry-run only say it\n\n"
    "Finished cells are kept, changed ones run again. Stopped with Ctrl-C or killed, the same command goes "
    "on\n"
    "where it was, within trainings, too (checkpoints). Several sweeps, on several machines, may share a "
    "folder:\n"
    "each cell is trained by one of them.\n"
    "Exit status 1: a cell failed, or its training diverged, which is a result and not tried again.\n";

static int parse(int argc, char **argv, bso_sweep_options *o, const char **out, bool *asked)
{
    double minutes;
    *o = (bso_sweep_options){.alone = true};
    for (int i = 1; i < argc; i++) {
        const char *jobs = NULL, *threads = NULL;
        int code = bso_option(argc, argv, &i, "--out", out);
        if (code == 0) code = bso_option(argc, argv, &i, "--jobs", &jobs);
        if (code == 0) code = bso_option(argc, argv, &i, "--threads", &threads);
        if (code == 0) code = bso_option(argc, argv, &i, "--only", &o->only);
        if (code == 0) code = bso_option(argc, argv, &i, "--checkpoint", &o->checkpoint);
        if (code == 0) code = bso_flag(argv[i], "--dry-run", &o->dry);
        if (code == 0) code = bso_flag(argv[i], "--retry-failed", &o->retry_failed);
        if (code == 0) code = bso_flag(argv[i], "--no-wait", &o->no_wait);
        if (code == 0) code = bso_flag(argv[i], "--no-estimate", &o->no_estimate);
        if (code == 0) code = bso_flag(argv[i], "--prepare", &o->prepare);
        if (code == 0) code = bso_flag(argv[i], "--help", asked);
        if (code == 0) code = bso_flag(argv[i], "-h", asked);
        if (code == 1 && jobs) code = bso_option_number("--jobs", jobs, 1, 256, &o->jobs);
        if (code == 1 && threads) code = bso_option_number("--threads", threads, 1, 1024, &o->threads);
        if (code < 0) return code;
        if (code == 1 || jobs || threads) continue;
        if (argv[i][0] == '-') return bso_usage("%s: unknown option", argv[i]);
        if (o->file) return bso_usage("%s: one sweep file at a time", argv[i]);
        o->file = argv[i];
    }
    if (o->checkpoint && bso_checkpoint_minutes(o->checkpoint, &minutes)) return BSO_USAGE;
    return o->file || *asked ? 0 : bso_usage("which sweep file?");
}

int bso_command_sweep(int argc, char **argv)
{
    bso_sweep_options o;
    const char *out = NULL;
    bool asked = false;
    int code = parse(argc, argv, &o, &out, &asked);
    if (code) return code;
    if (asked) {
        fputs(help, stdout);
        return 0;
    }
    bso_sweep sweep;
    if (bso_sweep_read(&sweep, o.file)) return BSO_ERROR;
    char usual[BSO_WORD + 16];
    snprintf(usual, sizeof usual, "results/%s", sweep.name);
    code = bso_sweep_folder(&o, out ? out : usual);
    if (code == 0) code = bso_sweep_run(&o, &sweep);
    bso_sweep_free(&sweep);
    return code;
}
