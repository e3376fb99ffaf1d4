/* page.h: a page for people, told once and printed as Markdown or as HTML.
 *
 * Headings, paragraphs, lists, tables, pictures, verdicts. All text is plain: each form escapes it for
 * itself. It knows nothing of results; what it prints goes to a stream, and whoever closes that asks whether
 * all of it got there (bso_print_file).
 */
#ifndef BSO_PAGE_H
#define BSO_PAGE_H

#include <stdbool.h>
#include <stdio.h>

enum { BSO_PAGE_TEXT = 8192 }; /* longest text of one call in bytes; what is longer is cut */

typedef struct bso_page_form bso_page_form;

typedef struct {
    FILE *out;
    const bso_page_form *form;
    const char *directory; /* in which plots/NAME.svg is looked for */
    int columns, cells;    /* of the table being printed: its columns, and cells so far */
    int left;              /* its first columns, which are text: the others are numbers */
    int tables;            /* so far */
    bool in_list;          /* is one open? */
} bso_page;

/* What a form must know. Texts are not escaped yet. */
struct bso_page_form {
    void (*begin)(bso_page *page, const char *title);
    void (*end)(bso_page *page);
    void (*contents)(bso_page *page, const char *id, const char *title); /* one entry; NULL: the list ends */
    void (*section)(bso_page *page, const char *id, const char *title);  /* a chapter; NULL: it ends */
    void (*card)(bso_page *page, const char *id, const char *title, const char *look, const char *words);
    void (*heading)(bso_page *page, const char *title);
    void (*paragraph)(bso_page *page, const char *label, const char *text);
    void (*item)(bso_page *page, const char *text); /* of a list; NULL: it ends */
    void (*finding)(bso_page *page, const char *what, const char *outcome, const char *look,
                    const char *words, const char *why);
    void (*fold)(bso_page *page, const char *title); /* what may be folded away; NULL: it ends */
    void (*table)(bso_page *page, const char *caption, const char *const *titles);
    void (*cell)(bso_page *page, const char *text, const char *look, const char *id);
    void (*table_end)(bso_page *page);
    bool (*picture)(bso_page *page, const char *name, const char *title);
    void (*see)(bso_page *page, const char *id, const char *text);
};

extern const bso_page_form bso_page_markdown, bso_page_html;

/* Begin and end a page: every other call is between them. */
void bso_page_begin(bso_page *page, FILE *out, const bso_page_form *form, const char *directory,
                    const char *title);
void bso_page_end(bso_page *page);

/* The list of chapters, one call for each, then one with NULL. Markdown has none: its readers make their own.
 */
void bso_page_contents(bso_page *page, const char *id, const char *title);

/* A chapter under a heading (level 2); id: letters, digits and '-', of this page's one kind. End each one. */
void bso_page_section(bso_page *page, const char *id, const char *title);
void bso_page_section_end(bso_page *page);

/* A part of a chapter (level 3) with a verdict beside its heading: look: its kind, a word of letters and '-';
 * words: what it says. End each one. */
void bso_page_card(bso_page *page, const char *id, const char *title, const char *look, const char *words);
void bso_page_card_end(bso_page *page);

void bso_page_heading(bso_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bso_page_paragraph(bso_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A paragraph that opens with a word set apart: "The paper". */
void bso_page_labelled(bso_page *page, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void bso_page_item(bso_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bso_page_items_end(bso_page *page);

/* One piece of evidence: what was run, what came out, the verdict of that alone, and why ("": no more to
 * say). A list of them ends with bso_page_items_end. */
void bso_page_finding(bso_page *page, const char *what, const char *outcome, const char *look,
                      const char *words, const char *why);

/* What may be folded away until it is asked for; printed on paper in full. */
void bso_page_fold(bso_page *page, const char *title);
void bso_page_fold_end(bso_page *page);

/* A table: its caption ("" for none), `columns` titles, of which the first `left` are of text, the others of
 * numbers. Then cells, row by row; a row is over when it is full. In HTML it can be sorted by any column. */
void bso_page_table(bso_page *page, const char *caption, int columns, const char *const *titles, int left);
void bso_page_cell(bso_page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same as a link to another place of the page. */
void bso_page_cell_link(bso_page *page, const char *id, const char *text);
/* The same with a verdict in it. */
void bso_page_cell_verdict(bso_page *page, const char *look, const char *words);
void bso_page_table_end(bso_page *page);

/* DIR/plots/NAME.svg, or .png. Returns whether it is there. HTML holds the picture itself, under the id
 * plot-NAME.
 */
bool bso_page_picture(bso_page *page, const char *name, const char *title);

/* "See ...", to another place of the page. */
void bso_page_see(bso_page *page, const char *id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Is DIR/plots/NAME.svg or .png there? link: "plots/NAME.svg". */
bool bso_page_plot(const char *directory, const char *name, char *link, size_t size);

#endif
