/* export: a conversation as a document to be read elsewhere.
 *
 * What was said is data: in HTML all of it is escaped and the page may run nothing, and asks for
 * nothing: pictures and sounds whose files are there stand in it themselves; in Markdown
 * what a person or a model said stands in block quotes and what tools said in fences longer than
 * any inside them, so that no text can end its place, forge another speaker or leave a fence open.
 */
#ifndef CARAT_CHAT_EXPORT_H
#define CARAT_CHAT_EXPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "chat/conversation.h"

struct str;

void chat_export_markdown(struct str *out, const char *title,
                          const struct chat_conversation *conversation);
/* Where the files of media are: by handle; false when one is not there. *bytes: mem_free. */
struct chat_export_files {
    bool (*read)(void *context, const char *handle, char **bytes, size_t *length);
    void *context;
};

/* `files` may be NULL: media are named then, as in Markdown. */
void chat_export_html(struct str *out, const char *title,
                      const struct chat_conversation *conversation,
                      const struct chat_export_files *files);

#endif
