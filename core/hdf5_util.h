/* hdf5_util.h: the little of HDF5 that the project's files need, with every return value checked.
 *
 * Writing builds the file in accounted memory and puts it on disk in one go (core/file.h), so that a full
 * disk leaves neither half a file nor a library that fails again when it closes. Errors stick to the writer:
 * a caller puts everything and asks once, in bso_h5_finish. Reading treats a file as untrusted: classes,
 * ranks and sizes are checked before anything is allocated.
 *
 * Groups, data sets and attributes are named by their path from the root. Not thread-safe, as HDF5 itself.
 */
#ifndef BSO_HDF5_UTIL_H
#define BSO_HDF5_UTIL_H

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Writing ---- */

/* Must not move while open. */
typedef struct {
    const char *path; /* the caller's, for as long as the writer */
    hid_t file;
    size_t capacity; /* bytes of memory the file may fill before it grows */
    bool failed;
    char what[128]; /* the first item that could not be put */
} bso_h5_writer;

/* Start a file whose root says format and version. Nothing is on disk yet. Returns 0 or BSO_ERROR. */
int bso_h5_create(bso_h5_writer *w, const char *path, const char *format, int version);
/* Put it on disk under its name, a checksum behind it (docs/formats.md). The writer is closed in every case.
 * Returns 0 or BSO_ERROR. */
int bso_h5_finish(bso_h5_writer *w);
/* Close without writing. */
void bso_h5_discard(bso_h5_writer *w);

/* A group; its members keep the order in which they were put. Parents must be there. */
void bso_h5_group(bso_h5_writer *w, const char *path);
/* Attributes of an object. Text is UTF-8 of fixed length. */
void bso_h5_put_text(bso_h5_writer *w, const char *object, const char *name, const char *text);
void bso_h5_put_number(bso_h5_writer *w, const char *object, const char *name, double value);
void bso_h5_put_integer(bso_h5_writer *w, const char *object, const char *name, int64_t value);
void bso_h5_put_unsigned(bso_h5_writer *w, const char *object, const char *name, uint64_t value);
/* A data set of a native type (H5T_NATIVE_DOUBLE, ...), rank up to 5. */
void bso_h5_put_array(bso_h5_writer *w, const char *path, hid_t type, int rank, const hsize_t *dims,
                      const void *data);
/* The same for writing in parts: open it, write by hyperslabs, hand what failed to bso_h5_check, close with
 * H5Dclose. Negative where it failed, which the writer then knows. */
hid_t bso_h5_open_array(bso_h5_writer *w, const char *path, hid_t type, int rank, const hsize_t *dims);
/* Remember a failure with `what`, unless ok or there was one before. */
void bso_h5_check(bso_h5_writer *w, bool ok, const char *what);

/* ---- Reading ---- */

typedef struct {
    const char *path; /* the caller's, for as long as the reader */
    hid_t file;
    hsize_t bytes; /* the file's length, a bound for what can be in it */
} bso_h5_reader;

enum { BSO_H5_RANK = 5 }; /* largest rank of a data set */

/* Open for reading. Returns 0, or BSO_ERROR: not there, not HDF5, truncated, not matching its checksum. */
int bso_h5_open(bso_h5_reader *r, const char *path);
void bso_h5_close(bso_h5_reader *r);

/* For files that must be read here and by every reader of their own: HDF5 crashes on some that are damaged.
 * Where no seal (core/seal.h) says that the file is as it was written, read(user) is called in a process of
 * its own first. Returns 0 if all is well, or BSO_ERROR with what that said, or that it crashed
 * (core/isolate.h). */
int bso_h5_rehearse(const char *path, int (*read)(void *user), void *user);

/* What the root says it is: format and version; "" and 0 where it says nothing. */
void bso_h5_format(const bso_h5_reader *r, char *format, size_t size, int *version);
/* Returns 0 if it is that format and version, else BSO_ERROR. */
int bso_h5_require(const bso_h5_reader *r, const char *format, int version);

/* Is there an object of that path? */
bool bso_h5_has(const bso_h5_reader *r, const char *path);
/* Has that object such an attribute? */
bool bso_h5_has_attribute(const bso_h5_reader *r, const char *object, const char *name);

/* Attributes. Each returns 0, or BSO_ERROR naming file, object and attribute: missing, of another class, not
 * one value, text of `size` characters or more, a number out of range. Control characters in text are
 * refused. */
int bso_h5_get_text(const bso_h5_reader *r, const char *object, const char *name, char *text, size_t size);
int bso_h5_get_number(const bso_h5_reader *r, const char *object, const char *name, double *value);
int bso_h5_get_integer(const bso_h5_reader *r, const char *object, const char *name, int64_t min, int64_t max,
                       int64_t *value);
int bso_h5_get_unsigned(const bso_h5_reader *r, const char *object, const char *name, uint64_t *value);

/* Rank and sizes of a data set of numbers; rank up to BSO_H5_RANK. Returns 0 or BSO_ERROR. */
int bso_h5_shape(const bso_h5_reader *r, const char *path, int *rank, hsize_t dims[BSO_H5_RANK]);
/* Returns 0 if the data set holds numbers and has exactly that shape, else BSO_ERROR. */
int bso_h5_expect(const bso_h5_reader *r, const char *path, int rank, const hsize_t *dims);
/* All of a data set of exactly that shape, as doubles. Returns 0 or BSO_ERROR. */
int bso_h5_get_doubles(const bso_h5_reader *r, const char *path, int rank, const hsize_t *dims, double *data);

/* Members of a group, in the order they were put, at most `max`. Each returns 0 or BSO_ERROR. */
int bso_h5_count(const bso_h5_reader *r, const char *group, size_t max, size_t *count);
int bso_h5_name(const bso_h5_reader *r, const char *group, size_t index, char *name, size_t size);

#endif
