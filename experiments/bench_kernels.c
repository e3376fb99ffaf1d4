/* bench_kernels.c: the products of one-bit synapses beside sgemm of the same shape, on one thread. See
 * bench.h; the elementwise kernels are in bench_elementwise.c.
 *
 * It looks into core/ as nothing else outside does: kernels are not part of what a network shows. The shapes
 * are those of the networks' one-bit layers. Finding the patches is part of a product's time; im2col is not
 * part of sgemm's.
 */
#include "experiments/bench_parts.h"

#include "core/error.h"
#include "core/kernels.h"
#include "core/layer.h"
#include "core/random.h"

#include <cblas.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

enum { PIXELS = 2048, SHAPES = 64 };
static const double activity = 0.2; /* of neurons, in made-up input */

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
    int samples;
    size_t inputs, words, pixels; /* inputs of an output, their words; pixels of all samples */
    bso_signal in;
    uint64_t *weights;     /* [outputs][words] */
    float *out;            /* [outputs][pixels] */
    uint64_t *patches;     /* [words][pixels] */
    int32_t *ones, *sum;   /* [pixels], [outputs][pixels] */
    float *matrix[3];      /* left, right, result */
    int rows, cols, depth; /* of sgemm's result, and of its sums */
} scene;

/* ---- what is measured ---- */

static void forward(void *user)
{
    scene *s = user;
    const size_t outputs = (size_t)s->shape.outputs;
    memset(s->sum, 0, outputs * s->pixels * sizeof *s->sum);
    for (int plane = 0; plane < s->in.planes; plane++) {
        bso_bits_patches(&s->in, &s->shape.window, s->samples, 0, s->samples, plane, s->patches, s->pixels,
                         s->ones);
        bso_kernel->bits_multiply(s->sum, s->pixels, s->patches, s->pixels, s->pixels, s->weights, outputs,
                                  s->words, s->ones, 1 << plane);
    }
    for (size_t i = 0; i < outputs * s->pixels; i++) s->out[i] = (float)s->sum[i] * s->in.scale;
}

static void sgemm(void *user)
{
    scene *s = user;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, s->rows, s->cols, s->depth, 1, s->matrix[0],
                s->depth, s->matrix[1], s->cols, 0, s->matrix[2], s->cols);
}

/* Of what is read and written at least. */
static double spike_bytes(const scene *s)
{
    return (double)bso_signal_words(&s->in, s->samples) * sizeof(uint64_t);
}

static double weight_bytes(const scene *s)
{
    return (double)s->shape.outputs * (double)s->words * sizeof(uint64_t);
}

static double map_bytes(const scene *s)
{
    return (double)s->shape.outputs * (double)s->pixels * sizeof(float);
}

static void be_forward(const scene *s, int sizes[3], double *bytes)
{
    sizes[0] = s->shape.outputs;
    sizes[1] = (int)s->pixels;
    sizes[2] = (int)s->inputs;
    *bytes = spike_bytes(s) + weight_bytes(s) + map_bytes(s);
}

static const struct product {
    const char *name, *peak; /* which of the machine's peaks bounds it */
    bso_bench_run run;
    /* sgemm's rows, columns and depth, and the bytes that move. */
    void (*be)(const scene *s, int sizes[3], double *bytes);
} products[] = {
    {"forward", BSO_PEAK_COUNT, forward, be_forward},
};
enum { PRODUCTS = sizeof products / sizeof *products };

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
        const bso_bench_way way = {.batch = 1, .steps = 1, .threads = 1};
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

static uint32_t count_of(const scene *s, size_t position)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < s->shape.largest; k++)
        count += bso_random_uniform(1, BSO_RANDOM_TEST, k, position) < activity;
    return count;
}

static void fill_input(scene *s)
{
    const size_t pixels = (size_t)s->samples * (size_t)s->in.height * (size_t)s->in.width;
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < pixels; p++) {
        for (size_t c = 0; c < (size_t)s->in.channels; c++) {
            const uint64_t count = count_of(s, p * (size_t)s->in.channels + c);
            for (size_t plane = 0; plane < (size_t)s->in.planes; plane++) {
                s->in.bits[(plane * (size_t)s->in.words + c / 64) * pixels + p] |= (count >> plane & 1)
                                                                                   << c % 64;
            }
        }
    }
}

static void fill_weights(scene *s)
{
    for (size_t o = 0; o < (size_t)s->shape.outputs; o++) {
        for (size_t k = 0; k < s->inputs; k++) {
            const uint64_t bit = bso_random(2, BSO_RANDOM_TEST, (uint32_t)o, k).word[0] & 1;
            s->weights[o * s->words + k / 64] |= bit << k % 64;
        }
    }
}

static size_t largest_of(size_t a, size_t b, size_t c)
{
    const size_t most = a > b ? a : b;
    return most > c ? most : c;
}

static int make_scene(scene *s)
{
    static const char what[] = "a kernel's operands";
    const bso_window *w = &s->shape.window;
    const size_t outputs = (size_t)s->shape.outputs;
    const size_t matrix = largest_of(outputs * s->pixels, outputs * s->inputs, s->inputs * s->pixels);
    s->in = (bso_signal){.channels = w->channels,
                         .height = w->in_h,
                         .width = w->in_w,
                         .planes = s->shape.planes,
                         .words = (w->channels + 63) / 64,
                         .largest = s->shape.largest,
                         .scale = 1 / (float)s->shape.largest};
    s->in.bits = bso_alloc(BSO_MEM_WORKSPACE, bso_signal_words(&s->in, s->samples), sizeof *s->in.bits, what);
    s->weights = bso_alloc(BSO_MEM_WORKSPACE, outputs * s->words, sizeof *s->weights, what);
    s->out = bso_alloc(BSO_MEM_WORKSPACE, outputs * s->pixels, sizeof *s->out, what);
    s->patches = bso_alloc(BSO_MEM_WORKSPACE, s->words * s->pixels, sizeof *s->patches, what);
    s->ones = bso_alloc(BSO_MEM_WORKSPACE, s->pixels, sizeof *s->ones, what);
    s->sum = bso_alloc(BSO_MEM_WORKSPACE, outputs * s->pixels, sizeof *s->sum, what);
    for (int i = 0; i < 3; i++) s->matrix[i] = bso_alloc(BSO_MEM_WORKSPACE, matrix, sizeof *s->out, what);
    if (!s->in.bits || !s->weights || !s->out || !s->patches || !s->ones || !s->sum || !s->matrix[0] ||
        !s->matrix[1] || !s->matrix[2])
        return BSO_ERROR;
    fill_input(s);
    fill_weights(s);
    for (size_t i = 0; i < matrix; i++) s->matrix[0][i] = s->matrix[1][i] = (float)(i % 7) - 3;
    return 0;
}

static void unmake_scene(scene *s)
{
    bso_free(s->in.bits);
    bso_free(s->weights);
    bso_free(s->out);
    bso_free(s->patches);
    bso_free(s->ones);
    bso_free(s->sum);
    for (int i = 0; i < 3; i++) bso_free(s->matrix[i]);
}

/* ---- all of it ---- */

static int measure_product(bso_bench *b, scene *s, const struct product *p)
{
    char text[BSO_BENCH_TEXT];
    double bytes;
    int sizes[3];
    shape_text(&s->shape, text);
    p->be(s, sizes, &bytes);
    s->rows = sizes[0];
    s->cols = sizes[1];
    s->depth = sizes[2];
    bso_bench_entry *e = bso_bench_add(b, BSO_BENCH_KERNELS, p->name, text);
    if (!e) return BSO_ERROR;
    snprintf(e->detail, sizeof e->detail, "%s", p->peak);
    snprintf(e->unit, sizeof e->unit, "MAC");
    e->work = (double)s->rows * s->cols * s->depth;
    e->bytes = bytes;
    e->x = s->shape.macs;
    snprintf(e->variant, sizeof e->variant, "%s", s->shape.network);
    omp_set_num_threads(1);
    bso_bench_measure(b, e, p->run, sgemm, s);
    omp_set_num_threads(b->threads);
    return 0;
}

static int measure_shape(bso_bench *b, const shape *sh)
{
    const size_t area = (size_t)sh->window.out_h * (size_t)sh->window.out_w;
    scene s = {.shape = *sh, .samples = area < PIXELS ? (int)(PIXELS / area) : 1};
    s.inputs = (size_t)bso_window_inputs(&sh->window);
    s.words = (s.inputs + 63) / 64;
    s.pixels = (size_t)s.samples * area;
    const double macs = (double)sh->outputs * (double)s.inputs * (double)s.pixels;
    const double sample = macs > b->least * 3e10 ? macs : b->least * 3e10;
    int status = bso_bench_pass(b, BSO_BENCH_KERNELS, "products", 2 * sample * PRODUCTS * (b->samples + 2));
    if (status) return status;
    status = make_scene(&s);
    for (int i = 0; !status && i < PRODUCTS; i++) status = measure_product(b, &s, &products[i]);
    unmake_scene(&s);
    return status;
}

int bso_bench_kernels(bso_bench *b)
{
    shape shapes[SHAPES];
    const int n = list_shapes(b, shapes);
    int status = n < 0 ? n : 0;
    for (int i = 0; status >= 0 && i < n; i++) status = measure_shape(b, &shapes[i]);
    return status < 0 ? status : 0;
}
