#include "files.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/rows.h"
#include "base/str.h"
#include "base/utf8.h"

#include "capped.h"
#include "policy.h"
#include "tool.h"
#include "walk.h"

/* What is said of a cut, but for the remarks. */
enum { CUT_ROOM = 100 };

const struct tool file_tools[] = {
    {"read_file", file_read_call},      {"write_file", file_write_call},
    {"edit_file", file_edit_call},      {"list_files", file_list_call},
    {"search_files", file_search_call}, {NULL, NULL},
};

const char *files_text(const json_t *arguments, const char *key, const char *fallback,
                       size_t *length, struct tool_result *result)
{
    const json_t *value = json_object_get(arguments, key);
    if (value == NULL && fallback != NULL) {
        *length = strlen(fallback);
        return fallback;
    }
    if (!json_is_string(value)) {
        tool_fail(result,
                  "the argument %s is %s, expected text, for example {\"%s\": \"notes.md\"}", key,
                  value == NULL ? "missing" : "not text", key);
        return NULL;
    }
    *length = json_string_length(value);
    if (strlen(json_string_value(value)) != *length) {
        tool_fail(result,
                  "the argument %s holds a NUL character after %zu bytes; expected text without "
                  "one, for example {\"%s\": \"notes.md\"}",
                  key, strlen(json_string_value(value)), key);
        return NULL;
    }
    return json_string_value(value);
}

/* `fallback` is there only for tools that take directories. */
bool files_path(struct tool_context *context, const json_t *arguments, const char *fallback,
                char relative[WORKSPACE_PATH_LIMIT], struct tool_result *result)
{
    struct err err;
    size_t length;
    bool directories = fallback != NULL;
    const char *path = files_text(arguments, "path", fallback, &length, result);
    if (path == NULL) {
        return false;
    }
    if (!workspace_relative(context->workspace, path, relative, &err)) {
        tool_fail(result,
                  "%s. Expected a path inside the workspace, for example {\"path\": \"notes.md\"}",
                  err.text);
        return false;
    }
    if (!directories && path[length - 1] == '/') {
        tool_fail(result,
                  "\"%.200s\" names a directory, expected a file, for example "
                  "{\"path\": \"notes.md\"}",
                  path);
        return false;
    }
    return true;
}

bool files_number(const json_t *arguments, const char *key, int64_t fallback, int64_t *number,
                  struct tool_result *result)
{
    const json_t *value = json_object_get(arguments, key);
    if (value == NULL) {
        *number = fallback;
        return true;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 1) {
        if (json_is_integer(value)) {
            tool_fail(result,
                      "%s is %" JSON_INTEGER_FORMAT ", expected 1 or more, for example "
                      "{\"path\": \"notes.md\", \"%s\": 1}",
                      key, json_integer_value(value), key);
        } else {
            tool_fail(result,
                      "%s is not a whole number, expected for example "
                      "{\"path\": \"notes.md\", \"%s\": 1}",
                      key, key);
        }
        return false;
    }
    *number = json_integer_value(value);
    return true;
}

int files_open_known(struct tool_context *context, const char *relative,
                     struct workspace_state *state, struct tool_result *result)
{
    struct err err;
    int fd = workspace_open_file(context->workspace, relative, &err);
    if (fd < 0) {
        files_fail(result, &err,
                   "Expected a file that exists; to make one use write_file, for example "
                   "{\"path\": \"notes.md\", \"content\": \"text\"}");
        return -1;
    }
    if (!workspace_state_of(fd, state, &err)) {
        tool_fail(result, "%s (%.200s)", err.text, relative);
    } else {
        struct files_example example;
        const char *again = files_example(&example, " ", json_pack("{s:s}", "path", relative));
        switch (workspace_seen(context->workspace, relative, state)) {
        case WORKSPACE_FRESH:
            return fd;
        case WORKSPACE_STALE:
            tool_fail(result,
                      "%.200s changed on disk since it was read. Read it again with "
                      "read_file%s, then repeat the change if it still fits",
                      relative, again);
            break;
        case WORKSPACE_UNSEEN:
            tool_fail(result,
                      "%.200s exists and was not read in this conversation. Read it first "
                      "with read_file%s",
                      relative, again);
            break;
        }
    }
    close(fd);
    return -1;
}

bool files_may_write(struct tool_context *context, const char *relative, struct tool_result *result)
{
    const char *reason = workspace_protected(context->workspace, relative);
    if (context->policy->read_only) {
        tool_fail(result,
                  "%.200s was not written: this session may only read. Expected "
                  "read_file, list_files or search_files, for example read_file "
                  "{\"path\": \"notes.md\"}",
                  relative);
        return false;
    }
    if (reason != NULL) {
        tool_fail(result,
                  "%.200s is protected: %s. Expected another file, for example "
                  "{\"path\": \"notes.md\"}; the user can change this one",
                  relative, reason);
        return false;
    }
    return true;
}

void files_say(struct capped *text, const char *what, const char *relative)
{
    if (!capped_format(text, "%s %s", what, relative)) {
        capped_format(text, "%s the file; its path is too long to be shown", what);
    }
}

const char *files_example(struct files_example *example, const char *lead, json_t *arguments)
{
    size_t length = strlen(lead);
    memcpy(example->text, lead, length);
    size_t room = sizeof example->text - length;
    size_t wanted = arguments == NULL ? 0 : json_dumpb(arguments, example->text + length, room, 0);
    json_decref(arguments);
    example->text[wanted > 0 && wanted < room ? length + wanted : 0] = '\0';
    return example->text;
}

void files_fail(struct tool_result *result, const struct err *err, const char *expected)
{
    tool_fail(result, "%s. %s", err->text,
              err->code == ERR_IO ? "If the path is right, only the user can mend that" : expected);
}

bool files_cancelled(struct tool_context *context)
{
    return context->cancelled != NULL && context->cancelled(context->host);
}

void files_remark(struct files_remarks *remarks, const char *format, ...)
{
    size_t length = strlen(remarks->text);
    va_list arguments;
    if (length > 0) {
        snprintf(remarks->text + length, sizeof remarks->text - length, "; ");
        length = strlen(remarks->text);
    }
    va_start(arguments, format);
    vsnprintf(remarks->text + length, sizeof remarks->text - length, format, arguments);
    va_end(arguments);
}

void files_remark_walk(struct files_remarks *remarks, const struct walk_report *report)
{
    if (report->denied > 0) {
        files_remark(remarks, "%zu left out by a rule of the user's", report->denied);
    }
    if (report->rules_left_out > 0) {
        files_remark(remarks, "%zu .gitignore not followed: too large or unreadable",
                     report->rules_left_out);
    }
}

void files_remarks_end(const struct files_remarks *remarks, struct capped *text)
{
    if (remarks->text[0] != '\0') {
        capped_note(text, "(%s)", remarks->text);
    }
}

/* As many whole lines of the text as leave room for the note that says so. */
static void succeed_cut(const char *text, size_t length, size_t size, const char *remarks,
                        struct tool_result *result)
{
    size_t most = size - strlen(remarks) - CUT_ROOM;
    struct rows all = rows_within(text, length, length), first = rows_within(text, length, most);
    size_t cut = first.count > 0 ? first.bytes : utf8_complete_length(text, most);
    struct str shown;
    str_init(&shown);
    str_append_bytes(&shown, text, cut);
    str_append(&shown, text[cut - 1] != '\n' ? "\n(" : "(");
    str_append(&shown, first.count > 0 ? "" : "the beginning of ");
    str_append_format(&shown, "the first %zu of %zu %s", first.count > 0 ? first.count : 1,
                      all.count, rows_name(all.broken));
    str_append_format(&shown, "%s%s)", remarks[0] != '\0' ? "; " : "", remarks);
    tool_succeed(result, shown.data, shown.length);
    str_finish(&shown);
}

void files_succeed(struct capped *text, const struct files_remarks *remarks,
                   const struct policy *policy, struct tool_result *result)
{
    size_t size = capped_bytes(policy), length = text->length; /* without the remarks */
    files_remarks_end(remarks, text);
    if (text->length <= size) {
        tool_succeed(result, text->data, text->length);
        return;
    }
    succeed_cut(text->data, length, size, remarks->text, result);
    json_object_set_new(result->response, "whole", json_stringn(text->data, text->length));
}
