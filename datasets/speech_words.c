/* speech_words.c: see speech_words.h. */
#include "datasets/speech_words.h"

static const char *const words_v1[] = {
    "bed",    "bird", "cat",    "dog",   "down", "eight", "five", "four", "go",    "happy",
    "house",  "left", "marvin", "nine",  "no",   "off",   "on",   "one",  "right", "seven",
    "sheila", "six",  "stop",   "three", "tree", "two",   "up",   "wow",  "yes",   "zero",
};

static const char *const words_v2[] = {
    "backward", "bed",  "bird", "cat",   "dog",    "down",  "eight",  "five",   "follow",
    "forward",  "four", "go",   "happy", "house",  "learn", "left",   "marvin", "nine",
    "no",       "off",  "on",   "one",   "right",  "seven", "sheila", "six",    "stop",
    "three",    "tree", "two",  "up",    "visual", "wow",   "yes",    "zero",
};

const bso_speech_version bso_speech_v1 = {
    .shown = "Speech Commands v1",
    .folder = "speech-commands-v1",
    .unpacked = "speech_commands_v0.01",
    .advice =
        "fetch it (datasets/fetch.sh speech-commands-v1) and set data_dir (or BSO_DATA_DIR) to the folder "
        "that holds speech-commands-v1 or speech_commands_v0.01, or try "
        "dataset=stand-in:speech-commands-v1",
    .words = sizeof words_v1 / sizeof *words_v1,
    .word = words_v1,
};

const bso_speech_version bso_speech_v2 = {
    .shown = "Speech Commands v2",
    .folder = "speech-commands-v2",
    .unpacked = "speech_commands_v0.02",
    .advice =
        "fetch it (datasets/fetch.sh speech-commands-v2) and set data_dir (or BSO_DATA_DIR) to the folder "
        "that holds speech-commands-v2 or speech_commands_v0.02, or try "
        "dataset=stand-in:speech-commands-v2",
    .words = sizeof words_v2 / sizeof *words_v2,
    .word = words_v2,
};
