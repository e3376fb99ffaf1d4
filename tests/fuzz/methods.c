/* methods.c: fuzzes the readers of the list of methods (input starts with an even byte) and of the list of
 * tuned settings (an odd byte).
 */
#include "tests/fuzz/fuzz.h"

#include "experiments/method.h"

#include <stdlib.h>
#include <string.h>

static const char *const files[] = {"methods.conf", "tuned.conf"};
static const char *const valid[] = {
    "methods = ( { name = \"a\"; label = \"A (x)\"; optimizer = \"tbso\"; gradient = \"ottt\"; },\n"
    "            { name = \"b\"; optimizer = \"adam_ste\"; neuron = \"sign\"; gradient = \"bptt\"; steps = "
    "1; } );\n",
    "protocol = \"p\";\ntuned = (\n    { method = \"a\"; trials = 16; validation = 74.44; lr = 4.19; gamma = "
    "5e-7; },\n"
    "    { method = \"b\"; lr = 1; weight_lr = 0.089; } );\n",
};

static void put(size_t i)
{
    bso_fuzz_put(files[i], (const uint8_t *)valid[i], strlen(valid[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t which = size ? data[0] % 2 : 0;
    put(1 - which);
    bso_fuzz_put(files[which], data + (size > 0), size - (size > 0));
    setenv("BSO_EXPERIMENTS", bso_files_root, 1);
    bso_methods m;
    bso_fuzz_begin();
    if (bso_methods_read(&m, NULL)) {
        bso_fuzz_refused();
    } else {
        bso_settings s;
        bso_settings_default(&s);
        bso_fuzz_check(m.count > 0, "no methods");
        bso_fuzz_check(bso_method_apply(&m.method[0], true, &s) == 0, "a method that cannot be set");
    }
    bso_methods_free(&m);
    bso_fuzz_end();
    return 0;
}

void bso_fuzz_seeds(void)
{
    for (int i = 0; i < 2; i++) {
        put((size_t)i);
        bso_fuzz_seed_file(i ? "seed-tuned" : "seed-methods", i, files[i]);
    }
}
