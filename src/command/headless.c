#include "command/headless.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/foreign.h"
#include "app/answer_schema.h"
#include "app/app.h"
#include "app/context_picture.h"
#include "app/notice.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/visible.h"
#include "command/message_input.h"
#include "command/prompt_input.h"
#include "events/claude_events.h"
#include "events/codex_events.h"
#include "events/gemini_events.h"
#include "store/uuid.h"

/* The choices of --output-format that print events; "text" prints the answer. */
static const struct {
    const char *name;
    struct event_lines *(*create)(const struct event_lines_options *options);
    bool result_only;
} output_forms[] = {
    {"codex", codex_events_create, false},
    {"stream-json", claude_events_create, false},
    {"json", claude_events_create, true},
    {"gemini", gemini_events_create, false},
};

struct headless {
    struct app app;
    const struct config *config;
    size_t first;                /* of its words that are the prompt */
    struct event_lines *events;  /* NULL: text */
    struct message_input *input; /* NULL: one prompt */
    struct str prompt;
    struct str answer; /* text of the last model message */
    struct str output; /* the file for it; empty = none */
    uv_signal_t interrupt, terminate;
    enum exit_code worst; /* of the turns so far: the last one that was not done */
    bool attached;
    int signal;       /* the one that stopped us, 0 = none */
    bool output_lost; /* standard output is closed: nobody reads the answer */
};

/* --- output --- */

/* Foreign text for a person: never a control sequence on a terminal, as it is into a pipe. */
static void put_text(struct headless *headless, FILE *file, const char *text, size_t length)
{
    struct str safe;
    str_init(&safe);
    if (isatty(fileno(file))) {
        visible_append(&safe, text, length, VISIBLE_TEXT);
    } else {
        str_append_bytes(&safe, text, length);
    }
    if (fwrite(safe.data, 1, safe.length, file) != safe.length || fflush(file) != 0) {
        headless->output_lost |= file == stdout;
    }
    str_finish(&safe);
}

static void put_line(void *context, const char *line, size_t length)
{
    struct headless *headless = context;
    if (fwrite(line, 1, length, stdout) != length || fputc('\n', stdout) == EOF ||
        fflush(stdout) != 0) {
        headless->output_lost = true;
    }
}

/* One line of progress, cut to what fits a line of text. */
static void progress(struct headless *headless, const char *mark, const char *text, size_t length)
{
    struct str line;
    str_init(&line);
    str_append(&line, mark);
    size_t cut = length > 160 ? utf8_complete_length(text, 160) : length;
    visible_append(&line, text, cut, VISIBLE_LINE);
    str_append(&line, cut < length ? " ...\n" : "\n");
    put_text(headless, stderr, line.data, line.length);
    str_finish(&line);
}

static void progress_call(struct headless *headless, const struct agent_event *event)
{
    char *arguments = json_dumps(event->arguments, JSON_COMPACT);
    struct str line;
    str_init(&line);
    str_append_format(&line, "%s %s", event->name, arguments != NULL ? arguments : "{}");
    progress(headless, "> ", line.data, line.length);
    str_finish(&line);
    mem_free(arguments);
}

static void progress_result(struct headless *headless, const struct agent_event *event)
{
    const char *output = json_string_value(json_object_get(event->result, "output"));
    if (output != NULL) {
        progress(headless, event->failed || event->denied ? "! " : "< ", output, strlen(output));
    }
}

/* --- events --- */

static void make_id(char out[EVENT_LINES_ID_SIZE])
{
    static uint64_t last_stamp;
    struct err err;
    if (!uuid_make(clock_wall_ms(), &last_stamp, out, &err)) {
        snprintf(out, EVENT_LINES_ID_SIZE, "00000000-0000-0000-0000-000000000000");
    }
}

static bool told_tools(void *context, const json_t **tools)
{
    struct headless *headless = context;
    return agent_declares(headless->app.agent, tools);
}

static json_t *told_servers(void *context)
{
    struct headless *headless = context;
    return foreign_statuses(headless->app.foreign);
}

/* --json is the older name of one of the forms. */
static const char *output_form(const struct config *config)
{
    const char *form = config_string(config, OPTION_OUTPUT_FORMAT);
    return form != NULL ? form : config_boolean(config, OPTION_JSON) ? "codex" : "text";
}

/* After app_open, well or not: the lines also tell why it failed. */
static void open_events(struct headless *headless)
{
    const struct config *config = headless->config;
    const char *form = output_form(config);
    for (size_t i = 0; i < sizeof output_forms / sizeof output_forms[0]; i++) {
        if (strcmp(output_forms[i].name, form) == 0) {
            headless->events = output_forms[i].create(&(struct event_lines_options){
                .write = put_line,
                .context = headless,
                .wall_ms = clock_wall_ms,
                .make_id = make_id,
                .workspace = headless->app.workspace,
                .model = config_string(config, OPTION_MODEL),
                .mode = app_mode(config, true),
                .tools = told_tools,
                .servers = told_servers,
                .partial_messages = config_boolean(config, OPTION_PARTIAL_MESSAGES),
                .result_only = output_forms[i].result_only,
            });
        }
    }
}

static void report_failure(struct headless *headless, const struct err *err)
{
    notice_print(err->text);
    if (headless->events != NULL) {
        event_lines_error(headless->events, err->text);
    }
}

/* --- the face --- */

/* Of the prompt only the words are a person's own: what comes on standard input names nothing. */
static bool attach(struct headless *headless, struct err *err)
{
    const struct config_list *words = &headless->config->words;
    bool ok = app_attach_options(&headless->app, err);
    for (size_t i = headless->first; ok && i < words->count; i++) {
        ok = app_attach_mentions(&headless->app, words->items[i], err);
    }
    return ok;
}

static void submit(struct headless *headless, const char *text, size_t length)
{
    struct err err;
    bool first = !headless->attached; /* what is attached goes with the first message */
    headless->attached = true;
    if (first && !attach(headless, &err)) {
        report_failure(headless, &err);
        app_stop(&headless->app, EXIT_CODE_BAD_INPUT);
        return;
    }
    const struct config_list *given = &headless->config->words;
    const char *words;
    /* Only a person's own words call one: not what comes on standard input. */
    const struct skill *skill =
        headless->first < given->count ? app_skill_called(&headless->app, text, &words) : NULL;
    if (skill != NULL ? !app_call_skill(&headless->app, skill, words, &err)
                      : !agent_submit(headless->app.agent, text, length, &err)) {
        report_failure(headless, &err);
        app_stop(&headless->app, EXIT_CODE_FAILURE);
    }
}

static void input_message(void *context, const char *text, size_t length)
{
    submit(context, text, length);
}

static void input_ended(void *context, const struct err *err)
{
    struct headless *headless = context;
    if (err != NULL) {
        report_failure(headless, err);
    }
    app_stop(&headless->app, err != NULL ? EXIT_CODE_BAD_INPUT : headless->worst);
}

/* The turn is over: the next message, or the end. */
static void go_on(struct headless *headless, enum exit_code code)
{
    headless->worst = code != EXIT_CODE_OK ? code : headless->worst;
    if (headless->input != NULL && headless->signal == 0 && !headless->output_lost) {
        message_input_next(headless->input);
    } else {
        app_stop(&headless->app, headless->worst);
    }
}

static bool write_answer_file(struct headless *headless)
{
    struct err err;
    const struct str *path = &headless->output, *answer = &headless->answer;
    if (path->length == 0 ||
        file_replace_as(path->data, 0666, answer->data, answer->length, &err)) {
        return true;
    }
    notice_print(err.text);
    return false;
}

/* Worth a line once half of it is used. */
static void tell_context(struct headless *headless)
{
    struct agent_context context;
    agent_context(headless->app.agent, &context);
    if (context.size > 0 && context.used * 2 >= context.size) {
        struct str line;
        str_init(&line);
        context_picture_append_line(&line, &context);
        progress(headless, "carat: ", line.data, line.length);
        str_finish(&line);
    }
}

static void turn_ended(struct headless *headless, const struct agent_event *event,
                       const char *misfit)
{
    enum exit_code code = exit_code_of_outcome(event->outcome);
    if (headless->signal == SIGTERM) {
        code = EXIT_CODE_SIGTERM;
    }
    if (headless->events == NULL) {
        put_text(headless, stdout, headless->answer.data, headless->answer.length);
        if (headless->answer.length > 0 &&
            headless->answer.data[headless->answer.length - 1] != '\n') {
            put_text(headless, stdout, "\n", 1);
        }
    }
    if (event->outcome != TURN_OK) {
        progress(headless, "carat: ", event->text != NULL ? event->text : "",
                 event->text != NULL ? strlen(event->text) : 0);
    }
    tell_context(headless);
    if (misfit != NULL) {
        notice_print(misfit);
        code = code == EXIT_CODE_OK ? EXIT_CODE_SCHEMA : code;
    }
    bool unread = headless->output_lost && headless->signal == 0;
    if (unread || (code == EXIT_CODE_OK && !write_answer_file(headless))) {
        code = EXIT_CODE_FAILURE;
    }
    go_on(headless, code);
}

/* Holds the answer against the schema before the end is told, because the end says it. */
static void end_of_turn(struct headless *headless, const struct agent_event *event)
{
    struct err err;
    const char *misfit = NULL;
    json_t *value = NULL;
    if (event->outcome == TURN_OK && headless->app.schema != NULL) {
        value = answer_schema_value(headless->app.schema, headless->answer.data, &err);
        misfit = value == NULL ? err.text : NULL;
    }
    if (headless->events != NULL) {
        event_lines_set_structured(headless->events, value, misfit);
        event_lines_feed(headless->events, event, agent_conversation_id(headless->app.agent));
        event_lines_set_structured(headless->events, NULL, NULL);
    }
    turn_ended(headless, event, misfit);
    json_decref(value);
}

static void agent_event(void *context, const struct agent_event *event)
{
    struct headless *headless = context;
    if (headless->events != NULL && event->kind != AGENT_TURN_ENDED) {
        event_lines_feed(headless->events, event, agent_conversation_id(headless->app.agent));
    }
    switch (event->kind) {
    case AGENT_USER:
        str_clear(&headless->answer);
        break;
    case AGENT_MESSAGE:
        str_clear(&headless->answer);
        str_append(&headless->answer, event->message->text);
        if (event->message->call_count > 0 && event->message->text[0] != '\0') {
            progress(headless, "", event->message->text, strlen(event->message->text));
        }
        break;
    case AGENT_CALL_STARTED:
        progress_call(headless, event);
        break;
    case AGENT_CALL_FINISHED:
        progress_result(headless, event);
        break;
    case AGENT_NOTICE:
        progress(headless, "carat: ", event->text, event->length);
        break;
    case AGENT_FAILED:
        progress(headless, "carat: ", event->text, event->length);
        headless->worst = EXIT_CODE_FAILURE;
        if (!agent_busy(headless->app.agent)) {
            app_stop(&headless->app, EXIT_CODE_FAILURE);
        }
        break;
    case AGENT_TURN_ENDED:
        end_of_turn(headless, event);
        break;
    default:
        break;
    }
    if (headless->output_lost && agent_busy(headless->app.agent)) {
        agent_cancel(headless->app.agent);
    }
}

static void on_signal(uv_signal_t *handle, int signal)
{
    struct headless *headless = handle->data;
    bool again = headless->signal != 0;
    headless->signal = signal;
    if (again || !agent_busy(headless->app.agent)) {
        app_stop(&headless->app, signal == SIGTERM ? EXIT_CODE_SIGTERM : EXIT_CODE_SIGINT);
    } else {
        agent_cancel(headless->app.agent);
    }
}

static void watch_signal(struct headless *headless, uv_signal_t *handle, int signal)
{
    uv_signal_init(&headless->app.loop, handle);
    handle->data = headless;
    uv_signal_start(handle, on_signal, signal);
}

static bool reads_messages(const struct config *config)
{
    return strcmp(config_string(config, OPTION_INPUT_FORMAT), "stream-json") == 0;
}

static void begin(struct headless *headless)
{
    struct message_input_callbacks callbacks = {input_message, input_ended, headless};
    struct err err;
    if (!reads_messages(headless->config)) {
        submit(headless, headless->prompt.data, headless->prompt.length);
        return;
    }
    headless->input = message_input_create(&headless->app.loop, STDIN_FILENO, &callbacks, &err);
    if (headless->input != NULL) {
        message_input_next(headless->input);
    } else {
        report_failure(headless, &err);
        app_stop(&headless->app, EXIT_CODE_BAD_INPUT);
    }
}

/* Words and standard input, unless that holds messages: then words are a mistake. */
static bool read_prompt(struct headless *headless, char *const words[], size_t count,
                        struct err *err)
{
    if (!reads_messages(headless->config)) {
        return prompt_input_read(words, count, STDIN_FILENO, &headless->prompt, err);
    }
    bool dash = count == 1 && strcmp(words[0], "-") == 0;
    return count == 0 || dash ||
           err_set(err, ERR_ARGUMENT,
                   "with --input-format stream-json the prompts come from standard input; the word "
                   "\"%.60s\" has no place there",
                   words[0]);
}

/* Before anything runs: no tool is to make the link that is followed. */
static bool find_output(struct headless *headless, struct err *err)
{
    const char *path = config_string(headless->config, OPTION_OUTPUT_FILE);
    return path == NULL || file_follow(path, headless->app.workspace, &headless->output, err);
}

static void open_and_run(struct headless *headless)
{
    struct err err;
    struct app_face face = {.event = agent_event, .context = headless};
    bool opened = app_open(&headless->app, headless->config, true, face, &err);
    open_events(headless);
    if (!opened) {
        report_failure(headless, &err);
        return;
    }
    if (!find_output(headless, &err)) {
        report_failure(headless, &err);
        app_close(&headless->app);
        headless->app.exit_code = EXIT_CODE_BAD_INPUT;
        return;
    }
    if (strcmp(config_string(headless->app.config, OPTION_SANDBOX), "danger-full-access") == 0) {
        static const char warning[] = "no sandbox: tools have all your rights";
        progress(headless, "carat: ", warning, strlen(warning));
    }
    for (size_t i = 0; i < headless->app.notices.count; i++) {
        const char *notice = headless->app.notices.items[i];
        progress(headless, "carat: ", notice, strlen(notice));
    }
    watch_signal(headless, &headless->interrupt, SIGINT);
    watch_signal(headless, &headless->terminate, SIGTERM);
    if (headless->app.skills_summary != NULL) {
        const char *summary = headless->app.skills_summary;
        progress(headless, "carat: skills ", summary, strlen(summary));
    }
    if (headless->app.instructions_summary != NULL) {
        const char *summary = headless->app.instructions_summary;
        progress(headless, "carat: read ", summary, strlen(summary));
    }
    begin(headless);
    app_run(&headless->app);
    message_input_destroy(headless->input);
    uv_close((uv_handle_t *)&headless->interrupt, NULL);
    uv_close((uv_handle_t *)&headless->terminate, NULL);
    app_close(&headless->app);
}

enum exit_code headless_run(const struct config *config, size_t first)
{
    struct headless headless = {.config = config, .first = first};
    const struct config_list *words = &config->words;
    size_t count = first < words->count ? words->count - first : 0;
    struct err err;
    str_init(&headless.prompt);
    str_init(&headless.answer);
    str_init(&headless.output);
    signal(SIGPIPE, SIG_IGN);
    enum exit_code code = EXIT_CODE_BAD_INPUT;
    bool has_files = config_list(config, OPTION_IMAGE)->count > 0 ||
                     config_list(config, OPTION_AUDIO)->count > 0 ||
                     config_string(config, OPTION_SHOT) != NULL;
    /* A picture or a sound can be all that is said; standard input is then not waited for. */
    if ((count == 0 && has_files) ||
        read_prompt(&headless, count > 0 ? words->items + first : NULL, count, &err)) {
        open_and_run(&headless);
        code = headless.app.exit_code;
    } else {
        open_events(&headless);
        report_failure(&headless, &err);
    }
    event_lines_destroy(headless.events);
    str_finish(&headless.prompt);
    str_finish(&headless.answer);
    str_finish(&headless.output);
    return code;
}
