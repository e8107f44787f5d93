/* attachment: pictures, sounds and clips that the user gives with a message.
 *
 * A file's bytes are read here and decoded elsewhere: in `carat-tool decode-image` or
 * `decode-sound`, behind the sandbox, a process for each file. What comes back are pixels or
 * samples (media/decoded); a hostile file reaches no further than that process. A clip is the
 * user's alone: its file goes to `decode-clip`, where ffmpeg makes pictures of it, and each of
 * these to a process of its own. Waits for it: 30 s at most, for a clip 120 and each frame's.
 */
#ifndef CARAT_ATTACHMENT_ATTACHMENT_H
#define CARAT_ATTACHMENT_ATTACHMENT_H

#include <stdbool.h>
#include <stddef.h>

struct chat_medium;
struct err;

struct attachment_tool {
    const char *program;   /* path of carat-tool */
    const char *workspace; /* absolute; the process may not write there */
};

/* A file of at most 64 MiB: PNG, JPEG or a clip, or WAV. One reference, or NULL with the file's
 * name in the error. */
struct chat_medium *attachment_open(const struct attachment_tool *tool, const char *path,
                                    bool picture, struct err *err);
/* The same of a file's bytes. */
struct chat_medium *attachment_decode(const struct attachment_tool *tool, const char *bytes,
                                      size_t size, bool picture, struct err *err);

#endif
