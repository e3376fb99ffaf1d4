/* list.c: `bso list`: everything that can be chosen, printed from the registries and the table of keys. */
#include "core/dataset.h"
#include "core/gradient.h"
#include "core/network.h"
#include "experiments/method.h"
#include "experiments/program.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: bso list\n\n"
    "Prints methods, optimizers with their hyperparameters, gradients, data sets, networks, and every "
    "key of `bso run --set` and sweep files with its default and range.\n";

static const char *representation_text(bso_representation r)
{
    switch (r) {
    case BSO_REP_BITS:
        return "one-bit weights";
    case BSO_REP_LATENT:
        return "one-bit weights with latent float weights";
    case BSO_REP_FLOAT:
        return "float weights";
    }
    return "?";
}

static const char *follows_text(bso_follows follows)
{
    switch (follows) {
    case BSO_FOLLOWS_NOTHING:
        return "";
    case BSO_FOLLOWS_FLIP:
        return "; follows schedule";
    case BSO_FOLLOWS_LR:
        return "; follows lr_schedule";
    }
    return "";
}

static int list_methods(void)
{
    bso_methods m;
    if (bso_methods_read(&m, NULL)) return BSO_ERROR;
    printf("METHODS (bso run --method, bso tune, bso compare, key method in sweep files): name, name in "
           "tables, settings; * tuned\n");
    for (int i = 0; i < m.count; i++) {
        const bso_method *method = &m.method[i];
        printf("  %-16s %c %-22s", method->name, method->tuned_pairs ? '*' : ' ', method->label);
        for (int p = 0; p < method->pairs; p++) printf(" %s=%s", method->set[p].key, method->set[p].value);
        printf("\n");
    }
    bso_methods_free(&m);
    return 0;
}

static void list_optimizers(void)
{
    printf("\nOPTIMIZERS (key optimizer), each with its hyperparameters as keys: default, range, meaning; "
           "range of tuning\n");
    for (int i = 0; bso_optimizers[i]; i++) {
        const bso_optimizer *rule = bso_optimizers[i];
        printf("  %-16s %s\n", rule->name, rule->summary);
        printf("  %-16s on %s; %s\n", "", representation_text(rule->representation), rule->source);
        for (const bso_hyper *h = rule->hypers; h->name; h++) {
            char range[48], tuning[64] = "";
            snprintf(range, sizeof range, "%g to %g", h->min, h->max);
            if (h->low < h->high) snprintf(tuning, sizeof tuning, "; tuned over %g to %g", h->low, h->high);
            printf("    %-16s %-8g %-18s %s%s%s\n", h->name, h->initial, range, h->meaning,
                   follows_text(h->follows), tuning);
        }
    }
}

static void list_gradients(void)
{
    printf("\nGRADIENTS (key gradient)\n");
    for (int i = 0; bso_gradients[i]; i++) {
        printf("  %-12s %s; %s\n", bso_gradients[i]->name, bso_gradients[i]->summary,
               bso_gradients[i]->source);
    }
}

static void list_data_sets(void)
{
    printf("\nDATA SETS (key dataset)\n");
    for (int i = 0; bso_dataset_formats[i]; i++) {
        const bso_dataset_format *f = bso_dataset_formats[i];
        char name[BSO_WORD];
        snprintf(name, sizeof name, "%s%s", f->name, f->argument ? f->argument : "");
        printf("  %-18s %s\n", name, f->summary);
    }
}

static void list_networks(void)
{
    printf("\nNETWORKS (key network): a name, or layers joined by '-'\n");
    for (const bso_named_network *n = bso_named_networks; n->name; n++) {
        printf("  %-12s %s\n  %-12s %s\n", n->name, n->summary, "", n->layers);
    }
    printf(
        "  nCk, nCksS   convolution to n channels, k x k, k odd, padded by k/2, stride S; batch norm; "
        "neurons\n"
        "  nFC          linear to n; batch norm; neurons\n"
        "  nRk, nRksS   residual unit, S 1 or 2: neurons; k x k convolution; batch norm; plus the unit's "
        "input,\n"
        "               if the shape changes through 2 x 2 average pooling (S = 2), 1 x 1 convolution in "
        "full\n"
        "               precision and batch norm. A layer before a unit (pooling apart) has no neurons of "
        "its own;\n"
        "               a layer after the last unit sees its sum through neurons\n"
        "  AP2          2 x 2 average pooling, odd sizes floored\n"
        "  GAP          global average pooling\n"
        "  FC           linear to the classes, always last\n"
        "  The first and the last layer with weights are full precision, the others are the optimizer's.\n");
}

static void range_text(const bso_key *k, char *text, size_t size)
{
    switch (k->type) {
    case BSO_KEY_TEXT:
        snprintf(text, size, "text");
        break;
    case BSO_KEY_WORD:
        snprintf(text, size, "%s", k->choices ? k->choices : "word");
        break;
    case BSO_KEY_SEED:
        snprintf(text, size, "0 to 2^64 - 1");
        break;
    case BSO_KEY_SWITCH:
        snprintf(text, size, "on|off");
        break;
    case BSO_KEY_INTEGER:
        if (k->choices) {
            snprintf(text, size, "%s", k->choices);
        } else {
            snprintf(text, size, "%.0f to %.0f", k->min, k->max);
        }
        break;
    case BSO_KEY_NUMBER:
        snprintf(text, size, "%g to %g", k->min, k->max);
        break;
    }
}

static void list_keys(void)
{
    printf("\nKEYS: default, range, meaning\n");
    for (const bso_key *k = bso_keys; k->name; k++) {
        char range[128];
        range_text(k, range, sizeof range);
        const char *initial = *k->initial ? k->initial : "(empty)";
        if (strlen(initial) > 9 || strlen(range) > 25) {
            printf("  %-16s %s, %s\n  %-52s %s\n", k->name, initial, range, "", k->meaning);
        } else {
            printf("  %-16s %-9s %-25s %s\n", k->name, initial, range, k->meaning);
        }
    }
    printf("\nHyperparameters listed with the optimizers are keys, too. These keys do not change a result, "
           "and are no part "
           "of what\nmakes two trainings the same:");
    for (const bso_key *k = bso_keys; k->name; k++) {
        if (!k->identity) printf(" %s", k->name);
    }
    printf(".\n");
}

int bso_command_list(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        bool asked = false;
        int code = bso_flag(argv[i], "--help", &asked);
        if (code == 0) code = bso_flag(argv[i], "-h", &asked);
        if (code == 0) return bso_usage("%s: unknown argument", argv[i]);
        if (code < 0) return code;
        fputs(help, stdout);
        return 0;
    }
    if (list_methods()) return BSO_ERROR;
    list_optimizers();
    list_gradients();
    list_data_sets();
    list_networks();
    list_keys();
    return 0;
}
