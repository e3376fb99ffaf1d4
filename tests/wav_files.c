/* wav_files.c: see wav_files.h. */
#include "tests/wav_files.h"

#include "tests/dataset_files.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void little(uint8_t *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) out[i] = (uint8_t)(value >> (8 * i));
}

long bso_wav_integer(double x, unsigned bits)
{
    return lround(x * ldexp(1, (int)bits - 1));
}

static void put_sample(uint8_t *out, const bso_wav *w, double x)
{
    if (w->tag == 3 && w->bits == 32) {
        float narrow = (float)x;
        memcpy(out, &narrow, sizeof narrow);
    } else if (w->tag == 3) {
        memcpy(out, &x, sizeof x);
    } else {
        /* 8 bits are stored with 128 for 0, the others as two's complement. */
        little(out, (uint64_t)(bso_wav_integer(x, w->bits) + (w->bits == 8 ? 128 : 0)), w->bits / 8);
    }
}

size_t bso_wav_make(uint8_t *out, const bso_wav *w)
{
    size_t width = w->bits / 8, data = w->frames * w->channels * width;
    memcpy(out, "RIFF....WAVEfmt ", 16);
    little(out + 4, BSO_WAV_HEADER - 8 + data, 4);
    little(out + 16, 16, 4);
    little(out + 20, w->tag, 2);
    little(out + 22, w->channels, 2);
    little(out + 24, w->rate, 4);
    little(out + 28, w->rate * w->channels * width, 4);
    little(out + 32, w->channels * width, 2);
    little(out + 34, w->bits, 2);
    memcpy(out + 36, "data", 4);
    little(out + 40, data, 4);
    uint8_t *at = out + BSO_WAV_HEADER;
    for (size_t i = 0; i < w->frames; i++) {
        for (unsigned c = 0; c < w->channels; c++, at += width) put_sample(at, w, w->sample(i, c));
    }
    return BSO_WAV_HEADER + data;
}

void bso_wav_put(const char *name, const bso_wav *w)
{
    uint8_t *bytes = malloc(BSO_WAV_HEADER + w->frames * w->channels * (w->bits / 8));
    assert_non_null(bytes);
    bso_files_put(name, bytes, bso_wav_make(bytes, w));
    free(bytes);
}
