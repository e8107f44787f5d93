/* http_hosts: which host and which address http_fetch may talk to.
 *
 * Two questions, both asked for every request, redirects too. First by name, before any DNS query:
 * is the host and port in the policy's list? Then by number, when the socket is opened: is the
 * address that the name turned out to have one of the public internet? A name in the list does not
 * open private addresses, this machine or a cloud's metadata service, however its DNS entry is
 * turned. Only a list entry that is an address itself, or "localhost", opens that address, on its
 * port.
 *
 * An entry is "example.org", "*.example.net" (names beneath it, not itself), an address
 * ("192.0.2.7", "[2001:db8::7]"), or "localhost", each with ":PORT" or, without, for the scheme's
 * usual port. Names are ASCII; other alphabets come in their "xn--" form. No memory, no state.
 */
#ifndef CARAT_TOOLS_HTTP_HOSTS_H
#define CARAT_TOOLS_HTTP_HOSTS_H

#include <netinet/in.h>
#include <stdbool.h>

struct err;
struct policy_list;
struct sockaddr;

/* What the matching entry opens beyond public addresses. */
struct http_hosts_permit {
    bool loopback;           /* 127.0.0.0/8 and ::1 */
    bool literal;            /* exactly `address` */
    struct in6_addr address; /* IPv4 as ::ffff:a.b.c.d */
};

/* `host` as in the URL, brackets allowed; `usual_port` is 80 or 443. False with ERR_DENIED when no
 * entry allows it, ERR_ARGUMENT when it is no host name. */
bool http_hosts_allow(const struct policy_list *hosts, const char *host, int port, int usual_port,
                      struct http_hosts_permit *permit, struct err *err);

/* NULL when the address may be talked to, else what it is: "a private address". */
const char *http_hosts_refuse_address(const struct sockaddr *address,
                                      const struct http_hosts_permit *permit);

#endif
