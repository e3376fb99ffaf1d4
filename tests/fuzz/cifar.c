/* cifar.c: fuzzes the reader of CIFAR-10 and CIFAR-100, each of their files. */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bso_fuzz_small(bso_small_find("cifar"), 2, data, size);
    return 0;
}

void bso_fuzz_seeds(void)
{
    bso_fuzz_small_seeds(bso_small_find("cifar"), 2);
}
