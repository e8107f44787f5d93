#include "http_hosts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"

#include "policy.h"

enum { NAME_LIMIT = 254 }; /* a DNS name with its NUL */

/* What is not the public internet, as IPv6; IPv4 stands in ::ffff:0:0/96. */
static const struct range {
    unsigned char prefix[16];
    int bits;
    const char *name;
} ranges[] = {
#define V4(a, b, c, bits, name)                                              \
    {                                                                        \
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c}, 96 + bits, name \
    }
    V4(0, 0, 0, 8, "an address of this network"),
    V4(10, 0, 0, 8, "a private address"),
    V4(100, 64, 0, 10, "a carrier's private address"),
    V4(127, 0, 0, 8, "this machine"),
    V4(169, 254, 0, 16, "a link-local address"),
    V4(172, 16, 0, 12, "a private address"),
    V4(192, 0, 0, 24, "a reserved address"),
    V4(192, 0, 2, 24, "an address for examples"),
    V4(192, 88, 99, 24, "a reserved address"),
    V4(192, 168, 0, 16, "a private address"),
    V4(198, 18, 0, 15, "an address for measurements"),
    V4(198, 51, 100, 24, "an address for examples"),
    V4(203, 0, 113, 24, "an address for examples"),
    V4(224, 0, 0, 4, "a multicast address"),
    V4(240, 0, 0, 4, "a reserved address"),
#undef V4
    {{0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, 96, "a reserved address"}, /* ::ffff:0:a.b.c.d */
    {{0, 0x64, 0xFF, 0x9B, 0, 1}, 48, "a private address"},
    {{1}, 64, "a reserved address"},                         /* 100::/64, discard */
    {{0x20, 0x01, 0, 0}, 32, "a tunnel to another address"}, /* Teredo */
    {{0x20, 0x01, 0x0D, 0xB8}, 32, "an address for examples"},
    {{0x20, 0x02}, 16, "a tunnel to another address"}, /* 6to4 */
    {{0x3F, 0xFF, 0x00}, 20, "an address for examples"},
    {{0x5F, 0x00}, 16, "a reserved address"}, /* segments of routes */
    {{0xFC}, 7, "a private address"},
    {{0xFE, 0x80}, 10, "a link-local address"},
    {{0xFE, 0xC0}, 10, "a private address"},
    {{0xFF}, 8, "a multicast address"},
};

static const unsigned char v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
static const unsigned char nat64[12] = {0, 0x64, 0xFF, 0x9B};

static void from_v4(const void *v4, struct in6_addr *out)
{
    memcpy(out->s6_addr, v4_mapped, 12);
    memcpy(out->s6_addr + 12, v4, 4);
}

static bool in_range(const struct in6_addr *address, const struct range *range)
{
    int whole = range->bits / 8, rest = range->bits % 8;
    unsigned mask = 0xFFu << (8 - rest) & 0xFF;
    return memcmp(address->s6_addr, range->prefix, (size_t)whole) == 0 &&
           (rest == 0 || (address->s6_addr[whole] & mask) == range->prefix[whole]);
}

static bool is_loopback(const struct in6_addr *address)
{
    return IN6_IS_ADDR_LOOPBACK(address) ||
           (IN6_IS_ADDR_V4MAPPED(address) && address->s6_addr[12] == 127);
}

const char *http_hosts_refuse_address(const struct sockaddr *address,
                                      const struct http_hosts_permit *permit)
{
    struct in6_addr number;
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        from_v4(&v4.sin_addr, &number);
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        number = v6.sin6_addr;
    } else {
        return "no internet address";
    }
    if ((permit->literal && memcmp(&number, &permit->address, sizeof number) == 0) ||
        (permit->loopback && is_loopback(&number))) {
        return NULL;
    }
    /* A gateway turns 64:ff9b::a.b.c.d into a.b.c.d: judge that one. */
    if (memcmp(number.s6_addr, nat64, 12) == 0) {
        memcpy(number.s6_addr, v4_mapped, 12);
    }
    if (IN6_IS_ADDR_LOOPBACK(&number)) {
        return "this machine";
    }
    /* ::/96 but the mapped ones: unspecified, and the old form of IPv4 in IPv6. */
    static const unsigned char zeros[12] = {0};
    if (memcmp(number.s6_addr, zeros, 12) == 0) {
        return "a reserved address";
    }
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (in_range(&number, &ranges[i])) {
            return ranges[i].name;
        }
    }
    return NULL;
}

/* Lower case, without brackets and without the dot of the root at the end. False for what is no
 * host name or address in ASCII: that also keeps out '%', '@', '\' and NUL tricks. */
static bool normalise(const char *text, size_t length, char out[NAME_LIMIT])
{
    bool bracketed = length > 2 && text[0] == '[' && text[length - 1] == ']';
    if (bracketed) {
        text++;
        length -= 2;
    } else if (length > 1 && text[length - 1] == '.') {
        length--;
    }
    if (length == 0 || length >= NAME_LIMIT) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        c = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
                     (!bracketed && (c == '-' || c == '_')) || (bracketed && c == ':');
        if (!plain || (c == '.' && (i == 0 || text[i - 1] == '.'))) {
            return false;
        }
        out[i] = c;
    }
    out[length] = '\0';
    return true;
}

static bool parse_address(const char *host, struct in6_addr *out)
{
    struct in_addr v4;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        from_v4(&v4, out);
        return true;
    }
    return inet_pton(AF_INET6, host, out) == 1;
}

/* Takes "host:port" of an entry apart; `port` stays as it is when there is none. */
static bool split_entry(const char *entry, char host[NAME_LIMIT], int *port)
{
    const char *end = entry[0] == '[' ? strchr(entry, ']') : NULL;
    const char *colon = strchr(end == NULL ? entry : end, ':');
    size_t length = colon == NULL ? strlen(entry) : (size_t)(colon - entry);
    if (colon != NULL) {
        char *rest;
        long number = strtol(colon + 1, &rest, 10);
        if (colon[1] < '0' || colon[1] > '9' || *rest != '\0' || number < 1 || number > 65535) {
            return false;
        }
        *port = (int)number;
    }
    return normalise(entry, length, host);
}

static bool entry_matches(const char *entry, const char *host, int port, int usual_port,
                          struct http_hosts_permit *permit)
{
    struct http_hosts_permit found = {0};
    char name[NAME_LIMIT];
    struct in6_addr address;
    bool beneath = strncmp(entry, "*.", 2) == 0;
    int entry_port = usual_port;
    if (!split_entry(entry + (beneath ? 2 : 0), name, &entry_port) || entry_port != port) {
        return false;
    }
    bool host_is_address = parse_address(host, &address);
    if (beneath) {
        /* The border matters: evilexample.net is not beneath example.net. */
        size_t length = strlen(host), suffix = strlen(name);
        if (host_is_address || length <= suffix + 1 || host[length - suffix - 1] != '.' ||
            strcmp(host + length - suffix, name) != 0) {
            return false;
        }
    } else if (parse_address(name, &found.address)) {
        found.literal = true;
        if (!host_is_address || memcmp(&address, &found.address, sizeof address) != 0) {
            return false;
        }
    } else {
        found.loopback = strcmp(name, "localhost") == 0;
        if (strcmp(name, host) != 0) {
            return false;
        }
    }
    *permit = found;
    return true;
}

bool http_hosts_allow(const struct policy_list *hosts, const char *host, int port, int usual_port,
                      struct http_hosts_permit *permit, struct err *err)
{
    char name[NAME_LIMIT];
    if (!normalise(host, strlen(host), name)) {
        return err_set(err, ERR_ARGUMENT,
                       "\"%.100s\" is no host name in plain letters, digits, dots and hyphens",
                       host);
    }
    for (size_t i = 0; i < hosts->count; i++) {
        if (port > 0 && entry_matches(hosts->items[i], name, port, usual_port, permit)) {
            return true;
        }
    }
    char allowed[200] = "";
    size_t used = 0;
    for (size_t i = 0; i < hosts->count; i++) {
        int wrote = snprintf(allowed + used, sizeof allowed - used, "%s%s", i == 0 ? "" : ", ",
                             hosts->items[i]);
        if (wrote < 0 || (size_t)wrote >= sizeof allowed - used) {
            allowed[used] = '\0';
            break;
        }
        used += (size_t)wrote;
    }
    return err_set(err, ERR_DENIED, "the host %.100s, port %d, is not allowed by tools.hosts%s%s",
                   name, port, used == 0 ? "" : ", which allows ", allowed);
}
