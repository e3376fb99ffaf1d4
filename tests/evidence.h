/* evidence.h: evidence made by hand and what is judged of it, for the tests of claims. A test begins without
 * any: it fills in runs and rows of the table, files of memory, results of regret. The paper's figures are
 * those of experiments/reported.csv.
 */
#ifndef BSO_TESTS_EVIDENCE_H
#define BSO_TESTS_EVIDENCE_H

#include "experiments/claims_rules.h"

enum { BSO_MADE_RUNS = 512, BSO_MADE_ROWS = 64, BSO_MADE_FILES = 16, BSO_MADE_RESULTS = 100 };

typedef struct {
    bso_run runs[BSO_MADE_RUNS];
    const bso_run *by_row[BSO_MADE_ROWS][16];
    bso_row rows[BSO_MADE_ROWS];
    bso_table table; /* of runs and rows */
    bso_memory_file files[BSO_MADE_FILES];
    bso_memory_results memory; /* of files */
    bso_regret_result results[BSO_MADE_RESULTS];
    bso_regret_set regret; /* of results */
    bso_reported reported;
    bso_judgement judgement[BSO_CLAIMS]; /* of the last judging */
} bso_made_things;

extern bso_made_things bso_made;
extern const bso_evidence bso_made_evidence; /* all of it */

/* cmocka fixtures: no evidence; free what was made and judged. */
int bso_made_start(void **state);
int bso_made_stop(void **state);
#define BSO_CLAIM_TEST(f) cmocka_unit_test_setup_teardown(f, bso_made_start, bso_made_stop)

/* Judge all claims; the one with that number. */
const bso_judgement *bso_made_judge(int number);

/* Fail the test unless a claim gets that verdict, with `why` somewhere in its reasons. */
void bso_made_expect(int number, bso_claim_verdict verdict, const char *why);

#endif
