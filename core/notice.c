/* notice.c: see notice.h. */
#include "core/notice.h"

#include "core/clock.h"

#include <pthread.h>

void (*bso_notice)(const char *what, size_t done, size_t total);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void bso_notice_warning(const char *what)
{
    if (!bso_notice) return;
    pthread_mutex_lock(&lock);
    bso_notice(what, 0, 0);
    pthread_mutex_unlock(&lock);
}

void bso_notice_progress(const char *what, size_t done, size_t total)
{
    static double last;
    if (!bso_notice) return;
    double now = bso_clock();
    pthread_mutex_lock(&lock);
    if (done == total || now - last >= 0.2) {
        last = now;
        bso_notice(what, done, total);
    }
    pthread_mutex_unlock(&lock);
}
