/* path_rule: whether a path that a call names is one that a rule names.
 *
 * A rule is a path, a folder ("secrets/": all that is in it), or a pattern in the manner of git
 * (base/glob.h): "src/" + "**", "*.pem". A denial, or a wish to be asked, is read generously: by
 * components, so that "./a", "a/", "b/../a" and, where the rule is relative, an absolute path that
 * ends in it are "a" too; what names or matches a folder concerns what is in it; a pattern without
 * a slash holds in every folder. An allowance is read narrowly: one spelling of the path, from the
 * root of the workspace. A link under another name is not seen here; pure.
 */
#ifndef CARAT_APPROVAL_PATH_RULE_H
#define CARAT_APPROVAL_PATH_RULE_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the rule speaks of more than the one path that it spells. */
bool path_rule_is_pattern(const char *rule);

/* Whether a pattern can fit a path, which has no component that is empty, "." or "..". */
bool path_rule_is_valid(const char *rule);

/* `path` may hold any bytes; `rule` ends with a NUL. A path of PATH_MAX bytes or more, which
 * nothing can open, is concerned by every rule and allowed by none. */
bool path_rule_concerns(const char *rule, const char *path, size_t length);

/* For a pattern; the exact text of a path is compared by the caller. */
bool path_rule_allows(const char *rule, const char *path, size_t length);

#endif
