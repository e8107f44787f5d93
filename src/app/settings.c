#include "app/settings.h"

#include <string.h>
#include <unistd.h>

#include "app/mcp_forms.h"
#include "app/paths.h"
#include "app/project_servers.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

enum { MCP_FILE_LIMIT = 256 * 1024 };

/* Only to find the profile's name, which must be read before what it is read with. */
static bool find_profile(int argc, char *const argv[], struct str *name, struct err *err)
{
    struct config scratch;
    config_init(&scratch);
    bool ok = config_read_arguments(&scratch, argc, argv, err);
    const char *given = ok ? config_string(&scratch, OPTION_PROFILE) : NULL;
    str_append(name, given != NULL ? given : "");
    config_finish(&scratch);
    return ok;
}

/* profiles/NAME.toml beside the configuration file. */
static bool read_profile(struct config *config, const struct paths *paths, struct err *err)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    struct str name, path;
    str_init(&name);
    str_init(&path);
    bool ok = find_profile(config->argument_count, config->arguments, &name, err);
    if (ok && name.length > 0) {
        const char *slash = strrchr(paths->config_file, '/');
        str_append_bytes(&path, paths->config_file, (size_t)(slash - paths->config_file));
        str_append_format(&path, "/profiles/%s.toml", name.data);
        if (strspn(name.data, letters) != name.length) {
            ok = err_set(err, ERR_ARGUMENT, "--profile %.60s: letters, digits, _ and - only",
                         name.data);
        } else if (access(path.data, F_OK) != 0) {
            ok = err_errno(err, ERR_NOT_FOUND, "--profile %s: %s", name.data, path.data);
        } else {
            ok = config_read_file(config, path.data, err);
        }
    }
    str_finish(&name);
    str_finish(&path);
    return ok;
}

static bool add_servers(struct config *config, const char *path, struct err *err)
{
    struct project_servers file;
    project_servers_init(&file);
    file.there = true;
    bool ok = file_read(path, MCP_FILE_LIMIT, &file.text, err) &&
              mcp_forms_convert(path, &file.text, &config->notices, err) &&
              (project_servers_add(&file, &config->servers, &config->notices, err) ||
               err_prefix(err, "--mcp-config %s", path));
    project_servers_finish(&file);
    return ok;
}

/* --offline is for what the file opens too; who opens it beside the flag is told. */
static void close_hosts(struct config *config, enum option option)
{
    struct config_value *hosts = &config->values[option];
    if (hosts->list.count > 0 && hosts->origin[0] == '-') {
        config_notice(config, "--%s opens nothing: --offline asks no other machine",
                      option_table[option].flag);
    }
    config_list_finish(&hosts->list);
}

static void go_offline(struct config *config)
{
    close_hosts(config, OPTION_HOSTS);
    close_hosts(config, OPTION_NETWORK_HOSTS);
    for (size_t i = 0; i < config->servers.count; i++) {
        config->servers.items[i].network = false;
    }
    if (strcmp(config_string(config, OPTION_SANDBOX), "danger-full-access") == 0) {
        config_notice(config, "--offline does not hold for commands: without a sandbox they have "
                              "your network");
    }
}

/* What flags take away or add, when all is read. */
static bool apply_flags(struct config *config, struct err *err)
{
    bool bare = config_boolean(config, OPTION_BARE), ok = true;
    if (bare) {
        config_hooks_finish(&config->hooks);
        config->values[OPTION_INSTRUCTIONS].boolean = false;
        config->values[OPTION_SKILLS].boolean = false;
    }
    if (bare || config_boolean(config, OPTION_STRICT_MCP)) {
        config_servers_finish(&config->servers);
    }
    const struct config_list *files = config_list(config, OPTION_MCP_CONFIG);
    for (size_t i = 0; ok && i < files->count; i++) {
        ok = add_servers(config, files->items[i], err);
    }
    if (config_boolean(config, OPTION_OFFLINE)) {
        go_offline(config);
    }
    return ok;
}

static bool read_all(struct config *config, const struct paths *paths, const char *workspace,
                     struct err *err)
{
    char *place[] = {"carat", "--cd", (char *)workspace, NULL};
    if (!config_read_file(config, paths->config_file, err) ||
        !config_read_folder(config, paths->config_folder, err) ||
        !read_profile(config, paths, err) || !config_read_environment(config, err) ||
        !config_read_arguments(config, config->argument_count, config->arguments, err) ||
        (workspace != NULL && !config_read_arguments(config, 3, place, err)) ||
        !apply_flags(config, err)) {
        return false;
    }
    const char *folder = config_string(config, OPTION_CD);
    return config_read_project(config, folder != NULL ? folder : ".", err);
}

bool settings_read(struct config *config, int argc, char *const argv[], const char *workspace,
                   struct err *err)
{
    struct paths paths;
    config->arguments = argv;
    config->argument_count = argc;
    if (!paths_find(&paths, err)) {
        return false;
    }
    bool ok = read_all(config, &paths, workspace, err);
    paths_finish(&paths);
    return ok;
}
