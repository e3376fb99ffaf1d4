/* regret_player.h: an update rule as a learner of online optimisation: d weights in {-1,+1}, one update a
 * round, in double precision.
 *
 * The rules are those that train networks: optimizer.c and every rule on bits are compiled a second time with
 * -DBSO_SCALAR=double under other names (Makefile), and this is the only door to that copy. Everything here
 * is in doubles, so that whoever includes it need not be compiled that way.
 */
#ifndef BSO_REGRET_PLAYER_H
#define BSO_REGRET_PLAYER_H

typedef struct bso_player bso_player;

/* Name of the i-th rule that can play (on one-bit weights), NULL from the last one on. */
const char *bso_player_rule(int i);

/* A player of that rule with d weights (1 to 2^20), all +1, its hyperparameters at their defaults. Returns 0,
 * or BSO_ERROR: no such rule on bits, memory. */
int bso_player_new(bso_player **player, const char *rule, int d);
void bso_player_free(bso_player *player);

/* Start anew from w [d] of +1 and -1: state and update index are 0. */
void bso_player_restart(bso_player *player, const double *w);

/* The rule's hyperparameter of that name, -1 where it has none; and its value for the rounds to come, taken
 * as it is: what the settings allow is not asked. Setting -1 does nothing. */
int bso_player_hyper(const bso_player *player, const char *name);
void bso_player_set(bso_player *player, int hyper, double value);

/* A round: hand over the gradient [d] at the weights, and let the rule flip. Returns 0, or BSO_DIVERGED. */
int bso_player_step(bso_player *player, const double *gradient);

/* Between rounds: the weights [d], +1 or -1; */
const double *bso_player_weights(const bso_player *player);
/* the rule's momentum [d] after the last update, until the next is asked for, NULL where it has none to show;
 */
const double *bso_player_momentum(const bso_player *player);
/* what w * momentum was compared with in the last update, NaN where the rule does not say; */
double bso_player_threshold(const bso_player *player);
/* the second moment after the last update, NaN where the rule has none. */
double bso_player_second_moment(const bso_player *player);

#endif
