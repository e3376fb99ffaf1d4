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
    bso_param param; /* rows x cols = d, near a square: packing and unpacking then take few steps */
    bso_learner learner;
    double *weights, *momentum; /* [d], as they were shown last */
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
    const int rows = p->param.rows, cols = p->param.cols;
    for (int k = 0; k < rows; k++) {
        for (int o = 0; o < cols; o++) {
            p->weights[k * cols + o] = p->param.bits[o * p->param.words + k / 64] >> k % 64 & 1 ? 1.0 : -1.0;
        }
    }
}

/* The largest divisor of d that is not above its root. */
static int rows_of(int d)
{
    int rows = 1;
    for (int i = 2; i <= d / i; i++) rows = d % i == 0 ? i : rows;
    return rows;
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
    const int rows = rows_of(d);
    p->param = (bso_param){.name = "regret",
                           .representation = BSO_REP_BITS,
                           .rows = rows,
                           .cols = d / rows,
                           .kernel_h = 1,
                           .kernel_w = 1,
                           .inputs = rows,
                           .words = (rows + 63) / 64,
                           .main = true};
    double base[BSO_HYPER_MAX] = {0};
    for (int i = 0; optimizer->hypers[i].name; i++) base[i] = optimizer->hypers[i].initial;
    p->param.bits = bso_alloc(BSO_MEM_WEIGHTS_BITS, (size_t)p->param.cols * (size_t)p->param.words,
                              sizeof *p->param.bits, "a player's weights");
    p->weights = bso_alloc(BSO_MEM_WORKSPACE, (size_t)d, sizeof *p->weights, "a player's weights");
    p->momentum = bso_alloc(BSO_MEM_WORKSPACE, (size_t)d, sizeof *p->momentum, "a player's momentum");
    if (!p->param.bits || !p->weights || !p->momentum ||
        bso_learner_init(&p->learner, optimizer, &p->param, 1, base, &constant, &constant, NULL)) {
        bso_player_free(p);
        *player = NULL;
        return BSO_ERROR;
    }
    for (int i = 0; i < d; i++) p->weights[i] = 1;
    bso_player_restart(p, p->weights);
    return 0;
}

void bso_player_free(bso_player *player)
{
    if (!player) return;
    bso_learner_free(&player->learner);
    bso_free(player->param.bits);
    bso_free(player->weights);
    bso_free(player->momentum);
    bso_free(player);
}

void bso_player_restart(bso_player *player, const double *w)
{
    bso_learner *l = &player->learner;
    bso_param *p = &player->param;
    memset(p->bits, 0, bso_param_words(p) * sizeof *p->bits);
    for (int i = 0; i < p->rows * p->cols; i++) {
        const int k = i / p->cols, o = i % p->cols;
        p->bits[o * p->words + k / 64] |= (uint64_t)(w[i] > 0) << k % 64;
    }
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
    bso_learner_tile(l, 0, bso_param_count(&player->param), gradient);
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
    if (!l->rule->momentum) return NULL;
    l->rule->momentum(l, 0, bso_param_count(&player->param), player->momentum);
    return player->momentum;
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
