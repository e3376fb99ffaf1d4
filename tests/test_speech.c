/* test_speech.c: sound of WAV files made byte by byte, and mel spectrograms against closed forms and a
 * discrete Fourier transform written out. The data set made of them has its own file.
 */
#include "core/error.h"
#include "core/memory.h"
#include "core/random.h"
#include "datasets/speech_audio.h"
#include "datasets/speech_mel.h"
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

static const double pi = 3.14159265358979323846;

enum { SAMPLES = BSO_AUDIO_SAMPLES, LONG = 100000 };

static float sound[SAMPLES];
static uint8_t bytes[BSO_WAV_HEADER + LONG * 8];

static bool decode(size_t n)
{
    size_t before = bso_mem_current(BSO_MEM_CATEGORIES);
    bool good = bso_audio_decode(bytes, n, "some file", NULL, sound) == 0;
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), before);
    return good;
}

static void refused(size_t n, const char *reason)
{
    assert_false(decode(n));
    if (strncmp(bso_error(), "some file: ", 11) != 0 || !strstr(bso_error(), reason))
        fail_msg("'%s' should say '%s'", bso_error(), reason);
}

/* ---- samples ---- */

/* Any number, of those that 8 bits can hold exactly where `coarse`. */
static double noise(size_t frame, unsigned channel)
{
    return (double)bso_random_below(7, BSO_RANDOM_TEST, channel, frame, 256) / 128 - 1;
}

static double fine_noise(size_t frame, unsigned channel)
{
    return 1.98 * bso_random_uniform(7, BSO_RANDOM_TEST, channel, frame) - 1;
}

static void test_samples(void **state)
{
    (void)state;
    static const unsigned formats[][2] = {{1, 8}, {1, 16}, {1, 24}, {1, 32}, {3, 32}, {3, 64}};
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        for (unsigned channels = 1; channels <= 8; channels += channels == 1 ? 1 : 6) {
            for (size_t frames = 1; frames <= 24000; frames = frames * 20 + 3979) {
                bso_wav w = {formats[f][0], channels, 16000, formats[f][1], frames, fine_noise};
                if (frames * channels * (w.bits / 8) > sizeof bytes - BSO_WAV_HEADER) break;
                if (!decode(bso_wav_make(bytes, &w))) fail_msg("%s", bso_error());
                for (size_t i = 0; i < SAMPLES; i++) {
                    double mean = 0;
                    for (unsigned c = 0; c < channels && i < frames; c++) {
                        double x = fine_noise(i, c);
                        if (w.tag == 1) x = ldexp((double)bso_wav_integer(x, w.bits), 1 - (int)w.bits);
                        mean += x / channels;
                    }
                    if (!(fabs(sound[i] - mean) < 3e-7))
                        fail_msg("%u bits, %u channels, sample %zu: %g is not %g", w.bits, channels, i,
                                 (double)sound[i], mean);
                }
            }
        }
    }
}

/* What 8 and 16 bits hold comes back exactly. */
static void test_exact(void **state)
{
    (void)state;
    for (unsigned bits = 8; bits <= 16; bits += 8) {
        bso_wav w = {1, 1, 16000, bits, SAMPLES, noise};
        assert_true(decode(bso_wav_make(bytes, &w)));
        for (size_t i = 0; i < SAMPLES; i++) assert_true((double)sound[i] == noise(i, 0));
    }
}

static double tone_rate, tone_hertz;

static double tone(size_t frame, unsigned channel)
{
    (void)channel;
    return 0.5 * sin(2 * pi * tone_hertz * (double)frame / tone_rate);
}

/* A tone stays the tone it was, at every rate; one above 8 kHz goes. */
static void test_rates(void **state)
{
    (void)state;
    static const unsigned rates[] = {1000, 8000, 11025, 15999, 16000, 22050, 44100, 48000, 96000, 192000};
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        unsigned rate = rates[r];
        tone_rate = rate;
        tone_hertz = 300;
        bso_wav w = {3, 1, rate, 32, rate / 2, tone};
        if (!decode(bso_wav_make(bytes, &w))) fail_msg("%s", bso_error());
        /* Near its ends a sound cut off rings. */
        for (size_t i = 800; i < 7200; i++) {
            double expected = 0.5 * sin(2 * pi * tone_hertz * (double)i / SAMPLES);
            if (!(fabs(sound[i] - expected) < 2e-3))
                fail_msg("%u Hz, sample %zu: %g is not %g", rate, i, (double)sound[i], expected);
        }
        for (size_t i = 8800; i < SAMPLES; i++) assert_true(sound[i] == 0);

        if (rate <= 22050) continue;
        tone_hertz = 11000;
        assert_true(decode(bso_wav_make(bytes, &w)));
        for (size_t i = 800; i < 7200; i++) assert_true(fabsf(sound[i]) < 1e-3f);
    }
}

/* What lies behind the second does not show in it, but by the filter's reach. */
static double cut_after;

static double early_tone(size_t frame, unsigned channel)
{
    return (double)frame < cut_after ? tone(frame, channel) : fine_noise(frame, channel);
}

static void test_long(void **state)
{
    (void)state;
    static float whole[SAMPLES];
    tone_rate = 44100;
    tone_hertz = 440;
    for (int k = 0; k < 2; k++) {
        cut_after = k ? 2 * 44100 : 1.1 * 44100;
        bso_wav w = {3, 1, 44100, 32, LONG, early_tone};
        assert_true(decode(bso_wav_make(bytes, &w)));
        if (!k) memcpy(whole, sound, sizeof whole);
        /* The last samples are those of a tone that goes on. */
        for (int i = 800; i < SAMPLES; i++)
            assert_true(fabs(sound[i] - 0.5 * sin(2 * pi * tone_hertz * i / SAMPLES)) < 1e-4);
    }
    assert_memory_equal(whole, sound, sizeof whole);
}

static double ramp(size_t frame, unsigned channel)
{
    (void)channel;
    return (double)frame / (1 << 24);
}

/* Cuts begin where they should, stay in their part, and end in silence where the part is too short. */
static void test_cuts(void **state)
{
    (void)state;
    bso_wav w = {1, 1, 16000, 32, LONG, ramp};
    size_t n = bso_wav_make(bytes, &w);
    static const struct {
        bso_audio_cut cut;
        size_t start, count;
    } cases[] = {
        {{0, 1, 0}, 0, SAMPLES},
        {{0, 1, 0.5}, 42000, SAMPLES},
        {{0, 1, 0.9999999999}, LONG - SAMPLES, SAMPLES},
        {{0.25, 0.75, 0}, 25000, SAMPLES},
        {{0.25, 0.75, 0.9999999999}, 75000 - SAMPLES, SAMPLES},
        {{0.5, 0.625, 0.75}, 50000, 12500},
        {{1, 1, 0.5}, LONG, 0},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        assert_int_equal(bso_audio_decode(bytes, n, "some file", &cases[k].cut, sound), 0);
        for (size_t i = 0; i < SAMPLES; i++) {
            double expected = i < cases[k].count ? ramp(cases[k].start + i, 0) : 0;
            if (fabs(sound[i] - expected) > 1e-8) fail_msg("cut %zu, sample %zu", k, i);
        }
    }
}

/* ---- damage ---- */

static size_t good_file(void)
{
    bso_wav w = {1, 1, 16000, 16, 500, noise};
    return bso_wav_make(bytes, &w);
}

static void test_damaged(void **state)
{
    (void)state;
    size_t n = good_file();
    assert_true(decode(n));
    for (size_t length = 0; length < n; length++) {
        /* A sanitizer sees what is read beyond the end. */
        uint8_t *part = malloc(length ? length : 1);
        memcpy(part, bytes, length);
        assert_int_equal(bso_audio_decode(part, length, "some file", NULL, sound), BSO_ERROR);
        assert_non_null(strstr(bso_error(), length < 12 ? "not a WAV file" : "truncated"));
        free(part);
    }
    /* Whatever bit of the header is wrong, it is refused or makes finite sound. */
    for (size_t bit = 0; bit < BSO_WAV_HEADER * 8; bit++) {
        good_file();
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (!decode(n)) assert_memory_equal(bso_error(), "some file: ", 11);
        for (size_t i = 0; i < SAMPLES; i++) assert_true(fabsf(sound[i]) <= 2);
    }
    static const struct {
        size_t at;
        uint8_t value[4];
        size_t count;
        const char *reason;
    } cases[] = {
        {0, "RIFX", 4, "not a WAV file"},
        {0, "fLaC", 4, "not a WAV file"},
        {8, "AIFF", 4, "not a WAV file"},
        {12, "fmtx", 4, "come before their format"},
        {36, "junk", 4, "ends before its samples"},
        {16, {15, 0, 0, 0}, 4, "less than 16"},
        {16, {255, 255, 255, 255}, 4, "truncated"},
        {20, {6, 0}, 2, "codec 6"},
        {20, {85, 0}, 2, "codec 85"},
        {20, {0xfe, 0xff}, 2, "codec 65534"},
        {22, {0, 0}, 2, "0 channels"},
        {22, {9, 0}, 2, "9 channels"},
        {22, {255, 255}, 2, "65535 channels"},
        {24, {0, 0, 0, 0}, 4, "a rate of 0 Hz"},
        {24, {0xe7, 3, 0, 0}, 4, "a rate of 999 Hz"},
        {24, {255, 255, 255, 255}, 4, "a rate of 4294967295 Hz"},
        {32, {0, 0}, 2, "frames of 0 bytes"},
        {32, {4, 0}, 2, "frames of 4 bytes"},
        {34, {0, 0}, 2, "0 bits"},
        {34, {12, 0}, 2, "12 bits"},
        {40, {0, 0, 0, 0}, 4, "no samples"},
        {40, {1, 0, 0, 0}, 4, "no samples"},
        {40, {255, 255, 255, 255}, 4, "truncated"},
        {40, {0, 240, 255, 127}, 4, "truncated"}, /* what programs write that do not know the length yet */
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        good_file();
        memcpy(bytes + cases[k].at, cases[k].value, cases[k].count);
        refused(n, cases[k].reason);
    }
    for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)bso_random_below(3, BSO_RANDOM_TEST, 0, i, 256);
    refused(n, "not a WAV file");
    /* Nothing but empty chunks: the walk ends. */
    memset(bytes + 12, 0, sizeof bytes - 12);
    memcpy(bytes, "RIFF....WAVE", 12);
    refused(sizeof bytes, "ends before its samples");
}

static double not_finite;

static double one_bad(size_t frame, unsigned channel)
{
    return frame == 400 ? not_finite : noise(frame, channel);
}

static void test_not_finite(void **state)
{
    (void)state;
    static const double bad[] = {NAN, INFINITY, -INFINITY, 65537, -1e30};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        not_finite = bad[k];
        for (unsigned bits = 32; bits <= 64; bits += 32) {
            bso_wav w = {3, 2, 16000, bits, 500, one_bad};
            refused(bso_wav_make(bytes, &w), "holds a sample of");
        }
    }
}

/* Chunks of other kinds, of odd length, before the samples; the wider format chunk. */
static void test_other_chunks(void **state)
{
    (void)state;
    static uint8_t plain[2000], wide[2000];
    bso_wav w = {1, 1, 16000, 16, 500, noise};
    size_t n = bso_wav_make(plain, &w);
    static const uint8_t note[] = "LIST\5\0\0\0abcde";
    size_t at = 36;
    memcpy(bytes, plain, at);
    memcpy(bytes + at, note, 14); /* with the 0 that makes it even */
    memcpy(bytes + at + 14, plain + at, n - at);
    if (!decode(n + 14)) fail_msg("%s", bso_error());
    for (size_t i = 0; i < 500; i++) assert_true((double)sound[i] == noise(i, 0));

    static const uint8_t rest[24] = {22, 0, 16, 0, 4,   0, 0, 0,    1, 0,    0,    0,
                                     0,  0, 16, 0, 128, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71};
    memcpy(wide, plain, 36);
    wide[16] = 40;
    wide[20] = 0xfe, wide[21] = 0xff;
    memcpy(wide + 36, rest, sizeof rest);
    memcpy(wide + 60, plain + 36, n - 36);
    memcpy(bytes, wide, n + 24);
    if (!decode(n + 24)) fail_msg("%s", bso_error());
    for (size_t i = 0; i < 500; i++) assert_true((double)sound[i] == noise(i, 0));
}

static void test_files(void **state)
{
    (void)state;
    bso_wav w = {1, 1, 16000, 16, 500, noise};
    const char *name = "a name\nwith 'all' \"sorts\".wav";
    bso_wav_put(name, &w);
    assert_int_equal(bso_audio_read(bso_files_at(name), NULL, sound), 0);
    for (size_t i = 0; i < 500; i++) assert_true((double)sound[i] == noise(i, 0));

    assert_int_equal(bso_audio_read(bso_files_at("absent.wav"), NULL, sound), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "absent.wav: No such file"));
    assert_int_equal(bso_audio_read(bso_files_root, NULL, sound), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "not a regular file"));
    assert_int_equal(mkfifo(bso_files_at("pipe.wav"), 0600), 0);
    assert_int_equal(bso_audio_read(bso_files_at("pipe.wav"), NULL, sound), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "not a regular file"));
    assert_int_equal(symlink("loop.wav", bso_files_at("loop.wav")), 0);
    assert_int_equal(bso_audio_read(bso_files_at("loop.wav"), NULL, sound), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "loop.wav"));
    bso_files_put("empty.wav", bytes, 0);
    assert_int_equal(bso_audio_read(bso_files_at("empty.wav"), NULL, sound), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "empty.wav: not a WAV file"));
    bso_files_put("large.wav", bytes, 1);
    assert_int_equal(truncate(bso_files_at("large.wav"), BSO_AUDIO_BYTES_MAX + 1), 0);
    assert_int_equal(bso_audio_read(bso_files_at("large.wav"), NULL, sound), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "16777217 bytes"));

    static float written[SAMPLES];
    for (size_t i = 0; i < SAMPLES; i++) written[i] = i ? (float)noise(i, 0) : 1.5f;
    assert_int_equal(bso_audio_write(bso_files_at("written.wav"), written, SAMPLES), 0);
    assert_int_equal(bso_audio_read(bso_files_at("written.wav"), NULL, sound), 0);
    assert_true(sound[0] == 32767.0f / 32768);
    for (size_t i = 1; i < SAMPLES; i++) assert_true(fabsf(sound[i] - written[i]) <= 1.0f / 32768);
    assert_int_equal(bso_audio_write("/nowhere/x.wav", written, SAMPLES), BSO_ERROR);
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

/* ---- the spectrogram ---- */

/* Slaney's scale, from the numbers of his Auditory Toolbox: 66.67 Hz a step to 1000 Hz, from there 27 steps
 * for a factor of 6.4. */
static double slaney(double mel)
{
    return mel < 15 ? mel * 200 / 3 : 1000 * pow(6.4, (mel - 15) / 27);
}

static double corner(int size, int i)
{
    double top = 15 + 27 * log(8) / log(6.4);
    return slaney(top * i / (size + 1));
}

static void test_filters(void **state)
{
    (void)state;
    for (int size = 8; size <= 126; size += size == 32 ? 94 : 24) {
        bso_mel *m = bso_mel_create(size);
        assert_non_null(m);
        for (int band = 0; band < size; band++) {
            const float *filter = bso_mel_filter(m, band);
            double low = corner(size, band), middle = corner(size, band + 1), high = corner(size, band + 2);
            double sum = 0, spacing = 16000.0 / BSO_MEL_WINDOW;
            for (int bin = 0; bin < BSO_MEL_BINS; bin++) {
                double hertz = bin * spacing, expected = 0;
                if (hertz > low && hertz <= middle) expected = (hertz - low) / (middle - low);
                if (hertz > middle && hertz < high) expected = (high - hertz) / (high - middle);
                expected *= 2 / (high - low);
                assert_true(fabs(filter[bin] - expected) < 1e-8);
                sum += filter[bin] * spacing;
            }
            /* Its area, by sums of rectangles: off by what a corner between two bins makes. */
            assert_true(fabs(sum - 1) < 0.5 * pow(spacing / (middle - low), 2) + 1e-6);
        }
        bso_mel_free(m);
    }
    assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
}

static void test_frames(void **state)
{
    (void)state;
    static const int known[][2] = {{16, 1024}, {32, 512}, {64, 252}, {126, 128}};
    for (int size = BSO_MEL_SIZE_MIN; size <= BSO_MEL_SIZE_MAX; size++) {
        bso_mel *m = bso_mel_create(size);
        if (!m) fail_msg("%s", bso_error());
        int hop = bso_mel_hop(m), frames = 0;
        for (int at = 0; at <= SAMPLES; at += hop) frames++;
        assert_int_equal(frames, size);
        for (size_t k = 0; k < sizeof known / sizeof *known; k++)
            if (known[k][0] == size) assert_int_equal(hop, known[k][1]);
        bso_mel_free(m);
    }
    assert_null(bso_mel_create(BSO_MEL_SIZE_MIN - 1));
    assert_non_null(strstr(bso_error(), "image_size"));
    assert_null(bso_mel_create(BSO_MEL_SIZE_MAX + 1));
    for (size_t n = 1; n <= 4; n++) {
        bso_mem_fail_after(n);
        assert_null(bso_mel_create(32));
        bso_mem_fail_after(0);
        assert_int_equal(bso_mem_current(BSO_MEM_CATEGORIES), 0);
    }
}

/* Power of a frame by the definition: window, sums of products with sines, filters; all in double. */
static void slow_power(const bso_mel *m, int size, int t, double *power)
{
    static double re[BSO_MEL_BINS], im[BSO_MEL_BINS], turn[BSO_MEL_WINDOW];
    for (int i = 0; i < BSO_MEL_WINDOW; i++) turn[i] = cos(2 * pi * i / BSO_MEL_WINDOW);
    memset(re, 0, sizeof re);
    memset(im, 0, sizeof im);
    for (int i = 0; i < BSO_MEL_WINDOW; i++) {
        int at = t * bso_mel_hop(m) + i - BSO_MEL_WINDOW / 2;
        if (at < 0) at = -at;
        if (at > SAMPLES - 1) at = SAMPLES - 1 - (at - (SAMPLES - 1));
        double x = pow(sin(pi * i / BSO_MEL_WINDOW), 2) * sound[at];
        for (int bin = 0; bin < BSO_MEL_BINS; bin++) {
            int phase = (int)((long)bin * i % BSO_MEL_WINDOW);
            re[bin] += x * turn[phase];
            im[bin] -= x * turn[(phase + BSO_MEL_WINDOW * 3 / 4) % BSO_MEL_WINDOW];
        }
    }
    for (int band = 0; band < size; band++) {
        power[band] = 0;
        for (int bin = 0; bin < BSO_MEL_BINS; bin++)
            power[band] += (double)bso_mel_filter(m, band)[bin] * (re[bin] * re[bin] + im[bin] * im[bin]);
    }
}

static void test_against_definition(void **state)
{
    (void)state;
    enum { SIZE = 32 };
    float power[SIZE * SIZE], picture[SIZE * SIZE];
    for (int i = 0; i < SAMPLES; i++)
        sound[i] = (float)(fine_noise((size_t)i, 0) * exp(-i / 4000.0) + 0.2 * sin(0.3 * i));
    bso_mel *m = bso_mel_create(SIZE);
    bso_mel_power(m, sound, power);
    bso_mel_picture(m, sound, picture);
    double loudest = 0;
    for (int i = 0; i < SIZE * SIZE; i++) loudest = fmax(loudest, power[i]);
    for (int t = 0; t < SIZE; t++) {
        double expected[SIZE];
        slow_power(m, SIZE, t, expected);
        for (int band = 0; band < SIZE; band++) {
            float seen = power[band * SIZE + t];
            if (!(fabs(seen - expected[band]) < 1e-4 * expected[band]))
                fail_msg("band %d, frame %d: %g is not %g", band, t, (double)seen, expected[band]);
            double decibels = fmax(10 * log10(expected[band] / loudest), -80);
            assert_true(fabs(picture[band * SIZE + t] - (decibels + 80) / 80) < 1e-5);
        }
    }
    bso_mel_free(m);
}

/* A sine of amplitude A at a bin's frequency has |X|^2 = (A w / 2)^2 there, w = 1024 the window's sum, and a
 * quarter of it to the left and right: the Hann window's three lines. */
static void test_tones(void **state)
{
    (void)state;
    enum { SIZE = 32 };
    float power[SIZE * SIZE], picture[SIZE * SIZE];
    bso_mel *m = bso_mel_create(SIZE);
    static const int bins[] = {20, 64, 128, 200, 333, 512, 900, 1000};
    for (size_t k = 0; k < sizeof bins / sizeof *bins; k++) {
        int bin = bins[k], nearest = 0;
        double amplitude = 0.7, hertz = bin * 16000.0 / BSO_MEL_WINDOW, line = pow(amplitude * 512, 2);
        for (int i = 0; i < SAMPLES; i++) sound[i] = (float)(amplitude * sin(2 * pi * hertz * i / SAMPLES));
        bso_mel_power(m, sound, power);
        bso_mel_picture(m, sound, picture);
        for (int band = 0; band < SIZE; band++) {
            const float *f = bso_mel_filter(m, band);
            double expected = line * (f[bin] + (f[bin - 1] + f[bin + 1]) / 4.0);
            /* Frames 2 to 29 lie wholly within the second. */
            for (int t = 2; t < 30; t++) {
                if (!(fabs(power[band * SIZE + t] - expected) < 1e-5 * line))
                    fail_msg("%g Hz, band %d, frame %d: %g is not %g", hertz, band, t,
                             (double)power[band * SIZE + t], expected);
            }
            if (f[bin] > bso_mel_filter(m, nearest)[bin]) nearest = band;
        }
        for (int t = 2; t < 30; t++) {
            for (int band = 0; band < SIZE; band++) {
                float seen = picture[band * SIZE + t];
                assert_true(seen >= 0 && seen <= 1 && seen <= picture[nearest * SIZE + t]);
            }
            assert_true(picture[nearest * SIZE + t] > 0.95f);
        }
        /* The tone lies between the corners of the band that it is loudest in. */
        assert_true(hertz > corner(SIZE, nearest) && hertz < corner(SIZE, nearest + 2));
    }
    bso_mel_free(m);
}

static void test_silence_and_scale(void **state)
{
    (void)state;
    enum { SIZE = 28 };
    float picture[SIZE * SIZE], louder[SIZE * SIZE];
    bso_mel *m = bso_mel_create(SIZE);
    memset(sound, 0, sizeof sound);
    bso_mel_picture(m, sound, picture);
    for (int i = 0; i < SIZE * SIZE; i++) assert_true(picture[i] == 1);
    sound[SAMPLES / 2] = 65536; /* a click; the frames that miss it are 80 dB down */
    bso_mel_picture(m, sound, picture);
    assert_true(picture[0] == 0 && picture[SIZE - 1] == 0);
    for (int i = 0; i < SIZE * SIZE; i++) assert_true(picture[i] >= 0 && picture[i] <= 1);
    /* How loud a recording is does not matter. */
    for (int i = 0; i < SAMPLES; i++) sound[i] = (float)fine_noise((size_t)i, 0) / 1024;
    bso_mel_picture(m, sound, picture);
    for (int i = 0; i < SAMPLES; i++) sound[i] *= 1024;
    bso_mel_picture(m, sound, louder);
    for (int i = 0; i < SIZE * SIZE; i++) assert_true(fabsf(picture[i] - louder[i]) < 1e-6f);
    bso_mel_free(m);
}

/* The same bits in every thread. */
static void test_threads(void **state)
{
    (void)state;
    enum { SIZE = 32, TIMES = 40 };
    float once[SIZE * SIZE];
    int differ = 0;
    bso_mel *m = bso_mel_create(SIZE);
    for (int i = 0; i < SAMPLES; i++) sound[i] = (float)fine_noise((size_t)i, 0);
    bso_mel_picture(m, sound, once);
#pragma omp parallel for reduction(+ : differ) num_threads(4)
    for (int k = 0; k < TIMES; k++) {
        float again[SIZE * SIZE];
        bso_mel_picture(m, sound, again);
        differ += memcmp(once, again, sizeof once) != 0;
    }
    assert_int_equal(differ, 0);
    bso_mel_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_other_chunks),
        cmocka_unit_test_setup_teardown(test_files, bso_files_setup, bso_files_teardown),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_against_definition),
        cmocka_unit_test(test_tones),
        cmocka_unit_test(test_silence_and_scale),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
