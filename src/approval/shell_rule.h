/* shell_rule: one rule's text against one simple command.
 *
 * "git status" is that command with exactly these words; "git log *" (or "git log:*") is one that
 * begins so, with any further words that hold no trap (command_traps.h). A rule speaks of one
 * simple command: a list of commands is allowed when each of them is. Pure.
 */
#ifndef CARAT_APPROVAL_SHELL_RULE_H
#define CARAT_APPROVAL_SHELL_RULE_H

#include <stdbool.h>

struct shell_simple;

/* Whether the rule speaks of more words than it names, however that is written: "rm *", "(rm *);".
 */
bool shell_rule_has_open_end(const char *rule);

/* Whether there is a command that the rule lets run: one that ends in "*" behind words of which
 * everything is a trap (command_traps.h) lets none; `*why` (a constant) says so. */
bool shell_rule_can_allow(const char *rule, const char **why);

/* May the command run by this rule? `*why` is set where only a trap stands in the way. */
bool shell_rule_allows(const char *rule, const struct shell_simple *simple, const char **why);

/* Does a denial, or a wish to be asked, speak of this command? Wider than the above: also by the
 * program's path, with '*' and '?' anywhere ("rm*", "* --force"), and MAYBE where a word is unknown
 * or the program runs others. */
enum shell_concern { SHELL_CONCERN_NO, SHELL_CONCERN_MAYBE, SHELL_CONCERN_YES };
enum shell_concern shell_rule_concerns(const char *rule, const struct shell_simple *simple);

#endif
