/* checkpoint_file.c: see checkpoint_file.h. A block is its name, padded with zeros, its length, its bytes. */
#include "core/checkpoint_file.h"

#include "core/error.h"
#include "core/seal.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

static const char first_line[] = "bso-checkpoint 1\n";

enum { NAME = 64 };

typedef struct {
    char name[NAME];
    uint64_t bytes;
} heading;

/* Write, and add up what the seal says. */
static void put(bso_checkpoint_file *f, const void *bytes, size_t count)
{
    f->crc = (uint32_t)crc32_z(f->crc, bytes, count);
    f->length += count;
    bso_file_put(&f->out, bytes, count);
}

int bso_checkpoint_create(bso_checkpoint_file *f, const char *path)
{
    f->path = path;
    f->writing = true;
    f->failed = false;
    f->in = NULL;
    f->crc = 0;
    f->length = 0;
    f->shards = NULL;
    if (bso_file_open(&f->out, path)) return BSO_ERROR;
    put(f, first_line, strlen(first_line));
    return 0;
}

static bool begins_so(FILE *f)
{
    char line[sizeof first_line] = "";
    return fread(line, 1, strlen(first_line), f) == strlen(first_line) && strcmp(line, first_line) == 0;
}

bool bso_checkpoint_is(const char *path)
{
    FILE *f = fopen(path, "rbe");
    const bool is = f && begins_so(f);
    if (f) fclose(f);
    return is;
}

int bso_checkpoint_open(bso_checkpoint_file *f, const char *path)
{
    f->path = path;
    f->writing = f->failed = false;
    f->shards = NULL;
    if (bso_seal_check(path, true)) return BSO_ERROR;
    f->in = fopen(path, "rbe");
    if (!f->in) return bso_fail("%s: cannot be read: %s", path, strerror(errno));
    if (begins_so(f->in)) return 0;
    fclose(f->in);
    return bso_fail("%s: not a checkpoint of this version", path);
}

static heading heading_of(const char *name, size_t bytes)
{
    heading h = {.bytes = bytes};
    memcpy(h.name, name, strnlen(name, NAME - 1));
    return h;
}

void bso_checkpoint_block(bso_checkpoint_file *f, const char *name, void *data, size_t bytes)
{
    const heading wanted = heading_of(name, bytes);
    if (f->shards) {
        bso_shards_broadcast(f->shards, data, bytes);
        return;
    }
    if (f->writing) {
        put(f, &wanted, sizeof wanted);
        put(f, data, bytes);
        return;
    }
    heading found;
    if (f->failed) return;
    f->failed = fread(&found, sizeof found, 1, f->in) != 1 || memcmp(&found, &wanted, sizeof found) != 0 ||
                fread(data, 1, bytes, f->in) != bytes;
    if (f->failed) bso_fail("%s: not as it should be: it has no %s of %zu bytes", f->path, name, bytes);
}

static int end_reading(bso_checkpoint_file *f)
{
    char rest[BSO_SEAL + 1];
    if (!f->failed && fread(rest, 1, sizeof rest, f->in) != BSO_SEAL)
        f->failed = bso_fail("%s: not as it should be: there is more in it", f->path) != 0;
    fclose(f->in);
    return f->failed ? BSO_ERROR : 0;
}

int bso_checkpoint_close(bso_checkpoint_file *f, const char *previous)
{
    if (!f->writing) return end_reading(f);
    char seal[BSO_SEAL + 1];
    bso_seal_text(seal, f->crc, f->length);
    bso_file_put(&f->out, seal, BSO_SEAL);
    return bso_file_close(&f->out, previous);
}
