/* verify.c: see verify.h. What is under a name is complete, or damaged since; what a killed process left
 * beside it is counted, and does no harm. */
#define _GNU_SOURCE
#include "experiments/verify.h"

#include "core/file.h"
#include "core/hdf5_util.h"
#include "core/result.h"
#include "core/seal.h"
#include "experiments/program.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>

/* nftw has no argument of the caller's. */
static struct {
    size_t results, checkpoints, others, leftovers, damaged;
} seen;

static int read_format(const char *path, char *format, size_t size)
{
    bso_h5_reader r;
    int version;
    if (bso_seal_check(path, true) || bso_h5_open(&r, path)) return BSO_ERROR;
    bso_h5_format(&r, format, size, &version);
    bso_h5_close(&r);
    return 0;
}

static int verify_h5(const char *path)
{
    char format[64];
    bso_run run;
    if (read_format(path, format, sizeof format)) return BSO_ERROR;
    if (strcmp(format, "bso-result") != 0) {
        seen.others++;
        return 0;
    }
    seen.results++;
    const int code = bso_result_read(path, &run);
    bso_run_free(&run);
    return code;
}

static int visit(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    if (bso_stop_requested) return BSO_INTERRUPTED;
    if (type == FTW_DNR || type == FTW_NS) {
        bso_fail("%s: cannot be read", path);
    } else if (type != FTW_F) {
        return 0;
    } else if (strstr(path + where->base, ".tmp.")) {
        seen.leftovers++;
        return 0;
    } else if (bso_file_ends(path, ".h5")) {
        if (verify_h5(path) == 0) return 0;
    } else if (bso_file_ends(path, ".checkpoint") || bso_file_ends(path, ".checkpoint.previous")) {
        seen.checkpoints++;
        if (bso_seal_check(path, true) == 0) return 0;
    } else {
        return 0;
    }
    seen.damaged++;
    fprintf(stderr, "bso: %s\n", bso_error());
    return 0;
}

int bso_verify_tree(const char *folder)
{
    memset(&seen, 0, sizeof seen);
    const int code = nftw(folder, visit, 32, FTW_PHYS);
    if (code == BSO_INTERRUPTED) return code;
    if (code) return bso_fail("%s: cannot be read: %s", folder, strerror(errno));
    printf("%zu result%s, %zu checkpoint%s, %zu other HDF5 file%s: %zu damaged", seen.results,
           seen.results == 1 ? "" : "s", seen.checkpoints, seen.checkpoints == 1 ? "" : "s", seen.others,
           seen.others == 1 ? "" : "s", seen.damaged);
    if (seen.leftovers) printf("; %zu left unfinished by killed processes, which do no harm", seen.leftovers);
    printf("\n");
    return seen.damaged ? 1 : 0;
}
