/* rewind: which file changes came after a message of a conversation, and taking them back.
 *
 * The records of undo name the conversation that a turn belonged to and when it began; the store
 * knows when a message was kept. What a conversation shares with the one it was forked from was
 * done under that one's name, up to the fork, so its ancestors count as well. The conversation
 * itself is not touched here: store_conversation_rewind does that.
 *
 * Blocks for as long as the disk needs. Not while a turn runs.
 */
#ifndef CARAT_AGENT_REWIND_H
#define CARAT_AGENT_REWIND_H

#include <stdbool.h>
#include <stdint.h>

#include "undo/undo.h"

struct err;
struct store;
struct str;

struct rewind {
    struct store *store; /* borrowed */
    struct undo *undo;   /* borrowed */
    const char *conversation;
    int64_t ordinal; /* of the message */
};

/* How many turns since then changed files and were not taken back. */
bool rewind_count(const struct rewind *rewind, struct undo_tally *tally, struct err *err);
/* Takes them back, the newest first. `report`: what was done and what was not, foreign bytes.
 * `tally`: what was taken back, also when it failed half-way. */
bool rewind_files(const struct rewind *rewind, struct undo_tally *tally, struct str *report,
                  struct err *err);

#endif
