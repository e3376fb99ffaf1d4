/* table.c: `bso table DIR`: the comparison of a sweep's results, and the numbers behind its plots. */
#include "experiments/program.h"
#include "experiments/regret.h"
#include "experiments/table.h"

#include "core/file.h"

#include <string.h>

static const char help[] = "usage: bso table DIR\n"
                           "  reads DIR/runs/*.h5, writes DIR/tables/ and prints the comparison\n";

struct comparison {
    const bso_table *table;
    void (*print)(FILE *out, const bso_table *table);
};

static void print_plain(FILE *out, const void *argument)
{
    const struct comparison *c = argument;
    c->print(out, c->table);
}

static int write_all(const bso_table *table, const char *directory)
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
    char folder[4096];
    if (snprintf(folder, sizeof folder, "%s/tables", directory) >= (int)sizeof folder) {
        return bso_fail("%.60s...: the directory's name is too long", directory);
    }
    if (bso_file_directory(folder)) return BSO_ERROR;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const struct comparison c = {table, files[i].print};
        if (bso_print_file(folder, files[i].name, print_plain, &c)) return BSO_ERROR;
    }
    return 0;
}

int bso_command_table(int argc, char **argv)
{
    const char *directory;
    int code = bso_one_directory(argc, argv, help, &directory);
    if (code || !directory) return code;
    if (bso_regret_tables(directory)) return BSO_ERROR;
    bso_table table;
    int status = bso_table_load(&table, directory);
    if (!status) status = write_all(&table, directory);
    if (!status) {
        bso_table_markdown(stdout, &table);
        status = table.unreadable ? 1 : 0;
    }
    bso_table_free(&table);
    return status;
}
