/* seal.c: see seal.h. */
#include "core/seal.h"

#include "core/error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static const char mark[] = "bso-crc32 ";

void bso_seal_text(char text[BSO_SEAL + 1], uint32_t crc, uint64_t length)
{
    snprintf(text, BSO_SEAL + 1, "%s%08" PRIx32 " %016" PRIx64 "\n", mark, crc, length);
}

/* CRC-32 of the next `bytes` of a file; false where it ends or fails before. */
static bool sum(FILE *f, uint64_t bytes, uint32_t *crc)
{
    unsigned char buffer[64 * 1024];
    uLong so_far = 0;
    while (bytes > 0) {
        size_t n = bytes < sizeof buffer ? (size_t)bytes : sizeof buffer;
        if (fread(buffer, 1, n, f) != n) return false;
        so_far = crc32_z(so_far, buffer, n);
        bytes -= n;
    }
    *crc = (uint32_t)so_far;
    return true;
}

/* The length of an open file. */
static bool measure(FILE *f, uint64_t *bytes)
{
    off_t end = fseeko(f, 0, SEEK_END) == 0 ? ftello(f) : -1;
    *bytes = end < 0 ? 0 : (uint64_t)end;
    return end >= 0;
}

static int check(FILE *f, const char *path, bool needed)
{
    char found[BSO_SEAL + 1] = "", right[BSO_SEAL + 1];
    uint64_t bytes;
    uint32_t crc = 0;
    bool ok = measure(f, &bytes);
    if (ok && bytes >= BSO_SEAL)
        ok = fseeko(f, -BSO_SEAL, SEEK_END) == 0 && fread(found, 1, BSO_SEAL, f) == BSO_SEAL;
    if (ok && memcmp(found, mark, strlen(mark)) != 0)
        return needed ? bso_fail("%s: damaged: its checksum is missing", path) : 0;
    rewind(f);
    if (!ok || !sum(f, bytes - BSO_SEAL, &crc)) return bso_fail("%s: cannot be read to its end", path);
    bso_seal_text(right, crc, bytes - BSO_SEAL);
    if (memcmp(found, right, BSO_SEAL) == 0) return 0;
    return bso_fail("%s: damaged: it does not match its checksum; make it anew", path);
}

int bso_seal_check(const char *path, bool needed)
{
    FILE *f = fopen(path, "rb");
    if (!f) return bso_fail("%s: cannot be read: %s", path, strerror(errno));
    int rc = check(f, path, needed);
    fclose(f);
    return rc;
}

int bso_seal_sum(const char *path, uint32_t *crc)
{
    uint64_t bytes;
    FILE *f = fopen(path, "rb");
    bool ok = f && measure(f, &bytes);
    if (ok) rewind(f);
    ok = ok && sum(f, bytes, crc);
    if (f) fclose(f);
    return ok ? 0 : bso_fail("%s: cannot be read", path);
}

int bso_seal_put(const char *path)
{
    char text[BSO_SEAL + 1];
    uint64_t bytes;
    uint32_t crc;
    FILE *f = fopen(path, "r+b");
    if (!f) return bso_fail("%s: cannot be written: %s", path, strerror(errno));
    bool ok = measure(f, &bytes);
    rewind(f);
    ok = ok && sum(f, bytes, &crc) && fseeko(f, 0, SEEK_END) == 0;
    if (ok) {
        bso_seal_text(text, crc, bytes);
        ok = fwrite(text, 1, BSO_SEAL, f) == BSO_SEAL && fflush(f) == 0 && fsync(fileno(f)) == 0;
    }
    int cause = errno;
    if (fclose(f) && ok) {
        ok = false;
        cause = errno;
    }
    return ok ? 0 : bso_fail("%s: cannot be written: %s", path, strerror(cause));
}
