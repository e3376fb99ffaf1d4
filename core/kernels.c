/* kernels.c: picks the table of kernels for this CPU. See kernels.h. */
#include "core/kernels.h"

#include "core/error.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

extern const bso_kernels bso_kernels_reference, bso_kernels_portable;
#ifdef __x86_64__
extern const bso_kernels bso_kernels_avx2, bso_kernels_avx512;
#endif

const bso_kernels *bso_kernel = &bso_kernels_portable;

static bool runnable(const bso_kernels *k)
{
#ifdef __x86_64__
    if (k == &bso_kernels_avx2) {
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") &&
               __builtin_cpu_supports("bmi2");
    }
    if (k == &bso_kernels_avx512) {
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512vnni") &&
               __builtin_cpu_supports("bmi2");
    }
#endif
    return k != NULL;
}

/* From slow to fast. */
static const bso_kernels *const all[] = {
    &bso_kernels_reference,
    &bso_kernels_portable,
#ifdef __x86_64__
    &bso_kernels_avx2,
    &bso_kernels_avx512,
#endif
};

enum { TABLES = sizeof all / sizeof all[0] };

const bso_kernels *const *bso_kernels_available(void)
{
    static const bso_kernels *available[TABLES + 1];
    int n = 0;
    for (int i = 0; i < TABLES; i++) {
        if (runnable(all[i])) available[n++] = all[i];
    }
    available[n] = NULL;
    return available;
}

/* The best path's, but for the products. */
static bso_kernels sgemm;

int bso_kernels_use(const char *name)
{
    const bso_kernels *best = NULL;
    for (int i = 0; i < TABLES; i++) {
        const bool named = name && strcmp(name, all[i]->name) == 0;
        if (runnable(all[i])) {
            best = all[i];
            if (named) break;
        } else if (named) {
            return bso_fail("BSO_KERNELS=%s: this CPU lacks the instructions; unset it", name);
        }
    }
    if (name && strcmp(name, "sgemm") == 0) {
        sgemm = *best;
        sgemm.name = "sgemm";
        sgemm.products = NULL;
        best = &sgemm;
    }
    if (name && strcmp(name, best->name) != 0) {
        return bso_fail("BSO_KERNELS=%s: must be reference, portable, avx2, avx512 or sgemm", name);
    }
    bso_kernel = best;
    return 0;
}

int bso_kernels_pick(void)
{
    return bso_kernels_use(getenv("BSO_KERNELS"));
}
