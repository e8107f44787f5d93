/* decoder_process: one run of a decoder of carat-tool, from a foreign file's bytes to its message.
 *
 * The file goes to the process as a memory file on standard input, its policy as another: nothing
 * of the user's folders is needed, so a read-only sandbox is enough, whatever the tools of the
 * conversation may do. What comes back is bounded in size and time, and is not looked into here.
 * Waits for it.
 */
#ifndef CARAT_ATTACHMENT_DECODER_PROCESS_H
#define CARAT_ATTACHMENT_DECODER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

struct attachment_tool;
struct err;
struct str;

struct decoder_process {
    const char *name;   /* of carat-tool: "decode-image" */
    const char *policy; /* what it may use up, as JSON (tools/policy.h) */
    size_t limit;       /* bytes that it may say */
    int seconds;        /* that it may take */
};

/* Appends the message to `out`. False with why, in the decoder's words where it has some. */
bool decoder_process_run(const struct decoder_process *process, const struct attachment_tool *tool,
                         const char *bytes, size_t size, struct str *out, struct err *err);

#endif
