/* project: .carat/config.toml, which whoever wrote the project wrote, and .carat/local.toml behind
 * it, which is of this copy of the project alone (git should ignore it; carat writes neither).
 *
 * They are read after everything else and need no trust, because they can only take away. Each key
 * goes into an empty draft first, so that types and ranges are checked as the user's are; then the
 * option's column `project` says in which direction the draft may move the real value. Everything
 * else is left out with a notice that names file, line, key and reason.
 *
 * A file is read through no symbolic link and only when it is a small regular one.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/config.h"
#include "config/toml.h"

enum { PROJECT_FILE_LIMIT = 64 * 1024 };

static const char *const file_names[] = {"config.toml", "local.toml"};

struct reading {
    struct config *config;
    const char *path; /* as errors and notices call the file */
};

/* --- one direction each; false: it would loosen --- */

static bool lower(struct config_value *value, const struct config_value *draft, bool zero_is_none)
{
    int64_t now = value->whole, wanted = draft->whole;
    if (zero_is_none && (wanted == 0 || now == 0)) {
        if (wanted == 0) {
            return now == 0; /* asks for no limit where there is none */
        }
        now = INT64_MAX;
    }
    if (wanted > now) {
        return false;
    }
    value->whole = wanted;
    value->real = draft->real;
    value->limited = true;
    value->most = wanted;
    return true;
}

static bool add(struct config_value *value, const struct config_value *draft)
{
    for (size_t i = 0; i < draft->list.count; i++) {
        config_add_item(value, draft->list.items[i], draft->origins.items[i]);
    }
    value->set = true;
    return true;
}

/* Where the value comes from is now told of both. */
static void add_origin(struct config_value *value, const char *origin)
{
    struct str both;
    str_init(&both);
    if (value->origin != NULL && strcmp(value->origin, "default") != 0) {
        str_append_format(&both, "%s, then ", value->origin);
    }
    str_append(&both, origin);
    mem_free(value->origin);
    value->origin = str_take(&both);
}

/* An address has no names beneath it, and would be opened by itself. */
static bool ends_in_number(const char *host)
{
    size_t length = strcspn(host, ":"), digits = 0;
    while (digits < length && host[length - digits - 1] >= '0' &&
           host[length - digits - 1] <= '9') {
        digits++;
    }
    return digits > 0 && (digits == length || host[length - digits - 1] == '.');
}

/* Whether one entry of hosts allows all that the other does: it is the same, or a name beneath a
 * "*." with the same port. */
static bool covers(const char *entry, const char *other)
{
    if (strcasecmp(entry, other) == 0) {
        return true;
    }
    const char *host = other + (str_starts_with(other, "*.") ? 2 : 0);
    size_t length = strlen(host), end = strlen(entry) - 1;
    bool plain = host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "0123456789-_.:")] == '\0';
    return str_starts_with(entry, "*.") && isalnum((unsigned char)entry[2]) && plain &&
           length > end && strcasecmp(host + length - end, entry + 1) == 0 && !ends_in_number(host);
}

static bool is_covered(const struct config_list *list, const char *entry)
{
    for (size_t i = 0; i < list->count; i++) {
        if (covers(list->items[i], entry)) {
            return true;
        }
    }
    return false;
}

static bool holds(const struct config_list *list, const char *text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcasecmp(list->items[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* Keeps what both allow. False when the project names more, which it does not get: that is told in
 * `left_out`. */
static bool narrow(struct config_value *value, const struct config_value *draft,
                   struct str *left_out)
{
    struct config_value kept = {0};
    for (size_t i = 0; i < value->list.count; i++) {
        if (is_covered(&draft->list, value->list.items[i])) {
            config_add_item(&kept, value->list.items[i], value->origins.items[i]);
        }
    }
    for (size_t i = 0; i < draft->list.count; i++) {
        const char *entry = draft->list.items[i];
        if (!is_covered(&value->list, entry)) {
            str_append_format(left_out, "%s%s", left_out->length > 0 ? ", " : ": ", entry);
        } else if (!holds(&kept.list, entry)) {
            config_add_item(&kept, entry, draft->origins.items[i]);
        }
    }
    config_list_finish(&value->list);
    config_list_finish(&value->origins);
    value->list = kept.list;
    value->origins = kept.origins;
    return left_out->length == 0;
}

/* Place of a choice among "a|b|c". */
static size_t place_of(const char *choices, const char *text)
{
    size_t place = 0, length = strlen(text);
    for (const char *at = choices; *at != '\0'; place++) {
        size_t size = strcspn(at, "|");
        if (size == length && memcmp(at, text, size) == 0) {
            break;
        }
        at += size + (at[size] == '|');
    }
    return place;
}

/* Where the user set nothing, what stands instead is decided later: the ceiling is kept for it. */
static bool tighten(struct config_value *value, const struct config_value *draft,
                    const char *choices)
{
    if (value->ceiling != NULL &&
        place_of(choices, draft->string) > place_of(choices, value->ceiling)) {
        return false; /* the file before was tighter */
    }
    mem_free(value->ceiling);
    mem_free(value->ceiling_origin);
    value->ceiling = mem_strdup(draft->string);
    value->ceiling_origin = mem_strdup(draft->origin);
    if (!value->set) {
        return true;
    }
    if (place_of(choices, draft->string) > place_of(choices, value->string)) {
        return false;
    }
    mem_free(value->string);
    value->string = mem_strdup(draft->string);
    return true;
}

static bool turn_off(struct config_value *value, const struct config_value *draft)
{
    bool loosens = draft->boolean && !value->boolean;
    value->boolean = value->boolean && draft->boolean;
    return !loosens;
}

static bool apply(struct config_value *value, const struct config_value *draft,
                  const struct option_row *row, struct str *left_out)
{
    switch (row->project) {
    case PROJECT_LOWER:
        return lower(value, draft, false);
    case PROJECT_LOWER_FROM_NONE:
        return lower(value, draft, true);
    case PROJECT_ADD:
        return add(value, draft);
    case PROJECT_NARROW:
        return narrow(value, draft, left_out);
    case PROJECT_TIGHTEN:
        return tighten(value, draft, row->choices);
    case PROJECT_TURN_OFF:
        return turn_off(value, draft);
    case PROJECT_NEVER:
        break;
    }
    return false;
}

/* --- the file --- */

static bool take_value(struct config *config, int option, const struct toml_entry *entry,
                       const char *origin, struct err *err)
{
    const struct option_row *row = &option_table[option];
    struct config *draft = mem_zero(1, sizeof *draft);
    struct str left_out;
    str_init(&left_out);
    bool ok = config_take(draft, option, entry, origin, err);
    bool applied = ok && apply(&config->values[option], &draft->values[option], row, &left_out);
    if (applied || (ok && row->project == PROJECT_NARROW)) {
        add_origin(&config->values[option], origin);
    }
    if (ok && !applied) {
        config_notice(config, "%s: %s is left out where it would loosen your own setting%s", origin,
                      entry->key, left_out.data);
    }
    str_finish(&left_out);
    config_finish(draft);
    mem_free(draft);
    return ok;
}

static bool take_entry(void *context, const struct toml_entry *entry, struct err *err)
{
    struct reading *reading = context;
    struct config *config = reading->config;
    int option = option_by_key(entry->key);
    struct str origin;
    str_init(&origin);
    str_append_format(&origin, "%s:%u", reading->path, entry->line);
    bool ok = true;
    if (option < 0) {
        bool starts = str_starts_with(entry->key, "mcp.") || str_starts_with(entry->key, "hooks.");
        bool binds = str_starts_with(entry->key, "keys.");
        config_notice(config, "%s: %s is left out: %s", origin.data, entry->key,
                      starts                       ? "a project's file starts no programs"
                      : binds                      ? "only your own file says what your keys do"
                      : servers_is_key(entry->key) ? "only your own file may set it"
                                                   : "there is no such key");
    } else if (option_table[option].project == PROJECT_NEVER) {
        config_notice(config, "%s: %s is left out: only your own file may set it", origin.data,
                      entry->key);
    } else {
        ok = take_value(config, option, entry, origin.data, err);
    }
    str_finish(&origin);
    return ok;
}

/* The folder and the file, each through no link. -1 with errno: ENOENT alone says that there is
 * none. */
static int open_file(const char *workspace, const char *name)
{
    int root = open(workspace, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int folder =
        root >= 0 ? openat(root, ".carat", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    int fd = folder >= 0
                 ? openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
                 : -1;
    int cause = errno;
    if (folder >= 0) {
        close(folder);
    }
    if (root >= 0) {
        close(root);
    }
    errno = cause;
    return fd;
}

static bool cannot_open(const char *path, struct err *err)
{
    return errno == ENOTDIR
               ? err_set(err, ERR_IO, "opening %s: .carat is a symbolic link, or no folder", path)
               : err_errno(err, ERR_IO, "opening %s", path);
}

static bool read_one(struct config *config, const char *workspace, const char *name,
                     struct err *err)
{
    struct str text, path;
    str_init(&text);
    str_init(&path);
    str_append_format(&path, ".carat/%s", name);
    struct reading reading = {config, path.data};
    int fd = open_file(workspace, name);
    bool ok = fd >= 0 ? file_read_open(fd, path.data, PROJECT_FILE_LIMIT, &text, err) &&
                            toml_read(path.data, text.data, text.length, take_entry, &reading, err)
                      : errno == ENOENT || cannot_open(path.data, err);
    if (fd >= 0) {
        close(fd);
    }
    str_finish(&text);
    str_finish(&path);
    return ok;
}

bool config_read_project(struct config *config, const char *workspace, struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof file_names / sizeof file_names[0]; i++) {
        ok = read_one(config, workspace, file_names[i], err);
    }
    return ok;
}
