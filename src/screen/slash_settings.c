#include "screen/slash_settings.h"

#include <inttypes.h>
#include <string.h>

#include "agent/foreign.h"
#include "approval/toolset.h"
#include "screen/screen_state.h"

static bool is_choice(enum option option, const char *word)
{
    const char *at = option_table[option].choices;
    size_t length = strlen(word);
    while (length > 0 && at != NULL) {
        if (strncmp(at, word, length) == 0 && (at[length] == '|' || at[length] == '\0')) {
            return true;
        }
        at = strchr(at, '|');
        at = at != NULL ? at + 1 : NULL;
    }
    return false;
}

void slash_settings_theme(struct screen *screen, const char *argument)
{
    if (!is_choice(OPTION_THEME, argument)) {
        bool asked = argument[0] == '\0';
        screen_notice(screen, !asked, "%s%s: /theme takes %s; tui.theme in config.toml keeps it",
                      asked ? "Themes" : "There is no theme ", argument,
                      option_table[OPTION_THEME].choices);
        return;
    }
    tui_set_theme(screen->tui, argument);
    screen_notice(screen, false, "Theme: %s, until carat ends.", argument);
}

void slash_settings_vim(struct screen *screen, const char *argument)
{
    (void)argument;
    screen->vi = !screen->vi;
    tui_set_vi(screen->tui, screen->vi);
    screen_notice(screen, false, "vi's keys are %s (tui.vi in config.toml keeps it).",
                  screen->vi ? "on; Esc leads to the normal mode" : "off");
}

void slash_settings_raw(struct screen *screen, const char *argument)
{
    (void)argument;
    screen_notice(screen, false,
                  tui_toggle_raw(screen->tui)
                      ? "Answers are shown as the Markdown that they are; /raw lays them out again."
                      : "Answers are laid out.");
}

/* --- what may run --- */

static void append_folders(const struct screen *screen, struct str *out)
{
    size_t index;
    json_t *folder;
    str_append(out, screen->app.workspace);
    json_array_foreach((json_t *)app_folders(&screen->app), index, folder)
    {
        str_append_format(out, ", %s", json_string_value(folder));
    }
}

void slash_settings_add_dir(struct screen *screen, const char *argument)
{
    struct err err;
    struct str text;
    str_init(&text);
    bool added = argument[0] != '\0' && app_add_folder(&screen->app, argument, &err);
    append_folders(screen, &text);
    if (argument[0] == '\0') {
        screen_notice(screen, false, "Tools have %s. /add-dir DIR adds one.", text.data);
    } else if (!added) {
        screen_notice(screen, true, "/add-dir: %s", err.text);
    } else {
        screen_notice(screen, false,
                      "Tools have %s until carat ends. What was read is to be read again before it "
                      "is changed; servers of /mcp keep what they had.",
                      text.data);
    }
    str_finish(&text);
}

void slash_settings_permissions(struct screen *screen, const char *argument)
{
    static const char *const verdicts[] = {
        [APPROVAL_ALLOW] = "runs", [APPROVAL_ASK_USER] = "asks", [APPROVAL_DENY] = "is refused"};
    const struct approval_rules *rules = &screen->app.rules;
    struct str text;
    (void)argument;
    str_init(&text);
    str_append_format(&text, "mode     %s (/mode, Shift+Tab); at most %s\nsandbox  %s",
                      approval_mode_name(screen->mode),
                      approval_mode_name(app_mode_ceiling(screen->config)), screen->sandbox.data);
    str_append(&text, "\nfolders  ");
    append_folders(screen, &text);
    for (size_t i = 0; i < rules->count; i++) {
        const struct approval_rule *rule = &rules->items[i];
        str_append_format(&text, "\n%-10s  %s", verdicts[rule->verdict], rule->tool);
        if (rule->pattern != NULL) {
            str_append_format(&text, "(%s)", rule->pattern);
        }
    }
    if (rules->count == 0) {
        str_append(&text, "\nno rules: p in a question writes one, approval.* in config.toml too");
    }
    tui_add_notice(screen->tui, text.data, false);
    str_finish(&text);
}

void slash_settings_tools(struct screen *screen, const char *argument)
{
    struct str text;
    size_t index;
    json_t *tool;
    (void)argument;
    str_init(&text);
    if (!config_boolean(screen->config, OPTION_TOOLS)) {
        str_append(&text, "The model is told of no tools (agent.tools).");
    } else {
        json_array_foreach((json_t *)toolset_declarations(), index, tool)
        {
            const json_t *function = json_object_get(tool, "function");
            str_append_format(&text, "%s%-14s %s", index > 0 ? "\n" : "",
                              json_string_value(json_object_get(function, "name")),
                              json_string_value(json_object_get(function, "description")));
        }
        str_append(&text, "\nmore_output    is told of when a result was cut");
        str_append(&text, screen->app.foreign != NULL ? "\n/mcp lists those of MCP servers" : "");
    }
    tui_add_notice(screen->tui, text.data, false);
    str_finish(&text);
}

/* --- what the model knows --- */

void slash_settings_memory(struct screen *screen, const char *argument)
{
    const char *summary = screen->app.instructions_summary;
    (void)argument;
    screen_notice(screen, false, "%s%s",
                  summary != NULL ? "Read: " : "No AGENTS.md, CLAUDE.md or GEMINI.md was read; ",
                  summary != NULL ? summary : "/init lets the model write one.");
}

/* --- the configuration --- */

static void append_value(const struct config_value *value, enum option_kind kind, struct str *out)
{
    switch (kind) {
    case OPTION_FLAG:
        str_append(out, value->boolean ? "true" : "false");
        break;
    case OPTION_WHOLE:
        str_append_format(out, "%" PRId64, value->whole);
        break;
    case OPTION_REAL:
        str_append_format(out, "%g", value->real);
        break;
    case OPTION_LIST:
        for (size_t i = 0; i < value->list.count; i++) {
            str_append_format(out, "%s%s", i > 0 ? ", " : "", value->list.items[i]);
        }
        break;
    default:
        str_append(out, value->string);
        break;
    }
}

void slash_settings_config(struct screen *screen, const char *argument)
{
    struct str text;
    (void)argument;
    str_init(&text);
    str_append_format(&text, "%s, then %s/*.toml; carat config example shows all that can be set",
                      screen->app.paths.config_file, screen->app.paths.config_folder);
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct config_value *value = &screen->config->values[i];
        const struct option_row *row = &option_table[i];
        if (!value->set || strcmp(value->origin, "default") == 0) {
            continue;
        }
        str_append_format(&text, "\n%s%s = ", row->key != NULL ? "" : "--",
                          row->key != NULL ? row->key : row->flag);
        append_value(value, row->kind, &text);
        str_append_format(&text, "  (%s)", value->origin);
    }
    tui_add_notice(screen->tui, text.data, false);
    str_finish(&text);
}
