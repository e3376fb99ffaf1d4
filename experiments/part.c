/* part.c: see part.h. */
#include "experiments/part.h"

#include "core/error.h"

#include <stdio.h>
#include <string.h>

const bso_part bso_parts[] = {
    {"table2",
     "Table 2: accuracy and model size of flipped one-bit weights beside latent weights and full precision",
     "2", "CIFAR-10", "optimizer gradient steps", NULL},
    {"table3", "Table 3: the threshold gamma, in a range wide enough to see where it matters", "3",
     "CIFAR-100", "gamma", "gamma"},
    {"table4", "Table 4: the two rates of the moments of T-BSO", "4", "CIFAR-100",
     "one_minus_beta1 one_minus_beta2", "one_minus_beta1 one_minus_beta2"},
    {"table5", "Table 5: Google Speech Commands", "5", "GSC", "optimizer gradient", NULL},
    {"fig3", "Figure 3: how alike the weight gradients of different time steps are", NULL, "CIFAR-10",
     "steps", NULL},
    {"fig5", "Figure 5: accuracy against the number of time steps", "fig5", "CIFAR-100", "steps", NULL},
    {"flips",
     "Flips: how often weights flip, how far they come from where they began, how often they flip back", NULL,
     "CIFAR-10", "optimizer gradient steps", NULL},
    {"inference", "Cost of inference, in the terms of NeuroBench", NULL, "CIFAR-10",
     "optimizer gradient steps", NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};

const bso_part *bso_part_find(const char *name)
{
    for (const bso_part *p = bso_parts; p->name; p++) {
        if (strcmp(p->name, name) == 0) return p;
    }
    return NULL;
}

/* The length of the first name, and in *next what follows it; NULL: nothing does. */
static size_t first_name(const char *parts, const char **next)
{
    const size_t length = strcspn(parts, "+");
    *next = parts[length] ? parts + length + 1 : NULL;
    return length;
}

int bso_part_check(const char *parts)
{
    for (const char *at = parts, *next; *parts && at; at = next) {
        const size_t length = first_name(at, &next);
        const bso_part *p = bso_parts;
        while (p->name && (strlen(p->name) != length || strncmp(p->name, at, length) != 0)) p++;
        if (p->name) continue;
        char names[256] = "";
        for (p = bso_parts; p->name; p++) {
            const size_t used = strlen(names);
            snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", p->name);
        }
        return bso_fail("parts=%s: \"%.*s\" is none; it takes some of %s, joined by '+'", parts, (int)length,
                        at, names);
    }
    return 0;
}

bool bso_part_column(const bso_part *part, int c, char key[BSO_WORD])
{
    const char *at = part->columns;
    for (; at && c > 0; c--) {
        at = strchr(at, ' ');
        if (at) at++;
    }
    if (at) snprintf(key, BSO_WORD, "%.*s", (int)strcspn(at, " "), at);
    return at != NULL;
}

void bso_part_add(char parts[BSO_TEXT], const char *more)
{
    for (const char *at = more, *next; at; at = next) {
        char name[BSO_WORD];
        const size_t length = first_name(at, &next), used = strlen(parts);
        if (length == 0 || length >= sizeof name || used + length + 2 > BSO_TEXT) continue;
        snprintf(name, sizeof name, "%.*s", (int)length, at);
        if (!bso_settings_has(parts, name))
            snprintf(parts + used, BSO_TEXT - used, "%s%s", used ? "+" : "", name);
    }
}
