/* base64: bytes as text and back (RFC 4648, section 4). No line breaks, padding is needed. */
#ifndef CARAT_BASE_BASE64_H
#define CARAT_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* Characters that `size` bytes become, without a NUL. */
size_t base64_length(size_t size);
/* Writes just these. */
void base64_encode(const void *bytes, size_t size, char *text);

/* Into bytes[length / 4 * 3]; *size of them are there. False, with nothing said of the bytes, when
 * the text is not base64. */
bool base64_decode(const char *text, size_t length, unsigned char *bytes, size_t *size);

#endif
