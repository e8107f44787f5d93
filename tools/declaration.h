/* declaration: what the tools take, from the one table that the model is shown too.
 *
 * prompts/tools.json is embedded in the program; here it becomes MCP's form, and arguments are
 * checked against it before a tool sees them. The schemas are flat by contract (docs: at most four
 * parameters, strings and integers), so this is no JSON Schema validator and is not to become one.
 */
#ifndef CARAT_TOOLS_DECLARATION_H
#define CARAT_TOOLS_DECLARATION_H

#include <jansson.h>
#include <stdbool.h>

struct err;
struct str;

/* The table, owned by the caller (json_decref); NULL with `err` when it cannot be read. */
json_t *declaration_table(struct err *err);

/* The row of one tool, borrowed from the table; NULL when there is none. */
const json_t *declaration_find(const json_t *table, const char *name);

/* {name, description, inputSchema, annotations: {readOnlyHint, destructiveHint}}, owned by the
 * caller. */
json_t *declaration_for_mcp(const json_t *declaration);

/* True when `arguments` (any JSON value, or NULL for none given) is an object with all required
 * keys, no unknown ones, and the declared types. Otherwise `problem` gets, appended, what was
 * received, what is expected and a valid example, for the model to read. */
bool declaration_check(const json_t *declaration, const json_t *arguments, struct str *problem);

#endif
