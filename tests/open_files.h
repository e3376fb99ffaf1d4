/* open_files.h: how many files this process has open, for tests that nothing is left behind. */
#ifndef BSO_TESTS_OPEN_FILES_H
#define BSO_TESTS_OPEN_FILES_H

#include <stddef.h>

/* The one by which it looks is counted, every time. */
size_t bso_open_files(void);

#endif
