/* command_sessions: the commands about conversations as a whole: list, search, choose, fork, name,
 * put away, bring back, delete for good. */
#ifndef CARAT_COMMAND_COMMAND_SESSIONS_H
#define CARAT_COMMAND_COMMAND_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "app/exit_code.h"
#include "config/config.h"

struct app;
struct err;
struct store_conversation;
struct store_hit;
struct str;

enum exit_code command_sessions(struct config *config);
/* On a terminal the person may choose a hit to be opened: then *chosen is set (the caller's, to be
 * finished) and *opens true. */
enum exit_code command_search(struct config *config, struct store_hit *chosen, bool *opens);
enum exit_code command_fork(struct config *config);
/* rename, tag, archive, delete, restore, purge: one table. */
enum exit_code command_change(struct config *config);

/* One line about a conversation or a hit, safe for a terminal, without its newline. */
void command_sessions_line(struct str *out, const struct store_conversation *conversation);
void command_sessions_snippet(struct str *out, const struct store_hit *hit);
void command_sessions_hit(struct str *out, const struct store_hit *hit);
/* The same without their ids, for a list that is chosen from. */
void command_sessions_choice(struct str *out, const struct store_conversation *conversation);
void command_sessions_hit_choice(struct str *out, const struct store_hit *hit);

/* Opens the store and finds what `carat fork ID` names, the last one without an id. False: why was
 * said, nothing is open, and *code is what carat ends with. */
bool command_sessions_open(struct app *app, struct config *config, struct store_conversation *found,
                           enum exit_code *code);
/* Lets the person at the terminal choose one: of those whose id begins with `prefix`, or of the
 * newest when it is NULL. False with *err when nothing was chosen. */
bool command_sessions_pick(struct app *app, const char *prefix, char id[37], struct err *err);

#endif
