/* memory.h: the one allocator. Every byte that training touches is asked for here, under a category.
 *
 * Current and peak bytes are kept per category, so that what a method costs can be read off and compared with
 * the process's resident set. In plan mode the same calls only count: a block gets an address that must not
 * be touched, so that a configuration larger than the machine can be measured by the code that would run it.
 *
 * Blocks have an owner as well, the layer that asks for them, so that the same bytes can be told layer by
 * layer.
 *
 * It is not a pool and not a fast path: training allocates before its loop, never inside it.
 */
#ifndef BSO_MEMORY_H
#define BSO_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    BSO_MEM_WEIGHTS_BITS,   /* one-bit weights, packed */
    BSO_MEM_WEIGHTS_LATENT, /* float copies behind one-bit weights (straight-through methods) */
    BSO_MEM_WEIGHTS_FLOAT,  /* full-precision weights, biases, batch norm and its running statistics */
    BSO_MEM_OPTIMIZER,      /* momentum, second moments */
    BSO_MEM_GRADIENTS,      /* weight gradients that outlive one layer's update, BPTT's carry through time */
    BSO_MEM_ACTIVATIONS,    /* what forward keeps for backward; grows with T under BPTT only */
    BSO_MEM_NEURON_STATE,   /* membrane potentials carried from step to step */
    BSO_MEM_TRACES,         /* presynaptic traces of the online estimators */
    BSO_MEM_WORKSPACE,      /* scratch reused by every layer, batch buffers */
    BSO_MEM_DATASET,        /* the samples themselves */
    BSO_MEM_LOG,            /* what measuring needs: initial signs for C2I, logs, trace buffers */
    BSO_MEM_CONTROL,        /* descriptions of layers and parameters; really allocated in plan mode, too */
    BSO_MEM_CATEGORIES
} bso_mem_category;

/* The category's name as written to result files, e.g. "weights_bits". */
const char *bso_mem_name(bso_mem_category category);

/* count * size zeroed bytes, aligned to 64. Returns NULL (with bso_fail naming `what`) when the product
 * overflows or memory is out. A request for 0 bytes gives a valid pointer. */
void *bso_alloc(bso_mem_category category, size_t count, size_t size, const char *what);

/* Make a block at least `bytes` long; what was in it is lost. *block NULL and *room 0 at first. Returns 0 or
 * BSO_ERROR; then there is none. */
int bso_mem_room(void **block, size_t *room, size_t bytes, bso_mem_category category, const char *what);

/* Give back a block of bso_alloc; NULL is allowed. */
void bso_free(void *block);

/* Bytes now held and the most ever held in a category; with BSO_MEM_CATEGORIES, over all of them (the peak is
 * of the sum, not the sum of peaks). Headers and alignment are not counted. */
size_t bso_mem_current(bso_mem_category category);
size_t bso_mem_peak(bso_mem_category category);

/* Bytes of each category at the moment the total was at its peak: these add up to the total's peak. */
size_t bso_mem_at_peak(bso_mem_category category);

/* Forget the peaks: they become the current values. */
void bso_mem_reset_peak(void);

/* ---- by owner ---- */

enum { BSO_MEM_OWNERS = 1024, BSO_MEM_OWNER_NAME = 32 };

/* From now on this thread's blocks belong to that owner: what stands before the first '.' of the name, so
 * that "conv2.weight" is of "conv2". NULL or "": nobody's in particular, number 0. Returns the owner before,
 * to be put back. Names that come when there is no more room belong to nobody. */
const char *bso_mem_owner(const char *name);

/* Owners so far, and their names in the order in which they came; number 0 is "". */
int bso_mem_owners(void);
const char *bso_mem_owner_name(int owner);

/* Bytes of a category that an owner now holds. Over all owners they add up to bso_mem_current. */
size_t bso_mem_owned(int owner, bso_mem_category category);

/* Plan mode: from now on blocks are counted, not allocated (BSO_MEM_CONTROL excepted). */
void bso_mem_plan(bool on);
bool bso_mem_planning(void);

/* Let the n-th allocation from now on (1 = the next) fail, for tests; 0 switches it off. */
void bso_mem_fail_after(size_t n);

/* Resident set of this process in bytes: now, and at its peak (/proc/self/status); 0 where unknown. */
size_t bso_rss_current(void);
size_t bso_rss_peak(void);

#endif
