/* promises: what carat promises of security and reliability, each one sentence that a test can
 * break; `carat --promises` prints them, README.md repeats them, docs/security.md says where each
 * is held and what shows it. */
#ifndef CARAT_PROMISES_H
#define CARAT_PROMISES_H

struct str;

/* One a line: its name, and the words. */
void promises_append(struct str *out);

#endif
