#include "approval/command_network.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

enum { HOST_MAX = 253, ENTRY_SIZE = HOST_MAX + 8, PORT_MOST = 65535 };

static const struct {
    const char *scheme;
    int port;
} schemes[] = {{"http://", 80}, {"https://", 443}};

/* Where a name ends for certain: the path, or the shell's word. */
static bool ends(char c)
{
    return c == '\0' || strchr("/?#\"' \t\n;|&<>(),", c) != NULL;
}

/* Four decimal numbers without leading zeros, which is how the proxy reads an address. */
static bool read_address(const char *host, unsigned char out[4])
{
    for (size_t i = 0; i < 4; i++) {
        unsigned number = 0;
        size_t digits = strspn(host, "0123456789");
        if (digits == 0 || digits > 3 || (digits > 1 && host[0] == '0')) {
            return false;
        }
        for (size_t k = 0; k < digits; k++) {
            number = number * 10 + (unsigned)(host[k] - '0');
        }
        host += digits;
        if (number > 255 || *host++ != (i < 3 ? '.' : '\0')) {
            return false;
        }
        out[i] = (unsigned char)number;
    }
    return true;
}

/* Whether resolvers take it for an address, by its last label. */
static bool looks_like_address(const char *host)
{
    const char *dot = strrchr(host, '.'), *last = dot != NULL ? dot + 1 : host;
    return strspn(last, "0123456789") == strlen(last) || strncmp(last, "0x", 2) == 0;
}

static bool may_be_offered(const char *host)
{
    unsigned char address[4];
    if (!looks_like_address(host)) {
        return true;
    }
    return read_address(host, address) && (address[0] != 169 || address[1] != 254);
}

/* What a host is besides a place in the internet; NULL = nothing that its name tells. */
static const char *nearness(const char *host)
{
    unsigned char a[4];
    size_t length = strlen(host), end = strlen(".localhost");
    if (!read_address(host, a)) {
        bool local = strcmp(host, "localhost") == 0 ||
                     (length > end && strcmp(host + length - end, ".localhost") == 0);
        return local ? "this machine" : NULL;
    }
    if (a[0] == 127 || a[0] == 0) {
        return "this machine";
    }
    bool is_private = a[0] == 10 || (a[0] == 172 && a[1] >= 16 && a[1] < 32) ||
                      (a[0] == 192 && a[1] == 168) || (a[0] == 100 && a[1] >= 64 && a[1] < 128);
    return is_private ? "a private network" : NULL;
}

/* The host and port that `text` begins with. */
static bool read_host(const char *text, int port, char entry[ENTRY_SIZE])
{
    size_t length = 0, digits = 0;
    char host[HOST_MAX + 1];
    while (isalnum((unsigned char)text[length]) || text[length] == '.' || text[length] == '-') {
        if (length == HOST_MAX) {
            return false;
        }
        host[length] = (char)tolower((unsigned char)text[length]);
        length++;
    }
    host[length] = '\0';
    if (length == 0 || !isalnum((unsigned char)host[0]) ||
        !isalnum((unsigned char)host[length - 1]) || strstr(host, "..") != NULL ||
        !may_be_offered(host)) {
        return false;
    }
    text += length;
    if (*text == ':') {
        port = 0;
        for (text++; isdigit((unsigned char)*text) && digits < 6; text++, digits++) {
            port = port * 10 + (*text - '0');
        }
        if (digits == 0 || port < 1 || port > PORT_MOST) {
            return false;
        }
    }
    snprintf(entry, ENTRY_SIZE, "%s:%d", host, port);
    return ends(*text);
}

static bool listed(char entries[][ENTRY_SIZE], size_t count, const char *entry)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(entries[i], entry) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_job(const char *command)
{
    size_t length = strlen(command);
    while (length > 0 && isspace((unsigned char)command[length - 1])) {
        length--;
    }
    return length > 0 && command[length - 1] == '&';
}

size_t command_network_hosts(const char *command, struct str *out)
{
    char entries[COMMAND_NETWORK_MAX][ENTRY_SIZE], entry[ENTRY_SIZE];
    size_t count = 0;
    for (const char *at = command; !is_job(command) && *at != '\0'; at++) {
        for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
            size_t length = strlen(schemes[i].scheme);
            if (strncasecmp(at, schemes[i].scheme, length) != 0 ||
                !read_host(at + length, schemes[i].port, entry) || listed(entries, count, entry)) {
                continue;
            }
            if (count == COMMAND_NETWORK_MAX) {
                return 0;
            }
            memcpy(entries[count++], entry, sizeof entry);
        }
    }
    for (size_t i = 0; i < count; i++) {
        str_append_format(out, "%s%s", i > 0 ? " " : "", entries[i]);
    }
    return count;
}

void command_network_describe(const char *hosts, struct str *out)
{
    while (*hosts != '\0') {
        char host[ENTRY_SIZE];
        size_t length = strcspn(hosts, " "), name = strcspn(hosts, ": ");
        snprintf(host, sizeof host, "%.*s", (int)name, hosts);
        const char *near = nearness(host);
        str_append_bytes(out, hosts, length);
        if (near != NULL) {
            str_append_format(out, " (%s)", near);
        }
        hosts += length + strspn(hosts + length, " ");
        str_append(out, *hosts != '\0' ? " " : "");
    }
}
