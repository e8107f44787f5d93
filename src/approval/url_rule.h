/* url_rule: whether an address that a call names is one that a rule names.
 *
 * A rule is an exact address, an address that ends in '*' ("https://example.org/docs/" + "*"), or a
 * host: "example.org", "*.example.org" (names beneath it), each with ":PORT" or without; "domain:"
 * in front of a host says nothing more. A denial is read generously: a host stands for the names
 * beneath it and, without a port, for every port, an exact address for its other spellings (the
 * usual port, letters' case, "%41", what follows '#' and, unless the rule has one, a query), and
 * one that is not understood is concerned. An allowance is read narrowly: just that host, the
 * scheme's usual port, and nothing in the path that could lead out of its beginning. Names only:
 * what a name turns out to be, and where an answer redirects to, is judged by http_fetch itself.
 * Pure.
 */
#ifndef CARAT_APPROVAL_URL_RULE_H
#define CARAT_APPROVAL_URL_RULE_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the rule speaks of more than the one address that it spells. */
bool url_rule_is_pattern(const char *rule);

/* Whether a pattern can be understood. */
bool url_rule_is_valid(const char *rule);

/* The exact text of an address is compared by the caller; a denial knows its other spellings, an
 * allowance is for a pattern alone. `url` may hold any bytes. */
bool url_rule_concerns(const char *rule, const char *url, size_t length);
bool url_rule_allows(const char *rule, const char *url, size_t length);

#endif
