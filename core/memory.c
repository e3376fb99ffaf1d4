/* memory.c: counters around aligned blocks. See memory.h.
 *
 * Each block is preceded by one 64-byte header that keeps its size and category, so that free needs no table.
 */
#define _GNU_SOURCE
#include "core/memory.h"

#include "core/error.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64, PAGE = 4096 };

struct header {
    size_t bytes;
    bso_mem_category category;
    int owner;
    bool planned;
};

static const char *const names[BSO_MEM_CATEGORIES] = {
    "weights_bits", "weights_latent", "weights_float", "optimizer", "gradients", "activations",
    "neuron_state", "traces",         "workspace",     "dataset",   "log",       "control",
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static size_t current[BSO_MEM_CATEGORIES + 1], peak[BSO_MEM_CATEGORIES + 1], at_peak[BSO_MEM_CATEGORIES + 1];
static char owner_names[BSO_MEM_OWNERS][BSO_MEM_OWNER_NAME];
static size_t owned[BSO_MEM_OWNERS][BSO_MEM_CATEGORIES];
static int owners = 1;
static _Thread_local int owner_now;
static bool planning;
static size_t fail_countdown;

const char *bso_mem_name(bso_mem_category category)
{
    return category < BSO_MEM_CATEGORIES ? names[category] : "total";
}

static void count(bso_mem_category category, int owner, size_t bytes)
{
    owned[owner][category] += bytes;
    current[category] += bytes;
    current[BSO_MEM_CATEGORIES] += bytes;
    if (current[category] > peak[category]) peak[category] = current[category];
    if (current[BSO_MEM_CATEGORIES] > peak[BSO_MEM_CATEGORIES]) {
        peak[BSO_MEM_CATEGORIES] = current[BSO_MEM_CATEGORIES];
        memcpy(at_peak, current, sizeof at_peak);
    }
}

void *bso_alloc(bso_mem_category category, size_t count_, size_t size, const char *what)
{
    size_t bytes, padded;
    if (__builtin_mul_overflow(count_, size, &bytes) ||
        __builtin_add_overflow(bytes, (size_t)(2 * PAGE), &padded) || padded > SIZE_MAX / 4) {
        bso_fail("memory: %s needs %zu x %zu bytes, more than can be addressed", what, count_, size);
        return NULL;
    }
    pthread_mutex_lock(&lock);
    bool injected = fail_countdown && --fail_countdown == 0;
    bool plan = planning && category != BSO_MEM_CONTROL;
    pthread_mutex_unlock(&lock);

    char *block = NULL;
    if (injected) {
        bso_fail("memory: allocating %zu bytes for %s failed (injected)", bytes, what);
        return NULL;
    }
    if (plan) {
        /* One readable page for the header, then addresses without memory behind them. */
        size_t span = PAGE + (bytes + PAGE) / PAGE * PAGE;
        char *base = mmap(NULL, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        bool mapped = base != MAP_FAILED;
        if (mapped && mprotect(base, PAGE, PROT_READ | PROT_WRITE) == 0) {
            block = base + PAGE;
        } else if (mapped) {
            munmap(base, span);
        }
    } else {
        size_t span = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + ALIGNMENT;
        char *base = aligned_alloc(ALIGNMENT, span);
        if (base) {
            memset(base, 0, span);
            block = base + ALIGNMENT;
        }
    }
    if (!block) {
        bso_fail("memory: out of memory asking for %zu bytes for %s; try a smaller batch or network", bytes,
                 what);
        return NULL;
    }
    struct header *h = (struct header *)(void *)(block - ALIGNMENT);
    *h = (struct header){.bytes = bytes, .category = category, .owner = owner_now, .planned = plan};
    pthread_mutex_lock(&lock);
    count(category, owner_now, bytes);
    pthread_mutex_unlock(&lock);
    return block;
}

int bso_mem_room(void **block, size_t *room, size_t bytes, bso_mem_category category, const char *what)
{
    if (bytes <= *room) return 0;
    bso_free(*block);
    *block = bso_alloc(category, bytes, 1, what);
    *room = *block ? bytes : 0;
    return *block ? 0 : BSO_ERROR;
}

void bso_free(void *block)
{
    if (!block) return;
    char *p = block;
    struct header h = *(struct header *)(void *)(p - ALIGNMENT);
    pthread_mutex_lock(&lock);
    owned[h.owner][h.category] -= h.bytes;
    current[h.category] -= h.bytes;
    current[BSO_MEM_CATEGORIES] -= h.bytes;
    pthread_mutex_unlock(&lock);
    if (h.planned) {
        munmap(p - PAGE, PAGE + (h.bytes + PAGE) / PAGE * PAGE);
    } else {
        free(p - ALIGNMENT);
    }
}

const char *bso_mem_owner(const char *name)
{
    const char *before = owner_names[owner_now];
    size_t length = name ? strcspn(name, ".") : 0;
    if (length >= BSO_MEM_OWNER_NAME) length = BSO_MEM_OWNER_NAME - 1;
    pthread_mutex_lock(&lock);
    int i = 0;
    while (i < owners && (strncmp(owner_names[i], name ? name : "", length) != 0 || owner_names[i][length]))
        i++;
    if (i == owners && owners < BSO_MEM_OWNERS) memcpy(owner_names[owners++], name, length);
    owner_now = i < BSO_MEM_OWNERS ? i : 0;
    pthread_mutex_unlock(&lock);
    return before;
}

int bso_mem_owners(void)
{
    return owners;
}

const char *bso_mem_owner_name(int owner)
{
    return owner_names[owner];
}

size_t bso_mem_owned(int owner, bso_mem_category category)
{
    return owned[owner][category];
}

/* Other threads may be counting. */
static size_t look(const size_t *count)
{
    pthread_mutex_lock(&lock);
    const size_t now = *count;
    pthread_mutex_unlock(&lock);
    return now;
}

size_t bso_mem_current(bso_mem_category category)
{
    return look(&current[category]);
}

size_t bso_mem_peak(bso_mem_category category)
{
    return look(&peak[category]);
}

size_t bso_mem_at_peak(bso_mem_category category)
{
    return look(&at_peak[category]);
}

void bso_mem_reset_peak(void)
{
    pthread_mutex_lock(&lock);
    memcpy(peak, current, sizeof peak);
    memcpy(at_peak, current, sizeof at_peak);
    pthread_mutex_unlock(&lock);
}

void bso_mem_plan(bool on)
{
    planning = on;
}

bool bso_mem_planning(void)
{
    return planning;
}

void bso_mem_fail_after(size_t n)
{
    fail_countdown = n;
}

/* A field of /proc/self/status, given in kB there. */
static size_t status_bytes(const char *field)
{
    FILE *f = fopen("/proc/self/status", "r");
    if (!f) return 0;
    char line[256];
    size_t kib = 0, length = strlen(field);
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, field, length) == 0 && line[length] == ':') {
            kib = strtoull(line + length + 1, NULL, 10);
            break;
        }
    }
    fclose(f);
    return kib * 1024;
}

size_t bso_rss_current(void)
{
    return status_bytes("VmRSS");
}

size_t bso_rss_peak(void)
{
    return status_bytes("VmHWM");
}
