/* file.h: files that are either complete under their final name or not there.
 *
 * The bytes go to PATH.tmp.<machine>.<process>, are fsynced and renamed. Reading is of whole files. It knows
 * nothing of what is in them.
 */
#ifndef BSO_FILE_H
#define BSO_FILE_H

#include "core/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BSO_PATH = 4096 };

/* The name beside `path` that this process writes to before it renames. Returns 0, or BSO_ERROR where it is
 * too long. */
int bso_file_beside(const char *path, char beside[BSO_PATH]);

/* Write `count` bytes as the whole of the file `path`, replacing a regular file of that name. Returns 0, or
 * BSO_ERROR naming the file; what was there before is then unchanged, and nothing is left beside it. */
int bso_file_write(const char *path, const void *bytes, size_t count);

/* Read all of a regular file of at most `most` bytes into memory of that category, to be freed. Pipes and
 * devices are refused, not waited for. Returns 0, or BSO_ERROR naming the file; then *bytes is NULL. */
int bso_file_read(const char *path, size_t most, bso_mem_category category, uint8_t **bytes, size_t *count);

/* The same in parts, for what need not be in memory as a whole. Must not move while open; a failure sticks,
 * and is told at the end. */
typedef struct {
    const char *path; /* the caller's, for as long as this */
    int file;
    int cause; /* errno of the first failure, else 0 */
    size_t used;
    uint32_t crc;    /* CRC-32 of what was put so far */
    uint64_t length; /* bytes put so far */
    char beside[BSO_PATH];
    char buffer[16 * 1024];
} bso_file_stream;

/* Start the file `path`, which stays as it is. Returns 0, or BSO_ERROR naming the file. */
int bso_file_open(bso_file_stream *f, const char *path);
void bso_file_put(bso_file_stream *f, const void *bytes, size_t count);
/* Sync, and give the file its name; what had it goes to the name `previous`, unless that is NULL. Closed in
 * every case. Returns 0, or BSO_ERROR naming the file: nothing is left beside it, and what was there before
 * is unchanged, or has the name `previous`. */
int bso_file_close(bso_file_stream *f, const char *previous);
/* Close without a trace. */
void bso_file_discard(bso_file_stream *f);

/* Find out early whether bso_file_write could write there: writes and removes a file of 64 KiB beside.
 * Returns 0, or BSO_ERROR naming the file. */
int bso_file_probe(const char *path);

/* "FOLDER/NAME" into path[BSO_PATH]. Returns 0, or BSO_ERROR where it is too long. */
int bso_file_path(char *path, const char *folder, const char *name);

/* Is there anything of that name in the folder? */
bool bso_file_there(const char *folder, const char *name);

/* Create a directory, unless it is there. Its parent must be. Returns 0 or BSO_ERROR. */
int bso_file_directory(const char *path);

/* The same with all that are missing above it. path is written to, and as it was afterwards. */
int bso_file_directories(char *path);

/* Remove what bso_file_write left in a directory when its process was killed: files
 * NAME.tmp.<machine>.<process>, of that NAME or (NULL) of any, whose process was one of this machine and is
 * gone; all of them where the caller knows that nobody is writing. */
void bso_file_remove_leftovers(const char *directory, const char *name, bool all);

#endif
