/* cli_json: the one shape of JSON that carat-engine reads, token ids, and texts in what it writes.
 *
 * Strict: an array of integers, or an object with exactly such an array under "ids" (its other
 * members are checked for form and skipped). Text, nesting beyond 32 levels and numbers that are no
 * id are errors that say where.
 */
#ifndef CARAT_CLI_JSON_H
#define CARAT_CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct str;

/* *ids: mem_free, also when *count is 0. */
bool cli_json_ids(const char *text, size_t length, int32_t **ids, size_t *count, struct err *err);

/* A JSON array of them on standard output. */
void cli_json_print_ids(const int32_t *ids, size_t count);

/* Appends `text` as JSON spells it. Bytes beyond ASCII stay as they are, what is no UTF-8 becomes
 * U+FFFD. */
void cli_json_append_text(struct str *out, const char *text);

#endif
