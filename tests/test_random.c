/* test_random.c: the generator against its authors' known answers, and many words at once against one block
 * after the other, on every table of kernels this CPU runs. What the numbers are used for is tested with
 * their users.
 */
#include "core/kernels.h"
#include "core/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* Random123's kat_vectors, philox4x32 10. */
static void test_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], word[4];
    } known[] = {
        {{0}, {0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const uint64_t seed = known[i].key[0] | (uint64_t)known[i].key[1] << 32;
        const uint64_t b = known[i].counter[0] | (uint64_t)known[i].counter[1] << 32;
        for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
            uint32_t word[4];
            (*k)->random_words(word, 4, seed, known[i].counter[3], known[i].counter[2], b);
            assert_memory_equal(word, known[i].word, sizeof word);
        }
    }
}

static void test_words(void **state)
{
    (void)state;
    enum { LONGEST = 777, GUARD = 64 };
    static const size_t lengths[] = {0, 1, 3, 4, 5, 31, 32, 33, 63, 64, 65, 127, 128, 129, 500, LONGEST};
    /* also where the low half of b, and b itself, start again at 0 */
    static const uint64_t begins[] = {0, 1, 12345, UINT32_MAX - 5, UINT64_MAX - 7};
    const uint64_t seed = 0xfedcba9876543210;
    const uint32_t a = 0x89abcdef, guard = 0xdeadbeef;
    const bso_kernels *before = bso_kernel;
    for (const bso_kernels *const *k = bso_kernels_available(); *k; k++) {
        bso_kernel = *k;
        for (size_t c = 0; c < sizeof lengths / sizeof *lengths * 5; c++) {
            const size_t n = lengths[c / 5];
            const uint64_t b = begins[c % 5];
            uint32_t words[LONGEST + GUARD];
            for (size_t i = 0; i < LONGEST + GUARD; i++) words[i] = guard;
            bso_random_words(words, n, seed, BSO_RANDOM_TEST, a, b);
            for (size_t i = 0; i < n; i++) {
                if (words[i] != bso_random(seed, BSO_RANDOM_TEST, a, b + i / 4).word[i % 4])
                    fail_msg("%s: word %zu of %zu from %llu", (*k)->name, i, n, (unsigned long long)b);
            }
            for (size_t i = n; i < LONGEST + GUARD; i++) assert_int_equal(words[i], guard);
        }
    }
    bso_kernel = before;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
