/* display: which display this process could reach, told by its environment alone. */
#ifndef CARAT_DESKTOP_DISPLAY_H
#define CARAT_DESKTOP_DISPLAY_H

enum display_kind {
    DISPLAY_NONE,
    DISPLAY_X11,
    DISPLAY_WAYLAND, /* also when an X server stands beside it: that one does not see all windows */
};

enum display_kind display_kind(void);

#endif
