/* text.c: see text.h. */
#include "experiments/text.h"

#include <stdio.h>
#include <string.h>

void bso_text_add_list(char *text, size_t size, const char *format, va_list arguments)
{
    static const char dots[] = "...";
    const size_t used = strlen(text);
    if (vsnprintf(text + used, size - used, format, arguments) < (int)(size - used)) return;
    size_t end = size - sizeof dots;
    while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80) end--; /* UTF-8: within a character */
    memcpy(text + end, dots, sizeof dots);
}

void bso_text_add(char *text, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    bso_text_add_list(text, size, format, arguments);
    va_end(arguments);
}
