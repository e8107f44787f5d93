/* command_batch: lanes that take the next line as soon as they are free.
 *
 * The input is read whole at the start, so that marks can be compared with a result file before
 * anything runs. A lane's agent must not be replaced from inside its own callback: `next` is a
 * timer that fires at once and does it. An interrupt stops what runs and writes no result for it,
 * so that the next run asks again.
 */
#include "command/command_batch.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/answer_schema.h"
#include "app/app.h"
#include "app/lane.h"
#include "app/notice.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"
#include "base/visible.h"
#include "command/batch_output.h"
#include "command/batch_progress.h"
#include "events/event_lines.h"

enum { LINE_LIMIT = 8 * 1024 * 1024, INPUT_LIMIT = 1024 * 1024 * 1024, FAILED_LIMIT = 100 };

struct line {
    char *text;
    size_t length;
    size_t number; /* in the file, from 1 */
};

struct work {
    struct batch *batch;
    struct lane *lane;
    uv_timer_t next;
    size_t index; /* of the line */
    bool busy;
    json_t *item; /* the line, parsed */
    struct str answer, failure;
};

struct batch {
    struct app app;
    const struct config *config;
    struct line *lines;
    size_t line_count, line_capacity;
    size_t taken; /* the next line */
    struct work *works;
    size_t work_count;
    struct batch_output *output;
    struct batch_progress progress;
    bool terminal;
    uv_signal_t interrupt, terminate;
    int signal;
    struct err fatal; /* what ended it before its time; code 0 = nothing */
};

/* --- the input --- */

static bool read_lines(struct batch *batch, FILE *file, struct err *err)
{
    char *text = NULL;
    size_t capacity = 0, number = 0, total = 0;
    ssize_t length;
    bool ok = true;
    while (ok && (length = getline(&text, &capacity, file)) > 0) {
        number++;
        total += (size_t)length;
        length -= text[length - 1] == '\n';
        if (length > LINE_LIMIT || total > INPUT_LIMIT) {
            ok = err_set(err, ERR_LIMIT, "line %zu: larger than %d bytes", number,
                         length > LINE_LIMIT ? LINE_LIMIT : INPUT_LIMIT);
        } else if (strspn(text, " \t\r\n") < (size_t)length) {
            vec_room(&batch->lines, &batch->line_capacity, batch->line_count + 1,
                     sizeof *batch->lines);
            batch->lines[batch->line_count++] =
                (struct line){mem_strndup(text, (size_t)length), (size_t)length, number};
        }
    }
    free(text);
    return ok && (!ferror(file) || err_errno(err, ERR_IO, "reading"));
}

static bool read_input(struct batch *batch, struct err *err)
{
    const struct config_list *words = &batch->config->words;
    if (words->count != 2) {
        return err_set(err, ERR_ARGUMENT, "say carat batch FILE.jsonl [-o OUT.jsonl]");
    }
    const char *path = words->items[1];
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "re");
    if (file == NULL) {
        return err_errno(err, ERR_IO, "%s", path);
    }
    bool ok = read_lines(batch, file, err) || err_prefix(err, "%s", standard ? "input" : path);
    if (!standard) {
        fclose(file);
    }
    return ok;
}

/* The results that are there must be those of the first lines. */
static bool open_output(struct batch *batch, struct err *err)
{
    const char *path = config_string(batch->config, OPTION_OUTPUT_FILE);
    batch->output = batch_output_open(path, err);
    if (batch->output == NULL) {
        return false;
    }
    size_t complete = batch_output_complete(batch->output);
    for (size_t i = 0; i < complete; i++) {
        char mark[BATCH_MARK_SIZE] = "";
        if (i < batch->line_count) {
            batch_output_mark(batch->lines[i].text, batch->lines[i].length, mark);
        }
        if (strcmp(mark, batch_output_mark_of(batch->output, i)) != 0) {
            return err_set(err, ERR_FORMAT,
                           "%s: its result %zu is of another prompt than the input's: take another "
                           "file, or the input it was made of",
                           path, i + 1);
        }
    }
    size_t failed = batch_output_failed(batch->output);
    batch->taken = complete;
    batch->progress = (struct batch_progress){batch->line_count, complete, complete, failed,
                                              clock_monotonic_us() / 1000};
    return true;
}

/* A line of its own, for people. */
static void notice(struct batch *batch, const char *text, size_t length)
{
    struct str line;
    str_init(&line);
    str_append(&line, batch->terminal ? "\r\033[Kcarat: " : "carat: ");
    visible_append(&line, text, length, VISIBLE_LINE);
    fprintf(stderr, "%s\n", line.data);
    str_finish(&line);
}

/* What was found while the app was opened. */
static void tell_surroundings(struct batch *batch)
{
    for (size_t i = 0; i < batch->app.notices.count; i++) {
        notice(batch, batch->app.notices.items[i], strlen(batch->app.notices.items[i]));
    }
    const char *summary = batch->app.instructions_summary;
    if (summary != NULL) {
        struct str line;
        str_init(&line);
        str_append_format(&line, "read %s", summary);
        notice(batch, line.data, line.length);
        str_finish(&line);
    }
}

/* --- results --- */

static void draw(struct batch *batch)
{
    if (batch->terminal) {
        struct str line;
        str_init(&line);
        str_append(&line, "\r\033[K");
        batch_progress_append(&batch->progress, clock_monotonic_us() / 1000, &line);
        fputs(line.data, stderr);
        str_finish(&line);
    }
}

static void stop_for(struct batch *batch, const struct err *err)
{
    if (batch->fatal.code == 0) {
        batch->fatal = *err;
    }
    app_stop(&batch->app, EXIT_CODE_FAILURE);
}

/* Takes `result` over and completes it. `message` NULL: it ended well. */
static void put_result(struct work *work, json_t *result, enum exit_code code, const char *message)
{
    struct batch *batch = work->batch;
    const struct line *line = &batch->lines[work->index];
    char mark[BATCH_MARK_SIZE];
    struct err err;
    batch_output_mark(line->text, line->length, mark);
    json_t *whole = json_pack("{sI}", "line", (json_int_t)line->number);
    if (json_object_get(work->item, "id") != NULL) {
        json_object_set(whole, "id", json_object_get(work->item, "id"));
    }
    json_object_set_new(whole, "input", json_string(mark));
    json_object_update(whole, result);
    json_decref(result);
    if (message != NULL) {
        json_object_set_new(
            whole, "error",
            json_pack("{siso}", "code", (int)code, "message", event_lines_text(message)));
        batch->progress.failed++;
    }
    batch->progress.done++;
    work->busy = false;
    if (!batch_output_put(batch->output, work->index, whole, &err)) {
        stop_for(batch, &err);
    }
    draw(batch);
}

static void on_next(uv_timer_t *timer);

static void turn_ended(struct work *work, const struct agent_event *event)
{
    struct batch *batch = work->batch;
    enum exit_code code = exit_code_of_outcome(event->outcome);
    struct err err = {0};
    if (lane_model_lost(work->lane)) {
        err_set(&err, ERR_UNAVAILABLE, "%s", work->failure.data);
        stop_for(batch, &err);
        return;
    }
    if (batch->signal != 0) {
        work->busy = false;
        uv_timer_start(&work->next, on_next, 0, 0);
        return;
    }
    const json_t *schema = json_object_get(work->item, "schema");
    schema = schema != NULL ? schema : batch->app.schema;
    json_t *result =
        json_pack("{ssso}", "conversation", agent_conversation_id(lane_agent(work->lane)), "text",
                  event_lines_text(work->answer.data));
    const char *message = NULL;
    if (code != EXIT_CODE_OK) {
        message = work->failure.length > 0 ? work->failure.data : event->text;
    } else if (schema != NULL) {
        json_t *value = answer_schema_value(schema, work->answer.data, &err);
        code = value != NULL ? code : EXIT_CODE_SCHEMA;
        message = value != NULL ? NULL : err.text;
        json_object_set_new(result, "output", value);
    }
    json_object_set_new(result, "usage",
                        json_pack("{sIsIsI}", "input_tokens", (json_int_t)event->input_tokens,
                                  "cached_input_tokens", (json_int_t)event->cached_tokens,
                                  "output_tokens", (json_int_t)event->output_tokens));
    put_result(work, result, code, message);
    uv_timer_start(&work->next, on_next, 0, 0);
}

static void agent_event(void *context, const struct agent_event *event)
{
    struct work *work = context;
    switch (event->kind) {
    case AGENT_MESSAGE:
        str_clear(&work->answer);
        str_append(&work->answer, event->message->text);
        break;
    case AGENT_FAILED:
        str_clear(&work->failure);
        str_append_bytes(&work->failure, event->text, event->length);
        break;
    case AGENT_NOTICE:
        notice(work->batch, event->text, event->length);
        break;
    case AGENT_TURN_ENDED:
        turn_ended(work, event);
        break;
    default:
        break;
    }
}

/* --- work --- */

/* The line as an object of known members with a prompt. */
static json_t *parse_line(const struct line *line, struct err *err)
{
    static const char *const members[] = {"id", "prompt", "schema", "system"};
    json_error_t where;
    json_t *item = json_loadb(line->text, line->length, JSON_REJECT_DUPLICATES, &where), *value;
    const char *key;
    if (!json_is_object(item)) {
        json_decref(item);
        err_set(err, ERR_FORMAT, "not a JSON object: %s", item == NULL ? where.text : "a list");
        return NULL;
    }
    bool ok = true;
    json_object_foreach(item, key, value)
    {
        bool known = false;
        for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
            known |= strcmp(key, members[i]) == 0;
        }
        ok = ok &&
             (known || err_set(err, ERR_FORMAT,
                               "the member \"%.40s\" is none of id, prompt, schema, system", key));
    }
    const json_t *prompt = json_object_get(item, "prompt"),
                 *system = json_object_get(item, "system");
    const json_t *schema = json_object_get(item, "schema");
    if (ok && json_string_length(prompt) == 0) {
        ok = err_set(err, ERR_FORMAT, "\"prompt\" is not a text");
    } else if (ok && system != NULL && !json_is_string(system)) {
        ok = err_set(err, ERR_FORMAT, "\"system\" is not a text");
    } else if (ok && schema != NULL) {
        ok = answer_schema_check(schema, "schema", err);
    }
    if (!ok) {
        json_decref(item);
    }
    return ok ? item : NULL;
}

/* Starts on a line. False when it has its result already. */
static bool begin_line(struct work *work)
{
    struct batch *batch = work->batch;
    struct err err = {0};
    json_decref(work->item);
    str_clear(&work->answer);
    str_clear(&work->failure);
    work->index = batch->taken++;
    work->busy = true;
    work->item = parse_line(&batch->lines[work->index], &err);
    if (work->item == NULL) {
        put_result(work, json_object(), EXIT_CODE_BAD_INPUT, err.text);
        return false;
    }
    const json_t *prompt = json_object_get(work->item, "prompt");
    const json_t *schema = json_object_get(work->item, "schema");
    const char *system = json_string_value(json_object_get(work->item, "system"));
    struct lane_work about = {.schema = schema != NULL ? schema : batch->app.schema,
                              .system = system};
    bool ok = lane_begin(work->lane, &about, &err) &&
              agent_submit(lane_agent(work->lane), json_string_value(prompt),
                           json_string_length(prompt), &err);
    if (!ok) {
        stop_for(batch, &err);
    }
    return true;
}

static bool all_idle(const struct batch *batch)
{
    bool idle = true;
    for (size_t i = 0; i < batch->work_count; i++) {
        idle = idle && !batch->works[i].busy;
    }
    return idle;
}

static void on_next(uv_timer_t *timer)
{
    struct work *work = timer->data;
    struct batch *batch = work->batch;
    bool begun = false;
    while (!begun && batch->signal == 0 && batch->fatal.code == 0 &&
           batch->taken < batch->line_count) {
        begun = begin_line(work);
    }
    if (!begun && all_idle(batch)) {
        app_stop(&batch->app, batch->app.exit_code);
    }
}

static void on_signal(uv_signal_t *handle, int signal)
{
    struct batch *batch = handle->data;
    bool again = batch->signal != 0;
    batch->signal = signal;
    for (size_t i = 0; i < batch->work_count; i++) {
        if (batch->works[i].busy) {
            agent_cancel(lane_agent(batch->works[i].lane));
        }
    }
    if (again || all_idle(batch)) {
        app_stop(&batch->app, EXIT_CODE_SIGINT);
    }
}

static void watch(struct batch *batch, uv_signal_t *handle, int signal)
{
    uv_signal_init(&batch->app.loop, handle);
    handle->data = batch;
    uv_signal_start(handle, on_signal, signal);
}

static bool open_lanes(struct batch *batch, struct err *err)
{
    size_t wanted = (size_t)config_whole(batch->config, OPTION_PARALLEL);
    size_t left = batch->line_count - batch->taken;
    if (wanted > 1 && app_model_is_here(&batch->app)) {
        return err_set(err, ERR_ARGUMENT,
                       "--parallel %zu is for servers (-m remote:NAME): the model here answers one "
                       "prompt after the other",
                       wanted);
    }
    size_t count = wanted < left ? wanted : left;
    batch->works = mem_zero(count, sizeof *batch->works);
    for (size_t i = 0; i < count; i++) {
        struct work *work = &batch->works[i];
        work->batch = batch;
        work->lane =
            lane_open(&batch->app, (struct app_face){.event = agent_event, .context = work}, err);
        if (work->lane == NULL) {
            return false;
        }
        batch->work_count++;
        str_init(&work->answer);
        str_init(&work->failure);
        uv_timer_init(&batch->app.loop, &work->next);
        work->next.data = work;
        uv_timer_start(&work->next, on_next, 0, 0);
    }
    return true;
}

static void close_lanes(struct batch *batch)
{
    for (size_t i = 0; i < batch->work_count; i++) {
        uv_close((uv_handle_t *)&batch->works[i].next, NULL);
        lane_close(batch->works[i].lane);
    }
}

static void run(struct batch *batch)
{
    struct err err;
    if (open_lanes(batch, &err)) {
        watch(batch, &batch->interrupt, SIGINT);
        watch(batch, &batch->terminate, SIGTERM);
        draw(batch);
        app_run(&batch->app);
        uv_close((uv_handle_t *)&batch->interrupt, NULL);
        uv_close((uv_handle_t *)&batch->terminate, NULL);
    } else {
        batch->fatal = err;
        batch->app.exit_code = EXIT_CODE_USAGE;
    }
    close_lanes(batch);
    if (batch->terminal) {
        fputs("\n", stderr);
    }
}

/* What is said at the end, and the code. */
static enum exit_code sum_up(const struct batch *batch)
{
    const struct batch_progress *progress = &batch->progress;
    if (batch->fatal.code != 0) {
        notice_print(batch->fatal.text);
    }
    if (progress->done < progress->total || progress->failed > 0) {
        fprintf(stderr, "carat: %zu of %zu lines are done, %zu of them failed\n", progress->done,
                progress->total, progress->failed);
    }
    if (batch->signal != 0) {
        return batch->signal == SIGTERM ? EXIT_CODE_SIGTERM : EXIT_CODE_SIGINT;
    }
    if (batch->fatal.code != 0) {
        return batch->app.exit_code != EXIT_CODE_OK ? batch->app.exit_code : EXIT_CODE_FAILURE;
    }
    return (enum exit_code)(progress->failed > FAILED_LIMIT ? FAILED_LIMIT + 1 : progress->failed);
}

static void finish(struct batch *batch)
{
    for (size_t i = 0; i < batch->work_count; i++) {
        json_decref(batch->works[i].item);
        str_finish(&batch->works[i].answer);
        str_finish(&batch->works[i].failure);
    }
    for (size_t i = 0; i < batch->line_count; i++) {
        mem_free(batch->lines[i].text);
    }
    mem_free(batch->lines);
    mem_free(batch->works);
    batch_output_close(batch->output);
}

enum exit_code command_batch(struct config *config)
{
    struct batch batch = {.config = config, .terminal = isatty(STDERR_FILENO)};
    struct err err;
    signal(SIGPIPE, SIG_IGN);
    enum exit_code code = EXIT_CODE_BAD_INPUT;
    bool ok = read_input(&batch, &err) && open_output(&batch, &err);
    if (ok && batch.taken < batch.line_count) {
        bool open = app_open_shared(&batch.app, config, true, &err);
        ok = open && app_read_surroundings(&batch.app, &err);
        code = batch.app.exit_code;
        if (ok) {
            tell_surroundings(&batch);
            run(&batch);
        }
        if (open) {
            app_close(&batch.app);
        }
    }
    if (ok) {
        code = sum_up(&batch);
    } else {
        notice_print(err.text);
    }
    finish(&batch);
    return code;
}
