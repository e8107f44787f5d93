/* skill_file: one pass over lines.
 *
 * A key's value is gathered as spans of lines first and decoded afterwards, by what it begins with.
 * Since each value that counts is a line or a list of words, every run of blanks and newlines
 * becomes one blank: so a folded block and a literal one are the same here.
 */
#include "agent/skill_file.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "base/visible.h"

struct reader {
    const char *text;
    size_t length, at; /* at: the beginning of the next line */
    unsigned line;     /* its number, from 1 */
};

struct span {
    const char *data;
    size_t length;
};

/* --- lines --- */

static bool peek(const struct reader *reader, struct span *line)
{
    if (reader->at >= reader->length) {
        return false;
    }
    const char *start = reader->text + reader->at;
    const char *end = memchr(start, '\n', reader->length - reader->at);
    line->data = start;
    line->length = end != NULL ? (size_t)(end - start) : reader->length - reader->at;
    if (line->length > 0 && start[line->length - 1] == '\r') {
        line->length--;
    }
    return true;
}

static void skip(struct reader *reader)
{
    const char *start = reader->text + reader->at;
    const char *end = memchr(start, '\n', reader->length - reader->at);
    reader->at = end != NULL ? (size_t)(end - reader->text) + 1 : reader->length;
    reader->line++;
}

static struct span trim(struct span span)
{
    while (span.length > 0 && (span.data[0] == ' ' || span.data[0] == '\t')) {
        span.data++;
        span.length--;
    }
    while (span.length > 0 &&
           (span.data[span.length - 1] == ' ' || span.data[span.length - 1] == '\t')) {
        span.length--;
    }
    return span;
}

static bool is_fence(struct span line)
{
    return line.length >= 3 && memcmp(line.data, "---", 3) == 0 && trim(line).length == 3;
}

/* Belongs to the key above it: indented, blank, or an entry of a list. */
static bool goes_on(struct span line)
{
    return line.length == 0 || line.data[0] == ' ' || trim(line).length == 0 ||
           (line.data[0] == '-' && (line.length == 1 || line.data[1] == ' '));
}

/* --- values --- */

/* Appends with each run of blanks as one. */
static void append_words(struct str *out, struct span span)
{
    for (size_t i = 0; i < span.length; i++) {
        char c = span.data[i];
        bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        if (!blank) {
            str_append_char(out, c);
        } else if (out->length > 0 && out->data[out->length - 1] != ' ') {
            str_append_char(out, ' ');
        }
    }
    if (out->length > 0 && out->data[out->length - 1] == ' ') {
        str_truncate(out, out->length - 1);
    }
}

/* What may follow a closing quote or bracket: nothing, or a comment. */
static bool is_end(struct span rest)
{
    struct span bare = trim(rest);
    return bare.length == 0 || (bare.data[0] == '#' && bare.data != rest.data);
}

static bool wrong(struct err *err, unsigned line, const char *what)
{
    return err_set(err, ERR_FORMAT, "line %u: %s", line, what);
}

static bool read_single(struct span value, unsigned line, struct str *out, struct err *err)
{
    for (size_t i = 1; i < value.length; i++) {
        if (value.data[i] != '\'') {
            str_append_char(out, value.data[i]);
        } else if (i + 1 < value.length && value.data[i + 1] == '\'') {
            str_append_char(out, '\'');
            i++;
        } else {
            return is_end((struct span){value.data + i + 1, value.length - i - 1}) ||
                   wrong(err, line, "there is something behind the closing quote");
        }
    }
    return wrong(err, line, "the value's quote ' is not closed");
}

static bool read_double(struct span value, unsigned line, struct str *out, struct err *err)
{
    static const char written[] = "\"\\/ntr", meant[] = "\"\\/   ";
    for (size_t i = 1; i < value.length; i++) {
        char c = value.data[i];
        if (c == '"') {
            return is_end((struct span){value.data + i + 1, value.length - i - 1}) ||
                   wrong(err, line, "there is something behind the closing quote");
        }
        if (c == '\\') {
            const char *known = i + 1 < value.length
                                    ? memchr(written, value.data[i + 1], sizeof written - 1)
                                    : NULL;
            if (known == NULL) {
                return wrong(err, line, "of escapes, \\\" \\\\ \\/ \\n \\t and \\r are read");
            }
            c = meant[known - written];
            i++;
        }
        str_append_char(out, c);
    }
    return wrong(err, line, "the value's quote \" is not closed");
}

/* A comment begins at a '#' with a blank before it. */
static struct span without_comment(struct span value)
{
    for (size_t i = 1; i < value.length; i++) {
        if (value.data[i] == '#' && (value.data[i - 1] == ' ' || value.data[i - 1] == '\n')) {
            value.length = i;
        }
    }
    value.length = value.length > 0 && value.data[0] == '#' ? 0 : value.length;
    return trim(value);
}

/* One text, in whichever form. */
static bool read_text(struct span value, unsigned line, struct str *out, struct err *err)
{
    struct str raw;
    str_init(&raw);
    char first = value.length > 0 ? value.data[0] : '\0';
    bool ok = true;
    if (first == '\'') {
        ok = read_single(value, line, &raw, err);
    } else if (first == '"') {
        ok = read_double(value, line, &raw, err);
    } else if (first == '|' || first == '>') {
        const char *end = memchr(value.data, '\n', value.length);
        size_t head = end != NULL ? (size_t)(end - value.data) : value.length;
        size_t marks = 1;
        while (marks < head && memchr("+-123456789", value.data[marks], 11) != NULL) {
            marks++;
        }
        ok = is_end((struct span){value.data + marks, head - marks}) ||
             wrong(err, line, "a block's text begins in the next line");
        str_append_bytes(&raw, value.data + head, value.length - head);
    } else if (first != '\0' && memchr("&*!{}[]%@`,", first, 11) != NULL) {
        ok = err_set(err, ERR_FORMAT, "line %u: a value that begins with %c is not read; quote it",
                     line, first);
    } else {
        struct span plain = without_comment(value);
        str_append_bytes(&raw, plain.data, plain.length);
    }
    if (ok) {
        append_words(out, (struct span){raw.data, raw.length});
    }
    str_finish(&raw);
    return ok;
}

/* --- tools --- */

static bool add_tool(struct skill_file *file, struct span tool, unsigned line, struct err *err)
{
    tool = trim(tool);
    if (tool.length == 0) {
        return true;
    }
    if (file->tool_count == SKILL_FILE_TOOLS_LIMIT) {
        return wrong(err, line, "more than 64 tools");
    }
    vec_room(&file->tools, &file->tool_capacity, file->tool_count + 1, sizeof *file->tools);
    file->tools[file->tool_count++] = mem_strndup(tool.data, tool.length);
    return true;
}

/* "Read, Bash(git log:*) Grep": blanks and commas part, but within parentheses. */
static bool add_tools(struct skill_file *file, const char *text, unsigned line, struct err *err)
{
    const char *start = text;
    size_t depth = 0;
    for (const char *at = text;; at++) {
        depth += *at == '(';
        depth -= *at == ')' && depth > 0;
        if (*at == '\0' || (depth == 0 && (*at == ' ' || *at == ','))) {
            if (!add_tool(file, (struct span){start, (size_t)(at - start)}, line, err)) {
                return false;
            }
            start = at + 1;
        }
        if (*at == '\0') {
            return depth == 0 || wrong(err, line, "a tool's parenthesis is not closed");
        }
    }
}

static bool read_tool(struct skill_file *file, struct span item, unsigned line, struct err *err)
{
    struct str text;
    str_init(&text);
    bool ok = read_text(trim(item), line, &text, err) && add_tools(file, text.data, line, err);
    str_finish(&text);
    return ok;
}

/* "[Read, "Bash(git:*)"]", at the end of which only a comment may stand. */
static bool read_flow(struct skill_file *file, struct span value, unsigned line, struct err *err)
{
    size_t start = 1;
    int depth = 0;
    char quote = '\0';
    for (size_t i = 1; i < value.length; i++) {
        char c = value.data[i];
        if (quote != '\0') {
            quote = c == quote ? '\0' : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '(' || (c == ')' && depth > 0)) {
            depth += c == '(' ? 1 : -1;
        } else if (depth == 0 && (c == ',' || c == ']')) {
            if (!read_tool(file, (struct span){value.data + start, i - start}, line, err)) {
                return false;
            }
            start = i + 1;
            if (c == ']') {
                return is_end((struct span){value.data + start, value.length - start}) ||
                       wrong(err, line, "there is something behind the list");
            }
        }
    }
    return wrong(err, line, "the list's bracket is not closed");
}

/* "- Read", a line each. */
static bool read_entries(struct skill_file *file, struct span value, unsigned line, struct err *err)
{
    struct reader lines = {.text = value.data, .length = value.length, .line = line};
    struct span entry;
    for (; peek(&lines, &entry); skip(&lines)) {
        entry = trim(entry);
        if (entry.length == 0 || entry.data[0] == '#') {
            continue;
        }
        if (entry.data[0] != '-' || (entry.length > 1 && entry.data[1] != ' ')) {
            return wrong(err, lines.line, "expected an entry of the list: - NAME");
        }
        if (!read_tool(file, (struct span){entry.data + 1, entry.length - 1}, lines.line, err)) {
            return false;
        }
    }
    return true;
}

static bool take_tools(struct skill_file *file, struct span value, unsigned line, struct err *err)
{
    file->limits = true;
    if (value.length > 0 && value.data[0] == '[') {
        return read_flow(file, value, line, err);
    }
    return value.length > 1 && value.data[0] == '-' && value.data[1] == ' '
               ? read_entries(file, value, line, err)
               : read_tool(file, value, line, err);
}

/* --- name and description --- */

static bool take_name(struct skill_file *file, struct span value, unsigned line, struct err *err)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    const size_t first = sizeof letters - 4; /* of them, those that a name may begin with */
    struct str name, shown;
    str_init(&name);
    str_init(&shown);
    bool ok = read_text(value, line, &name, err);
    if (ok) {
        size_t fits = 0;
        while (fits < name.length &&
               memchr(letters, name.data[fits], fits == 0 ? first : sizeof letters - 1) != NULL) {
            fits++;
        }
        visible_append(&shown, name.data, name.length, VISIBLE_APPROVAL);
        ok = (name.length > 0 && fits == name.length && fits <= SKILL_FILE_NAME_LIMIT) ||
             err_set(err, ERR_FORMAT,
                     "line %u: the name \"%.80s\" is not 1 to %d letters, digits, '-', '_' or '.'",
                     line, shown.data, SKILL_FILE_NAME_LIMIT);
    }
    file->name = ok ? str_take(&name) : NULL;
    str_finish(&name);
    str_finish(&shown);
    return ok;
}

static bool take_description(struct skill_file *file, struct span value, unsigned line,
                             struct err *err)
{
    struct str text, shown;
    str_init(&text);
    str_init(&shown);
    bool ok = read_text(value, line, &text, err) &&
              (text.length > 0 || wrong(err, line, "the description is empty")) &&
              (text.length <= SKILL_FILE_DESCRIPTION_LIMIT ||
               wrong(err, line, "the description is longer than 4096 bytes"));
    if (ok) {
        visible_append(&shown, text.data, text.length, VISIBLE_LINE);
        file->description = str_take(&shown);
    }
    str_finish(&text);
    str_finish(&shown);
    return ok;
}

/* --- the head --- */

static bool take(struct skill_file *file, struct span key, struct span value, unsigned line,
                 struct err *err)
{
    static const struct {
        const char *key;
        bool (*take)(struct skill_file *file, struct span value, unsigned line, struct err *err);
    } keys[] = {{"name", take_name},
                {"description", take_description},
                {"allowed-tools", take_tools},
                {"allowed_tools", take_tools}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (key.length == strlen(keys[i].key) && memcmp(key.data, keys[i].key, key.length) == 0) {
            bool twice = (keys[i].take == take_name && file->name != NULL) ||
                         (keys[i].take == take_description && file->description != NULL) ||
                         (keys[i].take == take_tools && file->limits);
            return twice ? err_set(err, ERR_FORMAT, "line %u: %s stands there twice", line,
                                   keys[i].key)
                         : keys[i].take(file, trim(value), line, err);
        }
    }
    return true;
}

static size_t key_length(struct span line)
{
    size_t length = 0;
    while (length < line.length && line.data[length] != ':' && line.data[length] != ' ' &&
           line.data[length] != '\t' && line.data[length] != '#') {
        length++;
    }
    bool ends = length < line.length && line.data[length] == ':' &&
                (length + 1 == line.length || line.data[length + 1] == ' ');
    return ends ? length : 0;
}

/* A key and all that goes on below it; the reader stands behind it then. */
static bool read_key(struct reader *reader, struct span line, struct skill_file *file,
                     struct err *err)
{
    struct span next;
    unsigned number = reader->line;
    size_t length = key_length(line);
    if (length == 0) {
        return wrong(err, number,
                     line.data[0] == '\t' ? "a tab is no indentation" : "expected KEY: VALUE");
    }
    const char *start = line.data + length + 1, *end = line.data + line.length;
    skip(reader);
    while (peek(reader, &next) && goes_on(next)) {
        end = trim(next).length > 0 ? next.data + next.length : end;
        skip(reader);
    }
    /* A list's first entry, or a plain text, may stand below its key. */
    struct span value = {start, (size_t)(end - start)};
    while (value.length > 0 && memchr(" \r\n", value.data[0], 3) != NULL) {
        number += value.data[0] == '\n';
        value.data++;
        value.length--;
    }
    if (memchr(line.data, '\0', (size_t)(end - line.data)) != NULL) {
        return wrong(err, number, "it holds a NUL character");
    }
    return take(file, (struct span){line.data, length}, value, number, err);
}

static bool read_head(struct reader *reader, struct skill_file *file, struct err *err)
{
    struct span line;
    if (reader->length >= 3 && memcmp(reader->text, "\xEF\xBB\xBF", 3) == 0) {
        reader->at = 3;
    }
    if (!peek(reader, &line) || !is_fence(line)) {
        return wrong(err, 1, "expected --- (a SKILL.md begins with its name and description)");
    }
    for (skip(reader); peek(reader, &line);) {
        if (is_fence(line)) {
            skip(reader);
            file->body = reader->at;
            return (file->name != NULL || wrong(err, 1, "there is no name: in the head")) &&
                   (file->description != NULL ||
                    wrong(err, 1, "there is no description: in the head"));
        }
        struct span bare = trim(line);
        if (bare.length == 0 || bare.data[0] == '#') {
            skip(reader);
        } else if (!read_key(reader, line, file, err)) {
            return false;
        }
    }
    return err_set(err, ERR_FORMAT, "the head is not closed by --- within %d bytes",
                   SKILL_FILE_HEAD_LIMIT);
}

bool skill_file_read(struct skill_file *file, const char *text, size_t length, struct err *err)
{
    struct skill_file read = {0};
    struct reader reader = {.text = text,
                            .length =
                                length < SKILL_FILE_HEAD_LIMIT ? length : SKILL_FILE_HEAD_LIMIT,
                            .line = 1};
    if (!read_head(&reader, &read, err)) {
        skill_file_finish(&read);
        return false;
    }
    *file = read;
    return true;
}

void skill_file_finish(struct skill_file *file)
{
    for (size_t i = 0; i < file->tool_count; i++) {
        mem_free(file->tools[i]);
    }
    mem_free(file->tools);
    mem_free(file->name);
    mem_free(file->description);
    *file = (struct skill_file){0};
}
