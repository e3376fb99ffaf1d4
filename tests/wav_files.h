/* wav_files.h: WAV files made byte by byte, for tests: nothing of libsndfile in them. */
#ifndef BSO_TESTS_WAV_FILES_H
#define BSO_TESTS_WAV_FILES_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    unsigned tag, channels, rate, bits; /* tag 1: integers, 3: floats */
    size_t frames;
    double (*sample)(size_t frame, unsigned channel); /* in [-1, 1) */
} bso_wav;

enum { BSO_WAV_HEADER = 44 };

/* Write header and samples; returns the length. Integers are rounded to nearest. */
size_t bso_wav_make(uint8_t *out, const bso_wav *w);

/* The integer stored for a sample of so many bits, in units of 1 / 2^(bits - 1). */
long bso_wav_integer(double x, unsigned bits);

/* The same into a file of the test folder (dataset_files.h). */
void bso_wav_put(const char *name, const bso_wav *w);

#endif
