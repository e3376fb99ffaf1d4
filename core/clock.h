/* clock.h: seconds of a clock that only goes forward, and the time of day for provenance. */
#ifndef BSO_CLOCK_H
#define BSO_CLOCK_H

#include <time.h>

static inline double bso_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Now, ISO 8601, UTC. */
static inline void bso_clock_stamp(char text[32])
{
    time_t t = time(NULL);
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

#endif
