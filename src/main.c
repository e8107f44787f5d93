/* carat: reads the command line and chooses between the screen, exec and the other commands. */
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/commands.h"
#include "app/headless.h"
#include "app/paths.h"
#include "app/promises.h"
#include "app/screen.h"
#include "base/err.h"
#include "base/str.h"

static enum exit_code print(void (*append)(struct str *out))
{
    struct str text;
    str_init(&text);
    append(&text);
    bool ok = fputs(text.data, stdout) >= 0 && fflush(stdout) == 0;
    str_finish(&text);
    return ok ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
}

static enum exit_code run_screen(const struct config *config)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        fprintf(stderr, "carat: not a terminal; without one use: carat exec \"what to do\"\n");
        return EXIT_CODE_USAGE;
    }
    return screen_run(config, 0);
}

static enum exit_code run(struct config *config)
{
    const struct command *command =
        config->words.count > 0 ? command_find(config->words.items[0]) : NULL;
    if (config_boolean(config, OPTION_HELP)) {
        return print(command_append_help);
    }
    if (config_boolean(config, OPTION_VERSION)) {
        return print(command_append_version);
    }
    if (config_boolean(config, OPTION_PROMISES)) {
        return print(promises_append);
    }
    if (command != NULL) {
        return command->run(config);
    }
    if (config_boolean(config, OPTION_PRINT)) {
        return headless_run(config, 0);
    }
    return run_screen(config);
}

/* Defaults, the user's files, the environment, the command line; the last one wins. Then the
 * project's own file, which can only tighten what came out. */
static bool read_settings(struct config *config, int argc, char **argv, struct err *err)
{
    struct paths paths;
    if (!paths_find(&paths, err)) {
        return false;
    }
    bool ok = config_read_file(config, paths.config_file, err) &&
              config_read_folder(config, paths.config_folder, err) &&
              config_read_environment(config, err) &&
              config_read_arguments(config, argc, argv, err);
    const char *workspace = ok ? config_string(config, OPTION_CD) : NULL;
    ok = ok && config_read_project(config, workspace != NULL ? workspace : ".", err);
    paths_finish(&paths);
    return ok;
}

int main(int argc, char **argv)
{
    struct config config;
    struct err err;
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C"); /* numbers in JSON and TOML have a point everywhere */
    config_init(&config);
    enum exit_code code = EXIT_CODE_USAGE;
    if (read_settings(&config, argc, argv, &err)) {
        code = run(&config);
    } else {
        fprintf(stderr, "carat: %s\n", err.text);
    }
    config_finish(&config);
    return (int)code;
}
