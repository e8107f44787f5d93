#include "slash.h"

#include <string.h>

#include "app/command_undo.h"
#include "app/screen_state.h"
#include "base/mem.h"

static void run_help(struct screen *screen, const char *argument)
{
    (void)argument;
    struct str text;
    str_init(&text);
    for (size_t i = 0; i < slash_command_count; i++) {
        const struct slash_command *command = &slash_commands[i];
        str_append_format(&text, "/%s %s%*s%s\n", command->name, command->argument,
                          (int)(22 - strlen(command->name) - strlen(command->argument)), "",
                          command->help);
    }
    str_append(&text, "Keys: ? on an empty line.");
    tui_add_notice(screen->tui, text.data, false);
    str_finish(&text);
}

static void run_new(struct screen *screen, const char *argument)
{
    (void)argument;
    struct err err;
    if (!app_new_conversation(&screen->app, &err)) {
        screen_notice(screen, true, "%s", err.text);
        return;
    }
    tui_clear(screen->tui);
    screen->context_used = 0;
    screen_notice(screen, false, "A new conversation. The last one is kept: carat resume");
}

static void run_think(struct screen *screen, const char *argument)
{
    if (strcmp(argument, "on") != 0 && strcmp(argument, "off") != 0 && argument[0] != '\0') {
        screen_notice(screen, true, "/think %s: say /think on or /think off", argument);
        return;
    }
    screen->thinking = argument[0] == '\0' ? !screen->thinking : strcmp(argument, "on") == 0;
    agent_set_thinking(screen->app.agent, screen->thinking);
    screen_notice(screen, false, "Thinking is %s.", screen->thinking ? "on" : "off");
}

static void run_mode(struct screen *screen, const char *argument)
{
    enum approval_mode mode;
    if (!approval_mode_parse(argument, &mode)) {
        screen_notice(screen, true, "/mode %s: one of read-only, ask, auto-edit, full (now: %s)",
                      argument, approval_mode_name(screen->mode));
        return;
    }
    screen->mode = mode;
    agent_set_mode(screen->app.agent, mode);
    screen_notice(screen, false, "Mode: %s.", approval_mode_name(mode));
}

static void run_status(struct screen *screen, const char *argument)
{
    (void)argument;
    const char *id = agent_conversation_id(screen->app.agent);
    screen_notice(screen, false,
                  "model         %s (%s)\nworkspace     %s\nconversation  %s\nmode          %s\n"
                  "thinking      %s\nsandbox       %s\ncontext       %ld of %ld tokens",
                  screen->model_name.data, screen->app.model_path, screen->app.workspace,
                  id != NULL ? id : "(begins with the first message)",
                  approval_mode_name(screen->mode), screen->thinking ? "on" : "off",
                  screen->sandbox.data, screen->context_used, screen->context_size);
}

static void run_undo(struct screen *screen, const char *argument)
{
    struct err err = {0};
    struct str out;
    if (screen->app.undo == NULL || agent_busy(screen->app.agent)) {
        screen_notice(screen, true, "%s",
                      screen->app.undo == NULL ? "There is no undo here (undo.megabytes)."
                                               : "Something still runs; Esc stops it.");
        return;
    }
    str_init(&out);
    bool ok = command_undo_words(screen->app.undo, argument, &out, &err);
    if (out.length > 0) {
        tui_add_notice(screen->tui, out.data, false);
    }
    if (!ok) {
        screen_notice(screen, true, "%s", err.text);
    }
    str_finish(&out);
}

static void run_quit(struct screen *screen, const char *argument)
{
    (void)argument;
    app_stop(&screen->app, EXIT_CODE_OK);
}

const struct slash_command slash_commands[] = {
    {"help", "", "this list", run_help},
    {"new", "", "begin a new conversation", run_new},
    {"clear", "", "the same", run_new},
    {"think", "[on|off]", "let the model think before it answers", run_think},
    {"mode", "MODE", "read-only, ask, auto-edit or full", run_mode},
    {"undo", "[list|diff|TURN]", "take file changes of a turn back, or show them", run_undo},
    {"status", "", "model, workspace, sandbox, context", run_status},
    {"quit", "", "leave; the conversation is kept", run_quit},
    {"exit", "", "the same", run_quit},
};
const size_t slash_command_count = sizeof slash_commands / sizeof slash_commands[0];

const struct tui_command *slash_offers(void)
{
    static struct tui_command offers[sizeof slash_commands / sizeof slash_commands[0]];
    for (size_t i = 0; i < slash_command_count; i++) {
        offers[i] = (struct tui_command){slash_commands[i].name, slash_commands[i].help};
    }
    return offers;
}

bool slash_run(struct screen *screen, const char *text)
{
    size_t length = strcspn(text + 1, " \n");
    for (size_t i = 0; i < slash_command_count; i++) {
        const struct slash_command *command = &slash_commands[i];
        if (strlen(command->name) == length && memcmp(command->name, text + 1, length) == 0) {
            const char *rest = text + 1 + length;
            rest += strspn(rest, " \n");
            char *argument = mem_strndup(rest, strcspn(rest, "\n"));
            command->run(screen, argument);
            mem_free(argument);
            screen_refresh_status(screen);
            return true;
        }
    }
    if (length > 0 && memchr(text + 1, '/', length) == NULL) {
        screen_notice(screen, true, "/%.*s is no command; /help lists them", (int)length, text + 1);
        return true;
    }
    return false;
}
