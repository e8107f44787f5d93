/* command_replay: `carat replay ID`: a conversation once more, from the store alone.
 *
 * What the model sampled and what the tools answered goes through the parser and the turn machine
 * again; no model computes and no tool runs, and nothing is kept. The events are printed as exec
 * prints them (--output-format; JSON lines of codex by default), but for usage, which is not kept.
 * What then stands in the conversation must be what was recorded: every difference is said, exit 1.
 */
#ifndef CARAT_COMMAND_COMMAND_REPLAY_H
#define CARAT_COMMAND_COMMAND_REPLAY_H

#include "app/exit_code.h"
#include "config/config.h"

enum exit_code command_replay(struct config *config);

#endif
