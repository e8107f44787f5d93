/* tool_names: what another program calls our tools, as skills and scripts carry it: "Read",
 * "Bash(git log:*)", "WebFetch(domain:example.org)". Pure.
 */
#ifndef CARAT_APPROVAL_TOOL_NAMES_H
#define CARAT_APPROVAL_TOOL_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "approval/approval.h"

struct err;
struct str;

/* The rule in our words: a copy of `rule` when it names none of theirs. */
void tool_names_append(struct str *out, const char *rule);

/* Adds the rules of a list that came on the command line; blanks and commas part them, but within
 * parentheses. A denial of "Edit" is one of all that changes files; a tool of theirs that is not
 * here needs no rule. Other words are ERR_ARGUMENT. Never for a file: a rule for one exact command
 * may hold any text. */
bool tool_names_add_rules(struct approval_rules *rules, const char *list,
                          enum approval_verdict verdict, struct err *err);

#endif
