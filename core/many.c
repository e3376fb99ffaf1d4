/* many.c: see many.h. */
#include "core/many.h"

#include "core/error.h"
#include "core/notice.h"
#include "core/trainer.h"

#include <omp.h>
#include <stdio.h>

int bso_for_each(const char *what, size_t n, int (*one)(void *user, size_t i, int thread), void *user)
{
    char problem[2048] = "";
    bool failed = false;
    size_t done = 0;
#pragma omp parallel for schedule(dynamic)
    for (size_t i = 0; i < n; i++) {
        bool stop;
        size_t so_far;
#pragma omp atomic read
        stop = failed;
        if (stop || bso_stop_requested) continue;
        if (one(user, i, omp_get_thread_num())) {
#pragma omp critical(bso_for_each)
            if (!*problem) snprintf(problem, sizeof problem, "%s", bso_error());
#pragma omp atomic write
            failed = true;
        }
#pragma omp atomic capture
        so_far = ++done;
        if (so_far < n) bso_notice_progress(what, so_far, n);
    }
    bso_notice_progress(what, n, n);
    if (failed) return bso_fail("%s", problem);
    return bso_stop_requested ? bso_fail("%s: stopped", what) : 0;
}
