/* app_media: the pictures and sounds that a command line names, for who can wait for them. */
#include <stdlib.h>

#include "app/app.h"
#include "app/mentions.h"
#include "base/err.h"
#include "base/str.h"
#include "desktop/capture.h"

bool app_attach_mentions(struct app *app, const char *text, struct err *err)
{
    struct str path;
    size_t at = 0, before = agent_attached(app->agent);
    bool picture, ok = true;
    str_init(&path);
    while (ok && mentions_next(text, &at, app->workspace, getenv("HOME"), &path, &picture)) {
        ok = agent_attach(app->agent, path.data, picture, err);
    }
    if (!ok) {
        agent_detach(app->agent, before);
    }
    str_finish(&path);
    return ok;
}

/* The user's own wish, in words of the command line: nothing is asked. */
static bool attach_shot(struct app *app, struct err *err)
{
    const char *word = config_string(app->config, OPTION_SHOT);
    struct capture_place place;
    enum capture_area area;
    struct str file;
    if (word == NULL || !capture_area_parse(word, &area)) {
        return true;
    }
    str_init(&file);
    bool ok = (capture_take(area, NULL, &file, &place, err) &&
               agent_attach_bytes(app->agent, file.data, file.length, true, err)) ||
              err_prefix(err, "--shot");
    str_finish(&file);
    return ok;
}

bool app_attach_options(struct app *app, struct err *err)
{
    static const enum option options[] = {OPTION_IMAGE, OPTION_AUDIO};
    for (size_t o = 0; o < 2; o++) {
        const struct config_list *files = config_list(app->config, options[o]);
        for (size_t i = 0; i < files->count; i++) {
            if (!agent_attach(app->agent, files->items[i], options[o] == OPTION_IMAGE, err)) {
                return false;
            }
        }
    }
    return attach_shot(app, err);
}
