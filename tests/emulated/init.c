/* init.c: the only program that the emulated machine of tools/test-avx512.sh starts by itself, linked
 * statically. It names the CPU and its features, runs the programs in /tests one after the other on the
 * AVX-512 path and switches the machine off. What it says goes to the serial port, with lines that start with
 * "=== " for the script to find. It is not a test, and no part of the library.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void show_cpu(void)
{
    char line[8192];
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strstr(line, ": ");
        if (colon && !strncmp(line, "model name", 10)) printf("=== cpu %s", colon + 2);
        if (colon && !strncmp(line, "flags", 5)) printf("=== features %s", colon + 2);
    }
    if (f) fclose(f);
    fflush(stdout);
}

/* Its exit status, or 128 + the signal that ended it, as a shell has it. */
static int run(const char *path)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        execl(path, path, (char *)NULL);
        perror(path);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int is_program(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(void)
{
    mount("proc", "/proc", "proc", 0, NULL);
    mount("dev", "/dev", "devtmpfs", 0, NULL);
    mount("sys", "/sys", "sysfs", 0, NULL);
    int console = open("/dev/console", O_RDWR);
    for (int fd = 0; fd <= 2; fd++) dup2(console, fd);
    show_cpu();

    /* A path that this machine cannot run is refused by whoever asks for it: tests would fail, not pass
     * without it. */
    setenv("BSO_KERNELS", "avx512", 1);
    setenv("OMP_NUM_THREADS", "1", 1);
    setenv("BSO_TEST_SHAPES", "12", 1);
    struct dirent **tests;
    int n = scandir("/tests", &tests, is_program, alphasort);
    for (int i = 0; i < n; i++) {
        char path[sizeof "/tests/" + sizeof tests[i]->d_name];
        snprintf(path, sizeof path, "/tests/%s", tests[i]->d_name);
        printf("=== begin %s\n", tests[i]->d_name);
        fflush(stdout);
        printf("\n=== end %s %d\n", tests[i]->d_name, run(path));
        fflush(stdout);
    }
    tcdrain(1);
    reboot(RB_POWER_OFF);
    return 1;
}
