/* config.c: see config.h. */
#define _GNU_SOURCE
#include "experiments/config.h"

#include "core/error.h"
#include "core/memory.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 1 << 20 };

/* The file's text, which the caller frees; or NULL. */
static char *read_text(const char *path)
{
    struct stat info;
    if (stat(path, &info)) {
        bso_fail("%s: %s", path, strerror(errno));
        return NULL;
    }
    bool plain = S_ISREG(info.st_mode) && info.st_size <= FILE_BYTES_MAX;
    char *text = NULL;
    if (plain) text = bso_alloc(BSO_MEM_CONTROL, (size_t)info.st_size + 1, 1, "a file of settings");
    if (plain && !text) return NULL;
    FILE *f = plain ? fopen(path, "r") : NULL;
    if (plain && !f) {
        bso_fail("%s: %s", path, strerror(errno));
        bso_free(text);
        return NULL;
    }
    size_t length = plain ? fread(text, 1, (size_t)info.st_size, f) : 0;
    if (f) fclose(f);
    if (plain && length == (size_t)info.st_size && !memchr(text, '\0', length)) {
        text[length] = '\0';
        return text;
    }
    bso_fail("%s: a text file of at most 1 MiB is expected", path);
    bso_free(text);
    return NULL;
}

/* A whole number that libconfig would take for another one: it keeps 32 bits, or 64 with an L. */
static int check_number(const char *number, size_t length)
{
    char text[80], *end;
    snprintf(text, sizeof text, "%.*s", (int)(length < sizeof text ? length : sizeof text - 1), number);
    const char *digits = text + strspn(text, "+-");
    bool hexadecimal = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    errno = 0;
    long long x = strtoll(text, &end, hexadecimal ? 16 : 10);
    bool wide = *end == 'L';
    if (*end && !wide) return 0; /* a fraction, or no number, which libconfig will say */
    if (errno == ERANGE || length >= sizeof text) {
        return bso_fail("%s: more than 64 bits hold; seeds take it in quotes", text);
    }
    if (wide || (x >= INT_MIN && x <= INT_MAX)) return 0;
    return bso_fail("%s: more than 32 bits hold; write %sL", text, text);
}

/* Behind a comment or a text in quotes that starts here; NULL: neither does. One that does not end, ends with
 * the file. */
static const char *skip(const char *p)
{
    if (*p == '#' || (p[0] == '/' && p[1] == '/')) return p + strcspn(p, "\n");
    if (p[0] == '/' && p[1] == '*') {
        const char *end = strstr(p + 2, "*/");
        return end ? end + 2 : p + strlen(p);
    }
    if (*p != '"') return NULL;
    for (p++; *p && *p != '"'; p++) p += *p == '\\' && p[1];
    return *p ? p + 1 : p;
}

/* What libconfig would not refuse, or would end the process over (an @include that cannot be read). */
static int check_text(const char *path, const char *text)
{
    static const char names[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_*-";
    unsigned line = 1;
    for (const char *p = text, *next; *p; p = next) {
        int code = 0;
        next = skip(p);
        if (!next && isdigit((unsigned char)p[*p == '-' || *p == '+'])) {
            next = p + 1 + strspn(p + 1, "0123456789abcdefABCDEFxXL.");
            code = check_number(p, (size_t)(next - p));
        } else if (!next && *p == '@') {
            code = bso_fail("@: files are read by themselves, without @include");
        } else if (!next) {
            next = isalpha((unsigned char)*p) ? p + strspn(p, names) : p + 1;
        }
        if (code) return bso_fail_context("%s:%u", path, line);
        for (const char *c = p; c < next; c++) line += *c == '\n';
    }
    return 0;
}

int bso_config_read(config_t *config, const char *path)
{
    char *text = read_text(path);
    if (!text) return BSO_ERROR;
    int code = check_text(path, text);
    if (!code) {
        config_init(config);
        if (config_read_string(config, text) != CONFIG_TRUE) {
            code = bso_fail("%s:%d: %s", path, config_error_line(config), config_error_text(config));
            config_destroy(config);
        }
    }
    bso_free(text);
    return code;
}

int bso_config_at(const char *path, const config_setting_t *where)
{
    return bso_fail_context("%s:%u", path, config_setting_source_line(where));
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
