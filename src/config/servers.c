#include "servers.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

static const struct {
    const char *name, *example, *help;
} members[SERVERS_MEMBER_COUNT] = {
    [SERVERS_URL] = {"url", "https://example.org/v1", "Where it is."},
    [SERVERS_MODEL] = {"model", "gemma-4-31b-it", "Model to ask it for. Unset: the server's NAME."},
    [SERVERS_KEY_ENV] = {"key_env", "EXAMPLE_KEY", "Environment variable that holds its key."},
    [SERVERS_KEY_COMMAND] = {"key_command", "pass show example",
                             "Command that prints its key; run once at the start."},
    [SERVERS_API] = {"api", "chat", "What it speaks: chat (chat/completions) or responses."},
};

static const char prefix[] = "remote.", headers[] = "headers";

void servers_finish(struct servers *servers)
{
    for (size_t i = 0; i < servers->count; i++) {
        struct servers_entry *entry = &servers->items[i];
        mem_free(entry->name);
        for (int k = 0; k < SERVERS_MEMBER_COUNT; k++) {
            mem_free(entry->members[k]);
        }
        for (size_t k = 0; k < entry->header_count; k++) {
            mem_free(entry->headers[k]);
        }
        mem_free(entry->headers);
    }
    mem_free(servers->items);
    *servers = (struct servers){0};
}

bool servers_is_key(const char *key)
{
    return str_starts_with(key, prefix) && strchr(key + sizeof prefix - 1, '.') != NULL;
}

const struct servers_entry *servers_find(const struct servers *servers, const char *name,
                                         size_t length)
{
    for (size_t i = 0; i < servers->count; i++) {
        const struct servers_entry *entry = &servers->items[i];
        if (strlen(entry->name) == length && memcmp(entry->name, name, length) == 0) {
            return entry;
        }
    }
    return NULL;
}

static struct servers_entry *entry_of(struct servers *servers, const char *name, size_t length)
{
    const struct servers_entry *known = servers_find(servers, name, length);
    if (known != NULL) {
        return &servers->items[known - servers->items];
    }
    vec_room(&servers->items, &servers->capacity, servers->count + 1, sizeof *servers->items);
    servers->items[servers->count++] = (struct servers_entry){.name = mem_strndup(name, length)};
    return &servers->items[servers->count - 1];
}

/* A header is one line: a name of letters, digits and -, and printable text. */
static bool add_header(struct servers_entry *entry, const char *key, const char *text,
                       struct err *err)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t length = strspn(text, letters);
    bool ok = length > 0 && text[length] == ':';
    for (const char *c = text; *c != '\0'; c++) {
        ok = ok && (unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7F;
    }
    if (!ok) {
        return err_set(err, ERR_ARGUMENT, "%s must be \"Name: value\" of printable ASCII", key);
    }
    vec_room(&entry->headers, &entry->header_capacity, entry->header_count + 1,
             sizeof *entry->headers);
    entry->headers[entry->header_count++] = mem_strdup(text);
    return true;
}

static bool put_member(struct servers_entry *entry, int member, const char *key, const char *text,
                       struct err *err)
{
    if (member == SERVERS_API && strcmp(text, "chat") != 0 && strcmp(text, "responses") != 0) {
        return err_set(err, ERR_ARGUMENT, "%s is \"%.40s\", which must be chat or responses", key,
                       text);
    }
    mem_free(entry->members[member]);
    entry->members[member] = mem_strdup(text);
    return true;
}

bool servers_put(struct servers *servers, const char *key, const char *text, struct err *err)
{
    const char *name = key + sizeof prefix - 1, *member = strchr(name, '.') + 1;
    struct servers_entry *entry = entry_of(servers, name, (size_t)(member - 1 - name));
    for (int i = 0; i < SERVERS_MEMBER_COUNT; i++) {
        if (strcmp(member, members[i].name) == 0) {
            return put_member(entry, i, key, text, err);
        }
    }
    if (strcmp(member, headers) == 0) {
        return add_header(entry, key, text, err);
    }
    if (str_starts_with(member, headers) && member[sizeof headers - 1] == '.') {
        struct str line;
        str_init(&line);
        str_append_format(&line, "%s: %s", member + sizeof headers, text);
        bool ok = add_header(entry, key, line.data, err);
        str_finish(&line);
        return ok;
    }
    return err_set(
        err, ERR_ARGUMENT,
        "unknown key \"%s\": a server has url, model, key_env, key_command, api, headers", key);
}

void servers_append_example(struct str *out)
{
    str_append(out, "\n# Any number of servers by name, for -m remote:NAME:\n#\t[remote.NAME]\n");
    for (int i = 0; i < SERVERS_MEMBER_COUNT; i++) {
        str_append_format(out, "#\t%s = \"%s\"  # %s\n", members[i].name, members[i].example,
                          members[i].help);
    }
    str_append(out, "#\theaders = [\"X-Region: eu\"]  # More lines of each request.\n");
}
