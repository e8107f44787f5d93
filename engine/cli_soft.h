/* cli_soft: fills the placeholders among a prompt's ids with the pictures and sounds that
 * carat-engine was given, in order.
 */
#ifndef CARAT_CLI_SOFT_H
#define CARAT_CLI_SOFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cli_options;
struct engine_model;
struct engine_soft;
struct err;

struct cli_soft {
    struct engine_soft *items; /* ascending */
    size_t count;
};

/* A run of <|image|> or <|video|> takes the next --image, a run of <|audio|> the next --audio;
 * without any of these options nothing is filled. Runs must be as long as the encoder makes them
 * and as many as there are files (ERR_ARGUMENT). Where no budget is given the length of a run says
 * with which one its picture was meant. cli_soft_finish also after a failure. */
bool cli_soft_make(struct cli_soft *soft, struct engine_model *model,
                   const struct cli_options *options, const int32_t *ids, size_t count,
                   struct err *err);
void cli_soft_finish(struct cli_soft *soft);

#endif
