#include "gitignore.h"

#include <string.h>

#include "err.h"
#include "glob.h"
#include "mem.h"
#include "vec.h"

struct gitignore_rule {
    char *pattern;       /* without '!', the slash in front and the one at the end */
    size_t prefix;       /* bytes of the path that lead to the rule's directory, with the slash */
    char *directory;     /* inside the same block as pattern: that prefix */
    bool takes_back;     /* '!' */
    bool directory_only; /* '/' at the end */
    bool whole_path;     /* a slash elsewhere: matched against the path, else against the name */
};

void gitignore_init(struct gitignore *ignore)
{
    *ignore = (struct gitignore){NULL, 0, 0};
}

void gitignore_truncate(struct gitignore *ignore, size_t count)
{
    while (ignore->count > count) {
        mem_free(ignore->rules[--ignore->count].pattern);
    }
}

void gitignore_finish(struct gitignore *ignore)
{
    gitignore_truncate(ignore, 0);
    mem_free(ignore->rules);
    gitignore_init(ignore);
}

/* Spaces at the end of a line do not count, unless a backslash stands before them. */
static size_t trimmed(const char *line, size_t length)
{
    while (length > 0 && line[length - 1] == ' ') {
        size_t slashes = 0;
        while (slashes + 1 < length && line[length - 2 - slashes] == '\\') {
            slashes++;
        }
        if (slashes % 2 == 1) {
            break;
        }
        length--;
    }
    return length;
}

static bool add_line(struct gitignore *ignore, const char *directory, const char *line,
                     size_t length, struct err *err)
{
    struct gitignore_rule rule = {0};
    if (length > 0 && line[length - 1] == '\r') {
        length--;
    }
    length = trimmed(line, length);
    if (length == 0 || line[0] == '#') {
        return true;
    }
    if (length > GITIGNORE_LINE_LIMIT) {
        return err_set(err, ERR_LIMIT, "a rule of over %d bytes in a .gitignore file",
                       GITIGNORE_LINE_LIMIT);
    }
    if (line[0] == '!') {
        rule.takes_back = true;
        line++;
        length--;
    }
    if (length > 0 && line[length - 1] == '/') {
        rule.directory_only = true;
        length--;
    }
    rule.whole_path = memchr(line, '/', length) != NULL;
    if (length > 0 && line[0] == '/') {
        line++;
        length--;
    }
    if (length == 0) {
        return true;
    }
    if (ignore->count == GITIGNORE_RULE_LIMIT) {
        return err_set(err, ERR_LIMIT, "more than %d rules in .gitignore files",
                       GITIGNORE_RULE_LIMIT);
    }
    size_t prefix = strlen(directory);
    if (!vec_try_room(&ignore->rules, &ignore->capacity, ignore->count + 1,
                      sizeof *ignore->rules) ||
        (rule.pattern = mem_try_alloc(length + prefix + 3, 1)) == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for the rules of .gitignore files");
    }
    memcpy(rule.pattern, line, length);
    rule.pattern[length] = '\0';
    rule.directory = rule.pattern + length + 1;
    memcpy(rule.directory, directory, prefix + 1);
    if (prefix > 0) {
        memcpy(rule.directory + prefix, "/", 2);
        rule.prefix = prefix + 1;
    }
    ignore->rules[ignore->count++] = rule;
    return true;
}

bool gitignore_add(struct gitignore *ignore, const char *directory, const char *text, size_t length,
                   struct err *err)
{
    size_t before = ignore->count;
    if (length > GITIGNORE_SIZE_LIMIT) {
        return err_set(err, ERR_LIMIT, "the .gitignore of \"%.200s\" has over %d bytes", directory,
                       GITIGNORE_SIZE_LIMIT);
    }
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        length -= 3;
    }
    while (length > 0) {
        const char *newline = memchr(text, '\n', length);
        size_t line = newline == NULL ? length : (size_t)(newline - text);
        /* A pattern with a NUL in it can match no name. */
        if (memchr(text, '\0', line) == NULL && !add_line(ignore, directory, text, line, err)) {
            gitignore_truncate(ignore, before);
            return false;
        }
        line += newline != NULL;
        text += line;
        length -= line;
    }
    return true;
}

static bool rule_matches(const struct gitignore_rule *rule, const char *path, const char *name,
                         bool is_directory)
{
    if ((rule->directory_only && !is_directory) ||
        strncmp(path, rule->directory, rule->prefix) != 0) {
        return false;
    }
    return glob_match(rule->pattern, rule->whole_path ? path + rule->prefix : name);
}

bool gitignore_matches(const struct gitignore *ignore, const char *path, bool is_directory)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    for (size_t i = ignore->count; i-- > 0;) {
        if (rule_matches(&ignore->rules[i], path, name, is_directory)) {
            return !ignore->rules[i].takes_back;
        }
    }
    return false;
}
