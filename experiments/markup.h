/* markup.h: a table printed row by row as Markdown or as LaTeX, or into a page of a report, from the same
 * cells. It holds no numbers. */
#ifndef BSO_MARKUP_H
#define BSO_MARKUP_H

#include "experiments/page.h"

#include <stdbool.h>
#include <stdio.h>

typedef struct {
    FILE *out;
    bool latex;
    int columns;
    bso_page *page; /* NULL, or where it goes instead of `out` */
} bso_markup;

/* A heading of the page (LaTeX: a comment), and a paragraph (a comment, too). */
void bso_markup_heading(const bso_markup *m, const char *text);
void bso_markup_paragraph(const bso_markup *m, const char *text);

/* Start a table. titles: of the columns, NULL at the end; left: how many of the first ones are text, the rest
 * are numbers. caption: stands above it. */
void bso_markup_begin(bso_markup *m, const char *caption, const char *const *titles, int left);
/* One row: a text for each column. */
void bso_markup_row(const bso_markup *m, const char *const *cells);
void bso_markup_end(const bso_markup *m);

#endif
