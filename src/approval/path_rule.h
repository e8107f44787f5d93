/* path_rule: whether a path that a call names is the one that a rule names.
 *
 * By components, so that "./a", "a/", "b/../a" and, where the rule is relative, an absolute path
 * that ends in it are "a" too. Only a denial or a wish to be asked is read so generously: an
 * allowance means the text that was written. A link under another name is not seen here; pure.
 */
#ifndef CARAT_APPROVAL_PATH_RULE_H
#define CARAT_APPROVAL_PATH_RULE_H

#include <stdbool.h>
#include <stddef.h>

/* `path` may hold any bytes; `rule` ends with a NUL. */
bool path_rule_concerns(const char *rule, const char *path, size_t length);

#endif
