/* stand_in_speech.c: stand-ins for Google Speech Commands: its words spoken by espeak-ng, with accents,
 * voices, speeds and pitches of made-up speakers, moved, scaled and with noise, in the data set's files.
 *
 * Every speaker says every word. Speakers are of training, validation or testing, as in the data set. It
 * calls the program espeak-ng, not its library, so that nothing here depends on it being there.
 */
#define _GNU_SOURCE
#include "core/error.h"
#include "core/many.h"
#include "core/random.h"
#include "core/stand_in.h"
#include "datasets/speech_audio.h"
#include "datasets/speech_words.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SAMPLES = BSO_AUDIO_SAMPLES,
    SPEAKERS_MAX = 4096,
    NOISE_SECONDS = 20,
    PEOPLE = 0, /* first number (a) of the draws: of a speaker, of a word by a speaker, of recordings */
    SAYINGS,
    TAKES,
    HISS, /* and up, one for each octave of pink noise */
    OCTAVES = 12,
    WHITE = HISS + OCTAVES
};

static const char *const accents[] = {"en-us",      "en-gb",  "en-gb-scotland",
                                      "en-gb-x-rp", "en-029", "en-us-nyc"};
static const char *const voices[] = {"m1", "m2", "m3", "m4", "m5", "m6",    "m7",
                                     "f1", "f2", "f3", "f4", "f5", "croak", "whisper"};

struct cast {
    const bso_speech_version *version;
    const char *folder;
    uint64_t seed;
    size_t speakers, takes, per_class; /* takes: recordings made of one saying */
    size_t validation, testing;        /* speakers of these splits: the last ones are for testing */
};

static double draw(const struct cast *c, uint32_t a, uint64_t b, double low, double high)
{
    return low + (high - low) * bso_random_uniform(c->seed, BSO_RANDOM_MAKE, a, b);
}

/* ---- names ---- */

enum { NAME = 64 };

/* WORD/FILE, as the data set has it: 8 hex digits for the speaker, then the number of the take. No two are
 * the same. */
static void name_recording(const struct cast *c, size_t word, size_t speaker, size_t take, char *name)
{
    uint32_t hash = bso_random(c->seed, BSO_RANDOM_MAKE, PEOPLE, speaker * 8).word[0];
    hash = hash / SPEAKERS_MAX * SPEAKERS_MAX + (uint32_t)speaker;
    snprintf(name, NAME, "%s/%08x_nohash_%zu.wav", c->version->word[word], hash, take);
}

/* ---- speech ---- */

extern char **environ;

/* Let espeak-ng say a word into a file. */
static int say(const char *word, const char *voice, int speed, int pitch, const char *path)
{
    char speed_text[16], pitch_text[16];
    snprintf(speed_text, sizeof speed_text, "%d", speed);
    snprintf(pitch_text, sizeof pitch_text, "%d", pitch);
    const char *const arguments[] = {"espeak-ng", "-v", voice, "-s", speed_text, "-p",
                                     pitch_text,  "-w", path,  word, NULL};
    posix_spawn_file_actions_t quiet;
    if (posix_spawn_file_actions_init(&quiet)) return bso_fail("espeak-ng: out of memory");
    posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
    pid_t process;
    int failed = posix_spawnp(&process, "espeak-ng", &quiet, NULL, (char *const *)arguments, environ);
    posix_spawn_file_actions_destroy(&quiet);
    if (failed == ENOENT)
        return bso_fail("espeak-ng: no such program; a spoken stand-in needs it: apt-get install espeak-ng");
    if (failed) return bso_fail("espeak-ng: cannot be started: %s", strerror(failed));
    int status;
    while (waitpid(process, &status, 0) < 0) {
        if (errno != EINTR) return bso_fail("espeak-ng: %s", strerror(errno));
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        return bso_fail("espeak-ng: failed to say '%s' with voice %s", word, voice);
    return 0;
}

/* A speaker's saying of a word: spoken[*length], without silence around it, its peak at 1. */
static int hear(const struct cast *c, size_t word, size_t speaker, float *spoken, size_t *length)
{
    uint64_t who = speaker * 8, what = (speaker * c->version->words + word) * 2;
    char voice[64], name[64], path[BSO_PATH];
    size_t accent = (size_t)draw(c, PEOPLE, who + 1, 0, sizeof accents / sizeof *accents);
    size_t timbre = (size_t)draw(c, PEOPLE, who + 2, 0, sizeof voices / sizeof *voices);
    snprintf(voice, sizeof voice, "%s+%s", accents[accent], voices[timbre]);
    double speed = draw(c, PEOPLE, who + 3, 140, 200) + draw(c, SAYINGS, what, -10, 10);
    double pitch = draw(c, PEOPLE, who + 4, 25, 75) + draw(c, SAYINGS, what + 1, -8, 8);
    snprintf(name, sizeof name, ".saying-%zu-%zu.wav", word, speaker);
    if (bso_stand_in_path(path, c->folder, name, false)) return BSO_ERROR;
    int rc = say(c->version->word[word], voice, (int)speed, (int)pitch, path);
    if (!rc) rc = bso_audio_read(path, NULL, spoken);
    unlink(path);
    if (rc) return rc;

    float peak = 0;
    for (size_t i = 0; i < SAMPLES; i++) peak = fmaxf(peak, fabsf(spoken[i]));
    if (peak == 0) return bso_fail("espeak-ng: made no sound of '%s'", c->version->word[word]);
    size_t first = 0, last = SAMPLES;
    while (fabsf(spoken[first]) < 0.01f * peak) first++;
    while (fabsf(spoken[last - 1]) < 0.01f * peak) last--;
    *length = last - first;
    memmove(spoken, spoken + first, *length * sizeof *spoken);
    for (size_t i = 0; i < *length; i++) spoken[i] /= peak;
    return 0;
}

/* A recording of a saying: at some place in the second, 0 to 14 dB below full scale, with white noise 15 to
 * 45 dB below that. */
static int record(const struct cast *c, size_t word, size_t speaker, size_t take, const float *spoken,
                  size_t length)
{
    float sound[SAMPLES];
    char name[NAME], path[BSO_PATH];
    uint64_t number = (speaker * c->version->words + word) * c->takes + take;
    size_t start = (size_t)draw(c, TAKES, number * 4, 0, (double)(SAMPLES - length + 1));
    double gain = pow(10, -draw(c, TAKES, number * 4 + 1, 0, 14) / 20);
    double noise =
        gain * pow(10, -draw(c, TAKES, number * 4 + 2, 15, 45) / 20) / 3; /* a peak is 3 deviations */
    for (size_t i = 0; i < SAMPLES; i++) {
        sound[i] =
            (float)(noise * bso_random_normal(c->seed, BSO_RANDOM_MAKE, WHITE, (number + 1) << 20 | i));
        if (i >= start && i - start < length) sound[i] += (float)(gain * spoken[i - start]);
    }
    name_recording(c, word, speaker, take, name);
    if (bso_stand_in_path(path, c->folder, name, false)) return BSO_ERROR;
    return bso_audio_write(path, sound, SAMPLES);
}

static int speak(const struct cast *c, size_t word, size_t speaker)
{
    float spoken[SAMPLES];
    size_t length = 0;
    if (hear(c, word, speaker, spoken, &length)) return BSO_ERROR;
    for (size_t take = 0; take < c->takes && speaker * c->takes + take < c->per_class; take++) {
        if (record(c, word, speaker, take, spoken, length)) return BSO_ERROR;
    }
    return 0;
}

static int speak_one(void *user, size_t i, int thread)
{
    (void)thread;
    const struct cast *c = user;
    return speak(c, i % c->version->words, i / c->version->words);
}

static int speak_all(struct cast *c)
{
    char path[BSO_PATH];
    for (size_t w = 0; w < c->version->words; w++) {
        if (bso_stand_in_path(path, c->folder, c->version->word[w], true)) return BSO_ERROR;
    }
    return bso_for_each("speaking", c->version->words * c->speakers, speak_one, c);
}

/* ---- the rest of the data set ---- */

static int write_list(const struct cast *c, const char *name, size_t first, size_t last)
{
    char path[BSO_PATH];
    if (bso_stand_in_path(path, c->folder, name, false)) return BSO_ERROR;
    FILE *list = fopen(path, "w");
    if (!list) return bso_fail("%s: cannot be written: %s", path, strerror(errno));
    for (size_t w = 0; w < c->version->words; w++) {
        for (size_t n = first * c->takes; n < last * c->takes && n < c->per_class; n++) {
            char line[NAME];
            name_recording(c, w, n / c->takes, n % c->takes, line);
            fprintf(list, "%s\n", line);
        }
    }
    bool bad = ferror(list);
    if (fclose(list) || bad) return bso_fail("%s: cannot be written", path);
    return 0;
}

static float white(const struct cast *c, size_t i)
{
    return (float)(0.1 * bso_random_normal(c->seed, BSO_RANDOM_MAKE, WHITE, i));
}

/* Octave by octave, values that are held twice as long: power falls as 1 / f (Voss; Gardner 1978). */
static float pink(const struct cast *c, size_t i)
{
    double sum = 0;
    for (int octave = 0; octave < OCTAVES; octave++)
        sum += bso_random_uniform(c->seed, BSO_RANDOM_MAKE, HISS + (uint32_t)octave, i >> octave) - 0.5;
    return (float)(0.1 * sum);
}

/* The mains and its overtones, swelling. */
static float hum(const struct cast *c, size_t i)
{
    (void)c;
    const double turn = 6.283185307179586476925, t = (double)i / BSO_AUDIO_RATE;
    double sum = 0;
    for (int overtone = 1; overtone <= 7; overtone += 2) sum += sin(turn * 50 * overtone * t) / overtone;
    return (float)(0.1 * sum * (1 + 0.5 * sin(turn * 0.3 * t)));
}

static int write_noise(const struct cast *c)
{
    static const struct {
        const char *name;
        float (*at)(const struct cast *c, size_t i);
    } kinds[] = {{"mains_hum.wav", hum}, {"pink_noise.wav", pink}, {"white_noise.wav", white}};
    static float sound[NOISE_SECONDS * BSO_AUDIO_RATE];
    char folder[BSO_PATH], path[BSO_PATH];
    if (bso_stand_in_path(folder, c->folder, BSO_SPEECH_NOISE, true)) return BSO_ERROR;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        const size_t n = sizeof sound / sizeof *sound;
        for (size_t i = 0; i < n; i++) sound[i] = kinds[k].at(c, i);
        if (bso_stand_in_path(path, folder, kinds[k].name, false) || bso_audio_write(path, sound, n))
            return BSO_ERROR;
    }
    return 0;
}

static int make(const bso_speech_version *version, const char *folder, int per_class, uint64_t seed)
{
    struct cast c = {.version = version, .folder = folder, .seed = seed, .per_class = (size_t)per_class};
    c.takes = per_class < 20 ? 1 : 2; /* starting the program costs more than all the rest */
    c.speakers = (c.per_class + c.takes - 1) / c.takes;
    if (per_class < 3 || c.speakers > SPEAKERS_MAX)
        return bso_fail("%s: %d recordings of each word are outside 3 to %d", folder, per_class,
                        2 * SPEAKERS_MAX);
    c.validation = c.testing = c.speakers < 10 ? 1 : c.speakers / 10;
    size_t training = c.speakers - c.validation - c.testing;
    if (speak_all(&c) || write_noise(&c) ||
        write_list(&c, "validation_list.txt", training, training + c.validation))
        return BSO_ERROR;
    return write_list(&c, "testing_list.txt", training + c.validation, c.speakers);
}

static int make_v1(const char *folder, int per_class, uint64_t seed)
{
    return make(&bso_speech_v1, folder, per_class, seed);
}

static int make_v2(const char *folder, int per_class, uint64_t seed)
{
    return make(&bso_speech_v2, folder, per_class, seed);
}

const bso_stand_in bso_stand_in_speech_commands_v1 = {
    .dataset = "speech-commands-v1",
    .shown = "stand-in for Speech Commands v1 (espeak-ng)",
    .summary = "30 words spoken by espeak-ng in many voices, with noise",
    .version = 1,
    .per_class = 40,
    .make = make_v1,
};

const bso_stand_in bso_stand_in_speech_commands_v2 = {
    .dataset = "speech-commands-v2",
    .shown = "stand-in for Speech Commands v2 (espeak-ng)",
    .summary = "35 words spoken by espeak-ng in many voices, with noise",
    .version = 1,
    .per_class = 40,
    .make = make_v2,
};
