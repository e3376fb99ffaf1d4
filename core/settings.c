/* settings.c: the table of keys, and setting, reading, checking and hashing them. See settings.h.
 *
 * It knows the names of rules and estimators only through their registries, and nothing of data sets or
 * networks: what those cannot take is theirs to refuse.
 */
#include "core/settings_check.h"

#include "core/error.h"
#include "core/hash.h"
#include "core/gradient.h"
#include "core/shards.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEDULES "constant|step|cosine|inverse_sqrt|inverse_fourth"
#define AT(field) offsetof(bso_settings, field)

/* Largest counts: sample indices are 32-bit. */
#define SAMPLES_MAX 4294967295.0

const bso_key bso_keys[] = {
    /* name, type, offset, default, min, max, choices, identity, meaning */
    {"dataset", BSO_KEY_TEXT, AT(dataset), "fashion-mnist", 0, 0, NULL, true,
     "data set, hdf5:FILE for your own data, or stand-in:NAME for a small imitation of one"},
    {"data_dir", BSO_KEY_TEXT, AT(data_dir), "", 0, 0, NULL, false,
     "folder of the data set's files; empty: the data set's usual place"},
    {"network", BSO_KEY_TEXT, AT(network), "16C3-AP2-32C3-AP2-64C3-GAP-FC", 0, 0, NULL, true,
     "layers joined by '-', or the name of a network"},
    {"optimizer", BSO_KEY_WORD, AT(optimizer), "tbso", 0, 0, NULL, true, "update rule of the main weights"},
    {"gradient", BSO_KEY_WORD, AT(gradient), "auto", 0, 0, NULL, true,
     "gradient estimator; auto: ottt (neuron=sign: bptt, behaviour=reference: ndot_ref)"},
    {"update", BSO_KEY_WORD, AT(update), "auto", 0, 0, "auto|realtime|accumulated", true,
     "update at every time step, or once per batch; auto: as the gradient needs"},
    {"steps", BSO_KEY_INTEGER, AT(steps), "2", 1, 1024, NULL, true, "time steps T"},
    {"epochs", BSO_KEY_INTEGER, AT(epochs), "8", 0, 100000, NULL, true,
     "passes over the training samples; 0: only initialise and evaluate"},
    {"batch", BSO_KEY_INTEGER, AT(batch), "128", 1, 65536, NULL, true, "samples in a batch"},
    {"shards", BSO_KEY_INTEGER, AT(shards), "1", 1, BSO_SHARDS_MAX, NULL, BSO_IDENTITY_LATER,
     "equal parts of each batch that are worked on apart, by threads or by machines (docs/mpi.md), and then "
     "added up in order"},
    {"train_samples", BSO_KEY_INTEGER, AT(train_samples), "0", 0, SAMPLES_MAX, NULL, true,
     "training samples used, the first in file order; 0: all"},
    {"test_samples", BSO_KEY_INTEGER, AT(test_samples), "0", 0, SAMPLES_MAX, NULL, true,
     "test samples used, the first in file order; 0: all"},
    {"validation", BSO_KEY_NUMBER, AT(validation), "0", 0, 0.9, NULL, true,
     "fraction of the training set, from its end, kept for validation; of a set with an official validation "
     "split, that split when above 0"},
    {"shuffle", BSO_KEY_SWITCH, AT(shuffle), "on", 0, 0, NULL, true, "new order of samples in every epoch"},
    {"normalize", BSO_KEY_SWITCH, AT(normalize), "on", 0, 0, NULL, true,
     "per-channel mean 0 and deviation 1 over the training samples"},
    {"augment", BSO_KEY_WORD, AT(augment), "none", 0, 0, NULL, true,
     "none, or crop, resizedcrop, flip, autoaugment, cutout joined by '+'"},
    {"image_size", BSO_KEY_INTEGER, AT(image_size), "0", 0, 1024, NULL, true,
     "side that photographs, event frames and spectrograms are brought to; 0: the data set's own"},
    {"subset_classes", BSO_KEY_INTEGER, AT(subset_classes), "0", 0, 65536, NULL, true,
     "class folders used, the first in name order; 0: all"},
    {"subset_per_class", BSO_KEY_INTEGER, AT(subset_per_class), "0", 0, SAMPLES_MAX, NULL, true,
     "files used of each class folder, the first in name order; 0: all"},
    {"event_slices", BSO_KEY_WORD, AT(event_slices), "count", 0, 0, "count|duration", true,
     "events become T frames of equally many events, or of equal duration"},
    {"test_split", BSO_KEY_WORD, AT(test_split), "random", 0, 0, "random|last", true,
     "test set of data without a split of their own: a random tenth of each class, or the last one"},
    {"split_seed", BSO_KEY_SEED, AT(split_seed), "1", 0, 0, NULL, true,
     "of test_split=random and other choices that make the data set; seed does not change them"},
    {"speech_classes", BSO_KEY_WORD, AT(speech_classes), "all", 0, 0, "all|12", true,
     "every word, or ten words, unknown and silence"},
    {"norm_batches", BSO_KEY_INTEGER, AT(norm_batches), "0", 0, SAMPLES_MAX, NULL, true,
     "training batches that batch norm's running statistics are made of anew before each evaluation; 0: as "
     "training left them"},
    {"measure", BSO_KEY_WORD, AT(measure), "none", 0, 0, NULL, true,
     "none, or what is looked at beside, joined by '+': flips (when weights flip, and flip back), cosine "
     "(similarity of the weight gradients of different time steps)"},
    {"seed", BSO_KEY_SEED, AT(seed), "1", 0, 0, NULL, true,
     "of everything random: initial weights, order, augmentation"},
    {"neuron", BSO_KEY_WORD, AT(neuron), "lif", 0, 0, "lif|sign", true,
     "spiking neurons, or the binary activations -1 and +1 of a network without time (steps=1)"},
    {"behaviour", BSO_KEY_WORD, AT(behaviour), "paper", 0, 0, "paper|reference", true,
     "where the paper and its reference code differ, what is followed"},
    {"leak", BSO_KEY_NUMBER, AT(leak), "0.5", 0, 1, NULL, true,
     "lambda, what the membrane keeps from step to step"},
    {"threshold", BSO_KEY_NUMBER, AT(threshold), "1", 1e-6, 1e6, NULL, true, "V_th, firing threshold"},
    {"loss_mse", BSO_KEY_NUMBER, AT(loss_mse), "0.05", 0, 1, NULL, true,
     "share of the squared error in the loss, the rest is cross-entropy"},
    {"surrogate", BSO_KEY_WORD, AT(surrogate), "sigmoid", 0, 0, "sigmoid|rectangular", true,
     "surrogate derivative of the spike"},
    {"detach_reset", BSO_KEY_SWITCH, AT(detach_reset), "on", 0, 0, NULL, true,
     "no gradient through the reset (gradients through time only)"},
    {"error_bits", BSO_KEY_INTEGER, AT(error_bits), "32", 8, 32, "32|8", true,
     "bits of the error signals that convolutions with one-bit weights make their gradients of; 8: rounded "
     "at "
     "random, with a scale for each channel (weights) or sample (inputs)"},
    {"momentum_bits", BSO_KEY_INTEGER, AT(momentum_bits), "32", 8, 32, "32|16|8", true,
     "bits that a rule on one-bit weights keeps of each weight's momentum; 16 and 8: rounded at random, with "
     "a scale for each block of weights"},
    {"lr", BSO_KEY_NUMBER, AT(lr), "0.1", 0, 1000, NULL, true,
     "learning rate of the full-precision parameters, trained by SGD"},
    {"lr_schedule", BSO_KEY_WORD, AT(lr_schedule), "auto", 0, 0, "auto|" SCHEDULES, true,
     "schedule of learning rates; auto: cosine (behaviour=reference: constant)"},
    {"schedule", BSO_KEY_WORD, AT(schedule), "step", 0, 0, SCHEDULES, true,
     "schedule of flip thresholds and momentum rates"},
    {"schedule_factor", BSO_KEY_NUMBER, AT(schedule_factor), "0.1", 1e-12, 1, NULL, true,
     "step schedules: what each stage multiplies by"},
    {"schedule_stages", BSO_KEY_INTEGER, AT(schedule_stages), "4", 1, 100000, NULL, true,
     "step schedules: equal stages over the whole training"},
    {"init", BSO_KEY_TEXT, AT(init), "", 0, 0, NULL, true,
     "parameter file (HDF5) to start from; empty: random from the seed"},
    {"label", BSO_KEY_WORD, AT(label), "", 0, 0, NULL, false,
     "the method's name in tables; empty: made of optimizer and gradient"},
    {"parts", BSO_KEY_TEXT, AT(parts), "", 0, 0, NULL, false,
     "tables and figures that the training is for, joined by '+', as in table2+fig5"},
    {"save", BSO_KEY_TEXT, AT(save), "", 0, 0, NULL, false, "parameter file (HDF5) to write at the end"},
    {"trace", BSO_KEY_TEXT, AT(trace), "", 0, 0, NULL, false,
     "file (HDF5) for the first updates, number by number"},
    {"trace_updates", BSO_KEY_INTEGER, AT(trace_updates), "1", 1, 1000000, NULL, false,
     "updates written to the trace"},
    {"threads", BSO_KEY_INTEGER, AT(threads), "0", 0, 1024, NULL, false,
     "threads; 0: OMP_NUM_THREADS, or all cores; results do not depend on it"},
    {"cache", BSO_KEY_TEXT, AT(cache), "", 0, 0, NULL, false,
     "folder for preprocessed samples and stand-ins; empty: BSO_CACHE_DIR, or ~/.cache/bso; off: none"},
    {"workers", BSO_KEY_INTEGER, AT(workers), "-1", -1, 256, NULL, false,
     "threads that make batches ahead of training; 0: none; -1: as many as cores where samples are decoded "
     "from files as they are needed, else none"},
    {"queue", BSO_KEY_INTEGER, AT(queue), "3", 1, 64, NULL, false, "batches made ahead, with workers"},
    {NULL, BSO_KEY_TEXT, 0, NULL, 0, 0, NULL, false, NULL},
};

static const bso_key *find_key(const char *name)
{
    for (const bso_key *k = bso_keys; k->name; k++) {
        if (strcmp(k->name, name) == 0) return k;
    }
    return NULL;
}

static bool is_hyper(const char *name)
{
    for (int i = 0; bso_optimizers[i]; i++) {
        if (bso_hyper_index(bso_optimizers[i], name) >= 0) return true;
    }
    return false;
}

/* Without a message, unlike bso_optimizer_find: an unknown name is not yet an error while settings are being
 * made. */
static const bso_optimizer *rule_of(const bso_settings *s)
{
    for (int i = 0; bso_optimizers[i]; i++) {
        if (strcmp(bso_optimizers[i]->name, s->optimizer) == 0) return bso_optimizers[i];
    }
    return NULL;
}

/* The shortest text that reads back as the same double (whole numbers in full): what is hashed must not
 * depend on how a number was typed. */
static void number_text(double x, char *text, size_t size)
{
    if (x == floor(x) && fabs(x) < 1e15) {
        snprintf(text, size, "%.0f", x);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, x);
        if (strtod(text, NULL) == x) return;
    }
}

static int parse_number(const char *key, const char *text, double *x)
{
    char *end;
    errno = 0;
    /* strtod alone would take leading blanks, hexadecimal, infinities and NaN. */
    bool plain = *text && strspn(text, "0123456789+-.eE") == strlen(text);
    *x = plain ? strtod(text, &end) : 0;
    if (!plain || *end) return bso_fail("%s=%s: not a number; write it as 0.05 or 5e-7", key, text);
    if (!isfinite(*x) || (errno == ERANGE && *x == 0)) {
        return bso_fail("%s=%s: beyond what a double holds; give a number nearer to 1", key, text);
    }
    *x += 0.0; /* -0 becomes 0 */
    return 0;
}

static int check_range(const char *key, double x, double min, double max, const char *who)
{
    if (x >= min && x <= max) return 0;
    char value[32], low[32], high[32];
    number_text(x, value, sizeof value);
    number_text(min, low, sizeof low);
    number_text(max, high, sizeof high);
    return bso_fail("%s=%s: out of range; %s takes %s to %s", key, value, who, low, high);
}

static bool is_choice(const char *choices, const char *value)
{
    size_t length = strlen(value);
    for (const char *c = choices; c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL) {
        if (strncmp(c, value, length) == 0 && (c[length] == '|' || c[length] == '\0')) return true;
    }
    return false;
}

static int set_integer(int64_t *target, const bso_key *k, const char *value)
{
    errno = 0;
    const char *digits = value + (*value == '-');
    bool plain = *digits && strspn(digits, "0123456789") == strlen(digits);
    int64_t x = plain ? strtoll(value, NULL, 10) : 0;
    if (!plain) return bso_fail("%s=%s: not a whole number", k->name, value);
    if (errno == ERANGE) {
        return bso_fail("%s=%s: out of range; it takes %.0f to %.0f", k->name, value, k->min, k->max);
    }
    if (k->choices && !is_choice(k->choices, value)) {
        return bso_fail("%s=%s: it takes one of %s", k->name, value, k->choices);
    }
    if (check_range(k->name, (double)x, k->min, k->max, "it")) return BSO_ERROR;
    *target = x;
    return 0;
}

static int set_seed(uint64_t *target, const char *key, const char *value)
{
    errno = 0;
    bool plain = *value && strspn(value, "0123456789") == strlen(value);
    uint64_t x = plain ? strtoull(value, NULL, 10) : 0;
    if (!plain || errno == ERANGE) {
        return bso_fail("%s=%s: not a seed; it takes whole numbers from 0 to %" PRIu64, key, value,
                        UINT64_MAX);
    }
    *target = x;
    return 0;
}

static int set_switch(bool *target, const char *key, const char *value)
{
    static const char *const words[] = {"off", "on", "false", "true", "0", "1"};
    for (int i = 0; i < 6; i++) {
        if (strcmp(value, words[i]) == 0) {
            *target = i % 2;
            return 0;
        }
    }
    return bso_fail("%s=%s: it takes on or off", key, value);
}

static int set_text(char *target, size_t size, const bso_key *k, const char *value)
{
    if (strlen(value) >= size) {
        return bso_fail("%s: %zu characters; it takes at most %zu", k->name, strlen(value), size - 1);
    }
    for (const char *c = value; *c; c++) {
        /* A line break would make two different settings hash alike. */
        if ((unsigned char)*c < ' ' || *c == 127) {
            return bso_fail("%s: the value holds a control character; take it out", k->name);
        }
    }
    if (k->choices && !is_choice(k->choices, value)) {
        return bso_fail("%s=%s: it takes one of %s", k->name, value, k->choices);
    }
    memcpy(target, value, strlen(value) + 1);
    return 0;
}

static int set_hyper(bso_settings *s, const char *name, const char *value)
{
    double x;
    if (parse_number(name, value, &x)) return BSO_ERROR;
    int i = 0;
    while (i < s->hypers_set && strcmp(s->hyper[i].name, name) != 0) i++;
    if (i == BSO_HYPER_MAX) {
        return bso_fail("%s: more than %d hyperparameters; no rule has that many", name, BSO_HYPER_MAX);
    }
    if (i == s->hypers_set) {
        snprintf(s->hyper[i].name, sizeof s->hyper[i].name, "%s", name);
        s->hypers_set++;
    }
    s->hyper[i].value = x;
    return 0;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Edit distance with transpositions of neighbours (Damerau 1964), for names shorter than BSO_WORD. */
static int edit_distance(const char *a, const char *b)
{
    int rows[3][BSO_WORD] = {{0}};
    int m = (int)strlen(a), n = (int)strlen(b);
    for (int j = 0; j <= n; j++) rows[0][j] = j;
    for (int i = 1; i <= m; i++) {
        int *now = rows[i % 3];
        const int *before = rows[(i + 2) % 3], *earlier = rows[(i + 1) % 3];
        now[0] = i;
        for (int j = 1; j <= n; j++) {
            now[j] = least(before[j - 1] + (a[i - 1] != b[j - 1]), least(before[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                now[j] = least(now[j], earlier[j - 2] + 1);
            }
        }
    }
    return rows[m % 3][n];
}

static void nearer(const char *wrong, const char *name, const char **nearest, int *distance)
{
    int d = edit_distance(wrong, name);
    if (d < *distance) {
        *distance = d;
        *nearest = name;
    }
}

static int unknown_key(const char *name)
{
    const char *nearest = NULL;
    size_t length = strlen(name);
    if (length < BSO_WORD) {
        int distance = 1 + (int)(length + 2) / 3; /* a name that shares too little would mislead */
        for (const bso_key *k = bso_keys; k->name; k++) nearer(name, k->name, &nearest, &distance);
        for (int i = 0; bso_optimizers[i]; i++) {
            for (const bso_hyper *h = bso_optimizers[i]->hypers; h->name; h++) {
                nearer(name, h->name, &nearest, &distance);
            }
        }
    }
    if (nearest) {
        return bso_fail("%s: no such key; did you mean %s? `bso list` shows all keys", name, nearest);
    }
    return bso_fail("%.100s: no such key; `bso list` shows all keys", name);
}

void bso_settings_default(bso_settings *s)
{
    memset(s, 0, sizeof *s);
    for (const bso_key *k = bso_keys; k->name; k++) bso_settings_set(s, k->name, k->initial);
}

int bso_settings_set(bso_settings *s, const char *key, const char *value)
{
    const bso_key *k = find_key(key);
    if (!k) return is_hyper(key) ? set_hyper(s, key, value) : unknown_key(key);
    void *target = (char *)s + k->offset;
    switch (k->type) {
    case BSO_KEY_TEXT:
        return set_text(target, BSO_TEXT, k, value);
    case BSO_KEY_WORD:
        return set_text(target, BSO_WORD, k, value);
    case BSO_KEY_INTEGER:
        return set_integer(target, k, value);
    case BSO_KEY_SEED:
        return set_seed(target, key, value);
    case BSO_KEY_SWITCH:
        return set_switch(target, key, value);
    case BSO_KEY_NUMBER: {
        double x;
        if (parse_number(key, value, &x) || check_range(key, x, k->min, k->max, "it")) return BSO_ERROR;
        *(double *)target = x;
        return 0;
    }
    }
    return bso_fail("%s: key of unknown type", key);
}

static void key_text(const bso_settings *s, const bso_key *k, char *text, size_t size)
{
    const void *source = (const char *)s + k->offset;
    switch (k->type) {
    case BSO_KEY_TEXT:
    case BSO_KEY_WORD:
        snprintf(text, size, "%s", (const char *)source);
        break;
    case BSO_KEY_INTEGER:
        snprintf(text, size, "%" PRId64, *(const int64_t *)source);
        break;
    case BSO_KEY_SEED:
        snprintf(text, size, "%" PRIu64, *(const uint64_t *)source);
        break;
    case BSO_KEY_SWITCH:
        snprintf(text, size, "%s", *(const bool *)source ? "on" : "off");
        break;
    case BSO_KEY_NUMBER:
        number_text(*(const double *)source, text, size);
        break;
    }
}

int bso_settings_get(const bso_settings *s, const char *key, char *text, size_t size)
{
    const bso_key *k = find_key(key);
    if (k) {
        key_text(s, k, text, size);
        return 0;
    }
    if (!is_hyper(key)) return unknown_key(key);
    const bso_optimizer *rule = rule_of(s);
    int index = rule ? bso_hyper_index(rule, key) : -1;
    if (index >= 0) {
        double values[BSO_HYPER_MAX];
        bso_settings_hypers(s, rule, values);
        number_text(values[index], text, size);
        return 0;
    }
    for (int i = 0; i < s->hypers_set; i++) {
        if (strcmp(s->hyper[i].name, key) == 0) {
            number_text(s->hyper[i].value, text, size);
            return 0;
        }
    }
    return bso_fail("%s: optimizer %s has no such hyperparameter", key, s->optimizer);
}

static bool is(const char *word, const char *value)
{
    return strcmp(word, value) == 0;
}

static const bso_gradient *gradient_of(const char *name)
{
    for (int i = 0; bso_gradients[i]; i++) {
        if (is(bso_gradients[i]->name, name)) return bso_gradients[i];
    }
    return NULL;
}

/* What a key stands for: of the word `auto` what the other settings call for, else the value itself. */
static const char *resolved(const bso_settings *s, size_t offset)
{
    const char *value = (const char *)s + offset;
    if (!is(value, "auto")) return value;
    bool reference = is(s->behaviour, "reference");
    if (offset == AT(gradient)) return is(s->neuron, "sign") ? "bptt" : reference ? "ndot_ref" : "ottt";
    if (offset == AT(lr_schedule)) return reference ? "constant" : "cosine";
    if (offset == AT(update)) {
        /* Gradients through time are known only at the end of a batch. */
        const bso_gradient *gradient = gradient_of(resolved(s, AT(gradient)));
        return gradient && gradient->through_time ? "accumulated" : "realtime";
    }
    return value;
}

const char *bso_settings_gradient(const bso_settings *s)
{
    return resolved(s, AT(gradient));
}

void bso_settings_label(const bso_settings *s, char *text, size_t size)
{
    if (*s->label) {
        snprintf(text, size, "%s", s->label);
    } else {
        snprintf(text, size, "%s (%s)", s->optimizer, bso_settings_gradient(s));
    }
}

static void resolve(bso_settings *s)
{
    static const size_t offsets[] = {AT(update), AT(gradient),
                                     AT(lr_schedule)}; /* update looks at gradient */
    for (int i = 0; i < 3; i++) {
        char *value = (char *)s + offsets[i];
        const char *meant = resolved(s, offsets[i]);
        if (meant != value) snprintf(value, BSO_WORD, "%s", meant);
    }
}

static int check_hypers(const bso_settings *s, const bso_optimizer *rule)
{
    for (int i = 0; i < s->hypers_set; i++) {
        const char *name = s->hyper[i].name;
        int index = bso_hyper_index(rule, name);
        if (index >= 0) {
            const bso_hyper *h = &rule->hypers[index];
            char who[BSO_WORD + 16];
            snprintf(who, sizeof who, "optimizer %s", rule->name);
            if (check_range(name, s->hyper[i].value, h->min, h->max, who)) return BSO_ERROR;
            continue;
        }
        char names[256] = "";
        for (const bso_hyper *h = rule->hypers; h->name; h++) {
            size_t used = strlen(names);
            snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", h->name);
        }
        return bso_fail("%s: optimizer %s has no such hyperparameter; it has %s", name, rule->name,
                        *names ? names : "none");
    }
    return 0;
}

bool bso_settings_has(const char *list, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = list;; at += strcspn(at, "+") + 1) {
        if (strcspn(at, "+") == length && memcmp(at, word, length) == 0) return true;
        if (!at[strcspn(at, "+")]) return false;
    }
}

int bso_settings_check(bso_settings *s)
{
    const bso_optimizer *rule = bso_optimizer_find(s->optimizer);
    if (!rule) return BSO_ERROR;
    const bso_gradient *gradient = bso_gradient_find(resolved(s, AT(gradient)));
    if (!gradient) return BSO_ERROR;
    if (check_hypers(s, rule) || bso_settings_agree(s, rule, gradient)) return BSO_ERROR;
    resolve(s);
    return 0;
}

/* Defaults of hyperparameters that are others under behaviour=reference: T-BSO's M / (sqrt(v) + 1e-10) there.
 */
static const struct {
    const char *rule, *hyper;
    double value;
} reference_values[] = {{"tbso", "eps", 0}, {"tbso", "eps_outside", 1e-10}};

static double default_value(const bso_settings *s, const bso_optimizer *rule, const bso_hyper *h)
{
    for (size_t i = 0; i < sizeof reference_values / sizeof *reference_values; i++) {
        if (is(s->behaviour, "reference") && is(rule->name, reference_values[i].rule) &&
            is(h->name, reference_values[i].hyper)) {
            return reference_values[i].value;
        }
    }
    return h->initial;
}

void bso_settings_hypers(const bso_settings *s, const bso_optimizer *rule, double values[BSO_HYPER_MAX])
{
    for (int i = 0; i < BSO_HYPER_MAX; i++) values[i] = 0;
    for (int i = 0; rule->hypers[i].name; i++) {
        const bso_hyper *h = &rule->hypers[i];
        values[i] = default_value(s, rule, h);
        for (int j = 0; j < s->hypers_set; j++) {
            if (is(s->hyper[j].name, h->name)) values[i] = s->hyper[j].value;
        }
        if (values[i] == 0 && h->initial == 0 && is(h->name, "weight_lr")) values[i] = s->lr;
    }
}

static uint64_t hash_pair(uint64_t hash, const char *key, const char *value)
{
    const char *const parts[] = {key, "=", value, "\n"};
    for (int i = 0; i < 4; i++) hash = bso_hash(hash, parts[i], strlen(parts[i]));
    return hash;
}

uint64_t bso_settings_hash(const bso_settings *s)
{
    uint64_t hash = bso_hash_start;
    char text[BSO_TEXT];
    for (const bso_key *k = bso_keys; k->name; k++) {
        if (!k->identity) continue;
        key_text(s, k, text, sizeof text);
        if (k->identity == BSO_IDENTITY_LATER && strcmp(text, k->initial) == 0) continue;
        /* The same before and after bso_settings_check. */
        hash = hash_pair(hash, k->name, k->type == BSO_KEY_WORD ? resolved(s, k->offset) : text);
    }
    const bso_optimizer *rule = rule_of(s);
    if (!rule) return hash;
    double values[BSO_HYPER_MAX];
    bso_settings_hypers(s, rule, values);
    for (int i = 0; rule->hypers[i].name; i++) {
        number_text(values[i], text, sizeof text);
        hash = hash_pair(hash, rule->hypers[i].name, text);
    }
    return hash;
}
