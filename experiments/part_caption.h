/* part_caption.h: what a table or figure of the paper was made of here, in words computed from its runs:
 * data, network, length, T, seeds, dates of the files, and every setting that is not the paper's.
 */
#ifndef BSO_PART_CAPTION_H
#define BSO_PART_CAPTION_H

#include "experiments/part.h"
#include "experiments/reported.h"
#include "experiments/table.h"

#include <stdio.h>

/* Print the caption of the rows `first` to `last` - 1, which are one section. */
void bso_part_caption(FILE *out, const bso_part *part, const bso_reported *reported, const bso_table *table,
                      int first, int last);

/* "scaled down: epochs 6 instead of 400; ..." of these rows, or "the paper's protocol". Printed by the
 * caption, too. */
void bso_part_scaled(FILE *out, const bso_part *part, const bso_reported *reported, const bso_table *table,
                     int first, int last);

#endif
