/* memory_results.c: the files of a folder, and what is asked of them. See memory_results.h. */
#include "experiments/memory_results.h"

#include "core/error.h"
#include "core/file.h"
#include "experiments/table.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- a folder ---- */

/* By kind, network, batch, Table 1's order of methods. */
static int by_place(const void *a, const void *b)
{
    const bso_memory_file *x = a, *y = b;
    int order = strcmp(x->kind, y->kind);
    if (!order) order = strcmp(x->network, y->network);
    if (!order) order = x->shape.classes - y->shape.classes;
    if (!order) order = (y->batch > x->batch) - (y->batch < x->batch);
    if (!order) order = (int)bso_memory_class_of(x) - (int)bso_memory_class_of(y);
    return order ? order : strcmp(x->label, y->label);
}

static int read_files(bso_memory_results *results, const char *folder, struct dirent **names, int count)
{
    results->file = bso_alloc(BSO_MEM_LOG, (size_t)count, sizeof *results->file, "the results");
    if (!results->file) return BSO_ERROR;
    for (int i = 0; i < count; i++) {
        char path[BSO_PATH];
        if (bso_file_path(path, folder, names[i]->d_name)) return BSO_ERROR;
        if (bso_memory_read(path, &results->file[results->count]) == 0) {
            results->count++;
            continue;
        }
        fprintf(stderr, "bso: %s; left out\n", bso_error());
        results->unreadable++;
    }
    qsort(results->file, (size_t)results->count, sizeof *results->file, by_place);
    return 0;
}

int bso_memory_load(bso_memory_results *results, const char *directory)
{
    char folder[BSO_PATH];
    struct dirent **names;
    *results = (bso_memory_results){.count = 0};
    if (bso_file_path(folder, directory, "memory")) return BSO_ERROR;
    int count = bso_file_list(folder, ".h5", &names);
    if (count < 0) return errno == ENOENT ? 0 : bso_fail("%s: %s", folder, strerror(errno));
    int status = read_files(results, folder, names, count);
    for (int i = 0; i < count; i++) free(names[i]);
    free(names);
    return status;
}

void bso_memory_results_free(bso_memory_results *results)
{
    for (int i = 0; results->file && i < results->count; i++) bso_memory_file_free(&results->file[i]);
    bso_free(results->file);
    *results = (bso_memory_results){.count = 0};
}

/* ---- a file's numbers ---- */

const bso_memory_file *bso_memory_steps(const bso_memory_results *results, const char *method, int batch)
{
    for (int i = 0; i < results->count; i++) {
        const bso_memory_file *f = &results->file[i];
        if (strcmp(f->kind, "steps") == 0 && strcmp(f->method, method) == 0 && f->batch == batch) return f;
    }
    return NULL;
}

const bso_memory_point *bso_memory_at(const bso_memory_file *file, int steps)
{
    for (int i = 0; i < file->points; i++) {
        if (file->point[i].steps == (size_t)steps) return &file->point[i];
    }
    return NULL;
}

const bso_memory_measurement *bso_memory_measured(const bso_memory_file *file, int steps)
{
    for (int i = 0; i < file->measurements; i++) {
        if (file->measurement[i].steps == (size_t)steps) return &file->measurement[i];
    }
    return NULL;
}

/* The points of the lowest and of the highest T; false where these are one. */
static bool ends(const bso_memory_file *file, const bso_memory_point **first, const bso_memory_point **last)
{
    *first = *last = file->point;
    for (int i = 0; i < file->points; i++) {
        const bso_memory_point *p = &file->point[i];
        if (p->steps < (*first)->steps) *first = p;
        if (p->steps > (*last)->steps) *last = p;
    }
    return file->points > 0 && (*first)->steps < (*last)->steps;
}

double bso_memory_growth(const bso_memory_file *file)
{
    const bso_memory_point *first, *last;
    if (!ends(file, &first, &last)) return NAN;
    double more = (double)bso_cost_training(last->bytes) - (double)bso_cost_training(first->bytes);
    return more / (double)(last->steps - first->steps);
}

double bso_memory_category_growth(const bso_memory_file *file, bso_mem_category category)
{
    const bso_memory_point *first, *last;
    if (!ends(file, &first, &last)) return NAN;
    double more = (double)last->bytes[category] - (double)first->bytes[category];
    return more / (double)(last->steps - first->steps);
}

double bso_memory_bytes_per_weight(const bso_memory_file *file)
{
    const bso_memory_point *p, *last;
    ends(file, &p, &last);
    return file->points ? (double)(p->weight_bytes + p->state_bytes) / (double)p->main_weights : NAN;
}

double bso_memory_gradient_per_weight(const bso_memory_file *file)
{
    double bytes = 0, weights = 0;
    for (int l = 0; l < file->layers; l++) {
        const bso_memory_layer *layer = &file->layer[l];
        if (!layer->main_weights || !file->points) continue;
        bytes += (double)layer->bytes[0][BSO_MEM_GRADIENTS];
        weights += (double)layer->main_weights;
    }
    return weights > 0 ? bytes / weights : NAN;
}

bso_memory_class bso_memory_class_of(const bso_memory_file *file)
{
    const bso_gradient *gradient = bso_gradient_find(file->gradient);
    const bso_optimizer *rule = bso_optimizer_find(file->optimizer);
    if (gradient && gradient->through_time) return BSO_MEMORY_BPTT;
    if (!rule || rule->representation != BSO_REP_BITS) return BSO_MEMORY_OTTT;
    const bso_param weight = {.rows = 64, .cols = 64};
    return rule->state_bytes(&weight, 2) > rule->state_bytes(&weight, 1) ? BSO_MEMORY_TBSO : BSO_MEMORY_BSO;
}
