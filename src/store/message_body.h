/* message_body: a message as columns of a row, and back.
 *
 * text and thought are columns of their own (a search index may read them); what few messages have
 * (parts, calls, what a tool message answers) is one JSON text. Strings in it that are not UTF-8,
 * which JSON cannot hold, are spelled {"hex": "..."}: nothing is refused for its bytes, and nothing
 * comes back changed.
 */
#ifndef CARAT_STORE_MESSAGE_BODY_H
#define CARAT_STORE_MESSAGE_BODY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct chat_message;
struct err;

/* Deeper JSON could be written but not read again. */
enum { MESSAGE_BODY_DEPTH_LIMIT = 1000 };

/* JSON as text on one line, keys in their order: mem_free. ERR_LIMIT when nested too deep,
 * ERR_FORMAT when it holds what JSON cannot. */
bool message_body_write_json(const json_t *value, char **text, struct err *err);
/* One reference for the caller. */
bool message_body_read_json(const char *text, size_t length, json_t **value, struct err *err);

/* *details: NULL when the message has none, else mem_free. */
bool message_body_write_details(const struct chat_message *message, char **details,
                                struct err *err);
/* Fills the fields that details hold into an initialised message. */
bool message_body_read_details(const char *details, size_t length, struct chat_message *message,
                               struct err *err);

/* Token ids as little-endian bytes: mem_free. */
unsigned char *message_body_write_tokens(const struct chat_message *message, size_t *length);
bool message_body_read_tokens(const unsigned char *bytes, size_t length,
                              struct chat_message *message, struct err *err);

#endif
