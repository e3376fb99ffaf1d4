/* result_files.h: a run made by hand, and a folder for its result files, for the tests of those. */
#ifndef BSO_TESTS_RESULT_FILES_H
#define BSO_TESTS_RESULT_FILES_H

#include "core/result.h"

/* The folder, and two names in it. */
extern char bso_results_folder[], bso_results_file[64], bso_results_copy[64];

/* cmocka fixtures: make and remove the folder; remove what is under the two names. */
int bso_results_setup(void **state);
int bso_results_teardown(void **state);
int bso_results_clean(void **state);

/* A run whose numbers are all different, with all its epochs; two weight logs and one of neurons. Freed with
 * bso_run_free. */
void bso_results_make(bso_run *run, int epochs);

/* Make it one that diverged before its last epoch was over. */
void bso_results_diverge(bso_run *run);

#endif
