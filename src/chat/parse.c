/* The stream parser: a state, a table, and one handler for text in each state.
 *
 * Control tokens act by the table below: what to do, where to go, what to warn of. Text goes to the
 * state's own handler. Bytes are made whole characters first (complete), so that nothing depends on
 * where the stream was cut.
 *
 * A call is gathered raw, with one byte for each QUOTE token, and read as a whole when it ends
 * (call_args.c): then it becomes a CALL or a CALL_ERROR, never nothing. A call that a stop token
 * ended is accepted when its arguments are complete; one that the stream's end cut off never is.
 */
#include "chat/parse.h"

#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "chat/call_args.h"
#include "chat/call_schema.h"
#include "chat/value.h"

enum state {
    CONTENT,      /* visible text */
    CHANNEL_NAME, /* between CHANNEL_OPEN and the newline after "thought" */
    THOUGHT,      /* reasoning */
    CALL_NAME,    /* between CALL_OPEN and the opening brace */
    CALL_BODY,    /* the arguments, to the end of the call */
    CALL_BROKEN,  /* the rest of a call that cannot be read */
    AFTER_CALL,   /* another call, the stop, or text */
    DONE,
    STATE_COUNT,
};

/* What a control token is to the parser. */
enum token_class {
    TURN_END,
    EOS,
    RESPONSE,
    CHANNEL_O,
    CHANNEL_C,
    CALL_O,
    CALL_C,
    QUOTE,
    OTHER, /* tokens that a model never writes */
    CLASS_COUNT,
};

enum action {
    SKIP,         /* nothing but the warning */
    STOP,         /* the end, for the reason that the token gives */
    OPEN_CHANNEL, /* begin to read a channel's name */
    OPEN_CALL,    /* begin a call; ends a thought */
    CLOSE_CALL,   /* CALL_CLOSE: read what was gathered */
    CUT_CALL,     /* another token ends the call: read it, then look at the token again */
    ADD_QUOTE,    /* a QUOTE belongs to the call */
    BREAK_CALL,   /* a token that no call holds: the rest of the call is passed over */
};

struct transition {
    enum action action;
    enum state next;
    const char *warning; /* NULL = none */
};

/* Where an action is CUT_CALL, the token is looked at again in the state named there. */
static const struct transition transitions[STATE_COUNT][CLASS_COUNT] =
    {
        [CONTENT] =
            {
                [TURN_END] = {STOP, DONE, NULL},
                [EOS] = {STOP, DONE, NULL},
                [RESPONSE] = {STOP, DONE, NULL},
                [CHANNEL_O] = {OPEN_CHANNEL, CHANNEL_NAME, NULL},
                [CHANNEL_C] = {SKIP, CONTENT, "stray_close"},
                [CALL_O] = {OPEN_CALL, CALL_NAME, NULL},
                [CALL_C] = {SKIP, CONTENT, "stray_call_close"},
                [QUOTE] = {SKIP, CONTENT, "stray_quote"},
                [OTHER] = {SKIP, CONTENT, "stray_control"},
            },
        [CHANNEL_NAME] =
            {
                [TURN_END] = {STOP, DONE, "ended_in_thought"},
                [EOS] = {STOP, DONE, "ended_in_thought"},
                [RESPONSE] = {STOP, DONE, "ended_in_thought"},
                [CHANNEL_O] = {OPEN_CHANNEL, CHANNEL_NAME, "channel_again"},
                [CHANNEL_C] = {SKIP, CONTENT, NULL}, /* an empty channel */
                [CALL_O] = {OPEN_CALL, CALL_NAME, "implicit_close"},
                [CALL_C] = {SKIP, CHANNEL_NAME, "stray_call_close"},
                [QUOTE] = {SKIP, CHANNEL_NAME, "stray_quote"},
                [OTHER] = {SKIP, CHANNEL_NAME, "stray_control"},
            },
        [THOUGHT] =
            {
                [TURN_END] = {STOP, DONE, "ended_in_thought"},
                [EOS] = {STOP, DONE, "ended_in_thought"},
                [RESPONSE] = {STOP, DONE, "implicit_close"},
                [CHANNEL_O] = {SKIP, THOUGHT, "channel_again"},
                [CHANNEL_C] = {SKIP, CONTENT, NULL},
                [CALL_O] = {OPEN_CALL, CALL_NAME, "implicit_close"},
                [CALL_C] = {SKIP, THOUGHT, "stray_call_close"},
                [QUOTE] = {SKIP, THOUGHT, "stray_quote"},
                [OTHER] = {SKIP, THOUGHT, "stray_control"},
            },
        [CALL_NAME] =
            {
                [TURN_END] = {CUT_CALL, AFTER_CALL, NULL},
                [EOS] = {CUT_CALL, AFTER_CALL, NULL},
                [RESPONSE] = {CUT_CALL, AFTER_CALL, NULL},
                [CHANNEL_O] = {CUT_CALL, AFTER_CALL, NULL},
                [CHANNEL_C] = {CUT_CALL, CONTENT, NULL},
                [CALL_O] = {CUT_CALL, AFTER_CALL, NULL},
                [CALL_C] = {CLOSE_CALL, AFTER_CALL, NULL},
                [QUOTE] = {ADD_QUOTE, CALL_BROKEN, NULL},
                [OTHER] = {CUT_CALL, CONTENT, NULL},
            },
        [CALL_BODY] =
            {
                [TURN_END] = {CUT_CALL, AFTER_CALL, NULL},
                [EOS] = {CUT_CALL, AFTER_CALL, NULL},
                [RESPONSE] = {CUT_CALL, AFTER_CALL, NULL},
                [CHANNEL_O] = {CUT_CALL, AFTER_CALL, NULL},
                [CHANNEL_C] = {BREAK_CALL, CALL_BROKEN, NULL},
                [CALL_O] = {CUT_CALL, AFTER_CALL, NULL},
                [CALL_C] = {CLOSE_CALL, AFTER_CALL, NULL},
                [QUOTE] = {ADD_QUOTE, CALL_BODY, NULL},
                [OTHER] = {BREAK_CALL, CALL_BROKEN, NULL},
            },
        [CALL_BROKEN] =
            {
                [TURN_END] = {CUT_CALL, AFTER_CALL, NULL},
                [EOS] = {CUT_CALL, AFTER_CALL, NULL},
                [RESPONSE] = {CUT_CALL, AFTER_CALL, NULL},
                [CHANNEL_O] = {CUT_CALL, AFTER_CALL, NULL},
                [CHANNEL_C] = {SKIP, CALL_BROKEN, NULL},
                [CALL_O] = {CUT_CALL, AFTER_CALL, NULL},
                [CALL_C] = {CLOSE_CALL, AFTER_CALL, NULL},
                [QUOTE] = {ADD_QUOTE, CALL_BROKEN, NULL},
                [OTHER] = {SKIP, CALL_BROKEN, NULL},
            },
        [AFTER_CALL] =
            {
                [TURN_END] = {STOP, DONE, NULL},
                [EOS] = {STOP, DONE, NULL},
                [RESPONSE] = {STOP, DONE, NULL},
                [CHANNEL_O] = {OPEN_CHANNEL, CHANNEL_NAME, NULL},
                [CHANNEL_C] = {SKIP, AFTER_CALL, "stray_close"},
                [CALL_O] = {OPEN_CALL, CALL_NAME, NULL},
                [CALL_C] = {SKIP, AFTER_CALL, "stray_call_close"},
                [QUOTE] = {SKIP, AFTER_CALL, "stray_quote"},
                [OTHER] = {SKIP, AFTER_CALL, "stray_control"},
            },
        /* [DONE]: nothing is looked at any more. */
};

static const char channel_name[] = "thought\n";

enum {
    CHANNEL_OPENERS_MAX = 3, /* in a row: the model is in a loop */
    HEADER_MAX = CHAT_NAME_MAX + 16,
    EXCERPT_BYTES = 160,
};

struct chat_parser {
    struct chat_parser_options options;
    enum state state;
    enum chat_stop stop;
    char partial[4]; /* an unfinished character */
    size_t partial_length;
    struct str whole;   /* complete characters of the current piece */
    struct str channel; /* CHANNEL_NAME: what was read of the name */
    int openers;        /* CHANNEL_OPENs in a row */
    bool held_newline;  /* THOUGHT: a newline that may be the last one */
    int calls;          /* calls begun, in all */
    struct str call;    /* the raw call, from after CALL_OPEN */
    size_t body;        /* where its arguments begin, once the name is known */
    char name[CHAT_NAME_MAX + 1];
    bool paren;         /* the arguments stand in parentheses */
    const char *broken; /* CALL_BROKEN: why */
};

/* --- events --- */

static void emit(struct chat_parser *p, const struct chat_parse_event *event)
{
    if (p->options.event != NULL) {
        p->options.event(p->options.context, event);
    }
}

static void emit_text(struct chat_parser *p, enum chat_parse_event_kind kind, const char *text,
                      size_t length)
{
    if (length > 0) {
        struct chat_parse_event event = {
            .kind = kind, .text = text, .length = length, .name = p->name};
        emit(p, &event);
    }
}

static void warn(struct chat_parser *p, const char *warning)
{
    if (warning != NULL) {
        emit_text(p, CHAT_PARSE_WARNING, warning, strlen(warning));
    }
}

static void emit_stop(struct chat_parser *p, enum chat_stop stop)
{
    p->state = DONE;
    p->stop = stop;
    struct chat_parse_event event = {.kind = CHAT_PARSE_STOP, .stop = stop, .name = ""};
    emit(p, &event);
}

/* --- thoughts --- */

/* A thought's last newline belongs to its closer, so one newline is held back until more comes. */
static void think(struct chat_parser *p, const char *text, size_t length)
{
    if (length == 0) {
        return;
    }
    if (p->held_newline) {
        emit_text(p, CHAT_PARSE_THOUGHT, "\n", 1);
    }
    p->held_newline = text[length - 1] == '\n';
    emit_text(p, CHAT_PARSE_THOUGHT, text, length - p->held_newline);
}

static void open_channel(struct chat_parser *p)
{
    str_clear(&p->channel);
    p->openers++;
    if (p->openers == CHANNEL_OPENERS_MAX) {
        warn(p, "channel_loop");
        emit_stop(p, CHAT_STOP_LOOP);
    }
}

/* --- the end of a call --- */

/* The first bytes of the raw call, as a person would write it. */
static void append_excerpt(struct str *out, const struct str *call)
{
    size_t length = call->length < EXCERPT_BYTES ? call->length : EXCERPT_BYTES;
    size_t start = out->length;
    for (size_t i = 0; i < length; i++) {
        char c = call->data[i];
        str_append_char(out, c == CALL_ARGS_QUOTE ? '"' : c);
    }
    str_truncate(out, start + utf8_complete_length(out->data + start, length));
    str_append(out, length < call->length ? "..." : "");
}

static void append_tool_names(struct str *out, const json_t *tools)
{
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *function = json_object_get(json_array_get(tools, i), "function");
        const char *name = json_string_value(json_object_get(function, "name"));
        str_append_format(out, "%s%s", i > 0 ? ", " : "", name == NULL ? "" : name);
    }
}

/* What was received, what is expected, a valid example: the model reads this and tries again. */
static void report_bad_call(struct chat_parser *p, const char *reason)
{
    const json_t *tools = p->options.tools;
    const json_t *function = call_schema_find(tools, p->name);
    struct str text;
    str_init(&text);
    str_append_format(&text, "%s. Received: ", reason);
    append_excerpt(&text, &p->call);
    str_append(&text, ". Expected: ");
    if (function != NULL) {
        call_schema_describe(&text, function);
    } else if (json_array_size(tools) > 0) {
        str_append(&text, "a call of one of ");
        append_tool_names(&text, tools);
    } else {
        str_append(&text, "call:name{argument:value,...}");
    }
    str_append(&text, ". Example: ");
    if (function == NULL) {
        function = json_object_get(json_array_get(tools, 0), "function");
    }
    if (function != NULL) {
        call_schema_example(&text, function);
    } else {
        str_append(&text, "call:read_file{path:\"notes.txt\"}");
    }
    struct chat_parse_event event = {
        .kind = CHAT_PARSE_CALL_ERROR, .text = text.data, .length = text.length, .name = p->name};
    emit(p, &event);
    str_finish(&text);
}

static void warn_of_notes(struct chat_parser *p, unsigned notes)
{
    static const struct {
        enum call_args_note note;
        const char *warning;
    } rows[] = {
        {CALL_ARGS_DUPLICATE_KEY, "duplicate_key"},
        {CALL_ARGS_DROPPED, "dropped_argument"},
        {CALL_ARGS_EXTRA_CLOSE, "extra_close"},
        {CALL_ARGS_REPAIRED, "repaired"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        warn(p, notes & rows[i].note ? rows[i].warning : NULL);
    }
}

/* A call whose name and opening brace are there. */
static void finish_body(struct chat_parser *p, bool cut)
{
    const json_t *function = call_schema_find(p->options.tools, p->name);
    struct call_args_options options = {
        .lenient = p->options.lenient,
        .cut = cut,
        .paren = p->paren,
        .schema = json_object_get(function, "parameters"),
    };
    json_t *arguments;
    unsigned notes;
    struct err err;
    if (p->options.tools != NULL && function == NULL) {
        report_bad_call(p, "unknown_tool: there is no tool of that name");
        return;
    }
    if (!call_args_parse(p->call.data + p->body, p->call.length - p->body, &options, &arguments,
                         &notes, &err)) {
        report_bad_call(p, err.text);
        return;
    }
    warn_of_notes(p, notes);
    warn(p, cut ? "missing_close" : NULL);
    struct chat_parse_event event = {
        .kind = CHAT_PARSE_CALL, .name = p->name, .arguments = arguments};
    emit(p, &event);
    json_decref(arguments);
}

static bool read_header(struct chat_parser *p, char brace);

/* A call that ended before its brace: a declared tool's name alone is a call without arguments. */
static void finish_header(struct chat_parser *p, bool cut)
{
    if (p->options.lenient && !cut && read_header(p, '{') &&
        call_schema_find(p->options.tools, p->name) != NULL) {
        str_append(&p->call, "{}");
        p->body = p->call.length - 1;
        warn(p, "missing_arguments");
        finish_body(p, false);
        return;
    }
    p->name[0] = '\0';
    report_bad_call(p, cut ? "truncated_args: the call ends in its name"
                           : "bad_header: the call has no arguments in braces");
}

static void finish_call(struct chat_parser *p, bool cut)
{
    if (p->state == CALL_BODY) {
        finish_body(p, cut);
    } else if (p->state == CALL_NAME) {
        finish_header(p, cut);
    } else {
        report_bad_call(p, p->broken);
    }
    str_clear(&p->call);
    p->name[0] = '\0';
}

/* --- the header of a call: call:name{ --- */

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* Reads the name out of what was gathered before `brace`. In lenient mode blanks, a bare name, a
 * bare ":name" and '(' will do. */
static bool read_header(struct chat_parser *p, char brace)
{
    const char *at = p->call.data;
    bool lenient = p->options.lenient, bare = true;
    at = lenient ? skip_blanks(at) : at;
    if (str_starts_with(at, "call")) {
        const char *colon = lenient ? skip_blanks(at + 4) : at + 4;
        bare = *colon != ':';
        at = bare ? at : colon + 1;
    } else if (*at == ':') {
        at++;
    }
    at = lenient ? skip_blanks(at) : at;
    size_t length = strcspn(at, " \t\r\n");
    const char *rest = lenient ? skip_blanks(at + length) : at + length;
    if ((bare || brace == '(') && !lenient) {
        return false;
    }
    if (!chat_value_is_name(at, length) || *rest != '\0') {
        return false;
    }
    memcpy(p->name, at, length);
    p->name[length] = '\0';
    warn(p, bare ? "bare_opener" : NULL);
    warn(p, brace == '(' ? "paren_call" : NULL);
    return true;
}

static void begin_call(struct chat_parser *p)
{
    str_clear(&p->call);
    p->name[0] = '\0';
    p->body = 0;
    p->paren = false;
    p->calls++;
}

static void break_call(struct chat_parser *p, const char *why)
{
    p->broken = why;
    p->state = CALL_BROKEN;
}

static void open_body(struct chat_parser *p, char brace)
{
    bool known = read_header(p, brace);
    str_append_char(&p->call, brace);
    if (!known) {
        break_call(p, "bad_header: a call begins with call:name{");
        return;
    }
    p->body = p->call.length;
    p->paren = brace == '(';
    p->state = CALL_BODY;
    struct chat_parse_event event = {.kind = CHAT_PARSE_CALL_BEGIN, .name = p->name};
    emit(p, &event);
}

/* --- text, by state: each consumes at least one byte --- */

static size_t content_text(struct chat_parser *p, const char *text, size_t length)
{
    emit_text(p, CHAT_PARSE_TEXT, text, length);
    return length;
}

static size_t channel_text(struct chat_parser *p, const char *text, size_t length)
{
    size_t read = p->channel.length;
    if (text[0] != channel_name[read]) {
        /* Another name: all of it is reasoning. */
        warn(p, "channel_name");
        p->state = THOUGHT;
        think(p, p->channel.data, read);
        think(p, text, length);
        return length;
    }
    str_append_char(&p->channel, text[0]);
    if (read + 1 == sizeof channel_name - 1) {
        p->state = THOUGHT;
    }
    return 1;
}

static size_t thought_text(struct chat_parser *p, const char *text, size_t length)
{
    think(p, text, length);
    return length;
}

static size_t name_text(struct chat_parser *p, const char *text, size_t length)
{
    size_t plain = strcspn(text, "{([})]"); /* text ends in a NUL, and holds no other */
    plain = plain < length ? plain : length;
    size_t room = HEADER_MAX - p->call.length;
    if (plain > room) {
        str_append_bytes(&p->call, text, room + 1);
        break_call(p, "bad_header: the name of a call is too long");
        return room + 1;
    }
    str_append_bytes(&p->call, text, plain);
    if (plain == length) {
        return plain;
    }
    if (text[plain] == '{' || text[plain] == '(') {
        open_body(p, text[plain]);
    } else {
        str_append_char(&p->call, text[plain]);
        break_call(p, "bad_header: a call begins with call:name{");
    }
    return plain + 1;
}

/* The raw call may hold as much as its arguments may; more breaks it. */
static size_t body_text(struct chat_parser *p, const char *text, size_t length)
{
    size_t room = p->body + CALL_ARGS_MAX - p->call.length;
    size_t taken = length < room ? length : room;
    str_append_bytes(&p->call, text, taken);
    emit_text(p, CHAT_PARSE_CALL_BYTES, text, taken);
    if (taken < length) {
        break_call(p, "bad_args: the arguments are too long, at most 262144 bytes are allowed");
    }
    return length;
}

/* Only the excerpt of a report needs the rest of a broken call. */
static size_t broken_text(struct chat_parser *p, const char *text, size_t length)
{
    if (p->call.length <= EXCERPT_BYTES) {
        str_append_bytes(&p->call, text, length <= EXCERPT_BYTES ? length : EXCERPT_BYTES + 1);
    }
    return length;
}

static size_t after_call_text(struct chat_parser *p, const char *text, size_t length)
{
    size_t blanks = strspn(text, " \t\r\n");
    if (blanks < length) {
        warn(p, "text_after_call");
        p->state = CONTENT;
        emit_text(p, CHAT_PARSE_TEXT, text + blanks, length - blanks);
    }
    return length;
}

static size_t ignore_text(struct chat_parser *p, const char *text, size_t length)
{
    (void)p;
    (void)text;
    return length;
}

static void take_text(struct chat_parser *p, const char *text, size_t length)
{
    static size_t (*const handlers[STATE_COUNT])(struct chat_parser *, const char *, size_t) = {
        [CONTENT] = content_text,       [CHANNEL_NAME] = channel_text, [THOUGHT] = thought_text,
        [CALL_NAME] = name_text,        [CALL_BODY] = body_text,       [CALL_BROKEN] = broken_text,
        [AFTER_CALL] = after_call_text, [DONE] = ignore_text,
    };
    while (length > 0) {
        size_t used = handlers[p->state](p, text, length);
        text += used;
        length -= used;
    }
}

/* --- bytes to whole characters --- */

static void flush_whole(struct chat_parser *p)
{
    take_text(p, p->whole.data, p->whole.length);
    str_clear(&p->whole);
}

/* Appends the characters that are complete to `whole` and keeps the rest. NUL becomes U+FFFD too:
 * it would end a string for whoever reads it as one of C. */
static void complete(struct chat_parser *p, const char *bytes, size_t length, bool last)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    while (length > 0) {
        size_t used;
        uint32_t c = utf8_decode(bytes, length, &used);
        if (c == UTF8_INCOMPLETE && !last) {
            memcpy(p->partial, bytes, length);
            p->partial_length = length;
            return;
        }
        if (c == 0 || c >= UTF8_INCOMPLETE) {
            flush_whole(p);
            warn(p, "invalid_utf8");
            str_append(&p->whole, replacement);
        } else {
            str_append_bytes(&p->whole, bytes, used);
        }
        bytes += used;
        length -= used;
    }
}

static void flush_partial(struct chat_parser *p)
{
    char bytes[sizeof p->partial];
    size_t length = p->partial_length;
    memcpy(bytes, p->partial, length);
    p->partial_length = 0;
    complete(p, bytes, length, true);
    flush_whole(p);
}

void chat_parser_bytes(struct chat_parser *parser, const char *bytes, size_t length)
{
    if (parser->state == DONE) {
        return;
    }
    /* The unfinished character is completed byte by byte: it is known after at most three. */
    while (parser->partial_length > 0 && length > 0) {
        char joined[sizeof parser->partial];
        size_t size = parser->partial_length;
        memcpy(joined, parser->partial, size);
        joined[size] = *bytes++;
        length--;
        parser->partial_length = 0;
        complete(parser, joined, size + 1, false);
    }
    complete(parser, bytes, length, false);
    flush_whole(parser);
}

/* --- control tokens --- */

static enum token_class class_of(enum control control)
{
    switch (control) {
    case CONTROL_TURN_CLOSE:
        return TURN_END;
    case CONTROL_EOS:
        return EOS;
    case CONTROL_RESPONSE_OPEN:
        return RESPONSE;
    case CONTROL_CHANNEL_OPEN:
        return CHANNEL_O;
    case CONTROL_CHANNEL_CLOSE:
        return CHANNEL_C;
    case CONTROL_CALL_OPEN:
        return CALL_O;
    case CONTROL_CALL_CLOSE:
        return CALL_C;
    case CONTROL_QUOTE:
        return QUOTE;
    default:
        return OTHER;
    }
}

static void add_quote(struct chat_parser *p)
{
    const char quote = CALL_ARGS_QUOTE;
    if (p->state == CALL_NAME) {
        p->broken = "bad_header: a call begins with call:name{";
    }
    if (p->state == CALL_BODY && p->call.length - p->body == CALL_ARGS_MAX) {
        body_text(p, &quote, 1); /* one too many: breaks the call */
    } else if (p->state != CALL_BROKEN || p->call.length <= EXCERPT_BYTES) {
        str_append_char(&p->call, quote);
    }
    if (p->state == CALL_BODY) {
        emit_text(p, CHAT_PARSE_CALL_BYTES, "\"", 1);
    }
}

static void stop_at(struct chat_parser *p, enum token_class class)
{
    warn(p, class == RESPONSE && p->calls == 0 ? "resp_without_call" : NULL);
    emit_stop(p, class == TURN_END ? CHAT_STOP_TURN
                 : class == EOS    ? CHAT_STOP_EOS
                                   : CHAT_STOP_RESPONSE);
}

/* Returns true when the token is to be looked at again. */
static bool act(struct chat_parser *p, enum token_class class)
{
    const struct transition *transition = &transitions[p->state][class];
    enum state before = p->state;
    warn(p, transition->warning);
    switch (transition->action) {
    case SKIP:
        break;
    case STOP:
        stop_at(p, class);
        break;
    case OPEN_CHANNEL:
        open_channel(p);
        break;
    case OPEN_CALL:
        begin_call(p);
        break;
    case CLOSE_CALL:
    case CUT_CALL:
        finish_call(p, transition->action == CUT_CALL);
        break;
    case ADD_QUOTE:
        add_quote(p);
        break;
    case BREAK_CALL:
        break_call(p, "bad_args: there is a control token inside the arguments");
        break;
    }
    /* An action may have gone elsewhere itself: a loop that ends the stream, a call that breaks. */
    p->state = p->state == before ? transition->next : p->state;
    p->held_newline = p->held_newline && p->state == THOUGHT;
    return transition->action == CUT_CALL;
}

void chat_parser_control(struct chat_parser *parser, enum control control)
{
    if (parser->state == DONE) {
        return;
    }
    flush_partial(parser);
    if (control != CONTROL_CHANNEL_OPEN) {
        parser->openers = 0;
    }
    while (parser->state != DONE && act(parser, class_of(control))) {
        /* At most once: no state that a cut call leads to cuts a call. */
    }
}

void chat_parser_end(struct chat_parser *parser, enum chat_stop stop)
{
    if (parser->state == DONE) {
        return;
    }
    flush_partial(parser);
    if (parser->state == CALL_NAME || parser->state == CALL_BODY || parser->state == CALL_BROKEN) {
        if (parser->state != CALL_BROKEN) {
            break_call(parser, "truncated_args: the stream ended inside the call");
        }
        finish_call(parser, true);
    }
    emit_stop(parser, stop);
}

enum chat_stop chat_parser_stop(const struct chat_parser *parser)
{
    return parser->stop;
}

/* --- life --- */

struct chat_parser *chat_parser_create(const struct chat_parser_options *options)
{
    struct chat_parser *parser = mem_zero(1, sizeof *parser);
    parser->options = *options;
    parser->state = options->starts_in_thought ? THOUGHT : CONTENT;
    str_init(&parser->whole);
    str_init(&parser->channel);
    str_init(&parser->call);
    return parser;
}

void chat_parser_destroy(struct chat_parser *parser)
{
    if (parser != NULL) {
        str_finish(&parser->whole);
        str_finish(&parser->channel);
        str_finish(&parser->call);
        mem_free(parser);
    }
}
