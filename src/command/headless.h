/* headless: `carat exec`: one prompt, no terminal.
 *
 * The final answer goes to standard output, progress to standard error; with
 * --output-format events go to standard output instead (event_lines). Ctrl-C stops the turn, keeps
 * what is there and exits 130; a second one exits at once.
 */
#ifndef CARAT_COMMAND_HEADLESS_H
#define CARAT_COMMAND_HEADLESS_H

#include "app/exit_code.h"
#include "config/config.h"

/* The prompt is words[first..] and standard input (prompt_input). */
enum exit_code headless_run(const struct config *config, size_t first);

#endif
