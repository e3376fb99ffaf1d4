/* sweep_file.c: reading and expanding sweep files. See sweep_file.h. */
#include "experiments/sweep_file.h"

#include "core/error.h"
#include "core/memory.h"
#include "core/stand_in.h"
#include "experiments/config.h"
#include "experiments/method.h"
#include "experiments/part.h"

#include <stdio.h>
#include <string.h>

enum { AXES_MAX = 128 };

/* What is read, and what the key `method` needs. */
typedef struct {
    const char *path;
    bso_sweep *sweep;
    bso_methods methods; /* empty until a cell asks for one */
} reader;

/* One key and the values it takes in a group. */
typedef struct {
    const char *key;
    config_setting_t *value;
    size_t count; /* 1 for a plain value */
} axis;

typedef struct {
    axis axes[AXES_MAX]; /* the group's own, then the common ones that it does not set */
    int count, own;
    size_t cells; /* product of the counts */
    bool optional, or_stand_in;
} group;

static int add_axis(group *g, config_setting_t *value)
{
    const char *key = config_setting_name(value);
    if (strcmp(key, "save") == 0 || strcmp(key, "trace") == 0) {
        return bso_fail("%s: every cell would write the same file; use `bso run` for it", key);
    }
    if (strcmp(key, "threads") == 0) {
        return bso_fail("%s: it belongs to the machine, not to the cells; use --threads", key);
    }
    size_t count = bso_config_is_list(value) ? (size_t)config_setting_length(value) : 1;
    if (count == 0) return bso_fail("%s: the list is empty", key);
    if (g->count == AXES_MAX) return bso_fail("%s: more than %d keys in one group", key, AXES_MAX);
    if (__builtin_mul_overflow(g->cells, count, &g->cells) || g->cells > BSO_SWEEP_CELLS_MAX) {
        return bso_fail("%s: with this list the group has more than %d cells", key, BSO_SWEEP_CELLS_MAX);
    }
    g->axes[g->count++] = (axis){key, value, count};
    return 0;
}

/* The switch of a group by that name, or NULL. */
static bool *switch_of(group *g, const char *name)
{
    if (strcmp(name, "optional") == 0) return &g->optional;
    return strcmp(name, "or_stand_in") == 0 ? &g->or_stand_in : NULL;
}

static int read_group(const char *path, config_setting_t *members, config_setting_t *common, group *g)
{
    *g = (group){.cells = 1};
    if (config_setting_type(members) != CONFIG_TYPE_GROUP) {
        bso_fail("cells: each is a group in braces, { key = value; ... }");
        return bso_config_at(path, members);
    }
    for (int i = 0; i < config_setting_length(members); i++) {
        config_setting_t *m = config_setting_get_elem(members, (unsigned)i);
        bool *on = switch_of(g, config_setting_name(m));
        if (on && config_setting_type(m) != CONFIG_TYPE_BOOL) {
            bso_fail("%s: it takes true or false", config_setting_name(m));
            return bso_config_at(path, m);
        }
        if (on) {
            *on = config_setting_get_bool(m);
        } else if (add_axis(g, m)) {
            return bso_config_at(path, m);
        }
    }
    g->own = g->count;
    for (int i = 0; common && i < config_setting_length(common); i++) {
        config_setting_t *m = config_setting_get_elem(common, (unsigned)i);
        if (config_setting_get_member(members, config_setting_name(m))) continue;
        if (add_axis(g, m)) return bso_config_at(path, m);
    }
    return 0;
}

static bool is_method(const axis *x)
{
    return strcmp(x->key, "method") == 0;
}

/* The settings that a method stands for, with what tuning found. */
static int apply_method(reader *r, const char *name, bso_settings *s)
{
    if (!r->methods.method && bso_methods_read(&r->methods, NULL)) return BSO_ERROR;
    const bso_method *method = bso_method_find(&r->methods, name);
    return method ? bso_method_apply(method, true, s) : BSO_ERROR;
}

static int apply_axis(reader *r, const axis *x, config_setting_t *value, bso_settings *s)
{
    char text[2 * BSO_TEXT];
    if (bso_config_text(x->key, value, text, sizeof text) ||
        (is_method(x) ? apply_method(r, text, s) : bso_settings_set(s, x->key, text))) {
        return bso_config_at(r->path, value);
    }
    return 0;
}

/* Cell number `index` of a group. Common settings come first, then the method and what tuning found for it,
 * then the group's own settings. */
static int make_cell(reader *r, const config_setting_t *members, const group *g, size_t index,
                     bso_settings *s)
{
    config_setting_t *values[AXES_MAX];
    for (int a = g->count - 1; a >= 0; a--) {
        const axis *x = &g->axes[a];
        values[a] = x->value;
        if (bso_config_is_list(x->value)) {
            values[a] = config_setting_get_elem(x->value, (unsigned)(index % x->count));
        }
        index /= x->count;
    }
    bso_settings_default(s);
    for (int pass = 0; pass < 3; pass++) {
        for (int a = 0; a < g->count; a++) {
            int turn = is_method(&g->axes[a]) ? 1 : a < g->own ? 2 : 0;
            if (turn == pass && apply_axis(r, &g->axes[a], values[a], s)) return BSO_ERROR;
        }
    }
    return bso_settings_check(s) || bso_part_check(s->parts) ? bso_config_at(r->path, members) : 0;
}

/* Where the files of the data set are not found, put the stand-in for it into the settings. */
static int replace_missing(bso_settings *s)
{
    const bso_dataset_format *f = bso_dataset_format_find(s->dataset);
    char folder[BSO_PATH], name[BSO_TEXT];
    if (!f) return BSO_ERROR;
    if (!f->find || f->find(folder, s) == 0) return 0;
    if (!bso_stand_in_find(s->dataset)) return BSO_ERROR;
    snprintf(name, sizeof name, "stand-in:%s", f->name);
    return bso_settings_set(s, "dataset", name);
}

static int add_cells(reader *r, config_setting_t *members, const group *g)
{
    bso_settings s;
    for (size_t i = 0; i < g->cells; i++) {
        if (make_cell(r, members, g, i, &s)) return BSO_ERROR;
        if (g->or_stand_in && replace_missing(&s)) return bso_config_at(r->path, members);
        bso_sweep_add(r->sweep, &s, g->optional);
    }
    return 0;
}

static int expand(reader *r, config_setting_t *cells, config_setting_t *common)
{
    size_t total = 0;
    int groups = config_setting_length(cells);
    group g;
    for (int i = 0; i < groups; i++) {
        config_setting_t *members = config_setting_get_elem(cells, (unsigned)i);
        if (read_group(r->path, members, common, &g)) return BSO_ERROR;
        total += g.cells;
        if (total > BSO_SWEEP_CELLS_MAX) {
            bso_fail("cells: more than %d; split the file", BSO_SWEEP_CELLS_MAX);
            return bso_config_at(r->path, members);
        }
    }
    if (total == 0) {
        bso_fail("cells: the list is empty");
        return bso_config_at(r->path, cells);
    }
    if (bso_sweep_room(r->sweep, total)) return BSO_ERROR;
    for (int i = 0; i < groups; i++) {
        config_setting_t *members = config_setting_get_elem(cells, (unsigned)i);
        if (read_group(r->path, members, common, &g) || add_cells(r, members, &g)) return BSO_ERROR;
    }
    return 0;
}

static int read_top(reader *r, config_setting_t *root)
{
    static const char *const known[] = {"name", "title", "common", "cells", NULL};
    bso_sweep *sweep = r->sweep;
    const char *path = r->path;
    if (bso_config_known(path, root, "a sweep (settings go into common and cells)", known) ||
        bso_config_member(path, root, "name", sweep->name, sizeof sweep->name) ||
        bso_config_member(path, root, "title", sweep->title, sizeof sweep->title)) {
        return BSO_ERROR;
    }
    if (!*sweep->name || *sweep->name == '.' ||
        sweep->name[strspn(sweep->name,
                           "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")]) {
        return bso_fail("%s: name: it must be there, of letters, digits, '.', '_' and '-'", path);
    }
    config_setting_t *common = config_setting_get_member(root, "common");
    if (common && config_setting_type(common) != CONFIG_TYPE_GROUP) {
        bso_fail("common: it takes a group in braces, { key = value; ... }");
        return bso_config_at(path, common);
    }
    config_setting_t *cells = config_setting_get_member(root, "cells");
    if (!cells) return bso_fail("%s: cells: not there; add cells = ( { key = value; ... }, ... );", path);
    if (config_setting_type(cells) != CONFIG_TYPE_LIST) {
        bso_fail("cells: it takes a list in parentheses, ( { ... }, ... )");
        return bso_config_at(path, cells);
    }
    return expand(r, cells, common);
}

int bso_sweep_read(bso_sweep *sweep, const char *path)
{
    *sweep = (bso_sweep){0};
    config_t config;
    if (bso_config_read(&config, path)) return BSO_ERROR;
    reader r = {.path = path, .sweep = sweep};
    int code = read_top(&r, config_root_setting(&config));
    bso_methods_free(&r.methods);
    config_destroy(&config);
    if (code) bso_sweep_free(sweep);
    return code;
}

int bso_sweep_room(bso_sweep *sweep, size_t cells)
{
    sweep->cells = bso_alloc(BSO_MEM_CONTROL, cells, sizeof *sweep->cells, "the cells of the sweep");
    return sweep->cells ? 0 : BSO_ERROR;
}

void bso_sweep_add(bso_sweep *sweep, const bso_settings *settings, bool optional)
{
    bso_cell *cell = &sweep->cells[sweep->count];
    *cell = (bso_cell){*settings, bso_settings_hash(settings), optional};
    size_t i = 0;
    while (sweep->cells[i].hash != cell->hash) i++; /* ends at the cell itself */
    if (i < sweep->count) {
        sweep->repeated++;
        sweep->cells[i].optional = sweep->cells[i].optional && optional;
        bso_part_add(sweep->cells[i].settings.parts, settings->parts);
    } else {
        sweep->count++;
    }
}

void bso_sweep_free(bso_sweep *sweep)
{
    bso_free(sweep->cells);
    *sweep = (bso_sweep){0};
}
