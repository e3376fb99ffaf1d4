/* config.c: see config.h. */
#define _GNU_SOURCE
#include "experiments/config.h"

#include "core/error.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 1 << 20 };

int bso_config_read(config_t *config, const char *path)
{
    struct stat info;
    FILE *f = fopen(path, "r");
    if (!f) return bso_fail("%s: %s", path, strerror(errno));
    /* libconfig ends the process when a read fails, as on a folder. */
    if (fstat(fileno(f), &info) || !S_ISREG(info.st_mode) || info.st_size > FILE_BYTES_MAX) {
        fclose(f);
        return bso_fail("%s: a text file of at most 1 MiB is expected", path);
    }
    config_init(config);
    int code = 0;
    if (config_read(config, f) != CONFIG_TRUE) {
        const char *file = config_error_file(config);
        code =
            bso_fail("%s:%d: %s", file ? file : path, config_error_line(config), config_error_text(config));
        config_destroy(config);
    }
    fclose(f);
    return code;
}

int bso_config_at(const char *path, const config_setting_t *where)
{
    const char *file = config_setting_source_file(where);
    return bso_fail_context("%s:%u", file ? file : path, config_setting_source_line(where));
}

bool bso_config_is_list(const config_setting_t *s)
{
    return config_setting_type(s) == CONFIG_TYPE_ARRAY || config_setting_type(s) == CONFIG_TYPE_LIST;
}

int bso_config_text(const char *key, const config_setting_t *value, char *text, size_t size)
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

int bso_config_member(const char *path, const config_setting_t *group, const char *key, char *target,
                      size_t size)
{
    config_setting_t *s = config_setting_get_member(group, key);
    if (!s) return 0;
    const char *text = config_setting_get_string(s);
    if (!text || strlen(text) >= size) {
        bso_fail("%s: it takes a text in quotes of at most %zu characters", key, size - 1);
        return bso_config_at(path, s);
    }
    memcpy(target, text, strlen(text) + 1);
    return 0;
}

int bso_config_known(const char *path, const config_setting_t *group, const char *what,
                     const char *const *known)
{
    for (int i = 0; i < config_setting_length(group); i++) {
        config_setting_t *m = config_setting_get_elem(group, (unsigned)i);
        const char *const *k = known;
        while (*k && strcmp(*k, config_setting_name(m)) != 0) k++;
        if (*k) continue;
        char names[256] = "";
        for (k = known; *k; k++) {
            size_t used = strlen(names);
            snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", *k);
        }
        bso_fail("%s: no such entry; %s has %s", config_setting_name(m), what, names);
        return bso_config_at(path, m);
    }
    return 0;
}

void bso_config_path(const char *name, char *path, size_t size)
{
    char program[PATH_MAX];
    const char *folder = getenv("BSO_EXPERIMENTS");
    if (folder && *folder) {
        snprintf(path, size, "%s/%s", folder, name);
        return;
    }
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash) *slash = '\0';
    snprintf(path, size, "%s/../experiments/%s", program, name);
    /* As short as it can be said: it is in messages. */
    char here[PATH_MAX], there[PATH_MAX];
    if (!getcwd(here, sizeof here) || !realpath(path, there)) return;
    size_t prefix = strlen(here);
    bool below = strncmp(there, here, prefix) == 0 && there[prefix] == '/';
    snprintf(path, size, "%s", below ? there + prefix + 1 : there);
}
