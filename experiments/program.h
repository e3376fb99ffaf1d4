/* program.h: what the subcommands of `bso` share. One command is one function in a file of its own; the table
 * is in main.c.
 *
 * The library (core/, baselines/, datasets/) knows nothing of what is here.
 */
#ifndef BSO_PROGRAM_H
#define BSO_PROGRAM_H

#include "core/clock.h"
#include "core/error.h"
#include "core/trainer.h"

#include <stdbool.h>
#include <stddef.h>

/* argv[0] is the command's name. A command returns 0; BSO_ERROR or BSO_USAGE with the reason recorded
 * (bso_fail, bso_usage), which main() prints; BSO_INTERRUPTED; or, when it has printed itself what went
 * wrong, the exit status (1). */
int bso_command_run(int argc, char **argv);
int bso_command_sweep(int argc, char **argv);
int bso_command_tune(int argc, char **argv);
int bso_command_compare(int argc, char **argv);
int bso_command_memory(int argc, char **argv);
int bso_command_bench(int argc, char **argv);
int bso_command_data(int argc, char **argv);
int bso_command_list(int argc, char **argv);
int bso_command_inspect(int argc, char **argv);
int bso_command_regret(int argc, char **argv);
int bso_command_table(int argc, char **argv);
int bso_command_report(int argc, char **argv);

/* Exit status of `bso run` where another process is training the same, which holds the lock RESULT.h5.lock.
 */
enum { BSO_EXIT_BUSY = 75 };
#define BSO_RUN_LOCK ".lock"

/* Bad usage of the command line: record why, printf style, and return BSO_USAGE (exit status 2). */
int bso_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Is argv[*i] the option `name`, as "--out VALUE" (*i moves on) or "--out=VALUE"? 1: yes, *value is set; 0:
 * no; BSO_USAGE: yes, but the value is missing. */
int bso_option(int argc, char **argv, int *i, const char *name, const char **value);

/* The same for an option without a value, which sets *flag. */
int bso_flag(const char *given, const char *name, bool *flag);

/* The arguments of a command that takes one directory and nothing else. Returns 0 and the directory, 0 and
 * NULL after printing the help that was asked for, or BSO_USAGE. */
int bso_one_directory(int argc, char **argv, const char *help, const char **directory);

/* The value of an option as a whole number in min..max. Returns 0 or BSO_USAGE. */
int bso_option_number(const char *name, const char *text, long min, long max, int *number);

/* The value of --checkpoint: minutes between checkpoints, below 0 for `off`. Returns 0 or BSO_USAGE. */
int bso_checkpoint_minutes(const char *text, double *minutes);

/* Take the setting of a --set KEY=VALUE. Returns 0, BSO_USAGE or BSO_ERROR. */
int bso_set_pair(bso_settings *s, const char *pair);

/* The command line as a shell would take it back, for /provenance; to be freed; NULL when memory is out. */
char *bso_command_line(int argc, char **argv);

/* The signal that asked the program to stop (bso_stop_requested), or 0. */
extern volatile sig_atomic_t bso_stop_signal;

/* A duration as people say it: "43 s", "18 min", "2 h 05 min", "3 days 4 h"; "?" when it is not finite. */
void bso_duration_text(double seconds, char *text, size_t size);

/* One line of progress on standard output: redrawn on a terminal, plain lines at intervals otherwise. */
typedef struct {
    bool terminal, drawn;
    double interval; /* seconds between plain lines */
    double last;     /* when the last plain line was printed */
} bso_status;

void bso_status_init(bso_status *s, double interval);
/* Show a line; not on a terminal, only when the interval has passed or it must be seen (`now`), and then for
 * good. */
void bso_status_show(bso_status *s, bool now, const char *line);
/* Take the line away before other output. */
void bso_status_clear(bso_status *s);

/* Show what the library tells of long work (core/notice.h): for bso_notice. */
void bso_notice_show(const char *what, size_t done, size_t total);

/* The progress of one training: the callback for bso_train; user is a bso_status. */
void bso_progress_show(const bso_progress *p, void *user);

#endif
