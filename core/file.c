/* file.c: writing a file beside, then renaming it. See file.h. */
#include "core/file.h"

#include "core/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { MACHINE = 65 };

static const char mark[] = ".tmp.";

/* The machine's name as a file name can hold it. */
static void machine(char name[MACHINE])
{
    if (gethostname(name, MACHINE)) *name = '\0';
    name[MACHINE - 1] = '\0';
    name[strcspn(name, "./")] = '\0';
    if (!*name) snprintf(name, MACHINE, "here");
}

int bso_file_beside(const char *path, char beside[BSO_PATH])
{
    char host[MACHINE];
    machine(host);
    const int n = snprintf(beside, BSO_PATH, "%s%s%s.%ld", path, mark, host, (long)getpid());
    return n < 0 || n >= BSO_PATH ? bso_fail("%.60s...: the file's name is too long", path) : 0;
}

static int name_beside(const char *path, char beside[BSO_PATH])
{
    if (!*path) return bso_fail("output file: the name is empty; give one");
    if (bso_file_beside(path, beside)) return BSO_ERROR;
    struct stat there;
    /* Renaming over a device would replace the device itself. */
    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode)) {
        return bso_fail("%s: is there and not a regular file; choose another name", path);
    }
    return 0;
}

static int open_beside(const char *path, const char *beside)
{
    int file = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0) bso_fail("%s: cannot be written: %s", path, strerror(errno));
    return file;
}

/* Returns 0 or errno. */
static int write_all(int file, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t n = write(file, bytes, count);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        bytes += n;
        count -= (size_t)n;
    }
    return 0;
}

/* Make the new name itself last through a power cut. Some file systems cannot; the file is complete either
 * way. */
static void sync_directory(const char *path)
{
    char directory[BSO_PATH];
    const char *slash = strrchr(path, '/');
    if (slash) {
        snprintf(directory, sizeof directory, "%.*s", (int)(slash - path + 1), path);
    } else {
        snprintf(directory, sizeof directory, ".");
    }
    int d = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d < 0) return;
    fsync(d);
    close(d);
}

int bso_file_open(bso_file_stream *f, const char *path)
{
    f->path = path;
    f->cause = 0;
    f->used = 0;
    f->crc = 0;
    f->length = 0;
    if (name_beside(path, f->beside)) return BSO_ERROR;
    f->file = open_beside(path, f->beside);
    return f->file < 0 ? BSO_ERROR : 0;
}

static void flush(bso_file_stream *f)
{
    if (!f->cause) f->cause = write_all(f->file, f->buffer, f->used);
    f->used = 0;
}

void bso_file_put(bso_file_stream *f, const void *bytes, size_t count)
{
    f->crc = (uint32_t)crc32_z(f->crc, bytes, count);
    f->length += count;
    if (count > sizeof f->buffer - f->used) flush(f);
    if (count > sizeof f->buffer) {
        if (!f->cause) f->cause = write_all(f->file, bytes, count);
        return;
    }
    memcpy(f->buffer + f->used, bytes, count);
    f->used += count;
}

/* Close what is complete on disk, or note why it is not. */
static void sync_and_close(bso_file_stream *f)
{
    flush(f);
    if (!f->cause && fsync(f->file)) f->cause = errno;
    if (close(f->file) && !f->cause) f->cause = errno;
}

int bso_file_close(bso_file_stream *f, const char *previous)
{
    sync_and_close(f);
    if (!f->cause && previous && rename(f->path, previous) && errno != ENOENT) f->cause = errno;
    if (!f->cause && rename(f->beside, f->path)) f->cause = errno;
    if (f->cause) {
        unlink(f->beside);
        return bso_fail("%s: cannot be written: %s", f->path, strerror(f->cause));
    }
    sync_directory(f->path);
    return 0;
}

void bso_file_discard(bso_file_stream *f)
{
    close(f->file);
    unlink(f->beside);
}

int bso_file_write(const char *path, const void *bytes, size_t count)
{
    bso_file_stream f;
    if (bso_file_open(&f, path)) return BSO_ERROR;
    bso_file_put(&f, bytes, count);
    return bso_file_close(&f, NULL);
}

static int read_all(int file, const char *path, size_t most, bso_mem_category category, uint8_t **bytes,
                    size_t *count)
{
    struct stat status;
    if (fstat(file, &status)) return bso_fail("%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode)) return bso_fail("%s: not a regular file", path);
    if ((uint64_t)status.st_size > most)
        return bso_fail("%s: %lld bytes, more than the %zu that such a file may have", path,
                        (long long)status.st_size, most);
    *count = (size_t)status.st_size;
    *bytes = bso_alloc(category, *count, 1, path);
    if (!*bytes) return BSO_ERROR;
    for (size_t done = 0; done < *count;) {
        ssize_t n = read(file, *bytes + done, *count - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return bso_fail("%s: cannot be read: %s", path, strerror(errno));
        if (n == 0) return bso_fail("%s: became shorter while it was read", path);
        done += (size_t)n;
    }
    return 0;
}

int bso_file_read(const char *path, size_t most, bso_mem_category category, uint8_t **bytes, size_t *count)
{
    *bytes = NULL;
    *count = 0;
    int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* opening a pipe would wait for its writer */
    if (file < 0) return bso_fail("%s: %s", path, strerror(errno));
    int rc = read_all(file, path, most, category, bytes, count);
    close(file);
    if (rc) {
        bso_free(*bytes);
        *bytes = NULL;
    }
    return rc;
}

int bso_file_probe(const char *path)
{
    bso_file_stream f;
    if (bso_file_open(&f, path)) return BSO_ERROR;
    /* A full disk takes an empty file, and some file systems notice only when the bytes go out. */
    static const char block[64 * 1024];
    bso_file_put(&f, block, sizeof block);
    sync_and_close(&f);
    unlink(f.beside);
    return f.cause ? bso_fail("%s: cannot be written: %s", path, strerror(f.cause)) : 0;
}

int bso_file_path(char *path, const char *folder, const char *name)
{
    int n = snprintf(path, BSO_PATH, "%s/%s", folder, name);
    return n < 0 || n >= BSO_PATH ? bso_fail("%s: the path of a file in it is too long", folder) : 0;
}

bool bso_file_there(const char *folder, const char *name)
{
    char path[BSO_PATH];
    return bso_file_path(path, folder, name) == 0 && access(path, F_OK) == 0;
}

int bso_file_directory(const char *path)
{
    struct stat there;
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && stat(path, &there) == 0 && S_ISDIR(there.st_mode))) {
        return 0;
    }
    return bso_fail("%s: the directory cannot be made: %s", path, strerror(errno));
}

int bso_file_directories(char *path)
{
    for (char *c = path + 1; *c; c++) {
        if (*c != '/') continue;
        *c = '\0';
        int rc = bso_file_directory(path);
        *c = '/';
        if (rc) return rc;
    }
    return bso_file_directory(path);
}

/* Is what stands behind the mark, "<machine>.<process>", of a process of this machine that is gone? */
static bool gone(const char *writer)
{
    char host[MACHINE];
    machine(host);
    const char *dot = strrchr(writer, '.');
    if (!dot || (size_t)(dot - writer) != strlen(host) || strncmp(writer, host, strlen(host)) != 0)
        return false;
    const long id = strtol(dot + 1, NULL, 10);
    return id > 0 && id <= INT_MAX && kill((pid_t)id, 0) && errno == ESRCH;
}

void bso_file_remove_leftovers(const char *directory, const char *name, bool all)
{
    DIR *d = opendir(directory);
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));) {
        const char *at = strstr(e->d_name, mark), *writer = at ? at + strlen(mark) : "";
        const char *process = strrchr(writer, '.');
        if (!process || !process[1] || strspn(process + 1, "0123456789") != strlen(process + 1)) continue;
        const size_t length = (size_t)(at - e->d_name);
        if (name && (strlen(name) != length || strncmp(e->d_name, name, length) != 0)) continue;
        if (all || gone(writer)) unlinkat(dirfd(d), e->d_name, 0);
    }
    closedir(d);
}
