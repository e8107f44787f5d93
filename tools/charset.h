/* charset: text whose charset somebody named, as UTF-8. */
#ifndef CARAT_TOOLS_CHARSET_H
#define CARAT_TOOLS_CHARSET_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the bytes are such that need no change: UTF-8, or a part of it. */
bool charset_is_utf8(const char *name);

/* A new text without a NUL behind it, for mem_free; what fits nowhere becomes U+FFFD. "iso-8859-1"
 * means windows-1252, as browsers read it. NULL without memory, and for a charset that is not
 * known: the names are other people's, and only those of a list reach the C library. */
char *charset_to_utf8(const char *name, const char *text, size_t size, size_t *converted);

#endif
