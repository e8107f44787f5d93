/* html_text: the words of a web page, for a reader that pays by the word.
 *
 * libxml2's HTML parser, as a stream: no tree is built. Blocks become lines, list items begin with
 * "- ", the cells of a table are parted by " | ", pictures give their alternative text, links their
 * own text; scripts, styles and other machinery are skipped. Blanks collapse except in <pre>.
 * Parsing ends as soon as the result is full, and where elements are nested absurdly deep. Left
 * out: layout, scripts' output, the targets of links.
 */
#ifndef CARAT_TOOLS_HTML_TEXT_H
#define CARAT_TOOLS_HTML_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct capped;

/* `charset` is from the Content-Type; NULL lets the page say it, else UTF-8. `*complete` is false
 * when the result was full before the page was through. False when there is no memory, or no
 * libxml2. */
bool html_text_append(struct capped *out, const char *html, size_t size, const char *charset,
                      bool *complete);

#endif
