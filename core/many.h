/* many.h: one thing done for each of many items, by all threads, with progress, until one fails. For what is
 * done before training: samples of the cache, files of stand-ins.
 */
#ifndef BSO_MANY_H
#define BSO_MANY_H

#include <stddef.h>

/* Call one(user, i, thread) for i in 0..n-1, in any order; thread: 0 to omp_get_max_threads() - 1, for
 * scratch of one's own. It returns 0 or BSO_ERROR. After a failure, or when the program is asked to stop, no
 * more are begun. what: for progress (notice.h), "speaking". Returns 0, or BSO_ERROR with what the first that
 * failed said. */
int bso_for_each(const char *what, size_t n, int (*one)(void *user, size_t i, int thread), void *user);

#endif
