/* synapse.c: convolution and linear layers: weights in one bit, latent or float.
 *
 * A linear layer is a convolution whose kernel is the whole map. One-bit weights (and latent ones, by their
 * signs) and spikes go through products.c; everything else is im2col and sgemm, and so is all of it where the
 * kernels in use have no products (BSO_KERNELS=sgemm). Work is cut into groups of samples and ranges of
 * inputs k, each done by one thread in a fixed order. Groups depend on the shape only; how many inputs a
 * thread takes changes no sum: the same bits on any number of threads.
 *
 * Every sgemm runs inside an active parallel region, where OpenBLAS keeps to one thread.
 */
#include "core/layer.h"
#include "core/products.h"

#include "core/error.h"
#include "core/notice.h"

#include <cblas.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

enum {
    K_TILE = 128,        /* inputs of a tile of the patch matrix */
    WEIGHT_TILE = 16384, /* floats of one-bit weights expanded at a time by a thread: 64 KiB */
    GRADIENT_TILE =
        65536, /* floats of a gradient that a thread works out before it hands them over: 256 KiB */
    SMALL_GRADIENT = 32768, /* float weights of a layer whose gradient is made of PARTS of the batch */
    PARTS = 8,
    MAX_OUTPUTS = WEIGHT_TILE
};

typedef struct {
    bso_param *weight, *bias; /* bias may be NULL */
    bso_product product;
    int share;     /* rows of the weights that a thread hands over at a time */
    int parts;     /* of the batch that the weight gradient of a small float layer is made of, else 1 */
    bool products; /* one-bit weights and spikes by products.c */
    bool packed;   /* the input is */
    bool few_bits; /* errors in 8 bits */
    float grid;    /* then: levels of the operand in the weight gradient, the value 1 is that many */
    int levels;    /* the largest */
} synapse;

static size_t area(const synapse *s)
{
    return (size_t)s->product.window.out_h * (size_t)s->product.window.out_w;
}

static int at_most(int n, int limit)
{
    return n < limit ? n : limit;
}

/* Rows of weights handed over at a time must make a multiple of BSO_TILE_ALIGN weights: so many rows do. */
static int aligned_rows(const synapse *s)
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
static int thread_rows(const synapse *s, int threads)
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
static int parts_of(const synapse *s, bso_network *net)
{
    const size_t weights = (size_t)s->weight->rows * (size_t)s->product.outputs;
    const int groups = (net->batch + s->product.group - 1) / s->product.group, parts = at_most(PARTS, groups);
    if (weights > SMALL_GRADIENT || s->weight->bits || parts == 1) return 1;
    if (net->gradient_part_floats < (size_t)parts * weights)
        net->gradient_part_floats = (size_t)parts * weights;
    return parts;
}

/* The same for sgemm, whose sums depend on the size of the matrix: by the shape alone. */
static int sgemm_rows(const synapse *s)
{
    const int align = aligned_rows(s);
    return (K_TILE + align - 1) / align * align;
}

/* Rows of one-bit weights expanded at a time. */
static int expanded_rows(const synapse *s)
{
    int rows = WEIGHT_TILE / s->product.outputs;
    return at_most(at_most(rows, K_TILE), s->weight->rows);
}

/* ---- forward ---- */

/* Counts that products.c does not take: signs, and sums of many spikes, plane by plane. */
static void forward_planes(const bso_layer *l, const bso_pass *pass, float *y, int first, int count,
                           void *scratch)
{
    const synapse *s = l->own;
    const bso_signal *in = &l->below->out;
    const size_t stride = (size_t)s->product.group * area(s), total = (size_t)pass->n * area(s);
    const size_t pixels = (size_t)count * area(s), words = (size_t)s->weight->words;
    uint64_t *patches = scratch;
    int32_t *ones = (int32_t *)(void *)(patches + words * stride), *sum = ones + stride;
    memset(sum, 0, (size_t)s->product.outputs * stride * sizeof *sum);
    /* Bipolar values are 2 count - largest, and padding is 0: the ones of plane -1 tell it apart. */
    for (int plane = in->bipolar ? -1 : 0; plane < in->planes; plane++) {
        int32_t factor = plane < 0 ? -(int32_t)in->largest : (int32_t)(in->bipolar ? 2 : 1) << plane;
        bso_bits_patches(in, &s->product.window, pass->n, first, count, plane, patches, stride, ones);
        bso_kernel->bits_multiply(sum, stride, patches, stride, pixels, s->weight->bits,
                                  (size_t)s->product.outputs, words, ones, factor);
    }
    for (int o = 0; o < s->product.outputs; o++) {
        float *out = y + (size_t)o * total + (size_t)first * area(s);
        const int32_t *row = sum + (size_t)o * stride;
        for (size_t p = 0; p < pixels; p++) out[p] = (float)row[p] * in->scale;
    }
}

static void forward_bits(bso_layer *l, const bso_pass *pass, float *y)
{
    const synapse *s = l->own;
    const bso_signal *in = &l->below->out;
    const bool fits = bso_product_forward_fits(&s->product, in);
#pragma omp parallel for schedule(dynamic)
    for (int first = 0; first < pass->n; first += s->product.group) {
        int count = at_most(s->product.group, pass->n - first);
        void *scratch = bso_scratch(pass->net, omp_get_thread_num());
        if (fits) {
            bso_product_forward(&s->product, y, in, pass->n, first, count, s->weight->bits, scratch);
        } else {
            forward_planes(l, pass, y, first, count, scratch);
        }
    }
}

/* Rows k .. k+tile-1 of the weights as floats: `expanded` where they are bits. */
static const float *float_rows(const synapse *s, int k, int tile, float *expanded)
{
    if (!s->weight->bits) return s->weight->real + (size_t)k * (size_t)s->product.outputs;
    bso_bits_expand_weights(s->weight->bits, s->product.outputs, s->weight->words, k, k + tile, expanded);
    return expanded;
}

/* x: the input as a float map. */
static void forward_float(bso_layer *l, const bso_pass *pass, const float *x, float *y)
{
    synapse *s = l->own;
    int n = pass->n, rows = s->weight->rows, outputs = s->product.outputs;
    int tile_rows = s->weight->bits ? expanded_rows(s) : K_TILE;
    size_t stride = (size_t)s->product.group * area(s), total = (size_t)n * area(s);
#pragma omp parallel for schedule(dynamic)
    for (int first = 0; first < n; first += s->product.group) {
        int count = at_most(s->product.group, n - first);
        int pixels = (int)((size_t)count * area(s));
        float *columns = bso_scratch(pass->net, omp_get_thread_num());
        float *expanded = columns + (size_t)tile_rows * stride;
        for (int k = 0; k < rows; k += tile_rows) {
            int tile = at_most(tile_rows, rows - k);
            bso_im2col(x, &s->product.window, n, first, count, k, k + tile, columns, stride);
            cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, outputs, pixels, tile, 1,
                        float_rows(s, k, tile, expanded), outputs, columns, (int)stride, k ? 1 : 0,
                        y + (size_t)first * area(s), (int)total);
        }
        for (int o = 0; s->bias && o < outputs; o++) {
            float *out = y + (size_t)o * total + (size_t)first * area(s);
            for (int p = 0; p < pixels; p++) out[p] += s->bias->real[o];
        }
    }
}

const float *bso_synapse_float_input(const bso_layer *l, const bso_pass *pass)
{
    return l->below ? bso_layer_map(l->below, pass->t) : pass->x;
}

/* Does the map of the step before hold for this one? The image stands still, and so do the weights. */
static bool is_still(const bso_layer *l, const bso_pass *pass)
{
    const bso_network *net = pass->net;
    return !l->below && pass->t > 0 && net->frames == 1 && l->map_slots == 1 &&
           (!pass->training || net->accumulated);
}

static void forward(bso_layer *l, const bso_pass *pass)
{
    synapse *s = l->own;
    if (is_still(l, pass)) return;
    float *y = bso_layer_map(l, pass->t);
    if (s->weight->bits && s->products) {
        forward_bits(l, pass, y);
    } else if (s->packed) {
        bso_bits_expand(&l->below->out, pass->n, pass->net->operand[0]);
        forward_float(l, pass, pass->net->operand[0], y);
    } else {
        forward_float(l, pass, bso_synapse_float_input(l, pass), y);
    }
}

/* ---- backward ---- */

static void data_sgemm(const synapse *s, const bso_pass *pass, const float *zeta, float *dx, int first,
                       int count, float *columns)
{
    int n = pass->n, outputs = s->product.outputs, rows = s->weight->rows, tile_rows = expanded_rows(s);
    size_t stride = (size_t)s->product.group * area(s), total = (size_t)n * area(s),
           pixels = (size_t)count * area(s);
    size_t in_area = (size_t)s->product.window.in_h * (size_t)s->product.window.in_w;
    float *expanded = columns + (size_t)tile_rows * stride;
    for (int c = 0; c < s->product.window.channels; c++) {
        memset(dx + ((size_t)c * (size_t)n + (size_t)first) * in_area, 0,
               (size_t)count * in_area * sizeof *dx);
    }
    for (int k = 0; k < rows; k += tile_rows) {
        int tile = at_most(tile_rows, rows - k);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, tile, (int)pixels, outputs, 1,
                    float_rows(s, k, tile, expanded), outputs, zeta + (size_t)first * area(s), (int)total, 0,
                    columns, (int)stride);
        bso_col2im_add(dx, &s->product.window, n, first, 0, pixels, k, k + tile, columns, stride);
    }
}

/* dx <- W^T zeta */
static void data_gradient(bso_layer *l, const bso_pass *pass, const float *zeta, float *dx)
{
    const synapse *s = l->own;
#pragma omp parallel for schedule(dynamic)
    for (int first = 0; first < pass->n; first += s->product.group) {
        int count = at_most(s->product.group, pass->n - first);
        void *scratch = bso_scratch(pass->net, omp_get_thread_num());
        if (s->few_bits) {
            bso_product_data_i8(&s->product, dx, &pass->net->errors, pass->n, first, count, s->weight->bits,
                                scratch);
        } else if (s->weight->bits && s->products) {
            bso_product_data(&s->product, dx, zeta, pass->n, first, count, s->weight->bits, scratch);
        } else {
            data_sgemm(s, pass, zeta, dx, first, count, scratch);
        }
    }
}

/* A piece of the weight gradient. */
static void weight_sgemm(const synapse *s, const float *zeta, const float *x, bso_part part, float *gradient,
                         float *columns)
{
    size_t stride = (size_t)s->product.group * area(s), total = (size_t)part.n * area(s);
    const int tile = part.k1 - part.k0;
    for (int first = part.first; first < part.last; first += s->product.group) {
        int count = at_most(s->product.group, part.last - first);
        bso_im2col(x, &s->product.window, part.n, first, count, part.k0, part.k1, columns, stride);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, tile, s->product.outputs,
                    (int)((size_t)count * area(s)), 1, columns, (int)stride, zeta + (size_t)first * area(s),
                    (int)total, first > part.first ? 1 : 0, gradient, s->product.outputs);
    }
}

/* Floats of the piece of gradient that a thread works on: whole lines of cache. */
static size_t gradient_room(const synapse *s)
{
    const size_t rows = (size_t)at_most(K_TILE, s->weight->rows), share = (size_t)s->share;
    return ((rows > share ? rows : share) * (size_t)s->product.outputs + 15) / 16 * 16;
}

static int look_at_levels(const bso_layer *l, const bso_pass *pass, bso_operand *operand)
{
    const synapse *s = l->own;
    operand->levels = pass->net->operand_levels;
    operand->grid = s->grid;
    operand->largest = s->levels;
    if (bso_operand_levels(operand, &s->product, pass->n) == 0) return 0;
    return bso_fail("error_bits=8: the traces before %s leave 0 .. %g; gradient=%s needs error_bits=32",
                    l->name, (double)(255 / s->grid), pass->net->estimator->name);
}

/* What the pieces of a weight gradient are worked out from. */
typedef struct {
    const synapse *s;
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
    const synapse *s = task->s;
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
    const synapse *s = task->s;
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
    const synapse *s = task->s;
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

/* Weight gradient, sum over samples and pixels of the operand x times zeta (docs/methods.md, 2). */
static int weight_gradient(bso_layer *l, const bso_pass *pass, const float *zeta, const float *x)
{
    const synapse *s = l->own;
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

static int bias_gradient(bso_layer *l, const bso_pass *pass, const float *zeta)
{
    synapse *s = l->own;
    size_t total = (size_t)pass->n * area(s);
    float *gradient = bso_scratch(pass->net, 0);
#pragma omp parallel for schedule(static)
    for (int o = 0; o < s->product.outputs; o++) {
        double sums[2];
        bso_kernel->norm_sums(sums, zeta + (size_t)o * total, total, 0);
        gradient[o] = (float)sums[0];
    }
    bso_update_open(pass, s->bias);
    bso_update_tile(pass, s->bias, 0, (size_t)s->product.outputs, gradient);
    return bso_update_close(pass, s->bias);
}

static int backward(bso_layer *l, const bso_pass *pass, bool wants_input)
{
    synapse *s = l->own;
    bso_network *net = pass->net;
    /* First the data gradient, by the weights before this step's update. */
    float *zeta = net->gradient[0];
    if (s->few_bits) {
        const bso_learner *learner = &net->learners[s->weight->ordinal];
        const uint64_t step = learner->update * (uint64_t)net->steps + (uint64_t)pass->t;
        bso_errors_round(&net->errors, &s->product, zeta, pass->n,
                         (bso_rounding){s->weight->seed, step, (uint32_t)s->weight->ordinal}, wants_input);
        bso_stage_end(net->stages, (int)(l - net->layer), BSO_STAGE_ERRORS);
    }
    if (wants_input) data_gradient(l, pass, zeta, net->gradient[1]);
    bso_stage_end(net->stages, (int)(l - net->layer), BSO_STAGE_DATA_GRADIENT);
    const float *operand =
        s->packed ? l->below->kind->operand(l->below, pass, 0) : bso_synapse_float_input(l, pass);
    int status = weight_gradient(l, pass, zeta, operand);
    if (!status && s->bias) status = bias_gradient(l, pass, zeta);
    if (wants_input) {
        net->gradient[0] = net->gradient[1];
        net->gradient[1] = zeta;
    }
    return status;
}

/* ---- life ---- */

static void synapse_free(bso_layer *l)
{
    synapse *s = l->own;
    if (s) bso_product_free(&s->product);
    bso_free(s);
}

static const bso_layer_kind synapse_kind = {
    .forward = forward,
    .backward = backward,
    .free = synapse_free,
    .forward_stage = BSO_STAGE_PRODUCTS,
    .backward_stage = BSO_STAGE_WEIGHT_GRADIENT,
};

bool bso_synapse_look(const bso_layer *l, bso_window *window, int *outputs, const bso_param **weight)
{
    if (l->kind != &synapse_kind) return false;
    const synapse *s = l->own;
    *window = s->product.window;
    *outputs = s->product.outputs;
    *weight = s->weight;
    return true;
}

static void want_scratch(const bso_layer *l, bso_network *net)
{
    const synapse *s = l->own;
    size_t pixels = (size_t)s->product.group * area(s), rows = (size_t)s->weight->rows;
    size_t outputs = (size_t)s->product.outputs, columns = rows < K_TILE ? rows : K_TILE;
    size_t expanded = (size_t)expanded_rows(s);
    bool products = s->products && s->weight->bits;
    if (products && bso_product_forward_fits(&s->product, &l->below->out)) {
        bso_network_want_scratch(net, bso_product_forward_scratch(&s->product, &l->below->out));
    } else if (products) {
        bso_network_want_scratch(net, (size_t)s->weight->words * pixels * sizeof(uint64_t) +
                                          (outputs + 1) * pixels * sizeof(int32_t));
    } else {
        bso_network_want_scratch(net, (s->weight->bits ? expanded * (pixels + outputs) : columns * pixels) *
                                          sizeof(float));
    }
    if (!net->training) return;
    if (products) {
        bso_network_want_scratch(net, bso_product_data_scratch(&s->product));
    } else {
        bso_network_want_scratch(net, expanded * (pixels + outputs) * sizeof(float));
    }
    size_t gradient = gradient_room(s) * sizeof(float);
    const int most = s->parts > 1 ? s->weight->rows : s->share;
    if (s->few_bits)
        bso_network_want_scratch(net, gradient + bso_product_weight_i8_scratch(&s->product, most));
    bso_network_want_scratch(net, gradient + columns * pixels * sizeof(float));
    if (s->products && s->packed) {
        bso_network_want_scratch(net, gradient + bso_product_weight_scratch(&s->product, most));
    }
    bso_network_want_scratch(net, outputs * sizeof(float));
}

/* Errors in 8 bits meet the operand as levels, 0 to at most 255: sums of spikes over a pooling window, each
 * spike's trace a sum of powers of the leak. Where the leak is a power of 1/2, the levels are exact if there
 * are few enough. */
static void lay_grid(const bso_layer *l, const bso_network *net)
{
    synapse *s = l->own;
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
                 "levels: they "
                 "are rounded to the nearest",
                 l->name, net->steps, leak, pooled);
        bso_notice_warning(text);
    }
    s->grid = (float)grid;
    s->levels = (int)(most * grid + 0.5);
}

/* Buffers of the network that errors in 8 bits need. */
static void want_errors(const bso_layer *l, bso_network *net)
{
    const synapse *s = l->own;
    const size_t sample = bso_errors_sample_bytes(&s->product, net->batch),
                 channel = bso_errors_channel_bytes(&s->product, net->batch),
                 outputs = (size_t)s->product.outputs, levels = l->below->out_size * (size_t)net->batch;
    if (net->error_sample_bytes < sample) net->error_sample_bytes = sample;
    if (net->error_channel_bytes < channel) net->error_channel_bytes = channel;
    if (net->error_outputs < outputs) net->error_outputs = outputs;
    if (net->operand_level_bytes < levels) net->operand_level_bytes = levels;
}

/* Input for the sums and the weight gradient: what is needed of the layer below. */
static int want_input(const bso_layer *l, bso_network *net)
{
    const synapse *s = l->own;
    bso_layer *below = l->below;
    if (!below) return 0;
    /* A current is what stands for itself in the weight gradient: it must be there in backward. */
    if (!s->packed) return bso_layer_keep_maps(below->holder, net, bso_network_slots(net));
    size_t *need = net->operand_need;
    if (!(s->weight->bits && s->products) && need[0] < below->out_size) need[0] = below->out_size;
    if (!net->training) return 0;
    below->kind->operand_need(below, 0, need);
    size_t words = (size_t)s->product.window.channels * bso_operand_words(&s->product, net->batch);
    if (s->products && net->operand_words < words) net->operand_words = words;
    return 0;
}

static bso_window window_over(const bso_synapse_spec *spec, int channels, int height, int width)
{
    int kernel = spec->kernel, pad = kernel / 2;
    return (bso_window){
        .channels = channels,
        .in_h = height,
        .in_w = width,
        .kernel_h = kernel ? kernel : height,
        .kernel_w = kernel ? kernel : width,
        .pad = pad,
        .stride = kernel ? spec->stride : 1,
        .out_h = kernel ? (height + 2 * pad - kernel) / spec->stride + 1 : 1,
        .out_w = kernel ? (width + 2 * pad - kernel) / spec->stride + 1 : 1,
    };
}

int bso_synapse_create(bso_layer *l, bso_network *net, bso_layer *below, const bso_synapse_spec *spec)
{
    const char *name = spec->name;
    int outputs = spec->outputs;
    bso_representation representation = spec->representation;
    synapse *s = bso_alloc(BSO_MEM_CONTROL, 1, sizeof *s, "a synapse");
    if (!s) return BSO_ERROR;
    *l = (bso_layer){.kind = &synapse_kind, .below = below, .holder = l, .own = s};
    snprintf(l->name, sizeof l->name, "%s", name);
    int channels = below ? below->out.channels : net->channels;
    int height = below ? below->out.height : net->height, width = below ? below->out.width : net->width;
    if (outputs > MAX_OUTPUTS)
        return bso_fail("network: %s has %d outputs; at most %d are supported", name, outputs, MAX_OUTPUTS);
    s->product.window = window_over(spec, channels, height, width);
    int64_t inputs = (int64_t)s->product.window.kernel_h * s->product.window.kernel_w * channels;
    if (inputs > (1 << 24))
        return bso_fail("network: %s has %lld inputs; at most %d are supported", name, (long long)inputs,
                        1 << 24);
    s->product.outputs = outputs;
    s->packed = below && below->out.bits;
    s->products = bso_kernel->products != NULL;
    l->out = (bso_signal){
        .channels = outputs, .height = s->product.window.out_h, .width = s->product.window.out_w};
    l->out_size = (size_t)outputs * area(s);
    if ((uint64_t)net->batch * area(s) > INT32_MAX) {
        return bso_fail("network: %s: batch=%d of %d x %d maps is too large; use a smaller batch", name,
                        net->batch, s->product.window.out_h, s->product.window.out_w);
    }
    if (below && representation != BSO_REP_FLOAT &&
        (uint64_t)below->out.largest * (uint64_t)inputs > INT32_MAX / (below->out.bipolar ? 3 : 1)) {
        return bso_fail("network: %s: sums over %lld inputs of up to %u do not fit; pool less", name,
                        (long long)inputs, below->out.largest);
    }
    s->weight = bso_network_add_param(net, name, "weight", representation, s->product.window.kernel_h,
                                      s->product.window.kernel_w, channels, outputs, false, spec->is_main);
    if (!s->weight) return BSO_ERROR;
    s->weight->convolution = spec->kernel > 0;
    s->weight->initial = spec->deviation;
    if (spec->has_bias) {
        s->bias = bso_network_add_param(net, name, "bias", BSO_REP_FLOAT, 1, 1, 1, outputs, true, false);
        if (!s->bias) return BSO_ERROR;
    }
    if (bso_layer_keep_maps(l, net, bso_network_slots(net))) return BSO_ERROR;
    const char *before = bso_mem_owner(name);
    const int status = bso_product_create(&s->product, &s->product.window, outputs, net->batch);
    bso_mem_owner(before);
    if (status) return BSO_ERROR;
    s->share = thread_rows(s, omp_get_max_threads());
    if (net->training) s->parts = parts_of(s, net);
    s->few_bits = net->training && net->error_bits == 8 && s->weight->bits && s->packed && s->products &&
                  bso_errors_fit(&s->product);
    if (s->few_bits) {
        lay_grid(l, net);
        want_errors(l, net);
    }
    want_scratch(l, net);
    return want_input(l, net);
}
