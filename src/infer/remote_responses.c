#include "infer/remote_responses.h"

#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* Takes the delta over. */
static json_t *chunk_of(json_t *delta)
{
    return json_pack("{s[{so}]}", "choices", "delta", delta);
}

static json_t *piece(size_t place, const char *name, json_t *arguments)
{
    json_t *function = json_pack("{so*}", "arguments", arguments);
    if (name != NULL) {
        json_object_set_new(function, "name", json_string(name));
    }
    return chunk_of(
        json_pack("{s[{sIso}]}", "tool_calls", "index", (json_int_t)place, "function", function));
}

/* The call of an output item, numbered among the calls alone; past the last one the reader refuses
 * it. */
static size_t place_of(struct remote_responses *state, const json_t *event)
{
    json_int_t index = json_integer_value(json_object_get(event, "output_index"));
    size_t place = 0;
    while (place < state->call_count && state->calls[place].output_index != index) {
        place++;
    }
    if (place == state->call_count && place < REMOTE_RESPONSES_CALLS) {
        state->calls[place].output_index = index;
        state->calls[place].has_arguments = false;
        state->call_count++;
    }
    return place;
}

static bool is_call(const json_t *event)
{
    return strcmp(text_of(json_object_get(event, "item"), "type"), "function_call") == 0;
}

static json_t *call_begun(struct remote_responses *state, const json_t *event)
{
    const json_t *item = json_object_get(event, "item");
    return is_call(event) ? piece(place_of(state, event), text_of(item, "name"), json_string(""))
                          : NULL;
}

static json_t *call_goes_on(struct remote_responses *state, const json_t *event)
{
    size_t place = place_of(state, event);
    if (place < REMOTE_RESPONSES_CALLS) {
        state->calls[place].has_arguments = true;
    }
    return piece(place, NULL, json_incref(json_object_get(event, "delta")));
}

/* Some servers tell a call only when it is whole. */
static json_t *call_ended(struct remote_responses *state, const json_t *event)
{
    const json_t *item = json_object_get(event, "item");
    if (!is_call(event)) {
        return NULL;
    }
    size_t place = place_of(state, event);
    bool told = place < REMOTE_RESPONSES_CALLS && state->calls[place].has_arguments;
    return told ? NULL
                : piece(place, text_of(item, "name"),
                        json_incref(json_object_get(item, "arguments")));
}

static json_t *text_delta(struct remote_responses *state, const json_t *event)
{
    (void)state;
    return chunk_of(json_pack("{sO*}", "content", json_object_get(event, "delta")));
}

static json_t *thought_delta(struct remote_responses *state, const json_t *event)
{
    (void)state;
    return chunk_of(json_pack("{sO*}", "reasoning", json_object_get(event, "delta")));
}

static json_t *ended(const json_t *event, const char *finish)
{
    const json_t *usage = json_object_get(json_object_get(event, "response"), "usage");
    const json_t *cached =
        json_object_get(json_object_get(usage, "input_tokens_details"), "cached_tokens");
    json_t *chunk = json_pack("{s[{s{}ss}]}", "choices", "delta", "finish_reason", finish);
    if (json_is_object(usage)) {
        json_object_set_new(chunk, "usage",
                            json_pack("{sO*sO*s{sO*}}", "prompt_tokens",
                                      json_object_get(usage, "input_tokens"), "completion_tokens",
                                      json_object_get(usage, "output_tokens"),
                                      "prompt_tokens_details", "cached_tokens", cached));
    }
    return chunk;
}

static json_t *completed(struct remote_responses *state, const json_t *event)
{
    return ended(event, state->call_count > 0 ? "tool_calls" : "stop");
}

static json_t *incomplete(struct remote_responses *state, const json_t *event)
{
    const json_t *details =
        json_object_get(json_object_get(event, "response"), "incomplete_details");
    (void)state;
    return ended(event, strcmp(text_of(details, "reason"), "content_filter") == 0 ? "content_filter"
                                                                                  : "length");
}

static json_t *failed(struct remote_responses *state, const json_t *event)
{
    const json_t *error = json_object_get(json_object_get(event, "response"), "error");
    const json_t *own = json_object_get(event, "error");
    const char *message = text_of(json_is_object(error) ? error
                                  : json_is_object(own) ? own
                                                        : event,
                                  "message");
    (void)state;
    return json_pack("{s{ss}}", "error", "message", message[0] != '\0' ? message : "it failed");
}

json_t *remote_responses_chunk(struct remote_responses *state, const json_t *event)
{
    static const struct {
        const char *type;
        json_t *(*chunk)(struct remote_responses *state, const json_t *event);
    } kinds[] = {
        {"response.output_text.delta", text_delta},
        {"response.refusal.delta", text_delta},
        {"response.reasoning_text.delta", thought_delta},
        {"response.reasoning_summary_text.delta", thought_delta},
        {"response.output_item.added", call_begun},
        {"response.function_call_arguments.delta", call_goes_on},
        {"response.output_item.done", call_ended},
        {"response.completed", completed},
        {"response.incomplete", incomplete},
        {"response.failed", failed},
        {"error", failed},
    };
    const char *type = text_of(event, "type");
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].type, type) == 0) {
            return kinds[i].chunk(state, event);
        }
    }
    return json_is_object(json_object_get(event, "error")) ? failed(state, event) : NULL;
}
