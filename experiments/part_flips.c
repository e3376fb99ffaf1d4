/* part_flips.c: how weights flip: how many at an update (FF ratio), how many differ from where they began
 * (C2I ratio), how soon a weight flips back, and how often neurons fire. See part_tables.h.
 */
#include "experiments/markup.h"
#include "experiments/part_tables.h"

#include <math.h>
#include <string.h>

enum { CELL = 96, CAPTION = 16384 };

typedef struct {
    int layer, at, t; /* at: an epoch, a bin or a gap */
} place;

/* ---- One number of one run; NaN where it was not measured ---- */

static const bso_weight_log *weights_of(const bso_run *run, int layer)
{
    return layer < run->weight_logs ? &run->weights[layer] : NULL;
}

static double flip_rate(const bso_run *run, const void *argument)
{
    const place *p = argument;
    const bso_weight_log *w = weights_of(run, p->layer);
    return w && p->at < run->epochs_done ? w->flip_rate[p->at] : NAN;
}

static double c2i(const bso_run *run, const void *argument)
{
    const place *p = argument;
    const bso_weight_log *w = weights_of(run, p->layer);
    return w && p->at < run->epochs_done ? w->c2i[p->at] : NAN;
}

static double curve(const bso_run *run, const void *argument)
{
    const place *p = argument;
    const bso_weight_log *w = weights_of(run, p->layer);
    return w && w->flip_curve && p->at < run->flip_bins ? w->flip_curve[p->at] : NAN;
}

/* The share of all flips that undo one at most 2^at updates before. */
static double flipped_back(const bso_run *run, const void *argument)
{
    const place *p = argument;
    const bso_weight_log *w = weights_of(run, p->layer);
    double all = 0, back = 0;
    if (!w || !w->flip_gaps) return NAN;
    for (int e = 0; e < run->epochs_done; e++) all += w->flips[e];
    for (int g = 0; g <= p->at && g < BSO_FLIP_GAPS; g++) back += w->flip_gaps[g];
    return all > 0 ? back / all : NAN;
}

static double firing_rate(const bso_run *run, const void *argument)
{
    const place *p = argument;
    if (p->layer >= run->neuron_logs || p->at >= run->epochs_done || p->t >= run->settings.steps) return NAN;
    return run->neurons[p->layer].firing_rate[p->at * run->settings.steps + p->t];
}

/* Over time steps. */
static double mean_firing_rate(const bso_run *run, const void *argument)
{
    place p = *(const place *)argument;
    double sum = 0;
    for (p.t = 0; p.t < run->settings.steps; p.t++) sum += firing_rate(run, &p);
    return sum / (double)run->settings.steps;
}

/* ---- CSV ---- */

static void put_place(FILE *out, const bso_row *row, const char *layer, double at)
{
    bso_csv_row(out, row);
    bso_csv_text(out, layer);
    fprintf(out, ",%.9g,", at);
}

void bso_part_flips_csv(FILE *out, const void *argument)
{
    const bso_table *table = &((const bso_part_runs *)argument)->table;
    fputs("dataset,network,method,T,layer,epoch,flip_rate,flip_rate_sd,c2i,c2i_sd,n\n", out);
    for (int i = 0; i < table->row_count; i++) {
        const bso_run *run = bso_part_whole_run(&table->rows[i]);
        for (place p = {0, 0, 0}; p.layer < run->weight_logs; p.layer++) {
            for (p.at = 0; p.at < run->settings.epochs; p.at++) {
                const bso_sample flips = bso_part_sample_at(&table->rows[i], flip_rate, &p);
                if (flips.n == 0) continue;
                put_place(out, &table->rows[i], run->weights[p.layer].name, p.at + 1);
                bso_csv_number(out, flips.mean);
                fputc(',', out);
                bso_csv_number(out, flips.sd);
                fputc(',', out);
                bso_part_csv_sample(out, bso_part_sample_at(&table->rows[i], c2i, &p));
            }
        }
    }
}

void bso_part_flip_curve_csv(FILE *out, const void *argument)
{
    const bso_table *table = &((const bso_part_runs *)argument)->table;
    fputs("dataset,network,method,T,layer,update,mean,sd,n\n", out);
    for (int i = 0; i < table->row_count; i++) {
        const bso_run *run = bso_part_whole_run(&table->rows[i]);
        for (place p = {0, 0, 0}; p.layer < run->weight_logs; p.layer++) {
            for (p.at = 0; p.at < run->flip_bins; p.at++) {
                const bso_sample s = bso_part_sample_at(&table->rows[i], curve, &p);
                if (s.n == 0) continue;
                /* The bin's middle. */
                put_place(out, &table->rows[i], run->weights[p.layer].name,
                          (p.at + 0.5) * (double)run->updates / run->flip_bins);
                bso_part_csv_sample(out, s);
            }
        }
    }
}

/* The largest gap worth a row: half of the updates or more. */
static int last_gap(const bso_run *run)
{
    int g = 0;
    while (g + 1 < BSO_FLIP_GAPS && ((uint64_t)1 << g) < run->updates) g++;
    return g;
}

void bso_part_flip_back_csv(FILE *out, const void *argument)
{
    const bso_table *table = &((const bso_part_runs *)argument)->table;
    fputs("dataset,network,method,T,layer,within,mean,sd,n\n", out);
    for (int i = 0; i < table->row_count; i++) {
        const bso_run *run = bso_part_whole_run(&table->rows[i]);
        for (place p = {0, 0, 0}; p.layer < run->weight_logs; p.layer++) {
            for (p.at = 0; p.at <= last_gap(run); p.at++) {
                const bso_sample s = bso_part_sample_at(&table->rows[i], flipped_back, &p);
                if (s.n == 0) continue;
                put_place(out, &table->rows[i], run->weights[p.layer].name, exp2(p.at));
                bso_part_csv_sample(out, s);
            }
        }
    }
}

void bso_part_firing_csv(FILE *out, const void *argument)
{
    const bso_table *table = &((const bso_part_runs *)argument)->table;
    fputs("dataset,network,method,T,layer,epoch,t,mean,sd,n\n", out);
    for (int i = 0; i < table->row_count; i++) {
        const bso_run *run = bso_part_whole_run(&table->rows[i]);
        for (place p = {0, 0, 0}; p.layer < run->neuron_logs; p.layer++) {
            for (p.at = 0; p.at < run->settings.epochs; p.at++) {
                for (p.t = 0; p.t < run->settings.steps; p.t++) {
                    const bso_sample s = bso_part_sample_at(&table->rows[i], firing_rate, &p);
                    if (s.n == 0) continue;
                    put_place(out, &table->rows[i], run->neurons[p.layer].name, p.at + 1);
                    fprintf(out, "%d,", p.t + 1);
                    bso_part_csv_sample(out, s);
                }
            }
        }
    }
}

/* ---- The page ---- */

static void put_rate(char *text, bso_sample s)
{
    if (s.n == 0) {
        snprintf(text, CELL, "–");
    } else {
        snprintf(text, CELL, "%.2e", s.mean);
    }
}

static void put_percent(char *text, bso_sample s)
{
    s.mean *= 100;
    s.sd *= 100;
    bso_part_short_text(s, 2, text, CELL);
}

static void start_line(char text[][CELL], const bso_row *row, const char *layer)
{
    snprintf(text[0], CELL, "%.*s", CELL - 1, row->method);
    snprintf(text[1], CELL, "%s", layer);
    snprintf(text[2], CELL, "%lld", (long long)row->runs[0]->settings.steps);
}

/* Flips that undo one at most 1, 16, 256 updates before. */
static const int gaps[] = {0, 4, 8};
enum { GAPS = 3, FLIP_CELLS = 6 + GAPS, FIRING_CELLS = 5 };

static void print_weights(const bso_markup *m, const bso_row *row, int layer)
{
    char text[FLIP_CELLS][CELL];
    const char *at[FLIP_CELLS];
    const bso_run *run = row->runs[0];
    place p = {layer, 0, 0};
    start_line(text, row, run->weights[layer].name);
    put_rate(text[3], bso_part_sample_at(row, flip_rate, &p));
    p.at = (int)run->settings.epochs - 1;
    put_rate(text[4], bso_part_sample_at(row, flip_rate, &p));
    put_percent(text[5], bso_part_sample_at(row, c2i, &p));
    for (int g = 0; g < GAPS; g++) {
        p.at = gaps[g];
        put_percent(text[6 + g], bso_part_sample_at(row, flipped_back, &p));
    }
    for (int i = 0; i < FLIP_CELLS; i++) at[i] = text[i];
    bso_markup_row(m, at);
}

static void print_neurons(const bso_markup *m, const bso_row *row, int layer)
{
    char text[FIRING_CELLS][CELL];
    const char *at[FIRING_CELLS];
    place p = {layer, 0, 0};
    start_line(text, row, row->runs[0]->neurons[layer].name);
    put_percent(text[3], bso_part_sample_at(row, mean_firing_rate, &p));
    p.at = (int)row->runs[0]->settings.epochs - 1;
    put_percent(text[4], bso_part_sample_at(row, mean_firing_rate, &p));
    for (int i = 0; i < FIRING_CELLS; i++) at[i] = text[i];
    bso_markup_row(m, at);
}

static void print_section(bso_markup *m, const bso_part_runs *runs, int first, int last)
{
    static const char *const flips[] = {"method",
                                        "layer",
                                        "T",
                                        "flips per update and weight, first epoch",
                                        "last epoch",
                                        "C2I at the end (%)",
                                        "flips back within 1 update (% of flips)",
                                        "within 16",
                                        "within 256",
                                        NULL};
    static const char *const firing[] = {
        "method", "layer", "T", "spikes per neuron and step, first epoch (%)", "last epoch (%)", NULL};
    char caption[CAPTION];
    const bso_table *table = &runs->table;
    bso_part_caption_text(runs, first, last, caption, sizeof caption);
    bso_markup_begin(m, caption, flips, 2);
    for (int i = first; i < last; i++) {
        for (int layer = 0; layer < table->rows[i].runs[0]->weight_logs; layer++)
            print_weights(m, &table->rows[i], layer);
    }
    bso_markup_end(m);
    bso_markup_begin(m, "Firing rates of the same trainings, mean over training batches and time steps.",
                     firing, 2);
    for (int i = first; i < last; i++) {
        for (int layer = 0; layer < table->rows[i].runs[0]->neuron_logs; layer++)
            print_neurons(m, &table->rows[i], layer);
    }
    bso_markup_end(m);
}

void bso_part_flips_page(bso_markup *m, const bso_part_runs *runs)
{
    bso_markup_heading(m, runs->part->title);
    if (runs->table.row_count == 0) {
        bso_part_not_run(m, runs->part);
        return;
    }
    bso_markup_paragraph(
        m, "Mean ± standard deviation over seeds. FF ratio: flips per update and weight. C2I: the share of "
           "weights whose sign is not the initial one. A flip back undoes an earlier flip of the same "
           "weight.");
    for (int first = 0, last; first < runs->table.row_count; first = last) {
        last = bso_section_end(&runs->table, first);
        print_section(m, runs, first, last);
    }
}

void bso_part_flips_markdown(FILE *out, const void *argument)
{
    bso_markup m = {.out = out};
    bso_part_flips_page(&m, argument);
}
