/* store.c: parameters and running statistics as an HDF5 file. See store.h; traces are in trace.c. */
#include "core/store.h"

#include "core/error.h"
#include "core/isolate.h"
#include "core/tensor_file.h"

#include <stdio.h>
#include <string.h>

static const char format[] = "bso-parameters";
enum { VERSION = 1 };

/* ---- Saving ---- */

/* The value that training works on: the latent weight where there is one. */
static float stored_value(const void *user, size_t index)
{
    const bso_param *p = user;
    return p->real ? p->real[index] : bso_param_value(p, index);
}

int bso_store_save(const bso_network *net, const char *path)
{
    bso_h5_writer w;
    if (bso_h5_create(&w, path, format, VERSION)) return BSO_ERROR;
    bso_param *params;
    bso_buffer *buffers;
    const int param_count = bso_network_params(net, &params),
              buffer_count = bso_network_buffers(net, &buffers);
    for (int i = 0; i < param_count; i++) {
        bso_tensor_put(&w, params[i].name, &params[i], H5T_NATIVE_FLOAT, stored_value, &params[i]);
    }
    for (int i = 0; i < buffer_count; i++) {
        const hsize_t dims[1] = {buffers[i].count};
        bso_h5_put_array(&w, buffers[i].name, H5T_NATIVE_FLOAT, 1, dims, buffers[i].data);
    }
    return bso_h5_finish(&w);
}

/* ---- Loading: everything is read beside the network, in a process of its own, then copied in ---- */

/* One parameter's values before they count. */
struct staged {
    const bso_h5_reader *file;
    bso_param *param;
    uint64_t *bits; /* [cols][words], for one-bit parameters */
    float *real;    /* [rows][cols], for the others */
};

static int take_bits(void *user, size_t run, const float *values)
{
    struct staged *s = user;
    const bso_param *p = s->param;
    for (size_t j = 0; j < (size_t)p->rows; j++) {
        if (values[j] != 1 && values[j] != -1) {
            return bso_fail("%s: %s: value %zu is %g; one-bit weights are -1 or +1", s->file->path, p->name,
                            run * (size_t)p->rows + j, (double)values[j]);
        }
        const size_t k = bso_tensor_index(p, run, j) / (size_t)p->cols;
        if (values[j] > 0) s->bits[run * (size_t)p->words + k / 64] |= UINT64_C(1) << k % 64;
    }
    return 0;
}

static int take_real(void *user, size_t run, const float *values)
{
    struct staged *s = user;
    for (size_t j = 0; j < bso_tensor_run_length(s->param); j++) {
        s->real[bso_tensor_index(s->param, run, j)] = values[j];
    }
    return 0;
}

/* Room for a parameter. Returns where it is and how many bytes; NULL with bso_fail. */
static void *make_room(struct staged *s, size_t *bytes)
{
    const bso_param *p = s->param;
    if (p->representation == BSO_REP_BITS) {
        const size_t words = bso_param_words(p);
        *bytes = words * sizeof *s->bits;
        return s->bits = bso_alloc(BSO_MEM_LOG, words, sizeof *s->bits, "loaded weights");
    }
    *bytes = bso_param_count(p) * sizeof *s->real;
    return s->real = bso_alloc(BSO_MEM_LOG, bso_param_count(p), sizeof *s->real, "loaded weights");
}

static int send_param(const bso_isolate *c, const bso_h5_reader *r, bso_param *p)
{
    struct staged s = {.file = r, .param = p};
    size_t bytes;
    void *values = make_room(&s, &bytes);
    int status = !values || bso_tensor_get(r, p->name, p, s.bits ? take_bits : take_real, &s) ||
                         bso_isolate_send(c, values, bytes)
                     ? BSO_ERROR
                     : 0;
    bso_free(values);
    return status;
}

/* Running statistics are read as vectors; a variance below 0 has no square root. */
static int read_buffer(const bso_h5_reader *r, const bso_buffer *buffer, float *values)
{
    const char *suffix = strrchr(buffer->name, '.');
    const bool variance = suffix && strcmp(suffix, ".running_var") == 0;
    bso_param vector = {.vector = true, .rows = 1, .cols = (int)buffer->count};
    struct staged s = {.file = r, .param = &vector, .real = values};
    if (bso_tensor_get(r, buffer->name, &vector, take_real, &s)) return BSO_ERROR;
    for (size_t i = 0; variance && i < buffer->count; i++) {
        if (values[i] < 0) {
            return bso_fail("%s: %s: value %zu is %g; a variance is not negative", r->path, buffer->name, i,
                            (double)values[i]);
        }
    }
    return 0;
}

/* Whether it is there, and then the values. */
static int send_buffer(const bso_isolate *c, const bso_h5_reader *r, const bso_buffer *buffer)
{
    const unsigned char there = bso_h5_has(r, buffer->name);
    if (bso_isolate_send(c, &there, sizeof there)) return BSO_ERROR;
    if (!there) return 0;
    float *values = bso_alloc(BSO_MEM_LOG, buffer->count, sizeof *values, "loaded statistics");
    int status = !values || read_buffer(r, buffer, values) ||
                         bso_isolate_send(c, values, buffer->count * sizeof *values)
                     ? BSO_ERROR
                     : 0;
    bso_free(values);
    return status;
}

static int send_all(const bso_isolate *c, void *user)
{
    const bso_network *net = user;
    bso_h5_reader r;
    bso_param *params;
    bso_buffer *buffers;
    const int param_count = bso_network_params(net, &params),
              buffer_count = bso_network_buffers(net, &buffers);
    if (bso_h5_open(&r, c->path)) return BSO_ERROR;
    for (int i = 0; i < param_count; i++) {
        if (send_param(c, &r, &params[i])) return BSO_ERROR;
    }
    for (int i = 0; i < buffer_count; i++) {
        if (send_buffer(c, &r, &buffers[i])) return BSO_ERROR;
    }
    return 0;
}

static int receive_param(bso_isolate *c, struct staged *s)
{
    size_t bytes;
    void *values = make_room(s, &bytes);
    return values ? bso_isolate_receive(c, values, bytes) : BSO_ERROR;
}

static int receive_buffer(bso_isolate *c, const bso_buffer *buffer, float **staged)
{
    unsigned char there;
    if (bso_isolate_receive(c, &there, sizeof there)) return BSO_ERROR;
    if (!there) return 0;
    *staged = bso_alloc(BSO_MEM_LOG, buffer->count, sizeof **staged, "loaded statistics");
    return *staged ? bso_isolate_receive(c, *staged, buffer->count * sizeof **staged) : BSO_ERROR;
}

static void commit_param(const struct staged *s)
{
    bso_param *p = s->param;
    if (s->bits) {
        memcpy(p->bits, s->bits, bso_param_words(p) * sizeof *p->bits);
        return;
    }
    memcpy(p->real, s->real, bso_param_count(p) * sizeof *p->real);
    if (p->representation == BSO_REP_LATENT) bso_param_sign(p);
}

static int load(bso_network *net, const char *path, struct staged *staged, float **statistics)
{
    bso_isolate c;
    bso_param *params;
    bso_buffer *buffers;
    const int param_count = bso_network_params(net, &params),
              buffer_count = bso_network_buffers(net, &buffers);
    if (bso_isolate_start(&c, path, send_all, net)) return BSO_ERROR;
    int failed = 0;
    for (int i = 0; i < param_count && !failed; i++) {
        staged[i].param = &params[i];
        failed = receive_param(&c, &staged[i]);
    }
    for (int i = 0; i < buffer_count && !failed; i++)
        failed = receive_buffer(&c, &buffers[i], &statistics[i]);
    if (bso_isolate_end(&c, failed)) return BSO_ERROR;
    for (int i = 0; i < param_count; i++) commit_param(&staged[i]);
    for (int i = 0; i < buffer_count; i++) {
        if (statistics[i]) memcpy(buffers[i].data, statistics[i], buffers[i].count * sizeof *statistics[i]);
    }
    return 0;
}

int bso_store_load(bso_network *net, const char *path)
{
    bso_param *params;
    bso_buffer *buffers;
    const int param_count = bso_network_params(net, &params),
              buffer_count = bso_network_buffers(net, &buffers);
    struct staged *staged = bso_alloc(BSO_MEM_LOG, (size_t)param_count, sizeof *staged, "loaded weights");
    float **statistics =
        bso_alloc(BSO_MEM_LOG, (size_t)buffer_count, sizeof *statistics, "loaded statistics");
    int status = staged && statistics ? load(net, path, staged, statistics) : BSO_ERROR;
    for (int i = 0; staged && i < param_count; i++) {
        bso_free(staged[i].bits);
        bso_free(staged[i].real);
    }
    for (int i = 0; statistics && i < buffer_count; i++) bso_free(statistics[i]);
    bso_free(staged);
    bso_free(statistics);
    return status;
}
