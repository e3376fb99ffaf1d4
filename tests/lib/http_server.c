/* http_server.c: a small HTTP server that misbehaves on demand, for the tests of datasets/fetch.sh.
 *
 *     http_server FOLDER PORT_FILE LOG
 *
 * serves the files of FOLDER on a free port of 127.0.0.1 and writes the port into PORT_FILE. The first part
 * of a path says how: good (with ranges), cut (closes after 100,000 bytes), norange (always the whole file),
 * norangecut, empty (202 without a body), endless (more and more, without a length), broken (500), moved (302
 * to good), stall (50,000 bytes, then nothing until the other side closes). LOG gets a line "PATH START" for
 * each request. It is no server for anything else: one request after the other, ten minutes at most.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CUT = 100000, STALL = 50000, ENDLESS = 64 << 20 };

static int is(const char *mode, const char *name)
{
    return strcmp(mode, name) == 0;
}

/* The request's head; 0 where there is none. */
static int read_request(int connection, char *text, size_t size)
{
    size_t used = 0;
    while (used + 1 < size) {
        ssize_t got = read(connection, text + used, size - 1 - used);
        if (got <= 0) return 0;
        used += (size_t)got;
        text[used] = 0;
        if (strstr(text, "\r\n\r\n")) return 1;
    }
    return 0;
}

static void send_bytes(int connection, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t sent = write(connection, bytes, count);
        if (sent <= 0) return;
        bytes += sent;
        count -= (size_t)sent;
    }
}

static void send_text(int connection, const char *text)
{
    send_bytes(connection, text, strlen(text));
}

static void send_endless(int connection)
{
    static char zeros[1 << 16];
    send_text(connection, "HTTP/1.0 200 OK\r\n\r\n");
    for (size_t sent = 0; sent < ENDLESS; sent += sizeof zeros) send_bytes(connection, zeros, sizeof zeros);
}

/* The file from `start` on; at most `most` bytes of it. */
static void send_file(int connection, FILE *file, long start, long most)
{
    char head[256], buffer[1 << 16];
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    if (start > 0 && start >= size) {
        snprintf(
            head, sizeof head,
            "HTTP/1.0 416 Range Not Satisfiable\r\nContent-Range: bytes */%ld\r\nContent-Length: 0\r\n\r\n",
            size);
        send_text(connection, head);
        return;
    }
    if (start > 0) {
        snprintf(
            head, sizeof head,
            "HTTP/1.0 206 Partial Content\r\nContent-Range: bytes %ld-%ld/%ld\r\nContent-Length: %ld\r\n\r\n",
            start, size - 1, size, size - start);
    } else {
        snprintf(head, sizeof head, "HTTP/1.0 200 OK\r\nContent-Length: %ld\r\n\r\n", size);
    }
    send_text(connection, head);
    fseek(file, start, SEEK_SET);
    while (most > 0) {
        size_t got = fread(buffer, 1, most < (long)sizeof buffer ? (size_t)most : sizeof buffer, file);
        if (got == 0) break;
        send_bytes(connection, buffer, got);
        most -= (long)got;
    }
}

static void answer(int connection, const char *folder, FILE *log)
{
    char request[8192], mode[32], name[256], path[1024];
    if (!read_request(connection, request, sizeof request)) return;
    if (sscanf(request, "GET /%31[a-z]/%255[A-Za-z0-9._-] ", mode, name) != 2) return;
    const char *range = strstr(request, "Range: bytes=");
    long start = range ? strtol(range + strlen("Range: bytes="), NULL, 10) : 0;
    fprintf(log, "%s/%s %ld\n", mode, name, start);
    fflush(log);
    if (is(mode, "empty")) {
        send_text(connection, "HTTP/1.0 202 Accepted\r\nContent-Length: 0\r\n\r\n");
    } else if (is(mode, "broken")) {
        send_text(connection, "HTTP/1.0 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
    } else if (is(mode, "moved")) {
        snprintf(path, sizeof path, "HTTP/1.0 302 Found\r\nLocation: /good/%s\r\nContent-Length: 0\r\n\r\n",
                 name);
        send_text(connection, path);
    } else if (is(mode, "endless")) {
        send_endless(connection);
    } else {
        snprintf(path, sizeof path, "%s/%s", folder, name);
        FILE *file = fopen(path, "rb");
        if (!file) {
            send_text(connection, "HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n");
            return;
        }
        int cut = is(mode, "cut") || is(mode, "norangecut"), stall = is(mode, "stall");
        if (is(mode, "norange") || is(mode, "norangecut")) start = 0;
        send_file(connection, file, start, cut ? CUT : stall ? STALL : 1L << 40);
        fclose(file);
        char more;
        while (stall && read(connection, &more, 1) > 0) continue;
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) return 2;
    signal(SIGPIPE, SIG_IGN);
    alarm(600);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    FILE *log = fopen(argv[3], "a");
    if (listener < 0 || !log || bind(listener, (struct sockaddr *)&address, sizeof address) ||
        listen(listener, 16) || getsockname(listener, (struct sockaddr *)&address, &length)) {
        perror("http_server");
        return 1;
    }
    FILE *port = fopen(argv[2], "w");
    if (!port) return 1;
    fprintf(port, "%d\n", ntohs(address.sin_port));
    fclose(port);
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        if (connection < 0) continue;
        answer(connection, argv[1], log);
        shutdown(connection, SHUT_WR);
        close(connection);
    }
}
