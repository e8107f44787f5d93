/* batch_output: results of a batch, one JSON line each, in the order of the prompts.
 *
 * Results come in any order and are written as soon as all before them are there. In a file each is
 * written with one call, so that after a kill only the last line can be torn; opening the file
 * again cuts that off and tells how many results are complete. A result carries a mark of the
 * prompt it answers ("input"), so that a file of other prompts is noticed. One process at a time.
 */
#ifndef CARAT_COMMAND_BATCH_OUTPUT_H
#define CARAT_COMMAND_BATCH_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct batch_output;
struct err;

enum { BATCH_MARK_SIZE = 17 };

/* The mark of a line of input. */
void batch_output_mark(const char *line, size_t length, char mark[BATCH_MARK_SIZE]);

/* NULL path: standard output, where nothing is complete. NULL and *err when the file cannot be
 * used: another process has it, or it holds something else. */
struct batch_output *batch_output_open(const char *path, struct err *err);
void batch_output_close(struct batch_output *output); /* NULL is fine */

/* How many results were complete when the file was opened, the mark of each, and how many of them
 * are errors. */
size_t batch_output_complete(const struct batch_output *output);
const char *batch_output_mark_of(const struct batch_output *output, size_t index);
size_t batch_output_failed(const struct batch_output *output);

/* Takes the result over. False when it could not be written. */
bool batch_output_put(struct batch_output *output, size_t index, json_t *result, struct err *err);

#endif
