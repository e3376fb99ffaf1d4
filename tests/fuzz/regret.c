/* regret.c: fuzzes the readers of `bso regret`'s files. The input is the HDF5 file without its checksum line
 * (see result.c), of either kind. */
#include "tests/fuzz/fuzz.h"

#include "core/memory.h"
#include "experiments/regret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[128];
    bso_regret_result r;
    bso_regret_box b;
    bso_regret_summary s;
    snprintf(path, sizeof path, "%s", bso_files_at("regret.h5"));
    bso_fuzz_put("regret.h5", data, size);
    bso_fuzz_begin();
    if (bso_regret_read(path, &r)) {
        bso_fuzz_refused();
    } else {
        bso_regret_summarize(&r, &s);
        bso_regret_result_free(&r);
    }
    if (bso_regret_box_read(path, &b)) {
        bso_fuzz_refused();
    } else {
        bso_free(b.gap);
    }
    bso_fuzz_end();
    return 0;
}

void bso_fuzz_seeds(void)
{
    double numbers[] = {1, 2, 0, 0};
    const bso_regret_box b = {.family = BSO_FAMILY_LOGISTIC,
                              .d = 8,
                              .seeds = 1,
                              .n = 2,
                              .seed = {1},
                              .k = {100, 1000},
                              .gap = numbers,
                              .error = numbers + 2};
    bso_regret_result r = {.family = BSO_FAMILY_LINEAR,
                           .d = 8,
                           .rounds = 50,
                           .rule = "bso",
                           .schedule = {BSO_READING_A, 0.1, 1, 1e-8},
                           .applies = true,
                           .seeds = 2,
                           .seed = {1, 2},
                           .started = "2026-01-02T03:04:05Z",
                           .ended = "2026-01-02T03:05:05Z"};
    r.checkpoints = bso_regret_checkpoints(r.rounds, r.k);
    bso_fuzz_check(bso_regret_result_alloc(&r) == 0, "no seed");
    bso_fuzz_check(bso_regret_write(bso_files_at("regret.h5"), &r, "bso regret") == 0, "no seed");
    bso_regret_result_free(&r);
    bso_fuzz_cut("regret.h5", 36); /* the line with the checksum */
    bso_fuzz_seed_file("seed-result", -1, "regret.h5");
    bso_fuzz_check(bso_regret_box_write(bso_files_at("regret.h5"), &b) == 0, "no seed");
    bso_fuzz_cut("regret.h5", 36);
    bso_fuzz_seed_file("seed-box", -1, "regret.h5");
}
