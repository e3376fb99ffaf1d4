/* error.c: one message per thread. See error.h. */
#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[2048];

void bso_one_line(char *text)
{
    for (char *c = text; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 127) *c = '?';
    }
}

int bso_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    bso_one_line(message); /* names of files may hold anything */
    return BSO_ERROR;
}

int bso_fail_context(const char *format, ...)
{
    char old[sizeof message];
    memcpy(old, message, sizeof old);
    va_list args;
    va_start(args, format);
    int used = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    size_t at = used < 0 ? 0 : (size_t)used;
    if (at + 3 < sizeof message) {
        memcpy(message + at, ": ", 2);
        size_t room = sizeof message - at - 3, length = strlen(old);
        length = length < room ? length : room;
        memcpy(message + at + 2, old, length);
        message[at + 2 + length] = 0;
    }
    bso_one_line(message); /* names of files may hold anything */
    return BSO_ERROR;
}

const char *bso_error(void)
{
    return message;
}
