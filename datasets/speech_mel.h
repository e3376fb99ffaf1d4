/* speech_mel.h: one second of sound as a picture: a mel spectrogram, as librosa (McFee et al. 2015) made it
 * with its defaults up to version 0.9.
 *
 * Frames of 2048 samples around points `hop` apart, the sound reflected at both ends; periodic Hann window;
 * power spectrum; triangular filters from 0 to 8000 Hz, equally spaced on Slaney's mel scale and each of area
 * 1 (Slaney 1998); decibels below the picture's loudest point, at most 80; scaled to [0, 1].
 */
#ifndef BSO_SPEECH_MEL_H
#define BSO_SPEECH_MEL_H

#include <stddef.h>

enum {
    BSO_MEL_WINDOW = 2048,
    BSO_MEL_BINS = BSO_MEL_WINDOW / 2 + 1,
    BSO_MEL_SIZE_MIN = 8,
    BSO_MEL_SIZE_MAX = 126, /* no whole number of samples is the hop of 128 frames */
    BSO_MEL_RANGE = 80      /* dB */
};

typedef struct bso_mel bso_mel;

/* For pictures of size x size. Returns NULL with bso_fail where size is out of range or memory is out. */
bso_mel *bso_mel_create(int size);
void bso_mel_free(bso_mel *m);

/* Samples from one frame to the next. Frames stand at 0, hop, 2 hop, ... up to and including 16000; of the
 * hops that make `size` of them, the one with the most factors of two: 512 for 32, as librosa. */
int bso_mel_hop(const bso_mel *m);

/* The weights of one filter: [BSO_MEL_BINS]. */
const float *bso_mel_filter(const bso_mel *m, int band);

/* samples: [BSO_AUDIO_SAMPLES], finite. power: [size][size], band (from low to high) by frame, not in
 * decibels. Of a sine of amplitude A at the frequency of bin b it is (512 A)^2 (f[b] + (f[b-1] + f[b+1]) /
 * 4), f the weights of the band's filter. Thread-safe, allocates nothing. */
void bso_mel_power(const bso_mel *m, const float *samples, float *power);

/* The picture: out[size][size], likewise, in [0, 1]. Power below 1e-10 counts as that, so that silence is
 * the same everywhere: 1, its own loudest. */
void bso_mel_picture(const bso_mel *m, const float *samples, float *out);

#endif
