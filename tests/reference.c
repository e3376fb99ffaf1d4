/* reference.c: see reference.h. Formulas in the order of the paper's equations; loops over everything. */
#include "tests/reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double alpha = 4.0, norm_epsilon = 1e-5, norm_momentum = 0.1;

enum kind { INPUT, SYNAPSE, NORM, NEURON, AVERAGE, SUM };

/* One operation and what it keeps. A map is [n][c][h][w]; lists hold one for each time step. */
struct bso_reference_op {
    enum kind kind;
    int in, side;                /* positions in op[] of the input and, for a sum, the other summand */
    int c, h, w;                 /* of the output */
    int kernel_h, kernel_w, pad; /* synapse; average: the window, moved by its own size */
    int stride;                  /* synapse */
    int weight, bias, norm;      /* positions in param[] and norm[], -1: none */
    int neurons;                 /* neuron: which layer of neurons it is */
    double **out;                /* s for neurons */
    double **trace; /* what stands for the presynaptic spikes in weight gradients; out itself where no neuron
                       made it */
    double **u;     /* neuron */
    double **mean, **var; /* norm: [c] */
    double *grad;         /* dL/dout at the time step at hand, a sum over those who read it */
    double *carry;        /* neuron: dL/du of the time step after it */
};

static void fail(const char *what)
{
    fprintf(stderr, "reference network: %s\n", what);
    exit(1);
}

static double *zeros(size_t count)
{
    double *block = calloc(count ? count : 1, sizeof *block);
    if (!block) fail("out of memory");
    return block;
}

static double **zeros_list(int steps, size_t count)
{
    double **list = calloc((size_t)steps, sizeof *list);
    if (!list) fail("out of memory");
    for (int t = 0; t < steps; t++) list[t] = zeros(count);
    return list;
}

static void free_list(double **list, int steps)
{
    if (!list) return;
    for (int t = 0; t < steps; t++) free(list[t]);
    free(list);
}

/* ---- building */

static struct bso_reference_op *add_op(bso_reference *r, enum kind kind, int c, int h, int w)
{
    if (r->ops == BSO_REFERENCE_OPS) fail("too many operations");
    if (c < 1 || h < 1 || w < 1) fail("an empty map");
    struct bso_reference_op *op = &r->op[r->ops++];
    size_t map = (size_t)r->capacity * (size_t)c * (size_t)h * (size_t)w;
    int steps = r->options.steps;
    *op = (struct bso_reference_op){
        .kind = kind, .in = r->ops - 2, .c = c, .h = h, .w = w, .weight = -1, .bias = -1, .norm = -1};
    op->out = zeros_list(steps, map);
    op->grad = zeros(map);
    op->trace = zeros_list(steps, map);
    if (kind == NEURON) {
        op->u = zeros_list(steps, map);
        op->carry = zeros(map);
    }
    if (kind == NORM) {
        op->mean = zeros_list(steps, (size_t)c);
        op->var = zeros_list(steps, (size_t)c);
    }
    return op;
}

static int add_param(bso_reference *r, int outputs, int inputs, int kernel_h, int kernel_w, double initial)
{
    if (r->params == BSO_REFERENCE_OPS) fail("too many parameters");
    bso_reference_param *p = &r->param[r->params];
    *p = (bso_reference_param){
        .outputs = outputs, .inputs = inputs, .kernel_h = kernel_h, .kernel_w = kernel_w};
    p->count = (size_t)outputs * (size_t)inputs * (size_t)kernel_h * (size_t)kernel_w;
    p->value = zeros(p->count);
    p->gradient = zeros((size_t)r->options.steps * p->count);
    for (size_t i = 0; i < p->count; i++) p->value[i] = initial;
    return r->params++;
}

/* kernel 0: linear, the kernel is the whole map. The first and the last synapse have a bias. */
static void add_synapse(bso_reference *r, int outputs, int kernel, int stride, bool last)
{
    struct bso_reference_op in = r->op[r->ops - 1], *op;
    if (kernel) {
        int reach = kernel - 2 * (kernel / 2);
        op = add_op(r, SYNAPSE, outputs, (in.h - reach) / stride + 1, (in.w - reach) / stride + 1);
        op->kernel_h = op->kernel_w = kernel;
        op->pad = kernel / 2;
    } else {
        op = add_op(r, SYNAPSE, outputs, 1, 1);
        op->kernel_h = in.h;
        op->kernel_w = in.w;
    }
    op->stride = stride;
    bool first = r->params == 0;
    op->weight = add_param(r, outputs, in.c, op->kernel_h, op->kernel_w, 0.0);
    if (first || last) {
        op->bias = add_param(r, outputs, 1, 1, 1, 0.0);
        r->param[op->bias].before_norm = !last;
    }
}

static void add_norm(bso_reference *r)
{
    struct bso_reference_op in = r->op[r->ops - 1];
    struct bso_reference_op *op = add_op(r, NORM, in.c, in.h, in.w);
    op->weight = add_param(r, in.c, 1, 1, 1, 1.0);
    op->bias = add_param(r, in.c, 1, 1, 1, 0.0);
    op->norm = r->norms++;
    bso_reference_norm *norm = &r->norm[op->norm];
    *norm = (bso_reference_norm){in.c, zeros((size_t)in.c), zeros((size_t)in.c)};
    for (int c = 0; c < in.c; c++) norm->running_var[c] = 1.0;
}

static void add_neurons(bso_reference *r, int in)
{
    struct bso_reference_op from = r->op[in], *op = add_op(r, NEURON, from.c, from.h, from.w);
    op->in = in;
    op->neurons = r->neurons++;
}

/* covering: what is left over at the end makes a smaller window. */
static void add_average(bso_reference *r, int kernel_h, int kernel_w, bool covering)
{
    struct bso_reference_op in = r->op[r->ops - 1];
    int more_h = covering ? kernel_h - 1 : 0, more_w = covering ? kernel_w - 1 : 0;
    struct bso_reference_op *op =
        add_op(r, AVERAGE, in.c, (in.h + more_h) / kernel_h, (in.w + more_w) / kernel_w);
    op->kernel_h = kernel_h;
    op->kernel_w = kernel_w;
}

/* x + norm(synapse(neurons(x))), or norm(synapse 1x1(average(x))) in place of x where the shape changes. */
static void add_residual(bso_reference *r, int outputs, int kernel, int stride)
{
    int x = r->ops - 1, side = x;
    if (stride > 1 || r->op[x].c != outputs) {
        if (stride == 2) add_average(r, 2, 2, true);
        add_synapse(r, outputs, 1, 1, false);
        add_norm(r);
        side = r->ops - 1;
    }
    add_neurons(r, x);
    add_synapse(r, outputs, kernel, stride, false);
    add_norm(r);
    struct bso_reference_op sum = r->op[side], *op = add_op(r, SUM, sum.c, sum.h, sum.w);
    op->side = side;
}

/* Neurons between a map without any and a layer that is no residual unit. */
static void settle(bso_reference *r, const char *rest)
{
    while (strncmp(rest, "AP2-", 4) == 0 || strncmp(rest, "GAP-", 4) == 0) rest += 4;
    int n, used = 0;
    if (sscanf(rest, "%dR%n", &n, &used) == 1 && used) return;
    add_neurons(r, r->ops - 1);
}

/* rest: the tokens behind this one. */
static void add_token(bso_reference *r, const char *token, const char *rest)
{
    const struct bso_reference_op in = r->op[r->ops - 1];
    int outputs, kernel, stride = 1, used = 0;
    char kind;
    if (strcmp(token, "AP2") == 0) {
        add_average(r, 2, 2, false);
    } else if (strcmp(token, "GAP") == 0) {
        add_average(r, in.h, in.w, false);
    } else if (strcmp(token, "FC") == 0) {
        add_synapse(r, r->classes, 0, 1, true);
    } else if (sscanf(token, "%d%c%d%ns%d%n", &outputs, &kind, &kernel, &used, &stride, &used) >= 3 &&
               !token[used] && kernel % 2 == 1 && (kind == 'C' || kind == 'R')) {
        if (kind == 'R') {
            add_residual(r, outputs, kernel, stride);
        } else {
            add_synapse(r, outputs, kernel, stride, false);
            add_norm(r);
        }
        settle(r, rest);
    } else if (sscanf(token, "%dFC%n", &outputs, &used) == 1 && used && !token[used]) {
        add_synapse(r, outputs, 0, 1, false);
        add_norm(r);
        settle(r, rest);
    } else {
        fail("unknown token");
    }
}

bso_reference *bso_reference_create(const char *layers, int channels, int height, int width, int classes,
                                    int capacity, const bso_reference_options *options)
{
    bso_reference *r = calloc(1, sizeof *r);
    if (!r) fail("out of memory");
    if (options->sign && (options->steps != 1 || options->threshold != 0.0))
        fail("sign neurons have no time");
    r->options = *options;
    r->capacity = capacity;
    r->classes = classes;
    r->op = calloc(BSO_REFERENCE_OPS, sizeof *r->op);
    if (!r->op) fail("out of memory");
    r->loss = zeros((size_t)options->steps);
    r->spikes = zeros((size_t)BSO_REFERENCE_OPS * (size_t)options->steps);
    r->output = zeros((size_t)options->steps * (size_t)capacity * (size_t)classes);
    add_op(r, INPUT, channels, height, width);

    char text[256], *rest = text;
    if (snprintf(text, sizeof text, "%s", layers) >= (int)sizeof text) fail("string too long");
    for (char *token; (token = strsep(&rest, "-"));) add_token(r, token, rest ? rest : "");
    return r;
}

void bso_reference_free(bso_reference *r)
{
    if (!r) return;
    for (int i = 0; i < r->ops; i++) {
        struct bso_reference_op *op = &r->op[i];
        free_list(op->out, r->options.steps);
        free_list(op->trace, r->options.steps);
        free_list(op->u, r->options.steps);
        free_list(op->mean, r->options.steps);
        free_list(op->var, r->options.steps);
        free(op->grad);
        free(op->carry);
    }
    for (int i = 0; i < r->params; i++) {
        free(r->param[i].value);
        free(r->param[i].gradient);
    }
    for (int i = 0; i < r->norms; i++) {
        free(r->norm[i].running_mean);
        free(r->norm[i].running_var);
    }
    free(r->loss);
    free(r->spikes);
    free(r->output);
    free(r->op);
    free(r);
}

/* ---- helpers for maps and weights */

static size_t at(const struct bso_reference_op *op, int n, int c, int y, int x)
{
    return (((size_t)n * (size_t)op->c + (size_t)c) * (size_t)op->h + (size_t)y) * (size_t)op->w + (size_t)x;
}

static size_t map_size(const struct bso_reference_op *op, int n)
{
    return at(op, n, 0, 0, 0);
}

static size_t weight_at(const bso_reference_param *p, int o, int i, int ky, int kx)
{
    size_t row = (size_t)o * (size_t)p->inputs + (size_t)i;
    return (row * (size_t)p->kernel_h + (size_t)ky) * (size_t)p->kernel_w + (size_t)kx;
}

static bool inside(const struct bso_reference_op *op, int y, int x)
{
    return y >= 0 && y < op->h && x >= 0 && x < op->w;
}

static double sigmoid(double x)
{
    return x >= 0 ? 1.0 / (1.0 + exp(-x)) : exp(x) / (1.0 + exp(x));
}

static double surrogate(const bso_reference_options *o, double x)
{
    if (o->sign) return fabs(x) <= 1.0 ? 1.0 : 0.0;
    if (o->rectangular) return fabs(x) <= 0.5 ? 1.0 : 0.0;
    return alpha * sigmoid(alpha * x) * (1.0 - sigmoid(alpha * x));
}

static double fire(const bso_reference_options *o, double x)
{
    if (o->sign) return o->smooth ? fmin(fmax(x, -1.0), 1.0) : x >= 0.0 ? 1.0 : -1.0;
    if (!o->smooth) return x >= 0.0 ? 1.0 : 0.0;
    if (o->rectangular) return fmin(fmax(x + 0.5, 0.0), 1.0);
    return sigmoid(alpha * x);
}

/* ---- forward */

static void synapse_forward(const bso_reference *r, const struct bso_reference_op *in,
                            const struct bso_reference_op *op, int t, int n)
{
    const bso_reference_param *weight = &r->param[op->weight];
    for (int b = 0; b < n; b++)
        for (int o = 0; o < op->c; o++)
            for (int y = 0; y < op->h; y++)
                for (int x = 0; x < op->w; x++) {
                    double sum = op->bias >= 0 ? r->param[op->bias].value[o] : 0.0;
                    for (int i = 0; i < in->c; i++)
                        for (int ky = 0; ky < op->kernel_h; ky++)
                            for (int kx = 0; kx < op->kernel_w; kx++) {
                                int iy = y * op->stride + ky - op->pad, ix = x * op->stride + kx - op->pad;
                                if (!inside(in, iy, ix)) continue;
                                sum += weight->value[weight_at(weight, o, i, ky, kx)] *
                                       in->out[t][at(in, b, i, iy, ix)];
                            }
                    op->out[t][at(op, b, o, y, x)] = sum;
                }
}

static void norm_statistics(const struct bso_reference_op *in, int t, int n, int c, double *mean, double *var)
{
    double count = (double)n * in->h * in->w, sum = 0.0, squares = 0.0;
    for (int b = 0; b < n; b++)
        for (int y = 0; y < in->h; y++)
            for (int x = 0; x < in->w; x++) sum += in->out[t][at(in, b, c, y, x)];
    *mean = sum / count;
    for (int b = 0; b < n; b++)
        for (int y = 0; y < in->h; y++)
            for (int x = 0; x < in->w; x++) {
                double d = in->out[t][at(in, b, c, y, x)] - *mean;
                squares += d * d;
            }
    *var = squares / count;
}

static void norm_forward(const bso_reference *r, const struct bso_reference_op *in,
                         const struct bso_reference_op *op, int t, int n)
{
    const bso_reference_norm *norm = &r->norm[op->norm];
    double count = (double)n * op->h * op->w;
    for (int c = 0; c < op->c; c++) {
        double mean = norm->running_mean[c], var = norm->running_var[c];
        if (!r->options.evaluate) {
            norm_statistics(in, t, n, c, &mean, &var);
            double unbiased = count > 1.0 ? var * count / (count - 1.0) : var;
            norm->running_mean[c] += norm_momentum * (mean - norm->running_mean[c]);
            norm->running_var[c] += norm_momentum * (unbiased - norm->running_var[c]);
        }
        op->mean[t][c] = mean;
        op->var[t][c] = var;
        for (int b = 0; b < n; b++)
            for (int y = 0; y < op->h; y++)
                for (int x = 0; x < op->w; x++) {
                    size_t i = at(op, b, c, y, x);
                    op->out[t][i] =
                        r->param[op->weight].value[c] * (in->out[t][i] - mean) / sqrt(var + norm_epsilon) +
                        r->param[op->bias].value[c];
                }
    }
}

/* How far x = u - threshold is from a jump or kink of fire() and, where gradients use it, of surrogate(). */
static double kink_distance(const bso_reference_options *o, double x)
{
    double distance = INFINITY;
    if (!o->smooth) distance = fabs(x);
    if (o->sign) return fmin(distance, fabs(fabs(x) - 1.0));
    if (o->rectangular) distance = fmin(distance, fabs(fabs(x) - 0.5));
    return distance;
}

static const double ndot_guard = 1e-6;

/* What NDOT divides: what is left of a potential after its spike. */
static double remainder_of(const bso_reference_options *o, double u, double s)
{
    return u - o->ndot_resets * o->threshold * s;
}

/* mu[t] of the trace. */
static double decay(const bso_reference_options *o, double now, double before)
{
    if (!o->ndot_resets) return o->mu;
    if (fabs(before) < ndot_guard) return o->leak;
    double ratio = now / before;
    if (ratio > o->leak) return o->leak;
    if (ratio < -o->leak) return -o->leak;
    return ratio;
}

/* The clamped ratio has one jump, at before = 0, where its sign changes and the guard lies; the clamps are
 * kinks of a value that nothing derives. Between the clamps rounding of the potentials grows by 1 / before,
 * so that there five hundred times the distance is asked for. */
static double ratio_distance(const bso_reference_options *o, double now, double before)
{
    if (!o->ndot_resets) return INFINITY;
    return fabs(before) / (fabs(now) < 1.1 * o->leak * fabs(before) ? 500.0 : 1.0);
}

/* u[t] = leak * (u[t-1] - threshold * s[t-1]) + I[t];  trace[t] = mu[t] * trace[t-1] + s[t] */
static void neuron_forward(bso_reference *r, const struct bso_reference_op *in,
                           const struct bso_reference_op *op, int t, int n)
{
    const bso_reference_options *o = &r->options;
    for (size_t i = 0; i < map_size(op, n); i++) {
        double u = in->out[t][i];
        if (t > 0) u += o->leak * (op->u[t - 1][i] - o->threshold * op->out[t - 1][i]);
        double s = fire(o, u - o->threshold), distance = kink_distance(o, u - o->threshold);
        op->u[t][i] = u;
        op->out[t][i] = op->trace[t][i] = s;
        r->spikes[op->neurons * o->steps + t] += o->sign ? fmax(s, 0.0) : s;
        if (t > 0) {
            double now = remainder_of(o, u, s);
            double before = remainder_of(o, op->u[t - 1][i], op->out[t - 1][i]);
            op->trace[t][i] += decay(o, now, before) * op->trace[t - 1][i];
            distance = fmin(distance, ratio_distance(o, now, before));
        }
        size_t channel = i / (size_t)(op->h * op->w) % (size_t)op->c;
        bool exact = in->kind == NORM && r->param[in->weight].value[channel] == 0.0;
        if (!exact) r->margin = fmin(r->margin, distance);
    }
}

/* Inputs in the window of an average: fewer where the map ends. */
static int window_size(const struct bso_reference_op *in, const struct bso_reference_op *op, int y, int x)
{
    int rows = op->kernel_h, columns = op->kernel_w;
    while (y * op->kernel_h + rows > in->h) rows--;
    while (x * op->kernel_w + columns > in->w) columns--;
    return rows * columns;
}

/* Mean of each window. Linear, so the trace goes the same way. */
static void average_map(const struct bso_reference_op *in, const struct bso_reference_op *op,
                        const double *from, double *to, int n)
{
    for (int b = 0; b < n; b++)
        for (int c = 0; c < op->c; c++)
            for (int y = 0; y < op->h; y++)
                for (int x = 0; x < op->w; x++) {
                    double sum = 0.0;
                    for (int ky = 0; ky < op->kernel_h; ky++)
                        for (int kx = 0; kx < op->kernel_w; kx++) {
                            int iy = y * op->kernel_h + ky, ix = x * op->kernel_w + kx;
                            if (inside(in, iy, ix)) sum += from[at(in, b, c, iy, ix)];
                        }
                    to[at(op, b, c, y, x)] = sum / window_size(in, op, y, x);
                }
}

static void sum_map(const double *a, const double *b, double *to, size_t count)
{
    for (size_t i = 0; i < count; i++) to[i] = a[i] + b[i];
}

/* L[t] of the outputs and, where grad is not NULL, dL[t]/do; both [n][classes]. */
static double loss_at(const bso_reference *r, const double *output, const int *y, int n, double *grad)
{
    double a = r->options.loss_mse, loss = 0.0;
    int classes = r->classes, steps = r->options.steps;
    for (int b = 0; b < n; b++) {
        const double *o = &output[b * classes];
        double largest = -INFINITY, sum = 0.0;
        for (int c = 0; c < classes; c++) largest = fmax(largest, o[c]);
        for (int c = 0; c < classes; c++) sum += exp(o[c] - largest);
        double log_sum = largest + log(sum);
        loss += (1.0 - a) * (log_sum - o[y[b]]) / n / steps;
        for (int c = 0; c < classes; c++) {
            double target = c == y[b] ? 1.0 : 0.0, difference = o[c] - target;
            loss += a * difference * difference / n / classes / steps;
            if (!grad) continue;
            grad[b * classes + c] =
                ((1.0 - a) * (exp(o[c] - log_sum) - target) / n + a * 2.0 * difference / n / classes) / steps;
        }
    }
    return loss;
}

double bso_reference_forward(bso_reference *r, const double *x, int frames, const int *y, int n)
{
    if (n < 1 || n > r->capacity) fail("more samples than it was built for");
    double total = 0.0;
    r->margin = INFINITY;
    memset(r->spikes, 0, (size_t)(r->neurons * r->options.steps) * sizeof *r->spikes);
    for (int t = 0; t < r->options.steps; t++) {
        size_t image = map_size(&r->op[0], n);
        const double *frame = frames > 1 ? x + (size_t)t * image : x;
        memcpy(r->op[0].out[t], frame, image * sizeof *frame);
        memcpy(r->op[0].trace[t], frame, image * sizeof *frame);
        for (int i = 1; i < r->ops; i++) {
            const struct bso_reference_op *op = &r->op[i], *in = &r->op[op->in], *side = &r->op[op->side];
            if (op->kind == SYNAPSE) synapse_forward(r, in, op, t, n);
            if (op->kind == NORM) norm_forward(r, in, op, t, n);
            if (op->kind == NEURON) neuron_forward(r, in, op, t, n);
            if (op->kind == SUM) sum_map(in->out[t], side->out[t], op->out[t], map_size(op, n));
            if (op->kind == AVERAGE) {
                average_map(in, op, in->out[t], op->out[t], n);
                average_map(in, op, in->trace[t], op->trace[t], n);
            }
            if (op->kind == NORM || op->kind == SUM)
                memcpy(op->trace[t], op->out[t], map_size(op, n) * sizeof(double));
        }
        size_t outputs = (size_t)n * (size_t)r->classes;
        memcpy(r->output + (size_t)t * outputs, r->op[r->ops - 1].out[t], outputs * sizeof *r->output);
        r->loss[t] = loss_at(r, r->output + (size_t)t * outputs, y, n, NULL);
        total += r->loss[t];
    }
    return total;
}

/* ---- backward */

static double *gradient_of(const bso_reference *r, int param, int t)
{
    return r->param[param].gradient + (size_t)t * r->param[param].count;
}

/* grad W[t] = zeta[t] * pre[t]^T with pre = s through time and the trace online; data gradient W^T zeta. */
static void synapse_backward(const bso_reference *r, const struct bso_reference_op *in,
                             const struct bso_reference_op *op, int t, int n)
{
    const bso_reference_param *weight = &r->param[op->weight];
    const double *pre = r->options.online ? in->trace[t] : in->out[t];
    double *dw = gradient_of(r, op->weight, t), *db = op->bias >= 0 ? gradient_of(r, op->bias, t) : NULL;
    for (int b = 0; b < n; b++)
        for (int o = 0; o < op->c; o++)
            for (int y = 0; y < op->h; y++)
                for (int x = 0; x < op->w; x++) {
                    double zeta = op->grad[at(op, b, o, y, x)];
                    if (db) db[o] += zeta;
                    for (int i = 0; i < in->c; i++)
                        for (int ky = 0; ky < op->kernel_h; ky++)
                            for (int kx = 0; kx < op->kernel_w; kx++) {
                                int iy = y * op->stride + ky - op->pad, ix = x * op->stride + kx - op->pad;
                                if (!inside(in, iy, ix)) continue;
                                size_t w = weight_at(weight, o, i, ky, kx), p = at(in, b, i, iy, ix);
                                dw[w] += zeta * pre[p];
                                in->grad[p] += zeta * weight->value[w];
                            }
                }
}

/* xhat = (x - mean) / sqrt(var + eps);  dx = weight / sqrt(var + eps) * (dy - mean dy - xhat mean(dy
 * xhat)) */
static void norm_backward(const bso_reference *r, const struct bso_reference_op *in,
                          const struct bso_reference_op *op, int t, int n)
{
    double *dweight = gradient_of(r, op->weight, t), *dbias = gradient_of(r, op->bias, t);
    double count = (double)n * op->h * op->w;
    for (int c = 0; c < op->c; c++) {
        double mean = op->mean[t][c], deviation = sqrt(op->var[t][c] + norm_epsilon), sum = 0.0,
               sum_xhat = 0.0;
        for (int b = 0; b < n; b++)
            for (int y = 0; y < op->h; y++)
                for (int x = 0; x < op->w; x++) {
                    size_t i = at(op, b, c, y, x);
                    sum += op->grad[i];
                    sum_xhat += op->grad[i] * (in->out[t][i] - mean) / deviation;
                }
        dweight[c] += sum_xhat;
        dbias[c] += sum;
        for (int b = 0; b < n; b++)
            for (int y = 0; y < op->h; y++)
                for (int x = 0; x < op->w; x++) {
                    size_t i = at(op, b, c, y, x);
                    double xhat = (in->out[t][i] - mean) / deviation;
                    in->grad[i] += r->param[op->weight].value[c] / deviation *
                                   (op->grad[i] - sum / count - xhat * sum_xhat / count);
                }
    }
}

/* dL/du[t] = dL/ds[t] g' + leak dL/du[t+1] (1 - threshold g'); the last product is the reset's path */
static void neuron_backward(const bso_reference *r, const struct bso_reference_op *in,
                            const struct bso_reference_op *op, int t, int n)
{
    const bso_reference_options *o = &r->options;
    for (size_t i = 0; i < map_size(op, n); i++) {
        double g = surrogate(o, op->u[t][i] - o->threshold), du = op->grad[i] * g;
        if (!o->online) du += o->leak * op->carry[i] * (1.0 - (o->detach_reset ? 0.0 : o->threshold * g));
        op->carry[i] = du;
        in->grad[i] += du;
    }
}

static void average_backward(const struct bso_reference_op *in, const struct bso_reference_op *op, int n)
{
    for (int b = 0; b < n; b++)
        for (int c = 0; c < op->c; c++)
            for (int y = 0; y < op->h * op->kernel_h; y++)
                for (int x = 0; x < op->w * op->kernel_w; x++) {
                    int oy = y / op->kernel_h, ox = x / op->kernel_w;
                    if (!inside(in, y, x)) continue;
                    in->grad[at(in, b, c, y, x)] +=
                        op->grad[at(op, b, c, oy, ox)] / window_size(in, op, oy, ox);
                }
}

static void add_to(double *sum, const double *grad, size_t count)
{
    for (size_t i = 0; i < count; i++) sum[i] += grad[i];
}

void bso_reference_backward(bso_reference *r, const int *y, int n)
{
    for (int i = 0; i < r->params; i++)
        memset(r->param[i].gradient, 0, (size_t)r->options.steps * r->param[i].count * sizeof(double));
    for (int i = 0; i < r->ops; i++)
        if (r->op[i].carry) memset(r->op[i].carry, 0, map_size(&r->op[i], n) * sizeof(double));

    for (int t = r->options.steps - 1; t >= 0; t--) {
        for (int i = 0; i < r->ops; i++) memset(r->op[i].grad, 0, map_size(&r->op[i], n) * sizeof(double));
        loss_at(r, r->output + (size_t)t * (size_t)n * (size_t)r->classes, y, n, r->op[r->ops - 1].grad);
        for (int i = r->ops - 1; i > 0; i--) {
            const struct bso_reference_op *op = &r->op[i], *in = &r->op[op->in], *side = &r->op[op->side];
            if (op->kind == SYNAPSE) synapse_backward(r, in, op, t, n);
            if (op->kind == NORM) norm_backward(r, in, op, t, n);
            if (op->kind == NEURON) neuron_backward(r, in, op, t, n);
            if (op->kind == AVERAGE) average_backward(in, op, n);
            if (op->kind == SUM) {
                add_to(in->grad, op->grad, map_size(op, n));
                add_to(side->grad, op->grad, map_size(op, n));
            }
        }
    }
}

double bso_reference_gradient_sum(const bso_reference *r, int param, size_t index)
{
    double sum = 0.0;
    for (int t = 0; t < r->options.steps; t++) sum += gradient_of(r, param, t)[index];
    return sum;
}
