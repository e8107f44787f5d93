#include "proxy_head.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"

/* A piece of the head. */
struct view {
    const char *at;
    size_t length;
};

size_t proxy_head_length(const char *bytes, size_t length)
{
    const char *end = memmem(bytes, length, "\r\n\r\n", 4);
    return end != NULL ? (size_t)(end - bytes) + 4 : 0;
}

static bool is(struct view view, const char *text)
{
    return view.length == strlen(text) && strncasecmp(view.at, text, view.length) == 0;
}

static bool only(struct view view, const char *set)
{
    for (size_t i = 0; i < view.length; i++) {
        if (view.at[i] == '\0' || strchr(set, view.at[i]) == NULL) {
            return false;
        }
    }
    return view.length > 0;
}

/* Takes the next line, without its end, off `rest`. */
static struct view take_line(struct view *rest)
{
    const char *end = memmem(rest->at, rest->length, "\r\n", 2);
    struct view line = {rest->at, (size_t)(end - rest->at)};
    rest->at += line.length + 2;
    rest->length -= line.length + 2;
    return line;
}

/* Printable ASCII, blanks and tabs, and lines that end in both of their bytes. */
static bool is_plain(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        bool ends_line = c == '\r' ? i + 1 < length && bytes[i + 1] == '\n'
                                   : c == '\n' && i > 0 && bytes[i - 1] == '\r';
        if (!ends_line && c != '\t' && (c < 0x20 || c >= 0x7F)) {
            return false;
        }
    }
    return true;
}

static bool read_number(struct view text, uint64_t most, uint64_t *out)
{
    uint64_t value = 0;
    if (!only(text, "0123456789") || text.length > 18) {
        return false;
    }
    for (size_t i = 0; i < text.length; i++) {
        value = value * 10 + (uint64_t)(text.at[i] - '0');
    }
    *out = value;
    return value <= most;
}

/* "host", "host:port", "[::1]:port". `port` 0: one must be there. */
static bool read_authority(struct view text, int port, struct proxy_head *head)
{
    struct view host = text;
    uint64_t number = (uint64_t)port;
    const char *bracket =
        text.length > 0 && text.at[0] == '[' ? memchr(text.at, ']', text.length) : text.at;
    if (bracket == NULL) {
        return false;
    }
    size_t before = (size_t)(bracket - text.at);
    const char *colon = memchr(bracket, ':', text.length - before);
    if (colon != NULL) {
        host.length = (size_t)(colon - text.at);
        struct view digits = {colon + 1, text.length - host.length - 1};
        if (!read_number(digits, 65535, &number)) {
            return false;
        }
    }
    if (number == 0 || host.length >= sizeof head->host ||
        !only(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]")) {
        return false;
    }
    memcpy(head->host, host.at, host.length);
    head->host[host.length] = '\0';
    head->port = (int)number;
    return true;
}

/* http://authority/path?query, and the line that the server gets. */
static bool read_uri(struct view method, struct view uri, struct proxy_head *head,
                     struct str *rewritten)
{
    static const char scheme[] = "http://";
    size_t length = strlen(scheme);
    if (uri.length <= length || strncasecmp(uri.at, scheme, length) != 0) {
        return false;
    }
    struct view rest = {uri.at + length, uri.length - length};
    struct view authority = {rest.at, 0};
    while (authority.length < rest.length && strchr("/?#", rest.at[authority.length]) == NULL) {
        authority.length++;
    }
    struct view path = {rest.at + authority.length, rest.length - authority.length};
    if (!read_authority(authority, 80, head) || memchr(path.at, '#', path.length) != NULL) {
        return false;
    }
    str_append_bytes(rewritten, method.at, method.length);
    str_append(rewritten, path.length == 0 || path.at[0] == '?' ? " /" : " ");
    str_append_bytes(rewritten, path.at, path.length);
    str_append_format(rewritten, " HTTP/1.1\r\nHost: ");
    str_append_bytes(rewritten, authority.at, authority.length);
    str_append(rewritten, "\r\nConnection: close\r\n");
    return true;
}

static const char *read_first_line(struct view line, struct proxy_head *head, struct str *rewritten)
{
    const char *blank = memchr(line.at, ' ', line.length);
    if (blank == NULL) {
        return "the request line has no blank";
    }
    struct view method = {line.at, (size_t)(blank - line.at)};
    struct view rest = {blank + 1, line.length - method.length - 1};
    blank = memchr(rest.at, ' ', rest.length);
    if (blank == NULL) {
        return "the request line ends before its version";
    }
    struct view target = {rest.at, (size_t)(blank - rest.at)};
    struct view version = {blank + 1, rest.length - target.length - 1};
    if (!is(version, "HTTP/1.1") && !is(version, "HTTP/1.0")) {
        return "only HTTP/1.0 and HTTP/1.1 are spoken here";
    }
    if (!only(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") || method.length > 16) {
        return "the method is none";
    }
    head->connect = is(method, "CONNECT");
    if (head->connect) {
        return read_authority(target, 0, head) ? NULL : "CONNECT needs host:port";
    }
    return read_uri(method, target, head, rewritten)
               ? NULL
               : "an absolute http:// URI without a user name is needed";
}

/* What concerns this connection alone, or says again what the URI says. */
static bool is_left_out(struct view name)
{
    static const char *const names[] = {"Host",       "Connection", "Proxy-Connection",
                                        "Keep-Alive", "Upgrade",    "Proxy-Authorization",
                                        "TE",         "Trailer",    "HTTP2-Settings"};
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        found = found || is(name, names[i]);
    }
    return found;
}

static const char *read_field(struct view line, bool *has_length, struct proxy_head *head,
                              struct str *rewritten)
{
    const char *colon = memchr(line.at, ':', line.length);
    struct view name = {line.at, colon != NULL ? (size_t)(colon - line.at) : 0};
    if (colon == NULL ||
        !only(name,
              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!#$%&'*+^`|~")) {
        return "a line of the head has no name";
    }
    struct view value = {colon + 1, line.length - name.length - 1};
    while (value.length > 0 && (value.at[0] == ' ' || value.at[0] == '\t')) {
        value.at++;
        value.length--;
    }
    if (is(name, "Transfer-Encoding")) {
        return "a body in pieces (Transfer-Encoding) is not passed on; send it with its length";
    }
    if (is(name, "Content-Length")) {
        if (*has_length || !read_number(value, UINT64_C(1) << 50, &head->body)) {
            return "the length of the body is no number, or said twice";
        }
        *has_length = true;
    }
    if (!head->connect && !is_left_out(name)) {
        str_append_bytes(rewritten, line.at, line.length);
        str_append(rewritten, "\r\n");
    }
    return NULL;
}

const char *proxy_head_read(const char *bytes, size_t length, struct proxy_head *head,
                            struct str *rewritten)
{
    struct proxy_head made = {.port = 0};
    struct view rest = {bytes, length};
    if (length < 4 || length > PROXY_HEAD_LIMIT || proxy_head_length(bytes, length) != length) {
        return "the head is too long, or not whole";
    }
    if (!is_plain(bytes, length)) {
        return "the head holds a NUL, another control character or one beyond ASCII";
    }
    bool has_length = false;
    const char *problem = read_first_line(take_line(&rest), &made, rewritten);
    while (problem == NULL && rest.length > 2) {
        problem = read_field(take_line(&rest), &has_length, &made, rewritten);
    }
    if (problem == NULL) {
        str_append(rewritten, made.connect ? "" : "\r\n");
        *head = made;
    } else {
        str_clear(rewritten);
    }
    return problem;
}
