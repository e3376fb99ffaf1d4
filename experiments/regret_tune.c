/* regret_tune.c: see regret_tune.h. */
#include "experiments/regret_tune.h"

#include "core/many.h"

#include <math.h>
#include <stdio.h>

enum { GAMMAS = 6, RATES = 4, GRID = GAMMAS * RATES, TUNE_SEEDS = 2, FIRST_SEED = 1001, SHARE = 5 };

/* Of A they are gamma_0 and c of falling values, of C the values themselves. */
static const double gammas_a[GAMMAS] = {1e-3, 1e-2, 1e-1, 1, 10, 100};
static const double rates_a[RATES] = {0.1, 0.3, 1, 3};
static const double gammas_c[GAMMAS] = {1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1};
static const double rates_c[RATES] = {1e-3, 3e-3, 1e-2, 1e-1};

typedef struct {
    bso_regret_case base;
    int seeds;
    double regret[GRID * TUNE_SEEDS];
} search;

static bso_regret_schedule setting(const bso_regret_schedule *base, int i)
{
    bso_regret_schedule s = *base;
    const bool constant = base->reading == BSO_READING_C;
    s.gamma = (constant ? gammas_c : gammas_a)[i / RATES];
    s.rate = (constant ? rates_c : rates_a)[i % RATES];
    return s;
}

static int play_one(void *user, size_t i, int thread)
{
    (void)thread;
    search *s = user;
    const size_t seeds = (size_t)s->seeds;
    bso_regret_case c = s->base;
    c.schedule = setting(&s->base.schedule, (int)(i / seeds));
    return bso_regret_final(&c, FIRST_SEED + i % seeds, &s->regret[i]);
}

static int seeds_of(bso_family family)
{
    return bso_families[family].one ? 1 : TUNE_SEEDS;
}

double bso_regret_tune_cost(bso_family family)
{
    return (double)GRID * seeds_of(family) / SHARE;
}

int bso_regret_tune(bso_regret_result *r)
{
    search s = {.base = {r->family, r->d, (r->rounds + SHARE - 1) / SHARE, r->rule, r->schedule},
                .seeds = seeds_of(r->family)};
    double least = INFINITY;
    if (bso_for_each("regret", (size_t)(GRID * s.seeds), play_one, &s)) return -1;
    for (int i = 0; i < GRID; i++) {
        double sum = 0;
        for (int j = 0; j < s.seeds; j++) sum += s.regret[i * s.seeds + j];
        if (sum < least) {
            least = sum;
            r->schedule = setting(&s.base.schedule, i);
        }
    }
    snprintf(r->tuning, sizeof r->tuning, "best of %d settings by regret at k = %llu, %s", GRID,
             (unsigned long long)s.base.rounds,
             s.seeds > 1 ? "mean of seeds 1001 and 1002" : "on the sequence itself");
    return 0;
}
