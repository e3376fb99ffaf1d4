/* sweep.c: fuzzes the reader of sweep files and their expansion into cells. */
#include "tests/fuzz/fuzz.h"

#include "experiments/sweep_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Methods that a cell may name, so that the repository's own do not matter. */
static void put_methods(void)
{
    static const char methods[] =
        "methods = ( { name = \"a\"; optimizer = \"tbso\"; }, { name = \"b\"; optimizer = \"adam\"; } );";
    bso_fuzz_put("methods.conf", (const uint8_t *)methods, strlen(methods));
    setenv("BSO_EXPERIMENTS", bso_files_root, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    if (!ready) put_methods();
    ready = true;
    bso_fuzz_put("sweep.conf", data, size);
    char path[128];
    snprintf(path, sizeof path, "%s", bso_files_at("sweep.conf"));
    bso_sweep sweep;
    bso_fuzz_begin();
    if (bso_sweep_read(&sweep, path)) {
        bso_fuzz_refused();
        bso_fuzz_check(!sweep.cells && !sweep.count, "refused, but there are cells");
    } else {
        bso_fuzz_check(sweep.count > 0 && sweep.count <= BSO_SWEEP_CELLS_MAX, "a sweep without cells");
    }
    bso_sweep_free(&sweep);
    bso_fuzz_end();
    return 0;
}

void bso_fuzz_seeds(void)
{
    static const char *const texts[] = {
        ("name = \"a\";\ntitle = \"A title\";\ncommon = { epochs = 3; seed = [1, 2]; lr = 0.05; shuffle = "
         "false; };\ncells = ( { label = \"T\"; steps = [1, 4]; gamma = (1e-6, \"2e-6\", 3); },\n"
         "  { optimizer = \"bso\"; seed = 7L; optional = true; } );\n"),
        ("# comment\nname = \"b\"; /* another */ cells = ( { method = [\"a\", \"b\"]; steps = 2; }, // "
         "third\n"
         "  { network = \"4C3-AP2-FC\"; neuron = \"sign\"; gradient = \"bptt\"; steps = 1; } );\n"),
        "name = \"c\" cells = ( { dataset = \"hdf5:/a\\\\b\\x20\"; batch = 0x10; cutout = -3; } );",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char name[32];
        snprintf(name, sizeof name, "seed-%zu", i);
        bso_fuzz_seed(name, texts[i], strlen(texts[i]));
    }
}
