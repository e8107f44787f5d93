/* command_tables: what is known of programs, as data for command_traps.
 *
 * A list of names is one string, with a space before and behind each of them. What a row's options
 * and beginnings are is told with single spaces between them.
 */
#ifndef CARAT_APPROVAL_COMMAND_TABLES_H
#define CARAT_APPROVAL_COMMAND_TABLES_H

#include <stdbool.h>
#include <stddef.h>

extern const char command_runners[];
extern const char command_interpreters[];
extern const char command_by_subcommand[];
extern const char command_never_subcommands[];
extern const char *const command_aliases[][2]; /* up to NULL */
extern const char command_running_modules[];
extern const char command_environments[];
extern const char command_launchers[];
extern const char command_any_dashes[];
extern const char command_git[];
extern const char command_git_named[];
extern const char command_version_by_v[];
extern const char command_version_by_large_v[];
extern const char command_harmless_variables[];

struct command_trap {
    const char *program;
    const char *subcommand; /* NULL = every */
    const char *options;    /* long ones, in full */
    const char *letters;    /* in a cluster of short ones */
    const char *beginnings; /* words that begin so */
};
extern const struct command_trap command_traps[];
extern const size_t command_trap_count;

/* Exact names that look like abbreviations or clusters of what a row above holds. */
struct command_other_option {
    const char *program;
    const char *subcommand; /* NULL = every */
    const char *words;
    bool with_value; /* also as WORD=VALUE */
};
extern const struct command_other_option command_other_options[]; /* up to NULL */

#endif
