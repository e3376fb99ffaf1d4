/* progress.c: how long it takes and how far it is, for people: on a terminal one line that is redrawn,
 * elsewhere plain lines. */
#include "experiments/program.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

void bso_duration_text(double seconds, char *text, size_t size)
{
    if (!isfinite(seconds) || seconds < 0 || seconds > 1e9) {
        snprintf(text, size, "?");
        return;
    }
    if (seconds < 9.95) {
        snprintf(text, size, "%.1f s", seconds);
        return;
    }
    long s = lround(seconds), minutes = lround(seconds / 60), hours = lround(seconds / 3600);
    if (s < 100) {
        snprintf(text, size, "%ld s", s);
    } else if (minutes < 60) {
        snprintf(text, size, "%ld min", minutes);
    } else if (hours < 48) {
        snprintf(text, size, "%ld h %02ld min", minutes / 60, minutes % 60);
    } else {
        snprintf(text, size, "%ld days %ld h", hours / 24, hours % 24);
    }
}

void bso_notice_show(const char *what, size_t done, size_t total)
{
    static bso_status status;
    static double begun;
    static bool running;
    char line[256], left[32];
    if (total == 0) {
        bso_status_clear(&status);
        fprintf(stderr, "bso: %s\n", what);
        return;
    }
    if (!running) {
        bso_status_init(&status, 5);
        begun = bso_clock();
        running = true;
    }
    double seconds = bso_clock() - begun;
    bso_duration_text(seconds * (double)(total - done) / (done ? (double)done : 1), left, sizeof left);
    snprintf(line, sizeof line, "%s: %zu of %zu, %s left", what, done, total, left);
    if (done < total) {
        bso_status_show(&status, false, line);
    } else {
        bso_status_clear(&status);
        running = false;
    }
}

void bso_status_init(bso_status *s, double interval)
{
    *s = (bso_status){.terminal = isatty(STDOUT_FILENO) == 1, .interval = interval, .last = bso_clock()};
}

void bso_status_show(bso_status *s, bool now, const char *line)
{
    if (s->terminal) {
        struct winsize window;
        int columns = 80;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1) columns = window.ws_col;
        /* A line that wraps could not be redrawn. */
        printf("\r\033[K%.*s", columns - 1, line);
        s->drawn = true;
    } else if (now || bso_clock() - s->last >= s->interval) {
        printf("%s\n", line);
        s->last = bso_clock();
    }
    fflush(stdout);
}

void bso_status_clear(bso_status *s)
{
    if (s->drawn) printf("\r\033[K");
    s->drawn = false;
    fflush(stdout);
}

/* Append to a line, printf style without overflow; what does not fit is cut. */
__attribute__((format(printf, 3, 4))) static void add(char *line, size_t size, const char *format, ...)
{
    size_t used = strlen(line);
    va_list args;
    va_start(args, format);
    vsnprintf(line + used, size - used, format, args);
    va_end(args);
}

void bso_progress_show(const bso_progress *p, void *user)
{
    char line[256] = "", left[32];
    add(line, sizeof line, "epoch %d/%d", p->epoch, p->epochs);
    if (!p->epoch_end && p->batches > 0) {
        add(line, sizeof line, " %2.0f %%", 100.0 * (double)p->batch / (double)p->batches);
    }
    add(line, sizeof line, "  loss %.4f  accuracy %.2f %%", p->loss, 100 * p->accuracy);
    if (p->epoch_end && p->epoch >= 1 && p->run->epochs_done >= p->epoch) {
        const bso_epoch_log *e = &p->run->epochs[p->epoch - 1];
        if (!isnan(e->validation_accuracy)) {
            add(line, sizeof line, "  validation %.2f %%", 100 * e->validation_accuracy);
        }
        if (!isnan(e->test_accuracy)) add(line, sizeof line, "  test %.2f %%", 100 * e->test_accuracy);
    }
    if (!isnan(p->flip_rate)) add(line, sizeof line, "  flip rate %.1e", p->flip_rate);
    if (!isnan(p->images_per_second)) add(line, sizeof line, "  %.0f images/s", p->images_per_second);
    if (p->epoch_end && p->run->epochs_done >= p->epoch) {
        /* What cannot be seen need not be said. */
        const bso_epoch_log *e = &p->run->epochs[p->epoch - 1];
        double share = 100 * e->waiting_seconds / e->seconds;
        if (share >= 0.5) add(line, sizeof line, "  %.0f %% waiting for samples", share);
    }
    bso_duration_text(p->seconds_left, left, sizeof left);
    add(line, sizeof line, "  %s left", left);
    bso_status_show(user, p->epoch_end, line);
}
