/* method.h: the methods that are compared: a name for the command line, one for tables, and the settings they
 * stand for. experiments/methods.conf is the list; every registered optimizer that none of them uses is a
 * method, too, under its own name. What tuning found for them is in experiments/tuned.conf, written by `bso
 * tune`.
 */
#ifndef BSO_METHOD_H
#define BSO_METHOD_H

#include "core/settings.h"

#include <stdbool.h>

enum { BSO_METHOD_KEYS = 24 };

typedef struct {
    char key[BSO_WORD];
    char value[BSO_WORD];
} bso_pair;

typedef struct {
    char name[BSO_WORD];  /* "tbso" */
    char label[BSO_WORD]; /* "T-BSO" */
    int pairs, tuned_pairs;
    bso_pair set[BSO_METHOD_KEYS];   /* optimizer, gradient, ... */
    bso_pair tuned[BSO_METHOD_KEYS]; /* lr and hyperparameters */
} bso_method;

typedef struct {
    bso_method *method;
    int count;
    char tuned_path[1024]; /* the file of tuned settings that was read, whether it is there or not */
} bso_methods;

/* The list, with what tuning found. Names, keys and values are checked: every method's settings can be set.
 * tuned: a file of tuned settings that was made here; NULL: the repository's, and for methods that it does
 * not have, what `bso tune` found here (BSO_TUNED_HERE). A missing file is no error: then nothing is tuned.
 * In a file made here an entry that cannot be set (its rule has changed) is told of on standard error and
 * passed over. Returns 0, or BSO_ERROR naming file and line. */
#define BSO_TUNED_HERE "results/tune/tuned.conf"
int bso_methods_read(bso_methods *m, const char *tuned);
void bso_methods_free(bso_methods *m);

/* The method of that name, or the first one that uses the optimizer of that name; or NULL with bso_fail
 * listing the names. */
const bso_method *bso_method_find(const bso_methods *m, const char *name);

/* What the method fixes a key to, as text; NULL: it leaves the key open. Every method has an optimizer. */
const char *bso_method_value(const bso_method *method, const char *key);

/* Set what the method stands for, its label included; tuned: then what tuning found, where there is
 * something. What is set otherwise stays. Returns 0 or BSO_ERROR. */
int bso_method_apply(const bso_method *method, bool tuned, bso_settings *s);

#endif
