/* step: the listener behind the parser.
 *
 * The tokens kept and the message must say the same, because the tokens go back into the next
 * prompt: so a token is either taken by both or by neither. When a step has as many calls as one
 * step may have (TURN_CALLS_MAX) it ends right there, as if the model had asked for the results.
 */
#include "agent/step.h"

#include <string.h>

#include "base/mem.h"
#include "base/vec.h"
#include "chat/call_schema.h"

/* A C string holds the message's text: a NUL from the model becomes U+FFFD. */
static void append_text(struct str *out, const char *text, size_t length)
{
    while (length > 0) {
        const char *nul = memchr(text, '\0', length);
        size_t clean = nul == NULL ? length : (size_t)(nul - text);
        str_append_bytes(out, text, clean);
        if (nul != NULL) {
            str_append(out, "\xEF\xBF\xBD");
            clean++;
        }
        text += clean;
        length -= clean;
    }
}

/* Newlines wait for what follows them: the last ones, before the channel closes, are the format's
 * own. */
static void append_thought(struct step *step, const char *text, size_t length)
{
    size_t end = length;
    while (end > 0 && text[end - 1] == '\n') {
        end--;
    }
    if (end > 0) {
        for (; step->newlines > 0; step->newlines--) {
            str_append_char(&step->thought, '\n');
        }
        append_text(&step->thought, text, end);
    }
    step->newlines += length - end;
}

/* The message's text and thought are the strings that grow: looking at it copies nothing. */
static void lend(struct step *step)
{
    step->message.text = step->text.data;
    step->message.thought = step->thought.data;
}

static bool is_name(const char *name)
{
    size_t length =
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");
    return length > 0 && length <= 64 && name[length] == '\0';
}

/* `problem` NULL: the call can be run. A name that could not stand in a prompt is not kept. */
static void add_call(struct step *step, const char *name, json_t *arguments, const char *problem)
{
    size_t place = step->message.call_count;
    if (place == TURN_CALLS_MAX) {
        return;
    }
    struct str id;
    str_init(&id);
    str_append_format(&id, "c%u", step->options.next_call + (unsigned)place);
    json_t *kept = json_is_object(arguments) ? json_deep_copy(arguments) : json_object();
    chat_message_add_call(&step->message, id.data, is_name(name) ? name : "unknown", kept);
    step->problems[place] = problem != NULL ? mem_strdup(problem) : NULL;
    str_finish(&id);
    if (step->message.call_count == TURN_CALLS_MAX) {
        step->stop = CHAT_STOP_RESPONSE;
    }
}

static void list_tools(const json_t *tools, struct str *out)
{
    size_t i;
    json_t *declaration;
    json_array_foreach((json_t *)tools, i, declaration)
    {
        const json_t *function = json_object_get(declaration, "function");
        str_append(out, i > 0 ? ", " : "");
        str_append(out, json_string_value(json_object_get(function, "name")));
    }
}

static void on_call(struct step *step, const struct chat_parse_event *event)
{
    if (step->ending) {
        return; /* a call that was cut off with the stream was never asked for */
    }
    const char *name = event->name != NULL ? event->name : "";
    struct str problem;
    str_init(&problem);
    if (event->kind == CHAT_PARSE_CALL_ERROR) {
        str_append_bytes(&problem, event->text != NULL ? event->text : "", event->length);
        if (problem.length == 0) {
            str_append(&problem, "the call could not be read");
        }
    } else if (call_schema_find(step->options.tools, name) == NULL) {
        str_append_format(&problem, "there is no tool \"%.64s\"; the tools are ", name);
        list_tools(step->options.tools, &problem);
    }
    add_call(step, name, event->arguments, problem.length > 0 ? problem.data : NULL);
    str_finish(&problem);
    step->in_call = false;
}

static void on_parse(void *context, const struct chat_parse_event *event)
{
    struct step *step = context;
    switch (event->kind) {
    case CHAT_PARSE_TEXT:
        append_text(&step->text, event->text, event->length);
        step->options.text(step->options.context, event->text, event->length);
        break;
    case CHAT_PARSE_THOUGHT:
        append_thought(step, event->text, event->length);
        step->options.thought(step->options.context, event->text, event->length);
        break;
    case CHAT_PARSE_CALL_BEGIN:
        step->in_call = true;
        break;
    case CHAT_PARSE_CALL:
    case CHAT_PARSE_CALL_ERROR:
        on_call(step, event);
        break;
    case CHAT_PARSE_STOP:
        step->stop = event->stop;
        break;
    case CHAT_PARSE_CALL_BYTES:
    case CHAT_PARSE_WARNING:
        break;
    }
    step->bytes += event->length;
}

void step_begin(struct step *step, const struct step_options *options)
{
    memset(step, 0, sizeof *step);
    step->options = *options;
    chat_message_init(&step->message, CHAT_MODEL);
    step->message.complete = false;
    mem_free(step->message.text);
    mem_free(step->message.thought);
    str_init(&step->text);
    str_init(&step->thought);
    lend(step);
    repeat_init(&step->repeat);
    step->parser = chat_parser_create(&(struct chat_parser_options){
        .starts_in_thought = options->starts_in_thought,
        .lenient = true,
        .tools = options->tools,
        .event = on_parse,
        .context = step,
    });
}

void step_finish(struct step *step)
{
    chat_parser_destroy(step->parser);
    step->message.text = step->message.thought = NULL; /* lent */
    chat_message_finish(&step->message);
    str_finish(&step->text);
    str_finish(&step->thought);
    for (size_t i = 0; i < TURN_CALLS_MAX; i++) {
        mem_free(step->problems[i]);
    }
    memset(step, 0, sizeof *step);
}

/* For a token without an id: what tells it from others, so that a loop is noticed all the same. It
 * is not kept, because it is nobody's token (FNV-1a). */
static int32_t stand_in(enum control control, const char *bytes, size_t length)
{
    uint32_t hash = 2166136261u ^ (uint32_t)control;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)bytes[i]) * 16777619u;
    }
    return (int32_t)(hash & INT32_MAX);
}

bool step_token(struct step *step, int32_t id, enum control control, const char *bytes,
                size_t length)
{
    if (step->stop != CHAT_STOP_NONE) {
        return false;
    }
    if (id >= 0) {
        struct chat_message *message = &step->message;
        vec_room(&message->tokens, &step->token_capacity, message->token_count + 1,
                 sizeof *message->tokens);
        message->tokens[message->token_count++] = id;
    } else {
        id = stand_in(control, bytes, length);
    }
    if (control != CONTROL_NONE) {
        chat_parser_control(step->parser, control);
    } else {
        chat_parser_bytes(step->parser, bytes, length);
    }
    if (repeat_add(&step->repeat, id, step->in_call || step->options.structured) &&
        step->stop == CHAT_STOP_NONE) {
        step->stop = CHAT_STOP_LOOP;
    }
    return step->stop == CHAT_STOP_NONE || control_is_stop(control);
}

void step_end(struct step *step, enum chat_stop stop)
{
    if (step->stop == CHAT_STOP_NONE) {
        step->stop = stop;
    }
    enum chat_stop ended = step->stop;
    step->ending = true;
    if (chat_parser_stop(step->parser) == CHAT_STOP_NONE) {
        chat_parser_end(step->parser, ended);
    }
    step->stop = ended;
    step->message.complete =
        ended == CHAT_STOP_TURN || ended == CHAT_STOP_EOS || ended == CHAT_STOP_RESPONSE;
}

const struct chat_message *step_message(struct step *step)
{
    lend(step);
    return &step->message;
}
