/* small_sets.h: for every registered data set a small valid folder, and what to break in it. test_hostile.c
 * breaks each in the same ways; the fuzz targets start from them. A new format is one entry in the table.
 */
#ifndef BSO_TESTS_SMALL_SETS_H
#define BSO_TESTS_SMALL_SETS_H

#include "core/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a valid file that, changed to these, make it one to be refused; in a file NAME.gz those of what is
 * compressed. */
typedef struct {
    const char *file;
    size_t at, count;
    uint8_t bytes[16];
    const char *reason; /* a word of the message */
} bso_small_edit;

typedef struct {
    const char *name;            /* for messages; what a fuzz target asks for */
    const char *dataset;         /* the key's value */
    const char *file;            /* the name in the folder that follows it (hdf5:), or NULL */
    const char *const *set;      /* further settings, key after value, NULL at the end; or NULL */
    void (*write)(void);         /* writes the folder's files below bso_files_root (dataset_files.h) */
    const char *const *files;    /* those, NULL at the end, folders included in the names */
    bool listed;                 /* files are found by listing folders: a missing one is not named */
    size_t header;               /* so many bytes of each file are flipped one by one; SIZE_MAX: all */
    bool cut_may_open;           /* a truncated file may be a valid one */
    const bso_small_edit *edits; /* a NULL file at the end; or NULL */
} bso_small_set;

/* A NULL name at the end. */
extern const bso_small_set bso_small_sets[];

/* The first set whose name that is; fails where there is none. */
const bso_small_set *bso_small_find(const char *name);

/* The settings that open the set in bso_files_root, without a cache. */
bso_settings bso_small_settings(const bso_small_set *set);

#endif
