/* page_markdown.c: a page as Markdown (GitHub's, for its tables). See page.h. */
#include "experiments/page.h"
#include "experiments/table.h"

#include <string.h>

static void begin(bso_page *page, const char *title)
{
    fprintf(page->out, "# ");
    bso_markdown_text(page->out, title);
    fprintf(page->out, "\n\n");
}

static void end(bso_page *page)
{
    (void)page;
}

static void contents(bso_page *page, const char *id, const char *title)
{
    (void)page, (void)id, (void)title;
}

static void section(bso_page *page, const char *id, const char *title)
{
    (void)id;
    if (!title) return;
    fprintf(page->out, "## ");
    bso_markdown_text(page->out, title);
    fprintf(page->out, "\n\n");
}

static void heading(bso_page *page, const char *title)
{
    fprintf(page->out, "### ");
    bso_markdown_text(page->out, title);
    fprintf(page->out, "\n\n");
}

static void card(bso_page *page, const char *id, const char *title, const char *look, const char *words)
{
    (void)id, (void)look;
    if (!title) return;
    heading(page, title);
    fprintf(page->out, "**Verdict: %s.**\n\n", words);
}

static void paragraph(bso_page *page, const char *label, const char *text)
{
    if (label) fprintf(page->out, "*%s:* ", label);
    bso_markdown_text(page->out, text);
    fprintf(page->out, "\n\n");
}

static void item(bso_page *page, const char *text)
{
    if (text) {
        fprintf(page->out, "- ");
        bso_markdown_text(page->out, text);
    }
    fputc('\n', page->out);
}

static void finding(bso_page *page, const char *what, const char *outcome, const char *look,
                    const char *words, const char *why)
{
    (void)look;
    fprintf(page->out, "- ");
    bso_markdown_text(page->out, what);
    fprintf(page->out, ": ");
    bso_markdown_text(page->out, outcome);
    fprintf(page->out, ". **%s**", words);
    if (*why) {
        fprintf(page->out, ": ");
        bso_markdown_text(page->out, why);
    }
    fprintf(page->out, ".\n");
}

static void fold(bso_page *page, const char *title)
{
    if (!title) return;
    fprintf(page->out, "*%s:*\n\n", title);
}

static void table(bso_page *page, const char *caption, const char *const *titles)
{
    if (*caption) {
        fprintf(page->out, "**");
        bso_markdown_text(page->out, caption);
        fprintf(page->out, "**\n\n");
    }
    fputc('|', page->out);
    for (int c = 0; c < page->columns; c++) {
        fputc(' ', page->out);
        bso_markdown_text(page->out, titles[c]);
        fprintf(page->out, " |");
    }
    fprintf(page->out, "\n|");
    for (int c = 0; c < page->columns; c++) fputs(c < page->left ? "---|" : "--:|", page->out);
    fputc('\n', page->out);
}

static void cell(bso_page *page, const char *text, const char *look, const char *id)
{
    (void)look, (void)id;
    const int column = page->cells % page->columns;
    fputs(column ? " " : "| ", page->out);
    /* A line break would end the row. */
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char part[BSO_PAGE_TEXT];
        snprintf(part, sizeof part, "%.*s", (int)strcspn(line, "\n"), line);
        if (line != text) fputs("<br>", page->out);
        bso_markdown_text(page->out, part);
    }
    fputs(column == page->columns - 1 ? " |\n" : " |", page->out);
}

static void table_end(bso_page *page)
{
    fputc('\n', page->out);
}

static bool picture(bso_page *page, const char *name, const char *title)
{
    char link[128];
    if (!bso_page_plot(page->directory, name, link, sizeof link)) return false;
    fprintf(page->out, "![%s](%s)\n\n", title, link);
    return true;
}

static void see(bso_page *page, const char *id, const char *text)
{
    (void)id;
    paragraph(page, NULL, text);
}

const bso_page_form bso_page_markdown = {
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
