/* checkpoint_file.h: the file that holds the state of a training: named blocks of bytes in a fixed order,
 * behind them a seal (core/seal.h).
 *
 * The same calls write a file and read it back, so that one list of blocks does for both. It is the only file
 * of the project that is not HDF5: a checkpoint goes to disk as it is, with no copy of the state in memory,
 * which would be part of what training is said to need, and every byte is checked before any is used.
 */
#ifndef BSO_CHECKPOINT_FILE_H
#define BSO_CHECKPOINT_FILE_H

#include "core/file.h"
#include "core/shards.h"

#include <stdio.h>

/* Bytes of the first block, "identity": text, "name=value" and a line break for everything that must be the
 * same where it is gone on from, zeros behind. */
enum { BSO_CHECKPOINT_IDENTITY = 16 * 1024 };

/* Must not move while open. A failure sticks, and is told at the end. */
typedef struct {
    const char *path; /* the caller's, for as long as this */
    bool writing, failed;
    FILE *in;
    bso_file_stream out;
    uint32_t crc; /* of what was written so far, */
    uint64_t length;
    bso_shards *shards; /* not NULL: no file; every block goes from the first rank to the others */
} bso_checkpoint_file;

/* Start to write. Returns 0 or BSO_ERROR. */
int bso_checkpoint_create(bso_checkpoint_file *f, const char *path);
/* Does the file begin like one, whatever else is in it? */
bool bso_checkpoint_is(const char *path);
/* Start to read what matches its seal. Returns 0 or BSO_ERROR. */
int bso_checkpoint_open(bso_checkpoint_file *f, const char *path);

/* The next block: `bytes` at `data` are written, or read. A block of another name or size fails. */
void bso_checkpoint_block(bso_checkpoint_file *f, const char *name, void *data, size_t bytes);

/* Close. Of a file that was written: as bso_file_close does. Of one that was read: there may be no more in
 * it. Returns 0 or BSO_ERROR. */
int bso_checkpoint_close(bso_checkpoint_file *f, const char *previous);

#endif
