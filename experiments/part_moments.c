/* part_moments.c: what gamma meets, beside Table 3: v[t] and the threshold gamma sqrt(v[t] + eps) of each
 * layer over training. See part_tables.h.
 */
#include "experiments/part_tables.h"

#include <math.h>

typedef struct {
    int layer, epoch, t;
    bool threshold; /* else v */
} place;

static double value_of(const bso_run *run, const void *argument)
{
    const place *p = argument;
    if (p->layer >= run->weight_logs || p->t >= run->time_entries || p->epoch >= run->epochs_done) return NAN;
    const bso_weight_log *w = &run->weights[p->layer];
    return (p->threshold ? w->threshold : w->v)[p->epoch * run->time_entries + p->t];
}

static void print_row(FILE *out, const bso_row *row)
{
    const bso_run *run = row->runs[0];
    char gamma[64];
    if (bso_settings_get(&run->settings, "gamma", gamma, sizeof gamma)) return;
    for (int layer = 0; layer < run->weight_logs; layer++) {
        for (int epoch = 0; epoch < run->settings.epochs; epoch++) {
            for (int t = 0; t < run->time_entries; t++) {
                place p = {layer, epoch, t, false};
                const bso_sample v = bso_part_sample_at(row, value_of, &p);
                p.threshold = true;
                const bso_sample threshold = bso_part_sample_at(row, value_of, &p);
                if (v.n == 0 && threshold.n == 0) continue;
                bso_csv_row(out, row);
                fprintf(out, "%s,", gamma);
                bso_csv_text(out, run->weights[layer].name);
                fprintf(out, ",%d,%d,", epoch + 1, t + 1);
                bso_csv_number(out, v.mean);
                fputc(',', out);
                bso_csv_number(out, v.sd);
                fputc(',', out);
                bso_csv_number(out, threshold.mean);
                fprintf(out, ",%d\n", v.n > threshold.n ? v.n : threshold.n);
            }
        }
    }
}

void bso_part_moments_csv(FILE *out, const void *argument)
{
    const bso_part_runs *runs = argument;
    fputs("dataset,network,method,T,gamma,layer,epoch,t,v,v_sd,threshold,n\n", out);
    for (int i = 0; i < runs->table.row_count; i++) print_row(out, &runs->table.rows[i]);
}
