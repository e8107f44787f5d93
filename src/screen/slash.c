#include "screen/slash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/foreign.h"
#include "app/context_picture.h"
#include "app/paths.h"
#include "base/file.h"
#include "base/mem.h"
#include "command/command_sessions.h"
#include "command/command_transfer.h"
#include "command/command_undo.h"
#include "screen/screen_boxes.h"
#include "screen/screen_conversation.h"
#include "screen/screen_input.h"
#include "screen/screen_media.h"
#include "screen/screen_model.h"
#include "screen/screen_point.h"
#include "screen/screen_rewind.h"
#include "screen/screen_search.h"
#include "screen/screen_skills.h"
#include "screen/screen_state.h"
#include "screen/screen_voice.h"
#include "screen/slash_names.h"
#include "screen/slash_set.h"
#include "screen/slash_settings.h"
#include "prompts.h"
#include "store/store.h"

enum { SESSIONS_SHOWN = 15, SESSIONS_PICKED = 100 };

static void run_help(struct screen *screen, const char *argument)
{
    (void)argument;
    struct str text;
    str_init(&text);
    for (size_t i = 0; i < slash_command_count; i++) {
        const struct slash_command *command = &slash_commands[i];
        str_append_format(&text, "/%s %s%*s%s\n", command->name, command->argument,
                          (int)(28 - strlen(command->name) - strlen(command->argument)), "",
                          command->help);
    }
    str_append(&text, "Names from elsewhere: ");
    slash_names_append_help(&text);
    str_append(&text, "\nKeys: ? on an empty line.");
    tui_add_notice(screen->tui, text.data, false);
    str_finish(&text);
}

static void run_new(struct screen *screen, const char *argument)
{
    (void)argument;
    struct err err;
    if (!app_new_conversation(&screen->app, NULL, NULL, &err)) {
        screen_notice(screen, true, "%s", err.text);
        return;
    }
    tui_clear(screen->tui);
    screen->context_used = 0;
    slash_set_take_back(screen);
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
    if (mode > app_mode_ceiling(screen->config)) {
        screen_notice(screen, true, "/mode %s: this project allows %s at most (%s)", argument,
                      approval_mode_name(app_mode_ceiling(screen->config)),
                      config_ceiling_origin(screen->config, OPTION_MODE));
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
    struct agent_context context;
    struct str used;
    str_init(&used);
    agent_context(screen->app.agent, &context);
    context_picture_append_count(&used, &context);
    screen_notice(screen, false,
                  "model         %s (%s)\nworkspace     %s\nconversation  %s\nmode          %s\n"
                  "thinking      %s\nsandbox       %s\ncontext       %s",
                  screen->model_name.data, screen->app.model_path, screen->app.workspace,
                  id != NULL ? id : "(begins with the first message)",
                  approval_mode_name(screen->mode), screen->thinking ? "on" : "off",
                  screen->sandbox.data, used.data);
    str_finish(&used);
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

static void run_mcp(struct screen *screen, const char *argument)
{
    (void)argument;
    struct str text;
    if (screen->app.foreign == NULL) {
        screen_notice(screen, false,
                      "There are no MCP servers ([mcp.NAME] in the configuration, "
                      "or a trusted .mcp.json).");
        return;
    }
    str_init(&text);
    foreign_describe(screen->app.foreign, &text);
    tui_add_notice(screen->tui, text.data, false);
    str_finish(&text);
}

static void list(struct screen *screen, enum store_which which, const char *none)
{
    struct err err;
    struct store_conversation *rows;
    size_t count;
    if (!store_conversation_list(screen->app.store, which, SESSIONS_SHOWN, &rows, &count, &err)) {
        screen_notice(screen, true, "%s", err.text);
        return;
    }
    struct str text;
    str_init(&text);
    for (size_t i = 0; i < count; i++) {
        str_append(&text, i > 0 ? "\n" : "");
        command_sessions_line(&text, &rows[i]);
        store_conversation_finish(&rows[i]);
    }
    mem_free(rows);
    tui_add_notice(screen->tui, count > 0 ? text.data : none, false);
    str_finish(&text);
}

static void run_sessions(struct screen *screen, const char *argument)
{
    (void)argument;
    list(screen, STORE_SHOWN, "There is no conversation yet.");
}

static void run_trash(struct screen *screen, const char *argument)
{
    (void)argument;
    list(screen, STORE_TRASHED, "The trash is empty.");
}

static void pick_conversation(struct screen *screen)
{
    struct err err;
    struct store_conversation *rows;
    struct tui_choice choices[SESSIONS_PICKED];
    struct str texts[SESSIONS_PICKED];
    char commands[SESSIONS_PICKED][48];
    size_t count;
    if (!store_conversation_list(screen->app.store, STORE_SHOWN, SESSIONS_PICKED, &rows, &count,
                                 &err)) {
        screen_notice(screen, true, "%s", err.text);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        str_init(&texts[i]);
        command_sessions_choice(&texts[i], &rows[i]);
        snprintf(commands[i], sizeof commands[i], "/resume %s", rows[i].id);
        choices[i] = (struct tui_choice){texts[i].data, commands[i]};
    }
    if (count > 0) {
        tui_pick(screen->tui, "Go on with (type to narrow, Esc leaves)", choices, count);
    } else {
        screen_notice(screen, false, "There is no conversation yet.");
    }
    for (size_t i = 0; i < count; i++) {
        str_finish(&texts[i]);
        store_conversation_finish(&rows[i]);
    }
    mem_free(rows);
}

static void run_resume(struct screen *screen, const char *argument)
{
    struct err err;
    struct store_conversation found;
    if (argument[0] == '\0') {
        pick_conversation(screen);
        return;
    }
    if (!app_find_conversation(&screen->app, argument, &found, &err)) {
        screen_notice(screen, true, "%s", err.text);
        return;
    }
    screen_conversation_switch(screen, found.id, "Taken up again.");
    store_conversation_finish(&found);
}

static void run_title(struct screen *screen, const char *argument)
{
    struct err err;
    const char *id = screen_conversation_id(screen);
    if (id == NULL) {
        return;
    }
    if (argument[0] == '\0') {
        struct store_conversation found;
        bool ok = store_conversation_find(screen->app.store, id, &found, &err);
        screen_notice(screen, !ok, "%s",
                      !ok                      ? err.text
                      : found.title[0] == '\0' ? "There is no title yet: /title WORDS"
                                               : found.title);
        if (ok) {
            store_conversation_finish(&found);
        }
        return;
    }
    bool ok = store_conversation_set_title(screen->app.store, id, argument, &err);
    screen_notice(screen, !ok, "%s", ok ? "The title is kept." : err.text);
}

static void run_tag(struct screen *screen, const char *argument)
{
    struct err err;
    const char *id = screen_conversation_id(screen);
    bool on = argument[0] != '-';
    if (id != NULL) {
        bool ok = store_conversation_tag(screen->app.store, id, argument + !on, on, &err);
        screen_notice(screen, !ok, "%s", ok ? (on ? "Tagged." : "The tag is off.") : err.text);
    }
}

static void run_fork(struct screen *screen, const char *argument)
{
    struct err err;
    char fork[37];
    (void)argument;
    const char *id = screen_conversation_id(screen);
    if (id == NULL) {
        return;
    }
    if (!store_conversation_fork(screen->app.store, id, INT64_MAX, fork, &err)) {
        screen_notice(screen, true, "%s", err.text);
        return;
    }
    screen_conversation_switch(screen, fork, "This is a copy; the original stays as it is.");
}

/* The last answer, as its Markdown: the terminal's clipboard cannot be asked whether it took it, so
 * a file has it too. */
static void run_copy(struct screen *screen, const char *argument)
{
    const struct chat_conversation *conversation = agent_conversation(screen->app.agent);
    const struct chat_message *answer = NULL;
    struct str path;
    struct err err;
    (void)argument;
    for (size_t i = conversation->count; answer == NULL && i-- > 0;) {
        const struct chat_message *message = &conversation->messages[i];
        answer = message->role == CHAT_MODEL && message->text[0] != '\0' ? message : NULL;
    }
    if (answer == NULL) {
        screen_notice(screen, true, "There is no answer to copy yet.");
        return;
    }
    str_init(&path);
    str_append_format(&path, "%s/copied.md", screen->app.paths.state);
    bool asked = tui_copy(screen->tui, answer->text, strlen(answer->text));
    bool kept = file_replace(path.data, answer->text, strlen(answer->text), &err);
    screen_notice(screen, !kept && !asked, "%s%s%s",
                  asked ? "The terminal was asked to put the last answer into the clipboard. "
                        : "This terminal has no way to the clipboard. ",
                  kept ? "It is in " : err.text, kept ? path.data : "");
    str_finish(&path);
}

/* A message that is written for the user, and what he adds. */
static void request(struct screen *screen, const char *prompt, const char *argument)
{
    struct str text;
    str_init(&text);
    str_append(&text, prompt);
    if (argument[0] != '\0') {
        str_append_format(&text, "Above all: %s\n", argument);
    }
    screen_input_submit(screen, text.data, text.length, false);
    str_finish(&text);
}

static void run_init(struct screen *screen, const char *argument)
{
    request(screen, prompts_init, argument);
}

static void run_review(struct screen *screen, const char *argument)
{
    request(screen, prompts_review, argument);
}

static void run_editor(struct screen *screen, const char *argument)
{
    screen_input_edit(screen, argument);
}

static void run_export(struct screen *screen, const char *argument)
{
    struct err err;
    struct store_conversation found;
    struct str text, path;
    const char *id = screen_conversation_id(screen);
    const char *form = command_transfer_form(argument);
    if (id == NULL) {
        return;
    }
    if (argument[0] == '\0') {
        screen_notice(screen, true, "/export FILE, which ends in .md, .html or .json");
        return;
    }
    str_init(&text);
    str_init(&path);
    paths_resolve(argument, screen->app.workspace, &path);
    /* Here a name is typed in passing: no file of that name is to be lost by it. */
    bool ok = access(path.data, F_OK) != 0 ||
              err_set(&err, ERR_ARGUMENT, "%s is there already, and was left as it is", path.data);
    ok = ok && store_conversation_find(screen->app.store, id, &found, &err);
    if (ok) {
        ok = command_transfer_export(screen->app.store, &found, form, &text, &err) &&
             file_write_named(path.data, screen->app.workspace, text.data, text.length, &err);
        store_conversation_finish(&found);
    }
    screen_notice(screen, !ok, "%s%s", ok ? "Written to " : err.text, ok ? path.data : "");
    str_finish(&text);
    str_finish(&path);
}

static void run_context(struct screen *screen, const char *argument)
{
    struct agent_context context;
    struct str text;
    (void)argument;
    str_init(&text);
    agent_context(screen->app.agent, &context);
    context_picture_append(&text, &context);
    tui_add_notice(screen->tui, text.data, false);
    str_finish(&text);
}

static void run_compact(struct screen *screen, const char *argument)
{
    struct err err;
    if (!agent_compact(screen->app.agent, argument, &err)) {
        screen_notice(screen, true, "%s", err.text);
    }
}

static void run_expand(struct screen *screen, const char *argument)
{
    struct err err;
    bool undone;
    (void)argument;
    bool ok = agent_expand(screen->app.agent, &undone, &err);
    screen_notice(screen, !ok, "%s",
                  !ok      ? err.text
                  : undone ? "The model reads the messages again instead of their summary."
                           : "There is no summary.");
}

static void run_btw(struct screen *screen, const char *argument)
{
    struct err err;
    if (agent_ask_btw(screen->app.agent, argument, &err)) {
        screen_notice(screen, false, "/btw %s", argument);
    } else {
        screen_notice(screen, true, "/btw: %s", err.text);
    }
}

static void run_voice(struct screen *screen, const char *argument)
{
    (void)argument;
    screen_voice_toggle(screen);
}

static void run_jobs(struct screen *screen, const char *argument)
{
    struct str text;
    if (str_starts_with(argument, "stop ")) {
        const char *handle = argument + 5 + strspn(argument + 5, " ");
        bool stops = agent_job_stop(screen->app.agent, handle);
        screen_notice(screen, !stops, stops ? "Job %s is being stopped." : "No job %s runs.",
                      handle);
        return;
    }
    if (argument[0] != '\0') {
        screen_notice(screen, true, "/jobs %s: say /jobs or /jobs stop ID", argument);
        return;
    }
    str_init(&text);
    agent_jobs_list(screen->app.agent, &text);
    tui_add_notice(screen->tui,
                   text.length > 0 ? text.data
                                   : "There are no jobs: shell commands that end in & and go on.",
                   false);
    str_finish(&text);
}

static void run_background(struct screen *screen, const char *argument)
{
    (void)argument;
    screen_input_background(screen);
}

static void run_quit(struct screen *screen, const char *argument)
{
    (void)argument;
    screen_leave(screen);
}

const struct slash_command slash_commands[] = {
    {"help", "", "this list", run_help, false},
    {"new", "", "begin a new conversation", run_new, true},
    {"clear", "", "the same", run_new, true},
    {"think", "[on|off]", "let the model think before it answers", run_think, false},
    {"mode", "MODE", "read-only, ask, auto-edit or full", run_mode, false},
    {"undo", "[list|diff|TURN]", "take file changes of a turn back, or show them", run_undo, true},
    {"mcp", "", "MCP servers, their state and their tools", run_mcp, false},
    {"resume", "[ID|last]", "go on with another conversation", run_resume, true},
    {"sessions", "", "the newest conversations", run_sessions, false},
    {"search", "WORDS", "find words in all that was said", screen_search, false},
    {"open", "[N]", "show what was found (first, Nth) at its place", screen_search_open, true},
    {"earlier", "", "show what of a long conversation is not on the screen",
     screen_conversation_earlier, true},
    {"title", "[WORDS]", "show or set this conversation's title", run_title, false},
    {"rename", "WORDS", "the same", run_title, false},
    {"tag", "[-]TAG", "put a tag on this conversation, or take it off", run_tag, false},
    {"fork", "", "go on in a copy of this conversation", run_fork, true},
    {"rewind", "[N|list|menu] [WHAT]", "back to before your (Nth) last message; WHAT: files, too",
     screen_rewind, true},
    {"export", "FILE", "write this conversation to FILE (.md, .html, .json)", run_export, false},
    {"context", "", "what fills the model's context", run_context, false},
    {"compact", "[FOCUS]", "go on with a summary of what was said", run_compact, true},
    {"expand", "", "take the last summary back", run_expand, true},
    {"btw", "QUESTION", "ask beside the conversation; nothing of it is kept", run_btw, true},
    {"copy", "", "the last answer into the clipboard, and a file", run_copy, false},
    {"init", "[WISH]", "let the model write AGENTS.md for this project", run_init, true},
    {"review", "[WISH]", "let the model look at what is not committed", run_review, true},
    {"memory", "", "which AGENTS.md files the model was given", slash_settings_memory, false},
    {"skills", "", "texts for one kind of task; /NAME [WORDS] lets the model follow one",
     screen_skills_list, false},
    {"tools", "", "what the model can do", slash_settings_tools, false},
    {"add-dir", "DIR", "let tools write in another folder, until carat ends",
     slash_settings_add_dir, true},
    {"permissions", "", "what runs, asks or is refused", slash_settings_permissions, false},
    {"model", "[NAME|FILE]", "go on with another model; alone: a list to choose from",
     screen_model_run, false},
    {"load", "[ID|MODEL]", "another conversation, or another model", screen_model_load, true},
    {"set", "[NAME VALUE]", "sampling and limits until carat ends, or /clear", slash_set_run,
     false},
    {"system", "[TEXT]", "the system text; a new conversation with another", slash_set_system,
     true},
    {"config", "", "what differs from the standard, and where it was set", slash_settings_config,
     false},
    {"theme", "[NAME]", "colour, light, contrast or mono", slash_settings_theme, false},
    {"raw", "", "answers as Markdown, or laid out", slash_settings_raw, false},
    {"vim", "", "vi's keys on or off", slash_settings_vim, false},
    {"editor", "[TEXT]", "write in $VISUAL or $EDITOR", run_editor, false},
    {"voice", "", "talk: opens the microphone; again: done", run_voice, true},
    {"listen", "[on|off]", "talk without keys, until the stop word or Esc", screen_voice_listen,
     true},
    {"say", "[on|off]", "speak the answers", screen_voice_say, false},
    {"jobs", "[stop ID]", "commands that run in the background; stop one", run_jobs, false},
    {"background", "", "put the running command there (Ctrl+B)", run_background, false},
    {"shot", "[screen|window|region]", "attach a picture of the screen", screen_media_shoot, false},
    {"boxes", "[FILE.png]", "what the last answer found in a picture; draw it into a file",
     screen_boxes_run, false},
    {"point", "[N]", "click on the Nth of it, after your yes", screen_point_run, false},
    {"detach", "", "take back what goes with the next message", screen_media_detach, false},
    {"trash", "", "what is in the trash", run_trash, false},
    {"show", "[WHAT]", "info, parameters, system, config, tools, context", slash_set_show, false},
    {"status", "", "model, workspace, sandbox, context", run_status, false},
    {"quit", "", "leave; the conversation is kept", run_quit, false},
    {"exit", "", "the same", run_quit, false},
};
const size_t slash_command_count = sizeof slash_commands / sizeof slash_commands[0];

/* The words that a command takes, for completion. */
static const char *choices(const char *name)
{
    static const char *const table[][2] = {
        {"think", "on|off"},
        {"mode", "read-only|ask|auto-edit|full"},
        {"undo", "list|diff"},
        {"rewind", "list|menu|both|conversation|files"},
        {"listen", "on|off"},
        {"say", "on|off"},
        {"jobs", "stop"},
        {"shot", "screen|window|region"},
        {"add-dir", TUI_CHOICE_FOLDER},
        {"theme", "colour|light|contrast|mono"},
        {"set", "temperature|top_k|top_p|min_p|seed|max_tokens|max_turns|max_tool_calls|"
                "max_seconds|compact_percent"},
        {"show", "info|parameters|system|config|tools|context"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i][0], name) == 0) {
            return table[i][1];
        }
    }
    return NULL;
}

const struct tui_command *slash_offers(void)
{
    static struct tui_command offers[sizeof slash_commands / sizeof slash_commands[0]];
    for (size_t i = 0; i < slash_command_count; i++) {
        offers[i] = (struct tui_command){slash_commands[i].name, slash_commands[i].help,
                                         choices(slash_commands[i].name)};
    }
    return offers;
}

bool slash_run(struct screen *screen, const char *text)
{
    size_t length = strcspn(text + 1, " \n");
    for (size_t i = 0; i < slash_command_count; i++) {
        const struct slash_command *command = &slash_commands[i];
        if (strlen(command->name) == length && memcmp(command->name, text + 1, length) == 0) {
            if (command->alone && screen->own.running) {
                screen_notice(screen, true, "!%s still runs; Esc stops it", screen->own.command);
                return true;
            }
            const char *rest = text + 1 + length;
            rest += strspn(rest, " \n");
            char *argument = mem_strndup(rest, strcspn(rest, "\n"));
            command->run(screen, argument);
            mem_free(argument);
            screen_refresh_status(screen);
            return true;
        }
    }
    const struct slash_name *known = slash_names_find(text + 1, length);
    if (known != NULL && known->command == NULL) {
        screen_notice(screen, false, "%s", known->words);
        return true;
    }
    if (known != NULL) {
        struct str ours;
        str_init(&ours);
        str_append_format(&ours, "/%s%s", known->command, text + 1 + length);
        bool ran = slash_run(screen, ours.data);
        str_finish(&ours);
        return ran;
    }
    if (screen_skills_run(screen, text)) {
        return true;
    }
    if (length > 0 && memchr(text + 1, '/', length) == NULL) {
        screen_notice(screen, true, "/%.*s is no command; /help lists them", (int)length, text + 1);
        return true;
    }
    return false;
}
