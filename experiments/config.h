/* config.h: what the readers of libconfig files (sweeps, methods, tuned settings, protocols) share. */
#ifndef BSO_CONFIG_H
#define BSO_CONFIG_H

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>

/* Read a file of at most 1 MiB, without @include, whose whole numbers fit their 32 bits, or 64 with an L at
 * the end (libconfig would take others for what is left of them). Returns 0, and the caller destroys config
 * (config_destroy); or BSO_ERROR naming file and line, and config needs nothing. */
int bso_config_read(config_t *config, const char *path);

/* Put "file:line: " of a setting before the recorded message. Returns BSO_ERROR. */
int bso_config_at(const char *path, const config_setting_t *where);

/* Is it a list or an array of values? */
bool bso_config_is_list(const config_setting_t *s);

/* A plain value as bso_settings_set takes it. Returns 0, or BSO_ERROR with the key named. */
int bso_config_text(const char *key, const config_setting_t *value, char *text, size_t size);

/* A text member, copied; a missing one leaves target empty. Returns 0 or BSO_ERROR naming the place. */
int bso_config_member(const char *path, const config_setting_t *group, const char *key, char *target,
                      size_t size);

/* Is every member of the group one of the `known` (NULL at the end)? Returns 0 or BSO_ERROR naming the place.
 * what: of what it is a member ("a sweep"). */
int bso_config_known(const char *path, const config_setting_t *group, const char *what,
                     const char *const *known);

/* A file of this folder's as installed beside the program (build/../experiments/NAME), or under
 * BSO_EXPERIMENTS where that is set. */
void bso_config_path(const char *name, char *path, size_t size);

#endif
