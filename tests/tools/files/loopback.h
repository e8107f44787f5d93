/* loopback: a tiny HTTP server on 127.0.0.1 in a thread, for the tests of http_fetch.
 *
 * Answers each request with what its handler writes to the socket, closes, and counts connections
 * and requests. Stops when told to, and by itself after 60 seconds.
 */
#ifndef CARAT_TESTS_TOOLS_FILES_LOOPBACK_H
#define CARAT_TESTS_TOOLS_FILES_LOOPBACK_H

#include <stdbool.h>
#include <stddef.h>

struct loopback;

/* `request` is the whole request, NUL-terminated. Runs in the server's thread. */
struct loopback *loopback_start(void (*handle)(int fd, const char *request, int port));
void loopback_stop(struct loopback *server);
int loopback_port(const struct loopback *server);
int loopback_connections(struct loopback *server);
/* Sends text; false when the other side is gone. */
bool loopback_send(int fd, const void *bytes, size_t length);
/* True once loopback_stop was called: a handler that waits must look. */
bool loopback_stopping(void);

#endif
