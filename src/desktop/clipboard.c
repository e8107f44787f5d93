#include "desktop/clipboard.h"

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "desktop/display.h"
#include "desktop/program.h"

enum { WORDS = 8, READING_MS = 5000, BYTES_MAX = 64 * 1024 * 1024 };

static const struct {
    enum display_kind kind;
    const char *package;
    const char *words[WORDS];
} readers[] = {
    {DISPLAY_WAYLAND, "wl-clipboard", {"wl-paste", "--no-newline", "--type", "image/png"}},
    {DISPLAY_X11, "xclip", {"xclip", "-selection", "clipboard", "-target", "image/png", "-out"}},
};

bool clipboard_picture(const atomic_bool *stop, struct str *file, struct err *err)
{
    enum display_kind kind = display_kind();
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        if (readers[i].kind != kind) {
            continue;
        }
        struct program_limits limits = {READING_MS, BYTES_MAX, stop};
        if (!program_run(readers[i].words, &limits, file, err)) {
            if (err != NULL && err->code == ERR_NOT_FOUND) {
                return err_set(err, ERR_NOT_FOUND,
                               "the clipboard is read by %s, which is not there: install %s",
                               readers[i].words[0], readers[i].package);
            }
            return err_prefix(err, "no picture in the clipboard");
        }
        return file->length > 0 ||
               err_set(err, ERR_UNAVAILABLE, "there is no picture in the clipboard");
    }
    return err_set(err, ERR_UNAVAILABLE,
                   "there is no clipboard: neither DISPLAY nor WAYLAND_DISPLAY is set");
}
