/* stand_in.h: small imitations of data sets that are not at hand.
 *
 * A stand-in has the file format of the data set it stands for, so that the same loader reads it, and a name
 * of its own everywhere: a file STAND-IN in its folder holds the name, which the loader shows in place of the
 * data set's. What comes out of one says that the code works, and nothing about the data set.
 *
 * One is a file in datasets/ that defines `const bso_stand_in bso_stand_in_NAME`; the Makefile finds it by
 * that line. `dataset=stand-in:NAME` opens it, making it where it is not there.
 */
#ifndef BSO_STAND_IN_H
#define BSO_STAND_IN_H

#include "core/dataset.h"

#include <stdint.h>

#define BSO_STAND_IN_MARK "STAND-IN"

typedef struct {
    const char *dataset; /* whose format it has: "cifar10-dvs" */
    const char *shown; /* its name: "stand-in for CIFAR10-DVS (moving Fashion-MNIST)", below 64 characters */
    const char *summary; /* what it is made of, one line */
    int version;         /* raised whenever the same arguments give other files */
    int per_class;       /* samples of each class unless asked otherwise, training and test together */
    /* Write the files into this folder, which is there and empty. The same arguments give the same bytes.
     * Returns 0 or BSO_ERROR. */
    int (*make)(const char *folder, int per_class, uint64_t seed);
} bso_stand_in;

/* Every registered stand-in, NULL at the end. Generated. */
extern const bso_stand_in *const bso_stand_ins[];

/* The stand-in of a data set. NULL with bso_fail naming those that there are. */
const bso_stand_in *bso_stand_in_find(const char *dataset);

/* Make it into `folder`, which must not be there, or be empty: under another name first, with its mark.
 * Returns 0 or BSO_ERROR; then nothing is left. */
int bso_stand_in_make(const bso_stand_in *stand_in, const char *folder, int per_class, uint64_t seed);

/* The folder below the cache (cache.h) where `dataset=stand-in:NAME` finds it; made there, by one process at
 * a time, where it is missing. folder: [BSO_PATH]. Returns 0 or BSO_ERROR. */
int bso_stand_in_folder(char *folder, const bso_stand_in *stand_in, const bso_settings *s);

/* For makers: open the real Fashion-MNIST, of which pictures and events are made. Returns 0, or BSO_ERROR
 * with what to do. */
enum { BSO_FASHION_SIDE = 28 };
int bso_stand_in_source(bso_dataset *fashion);

/* For makers: "FOLDER/NAME", and the folder itself made (mkdir) where `make` is set. path: [BSO_PATH].
 * Returns 0 or BSO_ERROR. */
int bso_stand_in_path(char *path, const char *folder, const char *name, bool make);

/* For makers: a file to be made of a picture of Fashion-MNIST. */
typedef struct {
    bso_split split; /* of Fashion-MNIST */
    size_t index;
    char path[BSO_PATH];
} bso_stand_in_job;

/* For makers: of each of its ten classes the first `train` pictures of the training set, for files in
 * FOLDER/train_folder/names[class], and the first `test` of the test set for FOLDER/test_folder/names[class].
 * NULL: no folder in between. The file's name is made by a printf pattern from the number in the class. Makes
 * the folders. Returns the jobs, 10 (train + test), to be freed, or NULL with bso_fail, also where there are
 * fewer pictures. */
bso_stand_in_job *bso_stand_in_plan(const bso_dataset *fashion, const char *folder,
                                    const char *const names[10], const char *pattern,
                                    const char *train_folder, int train, const char *test_folder, int test);

/* For makers: make the file of each job, by all threads. what: for progress. Each thread has a place of
 * place_size bytes, zeroed when it begins, to work in; clear gives back what is in it. make gets it, the
 * picture, the job's number, where the file belongs, and `recipe`, which is the maker's own. Returns 0 or
 * BSO_ERROR. */
typedef int bso_stand_in_make_one(void *place, const float *picture, size_t number, const char *path,
                                  const void *recipe);
int bso_stand_in_do(const char *what, const bso_dataset *fashion, const bso_stand_in_job *jobs, size_t n,
                    size_t place_size, bso_stand_in_make_one *make, void (*clear)(void *place),
                    const void *recipe);

/* The classes of Fashion-MNIST as names of class folders. */
extern const char *const bso_stand_in_garments[10];

/* For makers: write a file of the folder being made. Not synced: a folder half made is never given its name.
 * Returns 0 or BSO_ERROR. */
int bso_stand_in_write(const char *path, const void *bytes, size_t count);

#endif
