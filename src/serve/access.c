#include "serve/access.h"

#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <uv.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

/* --- names --- */

bool access_is_loopback(const char *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (uv_ip4_addr(address, 0, &v4) == 0) {
        return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
    }
    return uv_ip6_addr(address, 0, &v6) == 0 && IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

bool access_host_fits(struct http_view host, const char *address)
{
    char name[256];
    if (!access_is_loopback(address)) {
        return true;
    }
    if (host.length == 0 || host.length >= sizeof name) {
        return false;
    }
    memcpy(name, host.text, host.length);
    name[host.length] = '\0';
    char *bare = name;
    char *end = name[0] == '[' ? strchr(name, ']') : strchr(name, ':');
    if (name[0] == '[') {
        if (end == NULL || (end[1] != '\0' && end[1] != ':')) {
            return false;
        }
        bare++;
    }
    if (end != NULL) {
        *end = '\0';
    }
    return http_view_is_nocase((struct http_view){bare, strlen(bare)}, "localhost") ||
           access_is_loopback(bare);
}

/* --- the token --- */

static bool equal(struct http_view given, const char *token)
{
    size_t length = strlen(token);
    unsigned difference = given.length != length;
    for (size_t i = 0; i < given.length; i++) {
        difference |=
            (unsigned char)given.text[i] ^ (unsigned char)token[length > 0 ? i % length : 0];
    }
    return difference == 0 && length > 0;
}

bool access_token_fits(const struct http_request *request, const char *token)
{
    enum { SCHEME = 7 };
    struct http_view value = http_request_header(request, "authorization");
    if (value.length > SCHEME &&
        http_view_is_nocase((struct http_view){value.text, SCHEME}, "bearer ")) {
        return equal((struct http_view){value.text + SCHEME, value.length - SCHEME}, token);
    }
    value = http_request_header(request, "x-api-key");
    return value.text != NULL && equal(value, token);
}

static bool make_token(const char *path, struct str *token, struct err *err)
{
    unsigned char bytes[ACCESS_TOKEN_BYTES];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
        return err_errno(err, ERR_IO, "random bytes for a token");
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        str_append_format(token, "%02x", bytes[i]);
    }
    str_append_char(token, '\n');
    bool ok = file_replace(path, token->data, token->length, err);
    str_truncate(token, token->length - 1);
    return ok;
}

static bool is_private(const char *path, struct err *err)
{
    struct stat facts;
    if (stat(path, &facts) != 0) {
        return err_errno(err, ERR_IO, "%s", path);
    }
    if ((facts.st_mode & 077) != 0) {
        return err_set(err, ERR_DENIED,
                       "%s holds a token and can be read by others (mode %03o): "
                       "chmod 600 it",
                       path, (unsigned)(facts.st_mode & 0777));
    }
    return true;
}

bool access_token_load(const char *path, struct str *token, bool *made, struct err *err)
{
    struct err reading;
    *made = false;
    str_clear(token);
    if (!file_read(path, ACCESS_TOKEN_LIMIT, token, &reading)) {
        if (reading.code != ERR_NOT_FOUND) {
            *err = reading;
            return false;
        }
        *made = true;
        return make_token(path, token, err);
    }
    str_truncate(token, strcspn(token->data, "\r\n"));
    if (!is_private(path, err)) {
        return false;
    }
    for (size_t i = 0; i < token->length; i++) {
        if (token->data[i] <= ' ' || token->data[i] >= 0x7F) {
            return err_set(err, ERR_FORMAT, "%s: a token is printable ASCII without spaces", path);
        }
    }
    return token->length >= 16 ||
           err_set(err, ERR_FORMAT, "%s: a token of %zu characters is too short (16)", path,
                   token->length);
}
