/* regret.c: `bso regret`: rules play online problems, and their regret is held against the bounds on it. What
 * is played and why is in docs/regret.md. */
#include "experiments/regret.h"
#include "experiments/program.h"
#include "experiments/regret_tune.h"

#include "core/file.h"
#include "core/lock.h"
#include "core/many.h"
#include "core/notice.h"
#include "core/regret_player.h"

#include <errno.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char help[] =
    "usage: bso regret --out DIR [--family F]... [--optimizer NAME]... [--rounds K] [--seeds N] [--jobs N] "
    "[--dry-run]\n"
    "  plays online problems with update rules on one-bit weights, and holds their regret against the bounds "
    "of\n"
    "  Theorem 4.1 and against the one that holds (docs/regret.md); writes DIR/regret/*.h5 and "
    "DIR/tables/regret*\n"
    "  --out DIR         results; what is there and was made with the same settings is kept\n"
    "  --family F        only that family of problems; may be repeated: adversary, replay, alternating,\n"
    "                    alternating_long, linear, linear_drift, least_squares, logistic\n"
    "  --optimizer NAME  instead of bso and tbso; may be repeated\n"
    "  --rounds K        rounds (default: 10000 in one dimension, else 100000)\n"
    "  --seeds N         seeds 1 to N of random problems (default: 10)\n"
    "  --jobs N          games at once (default: one for each core)\n"
    "  --dry-run         list what would be played and how long it would take\n";

enum { FAMILIES_MAX = BSO_FAMILIES, RULES_MAX = 64, SEEDS_DEFAULT = 10 };

/* The readings and constants that are played. */
static const struct {
    bso_regret_schedule schedule;
    bool tuned;
} readings[] = {
    {{BSO_READING_A, 0.1, 1, 1e-8}, false},   {{BSO_READING_A_FOURTH, 0.1, 1, 1e-8}, false},
    {{BSO_READING_B, 0.1, 0.9, 1e-8}, false}, {{BSO_READING_C, 0.01, 0.01, 1e-8}, false},
    {{BSO_READING_A, 0.1, 1, 1e-8}, true},    {{BSO_READING_C, 0.01, 0.01, 1e-8}, true},
};
enum { READINGS = sizeof readings / sizeof *readings };

static const int one_dimension[] = {1}, dimensions[] = {8, 64, 256};
static const uint64_t box_rounds[] = {100, 1000, 10000, 100000};
enum { BOX_ROUNDS = sizeof box_rounds / sizeof *box_rounds };

typedef struct {
    const char *out, *families[FAMILIES_MAX], *rules[RULES_MAX];
    int family_count, rule_count, rounds, seeds, jobs;
    bool dry_run;
} options;

/* A file to be: a result, or (box) the box's minimum of a problem. */
typedef struct {
    bso_regret_result r; /* without curves and bounds yet */
    bool box, done;
    char path[BSO_PATH];
} cell;

typedef struct {
    cell *cells;
    size_t count;
} plan;

/* ---- Options ---- */

static int add_name(const char *option, const char *value, const char **list, int *count, int most)
{
    if (*count == most) return bso_usage("%s: at most %d of them", option, most);
    list[(*count)++] = value;
    return 0;
}

static int parse(int argc, char **argv, options *o)
{
    const char *value;
    for (int i = 1; i < argc; i++) {
        int code = 0, found = 0;
        if ((found = bso_option(argc, argv, &i, "--out", &value)) > 0) {
            o->out = value;
        } else if (!found && (found = bso_option(argc, argv, &i, "--family", &value)) > 0) {
            code = add_name("--family", value, o->families, &o->family_count, FAMILIES_MAX);
        } else if (!found && (found = bso_option(argc, argv, &i, "--optimizer", &value)) > 0) {
            code = add_name("--optimizer", value, o->rules, &o->rule_count, RULES_MAX);
        } else if (!found && (found = bso_option(argc, argv, &i, "--rounds", &value)) > 0) {
            code = bso_option_number("--rounds", value, 1, BSO_ROUNDS_MAX, &o->rounds);
        } else if (!found && (found = bso_option(argc, argv, &i, "--seeds", &value)) > 0) {
            code = bso_option_number("--seeds", value, 1, BSO_REGRET_SEEDS_MAX, &o->seeds);
        } else if (!found && (found = bso_option(argc, argv, &i, "--jobs", &value)) > 0) {
            code = bso_option_number("--jobs", value, 1, 1024, &o->jobs);
        } else if (!found) {
            found = bso_flag(argv[i], "--dry-run", &o->dry_run);
        }
        if (found < 0 || code) return BSO_USAGE;
        if (!found) return bso_usage("no such option: %s", argv[i]);
    }
    return o->out && *o->out ? 0 : bso_usage("--out is missing");
}

static bool is_family(const char *name)
{
    for (int f = 0; f < BSO_FAMILIES; f++) {
        if (strcmp(name, bso_families[f].name) == 0) return true;
    }
    return false;
}

static bool is_rule(const char *name)
{
    for (int i = 0; bso_player_rule(i); i++) {
        if (strcmp(name, bso_player_rule(i)) == 0) return strlen(name) < BSO_REGRET_NAME;
    }
    return false;
}

static int check(options *o)
{
    for (int i = 0; i < o->family_count; i++) {
        if (!is_family(o->families[i])) {
            return bso_usage("--family %s: no such family; `bso regret --help` lists them", o->families[i]);
        }
    }
    for (int i = 0; i < o->rule_count; i++) {
        if (is_rule(o->rules[i])) continue;
        return bso_usage("--optimizer %s: no such optimizer on one-bit weights; `bso list` shows them",
                         o->rules[i]);
    }
    if (!o->rule_count) {
        o->rules[o->rule_count++] = "bso";
        o->rules[o->rule_count++] = "tbso";
    }
    return 0;
}

static bool wanted(const options *o, bso_family family)
{
    for (int i = 0; i < o->family_count; i++) {
        if (strcmp(o->families[i], bso_families[family].name) == 0) return true;
    }
    return o->family_count == 0;
}

/* ---- The plan ---- */

static bool has_box(bso_family family)
{
    return family == BSO_FAMILY_LEAST_SQUARES || family == BSO_FAMILY_LOGISTIC;
}

/* Add a cell; what a result's file is called is what it is, but for rounds and seeds. */
static int add_cell(plan *p, const char *folder, const bso_regret_result *r, bool box)
{
    char name[256], reading[32];
    cell *c = &p->cells[p->count++];
    *c = (cell){.r = *r, .box = box};
    bso_regret_reading(r, reading, sizeof reading);
    for (char *space = strchr(reading, ' '); space; space = strchr(space, ' ')) *space = '-';
    if (box) {
        snprintf(name, sizeof name, "box-%s-d%d.h5", bso_families[r->family].name, r->d);
    } else {
        snprintf(name, sizeof name, "%s-d%d-%s-%s.h5", bso_families[r->family].name, r->d, r->rule, reading);
    }
    return bso_file_path(c->path, folder, name);
}

static int plan_problem(plan *p, const options *o, const char *folder, bso_family family, int d)
{
    bso_regret_result r = {.family = family, .d = d, .applies = true};
    r.rounds = o->rounds ? (uint64_t)o->rounds : bso_families[family].rounds;
    r.seeds = bso_families[family].one ? 1 : o->seeds;
    for (int s = 0; s < r.seeds; s++) r.seed[s] = (uint64_t)s + 1;
    if (has_box(family) && r.rounds >= box_rounds[0] && add_cell(p, folder, &r, true)) return BSO_ERROR;
    for (int i = 0; i < o->rule_count; i++) {
        snprintf(r.rule, sizeof r.rule, "%s", o->rules[i]);
        for (int j = 0; j < READINGS; j++) {
            r.schedule = readings[j].schedule;
            r.tuned = readings[j].tuned;
            if (add_cell(p, folder, &r, false)) return BSO_ERROR;
        }
    }
    return 0;
}

static int make_plan(plan *p, const options *o, const char *folder)
{
    const size_t most = (size_t)BSO_FAMILIES * 3 * (1 + (size_t)o->rule_count * READINGS);
    *p = (plan){.cells = bso_alloc(BSO_MEM_CONTROL, most, sizeof *p->cells, "the plan")};
    if (!p->cells) return BSO_ERROR;
    for (int f = 0; f < BSO_FAMILIES; f++) {
        const bool one = bso_families[f].one;
        const int *list = one ? one_dimension : dimensions;
        for (int j = 0; wanted(o, (bso_family)f) && j < (one ? 1 : 3); j++) {
            if (plan_problem(p, o, folder, (bso_family)f, list[j])) return BSO_ERROR;
        }
    }
    return 0;
}

static bool same_seeds(const bso_regret_result *r, const uint64_t *seed, int seeds)
{
    return r->seeds == seeds && memcmp(r->seed, seed, (size_t)seeds * sizeof *seed) == 0;
}

static int box_length(const bso_regret_result *r)
{
    int n = 0;
    while (n < BOX_ROUNDS && box_rounds[n] <= r->rounds) n++;
    return n;
}

/* Is the file there, made with these settings? 1: no, it is to be made; BSO_ERROR: it cannot be read. */
static int is_missing(const cell *c)
{
    struct stat there;
    int missing;
    if (stat(c->path, &there) && errno == ENOENT) return 1;
    if (c->box) {
        bso_regret_box b;
        if (bso_regret_box_read(c->path, &b)) return bso_fail_context("remove it to have it made again");
        missing = b.family != c->r.family || b.d != c->r.d || !same_seeds(&c->r, b.seed, b.seeds) ||
                  b.n != box_length(&c->r) || memcmp(b.k, box_rounds, (size_t)b.n * sizeof *b.k) != 0;
        bso_free(b.gap);
        return missing;
    }
    bso_regret_result r;
    if (bso_regret_read(c->path, &r)) return bso_fail_context("remove it to have it made again");
    const bso_regret_schedule *a = &r.schedule, *b = &c->r.schedule;
    missing = r.family != c->r.family || r.d != c->r.d || !same_seeds(&c->r, r.seed, r.seeds) ||
              r.rounds != c->r.rounds || r.tuned != c->r.tuned || a->reading != b->reading ||
              a->eps != b->eps || strcmp(r.rule, c->r.rule) != 0 ||
              (!r.tuned && (a->gamma != b->gamma || a->rate != b->rate));
    bso_regret_result_free(&r);
    return missing;
}

static int look_for_finished(plan *p)
{
    for (size_t i = 0; i < p->count; i++) {
        const int missing = is_missing(&p->cells[i]);
        if (missing < 0) return BSO_ERROR;
        p->cells[i].done = !missing;
    }
    return 0;
}

/* How long a cell takes, in rounds of one dimension. */
static double cost(const cell *c)
{
    const double round = 1 + c->r.d / 40.0, games = c->r.seeds;
    if (c->box) return games * (double)c->r.rounds * round;
    return (games + (c->r.tuned ? bso_regret_tune_cost(c->r.family) : 0)) * (double)c->r.rounds * round;
}

static double cost_left(const plan *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->count; i++) sum += p->cells[i].done ? 0 : cost(&p->cells[i]);
    return sum;
}

/* ---- Playing ---- */

static int play_seed(void *user, size_t i, int thread)
{
    (void)thread;
    bso_regret_result *r = user;
    const bso_regret_case c = {r->family, r->d, r->rounds, r->rule, r->schedule};
    const size_t n = (size_t)r->checkpoints, seeds = (size_t)r->seeds;
    bso_regret_run run;
    if (bso_regret_play(&c, r->seed[i], &run)) return BSO_ERROR;
    for (size_t j = 0; j < BSO_CURVES; j++) {
        memcpy(r->curves + (j * seeds + i) * n, run.curves[j], n * sizeof *r->curves);
    }
    for (size_t b = 0; b < BSO_BOUNDS; b++) r->bounds[b * seeds + i] = run.bounds[b];
    if (!run.applies) {
#pragma omp atomic write
        r->applies = false;
    }
    return 0;
}

static int play_cell(cell *c, const char *command)
{
    bso_regret_result *r = &c->r;
    bso_clock_stamp(r->started);
    if (r->tuned && bso_regret_tune(r)) return BSO_ERROR;
    r->checkpoints = bso_regret_checkpoints(r->rounds, r->k);
    if (bso_regret_result_alloc(r)) return BSO_ERROR;
    int status = bso_for_each("regret", (size_t)r->seeds, play_seed, r);
    bso_clock_stamp(r->ended);
    if (!status) status = bso_regret_write(c->path, r, command);
    bso_regret_result_free(r);
    return status;
}

static int box_seed(void *user, size_t i, int thread)
{
    (void)thread;
    const bso_regret_box *b = user;
    const size_t at = i * (size_t)b->n;
    return bso_problem_box(b->family, b->d, b->seed[i], b->k, b->n, b->gap + at, b->error + at);
}

static int play_box(const cell *c)
{
    bso_regret_box b = {.family = c->r.family, .d = c->r.d, .seeds = c->r.seeds, .n = box_length(&c->r)};
    const size_t points = (size_t)b.seeds * (size_t)b.n;
    memcpy(b.seed, c->r.seed, sizeof b.seed);
    memcpy(b.k, box_rounds, (size_t)b.n * sizeof *b.k);
    b.gap = bso_alloc(BSO_MEM_LOG, 2 * points, sizeof *b.gap, "a box's minimum");
    if (!b.gap) return BSO_ERROR;
    b.error = b.gap + points;
    int status = bso_for_each("regret", (size_t)b.seeds, box_seed, &b);
    if (!status) status = bso_regret_box_write(c->path, &b);
    bso_free(b.gap);
    return status;
}

static int play_all(plan *p, const char *command)
{
    const double begun = bso_clock(), all = cost_left(p);
    bso_status status;
    bso_status_init(&status, 10);
    for (size_t i = 0; i < p->count; i++) {
        cell *c = &p->cells[i];
        char line[512], left[32], reading[32];
        if (c->done) continue;
        const double rest = cost_left(p), made = all - rest;
        bso_duration_text(made > 0 ? (bso_clock() - begun) * rest / made : -1, left, sizeof left);
        bso_regret_reading(&c->r, reading, sizeof reading);
        snprintf(line, sizeof line, "regret %zu/%zu  %s d=%d %s %s, %s left", i + 1, p->count,
                 bso_families[c->r.family].name, c->r.d, c->box ? "minimum of the box" : c->r.rule,
                 c->box ? "" : reading, left);
        bso_status_show(&status, false, line);
        const int code = c->box ? play_box(c) : play_cell(c, command);
        if (code) {
            bso_status_clear(&status);
            return code;
        }
        c->done = true;
    }
    bso_status_clear(&status);
    return 0;
}

/* ---- The command ---- */

enum { TRIAL_ROUNDS = 4000, TRIAL_D = 64 };

static int play_trial(void *user, size_t i, int thread)
{
    (void)i;
    (void)thread;
    const bso_regret_case *c = user;
    double unused;
    return bso_regret_final(c, 1, &unused);
}

/* Seconds for the rest, by the speed of one short game per thread; bounds make a game half as long again. */
static double estimate(const plan *p, int jobs)
{
    bso_regret_case c = {BSO_FAMILY_LEAST_SQUARES, TRIAL_D, TRIAL_ROUNDS, "bso", readings[0].schedule};
    const double begun = bso_clock();
    if (bso_for_each("regret", (size_t)jobs, play_trial, &c)) return -1;
    return (bso_clock() - begun) / (TRIAL_ROUNDS * (1 + TRIAL_D / 40.0)) * cost_left(p) * 1.5 / jobs;
}

static void list_plan(const plan *p, int jobs)
{
    char time[32], reading[32];
    size_t left = 0;
    for (size_t i = 0; i < p->count; i++) {
        const cell *c = &p->cells[i];
        bso_regret_reading(&c->r, reading, sizeof reading);
        printf("%-8s %-16s d=%-4d %-10s %-8s %llu rounds, %d seed%s\n", c->done ? "finished" : "to do",
               bso_families[c->r.family].name, c->r.d, c->box ? "(box)" : c->r.rule, c->box ? "" : reading,
               (unsigned long long)c->r.rounds, c->r.seeds, c->r.seeds == 1 ? "" : "s");
        left += !c->done;
    }
    bso_duration_text(left ? estimate(p, jobs) : 0, time, sizeof time);
    printf("%zu of %zu to do, about %s with %d at once\n", left, p->count, time, jobs);
}

static void join(int argc, char **argv, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "bso");
    for (int i = 0; i < argc && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, " %s", argv[i]);
    }
}

static int make_folder(const options *o, char *folder)
{
    char path[BSO_PATH];
    if (bso_file_path(path, o->out, "regret")) return BSO_ERROR;
    memcpy(folder, path, sizeof path);
    if (o->dry_run) return 0;
    if (bso_file_directories(path)) return BSO_ERROR;
    bso_file_remove_leftovers(folder, NULL, false);
    return 0;
}

int bso_command_regret(int argc, char **argv)
{
    options o = {.seeds = SEEDS_DEFAULT, .jobs = omp_get_max_threads()};
    char folder[BSO_PATH], lock_path[BSO_PATH], command[4096];
    plan p = {0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(help, stdout);
            return 0;
        }
    }
    int status = parse(argc, argv, &o);
    if (!status) status = check(&o);
    if (status) return status;
    omp_set_num_threads(o.jobs);
    join(argc, argv, command, sizeof command);
    int lock = -1;
    status = make_folder(&o, folder);
    if (!status) status = bso_file_path(lock_path, o.out, "regret.lock");
    if (!status && !o.dry_run) status = bso_lock_wait(lock_path, &lock, &bso_stop_requested);
    bso_notice = NULL; /* the line of progress is our own */
    if (!status) status = make_plan(&p, &o, folder);
    if (!status) status = look_for_finished(&p);
    if (!status && o.dry_run) {
        list_plan(&p, o.jobs);
    } else if (!status) {
        status = play_all(&p, command);
        if (!status) status = bso_regret_tables(o.out);
        if (!status) printf("regret: %zu results in %s, tables in %s/tables\n", p.count, folder, o.out);
    }
    bso_lock_release(lock_path, lock);
    bso_free(p.cells);
    return status;
}
