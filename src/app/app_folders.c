/* app_folders: the folders beside the workspace in which tools may write, and one more of them.
 *
 * A sandbox is never widened while it stands: what runs in one ends first, and the next process is
 * started with the wider policy. Servers of other people keep what they were started with.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/checkpoint.h"
#include "app/app.h"
#include "app/paths.h"
#include "base/err.h"
#include "base/str.h"
#include "undo/undo.h"

const json_t *app_folders(const struct app *app)
{
    return json_object_get(app->policy, "writable");
}

static bool find(const struct app *app, const char *path, char resolved[PATH_MAX], struct err *err)
{
    struct stat status;
    struct str whole;
    str_init(&whole);
    paths_resolve(path, app->workspace, &whole);
    bool ok = realpath(whole.data, resolved) != NULL && stat(resolved, &status) == 0;
    if (!ok) {
        err_errno(err, ERR_IO, "%s", whole.data);
    } else if (!S_ISDIR(status.st_mode)) {
        ok = err_set(err, ERR_ARGUMENT, "%s is no folder", resolved);
    }
    str_finish(&whole);
    return ok;
}

static bool is_known(const struct app *app, const char *folder)
{
    size_t index;
    json_t *known;
    bool found = strcmp(app->workspace, folder) == 0;
    json_array_foreach((json_t *)app_folders(app), index, known)
    {
        found = found || strcmp(json_string_value(known), folder) == 0;
    }
    return found;
}

bool app_add_folder(struct app *app, const char *path, struct err *err)
{
    char folder[PATH_MAX];
    if (agent_busy(app->agent) || agent_jobs_running(app->agent) > 0) {
        return err_set(err, ERR_ARGUMENT, "something still runs; Esc stops it, /jobs stop a job");
    }
    if (!find(app, path, folder, err)) {
        return false;
    }
    if (is_known(app, folder)) {
        return err_set(err, ERR_ARGUMENT, "tools may write in %s already", folder);
    }
    json_t *before = app->policy;
    app->policy = json_deep_copy(before);
    json_array_append_new(json_object_get(app->policy, "writable"), json_string(folder));
    app_open_skills(app);
    if (!toolproc_set_policy(app->toolproc, app->policy)) {
        json_decref(app->policy);
        app->policy = before;
        return err_set(err, ERR_ARGUMENT, "a command still runs; Esc stops it");
    }
    json_decref(before);
    if (app->undo != NULL) {
        undo_add_root(app->undo, folder);
    }
    checkpoint_guard(app->checkpoint, folder);
    return true;
}
