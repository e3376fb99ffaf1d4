/* part_caption.c: see part_caption.h.
 *
 * The paper's protocol is its section of experiments and, where the paper is silent, its reference code; what
 * both leave open (seeds) is not compared.
 */
#include "experiments/part_caption.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- The paper's protocol ---- */

/* What the paper sets, in the order in which it is told. rule: only of the rules BSO and T-BSO, whose rates
 * the paper gives. */
static const struct {
    const char *key, *value;
    bool rule;
} protocol[] = {
    {"network", "vgg11", false},
    {"neuron", "lif", false},
    {"epochs", "400", false},
    {"batch", "128", false},
    {"train_samples", "0", false},
    {"test_samples", "0", false},
    {"subset_classes", "0", false},
    {"subset_per_class", "0", false},
    {"augment", "crop+flip+cutout", false},
    {"validation", "0", false},
    {"image_size", "0", false},
    {"schedule", "step", false},
    {"schedule_factor", "0.1", false},
    {"schedule_stages", "8", false},
    {"lr", "0.1", false},
    {"lr_schedule", "cosine", false},
    {"leak", "0.5", false},
    {"threshold", "1", false},
    {"loss_mse", "0.05", false},
    {"surrogate", "sigmoid", false},
    {"gamma", "5e-7", true},
    {"one_minus_beta1", "1e-3", true},
    {"one_minus_beta2", "1e-5", true},
};
enum { KEYS = sizeof protocol / sizeof *protocol };

/* Where a data set has another protocol. */
static const struct {
    const char *dataset, *key, *value;
} exceptions[] = {
    /* NULL: not compared; Speech Commands has an official split for validation */
    {"DVS-CIFAR10", "augment", "crop"},
    {"DVS-CIFAR10", "gamma", "1e-6"},
    {"GSC", "augment", "none"},
    {"GSC", "validation", NULL},
    {"ImageNet", "network", "resnet18"},
    {"ImageNet", "epochs", "100"},
    {"ImageNet", "batch", "64"},
    {"ImageNet", "gamma", "1e-6"},
    {"ImageNet", "augment", "resizedcrop+flip"},
};

static const char *paper_value(const char *dataset, int k)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++) {
        if (strcmp(exceptions[i].dataset, dataset) == 0 && strcmp(exceptions[i].key, protocol[k].key) == 0) {
            return exceptions[i].value;
        }
    }
    return protocol[k].value;
}

/* ---- Values of the runs ---- */

enum { VALUES = 8 };

/* The different values that a key has in some rows, in the order in which they come; `more` if there is no
 * room. */
typedef struct {
    char text[VALUES][BSO_TEXT];
    int count;
    bool more;
    double least, most; /* NaN where one is not a number */
} values;

static void note_value(values *v, const char *text)
{
    char *end;
    const double x = strtod(text, &end);
    if (end == text || *end) v->least = v->most = NAN;
    if (!isnan(v->least)) {
        v->least = fmin(v->least, x);
        v->most = fmax(v->most, x);
    }
    for (int i = 0; i < v->count; i++) {
        if (strcmp(v->text[i], text) == 0) return;
    }
    v->more = v->more || v->count == VALUES;
    if (v->count < VALUES) snprintf(v->text[v->count++], BSO_TEXT, "%s", text);
}

static void collect(values *v, const bso_table *table, int first, int last, const char *key, bool rule)
{
    *v = (values){.least = INFINITY, .most = -INFINITY};
    for (int i = first; i < last; i++) {
        const bso_settings *s = &table->rows[i].runs[0]->settings;
        char text[BSO_TEXT];
        if (rule && strcmp(s->optimizer, "bso") != 0 && strcmp(s->optimizer, "tbso") != 0) continue;
        if (bso_settings_get(s, key, text, sizeof text) == 0) note_value(v, text);
    }
}

/* A value as people read it: 0 samples are all of them. */
static const char *said(const char *key, const char *value)
{
    const bool count = strstr(key, "_samples") || strncmp(key, "subset_", strlen("subset_")) == 0;
    if (strcmp(key, "image_size") == 0 && strcmp(value, "0") == 0) return "the data set's own";
    return count && strcmp(value, "0") == 0 ? "all" : value;
}

static void print_values(FILE *out, const char *key, const values *v)
{
    if (!isnan(v->least) && v->count > 2) {
        fprintf(out, "%.4g to %.4g", v->least, v->most);
        return;
    }
    for (int i = 0; i < v->count; i++) fprintf(out, "%s%s", i ? " and " : "", said(key, v->text[i]));
    if (v->more) fputs(" and others", out);
}

static bool is_among(const char *keys, const char *key)
{
    const char *at = strstr(keys, key);
    const size_t length = strlen(key);
    return at && (at == keys || at[-1] == ' ') && (!at[length] || at[length] == ' ');
}

/* The same value, however it is typed? */
static bool same_value(const char *key, const char *a, const char *b)
{
    bso_settings s;
    char x[BSO_TEXT], y[BSO_TEXT];
    bso_settings_default(&s);
    return strcmp(a, b) == 0 ||
           (bso_settings_set(&s, key, a) == 0 && bso_settings_get(&s, key, x, sizeof x) == 0 &&
            bso_settings_set(&s, key, b) == 0 && bso_settings_get(&s, key, y, sizeof y) == 0 &&
            strcmp(x, y) == 0);
}

/* ---- Scaled down ---- */

/* The paper's data set of these rows; where it is none of this part's, the one that it stands for. */
static const char *dataset_of(const bso_part *part, const bso_reported *reported, const bso_run *run,
                              bool *own)
{
    const char *mine = bso_reported_dataset(run->dataset_name);
    bool reports = mine && !part->reported;
    for (int i = 0; mine && i < reported->count; i++) {
        const bso_reported_fact *f = &reported->fact[i];
        reports = reports ||
                  (part->reported && strcmp(f->table, part->reported) == 0 && strcmp(f->dataset, mine) == 0);
    }
    *own = reports;
    return reports ? mine : part->dataset;
}

/* The one T of a part that is not about T; 0: there is none. */
static int paper_steps(const bso_part *part, const bso_reported *reported)
{
    if (!part->reported || is_among(part->varies, "steps")) return 0;
    const bso_reported_fact *f =
        bso_reported_find(reported, part->reported, NULL, "T-BSO", 0, NULL, "accuracy");
    return f ? f->first_steps : 0;
}

static void tell(FILE *out, int *told, const char *key, const values *v, const char *paper)
{
    fprintf(out, "%s%s ", (*told)++ ? "; " : "scaled down, or otherwise unlike the paper: ", key);
    print_values(out, key, v);
    fprintf(out, " instead of %s", said(key, paper));
}

void bso_part_scaled(FILE *out, const bso_part *part, const bso_reported *reported, const bso_table *table,
                     int first, int last)
{
    values v;
    int told = 0;
    bool own;
    const bso_run *run = table->rows[first].runs[0];
    const char *dataset = dataset_of(part, reported, run, &own);
    if (!own) {
        v = (values){.least = NAN, .most = NAN};
        note_value(&v, run->dataset_name);
        tell(out, &told, "data", &v, dataset);
    }
    for (int k = 0; k < KEYS; k++) {
        const char *key = protocol[k].key, *paper = paper_value(dataset, k);
        if (!paper || is_among(part->varies, key)) continue;
        collect(&v, table, first, last, key, protocol[k].rule);
        if (v.count == 0 || (v.count == 1 && same_value(key, v.text[0], paper))) continue;
        tell(out, &told, key, &v, paper);
    }
    const int steps = paper_steps(part, reported);
    char text[32];
    snprintf(text, sizeof text, "%d", steps);
    collect(&v, table, first, last, "steps", false);
    if (steps && !(v.count == 1 && strcmp(v.text[0], text) == 0)) tell(out, &told, "T", &v, text);
    if (!told) fputs("the paper's protocol", out);
}

/* ---- Caption ---- */

static void print_steps(FILE *out, const bso_table *table, int first, int last)
{
    int64_t seen = 0;
    fputs("T = ", out);
    for (bool any = true; any;) { /* in ascending order */
        int64_t next = INT64_MAX;
        for (int i = first; i < last; i++) {
            const int64_t steps = table->rows[i].runs[0]->settings.steps;
            if (steps > seen && steps < next) next = steps;
        }
        any = next != INT64_MAX;
        if (any) fprintf(out, "%s%" PRId64, seen ? ", " : "", next);
        seen = next;
    }
}

void bso_part_caption(FILE *out, const bso_part *part, const bso_reported *reported, const bso_table *table,
                      int first, int last)
{
    char title[4 * BSO_TEXT], files[256];
    int least = INT32_MAX, most = 0;
    for (int i = first; i < last; i++) {
        const int count = table->rows[i].run_count;
        least = count < least ? count : least;
        most = count > most ? count : most;
    }
    bso_section_title(&table->rows[first], title, sizeof title);
    bso_section_files(table, first, last, files, sizeof files);
    fprintf(out, "%s, tested on %zu; ", title, table->rows[first].runs[0]->samples[2]);
    print_steps(out, table, first, last);
    fputs("; ", out);
    if (least != most) fprintf(out, "%d to ", least);
    fprintf(out, "%d seed%s. %s This is ", most, most == 1 ? "" : "s", files);
    bso_part_scaled(out, part, reported, table, first, last);
    fputs(".", out);
}
