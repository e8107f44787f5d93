/* proxy: the way of shell commands to the hosts that the user allowed, and to no other.
 *
 * A command's network namespace holds nothing but a loopback. Where the policy names hosts for
 * commands, a socket that listens there is handed to this process, which stands outside the
 * namespace in a sandbox of its own (sandbox_proxy.c): what commands connect to, it accepts. Each
 * connection is a process of its own and makes one connection, for CONNECT or for a plain http
 * request (proxy_head.h).
 *
 * The order is what protects: the name as it was written is compared with the list before anything
 * is asked of DNS; the addresses that it has are judged one by one, by http_hosts' rules (no
 * private network, not this machine, whatever a name resolves to); and the very address that was
 * judged is connected to. Inside CONNECT, TLS must name the host that was asked for; a client that
 * names another is told so by an alert of TLS.
 *
 * An opened address of this machine is there for any client: the proxy listens on it inside, too,
 * so that no program need know of a proxy, and the command's own servers beside it stay direct.
 */
#ifndef CARAT_TOOLS_PROXY_H
#define CARAT_TOOLS_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct err;
struct policy;
struct policy_list;

struct proxy_rules {
    const struct policy_list *hosts;
    /* Fills at most `most` addresses of `name`, with the port; how many, or -1. The system's
     * resolver but in tests. */
    int (*resolve)(const char *name, int port, struct sockaddr_storage *out, int most);
    int idle_ms; /* without a byte in either direction for so long: over */
};

/* Serves one client to its end and closes it. */
void proxy_serve_client(int client, const struct proxy_rules *rules);
/* The same for one that connected to an opened address of this machine itself (sandbox_proxy.c): it
 * reaches just that, where the list has it, and is told nothing. */
void proxy_serve_direct(int client, const struct proxy_rules *rules);

/* Takes the listening sockets from `control` and serves until they are gone or the process is
 * killed. False when there is none. */
bool proxy_run(int control, const struct policy *policy, struct err *err);

/* The two ends of that handing over: the proxy's own socket, then those of opened addresses. */
enum { PROXY_LISTENERS_MOST = 16 };
bool proxy_send_listeners(int control, const int *listeners, size_t count);
size_t proxy_receive_listeners(int control, int listeners[PROXY_LISTENERS_MOST]); /* 0 = none */

#endif
