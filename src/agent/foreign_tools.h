/* foreign_tools: what a foreign server says of its tools, made fit for a prompt or refused.
 *
 * Nothing of it is passed on as it came. The name becomes mcp__SERVER__TOOL from a small alphabet,
 * so that it can shadow nothing of ours; the schema is built anew from the few words that the
 * prompt's format has, within limits of depth, size and number; texts are cut, put on one line, and
 * every character that hides or reorders others is spelled out. Annotations are not read at all.
 * Pure.
 */
#ifndef CARAT_AGENT_FOREIGN_TOOLS_H
#define CARAT_AGENT_FOREIGN_TOOLS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct err;

enum {
    FOREIGN_NAME_MAX = 64,
    FOREIGN_TOOLS_MAX = 64,         /* of one server */
    FOREIGN_DECLARATION_MAX = 4096, /* bytes of one tool */
    FOREIGN_BUDGET = 24 * 1024,     /* bytes of all foreign declarations of a prompt */
    FOREIGN_DESCRIPTION_MAX = 400,  /* bytes of a tool's description; half for an argument's */
    FOREIGN_DEPTH_MAX = 5,
    FOREIGN_MEMBERS_MAX = 24
};

/* The declaration in OpenAI form, a new reference; NULL with the reason. `tool` is one item of the
 * server's tools/list. Where an argument that is not required had to be left out, `err` says so
 * beside the declaration. */
json_t *foreign_tools_declare(const char *server, const json_t *tool, struct err *err);

/* The name in a declaration; a view. */
const char *foreign_tools_name(const json_t *declaration);

/* What its server calls it: a '.' in it is a '_' in ours. A view. */
const char *foreign_tools_original(const json_t *declaration);
/* The declaration as the prompt has it, a new reference: without what is for us alone. */
json_t *foreign_tools_for_prompt(const json_t *declaration);

/* The one of that name in a list; a view, NULL when there is none. */
json_t *foreign_tools_find(const json_t *declarations, const char *name);

/* The list by name; a new reference. */
json_t *foreign_tools_sorted(const json_t *declarations);

/* A result of tools/call as the object for the model: its text blocks, else its structured content,
 * at most `limit` bytes with the whole in a member beside; the picture
 * that goes with it (result_picture.h) is named, and what cannot be shown is said. */
json_t *foreign_tools_result(const json_t *result, size_t limit, bool *failed);

#endif
