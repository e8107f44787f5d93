/* event_lines: what happens in a turn as JSON lines, whatever their form.
 *
 * One interface, several forms, each after a program whose output people already have readers for:
 * codex_events, claude_events, gemini_events. A form is pure: agent events in, lines out through
 * `write`; the clock and the maker of ids are handed in. `struct event_lines` stands first in the
 * form's own struct. Here too: what the forms have in common.
 */
#ifndef CARAT_EVENTS_EVENT_LINES_H
#define CARAT_EVENTS_EVENT_LINES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/agent.h"

struct event_lines;

enum { EVENT_LINES_ID_SIZE = 37 };

/* Views: they live as long as the lines. */
struct event_lines_options {
    void (*write)(void *context, const char *line, size_t length); /* without its newline */
    void *context;
    int64_t (*wall_ms)(void);
    void (*make_id)(char out[EVENT_LINES_ID_SIZE]); /* a fresh UUID */
    const char *workspace;
    const char *model; /* as the user named it, until the model itself is there */
    enum approval_mode mode;
    /* What the model is told of, OpenAI form; NULL = nothing. False: it is not known yet. */
    bool (*tools)(void *context, const json_t **tools);
    json_t *(*servers)(void *context); /* [{"name", "status"}], a new reference */
    bool partial_messages;             /* text as it arrives, where the form leaves that open */
    bool result_only;                  /* nothing but the last object, where the form has one */
};

struct event_lines_ops {
    void (*feed)(struct event_lines *lines, const struct agent_event *event, const char *id);
    void (*error)(struct event_lines *lines, const char *message);
    void (*destroy)(struct event_lines *lines);
};

struct event_lines {
    const struct event_lines_ops *ops;
    struct event_lines_options options;
    /* --schema, set before AGENT_TURN_ENDED is fed; both NULL: free text. */
    const json_t *structured; /* the answer as a value */
    const char *misfit;       /* why it is none */
};

/* `id`: the conversation's; needed from AGENT_USER on. */
void event_lines_feed(struct event_lines *lines, const struct agent_event *event, const char *id);
/* What became of the schema in the turn that is about to end. Views, until the end was fed. */
void event_lines_set_structured(struct event_lines *lines, const json_t *value, const char *misfit);
/* A failure outside any turn. */
void event_lines_error(struct event_lines *lines, const char *message);
void event_lines_destroy(struct event_lines *lines); /* NULL is fine */

/* --- for the forms --- */

/* Writes one line; the reference is taken over. */
void event_lines_put(struct event_lines *lines, json_t *object);
/* The turn gave what was asked for: it ended well, and its answer is of the schema if there is one.
 */
bool event_lines_turn_succeeded(const struct event_lines *lines, const struct agent_event *event);
/* Why it did not; `failure` is what the form was told before, or NULL. */
const char *event_lines_why(const struct event_lines *lines, const struct agent_event *event,
                            const char *failure);
/* A string, with what is not UTF-8 replaced; NULL is "". */
json_t *event_lines_text(const char *text);
/* What a tool said, as text: the member "output" of its result, or else the whole result. */
json_t *event_lines_output(const json_t *result);
/* AGENT_CALL_FINISHED: it failed, was denied, or a command ended with another code than 0. */
bool event_lines_call_failed(const struct agent_event *event);

#endif
