#include "app/paths.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

static char *join(const char *folder, const char *rest)
{
    struct str path;
    str_init(&path);
    str_append(&path, folder);
    str_append(&path, rest);
    return str_take(&path);
}

/* $CARAT_HOME/own, else $variable/carat, else $HOME/standard/carat. A relative XDG path is ignored,
 * as its specification asks. */
static char *folder(const char *own, const char *variable, const char *standard, struct err *err)
{
    const char *carat_home = getenv("CARAT_HOME");
    if (carat_home != NULL && carat_home[0] != '\0') {
        if (carat_home[0] != '/') {
            err_set(err, ERR_ARGUMENT, "CARAT_HOME is \"%s\", which is not an absolute path",
                    carat_home);
            return NULL;
        }
        return join(carat_home, own);
    }
    const char *xdg = getenv(variable);
    if (xdg != NULL && xdg[0] == '/') {
        return join(xdg, "/carat");
    }
    const char *home = getenv("HOME");
    if (home == NULL || home[0] != '/') {
        err_set(err, ERR_ARGUMENT, "HOME is not set, and neither is CARAT_HOME");
        return NULL;
    }
    return join(home, standard);
}

/* The first of base + rests[] that exists, else base + rests[0]. */
static char *first_existing(const char *base, const char *const rests[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *path = join(base, rests[i]), resolved[PATH_MAX];
        bool exists = realpath(path, resolved) != NULL;
        mem_free(path);
        if (exists) {
            return mem_strdup(resolved);
        }
    }
    return join(base, rests[0]);
}

static bool executable_folder(char out[PATH_MAX], struct err *err)
{
    ssize_t length = readlink("/proc/self/exe", out, PATH_MAX - 1);
    if (length <= 0) {
        return err_errno(err, ERR_IO, "reading /proc/self/exe");
    }
    out[length] = '\0';
    *strrchr(out, '/') = '\0';
    return true;
}

/* $CARAT_LOG: another file, or none. */
static bool find_log(struct paths *paths, struct err *err)
{
    const char *wanted = getenv("CARAT_LOG");
    if (wanted == NULL || wanted[0] == '\0') {
        paths->log_file = join(paths->state, "/carat.log");
    } else if (wanted[0] == '/') {
        paths->log_file = mem_strdup(wanted);
    } else if (strcmp(wanted, "off") != 0) {
        return err_set(err, ERR_ARGUMENT,
                       "CARAT_LOG is \"%s\", which is not an absolute path or off", wanted);
    }
    return true;
}

/* As a workspace is named: links resolved, where that can be done. */
static char *find_home(void)
{
    const char *home = getenv("HOME");
    char resolved[PATH_MAX];
    if (home == NULL || home[0] != '/') {
        return NULL;
    }
    return mem_strdup(realpath(home, resolved) != NULL ? resolved : home);
}

bool paths_find(struct paths *paths, struct err *err)
{
    static const char *const models[] = {"/../models", "/../share/carat/models"};
    static const char *const tool[] = {"/carat-tool", "/../libexec/carat/carat-tool"};
    char own_folder[PATH_MAX];
    *paths = (struct paths){0};
    char *config = NULL;
    const char *home = getenv("HOME");
    bool ok =
        executable_folder(own_folder, err) &&
        (paths->cache = folder("/cache", "XDG_CACHE_HOME", "/.cache/carat", err)) != NULL &&
        (config = folder("", "XDG_CONFIG_HOME", "/.config/carat", err)) != NULL &&
        (paths->data = folder("/data", "XDG_DATA_HOME", "/.local/share/carat", err)) != NULL &&
        (paths->state = folder("/state", "XDG_STATE_HOME", "/.local/state/carat", err)) != NULL &&
        find_log(paths, err);
    paths->home = find_home();
    if (ok) {
        paths->config_file = join(config, "/config.toml");
        paths->config_folder = join(config, "/config.d");
        paths->approvals_file = join(config, "/config.d/approvals.toml");
        paths->profiles_folder = join(config, "/profiles");
        paths->skills_folder = join(config, "/skills");
        paths->shared_skills =
            home != NULL && home[0] == '/' ? join(home, "/.agents/skills") : NULL;
        paths->trust_file = join(paths->state, "/trusted.json");
        paths->kv_folder = join(paths->cache, "/kv");
        paths->store_file = join(paths->data, "/conversations.db");
        paths->user_models = join(paths->data, "/models");
        paths->installed_models = first_existing(own_folder, models, 2);
        paths->tool_program = first_existing(own_folder, tool, 2);
        paths->engine_program = join(own_folder, "/carat-engine");
    } else {
        paths_finish(paths);
    }
    mem_free(config);
    return ok;
}

void paths_finish(struct paths *paths)
{
    mem_free(paths->home);
    mem_free(paths->config_file);
    mem_free(paths->config_folder);
    mem_free(paths->approvals_file);
    mem_free(paths->profiles_folder);
    mem_free(paths->skills_folder);
    mem_free(paths->shared_skills);
    mem_free(paths->trust_file);
    mem_free(paths->data);
    mem_free(paths->store_file);
    mem_free(paths->user_models);
    mem_free(paths->state);
    mem_free(paths->cache);
    mem_free(paths->kv_folder);
    mem_free(paths->log_file);
    mem_free(paths->installed_models);
    mem_free(paths->tool_program);
    mem_free(paths->engine_program);
    *paths = (struct paths){0};
}

void paths_resolve(const char *path, const char *folder, struct str *out)
{
    const char *home = getenv("HOME");
    bool from_home = str_starts_with(path, "~/") && home != NULL;
    if (from_home) {
        str_append(out, home);
    } else if (path[0] != '/') {
        str_append_format(out, "%s/", folder);
    }
    str_append(out, path + from_home);
}
