/* training_log.c: what a training writes down as it goes: epochs, layers, neurons, operations. See
 * training.h. */
#include "core/training.h"

#include "core/error.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int bso_training_logs(const bso_training *tr)
{
    int count = 0;
    for (int i = 0; i < tr->param_count; i++) count += tr->params[i].main;
    return count;
}

/* The i-th parameter trained by the rule under test. */
int bso_training_logged(const bso_training *tr, int i)
{
    for (int p = 0; p < tr->param_count; p++) {
        if (tr->params[p].main && i-- == 0) return p;
    }
    return -1;
}

/* Flips of the i-th one in this epoch so far. */
static double epoch_flips(const bso_training *tr, int i)
{
    return (double)(tr->learners[bso_training_logged(tr, i)].all_flips - tr->flips_before[i]);
}

int bso_training_log_open(bso_training *tr)
{
    bso_run *run = tr->run;
    size_t epochs = (size_t)tr->s->epochs, steps = (size_t)tr->s->steps;
    bso_neuron_counts *counts;
    run->weight_logs = bso_training_logs(tr);
    run->neuron_logs = bso_network_neurons(tr->net, &counts);
    run->epochs = bso_alloc(BSO_MEM_LOG, epochs, sizeof *run->epochs, "epoch log");
    run->weights = bso_alloc(BSO_MEM_LOG, (size_t)run->weight_logs, sizeof *run->weights, "layer log");
    run->neurons = bso_alloc(BSO_MEM_LOG, (size_t)run->neuron_logs, sizeof *run->neurons, "neuron log");
    run->batch_loss = bso_alloc(BSO_MEM_LOG, epochs * tr->batches, sizeof *run->batch_loss, "loss log");
    tr->initial = bso_alloc(BSO_MEM_LOG, (size_t)run->weight_logs, sizeof *tr->initial, "initial signs");
    tr->flips_before =
        bso_alloc(BSO_MEM_LOG, (size_t)run->weight_logs, sizeof *tr->flips_before, "flip counts");
    if (!run->epochs || !run->weights || !run->neurons || !run->batch_loss || !tr->initial ||
        !tr->flips_before)
        return BSO_ERROR;
    size_t entries = (size_t)run->time_entries;
    for (int i = 0; i < run->weight_logs; i++) {
        const bso_param *p = &tr->params[bso_training_logged(tr, i)];
        bso_weight_log *w = &run->weights[i];
        snprintf(w->name, sizeof w->name, "%s", p->name);
        w->weights = bso_param_count(p);
        w->flips = bso_alloc(BSO_MEM_LOG, epochs, sizeof(double), "layer log");
        w->flip_rate = bso_alloc(BSO_MEM_LOG, epochs, sizeof(double), "layer log");
        w->c2i = bso_alloc(BSO_MEM_LOG, epochs, sizeof(double), "layer log");
        w->v = bso_alloc(BSO_MEM_LOG, epochs * entries, sizeof(double), "layer log");
        w->threshold = bso_alloc(BSO_MEM_LOG, epochs * entries, sizeof(double), "layer log");
        if (!w->flips || !w->flip_rate || !w->c2i || !w->v || !w->threshold) return BSO_ERROR;
        if (!p->bits) continue;
        size_t words = bso_param_words(p);
        tr->initial[i] = bso_alloc(BSO_MEM_LOG, words, sizeof(uint64_t), "initial signs");
        if (!tr->initial[i]) return BSO_ERROR;
        memcpy(tr->initial[i], p->bits, words * sizeof(uint64_t));
    }
    for (int i = 0; i < run->neuron_logs; i++) {
        bso_neuron_log *l = &run->neurons[i];
        memcpy(l->name, counts[i].name, sizeof l->name);
        l->neurons = counts[i].neurons;
        l->firing_rate = bso_alloc(BSO_MEM_LOG, epochs * steps, sizeof(double), "neuron log");
        if (!l->firing_rate) return BSO_ERROR;
    }
    return 0;
}

static double changed_from_initial(const bso_param *p, const uint64_t *initial)
{
    uint64_t changed = 0;
    size_t words = bso_param_words(p);
    for (size_t i = 0; i < words; i++) changed += (uint64_t)__builtin_popcountll(p->bits[i] ^ initial[i]);
    return (double)changed / (double)bso_param_count(p);
}

/* Flips per update and one-bit weight in this epoch, after so many batches. */
double bso_training_flip_rate(const bso_training *tr, size_t batches)
{
    double flips = 0, weights = 0;
    for (int i = 0; i < tr->run->weight_logs; i++) {
        if (!tr->initial[i]) continue;
        flips += epoch_flips(tr, i);
        weights += (double)tr->run->weights[i].weights;
    }
    return weights > 0 ? flips / (weights * (double)batches * tr->run->time_entries) : NAN;
}

/* Layer by layer, and the means over one-bit weights that the epoch log holds. */
void bso_training_log_layers(bso_training *tr, int epoch, bso_epoch_log *e)
{
    bso_run *run = tr->run;
    double updates = (double)tr->batches * run->time_entries, changed = 0, weights = 0;
    for (int i = 0; i < run->weight_logs; i++) {
        bso_weight_log *w = &run->weights[i];
        int index = bso_training_logged(tr, i);
        const bso_learner *l = &tr->learners[index];
        const bso_param *p = &tr->params[index];
        bool one_bit = p->bits != NULL;
        w->flips[epoch] = one_bit ? epoch_flips(tr, i) : NAN;
        w->flip_rate[epoch] = one_bit ? epoch_flips(tr, i) / ((double)w->weights * updates) : NAN;
        w->c2i[epoch] = one_bit ? changed_from_initial(p, tr->initial[i]) : NAN;
        for (int t = 0; t < run->time_entries; t++) {
            int at = epoch * run->time_entries + t;
            w->v[at] = l->rule->second_moment ? l->rule->second_moment(l, t) : NAN;
            w->threshold[at] = l->rule->threshold ? l->rule->threshold(l, t) : NAN;
        }
        if (!one_bit) continue;
        changed += w->c2i[epoch] * (double)w->weights;
        weights += (double)w->weights;
    }
    e->flip_rate = bso_training_flip_rate(tr, tr->batches);
    e->c2i = weights > 0 ? changed / weights : NAN;
    bso_neuron_counts *counts;
    bso_network_neurons(tr->net, &counts);
    int steps = (int)tr->s->steps;
    for (int i = 0; i < run->neuron_logs; i++) {
        for (int t = 0; t < steps; t++) {
            run->neurons[i].firing_rate[epoch * steps + t] =
                counts[i].spikes[t] / (counts[i].samples * (double)counts[i].neurons);
        }
    }
}

int bso_training_gather(bso_training *tr)
{
    if (!tr->shards) return 0;
    bso_network_gather_counts(tr->net);
    return bso_shards_same(tr->shards, bso_network_hash(tr->net), "the weights");
}

/* What inference costs, as it was counted. */
int bso_training_log_operations(bso_training *tr)
{
    bso_run *run = tr->run;
    bso_network_gather_counts(tr->net);
    const bso_synapse_operations *operations = NULL;
    const int count =
        bso_network_operations(tr->net, &operations, &run->activation_sparsity, &run->connection_sparsity);
    run->operations = bso_alloc(BSO_MEM_LOG, (size_t)count, sizeof *run->operations, "operation counts");
    if (!run->operations) return BSO_ERROR;
    for (int i = 0; i < count; i++) run->operations[i] = operations[i];
    run->operation_logs = count;
    return 0;
}

/* A training that goes on needed what it had needed before. */
void bso_training_log_memory(bso_run *run)
{
    const size_t total = bso_mem_peak(BSO_MEM_CATEGORIES), resident = bso_rss_peak();
    for (int i = 0; i < BSO_MEM_CATEGORIES; i++) {
        const bso_mem_category category = (bso_mem_category)i;
        run->memory_current[i] = bso_mem_current(category);
        if (bso_mem_peak(category) > run->memory_peak[i]) run->memory_peak[i] = bso_mem_peak(category);
        if (total > run->memory_total_peak) run->memory_at_peak[i] = bso_mem_at_peak(category);
    }
    if (total > run->memory_total_peak) run->memory_total_peak = total;
    if (resident > run->rss_peak) run->rss_peak = resident;
}

void bso_run_free(bso_run *run)
{
    for (int i = 0; run->weights && i < run->weight_logs; i++) {
        bso_weight_log *w = &run->weights[i];
        bso_free(w->flips);
        bso_free(w->flip_rate);
        bso_free(w->c2i);
        bso_free(w->v);
        bso_free(w->threshold);
        bso_free(w->cosine);
        bso_free(w->flip_curve);
        bso_free(w->flip_gaps);
    }
    for (int i = 0; run->neurons && i < run->neuron_logs; i++) bso_free(run->neurons[i].firing_rate);
    bso_free(run->weights);
    bso_free(run->neurons);
    bso_free(run->epochs);
    bso_free(run->operations);
    bso_free(run->batch_loss);
    memset(run, 0, sizeof *run);
}
