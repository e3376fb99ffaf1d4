/* memory_fit.c: the constants of Table 1's formulas, by least squares over planned trainings. See
 * memory_results.h. */
#include "experiments/memory_results.h"

#include "core/error.h"

#include <math.h>
#include <string.h>

enum { TERMS = 3 };

/* A network at a batch size: what it holds at T = 0, extrapolated, and what a time step adds. */
typedef struct {
    double weights, neurons, layers; /* n^2 L, n L times samples, L */
    double stored, base, slope;      /* bytes of storing the rule's weights, of everything else, of a step */
} configuration;

static double training_bytes(const bso_memory_point *p)
{
    return (double)bso_cost_training(p->bytes);
}

static bool same_configuration(const bso_memory_point *a, const bso_memory_point *b)
{
    return a->width == b->width && a->depth == b->depth && a->batch == b->batch;
}

/* The line through a configuration's points over T, whose first one is the i-th. */
static configuration line_of(const bso_memory_file *file, int i)
{
    const bso_memory_point *first = &file->point[i];
    double n = 0, t = 0, y = 0, tt = 0, ty = 0, y0 = training_bytes(first);
    for (int k = i; k < file->points; k++) {
        const bso_memory_point *p = &file->point[k];
        if (!same_configuration(p, first)) continue;
        double steps = (double)p->steps, bytes = training_bytes(p) - y0; /* differences stay exact */
        n++;
        t += steps;
        y += bytes;
        tt += steps * steps;
        ty += steps * bytes;
    }
    double spread = n * tt - t * t, slope = spread > 0 ? (n * ty - t * y) / spread : NAN;
    return (configuration){
        .weights = (double)first->main_weights,
        .neurons = (double)first->neurons * (double)first->batch,
        .layers = (double)first->main_layers,
        .stored = (double)first->weight_bytes,
        .base = y0 + (y - slope * t) / n - (double)first->weight_bytes,
        .slope = slope,
    };
}

/* Solve min |A c - 1| for the columns of A, [columns][n], which are written to: modified Gram and Schmidt.
 * Returns 0, or BSO_ERROR where they depend on each other. */
static int solve(double *const *a, int columns, int n, double *c)
{
    double r[TERMS][TERMS] = {{0}}, right[TERMS];
    for (int j = 0; j < columns; j++) {
        double norm = 0, all = 0;
        for (int i = 0; i < n; i++) all += a[j][i] * a[j][i];
        for (int k = 0; k < j; k++) {
            for (int i = 0; i < n; i++) r[k][j] += a[k][i] * a[j][i];
            for (int i = 0; i < n; i++) a[j][i] -= r[k][j] * a[k][i];
        }
        for (int i = 0; i < n; i++) norm += a[j][i] * a[j][i];
        if (!(norm > 1e-20 * all)) return BSO_ERROR;
        r[j][j] = sqrt(norm);
        right[j] = 0;
        for (int i = 0; i < n; i++) {
            a[j][i] /= r[j][j];
            right[j] += a[j][i];
        }
    }
    for (int j = columns - 1; j >= 0; j--) {
        c[j] = right[j];
        for (int k = j + 1; k < columns; k++) c[j] -= r[j][k] * c[k];
        c[j] /= r[j][j];
    }
    return 0;
}

/* c with c x / y nearest to 1 in the mean square. */
static double ratio(const configuration *c, int n, size_t x, size_t y)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++) {
        double q = *(const double *)(const void *)((const char *)&c[i] + x) /
                   *(const double *)(const void *)((const char *)&c[i] + y);
        sum += q;
        squares += q * q;
    }
    return sum / squares;
}

/* a n^2 L + b n L + e for what a configuration holds besides the weights, at T = 0. */
static int fit_base(const configuration *c, int n, bso_memory_fit *fit)
{
    double *a[TERMS], constants[TERMS];
    double *room = bso_alloc(BSO_MEM_LOG, (size_t)n * TERMS, sizeof *room, "a fit");
    if (!room) return BSO_ERROR;
    for (int j = 0; j < TERMS; j++) a[j] = room + j * n;
    for (int i = 0; i < n; i++) {
        a[0][i] = c[i].weights / c[i].base;
        a[1][i] = c[i].neurons / c[i].base;
        a[2][i] = 1 / c[i].base;
    }
    int status = solve(a, TERMS, n, constants);
    bso_free(room);
    if (status) return bso_fail("memory: the networks of a fit do not tell its terms apart");
    fit->state = constants[0];
    fit->neuron = constants[1];
    fit->fixed = constants[2];
    return 0;
}

static double growth_of(const bso_memory_fit *fit, double neurons, double layers)
{
    return (isnan(fit->step_neuron) ? 0 : fit->step_neuron * neurons) +
           (isnan(fit->step_layer) ? 0 : fit->step_layer * layers);
}

static void find_errors(const bso_memory_file *file, bso_memory_fit *fit)
{
    for (int i = 0; i < file->points; i++) {
        const bso_memory_point *p = &file->point[i];
        double weights = (double)p->main_weights, neurons = (double)p->neurons * (double)p->batch;
        double stored = fit->weight * weights;
        double all = stored + fit->state * weights + fit->neuron * neurons + fit->fixed +
                     growth_of(fit, neurons, (double)p->main_layers) * (double)p->steps;
        fit->weight_error = fmax(fit->weight_error, fabs(stored / (double)p->weight_bytes - 1));
        fit->error = fmax(fit->error, fabs(all / training_bytes(p) - 1));
    }
}

int bso_memory_fit_of(const bso_memory_file *file, bso_memory_fit *fit)
{
    *fit = (bso_memory_fit){.step_neuron = NAN, .step_layer = NAN, .points = file->points};
    configuration *c = bso_alloc(BSO_MEM_LOG, (size_t)file->points, sizeof *c, "a fit");
    if (!c) return BSO_ERROR;
    int n = 0;
    for (int i = 0; i < file->points; i++) {
        int k = 0;
        while (!same_configuration(&file->point[k], &file->point[i])) k++;
        if (k == i) c[n++] = line_of(file, i);
    }
    bool whole = n >= TERMS;
    for (int i = 0; i < n; i++) whole = whole && isfinite(c[i].slope) && c[i].base > 0 && c[i].stored > 0;
    int status = whole ? fit_base(c, n, fit) : bso_fail("memory: %s: too few points to fit", file->label);
    bso_memory_class class = bso_memory_class_of(file);
    if (!status) {
        fit->weight = ratio(c, n, offsetof(configuration, weights), offsetof(configuration, stored));
        if (class == BSO_MEMORY_BPTT)
            fit->step_neuron = ratio(c, n, offsetof(configuration, neurons), offsetof(configuration, slope));
        if (class == BSO_MEMORY_TBSO)
            fit->step_layer = ratio(c, n, offsetof(configuration, layers), offsetof(configuration, slope));
        find_errors(file, fit);
    }
    bso_free(c);
    return status;
}
