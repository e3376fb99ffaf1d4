/* folder.h: folders of class folders, as ImageNet, CIFAR10-DVS and N-MNIST come in: ROOT/CLASS/FILE.
 *
 * It lists names and looks into no file. Two levels, never deeper, so that a loop of links cannot hold it up.
 */
#ifndef BSO_FOLDER_H
#define BSO_FOLDER_H

#include "core/dataset.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    char root[BSO_PATH];
    size_t classes, count;
    /* for folder.c */
    char *names; /* of classes, then of files, each ended by 0 */
    size_t names_used, names_room;
    uint64_t *at; /* [classes + count] offsets into names */
    size_t at_used, at_room;
    uint64_t *first; /* [classes + 1] */
    size_t first_room;
} bso_listing;

/* List what is in a folder of class folders. Classes, and files in each, in the order of their bytes; names
 * that start with '.' or '_' are passed over, and so is a class that is no folder. A file counts when it is a
 * regular one, links followed, whose name ends in one of `endings` (".jpeg"; case aside; NULL at the end).
 * classes_max, per_class: only the first so many; 0: all. Returns 0, or BSO_ERROR naming the folder: missing,
 * unreadable, without class folders, a class folder without files, a link that leads nowhere or in a circle,
 * more than 65,536 classes or 2^31 - 1 files. */
int bso_listing_open(bso_listing *l, const char *root, const char *const *endings, size_t classes_max,
                     size_t per_class);
void bso_listing_close(bso_listing *l);

const char *bso_listing_class(const bso_listing *l, size_t c);
/* The files of class c are bso_listing_first(l, c) to bso_listing_first(l, c + 1) - 1. */
size_t bso_listing_first(const bso_listing *l, size_t c);
size_t bso_listing_class_of(const bso_listing *l, size_t file);
const char *bso_listing_file(const bso_listing *l, size_t file);
/* ROOT/CLASS/FILE. path: [BSO_PATH]. Returns 0 or BSO_ERROR where it is too long. */
int bso_listing_path(const bso_listing *l, size_t file, char *path);

/* CRC-32 of the names of all classes and files, going on from crc (0 at first). */
uint32_t bso_listing_checksum(const bso_listing *l, uint32_t crc);

/* Call the classes of a data set, as many, by the names of their folders. Returns 0 or BSO_ERROR. */
int bso_listing_name_classes(const bso_listing *l, bso_dataset *d);

/* Have both the same classes? Returns 0, or BSO_ERROR naming a class that one of them lacks. */
int bso_listing_same_classes(const bso_listing *a, const bso_listing *b);

#endif
