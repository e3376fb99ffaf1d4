/* test_settings.c: keys, their ranges and errors, and the hash that names a result. */
#include "core/error.h"
#include "core/settings.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static bso_settings defaults(void)
{
    bso_settings s;
    bso_settings_default(&s);
    return s;
}

static void set(bso_settings *s, const char *key, const char *value)
{
    if (bso_settings_set(s, key, value)) fail_msg("%s=%s: %s", key, value, bso_error());
}

/* Setting must fail with a message that contains each of the words (separated by '|'), and change nothing. */
static void refuse(const char *key, const char *value, const char *words)
{
    bso_settings s = defaults(), before = s;
    assert_int_equal(bso_settings_set(&s, key, value), BSO_ERROR);
    assert_memory_equal(&s, &before, sizeof s);
    char copy[256], *rest = NULL;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *w = strtok_r(copy, "|", &rest); w; w = strtok_r(NULL, "|", &rest)) {
        if (!strstr(bso_error(), w)) fail_msg("%s=%s: \"%s\" lacks \"%s\"", key, value, bso_error(), w);
    }
    assert_null(strchr(bso_error(), '\n'));
}

static void defaults_are_settable_and_stable(void **state)
{
    (void)state;
    bso_settings s = defaults();
    uint64_t hash = bso_settings_hash(&s);
    for (const bso_key *k = bso_keys; k->name; k++) {
        char text[BSO_TEXT];
        set(&s, k->name, k->initial);
        assert_int_equal(bso_settings_get(&s, k->name, text, sizeof text), 0);
        assert_string_equal(text, k->initial);
        assert_true(strlen(k->meaning) > 0);
    }
    assert_true(bso_settings_hash(&s) == hash);
    assert_int_equal(bso_settings_check(&s), 0);
    assert_true(bso_settings_hash(&s) == hash);
}

static void every_key_reads_back(void **state)
{
    (void)state;
    static const char *const pairs[][3] = {
        {"steps", "6", "6"},
        {"lr", "5e-02", "0.05"},
        {"leak", "0.30000000000000004", "0.30000000000000004"},
        {"shuffle", "false", "off"},
        {"shuffle", "1", "on"},
        {"seed", "18446744073709551615", "18446744073709551615"},
        {"threshold", "1.50", "1.5"},
        {"loss_mse", "-0.0", "0"},
        {"label", "a, b = c", "a, b = c"},
        {"gamma", "0.0000005", "5e-07"},
        {"epochs", "0", "0"},
        {"surrogate", "rectangular", "rectangular"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        bso_settings s = defaults();
        char text[BSO_TEXT];
        set(&s, pairs[i][0], pairs[i][1]);
        assert_int_equal(bso_settings_get(&s, pairs[i][0], text, sizeof text), 0);
        assert_string_equal(text, pairs[i][2]);
    }
}

static void unknown_keys(void **state)
{
    (void)state;
    refuse("epoch", "3", "epoch: no such key|epochs|bso list");
    refuse("spets", "3", "steps");
    refuse("gama", "3", "gamma");
    refuse("one_minus_beta", "3", "one_minus_beta1");
    refuse("", "3", "no such key");
    refuse("xylophone_concerto", "3", "xylophone_concerto: no such key; `bso list`");
    char endless[5000];
    memset(endless, 'k', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    refuse(endless, "1", "no such key");
    bso_settings s = defaults();
    char text[32];
    assert_int_equal(bso_settings_get(&s, "epoch", text, sizeof text), BSO_ERROR);
}

static void bad_values(void **state)
{
    (void)state;
    refuse("steps", "0", "steps=0|1 to 1024");
    refuse("steps", "1025", "1 to 1024");
    refuse("steps", "two", "steps=two|whole number");
    refuse("steps", "2.5", "whole number");
    refuse("steps", "2 ", "whole number");
    refuse("steps", " 2", "whole number");
    refuse("steps", "", "whole number");
    refuse("steps", "-", "whole number");
    refuse("steps", "-1", "out of range");
    refuse("steps", "99999999999999999999", "out of range");
    refuse("batch", "65537", "1 to 65536");
    refuse("epochs", "-1", "0 to 100000");
    refuse("validation", "0.91", "0 to 0.9");
    refuse("validation", "nan", "not a number");
    refuse("leak", "inf", "not a number");
    refuse("leak", "0x1p-1", "not a number");
    refuse("leak", "0.5x", "not a number");
    refuse("leak", "", "not a number");
    refuse("leak", "1e", "not a number");
    refuse("leak", "1.0000001", "out of range");
    refuse("lr", "1e999", "beyond what a double holds");
    refuse("lr", "1e-999", "beyond what a double holds");
    refuse("lr", "-0.1", "0 to 1000");
    refuse("threshold", "0", "out of range");
    refuse("seed", "-1", "seed=-1");
    refuse("seed", "18446744073709551616", "18446744073709551615");
    refuse("shuffle", "yes", "on or off");
    refuse("update", "sometimes", "auto|realtime|accumulated");
    refuse("schedule", "ste", "constant|step");
    refuse("schedule", "auto", "constant|step");
    refuse("neuron", "relu", "neuron=relu|lif|sign");
    refuse("behaviour", "code", "behaviour=code|paper|reference");
    refuse("schedule", "", "schedule=");
    refuse("gamma", "NaN", "gamma=NaN");
    refuse("gamma", "1e400", "gamma=1e400");
    refuse("dataset", "a\nb", "dataset|control character");
    char endless[BSO_TEXT + 1];
    memset(endless, 'x', BSO_TEXT);
    endless[BSO_TEXT] = '\0';
    refuse("network", endless, "network|1023");
    endless[BSO_WORD] = '\0';
    refuse("label", endless, "label|63");
    refuse("optimizer", endless, "optimizer|63");
}

/* bso_settings_check must fail with a message that contains the word, and change nothing. */
static void refuse_check(const char *const pairs[][2], int n, const char *word)
{
    bso_settings s = defaults();
    for (int i = 0; i < n; i++) set(&s, pairs[i][0], pairs[i][1]);
    const bso_settings before = s;
    assert_int_equal(bso_settings_check(&s), BSO_ERROR);
    assert_memory_equal(&s, &before, sizeof s);
    if (!strstr(bso_error(), word)) fail_msg("\"%s\" lacks \"%s\"", bso_error(), word);
    assert_null(strchr(bso_error(), '\n'));
}

static void checks_across_keys(void **state)
{
    (void)state;
    refuse_check((const char *const[][2]){{"optimizer", "sdg"}}, 1, "sdg");
    refuse_check((const char *const[][2]){{"gradient", "otttt"}}, 1, "otttt");
    refuse_check((const char *const[][2]){{"gradient", "bptt"}, {"update", "realtime"}}, 2,
                 "update=realtime");
    refuse_check((const char *const[][2]){{"neuron", "sign"}, {"update", "realtime"}, {"steps", "1"}}, 3,
                 "update=realtime: gradient bptt is known only after the last time step");
    refuse_check((const char *const[][2]){{"neuron", "sign"}, {"steps", "2"}}, 2,
                 "steps=2: neuron=sign is a network without time; set steps=1");
    static const char *const traced[] = {"ottt", "ndot", "ndot_ref"};
    for (int i = 0; i < 3; i++) {
        char words[64];
        snprintf(words, sizeof words, "gradient=%s: it traces spikes over time", traced[i]);
        refuse_check((const char *const[][2]){{"neuron", "sign"}, {"steps", "1"}, {"gradient", traced[i]}}, 3,
                     words);
    }
    refuse_check((const char *const[][2]){{"optimizer", "sgd_ste"}, {"gamma", "1e-6"}}, 2,
                 "gamma: optimizer sgd_ste has no such hyperparameter; it has weight_lr");
    refuse_check((const char *const[][2]){{"gamma", "-1"}}, 1, "gamma=-1");
    refuse_check((const char *const[][2]){{"one_minus_beta1", "1.5"}}, 1, "optimizer tbso");
}

/* What `auto` stands for, put in its place by the check; names and hash are the same before and after. */
static void auto_resolves(void **state)
{
    (void)state;
    static const struct {
        const char *neuron, *behaviour, *gradient, *update, *lr_schedule; /* as set */
        const char *meant[3];                                             /* of the last three */
    } cases[] = {
        {"lif", "paper", "auto", "auto", "auto", {"ottt", "realtime", "cosine"}},
        {"lif", "paper", "bptt", "auto", "step", {"bptt", "accumulated", "step"}},
        {"lif", "paper", "sltt", "auto", "auto", {"sltt", "realtime", "cosine"}},
        {"lif", "paper", "ndot", "accumulated", "auto", {"ndot", "accumulated", "cosine"}},
        {"lif", "reference", "auto", "auto", "auto", {"ndot_ref", "realtime", "constant"}},
        {"lif", "reference", "ottt", "auto", "cosine", {"ottt", "realtime", "cosine"}},
        {"lif", "reference", "bptt", "auto", "auto", {"bptt", "accumulated", "constant"}},
        {"sign", "paper", "auto", "auto", "auto", {"bptt", "accumulated", "cosine"}},
        {"sign", "paper", "sltt", "auto", "auto", {"sltt", "realtime", "cosine"}},
        {"sign", "reference", "auto", "auto", "auto", {"bptt", "accumulated", "constant"}},
    };
    uint64_t seen[sizeof cases / sizeof *cases];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bso_settings s = defaults();
        set(&s, "steps", "1");
        set(&s, "neuron", cases[i].neuron);
        set(&s, "behaviour", cases[i].behaviour);
        set(&s, "gradient", cases[i].gradient);
        set(&s, "update", cases[i].update);
        set(&s, "lr_schedule", cases[i].lr_schedule);
        char label[2][BSO_TEXT];
        uint64_t hash = bso_settings_hash(&s);
        assert_string_equal(bso_settings_gradient(&s), cases[i].meant[0]);
        bso_settings_label(&s, label[0], sizeof label[0]);
        assert_int_equal(bso_settings_check(&s), 0);
        assert_string_equal(s.gradient, cases[i].meant[0]);
        assert_string_equal(s.update, cases[i].meant[1]);
        assert_string_equal(s.lr_schedule, cases[i].meant[2]);
        bso_settings_label(&s, label[1], sizeof label[1]);
        assert_string_equal(label[0], label[1]);
        assert_non_null(strstr(label[0], cases[i].meant[0]));
        assert_true(bso_settings_hash(&s) == hash);
        assert_int_equal(bso_settings_check(&s), 0);
        assert_true(bso_settings_hash(&s) == hash);
        for (size_t j = 0; j < i; j++) assert_true(seen[j] != hash);
        seen[i] = hash;
    }
    /* Said in full it is the same experiment. */
    bso_settings a = defaults(), b = defaults();
    set(&a, "behaviour", "reference");
    set(&b, "behaviour", "reference");
    set(&b, "gradient", "ndot_ref");
    set(&b, "lr_schedule", "constant");
    assert_true(bso_settings_hash(&a) == bso_settings_hash(&b));
}

/* T-BSO's threshold in the reference code: eps outside of the root. What is set by hand stays. */
static void behaviour_changes_defaults(void **state)
{
    (void)state;
    const bso_optimizer *tbso = bso_optimizer_find("tbso");
    const int inside = bso_hyper_index(tbso, "eps"), outside = bso_hyper_index(tbso, "eps_outside");
    double paper[BSO_HYPER_MAX], reference[BSO_HYPER_MAX];
    bso_settings s = defaults();
    bso_settings_hypers(&s, tbso, paper);
    set(&s, "behaviour", "reference");
    bso_settings_hypers(&s, tbso, reference);
    assert_true(paper[inside] == 1e-20 && reference[inside] == 0);
    if (outside >= 0) assert_true(paper[outside] == 0 && reference[outside] == 1e-10);
    for (int i = 0; tbso->hypers[i].name; i++) {
        if (i != inside && i != outside) assert_true(paper[i] == reference[i]);
    }
    set(&s, "eps", "1e-8");
    bso_settings_hypers(&s, tbso, reference);
    assert_true(reference[inside] == 1e-8);
    for (int r = 0; bso_optimizers[r]; r++) {
        if (bso_optimizers[r] == tbso) continue;
        s = defaults();
        bso_settings_hypers(&s, bso_optimizers[r], paper);
        set(&s, "behaviour", "reference");
        bso_settings_hypers(&s, bso_optimizers[r], reference);
        assert_memory_equal(paper, reference, sizeof paper);
    }
}

static void hyperparameters(void **state)
{
    (void)state;
    bso_settings s = defaults();
    const bso_optimizer *rule = bso_optimizer_find("tbso");
    double values[BSO_HYPER_MAX];
    set(&s, "gamma", "1e-3");
    set(&s, "gamma", "0.25");
    assert_int_equal(s.hypers_set, 1);
    bso_settings_hypers(&s, rule, values);
    for (int i = 0; rule->hypers[i].name; i++) {
        bool given = strcmp(rule->hypers[i].name, "gamma") == 0;
        assert_true(values[i] == (given ? 0.25 : rule->hypers[i].initial));
    }
    /* weight_lr follows lr where the rule has no rate of its own */
    s = defaults();
    set(&s, "optimizer", "sgd_ste");
    set(&s, "lr", "0.03125");
    char text[32];
    assert_int_equal(bso_settings_get(&s, "weight_lr", text, sizeof text), 0);
    assert_string_equal(text, "0.03125");
    set(&s, "weight_lr", "0.5");
    assert_int_equal(bso_settings_get(&s, "weight_lr", text, sizeof text), 0);
    assert_string_equal(text, "0.5");
    assert_int_equal(bso_settings_get(&s, "gamma", text, sizeof text), BSO_ERROR);
}

static uint64_t hash_with(const char *key, const char *value)
{
    bso_settings s = defaults();
    set(&s, key, value);
    return bso_settings_hash(&s);
}

static void hash_tells_experiments_apart(void **state)
{
    (void)state;
    uint64_t plain = hash_with("steps", "2");
    static const char *const other[][2] = {
        {"dataset", "mnist"},
        {"network", "8C3-GAP-FC"},
        {"optimizer", "bso"},
        {"gradient", "bptt"},
        {"update", "accumulated"},
        {"steps", "3"},
        {"epochs", "9"},
        {"batch", "64"},
        {"train_samples", "10"},
        {"test_samples", "10"},
        {"validation", "0.1"},
        {"shuffle", "off"},
        {"normalize", "off"},
        {"augment", "flip"},
        {"seed", "2"},
        {"neuron", "sign"},
        {"behaviour", "reference"},
        {"leak", "0.25"},
        {"threshold", "2"},
        {"loss_mse", "0"},
        {"surrogate", "rectangular"},
        {"detach_reset", "off"},
        {"lr", "0.2"},
        {"lr_schedule", "step"},
        {"schedule", "cosine"},
        {"schedule_factor", "0.5"},
        {"schedule_stages", "5"},
        {"init", "w.h5"},
        {"gamma", "6e-7"},
    };
    size_t n = sizeof other / sizeof *other;
    for (size_t i = 0; i < n; i++) {
        uint64_t hash = hash_with(other[i][0], other[i][1]);
        if (hash == plain) fail_msg("%s is not in the hash", other[i][0]);
        for (size_t j = 0; j < i; j++) assert_true(hash != hash_with(other[j][0], other[j][1]));
    }
    static const char *const same[][2] = {
        {"data_dir", "/data"},  {"label", "x"},       {"save", "w.h5"},       {"trace", "t.h5"},
        {"trace_updates", "3"}, {"threads", "2"},     {"update", "realtime"}, {"gamma", "0.0000005"},
        {"lr", "1e-1"},         {"loss_mse", "5e-2"}, {"gradient", "ottt"},   {"lr_schedule", "cosine"},
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        if (hash_with(same[i][0], same[i][1]) != plain) fail_msg("%s changes the hash", same[i][0]);
    }
}

static void hash_does_not_depend_on_order(void **state)
{
    (void)state;
    bso_settings a = defaults(), b = defaults();
    set(&a, "gamma", "1e-4");
    set(&a, "steps", "4");
    set(&a, "one_minus_beta1", "0.01");
    set(&b, "one_minus_beta1", "1e-2");
    set(&b, "steps", "1");
    set(&b, "gamma", "0.0001");
    set(&b, "steps", "4");
    assert_true(bso_settings_hash(&a) == bso_settings_hash(&b));
}

/* Errors in 8 bits: refused with what they do not go with. */
static void test_error_bits(void **state)
{
    (void)state;
    static const char *const wrong[][3] = {{"gradient", "ndot", "ndot"},
                                           {"optimizer", "adam", "float weights"},
                                           {"neuron", "sign", "sign neurons"}};
    bso_settings s;
    bso_settings_default(&s);
    assert_int_equal(bso_settings_set(&s, "error_bits", "16"), BSO_ERROR);
    assert_int_equal(bso_settings_set(&s, "error_bits", "8"), 0);
    assert_int_equal(bso_settings_check(&s), 0); /* gradient=auto among them */
    for (int i = 0; i < 3; i++) {
        bso_settings_default(&s);
        assert_int_equal(bso_settings_set(&s, "error_bits", "8"), 0);
        assert_int_equal(bso_settings_set(&s, "steps", "1"), 0);
        assert_int_equal(bso_settings_set(&s, wrong[i][0], wrong[i][1]), 0);
        assert_int_equal(bso_settings_check(&s), BSO_ERROR);
        assert_non_null(strstr(bso_error(), "error_bits=8"));
        assert_non_null(strstr(bso_error(), wrong[i][2]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_settable_and_stable),
        cmocka_unit_test(every_key_reads_back),
        cmocka_unit_test(unknown_keys),
        cmocka_unit_test(bad_values),
        cmocka_unit_test(checks_across_keys),
        cmocka_unit_test(auto_resolves),
        cmocka_unit_test(behaviour_changes_defaults),
        cmocka_unit_test(hyperparameters),
        cmocka_unit_test(hash_tells_experiments_apart),
        cmocka_unit_test(hash_does_not_depend_on_order),
        cmocka_unit_test(test_error_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
