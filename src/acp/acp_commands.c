#include "acp/acp_commands.h"

#include <string.h>

#include "acp/acp_sessions.h"
#include "app/app.h"
#include "base/err.h"
#include "base/str.h"
#include "command/command_undo.h"

static bool think(struct app *app, struct acp_session *session, const char *words, struct str *out,
                  struct err *err)
{
    if (words[0] != '\0' && strcmp(words, "on") != 0 && strcmp(words, "off") != 0) {
        return err_set(err, ERR_ARGUMENT, "say /think on or /think off");
    }
    bool now =
        session->thinking_chosen ? session->thinking : config_boolean(app->config, OPTION_THINKING);
    session->thinking = words[0] == '\0' ? !now : strcmp(words, "on") == 0;
    session->thinking_chosen = true;
    agent_set_thinking(app->agent, session->thinking);
    str_append_format(out, "Thinking is %s.", session->thinking ? "on" : "off");
    return true;
}

static bool take_back(struct app *app, struct acp_session *session, const char *words,
                      struct str *out, struct err *err)
{
    (void)session;
    bool ok = app->undo != NULL ? command_undo_words(app->undo, words, out, err)
                                : err_set(err, ERR_UNAVAILABLE, "undo is turned off");
    if (!ok && out->length > 0) {
        str_append(out, err->text); /* below what says why */
        ok = true;
    }
    return ok;
}

static bool expand(struct app *app, struct acp_session *session, const char *words, struct str *out,
                   struct err *err)
{
    bool undone = false;
    (void)session, (void)words;
    bool ok = agent_expand(app->agent, &undone, err);
    str_append(out, undone ? "The last summary is taken back." : "There is no summary.");
    return ok;
}

static const struct {
    const char *name, *help, *hint;
    bool (*run)(struct app *app, struct acp_session *session, const char *words, struct str *out,
                struct err *err);
} commands[] = {
    {"think", "Let the model think before it answers, or not.", "on or off", think},
    {"undo", "Take the file changes of the last turn back; list or diff shows them.",
     "list, diff or the number of a turn", take_back},
    {"expand", "Take the last summary of this conversation back.", NULL, expand},
};

json_t *acp_commands_update(void)
{
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        json_t *command =
            json_pack("{ssss}", "name", commands[i].name, "description", commands[i].help);
        if (commands[i].hint != NULL) {
            json_object_set_new(command, "input", json_pack("{ss}", "hint", commands[i].hint));
        }
        json_array_append_new(list, command);
    }
    return json_pack("{ssso}", "sessionUpdate", "available_commands_update", "availableCommands",
                     list);
}

bool acp_commands_run(struct app *app, struct acp_session *session, const char *text,
                      struct str *out)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0] && text[0] == '/'; i++) {
        size_t length = strlen(commands[i].name);
        const char *words = text + 1 + length;
        if (strncmp(text + 1, commands[i].name, length) == 0 &&
            (words[0] == '\0' || words[0] == ' ')) {
            struct err err;
            if (!commands[i].run(app, session, words + strspn(words, " "), out, &err)) {
                str_clear(out);
                str_append(out, err.text);
            }
            return true;
        }
    }
    return false;
}
