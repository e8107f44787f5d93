/* policy: reads the file that says what this run may touch.
 *
 * Two tables hold the keys, their types and their bounds; everything that is not in them is an
 * error that names the key, because a misspelt "read_only" that were skipped would open what it was
 * meant to close. The text is the agent's, never the model's; it is still read with every check,
 * for it decides what all the rest may do.
 *
 * Nothing is applied here: the sandbox and the tools read the struct.
 */
#include "policy.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

enum key_type {
    KEY_STRING,
    KEY_DIRECTORIES,
    KEY_HOSTS,
    KEY_VARIABLES,
    KEY_PATTERNS,
    KEY_BOOL,
    KEY_INTEGER,
    KEY_LIMITS
};

static const char *const type_words[] = {
    [KEY_STRING] = "a string",
    [KEY_DIRECTORIES] = "an array of absolute paths",
    [KEY_HOSTS] = "an array of host names",
    [KEY_VARIABLES] = "an array of NAME=VALUE",
    [KEY_PATTERNS] = "an array of patterns, each a line",
    [KEY_BOOL] = "true or false",
    [KEY_INTEGER] = "an integer",
    [KEY_LIMITS] = "an object",
};

struct key {
    const char *name;
    enum key_type type;
    size_t offset;     /* of the member; unused for the strings, which are handled by name */
    int64_t low, high; /* of an integer */
    bool wide;         /* the member is an int64_t, not an int */
};

static const struct key top_keys[] = {
    {"workspace", KEY_STRING, 0, 0, 0, false},
    {"writable", KEY_DIRECTORIES, offsetof(struct policy, writable), 0, 0, false},
    {"readable", KEY_DIRECTORIES, offsetof(struct policy, readable), 0, 0, false},
    {"skills", KEY_DIRECTORIES, offsetof(struct policy, skills), 0, 0, false},
    {"hidden", KEY_DIRECTORIES, offsetof(struct policy, hidden), 0, 0, false},
    {"kept", KEY_DIRECTORIES, offsetof(struct policy, kept), 0, 0, false},
    {"denied", KEY_PATTERNS, offsetof(struct policy, denied), 0, 0, false},
    {"read_only", KEY_BOOL, offsetof(struct policy, read_only), 0, 0, false},
    {"network", KEY_BOOL, offsetof(struct policy, network), 0, 0, false},
    {"environment", KEY_VARIABLES, offsetof(struct policy, environment), 0, 0, false},
    {"hosts", KEY_HOSTS, offsetof(struct policy, hosts), 0, 0, false},
    {"redirects", KEY_STRING, 0, 0, 0, false},
    {"network_hosts", KEY_HOSTS, offsetof(struct policy, network_hosts), 0, 0, false},
    {"limits", KEY_LIMITS, 0, 0, 0, false},
    {"result_tokens", KEY_INTEGER, offsetof(struct policy, result_tokens), 16, 1000000, false},
    {"keep_whole", KEY_BOOL, offsetof(struct policy, keep_whole), 0, 0, false},
    {"job", KEY_BOOL, offsetof(struct policy, job), 0, 0, false},
    {"sandbox", KEY_STRING, 0, 0, 0, false},
    {NULL, KEY_STRING, 0, 0, 0, false},
};

/* The lowest values are those under which no command could run at all. */
static const struct key limit_keys[] = {
    {"seconds", KEY_INTEGER, offsetof(struct policy, seconds), 1, 86400, false},
    {"output_bytes", KEY_INTEGER, offsetof(struct policy, output_bytes), 1, INT64_C(1) << 50, true},
    {"memory_bytes", KEY_INTEGER, offsetof(struct policy, memory_bytes), 16 * 1024 * 1024,
     INT64_C(1) << 50, true},
    {"processes", KEY_INTEGER, offsetof(struct policy, processes), 1, 1000000, false},
    {"file_bytes", KEY_INTEGER, offsetof(struct policy, file_bytes), 0, INT64_C(1) << 50, true},
    {"call_seconds", KEY_INTEGER, offsetof(struct policy, call_seconds), 1, 86400, false},
    {"background_seconds", KEY_INTEGER, offsetof(struct policy, background_seconds), 0, 86400,
     false},
    {NULL, KEY_STRING, 0, 0, 0, false},
};

static const struct policy defaults = {
    .seconds = 120,
    .call_seconds = 60,
    .output_bytes = INT64_C(256) * 1024 * 1024,
    .memory_bytes = INT64_C(8) * 1024 * 1024 * 1024,
    .file_bytes = INT64_C(2) * 1024 * 1024 * 1024,
    .processes = 4096,
    .result_tokens = 800,
};

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = mem_try_alloc(size, 1);
    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

static const struct key *find_key(const struct key *keys, const char *name)
{
    while (keys->name != NULL && strcmp(keys->name, name) != 0) {
        keys++;
    }
    return keys->name == NULL ? NULL : keys;
}

static bool is_list(const struct key *key)
{
    return key->type == KEY_DIRECTORIES || key->type == KEY_HOSTS || key->type == KEY_VARIABLES ||
           key->type == KEY_PATTERNS;
}

static bool wrong_type(const struct key *key, struct err *err)
{
    return err_set(err, ERR_FORMAT, "policy: \"%s\" must be %s", key->name, type_words[key->type]);
}

/* A host name or address, "*." before it and ":port" after it allowed: nothing that could be read
 * as another part of an address. */
static bool plausible_host(const char *host)
{
    return host[0] != '\0' && host[0] != '-' &&
           host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                             ".-_:*[]")] == '\0';
}

static bool plausible_variable(const char *item)
{
    size_t length = strspn(item, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                 "0123456789_");
    return length > 0 && item[length] == '=' && (item[0] < '0' || item[0] > '9');
}

/* One line of an ignore file. */
static bool plausible_pattern(const char *item)
{
    return item[0] != '\0' && item[strcspn(item, "\n\r")] == '\0';
}

static bool read_list(const struct key *key, const json_t *value, struct policy_list *list,
                      struct err *err)
{
    if (!json_is_array(value)) {
        return wrong_type(key, err);
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *item = json_string_value(json_array_get(value, i));
        bool fits = item != NULL && (key->type == KEY_HOSTS       ? plausible_host(item)
                                     : key->type == KEY_VARIABLES ? plausible_variable(item)
                                     : key->type == KEY_PATTERNS  ? plausible_pattern(item)
                                                                  : item[0] == '/');
        if (!fits) {
            err_set(err, ERR_FORMAT, "policy: entry %zu of \"%s\" must be one of %s", i + 1,
                    key->name, type_words[key->type]);
            return false;
        }
        char *copy = copy_text(item);
        if (copy == NULL ||
            !vec_try_room(&list->items, &list->capacity, list->count + 1, sizeof *list->items)) {
            mem_free(copy);
            return err_set(err, ERR_MEMORY, "policy: no memory for \"%s\"", key->name);
        }
        list->items[list->count++] = copy;
    }
    return true;
}

static bool read_integer(const struct key *key, const json_t *value, void *member, struct err *err)
{
    if (!json_is_integer(value)) {
        return wrong_type(key, err);
    }
    int64_t number = json_integer_value(value);
    if (number < key->low || number > key->high) {
        return err_set(err, ERR_LIMIT, "policy: \"%s\" is %lld, must lie between %lld and %lld",
                       key->name, (long long)number, (long long)key->low, (long long)key->high);
    }
    if (key->wide) {
        *(int64_t *)member = number;
    } else {
        *(int *)member = (int)number;
    }
    return true;
}

static bool read_redirects(const char *text, struct policy *policy, struct err *err)
{
    static const char *const words[] = {[POLICY_REDIRECTS_ALL] = "all",
                                        [POLICY_REDIRECTS_PLACE] = "place",
                                        [POLICY_REDIRECTS_NONE] = "none"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i]) == 0) {
            policy->redirects = (enum policy_redirects)i;
            return true;
        }
    }
    return err_set(err, ERR_FORMAT, "policy: \"redirects\" must be \"all\", \"place\" or \"none\"");
}

/* "sandbox", "redirects" and "workspace". The last lands in `*workspace`, borrowed from the JSON.
 */
static bool read_string(const struct key *key, const json_t *value, struct policy *policy,
                        const char **workspace, struct err *err)
{
    const char *text = json_string_value(value);
    if (text == NULL) {
        return wrong_type(key, err);
    }
    if (strcmp(key->name, "workspace") == 0) {
        if (text[0] != '/') {
            return err_set(err, ERR_FORMAT, "policy: \"workspace\" must be an absolute path");
        }
        *workspace = text;
        return true;
    }
    if (strcmp(key->name, "redirects") == 0) {
        return read_redirects(text, policy, err);
    }
    policy->no_sandbox = strcmp(text, "danger-full-access") == 0;
    if (!policy->no_sandbox && strcmp(text, "full") != 0) {
        return err_set(err, ERR_FORMAT,
                       "policy: \"sandbox\" must be \"full\" or \"danger-full-access\"");
    }
    return true;
}

static bool read_object(const struct key *keys, const char *where, const json_t *object,
                        struct policy *policy, const char **workspace, struct err *err);

static bool read_key(const struct key *key, const json_t *value, struct policy *policy,
                     const char **workspace, struct err *err)
{
    char *member = (char *)policy + key->offset;
    switch (key->type) {
    case KEY_STRING:
        return read_string(key, value, policy, workspace, err);
    case KEY_DIRECTORIES:
    case KEY_HOSTS:
    case KEY_VARIABLES:
    case KEY_PATTERNS:
        return read_list(key, value, (struct policy_list *)(void *)member, err);
    case KEY_BOOL:
        if (!json_is_boolean(value)) {
            return wrong_type(key, err);
        }
        *(bool *)member = json_is_true(value);
        return true;
    case KEY_INTEGER:
        return read_integer(key, value, member, err);
    case KEY_LIMITS:
        if (!json_is_object(value)) {
            return wrong_type(key, err);
        }
        return read_object(limit_keys, "in \"limits\"", value, policy, workspace, err);
    }
    return false;
}

static bool read_object(const struct key *keys, const char *where, const json_t *object,
                        struct policy *policy, const char **workspace, struct err *err)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        const struct key *key = find_key(keys, name);
        if (key == NULL) {
            return err_set(err, ERR_FORMAT, "policy: unknown key \"%s\" %s", name, where);
        }
        if (!read_key(key, value, policy, workspace, err)) {
            return false;
        }
    }
    return true;
}

static bool resolve_workspace(const char *path, char **out, struct err *err)
{
    char resolved[PATH_MAX];
    struct stat status;
    if (realpath(path, resolved) == NULL) {
        return err_errno(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "workspace %s", path);
    }
    if (stat(resolved, &status) != 0) {
        return err_errno(err, ERR_IO, "workspace %s", resolved);
    }
    if (!S_ISDIR(status.st_mode)) {
        return err_set(err, ERR_ARGUMENT, "workspace %s is not a directory", resolved);
    }
    char *copy = copy_text(resolved);
    if (copy == NULL) {
        return err_set(err, ERR_MEMORY, "policy: no memory for the workspace");
    }
    *out = copy;
    return true;
}

bool policy_parse(struct policy *policy, const char *json, size_t length, const char *workspace,
                  struct err *err)
{
    if (length > POLICY_LIMIT) {
        return err_set(err, ERR_LIMIT, "the policy is larger than %d bytes", POLICY_LIMIT);
    }
    json_error_t problem;
    json_t *root = json_loadb(json, length, JSON_REJECT_DUPLICATES, &problem);
    if (root == NULL) {
        return err_set(err, ERR_FORMAT, "policy, line %d: %s", problem.line, problem.text);
    }
    struct policy made = defaults;
    const char *in_file = NULL;
    bool ok = json_is_object(root) || err_set(err, ERR_FORMAT, "the policy must be a JSON object");
    ok = ok && read_object(top_keys, "at the top", root, &made, &in_file, err);
    if (ok) {
        const char *chosen = workspace != NULL ? workspace : in_file;
        ok = resolve_workspace(chosen != NULL ? chosen : ".", &made.workspace, err);
    }
    json_decref(root);
    if (!ok) {
        policy_finish(&made);
        return false;
    }
    *policy = made;
    return true;
}

bool policy_read_descriptor(int fd, struct str *text, struct err *err)
{
    char chunk[8192];
    size_t start = text->length;
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        bool fits = got >= 0 && text->length - start + (size_t)got <= POLICY_LIMIT;
        if (got > 0 && fits) {
            str_append_bytes(text, chunk, (size_t)got);
            continue;
        }
        if (got == 0) {
            return true;
        }
        if (got < 0) {
            err_errno(err, ERR_IO, "reading the policy from descriptor %d", fd);
        } else {
            err_set(err, ERR_LIMIT, "the policy is larger than %d bytes", POLICY_LIMIT);
        }
        str_truncate(text, start);
        return false;
    }
}

void policy_list_add(struct policy_list *list, const char *text)
{
    vec_room(&list->items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items[list->count++] = mem_strdup(text);
}

void policy_list_finish(struct policy_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->items[i]);
    }
    mem_free(list->items);
    *list = (struct policy_list){0};
}

void policy_finish(struct policy *policy)
{
    mem_free(policy->workspace);
    for (const struct key *key = top_keys; key->name != NULL; key++) {
        if (is_list(key)) {
            policy_list_finish((struct policy_list *)(void *)((char *)policy + key->offset));
        }
    }
    memset(policy, 0, sizeof *policy);
}
