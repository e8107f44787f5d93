/* decode: pictures and sounds out of foreign files, in a process that can do nothing else.
 *
 * carat-tool decode-image and decode-sound read a whole file on standard input, after the sandbox
 * has shut, and write one message (media/decoded.h) on standard output. What the file says never
 * comes back but as pixels or samples; why it could not be read goes to standard error.
 */
#ifndef CARAT_TOOLS_DECODE_H
#define CARAT_TOOLS_DECODE_H

#include <stdbool.h>

struct err;

/* All of `input` to `output`. */
bool decode_image(int input, int output, struct err *err);
bool decode_sound(int input, int output, struct err *err);

#endif
