/* clock.h: seconds of a clock that only goes forward. */
#ifndef BSO_CLOCK_H
#define BSO_CLOCK_H

#include <time.h>

static inline double bso_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
