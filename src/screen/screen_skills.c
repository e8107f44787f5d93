#include "screen/screen_skills.h"

#include <string.h>

#include "agent/skills.h"
#include "base/mem.h"
#include "base/str.h"
#include "screen/outbox.h"
#include "screen/screen_state.h"
#include "screen/slash.h"
#include "screen/slash_names.h"

static bool is_taken(const char *name)
{
    for (size_t i = 0; i < slash_command_count; i++) {
        if (strcmp(slash_commands[i].name, name) == 0) {
            return true;
        }
    }
    return slash_names_find(name, strlen(name)) != NULL;
}

void screen_skills_offer(struct screen *screen)
{
    const struct skills *skills = &screen->app.skills;
    size_t count = screen->offer_count = slash_command_count + skills->count;
    screen->offers = mem_alloc(count, sizeof *screen->offers);
    memcpy(screen->offers, slash_offers(), slash_command_count * sizeof *screen->offers);
    for (size_t i = 0; i < skills->count; i++) {
        struct str name;
        str_init(&name);
        str_append_format(&name, "%s%s", is_taken(skills->items[i].name) ? "skill:" : "",
                          skills->items[i].name);
        screen->offers[slash_command_count + i] =
            (struct tui_command){str_take(&name), mem_strdup(skills->items[i].description), NULL};
    }
    tui_set_commands(screen->tui, screen->offers, count);
}

void screen_skills_finish(struct screen *screen)
{
    for (size_t i = slash_command_count; i < screen->offer_count; i++) {
        mem_free((char *)screen->offers[i].name);
        mem_free((char *)screen->offers[i].help);
    }
    mem_free(screen->offers);
    screen->offers = NULL;
}

void screen_skills_list(struct screen *screen, const char *argument)
{
    struct str text;
    (void)argument;
    str_init(&text);
    skills_describe(&screen->app.skills, &text);
    tui_add_notice(screen->tui,
                   text.length > 0 ? text.data
                                   : "There are no skills: .agents/skills/NAME/SKILL.md of the "
                                     "project, ~/.agents/skills, or skills beside config.toml.",
                   false);
    str_finish(&text);
}

bool screen_skills_run(struct screen *screen, const char *text)
{
    struct err err;
    const char *words;
    const struct skill *skill = app_skill_called(&screen->app, text, &words);
    if (skill == NULL) {
        return false;
    }
    if (screen->own.running || !outbox_empty(screen->outbox)) {
        screen_notice(screen, true, "/%s: a command or a picture is waited for; Esc stops it",
                      skill->name);
    } else if (!app_call_skill(&screen->app, skill, words, &err)) {
        screen_notice(screen, true, "%s", err.text);
    }
    screen_refresh_status(screen);
    return true;
}
