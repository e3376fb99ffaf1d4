/* shards.c: sums and agreements of a group of ranks, and ranks that are threads. See shards.h. */
#define _GNU_SOURCE
#include "core/shards.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/memory.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* ---- sums ---- */

static size_t at_most(size_t n, size_t limit)
{
    return n < limit ? n : limit;
}

/* g->gathered[rank][bytes] <- mine of every rank. */
static void gather(bso_shards *g, const void *mine, size_t bytes)
{
    if (g->lost) return;
    const double begun = bso_clock();
    g->transport->gather(g, mine, bytes);
    g->traffic.seconds += bso_clock() - begun;
    g->traffic.bytes += (double)bytes * (g->size - 1);
    g->traffic.calls++;
}

double bso_shards_sum_bytes(const bso_shards *g, size_t n)
{
    if (!g) return 0;
    const size_t slice = bso_shards_slice(g->rank + 1, g->size, n) - bso_shards_slice(g->rank, g->size, n);
    return ((double)(n - slice) + (double)slice * (g->size - 1)) * sizeof(float);
}

void bso_shards_add(float *sum, const float *const *parts, int count, size_t n)
{
    enum { BLOCK = 1024 };
#pragma omp parallel for schedule(static)
    for (size_t first = 0; first < n; first += BLOCK) {
        const size_t size = at_most(n - first, BLOCK);
        float block[BLOCK];
        memcpy(block, parts[0] + first, size * sizeof *block);
        for (int k = 1; k < count; k++) {
            for (size_t i = 0; i < size; i++) block[i] += parts[k][first + i];
        }
        memcpy(sum + first, block, size * sizeof *block);
    }
}

void bso_shards_sum(bso_shards *g, float *x, size_t n)
{
    if (!g || g->lost) return;
    const double begun = bso_clock();
    g->transport->sum(g, x, n);
    g->traffic.seconds += bso_clock() - begun;
    g->traffic.bytes += bso_shards_sum_bytes(g, n);
    g->traffic.calls++;
}

/* x[n], numbers of `size` bytes, <- their sum over the ranks; add: sum[n] += part[n]. */
static void sum_small(bso_shards *g, void *x, size_t n, size_t size,
                      void (*add)(void *sum, const void *part, size_t n))
{
    const size_t most = BSO_SHARDS_PIECE / size;
    for (size_t first = 0; g && first < n; first += most) {
        const size_t count = at_most(n - first, most);
        char *own = (char *)x + first * size;
        gather(g, own, count * size);
        if (g->lost) return;
        const char *all = g->gathered;
        memcpy(own, all, count * size);
        for (int rank = 1; rank < g->size; rank++) add(own, all + (size_t)rank * count * size, count);
    }
}

static void add_doubles(void *sum, const void *part, size_t n)
{
    for (size_t i = 0; i < n; i++) ((double *)sum)[i] += ((const double *)part)[i];
}

static void add_counts(void *sum, const void *part, size_t n)
{
    for (size_t i = 0; i < n; i++) ((uint64_t *)sum)[i] += ((const uint64_t *)part)[i];
}

void bso_shards_sum_doubles(bso_shards *g, double *x, size_t n)
{
    sum_small(g, x, n, sizeof *x, add_doubles);
}

void bso_shards_sum_counts(bso_shards *g, uint64_t *x, size_t n)
{
    sum_small(g, x, n, sizeof *x, add_counts);
}

void bso_shards_broadcast(bso_shards *g, void *data, size_t bytes)
{
    char *at = data;
    for (size_t count; g && bytes; at += count, bytes -= count) {
        count = at_most(bytes, BSO_SHARDS_PIECE);
        gather(g, at, count);
        if (!g->lost) memcpy(at, g->gathered, count);
    }
}

/* ---- agreements ---- */

enum { MESSAGE = 2048 };

typedef struct {
    int32_t status;
    uint32_t flags;
} vote;

/* The message of a rank, which all of them take over. */
static void share_message(bso_shards *g, int rank)
{
    char mine[MESSAGE] = "";
    snprintf(mine, sizeof mine, "%s", bso_error());
    gather(g, mine, sizeof mine);
    if (g->lost) return;
    const char *text = (const char *)g->gathered + (size_t)rank * MESSAGE;
    if (rank) {
        bso_fail("shard %d of %d: %s", rank + 1, g->size, text);
    } else {
        bso_fail("%s", text);
    }
}

int bso_shards_agree(bso_shards *g, int status, unsigned *flags)
{
    if (!g) return status;
    const vote mine = {status, flags ? *flags : 0};
    if (g->lost) bso_fail("shards=%d: another rank has ended", g->size);
    gather(g, &mine, sizeof mine);
    if (g->lost) { /* if just now, with what the transport said */
        g->agreed = true;
        return BSO_ERROR;
    }
    const vote *all = g->gathered;
    int first = 0;
    unsigned wanted = 0;
    for (int rank = 0; rank < g->size; rank++) wanted |= all[rank].flags;
    while (first < g->size && all[first].status == 0) first++;
    if (first == g->size) {
        if (flags) *flags = wanted;
        return 0;
    }
    const int worst = all[first].status;
    share_message(g, first);
    g->agreed = true;
    return worst;
}

int bso_shards_same(bso_shards *g, uint64_t value, const char *what)
{
    if (!g) return 0;
    gather(g, &value, sizeof value);
    const uint64_t *all = g->gathered;
    int rank = 0;
    while (!g->lost && rank < g->size && all[rank] == all[0]) rank++;
    if (!g->lost && rank == g->size) return 0;
    g->agreed = true;
    if (g->lost) return bso_fail("shards=%d: another rank has ended", g->size);
    return bso_fail("shards=%d: %s of shard %d and of shard 1 differ", g->size, what, rank + 1);
}

/* ---- ranks that are threads ---- */

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t passed;
    int size, waiting;
    uint64_t round;
    bool left; /* a rank has returned: whoever waits from now on waits in vain */
    char why[MESSAGE];
    const void *shown[BSO_SHARDS_MAX]; /* what each rank lets the others read */
    char *gathered[2];                 /* [size][BSO_SHARDS_PIECE] each, in turn */
} world;

/* Wait for all ranks. False where one has gone. */
static bool meet(bso_shards *g)
{
    world *w = g->own;
    pthread_mutex_lock(&w->lock);
    const uint64_t round = w->round;
    if (++w->waiting == w->size) {
        w->waiting = 0;
        w->round++;
        pthread_cond_broadcast(&w->passed);
    }
    while (w->round == round && !w->left) pthread_cond_wait(&w->passed, &w->lock);
    if (w->round == round) {
        g->lost = true;
        bso_fail("%s", w->why);
    }
    pthread_mutex_unlock(&w->lock);
    return !g->lost;
}

static bool show(bso_shards *g, const void *data)
{
    world *w = g->own;
    w->shown[g->rank] = data;
    return meet(g);
}

/* Who is one gathering ahead writes into the other buffer; two ahead is nobody, since all meet in each. */
static void gather_threads(bso_shards *g, const void *mine, size_t bytes)
{
    const world *w = g->own;
    g->gathered = w->gathered[g->gathered == w->gathered[0]];
    memcpy((char *)g->gathered + (size_t)g->rank * bytes, mine, bytes);
    meet(g);
}

/* In place: a rank reads of the others, and writes of its own, only its slice; then it reads the slices of
 * the others where they were added up. */
static void sum_threads(bso_shards *g, float *x, size_t n)
{
    const world *w = g->own;
    const size_t from = bso_shards_slice(g->rank, g->size, n), to = bso_shards_slice(g->rank + 1, g->size, n);
    if (!show(g, x)) return;
    const float *parts[BSO_SHARDS_MAX];
    for (int rank = 0; rank < g->size; rank++) parts[rank] = (const float *)w->shown[rank] + from;
    bso_shards_add(x + from, parts, g->size, to - from);
    if (!meet(g)) return;
    for (int rank = 0; rank < g->size; rank++) {
        const size_t a = bso_shards_slice(rank, g->size, n), b = bso_shards_slice(rank + 1, g->size, n);
        if (rank != g->rank) memcpy(x + a, (const float *)w->shown[rank] + a, (b - a) * sizeof *x);
    }
    meet(g);
}

static const bso_transport threads = {.name = "threads", .gather = gather_threads, .sum = sum_threads};

/* A rank and its thread. */
typedef struct {
    bso_shards group;
    pthread_t thread;
    int (*run)(void *user, bso_shards *g);
    void *user;
} member;

static void leave(bso_shards *g, int status)
{
    world *w = g->own;
    pthread_mutex_lock(&w->lock);
    if (!w->left)
        snprintf(w->why, sizeof w->why, "%s",
                 status && *bso_error() ? bso_error() : "another rank has ended");
    w->left = true;
    pthread_cond_broadcast(&w->passed);
    pthread_mutex_unlock(&w->lock);
}

static void *run_member(void *argument)
{
    member *m = argument;
    leave(&m->group, m->run(m->user, &m->group));
    return NULL;
}

/* Start the threads of ranks 1 .. size-1. Returns how many run. */
static int start(member *members, int size)
{
    /* Signals are for the main thread. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int running = 1, rc = 0;
    while (running < size && !rc) {
        member *m = &members[running];
        rc = pthread_create(&m->thread, NULL, run_member, m);
        running += rc == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc) bso_fail("shards=%d: the threads cannot be started: %s", size, strerror(rc));
    return running;
}

static int run_all(world *w, member *members, int (*rank)(void *, bso_shards *), void *user)
{
    const int size = w->size;
    for (int i = 0; i < size; i++) {
        members[i] = (member){.run = rank, .user = user};
        members[i].group = (bso_shards){.transport = &threads, .rank = i, .size = size, .own = w};
    }
    const int running = start(members, size);
    int status = running < size ? BSO_ERROR : rank(user, &members[0].group);
    leave(&members[0].group, status);
    for (int i = 1; i < running; i++) pthread_join(members[i].thread, NULL);
    return status;
}

int bso_shards_run(int size, int (*rank)(void *user, bso_shards *g), void *user)
{
    const size_t n = (size_t)size;
    world *w = bso_alloc(BSO_MEM_CONTROL, 1, sizeof *w, "shards");
    member *members = bso_alloc(BSO_MEM_CONTROL, n, sizeof *members, "shards");
    char *room = bso_alloc(BSO_MEM_WORKSPACE, 2 * n, BSO_SHARDS_PIECE, "what ranks exchange");
    int status = BSO_ERROR;
    if (w && members && room) {
        w->size = size;
        for (int i = 0; i < 2; i++) w->gathered[i] = room + (size_t)i * n * BSO_SHARDS_PIECE;
        pthread_mutex_init(&w->lock, NULL);
        pthread_cond_init(&w->passed, NULL);
        status = run_all(w, members, rank, user);
        pthread_cond_destroy(&w->passed);
        pthread_mutex_destroy(&w->lock);
    }
    bso_free(room);
    bso_free(members);
    bso_free(w);
    return status;
}
