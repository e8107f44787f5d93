#include "screen/slash_set.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "screen/screen_state.h"
#include "screen/slash.h"

/* `unset`: what holds when nobody has said anything. */
static const struct {
    enum option option;
    const char *name, *theirs; /* theirs: another program's name for it */
    const char *unset;
} settable[] = {
    {OPTION_TEMPERATURE, "temperature", "temp", "the model's own"},
    {OPTION_TOP_K, "top_k", "topk", "the model's own"},
    {OPTION_TOP_P, "top_p", "topp", "the model's own"},
    {OPTION_MIN_P, "min_p", "minp", "the model's own"},
    {OPTION_SEED, "seed", "", ""},
    {OPTION_MAX_TOKENS, "max_tokens", "num_predict", ""},
    {OPTION_MAX_TURNS, "max_turns", "", ""},
    {OPTION_MAX_TOOL_CALLS, "max_tool_calls", "", ""},
    {OPTION_MAX_SECONDS, "max_seconds", "", ""},
    {OPTION_COMPACT_PERCENT, "compact_percent", "", ""},
};
enum { SETTABLE = sizeof settable / sizeof settable[0] };
_Static_assert((int)SETTABLE <= (int)SLASH_SET_MOST, "the screen keeps a value for each");

/* Other settings that have a command of their own. */
static const char *const commands[][2] = {
    {"think", "/think"}, {"nothink", "/think off"}, {"mode", "/mode"},
    {"theme", "/theme"}, {"model", "/model"},       {"system", "/system"},
    {"vi", "/vim"},      {"path", "/model"},        {"thinking", "/think"},
};

/* --- what there is --- */

static void append_value(struct str *out, const struct screen *screen, size_t row)
{
    const struct config_value *value = &screen->config->values[settable[row].option];
    if (!value->set) {
        str_append(out, settable[row].unset);
    } else if (option_table[settable[row].option].kind == OPTION_REAL) {
        str_append_format(out, "%g", value->real);
    } else {
        str_append_format(out, "%" PRId64, value->whole);
    }
}

static void list(struct screen *screen)
{
    struct str text, value;
    str_init(&text);
    str_init(&value);
    for (size_t i = 0; i < SETTABLE; i++) {
        const struct config_value *now = &screen->config->values[settable[i].option];
        const struct option_row *row = &option_table[settable[i].option];
        str_clear(&value);
        append_value(&value, screen, i);
        if (now->set && strcmp(now->origin, "default") != 0) {
            str_append_format(&value, " (%s)", now->origin);
        }
        str_append_format(&text, "%-15s  %-22s %s\n", settable[i].name, value.data, row->help);
    }
    str_append(&text,
               "/set NAME VALUE holds until carat ends or /clear; /set NAME default takes it "
               "back. /think, /mode, /model and /theme have commands of their own; what else "
               "there is is fixed at the start (/config, carat --help).");
    tui_add_notice(screen->tui, text.data, false);
    str_finish(&value);
    str_finish(&text);
}

/* --- setting --- */

/* "temperature", "model.temperature", "top-k", "num_predict". */
static bool is_named(size_t row, const char *name)
{
    const struct option_row *option = &option_table[settable[row].option];
    return strcmp(name, settable[row].name) == 0 || strcmp(name, option->key) == 0 ||
           (option->flag != NULL && strcmp(name, option->flag) == 0) ||
           (name[0] != '\0' && strcmp(name, settable[row].theirs) == 0);
}

static void keep(struct screen *screen, size_t row)
{
    struct slash_set_kept *kept = &screen->set_before[row];
    if (!kept->kept) {
        kept->kept = true;
        config_copy_number(&kept->value, &screen->config->values[settable[row].option]);
    }
}

static void take_back(struct screen *screen, size_t row)
{
    struct slash_set_kept *kept = &screen->set_before[row];
    if (kept->kept) {
        config_copy_number(&screen->config->values[settable[row].option], &kept->value);
        mem_free(kept->value.origin);
        *kept = (struct slash_set_kept){0};
    }
}

void slash_set_take_back(struct screen *screen)
{
    struct str names;
    str_init(&names);
    for (size_t i = 0; i < SETTABLE; i++) {
        if (screen->set_before[i].kept) {
            str_append_format(&names, "%s%s", names.length > 0 ? ", " : "", settable[i].name);
            take_back(screen, i);
        }
    }
    if (names.length > 0) {
        app_apply_settings(&screen->app);
        screen_notice(screen, false, "Taken back: /set %s.", names.data);
    }
    str_finish(&names);
}

static void set(struct screen *screen, size_t row, const char *value)
{
    struct err err;
    struct str shown;
    str_init(&shown);
    bool ok = true;
    if (strcmp(value, "default") == 0) {
        take_back(screen, row);
    } else if (value[0] != '\0') {
        bool first = !screen->set_before[row].kept;
        keep(screen, row);
        ok = config_change(screen->config, settable[row].option, value, "/set", &err);
        if (!ok && first) {
            take_back(screen, row);
        }
    }
    if (ok) {
        app_apply_settings(&screen->app);
        append_value(&shown, screen, row);
        screen_notice(screen, false, "%s: %s", settable[row].name, shown.data);
    } else {
        screen_notice(screen, true, "%s", err.text);
    }
    str_finish(&shown);
}

static bool has_command(struct screen *screen, const char *name, const char *value)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i][0], name) == 0) {
            struct str command;
            const char *word =
                strcmp(value, "true") == 0 || (value[0] == '\0' && strcmp(name, "think") == 0)
                    ? "on"
                : strcmp(value, "false") == 0 ? "off"
                                              : value;
            str_init(&command);
            str_append_format(&command, "%s%s%s", commands[i][1], word[0] != '\0' ? " " : "", word);
            slash_run(screen, command.data);
            str_finish(&command);
            return true;
        }
    }
    return false;
}

/* What can be set, but not now. */
static void refuse(struct screen *screen, const char *name)
{
    bool negated;
    int option = option_by_key(name);
    for (int i = 0; option < 0 && i < OPTION_COUNT; i++) {
        const char *key = option_table[i].key, *dot = key != NULL ? strrchr(key, '.') : NULL;
        option = dot != NULL && strcmp(dot + 1, name) == 0 ? i : -1;
    }
    option = option < 0 ? option_by_flag(name, strlen(name), &negated, NULL) : option;
    if (option < 0 && strcmp(name, "num_ctx") == 0) {
        option = OPTION_CONTEXT;
    }
    if (option < 0) {
        screen_notice(screen, true, "There is no setting %s; /set lists what can be set now.",
                      name);
        return;
    }
    const struct option_row *row = &option_table[option];
    screen_notice(screen, true, "%s is fixed at the start: %s%s%s%s%s.", name,
                  row->flag != NULL ? "carat --" : "", row->flag != NULL ? row->flag : "",
                  row->flag != NULL && row->key != NULL ? ", or " : "",
                  row->key != NULL ? row->key : "", row->key != NULL ? " in config.toml" : "");
}

void slash_set_run(struct screen *screen, const char *argument)
{
    const char *other = "parameter"; /* as another program has it: /set parameter NAME VALUE */
    if (str_starts_with(argument, other) && strchr(" ", argument[strlen(other)]) != NULL) {
        argument += strlen(other);
        argument += strspn(argument, " ");
    }
    size_t length = strcspn(argument, " =");
    char *name = mem_strndup(argument, length);
    const char *value = argument + length + strspn(argument + length, " =");
    size_t row = 0;
    while (row < SETTABLE && !is_named(row, name)) {
        row++;
    }
    if (name[0] == '\0') {
        list(screen);
    } else if (row < SETTABLE) {
        set(screen, row, value);
    } else if (!has_command(screen, name, value)) {
        refuse(screen, name);
    }
    mem_free(name);
}

/* --- the system text --- */

/* What the tokenizer makes of text is about a quarter of its bytes. */
enum { BYTES_PER_TOKEN = 4 };

void slash_set_system(struct screen *screen, const char *argument)
{
    struct err err;
    if (argument[0] != '\0') {
        if (!app_new_conversation(&screen->app, NULL, argument, &err)) {
            screen_notice(screen, true, "%s", err.text);
            return;
        }
        tui_clear(screen->tui);
        screen->context_used = 0;
        screen_notice(screen, false,
                      "A new conversation with this system text, until the next /new; all of its "
                      "beginning is read anew with the first message. The last one is kept: carat "
                      "resume. For each run: carat --system-prompt-file FILE");
        return;
    }
    const char *text = agent_system(screen->app.agent);
    struct str shown;
    str_init(&shown);
    str_append_format(&shown,
                      "%s\n\n%zu bytes, about %zu tokens of every request; read once, then kept. "
                      "/system TEXT begins a new conversation with another one.",
                      text, strlen(text), strlen(text) / BYTES_PER_TOKEN);
    tui_add_notice(screen->tui, shown.data, false);
    str_finish(&shown);
}

/* --- names of others --- */

void slash_set_show(struct screen *screen, const char *argument)
{
    static const char *const subjects[][2] = {
        {"", "/status"},       {"info", "/status"},     {"parameters", "/set"},
        {"system", "/system"}, {"config", "/config"},   {"model", "/status"},
        {"tools", "/tools"},   {"context", "/context"},
    };
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        if (strcmp(subjects[i][0], argument) == 0) {
            slash_run(screen, subjects[i][1]);
            return;
        }
    }
    screen_notice(screen, true, "/show %s: info, parameters, system, config, tools or context",
                  argument);
}
