/* turn_json: one model turn, spelled as text, taken apart.
 *
 * For people who look at what a model wrote (`carat parse`) and for transcripts that were kept as
 * text: control tokens are recognised by their spelling, which a live stream never does.
 */
#ifndef CARAT_CHAT_TURN_JSON_H
#define CARAT_CHAT_TURN_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* A new object: {"thought": string, "text": string, "calls": [{"name", "arguments"}], "stop":
 * "turn" | "eos" | "response" | "loop" | "none" (the text ends without a stop token), "errors":
 * [one string for each call that cannot be run]}. What follows the stop token is not looked at. */
json_t *chat_turn_to_json(const char *text, size_t length, bool lenient);

#endif
