/* test_reported.c: the paper's figures: looked up as they are printed, and files that are wrong refused with
 * their line. */
#include "experiments/reported.h"

#include "core/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <unistd.h>

static char path[] = "/tmp/bso-test-reported-XXXXXX";
static const char head[] = "table,dataset,method,architecture,online,binary,T,setting,metric,value\n";

static int read_text(bso_reported *reported, const char *first, const char *then)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(first, f) >= 0 && fputs(then, f) >= 0);
    assert_int_equal(fclose(f), 0);
    return bso_reported_read(reported, path);
}

static double value_of(const bso_reported_fact *fact)
{
    assert_non_null(fact);
    return fact->value;
}

/* The file of this repository; tests are run in its root. */
static void the_paper(void **state)
{
    (void)state;
    bso_reported r;
    if (bso_reported_read(&r, "experiments/reported.csv")) fail_msg("%s", bso_error());
    assert_true(value_of(bso_reported_find(&r, "2", "CIFAR-10", "T-BSO", 4, NULL, "accuracy")) == 94.86);
    assert_true(value_of(bso_reported_find(&r, "2", "CIFAR-100", "BSO", 6, "", "accuracy")) == 72.57);
    /* A size is told once for every T. */
    assert_true(value_of(bso_reported_find(&r, "2", "CIFAR-10", "T-BSO", 6, NULL, "size_MB")) == 1.20);
    assert_null(bso_reported_find(&r, "2", "CIFAR-10", "T-BSO", 3, NULL, "accuracy"));
    assert_null(bso_reported_find(&r, "2", "MNIST", "T-BSO", 4, NULL, "accuracy"));
    const bso_reported_fact *memory = bso_reported_find(&r, "fig4", "CIFAR-10", "BSO", 17, NULL, "memory_GB");
    assert_true(value_of(memory) == 2.9 && memory->first_steps == 1 && memory->last_steps == 35);
    assert_null(bso_reported_find(&r, "fig4", "CIFAR-10", "BSO", 36, NULL, "memory_GB"));
    assert_null(bso_reported_find(&r, "fig4", "CIFAR-10", "BPTT", 17, NULL, "memory_GB"));
    const bso_reported_fact *other = bso_reported_find(&r, "2", "CIFAR-10", "CBP", 0, NULL, "accuracy");
    assert_true(value_of(other) == 91.51 && !other->online && other->binary && other->first_steps == 32);
    assert_string_equal(other->architecture, "VGG-16");
    bso_reported_free(&r);
}

static void settings_agree_by_their_numbers(void **state)
{
    (void)state;
    bso_reported r;
    assert_int_equal(bso_reported_read(&r, "experiments/reported.csv"), 0);
    static const char *const same[] = {"gamma=5e-7", "gamma=5e-07", "gamma=0.0000005"};
    for (int i = 0; i < 3; i++) {
        assert_true(value_of(bso_reported_find(&r, "3", "CIFAR-100", "T-BSO", 2, same[i], "accuracy")) ==
                    73.40);
    }
    assert_null(bso_reported_find(&r, "3", "CIFAR-100", "T-BSO", 2, "gamma=6e-7", "accuracy"));
    assert_null(bso_reported_find(&r, "3", "CIFAR-100", "T-BSO", 2, "", "accuracy"));
    /* Neither fewer nor more pairs will do; their order does not matter. */
    assert_true(value_of(bso_reported_find(&r, "4", "CIFAR-100", "T-BSO", 2, "1-beta2=0.000015;1-beta1=0.001",
                                           "accuracy")) == 73.34);
    assert_null(bso_reported_find(&r, "4", "CIFAR-100", "T-BSO", 2, "1-beta1=1e-3", "accuracy"));
    assert_null(
        bso_reported_find(&r, "4", "CIFAR-100", "T-BSO", 2, "1-beta1=1e-3;1-beta2=1e-5;gamma=1", "accuracy"));
    bso_reported_free(&r);
}

static void names_of_the_paper(void **state)
{
    (void)state;
    assert_string_equal(bso_reported_dataset("CIFAR-10"), "CIFAR-10");
    assert_string_equal(bso_reported_dataset("CIFAR-100"), "CIFAR-100");
    assert_string_equal(bso_reported_dataset("CIFAR10-DVS, random split"), "DVS-CIFAR10");
    assert_string_equal(bso_reported_dataset("Speech Commands v2"), "GSC");
    assert_null(bso_reported_dataset("Fashion-MNIST"));
    assert_null(bso_reported_dataset("stand-in for CIFAR-10 (Fashion-MNIST in colour)"));
    bso_settings s;
    bso_settings_default(&s);
    assert_string_equal(bso_reported_method(&s), "T-BSO");
    assert_int_equal(bso_settings_set(&s, "optimizer", "sgd_momentum"), 0);
    assert_int_equal(bso_settings_set(&s, "gradient", "ndot"), 0);
    assert_string_equal(bso_reported_method(&s), "NDOT");
    assert_int_equal(bso_settings_set(&s, "optimizer", "bop"), 0);
    assert_null(bso_reported_method(&s));
    assert_int_equal(bso_settings_set(&s, "optimizer", "adam_ste"), 0);
    assert_int_equal(bso_settings_set(&s, "neuron", "sign"), 0);
    assert_int_equal(bso_settings_set(&s, "gradient", "bptt"), 0);
    assert_null(bso_reported_method(&s));
}

static void refused_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } wrong[] = {
        {"2,CIFAR-10,BSO,VGG-11,1,1,6,,accuracy\n", ":2: 9 fields"},
        {"2,CIFAR-10,BSO,VGG-11,1,1,6,,accuracy,9,9\n", ":2: 11 fields"},
        {"# a\n\n2,CIFAR-10,BSO,VGG-11,1,yes,6,,accuracy,92.98\n", ":4: binary"},
        {"2,CIFAR-10,BSO,VGG-11,1,1,six,,accuracy,92.98\n", ":2: T: "},
        {"2,CIFAR-10,BSO,VGG-11,1,1,6..,,accuracy,92.98\n", ":2: T: "},
        {"2,CIFAR-10,BSO,VGG-11,1,1,6..2,,accuracy,92.98\n", ":2: T: "},
        {"2,CIFAR-10,BSO,VGG-11,1,1,99999,,accuracy,92.98\n", ":2: T: "},
        {"2,CIFAR-10,BSO,VGG-11,1,1,6,,accuracy,nan\n", ":2: value"},
        {"2,CIFAR-10,BSO,VGG-11,1,1,6,,accuracy,\n", ":2: value"},
        {"2,,BSO,VGG-11,1,1,6,,accuracy,92.98\n", ":2: dataset"},
        {"2,CIFAR-10-of-a-name-that-is-too-long-by-far,BSO,,1,1,6,,accuracy,92.98\n", ":2: dataset"},
        {"", "no facts"},
    };
    bso_reported r;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(read_text(&r, head, wrong[i].text), BSO_ERROR);
        assert_null(r.fact);
        if (!strstr(bso_error(), wrong[i].word)) fail_msg("\"%s\" has no \"%s\"", bso_error(), wrong[i].word);
        assert_non_null(strstr(bso_error(), path));
    }
    assert_int_equal(read_text(&r, "table,value\n", ""), BSO_ERROR);
    assert_non_null(strstr(bso_error(), ":1: the columns are"));
    assert_int_equal(bso_reported_read(&r, "/nonexistent/reported.csv"), BSO_ERROR);
    assert_int_equal(bso_reported_read(&r, "/dev/zero"), BSO_ERROR);
    assert_int_equal(read_text(&r, head, "2,D,M,,0,1,1..3,,accuracy,5"), 0);
    assert_int_equal(r.count, 1);
    bso_reported_free(&r);
}

static int make_file(void **state)
{
    (void)state;
    int f = mkstemp(path);
    return f < 0 ? -1 : close(f);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_paper),
        cmocka_unit_test(settings_agree_by_their_numbers),
        cmocka_unit_test(names_of_the_paper),
        cmocka_unit_test(refused_with_their_line),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
