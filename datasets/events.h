/* events.h: streams of events from dynamic vision sensors: reading their files, and making frames of them.
 *
 * It knows two file formats and no data set; what is in which folder is the data sets' own.
 */
#ifndef BSO_EVENTS_H
#define BSO_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One change of brightness at a pixel. */
typedef struct {
    uint32_t t; /* microseconds; wraps after 71 minutes */
    uint8_t x, y;
    uint8_t polarity; /* 1: brighter, 0: darker */
} bso_event;

/* In the order of the file. */
typedef struct {
    bso_event *at;
    size_t count, room;
} bso_events;

/* Make room for `more` events behind those that there are. Returns 0 or BSO_ERROR. */
int bso_events_reserve(bso_events *e, size_t more);
void bso_events_free(bso_events *e);

/* The parsers: events of a file in memory; path: for messages only. Each returns 0, or BSO_ERROR naming the
 * file; in every case e is to be freed. */
typedef int bso_events_parser(bso_events *e, const uint8_t *bytes, size_t count, const char *path);

/* AEDAT 2.0 of a DVS128 (128 x 128): header lines that start with '#', the first one "#!AER-DAT2.0", then
 * pairs of big-endian 32-bit words, address and time in microseconds. Of the address, bit 0 is 1 for darker,
 * bits 1-7 are 127 - y and bits 8-14 are 127 - x: the order of axes of the loaders in common use, for
 * CIFAR10-DVS. Events with bit 15 set come from outside the pixels and are passed over. Times need not be in
 * order. Refused: another version, a header without end, an incomplete event, other high bits set. */
bso_events_parser bso_events_aedat;
enum { BSO_AEDAT_SIDE = 128 };

/* N-MNIST (Orchard et al. 2015; 34 x 34): 5 bytes an event: x, y, then a bit that is 1 for brighter and 23
 * bits of time in microseconds, big-endian. y = 240 is no event: times behind it are 2^13 microseconds later.
 * Refused: an incomplete event, a pixel outside. */
bso_events_parser bso_events_n_mnist;
enum { BSO_N_MNIST_SIDE = 34 };

/* Read and parse a file. Returns 0, or BSO_ERROR naming it, also where there are none or fewer than `least`
 * events; then there is nothing to free. */
int bso_events_read(bso_events *e, const char *path, bso_events_parser *parse, size_t least);

/* Can it be read, and are there events in it? Returns 0, or BSO_ERROR naming the file. */
int bso_events_check(const char *path, bso_events_parser *parse);

/* The same events as the bytes of a file, for generators: bytes [room]; returns how many. Room is enough with
 * 64 + 8 bytes for each event. Times of N-MNIST are below 2^23. */
size_t bso_events_write_aedat(const bso_events *e, uint8_t *bytes);
size_t bso_events_write_n_mnist(const bso_events *e, uint8_t *bytes);

/* Sum events to frames[steps][polarity][side][side], which are cleared first. Every event is in exactly one
 * frame. By count: frame s has events floor(s N / steps) to floor((s + 1) N / steps) - 1 of the N, so that
 * frames differ by at most one event. By duration: the time from the earliest to the latest event is cut into
 * `steps` equal parts. Coordinates lie below side. */
void bso_events_slice(const bso_events *e, bool by_duration, int steps, int side, float *frames);

#endif
