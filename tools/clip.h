/* clip: a film as pictures, one a second, in a process that can do nothing else.
 *
 * carat-tool decode-clip reads a whole file on standard input, after the sandbox has shut, asks
 * ffprobe how long it is and ffmpeg for its frames, and writes one message (media/decoded.h) with
 * the frames as JPEG files on standard output. Both programs run in the same sandbox, on a copy of
 * the file in a folder of memory that nobody else sees; what they were fed is told by no word of
 * theirs.
 *
 * Which frames: n = the whole seconds of the clip, 1 at least; frame i is the one with the number
 * i * frames / n, and its time is that number through the frames of a second. A clip of more than
 * 60 seconds, or no ffmpeg, is an error: nothing is left out.
 */
#ifndef CARAT_TOOLS_CLIP_H
#define CARAT_TOOLS_CLIP_H

#include <stdbool.h>

struct err;

/* All of `input` to `output`. */
bool clip_decode(int input, int output, struct err *err);

#endif
