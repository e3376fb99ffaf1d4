/* network.c: builds a network from its string's tokens (network_string.c) and owns its tensors. What a time
 * step does is in step.c. See network.h. */
#include "core/layer.h"

#include "core/error.h"
#include "core/hash.h"
#include "core/network_string.h"
#include "core/random.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

/* A residual unit after which neurons follow is the largest: layers (pool, down, norm; neurons, synapse,
 * join; neurons). */
enum { MAX_PER_TOKEN = 7 };

/* ---- registration ---- */

int bso_network_slots(const bso_network *net)
{
    return net->training && net->estimator->through_time ? net->steps : 1;
}

int bso_layer_keep_maps(bso_layer *l, const bso_network *net, int slots)
{
    size_t most = (size_t)bso_network_slots(net);
    int status = 0;
    const char *before = bso_mem_owner(l->name); /* who asks may be the layer above */
    if (!l->map) l->map = bso_alloc(BSO_MEM_CONTROL, most, sizeof *l->map, "time slots");
    if (!l->map) status = BSO_ERROR;
    for (; !status && l->map_slots < slots; l->map_slots++) {
        float **map = &l->map[l->map_slots];
        *map = bso_alloc(BSO_MEM_ACTIVATIONS, l->out_size * (size_t)net->batch, sizeof **map, l->name);
        if (!*map) status = BSO_ERROR;
    }
    bso_mem_owner(before);
    return status;
}

void bso_network_want_scratch(bso_network *net, size_t bytes)
{
    bytes = (bytes + 127) / 128 * 128; /* whole cache-line pairs, so that threads do not share lines */
    if (net->scratch_bytes < bytes) net->scratch_bytes = bytes;
}

bso_param *bso_network_add_param(bso_network *net, const char *layer, const char *suffix,
                                 bso_representation representation, int kernel_h, int kernel_w, int inputs,
                                 int cols, bool vector, bool is_main)
{
    bso_param *p = &net->params[net->param_count];
    const char *before = bso_mem_owner(layer);
    *p = (bso_param){
        .representation = representation,
        .ordinal = net->param_count,
        .rows = kernel_h * kernel_w * inputs,
        .cols = cols,
        .kernel_h = kernel_h,
        .kernel_w = kernel_w,
        .inputs = inputs,
        .words = (kernel_h * kernel_w * inputs + 63) / 64,
        .vector = vector,
        .main = is_main,
    };
    snprintf(p->name, sizeof p->name, "%s.%s", layer, suffix);
    net->param_count++;
    bool has_bits = representation != BSO_REP_FLOAT, has_real = representation != BSO_REP_BITS;
    if (has_bits)
        p->bits = bso_alloc(BSO_MEM_WEIGHTS_BITS, (size_t)cols * (size_t)p->words, sizeof *p->bits, p->name);
    if (has_real && (p->bits || !has_bits)) {
        bso_mem_category category =
            representation == BSO_REP_LATENT ? BSO_MEM_WEIGHTS_LATENT : BSO_MEM_WEIGHTS_FLOAT;
        p->real = bso_alloc(category, bso_param_count(p), sizeof *p->real, p->name);
    }
    bso_mem_owner(before);
    return (has_bits && !p->bits) || (has_real && !p->real) ? NULL : p;
}

int bso_network_add_buffer(bso_network *net, const char *layer, const char *suffix, size_t count,
                           float initial, float **data)
{
    bso_buffer *b = &net->buffers[net->buffer_count++];
    snprintf(b->name, sizeof b->name, "%s.%s", layer, suffix);
    b->count = count;
    b->initial = initial;
    const char *before = bso_mem_owner(layer);
    b->data = *data = bso_alloc(BSO_MEM_WEIGHTS_FLOAT, count, sizeof **data, b->name);
    bso_mem_owner(before);
    return b->data ? 0 : BSO_ERROR;
}

bso_neuron_counts *bso_network_add_neurons(bso_network *net, const char *layer, size_t count)
{
    bso_neuron_counts *c = &net->neurons[net->neuron_count++];
    snprintf(c->name, sizeof c->name, "%s", layer);
    c->neurons = count;
    c->spikes = bso_alloc(BSO_MEM_CONTROL, (size_t)net->steps, sizeof *c->spikes, "spike counts");
    return c->spikes ? c : NULL;
}

/* ---- building ---- */

typedef struct {
    bso_network *net;
    const char *network;               /* the string, for messages */
    bso_representation representation; /* of the main weights */
    int synapses, pools;               /* so far */
} builder;

static bso_layer *top(const builder *b)
{
    return b->net->layers ? &b->net->layer[b->net->layers - 1] : NULL;
}

static bso_layer *push(builder *b)
{
    return &b->net->layer[b->net->layers++];
}

static int add_pool(builder *b, const bso_token *t)
{
    char name[32];
    snprintf(name, sizeof name, "pool%d", ++b->pools);
    bso_layer *below = top(b);
    int height = below->out.height, width = below->out.width;
    if (t->kind == BSO_TOKEN_GAP) return bso_pool_create(push(b), b->net, below, name, height, width, false);
    if (height < 2 || width < 2) {
        return bso_fail("network=%s: a %d x %d map is too small for AP2 (images are %d x %d); use fewer AP2",
                        b->network, height, width, b->net->height, b->net->width);
    }
    return bso_pool_create(push(b), b->net, below, name, 2, 2, false);
}

/* Kaiming normal by fan-out (He et al. 2015). */
static double kaiming(int outputs, int kernel)
{
    double fan_out = (double)outputs * (kernel ? kernel * kernel : 1);
    return sqrt(2 / fan_out);
}

/* The synapse of a token. */
static int add_synapse(builder *b, const bso_token *t)
{
    bool first = b->synapses == 0, last = t->kind == BSO_TOKEN_LAST, is_main = !first && !last;
    int ordinal = ++b->synapses;
    char name[32] = "fc";
    if (!last) snprintf(name, sizeof name, "%s%d", t->kernel ? "conv" : "fc", ordinal);
    bso_layer *below = top(b);
    return bso_synapse_create(push(b), b->net, below,
                              &(bso_synapse_spec){
                                  .name = name,
                                  .outputs = last ? b->net->classes : t->outputs,
                                  .kernel = t->kernel,
                                  .stride = t->stride,
                                  .has_bias = !is_main,
                                  .representation = is_main ? b->representation : BSO_REP_FLOAT,
                                  .is_main = is_main,
                                  .deviation = last ? 0.01 : kaiming(t->outputs, t->kernel),
                              });
}

/* Batch norm of the synapse on top, adding to a shortcut where there is one; without neurons. */
static int add_current(builder *b, bso_layer *shortcut, const char *prefix, int ordinal)
{
    char name[32];
    snprintf(name, sizeof name, "%s%d", prefix, ordinal);
    bso_layer *below = top(b);
    return bso_current_create(push(b), b->net, below, shortcut, name);
}

/* The shortcut of a unit that changes shape (Liu et al. 2018): 2x2 average pooling where the unit has stride
 * 2, 1x1 convolution, batch norm. */
static int add_downsampling(builder *b, const bso_token *t, bso_layer *x)
{
    char name[32];
    int ordinal = b->synapses + 1;
    if (t->stride == 2) {
        snprintf(name, sizeof name, "downpool%d", ordinal);
        if (bso_pool_create(push(b), b->net, x, name, 2, 2, true)) return BSO_ERROR;
    }
    snprintf(name, sizeof name, "down%d", ordinal);
    bso_layer *below = top(b);
    const bso_synapse_spec spec = {
        .name = name,
        .outputs = t->outputs,
        .kernel = 1,
        .stride = 1,
        .representation = BSO_REP_FLOAT,
        .deviation = kaiming(t->outputs, 1),
    };
    if (bso_synapse_create(push(b), b->net, below, &spec)) return BSO_ERROR;
    return add_current(b, NULL, "dbn", ordinal);
}

/* x -> neurons -> synapse -> batch norm -> + shortcut, on the current x on top. The neurons bear the number
 * of the synapse that x came from. */
static int add_residual(builder *b, const bso_token *t)
{
    bso_layer *x = top(b), *shortcut = x;
    bool reshapes = t->stride != 1 || t->outputs != x->out.channels;
    if (reshapes) {
        if (add_downsampling(b, t, x)) return BSO_ERROR;
        shortcut = top(b);
        x[1].branch = BSO_BRANCH_ADD; /* the shortcut's first layer comes right behind x */
    }
    if (bso_neurons_create(push(b), b->net, x, b->synapses, false)) return BSO_ERROR;
    top(b)->branch = reshapes ? BSO_BRANCH_SWAP : BSO_BRANCH_ADD;
    if (add_synapse(b, t)) return BSO_ERROR;
    return add_current(b, shortcut, "bn", b->synapses);
}

/* Neurons on the layer on top: with batch norm on a synapse, without on a current. */
static int add_neurons(builder *b, bool normed)
{
    bso_layer *below = top(b);
    return bso_neurons_create(push(b), b->net, below, b->synapses, normed);
}

static int add_layer(builder *b, const bso_token *t)
{
    switch (t->kind) {
    case BSO_TOKEN_AP2:
    case BSO_TOKEN_GAP:
        return add_pool(b, t);
    case BSO_TOKEN_LAST:
        return add_synapse(b, t);
    case BSO_TOKEN_CONV:
    case BSO_TOKEN_HIDDEN:
        if (add_synapse(b, t)) return BSO_ERROR;
        return t->current ? add_current(b, NULL, "bn", b->synapses) : add_neurons(b, true);
    case BSO_TOKEN_RESIDUAL:
        if (add_residual(b, t)) return BSO_ERROR;
        return t->current ? 0 : add_neurons(b, false);
    }
    return BSO_ERROR;
}

/* What error_bits=8 needs. */
static int allocate_errors(bso_network *net)
{
    bso_errors *e = &net->errors;
    const char *what = "errors in 8 bits";
    e->by_sample = bso_alloc(BSO_MEM_WORKSPACE, net->error_sample_bytes, 1, what);
    e->sample_scale = bso_alloc(BSO_MEM_WORKSPACE, (size_t)net->batch, sizeof(float), what);
    e->by_channel = bso_alloc(BSO_MEM_WORKSPACE, net->error_channel_bytes, 1, what);
    e->channel_scale = bso_alloc(BSO_MEM_WORKSPACE, net->error_outputs, sizeof(float), what);
    net->operand_levels =
        bso_alloc(BSO_MEM_WORKSPACE, net->operand_level_bytes, 1, "levels of synapse inputs");
    return e->by_sample && e->sample_scale && e->by_channel && e->channel_scale && net->operand_levels
               ? 0
               : BSO_ERROR;
}

/* What is to be summed over ranks. */
static int allocate_sums(bso_network *net)
{
    size_t channels = 0, weights = 0;
    for (int i = 0; i < net->layers; i++) {
        const size_t count = (size_t)net->layer[i].out.channels;
        if (count > channels) channels = count;
    }
    for (int i = 0; i < net->param_count; i++) {
        const size_t count = bso_param_count(&net->params[i]);
        if (count > weights) weights = count;
    }
    net->channel_sums = bso_alloc(BSO_MEM_WORKSPACE, 2 * channels, sizeof(double), "batch norm's sums");
    if (!net->channel_sums) return BSO_ERROR;
    if (net->accumulated) return 0;
    net->collected = bso_alloc(BSO_MEM_GRADIENTS, weights, sizeof(float), "the gradient of a shard");
    return net->collected ? 0 : BSO_ERROR;
}

/* Buffers whose size only the whole chain knows. */
static int allocate_shared(bso_network *net)
{
    size_t batch = (size_t)net->batch, largest = 0;
    bool branches = false;
    for (int i = 0; i < net->layers; i++) {
        if (net->layer[i].out_size > largest) largest = net->layer[i].out_size;
        branches = branches || net->layer[i].branch != BSO_BRANCH_NONE;
    }
    net->threads = omp_get_max_threads();
    net->scratch = bso_alloc(BSO_MEM_WORKSPACE, (size_t)net->threads, net->scratch_bytes, "thread scratch");
    net->logits = bso_alloc(BSO_MEM_WORKSPACE, (size_t)net->classes * batch, sizeof(float), "outputs");
    if (!net->scratch || !net->logits) return BSO_ERROR;
    for (int i = 0; i < 2; i++) {
        net->operand[i] =
            bso_alloc(BSO_MEM_WORKSPACE, net->operand_need[i] * batch, sizeof(float), "synapse inputs");
        if (!net->operand[i]) return BSO_ERROR;
        if (!net->training) continue;
        net->gradient[i] =
            bso_alloc(BSO_MEM_WORKSPACE, largest * batch, sizeof(float), "activation gradients");
        if (!net->gradient[i]) return BSO_ERROR;
    }
    net->operand_bits =
        bso_alloc(BSO_MEM_WORKSPACE, net->operand_words, sizeof *net->operand_bits, "active synapse inputs");
    net->gradient_parts = bso_alloc(BSO_MEM_WORKSPACE, net->gradient_part_floats, sizeof *net->gradient_parts,
                                    "parts of weight gradients");
    if (!net->operand_bits || !net->gradient_parts) return BSO_ERROR;
    if (net->error_outputs && allocate_errors(net)) return BSO_ERROR;
    if (net->training && branches) {
        net->waiting =
            bso_alloc(BSO_MEM_WORKSPACE, largest * batch, sizeof(float), "waiting activation gradients");
        if (!net->waiting) return BSO_ERROR;
    }
    if (net->training && net->shard_count > 1 && allocate_sums(net)) return BSO_ERROR;
    for (int i = 0; net->training && net->accumulated && i < net->param_count; i++) {
        bso_param *p = &net->params[i];
        const char *before = bso_mem_owner(p->name);
        net->accumulated_gradient[i] =
            bso_alloc(BSO_MEM_GRADIENTS, bso_param_count(p), sizeof(float), p->name);
        bso_mem_owner(before);
        if (!net->accumulated_gradient[i]) return BSO_ERROR;
    }
    return 0;
}

static int build(bso_network *net, const bso_settings *s, const bso_token *tokens, int count,
                 bso_representation representation)
{
    size_t room = (size_t)count * MAX_PER_TOKEN;
    net->layer = bso_alloc(BSO_MEM_CONTROL, room, sizeof *net->layer, "layers");
    net->params = bso_alloc(BSO_MEM_CONTROL, room, sizeof *net->params, "parameters");
    net->learners = bso_alloc(BSO_MEM_CONTROL, room, sizeof *net->learners, "learners");
    net->buffers = bso_alloc(BSO_MEM_CONTROL, room, sizeof *net->buffers, "running statistics");
    net->neurons = bso_alloc(BSO_MEM_CONTROL, room, sizeof *net->neurons, "neuron counts");
    net->accumulated_gradient =
        bso_alloc(BSO_MEM_CONTROL, room, sizeof *net->accumulated_gradient, "gradients");
    if (!net->layer || !net->params || !net->learners || !net->buffers || !net->neurons ||
        !net->accumulated_gradient) {
        return BSO_ERROR;
    }
    builder b = {.net = net, .network = s->network, .representation = representation};
    for (int i = 0; i < count; i++) {
        if (add_layer(&b, &tokens[i])) return BSO_ERROR;
    }
    return allocate_shared(net);
}

int bso_network_create(bso_network **out, const bso_settings *s, int channels, int height, int width,
                       int frames, int classes, bool training)
{
    *out = NULL;
    bso_token *tokens = bso_alloc(BSO_MEM_CONTROL, BSO_TOKENS, sizeof *tokens, "network string");
    if (!tokens) return BSO_ERROR;
    int count = bso_network_parse(tokens, s->network);
    const bso_gradient *estimator = bso_gradient_find(s->gradient);
    const bso_optimizer *rule = bso_optimizer_find(s->optimizer);
    int status = count < 0 || !estimator || !rule ? BSO_ERROR : 0;
    if (!status && frames != 1 && frames != s->steps) {
        status = bso_fail("steps=%lld: the data set has %d frames a sample; set steps to that",
                          (long long)s->steps, frames);
    }
    bso_network *net = status ? NULL : bso_alloc(BSO_MEM_CONTROL, 1, sizeof *net, "a network");
    bool sign = strcmp(s->neuron, "sign") == 0;
    if (net) {
        *net = (bso_network){
            .channels = channels,
            .height = height,
            .width = width,
            .frames = frames,
            .classes = classes,
            .steps = (int)s->steps,
            .batch = (int)(s->batch / s->shards),
            .shard_count = (int)s->shards,
            .training = training,
            .accumulated = strcmp(s->update, "accumulated") == 0 || estimator->through_time,
            .detach_reset = s->detach_reset,
            .estimator = estimator,
            .sign_neurons = sign,
            .surrogate = sign                                   ? BSO_SURROGATE_CLIP
                         : strcmp(s->surrogate, "sigmoid") == 0 ? BSO_SURROGATE_SIGMOID
                                                                : BSO_SURROGATE_RECTANGULAR,
            .leak = (float)s->leak,
            .threshold = sign ? 0 : (float)s->threshold,
            .loss_mse = s->loss_mse,
            .error_bits = (int)s->error_bits,
        };
        status = build(net, s, tokens, count, rule->representation);
        if (status) {
            bso_network_free(net);
        } else {
            *out = net;
        }
    }
    bso_free(tokens);
    return *out ? 0 : BSO_ERROR;
}

void bso_network_free(bso_network *net)
{
    if (!net) return;
    for (int i = 0; net->layer && i < net->layers; i++) {
        bso_layer *l = &net->layer[i];
        if (l->kind) l->kind->free(l);
        for (int slot = 0; slot < l->map_slots; slot++) bso_free(l->map[slot]);
        bso_free(l->map);
    }
    for (int i = 0; net->params && i < net->param_count; i++) {
        bso_free(net->params[i].bits);
        bso_free(net->params[i].real);
        if (net->accumulated_gradient) bso_free(net->accumulated_gradient[i]);
        if (net->attached) bso_learner_free(&net->learners[i]);
    }
    for (int i = 0; net->buffers && i < net->buffer_count; i++) bso_free(net->buffers[i].data);
    for (int i = 0; net->neurons && i < net->neuron_count; i++) bso_free(net->neurons[i].spikes);
    for (int i = 0; i < 2; i++) {
        bso_free(net->gradient[i]);
        bso_free(net->operand[i]);
    }
    bso_free(net->operand_bits);
    bso_free(net->gradient_parts);
    bso_free(net->operand_levels);
    bso_free(net->errors.by_sample);
    bso_free(net->errors.sample_scale);
    bso_free(net->errors.by_channel);
    bso_free(net->errors.channel_scale);
    bso_counter_free(net->counter);
    bso_stage_clock_free(net->stages);
    bso_free(net->channel_sums);
    bso_free(net->collected);
    bso_free(net->waiting);
    bso_free(net->scratch);
    bso_free(net->logits);
    bso_free(net->partial);
    bso_free(net->layer);
    bso_free(net->params);
    bso_free(net->learners);
    bso_free(net->buffers);
    bso_free(net->neurons);
    bso_free(net->accumulated_gradient);
    bso_free(net);
}

/* ---- weights ---- */

/* A synapse's weights: normal with the deviation the parameter asks for, or random signs. */
static void init_weights(bso_param *p, uint64_t seed)
{
    size_t count = bso_param_count(p);
    uint32_t ordinal = (uint32_t)p->ordinal;
    if (p->real) {
        for (size_t i = 0; i < count; i++) {
            p->real[i] = (float)(p->initial * bso_random_normal(seed, BSO_RANDOM_INIT, ordinal, i));
        }
        if (p->bits) bso_param_sign(p);
        return;
    }
    for (int o = 0; o < p->cols; o++) {
        for (int w = 0; w < p->words; w++) {
            size_t index = (size_t)o * (size_t)p->words + (size_t)w;
            bso_random4 r = bso_random(seed, BSO_RANDOM_INIT, ordinal, index);
            int used = p->rows - 64 * w;
            uint64_t mask = used >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << used) - 1;
            p->bits[index] = ((uint64_t)r.word[1] << 32 | r.word[0]) & mask;
        }
    }
}

void bso_network_init(bso_network *net, uint64_t seed)
{
    for (int i = 0; i < net->param_count; i++) {
        bso_param *p = &net->params[i];
        if (!p->vector) {
            init_weights(p, seed);
            continue;
        }
        for (int o = 0; o < p->cols; o++) p->real[o] = (float)p->initial;
    }
    for (int i = 0; i < net->buffer_count; i++) {
        bso_buffer *b = &net->buffers[i];
        for (size_t j = 0; j < b->count; j++) b->data[j] = b->initial;
    }
    bso_network_reset_counts(net);
}

int bso_network_attach(bso_network *net, const bso_settings *s, uint64_t total_updates)
{
    const bso_optimizer *rule = bso_optimizer_find(s->optimizer), *sgd = bso_optimizer_find("sgd");
    if (!rule || !sgd) return BSO_ERROR;
    double values[BSO_HYPER_MAX] = {0}, sgd_values[BSO_HYPER_MAX] = {0};
    bso_settings_hypers(s, rule, values);
    sgd_values[bso_hyper_index(sgd, "weight_lr")] = s->lr;
    uint64_t total = total_updates ? total_updates : 1;
    bso_schedule flip = {.factor = s->schedule_factor, .stages = (int)s->schedule_stages, .total = total},
                 lr = flip;
    if (bso_schedule_parse(s->schedule, &flip.kind) || bso_schedule_parse(s->lr_schedule, &lr.kind)) {
        return bso_fail("schedule=%s, lr_schedule=%s: unknown schedule", s->schedule, s->lr_schedule);
    }
    size_t partial = 0;
    for (int i = 0; i < net->param_count; i++) {
        bso_param *p = &net->params[i];
        p->seed = s->seed;
        p->momentum_bits = p->main ? (int)s->momentum_bits : 32;
        size_t bytes = bso_partial_bytes(p);
        if (bytes > partial) partial = bytes;
    }
    net->partial = bso_alloc(BSO_MEM_WORKSPACE, 1, partial, "sums of squared gradients");
    if (!net->partial) return BSO_ERROR;
    net->attached = true;
    int entries = net->accumulated ? 1 : net->steps;
    for (int i = 0; i < net->param_count; i++) {
        bso_param *p = &net->params[i];
        if (bso_learner_init(&net->learners[i], p->main ? rule : sgd, p, entries,
                             p->main ? values : sgd_values, &flip, &lr, net->partial)) {
            return BSO_ERROR;
        }
    }
    return 0;
}

/* ---- shards ---- */

void bso_network_join(bso_network *net, bso_shards *shards)
{
    net->shards = shards;
}

void bso_network_gather_counts(bso_network *net)
{
    if (!net->shards) return;
    /* Whole numbers: no order of adding them up makes a difference. */
    for (int i = 0; i < net->neuron_count; i++) {
        bso_shards_sum_doubles(net->shards, net->neurons[i].spikes, (size_t)net->steps);
        bso_shards_sum_doubles(net->shards, &net->neurons[i].samples, 1);
    }
    if (net->shards->rank > 0) bso_network_reset_counts(net);
    if (net->counter) bso_counter_gather(net->counter, net->shards);
}

/* ---- views ---- */

const float *bso_network_output(const bso_network *net)
{
    return net->logits;
}

int bso_network_params(const bso_network *net, bso_param **params)
{
    *params = net->params;
    return net->param_count;
}

int bso_network_learners(const bso_network *net, bso_learner **learners)
{
    *learners = net->learners;
    return net->attached ? net->param_count : 0;
}

int bso_network_buffers(const bso_network *net, bso_buffer **buffers)
{
    *buffers = net->buffers;
    return net->buffer_count;
}

int bso_network_neurons(const bso_network *net, bso_neuron_counts **counts)
{
    *counts = net->neurons;
    return net->neuron_count;
}

void bso_network_reset_counts(bso_network *net)
{
    for (int i = 0; i < net->neuron_count; i++) {
        net->neurons[i].samples = 0;
        for (int t = 0; t < net->steps; t++) net->neurons[i].spikes[t] = 0;
    }
}

double bso_network_model_bytes(const bso_network *net, bool as_float)
{
    double bytes = 0;
    for (int i = 0; i < net->param_count; i++) {
        const bso_param *p = &net->params[i];
        double count = (double)bso_param_count(p);
        bytes += p->representation == BSO_REP_FLOAT || as_float ? 4 * count : count / 8;
    }
    return bytes;
}

uint64_t bso_network_hash(const bso_network *net)
{
    uint64_t hash = bso_hash_start;
    for (int i = 0; i < net->param_count; i++) {
        const bso_param *p = &net->params[i];
        if (p->bits) hash = bso_hash(hash, p->bits, bso_param_words(p) * sizeof *p->bits);
        if (p->real) hash = bso_hash(hash, p->real, bso_param_count(p) * sizeof *p->real);
    }
    for (int i = 0; i < net->buffer_count; i++) {
        hash = bso_hash(hash, net->buffers[i].data, net->buffers[i].count * sizeof *net->buffers[i].data);
    }
    return hash;
}
