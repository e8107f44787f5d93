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
        !isalnum((unsigned char)host[length - 1]) || strstr(host, "..") != NULL) {
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
