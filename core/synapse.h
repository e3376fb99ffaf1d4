/* synapse.h: what synapse.c and synapse_weight.c share: a convolution or linear layer's own data. Internal to
 * them. */
#ifndef BSO_SYNAPSE_H
#define BSO_SYNAPSE_H

#include "core/layer.h"
#include "core/products.h"

enum { K_TILE = 128 /* inputs of a tile of the patch matrix */ };

typedef struct {
    bso_param *weight, *bias; /* bias may be NULL */
    bso_product product;
    int share;     /* rows of the weights that a thread hands over at a time */
    int parts;     /* of the batch that the weight gradient of a small float layer is made of, else 1 */
    bool products; /* one-bit weights and spikes by products.c */
    bool packed;   /* the input is */
    bool few_bits; /* errors in 8 bits */
    float grid;    /* then: levels of the operand in the weight gradient, the value 1 is that many */
    int levels;    /* the largest */
} bso_synapse;

/* Pixels of a sample's output. */
static inline size_t bso_synapse_area(const bso_synapse *s)
{
    return (size_t)s->product.window.out_h * (size_t)s->product.window.out_w;
}

static inline int at_most(int n, int limit)
{
    return n < limit ? n : limit;
}

/* How the weight gradient will be worked out: share, parts, few_bits, grid and levels of a layer whose
 * products are there; asks the network for what it needs. */
void bso_synapse_plan_weight(bso_layer *l, bso_network *net);

/* The weight gradient, sum over samples and pixels of the operand x times zeta (docs/methods.md, 2), to the
 * learner. Returns 0, BSO_DIVERGED, or BSO_ERROR where x is no level of 8 bits and must be. */
int bso_synapse_weight_gradient(bso_layer *l, const bso_pass *pass, const float *zeta, const float *x);

#endif
