/* cli_perplexity: how well a model foresees a text. */
#ifndef CARAT_CLI_PERPLEXITY_H
#define CARAT_CLI_PERPLEXITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine_error;
struct engine_session;

/* *total: the sum of -log(probability) of each id but the first, from those before it, in nats.
 * count >= 2 ids of the vocabulary; the session needs room for them and holds all but the last
 * afterwards. Shows how far it is on a terminal. */
bool cli_perplexity_measure(struct engine_session *session, const int32_t *ids, size_t count,
                            size_t vocabulary, double *total, struct engine_error *error);

#endif
