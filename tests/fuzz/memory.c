/* memory.c: fuzzes the reader of the files of `bso memory`. The input is the HDF5 file without its line of
 * checksum, as in result.c. */
#include "tests/fuzz/fuzz.h"

#include "experiments/memory_results.h"

#include <stdio.h>
#include <string.h>

/* What was read can be asked anything. */
static void use(const bso_memory_file *f)
{
    bso_memory_fit fit;
    (void)bso_memory_growth(f);
    (void)bso_memory_bytes_per_weight(f);
    (void)bso_memory_gradient_per_weight(f);
    (void)bso_memory_class_of(f);
    (void)bso_memory_fit_of(f, &fit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s", bso_files_at("memory.h5"));
    bso_fuzz_put("memory.h5", data, size);
    bso_memory_file f;
    bso_fuzz_begin();
    if (bso_memory_read(path, &f)) {
        bso_fuzz_refused();
    } else {
        use(&f);
    }
    bso_memory_file_free(&f);
    bso_fuzz_end();
    return 0;
}

void bso_fuzz_seeds(void)
{
    bso_memory_file f = {.kind = "steps",
                         .method = "tbso",
                         .label = "T-BSO",
                         .optimizer = "tbso",
                         .gradient = "ottt",
                         .update = "realtime",
                         .network = "vgg11",
                         .shape = {3, 32, 32, 10},
                         .batch = 8,
                         .threads = 2,
                         .started = "now",
                         .ended = "then"};
    bso_fuzz_check(bso_memory_file_room(&f, 2, 1, 1, 1) == 0, "no seed");
    for (size_t i = 0; i < 2; i++) {
        bso_memory_point *p = &f.point[i];
        *p = (bso_memory_point){
            .steps = i + 1, .batch = 8, .main_weights = 64, .weight_bytes = 8, .state_bytes = 256};
        p->bytes[BSO_MEM_WEIGHTS_BITS] = f.layer[0].bytes[i][BSO_MEM_WEIGHTS_BITS] = 8;
        p->bytes[BSO_MEM_OPTIMIZER] = f.layer[0].bytes[i][BSO_MEM_OPTIMIZER] = 256 + 8 * i;
    }
    snprintf(f.layer[0].name, sizeof f.layer[0].name, "shared");
    f.measurement[0].steps = 1;
    f.model[0] =
        (bso_memory_model){.name = "m", .dataset = "d", .network = "n", .bytes = 1, .float_bytes = 32};
    bso_fuzz_check(bso_memory_write(bso_files_at("memory.h5"), &f, "bso memory") == 0, "no seed");
    bso_memory_file_free(&f);
    bso_fuzz_cut("memory.h5", 36); /* the line with the checksum */
    bso_fuzz_seed_file("seed", -1, "memory.h5");
}
