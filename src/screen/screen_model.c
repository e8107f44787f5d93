#include "screen/screen_model.h"

#include <string.h>

#include "app/app_model.h"
#include "app/model_change.h"
#include "app/model_choice.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "models/catalogue.h"
#include "screen/screen_input.h"
#include "screen/screen_state.h"
#include "screen/slash.h"
#include "store/store.h"

/* --- what is shown of a model --- */

/* "https://api.example.org:8443/v1" to "api.example.org:8443". */
static void append_host(struct str *out, const char *address)
{
    const char *scheme = strstr(address, "://");
    const char *host = scheme != NULL ? scheme + 3 : address;
    str_append_bytes(out, host, strcspn(host, "/"));
}

void screen_model_ready(struct screen *screen, const char *name)
{
    const char *path = screen->app.model_path;
    char *address = app_model_address(&screen->app, path);
    /* The catalogue's name is what the user types, and shorter than the file's own. */
    const struct catalogue_entry *entry = catalogue_entry_of_file(path);
    str_clear(&screen->model_name);
    str_append(&screen->model_name, entry != NULL ? entry->name : name);
    if (address != NULL) {
        str_append(&screen->model_name, " @");
        append_host(&screen->model_name, address);
    }
    mem_free(address);
}

const char *screen_model_coming(const struct screen *screen)
{
    return model_change_coming(&screen->app);
}

/* --- the end of a change --- */

/* What was said to a model that did not come is not said to another one. */
static void give_back_text(struct screen *screen)
{
    struct str text;
    str_init(&text);
    agent_take_back(screen->app.agent, &text);
    if (text.length > 0) {
        const char *draft = tui_draft(screen->tui);
        str_append_format(&text, "%s%s", draft[0] != '\0' ? "\n\n" : "", draft);
        tui_set_draft(screen->tui, text.data);
        screen_notice(screen, false, "What you said meanwhile was not sent: it is in the input.");
    }
    str_finish(&text);
}

static void say_what_differs(struct screen *screen)
{
    struct agent_context context;
    char *address = app_model_address(&screen->app, screen->app.model_path);
    size_t unseen = agent_unseen_media(screen->app.agent);
    agent_context(screen->app.agent, &context);
    if (address != NULL) {
        screen_notice(screen, false,
                      "What you say from now on, with this conversation before it, leaves this "
                      "machine: %s",
                      address);
    }
    mem_free(address);
    if (unseen > 0) {
        screen_notice(screen, false,
                      "%s has no encoders: pictures and sounds of this conversation (%zu) are only "
                      "mentioned to it.",
                      screen->model_name.data, unseen);
    }
    if (context.size > 0 && context.used >= context.size) {
        screen_notice(screen, false,
                      "The conversation held %zu tokens and %s reads %zu: /compact it with the "
                      "other model first, or /new.",
                      context.used, screen->model_name.data, context.size);
    }
}

static void changed(void *context, enum model_outcome outcome, const char *words)
{
    struct screen *screen = context;
    str_clear(&screen->activity);
    if (outcome == MODEL_TAKEN) {
        screen_notice(screen, false, "%s goes on with this conversation.", screen->model_name.data);
        say_what_differs(screen);
    } else {
        bool kept = outcome == MODEL_KEPT;
        screen_notice(screen, words[0] != '\0', "%s%s%s%s", words, words[0] != '\0' ? "\n" : "",
                      kept ? app_model_name(screen->app.model_path) : "",
                      kept ? " goes on." : "There is no model now; /model takes one.");
        give_back_text(screen);
    }
    screen_input_show_waiting(screen);
    screen_refresh_status(screen);
}

/* --- asking --- */

static void take(struct screen *screen, const char *path)
{
    struct err err;
    bool waits = agent_works(screen->app.agent);
    if (!model_change_start(&screen->app, path, changed, screen, &err)) {
        screen_notice(screen, true, "%s", err.text);
    } else if (waits) {
        screen_notice(screen, false, "%s takes over when this is done.", app_model_name(path));
    }
}

static void choose(struct screen *screen, const struct model_choices *choices)
{
    struct tui_choice *rows = mem_alloc(choices->count, sizeof *rows);
    struct str *texts = mem_alloc(2 * choices->count, sizeof *texts);
    for (size_t i = 0; i < choices->count; i++) {
        struct str *line = &texts[2 * i], *command = line + 1;
        str_init(line);
        str_init(command);
        model_choice_append(line, &choices->items[i]);
        str_append_format(command, "/model %s", choices->items[i].word);
        rows[i] = (struct tui_choice){line->data, command->data};
    }
    tui_pick(screen->tui, "Go on with the model (type to narrow, Esc leaves)", rows,
             choices->count);
    for (size_t i = 0; i < 2 * choices->count; i++) {
        str_finish(&texts[i]);
    }
    mem_free(texts);
    mem_free(rows);
}

void screen_model_run(struct screen *screen, const char *argument)
{
    struct model_choices choices;
    struct err err;
    const char *meant;
    char *path = NULL;
    enum exit_code code;
    model_choices_read(&choices, &screen->app);
    if (argument[0] == '\0') {
        choose(screen, &choices);
    } else if (!model_choices_match(&choices, argument, &meant, &err) ||
               !app_model_find(&screen->app, meant, &path, &code, &err)) {
        screen_notice(screen, true, "%s", err.text);
    } else {
        take(screen, path);
    }
    mem_free(path);
    model_choices_finish(&choices);
}

void screen_model_load(struct screen *screen, const char *argument)
{
    struct store_conversation found;
    bool conversation =
        argument[0] == '\0' || app_find_conversation(&screen->app, argument, &found, NULL);
    if (conversation && argument[0] != '\0') {
        store_conversation_finish(&found);
    }
    struct str command;
    str_init(&command);
    str_append_format(&command, "/%s %s", conversation ? "resume" : "model", argument);
    slash_run(screen, command.data);
    str_finish(&command);
}

bool screen_model_interrupt(struct screen *screen)
{
    return !agent_works(screen->app.agent) && model_change_stop(&screen->app);
}
