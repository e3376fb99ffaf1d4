/* report_claims.c: the chapter of the claims: how many of each verdict, a list, and each claim with its
 * evidence. See report.h.
 */
#include "experiments/report.h"
#include "experiments/text.h"

#include <string.h>

static void print_counts(bso_page *page, const bso_judgement *j)
{
    char text[512] = "";
    for (int v = 0; v < BSO_CLAIM_VERDICTS; v++) {
        int count = 0;
        for (int i = 0; i < BSO_CLAIMS; i++) count += (int)j[i].verdict == v;
        if (!count) continue;
        bso_text_add(text, sizeof text, "%s%s: %d", BSO_COMMA(text), bso_claim_words((bso_claim_verdict)v),
                     count);
    }
    bso_page_paragraph(page, "Of %d claims: %s.", BSO_CLAIMS, text);
    bso_page_paragraph(page, "Each verdict is computed from the result files by the rule stated with it. "
                             "\"Holds\" and \"does not hold\" are said under the paper's own protocol (its "
                             "data, network, all samples, 400 epochs, batch 128), and of what needs no "
                             "data (bytes are counted; the theorem is about every sequence of losses). "
                             "Elsewhere there is only a direction, seen or not seen at reduced scale.");
    bso_page_paragraph(page,
                       "Intervals are Student's 95 %% intervals over seeds, of differences paired by seed: "
                       "equal seeds share the order of samples and the initial full-precision weights. A "
                       "claim is supported where every interval lies on its side, and contradicted where "
                       "one lies on the other side, widened for looking at several (Bonferroni). Fewer "
                       "than %d seeds decide nothing. Where several data sets or lengths of training were "
                       "run, the nearest to the protocol that has %d seeds decides, and of several under the "
                       "protocol the one that speaks most against the claim; stand-ins for data that are "
                       "not at hand decide last; the others are listed. Trainings that diverged are in no "
                       "interval, but where one did, the claim is not supported.",
                       BSO_CLAIM_SEEDS, BSO_CLAIM_SEEDS);
}

static void print_list(bso_page *page, const bso_judgement *j)
{
    static const char *const titles[] = {"no.", "claim", "verdict"};
    bso_page_table(page, "All claims", 3, titles, 3);
    for (int i = 0; i < BSO_CLAIMS; i++) {
        char id[32];
        bso_page_cell(page, "%d", j[i].claim->number);
        snprintf(id, sizeof id, "claim-%d", j[i].claim->number);
        bso_page_cell_link(page, id, j[i].claim->title);
        bso_page_cell_verdict(page, bso_claim_look(j[i].verdict), bso_claim_words(j[i].verdict));
    }
    bso_page_table_end(page);
}

/* Where there are more, all but the deciding one are folded away. */
enum { OPEN_FINDINGS = 4 };

static void print_findings(bso_page *page, const bso_judgement *j)
{
    const bool folded = j->findings > OPEN_FINDINGS;
    const int first = j->decided ? 1 : 0;
    for (int i = 0; i < j->findings; i++) {
        const bso_claim_finding *f = &j->finding[i];
        if (folded && i == first) {
            if (i) bso_page_items_end(page);
            bso_page_fold(page, first ? "The other evidence" : "The evidence");
        }
        bso_page_finding(page, f->what, f->outcome, bso_claim_look(f->verdict), bso_claim_words(f->verdict),
                         f->why);
    }
    if (j->findings) bso_page_items_end(page);
    if (j->left_out) bso_page_paragraph(page, "%d more are not listed.", j->left_out);
    if (folded) bso_page_fold_end(page);
}

static void print_claim(bso_page *page, const bso_report *report, const bso_judgement *j)
{
    char id[32], title[256];
    snprintf(id, sizeof id, "claim-%d", j->claim->number);
    snprintf(title, sizeof title, "%d. %s", j->claim->number, j->claim->title);
    bso_page_card(page, id, title, bso_claim_look(j->verdict), bso_claim_words(j->verdict));
    bso_page_labelled(page, "The paper", "%s.", j->paper);
    if (!j->decided && *j->why) bso_page_labelled(page, "Why", "%s.", j->why);
    print_findings(page, j);
    if (*j->claim->caution) bso_page_labelled(page, "Bear in mind", "%s", j->claim->caution);
    bso_page_fold(page, "How the verdict is made");
    bso_page_paragraph(page, "%s", j->claim->rule);
    bso_page_fold_end(page);
    for (int p = 0; p < BSO_CLAIM_PLOTS; p++) {
        if (j->claim->plots[p]) bso_report_picture(page, report, j->claim->plots[p]);
    }
    bso_page_card_end(page);
}

void bso_report_claims(bso_page *page, const bso_report *report)
{
    print_counts(page, report->judgement);
    print_list(page, report->judgement);
    for (int i = 0; i < BSO_CLAIMS; i++) print_claim(page, report, &report->judgement[i]);
}

void bso_report_claims_csv(FILE *out, const void *argument)
{
    const bso_report *report = argument;
    fputs("number,claim,verdict,why,what,outcome\n", out);
    for (int i = 0; i < BSO_CLAIMS; i++) {
        const bso_judgement *j = &report->judgement[i];
        const bso_claim_finding *f = j->decided;
        const char *const fields[] = {j->claim->title, bso_claim_words(j->verdict), f ? f->why : j->why,
                                      f ? f->what : "", f ? f->outcome : ""};
        fprintf(out, "%d", j->claim->number);
        for (size_t k = 0; k < sizeof fields / sizeof *fields; k++) {
            fputc(',', out);
            bso_csv_text(out, fields[k]);
        }
        fputc('\n', out);
    }
}
