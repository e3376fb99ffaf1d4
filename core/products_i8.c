/* products_i8.c: error signals in 8 bits, and the two gradients out of them. See products.h.
 *
 * Error = code * scale, rounded at random so that its mean is the error itself. Sums of codes are integers,
 * exact in any order; scales come in at the end.
 */
#include "core/product_parts.h"

#include "core/error.h"
#include "core/random.h"

#include <math.h>
#include <string.h>

enum {
    SHORTS = BSO_ROW / (int)sizeof(int16_t), /* lanes of a whole row */
    FULL_GROUPS = 64, /* groups of four codes that surely fit 16 bits: 64 * 4 * 127 = 32,512 */
    OUTPUT_LANES = 32 /* outputs side by side in by_channel */
};

bool bso_errors_fit(const bso_product *product)
{
    return product->moved;
}

static size_t output_lanes(const bso_product *product)
{
    return round_up((size_t)product->outputs, OUTPUT_LANES);
}

static size_t groups_of(const bso_product *product, int n)
{
    return ((size_t)n + (size_t)product->group - 1) / (size_t)product->group;
}

size_t bso_errors_sample_bytes(const bso_product *product, int batch)
{
    return (size_t)product->outputs * (size_t)batch * area_of(&product->window);
}

size_t bso_errors_channel_bytes(const bso_product *product, int batch)
{
    return groups_of(product, batch) * product->lanes * output_lanes(product);
}

/* ---- rounding ---- */

/* A scale under which |x| <= largest fits the codes, or one that tells that it is not finite or all is 0. */
static float scale_of(float largest)
{
    return largest / 127;
}

/* codes of n values; `stream` and `at` say which random numbers are theirs: n values after each other take
 * consecutive blocks. */
static void round_some(int8_t *codes, const float *x, size_t n, float scale, bso_rounding rounding,
                       uint32_t which, uint64_t at)
{
    enum { PIECE = 4 * BSO_ROUND_WORDS };
    uint32_t random[BSO_ROUND_WORDS];
    /* A scale that is not normal has no inverse to speak of. */
    if (!isnormal(scale) || !isnormal(1 / scale)) {
        memset(codes, 0, n);
        return;
    }
    for (size_t i = 0; i < n; i += PIECE) {
        const size_t here = n - i < PIECE ? n - i : PIECE;
        bso_kernel->random_words(random, (here + 3) / 4, rounding.seed, BSO_RANDOM_ERRORS,
                                 2 * rounding.layer + which, (rounding.step << 32) + (at + i) / 16);
        bso_kernel->products->round_i8(codes + i, x + i, here, 1 / scale, random);
    }
}

/* The codes of an output in a group: pixel p's is [p / 4 * 4 * OUTPUT_LANES + p % 4]. */
static int8_t *fours_of(const bso_errors *errors, const bso_product *product, int group, int o)
{
    const size_t blocks = output_lanes(product) / OUTPUT_LANES, lane = (size_t)o % OUTPUT_LANES;
    const size_t block = (size_t)group * blocks + (size_t)o / OUTPUT_LANES;
    return errors->by_channel + block * product->lanes * OUTPUT_LANES + 4 * lane;
}

static void place_codes(int8_t *to, const int8_t *codes, size_t pixels)
{
    size_t p = 0;
    for (; p + 4 <= pixels; p += 4) memcpy(to + p * OUTPUT_LANES, codes + p, 4);
    for (; p < pixels; p++) to[p / 4 * 4 * OUTPUT_LANES + p % 4] = codes[p];
}

static void round_by_channel(const bso_errors *errors, const bso_product *product, const float *zeta, int n,
                             int o, bso_rounding rounding)
{
    enum { PIECE = 4 * BSO_ROUND_WORDS };
    const size_t area = area_of(&product->window), total = (size_t)n * area;
    const float *x = zeta + (size_t)o * total;
    const float scale = scale_of(bso_kernel->products->largest_magnitude(x, total));
    errors->channel_scale[o] = scale;
    for (int first = 0; first < n; first += product->group) {
        const size_t from = (size_t)first * area, pixels = (size_t)at_most(product->group, n - first) * area;
        int8_t *to = fours_of(errors, product, first / product->group, o);
        for (size_t p = 0; p < pixels; p += PIECE) {
            int8_t codes[PIECE];
            const size_t here = pixels - p < PIECE ? pixels - p : PIECE;
            /* A group begins at a block of random numbers of its own. */
            const uint64_t at = ((uint64_t)o * groups_of(product, n) + (uint64_t)(first / product->group)) *
                                round_up(product->lanes, PIECE);
            round_some(codes, x + from + p, here, scale, rounding, 1, at + p);
            place_codes(to + p * OUTPUT_LANES, codes, here);
        }
    }
}

void bso_errors_round(bso_errors *errors, const bso_product *product, const float *zeta, int n,
                      bso_rounding rounding, bool wants_input)
{
    const size_t area = area_of(&product->window), total = (size_t)n * area;
    const int outputs = product->outputs;
    if (wants_input) {
#pragma omp parallel for schedule(static)
        for (int i = 0; i < n; i++) {
            float largest = 0;
            for (int o = 0; o < outputs; o++) {
                const float here = bso_kernel->products->largest_magnitude(
                    zeta + (size_t)o * total + (size_t)i * area, area);
                if (!(here <= largest)) largest = here; /* a NaN, too */
                if (isnan(largest)) break;
            }
            errors->sample_scale[i] = scale_of(largest);
        }
    }
#pragma omp parallel for schedule(dynamic)
    for (int o = 0; o < outputs; o++) {
        round_by_channel(errors, product, zeta, n, o, rounding);
        for (int i = 0; wants_input && i < n; i++) {
            const size_t at = (size_t)o * total + (size_t)i * area;
            round_some(errors->by_sample + at, zeta + at, area, errors->sample_scale[i], rounding, 0,
                       ((uint64_t)o * (uint64_t)n + (uint64_t)i) * round_up(area, 16));
        }
    }
}

int bso_operand_levels(bso_operand *operand, const bso_product *product, int n)
{
    const size_t pixels = (size_t)n * area_of(&product->window);
    bool right = true;
#pragma omp parallel for schedule(static) reduction(&& : right)
    for (int c = 0; c < product->window.channels; c++) {
        const size_t at = (size_t)c * pixels;
        right = right && bso_kernel->products->pack_levels(operand->levels + at, operand->x + at, pixels,
                                                           operand->grid);
    }
    return right ? 0 : BSO_ERROR;
}

/* ---- data gradient ---- */

typedef struct {
    uint64_t *patterns;     /* [DATA_ROWS][outputs / 64] */
    int16_t *tables, *sums; /* sums: [DATA_ROWS][SHORTS] */
} data_scratch;

static size_t lay_out_data(data_scratch *d, int outputs, void *scratch)
{
    char *at = scratch;
    d->patterns = piece(&at, DATA_ROWS * (((size_t)outputs + 63) / 64) * sizeof *d->patterns);
    d->tables = piece(&at, BSO_TABLES);
    d->sums = piece(&at, DATA_ROWS * BSO_ROW);
    return (size_t)(at - (char *)scratch);
}

/* A place to measure scratch from. */
static char nowhere[64];

size_t bso_product_data_i8_scratch(const bso_product *product)
{
    data_scratch d;
    return lay_out_data(&d, product->outputs, nowhere);
}

/* A piece of a group's pixels. */
typedef struct {
    size_t pixels, p0; /* of the group; where the piece begins */
    int lanes, row;
} span;

/* dx += the sums; they go back to 0. */
static void spread(const bso_product *product, float *dx, int n, int first, span at, int k0, int k1,
                   int16_t *sums)
{
    const bso_window *window = &product->window;
    const size_t area = area_of(window), stride = (size_t)at.row / sizeof *sums;
    for (int k = k0; k < k1; k++) {
        const int tap = k / window->channels, channel = k % window->channels;
        const bso_reach reach = reach_of(window, tap, at.pixels, at.p0, (size_t)at.lanes);
        if (reach.begin >= reach.end) continue;
        float *to = dx + ((size_t)channel * (size_t)n + (size_t)first) * area;
        bso_kernel->products->add_inside_i16(
            to + (reach.at + (ptrdiff_t)reach.begin), sums + (size_t)(k - k0) * stride + reach.begin,
            product->inside + (size_t)tap * product->lanes + at.p0 + reach.begin, reach.end - reach.begin);
    }
    memset(sums, 0, (size_t)(k1 - k0) * (size_t)at.row);
}

/* The piece's pixels, inputs k0 .. k1-1. */
static void data_piece(const data_scratch *d, const bso_product *product, float *dx, const bso_errors *errors,
                       int n, int first, span at, int k0, int k1)
{
    const bso_product_kernels *kernel = bso_kernel->products;
    const size_t area = area_of(&product->window), total = (size_t)n * area;
    const int8_t *codes = errors->by_sample + (size_t)first * area + at.p0;
    int held = 0; /* groups in the sums */
    for (int o = 0; o < product->outputs; o += table_inputs()) {
        const int here = at_most(table_inputs(), product->outputs - o), groups = (here + 3) / 4;
        if (held + groups > FULL_GROUPS) {
            spread(product, dx, n, first, at, k0, k1, d->sums);
            held = 0;
        }
        kernel->tables_i16(d->tables, at.row, codes + (size_t)o * total, total, here, at.lanes, true);
        kernel->lookup_i16(
            d->sums, (size_t)at.row / sizeof *d->sums, (size_t)(k1 - k0), at.row, d->tables, groups,
            (bso_patterns){d->patterns + o / 64, ((size_t)product->outputs + 63) / 64, o % 64});
        held += groups;
    }
    spread(product, dx, n, first, at, k0, k1, d->sums);
}

void bso_product_data_i8(const bso_product *product, float *dx, const bso_errors *errors, int n, int first,
                         int count, const uint64_t *weights, void *scratch)
{
    const bso_window *window = &product->window;
    const size_t area = area_of(window), pixels = (size_t)count * area;
    const int inputs = bso_window_inputs(window);
    data_scratch d;
    lay_out_data(&d, product->outputs, scratch);
    memset(d.sums, 0, DATA_ROWS * BSO_ROW);
    for (int c = 0; c < window->channels; c++)
        memset(dx + ((size_t)c * (size_t)n + (size_t)first) * area, 0, pixels * sizeof *dx);
    for (int k = 0; k < inputs; k += DATA_ROWS) {
        const int end = at_most(k + DATA_ROWS, inputs);
        bso_transpose_weights(d.patterns, weights, product->outputs, words_of(window), k, end);
        for (size_t p = 0; p < pixels;) {
            const int row = lookup_row(pixels - p, sizeof(int16_t)), most = row / (int)sizeof(int16_t);
            const int lanes = pixels - p < (size_t)most ? (int)(pixels - p) : most;
            data_piece(&d, product, dx, errors, n, first, (span){pixels, p, lanes, row}, k, end);
            p += (size_t)lanes;
        }
    }
    /* dx holds whole numbers below 2^24 so far, exactly. */
    for (int c = 0; c < window->channels; c++) {
        for (int i = first; i < first + count; i++) {
            float *to = dx + ((size_t)c * (size_t)n + (size_t)i) * area;
            const float scale = errors->sample_scale[i];
            for (size_t p = 0; p < area; p++) to[p] *= scale;
        }
    }
}

/* ---- weight gradient ---- */

typedef struct {
    uint64_t *patterns;     /* [rows][lanes / 64] of a group where inputs are 0 or 1 */
    uint8_t *levels;        /* [rows][lanes] where not */
    int8_t *codes;          /* [4 BSO_GROUPS][SHORTS]: outputs side by side */
    int16_t *tables, *sums; /* sums: [rows][SHORTS] */
    int32_t *wide;          /* [rows][SHORTS] */
} weight_scratch;

static size_t lay_out_weight(weight_scratch *s, const bso_product *product, int rows, void *scratch)
{
    char *at = scratch;
    const size_t r = (size_t)rows;
    s->patterns = piece(&at, r * (product->lanes / 64) * sizeof *s->patterns);
    s->levels = piece(&at, r * product->lanes);
    s->codes = piece(&at, 4 * BSO_GROUPS * SHORTS);
    s->tables = piece(&at, BSO_TABLES);
    s->sums = piece(&at, r * BSO_ROW);
    s->wide = piece(&at, r * SHORTS * sizeof *s->wide);
    return (size_t)(at - (char *)scratch);
}

size_t bso_product_weight_i8_scratch(const bso_product *product, int rows)
{
    weight_scratch s;
    return lay_out_weight(&s, product, rows, nowhere);
}

/* A piece of a layer's weights over a group's pixels: outputs o .. o+lanes-1 of group `group`, `rows` inputs.
 */
typedef struct {
    const bso_product *product;
    const bso_errors *errors;
    size_t pixels, rows;
    int group, o, lanes;
} weight_piece;

/* codes[i][lane]: pixels p + i of the piece's outputs. */
static void lay_codes(int8_t *codes, size_t stride, const weight_piece *at, size_t p, int pixels)
{
    for (int o = at->o; o < at->o + at->lanes; o += OUTPUT_LANES) {
        const int8_t *fours = fours_of(at->errors, at->product, at->group, o) + p * OUTPUT_LANES;
        const int lanes = at_most(OUTPUT_LANES, at->o + at->lanes - o);
        for (int i = 0; i < pixels; i++) {
            const int8_t *from = fours + i / 4 * 4 * OUTPUT_LANES + i % 4;
            int8_t *to = codes + (size_t)i * stride + (o - at->o);
            for (int lane = 0; lane < lanes; lane++) to[lane] = from[4 * lane];
        }
    }
}

/* wide[r][lane] = sums over inputs of 0 and 1, whose patterns are there. */
static void weight_lookup(const weight_scratch *s, const weight_piece *at, int row)
{
    const bso_product_kernels *kernel = bso_kernel->products;
    const size_t stride = (size_t)row / sizeof *s->sums;
    const size_t inputs = (size_t)table_inputs();
    int held = 0; /* groups of four in the sums */
    memset(s->sums, 0, at->rows * (size_t)row);
    memset(s->wide, 0, at->rows * stride * sizeof *s->wide);
    for (size_t p = 0; p < at->pixels; p += inputs) {
        const int here = (int)(at->pixels - p < inputs ? at->pixels - p : inputs);
        if (held + kernel->groups > FULL_GROUPS) {
            kernel->widen_i16(s->wide, s->sums, at->rows * stride);
            held = 0;
        }
        lay_codes(s->codes, stride, at, p, here);
        kernel->tables_i16(s->tables, row, s->codes, stride, here, at->lanes, false);
        kernel->lookup_i16(s->sums, stride, at->rows, row, s->tables, (here + 3) / 4,
                           (bso_patterns){s->patterns + p / 64, at->product->lanes / 64, (int)(p % 64)});
        held += kernel->groups;
    }
    kernel->widen_i16(s->wide, s->sums, at->rows * stride);
}

/* levels[r]: input k0 + r of the pixels of a group that begins at pixel `from` of the batch, 0 outside the
 * map. */
static void lay_levels(const weight_scratch *s, const bso_product *product, const bso_operand *operand, int n,
                       size_t from, size_t pixels, int k0, size_t rows)
{
    const bso_window *window = &product->window;
    for (size_t r = 0; r < rows; r++) {
        const int tap = (k0 + (int)r) / window->channels, channel = (k0 + (int)r) % window->channels;
        const uint8_t *inside = product->inside + (size_t)tap * product->lanes;
        const uint8_t *x = operand->levels + (size_t)channel * (size_t)n * area_of(window) + from;
        uint8_t *to = s->levels + r * product->lanes;
        const bso_reach reach = reach_of(window, tap, pixels, 0, pixels);
        memset(to, 0, product->lanes);
        if (reach.begin >= reach.end) continue;
        bso_kernel->products->copy_inside_u8(to + reach.begin, x + (reach.at + (ptrdiff_t)reach.begin),
                                             inside + reach.begin, reach.end - reach.begin);
    }
}

/* wide[r][lane] = sums over the levels that are there. */
static void weight_dense(const weight_scratch *s, const weight_piece *at, int largest)
{
    memset(s->wide, 0, at->rows * SHORTS * sizeof *s->wide);
    for (int o = 0; o < at->lanes; o += OUTPUT_LANES) {
        bso_kernel->products->dense_i8(s->wide + o, SHORTS, at->rows, OUTPUT_LANES, s->levels,
                                       at->product->lanes,
                                       fours_of(at->errors, at->product, at->group, at->o + o),
                                       4 * OUTPUT_LANES, (at->pixels + 3) / 4, largest);
    }
}

void bso_product_weight_i8(const bso_product *product, float *gradient, const bso_operand *operand,
                           const bso_errors *errors, int n, int k0, int k1, void *scratch)
{
    const size_t area = area_of(&product->window);
    const int outputs = product->outputs;
    weight_piece at = {.product = product, .errors = errors, .rows = (size_t)(k1 - k0)};
    weight_scratch s;
    lay_out_weight(&s, product, k1 - k0, scratch);
    memset(gradient, 0, at.rows * (size_t)outputs * sizeof *gradient);
    for (int first = 0; first < n; first += product->group, at.group++) {
        const size_t from = (size_t)first * area;
        at.pixels = (size_t)at_most(product->group, n - first) * area;
        if (operand->ones) {
            bso_lay_patterns(s.patterns, product->lanes / 64, product, operand, n, from, at.pixels, k0, k1);
        } else {
            lay_levels(&s, product, operand, n, from, at.pixels, k0, at.rows);
        }
        for (at.o = 0; at.o < outputs; at.o += at.lanes) {
            const int left = outputs - at.o;
            const int row = operand->ones ? lookup_row((size_t)left, sizeof(int16_t)) : BSO_ROW;
            const size_t stride = (size_t)row / sizeof(int16_t);
            at.lanes = at_most((int)stride, left);
            if (operand->ones) {
                weight_lookup(&s, &at, row);
            } else {
                weight_dense(&s, &at, operand->largest);
            }
            for (size_t r = 0; r < at.rows; r++) {
                float *to = gradient + r * (size_t)outputs + at.o;
                for (int i = 0; i < at.lanes; i++) to[i] += (float)s.wide[r * stride + (size_t)i];
            }
        }
    }
    const float unit = operand->ones ? 1 : 1 / operand->grid;
    for (size_t r = 0; r < at.rows; r++) {
        float *to = gradient + r * (size_t)outputs;
        for (int o = 0; o < outputs; o++) to[o] *= unit * errors->channel_scale[o];
    }
}
