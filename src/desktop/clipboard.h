/* clipboard: what another program has copied, read by the desktop's own program (wl-paste, xclip).
 *
 * Blocks; for a thread that may.
 */
#ifndef CARAT_DESKTOP_CLIPBOARD_H
#define CARAT_DESKTOP_CLIPBOARD_H

#include <stdatomic.h>
#include <stdbool.h>

struct err;
struct str;

/* Appends the bytes of a PNG file, foreign ones. ERR_NOT_FOUND names the package that is missing;
 * ERR_UNAVAILABLE: there is no picture. `stop` (may be NULL) ends it. */
bool clipboard_picture(const atomic_bool *stop, struct str *file, struct err *err);

#endif
