/* regret_player.c: see regret_player.h. Compiled with -DBSO_SCALAR=double alone, beside the copy of the rules
 * that it binds. */
#include "core/regret_player.h"

#include "core/error.h"
#include "core/memory.h"
#include "core/optimizer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(bso_scalar) == sizeof(double), "compile this file with -DBSO_SCALAR=double");

struct bso_player {
    bso_param param; /* one row of d columns: a word for each weight */
    bso_learner learner;
    double *weights;
};

enum { DIMENSIONS_MAX = 1 << 20 };

static const bso_schedule constant = {BSO_SCHEDULE_CONSTANT, 1, 1, 1};

const char *bso_player_rule(int i)
{
    for (const bso_optimizer *const *o = bso_optimizers; *o; o++) {
        if ((*o)->representation == BSO_REP_BITS && i-- == 0) return (*o)->name;
    }
    return NULL;
}

static const bso_optimizer *find(const char *name)
{
    char list[1024] = "";
    const char *rule;
    for (const bso_optimizer *const *o = bso_optimizers; *o; o++) {
        if ((*o)->representation == BSO_REP_BITS && strcmp((*o)->name, name) == 0) return *o;
    }
    for (int i = 0; (rule = bso_player_rule(i)); i++) {
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", rule);
    }
    bso_fail("optimizer=%s: no such optimizer on one-bit weights; choose one of %s", name, list);
    return NULL;
}

static void read_weights(bso_player *p)
{
    for (int i = 0; i < p->param.cols; i++) p->weights[i] = p->param.bits[i] & 1 ? 1.0 : -1.0;
}

int bso_player_new(bso_player **player, const char *rule, int d)
{
    const bso_optimizer *optimizer = find(rule);
    *player = NULL;
    if (!optimizer) return BSO_ERROR;
    if (d < 1 || d > DIMENSIONS_MAX) return bso_fail("%d dimensions: choose 1 to %d", d, DIMENSIONS_MAX);
    bso_player *p = bso_alloc(BSO_MEM_CONTROL, 1, sizeof *p, "a player");
    if (!p) return BSO_ERROR;
    *player = p;
    p->param = (bso_param){.name = "regret",
                           .representation = BSO_REP_BITS,
                           .rows = 1,
                           .cols = d,
                           .kernel_h = 1,
                           .kernel_w = 1,
                           .inputs = 1,
                           .words = 1,
                           .main = true};
    double base[BSO_HYPER_MAX] = {0};
    for (int i = 0; optimizer->hypers[i].name; i++) base[i] = optimizer->hypers[i].initial;
    p->param.bits = bso_alloc(BSO_MEM_WEIGHTS_BITS, (size_t)d, sizeof *p->param.bits, "a player's weights");
    p->weights = bso_alloc(BSO_MEM_WORKSPACE, (size_t)d, sizeof *p->weights, "a player's weights");
    if (!p->param.bits || !p->weights ||
        bso_learner_init(&p->learner, optimizer, &p->param, 1, base, &constant, &constant, NULL)) {
        bso_player_free(p);
        *player = NULL;
        return BSO_ERROR;
    }
    for (int i = 0; i < d; i++) p->param.bits[i] = 1;
    read_weights(p);
    return 0;
}

void bso_player_free(bso_player *player)
{
    if (!player) return;
    bso_learner_free(&player->learner);
    bso_free(player->param.bits);
    bso_free(player->weights);
    bso_free(player);
}

void bso_player_restart(bso_player *player, const double *w)
{
    bso_learner *l = &player->learner;
    for (int i = 0; i < player->param.cols; i++) player->param.bits[i] = w[i] > 0;
    read_weights(player);
    memset(l->state, 0, l->rule->state_bytes(&player->param, 1));
    l->update = l->flips = l->all_flips = 0;
}

int bso_player_hyper(const bso_player *player, const char *name)
{
    return bso_hyper_index(player->learner.rule, name);
}

void bso_player_set(bso_player *player, int hyper, double value)
{
    if (hyper >= 0) player->learner.base[hyper] = value;
}

int bso_player_step(bso_player *player, const double *gradient)
{
    bso_learner *l = &player->learner;
    bso_learner_begin(l, 0);
    bso_learner_tile(l, 0, (size_t)player->param.cols, gradient);
    const int status = bso_learner_end(l);
    if (l->flips) read_weights(player);
    return status;
}

const double *bso_player_weights(const bso_player *player)
{
    return player->weights;
}

const double *bso_player_momentum(const bso_player *player)
{
    const bso_learner *l = &player->learner;
    return l->rule->momentum ? l->rule->momentum(l) : NULL;
}

double bso_player_threshold(const bso_player *player)
{
    const bso_learner *l = &player->learner;
    return l->rule->threshold ? l->rule->threshold(l, 0) : NAN;
}

double bso_player_second_moment(const bso_player *player)
{
    const bso_learner *l = &player->learner;
    return l->rule->second_moment ? l->rule->second_moment(l, 0) : NAN;
}
