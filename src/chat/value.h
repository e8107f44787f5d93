/* value: a JSON value in the format's own notation.
 *
 * null, true, 12, 1.5, strings between QUOTE tokens with nothing escaped, [a,b], {key:value} with
 * the keys sorted. Numbers with a fraction are spelled as Python's repr does, because that is what
 * the template prints and the model has read.
 */
#ifndef CARAT_CHAT_VALUE_H
#define CARAT_CHAT_VALUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct prompt_writer;

/* Keys inside declarations always stand between QUOTE tokens; in calls and results they are bare
 * where they are names (chat_value_is_name), and quoted where not. */
enum chat_value_keys { CHAT_KEYS_BARE, CHAT_KEYS_QUOTED };

void chat_value_print(struct prompt_writer *writer, const json_t *value, enum chat_value_keys keys);

/* The members of an object as key:value,key:value, without its braces, keys bare. */
void chat_value_print_members(struct prompt_writer *writer, const json_t *object);

/* The object's keys sorted without regard to ASCII case, those that are equal so in their own
 * order: mem_free the array; the keys are the object's. */
const char **chat_value_sorted_keys(const json_t *object, size_t *count);

enum { CHAT_REAL_SIZE = 64 };

/* Python's repr of a finite number: "1.0", "1e-07", "1e+16". */
void chat_value_format_real(double number, char out[CHAT_REAL_SIZE]);

enum { CHAT_NAME_MAX = 128 };

/* A name that may stand bare: [A-Za-z_][A-Za-z0-9_.-]*, at most CHAT_NAME_MAX bytes. */
bool chat_value_is_name(const char *text, size_t length);

#endif
