/* memory_table.c: the tables of `bso memory`: memory against T, by layer, Table 1 with fitted constants,
 * sizes of models. See memory_results.h; every number comes from its files, the paper's from reported.csv. */
#include "experiments/memory_results.h"
#include "experiments/reported.h"
#include "experiments/table.h"

#include "core/error.h"
#include "core/file.h"

#include <math.h>
#include <string.h>

typedef struct {
    bso_memory_results results;
    bso_reported reported;
} tables;

static bool is_kind(const bso_memory_file *f, const char *kind)
{
    return strcmp(f->kind, kind) == 0;
}

static size_t total(const size_t bytes[BSO_MEM_CATEGORIES])
{
    size_t sum = 0;
    for (int c = 0; c < BSO_MEM_CATEGORIES; c++) sum += bytes[c];
    return sum;
}

/* What the paper's Figure 4 calls a file's method; NULL: it is not there. The paper's BPTT trains latent
 * weights. */
static const char *figure_name(const bso_memory_file *f)
{
    static const char *const names[][2] = {{"adam_ste", "BPTT"}, {"bso", "BSO"}, {"tbso", "T-BSO"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(f->method, names[i][0]) == 0) return names[i][1];
    }
    return NULL;
}

/* GB in Figure 4 at T; NaN: not there. It is of VGG-11 on CIFAR-10, batch 128. */
static double reported_gb(const tables *t, const bso_memory_file *f, size_t steps)
{
    const char *name = figure_name(f);
    bool same = name && strcmp(f->network, "vgg11") == 0 && f->batch == 128 && f->shape.classes == 10;
    const bso_reported_fact *fact =
        same ? bso_reported_find(&t->reported, "fig4", "CIFAR-10", name, (int)steps, NULL, "memory_GB")
             : NULL;
    return fact ? fact->value : NAN;
}

/* ---- memory against T ---- */

static void put_numbers(FILE *out, const size_t *bytes, double unit)
{
    for (int c = 0; c < BSO_MEM_CATEGORIES; c++) {
        fputc(',', out);
        bso_csv_number(out, (double)bytes[c] / unit);
    }
}

static void put_names(FILE *out, const char *unit)
{
    for (int c = 0; c < BSO_MEM_CATEGORIES; c++)
        fprintf(out, ",%s_%s", bso_mem_name((bso_mem_category)c), unit);
}

static void put_head(FILE *out, const bso_memory_file *f)
{
    bso_csv_text(out, f->network);
    fprintf(out, ",%d,", f->shape.classes);
    bso_csv_text(out, f->method);
    fputc(',', out);
    bso_csv_text(out, f->label);
    fprintf(out, ",%d", f->batch);
}

static void put_number(FILE *out, double x)
{
    fputc(',', out);
    bso_csv_number(out, x);
}

static void print_steps(FILE *out, const void *argument)
{
    const tables *t = argument;
    fprintf(out, "network,classes,method,label,batch,T,planned_MB,measured_MB,resident_MB,paper_MB,equal");
    put_names(out, "MB");
    fputc('\n', out);
    for (int i = 0; i < t->results.count; i++) {
        const bso_memory_file *f = &t->results.file[i];
        for (int k = 0; is_kind(f, "steps") && k < f->points; k++) {
            const bso_memory_point *p = &f->point[k];
            const bso_memory_measurement *m = bso_memory_measured(f, (int)p->steps);
            put_head(out, f);
            fprintf(out, ",%zu", p->steps);
            put_number(out, (double)bso_cost_training(p->bytes) / 1e6);
            put_number(out, m ? (double)bso_cost_training(m->bytes) / 1e6 : NAN);
            put_number(out, m ? (double)m->resident / 1e6 : NAN);
            put_number(out, 1e3 * reported_gb(t, f, p->steps));
            put_number(out, m ? memcmp(m->bytes, p->bytes, sizeof p->bytes) == 0 : NAN);
            put_numbers(out, p->bytes, 1e6);
            fputc('\n', out);
        }
    }
}

/* ---- layer by layer ---- */

/* Has it points at T, and no file of the same method, network and classes a larger batch? */
static bool is_largest(const tables *t, const bso_memory_file *f)
{
    for (int i = 0; i < t->results.count; i++) {
        const bso_memory_file *g = &t->results.file[i];
        if (is_kind(g, "steps") && strcmp(g->method, f->method) == 0 && strcmp(g->network, f->network) == 0 &&
            g->shape.classes == f->shape.classes && g->batch > f->batch)
            return false;
    }
    return is_kind(f, "steps") && f->points > 0;
}

/* The first and the last T of the largest batch; the files have all. */
static void print_layers(FILE *out, const void *argument)
{
    const tables *t = argument;
    fprintf(out, "network,classes,method,label,batch,T,layer,rule_weights,bytes");
    put_names(out, "bytes");
    fputc('\n', out);
    for (int i = 0; i < t->results.count; i++) {
        const bso_memory_file *f = &t->results.file[i];
        for (int k = 0; is_largest(t, f) && k < f->points; k++) {
            for (int l = 0; (k == 0 || k == f->points - 1) && l < f->layers; l++) {
                const bso_memory_layer *layer = &f->layer[l];
                put_head(out, f);
                fprintf(out, ",%zu,", f->point[k].steps);
                bso_csv_text(out, layer->name);
                fprintf(out, ",%zu,%zu", layer->main_weights, total(layer->bytes[k]));
                put_numbers(out, layer->bytes[k], 1);
                fputc('\n', out);
            }
        }
    }
}

/* ---- Table 1 ---- */

static const char *const formulas[] = {
    [BSO_MEMORY_BPTT] = "n²L + nLT",
    [BSO_MEMORY_OTTT] = "n²L + nL",
    [BSO_MEMORY_BSO] = "n²L + nL",
    [BSO_MEMORY_TBSO] = "n²L + LT + nL",
};
static const char *const weight_formulas[] = {
    [BSO_MEMORY_BPTT] = "n²L",
    [BSO_MEMORY_OTTT] = "n²L",
    [BSO_MEMORY_BSO] = "n²L/32",
    [BSO_MEMORY_TBSO] = "n²L/32",
};

/* One method's row: its points at the largest batch, and the constants. */
typedef struct {
    const bso_memory_file *steps;
    bso_memory_fit fit;
    bool fitted;
    double first_gb, last_gb, paper_first, paper_last;
    size_t last;
} row;

static const bso_memory_file *scaling_of(const tables *t, const char *method)
{
    for (int i = 0; i < t->results.count; i++) {
        const bso_memory_file *f = &t->results.file[i];
        if (is_kind(f, "scaling") && strcmp(f->method, method) == 0) return f;
    }
    return NULL;
}

/* The row of the i-th file; false where it makes none. */
static bool row_of(const tables *t, int i, row *r)
{
    const bso_memory_file *f = &t->results.file[i];
    if (!is_largest(t, f)) return false;
    const bso_memory_file *scaling = scaling_of(t, f->method);
    const bso_memory_point *first = &f->point[0], *last = &f->point[f->points - 1];
    *r = (row){
        .steps = f,
        .first_gb = (double)bso_cost_training(first->bytes) / 1e9,
        .last_gb = (double)bso_cost_training(last->bytes) / 1e9,
        .paper_first = reported_gb(t, f, first->steps),
        .paper_last = reported_gb(t, f, last->steps),
        .last = last->steps,
    };
    r->fitted = scaling && bso_memory_fit_of(scaling, &r->fit) == 0;
    return true;
}

static double constant(const row *r, double value)
{
    return r->fitted ? value : NAN;
}

static void print_table1_csv(FILE *out, const void *argument)
{
    const tables *t = argument;
    row r;
    fprintf(
        out,
        "network,classes,method,label,batch,weights_formula,state_formula,bytes_per_weight,state_per_weight,"
        "per_neuron_and_sample,per_neuron_sample_and_step,per_layer_and_step,fixed_MB,weights_error_percent,"
        "error_percent,bytes_per_rule_weight,gradient_per_rule_weight,growth_per_step_bytes,"
        "control_growth_per_step_bytes,first_GB,last_T,last_GB,factor,paper_first_GB,paper_last_GB,paper_"
        "factor\n");
    for (int i = 0; i < t->results.count; i++) {
        if (!row_of(t, i, &r)) continue;
        bso_memory_class class = bso_memory_class_of(r.steps);
        put_head(out, r.steps);
        fprintf(out, ",%s,%s", weight_formulas[class], formulas[class]);
        put_number(out, constant(&r, r.fit.weight));
        put_number(out, constant(&r, r.fit.state));
        put_number(out, constant(&r, r.fit.neuron));
        put_number(out, constant(&r, r.fit.step_neuron));
        put_number(out, constant(&r, r.fit.step_layer));
        put_number(out, constant(&r, r.fit.fixed / 1e6));
        put_number(out, constant(&r, 100 * r.fit.weight_error));
        put_number(out, constant(&r, 100 * r.fit.error));
        put_number(out, bso_memory_bytes_per_weight(r.steps));
        put_number(out, bso_memory_gradient_per_weight(r.steps));
        put_number(out, bso_memory_growth(r.steps));
        put_number(out, bso_memory_category_growth(r.steps, BSO_MEM_CONTROL));
        put_number(out, r.first_gb);
        fprintf(out, ",%zu", r.last);
        put_number(out, r.last_gb);
        put_number(out, r.last_gb / r.first_gb);
        put_number(out, r.paper_first);
        put_number(out, r.paper_last);
        put_number(out, r.paper_last / r.paper_first);
        fputc('\n', out);
    }
}

/* A number with so many decimals, or a dash. */
static const char *text_of(double x, int decimals, char text[32])
{
    if (isnan(x)) return "–";
    snprintf(text, 32, "%.*f", decimals, x);
    return text;
}

/* Columns of the printed table; the same for Markdown and LaTeX. */
enum { CELLS = 15 };
static const char *const titles[CELLS] = {"method",
                                          "weights",
                                          "state",
                                          "bytes per weight (stored)",
                                          "per weight (state)",
                                          "per neuron and sample",
                                          "per neuron, sample and step",
                                          "per layer and step",
                                          "largest error (%)",
                                          "bit, latent, optimizer: bytes per weight",
                                          "growth per step (bytes)",
                                          "growth of control per step (bytes)",
                                          "GB at T = 1",
                                          "GB at last T",
                                          "factor (paper)"};

static void fill_cells(const row *r, char cells[CELLS][96])
{
    char a[32], b[32];
    bso_memory_class class = bso_memory_class_of(r->steps);
    const double numbers[] = {constant(r, r->fit.weight),
                              constant(r, r->fit.state),
                              constant(r, r->fit.neuron),
                              constant(r, r->fit.step_neuron),
                              constant(r, r->fit.step_layer),
                              constant(r, 100 * r->fit.error),
                              bso_memory_bytes_per_weight(r->steps),
                              bso_memory_growth(r->steps),
                              bso_memory_category_growth(r->steps, BSO_MEM_CONTROL),
                              r->first_gb};
    static const int decimals[] = {3, 2, 2, 2, 2, 1, 3, 0, 0, 3};
    snprintf(cells[0], sizeof cells[0], "%s", r->steps->label);
    snprintf(cells[1], sizeof cells[1], "%s", weight_formulas[class]);
    snprintf(cells[2], sizeof cells[2], "%s", formulas[class]);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        snprintf(cells[3 + i], sizeof cells[0], "%s", text_of(numbers[i], decimals[i], a));
    snprintf(cells[13], sizeof cells[0], "%s (T = %zu)", text_of(r->last_gb, 3, a), r->last);
    snprintf(cells[14], sizeof cells[0], "%s (%s)", text_of(r->last_gb / r->first_gb, 2, a),
             text_of(r->paper_last / r->paper_first, 2, b));
}

/* The title above the i-th file's row, where it is the first of its network and batch. */
static bool starts_section(const tables *t, int i)
{
    const bso_memory_file *f = &t->results.file[i];
    row r;
    for (int k = 0; k < i; k++) {
        const bso_memory_file *g = &t->results.file[k];
        if (row_of(t, k, &r) && strcmp(g->network, f->network) == 0 && g->shape.classes == f->shape.classes &&
            g->batch == f->batch)
            return false;
    }
    return true;
}

static void print_table1_markdown(FILE *out, const void *argument)
{
    const tables *t = argument;
    row r;
    char cells[CELLS][96];
    const char *last = "", *commit = "";
    for (int i = 0; i < t->results.count; i++) {
        if (!row_of(t, i, &r)) continue;
        const bso_memory_file *f = r.steps;
        if (starts_section(t, i)) {
            fprintf(out, "%s**Training memory, ", *last ? "\n" : "");
            bso_markdown_text(out, f->network);
            fprintf(out, ", %d x %d x %d, %d classes, batch %d, %d threads**\n\n|", f->shape.channels,
                    f->shape.height, f->shape.width, f->shape.classes, f->batch, f->threads);
            for (int c = 0; c < CELLS; c++) fprintf(out, " %s |", titles[c]);
            fprintf(out, "\n|");
            for (int c = 0; c < CELLS; c++) fprintf(out, c < 3 ? "---|" : "--:|");
            fputc('\n', out);
        }
        fill_cells(&r, cells);
        fputc('|', out);
        for (int c = 0; c < CELLS; c++) {
            fputc(' ', out);
            bso_markdown_text(out, cells[c]);
            fprintf(out, " |");
        }
        fputc('\n', out);
        if (strcmp(f->ended, last) > 0) {
            last = f->ended;
            commit = f->commit;
        }
    }
    fprintf(out,
            "\nPlanned by the code that trains; measured where `memory_steps.csv` has a number. Samples, "
            "measuring "
            "(log) and descriptions (control: layers, pointers to what is kept of each step, spike counts "
            "for the "
            "log) are no part of training here; how control grows with T has a column. MB are 10^6 bytes, GB "
            "10^9. "
            "The formulas are the paper's: n²L stands for the number of the rule's weights, L for their "
            "layers, nL "
            "for neurons times samples. Constants are bytes, by least squares over networks of several "
            "widths and "
            "depths, batches and T, each relative to what is to be met; besides them there is a constant "
            "number of "
            "bytes (table1.csv). What is per weight (state) holds the rule's state and the gradient that "
            "waits for "
            "an update. Last file of %s, commit %s.\n",
            last, commit);
}

static void latex_text(FILE *out, const char *text)
{
    static const char *const special[][2] = {{"–", "--"},  {"²", "$^2$"}, {"%", "\\%"},
                                             {"_", "\\_"}, {"&", "\\&"},  {"#", "\\#"}};
    while (*text) {
        size_t i = 0, n = sizeof special / sizeof *special;
        while (i < n && strncmp(text, special[i][0], strlen(special[i][0])) != 0) i++;
        if (i < n) {
            fputs(special[i][1], out);
            text += strlen(special[i][0]);
        } else {
            fputc(*text++, out);
        }
    }
}

static void print_table1_latex(FILE *out, const void *argument)
{
    const tables *t = argument;
    row r;
    char cells[CELLS][96];
    fprintf(out, "\\begin{tabular}{lll");
    for (int c = 3; c < CELLS; c++) fputc('r', out);
    fprintf(out, "}\n\\hline\n");
    for (int c = 0; c < CELLS; c++) {
        fprintf(out, "%s", c ? " & " : "");
        latex_text(out, titles[c]);
    }
    fprintf(out, " \\\\\n\\hline\n");
    for (int i = 0; i < t->results.count; i++) {
        if (!row_of(t, i, &r)) continue;
        fill_cells(&r, cells);
        for (int c = 0; c < CELLS; c++) {
            fprintf(out, "%s", c ? " & " : "");
            latex_text(out, cells[c]);
        }
        fprintf(out, " \\\\\n");
    }
    fprintf(out, "\\hline\n\\end{tabular}\n");
}

/* ---- models ---- */

/* What the paper says of a model on that data: one-bit, of any method of its that has such; float of FP-SNN.
 */
static double reported_mb(const tables *t, const char *dataset, const char *method)
{
    const bso_reported_fact *fact =
        bso_reported_find(&t->reported, NULL, dataset, method, 0, NULL, "size_MB");
    return fact ? fact->value : NAN;
}

static void print_models(FILE *out, const void *argument)
{
    const tables *t = argument;
    fprintf(
        out,
        "model,dataset,network,channels,height,width,classes,one_bit_weights,float_weights,MB,float_MB,ratio,"
        "paper_MB,paper_float_MB\n");
    for (int i = 0; i < t->results.count; i++) {
        const bso_memory_file *f = &t->results.file[i];
        for (int k = 0; k < f->models; k++) {
            const bso_memory_model *m = &f->model[k];
            bso_csv_text(out, m->name);
            fputc(',', out);
            bso_csv_text(out, m->dataset);
            fputc(',', out);
            bso_csv_text(out, m->network);
            fprintf(out, ",%d,%d,%d,%d,%zu,%zu", m->shape.channels, m->shape.height, m->shape.width,
                    m->shape.classes, m->one_bit_weights, m->float_weights);
            put_number(out, m->bytes / 1e6);
            put_number(out, m->float_bytes / 1e6);
            put_number(out, m->float_bytes / m->bytes);
            put_number(out, reported_mb(t, m->dataset, "T-BSO"));
            put_number(out, reported_mb(t, m->dataset, "FP-SNN"));
            fputc('\n', out);
        }
    }
}

/* ---- files ---- */

static const struct {
    const char *name;
    void (*print)(FILE *out, const void *argument);
} files[] = {
    {"memory_steps.csv", print_steps},  {"memory_layers.csv", print_layers},
    {"table1.csv", print_table1_csv},   {"table1.md", print_table1_markdown},
    {"table1.tex", print_table1_latex}, {"model_size.csv", print_models},
};

static int write_all(const tables *t, const char *folder)
{
    if (bso_file_directory(folder)) return BSO_ERROR;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (bso_print_file(folder, files[i].name, files[i].print, t)) return BSO_ERROR;
    }
    return 0;
}

/* Tables whose files are gone. */
static int remove_all(const char *folder)
{
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (bso_remove_file(folder, files[i].name)) return BSO_ERROR;
    }
    return 0;
}

int bso_memory_tables(const char *directory)
{
    char folder[BSO_PATH];
    tables t = {.results = {.count = 0}};
    int status = bso_file_path(folder, directory, "tables");
    if (!status) status = bso_memory_load(&t.results, directory);
    if (!status && t.results.count == 0) {
        status = remove_all(folder);
    } else if (!status) {
        status = bso_reported_read(&t.reported, NULL);
        if (!status) status = write_all(&t, folder);
        bso_reported_free(&t.reported);
    }
    if (!status && t.results.unreadable) status = 1;
    bso_memory_results_free(&t.results);
    return status;
}
