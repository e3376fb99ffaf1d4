/* idx.c: fuzzes the reader of IDX files, plain and compressed: images and labels of both splits. */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bso_fuzz_small(bso_small_find("idx"), 2, data, size);
    return 0;
}

void bso_fuzz_seeds(void)
{
    bso_fuzz_small_seeds(bso_small_find("idx"), 2);
}
