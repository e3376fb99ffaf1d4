/* record.h: what a training was and where it came from, as attributes of HDF5 groups.
 *
 * /config holds every key and every hyperparameter of the rule under its one name, typed; /provenance holds
 * what built and ran it. Result files and traces share them.
 */
#ifndef BSO_RECORD_H
#define BSO_RECORD_H

#include "core/hdf5_util.h"
#include "core/trainer.h"

/* Write /config. The settings must be checked ones. */
void bso_record_settings(bso_h5_writer *w, const bso_settings *s);

/* Read /config, every value checked as if it had been typed. Returns 0 or BSO_ERROR naming file and key. */
int bso_record_settings_read(const bso_h5_reader *r, bso_settings *s);

/* The commit that the program was built from, "-dirty" behind it where the working tree was changed. */
const char *bso_record_commit(void);
/* "model name" of /proc/cpuinfo (x86), else the machine's kind. */
void bso_record_cpu(char *text, size_t size);

/* Write /provenance. command: how the program was started, or NULL. */
void bso_record_provenance(bso_h5_writer *w, const bso_run *run, const char *command);

#endif
