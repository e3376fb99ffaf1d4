/* regret_bound.c: see regret_bound.h. */
#include "core/regret_bound.h"

#include <math.h>
#include <stddef.h>

const char *bso_bound_name(bso_bound bound)
{
    static const char *const names[] = {
        [BSO_BOUND_PRINTED] = "printed",
        [BSO_BOUND_DIMENSION] = "printed_d",
        [BSO_BOUND_GRADIENT] = "printed_d_g",
        [BSO_BOUND_CORRECTED] = "corrected",
    };
    return names[bound];
}

const char *bso_bound_term_name(bso_bound_term term)
{
    static const char *const names[] = {
        [BSO_TERM_COMPARATOR] = "comparator",
        [BSO_TERM_FLIPPED] = "flipped",
        [BSO_TERM_KEPT] = "kept",
        [BSO_TERM_MOVE] = "move",
        [BSO_TERM_DRIFT] = "drift",
        [BSO_TERM_LAST] = "last",
    };
    return names[term];
}

void bso_bounds_start(bso_bounds *b, int d)
{
    *b = (bso_bounds){.d = d, .applies = true};
}

/* Is M the moving average that the derivation takes it for? To rounding, coordinate by coordinate. */
static bool momentum_is(const bso_bound_round *r, int d)
{
    unsigned wrong = 0;
    for (int i = 0; i < d; i++) {
        const double kept = (1 - r->rate) * r->last_momentum[i], taken = r->rate * r->gradient[i];
        wrong |= !(fabs(r->momentum[i] - (kept + taken)) <= 1e-12 * (fabs(kept) + fabs(taken)));
    }
    return !wrong;
}

static bool flips_are(const bso_bound_round *r, int d)
{
    unsigned wrong = !(r->threshold >= 0);
    for (int i = 0; i < d; i++) {
        wrong |= (r->before[i] * r->momentum[i] > r->threshold) != (r->after[i] != r->before[i]);
    }
    return !wrong;
}

void bso_bounds_round(bso_bounds *b, const bso_bound_round *r)
{
    double norm = 0, largest = 0, moved = 0, kept = 0, gradient = 0;
    if (!b->applies) return;
    b->applies = r->rate > 0 && r->rate <= 1 && momentum_is(r, b->d) && flips_are(r, b->d);
    for (int i = 0; i < b->d; i++) {
        const double m = fabs(r->momentum[i]), g = fabs(r->gradient[i]);
        const double low = m < r->threshold ? m : r->threshold;
        const bool flipped = r->after[i] != r->before[i];
        norm += m;
        moved += flipped ? m : 0;
        kept += flipped ? 0 : low;
        largest = m > largest ? m : largest;
        gradient = g > gradient ? g : gradient;
    }
    const double a = (1 - r->rate) / r->rate;
    b->terms[BSO_TERM_COMPARATOR] += norm;
    b->terms[BSO_TERM_FLIPPED] += moved;
    b->terms[BSO_TERM_KEPT] += kept;
    /* What round k - 1 adds only once a_k is known; nothing in the first round, where M_0 = 0. */
    b->terms[BSO_TERM_MOVE] += 2 * a * b->moved;
    b->terms[BSO_TERM_DRIFT] += 2 * fabs(a - b->a) * b->norm;
    b->terms[BSO_TERM_LAST] = 2 * a * norm;
    b->a = a;
    b->norm = norm;
    b->moved = moved;
    b->scaled = !isnan(r->scale);
    b->sum_gamma += r->gamma;
    b->sum_largest += b->scaled ? largest / r->scale : largest;
    b->gradient = gradient > b->gradient ? gradient : b->gradient;
}

double bso_bounds_value(const bso_bounds *b, bso_bound bound)
{
    const double printed = 2 * b->sum_gamma + 2 * b->sum_largest;
    double sum = 0;
    if (!b->applies) return NAN;
    switch (bound) {
    case BSO_BOUND_PRINTED:
        return printed;
    case BSO_BOUND_DIMENSION:
        return b->d * printed;
    case BSO_BOUND_GRADIENT:
        return b->scaled ? b->d * b->gradient * printed : NAN;
    case BSO_BOUND_CORRECTED:
        for (int t = 0; t < BSO_TERMS; t++) sum += b->terms[t];
        return sum;
    case BSO_BOUNDS:
        break;
    }
    return NAN;
}

void bso_bound_check(bso_bound_record *record, uint64_t k, double regret, double bound, double rounding)
{
    if (isnan(bound)) return;
    if (regret > rounding) record->ratio = fmax(record->ratio, bound > 0 ? regret / bound : INFINITY);
    if (!(regret > bound + rounding)) return;
    if (record->violations++ == 0) record->first = k;
    record->last = k;
}
