/* file_kind: whether a file is text, and what else it is.
 *
 * Looks at the first FILE_KIND_HEAD bytes only: a NUL, or many bytes that are not UTF-8, mean that
 * it is no text. A short table of first bytes names the common kinds; for PNG and JPEG the size of
 * the picture is read too. Every number is checked against the bytes that are there.
 */
#ifndef CARAT_TOOLS_FILE_KIND_H
#define CARAT_TOOLS_FILE_KIND_H

#include <stdbool.h>
#include <stddef.h>

enum { FILE_KIND_HEAD = 8 * 1024, FILE_KIND_NAME = 80 };

/* True for text. Otherwise `name` says what it is: "a PNG image of 640 x 480", "binary data". */
bool file_kind_text(const void *head, size_t size, char name[FILE_KIND_NAME]);

/* The same for an open file; its offset stays. A file that cannot be read counts as text: reading
 * it will say why. */
bool file_kind_of(int fd, char name[FILE_KIND_NAME]);

#endif
