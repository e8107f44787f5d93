/* command_traps: commands whose words run code that a rule for their beginning did not speak of.
 *
 * "git log *" was written for git log; "git -c core.pager=... log" and "git log --output=..." are
 * something else, "find . -exec", "env", "xargs" and "sh -c" run what the rest of their words say.
 * A rule that ends in "*" never covers such a command. What is in no row is taken to do with its
 * words what its name says, inside the sandbox. Pure.
 */
#ifndef CARAT_APPROVAL_COMMAND_TRAPS_H
#define CARAT_APPROVAL_COMMAND_TRAPS_H

#include <stdbool.h>
#include <stddef.h>

struct shell_simple;
struct shell_words;

/* What stands in the way of running this command by a rule that names its first `named` words and
 * leaves the rest free; NULL when nothing does. All words must be literal. A constant. */
const char *command_traps_find(const struct shell_simple *simple, size_t named);

/* The same for what is around the words, whatever the rule: variables set for the command, files
 * that it is redirected into. */
const char *command_traps_around(const struct shell_simple *simple);

/* Whether the word is an option, or may be the value of the one before it: the program's own
 * command may stand behind it. */
bool command_traps_steps_over(const struct shell_words *words, size_t at);

/* Whether the command runs another one that its words do not show plainly (sh, env, xargs, find
 * -exec, an interpreter that is given code, git -c). `denied` (NULL = any): the program that a
 * denial names, which is all that "poetry run PROGRAM" could hide. */
bool command_traps_hides(const struct shell_words *words, const char *denied);

#endif
