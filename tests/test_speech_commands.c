/* test_speech_commands.c: the data set Speech Commands on a tree made by hand, whose every sample is known,
 * on damaged ones, and on the spoken stand-in where espeak-ng is installed. Sound and spectrograms have their
 * own file.
 */
#include "core/dataset.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/stand_in.h"
#include "datasets/speech_audio.h"
#include "datasets/speech_mel.h"
#include "datasets/speech_words.h"
#include "tests/dataset_files.h"
#include "tests/wav_files.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { FILES = 6, FRAMES = 300, SIDE = 32, PIXELS = SIDE * SIDE };

/* Files of each word, in the order of their bytes; the split each is in. */
static const char *const names[FILES] = {"0a_nohash_0.wav", "a \"b\".wav",    "b\nc.WAV",
                                         "b_nohash_0.wav",  "c_nohash_0.wav", "d_nohash_0.wav"};
enum { TRAINING = 4, VALIDATION_FILE = 4, TEST_FILE = 5 };

static unsigned saying; /* which sound `voice` makes */

static double voice(size_t frame, unsigned channel)
{
    (void)channel;
    return (double)bso_random_below(saying, BSO_RANDOM_TEST, 5, frame, 65536) / 32768 - 1;
}

static double split_tones(size_t frame, unsigned channel)
{
    /* 20 s: 500 Hz for training, 2 kHz for validation, 6 kHz for testing; and noise, so that no two places
     * are alike. */
    double hertz = frame < 16 * 16000 ? 500 : frame < 18 * 16000 ? 2000 : 6000;
    return 0.5 * sin(2 * 3.14159265358979323846 * hertz * (double)frame / 16000) +
           0.01 * bso_random_uniform(99, BSO_RANDOM_TEST, channel, frame);
}

static const char *in(const char *folder, const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s%s", folder, name);
    return path;
}

static void put_text(const char *name, const char *text)
{
    bso_files_put(name, (const uint8_t *)text, strlen(text));
}

static void put_list(const char *name, const bso_speech_version *v, int file, const char *end)
{
    char text[4096] = "";
    for (size_t w = v->words; w-- > 0;) /* in no particular order */
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s/%s%s", v->word[w], names[file], end);
    put_text(name, text);
}

static void put_tree(const char *folder, const bso_speech_version *v)
{
    bso_wav w = {1, 1, 16000, 16, FRAMES, voice};
    if (*folder) assert_int_equal(mkdir(bso_files_at(folder), 0777), 0);
    for (size_t c = 0; c < v->words; c++) {
        char word[64], path[128];
        snprintf(word, sizeof word, "%s%s", folder, v->word[c]);
        assert_int_equal(mkdir(bso_files_at(word), 0777), 0);
        for (unsigned f = 0; f < FILES; f++) {
            saying = (unsigned)c * FILES + f;
            snprintf(path, sizeof path, "%s/%s", word, names[f]);
            bso_wav_put(path, &w);
        }
    }
    assert_int_equal(mkdir(bso_files_at(in(folder, "_background_noise_")), 0777), 0);
    bso_wav_put(in(folder, "_background_noise_/tones.wav"),
                &(bso_wav){1, 1, 16000, 16, 20 * 16000, split_tones});
    put_text(in(folder, "_background_noise_/README.md"), "not a recording");
    put_text(in(folder, "LICENSE"), "not a folder");
    put_list(in(folder, "validation_list.txt"), v, VALIDATION_FILE, "\n");
    put_list(in(folder, "testing_list.txt"), v, TEST_FILE, "\r\n");
}

static bso_settings settings(const char *dataset)
{
    bso_settings s;
    bso_settings_default(&s);
    assert_int_equal(bso_settings_set(&s, "dataset", dataset), 0);
    assert_int_equal(bso_settings_set(&s, "data_dir", bso_files_root), 0);
    assert_int_equal(bso_settings_set(&s, "cache", "off"), 0);
    return s;
}

static void set(bso_settings *s, const char *key, const char *value)
{
    if (bso_settings_set(s, key, value)) fail_msg("%s", bso_error());
}

static void open_good(bso_dataset *d, const bso_settings *s)
{
    if (bso_dataset_open(d, s)) fail_msg("%s", bso_error());
}

static void close_all(bso_dataset *d)
{
    bso_dataset_close(d);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static void refused(const bso_settings *s, const char *named, const char *reason)
{
    bso_dataset d;
    assert_int_equal(bso_dataset_open(&d, s), BSO_ERROR);
    if (!strstr(bso_error(), named) || !strstr(bso_error(), reason) || strchr(bso_error(), '\n'))
        fail_msg("'%s' should say '%s' and '%s'", bso_error(), named, reason);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

/* The picture of a file, by its number in the whole tree. */
static void draw(const bso_mel *m, unsigned number, float *out)
{
    static float sound[BSO_AUDIO_SAMPLES];
    memset(sound, 0, sizeof sound);
    saying = number;
    for (size_t i = 0; i < FRAMES; i++) sound[i] = (float)voice(i, 0);
    bso_mel_picture(m, sound, out);
}

static void shows(const bso_dataset *d, const bso_mel *m, bso_split split, size_t index, unsigned number,
                  int label)
{
    float seen[PIXELS], expected[PIXELS];
    assert_int_equal(d->fetch(d, split, index, NULL, seen), 0);
    draw(m, number, expected);
    assert_memory_equal(seen, expected, sizeof seen);
    assert_int_equal(d->label(d, split, index), label);
}

static void check_all_words(const bso_settings *s, const bso_speech_version *v)
{
    bso_dataset d;
    bso_mel *m = bso_mel_create(SIDE);
    open_good(&d, s);
    assert_string_equal(d.name, v->shown);
    assert_int_equal(d.classes, v->words);
    for (size_t c = 0; c < v->words; c++) assert_string_equal(d.class_names[c], v->word[c]);
    assert_int_equal(d.frames * d.channels, 1);
    assert_int_equal(d.height, SIDE);
    assert_int_equal(d.width, SIDE);
    assert_true(d.stated && d.mean[0] == 0.5f && d.deviation[0] == 0.5f);
    assert_int_equal(d.train_count, v->words * (TRAINING + 1));
    assert_int_equal(d.validation_count, v->words);
    assert_int_equal(d.test_count, v->words);
    for (unsigned c = 0; c < v->words; c++) {
        for (unsigned f = 0; f < TRAINING; f++)
            shows(&d, m, BSO_SPLIT_TRAIN, c * TRAINING + f, c * FILES + f, (int)c);
        shows(&d, m, BSO_SPLIT_TRAIN, v->words * TRAINING + c, c * FILES + VALIDATION_FILE, (int)c);
        shows(&d, m, BSO_SPLIT_TEST, c, c * FILES + TEST_FILE, (int)c);
    }
    bso_mel_free(m);
    close_all(&d);
}

/* With a validation split asked for, of whatever size, it is the official one; without, its recordings are
 * trained on. */
static void test_official_validation(void **state)
{
    (void)state;
    put_tree("speech-commands-v2/", &bso_speech_v2);
    bso_settings s = settings("speech-commands-v2");
    for (int on = 0; on < 2; on++) {
        s.validation = on ? 0.3 : 0;
        bso_loader l;
        if (bso_loader_open(&l, &s)) fail_msg("%s", bso_error());
        size_t official = l.data.validation_count, first = l.data.train_count - official;
        assert_int_equal(l.count[BSO_SPLIT_VALIDATION], on ? official : 0);
        assert_int_equal(l.count[BSO_SPLIT_TRAIN], on ? first : l.data.train_count);
        for (size_t i = 0; i < l.count[BSO_SPLIT_VALIDATION]; i++)
            assert_in_range(bso_loader_index(&l, BSO_SPLIT_VALIDATION, i), first, l.data.train_count - 1);
        for (size_t i = 0; on && i < l.count[BSO_SPLIT_TRAIN]; i++)
            assert_in_range(bso_loader_index(&l, BSO_SPLIT_TRAIN, i), 0, first - 1);
        bso_loader_close(&l);
    }
}

static void test_versions(void **state)
{
    (void)state;
    put_tree("speech-commands-v1/", &bso_speech_v1);
    put_tree("speech_commands_v0.02/", &bso_speech_v2);
    bso_settings one = settings("speech-commands-v1"), two = settings("speech-commands-v2");
    check_all_words(&one, &bso_speech_v1);
    check_all_words(&two, &bso_speech_v2);
    set(&two, "cache", bso_files_at(".cache"));
    check_all_words(&two, &bso_speech_v2);
    check_all_words(&two, &bso_speech_v2);
    const bso_dataset_format *format = bso_dataset_format_find("speech-commands-v2");
    char folder[BSO_PATH];
    assert_int_equal(format->find(folder, &two), 0);
    assert_string_equal(folder, bso_files_at("speech_commands_v0.02"));
    assert_int_equal(format->check_file(bso_files_at("speech_commands_v0.02/yes/0a_nohash_0.wav")), 0);
    assert_int_equal(format->check_file(bso_files_at("speech_commands_v0.02/testing_list.txt")), BSO_ERROR);
    /* The folder itself; and that of the other version. */
    set(&two, "data_dir", bso_files_at("speech_commands_v0.02"));
    check_all_words(&two, &bso_speech_v2);
    set(&one, "data_dir", bso_files_at("speech_commands_v0.02"));
    refused(&one, "speech_commands_v0.02", "folder backward is none of the 30 words");
    set(&two, "data_dir", bso_files_at("speech-commands-v1"));
    refused(&two, "speech-commands-v1", "no folder backward, one of the 35 words");
    set(&two, "data_dir", "/nowhere");
    refused(&two, "/nowhere/speech-commands-v2", "testing_list.txt");
    put_text("speech-commands-v1/STAND-IN", "something else\n");
    set(&one, "data_dir", bso_files_root);
    bso_dataset d;
    open_good(&d, &one);
    assert_string_equal(d.name, "something else");
    close_all(&d);
}

static void test_sizes_and_subsets(void **state)
{
    (void)state;
    put_tree("", &bso_speech_v2);
    bso_settings s = settings("speech-commands-v2");
    bso_dataset d;
    set(&s, "image_size", "20");
    set(&s, "subset_classes", "3");
    set(&s, "subset_per_class", "5");
    open_good(&d, &s);
    assert_int_equal(d.train_count, 15);
    assert_int_equal(d.validation_count, 3);
    assert_int_equal(d.test_count, 0); /* the sixth file is of the test split; the loader refuses that */
    close_all(&d);
    set(&s, "subset_per_class", "6");
    open_good(&d, &s);
    assert_int_equal(d.classes, 3);
    assert_int_equal(d.height * d.width, 400);
    assert_int_equal(d.train_count, 15);
    assert_int_equal(d.validation_count, 3);
    assert_int_equal(d.test_count, 3);
    close_all(&d);
    set(&s, "subset_classes", "36");
    open_good(&d, &s);
    assert_int_equal(d.classes, 35);
    close_all(&d);
    set(&s, "image_size", "127");
    refused(&s, "image_size", "127");
    set(&s, "image_size", "7");
    refused(&s, "image_size", "7");
}

/* ---- twelve classes ---- */

/* The numbers of the files behind the unknown words, split by split. */
static size_t unknown_files(const bso_dataset *d, const bso_mel *m, unsigned *found)
{
    size_t n = 0;
    float seen[PIXELS], drawn[PIXELS];
    for (int test = 0; test < 2; test++) {
        bso_split split = test ? BSO_SPLIT_TEST : BSO_SPLIT_TRAIN;
        size_t count = test ? d->test_count : d->train_count;
        for (size_t i = 0; i < count; i++) {
            if (d->label(d, split, i) != 10) continue;
            d->fetch(d, split, i, NULL, seen);
            unsigned number = 0;
            for (; number < 35 * FILES; number++) {
                draw(m, number, drawn);
                if (memcmp(seen, drawn, sizeof seen) == 0) break;
            }
            unsigned file = number % FILES;
            bool validation = !test && i >= count - d->validation_count;
            assert_true(number < 35 * FILES);
            assert_true(test ? file == TEST_FILE : validation ? file == VALIDATION_FILE : file < TRAINING);
            for (size_t k = 0; k < n; k++) assert_true(found[k] != number);
            found[n++] = number;
        }
    }
    return n;
}

static int loudest_band(const float *picture)
{
    int band = 0;
    for (int b = 0; b < SIDE; b++) {
        if (picture[b * SIDE + SIDE / 2] > picture[band * SIDE + SIDE / 2]) band = b;
    }
    return band;
}

static void test_twelve(void **state)
{
    (void)state;
    static const char *const words[] = {"yes",   "no", "up",  "down", "left",
                                        "right", "on", "off", "stop", "go"};
    put_tree("", &bso_speech_v2);
    bso_settings s = settings("speech-commands-v2");
    set(&s, "speech_classes", "12");
    bso_dataset d;
    bso_mel *m = bso_mel_create(SIDE);
    open_good(&d, &s);
    assert_int_equal(d.classes, 12);
    for (size_t w = 0; w < 10; w++) assert_string_equal(d.class_names[w], words[w]);
    assert_string_equal(d.class_names[10], "unknown");
    assert_string_equal(d.class_names[11], "silence");
    /* 10 words; unknown and silence are a tenth of these, rounded up, in each split. */
    assert_int_equal(d.train_count, 40 + 4 + 4 + 10 + 1 + 1);
    assert_int_equal(d.validation_count, 12);
    assert_int_equal(d.test_count, 12);
    for (unsigned w = 0; w < 10; w++) {
        unsigned c = 0;
        while (strcmp(bso_speech_v2.word[c], words[w]) != 0) c++;
        for (unsigned f = 0; f < TRAINING; f++)
            shows(&d, m, BSO_SPLIT_TRAIN, w * TRAINING + f, c * FILES + f, (int)w);
        shows(&d, m, BSO_SPLIT_TRAIN, 48 + w, c * FILES + VALIDATION_FILE, (int)w);
        shows(&d, m, BSO_SPLIT_TEST, w, c * FILES + TEST_FILE, (int)w);
    }
    unsigned unknown[6], again[6];
    assert_int_equal(unknown_files(&d, m, unknown), 6);
    for (size_t k = 0; k < 6; k++) {
        for (size_t w = 0; w < 10; w++)
            assert_string_not_equal(bso_speech_v2.word[unknown[k] / FILES], words[w]);
    }
    /* Silence of each split is from its own part of the recording, and no two of it are the same. */
    float silence[6][PIXELS];
    for (size_t k = 0; k < 6; k++) {
        bso_split split = k == 5 ? BSO_SPLIT_TEST : BSO_SPLIT_TRAIN;
        size_t index = k == 5 ? 11 : k == 4 ? 59 : 44 + k;
        assert_int_equal(d.label(&d, split, index), 11);
        d.fetch(&d, split, index, NULL, silence[k]);
        for (size_t j = 0; j < k; j++) assert_memory_not_equal(silence[j], silence[k], sizeof silence[k]);
        /* Corners are 1.371 mel apart; 500 Hz are 7.50 mel (4.47 + 1 corners), 2 kHz 25.08, 6 kHz 41.06. */
        assert_int_equal(loudest_band(silence[k]), k == 5 ? 29 : k == 4 ? 17 : 4);
    }
    bso_dataset_close(&d);

    float repeated[PIXELS];
    open_good(&d, &s);
    assert_int_equal(unknown_files(&d, m, again), 6);
    assert_memory_equal(unknown, again, sizeof again);
    d.fetch(&d, BSO_SPLIT_TEST, 11, NULL, repeated);
    assert_memory_equal(repeated, silence[5], sizeof repeated);
    bso_dataset_close(&d);
    set(&s, "split_seed", "2");
    open_good(&d, &s);
    assert_int_equal(unknown_files(&d, m, again), 6);
    assert_memory_not_equal(unknown, again, sizeof again);
    d.fetch(&d, BSO_SPLIT_TEST, 11, NULL, repeated);
    assert_memory_not_equal(repeated, silence[5], sizeof repeated);
    bso_mel_free(m);
    close_all(&d);
    assert_int_equal(remove(bso_files_at("yes/0a_nohash_0.wav")), 0);
    open_good(&d, &s);
    assert_int_equal(d.train_count, 39 + 4 + 4 + 12); /* a tenth of 39 is 4 */
    close_all(&d);
    saying = 33 * FILES;
    bso_wav_put("yes/0a_nohash_0.wav", &(bso_wav){1, 1, 16000, 16, FRAMES, voice});

    set(&s, "subset_classes", "2");
    refused(&s, "subset_classes", "speech_classes=12");
    set(&s, "subset_classes", "0");
    assert_int_equal(remove(bso_files_at("_background_noise_/tones.wav")), 0);
    refused(&s, "_background_noise_", "0 recordings");
    bso_files_put("_background_noise_/bad.wav", (const uint8_t *)"RIFF", 4);
    refused(&s, "_background_noise_/bad.wav", "not a WAV file");
    assert_int_equal(remove(bso_files_at("_background_noise_/bad.wav")), 0);
    assert_int_equal(remove(bso_files_at("_background_noise_/README.md")), 0);
    assert_int_equal(rmdir(bso_files_at("_background_noise_")), 0);
    refused(&s, "_background_noise_: No such file", "speech_classes=12");
    set(&s, "speech_classes", "all");
    check_all_words(&s, &bso_speech_v2);
}

/* ---- damage ---- */

static void test_lists(void **state)
{
    (void)state;
    put_tree("", &bso_speech_v2);
    bso_settings s = settings("speech-commands-v2");
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"", "names no files"},
        {"\n", "line 1 names ''"},
        {"yes/d_nohash_0.wav\n\nno/d_nohash_0.wav\n", "line 2 names ''"},
        {"yes/absent.wav\n", "line 1 names 'yes/absent.wav', which is no recording"},
        {"yes/d_nohash_0.wav\nyes\n", "line 2 names 'yes'"},
        {"yes/\n", "line 1 names 'yes/'"},
        {"/yes/d_nohash_0.wav\n", "line 1 names '/yes"},
        {"../v/yes/d_nohash_0.wav\n", "line 1 names '../v"},
        {"yes/../no/d_nohash_0.wav\n", "line 1 names 'yes/../no"},
        {"/etc/passwd\n", "line 1 names '/etc/passwd'"},
        {"_background_noise_/tones.wav\n", "line 1 names '_background"},
        {"yes/d_nohash_0.wav no/d_nohash_0.wav\n", "line 1 names 'yes/d"},
        {"yes/d_nohash_0.wav\nyes/d_nohash_0.wav\n",
         "line 2 names 'yes/d_nohash_0.wav', which is in the test list"},
        {"yes/c_nohash_0.wav\n", "which is in the validation list already"},
        {"yes/\001\033[2J.wav\n", "line 1 names"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        put_text("testing_list.txt", cases[k].text);
        refused(&s, "testing_list.txt", cases[k].reason);
    }
    char text[600];
    memset(text, 'x', sizeof text);
    bso_files_put("testing_list.txt", (uint8_t *)text, sizeof text);
    refused(&s, "testing_list.txt", "line 1 is too long");
    bso_files_put("testing_list.txt", (const uint8_t *)"yes/d_nohash_0.wav\0\nno", 22);
    refused(&s, "testing_list.txt", "line 1 is too long or holds a 0");
    assert_int_equal(remove(bso_files_at("testing_list.txt")), 0);
    refused(&s, "testing_list.txt", "No such file");
    assert_int_equal(mkdir(bso_files_at("testing_list.txt"), 0777), 0);
    refused(&s, "testing_list.txt", "no .wav files"); /* a folder is taken for a word's */
    assert_int_equal(rmdir(bso_files_at("testing_list.txt")), 0);
    assert_int_equal(mkfifo(bso_files_at("testing_list.txt"), 0600), 0);
    refused(&s, "testing_list.txt", "not a regular file");
    assert_int_equal(remove(bso_files_at("testing_list.txt")), 0);
    assert_int_equal(symlink("testing_list.txt", bso_files_at("testing_list.txt")), 0);
    refused(&s, "testing_list.txt", "Too many levels");
    assert_int_equal(remove(bso_files_at("testing_list.txt")), 0);
    /* The last line needs no end. */
    put_list("testing_list.txt", &bso_speech_v2, TEST_FILE, "\n");
    check_all_words(&s, &bso_speech_v2);
    assert_int_equal(truncate(bso_files_at("testing_list.txt"), (off_t)strlen("zero/d_nohash_0.wav")), 0);
    bso_dataset d;
    open_good(&d, &s);
    assert_int_equal(d.test_count, 1);
    assert_int_equal(d.label(&d, BSO_SPLIT_TEST, 0), 34);
    close_all(&d);
    assert_int_equal(remove(bso_files_at("validation_list.txt")), 0);
    refused(&s, "validation_list.txt", "No such file");
    assert_int_equal(remove(bso_files_at("testing_list.txt")), 0);
    refused(&s, bso_files_root, "no testing_list.txt");
}

static void test_trees(void **state)
{
    (void)state;
    put_tree("", &bso_speech_v1);
    bso_settings s = settings("speech-commands-v1");
    assert_int_equal(mkdir(bso_files_at("a\nnew 'word'"), 0777), 0);
    refused(&s, "a?new 'word'", "no .wav files");
    bso_wav w = {1, 1, 16000, 16, FRAMES, voice};
    bso_wav_put("a\nnew 'word'/x.wav", &w);
    refused(&s, bso_files_root, "folder a?new 'word' is none of the 30 words");
    assert_int_equal(remove(bso_files_at("a\nnew 'word'/x.wav")), 0);
    assert_int_equal(rmdir(bso_files_at("a\nnew 'word'")), 0);
    check_all_words(&s, &bso_speech_v1);

    assert_int_equal(symlink("loop.wav", bso_files_at("zero/loop.wav")), 0);
    refused(&s, "zero/loop.wav", "Too many levels");
    assert_int_equal(remove(bso_files_at("zero/loop.wav")), 0);
    assert_int_equal(mkdir(bso_files_at("zero/folder.wav"), 0777), 0);
    refused(&s, "zero/folder.wav", "not a regular file");
    assert_int_equal(rmdir(bso_files_at("zero/folder.wav")), 0);
    assert_int_equal(rename(bso_files_at("zero"), in(bso_files_root, "/.zero")), 0);
    refused(&s, bso_files_root, "no folder zero");
    assert_int_equal(symlink("zero", bso_files_at("zero")), 0);
    refused(&s, bso_files_root, "zero");
    assert_int_equal(remove(bso_files_at("zero")), 0);
    assert_int_equal(rename(bso_files_at(".zero"), in(bso_files_root, "/zero")), 0);
    check_all_words(&s, &bso_speech_v1);

    /* A recording cut short is named, wherever it is, and nothing of it is kept. */
    set(&s, "cache", bso_files_at(".cache"));
    for (size_t size = 0; size < BSO_WAV_HEADER + 2 * FRAMES; size += size < 2 ? 1 : size / 2) {
        bso_wav_put("zero/b\nc.WAV", &w);
        assert_int_equal(truncate(bso_files_at("zero/b\nc.WAV"), (off_t)size), 0);
        refused(&s, "zero/b?c.WAV", size < 12 ? "not a WAV file" : "truncated");
    }
    saying = 29 * FILES + 2;
    bso_wav_put("zero/b\nc.WAV", &w);
    check_all_words(&s, &bso_speech_v1);
}

/* Out of memory anywhere: one line, nothing held. */
static void test_memory(void **state)
{
    (void)state;
    put_tree("", &bso_speech_v1);
    bso_settings s = settings("speech-commands-v1");
    set(&s, "speech_classes", "12");
    size_t n = 1;
    for (;; n++) {
        bso_dataset d;
        bso_mem_fail_after(n);
        int rc = bso_dataset_open(&d, &s);
        bso_mem_fail_after(0);
        if (!rc) {
            bso_dataset_close(&d);
            break;
        }
        assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
    }
    assert_true(n > 15);
}

/* ---- the stand-in ---- */

static void read_text(const char *name, char *text, size_t room)
{
    FILE *f = fopen(bso_files_at(name), "rb");
    assert_non_null(f);
    text[fread(text, 1, room - 1, f)] = 0;
    fclose(f);
}

static bool speaks(const bso_stand_in *stand_in, const char *folder)
{
    if (bso_stand_in_make(stand_in, bso_files_at(folder), 3, 7) == 0) return true;
    if (!strstr(bso_error(), "no such program")) fail_msg("%s", bso_error());
    return false;
}

static void check_stand_in(const bso_speech_version *v, bool twice)
{
    char validation[4096], testing[4096], again[4096];
    const bso_stand_in *stand_in = bso_stand_in_find(v->folder);
    assert_non_null(stand_in);
    if (!speaks(stand_in, v->folder)) skip();
    bso_settings s = settings(v->folder);
    bso_dataset d;
    open_good(&d, &s);
    assert_string_equal(d.name, stand_in->shown);
    assert_int_equal(d.train_count, 2 * v->words);
    assert_int_equal(d.validation_count, v->words);
    assert_int_equal(d.test_count, v->words);
    uint32_t checksum = d.checksum;
    for (size_t i = 0; i < v->words; i++) {
        float picture[PIXELS];
        d.fetch(&d, BSO_SPLIT_TEST, i, NULL, picture);
        assert_int_equal(d.label(&d, BSO_SPLIT_TEST, i), i);
        double sum = 0;
        for (int p = 0; p < PIXELS; p++) sum += picture[p];
        assert_true(sum / PIXELS > 0.05 && sum / PIXELS < 0.95);
    }
    close_all(&d);

    char name[128];
    snprintf(name, sizeof name, "%s/validation_list.txt", v->folder);
    read_text(name, validation, sizeof validation);
    snprintf(name, sizeof name, "%s/testing_list.txt", v->folder);
    read_text(name, testing, sizeof testing);
    /* One speaker says all of the one, another all of the other. */
    char speaker[16], other[16];
    snprintf(speaker, sizeof speaker, "%.9s", strchr(validation, '/'));
    snprintf(other, sizeof other, "%.9s", strchr(testing, '/'));
    assert_string_not_equal(speaker, other);
    size_t lines = 0;
    for (const char *at = validation; (at = strstr(at, speaker)); at++) lines++;
    assert_int_equal(lines, v->words);
    assert_null(strstr(testing, speaker));

    assert_int_equal(bso_stand_in_make(stand_in, bso_files_at("few"), 2, 7), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "2 recordings"));

    if (!twice) return;
    /* The same bytes again, elsewhere. */
    char elsewhere[128];
    snprintf(elsewhere, sizeof elsewhere, "%s", bso_files_at("again"));
    assert_int_equal(mkdir(elsewhere, 0777), 0);
    snprintf(name, sizeof name, "again/%s", v->folder);
    assert_true(speaks(stand_in, name));
    set(&s, "data_dir", elsewhere);
    open_good(&d, &s);
    assert_int_equal(d.checksum, checksum);
    close_all(&d);
    snprintf(name, sizeof name, "again/%s/testing_list.txt", v->folder);
    read_text(name, again, sizeof again);
    assert_string_equal(testing, again);
}

static void test_stand_in_v1(void **state)
{
    (void)state;
    check_stand_in(&bso_speech_v1, true);
}

static void test_stand_in_v2(void **state)
{
    (void)state;
    check_stand_in(&bso_speech_v2, false);
}

/* Without the program, and with one that fails, the message says so and no folder is left. */
static void test_no_espeak(void **state)
{
    (void)state;
    const bso_stand_in *stand_in = bso_stand_in_find("speech-commands-v2");
    char *path = strdup(getenv("PATH"));
    setenv("PATH", bso_files_root, 1);
    assert_int_equal(bso_stand_in_make(stand_in, bso_files_at("made"), 3, 1), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "apt-get install espeak-ng"));
    assert_int_equal(access(bso_files_at("made"), F_OK), -1);
    static const char *const programs[][2] = {{"#!/bin/sh\nexit 1\n", "failed to say"},
                                              {"#!/bin/sh\nkill -9 $$\n", "failed to say"},
                                              {"#!/bin/sh\nexit 0\n", ".saying-"}};
    for (size_t k = 0; k < sizeof programs / sizeof *programs; k++) {
        put_text("espeak-ng", programs[k][0]);
        assert_int_equal(chmod(bso_files_at("espeak-ng"), 0700), 0);
        assert_int_equal(bso_stand_in_make(stand_in, bso_files_at("made"), 3, 1), BSO_ERROR);
        if (!strstr(bso_error(), programs[k][1])) fail_msg("%s", bso_error());
        assert_int_equal(access(bso_files_at("made"), F_OK), -1);
    }
    setenv("PATH", path, 1);
    free(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bso_files_setup, bso_files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_versions),    TEST(test_sizes_and_subsets),
        TEST(test_twelve),      TEST(test_lists),
        TEST(test_trees),       TEST(test_memory),
        TEST(test_stand_in_v1), TEST(test_stand_in_v2),
        TEST(test_no_espeak),   TEST(test_official_validation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
