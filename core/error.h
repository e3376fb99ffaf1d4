/* error.h: how a failure travels from where it happens to the person who reads it.
 *
 * A function that can fail returns 0 on success and a negative code otherwise (or NULL, where it returns a
 * pointer), having called bso_fail() once with one line that names the file, key or value and what to do.
 * Callers pass the code up unchanged; the program prints bso_error() and exits with status 1.
 *
 * It is not a log and not an exception: one message per thread, the last one wins.
 */
#ifndef BSO_ERROR_H
#define BSO_ERROR_H

enum {
    BSO_ERROR = -1,       /* bad input or a failed system call: exit status 1 */
    BSO_USAGE = -2,       /* bad usage of the command line: exit status 2 */
    BSO_INTERRUPTED = -3, /* stopped by SIGINT or SIGTERM at a clean point */
    BSO_DIVERGED = -4     /* a training met a number that is not finite: a result, and exit status 1 */
};

/* Record a message (printf style; control characters become '?') and return BSO_ERROR, so that
 * `return bso_fail(...)` works. */
int bso_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Put "prefix: " before the recorded message, to add context on the way up. Returns BSO_ERROR. */
int bso_fail_context(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Make text from elsewhere fit for one line of output: control characters become '?'. */
void bso_one_line(char *text);

/* The recorded message of this thread; "" when there is none. */
const char *bso_error(void);

#endif
