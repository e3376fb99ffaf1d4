/* reported.c: see reported.h. */
#include "experiments/reported.h"

#include "core/error.h"
#include "core/file.h"
#include "core/memory.h"
#include "experiments/config.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES_MAX = 1 << 20, FACTS_MAX = 4096, FIELDS = 10 };

static const char head[] = "table,dataset,method,architecture,online,binary,T,setting,metric,value";

/* ---- Reading ---- */

static int take_text(char *target, size_t size, const char *field, const char *column, bool may_be_empty)
{
    if (strlen(field) >= size || (!may_be_empty && !*field)) {
        return bso_fail("%s: \"%s\": it takes %s to %zu characters", column, field, may_be_empty ? "0" : "1",
                        size - 1);
    }
    memcpy(target, field, strlen(field) + 1);
    return 0;
}

static int take_switch(bool *target, const char *field, const char *column)
{
    if (strcmp(field, "0") != 0 && strcmp(field, "1") != 0) {
        return bso_fail("%s: \"%s\": it takes 0 or 1", column, field);
    }
    *target = *field == '1';
    return 0;
}

/* A whole number of up to four digits; moves on. 0: there is none. */
static int take_count(const char **text)
{
    int x = 0;
    for (int digits = 0; isdigit((unsigned char)**text) && digits < 4; digits++)
        x = 10 * x + *(*text)++ - '0';
    return x;
}

/* "6", "1..35", or nothing. */
static int take_steps(bso_reported_fact *fact, const char *field)
{
    const char *at = field;
    if (!*field) return 0;
    fact->first_steps = fact->last_steps = take_count(&at);
    if (strncmp(at, "..", 2) == 0) {
        at += 2;
        fact->last_steps = take_count(&at);
    }
    if (!*at && fact->first_steps > 0 && fact->last_steps >= fact->first_steps) return 0;
    return bso_fail("T: \"%s\": it takes a number, FIRST..LAST, or nothing", field);
}

static int take_value(double *value, const char *field)
{
    char *end;
    *value = strtod(field, &end);
    if (end != field && !*end && isfinite(*value)) return 0;
    return bso_fail("value: \"%s\": it takes a number", field);
}

/* One line, which is cut at its commas: facts hold none. */
static int take_line(bso_reported_fact *fact, char *line)
{
    char *field[FIELDS];
    int count = 0;
    for (char *at = line; at; count++) {
        char *comma = strchr(at, ',');
        if (comma) *comma = '\0';
        if (count < FIELDS) field[count] = at;
        at = comma ? comma + 1 : NULL;
    }
    if (count != FIELDS) return bso_fail("%d fields, not %d (%s)", count, FIELDS, head);
    return take_text(fact->table, sizeof fact->table, field[0], "table", false) ||
                   take_text(fact->dataset, sizeof fact->dataset, field[1], "dataset", false) ||
                   take_text(fact->method, sizeof fact->method, field[2], "method", false) ||
                   take_text(fact->architecture, sizeof fact->architecture, field[3], "architecture", true) ||
                   take_switch(&fact->online, field[4], "online") ||
                   take_switch(&fact->binary, field[5], "binary") || take_steps(fact, field[6]) ||
                   take_text(fact->setting, sizeof fact->setting, field[7], "setting", true) ||
                   take_text(fact->metric, sizeof fact->metric, field[8], "metric", false) ||
                   take_value(&fact->value, field[9])
               ? BSO_ERROR
               : 0;
}

static int take_lines(bso_reported *reported, const char *path, char *text)
{
    bool headed = false;
    int line = 0;
    for (char *at = text; at; line++) {
        char *end = strchr(at, '\n');
        if (end) *end = '\0';
        const size_t length = strlen(at);
        if (length > 0 && at[length - 1] == '\r') at[length - 1] = '\0';
        if (*at && *at != '#' && !headed) {
            headed = true;
            if (strcmp(at, head) != 0) return bso_fail("%s:%d: the columns are %s", path, line + 1, head);
        } else if (*at && *at != '#') {
            if (reported->count == FACTS_MAX) return bso_fail("%s: more than %d facts", path, FACTS_MAX);
            if (take_line(&reported->fact[reported->count], at)) {
                return bso_fail_context("%s:%d", path, line + 1);
            }
            reported->count++;
        }
        at = end ? end + 1 : NULL;
    }
    return reported->count ? 0 : bso_fail("%s: no facts in it", path);
}

int bso_reported_read(bso_reported *reported, const char *path)
{
    char usual[BSO_PATH];
    uint8_t *bytes;
    size_t count;
    *reported = (bso_reported){0};
    if (!path) {
        bso_config_path("reported.csv", usual, sizeof usual);
        path = usual;
    }
    if (bso_file_read(path, FILE_BYTES_MAX, BSO_MEM_CONTROL, &bytes, &count)) return BSO_ERROR;
    char *text = bso_alloc(BSO_MEM_CONTROL, count + 1, 1, "the reported figures");
    reported->fact = bso_alloc(BSO_MEM_CONTROL, FACTS_MAX, sizeof *reported->fact, "the reported figures");
    int code = text && reported->fact ? 0 : BSO_ERROR;
    if (!code) memcpy(text, bytes, count);
    if (!code)
        code = strlen(text) == count ? take_lines(reported, path, text) : bso_fail("%s: it is no text", path);
    bso_free(text);
    bso_free(bytes);
    if (code) bso_reported_free(reported);
    return code;
}

void bso_reported_free(bso_reported *reported)
{
    bso_free(reported->fact);
    *reported = (bso_reported){0};
}

/* ---- Looking up ---- */

/* The value of a key in "a=1;b=2", or NAN. */
static double setting_value(const char *setting, const char *key, size_t length)
{
    while (setting && *setting) {
        if (strncmp(setting, key, length) == 0 && setting[length] == '=') {
            return strtod(setting + length + 1, NULL);
        }
        setting = strchr(setting, ';');
        if (setting) setting++;
    }
    return NAN;
}

/* Is each pair of a also in b, with the same number? */
static bool within(const char *a, const char *b)
{
    while (a && *a) {
        const size_t length = strcspn(a, "=;");
        const double x = setting_value(a, a, length), y = setting_value(b, a, length);
        if (!(fabs(x - y) <= 1e-9 * fabs(x))) return false;
        a = strchr(a, ';');
        if (a) a++;
    }
    return true;
}

const bso_reported_fact *bso_reported_find(const bso_reported *reported, const char *table,
                                           const char *dataset, const char *method, int steps,
                                           const char *setting, const char *metric)
{
    for (int i = 0; i < reported->count; i++) {
        const bso_reported_fact *f = &reported->fact[i];
        if (table && strcmp(f->table, table) != 0) continue;
        if (dataset && strcmp(f->dataset, dataset) != 0) continue;
        if (strcmp(f->method, method) != 0 || strcmp(f->metric, metric) != 0) continue;
        if (steps && f->first_steps && (steps < f->first_steps || steps > f->last_steps)) continue;
        if (setting && !(within(setting, f->setting) && within(f->setting, setting))) continue;
        return f;
    }
    return NULL;
}

const char *bso_reported_dataset(const char *shown)
{
    static const struct {
        const char *shown, *paper;
    } sets[] = {{"CIFAR-10", "CIFAR-10"},       {"CIFAR-100", "CIFAR-100"},    {"ImageNet", "ImageNet"},
                {"CIFAR10-DVS", "DVS-CIFAR10"}, {"Speech Commands v1", "GSC"}, {"Speech Commands v2", "GSC"}};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        const size_t length = strlen(sets[i].shown);
        /* A split may be named behind it. */
        if (strncmp(shown, sets[i].shown, length) == 0 && (!shown[length] || shown[length] == ',')) {
            return sets[i].paper;
        }
    }
    return NULL;
}

const char *bso_reported_method(const bso_settings *settings)
{
    static const struct {
        const char *optimizer, *gradient, *paper;
    } methods[] = {{"bso", "ottt", "BSO"},           {"tbso", "ottt", "T-BSO"},
                   {"tbso", "ndot_ref", "T-BSO"},    {"sgd_momentum", "bptt", "FP-SNN"},
                   {"sgd_momentum", "ottt", "OTTT"}, {"sgd_momentum", "ndot", "NDOT"},
                   {"sgd_momentum", "sltt", "SLTT"}, {"adam_ste", "bptt", "BPTT"},
                   {"sgd_ste", "bptt", "BPTT"}};
    const char *gradient = bso_settings_gradient(settings);
    if (strcmp(settings->neuron, "lif") != 0) return NULL;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (strcmp(methods[i].optimizer, settings->optimizer) == 0 &&
            strcmp(methods[i].gradient, gradient) == 0) {
            return methods[i].paper;
        }
    }
    return NULL;
}
