/* hash.h: 64-bit FNV-1a (Fowler, Noll, Vo), for naming configurations and comparing weights. Not against
 * malice. */
#ifndef BSO_HASH_H
#define BSO_HASH_H

#include <stddef.h>
#include <stdint.h>

static const uint64_t bso_hash_start = UINT64_C(0xcbf29ce484222325);

static inline uint64_t bso_hash(uint64_t hash, const void *data, size_t bytes)
{
    const unsigned char *at = data;
    for (size_t i = 0; i < bytes; i++) hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    return hash;
}

#endif
