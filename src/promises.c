/* promises: the one table of them. A sentence changes here first; tests/attacks/promises.py looks
 * that the documents say the same. */
#include "promises.h"

#include <stddef.h>

#include "base/str.h"

static const char *const promises[] = {
    "A tool command writes, creates, deletes and renames nothing outside the folders shown to you.",
    "It reads neither your home directory's secrets, nor carat's own state, nor its environment.",
    "It has no network unless you allowed it, then only what you allowed; never this machine, "
    "private ranges or a cloud's metadata by a name or a redirect.",
    "It cannot signal, trace or type into carat, and does not outlive it.",
    "What you approve is what runs, byte for byte, and you saw all of it.",
    "If a layer of the sandbox is missing, carat says which and refuses; no text of a model or a "
    "workspace turns protection off.",
    "Files of a workspace start nothing and loosen nothing before you trust that exact content.",
    "No byte of a model, tool, file or page reaches your terminal as a control sequence.",
    "A message that you saw acknowledged survives kill -9 at any instant, and power loss on "
    "storage that honours sync.",
    "After any exit, kill -9 included, nothing is left running and your terminal is as before; "
    "only who kills the screen and its keeper at once must put it right by: reset.",
    "Any model, picture or sound file, however broken, gives a sentence and not a crash.",
    "No failure of memory, disk or network loses what was shown; each is said in words.",
    "Ctrl-C is answered at once, and the screen stays live under a gigabyte of output.",
    "Only carat serve listens; nothing is sent anywhere that you did not configure.",
};

void promises_append(struct str *out)
{
    for (size_t i = 0; i < sizeof promises / sizeof promises[0]; i++) {
        str_append_format(out, "P%-3zu %s\n", i + 1, promises[i]);
    }
}
