/* mcp_shapes: what `carat mcp` says in the Model Context Protocol, as values.
 *
 * Pure: new references out. Two manners of the protocol: the handshake of 2025-11-25 (and its
 * elders, which differ in nothing that is used here) and the stateless one of 2026-07-28, whose
 * requests say version and capabilities in "_meta" and whose results have a "resultType".
 */
#ifndef CARAT_COMMAND_MCP_SHAPES_H
#define CARAT_COMMAND_MCP_SHAPES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/hash.h"

struct toolproc_result;

enum { MCP_SHAPES_UNSUPPORTED_VERSION = -32022 };

/* The version that a request states in its _meta; NULL = it states none. */
const char *mcp_shapes_version(const json_t *params);
bool mcp_shapes_version_known(const char *version);
bool mcp_shapes_is_stateless(const char *version);
/* The data of the error about one that is not. */
json_t *mcp_shapes_versions_error(const char *requested);
/* Whether these capabilities of a client let it be asked something (a form). */
bool mcp_shapes_elicits(const json_t *capabilities);
/* What a stateless request says its client can do. */
const json_t *mcp_shapes_capabilities(const json_t *params);

/* Results. */
json_t *mcp_shapes_initialized(const char *asked_version, const char *version);
json_t *mcp_shapes_discovered(const char *version);
/* All tools: carat's own (unless `bare`), then "carat" and "carat-reply". */
json_t *mcp_shapes_tools(bool bare);
/* A text that is a tool's result. */
json_t *mcp_shapes_said(const char *text, size_t length, bool failed);
json_t *mcp_shapes_tool_result(const struct toolproc_result *result);
json_t *mcp_shapes_turn_result(const char *thread, const char *text, bool failed);
/* Adds a text behind what a result says. */
void mcp_shapes_add_text(json_t *result, const char *text);
/* Adds what a stateless result has besides. */
void mcp_shapes_stamp(json_t *result, const char *version);

/* The question whether a call may run, as parameters of elicitation/create; `what`: the call in
 * words. */
json_t *mcp_shapes_question(const char *what);
/* What binds an answer to this very call, and to this run of carat (`secret`, a text). */
void mcp_shapes_state(const char *secret, const char *tool, const json_t *arguments,
                      char hex[HASH_HEX_SIZE]);
/* The same as a stateless result: the client asks and calls again with the answer. */
json_t *mcp_shapes_input_required(const char *what, const char *state);
enum mcp_shapes_answer { MCP_SHAPES_DENY, MCP_SHAPES_ONCE, MCP_SHAPES_SESSION };
/* Of elicitation/create (NULL: there was none). */
enum mcp_shapes_answer mcp_shapes_answer(const json_t *result);
/* The answer that a stateless call brings for `state`; NULL = none. */
const json_t *mcp_shapes_input(const json_t *params, const char *state);

#endif
