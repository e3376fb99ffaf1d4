/* memory_file.c: the files of `bso memory`, written and read back, which may be anything. See
 * memory_results.h; the format is in docs/formats.md.
 *
 * Sizes come from the file and are bounded by its length before memory is asked for: data sets are stored
 * plain.
 */
#include "experiments/memory_results.h"

#include "core/error.h"
#include "core/record.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FORMAT "bso-memory"
enum { VERSION = 1, POINTS_MAX = 100000, MODELS_MAX = 256, CATEGORIES_TEXT = 32 * BSO_MEM_CATEGORIES };

/* Columns of /planned and /measured, besides `bytes`. */
typedef struct {
    const char *name;
    size_t offset;
} column;

#define AT(field) offsetof(bso_memory_point, field)
static const column point_columns[] = {
    {"steps", AT(steps)},
    {"batch", AT(batch)},
    {"width", AT(width)},
    {"depth", AT(depth)},
    {"main_weights", AT(main_weights)},
    {"main_layers", AT(main_layers)},
    {"neurons", AT(neurons)},
    {"weight_bytes", AT(weight_bytes)},
    {"state_bytes", AT(state_bytes)},
    {NULL, 0},
};
#undef AT
static const column measurement_columns[] = {
    {"steps", offsetof(bso_memory_measurement, steps)},
    {"resident", offsetof(bso_memory_measurement, resident)},
    {NULL, 0},
};

/* Records of such columns and `bytes`: where they are, how long one is, and where in it its bytes are. */
typedef struct {
    const char *group;
    const column *columns;
    void *records;
    int count;
    size_t stride, bytes;
} records;

static records points_of(const bso_memory_file *f)
{
    return (records){"/planned", point_columns,    f->point,
                     f->points,  sizeof *f->point, offsetof(bso_memory_point, bytes)};
}

static records measurements_of(const bso_memory_file *f)
{
    return (records){"/measured",     measurement_columns,    f->measurement,
                     f->measurements, sizeof *f->measurement, offsetof(bso_memory_measurement, bytes)};
}

static size_t *field(const records *r, int i, size_t offset)
{
    return (size_t *)(void *)((char *)r->records + (size_t)i * r->stride + offset);
}

/* "weights_bits,weights_latent,...": the order of `bytes`. */
static void categories_text(char text[CATEGORIES_TEXT])
{
    size_t used = 0;
    for (int c = 0; c < BSO_MEM_CATEGORIES; c++) {
        used += (size_t)snprintf(text + used, CATEGORIES_TEXT - used, "%s%s", c ? "," : "",
                                 bso_mem_name((bso_mem_category)c));
    }
}

/* ---- life ---- */

int bso_memory_file_room(bso_memory_file *file, int points, int layers, int measurements, int models)
{
    static const char what[] = "memory's numbers";
    file->points = points;
    file->layers = layers;
    file->measurements = measurements;
    file->models = models;
    file->point = bso_alloc(BSO_MEM_LOG, (size_t)points, sizeof *file->point, what);
    file->layer = bso_alloc(BSO_MEM_LOG, (size_t)layers, sizeof *file->layer, what);
    file->measurement = bso_alloc(BSO_MEM_LOG, (size_t)measurements, sizeof *file->measurement, what);
    file->model = bso_alloc(BSO_MEM_LOG, (size_t)models, sizeof *file->model, what);
    if (!file->point || !file->layer || !file->measurement || !file->model) return BSO_ERROR;
    for (int i = 0; i < layers; i++) {
        file->layer[i].bytes = bso_alloc(BSO_MEM_LOG, (size_t)points, sizeof *file->layer[i].bytes, what);
        if (!file->layer[i].bytes) return BSO_ERROR;
    }
    return 0;
}

void bso_memory_file_free(bso_memory_file *file)
{
    for (int i = 0; file->layer && i < file->layers; i++) bso_free(file->layer[i].bytes);
    bso_free(file->point);
    bso_free(file->layer);
    bso_free(file->measurement);
    bso_free(file->model);
    *file = (bso_memory_file){.points = 0};
}

/* ---- writing ---- */

static void put_records(bso_h5_writer *w, const records *r, uint64_t *scratch)
{
    char path[64];
    const hsize_t dims[2] = {(hsize_t)r->count, BSO_MEM_CATEGORIES};
    bso_h5_group(w, r->group);
    for (const column *c = r->columns; c->name; c++) {
        for (int i = 0; i < r->count; i++) scratch[i] = *field(r, i, c->offset);
        snprintf(path, sizeof path, "%s/%s", r->group, c->name);
        bso_h5_put_array(w, path, H5T_NATIVE_UINT64, 1, dims, scratch);
    }
    for (int i = 0; i < r->count; i++) {
        for (int c = 0; c < BSO_MEM_CATEGORIES; c++)
            scratch[i * BSO_MEM_CATEGORIES + c] = field(r, i, r->bytes)[c];
    }
    snprintf(path, sizeof path, "%s/bytes", r->group);
    bso_h5_put_array(w, path, H5T_NATIVE_UINT64, 2, dims, scratch);
}

static void put_layers(bso_h5_writer *w, const bso_memory_file *f, uint64_t *scratch)
{
    const hsize_t dims[2] = {(hsize_t)f->points, BSO_MEM_CATEGORIES};
    char path[96];
    bso_h5_group(w, "/layers");
    for (int l = 0; l < f->layers; l++) {
        const bso_memory_layer *layer = &f->layer[l];
        snprintf(path, sizeof path, "/layers/%s", layer->name);
        bso_h5_group(w, path);
        bso_h5_put_unsigned(w, path, "main_weights", layer->main_weights);
        for (int i = 0; i < f->points; i++) {
            for (int c = 0; c < BSO_MEM_CATEGORIES; c++)
                scratch[i * BSO_MEM_CATEGORIES + c] = layer->bytes[i][c];
        }
        snprintf(path, sizeof path, "/layers/%s/bytes", layer->name);
        bso_h5_put_array(w, path, H5T_NATIVE_UINT64, 2, dims, scratch);
    }
}

static void put_shape(bso_h5_writer *w, const char *object, const bso_cost_shape *shape)
{
    bso_h5_put_integer(w, object, "channels", shape->channels);
    bso_h5_put_integer(w, object, "height", shape->height);
    bso_h5_put_integer(w, object, "width", shape->width);
    bso_h5_put_integer(w, object, "classes", shape->classes);
}

static void put_models(bso_h5_writer *w, const bso_memory_file *f)
{
    bso_h5_group(w, "/models");
    for (int i = 0; i < f->models; i++) {
        const bso_memory_model *m = &f->model[i];
        char group[96];
        snprintf(group, sizeof group, "/models/%s", m->name);
        bso_h5_group(w, group);
        bso_h5_put_text(w, group, "dataset", m->dataset);
        bso_h5_put_text(w, group, "network", m->network);
        put_shape(w, group, &m->shape);
        bso_h5_put_unsigned(w, group, "one_bit_weights", m->one_bit_weights);
        bso_h5_put_unsigned(w, group, "float_weights", m->float_weights);
        bso_h5_put_number(w, group, "bytes", m->bytes);
        bso_h5_put_number(w, group, "float_bytes", m->float_bytes);
    }
}

/* Texts of /config. */
static const column texts[] = {
    {"kind", offsetof(bso_memory_file, kind)},         {"method", offsetof(bso_memory_file, method)},
    {"label", offsetof(bso_memory_file, label)},       {"optimizer", offsetof(bso_memory_file, optimizer)},
    {"gradient", offsetof(bso_memory_file, gradient)}, {"update", offsetof(bso_memory_file, update)},
    {"network", offsetof(bso_memory_file, network)},   {NULL, 0},
};

static void put_config(bso_h5_writer *w, const bso_memory_file *f)
{
    char categories[CATEGORIES_TEXT];
    categories_text(categories);
    bso_h5_group(w, "/config");
    for (const column *t = texts; t->name; t++)
        bso_h5_put_text(w, "/config", t->name, (const char *)f + t->offset);
    put_shape(w, "/config", &f->shape);
    bso_h5_put_integer(w, "/config", "batch", f->batch);
    bso_h5_put_integer(w, "/config", "threads", f->threads);
    bso_h5_put_text(w, "/config", "categories", categories);
}

/* What /provenance says, as of a training. */
static void put_provenance(bso_h5_writer *w, const bso_memory_file *f, const char *command)
{
    bso_run run = {.threads = f->threads};
    memcpy(run.started, f->started, sizeof run.started);
    memcpy(run.ended, f->ended, sizeof run.ended);
    bso_record_provenance(w, &run, command);
}

int bso_memory_write(const char *path, const bso_memory_file *file, const char *command)
{
    bso_h5_writer w;
    int most = file->points > file->measurements ? file->points : file->measurements;
    uint64_t *scratch =
        bso_alloc(BSO_MEM_LOG, (size_t)most * BSO_MEM_CATEGORIES, sizeof *scratch, "memory's numbers");
    if (!scratch) return BSO_ERROR;
    int status = bso_h5_create(&w, path, FORMAT, VERSION);
    if (!status) {
        records points = points_of(file), measurements = measurements_of(file);
        put_config(&w, file);
        put_provenance(&w, file, command);
        put_records(&w, &points, scratch);
        put_layers(&w, file, scratch);
        put_records(&w, &measurements, scratch);
        put_models(&w, file);
        status = bso_h5_finish(&w);
    }
    bso_free(scratch);
    return status;
}

/* ---- reading ---- */

static int get_length(const bso_h5_reader *r, const char *path, int *length)
{
    int rank;
    hsize_t dims[BSO_H5_RANK];
    *length = 0;
    if (bso_h5_shape(r, path, &rank, dims)) return BSO_ERROR;
    if (rank != 1 || dims[0] > POINTS_MAX || dims[0] > r->bytes / sizeof(uint64_t))
        return bso_fail("%s: %s: not one axis of up to %d numbers", r->path, path, POINTS_MAX);
    *length = (int)dims[0];
    return 0;
}

/* A data set of whole numbers of 0 to 2^53. */
static int get_sizes(const bso_h5_reader *r, const char *path, int rank, const hsize_t dims[2], double *x)
{
    if (bso_h5_get_doubles(r, path, rank, dims, x)) return BSO_ERROR;
    size_t n = (size_t)dims[0] * (rank == 2 ? (size_t)dims[1] : 1);
    for (size_t i = 0; i < n; i++) {
        if (!(x[i] >= 0 && x[i] <= 0x1p53 && x[i] == floor(x[i])))
            return bso_fail("%s: %s: value %zu is no number of bytes", r->path, path, i);
    }
    return 0;
}

static int get_records(const bso_h5_reader *r, const records *to, double *scratch)
{
    char path[64];
    const hsize_t dims[2] = {(hsize_t)to->count, BSO_MEM_CATEGORIES};
    for (const column *c = to->columns; c->name; c++) {
        snprintf(path, sizeof path, "%s/%s", to->group, c->name);
        if (get_sizes(r, path, 1, dims, scratch)) return BSO_ERROR;
        for (int i = 0; i < to->count; i++) *field(to, i, c->offset) = (size_t)scratch[i];
    }
    snprintf(path, sizeof path, "%s/bytes", to->group);
    if (get_sizes(r, path, 2, dims, scratch)) return BSO_ERROR;
    for (int i = 0; i < to->count; i++) {
        for (int c = 0; c < BSO_MEM_CATEGORIES; c++)
            field(to, i, to->bytes)[c] = (size_t)scratch[i * BSO_MEM_CATEGORIES + c];
    }
    return 0;
}

static int get_layer(const bso_h5_reader *r, const bso_memory_file *f, int l, double *scratch)
{
    bso_memory_layer *layer = &f->layer[l];
    const hsize_t dims[2] = {(hsize_t)f->points, BSO_MEM_CATEGORIES};
    char path[96];
    uint64_t weights;
    if (bso_h5_name(r, "/layers", (size_t)l, layer->name, sizeof layer->name)) return BSO_ERROR;
    snprintf(path, sizeof path, "/layers/%s", layer->name);
    if (bso_h5_get_unsigned(r, path, "main_weights", &weights)) return BSO_ERROR;
    layer->main_weights = weights;
    snprintf(path, sizeof path, "/layers/%s/bytes", layer->name);
    if (get_sizes(r, path, 2, dims, scratch)) return BSO_ERROR;
    for (int i = 0; i < f->points; i++) {
        for (int c = 0; c < BSO_MEM_CATEGORIES; c++)
            layer->bytes[i][c] = (size_t)scratch[i * BSO_MEM_CATEGORIES + c];
    }
    return 0;
}

/* Layers, where there are some, hold all there is. */
static int check_sums(const bso_h5_reader *r, const bso_memory_file *f)
{
    for (int i = 0; f->layers && i < f->points; i++) {
        for (int c = 0; c < BSO_MEM_CATEGORIES; c++) {
            size_t sum = 0;
            for (int l = 0; l < f->layers; l++) sum += f->layer[l].bytes[i][c];
            if (sum != f->point[i].bytes[c])
                return bso_fail("%s: %s at T = %zu: the layers' bytes are %zu, the whole's %zu", r->path,
                                bso_mem_name((bso_mem_category)c), f->point[i].steps, sum,
                                f->point[i].bytes[c]);
        }
    }
    return 0;
}

static int check_points(const bso_h5_reader *r, const bso_memory_file *f)
{
    for (int i = 0; i < f->points; i++) {
        const bso_memory_point *p = &f->point[i];
        if (!p->steps || !p->batch || !p->main_weights || p->steps > INT32_MAX || p->batch > INT32_MAX ||
            p->weight_bytes + p->state_bytes > bso_cost_training(p->bytes))
            return bso_fail("%s: /planned: number %d makes no sense", r->path, i);
    }
    return 0;
}

static int get_int(const bso_h5_reader *r, const char *object, const char *name, int *value)
{
    int64_t x;
    if (bso_h5_get_integer(r, object, name, 0, INT32_MAX, &x)) return BSO_ERROR;
    *value = (int)x;
    return 0;
}

static int get_shape(const bso_h5_reader *r, const char *object, bso_cost_shape *shape)
{
    return get_int(r, object, "channels", &shape->channels) || get_int(r, object, "height", &shape->height) ||
                   get_int(r, object, "width", &shape->width) ||
                   get_int(r, object, "classes", &shape->classes)
               ? BSO_ERROR
               : 0;
}

static int get_amount(const bso_h5_reader *r, const char *object, const char *name, double *value)
{
    if (bso_h5_get_number(r, object, name, value)) return BSO_ERROR;
    return *value > 0 && *value < 0x1p53
               ? 0
               : bso_fail("%s: %s: %s is no number of bytes", r->path, object, name);
}

static int get_model(const bso_h5_reader *r, int i, bso_memory_model *m)
{
    char group[96];
    uint64_t bits, floats;
    if (bso_h5_name(r, "/models", (size_t)i, m->name, sizeof m->name)) return BSO_ERROR;
    snprintf(group, sizeof group, "/models/%s", m->name);
    if (bso_h5_get_text(r, group, "dataset", m->dataset, sizeof m->dataset) ||
        bso_h5_get_text(r, group, "network", m->network, sizeof m->network) ||
        get_shape(r, group, &m->shape) || bso_h5_get_unsigned(r, group, "one_bit_weights", &bits) ||
        bso_h5_get_unsigned(r, group, "float_weights", &floats) || get_amount(r, group, "bytes", &m->bytes) ||
        get_amount(r, group, "float_bytes", &m->float_bytes))
        return BSO_ERROR;
    m->one_bit_weights = bits;
    m->float_weights = floats;
    return 0;
}

static int get_config(const bso_h5_reader *r, bso_memory_file *f)
{
    char categories[CATEGORIES_TEXT], ours[CATEGORIES_TEXT];
    for (const column *t = texts; t->name; t++) {
        size_t size = strcmp(t->name, "network") == 0 ? sizeof f->network
                      : strcmp(t->name, "kind") == 0  ? sizeof f->kind
                                                      : BSO_WORD;
        if (bso_h5_get_text(r, "/config", t->name, (char *)f + t->offset, size)) return BSO_ERROR;
    }
    if (get_shape(r, "/config", &f->shape) || get_int(r, "/config", "batch", &f->batch) ||
        get_int(r, "/config", "threads", &f->threads) ||
        bso_h5_get_text(r, "/config", "categories", categories, sizeof categories) ||
        bso_h5_get_text(r, "/provenance", "started", f->started, sizeof f->started) ||
        bso_h5_get_text(r, "/provenance", "ended", f->ended, sizeof f->ended) ||
        bso_h5_get_text(r, "/provenance", "commit", f->commit, sizeof f->commit))
        return BSO_ERROR;
    categories_text(ours);
    if (strcmp(categories, ours) != 0)
        return bso_fail("%s: /config: categories are %s, not %s; measure again", r->path, categories, ours);
    if (*f->method && !bso_optimizer_find(f->optimizer)) return bso_fail_context("%s: /config", r->path);
    return *f->method && !bso_gradient_find(f->gradient) ? bso_fail_context("%s: /config", r->path) : 0;
}

static int get_all(const bso_h5_reader *r, bso_memory_file *f)
{
    int points, measurements;
    size_t layers, models;
    if (get_config(r, f) || get_length(r, "/planned/steps", &points) ||
        get_length(r, "/measured/steps", &measurements) ||
        bso_h5_count(r, "/layers", BSO_COST_LAYERS, &layers) ||
        bso_h5_count(r, "/models", MODELS_MAX, &models))
        return BSO_ERROR;
    /* Each layer has as many numbers as there are points in the file. */
    if ((uint64_t)points * layers > r->bytes / sizeof(uint64_t))
        return bso_fail("%s: /layers: larger than the file itself", r->path);
    if (bso_memory_file_room(f, points, (int)layers, measurements, (int)models)) return BSO_ERROR;
    int most = points > measurements ? points : measurements;
    double *scratch =
        bso_alloc(BSO_MEM_LOG, (size_t)most * BSO_MEM_CATEGORIES, sizeof *scratch, "memory's numbers");
    records all = points_of(f), measured = measurements_of(f);
    int status = scratch ? get_records(r, &all, scratch) : BSO_ERROR;
    if (!status) status = get_records(r, &measured, scratch);
    for (int l = 0; !status && l < f->layers; l++) status = get_layer(r, f, l, scratch);
    for (int i = 0; !status && i < f->models; i++) status = get_model(r, i, &f->model[i]);
    bso_free(scratch);
    if (!status) status = check_points(r, f);
    return status ? status : check_sums(r, f);
}

static int read_file(const char *path, bso_memory_file *f)
{
    *f = (bso_memory_file){.points = 0};
    bso_h5_reader r;
    if (bso_h5_open(&r, path)) return BSO_ERROR;
    int status = bso_h5_require(&r, FORMAT, VERSION);
    if (!status) status = get_all(&r, f);
    bso_h5_close(&r);
    if (status) bso_memory_file_free(f);
    return status;
}

static int rehearse(void *user)
{
    bso_memory_file file;
    return read_file(user, &file);
}

int bso_memory_read(const char *path, bso_memory_file *file)
{
    char name[BSO_TEXT * 4];
    snprintf(name, sizeof name, "%s", path);
    *file = (bso_memory_file){.points = 0};
    return bso_h5_rehearse(path, rehearse, name) ? BSO_ERROR : read_file(path, file);
}
