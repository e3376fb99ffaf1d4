/* shards.h: a group of ranks that train one network together, each on its share of every batch, a shard.
 *
 * What ranks exchange is sums over shards. Each is added up in the order of the shards, in one place for each
 * number, and every rank gets that result: the same bits on all ranks, whether these are threads of one
 * process (bso_shards_run) or processes of several machines (shards_mpi.c).
 *
 * All ranks must make the same calls in the same order. A NULL group is one rank that has all of the batch:
 * every call then does nothing.
 *
 * It knows nothing of networks and files. What is exchanged, and when, is its users' (step.c, norm.c,
 * trainer.c).
 */
#ifndef BSO_SHARDS_H
#define BSO_SHARDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was sent by this rank, in how many exchanges, and how long these took it, waiting for others included.
 */
typedef struct {
    double bytes, calls, seconds;
} bso_traffic;

typedef struct bso_shards bso_shards;

/* How ranks reach each other. A transport that fails sets lost. */
typedef struct {
    const char *name; /* "threads", "mpi" */
    /* gathered[rank][bytes] <- mine[bytes] of every rank, to be read until the next call; at most
     * BSO_SHARDS_PIECE bytes. */
    void (*gather)(bso_shards *g, const void *mine, size_t bytes);
    /* x[n] <- the sum over ranks, in their order, on all of them. */
    void (*sum)(bso_shards *g, float *x, size_t n);
} bso_transport;

/* One rank's end of it. */
struct bso_shards {
    const bso_transport *transport;
    int rank, size;
    bool lost;   /* a rank has gone: what sums hold means nothing from now on, and agreements fail */
    bool agreed; /* all ranks know that the training failed */
    bso_traffic traffic;
    void *gathered; /* what the last gathering brought */
    void *own;      /* the transport's */
};

enum { BSO_SHARDS_PIECE = 16 * 1024, BSO_SHARDS_MAX = 1024 };

static inline int bso_shards_rank(const bso_shards *g)
{
    return g ? g->rank : 0;
}

static inline int bso_shards_size(const bso_shards *g)
{
    return g ? g->size : 1;
}

static inline bso_traffic bso_shards_traffic(const bso_shards *g)
{
    return g ? g->traffic : (bso_traffic){0};
}

/* x[n] <- its sum over the ranks, ((x_0 + x_1) + x_2) + ...; of floats in float. */
void bso_shards_sum(bso_shards *g, float *x, size_t n);
void bso_shards_sum_doubles(bso_shards *g, double *x, size_t n);
void bso_shards_sum_counts(bso_shards *g, uint64_t *x, size_t n);
/* data <- that of rank 0. */
void bso_shards_broadcast(bso_shards *g, void *data, size_t bytes);

/* What all ranks have to know before they go on: did one of them fail, and does one of them want something.
 * flags <- all ranks' joined by OR; may be NULL. Returns the status of the first rank whose status is not 0,
 * with that rank's message, on every rank; BSO_ERROR where a rank has gone; else 0. */
int bso_shards_agree(bso_shards *g, int status, unsigned *flags);

/* A number that must be the same on all ranks. Returns 0, or BSO_ERROR with `what` on every rank. */
int bso_shards_same(bso_shards *g, uint64_t value, const char *what);

/* Bytes that this rank sends for the sum of n floats: every rank adds up a slice, then has to know the
 * others'. */
double bso_shards_sum_bytes(const bso_shards *g, size_t n);

/* For transports: the slice of n numbers that a rank adds up. */
static inline size_t bso_shards_slice(int rank, int size, size_t n)
{
    return n / (size_t)size * (size_t)rank + (n % (size_t)size) * (size_t)rank / (size_t)size;
}

/* For transports: sum[n] <- parts[0] + parts[1] + ..., in this order; sum may be one of them. */
void bso_shards_add(float *sum, const float *const *parts, int count, size_t n);

/* Run one rank for each shard, as threads: rank 0 is the caller's. Returns what rank 0 returned, or BSO_ERROR
 * where threads cannot be started. A rank that returns while others wait for it makes them fail. */
int bso_shards_run(int size, int (*rank)(void *user, bso_shards *g), void *user);

/* ---- processes (shards_mpi.c) ---- */

/* Was this process started as one of several, by mpirun or srun, as far as the environment says? */
bool bso_shards_expected(void);
/* If it was, and this program was built with MPI: join the others. Returns 0 or BSO_ERROR. */
int bso_shards_join(void);
/* This process's end of its group; NULL where it has joined none. */
bso_shards *bso_shards_world(void);
/* Before the process ends, with its exit status. Where the other ranks do not know yet that this one has
 * failed, this ends them all. */
void bso_shards_leave(int exit_status);

#endif
