/* markup.c: see markup.h. */
#include "experiments/markup.h"

#include "experiments/table.h"

static void put(const bso_markup *m, const char *text)
{
    (m->latex ? bso_latex_text : bso_markdown_text)(m->out, text);
}

void bso_markup_heading(const bso_markup *m, const char *text)
{
    if (m->page) {
        bso_page_heading(m->page, "%s", text);
        return;
    }
    fputs(m->latex ? "% " : "# ", m->out);
    m->latex ? fputs(text, m->out) : bso_markdown_text(m->out, text);
    fputs(m->latex ? "\n" : "\n\n", m->out);
}

void bso_markup_paragraph(const bso_markup *m, const char *text)
{
    if (m->page) {
        bso_page_paragraph(m->page, "%s", text);
        return;
    }
    if (m->latex) fputs("% ", m->out);
    m->latex ? fputs(text, m->out) : bso_markdown_text(m->out, text);
    fputs(m->latex ? "\n" : "\n\n", m->out);
}

void bso_markup_begin(bso_markup *m, const char *caption, const char *const *titles, int left)
{
    m->columns = 0;
    while (titles[m->columns]) m->columns++;
    if (m->page) {
        bso_page_table(m->page, caption, m->columns, titles, left);
        return;
    }
    if (m->latex) {
        fputs("\\begin{table}\n\\caption{", m->out);
        put(m, caption);
        fputs("}\n\\begin{tabular}{", m->out);
        for (int c = 0; c < m->columns; c++) fputc(c < left ? 'l' : 'r', m->out);
        fputs("}\n\\hline\n", m->out);
        bso_markup_row(m, titles);
        fputs("\\hline\n", m->out);
        return;
    }
    put(m, caption);
    fputs("\n\n", m->out);
    bso_markup_row(m, titles);
    fputc('|', m->out);
    for (int c = 0; c < m->columns; c++) fputs(c < left ? "---|" : "--:|", m->out);
    fputc('\n', m->out);
}

void bso_markup_row(const bso_markup *m, const char *const *cells)
{
    if (m->page) {
        for (int c = 0; c < m->columns; c++) bso_page_cell(m->page, "%s", cells[c]);
        return;
    }
    if (!m->latex) fputs("| ", m->out);
    for (int c = 0; c < m->columns; c++) {
        if (c) fputs(m->latex ? " & " : " | ", m->out);
        put(m, cells[c]);
    }
    fputs(m->latex ? " \\\\\n" : " |\n", m->out);
}

void bso_markup_end(const bso_markup *m)
{
    if (m->page) {
        bso_page_table_end(m->page);
        return;
    }
    fputs(m->latex ? "\\hline\n\\end{tabular}\n\\end{table}\n" : "\n", m->out);
}
