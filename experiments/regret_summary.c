/* regret_summary.c: what results of `bso regret` say: all of a folder, growth exponents, verdicts. See
 * regret.h. */
#include "experiments/regret.h"

#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "experiments/statistics.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- All results of a folder ---- */

static int by_place(const void *a, const void *b)
{
    const bso_regret_result *x = a, *y = b;
    if (x->family != y->family) return x->family < y->family ? -1 : 1;
    if (x->d != y->d) return x->d < y->d ? -1 : 1;
    const int order = strcmp(x->rule, y->rule);
    if (order) return order;
    if (x->tuned != y->tuned) return x->tuned ? 1 : -1;
    return (x->schedule.reading > y->schedule.reading) - (x->schedule.reading < y->schedule.reading);
}

static int read_all(bso_regret_set *set, const char *folder, struct dirent **names, int count)
{
    set->results = bso_alloc(BSO_MEM_LOG, (size_t)count, sizeof *set->results, "regret");
    set->boxes = bso_alloc(BSO_MEM_LOG, (size_t)count, sizeof *set->boxes, "regret");
    if (!set->results || !set->boxes) return BSO_ERROR;
    for (int i = 0; i < count; i++) {
        char path[8192];
        int status;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (strncmp(names[i]->d_name, "box-", 4) == 0) {
            status = bso_regret_box_read(path, &set->boxes[set->box_count]);
            if (!status) set->box_count++;
        } else {
            status = bso_regret_read(path, &set->results[set->count]);
            if (!status) set->count++;
        }
        if (status) {
            fprintf(stderr, "bso: %s; left out\n", bso_error());
            set->unreadable++;
        }
    }
    qsort(set->results, (size_t)set->count, sizeof *set->results, by_place);
    return 0;
}

int bso_regret_load(bso_regret_set *set, const char *directory)
{
    char folder[4096];
    struct dirent **names;
    *set = (bso_regret_set){0};
    if (snprintf(folder, sizeof folder, "%s/regret", directory) >= (int)sizeof folder) {
        return bso_fail("%.60s...: the directory's name is too long", directory);
    }
    const int count = bso_file_list(folder, ".h5", &names);
    if (count < 0) return errno == ENOENT ? 0 : bso_fail("%s: %s", folder, strerror(errno));
    const int status = read_all(set, folder, names, count);
    for (int i = 0; i < count; i++) free(names[i]);
    free(names);
    return status;
}

void bso_regret_free(bso_regret_set *set)
{
    for (int i = 0; i < set->count; i++) bso_regret_result_free(&set->results[i]);
    for (int i = 0; i < set->box_count; i++) bso_free(set->boxes[i].gap);
    bso_free(set->results);
    bso_free(set->boxes);
    *set = (bso_regret_set){0};
}

/* ---- Growth ---- */

static int points_of_decade(const uint64_t *k, int checkpoints)
{
    int n = 0;
    for (int i = 0; i < checkpoints; i++) {
        n += (double)k[i] >= (double)k[checkpoints - 1] / 10 * (1 - 1e-9);
    }
    return n;
}

/* Growth of a curve over k >= K / 10; NaN where it is not positive there, or has fewer than 3 points. */
static bso_power power_of(const double *curve, const uint64_t *k, int checkpoints)
{
    double x[BSO_CHECKPOINTS_MAX] = {0};
    const int n = points_of_decade(k, checkpoints), first = checkpoints - n;
    for (int i = 0; i < n; i++) x[i] = (double)k[first + i];
    return bso_power_of(x, curve + first, n);
}

/* One curve, or the mean of several that are not all positive. */
static bso_growth growth_of_mean(const double *curves, int seeds, const uint64_t *k, int checkpoints)
{
    double mean[BSO_CHECKPOINTS_MAX] = {0};
    bso_growth g = {.exponent = NAN, .error = NAN, .half = NAN, .n = 0};
    for (int i = 0; i < checkpoints; i++) {
        for (int s = 0; s < seeds; s++) mean[i] += curves[s * checkpoints + i] / seeds;
    }
    const bso_power power = power_of(mean, k, checkpoints);
    if (isnan(power.exponent)) return g;
    g.exponent = power.exponent;
    g.error = power.error;
    g.n = 1;
    g.half = bso_student_bound(0.95, points_of_decade(k, checkpoints) - 2) * g.error;
    return g;
}

bso_growth bso_growth_of(const double *curves, int seeds, const uint64_t *k, int checkpoints)
{
    double slopes[BSO_REGRET_SEEDS_MAX];
    if (seeds < 2 || seeds > BSO_REGRET_SEEDS_MAX) return growth_of_mean(curves, 1, k, checkpoints);
    for (int s = 0; s < seeds; s++) {
        slopes[s] = power_of(curves + s * checkpoints, k, checkpoints).exponent;
        if (isnan(slopes[s])) return growth_of_mean(curves, seeds, k, checkpoints);
    }
    const bso_sample sample = bso_sample_of(slopes, seeds);
    return (bso_growth){sample.mean, sample.sd / sqrt(sample.n), sample.half, sample.n};
}

bso_growth bso_regret_growth(const bso_regret_result *r, int curve)
{
    return bso_growth_of(r->curves + (size_t)curve * (size_t)r->seeds * (size_t)r->checkpoints, r->seeds,
                         r->k, r->checkpoints);
}

/* ---- Verdicts ---- */

static bso_growth_verdict judge_growth(const bso_growth *g, double limit)
{
    if (isnan(g->exponent)) return BSO_GROWTH_UNCLEAR;
    if (g->exponent + g->half <= limit) return BSO_GROWTH_WITHIN;
    return g->exponent - g->half > limit ? BSO_GROWTH_ABOVE : BSO_GROWTH_UNCLEAR;
}

static double mean_at_end(const bso_regret_result *r)
{
    double sum = 0;
    for (int s = 0; s < r->seeds; s++) sum += bso_regret_at(r, BSO_CURVE_REGRET, s, r->checkpoints - 1);
    return sum / r->seeds;
}

static void gather(const bso_regret_result *r, int bound, bso_bound_record *all, int *violated)
{
    *all = (bso_bound_record){0};
    *violated = 0;
    for (int s = 0; s < r->seeds; s++) {
        const bso_bound_record *b = &r->bounds[bound * r->seeds + s];
        all->ratio = fmax(all->ratio, b->ratio);
        if (!b->violations) continue;
        all->first = all->violations && all->first < b->first ? all->first : b->first;
        all->last = b->last > all->last ? b->last : all->last;
        all->violations += b->violations;
        ++*violated;
    }
}

static bool has_second_moment(const bso_regret_result *r)
{
    return !isnan(bso_regret_at(r, BSO_CURVE_BOUND + BSO_BOUND_GRADIENT, 0, 0));
}

void bso_regret_summarize(const bso_regret_result *r, bso_regret_summary *s)
{
    s->regret = bso_regret_growth(r, BSO_CURVE_REGRET);
    for (int b = 0; b < BSO_BOUNDS; b++) {
        s->bound[b] = bso_regret_growth(r, BSO_CURVE_BOUND + b);
        gather(r, b, &s->held[b], &s->violated_seeds[b]);
    }
    const bool scaled = has_second_moment(r);
    s->claimed = scaled ? 0.75 : 0.5;
    s->bounds = !r->applies                                        ? BSO_VERDICT_NO_BOUND
                : !s->violated_seeds[BSO_BOUND_PRINTED]            ? BSO_VERDICT_HOLDS
                : !s->violated_seeds[BSO_BOUND_DIMENSION]          ? BSO_VERDICT_HOLDS_WITH_D
                : scaled && !s->violated_seeds[BSO_BOUND_GRADIENT] ? BSO_VERDICT_HOLDS_WITH_DG
                                                                   : BSO_VERDICT_FAILS;
    s->growth = judge_growth(&s->regret, s->claimed);
    /* Slopes over one decade cannot tell 1 from a little less. */
    const double reach = s->regret.exponent + s->regret.half;
    s->average = isnan(s->regret.exponent)    ? BSO_GROWTH_UNCLEAR
                 : reach < 0.99               ? BSO_GROWTH_WITHIN
                 : s->regret.exponent >= 0.99 ? BSO_GROWTH_ABOVE
                                              : BSO_GROWTH_UNCLEAR;
    if (mean_at_end(r) <= 0) s->growth = s->average = BSO_GROWTH_NO_REGRET;
}

const char *bso_bound_verdict_text(bso_bound_verdict verdict)
{
    static const char *const texts[] = {[BSO_VERDICT_HOLDS] = "holds as printed",
                                        [BSO_VERDICT_HOLDS_WITH_D] = "holds times d",
                                        [BSO_VERDICT_HOLDS_WITH_DG] = "holds times d G",
                                        [BSO_VERDICT_FAILS] = "does not hold",
                                        [BSO_VERDICT_NO_BOUND] = "no bound for this rule"};
    return texts[verdict];
}

void bso_regret_verdict(const bso_regret_summary *s, char *text, size_t size)
{
    static const char *const growths[] = {[BSO_GROWTH_WITHIN] = "grows no faster than claimed",
                                          [BSO_GROWTH_UNCLEAR] = "growth not told apart from the claim",
                                          [BSO_GROWTH_ABOVE] = "grows faster than claimed",
                                          [BSO_GROWTH_NO_REGRET] = "no positive regret"};
    static const char *const averages[] = {[BSO_GROWTH_WITHIN] = "; average vanishes",
                                           [BSO_GROWTH_UNCLEAR] = "; average unclear",
                                           [BSO_GROWTH_ABOVE] = "; average does not vanish",
                                           [BSO_GROWTH_NO_REGRET] = ""};
    snprintf(text, size, "%s; %s%s", bso_bound_verdict_text(s->bounds), growths[s->growth],
             averages[s->average]);
}
