/* layer.h: what a layer is, and the network's insides that layers share. Internal to core/; users include
 * network.h.
 *
 * A network is a chain of layers. The output of each is a packed signal (neurons, pooling of spikes) or a
 * float map (synapses, currents, pooling of currents). Forward goes down the chain, backward up; the gradient
 * travels in two buffers of the network, used in turn.
 *
 * A residual unit is a piece of that chain, shortcut first, then neurons, synapse and join; both branches
 * begin at the same layer below. While backward is in one of them, the gradient that is for the other waits
 * in a third buffer: the join leaves it there, and what happens at a branch's begin is marked on its first
 * layer (bso_branch).
 */
#ifndef BSO_LAYER_H
#define BSO_LAYER_H

#include "core/bits.h"
#include "core/kernels.h"
#include "core/network.h"
#include "core/products.h"
#include "core/shards.h"
#include "core/stages.h"

typedef struct bso_layer bso_layer;
typedef struct bso_counter bso_counter;

/* A time step of a batch. */
typedef struct {
    bso_network *net;
    int n;         /* samples, at most net->batch */
    int t;         /* 0-based */
    bool training; /* traces, counts */
    /* What batch norm's running statistics take of this step's, which it then normalises by; 0: none, it
     * normalises by the running ones. */
    double norm_rate;
    const float *x; /* the image, or the frame of this step: [channel][n][height][width] */
    const bso_observer *observer;
} bso_pass;

typedef struct {
    void (*forward)(bso_layer *l, const bso_pass *pass);
    /* gradient: dL[t]/d(output) of this layer on entry, in net->gradient[0]; leaves dL[t]/d(input) there (may
     * swap the two buffers). wants_input: whether anybody below needs it. Gives parameter gradients to the
     * learners. Returns 0 or BSO_DIVERGED. */
    int (*backward)(bso_layer *l, const bso_pass *pass, bool wants_input);
    /* What stands for this layer's output in the weight gradient of the synapse above: the estimator's trace,
     * or the values themselves. May use net->operand[which], and 1 - which below. */
    const float *(*operand)(bso_layer *l, const bso_pass *pass, int which);
    /* Add the floats per sample that operand() may need of each operand buffer. */
    void (*operand_need)(const bso_layer *l, int which, size_t need[2]);
    void (*free)(bso_layer *l);
    bso_stage forward_stage, backward_stage; /* what their time counts as */
} bso_layer_kind;

/* What becomes of the gradient when backward has passed the first layer of a branch: */
typedef enum {
    BSO_BRANCH_NONE, /* not the first layer of a branch */
    BSO_BRANCH_SWAP, /* it waits, the other branch goes on with what was waiting */
    BSO_BRANCH_ADD   /* both branches are done: it is added to what was waiting */
} bso_branch;

struct bso_layer {
    const bso_layer_kind *kind;
    char name[32];    /* "conv2", "lif2", "pool1" */
    bso_layer *below; /* NULL for the first */
    bso_branch branch;
    bso_signal out;    /* shape of the output; bits where it is packed */
    size_t out_size;   /* channels * height * width */
    bso_layer *holder; /* whose maps a float output is in: this layer's or, at a join, the shortcut's */
    float **map;       /* [map_slots][channel][n * height * width], one for each time step that is kept */
    int map_slots;
    void *own; /* the kind's own data */
};

/* The float map that a layer puts out at a time step: [channel][n * height * width]. */
static inline float *bso_layer_map(const bso_layer *l, int t)
{
    return l->holder->map[t % l->holder->map_slots];
}

struct bso_network {
    /* settings */
    int channels, height, width, frames, classes, steps, batch;
    bool training, accumulated, detach_reset;
    bool sign_neurons; /* -1 and +1 in place of spikes; threshold 0 */
    const bso_gradient *estimator;
    bso_surrogate surrogate;
    float leak, threshold;
    double loss_mse;

    int layers;
    bso_layer *layer;
    int param_count, buffer_count, neuron_count;
    bso_param *params;
    bso_learner *learners;
    bso_buffer *buffers;
    bso_neuron_counts *neurons;
    /* A rank's network: `batch` is that of its shard. */
    int shard_count;
    bso_shards *shards; /* NULL: it has joined no group */
    float *collected; /* [largest parameter]: a gradient until its sum over the ranks can be taken; NULL where
                         updates are accumulated, or of one shard */
    double *channel_sums; /* [2 * most channels]: batch norm's, likewise */
    bool attached;
    bso_counter *counter;         /* of operations, in evaluation; NULL: none */
    bso_stage_clock *stages;      /* NULL: time is not taken */
    double *partial;              /* shared by the learners */
    float **accumulated_gradient; /* [param]: whole gradients, where an update takes several time steps
                                     together */

    /* scratch */
    float *gradient[2];        /* [largest map] */
    const bso_layer *unspread; /* pooling whose gradient the neurons below are to spread, NULL: none */
    float *waiting; /* the same, for residual units: the gradient of the branch that is not being run */
    float *gradient_parts; /* [gradient_part_floats]: parts of a small layer's weight gradient */
    float *operand[2];
    uint64_t *operand_bits; /* [operand_words]: which values of the operand are not 0 */
    char *scratch;          /* [threads][scratch_bytes] */
    size_t scratch_bytes;
    size_t operand_need[2]; /* floats per sample of each operand buffer */
    size_t operand_words, gradient_part_floats;
    /* Errors in 8 bits and what they meet, where error_bits=8; sizes of the largest layer's. */
    int error_bits;
    bso_errors errors;
    uint8_t *operand_levels;
    size_t error_sample_bytes, error_channel_bytes, error_outputs, operand_level_bytes;
    int threads;
    float *logits; /* summed over t: [classes][batch] */
};

/* Constructors. Each fills *l for an output above `below` (NULL: the image, of the network's shape). Return 0
 * or BSO_ERROR. */
typedef struct {
    const char *name;
    int outputs, kernel, stride; /* kernel 0: a linear layer over the whole map below */
    bool has_bias;
    bso_representation representation;
    bool is_main;     /* trained by the rule under test */
    double deviation; /* of the initial weights, where they are not random signs */
} bso_synapse_spec;
int bso_synapse_create(bso_layer *l, bso_network *net, bso_layer *below, const bso_synapse_spec *spec);
/* normed: batch norm before the neurons, in the same layer; else the layer below is a current. */
int bso_neurons_create(bso_layer *l, bso_network *net, bso_layer *below, int ordinal, bool normed);
/* Batch norm alone; with a shortcut it adds to its float map, which is of the same shape, in place. */
int bso_current_create(bso_layer *l, bso_network *net, bso_layer *below, bso_layer *shortcut,
                       const char *name);
/* Windows of 2x2, or of the whole map. cover: windows cut short by the map's end count, too, as the mean of
 * what they have (float maps only); else sizes are floored. */
int bso_pool_create(bso_layer *l, bso_network *net, bso_layer *below, const char *name, int window_h,
                    int window_w, bool cover);

/* The gradient of maps first .. first + maps - 1 below a pooling layer, dx, from that of its output, dy; both
 * whole buffers. Each input of a window gets the window's share; inputs that flooring leaves out get 0. */
void bso_pool_spread(const bso_layer *l, size_t first, size_t maps, float *dx, const float *dy);

/* Have at least that many of a layer's own float maps. Returns 0 or BSO_ERROR. */
int bso_layer_keep_maps(bso_layer *l, const bso_network *net, int slots);

/* Number of time slots that must be kept: T under BPTT training, else 1. */
int bso_network_slots(const bso_network *net);

/* A synapse's shape and weights; false where the layer is none. */
bool bso_synapse_look(const bso_layer *l, bso_window *window, int *outputs, const bso_param **weight);
/* Does the layer put out spikes or signs, and not sums of them? */
bool bso_layer_is_neurons(const bso_layer *l);
/* Where no neuron made a synapse's input: the image, or a current. */
const float *bso_synapse_float_input(const bso_layer *l, const bso_pass *pass);

/* Count what layer i is about to get at this time step (core/operations.c). */
void bso_counter_see(bso_counter *counter, int i, const bso_pass *pass);
void bso_counter_gather(bso_counter *counter, bso_shards *shards);
void bso_counter_free(bso_counter *counter);

/* Registration while building: append to the network's lists. NULL or BSO_ERROR where memory is out. */
bso_param *bso_network_add_param(bso_network *net, const char *layer, const char *suffix,
                                 bso_representation representation, int kernel_h, int kernel_w, int inputs,
                                 int cols, bool vector, bool is_main);
int bso_network_add_buffer(bso_network *net, const char *layer, const char *suffix, size_t count,
                           float initial, float **data);
bso_neuron_counts *bso_network_add_neurons(bso_network *net, const char *layer, size_t neurons);
/* Ask for per-thread scratch of at least that many bytes; bso_scratch gives the calling thread's. */
void bso_network_want_scratch(bso_network *net, size_t bytes);
static inline void *bso_scratch(const bso_network *net, int thread)
{
    return net->scratch + (size_t)thread * net->scratch_bytes;
}

/* Samples of the whole batch that a pass in training has a shard of: all shards are of one size. */
static inline size_t bso_pass_samples(const bso_pass *pass)
{
    return (size_t)pass->n * (size_t)bso_shards_size(pass->net->shards);
}

/* One training pass after the forward of step t: the loss, L[t] of docs/methods.md, 3, added up; logits added
 * to net->logits; the gradient dL[t]/do[t] written to `gradient` (which may be the output itself). Returns 0
 * or BSO_DIVERGED when the loss is not finite. */
int bso_loss_step(const bso_pass *pass, const float *output, const int *y, float *gradient, double *loss);

/* A parameter's update in a backward pass: open, tiles (as core/optimizer.h
 * allows), close. With accumulated updates the tiles are added up and the learner sees them at the
 * end of the batch (bso_update_flush). */
void bso_update_open(const bso_pass *pass, bso_param *p);
void bso_update_tile(const bso_pass *pass, bso_param *p, size_t first, size_t n, const float *gradient);
int bso_update_close(const bso_pass *pass, bso_param *p);
int bso_update_flush(const bso_pass *pass);

#endif
