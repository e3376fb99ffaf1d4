/* speech_mel.c: see speech_mel.h. FFTW (Frigo and Johnson 2005) transforms; it allocates its plan by itself,
 * some kB. FFTW_ESTIMATE chooses a plan without timing anything, so that the same machine gives the same
 * bits.
 */
#include "datasets/speech_mel.h"

#include "core/error.h"
#include "core/memory.h"
#include "datasets/speech_audio.h"

#include <fftw3.h>
#include <math.h>
#include <pthread.h>

static const double pi = 3.14159265358979323846, quietest = 1e-10;

struct bso_mel {
    int size, hop;
    fftwf_plan plan;
    float *window;   /* [BSO_MEL_WINDOW] */
    float *filters;  /* [size][BSO_MEL_BINS] */
    int (*reach)[2]; /* [size]: the first bin of a filter that is not 0, and the one behind the last */
};

/* FFTW's planner is not thread-safe; its execution is. */
static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;

/* ---- Slaney's scale: linear up to 1000 Hz, logarithmic above ---- */

static double from_mel(double mel)
{
    const double step = 200.0 / 3, knee = 1000, knee_mel = knee / step;
    return mel < knee_mel ? mel * step : knee * exp(log(6.4) / 27 * (mel - knee_mel));
}

static double to_mel(double hertz)
{
    const double step = 200.0 / 3, knee = 1000, knee_mel = knee / step;
    return hertz < knee ? hertz / step : knee_mel + log(hertz / knee) * 27 / log(6.4);
}

static void make_filters(bso_mel *m)
{
    double top = to_mel(BSO_AUDIO_RATE / 2.0);
    for (int band = 0; band < m->size; band++) {
        float *filter = m->filters + (size_t)band * BSO_MEL_BINS;
        double corner[3];
        for (int i = 0; i < 3; i++) corner[i] = from_mel(top * (band + i) / (m->size + 1));
        for (int bin = 0; bin < BSO_MEL_BINS; bin++) {
            double hertz = (double)bin * BSO_AUDIO_RATE / BSO_MEL_WINDOW;
            double rising = (hertz - corner[0]) / (corner[1] - corner[0]);
            double falling = (corner[2] - hertz) / (corner[2] - corner[1]);
            double height = fmin(rising, falling);
            if (height <= 0) continue;
            filter[bin] = (float)(height * 2 / (corner[2] - corner[0]));
            if (!m->reach[band][1]) m->reach[band][0] = bin;
            m->reach[band][1] = bin + 1;
        }
    }
}

/* The hop with the most factors of two that makes exactly `size` frames. */
static int choose_hop(int size)
{
    int best = 0;
    for (int hop = BSO_AUDIO_SAMPLES / size + 1; hop <= BSO_AUDIO_SAMPLES / (size - 1); hop++) {
        if (__builtin_ctz((unsigned)hop) >= (best ? __builtin_ctz((unsigned)best) : 0)) best = hop;
    }
    return best;
}

bso_mel *bso_mel_create(int size)
{
    if (size < BSO_MEL_SIZE_MIN || size > BSO_MEL_SIZE_MAX) {
        bso_fail("image_size: a spectrogram of %d x %d is outside %d to %d", size, size, BSO_MEL_SIZE_MIN,
                 BSO_MEL_SIZE_MAX);
        return NULL;
    }
    bso_mel *m = bso_alloc(BSO_MEM_CONTROL, 1, sizeof *m, "the spectrogram");
    if (!m) return NULL;
    m->size = size;
    m->hop = choose_hop(size);
    m->window = bso_alloc(BSO_MEM_WORKSPACE, BSO_MEL_WINDOW, sizeof *m->window, "the spectrogram's window");
    m->filters = bso_alloc(BSO_MEM_WORKSPACE, (size_t)size * BSO_MEL_BINS, sizeof *m->filters, "mel filters");
    m->reach = bso_alloc(BSO_MEM_WORKSPACE, (size_t)size, sizeof *m->reach, "mel filters");
    if (!m->window || !m->filters || !m->reach) {
        bso_mel_free(m);
        return NULL;
    }
    for (int i = 0; i < BSO_MEL_WINDOW; i++)
        m->window[i] = (float)(0.5 - 0.5 * cos(2 * pi * i / BSO_MEL_WINDOW));
    make_filters(m);
    _Alignas(64) float frame[BSO_MEL_WINDOW];
    _Alignas(64) fftwf_complex spectrum[BSO_MEL_BINS];
    pthread_mutex_lock(&planner);
    m->plan = fftwf_plan_dft_r2c_1d(BSO_MEL_WINDOW, frame, spectrum, FFTW_ESTIMATE);
    pthread_mutex_unlock(&planner);
    if (!m->plan) {
        bso_mel_free(m);
        bso_fail("the spectrogram: FFTW has no plan for %d samples", BSO_MEL_WINDOW);
        return NULL;
    }
    return m;
}

void bso_mel_free(bso_mel *m)
{
    if (!m) return;
    if (m->plan) {
        pthread_mutex_lock(&planner);
        fftwf_destroy_plan(m->plan);
        pthread_mutex_unlock(&planner);
    }
    bso_free(m->window);
    bso_free(m->filters);
    bso_free(m->reach);
    bso_free(m);
}

int bso_mel_hop(const bso_mel *m)
{
    return m->hop;
}

const float *bso_mel_filter(const bso_mel *m, int band)
{
    return m->filters + (size_t)band * BSO_MEL_BINS;
}

/* ---- pictures ---- */

/* A place before the beginning or behind the end is its mirror image; the end samples are not repeated. */
static int reflected(int at)
{
    if (at < 0) return -at;
    return at < BSO_AUDIO_SAMPLES ? at : 2 * (BSO_AUDIO_SAMPLES - 1) - at;
}

void bso_mel_power(const bso_mel *m, const float *samples, float *power)
{
    _Alignas(64) float frame[BSO_MEL_WINDOW]; /* aligned as the plan's own */
    _Alignas(64) fftwf_complex spectrum[BSO_MEL_BINS];
    double energy[BSO_MEL_BINS];
    for (int t = 0; t < m->size; t++) {
        int first = t * m->hop - BSO_MEL_WINDOW / 2;
        for (int i = 0; i < BSO_MEL_WINDOW; i++) frame[i] = m->window[i] * samples[reflected(first + i)];
        fftwf_execute_dft_r2c(m->plan, frame, spectrum);
        for (int bin = 0; bin < BSO_MEL_BINS; bin++) {
            double re = spectrum[bin][0], im = spectrum[bin][1];
            energy[bin] = re * re + im * im;
        }
        for (int band = 0; band < m->size; band++) {
            const float *filter = bso_mel_filter(m, band);
            double sum = 0;
            for (int bin = m->reach[band][0]; bin < m->reach[band][1]; bin++)
                sum += filter[bin] * energy[bin];
            power[band * m->size + t] = (float)sum;
        }
    }
}

void bso_mel_picture(const bso_mel *m, const float *samples, float *out)
{
    int count = m->size * m->size;
    bso_mel_power(m, samples, out);
    double loudest = quietest;
    for (int i = 0; i < count; i++) loudest = fmax(loudest, out[i]);
    for (int i = 0; i < count; i++) {
        double below = 10 * log10(loudest / fmax(out[i], quietest));
        out[i] = (float)(1 - fmin(below, BSO_MEL_RANGE) / BSO_MEL_RANGE);
    }
}
