/* json_scan: a member of an object in a line that no parser of JSON takes.
 *
 * For who must say to which question an answer, or a refusal, belongs: a text with half a
 * surrogate, a byte that is no UTF-8, a NUL or a number that is too large makes a parser drop the
 * whole line. Strings are passed over up to their closing quote, whatever is in them. Pure.
 */
#ifndef CARAT_BASE_JSON_SCAN_H
#define CARAT_BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* The text of the value that stands under `key` in the outermost object, as a view. False when
 * there is none, and when there are several. */
bool json_scan_member(const char *line, size_t length, const char *key, const char **value,
                      size_t *value_length);

#endif
