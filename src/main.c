/* carat: reads the command line and chooses between the screen, exec and the other commands. */
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command_table.h"
#include "command/headless.h"
#include "promises.h"
#include "screen/screen.h"
#include "app/settings.h"
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
    return screen_run(config, 0, NULL);
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

int main(int argc, char **argv)
{
    struct config config;
    struct err err;
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C"); /* numbers in JSON and TOML have a point everywhere */
    config_init(&config);
    enum exit_code code = EXIT_CODE_USAGE;
    if (settings_read(&config, argc, argv, NULL, &err)) {
        code = run(&config);
    } else {
        fprintf(stderr, "carat: %s\n", err.text);
    }
    config_finish(&config);
    return (int)code;
}
