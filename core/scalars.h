/* scalars.h: the loops of an update over bso_scalar: the kernels in use where that is float; in the copy in
 * double precision, which has none, the plain loops. Internal to optimizer.c and momentum.c.
 */
#ifndef BSO_SCALARS_H
#define BSO_SCALARS_H

#include "core/kernels.h"
#include "core/optimizer.h"

#ifdef BSO_SCALAR_IS_FLOAT
#define scalars_finite         bso_kernel->finite
#define scalars_moving_average bso_kernel->moving_average
#define scalars_sum_squares    bso_kernel->sum_squares
#define scalars_beyond         bso_kernel->beyond
#else
#include "core/kernels/update_plain.h"
#define scalars_finite         plain_finite
#define scalars_moving_average plain_moving_average
#define scalars_sum_squares    plain_sum_squares
#define scalars_beyond         plain_beyond
#endif

#endif
