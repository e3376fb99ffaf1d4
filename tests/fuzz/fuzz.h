/* fuzz.h: what the fuzz targets share. A target is one file here, NAME.c, which the Makefile finds: it
 * defines the two functions below and is built twice, with libFuzzer and with replay.c. docs/fuzzing.md says
 * how to run them.
 */
#ifndef BSO_TESTS_FUZZ_H
#define BSO_TESTS_FUZZ_H

#include "core/settings.h"
#include "tests/dataset_files.h"
#include "tests/small_sets.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- what a target defines ---- */

/* Put the bytes where the parser finds them, let it read, check with the functions below. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Hand over small valid inputs, by bso_fuzz_seed or bso_fuzz_seed_file. */
void bso_fuzz_seeds(void);

/* ---- what it may use ---- */

/* bso_files_root (tests/dataset_files.h) is a private folder in memory, there from the start and removed at
 * the end; bso_files_at, bso_files_put and the others write into it. */

/* Replace a file of that folder by these bytes as they are. */
void bso_fuzz_put(const char *name, const uint8_t *data, size_t size);

/* Take so many bytes off its end. */
void bso_fuzz_cut(const char *name, size_t size);

/* Targets of a data set of bso_small_sets need no more than these two. The input's first byte tells which of
 * the set's files (or of those of the sets that follow it, `sets` in all) is replaced by the rest; the others
 * are valid. */
void bso_fuzz_small(const bso_small_set *first, size_t sets, const uint8_t *data, size_t size);
void bso_fuzz_small_seeds(const bso_small_set *first, size_t sets);

/* Open the data set, decode what it holds (the first 64 samples of each split), close it. What is refused
 * must be refused well, what is opened must hold what it says, and nothing may be left. Returns whether
 * everything could be read. */
bool bso_fuzz_dataset(const bso_settings *s);

/* For other parsers: begin before the parser is called; refused checks the message of one that failed: one
 * line that names the folder's file; end checks that memory, HDF5 objects and open files are what they were
 * at the beginning. */
void bso_fuzz_begin(void);
void bso_fuzz_refused(void);
void bso_fuzz_end(void);

/* Stop as a crash does, with a message, unless ok. */
void bso_fuzz_check(bool ok, const char *what);

/* A seed: its name, and the input in up to two parts (a selecting byte and a file, say). */
void bso_fuzz_seed(const char *name, const void *data, size_t size);
/* A file of the folder as a seed; first: -1, or a byte to put before it. */
void bso_fuzz_seed_file(const char *name, int first, const char *file);
/* ---- for replay.c and libFuzzer ---- */

/* `PROGRAM --seeds FOLDER` writes the seeds there and ends. Makes the folder in memory. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
void bso_fuzz_write_seeds(const char *folder);

#endif
