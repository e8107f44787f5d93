#include "proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#include "client_hello.h"
#include "http_hosts.h"
#include "policy.h"
#include "proxy_head.h"

enum {
    CLIENTS_MOST = 64, /* at a time; the next ones wait */
    ADDRESSES_MOST = 16,
    HEAD_MS = 30000,
    CONNECT_MS = 10000,
    IDLE_MS = 120000,
    BUFFER_SIZE = 64 * 1024,
    HTTP_PORT = 80,
    HTTPS_PORT = 443,
};

/* Of one connection, both ways together. */
static const uint64_t TRAFFIC_LIMIT = UINT64_C(8) << 30;

/* --- handing over the sockets --- */

union rights {
    struct cmsghdr head;
    char room[CMSG_SPACE(PROXY_LISTENERS_MOST * sizeof(int))];
};

bool proxy_send_listeners(int control, const int *listeners, size_t count)
{
    char byte = 1;
    struct iovec data = {&byte, 1};
    union rights ancillary;
    memset(&ancillary, 0, sizeof ancillary);
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = ancillary.room,
                             .msg_controllen = CMSG_SPACE(count * sizeof *listeners)};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(count * sizeof *listeners);
    memcpy(CMSG_DATA(rights), listeners, count * sizeof *listeners);
    return sendmsg(control, &message, MSG_NOSIGNAL) == 1;
}

size_t proxy_receive_listeners(int control, int listeners[PROXY_LISTENERS_MOST])
{
    char byte;
    struct iovec data = {&byte, 1};
    union rights ancillary;
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = ancillary.room,
                             .msg_controllen = sizeof ancillary.room};
    ssize_t got;
    do {
        got = recvmsg(control, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    struct cmsghdr *rights = got == 1 ? CMSG_FIRSTHDR(&message) : NULL;
    if (rights == NULL || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS) {
        return 0;
    }
    size_t count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof *listeners;
    memcpy(listeners, CMSG_DATA(rights), count * sizeof *listeners);
    return count;
}

/* --- one client --- */

/* One direction. The next bytes are read when the last ones are sent, so that a slow side slows the
 * other down; neither direction waits for the other. */
struct flow {
    int from, to;
    bool open;          /* more may come */
    struct str pending; /* what was read */
    size_t sent;        /* of it */
};

struct tunnel {
    int client, server;
    const struct proxy_rules *rules;
    bool direct; /* speaks to the server, and knows of no proxy */
    struct proxy_head head;
    struct str early;   /* what the client sent behind the head, and is not judged yet */
    bool held;          /* what comes from the client goes to `early` */
    uint64_t to_server; /* bytes of a body that may still be passed on; CONNECT: any */
    uint64_t traffic;
    struct flow up, down; /* to the server, to the client */
};

static bool wait_for(int fd, short events, int64_t deadline)
{
    for (;;) {
        int64_t left_ms = (deadline - clock_monotonic_us()) / 1000;
        struct pollfd ready = {.fd = fd, .events = events};
        int count = left_ms > 0 ? poll(&ready, 1, (int)left_ms) : 0;
        if (count > 0 || (count < 0 && errno != EINTR) || left_ms <= 0) {
            return count > 0;
        }
    }
}

static bool send_all(int fd, const char *bytes, size_t length, int idle_ms)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            bytes += sent;
            length -= (size_t)sent;
        } else if ((errno != EAGAIN && errno != EINTR) ||
                   !wait_for(fd, POLLOUT, clock_monotonic_us() + (int64_t)idle_ms * 1000)) {
            return false;
        }
    }
    return true;
}

/* A refusal that the command's author, a person or a model, can read: also in the status line, for
 * of an answer to CONNECT most clients show nothing else. No name with a control character comes
 * this far (proxy_head.c). */
static void refuse(const struct tunnel *tunnel, const char *status, const char *why)
{
    char text[1280];
    if (tunnel->direct) {
        return;
    }
    int length = snprintf(text, sizeof text,
                          "HTTP/1.1 %s (%.500s)\r\nContent-Type: text/plain\r\n"
                          "Connection: close\r\n\r\ncarat: %.500s\n",
                          status, why, why);
    send_all(tunnel->client, text, (size_t)length, tunnel->rules->idle_ms);
}

/* Why what a client begins with is no HTTP; NULL = it may become some. */
static const char *foreign_begin(const struct str *text)
{
    unsigned char first = text->length > 0 ? (unsigned char)text->data[0] : 'G';
    if (first == 4 || first == 5) {
        return "SOCKS is not spoken here, only HTTP: http_proxy names this proxy rightly";
    }
    if (first == 22) {
        return "TLS to the proxy itself is not spoken here: its URL begins with http://";
    }
    bool letter = (first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z');
    return letter ? NULL : "no request of HTTP begins so";
}

/* Reads the head; what came behind it goes to `early`. 0 = it did not come whole. */
static size_t read_head(struct tunnel *tunnel, struct str *text)
{
    char buffer[4096];
    int64_t deadline = clock_monotonic_us() + (int64_t)HEAD_MS * 1000;
    while (text->length <= PROXY_HEAD_LIMIT && wait_for(tunnel->client, POLLIN, deadline)) {
        ssize_t got = recv(tunnel->client, buffer, sizeof buffer, 0);
        if (got <= 0) {
            break;
        }
        str_append_bytes(text, buffer, (size_t)got);
        size_t length = proxy_head_length(text->data, text->length);
        if (foreign_begin(text) != NULL) {
            break; /* such a client waits for an answer before it says more */
        }
        if (length > 0) {
            str_append_bytes(&tunnel->early, text->data + length, text->length - length);
            return length;
        }
    }
    return 0;
}

/* The name without brackets and the dot of the root, in lower case. */
static void plain_name(const char *host, char out[PROXY_HOST_SIZE])
{
    size_t length = strlen(host);
    bool bracketed = length > 2 && host[0] == '[' && host[length - 1] == ']';
    host += bracketed;
    length -= bracketed ? 2 : 0;
    length -= !bracketed && length > 1 && host[length - 1] == '.';
    for (size_t i = 0; i < length; i++) {
        out[i] = host[i] >= 'A' && host[i] <= 'Z' ? (char)(host[i] - 'A' + 'a') : host[i];
    }
    out[length] = '\0';
}

static bool same_address(int fd)
{
    struct sockaddr_storage here, there;
    socklen_t here_size = sizeof here, there_size = sizeof there;
    if (getsockname(fd, (struct sockaddr *)&here, &here_size) != 0 ||
        getpeername(fd, (struct sockaddr *)&there, &there_size) != 0) {
        return true;
    }
    if (here.ss_family == AF_INET) {
        struct sockaddr_in a, b;
        memcpy(&a, &here, sizeof a);
        memcpy(&b, &there, sizeof b);
        return memcmp(&a.sin_addr, &b.sin_addr, sizeof a.sin_addr) == 0;
    }
    struct sockaddr_in6 a, b;
    memcpy(&a, &here, sizeof a);
    memcpy(&b, &there, sizeof b);
    return memcmp(&a.sin6_addr, &b.sin6_addr, sizeof a.sin6_addr) == 0;
}

/* Connects to exactly this address; -1 with errno. */
static int dial(const struct sockaddr_storage *address)
{
    socklen_t size =
        address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    int failed = connect(fd, (const struct sockaddr *)address, size) == 0 ? 0 : errno;
    if (failed == EINPROGRESS) {
        socklen_t length = sizeof failed;
        if (!wait_for(fd, POLLOUT, clock_monotonic_us() + (int64_t)CONNECT_MS * 1000)) {
            failed = ETIMEDOUT;
        } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &length) != 0) {
            failed = errno;
        }
    }
    if (failed != 0) {
        close(fd);
        errno = failed;
        return -1;
    }
    return fd;
}

/* Asks, judges, connects. -1 when the client was refused. */
static int connect_server(const struct tunnel *tunnel)
{
    const struct proxy_head *head = &tunnel->head;
    struct http_hosts_permit permit;
    struct err err;
    char name[PROXY_HOST_SIZE], why[512];
    if (!http_hosts_allow(tunnel->rules->hosts, head->host, head->port,
                          head->connect ? HTTPS_PORT : HTTP_PORT, &permit, &err)) {
        snprintf(why, sizeof why,
                 "%s:%d is not among the hosts of tools.network; carat --allow-network opens it",
                 head->host, head->port);
        refuse(tunnel, "403 Forbidden", why);
        return -1;
    }
    plain_name(head->host, name);
    struct sockaddr_storage addresses[ADDRESSES_MOST];
    int count = tunnel->rules->resolve(name, head->port, addresses, ADDRESSES_MOST);
    const char *refused = NULL;
    int failed = 0;
    for (int i = 0; i < count; i++) {
        const char *reason =
            http_hosts_refuse_address((const struct sockaddr *)&addresses[i], &permit);
        int fd = reason == NULL ? dial(&addresses[i]) : -1;
        if (fd >= 0 && !permit.loopback && !permit.literal && same_address(fd)) {
            /* Ours under its public address, which no list of ranges can know. */
            close(fd);
            fd = -1;
            reason = "this machine";
        }
        if (fd >= 0) {
            return fd;
        }
        failed = reason == NULL ? errno : failed;
        refused = reason != NULL ? reason : refused;
    }
    if (count > 0 && refused != NULL) {
        snprintf(why, sizeof why, "%s is %s, which no name opens", name, refused);
        refuse(tunnel, "403 Forbidden", why);
    } else {
        snprintf(why, sizeof why, "%s: %s", name,
                 count > 0 ? strerror(failed) : "the name has no address");
        refuse(tunnel, "502 Bad Gateway", why);
    }
    return -1;
}

/* --- what flows --- */

/* Whether the client's first bytes may pass: TLS must name the host of CONNECT. An address has no
 * name in TLS, and what is not TLS names nobody. */
static enum client_hello judge_hello(const struct tunnel *tunnel, bool *may_pass)
{
    char named[CLIENT_HELLO_NAME_SIZE], wanted[PROXY_HOST_SIZE], said[PROXY_HOST_SIZE];
    struct in6_addr number;
    enum client_hello hello =
        client_hello_read((const unsigned char *)tunnel->early.data, tunnel->early.length, named);
    plain_name(tunnel->head.host, wanted);
    bool is_address =
        inet_pton(AF_INET, wanted, &number) == 1 || inet_pton(AF_INET6, wanted, &number) == 1;
    *may_pass = hello == CLIENT_HELLO_OTHER || (hello == CLIENT_HELLO_NAMELESS && is_address);
    if (hello == CLIENT_HELLO_NAMED) {
        plain_name(named, said);
        *may_pass = strcmp(said, wanted) == 0;
    }
    return hello;
}

/* Lets the client's first bytes go when they can be judged. Where they may not pass the client is
 * told so in TLS: it has had its 200, and would report a bare end as a fault of the server. */
static void judge_early(struct tunnel *tunnel)
{
    static const char alert[] = {21, 3, 3, 0, 2, /* fatal, unrecognized_name */ 2, 112};
    bool may_pass;
    if (judge_hello(tunnel, &may_pass) == CLIENT_HELLO_UNFINISHED &&
        tunnel->early.length <= CLIENT_HELLO_LIMIT) {
        return;
    }
    tunnel->held = false;
    if (may_pass) {
        str_append_bytes(&tunnel->up.pending, tunnel->early.data, tunnel->early.length);
    } else {
        str_append_bytes(&tunnel->down.pending, alert, sizeof alert);
        tunnel->up.open = tunnel->down.open = false;
    }
}

static bool is_pending(const struct flow *flow)
{
    return flow->sent < flow->pending.length;
}

static bool is_over(const struct flow *flow)
{
    return !flow->open && !is_pending(flow);
}

static bool wants_bytes(const struct tunnel *tunnel, const struct flow *flow)
{
    bool may = flow == &tunnel->down ||
               (tunnel->down.open && (tunnel->head.connect || tunnel->to_server > 0));
    return may && flow->open && !is_pending(flow);
}

static void take_bytes(struct tunnel *tunnel, struct flow *flow, char *buffer)
{
    ssize_t got = recv(flow->from, buffer, BUFFER_SIZE, MSG_DONTWAIT);
    if (got <= 0) {
        flow->open = got < 0 && (errno == EAGAIN || errno == EINTR);
        return;
    }
    size_t length = (size_t)got;
    if (flow == &tunnel->up && !tunnel->head.connect) {
        /* A second request behind the first one's body would have been judged by nobody. */
        length = length < tunnel->to_server ? length : (size_t)tunnel->to_server;
        tunnel->to_server -= length;
    }
    tunnel->traffic += length;
    if (tunnel->traffic > TRAFFIC_LIMIT) {
        tunnel->up.open = tunnel->down.open = false;
    } else if (flow == &tunnel->up && tunnel->held) {
        str_append_bytes(&tunnel->early, buffer, length);
        judge_early(tunnel);
    } else {
        str_append_bytes(&flow->pending, buffer, length);
    }
}

static void give_bytes(struct flow *flow)
{
    ssize_t sent = send(flow->to, flow->pending.data + flow->sent,
                        flow->pending.length - flow->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
        flow->sent += (size_t)sent;
    } else if (errno != EAGAIN && errno != EINTR) {
        flow->open = false; /* nobody takes it any more */
        flow->sent = flow->pending.length;
    }
    if (!is_pending(flow)) {
        str_clear(&flow->pending);
        flow->sent = 0;
    }
}

/* What can be done without waiting. */
static void pass(struct tunnel *tunnel, struct flow *flow, char *buffer)
{
    bool was_over = is_over(flow);
    if (wants_bytes(tunnel, flow)) {
        take_bytes(tunnel, flow, buffer);
    }
    if (is_pending(flow)) {
        give_bytes(flow);
    }
    if (!was_over && is_over(flow)) {
        shutdown(flow->to, SHUT_WR);
    }
}

/* What to wait for where `from` begins and `to` ends; a side with nothing to wait for is not asked,
 * for its end would be told of again and again. */
static struct pollfd end_of(const struct tunnel *tunnel, const struct flow *from,
                            const struct flow *to)
{
    int events = (wants_bytes(tunnel, from) ? POLLIN : 0) | (is_pending(to) ? POLLOUT : 0);
    return (struct pollfd){.fd = events != 0 ? from->from : -1, .events = (short)events};
}

/* Until the server has ended and all is taken, or nothing flows any more. */
static void relay(struct tunnel *tunnel, char *buffer)
{
    while (tunnel->down.open || is_pending(&tunnel->down) || is_pending(&tunnel->up)) {
        struct pollfd ends[] = {end_of(tunnel, &tunnel->up, &tunnel->down),
                                end_of(tunnel, &tunnel->down, &tunnel->up)};
        int ready = poll(ends, 2, tunnel->rules->idle_ms);
        if (ready == 0 || (ready < 0 && errno != EINTR)) {
            return;
        }
        pass(tunnel, &tunnel->up, buffer);
        pass(tunnel, &tunnel->down, buffer);
    }
}

static void serve(struct tunnel *tunnel, const struct str *rewritten)
{
    struct flow *up = &tunnel->up, *down = &tunnel->down;
    char *buffer = mem_try_alloc(BUFFER_SIZE, 1);
    tunnel->server = buffer != NULL ? connect_server(tunnel) : -1;
    if (tunnel->server >= 0) {
        up->from = down->to = tunnel->client;
        up->to = down->from = tunnel->server;
        up->open = down->open = true;
        tunnel->held = tunnel->head.connect && !tunnel->direct;
        if (tunnel->held) {
            str_append(&down->pending, "HTTP/1.1 200 Connection established\r\n\r\n");
            judge_early(tunnel);
        } else if (!tunnel->direct) {
            uint64_t body = tunnel->head.body;
            size_t early = tunnel->early.length < body ? tunnel->early.length : (size_t)body;
            tunnel->to_server = body - early;
            str_append_bytes(&up->pending, rewritten->data, rewritten->length);
            str_append_bytes(&up->pending, tunnel->early.data, early);
        }
        relay(tunnel, buffer);
        close(tunnel->server);
    }
    mem_free(buffer);
}

void proxy_serve_client(int client, const struct proxy_rules *rules)
{
    struct tunnel tunnel = {.client = client, .server = -1, .rules = rules};
    struct str text, rewritten;
    str_init(&tunnel.early);
    str_init(&tunnel.up.pending);
    str_init(&tunnel.down.pending);
    str_init(&text);
    str_init(&rewritten);
    size_t length = read_head(&tunnel, &text);
    const char *problem = length > 0 ? proxy_head_read(text.data, length, &tunnel.head, &rewritten)
                                     : foreign_begin(&text);
    if (length == 0 && problem == NULL) {
        problem = "no request came, or one with a head of more than 16 KiB";
    }
    if (problem != NULL) {
        refuse(&tunnel, "400 Bad Request", problem);
    } else {
        serve(&tunnel, &rewritten);
    }
    str_finish(&rewritten);
    str_finish(&text);
    str_finish(&tunnel.down.pending);
    str_finish(&tunnel.up.pending);
    str_finish(&tunnel.early);
    shutdown(client, SHUT_RDWR);
    close(client);
}

/* The name under which the list has the address that the client connected to; false = none. */
static bool name_itself(int client, const struct policy_list *hosts, struct proxy_head *head)
{
    struct sockaddr_storage here;
    socklen_t size = sizeof here;
    struct http_hosts_permit permit;
    struct err err;
    char number[8], host[INET6_ADDRSTRLEN];
    if (getsockname(client, (struct sockaddr *)&here, &size) != 0 ||
        getnameinfo((struct sockaddr *)&here, size, host, sizeof host, number, sizeof number,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return false;
    }
    bool six = here.ss_family == AF_INET6;
    snprintf(head->host, sizeof head->host, "%s%s%s", six ? "[" : "", host, six ? "]" : "");
    head->port = (int)strtol(number, NULL, 10);
    if (http_hosts_allow(hosts, head->host, head->port, HTTPS_PORT, &permit, &err)) {
        return true;
    }
    snprintf(head->host, sizeof head->host, "localhost");
    return http_hosts_allow(hosts, head->host, head->port, HTTPS_PORT, &permit, &err);
}

void proxy_serve_direct(int client, const struct proxy_rules *rules)
{
    struct tunnel tunnel = {
        .client = client, .server = -1, .rules = rules, .direct = true, .head.connect = true};
    str_init(&tunnel.early);
    str_init(&tunnel.up.pending);
    str_init(&tunnel.down.pending);
    if (name_itself(client, rules->hosts, &tunnel.head)) {
        serve(&tunnel, NULL);
    }
    str_finish(&tunnel.down.pending);
    str_finish(&tunnel.up.pending);
    str_finish(&tunnel.early);
    shutdown(client, SHUT_RDWR);
    close(client);
}

/* --- all clients --- */

static int resolve(const char *name, int port, struct sockaddr_storage *out, int most)
{
    char service[8];
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;
    int count = 0;
    snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(name, service, &hints, &found) != 0) {
        return -1;
    }
    for (struct addrinfo *one = found; one != NULL && count < most; one = one->ai_next) {
        if (one->ai_addrlen <= sizeof out[count]) {
            memset(&out[count], 0, sizeof out[count]);
            memcpy(&out[count++], one->ai_addr, one->ai_addrlen);
        }
    }
    freeaddrinfo(found);
    return count;
}

/* Takes the processes of ended clients off the list; waits for one where there are too many. */
static void reap(int *clients)
{
    for (;;) {
        pid_t gone = waitpid(-1, NULL, *clients >= CLIENTS_MOST ? 0 : WNOHANG);
        if (gone > 0) {
            (*clients)--;
        } else if (gone == 0 || errno != EINTR) {
            return;
        }
    }
}

/* A process of its own for one client; false when the socket is no more. */
static bool take_client(const int *listeners, size_t count, size_t which,
                        const struct proxy_rules *rules, int *clients)
{
    reap(clients);
    int client = accept4(listeners[which], NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) {
        return errno == EINTR || errno == ECONNABORTED || errno == EMFILE || errno == ENOMEM ||
               errno == EAGAIN;
    }
    pid_t child = fork();
    if (child == 0) {
        for (size_t i = 0; i < count; i++) {
            close(listeners[i]);
        }
        if (which == 0) {
            proxy_serve_client(client, rules);
        } else {
            proxy_serve_direct(client, rules);
        }
        _exit(0);
    }
    *clients += child > 0;
    close(client);
    return true;
}

bool proxy_run(int control, const struct policy *policy, struct err *err)
{
    const struct proxy_rules rules = {&policy->hosts, resolve, IDLE_MS};
    int listeners[PROXY_LISTENERS_MOST], clients = 0;
    struct pollfd ready[PROXY_LISTENERS_MOST];
    size_t count = proxy_receive_listeners(control, listeners);
    if (count == 0) {
        return err_set(err, ERR_IO, "the proxy was given no socket to listen on");
    }
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < count; i++) {
        ready[i] = (struct pollfd){.fd = listeners[i], .events = POLLIN};
        fcntl(listeners[i], F_SETFL, O_NONBLOCK); /* a client may be gone before it is taken */
    }
    for (;;) {
        bool waited = poll(ready, count, -1) >= 0 || errno == EINTR;
        for (size_t i = 0; waited && i < count; i++) {
            waited = ready[i].revents == 0 || take_client(listeners, count, i, &rules, &clients);
        }
        if (!waited) {
            return err_errno(err, ERR_IO, "the proxy's socket");
        }
    }
}
