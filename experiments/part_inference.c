/* part_inference.c: what inference costs, in the terms of NeuroBench (Yik et al. 2025), as counted on the
 * test set (core/operations.h). See part_tables.h.
 */
#include "experiments/markup.h"
#include "experiments/part_tables.h"

#include <math.h>

enum { CELL = 96, CAPTION = 16384 };

typedef enum {
    FOOTPRINT,
    CONNECTIONS,
    ACTIVATIONS,
    DENSE,
    ACCUMULATES,
    MULTIPLY_ACCUMULATES,
    MULTIPLICATIONS,
    ENERGY
} term;

static double value_of(const bso_run *run, int which)
{
    if (which == FOOTPRINT) return run->model_bytes / 1e6;
    if (run->operation_logs == 0) return NAN;
    const bso_operations_sum sum = bso_operations_total(run->operations, run->operation_logs);
    switch ((term)which) {
    case CONNECTIONS:
        return 100 * run->connection_sparsity;
    case ACTIVATIONS:
        return 100 * run->activation_sparsity;
    case DENSE:
        return sum.dense;
    case ACCUMULATES:
        return sum.accumulates;
    case MULTIPLY_ACCUMULATES:
        return sum.multiply_accumulates;
    case MULTIPLICATIONS:
        return sum.multiplications;
    case ENERGY:
        return 1e6 * sum.joules;
    default:
        return NAN;
    }
}

static const struct {
    const char *title, *csv, *format;
    double unit;
} columns[] = {
    [FOOTPRINT] = {"footprint (MB)", "footprint_MB", "%.3g", 1},
    [CONNECTIONS] = {"connection sparsity (%)", "connection_sparsity_percent", "%.2f", 1},
    [ACTIVATIONS] = {"activation sparsity (%)", "activation_sparsity_percent", "%.2f", 1},
    [DENSE] = {"dense operations (10^6)", "dense_operations", "%.3f", 1e6},
    [ACCUMULATES] = {"accumulates (10^6)", "accumulates", "%.3f", 1e6},
    [MULTIPLY_ACCUMULATES] = {"multiply-accumulates (10^6)", "multiply_accumulates", "%.3f", 1e6},
    [MULTIPLICATIONS] = {"of these with float weights (10^6)", "multiplications", "%.3f", 1e6},
    [ENERGY] = {"energy estimate (µJ)", "energy_uJ", "%.3g", 1},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

static void print_line(const bso_markup *m, const bso_row *row)
{
    char text[COLUMNS + 4][CELL];
    const char *at[COLUMNS + 4];
    int c = 0;
    snprintf(text[c++], CELL, "%.*s", CELL - 1, row->method);
    snprintf(text[c++], CELL, "%s", bso_weights_name(row->weights));
    snprintf(text[c++], CELL, "%lld", (long long)row->runs[0]->settings.steps);
    snprintf(text[c++], CELL, "%d", row->run_count - row->diverged);
    for (int i = 0; i < COLUMNS; i++) {
        const bso_sample s = bso_part_sample(row, value_of, i);
        if (s.n == 0) {
            snprintf(text[c++], CELL, "–");
        } else {
            snprintf(text[c++], CELL, columns[i].format, s.mean / columns[i].unit);
        }
    }
    for (int i = 0; i < c; i++) at[i] = text[i];
    bso_markup_row(m, at);
}

void bso_part_inference_page(bso_markup *m, const bso_part_runs *runs)
{
    const char *titles[COLUMNS + 5] = {"method", "weights", "T", "seeds"};
    char caption[CAPTION], text[512];
    for (int i = 0; i < COLUMNS; i++) titles[4 + i] = columns[i].title;
    bso_markup_heading(m, runs->part->title);
    if (runs->table.row_count == 0) {
        bso_part_not_run(m, runs->part);
        return;
    }
    bso_markup_paragraph(m, "One sample of the test set, all time steps, mean over samples and seeds. A "
                            "synaptic operation is one input through one connection; dense ones count "
                            "inputs of 0, too, the others are effective: accumulates where every input of "
                            "a synapse is 0, 1 or -1, else multiply-accumulates, of which those with "
                            "one-bit weights need no multiplication. Footprint: the parameters as stored, "
                            "without neuron state.");
    snprintf(text, sizeof text,
             "The energy is an estimate, not a measurement: %.1f pJ for each effective operation's "
             "addition and %.1f pJ for each multiplication by a float weight, 32-bit floats in 45 nm "
             "(Horowitz 2014); memory traffic, neurons and batch norm are left out.",
             1e12 * BSO_JOULES_ADD, 1e12 * BSO_JOULES_MULTIPLY);
    bso_markup_paragraph(m, text);
    for (int first = 0, last; first < runs->table.row_count; first = last) {
        last = bso_section_end(&runs->table, first);
        bso_part_caption_text(runs, first, last, caption, sizeof caption);
        bso_markup_begin(m, caption, titles, 2);
        for (int i = first; i < last; i++) print_line(m, &runs->table.rows[i]);
        bso_markup_end(m);
    }
}

void bso_part_inference_markdown(FILE *out, const void *argument)
{
    bso_markup m = {.out = out};
    bso_part_inference_page(&m, argument);
}

void bso_part_inference_latex(FILE *out, const void *argument)
{
    bso_markup m = {.out = out, .latex = true};
    bso_part_inference_page(&m, argument);
}

void bso_part_inference_csv(FILE *out, const void *argument)
{
    const bso_part_runs *runs = argument;
    fputs("dataset,network,method,T,weights,n", out);
    for (int i = 0; i < COLUMNS; i++) fprintf(out, ",%s,%s_sd", columns[i].csv, columns[i].csv);
    fputc('\n', out);
    for (int r = 0; r < runs->table.row_count; r++) {
        const bso_row *row = &runs->table.rows[r];
        bso_csv_row(out, row);
        fprintf(out, "%s,%d", bso_weights_name(row->weights), row->run_count - row->diverged);
        for (int i = 0; i < COLUMNS; i++) {
            const bso_sample s = bso_part_sample(row, value_of, i);
            fputc(',', out);
            bso_csv_number(out, s.mean);
            fputc(',', out);
            bso_csv_number(out, s.sd);
        }
        fputc('\n', out);
    }
}
