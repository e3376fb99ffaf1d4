/* wav.c: fuzzes the way from a WAV file to a spectrogram: the walk over the chunks, then what of libsndfile
 * and libsamplerate it lets the file reach. */
#include "tests/fuzz/fuzz.h"

#include "datasets/speech_audio.h"
#include "datasets/speech_mel.h"
#include "tests/dataset_files.h"
#include "tests/wav_files.h"

#include <stdio.h>

enum { SIDE = 32 };

static void check_picture(const float *sound)
{
    static float picture[SIDE * SIDE];
    bso_mel *mel = bso_mel_create(SIDE);
    bso_fuzz_check(mel, "there is no spectrogram");
    bso_mel_picture(mel, sound, picture);
    for (size_t i = 0; i < SIDE * SIDE; i++)
        bso_fuzz_check(picture[i] >= 0 && picture[i] <= 1, "a value is outside 0 to 1");
    bso_mel_free(mel);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static float sound[BSO_AUDIO_SAMPLES];
    static const bso_audio_cut cuts[] = {{0, 0.8, 0.3}, {0.8, 0.9, 0.9}, {0.9, 1, 0.999}};
    for (size_t k = 0; k < 1 + sizeof cuts / sizeof *cuts; k++) {
        bso_fuzz_begin();
        if (bso_audio_decode(data, size, bso_files_at("sound.wav"), k ? &cuts[k - 1] : NULL, sound)) {
            bso_fuzz_refused();
        } else {
            check_picture(sound);
        }
        bso_fuzz_end();
    }
    return 0;
}

static double saw(size_t frame, unsigned channel)
{
    return (double)((frame * (channel + 3)) % 16) / 16 - 0.5;
}

void bso_fuzz_seeds(void)
{
    static const bso_wav kinds[] = {
        {1, 1, 16000, 8, 40, saw}, {1, 1, 16000, 16, 40, saw},  {1, 2, 44100, 24, 40, saw},
        {1, 8, 8000, 32, 20, saw}, {3, 1, 192000, 32, 40, saw}, {3, 3, 1000, 64, 1100, saw},
    };
    static uint8_t bytes[BSO_WAV_HEADER + 1100 * 3 * 8];
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        char name[64];
        snprintf(name, sizeof name, "seed-%u-%u-%u", kinds[k].rate, kinds[k].channels, kinds[k].bits);
        bso_fuzz_seed(name, bytes, bso_wav_make(bytes, &kinds[k]));
    }
}
