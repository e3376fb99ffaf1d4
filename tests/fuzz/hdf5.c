/* hdf5.c: fuzzes the import of own data, `dataset=hdf5:FILE`. */
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bso_fuzz_small(bso_small_find("hdf5"), 1, data, size);
    return 0;
}

void bso_fuzz_seeds(void)
{
    bso_fuzz_small_seeds(bso_small_find("hdf5"), 1);
}
