/* test_table.c: rows of tables over seeds of which some diverged: no mean counts those, and every table says
 * so. */

/* Part of the program, not of the library that tests are linked with. */
#include "experiments/table_data.c"
#include "experiments/table_series.c"
#include "experiments/table_write.c"

#include "tests/result_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEEDS = 3, EPOCHS = 3 };

static char paths[SEEDS][128], runs_folder[64];

/* A row of SEEDS trainings of which the last ones diverged in their last epoch. */
static void make_table(bso_table *table, int diverged)
{
    snprintf(runs_folder, sizeof runs_folder, "%s/runs", bso_results_folder);
    assert_int_equal(mkdir(runs_folder, 0777), 0);
    for (int i = 0; i < SEEDS; i++) {
        bso_run run;
        const bool lost = i >= SEEDS - diverged;
        bso_results_make(&run, lost ? EPOCHS - 1 : EPOCHS);
        run.settings.seed = (uint64_t)i + 1;
        for (int e = 0; e < run.epochs_done; e++) run.epochs[e].test_accuracy = lost ? 0.1 : 0.5 + 0.1 * i;
        run.final = run.epochs[run.epochs_done - 1];
        if (lost) bso_results_diverge(&run);
        snprintf(paths[i], sizeof paths[i], "%s/%d.h5", runs_folder, i);
        assert_int_equal(bso_result_write(paths[i], &run, NULL), 0);
        bso_run_free(&run);
    }
    assert_int_equal(bso_table_load(table, bso_results_folder), 0);
    assert_int_equal(table->row_count, 1);
    assert_int_equal(table->rows[0].run_count, SEEDS);
    assert_int_equal(table->rows[0].diverged, diverged);
}

static void remove_table(bso_table *table)
{
    bso_table_free(table);
    for (int i = 0; i < SEEDS; i++) unlink(paths[i]);
    rmdir(runs_folder);
}

/* How often a table's text has it. */
static int times(void (*print)(FILE *out, const bso_table *table), const bso_table *table, const char *what)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    print(out, table);
    assert_int_equal(fclose(out), 0);
    int n = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what)) n++;
    free(text);
    return n;
}

static void means_leave_out_what_diverged(void **state)
{
    (void)state;
    bso_table table;
    make_table(&table, 1);
    for (int epoch = -1; epoch < EPOCHS; epoch++) {
        bso_summary s = bso_summarize(&table.rows[0], bso_test_percent, epoch);
        assert_int_equal(s.n, 2);
        assert_true(fabs(s.mean - 55) < 1e-9 && fabs(s.sd - sqrt(50)) < 1e-9);
    }
    assert_int_equal(bso_summarize(&table.rows[0], bso_memory_bytes, 0).n, 2);
    assert_int_equal(times(bso_table_markdown, &table, "| 55.00 ± 7.07 (2 seeds; 1 of 3 seeds diverged) |"),
                     1);
    assert_int_equal(times(bso_table_markdown, &table,
                           "\nMade from 3 result files, the oldest started 2026-01-02T03:04:05Z, the newest "
                           "ended 2026-01-02T03:05:05Z.\n"),
                     1);
    assert_int_equal(times(bso_table_latex, &table, "(2 seeds; 1 of 3 seeds diverged)"), 1);
    assert_int_equal(times(bso_table_csv, &table, ",seeds,diverged,test_accuracy_percent,"), 1);
    assert_int_equal(times(bso_table_csv, &table, ",2,1,55,7.07106781,"), 1);
    assert_int_equal(times(bso_series_accuracy_epoch, &table, ",55,7.07106781,2\n"), EPOCHS);
    remove_table(&table);
    make_table(&table, 2);
    assert_int_equal(times(bso_table_markdown, &table, "| 50.00 (1 seed; 2 of 3 seeds diverged) |"), 1);
    remove_table(&table);
}

static void no_seed_is_left(void **state)
{
    (void)state;
    bso_table table;
    make_table(&table, SEEDS);
    assert_int_equal(times(bso_table_markdown, &table, "| – (3 of 3 seeds diverged) | – |"), 1);
    assert_int_equal(times(bso_table_csv, &table, ",0,3,NaN,NaN,NaN,"), 1);
    assert_int_equal(times(bso_series_accuracy_epoch, &table, "\n"), 1);
    assert_int_equal(times(bso_series_accuracy_steps, &table, "\n"), 1);
    assert_int_equal(times(bso_series_memory, &table, "\n"), 1);
    remove_table(&table);
}

static void nothing_is_said_where_none_diverged(void **state)
{
    (void)state;
    bso_table table;
    make_table(&table, 0);
    assert_int_equal(times(bso_table_markdown, &table, "| 60.00 ± 10.00 (3 seeds) |"), 1);
    assert_int_equal(times(bso_table_csv, &table, ",3,0,60,10,"), 1);
    remove_table(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_leave_out_what_diverged),
        cmocka_unit_test(no_seed_is_left),
        cmocka_unit_test(nothing_is_said_where_none_diverged),
    };
    return cmocka_run_group_tests(tests, bso_results_setup, bso_results_teardown);
}
