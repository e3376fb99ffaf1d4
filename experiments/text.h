/* text.h: putting together a text of limited length. */
#ifndef BSO_TEXT_H
#define BSO_TEXT_H

#include <stdarg.h>
#include <stddef.h>

/* printf to the end of text[size], at least 4 bytes. What has no room is cut between characters, with "..."
 * at the end. */
void bso_text_add(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
void bso_text_add_list(char *text, size_t size, const char *format, va_list arguments);

/* What goes between things of a list: nothing before the first. */
#define BSO_COMMA(text)     (*(text) ? ", " : "")
#define BSO_SEMICOLON(text) (*(text) ? "; " : "")

#endif
