#include "loopback.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

struct loopback {
    int fd, port;
    pthread_t thread;
    atomic_int connections;
    void (*handle)(int fd, const char *request, int port);
};

enum { SECONDS = 60 };

static atomic_bool stopping;

bool loopback_stopping(void)
{
    return atomic_load(&stopping);
}

bool loopback_send(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        at += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* Reads to the end of the headers, and a short body when one is announced. */
static void read_request(int fd, char *request, size_t size)
{
    size_t length = 0;
    request[0] = '\0';
    for (;;) {
        struct pollfd waiting = {fd, POLLIN, 0};
        const char *end = strstr(request, "\r\n\r\n");
        const char *announced = strcasestr(request, "Content-Length: ");
        size_t body = announced == NULL ? 0 : strtoul(announced + 16, NULL, 10);
        if ((end != NULL && strlen(end + 4) >= body) || poll(&waiting, 1, 2000) <= 0) {
            return;
        }
        ssize_t got = recv(fd, request + length, size - 1 - length, 0);
        if (got <= 0) {
            return;
        }
        length += (size_t)got;
        request[length] = '\0';
    }
}

static void *serve(void *context)
{
    struct loopback *server = context;
    int64_t end = clock_monotonic_us() + (int64_t)SECONDS * 1000000;
    while (!loopback_stopping() && clock_monotonic_us() < end) {
        struct pollfd waiting = {server->fd, POLLIN, 0};
        if (poll(&waiting, 1, 50) <= 0) {
            continue;
        }
        int fd = accept(server->fd, NULL, NULL);
        if (fd >= 0) {
            char request[16 * 1024];
            atomic_fetch_add(&server->connections, 1);
            read_request(fd, request, sizeof request);
            server->handle(fd, request, server->port);
            close(fd);
        }
    }
    return NULL;
}

struct loopback *loopback_start(void (*handle)(int fd, const char *request, int port))
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    struct loopback *server = calloc(1, sizeof *server);
    assert_non_null(server);
    atomic_store(&stopping, false);
    server->handle = handle;
    server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->fd, 8), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &length), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
    return server;
}

void loopback_stop(struct loopback *server)
{
    atomic_store(&stopping, true);
    pthread_join(server->thread, NULL);
    close(server->fd);
    free(server);
}

int loopback_port(const struct loopback *server)
{
    return server->port;
}

int loopback_connections(struct loopback *server)
{
    return atomic_load(&server->connections);
}
