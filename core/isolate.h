/* isolate.h: reading an untrusted file with a library that damaged files can crash, in a process of its own.
 *
 * The HDF5 library (1.10) is such a one: it reads freed memory, loops and loses track of its own state on
 * files that are damaged in the right place. A child process, with bounds on its time and memory, reads and
 * sends what it found through a pipe; whatever befalls it, the caller gets an error with the file's name. It
 * protects from crashes and hangs; it is no sandbox: the child may do what the user may.
 */
#ifndef BSO_ISOLATE_H
#define BSO_ISOLATE_H

#include <stddef.h>
#include <sys/types.h>

/* Built with AddressSanitizer: memory is not bounded then. */
#if defined(__SANITIZE_ADDRESS__)
enum { bso_isolate_sanitized = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { bso_isolate_sanitized = 1 };
#else
enum { bso_isolate_sanitized = 0 };
#endif
#else
enum { bso_isolate_sanitized = 0 };
#endif

typedef struct {
    const char *path; /* the caller's, for as long as this */
    pid_t child;      /* 0 in the child itself */
    int data, words;  /* pipes: what is sent; the message of a failure */
} bso_isolate;

/* In a child, call work(c, user), which reads the file and sends. It returns 0, or BSO_ERROR with bso_fail.
 * It may not start threads. Returns 0 in the caller, who goes on with bso_isolate_receive; or BSO_ERROR. */
int bso_isolate_start(bso_isolate *c, const char *path, int (*work)(const bso_isolate *c, void *user),
                      void *user);

/* In the child: n bytes for the caller. Returns 0 or BSO_ERROR. */
int bso_isolate_send(const bso_isolate *c, const void *data, size_t n);

/* In the caller: exactly n of the bytes that are sent. Returns 0, or BSO_ERROR with the child's message, or
 * saying what became of it. Nothing more can be received then. */
int bso_isolate_receive(bso_isolate *c, void *data, size_t n);

/* Wait for the child to end. Returns 0 if it did so well and nothing it sent is left, else BSO_ERROR as
 * above. Needed in every case but a failed start; after an error of the caller's own `failed` is set: the
 * child is killed, the message stays. Returns BSO_ERROR then, too. */
int bso_isolate_end(bso_isolate *c, int failed);

/* Can the file be read without harm? Calls work(user) in a child, for its return value alone: where reading
 * the same file in the same way is repeated by the caller, it ends in the same way. Returns 0 or BSO_ERROR.
 */
int bso_isolate_try(const char *path, int (*work)(void *user), void *user);

#endif
