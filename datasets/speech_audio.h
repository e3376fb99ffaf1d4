/* speech_audio.h: one second of mono sound at 16 kHz out of a WAV file, whatever its rate and channels.
 *
 * It is not a player and not a reader of music: long files are cut, short ones end in silence.
 */
#ifndef BSO_SPEECH_AUDIO_H
#define BSO_SPEECH_AUDIO_H

#include <stddef.h>
#include <stdint.h>

enum {
    BSO_AUDIO_RATE = 16000, /* Hz */
    BSO_AUDIO_SAMPLES = BSO_AUDIO_RATE,
    BSO_AUDIO_BYTES_MAX = 16 << 20 /* of a file */
};

/* Where the second is cut from a long recording: from the part between the shares `first` and `last` of its
 * length, at the place that `draw` in [0, 1) says. Cuts from parts that share nothing share no sound. */
typedef struct {
    double first, last, draw;
} bso_audio_cut;

/* Decode a WAV file held in memory. Integers of 8, 16, 24 and 32 bits (scaled to [-1, 1)) and floats of 32
 * and 64 bits (as stored), 1 to 8 channels (averaged), 1 kHz to 192 kHz (resampled by libsamplerate's
 * SRC_SINC_MEDIUM_QUALITY unless it is 16 kHz). out: [BSO_AUDIO_SAMPLES]; 0 behind a sound that is shorter.
 * cut NULL: from the beginning. name: for messages. Thread-safe. Returns 0 or BSO_ERROR: another format or
 * codec, truncated, no samples, a value that is not finite or beyond 65536.
 *
 * libsndfile and libsamplerate allocate by themselves: some hundred kB while the call lasts. */
int bso_audio_decode(const uint8_t *bytes, size_t n, const char *name, const bso_audio_cut *cut, float *out);

/* The same of a file: a regular one of at most BSO_AUDIO_BYTES_MAX bytes. */
int bso_audio_read(const char *path, const bso_audio_cut *cut, float *out);

/* Write n samples, clipped to [-1, 1], as 16-bit WAV at 16 kHz. Returns 0 or BSO_ERROR. */
int bso_audio_write(const char *path, const float *samples, size_t n);

#endif
