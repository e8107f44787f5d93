/* plain: the conversation line by line, for screen readers and terminals that only print.
 *
 * Nothing is ever drawn over: what is written stays, in the order in which it happened, whole lines
 * with a word in front that says what they are. No colour, no cursor movement, no spinner. Input is
 * what the terminal itself edits, a line at a time; a line that ends in a backslash goes on. What
 * is foreign passes base/visible.
 */
#ifndef CARAT_TUI_PLAIN_H
#define CARAT_TUI_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* Lines of a tool's output that are read out. */
enum { PLAIN_OUTPUT_LINES = 20 };

struct plain {
    int in, out;
    struct str input; /* bytes that are no whole line yet */
    struct str text;  /* of the message that streams in, not yet written */
    struct str sent;  /* what was typed last: the terminal has shown it */
    bool answering;   /* the message has begun */
    bool thinking;
    bool asking;
    bool busy;
    bool prompted; /* "> " stands on the line */
    bool lost;     /* nothing more will come in */
};

void plain_init(struct plain *plain, int in, int out);
void plain_finish(struct plain *plain);

/* The next line that was typed, without its newline, appended to `out`; false when none is whole
 * yet. Never waits. */
bool plain_read(struct plain *plain, struct str *out);

void plain_user(struct plain *plain, const char *text, size_t length);
void plain_text(struct plain *plain, const char *text, size_t length);
void plain_thought(struct plain *plain);
void plain_end_message(struct plain *plain);
void plain_call(struct plain *plain, const char *title);
void plain_result(struct plain *plain, const char *text, size_t length, const char *failure);
void plain_notice(struct plain *plain, const char *text, bool is_error);
void plain_ask(struct plain *plain, const char *title, const char *description, bool once);
/* To the question that stands: there is a third yes, which writes `rule` down. */
void plain_offer(struct plain *plain, const char *rule);
/* Whether it really should. */
void plain_offer_network(struct plain *plain, const char *hosts);
void plain_confirm(struct plain *plain, const char *rule);
/* Writes "> " when it is the user's turn and it does not stand there yet. */
void plain_prompt(struct plain *plain);

#endif
