/* page.c: what both forms of a page share: putting texts together. See page.h. */
#include "experiments/page.h"

#include "experiments/text.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define TEXT_OF(format)                                                                                      \
    char text[BSO_PAGE_TEXT] = "";                                                                           \
    va_list arguments;                                                                                       \
    va_start(arguments, format);                                                                             \
    bso_text_add_list(text, sizeof text, format, arguments);                                                 \
    va_end(arguments)

void bso_page_begin(bso_page *page, FILE *out, const bso_page_form *form, const char *directory,
                    const char *title)
{
    *page = (bso_page){.out = out, .form = form, .directory = directory};
    form->begin(page, title);
}

void bso_page_end(bso_page *page)
{
    page->form->end(page);
}

void bso_page_contents(bso_page *page, const char *id, const char *title)
{
    page->form->contents(page, id, title);
}

void bso_page_section(bso_page *page, const char *id, const char *title)
{
    page->form->section(page, id, title);
}

void bso_page_section_end(bso_page *page)
{
    page->form->section(page, NULL, NULL);
}

void bso_page_card(bso_page *page, const char *id, const char *title, const char *look, const char *words)
{
    page->form->card(page, id, title, look, words);
}

void bso_page_card_end(bso_page *page)
{
    page->form->card(page, NULL, NULL, NULL, NULL);
}

void bso_page_heading(bso_page *page, const char *format, ...)
{
    TEXT_OF(format);
    page->form->heading(page, text);
}

void bso_page_paragraph(bso_page *page, const char *format, ...)
{
    TEXT_OF(format);
    page->form->paragraph(page, NULL, text);
}

void bso_page_labelled(bso_page *page, const char *label, const char *format, ...)
{
    TEXT_OF(format);
    page->form->paragraph(page, label, text);
}

void bso_page_item(bso_page *page, const char *format, ...)
{
    TEXT_OF(format);
    page->form->item(page, text);
}

void bso_page_items_end(bso_page *page)
{
    page->form->item(page, NULL);
}

void bso_page_finding(bso_page *page, const char *what, const char *outcome, const char *look,
                      const char *words, const char *why)
{
    page->form->finding(page, what, outcome, look, words, why);
}

void bso_page_fold(bso_page *page, const char *title)
{
    page->form->fold(page, title);
}

void bso_page_fold_end(bso_page *page)
{
    page->form->fold(page, NULL);
}

void bso_page_table(bso_page *page, const char *caption, int columns, const char *const *titles, int left)
{
    page->columns = columns;
    page->cells = 0;
    page->left = left;
    page->tables++;
    page->form->table(page, caption, titles);
}

static void put_cell(bso_page *page, const char *text, const char *look, const char *id)
{
    page->form->cell(page, text, look, id);
    page->cells++;
}

void bso_page_cell(bso_page *page, const char *format, ...)
{
    TEXT_OF(format);
    put_cell(page, text, NULL, NULL);
}

void bso_page_cell_link(bso_page *page, const char *id, const char *text)
{
    put_cell(page, text, NULL, id);
}

void bso_page_cell_verdict(bso_page *page, const char *look, const char *words)
{
    put_cell(page, words, look, NULL);
}

void bso_page_table_end(bso_page *page)
{
    page->form->table_end(page);
}

bool bso_page_picture(bso_page *page, const char *name, const char *title)
{
    return page->form->picture(page, name, title);
}

void bso_page_see(bso_page *page, const char *id, const char *format, ...)
{
    TEXT_OF(format);
    page->form->see(page, id, text);
}

bool bso_page_plot(const char *directory, const char *name, char *link, size_t size)
{
    static const char *const endings[] = {"svg", "png"};
    char path[8192];
    for (int i = 0; i < 2; i++) {
        snprintf(link, size, "plots/%s.%s", name, endings[i]);
        snprintf(path, sizeof path, "%s/%s", directory, link);
        if (access(path, R_OK) == 0) return true;
    }
    return false;
}
