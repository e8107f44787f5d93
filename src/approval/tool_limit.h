/* tool_limit: the tools that may run while a skill is followed, by the names that its file gives.
 *
 * Such a list comes from a file, so it only takes away: a call that it names still needs the rules
 * and the mode, or the user's yes. Names are carat's own, or those that another program has for
 * the same tool ("Read", "Bash(git log:*)"); what is in parentheses is a rule's text, as in
 * approval.allow. What no tool here is called allows nothing. Pure.
 */
#ifndef CARAT_APPROVAL_TOOL_LIMIT_H
#define CARAT_APPROVAL_TOOL_LIMIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct str;
struct tool_limit;

/* Copies. `skill` is its name, for the words of a refusal. */
struct tool_limit *tool_limit_create(const char *skill, char *const *tools, size_t count);
void tool_limit_destroy(struct tool_limit *limit);

/* May the call run? A NULL limit takes nothing away. `why` (may be NULL) gets the reason against
 * it. */
bool tool_limit_allows(const struct tool_limit *limit, const char *tool, const json_t *arguments,
                       struct str *why);

#endif
