/* fuzz.c: see fuzz.h. */
#include "tests/fuzz/fuzz.h"

#include "core/dataset.h"
#include "core/error.h"
#include "core/memory.h"

#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { INPUT_MAX = 1 << 20, SAMPLES = 64 };

static const char unset[] = "no message was recorded";
static const char *seeds; /* folder that seeds are being written to */
static int free_descriptor;

void bso_fuzz_check(bool ok, const char *what)
{
    if (ok) return;
    fprintf(stderr, "fuzz: %s; the last message is: %s\n", what, bso_error());
    abort();
}

/* ---- files ---- */

static void put_at(const char *path, const void *first, size_t first_size, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(first, 1, first_size, f) == first_size && fwrite(data, 1, size, f) == size;
    bso_fuzz_check(f && fclose(f) == 0 && ok, path);
}

void bso_fuzz_put(const char *name, const uint8_t *data, size_t size)
{
    put_at(bso_files_at(name), "", 0, data, size);
}

static uint8_t *get(const char *name, size_t *size)
{
    static uint8_t bytes[INPUT_MAX];
    FILE *f = fopen(bso_files_at(name), "rb");
    bso_fuzz_check(f, name);
    *size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    return bytes;
}

void bso_fuzz_cut(const char *name, size_t size)
{
    size_t there;
    get(name, &there);
    bso_fuzz_check(there > size && truncate(bso_files_at(name), (off_t)(there - size)) == 0, name);
}

/* The set and file of a number, counted over the files of `sets` sets. Returns how many there are. */
static size_t find_file(const bso_small_set *first, size_t sets, size_t number, const bso_small_set **set,
                        const char **file)
{
    size_t n = 0;
    for (size_t i = 0; i < sets; i++) {
        for (const char *const *f = first[i].files; *f; f++, n++) {
            if (n != number) continue;
            *set = &first[i];
            *file = *f;
        }
    }
    return n;
}

void bso_fuzz_small(const bso_small_set *first, size_t sets, const uint8_t *data, size_t size)
{
    static const char *last;
    static uint8_t *valid; /* what was in the file that the last input replaced */
    static size_t valid_size;
    const bso_small_set *set = NULL;
    const char *file = NULL;
    size_t count = find_file(first, sets, SIZE_MAX, &set, &file);
    find_file(first, sets, size ? data[0] % count : 0, &set, &file);
    if (!last) {
        for (size_t i = 0; i < sets; i++) first[i].write();
    } else if (last != file) {
        bso_fuzz_put(last, valid, valid_size);
    }
    if (last != file) {
        const uint8_t *bytes = get(file, &valid_size);
        valid = realloc(valid, valid_size + 1);
        bso_fuzz_check(valid, "memory is out");
        memcpy(valid, bytes, valid_size);
        last = file;
    }
    bso_fuzz_put(file, data + (size > 0), size - (size > 0));
    bso_settings s = bso_small_settings(set);
    bso_fuzz_dataset(&s);
}

/* ---- data sets ---- */

static bool decode(const bso_dataset *d, bso_split split, size_t count, float *x, size_t values)
{
    for (size_t i = 0; i < count && i < SAMPLES; i++) {
        int label = d->label(d, split, i);
        bso_fuzz_check(label >= 0 && label < d->classes, "a label is outside the classes");
        if (d->fetch(d, split, i, NULL, x)) return false;
        for (size_t k = 0; k < values; k++) bso_fuzz_check(isfinite(x[k]), "a value is not finite");
    }
    return true;
}

bool bso_fuzz_dataset(const bso_settings *s)
{
    bso_dataset d;
    bso_fuzz_begin();
    bool fine = bso_dataset_open(&d, s) == 0;
    if (fine) {
        bso_fuzz_check(d.train_count > 0 && d.test_count > 0 && d.classes > 1, "a data set without samples");
        bso_fuzz_check(d.frames > 0 && d.channels > 0 && d.height > 0 && d.width > 0, "an empty sample");
        size_t values = (size_t)d.frames * (size_t)d.channels * (size_t)d.height * (size_t)d.width;
        float *x = malloc(values * sizeof *x);
        bso_fuzz_check(x, "a sample is larger than memory");
        fine = decode(&d, BSO_SPLIT_TRAIN, d.train_count, x, values) &&
               decode(&d, BSO_SPLIT_TEST, d.test_count, x, values);
        free(x);
    }
    bso_dataset_close(&d);
    if (!fine) bso_fuzz_refused();
    bso_fuzz_end();
    return fine;
}

/* ---- checks ---- */

/* The lowest number that is free: it rises when a file stays open. */
static int lowest_descriptor(void)
{
    int number = dup(STDERR_FILENO);
    if (number >= 0) close(number);
    return number;
}

void bso_fuzz_begin(void)
{
    bso_fail("%s", unset);
    free_descriptor = lowest_descriptor();
}

void bso_fuzz_refused(void)
{
    const char *message = bso_error();
    bso_fuzz_check(strcmp(message, unset) != 0, "refused without a message");
    bso_fuzz_check(strstr(message, bso_files_root), "the message names no file");
    for (; *message; message++)
        bso_fuzz_check((unsigned char)*message >= ' ' && *message != 127, "the message is not one line");
    /* To look for an input of a kind. */
    const char *wanted = getenv("BSO_FUZZ_STOP");
    bso_fuzz_check(!wanted || !strstr(bso_error(), wanted), "the message is one of those asked for");
}

void bso_fuzz_end(void)
{
    bso_fuzz_check(bso_mem_current(BSO_MEM_CATEGORIES) == 0, "memory is still held");
    bso_fuzz_check(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL) == 0, "HDF5 objects are still open");
    bso_fuzz_check(lowest_descriptor() == free_descriptor, "a file is still open");
}

/* ---- for AddressSanitizer and LeakSanitizer ---- */

const char *__lsan_default_options(void);
const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);

/* What a library asks for on a damaged file's word is not there, as on other machines. */
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1:max_allocation_size_mb=1024:quarantine_size_mb=16";
}

const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}

/* HDF5's on damaged files (that ours leave no object open is checked above), and libconfig's of a text in
 * quotes that is the very token of a syntax error. */
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5_serial\nleak:strbuf_append\nleak:libconfig_yylex\n";
}

/* ---- seeds ---- */

static void put_seed(const char *name, const void *first, size_t first_size, const void *data, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", seeds, name);
    put_at(path, first, first_size, data, size);
}

void bso_fuzz_seed(const char *name, const void *data, size_t size)
{
    put_seed(name, "", 0, data, size);
}

void bso_fuzz_seed_file(const char *name, int first, const char *file)
{
    size_t size;
    const uint8_t *bytes = get(file, &size);
    const uint8_t byte = (uint8_t)first;
    put_seed(name, &byte, first >= 0, bytes, size);
}

void bso_fuzz_small_seeds(const bso_small_set *first, size_t sets)
{
    const bso_small_set *set = NULL;
    const char *file = NULL;
    size_t count = find_file(first, sets, SIZE_MAX, &set, &file);
    for (size_t i = 0; i < sets; i++) first[i].write();
    for (size_t i = 0; i < count; i++) {
        char name[256];
        find_file(first, sets, i, &set, &file);
        snprintf(name, sizeof name, "seed-%s", file);
        for (char *c = name; *c; c++) *c = *c == '/' ? '-' : *c;
        bso_fuzz_seed_file(name, (int)i, file);
    }
}

void bso_fuzz_write_seeds(const char *folder)
{
    seeds = folder;
    bso_fuzz_seeds();
}

/* ---- coverage of child processes ---- */

/* Where the compiler counts edges for libFuzzer, from and to; weak: nowhere, in other builds. */
extern uint8_t __start___sancov_cntrs[] __attribute__((weak)), __stop___sancov_cntrs[] __attribute__((weak));

/* Parsers that read in a process of their own (core/isolate.h) would count for themselves alone: let the
 * counters be memory that is shared with them. What lies on a page with something else stays as it is. */
static void share_counters(void)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)__start___sancov_cntrs + page - 1) / page * page,
              to = (uintptr_t)__stop___sancov_cntrs / page * page;
    if (!__start___sancov_cntrs || from >= to) return;
    const int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED;
    void *shared = mmap((void *)from, to - from, PROT_READ | PROT_WRITE, flags, -1, 0);
    bso_fuzz_check(shared == (void *)from, "the counters cannot be shared");
}

/* ---- the folder ---- */

static void remove_folder(void)
{
    bso_files_teardown(NULL);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    /* tools/fuzz.sh says where, and clears it after a crash. */
    const char *memory = getenv("BSO_FUZZ_MEMORY");
    if (!memory) memory = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
    snprintf(bso_files_root, sizeof bso_files_root, "%s/bso-fuzz-XXXXXX", memory);
    unsetenv("BSO_DATA_DIR");
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    bso_fuzz_check(mkdtemp(bso_files_root), "no folder can be made in memory");
    atexit(remove_folder);
    share_counters();
    if (*argc == 3 && strcmp((*argv)[1], "--seeds") == 0) {
        bso_fuzz_write_seeds((*argv)[2]);
        exit(0);
    }
    return 0;
}
