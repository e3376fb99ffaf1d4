/* trace.c: the first updates of a training, number by number, as an HDF5 file. See store.h.
 *
 * Everything goes into the file's image in memory as it happens; only gradients, which arrive in tiles, and
 * the outputs of the batch under way are kept beside it. Failures stick to the writer and come out in
 * bso_trace_close.
 */
#include "core/store.h"

#include "core/error.h"
#include "core/file.h"
#include "core/layer.h"
#include "core/record.h"
#include "core/tensor_file.h"

#include <stdio.h>
#include <string.h>

static const char format[] = "bso-trace";
enum { VERSION = 1, NAME = 64 };

struct bso_trace {
    bso_h5_writer w;
    char path[BSO_TEXT];
    const bso_network *net;
    bso_observer observer;
    bso_param *params;
    int param_count;
    float **gradient;  /* [param][weights] */
    uint64_t **before; /* [param][cols][words] bits before the update; NULL for float parameters */

    int64_t updates, recorded, batches; /* wanted; done; begun */
    char update[NAME], batch[NAME];     /* the groups under way */
    bool update_open;
    int n, steps_seen;  /* of the batch under way */
    float *outputs;     /* [steps][batch][classes] */
    float *images;      /* [batch][frames][channels][height][width] */
    double *losses;     /* [steps] */
    double update_loss; /* of the steps since the last update */
};

static bool recording(const bso_trace *trace)
{
    return trace->recorded < trace->updates;
}

/* ---- Batches ---- */

/* Outputs and losses of the batch under way are known step by step, and written when it is over. */
static void close_batch(bso_trace *trace)
{
    if (!trace->steps_seen) return;
    const hsize_t dims[3] = {(hsize_t)trace->steps_seen, (hsize_t)trace->n, (hsize_t)trace->net->classes};
    char path[2 * NAME];
    snprintf(path, sizeof path, "%s/output", trace->batch);
    bso_h5_put_array(&trace->w, path, H5T_NATIVE_FLOAT, 3, dims, trace->outputs);
    snprintf(path, sizeof path, "%s/loss", trace->batch);
    bso_h5_put_array(&trace->w, path, H5T_NATIVE_DOUBLE, 1, dims, trace->losses);
    trace->steps_seen = 0;
}

/* [frames][channels][n][pixels] to [n][frames][channels][pixels]. */
static void samples_first(const bso_network *net, const float *x, size_t n, float *out)
{
    const size_t maps = (size_t)net->frames * (size_t)net->channels;
    const size_t pixels = (size_t)net->height * (size_t)net->width;
    for (size_t map = 0; map < maps; map++) {
        for (size_t i = 0; i < n; i++) {
            memcpy(out + (i * maps + map) * pixels, x + (map * n + i) * pixels, pixels * sizeof *x);
        }
    }
}

static void on_batch(void *user, const float *x, const int *y, int n)
{
    bso_trace *trace = user;
    const bso_network *net = trace->net;
    if (!recording(trace)) return;
    close_batch(trace);
    char path[2 * NAME];
    snprintf(trace->batch, sizeof trace->batch, "/batches/%06lld", (long long)trace->batches++);
    bso_h5_group(&trace->w, trace->batch);
    trace->n = n;
    samples_first(net, x, (size_t)n, trace->images);
    hsize_t dims[5] = {(hsize_t)n};
    int rank = 1;
    if (net->frames > 1) dims[rank++] = (hsize_t)net->frames;
    dims[rank++] = (hsize_t)net->channels;
    dims[rank++] = (hsize_t)net->height;
    dims[rank++] = (hsize_t)net->width;
    snprintf(path, sizeof path, "%s/x", trace->batch);
    bso_h5_put_array(&trace->w, path, H5T_NATIVE_FLOAT, rank, dims, trace->images);
    snprintf(path, sizeof path, "%s/y", trace->batch);
    bso_h5_put_array(&trace->w, path, H5T_NATIVE_INT, 1, dims, y);
    for (int i = 0; i < trace->param_count; i++) {
        if (trace->before[i]) {
            memcpy(trace->before[i], trace->params[i].bits,
                   bso_param_words(&trace->params[i]) * sizeof(uint64_t));
        }
    }
}

static void on_step(void *user, int t, double loss, const float *output, int n)
{
    bso_trace *trace = user;
    if (!recording(trace)) return;
    const size_t classes = (size_t)trace->net->classes, count = (size_t)n;
    float *out = trace->outputs + (size_t)t * count * classes;
    for (size_t c = 0; c < classes; c++) {
        for (size_t i = 0; i < count; i++) out[i * classes + c] = output[c * count + i];
    }
    trace->losses[t] = loss;
    trace->steps_seen = t + 1;
    trace->update_loss += loss;
}

/* ---- Updates ---- */

static void on_gradient(void *user, const bso_learner *l, size_t first, size_t n, const float *g)
{
    bso_trace *trace = user;
    if (recording(trace)) memcpy(trace->gradient[l->param - trace->params] + first, g, n * sizeof *g);
}

static float float_value(const void *user, size_t index)
{
    return ((const float *)user)[index];
}

static float momentum_value(const void *user, size_t index)
{
    const bso_learner *l = user;
    bso_scalar m;
    l->rule->momentum(l, index, 1, &m);
    return (float)m;
}

static float weight_value(const void *user, size_t index)
{
    const bso_param *p = user;
    return p->real ? p->real[index] : bso_param_value(p, index);
}

struct flips {
    const bso_param *param;
    const uint64_t *before;
};

static float flip_value(const void *user, size_t index)
{
    const struct flips *f = user;
    const size_t cols = (size_t)f->param->cols, k = index / cols;
    const size_t word = index % cols * (size_t)f->param->words + k / 64;
    return (float)((f->before[word] ^ f->param->bits[word]) >> k % 64 & 1);
}

static void open_update(bso_trace *trace)
{
    if (trace->update_open) return;
    snprintf(trace->update, sizeof trace->update, "/updates/%06lld", (long long)trace->recorded);
    bso_h5_group(&trace->w, trace->update);
    trace->update_open = true;
}

static void on_updated(void *user, const bso_learner *l)
{
    bso_trace *trace = user;
    if (!recording(trace)) return;
    open_update(trace);
    const bso_param *p = l->param;
    const bso_optimizer *rule = l->rule;
    const ptrdiff_t i = p - trace->params;
    bso_h5_writer *w = &trace->w;
    char group[2 * NAME], path[3 * NAME];
    snprintf(group, sizeof group, "%s/%s", trace->update, p->name);
    bso_h5_group(w, group);
    for (int h = 0; rule->hypers[h].name; h++) bso_h5_put_number(w, group, rule->hypers[h].name, l->hyper[h]);
    if (rule->second_moment) bso_h5_put_number(w, group, "v", rule->second_moment(l, l->t));
    if (rule->threshold) bso_h5_put_number(w, group, "threshold", rule->threshold(l, l->t));
    snprintf(path, sizeof path, "%s/gradient", group);
    bso_tensor_put(w, path, p, H5T_NATIVE_FLOAT, float_value, trace->gradient[i]);
    if (rule->momentum) {
        snprintf(path, sizeof path, "%s/momentum", group);
        bso_tensor_put(w, path, p, H5T_NATIVE_FLOAT, momentum_value, l);
    }
    if (trace->before[i]) {
        const struct flips f = {p, trace->before[i]};
        snprintf(path, sizeof path, "%s/flips", group);
        bso_tensor_put(w, path, p, H5T_NATIVE_INT8, flip_value, &f);
        memcpy(trace->before[i], p->bits, bso_param_words(p) * sizeof(uint64_t));
    }
    snprintf(path, sizeof path, "%s/weight", group);
    bso_tensor_put(w, path, p, H5T_NATIVE_FLOAT, weight_value, p);
}

static void on_step_done(void *user, int t)
{
    bso_trace *trace = user;
    if (!recording(trace) || !trace->update_open) return;
    bso_h5_writer *w = &trace->w;
    bso_buffer *buffers;
    const int count = bso_network_buffers(trace->net, &buffers);
    for (int i = 0; i < count; i++) {
        const hsize_t dims[1] = {buffers[i].count};
        char path[2 * NAME];
        snprintf(path, sizeof path, "%s/%s", trace->update, buffers[i].name);
        bso_h5_put_array(w, path, H5T_NATIVE_FLOAT, 1, dims, buffers[i].data);
    }
    bso_h5_put_integer(w, trace->update, "batch", trace->batches - 1);
    bso_h5_put_integer(w, trace->update, "t", t);
    bso_h5_put_number(w, trace->update, "loss", trace->update_loss);
    trace->update_loss = 0;
    trace->update_open = false;
    trace->recorded++;
    if (!recording(trace)) close_batch(trace);
}

/* ---- Opening and closing ---- */

static void trace_free(bso_trace *trace)
{
    for (int i = 0; i < trace->param_count; i++) {
        if (trace->gradient) bso_free(trace->gradient[i]);
        if (trace->before) bso_free(trace->before[i]);
    }
    bso_free(trace->gradient);
    bso_free(trace->before);
    bso_free(trace->outputs);
    bso_free(trace->images);
    bso_free(trace->losses);
    bso_free(trace);
}

static int allocate(bso_trace *trace)
{
    static const char what[] = "a trace";
    const bso_network *net = trace->net;
    const size_t batch = (size_t)net->batch, steps = (size_t)net->steps;
    const size_t sample =
        (size_t)net->frames * (size_t)net->channels * (size_t)net->height * (size_t)net->width;
    trace->gradient = bso_alloc(BSO_MEM_LOG, (size_t)trace->param_count, sizeof *trace->gradient, what);
    trace->before = bso_alloc(BSO_MEM_LOG, (size_t)trace->param_count, sizeof *trace->before, what);
    trace->outputs =
        bso_alloc(BSO_MEM_LOG, batch * steps, (size_t)net->classes * sizeof *trace->outputs, what);
    trace->images = bso_alloc(BSO_MEM_LOG, batch, sample * sizeof *trace->images, what);
    trace->losses = bso_alloc(BSO_MEM_LOG, steps, sizeof *trace->losses, what);
    if (!trace->gradient || !trace->before || !trace->outputs || !trace->images || !trace->losses)
        return BSO_ERROR;
    for (int i = 0; i < trace->param_count; i++) {
        const bso_param *p = &trace->params[i];
        trace->gradient[i] = bso_alloc(BSO_MEM_LOG, bso_param_count(p), sizeof(float), what);
        if (!trace->gradient[i]) return BSO_ERROR;
        if (p->representation == BSO_REP_FLOAT) continue;
        trace->before[i] = bso_alloc(BSO_MEM_LOG, bso_param_words(p), sizeof(uint64_t), what);
        if (!trace->before[i]) return BSO_ERROR;
    }
    return 0;
}

int bso_trace_open(bso_trace **result, const char *path, const bso_network *net, const bso_settings *s,
                   int64_t updates)
{
    *result = NULL;
    if (bso_file_probe(path)) return BSO_ERROR;
    bso_trace *trace = bso_alloc(BSO_MEM_LOG, 1, sizeof *trace, "a trace");
    if (!trace) return BSO_ERROR;
    trace->net = net;
    trace->updates = updates;
    trace->param_count = bso_network_params(net, &trace->params);
    trace->observer = (bso_observer){
        .user = trace,
        .batch = on_batch,
        .step = on_step,
        .gradient = on_gradient,
        .updated = on_updated,
        .step_done = on_step_done,
    };
    snprintf(trace->path, sizeof trace->path, "%s", path);
    if (allocate(trace) || bso_h5_create(&trace->w, trace->path, format, VERSION)) {
        trace_free(trace);
        return BSO_ERROR;
    }
    bso_record_settings(&trace->w, s);
    bso_h5_group(&trace->w, "/batches");
    bso_h5_group(&trace->w, "/updates");
    *result = trace;
    return 0;
}

const bso_observer *bso_trace_observer(bso_trace *trace)
{
    return recording(trace) ? &trace->observer : NULL;
}

int bso_trace_close(bso_trace *trace, bool keep)
{
    int status = 0;
    if (keep) {
        close_batch(trace);
        status = bso_h5_finish(&trace->w);
    } else {
        bso_h5_discard(&trace->w);
    }
    trace_free(trace);
    return status;
}
