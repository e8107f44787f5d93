/* command_undo: `carat undo` and /undo: what turns changed, shown and taken back. */
#ifndef CARAT_COMMAND_COMMAND_UNDO_H
#define CARAT_COMMAND_COMMAND_UNDO_H

#include <stdbool.h>

#include "app/exit_code.h"
#include "config/config.h"

struct err;
struct str;
struct undo;

/* carat undo [--list | --diff] [TURN] */
enum exit_code command_undo(struct config *config);

/* The same in words: "", "list", "diff", "7", "diff 7". The answer, made visible, goes to `out`;
 * false when it could not be done, with the reason. */
bool command_undo_words(struct undo *undo, const char *words, struct str *out, struct err *err);

#endif
