/* markdown: a piece of Markdown as styled rows.
 *
 * Headings, emphasis, code, lists, quotes, tables, rules; links are shown with their address, since
 * a text cannot be trusted to say where it leads. HTML is shown as the text that it is. The only
 * file that knows md4c.
 */
#ifndef CARAT_TUI_MARKDOWN_H
#define CARAT_TUI_MARKDOWN_H

#include <stdbool.h>
#include <stddef.h>

struct layout_writer;

/* `text` is valid UTF-8 and anything else. `open`: more may come; then columns of a table that its
 * last row has not reached are not drawn in it. */
void markdown_layout(const char *text, size_t length, bool open, struct layout_writer *writer);

#endif
