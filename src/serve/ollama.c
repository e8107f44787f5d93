/* ollama: POST /api/chat and /api/generate, as Ollama speaks.
 *
 * A stream is one JSON object a line, and is what a client gets that does not say `stream: false`.
 * Calls carry their arguments as objects and no ids. Options that this engine has no use for
 * (num_gpu, num_thread, num_ctx and their like) are passed over, as Ollama does with what it does
 * not know.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "serve/answer.h"

/* --- the request --- */

static bool read_options(struct task *task, const json_t *body, struct fault *fault)
{
    const json_t *options = json_object_get(body, "options");
    int predict = -1;
    if (options != NULL && !json_is_object(options) && !json_is_null(options)) {
        return fault_set(fault, 400, NULL, "options", "options: not an object");
    }
    if (!task_sampling(task, options, fault) ||
        !task_whole(options, "num_predict", -2, 1e9, &predict, fault) ||
        !task_real(options, "repeat_penalty", 0.01, 100, &task->repetition_penalty, fault) ||
        !task_stop(task, json_object_get(options, "stop"), fault)) {
        return false;
    }
    task->max_tokens = predict > 0 ? predict : 0;
    return true;
}

/* "json", or a schema. */
static bool read_format(struct task *task, const json_t *format, struct fault *fault)
{
    const char *word = json_string_value(format);
    if (format == NULL || json_is_null(format) || (word != NULL && word[0] == '\0')) {
        return true;
    }
    if (word != NULL && strcmp(word, "json") == 0) {
        json_t *any = json_pack("{ss}", "type", "json_object");
        bool ok = task_format(task, any, fault);
        json_decref(any);
        return ok;
    }
    return task_schema(task, format, fault);
}

static bool read_common(struct task *task, const json_t *body, struct fault *fault)
{
    const json_t *think = json_object_get(body, "think");
    task->thinking = json_is_true(think) || json_is_string(think);
    task->stream = true;
    return task_flag(body, "stream", &task->stream, fault) && read_options(task, body, fault) &&
           read_format(task, json_object_get(body, "format"), fault);
}

/* A message with "images", which are base64 alone, in chat form: pictures before the text. New. */
static json_t *with_images(const json_t *message, const json_t *images)
{
    json_t *parts = json_array(), *copy = json_copy((json_t *)message);
    for (size_t i = 0; i < json_array_size(images); i++) {
        const json_t *image = json_array_get(images, i);
        struct str url;
        str_init(&url);
        str_append(&url, "data:;base64,");
        if (json_is_string(image)) {
            str_append(&url, json_string_value(image));
        }
        json_array_append_new(
            parts, json_pack("{ss,s{ss}}", "type", "image_url", "image_url", "url", url.data));
        str_finish(&url);
    }
    const json_t *content = json_object_get(message, "content");
    if (json_string_length(content) > 0) {
        json_array_append_new(parts, json_pack("{ss,sO}", "type", "text", "text", content));
    }
    json_object_set_new(copy, "content", parts);
    return copy;
}

static bool chat_read(struct task *task, const json_t *body, struct fault *fault)
{
    json_t *messages = json_copy(json_object_get(body, "messages"));
    for (size_t i = 0; i < json_array_size(messages); i++) {
        const json_t *message = json_array_get(messages, i);
        const json_t *images = json_object_get(message, "images");
        if (json_array_size(images) > 0) {
            json_array_set_new(messages, i, with_images(message, images));
        }
    }
    bool ok = read_common(task, body, fault) && task_messages(task, messages, fault) &&
              task_tools(task, json_object_get(body, "tools"), NULL, fault);
    json_decref(messages);
    return ok;
}

static bool generate_read(struct task *task, const json_t *body, struct fault *fault)
{
    static const char *const refused[] = {"raw", "suffix", "template", "context"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const json_t *value = json_object_get(body, refused[i]);
        bool empty = value == NULL || json_is_null(value) || json_is_false(value) ||
                     (json_is_string(value) && json_string_length(value) == 0) ||
                     (json_is_array(value) && json_array_size(value) == 0);
        if (!empty) {
            return fault_set(fault, 400, NULL, refused[i], "%s is not supported", refused[i]);
        }
    }
    const json_t *system = json_object_get(body, "system");
    json_t *messages =
        json_pack("[{ss,sO?}]", "role", "user", "content", json_object_get(body, "prompt"));
    const json_t *images = json_object_get(body, "images");
    if (json_array_size(images) > 0) {
        json_array_set_new(messages, 0, with_images(json_array_get(messages, 0), images));
    }
    if (json_is_string(system) && json_string_length(system) > 0) {
        json_array_insert_new(messages, 0,
                              json_pack("{ss,sO}", "role", "system", "content", system));
    }
    task->completion = true;
    bool ok = read_common(task, body, fault) && task_messages(task, messages, fault);
    json_decref(messages);
    return ok;
}

/* --- the answer --- */

static json_t *line_of(const struct answer *answer, bool done)
{
    char when[64];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t length = strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(when + length, sizeof when - length, ".%06dZ", (int)(now.tv_nsec / 1000));
    return json_pack("{ss,ss,sb}", "model", answer->options.model, "created_at", when, "done",
                     done);
}

/* Puts text, thought and calls where the answer of this request has them. */
static json_t *with_content(const struct answer *answer, json_t *line, json_t *text,
                            json_t *thought, json_t *calls)
{
    json_t *message = line;
    if (!answer->task.completion) {
        message = json_pack("{ss}", "role", "assistant");
        json_object_set_new(line, "message", message);
    }
    json_object_set_new(message, answer->task.completion ? "response" : "content", text);
    if (thought != NULL) {
        json_object_set_new(message, "thinking", thought);
    }
    if (calls != NULL) {
        json_object_set_new(message, "tool_calls", calls);
    }
    return line;
}

static json_t *call_object(const struct answer_call *call)
{
    return json_pack("{s{ss,sO}}", "function", "name", call->name, "arguments", call->arguments);
}

static void add_end(const struct answer *answer, json_t *line)
{
    json_int_t prefill = (json_int_t)(answer->prefill_seconds * 1e9);
    json_int_t decode = (json_int_t)(answer->decode_seconds * 1e9);
    json_t *facts =
        json_pack("{ss,sI,sI,sI,sI,sI,sI}", "done_reason",
                  answer->finish == ANSWER_LENGTH ? "length" : "stop", "total_duration",
                  prefill + decode, "load_duration", (json_int_t)0, "prompt_eval_count",
                  (json_int_t)answer->prompt_tokens, "prompt_eval_duration", prefill, "eval_count",
                  (json_int_t)answer->sampled_tokens, "eval_duration", decode);
    json_object_update(line, facts);
    json_decref(facts);
}

static void ollama_begin(struct answer *answer)
{
    (void)answer; /* the first line is the first piece */
}

static void ollama_text(struct answer *answer, const char *text, size_t length)
{
    answer_send(
        answer, NULL,
        with_content(answer, line_of(answer, false), json_stringn(text, length), NULL, NULL));
}

static void ollama_thought(struct answer *answer, const char *text, size_t length)
{
    answer_send(answer, NULL,
                with_content(answer, line_of(answer, false), json_string(""),
                             json_stringn(text, length), NULL));
}

static void ollama_call(struct answer *answer, const struct answer_call *call, size_t index)
{
    (void)index;
    answer_send(answer, NULL,
                with_content(answer, line_of(answer, false), json_string(""), NULL,
                             json_pack("[o]", call_object(call))));
}

static void ollama_end(struct answer *answer)
{
    json_t *line = with_content(answer, line_of(answer, true), json_string(""), NULL, NULL);
    add_end(answer, line);
    answer_send(answer, NULL, line);
}

static void ollama_failed(struct answer *answer, const struct fault *fault)
{
    answer_send(answer, NULL, fault_ollama(fault));
}

static json_t *ollama_whole(const struct answer *answer)
{
    json_t *calls = NULL, *thought = NULL;
    if (answer->thought.length > 0) {
        thought = json_stringn(answer->thought.data, answer->thought.length);
    }
    if (answer->call_count > 0) {
        calls = json_array();
        for (size_t i = 0; i < answer->call_count; i++) {
            json_array_append_new(calls, call_object(&answer->calls[i]));
        }
    }
    json_t *line =
        with_content(answer, line_of(answer, true),
                     json_stringn(answer->text.data, answer->text.length), thought, calls);
    add_end(answer, line);
    return line;
}

/* The two differ in how a request is read. */
#define OLLAMA_DIALECT(reader)                                                                  \
    {                                                                                           \
        .stream_type = "application/x-ndjson", .read = reader, .begin = ollama_begin,           \
        .text = ollama_text, .thought = ollama_thought, .call = ollama_call, .end = ollama_end, \
        .failed = ollama_failed, .whole = ollama_whole, .fault = fault_ollama,                  \
    }

const struct dialect ollama_chat_dialect = OLLAMA_DIALECT(chat_read);
const struct dialect ollama_generate_dialect = OLLAMA_DIALECT(generate_read);
