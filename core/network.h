/* network.h: a spiking network built from a string, its parameters, and one training or evaluation step.
 *
 * Time runs inside a batch: for t = 1..T forward, loss and (online estimators) backward and update at once;
 * BPTT runs all forwards first. A layer knows nothing of optimizers: it hands gradient tiles to the learner
 * of its parameter. Layout everywhere: channel-major, [channel][sample][height][width].
 *
 * String: tokens joined by '-'. nCk: convolution to n channels, k x k (k odd), pad k/2, stride 1, or S in
 * nCksS; nFC: hidden linear layer; both are followed by batch norm and neurons. AP2: 2x2 average pooling, odd
 * sizes floored. GAP: global average pooling. The last token is FC: linear to the classes, its output is the
 * network's. The first synapse and the last are full precision; the others are what the rule works on.
 *
 * nRk, nRksS: a residual unit (Bi-Real net, Liu et al. 2018) turns a real-valued current x into x' =
 * norm(convolution(neurons(x))) + shortcut(x), the convolution as in nCk. The shortcut is the identity or,
 * where shape changes, 2x2 average pooling (with stride 2, the only one besides 1; it covers odd sizes), a
 * full-precision 1x1 convolution and batch norm. A layer before a unit, pooling apart, leaves its batch
 * norm's output as x and has no neurons; pooling of x averages floats. Where what follows is no unit, neurons
 * come first.
 *
 * "vgg11" and "resnet18" stand for the paper's networks.
 */
#ifndef BSO_NETWORK_H
#define BSO_NETWORK_H

#include "core/gradient.h"
#include "core/memory.h"
#include "core/operations.h"
#include "core/optimizer.h"
#include "core/settings.h"
#include "core/shards.h"

typedef struct bso_network bso_network;

/* A tensor that is state but not trained: batch norm's running statistics. */
typedef struct {
    char name[32]; /* "bn1.running_mean" */
    float *data;
    size_t count;
    float initial;
} bso_buffer;

/* One layer's neurons, for logs. */
typedef struct {
    char name[32];  /* "lif1" */
    size_t neurons; /* per sample */
    double *spikes; /* [T] spikes since bso_network_reset_counts */
    double samples; /* samples seen since */
} bso_neuron_counts;

/* Called while training, for traces; any may be NULL. */
typedef struct {
    void *user;
    void (*batch)(void *user, const float *x, const int *y, int n); /* before the first time step */
    void (*step)(void *user, int t, double loss, const float *output,
                 int n); /* after forward; [classes][n] */
    /* What time step t alone gives to the gradient of a parameter, from any thread; then what the rule gets:
     * the same, or a sum over t. */
    void (*step_gradient)(void *user, const bso_param *p, int t, size_t first, size_t n, const float *g);
    void (*gradient)(void *user, const bso_learner *l, size_t first, size_t n, const float *g);
    void (*updated)(void *user, const bso_learner *l); /* after each update, at l->t */
    void (*step_done)(void *user, int t); /* all updates of t are done; through time: of the batch, t = T-1 */
} bso_observer;

typedef struct {
    double loss; /* sum over t of L[t], mean over the batch */
    int correct; /* argmax of the outputs summed over t */
} bso_batch_result;

/* Build for samples of channels x height x width x frames and a number of classes; allocate everything
 * training needs (or only evaluation, if not `training`). In plan mode nothing is touched. Returns 0 or
 * BSO_ERROR (what is wrong with the string and where, a map too small to pool, out of memory). */
int bso_network_create(bso_network **net, const bso_settings *s, int channels, int height, int width,
                       int frames, int classes, bool training);
void bso_network_free(bso_network *net);

/* Random weights from the seed: first synapse and shortcuts Kaiming normal (fan-out), last normal(0, 0.01),
 * one-bit random signs, latent and float Kaiming normal (fan-out) (docs/methods.md, 5); biases 0, batch norm
 * 1 and 0, running statistics 0 and 1. Call it before bso_network_attach. */
void bso_network_init(bso_network *net, uint64_t seed);

/* Bind rules to parameters: the settings' rule to the main ones, sgd to the rest. total_updates: per
 * parameter, for schedules. */
int bso_network_attach(bso_network *net, const bso_settings *s, uint64_t total_updates);

/* Train as one rank of a group, on its shard of each batch: losses, predictions, batch norm and gradients are
 * those of the whole batch. The settings had the group's size in `shards`. */
void bso_network_join(bso_network *net, bso_shards *shards);
/* Counts of neurons and operations: rank 0 gets those of all ranks, the others start anew. */
void bso_network_gather_counts(bso_network *net);

/* One batch. x: [frames][channels][n][height][width] (frames = 1: the same image at every t), y: [n] in
 * 0..classes-1, 1 <= n <= the settings' batch (of a rank: its shard, all of it in training). Runs on at most
 * the threads there were when the network was built. Training returns BSO_DIVERGED when the loss, a gradient
 * or what a rule made of it is not finite. */
int bso_network_train(bso_network *net, const float *x, const int *y, int n, const bso_observer *observer,
                      bso_batch_result *result);
void bso_network_evaluate(bso_network *net, const float *x, const int *y, int n, bso_batch_result *result);

/* Make batch norm's running statistics anew of batches, one for each call, x as above: the mean over batches
 * and time steps of each layer's mean and unbiased variance, each step normalised by its own (PyTorch's
 * momentum=None). batch: their number from 0; 0 forgets what was there. Only forward, and nothing else
 * changes: no weight, trace, count or update. */
void bso_network_estimate_norm(bso_network *net, const float *x, int n, size_t batch);

/* From now on evaluation counts operations and zeros (core/operations.h), from nothing. Returns 0 or
 * BSO_ERROR. */
int bso_network_count_operations(bso_network *net);
/* What was counted: an entry for each synapse, in the network's order, and the shares of outputs of neurons
 * and of weights that are 0. Returns the number of synapses, 0 where nothing was evaluated since. */
int bso_network_operations(const bso_network *net, const bso_synapse_operations **operations,
                           double *activation_sparsity, double *connection_sparsity);

/* Outputs summed over time of the last batch: [classes][n]. */
const float *bso_network_output(const bso_network *net);

/* What it is made of. Pointers live as long as the network. */
int bso_network_params(const bso_network *net, bso_param **params);
int bso_network_learners(const bso_network *net, bso_learner **learners); /* same order as params */
int bso_network_buffers(const bso_network *net, bso_buffer **buffers);
int bso_network_neurons(const bso_network *net, bso_neuron_counts **counts);
void bso_network_reset_counts(bso_network *net);

/* Bytes of the model: weights (bits / 8 for one-bit and latent, 4 for float), biases, batch norm scale and
 * shift; not running statistics (docs/methods.md, 5). as_float: what it would be in float32. */
double bso_network_model_bytes(const bso_network *net, bool as_float);

/* 64-bit FNV-1a of all parameters and running statistics, byte for byte. */
uint64_t bso_network_hash(const bso_network *net);

/* "vgg11" and other names to strings; NULL-terminated list for `bso list`. */
typedef struct {
    const char *name, *layers, *summary;
} bso_named_network;
extern const bso_named_network bso_named_networks[];

#endif
