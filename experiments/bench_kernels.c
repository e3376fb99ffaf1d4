/* bench_kernels.c: the products of one-bit synapses beside sgemm of the same shape, on one thread. See
 * bench.h; the elementwise kernels are in bench_elementwise.c.
 *
 * For the weight gradient it matters how many inputs are active, and whether they are spikes or traces: few
 * and many spikes, and traces of few over two time steps. Where most are active and have many values the
 * program's own way is im2col and sgemm, and that is what is measured. Errors in 8 bits have been rounded
 * before; what that takes is in the stages of whole steps.
 *
 * It looks into core/ as nothing else outside does: kernels are not part of what a network shows. The shapes
 * are those of the networks' one-bit layers. Finding the patches is part of a product's time; im2col is not
 * part of sgemm's.
 */
#include "experiments/bench_parts.h"

#include "core/error.h"
#include "core/kernels.h"
#include "core/layer.h"
#include "core/products.h"
#include "core/random.h"

#include <cblas.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

enum {
    PIXELS = 2048,
    QUICK_PIXELS = 512,
    SHAPES = 64,
    GRADIENT = 65536, /* floats of a weight gradient that are worked out together, as in core/synapse.c */
    STEPS = 2         /* that a trace remembers */
};

/* A layer's synapse; input of counts up to `largest`. */
typedef struct {
    const char *network;
    double macs; /* of all layers of this shape, for an image */
    bso_window window;
    int outputs;
    uint32_t largest;
    int planes;
} shape;

/* A synapse on made-up input, and room for the same product by sgemm: result = left times right. */
typedef struct {
    shape shape;
    int samples, rows;            /* rows: of the weight gradient that are worked out together */
    size_t inputs, words, pixels; /* inputs of an output, their words; pixels of all samples */
    bso_product product;
    bso_signal in;       /* few neurons active */
    bso_errors rounded;  /* the errors in 8 bits */
    bso_operand operand; /* of the weight gradient */
    float *active[3];    /* what it looks at: few spikes, many spikes, traces; [channels][pixels below] */
    uint64_t *weights;   /* [outputs][words] */
    float *errors;       /* [outputs][pixels] */
    float *out;          /* [outputs][pixels], [channels][pixels below] or [rows][outputs] */
    void *scratch;
    float *matrix[3]; /* left, right, result */
    int sizes[3];     /* rows and columns of sgemm's result, length of its sums */
} scene;

/* ---- what is measured ---- */

static int at_most(int n, int limit)
{
    return n < limit ? n : limit;
}

static void forward(void *user)
{
    scene *s = user;
    for (int first = 0; first < s->samples; first += s->product.group) {
        bso_product_forward(&s->product, s->out, &s->in, s->samples, first,
                            at_most(s->product.group, s->samples - first), s->weights, s->scratch);
    }
}

static void data_gradient(void *user)
{
    scene *s = user;
    for (int first = 0; first < s->samples; first += s->product.group) {
        bso_product_data(&s->product, s->out, s->errors, s->samples, first,
                         at_most(s->product.group, s->samples - first), s->weights, s->scratch);
    }
}

/* As core/synapse.c does it: by what is active, finding out about which is part of it. */
static void weight_gradient(scene *s, int which)
{
    const float *x = s->active[which];
    const int all = (int)s->inputs;
    bso_operand_look(&s->operand, &s->product, x, s->samples);
    for (int k = 0; k < all; k += s->rows) {
        bso_product_weight(&s->product, s->out, &s->operand, s->errors,
                           (bso_part){s->samples, 0, s->samples, k, at_most(k + s->rows, all)}, s->scratch);
    }
}

static void data_i8(void *user)
{
    scene *s = user;
    for (int first = 0; first < s->samples; first += s->product.group) {
        bso_product_data_i8(&s->product, s->out, &s->rounded, s->samples, first,
                            at_most(s->product.group, s->samples - first), s->weights, s->scratch);
    }
}

static void weight_i8(scene *s, int which)
{
    const int all = (int)s->inputs;
    bso_operand_look(&s->operand, &s->product, s->active[which], s->samples);
    if (!s->operand.ones) bso_operand_levels(&s->operand, &s->product, s->samples);
    for (int k = 0; k < all; k += s->rows) {
        bso_product_weight_i8(&s->product, s->out, &s->operand, &s->rounded,
                              (bso_part){s->samples, 0, s->samples, k, at_most(k + s->rows, all)},
                              s->scratch);
    }
}

enum { FEW, MANY, TRACES };

static void weight_few(void *user)
{
    weight_gradient(user, FEW);
}

static void weight_many(void *user)
{
    weight_gradient(user, MANY);
}

static void weight_traces(void *user)
{
    weight_gradient(user, TRACES);
}

static void weight_few_i8(void *user)
{
    weight_i8(user, FEW);
}

static void weight_traces_i8(void *user)
{
    weight_i8(user, TRACES);
}

static void sgemm(void *user)
{
    scene *s = user;
    const int cols = s->sizes[1], depth = s->sizes[2];
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, s->sizes[0], cols, depth, 1, s->matrix[0], depth,
                s->matrix[1], cols, 0, s->matrix[2], cols);
}

/* What is read and written at least, in bytes. */
static double spike_bytes(const scene *s)
{
    return (double)bso_signal_words(&s->in, s->samples) * sizeof(uint64_t);
}

static double map_bytes(double channels, const scene *s, int height, int width)
{
    return channels * s->samples * height * width * (double)sizeof(float);
}

static const struct product {
    const char *name;
    enum { FORWARD, DATA, WEIGHT } kind;
    bool few_bits; /* errors in 8 bits */
    bso_bench_run run;
    int which; /* of the operands */
} products[] = {
    {"forward", FORWARD, false, forward, 0},
    {"data gradient", DATA, false, data_gradient, 0},
    {"weight gradient, few spikes", WEIGHT, false, weight_few, FEW},
    {"weight gradient, many spikes", WEIGHT, false, weight_many, MANY},
    {"weight gradient, traces", WEIGHT, false, weight_traces, TRACES},
    {"data gradient, 8-bit errors", DATA, true, data_i8, 0},
    {"weight gradient, spikes, 8-bit errors", WEIGHT, true, weight_few_i8, FEW},
    {"weight gradient, traces, 8-bit errors", WEIGHT, true, weight_traces_i8, TRACES},
};
enum { PRODUCTS = sizeof products / sizeof *products };
/* Shares of neurons that are active. */
static const double few = 0.15, many = 0.3;

/* ---- shapes ---- */

static bool same(const shape *a, const shape *b)
{
    return a->network == b->network && memcmp(&a->window, &b->window, sizeof a->window) == 0 &&
           a->outputs == b->outputs && a->largest == b->largest;
}

/* Those of a network's one-bit layers behind the first n. Returns how many there are then. */
static int add_shapes(const bso_network *net, const char *network, shape *shapes, int n)
{
    for (int i = 0; i < net->layers && n < SHAPES; i++) {
        const bso_param *weight;
        const bso_layer *l = &net->layer[i];
        shape *s = &shapes[n];
        *s = (shape){.network = network};
        if (!bso_synapse_look(l, &s->window, &s->outputs, &weight) || !weight->bits || !l->below) continue;
        s->largest = l->below->out.largest;
        s->planes = l->below->out.planes;
        int k = 0;
        while (k < n && !same(&shapes[k], s)) k++;
        n += k == n;
        shapes[k].macs +=
            (double)bso_window_inputs(&s->window) * s->outputs * s->window.out_h * s->window.out_w;
    }
    return n;
}

/* Shapes of all networks, which are planned only. Returns how many, or BSO_ERROR. */
static int list_shapes(const bso_bench *b, shape shapes[SHAPES])
{
    bso_bench_network networks[BSO_BENCH_NETWORKS];
    int n = 0, status = 0;
    const int count = bso_bench_networks(b, networks);
    for (int i = 0; !status && i < count; i++) {
        const bso_bench_way way = {.batch = 1, .steps = 1, .threads = 1, .kernels = b->file.kernel_path};
        bso_bench_trainee t;
        status = bso_bench_trainee_make(&t, &networks[i], &way, true);
        if (!status) n = add_shapes(t.net, networks[i].layers, shapes, n);
        bso_bench_trainee_free(&t);
    }
    return status ? status : n;
}

/* "128>256@16 3x3, pooled": channels in and out at the side of the output's map. */
static void shape_text(const shape *s, char text[BSO_BENCH_TEXT])
{
    const bso_window *w = &s->window;
    snprintf(text, BSO_BENCH_TEXT, "%d>%d@%d%s%s", w->channels, s->outputs, w->out_h,
             w->kernel_h == 3   ? ""
             : w->kernel_h == 1 ? ", 1x1"
                                : ", whole map",
             s->largest > 1 ? ", pooled" : "");
}

/* ---- made-up synapses ---- */

static size_t pixels_below(const scene *s)
{
    return (size_t)s->samples * (size_t)s->in.height * (size_t)s->in.width;
}

/* How many of a position's neurons are active at a time step. */
static uint32_t count_of(const scene *s, size_t position, uint32_t t, double activity)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < s->shape.largest; k++)
        count += bso_random_uniform(t, BSO_RANDOM_TEST, k, position) < activity;
    return count;
}

/* One position of the input: its bits, and what stands for it in the weight gradient. */
static void fill_position(scene *s, size_t c, size_t p)
{
    const size_t pixels = pixels_below(s), at = c * pixels + p;
    const uint64_t count = count_of(s, at, 1, few);
    for (size_t plane = 0; plane < (size_t)s->in.planes; plane++) {
        s->in.bits[(plane * (size_t)s->in.words + c / 64) * pixels + p] |= (count >> plane & 1) << c % 64;
    }
    s->active[FEW][at] = (float)count * s->in.scale;
    s->active[MANY][at] = (float)count_of(s, at, 1, many) * s->in.scale;
    for (uint32_t t = 1; t <= STEPS; t++)
        s->active[TRACES][at] = 0.5f * s->active[TRACES][at] + (float)count_of(s, at, t, few) * s->in.scale;
}

static void fill(scene *s, size_t matrix)
{
    const size_t pixels = pixels_below(s), channels = (size_t)s->in.channels;
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < pixels; p++) {
        for (size_t c = 0; c < channels; c++) fill_position(s, c, p);
    }
    for (size_t o = 0; o < (size_t)s->shape.outputs; o++) {
        for (size_t k = 0; k < s->inputs; k++) {
            const uint64_t bit = bso_random(1, BSO_RANDOM_TEST, (uint32_t)o, k).word[0] & 1;
            s->weights[o * s->words + k / 64] |= bit << k % 64;
        }
    }
    for (size_t i = 0; i < (size_t)s->shape.outputs * s->pixels; i++)
        s->errors[i] = (float)bso_random_normal(2, BSO_RANDOM_TEST, 0, i);
    for (size_t i = 0; i < matrix; i++) s->matrix[0][i] = s->matrix[1][i] = (float)(i % 7) - 3;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t scratch_bytes(const scene *s)
{
    const bso_product *p = &s->product;
    const size_t all[] = {bso_product_forward_scratch(p, &s->in), bso_product_data_scratch(p),
                          bso_product_weight_scratch(p, s->rows), bso_product_weight_i8_scratch(p, s->rows)};
    size_t most = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) most = larger(most, all[i]);
    return most;
}

static int make_scene(scene *s)
{
    const bso_window *w = &s->shape.window;
    const size_t outputs = (size_t)s->shape.outputs, errors = outputs * s->pixels;
    s->inputs = (size_t)bso_window_inputs(w);
    s->words = (s->inputs + 63) / 64;
    s->rows = at_most(s->shape.outputs < GRADIENT ? GRADIENT / s->shape.outputs : 1, (int)s->inputs);
    s->in = (bso_signal){.channels = w->channels,
                         .height = w->in_h,
                         .width = w->in_w,
                         .planes = s->shape.planes,
                         .words = (w->channels + 63) / 64,
                         .largest = s->shape.largest,
                         .scale = 1 / (float)s->shape.largest};
    if (bso_product_create(&s->product, w, s->shape.outputs, s->samples)) return BSO_ERROR;
    const size_t input = pixels_below(s) * (size_t)w->channels, gradient = (size_t)s->rows * outputs;
    const size_t matrix = larger(errors, larger(outputs * s->inputs, s->inputs * s->pixels));
    const size_t scratch = scratch_bytes(s);
    const struct {
        void *block; /* pointer to a pointer */
        size_t count, size;
    } blocks[] = {{&s->in.bits, bso_signal_words(&s->in, s->samples), sizeof(uint64_t)},
                  {&s->operand.bits, (size_t)w->channels * bso_operand_words(&s->product, s->samples),
                   sizeof(uint64_t)},
                  {&s->weights, outputs * s->words, sizeof(uint64_t)},
                  {&s->active[FEW], input, sizeof(float)},
                  {&s->active[MANY], input, sizeof(float)},
                  {&s->active[TRACES], input, sizeof(float)},
                  {&s->errors, errors, sizeof(float)},
                  {&s->rounded.by_sample, bso_errors_sample_bytes(&s->product, s->samples), 1},
                  {&s->rounded.by_channel, bso_errors_channel_bytes(&s->product, s->samples), 1},
                  {&s->rounded.sample_scale, (size_t)s->samples, sizeof(float)},
                  {&s->rounded.channel_scale, outputs, sizeof(float)},
                  {&s->operand.levels, input, 1},
                  {&s->out, larger(errors, larger(input, gradient)), sizeof(float)},
                  {&s->matrix[0], matrix, sizeof(float)},
                  {&s->matrix[1], matrix, sizeof(float)},
                  {&s->matrix[2], matrix, sizeof(float)},
                  {&s->scratch, scratch, 1}};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        void *block = bso_alloc(BSO_MEM_WORKSPACE, blocks[i].count, blocks[i].size, "a kernel's operands");
        if (!block) return BSO_ERROR;
        memcpy(blocks[i].block, &block, sizeof block);
    }
    fill(s, matrix);
    /* Levels of a trace of all steps: a spike of the first is the smallest. */
    s->operand.grid = (float)s->shape.largest * (1 << (STEPS - 1));
    s->operand.largest = (int)s->shape.largest * ((1 << STEPS) - 1);
    if (bso_errors_fit(&s->product))
        bso_errors_round(&s->rounded, &s->product, s->errors, s->samples, (bso_rounding){1, 0, 0}, true);
    return 0;
}

static void unmake_scene(scene *s)
{
    bso_product_free(&s->product);
    bso_free(s->in.bits);
    bso_free(s->operand.bits);
    bso_free(s->weights);
    for (int i = 0; i < 3; i++) bso_free(s->active[i]);
    bso_free(s->errors);
    bso_free(s->rounded.by_sample);
    bso_free(s->rounded.by_channel);
    bso_free(s->rounded.sample_scale);
    bso_free(s->rounded.channel_scale);
    bso_free(s->operand.levels);
    bso_free(s->out);
    for (int i = 0; i < 3; i++) bso_free(s->matrix[i]);
    bso_free(s->scratch);
}

/* ---- all of it ---- */

/* Which of the machine's peaks bounds a product. Gathering passes over what is 0: no peak is its bound. */
static const char *peak_of(scene *s, const struct product *p)
{
    if (p->kind == FORWARD) return BSO_PEAK_LOOK_UP_BYTES;
    if (p->kind == DATA) return p->few_bits ? BSO_PEAK_LOOK_UP_SHORT : BSO_PEAK_LOOK_UP;
    bso_operand_look(&s->operand, &s->product, s->active[p->which], s->samples);
    if (p->few_bits) return s->operand.ones ? BSO_PEAK_LOOK_UP_SHORT : BSO_PEAK_BYTES;
    return s->operand.kind == BSO_OPERAND_LOOKUP ? BSO_PEAK_LOOK_UP : "";
}

static double bytes_of(const scene *s, const struct product *p)
{
    const bso_window *w = &s->shape.window;
    const double weights = (double)s->shape.outputs * (double)s->inputs;
    const double below = map_bytes(w->channels, s, w->in_h, w->in_w);
    const double above = map_bytes(s->shape.outputs, s, w->out_h, w->out_w) / (p->few_bits ? 4 : 1);
    if (p->kind == FORWARD) return spike_bytes(s) + weights / 8 + above;
    if (p->kind == DATA) return above + weights / 8 + below;
    return above + below + weights * (double)sizeof(float);
}

/* Rows and columns of sgemm's result, length of its sums. */
static void size_sgemm(scene *s, const struct product *p)
{
    const int outputs = s->shape.outputs, pixels = (int)s->pixels, inputs = (int)s->inputs;
    const int sizes[][3] = {[FORWARD] = {outputs, pixels, inputs},
                            [DATA] = {inputs, pixels, outputs},
                            [WEIGHT] = {inputs, outputs, pixels}};
    memcpy(s->sizes, sizes[p->kind], sizeof s->sizes);
}

static int measure_product(bso_bench *b, scene *s, const struct product *p)
{
    char text[BSO_BENCH_TEXT];
    if (p->few_bits && !bso_errors_fit(&s->product)) return 0;
    const char *peak = peak_of(s, p);
    shape_text(&s->shape, text);
    size_sgemm(s, p);
    bso_bench_entry *e = bso_bench_add(b, BSO_BENCH_KERNELS, p->name, text);
    if (!e) return BSO_ERROR;
    snprintf(e->detail, sizeof e->detail, "%s", peak);
    snprintf(e->unit, sizeof e->unit, "MAC");
    snprintf(e->variant, sizeof e->variant, "%s", s->shape.network);
    e->work = (double)s->shape.outputs * (double)s->pixels * (double)s->inputs;
    e->bytes = bytes_of(s, p);
    e->x = s->shape.macs;
    bso_bench_measure(b, e, p->run, sgemm, s);
    return 0;
}

static int measure_shape(bso_bench *b, const shape *sh)
{
    const size_t area = (size_t)sh->window.out_h * (size_t)sh->window.out_w;
    const size_t pixels = b->quick ? QUICK_PIXELS : PIXELS;
    scene s = {.shape = *sh, .samples = area < pixels ? (int)(pixels / area) : 1};
    s.pixels = (size_t)s.samples * area;
    const double macs = (double)sh->outputs * bso_window_inputs(&sh->window) * (double)s.pixels;
    const double sample = macs > b->least * 3e10 ? macs : b->least * 3e10;
    int status = bso_bench_pass(b, BSO_BENCH_KERNELS, "products", 2 * sample * PRODUCTS * (b->samples + 2));
    if (status) return status;
    status = make_scene(&s);
    omp_set_num_threads(1);
    for (int i = 0; !status && i < PRODUCTS; i++) status = measure_product(b, &s, &products[i]);
    omp_set_num_threads(b->threads);
    unmake_scene(&s);
    return status;
}

int bso_bench_kernels(bso_bench *b)
{
    shape shapes[SHAPES];
    const int n = list_shapes(b, shapes);
    int status = n < 0 ? n : bso_kernels_use(b->file.kernel_path);
    /* A path without products has nothing to measure here. */
    for (int i = 0; status >= 0 && bso_kernel->products && i < n; i++) status = measure_shape(b, &shapes[i]);
    return status < 0 ? status : 0;
}
