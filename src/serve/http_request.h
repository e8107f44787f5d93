/* http_request: the head of an HTTP/1.1 request, read strictly.
 *
 * Whatever two readers could understand in two ways is refused: bare line feeds, folded lines,
 * white space before a colon, a second Host or Content-Length, lengths that are no plain number,
 * any Transfer-Encoding (bodies have a Content-Length here). So nothing can hide a second request
 * in the first one. Limits: bytes of the head, headers, length of the target.
 *
 * Pure: bytes in, a plain value out, whose views live as long as the bytes.
 */
#ifndef CARAT_SERVE_HTTP_REQUEST_H
#define CARAT_SERVE_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_REQUEST_HEAD = 32 * 1024, /* most bytes of a head, the empty line included */
    HTTP_REQUEST_HEADERS = 100,
    HTTP_REQUEST_TARGET = 2048,
    HTTP_REQUEST_METHOD = 16,
};

struct http_view {
    const char *text;
    size_t length;
};

struct http_header {
    struct http_view name, value;
};

struct http_request {
    struct http_view method, path; /* the path without its query, not decoded */
    struct http_header headers[HTTP_REQUEST_HEADERS];
    size_t header_count;
    int minor; /* of HTTP/1.x: 0 or 1 */
    bool keep_alive, expects_continue;
    uint64_t content_length; /* 0 when there is no such header */
};

/* The length of the head, its empty line included, when bytes[0..length) hold one; 0 = not yet.
 * *scanned is how far was looked before, 0 at first. */
size_t http_request_head(const char *bytes, size_t length, size_t *scanned);

/* False when what has come so far cannot become a head: its first line does not begin with a
 * method. */
bool http_request_plausible(const char *bytes, size_t length);

/* Reads a whole head. False: *status (400, 411, 431, 501, 505) and *why, a sentence. */
bool http_request_parse(struct http_request *request, const char *head, size_t length, int *status,
                        const char **why);

/* The value of a header by its name in lower case; text NULL when there is none. */
struct http_view http_request_header(const struct http_request *request, const char *name);

bool http_view_is(struct http_view view, const char *text);
/* The same without regard to ASCII case; `text` is in lower case. */
bool http_view_is_nocase(struct http_view view, const char *text);

#endif
