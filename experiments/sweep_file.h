/* sweep_file.h: a sweep file (libconfig) and the cells it stands for. It runs nothing.
 *
 *     name = "quick";                        result folder, letters, digits, '.', '_' and '-'
 *     title = "Fashion-MNIST, 3 seeds";      optional, for people
 *     common = { epochs = 8; seed = [1, 2, 3]; };
 *     cells = ( { label = "T-BSO"; optimizer = "tbso"; steps = [1, 2, 4]; },
 *               { label = "BSO"; optimizer = "bso"; optional = true; } );
 *
 * A group's keys come on top of the common ones. method = "NAME" stands for the settings of that method and
 * what tuning found for it (experiments/method.h); it comes on top of the common keys, and the group's own
 * keys on top of it. A list stands for a cell with each of its values, several lists for all their
 * combinations. optional = true: the group is left out where its data set cannot be opened.
 * or_stand_in = true: where the files of its data set are not there, the stand-in for it (core/stand_in.h)
 * takes their place, under its own name. parts = "table2+fig5" says which tables and figures the group is for
 * (experiments/part.h); a cell that several groups ask for is for all that any of them says.
 */
#ifndef BSO_SWEEP_FILE_H
#define BSO_SWEEP_FILE_H

#include "core/settings.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    bso_settings settings; /* checked */
    uint64_t hash;         /* of them */
    bool optional;
} bso_cell;

typedef struct {
    char name[BSO_WORD], title[256];
    bso_cell *cells; /* in file order; in a group the common lists vary fastest, and the last list before the
                        first */
    size_t count;
    size_t repeated; /* cells left out because an earlier one has the same settings */
} bso_sweep;

enum { BSO_SWEEP_CELLS_MAX = 10000 };

/* Read, expand and check. Returns 0, or BSO_ERROR naming file, line and key; the sweep is then empty. */
int bso_sweep_read(bso_sweep *sweep, const char *path);
/* Make room for that many cells of a sweep that is not read from a file. Returns 0 or BSO_ERROR. */
int bso_sweep_room(bso_sweep *sweep, size_t cells);
/* Add a cell of checked settings; one that is there already only gets the parts of the new one, and is
 * counted in `repeated`. There must be room. */
void bso_sweep_add(bso_sweep *sweep, const bso_settings *settings, bool optional);
void bso_sweep_free(bso_sweep *sweep);

#endif
