/* report.h: what the files of `bso report` share: the parts of a page, each printed in whatever form
 * (page.h). */
#ifndef BSO_REPORT_H
#define BSO_REPORT_H

#include "experiments/claims.h"
#include "experiments/page.h"

/* Where a training came from: attributes of its file, "" where it has none. */
enum { BSO_REPORT_ATTRIBUTES = 12 };
typedef struct {
    char value[BSO_REPORT_ATTRIBUTES][1024];
} bso_report_origin;

/* Read them for each run of a table, once for all pages; to be freed. Returns 0 or BSO_ERROR. */
int bso_report_read_origin(bso_report_origin **origin, const bso_table *table);

typedef struct {
    const char *directory;
    bso_evidence evidence;           /* all trainings */
    const bso_table *comparison;     /* those that are compared with each other */
    const bso_judgement *judgement;  /* [BSO_CLAIMS] */
    const bso_report_origin *origin; /* [runs of the evidence] */
    bool *shown;                     /* which of the plots the page holds already; [BSO_REPORT_PLOTS] */
} bso_report;

/* Pictures that plots/draw.sh makes. table: DIR/tables/NAME.csv, of which it is drawn. */
typedef struct {
    const char *name, *title, *table;
} bso_report_plot;

enum { BSO_REPORT_PLOTS = 14 };
extern const bso_report_plot bso_report_plots[BSO_REPORT_PLOTS];

/* The picture of that name, here if the page does not hold it yet, else a link to it. Returns whether it is
 * there. */
bool bso_report_picture(bso_page *page, const bso_report *report, const char *name);

/* Chapters. Each says what is missing where there is nothing to show. */
void bso_report_claims(bso_page *page, const bso_report *report);
/* Each claim's verdict as CSV; argument: a bso_report. */
void bso_report_claims_csv(FILE *out, const void *argument);
void bso_report_what(bso_page *page, const bso_report *report);
void bso_report_comparison(bso_page *page, const bso_report *report);
void bso_report_parts(bso_page *page, const bso_report *report);
void bso_report_memory(bso_page *page, const bso_report *report);
void bso_report_memory_of_runs(bso_page *page, const bso_report *report);
void bso_report_regret(bso_page *page, const bso_report *report);
void bso_report_plots_left(bso_page *page, const bso_report *report);
void bso_report_provenance(bso_page *page, const bso_report *report);
void bso_report_missing(bso_page *page, const bso_report *report);
void bso_report_words(bso_page *page, const bso_report *report);

#endif
