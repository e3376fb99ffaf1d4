/* failed.h: what became of a cell that has no result because its training failed: a line of text in a file
 * beside where the result would be, RESULT.h5.failed. It goes when the cell is trained after all.
 */
#ifndef BSO_FAILED_H
#define BSO_FAILED_H

#include <stdbool.h>
#include <stddef.h>

/* Write it down. result: the path of the result file. Returns 0 or BSO_ERROR. */
int bso_failed_note(const char *result, const char *message);
/* Is there such a line? Then it is in text, as far as it fits. */
bool bso_failed_read(const char *result, char *text, size_t size);
void bso_failed_forget(const char *result);

/* A cell that has such a line and no result. */
typedef struct {
    char name[512]; /* of the result file that it has not */
    char message[512];
} bso_failure;

/* Those of a folder of results, by name: *list is to be freed. Returns their number, or BSO_ERROR. */
int bso_failed_list(const char *folder, bso_failure **list);

#endif
