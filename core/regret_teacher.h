/* regret_teacher.h: what regret_problem.c and regret_box.c share: the draws and losses of the planted
 * teachers. Not part of the library's surface.
 */
#ifndef BSO_REGRET_TEACHER_H
#define BSO_REGRET_TEACHER_H

#include "core/regret_problem.h"

typedef enum { BSO_DRAW_START, BSO_DRAW_TEACHER, BSO_DRAW_DATA, BSO_DRAW_NOISE } bso_draw;

/* d random signs for round k, +1 with probability `plus`. */
void bso_regret_signs(uint64_t seed, bso_family family, int d, bso_draw what, uint64_t k, double plus,
                      double *signs);

/* Loss and its derivative at the prediction h = <x, w>, for the label y. */
double bso_teacher_loss(bso_family family, double h, double y);
double bso_teacher_slope(bso_family family, double h, double y);

/* The label of round k, h = <x, w*>. */
double bso_teacher_label(bso_family family, int d, uint64_t seed, uint64_t k, double h);

/* <a, b> of signs. */
double bso_signs_product(const double *a, const double *b, int d);

#endif
