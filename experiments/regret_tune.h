/* regret_tune.h: settings of a rule that suit a problem of the regret experiment: a grid, on seeds of their
 * own. */
#ifndef BSO_REGRET_TUNE_H
#define BSO_REGRET_TUNE_H

#include "experiments/regret.h"

/* Games that a search plays, in units of the rounds of one reported game. */
double bso_regret_tune_cost(bso_family family);

/* Set r->schedule's gamma and rate, for r's reading (A or C), to those of the grid with the lowest mean
 * regret after a fifth of r->rounds over the seeds 1001 and 1002, and r->tuning to what was done. Where there
 * is no chance in the family, it is the beginning of the reported sequence. Uses all threads. Returns 0 or
 * BSO_ERROR. */
int bso_regret_tune(bso_regret_result *r);

#endif
