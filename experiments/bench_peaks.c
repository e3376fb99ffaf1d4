/* bench_peaks.c: what one thread of this machine can do at most: arithmetic on registers, and copying memory.
 * Measured, not looked up: clocks depend on the machine's other work. See bench.h.
 *
 * Each loop keeps as many independent sums as hide the latency of its instruction. They use the widest
 * registers there are, whatever BSO_KERNELS says: a peak is the machine's and not a path's. An empty asm
 * statement takes each sum for changed, lest the compiler find out what comes out.
 */
#include "experiments/bench_parts.h"

#include "core/error.h"
#include "core/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { SUMS = 12, ROUNDS = 100000 };

/* What is counted per sum and round, and a loop of ROUNDS rounds. */
typedef struct {
    const char *what, *unit;
    int width;
    void (*run)(void *scene);
} loop;

#define KEEP(constraint, x) __asm__ volatile("" : "+" constraint(x))

/* One sum's turn. Sums are variables and not an array, which compilers keep in memory here. */
#define TURN(vector, constraint, s, step)                                                                    \
    do {                                                                                                     \
        vector sum = s;                                                                                      \
        step;                                                                                                \
        KEEP(constraint, sum);                                                                               \
        s = sum;                                                                                             \
    } while (0)
#define TURNS(vector, constraint, s, t, u, v, step)                                                          \
    TURN(vector, constraint, s, step);                                                                       \
    TURN(vector, constraint, t, step);                                                                       \
    TURN(vector, constraint, u, step);                                                                       \
    TURN(vector, constraint, v, step)

/* A function that does ROUNDS times sum = step for all SUMS. */
#define DEFINE_LOOP(name, target, vector, constraint, step)                                                  \
    target static void name(void *unused)                                                                    \
    {                                                                                                        \
        vector one;                                                                                          \
        (void)unused;                                                                                        \
        memset(&one, 0, sizeof one);                                                                         \
        vector a = one, b = one, c = one, d = one, e = one, f = one, g = one, h = one, i = one, j = one,     \
               k = one, l = one;                                                                             \
        for (int round = 0; round < ROUNDS; round++) {                                                       \
            KEEP(constraint, one);                                                                           \
            TURNS(vector, constraint, a, b, c, d, step);                                                     \
            TURNS(vector, constraint, e, f, g, h, step);                                                     \
            TURNS(vector, constraint, i, j, k, l, step);                                                     \
        }                                                                                                    \
    }

/* Without anything particular: 16 bytes, which the baselines of both x86-64 and ARM have. A sum of products
 * may be two instructions here. */
typedef float floats16 __attribute__((vector_size(16)));
typedef uint8_t bytes16 __attribute__((vector_size(16)));
#if defined __x86_64__
#define REGISTER "x"
#elif defined __aarch64__
#define REGISTER "w"
#else
#define REGISTER "m"
#endif
DEFINE_LOOP(multiply_add_16, , floats16, REGISTER, sum += one * one)
DEFINE_LOOP(add_16, , floats16, REGISTER, sum += one)
DEFINE_LOOP(add_bytes_16, , bytes16, REGISTER, sum += one)
DEFINE_LOOP(count_64, , uint64_t, "r", sum += (uint64_t)__builtin_popcountll(one & sum))

#ifdef __x86_64__
#include <immintrin.h>
#define AVX2   __attribute__((target("avx2,fma,popcnt")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vpopcntdq")))
DEFINE_LOOP(multiply_add_32, AVX2, __m256, "x", sum = _mm256_fmadd_ps(one, one, sum))
DEFINE_LOOP(add_32, AVX2, __m256, "x", sum = _mm256_add_ps(sum, one))
DEFINE_LOOP(add_bytes_32, AVX2, __m256i, "x", sum = _mm256_add_epi8(sum, one))
DEFINE_LOOP(count_popcnt, AVX2, uint64_t, "r", sum += (uint64_t)__builtin_popcountll(one & sum))
DEFINE_LOOP(multiply_add_64, AVX512, __m512, "v", sum = _mm512_fmadd_ps(one, one, sum))
DEFINE_LOOP(add_64, AVX512, __m512, "v", sum = _mm512_add_ps(sum, one))
DEFINE_LOOP(add_bytes_64, AVX512, __m512i, "v", sum = _mm512_add_epi8(sum, one))
DEFINE_LOOP(count_512, AVX512, __m512i, "v",
            sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(_mm512_and_si512(one, sum))))

/* Bits of each byte by two look-ups of four bits: where no instruction counts in vectors. */
AVX2 static inline __m256i count_bytes(__m256i x)
{
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2,
                                           2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i low = _mm256_set1_epi8(15);
    return _mm256_add_epi8(_mm256_shuffle_epi8(table, _mm256_and_si256(x, low)),
                           _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), low)));
}
DEFINE_LOOP(count_shuffle, AVX2, __m256i, "x",
            sum = _mm256_add_epi8(sum, count_bytes(_mm256_and_si256(one, sum))))
#endif

/* From narrow to wide; of those with one name the fastest counts. */
static int list_loops(loop loops[16])
{
    static const loop plain[] = {{BSO_PEAK_MULTIPLY_ADD, "MAC", 4, multiply_add_16},
                                 {BSO_PEAK_ADD, "add", 4, add_16},
                                 {BSO_PEAK_ADD_BYTES, "add", 16, add_bytes_16},
                                 {BSO_PEAK_COUNT, "bit", 64, count_64}};
    memcpy(loops, plain, sizeof plain);
    int n = 4;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        const loop wide[] = {{BSO_PEAK_MULTIPLY_ADD, "MAC", 8, multiply_add_32},
                             {BSO_PEAK_ADD, "add", 8, add_32},
                             {BSO_PEAK_ADD_BYTES, "add", 32, add_bytes_32},
                             {BSO_PEAK_COUNT, "bit", 64, count_popcnt},
                             {BSO_PEAK_COUNT, "bit", 256, count_shuffle}};
        memcpy(loops + n, wide, sizeof wide);
        n += 5;
    }
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vpopcntdq")) {
        const loop widest[] = {{BSO_PEAK_MULTIPLY_ADD, "MAC", 16, multiply_add_64},
                               {BSO_PEAK_ADD, "add", 16, add_64},
                               {BSO_PEAK_ADD_BYTES, "add", 64, add_bytes_64},
                               {BSO_PEAK_COUNT, "bit", 512, count_512}};
        memcpy(loops + n, widest, sizeof widest);
        n += 4;
    }
#endif
    return n;
}

/* Measure a loop into the entry of its name, unless that is faster already. */
static int measure_loop(bso_bench *b, const loop *l)
{
    const int status = bso_bench_pass(b, BSO_BENCH_PEAKS, l->what, 4e9);
    if (status) return status;
    bso_bench_entry *e = bso_bench_add(b, BSO_BENCH_PEAKS, l->what, "");
    if (!e) return BSO_ERROR;
    snprintf(e->unit, sizeof e->unit, "%s", l->unit);
    e->work = (double)l->width * SUMS * ROUNDS;
    bso_bench_measure(b, e, l->run, NULL, NULL);
    bso_bench_entry *first = e;
    for (int i = b->file.entries - 1; i >= 0; i--) {
        if (strcmp(b->file.entry[i].what, l->what) == 0) first = &b->file.entry[i];
    }
    if (first == e) return 0;
    if (bso_bench_rate_of(e).best > bso_bench_rate_of(first).best) *first = *e;
    b->file.entries--;
    return 0;
}

/* Larger than caches, so that what is read and written is memory. */
typedef struct {
    char *from, *to;
    size_t bytes;
} memory;

static void copy(void *scene)
{
    memory *m = scene;
    memcpy(m->to, m->from, m->bytes);
    KEEP("m", *m->to);
}

static int measure_memory(bso_bench *b)
{
    const size_t bytes = (size_t)(b->quick ? 32 : 256) << 20;
    int status = bso_bench_pass(b, BSO_BENCH_PEAKS, BSO_PEAK_COPY, 2e10);
    if (status) return status;
    bso_bench_entry *e = bso_bench_add(b, BSO_BENCH_PEAKS, BSO_PEAK_COPY, "");
    if (!e) return BSO_ERROR;
    memory m = {bso_alloc(BSO_MEM_WORKSPACE, bytes, 1, "copying"),
                bso_alloc(BSO_MEM_WORKSPACE, bytes, 1, "copying"), bytes};
    if (m.from && m.to) {
        memset(m.from, 1, bytes);
        snprintf(e->unit, sizeof e->unit, "byte");
        e->work = 2 * (double)bytes; /* read and written */
        bso_bench_measure(b, e, copy, NULL, &m);
    } else {
        status = BSO_ERROR;
    }
    bso_free(m.from);
    bso_free(m.to);
    return status;
}

int bso_bench_peaks(bso_bench *b)
{
    loop loops[16];
    const int n = list_loops(loops);
    int status = 0;
    for (int i = 0; status >= 0 && i < n; i++) status = measure_loop(b, &loops[i]);
    if (status >= 0) status = measure_memory(b);
    return status < 0 ? status : 0;
}
