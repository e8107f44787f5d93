/* acp_prompt: what an editor sends as a prompt, as a text and the files that go with it.
 *
 * Content blocks: text; images and audio (base64); resources, embedded (their text is quoted, a
 * picture or a sound is attached) or linked (named, for the model to read with its own tools).
 */
#ifndef CARAT_ACP_ACP_PROMPT_H
#define CARAT_ACP_ACP_PROMPT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct err;

struct acp_prompt_file {
    char *bytes;
    size_t size;
    bool picture;
};

struct acp_prompt {
    struct str text;
    struct acp_prompt_file *files;
    size_t count, capacity;
};

/* Into an uninitialised prompt; false, with nothing to finish, and the place of the block that is
 * wrong. */
bool acp_prompt_read(const json_t *blocks, struct acp_prompt *prompt, struct err *err);
void acp_prompt_finish(struct acp_prompt *prompt);

#endif
