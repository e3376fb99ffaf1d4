/* gradient.c: looks up gradient estimators. See gradient.h. */
#include "core/gradient.h"

#include "core/error.h"

#include <stdio.h>
#include <string.h>

const bso_gradient *bso_gradient_find(const char *name)
{
    char names[256] = "";
    for (int i = 0; bso_gradients[i]; i++) {
        if (strcmp(bso_gradients[i]->name, name) == 0) return bso_gradients[i];
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", bso_gradients[i]->name);
    }
    bso_fail("gradient=%s: unknown; use one of %s", name, names);
    return NULL;
}
