/* main.c: the program `bso`: finds the command, reports its failure, and turns signals into a clean stop. */
#include "core/notice.h"
#include "core/shards.h"
#include "experiments/program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *name;
    int (*command)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"run", bso_command_run, "train one network"},
    {"sweep", bso_command_sweep, "train every cell of a sweep file; finished ones are kept"},
    {"tune", bso_command_tune, "find good settings for methods, with the same budget for each"},
    {"compare", bso_command_compare, "methods side by side: tuned, trained, with intervals and paired tests"},
    {"regret", bso_command_regret, "update rules on online problems: their regret against the bounds on it"},
    {"table", bso_command_table, "comparison tables of a sweep's results"},
    {"report", bso_command_report, "report.md of a sweep's results"},
    {"memory", bso_command_memory, "memory of training against T, method by method: planned and measured"},
    {"bench", bso_command_bench, "how fast kernels and trainings are here, beside sgemm"},
    {"inspect", bso_command_inspect, "what is in a result, parameter or trace file"},
    {"data", bso_command_data, "data sets: where they are, whether they are whole, what is in them"},
    {"list", bso_command_list, "optimizers, gradients, data sets, networks, and every key"},
};

volatile sig_atomic_t bso_stop_signal;

/* The first signal asks for a stop at the next batch; the second does not wait. One request may come twice:
 * `timeout` and service managers signal the process and its group. */
static void on_signal(int signal_number)
{
    static struct timespec first;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (bso_stop_requested) {
        double since = (double)(now.tv_sec - first.tv_sec) + 1e-9 * (double)(now.tv_nsec - first.tv_nsec);
        if (since < 1) return;
        signal(signal_number, SIG_DFL);
        raise(signal_number);
        return;
    }
    first = now;
    bso_stop_signal = signal_number;
    bso_stop_requested = 1;
}

static void catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of writing, told as such */
    for (int i = 0; i < 2; i++) {
        struct sigaction old, new = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
        sigemptyset(&new.sa_mask);
        for (int j = 0; j < 2; j++) sigaddset(&new.sa_mask, numbers[j]); /* one at a time */
        /* A shell's background job has SIGINT ignored: leave it so. */
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) {
            sigaction(numbers[i], &new, NULL);
        }
    }
}

static void print_commands(FILE *out)
{
    fprintf(out,
            "usage: bso COMMAND [ARGUMENTS]\n\n"
            "Training binary spiking networks without latent weights, and the methods to compare with.\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        fprintf(out, "  %-8s  %s\n", commands[i].name, commands[i].summary);
    }
    fprintf(out, "\n`bso COMMAND --help` tells a command's arguments.\n");
}

static int exit_status(const char *command, int code)
{
    /* Of several processes the first one tells what all of them know. */
    const bso_shards *world = bso_shards_world();
    const bool told = world && world->rank > 0 && world->agreed;
    switch (code) {
    case BSO_ERROR:
    case BSO_DIVERGED:
        if (!told) fprintf(stderr, "bso: %s\n", bso_error());
        return 1;
    case BSO_USAGE:
        if (!told) fprintf(stderr, "bso: %s: %s; see `bso %s --help`\n", command, bso_error(), command);
        return 2;
    case BSO_INTERRUPTED:
        if (!told) fprintf(stderr, "bso: stopped\n");
        return 128 + (bso_stop_signal ? bso_stop_signal : SIGINT);
    default:
        return code;
    }
}

/* Threads that wait must soon sleep: with the runtime's default, two threads on a machine whose cores are
 * busy run ten times slower than one. libgomp reads this when it is loaded, before main, so the program
 * starts itself again, once. */
static void restart_with_short_spin(char **argv)
{
    if (getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY")) return;
    if (setenv("GOMP_SPINCOUNT", "1000", 1) == 0)
        execv("/proc/self/exe", argv); /* where that fails, go on as it is */
}

int main(int argc, char **argv)
{
    restart_with_short_spin(argv);
    if (argc < 2) {
        print_commands(stderr);
        return 2;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_commands(stdout);
        return 0;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, name) != 0) continue;
        catch_signals();
        bso_notice = bso_notice_show;
        int code = strcmp(name, "run") == 0 ? bso_shards_join() : 0;
        if (!code) code = commands[i].command(argc - 1, argv + 1);
        /* A full disk or closed pipe behind a redirection must not look like success. */
        if ((fflush(stdout) || ferror(stdout)) && code == 0) {
            code = bso_fail("standard output: %s", strerror(errno));
        }
        /* Whoever was stopped midway may have said so as an error. */
        if (code == BSO_ERROR && bso_stop_requested) code = BSO_INTERRUPTED;
        const int status = exit_status(name, code);
        bso_shards_leave(status);
        return status;
    }
    fprintf(stderr, "bso: %s: no such command; `bso help` lists them\n", name);
    return 2;
}
