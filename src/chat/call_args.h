/* call_args: the argument machine: the bytes between the braces of a call, as JSON.
 *
 * Strict: {key:value,...} without white space; strings stand between QUOTE tokens, nothing in them
 * is escaped; bare keys or quoted ones; numbers, true, false, null, objects, arrays. Lenient: the
 * mistakes that small models make are repaired, the mildest repair that gives arguments which fit
 * the schema wins (the order is a table in call_args.c). A string that is still open at the end is
 * never repaired: half a file or half a command is worse than another try.
 *
 * One pass a level, linear; depth, size and key length are limited.
 */
#ifndef CARAT_CHAT_CALL_ARGS_H
#define CARAT_CHAT_CALL_ARGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct err;

/* Stands for a QUOTE token in a body: a byte that no UTF-8 text holds. */
#define CALL_ARGS_QUOTE '\xFF'

enum { CALL_ARGS_MAX = 256 * 1024, CALL_ARGS_DEPTH = 32, CALL_ARGS_KEY_MAX = 128 };

struct call_args_options {
    bool lenient;
    bool cut;             /* another token than CALL_CLOSE ended the call */
    bool paren;           /* the body was opened by '(' */
    const json_t *schema; /* of the arguments; NULL = anything goes. Borrowed. */
};

/* What was tolerated, as a set of bits. */
enum call_args_note {
    CALL_ARGS_DUPLICATE_KEY = 1, /* the first one counts */
    CALL_ARGS_DROPPED = 2,       /* an argument that is not declared */
    CALL_ARGS_EXTRA_CLOSE = 4,   /* brackets after the end */
    CALL_ARGS_REPAIRED = 8,      /* the strict grammar did not take it */
};

/* Reads body[0..length): what follows the opening brace, closing brace included. *arguments is the
 * caller's, an object. The message of a failure begins with a word for the kind (truncated_args,
 * early_close, junk_after_args, bad_args, bad_arguments) and says what was expected where. */
bool call_args_parse(const char *body, size_t length, const struct call_args_options *options,
                     json_t **arguments, unsigned *notes, struct err *err);

#endif
