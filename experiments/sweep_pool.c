/* sweep_pool.c: see sweep_pool.h. A child is this program's own `bso run`: a cell of a sweep and a single run
 * are the same thing. */
#define _GNU_SOURCE
#include "experiments/sweep_pool.h"

#include "core/memory.h"
#include "core/result.h"
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
static void fill_command(command *c, bso_job *job, int threads)
{
    char value[BSO_TEXT];
    c->words = c->used = 0;
    c->argv[c->used++] = "bso";
    c->argv[c->used++] = "run";
    c->argv[c->used++] = "--quiet";
    c->argv[c->used++] = "--out";
    c->argv[c->used++] = job->path;
    for (const bso_key *k = bso_keys; k->name; k++) {
        bso_settings_get(job->settings, k->name, value, sizeof value);
        if (k->offset == offsetof(bso_settings, threads)) snprintf(value, sizeof value, "%d", threads);
        add_setting(c, k->name, value);
    }
    for (int i = 0; i < job->settings->hypers_set; i++) {
        const char *name = job->settings->hyper[i].name;
        bso_settings_get(job->settings, name, value, sizeof value);
        add_setting(c, name, value);
    }
    c->argv[c->used] = NULL;
}

static int start(bso_job *job, command *c, int threads)
{
    fill_command(c, job, threads);
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

/* The last line a child printed, or its last line starting with "bso: " where there is one, which then loses
 * that prefix. */
static void last_line(int output, char *line, size_t size)
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
        bool ours = strncmp(l, "bso: ", 5) == 0;
        if (told && !ours) continue;
        told = ours;
        snprintf(line, size, "%s", l + (ours ? 5 : 0));
    }
}

/* Note how a child ended, and say so; stop: it was told to end, and is to be trained another time. */
static void finish(bso_job *job, int status, bool stop, size_t done, size_t n, bso_status *view)
{
    char line[2048], stopped[BSO_STOPPED];
    last_line(job->output, line, sizeof line);
    close(job->output);
    bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    bool diverged = !well && bso_result_matches(job->path, job->settings, stopped) == 0 && *stopped != '\0';
    job->state = well ? BSO_JOB_DONE : diverged ? BSO_JOB_DIVERGED : stop ? BSO_JOB_WAITING : BSO_JOB_FAILED;
    if (job->state == BSO_JOB_WAITING) return;
    if (WIFSIGNALED(status)) {
        snprintf(line, sizeof line, "ended by signal %d (%s)%s", WTERMSIG(status),
                 strsignal(WTERMSIG(status)), WTERMSIG(status) == SIGKILL ? "; out of memory?" : "");
    }
    bso_status_clear(view);
    if (well) {
        printf("[%zu/%zu] %s  %s: %s\n", done + 1, n, job->label, job->name, line);
    } else {
        fprintf(stderr, "bso: %s  %s %s: %s\n", job->label, job->name, diverged ? "diverged" : "failed",
                diverged ? stopped : line);
    }
    fflush(stdout);
}

double bso_jobs_left(const bso_job *jobs, size_t n, int at_once, double speed)
{
    double ends[256] = {0};
    int slots = at_once < 256 ? at_once : 256, used = 0;
    double now = bso_clock(), last = 0;
    for (size_t i = 0; i < n; i++) {
        if (jobs[i].state != BSO_JOB_RUNNING || used >= slots) continue;
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

typedef struct {
    size_t done, running, waiting, diverged, failed;
} counts;

static counts count(const bso_job *jobs, size_t n)
{
    counts c = {0};
    for (size_t i = 0; i < n; i++) {
        c.done += jobs[i].state == BSO_JOB_DONE;
        c.running += jobs[i].state == BSO_JOB_RUNNING;
        c.waiting += jobs[i].state == BSO_JOB_WAITING;
        c.diverged += jobs[i].state == BSO_JOB_DIVERGED;
        c.failed += jobs[i].state == BSO_JOB_FAILED;
    }
    return c;
}

static void show(bso_status *view, const bso_job *jobs, size_t n, int at_once, double speed)
{
    counts c = count(jobs, n);
    char line[256], left[32], diverged[32] = "", failed[32] = "";
    bso_duration_text(bso_jobs_left(jobs, n, at_once, speed), left, sizeof left);
    if (c.diverged) snprintf(diverged, sizeof diverged, ", %zu diverged", c.diverged);
    if (c.failed) snprintf(failed, sizeof failed, ", %zu failed", c.failed);
    snprintf(line, sizeof line, "%zu/%zu cells, %zu running%s%s, %s left", c.done, n, c.running, diverged,
             failed, left);
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

int bso_jobs_run(bso_job *jobs, size_t n, int at_once, int threads)
{
    const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
    command *c = bso_alloc(BSO_MEM_CONTROL, 1, sizeof *c, "command lines");
    if (!c) return BSO_ERROR;
    bso_status view;
    bso_status_init(&view, 30);
    double times[2] = {0};
    bool told = false;
    int code = 0;
    size_t next = 0;
    for (;;) {
        collect(jobs, n, code || bso_stop_requested, &view, times);
        counts now = count(jobs, n);
        bool stop = code || bso_stop_requested;
        for (; !stop && now.running < (size_t)at_once && next < n; next++) {
            if (jobs[next].state != BSO_JOB_WAITING) continue;
            code = start(&jobs[next], c, threads);
            if (code) break;
            now.running++;
        }
        stop = code || bso_stop_requested;
        for (size_t i = 0; stop && !told && i < n; i++) {
            if (jobs[i].state == BSO_JOB_RUNNING) kill(jobs[i].process, SIGTERM);
        }
        told = stop;
        if (now.running == 0 && (stop || next == n)) break;
        show(&view, jobs, n, at_once, times[1] > 0 ? times[0] / times[1] : 1);
        nanosleep(&pause, NULL);
    }
    bso_status_clear(&view);
    bso_free(c);
    return bso_stop_requested ? BSO_INTERRUPTED : code;
}
