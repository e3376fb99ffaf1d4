/* result.h: the file of one run, HDF5, as docs/formats.md describes it.
 *
 * A file under its final name is complete: it is written beside, flushed, fsynced and renamed. Reading treats
 * it as untrusted.
 */
#ifndef BSO_RESULT_H
#define BSO_RESULT_H

#include "core/trainer.h"

/* Write a run that reached its end or diverged. command: how it was started, for /provenance, or NULL.
 * Returns 0 or BSO_ERROR naming the file; what was under that name before is unchanged then, and nothing is
 * left beside it. */
int bso_result_write(const char *path, const bso_run *run, const char *command);

/* Read it back into a bso_run (settings included; provenance is left out). Foreign, truncated or inconsistent
 * files: BSO_ERROR naming the file and what is wrong; run is then empty. Free with bso_run_free. */
int bso_result_read(const char *path, bso_run *run);

/* Attributes of /provenance as text ("commit", "cpu", ...; docs/formats.md): text[i] of `size` characters,
 * one after the other, for names[i]. Returns 0; or BSO_ERROR where the file or one of them cannot be read,
 * whose text is "" then. */
int bso_result_provenance(const char *path, const char *const *names, int count, char *text, size_t size);

/* The same where the path is a result of these settings (same hash). Returns 0, and run is to be freed; 1
 * where there is no such file or it is of other settings, or BSO_ERROR where what is there cannot be read as
 * a result: run is then empty. */
int bso_result_find(const char *path, const bso_settings *s, bso_run *run);

/* 0 when the path is a result of these settings (same hash): the cell need not run again. That of a training
 * that diverged is one, since the same settings diverge again; stopped, where it is not NULL, becomes that
 * run's message, "" for every other file. 1 when the cell must run (no such file, another configuration);
 * BSO_ERROR when something is there that cannot be read as a result. */
int bso_result_matches(const char *path, const bso_settings *s, char stopped[BSO_STOPPED]);

/* "tbso-ottt-fashion-mnist-T2-seed1-3f2a…" (16 hex digits of the settings' hash), without directory; ends in
 * ".h5". */
void bso_result_name(const bso_settings *s, char *name, size_t size);

#endif
