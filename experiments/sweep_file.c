/* sweep_file.c: reading and expanding sweep files. See sweep_file.h. */
#include "experiments/sweep_file.h"

#include "core/error.h"
#include "core/memory.h"

#include <errno.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { AXES_MAX = 128, FILE_BYTES_MAX = 1 << 20 };

/* One key and the values it takes in a group. */
typedef struct {
    const char *key;
    config_setting_t *value;
    size_t count; /* 1 for a plain value */
} axis;

typedef struct {
    axis axes[AXES_MAX];
    int count;
    size_t cells; /* product of the counts */
    bool optional;
} group;

/* Put "file:line: " before the recorded message. */
static int at(const char *path, const config_setting_t *where)
{
    const char *file = config_setting_source_file(where);
    return bso_fail_context("%s:%u", file ? file : path, config_setting_source_line(where));
}

static bool is_list(const config_setting_t *s)
{
    return config_setting_type(s) == CONFIG_TYPE_ARRAY || config_setting_type(s) == CONFIG_TYPE_LIST;
}

/* A value as bso_settings_set takes it. Returns 0 or BSO_ERROR. */
static int value_text(const char *key, const config_setting_t *value, char *text, size_t size)
{
    int written;
    switch (config_setting_type(value)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        written = snprintf(text, size, "%lld", config_setting_get_int64(value));
        break;
    case CONFIG_TYPE_FLOAT:
        written = snprintf(text, size, "%.17g", config_setting_get_float(value));
        break;
    case CONFIG_TYPE_BOOL:
        written = snprintf(text, size, "%s", config_setting_get_bool(value) ? "on" : "off");
        break;
    case CONFIG_TYPE_STRING:
        written = snprintf(text, size, "%s", config_setting_get_string(value));
        break;
    default:
        return bso_fail("%s: it takes a value or a list of values", key);
    }
    if (written < 0 || (size_t)written >= size) return bso_fail("%s: the value is too long", key);
    return 0;
}

static int add_axis(group *g, config_setting_t *value)
{
    const char *key = config_setting_name(value);
    if (strcmp(key, "save") == 0 || strcmp(key, "trace") == 0) {
        return bso_fail("%s: every cell would write the same file; use `bso run` for it", key);
    }
    if (strcmp(key, "threads") == 0) {
        return bso_fail("%s: it belongs to the machine, not to the cells; use --threads", key);
    }
    size_t count = is_list(value) ? (size_t)config_setting_length(value) : 1;
    if (count == 0) return bso_fail("%s: the list is empty", key);
    if (g->count == AXES_MAX) return bso_fail("%s: more than %d keys in one group", key, AXES_MAX);
    if (__builtin_mul_overflow(g->cells, count, &g->cells) || g->cells > BSO_SWEEP_CELLS_MAX) {
        return bso_fail("%s: with this list the group has more than %d cells", key, BSO_SWEEP_CELLS_MAX);
    }
    g->axes[g->count++] = (axis){key, value, count};
    return 0;
}

/* The keys of a group, then the common ones that it does not set itself. */
static int read_group(const char *path, config_setting_t *members, config_setting_t *common, group *g)
{
    *g = (group){.cells = 1};
    if (config_setting_type(members) != CONFIG_TYPE_GROUP) {
        bso_fail("cells: each is a group in braces, { key = value; ... }");
        return at(path, members);
    }
    for (int i = 0; i < config_setting_length(members); i++) {
        config_setting_t *m = config_setting_get_elem(members, (unsigned)i);
        if (strcmp(config_setting_name(m), "optional") == 0) {
            if (config_setting_type(m) != CONFIG_TYPE_BOOL) {
                bso_fail("optional: it takes true or false");
                return at(path, m);
            }
            g->optional = config_setting_get_bool(m);
        } else if (add_axis(g, m)) {
            return at(path, m);
        }
    }
    for (int i = 0; common && i < config_setting_length(common); i++) {
        config_setting_t *m = config_setting_get_elem(common, (unsigned)i);
        if (config_setting_get_member(members, config_setting_name(m))) continue;
        if (add_axis(g, m)) return at(path, m);
    }
    return 0;
}

/* Cell number `index` of a group. */
static int make_cell(const char *path, const config_setting_t *members, const group *g, size_t index,
                     bso_cell *cell)
{
    char text[2 * BSO_TEXT];
    bso_settings_default(&cell->settings);
    cell->optional = g->optional;
    for (int a = g->count - 1; a >= 0; a--) {
        const axis *x = &g->axes[a];
        config_setting_t *value = x->value;
        if (is_list(value)) value = config_setting_get_elem(value, (unsigned)(index % x->count));
        index /= x->count;
        if (value_text(x->key, value, text, sizeof text) || bso_settings_set(&cell->settings, x->key, text)) {
            return at(path, value);
        }
    }
    if (bso_settings_check(&cell->settings)) return at(path, members);
    cell->hash = bso_settings_hash(&cell->settings);
    return 0;
}

static int add_cells(bso_sweep *sweep, const char *path, config_setting_t *members, const group *g)
{
    for (size_t i = 0; i < g->cells; i++) {
        bso_cell *cell = &sweep->cells[sweep->count];
        if (make_cell(path, members, g, i, cell)) return BSO_ERROR;
        size_t j = 0;
        while (sweep->cells[j].hash != cell->hash) j++; /* ends at the cell itself */
        if (j < sweep->count) {
            sweep->repeated++;
            sweep->cells[j].optional = sweep->cells[j].optional && cell->optional;
        } else {
            sweep->count++;
        }
    }
    return 0;
}

static int expand(bso_sweep *sweep, const char *path, config_setting_t *cells, config_setting_t *common)
{
    size_t total = 0;
    int groups = config_setting_length(cells);
    group g;
    for (int i = 0; i < groups; i++) {
        config_setting_t *members = config_setting_get_elem(cells, (unsigned)i);
        if (read_group(path, members, common, &g)) return BSO_ERROR;
        total += g.cells;
        if (total > BSO_SWEEP_CELLS_MAX) {
            bso_fail("cells: more than %d; split the file", BSO_SWEEP_CELLS_MAX);
            return at(path, members);
        }
    }
    if (total == 0) {
        bso_fail("cells: the list is empty");
        return at(path, cells);
    }
    sweep->cells = bso_alloc(BSO_MEM_CONTROL, total, sizeof *sweep->cells, "the cells of the sweep");
    if (!sweep->cells) return BSO_ERROR;
    for (int i = 0; i < groups; i++) {
        config_setting_t *members = config_setting_get_elem(cells, (unsigned)i);
        if (read_group(path, members, common, &g) || add_cells(sweep, path, members, &g)) return BSO_ERROR;
    }
    return 0;
}

/* A text member of the file's top level into target; a missing one leaves it empty. */
static int read_text(const char *path, const config_setting_t *root, const char *key, char *target,
                     size_t size)
{
    config_setting_t *s = config_setting_get_member(root, key);
    if (!s) return 0;
    const char *text = config_setting_get_string(s);
    if (!text || strlen(text) >= size) {
        bso_fail("%s: it takes a text in quotes of at most %zu characters", key, size - 1);
        return at(path, s);
    }
    memcpy(target, text, strlen(text) + 1);
    return 0;
}

static int read_top(bso_sweep *sweep, const char *path, config_setting_t *root)
{
    static const char *const known[] = {"name", "title", "common", "cells"};
    for (int i = 0; i < config_setting_length(root); i++) {
        config_setting_t *m = config_setting_get_elem(root, (unsigned)i);
        size_t k = 0;
        while (k < 4 && strcmp(known[k], config_setting_name(m)) != 0) k++;
        if (k == 4) {
            bso_fail(
                "%s: no such entry; a sweep has name, title, common and cells (settings go into the last "
                "two)",
                config_setting_name(m));
            return at(path, m);
        }
    }
    if (read_text(path, root, "name", sweep->name, sizeof sweep->name)) return BSO_ERROR;
    if (read_text(path, root, "title", sweep->title, sizeof sweep->title)) return BSO_ERROR;
    if (!*sweep->name || *sweep->name == '.' ||
        sweep->name[strspn(sweep->name,
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")]) {
        return bso_fail("%s: name: it must be there, of letters, digits, '.', '_' and '-'", path);
    }
    config_setting_t *common = config_setting_get_member(root, "common");
    if (common && config_setting_type(common) != CONFIG_TYPE_GROUP) {
        bso_fail("common: it takes a group in braces, { key = value; ... }");
        return at(path, common);
    }
    config_setting_t *cells = config_setting_get_member(root, "cells");
    if (!cells) return bso_fail("%s: cells: not there; add cells = ( { key = value; ... }, ... );", path);
    if (config_setting_type(cells) != CONFIG_TYPE_LIST) {
        bso_fail("cells: it takes a list in parentheses, ( { ... }, ... )");
        return at(path, cells);
    }
    return expand(sweep, path, cells, common);
}

int bso_sweep_read(bso_sweep *sweep, const char *path)
{
    *sweep = (bso_sweep){0};
    struct stat info;
    FILE *f = fopen(path, "r");
    if (!f) return bso_fail("%s: %s", path, strerror(errno));
    /* libconfig ends the process when a read fails, as on a folder. */
    if (fstat(fileno(f), &info) || !S_ISREG(info.st_mode) || info.st_size > FILE_BYTES_MAX) {
        fclose(f);
        return bso_fail("%s: not a sweep file: a text file of at most 1 MiB is expected", path);
    }
    config_t config;
    config_init(&config);
    int code;
    if (config_read(&config, f) == CONFIG_TRUE) {
        code = read_top(sweep, path, config_root_setting(&config));
    } else {
        const char *file = config_error_file(&config);
        code =
            bso_fail("%s:%d: %s", file ? file : path, config_error_line(&config), config_error_text(&config));
    }
    config_destroy(&config);
    fclose(f);
    if (code) bso_sweep_free(sweep);
    return code;
}

void bso_sweep_free(bso_sweep *sweep)
{
    bso_free(sweep->cells);
    *sweep = (bso_sweep){0};
}
