/* norm.h: batch norm as a part of a layer. Internal to core/.
 *
 * Of each channel: norm(y) = scale (y - mean) / sqrt(variance + eps) + offset; statistics are those of the
 * current time step's batch or the running ones, as bso_pass.norm_rate says (docs/methods.md, 5). It owns no
 * maps: layers pass over theirs while they are in cache.
 */
#ifndef BSO_NORM_H
#define BSO_NORM_H

#include "core/layer.h"

typedef struct {
    bso_param *scale, *offset;              /* batch norm's gamma and beta */
    float *running_mean, *running_variance; /* [channels] */
    float *mean, *inverse; /* [slots][channels] mean and 1 / sqrt(variance + eps) of each kept step */
    int channels, slots;   /* time steps kept for backward */
} bso_norm;

/* Parameters NAME.weight and NAME.bias, running statistics NAME.running_mean and NAME.running_var. Returns 0
 * or BSO_ERROR. */
int bso_norm_create(bso_norm *norm, bso_network *net, const char *name, int channels);
void bso_norm_free(bso_norm *norm);

/* Where ranks have a shard of the batch each, statistics and gradients are those of all of it: the sums that
 * they are made of are added up over the ranks, those of the forward pass in bso_norm_prepare, those of the
 * backward pass by the caller. */

/* Before a forward pass over y[channels][m]: mean and inverse deviation of each channel at this step.
 * Where these are the batch's the running statistics follow (unbiased variance). */
void bso_norm_prepare(const bso_norm *norm, const bso_pass *pass, const float *y, size_t m);

/* Then norm(y) of a channel is y * line.scale + line.offset. */
typedef struct {
    float scale, offset;
} bso_norm_line;
bso_norm_line bso_norm_of(const bso_norm *norm, const bso_pass *pass, int channel);

/* Backward over one channel of m pixels, d = dL/d(norm(y)). First its sums, over the whole or over piece
 * after piece, as these are made; they begin at 0. Which pieces must depend on the shape alone, for each
 * begins with the first lane. */
void bso_norm_backward_sums(const bso_norm *norm, const bso_pass *pass, int channel, bso_lanes sums[2],
                            const float *d, const float *y, size_t n);
/* Then, these sums over all of the batch's shards being given, dy <- dL/dy; dy may be d. Leaves the
 * parameters' gradients of this channel in gradients[2][channels].
 */
void bso_norm_backward(const bso_norm *norm, const bso_pass *pass, int channel, const double sums[2],
                       float *dy, const float *d, const float *y, size_t m, float *gradients);

/* After it has seen all channels: hand the gradients to the learners. Returns 0 or BSO_DIVERGED. */
int bso_norm_update(const bso_norm *norm, const bso_pass *pass, const float *gradients);

#endif
