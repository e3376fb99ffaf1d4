/* io_fault.c: a library to be preloaded (LD_PRELOAD) that lets one call to the system fail, or clocks jump.
 *
 *   BSO_FAULT=write:N     the N-th write (open, fsync, rename, close) under BSO_FAULT_UNDER fails with
 *                         (close: of a file that may be written to; no system fails the others)
 *   BSO_FAULT_ERRNO=28    this error number, counted over all processes through
 *   BSO_FAULT_COUNT=FILE  a file of 8 bytes, which holds how many there were
 *   BSO_FAULT_STICKS=1    all that come after the N-th fail as well, as on a disk that stays full
 *   BSO_FAULT_CLOCK=1     the time of day jumps by up to ten days to and fro with every look at it
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static _Atomic uint64_t *counter;
static char operation[16], under[PATH_MAX];
static uint64_t wanted;
static int error_number;
static bool sticks, clock_jumps;

__attribute__((constructor)) static void read_environment(void)
{
    const char *fault = getenv("BSO_FAULT"), *count = getenv("BSO_FAULT_COUNT"),
               *number = getenv("BSO_FAULT_ERRNO"), *folder = getenv("BSO_FAULT_UNDER");
    clock_jumps = getenv("BSO_FAULT_CLOCK") != NULL;
    sticks = getenv("BSO_FAULT_STICKS") != NULL;
    if (!fault || !count || !folder || !realpath(folder, under)) return;
    const char *colon = strchr(fault, ':');
    if (!colon || (size_t)(colon - fault) >= sizeof operation) return;
    memcpy(operation, fault, (size_t)(colon - fault));
    wanted = strtoull(colon + 1, NULL, 10);
    error_number = number ? atoi(number) : ENOSPC;
    int (*real_open)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    const int file = real_open(count, O_RDWR | O_CLOEXEC);
    if (file < 0) return;
    void *shared = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (shared != MAP_FAILED) counter = shared;
}

/* Count a call; is it the one to fail? */
static bool strike(const char *name)
{
    if (!counter || strcmp(operation, name) != 0) return false;
    const uint64_t n = atomic_fetch_add(counter, 1) + 1;
    if (n != wanted && !(sticks && n > wanted)) return false;
    errno = error_number;
    return true;
}

static bool path_counts(const char *path)
{
    char folder[PATH_MAX], real[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) *slash = '\0';
    return *under && realpath(slash ? (*folder ? folder : "/") : ".", real) &&
           strncmp(real, under, strlen(under)) == 0;
}

static bool file_counts(int file)
{
    char link[64], path[PATH_MAX];
    struct stat status;
    if (!*under || fstat(file, &status) || !S_ISREG(status.st_mode)) return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    const ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return false;
    path[n] = '\0';
    return strncmp(path, under, strlen(under)) == 0;
}

#define REAL(name, type) ((type)dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void *bytes, size_t count)
{
    if (file_counts(file) && strike("write")) return -1;
    return REAL(write, ssize_t(*)(int, const void *, size_t))(file, bytes, count);
}

int fsync(int file)
{
    if (file_counts(file) && strike("fsync")) return -1;
    return REAL(fsync, int (*)(int))(file);
}

int close(int file)
{
    const bool written = (fcntl(file, F_GETFL) & O_ACCMODE) != O_RDONLY;
    const bool fails = written && file_counts(file) && strike("close");
    const int code = REAL(close, int (*)(int))(file);
    if (fails) errno = error_number;
    return fails ? -1 : code;
}

int rename(const char *from, const char *to)
{
    if (path_counts(to) && strike("rename")) return -1;
    return REAL(rename, int (*)(const char *, const char *))(from, to);
}

int open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
    va_end(more);
    if (flags & O_CREAT && path_counts(path) && strike("open")) return -1;
    return REAL(open, int (*)(const char *, int, ...))(path, flags, mode);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    const int code = REAL(clock_gettime, int (*)(clockid_t, struct timespec *))(clock, now);
    if (clock_jumps && clock == CLOCK_REALTIME) now->tv_sec += now->tv_nsec % 1728000 - 864000;
    return code;
}

time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
