/* sweep_pool.h: trains cells in child processes, several at once. It decides nothing about which cells there
 * are. Several pools, on several machines, too, may have the same cells: each is trained by one of them.
 */
#ifndef BSO_SWEEP_POOL_H
#define BSO_SWEEP_POOL_H

#include "core/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef enum {
    BSO_JOB_WAITING,
    BSO_JOB_RUNNING,
    BSO_JOB_ELSEWHERE, /* another process is training it */
    BSO_JOB_DONE,
    BSO_JOB_DIVERGED, /* ended, too: there is a result, which says so */
    BSO_JOB_FAILED
} bso_job_state;

/* One cell on its way. */
typedef struct {
    const bso_settings *settings;
    bool optional;   /* may be left out where its data are missing */
    char label[160]; /* the method's name */
    char name[512];  /* of the result file, without folder */
    char path[4096]; /* of the result file */
    bso_job_state state;
    double estimate; /* seconds; NaN: not known */
    double started;  /* bso_clock() */
    pid_t process;
    int output; /* descriptor of what the child printed */
} bso_job;

/* Seconds until all waiting and running jobs are done, when `at_once` run side by side. `speed`: measured
 * over estimated time. */
double bso_jobs_left(const bso_job *jobs, size_t n, int at_once, double speed);

/* How a job that is not running stands, by the files that there are: done, diverged or failed, being trained
 * by another process, or waiting. lacking_parts: set where a result is of fewer parts than the settings name.
 * What is wrong is said on standard error. retry: what failed before waits again; that it
 * failed is not forgotten yet. */
bso_job_state bso_job_look(const bso_job *job, bool retry, bool *lacking_parts);

typedef struct {
    int at_once, threads;
    bool wait;
    const char *checkpoint; /* minutes between checkpoints, as `bso run` takes them; NULL: as usual */
} bso_jobs_options;

/* Run all waiting jobs, o->at_once side by side with o->threads threads each, printing a line for each that
 * ends and one for where the sweep stands. What other processes train is waited for, if o->wait, and taken
 * over where they end without a result. Returns 0 (failed and diverged jobs are marked), BSO_ERROR or
 * BSO_INTERRUPTED; in every case no child is left. */
int bso_jobs_run(bso_job *jobs, size_t n, const bso_jobs_options *o);

#endif
