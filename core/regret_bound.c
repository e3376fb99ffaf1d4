/* regret_bound.c: see regret_bound.h. */
#include "core/regret_bound.h"

#include <math.h>

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

/* What a round adds, by LANES running sums each: the sums of one loop need not wait for each other. */
enum { LANES = 4 };
typedef struct {
    double norm[LANES], moved[LANES], kept[LANES], largest[LANES], gradient[LANES];
    double wrong[LANES]; /* above 0: not the momentum, not the flips that the derivation takes them for */
} round_sums;

static inline void add_weight(round_sums *s, const bso_bound_round *r, int i, int lane)
{
    const double m = fabs(r->momentum[i]), g = fabs(r->gradient[i]), threshold = r->threshold;
    const double flipped = r->after[i] != r->before[i] ? 1 : 0;
    const double above = r->before[i] * r->momentum[i] > threshold ? 1 : 0;
    const double last = (1 - r->rate) * r->last_momentum[i], taken = r->rate * r->gradient[i];
    const double off = fabs(r->momentum[i] - (last + taken)) - 1e-12 * (fabs(last) + fabs(taken));
    s->norm[lane] += m;
    s->moved[lane] += flipped * m;
    s->kept[lane] += (1 - flipped) * (m < threshold ? m : threshold);
    s->largest[lane] = m > s->largest[lane] ? m : s->largest[lane];
    s->gradient[lane] = g > s->gradient[lane] ? g : s->gradient[lane];
    s->wrong[lane] += (above != flipped ? 1 : 0) + (off <= 0 ? 0 : 1);
}

static double sum_of(const double x[LANES])
{
    return (x[0] + x[1]) + (x[2] + x[3]);
}

static double largest_of(const double x[LANES])
{
    return fmax(fmax(x[0], x[1]), fmax(x[2], x[3]));
}

void bso_bounds_round(bso_bounds *b, const bso_bound_round *r)
{
    round_sums s = {0};
    int i = 0;
    if (!b->applies) return;
    for (; i + LANES <= b->d; i += LANES) {
        for (int lane = 0; lane < LANES; lane++) add_weight(&s, r, i + lane, lane);
    }
    for (; i < b->d; i++) add_weight(&s, r, i, i % LANES);
    b->applies = r->rate > 0 && r->rate <= 1 && r->threshold >= 0 && sum_of(s.wrong) == 0;
    const double norm = sum_of(s.norm), moved = sum_of(s.moved), a = (1 - r->rate) / r->rate;
    b->terms[BSO_TERM_COMPARATOR] += norm;
    b->terms[BSO_TERM_FLIPPED] += moved;
    b->terms[BSO_TERM_KEPT] += sum_of(s.kept);
    /* What round k - 1 adds only once a_k is known; nothing in the first round, where M_0 = 0. */
    b->terms[BSO_TERM_MOVE] += 2 * a * b->moved;
    b->terms[BSO_TERM_DRIFT] += 2 * fabs(a - b->a) * b->norm;
    b->terms[BSO_TERM_LAST] = 2 * a * norm;
    b->a = a;
    b->norm = norm;
    b->moved = moved;
    b->scaled = !isnan(r->scale);
    b->sum_gamma += r->gamma;
    b->sum_largest += largest_of(s.largest) / (b->scaled ? r->scale : 1);
    b->gradient = fmax(b->gradient, largest_of(s.gradient));
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
