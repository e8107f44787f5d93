/* servers: the named servers of the configuration, [remote.NAME], for -m remote:NAME.
 *
 * The members are a table here, as options.h's rows are: url, model, key_env, key_command, api,
 * headers. A key of the file is "remote.NAME.MEMBER"; headers are a list of "Name: value", or a
 * table
 * ("remote.NAME.headers.Name").
 */
#ifndef CARAT_CONFIG_SERVERS_H
#define CARAT_CONFIG_SERVERS_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct str;

enum servers_member {
    SERVERS_URL,
    SERVERS_MODEL,
    SERVERS_KEY_ENV,
    SERVERS_KEY_COMMAND,
    SERVERS_API,
    SERVERS_MEMBER_COUNT,
};

struct servers_entry {
    char *name;
    char *members[SERVERS_MEMBER_COUNT]; /* NULL = unset */
    char **headers;                      /* "Name: value" */
    size_t header_count, header_capacity;
};

struct servers {
    struct servers_entry *items;
    size_t count, capacity;
};

void servers_finish(struct servers *servers);

/* Whether the key names a member of a named server, known or not. */
bool servers_is_key(const char *key);
/* Keeps one text of a key; for headers, adds it. Fails for an unknown member or a wrong value. */
bool servers_put(struct servers *servers, const char *key, const char *text, struct err *err);

/* By name (`length` bytes); NULL = none. */
const struct servers_entry *servers_find(const struct servers *servers, const char *name,
                                         size_t length);

/* The part of the example file. */
void servers_append_example(struct str *out);

#endif
