#include "serve/task.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "chat/declaration.h"
#include "chat/grammar.h"
#include "chat/messages_json.h"
#include "chat/schema_bounds.h"
#include "serve/media_part.h"

enum { TOOLS = 256, MESSAGES = 10000, MEDIA = 32 };

void task_init(struct task *task, const struct infer_model *model)
{
    *task = (struct task){.sampling = model->sampling};
    chat_conversation_init(&task->conversation);
    stop_text_init(&task->stop);
    task->sampling.seed = 0;
    /* Without a seed of the client's every answer is drawn anew. */
    while (task->sampling.seed == 0 &&
           getrandom(&task->sampling.seed, sizeof task->sampling.seed, 0) < 0) {
    }
}

void task_finish(struct task *task)
{
    chat_conversation_finish(&task->conversation);
    stop_text_finish(&task->stop);
    json_decref(task->tools);
    json_decref(task->callable);
    json_decref(task->schema);
}

/* --- numbers --- */

static const json_t *member_of(const json_t *body, const char *member)
{
    const json_t *value = json_object_get(body, member);
    return json_is_null(value) ? NULL : value;
}

bool task_real(const json_t *body, const char *member, double low, double high, float *out,
               struct fault *fault)
{
    const json_t *value = member_of(body, member);
    if (value == NULL) {
        return true;
    }
    double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= low && number <= high)) {
        return fault_set(fault, 400, "invalid_value", member, "%s: not a number of %g to %g",
                         member, low, high);
    }
    *out = (float)number;
    return true;
}

bool task_whole(const json_t *body, const char *member, double low, double high, int *out,
                struct fault *fault)
{
    float number = 0;
    const json_t *value = member_of(body, member);
    if (value == NULL) {
        return true;
    }
    if (!json_is_integer(value)) {
        return fault_set(fault, 400, "invalid_type", member, "%s: not a whole number", member);
    }
    if (!task_real(body, member, low, high, &number, fault)) {
        return false;
    }
    *out = (int)json_integer_value(value);
    return true;
}

bool task_flag(const json_t *body, const char *member, bool *out, struct fault *fault)
{
    const json_t *value = member_of(body, member);
    if (value != NULL && !json_is_boolean(value)) {
        return fault_set(fault, 400, "invalid_type", member, "%s: neither true nor false", member);
    }
    *out = value != NULL ? json_is_true(value) : *out;
    return true;
}

bool task_sampling(struct task *task, const json_t *body, struct fault *fault)
{
    struct infer_sampling *sampling = &task->sampling;
    const json_t *seed = member_of(body, "seed");
    if (seed != NULL && !json_is_integer(seed)) {
        return fault_set(fault, 400, "invalid_type", "seed", "seed: not a whole number");
    }
    if (seed != NULL) {
        sampling->seed = (uint64_t)json_integer_value(seed);
    }
    float top_p = sampling->top_p;
    if (!task_real(body, "temperature", 0, 10, &sampling->temperature, fault) ||
        !task_real(body, "top_p", 0, 1, &top_p, fault) ||
        !task_whole(body, "top_k", -1, 1e9, &sampling->top_k, fault) ||
        !task_real(body, "min_p", 0, 1, &task->min_p, fault)) {
        return false;
    }
    sampling->top_k = sampling->top_k < 0 ? 0 : sampling->top_k;
    /* 0 of the mass is the likeliest token alone. */
    sampling->top_p = top_p > 0 ? top_p : 1e-6f;
    return true;
}

bool task_stop(struct task *task, const json_t *stop, struct fault *fault)
{
    if (stop == NULL || json_is_null(stop)) {
        return true;
    }
    size_t count = json_is_array(stop) ? json_array_size(stop) : 1;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_is_array(stop) ? json_array_get(stop, i) : stop;
        if (!json_is_string(item) || json_string_length(item) != strlen(json_string_value(item)) ||
            !stop_text_add(&task->stop, json_string_value(item))) {
            return fault_set(fault, 400, "invalid_value", "stop",
                             "stop: a string or at most %d strings of 1 to %d bytes",
                             STOP_TEXT_COUNT, STOP_TEXT_BYTES);
        }
    }
    return true;
}

/* --- messages --- */

/* The files of a message's pictures and sounds. `content` is what its parts were read from. */
static bool take_media(struct task *task, struct chat_message *message, size_t place,
                       const json_t *content, struct fault *fault)
{
    struct err err;
    for (size_t i = 0; i < message->part_count; i++) {
        struct chat_part *part = &message->parts[i];
        if (part->kind == CHAT_PART_TEXT) {
            continue;
        }
        if (part->kind == CHAT_PART_VIDEO || message->role != CHAT_USER) {
            return fault_set(fault, 400, "unsupported_content", "messages",
                             "messages[%zu]: content[%zu]: pictures and sounds alone, and of the "
                             "user's alone, are read here",
                             place, i);
        }
        if (task->media_count == MEDIA) {
            return fault_set(fault, 400, "unsupported_content", "messages",
                             "messages[%zu]: more than %d pictures and sounds", place, MEDIA);
        }
        part->medium =
            media_part_read(json_array_get(content, i), part->kind == CHAT_PART_IMAGE, &err);
        if (part->medium == NULL) {
            err_prefix(&err, "messages[%zu]: content[%zu]", place, i);
            return fault_from_err(fault, 400, "unsupported_content", "messages", &err);
        }
        task->media_count++;
    }
    return true;
}

static bool holds_media(const struct chat_message *message)
{
    for (size_t i = 0; i < message->part_count; i++) {
        if (message->parts[i].kind != CHAT_PART_TEXT) {
            return true;
        }
    }
    return false;
}

/* Parts that are all text become one text: clients cut texts into parts for reasons of their own.
 */
static void join_parts(struct chat_message *message)
{
    if (message->parts == NULL || holds_media(message)) {
        return;
    }
    struct str text;
    str_init(&text);
    for (size_t i = 0; i < message->part_count; i++) {
        str_append(&text, i > 0 ? "\n" : "");
        str_append(&text, message->parts[i].text);
        mem_free(message->parts[i].text);
    }
    mem_free(message->parts);
    message->parts = NULL;
    message->part_count = 0;
    chat_message_set_text(message, text.data, text.length);
    str_finish(&text);
}

static void append_text(struct chat_message *to, const struct chat_message *from)
{
    struct str text;
    str_init(&text);
    str_append(&text, to->text);
    str_append(&text, "\n\n");
    str_append(&text, from->text);
    chat_message_set_text(to, text.data, text.length);
    str_finish(&text);
}

static void order_system_messages(struct chat_conversation *conversation)
{
    while (conversation->count > 1 && conversation->messages[0].role == CHAT_SYSTEM &&
           conversation->messages[1].role == CHAT_SYSTEM) {
        append_text(&conversation->messages[0], &conversation->messages[1]);
        chat_message_finish(&conversation->messages[1]);
        conversation->count--;
        memmove(conversation->messages + 1, conversation->messages + 2,
                (conversation->count - 1) * sizeof *conversation->messages);
    }
    for (size_t i = 1; i < conversation->count; i++) {
        if (conversation->messages[i].role == CHAT_SYSTEM) {
            conversation->messages[i].role = CHAT_USER;
        }
    }
}

bool task_messages(struct task *task, const json_t *messages, struct fault *fault)
{
    struct err err;
    if (!json_is_array(messages) || json_array_size(messages) == 0 ||
        json_array_size(messages) > MESSAGES) {
        return fault_set(fault, 400, "invalid_value", "messages",
                         "messages: not an array of 1 to %d messages", MESSAGES);
    }
    if (!chat_messages_from_json(messages, &task->conversation, &err)) {
        return fault_from_err(fault, 400, "invalid_value", "messages", &err);
    }
    for (size_t i = 0; i < task->conversation.count; i++) {
        const json_t *content = json_object_get(json_array_get(messages, i), "content");
        if (!take_media(task, &task->conversation.messages[i], i, content, fault)) {
            return false;
        }
        join_parts(&task->conversation.messages[i]);
    }
    order_system_messages(&task->conversation);
    return true;
}

/* --- tools --- */

/* A function without parameters is one that takes an empty object. */
static json_t *complete_tool(const json_t *tool)
{
    json_t *copy = json_deep_copy(tool);
    json_t *function = json_object_get(copy, "function");
    if (json_is_object(function)) {
        if (member_of(function, "description") == NULL) {
            json_object_set_new(function, "description", json_string(""));
        }
        json_t *parameters = json_object_get(function, "parameters");
        if (!json_is_object(parameters)) {
            parameters = json_object();
            json_object_set_new(function, "parameters", parameters);
        }
        if (member_of(parameters, "type") == NULL) {
            json_object_set_new(parameters, "type", json_string("object"));
        }
    }
    return copy;
}

static bool read_tools(struct task *task, const json_t *tools, struct fault *fault)
{
    struct err err;
    if (!json_is_array(tools) || json_array_size(tools) > TOOLS) {
        return fault_set(fault, 400, "invalid_value", "tools",
                         "tools: not an array of at most %d functions", TOOLS);
    }
    task->tools = json_array();
    for (size_t i = 0; i < json_array_size(tools); i++) {
        json_t *tool = complete_tool(json_array_get(tools, i));
        json_array_append_new(task->tools, tool);
        const char *type = json_string_value(json_object_get(tool, "type"));
        if (type == NULL || strcmp(type, "function") != 0) {
            return fault_set(fault, 400, "unsupported_value", "tools",
                             "tools[%zu]: of the types of tools there is only \"function\"", i);
        }
        if (!chat_declaration_check(tool, &err)) {
            return fault_set(fault, 400, "invalid_value", "tools", "tools[%zu]: %s", i, err.text);
        }
    }
    return true;
}

/* The one tool of that name, as an array. */
static json_t *pick(const json_t *tools, const char *name)
{
    for (size_t i = 0; name != NULL && i < json_array_size(tools); i++) {
        json_t *tool = json_array_get(tools, i);
        json_t *function = json_object_get(tool, "function");
        if (strcmp(json_string_value(json_object_get(function, "name")), name) == 0) {
            return json_pack("[O]", tool);
        }
    }
    return NULL;
}

static bool read_choice(struct task *task, const json_t *choice, struct fault *fault)
{
    const char *word = json_string_value(choice);
    if (choice == NULL || json_is_null(choice) || (word != NULL && strcmp(word, "auto") == 0)) {
        task->callable = json_incref(task->tools);
        return true;
    }
    if (word != NULL && strcmp(word, "none") == 0) {
        json_decref(task->tools); /* what must not be called is not spoken of */
        task->tools = NULL;
        return true;
    }
    task->must_call = true;
    if (word != NULL && strcmp(word, "required") == 0) {
        task->callable = json_incref(task->tools);
        return true;
    }
    task->callable =
        pick(task->tools,
             json_string_value(json_object_get(json_object_get(choice, "function"), "name")));
    return task->callable != NULL ||
           fault_set(fault, 400, "invalid_value", "tool_choice",
                     "tool_choice: neither none, auto, required nor a function among the tools");
}

bool task_tools(struct task *task, const json_t *tools, const json_t *choice, struct fault *fault)
{
    if (tools != NULL && !json_is_null(tools) && !read_tools(task, tools, fault)) {
        return false;
    }
    if (json_array_size(task->tools) > 0) {
        return read_choice(task, choice, fault);
    }
    json_decref(task->tools);
    task->tools = NULL;
    const char *word = json_string_value(choice);
    bool free_choice = choice == NULL || json_is_null(choice) ||
                       (word != NULL && (strcmp(word, "none") == 0 || strcmp(word, "auto") == 0));
    return free_choice || fault_set(fault, 400, "invalid_value", "tool_choice",
                                    "tool_choice: there are no tools to choose from");
}

/* --- the form of the answer --- */

bool task_schema(struct task *task, const json_t *schema, struct fault *fault)
{
    struct err err;
    if (!json_is_object(schema)) {
        return fault_set(fault, 400, "invalid_value", "response_format",
                         "response_format: the schema is not an object");
    }
    struct grammar *grammar =
        schema_bounds_supported(schema, &err) ? grammar_create_value(schema, &err) : NULL;
    if (grammar == NULL) {
        return fault_from_err(fault, 400, "invalid_schema", "response_format", &err);
    }
    grammar_destroy(grammar);
    task->schema = json_deep_copy(schema);
    return true;
}

bool task_format(struct task *task, const json_t *format, struct fault *fault)
{
    if (format == NULL || json_is_null(format)) {
        return true;
    }
    const char *type = json_string_value(json_object_get(format, "type"));
    if (type != NULL && strcmp(type, "text") == 0) {
        return true;
    }
    if (type != NULL && strcmp(type, "json_object") == 0) {
        json_t *any = json_pack("{ss}", "type", "object");
        bool ok = task_schema(task, any, fault);
        json_decref(any);
        return ok;
    }
    if (type != NULL && strcmp(type, "json_schema") == 0) {
        const json_t *nested = json_object_get(format, "json_schema");
        return task_schema(task, json_object_get(nested != NULL ? nested : format, "schema"),
                           fault);
    }
    return fault_set(fault, 400, "invalid_value", "response_format",
                     "response_format: the type is none of text, json_object, json_schema");
}
