/* small_sets.c: see small_sets.h. */
#include "tests/small_sets.h"

#include "datasets/speech_words.h"
#include "tests/dataset_files.h"
#include "tests/photo_files.h"
#include "tests/wav_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LIST(...)  ((const char *const[]){__VA_ARGS__, NULL})
#define EDITS(...) ((const bso_small_edit[]){__VA_ARGS__, {.file = NULL}})

/* ---- IDX ---- */

enum { IDX_TRAIN = 12, IDX_TEST = 10, IDX_ROWS = 3, IDX_COLUMNS = 2 };

static void put_idx(const char *folder, const char *which, uint8_t count, const char *ending)
{
    char name[128];
    uint8_t images[16 + IDX_TRAIN * IDX_ROWS * IDX_COLUMNS] = {0, 0, 8, 3,        0, 0, 0, count,
                                                               0, 0, 0, IDX_ROWS, 0, 0, 0, IDX_COLUMNS};
    uint8_t labels[8 + IDX_TRAIN] = {0, 0, 8, 1, 0, 0, 0, count};
    size_t pixels = (size_t)count * IDX_ROWS * IDX_COLUMNS;
    for (size_t i = 0; i < pixels; i++) images[16 + i] = (uint8_t)(37 * i);
    for (int i = 0; i < count; i++) labels[8 + i] = (uint8_t)(i % 10);
    snprintf(name, sizeof name, "%s/%s-images-idx3-ubyte%s", folder, which, ending);
    bso_files_put(name, images, 16 + pixels);
    snprintf(name, sizeof name, "%s/%s-labels-idx1-ubyte%s", folder, which, ending);
    bso_files_put(name, labels, 8 + (size_t)count);
}

static void write_idx(const char *folder, const char *ending)
{
    mkdir(bso_files_at(folder), 0777);
    put_idx(folder, "train", IDX_TRAIN, ending);
    put_idx(folder, "t10k", IDX_TEST, ending);
}

static void write_mnist(void)
{
    write_idx("mnist", "");
}

static void write_kmnist(void)
{
    write_idx("kmnist", ".gz");
}

static void write_fashion_mnist(void)
{
    write_idx("fashion-mnist", "");
}

#define IDX_FILES(folder, ending)                                                                            \
    LIST(folder "/train-images-idx3-ubyte" ending, folder "/train-labels-idx1-ubyte" ending,                 \
         folder "/t10k-images-idx3-ubyte" ending, folder "/t10k-labels-idx1-ubyte" ending)

#define IDX_EDITS(folder, ending)                                                                            \
    EDITS({folder "/train-images-idx3-ubyte" ending, 2, 1, {9}, "magic"},                                    \
          {folder "/train-labels-idx1-ubyte" ending, 3, 1, {3}, "magic"},                                    \
          {folder "/t10k-labels-idx1-ubyte" ending, 8, 1, {10}, "label 10 of item 0"},                       \
          {folder "/train-labels-idx1-ubyte" ending, 8 + IDX_TRAIN - 1, 1, {255}, "label 255 of item 11"},   \
          {folder "/t10k-images-idx3-ubyte" ending, 4, 4, {0x7f, 0xff, 0xff, 0xff}, "truncated"},            \
          {folder "/t10k-images-idx3-ubyte" ending, 4, 4, {0xff, 0xff, 0xff, 0xff}, "dimension 1"},          \
          {folder "/t10k-images-idx3-ubyte" ending, 4, 4, {0, 0, 0, 0}, "dimension 1"},                      \
          {folder "/t10k-images-idx3-ubyte" ending,                                                          \
           8,                                                                                                \
           8,                                                                                                \
           {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},                                                 \
           "dimension 2"},                                                                                   \
          {folder "/train-images-idx3-ubyte" ending,                                                         \
           4,                                                                                                \
           12,                                                                                               \
           {0x7f, 0xff, 0xff, 0xff, 0, 0, 0x10, 0, 0, 0, 0x10},                                              \
           "truncated"})

/* ---- CIFAR ---- */

enum { RECORD = 3 * 32 * 32 };

static void put_record(const char *name, size_t labels, uint8_t label)
{
    uint8_t bytes[2 + RECORD] = {label, label};
    for (size_t i = 0; i < RECORD; i++) bytes[labels + i] = (uint8_t)(11 * i + label);
    bso_files_put(name, bytes, labels + RECORD);
}

static const char *const cifar10_files[] = {"cifar-10-batches-bin/data_batch_1.bin",
                                            "cifar-10-batches-bin/data_batch_2.bin",
                                            "cifar-10-batches-bin/data_batch_3.bin",
                                            "cifar-10-batches-bin/data_batch_4.bin",
                                            "cifar-10-batches-bin/data_batch_5.bin",
                                            "cifar-10-batches-bin/test_batch.bin",
                                            NULL};

static void write_cifar10(void)
{
    mkdir(bso_files_at("cifar-10-batches-bin"), 0777);
    for (int i = 0; cifar10_files[i]; i++) put_record(cifar10_files[i], 1, (uint8_t)i);
}

static void write_cifar100(void)
{
    mkdir(bso_files_at("cifar-100-binary"), 0777);
    put_record("cifar-100-binary/train.bin", 2, 19);
    put_record("cifar-100-binary/test.bin", 2, 0);
}

/* ---- HDF5 ---- */

static void write_hdf5(void)
{
    float x[5 * 4];
    for (int i = 0; i < 5 * 4; i++) x[i] = 0.5f * (float)i - 7;
    bso_files_put_hdf5((int[]){3, 2}, (int[]){0, 1, 2, 2}, x, (int[]){0, 1, 3, 2, 0}, 4);
}

/* ---- Speech Commands: a recording of each word for training, one of one word for each of the lists ---- */

enum { SPEECH_FRAMES = 60 };

static double speech_sample(size_t frame, unsigned channel)
{
    return (double)((frame * frame + channel) % 32) / 32 - 0.5;
}

static void put_speech(const char *folder, const char *word, const char *file)
{
    char name[128];
    snprintf(name, sizeof name, "%s/%s", folder, word);
    mkdir(bso_files_at(name), 0777);
    snprintf(name, sizeof name, "%s/%s/%s", folder, word, file);
    bso_wav_put(name, &(bso_wav){1, 1, 16000, 16, SPEECH_FRAMES, speech_sample});
}

static void put_speech_list(const char *folder, const char *file, const char *line)
{
    char name[128];
    snprintf(name, sizeof name, "%s/%s", folder, file);
    bso_files_put(name, (const uint8_t *)line, strlen(line));
}

static void write_speech(const bso_speech_version *v)
{
    mkdir(bso_files_at(v->folder), 0777);
    for (size_t w = 0; w < v->words; w++) put_speech(v->folder, v->word[w], "0a_nohash_0.wav");
    put_speech(v->folder, "yes", "1b_nohash_0.wav");
    put_speech(v->folder, "yes", "2c_nohash_0.wav");
    put_speech(v->folder, BSO_SPEECH_NOISE, "noise.wav");
    put_speech_list(v->folder, "validation_list.txt", "yes/1b_nohash_0.wav\n");
    put_speech_list(v->folder, "testing_list.txt", "yes/2c_nohash_0.wav\n");
}

static void write_speech_v1(void)
{
    write_speech(&bso_speech_v1);
}

static void write_speech_v2(void)
{
    write_speech(&bso_speech_v2);
}

/* ---- events ---- */

/* Three events in a row; so long that half of the file is not the end of an event. */
static void put_events(const char *name, bool aedat)
{
    static const char aedat_bytes[] = "#!AER-DAT2.0\n"
                                      "\x00\x00\x01\x00\x00\x00\x00\x05"
                                      "\x00\x00\x02\x01\x00\x00\x01\x05"
                                      "\x00\x00\x7f\xff\x00\x00\x02\x05";
    static const char n_mnist_bytes[] = "\x01\x00\x80\x00\x05"
                                        "\x02\x21\x00\x01\x05"
                                        "\x21\x02\x80\x02\x05";
    if (aedat) {
        bso_files_put(name, (const uint8_t *)aedat_bytes, sizeof aedat_bytes - 1);
    } else {
        bso_files_put(name, (const uint8_t *)n_mnist_bytes, sizeof n_mnist_bytes - 1);
    }
}

static const char *const aedat_files[] = {"cifar10-dvs/airplane/cifar10_airplane_0.aedat",
                                          "cifar10-dvs/airplane/cifar10_airplane_1.aedat",
                                          "cifar10-dvs/automobile/cifar10_automobile_0.aedat",
                                          "cifar10-dvs/automobile/cifar10_automobile_1.aedat", NULL};

static void write_cifar10_dvs(void)
{
    mkdir(bso_files_at("cifar10-dvs"), 0777);
    mkdir(bso_files_at("cifar10-dvs/airplane"), 0777);
    mkdir(bso_files_at("cifar10-dvs/automobile"), 0777);
    for (int i = 0; aedat_files[i]; i++) put_events(aedat_files[i], true);
}

static const char *const n_mnist_files[] = {"n-mnist/Train/0/00002.bin", "n-mnist/Train/1/00004.bin",
                                            "n-mnist/Test/0/00004.bin", "n-mnist/Test/1/00003.bin", NULL};

static void write_n_mnist(void)
{
    static const char *const folders[] = {"n-mnist",         "n-mnist/Train",   "n-mnist/Test",
                                          "n-mnist/Train/0", "n-mnist/Train/1", "n-mnist/Test/0",
                                          "n-mnist/Test/1"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) mkdir(bso_files_at(folders[i]), 0777);
    for (int i = 0; n_mnist_files[i]; i++) put_events(n_mnist_files[i], false);
}

/* ---- ImageNet ---- */

static void shade(int y, int x, uint8_t rgb[3])
{
    rgb[0] = (uint8_t)(16 * y);
    rgb[1] = (uint8_t)(16 * x);
    rgb[2] = (uint8_t)(y * x);
}

static const char *const imagenet_files[] = {"imagenet/train/n1/n1_1.JPEG", "imagenet/train/n2/n2_1.JPEG",
                                             "imagenet/val/n1/v_1.JPEG", "imagenet/val/n2/v_2.JPEG", NULL};

static void write_imagenet(void)
{
    static const char *const folders[] = {"imagenet",          "imagenet/train",    "imagenet/val",
                                          "imagenet/train/n1", "imagenet/train/n2", "imagenet/val/n1",
                                          "imagenet/val/n2"};
    static const bso_photo_kind kinds[] = {BSO_PHOTO_RGB, BSO_PHOTO_GREY, BSO_PHOTO_CMYK, BSO_PHOTO_PNG};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) mkdir(bso_files_at(folders[i]), 0777);
    for (int i = 0; imagenet_files[i]; i++) bso_photo_put(imagenet_files[i], kinds[i], 9 + i, 14 - i, shade);
}

/* ---- the table ---- */

const bso_small_set bso_small_sets[] = {
    {.name = "idx",
     .dataset = "mnist",
     .write = write_mnist,
     .files = IDX_FILES("mnist", ""),
     .header = SIZE_MAX,
     .edits = IDX_EDITS("mnist", "")},
    {.name = "idx, compressed",
     .dataset = "kmnist",
     .write = write_kmnist,
     .files = IDX_FILES("kmnist", ".gz"),
     .header = SIZE_MAX,
     .edits = IDX_EDITS("kmnist", ".gz")},
    {.name = "idx, of the package",
     .dataset = "fashion-mnist",
     .write = write_fashion_mnist,
     .files = IDX_FILES("fashion-mnist", ""),
     .header = 16,
     .edits = IDX_EDITS("fashion-mnist", "")},
    {.name = "cifar",
     .dataset = "cifar10",
     .write = write_cifar10,
     .files = cifar10_files,
     .header = 8,
     .edits = EDITS({"cifar-10-batches-bin/data_batch_1.bin", 0, 1, {10}, "label 10 of record 0"},
                    {"cifar-10-batches-bin/test_batch.bin", 0, 1, {255}, "label 255 of record 0"})},
    {.name = "cifar, 100 classes",
     .dataset = "cifar100",
     .write = write_cifar100,
     .files = LIST("cifar-100-binary/train.bin", "cifar-100-binary/test.bin"),
     .header = 8,
     .edits = EDITS({"cifar-100-binary/train.bin", 0, 1, {20}, "label 20 of record 0"},
                    {"cifar-100-binary/test.bin", 1, 1, {100}, "label 100 of record 0"})},
    {.name = "hdf5",
     .dataset = "hdf5:",
     .file = "own.h5",
     .write = write_hdf5,
     .files = LIST("own.h5"),
     .header = SIZE_MAX,
     .edits = EDITS({"own.h5", 0, 4, {0}, "not an HDF5 file"})},
    {.name = "speech, lists",
     .dataset = "speech-commands-v1",
     .set = LIST("image_size", "8", "speech_classes", "12"),
     .write = write_speech_v1,
     .files = LIST("speech-commands-v1/testing_list.txt", "speech-commands-v1/validation_list.txt"),
     .header = SIZE_MAX,
     .cut_may_open = true, /* the last line needs no end */
     .edits = EDITS({"speech-commands-v1/testing_list.txt", 0, 4, "../y", "line 1 names '../y"},
                    {"speech-commands-v1/testing_list.txt", 0, 4, "/yes", "line 1 names '/yes"},
                    {"speech-commands-v1/testing_list.txt", 4, 1, "1", "which is no recording"},
                    {"speech-commands-v1/testing_list.txt", 4, 2, "1b", "in the validation list already"},
                    {"speech-commands-v1/validation_list.txt", 10, 1, {0}, "holds a 0"},
                    {"speech-commands-v1/validation_list.txt", 10, 1, "\n", "line 1 names 'yes/1b_noh'"})},
    {.name = "speech",
     .dataset = "speech-commands-v2",
     .set = LIST("image_size", "8"),
     .write = write_speech_v2,
     .files = LIST("speech-commands-v2/yes/1b_nohash_0.wav", "speech-commands-v2/yes/2c_nohash_0.wav"),
     .header = BSO_WAV_HEADER,
     .edits = EDITS({"speech-commands-v2/yes/2c_nohash_0.wav", 0, 4, "RIFX", "not a WAV file"},
                    {"speech-commands-v2/yes/2c_nohash_0.wav", 16, 4, {255, 255, 255, 255}, "truncated"},
                    {"speech-commands-v2/yes/2c_nohash_0.wav", 20, 1, {17}, "codec 17"},
                    {"speech-commands-v2/yes/1b_nohash_0.wav", 22, 2, {0}, "0 channels"},
                    {"speech-commands-v2/yes/1b_nohash_0.wav", 22, 2, {255, 255}, "65535 channels"},
                    {"speech-commands-v2/yes/1b_nohash_0.wav", 24, 4, {255, 255, 255, 255}, "a rate of"},
                    {"speech-commands-v2/yes/1b_nohash_0.wav", 40, 4, {0}, "no samples"},
                    {"speech-commands-v2/yes/1b_nohash_0.wav", 40, 4, {255, 255, 255, 127}, "truncated"})},
    {.name = "aedat",
     .dataset = "cifar10-dvs",
     .set = LIST("subset_classes", "2", "steps", "2", "image_size", "8"),
     .write = write_cifar10_dvs,
     .files = aedat_files,
     .listed = true,
     .header = SIZE_MAX,
     .edits = EDITS({"cifar10-dvs/airplane/cifar10_airplane_0.aedat", 0, 1, {'%'}, "not an AEDAT file"},
                    {"cifar10-dvs/airplane/cifar10_airplane_0.aedat", 9, 3, {'3', '.', '1'}, "version '3.1'"},
                    {"cifar10-dvs/airplane/cifar10_airplane_0.aedat", 12, 1, {' '}, "header has no end"},
                    {"cifar10-dvs/airplane/cifar10_airplane_0.aedat", 14, 1, {1}, "not of a DVS128"},
                    {"cifar10-dvs/airplane/cifar10_airplane_0.aedat",
                     15,
                     9,
                     {0x80, 0, 0, 0, 0, 0, 0, 0, 0x80},
                     "too few events (1) for 2 frames"})},
    {.name = "n-mnist",
     .dataset = "n-mnist",
     .set = LIST("subset_classes", "2", "steps", "2", "image_size", "8"),
     .write = write_n_mnist,
     .files = n_mnist_files,
     .listed = true,
     .header = SIZE_MAX,
     .edits = EDITS(
         {"n-mnist/Train/0/00002.bin", 0, 1, {34}, "event 0 is at (34, 0)"},
         {"n-mnist/Train/0/00002.bin", 11, 1, {255}, "event 2 is at (33, 255)"},
         {"n-mnist/Test/1/00003.bin", 1, 6, {240, 0, 0, 0, 0, 240}, "too few events (1) for 2 frames"})},
    {.name = "jpeg",
     .dataset = "imagenet",
     .set = LIST("image_size", "8"),
     .write = write_imagenet,
     .files = imagenet_files,
     .listed = true,
     .header = 32,
     .edits = EDITS(
         {"imagenet/train/n1/n1_1.JPEG", 0, 2, "GI", "neither a JPEG nor a PNG"},
         {"imagenet/val/n2/v_2.JPEG", 16, 8, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, "PNG:"})},
    {.name = NULL},
};

const bso_small_set *bso_small_find(const char *name)
{
    for (const bso_small_set *set = bso_small_sets; set->name; set++) {
        if (strcmp(set->name, name) == 0) return set;
    }
    fprintf(stderr, "small_sets.c: no set is called %s\n", name);
    abort();
}

bso_settings bso_small_settings(const bso_small_set *set)
{
    bso_settings s;
    bso_settings_default(&s);
    snprintf(s.dataset, sizeof s.dataset, "%s%s", set->dataset, set->file ? bso_files_at(set->file) : "");
    snprintf(s.data_dir, sizeof s.data_dir, "%s", bso_files_root);
    snprintf(s.cache, sizeof s.cache, "off");
    for (const char *const *k = set->set; k && *k; k += 2) {
        if (bso_settings_set(&s, k[0], k[1])) abort();
    }
    return s;
}
