/* app_skills: the skills of a run: found once, told to the model, opened to its tools, and called
 * by the user.
 */
#include <string.h>

#include "agent/skills.h"
#include "app/app.h"
#include "approval/tool_limit.h"
#include "base/str.h"

static bool is_inside(const char *folder, const char *path)
{
    size_t length = strlen(folder);
    return strncmp(folder, path, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* What tools can write they can read already; and whoever can write there could put a link in the
 * place of the folder, which is then shown instead. */
static bool is_writable(const struct app *app, const char *path)
{
    size_t index;
    json_t *folder;
    bool found = is_inside(app->workspace, path);
    json_array_foreach((json_t *)app_folders(app), index, folder)
    {
        found = found || is_inside(json_string_value(folder), path);
    }
    return found;
}

static bool holds(const json_t *list, const char *text)
{
    size_t index;
    json_t *item;
    json_array_foreach((json_t *)list, index, item)
    {
        if (strcmp(json_string_value(item), text) == 0) {
            return true;
        }
    }
    return false;
}

void app_open_skills(struct app *app)
{
    json_t *folders = json_array();
    struct str folder;
    str_init(&folder);
    for (size_t i = 0; i < app->skills.count; i++) {
        str_clear(&folder);
        skills_folder(&app->skills.items[i], &folder);
        if (!is_writable(app, folder.data) && !holds(folders, folder.data)) {
            json_array_append_new(folders, json_string(folder.data));
        }
    }
    str_finish(&folder);
    json_object_set_new(app->policy, "skills", folders);
}

void app_read_skills(struct app *app)
{
    struct str text, summary;
    if (!config_boolean(app->config, OPTION_SKILLS)) {
        return;
    }
    skills_find(&app->skills, app->workspace, app->paths.skills_folder, app->paths.shared_skills);
    str_init(&text);
    str_init(&summary);
    /* Without tools it could not read them. */
    if (config_boolean(app->config, OPTION_TOOLS) && skills_append(&app->skills, &text, &summary)) {
        app->skills_text = str_take(&text);
        app->skills_summary = str_take(&summary);
    }
    str_finish(&text);
    str_finish(&summary);
    app_open_skills(app);
}

const struct skill *app_skill_called(const struct app *app, const char *text, const char **words)
{
    static const char PREFIX[] = "/skill:";
    if (text[0] != '/') {
        return NULL;
    }
    const char *name = text + (str_starts_with(text, PREFIX) ? sizeof PREFIX - 1 : 1);
    size_t length = strcspn(name, " \n");
    *words = name + length + strspn(name + length, " \n");
    return skills_named(&app->skills, name, length);
}

bool app_call_skill(struct app *app, const struct skill *skill, const char *words, struct err *err)
{
    struct str message, typed;
    str_init(&message);
    str_init(&typed);
    str_append_format(&typed, "/skill:%s%s%s", skill->name, words[0] != '\0' ? " " : "", words);
    bool ok = skills_call(skill, words, &message, err);
    if (ok) {
        struct tool_limit *limit =
            skill->limits ? tool_limit_create(skill->name, skill->tools, skill->tool_count) : NULL;
        ok = agent_submit_limited(app->agent, message.data, message.length, typed.data, limit, err);
    }
    str_finish(&typed);
    str_finish(&message);
    return ok;
}
