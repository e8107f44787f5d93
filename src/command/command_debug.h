/* command_debug: commands that look inside: render, parse, doctor, and a conversation as plain
 * text. */
#ifndef CARAT_COMMAND_COMMAND_DEBUG_H
#define CARAT_COMMAND_COMMAND_DEBUG_H

#include "app/exit_code.h"
#include "config/config.h"

/* Standard input: one JSON case a line (messages, tools, options); out: {"rendered": ..., "ids":
 * [...]} a line. */
enum exit_code command_render(struct config *config);
/* Standard input: a model turn with control tokens spelled out; out: {"thought", "text", "calls",
 * "stop", "errors"}. */
enum exit_code command_parse(struct config *config);
/* Measures the model with carat-engine, which takes this process's place. */
enum exit_code command_bench(struct config *config);
/* Says what works on this machine. */
enum exit_code command_doctor(struct config *config);
/* The sandbox's part of doctor. */
enum exit_code command_sandbox_status(struct config *config);
/* The conversation of --resume or --continue as plain text, for a pipe. */
enum exit_code command_show_conversation(struct config *config);

#endif
