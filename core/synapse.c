/* synapse.c: convolution and linear layers: weights in one bit, latent or float.
 *
 * A linear layer is a convolution whose kernel is the whole map. One-bit weights (and latent ones, by their
 * signs) meet packed spikes through the popcount kernel; everything else is im2col and sgemm. Work is cut
 * into groups of samples and ranges of inputs k whose sizes depend on the shape only, and each piece is done
 * by one thread in a fixed order: the same bits on any number of threads.
 *
 * Every sgemm runs inside an active parallel region, where OpenBLAS keeps to one thread.
 */
#include "core/layer.h"

#include "core/error.h"

#include <cblas.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

enum {
    GROUP_PIXELS = 512,  /* pixels of a group, where one sample has fewer */
    K_TILE = 128,        /* inputs of a tile of the patch matrix */
    WEIGHT_TILE = 16384, /* floats of one-bit weights expanded at a time by a thread: 64 KiB */
    MAX_OUTPUTS = WEIGHT_TILE
};

typedef struct {
    bso_param *weight, *bias; /* bias may be NULL */
    bso_window window;
    int outputs;
} synapse;

static size_t area(const synapse *s)
{
    return (size_t)s->window.out_h * (size_t)s->window.out_w;
}

static int at_most(int n, int limit)
{
    return n < limit ? n : limit;
}

/* Samples of a group: a function of the shape alone. */
static int group_samples(const synapse *s, int batch)
{
    int samples = (int)(GROUP_PIXELS / area(s));
    samples = samples < 1 ? 1 : samples;
    return at_most(samples, batch);
}

/* Rows of the weights that one thread hands over, tile by tile: their number of weights is a multiple of
 * BSO_TILE_ALIGN. */
static int thread_rows(const synapse *s)
{
    int a = s->outputs, b = BSO_TILE_ALIGN;
    while (b) {
        int r = a % b;
        a = b;
        b = r;
    }
    int align = BSO_TILE_ALIGN / a;
    return (K_TILE + align - 1) / align * align;
}

/* Rows of weights expanded at a time in the data gradient. */
static int data_rows(const synapse *s)
{
    int rows = WEIGHT_TILE / s->outputs;
    return at_most(at_most(rows, K_TILE), s->weight->rows);
}

/* ---- forward ---- */

static void forward_bits(bso_layer *l, const bso_pass *pass, float *y)
{
    synapse *s = l->own;
    const bso_signal *in = &l->below->out;
    int n = pass->n, group = group_samples(s, pass->net->batch), outputs = s->outputs;
    size_t stride = (size_t)group * area(s), total = (size_t)n * area(s);
    size_t words = (size_t)s->weight->words;
#pragma omp parallel for schedule(dynamic)
    for (int first = 0; first < n; first += group) {
        int count = at_most(group, n - first);
        size_t pixels = (size_t)count * area(s);
        uint64_t *patches = bso_scratch(pass->net, omp_get_thread_num());
        int32_t *ones = (int32_t *)(void *)(patches + words * stride), *sum = ones + stride;
        memset(sum, 0, (size_t)outputs * stride * sizeof *sum);
        /* Bipolar values are 2 count - largest, and padding is 0: the ones of plane -1 tell it apart. */
        for (int plane = in->bipolar ? -1 : 0; plane < in->planes; plane++) {
            int32_t factor = plane < 0 ? -(int32_t)in->largest : (int32_t)(in->bipolar ? 2 : 1) << plane;
            bso_bits_patches(in, &s->window, n, first, count, plane, patches, stride, ones);
            bso_kernel->bits_multiply(sum, stride, patches, stride, pixels, s->weight->bits, (size_t)outputs,
                                      words, ones, factor);
        }
        for (int o = 0; o < outputs; o++) {
            float *out = y + (size_t)o * total + (size_t)first * area(s);
            const int32_t *row = sum + (size_t)o * stride;
            for (size_t p = 0; p < pixels; p++) out[p] = (float)row[p] * in->scale;
        }
    }
}

/* x: the input as a float map. */
static void forward_float(bso_layer *l, const bso_pass *pass, const float *x, float *y)
{
    synapse *s = l->own;
    int n = pass->n, group = group_samples(s, pass->net->batch), rows = s->weight->rows, outputs = s->outputs;
    size_t stride = (size_t)group * area(s), total = (size_t)n * area(s);
#pragma omp parallel for schedule(dynamic)
    for (int first = 0; first < n; first += group) {
        int count = at_most(group, n - first);
        int pixels = (int)((size_t)count * area(s));
        float *columns = bso_scratch(pass->net, omp_get_thread_num());
        for (int k = 0; k < rows; k += K_TILE) {
            int tile = at_most(K_TILE, rows - k);
            bso_im2col(x, &s->window, n, first, count, k, k + tile, columns, stride);
            cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, outputs, pixels, tile, 1,
                        s->weight->real + (size_t)k * (size_t)outputs, outputs, columns, (int)stride,
                        k ? 1 : 0, y + (size_t)first * area(s), (int)total);
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

static void forward(bso_layer *l, const bso_pass *pass)
{
    synapse *s = l->own;
    float *y = bso_layer_map(l, pass->t);
    if (s->weight->bits) {
        forward_bits(l, pass, y);
    } else if (l->below && l->below->out.bits) {
        bso_bits_expand(&l->below->out, pass->n, pass->net->operand[0]);
        forward_float(l, pass, pass->net->operand[0], y);
    } else {
        forward_float(l, pass, bso_synapse_float_input(l, pass), y);
    }
}

/* ---- backward ---- */

/* dx <- W^T zeta. One-bit weights are expanded a tile at a time. */
static void data_gradient(bso_layer *l, const bso_pass *pass, const float *zeta, float *dx)
{
    synapse *s = l->own;
    int n = pass->n, group = group_samples(s, pass->net->batch), rows = s->weight->rows, outputs = s->outputs;
    int tile_rows = data_rows(s);
    size_t stride = (size_t)group * area(s), total = (size_t)n * area(s);
    size_t in_area = (size_t)s->window.in_h * (size_t)s->window.in_w;
#pragma omp parallel for schedule(dynamic)
    for (int first = 0; first < n; first += group) {
        int count = at_most(group, n - first);
        int pixels = (int)((size_t)count * area(s));
        float *columns = bso_scratch(pass->net, omp_get_thread_num());
        float *expanded = columns + (size_t)tile_rows * stride;
        for (int c = 0; c < s->window.channels; c++) {
            memset(dx + ((size_t)c * (size_t)n + (size_t)first) * in_area, 0,
                   (size_t)count * in_area * sizeof *dx);
        }
        for (int k = 0; k < rows; k += tile_rows) {
            int tile = at_most(tile_rows, rows - k);
            const float *w = expanded;
            if (s->weight->bits) {
                bso_bits_expand_weights(s->weight->bits, outputs, s->weight->words, k, k + tile, expanded);
            } else {
                w = s->weight->real + (size_t)k * (size_t)outputs;
            }
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, tile, pixels, outputs, 1, w, outputs,
                        zeta + (size_t)first * area(s), (int)total, 0, columns, (int)stride);
            bso_col2im_add(dx, &s->window, n, first, count, k, k + tile, columns, stride);
        }
    }
}

/* Weight gradient, sum over samples and pixels of operand times zeta (docs/methods.md, 2), in tiles of whole
 * input rows straight to the learner: no buffer of a layer's size exists. */
static int weight_gradient(bso_layer *l, const bso_pass *pass, const float *zeta, const float *operand)
{
    synapse *s = l->own;
    int n = pass->n, group = group_samples(s, pass->net->batch), rows = s->weight->rows, outputs = s->outputs;
    int share = thread_rows(s), tile_rows = at_most(K_TILE, rows);
    size_t stride = (size_t)group * area(s), total = (size_t)n * area(s);
    bso_update_open(pass, s->weight);
#pragma omp parallel for schedule(dynamic)
    for (int begin = 0; begin < rows; begin += share) {
        float *columns = bso_scratch(pass->net, omp_get_thread_num());
        float *gradient = columns + (size_t)tile_rows * stride;
        int end = at_most(begin + share, rows);
        for (int k = begin; k < end; k += tile_rows) {
            int tile = at_most(tile_rows, end - k);
            for (int first = 0; first < n; first += group) {
                int count = at_most(group, n - first);
                bso_im2col(operand, &s->window, n, first, count, k, k + tile, columns, stride);
                cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, tile, outputs,
                            (int)((size_t)count * area(s)), 1, columns, (int)stride,
                            zeta + (size_t)first * area(s), (int)total, first ? 1 : 0, gradient, outputs);
            }
            bso_update_tile(pass, s->weight, (size_t)k * (size_t)outputs, (size_t)tile * (size_t)outputs,
                            gradient);
        }
    }
    return bso_update_close(pass, s->weight);
}

static int bias_gradient(bso_layer *l, const bso_pass *pass, const float *zeta)
{
    synapse *s = l->own;
    size_t total = (size_t)pass->n * area(s);
    float *gradient = bso_scratch(pass->net, 0);
#pragma omp parallel for schedule(static)
    for (int o = 0; o < s->outputs; o++) {
        double sums[2];
        bso_kernel->norm_sums(sums, zeta + (size_t)o * total, total, 0);
        gradient[o] = (float)sums[0];
    }
    bso_update_open(pass, s->bias);
    bso_update_tile(pass, s->bias, 0, (size_t)s->outputs, gradient);
    return bso_update_close(pass, s->bias);
}

static int backward(bso_layer *l, const bso_pass *pass, bool wants_input)
{
    synapse *s = l->own;
    bso_network *net = pass->net;
    /* First the data gradient, by the weights before this step's update. */
    float *zeta = net->gradient[0];
    if (wants_input) data_gradient(l, pass, zeta, net->gradient[1]);
    bso_stage_end(net->stages, (int)(l - net->layer), BSO_STAGE_DATA_GRADIENT);
    bool packed = l->below && l->below->out.bits;
    const float *operand =
        packed ? l->below->kind->operand(l->below, pass, 0) : bso_synapse_float_input(l, pass);
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
    bso_free(l->own);
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
    *window = s->window;
    *outputs = s->outputs;
    *weight = s->weight;
    return true;
}

static void want_scratch(const bso_layer *l, bso_network *net)
{
    const synapse *s = l->own;
    size_t pixels = (size_t)group_samples(s, net->batch) * area(s), rows = (size_t)s->weight->rows;
    size_t outputs = (size_t)s->outputs, columns = rows < K_TILE ? rows : K_TILE;
    if (s->weight->bits) {
        bso_network_want_scratch(net, (size_t)s->weight->words * pixels * sizeof(uint64_t) +
                                          (outputs + 1) * pixels * sizeof(int32_t));
    } else {
        bso_network_want_scratch(net, columns * pixels * sizeof(float));
    }
    if (!net->training) return;
    size_t expanded = (size_t)data_rows(s);
    bso_network_want_scratch(net, columns * (pixels + outputs) * sizeof(float));
    bso_network_want_scratch(net, expanded * (pixels + outputs) * sizeof(float));
    bso_network_want_scratch(net, outputs * sizeof(float));
}

/* Input for the sums and the weight gradient: what is needed of the layer below. */
static int want_input(bso_layer *below, bso_network *net, bso_representation representation)
{
    if (!below) return 0;
    /* A current is what stands for itself in the weight gradient: it must be there in backward. */
    if (!below->out.bits) return bso_layer_keep_maps(below->holder, net, bso_network_slots(net));
    size_t *need = net->operand_need;
    if (representation == BSO_REP_FLOAT && need[0] < below->out_size) need[0] = below->out_size;
    if (net->training) below->kind->operand_need(below, 0, need);
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
    s->window = window_over(spec, channels, height, width);
    int64_t inputs = (int64_t)s->window.kernel_h * s->window.kernel_w * channels;
    if (inputs > (1 << 24))
        return bso_fail("network: %s has %lld inputs; at most %d are supported", name, (long long)inputs,
                        1 << 24);
    s->outputs = outputs;
    l->out = (bso_signal){.channels = outputs, .height = s->window.out_h, .width = s->window.out_w};
    l->out_size = (size_t)outputs * area(s);
    if ((uint64_t)net->batch * area(s) > INT32_MAX) {
        return bso_fail("network: %s: batch=%d of %d x %d maps is too large; use a smaller batch", name,
                        net->batch, s->window.out_h, s->window.out_w);
    }
    if (below && representation != BSO_REP_FLOAT &&
        (uint64_t)below->out.largest * (uint64_t)inputs > INT32_MAX / (below->out.bipolar ? 3 : 1)) {
        return bso_fail("network: %s: sums over %lld inputs of up to %u do not fit; pool less", name,
                        (long long)inputs, below->out.largest);
    }
    s->weight = bso_network_add_param(net, name, "weight", representation, s->window.kernel_h,
                                      s->window.kernel_w, channels, outputs, false, spec->is_main);
    if (!s->weight) return BSO_ERROR;
    s->weight->convolution = spec->kernel > 0;
    s->weight->initial = spec->deviation;
    if (spec->has_bias) {
        s->bias = bso_network_add_param(net, name, "bias", BSO_REP_FLOAT, 1, 1, 1, outputs, true, false);
        if (!s->bias) return BSO_ERROR;
    }
    if (bso_layer_keep_maps(l, net, bso_network_slots(net))) return BSO_ERROR;
    want_scratch(l, net);
    return want_input(below, net, representation);
}
