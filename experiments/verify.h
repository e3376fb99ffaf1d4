/* verify.h: whether the files of a results folder are what was written. */
#ifndef BSO_VERIFY_H
#define BSO_VERIFY_H

/* Look at every result, checkpoint and other HDF5 file under a folder: checksum and, of results, every
 * number. Names on standard error what is damaged, prints a summary. Returns 0, 1 where something is damaged,
 * or BSO_ERROR. */
int bso_verify_tree(const char *folder);

#endif
