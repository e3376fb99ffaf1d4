/* bench.c: `bso bench`: the command: what is asked for, in which order it is measured, where it goes. See
 * bench.h. */
#include "experiments/bench.h"

#include "core/file.h"
#include "core/kernels.h"
#include "core/memory.h"

#include <omp.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: bso bench --out DIR [OPTIONS]\n"
    "  how fast kernels, training and evaluation are on this machine, beside OpenBLAS's sgemm: writes\n"
    "  DIR/bench/NAME.h5 and the tables of all files there, and prints its own\n\n"
    "  --name NAME          of the file (bench); one of that name is replaced\n"
    "  --only PART[,PART]   kernels, layers, steps, scaling\n"
    "  --baseline FILE.h5   an earlier file, to compare with thing by thing\n"
    "  --quick              half a minute: few and short samples, small batches\n"
    "  --threads N          of steps and scaling (all cores); kernels are measured on one\n"
    "  --batch N            of steps (128; quick: 8)\n"
    "  --samples N          of each kernel, and half as many of each network (5; quick: 3)\n"
    "  --network NAME       instead of vgg11 and a small one: a name or string, for images of 3 x 32 x 32\n\n"
    "Images are made up; their number does not depend on what they show. Leave the machine alone "
    "meanwhile.\n";

typedef struct {
    const char *out, *name, *only, *baseline;
    int threads, batch, samples;
    bool asked;
    bso_bench bench;
} command;

static int parse_only(command *c)
{
    bool *part = c->bench.part;
    for (int p = 0; p < BSO_BENCH_PARTS; p++) part[p] = !c->only;
    for (const char *at = c->only; at;) {
        const size_t length = strcspn(at, ",");
        int p = BSO_BENCH_KERNELS;
        while (p < BSO_BENCH_PARTS && (strlen(bso_bench_part_name((bso_bench_part)p)) != length ||
                                       strncmp(bso_bench_part_name((bso_bench_part)p), at, length) != 0))
            p++;
        if (p == BSO_BENCH_PARTS)
            return bso_usage("--only %s: it takes kernels, layers, steps, scaling, joined by commas",
                             c->only);
        part[p] = true;
        at = at[length] ? at + length + 1 : NULL;
    }
    part[BSO_BENCH_PEAKS] = part[BSO_BENCH_KERNELS];
    return 0;
}

static int parse(int argc, char **argv, command *c)
{
    const char *threads = NULL, *batch = NULL, *samples = NULL;
    for (int i = 1; i < argc; i++) {
        int code = bso_option(argc, argv, &i, "--out", &c->out);
        if (code == 0) code = bso_option(argc, argv, &i, "--name", &c->name);
        if (code == 0) code = bso_option(argc, argv, &i, "--only", &c->only);
        if (code == 0) code = bso_option(argc, argv, &i, "--baseline", &c->baseline);
        if (code == 0) code = bso_option(argc, argv, &i, "--network", &c->bench.network);
        if (code == 0) code = bso_option(argc, argv, &i, "--threads", &threads);
        if (code == 0) code = bso_option(argc, argv, &i, "--batch", &batch);
        if (code == 0) code = bso_option(argc, argv, &i, "--samples", &samples);
        if (code == 0) code = bso_flag(argv[i], "--quick", &c->bench.quick);
        if (code == 0) code = bso_flag(argv[i], "--help", &c->asked);
        if (code == 0) code = bso_flag(argv[i], "-h", &c->asked);
        if (code < 0) return code;
        if (code == 0)
            return argv[i][0] == '-' ? bso_usage("no such option: %s", argv[i])
                                     : bso_usage("%s: one argument too many", argv[i]);
    }
    if (c->asked) return 0;
    if (!c->out) return bso_usage("--out DIR is missing");
    if (threads && bso_option_number("--threads", threads, 1, 1024, &c->threads)) return BSO_USAGE;
    if (batch && bso_option_number("--batch", batch, 1, 65536, &c->batch)) return BSO_USAGE;
    if (samples && bso_option_number("--samples", samples, 1, BSO_BENCH_SAMPLES, &c->samples))
        return BSO_USAGE;
    if (!*c->name || strchr(c->name, '/') || *c->name == '.' || strlen(c->name) > 100)
        return bso_usage("--name %s: it takes the name of a file in DIR/bench, without .h5", c->name);
    return parse_only(c);
}

static int measure(bso_bench *b)
{
    int status = 0;
    if (!status && b->part[BSO_BENCH_PEAKS]) status = bso_bench_peaks(b);
    if (!status && b->part[BSO_BENCH_KERNELS]) status = bso_bench_kernels(b);
    if (!status && b->part[BSO_BENCH_KERNELS]) status = bso_bench_elementwise(b);
    if (!status && (b->part[BSO_BENCH_STEPS] || b->part[BSO_BENCH_LAYERS])) status = bso_bench_steps(b);
    if (!status && b->part[BSO_BENCH_SCALING]) status = bso_bench_scaling(b);
    return status;
}

/* Once to know how much there is to do, once to do it. */
static int plan_and_measure(command *c)
{
    bso_bench *b = &c->bench;
    if (bso_start(c->threads) || bso_bench_room(&b->file)) return BSO_ERROR;
    b->threads = omp_get_max_threads();
    b->batch = c->batch ? c->batch : b->quick ? 8 : 128;
    b->samples = c->samples ? c->samples : b->quick ? 3 : 5;
    b->rounds = (b->samples + 1) / 2;
    b->least = b->quick ? 0.005 : 0.05;
    snprintf(b->file.name, sizeof b->file.name, "%s", c->name);
    b->file.quick = b->quick;
    b->file.threads = b->threads;
    snprintf(b->file.kernel_path, sizeof b->file.kernel_path, "%s", bso_kernel->name);
    bso_clock_stamp(b->file.started);
    b->planning = true;
    int status = measure(b);
    b->planning = false;
    b->begun = bso_clock();
    bso_status_init(&b->view, 10);
    if (!status) status = measure(b);
    bso_status_clear(&b->view);
    if (!status && bso_stop_requested) status = BSO_INTERRUPTED;
    bso_clock_stamp(b->file.ended);
    return status;
}

/* DIR/bench/NAME.h5 */
static int path_of(const command *c, char path[BSO_PATH])
{
    char folder[BSO_PATH], name[160];
    snprintf(name, sizeof name, "%s.h5", c->name);
    return bso_file_path(folder, c->out, "bench") || bso_file_directories(folder) ||
                   bso_file_path(path, folder, name) || bso_file_probe(path)
               ? BSO_ERROR
               : 0;
}

/* What was measured is printed as it was read back, with where it comes from. */
static int write(const command *c, const char *path, const char *line, bso_bench_file *back)
{
    if (bso_bench_write(path, &c->bench.file, line) || bso_bench_read(path, back)) return BSO_ERROR;
    return bso_bench_tables(c->out);
}

static int run(command *c, const char *line)
{
    char path[BSO_PATH];
    bso_bench_file baseline = {.entries = 0}, back = {.entries = 0};
    /* What cannot be read or written is said before anything is measured. */
    int status = c->baseline ? bso_bench_read(c->baseline, &baseline) : 0;
    if (!status) status = path_of(c, path);
    if (!status) status = plan_and_measure(c);
    if (!status) status = write(c, path, line, &back);
    if (status >= 0) {
        bso_bench_print(stdout, &back);
        if (c->baseline) bso_bench_print_baseline(stdout, &back, &baseline);
    }
    bso_bench_free(&baseline);
    bso_bench_free(&back);
    bso_bench_free(&c->bench.file);
    return status;
}

int bso_command_bench(int argc, char **argv)
{
    command c = {.name = "bench"};
    int code = parse(argc, argv, &c);
    if (code) return code;
    if (c.asked) {
        fputs(help, stdout);
        return 0;
    }
    char *line = bso_command_line(argc, argv);
    if (!line) return BSO_ERROR;
    code = run(&c, line);
    bso_free(line);
    return code;
}
