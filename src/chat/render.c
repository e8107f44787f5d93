/* The renderer: messages to segments, in the order of the canonical template.
 *
 * A model turn stays open over its calls, their results and the next step; `turn_open` says that it
 * is. Where the template is unsound, and what is done here instead:
 *   - text before a call is printed where the model wrote it (the template moves it behind the
 *     results and ends the turn);
 *   - a call that was never answered and is not the last thing ends its turn (the template leaves
 *     the turn open and starts the next one inside it);
 *   - two model messages in a row are joined by a newline;
 *   - results without ids belong to the calls in order (the template gives all to the last call);
 *   - a system message in the middle and results without a call are refused.
 */
#include "chat/render.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "chat/declaration.h"
#include "chat/prompt_writer.h"
#include "chat/sampled.h"
#include "chat/text.h"
#include "chat/value.h"

struct renderer {
    struct prompt_writer writer;
    const struct chat_message *messages;
    size_t count;
    const struct chat_render_options *options;
    const struct control_ids *ids;
    size_t thoughts_from; /* messages from here on keep their thoughts: the running turn */
    bool turn_open;       /* a model turn is open, and its last item are results or text */
    bool after_results;   /* ... results */
    bool awaits_results;  /* the prompt ends in RESPONSE_OPEN */
    struct err *err;
};

/* --- pieces --- */

static void open_turn(struct renderer *r, const char *role)
{
    prompt_writer_control(&r->writer, CONTROL_TURN_OPEN);
    prompt_writer_text(&r->writer, role);
    prompt_writer_text(&r->writer, "\n");
}

static void close_turn(struct renderer *r)
{
    prompt_writer_control(&r->writer, CONTROL_TURN_CLOSE);
    prompt_writer_text(&r->writer, "\n");
    r->turn_open = false;
    r->after_results = false;
}

static void open_thought(struct renderer *r)
{
    prompt_writer_control(&r->writer, CONTROL_CHANNEL_OPEN);
    prompt_writer_text(&r->writer, "thought\n");
}

static void print_stripped(struct renderer *r, const char *text)
{
    size_t length = strlen(text);
    chat_text_strip(&text, &length);
    prompt_writer_bytes(&r->writer, text, length);
}

/* A model's text: spelled-out thoughts go first, then white space at the ends. */
static void print_answer(struct renderer *r, const char *text)
{
    struct str cleaned;
    str_init(&cleaned);
    chat_text_append_without_thoughts(&cleaned, text, strlen(text));
    print_stripped(r, cleaned.data);
    str_finish(&cleaned);
}

static bool is_frame(const struct chat_part *part)
{
    return part->kind == CHAT_PART_VIDEO && part->text != NULL;
}

/* For a model that is not given the medium. */
static void print_absence(struct renderer *r, const struct chat_part *part)
{
    prompt_writer_text(&r->writer, part->kind == CHAT_PART_AUDIO
                                       ? "(a sound was here, which this model cannot hear)"
                                       : "(a picture was here, which this model cannot see)");
}

static void print_medium(struct renderer *r, const struct chat_message *message,
                         const struct chat_part *part)
{
    static const enum control slots[] = {
        [CHAT_PART_IMAGE] = CONTROL_IMAGE,
        [CHAT_PART_AUDIO] = CONTROL_AUDIO,
        [CHAT_PART_VIDEO] = CONTROL_VIDEO,
    };
    /* A frame of a clip stands behind its time. */
    if (is_frame(part)) {
        prompt_writer_text(&r->writer, part->text);
        prompt_writer_text(&r->writer, " ");
    }
    if (part->kind != CHAT_PART_TEXT && message < r->messages + r->options->blind_before) {
        print_absence(r, part);
    } else if (part->kind != CHAT_PART_TEXT) {
        prompt_writer_medium(&r->writer, slots[part->kind], part->medium);
    }
}

static void print_content(struct renderer *r, const struct chat_message *message,
                          void (*print_text)(struct renderer *r, const char *text))
{
    if (message->parts == NULL) {
        print_text(r, message->text);
        return;
    }
    for (size_t i = 0; i < message->part_count; i++) {
        const struct chat_part *part = &message->parts[i];
        if (i > 0 && is_frame(part) && is_frame(part - 1)) {
            prompt_writer_text(&r->writer, " ");
        }
        print_medium(r, message, part);
        if (part->kind == CHAT_PART_TEXT) {
            print_text(r, part->text);
        }
    }
}

/* --- the system turn --- */

static bool print_system_text(struct renderer *r, const struct chat_message *message)
{
    if (message->parts == NULL) {
        print_stripped(r, message->text);
        return true;
    }
    for (size_t i = 0; i < message->part_count; i++) {
        if (message->parts[i].kind != CHAT_PART_TEXT) {
            return err_set(r->err, ERR_FORMAT,
                           "message 0: a system message holds text alone, part %zu is a medium", i);
        }
        print_stripped(r, message->parts[i].text);
        prompt_writer_text(&r->writer, " ");
    }
    return true;
}

static bool render_system(struct renderer *r, const json_t *tools)
{
    bool has_text = r->count > 0 && r->messages[0].role == CHAT_SYSTEM;
    size_t tool_count = json_array_size(tools);
    if (!r->options->enable_thinking && tool_count == 0 && !has_text) {
        return true;
    }
    open_turn(r, "system");
    if (r->options->enable_thinking) {
        prompt_writer_control(&r->writer, CONTROL_THINK);
        prompt_writer_text(&r->writer, "\n");
    }
    if (has_text && !print_system_text(r, &r->messages[0])) {
        return false;
    }
    for (size_t i = 0; i < tool_count; i++) {
        if (!chat_declaration_print(&r->writer, json_array_get(tools, i), r->err)) {
            return err_prefix(r->err, "tools[%zu]", i);
        }
    }
    close_turn(r);
    return true;
}

/* --- results --- */

static size_t count_results(const struct renderer *r, size_t from)
{
    size_t count = 0;
    while (from + count < r->count && r->messages[from + count].role == CHAT_TOOL) {
        count++;
    }
    return count;
}

/* Which tool the nth result of `model` comes from. */
static const char *result_name(const struct chat_message *model, const struct chat_message *result,
                               size_t n)
{
    const char *name = result->call_name[0] != '\0' ? result->call_name : "unknown";
    if (result->call_id[0] == '\0') {
        bool by_place = result->call_name[0] == '\0' && n < model->call_count;
        return by_place ? model->calls[n].name : name;
    }
    for (size_t i = 0; i < model->call_count; i++) {
        if (strcmp(model->calls[i].id, result->call_id) == 0) {
            name = model->calls[i].name;
        }
    }
    return name;
}

static bool check_name(struct renderer *r, size_t message, const char *name)
{
    return chat_value_is_name(name, strlen(name)) ||
           err_set(r->err, ERR_FORMAT,
                   "message %zu: \"%.60s\" cannot be printed as a function name (letters, digits "
                   "and _ . -, at most %d)",
                   message, name, CHAT_NAME_MAX);
}

/* The result as one string: all text parts together, as they are. */
static void print_result_text(struct renderer *r, const struct chat_message *result)
{
    prompt_writer_text(&r->writer, "value:");
    prompt_writer_control(&r->writer, CONTROL_QUOTE);
    if (result->parts == NULL) {
        prompt_writer_text(&r->writer, result->text);
    }
    for (size_t i = 0; result->parts != NULL && i < result->part_count; i++) {
        if (result->parts[i].kind == CHAT_PART_TEXT) {
            prompt_writer_text(&r->writer, result->parts[i].text);
        }
    }
    prompt_writer_control(&r->writer, CONTROL_QUOTE);
}

static bool render_result(struct renderer *r, size_t index, const char *name)
{
    const struct chat_message *result = &r->messages[index];
    if (!check_name(r, index, name)) {
        return false;
    }
    prompt_writer_control(&r->writer, CONTROL_RESPONSE_OPEN);
    prompt_writer_text(&r->writer, "response:");
    prompt_writer_text(&r->writer, name);
    prompt_writer_text(&r->writer, "{");
    if (json_is_object(result->result)) {
        chat_value_print_members(&r->writer, result->result);
    } else if (result->result != NULL) {
        prompt_writer_text(&r->writer, "value:");
        chat_value_print(&r->writer, result->result, CHAT_KEYS_BARE);
    } else {
        print_result_text(r, result);
    }
    prompt_writer_text(&r->writer, "}");
    prompt_writer_control(&r->writer, CONTROL_RESPONSE_CLOSE);
    for (size_t i = 0; i < result->part_count; i++) {
        print_medium(r, result, &result->parts[i]);
    }
    return true;
}

/* --- model messages --- */

static bool keeps_thought(const struct renderer *r, size_t index)
{
    return index >= r->thoughts_from ||
           (r->options->preserve_thinking && r->messages[index].call_count > 0);
}

static bool render_calls(struct renderer *r, size_t index)
{
    const struct chat_message *message = &r->messages[index];
    for (size_t i = 0; i < message->call_count; i++) {
        const struct chat_call *call = &message->calls[i];
        if (!check_name(r, index, call->name)) {
            return false;
        }
        prompt_writer_control(&r->writer, CONTROL_CALL_OPEN);
        prompt_writer_text(&r->writer, "call:");
        prompt_writer_text(&r->writer, call->name);
        prompt_writer_text(&r->writer, "{");
        chat_value_print_members(&r->writer, call->arguments);
        prompt_writer_text(&r->writer, "}");
        prompt_writer_control(&r->writer, CONTROL_CALL_CLOSE);
    }
    return true;
}

/* A message made elsewhere: thought, text, calls. */
static bool render_fields(struct renderer *r, size_t index)
{
    const struct chat_message *message = &r->messages[index];
    if (message->thought[0] != '\0' && keeps_thought(r, index)) {
        open_thought(r);
        prompt_writer_text(&r->writer, message->thought);
        prompt_writer_text(&r->writer, "\n");
        prompt_writer_control(&r->writer, CONTROL_CHANNEL_CLOSE);
    }
    print_content(r, message, print_answer);
    return render_calls(r, index);
}

/* A message that the model sampled: its tokens, after what the prompt had put before them. */
static void render_tokens(struct renderer *r, size_t index, bool opened_turn,
                          enum chat_sampled_end end)
{
    const struct chat_message *message = &r->messages[index];
    bool keep = keeps_thought(r, index);
    bool began = chat_sampled_began_in_thought(message, r->ids, r->after_results);
    struct chat_ids body = {0};
    if (began && keep) {
        open_thought(r);
    } else if (opened_turn && index >= r->thoughts_from && r->options->large_model &&
               !r->options->enable_thinking) {
        /* The generation prompt had it; in earlier turns it goes, as every thought. */
        open_thought(r);
        prompt_writer_control(&r->writer, CONTROL_CHANNEL_CLOSE);
    }
    chat_sampled_append(&body, message, r->ids, began, keep, end);
    prompt_writer_tokens(&r->writer, body.items, body.count);
    mem_free(body.items);
}

/* After a message and its results: does the model turn stay open? */
static void end_message(struct renderer *r, size_t index, size_t results, bool has_tokens)
{
    const struct chat_message *message = &r->messages[index];
    size_t next = index + 1 + results;
    bool last = next == r->count;
    bool continued = !last && r->messages[next].role == CHAT_MODEL;
    r->turn_open = true;
    r->after_results = results > 0;
    if (results > 0) {
        if (!last && !continued) {
            close_turn(r);
        }
    } else if (message->call_count > 0 && last && message->complete) {
        prompt_writer_control(&r->writer, CONTROL_RESPONSE_OPEN);
        r->awaits_results = true;
    } else if (continued && message->call_count == 0 && !has_tokens && message->complete) {
        const char *newline = message->text[0] != '\0' || message->part_count > 0 ? "\n" : "";
        prompt_writer_text(&r->writer, newline);
    } else {
        close_turn(r);
    }
}

static bool render_model(struct renderer *r, size_t index)
{
    const struct chat_message *message = &r->messages[index];
    size_t results = count_results(r, index + 1);
    bool has_tokens = message->tokens != NULL;
    if (has_tokens && r->ids == NULL) {
        return err_set(r->err, ERR_ARGUMENT,
                       "message %zu holds sampled tokens, and no control ids were given", index);
    }
    has_tokens = has_tokens && chat_sampled_usable(message, r->ids);
    if (results > 0 && message->call_count == 0 && !has_tokens) {
        return err_set(r->err, ERR_FORMAT,
                       "message %zu is a tool's result, and message %zu before it makes no call",
                       index + 1, index);
    }
    bool opens_turn = !r->turn_open;
    if (opens_turn) {
        open_turn(r, "model");
    }
    if (has_tokens) {
        bool awaits = message->call_count > 0 && message->complete && index + 1 == r->count;
        render_tokens(r, index, opens_turn,
                      results > 0 || awaits ? CHAT_SAMPLED_ANSWERED : CHAT_SAMPLED_TURN_ENDS);
    } else if (!render_fields(r, index)) {
        return false;
    }
    for (size_t i = 0; i < results; i++) {
        const struct chat_message *result = &r->messages[index + 1 + i];
        if (!render_result(r, index + 1 + i, result_name(message, result, i))) {
            return false;
        }
    }
    end_message(r, index, results, has_tokens);
    return true;
}

/* --- the whole --- */

static bool render_message(struct renderer *r, size_t *index)
{
    switch (r->messages[*index].role) {
    case CHAT_USER:
        open_turn(r, "user");
        print_content(r, &r->messages[*index], print_stripped);
        close_turn(r);
        break;
    case CHAT_MODEL:
        if (!render_model(r, *index)) {
            return false;
        }
        *index += count_results(r, *index + 1);
        break;
    case CHAT_SYSTEM:
        return err_set(r->err, ERR_FORMAT,
                       "message %zu: a system message may only be the first one", *index);
    case CHAT_TOOL:
        return err_set(r->err, ERR_FORMAT,
                       "message %zu is a tool's result, and no call comes before it", *index);
    }
    ++*index;
    return true;
}

static void render_generation_prompt(struct renderer *r)
{
    if (r->awaits_results) {
        return;
    }
    if (!r->turn_open) {
        open_turn(r, "model");
        if (r->options->large_model && !r->options->enable_thinking) {
            open_thought(r);
            prompt_writer_control(&r->writer, CONTROL_CHANNEL_CLOSE);
        }
    } else if (r->options->enable_thinking) {
        open_thought(r);
        r->writer.prompt->starts_in_thought = true;
    }
}

static bool render_all(struct renderer *r, const json_t *tools)
{
    if (!render_system(r, tools)) {
        return false;
    }
    bool has_system = r->count > 0 && r->messages[0].role == CHAT_SYSTEM;
    for (size_t i = has_system ? 1 : 0; i < r->count;) {
        if (!render_message(r, &i)) {
            return false;
        }
    }
    if (r->options->add_generation_prompt) {
        render_generation_prompt(r);
    }
    return true;
}

bool chat_render(struct chat_prompt *prompt, const struct chat_message *messages, size_t count,
                 const json_t *tools, const struct chat_render_options *options,
                 const struct control_ids *ids, struct err *err)
{
    struct renderer r = {
        .messages = messages, .count = count, .options = options, .ids = ids, .err = err};
    for (size_t i = 0; i < count; i++) {
        r.thoughts_from = messages[i].role == CHAT_USER ? i : r.thoughts_from;
    }
    prompt_writer_init(&r.writer, prompt);
    prompt_writer_control(&r.writer, CONTROL_BOS);
    bool ok = render_all(&r, tools);
    prompt_writer_finish(&r.writer);
    if (!ok) {
        chat_prompt_finish(prompt);
    }
    return ok;
}
