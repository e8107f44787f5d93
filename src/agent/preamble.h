/* preamble: the system text that opens every prompt of a conversation.
 *
 * Made once, when the agent starts, so that its bytes stay the same from step to step and the
 * cached prefix holds; past midnight the date of the start stays.
 */
#ifndef CARAT_AGENT_PREAMBLE_H
#define CARAT_AGENT_PREAMBLE_H

struct str;

/* Appends `template` (NULL = the built-in text) with {workspace} and {date} filled in. What is
 * filled in is not looked at again, and a workspace whose name holds control characters gets them
 * as visible marks: a directory's name cannot add lines to the system text. */
/* The built-in text, a template. */
const char *preamble_template(void);
void preamble_append(struct str *out, const char *template, const char *workspace,
                     const char *date);

#endif
