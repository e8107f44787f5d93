/* The reader of heads: line by line, each line by what RFC 9110 and 9112 allow in it and nothing
 * more. */
#include "serve/http_request.h"

#include <string.h>

/* --- characters --- */

static bool is_token(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_value(unsigned char c)
{
    return c == '\t' || (c >= ' ' && c != 0x7F);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool http_view_is(struct http_view view, const char *text)
{
    return view.text != NULL && strlen(text) == view.length &&
           memcmp(view.text, text, view.length) == 0;
}

bool http_view_is_nocase(struct http_view view, const char *text)
{
    if (view.text == NULL || strlen(text) != view.length) {
        return false;
    }
    for (size_t i = 0; i < view.length; i++) {
        if (lower(view.text[i]) != text[i]) {
            return false;
        }
    }
    return true;
}

/* --- where the head ends --- */

size_t http_request_head(const char *bytes, size_t length, size_t *scanned)
{
    size_t from = *scanned < 3 ? 0 : *scanned - 3; /* the end may lie across the border */
    const char *end = length > from ? memmem(bytes + from, length - from, "\r\n\r\n", 4) : NULL;
    *scanned = length;
    return end != NULL ? (size_t)(end - bytes) + 4 : 0;
}

bool http_request_plausible(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length && i <= HTTP_REQUEST_METHOD; i++) {
        if (bytes[i] == ' ') {
            return i > 0;
        }
        if (!is_token((unsigned char)bytes[i])) {
            return false;
        }
    }
    return length <= HTTP_REQUEST_METHOD;
}

/* --- lines --- */

/* What goes wrong: the status and its sentence. */
struct refusal {
    int status;
    const char *why;
};

static bool refuse(struct refusal *refusal, int status, const char *why)
{
    *refusal = (struct refusal){status, why};
    return false;
}

/* The next line without its CRLF; moves *at behind it. */
static struct http_view next_line(const char *head, size_t length, size_t *at)
{
    const char *end = memmem(head + *at, length - *at, "\r\n", 2);
    struct http_view line = {head + *at, (size_t)(end - head) - *at};
    *at += line.length + 2;
    return line;
}

static bool parse_target(struct http_request *request, struct http_view target,
                         struct refusal *refusal)
{
    if (target.length == 0 || target.text[0] != '/') {
        return refuse(refusal, 400, "the target is not a path");
    }
    if (target.length > HTTP_REQUEST_TARGET) {
        return refuse(refusal, 414, "the target is too long");
    }
    for (size_t i = 0; i < target.length; i++) {
        unsigned char c = (unsigned char)target.text[i];
        if (c <= ' ' || c >= 0x7F || c == '#') {
            return refuse(refusal, 400, "the target holds a character that it must not");
        }
    }
    const char *query = memchr(target.text, '?', target.length);
    request->path = target;
    if (query != NULL) {
        request->path.length = (size_t)(query - target.text);
    }
    return true;
}

static bool parse_first_line(struct http_request *request, struct http_view line,
                             struct refusal *refusal)
{
    for (size_t i = 0; i < line.length; i++) {
        if ((unsigned char)line.text[i] < ' ') {
            return refuse(refusal, 400, "the first line holds a control character");
        }
    }
    const char *space = memchr(line.text, ' ', line.length);
    const char *last = memrchr(line.text, ' ', line.length);
    if (space == NULL || last == space) {
        return refuse(refusal, 400, "the first line is not METHOD TARGET VERSION");
    }
    request->method = (struct http_view){line.text, (size_t)(space - line.text)};
    bool method = request->method.length > 0 && request->method.length <= HTTP_REQUEST_METHOD;
    for (size_t i = 0; method && i < request->method.length; i++) {
        method = is_token((unsigned char)line.text[i]);
    }
    if (!method) {
        return refuse(refusal, 400, "the method is not one");
    }
    struct http_view version = {last + 1, line.length - (size_t)(last + 1 - line.text)};
    if (!http_view_is(version, "HTTP/1.1") && !http_view_is(version, "HTTP/1.0")) {
        return refuse(refusal, 505, "HTTP/1.1 is spoken here");
    }
    request->minor = version.text[7] - '0';
    struct http_view target = {space + 1, (size_t)(last - space - 1)};
    return parse_target(request, target, refusal);
}

static bool parse_header(struct http_request *request, struct http_view line,
                         struct refusal *refusal)
{
    if (request->header_count == HTTP_REQUEST_HEADERS) {
        return refuse(refusal, 431, "too many headers");
    }
    size_t name = 0;
    while (name < line.length && is_token((unsigned char)line.text[name])) {
        name++;
    }
    if (name == 0 || name == line.length || line.text[name] != ':') {
        return refuse(refusal, 400, "a header is not NAME: VALUE");
    }
    struct http_view value = {line.text + name + 1, line.length - name - 1};
    for (size_t i = 0; i < value.length; i++) {
        if (!is_value((unsigned char)value.text[i])) {
            return refuse(refusal, 400, "a header holds a character that it must not");
        }
    }
    while (value.length > 0 && (value.text[0] == ' ' || value.text[0] == '\t')) {
        value.text++;
        value.length--;
    }
    while (value.length > 0 &&
           (value.text[value.length - 1] == ' ' || value.text[value.length - 1] == '\t')) {
        value.length--;
    }
    request->headers[request->header_count++] = (struct http_header){{line.text, name}, value};
    return true;
}

/* --- what the headers mean --- */

static size_t count_of(const struct http_request *request, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        count += http_view_is_nocase(request->headers[i].name, name);
    }
    return count;
}

struct http_view http_request_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (http_view_is_nocase(request->headers[i].name, name)) {
            return request->headers[i].value;
        }
    }
    return (struct http_view){NULL, 0};
}

static bool parse_length(struct http_request *request, struct refusal *refusal)
{
    enum { DIGITS = 15 }; /* far beyond every limit, and far from an overflow */
    struct http_view value = http_request_header(request, "content-length");
    if (value.text == NULL) {
        return true;
    }
    if (value.length == 0 || value.length > DIGITS) {
        return refuse(refusal, 400, "Content-Length is not a length");
    }
    for (size_t i = 0; i < value.length; i++) {
        if (value.text[i] < '0' || value.text[i] > '9') {
            return refuse(refusal, 400, "Content-Length is not a length");
        }
        request->content_length = request->content_length * 10 + (uint64_t)(value.text[i] - '0');
    }
    return true;
}

/* True when the list of tokens in a Connection header holds the word. */
static bool list_holds(struct http_view list, const char *word)
{
    size_t at = 0;
    while (at < list.length) {
        while (at < list.length && strchr(" \t,", list.text[at]) != NULL) {
            at++;
        }
        size_t start = at;
        while (at < list.length && strchr(" \t,", list.text[at]) == NULL) {
            at++;
        }
        if (http_view_is_nocase((struct http_view){list.text + start, at - start}, word)) {
            return true;
        }
    }
    return false;
}

static bool parse_meaning(struct http_request *request, struct refusal *refusal)
{
    static const char *const single[] = {"host", "content-length", "authorization", "origin",
                                         "connection"};
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++) {
        if (count_of(request, single[i]) > 1) {
            return refuse(refusal, 400, "a header that may come once came twice");
        }
    }
    if (request->minor == 1 && count_of(request, "host") == 0) {
        return refuse(refusal, 400, "the Host header is missing");
    }
    if (count_of(request, "transfer-encoding") > 0) {
        return refuse(refusal, 411, "a body needs a Content-Length here");
    }
    struct http_view connection = http_request_header(request, "connection");
    request->keep_alive = request->minor == 1 ? !list_holds(connection, "close")
                                              : list_holds(connection, "keep-alive");
    struct http_view expect = http_request_header(request, "expect");
    request->expects_continue = http_view_is_nocase(expect, "100-continue");
    if (expect.text != NULL && !request->expects_continue) {
        return refuse(refusal, 417, "this expectation cannot be met");
    }
    return parse_length(request, refusal);
}

bool http_request_parse(struct http_request *request, const char *head, size_t length, int *status,
                        const char **why)
{
    struct refusal refusal = {400, "the head is not one"};
    size_t at = 0;
    request->header_count = 0;
    request->content_length = 0;
    bool ok = length >= 4 && memcmp(head + length - 4, "\r\n\r\n", 4) == 0 &&
              parse_first_line(request, next_line(head, length, &at), &refusal);
    while (ok && at < length - 2) {
        ok = parse_header(request, next_line(head, length, &at), &refusal);
    }
    ok = ok && parse_meaning(request, &refusal);
    if (!ok) {
        *status = refusal.status;
        *why = refusal.why;
    }
    return ok;
}
