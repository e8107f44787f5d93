/* access: who may ask: the token, and the names under which this machine may be called.
 *
 * A page in a browser can send requests to this machine. Two things give it away: it comes with an
 * Origin, and when it has bent a name of its own to this address, with that name as Host. Pure, but
 * for making a token.
 */
#ifndef CARAT_SERVE_ACCESS_H
#define CARAT_SERVE_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "serve/http_request.h"

struct err;
struct str;

enum { ACCESS_TOKEN_BYTES = 32, ACCESS_TOKEN_LIMIT = 4096 };

/* 127.0.0.0/8 or ::1. */
bool access_is_loopback(const char *address);

/* True when a request for this Host may be answered by a server that listens at `address`: one on
 * the loopback answers to localhost and to loopback addresses alone; another to every name, because
 * it asks for a token. */
bool access_host_fits(struct http_view host, const char *address);

/* True when the request carries the token: "Authorization: Bearer TOKEN", or x-api-key. The time
 * does not tell how much of it was right. */
bool access_token_fits(const struct http_request *request, const char *token);

/* Reads the token from a file that nobody else may read; where there is none, makes one
 * (*made). The file's first line counts. */
bool access_token_load(const char *path, struct str *token, bool *made, struct err *err);

#endif
