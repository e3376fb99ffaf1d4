/* page_html.c: a page as one HTML file that needs nothing beside it: style, sorting and pictures are in it.
 * See page.h; what it looks like is in page_style.c.
 *
 * Without JavaScript all of it is there but the sorting.
 */
#include "experiments/page_html.h"

#include "core/file.h"
#include "experiments/page.h"

#include <stdint.h>
#include <string.h>

enum { PICTURE_BYTES_MAX = 16 << 20 };

/* Tables of more columns than these are printed smaller, and across the page. */
enum { WIDE = 7, ACROSS = 12 };

void bso_html_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            /* Control characters are not allowed in HTML. */
            fputc((unsigned char)*text < 0x20 && *text != '\n' && *text != '\t' ? '?' : *text, out);
        }
    }
}

void bso_html_base64(FILE *out, const uint8_t *bytes, size_t count)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < count; i += 3) {
        const size_t left = count - i < 3 ? count - i : 3;
        uint32_t x = (uint32_t)bytes[i] << 16;
        if (left > 1) x |= (uint32_t)bytes[i + 1] << 8;
        if (left > 2) x |= bytes[i + 2];
        fputc(digits[x >> 18], out);
        fputc(digits[x >> 12 & 63], out);
        fputc(left > 1 ? digits[x >> 6 & 63] : '=', out);
        fputc(left > 2 ? digits[x & 63] : '=', out);
    }
}

/* <tag>text</tag> */
static void element(FILE *out, const char *tag, const char *text)
{
    fprintf(out, "<%s>", tag);
    bso_html_text(out, text);
    fprintf(out, "</%s>\n", tag);
}

static void badge(FILE *out, const char *look, const char *words)
{
    fprintf(out, "<span class=\"verdict %s\">", look);
    bso_html_text(out, words);
    fputs("</span>", out);
}

static void begin(bso_page *page, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n",
          page->out);
    element(page->out, "title", title);
    fprintf(page->out, "<style>\n%s</style>\n</head>\n<body>\n<main>\n", bso_html_style);
    element(page->out, "h1", title);
}

static void end(bso_page *page)
{
    fprintf(page->out, "</main>\n<script>\n%s</script>\n</body>\n</html>\n", bso_html_script);
}

static void contents(bso_page *page, const char *id, const char *title)
{
    if (!id) {
        fputs(page->in_list ? "</ul>\n</nav>\n" : "", page->out);
        page->in_list = false;
        return;
    }
    if (!page->in_list) fputs("<nav aria-label=\"Contents\">\n<ul>\n", page->out);
    page->in_list = true;
    fprintf(page->out, "<li><a href=\"#%s\">", id);
    bso_html_text(page->out, title);
    fputs("</a></li>\n", page->out);
}

static void section(bso_page *page, const char *id, const char *title)
{
    if (!title) {
        fputs("</section>\n", page->out);
        return;
    }
    fprintf(page->out, "<section id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 id=\"%s-title\">", id, id, id);
    bso_html_text(page->out, title);
    fputs("</h2>\n", page->out);
}

static void card(bso_page *page, const char *id, const char *title, const char *look, const char *words)
{
    if (!title) {
        fputs("</article>\n", page->out);
        return;
    }
    fprintf(page->out, "<article id=\"%s\" class=\"%s\">\n<h3>", id, look);
    bso_html_text(page->out, title);
    fputs("</h3>\n<p class=\"judged\">", page->out);
    badge(page->out, look, words);
    fputs("</p>\n", page->out);
}

static void heading(bso_page *page, const char *title)
{
    element(page->out, "h3", title);
}

static void paragraph(bso_page *page, const char *label, const char *text)
{
    fputs("<p>", page->out);
    if (label) {
        fputs("<b class=\"label\">", page->out);
        bso_html_text(page->out, label);
        fputs(":</b> ", page->out);
    }
    bso_html_text(page->out, text);
    fputs("</p>\n", page->out);
}

static void open_list(bso_page *page, const char *look)
{
    if (!page->in_list) fprintf(page->out, "<ul class=\"%s\">\n", look);
    page->in_list = true;
}

static void item(bso_page *page, const char *text)
{
    if (!text) {
        fputs(page->in_list ? "</ul>\n" : "", page->out);
        page->in_list = false;
        return;
    }
    open_list(page, "items");
    element(page->out, "li", text);
}

static void finding(bso_page *page, const char *what, const char *outcome, const char *look,
                    const char *words, const char *why)
{
    open_list(page, "findings");
    fputs("<li><span class=\"what\">", page->out);
    bso_html_text(page->out, what);
    fputs("</span> <span class=\"outcome\">", page->out);
    bso_html_text(page->out, outcome);
    fputs("</span> <span class=\"says\">", page->out);
    badge(page->out, look, words);
    if (*why) {
        fputc(' ', page->out);
        bso_html_text(page->out, why);
    }
    fputs("</span></li>\n", page->out);
}

static void fold(bso_page *page, const char *title)
{
    if (!title) {
        fputs("</details>\n", page->out);
        return;
    }
    fputs("<details>\n", page->out);
    element(page->out, "summary", title);
}

static void table(bso_page *page, const char *caption, const char *const *titles)
{
    /* On paper: smaller, or across. */
    const char *table = page->columns > WIDE ? "<table class=\"wide\">" : "<table>";
    /* What scrolls must be within reach of the keyboard. */
    fprintf(page->out, "<div class=\"scroll%s\" tabindex=\"0\" role=\"region\" ",
            page->columns > ACROSS ? " landscape" : "");
    if (*caption) {
        fprintf(page->out, "aria-labelledby=\"table-%d\">\n%s\n<caption id=\"table-%d\">", page->tables,
                table, page->tables);
        bso_html_text(page->out, caption);
        fputs("</caption>\n", page->out);
    } else {
        fprintf(page->out, "aria-label=\"Table\">\n%s\n", table);
    }
    fputs("<thead>\n<tr>", page->out);
    for (int c = 0; c < page->columns; c++) {
        fprintf(page->out, "<th scope=\"col\"%s>", c >= page->left ? " class=\"number\"" : "");
        bso_html_text(page->out, titles[c]);
        fputs("</th>", page->out);
    }
    fputs("</tr>\n</thead>\n<tbody>\n", page->out);
}

static void cell(bso_page *page, const char *text, const char *look, const char *id)
{
    const int column = page->cells % page->columns;
    const char *tag = column ? "td" : "th"; /* the first one says what the row is of */
    if (!column) fputs("<tr>", page->out);
    fprintf(page->out, "<%s%s%s>", tag, column ? "" : " scope=\"row\"",
            column >= page->left ? " class=\"number\"" : "");
    if (id) fprintf(page->out, "<a href=\"#%s\">", id);
    if (look) {
        badge(page->out, look, text);
    } else {
        bso_html_text(page->out, text);
    }
    if (id) fputs("</a>", page->out);
    fprintf(page->out, "</%s>", tag);
    if (column == page->columns - 1) fputs("</tr>\n", page->out);
}

static void table_end(bso_page *page)
{
    fputs("</tbody>\n</table>\n</div>\n", page->out);
}

static bool picture(bso_page *page, const char *name, const char *title)
{
    char link[128], path[BSO_PATH];
    uint8_t *bytes;
    size_t count;
    if (!bso_page_plot(page->directory, name, link, sizeof link)) return false;
    if (bso_file_path(path, page->directory, link)) return false;
    if (bso_file_read(path, PICTURE_BYTES_MAX, BSO_MEM_CONTROL, &bytes, &count)) return false;
    const bool svg = strcmp(strrchr(link, '.'), ".svg") == 0;
    fprintf(page->out,
            "<figure id=\"plot-%s\">\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"",
            name);
    bso_html_text(page->out, title);
    fprintf(page->out, "\"><img src=\"data:image/%s;base64,", svg ? "svg+xml" : "png");
    bso_html_base64(page->out, bytes, count);
    fputs("\" alt=\"", page->out);
    bso_html_text(page->out, title);
    fputs("\"></div>\n", page->out);
    element(page->out, "figcaption", title);
    fputs("</figure>\n", page->out);
    bso_free(bytes);
    return true;
}

static void see(bso_page *page, const char *id, const char *text)
{
    fprintf(page->out, "<p><a href=\"#%s\">", id);
    bso_html_text(page->out, text);
    fputs("</a></p>\n", page->out);
}

const bso_page_form bso_page_html = {
    .begin = begin,
    .end = end,
    .contents = contents,
    .section = section,
    .card = card,
    .heading = heading,
    .paragraph = paragraph,
    .item = item,
    .finding = finding,
    .fold = fold,
    .table = table,
    .cell = cell,
    .table_end = table_end,
    .picture = picture,
    .see = see,
};
