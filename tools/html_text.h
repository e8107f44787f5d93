/* html_text: the words of a web page, for a reader that pays by the word.
 *
 * libxml2's HTML parser, as a stream: no tree is built. Blocks become lines, list items begin with
 * "- " or their number, the cells of a table are parted by " | ", pictures give their alternative
 * text, links their own text and, behind it, " (ADDRESS)"; scripts, styles and other machinery are
 * skipped, and what a browser does not show (hidden, display:none in the element itself). Blanks
 * collapse except in <pre>. Parsing ends as soon as the result is full, and where elements are
 * nested absurdly deep. Left out: layout, scripts' output, links without a text, into the same
 * page, to anything but a page, and addresses of more than HTML_TEXT_LINK bytes.
 */
#ifndef CARAT_TOOLS_HTML_TEXT_H
#define CARAT_TOOLS_HTML_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct capped;

enum { HTML_TEXT_LINK = 1000 };

struct html_text_links {
    /* The address that a link leads to, whole; false when it is none of a page. */
    bool (*resolve)(void *context, const char *link, char address[HTML_TEXT_LINK + 1]);
    /* From here on links are meant from there (<base>). */
    void (*rebase)(void *context, const char *link);
    void *context;
};

/* `utf8`: it is UTF-8, even where some bytes are not; else it is where all of it is valid. What the
 * page says of its charset is passed over: its names are other people's. Without `links` (NULL) no
 * addresses are shown. `*complete` is false when the result was full before the page was through.
 * False when there is no memory, or no libxml2. */
bool html_text_append(struct capped *out, const char *html, size_t size, bool utf8,
                      const struct html_text_links *links, bool *complete);

#endif
