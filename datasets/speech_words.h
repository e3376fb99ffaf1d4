/* speech_words.h: the words and names of the two versions of Google Speech Commands (Warden 2018), for its
 * loader and its stand-in. */
#ifndef BSO_SPEECH_WORDS_H
#define BSO_SPEECH_WORDS_H

#include <stddef.h>

#define BSO_SPEECH_NOISE "_background_noise_"

typedef struct {
    const char *shown, *folder;
    const char *unpacked; /* the folder's name beside the official archive, which has none in it */
    const char *advice;
    size_t words;
    const char *const *word; /* in the order of their bytes */
} bso_speech_version;

extern const bso_speech_version bso_speech_v1, bso_speech_v2;

#endif
