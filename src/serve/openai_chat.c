/* openai_chat: POST /v1/chat/completions.
 *
 * Thoughts go into `reasoning_content`, as other servers of open models do. A call is sent in one
 * piece: it is whole by the time that its arguments are known to be right. Penalties of frequency
 * and presence and biases are not what this engine's sampling knows; they are refused unless they
 * change nothing.
 */
#include <string.h>

#include "serve/answer.h"

/* --- the request --- */

static bool is_zero(const json_t *value)
{
    return value == NULL || json_is_null(value) ||
           (json_is_number(value) && json_number_value(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

static bool refuse_what_is_not_done(const json_t *body, struct fault *fault)
{
    static const char *const zero[] = {"frequency_penalty", "presence_penalty", "logit_bias"};
    for (size_t i = 0; i < sizeof zero / sizeof zero[0]; i++) {
        if (!is_zero(json_object_get(body, zero[i]))) {
            return fault_set(fault, 400, "unsupported_parameter", zero[i], "%s is not supported",
                             zero[i]);
        }
    }
    const json_t *n = json_object_get(body, "n");
    if (n != NULL && !json_is_null(n) && json_integer_value(n) != 1) {
        return fault_set(fault, 400, "unsupported_value", "n", "n: one answer a request");
    }
    static const char *const absent[] = {"functions", "function_call", "audio"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        const json_t *value = json_object_get(body, absent[i]);
        if (value != NULL && !json_is_null(value)) {
            return fault_set(fault, 400, "unsupported_parameter", absent[i], "%s is not supported",
                             absent[i]);
        }
    }
    return true;
}

static bool read_logprobs(struct task *task, const json_t *body, struct fault *fault)
{
    if (!task_flag(body, "logprobs", &task->logprobs, fault) ||
        !task_whole(body, "top_logprobs", 0, INFER_POOL_LOGPROBS, &task->best_count, fault)) {
        return false;
    }
    return task->best_count == 0 || task->logprobs ||
           fault_set(fault, 400, "invalid_value", "top_logprobs",
                     "top_logprobs: only with logprobs: true");
}

static bool read_limits(struct task *task, const json_t *body, struct fault *fault)
{
    return task_whole(body, "max_tokens", 1, 1e9, &task->max_tokens, fault) &&
           task_whole(body, "max_completion_tokens", 1, 1e9, &task->max_tokens, fault);
}

static void read_effort(struct task *task, const json_t *body)
{
    const char *effort = json_string_value(json_object_get(body, "reasoning_effort"));
    task->thinking =
        effort != NULL && strcmp(effort, "none") != 0 && strcmp(effort, "minimal") != 0;
}

static bool chat_read(struct task *task, const json_t *body, struct fault *fault)
{
    const json_t *options = json_object_get(body, "stream_options");
    bool parallel = true;
    read_effort(task, body);
    bool ok = task_flag(body, "stream", &task->stream, fault) &&
              task_flag(options, "include_usage", &task->stream_usage, fault) &&
              task_flag(body, "parallel_tool_calls", &parallel, fault) &&
              refuse_what_is_not_done(body, fault) && read_logprobs(task, body, fault) &&
              read_limits(task, body, fault) && task_sampling(task, body, fault) &&
              task_real(body, "repetition_penalty", 0.01, 100, &task->repetition_penalty, fault) &&
              task_stop(task, json_object_get(body, "stop"), fault) &&
              task_messages(task, json_object_get(body, "messages"), fault) &&
              task_tools(task, json_object_get(body, "tools"), json_object_get(body, "tool_choice"),
                         fault) &&
              task_format(task, json_object_get(body, "response_format"), fault);
    task->one_call = !parallel;
    return ok;
}

/* --- the answer --- */

static const char *finish_word(const struct answer *answer)
{
    static const char *const words[] = {
        [ANSWER_STOP] = "stop", [ANSWER_LENGTH] = "length", [ANSWER_CALLS] = "tool_calls"};
    return words[answer->finish];
}

static json_t *usage(const struct answer *answer)
{
    json_int_t prompt = (json_int_t)answer->prompt_tokens;
    json_int_t sampled = (json_int_t)answer->sampled_tokens;
    return json_pack("{sI,sI,sI,s{sI}}", "prompt_tokens", prompt, "completion_tokens", sampled,
                     "total_tokens", prompt + sampled, "prompt_tokens_details", "cached_tokens",
                     (json_int_t)answer->cached_tokens);
}

static json_t *envelope(const struct answer *answer, const char *object, json_t *choices)
{
    char id[64] = "chatcmpl-";
    strncat(id, answer->id, sizeof id - strlen(id) - 1);
    return json_pack("{ss,ss,sI,ss,so}", "id", id, "object", object, "created",
                     (json_int_t)(answer->created_ms / 1000), "model", answer->options.model,
                     "choices", choices);
}

static json_t *call_object(const struct answer_call *call)
{
    return json_pack("{ss,ss,s{ss,ss}}", "id", call->id, "type", "function", "function", "name",
                     call->name, "arguments", call->text);
}

static void send_chunk(struct answer *answer, json_t *delta, const char *finish)
{
    json_t *logprobs = json_null();
    if (json_array_size(answer->logprobs) > 0) {
        logprobs = json_pack("{so}", "content", json_deep_copy(answer->logprobs));
    }
    json_t *choices = json_pack("[{si,so,so,ss?}]", "index", 0, "delta", delta, "logprobs",
                                logprobs, "finish_reason", finish);
    json_t *chunk = envelope(answer, "chat.completion.chunk", choices);
    if (answer->task.stream_usage) {
        json_object_set_new(chunk, "usage", json_null());
    }
    answer_send(answer, NULL, chunk);
}

static void chat_begin(struct answer *answer)
{
    send_chunk(answer, json_pack("{ss,ss}", "role", "assistant", "content", ""), NULL);
}

static void chat_text(struct answer *answer, const char *text, size_t length)
{
    send_chunk(answer, json_pack("{ss%}", "content", text, length), NULL);
}

static void chat_thought(struct answer *answer, const char *text, size_t length)
{
    send_chunk(answer, json_pack("{ss%}", "reasoning_content", text, length), NULL);
}

static void chat_call(struct answer *answer, const struct answer_call *call, size_t index)
{
    json_t *object = call_object(call);
    json_object_set_new(object, "index", json_integer((json_int_t)index));
    send_chunk(answer, json_pack("{s[o]}", "tool_calls", object), NULL);
}

static void chat_end(struct answer *answer)
{
    send_chunk(answer, json_object(), finish_word(answer));
    if (answer->task.stream_usage) {
        json_t *last = envelope(answer, "chat.completion.chunk", json_array());
        json_object_set_new(last, "usage", usage(answer));
        answer_send(answer, NULL, last);
    }
    answer_send_word(answer, "[DONE]");
}

static void chat_failed(struct answer *answer, const struct fault *fault)
{
    answer_send(answer, NULL, fault_openai(fault));
}

static json_t *message_of(const struct answer *answer)
{
    json_t *message = json_pack("{ss,so}", "role", "assistant", "content",
                                answer->text.length == 0 && answer->call_count > 0
                                    ? json_null()
                                    : json_stringn(answer->text.data, answer->text.length));
    json_object_set_new(message, "refusal", json_null());
    if (answer->thought.length > 0) {
        json_object_set_new(message, "reasoning_content",
                            json_stringn(answer->thought.data, answer->thought.length));
    }
    if (answer->call_count > 0) {
        json_t *calls = json_array();
        for (size_t i = 0; i < answer->call_count; i++) {
            json_array_append_new(calls, call_object(&answer->calls[i]));
        }
        json_object_set_new(message, "tool_calls", calls);
    }
    return message;
}

static json_t *chat_whole(const struct answer *answer)
{
    json_t *logprobs =
        answer->task.logprobs ? json_pack("{sO}", "content", answer->all_logprobs) : json_null();
    json_t *choices = json_pack("[{si,so,so,ss}]", "index", 0, "message", message_of(answer),
                                "logprobs", logprobs, "finish_reason", finish_word(answer));
    json_t *body = envelope(answer, "chat.completion", choices);
    json_object_set_new(body, "usage", usage(answer));
    return body;
}

const struct dialect openai_chat_dialect = {
    .stream_type = "text/event-stream",
    .events = true,
    .read = chat_read,
    .begin = chat_begin,
    .text = chat_text,
    .thought = chat_thought,
    .call = chat_call,
    .end = chat_end,
    .failed = chat_failed,
    .whole = chat_whole,
    .fault = fault_openai,
};
