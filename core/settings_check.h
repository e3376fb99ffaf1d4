/* settings_check.h: do settings agree with each other? Internal to settings.c; users call bso_settings_check.
 */
#ifndef BSO_SETTINGS_CHECK_H
#define BSO_SETTINGS_CHECK_H

#include "core/gradient.h"
#include "core/optimizer.h"
#include "core/settings.h"

/* Each key is within its own range. rule and gradient: those that the settings name, `auto` resolved. Returns
 * 0 or BSO_ERROR with what is wrong and what to set. */
int bso_settings_agree(const bso_settings *s, const bso_optimizer *rule, const bso_gradient *gradient);

#endif
