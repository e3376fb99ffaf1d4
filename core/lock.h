/* lock.h: a file that one process at a time holds. The lock goes with the process, however it ends, also on a
 * network's file system that knows POSIX locks; the file goes when the lock is given back in order.
 */
#ifndef BSO_LOCK_H
#define BSO_LOCK_H

#include <signal.h>
#include <stdbool.h>

/* Returns 0, and *lock is a descriptor; 1 where another process holds it; or BSO_ERROR naming the file. */
int bso_lock_take(const char *path, int *lock);
/* The same, after waiting for whoever holds it, with a notice (core/notice.h). Returns 0, BSO_ERROR, or
 * BSO_INTERRUPTED where stop becomes true meanwhile. */
int bso_lock_wait(const char *path, int *lock, const volatile sig_atomic_t *stop);
/* Give it back and remove the file; lock < 0: nothing. */
void bso_lock_release(const char *path, int lock);
/* Does another process hold it? Looks without touching. */
bool bso_lock_held(const char *path);

#endif
