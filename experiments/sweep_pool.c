/* sweep_pool.c: see sweep_pool.h. A child is this program's own `bso run`: a cell of a sweep and a single run
 * are the same thing. */
#define _GNU_SOURCE
#include "experiments/sweep_pool.h"

#include "core/file.h"
#include "core/lock.h"
#include "core/memory.h"
#include "core/result.h"
#include "experiments/failed.h"
#include "experiments/part.h"
#include "experiments/program.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS_MAX = 160, WORD_BYTES = BSO_TEXT + BSO_WORD + 2 };

/* The child's command line. */
typedef struct {
    char text[WORDS_MAX][WORD_BYTES];
    char checkpoint[BSO_WORD];
    char *argv[2 * WORDS_MAX];
    int words, used;
} command;

static void add_setting(command *c, const char *key, const char *value)
{
    if (c->words == WORDS_MAX) return;
    snprintf(c->text[c->words], WORD_BYTES, "%s=%s", key, value);
    c->argv[c->used++] = "--set";
    c->argv[c->used++] = c->text[c->words++];
}

/* Every setting by name, so that nothing depends on defaults or on where the sweep was started. */
static void fill_command(command *c, bso_job *job, const bso_jobs_options *o)
{
    char value[BSO_TEXT];
    c->words = c->used = 0;
    c->argv[c->used++] = "bso";
    c->argv[c->used++] = "run";
    c->argv[c->used++] = "--quiet";
    c->argv[c->used++] = "--unless-done";
    c->argv[c->used++] = "--or-restart";
    if (o->checkpoint) {
        snprintf(c->checkpoint, sizeof c->checkpoint, "--checkpoint=%s", o->checkpoint);
        c->argv[c->used++] = c->checkpoint;
    }
    c->argv[c->used++] = "--out";
    c->argv[c->used++] = job->path;
    for (const bso_key *k = bso_keys; k->name; k++) {
        bso_settings_get(job->settings, k->name, value, sizeof value);
        if (k->offset == offsetof(bso_settings, threads)) snprintf(value, sizeof value, "%d", o->threads);
        add_setting(c, k->name, value);
    }
    for (int i = 0; i < job->settings->hypers_set; i++) {
        const char *name = job->settings->hyper[i].name;
        bso_settings_get(job->settings, name, value, sizeof value);
        add_setting(c, name, value);
    }
    c->argv[c->used] = NULL;
}

static int start(bso_job *job, command *c, const bso_jobs_options *o)
{
    fill_command(c, job, o);
    job->output = memfd_create("output", MFD_CLOEXEC);
    if (job->output < 0) return bso_fail("sweep: cannot keep a cell's output: %s", strerror(errno));
    fflush(NULL);
    pid_t sweep = getpid();
    /* Until exec the child has the sweep's handlers: they would note a signal in a program that is about to
     * be replaced by one that knows nothing of it. */
    sigset_t stopping, before;
    sigemptyset(&stopping);
    sigaddset(&stopping, SIGINT);
    sigaddset(&stopping, SIGTERM);
    sigprocmask(SIG_BLOCK, &stopping, &before);
    job->process = fork();
    if (job->process == 0) {
        setpgid(0, 0); /* the terminal's Ctrl-C is for the sweep, which passes it on once */
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != sweep) _exit(1);
        dup2(job->output, STDOUT_FILENO);
        dup2(job->output, STDERR_FILENO);
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        sigprocmask(SIG_SETMASK, &before, NULL);
        execv("/proc/self/exe", c->argv);
        dprintf(STDERR_FILENO, "bso: cannot start: %s\n", strerror(errno));
        _exit(127);
    }
    int cause = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (job->process < 0) {
        close(job->output);
        return bso_fail("sweep: cannot start a process: %s", strerror(cause));
    }
    job->state = BSO_JOB_RUNNING;
    job->started = bso_clock();
    return 0;
}

/* The last line a child printed; of one that failed the last line starting with "bso: " where there is one,
 * without that prefix. */
static void last_line(int output, bool failed, char *line, size_t size)
{
    char text[8192];
    off_t length = lseek(output, 0, SEEK_END);
    off_t first = length > (off_t)sizeof text - 1 ? length - ((off_t)sizeof text - 1) : 0;
    ssize_t got = pread(output, text, sizeof text - 1, first);
    text[got > 0 ? got : 0] = '\0';
    bool told = false;
    *line = '\0';
    char *rest = NULL;
    for (char *l = strtok_r(text, "\n", &rest); l; l = strtok_r(NULL, "\n", &rest)) {
        bool ours = failed && strncmp(l, "bso: ", 5) == 0;
        if (told && !ours) continue;
        told = ours;
        snprintf(line, size, "%s", l + (ours ? 5 : 0));
    }
}

typedef struct {
    size_t done, running, elsewhere, waiting, diverged, failed;
} counts;

static counts count(const bso_job *jobs, size_t n)
{
    counts c = {0};
    for (size_t i = 0; i < n; i++) {
        c.done += jobs[i].state == BSO_JOB_DONE;
        c.running += jobs[i].state == BSO_JOB_RUNNING;
        c.elsewhere += jobs[i].state == BSO_JOB_ELSEWHERE;
        c.waiting += jobs[i].state == BSO_JOB_WAITING;
        c.diverged += jobs[i].state == BSO_JOB_DIVERGED;
        c.failed += jobs[i].state == BSO_JOB_FAILED;
    }
    return c;
}

static void tell_diverged(const bso_job *job, const char *stopped)
{
    fprintf(stderr, "bso: %s  %s diverged: %s\n", job->label, job->name, stopped);
}

/* What a child's end makes of its job; stop: it was told to end, and is to be trained another time. */
static bso_job_state state_after(const bso_job *job, int status, bool stop, char stopped[BSO_STOPPED])
{
    *stopped = '\0';
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return BSO_JOB_DONE;
    if (WIFEXITED(status) && WEXITSTATUS(status) == BSO_EXIT_BUSY) return BSO_JOB_ELSEWHERE;
    if (bso_result_matches(job->path, job->settings, stopped) == 0 && *stopped) return BSO_JOB_DIVERGED;
    return stop ? BSO_JOB_WAITING : BSO_JOB_FAILED;
}

/* Note how a child ended, and say so. */
static void finish(bso_job *job, int status, bool stop, size_t done, size_t n, bso_status *view)
{
    char line[2048], stopped[BSO_STOPPED];
    job->state = state_after(job, status, stop, stopped);
    last_line(job->output, job->state != BSO_JOB_DONE, line, sizeof line);
    close(job->output);
    if (job->state == BSO_JOB_WAITING || job->state == BSO_JOB_ELSEWHERE) return;
    const int signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status) - 128;
    const bool stopped_by_others = signal_number == SIGTERM || signal_number == SIGINT;
    if (WIFSIGNALED(status)) {
        snprintf(line, sizeof line, "ended by signal %d (%s)%s", WTERMSIG(status),
                 strsignal(WTERMSIG(status)), WTERMSIG(status) == SIGKILL ? "; out of memory?" : "");
    }
    if (stopped_by_others)
        snprintf(line, sizeof line, "somebody stopped it; the same command goes on from its checkpoint");
    bso_status_clear(view);
    if (job->state == BSO_JOB_DONE) {
        printf("[%zu/%zu] %s  %s: %s\n", done + 1, n, job->label, job->name, line);
    } else if (job->state == BSO_JOB_DIVERGED) {
        tell_diverged(job, stopped);
    } else {
        fprintf(stderr, "bso: %s  %s failed: %s\n", job->label, job->name, line);
        if (!stopped_by_others && bso_failed_note(job->path, line)) fprintf(stderr, "bso: %s\n", bso_error());
    }
    if (job->state != BSO_JOB_FAILED) bso_failed_forget(job->path);
    fflush(stdout);
}

/* ---- what others do ---- */

/* Was a finished cell trained for fewer parts of the paper than it is for now? Tables go by what its file
 * says. */
static bool lacks_parts(const bso_run *run, const bso_settings *settings)
{
    char parts[BSO_TEXT];
    snprintf(parts, sizeof parts, "%s", run->settings.parts);
    const size_t before = strlen(parts);
    bso_part_add(parts, settings->parts);
    return strlen(parts) > before;
}

static bool held_elsewhere(const bso_job *job)
{
    char lock[BSO_PATH];
    return bso_file_with(lock, job->path, BSO_RUN_LOCK) == 0 && bso_lock_held(lock);
}

bso_job_state bso_job_look(const bso_job *job, bool retry, bool *lacking)
{
    bso_run run;
    char text[2048];
    bso_job_state state = BSO_JOB_WAITING;
    *lacking = false;
    const int code = bso_result_find(job->path, job->settings, &run);
    if (code < 0) {
        fprintf(stderr, "bso: %s; remove it to train this cell again\n", bso_error());
        return BSO_JOB_FAILED;
    }
    if (code == 0) {
        state = *run.stopped ? BSO_JOB_DIVERGED : BSO_JOB_DONE;
        if (*run.stopped) tell_diverged(job, run.stopped);
        *lacking = !*run.stopped && lacks_parts(&run, job->settings);
        bso_run_free(&run);
    } else if (held_elsewhere(job)) {
        state = BSO_JOB_ELSEWHERE;
    } else if (!retry && bso_failed_read(job->path, text, sizeof text)) {
        fprintf(stderr, "bso: %s  %s failed before: %s; --retry-failed tries it again\n", job->label,
                job->name, text);
        state = BSO_JOB_FAILED;
    }
    return state;
}

/* See what has become of a job that another process has, or may have had. */
static void look_again(bso_job *job, const bso_job *jobs, size_t n, bso_status *view)
{
    bool lacking;
    bso_status_clear(view);
    job->state = bso_job_look(job, false, &lacking);
    if (job->state != BSO_JOB_DONE) return;
    printf("[%zu/%zu] %s  %s: trained by another process\n", count(jobs, n).done, n, job->label, job->name);
    fflush(stdout);
}

static void look_elsewhere(bso_job *jobs, size_t n, bso_status *view)
{
    for (size_t i = 0; i < n; i++) {
        if (jobs[i].state != BSO_JOB_ELSEWHERE || held_elsewhere(&jobs[i])) continue;
        look_again(&jobs[i], jobs, n, view);
    }
}

double bso_jobs_left(const bso_job *jobs, size_t n, int at_once, double speed)
{
    double ends[256] = {0};
    int slots = at_once < 256 ? at_once : 256, used = 0;
    double now = bso_clock(), last = 0;
    for (size_t i = 0; i < n; i++) {
        if (jobs[i].state != BSO_JOB_RUNNING || used >= slots) continue;
        if (isnan(jobs[i].estimate)) return NAN;
        double left = jobs[i].estimate * speed - (now - jobs[i].started);
        ends[used++] = left > 0 ? left : 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (jobs[i].state != BSO_JOB_WAITING) continue;
        int earliest = 0;
        for (int s = 1; s < slots; s++) {
            if (ends[s] < ends[earliest]) earliest = s;
        }
        ends[earliest] += jobs[i].estimate * speed;
    }
    for (int s = 0; s < slots; s++) {
        if (isnan(ends[s])) return NAN;
        if (ends[s] > last) last = ends[s];
    }
    return last;
}

static void show(bso_status *view, const bso_job *jobs, size_t n, int at_once, double speed)
{
    counts c = count(jobs, n);
    char line[320], left[48] = "", elsewhere[48] = "", diverged[32] = "", failed[32] = "";
    const double seconds = bso_jobs_left(jobs, n, at_once, speed);
    if (!isnan(seconds)) {
        char text[32];
        bso_duration_text(seconds, text, sizeof text);
        snprintf(left, sizeof left, ", %s left", text);
    }
    if (c.elsewhere) snprintf(elsewhere, sizeof elsewhere, ", %zu elsewhere", c.elsewhere);
    if (c.diverged) snprintf(diverged, sizeof diverged, ", %zu diverged", c.diverged);
    if (c.failed) snprintf(failed, sizeof failed, ", %zu failed", c.failed);
    snprintf(line, sizeof line, "%zu/%zu cells, %zu running%s%s%s%s", c.done, n, c.running, elsewhere,
             diverged, failed, left);
    bso_status_show(view, false, line);
}

/* Collect children that have ended. The times of those that did well correct the estimate. */
static void collect(bso_job *jobs, size_t n, bool stop, bso_status *view, double times[2])
{
    for (size_t i = 0; i < n; i++) {
        int status;
        if (jobs[i].state != BSO_JOB_RUNNING || waitpid(jobs[i].process, &status, WNOHANG) <= 0) continue;
        finish(&jobs[i], status, stop, count(jobs, n).done, n, view);
        if (jobs[i].state == BSO_JOB_DONE && isfinite(jobs[i].estimate)) {
            times[0] += bso_clock() - jobs[i].started;
            times[1] += jobs[i].estimate;
        }
    }
}

/* Start waiting jobs, in their order, as long as there is room. Since it was planned another process may have
 * trained one, or have failed to, which would happen again. Returns 0 or BSO_ERROR. */
static int start_more(bso_job *jobs, size_t n, command *c, const bso_jobs_options *o, bso_status *view)
{
    size_t room = (size_t)o->at_once - count(jobs, n).running;
    for (size_t i = 0; room > 0 && i < n; i++) {
        if (jobs[i].state != BSO_JOB_WAITING) continue;
        look_again(&jobs[i], jobs, n, view);
        if (jobs[i].state != BSO_JOB_WAITING) continue;
        if (start(&jobs[i], c, o)) return BSO_ERROR;
        room--;
    }
    return 0;
}

int bso_jobs_run(bso_job *jobs, size_t n, const bso_jobs_options *o)
{
    const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
    command *c = bso_alloc(BSO_MEM_CONTROL, 1, sizeof *c, "command lines");
    if (!c) return BSO_ERROR;
    bso_status view;
    bso_status_init(&view, 30);
    double times[2] = {0}, looked = bso_clock();
    bool told = false;
    int code = 0;
    for (;;) {
        collect(jobs, n, code || bso_stop_requested, &view, times);
        if (bso_clock() - looked >= 1) {
            look_elsewhere(jobs, n, &view);
            looked = bso_clock();
        }
        bool stop = code || bso_stop_requested;
        if (!stop) code = start_more(jobs, n, c, o, &view);
        stop = code || bso_stop_requested;
        for (size_t i = 0; stop && !told && i < n; i++) {
            if (jobs[i].state == BSO_JOB_RUNNING) kill(jobs[i].process, SIGTERM);
        }
        told = stop;
        const counts now = count(jobs, n);
        if (now.running == 0 && (stop || (now.waiting == 0 && (now.elsewhere == 0 || !o->wait)))) break;
        show(&view, jobs, n, o->at_once, times[1] > 0 ? times[0] / times[1] : 1);
        nanosleep(&pause, NULL);
    }
    bso_status_clear(&view);
    bso_free(c);
    return bso_stop_requested ? BSO_INTERRUPTED : code;
}
