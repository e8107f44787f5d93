#include "serve/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "chat/parse.h"
#include "chat/schema_bounds.h"
#include "serve/http.h"

void answer_make_id(char id[25])
{
    static uint32_t counter; /* keeps ids apart even where there is no chance to be had */
    unsigned char bytes[8] = {0};
    if (getrandom(bytes, sizeof bytes, 0) < 0) {
        memset(bytes, 0, sizeof bytes);
    }
    for (int i = 0; i < 8; i++) {
        snprintf(id + 2 * i, 3, "%02x", bytes[i]);
    }
    snprintf(id + 16, 9, "%08x", ++counter);
}

/* --- sending --- */

static void send_bytes(struct answer *answer, const char *bytes, size_t length)
{
    if (answer->options.exchange != NULL) {
        http_stream_write(answer->options.exchange, bytes, length);
    }
}

void answer_send(struct answer *answer, const char *name, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);
    struct str line;
    str_init(&line);
    if (answer->options.dialect->events) {
        if (name != NULL) {
            str_append_format(&line, "event: %s\n", name);
        }
        str_append(&line, "data: ");
    }
    str_append(&line, text != NULL ? text : "{}");
    str_append(&line, answer->options.dialect->events ? "\n\n" : "\n");
    send_bytes(answer, line.data, line.length);
    str_finish(&line);
    free(text);
    json_decref(object);
}

void answer_send_word(struct answer *answer, const char *word)
{
    struct str line;
    str_init(&line);
    str_append_format(&line, "data: %s\n\n", word);
    send_bytes(answer, line.data, line.length);
    str_finish(&line);
}

static void begin(struct answer *answer)
{
    if (!answer->task.stream || answer->begun || answer->options.exchange == NULL) {
        return;
    }
    answer->begun = true;
    http_stream_begin(answer->options.exchange, 200, answer->options.dialect->stream_type);
    answer->options.dialect->begin(answer);
}

/* The client may have gone while its last pieces were written. */
static void end_stream(struct answer *answer)
{
    if (answer->options.exchange != NULL) {
        http_stream_end(answer->options.exchange);
    }
}

/* --- what the model says --- */

/* The rest is not wanted: the model stops, and what it still says is not heard. */
static void stop_model(struct answer *answer)
{
    answer->enough = true;
    infer_pool_cancel(answer->options.pool, answer->options.number);
}

static void pass_text(struct answer *answer, const char *text, size_t length)
{
    if (length == 0) {
        return;
    }
    str_append_bytes(&answer->text, text, length);
    if (answer->begun) {
        answer->options.dialect->text(answer, text, length);
    }
    json_array_clear(answer->logprobs);
}

static void on_text(struct answer *answer, const char *text, size_t length)
{
    struct str certain;
    str_init(&certain);
    json_array_extend(answer->logprobs, answer->unsure_logprobs);
    json_array_extend(answer->all_logprobs, answer->unsure_logprobs);
    bool more = stop_text_feed(&answer->task.stop, text, length, &certain);
    pass_text(answer, certain.data, certain.length);
    str_finish(&certain);
    if (!more) {
        stop_model(answer);
    }
}

static void on_call(struct answer *answer, const struct chat_parse_event *event)
{
    char id[25];
    vec_room(&answer->calls, &answer->call_capacity, answer->call_count + 1, sizeof *answer->calls);
    struct answer_call *call = &answer->calls[answer->call_count++];
    answer_make_id(id);
    *call = (struct answer_call){.name = mem_strdup(event->name),
                                 .arguments = json_incref(event->arguments),
                                 .text = json_dumps(event->arguments, JSON_COMPACT)};
    snprintf(call->id, sizeof call->id, "call_%s", id);
    if (answer->begun) {
        answer->options.dialect->call(answer, call, answer->call_count - 1);
    }
    if (answer->task.one_call) {
        stop_model(answer);
    }
}

static void on_parse(void *context, const struct chat_parse_event *event)
{
    struct answer *answer = context;
    if (answer->enough) {
        return;
    }
    switch (event->kind) {
    case CHAT_PARSE_TEXT:
        on_text(answer, event->text, event->length);
        break;
    case CHAT_PARSE_THOUGHT:
        str_append_bytes(&answer->thought, event->text, event->length);
        if (answer->begun) {
            answer->options.dialect->thought(answer, event->text, event->length);
        }
        break;
    case CHAT_PARSE_CALL:
        on_call(answer, event);
        break;
    default:
        return;
    }
    json_array_clear(answer->unsure_logprobs);
}

/* {token, logprob, bytes}: a token may be a part of a character, so its bytes stand beside it. */
static json_t *logprob_entry(const struct answer *answer, int32_t id, float logprob)
{
    size_t length;
    struct str text;
    const char *bytes = infer_pool_token(answer->options.pool, id, &length);
    json_t *list = json_array();
    str_init(&text);
    utf8_append_repaired(&text, bytes, length);
    for (size_t i = 0; i < length; i++) {
        json_array_append_new(list, json_integer((unsigned char)bytes[i]));
    }
    json_t *entry = json_pack("{ss%,sf,so}", "token", text.data, text.length, "logprob",
                              logprob < -9999.0f ? -9999.0 : (double)logprob, "bytes", list);
    str_finish(&text);
    return entry;
}

static void note_logprobs(struct answer *answer, const struct infer_pool_event *event)
{
    if (!answer->task.logprobs || event->infer.control != CONTROL_NONE) {
        return;
    }
    json_t *entry = logprob_entry(answer, event->infer.token, event->logprob);
    json_t *best = json_array();
    for (int i = 0; i < event->best_count; i++) {
        json_array_append_new(best,
                              logprob_entry(answer, event->best[i].id, event->best[i].logprob));
    }
    json_object_set_new(entry, "top_logprobs", best);
    json_array_append_new(answer->unsure_logprobs, entry);
}

static void on_token(struct answer *answer, const struct infer_pool_event *event)
{
    begin(answer);
    if (answer->enough || answer->options.exchange == NULL) {
        return;
    }
    answer->sampled_tokens++;
    note_logprobs(answer, event);
    if (event->infer.control != CONTROL_NONE) {
        chat_parser_control(answer->parser, event->infer.control);
        json_array_clear(answer->unsure_logprobs);
    } else {
        chat_parser_bytes(answer->parser, event->infer.bytes, event->infer.length);
    }
}

/* --- the end --- */

static void respond(struct answer *answer, int status, json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);
    http_respond(answer->options.exchange, status, "application/json", text != NULL ? text : "{}",
                 text != NULL ? strlen(text) : 2);
    free(text);
    json_decref(body);
}

static void tell(struct answer *answer, const struct fault *fault)
{
    if (answer->begun) {
        answer->options.dialect->failed(answer, fault);
        end_stream(answer);
        return;
    }
    respond(answer, fault->status, answer->options.dialect->fault(fault));
}

/* The grammar made sure of the form; bounds of numbers and lengths are looked at when the answer is
 * there. One that was cut off is not a value, and its finish reason says so. */
static bool bounds_hold(const struct answer *answer, struct fault *fault)
{
    struct err err;
    if (answer->task.schema == NULL || answer->finish != ANSWER_STOP || answer->enough) {
        return true;
    }
    json_t *value = json_loadb(answer->text.data, answer->text.length,
                               JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    bool ok = value == NULL || schema_bounds_hold(answer->task.schema, value, &err) ||
              fault_set(fault, 422, "schema_bounds", "response_format",
                        "the answer has the schema's form but breaks a bound: %s", err.text);
    json_decref(value);
    return ok;
}

static void finish(struct answer *answer, const struct infer_event *event)
{
    struct str rest;
    if (chat_parser_stop(answer->parser) == CHAT_STOP_NONE) {
        chat_parser_end(answer->parser, event->stop);
    }
    begin(answer);
    str_init(&rest);
    stop_text_end(&answer->task.stop, &rest);
    pass_text(answer, rest.data, rest.length);
    str_finish(&rest);
    answer->prompt_tokens = event->prompt_total;
    answer->cached_tokens = event->reused;
    answer->prefill_seconds = event->prefill_seconds;
    answer->decode_seconds = event->decode_seconds;
    answer->finish = answer->call_count > 0                               ? ANSWER_CALLS
                     : event->stop == CHAT_STOP_LENGTH && !answer->enough ? ANSWER_LENGTH
                                                                          : ANSWER_STOP;
    struct fault fault;
    if (!bounds_hold(answer, &fault)) {
        tell(answer, &fault);
    } else if (answer->begun) {
        answer->options.dialect->end(answer);
        end_stream(answer);
    } else {
        respond(answer, 200, answer->options.dialect->whole(answer));
    }
}

static void fail(struct answer *answer, const struct err *err)
{
    struct fault fault;
    bool client = err->code == ERR_FULL || err->code == ERR_ARGUMENT || err->code == ERR_FORMAT;
    fault_from_err(&fault, client ? 400 : 500,
                   err->code == ERR_FULL ? "context_length_exceeded" : NULL,
                   err->code == ERR_FULL ? "messages" : NULL, err);
    tell(answer, &fault);
}

bool answer_feed(struct answer *answer, const struct infer_pool_event *event)
{
    switch (event->infer.kind) {
    case INFER_TOKEN:
        on_token(answer, event);
        return false;
    case INFER_DONE:
        if (answer->options.exchange != NULL) {
            finish(answer, &event->infer);
        }
        return true;
    case INFER_FAILED:
        if (answer->options.exchange != NULL) {
            fail(answer, &event->infer.error);
        }
        return true;
    default:
        return false;
    }
}

struct answer *answer_create(const struct answer_options *options, struct task *task)
{
    char id[25];
    struct answer *answer = mem_zero(1, sizeof *answer);
    answer->options = *options;
    answer->task = *task;
    answer_make_id(id);
    memcpy(answer->id, id, sizeof id);
    answer->created_ms = clock_wall_ms();
    str_init(&answer->text);
    str_init(&answer->thought);
    answer->logprobs = json_array();
    answer->unsure_logprobs = json_array();
    answer->all_logprobs = json_array();
    return answer;
}

void answer_destroy(struct answer *answer)
{
    for (size_t i = 0; i < answer->call_count; i++) {
        mem_free(answer->calls[i].name);
        json_decref(answer->calls[i].arguments);
        free(answer->calls[i].text);
    }
    mem_free(answer->calls);
    chat_parser_destroy(answer->parser);
    json_decref(answer->logprobs);
    json_decref(answer->unsure_logprobs);
    json_decref(answer->all_logprobs);
    str_finish(&answer->text);
    str_finish(&answer->thought);
    task_finish(&answer->task);
    mem_free(answer);
}

bool answer_submit(struct answer *answer, struct chat_prompt *prompt, struct err *err)
{
    struct task *task = &answer->task;
    struct infer_pool_request request = {
        .request = {.number = answer->options.number,
                    .prompt = *prompt,
                    .sampling = task->sampling,
                    .max_tokens = task->max_tokens,
                    .tools = task->callable,
                    .schema = task->schema},
        .must_call = task->must_call,
        .min_p = task->min_p,
        .repetition_penalty = task->repetition_penalty,
        .wants_logprobs = task->logprobs,
        .best_count = task->best_count,
    };
    answer->parser = chat_parser_create(
        &(struct chat_parser_options){.starts_in_thought = prompt->starts_in_thought,
                                      .tools = task->tools,
                                      .event = on_parse,
                                      .context = answer});
    chat_prompt_init(prompt);
    return infer_pool_submit(answer->options.pool, &request, err);
}
