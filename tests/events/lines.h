/* lines: what a form of event lines has written, for its tests. The clock stands still at a second
 * that a test can move; ids count up. */
#ifndef CARAT_TESTS_APP_LINES_H
#define CARAT_TESTS_APP_LINES_H

#include "events/event_lines.h"

extern int64_t lines_now_ms;

/* The options that every test begins with; what was written before is forgotten. */
struct event_lines_options lines_begin(void);
void lines_finish(void);

/* What the lines are told of tools (NULL = not known yet) and servers (JSON); as from the
 * beginning, none of either. */
extern const json_t *lines_tools;
extern const char *lines_servers;

/* Feeds for the conversation "0199-id". */
void lines_feed(struct event_lines *events, struct agent_event event);

size_t lines_count(void);
/* The number-th line parsed; lives until lines_finish. */
const json_t *lines_parsed(size_t number);
/* The line is exactly this object (`expected` is JSON). */
void lines_equal(size_t number, const char *expected);

/* A complete answer of the model. Release with chat_message_finish. */
struct chat_message lines_answer(const char *thought, const char *text);

#endif
