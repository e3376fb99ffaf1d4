/* claims_memory.c: the claims about bytes: training memory against T, storage of weights, T-BSO's scalars,
 * sizes of models (1, 2, 3, 14, and the size in 17). See claims_rules.h; where the bytes come from is
 * memory_results.h.
 */
#include "experiments/claims_rules.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The paper's setting of Figure 4: VGG-11, batch 128, T up to 35. */
enum { BATCH = 128, STEPS_MAX = 35 };

static const double last_digit = 0.05;   /* half of it, of the figures of Figure 4 in GB */
static const double factor_margin = 0.1; /* of the growth of back-propagation through time */
static const double storage_margin = 0.01;
static const double size_margin = 0.02; /* of a model's size, for a correction */
static const double scalar_bytes = 8;   /* at most: a double */

static double training(const bso_memory_point *p)
{
    return (double)bso_cost_training(p->bytes);
}

static bool papers(const bso_memory_file *file)
{
    return strcmp(file->network, "vgg11") == 0 && file->batch == BATCH;
}

/* A method's file: at the paper's batch where that is there, else any with points for each T. */
static const bso_memory_file *file_of(const bso_evidence *e, const char *method)
{
    const bso_memory_file *file = bso_memory_steps(e->memory, method, BATCH);
    for (int i = 0; !file && i < e->memory->count; i++) {
        const bso_memory_file *f = &e->memory->file[i];
        if (strcmp(f->method, method) == 0 && f->batch > 0)
            file = bso_memory_steps(e->memory, method, f->batch);
    }
    return file && file->points > 0 ? file : NULL;
}

static const bso_memory_file *through_time(const bso_evidence *e)
{
    const bso_memory_file *file = file_of(e, "adam_ste");
    return file ? file : file_of(e, "sgd_ste");
}

/* Exact verdicts away from the paper's network and batch are about a direction only. */
static bso_claim_verdict verdict_of(bso_claim_verdict exact, bool protocol)
{
    if (protocol) return exact;
    return exact == BSO_CLAIM_FAILS ? BSO_CLAIM_NOT_SEEN : BSO_CLAIM_SEEN;
}

static void what_of(bso_claim_finding *f, const bso_memory_file *file)
{
    snprintf(f->what, sizeof f->what, "%.300s, %d x %d x %d, %d classes, batch %d, T = %zu to %zu, planned",
             file->network, file->shape.channels, file->shape.height, file->shape.width, file->shape.classes,
             file->batch, file->point[0].steps, file->point[file->points - 1].steps);
}

static void no_memory(const bso_evidence *e, bso_judgement *j)
{
    snprintf(j->why, sizeof j->why, "%s; \"bso memory\" makes them",
             e->memory->count ? "not all of the methods it takes are among the memory results"
                              : "no memory results are here");
}

/* ---- 1: memory against T ---- */

static void add_growth(bso_claim_finding *f, const bso_memory_file *file)
{
    const bso_memory_point *first = &file->point[0], *last = &file->point[file->points - 1];
    const double factor = training(last) / training(first);
    bso_text_add(f->outcome, sizeof f->outcome, "%s%s: %.3f GB at T = %zu, ", BSO_SEMICOLON(f->outcome),
                 file->label, training(first) / 1e9, first->steps);
    if (fabs(factor - 1) < 0.01) {
        bso_text_add(f->outcome, sizeof f->outcome, "%.0f bytes more at T = %zu",
                     training(last) - training(first), last->steps);
    } else {
        bso_text_add(f->outcome, sizeof f->outcome, "%.3f GB at T = %zu, %.1f times as much",
                     training(last) / 1e9, last->steps, factor);
    }
}

static double growth_of(const bso_memory_file *file)
{
    return training(&file->point[file->points - 1]) / training(&file->point[0]);
}

void bso_claim_memory_flat(const bso_evidence *e, bso_judgement *j)
{
    const double least = bso_claim_figure(e, "fig4", NULL, "BPTT", 1, NULL, "memory_GB");
    const double most = bso_claim_figure(e, "fig4", NULL, "BPTT", STEPS_MAX, NULL, "memory_GB");
    const double figure[] = {bso_claim_figure(e, "fig4", NULL, "BSO", 0, NULL, "memory_GB"),
                             bso_claim_figure(e, "fig4", NULL, "T-BSO", 0, NULL, "memory_GB")};
    snprintf(j->paper, sizeof j->paper,
             "BSO takes %.1f GB and T-BSO %.1f GB at every T from 1 to %d; back-propagation through time "
             "%.2f GB at T = 1 and %.2f GB at T = %d, %.1f times as much",
             figure[0], figure[1], STEPS_MAX, least, most, STEPS_MAX, most / least);
    const bso_memory_file *file[] = {file_of(e, "bso"), file_of(e, "tbso")}, *bptt = through_time(e);
    if (!file[0] || !file[1] || !bptt) {
        no_memory(e, j);
        return;
    }
    bso_claim_finding *f = bso_claim_found(j, 0, BSO_CLAIM_HOLDS);
    what_of(f, bptt);
    bool flat = true, protocol = papers(bptt) && bso_memory_at(bptt, STEPS_MAX) && bso_memory_at(bptt, 1);
    for (int i = 0; i < 2; i++) {
        add_growth(f, file[i]);
        protocol = protocol && papers(file[i]) && bso_memory_at(file[i], STEPS_MAX);
        if (fabs(growth_of(file[i]) - 1) <= last_digit / figure[i]) continue;
        flat = false;
        bso_text_add(f->why, sizeof f->why, "%s%s grows with T", BSO_SEMICOLON(f->why), file[i]->label);
    }
    add_growth(f, bptt);
    const double factor = growth_of(bptt);
    if (!flat) {
        f->verdict = BSO_CLAIM_FAILS;
    } else if (fabs(factor / (most / least) - 1) > factor_margin) {
        f->verdict = BSO_CLAIM_CORRECTED;
        snprintf(f->why, sizeof f->why, "back-propagation through time grows %.1f times, not %.1f times",
                 factor, most / least);
    }
    f->verdict = verdict_of(f->verdict, protocol);
}

/* ---- 2: latent weights ---- */

void bso_claim_no_latent(const bso_evidence *e, bso_judgement *j)
{
    static const char *const rules[] = {"bso", "tbso", "bop"};
    static const char *const rivals[] = {"sgd_ste", "adam_ste", "online_sgd_ste", "online_adam_ste"};
    snprintf(j->paper, sizeof j->paper,
             "No latent weights are kept: storing weights takes n²L/32 instead of n²L (Table 1)");
    const bso_memory_file *ours = file_of(e, "tbso"), *latent = through_time(e);
    if (!ours || !latent) {
        no_memory(e, j);
        return;
    }
    bso_claim_finding *f = bso_claim_found(j, 0, BSO_CLAIM_HOLDS);
    what_of(f, ours);
    const double bits = (double)ours->point[0].bytes[BSO_MEM_WEIGHTS_BITS];
    const double floats = (double)latent->point[0].bytes[BSO_MEM_WEIGHTS_LATENT];
    snprintf(f->outcome, sizeof f->outcome,
             "storing %zu weights takes %.3f MB as bits, %.3f MB as latent weights, %.2f times as much. "
             "Training keeps for each weight, in bytes:",
             ours->point[0].main_weights, bits / 1e6, floats / 1e6, floats / bits);
    double least = INFINITY;
    const char *separator = " ";
    for (size_t i = 0; i < sizeof rules / sizeof *rules + sizeof rivals / sizeof *rivals; i++) {
        const bool rival = i >= sizeof rules / sizeof *rules;
        const bso_memory_file *file = file_of(e, rival ? rivals[i - sizeof rules / sizeof *rules] : rules[i]);
        if (!file) continue;
        const double bytes = bso_memory_bytes_per_weight(file);
        bso_text_add(f->outcome, sizeof f->outcome, "%s%s %.3f", separator, file->label, bytes);
        separator = ", ";
        if (rival && bytes < least) least = bytes;
    }
    const double kept = bso_memory_bytes_per_weight(ours);
    if (!(fabs(floats / bits / 32 - 1) <= storage_margin)) {
        f->verdict = BSO_CLAIM_FAILS;
    } else if (!(kept < least * (1 - storage_margin))) {
        f->verdict = BSO_CLAIM_CORRECTED;
        snprintf(f->why, sizeof f->why,
                 "true of the stored weights alone: with its momentum T-BSO keeps %.3f bytes for each "
                 "weight, the leanest latent-weight method %.3f",
                 kept, least);
    }
    f->verdict = verdict_of(f->verdict, papers(ours) && papers(latent));
}

/* ---- 3: scalars ---- */

void bso_claim_scalars(const bso_evidence *e, bso_judgement *j)
{
    snprintf(j->paper, sizeof j->paper,
             "T-BSO keeps one scalar for each layer and time step: its memory is BSO's plus a term of "
             "order LT (Table 1)");
    const bso_memory_file *bso = file_of(e, "bso"), *tbso = file_of(e, "tbso");
    if (!bso || !tbso || tbso->points < 2) {
        no_memory(e, j);
        return;
    }
    bso_claim_finding *f = bso_claim_found(j, 0, BSO_CLAIM_HOLDS);
    what_of(f, tbso);
    const bso_memory_point *first = &tbso->point[0], *last = &tbso->point[tbso->points - 1];
    const double layers = (double)first->main_layers;
    const bso_memory_point *p = bso_memory_at(bso, (int)first->steps),
                           *q = bso_memory_at(bso, (int)last->steps);
    if (!p || !q) {
        f->verdict = BSO_CLAIM_UNTESTED;
        snprintf(f->why, sizeof f->why, "BSO and T-BSO were not planned at the same T");
        return;
    }
    const double start = training(first) - training(p), span = (double)(last->steps - first->steps);
    const double each = (training(last) - training(q) - start) / (span * layers);
    const double constant = start - each * layers * (double)first->steps;
    bool line = each >= 1 && each <= scalar_bytes && floor(each) == each;
    for (int i = 0; i < tbso->points; i++) {
        const bso_memory_point *r = bso_memory_at(bso, (int)tbso->point[i].steps);
        const double expected = constant + each * layers * (double)tbso->point[i].steps;
        if (r && training(&tbso->point[i]) - training(r) != expected) line = false;
    }
    snprintf(f->outcome, sizeof f->outcome,
             "T-BSO - BSO: %.0f bytes at T = %zu, %.0f bytes at T = %zu; L = %.0f layers: %.6g bytes for "
             "each layer and time step, and %.0f besides",
             start, first->steps, training(last) - training(q), last->steps, layers, each, constant);
    if (!line) {
        f->verdict = BSO_CLAIM_FAILS;
        snprintf(f->why, sizeof f->why, "the difference is not such a multiple of L × T at every T");
    } else if (constant != 0) {
        f->verdict = BSO_CLAIM_CORRECTED;
        snprintf(f->why, sizeof f->why, "%.0f bytes come on top at every T", constant);
    }
    f->verdict = verdict_of(f->verdict, papers(tbso) && papers(bso));
}

/* ---- 14: models ---- */

/* Would ours be printed as theirs, with two decimals? */
static bool as_printed(double ours, double theirs)
{
    return fabs(ours - theirs) <= 0.005 + 1e-9;
}

typedef struct {
    int models, sizes, near, ratios; /* how many there are; how many figures agree; sizes within the margin */
} tally;

static void judge_model(const bso_evidence *e, bso_claim_finding *f, const bso_memory_model *m, tally *t)
{
    const double size = bso_claim_figure(e, "2", m->dataset, "T-BSO", 0, NULL, "size_MB");
    const double real = bso_claim_figure(e, "2", m->dataset, "FP-SNN", 0, NULL, "size_MB");
    const double ours = m->bytes / 1e6, floats = m->float_bytes / 1e6;
    /* The paper's factor is one of rounded figures. */
    const bool same_ratio =
        floats / ours >= (real - 0.005) / (size + 0.005) && floats / ours <= (real + 0.005) / (size - 0.005);
    t->models++;
    t->sizes += as_printed(ours, size);
    t->near += fabs(ours / size - 1) <= size_margin;
    t->ratios += same_ratio;
    bso_text_add(f->what, sizeof f->what, "%s%s (%.200s)", BSO_COMMA(f->what), m->dataset, m->network);
    bso_text_add(f->outcome, sizeof f->outcome, "%s%s: %.2f MB, %.2f MB in float32, %.1f times",
                 BSO_SEMICOLON(f->outcome), m->dataset, ours, floats, floats / ours);
    if (!as_printed(ours, size)) {
        bso_text_add(f->why, sizeof f->why, "%s%s: %.2f MB, not %.2f", BSO_SEMICOLON(f->why), m->dataset,
                     ours, size);
    }
    if (!same_ratio) {
        bso_text_add(f->why, sizeof f->why,
                     "%s%s: %.1f times smaller than the same network in float32, not %.1f (%.2f MB)",
                     BSO_SEMICOLON(f->why), m->dataset, floats / ours, real / size, real);
    }
}

void bso_claim_model_size(const bso_evidence *e, bso_judgement *j)
{
    static const char *const sets[] = {"CIFAR-10", "CIFAR-100", "ImageNet"};
    for (int i = 0; i < 3; i++) {
        const double size = bso_claim_figure(e, "2", sets[i], "T-BSO", 0, NULL, "size_MB");
        const double real = bso_claim_figure(e, "2", sets[i], "FP-SNN", 0, NULL, "size_MB");
        bso_text_add(j->paper, sizeof j->paper, "%s%s: %.2f MB, %.1f times smaller than %.2f MB in float32",
                     BSO_SEMICOLON(j->paper), sets[i], size, real / size, real);
    }
    bso_claim_finding *f = NULL;
    tally t = {0};
    for (int s = 0; s < 3; s++) {
        bool found = false; /* one network for each data set */
        for (int i = 0; i < e->memory->count && !found; i++) {
            for (int m = 0; m < e->memory->file[i].models && !found; m++) {
                const bso_memory_model *model = &e->memory->file[i].model[m];
                if (strcmp(model->dataset, sets[s]) != 0) continue;
                if (!f) f = bso_claim_found(j, 0, BSO_CLAIM_HOLDS);
                judge_model(e, f, model, &t);
                found = true;
            }
        }
    }
    if (!f) {
        no_memory(e, j);
        return;
    }
    if (t.near < t.models) {
        f->verdict = BSO_CLAIM_FAILS;
    } else if (t.sizes < t.models || t.ratios < t.models) {
        f->verdict = BSO_CLAIM_CORRECTED;
    }
}

void bso_claim_speech_size(const bso_evidence *e, bso_judgement *j)
{
    const double size = bso_claim_figure(e, "5", "GSC", "T-BSO", 0, NULL, "size_MB");
    bso_claim_finding *f = NULL;
    bool same = false, near = false;
    for (int i = 0; i < e->memory->count; i++) {
        for (int m = 0; m < e->memory->file[i].models; m++) {
            const bso_memory_model *model = &e->memory->file[i].model[m];
            if (strcmp(model->dataset, "GSC") != 0) continue;
            if (!f) f = bso_claim_found(j, -1, BSO_CLAIM_FAILS);
            if (!f) return;
            bso_text_add(f->outcome, sizeof f->outcome, "%s%.2f MB with %d classes", BSO_COMMA(f->outcome),
                         model->bytes / 1e6, model->shape.classes);
            same = same || as_printed(model->bytes / 1e6, size);
            near = near || fabs(model->bytes / 1e6 / size - 1) <= size_margin;
        }
    }
    if (!f) return;
    snprintf(f->what, sizeof f->what, "The model's size alone, counted");
    bso_text_add(f->outcome, sizeof f->outcome, "; the paper: %.2f MB", size);
    if (near) f->verdict = BSO_CLAIM_CORRECTED;
    if (same) f->verdict = BSO_CLAIM_HOLDS;
}
