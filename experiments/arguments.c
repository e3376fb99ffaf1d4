/* arguments.c: what the commands share in reading their arguments. See program.h. */
#include "experiments/program.h"

#include "core/memory.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int bso_usage(const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    bso_fail("%s", text);
    return BSO_USAGE;
}

int bso_option(int argc, char **argv, int *i, const char *name, const char **value)
{
    const char *given = argv[*i];
    size_t length = strlen(name);
    if (strncmp(given, name, length) != 0) return 0;
    if (given[length] == '=') {
        *value = given + length + 1;
        return 1;
    }
    if (given[length] != '\0') return 0;
    if (*i + 1 >= argc) return bso_usage("%s needs a value", name);
    *value = argv[++*i];
    return 1;
}

int bso_flag(const char *given, const char *name, bool *flag)
{
    size_t length = strlen(name);
    if (strncmp(given, name, length) != 0) return 0;
    if (given[length] == '=') return bso_usage("%s takes no value", name);
    if (given[length] != '\0') return 0;
    *flag = true;
    return 1;
}

int bso_one_directory(int argc, char **argv, const char *help, const char **directory)
{
    *directory = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(help, stdout);
            *directory = NULL;
            return 0;
        }
        if (argv[i][0] == '-') return bso_usage("no such option: %s", argv[i]);
        if (*directory) return bso_usage("one directory, not also %s", argv[i]);
        *directory = argv[i];
    }
    return *directory ? 0 : bso_usage("the directory is missing");
}

int bso_option_number(const char *name, const char *text, long min, long max, int *number)
{
    char *end;
    errno = 0;
    long x = strtol(text, &end, 10);
    if (end == text || *end || errno || x < min || x > max) {
        return bso_usage("%s %s: it takes a whole number from %ld to %ld", name, text, min, max);
    }
    *number = (int)x;
    return 0;
}

int bso_set_pair(bso_settings *s, const char *pair)
{
    const char *equals = strchr(pair, '=');
    if (!equals || equals == pair) return bso_usage("--set %s: write it as KEY=VALUE", pair);
    size_t length = (size_t)(equals - pair);
    char key[BSO_WORD];
    if (length >= sizeof key) return bso_fail("%.100s: no such key; `bso list` shows all keys", pair);
    memcpy(key, pair, length);
    key[length] = '\0';
    return bso_settings_set(s, key, equals + 1);
}

char *bso_command_line(int argc, char **argv)
{
    size_t size = sizeof "bso";
    for (int i = 0; i < argc; i++) size += 4 * strlen(argv[i]) + 3;
    char *text = bso_alloc(BSO_MEM_CONTROL, size, 1, "the command line");
    if (!text) return NULL;
    char *end = text + sprintf(text, "bso");
    for (int i = 0; i < argc; i++) {
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                    "-_=+./:,%@";
        bool quote = !*argv[i] || strspn(argv[i], plain) != strlen(argv[i]);
        *end++ = ' ';
        if (quote) *end++ = '\'';
        for (const char *c = argv[i]; *c; c++) {
            if (*c == '\'') {
                end += sprintf(end, "'\\''");
            } else {
                *end++ = *c;
            }
        }
        if (quote) *end++ = '\'';
    }
    *end = '\0';
    return text;
}
