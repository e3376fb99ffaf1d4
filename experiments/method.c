/* method.c: see method.h. */
#include "experiments/method.h"

#include "core/error.h"
#include "core/memory.h"
#include "experiments/config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { METHODS_MAX = 256 };

static bool label_taken(const bso_methods *m, const char *label)
{
    for (int i = 0; i < m->count; i++) {
        if (strcmp(m->method[i].label, label) == 0) return true;
    }
    return false;
}

static const bso_method *lookup(const bso_methods *m, const char *name)
{
    for (int i = 0; i < m->count; i++) {
        if (strcmp(m->method[i].name, name) == 0) return &m->method[i];
    }
    return NULL;
}

/* The members of a group but those in `own` (NULL at the end), as pairs. */
static int read_pairs(const char *path, const config_setting_t *group, const char *const *own,
                      bso_pair *pairs, int *count)
{
    *count = 0;
    for (int i = 0; i < config_setting_length(group); i++) {
        config_setting_t *m = config_setting_get_elem(group, (unsigned)i);
        const char *const *o = own;
        while (*o && strcmp(*o, config_setting_name(m)) != 0) o++;
        if (*o) continue;
        if (*count == BSO_METHOD_KEYS || strlen(config_setting_name(m)) >= BSO_WORD) {
            bso_fail("%s: more than %d keys, or too long a name", config_setting_name(m), BSO_METHOD_KEYS);
            return bso_config_at(path, m);
        }
        bso_pair *pair = &pairs[(*count)++];
        snprintf(pair->key, sizeof pair->key, "%s", config_setting_name(m));
        if (bso_config_text(pair->key, m, pair->value, sizeof pair->value)) return bso_config_at(path, m);
    }
    return 0;
}

static int set_pairs(bso_settings *s, const bso_pair *pairs, int count)
{
    for (int i = 0; i < count; i++) {
        if (bso_settings_set(s, pairs[i].key, pairs[i].value)) return BSO_ERROR;
    }
    return 0;
}

int bso_method_apply(const bso_method *method, bool tuned, bso_settings *s)
{
    return bso_settings_set(s, "label", method->label) || set_pairs(s, method->set, method->pairs) ||
                   (tuned && set_pairs(s, method->tuned, method->tuned_pairs))
               ? BSO_ERROR
               : 0;
}

/* Can the method be set and checked by itself? */
static int try(const bso_method *method)
{
    bso_settings s;
    bso_settings_default(&s);
    return bso_method_apply(method, true, &s) || bso_settings_check(&s) ? BSO_ERROR : 0;
}

const char *bso_method_value(const bso_method *method, const char *key)
{
    for (int i = 0; i < method->pairs; i++) {
        if (strcmp(method->set[i].key, key) == 0) return method->set[i].value;
    }
    return NULL;
}

static bool plain_name(const char *name)
{
    return *name && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")];
}

static int check_method(const bso_methods *m, const bso_method *method)
{
    if (!plain_name(method->name) || lookup(m, method->name) || m->count == METHODS_MAX) {
        return bso_fail("name=%s: it takes a new name of a-z, 0-9 and _", method->name);
    }
    if (label_taken(m, method->label)) {
        return bso_fail("label=%s: another method has it, and tables tell methods apart by it",
                        method->label);
    }
    if (try(method)) return BSO_ERROR;
    if (bso_method_value(method, "optimizer")) return 0;
    return bso_fail("%s: it names no optimizer; add optimizer = \"...\";", method->name);
}

static int add_methods(bso_methods *m, const char *path, const config_setting_t *list)
{
    static const char *const own[] = {"name", "label", NULL};
    for (int i = 0; i < config_setting_length(list); i++) {
        config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
        bso_method method = {.pairs = 0};
        if (config_setting_type(group) != CONFIG_TYPE_GROUP) {
            bso_fail("methods: each is a group in braces, { name = \"...\"; key = value; ... }");
            return bso_config_at(path, group);
        }
        if (bso_config_member(path, group, "name", method.name, sizeof method.name) ||
            bso_config_member(path, group, "label", method.label, sizeof method.label) ||
            read_pairs(path, group, own, method.set, &method.pairs)) {
            return BSO_ERROR;
        }
        if (!*method.label) snprintf(method.label, sizeof method.label, "%s", method.name);
        if (check_method(m, &method)) return bso_config_at(path, group);
        m->method[m->count++] = method;
    }
    return 0;
}

/* The first method that uses a rule. */
static const bso_method *user_of(const bso_methods *m, const char *rule)
{
    for (int i = 0; i < m->count; i++) {
        if (strcmp(bso_method_value(&m->method[i], "optimizer"), rule) == 0) return &m->method[i];
    }
    return NULL;
}

/* Every rule that no method uses, with what the other keys' defaults call for. */
static int add_rules(bso_methods *m)
{
    for (int i = 0; bso_optimizers[i] && m->count < METHODS_MAX; i++) {
        const char *name = bso_optimizers[i]->name;
        if (lookup(m, name) || user_of(m, name)) continue;
        bso_method *method = &m->method[m->count++];
        *method = (bso_method){.pairs = 1};
        snprintf(method->name, sizeof method->name, "%s", name);
        snprintf(method->label, sizeof method->label, "%s", name);
        snprintf(method->set[0].key, sizeof method->set[0].key, "optimizer");
        snprintf(method->set[0].value, sizeof method->set[0].value, "%s", name);
    }
    return 0;
}

/* Is a name that of an entry before the i-th one? */
static bool came_before(const config_setting_t *list, int i, const char *name)
{
    const char *other;
    for (int j = 0; j < i; j++) {
        const config_setting_t *group = config_setting_get_elem(list, (unsigned)j);
        if (config_setting_lookup_string(group, "method", &other) && strcmp(other, name) == 0) return true;
    }
    return false;
}

/* Tuned values stand beside what the method fixes, never in its place. */
static int check_tuned(const bso_method *method)
{
    for (int i = 0; i < method->tuned_pairs; i++) {
        const char *key = method->tuned[i].key;
        if (!bso_method_value(method, key) && strcmp(key, "label") != 0) continue;
        return bso_fail("%s: method %s sets it itself; take it out here", key, method->name);
    }
    return try(method);
}

/* One entry. Those of methods that are not there, or that another file has an entry for, are passed over. */
static int add_entry(bso_methods *m, const char *path, const config_setting_t *list, int i)
{
    static const char *const own[] = {"method", "trials", "validation", NULL};
    config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
    char name[BSO_WORD] = "";
    if (config_setting_type(group) != CONFIG_TYPE_GROUP) {
        bso_fail("tuned: each is a group in braces, { method = \"...\"; key = value; ... }");
        return bso_config_at(path, group);
    }
    if (bso_config_member(path, group, "method", name, sizeof name)) return BSO_ERROR;
    if (!*name || came_before(list, i, name)) {
        bso_fail("method=%s: each entry takes the name of another method", name);
        return bso_config_at(path, group);
    }
    const bso_method *found = lookup(m, name);
    if (!found || found->tuned_pairs) return 0;
    bso_method *method = &m->method[found - m->method];
    int code = read_pairs(path, group, own, method->tuned, &method->tuned_pairs);
    if (!code && check_tuned(method)) code = bso_config_at(path, group);
    if (code) method->tuned_pairs = 0;
    return code;
}

static int add_tuned(bso_methods *m, const char *path, const config_setting_t *list)
{
    for (int i = 0; i < config_setting_length(list); i++) {
        if (add_entry(m, path, list, i)) return BSO_ERROR;
    }
    return 0;
}

/* What was tuned here may be of a rule that has changed since: that is worth a word, not worth stopping for.
 */
static int add_tuned_here(bso_methods *m, const char *path, const config_setting_t *list)
{
    for (int i = 0; i < config_setting_length(list); i++) {
        if (add_entry(m, path, list, i)) fprintf(stderr, "bso: %s; passed over, tune again\n", bso_error());
    }
    return 0;
}

/* The one list of a file, handed to `add`. */
static int read_list(bso_methods *m, const char *path, const char *name, const char *const *known,
                     int (*add)(bso_methods *m, const char *path, const config_setting_t *list))
{
    config_t config;
    if (bso_config_read(&config, path)) return BSO_ERROR;
    config_setting_t *root = config_root_setting(&config), *list = config_setting_get_member(root, name);
    int code = bso_config_known(path, root, "the file", known);
    if (!code && (!list || config_setting_type(list) != CONFIG_TYPE_LIST)) {
        code = bso_fail("%s: %s: it takes a list in parentheses, %s = ( { ... }, ... );", path, name, name);
    }
    if (!code) code = add(m, path, list);
    config_destroy(&config);
    return code;
}

static int read_tuned(bso_methods *m, const char *path,
                      int (*add)(bso_methods *m, const char *path, const config_setting_t *list))
{
    static const char *const known[] = {"protocol", "tuned", NULL};
    return access(path, F_OK) == 0 ? read_list(m, path, "tuned", known, add) : 0;
}

int bso_methods_read(bso_methods *m, const char *tuned)
{
    static const char *const known[] = {"methods", NULL};
    char path[1024];
    *m = (bso_methods){0};
    m->method = bso_alloc(BSO_MEM_CONTROL, METHODS_MAX, sizeof *m->method, "the methods");
    if (!m->method) return BSO_ERROR;
    bso_config_path("methods.conf", path, sizeof path);
    int code = read_list(m, path, "methods", known, add_methods);
    if (!code) code = add_rules(m);
    if (tuned) {
        snprintf(m->tuned_path, sizeof m->tuned_path, "%s", tuned);
    } else {
        bso_config_path("tuned.conf", m->tuned_path, sizeof m->tuned_path);
    }
    if (!code) code = read_tuned(m, m->tuned_path, tuned ? add_tuned_here : add_tuned);
    if (!code && !tuned) code = read_tuned(m, BSO_TUNED_HERE, add_tuned_here);
    if (code) bso_methods_free(m);
    return code;
}

void bso_methods_free(bso_methods *m)
{
    bso_free(m->method);
    *m = (bso_methods){0};
}

const bso_method *bso_method_find(const bso_methods *m, const char *name)
{
    const bso_method *found = lookup(m, name);
    if (!found) found = user_of(m, name);
    if (found) return found;
    char names[1024] = "";
    for (int i = 0; i < m->count; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", m->method[i].name);
    }
    bso_fail("method=%s: no such method; choose one of %s", name, names);
    return NULL;
}
