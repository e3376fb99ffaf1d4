/* test_sweep.c: sweep files: expansion into cells, repeats, and errors with file, line and key. */

#include "experiments/sweep_file.h"

#include "core/error.h"
#include "experiments/part.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <unistd.h>

static char path[] = "/tmp/bso-test-sweep-XXXXXX";

static int read_sweep(const char *text, bso_sweep *sweep)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    return bso_sweep_read(sweep, path);
}

static void accept(const char *text, bso_sweep *sweep)
{
    if (read_sweep(text, sweep)) fail_msg("%s", bso_error());
}

/* Reading must fail at a line with a message that contains a word; line 0: no line is told. */
static void refuse(const char *text, int line, const char *word)
{
    bso_sweep sweep;
    assert_int_equal(read_sweep(text, &sweep), BSO_ERROR);
    assert_null(sweep.cells);
    char start[64];
    if (line) {
        snprintf(start, sizeof start, "%s:%d: ", path, line);
    } else {
        snprintf(start, sizeof start, "%s: ", path);
    }
    if (strncmp(bso_error(), start, strlen(start)) != 0 || !strstr(bso_error(), word)) {
        fail_msg("\"%s\" is not \"%s... %s\"", bso_error(), start, word);
    }
}

static void lists_multiply(void **state)
{
    (void)state;
    bso_sweep sweep;
    accept("name = \"a.b-1\"; title = \"A title\";\n"
           "common = { epochs = 3; seed = [1, 2]; lr = 0.05; shuffle = false; };\n"
           "cells = ( { label = \"T\"; steps = [1, 4]; gamma = (1e-6, \"2e-6\", 3); },\n"
           "          { optimizer = \"bso\"; epochs = 5; seed = 7; optional = true; } );\n",
           &sweep);
    assert_string_equal(sweep.name, "a.b-1");
    assert_string_equal(sweep.title, "A title");
    assert_int_equal(sweep.count, 2 * 3 * 2 + 1);
    assert_int_equal(sweep.repeated, 0);
    static const double gammas[] = {1e-6, 2e-6, 3};
    for (size_t i = 0; i < 12; i++) {
        const bso_settings *s = &sweep.cells[i].settings;
        assert_int_equal(s->seed, 1 + i % 2);
        assert_true(s->hyper[0].value == gammas[i / 2 % 3]);
        assert_int_equal(s->steps, i < 6 ? 1 : 4);
        assert_int_equal(s->epochs, 3);
        assert_true(s->lr == 0.05);
        assert_false(s->shuffle);
        assert_string_equal(s->label, "T");
        assert_string_equal(s->update, "realtime");
        assert_false(sweep.cells[i].optional);
    }
    const bso_cell *last = &sweep.cells[12];
    assert_string_equal(last->settings.optimizer, "bso");
    assert_int_equal(last->settings.epochs, 5);
    assert_int_equal(last->settings.seed, 7);
    assert_true(last->optional);
    bso_sweep_free(&sweep);
}

static void repeats_run_once(void **state)
{
    (void)state;
    bso_sweep sweep;
    accept("name = \"a\"; cells = ( { steps = [1, 2, 1]; optional = true; },\n"
           " { steps = 2; label = \"again\"; gamma = 0.0000005; }, { steps = 3; } );",
           &sweep);
    assert_int_equal(sweep.count, 3);
    assert_int_equal(sweep.repeated, 2);
    assert_true(sweep.cells[0].optional);
    assert_false(sweep.cells[1].optional); /* one group needs it */
    assert_string_equal(sweep.cells[1].settings.label, "");
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(sweep.cells[i].settings.steps, i + 1);
        assert_true(sweep.cells[i].hash == bso_settings_hash(&sweep.cells[i].settings));
    }
    bso_sweep_free(&sweep);
}

static void parts_of_a_repeated_cell_are_joined(void **state)
{
    (void)state;
    bso_sweep sweep;
    accept("name = \"a\"; cells = ( { steps = [1, 2]; parts = \"table2\"; },\n"
           " { steps = 2; parts = \"fig5+table2+table3\"; }, { steps = 1; }, { steps = 3; } );",
           &sweep);
    assert_int_equal(sweep.count, 3);
    assert_string_equal(sweep.cells[0].settings.parts, "table2");
    assert_string_equal(sweep.cells[1].settings.parts, "table2+fig5+table3");
    assert_string_equal(sweep.cells[2].settings.parts, "");
    /* What a cell is for does not change what it is. */
    assert_true(sweep.cells[1].hash == bso_settings_hash(&sweep.cells[1].settings));
    bso_sweep_free(&sweep);
}

static void parts_never_outgrow_their_room(void **state)
{
    (void)state;
    char parts[BSO_TEXT] = "", name[32];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "+part%d++", i);
        bso_part_add(parts, name);
    }
    assert_true(strlen(parts) < BSO_TEXT && strlen(parts) > BSO_TEXT - 16);
    assert_true(strncmp(parts, "part0+part1+", 12) == 0 && parts[strlen(parts) - 1] != '+');
}

static void errors_name_the_line(void **state)
{
    (void)state;
    refuse("name = \"a\";\ncells = (\n { steps = 2; },\n { stepz = 2; } );", 4, "steps");
    refuse("name = \"a\";\ncells = (\n { steps = [2,\n 0]; } );", 4, "steps=0");
    refuse("name = \"a\";\ncommon = {\n epochs = \"many\"; };\ncells = ( { } );", 3, "epochs=many");
    refuse("name = \"a\";\ncells = (\n { optimizer = \"tsbo\"; } );", 3, "tsbo");
    refuse("name = \"a\";\ncells = ( { },\n { optimizer = \"sgd\"; gamma = 1e-6; } );", 3, "gamma");
    refuse("name = \"a\";\ncells = (\n { steps = []; } );", 3, "steps: the list is empty");
    refuse("name = \"a\";\ncells = (\n { steps = { a = 1; }; } );", 3, "steps");
    refuse("name = \"a\";\ncells = (\n { steps = ((1)); } );", 3, "steps");
    refuse("name = \"a\";\ncells = (\n { optional = 1; } );", 3, "optional");
    refuse("name = \"a\";\ncells = (\n { save = \"w.h5\"; } );", 3, "save");
    refuse("name = \"a\";\ncommon = {\n threads = 2; };\ncells = ( { } );", 3, "use --threads");
    refuse("name = \"a\";\ncells = (\n { parts = \"table2+tabel3\"; } );", 3, "\"tabel3\" is none");
    refuse("name = \"a\";\ncells = (\n { parts = \"table2+\"; } );", 3, "\"\" is none");
    refuse("name = \"a\";\ncells = (\n 3 );", 3, "braces");
    refuse("name = \"a\";\n\ncells = { };", 3, "cells");
    refuse("name = \"a\";\n\ncells = ();", 3, "empty");
    refuse("name = \"a\";\ncommon = 3;\ncells = ( { } );", 2, "common");
    refuse("name = \"a\";\nepochs = 3;\ncells = ( { } );", 2, "epochs: no such entry");
    refuse("\nname = 3;\ncells = ( { } );", 2, "name");
    refuse("name = \"a\";\ncells = (\n { steps = ; } );", 3, "syntax error");
    refuse("name = \"a\";\ncells = (\n { steps = 1;\n steps = 2; } );", 4, "duplicate");
    refuse("name = \"a\";", 0, "cells");
    refuse("", 0, "name");
    refuse("cells = ( { } );", 0, "name");
    refuse("name = \"../a\"; cells = ( { } );", 0, "name");
    refuse("name = \".a\"; cells = ( { } );", 0, "name");
}

/* A short file must not stand for more cells than memory can hold. */
static void too_many_cells(void **state)
{
    (void)state;
    char text[4096] = "name = \"a\";\ncells = ( {\n";
    static const char *const keys[] = {"seed", "steps", "epochs", "batch", "train_samples", "test_samples"};
    for (int k = 0; k < 6; k++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];\n", keys[k]);
    }
    strcat(text, "} );\n");
    refuse(text, 7, "train_samples: with this list");
    strcpy(text, "name = \"a\";\ncells = (\n");
    for (int g = 0; g < 2; g++) {
        strcat(text, "{ seed = (");
        for (int i = 0; i < 90; i++) strcat(text, i ? ",1" : "1");
        strcat(text, "); steps = (");
        for (int i = 0; i < 90; i++) strcat(text, i ? ",1" : "1");
        strcat(text, g ? "); } );" : "); },\n");
    }
    refuse(text, 4, "cells: more than");
}

static void not_a_sweep_file(void **state)
{
    (void)state;
    bso_sweep sweep;
    assert_int_equal(bso_sweep_read(&sweep, "/nonexistent/file.conf"), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "/nonexistent/file.conf: No such file"));
    assert_int_equal(bso_sweep_read(&sweep, "/tmp"), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "/tmp: a text file"));
    assert_int_equal(bso_sweep_read(&sweep, "/dev/zero"), BSO_ERROR);
    assert_int_equal(truncate(path, ((off_t)1 << 20) + 1), 0);
    assert_int_equal(bso_sweep_read(&sweep, path), BSO_ERROR);
    assert_non_null(strstr(bso_error(), "1 MiB"));
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
        cmocka_unit_test(lists_multiply),
        cmocka_unit_test(repeats_run_once),
        cmocka_unit_test(parts_of_a_repeated_cell_are_joined),
        cmocka_unit_test(parts_never_outgrow_their_room),
        cmocka_unit_test(errors_name_the_line),
        cmocka_unit_test(too_many_cells),
        cmocka_unit_test(not_a_sweep_file),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
