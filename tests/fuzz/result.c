/* result.c: fuzzes the reader of result files, and the question whether one is of given settings. The input
 * is the HDF5 file; with a checksum line behind it, as the program writes them, only an input that matches
 * it would reach HDF5, so there is none. */
#include "tests/fuzz/fuzz.h"

#include "core/result.h"
#include "tests/result_files.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[128], text[64], stopped[BSO_STOPPED];
    snprintf(path, sizeof path, "%s", bso_files_at("result.h5"));
    bso_fuzz_put("result.h5", data, size);
    bso_run run;
    bso_settings s;
    bso_settings_default(&s);
    bso_fuzz_begin();
    if (bso_result_read(path, &run)) bso_fuzz_refused();
    bso_run_free(&run);
    bso_fuzz_end();
    bso_fuzz_begin();
    if (bso_result_matches(path, &s, stopped) < 0) bso_fuzz_refused();
    if (bso_result_provenance(path, &(const char *){"commit"}, 1, text, sizeof text)) bso_fuzz_refused();
    bso_fuzz_end();
    return 0;
}

void bso_fuzz_seeds(void)
{
    for (int diverged = 0; diverged < 2; diverged++) {
        bso_run run;
        bso_results_make(&run, 1);
        if (diverged) bso_results_diverge(&run);
        bso_fuzz_check(bso_result_write(bso_files_at("result.h5"), &run, "bso run") == 0, "no seed");
        bso_run_free(&run);
        bso_fuzz_cut("result.h5", 36); /* the line with the checksum */
        bso_fuzz_seed_file(diverged ? "seed-diverged" : "seed-complete", -1, "result.h5");
    }
}
