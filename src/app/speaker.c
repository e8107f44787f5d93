/* speaker: see speaker.h. The program leads a session of its own, so that all that it starts ends
 * with it. */
#include "app/speaker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/child_pipe.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/config.h"
#include "voice/spoken_text.h"

static char *standard[] = {"espeak-ng", "--stdin", NULL};

struct speaker {
    uv_loop_t *loop;
    char **words; /* of the command, NULL behind the last; the strings are borrowed */
    speaker_done *done;
    void *context;
    struct str waiting; /* to be said next */
    uv_process_t process;
    uv_pipe_t input;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct str text; /* that is being written */
    int open;        /* handles that libuv still has */
    bool running, stopped, dead;
    struct str why; /* of the end of the last program; empty: it was well */
};

struct speaker *speaker_create(uv_loop_t *loop, const struct config_list *command,
                               speaker_done *done, void *context)
{
    struct speaker *speaker = mem_zero(1, sizeof *speaker);
    speaker->loop = loop;
    speaker->done = done;
    speaker->context = context;
    size_t count = command->count > 0 ? command->count : 2;
    speaker->words = mem_zero(count + 1, sizeof *speaker->words);
    for (size_t i = 0; i < count; i++) {
        speaker->words[i] = command->count > 0 ? command->items[i] : standard[i];
    }
    str_init(&speaker->waiting);
    str_init(&speaker->text);
    str_init(&speaker->why);
    return speaker;
}

void speaker_destroy(struct speaker *speaker)
{
    if (speaker != NULL) {
        str_finish(&speaker->waiting);
        str_finish(&speaker->text);
        str_finish(&speaker->why);
        mem_free(speaker->words);
        mem_free(speaker);
    }
}

static void start(struct speaker *speaker);

static void closed(uv_handle_t *handle)
{
    struct speaker *speaker = handle->data;
    if (--speaker->open > 0 || speaker->dead) {
        return;
    }
    if (speaker->waiting.length > 0 && speaker->why.length == 0) {
        start(speaker);
        return;
    }
    str_clear(&speaker->waiting);
    speaker->done(speaker->context, speaker->why.length > 0 ? speaker->why.data : NULL);
}

static void exited(uv_process_t *process, int64_t status, int signal_number)
{
    struct speaker *speaker = process->data;
    speaker->running = false;
    if (!speaker->stopped && (status != 0 || signal_number != 0)) {
        str_append_format(&speaker->why, "%s ended with %s %lld: nothing more is spoken",
                          speaker->words[0], signal_number != 0 ? "signal" : "status",
                          (long long)(signal_number != 0 ? signal_number : status));
    }
    uv_close((uv_handle_t *)process, closed);
    if (!uv_is_closing((uv_handle_t *)&speaker->input)) {
        uv_close((uv_handle_t *)&speaker->input, closed);
    }
}

static void written(uv_write_t *write, int status)
{
    struct speaker *speaker = write->data;
    if (!uv_is_closing((uv_handle_t *)&speaker->input)) {
        (void)status; /* a program that reads nothing says so by its end */
        uv_close((uv_handle_t *)&speaker->input, closed);
    }
}

static void start(struct speaker *speaker)
{
    str_clear(&speaker->text);
    str_append_bytes(&speaker->text, speaker->waiting.data, speaker->waiting.length);
    str_clear(&speaker->waiting);
    str_clear(&speaker->why);
    speaker->stopped = false;
    uv_pipe_init(speaker->loop, &speaker->input, 0);
    speaker->input.data = speaker->process.data = speaker->write.data = speaker;
    uv_stdio_container_t streams[3] = {[1] = {.flags = UV_IGNORE}, [2] = {.flags = UV_IGNORE}};
    int piped = child_pipe_open(&speaker->input, true, &streams[0]);
    uv_process_options_t options = {.exit_cb = exited,
                                    .file = speaker->words[0],
                                    .args = speaker->words,
                                    .flags = UV_PROCESS_DETACHED,
                                    .stdio_count = 3,
                                    .stdio = streams};
    int started = uv_spawn(speaker->loop, &speaker->process, &options);
    int status = piped != 0 ? piped : started;
    child_pipe_close(&streams[0]);
    speaker->process.data = speaker;
    speaker->open = 2;
    if (status != 0) {
        str_append_format(&speaker->why, "%s, which is to speak the answers, does not start: %s%s",
                          speaker->words[0], uv_strerror(status),
                          speaker->words[0] == standard[0]
                              ? " (package espeak-ng; voice.command names another program)"
                              : " (voice.command)");
        uv_close((uv_handle_t *)&speaker->process, closed);
        uv_close((uv_handle_t *)&speaker->input, closed);
        return;
    }
    speaker->running = true;
    uv_buf_t buffer = uv_buf_init(speaker->text.data, (unsigned)speaker->text.length);
    if (uv_write(&speaker->write, (uv_stream_t *)&speaker->input, &buffer, 1, written) != 0) {
        uv_close((uv_handle_t *)&speaker->input, closed);
    }
}

void speaker_say(struct speaker *speaker, const char *text, size_t length)
{
    spoken_text_append(&speaker->waiting, text, length);
    if (speaker->open == 0 && speaker->waiting.length > 0 && !speaker->dead) {
        start(speaker);
    }
}

void speaker_stop(struct speaker *speaker)
{
    str_clear(&speaker->waiting);
    if (speaker->running && !speaker->stopped) {
        speaker->stopped = true;
        kill(-speaker->process.pid, SIGTERM);
    }
}

void speaker_close(struct speaker *speaker)
{
    speaker_stop(speaker);
    speaker->dead = true;
    if (speaker->running) {
        speaker->running = false;
        uv_close((uv_handle_t *)&speaker->process, closed);
        if (!uv_is_closing((uv_handle_t *)&speaker->input)) {
            uv_close((uv_handle_t *)&speaker->input, closed);
        }
    }
}

bool speaker_active(const struct speaker *speaker)
{
    return speaker->open > 0;
}

const char *speaker_program(const struct config_list *command, bool *found)
{
    const char *name = command->count > 0 ? command->items[0] : standard[0];
    const char *folders = getenv("PATH");
    *found = strchr(name, '/') != NULL && access(name, X_OK) == 0;
    struct str path;
    str_init(&path);
    while (strchr(name, '/') == NULL && !*found && folders != NULL && folders[0] != '\0') {
        size_t length = strcspn(folders, ":");
        str_clear(&path);
        str_append_bytes(&path, folders, length);
        str_append_format(&path, "/%s", name);
        *found = length > 0 && access(path.data, X_OK) == 0;
        folders += length + (folders[length] == ':');
    }
    str_finish(&path);
    return name;
}
