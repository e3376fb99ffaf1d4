/* schedule.c: see schedule.h. */
#include "core/schedule.h"

#include "core/error.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {
    [BSO_SCHEDULE_CONSTANT] = "constant",
    [BSO_SCHEDULE_STEP] = "step",
    [BSO_SCHEDULE_COSINE] = "cosine",
    [BSO_SCHEDULE_INVERSE_SQRT] = "inverse_sqrt",
    [BSO_SCHEDULE_INVERSE_FOURTH] = "inverse_fourth",
};

enum { KINDS = sizeof names / sizeof names[0] };

const char *bso_schedule_name(bso_schedule_kind kind)
{
    return names[kind];
}

int bso_schedule_parse(const char *name, bso_schedule_kind *kind)
{
    for (int i = 0; i < KINDS; i++) {
        if (strcmp(name, names[i]) == 0) {
            *kind = (bso_schedule_kind)i;
            return 0;
        }
    }
    return BSO_ERROR;
}

double bso_schedule_value(const bso_schedule *s, double base, uint64_t k)
{
    const double pi = 3.14159265358979323846;
    const uint64_t last = s->total - 1;
    const double within = (double)(k < last ? k : last), total = (double)s->total;
    switch (s->kind) {
    case BSO_SCHEDULE_CONSTANT:
        break;
    /* In doubles the product cannot wrap, and the floor is exact while k * stages stays below 2^53. */
    case BSO_SCHEDULE_STEP:
        return base * pow(s->factor, floor(within * s->stages / total));
    case BSO_SCHEDULE_COSINE:
        return base * (1 + cos(pi * within / total)) / 2;
    case BSO_SCHEDULE_INVERSE_SQRT:
        return base / sqrt((double)k + 1);
    case BSO_SCHEDULE_INVERSE_FOURTH:
        return base / sqrt(sqrt((double)k + 1));
    }
    return base;
}
