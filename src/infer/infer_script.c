/* infer_script: a model's twin that says what a script says, on a thread of its own.
 *
 * Everything the rest of carat sees is as with a real model: the answer arrives token by token
 * from another thread, can be slow, can fail, can be cancelled between two tokens, and ends at a
 * limit of tokens. Items of the script, one a request:
 *
 *   "text"                   control tokens spelled out; <turn|> is added when it has no stop token
 *   {"text": "...",          the same
 *    "delay_ms": 20,         before each token,
 *    "at_once": 1000,        but the first so many
 *    "expect": "...",        must stand in the prompt (control tokens spelled out), else the
 *                            request fails and says so
 *    "fail": "message"}      the request fails after the text
 *
 * Token ids: a control token has its number in enum control; a piece of 1..3 bytes b0 b1 b2 has
 * (length << 24 | b0 << 16 | b1 << 8 | b2). So ids can be turned back, and no two pieces share one.
 *
 * Locking: `lock` guards the request that waits, the two sequence numbers and `quit`; the thread
 * sleeps on `changed`, also for its delays, so that a cancel wakes it. A cancel is for the requests
 * submitted so far, never for the next.
 */
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/mailbox.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "infer/infer.h"

enum { PIECE_BYTES = 3, SCRIPT_CONTEXT = 32768 };

struct piece {
    int32_t id;
    enum control control;
    char bytes[PIECE_BYTES];
    size_t length;
};

struct infer_script {
    struct infer infer;
    json_t *script;
    size_t next; /* item; the thread's own */
    struct infer_model model;
    struct control_ids control;
    struct mailbox *events;

    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct infer_request *waiting; /* NULL = none */
    uint64_t submitted;            /* how many so far */
    uint64_t cancelled;            /* all up to this one */
    uint64_t running;              /* which of them is answered; the thread's own */
    bool quit;
};

/* What goes from the thread to the loop: an event and the bytes that it views. */
struct posted {
    struct infer_event event;
    char bytes[PIECE_BYTES];
};

static void post(struct infer_script *script, const struct infer_event *event,
                 const struct piece *piece)
{
    struct posted *posted = mem_zero(1, sizeof *posted);
    posted->event = *event;
    if (piece != NULL) {
        memcpy(posted->bytes, piece->bytes, piece->length);
        posted->event.bytes = posted->bytes;
    }
    if (event->kind == INFER_TOKEN) {
        mailbox_post_patiently(script->events, posted);
    } else {
        mailbox_post(script->events, posted);
    }
}

static void post_failure(struct infer_script *script, uint64_t number, const char *text)
{
    struct infer_event event = {.kind = INFER_FAILED, .number = number};
    err_set(&event.error, ERR_UNAVAILABLE, "%s", text);
    post(script, &event, NULL);
}

/* --- pieces --- */

/* The next token of text[0..length), length >= 1: a control token or at most 3 bytes before one. */
static struct piece cut_piece(const char *text, size_t length)
{
    enum control control = control_match(text, length);
    if (control != CONTROL_NONE) {
        return (struct piece){.id = (int32_t)control,
                              .control = control,
                              .length = strlen(control_spelling(control))};
    }
    struct piece piece = {.control = CONTROL_NONE};
    while (piece.length < PIECE_BYTES && piece.length < length &&
           control_match(text + piece.length, length - piece.length) == CONTROL_NONE) {
        piece.bytes[piece.length] = text[piece.length];
        piece.length++;
    }
    piece.id = (int32_t)piece.length << 24 | (int32_t)(unsigned char)piece.bytes[0] << 16 |
               (int32_t)(unsigned char)piece.bytes[1] << 8 | (unsigned char)piece.bytes[2];
    return piece;
}

static void spell_token(void *context, int32_t id, struct str *out)
{
    (void)context;
    if (id >= 0 && id < CONTROL_COUNT) {
        str_append(out, control_spelling((enum control)id));
        return;
    }
    for (int32_t i = 0; i < id >> 24 && i < PIECE_BYTES; i++) {
        str_append_char(out, (char)(id >> (16 - 8 * i) & 0xFF));
    }
}

/* How many tokens a prompt would have here: text counts a token for each 3 bytes. */
static size_t prompt_length(const struct chat_prompt *prompt)
{
    size_t count = 0;
    for (size_t i = 0; i < prompt->count; i++) {
        const struct chat_segment *segment = &prompt->segments[i];
        count += segment->kind == CHAT_SEGMENT_CONTROL  ? 1
                 : segment->kind == CHAT_SEGMENT_TOKENS ? segment->token_count
                                                        : (segment->length + 2) / PIECE_BYTES;
    }
    return count;
}

/* --- the thread --- */

/* Sleeps; true when the request was cancelled, before or meanwhile. */
static bool pause_or_cancel(struct infer_script *script, int milliseconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    until.tv_sec += milliseconds / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&script->lock);
    int waited = 0;
    bool cancelled = script->cancelled >= script->running || script->quit;
    while (!cancelled && milliseconds > 0 && waited == 0) {
        waited = pthread_cond_timedwait(&script->changed, &script->lock, &until);
        cancelled = script->cancelled >= script->running || script->quit;
    }
    pthread_mutex_unlock(&script->lock);
    return cancelled;
}

/* What comes before each token but the first ones. */
struct pauses {
    int milliseconds;
    size_t at_once;
};

/* Sends tokens until something stops it. */
static enum chat_stop say(struct infer_script *script, const struct infer_request *request,
                          const char *text, size_t length, const struct pauses *pauses,
                          size_t *sampled)
{
    for (size_t at = 0; at < length;) {
        if (pause_or_cancel(script, *sampled < pauses->at_once ? 0 : pauses->milliseconds)) {
            return CHAT_STOP_CANCEL;
        }
        if (*sampled >= (size_t)request->max_tokens) {
            return CHAT_STOP_LENGTH;
        }
        struct piece piece = cut_piece(text + at, length - at);
        at += piece.length;
        ++*sampled;
        struct infer_event event = {.kind = INFER_TOKEN,
                                    .number = request->number,
                                    .token = piece.id,
                                    .control = piece.control,
                                    .length = piece.length};
        if (piece.control != CONTROL_NONE) {
            event.length = 0;
            post(script, &event, NULL);
        } else {
            post(script, &event, &piece);
        }
        if (piece.control == CONTROL_TURN_CLOSE) {
            return CHAT_STOP_TURN;
        }
        if (piece.control == CONTROL_EOS) {
            return CHAT_STOP_EOS;
        }
        if (piece.control == CONTROL_RESPONSE_OPEN) {
            return CHAT_STOP_RESPONSE;
        }
    }
    return CHAT_STOP_NONE;
}

static bool expectation_holds(const struct chat_prompt *prompt, const char *expected)
{
    struct str spelled;
    str_init(&spelled);
    chat_prompt_spell(prompt, &spelled, spell_token, NULL);
    bool found = strstr(spelled.data, expected) != NULL;
    str_finish(&spelled);
    return found;
}

static void answer(struct infer_script *script, const struct infer_request *request)
{
    const json_t *item = json_array_get(script->script, script->next);
    if (item == NULL) {
        post_failure(script, request->number, "the script has no further answer");
        return;
    }
    script->next++;
    const json_t *text = json_is_object(item) ? json_object_get(item, "text") : item;
    const char *expected = json_string_value(json_object_get(item, "expect"));
    const char *failure = json_string_value(json_object_get(item, "fail"));
    struct pauses pauses = {
        .milliseconds = (int)json_integer_value(json_object_get(item, "delay_ms")),
        .at_once = (size_t)json_integer_value(json_object_get(item, "at_once")),
    };
    if (expected != NULL && !expectation_holds(&request->prompt, expected)) {
        struct err err;
        err_set(&err, ERR_FORMAT, "the prompt does not hold \"%s\"", expected);
        post_failure(script, request->number, err.text);
        return;
    }
    size_t prompt = prompt_length(&request->prompt);
    post(script,
         &(struct infer_event){.kind = INFER_PREFILL,
                               .number = request->number,
                               .prompt_done = prompt,
                               .prompt_total = prompt},
         NULL);
    size_t sampled = 0;
    enum chat_stop stop =
        say(script, request, json_is_string(text) ? json_string_value(text) : "",
            json_is_string(text) ? json_string_length(text) : 0, &pauses, &sampled);
    if (stop == CHAT_STOP_NONE && failure != NULL) {
        post_failure(script, request->number, failure);
        return;
    }
    if (stop == CHAT_STOP_NONE) {
        const char *close = control_spelling(CONTROL_TURN_CLOSE);
        stop = say(script, request, close, strlen(close), &pauses, &sampled);
    }
    post(script,
         &(struct infer_event){.kind = INFER_DONE,
                               .number = request->number,
                               .stop = stop,
                               .prompt_total = prompt,
                               .sampled = sampled,
                               .decode_seconds = (double)sampled * pauses.milliseconds / 1000},
         NULL);
}

static void request_destroy(struct infer_request *request)
{
    if (request != NULL) {
        chat_prompt_finish(&request->prompt);
        mem_free(request);
    }
}

static void *work(void *context)
{
    struct infer_script *script = context;
    post(script, &(struct infer_event){.kind = INFER_READY}, NULL);
    for (;;) {
        pthread_mutex_lock(&script->lock);
        while (script->waiting == NULL && !script->quit) {
            pthread_cond_wait(&script->changed, &script->lock);
        }
        struct infer_request *request = script->waiting;
        script->waiting = NULL;
        script->running = script->submitted;
        bool quit = script->quit;
        pthread_mutex_unlock(&script->lock);
        if (request != NULL && !quit) {
            answer(script, request);
        }
        request_destroy(request);
        if (quit) {
            return NULL;
        }
    }
}

/* --- the loop's side --- */

static void script_submit(struct infer *infer, struct infer_request *request)
{
    struct infer_script *script = (struct infer_script *)infer;
    struct infer_request *moved = mem_alloc(1, sizeof *moved);
    *moved = *request;
    chat_prompt_init(&request->prompt);
    pthread_mutex_lock(&script->lock);
    struct infer_request *unanswered = script->waiting;
    script->waiting = moved;
    script->submitted++;
    pthread_cond_broadcast(&script->changed);
    pthread_mutex_unlock(&script->lock);
    if (unanswered != NULL) {
        post(script,
             &(struct infer_event){
                 .kind = INFER_DONE, .number = unanswered->number, .stop = CHAT_STOP_CANCEL},
             NULL);
        request_destroy(unanswered);
    }
}

static void script_cancel(struct infer *infer)
{
    struct infer_script *script = (struct infer_script *)infer;
    pthread_mutex_lock(&script->lock);
    script->cancelled = script->submitted;
    pthread_cond_broadcast(&script->changed);
    pthread_mutex_unlock(&script->lock);
}

static void script_poll(struct infer *infer, infer_callback *callback, void *context)
{
    struct infer_script *script = (struct infer_script *)infer;
    void **items;
    size_t count = mailbox_take(script->events, &items);
    for (size_t i = 0; i < count; i++) {
        callback(context, &((struct posted *)items[i])->event);
        mem_free(items[i]);
    }
    mem_free(items);
}

static void script_pace(struct infer *infer, bool paced)
{
    mailbox_looked_after(((struct infer_script *)infer)->events, paced);
}

static const struct infer_model *script_model(const struct infer *infer)
{
    return &((const struct infer_script *)infer)->model;
}

static const struct control_ids *script_control(const struct infer *infer)
{
    return &((const struct infer_script *)infer)->control;
}

/* The view lives until the next call, which is long enough on the one thread that asks. */
static bool script_spell(const struct infer *infer, int32_t id, const char **bytes, size_t *length)
{
    static _Thread_local char spelled[PIECE_BYTES];
    (void)infer;
    *length = id > 0 ? (size_t)(id >> 24) : 0;
    for (size_t i = 0; i < *length && i < PIECE_BYTES; i++) {
        spelled[i] = (char)(id >> (16 - 8 * i) & 0xFF);
    }
    *bytes = spelled;
    return *length > 0 && *length <= PIECE_BYTES;
}

static void script_destroy(struct infer *infer)
{
    struct infer_script *script = (struct infer_script *)infer;
    pthread_mutex_lock(&script->lock);
    script->quit = true;
    pthread_cond_broadcast(&script->changed);
    pthread_mutex_unlock(&script->lock);
    pthread_join(script->thread, NULL);
    mailbox_destroy(script->events);
    pthread_cond_destroy(&script->changed);
    pthread_mutex_destroy(&script->lock);
    json_decref(script->script);
    mem_free(script);
}

static const struct infer_ops script_ops = {
    .submit = script_submit,
    .cancel = script_cancel,
    .poll = script_poll,
    .pace = script_pace,
    .model = script_model,
    .control = script_control,
    .spell = script_spell,
    .destroy = script_destroy,
};

/* What each member of an item must be. */
static const struct {
    const char *name;
    json_type type;
} members[] = {{"text", JSON_STRING},
               {"delay_ms", JSON_INTEGER},
               {"at_once", JSON_INTEGER},
               {"expect", JSON_STRING},
               {"fail", JSON_STRING}};

static bool check_item(size_t index, const json_t *item, struct err *err)
{
    if (json_is_string(item)) {
        return true;
    }
    if (!json_is_object(item)) {
        return err_set(err, ERR_FORMAT, "script item %zu is neither a string nor an object", index);
    }
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)item, name, value)
    {
        bool known = false;
        for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
            known |= strcmp(members[i].name, name) == 0 && json_typeof(value) == members[i].type;
        }
        if (!known) {
            return err_set(err, ERR_FORMAT,
                           "script item %zu: \"%s\" is not a member of an item, or of the wrong "
                           "type",
                           index, name);
        }
    }
    return true;
}

static bool check_script(const json_t *script, struct err *err)
{
    if (!json_is_array(script)) {
        return err_set(err, ERR_FORMAT, "the script is not an array");
    }
    for (size_t i = 0; i < json_array_size(script); i++) {
        if (!check_item(i, json_array_get(script, i), err)) {
            return false;
        }
    }
    return true;
}

struct infer *infer_script_create(const char *script, infer_wake *wake, void *wake_context,
                                  struct err *err)
{
    json_error_t error;
    json_t *parsed = json_loads(script, JSON_DECODE_ANY, &error);
    if (parsed == NULL) {
        err_set(err, ERR_FORMAT, "script, line %d: %s", error.line, error.text);
        return NULL;
    }
    if (!check_script(parsed, err)) {
        json_decref(parsed);
        return NULL;
    }
    struct infer_script *self = mem_zero(1, sizeof *self);
    self->infer.ops = &script_ops;
    self->script = parsed;
    self->model = (struct infer_model){.name = "script",
                                       .path = "",
                                       .sees = true,
                                       .context = SCRIPT_CONTEXT,
                                       .sampling = {.temperature = 1, .top_k = 64, .top_p = 0.95f}};
    for (int i = 0; i < CONTROL_COUNT; i++) {
        self->control.id[i] = i;
    }
    self->control.vocabulary_size = INT32_MAX;
    self->events = mailbox_create(wake, wake_context, mem_free);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&self->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&self->lock, NULL);
    if (pthread_create(&self->thread, NULL, work, self) != 0) {
        err_set(err, ERR_UNAVAILABLE, "the script's thread could not be started");
        mailbox_destroy(self->events);
        json_decref(parsed);
        mem_free(self);
        return NULL;
    }
    return &self->infer;
}
