/* declaration: a tool as the model is told of it.
 *
 * From OpenAI form ({"type": "function", "function": {name, description, parameters, response}}) to
 * declaration:name{...}. JSON Schema is wider than the format: bounds, patterns, defaults, unions
 * and enums of numbers are dropped without a trace, as the template does; put such facts into the
 * description.
 */
#ifndef CARAT_CHAT_DECLARATION_H
#define CARAT_CHAT_DECLARATION_H

#include <jansson.h>
#include <stdbool.h>

struct err;
struct prompt_writer;

/* Prints the tool between TOOL_OPEN and TOOL_CLOSE. Fails, with parts of it already written, on
 * what would give a malformed declaration: a name outside the alphabet (chat_value_is_name),
 * parameters without a type, a response that is no object, a schema nested too deeply. */
bool chat_declaration_print(struct prompt_writer *writer, const json_t *tool, struct err *err);

/* The same test without printing: for a tool that comes from elsewhere. */
bool chat_declaration_check(const json_t *tool, struct err *err);

#endif
