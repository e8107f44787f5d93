/* proxy_head: what a command asks our proxy for, before anything is done about it.
 *
 * Two forms and no other: CONNECT host:port, and a method with an absolute http:// URI, whose head
 * is written anew as the server is to get it: its Host is the URI's, whatever the command said, it
 * ends after one request, and what was meant for a proxy is gone. Everything that two readers could
 * read differently (a NUL, a bare line feed, a blank before a colon, two lengths, a body in chunks)
 * is refused. Pure; nothing here asks whether the host is allowed.
 */
#ifndef CARAT_TOOLS_PROXY_HEAD_H
#define CARAT_TOOLS_PROXY_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str;

enum { PROXY_HEAD_LIMIT = 16 * 1024, PROXY_HOST_SIZE = 256 };

struct proxy_head {
    bool connect;
    char host[PROXY_HOST_SIZE]; /* as it was written; an IPv6 address in brackets */
    int port;
    uint64_t body; /* bytes that follow the head, of a request that is no CONNECT */
};

/* The length of the head with its empty line, when `bytes` hold all of it; else 0. */
size_t proxy_head_length(const char *bytes, size_t length);

/* Reads a head of that length; `rewritten` gets what the server is sent (nothing for CONNECT).
 * NULL, or what is wrong with it. */
const char *proxy_head_read(const char *bytes, size_t length, struct proxy_head *head,
                            struct str *rewritten);

#endif
