/* replay.c: a main for a fuzz target without libFuzzer: runs its seeds, its regressions (from the folder that
 * the project is in) and the files given, or in the folders given, once each. A crash, a hang or a broken
 * check ends it; the last name printed is the input's.
 */
#define _GNU_SOURCE
#include "tests/fuzz/fuzz.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t count;

static int run(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)place;
    if (kind != FTW_F || !S_ISREG(status->st_mode)) return 0;
    size_t size = (size_t)status->st_size;
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = malloc(size); /* exactly, so that AddressSanitizer sees a byte more */
    bso_fuzz_check(f && (bytes || !size) && fread(bytes, 1, size, f) == size, path);
    fclose(f);
    printf("%s, %zu bytes\n", path, size);
    fflush(stdout);
    LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    count++;
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status, (void)kind, (void)place;
    return remove(path);
}

int main(int argc, char **argv)
{
    LLVMFuzzerInitialize(&argc, &argv);
    char folder[] = "/tmp/bso-seeds-XXXXXX";
    bso_fuzz_check(mkdtemp(folder), folder);
    bso_fuzz_write_seeds(folder);
    nftw(folder, run, 8, FTW_PHYS);
    bso_fuzz_check(count > 0, "there are no seeds");
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    const char *target = strstr(argv[0], "replay_");
    bso_fuzz_check(target, "the program must be called replay_TARGET");
    char regressions[256];
    snprintf(regressions, sizeof regressions, "tests/fuzz/regressions/%s", target + strlen("replay_"));
    nftw(regressions, run, 8, FTW_PHYS);
    for (int i = 1; i < argc; i++) nftw(argv[i], run, 8, FTW_PHYS);
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    printf("%zu passed, 0 failed\n", count + 1);
    return 0;
}
