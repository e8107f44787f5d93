/* sandbox_proxy: brings a command's network namespace and the proxy (proxy.h) together.
 *
 * The first stage starts `carat-tool proxy` beside the namespaces to come, with one end of a pair
 * of sockets as its standard input, and leaves the other end open for the second stage. That one,
 * in the new namespace and before it can no longer, makes a socket that listens on the loopback
 * there, hands it over and closes its end. A socket belongs to the namespace in which it was made:
 * whoever accepts on it outside talks to the inside, without a relay, and nothing inside has a way
 * out but to ask. Opened addresses of the host's loopback are listened on likewise, each at itself.
 * The proxy's sandbox is that of http_fetch: the host's network, an own and empty
 * home, no workspace. It dies with the first stage, as everything does.
 */
#include "sandbox_layers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <strings.h>
#include <unistd.h>

#include "base/err.h"

#include "policy.h"
#include "proxy.h"

/* What the proxy may see besides the system: a folder of the system. */
#define PROXY_WORKSPACE "/usr"

/* --- first stage --- */

/* What the proxy is told: the hosts, and nothing that a command could make use of. */
static int write_policy(const struct policy *policy)
{
    json_t *hosts = json_array();
    for (size_t i = 0; i < policy->network_hosts.count; i++) {
        json_array_append_new(hosts, json_string(policy->network_hosts.items[i]));
    }
    json_t *made = json_pack("{s:b, s:o}", "read_only", 1, "hosts", hosts);
    char *text = json_dumps(made, JSON_COMPACT);
    int fd = text != NULL ? memfd_create("carat-proxy-policy", 0) : -1;
    size_t length = text != NULL ? strlen(text) : 0;
    bool ok = fd >= 0 && write(fd, text, length) == (ssize_t)length && lseek(fd, 0, SEEK_SET) == 0;
    if (fd >= 0 && !ok) {
        close(fd);
    }
    free(text);
    json_decref(made);
    return ok ? fd : -1;
}

static void become_proxy(const char *program, int control, int policy, pid_t parent)
{
    char number[16];
    snprintf(number, sizeof number, "%d", policy);
    int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent && nothing >= 0 && dup2(control, STDIN_FILENO) >= 0 &&
        dup2(nothing, STDOUT_FILENO) >= 0) {
        execl(program, program, "--workspace", PROXY_WORKSPACE, "--policy-fd", number, "--",
              "proxy", (char *)NULL);
    }
    _exit(127);
}

bool sandbox_proxy_start(const struct policy *policy, const char *program, int *control,
                         struct err *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        return err_errno(err, ERR_UNAVAILABLE, "network: a pair of sockets");
    }
    int text = write_policy(policy);
    pid_t parent = getpid(), child = text >= 0 ? fork() : -1;
    if (child == 0) {
        become_proxy(program, ends[1], text, parent);
    }
    close(ends[1]);
    if (text >= 0) {
        close(text);
    }
    if (child < 0 || fcntl(ends[0], F_SETFD, 0) != 0) {
        close(ends[0]);
        return err_errno(err, ERR_UNAVAILABLE, "network: starting the proxy");
    }
    *control = ends[0];
    return true;
}

/* --- second stage --- */

static int listen_at(const struct sockaddr *address, socklen_t size)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, address, size) != 0 || listen(fd, SOMAXCONN) != 0) {
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

static int listen_four(struct in_addr host, int port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr = host, .sin_port = htons((uint16_t)port)};
    return listen_at((const struct sockaddr *)&address, sizeof address);
}

static int listen_six(int port)
{
    const struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                         .sin6_addr = IN6ADDR_LOOPBACK_INIT,
                                         .sin6_port = htons((uint16_t)port)};
    return listen_at((const struct sockaddr *)&address, sizeof address);
}

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080": its sockets, at most two; none for another host
 * and where the address cannot be had (a port below 1024): the proxy alone leads there. */
static size_t listen_for(const char *entry, int out[2])
{
    const char *colon = strrchr(entry, ':');
    char host[16], *end;
    size_t length = colon != NULL ? (size_t)(colon - entry) : 0, count = 0;
    long port = colon != NULL ? strtol(colon + 1, &end, 10) : 0;
    struct in_addr four = {htonl(INADDR_LOOPBACK)};
    if (length == 0 || length >= sizeof host || port < 1 || port > UINT16_MAX || *end != '\0') {
        return 0;
    }
    memcpy(host, entry, length);
    host[length] = '\0';
    bool both = strcasecmp(host, "localhost") == 0;
    if (both || (inet_pton(AF_INET, host, &four) == 1 && ntohl(four.s_addr) >> 24 == 127)) {
        out[count] = listen_four(four, (int)port);
        count += out[count] >= 0;
    }
    if (both || strcmp(host, "[::1]") == 0) {
        out[count] = listen_six((int)port);
        count += out[count] >= 0;
    }
    return count;
}

/* The opened addresses of the host's loopback first, so that the proxy takes the port of none; its
 * own socket goes to the front. How many; 0 with errno. */
static size_t listen_inside(const struct policy_list *hosts, int out[PROXY_LISTENERS_MOST],
                            int *port)
{
    size_t count = 1;
    for (size_t i = 0; i < hosts->count && count + 2 <= PROXY_LISTENERS_MOST; i++) {
        count += listen_for(hosts->items[i], out + count);
    }
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    out[0] = listen_four((struct in_addr){htonl(INADDR_LOOPBACK)}, 0);
    if (out[0] < 0 || getsockname(out[0], (struct sockaddr *)&address, &size) != 0) {
        return 0;
    }
    *port = ntohs(address.sin_port);
    return count;
}

/* As programs look for it; the namespace's own loopback is reached directly, and on it the host's
 * where it is opened. */
static void set_variables(int port)
{
    static const char *const names[] = {"http_proxy",  "HTTP_PROXY", "https_proxy",
                                        "HTTPS_PROXY", "all_proxy",  "ALL_PROXY"};
    static const char *const direct[] = {"no_proxy", "NO_PROXY"};
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        setenv(names[i], url, 1);
    }
    for (size_t i = 0; i < sizeof direct / sizeof direct[0]; i++) {
        setenv(direct[i], "localhost,127.0.0.1,::1", 1);
    }
}

bool sandbox_proxy_enter(const struct policy *policy, struct err *err)
{
    const char *number = getenv(SANDBOX_PROXY_VARIABLE);
    if (number == NULL) {
        return true;
    }
    int control = (int)strtol(number, NULL, 10), port = 0, listeners[PROXY_LISTENERS_MOST];
    size_t count = listen_inside(&policy->network_hosts, listeners, &port);
    bool ok = count > 0 && proxy_send_listeners(control, listeners, count);
    if (!ok) {
        err_errno(err, ERR_UNAVAILABLE, "network: a socket for the proxy");
    }
    for (size_t i = 0; i < count; i++) {
        close(listeners[i]);
    }
    close(control);
    unsetenv(SANDBOX_PROXY_VARIABLE);
    if (ok) {
        set_variables(port);
    }
    return ok;
}
