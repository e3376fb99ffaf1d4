/* memory.c: `bso memory`: what training holds in memory, method by method, for T = 1 up: planned by the code
 * that trains, and measured in processes that train where that is cheap. It writes DIR/memory; the tables are
 * memory_table.c's. */
#include "experiments/memory_results.h"
#include "experiments/method.h"
#include "experiments/program.h"

#include "core/file.h"
#include "core/lock.h"
#include "core/hash.h"

#include <inttypes.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static const char help[] =
    "usage: bso memory --out DIR [OPTIONS]\n"
    "  writes DIR/memory/*.h5 and the tables made of them; files that are there already are kept\n\n"
    "  --network NAME    a name of `bso list networks` or a string (vgg11)\n"
    "  --classes N       of samples of 3 x 32 x 32 (10)\n"
    "  --batch N         beside 8 and 1 (128)\n"
    "  --steps-max N     T from 1 to N (35)\n"
    "  --threads N       each has scratch of its own, so the numbers depend on it (2)\n"
    "  --no-measure      plan only\n"
    "  --dry-run         say what would be done\n";

/* Full precision, latent weights through time and online, bits. Adam's latent weights stand for what BSO is
 * measured against. */
static const char *const method_names[] = {"fp_snn",         "ottt", "adam_ste", "sgd_ste", "online_adam_ste",
                                           "online_sgd_ste", "bop",  "bso",      "tbso"};
/* One of them once more with momentum in few bits. */
static const struct {
    const char *method, *bits, *name, *label;
} few_bits[] = {
    {"tbso", "16", "tbso_momentum16", "T-BSO (16-bit momentum)"},
    {"tbso", "8", "tbso_momentum8", "T-BSO (8-bit momentum)"},
};
enum { BATCHES = 3, SMALL = 8, METHODS = COUNT(method_names) + COUNT(few_bits) };

/* What is trained, too, of batches of at most SMALL. */
static const int measured_steps[] = {1, 2, 4, 8};

/* Networks for Table 1: the shape of VGG-11, channels of the first layer by convolutions of each later block.
 */
static const int scaling_widths[] = {32, 64, 96, 128}, scaling_repeats[] = {2, 3},
                 scaling_batches[] = {1, 8, 32, 128}, scaling_steps[] = {1, 2, 4, 8, 16};
enum {
    SCALING_POINTS =
        COUNT(scaling_widths) * COUNT(scaling_repeats) * COUNT(scaling_batches) * COUNT(scaling_steps)
};

typedef struct {
    const char *out, *network;
    int classes, batch, steps_max, threads;
    bool no_measure, dry_run;
    const char *command;
    bso_methods methods;
    bso_method planned[METHODS];
    bso_cost cost; /* of the plan that was made last */
    bso_status view;
    int trainings, trained; /* this time */
    double work, worked;    /* samples times steps */
    double begun;
    bool differs; /* a measurement from its plan */
} job;

static bso_cost_shape shape_of(const job *j)
{
    return (bso_cost_shape){3, 32, 32, j->classes};
}

/* ---- one configuration ---- */

static int settings_of(const bso_method *method, const char *network, int batch, int steps, bso_settings *s)
{
    char number[2][16];
    snprintf(number[0], sizeof number[0], "%d", batch);
    snprintf(number[1], sizeof number[1], "%d", steps);
    bso_settings_default(s);
    return bso_settings_set(s, "network", network) || bso_settings_set(s, "batch", number[0]) ||
                   bso_settings_set(s, "steps", number[1]) || bso_method_apply(method, false, s) ||
                   bso_settings_set(s, "shards", "1") || bso_settings_check(s)
               ? BSO_ERROR
               : 0;
}

static int plan(job *j, const bso_settings *s, bso_memory_point *p)
{
    const bso_cost_shape shape = shape_of(j);
    bso_cost *c = &j->cost;
    if (bso_cost_plan(s, &shape, c)) return BSO_ERROR;
    if (c->main_weights == 0)
        return bso_fail("network=%s: has no weights for a rule: first and last layer are full precision",
                        s->network);
    *p = (bso_memory_point){
        .steps = (size_t)s->steps,
        .batch = (size_t)s->batch,
        .main_weights = c->main_weights,
        .main_layers = (size_t)c->main_layers,
        .neurons = c->neurons,
        .weight_bytes = c->weight_bytes,
        .state_bytes = c->state_bytes,
    };
    memcpy(p->bytes, c->bytes, sizeof p->bytes);
    return 0;
}

static void tell_difference(job *j, const bso_memory_file *f, const bso_memory_measurement *m)
{
    const bso_memory_point *p = bso_memory_at(f, (int)m->steps);
    for (int c = 0; p && c < BSO_MEM_CATEGORIES; c++) {
        if (m->bytes[c] == p->bytes[c]) continue;
        fprintf(stderr, "bso: memory: %s, batch %d, T = %zu: %s: %zu bytes measured, %zu planned\n", f->label,
                f->batch, m->steps, bso_mem_name((bso_mem_category)c), m->bytes[c], p->bytes[c]);
        j->differs = true;
    }
    if (bso_cost_explained(m->resident, m->bytes)) return;
    fprintf(
        stderr,
        "bso: note: %s, batch %d, T = %zu: the resident set grew by %.1f MB, the accounting says %.1f MB\n",
        f->label, f->batch, m->steps, (double)m->resident / 1e6, (double)bso_cost_training(m->bytes) / 1e6);
}

static int measure(job *j, const bso_settings *s, const bso_memory_file *f, bso_memory_measurement *m)
{
    char line[256], left[32];
    const bso_cost_shape shape = shape_of(j);
    double spent = bso_clock() - j->begun;
    bso_duration_text(j->worked > 0 ? spent / j->worked * (j->work - j->worked) : -1, left, sizeof left);
    snprintf(line, sizeof line, "%d of %d trained, %s left: %s, batch %d, T = %d", j->trained, j->trainings,
             left, f->label, f->batch, (int)s->steps);
    bso_status_show(&j->view, false, line);
    bso_cost_measured measured;
    int status = bso_cost_measure(s, &shape, j->threads, NULL, &measured);
    if (status) return status;
    *m = (bso_memory_measurement){.steps = (size_t)s->steps, .resident = measured.resident};
    memcpy(m->bytes, measured.bytes, sizeof m->bytes);
    j->trained++;
    j->worked += (double)(s->steps * s->batch);
    return 0;
}

/* ---- files ---- */

/* Measured at so many T. */
static int measurements_at(const job *j, int batch)
{
    int count = 0;
    for (int i = 0; i < COUNT(measured_steps); i++) count += measured_steps[i] <= j->steps_max;
    return j->no_measure || batch > SMALL ? 0 : count;
}

static void begin_file(const job *j, const char *kind, const bso_method *method, bso_memory_file *f)
{
    *f = (bso_memory_file){.shape = shape_of(j), .threads = j->threads};
    snprintf(f->kind, sizeof f->kind, "%s", kind);
    if (method) {
        memcpy(f->method, method->name, sizeof f->method);
        memcpy(f->label, method->label, sizeof f->label);
    }
    bso_clock_stamp(f->started);
}

static void name_settings(bso_memory_file *f, const bso_settings *s)
{
    memcpy(f->optimizer, s->optimizer, sizeof f->optimizer);
    memcpy(f->gradient, s->gradient, sizeof f->gradient);
    memcpy(f->update, s->update, sizeof f->update);
}

/* A file for each kind, method, network and batch. */
static int path_of(const job *j, const char *kind, const char *method, int batch, char path[BSO_PATH])
{
    char text[BSO_TEXT + 64], name[160], folder[BSO_PATH];
    if (batch) {
        snprintf(text, sizeof text, "%s,%d", j->network, j->classes);
        snprintf(name, sizeof name, "%s-%s-b%d-%016" PRIx64 ".h5", kind, method, batch,
                 bso_hash(bso_hash_start, text, strlen(text)));
    } else {
        snprintf(name, sizeof name, "%s%s%s.h5", kind, *method ? "-" : "", method);
    }
    return bso_file_path(folder, j->out, "memory") || bso_file_path(path, folder, name) ? BSO_ERROR : 0;
}

/* Is it there, whole, with so many points and at least as many measurements? One that is not, or that is
 * another's under this name, is made again. method: NULL: models. batch: 0: of many networks. */
static bool is_there(const job *j, const char *path, const char *kind, const bso_method *method, int batch,
                     int points, int measurements)
{
    bso_memory_file f;
    if (access(path, F_OK) || bso_memory_read(path, &f)) return false;
    bool same = f.points == points && f.measurements >= measurements && f.threads == j->threads &&
                f.shape.classes == j->classes && strcmp(f.kind, kind) == 0 &&
                strcmp(f.method, method ? method->name : "") == 0 && f.batch == batch &&
                (!batch || strcmp(f.network, j->network) == 0);
    bso_memory_file_free(&f);
    return same;
}

/* Write what has been put together, unless something went wrong; free it. */
static int end_file(const job *j, const char *path, bso_memory_file *f, int status)
{
    bso_clock_stamp(f->ended);
    if (!status) status = bso_memory_write(path, f, j->command);
    bso_memory_file_free(f);
    return status;
}

/* T = 1 up to the most, layer by layer. */
static int plan_steps(job *j, const bso_method *method, int batch, bso_memory_file *f)
{
    bso_settings s;
    bso_memory_point first;
    if (settings_of(method, j->network, batch, 1, &s) || plan(j, &s, &first)) return BSO_ERROR;
    snprintf(f->network, sizeof f->network, "%s", j->network);
    name_settings(f, &s);
    f->batch = batch;
    if (bso_memory_file_room(f, j->steps_max, j->cost.layers, measurements_at(j, batch), 0)) return BSO_ERROR;
    for (int i = 0; i < f->points; i++) {
        if (bso_stop_requested) return BSO_INTERRUPTED;
        if (settings_of(method, j->network, batch, i + 1, &s) || plan(j, &s, &f->point[i])) return BSO_ERROR;
        for (int l = 0; l < f->layers; l++) {
            const bso_cost_layer *from = &j->cost.layer[l];
            memcpy(f->layer[l].name, from->name, sizeof from->name);
            f->layer[l].main_weights = from->main_weights;
            memcpy(f->layer[l].bytes[i], from->bytes, sizeof from->bytes);
        }
    }
    return 0;
}

static int make_steps(job *j, const bso_method *method, int batch, const char *path)
{
    bso_memory_file f;
    begin_file(j, "steps", method, &f);
    int status = plan_steps(j, method, batch, &f);
    for (int i = 0; !status && i < f.measurements; i++) {
        bso_settings s;
        status = settings_of(method, j->network, batch, measured_steps[i], &s);
        if (!status) status = measure(j, &s, &f, &f.measurement[i]);
    }
    return end_file(j, path, &f, status);
}

static void scaling_network(int width, int repeats, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%dC3-%dC3-AP2", width, 2 * width);
    for (int block = 0; block < 3; block++) {
        for (int i = 0; i < repeats; i++)
            used += (size_t)snprintf(text + used, size - used, "-%dC3", (block ? 8 : 4) * width);
        used += (size_t)snprintf(text + used, size - used, "-%s", block < 2 ? "AP2" : "GAP");
    }
    snprintf(text + used, size - used, "-FC");
}

/* The i-th point of all combinations, batches and T varying fastest. */
static int plan_scaling(job *j, const bso_method *method, int i, bso_memory_file *f)
{
    char network[256];
    bso_settings s;
    int steps = scaling_steps[i % COUNT(scaling_steps)], rest = i / COUNT(scaling_steps);
    int batch = scaling_batches[rest % COUNT(scaling_batches)];
    rest /= COUNT(scaling_batches);
    int width = scaling_widths[rest % COUNT(scaling_widths)];
    scaling_network(width, scaling_repeats[rest / COUNT(scaling_widths)], network, sizeof network);
    if (settings_of(method, network, batch, steps, &s) || plan(j, &s, &f->point[i])) return BSO_ERROR;
    f->point[i].width = (size_t)width;
    f->point[i].depth = f->point[i].main_layers;
    name_settings(f, &s);
    return 0;
}

static int make_scaling(job *j, const bso_method *method, const char *path)
{
    bso_memory_file f;
    begin_file(j, "scaling", method, &f);
    int status = bso_memory_file_room(&f, SCALING_POINTS, 0, 0, 0);
    for (int i = 0; !status && i < SCALING_POINTS; i++) {
        status = bso_stop_requested ? BSO_INTERRUPTED : plan_scaling(j, method, i, &f);
    }
    return end_file(j, path, &f, status);
}

/* The paper's models. */
static const struct {
    const char *name, *dataset, *network;
    bso_cost_shape shape;
} models[] = {
    {"vgg11-cifar10", "CIFAR-10", "vgg11", {3, 32, 32, 10}},
    {"vgg11-cifar100", "CIFAR-100", "vgg11", {3, 32, 32, 100}},
    {"resnet18-imagenet", "ImageNet", "resnet18", {3, 224, 224, 1000}},
    {"vgg11-cifar10-dvs", "DVS-CIFAR10", "vgg11", {2, 48, 48, 10}},
    {"vgg11-speech-35", "GSC", "vgg11", {1, 32, 32, 35}},
    {"vgg11-speech-12", "GSC", "vgg11", {1, 32, 32, 12}},
};

static int make_models(job *j, const char *path)
{
    bso_memory_file f;
    const bso_method *method = bso_method_find(&j->methods, "bso");
    begin_file(j, "models", NULL, &f);
    int status = method ? bso_memory_file_room(&f, 0, 0, 0, COUNT(models)) : BSO_ERROR;
    for (int i = 0; !status && i < COUNT(models); i++) {
        bso_settings s;
        bso_memory_model *m = &f.model[i];
        status = settings_of(method, models[i].network, 1, 1, &s);
        if (!status) status = bso_cost_plan(&s, &models[i].shape, &j->cost);
        *m = (bso_memory_model){
            .shape = models[i].shape,
            .one_bit_weights = j->cost.one_bit_weights,
            .float_weights = j->cost.float_weights,
            .bytes = j->cost.model_bytes,
            .float_bytes = j->cost.model_bytes_float,
        };
        snprintf(m->name, sizeof m->name, "%s", models[i].name);
        snprintf(m->dataset, sizeof m->dataset, "%s", models[i].dataset);
        snprintf(m->network, sizeof m->network, "%s", models[i].network);
    }
    return end_file(j, path, &f, status);
}

/* ---- all of it ---- */

/* The methods that are planned, in j->planned. */
static int choose_methods(job *j)
{
    int count = 0;
    for (int m = 0; m < COUNT(method_names); m++) {
        const bso_method *method = bso_method_find(&j->methods, method_names[m]);
        if (!method) return BSO_ERROR;
        j->planned[count++] = *method;
    }
    for (int m = 0; m < COUNT(few_bits); m++) {
        const bso_method *method = bso_method_find(&j->methods, few_bits[m].method);
        if (!method) return BSO_ERROR;
        bso_method *few = &j->planned[count++];
        *few = *method;
        if (few->pairs == BSO_METHOD_KEYS) return bso_fail("method %s: too many settings", method->name);
        bso_pair *pair = &few->set[few->pairs++];
        snprintf(pair->key, sizeof pair->key, "momentum_bits");
        snprintf(pair->value, sizeof pair->value, "%s", few_bits[m].bits);
        snprintf(few->name, sizeof few->name, "%s", few_bits[m].name);
        snprintf(few->label, sizeof few->label, "%s", few_bits[m].label);
    }
    return 0;
}

/* The i-th batch size; false where it came before. */
static bool batch_at(const job *j, int i, int *batch)
{
    const int sizes[BATCHES] = {j->batch, SMALL, 1};
    *batch = sizes[i];
    for (int k = 0; k < i; k++) {
        if (sizes[k] == *batch) return false;
    }
    return true;
}

/* Call `one` for each file of a method's points at T. */
static int for_steps(job *j, int (*one)(job *j, const bso_method *method, int batch, const char *path))
{
    for (int i = 0; i < BATCHES; i++) {
        int batch;
        if (!batch_at(j, i, &batch)) continue;
        for (int m = 0; m < METHODS; m++) {
            char path[BSO_PATH];
            const bso_method *method = &j->planned[m];
            if (path_of(j, "steps", method->name, batch, path)) return BSO_ERROR;
            int status = one(j, method, batch, path);
            if (status) return status;
        }
    }
    return 0;
}

static int count_work(job *j, const bso_method *method, int batch, const char *path)
{
    bool there = is_there(j, path, "steps", method, batch, j->steps_max, measurements_at(j, batch));
    if (j->dry_run) {
        bso_settings s;
        bso_memory_point first;
        if (settings_of(method, j->network, batch, 1, &s) || plan(j, &s, &first)) return BSO_ERROR;
        printf("%-18s batch %-4d T = 1..%d planned, %d trained%s\n", method->label, batch, j->steps_max,
               measurements_at(j, batch), there ? " (there)" : "");
    }
    if (there) return 0;
    j->trainings += measurements_at(j, batch);
    for (int i = 0; i < measurements_at(j, batch); i++) j->work += (double)(measured_steps[i] * batch);
    return 0;
}

static int make_missing(job *j, const bso_method *method, int batch, const char *path)
{
    bool there = is_there(j, path, "steps", method, batch, j->steps_max, measurements_at(j, batch));
    return there ? 0 : make_steps(j, method, batch, path);
}

/* Of all files, those that were there as well. */
static int check_measurements(job *j)
{
    bso_memory_results results;
    int status = bso_memory_load(&results, j->out);
    for (int i = 0; !status && i < results.count; i++) {
        const bso_memory_file *f = &results.file[i];
        for (int k = 0; k < f->measurements; k++) tell_difference(j, f, &f->measurement[k]);
    }
    bso_memory_results_free(&results);
    return status;
}

static int run(job *j, const char *folder)
{
    char path[BSO_PATH];
    bso_file_remove_leftovers(folder, NULL, true);
    bso_status_init(&j->view, 5);
    j->begun = bso_clock();
    int status = for_steps(j, make_missing);
    bso_status_clear(&j->view);
    for (int m = 0; !status && m < METHODS; m++) {
        const bso_method *method = &j->planned[m];
        status = path_of(j, "scaling", method->name, 0, path);
        if (!status && !is_there(j, path, "scaling", method, 0, SCALING_POINTS, 0))
            status = make_scaling(j, method, path);
    }
    if (!status) status = path_of(j, "models", "", 0, path);
    if (!status && !is_there(j, path, "models", NULL, 0, 0, 0)) status = make_models(j, path);
    if (!status) status = bso_memory_tables(j->out);
    if (!status) status = check_measurements(j);
    if (status) return status;
    printf("%d trained; tables in %s/tables\n", j->trained, j->out);
    return j->differs ? 1 : 0;
}

/* Two of them in one folder do the work once: the second one waits, and finds it done. */
static int run_alone(job *j)
{
    char folder[BSO_PATH], lock_path[BSO_PATH];
    int lock;
    if (bso_file_path(folder, j->out, "memory") || bso_file_directories(folder) ||
        bso_file_path(lock_path, j->out, "memory.lock"))
        return BSO_ERROR;
    int status = bso_lock_wait(lock_path, &lock, &bso_stop_requested);
    if (status) return status;
    status = run(j, folder);
    bso_lock_release(lock_path, lock);
    return status;
}

/* The option that argv[*i] is: 1 when it is one, 0 when it is none, or BSO_USAGE. */
static int parse_one(int argc, char **argv, int *i, job *j, bool *asked)
{
    const struct {
        const char *name;
        long min, max;
        int *number;
    } numbers[] = {
        {"--classes", 2, 100000, &j->classes},
        {"--batch", 1, 100000, &j->batch},
        {"--steps-max", 1, 1000, &j->steps_max},
        {"--threads", 1, 1024, &j->threads},
    };
    for (int k = 0; k < COUNT(numbers); k++) {
        const char *value;
        int code = bso_option(argc, argv, i, numbers[k].name, &value);
        if (code == 1 &&
            bso_option_number(numbers[k].name, value, numbers[k].min, numbers[k].max, numbers[k].number))
            return BSO_USAGE;
        if (code) return code;
    }
    int code = bso_option(argc, argv, i, "--out", &j->out);
    if (code == 0) code = bso_option(argc, argv, i, "--network", &j->network);
    if (code == 0) code = bso_flag(argv[*i], "--no-measure", &j->no_measure);
    if (code == 0) code = bso_flag(argv[*i], "--dry-run", &j->dry_run);
    if (code == 0) code = bso_flag(argv[*i], "--help", asked);
    if (code == 0) code = bso_flag(argv[*i], "-h", asked);
    return code;
}

static int parse(int argc, char **argv, job *j, bool *asked)
{
    for (int i = 1; i < argc; i++) {
        int code = parse_one(argc, argv, &i, j, asked);
        if (code < 0) return code;
        if (code == 0) return bso_usage("no such option: %s", argv[i]);
    }
    return *asked || (j->out && *j->out) ? 0 : bso_usage("--out DIR is missing");
}

int bso_command_memory(int argc, char **argv)
{
    job j = {.network = "vgg11", .classes = 10, .batch = 128, .steps_max = 35, .threads = 2};
    bool asked = false;
    int status = parse(argc, argv, &j, &asked);
    if (asked) fputs(help, stdout);
    if (status || asked) return status;
    char *command = bso_command_line(argc, argv);
    j.command = command;
    j.cost.layer = bso_alloc(BSO_MEM_LOG, BSO_COST_LAYERS, sizeof *j.cost.layer, "a plan's layers");
    status = command && j.cost.layer ? bso_methods_read(&j.methods, NULL) : BSO_ERROR;
    if (!status) status = choose_methods(&j);
    omp_set_num_threads(j.threads); /* none is started here: what trains is forked */
    if (!status) status = for_steps(&j, count_work);
    if (!status && !j.dry_run) status = run_alone(&j);
    bso_methods_free(&j.methods);
    bso_free(j.cost.layer);
    bso_free(command);
    return status;
}
