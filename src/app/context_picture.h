/* context_picture: what fills the model's context, as cells and lines for people. Pure. */
#ifndef CARAT_APP_CONTEXT_PICTURE_H
#define CARAT_APP_CONTEXT_PICTURE_H

#include "agent/agent.h"

struct str;

/* Several lines; letters stand for cells, so that it needs neither colours nor a wide font. */
void context_picture_append(struct str *out, const struct agent_context *context);
/* The same in one line. */
void context_picture_append_line(struct str *out, const struct agent_context *context);
/* "842 of 8192 tokens"; "about" where the model did not count them. */
void context_picture_append_count(struct str *out, const struct agent_context *context);

#endif
