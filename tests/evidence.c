/* evidence.c: see evidence.h. */
#include "tests/evidence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

bso_made_things bso_made;
const bso_evidence bso_made_evidence = {&bso_made.table, &bso_made.regret, &bso_made.memory,
                                        &bso_made.reported};

int bso_made_start(void **state)
{
    (void)state;
    memset(&bso_made, 0, sizeof bso_made);
    bso_made.table = (bso_table){.runs = bso_made.runs, .rows = bso_made.rows};
    bso_made.memory = (bso_memory_results){.file = bso_made.files};
    bso_made.regret = (bso_regret_set){.results = bso_made.results};
    return bso_reported_read(&bso_made.reported, "experiments/reported.csv");
}

int bso_made_stop(void **state)
{
    (void)state;
    for (int i = 0; i < bso_made.table.run_count; i++) bso_run_free(&bso_made.runs[i]);
    for (int i = 0; i < bso_made.memory.count; i++) bso_memory_file_free(&bso_made.files[i]);
    for (int i = 0; i < bso_made.regret.count; i++) bso_regret_result_free(&bso_made.results[i]);
    bso_claims_free(bso_made.judgement);
    bso_reported_free(&bso_made.reported);
    return 0;
}

const bso_judgement *bso_made_judge(int number)
{
    const bso_judgement *j = &bso_made.judgement[number - 1];
    bso_claims_free(bso_made.judgement);
    assert_int_equal(bso_claims_judge(&bso_made_evidence, bso_made.judgement), 0);
    assert_int_equal(j->claim->number, number);
    return j;
}

void bso_made_expect(int number, bso_claim_verdict verdict, const char *why)
{
    const bso_judgement *j = bso_made_judge(number);
    if (j->verdict != verdict) fail_msg("%d: %s (%s)", number, bso_claim_words(j->verdict), j->why);
    if (!strstr(j->why, why)) fail_msg("%d: \"%s\" is not in: %s", number, why, j->why);
}
