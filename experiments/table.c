/* table.c: `bso table DIR`: the comparison of a sweep's results, the tables and figures of the paper, and the
 * numbers behind the plots. */
#include "experiments/bench.h"
#include "experiments/memory_results.h"
#include "experiments/part_tables.h"
#include "experiments/program.h"
#include "experiments/regret.h"
#include "experiments/table.h"

#include "core/file.h"

#include <string.h>

static const char help[] =
    "usage: bso table DIR [--only NAME]\n\n"
    "  Reads DIR/runs/*.h5, DIR/memory/*.h5, DIR/regret/*.h5 and DIR/bench/*.h5, writes "
    "DIR/tables/ and prints the comparison.\n\n"
    "  --only NAME    only this table or figure of the paper (table1 to table5, fig3 "
    "to fig5, regret, flips,\n"
    "                 inference) or bench, and print it\n";

struct comparison {
    const bso_table *table;
    void (*print)(FILE *out, const bso_table *table);
};

static void print_plain(FILE *out, const void *argument)
{
    const struct comparison *c = argument;
    c->print(out, c->table);
}

static int write_comparison(const bso_table *table, const char *folder)
{
    static const struct {
        const char *name;
        void (*print)(FILE *out, const bso_table *table);
    } files[] = {
        {"comparison.tex", bso_table_latex},
        {"comparison.csv", bso_table_csv},
        {"accuracy_epoch.csv", bso_series_accuracy_epoch},
        {"flip_rate_epoch.csv", bso_series_flip_rate_epoch},
        {"accuracy_steps.csv", bso_series_accuracy_steps},
        {"memory.csv", bso_series_memory},
        {"comparison.md", bso_table_markdown},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const struct comparison c = {table, files[i].print};
        if (bso_print_file(folder, files[i].name, print_plain, &c)) return BSO_ERROR;
    }
    return 0;
}

static int write_all(const bso_table *table, const char *folder, const char *only)
{
    if (bso_file_directory(folder)) return BSO_ERROR;
    if (!only && write_comparison(table, folder)) return BSO_ERROR;
    return bso_part_tables(table, folder, only);
}

/* What is not made of trainings, and the page it is on. */
static const struct other {
    const char *name, *page;
    int (*write)(const char *directory);
} others[] = {
    {"table1", "table1", bso_memory_tables}, {"fig4", "table1", bso_memory_tables},
    {"memory", "table1", bso_memory_tables}, {"regret", "regret_summary", bso_regret_tables},
    {"bench", "bench", bso_bench_tables},
};
enum { OTHERS = sizeof others / sizeof *others };

static const struct other *other_find(const char *name)
{
    for (int i = 0; i < OTHERS; i++) {
        if (strcmp(others[i].name, name) == 0) return &others[i];
    }
    return NULL;
}

/* A page as it was written. */
static int show(const char *folder, const char *page)
{
    char path[BSO_PATH], name[BSO_WORD + 8];
    uint8_t *text;
    size_t size;
    snprintf(name, sizeof name, "%s.md", page);
    if (bso_file_path(path, folder, name) || bso_file_read(path, 1 << 26, BSO_MEM_LOG, &text, &size))
        return BSO_ERROR;
    fwrite(text, 1, size, stdout);
    bso_free(text);
    return 0;
}

static int parse(int argc, char **argv, const char **directory, const char **only, bool *asked)
{
    for (int i = 1; i < argc; i++) {
        int code = bso_option(argc, argv, &i, "--only", only);
        if (code == 0) code = bso_flag(argv[i], "--help", asked);
        if (code == 0) code = bso_flag(argv[i], "-h", asked);
        if (code < 0) return code;
        if (code == 1) continue;
        if (argv[i][0] == '-') return bso_usage("no such option: %s", argv[i]);
        if (*directory) return bso_usage("one directory, not also %s", argv[i]);
        *directory = argv[i];
    }
    if (*asked) return 0;
    if (!*directory) return bso_usage("the directory is missing");
    if (!*only || bso_part_find(*only) || other_find(*only)) return 0;
    return bso_usage("--only %s: no such table or figure", *only);
}

/* Tables of trainings: all, or one part's. */
static int write_runs(const char *directory, const char *folder, const char *only)
{
    bso_table table;
    const bool elsewhere = bso_file_there(directory, "memory") || bso_file_there(directory, "regret") ||
                           bso_file_there(directory, "bench");
    int status = bso_table_load(&table, directory);
    /* Where the results are gone, numbers of old ones do not stay. */
    if (status && (elsewhere || bso_file_there(directory, "tables")) && write_all(&table, folder, only))
        fprintf(stderr, "bso: %s\n", bso_error());
    /* Memory, regret and speed may be there without any training. */
    if (status && elsewhere && !only && !table.unreadable) {
        bso_table_free(&table);
        return 0;
    }
    if (!status) status = write_all(&table, folder, only);
    if (!status && only) status = show(folder, only);
    if (!status && !only) bso_table_markdown(stdout, &table);
    if (!status && table.unreadable) status = 1;
    bso_table_free(&table);
    return status;
}

/* Tables of memory, regret and speed. Returns 1 where something of them could not be read. */
static int write_others(const char *directory)
{
    static int (*const writers[])(const char *directory) = {bso_memory_tables, bso_regret_tables,
                                                            bso_bench_tables};
    int all = 0;
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
        const int status = writers[i](directory);
        if (status < 0) return status;
        all |= status;
    }
    return all;
}

int bso_command_table(int argc, char **argv)
{
    const char *directory = NULL, *only = NULL;
    bool asked = false;
    int code = parse(argc, argv, &directory, &only, &asked);
    if (code) return code;
    if (asked) {
        fputs(help, stdout);
        return 0;
    }
    char folder[BSO_PATH];
    if (bso_file_path(folder, directory, "tables")) return BSO_ERROR;
    const struct other *other = only ? other_find(only) : NULL;
    if (other) {
        const int status = other->write(directory);
        return status < 0 ? status : show(folder, other->page) ? BSO_ERROR : status;
    }
    const int status = only ? 0 : write_others(directory);
    if (status < 0) return status;
    const int runs = write_runs(directory, folder, only);
    return runs ? runs : status;
}
