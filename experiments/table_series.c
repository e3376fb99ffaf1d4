/* table_series.c: the numbers behind the plots, as CSV files in long form. See table.h.
 *
 * Accuracies are in percent, flip rates per update and weight, memory in bytes. sd is NaN where there is one
 * seed.
 */
#include "experiments/table.h"

static void put_head(FILE *out, const char *key)
{
    fprintf(out, "dataset,network,method,T,%smean,sd,n\n", key);
}

static void put_row(FILE *out, const bso_row *row, const char *key, bso_summary s)
{
    bso_csv_row(out, row);
    fputs(key, out);
    bso_csv_number(out, s.mean);
    fputc(',', out);
    bso_csv_number(out, s.sd);
    fprintf(out, ",%d\n", s.n);
}

static void by_epoch(FILE *out, const bso_table *table, bso_run_value value)
{
    put_head(out, "epoch,");
    for (int i = 0; i < table->row_count; i++) {
        const bso_row *row = &table->rows[i];
        int epochs = 0;
        for (int r = 0; r < row->run_count; r++) {
            if (row->runs[r]->epochs_done > epochs) epochs = row->runs[r]->epochs_done;
        }
        for (int e = 0; e < epochs; e++) {
            const bso_summary s = bso_summarize(row, value, e);
            char key[32];
            snprintf(key, sizeof key, "%d,", e + 1);
            if (s.n > 0) put_row(out, row, key, s);
        }
    }
}

void bso_series_accuracy_epoch(FILE *out, const bso_table *table)
{
    by_epoch(out, table, bso_test_percent);
}

void bso_series_flip_rate_epoch(FILE *out, const bso_table *table)
{
    by_epoch(out, table, bso_flip_rate);
}

void bso_series_accuracy_steps(FILE *out, const bso_table *table)
{
    put_head(out, "");
    for (int i = 0; i < table->row_count; i++) {
        const bso_summary s = bso_summarize(&table->rows[i], bso_test_percent, -1);
        if (s.n > 0) put_row(out, &table->rows[i], "", s);
    }
}

void bso_series_memory(FILE *out, const bso_table *table)
{
    put_head(out, "category,");
    for (int i = 0; i < table->row_count; i++) {
        for (int c = 0; c < BSO_MEM_CATEGORIES; c++) {
            char key[32];
            snprintf(key, sizeof key, "%s,", bso_mem_name((bso_mem_category)c));
            const bso_summary s = bso_summarize(&table->rows[i], bso_memory_bytes, c);
            if (s.n > 0) put_row(out, &table->rows[i], key, s);
        }
    }
}
