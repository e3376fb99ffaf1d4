/* record.c: settings and provenance as HDF5 attributes. See record.h.
 *
 * BSO_COMMIT ("1a2b3c4d5e6f", "-dirty" behind it where the working tree was changed) and BSO_FLAGS (the
 * compiler's) come from the build.
 */
#include "core/record.h"

#include "core/error.h"

#include <cblas.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zlib.h>

#ifndef BSO_COMMIT
#define BSO_COMMIT "unknown"
#endif
#ifndef BSO_FLAGS
#define BSO_FLAGS "unknown"
#endif
#if defined __clang__
#define COMPILER "clang " __clang_version__
#elif defined __GNUC__
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown"
#endif

static const char config[] = "/config", provenance[] = "/provenance";

void bso_record_settings(bso_h5_writer *w, const bso_settings *s)
{
    bso_h5_group(w, config);
    for (const bso_key *k = bso_keys; k->name; k++) {
        const void *value = (const char *)s + k->offset;
        switch (k->type) {
        case BSO_KEY_TEXT:
        case BSO_KEY_WORD:
            bso_h5_put_text(w, config, k->name, value);
            break;
        case BSO_KEY_INTEGER:
            bso_h5_put_integer(w, config, k->name, *(const int64_t *)value);
            break;
        case BSO_KEY_SEED:
            bso_h5_put_unsigned(w, config, k->name, *(const uint64_t *)value);
            break;
        case BSO_KEY_NUMBER:
            bso_h5_put_number(w, config, k->name, *(const double *)value);
            break;
        case BSO_KEY_SWITCH:
            bso_h5_put_integer(w, config, k->name, *(const bool *)value);
            break;
        }
    }
    const bso_optimizer *rule = bso_optimizer_find(s->optimizer);
    bso_h5_check(w, rule, "the settings: no such optimizer");
    if (!rule) return;
    double values[BSO_HYPER_MAX];
    bso_settings_hypers(s, rule, values);
    for (int i = 0; rule->hypers[i].name; i++) bso_h5_put_number(w, config, rule->hypers[i].name, values[i]);
}

/* The attribute as the text that bso_settings_set takes. */
static int attribute_text(const bso_h5_reader *r, const char *name, bso_key_type type, char *text,
                          size_t size)
{
    switch (type) {
    case BSO_KEY_TEXT:
    case BSO_KEY_WORD:
        return bso_h5_get_text(r, config, name, text, size);
    case BSO_KEY_INTEGER:
    case BSO_KEY_SWITCH: {
        int64_t x;
        if (bso_h5_get_integer(r, config, name, INT64_MIN, INT64_MAX, &x)) return BSO_ERROR;
        snprintf(text, size, "%" PRId64, x);
        return 0;
    }
    case BSO_KEY_SEED: {
        uint64_t x;
        if (bso_h5_get_unsigned(r, config, name, &x)) return BSO_ERROR;
        snprintf(text, size, "%" PRIu64, x);
        return 0;
    }
    case BSO_KEY_NUMBER: {
        double x;
        if (bso_h5_get_number(r, config, name, &x)) return BSO_ERROR;
        snprintf(text, size, "%.17g", x);
        return 0;
    }
    }
    return bso_fail("%s: key of unknown type", name);
}

static int read_key(const bso_h5_reader *r, bso_settings *s, const char *name, bso_key_type type)
{
    char text[BSO_TEXT];
    if (attribute_text(r, name, type, text, sizeof text)) return BSO_ERROR;
    if (bso_settings_set(s, name, text)) return bso_fail_context("%s: %s", r->path, config);
    return 0;
}

int bso_record_settings_read(const bso_h5_reader *r, bso_settings *s)
{
    bso_settings_default(s);
    for (const bso_key *k = bso_keys; k->name; k++) {
        if (k->identity == BSO_IDENTITY_LATER && !bso_h5_has_attribute(r, config, k->name)) continue;
        if (read_key(r, s, k->name, k->type)) return BSO_ERROR;
    }
    const bso_optimizer *rule = bso_optimizer_find(s->optimizer);
    if (!rule) return bso_fail_context("%s: %s", r->path, config);
    for (int i = 0; rule->hypers[i].name; i++) {
        if (read_key(r, s, rule->hypers[i].name, BSO_KEY_NUMBER)) return BSO_ERROR;
    }
    if (bso_settings_check(s)) return bso_fail_context("%s: %s", r->path, config);
    return 0;
}

const char *bso_record_commit(void)
{
    return BSO_COMMIT;
}

void bso_record_cpu(char *text, size_t size)
{
    struct utsname system;
    snprintf(text, size, "%s", uname(&system) == 0 ? system.machine : "unknown");
    FILE *f = fopen("/proc/cpuinfo", "r");
    if (!f) return;
    char line[256];
    while (fgets(line, sizeof line, f)) {
        char *colon = strstr(line, ": ");
        if (strncmp(line, "model name", 10) == 0 && colon) {
            colon[strcspn(colon, "\n")] = '\0';
            snprintf(text, size, "%s", colon + 2);
            break;
        }
    }
    fclose(f);
}

void bso_record_provenance(bso_h5_writer *w, const bso_run *run, const char *command)
{
    static const char commit[] = BSO_COMMIT;
    char text[256];
    const char *dirty = strstr(commit, "-dirty");
    bso_h5_group(w, provenance);
    snprintf(text, sizeof text, "%.*s", (int)strcspn(commit, "-"), commit);
    bso_h5_put_text(w, provenance, "commit", text);
    bso_h5_put_integer(w, provenance, "dirty", dirty != NULL);
    bso_h5_put_text(w, provenance, "compiler", COMPILER);
    bso_h5_put_text(w, provenance, "flags", BSO_FLAGS);
    bso_record_cpu(text, sizeof text);
    bso_h5_put_text(w, provenance, "cpu", text);
    bso_h5_put_integer(w, provenance, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
    bso_h5_put_text(w, provenance, "kernel_path", run->kernel_path);
    bso_h5_put_integer(w, provenance, "threads", run->threads);
    bso_h5_put_integer(w, provenance, "continued", run->continued);
    bso_h5_put_text(w, provenance, "kernel_change", run->kernel_change);
    struct utsname system;
    if (uname(&system) == 0) {
        snprintf(text, sizeof text, "%.100s %.100s", system.sysname, system.release);
    } else {
        snprintf(text, sizeof text, "unknown");
    }
    bso_h5_put_text(w, provenance, "system", text);
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    snprintf(text, sizeof text, "%u.%u.%u", major, minor, release);
    bso_h5_put_text(w, provenance, "hdf5", text);
    bso_h5_put_text(w, provenance, "openblas", openblas_get_config());
    bso_h5_put_text(w, provenance, "zlib", zlibVersion());
    bso_h5_put_unsigned(w, provenance, "seed", run->settings.seed);
    bso_h5_put_text(w, provenance, "started", run->started);
    bso_h5_put_text(w, provenance, "ended", run->ended);
    char line[16 * 1024]; /* HDF5 refuses attributes of 64 KiB */
    snprintf(line, sizeof line, "%s", command ? command : "");
    bso_h5_put_text(w, provenance, "command", line);
}
