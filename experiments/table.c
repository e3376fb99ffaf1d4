/* table.c: `bso table DIR`: the comparison of a sweep's results, the tables and figures of the paper, and the
 * numbers behind the plots. */
#include "experiments/part_tables.h"
#include "experiments/program.h"
#include "experiments/table.h"

#include "core/file.h"

#include <string.h>
#include <sys/stat.h>

static const char help[] = "usage: bso table DIR [--only NAME]\n\n"
                           "  Reads DIR/runs/*.h5, writes DIR/tables/ and prints the comparison.\n\n"
                           "  --only NAME    only this table or figure of the paper (table2, table3, table4, "
                           "table5, fig3, fig5, flips,\n"
                           "                 inference), and print it\n";

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

/* The page of a part, as it was written. */
static int show(const char *folder, const char *only)
{
    char path[BSO_PATH], name[BSO_WORD + 8];
    uint8_t *text;
    size_t size;
    snprintf(name, sizeof name, "%s.md", only);
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
    return !*only || bso_part_find(*only) ? 0 : bso_usage("--only %s: no such table or figure", *only);
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
    struct stat there;
    if (bso_file_path(folder, directory, "tables")) return BSO_ERROR;
    bso_table table;
    int status = bso_table_load(&table, directory);
    /* Where the results are gone, numbers of old ones do not stay. */
    if (status && stat(folder, &there) == 0 && write_all(&table, folder, only))
        fprintf(stderr, "bso: %s\n", bso_error());
    if (!status) status = write_all(&table, folder, only);
    if (!status && only) status = show(folder, only);
    if (!status && !only) bso_table_markdown(stdout, &table);
    if (!status && table.unreadable) status = 1;
    bso_table_free(&table);
    return status;
}
