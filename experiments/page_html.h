/* page_html.h: what the files of the HTML form share. Everybody else uses page.h. */
#ifndef BSO_PAGE_HTML_H
#define BSO_PAGE_HTML_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Text as it may stand in an element or a quoted attribute. */
void bso_html_text(FILE *out, const char *text);

/* Base64 (RFC 4648). */
void bso_html_base64(FILE *out, const uint8_t *bytes, size_t count);

/* Style sheet and script of every page. */
extern const char bso_html_style[], bso_html_script[];

#endif
