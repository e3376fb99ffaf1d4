/* stand_in_events.c: stand-ins for CIFAR10-DVS and N-MNIST: Fashion-MNIST moving before a model of a sensor
 * (dvs.h).
 */
#include "core/error.h"
#include "core/image.h"
#include "core/memory.h"
#include "core/random.h"
#include "core/stand_in.h"
#include "datasets/dvs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CLASSES = 10, SIDE_MAX = BSO_AEDAT_SIDE };

/* How a recording is taken. */
typedef struct {
    const char *dataset;
    int side, object; /* of the sensor; of the picture on it, in pixels */
    int moments;      /* that brightness is computed at */
    double duration;  /* microseconds */
    double reach;     /* of the movement, pixels */
    bool circle;      /* a closed loop, as CIFAR10-DVS (Li et al. 2017); else three saccades along a
                         triangle, as N-MNIST (Orchard et al. 2015) */
    bso_dvs_settings sensor;
    size_t (*write)(const bso_events *e, uint8_t *bytes);
} recipe;

static const recipe cifar10_dvs = {
    .dataset = "cifar10-dvs",
    .side = BSO_AEDAT_SIDE,
    .object = 84,
    .moments = 100,
    .duration = 400e3,
    .reach = 4,
    .circle = true,
    .sensor = {.threshold = 0.35, .mismatch = 0.03, .refractory = 1000, .noise = 0.1},
    .write = bso_events_write_aedat,
};

static const recipe n_mnist = {
    .dataset = "n-mnist",
    .side = BSO_N_MNIST_SIDE,
    .object = 26,
    .moments = 300,
    .duration = 300e3,
    .reach = 3,
    .sensor = {.threshold = 0.25, .mismatch = 0.03, .refractory = 1000, .noise = 0.5},
    .write = bso_events_write_n_mnist,
};

/* Where the picture is at a share (0 to 1) of the recording, from its middle place. */
static void place_at(const recipe *r, double share, double start, double *dx, double *dy)
{
    const double turn = 6.283185307179586;
    if (r->circle) {
        *dx = r->reach * cos(turn * (share + start));
        *dy = r->reach * sin(turn * (share + start));
        return;
    }
    static const double corner[4][2] = {{-0.5, -0.5}, {0, 0.5}, {0.5, -0.5}, {-0.5, -0.5}};
    int side = share < 1 ? (int)(3 * share) : 2;
    double along = 3 * share - side;
    *dx = r->reach * (corner[side][0] + along * (corner[side + 1][0] - corner[side][0]));
    *dy = r->reach * (corner[side][1] + along * (corner[side + 1][1] - corner[side][1]));
}

/* out[side][side]: object[n][n] in the middle, moved, over a floor. All are logarithms of brightness. */
static void render(const recipe *r, const float *object, double dx, double dy, float floor_value, float *out)
{
    int n = r->object;
    for (int y = 0; y < r->side; y++) {
        double v = y - 0.5 * (r->side - n) - dy;
        int low_y = (int)floor(v);
        float share_y = (float)(v - low_y);
        for (int x = 0; x < r->side; x++) {
            double u = x - 0.5 * (r->side - n) - dx;
            int low_x = (int)floor(u);
            float share_x = (float)(u - low_x), corner[2][2];
            for (int j = 0; j < 2; j++) {
                for (int i = 0; i < 2; i++) {
                    int at_y = low_y + j, at_x = low_x + i;
                    bool inside = at_y >= 0 && at_y < n && at_x >= 0 && at_x < n;
                    corner[j][i] = inside ? object[at_y * n + at_x] : floor_value;
                }
            }
            float above = (1 - share_x) * corner[0][0] + share_x * corner[0][1];
            float below = (1 - share_x) * corner[1][0] + share_x * corner[1][1];
            out[y * r->side + x] = (1 - share_y) * above + share_y * below;
        }
    }
}

/* Room for one thread's work. */
typedef struct {
    float object[SIDE_MAX * SIDE_MAX], scene[SIDE_MAX * SIDE_MAX];
    bso_events events;
    void *bytes;
    size_t room;
} workplace;

static int record(const recipe *r, workplace *w, const float *picture, uint64_t seed, uint32_t recording)
{
    bso_resize_bilinear(picture, BSO_FASHION_SIDE, BSO_FASHION_SIDE, w->object, r->object, r->object);
    const float dark = 0.2f;
    for (int i = 0; i < r->object * r->object; i++) w->object[i] = logf(dark + (1 - dark) * w->object[i]);
    double start = bso_random_uniform(seed, BSO_RANDOM_MAKE, recording, UINT64_MAX), dx, dy;
    place_at(r, 0, start, &dx, &dy);
    render(r, w->object, dx, dy, logf(dark), w->scene);
    bso_dvs_settings s = r->sensor;
    s.side = r->side;
    s.seed = seed;
    s.recording = recording;
    bso_dvs v;
    w->events.count = 0;
    int rc = bso_dvs_open(&v, &s, w->scene);
    for (int m = 1; m <= r->moments && !rc; m++) {
        double share = (double)m / r->moments;
        place_at(r, share, start, &dx, &dy);
        render(r, w->object, dx, dy, logf(dark), w->scene);
        rc = bso_dvs_see(&v, w->scene, share * r->duration, &w->events);
    }
    bso_dvs_close(&v);
    return rc;
}

static int write_recording(const recipe *r, workplace *w, const char *path)
{
    size_t most = 64 + 8 * w->events.count;
    if (bso_mem_room(&w->bytes, &w->room, most, BSO_MEM_DATASET, "a recording")) return BSO_ERROR;
    return bso_stand_in_write(path, w->bytes, r->write(&w->events, w->bytes));
}

/* What make_one is told. */
typedef struct {
    const recipe *recipe;
    uint64_t seed;
} order;

static int make_one(void *place, const float *picture, size_t number, const char *path, const void *told)
{
    const order *o = told;
    if (record(o->recipe, place, picture, o->seed, (uint32_t)number)) return BSO_ERROR;
    return write_recording(o->recipe, place, path);
}

static void clear(void *place)
{
    workplace *w = place;
    bso_events_free(&w->events);
    bso_free(w->bytes);
}

/* names: of class folders; train and test: recordings of each class, in the folders of that name. */
static int make(const recipe *r, const char *folder, const char *const names[CLASSES], const char *pattern,
                const char *train_folder, int train, const char *test_folder, int test, uint64_t seed)
{
    char what[64];
    bso_dataset fashion;
    if (bso_stand_in_source(&fashion)) return BSO_ERROR;
    const order o = {r, seed};
    size_t n = (size_t)(train + test) * CLASSES;
    snprintf(what, sizeof what, "recording a stand-in for %s", r->dataset);
    bso_stand_in_job *jobs =
        bso_stand_in_plan(&fashion, folder, names, pattern, train_folder, train, test_folder, test);
    int rc =
        jobs ? bso_stand_in_do(what, &fashion, jobs, n, sizeof(workplace), make_one, clear, &o) : BSO_ERROR;
    bso_free(jobs);
    bso_dataset_close(&fashion);
    return rc;
}

static int make_cifar10_dvs(const char *folder, int per_class, uint64_t seed)
{
    return make(&cifar10_dvs, folder, bso_stand_in_garments, "stand-in_%05d.aedat", NULL, per_class, NULL, 0,
                seed);
}

static int make_n_mnist(const char *folder, int per_class, uint64_t seed)
{
    static const char *const names[CLASSES] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    int test = per_class / 5 > 0 ? per_class / 5 : 1, train = per_class - test > 0 ? per_class - test : 1;
    return make(&n_mnist, folder, names, "%05d.bin", "Train", train, "Test", test, seed);
}

const bso_stand_in bso_stand_in_cifar10_dvs = {
    .dataset = "cifar10-dvs",
    .shown = "stand-in for CIFAR10-DVS (moving Fashion-MNIST)",
    .summary = "pictures of Fashion-MNIST on a closed loop before a model of an event sensor",
    .version = 1,
    .per_class = 60,
    .make = make_cifar10_dvs,
};

const bso_stand_in bso_stand_in_n_mnist = {
    .dataset = "n-mnist",
    .shown = "stand-in for N-MNIST (moving Fashion-MNIST)",
    .summary = "pictures of Fashion-MNIST in three saccades before a model of an event sensor",
    .version = 1,
    .per_class = 120,
    .make = make_n_mnist,
};
