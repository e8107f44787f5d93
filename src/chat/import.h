/* import: conversations that other agents wrote, as ours.
 *
 * A builder takes what was said in order and keeps our rules: the results of a step's calls follow
 * it in the order of the calls, one each. The readers understand JSON lines: rollouts of Codex
 * ({"type": "response_item", "payload": ...}, or the bare items of older ones) and project files of
 * Claude Code ({"type": "user" | "assistant", "message": ...}). A line that cannot be understood is
 * an error that names it; kinds of lines that carry nothing that was said are passed over. Claude
 * Code keeps what a person went back from in the same file: of branches the last one is taken.
 */
#ifndef CARAT_CHAT_IMPORT_H
#define CARAT_CHAT_IMPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "chat/conversation.h"

struct err;

enum { IMPORT_CALLS_LIMIT = 1024, IMPORT_MESSAGES_LIMIT = 1000000 };

struct chat_import {
    struct chat_conversation conversation;
    struct str origin;            /* "codex:ID": one place of birth for each */
    struct str workspace;         /* "" = not told */
    struct str title;             /* "" = none */
    struct str model;             /* of the last answer; "" = not told */
    int64_t first_ms, last_ms;    /* of the lines that tell their time; 0 = none does */
    size_t left_out;              /* results of calls that are not there */
    size_t taken_back;            /* messages of branches that somebody went back from */
    json_t *places;               /* of lines by their ids, see chat_import_place */
    bool codex, claude;           /* which of them it turned out to be */
    struct chat_message *results; /* of the last step's calls, by place; role CHAT_SYSTEM = none */
    size_t result_count;
};

void chat_import_init(struct chat_import *import);
void chat_import_finish(struct chat_import *import);

/* What was said. `text` is copied. ERR_LIMIT when it is too much. */
bool chat_import_user(struct chat_import *import, const char *text, struct err *err);
bool chat_import_text(struct chat_import *import, const char *text, struct err *err);
bool chat_import_thought(struct chat_import *import, const char *text, struct err *err);
/* `arguments` may be any value or NULL; what is no object is wrapped in one. */
bool chat_import_call(struct chat_import *import, const char *id, const char *name,
                      const json_t *arguments, struct err *err);
bool chat_import_result(struct chat_import *import, const char *id, const char *text, bool failed,
                        struct err *err);

/* How many messages there are once the calls so far have their results: what a branch that begins
 * here keeps. Going back to a place drops what was said behind it. */
size_t chat_import_place(const struct chat_import *import);
void chat_import_go_back(struct chat_import *import, size_t place);

/* One line of a file of JSON lines; a byte order mark is no part of it. */
bool chat_import_line(struct chat_import *import, const char *line, size_t length, struct err *err);
/* After the last: calls without a result get one that says so. ERR_FORMAT when nothing was said. */
bool chat_import_end(struct chat_import *import, struct err *err);

#endif
