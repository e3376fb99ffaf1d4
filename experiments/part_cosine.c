/* part_cosine.c: Figure 3: cosine similarity between the weight gradients of different time steps, by layer
 * and epoch. See part_tables.h.
 */
#include "experiments/markup.h"
#include "experiments/part_tables.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { CELL = 96, CAPTION = 16384, STEPS_SHOWN = 8 };

/* What is asked of a run: one number of one layer. */
typedef struct {
    int layer, epoch, t, u;
    int distance; /* 0: the pair t, u; else the mean over all that are so far apart */
} place;

/* NaN where it was not measured. */
static double cosine_at(const bso_run *run, place p)
{
    const int64_t steps = run->settings.steps;
    if (p.layer >= run->weight_logs || p.epoch >= run->epochs_done || !run->weights[p.layer].cosine)
        return NAN;
    return run->weights[p.layer].cosine[((int64_t)p.epoch * steps + p.t) * steps + p.u];
}

static double value_of(const bso_run *run, const void *argument)
{
    place p = *(const place *)argument;
    if (p.distance == 0) return cosine_at(run, p);
    double sum = 0;
    int n = 0;
    for (p.t = 0; p.t + p.distance < run->settings.steps; p.t++) {
        p.u = p.t + p.distance;
        const double x = cosine_at(run, p);
        if (isnan(x)) continue;
        sum += x;
        n++;
    }
    return n ? sum / n : NAN;
}

static const bso_weight_log *layer_of(const bso_row *row, int layer)
{
    const bso_run *run = row->runs[0];
    return layer < run->weight_logs ? &run->weights[layer] : NULL;
}

/* Call for each row, layer and epoch that has something to show. */
static void each(FILE *out, const bso_table *table, void (*print)(FILE *out, const bso_row *row, place p))
{
    int epochs[BSO_PART_EPOCHS];
    for (int i = 0; i < table->row_count; i++) {
        const bso_row *row = &table->rows[i];
        const int count = bso_part_epochs(row, epochs);
        for (int layer = 0; layer_of(row, layer); layer++) {
            for (int e = 0; e < count; e++) print(out, row, (place){.layer = layer, .epoch = epochs[e]});
        }
    }
}

static void put_place(FILE *out, const bso_row *row, place p)
{
    bso_csv_row(out, row);
    bso_csv_text(out, layer_of(row, p.layer)->name);
    fprintf(out, ",%d,", p.epoch + 1);
}

static void print_pairs(FILE *out, const bso_row *row, place p)
{
    const int steps = (int)row->runs[0]->settings.steps;
    for (p.t = 0; p.t < steps; p.t++) {
        for (p.u = 0; p.u < steps; p.u++) {
            const bso_sample s = bso_part_sample_at(row, value_of, &p);
            if (s.n == 0) continue;
            put_place(out, row, p);
            fprintf(out, "%d,%d,", p.t + 1, p.u + 1);
            bso_part_csv_sample(out, s);
        }
    }
}

void bso_part_cosine_csv(FILE *out, const void *argument)
{
    const bso_part_runs *runs = argument;
    fputs("dataset,network,method,T,layer,epoch,t,u,mean,sd,n\n", out);
    each(out, &runs->table, print_pairs);
}

static void print_distances(FILE *out, const bso_row *row, place p)
{
    for (p.distance = 1; p.distance < row->runs[0]->settings.steps; p.distance++) {
        const bso_sample s = bso_part_sample_at(row, value_of, &p);
        if (s.n == 0) continue;
        put_place(out, row, p);
        fprintf(out, "%d,", p.distance);
        bso_part_csv_sample(out, s);
    }
}

void bso_part_distance_csv(FILE *out, const void *argument)
{
    const bso_part_runs *runs = argument;
    fputs("dataset,network,method,T,layer,epoch,distance,mean,sd,n\n", out);
    each(out, &runs->table, print_distances);
}

/* ---- The page ---- */

static int most_steps(const bso_table *table, int first, int last)
{
    int64_t most = 0;
    for (int i = first; i < last; i++) {
        const int64_t steps = table->rows[i].runs[0]->settings.steps;
        most = steps > most ? steps : most;
    }
    return most < STEPS_SHOWN ? (int)most : STEPS_SHOWN;
}

static void print_line(const bso_markup *m, const bso_row *row, place p, int steps)
{
    char text[STEPS_SHOWN + 4][CELL];
    const char *at[STEPS_SHOWN + 4];
    int c = 0;
    snprintf(text[c++], CELL, "%.*s", CELL - 1, row->method);
    snprintf(text[c++], CELL, "%s", layer_of(row, p.layer)->name);
    snprintf(text[c++], CELL, "%" PRId64, row->runs[0]->settings.steps);
    snprintf(text[c++], CELL, "%d", p.epoch + 1);
    for (p.distance = 1; p.distance < steps; p.distance++) {
        bso_part_short_text(bso_part_sample_at(row, value_of, &p), 3, text[c++], CELL);
    }
    for (int i = 0; i < c; i++) at[i] = text[i];
    bso_markup_row(m, at);
}

static void print_section(bso_markup *m, const bso_part_runs *runs, int first, int last)
{
    char caption[CAPTION], text[STEPS_SHOWN][CELL];
    const char *titles[STEPS_SHOWN + 5] = {"method", "layer", "T", "epoch"};
    const int steps = most_steps(&runs->table, first, last);
    int epochs[BSO_PART_EPOCHS];
    for (int distance = 1; distance < steps; distance++) {
        snprintf(text[distance], CELL, "%d step%s apart", distance, distance == 1 ? "" : "s");
        titles[3 + distance] = text[distance];
    }
    bso_part_caption_text(runs, first, last, caption, sizeof caption);
    bso_markup_begin(m, caption, titles, 2);
    for (int i = first; i < last; i++) {
        const bso_row *row = &runs->table.rows[i];
        const int count = bso_part_epochs(row, epochs);
        for (int layer = 0; layer_of(row, layer); layer++) {
            for (int e = 0; e < count; e++)
                print_line(m, row, (place){.layer = layer, .epoch = epochs[e]}, steps);
        }
    }
    bso_markup_end(m);
}

void bso_part_cosine_page(bso_markup *m, const bso_part_runs *runs)
{
    bso_markup_heading(m, runs->part->title);
    if (runs->table.row_count == 0) {
        bso_part_not_run(m, runs->part);
        return;
    }
    bso_markup_paragraph(
        m, "Cosine similarity between the gradients that two time steps give to the same weights: mean "
           "over the first batches of the epoch and over the pairs that are so many steps apart, ± "
           "standard deviation over seeds. 1: the same direction; 0: unrelated. The paper shows a picture "
           "without numbers.");
    for (int first = 0, last; first < runs->table.row_count; first = last) {
        last = bso_section_end(&runs->table, first);
        print_section(m, runs, first, last);
    }
}

void bso_part_cosine_markdown(FILE *out, const void *argument)
{
    bso_markup m = {.out = out};
    bso_part_cosine_page(&m, argument);
}
