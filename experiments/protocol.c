/* protocol.c: see protocol.h. */
#include "experiments/protocol.h"

#include "core/error.h"
#include "experiments/config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TRIALS_MAX = 10000 };

static int read_common(bso_protocol *p, const char *path, const config_setting_t *group)
{
    char text[2 * BSO_TEXT];
    for (int i = 0; group && i < config_setting_length(group); i++) {
        config_setting_t *m = config_setting_get_elem(group, (unsigned)i);
        const char *key = config_setting_name(m);
        if (bso_config_text(key, m, text, sizeof text) || bso_settings_set(&p->common, key, text)) {
            return bso_config_at(path, m);
        }
    }
    return 0;
}

/* A whole number from 0 on; text: where a seed is wanted, through the settings' own check. */
static int seed_of(const char *path, const config_setting_t *m, uint64_t *seed)
{
    char text[64];
    bso_settings s;
    bso_settings_default(&s);
    if (bso_config_text("seed", m, text, sizeof text) || bso_settings_set(&s, "seed", text)) {
        return bso_config_at(path, m);
    }
    *seed = s.seed;
    return 0;
}

static int read_seeds(bso_protocol *p, const char *path, const config_setting_t *list)
{
    int length = bso_config_is_list(list) ? config_setting_length(list) : 0;
    if (length < 1 || length > BSO_SEEDS_MAX) {
        bso_fail("seeds: it takes a list of 1 to %d seeds", BSO_SEEDS_MAX);
        return bso_config_at(path, list);
    }
    for (int i = 0; i < length; i++) {
        config_setting_t *m = config_setting_get_elem(list, (unsigned)i);
        if (seed_of(path, m, &p->seed[i])) return BSO_ERROR;
        for (int j = 0; j < i; j++) {
            if (p->seed[j] != p->seed[i]) continue;
            bso_fail("seeds: the same one twice");
            return bso_config_at(path, m);
        }
    }
    p->seeds = length;
    return 0;
}

/* Draws fall between whole numbers and are the same for every rule. */
static bool can_be_drawn(const char *key)
{
    for (const bso_key *k = bso_keys; k->name; k++) {
        if (strcmp(k->name, key) == 0) return k->type == BSO_KEY_NUMBER;
    }
    return false;
}

static int read_ranges(bso_protocol *p, const char *path, const config_setting_t *group)
{
    for (int i = 0; i < config_setting_length(group); i++) {
        config_setting_t *m = config_setting_get_elem(group, (unsigned)i);
        char low[64] = "", high[64] = "";
        const char *key = config_setting_name(m);
        bso_settings s = p->common;
        if (!can_be_drawn(key)) {
            bso_fail(
                "ranges: %.64s: it takes settings that are any number, as lr; rules declare the ranges of "
                "their hyperparameters",
                key);
            return bso_config_at(path, m);
        }
        bool two = bso_config_is_list(m) && config_setting_length(m) == 2 && i < BSO_RANGES_MAX;
        if (two && (bso_config_text(key, config_setting_get_elem(m, 0), low, sizeof low) ||
                    bso_config_text(key, config_setting_get_elem(m, 1), high, sizeof high) ||
                    bso_settings_set(&s, key, low) || bso_settings_set(&s, key, high))) {
            return bso_config_at(path, m);
        }
        bso_range *r = &p->range[i];
        if (two) {
            snprintf(r->key, sizeof r->key, "%s", key);
            two = sscanf(low, "%lf", &r->low) == 1 && sscanf(high, "%lf", &r->high) == 1 && r->low > 0 &&
                  r->low < r->high;
        }
        if (!two) {
            bso_fail("ranges: %s: it takes two positive numbers, [low, high]; at most %d keys", key,
                     BSO_RANGES_MAX);
            return bso_config_at(path, m);
        }
        p->ranges = i + 1;
    }
    return 0;
}

static int read_trials(bso_protocol *p, const char *path, const config_setting_t *m)
{
    long long trials = config_setting_type(m) == CONFIG_TYPE_INT ? (long long)config_setting_get_int(m) : 0;
    p->trials = (int)trials;
    if (trials >= 1 && trials <= TRIALS_MAX) return 0;
    bso_fail("trials: it takes a whole number from 1 to %d", TRIALS_MAX);
    return bso_config_at(path, m);
}

static int read_target(bso_protocol *p, const char *path, const config_setting_t *m)
{
    int type = config_setting_type(m);
    p->target = type == CONFIG_TYPE_FLOAT ? config_setting_get_float(m)
                : type == CONFIG_TYPE_INT ? (double)config_setting_get_int(m)
                                          : NAN;
    if (p->target > 0 && p->target < 100) return 0;
    bso_fail("target: it takes an accuracy in percent, between 0 and 100");
    return bso_config_at(path, m);
}

static int read_all(bso_protocol *p, const char *path, config_setting_t *root)
{
    static const char *const known[] = {"name",       "title",  "common", "seeds", "trials",
                                        "trial_seed", "ranges", "target", NULL};
    if (bso_config_known(path, root, "a protocol (settings go into common)", known) ||
        bso_config_member(path, root, "name", p->name, sizeof p->name) ||
        bso_config_member(path, root, "title", p->title, sizeof p->title)) {
        return BSO_ERROR;
    }
    if (!*p->name || *p->name == '.' || strchr(p->name, '/')) {
        return bso_fail("%s: name: it must be there, and be a folder's name", path);
    }
    config_setting_t *common = config_setting_get_member(root, "common"),
                     *seeds = config_setting_get_member(root, "seeds"),
                     *trials = config_setting_get_member(root, "trials"),
                     *trial_seed = config_setting_get_member(root, "trial_seed"),
                     *ranges = config_setting_get_member(root, "ranges"),
                     *target = config_setting_get_member(root, "target");
    if (!common || config_setting_type(common) != CONFIG_TYPE_GROUP) {
        return bso_fail("%s: common: it takes a group in braces, { key = value; ... }", path);
    }
    if (ranges && config_setting_type(ranges) != CONFIG_TYPE_GROUP) {
        return bso_fail("%s: ranges: it takes a group in braces, { key = [low, high]; ... }", path);
    }
    if (!seeds) return bso_fail("%s: seeds: not there; add seeds = [1, 2, 3];", path);
    if (read_common(p, path, common) || read_seeds(p, path, seeds) ||
        (trials && read_trials(p, path, trials)) ||
        (trial_seed && seed_of(path, trial_seed, &p->trial_seed)) ||
        (ranges && read_ranges(p, path, ranges)) || (target && read_target(p, path, target))) {
        return BSO_ERROR;
    }
    for (int i = 0; i < p->seeds; i++) {
        /* Also where the file says nothing of trials: the command line may. */
        if (p->seed[i] == p->trial_seed) {
            return bso_fail("%s: seeds: %llu is also trial_seed%s; seeds to report must be fresh", path,
                            (unsigned long long)p->trial_seed, trial_seed ? "" : " where that is not given");
        }
    }
    return 0;
}

int bso_protocol_read(bso_protocol *p, const char *path)
{
    *p = (bso_protocol){.target = NAN, .trial_seed = 101};
    bso_settings_default(&p->common);
    config_t config;
    if (bso_config_read(&config, path)) return BSO_ERROR;
    int code = read_all(p, path, config_root_setting(&config));
    config_destroy(&config);
    return code;
}
