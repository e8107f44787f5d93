/* replay_source: what `carat replay` repeats, wherever it was kept.
 *
 * A conversation of the store, or a file: one that `carat export --format json` wrote, or the lines
 * that `carat exec --output-format stream-json` or `--json` printed. Lines do not hold what the
 * user said; a turn in them begins with an empty message. Values that the model and tools made:
 * data.
 */
#ifndef CARAT_COMMAND_REPLAY_SOURCE_H
#define CARAT_COMMAND_REPLAY_SOURCE_H

#include <jansson.h>
#include <stdbool.h>

#include "chat/conversation.h"
#include "store/store.h"

struct err;

/* A file's conversation into initialised, empty ones; `about` gets id, workspace and model as far
 * as they are told. ERR_FORMAT names the file and the place. */
bool replay_source_read(const char *path, struct chat_conversation *out,
                        struct store_conversation *about, struct err *err);

/* The tools that the recording needs: carat's own, and those of foreign servers as its calls show
 * them. The servers themselves may be other ones now, or gone. A new reference. */
json_t *replay_source_tools(const struct chat_conversation *recorded);

#endif
