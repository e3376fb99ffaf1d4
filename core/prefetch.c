/* prefetch.c: see prefetch.h.
 *
 * A ring of slots, a batch each. Workers take samples of the oldest batch that has some left, a few at a
 * time, so that the batch that is waited for is finished first. One lock guards all of it: samples take far
 * longer than what is done under it.
 */
#include "core/prefetch.h"

#include "core/error.h"
#include "core/memory.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { CHUNK = 4, PROBLEM = 2048 };

typedef struct {
    bso_range range;
    float *x;
    int *y;
    size_t taken, done; /* samples */
    char problem[PROBLEM];
} slot;

struct bso_prefetch {
    pthread_mutex_t lock;
    pthread_cond_t work, ready; /* something to take; something done */
    bso_make_sample *make;
    void *user;
    int workers, started; /* asked for, running */
    pthread_t *threads;
    int next_worker; /* numbers handed out to the threads */
    size_t queue;
    slot *slots;        /* batch number k of the sequence is in slot k % queue */
    size_t head, tail;  /* batches head .. tail-1 are in the ring */
    bool held;          /* batch head was handed out and is in use */
    size_t busy;        /* workers making samples */
    bso_range rest;     /* of the sequence, not yet in the ring */
    size_t batch, step; /* samples of a batch; from one's first to the next one's */
    bool quit;
};

/* Put batches of the sequence into free slots. */
static void fill(bso_prefetch *p)
{
    while (p->rest.n > 0 && p->tail - p->head < p->queue) {
        slot *s = &p->slots[p->tail++ % p->queue];
        s->range = p->rest;
        if (s->range.n > p->batch) s->range.n = p->batch;
        s->taken = s->done = 0;
        s->problem[0] = '\0';
        const size_t step = p->rest.n < p->step ? p->rest.n : p->step;
        p->rest.first += step;
        p->rest.n -= step;
    }
    pthread_cond_broadcast(&p->work);
}

/* The oldest batch of which samples are left to make, or NULL. */
static slot *oldest(bso_prefetch *p)
{
    for (size_t k = p->head; k < p->tail; k++) {
        slot *s = &p->slots[k % p->queue];
        if (s->taken < s->range.n) return s;
    }
    return NULL;
}

/* Make a few samples. The lock is held before and after. */
static void make_some(bso_prefetch *p, slot *s, int worker)
{
    size_t first = s->taken, n = s->range.n - first < CHUNK ? s->range.n - first : CHUNK;
    s->taken += n;
    p->busy++;
    pthread_mutex_unlock(&p->lock);
    int rc = 0;
    for (size_t i = first; !rc && i < first + n; i++) rc = p->make(p->user, &s->range, i, worker, s->x, s->y);
    pthread_mutex_lock(&p->lock);
    if (rc && !*s->problem) snprintf(s->problem, sizeof s->problem, "%s", bso_error());
    p->busy--;
    s->done += n;
    if (s->done == s->range.n || p->busy == 0) pthread_cond_broadcast(&p->ready);
}

static void *run(void *argument)
{
    bso_prefetch *p = argument;
    pthread_mutex_lock(&p->lock);
    int worker = p->next_worker++;
    while (!p->quit) {
        slot *s = oldest(p);
        if (s) {
            make_some(p, s, worker);
        } else {
            pthread_cond_wait(&p->work, &p->lock);
        }
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static int start_threads(bso_prefetch *p)
{
    /* Signals are for the main thread, which is the one that looks at what they ask for. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = 0;
    for (int w = 0; w < p->workers && !rc; w++) {
        rc = pthread_create(&p->threads[w], NULL, run, p);
        p->started += rc == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc ? bso_fail("workers=%d: the threads cannot be started: %s", p->workers, strerror(rc)) : 0;
}

int bso_prefetch_open(bso_prefetch **out, int workers, size_t queue, size_t batch, size_t sample,
                      bso_make_sample *make, void *user)
{
    size_t values;
    if (__builtin_mul_overflow(batch, sample, &values))
        return bso_fail("batch=%zu: more than can be addressed", batch);
    bso_prefetch *p = *out = bso_alloc(BSO_MEM_DATASET, 1, sizeof *p, "the queue of batches");
    if (!p) return BSO_ERROR;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->ready, NULL);
    p->make = make;
    p->user = user;
    p->workers = workers;
    p->queue = queue + 1; /* and the one in use */
    p->threads = bso_alloc(BSO_MEM_DATASET, (size_t)workers, sizeof *p->threads, "worker threads");
    p->slots = bso_alloc(BSO_MEM_DATASET, p->queue, sizeof *p->slots, "the queue of batches");
    int rc = p->threads && p->slots ? 0 : BSO_ERROR;
    for (size_t i = 0; !rc && i < p->queue; i++) {
        slot *s = &p->slots[i];
        s->x = bso_alloc(BSO_MEM_DATASET, values, sizeof *s->x, "batches made ahead");
        s->y = bso_alloc(BSO_MEM_DATASET, batch, sizeof *s->y, "batches made ahead");
        if (!s->x || !s->y) rc = BSO_ERROR;
    }
    if (!rc) rc = start_threads(p);
    if (rc) {
        bso_prefetch_close(p);
        *out = NULL;
    }
    return rc;
}

void bso_prefetch_close(bso_prefetch *p)
{
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    p->quit = true;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (int w = 0; w < p->started; w++) pthread_join(p->threads[w], NULL);
    pthread_cond_destroy(&p->ready);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    for (size_t i = 0; p->slots && i < p->queue; i++) {
        bso_free(p->slots[i].x);
        bso_free(p->slots[i].y);
    }
    bso_free(p->slots);
    bso_free(p->threads);
    bso_free(p);
}

void bso_prefetch_stop(bso_prefetch *p)
{
    pthread_mutex_lock(&p->lock);
    p->head = p->tail = 0;
    p->held = false;
    p->rest.n = 0;
    while (p->busy) pthread_cond_wait(&p->ready, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

void bso_prefetch_start(bso_prefetch *p, const bso_range *r, size_t batch, size_t step)
{
    pthread_mutex_lock(&p->lock);
    p->rest = *r;
    p->batch = batch;
    p->step = step;
    fill(p);
    pthread_mutex_unlock(&p->lock);
}

int bso_prefetch_next(bso_prefetch *p, const float **x, const int **y, size_t *n)
{
    pthread_mutex_lock(&p->lock);
    if (p->held) {
        p->head++;
        p->held = false;
        fill(p);
    }
    assert(p->head < p->tail);
    slot *s = &p->slots[p->head % p->queue];
    while (s->done < s->range.n) pthread_cond_wait(&p->ready, &p->lock);
    p->held = true;
    *x = s->x;
    *y = s->y;
    *n = s->range.n;
    int rc = *s->problem ? bso_fail("%s", s->problem) : 0;
    pthread_mutex_unlock(&p->lock);
    return rc;
}
