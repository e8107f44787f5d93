#include "app/settings.h"

#include "app/paths.h"
#include "base/err.h"

static bool read_all(struct config *config, const struct paths *paths, const char *workspace,
                     struct err *err)
{
    char *place[] = {"carat", "--cd", (char *)workspace, NULL};
    if (!config_read_file(config, paths->config_file, err) ||
        !config_read_folder(config, paths->config_folder, err) ||
        !config_read_environment(config, err) ||
        !config_read_arguments(config, config->argument_count, config->arguments, err) ||
        (workspace != NULL && !config_read_arguments(config, 3, place, err))) {
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
