/* command_batch: `carat batch FILE.jsonl`: many prompts, one after the other or side by side.
 *
 * A line of the input is {"prompt": TEXT, "id"?: anything, "schema"?: JSON Schema, "system"?:
 * TEXT}; its result is {"line", "id"?, "input", "conversation", "text", "output"? (the value of the
 * schema), "usage", "error"? {"code", "message"}}. A prompt that fails is a result, too. With -o
 * FILE a run that was stopped goes on where it was. Every prompt begins with the same system text
 * and tools, which the model here reads once.
 */
#ifndef CARAT_COMMAND_COMMAND_BATCH_H
#define CARAT_COMMAND_COMMAND_BATCH_H

#include "app/exit_code.h"
#include "config/config.h"

/* 0: every line has an answer; 1 to 100: so many have none; 101: more than that. */
enum exit_code command_batch(struct config *config);

#endif
