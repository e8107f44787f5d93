/* openai_responses: POST /v1/responses.
 *
 * Requests are turned into chat form: instructions and input items into messages, flat tools into
 * nested ones. The output is a message, when there is text, and one item for each call. Nothing is
 * kept between requests: previous_response_id is refused, and a client sends the conversation
 * itself. Thoughts are not sent.
 */
#include <string.h>

#include "base/str.h"
#include "serve/answer.h"

/* --- the request --- */

static bool is_set(const json_t *body, const char *member)
{
    const json_t *value = json_object_get(body, member);
    return value != NULL && !json_is_null(value) && !json_is_false(value);
}

static bool refuse_what_is_not_done(const json_t *body, struct fault *fault)
{
    static const struct {
        const char *member, *why;
    } refused[] = {
        {"previous_response_id", "nothing is kept here: send the conversation as input"},
        {"conversation", "nothing is kept here: send the conversation as input"},
        {"background", "answers are given at once"},
        {"prompt", "there are no stored prompts"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (is_set(body, refused[i].member)) {
            return fault_set(fault, 400, "unsupported_parameter", refused[i].member,
                             "%s is not supported: %s", refused[i].member, refused[i].why);
        }
    }
    return true;
}

/* Content parts have other names here. */
static json_t *content_of(const json_t *content)
{
    if (!json_is_array(content)) {
        return json_deep_copy(content);
    }
    json_t *parts = json_array();
    for (size_t i = 0; i < json_array_size(content); i++) {
        json_t *part = json_deep_copy(json_array_get(content, i));
        const char *type = json_string_value(json_object_get(part, "type"));
        if (type != NULL && (strcmp(type, "input_text") == 0 || strcmp(type, "output_text") == 0)) {
            json_object_set_new(part, "type", json_string("text"));
        } else if (type != NULL && strcmp(type, "input_image") == 0) {
            json_object_set_new(part, "type", json_string("image_url"));
        }
        json_array_append_new(parts, part);
    }
    return parts;
}

/* Calls that follow each other, and the text before them, are one message of the model's. */
static void add_call(json_t *messages, const json_t *item)
{
    size_t count = json_array_size(messages);
    json_t *last = count > 0 ? json_array_get(messages, count - 1) : NULL;
    const char *role = json_string_value(json_object_get(last, "role"));
    if (role == NULL || strcmp(role, "assistant") != 0) {
        last = json_pack("{ss,ss}", "role", "assistant", "content", "");
        json_array_append_new(messages, last);
    }
    json_t *calls = json_object_get(last, "tool_calls");
    if (calls == NULL) {
        calls = json_array();
        json_object_set_new(last, "tool_calls", calls);
    }
    json_array_append_new(calls, json_pack("{ss,sO?,s{sO?,sO?}}", "type", "function", "id",
                                           json_object_get(item, "call_id"), "function", "name",
                                           json_object_get(item, "name"), "arguments",
                                           json_object_get(item, "arguments")));
}

static bool add_item(json_t *messages, const json_t *item, size_t place, struct fault *fault)
{
    const char *type = json_string_value(json_object_get(item, "type"));
    if (type == NULL || strcmp(type, "message") == 0) {
        json_array_append_new(messages,
                              json_pack("{sO?,so?}", "role", json_object_get(item, "role"),
                                        "content", content_of(json_object_get(item, "content"))));
    } else if (strcmp(type, "function_call") == 0) {
        add_call(messages, item);
    } else if (strcmp(type, "function_call_output") == 0) {
        json_array_append_new(messages, json_pack("{ss,sO?,so?}", "role", "tool", "tool_call_id",
                                                  json_object_get(item, "call_id"), "content",
                                                  content_of(json_object_get(item, "output"))));
    } else if (strcmp(type, "reasoning") != 0) { /* thoughts of earlier turns are not repeated */
        return fault_set(fault, 400, "unsupported_value", "input",
                         "input[%zu]: items of type \"%.40s\" are not supported", place, type);
    }
    return true;
}

static bool read_input(struct task *task, const json_t *body, struct fault *fault)
{
    const json_t *input = json_object_get(body, "input");
    const json_t *instructions = json_object_get(body, "instructions");
    json_t *messages = json_array();
    bool ok = true;
    if (json_is_string(instructions)) {
        json_array_append_new(messages,
                              json_pack("{ss,sO}", "role", "system", "content", instructions));
    }
    if (json_is_string(input)) {
        json_array_append_new(messages, json_pack("{ss,sO}", "role", "user", "content", input));
    } else if (!json_is_array(input)) {
        ok = fault_set(fault, 400, "invalid_type", "input",
                       "input: neither a string nor an array of items");
    }
    for (size_t i = 0; ok && i < json_array_size(input); i++) {
        ok = add_item(messages, json_array_get(input, i), i, fault);
    }
    ok = ok && task_messages(task, messages, fault);
    json_decref(messages);
    return ok;
}

/* Tools of other types are run by the server (web_search), or are no functions (namespace, custom).
 * Agents declare them to every server; here they are not offered to the model, so that nothing is
 * called that nobody runs. */
static bool is_function(const json_t *tool)
{
    const char *type = json_string_value(json_object_get(tool, "type"));
    return type == NULL || strcmp(type, "function") == 0;
}

static bool read_tools(struct task *task, const json_t *body, struct fault *fault)
{
    const json_t *tools = json_object_get(body, "tools");
    const json_t *choice = json_object_get(body, "tool_choice");
    json_t *nested = json_is_array(tools) ? json_array() : NULL;
    for (size_t i = 0; i < json_array_size(tools); i++) {
        const json_t *tool = json_array_get(tools, i);
        if (is_function(tool)) {
            json_array_append_new(
                nested,
                json_pack("{sO?,sO}", "type", json_object_get(tool, "type"), "function", tool));
        }
    }
    json_t *named = json_is_object(choice) ? json_pack("{sO}", "function", choice) : NULL;
    bool ok =
        task_tools(task, nested != NULL ? nested : tools, named != NULL ? named : choice, fault);
    json_decref(nested);
    json_decref(named);
    return ok;
}

static bool responses_read(struct task *task, const json_t *body, struct fault *fault)
{
    const char *effort =
        json_string_value(json_object_get(json_object_get(body, "reasoning"), "effort"));
    bool parallel = true;
    task->thinking =
        effort != NULL && strcmp(effort, "none") != 0 && strcmp(effort, "minimal") != 0;
    bool ok = task_flag(body, "stream", &task->stream, fault) &&
              task_flag(body, "parallel_tool_calls", &parallel, fault) &&
              refuse_what_is_not_done(body, fault) &&
              task_whole(body, "max_output_tokens", 1, 1e9, &task->max_tokens, fault) &&
              task_sampling(task, body, fault) && read_input(task, body, fault) &&
              read_tools(task, body, fault) &&
              task_format(task, json_object_get(json_object_get(body, "text"), "format"), fault);
    task->one_call = !parallel;
    return ok;
}

/* --- the answer --- */

static json_t *prefixed(const char *prefix, const struct answer *answer)
{
    struct str id;
    str_init(&id);
    str_append(&id, prefix);
    str_append(&id, answer->id);
    json_t *string = json_string(id.data);
    str_finish(&id);
    return string;
}

static json_t *text_part(const struct answer *answer, bool whole)
{
    return json_pack("{ss,ss%,s[],s[]}", "type", "output_text", "text", answer->text.data,
                     whole ? answer->text.length : (size_t)0, "annotations", "logprobs");
}

static json_t *message_item(const struct answer *answer, bool whole)
{
    json_t *content = whole ? json_pack("[o]", text_part(answer, true)) : json_array();
    return json_pack("{so,ss,ss,ss,so}", "id", prefixed("msg_", answer), "type", "message",
                     "status", whole ? "completed" : "in_progress", "role", "assistant", "content",
                     content);
}

static json_t *call_item(const struct answer_call *call, bool whole)
{
    char id[64] = "fc_";
    strncat(id, call->id + strlen("call_"), sizeof id - strlen(id) - 1);
    return json_pack("{ss,ss,ss,ss,ss,ss}", "id", id, "type", "function_call", "status",
                     whole ? "completed" : "in_progress", "call_id", call->id, "name", call->name,
                     "arguments", whole ? call->text : "");
}

static json_t *output_of(const struct answer *answer)
{
    json_t *output = json_array();
    if (answer->text.length > 0 || answer->call_count == 0) {
        json_array_append_new(output, message_item(answer, true));
    }
    for (size_t i = 0; i < answer->call_count; i++) {
        json_array_append_new(output, call_item(&answer->calls[i], true));
    }
    return output;
}

static json_t *response_object(const struct answer *answer, const char *status)
{
    const struct task *task = &answer->task;
    bool done = strcmp(status, "in_progress") != 0;
    json_t *details = strcmp(status, "incomplete") == 0
                          ? json_pack("{ss}", "reason", "max_output_tokens")
                          : json_null();
    json_t *response = json_pack(
        "{so,ss,sI,ss,sn,so,ss,so,sb,so,ss,sf,sf,sn,s{s{ss}},sn,s{}}", "id",
        prefixed("resp_", answer), "object", "response", "created_at",
        (json_int_t)(answer->created_ms / 1000), "status", status, "error", "incomplete_details",
        details, "model", answer->options.model, "output", done ? output_of(answer) : json_array(),
        "parallel_tool_calls", !task->one_call, "tools", json_array(), "tool_choice",
        task->must_call ? "required" : "auto", "temperature", (double)task->sampling.temperature,
        "top_p", (double)task->sampling.top_p, "previous_response_id", "text", "format", "type",
        task->schema != NULL ? "json_schema" : "text", "instructions", "metadata");
    json_int_t prompt = (json_int_t)answer->prompt_tokens;
    json_int_t sampled = (json_int_t)answer->sampled_tokens;
    json_object_set_new(response, "usage",
                        !done ? json_null()
                              : json_pack("{sI,s{sI},sI,s{si},sI}", "input_tokens", prompt,
                                          "input_tokens_details", "cached_tokens",
                                          (json_int_t)answer->cached_tokens, "output_tokens",
                                          sampled, "output_tokens_details", "reasoning_tokens", 0,
                                          "total_tokens", prompt + sampled));
    return response;
}

static void send_event(struct answer *answer, const char *type, json_t *event)
{
    json_object_set_new(event, "type", json_string(type));
    json_object_set_new(event, "sequence_number", json_integer(answer->sequence++));
    answer_send(answer, type, event);
}

static void responses_begin(struct answer *answer)
{
    send_event(answer, "response.created",
               json_pack("{so}", "response", response_object(answer, "in_progress")));
    send_event(answer, "response.in_progress",
               json_pack("{so}", "response", response_object(answer, "in_progress")));
}

/* An event about the text: which item, which part. */
static json_t *about_text(const struct answer *answer)
{
    return json_pack("{so,si,si}", "item_id", prefixed("msg_", answer), "output_index",
                     answer->item_index, "content_index", 0);
}

static void open_message(struct answer *answer)
{
    answer->message_open = true;
    send_event(answer, "response.output_item.added",
               json_pack("{si,so}", "output_index", answer->item_index, "item",
                         message_item(answer, false)));
    json_t *part = about_text(answer);
    json_object_set_new(part, "part", text_part(answer, false));
    send_event(answer, "response.content_part.added", part);
}

static void close_message(struct answer *answer)
{
    json_t *done = about_text(answer), *part = about_text(answer);
    json_object_set_new(done, "text", json_stringn(answer->text.data, answer->text.length));
    json_object_set_new(done, "logprobs", json_array());
    send_event(answer, "response.output_text.done", done);
    json_object_set_new(part, "part", text_part(answer, true));
    send_event(answer, "response.content_part.done", part);
    send_event(answer, "response.output_item.done",
               json_pack("{si,so}", "output_index", answer->item_index, "item",
                         message_item(answer, true)));
    answer->message_open = false;
    answer->item_index++;
}

static void responses_text(struct answer *answer, const char *text, size_t length)
{
    if (!answer->message_open) {
        open_message(answer);
    }
    json_t *delta = about_text(answer);
    json_object_set_new(delta, "delta", json_stringn(text, length));
    json_object_set_new(delta, "logprobs", json_array());
    send_event(answer, "response.output_text.delta", delta);
}

static void responses_thought(struct answer *answer, const char *text, size_t length)
{
    (void)answer;
    (void)text;
    (void)length;
}

static void responses_call(struct answer *answer, const struct answer_call *call, size_t index)
{
    (void)index;
    if (answer->message_open) {
        close_message(answer);
    }
    json_t *item = call_item(call, true);
    json_t *id = json_object_get(item, "id");
    send_event(
        answer, "response.output_item.added",
        json_pack("{si,so}", "output_index", answer->item_index, "item", call_item(call, false)));
    send_event(answer, "response.function_call_arguments.delta",
               json_pack("{sO,si,ss}", "item_id", id, "output_index", answer->item_index, "delta",
                         call->text));
    send_event(answer, "response.function_call_arguments.done",
               json_pack("{sO,si,ss,ss}", "item_id", id, "output_index", answer->item_index, "name",
                         call->name, "arguments", call->text));
    send_event(answer, "response.output_item.done",
               json_pack("{si,so}", "output_index", answer->item_index, "item", item));
    answer->item_index++;
}

static void responses_end(struct answer *answer)
{
    if (!answer->message_open && answer->item_index == 0) {
        open_message(answer); /* an empty answer is a message too */
    }
    if (answer->message_open) {
        close_message(answer);
    }
    bool cut = answer->finish == ANSWER_LENGTH;
    send_event(
        answer, cut ? "response.incomplete" : "response.completed",
        json_pack("{so}", "response", response_object(answer, cut ? "incomplete" : "completed")));
}

static void responses_failed(struct answer *answer, const struct fault *fault)
{
    json_t *response = response_object(answer, "failed");
    json_object_set_new(response, "error",
                        json_pack("{ss,ss}", "code", "server_error", "message", fault->text));
    send_event(answer, "response.failed", json_pack("{so}", "response", response));
}

static json_t *responses_whole(const struct answer *answer)
{
    return response_object(answer, answer->finish == ANSWER_LENGTH ? "incomplete" : "completed");
}

const struct dialect openai_responses_dialect = {
    .stream_type = "text/event-stream",
    .events = true,
    .read = responses_read,
    .begin = responses_begin,
    .text = responses_text,
    .thought = responses_thought,
    .call = responses_call,
    .end = responses_end,
    .failed = responses_failed,
    .whole = responses_whole,
    .fault = fault_openai,
};
