/* markdown: a piece of Markdown as styled rows.
 *
 * Headings, emphasis, code, lists, quotes, tables, rules; links are shown with their address, since
 * a text cannot be trusted to say where it leads. HTML is shown as the text that it is. The only
 * file that knows md4c.
 */
#ifndef CARAT_TUI_MARKDOWN_H
#define CARAT_TUI_MARKDOWN_H

#include <stddef.h>

struct layout_writer;

/* `text` is valid UTF-8 and anything else. */
void markdown_layout(const char *text, size_t length, struct layout_writer *writer);

#endif
