/* parameters.c: fuzzes the reader of parameter files (`init=FILE`), for a network with one-bit and float
 * weights, batch norm and running statistics. The input is the HDF5 file, without a checksum line (see
 * result.c).
 */
#include "tests/fuzz/fuzz.h"

#include "core/memory.h"
#include "core/store.h"

#include <stdio.h>

static bso_network *make(void)
{
    bso_network *net = NULL;
    bso_settings s;
    bso_settings_default(&s);
    bso_fuzz_check(!bso_settings_set(&s, "network", "3C3-AP2-4C3-FC") &&
                       !bso_settings_set(&s, "batch", "2") && !bso_settings_check(&s) &&
                       !bso_network_create(&net, &s, 1, 4, 4, 1, 3, true),
                   "the network cannot be made");
    bso_network_init(net, 1);
    return net;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s", bso_files_at("parameters.h5"));
    bso_fuzz_put("parameters.h5", data, size);
    bso_fuzz_begin();
    bso_network *net = make();
    uint64_t before = bso_network_hash(net);
    if (bso_store_load(net, path)) {
        bso_fuzz_refused();
        bso_fuzz_check(bso_network_hash(net) == before, "refused, but weights have changed");
    }
    bso_network_free(net);
    bso_fuzz_end();
    return 0;
}

void bso_fuzz_seeds(void)
{
    bso_network *net = make();
    bso_fuzz_check(bso_store_save(net, bso_files_at("parameters.h5")) == 0, "no seed");
    bso_network_free(net);
    bso_fuzz_cut("parameters.h5", 36); /* the line with the checksum */
    bso_fuzz_seed_file("seed-parameters", -1, "parameters.h5");
}
