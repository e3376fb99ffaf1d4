/* nmnist.c: fuzzes the reader of N-MNIST's recordings. */
#include "tests/fuzz/events.h"

static const bso_fuzz_format format = {"a.bin", bso_events_n_mnist, bso_events_write_n_mnist,
                                       BSO_N_MNIST_SIDE, (1 << 23) - 1};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bso_fuzz_events(&format, data, size);
    return 0;
}

void bso_fuzz_seeds(void)
{
    static const char overflow[] = "\x01\x02\x81\x02\x03"
                                   "\x00\xf0\x00\x00\x00"
                                   "\x21\x21\x00\x00\x09";
    bso_small_find("n-mnist")->write();
    bso_fuzz_seed_file("seed-made", -1, bso_small_find("n-mnist")->files[0]);
    bso_fuzz_seed("seed-overflow", overflow, sizeof overflow - 1);
}
