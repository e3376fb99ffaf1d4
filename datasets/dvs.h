/* dvs.h: a model of a dynamic vision sensor (Lichtsteiner, Posch and Delbruck 2008): what events it would
 * give of a scene whose brightness is known at every moment. For stand-ins.
 *
 * A pixel remembers the logarithm of its brightness and gives an event whenever it has moved away from that
 * by its threshold, which is then where it looks from. Between two moments that are given, the logarithm is
 * taken to move evenly, so that times of events are exact for such a scene. No model of circuits: no
 * bandwidth, no leak.
 */
#ifndef BSO_DVS_H
#define BSO_DVS_H

#include "datasets/events.h"

#include <stdint.h>

typedef struct {
    int side;           /* pixels of a row and column */
    double threshold;   /* of the natural logarithm */
    double mismatch;    /* standard deviation of the threshold over pixels, as a share of it */
    double refractory;  /* microseconds for which a pixel is silent after an event */
    double noise;       /* events without cause, for each pixel and second */
    uint64_t seed;      /* BSO_RANDOM_MAKE */
    uint32_t recording; /* which of the seed's */
} bso_dvs_settings;

typedef struct {
    bso_dvs_settings s;
    double time;     /* microseconds, of `now` */
    float *now;      /* [side][side] logarithms of brightness */
    float *from;     /* where each pixel looks from */
    float *limit;    /* its threshold */
    double *silent;  /* until when */
    uint64_t noises; /* random numbers drawn */
} bso_dvs;

/* Look at brightness[side][side] (logarithms) at time 0. Returns 0 or BSO_ERROR; in every case to be freed.
 */
int bso_dvs_open(bso_dvs *v, const bso_dvs_settings *s, const float *brightness);
void bso_dvs_close(bso_dvs *v);

/* The scene has moved to brightness[side][side] at a later time (microseconds): append the events in between,
 * in the order of their times. Returns 0 or BSO_ERROR. */
int bso_dvs_see(bso_dvs *v, const float *brightness, double time, bso_events *e);

#endif
