/* data.c: `bso data`: what data sets there are and where, whether files are whole, what is in them, how fast
 * they are read. Checking and showing have files of their own.
 */
#include "experiments/data.h"

#include "core/cache.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/stand_in.h"
#include "experiments/program.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char help[] =
    "usage: bso data list                          data sets, where their files are, and stand-ins\n"
    "       bso data check NAME                    go through its files one by one: sizes, checksums, "
    "whether\n"
    "                                              each can be read; then how many samples of each class\n"
    "       bso data show NAME [--out FILE.png]    a sheet of samples with their labels, as training sees "
    "them\n"
    "       bso data time NAME                     how fast batches are made\n"
    "       bso data make NAME FOLDER              write a small imitation in the files of NAME\n\n"
    "  --set KEY=VALUE   a setting, as in `bso run`: data_dir, augment, steps, image_size, ...\n"
    "  --split SPLIT     show: train (the default) or test\n"
    "  --samples N       show: so many of each class\n"
    "  --per-class N     make: so many of each class, training and test together\n"
    "  --seed N          make: of everything random (default 1)\n\n"
    "example: bso data show fashion-mnist --set augment=crop+flip --out sheet.png\n";

/* ---- list ---- */

static void list_set(const bso_dataset_format *f, const bso_settings *s)
{
    char folder[BSO_PATH];
    printf("  %-20s %s\n", f->name, f->summary);
    if (f->find(folder, s)) {
        printf("  %-20s not here\n", "");
        return;
    }
    bso_dataset d = {0};
    bso_dataset_call(&d, "", folder);
    printf("  %-20s %s%s%s%s\n", "", folder, d.stand_in ? " (" : "", d.name, d.stand_in ? ")" : "");
}

static int list(const bso_data_options *o)
{
    printf("DATA SETS in data_dir, BSO_DATA_DIR or their packages\n");
    for (const bso_dataset_format *const *f = bso_dataset_formats; *f; f++) {
        if ((*f)->find) list_set(*f, &o->settings);
    }
    printf("\nYOUR OWN (key dataset)\n");
    for (const bso_dataset_format *const *f = bso_dataset_formats; *f; f++) {
        if ((*f)->argument) printf("  %s%s\n  %-20s %s\n", (*f)->name, (*f)->argument, "", (*f)->summary);
    }
    char cache[BSO_PATH], path[BSO_PATH];
    printf("\nSTAND-INS (dataset=stand-in:NAME), made when first used ");
    if (bso_cache_folder(cache, &o->settings)) {
        printf("(%s)\n", bso_error());
    } else {
        printf("in %s/stand-ins\n", *cache ? cache : "a cache, which is off");
    }
    for (const bso_stand_in *const *i = bso_stand_ins; *i; i++) {
        struct stat status;
        int n = snprintf(path, sizeof path, "%s/stand-ins/%s-%d", cache, (*i)->dataset, (*i)->version);
        bool there = *cache && n > 0 && (size_t)n < sizeof path && stat(path, &status) == 0;
        printf("  %-20s %s%s\n", (*i)->dataset, (*i)->summary, there ? "; made" : "");
    }
    return 0;
}

/* ---- make ---- */

static int make(const bso_data_options *o)
{
    const bso_stand_in *stand_in = bso_stand_in_find(o->name);
    if (!stand_in) return BSO_ERROR;
    if (bso_stand_in_make(stand_in, o->folder, o->per_class, (uint64_t)o->seed)) return BSO_ERROR;
    printf("%s: %s; read it with --set dataset=%s --set data_dir=%s\n", o->folder, stand_in->shown,
           stand_in->dataset, o->folder);
    return 0;
}

/* ---- time ---- */

static int time_split(bso_loader *l, bso_split split, size_t batch, const char *what)
{
    const double enough = 3;
    size_t count = l->count[split], done = 0;
    if (count > batch) count -= count % batch;
    double begun = bso_clock();
    for (uint32_t epoch = 0; bso_clock() - begun < enough && !bso_stop_requested; epoch++) {
        if (bso_loader_start(l, split, epoch, 0, count, batch)) return BSO_ERROR;
        for (size_t at = 0; at < count && bso_clock() - begun < enough;) {
            const float *x;
            const int *y;
            size_t n;
            if (bso_loader_next(l, &x, &y, &n)) return BSO_ERROR;
            at += n;
            done += n;
        }
    }
    double seconds = bso_clock() - begun;
    if (bso_stop_requested) return BSO_INTERRUPTED;
    printf("  %-10s %10.0f samples/s, %.3f ms each\n", what, (double)done / seconds,
           1e3 * seconds / (double)done);
    return 0;
}

static int time_loader(const bso_data_options *o)
{
    if (bso_start((int)o->settings.threads)) return BSO_ERROR;
    double begun = bso_clock();
    bso_loader l;
    if (bso_loader_open(&l, &o->settings)) return BSO_ERROR;
    printf("%s: %zu training, %zu test samples of %d x %d x %d x %d; opened in %.2f s\n", l.data.name,
           l.count[BSO_SPLIT_TRAIN], l.count[BSO_SPLIT_TEST], l.data.frames, l.data.channels, l.data.height,
           l.data.width, bso_clock() - begun);
    printf("batches of %lld, augment=%s, %d thread%s%s\n", (long long)o->settings.batch, o->settings.augment,
           l.workers ? l.workers : l.threads, (l.workers ? l.workers : l.threads) == 1 ? "" : "s",
           l.workers ? " ahead of training" : "");
    int rc = time_split(&l, BSO_SPLIT_TRAIN, (size_t)o->settings.batch, "training");
    if (!rc) rc = time_split(&l, BSO_SPLIT_TEST, (size_t)o->settings.batch, "test");
    bso_loader_close(&l);
    return rc;
}

/* ---- the command ---- */

static int parse_option(int argc, char **argv, int *i, bso_data_options *o)
{
    const char *pair = NULL, *split = NULL, *samples = NULL, *per_class = NULL, *seed = NULL;
    int code = bso_option(argc, argv, i, "--set", &pair);
    if (code == 0) code = bso_option(argc, argv, i, "--out", &o->out);
    if (code == 0) code = bso_option(argc, argv, i, "--split", &split);
    if (code == 0) code = bso_option(argc, argv, i, "--samples", &samples);
    if (code == 0) code = bso_option(argc, argv, i, "--per-class", &per_class);
    if (code == 0) code = bso_option(argc, argv, i, "--seed", &seed);
    if (code == 0) code = bso_usage("%s: unknown argument", argv[*i]);
    if (code < 0) return code;
    if (pair) return bso_set_pair(&o->settings, pair);
    if (samples) return bso_option_number("--samples", samples, 1, 1000, &o->samples);
    if (per_class) return bso_option_number("--per-class", per_class, 2, 100000, &o->per_class);
    if (seed) return bso_option_number("--seed", seed, 0, 2147483647, &o->seed);
    if (!split) return 0;
    o->test = strcmp(split, "test") == 0;
    return o->test || strcmp(split, "train") == 0 ? 0
                                                  : bso_usage("--split %s: it takes train or test", split);
}

static int parse(int argc, char **argv, bso_data_options *o)
{
    *o = (bso_data_options){.seed = 1};
    bso_settings_default(&o->settings);
    for (int i = 2; i < argc; i++) {
        int code = 0;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            o->help = true;
        } else if (argv[i][0] == '-') {
            code = parse_option(argc, argv, &i, o);
        } else if (!o->name) {
            o->name = argv[i];
            code = bso_settings_set(&o->settings, "dataset", argv[i]);
        } else if (!o->folder) {
            o->folder = argv[i];
        } else {
            code = bso_usage("%s: one argument too many", argv[i]);
        }
        if (code) return code;
    }
    return 0;
}

int bso_command_data(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const bso_data_options *o);
        int arguments;
    } parts[] = {{"list", list, 0},
                 {"check", bso_data_check, 1},
                 {"show", bso_data_show, 1},
                 {"time", time_loader, 1},
                 {"make", make, 2}};
    if (argc < 2) return bso_usage("say what: list, check, show, time or make");
    bso_data_options o;
    int code = parse(argc, argv, &o);
    if (code) return code;
    if (o.help || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        fputs(help, stdout);
        return 0;
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (strcmp(argv[1], parts[i].name) != 0) continue;
        int given = (o.name != NULL) + (o.folder != NULL);
        if (given < parts[i].arguments)
            return bso_usage("%s: %s is missing", argv[1], given ? "the folder" : "the data set's name");
        if (given > parts[i].arguments)
            return bso_usage("%s: one argument too many", given == 2 ? o.folder : o.name);
        return parts[i].run(&o);
    }
    return bso_usage("%s: no such part; there are list, check, show, time and make", argv[1]);
}
