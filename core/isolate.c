/* isolate.c: see isolate.h. */
#define _GNU_SOURCE
#include "core/isolate.h"

#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 10, PATIENCE = 6, BYTES_PER_SECOND = 1 << 20, MEMORY = 1 << 30, MESSAGE = 2048 };

/* ---- the child ---- */

static int write_all(int file, const void *data, size_t n)
{
    for (const char *p = data; n > 0;) {
        ssize_t put = write(file, p, n);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return BSO_ERROR;
        p += put;
        n -= (size_t)put;
    }
    return 0;
}

int bso_isolate_send(const bso_isolate *c, const void *data, size_t n)
{
    return write_all(c->data, data, n) ? bso_fail("%s: cannot be handed over", c->path) : 0;
}

/* Bytes of memory that this process has asked for; 0 where that is not known, or where AddressSanitizer,
 * which hangs when it gets no more, has bounds of its own. */
static rlim_t memory_now(void)
{
    if (bso_isolate_sanitized) return 0;
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    unsigned long long kilobytes = 0;
    while (f && fgets(line, sizeof line, f) && sscanf(line, "VmData: %llu kB", &kilobytes) != 1) continue;
    if (f) fclose(f);
    return (rlim_t)kilobytes * 1024;
}

/* It may loop, ask for memory without end, or crash, but not for long, without bounds, or with more than the
 * one line that the caller says. */
static void settle_down(const char *path)
{
    struct stat status;
    rlim_t seconds = SECONDS, memory = memory_now();
    bool known = memory > 0;
    memory += MEMORY;
    if (stat(path, &status) == 0 && status.st_size > 0) {
        seconds += (rlim_t)status.st_size / BYTES_PER_SECOND;
        memory += 2 * (rlim_t)status.st_size;
    }
    if (known) setrlimit(RLIMIT_DATA, &(struct rlimit){memory, memory});
    setrlimit(RLIMIT_CPU, &(struct rlimit){seconds, seconds});
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    static const int signals[] = {SIGINT, SIGTERM, SIGALRM, SIGPIPE, SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], SIG_DFL);
    alarm((unsigned)(PATIENCE * seconds)); /* whatever it is that it waits for */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nowhere < 0) return;
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
}

static _Noreturn void be_child(const bso_isolate *c, int (*work)(const bso_isolate *c, void *user),
                               void *user)
{
    settle_down(c->path);
    int code = work(c, user) ? EXIT_FAILURE : EXIT_SUCCESS;
    /* Shorter than what a pipe holds: nobody has to be reading. */
    if (code) write_all(c->words, bso_error(), strlen(bso_error()));
    _exit(code);
}

/* ---- the caller ---- */

int bso_isolate_start(bso_isolate *c, const char *path, int (*work)(const bso_isolate *c, void *user),
                      void *user)
{
    int data[2], words[2];
    if (pipe2(data, O_CLOEXEC)) return bso_fail("%s: no pipe to read it through: %s", path, strerror(errno));
    if (pipe2(words, O_CLOEXEC)) {
        bso_fail("%s: no pipe to read it through: %s", path, strerror(errno));
        close(data[0]);
        close(data[1]);
        return BSO_ERROR;
    }
    fflush(NULL);
    pid_t child = fork();
    *c = (bso_isolate){.path = path, .child = child, .data = data[child == 0], .words = words[child == 0]};
    close(data[child != 0]);
    close(words[child != 0]);
    if (child == 0) be_child(c, work, user);
    if (child > 0) return 0;
    close(c->data);
    close(c->words);
    return bso_fail("%s: no process to read it in: %s", path, strerror(errno));
}

static ssize_t read_some(int file, void *data, size_t n)
{
    ssize_t got;
    do got = read(file, data, n);
    while (got < 0 && errno == EINTR);
    return got;
}

/* Reap the child and say what became of it. */
static int verdict(bso_isolate *c)
{
    int status = 0;
    char message[MESSAGE] = "";
    pid_t child;
    do child = waitpid(c->child, &status, 0);
    while (child < 0 && errno == EINTR);
    c->child = -1;
    size_t length = 0;
    for (ssize_t got = 1; got > 0 && length<sizeof message - 1; length += got> 0 ? (size_t)got : 0)
        got = read_some(c->words, message + length, sizeof message - 1 - length);
    if (child < 0) return bso_fail("%s: the process that read it is lost: %s", c->path, strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS) return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE && *message) return bso_fail("%s", message);
    bool long_time = WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGALRM ||
                                             WTERMSIG(status) == SIGKILL);
    return bso_fail("%s: damaged: reading it %s", c->path,
                    long_time ? "did not come to an end" : "crashed the library that reads it");
}

int bso_isolate_receive(bso_isolate *c, void *data, size_t n)
{
    for (char *p = data; n > 0;) {
        ssize_t got = read_some(c->data, p, n);
        if (got > 0) {
            p += got;
            n -= (size_t)got;
            continue;
        }
        if (got < 0) kill(c->child, SIGKILL);
        if (verdict(c)) return BSO_ERROR;
        return bso_fail("%s: damaged: there is less in it than it says", c->path);
    }
    return 0;
}

int bso_isolate_end(bso_isolate *c, int failed)
{
    char more;
    if (c->child > 0 && !failed) {
        if (read_some(c->data, &more, 1) == 0) {
            failed = verdict(c);
        } else {
            failed = bso_fail("%s: damaged: there is more in it than it says", c->path);
        }
    }
    if (c->child > 0) {
        kill(c->child, SIGKILL);
        while (waitpid(c->child, NULL, 0) < 0 && errno == EINTR) continue;
    }
    c->child = -1;
    close(c->data);
    close(c->words);
    return failed ? BSO_ERROR : 0;
}

struct attempt {
    int (*work)(void *user);
    void *user;
};

static int attempt(const bso_isolate *c, void *user)
{
    (void)c;
    const struct attempt *a = user;
    return a->work(a->user) ? BSO_ERROR : 0;
}

int bso_isolate_try(const char *path, int (*work)(void *user), void *user)
{
    bso_isolate c;
    struct attempt a = {work, user};
    if (bso_isolate_start(&c, path, attempt, &a)) return BSO_ERROR;
    return bso_isolate_end(&c, 0);
}
