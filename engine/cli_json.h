/* cli_json: the one shape of JSON that carat-engine reads: token ids.
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

/* *ids: mem_free, also when *count is 0. */
bool cli_json_ids(const char *text, size_t length, int32_t **ids, size_t *count, struct err *err);

#endif
