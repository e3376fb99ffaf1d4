/* bench_peaks.c: what one thread of this machine can do at most: arithmetic on registers and from
 * cache, and copying memory.
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

enum {
    SUMS = 12,
    ROUNDS = 100000,
    TABLE_ROUNDS = 32, /* look-ups go over 32 x 12 registers: at most 24 KiB, an innermost cache */
    TABLE_BYTES = TABLE_ROUNDS * SUMS * 64,
    LOOPS = 24
};

/* Multiply-adds of a sum in a round, and a loop of ROUNDS rounds over a table. */
typedef struct {
    const char *what;
    int macs;
    void (*run)(void *table);
} loop;

#define KEEP(constraint, x) __asm__ volatile("" : "+" constraint(x))

/* One sum's turn. Sums are variables and not an array, which compilers keep in memory here. */
#define TURN(vector, constraint, s, operand, step)                                                           \
    do {                                                                                                     \
        vector sum = s;                                                                                      \
        const vector x = operand;                                                                            \
        step;                                                                                                \
        KEEP(constraint, sum);                                                                               \
        s = sum;                                                                                             \
    } while (0)

/* A function that does ROUNDS times sum = step for all SUMS; x is the same for all, or from a table. */
#define DEFINE_LOOP(name, target, vector, constraint, step)                                                  \
    target static void name(void *unused)                                                                    \
    {                                                                                                        \
        vector o;                                                                                            \
        (void)unused;                                                                                        \
        memset(&o, 0, sizeof o);                                                                             \
        vector a = o, b = o, c = o, d = o, e = o, f = o, g = o, h = o, i = o, j = o, k = o, l = o;           \
        for (int round = 0; round < ROUNDS; round++) {                                                       \
            KEEP(constraint, o);                                                                             \
            TURN(vector, constraint, a, o, step);                                                            \
            TURN(vector, constraint, b, o, step);                                                            \
            TURN(vector, constraint, c, o, step);                                                            \
            TURN(vector, constraint, d, o, step);                                                            \
            TURN(vector, constraint, e, o, step);                                                            \
            TURN(vector, constraint, f, o, step);                                                            \
            TURN(vector, constraint, g, o, step);                                                            \
            TURN(vector, constraint, h, o, step);                                                            \
            TURN(vector, constraint, i, o, step);                                                            \
            TURN(vector, constraint, j, o, step);                                                            \
            TURN(vector, constraint, k, o, step);                                                            \
            TURN(vector, constraint, l, o, step);                                                            \
        }                                                                                                    \
    }
#define DEFINE_LOOK_UP(name, target, vector, constraint, step)                                               \
    target static void name(void *table)                                                                     \
    {                                                                                                        \
        vector o;                                                                                            \
        memset(&o, 0, sizeof o);                                                                             \
        vector a = o, b = o, c = o, d = o, e = o, f = o, g = o, h = o, i = o, j = o, k = o, l = o;           \
        for (int round = 0; round < ROUNDS; round++) {                                                       \
            const vector *at = (const vector *)table + SUMS * (round % TABLE_ROUNDS);                        \
            TURN(vector, constraint, a, at[0], step);                                                        \
            TURN(vector, constraint, b, at[1], step);                                                        \
            TURN(vector, constraint, c, at[2], step);                                                        \
            TURN(vector, constraint, d, at[3], step);                                                        \
            TURN(vector, constraint, e, at[4], step);                                                        \
            TURN(vector, constraint, f, at[5], step);                                                        \
            TURN(vector, constraint, g, at[6], step);                                                        \
            TURN(vector, constraint, h, at[7], step);                                                        \
            TURN(vector, constraint, i, at[8], step);                                                        \
            TURN(vector, constraint, j, at[9], step);                                                        \
            TURN(vector, constraint, k, at[10], step);                                                       \
            TURN(vector, constraint, l, at[11], step);                                                       \
        }                                                                                                    \
    }

/* Without anything particular: 16 bytes, which the baselines of both x86-64 and ARM have. A multiply-add may
 * be two instructions here. */
typedef float floats16 __attribute__((vector_size(16)));
typedef uint16_t shorts16 __attribute__((vector_size(16)));
typedef uint8_t bytes16 __attribute__((vector_size(16)));
#if defined __x86_64__
#define REGISTER "x"
#elif defined __aarch64__
#define REGISTER "w"
#else
#define REGISTER "m"
#endif
DEFINE_LOOP(multiply_add_16, , floats16, REGISTER, sum += x * x)
DEFINE_LOOP(multiply_add_short_16, , shorts16, REGISTER, sum += x * x)
DEFINE_LOOK_UP(look_up_16, , floats16, REGISTER, sum += x)
DEFINE_LOOK_UP(look_up_short_16, , shorts16, REGISTER, sum += x)
DEFINE_LOOK_UP(look_up_bytes_16, , bytes16, REGISTER, sum += x)
DEFINE_LOOP(count_64, , uint64_t, "r", sum += (uint64_t)__builtin_popcountll(x & sum))

#ifdef __x86_64__
#include <immintrin.h>
#define AVX2   __attribute__((target("avx2,fma,popcnt")))
#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vpopcntdq,avx512vnni")))
DEFINE_LOOP(multiply_add_32, AVX2, __m256, "x", sum = _mm256_fmadd_ps(x, x, sum))
DEFINE_LOOP(multiply_add_bytes_32, AVX2, __m256i, "x",
            sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(x, x)))
DEFINE_LOOK_UP(look_up_32, AVX2, __m256, "x", sum = _mm256_add_ps(sum, x))
DEFINE_LOOK_UP(look_up_short_32, AVX2, __m256i, "x", sum = _mm256_add_epi16(sum, x))
DEFINE_LOOK_UP(look_up_bytes_32, AVX2, __m256i, "x", sum = _mm256_add_epi8(sum, x))
DEFINE_LOOP(count_popcnt, AVX2, uint64_t, "r", sum += (uint64_t)__builtin_popcountll(x & sum))
DEFINE_LOOP(multiply_add_64, AVX512, __m512, "v", sum = _mm512_fmadd_ps(x, x, sum))
DEFINE_LOOP(multiply_add_bytes_64, AVX512, __m512i, "v", sum = _mm512_dpbusd_epi32(sum, x, x))
DEFINE_LOOK_UP(look_up_64, AVX512, __m512, "v", sum = _mm512_add_ps(sum, x))
DEFINE_LOOK_UP(look_up_short_64, AVX512, __m512i, "v", sum = _mm512_add_epi16(sum, x))
DEFINE_LOOK_UP(look_up_bytes_64, AVX512, __m512i, "v", sum = _mm512_add_epi8(sum, x))
DEFINE_LOOP(count_512, AVX512, __m512i, "v",
            sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(_mm512_and_si512(x, sum))))

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
            sum = _mm256_add_epi8(sum, count_bytes(_mm256_and_si256(x, sum))))
#endif

/* From narrow to wide; of those with one name the fastest counts. */
static int list_loops(loop loops[LOOPS])
{
    static const loop plain[] = {{BSO_PEAK_MULTIPLY_ADD, 4, multiply_add_16},
                                 {BSO_PEAK_BYTES, 8, multiply_add_short_16},
                                 {BSO_PEAK_LOOK_UP, 4 * 4, look_up_16},
                                 {BSO_PEAK_LOOK_UP_SHORT, 4 * 8, look_up_short_16},
                                 {BSO_PEAK_LOOK_UP_BYTES, 4 * 16, look_up_bytes_16},
                                 {BSO_PEAK_COUNT, 64, count_64}};
    memcpy(loops, plain, sizeof plain);
    int n = sizeof plain / sizeof *plain;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        static const loop wide[] = {{BSO_PEAK_MULTIPLY_ADD, 8, multiply_add_32},
                                    {BSO_PEAK_BYTES, 32, multiply_add_bytes_32},
                                    {BSO_PEAK_LOOK_UP, 4 * 8, look_up_32},
                                    {BSO_PEAK_LOOK_UP_SHORT, 4 * 16, look_up_short_32},
                                    {BSO_PEAK_LOOK_UP_BYTES, 4 * 32, look_up_bytes_32},
                                    {BSO_PEAK_COUNT, 64, count_popcnt},
                                    {BSO_PEAK_COUNT, 256, count_shuffle}};
        memcpy(loops + n, wide, sizeof wide);
        n += sizeof wide / sizeof *wide;
    }
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512vnni")) {
        static const loop widest[] = {{BSO_PEAK_MULTIPLY_ADD, 16, multiply_add_64},
                                      {BSO_PEAK_BYTES, 64, multiply_add_bytes_64},
                                      {BSO_PEAK_LOOK_UP, 4 * 16, look_up_64},
                                      {BSO_PEAK_LOOK_UP_SHORT, 4 * 32, look_up_short_64},
                                      {BSO_PEAK_LOOK_UP_BYTES, 4 * 64, look_up_bytes_64},
                                      {BSO_PEAK_COUNT, 512, count_512}};
        memcpy(loops + n, widest, sizeof widest);
        n += sizeof widest / sizeof *widest;
    }
#endif
    return n;
}

/* Measure a loop into the entry of its name, unless that is faster already. */
static int measure_loop(bso_bench *b, const loop *l, void *table)
{
    const int status = bso_bench_pass(b, BSO_BENCH_PEAKS, l->what, b->least * 3e10 * (b->samples + 2));
    if (status) return status;
    bso_bench_entry *e = bso_bench_add(b, BSO_BENCH_PEAKS, l->what, "");
    if (!e) return BSO_ERROR;
    snprintf(e->unit, sizeof e->unit, "MAC");
    e->work = (double)l->macs * SUMS * ROUNDS;
    bso_bench_measure(b, e, l->run, NULL, table);
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
    int status = bso_bench_pass(b, BSO_BENCH_PEAKS, BSO_PEAK_COPY, b->least * 3e10 * (b->samples + 2));
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
    loop loops[LOOPS];
    const int n = list_loops(loops);
    void *table = bso_alloc(BSO_MEM_WORKSPACE, TABLE_BYTES, 1, "a table");
    int status = table ? 0 : BSO_ERROR;
    for (int i = 0; status >= 0 && i < n; i++) status = measure_loop(b, &loops[i], table);
    bso_free(table);
    if (status >= 0) status = measure_memory(b);
    return status < 0 ? status : 0;
}
