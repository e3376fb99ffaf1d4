/* seal.h: the line behind a file of the project that tells whether it is still what was written:
 * `bso-crc32 CCCCCCCC LLLLLLLLLLLLLLLL` and a line break, CRC-32 and length of what stands before it, in hex.
 * HDF5 does not mind what follows its own end, but crashes on some damaged files, hence a look before.
 */
#ifndef BSO_SEAL_H
#define BSO_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BSO_SEAL = 36 }; /* bytes */

/* The line for `length` bytes with that CRC-32. */
void bso_seal_text(char text[BSO_SEAL + 1], uint32_t crc, uint64_t length);

/* Read through a file. Returns 0 if it matches its seal, or has none and needs none; else BSO_ERROR naming
 * it. */
int bso_seal_check(const char *path, bool needed);

/* CRC-32 of a file, whatever is in it. Returns 0 or BSO_ERROR. */
int bso_seal_sum(const char *path, uint32_t *crc);

/* Put the seal behind a complete file, and sync it. Returns 0 or BSO_ERROR. */
int bso_seal_put(const char *path);

#endif
