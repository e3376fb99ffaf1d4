/* speech_commands.c: Google Speech Commands, versions 1 and 2 (Warden 2018), as mel spectrograms.
 *
 * One folder of WAV files for each word; validation_list.txt and testing_list.txt name the files of those
 * two splits, every other file is for training; _background_noise_ holds a few long recordings. Sound and
 * picture are made in speech_audio.c and speech_mel.c.
 *
 * speech_classes=12 is the task of Warden's example code: ten words, "unknown" made of the others and
 * "silence" made of the background, each a tenth as many as the words' samples of the split. Unlike there,
 * splits share no background sound.
 */
#define _GNU_SOURCE
#include "core/cache.h"
#include "core/dataset.h"
#include "core/error.h"
#include "core/folder.h"
#include "core/memory.h"
#include "core/random.h"
#include "datasets/speech_audio.h"
#include "datasets/speech_mel.h"
#include "datasets/speech_words.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum {
    SIDE = 32,
    LIST_BYTES_MAX = 16 << 20,
    NOISES_MAX = 64,
    WORDS = 10, /* of speech_classes=12 */
    UNKNOWN = WORDS,
    SILENCE,
    TWELVE
};

/* In the order of the samples: training, with the validation split at its end, then test. */
enum part { TRAIN, VALIDATION, TEST, PARTS };

static const char *const part_names[PARTS] = {"training", "validation", "test"};
static const char *const lists[PARTS] = {NULL, "validation_list.txt", "testing_list.txt"};

/* The first ten are words. */
static const char *const twelve[TWELVE] = {"yes", "no",  "up",   "down", "left",    "right",
                                           "on",  "off", "stop", "go",   "unknown", "silence"};

static const char *const endings[] = {".wav", NULL};

/* Shares of a background recording that the splits take their silence from. */
static const double background[PARTS][2] = {{0, 0.8}, {0.8, 0.9}, {0.9, 1}};

struct sample {
    uint64_t key;    /* drawn: the unknown words with the lowest are kept */
    uint32_t source; /* number of the file; of the cut, for silence */
    int32_t label;
    enum part part;
};

struct speech {
    const bso_settings *settings;
    bool twelve; /* speech_classes=12 */
    bso_listing files;
    size_t classes;         /* folders in use, the first so many */
    uint8_t *part;          /* [files.count] */
    struct sample *samples; /* [count] */
    size_t count, counts[PARTS];
    char (*noises)[256]; /* [noise_count] names in _background_noise_ */
    uint32_t noise_count;
    bso_mel *mel;
};

/* ---- the folder ---- */

static int find_folder(char *folder, const bso_settings *s, const bso_speech_version *v)
{
    static const char *const files[] = {"testing_list.txt", "validation_list.txt", NULL};
    if (bso_dataset_folder(folder, s->data_dir, v->folder, files, NULL, v->advice) == 0) return 0;
    if (bso_dataset_folder(folder, s->data_dir, v->unpacked, files, NULL, v->advice) == 0) return 0;
    return bso_dataset_folder(folder, s->data_dir, v->folder, files, NULL, v->advice);
}

/* The folders must be the words of the version, so that no data set goes by another's name. */
static int check_words(const bso_listing *files, const bso_speech_version *v)
{
    for (size_t w = 0, c = 0; w < v->words || c < files->classes; w++, c++) {
        const char *word = w < v->words ? v->word[w] : NULL;
        const char *there = c < files->classes ? bso_listing_class(files, c) : NULL;
        int order = !word ? 1 : !there ? -1 : strcmp(word, there);
        if (order < 0)
            return bso_fail("%s: no folder %s, one of the %zu words of %s", files->root, word, v->words,
                            v->shown);
        if (order > 0)
            return bso_fail("%s: folder %s is none of the %zu words of %s", files->root, there, v->words,
                            v->shown);
    }
    return 0;
}

/* ---- the lists ---- */

/* The number of a file by its line in a list, `word/file.wav`; files->count where there is none. What is in
 * the listing is below the folder, so a line cannot lead out of it. */
static size_t find_file(const bso_listing *files, const char *line)
{
    const char *slash = strchr(line, '/');
    size_t length = slash ? (size_t)(slash - line) : 0;
    for (size_t c = 0; slash && c < files->classes; c++) {
        const char *class = bso_listing_class(files, c);
        if (strlen(class) != length || memcmp(class, line, length) != 0) continue;
        size_t low = bso_listing_first(files, c), high = bso_listing_first(files, c + 1);
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            int order = strcmp(slash + 1, bso_listing_file(files, middle));
            if (order == 0) return middle;
            if (order < 0) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
    }
    return files->count;
}

static int read_lines(struct speech *p, FILE *list, const char *path, enum part part)
{
    char line[512];
    size_t number = 0, bytes = 0;
    while (fgets(line, sizeof line, list)) {
        size_t length = strlen(line);
        bytes += length + 1;
        number++;
        if (bytes > LIST_BYTES_MAX) return bso_fail("%s: more than %d bytes", path, LIST_BYTES_MAX);
        bool whole = length && line[length - 1] == '\n';
        if (!whole && !feof(list)) return bso_fail("%s: line %zu is too long or holds a 0", path, number);
        line[strcspn(line, "\r\n")] = 0;
        size_t file = find_file(&p->files, line);
        if (file == p->files.count)
            return bso_fail("%s: line %zu names '%.100s', which is no recording of the data set", path,
                            number, line);
        if (p->part[file] != TRAIN)
            return bso_fail("%s: line %zu names '%.100s', which is in the %s list already", path, number,
                            line, part_names[p->part[file]]);
        p->part[file] = (uint8_t)part;
    }
    if (ferror(list)) return bso_fail("%s: cannot be read to its end", path);
    if (!number) return bso_fail("%s: names no files", path);
    return 0;
}

static int read_list(struct speech *p, enum part part)
{
    char path[BSO_PATH];
    if (bso_file_path(path, p->files.root, lists[part])) return BSO_ERROR;
    struct stat status; /* opening a pipe would wait for its other end */
    if (stat(path, &status)) return bso_fail("%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode)) return bso_fail("%s: not a regular file", path);
    FILE *list = fopen(path, "rb");
    if (!list) return bso_fail("%s: %s", path, strerror(errno));
    int rc = read_lines(p, list, path, part);
    fclose(list);
    return rc;
}

/* ---- background recordings ---- */

static int is_recording(const struct dirent *e)
{
    size_t length = strlen(e->d_name);
    return *e->d_name != '.' && length > 4 && strcasecmp(e->d_name + length - 4, ".wav") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int noise_path(const struct speech *p, const char *name, char *path)
{
    int n = snprintf(path, BSO_PATH, "%s/" BSO_SPEECH_NOISE "%s%s", p->files.root, *name ? "/" : "", name);
    return n < 0 || n >= BSO_PATH ? bso_fail("%s: the path is too long", p->files.root) : 0;
}

static int list_noises(struct speech *p)
{
    char path[BSO_PATH];
    if (noise_path(p, "", path)) return BSO_ERROR;
    struct dirent **entries;
    int n = scandir(path, &entries, is_recording, by_name);
    if (n < 0) return bso_fail("%s: %s; speech_classes=12 makes silence of it", path, strerror(errno));
    if (n >= 1 && n <= NOISES_MAX) {
        p->noises = bso_alloc(BSO_MEM_DATASET, (size_t)n, sizeof *p->noises, "names of recordings");
        p->noise_count = (uint32_t)n;
    } else {
        bso_fail("%s: %d recordings, where there should be 1 to %d", path, n, NOISES_MAX);
    }
    for (int i = 0; i < n; i++) {
        if (p->noises) snprintf(p->noises[i], sizeof p->noises[i], "%s", entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return p->noises ? 0 : BSO_ERROR;
}

/* ---- which samples there are ---- */

static int word_label(const struct speech *p, const char *word, size_t class)
{
    if (!p->twelve) return (int)class;
    for (int w = 0; w < WORDS; w++) {
        if (strcmp(word, twelve[w]) == 0) return w;
    }
    return UNKNOWN;
}

static void add(struct speech *p, enum part part, uint32_t source, int label, uint32_t a, uint64_t b)
{
    bso_random4 r = bso_random(p->settings->split_seed, BSO_RANDOM_SPLIT, a, b);
    uint64_t key = (uint64_t)r.word[0] << 32 | r.word[1];
    p->samples[p->count++] = (struct sample){key, source, label, part};
    p->counts[part]++;
}

static int by_key(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->source < y->source ? -1 : 1;
}

static int by_part_and_class(const void *a, const void *b)
{
    const struct sample *x = a, *y = b;
    if (x->part != y->part) return x->part < y->part ? -1 : 1;
    if (x->label != y->label) return x->label - y->label;
    return x->source < y->source ? -1 : 1;
}

/* A tenth, rounded up. */
static size_t tenth(size_t words)
{
    return words / 10 + (words % 10 != 0);
}

/* Of the unknown words of each part keep so many, the first by key. */
static void thin_unknown(struct speech *p, const size_t quota[PARTS])
{
    size_t kept = 0, unknown[PARTS] = {0};
    qsort(p->samples, p->count, sizeof *p->samples, by_key);
    for (size_t i = 0; i < p->count; i++) {
        struct sample *x = &p->samples[i];
        if (x->label == UNKNOWN && unknown[x->part]++ >= quota[x->part]) {
            p->counts[x->part]--;
        } else {
            p->samples[kept++] = *x;
        }
    }
    p->count = kept;
}

static int choose_samples(struct speech *p)
{
    const bso_settings *s = p->settings;
    size_t room = p->files.count + p->files.count / 10 + PARTS, words[PARTS] = {0};
    p->samples = bso_alloc(BSO_MEM_DATASET, room, sizeof *p->samples, "the list of samples");
    if (!p->samples) return BSO_ERROR;
    p->classes = p->files.classes;
    if (s->subset_classes && (size_t)s->subset_classes < p->classes) p->classes = (size_t)s->subset_classes;
    for (size_t c = 0; c < p->classes; c++) {
        size_t first = bso_listing_first(&p->files, c), last = bso_listing_first(&p->files, c + 1);
        if (s->subset_per_class && (size_t)s->subset_per_class < last - first)
            last = first + (size_t)s->subset_per_class;
        int label = word_label(p, bso_listing_class(&p->files, c), c);
        for (size_t i = first; i < last; i++) {
            if (!p->twelve || label != UNKNOWN) words[p->part[i]]++;
            add(p, p->part[i], (uint32_t)i, label, (uint32_t)c, i - first);
        }
    }
    size_t quota[PARTS];
    uint32_t cut = 0;
    for (int part = 0; part < PARTS; part++) {
        quota[part] = p->twelve ? tenth(words[part]) : 0;
        for (size_t i = 0; i < quota[part]; i++, cut++) add(p, part, cut, SILENCE, (uint32_t)p->classes, cut);
    }
    if (p->twelve) thin_unknown(p, quota);
    qsort(p->samples, p->count, sizeof *p->samples, by_part_and_class);
    return 0;
}

/* ---- pictures ---- */

static int read_silence(const struct speech *p, const struct sample *x, float *sound)
{
    /* The classes are at most 35; a drawn number has its own place. */
    bso_random4 r = bso_random(p->settings->split_seed, BSO_RANDOM_SPLIT, UINT32_MAX, x->source);
    const char *name = p->noises[(uint64_t)r.word[0] * p->noise_count >> 32];
    bso_audio_cut cut = {background[x->part][0], background[x->part][1], r.word[1] * 0x1p-32};
    char path[BSO_PATH];
    return noise_path(p, name, path) ? BSO_ERROR : bso_audio_read(path, &cut, sound);
}

static int make(void *user, bso_split split, size_t index, float *out)
{
    const struct speech *p = user;
    if (split == BSO_SPLIT_TEST) index += p->counts[TRAIN] + p->counts[VALIDATION];
    const struct sample *x = &p->samples[index];
    float sound[BSO_AUDIO_SAMPLES];
    char path[BSO_PATH];
    if (p->twelve && x->label == SILENCE) {
        if (read_silence(p, x, sound)) return BSO_ERROR;
    } else if (bso_listing_path(&p->files, x->source, path) || bso_audio_read(path, NULL, sound)) {
        return BSO_ERROR;
    }
    bso_mel_picture(p->mel, sound, out);
    return 0;
}

static int make_key(const struct speech *p, bso_cache_key *k, const bso_speech_version *v)
{
    const bso_settings *s = p->settings;
    char path[BSO_PATH];
    bso_cache_key_start(k, v->folder, 1);
    bso_cache_key_integer(k, "image_size", s->image_size ? s->image_size : SIDE);
    bso_cache_key_text(k, "speech_classes", s->speech_classes);
    bso_cache_key_integer(k, "subset_classes", s->subset_classes);
    bso_cache_key_integer(k, "subset_per_class", s->subset_per_class);
    if (p->twelve) bso_cache_key_integer(k, "split_seed", (int64_t)s->split_seed);
    for (enum part part = VALIDATION; part < PARTS; part++) {
        if (bso_file_path(path, p->files.root, lists[part]) || bso_cache_key_file(k, path)) return BSO_ERROR;
    }
    for (size_t i = 0; i < p->count; i++) {
        if (p->twelve && p->samples[i].label == SILENCE) continue;
        if (bso_listing_path(&p->files, p->samples[i].source, path) || bso_cache_key_file(k, path))
            return BSO_ERROR;
    }
    for (uint32_t i = 0; i < p->noise_count; i++) {
        if (noise_path(p, p->noises[i], path) || bso_cache_key_file(k, path)) return BSO_ERROR;
    }
    return 0;
}

static int hold(struct speech *p, bso_dataset *d, const bso_speech_version *v)
{
    d->validation_count = p->counts[VALIDATION];
    d->train_count = p->counts[TRAIN] + p->counts[VALIDATION];
    d->test_count = p->counts[TEST];
    bso_cache_key key;
    if (make_key(p, &key, v)) return BSO_ERROR;
    int32_t *labels = bso_alloc(BSO_MEM_DATASET, p->count, sizeof *labels, "labels");
    if (!labels) return BSO_ERROR;
    for (size_t i = 0; i < p->count; i++) labels[i] = p->samples[i].label;
    const int32_t *const of_split[BSO_SPLITS] = {
        [BSO_SPLIT_TRAIN] = labels, [BSO_SPLIT_TEST] = labels + d->train_count};
    int rc = bso_cache_open(d, p->settings, &key, of_split, make, p);
    bso_free(labels);
    return rc;
}

static int open_parts(struct speech *p, bso_dataset *d, const bso_speech_version *v)
{
    const bso_settings *s = p->settings;
    if (p->twelve && s->subset_classes)
        return bso_fail("subset_classes: speech_classes=12 says which classes there are; leave it at 0");
    int side = s->image_size ? (int)s->image_size : SIDE;
    if (!(p->mel = bso_mel_create(side))) return BSO_ERROR;
    char folder[BSO_PATH];
    if (find_folder(folder, s, v) || bso_listing_open(&p->files, folder, endings, 0, 0) ||
        check_words(&p->files, v))
        return BSO_ERROR;
    p->part = bso_alloc(BSO_MEM_DATASET, p->files.count, 1, "the splits");
    if (!p->part || read_list(p, VALIDATION) || read_list(p, TEST)) return BSO_ERROR;
    if ((p->twelve && list_noises(p)) || choose_samples(p)) return BSO_ERROR;

    bso_dataset_call(d, v->shown, folder);
    d->classes = p->twelve ? TWELVE : (int)p->classes;
    if (bso_dataset_name_classes(d, p->twelve ? twelve : v->word)) return BSO_ERROR;
    d->frames = d->channels = 1;
    d->height = d->width = side;
    d->sorted = d->stated = true;
    d->mean[0] = d->deviation[0] = 0.5f;
    return hold(p, d, v);
}

static int open_version(bso_dataset *d, const bso_settings *s, const bso_speech_version *v)
{
    struct speech p = {.settings = s, .twelve = strcmp(s->speech_classes, "12") == 0};
    int rc = open_parts(&p, d, v);
    bso_listing_close(&p.files);
    bso_free(p.part);
    bso_free(p.samples);
    bso_free(p.noises);
    bso_mel_free(p.mel);
    return rc;
}

static int find_v1(char *folder, const bso_settings *s)
{
    return find_folder(folder, s, &bso_speech_v1);
}

static int find_v2(char *folder, const bso_settings *s)
{
    return find_folder(folder, s, &bso_speech_v2);
}

static int check_file(const char *path)
{
    float sound[BSO_AUDIO_SAMPLES];
    return bso_audio_read(path, NULL, sound);
}

static int open_v1(bso_dataset *d, const char *argument, const bso_settings *s)
{
    (void)argument;
    return open_version(d, s, &bso_speech_v1);
}

static int open_v2(bso_dataset *d, const char *argument, const bso_settings *s)
{
    (void)argument;
    return open_version(d, s, &bso_speech_v2);
}

static const char *const keys[] = {"image_size", "subset_classes", "subset_per_class", "speech_classes",
                                   NULL};

const bso_dataset_format bso_dataset_speech_commands_v1 = {
    .name = "speech-commands-v1",
    .summary = "spectrograms of spoken words, 30 classes or 12 (Warden 2018); speech-commands-v1 in data_dir",
    .keys = keys,
    .open = open_v1,
    .find = find_v1,
    .endings = endings,
    .check_file = check_file,
};

const bso_dataset_format bso_dataset_speech_commands_v2 = {
    .name = "speech-commands-v2",
    .summary = "spectrograms of spoken words, 35 classes or 12 (Warden 2018); speech-commands-v2 in data_dir",
    .keys = keys,
    .open = open_v2,
    .find = find_v2,
    .endings = endings,
    .check_file = check_file,
};
