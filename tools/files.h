/* files: what the file tools share: their table, their arguments and how they refuse.
 *
 * Each tool is one file, file_NAME.c, with one function. A refusal says what was received, what is
 * expected and shows one valid example.
 */
#ifndef CARAT_TOOLS_FILES_H
#define CARAT_TOOLS_FILES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capped.h"
#include "workspace.h"

struct policy;
struct err;
struct tool_context;
struct tool_result;
struct walk_report;

void file_read_call(struct tool_context *context, const json_t *arguments,
                    struct tool_result *result);
void file_write_call(struct tool_context *context, const json_t *arguments,
                     struct tool_result *result);
void file_edit_call(struct tool_context *context, const json_t *arguments,
                    struct tool_result *result);
void file_list_call(struct tool_context *context, const json_t *arguments,
                    struct tool_result *result);
void file_search_call(struct tool_context *context, const json_t *arguments,
                      struct tool_result *result);

/* The text argument `key`, a view into `arguments`; `fallback` when it is absent. NULL, with the
 * result failed, when it is no text, holds a NUL, or is absent without a fallback. */
const char *files_text(const json_t *arguments, const char *key, const char *fallback,
                       size_t *length, struct tool_result *result);
/* The argument "path", normalised. False with the result failed. A tool without a fallback takes
 * files only: "x/" is refused. */
bool files_path(struct tool_context *context, const json_t *arguments, const char *fallback,
                char relative[WORKSPACE_PATH_LIMIT], struct tool_result *result);
/* The whole number `key`, at least 1; `fallback` when it is absent. */
bool files_number(const json_t *arguments, const char *key, int64_t fallback, int64_t *number,
                  struct tool_result *result);
/* Opens a file that is to be changed and sees to it that it was read and is as it was: -1 with the
 * result failed, or the descriptor and its state. */
int files_open_known(struct tool_context *context, const char *relative,
                     struct workspace_state *state, struct tool_result *result);
/* False, with the result failed, when this run may only read. */
bool files_may_write(struct tool_context *context, const char *relative,
                     struct tool_result *result);
/* "created a.txt", as the first line of a result. */
void files_say(struct capped *text, const char *what, const char *relative);
/* Arguments as an example, behind `lead`; takes them. Nothing where they are long: what the model
 * is to copy is never cut. */
struct files_example {
    char text[1024];
};
const char *files_example(struct files_example *example, const char *lead, json_t *arguments);
/* The error, and what is expected instead: where the system refused, that is nothing which another
 * call could bring. */
void files_fail(struct tool_result *result, const struct err *err, const char *expected);
bool files_cancelled(struct tool_context *context);
/* What has to be said at the end of a result, gathered into one note in brackets. */
struct files_remarks {
    char text[CAPPED_NOTE_ROOM - 8]; /* fits, with its brackets */
};
void files_remark(struct files_remarks *remarks, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What every walk may leave out. */
void files_remark_walk(struct files_remarks *remarks, const struct walk_report *report);
/* The note, where there was something to say. */
void files_remarks_end(const struct files_remarks *remarks, struct capped *text);
/* The text and the remarks as a tool's result. What is over the policy's cap is cut at the end of a
 * line (base/rows.h), with a note that holds the remarks too, and all of it goes along as "whole".
 */
void files_succeed(struct capped *text, const struct files_remarks *remarks,
                   const struct policy *policy, struct tool_result *result);

#endif
