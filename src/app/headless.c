#include "headless.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/codex_events.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "base/visible.h"

enum { PROMPT_LIMIT = 4 * 1024 * 1024 };

struct headless {
    struct app app;
    const struct config *config;
    struct codex_events *events; /* --json, else NULL */
    struct str prompt;
    struct str answer; /* text of the last model message */
    uv_signal_t interrupt, terminate;
    int signal; /* the one that stopped us, 0 = none */
    bool submitted;
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

/* --- the face --- */

static void submit(struct headless *headless)
{
    struct err err;
    headless->submitted = true;
    if (!agent_submit(headless->app.agent, headless->prompt.data, headless->prompt.length, &err)) {
        fprintf(stderr, "carat: %s\n", err.text);
        app_stop(&headless->app, EXIT_CODE_FAILURE);
    }
}

static bool write_answer_file(struct headless *headless)
{
    struct err err;
    const char *path = config_string(headless->config, OPTION_OUTPUT_FILE);
    if (path == NULL || file_replace(path, headless->answer.data, headless->answer.length, &err)) {
        return true;
    }
    fprintf(stderr, "carat: %s\n", err.text);
    return false;
}

static void turn_ended(struct headless *headless, const struct agent_event *event)
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
    if (code == EXIT_CODE_OK && (!write_answer_file(headless) || headless->output_lost)) {
        code = EXIT_CODE_FAILURE;
    }
    app_stop(&headless->app, code);
}

static void agent_event(void *context, const struct agent_event *event)
{
    struct headless *headless = context;
    if (headless->events != NULL) {
        codex_events_feed(headless->events, event, agent_conversation_id(headless->app.agent));
    }
    switch (event->kind) {
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
        app_stop(&headless->app, EXIT_CODE_FAILURE);
        break;
    case AGENT_TURN_ENDED:
        turn_ended(headless, event);
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

/* --- the prompt --- */

static bool read_standard_input(struct str *prompt)
{
    char buffer[16 * 1024];
    ssize_t got;
    while ((got = read(STDIN_FILENO, buffer, sizeof buffer)) != 0) {
        if (got < 0 && errno != EINTR) {
            fprintf(stderr, "carat: reading the prompt: %s\n", strerror(errno));
            return false;
        }
        str_append_bytes(prompt, buffer, got > 0 ? (size_t)got : 0);
        if (prompt->length > PROMPT_LIMIT) {
            fprintf(stderr, "carat: the prompt is larger than %d bytes\n", PROMPT_LIMIT);
            return false;
        }
    }
    return true;
}

static bool read_prompt(const struct config *config, size_t first, struct str *prompt)
{
    const struct config_list *words = &config->words;
    bool from_input = first >= words->count ||
                      (words->count == first + 1 && strcmp(words->items[first], "-") == 0);
    if (from_input && isatty(STDIN_FILENO)) {
        fprintf(stderr, "carat: no prompt: carat exec \"what to do\", or text on standard input\n");
        return false;
    }
    if (from_input && !read_standard_input(prompt)) {
        return false;
    }
    for (size_t i = first; !from_input && i < words->count; i++) {
        str_append_format(prompt, "%s%s", i > first ? " " : "", words->items[i]);
    }
    if (prompt->length == 0 || strspn(prompt->data, " \t\r\n") == prompt->length) {
        fprintf(stderr, "carat: the prompt is empty\n");
        return false;
    }
    if (!utf8_valid(prompt->data, prompt->length) ||
        memchr(prompt->data, '\0', prompt->length) != NULL) {
        fprintf(stderr, "carat: the prompt is not UTF-8 text\n");
        return false;
    }
    return true;
}

enum exit_code headless_run(const struct config *config, size_t first)
{
    struct headless headless = {.config = config};
    struct err err;
    str_init(&headless.prompt);
    str_init(&headless.answer);
    signal(SIGPIPE, SIG_IGN);
    enum exit_code code = EXIT_CODE_BAD_INPUT;
    if (!read_prompt(config, first, &headless.prompt)) {
        goto out;
    }
    if (config_boolean(config, OPTION_JSON)) {
        headless.events = codex_events_create(put_line, &headless);
    }
    struct app_face face = {agent_event, &headless};
    if (app_open(&headless.app, config, true, face, &err)) {
        watch_signal(&headless, &headless.interrupt, SIGINT);
        watch_signal(&headless, &headless.terminate, SIGTERM);
        submit(&headless);
        app_run(&headless.app);
        uv_close((uv_handle_t *)&headless.interrupt, NULL);
        uv_close((uv_handle_t *)&headless.terminate, NULL);
        app_close(&headless.app);
    } else {
        fprintf(stderr, "carat: %s\n", err.text);
        if (headless.events != NULL) {
            codex_events_error(headless.events, err.text);
        }
    }
    code = headless.app.exit_code;
    codex_events_destroy(headless.events);
out:
    str_finish(&headless.prompt);
    str_finish(&headless.answer);
    return code;
}
