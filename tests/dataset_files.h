/* dataset_files.h: data set files made by hand in a folder of their own, for the tests of formats and loader.
 */
#ifndef BSO_TESTS_DATASET_FILES_H
#define BSO_TESTS_DATASET_FILES_H

#include <hdf5.h>
#include <stddef.h>
#include <stdint.h>

/* The folder, between setup and teardown (cmocka fixtures). Setup also clears BSO_DATA_DIR. */
extern char bso_files_root[64];
int bso_files_setup(void **state);
int bso_files_teardown(void **state);

/* The path of a file in it; good until the next call. */
const char *bso_files_at(const char *name);

/* Write a file in it; compressed where its name ends in .gz. */
void bso_files_put(const char *name, const uint8_t *bytes, size_t n);

/* Put a dataset into an open HDF5 file; data NULL: it is only announced. */
void bso_files_put_array(hid_t file, const char *name, hid_t stored, hid_t type, int rank,
                         const hsize_t *dims, const void *data);

/* own.h5 in the folder, with counts[0] training and counts[1] test samples, one behind the other in x and y.
 * shape: T (0: no such axis), C, H, W. classes: the root's attribute, 0 for none. */
void bso_files_put_hdf5(const int counts[2], const int shape[4], const float *x, const int *y, int classes);

#endif
