/* synapse.c: convolution and linear layers: weights in one bit, latent or float.
 *
 * A linear layer is a convolution whose kernel is the whole map. One-bit weights (and latent ones, by their
 * signs) and spikes go through products.c; everything else is im2col and sgemm, and so is all of it where the
 * kernels in use have no products (BSO_KERNELS=sgemm). Work is cut into groups of samples, by the shape only,
 * each done by one thread in a fixed order: the same bits on any number of threads. The weight gradient is
 * synapse_weight.c.
 *
 * Every sgemm runs inside an active parallel region, where OpenBLAS keeps to one thread.
 */
#include "core/synapse.h"

#include "core/error.h"

#include <cblas.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

enum {
    WEIGHT_TILE = 16384, /* floats of one-bit weights expanded at a time by a thread: 64 KiB */
    MAX_OUTPUTS = WEIGHT_TILE
};

/* Rows of one-bit weights expanded at a time. */
static int expanded_rows(const bso_synapse *s)
{
    int rows = WEIGHT_TILE / s->product.outputs;
    return at_most(at_most(rows, K_TILE), s->weight->rows);
}

/* ---- forward ---- */

/* Counts that products.c does not take: signs, and sums of many spikes, plane by plane. */
static void forward_planes(const bso_layer *l, const bso_pass *pass, float *y, int first, int count,
                           void *scratch)
{
    const bso_synapse *s = l->own;
    const bso_signal *in = &l->below->out;
    const size_t stride = (size_t)s->product.group * bso_synapse_area(s),
                 total = (size_t)pass->n * bso_synapse_area(s);
    const size_t pixels = (size_t)count * bso_synapse_area(s), words = (size_t)s->weight->words;
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
        float *out = y + (size_t)o * total + (size_t)first * bso_synapse_area(s);
        const int32_t *row = sum + (size_t)o * stride;
        for (size_t p = 0; p < pixels; p++) out[p] = (float)row[p] * in->scale;
    }
}

static void forward_bits(bso_layer *l, const bso_pass *pass, float *y)
{
    const bso_synapse *s = l->own;
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
static const float *float_rows(const bso_synapse *s, int k, int tile, float *expanded)
{
    if (!s->weight->bits) return s->weight->real + (size_t)k * (size_t)s->product.outputs;
    bso_bits_expand_weights(s->weight->bits, s->product.outputs, s->weight->words, k, k + tile, expanded);
    return expanded;
}

/* x: the input as a float map. */
static void forward_float(bso_layer *l, const bso_pass *pass, const float *x, float *y)
{
    bso_synapse *s = l->own;
    int n = pass->n, rows = s->weight->rows, outputs = s->product.outputs;
    int tile_rows = s->weight->bits ? expanded_rows(s) : K_TILE;
    size_t stride = (size_t)s->product.group * bso_synapse_area(s), total = (size_t)n * bso_synapse_area(s);
#pragma omp parallel for schedule(dynamic)
    for (int first = 0; first < n; first += s->product.group) {
        int count = at_most(s->product.group, n - first);
        int pixels = (int)((size_t)count * bso_synapse_area(s));
        float *columns = bso_scratch(pass->net, omp_get_thread_num());
        float *expanded = columns + (size_t)tile_rows * stride;
        for (int k = 0; k < rows; k += tile_rows) {
            int tile = at_most(tile_rows, rows - k);
            bso_im2col(x, &s->product.window, n, first, count, k, k + tile, columns, stride);
            cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, outputs, pixels, tile, 1,
                        float_rows(s, k, tile, expanded), outputs, columns, (int)stride, k ? 1 : 0,
                        y + (size_t)first * bso_synapse_area(s), (int)total);
        }
        for (int o = 0; s->bias && o < outputs; o++) {
            float *out = y + (size_t)o * total + (size_t)first * bso_synapse_area(s);
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
    bso_synapse *s = l->own;
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

static void data_sgemm(const bso_synapse *s, const bso_pass *pass, const float *zeta, float *dx, int first,
                       int count, float *columns)
{
    int n = pass->n, outputs = s->product.outputs, rows = s->weight->rows, tile_rows = expanded_rows(s);
    size_t stride = (size_t)s->product.group * bso_synapse_area(s), total = (size_t)n * bso_synapse_area(s),
           pixels = (size_t)count * bso_synapse_area(s);
    size_t in_area = (size_t)s->product.window.in_h * (size_t)s->product.window.in_w;
    float *expanded = columns + (size_t)tile_rows * stride;
    for (int c = 0; c < s->product.window.channels; c++) {
        memset(dx + ((size_t)c * (size_t)n + (size_t)first) * in_area, 0,
               (size_t)count * in_area * sizeof *dx);
    }
    for (int k = 0; k < rows; k += tile_rows) {
        int tile = at_most(tile_rows, rows - k);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, tile, (int)pixels, outputs, 1,
                    float_rows(s, k, tile, expanded), outputs, zeta + (size_t)first * bso_synapse_area(s),
                    (int)total, 0, columns, (int)stride);
        bso_col2im_add(dx, &s->product.window, n, first, 0, pixels, k, k + tile, columns, stride);
    }
}

/* dx <- W^T zeta */
static void data_gradient(bso_layer *l, const bso_pass *pass, const float *zeta, float *dx)
{
    const bso_synapse *s = l->own;
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

static int bias_gradient(bso_layer *l, const bso_pass *pass, const float *zeta)
{
    bso_synapse *s = l->own;
    size_t total = (size_t)pass->n * bso_synapse_area(s);
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
    bso_synapse *s = l->own;
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
    int status = bso_synapse_weight_gradient(l, pass, zeta, operand);
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
    bso_synapse *s = l->own;
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
    const bso_synapse *s = l->own;
    *window = s->product.window;
    *outputs = s->product.outputs;
    *weight = s->weight;
    return true;
}

static void want_scratch(const bso_layer *l, bso_network *net)
{
    const bso_synapse *s = l->own;
    size_t pixels = (size_t)s->product.group * bso_synapse_area(s), rows = (size_t)s->weight->rows;
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
    bso_network_want_scratch(net, outputs * sizeof(float));
}

/* Input for the sums and the weight gradient: what is needed of the layer below. */
static int want_input(const bso_layer *l, bso_network *net)
{
    const bso_synapse *s = l->own;
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
    bso_synapse *s = bso_alloc(BSO_MEM_CONTROL, 1, sizeof *s, "a synapse");
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
    l->out_size = (size_t)outputs * bso_synapse_area(s);
    if ((uint64_t)net->batch * bso_synapse_area(s) > INT32_MAX) {
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
    if (net->training) bso_synapse_plan_weight(l, net);
    want_scratch(l, net);
    return want_input(l, net);
}
