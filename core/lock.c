/* lock.c: see lock.h. Open-file-description locks of Linux: those of POSIX, without their habit of going when
 * any descriptor of the file is closed. */
#define _GNU_SOURCE
#include "core/lock.h"

#include "core/error.h"
#include "core/notice.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct flock whole_file(void)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

/* Is the file of that name still the one that is open? Its last holder may have removed it since. */
static bool same_file(const char *path, int file)
{
    struct stat named, open;
    return stat(path, &named) == 0 && fstat(file, &open) == 0 && named.st_dev == open.st_dev &&
           named.st_ino == open.st_ino;
}

int bso_lock_take(const char *path, int *lock)
{
    *lock = -1;
    for (;;) {
        struct flock all = whole_file();
        const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (file < 0) return bso_fail("%s: %s", path, strerror(errno));
        if (fcntl(file, F_OFD_SETLK, &all)) {
            const int cause = errno;
            close(file);
            if (cause == EAGAIN || cause == EACCES) return 1;
            return bso_fail("%s: cannot be locked: %s", path, strerror(cause));
        }
        if (same_file(path, file)) {
            *lock = file;
            return 0;
        }
        close(file);
    }
}

int bso_lock_wait(const char *path, int *lock, const volatile sig_atomic_t *stop)
{
    const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
    int code = bso_lock_take(path, lock);
    if (code == 1) bso_notice_warning("another process is at work in this folder; waiting for it");
    while (code == 1 && !*stop) {
        nanosleep(&pause, NULL);
        code = bso_lock_take(path, lock);
    }
    return code == 1 ? BSO_INTERRUPTED : code;
}

void bso_lock_release(const char *path, int lock)
{
    if (lock < 0) return;
    unlink(path);
    close(lock);
}

bool bso_lock_held(const char *path)
{
    struct flock all = whole_file();
    const int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return false;
    const bool held = fcntl(file, F_OFD_GETLK, &all) == 0 && all.l_type != F_UNLCK;
    close(file);
    return held;
}
