/* products.c: the three products of a one-bit synapse out of the kernels. See products.h. */
#include "core/product_parts.h"

#include "core/error.h"
#include "core/memory.h"

#include <string.h>

enum {
    GROUP_PIXELS = 512,                                     /* of a group, where one sample has fewer */
    FLOATS = BSO_ROW / (int)sizeof(float),                  /* lanes of a whole row */
    DATA_INPUTS = 4 * BSO_TABLES / (BSO_PATTERNS * BSO_ROW) /* of a data gradient, looked up together */
};

/* A place to measure scratch from. */
static char nowhere[64];

static int group_of(const bso_window *window, int batch)
{
    const size_t area = area_of(window);
    const int most = at_most(batch, area < GROUP_PIXELS ? (int)(GROUP_PIXELS / area) : 1);
    int best = 1;
    double filled = 0;
    for (int samples = 1; samples <= most; samples++) {
        const size_t pixels = (size_t)samples * area;
        const double share = (double)pixels / (double)round_up(pixels, FLOATS);
        if (share >= filled) {
            filled = share;
            best = samples;
        }
    }
    return best;
}

static int taps_of(const bso_window *w)
{
    return w->kernel_h * w->kernel_w;
}

static void lay_inside(const bso_product *product)
{
    const bso_window *w = &product->window;
    for (int tap = 0; tap < taps_of(w); tap++) {
        uint8_t *inside = product->inside + (size_t)tap * product->lanes;
        uint64_t *bits = product->inside_bits + (size_t)tap * (product->lanes / 64);
        const int dy = tap / w->kernel_w - w->pad, dx = tap % w->kernel_w - w->pad;
        for (size_t p = 0; p < (size_t)product->group * area_of(w); p++) {
            const int x = (int)(p % (size_t)w->out_w) + dx,
                      y = (int)(p / (size_t)w->out_w % (size_t)w->out_h) + dy;
            if (x < 0 || x >= w->in_w || y < 0 || y >= w->in_h) continue;
            inside[p] = UINT8_MAX;
            bits[p / 64] |= (uint64_t)1 << p % 64;
        }
    }
}

int bso_product_create(bso_product *product, const bso_window *window, int outputs, int batch)
{
    *product = (bso_product){.window = *window, .outputs = outputs, .group = group_of(window, batch)};
    product->moved = window->stride == 1 && window->in_h == window->out_h && window->in_w == window->out_w;
    product->lanes = round_up((size_t)product->group * area_of(window), BLOCK_PIXELS);
    if (!product->moved) return 0;
    const size_t all = (size_t)taps_of(window) * product->lanes;
    product->inside = bso_alloc(BSO_MEM_WORKSPACE, all, sizeof *product->inside, "patch masks");
    product->inside_bits =
        bso_alloc(BSO_MEM_WORKSPACE, all / 64, sizeof *product->inside_bits, "patch masks");
    if (!product->inside || !product->inside_bits) return BSO_ERROR;
    if (!bso_mem_planning()) lay_inside(product);
    return 0;
}

void bso_product_free(bso_product *product)
{
    bso_free(product->inside);
    bso_free(product->inside_bits);
}

/* ---- forward ---- */

bool bso_product_forward_fits(const bso_product *product, const bso_signal *in)
{
    return in->bits && !in->bipolar && in->largest <= 63 &&
           (uint64_t)in->largest * (uint64_t)bso_window_inputs(&product->window) <= UINT16_MAX;
}

/* What one group's forward product needs. */
typedef struct {
    uint64_t *patches;        /* [planes][words][stride] */
    int32_t *ones;            /* [stride] the patch's sum */
    int32_t *plane;           /* [stride] */
    uint8_t *tables, *narrow; /* narrow: [outputs][BSO_ROW] */
    uint16_t *wide;           /* [outputs][BSO_ROW] */
    size_t stride, words;
} forward_scratch;

static size_t lay_out_forward(forward_scratch *f, const bso_product *product, const bso_signal *in,
                              void *scratch)
{
    char *at = scratch;
    const size_t outputs = (size_t)product->outputs;
    f->stride = product->lanes;
    f->words = words_of(&product->window);
    f->patches = piece(&at, (size_t)in->planes * f->words * f->stride * sizeof *f->patches);
    f->ones = piece(&at, f->stride * sizeof *f->ones);
    f->plane = piece(&at, f->stride * sizeof *f->plane);
    f->tables = piece(&at, BSO_TABLES);
    f->narrow = piece(&at, outputs * BSO_ROW);
    f->wide = piece(&at, outputs * BSO_ROW * sizeof *f->wide);
    return (size_t)(at - (char *)scratch);
}

size_t bso_product_forward_scratch(const bso_product *product, const bso_signal *in)
{
    forward_scratch f;
    return lay_out_forward(&f, product, in, nowhere);
}

/* A row of pixels, all outputs. */
static void forward_row(const forward_scratch *f, const bso_signal *in, int inputs, const uint64_t *weights,
                        int outputs, size_t p0, int row)
{
    const bso_product_kernels *kernel = bso_kernel->products;
    /* As many groups at a time as sum up within a byte, in powers of two, so that they lie in one word. */
    const int fit = 255 / (4 * (int)in->largest);
    int groups = kernel->groups;
    while (groups > fit) groups /= 2;
    const size_t rows = (size_t)outputs, sums = rows * (size_t)row;
    memset(f->narrow, 0, sums);
    memset(f->wide, 0, sums * sizeof *f->wide);
    int held = 0; /* groups in the bytes */
    for (int k = 0; k < inputs; k += 4 * groups) {
        const int here = at_most(groups, (inputs - k + 3) / 4);
        const size_t word = (size_t)k / 64;
        kernel->tables_u8(f->tables, row, f->patches + word * f->stride + p0, f->words * f->stride,
                          in->planes, k % 64, here);
        if (held + here > fit) {
            kernel->widen_u8(f->wide, f->narrow, sums);
            held = 0;
        }
        kernel->lookup_u8(f->narrow, (size_t)row, rows, row, f->tables, here,
                          (bso_patterns){weights + word, f->words, k % 64});
        held += here;
    }
    kernel->widen_u8(f->wide, f->narrow, sums);
}

void bso_product_forward(const bso_product *product, float *y, const bso_signal *in, int n, int first,
                         int count, const uint64_t *weights, void *scratch)
{
    const bso_window *window = &product->window;
    const size_t area = area_of(window), pixels = (size_t)count * area, total = (size_t)n * area;
    forward_scratch f;
    lay_out_forward(&f, product, in, scratch);
    memset(f.ones, 0, f.stride * sizeof *f.ones);
    for (int b = 0; b < in->planes; b++) {
        bso_bits_patches(in, window, n, first, count, b, f.patches + (size_t)b * f.words * f.stride, f.stride,
                         f.plane);
        for (size_t p = 0; p < pixels; p++) f.ones[p] += f.plane[p] << b;
    }
    for (size_t p0 = 0; p0 < pixels;) {
        const int row = lookup_row(pixels - p0, 1);
        const size_t here = pixels - p0 < (size_t)row ? pixels - p0 : (size_t)row;
        forward_row(&f, in, bso_window_inputs(window), weights, product->outputs, p0, row);
        for (int o = 0; o < product->outputs; o++) {
            bso_kernel->products->finish_forward(y + (size_t)o * total + (size_t)first * area + p0,
                                                 f.wide + (size_t)o * (size_t)row, f.ones + p0, here,
                                                 in->scale);
        }
        p0 += here;
    }
}

/* ---- data gradient ---- */

size_t bso_lay_out_data(bso_data_scratch *d, const bso_product *product, void *scratch)
{
    char *at = scratch;
    d->patterns = piece(&at, DATA_ROWS * (((size_t)product->outputs + 63) / 64) * sizeof *d->patterns);
    d->tables = piece(&at, BSO_TABLES);
    d->sums = piece(&at, DATA_ROWS * BSO_ROW);
    return (size_t)(at - (char *)scratch);
}

size_t bso_product_data_scratch(const bso_product *product)
{
    bso_data_scratch d;
    return bso_lay_out_data(&d, product, nowhere);
}

/* 64 words of 64 bits, transposed in place: word i's bit j becomes word j's bit i (Warren 2012, 7-3). */
static void transpose_words(uint64_t w[64])
{
    uint64_t mask = 0x00000000ffffffffULL;
    for (int step = 32; step; step /= 2, mask ^= mask << step) {
        for (int i = 0; i < 64; i = (i + step + 1) & ~step) {
            const uint64_t swap = (w[i] >> step ^ w[i + step]) & mask;
            w[i] ^= swap << step;
            w[i + step] ^= swap;
        }
    }
}

void bso_transpose_weights(uint64_t *patterns, const uint64_t *weights, int outputs, size_t words, int k0,
                           int k1)
{
    const size_t stride = ((size_t)outputs + 63) / 64;
    uint64_t block[64];
    for (int k = k0; k < k1; k += 64) {
        for (int o = 0; o < outputs; o += 64) {
            const int high = at_most(64, outputs - o), wide = at_most(64, k1 - k);
            memset(block, 0, sizeof block);
            for (int i = 0; i < high; i++) block[i] = weights[(size_t)(o + i) * words + (size_t)k / 64];
            transpose_words(block);
            for (int i = 0; i < wide; i++)
                patterns[(size_t)(k - k0 + i) * stride + (size_t)o / 64] = block[i];
        }
    }
}

/* sums[k][pixel] for a row of pixels and the inputs whose patterns are there. */
static void data_row(const bso_data_scratch *d, const float *zeta, size_t total, int inputs, int outputs,
                     int lanes, int row)
{
    const bso_product_kernels *kernel = bso_kernel->products;
    const size_t stride = (size_t)row / sizeof(float);
    memset(d->sums, 0, (size_t)inputs * (size_t)row);
    for (int o = 0; o < outputs; o += DATA_INPUTS) {
        const int here = at_most(DATA_INPUTS, outputs - o);
        kernel->tables_f32(d->tables, row, zeta + (size_t)o * total, total, here, lanes, true);
        kernel->lookup_f32(d->sums, stride, (size_t)inputs, row, d->tables, (here + 3) / 4,
                           (bso_patterns){d->patterns + o / 64, ((size_t)outputs + 63) / 64, o % 64});
    }
}

/* dx += what the inputs' sums for pixels p0 .. p0+lanes-1 of the group give: each sum goes to where its tap
 * looks. */
static void spread(const bso_product *product, float *dx, int n, int first, size_t pixels, size_t p0,
                   size_t lanes, int k0, int k1, const float *sums, size_t stride)
{
    const bso_window *window = &product->window;
    const size_t area = area_of(window);
    if (!product->moved) {
        bso_col2im_add(dx, window, n, first, p0, p0 + lanes, k0, k1, sums, stride);
        return;
    }
    for (int k = k0; k < k1; k++) {
        const int tap = k / window->channels, channel = k % window->channels;
        const bso_reach reach = reach_of(window, tap, pixels, p0, lanes);
        if (reach.begin >= reach.end) continue;
        float *to = dx + ((size_t)channel * (size_t)n + (size_t)first) * area;
        bso_kernel->products->add_inside(
            to + (reach.at + (ptrdiff_t)reach.begin), sums + (size_t)(k - k0) * stride + reach.begin,
            product->inside + (size_t)tap * product->lanes + p0 + reach.begin, reach.end - reach.begin);
    }
}

void bso_product_data(const bso_product *product, float *dx, const float *zeta, int n, int first, int count,
                      const uint64_t *weights, void *scratch)
{
    const bso_window *window = &product->window;
    const size_t area = area_of(window), pixels = (size_t)count * area, total = (size_t)n * area;
    const size_t in_area = (size_t)window->in_h * (size_t)window->in_w;
    const int inputs = bso_window_inputs(window), outputs = product->outputs;
    bso_data_scratch d;
    bso_lay_out_data(&d, product, scratch);
    for (int c = 0; c < window->channels; c++) {
        memset(dx + ((size_t)c * (size_t)n + (size_t)first) * in_area, 0,
               (size_t)count * in_area * sizeof *dx);
    }
    for (int k = 0; k < inputs; k += DATA_ROWS) {
        const int here = at_most(DATA_ROWS, inputs - k);
        bso_transpose_weights(d.patterns, weights, outputs, words_of(window), k, k + here);
        for (size_t p = 0; p < pixels;) {
            /* The order in which taps add up in dx depends on it: the same on every path. */
            const int row = row_for(pixels - p, sizeof(float), BSO_ROW), most = row / (int)sizeof(float);
            const int lanes = pixels - p < (size_t)most ? (int)(pixels - p) : most;
            data_row(&d, zeta + (size_t)first * area + p, total, here, outputs, lanes, row);
            spread(product, dx, n, first, pixels, p, (size_t)lanes, k, k + here, d.sums, (size_t)most);
            p += (size_t)lanes;
        }
    }
}

/* ---- weight gradient ---- */

size_t bso_operand_words(const bso_product *product, int n)
{
    return ((size_t)n * area_of(&product->window) + 63) / 64 + 2;
}

/* Which way wins, by measurement (docs/performance.md). */
static bso_operand_kind kind_of(const bso_operand *operand)
{
    static const double many = 0.3;
    return operand->ones && operand->active >= many ? BSO_OPERAND_LOOKUP : BSO_OPERAND_GATHER;
}

void bso_operand_look(bso_operand *operand, const bso_product *product, const float *x, int n)
{
    const size_t pixels = (size_t)n * area_of(&product->window), words = bso_operand_words(product, n);
    const int channels = product->window.channels;
    size_t active = 0, ones = 0;
    operand->x = x;
    operand->kind = BSO_OPERAND_SGEMM;
    if (!product->moved) return;
#pragma omp parallel for schedule(static) reduction(+ : active, ones)
    for (int c = 0; c < channels; c++) {
        uint64_t *bits = operand->bits + (size_t)c * words;
        size_t count[2] = {0};
        bits[0] = bits[words - 1] = 0;
        bso_kernel->products->pack_nonzero(bits + 1, x + (size_t)c * pixels, pixels, count);
        active += count[0];
        ones += count[1];
    }
    operand->ones = ones == active;
    operand->active = (double)active / ((double)pixels * channels);
    operand->kind = kind_of(operand);
}

typedef struct {
    uint64_t *patterns;   /* [rows][words] of a group's pixels */
    float *errors;        /* [BLOCK_PIXELS][FLOATS]: errors, outputs side by side */
    float *tables, *sums; /* sums: [rows][FLOATS] */
    ptrdiff_t *values;    /* [rows] where in operand->x the group's first pixel is, for this input */
    size_t words;
} weight_scratch;

static size_t lay_out_weight(weight_scratch *s, const bso_product *product, int rows, void *scratch)
{
    char *at = scratch;
    s->words = product->lanes / 64;
    s->patterns = piece(&at, (size_t)rows * s->words * sizeof *s->patterns);
    s->errors = piece(&at, BLOCK_PIXELS * BSO_ROW);
    s->tables = piece(&at, BSO_TABLES);
    s->sums = piece(&at, (size_t)rows * BSO_ROW);
    s->values = piece(&at, (size_t)rows * sizeof *s->values);
    return (size_t)(at - (char *)scratch);
}

size_t bso_product_weight_scratch(const bso_product *product, int rows)
{
    weight_scratch s;
    return lay_out_weight(&s, product, rows, nowhere);
}

/* Word `at`, counted in bits, of a row of bits: 0 beyond its ends. */
static inline uint64_t word_at(const uint64_t *bits, size_t words, ptrdiff_t at)
{
    const ptrdiff_t i = at >= 0 ? at / 64 : -((63 - at) / 64);
    const int offset = (int)(at - 64 * i);
    const uint64_t low = i >= 0 && i < (ptrdiff_t)words ? bits[i] : 0;
    if (!offset) return low;
    const uint64_t high = i + 1 >= 0 && i + 1 < (ptrdiff_t)words ? bits[i + 1] : 0;
    return low >> offset | high << (64 - offset);
}

void bso_lay_patterns(uint64_t *patterns, size_t stride, const bso_product *product,
                      const bso_operand *operand, int n, size_t from, size_t pixels, int k0, int k1)
{
    const bso_window *window = &product->window;
    const size_t row = bso_operand_words(product, n), words = (pixels + 63) / 64;
    const uint64_t last = ~(uint64_t)0 >> (64 * words - pixels);
    for (int k = k0; k < k1; k++, patterns += stride) {
        const int tap = k / window->channels, channel = k % window->channels;
        const ptrdiff_t at = (ptrdiff_t)from + tap_shift(window, tap);
        const uint64_t *bits = operand->bits + (size_t)channel * row;
        const uint64_t *inside = product->inside_bits + (size_t)tap * (product->lanes / 64);
        for (size_t w = 0; w < words; w++)
            patterns[w] = word_at(bits, row, at + 64 * ((ptrdiff_t)w + 1)) & inside[w];
        patterns[words - 1] &= last;
    }
}

/* Where in the operand input k of the group's first pixel is. */
static ptrdiff_t value_of(const bso_product *product, int n, size_t from, int k)
{
    const bso_window *w = &product->window;
    return (ptrdiff_t)((size_t)(k % w->channels) * (size_t)n * area_of(w) + from) +
           tap_shift(w, k / w->channels);
}

/* sums += the group's pixels from p on, at most BLOCK_PIXELS, whose errors are in s->errors. */
static void weight_block(const weight_scratch *s, const bso_operand *operand, size_t p, int pixels, int rows,
                         int row)
{
    const bso_product_kernels *kernel = bso_kernel->products;
    const size_t lanes = (size_t)row / sizeof(float);
    const uint64_t *patterns = s->patterns + p / 64;
    if (operand->kind == BSO_OPERAND_GATHER) {
        kernel->gather_f32(s->sums, lanes, (size_t)rows, row, s->errors, patterns, s->words,
                           (size_t)(pixels + 63) / 64, operand->ones ? NULL : operand->x, s->values, p);
        return;
    }
    for (int q = 0; q < pixels; q += table_inputs()) {
        const int here = at_most(table_inputs(), pixels - q);
        kernel->tables_f32(s->tables, row, s->errors + (size_t)q * lanes, lanes, here, (int)lanes, false);
        kernel->lookup_f32(s->sums, lanes, (size_t)rows, row, s->tables, (here + 3) / 4,
                           (bso_patterns){patterns + q / 64, s->words, q % 64});
    }
}

void bso_product_weight(const bso_product *product, float *gradient, const bso_operand *operand,
                        const float *zeta, bso_part part, void *scratch)
{
    const int n = part.n, k0 = part.k0, k1 = part.k1;
    const size_t area = area_of(&product->window), total = (size_t)n * area;
    const int rows = k1 - k0, group = product->group, outputs = product->outputs;
    weight_scratch s;
    lay_out_weight(&s, product, rows, scratch);
    /* A gathered error's row is read once, the longer the better. */
    const int longest = operand->kind == BSO_OPERAND_GATHER ? BSO_ROW : bso_kernel->products->row;
    memset(gradient, 0, (size_t)rows * (size_t)outputs * sizeof *gradient);
    for (int first = part.first; first < part.last; first += group) {
        const size_t from = (size_t)first * area, pixels = (size_t)at_most(group, part.last - first) * area;
        bso_lay_patterns(s.patterns, s.words, product, operand, n, from, pixels, k0, k1);
        for (int r = 0; r < rows; r++) s.values[r] = value_of(product, n, from, k0 + r);
        for (int o = 0; o < outputs;) {
            const int row = row_for((size_t)(outputs - o), sizeof(float), longest),
                      most = row / (int)sizeof(float);
            const int lanes = at_most(most, outputs - o);
            memset(s.sums, 0, (size_t)rows * (size_t)row);
            if (lanes < most) memset(s.errors, 0, (size_t)BLOCK_PIXELS * (size_t)row);
            for (size_t p = 0; p < pixels; p += BLOCK_PIXELS) {
                const int here = pixels - p < BLOCK_PIXELS ? (int)(pixels - p) : BLOCK_PIXELS;
                bso_kernel->products->transpose_f32(s.errors, (size_t)most,
                                                    zeta + (size_t)o * total + from + p, total, (size_t)lanes,
                                                    (size_t)here);
                weight_block(&s, operand, p, here, rows, row);
            }
            for (int r = 0; r < rows; r++) {
                float *to = gradient + (size_t)r * (size_t)outputs + o;
                const float *sum = s.sums + (size_t)r * (size_t)most;
                for (int i = 0; i < lanes; i++) to[i] += sum[i];
            }
            o += lanes;
        }
    }
}
