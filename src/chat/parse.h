/* parse: what the model writes, token by token, as text, thought, calls and an end.
 *
 * Works on token classes, not on spellings: a control token arrives as its name, everything else as
 * bytes, in pieces of any size. Emits only whole characters; an unfinished UTF-8 sequence at a
 * border becomes U+FFFD with a warning. The states and their transitions are a table at the top of
 * parse.c. Every loop consumes input or ends. Not thread-safe.
 */
#ifndef CARAT_CHAT_PARSE_H
#define CARAT_CHAT_PARSE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "chat/control.h"

struct chat_parser;

enum chat_stop {
    CHAT_STOP_NONE, /* not at the end yet */
    CHAT_STOP_TURN, /* <turn|> */
    CHAT_STOP_EOS,
    CHAT_STOP_RESPONSE, /* <|tool_response>: the calls wait for their results */
    CHAT_STOP_LENGTH,   /* a limit on tokens; chat_parser_end */
    CHAT_STOP_CANCEL,   /* interrupted; chat_parser_end */
    CHAT_STOP_LOOP,     /* the model repeats itself */
};

enum chat_parse_event_kind {
    CHAT_PARSE_TEXT,       /* bytes of the answer */
    CHAT_PARSE_THOUGHT,    /* bytes of the thought */
    CHAT_PARSE_CALL_BEGIN, /* name is known */
    CHAT_PARSE_CALL_BYTES, /* raw argument bytes so far, for a live preview */
    CHAT_PARSE_CALL,       /* a complete call: name, arguments */
    CHAT_PARSE_CALL_ERROR, /* a call that cannot be run: name (maybe ""), text says why */
    CHAT_PARSE_WARNING,    /* text names an oddity that was tolerated ("stray_close") */
    CHAT_PARSE_STOP,       /* stop */
};

struct chat_parse_event {
    enum chat_parse_event_kind kind;
    const char *text; /* views, valid during the callback */
    size_t length;
    const char *name;
    json_t *arguments; /* borrowed: json_incref to keep */
    enum chat_stop stop;
};

struct chat_parser_options {
    bool starts_in_thought; /* the prompt ended inside an open thought channel */
    bool lenient;           /* repair argument mistakes; false = strict grammar only */
    const json_t
        *tools; /* declarations in OpenAI form (names, schemas for coercion), or NULL; borrowed */
    void (*event)(void *context, const struct chat_parse_event *event);
    void *context;
};

struct chat_parser *chat_parser_create(const struct chat_parser_options *options);
void chat_parser_destroy(struct chat_parser *parser);

/* One control token. */
void chat_parser_control(struct chat_parser *parser, enum control control);
/* Bytes of ordinary tokens. */
void chat_parser_bytes(struct chat_parser *parser, const char *bytes, size_t length);
/* The stream ends without a stop token. A call that is still open is never run: CALL_ERROR. */
void chat_parser_end(struct chat_parser *parser, enum chat_stop stop);
enum chat_stop chat_parser_stop(const struct chat_parser *parser);

#endif
