/* test_isolate.c: reading in a process of its own: what it sends arrives, what it says is said, and whatever
 * becomes of it, the caller gets one line with the file's name, and neither processes nor files stay behind.
 */
#include "core/error.h"
#include "core/isolate.h"
#include "tests/open_files.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { NUMBERS = 300000 };

static const char path[] = "/nowhere/a file";
static size_t files_before;

static int begin(void **state)
{
    (void)state;
    files_before = bso_open_files();
    return 0;
}

static int nothing_left(void **state)
{
    (void)state;
    assert_int_equal(bso_open_files(), files_before);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    return 0;
}

static int send_numbers(const bso_isolate *c, void *user)
{
    uint32_t count = *(uint32_t *)user, *x = malloc(count * sizeof *x);
    if (!x || bso_isolate_send(c, &count, sizeof count)) return bso_fail("no memory");
    for (uint32_t i = 0; i < count; i++) x[i] = i * 2654435761u;
    int rc = bso_isolate_send(c, x, count * sizeof *x);
    free(x);
    return rc;
}

/* More than a pipe holds, taken in pieces. */
static void test_sends(void **state)
{
    (void)state;
    bso_isolate c;
    uint32_t count = NUMBERS, x[1000];
    assert_int_equal(bso_isolate_start(&c, path, send_numbers, &count), 0);
    count = 0;
    assert_int_equal(bso_isolate_receive(&c, &count, sizeof count), 0);
    assert_int_equal(count, NUMBERS);
    for (uint32_t first = 0; first < count; first += 1000) {
        assert_int_equal(bso_isolate_receive(&c, x, sizeof x), 0);
        for (uint32_t i = 0; i < 1000; i++) assert_int_equal(x[i], (first + i) * 2654435761u);
    }
    assert_int_equal(bso_isolate_end(&c, 0), 0);
}

static void says(const char *message)
{
    assert_string_equal(bso_error(), message);
}

static void test_too_much_or_too_little(void **state)
{
    (void)state;
    bso_isolate c;
    uint32_t count = NUMBERS, x;
    assert_int_equal(bso_isolate_start(&c, path, send_numbers, &count), 0);
    assert_int_equal(bso_isolate_receive(&c, &x, sizeof x), 0);
    assert_int_equal(bso_isolate_end(&c, 0), BSO_ERROR);
    says("/nowhere/a file: damaged: there is more in it than it says");
    count = 2;
    assert_int_equal(bso_isolate_start(&c, path, send_numbers, &count), 0);
    for (int i = 0; i < 3; i++) assert_int_equal(bso_isolate_receive(&c, &x, sizeof x), 0);
    assert_int_equal(bso_isolate_receive(&c, &x, sizeof x), BSO_ERROR);
    says("/nowhere/a file: damaged: there is less in it than it says");
    assert_int_equal(bso_isolate_end(&c, 1), BSO_ERROR);
}

/* A caller that gives up: its own message stays. */
static void test_given_up(void **state)
{
    (void)state;
    bso_isolate c;
    uint32_t count = NUMBERS;
    assert_int_equal(bso_isolate_start(&c, path, send_numbers, &count), 0);
    bso_fail("the caller's");
    assert_int_equal(bso_isolate_end(&c, 1), BSO_ERROR);
    says("the caller's");
}

static int refuse(void *user)
{
    return bso_fail("%s: %s", path, (const char *)user);
}

static int be_content(void *user)
{
    (void)user;
    fputs("this is not seen\n", stdout);
    fputs("nor is this\n", stderr);
    fflush(NULL);
    return 0;
}

static int die(void *user)
{
    raise(*(int *)user);
    return 0;
}

static int leave(void *user)
{
    (void)user;
    _exit(3);
}

static int loop(void *user)
{
    setrlimit(RLIMIT_CPU, &(struct rlimit){1, 1});
    for (volatile int *forever = user; *forever;) continue;
    return 0;
}

/* 4 GiB, of which there are not so many for it. */
static int swallow(void *user)
{
    void *volatile kept;
    for (int i = 0; i < 4096; i++) {
        kept = malloc(1 << 20);
        if (!kept) return bso_fail("%s: %s", path, (const char *)user);
    }
    return 0;
}

static void test_what_becomes_of_it(void **state)
{
    (void)state;
    char reason[] = "it is blue";
    assert_int_equal(bso_isolate_try(path, be_content, NULL), 0);
    assert_int_equal(bso_isolate_try(path, refuse, reason), BSO_ERROR);
    says("/nowhere/a file: it is blue");
    int signals[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        assert_int_equal(bso_isolate_try(path, die, &signals[i]), BSO_ERROR);
        says("/nowhere/a file: damaged: reading it crashed the library that reads it");
    }
    assert_int_equal(bso_isolate_try(path, leave, NULL), BSO_ERROR);
    says("/nowhere/a file: damaged: reading it crashed the library that reads it");
    if (!bso_isolate_sanitized) {
        assert_int_equal(bso_isolate_try(path, swallow, reason), BSO_ERROR);
        says("/nowhere/a file: it is blue");
    }
    int forever = 1;
    assert_int_equal(bso_isolate_try(path, loop, &forever), BSO_ERROR);
    says("/nowhere/a file: damaged: reading it did not come to an end");
}

/* What it writes to memory is its own. */
static int scribble(void *user)
{
    memset(user, 'x', 10);
    return 0;
}

static void test_memory_is_its_own(void **state)
{
    (void)state;
    char text[] = "0123456789";
    assert_int_equal(bso_isolate_try(path, scribble, text), 0);
    assert_string_equal(text, "0123456789");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sends, begin, nothing_left),
        cmocka_unit_test_setup_teardown(test_too_much_or_too_little, begin, nothing_left),
        cmocka_unit_test_setup_teardown(test_given_up, begin, nothing_left),
        cmocka_unit_test_setup_teardown(test_what_becomes_of_it, begin, nothing_left),
        cmocka_unit_test_setup_teardown(test_memory_is_its_own, begin, nothing_left),
    };
    return cmocka_run_group_tests_name("isolate", tests, NULL, NULL);
}
