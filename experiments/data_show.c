/* data_show.c: `bso data show`: samples with their labels as one picture, to see that they fit together.
 *
 * Samples come from the loader, so they are what training sees, augmentation included. gnuplot writes the
 * labels and the file.
 */
#define _GNU_SOURCE
#include "experiments/data.h"

#include "core/error.h"
#include "core/memory.h"
#include "experiments/program.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { ROWS_MAX = 20, GAP = 4, MARGIN = 150, HEAD = 34, TILE = 64, WIDTH_MAX = 1400 };

typedef struct {
    bso_loader loader;
    bso_split split;
    int rows, columns, scale; /* samples of a class and frames of a sample lie side by side */
    int width, height;        /* of the picture */
    uint8_t *rgb;             /* [height][width][3] */
    float *sample;
} sheet;

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* Which classes, how many of each, how large. */
static int lay_out(sheet *s, int samples)
{
    const bso_dataset *d = &s->loader.data;
    s->rows = smaller(d->classes, ROWS_MAX);
    s->scale = d->width < TILE ? (TILE + d->width - 1) / d->width : 1;
    int tile = d->width * s->scale + GAP, fit = WIDTH_MAX / tile > 0 ? WIDTH_MAX / tile : 1;
    int wanted = samples ? samples : smaller(10, fit / d->frames > 0 ? fit / d->frames : 1);
    s->columns = d->frames > 1 && !samples ? smaller(d->frames, fit) : wanted * d->frames;
    s->width = MARGIN + s->columns * tile + GAP;
    s->height = HEAD + s->rows * (d->height * s->scale + GAP) + GAP;
    if (s->width > 30000 || s->height > 30000)
        return bso_fail("--samples %d: the sheet would be %d x %d pixels; ask for fewer", samples, s->width,
                        s->height);
    s->rgb = bso_alloc(BSO_MEM_WORKSPACE, (size_t)s->width * (size_t)s->height, 3, "the sheet");
    size_t values = bso_dataset_values(d);
    s->sample = bso_alloc(BSO_MEM_WORKSPACE, values, sizeof *s->sample, "a sample");
    if (!s->rgb || !s->sample) return BSO_ERROR;
    memset(s->rgb, 255, 3 * (size_t)s->width * (size_t)s->height);
    return 0;
}

static uint8_t byte_of(double x)
{
    return (uint8_t)(255 * fmin(1, fmax(0, x)) + 0.5);
}

/* The colour of a pixel: values[channels], in 0 to 1 of what the sample spans. */
static void colour(const bso_dataset *d, const double *values, uint8_t rgb[3])
{
    if (d->channels == 3) {
        for (int k = 0; k < 3; k++) rgb[k] = byte_of(values[k]);
    } else if (d->channels == 2) {
        /* Events: brighter is red, darker blue, none white. */
        rgb[0] = byte_of(1 - values[0]);
        rgb[1] = byte_of(1 - values[0] - values[1]);
        rgb[2] = byte_of(1 - values[1]);
    } else if (d->pictures || d->channels > 3) {
        rgb[0] = rgb[1] = rgb[2] = byte_of(values[0]);
    } else {
        /* From black over violet and orange to white. */
        rgb[0] = byte_of(1.6 * values[0]);
        rgb[1] = byte_of(values[0] * values[0] * 1.3 - 0.1);
        rgb[2] = byte_of(values[0] < 0.5 ? 1.2 * values[0] : 4 * (values[0] - 0.5) * (values[0] - 0.5) + 0.3);
    }
}

/* The least and the largest value; pictures are shown as they are. */
static void span(const bso_dataset *d, const float *x, double *low, double *high)
{
    size_t n = bso_dataset_values(d);
    *low = 0;
    *high = d->pictures ? 1 : 0;
    for (size_t i = 0; i < n && !d->pictures; i++) {
        *low = fmin(*low, (double)x[i]);
        *high = fmax(*high, (double)x[i]);
    }
    if (*high <= *low) *high = *low + 1;
}

static void draw(sheet *s, int row, int column, int frame)
{
    const bso_dataset *d = &s->loader.data;
    int side = d->width * s->scale, rise = d->height * s->scale;
    int top = HEAD + row * (rise + GAP), left = MARGIN + column * (side + GAP);
    double low, high;
    span(d, s->sample, &low, &high);
    bool spectrogram = !d->pictures && d->channels == 1 && d->frames == 1;
    for (int y = 0; y < rise; y++) {
        for (int x = 0; x < side; x++) {
            double values[BSO_CHANNELS_MAX];
            int from = spectrogram ? rise - 1 - y : y; /* low tones at the bottom */
            for (int k = 0; k < d->channels; k++) {
                size_t at = (size_t)(frame * d->channels + k) * (size_t)d->height + (size_t)(from / s->scale);
                values[k] =
                    ((double)s->sample[at * (size_t)d->width + (size_t)(x / s->scale)] - low) / (high - low);
            }
            colour(d, values, s->rgb + 3 * ((size_t)(top + y) * (size_t)s->width + (size_t)(left + x)));
        }
    }
}

/* The sample at a position, normalisation undone. */
static int fetch(sheet *s, size_t position, int *label)
{
    bso_loader *l = &s->loader;
    const bso_dataset *d = &l->data;
    if (bso_loader_batch(l, s->split, 0, position, 1, s->sample, label, NULL)) return BSO_ERROR;
    size_t plane = (size_t)d->height * (size_t)d->width;
    for (int k = 0; k < d->frames * d->channels; k++) {
        int channel = k % d->channels;
        float *x = s->sample + (size_t)k * plane;
        for (size_t p = 0; p < plane; p++) x[p] = x[p] * l->deviation[channel] + l->mean[channel];
    }
    return 0;
}

static int fill(sheet *s)
{
    const bso_dataset *d = &s->loader.data;
    bso_split stored = s->split == BSO_SPLIT_TEST ? BSO_SPLIT_TEST : BSO_SPLIT_TRAIN;
    int used[ROWS_MAX] = {0}, full = 0;
    for (size_t i = 0; i < s->loader.count[s->split] && full < s->rows; i++) {
        int label = d->label(d, stored, bso_loader_index(&s->loader, s->split, i));
        if (label >= s->rows || used[label] >= s->columns) continue;
        if (fetch(s, i, &label)) return BSO_ERROR;
        for (int frame = 0; frame < d->frames && used[label] < s->columns; frame++) {
            draw(s, label, used[label]++, frame);
        }
        full += used[label] >= s->columns;
    }
    return 0;
}

/* ---- gnuplot ---- */

/* Text between single quotes, in which gnuplot takes nothing for a command. */
static void put_quoted(FILE *to, const char *text)
{
    putc('\'', to);
    for (; *text; text++) {
        if (*text == '\'') putc('\'', to);
        putc((unsigned char)*text < ' ' || *text == 127 ? '?' : *text, to);
    }
    putc('\'', to);
}

static void put_script(FILE *to, const sheet *s)
{
    const bso_dataset *d = &s->loader.data;
    fprintf(
        to,
        "set terminal pngcairo size %d,%d font 'sans,9'\n"
        "unset border\nunset tics\nunset key\nset margins 0,0,0,0\nset xrange [0:%d]\nset yrange [%d:0]\n",
        s->width, s->height, s->width, s->height);
    fprintf(to, "set label ");
    put_quoted(to, d->name);
    fprintf(to, " at 8,%d noenhanced front font 'sans,12'\n", HEAD / 2);
    int tile = d->height * s->scale + GAP;
    for (int row = 0; row < s->rows; row++) {
        char text[64];
        snprintf(text, sizeof text, "%d %.24s", row, d->class_names ? d->class_names[row] : "");
        fprintf(to, "set label ");
        put_quoted(to, text);
        fprintf(to, " at 8,%d noenhanced front\n", HEAD + row * tile + tile / 2);
    }
    fprintf(to, "plot '-' binary array=(%d,%d) format='%%uchar' with rgbimage\n", s->width, s->height);
    fwrite(s->rgb, 3, (size_t)s->width * (size_t)s->height, to);
}

/* Run gnuplot with that script on its input and the file behind its output. */
static int run_gnuplot(const sheet *s, int output)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return bso_fail("gnuplot: %s", strerror(errno));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    char name[] = "gnuplot", *const arguments[] = {name, NULL};
    pid_t child;
    int cause = posix_spawnp(&child, name, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    FILE *to = fdopen(ends[1], "w");
    if (!to) close(ends[1]);
    if (cause) {
        if (to) fclose(to);
        return bso_fail("gnuplot: cannot be started (%s); install gnuplot-nox", strerror(cause));
    }
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    if (to) {
        put_script(to, s);
        fclose(to);
    }
    signal(SIGPIPE, before);
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    bool ok = to && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return ok ? 0 : bso_fail("gnuplot: it did not draw the sheet (what it said is above)");
}

static int write_sheet(const sheet *s, const char *path)
{
    char beside[BSO_PATH];
    if (bso_file_beside(path, beside)) return bso_fail_context("--out");
    int output = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (output < 0) return bso_fail("%s: cannot be written: %s", path, strerror(errno));
    int rc = run_gnuplot(s, output);
    if (close(output) && !rc) rc = bso_fail("%s: cannot be written: %s", path, strerror(errno));
    if (!rc && rename(beside, path)) rc = bso_fail("%s: cannot be written: %s", path, strerror(errno));
    if (rc) unlink(beside);
    return rc;
}

int bso_data_show(const bso_data_options *o)
{
    char path[BSO_TEXT];
    snprintf(path, sizeof path, "%s.png", o->name);
    for (char *c = path; *c; c++) {
        if (*c == '/' || *c == ':') *c = '-';
    }
    if (bso_start((int)o->settings.threads)) return BSO_ERROR;
    sheet s = {.split = o->test ? BSO_SPLIT_TEST : BSO_SPLIT_TRAIN};
    bso_settings settings = o->settings;
    settings.shuffle = false;
    if (bso_loader_open(&s.loader, &settings)) return BSO_ERROR;
    int rc = lay_out(&s, o->samples);
    if (!rc) rc = fill(&s);
    if (!rc) rc = write_sheet(&s, o->out ? o->out : path);
    if (!rc)
        printf("%s: %s, %s split, %d of %d classes\n", o->out ? o->out : path, s.loader.data.name,
               o->test ? "test" : "training", s.rows, s.loader.data.classes);
    bso_free(s.rgb);
    bso_free(s.sample);
    bso_loader_close(&s.loader);
    return rc;
}
