/* table_data.c: reading a sweep's results and grouping them over seeds. See table.h; printing is in
 * table_write.c. */
#include "experiments/table.h"

#include "core/error.h"
#include "core/file.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Reading ---- */

static int read_runs(bso_table *table, const char *folder, struct dirent **names, int count)
{
    table->runs = bso_alloc(BSO_MEM_LOG, (size_t)count, sizeof *table->runs, "the results");
    table->paths = bso_alloc(BSO_MEM_LOG, (size_t)count, sizeof *table->paths, "the results");
    if (!table->runs || !table->paths) return BSO_ERROR;
    for (int i = 0; i < count; i++) {
        const size_t size = strlen(folder) + strlen(names[i]->d_name) + 2;
        char *path = bso_alloc(BSO_MEM_LOG, size, 1, "a path");
        if (!path) return BSO_ERROR;
        snprintf(path, size, "%s/%s", folder, names[i]->d_name);
        if (bso_result_read(path, &table->runs[table->run_count])) {
            fprintf(stderr, "bso: %s; left out\n", bso_error());
            table->unreadable++;
            bso_free(path);
        } else {
            table->paths[table->run_count++] = path;
        }
    }
    return 0;
}

/* ---- Numbers ---- */

/* A run that diverged counts nowhere, not even in the epochs it finished: a mean that loses its worst seeds
 * on the way would rise. */
static double value_of(const bso_run *run, bso_run_value value, int argument)
{
    return *run->stopped ? NAN : value(run, argument);
}

bso_summary bso_summarize(const bso_row *row, bso_run_value value, int argument)
{
    bso_summary s = {.mean = 0, .sd = NAN, .n = 0};
    for (int i = 0; i < row->run_count; i++) {
        double x = value_of(row->runs[i], value, argument);
        if (isnan(x)) continue;
        s.mean += x;
        s.n++;
    }
    s.mean = s.n ? s.mean / s.n : NAN;
    if (s.n < 2) return s;
    double squares = 0;
    for (int i = 0; i < row->run_count; i++) {
        double away = value_of(row->runs[i], value, argument) - s.mean;
        if (!isnan(away)) squares += away * away;
    }
    s.sd = sqrt(squares / (s.n - 1));
    return s;
}

static const bso_epoch_log *epoch_of(const bso_run *run, int epoch)
{
    if (epoch < 0) return &run->final;
    return epoch < run->epochs_done ? &run->epochs[epoch] : NULL;
}

double bso_test_percent(const bso_run *run, int epoch)
{
    const bso_epoch_log *e = epoch_of(run, epoch);
    return e ? 100 * e->test_accuracy : NAN;
}

double bso_flip_rate(const bso_run *run, int epoch)
{
    const bso_epoch_log *e = epoch_of(run, epoch);
    return e ? e->flip_rate : NAN;
}

double bso_memory_bytes(const bso_run *run, int category)
{
    return (double)run->memory_at_peak[category];
}

/* ---- Grouping ---- */

static uint64_t hash_but_seed(const bso_run *run)
{
    bso_settings s = run->settings;
    s.seed = 0;
    return bso_settings_hash(&s);
}

static bool same_section(const bso_run *a, const bso_run *b)
{
    return strcmp(a->dataset_name, b->dataset_name) == 0 &&
           strcmp(a->settings.network, b->settings.network) == 0 &&
           a->settings.epochs == b->settings.epochs && a->settings.batch == b->settings.batch &&
           a->samples[0] == b->samples[0] && a->samples[2] == b->samples[2];
}

void bso_section_title(const bso_row *row, char *text, size_t size)
{
    const bso_run *run = row->runs[0];
    snprintf(text, size, "%s, network %s, %lld epochs of %zu samples, batch %lld", run->dataset_name,
             run->settings.network, (long long)run->settings.epochs, run->samples[0],
             (long long)run->settings.batch);
}

int bso_section_end(const bso_table *table, int first)
{
    int last = first;
    while (last < table->row_count && table->rows[last].section == table->rows[first].section) last++;
    return last;
}

void bso_section_files(const bso_table *table, int first, int last, char *text, size_t size)
{
    const char *oldest = table->rows[first].runs[0]->started, *newest = table->rows[first].runs[0]->ended;
    int files = 0;
    for (int i = first; i < last; i++) {
        const bso_row *row = &table->rows[i];
        files += row->run_count;
        for (int r = 0; r < row->run_count; r++) {
            if (strcmp(row->runs[r]->started, oldest) < 0) oldest = row->runs[r]->started;
            if (strcmp(row->runs[r]->ended, newest) > 0) newest = row->runs[r]->ended;
        }
    }
    snprintf(text, size, "Made from %d result file%s, the oldest started %s, the newest ended %s.", files,
             files == 1 ? "" : "s", oldest, newest);
}

static int compare_numbers(double a, double b)
{
    return (a > b) - (a < b);
}

static int by_place(const void *a, const void *b)
{
    const bso_row *x = a, *y = b;
    const bso_run *p = x->runs[0], *q = y->runs[0];
    int order = strcmp(p->dataset_name, q->dataset_name);
    if (!order) order = strcmp(p->settings.network, q->settings.network);
    if (!order) order = compare_numbers((double)p->settings.epochs, (double)q->settings.epochs);
    if (!order) order = compare_numbers((double)p->samples[0], (double)q->samples[0]);
    if (!order) order = compare_numbers((double)p->samples[2], (double)q->samples[2]);
    if (!order) order = compare_numbers((double)p->settings.batch, (double)q->settings.batch);
    if (!order) order = compare_numbers(x->weights, y->weights);
    if (!order) order = strcmp(x->method, y->method);
    if (!order) order = compare_numbers((double)p->settings.steps, (double)q->settings.steps);
    return order;
}

/* Two copies of a run are not two samples. */
static bool has_seed(const bso_row *row, uint64_t seed)
{
    for (int i = 0; i < row->run_count; i++) {
        if (row->runs[i]->settings.seed == seed) return true;
    }
    return false;
}

static int group(bso_table *table, bso_run_wanted wanted, const void *argument)
{
    const int count = table->run_count;
    table->rows = bso_alloc(BSO_MEM_LOG, (size_t)count, sizeof *table->rows, "the table");
    if (!table->rows) return BSO_ERROR;
    for (int i = 0; i < count; i++) {
        const bso_run *run = &table->runs[i];
        if (wanted && !wanted(run, argument)) continue;
        char label[sizeof table->rows->method];
        bso_settings_label(&run->settings, label, sizeof label);
        const uint64_t hash = hash_but_seed(run);
        bso_row *row = table->rows, *end = table->rows + table->row_count;
        while (row < end && (row->hash != hash || strcmp(row->method, label) != 0)) row++;
        if (row == end) {
            row->runs = bso_alloc(BSO_MEM_LOG, (size_t)count, sizeof(const bso_run *), "the table");
            if (!row->runs) return BSO_ERROR;
            table->row_count++;
            row->hash = hash;
            snprintf(row->method, sizeof row->method, "%s", label);
            row->weights = bso_optimizer_find(run->settings.optimizer)->representation;
        }
        if (has_seed(row, run->settings.seed)) {
            fprintf(stderr, "bso: %s: the same settings and seed as another file; left out\n",
                    table->paths[i]);
        } else {
            row->runs[row->run_count++] = run;
            row->diverged += *run->stopped != '\0';
        }
    }
    return 0;
}

/* Does any other row have the same method, section and T, and another value of the key? */
static bool tells_apart(const bso_table *table, const bso_row *row, const char *key, const bool *like)
{
    char mine[BSO_TEXT], other[BSO_TEXT];
    if (bso_settings_get(&row->runs[0]->settings, key, mine, sizeof mine)) return false;
    for (int i = 0; i < table->row_count; i++) {
        if (!like[i]) continue;
        if (bso_settings_get(&table->rows[i].runs[0]->settings, key, other, sizeof other)) return true;
        if (strcmp(mine, other) != 0) return true;
    }
    return false;
}

static void add_key(bso_row *row, const char *key, const char *base)
{
    char value[BSO_TEXT];
    size_t used = strlen(row->method);
    bso_settings_get(&row->runs[0]->settings, key, value, sizeof value);
    snprintf(row->method + used, sizeof row->method - used, "%s%s=%s", used == strlen(base) ? " " : ", ", key,
             value);
}

/* Is the key among those joined by spaces? */
static bool among(const char *keys, const char *key)
{
    const size_t length = strlen(key);
    for (const char *at = keys; at && (at = strstr(at, key)); at++) {
        if ((at == keys || at[-1] == ' ') && (at[length] == ' ' || !at[length])) return true;
    }
    return false;
}

/* Rows that would look alike get the keys in which they differ behind their names, but for those that are
 * shown. */
static int tell_apart(bso_table *table, const char *shown)
{
    const size_t count = (size_t)table->row_count;
    char(*base)[sizeof table->rows->method] = bso_alloc(BSO_MEM_LOG, count, sizeof *base, "the table");
    bool *like = bso_alloc(BSO_MEM_LOG, count, sizeof *like, "the table");
    int status = base && like ? 0 : BSO_ERROR;
    for (size_t i = 0; !status && i < count; i++) memcpy(base[i], table->rows[i].method, sizeof *base);
    for (size_t i = 0; !status && i < count; i++) {
        bso_row *row = &table->rows[i];
        bool any = false;
        for (size_t j = 0; j < count; j++) {
            const bso_row *other = &table->rows[j];
            like[j] = j != i && strcmp(base[i], base[j]) == 0 && same_section(row->runs[0], other->runs[0]) &&
                      row->runs[0]->settings.steps == other->runs[0]->settings.steps;
            any = any || like[j];
        }
        if (!any) continue;
        for (const bso_key *k = bso_keys; k->name; k++) {
            if (k->identity && strcmp(k->name, "seed") != 0 && !among(shown, k->name) &&
                tells_apart(table, row, k->name, like)) {
                add_key(row, k->name, base[i]);
            }
        }
        const bso_optimizer *rule = bso_optimizer_find(row->runs[0]->settings.optimizer);
        for (const bso_hyper *h = rule->hypers; h->name; h++) {
            if (!among(shown, h->name) && tells_apart(table, row, h->name, like))
                add_key(row, h->name, base[i]);
        }
    }
    bso_free(base);
    bso_free(like);
    return status;
}

/* Sections are numbered in the order of rows; their short names say no more than is needed to tell them
 * apart. */
static void name_sections(bso_table *table)
{
    int section = -1;
    for (int i = 0; i < table->row_count; i++) {
        bso_row *row = &table->rows[i];
        const bso_run *run = row->runs[0];
        if (i == 0 || !same_section(run, table->rows[i - 1].runs[0])) section++;
        row->section = section;
        bool network = false, length = false;
        for (int j = 0; j < table->row_count; j++) {
            const bso_run *other = table->rows[j].runs[0];
            if (strcmp(run->dataset_name, other->dataset_name) != 0 || same_section(run, other)) continue;
            bool same_network = strcmp(run->settings.network, other->settings.network) == 0;
            network = network || !same_network;
            length = length || same_network;
        }
        size_t used = (size_t)snprintf(row->dataset, sizeof row->dataset, "%s", run->dataset_name);
        if (network) {
            used += (size_t)snprintf(row->dataset + used, sizeof row->dataset - used, " %s",
                                     run->settings.network);
        }
        if (length) {
            snprintf(row->dataset + used, sizeof row->dataset - used,
                     " (%lld epochs of %zu/%zu samples, batch %lld)", (long long)run->settings.epochs,
                     run->samples[0], run->samples[2], (long long)run->settings.batch);
        }
    }
}

/* Drop the entries that are not among the chosen names. Returns how many are left. */
static int keep_chosen(struct dirent **names, int count, const char *const *chosen, int chosen_count)
{
    int kept = 0;
    for (int i = 0; i < count; i++) {
        int c = 0;
        while (c < chosen_count && strcmp(names[i]->d_name, chosen[c]) != 0) c++;
        if (c < chosen_count) {
            names[kept++] = names[i];
        } else {
            free(names[i]);
        }
    }
    return kept;
}

static int make_rows(bso_table *table, bso_run_wanted wanted, const void *argument, const char *shown)
{
    if (group(table, wanted, argument) || tell_apart(table, shown)) return BSO_ERROR;
    if (table->row_count) qsort(table->rows, (size_t)table->row_count, sizeof *table->rows, by_place);
    name_sections(table);
    return 0;
}

static bool in_comparison(const bso_run *run, const void *unused)
{
    (void)unused;
    return !*run->settings.parts || bso_settings_has(run->settings.parts, "table2");
}

int bso_table_select(bso_table *selected, const bso_table *table, bso_run_wanted wanted, const void *argument,
                     const char *shown)
{
    *selected = (bso_table){
        .paths = table->paths, .runs = table->runs, .run_count = table->run_count, .borrowed = true};
    return make_rows(selected, wanted, argument, shown);
}

int bso_table_load_some(bso_table *table, const char *directory, const char *const *chosen, int chosen_count)
{
    memset(table, 0, sizeof *table);
    char folder[4096];
    if (snprintf(folder, sizeof folder, "%s/runs", directory) >= (int)sizeof folder) {
        return bso_fail("%.60s...: the directory's name is too long", directory);
    }
    struct dirent **names;
    int count = bso_file_list(folder, ".h5", &names);
    if (count < 0) {
        return bso_fail("%s: cannot be read: %s; `bso sweep FILE.conf --out %s` puts results there", folder,
                        strerror(errno), directory);
    }
    int kept = count;
    if (chosen) kept = keep_chosen(names, count, chosen, chosen_count);
    int status = read_runs(table, folder, names, kept);
    for (int i = 0; i < kept; i++) free(names[i]);
    free(names);
    if (status) return status;
    table->failure_count = bso_failed_list(folder, &table->failures);
    if (table->failure_count < 0) return BSO_ERROR;
    if (table->run_count == 0) {
        return bso_fail("%s: no %sresult files (*.h5); `bso sweep FILE.conf --out %s` puts results there",
                        folder, table->unreadable ? "readable " : "", directory);
    }
    return make_rows(table, in_comparison, NULL, NULL);
}

int bso_table_load(bso_table *table, const char *directory)
{
    return bso_table_load_some(table, directory, NULL, 0);
}

void bso_table_free(bso_table *table)
{
    for (int i = 0; i < table->run_count && !table->borrowed; i++) {
        bso_run_free(&table->runs[i]);
        bso_free(table->paths[i]);
    }
    for (int i = 0; i < table->row_count; i++) bso_free(table->rows[i].runs);
    if (!table->borrowed) {
        bso_free(table->runs);
        bso_free(table->paths);
        bso_free(table->failures);
    }
    bso_free(table->rows);
    memset(table, 0, sizeof *table);
}
