/* protocol.c: fuzzes the reader of protocols of tuning and comparing. */
#include "tests/fuzz/fuzz.h"

#include "experiments/protocol.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bso_fuzz_put("protocol.conf", data, size);
    char path[128];
    snprintf(path, sizeof path, "%s", bso_files_at("protocol.conf"));
    bso_protocol p;
    bso_fuzz_begin();
    if (bso_protocol_read(&p, path)) {
        bso_fuzz_refused();
    } else {
        bso_fuzz_check(p.seeds > 0 && p.seeds <= BSO_SEEDS_MAX && p.ranges <= BSO_RANGES_MAX,
                       "counts out of bounds");
        for (int i = 0; i < p.ranges; i++)
            bso_fuzz_check(p.range[i].low > 0 && p.range[i].low < p.range[i].high, "an empty range");
    }
    bso_fuzz_end();
    return 0;
}

void bso_fuzz_seeds(void)
{
    static const char text[] =
        "name = \"p\";\ntitle = \"Fashion-MNIST, T = 2\";\ncommon = { steps = 2; epochs = 5; };\n"
        "seeds = [1, 2, 3];\ntrials = 20; trial_seed = 101;\n"
        "ranges = { lr = [0.3, 30.0]; };\ntarget = 80.0;\n";
    bso_fuzz_seed("seed-all", text, strlen(text));
    bso_fuzz_seed("seed-least", "name=\"p\";common={};seeds=(9L,\"1\");", 34);
}
