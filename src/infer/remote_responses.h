/* remote_responses: an event of OpenAI's responses stream as a chunk of a chat/completions stream,
 * so that one reader serves both. Pure.
 */
#ifndef CARAT_INFER_REMOTE_RESPONSES_H
#define CARAT_INFER_REMOTE_RESPONSES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { REMOTE_RESPONSES_CALLS = 64 };

/* Which calls have begun; zero it to begin. */
struct remote_responses {
    struct {
        json_int_t output_index;
        bool has_arguments;
    } calls[REMOTE_RESPONSES_CALLS];
    size_t call_count;
};

/* NULL when the event says nothing that chat/completions would. */
json_t *remote_responses_chunk(struct remote_responses *state, const json_t *event);

#endif
