/* synapse_weight.c: the weight gradient of a synapse: by which way, in which pieces, by how many threads. See
 * synapse.h.
 *
 * Threads take ranges of inputs, and how many changes no sum of gathering and looking up; those of sgemm are
 * cut by the shape alone, and so are the parts of the batch that the gradient of a small float layer is made
 * of: the same bits on any number of threads.
 */
#include "core/synapse.h"

#include "core/error.h"
#include "core/notice.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

enum {
    GRADIENT_TILE =
        65536, /* floats of a gradient that a thread works out before it hands them over: 256 KiB */
    SMALL_GRADIENT = 32768, /* float weights of a layer whose gradient is made of PARTS of the batch */
    PARTS = 8
};

/* Rows of weights handed over at a time must make a multiple of BSO_TILE_ALIGN weights: so many rows do. */
static int aligned_rows(const bso_synapse *s)
{
    int a = s->product.outputs, b = BSO_TILE_ALIGN;
    while (b) {
        int r = a % b;
        a = b;
        b = r;
    }
    return BSO_TILE_ALIGN / a;
}

/* Rows that a thread hands over at a time: so many that all are busy and a piece stays in cache. */
static int thread_rows(const bso_synapse *s, int threads)
{
    const int align = aligned_rows(s), rows = s->weight->rows, fit = GRADIENT_TILE / s->product.outputs;
    const int most = fit > align ? fit / align * align : align;
    const int rounds = (rows + most * threads - 1) / (most * threads), pieces = rounds * threads;
    int even = (rows + pieces - 1) / pieces;
    /* Where aligning would leave a thread with much less than the others, in smaller pieces. */
    if ((even + align - 1) / align * align * pieces > rows + rows / 8) even = (even + 2) / 3;
    return (even + align - 1) / align * align;
}

/* By the shape alone: sums depend on it. One-bit weights never have a whole gradient. */
static int parts_of(const bso_synapse *s, bso_network *net)
{
    const size_t weights = (size_t)s->weight->rows * (size_t)s->product.outputs;
    const int groups = (net->batch + s->product.group - 1) / s->product.group, parts = at_most(PARTS, groups);
    if (weights > SMALL_GRADIENT || s->weight->bits || parts == 1) return 1;
    if (net->gradient_part_floats < (size_t)parts * weights)
        net->gradient_part_floats = (size_t)parts * weights;
    return parts;
}

/* Rows that a thread hands over by sgemm, whose sums depend on the size of the matrix: by the shape alone. */
static int sgemm_rows(const bso_synapse *s)
{
    const int align = aligned_rows(s);
    return (K_TILE + align - 1) / align * align;
}

/* A piece of the weight gradient. */
static void weight_sgemm(const bso_synapse *s, const float *zeta, const float *x, bso_part part,
                         float *gradient, float *columns)
{
    size_t stride = (size_t)s->product.group * bso_synapse_area(s),
           total = (size_t)part.n * bso_synapse_area(s);
    const int tile = part.k1 - part.k0;
    for (int first = part.first; first < part.last; first += s->product.group) {
        int count = at_most(s->product.group, part.last - first);
        bso_im2col(x, &s->product.window, part.n, first, count, part.k0, part.k1, columns, stride);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, tile, s->product.outputs,
                    (int)((size_t)count * bso_synapse_area(s)), 1, columns, (int)stride,
                    zeta + (size_t)first * bso_synapse_area(s), (int)total, first > part.first ? 1 : 0,
                    gradient, s->product.outputs);
    }
}

/* Floats of the piece of gradient that a thread works on: whole lines of cache. */
static size_t gradient_room(const bso_synapse *s)
{
    const size_t rows = (size_t)at_most(K_TILE, s->weight->rows), share = (size_t)s->share;
    return ((rows > share ? rows : share) * (size_t)s->product.outputs + 15) / 16 * 16;
}

static int look_at_levels(const bso_layer *l, const bso_pass *pass, bso_operand *operand)
{
    const bso_synapse *s = l->own;
    operand->levels = pass->net->operand_levels;
    operand->grid = s->grid;
    operand->largest = s->levels;
    if (bso_operand_levels(operand, &s->product, pass->n) == 0) return 0;
    return bso_fail("error_bits=8: the traces before %s leave 0 .. %g; gradient=%s needs error_bits=32",
                    l->name, (double)(255 / s->grid), pass->net->estimator->name);
}

/* What the pieces of a weight gradient are worked out from. */
typedef struct {
    const bso_synapse *s;
    const bso_pass *pass;
    const float *zeta;
    bso_operand operand;
} weight_task;

static bool by_sgemm(const weight_task *task)
{
    return task->operand.kind == BSO_OPERAND_SGEMM && !task->s->few_bits;
}

static void weight_piece(const weight_task *task, bso_part part, float *gradient, void *scratch)
{
    const bso_synapse *s = task->s;
    if (s->few_bits) {
        bso_product_weight_i8(&s->product, gradient, &task->operand, &task->pass->net->errors, part, scratch);
    } else if (by_sgemm(task)) {
        weight_sgemm(s, task->zeta, task->operand.x, part, gradient, scratch);
    } else {
        bso_product_weight(&s->product, gradient, &task->operand, task->zeta, part, scratch);
    }
}

/* In tiles of whole input rows straight to the learner: no buffer of a layer's size exists. */
static void weight_by_rows(const weight_task *task)
{
    const bso_synapse *s = task->s;
    const bso_pass *pass = task->pass;
    const int rows = s->weight->rows, outputs = s->product.outputs, n = pass->n;
    const int share = by_sgemm(task) ? sgemm_rows(s) : s->share, tile_rows = by_sgemm(task) ? K_TILE : share;
#pragma omp parallel for schedule(dynamic)
    for (int begin = 0; begin < rows; begin += share) {
        float *gradient = bso_scratch(pass->net, omp_get_thread_num()), *rest = gradient + gradient_room(s);
        int end = at_most(begin + share, rows);
        for (int k = begin; k < end; k += tile_rows) {
            int tile = at_most(tile_rows, end - k);
            weight_piece(task, (bso_part){n, 0, n, k, k + tile}, gradient, rest);
            bso_update_tile(pass, s->weight, (size_t)k * (size_t)outputs, (size_t)tile * (size_t)outputs,
                            gradient);
        }
    }
}

/* A small layer of float weights has too few rows for all threads, and many pixels: it is done in a fixed
 * number of parts of the batch, each for all rows, which are then added up in order. */
static void weight_by_samples(const weight_task *task)
{
    const bso_synapse *s = task->s;
    const bso_pass *pass = task->pass;
    const int n = pass->n, group = s->product.group, groups = (n + group - 1) / group, rows = s->weight->rows;
    const size_t weights = (size_t)rows * (size_t)s->product.outputs;
    const int tile = by_sgemm(task) ? K_TILE : rows;
    float *parts = pass->net->gradient_parts;
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < s->parts; i++) {
        const int first = group * (groups * i / s->parts), end = group * (groups * (i + 1) / s->parts);
        float *gradient = parts + (size_t)i * weights;
        if (first == end) memset(gradient, 0, weights * sizeof *gradient);
        for (int k = 0; first < end && k < rows; k += tile) {
            weight_piece(task, (bso_part){n, first, at_most(end, n), k, at_most(k + tile, rows)},
                         gradient + (size_t)k * (size_t)s->product.outputs,
                         bso_scratch(pass->net, omp_get_thread_num()));
        }
    }
#pragma omp parallel for schedule(static)
    for (size_t first = 0; first < weights; first += BSO_TILE_ALIGN) {
        const size_t count = weights - first < BSO_TILE_ALIGN ? weights - first : BSO_TILE_ALIGN;
        for (int i = 1; i < s->parts; i++) {
            const float *part = parts + (size_t)i * weights;
            for (size_t j = first; j < first + count; j++) parts[j] += part[j];
        }
        bso_update_tile(pass, s->weight, first, count, parts + first);
    }
}

int bso_synapse_weight_gradient(bso_layer *l, const bso_pass *pass, const float *zeta, const float *x)
{
    const bso_synapse *s = l->own;
    weight_task task = {.s = s, .pass = pass, .zeta = zeta};
    task.operand = (bso_operand){.x = x, .bits = pass->net->operand_bits, .kind = BSO_OPERAND_SGEMM};
    if (s->packed && s->products) bso_operand_look(&task.operand, &s->product, x, pass->n);
    if (s->few_bits && !task.operand.ones && look_at_levels(l, pass, &task.operand)) return BSO_ERROR;
    bso_update_open(pass, s->weight);
    if (s->parts > 1) {
        weight_by_samples(&task);
    } else {
        weight_by_rows(&task);
    }
    return bso_update_close(pass, s->weight);
}

/* Errors in 8 bits meet the operand as levels, 0 to at most 255: sums of spikes over a pooling window, each
 * spike's trace a sum of powers of the leak. Where the leak is a power of 1/2, the levels are exact if there
 * are few enough. */
static void lay_grid(const bso_layer *l, const bso_network *net)
{
    bso_synapse *s = l->own;
    const double leak = (double)net->leak, pooled = (double)l->below->out.largest;
    double most = 1, unit = 1;
    int exponent;
    bool exact = true;
    if (net->estimator->trace && !net->estimator->through_time) {
        exact = leak == 0 || frexp(leak, &exponent) == 0.5;
        for (int t = 1; t < net->steps; t++) {
            most = 1 + leak * most;
            unit = leak > 0 ? unit / leak : unit;
        }
    }
    double grid = pooled * unit;
    if (!exact || !(most * grid <= 255)) {
        char text[160];
        grid = 255 / most;
        snprintf(text, sizeof text,
                 "error_bits=8: traces before %s (T = %d, leak = %g, sums of %.0f) have more than 255 "
                 "levels: they are rounded to the nearest",
                 l->name, net->steps, leak, pooled);
        bso_notice_warning(text);
    }
    s->grid = (float)grid;
    s->levels = (int)(most * grid + 0.5);
}

/* Buffers of the network that errors in 8 bits need. */
static void want_errors(const bso_layer *l, bso_network *net)
{
    const bso_synapse *s = l->own;
    const size_t sample = bso_errors_sample_bytes(&s->product, net->batch),
                 channel = bso_errors_channel_bytes(&s->product, net->batch),
                 outputs = (size_t)s->product.outputs, levels = l->below->out_size * (size_t)net->batch;
    if (net->error_sample_bytes < sample) net->error_sample_bytes = sample;
    if (net->error_channel_bytes < channel) net->error_channel_bytes = channel;
    if (net->error_outputs < outputs) net->error_outputs = outputs;
    if (net->operand_level_bytes < levels) net->operand_level_bytes = levels;
}

/* Scratch of a thread. */
static void want_weight_scratch(const bso_synapse *s, bso_network *net)
{
    const size_t pixels = (size_t)s->product.group * bso_synapse_area(s),
                 columns = (size_t)at_most(K_TILE, s->weight->rows);
    size_t gradient = gradient_room(s) * sizeof(float);
    const int most = s->parts > 1 ? s->weight->rows : s->share;
    if (s->few_bits)
        bso_network_want_scratch(net, gradient + bso_product_weight_i8_scratch(&s->product, most));
    bso_network_want_scratch(net, gradient + columns * pixels * sizeof(float));
    if (s->products && s->packed) {
        bso_network_want_scratch(net, gradient + bso_product_weight_scratch(&s->product, most));
    }
}

void bso_synapse_plan_weight(bso_layer *l, bso_network *net)
{
    bso_synapse *s = l->own;
    s->share = thread_rows(s, omp_get_max_threads());
    s->parts = parts_of(s, net);
    s->few_bits =
        net->error_bits == 8 && s->weight->bits && s->packed && s->products && bso_errors_fit(&s->product);
    if (s->few_bits) {
        lay_grid(l, net);
        want_errors(l, net);
    }
    want_weight_scratch(s, net);
}
