/* export: a conversation as a document to be read elsewhere.
 *
 * What was said is data: in HTML all of it is escaped and the page may run nothing; in Markdown
 * what a person or a model said stands in block quotes and what tools said in fences longer than
 * any inside them, so that no text can end its place, forge another speaker or leave a fence open.
 */
#ifndef CARAT_CHAT_EXPORT_H
#define CARAT_CHAT_EXPORT_H

#include "chat/conversation.h"

struct str;

void chat_export_markdown(struct str *out, const char *title,
                          const struct chat_conversation *conversation);
void chat_export_html(struct str *out, const char *title,
                      const struct chat_conversation *conversation);

#endif
