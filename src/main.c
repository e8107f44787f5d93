/* carat: reads the command line and chooses between the screen, exec and the other commands. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "command_table.h"
#include "command/headless.h"
#include "promises.h"
#include "app/library_memory.h"
#include "app/notice.h"
#include "app/settings.h"
#include "base/err.h"

static const struct command *named(const struct config *config)
{
    return config->words.count > 0 ? command_find(config->words.items[0]) : NULL;
}

static enum exit_code run(struct config *config)
{
    const struct command *command = named(config);
    if (config_boolean(config, OPTION_HELP)) {
        return command_print(command_append_help);
    }
    if (config_boolean(config, OPTION_VERSION)) {
        return command_print(command_append_version);
    }
    if (config_boolean(config, OPTION_PROMISES)) {
        return command_print(promises_append);
    }
    if (command != NULL) {
        return command->run(config);
    }
    if (config_boolean(config, OPTION_PRINT)) {
        return headless_run(config, 0);
    }
    return command_run_screen(config, 0);
}

/* What tells of carat itself, so that a broken file of configuration does not keep it back. */
static bool needs_settings(const struct config *config)
{
    const struct command *command = named(config);
    return !config_boolean(config, OPTION_HELP) && !config_boolean(config, OPTION_VERSION) &&
           !config_boolean(config, OPTION_PROMISES) &&
           (command == NULL || command_needs_settings(command));
}

/* The configuration is broken, which the doctor is there to say, with the rest: as it is without
 * any. */
static enum exit_code run_doctor(struct config *config, int argc, char **argv)
{
    struct err err;
    config_finish(config);
    config_init(config);
    config->arguments = argv;
    config->argument_count = argc;
    bool ok = config_read_arguments(config, argc, argv, &err);
    enum exit_code code = ok ? run(config) : EXIT_CODE_USAGE;
    return code == EXIT_CODE_OK ? EXIT_CODE_USAGE : code;
}

static enum exit_code start(struct config *config, int argc, char **argv)
{
    struct err err;
    bool read = config_read_arguments(config, argc, argv, &err);
    if (read && !needs_settings(config)) {
        return run(config);
    }
    bool doctor = read && config->words.count > 0 && strcmp(config->words.items[0], "doctor") == 0;
    config_finish(config);
    config_init(config);
    if (settings_read(config, argc, argv, NULL, &err)) {
        return run(config);
    }
    notice_print(err.text);
    return doctor ? run_doctor(config, argc, argv) : EXIT_CODE_USAGE;
}

/* What was printed may still be on its way here, and a full disk is no success. A reader that went
 * away wants no words. */
static enum exit_code finish_output(enum exit_code code)
{
    errno = 0;
    bool lost = fflush(stdout) != 0 || ferror(stdout);
    if (lost && errno != EPIPE) {
        fprintf(stderr, "carat: standard output cannot be written%s%s\n", errno != 0 ? ": " : "",
                errno != 0 ? strerror(errno) : "");
    }
    return lost && code == EXIT_CODE_OK ? EXIT_CODE_FAILURE : code;
}

/* The store, the event loop (whose library aborts without) and a tool's pipes are open at once. */
static bool has_descriptors(void)
{
    enum { NEEDED = 64 };
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= NEEDED) {
        return true;
    }
    limit.rlim_cur = limit.rlim_max < NEEDED ? limit.rlim_max : NEEDED;
    if (limit.rlim_cur == NEEDED && setrlimit(RLIMIT_NOFILE, &limit) == 0) {
        return true;
    }
    fprintf(stderr, "carat: only %llu files may be open here, and %d are needed (ulimit -n)\n",
            (unsigned long long)limit.rlim_cur, NEEDED);
    return false;
}

int main(int argc, char **argv)
{
    struct config config;
    signal(SIGXFSZ, SIG_IGN); /* a limit on files (ulimit -f) is an error to be told, EFBIG */
    library_memory_start();
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C"); /* numbers in JSON and TOML have a point everywhere */
    if (!has_descriptors()) {
        return EXIT_CODE_FAILURE;
    }
    config_init(&config);
    enum exit_code code = start(&config, argc, argv);
    config_finish(&config);
    return (int)finish_output(code);
}
