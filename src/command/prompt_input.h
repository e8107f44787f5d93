/* prompt_input: what the user asks of exec, from words and standard input.
 *
 * Words are the instruction. Standard input is the whole prompt when there are no words; with
 * words it is what they are about, and follows them after an empty line. Then it is read only when
 * it is a regular file, or a pipe that has data or has ended within 100 ms: programs that start
 * others often leave them a pipe that nobody will ever write to. A last word "-" says that it is
 * to be waited for.
 */
#ifndef CARAT_COMMAND_PROMPT_INPUT_H
#define CARAT_COMMAND_PROMPT_INPUT_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct str;

/* The prompt from words[0..count) and the descriptor `input`. Fails when there is none, when it is
 * too large or when it is not text. */
bool prompt_input_read(char *const words[], size_t count, int input, struct str *out,
                       struct err *err);

#endif
