/* speech_audio.c: WAV by libsndfile, resampling by libsamplerate. See speech_audio.h.
 *
 * libsndfile forgives a file that was cut short, and opens two dozen other formats and codecs. Neither is
 * wanted of a stranger's file, so the chunks are walked here first: only plain samples, all of them there,
 * reach it.
 */
#include "datasets/speech_audio.h"

#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <samplerate.h>
#include <sndfile.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CHANNELS_MAX = 8,
    RATE_MIN = 1000,
    RATE_MAX = 192000,
    LOUDEST = 65536, /* float files at the scale of 16-bit integers are met */
    BLOCK = 1024,    /* frames read at a time */
    PCM = 1,         /* format tags */
    FLOATS = 3,
    EXTENSIBLE = 0xfffe
};

struct header {
    unsigned tag, channels, rate, bits;
    size_t frames;
};

/* ---- the chunks of a WAV file (Microsoft and IBM 1991; WAVEFORMATEXTENSIBLE 2001) ---- */

static unsigned little(const uint8_t *at, int bytes)
{
    unsigned value = 0;
    for (int i = 0; i < bytes; i++) value |= (unsigned)at[i] << (8 * i);
    return value;
}

static int read_format(struct header *h, const uint8_t *body, size_t size, const char *name)
{
    if (size < 16) return bso_fail("%s: its fmt chunk has %zu bytes, less than 16", name, size);
    h->tag = little(body, 2);
    h->channels = little(body + 2, 2);
    h->rate = little(body + 4, 4);
    h->bits = little(body + 14, 2);
    if (h->tag == EXTENSIBLE && size >= 40) h->tag = little(body + 24, 2);
    bool integers = h->tag == PCM && (h->bits == 8 || h->bits == 16 || h->bits == 24 || h->bits == 32);
    bool floats = h->tag == FLOATS && (h->bits == 32 || h->bits == 64);
    if (!integers && !floats)
        return bso_fail("%s: codec %u with %u bits is not read; 8 to 32 bit PCM and 32 or 64 bit float are",
                        name, h->tag, h->bits);
    if (h->channels < 1 || h->channels > CHANNELS_MAX)
        return bso_fail("%s: %u channels are outside 1 to %d", name, h->channels, CHANNELS_MAX);
    if (h->rate < RATE_MIN || h->rate > RATE_MAX)
        return bso_fail("%s: a rate of %u Hz is outside %d to %d", name, h->rate, RATE_MIN, RATE_MAX);
    if (little(body + 12, 2) != h->channels * (h->bits / 8))
        return bso_fail("%s: frames of %u bytes do not fit %u channels of %u bits", name,
                        little(body + 12, 2), h->channels, h->bits);
    return 0;
}

static int read_header(struct header *h, const uint8_t *bytes, size_t n, const char *name)
{
    memset(h, 0, sizeof *h);
    if (n < 12 || memcmp(bytes, "RIFF", 4) != 0 || memcmp(bytes + 8, "WAVE", 4) != 0)
        return bso_fail("%s: not a WAV file (it does not begin with RIFF and WAVE)", name);
    for (size_t at = 12; n - at >= 8;) {
        const uint8_t *chunk = bytes + at, *body = chunk + 8;
        size_t size = little(chunk + 4, 4), left = n - at - 8;
        if (size > left)
            return bso_fail("%s: truncated: a chunk of %zu bytes where %zu are left", name, size, left);
        if (memcmp(chunk, "fmt ", 4) == 0 && read_format(h, body, size, name)) return BSO_ERROR;
        if (memcmp(chunk, "data", 4) == 0) {
            if (!h->channels) return bso_fail("%s: its samples come before their format", name);
            h->frames = size / (h->channels * (h->bits / 8));
            if (!h->frames) return bso_fail("%s: holds no samples", name);
            return 0;
        }
        at += 8 + size;
        if (size % 2 && at < n) at++; /* chunks begin at even places */
    }
    return bso_fail("%s: truncated: ends before its samples", name);
}

/* ---- libsndfile on memory ---- */

struct memory {
    const uint8_t *bytes;
    sf_count_t length, at;
};

static sf_count_t memory_length(void *user)
{
    return ((struct memory *)user)->length;
}

static sf_count_t memory_seek(sf_count_t offset, int whence, void *user)
{
    struct memory *m = user;
    sf_count_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? m->at : m->length, to;
    if (__builtin_add_overflow(base, offset, &to) || to < 0 || to > m->length) return -1;
    m->at = to;
    return to;
}

static sf_count_t memory_read(void *out, sf_count_t count, void *user)
{
    struct memory *m = user;
    if (count > m->length - m->at) count = m->length - m->at;
    if (count <= 0) return 0;
    memcpy(out, m->bytes + m->at, (size_t)count);
    m->at += count;
    return count;
}

static sf_count_t memory_tell(void *user)
{
    return ((struct memory *)user)->at;
}

/* The mean of the channels, frame by frame. */
static int read_mono(SNDFILE *file, const struct header *h, const char *name, float *mono, size_t count)
{
    float block[BLOCK * CHANNELS_MAX];
    for (size_t done = 0; done < count;) {
        size_t n = count - done < BLOCK ? count - done : BLOCK;
        if (sf_readf_float(file, block, (sf_count_t)n) != (sf_count_t)n)
            return bso_fail("%s: cannot be read to its end", name);
        for (size_t i = 0; i < n; i++) {
            float sum = 0;
            for (size_t c = 0; c < h->channels; c++) {
                float x = block[i * h->channels + c];
                if (!(fabsf(x) <= LOUDEST)) return bso_fail("%s: holds a sample of %g", name, (double)x);
                sum += x;
            }
            mono[done + i] = sum / (float)h->channels;
        }
        done += n;
    }
    return 0;
}

/* A second of mono at the file's own rate, and a tenth more for the resampling filter to look at: its half
 * length is below 50 samples of the lower of the two rates. */
static size_t wanted(const struct header *h, const bso_audio_cut *cut, size_t *start)
{
    size_t last = h->frames, most = h->rate + h->rate / 10;
    *start = 0;
    if (cut) {
        size_t first = (size_t)(cut->first * (double)h->frames);
        last = (size_t)(cut->last * (double)h->frames);
        if (last > h->frames) last = h->frames;
        if (first > last) first = last;
        size_t room = last - first > h->rate ? last - first - h->rate : 0;
        *start = first + (size_t)(cut->draw * (double)(room + 1));
        if (*start > first + room) *start = first + room;
    }
    return last - *start < most ? last - *start : most;
}

static int resample(const float *mono, size_t count, unsigned rate, const char *name, float *out)
{
    if (rate == BSO_AUDIO_RATE) {
        memcpy(out, mono, (count < BSO_AUDIO_SAMPLES ? count : BSO_AUDIO_SAMPLES) * sizeof *out);
        return 0;
    }
    SRC_DATA data = {.data_in = mono,
                     .data_out = out,
                     .input_frames = (long)count,
                     .output_frames = BSO_AUDIO_SAMPLES,
                     .src_ratio = (double)BSO_AUDIO_RATE / rate};
    int failed = src_simple(&data, SRC_SINC_MEDIUM_QUALITY, 1);
    return failed ? bso_fail("%s: cannot be resampled from %u Hz: %s", name, rate, src_strerror(failed)) : 0;
}

int bso_audio_decode(const uint8_t *bytes, size_t n, const char *name, const bso_audio_cut *cut, float *out)
{
    struct header h;
    if (read_header(&h, bytes, n, name)) return BSO_ERROR;
    size_t start, count = wanted(&h, cut, &start);
    memset(out, 0, BSO_AUDIO_SAMPLES * sizeof *out);
    if (!count) return 0;

    struct memory memory = {bytes, (sf_count_t)n, 0};
    SF_VIRTUAL_IO io = {
        .get_filelen = memory_length, .seek = memory_seek, .read = memory_read, .tell = memory_tell};
    SF_INFO info = {0};
    SNDFILE *file = sf_open_virtual(&io, SFM_READ, &info, &memory);
    if (!file) return bso_fail("%s: libsndfile cannot read it", name);
    float *mono = NULL;
    int rc = BSO_ERROR;
    if (info.frames != (sf_count_t)h.frames || info.channels != (int)h.channels ||
        info.samplerate != (int)h.rate) {
        bso_fail("%s: its chunks contradict each other", name);
    } else if (start && sf_seek(file, (sf_count_t)start, SEEK_SET) != (sf_count_t)start) {
        bso_fail("%s: cannot be read from frame %zu", name, start);
    } else if ((mono = bso_alloc(BSO_MEM_WORKSPACE, count, sizeof *mono, "a recording"))) {
        rc = read_mono(file, &h, name, mono, count);
    }
    sf_close(file);
    if (!rc) rc = resample(mono, count, h.rate, name, out);
    bso_free(mono);
    return rc;
}

/* ---- files ---- */

static int read_all(int file, uint8_t *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = read(file, bytes + done, n - done);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return -1;
        done += (size_t)got;
    }
    return 0;
}

int bso_audio_read(const char *path, const bso_audio_cut *cut, float *out)
{
    int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a pipe must not hold us up */
    if (file < 0) return bso_fail("%s: %s", path, strerror(errno));
    struct stat status;
    uint8_t *bytes = NULL;
    int rc = BSO_ERROR;
    if (fstat(file, &status)) {
        bso_fail("%s: %s", path, strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        bso_fail("%s: not a regular file", path);
    } else if (status.st_size > BSO_AUDIO_BYTES_MAX) {
        bso_fail("%s: %lld bytes are more than the %d that a recording may have", path,
                 (long long)status.st_size, BSO_AUDIO_BYTES_MAX);
    } else if ((bytes = bso_alloc(BSO_MEM_WORKSPACE, (size_t)status.st_size, 1, "a recording's file"))) {
        rc = read_all(file, bytes, (size_t)status.st_size) ? bso_fail("%s: cannot be read", path) : 0;
    }
    close(file);
    if (!rc) rc = bso_audio_decode(bytes, (size_t)status.st_size, path, cut, out);
    bso_free(bytes);
    return rc;
}

int bso_audio_write(const char *path, const float *samples, size_t n)
{
    SF_INFO info = {.samplerate = BSO_AUDIO_RATE, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    if (!file) return bso_fail("%s: cannot be written", path);
    sf_command(file, SFC_SET_CLIPPING, NULL, SF_TRUE);
    bool written = sf_writef_float(file, samples, (sf_count_t)n) == (sf_count_t)n;
    if (sf_close(file) || !written) return bso_fail("%s: cannot be written", path);
    return 0;
}
