/* approvals_file: one rule more by text, so that whatever else stands in the file stays as it is.
 *
 * The rule goes behind the '[' of the list, else below the line [approval], else into a new table
 * at the end. Where that is guessed wrongly, in a file of another style, nothing is lost: the new
 * text is read, too, and must say what the old one said and the rule, or the file is left alone.
 */
#include "app/approvals_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/toml.h"

enum { FILE_LIMIT = 1024 * 1024, LOCK_TRIES = 250, LOCK_PAUSE_MS = 20 };

static const char head[] =
    "# Rules that carat adds when \"always\" is answered. Other settings belong in config.toml.\n"
    "# Take out what is to ask again.\n";

/* --- what the file says --- */

struct contents {
    const char *rule;
    unsigned line;   /* of the list of rules; 0 = there is none */
    size_t there;    /* how often the rule is in it */
    struct str said; /* all else */
};

static bool take(void *context, const struct toml_entry *entry, struct err *err)
{
    struct contents *contents = context;
    const char *string = entry->string != NULL ? entry->string : "";
    (void)err;
    bool rules = strcmp(entry->key, "approval.allow") == 0 && entry->type == TOML_LIST;
    if (rules) {
        contents->line = entry->line;
    } else {
        str_append_format(&contents->said, "%s %d %d %lld %a %zu %s\n", entry->key,
                          (int)entry->type, entry->boolean, (long long)entry->integer, entry->real,
                          strlen(string), string);
    }
    for (size_t i = 0; i < entry->list_count; i++) {
        if (rules && strcmp(entry->list[i], contents->rule) == 0) {
            contents->there++;
        } else {
            str_append_format(&contents->said, "%zu %s\n", strlen(entry->list[i]), entry->list[i]);
        }
    }
    return true;
}

/* Release with str_finish(&said), also on failure. */
static bool read_contents(const char *path, const struct str *text, const char *rule,
                          struct contents *contents, struct err *err)
{
    *contents = (struct contents){.rule = rule};
    str_init(&contents->said);
    return toml_read(path, text->data, text->length, take, contents, err);
}

/* --- one rule more --- */

/* A rule has no control characters (approval_rule_for). */
static void append_rule(struct str *out, const char *rule)
{
    str_append(out, "\n    \"");
    for (const char *c = rule; *c != '\0'; c++) {
        str_append(out, *c == '"' || *c == '\\' ? "\\" : "");
        str_append_char(out, *c);
    }
    str_append(out, "\",");
}

static size_t line_end(const struct str *text, size_t at)
{
    return at + strcspn(text->data + at, "\n");
}

/* Behind the '[' of a list in that line; the text's end where there is none. */
static size_t behind_bracket(const struct str *text, unsigned line)
{
    size_t at = 0;
    while (--line > 0 && at < text->length) {
        at = line_end(text, at) + 1;
    }
    at += strcspn(text->data + at, "=");
    at += strcspn(text->data + at, "[");
    return at < text->length ? at + 1 : at;
}

/* Where the line [approval] ends; false: there is none, and that is where the text does. */
static bool find_header(const struct str *text, size_t *end)
{
    for (size_t at = 0; at < text->length; at = *end + 1) {
        *end = line_end(text, at);
        if (str_starts_with(text->data + at + strspn(text->data + at, " \t"), "[approval]")) {
            return true;
        }
    }
    *end = text->length;
    return false;
}

static void insert_rule(struct str *text, unsigned line, const char *rule)
{
    size_t at;
    struct str more;
    str_init(&more);
    if (line > 0) {
        at = behind_bracket(text, line);
        append_rule(&more, rule);
        str_append(&more, strspn(text->data + at, "\r\n") == 0 ? "\n    " : "");
    } else {
        bool found = find_header(text, &at);
        str_append(&more, found ? "\nallow = [" : "\n[approval]\nallow = [");
        append_rule(&more, rule);
        str_append(&more, found ? "\n]" : "\n]\n");
    }
    str_insert(text, at, more.data, more.length);
    str_finish(&more);
}

/* True also for a file that is not there yet. */
static bool read_text(const char *path, struct str *text, struct err *err)
{
    struct err cause;
    if (file_read(path, FILE_LIMIT, text, &cause)) {
        return true;
    }
    str_append(text, head);
    return cause.code == ERR_NOT_FOUND || err_set(err, cause.code, "%s", cause.text);
}

/* The text with the rule says what it should. */
static bool fits(const char *path, const struct str *text, const struct contents *before)
{
    struct contents after;
    bool ok = read_contents(path, text, before->rule, &after, NULL) && after.there == 1 &&
              strcmp(before->said.data, after.said.data) == 0;
    str_finish(&after.said);
    return ok;
}

static bool add(const char *path, const char *rule, struct err *err)
{
    struct contents before = {0};
    struct str text;
    str_init(&text);
    str_init(&before.said);
    bool ok = read_text(path, &text, err) && read_contents(path, &text, rule, &before, err);
    if (ok && before.there == 0) {
        insert_rule(&text, before.line, rule);
        ok = (fits(path, &text, &before) ||
              err_set(err, ERR_FORMAT,
                      "%s has no plain list for the rule: write [approval] and below it allow = []",
                      path)) &&
             file_replace_as(path, 0600, text.data, text.length, err);
    }
    str_finish(&before.said);
    str_finish(&text);
    return ok;
}

/* --- one process at a time --- */

/* A folder that is locked, to be closed; no file of it is, because each is replaced. */
static int lock(const char *folder, struct err *err)
{
    const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000L};
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
        if (i == LOCK_TRIES) {
            err_errno(err, ERR_IO, "%s is locked", folder);
            close(fd);
            return -1;
        }
        nanosleep(&pause, NULL);
    }
    if (fd < 0) {
        err_errno(err, ERR_IO, "opening %s", folder);
    }
    return fd;
}

bool approvals_file_add(const char *path, const char *rule, struct err *err)
{
    struct str target;
    char *folder = mem_strndup(path, (size_t)(strrchr(path, '/') - path));
    str_init(&target);
    int fd = file_make_directories(folder, err) ? lock(folder, err) : -1;
    bool ok = fd >= 0 && file_follow(path, NULL, &target, err) && add(target.data, rule, err);
    if (fd >= 0) {
        close(fd);
    }
    str_finish(&target);
    mem_free(folder);
    return ok;
}
