/* sweep_run.c: what is to be done for a list of cells, how long it will take, and doing it. See sweep.h.
 *
 * A cell's result has a name made of its settings, so what is there and complete is kept and anything else
 * runs. Where cells come from is not its business; running them is sweep_pool.c's part, timing calibrate.c's.
 */
#define _GNU_SOURCE
#include "core/file.h"
#include "core/memory.h"
#include "core/result.h"
#include "experiments/calibrate.h"
#include "experiments/failed.h"
#include "experiments/part.h"
#include "experiments/program.h"
#include "experiments/sweep.h"
#include "experiments/sweep_pool.h"

#include <dirent.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    bso_job *jobs;
    size_t count;
} plan;

/* CPUs' worth of time that a container may use, rounded up; a large number where it has no limit. */
static int quota(void)
{
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "r");
    double each, period;
    const bool limited = f && fscanf(f, "%lf %lf", &each, &period) == 2 && period > 0;
    if (f) fclose(f);
    return limited ? (int)ceil(each / period) : INT_MAX;
}

/* Cores that this process may use. */
static int cores(void)
{
    cpu_set_t set;
    int n =
        sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
    const int limit = quota();
    n = n < limit ? n : limit;
    return n > 0 ? n : 1;
}

/* DIR, what is missing above it, and DIR/runs. */
static int make_folders(const bso_sweep_options *o)
{
    char folder[sizeof o->runs], probe[sizeof o->runs + 16];
    snprintf(folder, sizeof folder, "%s", o->runs);
    snprintf(probe, sizeof probe, "%s/probe.h5", o->runs);
    return bso_file_directories(folder) || bso_file_probe(probe) ? BSO_ERROR : 0;
}

/* Result files of cells that the sweep file no longer has: tables would show them, so say it. */
static void tell_strangers(const bso_sweep_options *o, const bso_sweep *sweep)
{
    DIR *d = opendir(o->runs);
    if (!d) return;
    size_t strangers = 0;
    for (struct dirent *e; (e = readdir(d));) {
        size_t i = 0;
        if (!bso_file_ends(e->d_name, ".h5")) continue;
        for (char name[512]; i < sweep->count; i++) {
            bso_result_name(&sweep->cells[i].settings, name, sizeof name);
            if (strcmp(name, e->d_name) == 0) break;
        }
        strangers += i == sweep->count;
    }
    closedir(d);
    if (strangers == 1) {
        printf(
            "note: 1 result file in %s is of a cell that %s no longer has; remove it to keep it out of the "
            "tables\n",
            o->runs, o->file);
    } else if (strangers) {
        printf(
            "note: %zu result files in %s are of cells that %s no longer has; remove them to keep them out "
            "of the tables\n",
            strangers, o->runs, o->file);
    }
}

/* Does --only leave it? A part's name is nothing else. */
static bool chosen(const bso_sweep_options *o, const bso_job *job)
{
    if (!o->only) return true;
    if (bso_part_find(o->only)) return bso_settings_has(job->settings->parts, o->only);
    return strcasecmp(o->only, job->label) == 0 || strcasestr(job->name, o->only);
}

/* The cells that --only leaves, as jobs. */
static int choose(const bso_sweep_options *o, const bso_sweep *sweep, plan *p)
{
    p->jobs = bso_alloc(BSO_MEM_CONTROL, sweep->count, sizeof *p->jobs, "the plan of the sweep");
    if (!p->jobs) return BSO_ERROR;
    for (size_t i = 0; i < sweep->count; i++) {
        bso_job *job = &p->jobs[p->count];
        job->settings = &sweep->cells[i].settings;
        job->optional = sweep->cells[i].optional;
        bso_settings_label(job->settings, job->label, sizeof job->label);
        bso_result_name(job->settings, job->name, sizeof job->name);
        if (!chosen(o, job)) continue;
        int length = snprintf(job->path, sizeof job->path, "%s/%s", o->runs, job->name);
        if (length < 0 || (size_t)length >= sizeof job->path) return bso_fail("%s: too long a path", o->runs);
        p->count++;
    }
    if (p->count) return 0;
    return bso_part_find(o->only)
               ? bso_fail("--only %s: no cell of %s is for this part", o->only, o->file)
               : bso_fail("--only %s: no cell of %s has this label or name", o->only, o->file);
}

static bool same_data(const bso_settings *a, const bso_settings *b)
{
    return strcmp(a->dataset, b->dataset) == 0 && strcmp(a->data_dir, b->data_dir) == 0;
}

/* Take out the optional cells on a data set that cannot be opened; one that is not optional is an error. */
static int drop_cells(plan *p, const bso_settings *without, const char *problem)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (!same_data(p->jobs[i].settings, without)) {
            p->jobs[kept++] = p->jobs[i];
        } else if (!p->jobs[i].optional) {
            return bso_fail("%s", problem);
        }
    }
    const size_t dropped = p->count - kept;
    p->count = kept;
    printf("%zu optional cell%s left out: %s\n", dropped, dropped == 1 ? " is" : "s are", problem);
    return kept ? 0 : bso_fail("no cell is left to run");
}

/* Say which data sets are not the real ones. */
static void tell_stand_ins(const plan *p)
{
    const char *last = "";
    for (size_t i = 0; i < p->count; i++) {
        const char *name = p->jobs[i].settings->dataset;
        if (strncmp(name, "stand-in:", strlen("stand-in:")) != 0 || strcmp(name, last) == 0) continue;
        printf("note: %s is not here; its stand-in takes its place, and is called so in every result\n",
               name + strlen("stand-in:"));
        last = name;
    }
}

/* Open every data set once before hours are spent on the first. */
static int check_data(plan *p)
{
    size_t n = 0;
    const bso_settings **distinct = bso_alloc(BSO_MEM_CONTROL, p->count, sizeof *distinct, "the data sets");
    char(*problems)[512] = bso_alloc(BSO_MEM_CONTROL, p->count, sizeof *problems, "the data sets");
    int code = distinct && problems ? 0 : BSO_ERROR;
    for (size_t i = 0; code == 0 && i < p->count; i++) {
        size_t j = 0;
        while (j < n && !same_data(distinct[j], p->jobs[i].settings)) j++;
        if (j == n) distinct[n++] = p->jobs[i].settings;
    }
    if (code == 0) code = bso_check_data(distinct, n, problems);
    for (size_t i = 0; code == 0 && i < n; i++) {
        if (*problems[i]) code = drop_cells(p, distinct[i], problems[i]);
    }
    bso_free(distinct);
    bso_free(problems);
    return code;
}

static void tell_lacking_parts(size_t lacking)
{
    if (!lacking) return;
    const bool one = lacking == 1;
    printf(
        "note: %zu finished cell%s made when the sweep file named fewer tables or figures for %s; where %s "
        "removed and trained again, those show %s, too\n",
        lacking, one ? " was" : "s were", one ? "it" : "them", one ? "it is" : "they are",
        one ? "it" : "them");
}

/* The state of each job by what is there. Returns how many are done; lacking: how many of these lack parts.
 */
static size_t mark_done(plan *p, bool retry, size_t *lacking)
{
    size_t done = 0;
    *lacking = 0;
    for (size_t i = 0; i < p->count; i++) {
        bool lacks;
        p->jobs[i].state = bso_job_look(&p->jobs[i], retry, &lacks);
        done += p->jobs[i].state == BSO_JOB_DONE;
        *lacking += lacks;
    }
    return done;
}

static void forget_failures(const plan *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->jobs[i].state == BSO_JOB_WAITING) bso_failed_forget(p->jobs[i].path);
    }
}

static size_t count_state(const plan *p, bso_job_state state)
{
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++) n += p->jobs[i].state == state;
    return n;
}

/* Fill the estimates of the waiting jobs. What cannot be measured fails with the same words when it runs. */
static int estimate(plan *p, int at_once, int threads)
{
    const bso_settings **distinct = bso_alloc(BSO_MEM_CONTROL, p->count, sizeof *distinct, "the calibration");
    size_t *which = bso_alloc(BSO_MEM_CONTROL, p->count, sizeof *which, "the calibration");
    bso_cost *costs = bso_alloc(BSO_MEM_CONTROL, p->count, sizeof *costs, "the calibration");
    int code = distinct && which && costs ? 0 : BSO_ERROR;
    size_t n = 0;
    for (size_t i = 0; code == 0 && i < p->count; i++) {
        if (p->jobs[i].state != BSO_JOB_WAITING) continue;
        size_t j = 0;
        while (j < n && !bso_cost_same(distinct[j], p->jobs[i].settings)) j++;
        if (j == n) distinct[n++] = p->jobs[i].settings;
        which[i] = j;
    }
    if (code == 0) code = bso_calibrate(distinct, n, at_once, threads, costs);
    for (size_t i = 0; code == 0 && i < p->count; i++) {
        if (p->jobs[i].state != BSO_JOB_WAITING) continue;
        p->jobs[i].estimate = bso_cost_seconds(&costs[which[i]], p->jobs[i].settings);
    }
    for (size_t j = 0; code == 0 && j < n; j++) {
        char label[160];
        bso_settings_label(distinct[j], label, sizeof label);
        if (!costs[j].known) printf("not estimated: %s: %s\n", label, costs[j].problem);
    }
    bso_free(distinct);
    bso_free(which);
    bso_free(costs);
    return code;
}

static int without_estimate(plan *p)
{
    for (size_t i = 0; i < p->count; i++) p->jobs[i].estimate = NAN;
    return 0;
}

static void print_cells(const plan *p)
{
    for (size_t i = 0; i < p->count; i++) {
        const bso_job *job = &p->jobs[i];
        char text[32] = "done";
        if (job->state == BSO_JOB_WAITING) bso_duration_text(job->estimate, text, sizeof text);
        if (job->state == BSO_JOB_DIVERGED) snprintf(text, sizeof text, "diverged");
        if (job->state == BSO_JOB_ELSEWHERE) snprintf(text, sizeof text, "running");
        if (job->state == BSO_JOB_FAILED) snprintf(text, sizeof text, "failed");
        printf("%12s  %-24s  %s\n", text, job->label, job->name);
    }
}

/* The last line is for scripts. */
static int tell_left(const bso_sweep *sweep, const plan *p)
{
    const size_t failed = count_state(p, BSO_JOB_FAILED), diverged = count_state(p, BSO_JOB_DIVERGED);
    printf(
        "%s: %zu of %zu cells are done, %zu failed, %zu diverged, %zu are being trained\ncells left: %zu\n",
        sweep->name, count_state(p, BSO_JOB_DONE), p->count, failed, diverged,
        count_state(p, BSO_JOB_ELSEWHERE), count_state(p, BSO_JOB_WAITING));
    return failed + diverged > 0;
}

/* Everything after the file is read. */
static int carry_out(const bso_sweep_options *o, const bso_sweep *sweep, plan *p)
{
    int code = choose(o, sweep, p);
    if (code) return code;
    tell_stand_ins(p);
    code = check_data(p);
    if (code) return code;
    if (!o->dry && make_folders(o)) return BSO_ERROR;
    size_t lacking, done = mark_done(p, o->retry_failed, &lacking), waiting = count_state(p, BSO_JOB_WAITING);
    if (o->retry_failed && !o->dry) forget_failures(p);
    int machine = cores(), jobs = o->jobs ? o->jobs : machine, threads = o->threads;
    /* By all cells, not by those that are left: threads have scratch memory, which tables show, and it must
     * not depend on where an earlier sweep was stopped. */
    if ((size_t)jobs > p->count) jobs = (int)p->count;
    if (threads == 0) threads = machine / jobs > 1 ? machine / jobs : 1;
    if (waiting && jobs * threads > machine)
        printf("note: %d trainings of %d threads each are more than the %d cores; they will be slower than "
               "fewer\n",
               jobs, threads, machine);
    if (o->alone) tell_strangers(o, sweep);
    tell_lacking_parts(lacking);
    if (o->prepare) return tell_left(sweep, p);
    code = o->no_estimate ? without_estimate(p) : estimate(p, jobs, threads);
    if (code) return code;

    char text[32], estimated[64] = "";
    bso_duration_text(bso_jobs_left(p->jobs, p->count, jobs, 1), text, sizeof text);
    if (!o->no_estimate) snprintf(estimated, sizeof estimated, "estimate: %s on ", text);
    printf("%s: %s%d cores (%d at once, %d thread%s each), %zu cells, %zu done\n",
           *sweep->title ? sweep->title : sweep->name, estimated, machine, jobs, threads,
           threads == 1 ? "" : "s", p->count, done);
    if (o->dry) {
        print_cells(p);
        return 0;
    }
    fflush(stdout);
    double start = bso_clock();
    code = bso_jobs_run(p->jobs, p->count, &(bso_jobs_options){jobs, threads, !o->no_wait, o->checkpoint});
    size_t failed = count_state(p, BSO_JOB_FAILED), diverged = count_state(p, BSO_JOB_DIVERGED);
    bso_duration_text(bso_clock() - start, text, sizeof text);
    printf("%s: %zu of %zu cells are done, %zu failed, %zu diverged, %s; results in %s\n", sweep->name,
           count_state(p, BSO_JOB_DONE), p->count, failed, diverged, text, o->runs);
    return code ? code : failed + diverged > 0;
}

int bso_sweep_folder(bso_sweep_options *o, const char *directory)
{
    if (!*directory || strlen(directory) >= sizeof o->directory) {
        return bso_fail("--out: it takes a folder's name of less than %zu characters", sizeof o->directory);
    }
    snprintf(o->directory, sizeof o->directory, "%s", directory);
    snprintf(o->runs, sizeof o->runs, "%s/runs", directory);
    return 0;
}

int bso_sweep_run(const bso_sweep_options *o, const bso_sweep *sweep)
{
    plan p = {0};
    int code = carry_out(o, sweep, &p);
    bso_free(p.jobs);
    return code;
}
